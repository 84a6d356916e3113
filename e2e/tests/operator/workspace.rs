//! A workspace: looked up, never changed, and for whom it says.

use bindery::api::{DeploymentBinding, ModelVersion, Workspace};
use e2e::stand::{Stand, StandOptions, condition, not_ready_because, ready};
use e2e::{ControlPlane, Options};
use kube::api::Api;
use serde_json::json;

use crate::{Outcome, taxi};

#[tokio::test(flavor = "multi_thread")]
async fn is_looked_up_and_never_written() -> Outcome {
    let stand = taxi::stand("workspace-read").await?;
    stand.apply("Workspace", "fares-prod", json!({"azure": taxi::azure(), "tier": "production"})).await?;
    let found = stand.wait_for::<Workspace>("fares-prod", "Ready", ready).await?.status.ok_or("a status")?;
    assert_eq!(found.id.as_deref(), Some(e2e::stand::azure_id("workspaces/fares-prod").as_str()));
    assert_eq!(
        json!(found.workspace_id),
        stand.azure_field("workspaces/fares-prod", "/properties/workspaceId")
    );
    assert_eq!(found.location.as_deref(), Some("eastus"));
    assert!(found.mlflow_tracking_uri.is_some_and(|u| u.starts_with("azureml://") && u.contains("/mlflow/")));

    // One that Azure does not have, and one that stands for the same place.
    stand.apply("Workspace", "missing", json!({"azure": taxi::azure()})).await?;
    let message = stand.wait_reason::<Workspace>("missing", "NotInAzure").await?;
    assert!(message.contains("no workspace missing in resource group ml"), "{message}");
    // The older is right; created in the same second, the first by name is.
    let second = taxi::with(taxi::azure(), json!({"name": "fares-prod"}));
    stand.apply("Workspace", "fares-prod-again", json!({"azure": second})).await?;
    let message = stand.wait_reason::<Workspace>("fares-prod-again", "OwnedByAnother").await?;
    assert!(message.contains("workspace-read/fares-prod already stands for this workspace"), "{message}");
    stand.delete_and_wait::<Workspace>("fares-prod").await?;
    stand.wait_for::<Workspace>("fares-prod-again", "Ready", ready).await?;
    assert_eq!(stand.writes(), Vec::<String>::new());
    Ok(())
}

async fn reason(stand: &Stand, namespace: &str, name: &str) -> Result<(String, String), e2e::stand::Error> {
    let api: Api<ModelVersion> = Api::namespaced(stand.client.clone(), namespace);
    let found = kube::runtime::wait::await_condition(api, name, |v: Option<&ModelVersion>| {
        v.is_some_and(|v| ready(v) || not_ready_because(v, "ReferenceNotFound"))
    });
    let object = tokio::time::timeout(e2e::stand::PATIENCE, found).await??.ok_or("gone")?;
    let (_, reason, message) = condition(&object, "Ready").ok_or("no condition")?;
    Ok((reason, message))
}

/// On a control plane of its own, because its operator watches all namespaces.
#[tokio::test(flavor = "multi_thread")]
async fn allowed_namespaces_decide_who_may_know_of_a_place() -> Outcome {
    e2e::install_crypto_provider();
    if Options::from_env().names_a_cluster() {
        println!("SKIPPED: its operator would take the other tests' objects for its own");
        return Ok(());
    }
    let control_plane = ControlPlane::start(Options::default()).await?;
    let options = StandOptions { one_namespace: false, ..StandOptions::default() };
    let stand = Stand::start(&control_plane, "platform", options).await?;
    stand.apply_namespace("red", json!({"team": "red"})).await?;
    stand.apply_namespace("blue", json!({"team": "blue"})).await?;
    let allowed = json!({"from": "Selector", "selector": {"matchLabels": {"team": "red"}}});
    let azure = taxi::azure();
    stand.apply("Workspace", "fares-dev", json!({"azure": azure, "allowedNamespaces": allowed})).await?;
    stand.apply("Workspace", "fares-prod", json!({"azure": azure})).await?;
    stand
        .apply(
            "Registry",
            "fares-models",
            taxi::with(taxi::registry(), json!({"allowedNamespaces": {"from": "All"}})),
        )
        .await?;

    let version = |workspace: &str, job: &str| {
        json!({
            "workspaceRef": {"name": workspace, "namespace": "platform"}, "model": "taxi", "version": job,
            "source": {"job": {"name": format!("taxi-train-{job}")}},
        })
    };
    stand.apply_in("red", "ModelVersion", "taxi-1-dev", version("fares-dev", "1")).await?;
    stand.apply_in("blue", "ModelVersion", "taxi-2-dev", version("fares-dev", "2")).await?;
    stand.apply_in("blue", "ModelVersion", "closed", version("fares-prod", "2")).await?;
    stand.apply_in("blue", "ModelVersion", "nowhere", version("nothing", "2")).await?;
    assert_eq!(reason(&stand, "red", "taxi-1-dev").await?.0, "Succeeded");

    // From outside, forbidden by Selector, forbidden by Same, and missing look the same.
    let mut said = vec![];
    for (name, workspace) in [("taxi-2-dev", "fares-dev"), ("closed", "fares-prod"), ("nowhere", "nothing")] {
        let (reason, message) = reason(&stand, "blue", name).await?;
        assert_eq!(reason, "ReferenceNotFound");
        said.push(message.replace(workspace, "X"));
    }
    assert!(said.iter().all(|s| *s == said[0]), "{said:?}");
    assert!(said[0].starts_with("There is no Workspace platform/X, or its allowedNamespaces"), "{}", said[0]);

    // All: anybody may publish into the registry, but not see another namespace's workspace version.
    let promoted = |name: &str, namespace: &str| {
        json!({
            "registryRef": {"name": "fares-models", "namespace": "platform"}, "model": "taxi", "version": "1",
            "source": {"modelVersionRef": {"name": name, "namespace": namespace}},
        })
    };
    stand.apply_in("blue", "ModelVersion", "stolen", promoted("taxi-1-dev", "red")).await?;
    let (word, message) = reason(&stand, "blue", "stolen").await?;
    assert_eq!(word, "ReferenceNotFound", "{message}");
    let blue: Api<ModelVersion> = Api::namespaced(stand.client.clone(), "blue");
    blue.delete("stolen", &kube::api::DeleteParams::default()).await?;
    stand.apply_in("red", "ModelVersion", "taxi-1", promoted("taxi-1-dev", "red")).await?;
    assert_eq!(reason(&stand, "red", "taxi-1").await?.0, "Succeeded");

    // A registry's versions are for whom the registry allows, but places are theirs to allow.
    let serving = json!({
        "workspaceRef": {"name": "fares-prod", "namespace": "platform"},
        "model": {"versionRef": {"name": "taxi-1", "namespace": "red"}},
        "online": {"endpoint": {"name": "taxi-prod"}, "deployment": {}},
    });
    stand.apply("DeploymentBinding", "taxi", serving.clone()).await?;
    stand.wait_for::<DeploymentBinding>("taxi", "Ready", ready).await?;
    stand.apply_in("blue", "DeploymentBinding", "taxi", serving).await?;
    let bindings: Api<DeploymentBinding> = Api::namespaced(stand.client.clone(), "blue");
    let refused = kube::runtime::wait::await_condition(bindings, "taxi", |b: Option<&DeploymentBinding>| {
        b.is_some_and(|b| not_ready_because(b, "ReferenceNotFound"))
    });
    tokio::time::timeout(e2e::stand::PATIENCE, refused).await??;

    // The namespace gets the label: the place is there now, without anybody touching the version.
    stand.apply_namespace("blue", json!({"team": "red"})).await?;
    let api: Api<ModelVersion> = Api::namespaced(stand.client.clone(), "blue");
    let seen = kube::runtime::wait::await_condition(api, "taxi-2-dev", |v: Option<&ModelVersion>| {
        v.is_some_and(ready)
    });
    tokio::time::timeout(e2e::stand::PATIENCE, seen).await.map_err(|_| "the label woke nobody")??;
    Ok(())
}
