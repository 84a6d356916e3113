#![allow(clippy::unwrap_used)]

use serde_json::{Value, json};

use super::{Facts, decide};
use crate::api::{Reason, RegistryDeletion};
use crate::azure::{Action, Class, Error, OperationState, Reply};
use crate::decide::fixtures::{
    ago, assert_table, failed_state, failure, noon, operation, registry, registry_found, tags, told,
};
use crate::decide::{Facts as _, Look, Mode};

fn with(change: impl FnOnce(&mut Facts)) -> Facts {
    let mut facts = registry();
    change(&mut facts);
    facts
}

/// A new object, of which nothing is in Azure yet.
fn new(change: impl FnOnce(&mut Facts)) -> Facts {
    with(|f| {
        f.registry = Look::Absent;
        f.status = crate::api::RegistryStatus { observed_generation: -1, ..Default::default() };
        change(f);
    })
}

fn deleting(change: impl FnOnce(&mut Facts)) -> Facts {
    with(|f| {
        f.situation.deleting = true;
        f.spec.deletion_policy = RegistryDeletion::Delete;
        change(f);
    })
}

fn running(facts: &mut Facts, doing: &str, seconds_ago: u64, state: OperationState) {
    let (remembered, polled) = operation(doing, &facts.id, seconds_ago, state);
    facts.status.operation = Some(remembered);
    facts.situation.operation = Some(polled);
}

fn regions(locations: &[&str]) -> Vec<crate::api::Region> {
    serde_json::from_value(json!(locations.iter().map(|l| json!({"location": l})).collect::<Vec<_>>()))
        .unwrap()
}

fn two_regions(facts: &mut Facts) {
    facts.registry = Look::Found(registry_found(
        &["eastus", "westus"],
        &[("team", "platform"), ("bindery-owner", "prod/platform/models")],
    ));
}

fn tag(facts: &mut Facts, key: &str, value: &str) {
    let Look::Found(registry) = &mut facts.registry else { unreachable!() };
    registry.tags.insert(key.into(), value.into());
}

#[test]
fn every_question_has_its_answer() {
    assert_table(&[
        (
            "all as it should be",
            decide(&registry()),
            "True Succeeded settled | The registry is what the manifest says, in 1 region. | interval",
        ),
        (
            "nothing in Azure yet",
            decide(&new(|_| ())),
            "False Creating working | -> create the registry models | now",
        ),
        (
            "Azure makes it",
            decide(&new(|f| running(f, "create the registry models", 40, OperationState::Running))),
            "False OperationRunning working | Azure works on it: create the registry models. | 10 s",
        ),
        (
            "made, and not to be seen yet",
            decide(&new(|f| running(f, "create the registry models", 40, OperationState::Succeeded))),
            "False OperationRunning working | Azure says that the registry is made; Bindery waits until it can be seen. | 10 s",
        ),
        (
            "made, it says, and for hours not to be seen",
            decide(&new(|f| running(f, "create the registry models", 7200, OperationState::Succeeded))),
            "False Creating working | -> create the registry models | now",
        ),
        (
            "an operation that never ends is not believed for ever",
            decide(&with(|f| {
                running(f, "change tags.team of registry models", 7200, OperationState::Running);
            })),
            "True Succeeded settled | The registry is what the manifest says, in 1 region. | interval",
        ),
        (
            "the operation is lost, and there is nothing",
            decide(&new(|f| running(f, "create the registry models", 40, OperationState::Gone))),
            "False Creating working | -> create the registry models | now",
        ),
        (
            "the creation failed",
            decide(&new(|f| {
                running(f, "create the registry models", 40, failed_state());
                f.situation.failure = Some(failure("create the registry models", Class::Permanent, 0, 1));
            })),
            "False Refused stalled | Bindery could not create the registry models: No. Mend what Azure names; Bindery tries again, at least every 10 min. | 10 s",
        ),
        (
            "its accounts are not made yet",
            decide(&halfway(|_| ())),
            "False OperationRunning working | Azure has not yet made the accounts in eastus; Bindery asks again for them at 2026-03-01T12:30:00Z. | 10 s",
        ),
        (
            "and are not after half an hour",
            decide(&halfway(|f| f.status.awaiting_accounts_since = Some(ago(1800)))),
            "False Updating working | -> ask again for the accounts of registry models in eastus | now",
        ),
        (
            "its creation failed halfway",
            decide(&halfway(|f| {
                f.situation.failure = Some(failure("create the registry models", Class::Permanent, 0, 1));
            })),
            "False Refused stalled | Bindery could not create the registry models: No. Mend what Azure names; Bindery tries again, at least every 10 min. | 10 s",
        ),
        (
            "and is tried again",
            decide(&halfway(|f| {
                f.situation.failure = Some(failure("create the registry models", Class::Permanent, 10, 1));
            })),
            "False Refused stalled | -> create the registry models | now",
        ),
        (
            "and asking again has failed too",
            decide(&halfway(|f| {
                let doing = "ask again for the accounts of registry models in eastus";
                f.situation.failure = Some(failure(doing, Class::Permanent, 0, 1));
            })),
            "False Refused stalled | Bindery could not ask again for the accounts of registry models in eastus: No. Mend what Azure names; Bindery tries again, at least every 10 min. | 10 s",
        ),
        (
            "it stands on accounts that a user brought",
            decide(&with(|f| {
                let Look::Found(r) = &mut f.registry else { unreachable!() };
                let region = &mut r.properties.region_details[0];
                let account = |kind: &str| json!({"armResourceId": {"resourceId": format!("/{kind}/mine")}});
                region.storage_account_details =
                    vec![json!({"userCreatedStorageAccount": account("storage")})];
                region.acr_details =
                    vec![json!({"systemCreatedAcrAccount": null, "userCreatedAcrAccount": account("acr")})];
            })),
            "True Succeeded settled | The registry is what the manifest says, in 1 region. | interval",
        ),
        (
            "somebody changed a tag",
            decide(&with(|f| tag(f, "team", "other"))),
            "False Drifted working | -> put back tags.team of registry models | now",
        ),
        (
            "somebody added a tag",
            decide(&with(|f| tag(f, "cost", "1"))),
            "True Succeeded settled | The registry is what the manifest says, in 1 region. | interval",
        ),
        (
            "a tag is new in the manifest",
            decide(&with(|f| {
                f.situation.generation = 2;
                f.spec.tags = tags([("team", "platform"), ("cost", "1")]);
            })),
            "False Updating working | -> change tags.cost of registry models | now",
        ),
        (
            "a tag is gone from the manifest",
            decide(&with(|f| {
                f.situation.generation = 2;
                f.spec.tags = tags([]);
            })),
            "False Updating working | -> change tags.team of registry models | now",
        ),
        (
            "a region is new in the manifest",
            decide(&with(|f| {
                f.situation.generation = 2;
                f.spec.regions = regions(&["eastus", "westus"]);
            })),
            "False Updating working | -> change regions of registry models | now",
        ),
        (
            "a region is gone from the manifest",
            decide(&with(|f| {
                f.spec.regions = regions(&["eastus"]);
                two_regions(f);
            })),
            "False Updating working | -> remove westus from the regions of registry models | now",
        ),
        (
            "a manifest without regions leaves them alone",
            decide(&with(two_regions)),
            "True Succeeded settled | The registry is what the manifest says, in 2 regions. | interval",
        ),
        (
            "it exists, and is nobody's: taken over before a region is removed",
            decide(&with(|f| {
                f.spec.regions = regions(&["eastus"]);
                f.registry = Look::Found(registry_found(&["eastus", "westus"], &[("team", "platform")]));
            })),
            "False Drifted working | -> take over the registry models, which exists | now",
        ),
        (
            "it belongs to another cluster",
            decide(&with(|f| tag(f, "bindery-owner", "other/platform/models"))),
            "False OwnedByAnother stalled | The registry models belongs to platform/models of cluster other. Delete one of the two objects; if the other owner is gone for good, remove the tag bindery-owner in Azure. | interval",
        ),
        (
            "it belongs to another cluster, and is only observed",
            decide(&with(|f| {
                tag(f, "bindery-owner", "other/platform/models");
                f.situation.mode = Mode::Observe;
            })),
            "True Observed settled | The registry is there; Bindery leaves it as it is. | interval",
        ),
        (
            "it belongs to an object of another namespace, and only one is watched",
            decide(&with(|f| {
                tag(f, "bindery-owner", "prod/a/models");
                f.situation.one_namespace = true;
            })),
            "False OwnedByAnother stalled | The registry models belongs to a/models, which this operator cannot see, because it watches one namespace alone. Delete one of the two objects; if the other owner is gone for good, remove the tag bindery-owner in Azure. | interval",
        ),
        (
            "it was an object's of this cluster that is gone",
            decide(&with(|f| tag(f, "bindery-owner", "prod/platform/old"))),
            "False Updating working | -> take over the registry models, which exists | now",
        ),
        (
            "an older object claims it",
            decide(&with(|f| f.situation.claimed_by("platform/older", 60))),
            "False OwnedByAnother stalled | The registry models belongs to platform/older, which was created earlier. Delete one of the two objects; if the other owner is gone for good, remove the tag bindery-owner in Azure. | interval",
        ),
        (
            "a younger object claims it",
            decide(&with(|f| f.situation.claimed_by("platform/younger", -60))),
            "True Succeeded settled | The registry is what the manifest says, in 1 region. | interval",
        ),
        (
            "Azure cannot be read",
            decide(&with(|f| {
                f.registry = Look::Unseen;
                f.situation.unreadable_by(Class::Transient);
            })),
            "True Succeeded settled | All is well. | 1 s",
        ),
    ]);
}

#[test]
fn what_is_observed_is_left_alone() {
    let observing = |change: fn(&mut Facts)| {
        with(|f| {
            f.situation.mode = Mode::Observe;
            f.status = crate::api::RegistryStatus::default();
            change(f);
        })
    };
    assert_table(&[
        (
            "nobody's",
            decide(&observing(|f| {
                f.registry = Look::Found(registry_found(&["eastus"], &[("team", "platform")]));
            })),
            "True Observed settled | The registry is there; Bindery leaves it as it is. | interval",
        ),
        (
            "nobody's, by --observe-only",
            decide(&observing(|f| {
                f.situation.mode = Mode::ObserveOnly;
                f.registry = Look::Found(registry_found(&["eastus"], &[("team", "platform")]));
            })),
            "True Observed settled | The registry is there; Bindery leaves it as it is. | interval",
        ),
        (
            "another tag",
            decide(&observing(|f| tag(f, "team", "other"))),
            "True Observed settled | Bindery would put back tags.team of registry models, but spec.management is Observe. | 600 s",
        ),
        (
            "absent",
            decide(&observing(|f| f.registry = Look::Absent)),
            "False NotInAzure stalled | There is no registry models in Azure, and Bindery makes none: spec.management is Observe. Check spec.azure, or let Bindery manage it. | interval",
        ),
        (
            "a region too many",
            decide(&observing(|f| {
                f.spec.regions = regions(&["eastus"]);
                two_regions(f);
            })),
            "True Observed settled | Bindery would put back regions of registry models, but spec.management is Observe. | 600 s",
        ),
    ]);
}

#[test]
fn a_deletion_ends_as_its_policy_says() {
    assert_table(&[
        (
            "retained",
            decide(&deleting(|f| f.spec.deletion_policy = RegistryDeletion::Retain)),
            "False Finishing working | The registry stays in Azure: spec.deletionPolicy is Retain. | interval | released",
        ),
        ("empty", decide(&deleting(|_| ())), "False Deleting working | -> delete the registry models | now"),
        (
            "not empty",
            decide(&deleting(|f| f.holds = vec!["3 models".into()])),
            "False NotEmpty stalled | The registry is not deleted while it holds 3 models. Remove them first, or set spec.deletionPolicy to Retain to let go of it. | interval",
        ),
        (
            "still referred to",
            decide(&deleting(|f| f.referrers = vec!["ModelVersion fares/taxi-3".into()])),
            "False NotEmpty stalled | The registry is not deleted while it holds ModelVersion fares/taxi-3. Remove them first, or set spec.deletionPolicy to Retain to let go of it. | interval",
        ),
        (
            "gone",
            decide(&deleting(|f| f.registry = Look::Absent)),
            "False Finishing working | The registry is gone from Azure. | interval | released",
        ),
        (
            "still being made",
            decide(&deleting(|f| {
                f.registry = Look::Absent;
                running(f, "create the registry models", 8, OperationState::Running);
            })),
            "False OperationRunning working | Azure works on it: create the registry models. | 2 s",
        ),
        (
            "being deleted",
            decide(&deleting(|f| running(f, "delete the registry models", 8, OperationState::Running))),
            "False OperationRunning working | Azure works on it: delete the registry models. | 2 s",
        ),
        (
            "never taken over",
            decide(&deleting(|f| f.registry = Look::Found(registry_found(&["eastus"], &[])))),
            "False Finishing working | The registry models stays in Azure: it is not this object's. | interval | released",
        ),
        (
            "another cluster's",
            decide(&deleting(|f| tag(f, "bindery-owner", "other/platform/models"))),
            "False Finishing working | The registry models stays in Azure: it is not this object's. | interval | released",
        ),
        (
            "another object stands for it",
            decide(&deleting(|f| f.situation.claimed_by("platform/new", -60))),
            "False Deleting working | -> hand the registry models over to platform/new | now",
        ),
        (
            "suspended",
            decide(&deleting(|f| f.situation.mode = Mode::Suspended)),
            "False Finishing working | Bindery lets go and leaves Azure as it is: spec.suspend is true. | interval | released",
        ),
        (
            "observed, and Azure cannot be read",
            decide(&deleting(|f| {
                f.situation.mode = Mode::Observe;
                f.registry = Look::Unseen;
                f.situation.unreadable_by(Class::Unauthorized);
            })),
            "False Finishing working | Bindery lets go and leaves Azure as it is: spec.management is Observe. | interval | released",
        ),
        (
            "Azure cannot be read",
            decide(&deleting(|f| {
                f.registry = Look::Unseen;
                f.situation.unreadable_by(Class::Unauthorized);
            })),
            "False Unauthorized stalled | Bindery could not read it: No. Check the operator's credential and its rights in Azure; Bindery tries again, at least every 10 min. | 10 s",
        ),
    ]);
}

fn put(facts: &Facts) -> Value {
    match decide(facts).call.unwrap().action {
        Action::Put(body) => body,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_new_registry_is_what_the_manifest_says() {
    let account = |kind: &str, what: Value| json!([{kind: what}]);
    assert_eq!(
        put(&new(|_| ())),
        json!({
            "location": "eastus",
            "identity": {"type": "SystemAssigned"},
            "tags": {"team": "platform", "bindery-owner": "prod/platform/models"},
            "properties": {
                "publicNetworkAccess": "Enabled",
                "regionDetails": [{
                    "location": "eastus",
                    "storageAccountDetails": account("systemCreatedStorageAccount", json!({
                        "storageAccountType": "Standard_LRS",
                        "storageAccountHnsEnabled": false,
                        "allowBlobPublicAccess": false,
                    })),
                    "acrDetails": account("systemCreatedAcrAccount", json!({"acrAccountSku": "Premium"})),
                }],
            },
        })
    );
}

#[test]
fn what_is_not_ours_goes_back_as_it_came() {
    let body = put(&with(|f| {
        tag(f, "theirs", "kept");
        tag(f, "team", "other");
    }));
    assert_eq!(
        body["tags"],
        json!({"team": "platform", "theirs": "kept", "bindery-owner": "prod/platform/models"})
    );
    assert_eq!((&body["kind"], &body["properties"]["futureProperty"]), (&json!("future"), &json!(7)));
    assert_eq!(body["identity"], json!({"type": "SystemAssigned", "principalId": "p"}));
}

#[test]
fn only_the_surplus_region_is_removed_and_people_are_told() {
    let facts = with(|f| {
        f.spec.regions = regions(&["eastus"]);
        two_regions(f);
    });
    let decision = decide(&facts);
    assert_eq!(
        decision.call.unwrap().action,
        Action::Post(
            "removeRegions",
            json!({"location": "eastus", "properties": {"regionDetails": [{"location": "westus"}]}})
        )
    );
    assert_eq!(decision.events.len(), 1);
    assert!(decision.events[0].warning && decision.events[0].reason == Reason::Updating);
}

/// It is there, and Azure has made no accounts for it.
fn halfway(change: impl FnOnce(&mut Facts)) -> Facts {
    with(|f| {
        let Look::Found(r) = &mut f.registry else { unreachable!() };
        r.properties.region_details[0].acr_details = vec![json!({"systemCreatedAcrAccount": {}})];
        change(f);
    })
}

#[test]
fn the_wait_for_accounts_is_remembered_and_begins_again_with_every_put() {
    let since = |f: &Facts| decide(f).status.awaiting_accounts_since;
    assert_eq!(since(&with(|_| ())), None);
    assert_eq!(since(&halfway(|_| ())), Some(noon().to_string()));
    assert_eq!(
        since(&halfway(|f| f.status.awaiting_accounts_since = Some(ago(60)))),
        Some(ago(60)),
        "a restart begins no new wait"
    );
    assert_eq!(
        since(&halfway(|f| f.status.awaiting_accounts_since = Some(ago(1800)))),
        Some(noon().to_string())
    );
    let works = halfway(|f| running(f, "create the registry models", 40, OperationState::Running));
    assert_eq!(since(&works), None);
}

#[test]
fn an_answer_is_a_fact_at_once() {
    let mut facts = new(|_| ());
    let before = decide(&facts);
    let call = before.call.unwrap();
    let reply = Reply { status: 202, operation: Some("https://op".into()), ..Reply::default() };
    facts.remember(before.status);
    facts.absorb(&call, Ok(&reply));
    let afterwards = decide(&facts);
    assert_eq!(
        told(&afterwards),
        "False OperationRunning working | Azure works on it: create the registry models. | 1 s"
    );
    let operation = afterwards.status.operation.unwrap();
    assert_eq!((operation.url.as_str(), operation.since), ("https://op", noon().to_string()));
    assert_eq!(afterwards.status.owned_tags, ["team"]);

    let mut facts = new(|_| ());
    facts.absorb(&call, Err(&Error::new(Class::Transient, "No.")));
    assert_eq!(facts.status.operation, None);
}

#[test]
fn a_tag_that_we_set_stays_ours_until_it_is_gone() {
    // The intent is stored before the call, so that a lost answer leaves no tag behind.
    let adding = with(|f| f.spec.tags = tags([("team", "platform"), ("cost", "1")]));
    assert_eq!(decide(&adding).status.owned_tags, ["cost", "team"]);
    let removing = with(|f| f.spec.tags = tags([]));
    assert_eq!(decide(&removing).status.owned_tags, ["team"]);
    assert_eq!(put(&removing)["tags"], json!({"bindery-owner": "prod/platform/models"}));
    // A lost status finds its keys again.
    let forgotten = with(|f| f.status = crate::api::RegistryStatus::default());
    assert_eq!(decide(&forgotten).status.owned_tags, ["team"]);
    // One that is gone from both is ours no more.
    let gone = with(|f| {
        f.spec.tags = tags([]);
        f.registry = Look::Found(registry_found(&["eastus"], &[("bindery-owner", "prod/platform/models")]));
    });
    assert_eq!(decide(&gone).status.owned_tags, Vec::<String>::new());
    // But not while Azure still works on it: the change may fail.
    let (remembered, polled) = operation("change it", &gone.id, 60, OperationState::Running);
    let mut changing = gone;
    changing.status.operation = Some(remembered);
    changing.situation.operation = Some(polled);
    assert_eq!(decide(&changing).status.owned_tags, ["team"]);
}

/// Azure says how it made the accounts of eastus.
fn made_so(facts: &mut Facts, storage: &Value, sku: &str) {
    let Look::Found(r) = &mut facts.registry else { unreachable!() };
    let region = &mut r.properties.region_details[0];
    let held = &mut region.storage_account_details[0]["systemCreatedStorageAccount"];
    held.as_object_mut().unwrap().extend(storage.as_object().unwrap().clone());
    region.acr_details[0]["systemCreatedAcrAccount"]["acrAccountSku"] = json!(sku);
}

#[test]
fn accounts_stay_as_they_were_made() {
    let locally = || json!({"storageAccountType": "standard_lrs", "storageAccountHnsEnabled": false});
    let wanting = |storage: Value, change: &dyn Fn(&mut Facts)| {
        with(|f| {
            made_so(f, &locally(), "Premium");
            f.spec.regions =
                serde_json::from_value(json!([{"location": "eastus", "storage": storage}])).unwrap();
            change(f);
        })
    };
    let everywhere = || json!({"accountType": "Standard_GRS", "hierarchicalNamespace": true});
    let nobodys = |f: &mut Facts| {
        let Look::Found(r) = &mut f.registry else { unreachable!() };
        r.tags.remove("bindery-owner");
    };
    assert_table(&[
        (
            "as they were made",
            decide(&wanting(json!({"allowBlobPublicAccess": true}), &|_| ())),
            "True Succeeded settled | The registry is what the manifest says, in 1 region. | interval",
        ),
        (
            "otherwise",
            decide(&wanting(everywhere(), &|_| ())),
            "False Unchangeable stalled | Azure made the accounts otherwise than the manifest says, and cannot change them: regions[eastus].storage.accountType is standard_lrs, not Standard_GRS; regions[eastus].storage.hierarchicalNamespace is false, not true. Take spec.regions out of the manifest, which leaves the regions as they are, and then write it with what Azure has. | interval",
        ),
        (
            "otherwise, and nobody's: taken over first",
            decide(&wanting(everywhere(), &nobodys)),
            "False Updating working | -> take over the registry models, which exists | now",
        ),
        (
            "otherwise, and only observed",
            decide(&wanting(everywhere(), &|f| f.situation.mode = Mode::Observe)),
            "True Observed settled | The registry is there; Bindery leaves it as it is. | interval",
        ),
    ]);
    let observed = decide(&wanting(everywhere(), &|f| f.situation.mode = Mode::Observe));
    let fields: Vec<String> = observed.status.drift.into_iter().map(|d| d.field).collect();
    assert_eq!(
        fields,
        ["regions[eastus].storage.accountType", "regions[eastus].storage.hierarchicalNamespace"]
    );
}
