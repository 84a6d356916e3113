//! Which handler answers what, and the check of every body that comes before.

use super::parameters;
use crate::core::Core;
use crate::core::machinery::address::{Address, KINDS_OF_ASSETS as ASSETS};
use crate::core::machinery::call::{Call, not_found};
use crate::core::machinery::error::{Answer, ArmError};
use crate::core::machinery::{operation, schema, tags};
use crate::core::resources::asset::{container, publish, upload, version};
use crate::core::resources::endpoint::{batch, deployment, keys, online};
use crate::core::resources::registry::regions;
use crate::core::resources::{datastore, job, registry, workspace};
use crate::core::services::batch as invocation;

/// What is asked of an address.
enum Verb<'a> {
    List,
    Get,
    Put,
    Patch,
    Delete,
    /// POST without an action.
    Post,
    /// POST of an action.
    Act(&'a str),
    /// GET of something about a resource.
    Ask(&'a str),
}

/// Finds the handler, and lets it answer.
pub fn dispatch(core: &mut Core, call: &Call) -> Answer {
    let action = call.address.action.as_deref().map(str::to_ascii_lowercase);
    let verb = match (call.request.method.as_str(), action.as_deref(), call.address.collection) {
        ("GET" | "HEAD", None, Some(_)) => Verb::List,
        ("GET" | "HEAD", Some(action), None) => Verb::Ask(action),
        ("GET" | "HEAD", None, None) => Verb::Get,
        ("PUT", None, None) => Verb::Put,
        ("PATCH", None, None) => Verb::Patch,
        ("DELETE", None, None) => Verb::Delete,
        ("POST", None, None) => Verb::Post,
        ("POST", Some(action), None) => Verb::Act(action),
        _ => return Err(no_such_method(call)),
    };
    owner_exists(core, call)?;
    let shape = call.address.shape();
    match verb {
        Verb::Put => {
            let body = call.body()?;
            schema::check_put(&shape, &body)?;
            schema::check_texts(&body)?;
            tags::check(&shape, &body)?;
        }
        Verb::Patch => {
            let body = call.body()?;
            schema::check_patch(&body)?;
            schema::check_texts(&body)?;
            tags::check(&shape, &body)?;
        }
        Verb::List => {
            let request = &parameters::of_list(call.request, &shape, call.door);
            let (address, api_version) = (call.address.clone(), call.api_version.clone());
            return handle(core, &Call { request, address, api_version, ..*call }, &shape, &verb);
        }
        _ => {}
    }
    handle(core, call, &shape, &verb)
}

fn handle(core: &mut Core, call: &Call, shape: &str, verb: &Verb) -> Answer {
    let kinds: Vec<&str> = shape.split('/').collect();
    match kinds.as_slice() {
        ["registries"] => registries(core, call, verb),
        ["workspaces"] => workspaces(core, call, verb),
        ["registries" | "workspaces", asset] if ASSETS.contains(asset) => containers(core, call, verb),
        ["registries" | "workspaces", asset, "versions"] if ASSETS.contains(asset) => {
            versions(core, call, verb)
        }
        ["registries", "tempdatarefs", "versions"] if matches!(verb, Verb::Put) => {
            upload::temporary(core, call)
        }
        ["registries", "datarefs" | "datareferences", "versions"] if matches!(verb, Verb::Post) => {
            upload::readable(core, call)
        }
        ["workspaces", "jobs"] => jobs(core, call, verb),
        ["workspaces", "datastores"] => datastores(core, call, verb),
        ["workspaces", "onlineEndpoints"] => endpoints(core, call, verb),
        ["workspaces", "onlineEndpoints", "deployments"] => deployments(core, call, verb),
        ["workspaces", "batchEndpoints"] => batch_endpoints(core, call, verb),
        ["workspaces", "batchEndpoints", "deployments"] => batch_deployments(core, call, verb),
        ["workspaces", "batchEndpoints", "jobs"]
        | ["workspaces", "batchEndpoints", "deployments", "jobs"]
            if matches!(verb, Verb::List) =>
        {
            invocation::list(core, call)
        }
        ["locations", "mfeOperationsStatus" | "mfeOperationResults" | "registryOperationsStatus"]
            if matches!(verb, Verb::Get) =>
        {
            operation::answer(core, call)
        }
        _ => Err(no_such_method(call)),
    }
}

fn registries(core: &mut Core, call: &Call, verb: &Verb) -> Answer {
    match verb {
        Verb::List => registry::list(core, call),
        Verb::Get => registry::get(core, call),
        Verb::Put => registry::put(core, call),
        Verb::Patch => registry::patch(core, call),
        Verb::Delete => registry::delete(core, call),
        Verb::Act("removeregions") => regions::start(core, call),
        Verb::Act("import") => publish::import(core, call),
        _ => Err(no_such_method(call)),
    }
}

fn workspaces(core: &Core, call: &Call, verb: &Verb) -> Answer {
    match verb {
        Verb::List => workspace::list(core, call),
        Verb::Get => workspace::get(core, call),
        _ => Err(no_such_method(call)),
    }
}

fn containers(core: &mut Core, call: &Call, verb: &Verb) -> Answer {
    match verb {
        Verb::List => container::list(core, call),
        Verb::Get => container::get(core, call),
        Verb::Put => container::put(core, call),
        Verb::Delete => Ok(container::delete(core, call)),
        _ => Err(no_such_method(call)),
    }
}

fn versions(core: &mut Core, call: &Call, verb: &Verb) -> Answer {
    let in_workspace = call.address.steps[0].0 == "workspaces";
    match verb {
        Verb::List => version::list(core, call),
        Verb::Get => version::get(core, call),
        Verb::Put => version::put(core, call),
        Verb::Delete => Ok(version::delete(core, call)),
        Verb::Act("publish") if in_workspace => publish::start(core, call),
        Verb::Act("startpendingupload") => upload::start(core, call),
        _ => Err(no_such_method(call)),
    }
}

fn jobs(core: &mut Core, call: &Call, verb: &Verb) -> Answer {
    match verb {
        Verb::List => job::list(core, call),
        Verb::Get => job::get(core, call),
        Verb::Put => job::put(core, call),
        Verb::Delete => Ok(job::delete(core, call)),
        Verb::Act("cancel") => job::cancel(core, call),
        _ => Err(no_such_method(call)),
    }
}

fn datastores(core: &mut Core, call: &Call, verb: &Verb) -> Answer {
    match verb {
        Verb::List => datastore::list(core, call),
        Verb::Get => datastore::get(core, call),
        Verb::Put => datastore::put(core, call),
        Verb::Delete => Ok(datastore::delete(core, call)),
        Verb::Act("listsecrets") => datastore::secrets(core, call),
        _ => Err(no_such_method(call)),
    }
}

fn endpoints(core: &mut Core, call: &Call, verb: &Verb) -> Answer {
    match verb {
        Verb::List => online::list(core, call),
        Verb::Get => online::get(core, call),
        Verb::Put => online::put(core, call),
        Verb::Patch => online::patch(core, call),
        Verb::Delete => online::delete(core, call),
        Verb::Act("listkeys") => keys::list(core, call),
        Verb::Act("regeneratekeys") => keys::regenerate(core, call),
        Verb::Act("token") => keys::token(core, call),
        _ => Err(no_such_method(call)),
    }
}

fn deployments(core: &mut Core, call: &Call, verb: &Verb) -> Answer {
    match verb {
        Verb::List => deployment::list(core, call),
        Verb::Get => deployment::get(core, call),
        Verb::Put => deployment::put(core, call),
        Verb::Patch => deployment::patch(core, call),
        Verb::Delete => deployment::delete(core, call),
        Verb::Act("getlogs") => deployment::logs(core, call),
        Verb::Ask("skus") => deployment::skus(core, call),
        _ => Err(no_such_method(call)),
    }
}

fn batch_endpoints(core: &mut Core, call: &Call, verb: &Verb) -> Answer {
    match verb {
        Verb::List => batch::list(core, call),
        Verb::Get => batch::get(core, call),
        Verb::Put => batch::put_endpoint(core, call),
        Verb::Patch => batch::patch(core, call),
        Verb::Delete => batch::delete(core, call),
        Verb::Act("listkeys") => keys::list(core, call),
        _ => Err(no_such_method(call)),
    }
}

fn batch_deployments(core: &mut Core, call: &Call, verb: &Verb) -> Answer {
    match verb {
        Verb::List => batch::list(core, call),
        Verb::Get => batch::get(core, call),
        Verb::Put => batch::put_deployment(core, call),
        Verb::Patch => batch::patch(core, call),
        Verb::Delete => batch::delete(core, call),
        _ => Err(no_such_method(call)),
    }
}

fn no_such_method(call: &Call) -> ArmError {
    ArmError::front(
        405,
        "MethodNotAllowed",
        format!("The method {} is not supported on '{}'.", call.request.method, call.address.arm_type()),
    )
}

/// What is asked for lives in a registry or workspace, which must exist.
fn owner_exists(core: &Core, call: &Call) -> Result<(), ArmError> {
    let nested = call.address.steps.len() > 1
        || (call.address.steps.len() == 1
            && (call.address.collection.is_some() || call.address.action.is_some()));
    let owner =
        Address { steps: call.address.steps.iter().take(1).cloned().collect(), ..call.address.clone() };
    if !nested || call.address.steps[0].0 == "locations" || core.store.has(&owner.key()) {
        return Ok(());
    }
    Err(not_found(&Address { collection: None, action: None, ..owner }))
}
