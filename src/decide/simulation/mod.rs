//! The simulation: all kinds together, in virtual time, against a small cloud that may do whatever the
//! contract permits and a Kubernetes that serves stale objects, conflicts, loses status writes and
//! forgets all status. A run is one seed; a failure prints it.
//!
//! `BINDERY_SIMULATION_RUNS=5000 cargo test --release simulation` runs more of them;
//! `BINDERY_SIMULATION_SEED=7 cargo test simulation -- --nocapture` runs one, and tells everything.

mod cloud;
mod cluster;
mod end;
mod foreign;
mod invariants;
mod kinds;
mod people;
mod shell;
mod world;

use std::time::Duration;

use world::World;

/// How many runs where nobody says it.
const RUNS: u64 = 24;

fn variable(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// One run: a storm, and then calm.
fn run(seed: u64) -> World {
    let mut world = World::new(seed);
    people::begin(&mut world);
    if world.rng.u8(0..4) > 0 {
        world.peace(Duration::from_secs(1200));
    }
    let length = world.rng.u64(900..4000);
    world.storm(Duration::from_secs(length));
    world.settle();
    world
}

#[test]
fn whatever_happens_the_invariants_hold_and_everything_settles() {
    let seeds = match variable("BINDERY_SIMULATION_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..variable("BINDERY_SIMULATION_RUNS").unwrap_or(RUNS),
    };
    let (mut passes, mut deeds) = (0, 0);
    for seed in seeds {
        let world = run(seed);
        passes += world.passes;
        deeds += world.cloud.deeds;
    }
    println!("{passes} passes, {deeds} changes in Azure");
}
