//! What a person does in the cluster: apply, edit, delete, look at events, run kubectl.

use std::fmt::Debug;
use std::process::Command;

use bindery::api::{
    Approval, DeploymentBinding, MetricProvider, ModelVersion, Registry, RolloutAction, Workspace,
};
use futures::TryStreamExt;
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::api::events::v1::Event;
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams, WatchEvent, WatchParams};
use kube::{Client, Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{Error, PATIENCE, Stand, condition};

/// A kind of ours.
pub trait Object:
    Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned + Serialize
{
}

impl<K> Object for K where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Clone
        + Debug
        + DeserializeOwned
        + Serialize
{
}

impl Stand {
    /// Changes a spec by a merge patch, as `kubectl patch` does. A refusal is the API server's sentence.
    pub async fn edit<K: Object>(&self, name: &str, spec: Value) -> Result<K, Error> {
        let patch = Patch::Merge(json!({"spec": spec}));
        match self.api::<K>().patch(name, &PatchParams::default(), &patch).await {
            Ok(object) => Ok(object),
            Err(kube::Error::Api(status)) => Err(status.message.clone().into()),
            Err(error) => Err(error.into()),
        }
    }

    /// Makes a namespace with these labels, or gives it these.
    pub async fn apply_namespace(&self, name: &str, labels: Value) -> Result<(), Error> {
        let metadata = json!({"name": name, "labels": labels});
        let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata});
        let api: Api<Namespace> = Api::all(self.client.clone());
        api.patch(name, &PatchParams::apply("stand").force(), &Patch::Apply(&namespace)).await?;
        Ok(())
    }

    /// Asks Bindery to look at Azure now instead of at its next comparison; once lists show what was changed so far, where
    /// they lag.
    pub async fn look_again<K: Object>(&self, name: &str) -> Result<(), Error> {
        tokio::time::sleep(self.list_lag()).await;
        let token = jiff::Timestamp::now().to_string();
        let patch = Patch::Merge(json!({"metadata": {"annotations": {bindery::api::RECONCILE: token}}}));
        self.api::<K>().patch(name, &PatchParams::default(), &patch).await?;
        Ok(())
    }

    /// Deletes an object, without waiting for its end.
    pub async fn delete<K: Object>(&self, name: &str) -> Result<(), Error> {
        self.api::<K>().delete(name, &DeleteParams::default()).await?;
        Ok(())
    }

    /// Deletes an object and waits for its end.
    pub async fn delete_and_wait<K: Object>(&self, name: &str) -> Result<(), Error> {
        self.delete::<K>(name).await?;
        self.wait_gone::<K>(name).await
    }

    /// Takes the whole status of an object away, as a restore from a backup does.
    pub async fn erase_status<K: Object>(&self, name: &str) -> Result<(), Error> {
        let nothing = Patch::Merge(json!({"status": null}));
        let bare = self.api::<K>().patch_status(name, &PatchParams::default(), &nothing).await?;
        if condition(&bare, "Ready").is_some() {
            return Err(format!("the status of {name} was not erased").into());
        }
        Ok(())
    }

    /// Waits until an object is not Ready for this reason; its message.
    pub async fn wait_reason<K: Object>(&self, name: &str, reason: &str) -> Result<String, Error> {
        let object =
            self.wait_for::<K>(name, reason, |o| super::not_ready_because(o, reason) && current(o)).await?;
        Ok(condition(&object, "Ready").map(|(.., message)| message).unwrap_or_default())
    }

    /// The first state that an object went through since a resource version, however briefly, in which
    /// something held.
    pub async fn seen_since<K: Object>(
        &self,
        object: &K,
        what: &str,
        holds: impl Fn(&K) -> bool,
    ) -> Result<K, Error> {
        let (name, version) = (object.name_any(), object.resource_version().unwrap_or_default());
        let only = format!("metadata.name={name}");
        let patience = u32::try_from(PATIENCE.as_secs())?;
        let watch = WatchParams::default().fields(&only).timeout(patience);
        let mut changes = std::pin::pin!(self.api::<K>().watch(&watch, &version).await?);
        while let Some(change) = changes.try_next().await? {
            if let WatchEvent::Added(object) | WatchEvent::Modified(object) = change
                && holds(&object)
            {
                return Ok(object);
            }
        }
        Err(format!(
            "{name} was never {what} in {PATIENCE:?}; the operator's log:\n{}",
            self.operator.told(30)
        )
        .into())
    }

    /// The events about an object, as `Warning Drifted PutBack: note`, in no order.
    pub async fn events(&self, name: &str) -> Result<Vec<String>, Error> {
        let api: Api<Event> = Api::namespaced(self.client.clone(), &self.namespace);
        let all = api.list(&ListParams::default()).await?;
        let about = all.items.into_iter().filter(|e| {
            e.regarding.as_ref().and_then(|r| r.name.as_deref()).is_some_and(|regarding| regarding == name)
        });
        let text = |t: Option<String>| t.unwrap_or_default();
        let told = about
            .map(|e| format!("{} {} {}: {}", text(e.type_), text(e.reason), text(e.action), text(e.note)));
        Ok(told.collect())
    }

    /// Waits until an event about an object contains this text: events follow what they tell about.
    pub async fn wait_event(&self, name: &str, part: &str) -> Result<String, Error> {
        let begun = std::time::Instant::now();
        loop {
            let events = self.events(name).await?;
            if let Some(found) = events.iter().find(|e| e.contains(part)) {
                return Ok(found.clone());
            }
            if begun.elapsed() > PATIENCE {
                return Err(format!("no event of {name} contains {part:?}: {events:?}").into());
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    }

    /// What kubectl answers in the stand's namespace; its complaint where it fails.
    pub async fn kubectl(&self, arguments: &[&str]) -> Result<String, Error> {
        let program = match &self.kubectl {
            Some(found) => found.clone(),
            None => crate::tools::kubectl(&crate::Progress::silent()).await?,
        };
        let mut command = Command::new(program);
        command.args(["--namespace", &self.namespace]).args(arguments).env("KUBECONFIG", &self.kubeconfig);
        let output = tokio::task::spawn_blocking(move || command.output()).await??;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        Err(format!("kubectl {arguments:?}: {}", String::from_utf8_lossy(&output.stderr)).into())
    }
}

/// Takes all objects of ours out of a namespace, whatever they wait for.
pub(super) async fn sweep(client: &Client, namespace: &str) -> Result<(), Error> {
    async fn all<K: Object>(client: &Client, namespace: &str) -> Result<(), Error> {
        let api: Api<K> = Api::namespaced(client.clone(), namespace);
        for object in api.list(&ListParams::default()).await? {
            let free = Patch::Merge(json!({"metadata": {"finalizers": null}}));
            api.patch(&object.name_any(), &PatchParams::default(), &free).await?;
        }
        api.delete_collection(&DeleteParams::default(), &ListParams::default()).await?;
        Ok(())
    }
    all::<Approval>(client, namespace).await?;
    all::<RolloutAction>(client, namespace).await?;
    all::<DeploymentBinding>(client, namespace).await?;
    all::<ModelVersion>(client, namespace).await?;
    all::<Workspace>(client, namespace).await?;
    all::<Registry>(client, namespace).await?;
    all::<MetricProvider>(client, namespace).await?;
    all::<Event>(client, namespace).await
}

/// Is something in Azure other than the manifest says?
pub fn drifted<K: Serialize>(object: &K) -> bool {
    condition(object, "Drifted").is_some_and(|(status, ..)| status == "True")
}

/// Does its status speak of the generation that it has now?
pub fn current<K: Serialize + Resource>(object: &K) -> bool {
    let observed = serde_json::to_value(object).ok().and_then(|o| o["status"]["observedGeneration"].as_i64());
    observed == object.meta().generation
}
