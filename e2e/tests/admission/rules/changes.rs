//! Rules of a change.

use serde_json::{Value, json};

use super::{Case, at, case};
use crate::example::asset;

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
        // What is no place is not told to be another one.
        (
            "give exactly one of registryRef and workspaceRef: the place where the version lives",
            at("spec.workspaceRef", Value::Null),
        ),
    ] {
        cases.push(case(kind, "spec", says, wrong, free.clone()));
    }
    let one = "give exactly one of job, uri, modelVersionRef and existing";
    for source in [json!({"job": null}), json!({"existing": {}})] {
        cases.push(case(kind, "spec.source", one, at("spec.source", source), free.clone()));
    }

    let kind = "deploymentbindings";
    let workspace =
        "workspaceRef cannot be changed: an endpoint stays in its workspace; make a new DeploymentBinding";
    let endpoint = "endpoint.name cannot be changed: make a new DeploymentBinding for another endpoint";
    let next = json!({"spec": {"workspaceRef": {"namespace": null}, "model": {"versionRef": {"name": "taxi-fare-4"}}}});
    for field in ["name", "namespace"] {
        let other = at(&format!("spec.workspaceRef.{field}"), "other".into());
        cases.push(case(kind, "spec", workspace, other, next.clone()));
    }
    let none = "give exactly one of online and batch: what serves the version";
    let other =
        "the kind of the endpoint cannot be changed: make a new DeploymentBinding for another endpoint";
    let cluster = asset("computes", "cpu").split("/versions").next().unwrap_or_default().to_string();
    let batch = json!({"endpoint": {"name": "taxi-fare-prod"}, "deployment": {"compute": cluster}});
    let strategy = json!({"steps": null, "metrics": null});
    let now_batch = json!({"spec": {"online": null, "batch": batch, "strategy": strategy}});
    cases.push(case(kind, "spec", other, now_batch, next.clone()));
    cases.push(case(kind, "spec", none, at("spec.online", Value::Null), next));
    let smaller = at("spec.online.deployment", json!({"instanceCount": 1, "instanceType": null}));
    cases.push(case(kind, "spec", endpoint, at("spec.online.endpoint.name", "other".into()), smaller));

    let moves = "online.endpoint.compute cannot be changed: Azure moves no endpoint; make a new DeploymentBinding for another one";
    let compute = "/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w/computes/c";
    let there = json!({"spec": {"online": {"endpoint": {"authMode": "Key", "compute": compute}}, "strategy": {"steps": null, "metrics": null}}});
    cases.push(case(kind, "spec", moves, there, at("spec.online.endpoint.authMode", "Key".into())));

    let kind = "approvals";
    let says = "an Approval cannot be changed: make a new one, and delete this one to withdraw it";
    let labels =
        json!({"metadata": {"labels": {"team": "fares"}, "annotations": {"bindery.dev/reconcile": "1"}}});
    for wrong in [
        json!({"spec": {"decision": "Rejected", "waives": null}}),
        at("spec.waives", Value::Null),
        at("spec.waives", json!(["Soak", "Gate/rmse-bound"])),
        at("spec.by", "eve".into()),
        at("spec.assetId", asset("models", "other").into()),
        at("spec.modelVersionRef.name", "taxi-fare-4".into()),
        at("spec.modelVersionRef.namespace", Value::Null),
        at("spec.tiers", json!(["production", "staging"])),
        at("spec.tiers", Value::Null),
        at("spec.reason", "Worse.".into()),
        at("spec.reason", Value::Null),
        at("spec.evidence", Value::Null),
        at("spec.evidence", json!([{"name": "report", "uri": "https://reports.example/other"}])),
        at("spec.expiresAt", "2037-03-31T00:00:00Z".into()),
        json!({"spec": {"expiresAt": null, "waives": null}}),
    ] {
        cases.push(case(kind, "<nil>", says, wrong, labels.clone()));
    }

    let kind = "rolloutactions";
    let says = "a RolloutAction cannot be changed: make a new one";
    for wrong in [
        json!({"spec": {"action": "Abort", "step": null}}),
        json!({"spec": {"full": true, "step": null}}),
        at("spec.full", false.into()),
        at("spec.step", "other".into()),
        at("spec.revision", "1a2b3c4d5e".into()),
        at("spec.bindingRef.name", "other".into()),
        at("spec.requestedBy", "eve".into()),
        at("spec.reason", "Another.".into()),
        at("spec.reason", Value::Null),
    ] {
        cases.push(case(kind, "<nil>", says, wrong, labels.clone()));
    }
    cases
}
