//! Everything together, in virtual time: the cloud, the cluster, the operator, people, and chance.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use fastrand::Rng;
use jiff::Timestamp;
use serde::de::DeserializeOwned;

use super::cloud::{Cloud, Weather};
use super::cluster::{Cluster, Object};
use super::foreign;
use super::invariants::{self, Ledger};
use super::kinds::Kind;
use super::people;
use super::shell::{Again, Crash, Memory, pass};
use crate::api::{DeploymentBinding, ModelVersion, Registry, Workspace};
use crate::azure::model::resource::OnlineDeployment;
use crate::azure::model::{Call, Error, OperationState, Reply, ResourceId};
use crate::decide::{Decision, LookAgain};

/// The kinds by a number, for the order of the work.
const KINDS: [&str; 4] = [Registry::WORD, Workspace::WORD, ModelVersion::WORD, DeploymentBinding::WORD];

/// One run of the simulation.
pub struct World {
    pub seed: u64,
    pub now: Timestamp,
    pub began: Timestamp,
    pub rng: Rng,
    pub cloud: Cloud,
    pub cluster: Cluster,
    pub memory: Memory,
    pub ledger: Ledger,
    /// The operator runs with `--observe-only`.
    pub observe_only: bool,
    /// No more faults, and no more people.
    pub calm: bool,
    pub status_writes: u64,
    pub passes: u64,
    due: BTreeMap<(&'static str, String), Timestamp>,
    journal: VecDeque<String>,
}

impl World {
    pub fn new(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let now: Timestamp = "2026-03-01T12:00:00Z".parse().expect("a time");
        let cloud = Cloud::new(now, rng.fork());
        Self {
            seed,
            now,
            began: now,
            rng,
            cloud,
            cluster: Cluster::default(),
            memory: Memory::new(),
            ledger: Ledger::default(),
            observe_only: false,
            calm: false,
            status_writes: 0,
            passes: 0,
            due: BTreeMap::new(),
            journal: VecDeque::new(),
        }
    }

    /// It happens this time; never in calm weather.
    pub fn chance(&mut self, p: f64) -> bool {
        !self.calm && self.rng.f64() < p
    }

    /// Writes a line for the case that the run fails.
    pub fn note(&mut self, line: impl FnOnce() -> String) {
        let line = format!("{} {}", self.now, line());
        if std::env::var_os("BINDERY_SIMULATION_SEED").is_some() {
            println!("{line}");
        }
        self.journal.push_back(line);
        if self.journal.len() > 60 {
            self.journal.pop_front();
        }
    }

    /// Ends the run: what must never happen has happened.
    pub fn fail(&self, what: &str) -> ! {
        let journal: Vec<&str> = self.journal.iter().map(String::as_str).collect();
        panic!(
            "{}\n\n{:?}\n\nseed {}: {what}\n(again, with everything that happens: BINDERY_SIMULATION_SEED={} cargo test simulation)",
            journal.join("\n"),
            self.cloud.positions,
            self.seed,
            self.seed
        );
    }

    /// Fails with the words of an invariant that does not hold.
    pub fn must(&self, holds: Result<(), String>) {
        if let Err(what) = holds {
            self.fail(&what);
        }
    }

    /// After every effect the invariants of the cloud hold, and the process may die.
    pub fn effect(&mut self) -> Result<(), Crash> {
        self.ledger.look(&self.cloud);
        self.must(invariants::of_the_cloud(self));
        if self.chance(0.01) { Err(Crash) } else { Ok(()) }
    }

    /// A GET.
    pub fn get<T: DeserializeOwned>(&mut self, id: &ResourceId) -> Result<Option<T>, Error> {
        self.cloud.get(id)
    }

    /// The list of an endpoint's deployments.
    pub fn list_deployments(&mut self, endpoint: &ResourceId) -> Result<Vec<OnlineDeployment>, Error> {
        self.cloud.list(endpoint)
    }

    /// What an operation's URL answers.
    pub fn poll(&mut self, url: &str) -> OperationState {
        self.cloud.poll(url)
    }

    /// Sends a call; somebody else may be quicker, and the process may die before it arrives.
    pub fn send(&mut self, call: &Call) -> Result<Result<Reply, Error>, Crash> {
        if self.chance(0.03) {
            foreign::meddle(self);
        }
        if self.chance(0.01) {
            self.note(|| format!("CALL {} is on its way, and the process dies", call.doing));
            self.cloud.send_and_die(call);
            // The next one may be asked for something else at once.
            if self.rng.bool() {
                people::act(self);
            }
            return Err(Crash);
        }
        let answer = self.cloud.send(call);
        let said = answer.as_ref().map_or_else(|e| format!("{:?}: {e}", e.class), |r| r.status.to_string());
        self.note(|| format!("CALL {} -> {said}", call.doing));
        Ok(answer)
    }

    /// Time goes on for the cloud.
    fn advance(&mut self, now: Timestamp) {
        self.now = now;
        self.cloud.advance(now);
        for landed in std::mem::take(&mut self.cloud.landed) {
            self.note(|| format!("LATE {} -> {}", landed.doing, landed.said));
            self.ledger.came_late(&landed.resource);
        }
        self.ledger.look(&self.cloud);
    }

    /// A decision was made; what it says by itself must be right.
    pub fn decided<K: Kind>(&mut self, object: &Object<K>, facts: &K::Facts, decision: &Decision<K::Status>) {
        let holds = invariants::of_a_decision::<K>(self, object, facts, decision);
        self.must(holds);
    }

    /// A call is about to go out.
    pub fn about_to_call<K: Kind>(&mut self, object: &Object<K>, facts: &K::Facts, call: &Call) {
        let holds = invariants::of_a_call::<K>(self, object, facts, call);
        self.must(holds);
    }

    /// An object was let go.
    pub fn released<K: Kind>(&mut self, object: &Object<K>, facts: &K::Facts) {
        self.note(|| format!("{} {} released", K::WORD, object.name));
        self.must(invariants::of_a_release::<K>(facts));
        self.ledger.release::<K>(facts);
    }

    /// The process dies, and another one begins: it lists everything, and remembers nothing.
    pub fn restart(&mut self) {
        self.note(|| "the operator restarts".into());
        self.memory.clear();
        self.due.clear();
        self.cluster.sync(|| true);
        self.wake(&KINDS);
    }

    /// All objects of these kinds are looked at now.
    fn wake(&mut self, kinds: &[&'static str]) {
        let now = self.now;
        let Self { cluster, due, .. } = self;
        let names = cluster
            .registries
            .cache
            .keys()
            .map(|n| (KINDS[0], n))
            .chain(cluster.workspaces.cache.keys().map(|n| (KINDS[1], n)))
            .chain(cluster.versions.cache.keys().map(|n| (KINDS[2], n)))
            .chain(cluster.bindings.cache.keys().map(|n| (KINDS[3], n)));
        for (kind, name) in names.filter(|(kind, _)| kinds.contains(kind)) {
            due.insert((kind, name.clone()), now);
        }
    }

    /// The cache catches up, more or less. What is news is looked at, and what may refer to it.
    fn catch_up(&mut self) {
        let Self { cluster, rng, calm, .. } = self;
        let news = cluster.sync(|| *calm || rng.f64() < 0.7);
        let mut kinds: Vec<&'static str> = vec![];
        for (kind, name) in news {
            match kind {
                k if k == KINDS[0] => kinds.push(KINDS[2]),
                k if k == KINDS[3] => kinds.push(KINDS[3]),
                _ => kinds.extend([KINDS[2], KINDS[3]]),
            }
            self.due.insert((kind, name), self.now);
        }
        self.wake(&kinds);
    }

    /// The next pass, at the time when it is due. False when nothing is due before `until`.
    pub fn step(&mut self, until: Timestamp) -> bool {
        self.catch_up();
        let Some((key, at)) = self.due.iter().min_by_key(|(_, at)| **at).map(|(k, at)| (k.clone(), *at))
        else {
            return false;
        };
        if at > until {
            self.advance(until);
            return false;
        }
        // A pass takes a little time, so that two passes are never at the same moment.
        self.advance(at.max(self.now) + Duration::from_millis(20));
        self.passes += 1;
        let (kind, name) = &key;
        let again = match *kind {
            k if k == KINDS[0] => pass::<Registry>(self, name),
            k if k == KINDS[1] => pass::<Workspace>(self, name),
            k if k == KINDS[2] => pass::<ModelVersion>(self, name),
            _ => pass::<DeploymentBinding>(self, name),
        };
        let interval = Duration::from_secs(300);
        match again {
            Err(Crash) => self.restart(),
            Ok(Again::Never) => {
                self.due.remove(&key);
            }
            Ok(Again::Soon) => self.look_again(key, Duration::from_millis(500)),
            Ok(Again::After(LookAgain::Now)) => self.look_again(key, Duration::ZERO),
            Ok(Again::After(LookAgain::After(wait))) => self.look_again(key, wait),
            Ok(Again::After(LookAgain::Interval)) => self.look_again(key, interval),
        }
        true
    }

    fn look_again(&mut self, key: (&'static str, String), after: Duration) {
        let at = self.now + after;
        self.due.insert(key, at);
    }

    /// Peace, for so long: what was applied on the first day may come to be.
    pub fn peace(&mut self, length: Duration) {
        self.calm = true;
        let until = self.now + length;
        while self.step(until) {}
        self.calm = false;
    }

    /// Faults, people and foreign hands, for so long.
    pub fn storm(&mut self, length: Duration) {
        let end = self.now + length;
        self.cloud.weather = Weather { bad: [0.01, 0.03, 0.08][self.rng.usize(0..3)] };
        let busy = [40, 120, 400][self.rng.usize(0..3)];
        while self.now < end {
            match self.rng.u8(0..20) {
                0..13 => people::act(self),
                13..17 => foreign::meddle(self),
                17 => self.restart(),
                18 => self.cloud.closed_until = self.now + Duration::from_secs(self.rng.u64(10..400)),
                _ if self.chance(0.3) => {
                    self.note(|| "every status is forgotten".into());
                    self.cluster.forget_all_status();
                    self.ledger.forget();
                }
                _ => {}
            }
            let until = self.now + Duration::from_secs(self.rng.u64(1..busy));
            while self.step(until) {}
        }
    }

    /// Does a status still remember an operation?
    fn follows_an_operation(&self) -> bool {
        let Cluster { registries, versions, bindings, .. } = &self.cluster;
        registries.live.values().any(|o| o.status.operation.is_some())
            || versions.live.values().any(|o| o.status.operation.is_some())
            || bindings.live.values().any(|o| o.status.operation.is_some())
    }

    /// The last fault is over. Everything settles in bounded time, and then nothing is written any more.
    pub fn settle(&mut self) {
        self.calm = true;
        self.cloud.weather = Weather { bad: 0.0 };
        self.cloud.closed_until = self.now;
        people::leave_in_order(self);
        self.note(|| "the last fault is over".into());
        let bound = self.now + Duration::from_secs(6 * 3600);
        let quiet = Duration::from_secs(1500);
        loop {
            let before = (self.cloud.deeds, self.status_writes);
            let until = self.now + quiet;
            while self.step(until) {}
            let under_way = self.cloud.next_end().is_some() || !self.cloud.under_way.is_empty();
            let waits = under_way || self.follows_an_operation();
            if before == (self.cloud.deeds, self.status_writes) && !waits {
                break;
            }
            if self.now > bound {
                self.fail("it does not settle: something is still written 6 h after the last fault");
            }
        }
        self.must(super::end::of_the_end(self));
        // An upgrade without a change, and a restart, write nothing.
        let before = (self.cloud.deeds, self.status_writes);
        self.restart();
        let until = self.now + quiet;
        while self.step(until) {}
        if before != (self.cloud.deeds, self.status_writes) {
            self.fail("a restart wrote something");
        }
    }
}
