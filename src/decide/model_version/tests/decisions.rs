//! Who has approved the version, for those who look in Azure.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;

use crate::api::{ConditionType, Management, ModelVersionStatus, VersionApproval, conditions_of};
use crate::azure::model::{Action, Class, OperationState, Purpose};
use crate::decide::fixtures::{ago, attempt, failure, model_version, noon, operation};
use crate::decide::model_version::{Facts, decide};
use crate::decide::{Decision, Mode, Written};

fn decided(name: &str, decision: &str, change: &serde_json::Value) -> VersionApproval {
    let mut it =
        json!({"created": ago(3600), "namespace": "risk", "name": name, "decision": decision, "by": name});
    it.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
    serde_json::from_value(it).unwrap()
}

/// The version with these decisions, and with more tags in Azure.
fn with(approvals: Vec<VersionApproval>, tags: &[(&str, &str)]) -> Facts {
    let mut facts = model_version();
    facts.approvals = approvals;
    facts.status.asset_id.clone_from(&facts.asset_id);
    let crate::decide::Look::Found(found) = &mut facts.version else { unreachable!() };
    found.properties.tags.extend(tags.iter().map(|(key, value)| ((*key).to_string(), (*value).to_string())));
    facts
}

/// Bindery's tags of decisions, as they are about to be written; none where nothing is.
fn written(decision: &Decision<ModelVersionStatus>) -> Option<BTreeMap<String, String>> {
    let call = decision.call.as_ref()?;
    assert_eq!(call.errand.purpose, Purpose::TellDecisions);
    let Action::Put(body) = &call.action else { return None };
    let tags: BTreeMap<String, String> = serde_json::from_value(body["properties"]["tags"].clone()).unwrap();
    assert_eq!(tags["team"], "fares", "what is there stays");
    assert_eq!(tags["bindery-owner"], "prod/fares/taxi-3");
    let about = |key: &str| key.contains("approved") || key.contains("rejected");
    Some(tags.into_iter().filter(|(key, _)| about(key)).collect())
}

fn is_ready(decision: &Decision<ModelVersionStatus>) -> bool {
    let conditions = conditions_of(&decision.status.conditions);
    let at_work = [ConditionType::Stalled, ConditionType::Reconciling, ConditionType::Drifted];
    conditions.is_true(ConditionType::Ready) && !at_work.into_iter().any(|it| conditions.is_true(it))
}

const HOUR: &str = "2026-03-01T11:00:00Z";

#[test]
fn decisions_are_written_as_tags_by_one_put_that_nothing_waits_for() {
    type Told = Option<Vec<(&'static str, &'static str)>>;
    let ada = || decided("ada", "Approved", &json!({}));
    let ends = noon() + Duration::from_secs(60);
    let bob = || {
        decided(
            "bob",
            "Approved",
            &json!({"tiers": ["production", "eu"], "expiresAt": ends, "created": ago(60)}),
        )
    };
    let eve = || decided("eve", "Rejected", &json!({"expiresAt": ends}));
    let approved = [("bindery-approved-by", "ada"), ("bindery-approved-at", HOUR)];
    let all: Vec<(&str, Facts, Told)> = vec![
        ("nobody has decided", with(vec![], &[]), None),
        ("Ada approves", with(vec![ada()], &[]), Some(approved.to_vec())),
        ("Azure says so", with(vec![ada()], &approved), None),
        ("she has withdrawn it", with(vec![], &approved), Some(vec![])),
        (
            "somebody has changed the tag",
            with(vec![ada()], &[("bindery-approved-by", "mallory"), ("bindery-approved-at", HOUR)]),
            Some(approved.to_vec()),
        ),
        (
            "two approve, and one rejects",
            with(vec![ada(), bob(), eve()], &[]),
            Some(vec![
                ("bindery-approved-by", "ada, bob for production/eu"),
                ("bindery-approved-at", "2026-03-01T11:59:00Z"),
                ("bindery-approved-until", "2026-03-01T12:01:00Z"),
                ("bindery-rejected-by", "eve"),
                ("bindery-rejected-at", HOUR),
            ]),
        ),
    ];
    for (situation, facts, expected) in all {
        let decision = decide(&facts);
        let expected =
            expected.map(|tags| tags.into_iter().map(|(k, v)| (k.to_string(), v.to_string())).collect());
        assert_eq!(written(&decision), expected, "{situation}");
        assert!(is_ready(&decision), "{situation}");
        assert_eq!(
            (decision.status.drift, &decision.status.approvals),
            (vec![], &facts.approvals),
            "{situation}"
        );
    }
    // An object that was applied again is looked at before the Approvals that are about it.
    let mut again = with(vec![], &[("bindery-approved-by", "ada"), ("bindery-approved-at", HOUR)]);
    assert!(decide(&again).call.is_some(), "nobody approves any more");
    again.status.asset_id = None;
    // Where none of them counts, nobody wakes it.
    let soon = crate::decide::LookAgain::After(std::time::Duration::from_secs(30));
    assert_eq!((decide(&again).call, decide(&again).next), (None, soon));
    let long = decided("ada", "Approved", &json!({"by": "ä".repeat(300)}));
    let tags = written(&decide(&with(vec![long], &[]))).unwrap();
    assert_eq!(tags["bindery-approved-by"].chars().count(), 256);
}

#[test]
fn the_version_stays_ready_whatever_becomes_of_the_tags() {
    let facts = || with(vec![decided("ada", "Approved", &json!({}))], &[]);
    let call = decide(&facts()).call.unwrap();
    let mut failed = facts();
    let tried = attempt(call.errand.purpose, &call.resource, &call.doing);
    failed.situation.trouble.failure = Some(failure(tried, Class::Permanent, 1, 1));
    let decision = decide(&failed);
    assert!(decision.call.is_none() && is_ready(&decision), "it is tried again later");
    assert!(!decision.settled, "the failure is not forgotten");
    // Another decision is another change, and not one that Azure did not keep.
    let taken = |approvals: Vec<VersionApproval>| {
        let mut facts = with(approvals, &[]);
        facts.situation.trouble.written = Some(Written {
            attempt: attempt(call.errand.purpose, &call.resource, &call.doing),
            content: call.content,
            at: noon(),
            times: 1,
        });
        decide(&facts)
    };
    let ada = || decided("ada", "Approved", &json!({}));
    let again = taken(vec![ada()]);
    assert!(again.call.is_none(), "the same once more");
    let another = taken(vec![decided("bob", "Approved", &json!({})), ada()]);
    assert!(another.call.is_some() && is_ready(&another));
    let mut running = facts();
    let id = running.id.clone().unwrap();
    running.situation.operation = operation(Purpose::TellDecisions, "write", &id, 1, OperationState::Running);
    running.status.operation.clone_from(&running.situation.operation.remembered);
    let decision = decide(&running);
    assert!(decision.call.is_none() && is_ready(&decision), "Azure works on it");
    for mode in [Mode::Observe, Mode::ObserveOnly, Mode::Suspended] {
        let mut facts = facts();
        facts.situation.mode = mode;
        facts.spec.management = Management::Manage;
        assert!(decide(&facts).call.is_none(), "{mode:?}");
    }
    let mut foreign = facts();
    let crate::decide::Look::Found(found) = &mut foreign.version else { unreachable!() };
    found.properties.tags.insert("bindery-owner".into(), "prod/fares/other".into());
    assert!(decide(&foreign).call.is_none_or(|call| call.errand.purpose != Purpose::TellDecisions));
}
