//! Which change of which object wakes whom. One watch per kind feeds one store and four queues.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Debug;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use futures::stream::{BoxStream, Stream, StreamExt};
use k8s_openapi::api::core::v1::Namespace;
use kube::runtime::controller::{self, Action, Config, applier};
use kube::runtime::reflector::store::Writer;
use kube::runtime::reflector::{self, ObjectRef};
use kube::runtime::watcher::{self, Event};
use kube::runtime::{WatchStreamExt, watcher as watch};
use kube::{Api, Client, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::context::{Context, Options, Stores};
use super::gather::{find_registry, served_by};
use super::kind::Kind;
use super::memory::fingerprint;
use super::names::Name;
use super::pass::pass;
use crate::api::{DeploymentBinding, ModelVersion, Registry, Workspace};
use crate::azure::client::Azure;

/// Passes of one kind at a time.
const CONCURRENCY: u16 = 32;

/// The queues: whoever is named in one gets a pass.
#[derive(Clone)]
struct Queues {
    registries: UnboundedSender<ObjectRef<Registry>>,
    workspaces: UnboundedSender<ObjectRef<Workspace>>,
    versions: UnboundedSender<ObjectRef<ModelVersion>>,
    bindings: UnboundedSender<ObjectRef<DeploymentBinding>>,
}

/// Runs the operator until it is told to stop. Passes that have begun are finished.
pub async fn run(client: Client, azure: Azure, options: Options, stop: CancellationToken) {
    let (registries, registry_writer) = reflector::store();
    let (workspaces, workspace_writer) = reflector::store();
    let (versions, version_writer) = reflector::store();
    let (bindings, binding_writer) = reflector::store();
    let (namespaces, namespace_writer) = reflector::store::<Namespace>();
    let everywhere = options.namespace.is_none();
    let namespaces = everywhere.then_some(namespaces);
    let stores = Stores { registries, workspaces, versions, bindings, namespaces, names: Arc::default() };
    let (registries, registry_queue) = unbounded_channel();
    let (workspaces, workspace_queue) = unbounded_channel();
    let (versions, version_queue) = unbounded_channel();
    let (bindings, binding_queue) = unbounded_channel();
    let queues = Queues { registries, workspaces, versions, bindings };
    let context = Arc::new(Context::new(client, azure, options, stores));

    let mut watches = JoinSet::new();
    watches.spawn(follow::<Registry>(context.clone(), registry_writer, queues.clone()));
    watches.spawn(follow::<Workspace>(context.clone(), workspace_writer, queues.clone()));
    watches.spawn(follow::<ModelVersion>(context.clone(), version_writer, queues.clone()));
    watches.spawn(follow::<DeploymentBinding>(context.clone(), binding_writer, queues.clone()));
    if everywhere {
        watches.spawn(follow_namespaces(context.clone(), namespace_writer, queues));
    }
    if !whole(&context.stores, &stop).await {
        return;
    }
    info!("the picture of the cluster is whole; beginning to reconcile");
    let mut passes = JoinSet::new();
    passes.spawn(serve::<Registry>(context.clone(), registry_queue, stop.clone()));
    passes.spawn(serve::<Workspace>(context.clone(), workspace_queue, stop.clone()));
    passes.spawn(serve::<ModelVersion>(context.clone(), version_queue, stop.clone()));
    passes.spawn(serve::<DeploymentBinding>(context, binding_queue, stop));
    while passes.join_next().await.is_some() {}
}

/// Waits until every store has seen its whole collection: nothing is decided on half a picture.
async fn whole(stores: &Stores, stop: &CancellationToken) -> bool {
    let all = async {
        let _ = stores.registries.wait_until_ready().await;
        let _ = stores.workspaces.wait_until_ready().await;
        let _ = stores.versions.wait_until_ready().await;
        let _ = stores.bindings.wait_until_ready().await;
        if let Some(namespaces) = &stores.namespaces {
            let _ = namespaces.wait_until_ready().await;
        }
    };
    tokio::select! { () = all => true, () = stop.cancelled() => false }
}

async fn serve<K: Kind>(
    context: Arc<Context>,
    queue: UnboundedReceiver<ObjectRef<K>>,
    stop: CancellationToken,
) {
    let queue =
        futures::stream::unfold(queue, |mut queue| async { queue.recv().await.map(|it| (it, queue)) })
            .take_until(stop.cancelled_owned())
            .map(Ok::<_, watcher::Error>);
    let store = K::store(&context.stores).clone();
    let config = Config::default().concurrency(CONCURRENCY);
    let run = |object, context| Box::pin(pass::<K>(object, context));
    applier(run, |_, _, _| Action::requeue(Duration::from_secs(60)), context, store, Box::pin(queue), config)
        .for_each(|done| async {
            match done {
                Ok(_) | Err(controller::Error::ObjectNotFound(_)) => {}
                Err(error) => warn!("a pass was not made: {error}"),
            }
        })
        .await;
}

/// What a watch brings, with its own back-off; a broken watch is logged, never silent.
fn events<K>(api: Api<K>) -> BoxStream<'static, Event<K>>
where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + 'static,
{
    let kind = K::kind(&());
    watch(api, watcher::Config::default())
        .default_backoff()
        // Who wrote which field is as large as the rest of an object, and nobody here asks for it. A write
        // without it leaves it as it is.
        .modify(|object| object.meta_mut().managed_fields = None)
        .filter_map(move |event| {
            let kind = kind.clone();
            async move {
                event.inspect_err(|error| warn!(%kind, "the watch broke and begins again: {error}")).ok()
            }
        })
        .boxed()
}

/// Labels decide which places a namespace may know of, so other labels deserve another look from there.
async fn follow_namespaces(context: Arc<Context>, mut writer: Writer<Namespace>, queues: Queues) {
    let mut events = events(Api::<Namespace>::all(context.client.clone()));
    while let Some(event) = events.next().await {
        let before = match &event {
            Event::Apply(namespace) => context.stores.labels(&namespace.name_any()),
            _ => BTreeMap::new(),
        };
        writer.apply_watcher_event(&event);
        if let Event::Apply(namespace) = event
            && *namespace.labels() != before
        {
            let home = namespace.name_any();
            // What is let in or shut out now has a claim more or less, which its rivals have to know.
            let stores = &context.stores;
            for version in stores.versions.state_filter(|v| v.home() == home) {
                wake_each(&queues, &version.rivals(stores));
                wake_each(&queues, &[version]);
            }
            for binding in stores.bindings.state_filter(|b| b.home() == home) {
                wake_each(&queues, &binding.rivals(stores));
                wake_each(&queues, &[binding]);
            }
        }
    }
}

async fn follow<K: Wakes>(context: Arc<Context>, writer: Writer<K>, queues: Queues) {
    let client = context.client.clone();
    let api: Api<K> = match &context.options.namespace {
        Some(namespace) => Api::namespaced(client, namespace),
        None => Api::all(client),
    };
    take_in(events(api), &context, writer, &queues).await;
}

/// Takes over what a watch brings, and wakes whom it concerns.
async fn take_in<K: Wakes>(
    mut events: impl Stream<Item = Event<K>> + Unpin,
    context: &Context,
    mut writer: Writer<K>,
    queues: &Queues,
) {
    let mut seen: HashMap<String, Seen> = HashMap::new();
    let names = &context.stores.names;
    while let Some(event) = events.next().await {
        match &event {
            Event::Apply(object) | Event::InitApply(object) => {
                let before = K::store(&context.stores).get(&ObjectRef::from_obj(object));
                names.put(before.as_deref(), object);
            }
            Event::Delete(object) => names.remove(object),
            Event::Init | Event::InitDone => {}
        }
        writer.apply_watcher_event(&event);
        match event {
            Event::Apply(object) => {
                let known = seen.insert(object.uid().unwrap_or_default(), Seen::of(&object));
                react(context, queues, &object, known.as_ref());
            }
            Event::InitApply(object) => {
                seen.insert(object.uid().unwrap_or_default(), Seen::of(&object));
            }
            Event::Delete(object) => {
                let uid = object.uid().unwrap_or_default();
                seen.remove(&uid);
                context.memory.forget(&uid);
                object.wake_others(&context.stores, queues);
            }
            // Only now the store holds what was listed: a pass before would be made on older objects. Everybody
            // gets one, so nobody has to be woken by others.
            Event::InitDone => {
                for object in K::store(&context.stores).state() {
                    object.wake(queues);
                }
            }
            Event::Init => {}
        }
    }
}

fn react<K: Wakes>(context: &Context, queues: &Queues, object: &K, known: Option<&Seen>) {
    let now = Seen::of(object);
    let uid = object.uid().unwrap_or_default();
    let meant = context.memory.change(&uid, |it| it.meant);
    // Our own status comes back as an event too. Anybody else's deserves a look: it may be gone.
    let echo = meant == Some(now.status);
    if known.is_none_or(|k| k.own != now.own) || !(echo || known.is_some_and(|k| k.status == now.status)) {
        object.wake(queues);
    }
    if known.is_none_or(|k| k.outward != now.outward) {
        object.wake_others(&context.stores, queues);
    }
}

/// What was seen of an object, as far as it wakes anybody.
struct Seen {
    own: u64,
    status: u64,
    outward: u64,
}

impl Seen {
    fn of<K: Wakes>(object: &K) -> Self {
        let meta = object.meta();
        let own = (meta.generation, meta.deletion_timestamp.is_some(), object.annotations());
        Self {
            own: hash(&own),
            status: fingerprint(&object.current()),
            outward: hash(&(own.0, own.1, object.outward())),
        }
    }
}

fn hash(it: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    it.hash(&mut hasher);
    hasher.finish()
}

/// A kind whose changes wake itself and others.
trait Wakes: Kind {
    /// What of its status others look at.
    fn outward(&self) -> String;
    /// A pass for itself.
    fn wake(&self, queues: &Queues);
    /// A pass for everybody who looks at it.
    fn wake_others(&self, stores: &Stores, queues: &Queues);
}

/// The status without the conditions' times, and the conditions by word.
fn words(conditions: &[k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition]) -> String {
    let interesting = |kind: &str| matches!(kind, "Ready" | "Registered" | "Stalled");
    let all = conditions.iter().filter(|c| interesting(&c.type_));
    all.map(|c| format!("{}={} {}", c.type_, c.status, c.reason)).collect::<Vec<_>>().join(",")
}

fn wake_each<K: Wakes>(queues: &Queues, whom: &[Arc<K>]) {
    for object in whom {
        object.wake(queues);
    }
}

impl Wakes for Registry {
    fn outward(&self) -> String {
        let status = self.current();
        format!("{}{:?}", words(&status.conditions), status.discovery_url)
    }

    fn wake(&self, queues: &Queues) {
        let _ = queues.registries.send(ObjectRef::from_obj(self));
    }

    fn wake_others(&self, stores: &Stores, queues: &Queues) {
        let versions = stores.naming::<ModelVersion>(&Name::of(self));
        // Whom a registry allows may serve its versions, also from other namespaces.
        for version in &versions {
            wake_each(queues, &stores.naming::<DeploymentBinding>(&Name::of(&**version)));
        }
        wake_each(queues, &versions);
        wake_each(queues, &self.rivals(stores));
    }
}

impl Wakes for Workspace {
    fn outward(&self) -> String {
        let status = self.current();
        format!("{}{:?}{:?}", words(&status.conditions), status.location, status.mlflow_tracking_uri)
    }

    fn wake(&self, queues: &Queues) {
        let _ = queues.workspaces.send(ObjectRef::from_obj(self));
    }

    fn wake_others(&self, stores: &Stores, queues: &Queues) {
        wake_each(queues, &stores.naming::<ModelVersion>(&Name::of(self)));
        wake_each(queues, &stores.naming::<DeploymentBinding>(&Name::of(self)));
        wake_each(queues, &self.rivals(stores));
    }
}

impl Wakes for ModelVersion {
    fn outward(&self) -> String {
        let status = self.current();
        format!("{}{:?}{:?}", words(&status.conditions), status.asset_id, status.lineage)
    }

    fn wake(&self, queues: &Queues) {
        let _ = queues.versions.send(ObjectRef::from_obj(self));
    }

    fn wake_others(&self, stores: &Stores, queues: &Queues) {
        // Who serves it may have been told before its asset was known, and could not wake it then.
        let status = self.current();
        let serving = status.asset_id.as_deref().map(|asset| served_by(asset, stores)).unwrap_or_default();
        if serving != status.served_by {
            self.wake(queues);
        }
        // Its promotions, and who serves it.
        wake_each(queues, &stores.naming::<Self>(&Name::of(self)));
        wake_each(queues, &stores.naming::<DeploymentBinding>(&Name::of(self)));
        wake_each(queues, &self.rivals(stores));
        let registry = self.spec.registry_ref.as_ref().and_then(|r| find_registry(r, &self.home(), stores));
        if let Some(going) = registry.filter(|r| r.meta().deletion_timestamp.is_some()) {
            going.wake(queues);
        }
    }
}

impl Wakes for DeploymentBinding {
    fn outward(&self) -> String {
        let held: Vec<String> = self
            .current()
            .deployments
            .iter()
            .map(|d| format!("{} {:?} {:?}", d.name, d.role, d.asset_id))
            .collect();
        held.join(",")
    }

    fn wake(&self, queues: &Queues) {
        let _ = queues.bindings.send(ObjectRef::from_obj(self));
    }

    fn wake_others(&self, stores: &Stores, queues: &Queues) {
        let status = self.current();
        let held = |v: &ModelVersion| {
            let asset = v.status.as_ref().and_then(|s| s.asset_id.as_deref());
            let serves = |s: &crate::api::ServedBy| s.binding == self.full_name();
            status.deployments.iter().any(|d| asset.is_some() && d.asset_id.as_deref() == asset)
                || v.status.as_ref().is_some_and(|s| s.served_by.iter().any(serves))
        };
        wake_each(queues, &stores.versions.state_filter(held));
        wake_each(queues, &self.rivals(stores));
    }
}

#[cfg(test)]
mod tests;
