//! What Microsoft's ARM schema refuses in a PUT, the emulator refuses. The schema lies beside the checkout; without
//! it this test says so and passes. Differences that are meant: words compare without regard to case, null counts as
//! absent, and unknown properties are tolerated.
#![allow(clippy::unwrap_used)]

mod support;

use serde_json::{Value, json};
use support::{
    ENDPOINT, MODEL, REGISTRY, WORKSPACE, World, deployment_body, endpoint_body, model_body, registry_body,
};

const SCHEMA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/azure-ml/arm-schema-2025-09-01.json");

/// Bodies that use as much of the schema as a client would, with the resource's name in the schema.
fn bodies() -> Vec<(&'static str, String, Value)> {
    let mut registry = registry_body();
    registry["sku"] = json!({"name": "Basic", "tier": "Basic", "capacity": 1});
    registry["kind"] = json!("k");
    let mut endpoint = endpoint_body(&json!({}));
    endpoint["tags"] = json!({"a": "b"});
    endpoint["properties"]["description"] = json!("d");
    endpoint["properties"]["properties"] = json!({"p": "q"});
    endpoint["properties"]["publicNetworkAccess"] = json!("Enabled");
    endpoint["properties"]["keys"] = json!({"primaryKey": "1", "secondaryKey": "2"});
    let mut deployment = deployment_body(&format!("{MODEL}/versions/1"));
    let probe = json!({"failureThreshold": 3, "initialDelay": "PT1S", "period": "PT1S", "successThreshold": 1, "timeout": "PT1S"});
    let more = json!({"properties": {
        "appInsightsEnabled": true, "description": "d", "egressPublicNetworkAccess": "Disabled", "environmentVariables": {"A": "b"},
        "livenessProbe": probe, "readinessProbe": probe, "startupProbe": probe, "modelMountPath": "/m", "properties": {"p": "q"},
        "requestSettings": {"maxConcurrentRequestsPerInstance": 1, "maxQueueWait": "PT1S", "requestTimeout": "PT1S"},
        "scaleSettings": {"scaleType": "Default"},
        "dataCollector": {"collections": {"c": {"clientId": "i", "dataCollectionMode": "Enabled", "dataId": "d"}}, "requestLogging": {"captureHeaders": ["h"]}, "rollingRate": "Hour"},
    }});
    for (key, value) in more["properties"].as_object().unwrap() {
        deployment["properties"][key] = value.clone();
    }
    let mut model = model_body();
    // Empty: the schema flattens a flavor's `data` away, and the service has it [REC].
    model["properties"]["flavors"] = json!({});
    model["properties"]["isAnonymous"] = json!(false);
    model["properties"]["isArchived"] = json!(false);
    let data = json!({"properties": {"dataType": "uri_file", "dataUri": "azureml://datastores/d/paths/p", "description": "d", "tags": {"a": "b"}}});
    let environment = json!({"properties": {"image": "i", "condaFile": "c", "osType": "Linux", "autoRebuild": "Disabled", "build": {"contextUri": "u", "dockerfilePath": "D"},
        "inferenceConfig": {"scoringRoute": {"path": "/score", "port": 5001}}}});
    vec![
        ("registries", REGISTRY.to_owned(), registry),
        ("workspaces_onlineEndpoints", ENDPOINT.to_owned(), endpoint),
        ("workspaces_onlineEndpoints_deployments", format!("{ENDPOINT}/deployments/blue"), deployment),
        (
            "workspaces_models",
            MODEL.to_owned(),
            json!({"properties": {"description": "d", "isArchived": false, "tags": {"a": "b"}}}),
        ),
        ("workspaces_models_versions", format!("{MODEL}/versions/1"), model),
        (
            "workspaces_datastores",
            format!("{WORKSPACE}/datastores/blobs"),
            datastore("AzureBlob", &json!({"accountName": "a", "containerName": "c"})),
        ),
        (
            "workspaces_datastores",
            format!("{WORKSPACE}/datastores/lake"),
            datastore("AzureDataLakeGen2", &json!({"accountName": "a", "filesystem": "f"})),
        ),
        ("workspaces_data_versions", format!("{WORKSPACE}/data/d/versions/v"), data),
        ("workspaces_environments_versions", format!("{WORKSPACE}/environments/e/versions/v"), environment),
        (
            "workspaces_codes_versions",
            format!("{WORKSPACE}/codes/c/versions/1"),
            json!({"properties": {"codeUri": "https://x", "description": "d"}}),
        ),
    ]
}

fn datastore(kind: &str, more: &Value) -> Value {
    let credentials = json!({
        "credentialsType": "ServicePrincipal",
        "clientId": "11111111-0000-4000-8000-000000000001",
        "tenantId": "72f988bf-0000-4000-8000-2d7cd011db47",
        "secrets": {"secretsType": "ServicePrincipal", "clientSecret": "s"},
    });
    let mut body = json!({"properties": {"datastoreType": kind, "credentials": credentials, "description": "d", "tags": {"a": "b"}}});
    for (key, value) in more.as_object().unwrap() {
        body["properties"][key] = value.clone();
    }
    body
}

/// Microsoft's schema of one resource, without templates' expressions and with the PUT's own path filled in.
fn schema_of(all: &Value, resource: &str) -> jsonschema::Validator {
    let definitions = without_expressions(&all["definitions"]);
    let mut schema = without_expressions(&all["resourceDefinitions"][resource]);
    for known in ["name", "apiVersion", "type", "resources"] {
        schema["properties"].as_object_mut().unwrap().remove(known);
    }
    let named = ["name", "apiVersion", "type"];
    schema["required"].as_array_mut().unwrap().retain(|field| !named.contains(&field.as_str().unwrap()));
    schema["definitions"] = definitions;
    jsonschema::validator_for(&schema).unwrap()
}

fn without_expressions(schema: &Value) -> Value {
    match schema {
        Value::Object(fields) => {
            if fields
                .get("$ref")
                .and_then(Value::as_str)
                .is_some_and(|reference| reference.starts_with("https://"))
            {
                return json!(false);
            }
            // Unknown properties are tolerated, and alternatives that differ only in them are one.
            let kept =
                fields.iter().filter(|(key, value)| *key != "additionalProperties" || value.is_object());
            kept.map(|(key, value)| (key.clone(), without_expressions(value)))
                .collect::<serde_json::Map<_, _>>()
                .into()
        }
        Value::Array(items) => items.iter().map(without_expressions).collect(),
        other => other.clone(),
    }
}

/// Every body that comes from changing one value into something else, or from leaving it out.
fn mutants(body: &Value) -> Vec<(String, Value)> {
    let mut found = Vec::new();
    visit(body, &mut Vec::new(), &mut |path| {
        for other in [json!(17), json!("!!"), json!(true), json!([]), json!({}), json!([{}]), json!({"x": 1})]
        {
            let mut mutant = body.clone();
            *mutant.pointer_mut(&format!("/{}", path.join("/"))).unwrap() = other.clone();
            found.push((format!("{} = {other}", path.join(".")), mutant));
        }
        let mut mutant = body.clone();
        let (leaf, parents) = path.split_last().unwrap();
        let parent = parents.iter().fold(String::new(), |parent, key| parent + "/" + key);
        if let Some(fields) = mutant.pointer_mut(&parent).and_then(Value::as_object_mut) {
            fields.remove(leaf);
            found.push((format!("no {}", path.join(".")), mutant));
        }
    });
    found
}

fn visit(value: &Value, path: &mut Vec<String>, each: &mut impl FnMut(&[String])) {
    if !path.is_empty() {
        each(path);
    }
    let children: Vec<(String, &Value)> = match value {
        Value::Object(fields) => fields.iter().map(|(key, value)| (key.clone(), value)).collect(),
        Value::Array(items) => items.iter().enumerate().map(|(at, item)| (at.to_string(), item)).collect(),
        _ => Vec::new(),
    };
    for (key, child) in children {
        path.push(key);
        visit(child, path, each);
        path.pop();
    }
}

#[test]
fn what_microsofts_schema_refuses_is_refused() {
    let Ok(text) = std::fs::read_to_string(SCHEMA) else {
        println!("skipped: the schema is not beside this checkout");
        return;
    };
    let all: Value = serde_json::from_str(&text).unwrap();
    let (mut tried, mut refused) = (0, 0);
    for (resource, path, body) in bodies() {
        let schema = schema_of(&all, resource);
        let fresh = || {
            let mut world = World::new();
            if path.contains("/deployments/") {
                world.serve(&[]);
            }
            world
        };
        assert!(schema.is_valid(&body), "{resource}: our own body is not valid");
        let ours = fresh().put(&path, &body);
        assert!(ours.status < 300, "{resource}: {}", ours.value());
        for (name, mutant) in mutants(&body) {
            tried += 1;
            if schema.is_valid(&mutant) {
                continue;
            }
            let answer = fresh().put(&path, &mutant);
            assert_eq!(answer.status, 400, "{resource}: {name} was let through: {}", answer.value());
            refused += 1;
        }
    }
    println!("{tried} mutants, {refused} refused by schema and emulator");
    assert!(refused > 300);
}
