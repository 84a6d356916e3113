//! Whose approval a version needs, and what follows when that is gone.

use serde_json::{Value, json};

use crate::api::{
    ConditionType, DeploymentBindingStatus, Hold, KnownApproval, Outcome, PastRollout, conditions_of,
};
use crate::azure::model::ResourceId;
use crate::decide::approval::tally::Ballot;
use crate::decide::deployment_binding::Facts;
use crate::decide::fixtures::{Binding, ago, assert_table, batch, binding, noon, short, told};
use crate::decide::{Decision, Place, SourceVersion};

/// The asset of a version in the registry.
fn asset(number: &str) -> String {
    format!("azureml://registries/models/models/taxi/versions/{number}")
}

/// The workspace of tier `production` asks for approvals from `risk` and `audit`, by more than the default where `more` says.
pub(super) fn asking(it: Binding, more: &Value) -> Binding {
    let mut policy = json!({"fromNamespaces": ["risk", "audit"]});
    policy.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    it.with(|f| {
        let Place::Ready { policy: found, .. } = &mut f.place else { unreachable!() };
        found.approvals = Some(serde_json::from_value(policy).unwrap());
        found.tier = Some("production".into());
    })
}

/// Ada of `risk` approves this version, but for what `change` says.
pub(super) fn decided(it: Binding, number: &str, change: impl FnOnce(&mut Ballot)) -> Binding {
    let mut ballot = Ballot {
        namespace: "risk".into(),
        name: format!("ada-{number}"),
        by: "ada".into(),
        approves: true,
        tiers: vec![],
        expires_at: None,
        written: ago(3600),
        asset_created_at: None,
        waives: vec![],
        reason: None,
    };
    change(&mut ballot);
    it.with(|f| f.approvals.ballots.push((asset(number), ballot)))
}

/// The status remembers that Ada had approved this version, and since when that approval is known to be deleted.
fn had_approval(it: Binding, number: &str, withdrawn: Option<u64>) -> Binding {
    it.with(|f| {
        f.status.approvals.push(KnownApproval {
            asset_id: asset(number),
            namespace: "risk".into(),
            name: format!("ada-{number}"),
            by: "ada".into(),
            expires_at: None,
            withdrawn_at: withdrawn.map(ago),
        });
    })
}

fn admitted(decision: &Decision<DeploymentBindingStatus>) -> String {
    let conditions = conditions_of(&decision.status.conditions);
    let said = conditions.get(ConditionType::Admitted);
    said.map_or_else(|| "absent".into(), |c| short(&format!("{} {}: {}", c.status, c.reason, c.message)))
}

fn two() -> Value {
    json!({"count": 2})
}

#[test]
fn enough_different_people_have_to_approve() {
    let yes = "True Succeeded: The policy of Workspace production lets taxi:1 serve.";
    let ask = "Workspace production serves only what is approved: an Approval from namespaces risk, audit, for tier production; taxi:1 has none.";
    let how = "Approve it with an Approval whose spec.assetId is azureml://registries/models/models/taxi/versions/1.";
    let no = |why: &str| format!("False NotApproved: {ask}{why} {how}");
    let ask_two = "Workspace production serves only what is approved: Approvals of 2 different people from namespaces risk, audit, for tier production; taxi:1 has 1 of 2.";
    let one = |it: Binding| decided(it, "1", |_| ());
    let not = "Approval risk/ada-1 of ada does not count:";
    let all: Vec<(&str, Binding, String)> = vec![
        ("nobody is asked", binding(), yes.into()),
        ("nobody has approved", asking(binding(), &json!({})), no("")),
        ("one has", one(asking(binding(), &json!({}))), yes.into()),
        (
            "for this tier",
            decided(asking(binding(), &json!({})), "1", |b| b.tiers = vec!["staging".into(), "production".into()]),
            yes.into(),
        ),
        (
            "for another tier",
            decided(asking(binding(), &json!({})), "1", |b| b.tiers = vec!["Production".into()]),
            no(&format!(" {not} spec.tiers does not name the tier of that Workspace.")),
        ),
        (
            "in a namespace of their own",
            decided(asking(binding(), &json!({})), "1", |b| b.namespace = "fares".into()),
            no(""),
        ),
        (
            "until a moment ago",
            decided(asking(binding(), &json!({})), "1", |b| b.expires_at = Some(ago(0))),
            no(&format!(" {not} it ended at 2026-03-01T12:00:00Z.")),
        ),
        (
            "nobody has, and one of the namespaces is not watched",
            asking(binding(), &json!({})).with(|f| f.approvals.unwatched = vec!["audit".into()]),
            no(" Approvals from audit are not seen: the operator does not watch that. Have it added to --watch-namespaces (watchNamespaces in the chart's values)."),
        ),
        (
            "one has, and another of the namespaces is not watched",
            one(asking(binding(), &json!({}))).with(|f| f.approvals.unwatched = vec!["audit".into()]),
            yes.into(),
        ),
        ("another version", decided(asking(binding(), &json!({})), "2", |_| ()), no("")),
        ("one of two", one(asking(binding(), &two())), format!("False NotApproved: {ask_two} {how}")),
        (
            "the same person twice",
            decided(one(asking(binding(), &two())), "1", |b| (b.name, b.namespace) = ("again".into(), "audit".into())),
            format!("False NotApproved: {ask_two} {how}"),
        ),
        (
            "the same person in other letters",
            decided(one(asking(binding(), &two())), "1", |b| (b.name, b.by) = ("again".into(), "ADA ".into())),
            format!("False NotApproved: {ask_two} {how}"),
        ),
        (
            "two people of one namespace",
            decided(one(asking(binding(), &two())), "1", |b| (b.name, b.by) = ("bob".into(), "bob".into())),
            yes.into(),
        ),
        (
            "two people of one namespace, where nobody checks who they are",
            decided(one(asking(binding(), &two())), "1", |b| (b.name, b.by) = ("bob".into(), "bob".into()))
                .with(|f| f.situation.authors_checked = false),
            format!(
                "False NotApproved: {ask_two} Nobody checks who writes an Approval (approvalPolicy in the chart's values), so those of one namespace count as of one person. {how}"
            ),
        ),
        (
            "of two namespaces, where nobody checks who they are",
            decided(one(asking(binding(), &two())), "1", |b| {
                (b.name, b.by, b.namespace) = ("bob".into(), "bob".into(), "audit".into());
            })
            .with(|f| f.situation.authors_checked = false),
            yes.into(),
        ),
        (
            "the same person in two namespaces, where nobody checks who it is",
            decided(one(asking(binding(), &two())), "1", |b| (b.name, b.namespace) = ("again".into(), "audit".into()))
                .with(|f| f.situation.authors_checked = false),
            format!(
                "False NotApproved: {ask_two} Nobody checks who writes an Approval (approvalPolicy in the chart's values), so those of one namespace count as of one person. {how}"
            ),
        ),
        (
            "one approves and one rejects",
            decided(one(asking(binding(), &json!({}))), "1", |b| {
                (b.name, b.by, b.approves) = ("bob".into(), "bob".into(), false);
            }),
            "False Rejected: Approval risk/bob of bob rejects taxi:1. Serve another version, or have whoever rejected it delete that Approval.".into(),
        ),
        (
            "one approves, and somebody rejects whose word does not count",
            decided(one(asking(binding(), &json!({}))), "1", |b| {
                (b.name, b.namespace, b.approves) = ("bob".into(), "fares".into(), false);
            }),
            yes.into(),
        ),
        (
            "it was withdrawn",
            had_approval(asking(binding(), &json!({})), "1", Some(30)),
            no(" Approval risk/ada-1 of ada was withdrawn at 2026-03-01T11:59:30Z."),
        ),
        (
            "it is gone, and nobody saw who deleted it",
            had_approval(asking(binding(), &json!({})), "1", None),
            no(" Approval risk/ada-1 of ada is not there any more, and Bindery did not see it being deleted."),
        ),
        (
            "it is there, and has ended",
            decided(had_approval(asking(binding(), &json!({})), "1", None), "1", |b| b.expires_at = Some(ago(0))),
            no(&format!(" {not} it ended at 2026-03-01T12:00:00Z.")),
        ),
        (
            "it is there, and the workspace counts its namespace no more",
            had_approval(asking(binding(), &json!({})), "1", None).with(|f| {
                let because = "approvals of its namespace do not count there".to_string();
                f.approvals.uncounted = vec![("risk".into(), "ada-1".into(), because)];
            }),
            no(" Approval risk/ada-1 of ada does not count any more: approvals of its namespace do not count there."),
        ),
        (
            "two people of one namespace are asked, and one has",
            one(asking(binding(), &json!({"count": 2, "fromNamespaces": ["risk"]}))),
            format!("False NotApproved: {} {how}", ask_two.replace("namespaces risk, audit", "namespace risk")),
        ),
    ];
    for (situation, it, expected) in all {
        let decision = it.decide();
        assert_eq!(admitted(&decision), short(&expected), "{situation}");
        let begins = decision.call.is_some_and(|call| call.doing == "create the endpoint taxi");
        assert_eq!(begins, expected == yes, "{situation}");
    }
}

/// A version in a workspace: its number can be made again.
#[test]
fn an_approval_is_of_the_files_that_were_there_when_it_was_given() {
    let place = ResourceId::workspace("s", "rg", "production").model_version("taxi", "1");
    let id = place.to_string();
    let made = |at: Option<jiff::Timestamp>| {
        let it = asking(binding(), &json!({})).with(|f| {
            let SourceVersion::Ready { asset_id, registry, id: of, .. } = &mut f.version else {
                unreachable!()
            };
            (*asset_id, *registry, *of) = (id.clone(), None, place.clone());
            f.approvals.made = at;
        });
        let it = decided(it, "1", |_| ());
        let said = admitted(&it.with(|f| f.approvals.ballots[0].0.clone_from(&id)).decide());
        said.split(" does not count: ").nth(1).and_then(|s| s.split(". ").next()).unwrap_or(&said).to_string()
    };
    assert!(made(Some(ago(7200))).starts_with("True"), "Azure made it before the decision");
    assert!(made(Some(ago(3600))).starts_with("True"), "in the same second");
    let later = |millis| ago(3600) + std::time::Duration::from_millis(millis);
    assert!(made(Some(later(999))).starts_with("True"), "of which the API server writes down no parts");
    assert_eq!(made(Some(later(1000))), "Azure made the version after the decision");
    assert_eq!(made(Some(ago(60))), "Azure made the version after the decision");
    assert!(made(None).starts_with("Azure does not say when it made the version"));
}

/// Version 1 serves, and version 2 is its candidate with a tenth of the traffic.
fn rollout() -> Binding {
    let steps = json!([{"setTraffic": 10}, {"pause": {"for": "10m"}}, {"setTraffic": 50}]);
    let it = binding().wanting("2").steps(steps).serving("1").candidate("2", 10, 6000);
    decided(asking(it, &json!({})), "1", |_| ())
}

fn rejected(it: Binding, number: &str) -> Binding {
    decided(it, number, |b| (b.name, b.approves) = (format!("no-{number}"), false))
}

#[test]
fn a_candidate_rises_only_while_it_is_approved_and_goes_when_somebody_speaks_against_it() {
    let back = "False TakingBack working | -> set the traffic to v1 100% | now";
    let ask = "Workspace production serves only what is approved: an Approval from namespaces risk, audit, for tier production; taxi:2 has none.";
    let how = "Approve it with an Approval whose spec.assetId is azureml://registries/models/models/taxi/versions/2.";
    let missing =
        |f: &mut Facts| f.version = SourceVersion::Missing { what: "ModelVersion fares/taxi-2".into() };
    let holds = |why: &str, next: &str| format!("False NotApproved stalled | {ask}{why} {how} | {next}");
    let (forgotten, ended, fresh) = (
        holds(
            " Approval risk/ada-2 of ada is not there any more, and Bindery did not see it being deleted.",
            "interval",
        ),
        holds(" Approval risk/ada-2 of ada does not count: it ended at 2026-03-01T11:59:00Z.", "interval"),
        holds(" Approval risk/ada-2 of ada was withdrawn at 2026-03-01T11:58:20Z.", "200 s"),
    );
    assert_table(&[
        (
            "approved",
            decided(rollout(), "2", |_| ()).decide(),
            "False Progressing working | -> move 50 % of the traffic to v2 | now",
        ),
        ("rejected", rejected(decided(rollout(), "2", |_| ()), "2").decide(), back),
        (
            "rejected, and somebody has deleted the object of the version",
            rejected(decided(rollout(), "2", |_| ()), "2").with(missing).decide(),
            back,
        ),
        (
            "approved, and somebody has deleted the object of the version",
            decided(rollout(), "2", |_| ()).with(missing).decide(),
            "False ReferenceNotFound working | There is no ModelVersion fares/taxi-2, or this namespace may not serve it. Apply it, or have the owner of its registry allow this namespace. | 300 s",
        ),
        ("withdrawn for good", had_approval(rollout(), "2", Some(301)).decide(), back),
        ("deleted a moment ago", had_approval(rollout(), "2", Some(100)).decide(), fresh.as_str()),
        ("gone, and nobody saw it go", had_approval(rollout(), "2", None).decide(), forgotten.as_str()),
        ("ended", decided(rollout(), "2", |b| b.expires_at = Some(ago(60))).decide(), ended.as_str()),
        (
            "the next look is when it ends",
            decided(rollout().steps(json!([{"setTraffic": 10}, {"pause": {"for": "10h"}}])), "2", |b| {
                b.expires_at = Some(ago(0) + std::time::Duration::from_secs(40));
            })
            .decide(),
            "False Pausing working | v2 has 10 % of the traffic. Step 2 of 2 is a pause, until 2026-03-01T20:20:00Z. | 40 s",
        ),
    ]);
}

/// Version 2 serves, version 1 served before it and is warm.
fn promoted(more: &Value) -> Binding {
    asking(binding().wanting("2").serving("2").previous("1", 60), more)
}

#[test]
fn what_serves_and_is_not_approved_any_more_keeps_serving_or_goes_back() {
    let roll_back = json!({"onWithdrawal": "RollBack"});
    let both = || decided(promoted(&roll_back), "1", |_| ());
    let back = "False TakingBack working | -> give v1 all the traffic again, because v2 is not approved any more | now";
    let doing = |it: Binding| {
        let decision = it.decide();
        let traffic = match decision.call.as_ref().map(|call| &call.action) {
            Some(crate::azure::model::Action::Put(body)) => body["properties"]["traffic"].to_string(),
            _ => String::new(),
        };
        (decision.call.map(|call| call.doing).unwrap_or_default(), traffic)
    };
    let stays = (String::new(), String::new());
    let ended = |it: Binding, number| decided(it, number, |b| b.expires_at = Some(ago(1)));
    let returned = || asking(binding().wanting("2").serving("1").previous("2", 60), &roll_back);
    assert_eq!(doing(rejected(promoted(&json!({})), "2")), stays, "KeepServing is the default");
    assert_table(&[("rejected", rejected(both(), "2").decide(), back)]);
    let v1 = binding().name("1");
    assert_eq!(doing(rejected(both(), "2")).1, json!({v1: 100}).to_string());
    for (situation, it, goes) in vec![
        ("approved", decided(both(), "2", |_| ()), false),
        ("never approved, as after a change of the policy", both(), false),
        ("withdrawn for good", had_approval(both(), "2", Some(301)), true),
        ("deleted a moment ago", had_approval(both(), "2", Some(299)), false),
        ("gone, and nobody saw it go", had_approval(both(), "2", None), false),
        (
            "withdrawn, and another one approves",
            decided(had_approval(both(), "2", Some(301)), "2", |b| b.name = "bob".into()),
            false,
        ),
        ("ended", decided(both(), "2", |b| b.expires_at = Some(ago(1))), true),
        (
            "one ended while another was enough, which nobody has seen go",
            decided(had_approval(both(), "2", None), "2", |b| {
                (b.name, b.by, b.expires_at) = ("bob".into(), "bob".into(), Some(ago(60)));
            }),
            false,
        ),
        (
            "one that was enough has ended",
            decided(had_approval(both(), "2", None), "2", |b| b.expires_at = Some(ago(60))),
            true,
        ),
        (
            "two are asked for now, and nothing was lost",
            decided(
                had_approval(promoted(&json!({"onWithdrawal": "RollBack", "count": 2})), "2", None),
                "2",
                |_| (),
            ),
            false,
        ),
        ("the one before is rejected too", rejected(rejected(both(), "2"), "1"), false),
        (
            "the approval of the one before has ended, so that one is not admitted either",
            ended(rejected(promoted(&roll_back), "2"), "1"),
            false,
        ),
        ("the one before was never approved", rejected(promoted(&roll_back), "2"), false),
        (
            "the one before is archived",
            rejected(both(), "2").with(|f| {
                f.before = f.known_before();
                f.before[0].archived = true;
            }),
            false,
        ),
        (
            "the one before is in a registry that the workspace serves nothing from any more",
            rejected(both(), "2").with(|f| {
                let Place::Ready { policy, .. } = &mut f.place else { unreachable!() };
                policy.sources = vec![crate::decide::fixtures::registry_as_source("released")];
            }),
            false,
        ),
        (
            "it has ended, and that of the one before has ended too",
            ended(ended(promoted(&roll_back), "1"), "2"),
            false,
        ),
        (
            "the one before serves again, and both have ended by now",
            ended(ended(returned(), "1"), "2"),
            false,
        ),
        (
            "the one before serves again and has ended, and the other is rejected",
            rejected(ended(returned(), "1"), "2"),
            false,
        ),
        (
            "nothing served before",
            rejected(asking(binding().wanting("2").serving("2"), &roll_back), "2"),
            false,
        ),
        (
            "only observed",
            rejected(both(), "2").with(|f| f.situation.mode = crate::decide::Mode::Observe),
            false,
        ),
    ] {
        assert_eq!(!doing(it).0.is_empty(), goes, "{situation}");
    }
    // Afterwards it stays there: the one that was left is not approved, so it gets nothing.
    let decision = rejected(returned(), "2").decide();
    assert!(decision.call.is_none());
    assert!(admitted(&decision).starts_with("False Rejected"));
    let ready = crate::decide::fixtures::told(&decision);
    assert!(ready.contains(" v1 serves instead."), "{ready}");
}

#[test]
fn the_status_remembers_who_approved_what_serves() {
    let remembered = |it: Binding| {
        let all = it.decide().status.approvals.into_iter();
        all.map(|it| (it.name, it.withdrawn_at)).collect::<Vec<_>>()
    };
    let deleted = |f: &mut Facts| f.approvals.deleted = vec![("risk".into(), "ada-1".into())];
    let serving = || asking(binding().serving("1"), &json!({}));
    let ada = |withdrawn| vec![("ada-1".to_string(), withdrawn)];
    assert_eq!(remembered(decided(serving(), "1", |_| ())), ada(None));
    assert_eq!(remembered(had_approval(serving(), "1", None)), ada(None));
    assert_eq!(remembered(had_approval(serving(), "1", None).with(deleted)), ada(Some(ago(0))));
    assert_eq!(remembered(had_approval(serving(), "1", Some(60)).with(deleted)), ada(Some(ago(60))));
    assert_eq!(
        remembered(had_approval(serving(), "1", Some(60))),
        ada(Some(ago(60))),
        "also after a restart"
    );
    assert_eq!(
        remembered(decided(had_approval(serving(), "1", Some(60)), "1", |_| ())),
        ada(None),
        "it is back"
    );
    let bob = |it: Binding| decided(it, "1", |b| (b.name, b.by) = ("bob-1".into(), "bob".into()));
    assert_eq!(
        remembered(bob(had_approval(serving(), "1", Some(60)))),
        vec![("bob-1".to_string(), None)],
        "another one stands in for it"
    );
    assert_eq!(
        remembered(bob(had_approval(serving(), "1", None))),
        vec![("bob-1".to_string(), None)],
        "what is enough now is what can be lost"
    );
    let serving_two = || asking(binding().serving("1"), &two());
    assert_eq!(
        remembered(bob(had_approval(serving_two(), "1", Some(60)))),
        ada(Some(ago(60))),
        "one that never was enough is not remembered"
    );
    assert_eq!(remembered(had_approval(serving(), "3", None)), vec![], "nothing has to do with that version");
    assert_eq!(remembered(decided(binding().serving("1"), "1", |_| ())), vec![], "nobody asks");
    let unread = |f: &mut Facts| (f.endpoint, f.deployments) = (crate::decide::Look::Unseen, vec![]);
    let rising = had_approval(rollout(), "1", Some(60)).with(|f| f.approvals.ballots.clear());
    assert_eq!(remembered(rising.with(unread)), ada(Some(ago(60))), "while Azure does not answer");
    let closed = |f: &mut Facts| f.place = Place::Closed { what: "W".into(), because: "No.".into() };
    assert_eq!(remembered(had_approval(serving(), "1", Some(60)).with(closed)), ada(Some(ago(60))));
}

#[test]
fn every_rule_is_told_with_what_it_asks_and_what_there_is() {
    let it = decided(asking(binding(), &two()), "1", |b| {
        b.expires_at = Some(ago(0) + std::time::Duration::from_secs(60));
    });
    let it = it.with(|f| {
        let Place::Ready { policy, .. } = &mut f.place else { unreachable!() };
        policy.sources = vec![crate::decide::fixtures::registry_as_source("models")];
        policy.lineage = Some(crate::api::LineageRequirement::Named);
        policy.deployment =
            Some(serde_json::from_value(json!({"code": "Forbid", "maxInstances": 3})).unwrap());
    });
    let lines: Vec<String> = it
        .decide()
        .status
        .admission
        .into_iter()
        .map(|line| format!("{} {}: {} / {}", line.rule, line.admitted, line.asks, line.found))
        .collect();
    assert_eq!(
        lines,
        [
            "Sources true: a version from models (models) / registry models",
            "Lineage true: a training job / job train-1",
            "Approvals false: Approvals of 2 different people from namespaces risk, audit, for tier production / approved by Approval risk/ada-1 of ada until 2026-03-01T12:01:00Z",
            "Deployment true: no code of its own, no user-assigned identity, at most 3 instances / nothing that is not allowed",
        ]
    );
}

#[test]
fn a_rollback_is_announced_while_the_approval_may_still_come_back() {
    let roll_back = json!({"onWithdrawal": "RollBack"});
    let both = || decided(promoted(&roll_back), "1", |_| ());
    let coming = "At 2026-03-01T12:03:20Z the traffic goes back to v1, unless taxi:2, which serves, is approved again before.";
    let says = |it: Binding| admitted(&it.decide()).contains(coming);
    assert!(says(had_approval(both(), "2", Some(100))));
    assert!(!says(had_approval(promoted(&json!({})), "2", Some(100))), "it keeps serving");
    assert!(!says(rejected(had_approval(both(), "2", Some(100)), "1")), "not to what is rejected");
    assert!(!says(
        had_approval(both(), "2", Some(100)).with(|f| f.situation.mode = crate::decide::Mode::Suspended)
    ));
    // The pass that sees the deletion says it, once, in an event.
    let seen =
        had_approval(both(), "2", None).with(|f| f.approvals.deleted = vec![("risk".into(), "ada-2".into())]);
    let told = |it: &Binding| {
        let all =
            it.decide().events.into_iter().filter(|event| event.reason == crate::api::Reason::NotApproved);
        all.map(|event| short(&event.note)).collect::<Vec<_>>()
    };
    let coming = coming.replace("12:03:20", "12:05:00");
    assert_eq!(told(&seen), [format!("Approval risk/ada-2 of ada was withdrawn. {coming}")]);
    let approvals = seen.decide().status.approvals;
    assert_eq!(told(&seen.with(|f| f.status.approvals = approvals)), Vec::<String>::new());
}

#[test]
fn a_rollback_stands_in_the_history_as_one() {
    use crate::api::Outcome::{Promoted, RolledBack};
    let roll_back = json!({"onWithdrawal": "RollBack"});
    let mut it = rejected(decided(promoted(&roll_back), "1", |_| ()), "2");
    let names = [it.name("1"), it.name("2")];
    // Azure has done it: version 1 is stable again, and the status still knows it as the one before.
    it = it.traffic(&[("1", 100)]);
    let tags = &mut it.found().tags;
    tags.insert("bindery-stable".into(), names[0].clone());
    tags.insert("bindery-previous".into(), names[1].clone());
    let outcomes = |it: &Binding| {
        let all = it.decide().status.history.into_iter();
        all.map(|it| (it.outcome, it.served.is_some())).collect::<Vec<_>>()
    };
    assert_eq!(outcomes(&it), [(RolledBack, false), (Promoted, true)]);
    let status = it.decide().status;
    assert_eq!(outcomes(&it.clone().with(|f| f.status = status)), [(RolledBack, false), (Promoted, true)]);
    let why = |it: &Binding| it.decide().status.history[0].message.clone().unwrap_or_default();
    assert_eq!(why(&it), "Approval risk/no-2 of ada rejects taxi:2.");
    let ended = decided(it.clone(), "2", |b| b.expires_at = Some(ago(30))).with(|f| {
        f.approvals.ballots.retain(|(_, b)| b.approves);
    });
    assert_eq!(why(&ended), "Approval risk/ada-2 of ada, of taxi:2, ended at 2026-03-01T11:59:30Z.");
    // Whoever asks for version 1 in the manifest promotes it.
    assert_eq!(outcomes(&it.wanting("1")), [(Promoted, false), (Promoted, true)]);
}

#[test]
fn nothing_shifts_that_may_not_rise() {
    let phase = |it: Binding| it.decide().status.phase;
    assert_eq!(phase(decided(rollout(), "2", |_| ())), Some(crate::api::Phase::Shifting));
    assert_eq!(phase(rollout()), Some(crate::api::Phase::Pausing), "nobody has approved it");
    let no_traffic = || {
        let it = binding().wanting("2").steps(json!([{"setTraffic": 10}])).serving("1").candidate("2", 0, 60);
        decided(asking(it, &json!({})), "1", |_| ())
    };
    assert_eq!(phase(rejected(no_traffic(), "2")), Some(crate::api::Phase::Serving), "what is stable");
}

/// Version 3 serves; versions 2 and 1 were stable before it, and their deployments are gone.
fn long_ago(more: &Value) -> Binding {
    let mut it = asking(binding().wanting("3").serving("1").serving("2").serving("3"), more);
    let gone = [it.name("1"), it.name("2")];
    it.0.deployments.retain(|d| !gone.contains(&d.name().to_string()));
    it.0.status.deployments.retain(|d| !gone.contains(&d.name));
    for (past, number) in it.0.status.history.iter_mut().zip(["3", "2", "1"]) {
        past.version = Some(number.into());
    }
    it
}

#[test]
fn it_goes_back_to_the_last_that_is_still_admitted_also_where_that_is_gone() {
    let roll_back = json!({"onWithdrawal": "RollBack"});
    let bad = |it: Binding| rejected(it, "3");
    let approved = |it: Binding, number| decided(it, number, |b| b.name = format!("bob-{number}"));
    let all = || approved(approved(long_ago(&roll_back), "1"), "2");
    let doing = |it: &Binding| it.decide().call.map(|call| short(&call.doing)).unwrap_or_default();
    let made = |number: &str| {
        format!(
            "create deployment v{number} of azureml://registries/models/models/taxi/versions/{number}, to go back to it"
        )
    };
    assert_eq!(doing(&bad(all())), made("2"));
    assert_eq!(doing(&bad(rejected(all(), "2"))), made("1"), "the one before is rejected as well");
    assert_eq!(doing(&bad(approved(long_ago(&roll_back), "1"))), made("1"), "the one before is not approved");
    assert_eq!(doing(&bad(long_ago(&roll_back))), "", "none of them is approved");
    // The asset of a lost history follows from the version's number, and only where the manifest makes that revision.
    let unknown = |it: Binding| it.with(|f| f.status.history.iter_mut().for_each(|it| it.asset_id = None));
    assert_eq!(doing(&unknown(bad(all()))), made("2"));
    let edited =
        |it: Binding| it.with(|f| f.spec.online.deployment.instance_type = Some("Standard_F4s_v2".into()));
    assert_eq!(doing(&edited(bad(all()))), "", "another deployment by now");
    let few = |it: Binding, most: i32| {
        it.with(|f| {
            let Place::Ready { policy, .. } = &mut f.place else { unreachable!() };
            policy.deployment = serde_json::from_value(json!({"maxInstances": most})).unwrap();
            f.spec.online.deployment.instance_count = Some(3);
        })
    };
    assert_eq!(doing(&few(bad(all()), 2)), "", "the workspace lets nobody make it any more");
    assert_eq!(doing(&few(bad(all()), 3)), made("2"));
    let failed = bad(all());
    let two = failed.revision("2").to_string();
    assert_eq!(doing(&failed.tagged("bindery-failed", &two)), made("1"), "it has failed since");
    // Once it is there, it gets all the traffic at once, whatever the steps are.
    let steps = json!([{"setTraffic": 10}, {"pause": {"for": "1h"}}]);
    let there = bad(all()).steps(steps).deployed("2", "Succeeded");
    assert_eq!(doing(&there), "give v2 all the traffic again, because v3 is not approved any more");
    assert_eq!(doing(&bad(all()).deployed("2", "Creating")), "", "until then it waits");
}

#[test]
fn what_serves_and_is_not_what_the_manifest_asks_for_is_spoken_of_too() {
    let says = |it: &Binding| admitted(&it.decide());
    let besides = |it: &Binding| says(it).split_once("What serves, ").map(|(_, said)| said.to_string());
    let asks_for_another = |more: &Value| promoted(more).wanting("3");
    let bad = |more: &Value| rejected(asks_for_another(more), "2");
    let word = "Approval risk/no-2 of ada rejects taxi:2";
    let keeps = format!(
        "taxi:2, is not approved any more. {word}. It keeps its traffic (policy.approvals.onWithdrawal is KeepServing)."
    );
    assert_eq!(besides(&bad(&json!({}))), Some(keeps));
    let roll_back = json!({"onWithdrawal": "RollBack"});
    let alone = format!(
        "taxi:2, is not approved any more. {word}. It keeps its traffic: no other version that was stable here before is still admitted."
    );
    assert_eq!(besides(&bad(&roll_back)), Some(alone));
    assert_eq!(besides(&decided(asks_for_another(&roll_back), "2", |_| ())), None, "it is approved");
    assert_eq!(besides(&rejected(promoted(&roll_back), "2")), None, "it is what the manifest asks for");
    // What a person has rolled back to stays, and Ready says what can be done.
    let (one, two) = (bad(&roll_back).revision("1"), bad(&roll_back).revision("2"));
    let warm = decided(bad(&roll_back), "1", |_| ());
    assert!(besides(&warm).unwrap().ends_with("The traffic goes back to v1."), "{:?}", besides(&warm));
    let held = warm.with(|f| {
        let (revision, to_revision) = (f.manifest().unwrap().0.to_string(), two.to_string());
        f.status.hold = Some(Hold { revision, to_revision, action: None, since: noon() });
        f.status.history[0].outcome = Outcome::RolledBack;
        let tag = f.held().unwrap().to_string();
        let crate::decide::Look::Found(endpoint) = &mut f.endpoint else { unreachable!() };
        endpoint.tags.insert(crate::decide::rollout::HOLD_TAG.into(), tag);
        f.status.history.insert(1, PastRollout::new(&one.to_string(), Outcome::Promoted));
    });
    let said = told(&held.decide());
    assert!(said.contains("Somebody rolled back from revision ") && said.contains(&format!("{word}. It keeps its traffic because somebody rolled back to it. To have another revision serve, run `bindery rollback taxi --to-revision REVISION`, or `bindery release taxi`.")), "{said}");
    // An event says so once.
    let events = |it: &Binding| {
        let all = it.decide().events.into_iter();
        all.filter(|it| it.note.starts_with("What serves, ")).count()
    };
    let it = bad(&json!({}));
    assert_eq!(events(&it), 1);
    let later = it.clone().with(|f| f.status = it.decide().status);
    assert_eq!(events(&later), 0);
}

#[test]
fn a_candidate_whose_approval_is_withdrawn_says_when_it_loses_its_traffic() {
    let it = asking(rollout().candidate("2", 10, 60), &json!({}));
    let it = decided(had_approval(it, "2", Some(100)), "1", |_| ());
    let said = admitted(&it.decide());
    assert!(
        said.contains(
            "At 2026-03-01T12:03:20Z v2 loses its traffic, unless its version is approved again before."
        ),
        "{said}"
    );
}

#[test]
fn what_a_version_was_admitted_by_stays_in_the_history() {
    let arrived = |it: Binding| {
        let it = it.candidate("2", 10, 60).traffic(&[("2", 100)]);
        let stable = it.name("2");
        it.tagged("bindery-stable", &stable)
    };
    let approved = || decided(asking(rollout(), &json!({})), "2", |_| ());
    let told = |it: &Binding| {
        let entry = it.decide().status.history.remove(0);
        let rules = entry.admission.iter().map(|it| format!("{}: {}", it.rule, it.found));
        let approvals = entry.approvals.iter().map(|it| format!("{}/{} of {}", it.namespace, it.name, it.by));
        (short(&format!("{:?}", entry.outcome)), rules.chain(approvals).collect::<Vec<_>>())
    };
    let expected =
        vec!["Approvals: approved by Approval risk/ada-2 of ada".to_string(), "risk/ada-2 of ada".into()];
    let promoted_now = arrived(approved());
    assert_eq!(told(&promoted_now), ("Promoted".into(), expected.clone()));
    // Also when the approval is gone and the manifest asks for another one since.
    let status = promoted_now.decide().status;
    let later = promoted_now.clone().wanting("3").with(|f| {
        f.status = status;
        f.approvals.ballots.clear();
    });
    assert_eq!(told(&later), ("Promoted".into(), expected));
    let nobody_asks = arrived(binding().wanting("2").serving("1"));
    assert_eq!(told(&nobody_asks), ("Promoted".into(), vec![]));
    // What is true today says nothing of then.
    assert_eq!(told(&promoted_now.forgotten()), ("Promoted".into(), vec![]));
    // What goes back has its approvals; an earlier entry has the rest.
    let back = json!({"onWithdrawal": "RollBack"});
    let back = decided(rejected(promoted(&back), "2"), "1", |_| ()).traffic(&[("1", 100)]);
    let stable = back.name("1");
    let back = back.tagged("bindery-stable", &stable);
    assert_eq!(told(&back), ("RolledBack".into(), vec!["risk/ada-1 of ada".to_string()]));
}

#[test]
fn a_withdrawal_is_told_of_the_version_that_it_is_about() {
    let it = had_approval(had_approval(promoted(&json!({})), "1", Some(7200)), "2", Some(7200));
    assert_eq!(
        it.0.against_in_words(&asset("2")).as_deref(),
        Some("Approval risk/ada-2 of ada, of taxi:2, was withdrawn.")
    );
}

/// A withdrawal counts after five minutes, and nothing changes by itself any more then.
#[test]
fn a_withdrawal_is_looked_at_once_more_when_it_counts() {
    let next = |seconds: u64| had_approval(promoted(&json!({})), "2", Some(seconds)).0.approvals_change();
    assert_eq!(next(299), Some(std::time::Duration::from_secs(1)));
    assert_eq!(next(300), None);
}

#[test]
fn a_batch_endpoint_goes_back_to_what_is_approved() {
    let it =
        asking(batch().wanting("2").serving("2").previous("1", 60), &json!({"onWithdrawal": "RollBack"}));
    let it = rejected(decided(it, "1", |_| ()), "2");
    assert_eq!(
        short(&it.decide().call.unwrap().doing),
        "make v1 the default deployment again, because v2 is not approved any more"
    );
}
