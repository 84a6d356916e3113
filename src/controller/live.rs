//! The world as it is: a Kubernetes API server, Azure, the clock of this machine, and the log.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Namespace, ObjectReference, Secret};
use kube::api::{Api, DeleteParams, Patch, PatchParams, PostParams, Preconditions};
use kube::runtime::events::{Event as ClusterEvent, EventType, Recorder, Reporter};
use kube::runtime::reflector::{ObjectRef, Store};
use kube::{Client, ResourceExt};
use serde_json::json;
use tokio::sync::mpsc::UnboundedSender;
use tracing::{debug, error, info, warn};

use super::api_server::{ApiServer, is_no_answer};
use super::meter::{Gauge, Measuring};
use super::ports::{Azure, Clock, Cluster, Journal, Meter, Refusal};
use super::watch::Sighting;
use crate::api::{
    AnyObject, Approval, DeploymentBinding, MetricProvider, ModelVersion, Object, ObjectKey, ObjectKind,
    Registry, RolloutAction, Workspace,
};
use crate::azure;
use crate::azure::model::{
    Answer, Call, Class, EndpointKeys, Errand, Error, Read, Reply, ResourceId, redacted, visible,
};
use crate::decide::facts::{Due, Namespace as Seen};
use crate::decide::{Event, Kind};
use crate::measure::model::Answer as Measured;
use crate::outage::root_cause;

/// The API server has no time-out of its own on a request that hangs.
const LONGEST: Duration = Duration::from_secs(15);
/// Who we are in `metadata.managedFields`. For events the API server takes it from our User-Agent.
pub const FIELD_MANAGER: &str = "bindery";
/// Bytes that the note of an event may have.
const NOTE_LIMIT: usize = 1000;

/// The world as it is.
pub struct Live {
    server: ApiServer,
    azure: azure::client::Azure,
    meter: Measuring<Gauge>,
    stores: Stores,
    began: Instant,
}

/// What the watches have seen.
#[derive(Clone)]
pub struct Stores {
    pub registries: Store<Registry>,
    pub workspaces: Store<Workspace>,
    pub versions: Store<ModelVersion>,
    pub bindings: Store<DeploymentBinding>,
    pub approvals: Store<Approval>,
    pub actions: Store<RolloutAction>,
    pub providers: Store<MetricProvider>,
    /// None where the operator watches a list of namespaces: it reads no labels then.
    pub namespaces: Option<Store<Namespace>>,
}

impl Live {
    pub fn new(
        server: ApiServer,
        azure: azure::client::Azure,
        stores: Stores,
        woken: UnboundedSender<ObjectKey>,
    ) -> Self {
        let meter = Measuring::new(Gauge::new(server.clone(), azure.clone()), woken);
        Self { server, azure, meter, stores, began: Instant::now() }
    }

    /// This process does not lead any more: nothing is measured for its passes.
    pub fn foresee_nothing(&self) {
        self.meter.foresee_nothing();
    }

    /// What came of a request to the API server.
    async fn within<T>(&self, request: impl Future<Output = Result<T, kube::Error>>) -> Result<T, Refusal> {
        let asked = Instant::now();
        match tokio::time::timeout(LONGEST, request).await {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(kube::Error::Api(status))) if status.is_conflict() || status.is_not_found() => {
                Err(Refusal::Outdated)
            }
            Ok(Err(kube::Error::Api(status))) if status.is_forbidden() => {
                Err(Refusal::Forbidden(status.message.clone()))
            }
            // Without its debug dump.
            Ok(Err(kube::Error::Api(status))) => {
                Err(Refusal::Failed(format!("{}: {}", status.reason, status.message)))
            }
            Ok(Err(other)) if is_no_answer(&other) => {
                Err(Refusal::Unanswered(root_cause(&other).to_string()))
            }
            Ok(Err(other)) => Err(Refusal::Failed(other.to_string())),
            Err(_) => {
                // The request is dropped, and nobody else hears of it.
                let because = format!("no answer within {} s.", LONGEST.as_secs());
                self.server.unanswered(asked, &because);
                Err(Refusal::Unanswered(because))
            }
        }
    }

    fn secrets(&self, namespace: &str) -> Api<Secret> {
        Api::namespaced(self.server.client.clone(), namespace)
    }

    fn api<K: Object>(&self, object: &K) -> Api<K> {
        Api::namespaced(self.server.client.clone(), &object.home())
    }
}

impl Cluster for Live {
    fn get(&self, key: &ObjectKey) -> Option<AnyObject> {
        fn stored<K>(store: &Store<K>, key: &ObjectKey) -> Option<AnyObject>
        where
            K: Object,
        {
            store.get(&ObjectRef::new(&key.name).within(&key.namespace)).map(K::any)
        }
        match key.kind {
            ObjectKind::Registry => stored(&self.stores.registries, key),
            ObjectKind::Workspace => stored(&self.stores.workspaces, key),
            ObjectKind::ModelVersion => stored(&self.stores.versions, key),
            ObjectKind::DeploymentBinding => stored(&self.stores.bindings, key),
            ObjectKind::Approval => stored(&self.stores.approvals, key),
            ObjectKind::RolloutAction => stored(&self.stores.actions, key),
            ObjectKind::MetricProvider => stored(&self.stores.providers, key),
        }
    }

    fn namespace(&self, name: &str) -> Seen {
        let namespaces = self.stores.namespaces.as_ref();
        let found = namespaces.and_then(|all| all.get(&ObjectRef::new(name)));
        found.map_or_else(Seen::default, |namespace| seen(&namespace))
    }

    async fn replace_status<K: Kind>(&self, object: &K) -> Result<K, Refusal> {
        let parameters = PostParams { field_manager: Some(FIELD_MANAGER.into()), ..PostParams::default() };
        self.within(self.api(object).replace_status(&object.name_any(), &parameters, object)).await
    }

    async fn replace_finalizers<K: Kind>(&self, object: &K, finalizers: Vec<String>) -> Result<K, Refusal> {
        let patch =
            json!({"metadata": {"resourceVersion": object.resource_version(), "finalizers": finalizers}});
        let parameters = PatchParams { field_manager: Some(FIELD_MANAGER.into()), ..PatchParams::default() };
        // The answer has the status that the object has, whoever wrote that.
        let api: Api<Sighting<K>> = Api::namespaced(self.server.client.clone(), &object.home());
        let held = self.within(api.patch(&object.name_any(), &parameters, &Patch::Merge(patch))).await?;
        held.object().map_err(Refusal::Failed)
    }

    async fn delete<K: Kind>(&self, object: &K) -> Result<(), Refusal> {
        let preconditions = Preconditions { uid: object.uid(), resource_version: object.resource_version() };
        let parameters = DeleteParams::default().preconditions(preconditions);
        self.within(self.api(object).delete(&object.name_any(), &parameters)).await.map(|_| ())
    }

    async fn secret(&self, namespace: &str, name: &str) -> Result<Option<Secret>, Refusal> {
        self.within(self.secrets(namespace).get_opt(name)).await
    }

    async fn write_secret(&self, secret: &Secret) -> Result<(), Refusal> {
        let secrets = self.secrets(&secret.namespace().unwrap_or_default());
        let parameters = PostParams { field_manager: Some(FIELD_MANAGER.into()), ..PostParams::default() };
        let written = if secret.resource_version().is_some() {
            self.within(secrets.replace(&secret.name_any(), &parameters, secret)).await
        } else {
            self.within(secrets.create(&parameters, secret)).await
        };
        written.map(|_| ())
    }

    async fn delete_secret(&self, secret: &Secret) -> Result<(), Refusal> {
        let preconditions = Preconditions { uid: secret.uid(), resource_version: secret.resource_version() };
        let parameters = DeleteParams::default().preconditions(preconditions);
        let secrets = self.secrets(&secret.namespace().unwrap_or_default());
        self.within(secrets.delete(&secret.name_any(), &parameters)).await.map(|_| ())
    }

    async fn publish<K: Kind>(&self, object: &K, event: &Event) {
        let event = ClusterEvent {
            type_: if event.warning { EventType::Warning } else { EventType::Normal },
            reason: event.reason.to_string(),
            note: Some(note(&event.note)),
            action: event.action(),
            secondary: None,
        };
        let recorder = recorder(&self.server.client);
        if let Err(refusal) = self.within(recorder.publish(&event, &object.object_ref(&()))).await {
            debug!("an event was not published: {refusal:?}");
        }
    }
}

/// A recorder of its own for each event: two steps of a rollout have one reason and one deed, and a shared recorder would fold
/// them into one event with the first one's note. Nothing is told twice, so nothing has to be folded.
fn recorder(client: &Client) -> Recorder {
    Recorder::new(client.clone(), Reporter { controller: FIELD_MANAGER.into(), instance: None })
}

/// Warns whoever looks at an object that it cannot be read. Best effort: nobody waits for it.
pub(super) fn warn_of_unreadable(client: &Client, regarding: ObjectReference, text: &str) {
    let event = ClusterEvent {
        type_: EventType::Warning,
        reason: "Unreadable".into(),
        note: Some(note(text)),
        action: "Reconcile".into(),
        secondary: None,
    };
    let recorder = recorder(client);
    tokio::spawn(async move {
        match tokio::time::timeout(LONGEST, recorder.publish(&event, &regarding)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => debug!("an event was not published: {error}"),
            Err(_) => debug!("an event was not published: no answer"),
        }
    });
}

/// What an event has room for. The API server counts bytes, and drops an event that is longer.
fn note(text: &str) -> String {
    let mut note = visible(&redacted(text));
    let end = (0..=NOTE_LIMIT.min(note.len())).rev().find(|at| note.is_char_boundary(*at));
    note.truncate(end.unwrap_or(0));
    note
}

/// What is asked about a namespace.
pub(super) fn seen(namespace: &Namespace) -> Seen {
    let metadata = &namespace.metadata;
    Seen { labels: metadata.labels.clone().unwrap_or_default(), ends: metadata.deletion_timestamp.is_some() }
}

impl Azure for Live {
    async fn read(&self, read: &Read) -> Answer {
        self.azure.read(read).await
    }

    async fn send(&self, call: &Call) -> Result<Reply, Error> {
        self.azure.send(call).await
    }

    async fn keys(&self, errand: &Errand, endpoint: &ResourceId) -> Result<EndpointKeys, Error> {
        self.azure.endpoint_keys(errand, endpoint).await
    }
}

impl Meter for Live {
    fn measured(&self, by: &ObjectKey, due: &Due) -> Option<Measured> {
        self.meter.measured(by, due)
    }

    fn foresee(&self, by: &ObjectKey, due: BTreeSet<Due>) {
        self.meter.foresee(by, due, Timestamp::now());
    }
}

impl Clock for Live {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }
}

impl Journal for Live {
    fn calls<K: Kind>(&self, object: &K, _: &K::Facts, call: &Call) {
        let (name, kind) = (object.full_name(), K::KIND);
        info!(object = %name, %kind, resource = %call.resource, purpose = %call.errand.purpose, "about to {}", call.doing);
    }

    fn failed<K: Kind>(&self, object: &K, call: &Call, error: &Error) {
        let name = object.full_name();
        // An outage is told once for all objects; the condition of each says what it waits for.
        let unheard = error.class == Class::Transient && error.status.is_none();
        if unheard || (error.class == Class::Transient && self.azure.has_told_of_an_outage()) {
            debug!(object = %name, %error, "could not {}", call.doing);
        } else {
            warn!(object = %name, %error, "could not {}", call.doing);
        }
    }

    fn let_go<K: Kind>(&self, object: &K, _: &K::Facts, events: &[Event]) {
        for event in events {
            info!(object = %object.full_name(), kind = %K::KIND, "let go: {}", event.note);
        }
    }

    fn refused(&self, key: &ObjectKey, because: &Refusal, wait: Duration) {
        // The same holds for the API server.
        if matches!(because, Refusal::Unanswered(_)) || self.server.has_told_of_an_outage() {
            debug!(object = %key, error = %because, ?wait, "the cluster did not take a write; trying again");
        } else {
            warn!(object = %key, error = %because, ?wait, "the cluster did not take a write; trying again");
        }
    }

    fn panicked(&self, key: &ObjectKey) {
        error!(object = %key, "a pass panicked; trying again later");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_has_as_many_bytes_as_the_api_server_takes() {
        for (text, bytes) in [("a", 5000), ("ä", 2000), ("が", 1000), ("🚕", 1000)] {
            let note = note(&text.repeat(bytes));
            assert!(note.len() <= 1024 && note.len() > 990, "{text}: {}", note.len());
            assert!(note.chars().all(|c| text.contains(c)), "{text}");
        }
        assert_eq!(note("moved to https://a.example/b?sig=SECRET"), "moved to https://a.example/b");
        assert_eq!(note("one\nNormal  Succeeded\u{202e}"), r"one\nNormal  Succeeded\u202e");
    }
}
