//! What somebody with few rights can write or name, and what it costs: their own object, and nobody else's.

use azureml_emulator::{Effect, FaultRule};
use bindery::api::{ModelVersion, Workspace};
use e2e::stand::{Stand, ready};
use serde_json::json;

use crate::taxi::with;
use crate::{Outcome, taxi};

/// Whoever may write a status writes a time into it that the API server takes and no clock can hold.
async fn forge(stand: &Stand, name: &str, time: &str) -> Outcome {
    let ready = json!({"type": "Ready", "status": "True", "reason": "InSync", "message": "", "lastTransitionTime": time});
    let patch = json!({"status": {"conditions": [ready]}}).to_string();
    let arguments =
        ["patch", "modelversion", name, "--subresource=status", "--type=merge", "--patch", &patch];
    stand.kubectl(&arguments).await?;
    Ok(())
}

/// Waits until the status can be read again, which Bindery has written anew.
async fn healed(stand: &Stand, name: &str) -> Outcome {
    let times = "--output=jsonpath={.status.conditions[*].lastTransitionTime}";
    let begun = std::time::Instant::now();
    loop {
        let times = stand.kubectl(&["get", "modelversion", name, times]).await?;
        if !times.is_empty() && !times.contains("9999") && !times.contains("99:99") {
            break;
        }
        if begun.elapsed() > e2e::stand::PATIENCE {
            return Err(format!("{name} still says {times}:\n{}", stand.operator.told(30)).into());
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    stand.wait_for::<ModelVersion>(name, "Ready", ready).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_status_that_cannot_be_read_is_written_anew_and_stops_nobody() -> Outcome {
    let mut stand = taxi::stand("hostile-status").await?;
    taxi::workspaces(&stand).await?;
    for n in ["1", "2"] {
        stand.apply("ModelVersion", &format!("taxi-{n}"), taxi::from_uri(n)).await?;
        stand.wait_for::<ModelVersion>(&format!("taxi-{n}"), "Ready", ready).await?;
    }
    forge(&stand, "taxi-1", "9999-12-31T23:59:59Z").await?;
    healed(&stand, "taxi-1").await?;
    // After a restart a listing brings it, among all others.
    stand.operator.stop().await?;
    forge(&stand, "taxi-1", "2026-01-01T00:00:00+99:99").await?;
    stand.apply("ModelVersion", "taxi-3", taxi::from_uri("3")).await?;
    stand.operator.start()?;
    stand.wait_for::<ModelVersion>("taxi-3", "Ready", ready).await?;
    healed(&stand, "taxi-1").await?;
    let log = stand.operator.told(usize::MAX);
    let said: Vec<&str> = log.lines().filter(|line| line.contains("cannot be read")).collect();
    assert_eq!(said.len(), 2, "{said:#?}");
    let name = "The status of ModelVersion hostile-status/taxi-1 cannot be read (status.conditions[0].lastTransitionTime: ";
    assert!(said.iter().all(|line| line.contains(" WARN ") && line.contains(name)), "{said:#?}");
    assert_eq!(stand.requests("PUT", "/models/taxi/versions/1").len(), 1, "it is still registered");
    // And it can be deleted while its status is such.
    stand.operator.stop().await?;
    forge(&stand, "taxi-2", "9999-12-31T23:59:59Z").await?;
    stand.delete::<ModelVersion>("taxi-1").await?;
    stand.kubectl(&["delete", "modelversion", "taxi-2", "--wait=false"]).await?;
    stand.operator.start()?;
    stand.wait_gone::<ModelVersion>("taxi-1").await?;
    stand.kubectl(&["wait", "--for=delete", "modelversion/taxi-2", "--timeout=60s"]).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn workspaces_of_another_tenant_slow_nobody() -> Outcome {
    let stand = taxi::stand("hostile-tenant").await?;
    let refusal = Effect::Answer {
        status: 401,
        code: "InvalidAuthenticationTokenTenant".into(),
        message: "The access token is from the wrong issuer 'https://sts.windows.net/a/'. It must match the tenant 'https://sts.windows.net/b/' associated with this subscription.".into(),
        headers: [].into(),
    };
    let foreign = "/subscriptions/99999999-";
    stand.emulator.control().add_fault(FaultRule::on("GET", foreign, refusal));
    for n in 1..=5 {
        let azure =
            with(taxi::azure(), json!({"subscriptionId": format!("99999999-0000-4000-8000-00000000000{n}")}));
        stand.apply("Workspace", &format!("foreign-{n}"), json!({"azure": azure})).await?;
    }
    for n in 1..=5 {
        let message = stand.wait_reason::<Workspace>(&format!("foreign-{n}"), "Refused").await?;
        assert!(
            message.contains("InvalidAuthenticationTokenTenant") && message.contains("wrong issuer"),
            "{message}"
        );
    }
    taxi::workspaces(&stand).await?;
    stand.apply("ModelVersion", "taxi-1", taxi::from_uri("1")).await?;
    stand.wait_for::<ModelVersion>("taxi-1", "Ready", ready).await?;
    for n in 1..=5 {
        stand.look_again::<Workspace>(&format!("foreign-{n}")).await?;
    }
    let looks = |s: &Stand| s.requests_on("GET", "workspaces/fares-prod/models/taxi/versions/1").len();
    let before = looks(&stand);
    stand.look_again::<ModelVersion>("taxi-1").await?;
    stand.wait_until("look at the version", |s| looks(s) > before).await?;
    assert!(ready(&stand.api::<ModelVersion>().get("taxi-1").await?));
    assert_eq!(stand.requests("POST", "/oauth2/v2.0/token").len(), 1, "the token is good, whatever they say");
    assert_eq!(stand.requests("GET", foreign).len(), 5, "each is asked once, and left alone");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_azure_quotes_of_a_secret_is_shown_nowhere() -> Outcome {
    const MARK: &str = "MARK4711";
    let stand = taxi::stand("hostile-secrets").await?;
    taxi::workspaces(&stand).await?;
    let message = format!(
        "Cannot read https://a.blob.core.windows.net/c?sv=1,2&sig={MARK}abc nor a/c?sig={MARK}, with AccountKey={MARK}==; as https://user:{MARK}/x@h.example, by Bearer eyJhbGciOiJSUzI1NiJ9.{MARK}.c2ln\nERROR forged: all is lost"
    );
    let refusal = Effect::Answer { status: 400, code: format!("sig={MARK}"), message, headers: [].into() };
    stand.emulator.control().add_fault(FaultRule::on("PUT", "/versions/1", refusal));
    stand.apply("ModelVersion", "taxi-1", taxi::from_uri("1")).await?;
    let message = stand.wait_reason::<ModelVersion>("taxi-1", "Refused").await?;
    assert!(
        message.contains("https://a.blob.core.windows.net/c ") && message.contains("AccountKey=***"),
        "{message}"
    );
    for object in taxi::everything(&stand).await? {
        assert!(!object.to_string().contains(MARK), "{object}");
    }
    for event in stand.events("taxi-1").await? {
        assert!(!event.contains(MARK), "{event}");
    }
    let log = std::fs::read_to_string(stand.operator.log())?;
    assert!(log.contains("Cannot read") && !log.contains(MARK), "{log}");
    assert!(!log.lines().any(|line| line.starts_with("ERROR")), "{log}");
    Ok(())
}
