//! Every rule and pattern of every kind, with what breaks it and with its neighbour.

use serde_json::{Value, json};

use crate::example::KINDS;

/// A rule of one field: what breaks it, what it says, and what is just right.
pub struct Case {
    pub kind: &'static str,
    /// The field that the refusal names, without indexes: `spec.regions[].location`.
    pub field: &'static str,
    /// Part of the refusal; for a rule in CEL, its whole message.
    pub says: &'static str,
    /// A merge patch of the whole example ([`example`]).
    pub wrong: Value,
    /// Another one.
    pub right: Value,
}

fn case(kind: &'static str, field: &'static str, says: &'static str, wrong: Value, right: Value) -> Case {
    Case { kind, field, says, wrong, right }
}

/// A merge patch that sets one field: `spec.azure.name`.
fn at(field: &str, value: Value) -> Value {
    field.rsplit('.').fold(value, |inner, name| json!({name: inner}))
}

/// What a pattern says.
pub const PATTERN: &str = "should match";

/// Rules of an object by itself.
pub fn rules_of_one_object() -> Vec<Case> {
    let mut cases = vec![];
    for kind in ["registries", "workspaces"] {
        cases.extend(rules_of_a_place(kind));
    }
    for kind in KINDS {
        let wrong = at("spec.interval", "59s".into());
        let right = at("spec.interval", "60s".into());
        cases.push(case(kind, "spec", "interval must be at least 1m", wrong, right));
    }
    cases.extend(rules_of_tags());
    cases.extend(rules_of_registries());
    cases.extend(rules_of_versions());
    cases.extend(rules_of_bindings());
    cases.extend(rules_of_periods());
    cases
}

fn rules_of_a_place(kind: &'static str) -> Vec<Case> {
    let selector = "selector is given exactly when from is Selector";
    let allowed = |value| at("spec.allowedNamespaces", value);
    let unnamed = |name: &str| json!({"metadata": {"name": name}, "spec": {"azure": {"name": null}}});
    let expressions =
        |value: Value| allowed(json!({"from": "Selector", "selector": {"matchExpressions": [value]}}));
    let values = "In and NotIn need values; Exists and DoesNotExist take none";
    let expression = "spec.allowedNamespaces.selector.matchExpressions[]";
    vec![
        case(
            kind,
            expression,
            values,
            expressions(json!({"key": "team", "operator": "In", "values": []})),
            expressions(json!({"key": "team", "operator": "In", "values": ["fares"]})),
        ),
        case(
            kind,
            expression,
            values,
            expressions(json!({"key": "team", "operator": "Exists", "values": ["fares"]})),
            expressions(json!({"key": "team", "operator": "Exists"})),
        ),
        case(
            kind,
            "<nil>",
            "metadata.name is also the name in Azure, which has 3 to 33 letters, digits and dashes: choose another, or give spec.azure.name",
            unnamed("fares.models"),
            unnamed("fares-models"),
        ),
        case(
            kind,
            "spec.azure.subscriptionId",
            PATTERN,
            at("spec.azure.subscriptionId", "pay-as-you-go".into()),
            at("spec.azure.subscriptionId", "ABCDEF00-0000-0000-0000-000000000001".into()),
        ),
        case(
            kind,
            "spec.azure.resourceGroup",
            PATTERN,
            at("spec.azure.resourceGroup", "ends-with-a-dot.".into()),
            at("spec.azure.resourceGroup", "with.a-dot_(and more)".replace(' ', "").into()),
        ),
        case(
            kind,
            "spec.azure.name",
            PATTERN,
            at("spec.azure.name", "-fares".into()),
            at("spec.azure.name", "1-Fares_models".into()),
        ),
        // A selector alone, and Selector alone.
        case(
            kind,
            "spec.allowedNamespaces",
            selector,
            allowed(json!({"from": "All"})),
            allowed(json!({"from": "All", "selector": null})),
        ),
        case(
            kind,
            "spec.allowedNamespaces",
            selector,
            allowed(json!({"selector": null})),
            allowed(json!({"from": "Same", "selector": null})),
        ),
    ]
}

fn rules_of_tags() -> Vec<Case> {
    let fields = [
        ("registries", "spec.tags"),
        ("modelversions", "spec.tags"),
        ("modelversions", "spec.properties"),
        ("deploymentbindings", "spec.online.endpoint.tags"),
        ("deploymentbindings", "spec.online.deployment.tags"),
        ("deploymentbindings", "spec.online.deployment.environmentVariables"),
    ];
    let says =
        "keys have at most 256 characters and do not begin with 'bindery-', which is Bindery's own prefix";
    let case_of = |(kind, field), wrong: &str, right: &str| {
        case(kind, field, says, at(field, json!({wrong: "x"})), at(field, json!({right: "x"})))
    };
    let prefix = fields.map(|field| case_of(field, "bindery-owner", "binderyowner"));
    let length = fields.map(|field| case_of(field, &"k".repeat(257), &"k".repeat(256)));
    prefix.into_iter().chain(length).collect()
}

fn rules_of_registries() -> Vec<Case> {
    let identity = "an identity is systemAssigned, userAssigned, or both: leave identity out for the default";
    vec![
        case(
            "registries",
            "spec.location",
            PATTERN,
            json!({"spec": {"location": "East US", "regions": null}}),
            json!({"spec": {"location": "eastus2", "regions": null}}),
        ),
        case(
            "registries",
            "spec.regions[].location",
            PATTERN,
            json!({"spec": {"regions": [{"location": "West Europe"}, {"location": "eastus"}]}}),
            json!({"spec": {"regions": [{"location": "westeurope"}, {"location": "eastus"}]}}),
        ),
        case(
            "registries",
            "spec",
            "regions must include location, the primary region",
            json!({"spec": {"regions": [{"location": "westeurope"}]}}),
            json!({"spec": {"regions": null}}),
        ),
        case(
            "registries",
            "spec.identity",
            identity,
            at("spec.identity", json!({"systemAssigned": false, "userAssigned": []})),
            at("spec.identity", json!({"systemAssigned": false})),
        ),
        case(
            "deploymentbindings",
            "spec.online.endpoint.identity",
            identity,
            at("spec.online.endpoint.identity", json!({"systemAssigned": false, "userAssigned": null})),
            at("spec.online.endpoint.identity", json!({"systemAssigned": true, "userAssigned": null})),
        ),
    ]
}

fn rules_of_versions() -> Vec<Case> {
    let kind = "modelversions";
    let registry = json!({"name": "fares-models"});
    let promoted = json!({"job": null, "modelVersionRef": {"name": "taxi-fare-3-dev"}});
    let place = "give exactly one of registryRef and workspaceRef: the place where the version lives";
    let source = "give exactly one of job, uri and modelVersionRef";
    let pairing = "into a registry a version comes from source.modelVersionRef; into a workspace from source.job or source.uri";
    let uri = "azureml://datastores/models/paths/taxi/3";
    vec![
        case(
            kind,
            "spec",
            place,
            json!({"spec": {"registryRef": registry}}),
            json!({"spec": {"registryRef": registry, "workspaceRef": null, "source": promoted}}),
        ),
        case(kind, "spec", place, json!({"spec": {"workspaceRef": null}}), json!({})),
        case(
            kind,
            "spec",
            pairing,
            json!({"spec": {"source": promoted}}),
            json!({"spec": {"source": {"job": null, "uri": uri}}}),
        ),
        case(
            kind,
            "spec",
            pairing,
            json!({"spec": {"registryRef": registry, "workspaceRef": null}}),
            json!({"spec": {"registryRef": registry, "workspaceRef": null, "source": promoted}}),
        ),
        case(kind, "spec.source", source, json!({"spec": {"source": {"uri": uri}}}), json!({})),
        case(kind, "spec.source", source, json!({"spec": {"source": {"job": null}}}), json!({})),
        case(
            kind,
            "spec.source.uri",
            PATTERN,
            json!({"spec": {"source": {"job": null, "uri": "https://store.example/model"}}}),
            json!({"spec": {"source": {"job": null, "uri": uri}}}),
        ),
        case(
            kind,
            "spec.source.job.name",
            PATTERN,
            at("spec.source.job.name", "taxi train".into()),
            at("spec.source.job.name", "taxi_train-3".into()),
        ),
        case(
            kind,
            "spec.model",
            PATTERN,
            at("spec.model", "nyc/taxi".into()),
            at("spec.model", "NYC_taxi-1".into()),
        ),
        case(kind, "spec.version", PATTERN, at("spec.version", "0".into()), at("spec.version", "10".into())),
        case(kind, "spec.version", PATTERN, at("spec.version", "1.0".into()), at("spec.version", "1".into())),
        case(kind, "spec.version", PATTERN, at("spec.version", "03".into()), at("spec.version", "3".into())),
    ]
}

fn rules_of_bindings() -> Vec<Case> {
    let kind = "deploymentbindings";
    let endpoint = "spec.online.endpoint.name";
    let steps = |steps| at("spec.strategy.steps", steps);
    let other = "each setTraffic of steps must have another weight: put the pauses of one weight together";
    let rise = "the weights of setTraffic must rise from step to step";
    let one = "a step is exactly one of setTraffic and pause";
    let pause = json!({"pause": {"for": "1m"}});
    vec![
        case(kind, endpoint, PATTERN, at(endpoint, "1-taxi".into()), at(endpoint, "taxi-1".into())),
        case(kind, endpoint, PATTERN, at(endpoint, "taxi-".into()), at(endpoint, "Taxi".into())),
        case(kind, endpoint, PATTERN, at(endpoint, "taxi--1".into()), at(endpoint, "t-a-xi".into())),
        case(
            kind,
            "spec.online.deployment.requestSettings",
            "requestTimeout is at most 180s: Azure takes no more",
            at("spec.online.deployment.requestSettings.requestTimeout", "181s".into()),
            at("spec.online.deployment.requestSettings.requestTimeout", "3m".into()),
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

/// Every length of time takes what Kubernetes writes, and nothing else.
fn rules_of_periods() -> Vec<Case> {
    let deployment = "spec.online.deployment";
    let mut fields: Vec<(&'static str, String)> =
        KINDS.map(|kind| (kind, "spec.interval".to_string())).to_vec();
    for name in ["keepPrevious", "keepFailed", "progressDeadline"] {
        fields.push(("deploymentbindings", format!("spec.strategy.{name}")));
    }
    fields.push(("deploymentbindings", format!("{deployment}.requestSettings.requestTimeout")));
    for probe in ["livenessProbe", "readinessProbe", "startupProbe"] {
        for name in ["timeout", "period", "initialDelay"] {
            fields.push(("deploymentbindings", format!("{deployment}.{probe}.{name}")));
        }
    }
    let mut cases = vec![];
    for (kind, field) in fields {
        let field: &'static str = field.leak();
        for (wrong, right) in [("10 minutes", "90s"), ("1.5h", "1h30m"), ("30m1h", "1h")] {
            // Only this one has a most of its own.
            let right = if field.ends_with("requestTimeout") { "2m30s" } else { right };
            cases.push(case(kind, field, PATTERN, at(field, wrong.into()), at(field, right.into())));
        }
    }
    let pause = |period: &str| at("spec.strategy.steps", json!([{"pause": {"for": period}}]));
    cases.push(case(
        "deploymentbindings",
        "spec.strategy.steps[].pause.for",
        PATTERN,
        pause("1d"),
        pause("24h"),
    ));
    cases
}

/// Rules of a change.
pub fn rules_of_changes() -> Vec<Case> {
    let mut cases = vec![];
    let place = "subscriptionId and resourceGroup cannot be changed: make a new object for another place";
    let name = "name cannot be changed: make a new object for another place";
    for kind in ["registries", "workspaces"] {
        let kept =
            json!({"spec": {"interval": "7m", "allowedNamespaces": {"from": "All", "selector": null}}});
        let other = "00000000-0000-0000-0000-000000000002";
        let mut of_azure = |says, field: &str, value: Value| {
            cases.push(case(kind, "spec.azure", says, at(field, value), kept.clone()));
        };
        of_azure(place, "spec.azure.subscriptionId", other.into());
        of_azure(place, "spec.azure.resourceGroup", "other".into());
        of_azure(name, "spec.azure.name", "other".into());
        of_azure(name, "spec.azure.name", Value::Null);
    }
    cases.push(case(
        "registries",
        "spec",
        "location is the primary region and cannot be changed: Azure has no way to move a registry",
        at("spec.location", "westeurope".into()),
        json!({"spec": {"regions": null, "deletionPolicy": "Retain", "identity": null}}),
    ));
    let accounts = "storage and containerRegistry of a region cannot be changed: Azure keeps the accounts as they were made";
    let first = json!({"location": "eastus", "storage": {"accountType": "Standard_ZRS",
        "hierarchicalNamespace": true, "allowBlobPublicAccess": false}});
    let regions = |all: Value| json!({"spec": {"regions": all}});
    let another = json!({"location": "westus", "storage": {"accountType": "Standard_GRS"}});
    for wrong in [
        json!([{"location": "eastus"}]),
        json!([first, {"location": "westeurope", "storage": {"accountType": "Standard_GRS"}}]),
    ] {
        let right = regions(json!([first, another]));
        cases.push(case("registries", "spec.regions[]", accounts, regions(wrong), right));
    }

    let kind = "modelversions";
    let promoted = json!({"job": null, "modelVersionRef": {"name": "taxi-fare-3-dev"}});
    let immutable =
        "model, version and type cannot be changed: a version is immutable; make a new ModelVersion";
    let source =
        "source cannot be changed: a version is immutable; make a new ModelVersion with the next version";
    let place = "registryRef and workspaceRef cannot be changed: a version stays where it is; make a new ModelVersion";
    let free = json!({"spec": {"archived": false, "stage": null, "description": "better", "tags": null,
        "deletionPolicy": "Delete", "management": "Manage"}});
    for (says, wrong) in [
        (place, at("spec.workspaceRef.name", "other".into())),
        (place, at("spec.workspaceRef.namespace", Value::Null)),
        (place, json!({"spec": {"registryRef": {"name": "r"}, "workspaceRef": null, "source": promoted}})),
        (immutable, at("spec.model", "other".into())),
        (immutable, at("spec.version", "4".into())),
        (immutable, at("spec.type", "Triton".into())),
        (immutable, at("spec.type", Value::Null)),
        (source, at("spec.source.job.name", "other".into())),
        (source, at("spec.source.job.path", Value::Null)),
        (source, at("spec.source", json!({"job": null, "uri": "azureml://datastores/m/paths/t"}))),
    ] {
        cases.push(case(kind, "spec", says, wrong, free.clone()));
    }

    let kind = "deploymentbindings";
    let workspace =
        "workspaceRef cannot be changed: an endpoint stays in its workspace; make a new DeploymentBinding";
    let endpoint =
        "online.endpoint.name cannot be changed: make a new DeploymentBinding for another endpoint";
    let next = at("spec.model.versionRef.name", "taxi-fare-4".into());
    cases.push(case(kind, "spec", workspace, at("spec.workspaceRef.name", "other".into()), next));
    let smaller = at("spec.online.deployment", json!({"instanceCount": 1, "instanceType": null}));
    cases.push(case(kind, "spec", endpoint, at("spec.online.endpoint.name", "other".into()), smaller));
    cases
}
