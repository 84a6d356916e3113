//! The watches: each kind has one, which feeds a store, the index, and through it the queues.

use std::convert::Infallible;
use std::fmt::Debug;
use std::sync::Arc;

use futures::stream::{BoxStream, Stream, StreamExt};
use k8s_openapi::api::core::v1::Namespace;
use kube::runtime::controller::{self, Action, Config, applier};
use kube::runtime::reflector::store::Writer;
use kube::runtime::reflector::{self, ObjectRef, Store};
use kube::runtime::watcher::{self, Event};
use kube::runtime::{WatchStreamExt, watcher as watch};
use kube::{Api, Client, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::context::{Context, Options};
use super::live::{Live, Stores, seen};
use super::merge::merged;
use super::pass::pass;
use super::ports::{Cluster, Ports};
use crate::api::{DeploymentBinding, ModelVersion, Object, ObjectKey, ObjectKind, Registry, Workspace};
use crate::azure::client::Azure;
use crate::decide::Kind;
use crate::decide::facts::Namespace as Seen;

/// How the log names a watch that is not of one namespace.
const ALL: &str = "all";

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

impl Queues {
    fn wake(&self, whom: &[Arc<ObjectKey>]) {
        fn named<K: Object>(key: &ObjectKey) -> ObjectRef<K> {
            ObjectRef::new(&key.name).within(&key.namespace)
        }
        for key in whom {
            // Nobody listens any more when the operator stops.
            let _ = match key.kind {
                ObjectKind::Registry => self.registries.send(named(key)).is_ok(),
                ObjectKind::Workspace => self.workspaces.send(named(key)).is_ok(),
                ObjectKind::ModelVersion => self.versions.send(named(key)).is_ok(),
                ObjectKind::DeploymentBinding => self.bindings.send(named(key)).is_ok(),
            };
        }
    }
}

/// Runs the operator until it is told to stop. Passes that have begun are finished.
pub async fn run(client: Client, azure: Azure, options: Options, stop: CancellationToken) {
    let (registries, registry_writer) = reflector::store();
    let (workspaces, workspace_writer) = reflector::store();
    let (versions, version_writer) = reflector::store();
    let (bindings, binding_writer) = reflector::store();
    let (namespaces, namespace_writer) = reflector::store::<Namespace>();
    let everywhere = options.watched.list().is_none();
    let namespaces = everywhere.then_some(namespaces);
    let stores = Stores { registries, workspaces, versions, bindings, namespaces };
    let (registries, registry_queue) = unbounded_channel();
    let (workspaces, workspace_queue) = unbounded_channel();
    let (versions, version_queue) = unbounded_channel();
    let (bindings, binding_queue) = unbounded_channel();
    let queues = Queues { registries, workspaces, versions, bindings };
    let context = Arc::new(Context::new(Live::new(client.clone(), azure, stores.clone()), options));

    let mut watches = JoinSet::new();
    watches.spawn(follow::<Registry>(client.clone(), context.clone(), registry_writer, queues.clone()));
    watches.spawn(follow::<Workspace>(client.clone(), context.clone(), workspace_writer, queues.clone()));
    watches.spawn(follow::<ModelVersion>(client.clone(), context.clone(), version_writer, queues.clone()));
    watches.spawn(follow::<DeploymentBinding>(
        client.clone(),
        context.clone(),
        binding_writer,
        queues.clone(),
    ));
    if everywhere {
        watches.spawn(follow_namespaces(client, context.clone(), namespace_writer, queues));
    }
    if !whole(&stores, &stop).await {
        return;
    }
    info!("the picture of the cluster is whole; beginning to reconcile");
    let mut passes = JoinSet::new();
    let Stores { registries, workspaces, versions, bindings, .. } = stores;
    passes.spawn(serve(context.clone(), registries, registry_queue, stop.clone()));
    passes.spawn(serve(context.clone(), workspaces, workspace_queue, stop.clone()));
    passes.spawn(serve(context.clone(), versions, version_queue, stop.clone()));
    passes.spawn(serve(context, bindings, binding_queue, stop));
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
    context: Arc<Context<Live>>,
    store: Store<K>,
    queue: UnboundedReceiver<ObjectRef<K>>,
    stop: CancellationToken,
) {
    let queue =
        futures::stream::unfold(queue, |mut queue| async { queue.recv().await.map(|it| (it, queue)) })
            .take_until(stop.cancelled_owned())
            .map(Ok::<_, watcher::Error>);
    let config = Config::default().concurrency(CONCURRENCY);
    let run = |object: Arc<K>, context: Arc<Context<Live>>| {
        Box::pin(async move {
            let next = pass(object, &context).await;
            Ok::<_, Infallible>(Action::requeue(next))
        })
    };
    // A pass never fails.
    let never = |_, error: &Infallible, _| match *error {};
    applier(run, never, context, store, Box::pin(queue), config)
        .for_each(|done| async {
            match done {
                Ok(_) | Err(controller::Error::ObjectNotFound(_)) => {}
                Err(error) => warn!("a pass was not made: {error}"),
            }
        })
        .await;
}

/// What a watch brings, with its own back-off; a broken watch is logged, never silent. `of` names the namespaces.
fn events<K>(api: Api<K>, of: &str) -> BoxStream<'static, Event<K>>
where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + 'static,
{
    let (kind, of) = (K::kind(&()), of.to_string());
    watch(api, watcher::Config::default())
        .default_backoff()
        // Who wrote which field is as large as the rest of an object, and nobody here asks for it. A write
        // without it leaves it as it is.
        .modify(|object| object.meta_mut().managed_fields = None)
        .filter_map(move |event| {
            let (kind, of) = (kind.clone(), of.clone());
            async move {
                event
                    .inspect_err(|error| {
                        warn!(%kind, namespaces = %of, "the watch broke and begins again: {error}");
                    })
                    .ok()
            }
        })
        .boxed()
}

/// Labels decide which places a namespace may know of, and what is in a namespace that ends has no heirs: so a change deserves
/// another look by whoever asked.
async fn follow_namespaces(
    client: Client,
    context: Arc<Context<Live>>,
    mut writer: Writer<Namespace>,
    queues: Queues,
) {
    let mut events = events(Api::<Namespace>::all(client), ALL);
    let mut changed: Vec<String> = vec![];
    while let Some(event) = events.next().await {
        if let Event::Apply(it) | Event::InitApply(it) | Event::Delete(it) = &event {
            let now = if matches!(event, Event::Delete(_)) { Seen::default() } else { seen(it) };
            if context.ports.namespace(&it.name_any()) != now {
                changed.push(it.name_any());
            }
        }
        let listed = matches!(event, Event::Init | Event::InitApply(_));
        writer.apply_watcher_event(&event);
        // What a listing brings is in the store only when the listing is at its end.
        if !listed {
            for namespace in changed.drain(..) {
                queues.wake(&context.index.namespace_changed(&namespace));
            }
        }
    }
}

async fn follow<K: Kind>(client: Client, context: Arc<Context<Live>>, writer: Writer<K>, queues: Queues) {
    let wake = |woken: &[Arc<ObjectKey>]| queues.wake(woken);
    let Some(namespaces) = context.options.watched.list() else {
        return take_in(events(Api::<K>::all(client), ALL), &context, writer, wake).await;
    };
    let watch = |namespace: &String| {
        let api = Api::<K>::namespaced(client.clone(), namespace);
        (namespace.clone(), events(api, namespace))
    };
    let all = merged(namespaces.iter().map(watch).collect(), writer.as_reader());
    take_in(all, &context, writer, wake).await;
}

/// Takes over what a watch brings, and wakes whom it concerns.
async fn take_in<K: Kind, P: Ports>(
    mut events: impl Stream<Item = Event<K>> + Unpin,
    context: &Context<P>,
    mut writer: Writer<K>,
    wake: impl Fn(&[Arc<ObjectKey>]),
) {
    while let Some(event) = events.next().await {
        // First the store, then the index: whoever is woken finds the change.
        writer.apply_watcher_event(&event);
        wake(&context.take_in(&event));
    }
}

#[cfg(test)]
mod tests;
