//! The client against the emulator: one situation per test, each with an emulator of its own.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use azureml_emulator::{
    Client, Effect, Emulator, FaultRule, Federated, JobSeed, Limit, Limits, OperationRule, Outcome,
    Throttling, Time, WorkspaceSeed,
};
use bindery::azure::resource::{ModelVersion, OnlineEndpoint, Registry, Workspace};
use bindery::azure::{
    Action, Azure, Bucket, Call, Class, Config, Counts, CredentialConfig, Error, OperationState, ResourceId,
};
use serde_json::{Value, json};

const SUBSCRIPTION: &str = "11111111-0000-4000-8000-000000000001";
const CLIENT: &str = "22222222-0000-4000-8000-000000000002";
const SECRET: &str = "a secret";

/// An emulator with one workspace, and what a client of it is made from. Its time stands still.
struct Stand {
    emulator: Emulator,
    config: Config,
}

impl Stand {
    async fn new() -> Self {
        let mut config = azureml_emulator::Config {
            time: Time::Manual,
            page_size: 3,
            operation_retention: 600.0,
            ..azureml_emulator::Config::default()
        };
        config.clients.push(Client {
            client_id: CLIENT.into(),
            secret: Some(SECRET.into()),
            federated: vec![Federated {
                issuer: "https://cluster.example/".into(),
                subject: "system:serviceaccount:ml:bindery".into(),
                audience: "api://AzureADTokenExchange".into(),
                keys: None,
            }],
            ..Client::default()
        });
        let run = json!({"rmse": [9, 3.25], "loss": "NaN"});
        config.exists.workspaces.push(WorkspaceSeed {
            subscription: SUBSCRIPTION.into(),
            resource_group: "ml".into(),
            name: "dev".into(),
            location: "eastus".into(),
            jobs: vec![JobSeed {
                name: "train-1".into(),
                created_by: "Ada".into(),
                metrics: serde_json::from_value(run).expect("a map"),
                ..JobSeed::default()
            }],
            ..WorkspaceSeed::default()
        });
        let emulator = Emulator::start(config).await.expect("the emulator starts");
        let tenant = emulator.control().config.tenant.clone();
        let credential =
            CredentialConfig::ClientSecret { tenant, client: CLIENT.into(), secret: SECRET.into() };
        let mut config = Config::new(credential);
        config.arm = emulator.url();
        config.authority = emulator.url();
        config.ca_bundle = Some(file("ca.pem", emulator.ca_pem()));
        config.pace.longest_wait = Duration::from_secs(1);
        Self { emulator, config }
    }

    fn azure(&self) -> Azure {
        Azure::new(self.config.clone()).expect("a client")
    }

    fn fault(&self, method: &str, path: &str, effect: Effect) {
        self.emulator.control().add_fault(FaultRule::on(method, path, effect).times(1));
    }

    /// How many requests of a method reached the emulator on paths with this in them.
    fn seen(&self, method: &str, path: &str) -> usize {
        let core = self.emulator.control();
        core.log().filter(|entry| entry.method == method && entry.path.contains(path)).count()
    }
}

fn file(name: &str, content: &str) -> PathBuf {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let name = format!("{}-{number}-{name}", std::process::id());
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, content).expect("a writable folder");
    path
}

fn workspace() -> ResourceId {
    ResourceId::workspace(SUBSCRIPTION, "ml", "dev")
}

fn registry() -> ResourceId {
    ResourceId::registry(SUBSCRIPTION, "ml", "models")
}

fn endpoint() -> ResourceId {
    workspace().child("onlineEndpoints", "fares")
}

fn put(resource: ResourceId, body: Value) -> Call {
    Call { doing: "test".into(), resource, action: Action::Put(body) }
}

fn put_version(version: &str) -> Call {
    let uri = format!(
        "azureml://subscriptions/{SUBSCRIPTION}/resourcegroups/ml/workspaces/dev/datastores/d/paths/m"
    );
    let body = json!({"properties": {"modelType": "custom_model", "modelUri": uri, "tags": {"a": "b"}}});
    put(workspace().model_version("fare", version), body)
}

fn put_endpoint() -> Call {
    let body = json!({"location": "eastus", "identity": {"type": "SystemAssigned"},
        "properties": {"authMode": "Key", "traffic": {}}});
    put(endpoint(), body)
}

fn put_deployment() -> Call {
    let model = workspace().model_version("fare", "1").to_string();
    let body = json!({"location": "eastus", "sku": {"name": "Default", "capacity": 1},
        "properties": {"endpointComputeType": "Managed", "model": model, "instanceType": "Standard_DS3_v2"}});
    put(endpoint().child("deployments", "blue"), body)
}

/// Sends, and says the status and the operation's URL.
async fn sent(azure: &Azure, call: &Call) -> (u16, Option<String>) {
    let reply = azure.send(call).await.unwrap_or_else(|e| panic!("{}: {e}", call.resource));
    (reply.status, reply.operation)
}

/// The operation of a call that starts one.
async fn started(azure: &Azure, call: &Call) -> String {
    sent(azure, call).await.1.expect("an operation")
}

async fn state(azure: &Azure, url: &str) -> OperationState {
    azure.operation(url, SUBSCRIPTION).await.expect("a state")
}

async fn look(azure: &Azure) -> Result<Option<Workspace>, Error> {
    azure.get(&workspace()).await
}

fn code(error: &Error) -> &str {
    error.code.as_deref().unwrap_or_default()
}

#[tokio::test]
async fn a_secret_gets_one_token_for_many_requests() {
    let stand = Stand::new().await;
    let azure = stand.azure();
    let looks = futures::future::join_all((0..20).map(|_| look(&azure))).await;
    for found in looks {
        let workspace = found.expect("an answer").expect("a workspace");
        assert_eq!(workspace.location, "eastus");
    }
    assert_eq!(stand.seen("POST", "/oauth2/v2.0/token"), 1);
    assert_eq!(azure.counts(), Counts { reads: 20, writes: 0, throttled: 0 });
}

#[tokio::test]
async fn a_service_account_is_exchanged_for_a_token() {
    let claims = |subject: &str| {
        let claims =
            json!({"iss": "https://cluster.example/", "sub": subject, "aud": "api://AzureADTokenExchange"});
        let encoded = azure_core::base64::encode_url_safe(claims.to_string());
        file("token", &format!("e30.{}.s", encoded.trim_end_matches('=')))
    };
    let mut stand = Stand::new().await;
    let tenant = stand.emulator.control().config.tenant.clone();
    let token_file = claims("system:serviceaccount:ml:other");
    stand.config.credential = CredentialConfig::WorkloadIdentity {
        tenant: tenant.clone(),
        client: CLIENT.into(),
        token_file: token_file.clone(),
    };
    let error = look(&stand.azure()).await.expect_err("another account");
    assert_eq!((error.class, code(&error)), (Class::Unauthorized, "AADSTS700213"), "{error}");

    // The file is read for every token, so a new one helps at once.
    let azure = stand.azure();
    std::fs::copy(claims("system:serviceaccount:ml:bindery"), &token_file).expect("a writable folder");
    assert!(look(&azure).await.expect("an answer").is_some());
}

#[tokio::test]
async fn a_wrong_secret_is_said_and_not_tried_again_at_once() {
    let mut stand = Stand::new().await;
    let tenant = stand.emulator.control().config.tenant.clone();
    stand.config.credential =
        CredentialConfig::ClientSecret { tenant, client: CLIENT.into(), secret: "wrong".into() };
    let azure = stand.azure();
    let error = look(&azure).await.expect_err("a wrong secret");
    let expected = format!(
        "Entra ID gave no token: Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '{CLIENT}'."
    );
    assert_eq!((error.class, error.status), (Class::Unauthorized, Some(401)));
    assert_eq!((code(&error), error.message.as_str()), ("AADSTS7000215", expected.as_str()));
    assert!(error.correlation.is_some());
    for _ in 0..5 {
        assert_eq!(look(&azure).await, Err(error.clone()));
    }
    assert_eq!(stand.seen("POST", "/oauth2/v2.0/token"), 1);
    assert_eq!(azure.counts(), Counts::default());
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_not_trusted() {
    let mut stand = Stand::new().await;
    stand.config.ca_bundle = None;
    let error = look(&stand.azure()).await.expect_err("no trust");
    assert_eq!(error.class, Class::Transient);
    assert_eq!(error.message, "No connection to 127.0.0.1: invalid peer certificate: UnknownIssuer.");
}

#[tokio::test]
async fn entra_out_of_order_is_not_our_fault() {
    let stand = Stand::new().await;
    let page = Effect::Body {
        status: 503,
        content_type: "text/html".into(),
        body: "<html><h1>Our services aren't available right now</h1></html>".into(),
    };
    stand.fault("POST", "/oauth2/v2.0/token", page);
    let error = look(&stand.azure()).await.expect_err("an outage");
    assert_eq!(error.class, Class::Transient);
    let expected =
        "127.0.0.1 answered 503 with something that is not JSON: \"Our services aren't available right now\"";
    assert_eq!(error.message, expected);
}

#[tokio::test]
async fn only_what_is_missing_itself_is_none() {
    let stand = Stand::new().await;
    let azure = stand.azure();
    for absent in [
        workspace().child("models", "none"),
        workspace().model_version("none", "1"),
        endpoint(),
        endpoint().child("deployments", "none"),
        workspace().child("jobs", "none"),
        registry(),
        ResourceId::workspace(SUBSCRIPTION, "ml", "none"),
    ] {
        let found = azure.get::<Value>(&absent).await;
        assert_eq!(found, Ok(None), "{absent}");
    }
    let elsewhere = "99999999-0000-4000-8000-000000000009";
    for (id, expected) in [
        (ResourceId::workspace(elsewhere, "ml", "dev"), "SubscriptionNotFound"),
        (ResourceId::workspace(SUBSCRIPTION, "none", "dev"), "ResourceGroupNotFound"),
        (ResourceId::workspace(SUBSCRIPTION, "ml", "none").model_version("m", "1"), "ResourceNotFound"),
    ] {
        let error = azure.get::<Value>(&id).await.expect_err("a mistake in the manifest");
        assert_eq!((error.class, code(&error)), (Class::NotFound, expected), "{id}: {error}");
    }
}

#[tokio::test]
async fn a_list_is_all_pages() {
    let stand = Stand::new().await;
    let azure = stand.azure();
    for version in 1..=7 {
        sent(&azure, &put_version(&version.to_string())).await;
    }
    let before = azure.counts().reads;
    let versions = workspace().child("models", "fare").to_string() + "/versions";
    let all: Vec<Value> = azure.list(&versions, &[("listViewType", "All")]).await.expect("a list");
    let mut names: Vec<_> = all.iter().filter_map(|version| version["name"].as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["1", "2", "3", "4", "5", "6", "7"]);
    assert_eq!(azure.counts().reads - before, 3);

    let none = workspace().child("models", "none").to_string() + "/versions";
    let error = azure.list::<Value>(&none, &[]).await.expect_err("no such model");
    assert_eq!((error.class, code(&error)), (Class::NotFound, "ModelNotFound"));
    assert_eq!(
        error.message,
        "The specified resource was not found. Model container with name: none not found."
    );
}

#[tokio::test]
async fn a_version_is_put_at_once_and_its_path_stays() {
    let stand = Stand::new().await;
    let azure = stand.azure();
    assert_eq!(sent(&azure, &put_version("1")).await, (201, None));
    assert_eq!(sent(&azure, &put_version("1")).await, (200, None));
    let found = azure.get::<ModelVersion>(&workspace().model_version("fare", "1")).await;
    let version = found.expect("an answer").expect("a version");
    assert_eq!(version.properties.tags, [("a".to_owned(), "b".to_owned())].into());

    let mut other = put_version("1");
    other.action = Action::Put(json!({"properties": {"modelUri": "azureml://datastores/d/paths/other"}}));
    let error = azure.send(&other).await.expect_err("another path");
    assert_eq!((error.class, error.message.as_str()), (Class::Permanent, "Asset paths cannot be updated."));
    assert_eq!(azure.counts(), Counts { reads: 1, writes: 3, throttled: 0 });
}

#[tokio::test]
async fn a_registry_is_made_by_an_operation() {
    let stand = Stand::new().await;
    let azure = stand.azure();
    let body = json!({"location": "eastus", "identity": {"type": "SystemAssigned"},
        "properties": {"regionDetails": [{"location": "eastus"}]}});
    let reply = azure.send(&put(registry(), body)).await.expect("accepted");
    assert_eq!((reply.status, reply.body), (202, None));
    let operation = reply.operation.expect("an operation");
    assert!(operation.contains("type=async") && operation.len() > 4096, "{operation}");
    assert_eq!(state(&azure, &operation).await, OperationState::Running);
    // The other URL of the same operation speaks by its status instead.
    let location = operation.replace("type=async", "type=location");
    assert_eq!(state(&azure, &location).await, OperationState::Running);
    stand.emulator.advance(60.0);
    assert_eq!(state(&azure, &operation).await, OperationState::Succeeded);
    assert_eq!(state(&azure, &location).await, OperationState::Succeeded);
    let made = azure.get::<Registry>(&registry()).await.expect("an answer").expect("a registry");
    assert_eq!(made.location, "eastus");
    // Not longer than a token lasts.
    stand.emulator.advance(700.0);
    assert_eq!(state(&azure, &operation).await, OperationState::Gone);
}

#[tokio::test]
async fn publish_and_delete_start_operations() {
    let stand = Stand::new().await;
    let azure = stand.azure();
    let body = json!({"location": "eastus", "properties": {"regionDetails": [{"location": "eastus"}]}});
    started(&azure, &put(registry(), body)).await;
    stand.emulator.advance(60.0);
    sent(&azure, &put_version("1")).await;
    let destination = json!({"registryName": "models", "destinationName": "fare", "destinationVersion": "1"});
    let publish = Call {
        doing: "test".into(),
        resource: workspace().model_version("fare", "1"),
        action: Action::Post("publish", destination),
    };
    let published = started(&azure, &publish).await;
    started(&azure, &put_endpoint()).await;
    stand.emulator.advance(60.0);
    assert_eq!(state(&azure, &published).await, OperationState::Succeeded);
    let copy = registry().model_version("fare", "1");
    assert!(azure.get::<ModelVersion>(&copy).await.expect("an answer").is_some());

    let delete = Call { doing: "test".into(), resource: endpoint(), action: Action::Delete };
    let reply = azure.send(&delete).await.expect("accepted");
    assert_eq!((reply.status, reply.body), (202, None));
    let deleted = reply.operation.expect("an operation");
    stand.emulator.advance(60.0);
    assert_eq!(state(&azure, &deleted).await, OperationState::Succeeded);
    assert_eq!(azure.get::<OnlineEndpoint>(&endpoint()).await, Ok(None));
    assert_eq!(sent(&azure, &delete).await, (204, None));
}

#[tokio::test]
async fn why_a_deployment_failed_is_in_its_operation() {
    let stand = Stand::new().await;
    let azure = stand.azure();
    let fail = Outcome::Fail {
        code: "ResourceNotReady".into(),
        message: "User container has crashed or terminated: Liveness probe failed.".into(),
    };
    for outcome in [Outcome::Vanish, fail] {
        stand.emulator.control().add_operation_rule(OperationRule {
            work: None,
            resource: "deployments/blue".into(),
            model: String::new(),
            times: Some(1),
            outcome,
        });
    }
    sent(&azure, &put_version("1")).await;
    started(&azure, &put_endpoint()).await;
    stand.emulator.advance(60.0);
    let operation = started(&azure, &put_deployment()).await;
    assert_eq!(state(&azure, &operation).await, OperationState::Running);
    // A second change on the endpoint has to wait.
    let error = azure.send(&put_endpoint()).await.expect_err("busy");
    assert_eq!(error.class, Class::Conflict, "{error}");
    stand.emulator.advance(300.0);
    let failed = OperationState::Failed {
        code: Some("ResourceNotReady".into()),
        message: "User container has crashed or terminated: Liveness probe failed.".into(),
    };
    assert_eq!(state(&azure, &operation).await, failed);
    let vanished = started(&azure, &put_deployment()).await;
    assert_eq!(state(&azure, &vanished).await, OperationState::Gone);
}

#[tokio::test]
async fn after_a_429_nothing_of_that_kind_is_sent() {
    let stand = Stand::new().await;
    let azure = stand.azure();
    let throttled = Effect::Answer {
        status: 429,
        code: "SubscriptionRequestsThrottled".into(),
        message: "Please try again after '7' seconds.".into(),
        headers: [("Retry-After".to_owned(), "7".to_owned())].into(),
    };
    stand.fault("GET", "workspaces/dev", throttled);
    let error = look(&azure).await.expect_err("throttled");
    assert_eq!(error.class, Class::Throttled(Duration::from_secs(7)));
    assert_eq!(code(&error), "SubscriptionRequestsThrottled");
    let error = look(&azure).await.expect_err("held back");
    assert!(matches!(error.class, Class::Throttled(wait) if wait > Duration::from_secs(5)), "{error:?}");
    assert_eq!(stand.seen("GET", "workspaces/dev"), 1);
    assert_eq!(sent(&azure, &put_version("1")).await.0, 201);
    assert_eq!(azure.counts(), Counts { reads: 1, writes: 1, throttled: 1 });
}

#[tokio::test]
async fn below_the_limits_nobody_is_throttled() {
    let mut stand = Stand::new().await;
    stand.emulator.set_time_scale(1.0).expect("a good scale");
    let reads = Limit { size: 20.0, refill: 20.0 };
    let limits = Limits { reads, ..Limits::default() };
    stand.emulator.control().config.throttling = Throttling::Custom(limits);
    stand.config.pace.longest_wait = Duration::from_secs(10);

    // Nine tenths of what is allowed, as the documented pace is; then ten times as much.
    for (share, throttled) in [(0.9, false), (10.0, true)] {
        stand.config.pace.reads = Bucket { size: 20.0 * share, per_second: 20.0 * share };
        let azure = stand.azure();
        let looks = futures::future::join_all((0..40).map(|_| look(&azure))).await;
        assert_eq!(looks.iter().all(Result::is_ok), !throttled, "{share}");
        assert_eq!(azure.counts().throttled > 0, throttled, "{share}: {:?}", azure.counts());
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

#[tokio::test]
async fn a_lost_answer_is_not_tried_again() {
    let mut stand = Stand::new().await;
    stand.config.request_timeout = Duration::from_secs(2);
    let azure = stand.azure();
    look(&azure).await.expect("an answer");
    for (version, effect, done) in [
        ("1", Effect::LoseAnswer, true),
        ("2", Effect::DropBefore, false),
        ("3", Effect::Silence { after_the_deed: true }, true),
    ] {
        let call = put_version(version);
        let path = format!("fare/versions/{version}");
        stand.fault("PUT", &path, effect.clone());
        let error = azure.send(&call).await.expect_err("no answer");
        assert_eq!((error.class, error.status), (Class::Transient, None), "{effect:?}: {error}");
        assert!(error.message.contains("127.0.0.1"), "{error}");
        assert_eq!(stand.seen("PUT", &path), 1, "{effect:?}");
        let found = azure.get::<ModelVersion>(&call.resource).await.expect("an answer");
        assert_eq!(found.is_some(), done, "{effect:?}");
    }
}

#[tokio::test]
async fn what_is_not_json_says_so() {
    let stand = Stand::new().await;
    let azure = stand.azure();
    for (status, body, expected) in [
        (
            502,
            "<html><head><title>502 Bad Gateway</title></head></html>",
            "127.0.0.1 answered 502 with something that is not JSON: \"502 Bad Gateway\"",
        ),
        (
            404,
            "<html>Nothing here</html>",
            "127.0.0.1 answered 404 with something that is not JSON: \"Nothing here\"",
        ),
        (
            200,
            "Log in to the network",
            "127.0.0.1 answered 200 with something that is not JSON: \"Log in to the network\"",
        ),
        (200, "", "127.0.0.1 answered 200 without the body that belongs there."),
        (
            200,
            r#"{"location":"eastus"}"#,
            "127.0.0.1 answered 200 with something unexpected: missing field `properties`",
        ),
    ] {
        let effect = Effect::Body { status, content_type: "text/html".into(), body: body.into() };
        stand.fault("GET", "workspaces/dev", effect);
        let error = look(&azure).await.expect_err(expected);
        assert_eq!((error.class, error.message.as_str()), (Class::Transient, expected));
    }
    assert!(look(&azure).await.expect("an answer").is_some());
}

#[tokio::test]
async fn a_refused_token_is_replaced() {
    let stand = Stand::new().await;
    let azure = stand.azure();
    assert!(look(&azure).await.is_ok());
    stand.emulator.control().expire_tokens();
    let error = look(&azure).await.expect_err("an expired token");
    assert_eq!((error.class, code(&error)), (Class::Unauthorized, "ExpiredAuthenticationToken"));
    assert!(look(&azure).await.is_ok());
    stand.emulator.control().revoke_tokens();
    assert!(look(&azure).await.is_err());
    assert!(look(&azure).await.is_ok());
    assert_eq!(stand.seen("POST", "/oauth2/v2.0/token"), 3);
}

#[tokio::test]
async fn no_token_goes_to_a_stranger() {
    let mut stand = Stand::new().await;
    let stranger = Emulator::start(azureml_emulator::Config::default()).await.expect("it starts");
    let url = stranger.url();
    // Its certificate is in order; it is still none of our hosts.
    let both = format!("{}{}", stand.emulator.ca_pem(), stranger.ca_pem());
    stand.config.ca_bundle = Some(file("both.pem", &both));
    let azure = stand.azure();

    let page = json!({"value": [], "nextLink": format!("{url}/subscriptions/x?$skip=secret")});
    let page = Effect::Body { status: 200, content_type: "application/json".into(), body: page.to_string() };
    stand.fault("GET", "/models", page);
    let models = workspace().to_string() + "/models";
    let refusals = [
        azure.list::<Value>(&models, &[]).await.err(),
        azure.operation(&format!("{url}/operations/1?s=secret"), SUBSCRIPTION).await.err(),
        azure.run(&url.replace("https", "azureml"), &workspace(), "train-1").await.err(),
    ];
    let host = url.trim_start_matches("https://");
    for (refusal, what) in
        refusals.into_iter().zip(["a nextLink", "an operation", "the workspace's tracking URI"])
    {
        let error = refusal.expect("a refusal");
        let expected = format!(
            "Refused to follow {what} to {host}: the host is neither one of Azure's management hosts nor a trusted host of ours. No token was sent there."
        );
        assert_eq!((error.class, error.message), (Class::Permanent, expected));
    }
    assert_eq!(stranger.control().log().count(), 0);

    let redirect = Effect::Answer {
        status: 307,
        code: String::new(),
        message: String::new(),
        headers: [("Location".to_owned(), format!("{url}/subscriptions"))].into(),
    };
    stand.fault("GET", "workspaces/dev", redirect);
    let error = look(&azure).await.expect_err("not followed");
    assert_eq!((error.class, error.status), (Class::Transient, Some(307)));
    assert_eq!(stranger.control().log().count(), 0);
}

#[tokio::test]
async fn a_run_tells_its_metrics() {
    let stand = Stand::new().await;
    let azure = stand.azure();
    let found = look(&azure).await.expect("an answer").expect("a workspace");
    let tracking = found.properties.ml_flow_tracking_uri.expect("a tracking URI");
    let run = azure.run(&tracking, &workspace(), "train-1").await.expect("an answer").expect("a run");
    assert_eq!((run.id.as_str(), run.user.as_deref()), ("train-1", Some("Ada")));
    let metrics = [("loss", "NaN"), ("rmse", "3.25")].map(|(k, v)| (k.to_owned(), v.to_owned()));
    assert_eq!(run.metrics, metrics.into());
    assert_eq!(azure.run(&tracking, &workspace(), "none").await, Ok(None));
}

#[tokio::test]
async fn what_azure_counts_is_what_we_count() {
    let stand = Stand::new().await;
    let azure = stand.azure();
    for version in ["1", "2", "3", "4"] {
        sent(&azure, &put_version(version)).await;
    }
    look(&azure).await.expect("an answer");
    let core = stand.emulator.control();
    let theirs = core.request_counts().get(CLIENT).copied().unwrap_or_default();
    let ours = azure.counts();
    assert_eq!((ours.reads, ours.writes), (theirs.reads, theirs.writes + theirs.deletes));
}
