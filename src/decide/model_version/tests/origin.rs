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
            "False AssetMismatch stalled | spec.source.uri leads into another workspace than the version's own, or has another form than azureml://datastores/<datastore>/paths/<path>, azureml://jobs/<job>/outputs/<output> or the long form of one of them in this workspace. Copy the files into a datastore of this workspace, and name them in a new ModelVersion. | interval",
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
            "False AssetMismatch stalled | taxi:3 exists in Azure, but its type is CustomModel, and spec.type says MLflow. If this is the model that you mean, take spec.type out of the manifest; otherwise register yours under the next version. | interval",
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
    assert_eq!(lineage(&|f| f.origin.job = job()), seen);
    assert_eq!(
        lineage(&|f| {
            f.origin.job = job();
            uploaded(f, "azureml://datastores/blobs/paths/LocalUpload/0123/model");
        }),
        None,
        "nothing in Azure says that it was this job"
    );
    assert_eq!(
        lineage(&|f| {
            let other = json!({"name": "train-4", "properties": {"experimentName": "e"}});
            f.origin.job = Look::Found(serde_json::from_value(other).unwrap());
        }),
        None,
        "what was read is another job than Azure names"
    );
    let known = |f: &mut Facts| {
        f.status.lineage =
            Some(serde_json::from_value(json!({"job": "train-3", "experiment": "e"})).unwrap());
    };
    assert_eq!(lineage(&known), seen, "what was seen stands");
}

#[test]
fn a_path_has_the_lineage_of_the_job_whose_output_it_is() {
    const LONG: &str = "azureml://subscriptions/s/resourceGroups/rg/workspaces/development";
    const BLOBS: &str = "datastores/workspaceblobstore/paths";
    const RUNS: &str = "datastores/workspaceartifactstore/paths/ExperimentRun";
    let job = json!({"name": "train-3", "properties": {"outputs": {
        "model_output": {"jobOutputType": "uri_folder", "uri": null},
        "templated": {"uri": format!("azureml://{BLOBS}/azureml/${{{{name}}}}/${{{{output_name}}}}/")},
        "elsewhere": {"uri": "azureml://datastores/models/paths/x/"},
    }}});
    let lineage = |uri: &str| {
        let facts = with(|f| {
            f.spec.source = serde_json::from_value(json!({"uri": uri})).unwrap();
            uploaded(f, uri);
            f.origin.job = Look::Found(serde_json::from_value(job.clone()).unwrap());
        });
        decide(&facts).status.lineage.and_then(|l| l.job)
    };
    for uri in [
        "azureml://jobs/train-3/outputs/artifacts/paths/model".to_string(),
        "azureml://jobs/train-3/outputs/model_output".into(),
        "azureml://jobs/train-3/outputs/elsewhere/paths/model".into(),
        format!("{LONG}/jobs/train-3/outputs/artifacts/paths/model"),
        "azureml://subscriptions/S/resourcegroups/RG/workspaces/Development/jobs/train-3/outputs/default/m".into(),
        "azureml://subscriptions/s/resourceGroups/rg/providers/Microsoft.MachineLearningServices/workspaces/development/jobs/train-3/outputs/artifacts/paths/m".into(),
        format!("azureml://{RUNS}/dcid.train-3/model"),
        format!("{LONG}/{RUNS}/dcid.train-3/model"),
        format!("azureml://{BLOBS}/azureml/train-3/model_output/"),
        format!("{LONG}/{BLOBS}/azureml/train-3/model_output/deep/model"),
        format!("azureml://{BLOBS}/azureml/train-3/templated/model"),
    ] {
        assert_eq!(lineage(&uri).as_deref(), Some("train-3"), "{uri}");
    }
    let other = LONG.replace("development", "secret");
    for uri in [
        // Of another workspace, or of something that is none.
        format!("{other}/jobs/train-3/outputs/artifacts/paths/model"),
        format!("{other}/{RUNS}/dcid.train-3/model"),
        format!("{}/{BLOBS}/azureml/train-3/model_output", LONG.replace("/rg/", "/rg-2/")),
        format!("azureml://registries/models/{RUNS}/dcid.train-3/model"),
        format!("azureml://x/{RUNS}/dcid.train-3/model"),
        // Of another job, or of an output that this one does not have.
        "azureml://jobs/train-30/outputs/artifacts/paths/model".into(),
        "azureml://jobs/Train-3/outputs/artifacts/paths/model".into(),
        "azureml://jobs/train-3/outputs/invented/paths/model".into(),
        format!("azureml://{RUNS}/dcid.train-30/model"),
        format!("azureml://{BLOBS}/azureml/train-3/model_output_2/model"),
        format!("azureml://{BLOBS}/azureml/train-3/elsewhere/model"),
        // What merely looks alike.
        "azureml://jobs/train-3/model".into(),
        "azureml://datastores/models/paths/ExperimentRun/dcid.train-3/model".into(),
        "azureml://datastores/models/paths/azureml/train-3/model_output/".into(),
        format!("azureml://{BLOBS}/LocalUpload/azureml/train-3/model_output"),
        format!("azureml://{BLOBS}/jobs/train-3/outputs/artifacts/paths/model"),
        format!("azureml://{BLOBS}/ExperimentRun/dcid.train-3/model"),
        format!("azureml://{BLOBS}/azureml/train-3"),
        "azureml://datastores/workspaceartifactstore/paths/x/dcid.train-3/model".into(),
        // Out of the job's folder again.
        "azureml://jobs/train-3/outputs/artifacts/paths/../../secret".into(),
        format!("azureml://{BLOBS}/azureml/train-3/model_output/../../../LocalUpload/x"),
        format!("azureml://{RUNS}/dcid.train-3/%2E%2e/dcid.train-9/model"),
        format!("azureml://{RUNS}/dcid.train-3/..%2fdcid.train-9/model"),
        format!("azureml://{RUNS}/dcid.train-3/..\\dcid.train-9"),
        format!("azureml://{RUNS}//dcid.train-3/model"),
    ] {
        assert_eq!(lineage(&uri), None, "{uri}");
    }
}
