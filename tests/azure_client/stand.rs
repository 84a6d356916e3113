//! An emulator, a client of it, and the calls that the tests make.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use azureml_emulator::{Client, Effect, Emulator, FaultRule, Federated, JobSeed, Time, WorkspaceSeed};
use bindery::azure::client::{Azure, Cloud, Config, CredentialConfig};
use bindery::azure::model::resource::Workspace;
use bindery::azure::model::{Action, Call, Error, OperationState, Purpose, ResourceId};
use serde_json::{Value, json};

pub const SUBSCRIPTION: &str = "11111111-0000-4000-8000-000000000001";
pub const CLIENT: &str = "22222222-0000-4000-8000-000000000002";
pub const SECRET: &str = "a secret";

/// An emulator with one workspace, and what a client of it is made from. Its time stands still.
pub struct Stand {
    pub emulator: Emulator,
    pub config: Config,
}

impl Stand {
    pub async fn new() -> Self {
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
                ..Federated::default()
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
        let storage = emulator.url().replace("https://127.0.0.1", "localhost");
        let cloud = Cloud::custom(&emulator.url(), &emulator.url()).and_then(|it| it.storing_at(&storage));
        config.cloud = cloud.expect("a cloud");
        config.ca_bundle = Some(file("ca.pem", emulator.ca_pem()));
        config.pace.longest_wait = Duration::from_secs(1);
        Self { emulator, config }
    }

    pub fn azure(&self) -> Azure {
        Azure::new(self.config.clone()).expect("a client")
    }

    /// A token of the emulator's, as the client gets it with its secret.
    pub async fn token(&self) -> String {
        let tenant = self.emulator.control().config.tenant.clone();
        let scope = "https%3A%2F%2Fmanagement.azure.com%2F.default";
        let ca = reqwest::Certificate::from_pem(self.emulator.ca_pem().as_bytes()).expect("a certificate");
        let client = reqwest::Client::builder().no_proxy().tls_certs_only([ca]).build().expect("a client");
        let answer = client
            .post(format!("{}/{tenant}/oauth2/v2.0/token", self.emulator.url()))
            .body(format!(
                "grant_type=client_credentials&client_id={CLIENT}&scope={scope}&client_secret={}",
                SECRET.replace(' ', "+")
            ))
            .send()
            .await
            .expect("an answer");
        let answer: Value = answer.json().await.expect("JSON");
        answer["access_token"].as_str().expect("a token").to_owned()
    }

    pub fn fault(&self, method: &str, path: &str, effect: Effect) {
        self.emulator.control().add_fault(FaultRule::on(method, path, effect).times(1));
    }

    /// How many requests of a method reached the emulator on paths with this in them.
    pub fn seen(&self, method: &str, path: &str) -> usize {
        let core = self.emulator.control();
        core.log().filter(|entry| entry.method == method && entry.path.contains(path)).count()
    }
}

pub fn file(name: &str, content: &str) -> PathBuf {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let name = format!("{}-{number}-{name}", std::process::id());
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, content).expect("a writable folder");
    path
}

pub fn workspace() -> ResourceId {
    ResourceId::workspace(SUBSCRIPTION, "ml", "dev")
}

pub fn registry() -> ResourceId {
    ResourceId::registry(SUBSCRIPTION, "ml", "models")
}

pub fn endpoint() -> ResourceId {
    workspace().child("onlineEndpoints", "fares")
}

pub fn put(resource: ResourceId, body: Value) -> Call {
    Call::new(Purpose::Update, resource, Action::Put(body), "test")
}

pub fn put_version(version: &str) -> Call {
    let uri = format!(
        "azureml://subscriptions/{SUBSCRIPTION}/resourcegroups/ml/workspaces/dev/datastores/d/paths/m"
    );
    let body = json!({"properties": {"modelType": "custom_model", "modelUri": uri, "tags": {"a": "b"}}});
    put(workspace().model_version("fare", version), body)
}

pub fn put_endpoint() -> Call {
    let body = json!({"location": "eastus", "identity": {"type": "SystemAssigned"},
        "properties": {"authMode": "Key", "traffic": {}}});
    put(endpoint(), body)
}

pub fn put_deployment() -> Call {
    let model = workspace().model_version("fare", "1").to_string();
    let body = json!({"location": "eastus", "sku": {"name": "Default", "capacity": 1},
        "properties": {"endpointComputeType": "Managed", "model": model, "instanceType": "Standard_DS3_v2"}});
    put(endpoint().child("deployments", "blue"), body)
}

/// Sends, and says the status and the operation's URL.
pub async fn sent(azure: &Azure, call: &Call) -> (u16, Option<String>) {
    let reply = azure.send(call).await.unwrap_or_else(|e| panic!("{}: {e}", call.resource));
    (reply.status, reply.operation)
}

/// The operation of a call that starts one.
pub async fn started(azure: &Azure, call: &Call) -> String {
    sent(azure, call).await.1.expect("an operation")
}

pub async fn state(azure: &Azure, url: &str) -> OperationState {
    azure.operation(url, SUBSCRIPTION).await.expect("a state")
}

pub async fn look(azure: &Azure) -> Result<Option<Workspace>, Error> {
    azure.get(&workspace()).await
}

pub fn code(error: &Error) -> &str {
    error.code.as_deref().unwrap_or_default()
}
