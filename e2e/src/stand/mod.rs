//! The whole of Bindery on one machine: a real control plane, the emulator, and the built operator
//! between them, under the chart's own rights.

pub mod ada;
mod azure;
mod cluster;
mod identities;
mod operator;
mod position;
pub mod prometheus;
mod story;
mod users;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use azureml_emulator::{Config, Emulator};
use kube::api::{Api, DynamicObject, Patch, PatchParams, PostParams};
use kube::core::{GroupVersionKind, ObjectMeta};
use kube::discovery::ApiResource;
use kube::{Client, Resource};
use serde_json::{Value, json};

pub use cluster::{Object, current, drifted};
pub use operator::{LEASE, Operator, OperatorOptions, binary, build};
pub use position::INFERRED_VARIABLE;
pub use story::{GROUP, SUBSCRIPTION, azure_id, emulator_config, job};
pub use users::{User, apply_approval_policy, apply_roles, apply_wildcard_role};

use crate::ControlPlane;

/// What can go wrong while the stand is set up or used: always something to read.
pub type Error = Box<dyn std::error::Error + Send + Sync>;

/// How the stand is to be.
#[derive(Debug, Clone)]
pub struct StandOptions {
    /// Watch only the stand's own namespace and those of `also_watched`, so that many stands share a control plane.
    /// Default true.
    pub one_namespace: bool,
    /// More namespaces to watch, which are made.
    pub also_watched: Vec<String>,
    /// More arguments for the operator.
    pub arguments: Vec<String>,
    /// The emulator. Default: the story's, at a hundred times real speed.
    pub emulator: Config,
    /// Start the operator. Default true.
    pub operator: bool,
}

impl Default for StandOptions {
    fn default() -> Self {
        Self {
            one_namespace: true,
            also_watched: vec![],
            arguments: vec![],
            emulator: emulator_config(100.0),
            operator: true,
        }
    }
}

/// A namespace of its own on a control plane, an emulator of its own, and an operator for both.
pub struct Stand {
    pub emulator: Emulator,
    pub operator: Operator,
    pub client: Client,
    pub namespace: String,
    pub kubeconfig: PathBuf,
    kubectl: Option<PathBuf>,
}

impl Stand {
    /// Sets a stand up on a control plane. `name` becomes the namespace.
    pub async fn start(
        control_plane: &ControlPlane,
        name: &str,
        options: StandOptions,
    ) -> Result<Self, Error> {
        position::tell()?;
        let client = control_plane.client()?;
        crate::install_crds(&client, &bindery::api::crds()).await?;
        let watched: Vec<String> = [vec![name.to_string()], options.also_watched].concat();
        let watched = if options.one_namespace { watched } else { vec![] };
        create_namespace(&client, name).await?;
        for namespace in watched.iter().skip(1) {
            create_namespace(&client, namespace).await?;
        }
        let emulator = Emulator::start(options.emulator).await?;
        let account = operator::grant(control_plane, name, &watched).await?;
        let mut operator = Operator::prepare(OperatorOptions {
            kubeconfig: account,
            emulator: emulator.url(),
            ca_pem: emulator.ca_pem().to_string(),
            watched,
            cluster_id: "stand".into(),
            arguments: options.arguments,
        })?;
        if options.operator {
            operator.start()?;
        }
        let kubeconfig = control_plane.kubeconfig_path().to_path_buf();
        let kubectl = control_plane.kubectl().map(Into::into);
        Ok(Self { emulator, operator, client, namespace: name.into(), kubeconfig, kubectl })
    }

    /// Objects of a kind in the stand's namespace.
    pub fn api<K>(&self) -> Api<K>
    where
        K: Resource<DynamicType = (), Scope = k8s_openapi::NamespaceResourceScope>,
    {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    /// Applies a manifest as `kubectl apply --server-side` does. A refusal is the API server's sentence.
    pub async fn apply(&self, kind: &str, name: &str, spec: Value) -> Result<(), Error> {
        self.apply_in(&self.namespace, kind, name, spec).await
    }

    /// The same in another namespace.
    pub async fn apply_in(&self, namespace: &str, kind: &str, name: &str, spec: Value) -> Result<(), Error> {
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk("bindery.dev", "v1alpha1", kind));
        let resource = if kind == "Registry" {
            ApiResource { plural: "registries".into(), ..resource }
        } else {
            resource
        };
        let api: Api<DynamicObject> = Api::namespaced_with(self.client.clone(), namespace, &resource);
        let object = json!({
            "apiVersion": "bindery.dev/v1alpha1", "kind": kind,
            "metadata": {"name": name, "namespace": namespace}, "spec": spec,
        });
        match api.patch(name, &PatchParams::apply("stand").force(), &Patch::Apply(&object)).await {
            Ok(_) => Ok(()),
            Err(kube::Error::Api(status)) => Err(status.message.clone().into()),
            Err(error) => Err(error.into()),
        }
    }

    /// Waits until an object is as it should be; the error says how it was in the end.
    pub async fn wait_for<K: Object>(
        &self,
        name: &str,
        what: &str,
        holds: impl Fn(&K) -> bool,
    ) -> Result<K, Error> {
        let api = self.api::<K>();
        let begun = Instant::now();
        loop {
            let object = api.get_opt(name).await?;
            if let Some(object) = object.as_ref().filter(|o| holds(o)) {
                return Ok(object.clone());
            }
            if begun.elapsed() > PATIENCE {
                return Err(self.not_yet(&format!("become {what}"), name, object.as_ref()).into());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits until an object is gone.
    pub async fn wait_gone<K: Object>(&self, name: &str) -> Result<(), Error> {
        let api = self.api::<K>();
        let begun = Instant::now();
        while let Some(object) = api.get_opt(name).await? {
            if begun.elapsed() > PATIENCE {
                return Err(self.not_yet("go", name, Some(&object)).into());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }

    /// What did not come, how the object is instead, and what the operator tells.
    fn not_yet<K: Object>(&self, what: &str, name: &str, object: Option<&K>) -> String {
        let status = object.map(|o| serde_json::to_value(o).unwrap_or_default()["status"].take());
        let status = serde_json::to_string_pretty(&status.unwrap_or_default()).unwrap_or_default();
        let log = self.operator.told(30);
        format!(
            "{} {name} did not {what} in {PATIENCE:?}; its status:\n{status}\nthe operator's log:\n{log}",
            K::kind(&())
        )
    }
}

/// How long the stand waits for what should come: long, because the machines are slow and a wait that
/// is fulfilled ends at once.
pub const PATIENCE: Duration = Duration::from_secs(90);

async fn create_namespace(client: &Client, name: &str) -> Result<(), Error> {
    let api: Api<k8s_openapi::api::core::v1::Namespace> = Api::all(client.clone());
    let namespace = k8s_openapi::api::core::v1::Namespace {
        metadata: ObjectMeta { name: Some(name.into()), ..ObjectMeta::default() },
        ..Default::default()
    };
    match api.create(&PostParams::default(), &namespace).await {
        Ok(_) => Ok(()),
        // On a cluster that is not ours alone: what an earlier run left there.
        Err(kube::Error::Api(status)) if status.is_already_exists() => cluster::sweep(client, name).await,
        Err(error) => Err(error.into()),
    }
}

/// The condition of this type in a status, as `status reason: message`.
pub fn condition<K: serde::Serialize>(object: &K, kind: &str) -> Option<(String, String, String)> {
    let object = serde_json::to_value(object).ok()?;
    let all = object["status"]["conditions"].as_array()?.clone();
    let found = all.into_iter().find(|c| c["type"] == kind)?;
    let text = |field: &str| found[field].as_str().unwrap_or_default().to_string();
    Some((text("status"), text("reason"), text("message")))
}

/// Is the object Ready, for the generation that it has now?
pub fn ready<K: serde::Serialize + Resource>(object: &K) -> bool {
    current(object) && condition(object, "Ready").is_some_and(|(status, ..)| status == "True")
}

/// Has the object this reason for not being Ready?
pub fn not_ready_because<K: serde::Serialize>(object: &K, reason: &str) -> bool {
    condition(object, "Ready").is_some_and(|(status, why, _)| status != "True" && why == reason)
}
