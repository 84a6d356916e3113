//! Online endpoints (§B.4): PUT replaces, one change at a time, a name is unique in its region.

use serde_json::{Value, json};

use super::{
    accepted, access, added, begin, check_name, keys, located, long_running, missing, refuse_busy,
    refuse_quota, show_operation, shown, traffic,
};
use crate::config::Work;
use crate::core::Core;
use crate::core::machinery::call::{self, Call};
use crate::core::machinery::error::{Answer, ArmError};
use crate::core::machinery::operation::{Deed, Failure};
use crate::core::machinery::order::Order;
use crate::core::machinery::paging::page;
use crate::core::machinery::schema::word;
use crate::core::machinery::{json as at, tags};
use crate::core::resources::asset::lists::Having;
use crate::core::resources::registry;
use crate::wire::Response;

/// `kind` of an endpoint that has a compute of its own, and of all others.
const KUBERNETES: &str = "K8S";
const MANAGED: &str = "Managed";

const AUTH_MODES: [&str; 3] = ["Key", "AMLToken", "AADToken"];

/// GET of one.
pub fn get(core: &Core, call: &Call) -> Answer {
    match core.store.get(&call.address.key()) {
        Some(document) => Ok(Response::json(200, &shown(call, &document))),
        None => Err(missing()),
    }
}

/// What endpoints of a compute type have as their `kind`; none when there is no such type.
fn kind_of(compute_type: &str) -> Option<&'static str> {
    let kinds = [("Managed", MANAGED), ("Kubernetes", KUBERNETES), ("AzureMLCompute", "AzureMLCompute")];
    let found = kinds.into_iter().find(|(kind, _)| kind.eq_ignore_ascii_case(compute_type))?;
    Some(found.1)
}

/// GET of all in a workspace, by `name`, `computeType`, `tags` and `properties`.
pub fn list(core: &Core, call: &Call) -> Answer {
    let same =
        |wanted: &str, value: &Value| value.as_str().is_some_and(|value| value.eq_ignore_ascii_case(wanted));
    let name = call.request.parameter("name");
    let kind = call.request.parameter("computeType").and_then(|kind| kind_of(&kind));
    let (tags, properties) = (Having::of(call.request, "tags"), Having::of(call.request, "properties"));
    page(core, call, Order::of_endpoints(call.request), |document| {
        let fits = name.as_deref().is_none_or(|name| same(name, &document["name"]))
            && kind.is_none_or(|kind| document["kind"] == kind)
            && tags.all_in(&document["tags"])
            && properties.all_in(&document["properties"]["properties"]);
        fits.then(|| shown(call, &document))
    })
}

fn refuse_taken_name(core: &Core, name: &str, location: &str) -> Result<(), ArmError> {
    let taken = core.store.everywhere("/onlineEndpoints").any(|(_, other)| {
        other["name"].as_str().is_some_and(|known| known.eq_ignore_ascii_case(name))
            && at::text(&other, "location").is_some_and(|region| region.eq_ignore_ascii_case(location))
    });
    if taken {
        return Err(ArmError::validation(
            "Name",
            "There is already an endpoint with this name, Endpoint name needs to be unique within a region. Try some other name.",
        ));
    }
    Ok(())
}

/// An endpoint on a cluster (§N): its name is unique there, it takes no Entra tokens, and every PUT names the cluster again [INF].
fn refuse_on_a_cluster(core: &Core, key: &str, body: &Value, before: Option<&Value>) -> Result<(), ArmError> {
    let asked = at::text(body, "properties.compute");
    let has = before.and_then(|before| at::text(before, "properties.compute"));
    let same = |one: Option<&str>, other: Option<&str>| {
        one.map(str::to_ascii_lowercase) == other.map(str::to_ascii_lowercase)
    };
    if before.is_some() && !same(asked, has) {
        return Err(ArmError::validation("Compute", "The compute of an endpoint cannot be changed."));
    }
    let Some(asked) = asked else { return Ok(()) };
    if at::text(body, "properties.authMode").is_some_and(|mode| mode.eq_ignore_ascii_case("AADToken")) {
        return Err(ArmError::validation("AuthMode", "AADToken is not supported on Kubernetes."));
    }
    let name = key.rsplit('/').next().unwrap_or_default();
    let taken = core.store.everywhere("/onlineEndpoints").any(|(_, other)| {
        other["name"].as_str().is_some_and(|known| known.eq_ignore_ascii_case(name))
            && same(at::text(&other, "properties.compute"), Some(asked))
    });
    if taken && before.is_none() {
        return Err(ArmError::user(
            400,
            "The request is invalid.",
            "InferencingClientCallFailed",
            format!(
                "OnlineEndpoint {name} already exists in cluster, endpoint name must be unique per cluster."
            ),
        ));
    }
    Ok(())
}

/// PUT: makes, or replaces; what is absent is cleared.
pub fn put(core: &mut Core, call: &Call) -> Answer {
    let body = call.body()?;
    let key = call.address.key();
    check_name(call.address.leaf())?;
    let before = core.store.take(&key);
    let location = located(core, call, &body, before.as_ref())?;
    if before.is_none() {
        refuse_taken_name(core, call.address.leaf(), &location)?;
        refuse_quota(core, call, &location)?;
    }
    refuse_on_a_cluster(core, &key, &body, before.as_ref())?;
    refuse_busy(core, &key)?;
    let (live, mirrored) = traffic::checked(core, &key, &body)?;
    let is_new = before.is_none();
    let uris = before.as_ref().map_or((Value::Null, Value::Null), |before| {
        (
            at::or(before, "properties.scoringUri", Value::Null),
            at::or(before, "properties.swaggerUri", Value::Null),
        )
    });
    let identity =
        registry::identity(core, before.as_ref().unwrap_or(&Value::Null), at::at(&body, "identity"))?;
    let mut properties = added(before.as_ref(), &body);
    properties.insert("azureml.onlineendpointid".to_owned(), call.address.id().to_ascii_lowercase().into());
    let kubernetes = at::text(&body, "properties.compute").is_some();
    let mut document = json!({
        "id": before.as_ref().map_or_else(|| call.address.id().into(), |before| before["id"].clone()),
        "name": before.as_ref().map_or_else(|| call.address.leaf().into(), |before| before["name"].clone()),
        "type": call.address.arm_type(),
        "location": location,
        "kind": if kubernetes { KUBERNETES } else { MANAGED },
        "tags": tags::kept(core, before.as_ref(), &body),
        "identity": identity,
        "properties": {
            "description": at::or(&body, "properties.description", Value::Null),
            "properties": properties,
            "scoringUri": uris.0,
            "swaggerUri": uris.1,
            "authMode": word(&AUTH_MODES, at::text(&body, "properties.authMode")),
            "provisioningState": if is_new { "Creating" } else { "Updating" },
            "compute": at::or(&body, "properties.compute", Value::Null),
            "publicNetworkAccess": access(&body, "properties.publicNetworkAccess"),
            "traffic": live,
            "mirrorTraffic": mirrored,
        },
        "systemData": call::system_data(core, call.identity, false),
    });
    if let Some(before) = &before {
        call::touch(core, call.identity, &mut document, before);
    } else {
        keys::make(core, &key, &body);
    }
    let work = if is_new { Work::EndpointCreate } else { Work::EndpointUpdate };
    let urls = begin(core, call, work, Deed::FinishEndpoint { key: key.clone() }, Some(key.clone()), "");
    show_operation(&mut document, &urls);
    let now = core.now();
    core.store.put(now, &key, document.clone());
    Ok(long_running(core, call, if is_new { 201 } else { 200 }, &document, &urls))
}

/// PATCH: tags and identity, nothing else; the rest of the body is ignored. The answer is that of a DELETE [INF].
pub fn patch(core: &mut Core, call: &Call) -> Answer {
    let body = call.body()?;
    let key = call.address.key();
    let Some(before) = core.store.take(&key) else { return Err(missing()) };
    refuse_busy(core, &key)?;
    let mut document = before.clone();
    if at::at(&body, "tags").is_some() {
        document["tags"] = tags::kept(core, Some(&before), &body);
    }
    if let Some(wanted) = at::at(&body, "identity") {
        document["identity"] = registry::identity(core, &before, Some(wanted))?;
    }
    call::touch(core, call.identity, &mut document, &before);
    document["properties"]["provisioningState"] = "Updating".into();
    let urls = begin(
        core,
        call,
        Work::EndpointUpdate,
        Deed::FinishEndpoint { key: key.clone() },
        Some(key.clone()),
        "",
    );
    show_operation(&mut document, &urls);
    let now = core.now();
    core.store.put(now, &key, document);
    Ok(accepted(core, &urls))
}

/// DELETE: with its deployments, or only without any [INF-strong].
pub fn delete(core: &mut Core, call: &Call) -> Answer {
    let key = call.address.key();
    if !core.store.has(&key) {
        return Ok(Response::empty(204));
    }
    refuse_busy(core, &key)?;
    let deployments = core.store.all(&format!("{key}/deployments")).count();
    if deployments > 0 && !core.config.inferred.endpoint_delete_cascades {
        return Err(ArmError::user(
            409,
            "The endpoint cannot be deleted.",
            "EndpointNotEmpty",
            format!("The endpoint has deployments ({deployments}). Delete them first."),
        ));
    }
    let now = core.now();
    core.store.change(now, &key, |document| document["properties"]["provisioningState"] = "Deleting".into());
    let urls = begin(core, call, Work::EndpointDelete, Deed::RemoveEndpoint { key }, None, "");
    Ok(accepted(core, &urls))
}

/// A change of the endpoint has ended.
pub fn finish(core: &mut Core, key: &str, fate: Result<(), Failure>) -> Result<(), Failure> {
    let now = core.now();
    let base = core.base().to_owned();
    core.store.change(now, key, |document| {
        let properties = &mut document["properties"];
        if fate.is_err() {
            properties["provisioningState"] = "Failed".into();
            return;
        }
        properties["provisioningState"] = "Succeeded".into();
        let (name, location) = (
            document["name"].as_str().unwrap_or_default(),
            document["location"].as_str().unwrap_or_default(),
        );
        let root = format!("{base}/inference/{location}/{name}");
        document["properties"]["scoringUri"] = format!("{root}/score").into();
        document["properties"]["swaggerUri"] = format!("{root}/swagger.json").into();
    });
    fate
}

/// A deletion has ended.
pub fn remove(core: &mut Core, key: &str, fate: Result<(), Failure>) -> Result<(), Failure> {
    let now = core.now();
    if fate.is_err() {
        core.store.change(now, key, |document| document["properties"]["provisioningState"] = "Failed".into());
        return fate;
    }
    core.store.remove(now, key);
    core.endpoint_keys.remove(key);
    let beneath = format!("{key}/");
    core.serving.retain(|deployment, _| !deployment.starts_with(&beneath));
    core.watch.forget(key);
    Ok(())
}
