//! A control plane with the CRDs, and a namespace to try manifests in.

use std::process::{Command, Output};
use std::time::{Duration, Instant};

use e2e::ControlPlane;
use e2e::control_plane::shared;
use k8s_openapi::api::core::v1::Namespace;
use kube::Client;
use kube::api::{Api, DeleteParams, PostParams};
use serde_json::{Value, json};
use tokio::sync::OnceCell;

/// The control plane with the CRDs, and a namespace.
pub struct Stand {
    control_plane: &'static ControlPlane,
    pub client: Client,
    pub namespace: String,
    made: bool,
}

impl Stand {
    /// With a namespace of its own.
    pub async fn new(purpose: &str) -> Self {
        Self::with(&format!("bindery-{purpose}-{}", std::process::id())).await
    }

    pub async fn with(namespace: &str) -> Self {
        static INSTALLED: OnceCell<()> = OnceCell::const_new();
        let control_plane = shared().await.unwrap();
        let client = control_plane.client().unwrap();
        let install = async || e2e::install_crds(&client, &bindery::api::crds()).await.unwrap();
        INSTALLED.get_or_init(install).await;
        let object = serde_json::from_value(json!({"metadata": {"name": namespace}})).unwrap();
        let made = Api::<Namespace>::all(client.clone()).create(&PostParams::default(), &object).await;
        Self { control_plane, client, namespace: namespace.into(), made: made.is_ok() }
    }

    /// Removes the namespace: the cluster may be somebody's.
    pub async fn leave(self) {
        if self.made {
            let namespaces: Api<Namespace> = Api::all(self.client);
            namespaces.delete(&self.namespace, &DeleteParams::background()).await.unwrap();
        }
    }

    fn path(&self, kind: &str) -> String {
        format!("/apis/bindery.dev/v1alpha1/namespaces/{}/{kind}", self.namespace)
    }

    pub async fn create(&self, kind: &str, object: &Value, query: &str) -> Result<Value, String> {
        let request = http::Request::post(format!("{}?fieldValidation=Strict{query}", self.path(kind)));
        answer(&self.client, request, object).await
    }

    /// `kubectl apply --server-side`.
    pub async fn apply(&self, kind: &str, object: &Value) -> Result<Value, String> {
        let name = object["metadata"]["name"].as_str().unwrap();
        let address = format!("{}/{name}?fieldManager=stand&force=true", self.path(kind));
        let request = http::Request::patch(address).header("content-type", "application/apply-patch+yaml");
        answer(&self.client, request, object).await
    }

    pub async fn change(&self, kind: &str, patch: &Value) -> Result<Value, String> {
        let address = format!("{}/example?fieldValidation=Strict&dryRun=All", self.path(kind));
        let request = http::Request::patch(address).header("content-type", "application/merge-patch+json");
        answer(&self.client, request, patch).await
    }

    fn kubectl(&self, arguments: &[&str]) -> Output {
        Command::new(self.control_plane.kubectl().expect("a kubectl"))
            .args(arguments)
            .env("KUBECONFIG", self.control_plane.kubeconfig_path())
            .output()
            .unwrap()
    }

    pub fn kubectl_says(&self, arguments: &[&str]) -> String {
        let output = self.kubectl(arguments);
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "kubectl {arguments:?}: {error}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// `kubectl apply`, which compares on the client's side.
    pub fn kubectl_applies(&self, object: &Value) -> String {
        let file = std::env::temp_dir().join(format!("{}.json", self.namespace));
        std::fs::write(&file, object.to_string()).unwrap();
        let said = self.kubectl_says(&[
            "apply",
            "--namespace",
            &self.namespace,
            "--filename",
            file.to_str().unwrap(),
        ]);
        std::fs::remove_file(file).unwrap();
        said
    }

    /// kubectl asks for the OpenAPI documents, which follow the CRDs after a moment.
    pub async fn kubectl_says_at_last(&self, arguments: &[&str], expected: &str) {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            let output = self.kubectl(arguments);
            if String::from_utf8_lossy(&output.stdout).contains(expected) {
                return;
            }
            assert!(Instant::now() < deadline, "kubectl {arguments:?} says {output:?}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

async fn answer(client: &Client, request: http::request::Builder, body: &Value) -> Result<Value, String> {
    let request = request.body(serde_json::to_vec(body).unwrap()).unwrap();
    match client.request(request).await {
        Ok(object) => Ok(object),
        Err(kube::Error::Api(refusal)) => Err(refusal.message.clone()),
        Err(error) => panic!("{error}"),
    }
}
