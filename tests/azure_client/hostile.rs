//! What others may bring about: refusals that are not ours, answers without end, URLs that lead astray, secrets in messages.

use std::io::Write;
use std::sync::{Arc, Mutex};

use azureml_emulator::{Effect, Emulator, FaultRule};
use bindery::azure::client::Azure;
use bindery::azure::model::resource::Workspace;
use bindery::azure::model::{Class, Error, ResourceId};
use serde_json::{Value, json};

use crate::stand::{SUBSCRIPTION, Stand, code, file, look, put_version, workspace};

fn answer(status: u16, code: &str, message: &str) -> Effect {
    Effect::Answer { status, code: code.into(), message: message.into(), headers: [].into() }
}

fn page(value: &Value) -> Effect {
    Effect::Body { status: 200, content_type: "application/json".into(), body: value.to_string() }
}

fn tokens(stand: &Stand) -> usize {
    stand.seen("POST", "/oauth2/v2.0/token")
}

async fn get(azure: &Azure, subscription: &str) -> Result<Option<Workspace>, Error> {
    azure.get(&ResourceId::workspace(subscription, "ml", "dev")).await
}

/// Anybody who may create a Workspace names any subscription.
#[tokio::test]
async fn subscriptions_of_another_tenant_stop_nobody_else() {
    for (code_said, class) in [
        ("InvalidAuthenticationTokenTenant", Class::Permanent),
        ("AuthenticationFailed", Class::Unauthorized),
    ] {
        let stand = Stand::new().await;
        let azure = stand.azure();
        assert!(look(&azure).await.is_ok());
        let foreign: Vec<String> =
            (1..=5).map(|n| format!("99999999-0000-4000-8000-00000000000{n}")).collect();
        let refusal = answer(401, code_said, "The access token is from the wrong issuer.");
        stand.emulator.control().add_fault(FaultRule::on("GET", "/subscriptions/99999999", refusal));
        for round in 0..3 {
            for subscription in &foreign {
                let error = get(&azure, subscription).await.expect_err("a refusal");
                assert_eq!((error.class, code(&error)), (class, code_said));
                // The first answer is Azure's; then nothing is sent there for a while.
                assert_eq!(error.unsent, round > 0);
                assert!(look(&azure).await.is_ok(), "nobody else hears of it");
            }
        }
        assert_eq!(tokens(&stand), 1, "the token is good");
        assert_eq!(stand.seen("GET", "/subscriptions/99999999"), 5);
    }
}

/// One that refuses the token for its age may ask for a fresh one once, and no more.
#[tokio::test]
async fn a_host_that_calls_every_token_expired_holds_back_itself_alone() {
    let stand = Stand::new().await;
    let azure = stand.azure();
    let refusal = answer(401, "ExpiredAuthenticationToken", "The access token has expired.");
    stand.emulator.control().add_fault(FaultRule::on("GET", "/subscriptions/99999999", refusal));
    for _ in 0..20 {
        let error = get(&azure, "99999999-0000-4000-8000-000000000001").await.expect_err("a refusal");
        assert_eq!(error.class, Class::Unauthorized);
        assert!(look(&azure).await.is_ok());
    }
    assert_eq!(tokens(&stand), 2);
    assert_eq!(stand.seen("GET", "/subscriptions/99999999"), 2);
}

#[tokio::test]
async fn an_answer_without_end_is_not_read_to_its_end() {
    let stand = Stand::new().await;
    let azure = stand.azure();
    stand.fault("GET", "workspaces/dev", page(&json!({"location": "a".repeat(17 << 20)})));
    let error = look(&azure).await.expect_err("too long");
    let expected = "127.0.0.1 answered 200 with something unexpected: a body of more than 16 MiB";
    assert_eq!((error.class, error.message.as_str()), (Class::Transient, expected));
    stand.fault("PUT", "versions/1", page(&json!({"properties": "a".repeat(17 << 20)})));
    // As when the answer was lost: what became of the change only a GET can tell.
    assert_eq!(azure.send(&put_version("1")).await.map_err(|e| e.class), Err(Class::Transient));

    let stand = Stand::new().await;
    let token = json!({"token_type": "Bearer", "expires_in": 3600, "access_token": "a".repeat(2 << 20)});
    stand.fault("POST", "/oauth2/v2.0/token", page(&token));
    let error = look(&stand.azure()).await.expect_err("too long");
    let expected = "127.0.0.1 answered 200 with something unexpected: a body of more than 1 MiB";
    assert_eq!((error.class, error.message.as_str()), (Class::Transient, expected));
}

#[tokio::test]
async fn a_list_that_leads_in_a_circle_or_has_no_end_is_given_up() {
    let stand = Stand::new().await;
    let azure = stand.azure();
    let models = workspace().to_string() + "/models";
    let link = |part: &str| format!("{}{models}?api-version=2025-09-01&at={part}", stand.emulator.url());
    let circle = [("at=a", "b"), ("at=b", "c"), ("at=c", "a"), ("/models", "a")];
    for (at, next) in circle {
        let next = page(&json!({"value": [], "nextLink": link(next)}));
        stand.emulator.control().add_fault(FaultRule::on("GET", at, next));
    }
    let error = azure.list::<Value>(&models, &[]).await.expect_err("a circle");
    assert!(error.message.contains("leads back to a page that was read"), "{error}");
    assert_eq!(stand.seen("GET", "/models"), 4);

    stand.emulator.control().clear_faults();
    let many: Vec<Value> = (0..20_001).map(|n| json!({"name": n.to_string()})).collect();
    stand.fault("GET", "/models", page(&json!({"value": many})));
    let error = azure.list::<Value>(&models, &[]).await.expect_err("too many");
    let expected = format!("The list of {models} has more than 20000 items, and was not read to its end.");
    assert_eq!((error.class, error.message), (Class::Permanent, expected));
}

#[tokio::test]
async fn no_redirect_is_followed() {
    let mut stand = Stand::new().await;
    let stranger = Emulator::start(azureml_emulator::Config::default()).await.expect("it starts");
    // Its certificate is in order.
    stand.config.ca_bundle =
        Some(file("both.pem", &format!("{}{}", stand.emulator.ca_pem(), stranger.ca_pem())));
    let azure = stand.azure();
    for status in [301, 302, 303, 307, 308] {
        let location = [("Location".to_owned(), format!("{}/metadata/endpoints", stranger.url()))];
        let away =
            Effect::Answer { status, code: String::new(), message: String::new(), headers: location.into() };
        stand.fault("GET", "workspaces/dev", away.clone());
        assert_eq!(
            look(&azure).await.map_err(|e| (e.class, e.status)),
            Err((Class::Transient, Some(status)))
        );
        let fresh = stand.azure();
        stand.fault("POST", "/oauth2/v2.0/token", away);
        assert!(look(&fresh).await.is_err(), "{status}");
    }
    assert_eq!(stranger.control().log().count(), 0);
}

/// A status is written by whoever may, and the answer would be told in it.
#[tokio::test]
async fn an_operation_is_of_the_objects_own_subscription() {
    let stand = Stand::new().await;
    let azure = stand.azure();
    let other = "99999999-0000-4000-8000-000000000009";
    let operations = "providers/Microsoft.MachineLearningServices/locations/eastus/mfeOperationsStatus/1";
    let base = stand.emulator.url();
    for path in [
        format!("subscriptions/{other}/{operations}"),
        format!("subscriptions/{SUBSCRIPTION}/../{other}/{operations}"),
        format!("subscriptions/{SUBSCRIPTION}/%2e%2e/{other}/{operations}"),
        format!("subscriptions/{SUBSCRIPTION}/..%2F{other}/{operations}"),
        format!("subscriptions/{SUBSCRIPTION}/..%5c{other}/{operations}"),
        format!("subscriptions/{SUBSCRIPTION}/%252e%252e/{other}/{operations}"),
        format!("subscriptions/{SUBSCRIPTION}"),
        format!("x/subscriptions/{SUBSCRIPTION}/{operations}"),
    ] {
        let error = azure.operation(&format!("{base}/{path}"), SUBSCRIPTION).await.expect_err(&path);
        let expected = format!(
            "Refused to follow an operation: its URL is not one of the subscription {SUBSCRIPTION}. No token was sent there."
        );
        assert_eq!((error.class, error.message), (Class::Permanent, expected), "{path}");
    }
    let long = format!("{base}/subscriptions/{SUBSCRIPTION}/{operations}?t={}", "a".repeat(9000));
    assert!(azure.operation(&long, SUBSCRIPTION).await.is_err());
    assert_eq!(stand.emulator.control().log().count(), 0);
    let own = format!("{base}/SUBSCRIPTIONS/{SUBSCRIPTION}/{operations}?t=1");
    assert!(azure.operation(&own, SUBSCRIPTION).await.is_ok());
}

/// The log, as it is written.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("not poisoned").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Every error of a run in which all that is secret carries a mark, and every line of its log.
#[tokio::test]
async fn no_error_and_no_line_of_the_log_shows_a_secret() {
    const MARK: &str = "MARK4711";
    let log = Log::default();
    let to = log.clone();
    let listening = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_ansi(false);
    let _heard = tracing::subscriber::set_default(listening.with_writer(move || to.clone()).finish());

    let mut stand = Stand::new().await;
    let secret = format!("{MARK}-client-secret");
    stand.emulator.control().config.clients[0].secret = Some(secret.clone());
    let tenant = stand.emulator.control().config.tenant.clone();
    let client = crate::stand::CLIENT.to_owned();
    stand.config.credential =
        bindery::azure::client::CredentialConfig::ClientSecret { tenant, client, secret: secret.into() };
    let azure = stand.azure();
    assert!(look(&azure).await.is_ok());
    let signed = format!("https://a.blob.core.windows.net/c?sv=1,2&se=3&sig={MARK}abc%3D");
    let messages = [
        format!("Cannot read {signed}, try again."),
        format!("Cannot read a.blob.core.windows.net/c?sig={MARK} now"),
        format!("DefaultEndpointsProtocol=https;AccountName=a;AccountKey={MARK}abc==;EndpointSuffix=b"),
        format!("https://user:{MARK}/x@h.example/a is no registry"),
        format!("The header was 'Bearer eyJhbGciOiJSUzI1NiJ9.{MARK}.c2ln'."),
        json!({"title": "No", "detail": format!("password={MARK};"), "client_secret": MARK}).to_string(),
        format!("%3Fsv%3D1%26sig%3D{MARK}"),
    ];
    let mut errors = vec![];
    for message in &messages {
        let problem = json!({"error": {"code": format!("sig={MARK}"), "message": message,
            "details": [{"code": message, "message": message}], "innerError": {"code": message}}});
        let html = format!("<html><a href=\"{signed}\">{message}</a></html>");
        for (status, content_type, body) in [
            (400, "application/json", problem.to_string()),
            (500, "application/json", json!({"error_code": message, "message": message}).to_string()),
            (502, "text/html", html),
            (200, "application/json", json!({"location": {"a": message}}).to_string()),
        ] {
            stand.fault(
                "GET",
                "workspaces/dev",
                Effect::Body { status, content_type: content_type.into(), body },
            );
            errors.push(look(&azure).await.expect_err(message));
        }
        let refused = json!({"error": message, "error_description": message, "correlation_id": message});
        let effect =
            Effect::Body { status: 401, content_type: "application/json".into(), body: refused.to_string() };
        stand.fault("POST", "/oauth2/v2.0/token", effect);
        errors.push(look(&stand.azure()).await.expect_err(message));
        let models = workspace().to_string() + "/models";
        stand.fault("GET", "/models", page(&json!({"value": [], "nextLink": signed})));
        errors.push(azure.list::<Value>(&models, &[]).await.expect_err("a stranger"));
        errors.push(azure.operation(&signed, SUBSCRIPTION).await.expect_err("a stranger"));
    }
    for error in errors {
        let said = format!("{error} {error:?}");
        assert!(!said.contains(MARK), "{said}");
        assert!(error.code.as_deref().is_none_or(|code| code.chars().count() <= 100), "{said}");
        assert!(error.correlation.as_deref().is_none_or(|id| id.chars().count() <= 100), "{said}");
    }
    assert!(!format!("{:?}", stand.config).contains(MARK));
    let log = String::from_utf8(log.0.lock().expect("not poisoned").clone()).expect("text");
    assert!(log.contains("bindery::azure::client"), "{log}");
    let of_ours = log.lines().filter(|line| line.contains(" bindery::"));
    for line in of_ours {
        assert!(!line.contains(MARK) && !line.contains("eyJ"), "{line}");
    }
}
