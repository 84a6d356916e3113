//! Rules of registries and workspaces: publishers, selectors and policies.

use serde_json::{Value, json};

use super::{Case, at, case};
use crate::sentences::*;

/// One entry in the list of publishers, with these fields.
pub(super) fn publisher(fields: &Value) -> Value {
    let entry = crate::example::patched(json!({"name": "one", "namespaces": {"from": "All"}}), fields);
    at("spec.publishers", json!([entry]))
}

pub(super) fn rules_of_publishers(kind: &'static str) -> Vec<Case> {
    let glob = |list: &str, glob: &str| publisher(&json!({list: [glob]}));
    let mut cases = vec![case(
        kind,
        "spec.publishers[].name",
        ENTRY_NAME,
        publisher(&json!({"name": "The first"})),
        publisher(&json!({"name": "the-1st"})),
    )];
    for wrong in ["taxi-?", "nyc/*", "", "nyc *"] {
        let field = "spec.publishers[].models[]";
        cases.push(case(kind, field, PUBLISHER_MODEL, glob("models", wrong), glob("models", "*NYC_taxi-1*")));
    }
    if kind == "workspaces" {
        for wrong in ["taxi-?", "taxi_1", ""] {
            let field = "spec.publishers[].endpoints[]";
            let right = glob("endpoints", "*taxi-1*");
            cases.push(case(kind, field, PUBLISHER_ENDPOINT, glob("endpoints", wrong), right));
        }
    }
    cases
}

/// Rules of namespaces that are selected, at this field; `put` makes of them a patch of the example.
pub(super) fn rules_of_selectors(
    kind: &'static str,
    field: &'static str,
    put: &dyn Fn(Value) -> Value,
) -> Vec<Case> {
    let selector = "selector is given exactly when from is Selector";
    let at = |below: &str| -> &'static str { format!("{field}{below}").leak() };
    let allowed = |value| put(value);
    let expressions =
        |value: Value| allowed(json!({"from": "Selector", "selector": {"matchExpressions": [value]}}));
    let values = "In and NotIn need values; Exists and DoesNotExist take none";
    let expression = at(".selector.matchExpressions[]");
    let labels = |labels: Value| allowed(json!({"from": "Selector", "selector": {"matchLabels": labels}}));
    let mut cases = vec![];
    let (many, domain) = ("k".repeat(64), format!("{}/k", "d.".repeat(127)));
    for key in
        ["a b", "", "-a", "a/b/c", "/a", "a/", "A.example/a", "a..b/a", "bücher", "a\n", &many, &domain]
    {
        let right = "Example_1.b";
        let in_map = at(".selector.matchLabels");
        let says = format!("each key {LABEL_KEY}").leak();
        let prefixed = json!({right: "x", format!("{}d/{}", "d.".repeat(126), "k".repeat(63)): ""});
        cases.push(case(kind, in_map, says, labels(json!({key: "c"})), labels(prefixed)));
        let exists = |key: &str| expressions(json!({"key": key, "operator": "Exists"}));
        let in_list = at(".selector.matchExpressions[].key");
        cases.push(case(kind, in_list, LABEL_KEY, exists(key), exists("example.com/team")));
    }
    for value in ["a b", "-a", "a_", "a/b", "ä", "a\n"] {
        let in_map = at(".selector.matchLabels[]");
        let other = |value: &str| labels(json!({"other": value}));
        cases.push(case(kind, in_map, LABEL_VALUE, other(value), other("")));
        let one_of = |value: &str| expressions(json!({"key": "team", "operator": "In", "values": [value]}));
        let in_list = at(".selector.matchExpressions[].values[]");
        cases.push(case(kind, in_list, LABEL_VALUE, one_of(value), one_of("Fares_1.b-c")));
    }
    cases.extend([
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
        // A selector alone, and Selector alone.
        case(
            kind,
            field,
            selector,
            allowed(json!({"from": "All", "selector": {"matchLabels": {"team": "fares"}}})),
            allowed(json!({"from": "All", "selector": null})),
        ),
        case(
            kind,
            field,
            selector,
            allowed(json!({"from": "Selector", "selector": null})),
            allowed(json!({"from": "Same", "selector": null})),
        ),
    ]);
    cases
}

pub(super) fn rules_of_a_place(kind: &'static str) -> Vec<Case> {
    let unnamed = |name: &str| json!({"metadata": {"name": name}, "spec": {"azure": {"name": null}}});
    vec![
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
            SUBSCRIPTION,
            at("spec.azure.subscriptionId", "pay-as-you-go".into()),
            at("spec.azure.subscriptionId", "ABCDEF00-0000-0000-0000-000000000001".into()),
        ),
        case(
            kind,
            "spec.azure.resourceGroup",
            RESOURCE_GROUP,
            at("spec.azure.resourceGroup", "ends-with-a-dot.".into()),
            at("spec.azure.resourceGroup", "with.a-dot_(and more)".replace(' ', "").into()),
        ),
        case(
            kind,
            "spec.azure.name",
            PLACE_NAME,
            at("spec.azure.name", "-fares".into()),
            at("spec.azure.name", "1-Fares_models".into()),
        ),
    ]
}

pub(super) fn rules_of_policies() -> Vec<Case> {
    let kind = "workspaces";
    let source = |source: Value| at("spec.policy.sources", json!([source]));
    let registry = json!({"name": "fares-models"});
    let one = "give exactly one of registryRef and thisWorkspace";
    let field = "spec.policy.sources[]";
    let right = || source(json!({"name": "one", "registryRef": registry}));
    let deployment =
        |field: &str, entry: &str| at(&format!("spec.policy.deployment.{field}"), json!([entry]));
    let environment = "azureml://registries/shared/environments/sklearn*/versions/4";
    let identity =
        "/subscriptions/s/resourceGroups/ml/providers/Microsoft.ManagedIdentity/userAssignedIdentities/*";
    vec![
        case(
            kind,
            "spec.policy.deployment.environments[]",
            ENVIRONMENT_GLOB,
            deployment("environments", "azureml:sklearn:4"),
            deployment("environments", environment),
        ),
        case(
            kind,
            "spec.policy.deployment.environments[]",
            ENVIRONMENT_GLOB,
            deployment("environments", "azureml://registries/shared/environments/a?"),
            deployment("environments", "*/workspaces/fares-prod/environments/*"),
        ),
        case(
            kind,
            "spec.policy.deployment.identities[]",
            IDENTITY_GLOB,
            deployment("identities", "admin"),
            deployment("identities", identity),
        ),
        case(
            kind,
            "spec.policy.deployment.environments[]",
            SEEN,
            deployment("environments", &environment.replace("shared", "sha\u{200b}red")),
            deployment("environments", environment),
        ),
        case(
            kind,
            "spec.policy.deployment.identities[]",
            SEEN,
            deployment("identities", &identity.replace('*', "admin\u{200e}*")),
            deployment("identities", identity),
        ),
        case(
            kind,
            "spec.policy.deployment.instanceTypes[]",
            INSTANCE_TYPE,
            deployment("instanceTypes", "Standard_DS*"),
            deployment("instanceTypes", "Standard_DS3_v2"),
        ),
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
            ENTRY_NAME,
            source(json!({"name": "The first", "thisWorkspace": {}})),
            source(json!({"name": "the-1st", "thisWorkspace": {}})),
        ),
        case(
            kind,
            "spec.policy.sources[].models[]",
            MODEL_GLOB,
            source(json!({"name": "one", "thisWorkspace": {}, "models": ["nyc-[a-z]"]})),
            source(json!({"name": "one", "thisWorkspace": {}, "models": ["nyc-*", "taxi_?"]})),
        ),
        case(
            kind,
            "spec.policy.approvals.fromNamespaces[]",
            NAMESPACE,
            at("spec.policy.approvals.fromNamespaces", json!(["model-risk", "Model Risk"])),
            at("spec.policy.approvals", json!({"count": 10, "fromNamespaces": ["model-risk", "7"]})),
        ),
        case(kind, "spec.tier", TIER, at("spec.tier", "prod\n".into()), at("spec.tier", "Prod_1.a".into())),
    ]
}

pub(super) fn rules_of_registries() -> Vec<Case> {
    let identity = "an identity is systemAssigned, userAssigned, or both: leave identity out to have Azure's left as it is";
    vec![
        case(
            "registries",
            "spec.location",
            REGION,
            json!({"spec": {"location": "East US", "regions": null}}),
            json!({"spec": {"location": "eastus2", "regions": null}}),
        ),
        case(
            "registries",
            "spec.regions[].location",
            REGION,
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
