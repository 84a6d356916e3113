//! Where the files of a new version come from: what its path may look like, and where it may lead.

use serde_json::Value;

use super::in_registry;
use super::kinds::Kind;
use crate::core::Core;
use crate::core::machinery::call::Call;
use crate::core::machinery::error::ArmError;
use crate::core::machinery::json as at;
use crate::core::resources::storage;
use crate::wire::decode;

/// Refuses what is no plain path [INF]: a line break in it, a step back, or a query, whose signature would be stored for
/// everybody to read. Data alone may be at a public URL with a query.
pub(super) fn check_path(kind: &Kind, path: &str, uri: &str) -> Result<(), ArmError> {
    let alone = uri.split(['?', '#']).next().unwrap_or_default();
    let shown = alone.escape_default();
    let refused = |what: &str| Err(ArmError::validation(path, format!("The {path} '{shown}' has {what}.")));
    if uri.contains(char::is_control) {
        return refused("a line break or another control character");
    }
    if kind.noun != "Data" && uri.contains(['?', '#']) {
        return refused("a query or a fragment, and must be a path alone");
    }
    if alone.split(['/', '\\']).any(|segment| decode(segment) == "..") {
        return refused("a segment '..'");
    }
    Ok(())
}

/// Where a new version's files come from must be somewhere that it may take them from.
pub(super) fn check(core: &Core, call: &Call, body: &Value, uri: &str) -> Result<(), ArmError> {
    let job_of_uri = job_of(uri);
    if in_registry(&call.address) {
        let foreign = job_of_uri.is_some()
            || uri.contains("/datastores/")
            || uri.starts_with("runs:")
            || storage::is_elsewhere(core, &call.address, uri);
        if foreign && core.config.inferred.registry_refuses_foreign_paths {
            return Err(ArmError::plain_user(
                400,
                format!("The asset path {uri} is not in the storage of registry {}.", call.address.name(0)),
            ));
        }
    } else if core.config.inferred.job_uri_must_exist {
        let named = at::text(body, "properties.jobName");
        let own = call.address.key_to(1);
        let named = named.map(|job| (own.clone(), job));
        let of_uri = job_of_uri.map(|(workspace, job)| (workspace.unwrap_or_else(|| own.clone()), job));
        for (workspace, job) in of_uri.into_iter().chain(named) {
            if !core.store.has(&format!("{workspace}/jobs/{job}")) {
                return Err(ArmError::user(
                    400,
                    "The request is invalid.",
                    "JobNotFound",
                    format!("Job {job} was not found."),
                ));
            }
        }
    }
    if core.missing_paths.iter().any(|missing| uri.contains(missing.as_str())) {
        return Err(path_missing(uri));
    }
    Ok(())
}

/// The job whose output a URI is, and the key of its workspace where the URI is in the long form.
fn job_of(uri: &str) -> Option<(Option<String>, &str)> {
    let path = uri.strip_prefix("azureml://")?;
    if let Some(rest) = path.strip_prefix("jobs/") {
        return Some((None, rest.split('/').next()?));
    }
    let parts: Vec<&str> = path.split('/').collect();
    match parts.as_slice() {
        [s, subscription, g, group, "workspaces", workspace, "jobs", job, ..]
            if *s == "subscriptions" && g.eq_ignore_ascii_case("resourceGroups") =>
        {
            let key = format!("{subscription}/{group}/workspaces/{workspace}").to_ascii_lowercase();
            Some((Some(key), job))
        }
        _ => None,
    }
}

/// A path without files [ISS azure-docs#103778].
fn path_missing(uri: &str) -> ArmError {
    ArmError::user(
        400,
        "The request is invalid.",
        "ModelAssetPathNotFoundInStorage",
        format!("The asset path {uri} was not found in storage."),
    )
}
