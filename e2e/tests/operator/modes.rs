//! The ways to run without changing anything, or not everything.

use bindery::api::{DeploymentBinding, ModelVersion, Registry, Workspace};
use e2e::stand::{PATIENCE, Stand, StandOptions, condition, drifted, not_ready_because, ready};
use k8s_openapi::api::events::v1::Event;
use kube::api::{Api, DeleteParams, ListParams};
use kube::runtime::wait::await_condition;
use serde_json::{Value, json};

use crate::taxi::{ENDPOINT, deployment, with};
use crate::{Outcome, taxi};

fn reason<K: serde::Serialize>(object: &K) -> Option<(String, String)> {
    condition(object, "Ready").map(|(status, reason, _)| (status, reason))
}

/// What a team has in Azure already: registry, version, endpoint with one deployment.
fn existing(stand: &Stand) -> Outcome {
    let registry = json!({
        "location": "eastus", "identity": {"type": "SystemAssigned"},
        "properties": {"publicNetworkAccess": "Enabled", "regionDetails": [{
            "location": "eastus",
            "acrDetails": [{"systemCreatedAcrAccount": {"acrAccountSku": "Premium"}}],
            "storageAccountDetails": [{"systemCreatedStorageAccount": {"storageAccountType": "Standard_LRS", "storageAccountHnsEnabled": false}}],
        }]},
    });
    stand.exists_in_azure("registries/fares-models", &registry)?;
    let version = json!({"properties": {
        "modelUri": "azureml://datastores/models/paths/taxi/1", "modelType": "mlflow_model", "tags": {"team": "somebody"},
    }});
    stand.exists_in_azure("workspaces/fares-prod/models/taxi/versions/1", &version)?;
    let endpoint = |traffic: Value| json!({"location": "eastus", "identity": {"type": "SystemAssigned"}, "properties": {"authMode": "Key", "traffic": traffic}});
    stand.exists_in_azure(ENDPOINT, &endpoint(json!({})))?;
    let blue = json!({
        "location": "eastus", "sku": {"name": "Default", "capacity": 1},
        "properties": {
            "endpointComputeType": "Managed", "instanceType": "Standard_DS3_v2", "scaleSettings": {"scaleType": "Default"},
            "model": e2e::stand::azure_id("workspaces/fares-prod/models/taxi/versions/1"),
        },
    });
    stand.exists_in_azure(&deployment("blue"), &blue)?;
    stand.exists_in_azure(ENDPOINT, &endpoint(json!({"blue": 100})))
}

#[tokio::test(flavor = "multi_thread")]
async fn observe_only_writes_nothing_whatever_is_applied() -> Outcome {
    let options = StandOptions { arguments: vec!["--observe-only".into()], ..StandOptions::default() };
    let stand = taxi::stand_with("modes-observe-only", options).await?;
    existing(&stand)?;
    let delete = json!({"deletionPolicy": "Delete"});
    taxi::story(&stand, with(taxi::binding("taxi-prod-1"), delete.clone())).await?;
    taxi::allow_adoption::<Registry>(&stand, "fares-models").await?;
    taxi::allow_adoption::<Workspace>(&stand, "fares-prod").await?;
    stand.apply("ModelVersion", "taxi-prod-1", with(taxi::from_uri("1"), delete.clone())).await?;
    stand.apply("Registry", "new-models", with(taxi::registry(), delete)).await?;
    stand.wait_for::<Workspace>("fares-prod", "Ready", ready).await?;

    // What is there is Ready, and what differs is named.
    let registry = stand.wait_for::<Registry>("fares-models", "Ready", ready).await?;
    assert_eq!(reason(&registry), Some(("True".into(), "Observed".into())));
    assert!(drifted(&registry), "tags.team is missing in Azure");
    let version = stand.wait_for::<ModelVersion>("taxi-prod-1", "Ready", ready).await?;
    assert_eq!(reason(&version), Some(("True".into(), "Observed".into())));
    let binding = stand
        .wait_for::<DeploymentBinding>("taxi", "looked at", |b| {
            reason(b).is_some_and(|(_, r)| r == "Observed")
        })
        .await?;
    assert_eq!(binding.status.and_then(|s| s.traffic_summary).as_deref(), Some("blue 100%"));

    // What is not there is said, with the way out.
    for (name, what) in [("new-models", "new-models"), ("taxi-1-dev", "taxi:1"), ("taxi-1", "taxi:1")] {
        let (_, reason, message) = if name == "new-models" {
            let seen =
                stand.wait_for::<Registry>(name, "looked at", |r| condition(r, "Ready").is_some()).await?;
            condition(&seen, "Ready")
        } else {
            let seen = stand
                .wait_for::<ModelVersion>(name, "looked at", |v| {
                    reason(v).is_some_and(|(_, r)| r == "NotInAzure")
                })
                .await?;
            condition(&seen, "Ready")
        }
        .ok_or("a condition")?;
        assert_eq!(reason, "NotInAzure", "{message}");
        assert!(message.contains(what), "{message}");
        assert!(message.contains("--observe-only"), "{message}");
    }
    stand.delete_and_wait::<DeploymentBinding>("taxi").await?;
    stand.delete_and_wait::<ModelVersion>("taxi-prod-1").await?;
    stand.delete_and_wait::<Registry>("new-models").await?;
    assert_eq!(stand.writes(), Vec::<String>::new());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn watch_namespaces_leaves_others_alone() -> Outcome {
    let stand = taxi::stand("modes-watched").await?;
    stand.apply("Workspace", "fares-dev", json!({"azure": taxi::azure()})).await?;
    stand.wait_for::<Workspace>("fares-dev", "Ready", ready).await?;
    stand.apply_namespace("modes-unwatched", json!({})).await?;
    stand.apply_in("modes-unwatched", "Workspace", "fares-prod", json!({"azure": taxi::azure()})).await?;
    // What is applied later in its own namespace is done, so the other would have been, too.
    stand.apply("Workspace", "fares-prod", json!({"azure": taxi::azure()})).await?;
    stand.wait_for::<Workspace>("fares-prod", "Ready", ready).await?;
    assert_eq!(stand.requests_on("GET", "workspaces/fares-prod").len(), 1);
    let other: Api<Workspace> = Api::namespaced(stand.client.clone(), "modes-unwatched");
    let status = other.get("fares-prod").await?.status.unwrap_or_default();
    assert_eq!((status.observed_generation, status.conditions.len()), (-1, 0));
    Ok(())
}

/// Several namespaces are one picture: what is in one wakes and may be used from the other. What depends on any other
/// namespace, or on labels, says so.
#[tokio::test(flavor = "multi_thread")]
async fn watch_namespaces_sees_several_and_says_what_it_does_not_see() -> Outcome {
    let second = "modes-several-serving".to_string();
    let options = StandOptions { also_watched: vec![second.clone()], ..StandOptions::default() };
    let stand = taxi::stand_with("modes-several", options).await?;
    stand.apply_namespace("modes-several-unwatched", json!({})).await?;
    let api: Api<DeploymentBinding> = Api::namespaced(stand.client.clone(), &second);
    let said = async |reason: &str| -> Result<String, e2e::stand::Error> {
        let because = |b: &DeploymentBinding| not_ready_because(b, reason);
        let found = await_condition(api.clone(), "taxi", |b: Option<&_>| b.is_some_and(because));
        let found = tokio::time::timeout(PATIENCE, found).await;
        let found = found.map_err(|_| format!("no {reason}; the log:\n{}", stand.operator.told(30)))??;
        Ok(found.and_then(|b| condition(&b, "Ready")).map(|(.., message)| message).unwrap_or_default())
    };
    let open = json!({"from": "All", "selector": null});
    let by_label = json!({"from": "Selector", "selector": {"matchLabels": {"team": "taxi"}}});
    let azure = taxi::azure();
    let place = |allowed: &Value| json!({"azure": azure, "allowedNamespaces": allowed});
    stand.apply("Workspace", "fares-prod", place(&by_label)).await?;
    let binding = |home: &str| {
        taxi::with(
            taxi::binding("taxi-1"),
            json!({"workspaceRef": {"name": "fares-prod", "namespace": home},
                "model": {"versionRef": {"name": "taxi-1"}}}),
        )
    };
    stand.apply_in(&second, "DeploymentBinding", "taxi", binding(&stand.namespace)).await?;
    let message = said("NotWatched").await?;
    assert!(
        message.starts_with("Workspace modes-several/fares-prod lets other namespaces in by"),
        "{message}"
    );
    assert!(message.contains("watchNamespaces"), "{message}");
    // The place is changed in one namespace, and the binding in the other is woken.
    stand.edit::<Workspace>("fares-prod", json!({"allowedNamespaces": open})).await?;
    let message = said("NotAPublisher").await?;
    assert!(
        message.contains(&format!("does not name namespace {second} as a publisher of endpoint taxi-prod")),
        "{message}"
    );
    let everybody = json!([{"name": "all", "namespaces": {"from": "All"}}]);
    stand.edit::<Workspace>("fares-prod", json!({"publishers": everybody})).await?;
    let message = said("ReferenceNotFound").await?;
    assert!(message.contains(&format!("There is no ModelVersion {second}/taxi-1")), "{message}");
    // Outside of both, nobody can say what is there.
    api.delete("taxi", &DeleteParams::default()).await?;
    let gone = await_condition(api.clone(), "taxi", |b: Option<&DeploymentBinding>| b.is_none());
    tokio::time::timeout(PATIENCE, gone).await??;
    stand.apply_in(&second, "DeploymentBinding", "taxi", binding("modes-several-unwatched")).await?;
    let message = said("NotWatched").await?;
    assert!(message.contains("Add modes-several-unwatched to its --watch-namespaces"), "{message}");
    assert_eq!(stand.writes(), Vec::<String>::new());
    Ok(())
}

/// Who wrote what is asked when two tools fight over a field: our name is one word, everywhere.
#[tokio::test(flavor = "multi_thread")]
async fn everything_in_the_cluster_is_written_as_bindery() -> Outcome {
    let stand = taxi::stand("modes-field-manager").await?;
    stand.apply("Registry", "fares-models", taxi::registry()).await?;
    let registry = stand.wait_for::<Registry>("fares-models", "Ready", ready).await?;
    let mut wrote: Vec<(String, String)> = vec![];
    for entry in registry.metadata.managed_fields.unwrap_or_default() {
        let manager = entry.manager.unwrap_or_default();
        if manager != "stand" {
            wrote.push((manager, entry.subresource.unwrap_or_default()));
        }
    }
    wrote.sort();
    // The finalizer, and the status.
    let bindery = |subresource: &str| ("bindery".to_string(), subresource.to_string());
    assert_eq!(wrote, [bindery(""), bindery("status")]);
    // The event about its end.
    stand.delete_and_wait::<Registry>("fares-models").await?;
    let events: Api<Event> = stand.api();
    let begun = std::time::Instant::now();
    loop {
        let events = events.list(&ListParams::default()).await?.items;
        let fields = events.iter().flat_map(|event| event.metadata.managed_fields.iter().flatten());
        let managers: Vec<&str> = fields.map(|entry| entry.manager.as_deref().unwrap_or_default()).collect();
        if !managers.is_empty() {
            assert!(managers.iter().all(|manager| *manager == "bindery"), "{managers:?}");
            return Ok(());
        }
        assert!(begun.elapsed() < PATIENCE, "no event came");
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
}

/// The operator of a stand watches its namespace alone: an owner elsewhere may be alive.
#[tokio::test(flavor = "multi_thread")]
async fn watch_namespaces_takes_nothing_from_an_owner_that_it_cannot_see() -> Outcome {
    let stand = taxi::stand("modes-unseen").await?;
    let path = "workspaces/fares-prod/models/taxi/versions/1";
    let version = |owner: &str| {
        let uri = "azureml://datastores/models/paths/taxi/1";
        let tags = json!({"bindery-owner": owner});
        json!({"properties": {"modelUri": uri, "modelType": "mlflow_model", "tags": tags}})
    };
    stand.exists_in_azure(path, &version("stand/team-of-another-release/taxi-1"))?;
    stand.apply("Workspace", "fares-prod", json!({"azure": taxi::azure()})).await?;
    stand.apply("ModelVersion", "taxi-1", taxi::from_uri("1")).await?;
    let message = stand.wait_reason::<ModelVersion>("taxi-1", "OwnedByAnother").await?;
    assert!(message.contains("team-of-another-release/taxi-1, which this operator cannot see"), "{message}");
    assert!(message.contains("remove its tag bindery-owner"), "{message}");
    assert_eq!(stand.writes(), Vec::<String>::new());
    // In its own namespace it can see that an owner is missing, and that owner may come back.
    stand.change_in_azure(path, &version("stand/modes-unseen/taxi-old"))?;
    stand.look_again::<ModelVersion>("taxi-1").await?;
    let message = stand.wait_reason::<ModelVersion>("taxi-1", "Inheriting").await?;
    assert!(message.contains("modes-unseen/taxi-old, which is not in this cluster"), "{message}");
    assert_eq!(stand.writes(), Vec::<String>::new());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn suspended_objects_are_read_and_not_written() -> Outcome {
    let stand = taxi::stand("modes-suspended").await?;
    taxi::workspaces(&stand).await?;
    let suspended = |spec: Value| with(spec, json!({"suspend": true}));
    stand.apply("Registry", "fares-models", suspended(taxi::registry())).await?;
    stand.apply("ModelVersion", "taxi-1-dev", suspended(taxi::from_job("1"))).await?;
    let message = stand.wait_reason::<Registry>("fares-models", "Suspended").await?;
    assert!(
        message.contains("would create the registry fares-models") && message.contains("spec.suspend"),
        "{message}"
    );
    let message = stand.wait_reason::<ModelVersion>("taxi-1-dev", "Suspended").await?;
    assert!(message.contains("would register taxi:1"), "{message}");
    assert_eq!(stand.writes(), Vec::<String>::new());
    for go_on in [false, true] {
        stand.edit::<Registry>("fares-models", json!({"suspend": go_on})).await?;
        stand.edit::<ModelVersion>("taxi-1-dev", json!({"suspend": go_on})).await?;
        stand.wait_for::<Registry>("fares-models", "Ready", ready).await?;
        stand.wait_for::<ModelVersion>("taxi-1-dev", "Ready", ready).await?;
    }

    // Suspended again: an edit waits, and a foreign change is only named.
    stand.emulator.control().clear_log();
    stand.edit::<ModelVersion>("taxi-1-dev", json!({"tags": {"team": "fares"}})).await?;
    let message = stand.wait_reason::<ModelVersion>("taxi-1-dev", "Suspended").await?;
    assert!(message.contains("would change tags.team of taxi:1"), "{message}");
    assert_eq!(stand.writes(), Vec::<String>::new());
    stand.edit::<ModelVersion>("taxi-1-dev", json!({"suspend": false})).await?;
    stand.wait_for::<ModelVersion>("taxi-1-dev", "Ready", ready).await?;
    assert_eq!(stand.writes().len(), 1);
    // A deletion while suspended only lets go.
    let delete = json!({"suspend": true, "deletionPolicy": "Delete"});
    stand.edit::<ModelVersion>("taxi-1-dev", delete).await?;
    stand.delete_and_wait::<ModelVersion>("taxi-1-dev").await?;
    assert!(stand.azure("workspaces/fares-dev/models/taxi/versions/1").is_some());
    Ok(())
}

/// The operator's own identity serves only what is listed: nothing else is read, changed or let go of.
#[tokio::test(flavor = "multi_thread")]
async fn a_place_that_is_not_listed_is_neither_read_nor_changed() -> Outcome {
    let options = StandOptions { operator: false, ..StandOptions::default() };
    let mut stand = taxi::stand_with("modes-unlisted", options).await?;
    let variable = "BINDERY_OPERATOR_IDENTITY_ALLOW".to_string();
    let elsewhere = r#"[{"namespaces": ["ml-platform"], "subscriptions": ["*"]}]"#;
    stand.operator.environment.push((variable.clone(), elsewhere.into()));
    stand.operator.start()?;
    let registry = taxi::with(taxi::registry(), json!({"deletionPolicy": "Delete"}));
    stand.apply("Registry", "fares-models", registry.clone()).await?;
    stand.apply("Workspace", "fares-prod", json!({"azure": taxi::azure()})).await?;
    stand.apply("DeploymentBinding", "taxi", taxi::binding("taxi-1")).await?;
    let message = stand.wait_reason::<Registry>("fares-models", "IdentityNotAllowed").await?;
    assert!(message.contains("add {namespaces: [modes-unlisted], subscriptions: ["), "{message}");
    stand.wait_reason::<Workspace>("fares-prod", "IdentityNotAllowed").await?;
    let message = stand.wait_reason::<DeploymentBinding>("taxi", "IdentityNotAllowed").await?;
    assert!(message.starts_with("Workspace modes-unlisted/fares-prod: The operator's own"), "{message}");
    let asked: Vec<_> = stand.requests("GET", "").into_iter().chain(stand.requests("PUT", "")).collect();
    assert!(asked.is_empty(), "{asked:?}");
    // Once it is listed, everything goes on; once it is not any more, a deletion waits.
    let listed = r#"[{"namespaces": ["modes-unlisted"], "subscriptions": ["*"], "resourceGroups": ["*"]}]"#;
    stand.operator.kill()?;
    stand.operator.environment.push((variable.clone(), listed.into()));
    stand.operator.start()?;
    stand.wait_for::<Registry>("fares-models", "Ready", ready).await?;
    stand.wait_for::<Workspace>("fares-prod", "Ready", ready).await?;
    stand.operator.kill()?;
    stand.operator.environment.push((variable, elsewhere.into()));
    stand.operator.start()?;
    stand.delete::<Registry>("fares-models").await?;
    stand.wait_reason::<Registry>("fares-models", "IdentityNotAllowed").await?;
    assert!(stand.azure("registries/fares-models").is_some(), "it is still there");
    Ok(())
}
