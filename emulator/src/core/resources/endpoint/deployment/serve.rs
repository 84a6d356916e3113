//! When an operation on a deployment ends: it serves, or its operation tells why not.

use serde_json::Value;

use super::mark_endpoint;
use crate::core::Core;
use crate::core::machinery::json as at;
use crate::core::machinery::operation::Failure;
use crate::core::resources::asset::reference;
use crate::core::resources::endpoint::serving::Serving;
use crate::core::resources::endpoint::traffic;

/// The version that a reference names, if it is of this kind and is there.
fn version_of(core: &Core, asset: &str, reference: &str) -> Option<Value> {
    let address = reference::version(core, reference)?;
    match address.steps[..] {
        [_, (kind, _), ("versions", _)] if kind == asset => core.store.take(&address.key()),
        _ => None,
    }
}

/// What is said of that.
pub const LACKS_ENVIRONMENT: &str =
    "environmentId is required: only MLflow and Triton models are served without an environment.";

/// Whether what a deployment is to serve runs only in an environment, and it has none (§C.4): MLflow's and Triton's
/// models need none. One whose model is not there lacks more than that.
pub fn lacks_environment(core: &Core, deployment: &Value) -> bool {
    if at::text(deployment, "properties.environmentId").is_some_and(|id| !id.is_empty()) {
        return false;
    }
    match at::text(deployment, "properties.model").filter(|reference| !reference.is_empty()) {
        None => true,
        Some(reference) => {
            version_of(core, "models", reference).is_some_and(|model| !serves_itself(core, &model))
        }
    }
}

fn serves_itself(core: &Core, model: &Value) -> bool {
    let kind = at::text(model, "properties.modelType").unwrap_or_default().to_ascii_lowercase();
    let in_registry = model["type"].as_str().is_some_and(|kind| kind.contains("/registries/"));
    ["mlflow", "triton"].iter().any(|own| kind.starts_with(own))
        || (in_registry && !core.config.inferred.registry_model_needs_environment)
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
    let named = |path: &str| at::text(document, path).unwrap_or_default().to_owned();
    let (reference, environment) = (named("properties.model"), named("properties.environmentId"));
    let unchanged = core
        .serving
        .get(key)
        .filter(|serving| serving.reference == reference && serving.environment == environment);
    let (name, version) = match unchanged {
        Some(serving) => (serving.model.clone(), serving.version.clone()),
        None => found(core, document, &reference, &environment)?,
    };
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
    *serving =
        Serving { deployment, reference, environment, model: name, version, ..std::mem::take(serving) };
    Ok(())
}

/// Name and version of the model. What is served already is not looked for again: this is about something new.
fn found(
    core: &Core,
    document: &Value,
    reference: &str,
    environment: &str,
) -> Result<(String, String), Failure> {
    let failure = |code: &str, message: String| Failure { code: code.to_owned(), message };
    let missing =
        |what: &str| failure("ResourceNotFound", format!("The specified resource was not found: {what}."));
    let model = match reference {
        "" => Value::Null,
        _ => version_of(core, "models", reference).ok_or_else(|| missing(&format!("model {reference}")))?,
    };
    if lacks_environment(core, document) {
        return Err(failure("BadArgument", LACKS_ENVIRONMENT.to_owned()));
    }
    let there =
        || reference::is_curated(environment) || version_of(core, "environments", environment).is_some();
    if !environment.is_empty() && !there() {
        return Err(missing(&format!("environment {environment}")));
    }
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
