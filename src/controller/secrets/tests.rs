#![allow(clippy::unwrap_used)]

use std::sync::atomic::Ordering;

use serde_json::{Value, json};

use super::*;
use crate::azure::model::{Class, Errand, Error, Lane, Principal, Purpose, ResourceId};
use crate::controller::fixtures::{Nowhere, binding, context};

fn keys(primary: &str) -> EndpointKeys {
    EndpointKeys { primary_key: primary.into(), secondary_key: "second".into() }
}

fn write() -> SecretDeed {
    let errand = Errand {
        principal: Principal::Operator,
        leaving: false,
        lane: Lane::Routine,
        purpose: Purpose::ReadKeys,
    };
    let of = KeysOf { endpoint: ResourceId::new("/e"), scoring_uri: "https://taxi/score".into(), errand };
    SecretDeed { name: "taxi-keys".into(), work: SecretWork::Write(of) }
}

fn remove() -> SecretDeed {
    SecretDeed { name: "taxi-keys".into(), work: SecretWork::Remove }
}

/// A cluster in which this Secret is, and an Azure with these keys.
fn world(secret: Option<Value>, keys: Option<EndpointKeys>) -> Context<Nowhere> {
    let world = context();
    *world.ports.keys.lock().unwrap() = keys;
    if let Some(metadata) = secret {
        let secret = json!({"metadata": metadata, "type": "Opaque", "data": {"more": "bW9yZQ=="}});
        let key = ("fares".to_string(), "taxi-keys".to_string());
        world.ports.secrets.lock().unwrap().insert(key, serde_json::from_value(secret).unwrap());
    }
    world
}

fn named(labels: &Value) -> Value {
    json!({"name": "taxi-keys", "namespace": "fares", "resourceVersion": "1", "labels": labels})
}

/// Labels, or data.
type Texts = BTreeMap<String, String>;

/// What is in the Secret: who owns it, its labels and its data.
fn held(world: &Context<Nowhere>) -> Option<(Vec<String>, Texts, Texts)> {
    let secrets = world.ports.secrets.lock().unwrap();
    let secret = secrets.values().next()?.clone();
    let text = |(key, value): (String, ByteString)| (key, String::from_utf8(value.0).unwrap());
    let owners = secret.owner_references().iter().map(|owner| owner.uid.clone()).collect();
    let labels = secret.labels().clone();
    Some((owners, labels, secret.data.unwrap_or_default().into_iter().map(text).collect()))
}

#[tokio::test]
async fn the_keys_are_written_and_follow_what_azure_has() {
    let (world, taxi) = (world(None, Some(keys("first"))), binding("taxi", &[]));
    assert_eq!(carry_out(&taxi, &write(), &world).await, Ok(true));
    let (owners, labels, data) = held(&world).unwrap();
    assert_eq!(owners, ["taxi"]);
    assert_eq!(labels[KEYS_LABEL], "taxi");
    let expected =
        [("primaryKey", "first"), ("scoringUri", "https://taxi/score"), ("secondaryKey", "second")];
    assert_eq!(data.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect::<Vec<_>>(), expected);
    assert_eq!(carry_out(&taxi, &write(), &world).await, Ok(false), "nothing has changed");
    *world.ports.keys.lock().unwrap() = Some(keys("rotated"));
    assert_eq!(carry_out(&taxi, &write(), &world).await, Ok(true));
    assert_eq!(held(&world).unwrap().2["primaryKey"], "rotated");
    assert_eq!(carry_out(&taxi, &remove(), &world).await, Ok(true));
    assert_eq!(carry_out(&taxi, &remove(), &world).await, Ok(false), "it is gone");
}

#[tokio::test]
async fn what_is_not_ours_for_this_binding_is_left_alone_and_no_key_is_asked_for() {
    let taxi = binding("taxi", &[]);
    for labels in [json!({}), json!({"bindery.dev/endpoint-keys": "another"})] {
        // Azure gives no keys: to ask for them would be another answer.
        let world = world(Some(named(&labels)), None);
        let before = held(&world);
        for deed in [write(), remove()] {
            assert_eq!(carry_out(&taxi, &deed, &world).await, Err(SecretRefusal::NotOurs), "{labels}");
        }
        assert_eq!(held(&world), before);
    }
}

#[tokio::test]
async fn the_secret_of_a_binding_that_is_renamed_becomes_the_heirs() {
    let (world, taxi) = (world(None, Some(keys("first"))), binding("taxi", &[]));
    let give = SecretDeed { work: SecretWork::HandOver("heir".into()), ..remove() };
    assert_eq!(carry_out(&taxi, &give, &world).await, Ok(false), "there is none");
    carry_out(&taxi, &write(), &world).await.unwrap();
    assert_eq!(carry_out(&taxi, &give, &world).await, Ok(true));
    let (owners, labels, data) = held(&world).unwrap();
    assert_eq!((owners.len(), labels[KEYS_LABEL].as_str()), (0, "heir"));
    assert_eq!(data["primaryKey"], "first");
    for deed in [give, remove()] {
        assert_eq!(carry_out(&taxi, &deed, &world).await, Err(SecretRefusal::NotOurs));
    }
    assert_eq!(carry_out(&binding("heir", &[]), &write(), &world).await, Ok(true));
    assert_eq!(held(&world).unwrap().0, ["heir"]);
}

#[tokio::test]
async fn what_others_have_put_into_our_secret_stays() {
    let world = world(
        Some(named(&json!({"bindery.dev/endpoint-keys": "taxi", "team": "fares"}))),
        Some(keys("first")),
    );
    assert_eq!(carry_out(&binding("taxi", &[]), &write(), &world).await, Ok(true));
    let (owners, labels, data) = held(&world).unwrap();
    assert_eq!((owners, labels["team"].as_str()), (vec!["taxi".to_string()], "fares"));
    assert_eq!((data["more"].as_str(), data["primaryKey"].as_str()), ("more", "first"));
}

#[tokio::test]
async fn what_does_not_work_is_told() {
    let taxi = binding("taxi", &[]);
    let silent = Error::new(Class::Transient, "Nobody answers.");
    let no_keys = carry_out(&taxi, &write(), &world(None, None)).await;
    assert_eq!(no_keys, Err(SecretRefusal::Azure(silent)));
    let refusing = world(None, Some(keys("first")));
    refusing.ports.refuses.store(true, Ordering::Relaxed);
    assert_eq!(carry_out(&taxi, &write(), &refusing).await, Err(SecretRefusal::Forbidden));
}

#[test]
fn keys_are_not_shown() {
    assert_eq!(format!("{:?}", keys("first")), "two keys");
}
