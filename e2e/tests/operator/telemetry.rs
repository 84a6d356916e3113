//! What the operator says of itself over HTTP: metrics, and what the probes are told.

use std::collections::BTreeSet;
use std::fs;

use bindery::api::DeploymentBinding;
use e2e::stand::{Error, Stand, StandOptions, ready};
use serde_json::json;

use crate::{Outcome, taxi};

/// A stand whose operator serves on a free port.
async fn serving(name: &str, more: &[&str]) -> Result<Stand, Error> {
    let arguments = ["--bind-address=127.0.0.1:0"].iter().chain(more).map(ToString::to_string).collect();
    taxi::stand_with(name, StandOptions { arguments, ..StandOptions::default() }).await
}

/// Where the operator serves, as its log says.
fn address(stand: &Stand) -> Option<String> {
    let log = fs::read_to_string(stand.operator.log()).ok()?;
    let (_, rest) = log.split_once("address=127.0.0.1:")?;
    let port: String = rest.chars().take_while(char::is_ascii_digit).collect();
    Some(format!("http://127.0.0.1:{port}"))
}

async fn get(stand: &Stand, path: &str) -> Result<(u16, String), Error> {
    stand.wait_until("the operator serves", |stand| address(stand).is_some()).await?;
    let address = address(stand).ok_or("no address")?;
    let answer = reqwest::get(format!("{address}{path}")).await?;
    Ok((answer.status().as_u16(), answer.text().await?))
}

/// Asks until the answer has this status.
async fn answers(stand: &Stand, path: &str, status: u16) -> Result<String, Error> {
    let until = tokio::time::Instant::now() + e2e::stand::PATIENCE;
    loop {
        let (found, text) = get(stand, path).await?;
        if found == status {
            return Ok(text);
        }
        if tokio::time::Instant::now() > until {
            return Err(format!("{path} answers {found}: {text}").into());
        }
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
}

/// The value of a sample, given as its line without the value.
fn sample(text: &str, name: &str) -> Option<f64> {
    text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok())
}

/// The families that the documentation has a row for.
fn documented() -> BTreeSet<String> {
    let page = include_str!("../../../docs/guide/metrics.md");
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `"));
    rows.filter_map(|row| Some(row.split_once('`')?.0.split('{').next()?.to_string())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_operator_did_is_told_as_metrics() -> Outcome {
    let stand = serving("telemetry", &[]).await?;
    taxi::story(&stand, taxi::binding("taxi-1")).await?;
    stand.wait_for::<DeploymentBinding>("taxi", "Ready", ready).await?;
    let measured = json!({"strategy": {
        "steps": [{"name": "smoke", "analysis": {"metrics": ["smoke"]}}],
        "metrics": [{"name": "smoke", "consecutiveErrorLimit": 0, "smokeTest": {"cases": [
            {"name": "trip", "request": {"configMapKeyRef": {"name": "trips", "key": "a"}}},
        ]}}],
    }});
    // There is no such ConfigMap: an error of that measurement.
    stand.apply("DeploymentBinding", "taxi", taxi::with(taxi::binding("taxi-2"), measured)).await?;
    stand.wait_reason::<DeploymentBinding>("taxi", "AnalysisFailed").await?;
    stand.change_in_azure(taxi::ENDPOINT, &json!({"tags": {"bindery-traffic": "x=100"}}))?;

    let text = answers(&stand, "/metrics", 200).await?;
    let at_least = |name: &str, least: f64| {
        let found = sample(&text, name).unwrap_or_default();
        assert!(found >= least, "{name} is {found}\n{text}");
    };
    at_least(r#"controller_runtime_reconcile_total{controller="deploymentbinding",result="success"}"#, 1.0);
    at_least(r#"controller_runtime_reconcile_time_seconds_count{controller="modelversion"}"#, 4.0);
    at_least(r#"controller_runtime_max_concurrent_reconciles{controller="registry"}"#, 1.0);
    at_least(r#"workqueue_adds_total{controller="deploymentbinding",name="deploymentbinding"}"#, 2.0);
    at_least(r#"workqueue_queue_duration_seconds_count{controller="workspace",name="workspace"}"#, 2.0);
    at_least(r#"bindery_time_to_ready_seconds_count{kind="DeploymentBinding"}"#, 1.0);
    at_least(r#"bindery_rollouts_total{outcome="Promoted"}"#, 1.0);
    at_least(r#"bindery_rollouts_total{outcome="Failed"}"#, 1.0);
    at_least(r#"bindery_measurements_total{result="Error"}"#, 1.0);
    at_least(r#"bindery_objects{kind="ModelVersion"}"#, 4.0);
    at_least(r#"bindery_azure_tokens_total{outcome="fetched"}"#, 1.0);
    at_least("bindery_leads", 1.0);
    assert!(
        text.contains(r#"bindery_azure_requests_total{purpose="compare",lane="edit",code="200"}"#),
        "{text}"
    );
    assert!(text.contains("bindery_rollout_phase{phase="), "{text}");
    let stalled = r#"bindery_object_conditions{kind="DeploymentBinding",condition="Stalled",status="True",reason="AnalysisFailed"}"#;
    at_least(stalled, 1.0);
    assert!(
        text.contains("bindery_azure_budget_requests{subscription=") && text.ends_with("# EOF\n"),
        "{text}"
    );

    let told: BTreeSet<String> = text
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next())
        .map(ToString::to_string)
        .collect();
    let documented = documented();
    let missing: Vec<_> = told.difference(&documented).collect();
    assert!(missing.is_empty(), "docs/guide/metrics.md has no row for {missing:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_cannot_see_a_namespace_is_not_ready_and_says_so() -> Outcome {
    let stand = serving("telemetry-ready", &[]).await?;
    let listed = answers(&stand, "/readyz?verbose", 200).await?;
    assert!(listed.contains("[+] watch of DeploymentBinding objects in telemetry-ready: ok\n"), "{listed}");
    assert_eq!(answers(&stand, "/readyz", 200).await?, "ok\n");
    assert_eq!(answers(&stand, "/healthz", 200).await?, "ok\n");

    // Its account has no rights there.
    let blind = serving("telemetry-blind", &["--watch-namespaces=telemetry-ready"]).await?;
    stand_says(
        &blind,
        "[-] watch of Registry objects in telemetry-ready: the watch fails, and is tried again: ",
    )
    .await?;
    assert_eq!(answers(&blind, "/healthz", 200).await?, "ok\n", "a restart would not help");
    Ok(())
}

async fn stand_says(stand: &Stand, part: &str) -> Outcome {
    let until = tokio::time::Instant::now() + e2e::stand::PATIENCE;
    loop {
        let said = answers(stand, "/readyz", 503).await?;
        if said.contains(part) && said.contains("forbidden") {
            return Ok(());
        }
        if tokio::time::Instant::now() > until {
            return Err(format!("/readyz does not say {part:?}: {said}").into());
        }
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
}
