//! Foreign hands: what others have in Azure, and what they change there behind Bindery's back.

use serde_json::{Value, json};

use super::cloud::{Form, is_batch, traffic_in};
use super::people;
use super::world::World;
use crate::azure::model::ResourceId;

/// The endpoint `tips` is there before Bindery is: somebody else's for good, or nobody's.
pub fn stranger(world: &mut World) {
    let endpoint = ResourceId::workspace("s", "rg", "prod").child("onlineEndpoints", "tips");
    let blue = endpoint.child("deployments", "blue");
    let deployment = json!({
        "location": "eastus", "tags": {}, "sku": {"name": "Default", "capacity": 3},
        "properties": {"endpointComputeType": "Managed", "model": "theirs", "provisioningState": "Succeeded"},
    });
    let taken = world.rng.bool();
    let tags = if taken { json!({"bindery-owner": "other/a/b"}) } else { json!({"theirs": "x"}) };
    let body = json!({
        "location": "eastus", "tags": tags,
        "properties": {"authMode": "Key", "provisioningState": "Succeeded", "traffic": {"blue": 100}},
    });
    world.cloud.put_there(&endpoint, body);
    world.cloud.put_there(&blue, deployment);
    world.ledger.guard(&world.cloud.resources[&blue]);
    if taken {
        world.ledger.guard(&world.cloud.resources[&endpoint]);
    }
}

/// Version 3 in the workspace is there before Bindery is, and another cluster's for good.
pub fn taken_version(world: &mut World) {
    let id = ResourceId::workspace("s", "rg", "dev").model_version("taxi", "3");
    let body = json!({"properties": {
        "modelUri": "azureml://jobs/train-3/outputs/artifacts/paths/model", "modelType": "mlflow_model",
        "jobName": "train-3", "tags": {"bindery-owner": "other/a/b"}, "properties": {}, "isArchived": false,
        "flavors": {}, "stage": "Development", "provisioningState": "Succeeded",
    }});
    world.cloud.put_there(&id, body);
    world.ledger.guard(&world.cloud.resources[&id]);
}

/// The registry is there before Bindery is: somebody else's for good, or nobody's.
pub fn registry_before(world: &mut World, owner: &str) {
    let id = ResourceId::registry("s", "rg", "models");
    let taken = !owner.is_empty();
    let tags = if taken { json!({"bindery-owner": owner}) } else { json!({"theirs": "x"}) };
    let accounts = |location: &str| {
        json!({
            "location": location,
            "storageAccountDetails": [{"systemCreatedStorageAccount": {"armResourceId": {"resourceId": "/a"}}}],
            "acrDetails": [{"systemCreatedAcrAccount": {"armResourceId": {"resourceId": "/b"}}}],
        })
    };
    let body = json!({"location": "eastus", "tags": tags, "properties": {
        "publicNetworkAccess": "Enabled", "discoveryUrl": "https://models.example/discovery",
        "regionDetails": [accounts("eastus"), accounts("westus")],
    }});
    world.cloud.put_there(&id, body);
    if taken {
        world.ledger.guard(&world.cloud.resources[&id]);
    }
}

/// Somebody takes the owner's tag off the registry, just before it is edited.
pub fn disown_the_registry(world: &mut World) {
    let id = ResourceId::registry("s", "rg", "models");
    let Some(mut body) = world.cloud.resources.get(&id).map(|r| r.body.clone()) else { return };
    if !world.ledger.guards(&id) {
        drop_tag(&mut body, "/tags", "bindery-owner");
        world.note(|| "FOREIGN hand takes the owner off the registry".into());
        world.cloud.put_there(&id, body);
    }
}

/// Somebody changes something in Azure Studio, whatever Bindery does just then.
pub fn meddle(world: &mut World) {
    let ids: Vec<ResourceId> = world.cloud.resources.keys().cloned().collect();
    let Some(id) = world.rng.choice(ids).filter(|id| !world.ledger.guards(id)) else { return };
    let choice = world.rng.u8(0..8);
    meddle_with(world, &id, choice);
}

/// Somebody writes a file of a version that is copied, or may be.
pub fn write_a_file(world: &mut World) {
    let models = ResourceId::registry("s", "rg", "models");
    let ids: Vec<ResourceId> = world.cloud.resources.keys().filter(|id| id.is_in(&models)).cloned().collect();
    let Some(id) = world.rng.choice(ids) else { return };
    world.note(|| format!("FOREIGN hand writes a file of {id}"));
    world.cloud.change_a_file(&id);
}

/// Somebody moves the traffic of an endpoint on which a rollout is under way, and perhaps has Bindery look at once, and not
/// at the next comparison.
pub fn move_split_traffic(world: &mut World) {
    let splits = |id: &&ResourceId| {
        let traffic = &world.cloud.resources[*id].body["properties"]["traffic"];
        !world.ledger.guards(id) && traffic.as_object().is_some_and(|traffic| traffic.len() > 1)
    };
    let ids: Vec<ResourceId> = world.cloud.resources.keys().filter(splits).cloned().collect();
    let Some(id) = world.rng.choice(ids) else { return };
    meddle_with(world, &id, 2);
    if world.rng.bool() {
        people::ask_for_a_look(world);
    }
}

/// The candidate of a rollout breaks where it runs, and Bindery looks at once.
pub fn break_a_candidate(world: &mut World) {
    let serves = |id: &&ResourceId| {
        let Some(endpoint) = world.cloud.resources.get(&id.parent().parent()) else { return false };
        let other =
            endpoint.body["tags"]["bindery-stable"].as_str().is_some_and(|stable| stable != id.name());
        other && traffic_in(&endpoint.body).contains_key(id.name())
    };
    let ids: Vec<ResourceId> = world.cloud.resources.keys().filter(serves).cloned().collect();
    let free = |id: &ResourceId| !world.cloud.busy(&super::cloud::lock_of(id));
    let Some(id) = ids.into_iter().find(free) else { return };
    let Some(mut body) = world.cloud.resources.get(&id).map(|r| r.body.clone()) else { return };
    body["properties"]["provisioningState"] = json!("Failed");
    world.note(|| format!("FOREIGN {} breaks", id.name()));
    world.cloud.put_there(&id, body);
    people::ask_for_a_look(world);
}

/// Somebody takes the traffic from the stable deployment of an endpoint, gives it to another one or to none, and deletes that
/// deployment. Bindery looks at once.
pub fn delete_what_serves(world: &mut World) {
    let stable = |id: &ResourceId| {
        let endpoint = &world.cloud.resources.get(id)?.body;
        let stable = id.child("deployments", endpoint["tags"]["bindery-stable"].as_str()?);
        world.cloud.resources.contains_key(&stable).then_some(stable)
    };
    let may = |id: &&ResourceId| {
        let free = !world.cloud.busy(&super::cloud::lock_of(id)) && !world.ledger.guards(id);
        Form::of(id) == Form::Endpoint && free && stable(id).is_some()
    };
    let ids: Vec<ResourceId> = world.cloud.resources.keys().filter(may).cloned().collect();
    let Some(id) = world.rng.choice(ids) else { return };
    let Some(stable) = stable(&id).filter(|it| !world.ledger.guards(it)) else { return };
    let all = world.cloud.deployments_of(&id);
    let others: Vec<String> =
        all.iter().filter(|it| it.id != stable).map(|it| it.id.name().to_string()).collect();
    let to_none = world.rng.bool();
    let other = world.rng.choice(others).filter(|_| !to_none);
    let Some(mut body) = world.cloud.resources.get(&id).map(|r| r.body.clone()) else { return };
    if is_batch(&id) {
        body["properties"]["defaults"]["deploymentName"] = json!(other);
    } else {
        body["properties"]["traffic"] = other.as_ref().map_or(json!({}), |other| json!({other: 100}));
        body["properties"]["mirrorTraffic"] = json!({});
    }
    world.note(|| format!("FOREIGN hand gives the traffic to {other:?} and deletes {}", stable.name()));
    world.cloud.put_there(&id, body);
    world.cloud.remove(&stable);
    people::ask_for_a_look(world);
}

fn meddle_with(world: &mut World, id: &ResourceId, choice: u8) {
    let deployments: Vec<String> =
        world.cloud.deployments_of(id).iter().map(|r| r.id.name().to_string()).collect();
    let one = world.rng.choice(deployments.clone());
    let busy = world.cloud.busy(&super::cloud::lock_of(id));
    let small = world.rng.u8(1..4);
    let Some(mut body) = world.cloud.resources.get(id).map(|r| r.body.clone()) else { return };
    let tags = if Form::of(id) == Form::Version { "/properties/tags" } else { "/tags" };
    match (Form::of(id), choice) {
        (Form::Workspace, _) => return,
        (Form::Setting, 2 | 3) => {
            world.note(|| format!("FOREIGN hand deletes {id}"));
            return world.cloud.remove(id);
        }
        (Form::Setting, 4 | 5) => body["properties"]["profiles"][0]["capacity"]["maximum"] = json!("9"),
        (Form::Setting, 6) => body["properties"]["enabled"] = json!(false),
        (Form::Version, 3) if id.segment("registries").is_some() => {
            world.note(|| format!("FOREIGN hand writes a file of {id}"));
            return world.cloud.change_a_file(id);
        }
        (_, 0) => set_tag(&mut body, tags, &format!("foreign{small}"), "x"),
        (_, 1) => set_tag(&mut body, tags, "team", "someone"),
        // Nobody's any more, until it is taken over again.
        (Form::Registry | Form::Version | Form::Endpoint, 6) => drop_tag(&mut body, tags, "bindery-owner"),
        (Form::Version, 2) => body["properties"]["isArchived"] = json!(small == 1),
        (Form::Endpoint, 2 | 3) if !busy && is_batch(id) => {
            body["properties"]["defaults"]["deploymentName"] = json!(one.filter(|_| small != 2));
        }
        (Form::Endpoint, 4) if is_batch(id) => body["properties"]["description"] = json!(small),
        (Form::Endpoint, 5) if is_batch(id) => body["properties"]["futureProperty"] = json!(small),
        (Form::Deployment, 4) if is_batch(id) => return,
        (Form::Endpoint, 2 | 3) if !busy => {
            let Some(one) = one else { return };
            let other = deployments.iter().find(|d| **d != one);
            body["properties"]["traffic"] = match (small, other) {
                (1, Some(other)) => json!({one: 70, other.clone(): 30}),
                (2, _) => json!({}),
                _ => json!({one: 100}),
            };
        }
        (Form::Endpoint, 4) => body["properties"]["mirrorTraffic"] = json!({"shadow": small}),
        (Form::Endpoint | Form::Registry, 5) => {
            body["properties"]["futureProperty"] = json!(small);
            body["properties"]["publicNetworkAccess"] =
                json!(["Enabled", "Disabled"][usize::from(small % 2)]);
        }
        (Form::Deployment, 4) if !busy => body["sku"]["capacity"] = json!(6),
        // Where the rollout stands is forgotten in Azure.
        (Form::Endpoint, 7) => drop_tag(&mut body, tags, "bindery-position"),
        // It breaks where it runs.
        (Form::Deployment, 3) if !busy => body["properties"]["provisioningState"] = json!("Failed"),
        _ => return,
    }
    world.note(|| format!("FOREIGN hand on {}: {choice}/{small}", id.name()));
    world.cloud.put_there(id, body);
}

fn set_tag(body: &mut Value, tags: &str, key: &str, value: &str) {
    if let Some(tags) = body.pointer_mut(tags).and_then(Value::as_object_mut) {
        tags.insert(key.into(), json!(value));
    }
}

fn drop_tag(body: &mut Value, tags: &str, key: &str) {
    if let Some(tags) = body.pointer_mut(tags).and_then(Value::as_object_mut) {
        tags.remove(key);
    }
}
