//! Every question, and whose the version is.

use super::*;
use crate::azure::model::Class;
use crate::decide::fixtures::{assert_table, tags};
use crate::decide::{Mode, Right};

#[test]
fn what_belongs_to_another_is_the_others_to_report() {
    let told = |change: &dyn Fn(&mut Facts)| {
        let served = || {
            serde_json::from_value(
                serde_json::json!({"namespace": "a", "name": "b", "endpoint": "e", "deployment": "d", "role": "Stable"}),
            )
        };
        let mut facts = with(|f| {
            f.served_by = vec![served().unwrap()];
            f.status.lineage =
                Some(crate::api::Lineage { job: Some("train-3".into()), ..Default::default() });
        });
        facts.status = decide(&facts).status;
        change(&mut facts);
        let status = decide(&facts).status;
        let registered = status.conditions.iter().any(|c| c.type_ == "Registered");
        let drifted = status.conditions.iter().any(|c| c.type_ == "Drifted");
        let shows = [
            ("id", status.id.is_some()),
            ("asset", status.asset_id.is_some()),
            ("stage", status.stage.is_some()),
            ("kind", status.kind.is_some()),
            ("lineage", status.lineage.is_some()),
            ("served", !status.served_by.is_empty() && status.serving_summary.is_some()),
            ("registered", registered),
            ("drifted", drifted),
        ];
        shows.into_iter().filter_map(|(what, shown)| shown.then_some(what)).collect::<Vec<_>>().join(" ")
    };
    let all = "id asset stage kind lineage served registered drifted";
    let tagged = |f: &mut Facts, owner: &str| {
        found(f).tags.insert("bindery-owner".into(), owner.into());
    };
    assert_eq!(told(&|_| ()), all);
    assert_eq!(told(&|f| tagged(f, "other/a/b")), "", "another cluster's");
    let going = |f: &mut Facts| {
        tagged(f, "prod/fares/older");
        f.situation.ownership.leaving = vec!["fares/older".into()];
    };
    assert_eq!(told(&going), "", "not yet handed over");
    assert_eq!(
        told(&unadopted),
        "served",
        "nobody's, and not to be taken over: no other object tells who serves it"
    );
    let unadopted_stranger = |f: &mut Facts| {
        unadopted(f);
        kept_out(f);
    };
    assert_eq!(told(&unadopted_stranger), "", "nobody's, and not this namespace's to look at");
    let mismatch = |f: &mut Facts| found(f).model_type = Some("triton_model".into());
    assert!(told(&mismatch).contains("served"), "another file than the manifest says serves all the same");
    assert_eq!(told(&kept_out), all, "no publisher any more, and still the owner");
    let never_owned = |f: &mut Facts| {
        kept_out(f);
        found(f).tags.remove("bindery-owner");
    };
    assert_eq!(told(&never_owned), "", "no publisher, and not the owner");
    let unread = |f: &mut Facts| {
        f.version = Look::Unseen;
        f.situation.unreadable_by(Class::Transient);
        f.situation.claimed_by("fares/older", 60);
    };
    assert_eq!(told(&unread), all, "while nobody can read the tag, what is remembered stays");
    let never_let_in = |f: &mut Facts| {
        f.status = ModelVersionStatus::default();
        (f.place, f.version) = (missing(), Look::Unseen);
    };
    assert_eq!(told(&never_let_in), "", "its place does not let it in");
}

const UNADOPTED: &str = "False AdoptionRefused stalled | taxi:3 is in Azure already, without the tag bindery-owner that names an owner, and Registry platform/models refuses to have it taken over. Set spec.management to Observe, which only looks, or have spec.adoption of Registry platform/models set to Allow: this object then becomes the owner of what is there. | interval";

/// It is nobody's, and its place does not let it be taken over.
fn unadopted(facts: &mut Facts) {
    found(facts).tags.remove("bindery-owner");
    facts.situation.unadopted();
}

/// Its place does not let its namespace publish the model.
fn kept_out(facts: &mut Facts) {
    facts.situation.kept_out();
}

#[test]
fn every_question_has_its_answer() {
    // On the heap: there are many rows.
    let rows = vec![
        (
            "all as it should be",
            decide(&model_version()),
            "True Succeeded settled | taxi:3 is registered in workspace development. | interval",
        ),
        (
            "its place is missing",
            decide(&with(|f| f.place = missing())),
            "False ReferenceNotFound working | There is no Workspace fares/development, or neither its allowedNamespaces nor its publishers include this namespace. Apply it, or have its owner let this namespace in. | 300 s",
        ),
        (
            "its place is not ready",
            decide(&with(|f| {
                f.place = Place::NotReady {
                    what: "Workspace fares/development".into(),
                    because: "No.".into(),
                    stalled: false,
                    gone: false,
                }
            })),
            "False ReferenceNotReady working | Workspace fares/development is not ready: No. | interval",
        ),
        (
            "Azure cannot be read",
            decide(&new(|f| {
                f.version = Look::Unseen;
                f.situation.unreadable_by(Class::Transient);
            })),
            "Unknown Unreachable working | Bindery could not read it: No. Bindery tries again, at least every 5 min. | 1 s",
        ),
        (
            "another cluster's",
            decide(&with(|f| {
                found(f).tags.insert("bindery-owner".into(), "other/a/b".into());
            })),
            "False OwnedByAnother stalled | taxi:3 belongs to a/b of cluster other. Delete one of the two objects, register under another version, or set spec.management to Observe. If that owner is gone for good, remove its tag bindery-owner in Azure, by a GET of /subscriptions/s/resourceGroups/rg/providers/Microsoft.MachineLearningServices/workspaces/development/models/taxi/versions/3 and a PUT without it. | interval",
        ),
        (
            "it exists, and is nobody's, and its place says that it may be taken over",
            decide(&with(|f| found(f).tags.remove("bindery-owner").map_or((), drop))),
            "False Updating working | -> take over taxi:3, which exists | now",
        ),
        ("the same, and its place says nothing", decide(&with(unadopted)), UNADOPTED),
        (
            "the same, and the manifest says that it is there",
            decide(&with(|f| {
                unadopted(f);
                f.spec.source = existing();
            })),
            UNADOPTED,
        ),
        (
            "the same, and it is only looked at",
            decide(&with(|f| {
                unadopted(f);
                f.situation.mode = Mode::Observe;
            })),
            "True Observed settled | taxi:3 is registered in workspace development. | interval",
        ),
        (
            "another object's, and it is only looked at, and differs",
            decide(&with(|f| {
                found(f).tags.insert("bindery-owner".into(), "prod/blue/theirs".into());
                found(f).tags.insert("team".into(), "blue".into());
                f.situation.mode = Mode::Observe;
            })),
            "True Observed settled | taxi:3 differs from the manifest in tags.team. It belongs to blue/theirs, and Bindery leaves it as it is: spec.management is Observe. | interval",
        ),
        (
            "nobody's, and it is only looked at, and differs",
            decide(&with(|f| {
                unadopted(f);
                found(f).tags.insert("team".into(), "blue".into());
                f.situation.mode = Mode::Observe;
            })),
            "True Observed settled | Bindery would take over taxi:3, which exists, but spec.management is Observe. | 600 s",
        ),
        (
            "nothing is there, and its place says nothing",
            decide(&new(|f| f.situation.unadopted())),
            "False Registering working | -> register taxi:3 | now",
        ),
        (
            "another cluster's, and its place says nothing",
            decide(&with(|f| {
                found(f).tags.insert("bindery-owner".into(), "other/a/b".into());
                f.situation.unadopted();
            })),
            "False OwnedByAnother stalled | taxi:3 belongs to a/b of cluster other. Delete one of the two objects, register under another version, or set spec.management to Observe. If that owner is gone for good, remove its tag bindery-owner in Azure, by a GET of /subscriptions/s/resourceGroups/rg/providers/Microsoft.MachineLearningServices/workspaces/development/models/taxi/versions/3 and a PUT without it; then have spec.adoption of Registry platform/models set to Allow. | interval",
        ),
        (
            "its namespace is no publisher of the model",
            decide(&with(kept_out)),
            "False NotAPublisher stalled | Have it added. | interval",
        ),
        (
            "the same, and the version is not there",
            decide(&new(kept_out)),
            "False NotAPublisher stalled | Have it added. | interval",
        ),
        (
            "the same, and it is only looked at",
            decide(&with(|f| {
                kept_out(f);
                f.situation.mode = Mode::Observe;
            })),
            "True Observed settled | taxi:3 is registered in workspace development. | interval",
        ),
        (
            "the same, and it may not even refer to its place",
            decide(&new(|f| {
                kept_out(f);
                f.place = missing();
            })),
            "False ReferenceNotFound working | There is no Workspace fares/development, or neither its allowedNamespaces nor its publishers include this namespace. Apply it, or have its owner let this namespace in. | 300 s",
        ),
        (
            "the same, and its status remembers the version there, which it was let in for once",
            decide(&with(|f| {
                kept_out(f);
                f.status.id = f.id.as_ref().map(ToString::to_string);
                (f.place, f.version) = (missing(), Look::Unseen);
            })),
            "False NotAPublisher stalled | Have it added. | interval",
        ),
        (
            "the same, and what the status remembers is elsewhere",
            decide(&with(|f| {
                kept_out(f);
                f.status.id = Some("/subscriptions/s/resourceGroups/rg/providers/Microsoft.MachineLearningServices/workspaces/other/models/taxi/versions/3".into());
                (f.place, f.version) = (missing(), Look::Unseen);
            })),
            "False ReferenceNotFound working | There is no Workspace fares/development, or neither its allowedNamespaces nor its publishers include this namespace. Apply it, or have its owner let this namespace in. | 300 s",
        ),
        (
            "its place is gone, and its status remembers the version there",
            decide(&with(|f| {
                f.status.id = f.id.as_ref().map(ToString::to_string);
                (f.place, f.version) = (missing(), Look::Unseen);
            })),
            "False ReferenceNotFound working | There is no Workspace fares/development, or neither its allowedNamespaces nor its publishers include this namespace. Apply it, or have its owner let this namespace in. | 300 s",
        ),
        (
            "nobody can say whether its namespace is a publisher",
            decide(&with(|f| {
                f.situation.ownership.right = Right::NotWatched { because: "Watch it.".into() }
            })),
            "False NotWatched stalled | Watch it. | interval",
        ),
        (
            "an older object claims it",
            decide(&with(|f| {
                found(f).tags.clear();
                f.situation.claimed_by("fares/older", 60);
            })),
            "False OwnedByAnother stalled | taxi:3 belongs to fares/older, which was created earlier. Delete one of the two objects, register under another version, or set spec.management to Observe. | interval",
        ),
        (
            "Azure works on it",
            decide(&with(|f| found(f).provisioning_state = Some("Updating".into()))),
            "False OperationRunning working | Azure works on it: a change of the version. | 1 s",
        ),
        (
            "it should be there already, and is",
            decide(&with(|f| f.spec.source = existing())),
            "True Succeeded settled | taxi:3 is registered in workspace development. | interval",
        ),
        (
            "it should be there already, and is not",
            decide(&new(|f| f.spec.source = existing())),
            "False NotInAzure stalled | Azure does not have taxi:3, and spec.source.existing says that it is there already. Check the place, model and version; or make a new ModelVersion that says where the model comes from. | interval",
        ),
        (
            "its place is another one now",
            decide(&with(led_away)),
            "False Unchangeable stalled | spec.workspaceRef now means /subscriptions/s/resourceGroups/rg/providers/Microsoft.MachineLearningServices/workspaces/elsewhere, and the version of this object is /subscriptions/s/resourceGroups/rg/providers/Microsoft.MachineLearningServices/workspaces/development/models/taxi/versions/3. Put back the reference, or the place that it names; or make a new ModelVersion there. | interval",
        ),
        (
            "the same, and it is to be deleted",
            decide(&with(|f| {
                led_away(f);
                f.situation.deleting = true;
                f.spec.deletion_policy = crate::api::VersionDeletion::Archive;
            })),
            "False Unchangeable stalled | spec.workspaceRef now means /subscriptions/s/resourceGroups/rg/providers/Microsoft.MachineLearningServices/workspaces/elsewhere, and the version of this object is /subscriptions/s/resourceGroups/rg/providers/Microsoft.MachineLearningServices/workspaces/development/models/taxi/versions/3. Put back the reference, or the place that it names; or set spec.deletionPolicy to Retain to leave the version where it is. | interval",
        ),
        (
            "another type, and the manifest names none",
            decide(&with(|f| found(f).model_type = Some("CustomModel".into()))),
            "True Succeeded settled | taxi:3 is registered in workspace development. | interval",
        ),
        ("not in Azure yet", decide(&new(|_| ())), "False Registering working | -> register taxi:3 | now"),
        (
            "Azure has it as failed",
            decide(&with(|f| found(f).provisioning_state = Some("Failed".into()))),
            "False ResourceFailed stalled | Azure has taxi:3 in state Failed. Register the model under the next version. | interval",
        ),
        (
            "it exists, and is nobody's",
            decide(&with(|f| {
                found(f).tags.remove("bindery-owner");
            })),
            "False Updating working | -> take over taxi:3, which exists | now",
        ),
        (
            "somebody archived it, and the manifest says nothing of that",
            decide(&with(|f| found(f).is_archived = true)),
            "True Succeeded settled | taxi:3 is registered in workspace development. | interval",
        ),
        (
            "somebody archived it, and the manifest says otherwise",
            decide(&with(|f| {
                f.spec.archived = Some(false);
                found(f).is_archived = true;
            })),
            "False Drifted working | -> put back archived of taxi:3 | now",
        ),
        (
            "somebody changed a tag",
            decide(&with(|f| {
                found(f).tags.insert("team".into(), "x".into());
            })),
            "False Drifted working | -> put back tags.team of taxi:3 | now",
        ),
        (
            "somebody added a tag",
            decide(&with(|f| {
                found(f).tags.insert("theirs".into(), "x".into());
            })),
            "True Succeeded settled | taxi:3 is registered in workspace development. | interval",
        ),
        (
            "the manifest archives it",
            decide(&with(|f| {
                f.spec.archived = Some(true);
                f.situation.generation = 2;
            })),
            "False Updating working | -> change archived of taxi:3 | now",
        ),
        (
            "the manifest says more",
            decide(&with(|f| {
                f.situation.generation = 2;
                f.spec.description = Some("Fares.".into());
                f.spec.stage = Some("Production".into());
                f.spec.properties = tags([("a", "1")]);
            })),
            "False Updating working | -> change description, properties.a, stage of taxi:3 | now",
        ),
        (
            "observed, and another tag",
            decide(&with(|f| {
                f.situation.mode = Mode::Observe;
                found(f).tags.insert("team".into(), "x".into());
            })),
            "True Observed settled | Bindery would put back tags.team of taxi:3, but spec.management is Observe. | 600 s",
        ),
        (
            "observed, and nobody's",
            decide(&with(|f| {
                f.situation.mode = Mode::Observe;
                found(f).tags.remove("bindery-owner");
            })),
            "True Observed settled | taxi:3 is registered in workspace development. | interval",
        ),
        (
            "observed, and absent",
            decide(&new(|f| f.situation.mode = Mode::ObserveOnly)),
            "False NotInAzure stalled | Azure does not have taxi:3, and Bindery makes none: the operator runs with --observe-only. Check model and version, or let Bindery manage it. | interval",
        ),
    ];
    assert_table(&rows);
}

#[test]
fn an_owner_that_cannot_be_seen_is_another_and_what_is_observed_may_have_any() {
    assert_table(&[
        (
            "another cluster's, and only observed",
            decide(&with(|f| {
                found(f).tags.insert("bindery-owner".into(), "other/a/b".into());
                f.situation.mode = Mode::Observe;
            })),
            "True Observed settled | taxi:3 is registered in workspace development. | interval",
        ),
        (
            "an object's of another namespace, which is not watched",
            decide(&with(|f| {
                found(f).tags.insert("bindery-owner".into(), "prod/a/b".into());
                f.situation.ownership.watched = crate::decide::Watched::only(["fares".into()]);
            })),
            "False OwnedByAnother stalled | taxi:3 belongs to a/b, which this operator cannot see, because a is not among its --watch-namespaces. Delete one of the two objects, register under another version, or set spec.management to Observe. If that owner is gone for good, remove its tag bindery-owner in Azure, by a GET of /subscriptions/s/resourceGroups/rg/providers/Microsoft.MachineLearningServices/workspaces/development/models/taxi/versions/3 and a PUT without it. | interval",
        ),
        (
            "of the same namespace, and gone",
            decide(&with(|f| {
                found(f).tags.insert("bindery-owner".into(), "prod/fares/old".into());
                f.situation.ownership.watched = crate::decide::Watched::only(["fares".into()]);
                f.situation.left_by("fares/old", 300);
            })),
            "False Updating working | -> take over taxi:3, which exists | now",
        ),
    ]);
}

fn existing() -> crate::api::Source {
    serde_json::from_value(serde_json::json!({"existing": {}})).unwrap()
}

/// The reference to the workspace means another one now.
fn led_away(facts: &mut Facts) {
    let there = ResourceId::workspace("s", "rg", "elsewhere").model_version("taxi", "3");
    facts.led_away = Some(there);
}
