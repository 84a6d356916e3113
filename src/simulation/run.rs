//! One run: virtual time, a process that acts in it, people, foreign hands, and the end.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use super::cloud::Weather;
use super::end;
use super::process::Process;
use super::world::World;
use super::{foreign, meter, oncall, people, policies};
use crate::api::ObjectKey;

/// One run of the simulation.
pub struct Run {
    world: Arc<Mutex<World>>,
    replicas: Vec<Replica>,
}

/// A place for a process: one that has ended is followed by another.
struct Replica {
    process: Process,
    /// It does nothing until then, as after SIGSTOP.
    stopped_until: Option<Timestamp>,
    /// It was told to end, and finishes the passes that it has begun.
    ends: bool,
}

impl Replica {
    fn begin(world: &Arc<Mutex<World>>, elected: bool) -> Self {
        Self { process: Process::begin(world, elected), stopped_until: None, ends: false }
    }

    /// When it does something next. Whoever ends makes no new passes.
    fn next(&self) -> Option<Timestamp> {
        let pass = self.process.next().filter(|_| !self.ends);
        let own = pass.into_iter().chain(self.process.next_election()).min();
        match self.stopped_until {
            Some(until) => Some(own.map_or(until, |own| own.max(until))),
            None => own,
        }
    }
}

impl Run {
    pub fn new(seed: u64) -> Self {
        let mut world = World::new(seed);
        people::begin(&mut world);
        let world = Arc::new(Mutex::new(world));
        let replicas = vec![Replica::begin(&world, false)];
        Self { world, replicas }
    }

    pub fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The operator runs twice from now on, and one of the two leads.
    pub fn two_replicas(&mut self) {
        self.world().note(|| "the operator runs twice".into());
        let one = self.replicas[0].process.name();
        self.world().process_dies(one);
        self.replicas = vec![Replica::begin(&self.world, true), Replica::begin(&self.world, true)];
    }

    fn is_elected(&self) -> bool {
        self.replicas.len() > 1
    }

    /// A process dies, wherever its passes are, and another one begins.
    fn restart(&mut self) {
        let which = if self.is_elected() { self.world().rng.usize(0..self.replicas.len()) } else { 0 };
        self.restart_one(which);
    }

    fn restart_one(&mut self, which: usize) {
        self.world().note(|| "the operator restarts".into());
        let (name, elected) = (self.replicas[which].process.name(), self.is_elected());
        self.world().process_dies(name);
        self.replicas[which] = Replica::begin(&self.world, elected);
    }

    /// If what arrives next is a call, whoever has sent it dies.
    fn the_sender_dies(&mut self) -> bool {
        let Some(name) = self.world().who_calls_next() else { return false };
        let which = self.replicas.iter().position(|it| it.process.name() == name);
        if let Some(which) = which {
            self.restart_one(which);
        }
        which.is_some()
    }

    fn restart_all(&mut self) {
        for which in 0..self.replicas.len() {
            self.restart_one(which);
        }
    }

    /// Something happens to one of two processes.
    fn disturb_a_replica(&mut self) {
        let (which, what, length) = {
            let rng = &mut self.world().rng;
            (rng.usize(0..self.replicas.len()), rng.u8(0..9), Duration::from_secs(rng.u64(1..70)))
        };
        let replica = &mut self.replicas[which];
        let name = replica.process.name();
        let mut world = self.world.lock().unwrap_or_else(PoisonError::into_inner);
        match what {
            0..3 => {
                world.note(|| format!("process {name} is stopped for {length:?}"));
                replica.stopped_until = Some(world.now + length);
            }
            3..5 => {
                world.note(|| format!("process {name} does not reach the API server for {length:?}"));
                world.cut_off(name, length);
            }
            5..7 => {
                world.note(|| format!("process {name} is told to end"));
                replica.ends = true;
            }
            7 => {
                world.note(|| "the record of the election is deleted".into());
                world.elections.lose_the_record();
            }
            _ => {
                drop(world);
                self.restart_one(which);
            }
        }
    }

    /// What a process does by itself: it goes on, takes part in the election, hears from its watches, and ends.
    fn live(&mut self, relabelled: &[String]) {
        for which in 0..self.replicas.len() {
            let now = self.world().now;
            let replica = &mut self.replicas[which];
            for namespace in relabelled {
                replica.process.labels_changed(namespace);
            }
            if replica.stopped_until.is_some_and(|until| until > now) {
                continue;
            }
            let name = replica.process.name();
            if replica.stopped_until.take().is_some() {
                let passes_first = self.world.lock().unwrap_or_else(PoisonError::into_inner).rng.bool();
                if passes_first {
                    replica.process.goes_on();
                }
                replica.process.elect();
                replica.process.goes_on();
            }
            replica.process.elect();
            let reaches = self.world.lock().unwrap_or_else(PoisonError::into_inner).reaches_the_cluster(name);
            if reaches {
                replica.process.catch_up();
            }
            if replica.ends && replica.process.is_idle() {
                replica.process.release();
                self.restart_one(which);
            }
        }
    }

    /// Whoever waits for an answer in this process goes on, unless it is stopped.
    fn poll(&mut self, name: u32, key: &ObjectKey) {
        let runs = |it: &&mut Replica| it.process.name() == name && it.stopped_until.is_none();
        if let Some(replica) = self.replicas.iter_mut().find(runs) {
            replica.process.poll(key);
        }
    }

    /// What happens next, not after `until`. False when nothing does.
    fn step(&mut self, until: Timestamp) -> bool {
        self.world().check();
        if std::mem::take(&mut self.world().restart) {
            self.restart_all();
        }
        let relabelled = std::mem::take(&mut self.world().relabelled);
        self.live(&relabelled);
        let arrival = self.world().next_arrival();
        let acts = self.replicas.iter().enumerate().filter_map(|(which, it)| Some((it.next()?, which))).min();
        let now = self.world().now;
        let all = arrival.into_iter().chain(acts.map(|(at, _)| at));
        let Some(at) = all.min().map(|at| at.max(now)) else { return false };
        if at > until {
            self.world().advance(until);
            return false;
        }
        self.world().advance(at);
        if arrival.is_some_and(|arrival| acts.is_none_or(|(acts, _)| arrival <= acts)) {
            // A leader dies with a call under way: the next one must not call while that may arrive.
            if self.is_elected() && self.world().chance(0.15) && self.the_sender_dies() {
                return true;
            }
            // Elections ask all the time, and passes now and then.
            let dies = if self.world().a_pass_hears_next() { 0.002 } else { 0.00005 };
            if self.world().chance(dies) {
                self.restart();
                return true;
            }
            let whose = self.world().arrive();
            if self.world().chance(dies) {
                self.restart();
                return true;
            }
            if let Some((name, key)) = whose {
                self.poll(name, &key);
            }
        } else if let Some((_, which)) = acts {
            self.act(which);
        }
        true
    }

    /// Its next pass begins, where that is what is due. The rest it does [by itself](Self::live).
    fn act(&mut self, which: usize) {
        let now = self.world().now;
        let replica = &mut self.replicas[which];
        let due = replica.process.next().is_some_and(|at| at <= now);
        if due && !replica.ends && replica.stopped_until.is_none() {
            replica.process.begin_pass();
        }
    }

    fn until(&mut self, until: Timestamp) {
        while self.step(until) {}
    }

    /// Goes on for so long.
    fn on(&mut self, length: Duration) {
        let until = self.world().now + length;
        self.until(until);
    }

    /// Peace, for so long: what was applied on the first day may come to be.
    pub fn peace(&mut self, length: Duration) {
        self.world().calm = true;
        self.on(length);
        self.world().calm = false;
    }

    /// One rollout after the other, for so long, with hands that move the traffic while it is split or delete what serves, candidates
    /// that break, people who stop a rollout or let it through, and now and then a second object for the workspace.
    pub fn rollouts(&mut self, length: Duration) {
        let end = self.world().now + length;
        if self.world().rng.bool() {
            meter::measure_all(&mut self.world());
        }
        while self.world().now < end {
            people::bind_another_version(&mut self.world());
            let looks = self.world().rng.u8(2..12);
            for _ in 0..looks {
                let pause = Duration::from_secs(self.world().rng.u64(5..60));
                self.on(pause);
                if self.is_elected() && self.world().rng.u8(0..5) == 0 {
                    self.disturb_a_replica();
                }
                let what = self.world().rng.u8(0..18);
                match what {
                    12.. => oncall::say_a_word(&mut self.world()),
                    0..4 => foreign::move_split_traffic(&mut self.world()),
                    4 => people::contest(&mut self.world()),
                    5 => foreign::break_a_candidate(&mut self.world()),
                    6 => foreign::delete_what_serves(&mut self.world()),
                    7..10 => {
                        people::they_speak_of_a_rollout(&mut self.world());
                    }
                    _ => policies::open_or_close(&mut self.world()),
                }
            }
        }
    }

    /// In peace, for so long, versions take over from each other without steps. Rules are waived for one for a while, and a binding
    /// goes back to what served before: while somebody asks for what that version lacks, or speaks against it.
    pub fn returns(&mut self, length: Duration) {
        let end = self.world().now + length;
        self.world().calm = true;
        let steps = people::put_steps_aside(&mut self.world());
        while self.world().now < end {
            policies::let_everything_serve(&mut self.world());
            people::bind_another_version(&mut self.world());
            self.on(Duration::from_secs(240));
            policies::let_through_for_a_while(&mut self.world());
            self.on(Duration::from_secs(240));
            policies::let_everything_serve(&mut self.world());
            if policies::go_back(&mut self.world()) {
                let pause = Duration::from_secs(self.world().rng.u64(30..150));
                self.on(pause);
            }
        }
        policies::let_everything_serve(&mut self.world());
        people::take_steps_again(&mut self.world(), steps);
        self.world().calm = false;
    }

    /// Rollouts by steps that wait for a person, while whoever is on call speaks to them, the process dies and statuses are lost.
    pub fn calls(&mut self, length: Duration) {
        let end = self.world().now + length;
        oncall::ask_for_people(&mut self.world());
        // A word that only waits for a rule shows little of what becomes of words.
        policies::let_everything_serve(&mut self.world());
        while self.world().now < end {
            people::bind_another_version(&mut self.world());
            let looks = self.world().rng.u8(4..14);
            for _ in 0..looks {
                let pause = Duration::from_secs(self.world().rng.u64(5..90));
                self.on(pause);
                let what = self.world().rng.u8(0..16);
                match what {
                    0..10 => oncall::say_a_word(&mut self.world()),
                    10 => self.restart(),
                    11 => self.status_is_lost(),
                    12 => policies::open_or_close(&mut self.world()),
                    _ => {}
                }
            }
        }
    }

    /// One copy after the other, for so long, while storage answers badly, somebody writes the files that are copied, the
    /// process dies and statuses are lost.
    pub fn copies(&mut self, length: Duration) {
        let end = self.world().now + length;
        self.world().cloud.weather = Weather { bad: 0.06 };
        while self.world().now < end {
            people::copy_another_version(&mut self.world());
            let looks = self.world().rng.u8(2..8);
            for _ in 0..looks {
                let pause = Duration::from_millis(self.world().rng.u64(50..8000));
                self.on(pause);
                let what = self.world().rng.u8(0..16);
                match what {
                    0 => foreign::write_a_file(&mut self.world()),
                    1 | 2 => self.restart(),
                    3 => {
                        let mut world = self.world();
                        world.note(|| "every status is forgotten".into());
                        world.cluster.forget_all_status();
                        world.ledger.forget();
                    }
                    _ => {}
                }
            }
        }
        self.world().cloud.weather = Weather { bad: 0.0 };
    }

    /// Faults, people and foreign hands, for so long.
    pub fn storm(&mut self, length: Duration) {
        let (end, busy) = {
            let mut world = self.world();
            let bad = [0.01, 0.03, 0.08][world.rng.usize(0..3)];
            world.cloud.weather = Weather { bad };
            (world.now + length, [40, 120, 400][world.rng.usize(0..3)])
        };
        while self.world().now < end {
            let what = self.world().rng.u8(0..21);
            match what {
                0..13 => people::act(&mut self.world()),
                13..17 => foreign::meddle(&mut self.world()),
                17 => self.restart(),
                18 => {
                    let mut world = self.world();
                    world.cloud.closed_until = world.now + Duration::from_secs(world.rng.u64(10..400));
                }
                19 => {
                    self.world().note(|| "the watches break, and begin again".into());
                    let breaks_off = self.world().rng.bool();
                    for replica in &mut self.replicas {
                        replica.process.relist(breaks_off);
                    }
                }
                _ => self.status_is_lost(),
            }
            if self.is_elected() && self.world().rng.u8(0..6) == 0 {
                self.disturb_a_replica();
            }
            let pause = Duration::from_secs(self.world().rng.u64(1..busy));
            self.on(pause);
        }
    }

    fn status_is_lost(&mut self) {
        let what = self.world().rng.u8(0..10);
        if what < 3 {
            let mut world = self.world();
            world.note(|| "every status is forgotten".into());
            world.cluster.forget_all_status();
            world.ledger.forget();
        } else if what < 6 {
            self.restore();
        }
    }

    /// The cluster is lost, and comes back from a backup: without status, in any order, with the operator running or not, with
    /// finalizers or without.
    fn restore(&mut self) {
        let (lost, runs, finalizers) = {
            let mut world = self.world();
            world.note(|| "the cluster is lost".into());
            let mut lost = world.cluster.lose();
            world.rng.shuffle(&mut lost);
            world.ledger.forget();
            world.restart = true;
            world.in_backup = lost.iter().map(super::cluster::name).collect();
            let (runs, finalizers) = (world.rng.bool(), world.rng.bool());
            (lost, runs, finalizers)
        };
        for object in lost {
            let mut world = self.world();
            world.note(|| format!("{} is restored", super::cluster::name(&object)));
            let now = world.now + Duration::from_secs(world.rng.u64(1..3));
            world.now = now;
            world.in_backup.remove(&super::cluster::name(&object));
            world.cluster.restore(&object, finalizers, now);
            drop(world);
            if runs {
                self.on(Duration::from_secs(1));
            }
        }
        self.world().restart = true;
    }

    /// The last fault is over. Everything settles in bounded time, and then nothing is written any more.
    pub fn settle(&mut self) {
        {
            let mut world = self.world();
            world.clear_up();
            people::leave_in_order(&mut world);
            world.note(|| "the last fault is over".into());
            world.everybody_reaches_the_cluster();
            // A process in whose configuration `--observe-only` is off, and that looks at everything once.
            world.restart = true;
        }
        // What was being deleted goes first, and is made again.
        let takeover = if self.is_elected() { 60 } else { 0 };
        self.on(Duration::from_secs(60 + takeover));
        people::apply_what_is_missing(&mut self.world());
        let bound = self.world().now + Duration::from_secs(6 * 3600);
        let quiet = Duration::from_secs(1500);
        loop {
            let before = self.world().written();
            self.on(quiet);
            let world = self.world();
            if before == world.written() && !world.works() {
                break;
            }
            let late = world.now > bound;
            drop(world);
            if late {
                let mut world = self.world();
                let remembered = world.remembers();
                world.must(Err(format!(
                    "it does not settle: 6 h after the last fault something is still written, or remembered: {remembered:?}"
                )));
                world.check();
            }
        }
        // What a Workspace lists of Azure is as old as its interval, which may be a day.
        people::have_workspaces_looked_at(&mut self.world());
        self.on(quiet);
        let mut world = self.world();
        let holds = end::of_the_end(&world);
        world.must(holds);
        world.check();
        // An upgrade without a change, and a restart, write nothing.
        let before = world.written();
        drop(world);
        self.restart_all();
        self.on(quiet);
        let mut world = self.world();
        if before != world.written() {
            world.must(Err("a restart wrote something".into()));
        }
        world.check();
    }
}
