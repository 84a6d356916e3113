#![allow(clippy::unwrap_used)]

use serde_json::{Value, json};

use super::{Facts, decide};
use crate::api::{ModelVersionStatus, Publishing};
use crate::azure::{Action, Class, Error, OperationState, Reply, ResourceId};
use crate::decide::fixtures::{
    ago, assert_table, failed_state, failure, model_version, noon, operation, promotion, tags, told, version,
};
use crate::decide::{Facts as _, Look, Mode, Place, SourceVersion};

mod deletion;

fn with(change: impl FnOnce(&mut Facts)) -> Facts {
    let mut facts = model_version();
    change(&mut facts);
    facts
}

/// A new object, whose version is not in Azure.
fn new(change: impl FnOnce(&mut Facts)) -> Facts {
    with(|f| {
        f.version = Look::Absent;
        f.status = ModelVersionStatus { observed_generation: -1, ..Default::default() };
        change(f);
    })
}

fn promoting(change: impl FnOnce(&mut Facts)) -> Facts {
    let mut facts = promotion();
    facts.version = Look::Absent;
    facts.status = ModelVersionStatus { observed_generation: -1, ..Default::default() };
    change(&mut facts);
    facts
}

/// A publish was asked for so long ago.
fn asked(facts: &mut Facts, seconds_ago: u64) {
    facts.status.publishing = Some(Publishing { from: "/w/models/taxi/3".into(), since: ago(seconds_ago) });
}

fn running(facts: &mut Facts, state: OperationState) {
    let (remembered, polled) =
        operation("publish taxi:3 to registry models", &ResourceId::new("/w/models/taxi"), 700, state);
    facts.status.operation = Some(remembered);
    facts.situation.operation = Some(polled);
}

fn found(facts: &mut Facts) -> &mut crate::azure::resource::ModelVersionProperties {
    let Look::Found(version) = &mut facts.version else { unreachable!() };
    &mut version.properties
}

/// It has no job's name.
fn uploaded(facts: &mut Facts, uri: &str) {
    found(facts).job_name = None;
    found(facts).model_uri = Some(uri.into());
}

fn missing() -> Place {
    Place::Missing { what: "Workspace fares/development".into() }
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
            "an object's of another namespace, and only one is watched",
            decide(&with(|f| {
                found(f).tags.insert("bindery-owner".into(), "prod/a/b".into());
                f.situation.one_namespace = true;
            })),
            "False OwnedByAnother stalled | taxi:3 belongs to a/b, which this operator cannot see, because it watches one namespace alone. Delete one of the two objects, or register under another version; if the other owner is gone for good, remove the tag bindery-owner in Azure. | interval",
        ),
        (
            "of the same namespace, and gone",
            decide(&with(|f| {
                found(f).tags.insert("bindery-owner".into(), "prod/fares/old".into());
                f.situation.one_namespace = true;
            })),
            "False Updating working | -> take over taxi:3, which exists | now",
        ),
    ]);
}

#[test]
fn every_question_has_its_answer() {
    assert_table(&[
        (
            "all as it should be",
            decide(&model_version()),
            "True Succeeded settled | taxi:3 is registered in workspace development. | interval",
        ),
        (
            "its place is missing",
            decide(&with(|f| f.place = missing())),
            "False ReferenceNotFound stalled | There is no Workspace fares/development, or its allowedNamespaces does not include this namespace. Apply it, or have its owner allow this namespace. | interval",
        ),
        (
            "its place is not ready",
            decide(&with(|f| {
                f.place =
                    Place::NotReady { what: "Workspace fares/development".into(), because: "No.".into() }
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
            "False OwnedByAnother stalled | taxi:3 belongs to a/b of cluster other. Delete one of the two objects, or register under another version; if the other owner is gone for good, remove the tag bindery-owner in Azure. | interval",
        ),
        (
            "an older object claims it",
            decide(&with(|f| f.situation.claimed_by("fares/older", 60))),
            "False OwnedByAnother stalled | taxi:3 belongs to fares/older, which was created earlier. Delete one of the two objects, or register under another version; if the other owner is gone for good, remove the tag bindery-owner in Azure. | interval",
        ),
        (
            "Azure works on it",
            decide(&with(|f| found(f).provisioning_state = Some("Updating".into()))),
            "False OperationRunning working | Azure works on it: a change of the version. | 1 s",
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
            "somebody archived it",
            decide(&with(|f| found(f).is_archived = true)),
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
                f.spec.archived = true;
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
    ]);
}

#[test]
fn another_model_is_left_alone() {
    assert_table(&[
        (
            "made by another job",
            decide(&with(|f| found(f).job_name = Some("train-9".into()))),
            "False AssetMismatch stalled | taxi:3 exists in Azure, but it was made by job train-9. A version cannot be changed: register the model under the next version. | interval",
        ),
        (
            "uploaded by somebody, and only the manifest names a job",
            decide(&with(|f| uploaded(f, "azureml://datastores/blobs/paths/LocalUpload/0123/train-3"))),
            "False AssetMismatch stalled | taxi:3 exists in Azure, but it holds azureml://datastores/blobs/paths/LocalUpload/0123/train-3, and nothing says that job train-3 made it. A version cannot be changed: register the model under the next version. | interval",
        ),
        (
            "without a job's name, from where the job's outputs are",
            decide(&with(|f| uploaded(f, "azureml://jobs/train-3/outputs/artifacts/paths/model"))),
            "True Succeeded settled | taxi:3 is registered in workspace development. | interval",
        ),
        (
            "another format",
            decide(&with(|f| found(f).model_type = Some("CustomModel".into()))),
            "False AssetMismatch stalled | taxi:3 exists in Azure, but its type is CustomModel. A version cannot be changed: register the model under the next version. | interval",
        ),
    ]);
}

#[test]
fn a_promotion_is_published_once() {
    assert_table(&[
        (
            "the source is missing",
            decide(&promoting(|f| {
                f.source = Some(SourceVersion::Missing { what: "ModelVersion fares/taxi-3-dev".into() });
            })),
            "False ReferenceNotFound stalled | There is no ModelVersion fares/taxi-3-dev to promote, or this namespace may not refer to it. Apply it, or correct spec.source.modelVersionRef in a new ModelVersion. | interval",
        ),
        (
            "the source is not ready",
            decide(&promoting(|f| {
                f.source = Some(SourceVersion::NotReady {
                    what: "ModelVersion fares/taxi-3-dev".into(),
                    because: "No.".into(),
                });
            })),
            "False ReferenceNotReady working | ModelVersion fares/taxi-3-dev, which is to be promoted, is not ready: No. | interval",
        ),
        (
            "a source of another format",
            decide(&promoting(|f| f.spec.kind = crate::api::ModelType::Triton)),
            "False AssetMismatch stalled | /subscriptions/s/resourceGroups/rg/providers/Microsoft.MachineLearningServices/workspaces/development/models/taxi/versions/3 is of type MLflow, and spec.type says Triton. A copy has the type of its source: correct it in a new ModelVersion. | interval",
        ),
        (
            "a source in another registry, from which Azure cannot publish",
            decide(&promoting(|f| f.source = Some(version("3", Some("other"))))),
            "False AssetMismatch stalled | /subscriptions/s/resourceGroups/rg/providers/Microsoft.MachineLearningServices/registries/other/models/taxi/versions/3 is in registry other, and Azure publishes only from a workspace. Name the version that it was promoted from in a new ModelVersion. | interval",
        ),
        (
            "the source is ready",
            decide(&promoting(|_| ())),
            "False Publishing working | -> publish taxi:3 to registry models | now",
        ),
        (
            "the publish runs, for however long",
            decide(&promoting(|f| {
                asked(f, 700);
                running(f, OperationState::Running);
            })),
            "False OperationRunning working | Azure works on it: publish taxi:3 to registry models. | 15 s",
        ),
        (
            "the answer was lost",
            decide(&promoting(|f| asked(f, 20))),
            "False Publishing working | A publish from /w/models/taxi/3 was asked for; Bindery waits for the copy to show before it would ask again. | 5 s",
        ),
        (
            "the answer was lost a while ago, and Azure may still work on it",
            decide(&promoting(|f| asked(f, 1799))),
            "False Publishing working | A publish from /w/models/taxi/3 was asked for; Bindery waits for the copy to show before it would ask again. | 15 s",
        ),
        (
            "the answer was lost, and nothing came",
            decide(&promoting(|f| asked(f, 1800))),
            "False Publishing working | -> publish taxi:3 to registry models | now",
        ),
        (
            "the operation is lost: from now on nobody says how it goes",
            decide(&promoting(|f| {
                asked(f, 700);
                running(f, OperationState::Gone);
            })),
            "False Publishing working | A publish from /w/models/taxi/3 was asked for; Bindery waits for the copy to show before it would ask again. | 1 s",
        ),
        (
            "it says that it is done, and the copy cannot be seen yet",
            decide(&promoting(|f| {
                asked(f, 700);
                running(f, OperationState::Succeeded);
            })),
            "False Publishing working | A publish from /w/models/taxi/3 was asked for; Bindery waits for the copy to show before it would ask again. | 1 s",
        ),
        (
            "the publish failed",
            decide(&promoting(|f| {
                asked(f, 20);
                running(f, failed_state());
                f.situation.failure =
                    Some(failure("publish taxi:3 to registry models", Class::Permanent, 0, 1));
            })),
            "False Refused stalled | Bindery could not publish taxi:3 to registry models: No. Mend what Azure names; Bindery tries again, at least every 10 min. | 10 s",
        ),
        (
            "the copy is there, undescribed",
            decide(&with(|f| {
                *f = promotion();
                f.status = ModelVersionStatus::default();
                asked(f, 20);
                found(f).tags.clear();
            })),
            "False Updating working | -> describe the published taxi:3 | now",
        ),
        (
            "the source is gone, and the copy stands",
            decide(&with(|f| {
                *f = promotion();
                f.source = Some(SourceVersion::Missing { what: "ModelVersion fares/taxi-3-dev".into() });
            })),
            "True Succeeded settled | taxi:3 is registered in registry models. | interval",
        ),
    ]);
}

#[test]
fn the_intent_is_in_the_status_before_a_publish_and_only_then() {
    let facts = promoting(|_| ());
    let decision = decide(&facts);
    let publishing = decision.status.publishing.unwrap();
    let source = ResourceId::workspace("s", "rg", "development").model_version("taxi", "3");
    assert_eq!((publishing.from, publishing.since), (source.to_string(), noon().to_string()));
    let call = decision.call.unwrap();
    assert_eq!(call.resource, source);
    assert_eq!(
        call.action,
        Action::Post(
            "publish",
            json!({"registryName": "models", "destinationName": "taxi", "destinationVersion": "3"})
        )
    );
    for held in [promoting(|f| f.situation.mode = Mode::Suspended), model_version()] {
        assert_eq!(decide(&held).status.publishing, None);
    }
    // While nobody says how it goes, the wait counts from the moment when that began.
    let lost = decide(&promoting(|f| {
        asked(f, 700);
        running(f, OperationState::Gone);
    }));
    assert_eq!(lost.status.publishing.unwrap().since, noon().to_string());
}

#[test]
fn what_is_written_after_a_publish_still_has_the_intent() {
    let mut facts = promoting(|_| ());
    let call = decide(&facts).call.unwrap();
    let reply = Reply { status: 202, operation: Some("https://op".into()), ..Reply::default() };
    facts.absorb(&call, Ok(&reply));
    let afterwards = decide(&facts).status;
    assert_eq!(afterwards.publishing.unwrap().since, noon().to_string());
    assert_eq!(afterwards.operation.unwrap().url, "https://op");
}

#[test]
fn only_an_answer_that_says_no_ends_the_intent() {
    for (class, kept) in [
        (Class::Transient, true),
        (Class::Permanent, false),
        (Class::Conflict, false),
        (Class::Unauthorized, false),
        (Class::NotFound, false),
    ] {
        let mut facts = promoting(|f| asked(f, 0));
        let call = decide(&promoting(|_| ())).call.unwrap();
        facts.absorb(&call, Err(&Error::new(class, "No.")));
        assert_eq!(facts.status.publishing.is_some(), kept, "{class:?}");
    }
}

fn put(facts: &Facts) -> Value {
    match decide(facts).call.unwrap().action {
        Action::Put(body) => body,
        other => panic!("{other:?}"),
    }
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
    }));
    assert_eq!(
        body["properties"],
        json!({
            "modelUri": "azureml://jobs/train-3/outputs/artifacts/paths/model",
            "modelType": "mlflow_model", "jobName": "train-3", "stage": "Development",
            "tags": {"theirs": "kept", "bindery-owner": "prod/fares/taxi-3"},
            "properties": {}, "flavors": {}, "isArchived": false,
        })
    );
}

#[test]
fn an_answer_is_a_fact_at_once() {
    let mut facts = new(|f| f.job = Look::Found(serde_json::from_value(json!({"properties": {}})).unwrap()));
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

fn keys(keys: &[&str]) -> Vec<String> {
    keys.iter().map(|k| (*k).to_string()).collect()
}

#[test]
fn a_lineage_names_the_job_once_it_was_seen() {
    let job = || Look::Found(serde_json::from_value(json!({"properties": {"experimentName": "e"}})).unwrap());
    let lineage = |change: &dyn Fn(&mut Facts)| {
        let decision = decide(&with(|f| change(f)));
        decision.status.lineage.map(|l| (l.job.unwrap_or_default(), l.experiment.unwrap_or_default()))
    };
    let seen = Some(("train-3".to_string(), "e".to_string()));
    assert_eq!(lineage(&|_| ()), None, "the job is not there, or could not be read");
    assert_eq!(lineage(&|f| f.job = job()), seen);
    assert_eq!(
        lineage(&|f| {
            f.job = job();
            uploaded(f, "azureml://datastores/blobs/paths/LocalUpload/0123/model");
        }),
        None,
        "nothing in Azure says that it was this job"
    );
    let known = |f: &mut Facts| {
        f.status.lineage =
            Some(serde_json::from_value(json!({"job": "train-3", "experiment": "e"})).unwrap());
    };
    assert_eq!(lineage(&known), seen, "what was seen stands");
}
