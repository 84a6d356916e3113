//! One process of the operator: the program's own pass and index, polled in virtual time. It may die at any await, and
//! then all that it remembered is lost.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context as Polled, Poll, Waker};
use std::time::Duration;

use jiff::Timestamp;

use super::cluster::{News, of_any};
use super::ports::Ports;
use super::world::World;
use crate::api::{AnyObject, Object, ObjectKey, ObjectKind};
use crate::controller::{Context, Options, pass};
use crate::decide::Kind;
use crate::decide::facts::ClusterRead;

/// Passes at a time; the rest waits for a free place.
const CONCURRENCY: usize = 16;

type Pass = Pin<Box<dyn Future<Output = Duration>>>;

/// One process.
pub struct Process {
    context: Arc<Context<Ports>>,
    running: BTreeMap<ObjectKey, Pass>,
    /// Woken while a pass over it runs: it gets another one right after.
    again: BTreeSet<ObjectKey>,
    /// When each object is looked at next.
    due: BTreeMap<ObjectKey, Timestamp>,
    order: BTreeSet<(Timestamp, ObjectKey)>,
}

impl Process {
    /// A process that begins: it lists everything, and remembers nothing.
    pub fn begin(world: &Arc<Mutex<World>>) -> Self {
        let ports = Ports::new(world.clone());
        let observe_only = ports.world().observe_only;
        let options = Options { cluster: "prod".into(), observe_only, namespace: None };
        let context = Arc::new(Context::new(ports, options));
        let mut process = Self {
            context,
            running: BTreeMap::new(),
            again: BTreeSet::new(),
            due: BTreeMap::new(),
            order: BTreeSet::new(),
        };
        process.world().cluster.list_all();
        process.relist();
        process
    }

    fn world(&self) -> std::sync::MutexGuard<'_, World> {
        self.context.ports.world()
    }

    /// Every watch begins again with a listing.
    pub fn relist(&mut self) {
        for kind in ObjectKind::ALL {
            let listed = self.world().cluster.cached(kind);
            self.context.index.listing_begins(kind);
            for object in &listed {
                of_any!(object, it => self.context.index.listed(&**it));
            }
            let woken = self.context.index.listing_ends(kind);
            self.wake(&woken);
        }
    }

    fn wake(&mut self, whom: &[Arc<ObjectKey>]) {
        let now = self.world().now;
        for key in whom {
            if self.running.contains_key(&**key) {
                self.again.insert(ObjectKey::clone(key));
            } else {
                self.look(key, now);
            }
        }
    }

    /// Looks at an object at this time, or earlier where that was planned.
    fn look(&mut self, key: &ObjectKey, at: Timestamp) {
        match self.due.get(key) {
            Some(planned) if *planned <= at => return,
            Some(planned) => {
                self.order.remove(&(*planned, key.clone()));
            }
            None => {}
        }
        self.due.insert(key.clone(), at);
        self.order.insert((at, key.clone()));
    }

    /// The cache catches up, more or less, and the index tells who is to be woken.
    pub fn catch_up(&mut self) {
        let news = self.world().news();
        for it in news {
            let woken = match it {
                News::Applied(object) => of_any!(&object, it => {
                    let meant = self.context.memory.change(&it.uid_or_empty(), |it| it.meant);
                    self.context.index.applied(&**it, meant)
                }),
                News::Gone(key) => self.context.index.deleted(&key),
            };
            self.wake(&woken);
        }
    }

    /// The labels of a namespace have changed.
    pub fn labels_changed(&mut self, namespace: &str) {
        let woken = self.context.index.labels_changed(namespace);
        self.wake(&woken);
    }

    /// When the next pass may begin.
    pub fn next(&self) -> Option<Timestamp> {
        self.order.first().filter(|_| self.running.len() < CONCURRENCY).map(|(at, _)| *at)
    }

    /// Begins the next pass.
    pub fn begin_pass(&mut self) {
        let Some((_, key)) = self.order.pop_first() else { return };
        self.due.remove(&key);
        let Some(object) = self.world().seen_quietly(&key) else { return };
        let pass = match object {
            AnyObject::Registry(it) => self.pass(it),
            AnyObject::Workspace(it) => self.pass(it),
            AnyObject::ModelVersion(it) => self.pass(it),
            AnyObject::DeploymentBinding(it) => self.pass(it),
        };
        self.world().passes += 1;
        self.running.insert(key.clone(), pass);
        self.poll(&key);
    }

    fn pass<K: Kind>(&self, object: Arc<K>) -> Pass {
        let context = self.context.clone();
        Box::pin(async move { pass(object, &context).await })
    }

    /// Goes on with the pass over an object, and with those that waited for it.
    pub fn poll(&mut self, key: &ObjectKey) {
        if !self.poll_one(key) {
            return;
        }
        // It may have held a lock.
        let waiting: Vec<ObjectKey> = {
            let world = self.world();
            self.running.keys().filter(|key| !world.has_asked(key)).cloned().collect()
        };
        for key in waiting {
            self.poll(&key);
        }
    }

    /// True when the pass came to its end.
    fn poll_one(&mut self, key: &ObjectKey) -> bool {
        let Some(pass) = self.running.get_mut(key) else { return false };
        self.context.ports.world().reader = Some(key.clone());
        let polled = pass.as_mut().poll(&mut Polled::from_waker(Waker::noop()));
        self.everything_read_is_referred_to(key);
        let Poll::Ready(wait) = polled else { return false };
        self.running.remove(key);
        let now = self.world().end_of_pass(key);
        let again = self.again.remove(key);
        self.look(key, if again { now } else { now + wait });
        true
    }

    /// Whatever a pass has read of the cluster wakes it when it changes.
    fn everything_read_is_referred_to(&self, reader: &ObjectKey) {
        let read = std::mem::take(&mut self.world().seen_by_reader);
        let index = &self.context.index;
        for key in read {
            let by_itself = index.has_asked(reader, &ClusterRead::Object(key.clone()));
            let object = self.world().seen_quietly(&key);
            let names = object.map(|it| of_any!(&it, it => it.names())).unwrap_or_default();
            let by_name =
                names.into_iter().any(|name| index.has_asked(reader, &ClusterRead::Naming(key.kind, name)));
            if !by_itself && !by_name && key != *reader {
                self.world().must(Err(format!("{reader} reads {key}, and is not woken by it")));
            }
        }
    }
}
