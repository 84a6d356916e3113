//! Who answers for a version is written on the deployment that serves it, and rolls nothing out.

use serde_json::{Value, json};

use crate::api::{ConditionType, conditions_of};
use crate::azure::model::{Action, Purpose, Reply};
use crate::decide::fixtures::{Binding, assert_table, binding, short};
use crate::decide::{Mode, SourceVersion};

/// This answers for the wanted version.
fn owned_by(it: Binding, owner: Value) -> Binding {
    it.with(|f| {
        let SourceVersion::Ready { owner: found, .. } = &mut f.version else { unreachable!() };
        *found = serde_json::from_value(owner).unwrap();
    })
}

fn fares() -> Value {
    json!({"team": "fares", "contact": "#fares", "costCenter": "4711"})
}

/// The tags that a deployment has.
fn tagged(mut it: Binding, tags: &[(&str, &str)]) -> Binding {
    let pairs = tags.iter().map(|(key, value)| ((*key).to_string(), (*value).to_string()));
    it.0.deployments.last_mut().unwrap().tags.extend(pairs);
    it
}

const ALL: [(&str, &str); 3] =
    [("bindery-team", "fares"), ("bindery-contact", "#fares"), ("bindery-cost-center", "4711")];

#[test]
fn a_deployment_says_who_answers_for_its_version() {
    let serving = || binding().serving("1");
    let all = "deployment v1 | now";
    assert_table(&[
        (
            "nothing is said yet",
            owned_by(serving(), fares()).decide(),
            &format!(
                "True Succeeded working | -> change tags.bindery-contact, tags.bindery-cost-center, tags.bindery-team of {all}"
            ),
        ),
        (
            "it is said",
            owned_by(tagged(serving(), &ALL), fares()).decide(),
            "True Succeeded settled | v1 serves all the traffic of taxi. | interval",
        ),
        (
            "another team",
            owned_by(
                tagged(serving(), &ALL),
                json!({"team": "tips", "contact": "#fares", "costCenter": "4711"}),
            )
            .decide(),
            &format!("True Succeeded working | -> change tags.bindery-team of {all}"),
        ),
        (
            "nobody pays any more",
            owned_by(tagged(serving(), &ALL), json!({"team": "fares", "contact": "#fares"})).decide(),
            &format!("True Succeeded working | -> change tags.bindery-cost-center of {all}"),
        ),
        (
            "nobody answers any more",
            tagged(serving(), &ALL).decide(),
            &format!(
                "True Succeeded working | -> change tags.bindery-team, tags.bindery-contact, tags.bindery-cost-center of {all}"
            ),
        ),
        (
            "the manifest's own tags differ too",
            owned_by(serving(), json!({"team": "fares"}))
                .deployment_tags(&[], &[("a", "b")])
                .edited()
                .decide(),
            &format!("False Updating working | -> change tags.a, tags.bindery-team of {all}"),
        ),
        (
            "another version is on its way: what serves still is not the one that is asked about",
            owned_by(binding().wanting("2").serving("1").deployed("2", "Creating"), fares()).decide(),
            "False OperationRunning working | Azure works on it: a change of deployment v2. | 1 s",
        ),
        (
            "it is only observed",
            owned_by(serving(), fares()).with(|f| f.situation.mode = Mode::Observe).decide(),
            "True Observed settled | The endpoint taxi is there; Bindery leaves it as it is. | interval",
        ),
    ]);
}

#[test]
fn a_change_of_the_owner_is_no_drift_and_another_revision_neither() {
    let it = owned_by(binding().serving("1"), fares());
    let decision = it.decide();
    let call = decision.call.clone().unwrap();
    let deployment = it.0.deployments[0].clone();
    assert_eq!((call.errand.purpose, call.resource.name()), (Purpose::NameOwner, deployment.name()));
    let Action::Put(body) = &call.action else { unreachable!() };
    for (key, value) in ALL {
        assert_eq!(body["tags"][key], value);
    }
    assert_eq!(body["tags"]["bindery-revision"], it.revision("1").to_string());
    assert_eq!(body["properties"]["model"], deployment.properties.model.unwrap());
    assert!(decision.status.drift.is_empty());
    // The manifest is reached before, meanwhile and afterwards.
    let mut after = it.clone();
    let mut taken = body.clone();
    taken["name"] = call.resource.name().into();
    taken["properties"]["provisioningState"] = "Succeeded".into();
    after.0.absorb(&call, Ok(&Reply { body: Some(taken), ..Reply::default() }));
    let settled = after.decide();
    assert_eq!(settled.call, None);
    for decision in [&decision, &settled] {
        assert!(conditions_of(&decision.status.conditions).is_true(ConditionType::Ready));
    }
    // Whoever makes a deployment says it at once.
    let new = owned_by(binding().endpoint(), fares()).decide().call.unwrap();
    let Action::Put(body) = &new.action else { unreachable!() };
    assert_eq!(short(&new.doing), "create deployment v1 of taxi:1");
    assert_eq!(body["tags"]["bindery-team"], "fares");
}
