//! The number of instances: what is kept warm has as many as what serves, and going back waits for none.

use bindery::api::{DeploymentBinding, RolloutAction};
use e2e::stand::{Error, Stand, StandOptions, condition, emulator_config, ready};
use serde_json::{Value, json};

use crate::Outcome;
use crate::taxi::{self, deployment, serve, status, with};

fn counted(version: &str, count: i32) -> Value {
    with(taxi::binding(version), json!({"online": {"deployment": {"instanceCount": count}}}))
}

/// The instances that Azure has for a deployment.
fn instances(stand: &Stand, name: &str) -> Value {
    stand.azure_field(&deployment(name), "/sku/capacity")
}

/// What was written and taken, oldest first, in short: `PUT endpoint v1=100`, `PATCH v1 3`.
fn writes(stand: &Stand) -> Vec<String> {
    let control = stand.emulator.control();
    let taken = control.log().filter(|e| {
        ["PUT", "PATCH", "DELETE"].contains(&e.method.as_str())
            && e.status < 300
            && e.path.contains("taxi-prod")
    });
    taken
        .map(|e| {
            let short = |name: &str| name.split('-').next().unwrap_or_default().to_string();
            let body = e.body.clone().unwrap_or_default();
            let name = e.path.rsplit('/').next().unwrap_or_default();
            if e.path.contains("/deployments/") {
                let count =
                    if e.method == "PATCH" { format!(" {}", body["sku"]["capacity"]) } else { String::new() };
                return format!("{} {}{count}", e.method, short(name));
            }
            let traffic = body["properties"]["traffic"].as_object().cloned().unwrap_or_default();
            let said =
                traffic.iter().filter(|(_, w)| **w != 0).map(|(name, w)| format!(" {}={w}", short(name)));
            format!("{} endpoint{}", e.method, said.collect::<String>())
        })
        .collect()
}

/// Version 2 serves with `count` instances, and 1 is kept warm: the names of both.
async fn warm(stand: &Stand, count: i32) -> Result<(String, String), Error> {
    taxi::versions(stand, &["1", "2"]).await?;
    let first = serve(stand, counted("taxi-1", count)).await?;
    let second = serve(stand, counted("taxi-2", count)).await?;
    Ok((first, second))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_the_count_reaches_what_is_kept_warm_and_going_back_is_one_put() -> Outcome {
    let stand = taxi::stand("scaling").await?;
    let (first, second) = warm(&stand, 1).await?;
    let before = writes(&stand).len();
    stand.edit::<DeploymentBinding>("taxi", json!({"online": {"deployment": {"instanceCount": 3}}})).await?;
    stand
        .wait_for::<DeploymentBinding>("taxi", "three each", |b| {
            let all = status(b).deployments;
            ready(b)
                && all.len() == 2
                && all.iter().all(|d| d.instances == Some(3) && d.state.as_deref() == Some("Succeeded"))
        })
        .await?;
    assert_eq!(writes(&stand)[before..], ["PATCH v2 3", "PATCH v1 3"], "first what serves");
    assert_eq!((instances(&stand, &first), instances(&stand, &second)), (json!(3), json!(3)));
    let before = writes(&stand).len();
    let back = serve(&stand, counted("taxi-1", 3)).await?;
    assert_eq!(back, first);
    assert_eq!(writes(&stand)[before..], ["PUT endpoint v1=100"]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_in_git_scales_first_and_says_so() -> Outcome {
    let mut emulator = emulator_config(100.0);
    // Long enough to be seen.
    emulator.durations.deployment_scale = 300.0;
    let options = StandOptions { emulator, ..StandOptions::default() };
    let stand = taxi::stand_with("scaling-git", options).await?;
    let (first, _) = warm(&stand, 2).await?;
    // Somebody has saved money behind Bindery's back.
    stand.change_in_azure(&deployment(&first), &json!({"sku": {"capacity": 1}}))?;
    let before = writes(&stand).len();
    stand.apply("DeploymentBinding", "taxi", counted("taxi-1", 2)).await?;
    stand
        .wait_for::<DeploymentBinding>("taxi", "scaling", |b| {
            condition(b, "Ready").is_some_and(|it| {
                it.2.contains("Azure works on it since")
                    && it.2.contains("from 1 to 2 instances, before it gets all the traffic back")
            })
        })
        .await?;
    stand
        .wait_for::<DeploymentBinding>("taxi", "back", |b| {
            ready(b) && status(b).stable.is_some_and(|s| s.deployment == first)
        })
        .await?;
    assert_eq!(writes(&stand)[before..][..2], ["PATCH v1 2", "PUT endpoint v1=100"]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_moves_the_traffic_first_and_scales_afterwards() -> Outcome {
    let stand = taxi::stand("scaling-rollback").await?;
    let (first, _) = warm(&stand, 2).await?;
    let serving = stand.wait_for::<DeploymentBinding>("taxi", "Ready", ready).await?;
    let revision = status(&serving).stable.and_then(|it| it.revision).ok_or("no revision")?;
    stand.change_in_azure(&deployment(&first), &json!({"sku": {"capacity": 1}}))?;
    let before = writes(&stand).len();
    let spec = json!({"bindingRef": {"name": "taxi"}, "action": "Rollback", "revision": revision, "requestedBy": "ada", "reason": "too dear"});
    stand.apply("RolloutAction", "back", spec).await?;
    stand
        .wait_for::<RolloutAction>("back", "Complete", |a| {
            condition(a, "Complete").is_some_and(|it| it.0 == "True")
        })
        .await?;
    stand
        .wait_for::<DeploymentBinding>("taxi", "two instances", |b| {
            status(b).deployments.iter().any(|d| d.name == first && d.instances == Some(2) && d.weight == 100)
        })
        .await?;
    // A list may lag about what somebody has changed by hand: then the operator learns of it at a later look.
    let begun = std::time::Instant::now();
    while writes(&stand).len() < before + 2 && begun.elapsed() < e2e::stand::PATIENCE {
        let look = format!("bindery.dev/reconcile={}", begun.elapsed().as_millis());
        stand.kubectl(&["annotate", "--overwrite", "amlbind/taxi", &look]).await?;
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    }
    assert_eq!(writes(&stand)[before..], ["PUT endpoint v1=100", "PATCH v1 2"]);
    Ok(())
}
