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
        for (wrong, right) in [("59s", "60s"), ("24h1s", "24h")] {
            let (wrong, right) = (at("spec.interval", wrong.into()), at("spec.interval", right.into()));
            cases.push(case(kind, "spec", "interval is a period from 1m to 24h", wrong, right));
        }
    }
    cases.extend(rules_of_tags());
    cases.extend(rules_of_registries());
    cases.extend(rules_of_versions());
    cases.extend(rules_of_bindings());
    cases.extend(rules_of_periods());
    cases.extend(rules_of_references());
    cases.extend(rules_of_policies());
    cases.extend(rules_of_text());
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
    ];
    let form = r"keys have 1 to 256 characters, none of < > % & ? / \ and no control characters, and no space at either end";
    let prefix = "keys do not begin with 'bindery-', in whatever case: it is Bindery's own prefix";
    let alike = "keys do not differ in case alone: to Azure they are the same";
    let mut cases = vec![];
    for (kind, field) in fields {
        let keys = |keys: &[&str]| {
            let tags = keys.iter().map(|key| ((*key).to_string(), json!("x"))).collect();
            at(field, Value::Object(tags))
        };
        for wrong in ["", " bindery-owner", "team ", "a/b", "a\\b", "50%", "a\nb", &"k".repeat(257)] {
            cases.push(case(kind, field, form, keys(&[wrong]), keys(&["a b", "k", &"k".repeat(256)])));
        }
        for wrong in ["bindery-owner", "Bindery-Owner", "BINDERY-STABLE"] {
            cases.push(case(
                kind,
                field,
                prefix,
                keys(&[wrong]),
                keys(&["binderyowner", "my-bindery-owner"]),
            ));
        }
        // The example has the keys `team` and, as a property, `flavor`.
        let there = if field == "spec.properties" { "Flavor" } else { "Team" };
        cases.push(case(kind, field, alike, keys(&[there]), keys(&["Other"])));
    }
    let (kind, field) = ("deploymentbindings", "spec.online.deployment.environmentVariables");
    let says = "names have 1 to 256 characters, without '=', spaces and control characters";
    for wrong in ["", "A=B", "A B", "A\u{0}", &"A".repeat(257)] {
        let right =
            at(field, json!({"a.b-c_D": "any = thing", "bindery-x": "x", "LEVEL": "x", "level": "y"}));
        cases.push(case(kind, field, says, at(field, json!({wrong: "x"})), right));
    }
    cases
}

/// A reference names an object as Kubernetes does.
fn rules_of_references() -> Vec<Case> {
    let promoted = |reference: Value| {
        let source = json!({"job": null, "modelVersionRef": reference});
        json!({"spec": {"workspaceRef": null, "registryRef": {"name": "r"}, "source": source}})
    };
    let into = |reference: Value| {
        let source = json!({"job": null, "modelVersionRef": {"name": "v"}});
        json!({"spec": {"workspaceRef": null, "registryRef": reference, "source": source}})
    };
    let from =
        |reference: Value| at("spec.policy.sources", json!([{"name": "one", "registryRef": reference}]));
    let workspace = |reference: Value| at("spec.workspaceRef", reference);
    let version = |reference: Value| at("spec.model.versionRef", reference);
    let mut cases = vec![];
    let mut of = |kind, field: &'static str, patch: &dyn Fn(Value) -> Value| {
        let named = |name: &str| patch(json!({"name": name, "namespace": "fares"}));
        let homed = |namespace: &str| patch(json!({"name": "taxi", "namespace": namespace}));
        for wrong in ["Taxi", "taxi\nfare", "taxi/fare", "-taxi"] {
            let field = format!("{field}.name").leak();
            cases.push(case(kind, field, PATTERN, named(wrong), named("taxi.fare-3")));
        }
        for wrong in ["Fares", "fares.prod", "../fares"] {
            let field = format!("{field}.namespace").leak();
            cases.push(case(kind, field, PATTERN, homed(wrong), homed("fares-prod")));
        }
    };
    of("modelversions", "spec.registryRef", &into);
    of("modelversions", "spec.workspaceRef", &workspace);
    of("modelversions", "spec.source.modelVersionRef", &promoted);
    of("deploymentbindings", "spec.workspaceRef", &workspace);
    of("deploymentbindings", "spec.model.versionRef", &version);
    of("workspaces", "spec.policy.sources[].registryRef", &from);
    cases
}

fn rules_of_policies() -> Vec<Case> {
    let kind = "workspaces";
    let source = |source: Value| at("spec.policy.sources", json!([source]));
    let registry = json!({"name": "fares-models"});
    let one = "give exactly one of registryRef and thisWorkspace";
    let field = "spec.policy.sources[]";
    let right = || source(json!({"name": "one", "registryRef": registry}));
    vec![
        case(kind, field, one, source(json!({"name": "one"})), right()),
        case(
            kind,
            field,
            one,
            source(json!({"name": "one", "registryRef": registry, "thisWorkspace": {}})),
            right(),
        ),
        case(
            kind,
            "spec.policy.sources[].name",
            PATTERN,
            source(json!({"name": "The first", "thisWorkspace": {}})),
            source(json!({"name": "the-1st", "thisWorkspace": {}})),
        ),
        case(
            kind,
            "spec.policy.sources[].models[]",
            PATTERN,
            source(json!({"name": "one", "thisWorkspace": {}, "models": ["nyc-[a-z]"]})),
            source(json!({"name": "one", "thisWorkspace": {}, "models": ["nyc-*", "taxi_?"]})),
        ),
        case(
            kind,
            "spec.tier",
            PATTERN,
            at("spec.tier", "prod\n".into()),
            at("spec.tier", "Prod_1.a".into()),
        ),
    ]
}

/// Control characters, other folders, queries and line breaks where they have no business.
fn rules_of_text() -> Vec<Case> {
    let (version, binding) = ("modelversions", "deploymentbindings");
    let deployment = "spec.online.deployment";
    let mut cases = vec![];
    let mut of = |kind, field: &str, says, wrong: &[&str], right: &str| {
        for wrong in wrong {
            let told = if says == PATTERN { field } else { field.rsplit_once('.').unwrap_or_default().0 };
            let told = told.to_string().leak();
            cases.push(case(kind, told, says, at(field, (*wrong).into()), at(field, right.into())));
        }
    };
    of(version, "spec.description", PATTERN, &["a\u{0}", "ding\u{7}"], "two\nlines,\tand more: ünï <b>?");
    of(version, "spec.stage", PATTERN, &["Prod\nuction", "\u{7f}"], "in Erprobung");
    let paths = ["/model", "model/", "a//b", "a?b", "a\\b", "a%2e%2e/b", "a\nb"];
    let other = ["..", "../../secrets", "a/../b", "./a"];
    of(version, "spec.source.job.path", PATTERN, &paths, "outputs/my model/..v3");
    of(
        version,
        "spec.source.job.path",
        "path has no '.' or '..' between its slashes",
        &other,
        "outputs/.model",
    );
    let script = format!("{deployment}.code.scoringScript");
    of(binding, &script, PATTERN, &paths, "src/score.py");
    of(binding, &script, "scoringScript has no '.' or '..' between its slashes", &other, "a/..score.py");
    let code = format!("{deployment}.code.id");
    let ids = ["azureml:c:1?sig=x", "azureml:c:1#", "azureml:c: 1", "a\nb"];
    let elsewhere = ["azureml:../../c", "/subscriptions/s/../t", "/a/%2E%2e/b"];
    of(binding, &code, PATTERN, &ids, "/subscriptions/s/resourceGroups/a.b_(c)/x/c/versions/1");
    of(binding, &code, "id has no '.' or '..' between its slashes", &elsewhere, "azureml:my.code:1");
    let environment = format!("{deployment}.environment");
    of(binding, &environment, PATTERN, &ids, "azureml://registries/azureml/environments/e/versions/1.0");
    let says = "environment has no '.' or '..' between its slashes";
    of(binding, &environment, says, &elsewhere, "azureml:e@latest");
    of(
        binding,
        &format!("{deployment}.instanceType"),
        PATTERN,
        &["../../etc", "Standard DS3"],
        "my-gpu.large",
    );
    let uri = |uri: &str| json!({"spec": {"source": {"job": null, "uri": uri}}});
    for wrong in ["azureml://d/x?sig=secret", "azureml://d/x\ny", "azureml://d/x#y", "azureml://d/x y"] {
        cases.push(case(
            version,
            "spec.source.uri",
            PATTERN,
            uri(wrong),
            uri("azureml://datastores/d/paths/x"),
        ));
    }
    let says = "uri has no '.' or '..' between its slashes";
    for wrong in ["azureml://datastores/d/paths/../../x", "azureml://datastores/d/paths/%2E%2e/x"] {
        cases.push(case(
            version,
            "spec.source",
            says,
            uri(wrong),
            uri("azureml://datastores/d/paths/a%20b/..x"),
        ));
    }
    let id =
        "/subscriptions/s/resourcegroups/ml/providers/microsoft.managedidentity/userassignedidentities/u";
    for (kind, field) in [("registries", "spec.identity"), (binding, "spec.online.endpoint.identity")] {
        let ids = |id: &str| at(field, json!({"userAssigned": [id]}));
        for wrong in ["readers", &format!("{id}?x"), &format!("{id}/../v"), &id.replace("userassigned", "")] {
            let field = format!("{field}.userAssigned[]").leak();
            cases.push(case(kind, field, PATTERN, ids(wrong), ids(id)));
        }
    }
    cases
}

fn rules_of_registries() -> Vec<Case> {
    let identity = "an identity is systemAssigned, userAssigned, or both: leave identity out to have Azure's left as it is";
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
    let source = "give exactly one of job, uri, modelVersionRef and existing";
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
        // What is in Azure already may be in a workspace or in a registry.
        case(
            kind,
            "spec.source",
            source,
            json!({"spec": {"source": {"existing": {}}}}),
            json!({"spec": {"source": {"job": null, "existing": {}}}}),
        ),
        case(
            kind,
            "spec.source",
            source,
            json!({"spec": {"source": {"existing": {}}}}),
            json!({"spec": {"registryRef": registry, "workspaceRef": null, "source": {"job": null, "existing": {}}}}),
        ),
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

/// Every length of time takes what Kubernetes writes, and nothing else.
fn rules_of_periods() -> Vec<Case> {
    let deployment = "spec.online.deployment";
    let mut fields: Vec<(&'static str, String)> =
        KINDS.map(|kind| (kind, "spec.interval".to_string())).to_vec();
    for name in ["keepPrevious", "keepFailed", "progressDeadline", "handover"] {
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
        let (parent, name) = field.rsplit_once('.').unwrap_or_default();
        let (least, most) = match name {
            "interval" | "progressDeadline" => ("1m", "24h"),
            "keepPrevious" | "keepFailed" => ("0s", "720h"),
            "handover" => ("0s", "24h"),
            "requestTimeout" => ("1s", "180s"),
            "initialDelay" => ("0s", "1h"),
            _ => ("1s", "1h"),
        };
        let says = format!("{name} is a period from {least} to {most}").leak();
        for wrong in ["10 minutes", "1.5h", "30m1h"] {
            cases.push(case(kind, field, PATTERN, at(field, wrong.into()), at(field, "1m30s".into())));
        }
        for (wrong, right) in [("0s", least), ("99999h", most)] {
            if wrong != right {
                cases.push(case(kind, parent, says, at(field, wrong.into()), at(field, right.into())));
            }
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
    for (wrong, right) in [("0s", "1s"), ("99999h", "720h")] {
        let says = "for is a period from 1s to 720h";
        cases.push(case(
            "deploymentbindings",
            "spec.strategy.steps[].pause",
            says,
            pause(wrong),
            pause(right),
        ));
    }
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
    let accounts = "storage of a region cannot be changed: Azure keeps the accounts as they were made";
    let regions = |all: Value| json!({"spec": {"regions": all}});
    let another = json!({"location": "westus", "storage": {"accountType": "Standard_GRS"}});
    // What is not written may be written later, and what is written may be taken out: the controller compares it with
    // what Azure made.
    let west = json!({"location": "westeurope", "storage": {"accountType": "Standard_GRS"}});
    for (field, other) in [
        ("accountType", json!("Standard_GRS")),
        ("hierarchicalNamespace", json!(false)),
        ("allowBlobPublicAccess", json!(true)),
    ] {
        let wrong = regions(json!([{"location": "eastus", "storage": {field: other}}]));
        let right = regions(json!([{"location": "eastus"}, west, another]));
        cases.push(case("registries", "spec.regions[]", accounts, wrong, right));
    }
    let less = regions(json!([{"location": "eastus", "storage": {"accountType": "Standard_ZRS"}}]));
    let wrong = regions(json!([{"location": "eastus", "storage": {"accountType": "Standard_LRS"}}]));
    cases.push(case("registries", "spec.regions[]", accounts, wrong, less));

    let kind = "modelversions";
    let promoted = json!({"job": null, "modelVersionRef": {"name": "taxi-fare-3-dev"}});
    let immutable =
        "model, version and type cannot be changed: a version is immutable; make a new ModelVersion";
    let source =
        "source cannot be changed: a version is immutable; make a new ModelVersion with the next version";
    let place = "registryRef and workspaceRef cannot be changed: a version stays where it is; make a new ModelVersion";
    // A namespace that comes or goes may mean the same place, and so may a type that is no longer named.
    let free = json!({"spec": {"workspaceRef": {"namespace": null}, "type": null, "archived": false, "stage": null, "description": "better", "tags": null,
        "deletionPolicy": "Delete", "management": "Manage"}});
    for (says, wrong) in [
        (place, at("spec.workspaceRef.name", "other".into())),
        (place, at("spec.workspaceRef.namespace", "other".into())),
        (place, json!({"spec": {"registryRef": {"name": "r"}, "workspaceRef": null, "source": promoted}})),
        (immutable, at("spec.model", "other".into())),
        (immutable, at("spec.version", "4".into())),
        (immutable, at("spec.type", "Triton".into())),
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
    let next = json!({"spec": {"workspaceRef": {"namespace": null}, "model": {"versionRef": {"name": "taxi-fare-4"}}}});
    for field in ["name", "namespace"] {
        let other = at(&format!("spec.workspaceRef.{field}"), "other".into());
        cases.push(case(kind, "spec", workspace, other, next.clone()));
    }
    let smaller = at("spec.online.deployment", json!({"instanceCount": 1, "instanceType": null}));
    cases.push(case(kind, "spec", endpoint, at("spec.online.endpoint.name", "other".into()), smaller));
    cases
}
