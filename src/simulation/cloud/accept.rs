//! What Azure takes for registries and versions, and what it makes of it.

use serde_json::{Value, json};

use super::operations::Deed;
use super::{Cloud, conflict, not_found, refused};
use crate::azure::model::{Error, Reply, ResourceId};

/// A body in this state.
pub(super) fn in_state(body: &Value, state: &str) -> Value {
    let mut body = body.clone();
    body["properties"]["provisioningState"] = json!(state);
    body
}

pub(super) fn done(status: u16, body: Option<Value>) -> Reply {
    Reply { status, body, operation: None, retry_after: None }
}

impl Cloud {
    pub(super) fn content(&self, id: &ResourceId) -> Option<Value> {
        self.resources.get(id).map(|r| r.body.clone())
    }

    pub(super) fn put_registry(&mut self, id: &ResourceId, body: &Value) -> Result<Reply, Error> {
        if self.busy(id) {
            return Err(self.in_use("The registry is being changed."));
        }
        let mut body = body.clone();
        let name = id.name().to_string();
        body["properties"]["discoveryUrl"] = json!(format!("https://{name}.example/discovery"));
        body["properties"]["futureProperty"] =
            self.content(id).map_or(json!(7), |_| body["properties"]["futureProperty"].clone());
        if !self.positions.registry_put_removes_regions {
            self.keep_regions(id, &mut body);
        }
        let whole = with_accounts(&body);
        let fails = self.bad(0.7);
        if self.resources.contains_key(id) {
            let deed = if fails { Deed::Nothing } else { Deed::Become(whole) };
            if self.rng.bool() && !fails {
                self.put_there(id, body);
            }
            return Ok(self.start(id, deed, fails, (1, 60), None));
        }
        // One that is visible while it is made, and is left without accounts when that fails.
        if self.rng.bool() {
            self.put_there(id, body);
            let deed = if fails { Deed::Nothing } else { Deed::Become(whole) };
            return Ok(self.start(id, deed, fails, (5, 90), None));
        }
        let deed = if fails { Deed::Nothing } else { Deed::Appear(id.clone(), whole) };
        Ok(self.start(id, deed, fails, (5, 90), None))
    }

    /// The regions that a PUT omits stay.
    fn keep_regions(&self, id: &ResourceId, body: &mut Value) {
        let had = self.content(id).unwrap_or_default();
        let Some(regions) = body["properties"]["regionDetails"].as_array_mut() else { return };
        for region in had["properties"]["regionDetails"].as_array().into_iter().flatten() {
            if !regions.iter().any(|r| r["location"] == region["location"]) {
                regions.push(region.clone());
            }
        }
    }

    pub(super) fn remove_regions(&mut self, id: &ResourceId, body: &Value) -> Result<Reply, Error> {
        let Some(mut content) = self.content(id) else { return Err(not_found()) };
        if self.busy(id) {
            return Err(self.in_use("The registry is being changed."));
        }
        let surplus: Vec<Value> = body["properties"]["regionDetails"].as_array().cloned().unwrap_or_default();
        if surplus.iter().any(|r| r["location"] == content["location"]) {
            return Err(refused("The primary region cannot be removed."));
        }
        if let Some(regions) = content["properties"]["regionDetails"].as_array_mut() {
            regions.retain(|r| !surplus.iter().any(|s| s["location"] == r["location"]));
        }
        let fails = self.bad(0.7);
        let deed = if fails { Deed::Nothing } else { Deed::Become(content) };
        Ok(self.start(id, deed, fails, (5, 60), None))
    }

    pub(super) fn delete_registry(&mut self, id: &ResourceId) -> Result<Reply, Error> {
        if !self.resources.contains_key(id) {
            return Ok(done(204, None));
        }
        if self.busy(id) {
            return Err(self.in_use("The registry is being changed."));
        }
        if !self.positions.registry_delete_with_assets && !self.holds(id).is_empty() {
            return Err(self.refusal("The registry is not empty.".into()));
        }
        Ok(self.start(id, Deed::Disappear, false, (5, 60), None))
    }

    pub(super) fn put_version(&mut self, id: &ResourceId, body: &Value) -> Result<Reply, Error> {
        let registry = id.segment("registries");
        let mut body = in_state(body, "Succeeded");
        let Some(content) = self.content(id) else {
            if registry.is_some() && !self.tombstones.contains(id) && self.upload_at(id, &body).is_some() {
                body["properties"]["stage"] = or(&body["properties"]["stage"], &json!("Development"));
                return Ok(self.register_upload(id, body));
            }
            self.takes_new_version(id, &body)?;
            body["properties"]["stage"] = or(&body["properties"]["stage"], &json!("Development"));
            body["properties"]["flavors"] = json!({});
            self.put_there(id, body.clone());
            return Ok(done(201, Some(body)));
        };
        if self.busy(id) {
            return Err(self.in_use("The version is being changed."));
        }
        if content["properties"]["modelUri"] != body["properties"]["modelUri"] {
            let error = refused("Asset paths cannot be updated.");
            return Err(if self.positions.asset_path_is_409 { conflict(&error.message) } else { error });
        }
        let resets = self.positions.absent_stage_resets;
        let stage = if resets { json!("Development") } else { content["properties"]["stage"].clone() };
        body["properties"]["stage"] = or(&body["properties"]["stage"], &stage);
        if !self.positions.absent_job_name_clears {
            let (job, before) = (&body["properties"]["jobName"], &content["properties"]["jobName"]);
            body["properties"]["jobName"] = or(job, before);
        }
        if registry.is_some() && self.rng.bool() {
            let fails = self.bad(0.7);
            let deed = Deed::Become(if fails { in_state(&content, "Succeeded") } else { body });
            self.put_there(id, in_state(&content, "Updating"));
            let answer = self.content(id);
            return Ok(self.start(id, deed, fails, (1, 30), answer));
        }
        self.put_there(id, body.clone());
        Ok(done(200, self.content(id)))
    }

    /// A version that is not there yet.
    fn takes_new_version(&self, id: &ResourceId, body: &Value) -> Result<(), Error> {
        let Some(registry) = id.segment("registries") else {
            let of_a_job = body["properties"]["modelUri"].as_str().is_some_and(|u| u.contains("/jobs/"));
            let missing = self.positions.job_uri_must_exist && of_a_job && self.now < self.trained;
            return if missing { Err(refused("There is no such job.")) } else { Ok(()) };
        };
        if !self.resources.contains_key(&ResourceId::registry("s", "rg", registry)) {
            return Err(not_found());
        }
        if self.positions.registry_refuses_foreign_paths || self.tombstones.contains(id) {
            return Err(refused("Into a registry a version comes by publish."));
        }
        Ok(())
    }

    pub(super) fn publish(&mut self, from: &ResourceId, body: &Value) -> Result<Reply, Error> {
        let Some(source) = self.content(from) else { return Err(not_found()) };
        let text = |key: &str| body[key].as_str().unwrap_or_default().to_string();
        let registry = ResourceId::registry("s", "rg", &text("registryName"));
        if !self.resources.contains_key(&registry) {
            return Err(not_found());
        }
        let to = registry.model_version(&text("destinationName"), &text("destinationVersion"));
        if self.resources.contains_key(&to) || self.tombstones.contains(&to) || self.busy(&to) {
            let said = "It exists, or existed: it cannot be made.";
            return Err(if self.positions.publish_conflict_is_409 { conflict(said) } else { refused(said) });
        }
        let copy = self.copy_of(&source);
        let fails = self.bad(1.0);
        let deed = if fails { Deed::Nothing } else { Deed::Appear(to.clone(), copy) };
        let mut reply = self.start(&to, deed, fails, (1, 300), None);
        // It may say that it is done before the copy can be seen.
        if self.bad(1.0) {
            let last = self.operations.len() - 1;
            let late = self.operations[last].clone();
            self.operations[last].ends = self.now;
            self.operations[last].deed = Deed::Nothing;
            self.operations.push(super::Operation { url: String::new(), ..late });
        }
        if self.bad(1.0) {
            reply.operation = None; // 200: nobody says how it goes
        }
        Ok(reply)
    }

    /// What a publish makes of a version.
    fn copy_of(&self, source: &Value) -> Value {
        let made = json!({"createdBy": super::US, "createdAt": self.now.to_string()});
        let mut copy = json!({"systemData": made, "properties": {
            "modelUri": source["properties"]["modelUri"], "modelType": source["properties"]["modelType"],
            "provisioningState": "Succeeded", "stage": "Development", "flavors": {}, "tags": {},
            "properties": {}, "isArchived": false,
        }});
        if self.positions.publish_copies_metadata {
            for field in ["description", "tags", "properties", "stage"] {
                copy["properties"][field] = source["properties"][field].clone();
            }
        }
        if self.positions.publish_copies_job_name {
            copy["properties"]["jobName"] = source["properties"]["jobName"].clone();
        }
        copy
    }

    pub(super) fn delete_version(&mut self, id: &ResourceId) -> Result<Reply, Error> {
        if self.busy(id) {
            return Err(self.in_use("The version is being changed."));
        }
        if !self.resources.contains_key(id) {
            return Ok(done(204, None));
        }
        if id.segment("registries").is_some() {
            self.tombstones.insert(id.clone());
            return Ok(self.start(id, Deed::Disappear, false, (1, 30), None));
        }
        self.take_away(id);
        Ok(done(200, None))
    }
}

/// A value, or this one where it is absent.
fn or(value: &Value, otherwise: &Value) -> Value {
    if value.is_null() { otherwise.clone() } else { value.clone() }
}

/// Every region has its accounts.
fn with_accounts(body: &Value) -> Value {
    let mut body = body.clone();
    for region in body["properties"]["regionDetails"].as_array_mut().into_iter().flatten() {
        for (list, account) in [
            ("storageAccountDetails", "systemCreatedStorageAccount"),
            ("acrDetails", "systemCreatedAcrAccount"),
        ] {
            let named = json!({"resourceId": format!("/{account}/{}", region["location"])});
            region[list][0][account]["armResourceId"] = named;
        }
    }
    body
}
