//! The world that a simulated process acts on. Every request takes its time, and the world answers it when that is over;
//! a process that dies meanwhile never hears of it.

use std::collections::BTreeSet;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Secret;

use super::election::ProcessClock;
use super::invariants;
use super::world::{Outcome, Request, World};
use crate::api::{AnyObject, ObjectKey};
use crate::azure::model::{Answer, Call, EndpointKeys, Errand, Error, Read, Reply, ResourceId};
use crate::controller::ports::{Azure, Clock, Cluster, Journal, Meter, Refusal};
use crate::decide::facts::{Due, Namespace};
use crate::decide::{Decision, Event, Kind};
use crate::measure::model::Answer as Measured;

/// The world, as one process sees it.
#[derive(Clone)]
pub struct Ports {
    world: Arc<Mutex<World>>,
    pub process: u32,
    pub clock: ProcessClock,
}

impl Ports {
    pub fn new(world: Arc<Mutex<World>>, process: u32, clock: ProcessClock) -> Self {
        Self { world, process, clock }
    }

    /// The world, in which this process acts now.
    pub fn world(&self) -> MutexGuard<'_, World> {
        let mut world = self.world.lock().unwrap_or_else(PoisonError::into_inner);
        world.acting = self.process;
        world
    }

    pub fn elapsed_now(&self) -> Duration {
        self.clock.elapsed(self.world().now)
    }

    fn ask(&self, request: Request) -> Asked {
        let ticket = self.world().ask(request);
        Asked { ports: self.clone(), ticket }
    }
}

/// A request on its way.
struct Asked {
    ports: Ports,
    ticket: u64,
}

impl Future for Asked {
    type Output = Outcome;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Outcome> {
        match self.ports.world().outcome(self.ticket) {
            Some(outcome) => Poll::Ready(outcome),
            None => Poll::Pending,
        }
    }
}

/// What the world answers has the form of what was asked.
fn odd() -> ! {
    unreachable!("the world answers what was asked")
}

impl Cluster for Ports {
    fn get(&self, key: &ObjectKey) -> Option<AnyObject> {
        self.world().seen(key)
    }

    fn namespace(&self, name: &str) -> Namespace {
        let labels = self.world().cluster.labels.get(name).cloned().unwrap_or_default();
        Namespace { labels, ends: false }
    }

    async fn replace_status<K: Kind>(&self, object: &K) -> Result<K, Refusal> {
        let object = Arc::new(object.clone()).any();
        match self.ask(Request::Status(object)).await {
            Outcome::Written(written) => {
                written.map(|it| K::clone(K::from_any(&it).unwrap_or_else(|| odd())))
            }
            _ => odd(),
        }
    }

    async fn replace_finalizers<K: Kind>(&self, object: &K, finalizers: Vec<String>) -> Result<K, Refusal> {
        let mut object = object.clone();
        object.meta_mut().finalizers = Some(finalizers);
        match self.ask(Request::Finalizers(Arc::new(object).any())).await {
            Outcome::Written(written) => {
                written.map(|it| K::clone(K::from_any(&it).unwrap_or_else(|| odd())))
            }
            _ => odd(),
        }
    }

    async fn delete<K: Kind>(&self, object: &K) -> Result<(), Refusal> {
        match self.ask(Request::Delete(Arc::new(object.clone()).any())).await {
            Outcome::Written(written) => written.map(|_| ()),
            _ => odd(),
        }
    }

    async fn secret(&self, namespace: &str, name: &str) -> Result<Option<Secret>, Refusal> {
        match self.ask(Request::Secret(namespace.into(), name.into())).await {
            Outcome::Secret(found) => found.map(|it| it.map(|it| *it)),
            _ => odd(),
        }
    }

    async fn write_secret(&self, secret: &Secret) -> Result<(), Refusal> {
        match self.ask(Request::WriteSecret(Box::new(secret.clone()))).await {
            Outcome::Secret(written) => written.map(|_| ()),
            _ => odd(),
        }
    }

    async fn delete_secret(&self, secret: &Secret) -> Result<(), Refusal> {
        match self.ask(Request::DeleteSecret(Box::new(secret.clone()))).await {
            Outcome::Secret(written) => written.map(|_| ()),
            _ => odd(),
        }
    }

    async fn publish<K: Kind>(&self, object: &K, event: &Event) {
        self.world().note(|| format!("EVENT {} {}: {}", object.key(), event.reason, event.note));
    }
}

impl Azure for Ports {
    async fn read(&self, read: &Read) -> Answer {
        match self.ask(Request::Read(read.clone())).await {
            Outcome::Read(answer) => answer,
            _ => odd(),
        }
    }

    async fn send(&self, call: &Call) -> Result<Reply, Error> {
        match self.ask(Request::Send(call.clone())).await {
            Outcome::Sent(answer) => answer,
            _ => odd(),
        }
    }

    async fn keys(&self, errand: &Errand, endpoint: &ResourceId) -> Result<EndpointKeys, Error> {
        match self.ask(Request::Keys(errand.clone(), endpoint.clone())).await {
            Outcome::Keys(answer) => answer,
            _ => odd(),
        }
    }
}

impl Meter for Ports {
    fn measured(&self, by: &ObjectKey, due: &Due) -> Option<Measured> {
        self.world().measured(by, due)
    }

    fn foresee(&self, by: &ObjectKey, due: BTreeSet<Due>) {
        self.world().meter.foreseen.insert((self.process, by.clone()), due);
    }
}

impl Clock for Ports {
    fn now(&self) -> Timestamp {
        self.world().now
    }

    fn elapsed(&self) -> Duration {
        self.elapsed_now()
    }
}

impl Journal for Ports {
    fn decided<K: Kind>(&self, object: &K, facts: &K::Facts, decision: &Decision<K::Status>) {
        let mut world = self.world();
        let holds = invariants::of_a_decision::<K>(&world, object, facts, decision);
        world.must(holds);
        if decision.release {
            world.must(invariants::of_a_release::<K>(facts));
        }
        world.ledger.lets_go(object, facts, decision.release);
    }

    fn calls<K: Kind>(&self, object: &K, facts: &K::Facts, call: &Call) {
        let mut world = self.world();
        let holds = invariants::of_a_call::<K>(&world, object, facts, call);
        world.must(holds);
    }

    fn failed<K: Kind>(&self, _: &K, call: &Call, error: &Error) {
        self.world().note(|| format!("could not {}: {error}", call.doing));
    }

    fn let_go<K: Kind>(&self, object: &K, _: &K::Facts, _: &[Event]) {
        let mut world = self.world();
        world.note(|| format!("{} is released", object.key()));
        let live = world.cluster.live.get(&object.key()).and_then(K::from_any);
        let held = live.is_some_and(|live| live.uid_or_empty() == object.uid_or_empty() && live.holds());
        world.must(if held { Err(format!("{} is let go, and still held", object.key())) } else { Ok(()) });
    }

    fn refused(&self, key: &ObjectKey, because: &Refusal, _: Duration) {
        self.world().note(|| format!("a write of {key} was not taken: {because}"));
    }

    fn panicked(&self, key: &ObjectKey) {
        self.world().must(Err(format!("the pass over {key} panicked")));
    }
}
