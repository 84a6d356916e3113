//! Who owns what in Azure: by tags, and where a tag names nobody, the older one.

use bindery::api::{DeploymentBinding, ModelVersion, Registry, Role, Workspace};
use e2e::stand::{condition, ready};
use serde_json::json;

use crate::taxi::{ENDPOINT, with};
use crate::{Outcome, taxi};

#[tokio::test(flavor = "multi_thread")]
async fn a_renamed_binding_is_handed_over_without_moving_anything() -> Outcome {
    let stand = taxi::stand("owner-renamed").await?;
    taxi::versions(&stand, &["1", "2"]).await?;
    stand.apply("DeploymentBinding", "fares-a", taxi::binding("taxi-1")).await?;
    let old = stand.wait_for::<DeploymentBinding>("fares-a", "Ready", ready).await?;
    let stable = old.status.and_then(|s| s.stable).map(|s| s.deployment).ok_or("a stable one")?;
    // In Git the object has another name now: the new one comes, the old one goes.
    stand.apply("DeploymentBinding", "fares-b", taxi::binding("taxi-1")).await?;
    let message = stand.wait_reason::<DeploymentBinding>("fares-b", "OwnedByAnother").await?;
    assert!(message.contains("belongs to owner-renamed/fares-a."), "{message}");
    stand.emulator.control().clear_log();
    stand.delete_and_wait::<DeploymentBinding>("fares-a").await?;
    let new = stand.wait_for::<DeploymentBinding>("fares-b", "Ready", ready).await?;
    assert_eq!(new.status.and_then(|s| s.stable).map(|s| s.deployment), Some(stable.clone()));
    assert_eq!(stand.writes(), [format!("PUT {ENDPOINT}")], "one tag changes hands");
    assert_eq!(stand.traffic_written(ENDPOINT), [vec![(stable.clone(), 100)]]);
    assert_eq!(stand.azure_field(ENDPOINT, "/tags/bindery-owner"), "stand/owner-renamed/fares-b");
    // It is the new one's now, to roll out and to take down, deployments of the old one included.
    stand.edit::<DeploymentBinding>("fares-b", json!({"model": {"versionRef": {"name": "taxi-2"}}})).await?;
    stand.wait_for::<DeploymentBinding>("fares-b", "Ready with the second", ready).await?;
    stand.delete_and_wait::<DeploymentBinding>("fares-b").await?;
    assert_eq!(stand.azure(ENDPOINT), None);
    Ok(())
}

/// As Argo CD and Flux do it: what is gone from Git is deleted first, and then what is new is applied.
#[tokio::test(flavor = "multi_thread")]
async fn a_binding_and_its_version_that_are_renamed_at_once_keep_endpoint_and_traffic() -> Outcome {
    let stand = taxi::stand("owner-pruned").await?;
    taxi::versions(&stand, &["1"]).await?;
    let tagged = |team: &str| {
        let handover =
            json!({"strategy": {"handover": "1m"}, "online": {"endpoint": {"tags": {team: "yes"}}}});
        with(taxi::binding("taxi-1"), handover)
    };
    stand.apply("DeploymentBinding", "fares-a", tagged("old")).await?;
    let old = stand.wait_for::<DeploymentBinding>("fares-a", "Ready", ready).await?;
    let stable = old.status.and_then(|s| s.stable).map(|s| s.deployment).ok_or("a stable one")?;
    stand.emulator.control().clear_log();

    stand.kubectl(&["delete", "amlmv/taxi-1", "amlbind/fares-a", "--wait=false"]).await?;
    let message = stand.wait_reason::<DeploymentBinding>("fares-a", "AwaitingHeir").await?;
    assert!(message.contains("unless another object of namespace owner-pruned names it before"), "{message}");
    stand.apply("ModelVersion", "fare-model-1", taxi::from_uri("1")).await?;
    stand
        .apply(
            "DeploymentBinding",
            "fares-b",
            with(tagged("new"), json!({"model": {"versionRef": {"name": "fare-model-1"}}})),
        )
        .await?;
    let new = stand.wait_for::<DeploymentBinding>("fares-b", "Ready", ready).await?;
    assert_eq!(new.status.and_then(|s| s.stable).map(|s| s.deployment), Some(stable.clone()));
    stand.wait_for::<ModelVersion>("fare-model-1", "Ready", ready).await?;
    let all_to_it = vec![(stable, 100)];
    assert!(stand.traffic_written(ENDPOINT).iter().all(|map| *map == all_to_it));
    assert!(stand.requests("DELETE", "").is_empty() && stand.requests("POST", "").is_empty());
    assert_eq!(stand.requests("PUT", "/deployments/").len(), 0);
    // The heir's manifest holds, key by key.
    assert_eq!(stand.azure_field(ENDPOINT, "/tags/new"), "yes");
    assert_eq!(stand.azure_field(ENDPOINT, "/tags/old"), serde_json::Value::Null);
    Ok(())
}

/// The way that is safe whatever a tool waits for: first `Retain`, then the other name.
#[tokio::test(flavor = "multi_thread")]
async fn a_binding_that_is_retained_first_can_be_renamed_in_a_second_commit() -> Outcome {
    let stand = taxi::stand("owner-retained").await?;
    taxi::versions(&stand, &["1"]).await?;
    stand.apply("DeploymentBinding", "fares-a", taxi::binding("taxi-1")).await?;
    let old = stand.wait_for::<DeploymentBinding>("fares-a", "Ready", ready).await?;
    let stable = old.status.and_then(|s| s.stable).map(|s| s.deployment).ok_or("a stable one")?;
    stand.edit::<DeploymentBinding>("fares-a", json!({"deletionPolicy": "Retain"})).await?;
    stand.wait_for::<DeploymentBinding>("fares-a", "Ready again", ready).await?;
    stand.emulator.control().clear_log();
    stand.delete_and_wait::<DeploymentBinding>("fares-a").await?;
    stand.apply("DeploymentBinding", "fares-b", taxi::binding("taxi-1")).await?;
    let new = stand.wait_for::<DeploymentBinding>("fares-b", "Ready", ready).await?;
    assert_eq!(new.status.and_then(|s| s.stable).map(|s| s.deployment), Some(stable.clone()));
    assert!(stand.traffic_written(ENDPOINT).iter().all(|map| *map == [(stable.clone(), 100)]));
    assert_eq!(stand.writes(), [format!("PUT {ENDPOINT}")], "one tag changes hands");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_claimants_the_younger_waits_and_takes_over() -> Outcome {
    let stand = taxi::stand("owner-two").await?;
    taxi::workspaces(&stand).await?;
    let registry = |team: &str| {
        let azure = with(taxi::azure(), json!({"name": "fares-models"}));
        with(taxi::registry(), json!({"azure": azure, "tags": {"team": team}}))
    };
    stand.apply("Registry", "models-a", registry("first")).await?;
    stand
        .apply("ModelVersion", "taxi-a", with(taxi::from_job("1"), json!({"tags": {"team": "first"}})))
        .await?;
    stand.wait_for::<Registry>("models-a", "Ready", ready).await?;
    stand.wait_for::<ModelVersion>("taxi-a", "Ready", ready).await?;
    stand.apply("Registry", "models-b", registry("second")).await?;
    stand
        .apply("ModelVersion", "taxi-b", with(taxi::from_job("1"), json!({"tags": {"team": "second"}})))
        .await?;
    let message = stand.wait_reason::<Registry>("models-b", "OwnedByAnother").await?;
    assert!(message.contains("belongs to owner-two/models-a"), "{message}");
    let message = stand.wait_reason::<ModelVersion>("taxi-b", "OwnedByAnother").await?;
    assert!(message.contains("belongs to owner-two/taxi-a"), "{message}");
    let team = |path: &str| stand.azure_field(path, "/tags/team");
    let version = "workspaces/fares-dev/models/taxi/versions/1";
    assert_eq!(team("registries/fares-models"), "first");
    assert_eq!(stand.azure_field(version, "/properties/tags/team"), "first");

    // Retain: the older one lets go, and the younger takes over what is there.
    stand.delete_and_wait::<Registry>("models-a").await?;
    stand.delete_and_wait::<ModelVersion>("taxi-a").await?;
    stand.wait_for::<Registry>("models-b", "Ready", ready).await?;
    stand.wait_for::<ModelVersion>("taxi-b", "Ready", ready).await?;
    assert_eq!(team("registries/fares-models"), "second");
    assert_eq!(stand.azure_field(version, "/properties/tags/team"), "second");
    assert!(stand.requests("DELETE", "").is_empty());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_cluster_owns_is_left_alone() -> Outcome {
    let stand = taxi::stand("owner-elsewhere").await?;
    taxi::versions(&stand, &["1"]).await?;
    let theirs = json!({"bindery-owner": "elsewhere/team-x/thing"});
    stand.exists_in_azure(
        ENDPOINT,
        &json!({"location": "eastus", "tags": theirs, "identity": {"type": "SystemAssigned"}, "properties": {"authMode": "Key"}}),
    )?;
    let path = "workspaces/fares-prod/models/taxi/versions/2";
    let uri = "azureml://datastores/models/paths/taxi/2";
    stand.exists_in_azure(
        path,
        &json!({"properties": {"modelUri": uri, "modelType": "mlflow_model", "tags": theirs}}),
    )?;
    stand.emulator.control().clear_log();
    stand.apply("DeploymentBinding", "taxi", taxi::binding("taxi-1")).await?;
    stand
        .apply("ModelVersion", "taxi-2", with(taxi::from_uri("2"), json!({"deletionPolicy": "Delete"})))
        .await?;
    let message = stand.wait_reason::<DeploymentBinding>("taxi", "OwnedByAnother").await?;
    assert!(message.contains("belongs to team-x/thing of cluster elsewhere"), "{message}");
    let free = format!(
        "az tag update --resource-id {} --operation Delete --tags bindery-owner=elsewhere/team-x/thing; then have spec.adoption of Workspace owner-elsewhere/fares-prod set to Allow.",
        e2e::stand::azure_id(ENDPOINT)
    );
    assert!(message.ends_with(&free), "{message}");
    stand.wait_reason::<ModelVersion>("taxi-2", "OwnedByAnother").await?;
    let stalled = stand.api::<ModelVersion>().get("taxi-2").await?;
    assert_eq!(condition(&stalled, "Stalled").map(|(status, ..)| status).as_deref(), Some("True"));
    // Not even by a deletion.
    stand.delete_and_wait::<DeploymentBinding>("taxi").await?;
    stand.delete_and_wait::<ModelVersion>("taxi-2").await?;
    assert_eq!(stand.writes(), Vec::<String>::new());
    // When the other cluster is gone for good, somebody takes its tag away.
    stand.change_in_azure(ENDPOINT, &json!({"tags": {"bindery-owner": null}}))?;
    stand.apply("DeploymentBinding", "taxi", taxi::binding("taxi-1")).await?;
    stand.wait_reason::<DeploymentBinding>("taxi", "AdoptionRefused").await?;
    taxi::allow_adoption::<Workspace>(&stand, "fares-prod").await?;
    stand.wait_for::<DeploymentBinding>("taxi", "Ready", ready).await?;
    Ok(())
}

/// A team moves to another cluster, and with it an endpoint in the middle of a rollout: see docs/guide/tenancy.md.
#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_moves_to_another_cluster_keeps_stable_and_position() -> Outcome {
    let mut stand = taxi::stand("owner-moves").await?;
    taxi::versions(&stand, &["1", "2"]).await?;
    let rolling = with(taxi::binding("taxi-1"), taxi::steps(&[(10, "1h")]));
    let stable = taxi::serve(&stand, rolling).await?;
    stand.edit::<DeploymentBinding>("taxi", json!({"model": {"versionRef": {"name": "taxi-2"}}})).await?;
    stand.wait_for::<DeploymentBinding>("taxi", "pausing", taxi::pausing_at(10)).await?;
    let position = stand.azure_field(ENDPOINT, "/tags/bindery-position");
    stand.operator.stop().await?;
    // The new cluster knows nothing of what the old one wrote into statuses, and has another id in the tags.
    let disown = json!({"properties": {"tags": {"bindery-owner": null}}});
    for n in ["1", "2"] {
        stand.change_in_azure(&format!("workspaces/fares-prod/models/taxi/versions/{n}"), &disown)?;
        stand.erase_status::<ModelVersion>(&format!("taxi-{n}")).await?;
    }
    stand.change_in_azure(ENDPOINT, &json!({"tags": {"bindery-owner": null}}))?;
    for deployment in taxi::created(&stand) {
        let theirs = json!({"tags": {"bindery-owner": "elsewhere/owner-moves/taxi"}});
        stand.change_in_azure(&taxi::deployment(&deployment), &theirs)?;
    }
    stand.erase_status::<DeploymentBinding>("taxi").await?;
    taxi::allow_adoption::<Workspace>(&stand, "fares-prod").await?;
    stand.emulator.control().clear_log();
    stand.operator.start()?;
    let moved = stand.wait_for::<DeploymentBinding>("taxi", "pausing again", taxi::pausing_at(10)).await?;
    let moved = taxi::status(&moved);
    assert_eq!(moved.stable.map(|s| s.deployment), Some(stable.clone()));
    let candidate = moved.candidate.map(|c| c.deployment).ok_or("a candidate")?;
    assert_eq!(
        stand.azure_field(ENDPOINT, "/tags/bindery-position"),
        position,
        "the pause goes on where it was"
    );
    assert!(stand.traffic_written(ENDPOINT).iter().all(|map| map.contains(&(stable.clone(), 90))));
    assert_eq!(stand.azure_field(ENDPOINT, "/tags/bindery-owner"), "stand/owner-moves/taxi");
    assert!(stand.requests("DELETE", "").is_empty() && taxi::created(&stand).is_empty());
    // What the old cluster made is the new owner's, to take down too.
    stand.delete_and_wait::<DeploymentBinding>("taxi").await?;
    let left = [taxi::deployment(&stable), taxi::deployment(&candidate), ENDPOINT.to_string()];
    assert!(left.iter().all(|path| stand.azure(path).is_none()));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn claimants_that_are_deleted_together_leave_nothing_behind() -> Outcome {
    let stand = taxi::stand("owner-together").await?;
    taxi::versions(&stand, &["1"]).await?;
    stand.apply("DeploymentBinding", "fares-a", taxi::binding("taxi-1")).await?;
    stand.wait_for::<DeploymentBinding>("fares-a", "Ready", ready).await?;
    stand.apply("DeploymentBinding", "fares-b", taxi::binding("taxi-1")).await?;
    stand.wait_reason::<DeploymentBinding>("fares-b", "OwnedByAnother").await?;

    stand.kubectl(&["delete", "amlbind", "--all", "--wait=true", "--timeout=60s"]).await?;
    assert_eq!(stand.azure(ENDPOINT), None);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_is_not_said_to_serve() -> Outcome {
    let stand = taxi::stand("owner-refused").await?;
    taxi::versions(&stand, &["1"]).await?;
    stand.apply("DeploymentBinding", "fares-a", taxi::binding("taxi-1")).await?;
    stand.wait_for::<DeploymentBinding>("fares-a", "Ready", ready).await?;
    stand.apply("DeploymentBinding", "fares-b", taxi::binding("taxi-1")).await?;
    stand.wait_reason::<DeploymentBinding>("fares-b", "OwnedByAnother").await?;
    let refused = taxi::status(&stand.api::<DeploymentBinding>().get("fares-b").await?);
    assert_eq!((refused.phase, refused.stable, refused.traffic_summary), (None, None, None));
    assert_eq!(refused.deployments, []);
    let version: ModelVersion = stand.api().get("taxi-1").await?;
    let served_by = version.status.map(|s| s.served_by).unwrap_or_default();
    let served_by: Vec<_> =
        served_by.iter().map(|s| (s.namespace.as_str(), s.name.as_str(), s.role)).collect();
    assert_eq!(served_by, [("owner-refused", "fares-a", Role::Stable)]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_cluster_owns_is_observed_and_served() -> Outcome {
    let stand = taxi::stand("owner-observed").await?;
    let theirs = json!({"bindery-owner": "elsewhere/team-x/thing"});
    let registry = json!({
        "location": "eastus", "identity": {"type": "SystemAssigned"}, "tags": theirs,
        "properties": {"publicNetworkAccess": "Enabled", "regionDetails": [{
            "location": "eastus",
            "acrDetails": [{"systemCreatedAcrAccount": {"acrAccountSku": "Premium"}}],
            "storageAccountDetails": [{"systemCreatedStorageAccount": {"storageAccountType": "Standard_LRS", "storageAccountHnsEnabled": false}}],
        }]},
    });
    let version = json!({"properties": {
        "modelUri": "https://faresmodels.blob.core.windows.net/taxi/1", "modelType": "mlflow_model",
        "tags": {"bindery-owner": "elsewhere/team-x/thing", "bindery-published-from": "0badc0de00000000"},
    }});
    stand.exists_in_azure("registries/fares-models", &registry)?;
    stand.exists_in_azure("registries/fares-models/models/taxi/versions/1", &version)?;

    let observe = json!({"management": "Observe"});
    stand.apply("Registry", "fares-models", with(taxi::registry(), observe.clone())).await?;
    stand.apply("Workspace", "fares-prod", json!({"azure": taxi::azure()})).await?;
    // Its source is in the other cluster, and nobody here needs it.
    stand.apply("ModelVersion", "taxi-1", with(taxi::promoted("1"), observe)).await?;
    let stable = taxi::serve(&stand, taxi::binding("taxi-1")).await?;
    let observed = |(status, reason, _)| (status, reason) == ("True".to_string(), "Observed".to_string());
    let registry = stand.wait_for::<Registry>("fares-models", "Ready", ready).await?;
    assert!(condition(&registry, "Ready").is_some_and(observed));
    let serves = |v: &ModelVersion| v.status.as_ref().is_some_and(|s| s.served_by.len() == 1);
    let version = stand.wait_for::<ModelVersion>("taxi-1", "served", serves).await?;
    assert!(condition(&version, "Ready").is_some_and(observed));
    assert_eq!(stand.traffic_written(ENDPOINT).last(), Some(&vec![(stable, 100)]));

    // Nothing of theirs is written, not even at the end.
    stand.delete_and_wait::<DeploymentBinding>("taxi").await?;
    stand.delete_and_wait::<ModelVersion>("taxi-1").await?;
    stand.delete_and_wait::<Registry>("fares-models").await?;
    let to_registry: Vec<String> = stand.writes().into_iter().filter(|w| w.contains("registries/")).collect();
    assert_eq!(to_registry, Vec::<String>::new());
    Ok(())
}
