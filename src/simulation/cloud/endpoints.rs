//! What Azure takes for endpoints and their deployments, and what it makes of it.

use serde_json::{Value, json};

use super::accept::{done, in_state};
use super::operations::Deed;
use super::{Cloud, conflict, is_batch, lock_of, not_found, refused, traffic_in};
use crate::azure::model::{Error, Reply, ResourceId};

/// What a failed change leaves: the old content or the new one, in state Failed.
fn failed(body: &Value) -> Value {
    in_state(body, "Failed")
}

impl Cloud {
    pub(super) fn put_endpoint(&mut self, id: &ResourceId, body: &Value) -> Result<Reply, Error> {
        if self.busy(id) {
            return Err(self.in_use("The endpoint is being changed."));
        }
        if is_batch(id) != body["properties"]["defaults"].is_object() {
            return Err(refused("It is another kind of endpoint."));
        }
        self.takes_traffic(id, body)?;
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
            (true, true) => failed(&body),
            (true, false) => failed(&content),
        };
        // Until it is done, a GET may show the old content or the new one.
        let meanwhile = if self.rng.bool() { &content } else { &body };
        self.put_there(id, in_state(meanwhile, "Updating"));
        let answer = self.content(id);
        Ok(self.start(id, Deed::Become(end), fails, (1, 40), answer))
    }

    /// Traffic sums to 100 or to nothing, and goes to what is there; copies of at most half of the requests go to one deployment
    /// without traffic.
    fn takes_traffic(&self, id: &ResourceId, body: &Value) -> Result<(), Error> {
        let copies = body["properties"]["mirrorTraffic"].as_object().cloned().unwrap_or_default();
        let copies: Vec<(&String, i64)> =
            copies.iter().filter_map(|(name, percent)| Some((name, percent.as_i64()?))).collect();
        if copies.iter().filter(|(_, percent)| *percent > 0).count() > 1 {
            return Err(refused("Traffic can be mirrored to one deployment only."));
        }
        for (name, percent) in copies {
            let live = body["properties"]["traffic"][name].as_i64().unwrap_or(0);
            if percent > 50 || (percent > 0 && live > 0) {
                return Err(refused("At most 50 percent can be mirrored, to a deployment without traffic."));
            }
        }
        let traffic = traffic_in(body);
        let sum: i64 = traffic.values().filter_map(Value::as_i64).sum();
        if sum != 0 && sum != 100 {
            return Err(refused("The traffic needs to sum to 100."));
        }
        for (name, weight) in &traffic {
            let Some(deployment) = self.resources.get(&id.child("deployments", name)) else {
                return Err(self.refusal(format!("There is no deployment {name}.")));
            };
            let state = &deployment.body["properties"]["provisioningState"];
            if self.positions.traffic_needs_succeeded && state != "Succeeded" && *weight != 0 {
                return Err(self.refusal(format!("{name} is in state {state}: it must be Succeeded.")));
            }
        }
        Ok(())
    }

    pub(super) fn delete_endpoint(&mut self, id: &ResourceId) -> Result<Reply, Error> {
        if !self.positions.endpoint_delete_cascades && !self.deployments_of(id).is_empty() {
            return Err(self.refusal("The endpoint has deployments.".into()));
        }
        self.delete(id)
    }

    pub(super) fn put_deployment(&mut self, id: &ResourceId, body: &Value) -> Result<Reply, Error> {
        let endpoint = lock_of(id);
        if !self.resources.contains_key(&endpoint) {
            return Err(not_found());
        }
        if self.busy(&endpoint) {
            return Err(self.in_use("The endpoint is being changed."));
        }
        let Some(content) = self.content(id) else {
            let mut body = in_state(body, "Creating");
            body["systemData"] = json!({"createdAt": self.now.to_string()});
            body["properties"]["futureProperty"] = json!(7);
            if !is_batch(id) {
                body["sku"]["tier"] = json!("Standard");
            }
            let fails = self.bad(3.0);
            let state = if fails { "Failed" } else { "Succeeded" };
            let takes = if self.bad(0.5) { (3_500, 4_500) } else { (30, 240) };
            self.put_there(id, body);
            let answer = self.content(id);
            return Ok(self.start(id, Deed::State(state), fails, takes, answer));
        };
        for fixed in ["model", "instanceType", "codeConfiguration", "environmentVariables", "resources"] {
            if content["properties"][fixed] != body["properties"][fixed] {
                return Err(refused(format!("{fixed} cannot be changed here.")));
            }
        }
        let fails = self.bad(0.7);
        let mut new = body.clone();
        new["systemData"] = content["systemData"].clone();
        let end = if fails { failed(&new) } else { in_state(&new, "Succeeded") };
        self.put_there(id, in_state(&content, "Updating"));
        let answer = self.content(id);
        Ok(self.start(id, Deed::Become(end), fails, (5, 60), answer))
    }

    /// A PATCH changes the count, and nothing else.
    pub(super) fn scale_deployment(&mut self, id: &ResourceId, body: &Value) -> Result<Reply, Error> {
        if self.busy(&lock_of(id)) {
            return Err(self.in_use("The endpoint is being changed."));
        }
        let Some(content) = self.content(id) else { return Err(not_found()) };
        let mut new = content.clone();
        new["sku"]["capacity"] = body["sku"]["capacity"].clone();
        let fails = self.bad(0.7);
        let end = if fails { failed(&content) } else { in_state(&new, "Succeeded") };
        self.put_there(id, in_state(&content, "Scaling"));
        let answer = self.rng.bool().then(|| self.content(id)).flatten();
        Ok(self.start(id, Deed::Become(end), fails, (5, 240), answer))
    }

    /// One setting for a target, whose target cannot be changed. It outlives the target.
    pub(super) fn put_setting(&mut self, id: &ResourceId, body: &Value) -> Result<Reply, Error> {
        let target = ResourceId::new(body["properties"]["targetResourceUri"].as_str().unwrap_or_default());
        let before = self.content(id);
        let kept = before.as_ref().and_then(|before| before["properties"]["targetResourceUri"].as_str());
        if kept.is_some_and(|kept| ResourceId::new(kept) != target) {
            return Err(refused("The target resource reference is immutable."));
        }
        if !self.resources.contains_key(&target) {
            return Err(not_found());
        }
        let others = self.settings_of(&lock_of(&target));
        if others.iter().any(|(other, setting)| *other == target && setting.id != *id) {
            return Err(conflict("The target has an autoscale setting."));
        }
        self.put_there(id, body.clone());
        Ok(done(if before.is_some() { 200 } else { 201 }, self.content(id)))
    }

    pub(super) fn delete_deployment(&mut self, id: &ResourceId) -> Result<Reply, Error> {
        let endpoint = self.content(&lock_of(id)).unwrap_or_default();
        let serves = traffic_in(&endpoint).get(id.name()).and_then(Value::as_i64).unwrap_or(0) > 0;
        if serves && self.positions.delete_with_traffic_refused {
            return Err(self.refusal("A deployment with traffic cannot be deleted.".into()));
        }
        self.delete(id)
    }

    fn delete(&mut self, id: &ResourceId) -> Result<Reply, Error> {
        if self.busy(&lock_of(id)) {
            return Err(self.in_use("The endpoint is being changed."));
        }
        let Some(content) = self.content(id) else { return Ok(done(204, None)) };
        let fails = self.bad(0.7);
        let deed = if fails { Deed::State("Failed") } else { Deed::Disappear };
        self.put_there(id, in_state(&content, "Deleting"));
        Ok(self.start(id, deed, fails, (2, 40), None))
    }

    /// A deployment that is gone has no traffic any more.
    pub(super) fn take_traffic(&mut self, deployment: &ResourceId) {
        let Some(endpoint) = self.resources.get_mut(&lock_of(deployment)) else { return };
        // What a batch endpoint does with a default deployment that is gone is not documented: here it has none then.
        if endpoint.body["properties"]["defaults"]["deploymentName"] == deployment.name() {
            endpoint.body["properties"]["defaults"]["deploymentName"] = Value::Null;
        }
        for map in ["traffic", "mirrorTraffic"] {
            if let Some(map) = endpoint.body["properties"][map].as_object_mut() {
                map.remove(deployment.name());
            }
        }
    }
}
