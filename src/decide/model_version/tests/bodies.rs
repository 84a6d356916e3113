//! What the calls carry, and what stays ours.

use serde_json::{Value, json};

use super::*;
use crate::azure::model::{Action, Class, Error, Reply};
use crate::decide::Facts as _;
use crate::decide::fixtures::{tags, told};

fn put(facts: &Facts) -> Value {
    match decide(facts).call.unwrap().action {
        Action::Put(body) => body,
        other => panic!("{other:?}"),
    }
}

fn keys(keys: &[&str]) -> Vec<String> {
    keys.iter().map(|k| (*k).to_string()).collect()
}

#[test]
fn a_new_version_is_what_the_manifest_says() {
    assert_eq!(
        put(&new(|f| f.spec.description = Some("Fares.".into()))),
        json!({"properties": {
            "modelUri": "azureml://jobs/train-3/outputs/artifacts/paths/model",
            "modelType": "mlflow_model", "jobName": "train-3", "description": "Fares.",
            "tags": {"team": "fares", "bindery-owner": "prod/fares/taxi-3"},
            "properties": {}, "isArchived": false,
        }})
    );
}

#[test]
fn what_is_not_ours_goes_back_as_it_came() {
    let body = put(&with(|f| {
        f.spec.tags = tags([]);
        found(f).tags.insert("theirs".into(), "kept".into());
        found(f).is_archived = true;
    }));
    assert_eq!(
        body["properties"],
        json!({
            "modelUri": "azureml://jobs/train-3/outputs/artifacts/paths/model",
            "modelType": "mlflow_model", "jobName": "train-3", "stage": "Development",
            "tags": {"theirs": "kept", "bindery-owner": "prod/fares/taxi-3"},
            "properties": {}, "flavors": {}, "isArchived": true,
        })
    );
}

/// A flavor is set as a whole; what else Azure has of flavors stays.
#[test]
fn flavors_are_as_the_manifest_says_and_others_stay() {
    let has = |flavors: Value| {
        with(|f| {
            f.spec.flavors =
                serde_json::from_value(json!([{"name": "sklearn", "data": {"b": "2", "a": "1"}}])).unwrap();
            found(f).flavors = Some(serde_json::from_value(flavors).unwrap());
        })
    };
    let theirs = json!({"data": {"x": "y"}});
    let right = json!({"data": {"a": "1", "b": "2"}, "later": true});
    assert_eq!(decide(&has(json!({"sklearn": right, "spark": theirs}))).call, None);
    for (wrong, said) in [
        (json!({"spark": theirs}), "flavors.sklearn is nothing and should be '{\"a\":\"1\",\"b\":\"2\"}'"),
        (
            json!({"sklearn": {"data": {"a": "1", "c": "3"}, "later": true}, "spark": theirs}),
            "flavors.sklearn is '{\"a\":\"1\",\"c\":\"3\"}' and should be '{\"a\":\"1\",\"b\":\"2\"}'",
        ),
    ] {
        let facts = has(wrong.clone());
        let mut expected = wrong;
        expected["sklearn"]["data"] = right["data"].clone();
        assert_eq!(put(&facts)["properties"]["flavors"], expected);
        let drifted = decide(&facts).status.conditions.into_iter().find(|c| c.type_ == "Drifted").unwrap();
        assert!(drifted.message.contains(said), "{}", drifted.message);
    }
}

#[test]
fn an_answer_is_a_fact_at_once() {
    let mut facts =
        new(|f| f.origin.job = Look::Found(serde_json::from_value(json!({"properties": {}})).unwrap()));
    let call = decide(&facts).call.unwrap();
    let Action::Put(body) = call.action.clone() else { unreachable!() };
    facts.absorb(&call, Ok(&Reply { status: 201, body: Some(body), ..Reply::default() }));
    let decision = decide(&facts);
    assert_eq!(
        told(&decision),
        "True Succeeded settled | taxi:3 is registered in workspace development. | interval"
    );
    assert_eq!(decision.status.owned_tags, ["team"]);
    assert_eq!(decision.status.lineage.unwrap().job.as_deref(), Some("train-3"));
}

#[test]
fn the_intent_of_our_keys_is_stored_before_the_call_and_after_a_lost_answer() {
    let mut facts = with(|f| {
        f.spec.tags = tags([("team", "fares"), ("cost", "1")]);
        f.spec.properties = tags([("p", "1")]);
    });
    let decision = decide(&facts);
    assert_eq!(
        (&decision.status.owned_tags, decision.status.owned_properties.len()),
        (&keys(&["cost", "team"]), 1)
    );
    facts.remember(decision.status);
    facts.absorb(&decision.call.unwrap(), Err(&Error::new(Class::Transient, "No.")));
    let status = decide(&facts).status;
    assert_eq!((status.owned_tags, status.owned_properties), (keys(&["cost", "team"]), keys(&["p"])));
}

#[test]
fn a_key_that_is_being_taken_away_stays_ours_until_azure_is_done() {
    let mut facts = with(|f| f.status.owned_tags = keys(&["gone", "team"]));
    let owned = |f: &Facts| decide(f).status.owned_tags;
    let Look::Found(version) = &mut facts.version else { unreachable!() };
    version.properties.provisioning_state = Some("Updating".into());
    assert_eq!(owned(&facts), ["gone", "team"]);
    let Look::Found(version) = &mut facts.version else { unreachable!() };
    version.properties.provisioning_state = Some("Succeeded".into());
    assert_eq!(owned(&facts), ["team"]);
}
