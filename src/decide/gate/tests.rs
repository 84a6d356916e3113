//! Gates, held against metrics and champions.

#![allow(clippy::unwrap_used)]

use serde_json::{Value, json};

use super::*;
use crate::decide::fixtures::ago;

const OWN: &str = "azureml://registries/models/models/taxi/versions/3";

fn asset(version: &str) -> String {
    format!("azureml://registries/models/models/taxi/versions/{version}")
}

fn gate(rest: &Value) -> Gate {
    let mut whole = json!({"name": "g", "metric": "rmse"});
    whole.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
    serde_json::from_value(whole).unwrap()
}

fn lineage(metrics: &Value) -> Lineage {
    serde_json::from_value(json!({"job": "train-3", "run": "train-3", "metrics": metrics})).unwrap()
}

/// What binding `taxi` serves now and served before, each with its rmse, the latest first.
fn champions(served: &[(&str, Option<&str>)]) -> Champions {
    let scope = Scope::History;
    let champion = |(at, (version, rmse)): (usize, &(&str, Option<&str>))| Champion {
        asset_id: asset(version),
        stable: at == 0,
        since: vec![ago(10 * u64::try_from(at).unwrap())],
        metrics: rmse.map(|rmse| [("rmse".to_string(), rmse.to_string())].into()),
    };
    Champions::Seen {
        name: "DeploymentBinding taxi".into(),
        scope,
        served: served.iter().enumerate().map(champion).collect(),
    }
}

fn measure(gate: &Gate, lineage: Option<&Lineage>, champions: &Champions) -> String {
    let of = Measuring { title: "taxi:3", asset_id: Some(OWN), lineage, made: None, because: None };
    let it = Asked::from(gate).measure(of, champions, None);
    format!("{} {:?} [{}] {}", it.passed, it.reason, it.bound, it.message)
}

#[test]
fn a_metric_is_held_against_numbers() {
    let nobody = Champions::none("nothing");
    let of =
        |bounds: Value, rmse: Value| measure(&gate(&bounds), Some(&lineage(&json!({"rmse": rmse}))), &nobody);
    for (bounds, rmse, expected) in [
        (
            json!({"max": "4.0"}),
            "3.2",
            "true WithinBound [at most 4.0] rmse is 3.2, and has to be at most 4.0.",
        ),
        (json!({"max": "4.0"}), "4", "true WithinBound [at most 4.0] rmse is 4, and has to be at most 4.0."),
        (
            json!({"max": "4.0"}),
            "4.1",
            "false OutOfBound [at most 4.0] rmse is 4.1, and has to be at most 4.0.",
        ),
        (json!({"min": "1"}), "0", "false OutOfBound [at least 1] rmse is 0, and has to be at least 1."),
        (
            json!({"min": "-1", "max": "1"}),
            "-1.5e0",
            "false OutOfBound [at least -1 and at most 1] rmse is -1.5e0, and has to be at least -1 and at most 1.",
        ),
        (json!({"max": "4.0"}), "NaN", "false NotANumber [at most 4.0] rmse is NaN, which is no number."),
        (
            json!({"max": "4.0"}),
            "Infinity",
            "false NotANumber [at most 4.0] rmse is Infinity, which is no number.",
        ),
        (json!({"max": "4.0"}), "many", "false NotANumber [at most 4.0] rmse is many, which is no number."),
        (
            json!({}),
            "1",
            "false NotMeasured [] This version of Bindery does not know what the gate holds rmse against.",
        ),
    ] {
        assert_eq!(of(bounds.clone(), json!(rmse)), expected, "{bounds} {rmse}");
    }
}

#[test]
fn a_metric_that_is_not_there_does_not_pass() {
    let (nobody, gate) = (Champions::none("nothing"), gate(&json!({"max": "4"})));
    let unread: Lineage = serde_json::from_value(json!({"job": "train-3"})).unwrap();
    let cut = Lineage { metric_count: Some(83), ..lineage(&json!({"mae": "1"})) };
    let looked = Lineage { absent_metrics: vec!["rmse".into()], ..cut.clone() };
    for (lineage, expected) in [
        (
            Some(&looked),
            "MetricMissing [at most 4] Job train-3 has logged no metric rmse. Log it in training, or name another metric.",
        ),
        (
            None,
            "MetricMissing [at most 4] No training job of taxi:3 is known, so neither is its rmse. Register it from a job (spec.source.job).",
        ),
        (Some(&unread), "NotMeasured [at most 4] The metrics of job train-3 have not been read yet."),
        (
            Some(&lineage(&json!({"mae": "1"}))),
            "MetricMissing [at most 4] Job train-3 has logged no metric rmse. Log it in training, or name another metric.",
        ),
        (
            Some(&cut),
            "MetricMissing [at most 4] Job train-3 has logged 83 metrics, and rmse is not among the 1 that are kept. The ModelVersion that was registered from the job keeps the metrics that gates ask for; it is missing, or gates ask for more than it can keep.",
        ),
    ] {
        assert_eq!(measure(&gate, lineage, &nobody), format!("false {expected}"));
    }
}

#[test]
fn a_version_is_held_against_what_serves() {
    let against = |rest: Value| {
        let mut whole = json!({"against": {"bindingRef": {"name": "taxi"}}, "better": "Lower"});
        whole.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        gate(&whole)
    };
    let three = [("2", Some("3.2")), ("1", Some("3.0"))];
    let (one, both) = (champions(&three[..1]), champions(&three));
    let rising = champions(&[("2", Some("3.0")), ("1", Some("3.2"))]);
    let alike = champions(&[("2", Some("3.0")), ("1", Some("3"))]);
    for (rest, rmse, champions, expected) in [
        (
            json!({}),
            "3.2",
            &one,
            "true WithinBound [at most 3.2 (taxi:2, which DeploymentBinding taxi serves, has 3.2)] rmse is 3.2, and has to be at most 3.2 (taxi:2, which DeploymentBinding taxi serves, has 3.2).",
        ),
        (
            json!({}),
            "3.3",
            &one,
            "false OutOfBound [at most 3.2 (taxi:2, which DeploymentBinding taxi serves, has 3.2)] rmse is 3.3, and has to be at most 3.2 (taxi:2, which DeploymentBinding taxi serves, has 3.2).",
        ),
        (
            json!({"by": "0.1"}),
            "3.1",
            &one,
            "true WithinBound [at most 3.1 (taxi:2, which DeploymentBinding taxi serves, has 3.2, and the margin is 0.1)] rmse is 3.1, and has to be at most 3.1 (taxi:2, which DeploymentBinding taxi serves, has 3.2, and the margin is 0.1).",
        ),
        (
            json!({"better": "Higher", "by": "0.1"}),
            "3.3",
            &one,
            "true WithinBound [at least 3.3 (taxi:2, which DeploymentBinding taxi serves, has 3.2, and the margin is 0.1)] rmse is 3.3, and has to be at least 3.3 (taxi:2, which DeploymentBinding taxi serves, has 3.2, and the margin is 0.1).",
        ),
        (
            json!({}),
            "3.1",
            &both,
            "false OutOfBound [at most 3.0 (taxi:1, which DeploymentBinding taxi has served, has 3.0)] rmse is 3.1, and has to be at most 3.0 (taxi:1, which DeploymentBinding taxi has served, has 3.0).",
        ),
        (
            json!({"better": "Higher"}),
            "3.1",
            &alike,
            "true WithinBound [at least 3.0 (taxi:2, which DeploymentBinding taxi serves, has 3.0)] rmse is 3.1, and has to be at least 3.0 (taxi:2, which DeploymentBinding taxi serves, has 3.0).",
        ),
        (
            json!({"better": "Higher"}),
            "3.1",
            &rising,
            "false OutOfBound [at least 3.2 (taxi:1, which DeploymentBinding taxi has served, has 3.2)] rmse is 3.1, and has to be at least 3.2 (taxi:1, which DeploymentBinding taxi has served, has 3.2).",
        ),
        (
            json!({"better": "Higher"}),
            "3.1",
            &both,
            "false OutOfBound [at least 3.2 (taxi:2, which DeploymentBinding taxi serves, has 3.2)] rmse is 3.1, and has to be at least 3.2 (taxi:2, which DeploymentBinding taxi serves, has 3.2).",
        ),
        (
            json!({}),
            "9",
            &champions(&[]),
            "true NoChampion [no worse than what DeploymentBinding taxi serves, where lower is better] DeploymentBinding taxi serves nothing yet that taxi:3 could be held against.",
        ),
        (
            json!({}),
            "NaN",
            &champions(&[]),
            "false NotANumber [no worse than what DeploymentBinding taxi serves, where lower is better] rmse is NaN, which is no number.",
        ),
        (
            json!({}),
            "1",
            &champions(&[("2", None)]),
            "false NoChampionMetric [no worse than what DeploymentBinding taxi serves, where lower is better] taxi:2, which DeploymentBinding taxi serves, has no metric rmse that is a number, so taxi:3 cannot be compared. A gate with min or max needs nothing to compare with.",
        ),
        (
            json!({}),
            "1",
            &champions(&[("2", Some("NaN")), ("1", None)]),
            "false NoChampionMetric [no worse than what DeploymentBinding taxi serves, where lower is better] taxi:2, taxi:1, which DeploymentBinding taxi serves or has served, have no metric rmse that is a number, so taxi:3 cannot be compared. A gate with min or max needs nothing to compare with.",
        ),
        (
            json!({}),
            "1",
            &Champions::NoBinding("taxi".into()),
            "false NoBinding [no worse than what taxi serves, where lower is better] There is no DeploymentBinding taxi in this namespace. Apply it, or name another in against.bindingRef.",
        ),
        (
            json!({}),
            "1",
            &Champions::Unseen("DeploymentBinding taxi".into()),
            "false NotMeasured [no worse than what DeploymentBinding taxi serves, where lower is better] What DeploymentBinding taxi serves is not known yet; the gate is measured when it is.",
        ),
    ] {
        let metrics = lineage(&json!({"rmse": rmse}));
        assert_eq!(measure(&against(rest.clone()), Some(&metrics), champions), expected, "{rest} {rmse}");
    }
}

#[test]
fn a_gate_with_numbers_needs_nobody_to_compare_with() {
    let metrics = lineage(&json!({"rmse": "3"}));
    for nobody in [Champions::Unseen("taxi".into()), Champions::NoBinding("taxi".into())] {
        let said = measure(&gate(&json!({"max": "4"})), Some(&metrics), &nobody);
        assert!(said.starts_with("true WithinBound"), "{said}");
    }
}

#[test]
fn what_a_gate_asks_in_words() {
    let against = |scope: &str| {
        gate(&json!({"against": {"bindingRef": {"name": "taxi"}, "scope": scope}, "better": "Lower"}))
    };
    assert_eq!(in_words(&gate(&json!({"max": "4"}))), "rmse at most 4");
    assert_eq!(
        in_words(&against("Stable")),
        "rmse no worse than what DeploymentBinding taxi serves, where lower is better"
    );
    assert_eq!(
        in_words(&against("History")),
        "rmse no worse than what each version of DeploymentBinding taxi serves, where lower is better"
    );
}

#[test]
fn what_serves_is_not_held_against_itself() {
    let gate = gate(&json!({"against": {"bindingRef": {"name": "taxi"}}, "better": "Lower"}));
    let metrics = lineage(&json!({"rmse": "9"}));
    let of = Measuring {
        title: "taxi:3",
        asset_id: Some(OWN),
        lineage: Some(&metrics),
        made: None,
        because: None,
    };
    let passed = Asked::from(&gate).measure(of, &Champions::none("taxi"), None);
    assert_eq!((passed.passed, passed.reason), (true, GateReason::NoChampion));
    let failed = Measured { passed: false, reason: GateReason::OutOfBound, ..passed.clone() };
    let unmeasured = Measured { passed: false, reason: GateReason::NotMeasured, ..passed.clone() };
    // It serves; and, where another serves since then that is better: it has served.
    for champions in [champions(&[("3", Some("9"))]), champions(&[("4", Some("1")), ("3", Some("9"))])] {
        for (before, expected) in [
            (Some(&passed), (true, GateReason::NoChampion)),
            (Some(&failed), (false, GateReason::OutOfBound)),
            (Some(&unmeasured), (true, GateReason::Serves)),
            (None, (true, GateReason::Serves)),
        ] {
            let it = Asked::from(&gate).measure(of, &champions, before);
            assert_eq!((it.passed, it.reason), expected, "{before:?}");
        }
    }
    let it = Asked::from(&gate).measure(of, &champions(&[("3", Some("9"))]), Some(&passed));
    assert_eq!(
        it.message,
        "DeploymentBinding taxi served nothing yet that taxi:3 could have been held against."
    );
    // Before it has served, it is measured again whenever the champion changes.
    let it = Asked::from(&gate).measure(of, &champions(&[("4", Some("1"))]), Some(&passed));
    assert_eq!((it.passed, it.reason), (false, GateReason::OutOfBound));
}

/// After the last result is lost, and for a gate of a place, which has no memory.
#[test]
fn what_serves_is_held_against_what_served_before_it() {
    let metrics = lineage(&json!({"rmse": "5"}));
    let of = Measuring {
        title: "taxi:3",
        asset_id: Some(OWN),
        lineage: Some(&metrics),
        made: None,
        because: None,
    };
    let gate = gate(&json!({"against": {"bindingRef": {"name": "taxi"}}, "better": "Lower"}));
    let two = "OutOfBound rmse is 5, and had to be at most 4 (taxi:2, which DeploymentBinding taxi has served, has 4).";
    let nobody = "Serves DeploymentBinding taxi serves this version, or has served it, so the gate does not measure it now. No result from before that is known: the gate was added later, or its result is lost.";
    for (scope, served, expected) in [
        (Scope::Stable, vec![("3", "5"), ("2", "4"), ("1", "1")], two),
        (Scope::Stable, vec![("4", "2"), ("3", "5"), ("2", "4"), ("1", "1")], two),
        (
            Scope::History,
            vec![("3", "5"), ("2", "4"), ("1", "1")],
            "OutOfBound rmse is 5, and had to be at most 1 (taxi:1, which DeploymentBinding taxi has served, has 1).",
        ),
        (
            Scope::Stable,
            vec![("4", "2"), ("3", "5"), ("2", "6"), ("1", "1")],
            "WithinBound rmse is 5, and had to be at most 6 (taxi:2, which DeploymentBinding taxi has served, has 6).",
        ),
        (Scope::Stable, vec![("3", "5")], nobody),
        (Scope::History, vec![("3", "5"), ("2", "none"), ("1", "1")], nobody),
    ] {
        let served: Vec<_> = served.iter().map(|(version, rmse)| (*version, Some(*rmse))).collect();
        let Champions::Seen { name, served, .. } = champions(&served) else { unreachable!() };
        let it = Asked::from(&gate).measure(of, &Champions::Seen { name, scope, served }, None);
        assert_eq!(format!("{:?} {}", it.reason, it.message), expected, "{scope:?}");
    }
    // 1, then 2, then 1 again: 3 was held against 1.
    let Champions::Seen { name, mut served, .. } =
        champions(&[("3", Some("5")), ("2", Some("4")), ("1", Some("1"))])
    else {
        unreachable!()
    };
    served[2].since.push(ago(5));
    let it = Asked::from(&gate).measure(of, &Champions::Seen { name, scope: Scope::Stable, served }, None);
    assert_eq!(it.bound, "at most 1 (taxi:1, which DeploymentBinding taxi has served, has 1)");
}

#[test]
fn a_gate_is_looser_where_it_lets_more_pass() {
    let others = |rest: Value| {
        let mut whole = json!({"against": {"bindingRef": {"name": "taxi"}}, "better": "Lower"});
        whole.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        whole
    };
    let history = json!({"against": {"bindingRef": {"name": "taxi"}, "scope": "History"}});
    for (before, now, looser) in [
        (json!({"max": "4.0"}), Some(json!({"max": "4"})), false),
        (json!({"max": "4.0"}), Some(json!({"max": "3.9"})), false),
        (json!({"max": "4.0"}), Some(json!({"max": "4.0", "min": "1"})), false),
        (json!({"max": "4.0"}), Some(json!({"max": "4.1"})), true),
        (json!({"max": "4.0"}), Some(json!({"min": "1"})), true),
        (json!({"min": "1"}), Some(json!({"min": "0.9"})), true),
        (json!({"max": "4.0"}), Some(json!({"max": "4.0", "metric": "mae"})), true),
        (json!({"max": "4.0"}), Some(others(json!({}))), true),
        (json!({"max": "4.0"}), None, true),
        (others(json!({})), Some(others(json!({"by": "0"}))), false),
        (others(json!({"by": "0.2"})), Some(others(json!({"by": "0.1"}))), true),
        (others(json!({})), Some(others(history.clone())), false),
        (others(history), Some(others(json!({}))), true),
        (others(json!({})), Some(others(json!({"better": "Higher"}))), true),
        (others(json!({})), Some(others(json!({"against": {"bindingRef": {"name": "other"}}}))), true),
        (others(json!({})), Some(json!({"max": "4"})), true),
    ] {
        let after = now.as_ref().map(gate);
        assert_eq!(is_looser(&gate(&before), after.as_ref()), looser, "{before} {now:?}");
    }
}

/// The number of a version in a workspace can be made again.
#[test]
fn other_files_under_the_number_of_what_has_served_are_measured() {
    let own = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.MachineLearningServices/workspaces/w/models/taxi/versions/3";
    let gate = gate(&json!({"against": {"bindingRef": {"name": "taxi"}}, "better": "Lower"}));
    let metrics = lineage(&json!({"rmse": "9"}));
    let served = |asset_id: &str, stable, since, rmse: &str| Champion {
        asset_id: asset_id.into(),
        stable,
        since: vec![ago(since)],
        metrics: Some([("rmse".into(), rmse.into())].into()),
    };
    let seen = |served| Champions::Seen { name: "taxi".into(), scope: Scope::Stable, served };
    let champions = seen(vec![served(&asset("2"), true, 5, "1"), served(own, false, 60, "9")]);
    for (made, reason) in [
        (Some(ago(61)), GateReason::Serves),
        (Some(ago(59)), GateReason::OutOfBound),
        (None, GateReason::OutOfBound),
    ] {
        let of =
            Measuring { title: "taxi:3", asset_id: Some(own), lineage: Some(&metrics), made, because: None };
        assert_eq!(Asked::from(&gate).measure(of, &champions, None).reason, reason, "{made:?}");
    }
    // Where what serves has that number, its own metrics are those of the other files.
    let champions = seen(vec![served(own, true, 60, "9")]);
    let of = Measuring {
        title: "taxi:3",
        asset_id: Some(own),
        lineage: Some(&metrics),
        made: Some(ago(59)),
        because: None,
    };
    let it = Asked::from(&gate).measure(of, &champions, None);
    assert_eq!((it.passed, it.reason), (false, GateReason::NoChampionMetric));
}
