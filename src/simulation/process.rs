//! One process of the operator: the program's own pass and index, polled in virtual time. It may die at any await, and
//! then all that it remembered is lost.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context as Polled, Poll, Waker};
use std::time::Duration;

use jiff::Timestamp;
use kube::runtime::watcher::Event;

use super::cluster::News;
use super::election::{Candidate, ProcessClock};
use super::ports::Ports;
use super::world::World;
use crate::api::{AnyObject, Object, ObjectKey, ObjectKind, any_kind, any_object};
use crate::azure::model::Lane;
use crate::controller::{Again, Context, Gate, Next, Options, Turns, pass, woken};
use crate::decide::facts::{ClusterRead, lane};
use crate::decide::{Kind, Watched};

/// Passes at a time; the rest waits for a free place.
const CONCURRENCY: usize = 16;

type Pass = Pin<Box<dyn Future<Output = Again>>>;

/// One process.
pub struct Process {
    context: Arc<Context<Ports>>,
    running: BTreeMap<ObjectKey, Pass>,
    turns: Turns<Timestamp>,
    /// When measurements have their answers, and whom they wake.
    answers: BTreeSet<(Timestamp, ObjectKey)>,
    /// None where it is the only process.
    candidate: Option<Candidate>,
    /// It makes passes.
    leads: bool,
    /// Listings that are not at their end, with what they found.
    listings: Vec<(ObjectKind, Vec<AnyObject>)>,
}

/// How urgent a look at this object is.
fn lane_of(context: &Context<Ports>, key: &ObjectKey) -> Lane {
    let object = context.ports.world().seen_quietly(key);
    object.map_or(Lane::Routine, |it| any_object!(it, it => lane(it.as_ref())))
}

impl Process {
    /// A process that begins: it lists everything, and remembers nothing.
    pub fn begin(world: &Arc<Mutex<World>>, elected: bool) -> Self {
        let (name, clock) = {
            let mut world = world.lock().unwrap_or_else(PoisonError::into_inner);
            let name = world.process_begins();
            world.cluster.process_begins(name);
            if elected {
                world.elections.joins(name);
                (name, ProcessClock::any(&mut world))
            } else {
                (name, ProcessClock::exact(world.now))
            }
        };
        let ports = Ports::new(world.clone(), name, clock);
        let observe_only = ports.world().observe_only;
        let options = Options {
            cluster: "prod".into(),
            observe_only,
            handover: Duration::from_secs(120),
            watched: Watched::all(),
            authors_checked: true,
            served: crate::decide::Served::everything(),
        };
        let context = Arc::new(Context::new(
            ports,
            options,
            if elected { Candidate::gate() } else { Gate::open() },
            Arc::default(),
        ));
        let mut process = Self {
            context,
            running: BTreeMap::new(),
            turns: Turns::default(),
            answers: BTreeSet::new(),
            candidate: elected.then(|| Candidate::new(name)),
            leads: !elected,
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

    pub fn name(&self) -> u32 {
        self.context.ports.process
    }

    /// Takes part in the election, and begins or drops its passes as that says.
    pub fn elect(&mut self) {
        let Some(candidate) = &mut self.candidate else { return };
        let ports = &self.context.ports;
        candidate.goes_on(ports);
        let lead = candidate.lead();
        self.context.gate.set(lead);
        let leads = lead.is_some_and(|lead| lead.holds(ports.elapsed_now()));
        if leads != self.leads {
            self.leads = leads;
            let name = self.name();
            self.world()
                .note(|| format!("process {name} {} passes", if leads { "begins" } else { "drops its" }));
            if leads { self.look_at_everything() } else { self.drop_passes() }
        }
    }

    /// When the election goes on.
    pub fn next_election(&self) -> Option<Timestamp> {
        let candidate = self.candidate.as_ref()?;
        let ports = &self.context.ports;
        Some(ports.clock.at(candidate.wakes(ports.elapsed_now())))
    }

    fn look_at_everything(&mut self) {
        self.context.memory.begin_afresh();
        let name = self.name();
        let all: Vec<_> = self.world().cluster.cache(name).keys().cloned().map(Arc::new).collect();
        self.wake(&all, None);
    }

    fn drop_passes(&mut self) {
        let name = self.name();
        self.running.clear();
        self.turns = Turns::default();
        self.answers.clear();
        self.world().meter.foreseen.retain(|(whose, _), _| *whose != name);
        self.world().passes_are_dropped(name);
    }

    /// Does it work on something?
    pub fn is_idle(&self) -> bool {
        self.running.is_empty()
    }

    /// Its passes have come to their end, and it stops.
    pub fn release(&mut self) {
        let ports = &self.context.ports;
        let in_doubt = self.context.gate.in_doubt(ports.elapsed_now());
        if let Some(candidate) = &mut self.candidate {
            candidate.releases(ports, in_doubt);
        }
    }

    /// It was stopped for a while, and goes on with all that has been answered meanwhile.
    pub fn goes_on(&mut self) {
        let running: Vec<ObjectKey> = self.running.keys().cloned().collect();
        for key in running {
            self.poll(&key);
        }
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
        let process = self.name();
        self.world().cluster.show(process, kind, listed);
        let woken = any_kind!(kind, K => self.context.take_in(&Event::<K>::InitDone));
        self.wake(&woken, Some(kind));
    }

    fn wake(&mut self, whom: &[Arc<ObjectKey>], because: Option<ObjectKind>) {
        if !self.leads {
            return;
        }
        for key in whom {
            let now = self.world().now;
            self.turns.wake(key, woken(lane_of(&self.context, key), because), now);
        }
    }

    /// The cache catches up, more or less, and the index tells who is to be woken.
    pub fn catch_up(&mut self) {
        if !self.listings.is_empty() && self.world().now_or_later() {
            self.end_listing();
        }
        let listing: Vec<ObjectKind> = self.listings.iter().map(|(kind, _)| *kind).collect();
        let news = self.world().news(&listing);
        for it in news {
            let (kind, woken) = match it {
                News::Applied(object) => {
                    any_object!(&object, it => (it.key().kind, self.context.take_in(&Event::Apply(it.as_ref().clone()))))
                }
                News::Gone(object) => {
                    any_object!(&object, it => (it.key().kind, self.context.take_in(&Event::Delete(it.as_ref().clone()))))
                }
            };
            self.wake(&woken, Some(kind));
        }
    }

    /// The labels of a namespace have changed.
    pub fn labels_changed(&mut self, namespace: &str) {
        let woken = self.context.index.namespace_changed(namespace);
        self.wake(&woken, None);
    }

    /// When the next pass may begin.
    pub fn next(&self) -> Option<Timestamp> {
        if self.running.len() >= CONCURRENCY {
            return None;
        }
        let now = (self.turns.waiting() > 0).then(|| self.world().now);
        let answer = self.answers.first().map(|(at, _)| *at);
        let foreseen = self.world().first_foreseen(self.name());
        [now, self.turns.due(), answer, foreseen].into_iter().flatten().min()
    }

    /// Begins the next pass.
    pub fn begin_pass(&mut self) {
        let (now, name) = (self.world().now, self.name());
        self.world().measure_what_was_foreseen(name);
        self.take_in_answers();
        while self.answers.first().is_some_and(|(at, _)| *at <= now) {
            let answered = self.answers.pop_first().map(|(_, whom)| Arc::new(whom));
            self.wake(answered.as_slice(), None);
        }
        let context = self.context.clone();
        let Some((key, _)) = self.turns.take(now, |key| lane_of(&context, key)) else { return };
        let Some(object) = self.world().seen_quietly(&key) else { return self.turns.ended(&key, None, now) };
        let pass = any_object!(object, it => self.pass(it));
        self.world().passes += 1;
        self.running.insert(ObjectKey::clone(&key), pass);
        self.poll(&key);
    }

    /// Notes when the measurements that were asked for just now have their answers.
    fn take_in_answers(&mut self) {
        let wakes = std::mem::take(&mut self.world().meter.wakes);
        self.answers.extend(wakes.into_iter().map(|(whom, at)| (at, whom)));
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
        self.take_in_answers();
        let Poll::Ready(Again { after, urgent, .. }) = polled else { return false };
        self.running.remove(key);
        let now = self.world().end_of_pass(key);
        self.turns.ended(&Arc::new(key.clone()), Some(Next { at: now + after, urgent }), now);
        true
    }

    /// Whatever a pass has read of the cluster wakes it when it changes.
    fn everything_read_is_referred_to(&self, reader: &ObjectKey) {
        let read = std::mem::take(&mut self.world().seen_by_reader);
        // One that is gone is not woken any more, and one that was made anew gets another pass right after this one.
        if self.world().seen_quietly(reader).is_none() || self.turns.is_woken_again(reader) {
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
