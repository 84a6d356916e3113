//! Where a version comes from, as Azure writes it, and whether what is there is the same model.

use serde_json::Map;

use crate::api::{ModelType, ModelVersionSpec, Source};
use crate::azure::model::ResourceId;
use crate::azure::model::resource::{ModelVersion, ModelVersionProperties};

/// The URI of a folder among a job's artifacts, as the service takes it: unexpanded.
pub fn job_output(job: &str, path: &str) -> String {
    format!("azureml://jobs/{job}/outputs/artifacts/paths/{path}")
}

/// A version to register in a workspace; none for a promotion.
pub(super) fn new_version(spec: &ModelVersionSpec) -> Option<ModelVersion> {
    let (model_uri, job_name) = match &spec.source {
        Source { job: Some(job), .. } => (job_output(&job.name, &job.path), Some(job.name.clone())),
        Source { uri: Some(uri), .. } => (uri.clone(), None),
        _ => return None,
    };
    Some(ModelVersion {
        properties: ModelVersionProperties {
            model_uri: Some(model_uri),
            model_type: Some(spec.kind.unwrap_or_default().in_azure().into()),
            job_name,
            ..ModelVersionProperties::default()
        },
        rest: Map::new(),
    })
}

/// In what way the version that is there is another model than the manifest means, in words.
pub(super) fn mismatch(spec: &ModelVersionSpec, found: &ModelVersion, id: &ResourceId) -> Option<String> {
    let kind = found.properties.model_type.as_deref().unwrap_or_default();
    let other = |wanted: ModelType| type_word(kind) != type_word(wanted.in_azure());
    if !kind.is_empty() && spec.kind.is_some_and(other) {
        return Some(format!("its type is {kind}"));
    }
    let uri = found.properties.model_uri.as_deref().unwrap_or_default();
    match &spec.source {
        Source { uri: Some(wanted), .. } if !same_path(wanted, uri, id) => Some(format!("it holds {uri}")),
        Source { job: Some(job), .. } => match job_of(spec, found) {
            Some(name) => (name != job.name).then(|| format!("it was made by job {name}")),
            None => Some(format!("it holds {uri}, and nothing says that job {} made it", job.name)),
        },
        _ => None,
    }
}

/// The job that made a version, by what Azure says: that the manifest names one proves nothing.
pub fn job_of(spec: &ModelVersionSpec, found: &ModelVersion) -> Option<String> {
    let uri = found.properties.model_uri.as_deref().unwrap_or_default();
    let of_uri = || uri.strip_prefix("azureml://jobs/")?.split('/').next();
    let wanted = || spec.source.job.as_ref().map(|j| j.name.as_str()).filter(|job| lies_with(uri, job));
    found.properties.job_name.as_deref().or_else(of_uri).or_else(wanted).map(str::to_string)
}

/// Is this where the service keeps what this job wrote? It may have expanded the URI of the job's output.
fn lies_with(uri: &str, job: &str) -> bool {
    let parts: Vec<&str> = uri.split('/').collect();
    parts.iter().any(|part| part.strip_prefix("dcid.") == Some(job))
        || parts.windows(2).any(|pair| matches!(pair[0], "jobs" | "azureml") && pair[1] == job)
}

/// The format that Azure names; none for one that is none of ours.
pub(super) fn type_of(found: &ModelVersion) -> Option<ModelType> {
    let word = type_word(found.properties.model_type.as_deref()?);
    ModelType::ALL.into_iter().find(|kind| type_word(kind.in_azure()) == word)
}

/// Azure holds `custom_model` where its own examples say `CustomModel`.
fn type_word(kind: &str) -> String {
    kind.to_lowercase().replace('_', "")
}

/// The service expands `azureml://datastores/…` with subscription, resource group and workspace, and
/// changes the case of `resourcegroups`. Without them, a path is in the version's own workspace.
fn same_path(wanted: &str, found: &str, version: &ResourceId) -> bool {
    let parts = |uri: &str| {
        let uri = uri.trim_end_matches('/');
        match uri.split_once("/datastores/") {
            Some((_, tail)) => (tail.to_string(), named_workspace(uri).or_else(|| workspace_of(version))),
            None => (uri.to_string(), None),
        }
    };
    parts(wanted) == parts(found)
}

/// Does the path that the manifest names lead into another workspace than the version's?
pub(super) fn leads_elsewhere(spec: &ModelVersionSpec, version: &ResourceId) -> bool {
    let named = spec.source.uri.as_deref().and_then(named_workspace);
    named.is_some_and(|named| Some(named) != workspace_of(version))
}

/// The workspace in the long form of a path.
fn named_workspace(uri: &str) -> Option<[String; 3]> {
    let path = uri.strip_prefix("azureml:/")?;
    workspace_of(&ResourceId::new(path)).filter(|_| path.starts_with("/subscriptions/"))
}

/// Subscription, resource group and name of the workspace that something is in, in small letters.
fn workspace_of(id: &ResourceId) -> Option<[String; 3]> {
    let part = |collection| id.segment(collection).map(str::to_ascii_lowercase);
    Some([part("subscriptions")?, part("resourceGroups")?, part("workspaces")?])
}

#[cfg(test)]
mod tests {
    use super::{lies_with, same_path};
    use crate::azure::model::ResourceId;

    #[test]
    fn a_path_is_the_same_short_and_long() {
        let version = ResourceId::workspace("s", "rg", "w").model_version("taxi", "3");
        let short = "azureml://datastores/models/paths/taxi/3";
        let long = |workspace: &str| {
            format!(
                "azureml://subscriptions/s/resourcegroups/RG/workspaces/{workspace}/datastores/models/paths/taxi/3/"
            )
        };
        assert!(same_path(short, &long("w"), &version) && same_path(&long("W"), short, &version));
        assert!(!same_path(short, "azureml://datastores/models/paths/taxi/4", &version));
        assert!(
            !same_path(short, &long("other"), &version) && !same_path(&long("other"), &long("w"), &version)
        );
    }

    #[test]
    fn what_a_job_wrote_lies_with_it() {
        let store = |path: &str| format!("azureml://subscriptions/s/workspaces/w/datastores/d/paths/{path}");
        for uri in [
            "azureml://jobs/train-3/outputs/artifacts/paths/model".to_string(),
            "azureml://subscriptions/s/workspaces/w/jobs/train-3/outputs/artifacts/paths/model".to_string(),
            store("ExperimentRun/dcid.train-3/model"),
            store("azureml/train-3/model_output"),
        ] {
            assert!(lies_with(&uri, "train-3"), "{uri}");
        }
        for uri in [store("LocalUpload/0123/train-3"), store("azureml/train-30/m"), store("dcid.train/m")] {
            assert!(!lies_with(&uri, "train-3"), "{uri}");
        }
    }
}
