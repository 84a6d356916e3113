//! One run: virtual time, a process that acts in it, people, foreign hands, and the end.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use super::cloud::Weather;
use super::end;
use super::process::Process;
use super::world::World;
use super::{foreign, meter, oncall, people, policies};

/// One run of the simulation.
pub struct Run {
    world: Arc<Mutex<World>>,
    process: Process,
}

impl Run {
    pub fn new(seed: u64) -> Self {
        let mut world = World::new(seed);
        people::begin(&mut world);
        let world = Arc::new(Mutex::new(world));
        let process = Process::begin(&world);
        Self { world, process }
    }

    pub fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The process dies, wherever its passes are, and another one begins.
    fn restart(&mut self) {
        self.world().note(|| "the operator restarts".into());
        self.world().process_dies();
        self.process = Process::begin(&self.world);
    }

    /// What happens next, not after `until`. False when nothing does.
    fn step(&mut self, until: Timestamp) -> bool {
        self.world().check();
        if std::mem::take(&mut self.world().restart) {
            self.restart();
        }
        let relabelled = std::mem::take(&mut self.world().relabelled);
        for namespace in relabelled {
            self.process.labels_changed(&namespace);
        }
        self.process.catch_up();
        let (arrival, pass) = (self.world().next_arrival(), self.process.next());
        let now = self.world().now;
        let Some(at) = arrival.into_iter().chain(pass).min().map(|at| at.max(now)) else {
            return false;
        };
        if at > until {
            self.world().advance(until);
            return false;
        }
        self.world().advance(at);
        if arrival.is_some_and(|arrival| pass.is_none_or(|pass| arrival <= pass)) {
            if self.world().chance(0.002) {
                self.restart();
                return true;
            }
            let whose = self.world().arrive();
            if self.world().chance(0.002) {
                self.restart();
                return true;
            }
            if let Some(key) = whose {
                self.process.poll(&key);
            }
        } else {
            self.process.begin_pass();
        }
        true
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

    /// One rollout after the other, for so long, with hands that move the traffic while it is split, candidates that break,
    /// people who stop a rollout or let it through, and now and then a second object for the workspace.
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
                let what = self.world().rng.u8(0..18);
                match what {
                    12.. => oncall::say_a_word(&mut self.world()),
                    0..4 => foreign::move_split_traffic(&mut self.world()),
                    4 => people::contest(&mut self.world()),
                    5 => foreign::break_a_candidate(&mut self.world()),
                    6..10 => {
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
                    self.process.relist(breaks_off);
                }
                _ => self.status_is_lost(),
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
            // A process in whose configuration `--observe-only` is off, and that looks at everything once.
            world.restart = true;
        }
        // What was being deleted goes first, and is made again.
        self.on(Duration::from_secs(60));
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
        self.restart();
        self.on(quiet);
        let mut world = self.world();
        if before != world.written() {
            world.must(Err("a restart wrote something".into()));
        }
        world.check();
    }
}
