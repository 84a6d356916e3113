//! One process of the operator: the program's own pass and index, polled in virtual time. It may die at any await, and
//! then all that it remembered is lost.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context as Polled, Poll, Waker};
use std::time::Duration;

use jiff::Timestamp;
use kube::runtime::watcher::Event;

use super::cluster::News;
use super::ports::Ports;
use super::world::World;
use crate::api::{AnyObject, ObjectKey, ObjectKind, any_kind, any_object};
use crate::controller::{Context, Options, pass};
use crate::decide::facts::ClusterRead;
use crate::decide::{Kind, Watched};

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
    /// Listings that are not at their end, with what they found.
    listings: Vec<(ObjectKind, Vec<AnyObject>)>,
}

impl Process {
    /// A process that begins: it lists everything, and remembers nothing.
    pub fn begin(world: &Arc<Mutex<World>>) -> Self {
        let ports = Ports::new(world.clone());
        let observe_only = ports.world().observe_only;
        let options = Options {
            cluster: "prod".into(),
            observe_only,
            handover: Duration::from_secs(120),
            watched: Watched::all(),
            authors_checked: true,
            served: crate::decide::Served::everything(),
        };
        let context = Arc::new(Context::new(ports, options));
        let mut process = Self {
            context,
            running: BTreeMap::new(),
            again: BTreeSet::new(),
            due: BTreeMap::new(),
            order: BTreeSet::new(),
            listings: vec![],
        };
        process.relist(false);
        while !process.listings.is_empty() {
            process.end_listing();
        }
        process
    }

    fn world(&self) -> std::sync::MutexGuard<'_, World> {
        self.context.ports.world()
    }

    /// The watches broke, and begin again with a listing of what is there now. The store has it only at the end of the
    /// listing ([`Self::catch_up`]), and a listing may break off and begin once more.
    pub fn relist(&mut self, breaks_off: bool) {
        let kinds = ObjectKind::ALL.into_iter();
        // A watch has one listing at a time.
        for kind in
            kinds.filter(|kind| self.listings.iter().all(|(other, _)| other != kind)).collect::<Vec<_>>()
        {
            let listed = self.world().cluster.listing(kind);
            if breaks_off {
                self.list(kind, &listed[..listed.len() / 2]);
            }
            self.list(kind, &listed);
            self.listings.push((kind, listed));
        }
    }

    fn list(&self, kind: ObjectKind, objects: &[AnyObject]) {
        any_kind!(kind, K => self.context.take_in(&Event::<K>::Init));
        for object in objects {
            any_object!(object, it => self.context.take_in(&Event::InitApply(it.as_ref().clone())));
        }
    }

    /// A listing is at its end: the cache has it, and the index tells who is to be woken.
    fn end_listing(&mut self) {
        let Some((kind, listed)) = self.listings.pop() else { return };
        self.world().cluster.show(kind, listed);
        let woken = any_kind!(kind, K => self.context.take_in(&Event::<K>::InitDone));
        self.wake(&woken);
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
        if !self.listings.is_empty() && self.world().now_or_later() {
            self.end_listing();
        }
        let listing: Vec<ObjectKind> = self.listings.iter().map(|(kind, _)| *kind).collect();
        let news = self.world().news(&listing);
        for it in news {
            let woken = match it {
                News::Applied(object) => {
                    any_object!(&object, it => self.context.take_in(&Event::Apply(it.as_ref().clone())))
                }
                News::Gone(object) => {
                    any_object!(&object, it => self.context.take_in(&Event::Delete(it.as_ref().clone())))
                }
            };
            self.wake(&woken);
        }
    }

    /// The labels of a namespace have changed.
    pub fn labels_changed(&mut self, namespace: &str) {
        let woken = self.context.index.namespace_changed(namespace);
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
        if self.running.contains_key(&key) {
            self.again.insert(key);
            return;
        }
        let Some(object) = self.world().seen_quietly(&key) else { return };
        let pass = any_object!(object, it => self.pass(it));
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
        let wakes = std::mem::take(&mut self.world().meter.wakes);
        for (whom, at) in wakes {
            self.look(&whom, at);
        }
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
        // One that is gone is not woken any more, and one that was made anew gets another pass right after this one.
        if self.world().seen_quietly(reader).is_none() || self.again.contains(reader) {
            return;
        }
        let index = &self.context.index;
        for key in read {
            let by_itself = [ClusterRead::Object(key.clone()), ClusterRead::Owner(key.clone())]
                .iter()
                .any(|read| index.has_asked(reader, read));
            let object = self.world().seen_quietly(&key);
            let names = object.map(|it| any_object!(&it, it => it.names())).unwrap_or_default();
            let by_name = names.into_iter().any(|name| index.has_asked_who_names(reader, &name, &key));
            // During a listing the index knows more than the cache shows.
            let listed = self.listings.iter().any(|(kind, _)| *kind == key.kind);
            if !by_itself && !by_name && !listed && key != *reader {
                self.world().must(Err(format!("{reader} reads {key}, and is not woken by it")));
            }
        }
    }
}
