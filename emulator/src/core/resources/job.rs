//! Jobs (§B.7): PUT is synchronous, the status moves on with time.

use serde_json::{Value, json};

use super::asset::lists::{Having, ListView};
use super::run::Metrics;
use super::{asset, workspace};
use crate::config::JobSeed;
use crate::config::Work;
use crate::core::Core;
use crate::core::machinery::address::Address;
use crate::core::machinery::call::{self, Call};
use crate::core::machinery::error::{Answer, ArmError};
use crate::core::machinery::operation::{self, Deed, Family, Start};
use crate::core::machinery::order::Order;
use crate::core::machinery::paging::page;
use crate::core::machinery::schema::word;
use crate::core::machinery::{ids, json as at};
use crate::wire::{Identity, Response};

const TYPES: [&str; 6] = ["AutoML", "Command", "FineTuning", "Sweep", "Pipeline", "Spark"];

fn missing(name: &str) -> ArmError {
    ArmError::missing("JobNotFound", format!("Job with name: {name} not found."))
}

/// GET of one.
pub fn get(core: &Core, call: &Call) -> Answer {
    match core.store.get(&call.address.key()) {
        Some(document) => Ok(Response::json(200, &document)),
        None => Err(missing(call.address.leaf())),
    }
}

/// GET of all in a workspace, by `jobType`, the key of a `tag`, and `properties`.
pub fn list(core: &Core, call: &Call) -> Answer {
    let view = ListView::of(call.request);
    let kind = call.request.parameter("jobType");
    let kind =
        TYPES.iter().find(|known| kind.as_deref().is_some_and(|kind| kind.eq_ignore_ascii_case(known)));
    let tag = call.request.parameter("tag");
    let wanted = Having::of(call.request, "properties");
    page(core, call, Order::NEWEST_FIRST, |document| {
        let properties = &document["properties"];
        let fits = view.shows(&document)
            && tag.as_deref().is_none_or(|tag| properties["tags"].get(tag).is_some())
            && wanted.all_in(&properties["properties"])
            && kind.is_none_or(|kind| properties["jobType"] == **kind);
        fits.then(|| document.into_owned())
    })
}

/// PUT: makes and starts a job; of one that exists, description, tags, isArchived and notificationSetting can be
/// replaced, and properties added.
pub fn put(core: &mut Core, call: &Call) -> Answer {
    let body = call.body()?;
    asset::check_name(call.address.leaf())?;
    let key = call.address.key();
    let kind = word(&TYPES, at::text(&body, "properties.jobType"));
    let now = core.now();
    if let Some(before) = core.store.take(&key) {
        refuse_fixed(&before, &body)?;
        let mut document = before.clone();
        for field in ["description", "notificationSetting"] {
            document["properties"][field] = at::or(&body, &format!("properties.{field}"), Value::Null);
        }
        document["properties"]["tags"] = at::or(&body, "properties.tags", json!({}));
        document["properties"]["isArchived"] = at::or(&body, "properties.isArchived", false);
        document["properties"]["properties"] = super::endpoint::added(Some(&before), &body).into();
        call::touch(core, call.identity, &mut document, &before);
        core.store.put(now, &key, document.clone());
        return Ok(Response::json(200, &document));
    }
    Ok(Response::json(201, &begin(core, call.identity, &call.address, &body, kind)))
}

/// Nearly everything of a job is fixed when it is made (§B.7); what the service sets is ignored.
fn refuse_fixed(before: &Value, body: &Value) -> Result<(), ArmError> {
    const FREE: [&str; 8] = [
        "description",
        "tags",
        "properties",
        "isArchived",
        "notificationSetting",
        "status",
        "services",
        "parameters",
    ];
    for (field, wanted) in at::object(body, "properties") {
        let known = &before["properties"][&field];
        if !FREE.contains(&field.as_str())
            && !wanted.is_null()
            && !at::same(&wanted, known, field == "jobType")
        {
            return Err(ArmError::validation(&field, format!("{field} cannot be changed.")));
        }
    }
    Ok(())
}

/// A new job, which starts and ends in its time.
pub fn begin(core: &mut Core, identity: &Identity, address: &Address, body: &Value, kind: &str) -> Value {
    let now = core.now();
    let key = address.key();
    let mut document = rendered(address, body, kind, "NotStarted");
    document["systemData"] = call::system_data(core, identity, true);
    core.store.put(now, &key, document.clone());
    core.metrics.insert(key.clone(), Metrics::default());
    let (start, run) = (core.config.durations.job_start, core.config.durations.job_run);
    for (seconds, status) in [(start / 2.0, "Starting"), (start, "Running"), (start + run, "Completed")] {
        operation::schedule(core, seconds, Deed::MoveJob { key: key.clone(), status: status.to_owned() });
    }
    document
}

fn rendered(address: &Address, body: &Value, kind: &str, status: &str) -> Value {
    let mut properties = at::object(body, "properties");
    let mut defaults = json!({
        "description": null, "tags": {}, "properties": {}, "displayName": address.leaf(), "experimentName": "Default",
        "isArchived": false, "computeId": null, "services": {}, "outputs": {}, "identity": null,
        "componentId": null,
    });
    // The data of these are in their task.
    if !["AutoML", "FineTuning"].contains(&kind) {
        defaults["inputs"] = json!({});
    }
    for (field, value) in defaults.as_object().into_iter().flatten() {
        let entry = properties.entry(field.clone()).or_insert(Value::Null);
        if entry.is_null() {
            *entry = value.clone();
        }
    }
    properties.insert("jobType".to_owned(), kind.into());
    properties.insert("status".to_owned(), status.into());
    json!({"id": address.id(), "name": address.leaf(), "type": address.arm_type(), "properties": properties})
}

/// A job that has a past: declared, not run.
pub fn declare(core: &mut Core, workspace: &Address, seed: &JobSeed) {
    let address = workspace.child("jobs", &seed.name);
    let environment = || workspace.child("environments", "train").child("versions", "1").id();
    let body = json!({"properties": {
        "displayName": seed.name,
        "experimentName": seed.experiment_name,
        "command": "python train.py",
        "environmentId": seed.environment_id.clone().unwrap_or_else(environment),
        "computeId": seed.compute_id,
        "inputs": seed.inputs,
        "outputs": seed.outputs,
        "tags": seed.tags,
        "properties": seed.properties,
    }});
    let mut document = rendered(&address, &body, "Command", &seed.status);
    let now = core.now();
    let time = ids::iso(now);
    document["systemData"] = json!({
        "createdAt": time, "createdBy": seed.created_by, "createdByType": "User",
        "lastModifiedAt": time, "lastModifiedBy": seed.created_by, "lastModifiedByType": "User",
    });
    core.store.put(now, &address.key(), document);
    core.metrics.insert(address.key(), Metrics::of(&seed.metrics, &seed.params, now));
}

/// A step of a job's life; one that was canceled takes no more.
pub fn move_on(core: &mut Core, key: &str, status: &str) {
    let now = core.now();
    core.store.change(now, key, |document| {
        let current = document["properties"]["status"].as_str().unwrap_or_default();
        if !["Canceled", "Failed", "Completed"].contains(&current)
            && (current != "CancelRequested" || status == "Canceled")
        {
            document["properties"]["status"] = status.into();
        }
    });
}

/// POST cancel.
pub fn cancel(core: &mut Core, call: &Call) -> Answer {
    let key = call.address.key();
    let Some(document) = core.store.get(&key) else { return Err(missing(call.address.leaf())) };
    let status = at::text(&document, "properties.status").unwrap_or_default();
    if ["Canceled", "Failed", "Completed"].contains(&status) {
        return Ok(Response::empty(200));
    }
    move_on(core, &key, "CancelRequested");
    operation::schedule(core, 5.0, Deed::MoveJob { key, status: "Canceled".to_owned() });
    Ok(Response::empty(200))
}

/// DELETE: at once, or as an operation [INF].
pub fn delete(core: &mut Core, call: &Call) -> Response {
    let key = call.address.key();
    if !core.store.has(&key) {
        return Response::empty(204);
    }
    if !core.config.inferred.job_delete_asynchronous {
        remove(core, &key);
        return Response::empty(200);
    }
    let (workspace_id, location) = workspace::place(core, &call.address);
    let urls = operation::start(
        core,
        call,
        Start {
            family: Family::Mfe("job"),
            location: &location,
            workspace_id: &workspace_id,
            work: Work::JobDelete,
            deed: Deed::RemoveJob { key },
            shows: None,
            model: "",
        },
    );
    let response =
        Response::empty(202).header("Location", urls.result).header("x-ms-async-operation-timeout", "PT30M");
    operation::with_retry_after(core, response)
}

/// A job goes, with its metrics.
pub fn remove(core: &mut Core, key: &str) {
    let now = core.now();
    core.metrics.remove(key);
    core.store.remove(now, key);
}
