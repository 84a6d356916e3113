//! What Microsoft's ARM schema refuses in a PUT, the emulator refuses; and what it takes, the emulator takes. The
//! schema is [`documented`] in a data file. Differences that are meant: words compare without regard to case, null
//! counts as absent, and unknown properties are tolerated.
#![allow(clippy::unwrap_used)]

mod documented;
mod echo;
mod mutants;
mod samples;
mod strange;
#[path = "../support/mod.rs"]
mod support;
mod verbatim;

use std::collections::BTreeSet;

use documented::Schema;
use mutants::{Mutant, mutants};
use samples::samples;
use serde_json::{Value, json};
use support::{ENDPOINT, ENVIRONMENT, MODEL, REGISTRY, WORKSPACE, World, registry_body};

/// A resource that can be PUT: its name in the schema, where, and what a body must say so that it makes sense beside
/// what there is in the test's world.
struct Put {
    resource: String,
    path: String,
    sense: Value,
}

fn put(resource: &str, path: impl Into<String>, sense: Value) -> Put {
    Put { resource: resource.to_owned(), path: path.into(), sense }
}

/// Everything that the emulator lets a client PUT.
fn puts() -> Vec<Put> {
    let nothing = || json!({});
    let batch = format!("{WORKSPACE}/batchEndpoints/nightly");
    let placed = |more: Value| {
        json!({"location": "eastus", "identity": {"type": "SystemAssigned", "userAssignedIdentities": {}},
            "sku": {"name": "Default", "capacity": 1, "tier": "Standard"}, "properties": more})
    };
    let online = |more: Value| {
        let mut sense = json!({
            "model": format!("{MODEL}/versions/1"),
            "instanceType": "Standard_F4s_v2",
            "environmentId": ENVIRONMENT,
            "codeConfiguration": {"codeId": format!("{WORKSPACE}/codes/c/versions/1")},
            "dataCollector": {"collections": {"x": {"samplingRate": 1}}},
        });
        sense.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        put("workspaces_onlineEndpoints_deployments", format!("{ENDPOINT}/deployments/blue"), placed(sense))
    };
    let mut puts = vec![
        put(
            "registries",
            REGISTRY,
            json!({
                "location": "eastus",
                "identity": {"type": "SystemAssigned", "userAssignedIdentities": {}},
                "properties": {"regionDetails": registry_body()["properties"]["regionDetails"]},
            }),
        ),
        put("workspaces_onlineEndpoints", ENDPOINT, placed(json!({"traffic": {}, "mirrorTraffic": {}}))),
        online(json!({"scaleSettings": null})),
        // Only there can it be scaled by utilization.
        online(json!({"endpointComputeType": "Kubernetes"})),
        put("workspaces_batchEndpoints", batch.clone(), placed(json!({"defaults": {}}))),
        put(
            "workspaces_batchEndpoints_deployments",
            format!("{batch}/deployments/first"),
            placed(json!({"description": "d"})),
        ),
        put("workspaces_jobs", format!("{WORKSPACE}/jobs/train-2"), nothing()),
        put("workspaces_datastores", format!("{WORKSPACE}/datastores/blobs"), nothing()),
    ];
    let scopes = [
        ("workspaces", WORKSPACE, "azureml://datastores/d/paths/p"),
        ("registries", REGISTRY, "https://a.blob.core.windows.net/c/p"),
    ];
    for (scope, root, files) in scopes {
        // The schema flattens a flavor's `data` away, and the service has it [REC].
        let model = json!({"properties": {"modelUri": files, "jobName": "train-1", "flavors": {}}});
        for (kind, sense) in [
            ("models", model),
            ("data", json!({"properties": {"dataUri": files}})),
            ("environments", nothing()),
            ("components", nothing()),
            ("codes", nothing()),
        ] {
            puts.push(put(&format!("{scope}_{kind}"), format!("{root}/{kind}/a"), nothing()));
            puts.push(put(&format!("{scope}_{kind}_versions"), format!("{root}/{kind}/a/versions/1"), sense));
        }
    }
    puts
}

/// A world in which everything is there that a resource lies in or refers to, made with one PUT less.
fn world_for(path: &str) -> World {
    let mut world = World::new();
    let place = json!({"location": "eastus", "properties": {"authMode": "AADToken"}});
    if path.contains("/batchEndpoints/") && path.contains("/deployments/") {
        world.settle_put(&format!("{WORKSPACE}/batchEndpoints/nightly"), &place);
    } else if path.contains("/deployments/") {
        world.serve(&[]);
    } else if path.starts_with(&format!("{REGISTRY}/")) {
        world.settle_put(REGISTRY, &registry_body());
    }
    world
}

/// The bodies that a resource is tried with: together they say all that its schema knows.
fn bodies(schema: &Value, put: &Put) -> Vec<Value> {
    let mut bodies = samples(schema, schema);
    if put.sense != json!({}) {
        for body in &mut bodies {
            merge(body, &put.sense);
        }
    }
    // The schema lets every job have the limits of every other.
    for body in bodies.iter_mut().filter(|body| body["properties"]["jobType"] == "Sweep") {
        body["properties"]["limits"]["jobLimitsType"] = json!("Sweep");
    }
    // What a container asks of its cluster are quantities.
    for body in &mut bodies {
        for part in ["containerResourceRequests", "containerResourceLimits"] {
            let at = format!("/properties/containerResourceRequirements/{part}");
            if let Some(quantities) = body.pointer_mut(&at) {
                merge(quantities, &json!({"cpu": "1", "memory": "1Gi"}));
            }
        }
    }
    bodies
}

/// What makes sense goes over what was made up; null takes away, `{}` empties.
fn merge(body: &mut Value, sense: &Value) {
    match (body, sense) {
        (Value::Object(body), Value::Object(sense)) if !sense.is_empty() => {
            body.retain(|key, _| !sense.get(key).is_some_and(Value::is_null));
            for (key, wanted) in sense.iter().filter(|(_, wanted)| !wanted.is_null()) {
                merge(body.entry(key).or_insert(Value::Null), wanted);
            }
        }
        (Value::Array(body), Value::Array(sense)) => {
            body.iter_mut().zip(sense).for_each(|(body, sense)| merge(body, sense));
        }
        (body, sense) => *body = sense.clone(),
    }
}

/// The Python client sends a number among the texts of a code version's properties [OBS].
fn tolerated(resource: &str, body: &Value) -> bool {
    resource.ends_with("codes_versions") && body["properties"]["properties"]["x"].is_number()
}

#[test]
fn what_microsofts_schema_refuses_is_refused() {
    let schemas = Schema::read();
    for put in puts() {
        let (resource, path) = (&put.resource, &put.path);
        let schema = schemas.of(resource);
        let validator = jsonschema::validator_for(&schema).unwrap();
        let (mut tried, mut refused, mut seen) = (0, 0, BTreeSet::new());
        for body in bodies(&schema, &put) {
            if let Err(error) = validator.validate(&body) {
                panic!("{resource}: our own body is not valid: {error} at {}", error.instance_path());
            }
            let answer = world_for(path).put(path, &body);
            assert!(answer.status < 300, "{resource}: {body}: {}", answer.value());
            let mut world = world_for(path);
            for Mutant { name, body } in mutants(&body, &mut seen) {
                tried += 1;
                if validator.is_valid(&body) || tolerated(resource, &body) {
                    // It may make no sense; but the answer has the documented shape.
                    world_for(path).put(path, &body);
                    continue;
                }
                let answer = world.put(path, &body);
                assert_eq!(answer.status, 400, "{resource}: {name} was let through: {}", answer.value());
                refused += 1;
            }
        }
        println!("{resource}: {tried} mutants, {refused} refused by schema and emulator");
        assert!(refused > 3, "{resource}: only {refused} mutants say anything");
    }
}

#[test]
fn words_in_another_case_and_what_is_unheard_of_make_no_difference() {
    let schemas = Schema::read();
    let words = schemas.words();
    for put in puts() {
        for body in bodies(&schemas.of(&put.resource), &put) {
            let answer = |body: &Value| world_for(&put.path).put(&put.path, body);
            let strange = strange::strange(&body, &words);
            let (usual, strange) = (answer(&body), answer(&strange));
            assert_eq!((strange.status, strange.value()), (usual.status, usual.value()), "{}", put.resource);
        }
    }
}

/// What Microsoft lets a client PUT and the emulator does not know; docs/emulator.md lists it.
const MISSING: [&str; 13] = [
    "workspaces",
    "workspaces_capabilityHosts",
    "workspaces_computes",
    "workspaces_connections",
    "workspaces_featuresets",
    "workspaces_featuresets_versions",
    "workspaces_featurestoreEntities",
    "workspaces_featurestoreEntities_versions",
    "workspaces_marketplaceSubscriptions",
    "workspaces_outboundRules",
    "workspaces_privateEndpointConnections",
    "workspaces_schedules",
    "workspaces_serverlessEndpoints",
];

#[test]
fn every_resource_is_tried_or_known_to_be_missing() {
    let schemas = Schema::read();
    let puts = puts();
    let known = puts.iter().map(|put| put.resource.as_str()).chain(MISSING);
    assert_eq!(schemas.resources(), known.map(ToOwned::to_owned).collect::<BTreeSet<String>>());
}
