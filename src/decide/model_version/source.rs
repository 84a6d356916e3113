//! Where a version comes from, as Azure writes it, and whether what is there is the same model.

use serde_json::Map;

use super::output::{name_of, output_of};
use crate::api::{ModelType, ModelVersionSpec, Source};
use crate::azure::model::resource::{Job, ModelVersion, ModelVersionProperties};
use crate::azure::model::{ResourceId, presentable};

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

/// In what way the version that is there is another model than the manifest means, and what to do, in words.
pub(super) fn mismatch(spec: &ModelVersionSpec, found: &ModelVersion, id: &ResourceId) -> Option<String> {
    let kind = found.properties.model_type.as_deref().unwrap_or_default();
    let other = |wanted: &ModelType| type_word(kind) != type_word(wanted.in_azure());
    if let Some(wanted) = spec.kind.filter(other).filter(|_| !kind.is_empty()) {
        return Some(format!(
            "its type is {kind}, and spec.type says {wanted:?}. If this is the model that you mean, take spec.type out of the manifest; otherwise register yours under the next version."
        ));
    }
    let uri = found.properties.model_uri.as_deref().unwrap_or_default();
    let shown = presentable(uri);
    let other = match &spec.source {
        Source { uri: Some(wanted), .. } if !same_path(wanted, uri, id) => Some(format!("it holds {shown}")),
        Source { job: Some(job), .. } => match job_of(found, id) {
            Some(name) => (name != job.name).then(|| format!("it was made by job {name}")),
            None => Some(format!("it holds {shown}, and nothing says that job {} made it", job.name)),
        },
        _ => None,
    };
    other.map(|found| {
        format!("{found}. A version cannot be changed: register the model under the next version.")
    })
}

/// The job that made a version, by what Azure says: that the manifest names one proves nothing.
pub fn job_of(found: &ModelVersion, id: &ResourceId) -> Option<String> {
    let named = found.properties.job_name.as_deref().filter(|name| !name.is_empty());
    let of_path = || output_of(found.properties.model_uri.as_deref()?, id).map(|output| output.job);
    named.or_else(of_path).map(str::to_string)
}

/// The job of a version that is about to be registered, to be read together with the registration.
pub fn job_to_read(spec: &ModelVersionSpec, id: &ResourceId) -> Option<String> {
    match &spec.source {
        Source { job: Some(job), .. } => Some(job.name.clone()),
        Source { uri: Some(uri), .. } => output_of(uri, id).map(|output| output.job.to_string()),
        _ => None,
    }
}

/// Does this job, which Azure has, stand for the version: by the name that the version has of it, or by having the
/// output that the version's files are?
pub(super) fn made_by(job: &Job, found: &ModelVersion, id: &ResourceId) -> bool {
    if let Some(name) = found.properties.job_name.as_deref().filter(|name| !name.is_empty()) {
        return name_of(job).is_none_or(|own| own == name);
    }
    let uri = found.properties.model_uri.as_deref().unwrap_or_default();
    output_of(uri, id).is_some_and(|output| output.is_of(job, id))
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
    match (located(wanted, version), located(found, version)) {
        (Some(wanted), Some(found)) => wanted == found,
        _ => wanted.trim_end_matches('/') == found.trim_end_matches('/'),
    }
}

/// The workspace that a path is in (the version's own where it names none), in small letters, and the steps from there.
pub(super) fn located<'a>(uri: &'a str, version: &ResourceId) -> Option<([String; 3], Vec<&'a str>)> {
    let parts: Vec<&str> = uri.strip_prefix("azureml://")?.trim_end_matches('/').split('/').collect();
    let are = |words: &[(&str, &str)]| words.iter().all(|(a, b)| a.eq_ignore_ascii_case(b));
    let (named, path) = match parts.as_slice() {
        [s, subscription, g, group, w, workspace, path @ ..]
            if are(&[(s, "subscriptions"), (g, "resourceGroups"), (w, "workspaces")]) =>
        {
            ([*subscription, *group, *workspace], path)
        }
        [s, subscription, g, group, p, provider, w, workspace, path @ ..]
            if are(&[(s, "subscriptions"), (g, "resourceGroups"), (p, "providers"), (w, "workspaces")])
                && are(&[(provider, "Microsoft.MachineLearningServices")]) =>
        {
            ([*subscription, *group, *workspace], path)
        }
        path => return Some((workspace_of(version)?, path.to_vec())),
    };
    Some((named.map(str::to_ascii_lowercase), path.to_vec()))
}

/// Does the path that the manifest names lead into another workspace than the version's?
pub(super) fn leads_elsewhere(spec: &ModelVersionSpec, version: &ResourceId) -> bool {
    let Some(uri) = spec.source.uri.as_deref().map(str::to_ascii_lowercase) else { return false };
    // What a server may take for a slash, a backslash or a dot could lead out again.
    if ["%2f", "%5c", "%2e", "%25"].iter().any(|part| uri.contains(part)) {
        return true;
    }
    let own = ["azureml://datastores/", "azureml://jobs/"].iter().any(|form| uri.starts_with(form));
    !own && named_workspace(&uri).is_none_or(|named| Some(named) != workspace_of(version))
}

/// The workspace in the long form of a path.
fn named_workspace(uri: &str) -> Option<[String; 3]> {
    let path = uri.strip_prefix("azureml:/")?;
    workspace_of(&ResourceId::new(path)).filter(|_| path.starts_with("/subscriptions/"))
}

/// Subscription, resource group and name of the workspace that something is in, in small letters.
pub(super) fn workspace_of(id: &ResourceId) -> Option<[String; 3]> {
    let part = |collection| id.segment(collection).map(str::to_ascii_lowercase);
    Some([part("subscriptions")?, part("resourceGroups")?, part("workspaces")?])
}

#[cfg(test)]
mod tests {
    use super::same_path;
    use crate::azure::model::ResourceId;

    #[test]
    fn only_the_files_of_the_own_workspace_are_registered() {
        let version = ResourceId::workspace("s", "rg", "w").model_version("taxi", "3");
        let elsewhere = |uri: &str| {
            let spec = serde_json::json!({"model": "taxi", "version": "3", "source": {"uri": uri}});
            super::leads_elsewhere(&serde_json::from_value(spec).expect("a spec"), &version)
        };
        for own in [
            "azureml://datastores/models/paths/taxi/3",
            "azureml://jobs/train-1/outputs/artifacts/paths/model",
            "azureml://subscriptions/S/resourceGroups/RG/workspaces/w/datastores/models/paths/taxi",
            "azureml://SUBSCRIPTIONS/s/resourcegroups/rg/workspaces/W/datastores/models/paths/a%20b",
        ] {
            assert!(!elsewhere(own), "{own}");
        }
        for other in [
            "azureml://SUBSCRIPTIONS/s/resourcegroups/rg/workspaces/theirs/datastores/models/paths/taxi",
            "azureml://subscriptions%2Fs%2Fresourcegroups/rg/workspaces/theirs/datastores/models/paths/taxi",
            "azureml://registries/theirs/models/taxi/versions/1",
            "azureml://locations/eastus/workspaces/x/models/taxi/versions/1",
            "azureml://eastus.api.azureml.ms/subscriptions/s/resourceGroups/rg/workspaces/w/datastores/d/paths/x",
            "azureml://datastores/models/paths/a%2F..%2F..%2Fb",
            "azureml:///subscriptions/s/resourceGroups/rg/workspaces/w/datastores/d/paths/x",
        ] {
            assert!(elsewhere(other), "{other}");
        }
    }

    #[test]
    fn a_version_with_the_files_of_the_manifest_is_the_one_that_is_meant() {
        let version = ResourceId::workspace("s", "rg", "w").model_version("taxi", "3");
        let uri = "azureml://datastores/models/paths/taxi/3";
        let spec = serde_json::json!({"model": "taxi", "version": "3", "source": {"uri": uri}});
        let spec = serde_json::from_value(spec).expect("a spec");
        let said = |holds: &str| {
            let found = serde_json::json!({"properties": {"modelType": "custom_model", "modelUri": holds}});
            super::mismatch(&spec, &serde_json::from_value(found).expect("a version"), &version)
        };
        assert_eq!(said(&format!("{uri}/")), None);
        let other = said("azureml://datastores/models/paths/taxi/4").expect("other files");
        assert!(
            other.starts_with("it holds azureml://datastores/models/paths/taxi/4. A version cannot"),
            "{other}"
        );
    }

    #[test]
    fn the_job_is_read_that_the_manifest_or_its_path_names() {
        let version = ResourceId::workspace("s", "rg", "w").model_version("taxi", "3");
        let job = |source: serde_json::Value| {
            let spec = serde_json::json!({"model": "taxi", "version": "3", "source": source});
            super::job_to_read(&serde_json::from_value(spec).expect("a spec"), &version)
        };
        let output = "azureml://jobs/train-1/outputs/artifacts/paths/model";
        assert_eq!(job(serde_json::json!({"job": {"name": "train-3"}})).as_deref(), Some("train-3"));
        assert_eq!(job(serde_json::json!({"uri": output})).as_deref(), Some("train-1"));
        assert_eq!(job(serde_json::json!({"uri": "azureml://datastores/models/paths/taxi/3"})), None);
        assert_eq!(job(serde_json::json!({"existing": {}})), None);
        let illegible = output.replace("train-1", "train$1");
        assert_eq!(job(serde_json::json!({"uri": illegible})), None, "no job has such a name");
    }

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
        let output = |group: &str| {
            format!("azureml://subscriptions/s/{group}/rg/workspaces/w/jobs/j/outputs/artifacts/paths/m")
        };
        assert!(same_path(&output("resourcegroups"), &output("resourceGroups"), &version));
        // What is in no workspace is compared as it is written.
        assert!(same_path("https://store.example/a/", "https://store.example/a", &version));
        assert!(!same_path("https://store.example/a", "https://store.example/b", &version));
        assert!(same_path("azureml://jobs/j/outputs/artifacts/paths/m", &output("resourceGroups"), &version));
        let alike = "azureml://jobs/j/outputs/artifacts/paths/datastores/models/paths/taxi/3";
        assert!(!same_path(short, alike, &version));
    }
}
