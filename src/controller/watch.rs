//! The watches: each kind has one, which feeds a store, the index, and through it the queues.

mod legible;
mod sighting;

use std::collections::HashMap;
use std::fmt::Debug;
use std::future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures::FutureExt;
use futures::stream::{self, BoxStream, FuturesUnordered, Stream, StreamExt};
use k8s_openapi::api::core::v1::{Namespace, ObjectReference};
use kube::core::ObjectMeta;
use kube::runtime::reflector::store::Writer;
use kube::runtime::reflector::{self, Store};
use kube::runtime::watcher::{self, Event};
use kube::runtime::{WatchStreamExt, watcher as watch};
use kube::{Api, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use tokio::sync::Mutex;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::watch as signal;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use super::api_server::{ApiServer, is_no_answer};
use super::context::{Context, Options};
use super::gate::Gate;
use super::leader::{Candidate, LeaderElection};
use super::live::{Live, Stores, seen, warn_of_unreadable};
use super::merge::merged;
use super::pass::{Again, pass};
use super::ports::{Cluster, Ports};
use super::telemetry::{Telemetry, Watching};
use super::turns::{Next, Turns, woken};
use crate::api::{
    Approval, DeploymentBinding, MetricProvider, ModelVersion, Object, ObjectKey, ObjectKind, Registry,
    RolloutAction, Workspace, any_object,
};
use crate::azure::client::Azure;
use crate::azure::model::Lane;
use crate::decide::Kind;
use crate::decide::facts::{Namespace as Seen, lane};
use crate::outage::{Outages, Patience, lasted};
pub(super) use legible::Unreadable;
use legible::legible;
use sighting::Labelled;
pub use sighting::Sighting;

/// How the log names a watch that is not of one namespace.
const ALL: &str = "all";

/// A watch that fails begins again after a minute at most. One that says nothing for longer has begun.
const QUIET: Duration = Duration::from_secs(90);

/// Objects in one answer to a listing. Each may be of 1.5 MiB, most of which is dropped when the answer has been read.
const PAGE: u32 = 50;

/// Passes of one kind at a time.
const CONCURRENCY: usize = 32;

/// Somebody that deserves a pass.
struct Woken {
    whom: Arc<ObjectKey>,
    /// The kind of the object whose change wakes it, where there is one.
    because: Option<ObjectKind>,
}

/// The queues, one for each kind: whoever is named in one gets a pass.
#[derive(Clone)]
struct Queues {
    begins: Arc<HashMap<ObjectKind, UnboundedSender<Woken>>>,
    /// Whether anybody reads them. A standby looks at everything when it begins to lead, so nothing is queued until then.
    read: Arc<AtomicBool>,
}

impl Queues {
    /// Somebody deserves a pass, because an object of this kind has changed.
    fn wake(&self, whom: &[Arc<ObjectKey>], because: Option<ObjectKind>) {
        if !self.read.load(Ordering::SeqCst) {
            return;
        }
        for key in whom {
            if let Some(begin) = self.begins.get(&key.kind) {
                // Nobody listens any more when the operator stops.
                let _ = begin.send(Woken { whom: key.clone(), because });
            }
        }
    }
}

/// The other end of a queue. Read by one at a time: by the passes of one term of leadership after those of the last.
type End = Arc<Mutex<UnboundedReceiver<Woken>>>;

fn queues(read: bool) -> (Queues, Vec<End>) {
    let (mut begins, mut ends) = (HashMap::new(), vec![]);
    for kind in ObjectKind::ALL {
        let (begin, end) = unbounded_channel();
        begins.insert(kind, begin);
        ends.push(Arc::new(Mutex::new(end)));
    }
    (Queues { begins: Arc::new(begins), read: Arc::new(AtomicBool::new(read)) }, ends)
}

/// Runs the operator until it is told to stop. Passes that have begun are finished. With an election it watches from the
/// beginning, and makes passes only while it leads.
pub async fn run(
    server: ApiServer,
    azure: Azure,
    options: Options,
    election: Option<LeaderElection>,
    telemetry: Arc<Telemetry>,
    stop: CancellationToken,
) {
    let (registries, registry_writer) = reflector::store();
    let (workspaces, workspace_writer) = reflector::store();
    let (versions, version_writer) = reflector::store();
    let (bindings, binding_writer) = reflector::store();
    let (approvals, approval_writer) = reflector::store();
    let (actions, action_writer) = reflector::store();
    let (providers, provider_writer) = reflector::store();
    let (namespaces, namespace_writer) = reflector::store::<Namespace>();
    let everywhere = options.watched.list().is_none();
    let namespaces = everywhere.then_some(namespaces);
    let stores =
        Stores { registries, workspaces, versions, bindings, approvals, actions, providers, namespaces };
    telemetry.sees(&stores);
    let (queues, ends) = queues(election.is_none());
    let client = server.client.clone();
    let (measured, mut answers) = unbounded_channel();
    let live = Live::new(server, azure.clone(), stores.clone(), measured);
    let gate = election.as_ref().map_or_else(Gate::open, |election| Gate::elected(election.terms));
    let context = Arc::new(Context::new(live, options, gate, telemetry));
    let asked = Arc::clone(&context);
    azure.writes_while(move || asked.may_write().is_ok());

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
    watches.spawn(follow::<Approval>(client.clone(), context.clone(), approval_writer, queues.clone()));
    watches.spawn(follow::<RolloutAction>(client.clone(), context.clone(), action_writer, queues.clone()));
    watches.spawn(follow::<MetricProvider>(client.clone(), context.clone(), provider_writer, queues.clone()));
    let waiting = queues.clone();
    watches.spawn(async move {
        while let Some(key) = answers.recv().await {
            waiting.wake(&[Arc::new(key)], None);
        }
    });
    if everywhere {
        watches.spawn(follow_namespaces(client.clone(), context.clone(), namespace_writer, queues.clone()));
    }
    if !whole(&stores, &stop).await {
        return;
    }
    let Some(election) = election else {
        info!("the picture of the cluster is whole; beginning to reconcile");
        let mut passes = make_passes(&context, &ends, &stop);
        while passes.join_next().await.is_some() {}
        return;
    };
    info!("the picture of the cluster is whole");
    let (leads, leading) = signal::channel(false);
    let idle = CancellationToken::new();
    let candidate = Candidate::new(client, context.clone(), election, leads);
    let candidate = tokio::spawn(candidate.run(idle.clone()));
    while_leading(&context, &stores, (&queues, &ends), leading, &stop).await;
    idle.cancel();
    if let Err(error) = candidate.await {
        warn!("the election ended early: {error}");
    }
}

/// Makes passes while this process leads, until it is told to stop. When it leads no more, passes are dropped where they are:
/// what they have asked for may still arrive, and nothing else goes out.
async fn while_leading(
    context: &Arc<Context<Live>>,
    stores: &Stores,
    (queues, ends): (&Queues, &[End]),
    mut leading: signal::Receiver<bool>,
    stop: &CancellationToken,
) {
    loop {
        let begins = async { leading.wait_for(|leads| *leads).await.is_ok() };
        let begins = tokio::select! { begins = begins => begins, () = stop.cancelled() => false };
        if !begins {
            return;
        }
        context.memory.begin_afresh();
        queues.read.store(true, Ordering::SeqCst);
        queues.wake(&all(stores), None);
        let mut passes = make_passes(context, ends, stop);
        let finished = async { while passes.join_next().await.is_some() {} };
        tokio::select! {
            () = finished => return,
            _ = leading.wait_for(|leads| !*leads) => {}
        }
        queues.read.store(false, Ordering::SeqCst);
        passes.shutdown().await;
        context.telemetry.serves_no_more();
        context.ports.foresee_nothing();
    }
}

/// Everything that the watches have seen.
fn all(stores: &Stores) -> Vec<Arc<ObjectKey>> {
    fn keys<K: Kind>(store: &Store<K>) -> impl Iterator<Item = Arc<ObjectKey>> {
        store.state().into_iter().map(|object| Arc::new(object.key()))
    }
    let places = keys(&stores.registries).chain(keys(&stores.workspaces)).chain(keys(&stores.providers));
    let assets = keys(&stores.versions).chain(keys(&stores.bindings));
    places.chain(assets).chain(keys(&stores.approvals)).chain(keys(&stores.actions)).collect()
}

/// Makes passes over whoever is woken.
fn make_passes(context: &Arc<Context<Live>>, ends: &[End], stop: &CancellationToken) -> JoinSet<()> {
    let of_kind = ObjectKind::ALL.into_iter().zip(ends);
    of_kind.map(|(kind, end)| serve(kind, context.clone(), end.clone(), stop.clone())).collect()
}

/// Waits until every store has seen its whole collection: nothing is decided on half a picture.
async fn whole(stores: &Stores, stop: &CancellationToken) -> bool {
    let all = async {
        let _ = stores.registries.wait_until_ready().await;
        let _ = stores.workspaces.wait_until_ready().await;
        let _ = stores.versions.wait_until_ready().await;
        let _ = stores.bindings.wait_until_ready().await;
        let _ = stores.approvals.wait_until_ready().await;
        let _ = stores.actions.wait_until_ready().await;
        let _ = stores.providers.wait_until_ready().await;
        if let Some(namespaces) = &stores.namespaces {
            let _ = namespaces.wait_until_ready().await;
        }
    };
    tokio::select! { () = all => true, () = stop.cancelled() => false }
}

/// Makes passes over the objects of one kind, until it is told to stop. Passes that have begun are finished then.
async fn serve<P: Ports>(kind: ObjectKind, context: Arc<Context<P>>, queue: End, stop: CancellationToken) {
    let telemetry = context.telemetry.clone();
    telemetry.serves(kind, CONCURRENCY);
    let began = tokio::time::Instant::now();
    let mut queue = queue.lock_owned().await;
    let mut turns = Turns::default();
    let mut running = FuturesUnordered::new();
    let lane_of = |key: &ObjectKey| {
        let object = context.ports.get(key);
        object.map_or(Lane::Routine, |it| any_object!(it, it => lane(it.as_ref())))
    };
    let mut goes_on = true;
    while goes_on || !running.is_empty() {
        while goes_on
            && running.len() < CONCURRENCY
            && let Some((key, since)) = turns.take(began.elapsed(), lane_of)
        {
            telemetry.pass_begins(&key, began.elapsed().saturating_sub(since));
            running.push(pass_over(key, &context));
        }
        telemetry.waiting(kind, turns.waiting(), turns.entered());
        let due = turns.due().filter(|_| goes_on && running.len() < CONCURRENCY);
        let due = async {
            match due {
                Some(due) => tokio::time::sleep_until(began + due).await,
                None => future::pending().await,
            }
        };
        tokio::select! {
            next = queue.recv(), if goes_on => match next {
                Some(Woken { whom, because }) => {
                    turns.wake(&whom, woken(lane_of(&whom), because), began.elapsed());
                }
                None => goes_on = false,
            },
            Some((key, again)) = running.next() => {
                telemetry.pass_ends(&key, again.map(|again| again.ending));
                let now = began.elapsed();
                let next = |again: Again| Next { at: now + again.after, urgent: again.urgent };
                turns.ended(&key, again.map(next), now);
            }
            () = due => {}
            () = stop.cancelled(), if goes_on => goes_on = false,
        }
    }
}

/// One pass over an object, and when it gets the next one; none where it is gone.
async fn pass_over<P: Ports>(
    key: Arc<ObjectKey>,
    context: &Arc<Context<P>>,
) -> (Arc<ObjectKey>, Option<Again>) {
    let Some(object) = context.ports.get(&key) else { return (key, None) };
    let again = any_object!(object, it => {
        let uid = it.uid_or_empty();
        let again = pass(it, context).boxed().await;
        context.pass_ends(&key, &uid);
        again
    });
    (key, Some(again))
}

/// What a watch brings, with its own back-off. `of` names the namespaces.
fn events<K>(
    api: Api<Sighting<K>>,
    of: &str,
    telemetry: &Arc<Telemetry>,
) -> BoxStream<'static, Event<Sighting<K>>>
where
    K: Resource<DynamicType = ()> + Labelled + Clone + Debug + DeserializeOwned + Send + 'static,
{
    let all = watch(api, watcher::Config::default().page_size(PAGE)).default_backoff();
    let kind = K::kind(&()).into_owned();
    let what = if of == ALL { format!("{kind} objects") } else { format!("{kind} objects in {of}") };
    told(all.boxed(), kind, of.to_owned(), telemetry.watch(what)).boxed()
}

/// The events of a watch without its failures: of those the log is told once when they begin and once when they are over.
/// That the API server does not answer is told by [`ApiServer`], once for all watches.
fn told<K>(
    events: BoxStream<'static, watcher::Result<Event<K>>>,
    kind: String,
    of: String,
    watching: Watching,
) -> impl Stream<Item = Event<K>>
where
    K: Send + 'static,
{
    let begin = (events, Outages::new(Patience::None), kind, of, watching);
    stream::unfold(begin, |(mut events, mut broken, kind, of, watching)| async move {
        loop {
            let next = if broken.any() {
                tokio::time::timeout(QUIET, events.next()).await
            } else {
                Ok(events.next().await)
            };
            // A listing begins before anything was asked.
            let works =
                matches!(next, Err(_) | Ok(Some(Ok(Event::InitDone | Event::Apply(_) | Event::Delete(_)))));
            if works {
                watching.works();
            }
            let now = Instant::now();
            if works && let Some(time) = broken.worked((), now) {
                info!(%kind, namespaces = %of, "The watch of {kind} objects works again, after {}.", lasted(time));
            }
            match next {
                Ok(Some(Ok(event))) => return Some((event, (events, broken, kind, of, watching))),
                Ok(Some(Err(error))) if passes(&error) => {
                    debug!(%kind, namespaces = %of, "the watch ended and begins again: {error}");
                }
                Ok(Some(Err(error))) => {
                    let because = because(&error);
                    watching.fails(&format!("the watch fails, and is tried again: {because}"));
                    if broken.failed((), now, now) {
                        warn!(%kind, namespaces = %of, "The watch of {kind} objects fails: {because}. It is tried again; until it works, Bindery does not see changes of these objects.");
                    }
                }
                Ok(None) => return None,
                Err(_) => {}
            }
        }
    })
}

/// Whether a watch that ended so is told of elsewhere, or nothing to tell of: the API server is away or answers with errors
/// of its own, or it has forgotten the version that the watch began with, and a listing brings what was missed.
fn passes(error: &watcher::Error) -> bool {
    use watcher::Error::{InitialListFailed, NoResourceVersion, WatchError, WatchFailed, WatchStartFailed};
    let passing = |code: u16| code == 410 || code >= 500;
    match error {
        InitialListFailed(error) | WatchStartFailed(error) | WatchFailed(error) => match error {
            kube::Error::Api(status) => passing(status.code),
            other => is_no_answer(other),
        },
        WatchError(status) => passing(status.code),
        NoResourceVersion => false,
    }
}

/// Why a watch fails, without the debug dump of an answer.
fn because(error: &watcher::Error) -> String {
    use watcher::Error::{InitialListFailed, WatchError, WatchFailed, WatchStartFailed};
    let said = match error {
        InitialListFailed(kube::Error::Api(status))
        | WatchStartFailed(kube::Error::Api(status))
        | WatchFailed(kube::Error::Api(status))
        | WatchError(status) => match status.code {
            // Of a namespace that is not there the list is empty.
            404 => "the cluster does not know this kind: install or update the CustomResourceDefinitions (crds.enabled in the chart's values, or kubectl apply -f crds/)".into(),
            _ => status.message.clone(),
        },
        other => other.to_string(),
    };
    said.trim_end_matches('.').to_owned()
}

/// Labels decide which places a namespace may know of, and what is in a namespace that ends has no heirs: so a change deserves
/// another look by whoever asked.
async fn follow_namespaces(
    client: kube::Client,
    context: Arc<Context<Live>>,
    mut writer: Writer<Namespace>,
    queues: Queues,
) {
    let events = events(Api::all(client), ALL, &context.telemetry);
    let mut events = legible(events, writer.as_reader(), Arc::default(), |_, _| {});
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
                queues.wake(&context.index.namespace_changed(&namespace), None);
            }
        }
    }
}

async fn follow<K: Kind>(
    client: kube::Client,
    context: Arc<Context<Live>>,
    writer: Writer<K>,
    queues: Queues,
) {
    let wake = |woken: &[Arc<ObjectKey>]| queues.wake(woken, Some(K::KIND));
    let store = writer.as_reader();
    let legible = |events| {
        let (client, told_by) = (client.clone(), Arc::clone(&context));
        let tell = move |meta: &ObjectMeta, note: String| {
            let regarding = ObjectReference {
                api_version: Some(K::api_version(&()).into_owned()),
                kind: Some(K::KIND.to_string()),
                namespace: meta.namespace.clone(),
                name: meta.name.clone(),
                uid: meta.uid.clone(),
                resource_version: meta.resource_version.clone(),
                ..ObjectReference::default()
            };
            // Whoever leads says it.
            if told_by.may_write().is_ok() {
                warn_of_unreadable(&client, regarding, &note);
            }
        };
        legible(events, store.clone(), Arc::clone(&context.unreadable), tell).boxed()
    };
    let Some(namespaces) = context.options.watched.list() else {
        let events = events::<K>(Api::all(client.clone()), ALL, &context.telemetry);
        return take_in(legible(events), &context, writer, wake).await;
    };
    let watch = |namespace: &String| {
        let api = Api::namespaced(client.clone(), namespace);
        (namespace.clone(), legible(events::<K>(api, namespace, &context.telemetry)))
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
