//! Endpoints on a Kubernetes cluster.

use bindery::api::{DeploymentBinding, Workspace};
use e2e::stand::{Stand, StandOptions, azure_id, condition, emulator_config, ready};
use serde_json::{Value, json};

use crate::Outcome;
use crate::taxi::{self, ENDPOINT, deployment, pausing_at, serve, status, with};

/// The cluster that is attached to the production workspace.
fn cluster() -> String {
    azure_id("workspaces/fares-prod/computes/aks-prod")
}

fn on_cluster(version: &str) -> Value {
    let resources = json!({"requests": {"cpu": "2", "memory": "4Gi"}, "limits": {"cpu": "2", "memory": "4Gi", "gpu": "1"}});
    let mut base = taxi::binding(version);
    // Another virtual machine is none of the cluster's types.
    base["online"]["deployment"] = json!({});
    with(
        base,
        json!({"online": {"endpoint": {"authMode": "Key", "compute": cluster()}, "deployment": {"instanceCount": 2, "resources": resources}}}),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_is_rolled_out_and_scaled_on_a_cluster() -> Outcome {
    let stand = taxi::stand("kubernetes").await?;
    taxi::versions(&stand, &["1", "2"]).await?;
    let first = serve(&stand, on_cluster("taxi-1")).await?;
    assert_eq!(stand.azure_field(ENDPOINT, "/kind"), "K8S");
    let made = stand.azure_field(&deployment(&first), "/properties");
    assert_eq!(
        (&made["endpointComputeType"], &made["instanceType"], &made["scaleSettings"]["scaleType"]),
        (&json!("Kubernetes"), &json!("defaultinstancetype"), &json!("Default"))
    );
    let asked = json!({
        "containerResourceRequests": {"cpu": "2", "memory": "4Gi"},
        "containerResourceLimits": {"cpu": "2", "memory": "4Gi", "gpu": "1"},
    });
    assert_eq!(made["containerResourceRequirements"], asked);

    // A rollout by steps, and every PUT of the endpoint names the cluster again.
    stand.apply("DeploymentBinding", "taxi", with(on_cluster("taxi-2"), taxi::steps(&[(20, "2s")]))).await?;
    stand.wait_for::<DeploymentBinding>("taxi", "at 20 %", pausing_at(20)).await?;
    stand
        .wait_for::<DeploymentBinding>("taxi", "the second", |b| {
            ready(b) && status(b).stable.is_some_and(|s| s.deployment.starts_with("v2-"))
        })
        .await?;
    let puts = stand.requests_on("PUT", ENDPOINT);
    let named = |body: &Option<Value>| {
        body.as_ref().is_some_and(|body| body["properties"]["compute"] == cluster().as_str())
    };
    assert!(puts.len() >= 4 && puts.iter().all(|put| named(&put.body)), "{puts:?}");

    // The count changes in place.
    stand.edit::<DeploymentBinding>("taxi", json!({"online": {"deployment": {"instanceCount": 3}}})).await?;
    stand
        .wait_for::<DeploymentBinding>("taxi", "three", |b| {
            ready(b) && status(b).deployments.iter().all(|d| d.instances == Some(3))
        })
        .await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_is_somewhere_else_is_left_where_it_is() -> Outcome {
    let stand = taxi::stand("kubernetes-elsewhere").await?;
    taxi::versions(&stand, &["1"]).await?;
    taxi::allow_adoption::<Workspace>(&stand, "fares-prod").await?;
    let managed = json!({"location": "eastus", "tags": {}, "properties": {"authMode": "Key"}});
    stand.exists_in_azure(ENDPOINT, &managed)?;
    let written = |stand: &Stand| stand.writes().into_iter().filter(|it| it.contains("taxi-prod")).count();
    let before = written(&stand);
    stand.apply("DeploymentBinding", "taxi", on_cluster("taxi-1")).await?;
    let message = stand.wait_reason::<DeploymentBinding>("taxi", "Unchangeable").await?;
    assert!(message.contains("is on machines that Azure manages"), "{message}");
    assert_eq!(written(&stand), before);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_is_taken_in_the_cluster_is_said() -> Outcome {
    let mut emulator = emulator_config(100.0);
    let mut west = emulator.exists.workspaces[0].clone();
    (west.name, west.location) = ("fares-west".into(), "westus".into());
    west.jobs.clear();
    emulator.exists.workspaces.push(west);
    let options = StandOptions { emulator, ..StandOptions::default() };
    let stand = taxi::stand_with("kubernetes-taken", options).await?;
    taxi::versions(&stand, &["1"]).await?;
    // In another workspace and another region: only the cluster is the same.
    let theirs =
        json!({"location": "westus", "tags": {}, "properties": {"authMode": "Key", "compute": cluster()}});
    stand.exists_in_azure("workspaces/fares-west/onlineEndpoints/taxi-prod", &theirs)?;
    stand.apply("DeploymentBinding", "taxi", on_cluster("taxi-1")).await?;
    let refused = stand
        .wait_for::<DeploymentBinding>("taxi", "taken", |b| {
            condition(b, "Stalled")
                .is_some_and(|it| it.2.contains("endpoint name must be unique per cluster"))
        })
        .await?;
    assert!(condition(&refused, "Ready").is_some_and(|it| it.0 == "False"));
    Ok(())
}
