//! Gates of the workspace and of the version, as rules of admission; and going back to what was stable before.

use serde_json::{Value, json};

use crate::api::{ConditionType, Gate, GateReason, MeasuredGate, Phase, Scope, conditions_of};
use crate::decide::fixtures::{Binding, ago, assert_table, binding, noon, short};
use crate::decide::gate::{Champion, Champions};
use crate::decide::{Place, SourceVersion};

const LETS: &str = "The policy of Workspace production lets taxi:2 serve.";

/// The workspace asks this of gates; the wanted version has this rmse, and these gates of its own.
fn gated(it: Binding, policy: &Value, rmse: Option<&str>, own: Vec<MeasuredGate>) -> Binding {
    it.with(|f| {
        let Place::Ready { policy: asked, .. } = &mut f.place else { unreachable!() };
        asked.gates = Some(serde_json::from_value(policy.clone()).unwrap());
        let SourceVersion::Ready { lineage, gates, .. } = &mut f.version else { unreachable!() };
        lineage.run.clone_from(&lineage.job);
        lineage.metrics = rmse.iter().map(|rmse| ("rmse".to_string(), (*rmse).to_string())).collect();
        *gates = own;
    })
}

fn measured(name: &str, passed: bool, reason: GateReason) -> MeasuredGate {
    let asked = json!({"name": name, "metric": "rmse", "max": "4"});
    let asked: Gate = serde_json::from_value(asked).unwrap();
    MeasuredGate {
        name: name.into(),
        passed,
        reason,
        value: Some("3.2".into()),
        bound: "at most 4".into(),
        message: "rmse is 3.2, and has to be at most 4.".into(),
        asked,
    }
}

/// What `Admitted` says, and the lines of the rules.
fn admitted(it: &Binding) -> (String, Vec<String>) {
    let status = it.decide().status;
    let conditions = conditions_of(&status.conditions);
    let said = conditions.get(ConditionType::Admitted);
    let said = said.map_or_else(String::new, |c| short(&format!("{} {}: {}", c.status, c.reason, c.message)));
    let lines =
        status.admission.iter().map(|it| format!("{} {} | {} | {}", it.rule, it.admitted, it.asks, it.found));
    (said, lines.collect())
}

#[test]
fn a_workspace_asks_for_gates() {
    let bound = json!({"define": [{"name": "bound", "metric": "rmse", "max": "4.0"}]});
    let require = json!({"require": ["bound"]});
    let both = json!({"require": ["bound"], "define": [{"name": "bound", "metric": "rmse", "max": "3"}]});
    let wanting = || binding().wanting("2").serving("1");
    let passed = measured("bound", true, GateReason::WithinBound);
    let all: Vec<(Binding, String, &str)> = vec![
        (gated(wanting(), &bound, Some("3.2"), vec![]), format!("True Succeeded: {LETS}"), "Gate/bound true | rmse at most 4.0 | rmse 3.2"),
        (gated(wanting(), &bound, Some("4.2"), vec![]), "False GateNotPassed: taxi:2 does not pass the gate bound, which Workspace production asks for: rmse is 4.2, and has to be at most 4.0.".into(), "Gate/bound false | rmse at most 4.0 | rmse 4.2"),
        (gated(wanting(), &bound, None, vec![]), "False GateNotPassed: taxi:2 does not pass the gate bound, which Workspace production asks for: Job train-2 has logged no metric rmse. Log it in training, or name another metric.".into(), "Gate/bound false | rmse at most 4.0 | Job train-2 has logged no metric rmse. Log it in training, or name another metric"),
        (gated(wanting(), &require, Some("9"), vec![passed.clone()]), format!("True Succeeded: {LETS}"), "Gate/bound true | rmse at most 4, by a gate that the team has set itself | rmse 3.2"),
        (gated(wanting(), &require, Some("9"), vec![]), "False GateNotPassed: Workspace production serves only versions that have a gate bound and pass it, and taxi:2 has none of that name. Add it to spec.gates of the version.".into(), "Gate/bound false | a gate bound of the version, passed | no gate of that name"),
        (gated(wanting(), &require, Some("9"), vec![measured("bound", false, GateReason::OutOfBound)]), "False GateNotPassed: taxi:2 does not pass the gate bound, which Workspace production asks for: rmse is 3.2, and has to be at most 4.".into(), "Gate/bound false | rmse at most 4, by a gate that the team has set itself | rmse 3.2"),
        // What is not measured yet is waited for.
        (gated(wanting(), &require, None, vec![measured("bound", false, GateReason::NotMeasured)]), "False ReferenceNotReady: taxi:2 does not pass the gate bound, which Workspace production asks for: rmse is 3.2, and has to be at most 4.".into(), "Gate/bound false | rmse at most 4, by a gate that the team has set itself | rmse 3.2"),
        // Of two gates of one name the workspace's own counts.
        (gated(wanting(), &both, Some("3.2"), vec![passed]), "False GateNotPassed: taxi:2 does not pass the gate bound, which Workspace production asks for: rmse is 3.2, and has to be at most 3.".into(), "Gate/bound false | rmse at most 3 | rmse 3.2"),
    ];
    for (it, said, line) in all {
        assert_eq!(admitted(&it), (said, vec![line.to_string()]));
    }
}

/// The workspace holds every version against what serves; version 1 has an rmse of 3, version 2 this one.
fn competing(it: Binding, rmse: &str, served: &[&str], stable: &str) -> Binding {
    let asset = |version: &&str| format!("azureml://registries/models/models/taxi/versions/{version}");
    let policy = json!({"define": [{"name": "best", "metric": "rmse", "against": {"scope": "Stable"}, "better": "Lower"}]});
    gated(it, &policy, Some(rmse), vec![]).with(|f| {
        let champion = |version: &&str| Champion {
            asset_id: asset(version),
            stable: *version == stable,
            since: vec![noon()],
            metrics: Some([("rmse".to_string(), "3".to_string())].into()),
        };
        let served = served.iter().map(champion).collect();
        let name = "this binding".into();
        f.champions = [("best".into(), Champions::Seen { name, scope: Scope::Stable, served })].into();
    })
}

#[test]
fn a_candidate_that_is_worse_than_what_serves_rises_no_further() {
    let steps = json!([{"setTraffic": 10}, {"pause": {"for": "10m"}}, {"setTraffic": 50}]);
    let rollout = || binding().wanting("2").steps(steps.clone()).serving("1").candidate("2", 10, 6000);
    let worse = "taxi:2 does not pass the gate best, which Workspace production asks for: rmse is 3.5, and has to be at most 3 (taxi:1, which this binding serves, has 3).";
    assert_table(&[
        (
            "worse",
            competing(rollout(), "3.5", &["1"], "1").decide(),
            &format!("False GateNotPassed stalled | {worse} | interval"),
        ),
        (
            "as good",
            competing(rollout(), "3", &["1"], "1").decide(),
            "False Progressing working | -> move 50 % of the traffic to v2 | now",
        ),
        (
            "what serves is not held against itself",
            competing(binding().wanting("2").serving("2"), "9", &["2"], "2").decide(),
            "True Succeeded settled | v2 serves all the traffic of taxi. | interval",
        ),
    ]);
    let held = |it: Binding| {
        let status = it.decide().status;
        let conditions = conditions_of(&status.conditions);
        let progressing = conditions.get(ConditionType::Progressing).unwrap();
        (status.phase.unwrap(), progressing.status == "True", progressing.reason.clone())
    };
    assert_eq!(
        held(competing(rollout(), "3.5", &["1"], "1")),
        (Phase::Pausing, false, "GateNotPassed".to_string())
    );
    assert_eq!(
        held(competing(rollout(), "3", &["1"], "1")),
        (Phase::Shifting, true, "Progressing".to_string())
    );
    // The paragraph stands in Ready and in Admitted; Progressing refers to it.
    let status = competing(rollout(), "3.5", &["1"], "1").decide().status;
    let conditions = conditions_of(&status.conditions);
    let said = |kind| conditions.get(kind).unwrap().message.clone();
    assert!(said(ConditionType::Ready).contains("rmse is 3.5"), "{}", said(ConditionType::Ready));
    assert_eq!(said(ConditionType::Ready), said(ConditionType::Admitted));
    assert_eq!(
        said(ConditionType::Progressing),
        "The policy of Workspace production keeps the rollout where it is; see the condition Admitted."
    );
    // A gate that cannot be measured holds the candidate, too.
    let unmeasured = competing(rollout(), "3", &["1"], "1").with(|f| {
        f.champions.insert("best".into(), Champions::Unseen("this binding".into()));
    });
    assert_eq!(held(unmeasured), (Phase::Pausing, false, "ReferenceNotReady".to_string()));
}

/// To what was stable here before one may go back, whatever would be asked of it if it came anew.
#[test]
fn going_back_needs_no_gate_and_no_new_approval() {
    let asks = |f: &mut crate::decide::deployment_binding::Facts| {
        let Place::Ready { policy, .. } = &mut f.place else { unreachable!() };
        policy.approvals = Some(serde_json::from_value(json!({"fromNamespaces": ["risk"]})).unwrap());
        policy.lineage = Some(crate::api::LineageRequirement::Verified);
        policy.gates = Some(
            serde_json::from_value(
                json!({"require": ["other"], "define": [{"name": "bound", "metric": "rmse", "max": "1"}]}),
            )
            .unwrap(),
        );
    };
    // Version 2 was stable before version 1.
    let was_stable = |it: Binding| {
        let promoted = it.clone().serving("2").0.status.history[0].clone();
        it.with(|f| f.status.history.push(promoted))
    };
    let back = || was_stable(binding().wanting("2").serving("1").previous("2", 60)).with(asks);
    assert_table(&[(
        "by the manifest",
        back().decide(),
        "False Progressing working | -> give v2 all the traffic and make it the stable one | now",
    )]);
    let (said, lines) = admitted(&back());
    assert_eq!(said, format!("True Succeeded: {LETS}"));
    assert!(
        lines.iter().all(|line| line.contains(" true ") && line.contains("does not stop going back")),
        "{lines:?}"
    );
    // When it has come back, the rules are not satisfied, and the binding says why it serves all the same.
    let has_come_back = || was_stable(binding().wanting("2").serving("2")).with(asks);
    let (said, lines) = admitted(&has_come_back());
    assert!(said.starts_with("False PolicyRefused: "), "{said}");
    assert!(
        said.ends_with(" It serves because the traffic went back to what was stable here before; what was not asked then is asked again only for a new rollout."),
        "{said}"
    );
    let not_asked = "; this was not asked when the traffic went back to this version, and is asked again only for a new rollout";
    let gates: Vec<&String> = lines.iter().filter(|it| it.starts_with("Gate/")).collect();
    assert!(
        gates.len() == 2 && gates.iter().all(|it| it.contains(" false ") && it.ends_with(not_asked)),
        "{lines:?}"
    );
    // What serves since it came here first has not gone back.
    let (said, lines) = admitted(&binding().wanting("2").serving("2").with(asks));
    assert!(said.starts_with("False ") && !said.contains("went back"), "{said}");
    assert!(lines.iter().all(|it| !it.contains("went back")), "{lines:?}");
    // Anew it would not come here.
    let anew = binding().wanting("2").serving("1").with(asks);
    assert!(admitted(&anew).0.starts_with("False PolicyRefused"), "{:?}", admitted(&anew));
    // A revision that failed, or was given up, has not been stable.
    let failed = was_stable(binding().wanting("2").serving("1"))
        .with(asks)
        .with(|f| f.status.history.last_mut().unwrap().outcome = crate::api::Outcome::Superseded);
    assert!(admitted(&failed).0.starts_with("False PolicyRefused"));
    // What speaks against it today stops it all the same.
    let elsewhere = back().with(|f| {
        let Place::Ready { policy, .. } = &mut f.place else { unreachable!() };
        policy.sources = vec![crate::decide::fixtures::registry_as_source("other")];
    });
    assert!(
        admitted(&elsewhere)
            .0
            .starts_with("False PolicyRefused: Workspace production serves only versions from other")
    );
}

/// Going back is free where nothing is known that speaks against it; and what is in a workspace may be made again.
#[test]
fn going_back_asks_what_became_of_the_approvals_and_of_the_files() {
    use crate::api::KnownApproval;
    let asking = |it: Binding, policy: Value| {
        it.with(|f| {
            let Place::Ready { policy: asked, .. } = &mut f.place else { unreachable!() };
            asked.approvals = Some(serde_json::from_value(policy).unwrap());
        })
    };
    let stable_before = |it: Binding| {
        let promoted = it.clone().serving("2").0.status.history[0].clone();
        it.with(|f| f.status.history.push(promoted))
    };
    let cold = || stable_before(binding().wanting("2").serving("1"));
    let warm = || binding().wanting("2").serving("1").previous("2", 60);
    let asset = "azureml://registries/models/models/taxi/versions/2";
    let had = |it: Binding, expires: Option<u64>| {
        it.with(|f| {
            f.status.approvals.push(KnownApproval {
                asset_id: asset.into(),
                namespace: "risk".into(),
                name: "ada".into(),
                by: "ada".into(),
                expires_at: expires.map(ago),
                withdrawn_at: None,
            });
        })
    };
    let keep = json!({"fromNamespaces": ["risk"]});
    let back = json!({"fromNamespaces": ["risk"], "onWithdrawal": "RollBack"});
    let goes = |it: &Binding| admitted(it).0.starts_with("True");
    assert!(
        goes(&asking(warm(), keep.clone())),
        "nobody remembers that it was approved, and its deployment is there"
    );
    assert!(!goes(&asking(cold(), keep.clone())), "what became of its approval nobody remembers");
    assert!(
        goes(&asking(had(cold(), Some(60)), keep)),
        "its approval has ended, and production keeps serving then"
    );
    assert!(!goes(&asking(had(warm(), Some(60)), back.clone())), "it would be taken away again");
    assert!(goes(&asking(had(warm(), None), back)), "an absence that nobody has seen arise");

    // A version in a workspace, promoted at noon: its files count as those only if Azure made it before.
    let in_workspace = |made: Option<u64>| {
        let it = binding()
            .with(|f| {
                f.version = crate::decide::fixtures::version("2", None);
                let SourceVersion::Ready { id, .. } = &mut f.version else { unreachable!() };
                *id = crate::azure::model::ResourceId::workspace("s", "rg", "production")
                    .model_version("taxi", "2");
            })
            .serving("1")
            .with(|f| {
                let SourceVersion::Ready { asset_id, version, .. } = &f.version else { unreachable!() };
                let revision = crate::decide::rollout::Revision::of(asset_id, &f.spec.online.deployment);
                let mut promoted = f.status.history[0].clone();
                promoted.revision = revision.to_string();
                promoted.version = Some(version.clone());
                f.status.history.push(promoted);
                f.made = made.map(ago);
            });
        it.with(|f| {
            let Place::Ready { policy, .. } = &mut f.place else { unreachable!() };
            policy.gates = Some(serde_json::from_value(json!({"require": ["other"]})).unwrap());
        })
    };
    assert!(goes(&in_workspace(Some(60))));
    assert!(!goes(&in_workspace(None)), "nobody can say");
    let later = in_workspace(Some(0)).with(|f| f.made = Some(noon() + std::time::Duration::from_secs(1)));
    assert!(!goes(&later), "other files");
}

/// Of a copy whose object names another source only the tags in Azure tell the job, and no run.
#[test]
fn a_gate_of_the_place_says_why_the_metrics_of_a_copy_are_not_known() {
    let bound = json!({"define": [{"name": "bound", "metric": "rmse", "max": "4.0"}]});
    let it = gated(binding().wanting("2").serving("1"), &bound, None, vec![]).with(|f| {
        let SourceVersion::Ready { lineage, .. } = &mut f.version else { unreachable!() };
        lineage.run = None;
    });
    let because = "The metrics of taxi:2 are not known, because ModelVersion taxi-2 names no source that taxi:2 was published from and that can be read. Correct the source in a new ModelVersion for taxi:2, and name that one in spec.model.versionRef.";
    let said = format!(
        "False ReferenceNotReady: taxi:2 does not pass the gate bound, which Workspace production asks for: {because}"
    );
    assert_eq!(admitted(&it).0, said);
    let promoted = it.with(|f| {
        let SourceVersion::Ready { lineage, .. } = &mut f.version else { unreachable!() };
        lineage.promoted_from.push("/subscriptions/s/x".into());
    });
    assert!(admitted(&promoted).0.ends_with(": The metrics of job train-2 have not been read yet."));
}
