//! A batch job that is started on one deployment, by a request that names the job.

use azureml_emulator::{Effect, RightsEffect, RightsRule};
use bindery::azure::client::Azure;
use bindery::azure::model::resource::{Job, OnlineEndpoint};
use bindery::azure::model::{Action, Call, Class, Error, Invocation, Purpose, Reply, ResourceId};
use serde_json::{Value, json};

use crate::stand::{Stand, put, put_version, sent, workspace};

fn endpoint() -> ResourceId {
    workspace().child("batchEndpoints", "nightly")
}

/// A stand with a batch endpoint on which `blue` is the default and `green` is not, and the endpoint's scoring URI.
async fn stand() -> (Stand, Azure, String) {
    let stand = Stand::new().await;
    let azure = stand.azure();
    sent(&azure, &put_version("1")).await;
    let body = |default: Option<&str>| json!({"location": "eastus", "properties": {"authMode": "AADToken", "defaults": {"deploymentName": default}}});
    sent(&azure, &put(endpoint(), body(None))).await;
    stand.emulator.advance(60.0);
    let model = json!({"referenceType": "Id", "assetId": workspace().model_version("fare", "1").to_string()});
    for name in ["blue", "green"] {
        let body = json!({"location": "eastus", "properties": {"model": model, "compute": "cpu"}});
        sent(&azure, &put(endpoint().child("deployments", name), body)).await;
        stand.emulator.advance(600.0);
    }
    sent(&azure, &put(endpoint(), body(Some("blue")))).await;
    stand.emulator.advance(60.0);
    let found = azure.get::<OnlineEndpoint>(&endpoint()).await.expect("an answer").expect("an endpoint");
    let uri = found.properties.scoring_uri.expect("a scoring URI");
    (stand, azure, uri)
}

async fn start(azure: &Azure, uri: &str, job: &str) -> Result<Reply, Error> {
    let input = json!({"input": {"jobInputType": "UriFolder", "uri": "azureml://datastores/d/paths/sample"}});
    let invocation = Invocation {
        uri: uri.into(),
        deployment: "green".into(),
        job: job.into(),
        body: json!({"properties": {"name": job, "inputData": input}}),
    };
    let action = Action::StartJob(Box::new(invocation));
    azure.send(&Call::new(Purpose::Verify, endpoint(), action, "test")).await
}

async fn job(azure: &Azure, name: &str) -> Option<Job> {
    azure.get(&workspace().child("jobs", name)).await.expect("an answer")
}

#[tokio::test]
async fn a_job_runs_on_the_deployment_that_is_named_and_a_repeated_request_starts_no_second_one() {
    let (stand, azure, uri) = stand().await;
    let reply = start(&azure, &uri, "verify-1").await.expect("a job");
    let told = |reply: &Reply| reply.body.as_ref().map(|body| body["name"].clone());
    assert_eq!((reply.status, told(&reply)), (201, Some(Value::from("verify-1"))));
    let found = job(&azure, "verify-1").await.expect("a job");
    assert_eq!(found.properties.properties["azureml.deploymentname"], "green");
    let again = start(&azure, &uri, "verify-1").await.expect("the same job");
    assert_eq!((again.status, told(&again)), (200, told(&reply)));
    // Whatever the service calls it.
    stand.emulator.control().config.inferred.batch_invocation_names_job = false;
    let named = told(&start(&azure, &uri, "verify-2").await.expect("a job"));
    assert_ne!(named, Some(Value::from("verify-2")));
    assert_eq!(told(&start(&azure, &uri, "verify-2").await.expect("the same job")), named);
    // It is canceled as any job is.
    let cancel = Action::Post("cancel", Value::Null);
    let id = workspace().child("jobs", "verify-1");
    sent(&azure, &Call::new(Purpose::CancelVerification, id, cancel, "test")).await;
    stand.emulator.advance(60.0);
    let status = job(&azure, "verify-1").await.and_then(|job| job.properties.status);
    assert_eq!(status.as_deref(), Some("Canceled"));
}

#[tokio::test]
async fn whether_a_job_may_have_been_started_is_told() {
    let (stand, azure, uri) = stand().await;
    let refuse = |status, code: &str| Effect::Answer {
        status,
        code: code.into(),
        message: "No.".into(),
        headers: [].into(),
    };
    for (effect, class, there) in [
        (Effect::LoseAnswer, Class::Transient, true),
        (Effect::DropBefore, Class::Transient, false),
        (refuse(500, "InternalError"), Class::Transient, false),
        (refuse(400, "BadRequest"), Class::Permanent, false),
        (refuse(404, "NotFound"), Class::NotFound, false),
        (refuse(409, "Conflict"), Class::Conflict, false),
    ] {
        let name = format!("verify-{}", stand.seen("POST", "/batch/"));
        stand.fault("POST", "/batch/", effect);
        let error = start(&azure, &uri, &name).await.expect_err("an error");
        assert_eq!((error.class, error.unsent), (class, false), "{error}");
        assert_eq!(job(&azure, &name).await.is_some(), there, "{error}");
    }
    // A token that nobody has taken yet is replaced once.
    stand.fault("POST", "/batch/", refuse(401, "Unauthorized"));
    let reply = start(&stand.azure(), &uri, "verify-again").await;
    assert_eq!(reply.map(|reply| reply.status), Ok(201));
}

#[tokio::test]
async fn who_may_start_no_job_is_told_what_to_do_and_no_token_goes_elsewhere() {
    let (stand, azure, uri) = stand().await;
    let rule = RightsRule {
        principal: "*".into(),
        scope: String::new(),
        action: "*/batchEndpoints/jobs/write".into(),
        effect: RightsEffect::Deny,
    };
    stand.emulator.control().config.rights = vec![rule];
    let error = start(&azure, &uri, "verify-1").await.expect_err("an error");
    assert_eq!(error.class, Class::Unauthorized);
    assert!(error.to_string().contains("starts no job for us. Give who asks the rights"), "{error}");
    let elsewhere = start(&azure, "https://evil.example/jobs", "verify-2").await.expect_err("an error");
    assert_eq!((elsewhere.class, elsewhere.unsent), (Class::Permanent, true));
    assert!(elsewhere.message.contains("No token was sent there."), "{elsewhere}");
}
