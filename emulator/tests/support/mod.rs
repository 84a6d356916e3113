//! A small world for tests: one workspace with a job, one principal, a clock in the test's hand.
#![allow(dead_code, clippy::unwrap_used)]

pub mod documented;
pub mod keys;

use std::collections::BTreeSet;

use azureml_emulator::{
    Config, Core, JobSeed, Principal, Request, ResourceSeed, Response, Seed, WorkspaceSeed, ids,
};
use http::Method;
use jiff::Timestamp;
use serde_json::{Value, json};

pub const SUBSCRIPTION: &str = "00000000-0000-4000-8000-000000000001";
pub const WORKSPACE: &str = "/subscriptions/00000000-0000-4000-8000-000000000001/resourceGroups/ml/providers/Microsoft.MachineLearningServices/workspaces/dev";
pub const REGISTRY: &str = "/subscriptions/00000000-0000-4000-8000-000000000001/resourceGroups/ml/providers/Microsoft.MachineLearningServices/registries/models";
pub const MODEL: &str = "/subscriptions/00000000-0000-4000-8000-000000000001/resourceGroups/ml/providers/Microsoft.MachineLearningServices/workspaces/dev/models/fares";
pub const ENVIRONMENT: &str = "/subscriptions/00000000-0000-4000-8000-000000000001/resourceGroups/ml/providers/Microsoft.MachineLearningServices/workspaces/dev/environments/serving/versions/1";
pub const ENDPOINT: &str = "/subscriptions/00000000-0000-4000-8000-000000000001/resourceGroups/ml/providers/Microsoft.MachineLearningServices/workspaces/dev/onlineEndpoints/fares";

pub struct World {
    pub core: Core,
    pub now: Timestamp,
    pub principal: Principal,
    /// The operations whose answers were checked and that succeeded.
    pub documented: BTreeSet<&'static str>,
}

impl World {
    pub fn new() -> Self {
        Self::with(Config::default())
    }

    pub fn with(mut config: Config) -> Self {
        config.exists.workspaces.push(WorkspaceSeed {
            subscription: SUBSCRIPTION.into(),
            resource_group: "ml".into(),
            name: "dev".into(),
            location: "eastus".into(),
            jobs: vec![JobSeed {
                name: "train-1".into(),
                metrics: [("rmse".to_owned(), json!([4.5, 3.25]))].into(),
                ..JobSeed::default()
            }],
            ..WorkspaceSeed::default()
        });
        config.exists.resources.push(ResourceSeed {
            id: ENVIRONMENT.into(),
            body: json!({"properties": {"image": "mcr.example/i:1"}}),
        });
        let now: Timestamp = "2026-03-26T18:01:29.5017071Z".parse().unwrap();
        Self {
            core: Core::new(config, now),
            now,
            principal: Principal::application("bindery"),
            documented: BTreeSet::new(),
        }
    }

    /// Every answer is held against what is documented.
    pub fn send(&mut self, request: &Request) -> Response {
        let answer = self.core.handle(self.now, &self.principal.clone(), request);
        let struck = self.core.log().last().is_some_and(|entry| entry.fault.is_some());
        self.documented.extend(documented::check(request, &answer, struck));
        answer
    }

    pub fn ask(&mut self, method: Method, path: &str, body: Option<&Value>) -> Response {
        let separator = if path.contains('?') { '&' } else { '?' };
        let request = Request::new(method, &format!("{path}{separator}api-version=2025-09-01"));
        self.send(&match body {
            Some(body) => request.json(body),
            None => request,
        })
    }

    pub fn get(&mut self, path: &str) -> Response {
        self.ask(Method::GET, path, None)
    }

    pub fn put(&mut self, path: &str, body: &Value) -> Response {
        self.ask(Method::PUT, path, Some(body))
    }

    pub fn patch(&mut self, path: &str, body: &Value) -> Response {
        self.ask(Method::PATCH, path, Some(body))
    }

    pub fn post(&mut self, path: &str, body: &Value) -> Response {
        self.ask(Method::POST, path, Some(body))
    }

    pub fn delete(&mut self, path: &str) -> Response {
        self.ask(Method::DELETE, path, None)
    }

    /// Follows a URL that an answer named.
    pub fn follow(&mut self, url: &str) -> Response {
        let path = url.strip_prefix("https://127.0.0.1").unwrap().to_owned();
        self.send(&Request::get(&path))
    }

    pub fn poll(&mut self, answer: &Response) -> Value {
        let url = answer.header_value("Azure-AsyncOperation").unwrap().to_owned();
        self.follow(&url).value()
    }

    pub fn pass(&mut self, seconds: f64) {
        self.now = ids::after(self.now, seconds);
        self.core.advance(self.now);
    }

    /// A PUT, and all the time it takes; it must succeed.
    pub fn settle_put(&mut self, path: &str, body: &Value) {
        let answer = self.put(path, body);
        assert!(answer.status < 300, "PUT {path}: {}", answer.value());
        self.pass(200.0);
        assert_eq!(self.poll(&answer)["status"], "Succeeded");
    }

    /// Publishes a version of the workspace's model to the registry under the same name and version.
    pub fn publish(&mut self, version: &str) -> Response {
        let destination =
            json!({"registryName": "models", "destinationName": "fares", "destinationVersion": version});
        self.post(&format!("{MODEL}/versions/{version}/publish"), &destination)
    }

    /// An endpoint with deployments of model version 1, without traffic.
    pub fn serve(&mut self, deployments: &[&str]) {
        self.put(&format!("{MODEL}/versions/1"), &model_body());
        self.settle_put(ENDPOINT, &endpoint_body(&json!({})));
        for name in deployments {
            self.settle_put(
                &format!("{ENDPOINT}/deployments/{name}"),
                &deployment_body(&format!("{MODEL}/versions/1")),
            );
        }
    }

    pub fn add_workspace(&mut self, name: &str, location: &str) {
        let workspace = WorkspaceSeed {
            subscription: SUBSCRIPTION.into(),
            resource_group: "ml".into(),
            name: name.into(),
            location: location.into(),
            ..WorkspaceSeed::default()
        };
        self.core.seed(&Seed { workspaces: vec![workspace], ..Seed::default() });
    }

    pub fn score(&mut self, endpoint: &str, key: &str) -> Response {
        let path = format!("/inference/eastus/{endpoint}/score");
        self.send(
            &Request::post(&path, &json!({"data": []})).header("Authorization", &format!("Bearer {key}")),
        )
    }
}

pub fn registry_body() -> Value {
    json!({
        "location": "EastUS",
        "tags": {"one": "two"},
        "identity": {"type": "SystemAssigned"},
        "properties": {"regionDetails": [{
            "location": "EastUS",
            "storageAccountDetails": [{"systemCreatedStorageAccount": {"storageAccountType": "standard_lrs", "storageAccountHnsEnabled": false}}],
            "acrDetails": [{"systemCreatedAcrAccount": {"acrAccountSku": "Premium"}}],
        }]},
    })
}

pub fn model_body() -> Value {
    json!({"properties": {
        "modelUri": "azureml://jobs/train-1/outputs/artifacts/paths/model",
        "modelType": "mlflow_model",
        "jobName": "train-1",
        "description": "d",
        "tags": {"t": "1"},
        "stage": "Production",
    }})
}

pub fn endpoint_body(traffic: &Value) -> Value {
    json!({"location": "eastus", "identity": {"type": "SystemAssigned"}, "properties": {"authMode": "Key", "traffic": traffic}})
}

pub fn deployment_body(model: &str) -> Value {
    json!({
        "location": "eastus",
        "sku": {"name": "Default", "capacity": 3},
        "properties": {
            "endpointComputeType": "Managed",
            "model": model,
            "instanceType": "Standard_F4s_v2",
            "codeConfiguration": {"codeId": format!("{WORKSPACE}/codes/c/versions/1"), "scoringScript": "score.py"},
            "environmentId": ENVIRONMENT,
        },
    })
}
