//! Rules of deployment bindings.

use serde_json::{Value, json};

use super::{Case, at, case};
use crate::sentences::*;

pub(super) fn rules_of_bindings() -> Vec<Case> {
    let kind = "deploymentbindings";
    let endpoint = "spec.online.endpoint.name";
    let steps = |steps| at("spec.strategy.steps", steps);
    let other = "each setTraffic of steps must have another weight: put the pauses of one weight together";
    let rise = "the weights of setTraffic must rise from step to step";
    let one = "a step is exactly one of setTraffic, mirror, analysis and pause";
    let name = "each step must have another name";
    let shares = "the shares of mirror must rise from step to step";
    let first =
        "mirror comes before the first setTraffic: Azure copies no requests to a deployment that has traffic";
    let mirror = |name: &str, share: i32| json!({"name": name, "mirror": share});
    let called = |name: &str| steps(json!([{"name": name, "setTraffic": 10}]));
    let autoscale = "spec.online.deployment.autoscale";
    let by = "give exactly one of cpuPercent and requestsPerInstance: by what Azure scales";
    let scaled = |by: &Value, least: i32, count: Value| {
        let mut scale = by.clone();
        (scale["minInstances"], scale["maxInstances"]) = (least.into(), 4.into());
        at("spec.online.deployment", json!({"instanceCount": count, "autoscale": scale}))
    };
    let pause = json!({"pause": {"for": "1m"}});
    vec![
        case(kind, endpoint, ENDPOINT_NAME, at(endpoint, "1-taxi".into()), at(endpoint, "taxi-1".into())),
        case(kind, endpoint, ENDPOINT_NAME, at(endpoint, "taxi-".into()), at(endpoint, "Taxi".into())),
        case(kind, endpoint, ENDPOINT_NAME, at(endpoint, "taxi--1".into()), at(endpoint, "t-a-xi".into())),
        case(
            kind,
            "spec.online.endpoint",
            "keysSecret is for authMode Key: an endpoint of another mode has no keys",
            at("spec.online.endpoint", json!({"authMode": "AADToken", "keysSecret": {"name": "taxi-keys"}})),
            at("spec.online.endpoint", json!({"authMode": "Key", "keysSecret": {"name": "taxi-keys"}})),
        ),
        case(
            kind,
            "spec.online.endpoint",
            "keysSecret is for authMode Key: an endpoint of another mode has no keys",
            at("spec.online.endpoint", json!({"authMode": "AMLToken", "keysSecret": {"name": "taxi-keys"}})),
            at("spec.online.endpoint", json!({"authMode": "AMLToken"})),
        ),
        case(
            kind,
            "spec.online.endpoint.keysSecret.name",
            OBJECT_NAME,
            at("spec.online.endpoint", json!({"authMode": "Key", "keysSecret": {"name": "Taxi"}})),
            at("spec.online.endpoint", json!({"authMode": "Key", "keysSecret": {"name": "taxi.keys-1"}})),
        ),
        case(kind, "spec", "give online: what serves the version", at("spec.online", Value::Null), json!({})),
        case(
            kind,
            "spec.online.deployment",
            "with autoscale Azure decides the number of instances: give instanceCount or autoscale, not both",
            scaled(&json!({"cpuPercent": 70}), 2, json!(2)),
            scaled(&json!({"cpuPercent": 70}), 2, Value::Null),
        ),
        case(
            kind,
            autoscale,
            "minInstances must not be more than maxInstances",
            scaled(&json!({"cpuPercent": 70}), 5, Value::Null),
            scaled(&json!({"cpuPercent": 70}), 4, Value::Null),
        ),
        case(
            kind,
            autoscale,
            by,
            scaled(&json!({}), 2, Value::Null),
            scaled(&json!({"requestsPerInstance": 2}), 2, Value::Null),
        ),
        case(
            kind,
            autoscale,
            by,
            scaled(&json!({"cpuPercent": 70, "requestsPerInstance": 100}), 2, Value::Null),
            scaled(&json!({"requestsPerInstance": 1_000_000}), 1, Value::Null),
        ),
        case(
            kind,
            "spec.model",
            "give versionRef: the ModelVersion to serve",
            at("spec.model.versionRef", Value::Null),
            json!({}),
        ),
        case(
            kind,
            "spec.strategy.steps[]",
            "give the step a name: a person ends a pause without for by promoting the step of that name",
            steps(json!([{"pause": {}}])),
            steps(json!([{"name": "watch", "pause": {}}, pause])),
        ),
        case(
            kind,
            "spec.strategy.steps[]",
            "give the step a name: status and history call a mirror step by its name",
            steps(json!([{"mirror": 10}])),
            steps(json!([mirror("shadow", 50)])),
        ),
        case(
            kind,
            "spec.strategy",
            name,
            steps(json!([{"name": "a", "setTraffic": 10}, {"name": "a", "pause": {}}])),
            steps(json!([{"name": "a", "setTraffic": 10}, pause, {"name": "b", "pause": {}}, pause])),
        ),
        case(
            kind,
            "spec.strategy",
            shares,
            steps(json!([mirror("a", 20), mirror("b", 10)])),
            steps(json!([mirror("a", 10), pause, mirror("b", 20), {"setTraffic": 1}])),
        ),
        case(
            kind,
            "spec.strategy",
            shares,
            steps(json!([mirror("a", 20), mirror("b", 20)])),
            steps(json!([mirror("a", 20), mirror("b", 21)])),
        ),
        case(
            kind,
            "spec.strategy",
            first,
            steps(json!([{"setTraffic": 10}, mirror("a", 20)])),
            steps(json!([pause, mirror("a", 20), {"setTraffic": 10}])),
        ),
        case(kind, "spec.strategy.steps[].name", STEP_NAME, called("Watch"), called("w")),
        case(kind, "spec.strategy.steps[].name", STEP_NAME, called("watch-"), called("watch-2")),
        case(kind, "spec.strategy.steps[].name", STEP_NAME, called(""), called("7")),
        case(
            kind,
            "spec.strategy.steps[]",
            one,
            steps(json!([{"name": "a", "mirror": 10, "setTraffic": 10}])),
            steps(json!([mirror("a", 10), {"setTraffic": 10}])),
        ),
        case(
            kind,
            "spec.strategy",
            other,
            steps(json!([{"setTraffic": 10}, pause, {"setTraffic": 10}])),
            steps(json!([{"setTraffic": 10}, pause, pause])),
        ),
        case(
            kind,
            "spec.strategy",
            rise,
            steps(json!([{"setTraffic": 50}, {"setTraffic": 10}])),
            steps(json!([{"setTraffic": 10}, {"setTraffic": 50}, {"setTraffic": 100}, pause])),
        ),
        case(
            kind,
            "spec.strategy.steps[]",
            one,
            steps(json!([{"setTraffic": 10, "pause": {"for": "1m"}}])),
            steps(json!([{"setTraffic": 10}, pause])),
        ),
        case(kind, "spec.strategy.steps[]", one, steps(json!([{}])), steps(json!([]))),
    ]
}
