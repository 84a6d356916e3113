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
    let one = "a step is exactly one of setTraffic and pause";
    let pause = json!({"pause": {"for": "1m"}});
    vec![
        case(kind, endpoint, ENDPOINT_NAME, at(endpoint, "1-taxi".into()), at(endpoint, "taxi-1".into())),
        case(kind, endpoint, ENDPOINT_NAME, at(endpoint, "taxi-".into()), at(endpoint, "Taxi".into())),
        case(kind, endpoint, ENDPOINT_NAME, at(endpoint, "taxi--1".into()), at(endpoint, "t-a-xi".into())),
        case(kind, "spec", "give online: what serves the version", at("spec.online", Value::Null), json!({})),
        case(
            kind,
            "spec.model",
            "give versionRef: the ModelVersion to serve",
            at("spec.model.versionRef", Value::Null),
            json!({}),
        ),
        case(
            kind,
            "spec.strategy.steps[].pause",
            "give for: how long the pause is",
            steps(json!([{"pause": {}}])),
            steps(json!([pause])),
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
