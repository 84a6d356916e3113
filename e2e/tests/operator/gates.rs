//! Versions that are measured before they serve: against numbers, against what serves now, and by the workspace's own bounds.
//!
//! The story's jobs have an rmse of 4.1, 3.7 and 3.6.

use bindery::api::{DeploymentBinding, GateReason, ModelVersion, Workspace};
use e2e::stand::{Error, Stand, StandOptions, condition, emulator_config, job, ready};
use serde_json::{Value, json};

use crate::taxi::{ENDPOINT, created, serve, status, with};
use crate::{Outcome, taxi};

/// Better than what the binding serves.
fn best() -> Value {
    json!({"name": "best", "metric": "rmse", "against": {"bindingRef": {"name": "taxi"}}, "better": "Lower"})
}

/// The policy of the workspace.
async fn ask(stand: &Stand, gates: Value) -> Outcome {
    let spec = json!({"azure": taxi::azure(), "policy": {"gates": gates}});
    stand.apply("Workspace", "fares-prod", spec).await
}

/// The versions 1 to 3 in the registry, each with this gate.
async fn versions(stand: &Stand, gate: &Value) -> Outcome {
    stand.apply("Registry", "fares-models", taxi::registry()).await?;
    stand.apply("Workspace", "fares-dev", json!({"azure": taxi::azure()})).await?;
    for n in ["1", "2", "3"] {
        stand.apply("ModelVersion", &format!("taxi-{n}-dev"), taxi::from_job(n)).await?;
        let gated = with(taxi::promoted(n), json!({"gates": [gate]}));
        stand.apply("ModelVersion", &format!("taxi-{n}"), gated).await?;
    }
    for n in ["1", "2", "3"] {
        stand.wait_for::<ModelVersion>(&format!("taxi-{n}"), "Ready", ready).await?;
    }
    Ok(())
}

/// Waits until version `n` shows its gate so: whether it passes, why, and against what bound.
async fn wait_measured(
    stand: &Stand,
    n: &str,
    passed: bool,
    reason: GateReason,
    bound: &str,
) -> Result<ModelVersion, Error> {
    let what = format!("measured {passed} {reason:?} {bound}");
    let measured = |it: &ModelVersion| {
        let gates = it.status.iter().flat_map(|status| &status.gates);
        gates.into_iter().any(|g| g.passed == passed && g.reason == reason && g.bound.contains(bound))
    };
    stand.wait_for::<ModelVersion>(&format!("taxi-{n}"), &what, measured).await
}

async fn bind(stand: &Stand, n: &str) -> Outcome {
    let version = json!({"model": {"versionRef": {"name": format!("taxi-{n}")}}});
    stand.edit::<DeploymentBinding>("taxi", version).await?;
    Ok(())
}

/// Waits until this version has all the traffic.
async fn wait_served(stand: &Stand, n: &str) -> Result<DeploymentBinding, Error> {
    let serves =
        |b: &DeploymentBinding| ready(b) && status(b).stable.and_then(|s| s.version).as_deref() == Some(n);
    stand.wait_for::<DeploymentBinding>("taxi", &format!("version {n} served"), serves).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_has_to_beat_what_serves_and_going_back_is_free() -> Outcome {
    let stand = taxi::stand("gates-champion").await?;
    ask(&stand, json!({"require": ["best"]})).await?;
    versions(&stand, &best()).await?;
    // Nobody knows what a binding serves that is not there.
    wait_measured(&stand, "1", false, GateReason::NoBinding, "").await?;
    serve(&stand, taxi::binding("taxi-1")).await?;
    wait_measured(&stand, "1", true, GateReason::NoChampion, "").await?;
    // The others are measured again as soon as there is a champion.
    let two = wait_measured(&stand, "2", true, GateReason::WithinBound, "at most 4.1 (taxi:1,").await?;
    assert_eq!(two.status.and_then(|s| s.gates_summary).as_deref(), Some("1 of 1"));
    bind(&stand, "3").await?;
    let binding = wait_served(&stand, "3").await?;
    let lines = status(&binding).admission;
    assert!(
        lines.iter().any(|it| it.rule == "Gate/best" && it.admitted && it.found == "rmse 3.6"),
        "{lines:?}"
    );
    // Version 2 is worse than that. Version 3 is not held against itself.
    wait_measured(&stand, "2", false, GateReason::OutOfBound, "at most 3.6 (taxi:3,").await?;
    wait_measured(&stand, "3", true, GateReason::WithinBound, "at most 4.1").await?;
    bind(&stand, "2").await?;
    let message = stand.wait_reason::<DeploymentBinding>("taxi", "GateNotPassed").await?;
    assert!(message.contains("rmse is 3.7, and has to be at most 3.6"), "{message}");
    assert_eq!(created(&stand).len(), 2, "nothing is made for what is refused");
    // Version 1 is worse than both; but it was stable here, and so one may go back to it.
    bind(&stand, "1").await?;
    let binding = wait_served(&stand, "1").await?;
    let served: Vec<_> = status(&binding).history.into_iter().filter_map(|it| it.asset_id).collect();
    assert!(served.iter().any(|asset| asset.ends_with("/versions/3")), "{served:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bound_of_the_place_holds_whatever_a_team_sets_itself() -> Outcome {
    let stand = taxi::stand("gates-place").await?;
    ask(&stand, json!({"require": ["bound"]})).await?;
    let strict = json!({"name": "bound", "metric": "rmse", "max": "3.0"});
    versions(&stand, &strict).await?;
    stand.apply("DeploymentBinding", "taxi", taxi::binding("taxi-1")).await?;
    let message = stand.wait_reason::<DeploymentBinding>("taxi", "GateNotPassed").await?;
    assert!(message.contains("rmse is 4.1, and has to be at most 3.0"), "{message}");
    // The team loosens its own gate: it passes by name, and everybody can see that.
    let loose = json!({"gates": [{"name": "bound", "metric": "rmse", "max": "9"}]});
    stand.edit::<ModelVersion>("taxi-1", loose.clone()).await?;
    wait_served(&stand, "1").await?;
    let event = stand.wait_event("taxi-1", "was loosened").await?;
    assert!(
        event.contains("GateLoosened") && event.contains("from rmse at most 3.0 to rmse at most 9"),
        "{event}"
    );
    // A bound that the platform sets itself holds.
    ask(
        &stand,
        json!({"require": ["bound"], "define": [{"name": "bound", "metric": "rmse", "max": "3.65"}]}),
    )
    .await?;
    stand.edit::<ModelVersion>("taxi-2", loose).await?;
    wait_measured(&stand, "2", true, GateReason::WithinBound, "at most 9").await?;
    bind(&stand, "2").await?;
    let refused = |b: &DeploymentBinding| {
        condition(b, "Ready").is_some_and(|(_, _, m)| m.contains("rmse is 3.7, and has to be at most 3.65"))
    };
    stand.wait_for::<DeploymentBinding>("taxi", "refused by the place", refused).await?;
    let first = created(&stand).pop().ok_or("a deployment")?;
    assert_eq!(stand.azure_field(ENDPOINT, &format!("/properties/traffic/{first}")), 100);
    bind(&stand, "3").await?;
    wait_served(&stand, "3").await?;
    // A metric that was never logged.
    ask(&stand, json!({"define": [{"name": "drift", "metric": "--psi", "max": "1"}]})).await?;
    stand.wait_for::<Workspace>("fares-prod", "Ready", ready).await?;
    bind(&stand, "2").await?;
    let missing = |b: &DeploymentBinding| {
        condition(b, "Ready")
            .is_some_and(|(_, _, m)| m.contains("Job taxi-train-2 has logged no metric --psi"))
    };
    stand.wait_for::<DeploymentBinding>("taxi", "refused for a missing metric", missing).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pipelines_around_a_job_are_told() -> Outcome {
    let mut emulator = emulator_config(100.0);
    let job = |n: u32, parent: Option<u32>| {
        let parent = parent.map(|n| ("mlflow.parentRunId".to_string(), format!("taxi-train-{n}")));
        let mut job = job(n, 3.5);
        job.properties.extend(parent);
        job
    };
    // Job 11 is a step of 12, and that one of 13, whose data is an asset.
    let mut outermost = job(13, None);
    let uri = "azureml://locations/eastus/workspaces/fares-dev/data/trips/versions/4";
    outermost.inputs = [("trips".to_string(), json!({"jobInputType": "uri_folder", "uri": uri}))].into();
    emulator.exists.workspaces[0].jobs = vec![job(11, Some(12)), job(12, Some(13)), outermost];
    let stand =
        taxi::stand_with("gates-pipelines", StandOptions { emulator, ..StandOptions::default() }).await?;
    stand.apply("Workspace", "fares-dev", json!({"azure": taxi::azure()})).await?;
    stand.apply("ModelVersion", "taxi-11-dev", taxi::from_job("11")).await?;
    let version = stand.wait_for::<ModelVersion>("taxi-11-dev", "Ready", ready).await?;
    let lineage = version.status.and_then(|s| s.lineage).ok_or("lineage")?;
    assert_eq!(lineage.pipelines, ["taxi-train-12", "taxi-train-13"]);
    let trips = lineage.datasets.iter().find(|it| it.name == "trips").ok_or("the pipeline's data")?;
    assert_eq!((trips.version.as_deref(), trips.pipeline.as_deref()), (Some("4"), Some("taxi-train-13")));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn job_and_run_are_read_once_and_what_a_promotion_asks_for_is_kept() -> Outcome {
    let mut emulator = emulator_config(100.0);
    let mut many = job(11, 3.5);
    many.metrics.extend((0..60).map(|n| (format!("metric-{n:02}"), json!(n))));
    emulator.exists.workspaces[0].jobs = vec![many];
    let stand = taxi::stand_with("gates-once", StandOptions { emulator, ..StandOptions::default() }).await?;
    stand.apply("Workspace", "fares-dev", json!({"azure": taxi::azure()})).await?;
    stand.apply("Registry", "fares-models", taxi::registry()).await?;
    let asks = |metric: &str| json!({"gates": [{"name": "g", "metric": metric, "max": "99"}]});
    stand.apply("ModelVersion", "taxi-11-dev", with(taxi::from_job("11"), asks("nope"))).await?;
    stand.wait_for::<ModelVersion>("taxi-11-dev", "Ready", ready).await?;
    let reads = || {
        let of = |path: &str| stand.requests("GET", path).len();
        (of("/jobs/taxi-train-11"), of("/mlflow/runs/get"))
    };
    let look = async || -> Outcome {
        let before = stand.api::<ModelVersion>().get("taxi-11-dev").await?;
        let before = before.status.and_then(|it| it.last_handled_reconcile);
        stand.look_again::<ModelVersion>("taxi-11-dev").await?;
        let answered =
            |v: &ModelVersion| v.status.as_ref().is_some_and(|it| it.last_handled_reconcile != before);
        stand.wait_for::<ModelVersion>("taxi-11-dev", "looked at", answered).await?;
        Ok(())
    };
    look().await?;
    let known = reads();
    for _ in 0..3 {
        look().await?;
    }
    assert_eq!(reads(), known, "a gate names a metric that was never logged");
    // The promotion has a gate on a metric that was left out.
    stand.apply("ModelVersion", "taxi-11", with(taxi::promoted("11"), asks("rmse"))).await?;
    let passes =
        |v: &ModelVersion| v.status.as_ref().is_some_and(|it| it.gates.iter().any(|gate| gate.passed));
    stand.wait_for::<ModelVersion>("taxi-11", "measured", passes).await?;
    assert_eq!(reads().1, known.1 + 1, "the run is read once more for it");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipelines_flag_a_value_that_is_no_number_and_all_that_has_served_decide_too() -> Outcome {
    let mut emulator = emulator_config(100.0);
    let job = |n: u32, rmse: f64, deploy: u32, loss: Value| {
        let mut job = job(n, rmse);
        job.metrics.extend([("deploy".to_string(), json!(deploy)), ("loss".to_string(), loss)]);
        job
    };
    // Version 1 is the best and 2 the worst; 3 is better than 2 only. The pipeline of 2 said at first that nobody is to deploy it.
    emulator.exists.workspaces[0].jobs =
        vec![job(1, 3.5, 1, json!(0.1)), job(2, 4.0, 0, json!(0.1)), job(3, 3.8, 1, json!("NaN"))];
    let stand = taxi::stand_with("gates-all", StandOptions { emulator, ..StandOptions::default() }).await?;
    let flag = json!({"name": "deploy-flag", "metric": "deploy", "min": "1"});
    ask(&stand, json!({"define": [flag]})).await?;
    let finite = json!({"name": "finite", "metric": "loss", "max": "1"});
    versions(&stand, &finite).await?;
    wait_measured(&stand, "3", false, GateReason::NotANumber, "at most 1").await?;
    serve(&stand, taxi::binding("taxi-1")).await?;
    wait_served(&stand, "1").await?;
    let refused = async |n: &str, why: &str| -> Outcome {
        bind(&stand, n).await?;
        let said = |b: &DeploymentBinding| {
            condition(b, "Ready").is_some_and(|(_, reason, m)| reason == "GateNotPassed" && m.contains(why))
        };
        stand.wait_for::<DeploymentBinding>("taxi", why, said).await?;
        Ok(())
    };
    refused("2", "deploy is 0, and has to be at least 1").await?;
    // Nobody asks for the flag any more, so the worst one serves, and the best one has served.
    ask(&stand, json!({"require": ["finite"]})).await?;
    wait_served(&stand, "2").await?;
    refused("3", "loss is ").await?;
    let worse = |scope: &str| {
        let against = json!({"scope": scope});
        json!({"define": [{"name": "no-worse", "metric": "rmse", "against": against, "better": "Lower"}]})
    };
    ask(&stand, worse("History")).await?;
    refused("3", "has to be at most 3.5 (taxi:1, which this binding has served, has 3.5)").await?;
    assert_eq!(created(&stand).len(), 2, "nothing is made for what is refused");
    // Of what serves now, it is better.
    ask(&stand, worse("Stable")).await?;
    wait_served(&stand, "3").await?;
    Ok(())
}
