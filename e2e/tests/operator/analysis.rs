//! A candidate is measured, and one that answers badly is taken back by its measurements.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use azureml_emulator::{Durations, ScoringRule};
use bindery::api::{
    DeploymentBinding, DeploymentBindingStatus, FailureReason, MeasurementResult, Phase, RunPhase,
};
use e2e::stand::ada::{self, Ada};
use e2e::stand::{Error, Stand, StandOptions, condition, emulator_config, ready};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;
use kube::api::PostParams;
use serde_json::{Value, json};

use crate::{Outcome, taxi};

/// The body of the smoke test, for the candidate to answer.
async fn trips(stand: &Stand) -> Result<(), Error> {
    let trips: ConfigMap = serde_json::from_value(json!({
        "metadata": {"name": "trips"}, "data": {"short.json": "{\"trips\": [{\"miles\": 1.5}]}"},
    }))?;
    Api::namespaced(stand.client.clone(), &stand.namespace).create(&PostParams::default(), &trips).await?;
    Ok(())
}

/// A smoke test that believes no other version than this one.
fn smoke(version: &str) -> Value {
    json!([{
        "name": "smoke", "interval": "10s",
        "smokeTest": {"cases": [{
            "name": "short-trip", "request": {"configMapKeyRef": {"name": "trips", "key": "short.json"}},
            "expect": format!("body.version == '{version}' && latency < 9.0"),
        }]},
    }])
}

fn measured(version: &str, steps: &Value) -> Value {
    let rest = json!({"strategy": {"steps": steps, "metrics": smoke(version)}});
    taxi::with(taxi::binding(&format!("taxi-{version}")), rest)
}

/// Requests of clients, one after the other, until the end of the test: how many, and how many were not answered well.
struct Clients {
    asked: Arc<AtomicU64>,
    failed: Arc<AtomicU64>,
    over: Arc<AtomicBool>,
}

impl Clients {
    async fn of(stand: &Stand, uri: &str) -> Result<Self, Error> {
        let clients = Self { asked: Arc::default(), failed: Arc::default(), over: Arc::default() };
        let ada = Ada::sign_in(&stand.emulator).await?;
        let key = ada.endpoint_key("fares-prod", "taxi-prod").await?;
        let (asked, failed, over) = (clients.asked.clone(), clients.failed.clone(), clients.over.clone());
        let uri = uri.to_string();
        tokio::spawn(async move {
            while !over.load(Ordering::Relaxed) {
                let answer = ada.http.post(&uri).bearer_auth(&key).json(&json!({})).send().await;
                asked.fetch_add(1, Ordering::Relaxed);
                if !answer.is_ok_and(|it| it.status().is_success()) {
                    failed.fetch_add(1, Ordering::Relaxed);
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        Ok(clients)
    }

    fn end(&self) -> (u64, u64) {
        self.over.store(true, Ordering::Relaxed);
        (self.asked.load(Ordering::Relaxed), self.failed.load(Ordering::Relaxed))
    }
}

fn status(binding: &DeploymentBinding) -> Result<&DeploymentBindingStatus, Error> {
    binding.status.as_ref().ok_or_else(|| "no status".into())
}

async fn stand(name: &str) -> Result<Stand, Error> {
    stand_at(name, 100.0).await
}

/// The same, where a second of Azure is so much shorter than one of ours.
async fn stand_at(name: &str, scale: f64) -> Result<Stand, Error> {
    let mut emulator = emulator_config(scale);
    if scale <= 1.0 {
        emulator.durations = Durations::none();
    }
    emulator.clients.push(ada::registration());
    let stand = taxi::stand_with(name, StandOptions { emulator, ..StandOptions::default() }).await?;
    taxi::versions(&stand, &["1", "2"]).await?;
    trips(&stand).await?;
    Ok(stand)
}

/// Version 1 serves, and clients call it.
async fn served(stand: &Stand) -> Result<(String, Clients), Error> {
    let stable = taxi::serve(stand, taxi::binding("taxi-1")).await?;
    let binding = stand.wait_for::<DeploymentBinding>("taxi", "Ready", ready).await?;
    let endpoint = status(&binding)?.endpoint.clone().ok_or("no endpoint")?;
    let clients = Clients::of(stand, &endpoint.scoring_uri.ok_or("no scoring URI")?).await?;
    Ok((stable, clients))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_candidate_that_answers_well_goes_on_and_what_was_measured_stays_in_the_status() -> Outcome {
    let mut stand = stand("measured").await?;
    let (_, clients) = served(&stand).await?;
    let steps = json!([
        {"name": "smoke", "analysis": {"metrics": ["smoke"]}}, {"setTraffic": 20},
        {"name": "watch", "analysis": {"metrics": ["smoke"], "for": "5s"}}, {"setTraffic": 60}, {"pause": {"for": "1s"}},
    ]);
    stand.apply("DeploymentBinding", "taxi", measured("2", &steps)).await?;
    let watched = stand
        .wait_for::<DeploymentBinding>("taxi", "measured at 20 %", |b| {
            let status = b.status.as_ref();
            let candidate = status.and_then(|s| s.candidate.as_ref());
            let good =
                candidate.is_some_and(|c| c.metrics.iter().any(|it| it.step == "watch" && it.successful > 0));
            good && status.and_then(|s| s.phase) == Some(Phase::Analyzing)
        })
        .await?;
    let candidate = status(&watched)?.candidate.clone().ok_or("no candidate")?;
    let run = candidate.metrics.iter().find(|it| it.step == "smoke").ok_or("no run")?;
    assert_eq!((candidate.weight, run.phase, run.successful), (20, RunPhase::Successful, 1));
    let last = candidate.measurements.first().ok_or("no measurement")?;
    assert_eq!((last.metric.as_str(), last.result), ("smoke", MeasurementResult::Successful));
    assert!(last.message.starts_with("Request short-trip was answered 200 in "), "{}", last.message);
    // The operator dies in the middle of it.
    stand.operator.kill()?;
    stand.operator.start()?;
    let done = stand.wait_for::<DeploymentBinding>("taxi", "Ready", ready).await?;
    assert!(status(&done)?.stable.as_ref().is_some_and(|it| it.version.as_deref() == Some("2")));
    let (asked, failed) = clients.end();
    assert!(asked > 50 && failed == 0, "{failed} of {asked} requests failed");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_candidate_that_begins_to_answer_badly_is_taken_back_by_its_measurements() -> Outcome {
    let stand = stand("sick").await?;
    let (stable, clients) = served(&stand).await?;
    let steps = json!([
        {"name": "smoke", "analysis": {"metrics": ["smoke"]}},
        {"name": "beside", "analysis": {"metrics": ["smoke"], "background": true}},
        {"setTraffic": 20}, {"name": "go", "pause": {}},
    ]);
    stand.apply("DeploymentBinding", "taxi", measured("2", &steps)).await?;
    stand
        .wait_for::<DeploymentBinding>("taxi", "20 % of the traffic", |b| {
            b.status.as_ref().and_then(|s| s.candidate.as_ref()).is_some_and(|c| c.weight == 20)
        })
        .await?;
    // From now on it answers something else, though as quickly and with status 200: nothing but its answers tells.
    stand.emulator.control().add_scoring_rule(ScoringRule {
        model: "versions/2".into(),
        answer: Some(json!({"version": "none", "result": ["<html>"]})),
        ..ScoringRule::default()
    });
    let failed = stand
        .wait_for::<DeploymentBinding>("taxi", "taken back", |b| {
            condition(b, "Stalled")
                .is_some_and(|(status, reason, _)| status == "True" && reason == "AnalysisFailed")
        })
        .await?;
    let status = status(&failed)?;
    assert_eq!(status.phase, Some(Phase::Failed));
    assert_eq!(stand.azure_field(taxi::ENDPOINT, "/properties/traffic"), json!({stable.clone(): 100}));
    let entry = status.history.first().ok_or("no history")?;
    assert_eq!(entry.reason, Some(FailureReason::AnalysisFailed));
    let measurement = entry.measurement.as_ref().ok_or("no measurement")?;
    assert_eq!(measurement.step, "beside");
    let said = condition(&failed, "Stalled").ok_or("no condition")?.2;
    let sentence = "Metric smoke of step beside: a measurement was not good enough. The last one: Request short-trip was answered, and expect is not true of the answer.";
    assert!(said.contains(sentence), "{said}");
    assert!(condition(&failed, "Available").is_some_and(|it| it.0 == "True"), "{:?}", failed.status);
    let shown = serde_json::to_string(&failed.status)?;
    assert!(!shown.contains("<html>") && !shown.contains("miles"), "a body is in the status: {shown}");
    let (asked, failed) = clients.end();
    assert!(asked > 50 && failed == 0, "{failed} of {asked} requests failed");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_asked_is_said_and_nothing_rises() -> Outcome {
    let stand = stand("unasked").await?;
    let (stable, clients) = served(&stand).await?;
    let mut spec =
        measured("2", &json!([{"name": "smoke", "analysis": {"metrics": ["smoke"]}}, {"setTraffic": 20}]));
    spec["strategy"]["metrics"][0]["smokeTest"]["cases"][0]["request"]["configMapKeyRef"]["name"] =
        json!("nowhere");
    stand.apply("DeploymentBinding", "taxi", spec).await?;
    let waiting = stand
        .wait_for::<DeploymentBinding>("taxi", "an error", |b| {
            condition(b, "Ready")
                .is_some_and(|it| it.1 == "Analyzing" && it.2.contains("There is no ConfigMap"))
        })
        .await?;
    let said = condition(&waiting, "Ready").ok_or("no condition")?.2;
    let namespace = &stand.namespace;
    assert!(
        said.contains(&format!("Request short-trip: There is no ConfigMap {namespace}/nowhere.")),
        "{said}"
    );
    assert_eq!(stand.azure_field(taxi::ENDPOINT, "/properties/traffic"), json!({stable: 100}));
    assert_eq!(clients.end().1, 0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn time_in_which_a_binding_is_suspended_is_no_measured_time() -> Outcome {
    let stand = stand("unmeasured").await?;
    served(&stand).await?;
    let steps = json!([
        {"setTraffic": 20}, {"name": "watch", "analysis": {"metrics": ["smoke"], "for": "15s"}},
        {"setTraffic": 60}, {"name": "go", "pause": {}},
    ]);
    stand.apply("DeploymentBinding", "taxi", measured("2", &steps)).await?;
    let candidate = |b: &DeploymentBinding| b.status.as_ref().and_then(|s| s.candidate.clone());
    let good =
        |b: &DeploymentBinding| candidate(b).is_some_and(|c| c.metrics.iter().any(|it| it.successful > 0));
    stand.wait_for::<DeploymentBinding>("taxi", "a good measurement", good).await?;
    stand.edit::<DeploymentBinding>("taxi", json!({"suspend": true})).await?;
    let waits = |b: &DeploymentBinding| candidate(b).is_some_and(|c| c.not_measured_since.is_some());
    stand.wait_for::<DeploymentBinding>("taxi", "suspended", waits).await?;
    tokio::time::sleep(Duration::from_secs(15)).await;
    let resumed = std::time::Instant::now();
    stand.edit::<DeploymentBinding>("taxi", json!({"suspend": false})).await?;
    let on = stand.wait_for::<DeploymentBinding>("taxi", "60 % of the traffic", taxi::pausing_at(60)).await?;
    assert!(resumed.elapsed() >= Duration::from_secs(14), "it went on after {:?}", resumed.elapsed());
    assert_eq!(candidate(&on).and_then(|c| c.not_measured_since), None);
    Ok(())
}

/// Azure Monitor tells whole minutes, three minutes late, and the operator goes by the clock of everybody: so Azure's may not run
/// faster here, and the test mostly waits, for some five minutes.
#[tokio::test(flavor = "multi_thread")]
async fn a_number_of_azure_monitor_lets_a_rollout_go_on() -> Outcome {
    let stand = stand_at("monitor", 1.0).await?;
    let (_, clients) = served(&stand).await?;
    let requests = json!({"metric": "RequestsPerMinute"});
    let failed = json!([{"dimension": "statusCodeClass", "values": ["4xx", "5xx"]}]);
    let metrics = json!([{
        "name": "errors", "max": "0.01", "inconclusiveLimit": 2,
        "azureMonitor": {"metric": "RequestsPerMinute", "filter": failed, "dividedBy": requests},
    }]);
    let steps = json!([
        {"setTraffic": 50}, {"name": "watch", "analysis": {"metrics": ["errors"]}}, {"setTraffic": 60}, {"name": "go", "pause": {}},
    ]);
    let spec = taxi::with(taxi::binding("taxi-2"), json!({"strategy": {"steps": steps, "metrics": metrics}}));
    stand.apply("DeploymentBinding", "taxi", spec).await?;
    let analyzing = |b: &DeploymentBinding| b.status.as_ref().and_then(|s| s.phase) == Some(Phase::Analyzing);
    let waits = stand.wait_for::<DeploymentBinding>("taxi", "at the analysis", analyzing).await?;
    let said = condition(&waits, "Ready").ok_or("no condition")?.2;
    assert!(said.contains("errors is measured for the first time at "), "{said}");
    // A minute that begins after the step has begun, that minute, and the three until it is told.
    tokio::time::sleep(Duration::from_secs(255)).await;
    let passed =
        stand.wait_for::<DeploymentBinding>("taxi", "60 % of the traffic", taxi::pausing_at(60)).await?;
    let candidate = status(&passed)?.candidate.clone().ok_or("no candidate")?;
    let run = candidate.metrics.first().ok_or("no run")?;
    assert_eq!((run.phase, run.successful, run.failed), (RunPhase::Successful, 1, 0));
    let measurement = candidate.measurements.first().ok_or("no measurement")?;
    assert_eq!(
        (measurement.result, measurement.value.as_deref()),
        (MeasurementResult::Successful, Some("0"))
    );
    assert_eq!(measurement.message, "0 (at most 0.01).");
    let asked = stand.requests("GET", "/providers/Microsoft.Insights/metrics");
    assert!(
        (2..=6).contains(&asked.len()),
        "a ratio of two, asked for once or until there was a number: {}",
        asked.len()
    );
    assert_eq!(clients.end().1, 0);
    Ok(())
}
