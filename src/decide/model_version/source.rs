//! Where a version comes from, as Azure writes it, and whether what is there is the same model.

use serde_json::Map;

use crate::api::{ModelVersionSpec, Source};
use crate::azure::resource::{ModelVersion, ModelVersionProperties};

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
            model_type: Some(spec.kind.in_azure().into()),
            job_name,
            ..ModelVersionProperties::default()
        },
        rest: Map::new(),
    })
}

/// In what way the version that is there is another model than the manifest means, in words.
pub(super) fn mismatch(spec: &ModelVersionSpec, found: &ModelVersion) -> Option<String> {
    let kind = found.properties.model_type.as_deref().unwrap_or_default();
    if !kind.is_empty() && type_word(kind) != type_word(spec.kind.in_azure()) {
        return Some(format!("its type is {kind}"));
    }
    let uri = found.properties.model_uri.as_deref().unwrap_or_default();
    match &spec.source {
        Source { uri: Some(wanted), .. } if !same_path(wanted, uri) => Some(format!("it holds {uri}")),
        Source { job: Some(job), .. } => match found.properties.job_name.as_deref() {
            Some(name) if name != job.name => Some(format!("it was made by job {name}")),
            Some(_) => None,
            // The service may have expanded the URI of a job's output; only another job's is another model.
            None => uri
                .strip_prefix("azureml://jobs/")
                .and_then(|rest| rest.split('/').next())
                .filter(|name| *name != job.name)
                .map(|name| format!("it was made by job {name}")),
        },
        _ => None,
    }
}

/// Azure holds `custom_model` where its own examples say `CustomModel`.
fn type_word(kind: &str) -> String {
    kind.to_lowercase().replace('_', "")
}

/// The service expands `azureml://datastores/…` with subscription, resource group and workspace, and
/// changes the case of `resourcegroups`.
fn same_path(wanted: &str, found: &str) -> bool {
    let tail = |uri: &str| {
        let uri = uri.trim_end_matches('/');
        match uri.split_once("/datastores/") {
            Some((_, tail)) => tail.to_string(),
            None => uri.to_string(),
        }
    };
    tail(wanted) == tail(found)
}

#[cfg(test)]
mod tests {
    use super::same_path;

    #[test]
    fn a_path_is_the_same_short_and_long() {
        let short = "azureml://datastores/models/paths/taxi/3";
        let long = "azureml://subscriptions/s/resourceGroups/rg/workspaces/w/datastores/models/paths/taxi/3/";
        assert!(same_path(short, long));
        assert!(!same_path(short, "azureml://datastores/models/paths/taxi/4"));
    }
}
