//! Batch endpoints: the default deployment is the switch, and jobs keep running on the old one.

use azureml_emulator::{Durations, Effect, FaultRule};
use bindery::api::{DeploymentBinding, FailureReason, ModelVersion, Outcome as Ended, Phase, Role};
use e2e::stand::ada::{self, Ada};
use e2e::stand::{Error, Stand, StandOptions, azure_id, condition, drifted, emulator_config, ready};
use serde_json::{Value, json};

use crate::Outcome;
use crate::answers::ask;
use crate::taxi::{self, serve, status, with};

const ENDPOINT: &str = "workspaces/fares-prod/batchEndpoints/taxi-nightly";

fn deployment(name: &str) -> String {
    format!("{ENDPOINT}/deployments/{name}")
}

/// A binding of a batch endpoint to a version.
fn batch(version: &str) -> Value {
    json!({
        "workspaceRef": {"name": "fares-prod"}, "model": {"versionRef": {"name": version}},
        "batch": {
            "endpoint": {"name": "taxi-nightly", "tags": {"team": "fares"}},
            "deployment": {
                "compute": azure_id("workspaces/fares-prod/computes/cpu"), "instanceCount": 2,
                "miniBatchSize": 5, "retrySettings": {"maxRetries": 1, "timeout": "1m"},
            },
        },
        "strategy": {"keepPrevious": "2s", "keepFailed": "10m"},
    })
}

/// The deployment that Azure runs jobs on.
fn default(stand: &Stand) -> Value {
    stand.azure_field(ENDPOINT, "/properties/defaults/deploymentName")
}

/// A job that runs until somebody ends it. It says which deployment it is of, as the service may or may not do.
fn runs(stand: &Stand, job: &str, deployment: Option<&str>) -> Outcome {
    let properties = deployment.map_or_else(
        || json!({}),
        |name| json!({"azureml.endpointname": "taxi-nightly", "azureml.deploymentname": name}),
    );
    let path = format!("workspaces/fares-prod/jobs/{job}");
    let body = json!({"properties": {"jobType": "Pipeline", "properties": properties}});
    stand.exists_in_azure(&path, &body)?;
    stand.change_in_azure(&path, &json!({"properties": {"status": "Running"}}))
}

fn ends(stand: &Stand, job: &str) -> Outcome {
    let done = json!({"properties": {"status": "Completed"}});
    stand.change_in_azure(&format!("workspaces/fares-prod/jobs/{job}"), &done)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_endpoint_is_promoted_and_rolled_back_while_a_job_runs() -> Outcome {
    let mut emulator = emulator_config(100.0);
    emulator.clients.push(ada::registration());
    // Jobs end when the test says so.
    emulator.durations.job_run = 1e9;
    let stand = taxi::stand_with("batch", StandOptions { emulator, ..StandOptions::default() }).await?;
    taxi::versions(&stand, &["1", "2", "3"]).await?;
    let first = serve(&stand, batch("taxi-1")).await?;
    assert_eq!(default(&stand), json!(first));
    let made = stand.azure(&deployment(&first)).ok_or("no deployment")?;
    assert_eq!(made["properties"]["resources"]["instanceCount"], 2);
    assert_eq!(made["properties"]["retrySettings"], json!({"maxRetries": 1, "timeout": "PT60S"}));
    let serving = stand.wait_for::<DeploymentBinding>("taxi", "Ready", ready).await?;
    assert_eq!(status(&serving).traffic_summary, Some(format!("{first} (default)")));
    let (_, _, message) = condition(&serving, "Available").unwrap_or_default();
    assert_eq!(message, format!("The default deployment: {first}."));

    // A job runs on the old deployment: the new one is the default at once, and the old one stays.
    let ada = Ada::sign_in(&stand.emulator).await?;
    let nightly = if stand.inferred().batch_jobs_name_deployment {
        ada.invoke("fares-prod", "taxi-nightly").await?
    } else {
        runs(&stand, "nightly-1", Some(&first)).map(|()| "nightly-1".to_string())?
    };
    runs(&stand, "training", None)?;
    let second = serve(&stand, batch("taxi-2")).await?;
    assert_eq!(default(&stand), json!(second));
    let kept = |b: &DeploymentBinding| {
        ready(b) && status(b).deployments.iter().any(|d| d.name == first && d.jobs == [nightly.as_str()])
    };
    let seen = stand.wait_for::<DeploymentBinding>("taxi", "the job", kept).await?;
    let unknown = status(&seen).unknown_jobs.unwrap_or_default();
    assert!(unknown.contains("training"), "{unknown}");
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    stand.look_again::<DeploymentBinding>("taxi").await?;
    assert!(stand.azure(&deployment(&first)).is_some(), "a job runs on it, although keepPrevious has passed");

    // Somebody rolls back meanwhile: one PUT, on which the running job has no bearing.
    let arguments = ["rollback", "taxi", "--yes", "--wait", "--reason", "odd numbers", "--namespace"];
    let answered = ask(&stand.kubeconfig, &[&arguments[..], &[&stand.namespace]].concat()).await?;
    assert_eq!(answered.code, Some(0), "{}", answered.told);
    assert_eq!(default(&stand), json!(first));
    let shown = ask(&stand.kubeconfig, &["status", "taxi", "--namespace", &stand.namespace]).await?;
    assert!(shown.out.contains("default"), "{}", shown.out);
    let held = stand.wait_for::<DeploymentBinding>("taxi", "held", |b| status(b).hold.is_some()).await?;
    assert_eq!(status(&held).history[0].outcome, Ended::RolledBack);

    // The next version lifts the hold. The first deployment goes only when its job has ended.
    let third = serve(&stand, batch("taxi-3")).await?;
    assert_eq!(default(&stand), json!(third));
    stand.wait_until("the second is gone", |stand| stand.azure(&deployment(&second)).is_none()).await?;
    assert!(stand.azure(&deployment(&first)).is_some(), "its job still runs");
    ends(&stand, &nightly)?;
    stand.look_again::<DeploymentBinding>("taxi").await?;
    stand.wait_until("the first is gone", |stand| stand.azure(&deployment(&first)).is_none()).await?;

    let other = json!({"batch": {"endpoint": {"name": "other"}}});
    let refused = stand.edit::<DeploymentBinding>("taxi", other).await.err().map(|error| error.to_string());
    let said = refused.unwrap_or_default();
    assert!(said.contains("endpoint.name cannot be changed"), "{said}");

    // What somebody else makes the default is put back.
    let other = json!({"location": "eastus", "properties": {"compute": "cpu",
        "model": {"referenceType": "Id", "assetId": azure_id("workspaces/fares-prod/models/taxi/versions/1")}}});
    stand.exists_in_azure(&deployment("blue"), &other)?;
    stand
        .wait_until("blue", |stand| {
            stand.azure_field(&deployment("blue"), "/properties/provisioningState") == "Succeeded"
        })
        .await?;
    let moved = json!({"properties": {"defaults": {"deploymentName": "blue"}}});
    stand.change_in_azure(ENDPOINT, &moved)?;
    let before = stand.wait_for::<DeploymentBinding>("taxi", "Ready", |_| true).await?;
    stand.look_again::<DeploymentBinding>("taxi").await?;
    let seen = stand.seen_since(&before, "Drifted", drifted).await?;
    let (_, _, message) = condition(&seen, "Drifted").unwrap_or_default();
    assert!(message.contains("defaults.deploymentName is 'blue' and should be"), "{message}");
    stand.wait_until("the default", |stand| default(stand) == json!(third)).await?;
    assert!(stand.azure(&deployment("blue")).is_some(), "what is not ours stays");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_deployment_that_azure_cannot_make_is_no_default() -> Outcome {
    let stand = taxi::stand("batch-fails").await?;
    taxi::versions(&stand, &["1", "2"]).await?;
    let first = serve(&stand, batch("taxi-1")).await?;
    let puts = stand.requests_on("PUT", ENDPOINT).len();
    assert_eq!(puts, 2, "the endpoint without a default, and then with one");
    let rule = json!({"resource": "batchEndpoints/taxi-nightly/deployments/v2-", "times": 1, "outcome": {"fail": {"code": "ResourceNotReady", "message": "No such cluster."}}});
    stand.emulator.control().add_operation_rule(serde_json::from_value(rule)?);
    let tags = json!({"batch": {"deployment": {"tags": {"team": "fares"}}}});
    stand.apply("DeploymentBinding", "taxi", with(batch("taxi-2"), tags)).await?;
    let failed = |b: &DeploymentBinding| {
        status(b).deployments.iter().any(|d| d.role == Role::Failed) && status(b).candidate.is_none()
    };
    let seen = stand.wait_for::<DeploymentBinding>("taxi", "failed", failed).await?;
    assert_eq!(default(&stand), json!(first));
    let last = &status(&seen).history[0];
    assert_eq!((last.outcome, last.reason), (Ended::Failed, Some(FailureReason::CandidateFailed)));
    let message = stand.wait_reason::<DeploymentBinding>("taxi", "CandidateFailed").await?;
    assert!(message.contains(&format!("{first} is the default deployment.")), "{message}");

    // Deleted: no default, no deployments, no endpoint.
    stand.delete::<DeploymentBinding>("taxi").await?;
    stand.wait_until("no endpoint", |stand| stand.azure(ENDPOINT).is_none()).await?;
    Ok(())
}

/// Two kinds of endpoints have names of their own, and one version may serve both.
#[tokio::test(flavor = "multi_thread")]
async fn one_version_serves_a_batch_endpoint_and_an_online_endpoint() -> Outcome {
    let stand = taxi::stand("batch-both").await?;
    taxi::versions(&stand, &["1"]).await?;
    let same = json!({"batch": {"endpoint": {"name": "taxi-prod"}}});
    stand.apply("DeploymentBinding", "taxi-nightly", with(batch("taxi-1"), same)).await?;
    serve(&stand, taxi::binding("taxi-1")).await?;
    stand.wait_for::<DeploymentBinding>("taxi-nightly", "Ready", ready).await?;
    let both = |version: &ModelVersion| {
        let by = version.status.iter().flat_map(|status| &status.served_by);
        by.filter(|it| it.role == Role::Stable && it.endpoint == "taxi-prod").count() == 2
    };
    stand.wait_for::<ModelVersion>("taxi-1", "served by both", both).await?;
    Ok(())
}

const INPUT: &str = "azureml://datastores/workspaceblobstore/paths/taxi/sample";

/// A binding that verifies each new deployment by a job.
fn verified(version: &str) -> Value {
    with(batch(version), json!({"batch": {"verify": {"input": INPUT, "timeout": "30m"}}}))
}

/// The requests that started jobs.
fn invocations(stand: &Stand) -> usize {
    stand.requests("POST", "/batch/eastus/taxi-nightly/jobs").len()
}

/// Waits until the status tells of a job on the candidate that Azure has; its name, and the candidate's.
async fn verifying(stand: &Stand) -> Result<(String, String), Error> {
    let goes_on = |b: &DeploymentBinding| {
        let status = status(b);
        status.phase == Some(Phase::Verifying)
            && status.verification_jobs.iter().any(|job| !job.given_up && job.status.is_some())
    };
    let seen = stand.wait_for::<DeploymentBinding>("taxi", "verified", goes_on).await?;
    let job = status(&seen).verification_jobs.into_iter().find(|job| !job.given_up).ok_or("no job")?;
    let (_, _, message) = condition(&seen, "Progressing").unwrap_or_default();
    assert!(message.contains(&format!("Job {} verifies {}", job.name, job.deployment)), "{message}");
    Ok((job.name, job.deployment))
}

/// A job comes to this end.
fn ends_as(stand: &Stand, job: &str, end: &str) -> Outcome {
    stand.change_in_azure(
        &format!("workspaces/fares-prod/jobs/{job}"),
        &json!({"properties": {"status": end}}),
    )
}

/// A stand on which jobs end when the test says so.
async fn stand_for_jobs(name: &str) -> Result<Stand, Error> {
    let mut emulator = emulator_config(100.0);
    emulator.clients.push(ada::registration());
    emulator.durations.job_run = 1e9;
    taxi::stand_with(name, StandOptions { emulator, ..StandOptions::default() }).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_deployment_becomes_the_default_when_a_job_has_verified_it() -> Outcome {
    let mut stand = stand_for_jobs("batch-verified").await?;
    taxi::versions(&stand, &["1", "2"]).await?;

    // The first version, too.
    stand.apply("DeploymentBinding", "taxi", verified("taxi-1")).await?;
    let (job, first) = verifying(&stand).await?;
    assert_eq!(default(&stand), Value::Null);
    let made = stand.azure(&format!("workspaces/fares-prod/jobs/{job}")).ok_or("no job")?;
    assert_eq!(made["properties"]["inputs"]["input"], json!({"jobInputType": "uri_folder", "uri": INPUT}));
    let output = made["properties"]["outputs"]["score"]["uri"].as_str().unwrap_or_default();
    assert!(output.contains("/datastores/workspaceblobstore/paths/bindery/"), "{output}");
    ends_as(&stand, &job, "Completed")?;
    let serving = stand.wait_for::<DeploymentBinding>("taxi", "Ready", ready).await?;
    assert_eq!(default(&stand), json!(first));
    let entry = &status(&serving).history[0];
    let verification = entry.verification.as_ref().ok_or("no verification in the history")?;
    assert_eq!((&verification.name, verification.status.as_deref()), (&job, Some("Completed")));

    // The job of the second fails: the first stays, and a person has it tried again by another job.
    stand.apply("DeploymentBinding", "taxi", verified("taxi-2")).await?;
    let (job, second) = verifying(&stand).await?;
    ends_as(&stand, &job, "Failed")?;
    let message = stand.wait_reason::<DeploymentBinding>("taxi", "VerificationFailed").await?;
    assert!(message.contains(&format!("Job {job}, which verified it, failed.")), "{message}");
    assert_eq!(default(&stand), json!(first));
    let retry =
        ["retry", "taxi", "--yes", "--reason", "the sample was wrong", "--namespace", &stand.namespace];
    let answered = ask(&stand.kubeconfig, &retry).await?;
    assert_eq!(answered.code, Some(0), "{}", answered.told);
    let (again, _) = verifying(&stand).await?;
    assert_ne!(again, job);

    // The operator dies while it runs, and finds it again.
    stand.operator.kill()?;
    stand.operator.start()?;
    ends_as(&stand, &again, "Completed")?;
    let serving = stand.wait_for::<DeploymentBinding>("taxi", "Ready", ready).await?;
    assert_eq!(default(&stand), json!(second));
    assert_eq!(invocations(&stand), 3, "one for each try");
    assert_eq!(status(&serving).verification_jobs, vec![]);

    // Back to the first, which needs no job.
    stand.apply("DeploymentBinding", "taxi", verified("taxi-1")).await?;
    stand.wait_until("the first again", |stand| default(stand) == json!(first)).await?;
    assert_eq!(invocations(&stand), 3);
    Ok(())
}

/// Another sample while the job runs: that one is canceled, and the next one is asked for at once.
#[tokio::test(flavor = "multi_thread")]
async fn another_sample_starts_another_job_at_once() -> Outcome {
    let stand = stand_for_jobs("batch-verify-sample").await?;
    taxi::versions(&stand, &["1"]).await?;
    stand.apply("DeploymentBinding", "taxi", verified("taxi-1")).await?;
    let (job, first) = verifying(&stand).await?;
    let another = json!({"batch": {"verify": {"input": format!("{INPUT}-two")}}});
    stand.apply("DeploymentBinding", "taxi", with(verified("taxi-1"), another)).await?;
    let path = format!("workspaces/fares-prod/jobs/{job}");
    stand
        .wait_until("canceled", |stand| stand.azure_field(&path, "/properties/status") == "Canceled")
        .await?;
    stand.wait_until("the request", |stand| invocations(stand) == 2).await?;
    let (next, of) = verifying(&stand).await?;
    assert!(next != job && of == first, "{next} on {of}");
    ends_as(&stand, &next, "Completed")?;
    stand.wait_for::<DeploymentBinding>("taxi", "Ready", ready).await?;
    assert_eq!((default(&stand), invocations(&stand)), (json!(first), 2));
    Ok(())
}

/// A job that does not end in time fails its revision, and is canceled.
#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_takes_too_long_is_canceled_and_fails_its_revision() -> Outcome {
    // The time that a job may take is held against Azure's clock, so that one is not fast here.
    let mut emulator = emulator_config(1.0);
    emulator.clients.push(ada::registration());
    emulator.durations = Durations { job_run: 1e9, ..Durations::none() };
    let options = StandOptions { emulator, ..StandOptions::default() };
    let stand = taxi::stand_with("batch-verify-late", options).await?;
    taxi::versions(&stand, &["1", "2"]).await?;
    let first = serve(&stand, batch("taxi-1")).await?;
    let soon = json!({"batch": {"verify": {"timeout": "1m"}}});
    stand.apply("DeploymentBinding", "taxi", with(verified("taxi-2"), soon)).await?;
    let (job, _) = verifying(&stand).await?;
    let message = stand.wait_reason::<DeploymentBinding>("taxi", "VerificationFailed").await?;
    assert!(message.contains(&format!("Job {job}")) && message.contains("1m"), "{message}");
    assert_eq!(default(&stand), json!(first));
    let path = format!("workspaces/fares-prod/jobs/{job}");
    stand
        .wait_until("canceled", |stand| stand.azure_field(&path, "/properties/status") == "Canceled")
        .await?;
    let found =
        stand.wait_for::<DeploymentBinding>("taxi", "failed", |b| !status(b).history.is_empty()).await?;
    let last = &status(&found).history[0];
    assert_eq!((last.outcome, last.reason), (Ended::Failed, Some(FailureReason::VerificationFailed)));
    assert_eq!(invocations(&stand), 1);
    Ok(())
}

/// The end of a binding waits for no job, and its events name those that go on.
#[tokio::test(flavor = "multi_thread")]
async fn jobs_that_outlive_their_binding_are_named() -> Outcome {
    let stand = stand_for_jobs("batch-outlived").await?;
    taxi::versions(&stand, &["1"]).await?;
    let first = serve(&stand, batch("taxi-1")).await?;
    runs(&stand, "nightly", Some(&first))?;
    stand.delete::<DeploymentBinding>("taxi").await?;
    let said = format!("delete deployment {first}, on which job nightly runs; Azure lets that go on");
    stand.wait_event("taxi", &said).await?;
    stand.wait_until("no endpoint", |stand| stand.azure(ENDPOINT).is_none()).await?;
    assert_eq!(stand.azure_field("workspaces/fares-prod/jobs/nightly", "/properties/status"), "Running");
    Ok(())
}

/// The request has gone out and nobody has heard the answer: there is one job.
#[tokio::test(flavor = "multi_thread")]
async fn killed_between_the_request_for_a_job_and_its_answer_it_starts_one() -> Outcome {
    let mut stand = stand_for_jobs("batch-verify-killed").await?;
    let named = stand.inferred().batch_invocation_names_job || stand.inferred().batch_jobs_name_deployment;
    taxi::versions(&stand, &["1"]).await?;
    stand.emulator.control().add_fault(FaultRule::on("POST", "/batch/", Effect::Delay { millis: 60_000 }));
    stand.apply("DeploymentBinding", "taxi", verified("taxi-1")).await?;
    stand.wait_until("the request", |stand| invocations(stand) == 1).await?;
    stand.operator.kill()?;
    let stored = stand.api::<DeploymentBinding>().get("taxi").await?;
    assert_eq!(status(&stored).verification_jobs.len(), 1, "the intent was stored before the call");
    stand.operator.start()?;
    if named {
        let (job, first) = verifying(&stand).await?;
        ends_as(&stand, &job, "Completed")?;
        stand.wait_for::<DeploymentBinding>("taxi", "Ready", ready).await?;
        assert_eq!(default(&stand), json!(first));
    } else {
        // Nobody can tell whose a job is that has another name and does not say what it is of.
        let said = |b: &DeploymentBinding| {
            condition(b, "Ready")
                .is_some_and(|it| it.1 == "Verifying" && it.2.contains("does not show it yet"))
        };
        stand.wait_for::<DeploymentBinding>("taxi", "waits", said).await?;
    }
    assert_eq!(invocations(&stand), 1);
    Ok(())
}

/// What is given up while its job runs: the job is canceled, and the deployment goes when it has ended.
#[tokio::test(flavor = "multi_thread")]
async fn the_job_of_a_rollout_that_is_given_up_is_canceled() -> Outcome {
    let stand = stand_for_jobs("batch-verify-given-up").await?;
    taxi::versions(&stand, &["1", "2", "3"]).await?;
    let first = serve(&stand, batch("taxi-1")).await?;
    stand.apply("DeploymentBinding", "taxi", verified("taxi-2")).await?;
    let (job, second) = verifying(&stand).await?;
    stand.apply("DeploymentBinding", "taxi", verified("taxi-3")).await?;
    let path = format!("workspaces/fares-prod/jobs/{job}");
    stand
        .wait_until("canceled", |stand| stand.azure_field(&path, "/properties/status") == "Canceled")
        .await?;
    stand.wait_until("the second is gone", |stand| stand.azure(&deployment(&second)).is_none()).await?;

    // A person promotes the third past its job.
    let (_, third) = verifying(&stand).await?;
    assert_eq!(default(&stand), json!(first));
    let promote = ["promote", "taxi", "--full", "--yes", "--wait", "--namespace", &stand.namespace];
    let answered = ask(&stand.kubeconfig, &promote).await?;
    assert_eq!(answered.code, Some(0), "{}", answered.told);
    assert_eq!(default(&stand), json!(third));
    let told = |b: &DeploymentBinding| status(b).history[0].skipped == ["verification"];
    stand.wait_for::<DeploymentBinding>("taxi", "skipped", told).await?;
    Ok(())
}
