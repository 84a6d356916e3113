//! A Prometheus that an administrator names, and a rollout that asks it.

use bindery::api::{DeploymentBinding, MeasurementResult, MetricProvider};
use e2e::stand::prometheus::Prometheus;
use e2e::stand::{Error, Stand, StandOptions, condition, ready};
use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};

use crate::{Outcome, taxi};

const TOKEN: &str = "first-secret-token";
const NEXT: &str = "second-secret-token";

async fn secret(stand: &Stand, labels: Value, token: &str) -> Result<(), Error> {
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "prometheus-token", "labels": labels},
        "stringData": {"token": token}});
    let secrets: Api<Secret> = Api::namespaced(stand.client.clone(), &stand.namespace);
    secrets.patch("prometheus-token", &PatchParams::apply("ada").force(), &Patch::Apply(&secret)).await?;
    Ok(())
}

fn provider(prometheus: &Prometheus) -> Value {
    json!({"prometheus": {
        "address": prometheus.address, "caBundle": prometheus.certificate,
        "auth": {"tokenSecretRef": {"name": "prometheus-token", "key": "token"}},
    }})
}

async fn says(stand: &Stand, part: &str) -> Result<(), Error> {
    stand.look_again::<MetricProvider>("prometheus").await?;
    let told = |it: &MetricProvider| condition(it, "Ready").is_some_and(|it| it.2.contains(part));
    stand.wait_for::<MetricProvider>("prometheus", part, told).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollout_asks_the_prometheus_that_an_administrator_names() -> Outcome {
    let stand = taxi::stand("prometheus").await?;
    let prometheus = Prometheus::start(TOKEN).await?;
    taxi::versions(&stand, &["1", "2"]).await?;
    // The way of an administrator, one sentence after the other.
    stand.apply("MetricProvider", "prometheus", provider(&prometheus)).await?;
    let list = format!("list the namespace {} in metricProviders.secretNamespaces", stand.namespace);
    says(&stand, &list).await?;
    stand.let_operator_read_tokens(&stand.namespace).await?;
    says(&stand, "There is no Secret").await?;
    secret(&stand, json!({}), TOKEN).await?;
    says(&stand, "does not have the label bindery.dev/read-for-metrics: \"true\"").await?;
    secret(&stand, json!({"bindery.dev/read-for-metrics": "true"}), TOKEN).await?;
    says(&stand, "Prometheus answers at https://127.0.0.1:").await?;

    let stable = taxi::serve(&stand, taxi::binding("taxi-1")).await?;
    prometheus.record(&stable, 0.02);
    prometheus.record("v2-", 0.025);
    let spec = taxi::with(
        taxi::binding("taxi-2"),
        json!({"strategy": {
            "metrics": [{"name": "errors", "interval": "10s", "max": "0.5", "against": "Stable", "better": "Lower", "tolerance": "0.01",
                "prometheus": {"providerRef": {"name": "prometheus"},
                    "query": "sum(errors{endpoint=\"{{ endpoint }}\", deployment=\"{{ deployment }}\"})"}}],
            "steps": [{"name": "shadow", "mirror": 10}, {"name": "smoke", "analysis": {"metrics": ["errors"]}},
                {"setTraffic": 20}, {"name": "beside", "analysis": {"metrics": ["errors"], "background": true}},
                {"name": "go", "pause": {}}],
        }}),
    );
    stand.apply("DeploymentBinding", "taxi", spec).await?;
    let measured = stand
        .wait_for::<DeploymentBinding>("taxi", "20 %, measured", |b| {
            let candidate = b.status.as_ref().and_then(|s| s.candidate.as_ref());
            candidate.is_some_and(|it| {
                it.weight == 20 && it.metrics.iter().any(|it| it.step == "beside" && it.successful > 0)
            })
        })
        .await?;
    let candidate = measured.status.and_then(|it| it.candidate).ok_or("no candidate")?;
    let last = candidate.measurements.first().ok_or("no measurement")?;
    assert_eq!(
        (last.result, last.value.as_deref(), last.stable.as_deref()),
        (MeasurementResult::Successful, Some("0.025"), Some("0.02"))
    );
    let query = format!(
        "sum%28errors%7Bendpoint%3D%22taxi-prod%22%2C+deployment%3D%22{}%22%7D%29",
        candidate.deployment
    );
    assert!(prometheus.asked().iter().any(|it| it.contains(&query)), "{:?}", prometheus.asked());

    // The token is changed, and the candidate becomes worse: both are seen without anybody touching Bindery.
    prometheus.wants(NEXT);
    secret(&stand, json!({"bindery.dev/read-for-metrics": "true"}), NEXT).await?;
    prometheus.record("v2-", 0.04);
    let failed = stand
        .wait_for::<DeploymentBinding>("taxi", "taken back", |b| {
            condition(b, "Stalled").is_some_and(|it| it.0 == "True" && it.1 == "AnalysisFailed")
        })
        .await?;
    let said = condition(&failed, "Stalled").ok_or("no condition")?.2;
    assert!(
        said.contains(
            "0.04 is worse than it may be: the stable deployment has 0.02, so it has to be at most 0.03."
        ),
        "{said}"
    );
    assert_eq!(stand.azure_field(taxi::ENDPOINT, "/properties/traffic"), json!({stable: 100}));
    says(&stand, "Prometheus answers at").await?;
    stand.wait_for::<MetricProvider>("prometheus", "Ready", ready).await?;
    let log = std::fs::read_to_string(stand.operator.log())?;
    let shown = serde_json::to_string(&failed)?;
    for token in [TOKEN, NEXT] {
        assert!(!log.contains(token) && !shown.contains(token), "a token is shown");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_of_another_namespace_is_asked_only_by_whom_it_lets_in() -> Outcome {
    let platform = "other-prometheus-platform";
    let options = StandOptions { also_watched: vec![platform.into()], ..StandOptions::default() };
    let stand = taxi::stand_with("other-prometheus", options).await?;
    taxi::versions(&stand, &["1", "2"]).await?;
    let closed = json!({"prometheus": {"address": "http://127.0.0.1:9"}});
    stand.apply_in(platform, "MetricProvider", "prometheus", closed).await?;
    let stable = taxi::serve(&stand, taxi::binding("taxi-1")).await?;
    let spec = taxi::with(
        taxi::binding("taxi-2"),
        json!({"strategy": {
            "metrics": [{"name": "up", "interval": "10s", "min": "1", "prometheus": {"query": "up",
                "providerRef": {"name": "prometheus", "namespace": platform}}}],
            "steps": [{"name": "smoke", "analysis": {"metrics": ["up"]}}, {"setTraffic": 20}],
        }}),
    );
    stand.apply("DeploymentBinding", "taxi", spec).await?;
    let missing = format!(
        "There is no MetricProvider {platform}/prometheus, or its allowedNamespaces do not include this namespace."
    );
    stand
        .wait_for::<DeploymentBinding>("taxi", "not let in", |b| {
            condition(b, "Ready").is_some_and(|it| it.1 == "ReferenceNotFound" && it.2.contains(&missing))
        })
        .await?;
    // Nothing is made that could not be measured.
    assert_eq!(stand.azure_field(taxi::ENDPOINT, "/properties/traffic"), json!({stable: 100}));
    // Whoever is let in asks, and hears that nobody listens there.
    let open = json!({"prometheus": {"address": "http://127.0.0.1:9"}, "allowedNamespaces": {"from": "All"}});
    stand.apply_in(platform, "MetricProvider", "prometheus", open).await?;
    stand
        .wait_for::<DeploymentBinding>("taxi", "let in", |b| {
            condition(b, "Ready").is_some_and(|it| it.1 == "Analyzing" && it.2.contains("127.0.0.1"))
        })
        .await?;
    Ok(())
}
