//! When an operation on a deployment ends: it serves, or its operation tells why not.

use serde_json::Value;

use super::mark_endpoint;
use crate::core::address::key_of;
use crate::core::operation::Failure;
use crate::core::scoring::Serving;
use crate::core::{Core, json as at, traffic};

/// The model that a reference names: a workspace's by ARM id, a registry's by asset id.
pub fn model_of(core: &Core, reference: &str) -> Option<Value> {
    let Some(rest) = reference.strip_prefix("azureml://registries/") else {
        return core.store.take(&key_of(reference)?);
    };
    let (registry, tail) = rest.split_once('/')?;
    let registry = core
        .store
        .everywhere("/registries")
        .map(|(_, registry)| registry)
        .find(|known| known["name"].as_str().is_some_and(|name| name.eq_ignore_ascii_case(registry)))?;
    core.store.take(&format!("{}/{tail}", key_of(registry["id"].as_str()?)?))
}

/// A change has ended: the deployment serves what it was told to, or the operation tells why not.
pub fn finish(core: &mut Core, key: &str, fate: Result<(), Failure>) -> Result<(), Failure> {
    let Some((endpoint_key, _)) = key.rsplit_once("/deployments/") else { return fate };
    mark_endpoint(core, endpoint_key, "Succeeded");
    let now = core.now();
    let Some(mut document) = core.store.take(key) else { return fate };
    let verdict = fate.and_then(|()| serve(core, key, &mut document));
    let state = if verdict.is_ok() { "Succeeded" } else { "Failed" };
    document["properties"]["provisioningState"] = state.into();
    core.store.put(now, key, document);
    verdict
}

fn serve(core: &mut Core, key: &str, document: &mut Value) -> Result<(), Failure> {
    let mut variables = at::object(document, "properties.environmentVariables");
    let reference = at::text(document, "properties.model").unwrap_or_default().to_owned();
    let (name, version) = served(core, key, &reference)?;
    if !reference.is_empty() {
        let folder = format!("/var/azureml-app/azureml-models/{name}/{version}");
        variables.insert("AZUREML_MODEL_DIR".to_owned(), folder.into());
    }
    if let Some(script) = at::text(document, "properties.codeConfiguration.scoringScript") {
        let folder = script.rsplit_once('/').map_or("Online", |(folder, _)| folder).to_owned();
        variables.insert("AZUREML_ENTRY_SCRIPT".to_owned(), script.into());
        variables.insert("AML_APP_ROOT".to_owned(), format!("/var/azureml-app/{folder}").into());
    }
    document["properties"]["environmentVariables"] = variables.into();
    let deployment = document["name"].as_str().unwrap_or_default().to_owned();
    let serving = core.serving.entry(key.to_owned()).or_default();
    *serving = Serving { deployment, reference, model: name, version, ..std::mem::take(serving) };
    Ok(())
}

/// Name and version of the model; one that is served already is not looked for again.
fn served(core: &Core, key: &str, reference: &str) -> Result<(String, String), Failure> {
    if let Some(serving) = core.serving.get(key).filter(|serving| serving.reference == reference) {
        return Ok((serving.model.clone(), serving.version.clone()));
    }
    if reference.is_empty() {
        return Ok((String::new(), String::new()));
    }
    let model = model_of(core, reference).ok_or_else(|| Failure {
        code: "ResourceNotFound".to_owned(),
        message: format!("The specified resource was not found: model {reference}."),
    })?;
    let name = model["id"].as_str().and_then(|id| id.rsplit('/').nth(2)).unwrap_or_default();
    Ok((name.to_owned(), model["name"].as_str().unwrap_or_default().to_owned()))
}

/// A deletion has ended.
pub fn remove(core: &mut Core, key: &str, fate: Result<(), Failure>) -> Result<(), Failure> {
    let Some((endpoint_key, name)) = key.rsplit_once("/deployments/") else { return fate };
    mark_endpoint(core, endpoint_key, "Succeeded");
    let now = core.now();
    if fate.is_err() {
        core.store.change(now, key, |document| document["properties"]["provisioningState"] = "Failed".into());
        return fate;
    }
    core.store.remove(now, key);
    core.serving.remove(key);
    core.watch.forget(key);
    traffic::forget(core, endpoint_key, name);
    Ok(())
}
