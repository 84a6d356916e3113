//! Gates of a version: what its status shows of them, and what is told when they become looser.

use serde_json::{Value, json};

use super::*;
use crate::api::{Gate, Lineage, LoosenedGate, Scope};
use crate::azure::model::resource::Run;
use crate::decide::SourceVersion;
use crate::decide::fixtures::{ago, noon};
use crate::decide::gate::{Champion, Champions};
use crate::decide::model_version::wants_lineage;

fn gates(gates: &Value) -> Vec<Gate> {
    serde_json::from_value(gates.clone()).unwrap()
}

/// It is registered; its run has an rmse of 3.2; these gates are in its manifest.
fn gated(asked: &Value) -> Facts {
    with(|f| {
        f.spec.gates = gates(asked);
        f.status.asset_id.clone_from(&f.asset_id);
        let Look::Found(version) = &mut f.version else { unreachable!() };
        let mut body = serde_json::to_value(&version).unwrap();
        body["systemData"] = json!({"createdAt": "2026-02-01T00:00:00Z"});
        *version = serde_json::from_value(body).unwrap();
        f.status.lineage = Some(Lineage {
            job: Some("train-3".into()),
            run: Some("train-3".into()),
            metrics: [("rmse".to_string(), "3.2".to_string())].into(),
            ..Lineage::default()
        });
    })
}

/// Name, result and summary in a line.
fn shown(facts: &Facts) -> String {
    let status = decide(facts).status;
    let each = status.gates.iter().map(|it| format!("{} {} {:?}", it.name, it.passed, it.reason));
    format!("{} | {}", each.collect::<Vec<_>>().join(", "), status.gates_summary.unwrap_or_default())
}

#[test]
fn gates_are_shown_and_keep_nobody_from_being_ready() {
    let facts = gated(&json!([
        {"name": "bound", "metric": "rmse", "max": "4"}, {"name": "strict", "metric": "rmse", "max": "3"},
        {"name": "flag", "metric": "deploy", "min": "1"},
    ]));
    assert_eq!(
        shown(&facts),
        "bound true WithinBound, strict false OutOfBound, flag false MetricMissing | 1 of 3"
    );
    assert!(decide(&facts).settled);
    assert_eq!(shown(&gated(&json!([]))), " | ");
    // Of another's version nothing is shown.
    let mut others = facts;
    others.status = decide(&others).status;
    found(&mut others).tags.insert("bindery-owner".into(), "prod/other/taxi-3".into());
    others.situation.left_by("other/taxi-3", 0);
    assert_eq!(shown(&others), " | ");
}

#[test]
fn a_gate_says_why_the_metrics_are_not_known() {
    let asked = gates(&json!([{"name": "bound", "metric": "rmse", "max": "4"}]));
    let copy = |change: fn(&mut Facts)| {
        let mut facts = promotion();
        facts.spec.gates.clone_from(&asked);
        found(&mut facts).tags.insert("bindery-job".into(), "train-3".into());
        change(&mut facts);
        facts
    };
    let published_from = |facts: &mut Facts, mark: &str| {
        found(facts).tags.insert("bindery-published-from".into(), mark.into());
    };
    let said = |facts: &Facts| {
        let gate = decide(facts).status.gates.remove(0);
        format!("{:?} {}", gate.reason, gate.message)
    };
    let another = copy(|_| ());
    let another = {
        let mut facts = another;
        published_from(&mut facts, "00000000");
        facts
    };
    assert_eq!(
        said(&another),
        "NotMeasured taxi:3 was not published from ModelVersion fares/taxi-3-dev, which spec.source.modelVersionRef names, or Azure has made that version again since. So the metrics of taxi:3 are not known. Delete this object with deletionPolicy Retain and apply it again with the source that taxi:3 was published from, or promote ModelVersion fares/taxi-3-dev under the next version."
    );
    assert_eq!(
        said(&copy(
            |f| f.source = Some(SourceVersion::Missing { what: "ModelVersion fares/taxi-3-dev".into() })
        )),
        "NotMeasured The metrics of taxi:3 come from ModelVersion fares/taxi-3-dev, which is missing or not ready. Apply it, or look at its conditions; the gate is measured when it is Ready."
    );
    assert_eq!(said(&copy(|_| ())), "NotMeasured The metrics of job train-3 have not been read yet.");
    let existing = copy(|f| f.spec.source = serde_json::from_value(json!({"existing": {}})).unwrap());
    assert_eq!(
        said(&existing),
        "MetricMissing Azure has the run of no training job of taxi:3, which was there already (spec.source.existing), so its metrics are not known. A version has metrics if it was registered from a job in its workspace, or promoted from such a version."
    );
    let by_path = with(|f| {
        f.spec.gates.clone_from(&asked);
        f.spec.source =
            serde_json::from_value(json!({"uri": "azureml://datastores/models/paths/taxi"})).unwrap();
        let uri = f.spec.source.uri.clone();
        let version = found(f);
        (version.job_name, version.model_uri) = (None, uri);
    });
    assert_eq!(
        said(&by_path),
        "MetricMissing No training job of taxi:3 is known, so neither is its rmse. Register it from a job (spec.source.job)."
    );
}

#[test]
fn a_version_is_measured_against_a_champion_until_it_serves() {
    let mut facts = gated(&json!([{
        "name": "best", "metric": "rmse", "against": {"bindingRef": {"name": "taxi"}}, "better": "Lower",
    }]));
    let champion = |version: &str, rmse: &str, since: u64| Champion {
        asset_id: format!("azureml://registries/models/models/taxi/versions/{version}"),
        stable: since == 0,
        since: vec![ago(since)],
        metrics: Some([("rmse".to_string(), rmse.to_string())].into()),
    };
    let own = |since| Champion { asset_id: with(|_| {}).asset_id.unwrap(), ..champion("3", "4", since) };
    let mut serves = |served: Vec<Champion>| {
        let seen = Champions::Seen { name: "taxi".into(), scope: Scope::Stable, served };
        facts.champions = [("best".into(), seen)].into();
        facts.status = decide(&facts).status;
        shown(&facts)
    };
    assert_eq!(serves(vec![]), "best true NoChampion | 1 of 1");
    assert_eq!(serves(vec![champion("1", "3", 0)]), "best false OutOfBound | 0 of 1");
    assert_eq!(serves(vec![champion("2", "9", 0)]), "best true WithinBound | 1 of 1");
    assert_eq!(serves(vec![own(0)]), "best true WithinBound | 1 of 1");
    assert_eq!(serves(vec![champion("4", "1", 0), own(5)]), "best true WithinBound | 1 of 1");
    // Also after its status is lost: it is held against what served before it.
    let mut lost = |served: Vec<Champion>| {
        let seen = Champions::Seen { name: "taxi".into(), scope: Scope::Stable, served };
        facts.champions = [("best".into(), seen)].into();
        facts.status.gates = vec![];
        facts.status = decide(&facts).status;
        shown(&facts)
    };
    assert_eq!(lost(vec![own(0)]), "best true Serves | 1 of 1");
    assert_eq!(lost(vec![own(0), champion("1", "3", 5)]), "best false OutOfBound | 0 of 1");
}

#[test]
fn a_gate_that_becomes_looser_is_told_once_and_remembered() {
    let mut facts = gated(&json!([
        {"name": "bound", "metric": "rmse", "max": "3"}, {"name": "gone", "metric": "rmse", "min": "1"},
        {"name": "strict", "metric": "rmse", "max": "4"},
    ]));
    let told = |facts: &Facts| -> Vec<String> {
        decide(facts).events.into_iter().map(|it| format!("{} {}", it.reason, it.note)).collect()
    };
    assert_eq!(told(&facts), Vec::<String>::new());
    facts.status = decide(&facts).status;
    facts.spec.gates = gates(&json!([
        {"name": "bound", "metric": "rmse", "max": "3.5"}, {"name": "strict", "metric": "rmse", "max": "2"},
    ]));
    assert_eq!(
        told(&facts),
        [
            "GateLoosened Gate gone of taxi:3, which is registered, was removed: it asked for rmse at least 1.",
            "GateLoosened Gate bound of taxi:3, which is registered, was loosened: from rmse at most 3 to rmse at most 3.5.",
        ]
    );
    facts.status = decide(&facts).status;
    assert_eq!(told(&facts), Vec::<String>::new());
    let loosened = |name: &str, was: &str, now: Option<&str>| LoosenedGate {
        name: name.into(),
        was: was.into(),
        now: now.map(Into::into),
        at: noon(),
    };
    let expected = [
        loosened("gone", "rmse at least 1", None),
        loosened("bound", "rmse at most 3", Some("rmse at most 3.5")),
    ];
    assert_eq!(decide(&facts).status.loosened_gates, expected);
    // What a gate asked first is kept, however often it is changed.
    facts.status = decide(&facts).status;
    facts.spec.gates = gates(&json!([
        {"name": "bound", "metric": "rmse", "max": "9"}, {"name": "strict", "metric": "rmse", "max": "2"},
    ]));
    let all = decide(&facts).status.loosened_gates;
    assert_eq!(all.len(), 2);
    assert_eq!(all[0], loosened("bound", "rmse at most 3", Some("rmse at most 9")));
    // Before it is registered, a gate may be changed as people like.
    facts.status.asset_id = None;
    facts.spec.gates = vec![];
    assert_eq!(told(&facts), Vec::<String>::new());
}

#[test]
fn of_a_run_with_many_metrics_those_are_kept_that_gates_ask_for() {
    let all = |what: &str| (0..60).map(|n| (format!("{what}-{n:02}"), n.to_string())).collect();
    let run =
        Run { id: "train-3".into(), metrics: all("metric"), parameters: all("depth"), ..Run::default() };
    let mut facts = with(|f| {
        f.origin.job =
            Look::Found(serde_json::from_value(json!({"name": "train-3", "properties": {}})).unwrap());
        f.origin.run = Look::Found(run);
        f.origin.whole = true;
    });
    let kept = |facts: &Facts| decide(facts).status.lineage.unwrap();
    let lineage = kept(&facts);
    assert_eq!((lineage.metrics.len(), lineage.metric_count), (50, Some(60)));
    assert_eq!((lineage.parameters.len(), lineage.parameter_count), (50, Some(60)));
    assert!(!lineage.metrics.contains_key("metric-59"));
    facts.status = decide(&facts).status;
    assert!(!wants_lineage(&facts.status, &[]));
    // A gate that is added later has the run read again.
    facts.spec.gates = gates(&json!([
        {"name": "g", "metric": "metric-59", "max": "60"}, {"name": "none", "metric": "nope", "max": "60"},
    ]));
    facts.asked_metrics = facts.spec.gates.iter().map(|gate| gate.metric.clone()).collect();
    assert!(wants_lineage(&facts.status, &facts.asked_metrics));
    let lineage = kept(&facts);
    assert_eq!(
        (lineage.metrics.len(), lineage.metrics.get("metric-59").map(String::as_str)),
        (50, Some("59"))
    );
    assert_eq!(lineage.absent_metrics, ["nope"]);
    facts.status = decide(&facts).status;
    assert!(!wants_lineage(&facts.status, &facts.asked_metrics));
    let said = facts.status.gates.iter().map(|it| it.message.as_str()).collect::<Vec<_>>();
    assert_eq!(
        said,
        [
            "metric-59 is 59, and has to be at most 60.",
            "Job train-3 has logged no metric nope. Log it in training, or name another metric.",
        ]
    );
}

#[test]
fn a_job_without_a_run_has_no_metrics_and_the_gate_says_so() {
    let mut facts = with(|f| {
        f.spec.gates = gates(&json!([{"name": "bound", "metric": "rmse", "max": "4"}]));
        f.origin.job =
            Look::Found(serde_json::from_value(json!({"name": "train-3", "properties": {}})).unwrap());
        f.origin.run = Look::Absent;
    });
    let said = |facts: &Facts| decide(facts).status.gates.remove(0).message;
    assert_eq!(said(&facts), "The metrics of job train-3 have not been read yet.");
    facts.origin.whole = true;
    assert_eq!(said(&facts), "Azure has no MLflow run of job train-3, so its metrics are not known.");
}

#[test]
fn the_pipeline_around_a_job_tells_what_all_of_it_began_with() {
    let inputs = |uris: &[(&str, &str)]| {
        let inputs: serde_json::Map<String, Value> =
            uris.iter().map(|(name, uri)| ((*name).to_string(), json!({"uri": uri}))).collect();
        json!({"properties": {"inputs": inputs, "properties": {"mlflow.source.git.commit": "4f2c1d9"}}})
    };
    let trips = "azureml://locations/eastus/workspaces/w/data/trips/versions/4";
    let facts = with(|f| {
        let step = inputs(&[("prepared", "azureml://datastores/d/paths/prepared")]);
        f.origin.job = Look::Found(serde_json::from_value(step).unwrap());
        f.origin.run = Look::Found(Run { id: "train-3".into(), ..Run::default() });
        f.origin.pipelines = vec!["nightly-7".into(), "weekly-2".into()];
        let whole = inputs(&[("again", "azureml://datastores/d/paths/prepared"), ("trips", trips)]);
        f.origin.pipeline = Look::Found(serde_json::from_value(whole).unwrap());
    });
    let lineage = decide(&facts).status.lineage.unwrap();
    assert_eq!(lineage.pipelines, ["nightly-7", "weekly-2"]);
    let told: Vec<String> = lineage
        .datasets
        .iter()
        .map(|it| format!("{} {} {:?} {:?}", it.name, it.uri, it.version, it.pipeline))
        .collect();
    assert_eq!(
        told,
        [
            "prepared azureml://datastores/d/paths/prepared None None".to_string(),
            format!("trips {trips} Some(\"4\") Some(\"weekly-2\")"),
        ]
    );
    assert_eq!(lineage.code.and_then(|code| code.commit).as_deref(), Some("4f2c1d9"));
}
