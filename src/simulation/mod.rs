//! The simulation: the program's own pass and index, in virtual time, against a small cloud that may do whatever the
//! contract permits and a Kubernetes that serves stale objects, conflicts, loses status writes, forgets all status and is
//! restored from a backup. The process dies at any await. A run is one seed; a failure prints it.
//!
//! `cargo xtask soak` runs as many as you like, with optimisation and on all cores;
//! `BINDERY_SIMULATION_SEED=7 cargo test simulation -- --nocapture` runs one, and tells everything.

mod approvers;
mod cloud;
mod cluster;
mod election;
mod end;
mod foreign;
mod invariants;
mod meter;
mod oncall;
mod people;
mod policies;
mod ports;
mod process;
mod run;
mod secrets;
mod world;

use std::time::{Duration, Instant};

use run::Run;

/// How many runs where nobody says it.
const RUNS: u64 = 8;

fn variable(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// One run: a storm, and then calm. The answer is how many passes, requests and changes in Azure there were.
fn run(seed: u64) -> [u64; 3] {
    let mut run = Run::new(seed);
    if run.world().rng.u8(0..4) > 0 {
        run.peace(Duration::from_secs(1200));
    }
    if run.world().rng.bool() {
        run.returns(Duration::from_secs(1500));
    }
    if run.world().rng.bool() {
        run.rollouts(Duration::from_secs(1200));
    }
    if run.world().rng.u8(0..3) == 0 {
        run.calls(Duration::from_secs(1500));
    }
    if run.world().cluster.copies {
        run.copies(Duration::from_secs(300));
    }
    // Every third run has two processes.
    if seed % 3 == 1 {
        run.two_replicas();
        run.rollouts(Duration::from_secs(600));
    }
    let length = run.world().rng.u64(900..4000);
    run.storm(Duration::from_secs(length));
    run.settle();
    let world = run.world();
    [world.passes, world.steps, world.cloud.deeds]
}

#[test]
fn whatever_happens_the_invariants_hold_and_everything_settles() {
    let first = variable("BINDERY_SIMULATION_FIRST").unwrap_or(0);
    let seeds = match variable("BINDERY_SIMULATION_SEED") {
        Some(seed) => seed..seed + 1,
        None => first..first + variable("BINDERY_SIMULATION_RUNS").unwrap_or(RUNS),
    };
    let began = Instant::now();
    let mut all = [0; 3];
    for seed in seeds {
        for (sum, more) in all.iter_mut().zip(run(seed)) {
            *sum += more;
        }
    }
    let [passes, requests, deeds] = all;
    let rate = passes * 1000 / u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX).max(1);
    println!("{passes} passes with {requests} requests, {deeds} changes in Azure; {rate} passes a second");
}
