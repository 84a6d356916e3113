//! The status: to be trusted by `kubectl wait`, worth a page, and no loss when it is lost.

use azureml_emulator::{Effect, FaultRule};
use bindery::api::{DeploymentBinding, ModelVersion, Outcome as Ended, Registry, Workspace};
use e2e::stand::{Error, Stand, condition, current, ready};
use serde_json::{Value, json};

use crate::taxi::{ENDPOINT, deployment, pausing_at, steps, with};
use crate::{Outcome, taxi};

#[tokio::test(flavor = "multi_thread")]
async fn kubectl_wait_is_to_be_trusted_straight_after_apply_and_edit() -> Outcome {
    let stand = taxi::stand("status-wait").await?;
    let wait = async |what: &[&str]| -> Result<String, Error> {
        let mut arguments = vec!["wait", "--for=condition=Ready", "--timeout=80s"];
        arguments.extend(what);
        stand.kubectl(&arguments).await
    };
    taxi::story(&stand, taxi::binding("taxi-1")).await?;
    wait(&["registry/fares-models"]).await?;
    let accounts = stand.azure_field("registries/fares-models", "/properties/regionDetails/0/acrDetails");
    assert!(accounts.to_string().contains("armResourceId"), "{accounts}");
    wait(&["modelversion/taxi-1"]).await?;
    let path = "registries/fares-models/models/taxi/versions/1";
    assert_eq!(stand.azure_field(path, "/properties/tags/approved"), "yes");
    wait(&["deploymentbinding/taxi"]).await?;
    let traffic = stand.azure_field(ENDPOINT, "/properties/traffic");
    let stable = traffic.as_object().and_then(|t| t.keys().next().cloned()).unwrap_or_default();
    assert_eq!(traffic, json!({stable.as_str(): 100}));
    wait(&["workspace/fares-prod", "workspace/fares-dev"]).await?;

    // An old Ready does not count for a new generation.
    stand.edit::<Registry>("fares-models", json!({"tags": {"team": "rides"}})).await?;
    wait(&["registry/fares-models"]).await?;
    assert_eq!(stand.azure_field("registries/fares-models", "/tags/team"), "rides");
    stand.edit::<ModelVersion>("taxi-1", json!({"tags": {"approved": "again"}})).await?;
    wait(&["modelversion/taxi-1"]).await?;
    assert_eq!(stand.azure_field(path, "/properties/tags/approved"), "again");
    stand.edit::<DeploymentBinding>("taxi", json!({"online": {"deployment": {"instanceCount": 2}}})).await?;
    wait(&["deploymentbinding/taxi"]).await?;
    assert_eq!(stand.azure_field(&deployment(&stable), "/sku/capacity"), 2);
    assert_eq!(stand.azure_field(&deployment(&stable), "/properties/provisioningState"), "Succeeded");
    stand.edit::<DeploymentBinding>("taxi", json!({"model": {"versionRef": {"name": "taxi-2"}}})).await?;
    wait(&["deploymentbinding/taxi"]).await?;
    assert_eq!(stand.azure_field(ENDPOINT, &format!("/properties/traffic/{stable}")), Value::Null);
    for object in taxi::everything(&stand).await? {
        for condition in object["status"]["conditions"].as_array().into_iter().flatten() {
            assert_eq!(condition["observedGeneration"], object["metadata"]["generation"], "{condition}");
        }
    }

    // One page of everything. The columns of each kind are its own.
    let page = stand.kubectl(&["get", "bindery"]).await?;
    let line = |start: &str| -> Vec<String> {
        let found = page.lines().find(|l| l.starts_with(start)).unwrap_or_default();
        found.split_whitespace().map(str::to_string).collect()
    };
    assert_eq!(line("registry.bindery.dev/fares-models ")[1..4], ["eastus", "True", "Succeeded"], "{page}");
    assert_eq!(line("workspace.bindery.dev/fares-prod ")[1..4], ["eastus", "True", "Succeeded"], "{page}");
    let version = line("modelversion.bindery.dev/taxi-2 ");
    let expected = ["fares-models", "taxi", "2", "status-wait/taxi", "Stable", "True", "Succeeded"];
    assert_eq!(version[1..8], expected, "{page}");
    let binding = line("deploymentbinding.bindery.dev/taxi ");
    assert_eq!(binding[1..5], ["fares-prod", "taxi-prod", "taxi-2", "Serving"], "{page}");
    assert!(page.contains("100%") && page.contains("status-wait/taxi"), "{page}");
    let everywhere = stand.kubectl(&["get", "bindery", "--all-namespaces"]).await?;
    assert!(everywhere.contains("status-wait"), "{everywhere}");
    for short in ["amlreg", "amlws", "amlmv", "amlbind"] {
        assert!(stand.kubectl(&["get", short]).await?.contains("True"), "{short}");
    }
    Ok(())
}

/// The status without what says only when: times begin again after a loss.
fn timeless(mut status: Value) -> Value {
    fn strip(value: &mut Value) {
        match value {
            Value::Object(fields) => {
                // What is over is told by nothing but the status.
                let over = ["lastTransitionTime", "since", "startedAt", "tracedAt", "history"];
                fields.retain(|name, _| !over.contains(&name.as_str()));
                fields.values_mut().for_each(strip);
            }
            Value::Array(items) => items.iter_mut().for_each(strip),
            _ => {}
        }
    }
    strip(&mut status);
    // The pause says until when.
    for condition in status["conditions"].as_array_mut().into_iter().flatten() {
        let message = condition["message"].as_str().unwrap_or_default();
        condition["message"] = message.split(", until ").next().unwrap_or_default().into();
    }
    if let Some(conditions) = status["conditions"].as_array_mut() {
        conditions.sort_by_key(|c| c["type"].to_string());
    }
    status
}

async fn statuses(stand: &Stand) -> Result<Vec<(Value, Value)>, Error> {
    let all = taxi::everything(stand).await?;
    Ok(all.into_iter().map(|mut o| (o["metadata"]["name"].take(), timeless(o["status"].take()))).collect())
}

async fn erase_all(stand: &Stand) -> Outcome {
    stand.erase_status::<Registry>("fares-models").await?;
    for name in ["fares-dev", "fares-prod"] {
        stand.erase_status::<Workspace>(name).await?;
    }
    for name in ["taxi-1-dev", "taxi-1", "taxi-2-dev", "taxi-2"] {
        stand.erase_status::<ModelVersion>(name).await?;
    }
    stand.erase_status::<DeploymentBinding>("taxi").await
}

/// Waits until all statuses are these again; says which is not.
async fn all_again(stand: &Stand, before: &[(Value, Value)]) -> Outcome {
    let begun = std::time::Instant::now();
    loop {
        let now = statuses(stand).await?;
        if now == before {
            return Ok(());
        }
        if begun.elapsed() > e2e::stand::PATIENCE {
            let differs = now.iter().zip(before).find(|(now, before)| now != before);
            return Err(format!("not as before: {differs:#?}\n{}", stand.operator.told(20)).into());
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn all_status_erased_is_rebuilt_from_azure_and_a_rollout_is_where_it_was() -> Outcome {
    let mut stand = taxi::stand("status-erased").await?;
    let binding = |version: &str| with(taxi::binding(version), steps(&[(10, "10m"), (50, "1s")]));
    taxi::story(&stand, binding("taxi-1")).await?;
    stand.wait_for::<ModelVersion>("taxi-2", "Ready", ready).await?;
    stand.wait_for::<DeploymentBinding>("taxi", "Ready", ready).await?;
    stand.edit::<DeploymentBinding>("taxi", json!({"model": {"versionRef": {"name": "taxi-2"}}})).await?;
    stand.wait_for::<DeploymentBinding>("taxi", "pausing", pausing_at(10)).await?;
    stand
        .wait_for::<ModelVersion>("taxi-2", "served", |v| {
            v.status
                .as_ref()
                .is_some_and(|s| s.served_by.iter().any(|s| s.role == bindery::api::Role::Candidate))
        })
        .await?;
    let before = statuses(&stand).await?;
    stand.emulator.control().clear_log();

    // While it runs.
    erase_all(&stand).await?;
    all_again(&stand, &before).await?;
    assert_eq!(stand.writes(), Vec::<String>::new());

    // While it does not.
    stand.operator.kill()?;
    erase_all(&stand).await?;
    stand.operator.start()?;
    all_again(&stand, &before).await?;
    assert_eq!(stand.writes(), Vec::<String>::new());

    // And the rollout goes on from there.
    let rest = json!({"strategy": {"steps": [{"setTraffic": 10}, {"setTraffic": 50}]}});
    stand.edit::<DeploymentBinding>("taxi", rest).await?;
    stand.wait_for::<DeploymentBinding>("taxi", "Ready with the second", ready).await?;
    let shares: Vec<Vec<i64>> = stand
        .traffic_written(ENDPOINT)
        .iter()
        .map(|map| map.iter().map(|(_, weight)| *weight).collect())
        .collect();
    assert_eq!(shares, [vec![50, 50], vec![100]]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn ready_says_nothing_of_a_manifest_that_nobody_could_compare() -> Outcome {
    let stand = taxi::stand("status-unread").await?;
    stand.apply("Registry", "fares-models", taxi::registry()).await?;
    stand.wait_for::<Registry>("fares-models", "Ready", ready).await?;
    let busy =
        Effect::Body { status: 503, content_type: "text/html".into(), body: "<html>busy</html>".into() };
    stand.emulator.control().add_fault(FaultRule::on("GET", "/registries/fares-models", busy));
    stand.edit::<Registry>("fares-models", json!({"tags": {"team": "rides"}})).await?;
    let unknown =
        |r: &Registry| current(r) && condition(r, "Ready").is_some_and(|(status, ..)| status == "Unknown");
    stand.wait_for::<Registry>("fares-models", "Unknown", unknown).await?;
    stand.emulator.control().clear_faults();
    stand.wait_for::<Registry>("fares-models", "Ready", ready).await?;
    assert_eq!(stand.azure_field("registries/fares-models", "/tags/team"), "rides");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_asks_for_a_look_gets_one_and_what_failed_is_tried_again() -> Outcome {
    let stand = taxi::stand("status-asked").await?;
    taxi::workspaces(&stand).await?;
    let missing = "/outputs/artifacts/paths/nothing";
    stand.emulator.control().declare_missing_path(missing);
    let spec = with(taxi::from_job("1"), json!({"source": {"job": {"path": "nothing"}}, "interval": "24h"}));
    stand.apply("ModelVersion", "taxi-1-dev", spec).await?;
    stand.wait_reason::<ModelVersion>("taxi-1-dev", "Refused").await?;
    let tries = || stand.requests_on("PUT", "workspaces/fares-dev/models/taxi/versions/1").len();
    let ask = async |token: &str| -> Outcome {
        let annotation = format!("bindery.dev/reconcile={token}");
        stand.kubectl(&["annotate", "--overwrite", "amlmv/taxi-1-dev", &annotation]).await?;
        let answered = |v: &ModelVersion| {
            v.status.as_ref().is_some_and(|s| s.last_handled_reconcile.as_deref() == Some(token))
        };
        stand.wait_for::<ModelVersion>("taxi-1-dev", "answered", answered).await?;
        Ok(())
    };
    let before = tries();
    ask("first").await?;
    stand.wait_until("one more try", |_| tries() == before + 1).await?;
    // An edit of another annotation is no question.
    stand.kubectl(&["annotate", "amlmv/taxi-1-dev", "team=fares"]).await?;
    ask("second").await?;
    stand.wait_until("and one more", |_| tries() == before + 2).await?;
    stand.wait_event("taxi-1-dev", "Warning Refused Reconcile: Bindery could not register taxi:1").await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_events_of_a_rollout_tell_each_deed_and_what_came_of_it() -> Outcome {
    let stand = taxi::stand("status-events").await?;
    let binding = with(
        taxi::binding("taxi-1"),
        json!({"strategy": {"steps": [{"setTraffic": 10}, {"setTraffic": 50}]}}),
    );
    taxi::story(&stand, binding).await?;
    stand.wait_for::<DeploymentBinding>("taxi", "Ready", ready).await?;
    stand.edit::<DeploymentBinding>("taxi", json!({"model": {"versionRef": {"name": "taxi-2"}}})).await?;
    let second = |b: &DeploymentBinding| {
        ready(b)
            && b.status
                .as_ref()
                .and_then(|s| s.history.first())
                .is_some_and(|it| it.version.as_deref() == Some("2"))
    };
    let done = stand.wait_for::<DeploymentBinding>("taxi", "at version 2", second).await?;
    let history = done.status.map(|s| s.history).unwrap_or_default();
    let told: Vec<_> = history.iter().map(|it| (it.version.as_deref(), it.outcome)).collect();
    assert_eq!(told, [(Some("2"), Ended::Promoted), (Some("1"), Ended::Promoted)]);
    assert!(
        history.iter().all(|it| it.started_at <= it.finished_at && it.started_at.is_some()),
        "{history:?}"
    );
    for part in [
        "Normal Progressing CreateDeployment: Bindery asked Azure to create deployment v2-",
        "Normal Succeeded CreateDeployment: Done: create deployment v2-",
        "MoveTraffic: Bindery asked Azure to move 10 % of the traffic to v2-",
        "MoveTraffic: Bindery asked Azure to move 50 % of the traffic to v2-",
        "Promote: Bindery asked Azure to ",
        "Normal Succeeded Promote: Done: ",
    ] {
        stand.wait_event("taxi", part).await?;
    }
    let all = stand.events("taxi").await?;
    assert!(all.iter().all(|it| it.starts_with("Normal ")), "{all:#?}");
    Ok(())
}
