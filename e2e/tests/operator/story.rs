//! The story from beginning to end, as the demo tells it.

use bindery::api::{DeploymentBinding, ModelVersion, Phase, Registry, Workspace};
use e2e::control_plane;
use e2e::stand::{GROUP, SUBSCRIPTION, Stand, StandOptions, ready};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn a_version_goes_from_a_job_to_production() {
    e2e::install_crypto_provider();
    let control_plane = control_plane::shared().await.expect("a control plane");
    let stand = Stand::start(control_plane, "story", StandOptions::default()).await.expect("a stand");
    let azure = json!({"subscriptionId": SUBSCRIPTION, "resourceGroup": GROUP});
    stand
        .apply(
            "Registry",
            "fares-models",
            json!({"azure": azure, "location": "eastus", "tags": {"team": "fares"}}),
        )
        .await
        .expect("accepted");
    stand.apply("Workspace", "fares-dev", json!({"azure": azure})).await.expect("accepted");
    stand
        .apply(
            "Workspace",
            "fares-prod",
            json!({"azure": azure, "tier": "production", "policy": {"requireLineage": true}}),
        )
        .await
        .expect("accepted");
    for n in ["1", "2"] {
        stand.apply("ModelVersion", &format!("taxi-{n}-dev"), json!({
            "workspaceRef": {"name": "fares-dev"}, "model": "taxi", "version": n, "source": {"job": {"name": format!("taxi-train-{n}")}},
        })).await.expect("accepted");
        stand.apply("ModelVersion", &format!("taxi-{n}"), json!({
            "registryRef": {"name": "fares-models"}, "model": "taxi", "version": n, "tags": {"approved": "yes"},
            "source": {"modelVersionRef": {"name": format!("taxi-{n}-dev")}},
        })).await.expect("accepted");
    }
    let binding = |version: &str| {
        json!({
            "workspaceRef": {"name": "fares-prod"}, "model": {"versionRef": {"name": version}},
            "online": {"endpoint": {"name": "taxi-prod"}, "deployment": {"instanceType": "Standard_DS3_v2"}},
            "strategy": {"steps": [{"setTraffic": 10}, {"pause": {"for": "2s"}}, {"setTraffic": 50}, {"pause": {"for": "1s"}}], "keepPrevious": "10s"},
        })
    };
    stand.apply("DeploymentBinding", "taxi", binding("taxi-1")).await.expect("accepted");
    stand.wait_for::<Workspace>("fares-dev", "Ready", ready).await.expect("fares-dev");
    stand.wait_for::<Registry>("fares-models", "Ready", ready).await.expect("fares-models");
    stand.wait_for::<ModelVersion>("taxi-1-dev", "Ready", ready).await.expect("taxi-1-dev");
    let version = stand.wait_for::<ModelVersion>("taxi-1", "Ready", ready).await.expect("taxi-1");
    let lineage = version.status.and_then(|s| s.lineage).expect("lineage");
    assert_eq!(lineage.job.as_deref(), Some("taxi-train-1"));
    assert_eq!(lineage.metrics.get("rmse").map(String::as_str), Some("4.1"));
    stand.wait_for::<DeploymentBinding>("taxi", "Ready", ready).await.expect("taxi");
    stand.apply("DeploymentBinding", "taxi", binding("taxi-2")).await.expect("accepted");
    stand
        .wait_for::<DeploymentBinding>("taxi", "pausing", |b| {
            b.status.as_ref().and_then(|s| s.phase) == Some(Phase::Pausing)
        })
        .await
        .expect("a pause");
    let done = stand.wait_for::<DeploymentBinding>("taxi", "Ready", ready).await.expect("taxi again");
    let status = done.status.expect("status");
    assert!(status.stable.as_deref().is_some_and(|s| s.starts_with("v2-")), "{status:?}");
    println!("{}", serde_json::to_string_pretty(&status).unwrap_or_default());
    stand
        .wait_for::<DeploymentBinding>("taxi", "alone", |b| {
            b.status.as_ref().is_some_and(|s| s.deployments.len() == 1)
        })
        .await
        .expect("the previous one goes");
}
