//! The keys of an endpoint in a Secret of the binding's namespace.

use std::collections::BTreeMap;

use azureml_emulator::{Principal, Request};
use bindery::api::DeploymentBinding;
use e2e::stand::{Error, Stand, azure_id, condition, ready};
use k8s_openapi::api::core::v1::Secret;
use kube::api::{Api, DeleteParams, Patch, PatchParams};
use kube::{Resource, ResourceExt};
use serde_json::json;

use crate::Outcome;
use crate::taxi::{self, ENDPOINT, serve, with};

const NAME: &str = "taxi-keys";

fn keyed(version: &str) -> serde_json::Value {
    with(taxi::binding(version), json!({"online": {"endpoint": {"keysSecret": {"name": NAME}}}}))
}

async fn secret(stand: &Stand, name: &str) -> Result<Option<Secret>, Error> {
    Ok(stand.api::<Secret>().get_opt(name).await?)
}

/// What is in the Secret, as text.
async fn data(stand: &Stand) -> Result<BTreeMap<String, String>, Error> {
    let found = secret(stand, NAME).await?.ok_or("there is no Secret")?.data.unwrap_or_default();
    let text = |(key, value): (String, k8s_openapi::ByteString)| Ok((key, String::from_utf8(value.0)?));
    found.into_iter().map(text).collect()
}

/// The garbage collector of Kubernetes looks for kinds that are new to it every 30 s.
async fn wait_for_no_secret(stand: &Stand) -> Result<(), Error> {
    let begun = std::time::Instant::now();
    while secret(stand, NAME).await?.is_some() {
        if begun.elapsed().as_secs() > 90 {
            return Err("the Secret stays".into());
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    Ok(())
}

/// A person changes a key in Azure. The answer is the key as it is then.
async fn rotate(stand: &Stand, which: &str, value: &str) -> Result<(), Error> {
    let target = format!("{}/regenerateKeys?api-version=2025-09-01", azure_id(ENDPOINT));
    let body = json!({"keyType": which, "keyValue": value});
    let status = {
        let mut core = stand.emulator.control();
        let now = core.now();
        core.handle(now, &Principal::application("ada"), &Request::post(&target, &body)).status
    };
    assert_eq!(status, 202);
    stand
        .wait_until("the key is replaced", |stand| {
            let mut core = stand.emulator.control();
            let now = core.now();
            let target = format!("{}/listKeys?api-version=2025-09-01", azure_id(ENDPOINT));
            let request = Request::post(&target, &json!({}));
            core.handle(now, &Principal::application("ada"), &request).value().to_string().contains(value)
        })
        .await
}

/// How often the operator has asked for the keys.
fn asked(stand: &Stand) -> usize {
    stand.requests("POST", "/listKeys").iter().filter(|it| !it.principal.contains("ada")).count()
}

async fn says(stand: &Stand, reason: &str, part: &str) -> Result<(), Error> {
    stand.look_again::<DeploymentBinding>("taxi").await?;
    stand
        .wait_for::<DeploymentBinding>("taxi", part, |b| {
            condition(b, "Stalled").is_some_and(|it| it.1 == reason && it.2.contains(part))
        })
        .await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_keys_of_an_endpoint_stand_in_a_secret_and_follow_azure() -> Outcome {
    let stand = taxi::stand("keys").await?;
    taxi::versions(&stand, &["1"]).await?;
    // The chart does not name the namespace: what serves is served, and the sentence says what is missing.
    stand.apply("DeploymentBinding", "taxi", keyed("taxi-1")).await?;
    let list = format!("list the namespace {} in endpointKeys.namespaces", stand.namespace);
    says(&stand, "SecretNotAllowed", &list).await?;
    assert_eq!(asked(&stand), 0, "no key is read for a Secret that cannot be written");
    stand.let_operator_write_keys(&stand.namespace).await?;
    stand.look_again::<DeploymentBinding>("taxi").await?;
    let serving = stand.wait_for::<DeploymentBinding>("taxi", "Ready", ready).await?;
    let made = secret(&stand, NAME).await?.ok_or("no Secret")?;
    assert_eq!(made.labels()["bindery.dev/endpoint-keys"], "taxi");
    assert_eq!(made.owner_references()[0].uid, serving.uid().unwrap_or_default());
    assert_eq!(made.type_.as_deref(), Some("Opaque"));
    let first = data(&stand).await?;
    assert_eq!(first.keys().collect::<Vec<_>>(), ["primaryKey", "scoringUri", "secondaryKey"]);
    assert_eq!(first["scoringUri"], stand.azure_field(ENDPOINT, "/properties/scoringUri"));
    stand.wait_event("taxi", "write the keys of the endpoint taxi-prod into the Secret taxi-keys").await?;

    // A key is changed in Azure, and the Secret follows with the next look.
    rotate(&stand, "Primary", "rotated-primary-key").await?;
    stand.look_again::<DeploymentBinding>("taxi").await?;
    let status = |b: &DeploymentBinding| b.status.as_ref().and_then(|s| s.keys_secret.clone());
    let before = status(&serving);
    stand
        .wait_for::<DeploymentBinding>("taxi", "the rotated key", |b| ready(b) && status(b) != before)
        .await?;
    let second = data(&stand).await?;
    assert_eq!(second["primaryKey"], "rotated-primary-key");
    assert_eq!(second["secondaryKey"], first["secondaryKey"]);

    // Nothing but the Secret shows a key.
    let shown = serde_json::to_string(&stand.api::<DeploymentBinding>().get("taxi").await?)?;
    let told = stand.events("taxi").await?.join("\n");
    let log = std::fs::read_to_string(stand.operator.log())?;
    for key in [&first["primaryKey"], &first["secondaryKey"], &second["primaryKey"]] {
        assert!(!shown.contains(key) && !told.contains(key) && !log.contains(key), "a key is shown");
    }

    // Observed and suspended, nobody asks for keys.
    for edit in [json!({"suspend": true}), json!({"suspend": false, "management": "Observe"})] {
        stand.edit::<DeploymentBinding>("taxi", edit).await?;
        stand
            .wait_for::<DeploymentBinding>("taxi", "seen", |b| {
                b.status.as_ref().map(|s| s.observed_generation) == b.meta().generation
            })
            .await?;
        let before = asked(&stand);
        let seen = stand.api::<DeploymentBinding>().get("taxi").await?;
        stand.look_again::<DeploymentBinding>("taxi").await?;
        stand.seen_since(&seen, "looked", |_| true).await?;
        assert_eq!(asked(&stand), before);
    }
    stand.edit::<DeploymentBinding>("taxi", json!({"management": "Manage"})).await?;
    stand.wait_for::<DeploymentBinding>("taxi", "Ready", ready).await?;

    // The field goes, and the Secret with it; it comes back, and goes with the binding.
    stand.edit::<DeploymentBinding>("taxi", json!({"online": {"endpoint": {"keysSecret": null}}})).await?;
    wait_for_no_secret(&stand).await?;
    stand.wait_for::<DeploymentBinding>("taxi", "Ready without", |b| ready(b) && status(b).is_none()).await?;
    serve(&stand, keyed("taxi-1")).await?;
    assert_eq!(data(&stand).await?["primaryKey"], "rotated-primary-key");
    stand.delete_and_wait::<DeploymentBinding>("taxi").await?;
    wait_for_no_secret(&stand).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_of_somebody_else_is_left_alone() -> Outcome {
    let stand = taxi::stand("keys-foreign").await?;
    stand.let_operator_write_keys(&stand.namespace).await?;
    taxi::versions(&stand, &["1"]).await?;
    let theirs = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": NAME}, "stringData": {"password": "theirs"}});
    let secrets: Api<Secret> = stand.api();
    secrets.patch(NAME, &PatchParams::apply("ada"), &Patch::Apply(&theirs)).await?;
    let before = secret(&stand, NAME).await?;
    stand.apply("DeploymentBinding", "taxi", keyed("taxi-1")).await?;
    let message = stand.wait_reason::<DeploymentBinding>("taxi", "SecretNotOurs").await?;
    let expected = format!(
        "The Secret {}/{NAME} is there without the label bindery.dev/endpoint-keys: taxi, so Bindery leaves it as it is.",
        stand.namespace
    );
    assert!(message.contains(&expected), "{message}");
    assert_eq!(asked(&stand), 0);
    // The version serves all the same.
    let serving = stand.api::<DeploymentBinding>().get("taxi").await?;
    assert!(condition(&serving, "Available").is_some_and(|it| it.0 == "True"));
    // Neither the field's end nor the binding's takes it away.
    stand.edit::<DeploymentBinding>("taxi", json!({"online": {"endpoint": {"keysSecret": null}}})).await?;
    stand.wait_for::<DeploymentBinding>("taxi", "Ready without", ready).await?;
    assert_eq!(secret(&stand, NAME).await?, before);
    stand.apply("DeploymentBinding", "taxi", keyed("taxi-1")).await?;
    stand.wait_reason::<DeploymentBinding>("taxi", "SecretNotOurs").await?;
    // Once its owner removes it, Bindery makes its own.
    secrets.delete(NAME, &DeleteParams::default()).await?;
    stand.look_again::<DeploymentBinding>("taxi").await?;
    stand.wait_for::<DeploymentBinding>("taxi", "Ready", ready).await?;
    assert_eq!(data(&stand).await?.len(), 3);
    // Where the right is taken away, the binding goes all the same and says what it leaves to Kubernetes.
    stand.let_operator_write_no_keys(&stand.namespace).await?;
    says(&stand, "SecretNotAllowed", "endpointKeys.namespaces").await?;
    stand.delete_and_wait::<DeploymentBinding>("taxi").await?;
    stand.wait_event("taxi", "could not remove the Secret taxi-keys").await?;
    // Kubernetes removes it, because the binding owned it.
    wait_for_no_secret(&stand).await
}

/// The keys are asked for in the same edit as something that is done first.
#[tokio::test(flavor = "multi_thread")]
async fn keys_that_are_asked_for_with_another_change_are_written_after_it() -> Outcome {
    let stand = taxi::stand("keys-with-another").await?;
    stand.let_operator_write_keys(&stand.namespace).await?;
    taxi::versions(&stand, &["1"]).await?;
    serve(&stand, taxi::binding("taxi-1")).await?;
    let autoscale = json!({"minInstances": 1, "maxInstances": 3, "cpuPercent": 70});
    let both = json!({"online": {"endpoint": {"keysSecret": {"name": NAME}},
        "deployment": {"instanceCount": null, "autoscale": autoscale}}});
    stand.edit::<DeploymentBinding>("taxi", both).await?;
    let written =
        |b: &DeploymentBinding| taxi::status(b).keys_secret.is_some_and(|it| it.written_at.is_some());
    stand.wait_for::<DeploymentBinding>("taxi", "the keys written", written).await?;
    assert!(data(&stand).await?.contains_key("primaryKey"), "{:?}", data(&stand).await?.keys());
    Ok(())
}

/// The manifest names another Secret: the earlier one goes as soon as that is written, without another look.
#[tokio::test(flavor = "multi_thread")]
async fn the_earlier_secret_goes_when_the_next_one_is_written() -> Outcome {
    let stand = taxi::stand("keys-another").await?;
    stand.let_operator_write_keys(&stand.namespace).await?;
    taxi::versions(&stand, &["1"]).await?;
    serve(&stand, keyed("taxi-1")).await?;
    let another = json!({"online": {"endpoint": {"keysSecret": {"name": "other-keys"}}}});
    stand.edit::<DeploymentBinding>("taxi", another).await?;
    let replaced = |b: &DeploymentBinding| {
        taxi::status(b).keys_secret.is_some_and(|it| it.name == "other-keys" && it.replaces.is_empty())
    };
    stand.wait_for::<DeploymentBinding>("taxi", "the earlier one gone", replaced).await?;
    assert_eq!(secret(&stand, NAME).await?, None);
    assert!(secret(&stand, "other-keys").await?.is_some());
    Ok(())
}

/// A rename in Git: applications read the keys all the time.
#[tokio::test(flavor = "multi_thread")]
async fn a_binding_that_is_renamed_hands_its_secret_over() -> Outcome {
    let stand = taxi::stand("keys-renamed").await?;
    stand.let_operator_write_keys(&stand.namespace).await?;
    taxi::versions(&stand, &["1"]).await?;
    serve(&stand, keyed("taxi-1")).await?;
    let written = |b: &DeploymentBinding| {
        ready(b) && taxi::status(b).keys_secret.is_some_and(|it| it.written_at.is_some())
    };
    stand.wait_for::<DeploymentBinding>("taxi", "the keys written", written).await?;
    let before = data(&stand).await?;
    let secrets = stand.api::<Secret>();
    let reader = tokio::spawn(async move {
        loop {
            if secrets.get_opt(NAME).await.is_ok_and(|it| it.is_none()) {
                return "the Secret is gone";
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    });
    stand.api::<DeploymentBinding>().delete("taxi", &DeleteParams::default()).await?;
    stand.apply("DeploymentBinding", "taxi-renamed", keyed("taxi-1")).await?;
    let renamed = stand.wait_for::<DeploymentBinding>("taxi-renamed", "Ready", written).await?;
    stand.wait_gone::<DeploymentBinding>("taxi").await?;
    stand.look_again::<DeploymentBinding>("taxi-renamed").await?;
    let owner = renamed.uid().unwrap_or_default();
    let begun = std::time::Instant::now();
    loop {
        let found = secret(&stand, NAME).await?.ok_or("no Secret")?;
        assert_eq!(found.labels()["bindery.dev/endpoint-keys"], "taxi-renamed");
        if found.owner_references().iter().any(|it| it.uid == owner) {
            break;
        }
        assert!(begun.elapsed().as_secs() < 30, "{:?}", found.owner_references());
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    assert!(!reader.is_finished(), "{:?}", reader.await);
    reader.abort();
    assert_eq!(data(&stand).await?, before);
    Ok(())
}
