//! What is wrong outside of Bindery: a stable reason, a message that says what to do, no hammering, and
//! nothing left behind when it is mended.

use std::time::Duration;

use azureml_emulator::{Effect, FaultRule, RightsEffect, RightsRule, Seed, WorkspaceSeed};
use bindery::api::{DeploymentBinding, ModelVersion, Registry, Workspace};
use e2e::stand::{Stand, StandOptions, condition, drifted, ready};
use serde_json::json;

use crate::taxi::with;
use crate::{Outcome, taxi};

/// All requests so far, tokens included.
fn asked(stand: &Stand) -> usize {
    stand.emulator.control().log().count()
}

/// Counts the requests of some seconds: not a wait for anything, but the measure itself.
async fn within_seconds(stand: &Stand, seconds: u64) -> usize {
    let before = asked(stand);
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    asked(stand) - before
}

fn stalled<K: serde::Serialize>(object: &K) -> bool {
    condition(object, "Stalled").is_some_and(|(status, ..)| status == "True")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reference_that_does_not_exist_is_found_when_it_comes() -> Outcome {
    let stand = taxi::stand("bad-reference").await?;
    stand.apply("ModelVersion", "taxi-1", taxi::from_uri("1")).await?;
    stand.apply("ModelVersion", "taxi-9", taxi::promoted("9")).await?;
    let message = stand.wait_reason::<ModelVersion>("taxi-1", "ReferenceNotFound").await?;
    assert!(
        message.contains("no Workspace bad-reference/fares-prod") && message.contains("Apply it"),
        "{message}"
    );
    let message = stand.wait_reason::<ModelVersion>("taxi-9", "ReferenceNotFound").await?;
    assert!(message.contains("no Registry bad-reference/fares-models"), "{message}");
    stand.apply("DeploymentBinding", "taxi", taxi::binding("taxi-1")).await?;
    stand.wait_reason::<DeploymentBinding>("taxi", "ReferenceNotFound").await?;
    // It may be applied a moment later: for some minutes that is no failure.
    let waits = stand.api::<DeploymentBinding>().get("taxi").await?;
    let reconciling = condition(&waits, "Reconciling").is_some_and(|(status, ..)| status == "True");
    assert!(reconciling && !stalled(&waits));
    assert_eq!(asked(&stand), 0, "nobody has to ask Azure for that");

    // The workspace comes, then the version that the binding names: nobody touches what waited.
    stand.delete_and_wait::<ModelVersion>("taxi-1").await?;
    stand.apply("Workspace", "fares-prod", json!({"azure": taxi::azure()})).await?;
    let waits = |b: &DeploymentBinding| {
        condition(b, "Ready").is_some_and(|(_, _, m)| m.contains("no ModelVersion bad-reference/taxi-1"))
    };
    stand.wait_for::<DeploymentBinding>("taxi", "waiting for the version", waits).await?;
    stand.apply("ModelVersion", "taxi-1", taxi::from_uri("1")).await?;
    stand.wait_for::<ModelVersion>("taxi-1", "Ready", ready).await?;
    let done = stand.wait_for::<DeploymentBinding>("taxi", "Ready", ready).await?;
    assert!(!stalled(&done));

    // A registry without the source: the promotion waits for that.
    stand.apply("Registry", "fares-models", taxi::registry()).await?;
    let waits = |v: &ModelVersion| {
        condition(v, "Ready").is_some_and(|(_, _, m)| m.contains("no ModelVersion bad-reference/taxi-9-dev"))
    };
    stand.wait_for::<ModelVersion>("taxi-9", "waiting for its source", waits).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_subscription_is_said_and_seen_when_it_is_there() -> Outcome {
    let stand = taxi::stand("bad-subscription").await?;
    let subscription = "00000000-0000-0000-0000-0000000000ff";
    let azure = with(taxi::azure(), json!({"subscriptionId": subscription}));
    stand.apply("Workspace", "elsewhere", json!({"azure": azure})).await?;
    if stand.inferred().front_door_codes {
        let message = stand.wait_reason::<Workspace>("elsewhere", "NotFound").await?;
        assert!(message.contains("SubscriptionNotFound") && message.contains(subscription), "{message}");
        assert!(message.contains("Check the names in the manifest"), "{message}");
    } else {
        // Without a code nobody can tell a missing subscription from a missing workspace.
        let message = stand.wait_reason::<Workspace>("elsewhere", "NotInAzure").await?;
        assert!(message.contains("Check spec.azure"), "{message}");
    }
    assert!(stalled(&stand.api::<Workspace>().get("elsewhere").await?));
    let asked = within_seconds(&stand, 3).await;
    assert!(asked <= 1, "{asked} requests in 3 s");
    let workspace = WorkspaceSeed {
        subscription: subscription.into(),
        resource_group: "ml".into(),
        name: "elsewhere".into(),
        location: "westeurope".into(),
        ..WorkspaceSeed::default()
    };
    stand.emulator.control().seed(&Seed { workspaces: vec![workspace], ..Seed::default() });
    stand.look_again::<Workspace>("elsewhere").await?;
    let found = stand.wait_for::<Workspace>("elsewhere", "Ready", ready).await?;
    assert!(!stalled(&found));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_secret_is_said_with_entras_code_and_never_shown() -> Outcome {
    let options = StandOptions { operator: false, ..StandOptions::default() };
    let mut stand = taxi::stand_with("bad-secret", options).await?;
    let wrong = "not-the-secret-4711";
    stand.operator.environment = vec![("AZURE_CLIENT_SECRET".into(), wrong.into())];
    stand.operator.start()?;
    taxi::story(&stand, taxi::binding("taxi-1")).await?;
    let message = stand.wait_reason::<Workspace>("fares-prod", "CredentialFailed").await?;
    assert!(message.contains("AADSTS7000215: ") && message.contains("(HTTP 401, correlation "), "{message}");
    assert!(!message.contains("Trace ID"), "{message}");
    assert!(message.contains("Give the operator a secret of the application that is valid"), "{message}");
    stand.wait_reason::<bindery::api::Registry>("fares-models", "CredentialFailed").await?;
    let asked = within_seconds(&stand, 3).await;
    assert!(asked <= 2, "{asked} requests in 3 s");
    for object in taxi::everything(&stand).await? {
        assert!(!object.to_string().contains(wrong), "{object}");
    }
    assert!(!std::fs::read_to_string(stand.operator.log())?.contains(wrong));
    // The secret is mended, which takes a restart.
    stand.operator.stop().await?;
    stand.operator.environment.clear();
    stand.operator.start()?;
    let mended = stand.wait_for::<Workspace>("fares-prod", "Ready", ready).await?;
    assert!(!stalled(&mended));
    stand.wait_for::<ModelVersion>("taxi-1", "Ready", ready).await?;
    Ok(())
}

/// A developer's first try: the operator has the login of `az`, and changes nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_is_missing_is_said_in_the_words_of_az_and_used_when_it_is_there() -> Outcome {
    // `az` and `login`, which it looks for.
    let folder = e2e::folders::TemporaryFolder::new("bindery-az")?;
    let login = folder.path().join("login");
    let expires = jiff::Timestamp::now().as_second() + 3600;
    let token = json!({"accessToken": "of-ada-4711", "expires_on": expires, "tokenType": "Bearer"});
    let script = format!(
        "#!/bin/sh\nif [ -e {} ]; then echo '{token}'; else echo \"ERROR: Please run 'az login' to setup account.\" >&2; exit 1; fi\n",
        login.display()
    );
    let az = folder.path().join("az");
    std::fs::write(&az, script)?;
    std::fs::set_permissions(&az, std::os::unix::fs::PermissionsExt::from_mode(0o755))?;

    let mut options = StandOptions { operator: false, ..StandOptions::default() };
    options.arguments = vec!["--observe-only".into(), "--credential".into(), "azure-cli".into()];
    options.emulator.any_token = true;
    let mut stand = taxi::stand_with("bad-login", options).await?;
    let path = format!("{}:/usr/bin:/bin", folder.path().display());
    stand.operator.environment = vec![("PATH".into(), path)];
    stand.operator.start()?;
    stand.apply("Workspace", "fares-prod", json!({"azure": taxi::azure()})).await?;
    let message = stand.wait_reason::<Workspace>("fares-prod", "CredentialFailed").await?;
    let expected = "The Azure CLI gave no token: Please run 'az login' to setup account.";
    assert!(message.contains(expected), "{message}");
    assert_eq!(asked(&stand), 0, "nobody asks with the secret that the environment has too");

    std::fs::write(login, "")?;
    stand.wait_for::<Workspace>("fares-prod", "Ready", ready).await?;
    assert!(!std::fs::read_to_string(stand.operator.log())?.contains("of-ada-4711"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_that_run_out_or_are_taken_back_are_replaced_unnoticed() -> Outcome {
    let stand = taxi::stand("bad-token").await?;
    taxi::versions(&stand, &["1"]).await?;
    let path = "workspaces/fares-prod/models/taxi/versions/1";
    stand.edit::<ModelVersion>("taxi-1", json!({"tags": {"team": "fares"}})).await?;
    let before = stand.wait_for::<ModelVersion>("taxi-1", "Ready", ready).await?;
    for round in 0..2 {
        if round == 0 {
            stand.emulator.control().expire_tokens();
        } else {
            stand.emulator.control().revoke_tokens();
        }
        stand.change_in_azure(path, &json!({"properties": {"tags": {"team": "pirates"}}}))?;
        stand.look_again::<ModelVersion>("taxi-1").await?;
        stand.wait_until("correction", |s| s.azure_field(path, "/properties/tags/team") == "fares").await?;
        stand.wait_for::<ModelVersion>("taxi-1", "Ready", |v| ready(v) && !drifted(v)).await?;
    }
    assert!(stand.requests_on("GET", path).iter().filter(|e| e.status == 401).count() <= 4);
    let events = stand.events("taxi-1").await?;
    assert!(events.iter().all(|e| !e.contains("CredentialFailed")), "{events:?}");
    drop(before);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_that_are_not_json_are_said_and_gone_when_they_are() -> Outcome {
    let stand = taxi::stand("bad-json").await?;
    let page = "<html><head><title>502</title></head><body>Bad gateway at proxy-7</body></html>";
    let proxy = |status| Effect::Body { status, content_type: "text/html".into(), body: page.into() };
    stand.emulator.control().add_fault(FaultRule::on("GET", "/workspaces/fares-dev", proxy(502)));
    stand.emulator.control().add_fault(FaultRule::on("GET", "/workspaces/fares-prod", proxy(200)));
    for name in ["fares-dev", "fares-prod"] {
        stand.apply("Workspace", name, json!({"azure": taxi::azure()})).await?;
    }
    for name in ["fares-dev", "fares-prod"] {
        let message = stand.wait_reason::<Workspace>(name, "Unreachable").await?;
        assert!(message.contains("not JSON") && message.contains("Bad gateway at proxy-7"), "{message}");
        assert!(!message.contains('<') && message.contains("tries again"), "{message}");
        assert!(!stalled(&stand.api::<Workspace>().get(name).await?), "it may pass by itself");
    }
    let asked = within_seconds(&stand, 4).await;
    assert!(asked <= 8, "{asked} requests of two objects in 4 s");
    stand.emulator.control().clear_faults();
    for name in ["fares-dev", "fares-prod"] {
        stand.wait_for::<Workspace>(name, "Ready", ready).await?;
    }

    // One that has been Ready stays it for a while: a hiccup of Azure is no news about the workspace.
    stand.emulator.control().add_fault(FaultRule::on("GET", "/workspaces/fares-dev", proxy(502)));
    stand.look_again::<Workspace>("fares-dev").await?;
    stand
        .wait_until("hiccup", |s| {
            s.requests_on("GET", "workspaces/fares-dev").iter().filter(|e| e.fault.is_some()).count() > 4
        })
        .await?;
    assert!(ready(&stand.api::<Workspace>().get("fares-dev").await?));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_right_that_is_missing_is_named_and_used_when_it_is_given() -> Outcome {
    let stand = taxi::stand("bad-rights").await?;
    taxi::workspaces(&stand).await?;
    let deny = RightsRule {
        principal: "bindery".into(),
        scope: String::new(),
        action: "Microsoft.MachineLearningServices/workspaces/models/versions/write".into(),
        effect: RightsEffect::Deny,
    };
    stand.emulator.control().config.rights = vec![deny];
    stand.apply("ModelVersion", "taxi-1-dev", taxi::from_job("1")).await?;
    let message = stand.wait_reason::<ModelVersion>("taxi-1-dev", "Unauthorized").await?;
    assert!(
        message.contains("AuthorizationFailed") && message.contains("models/versions/write"),
        "{message}"
    );
    assert!(
        message.contains("asked as the operator's own identity")
            && message.contains("Check the rights of that identity"),
        "{message}"
    );
    let puts = || stand.requests("PUT", "/versions/1").len();
    assert_eq!((puts(), within_seconds(&stand, 3).await), (1, 0), "nothing is asked for a while");
    stand.emulator.control().config.rights.clear();
    let mended = stand.wait_for::<ModelVersion>("taxi-1-dev", "Ready by itself", ready).await?;
    assert!(!stalled(&mended));
    assert_eq!(puts(), 2);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn throttled_it_waits_as_long_as_azure_asks() -> Outcome {
    let stand = taxi::stand("bad-pace").await?;
    taxi::workspaces(&stand).await?;
    let slow = Effect::Answer {
        status: 429,
        code: "TooManyRequests".into(),
        message: "The number of write requests exceeded the limit.".into(),
        headers: [("retry-after".to_string(), "3".to_string())].into(),
    };
    stand.emulator.control().add_fault(FaultRule::on("PUT", "/versions/1", slow).times(1));
    let begun = std::time::Instant::now();
    stand.apply("ModelVersion", "taxi-1-dev", taxi::from_job("1")).await?;
    let message = stand.wait_reason::<ModelVersion>("taxi-1-dev", "Throttled").await?;
    assert!(message.contains("exceeded the limit"), "{message}");
    stand.wait_for::<ModelVersion>("taxi-1-dev", "Ready", ready).await?;
    assert!(begun.elapsed() >= Duration::from_secs(3), "{:?}", begun.elapsed());
    assert_eq!(stand.requests("PUT", "/versions/1").len(), 2);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_goes_when_its_resource_group_is_gone() -> Outcome {
    let stand = taxi::stand("bad-group").await?;
    stand
        .apply("Registry", "fares-models", with(taxi::registry(), json!({"deletionPolicy": "Delete"})))
        .await?;
    stand.wait_for::<Registry>("fares-models", "Ready", ready).await?;
    let body = json!({"error": {"code": "ResourceGroupNotFound", "message": "Resource group 'ml' could not be found."}});
    let gone = |body: serde_json::Value| Effect::Body {
        status: 404,
        content_type: "application/json".into(),
        body: body.to_string(),
    };
    stand.emulator.control().add_fault(FaultRule::on("GET", "/registries/fares-models", gone(body)));
    stand.delete_and_wait::<Registry>("fares-models").await?;
    assert!(stand.requests("DELETE", "").is_empty());
    // Why it was let go is told where people look.
    let told = stand.kubectl(&[
        "get",
        "events",
        "--field-selector=reason=Finishing",
        "--output=jsonpath={.items[*].message}",
    ]);
    assert!(told.await?.contains("Its resource group is gone from Azure"));
    Ok(())
}
