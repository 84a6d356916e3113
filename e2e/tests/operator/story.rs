//! The story from beginning to end, as the demo tells it.

use bindery::api::{DeploymentBinding, ModelVersion, Phase, Registry, Workspace};
use e2e::stand::{GROUP, SUBSCRIPTION, ready};
use serde_json::json;

use crate::{Outcome, taxi};

#[tokio::test(flavor = "multi_thread")]
async fn a_version_goes_from_a_job_to_production() -> Outcome {
    let stand = taxi::stand("story").await?;
    let azure = json!({"subscriptionId": SUBSCRIPTION, "resourceGroup": GROUP});
    stand
        .apply(
            "Registry",
            "fares-models",
            json!({"azure": azure, "location": "eastus", "tags": {"team": "fares"}}),
        )
        .await?;
    stand.apply("Workspace", "fares-dev", json!({"azure": azure})).await?;
    stand
        .apply(
            "Workspace",
            "fares-prod",
            json!({"azure": azure, "tier": "production", "policy": {"lineage": {"require": "Named"}}}),
        )
        .await?;
    for n in ["1", "2"] {
        stand.apply("ModelVersion", &format!("taxi-{n}-dev"), json!({
            "workspaceRef": {"name": "fares-dev"}, "model": "taxi", "version": n, "source": {"job": {"name": format!("taxi-train-{n}")}},
        })).await?;
        stand.apply("ModelVersion", &format!("taxi-{n}"), json!({
            "registryRef": {"name": "fares-models"}, "model": "taxi", "version": n, "tags": {"approved": "yes"},
            "source": {"modelVersionRef": {"name": format!("taxi-{n}-dev")}},
        })).await?;
    }
    let binding = |version: &str| {
        json!({
            "workspaceRef": {"name": "fares-prod"}, "model": {"versionRef": {"name": version}},
            "online": {"endpoint": {"name": "taxi-prod"}, "deployment": {"instanceType": "Standard_DS3_v2"}},
            "strategy": {"steps": [{"setTraffic": 10}, {"pause": {"for": "2s"}}, {"setTraffic": 50}, {"pause": {"for": "1s"}}], "keepPrevious": "10s"},
        })
    };
    stand.apply("DeploymentBinding", "taxi", binding("taxi-1")).await?;
    stand.wait_for::<Workspace>("fares-dev", "Ready", ready).await?;
    stand.wait_for::<Registry>("fares-models", "Ready", ready).await?;
    stand.wait_for::<ModelVersion>("taxi-1-dev", "Ready", ready).await?;
    let version = stand.wait_for::<ModelVersion>("taxi-1", "Ready", ready).await?;
    let lineage = version.status.and_then(|s| s.lineage).ok_or("lineage")?;
    assert_eq!(lineage.job.as_deref(), Some("taxi-train-1"));
    assert_eq!(lineage.metrics.get("rmse").map(String::as_str), Some("4.1"));
    stand.wait_for::<DeploymentBinding>("taxi", "Ready", ready).await?;
    stand.apply("DeploymentBinding", "taxi", binding("taxi-2")).await?;
    stand
        .wait_for::<DeploymentBinding>("taxi", "pausing", |b| {
            b.status.as_ref().and_then(|s| s.phase) == Some(Phase::Pausing)
        })
        .await?;
    let done = stand.wait_for::<DeploymentBinding>("taxi", "Ready", ready).await?;
    let status = done.status.ok_or("status")?;
    assert!(status.stable.as_ref().is_some_and(|s| s.deployment.starts_with("v2-")), "{status:?}");
    stand
        .wait_for::<DeploymentBinding>("taxi", "alone", |b| {
            b.status.as_ref().is_some_and(|s| s.deployments.len() == 1)
        })
        .await?;
    Ok(())
}
