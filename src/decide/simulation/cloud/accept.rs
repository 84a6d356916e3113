//! What Azure takes, and what it makes of it.

use serde_json::{Value, json};

use super::operations::Deed;
use super::{Cloud, conflict, not_found, refused};
use crate::azure::{Error, Reply, ResourceId};

/// What a failed change leaves: the old content or the new one, in state Failed.
fn failed(mut body: Value) -> Value {
    body["properties"]["provisioningState"] = json!("Failed");
    body
}

/// A body in this state.
fn in_state(body: &Value, state: &str) -> Value {
    let mut body = body.clone();
    body["properties"]["provisioningState"] = json!(state);
    body
}

fn done(status: u16, body: Option<Value>) -> Reply {
    Reply { status, body, operation: None, retry_after: None }
}

impl Cloud {
    fn content(&self, id: &ResourceId) -> Option<Value> {
        self.resources.get(id).map(|r| r.body.clone())
    }

    pub(super) fn put_registry(&mut self, id: &ResourceId, body: &Value) -> Result<Reply, Error> {
        if self.busy(id) {
            return Err(conflict("The registry is being changed."));
        }
        let mut body = body.clone();
        let name = id.name().to_string();
        body["properties"]["discoveryUrl"] = json!(format!("https://{name}.example/discovery"));
        body["properties"]["futureProperty"] =
            self.content(id).map_or(json!(7), |_| body["properties"]["futureProperty"].clone());
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

    pub(super) fn remove_regions(&mut self, id: &ResourceId, body: &Value) -> Result<Reply, Error> {
        let Some(mut content) = self.content(id) else { return Err(not_found()) };
        if self.busy(id) {
            return Err(conflict("The registry is being changed."));
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
        if self.busy(id) || !self.holds(id).is_empty() {
            return Err(conflict("The registry is in use."));
        }
        Ok(self.start(id, Deed::Disappear, false, (5, 60), None))
    }

    pub(super) fn put_version(&mut self, id: &ResourceId, body: &Value) -> Result<Reply, Error> {
        let registry = id.segment("registries").is_some();
        let mut body = in_state(body, "Succeeded");
        if body["properties"].get("stage").is_none() {
            body["properties"]["stage"] = json!("Development");
        }
        let Some(content) = self.content(id) else {
            if registry {
                return Err(refused("Into a registry a version comes by publish."));
            }
            body["properties"]["flavors"] = json!({});
            self.put_there(id, body.clone());
            return Ok(done(201, Some(body)));
        };
        if self.busy(id) {
            return Err(conflict("The version is being changed."));
        }
        if content["properties"]["modelUri"] != body["properties"]["modelUri"] {
            return Err(refused("Asset paths cannot be updated."));
        }
        if registry && self.rng.bool() {
            let fails = self.bad(0.7);
            let deed = Deed::Become(if fails { in_state(&content, "Succeeded") } else { body });
            self.put_there(id, in_state(&content, "Updating"));
            let answer = self.content(id);
            return Ok(self.start(id, deed, fails, (1, 30), answer));
        }
        self.put_there(id, body.clone());
        Ok(done(200, self.content(id)))
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
            return Err(refused("It exists, or existed: it cannot be made."));
        }
        let copy = json!({"properties": {
            "modelUri": source["properties"]["modelUri"], "modelType": source["properties"]["modelType"],
            "provisioningState": "Succeeded", "stage": "Development", "flavors": {}, "tags": {},
            "properties": {}, "isArchived": false,
        }});
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

    pub(super) fn delete_version(&mut self, id: &ResourceId) -> Result<Reply, Error> {
        if self.busy(id) {
            return Err(conflict("The version is being changed."));
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

    pub(super) fn put_endpoint(&mut self, id: &ResourceId, body: &Value) -> Result<Reply, Error> {
        if self.busy(id) {
            return Err(conflict("The endpoint is being changed."));
        }
        let traffic = body["properties"]["traffic"].as_object().cloned().unwrap_or_default();
        let sum: i64 = traffic.values().filter_map(Value::as_i64).sum();
        if sum != 0 && sum != 100 {
            return Err(refused("The traffic needs to sum to 100."));
        }
        let there = |name: &String| self.resources.contains_key(&id.child("deployments", name));
        if let Some(missing) = traffic.keys().find(|name| !there(name)) {
            return Err(refused(format!("There is no deployment {missing}.")));
        }
        let fails = self.bad(0.7);
        let mut body = body.clone();
        body["properties"]["scoringUri"] = json!(format!("https://{}.example/score", id.name()));
        let Some(content) = self.content(id) else {
            body["properties"]["futureProperty"] = json!(7);
            let state = if fails { "Failed" } else { "Succeeded" };
            self.put_there(id, in_state(&body, "Creating"));
            let answer = self.content(id);
            return Ok(self.start(id, Deed::State(state), fails, (5, 60), answer));
        };
        let end = match (fails, self.rng.bool()) {
            (false, _) => in_state(&body, "Succeeded"),
            (true, true) => failed(body.clone()),
            (true, false) => failed(content.clone()),
        };
        // Until it is done, a GET may show the old content or the new one.
        let meanwhile = if self.rng.bool() { &content } else { &body };
        self.put_there(id, in_state(meanwhile, "Updating"));
        let answer = self.content(id);
        Ok(self.start(id, Deed::Become(end), fails, (1, 40), answer))
    }

    pub(super) fn delete_endpoint(&mut self, id: &ResourceId) -> Result<Reply, Error> {
        self.delete(id)
    }

    pub(super) fn put_deployment(&mut self, id: &ResourceId, body: &Value) -> Result<Reply, Error> {
        let endpoint = super::lock_of(id);
        if !self.resources.contains_key(&endpoint) {
            return Err(not_found());
        }
        if self.busy(&endpoint) {
            return Err(conflict("The endpoint is being changed."));
        }
        let Some(content) = self.content(id) else {
            let mut body = in_state(body, "Creating");
            body["systemData"] = json!({"createdAt": self.now.to_string()});
            body["properties"]["futureProperty"] = json!(7);
            body["sku"]["tier"] = json!("Standard");
            let fails = self.bad(3.0);
            let state = if fails { "Failed" } else { "Succeeded" };
            let takes = if self.bad(0.5) { (3_500, 4_500) } else { (30, 240) };
            self.put_there(id, body);
            let answer = self.content(id);
            return Ok(self.start(id, Deed::State(state), fails, takes, answer));
        };
        for fixed in ["model", "instanceType", "codeConfiguration", "environmentVariables"] {
            if content["properties"][fixed] != body["properties"][fixed] {
                return Err(refused(format!("{fixed} cannot be changed here.")));
            }
        }
        let fails = self.bad(0.7);
        let mut new = body.clone();
        new["systemData"] = content["systemData"].clone();
        let end = if fails { failed(new) } else { in_state(&new, "Succeeded") };
        self.put_there(id, in_state(&content, "Updating"));
        let answer = self.content(id);
        Ok(self.start(id, Deed::Become(end), fails, (5, 60), answer))
    }

    pub(super) fn delete_deployment(&mut self, id: &ResourceId) -> Result<Reply, Error> {
        let endpoint = self.content(&super::lock_of(id)).unwrap_or_default();
        if endpoint["properties"]["traffic"][id.name()].as_i64().unwrap_or(0) > 0 {
            return Err(refused("A deployment with traffic cannot be deleted."));
        }
        self.delete(id)
    }

    fn delete(&mut self, id: &ResourceId) -> Result<Reply, Error> {
        if self.busy(&super::lock_of(id)) {
            return Err(conflict("The endpoint is being changed."));
        }
        let Some(content) = self.content(id) else { return Ok(done(204, None)) };
        let fails = self.bad(0.7);
        let deed = if fails { Deed::State("Failed") } else { Deed::Disappear };
        self.put_there(id, in_state(&content, "Deleting"));
        Ok(self.start(id, deed, fails, (2, 40), None))
    }
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
