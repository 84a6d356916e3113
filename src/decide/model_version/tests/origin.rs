//! Where the model comes from: what was made by another is left alone, and what made it is told.

use serde_json::json;

use super::*;
use crate::decide::fixtures::assert_table;

/// It has no job's name.
fn uploaded(facts: &mut Facts, uri: &str) {
    found(facts).job_name = None;
    found(facts).model_uri = Some(uri.into());
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
            "a path into another workspace, whose files the operator could read too",
            decide(&new(|f| {
                let uri =
                    "azureml://subscriptions/s/resourceGroups/rg/workspaces/secret/datastores/d/paths/m";
                f.spec.source = serde_json::from_value(json!({"uri": uri})).unwrap();
            })),
            "False AssetMismatch stalled | spec.source.uri leads into another workspace than the version's own. Copy the files into a datastore of this workspace, and name them in a new ModelVersion. | interval",
        ),
        (
            "a path into its own workspace, in full and in other letters",
            decide(&new(|f| {
                let uri =
                    "azureml://subscriptions/S/resourcegroups/rg/workspaces/Development/datastores/d/paths/m";
                f.spec.source = serde_json::from_value(json!({"uri": uri})).unwrap();
            })),
            "False Registering working | -> register taxi:3 | now",
        ),
        (
            "another format",
            decide(&with(|f| {
                f.spec.kind = Some(crate::api::ModelType::MLflow);
                found(f).model_type = Some("CustomModel".into());
            })),
            "False AssetMismatch stalled | taxi:3 exists in Azure, but its type is CustomModel. A version cannot be changed: register the model under the next version. | interval",
        ),
    ]);
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
