//! Every question, and what is only observed.

use super::*;
use crate::api::RegionRemoval;
use crate::azure::model::Class;
use crate::decide::Mode;
use crate::decide::fixtures::{ago, assert_table, attempt, failed_state, failure, tags};

fn unserved(change: impl FnOnce(&mut Facts)) -> Facts {
    with(|f| {
        (f.registry, f.situation.acting) = (Look::Unseen, Err("Add it.".into()));
        change(f);
    })
}

#[test]
fn every_question_has_its_answer() {
    assert_table(&vec![
        (
            "all as it should be",
            decide(&registry()),
            "True Succeeded settled | The registry is what the manifest says, in 1 region. | interval",
        ),
        (
            "no identity serves it",
            decide(&unserved(|_| ())),
            "False IdentityNotAllowed stalled | Add it. | interval",
        ),
        (
            "no identity serves it, and it goes",
            decide(&unserved(|f| {
                f.situation.deleting = true;
                f.spec.deletion_policy = crate::api::RegistryDeletion::Delete;
            })),
            "False IdentityNotAllowed stalled | Add it. | interval",
        ),
        (
            "no identity serves it, and it goes and leaves the registry",
            decide(&unserved(|f| f.situation.deleting = true)),
            "False Finishing working | The registry stays in Azure: spec.deletionPolicy is Retain. | interval | released",
        ),
        (
            "nothing in Azure yet",
            decide(&new(|_| ())),
            "False Creating working | -> create the registry models | now",
        ),
        (
            "Azure makes it",
            decide(&new(|f| {
                running(f, Purpose::Create, "create the registry models", 40, OperationState::Running);
            })),
            "False OperationRunning working | Azure works on it: create the registry models. | 10 s",
        ),
        (
            "made, and not to be seen yet",
            decide(&new(|f| {
                running(f, Purpose::Create, "create the registry models", 40, OperationState::Succeeded);
            })),
            "False OperationRunning working | Azure says that the registry is made; Bindery waits until it can be seen. | 10 s",
        ),
        (
            "made, it says, and for hours not to be seen",
            decide(&new(|f| {
                running(f, Purpose::Create, "create the registry models", 7200, OperationState::Succeeded);
            })),
            "False Creating working | -> create the registry models | now",
        ),
        (
            "an operation that never ends is not believed for ever",
            decide(&with(|f| {
                running(
                    f,
                    Purpose::Update,
                    "change tags.team of registry models",
                    7200,
                    OperationState::Running,
                );
            })),
            "True Succeeded settled | The registry is what the manifest says, in 1 region. | interval",
        ),
        (
            "the operation is lost, and there is nothing",
            decide(&new(|f| {
                running(f, Purpose::Create, "create the registry models", 40, OperationState::Gone);
            })),
            "False Creating working | -> create the registry models | now",
        ),
        (
            "the creation failed",
            decide(&new(|f| {
                running(f, Purpose::Create, "create the registry models", 40, failed_state());
                f.situation.trouble.failure = Some(failure(
                    attempt(Purpose::Create, &f.id, "create the registry models"),
                    Class::Permanent,
                    0,
                    1,
                ));
            })),
            "False Refused stalled | Bindery could not create the registry models: No. Correct what Azure names, in the manifest or in Azure; Bindery tries again, at least every 10 min. | 10 s",
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
                f.situation.trouble.failure = Some(failure(
                    attempt(Purpose::Create, &f.id, "create the registry models"),
                    Class::Permanent,
                    0,
                    1,
                ));
            })),
            "False Refused stalled | Bindery could not create the registry models: No. Correct what Azure names, in the manifest or in Azure; Bindery tries again, at least every 10 min. | 10 s",
        ),
        (
            "and is tried again",
            decide(&halfway(|f| {
                f.situation.trouble.failure = Some(failure(
                    attempt(Purpose::Create, &f.id, "create the registry models"),
                    Class::Permanent,
                    10,
                    1,
                ));
            })),
            "False Refused stalled | -> create the registry models | now",
        ),
        (
            "and asking again has failed too",
            decide(&halfway(|f| {
                let doing = "ask again for the accounts of registry models in eastus";
                f.situation.trouble.failure =
                    Some(failure(attempt(Purpose::CompleteAccounts, &f.id, doing), Class::Permanent, 0, 1));
            })),
            "False Refused stalled | Bindery could not ask again for the accounts of registry models in eastus: No. Correct what Azure names, in the manifest or in Azure; Bindery tries again, at least every 10 min. | 10 s",
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
            "a region is gone from the manifest, which says that it may be removed",
            decide(&with(|f| {
                f.spec.regions = regions(&["eastus"]);
                f.spec.region_removal = RegionRemoval::Delete;
                two_regions(f);
            })),
            "False Updating working | -> remove westus from the regions of registry models | now",
        ),
        (
            "a region is gone from the manifest, which does not say so",
            decide(&with(|f| {
                f.spec.regions = regions(&["eastus"]);
                two_regions(f);
            })),
            "False RegionRemovalRefused stalled | Azure has the registry in westus too, which spec.regions does not name, and spec.regionRemoval is Refuse. With a region go its storage account, its container registry, and the copies of every version there. Set spec.regionRemoval to Delete to have that, or add {location: westus} to spec.regions. Everything else is as the manifest says. | interval",
        ),
        (
            "the same, and a tag is to be put back: everything else is kept equal",
            decide(&with(|f| {
                f.spec.regions = regions(&["eastus"]);
                two_regions(f);
                tag(f, "team", "other");
            })),
            "False Drifted working | -> put back tags.team of registry models | now",
        ),
        (
            "the same, and another region is new",
            decide(&with(|f| {
                f.situation.generation = 2;
                f.spec.regions = regions(&["eastus", "northeurope"]);
                two_regions(f);
            })),
            "False Updating working | -> change regions of registry models | now",
        ),
        (
            "it exists, is nobody's, and is not to be taken over",
            decide(&with(|f| {
                f.situation.unadopted();
                f.registry = Look::Found(registry_found(&["eastus", "westus"], &[("team", "platform")]));
            })),
            "False AdoptionRefused stalled | The registry models is in Azure already, without the tag bindery-owner that names an owner, and Registry platform/models refuses to have it taken over. Set spec.management to Observe, which only looks, or have spec.adoption of Registry platform/models set to Allow: this object then becomes the owner of what is there. | interval",
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
                f.spec.region_removal = RegionRemoval::Delete;
                f.registry = Look::Found(registry_found(&["eastus", "westus"], &[("team", "platform")]));
            })),
            "False Drifted working | -> take over the registry models, which exists | now",
        ),
        (
            "it belongs to another cluster",
            decide(&with(|f| tag(f, "bindery-owner", "other/platform/models"))),
            "False OwnedByAnother stalled | The registry models belongs to platform/models of cluster other. Delete one of the two objects, or set spec.management to Observe. If that owner is gone for good, remove its tag: az tag update --resource-id /subscriptions/s/resourceGroups/rg/providers/Microsoft.MachineLearningServices/registries/models --operation Delete --tags bindery-owner=other/platform/models. | interval",
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
            "the same, and differs",
            decide(&with(|f| {
                tag(f, "bindery-owner", "other/platform/models");
                tag(f, "team", "blue");
                f.situation.mode = Mode::Observe;
            })),
            "True Observed settled | Registry models differs from the manifest in tags.team. It belongs to platform/models of cluster other, and Bindery leaves it as it is: spec.management is Observe. | interval",
        ),
        (
            "it belongs to an object of another namespace, which is not watched",
            decide(&with(|f| {
                tag(f, "bindery-owner", "prod/a/models");
                f.situation.ownership.watched = crate::decide::Watched::only(["platform".into()]);
            })),
            "False OwnedByAnother stalled | The registry models belongs to a/models, which this operator cannot see, because a is not among its --watch-namespaces. Delete one of the two objects, or set spec.management to Observe. If that owner is gone for good, remove its tag: az tag update --resource-id /subscriptions/s/resourceGroups/rg/providers/Microsoft.MachineLearningServices/registries/models --operation Delete --tags bindery-owner=prod/a/models. | interval",
        ),
        (
            "it was an object's of this cluster that is gone",
            decide(&with(|f| {
                tag(f, "bindery-owner", "prod/platform/old");
                f.situation.left_by("platform/old", 300);
            })),
            "False Updating working | -> take over the registry models, which exists | now",
        ),
        (
            "an older object claims it",
            decide(&with(|f| {
                tag(f, "bindery-owner", "");
                f.situation.claimed_by("platform/older", 60);
            })),
            "False OwnedByAnother stalled | The registry models belongs to platform/older, which was created earlier. Delete one of the two objects, or set spec.management to Observe. | interval",
        ),
        (
            "others claim it, and the tag names this object",
            decide(&with(|f| {
                f.situation.claimed_by("platform/younger", -60);
                f.situation.claimed_by("platform/older", 60);
            })),
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
            "a region too many, whose removal is refused",
            decide(&observing(|f| {
                f.spec.regions = regions(&["eastus"]);
                two_regions(f);
            })),
            "True Observed settled | The registry is there; Bindery leaves it as it is. | interval",
        ),
        (
            "a region too many",
            decide(&observing(|f| {
                f.spec.regions = regions(&["eastus"]);
                f.spec.region_removal = RegionRemoval::Delete;
                two_regions(f);
            })),
            "True Observed settled | Bindery would put back regions of registry models, but spec.management is Observe. | 600 s",
        ),
    ]);
}

#[test]
fn what_belongs_to_another_is_the_others_to_report() {
    let mut facts = registry();
    facts.status = decide(&facts).status;
    assert!(facts.status.region_summary.is_some());
    facts.situation.asks = Some("now".into());
    let Look::Found(found) = &mut facts.registry else { unreachable!() };
    found.tags.insert("bindery-owner".into(), "other/a/b".into());
    let status = decide(&facts).status;
    let told = serde_json::to_value(&status).unwrap();
    let told: Vec<&String> = told.as_object().unwrap().keys().collect();
    assert_eq!(told, ["conditions", "id", "lastHandledReconcile", "observedGeneration", "ownedTags"]);
    assert!(status.conditions.iter().all(|c| c.type_ != "Drifted"));
}
