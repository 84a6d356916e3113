//! Waiting for an empty bucket: as told, shorter, and several at once.

use azureml_emulator::{Config, Limit, Limits, Response, Throttling};
use serde_json::json;

use crate::support::{WORKSPACE, World};

/// A world whose bucket of reads is empty.
fn emptied(size: f64, refill: f64) -> World {
    let limits = Limits { reads: Limit { size, refill }, ..Limits::default() };
    let mut world = World::with(Config { throttling: Throttling::Custom(limits), ..Config::default() });
    let mut left = size;
    while left >= 1.0 {
        assert_eq!(world.get(WORKSPACE).status, 200);
        left -= 1.0;
    }
    world
}

/// Seconds of a refusal's `Retry-After`.
fn told(answer: &Response) -> Option<f64> {
    assert_eq!(answer.status == 429, answer.header_value("Retry-After").is_some());
    answer.header_value("Retry-After").map(|seconds| seconds.parse().unwrap())
}

/// How many reads each of some clients of one principal gets through in so many seconds. Each begins at its own second,
/// rests `rest` seconds after an answer, and waits `Retry-After` times `share` after a refusal.
fn reads(world: &mut World, begins: &[f64], share: f64, rest: f64, seconds: f64) -> Vec<u32> {
    let (mut next, mut now) = (begins.to_vec(), 0.0);
    let mut through = vec![0; begins.len()];
    loop {
        let client = (0..next.len()).min_by(|one, other| next[*one].total_cmp(&next[*other])).unwrap();
        if next[client] > seconds {
            return through;
        }
        world.pass(next[client] - now);
        now = next[client];
        if let Some(wait) = told(&world.get(WORKSPACE)) {
            next[client] += wait * share;
        } else {
            through[client] += 1;
            next[client] += rest;
        }
    }
}

#[test]
fn who_comes_too_early_waits_as_long_again() {
    let mut world = emptied(1.0, 0.1);
    world.pass(3.0);
    assert_eq!(told(&world.get(WORKSPACE)), Some(7.0));
    world.pass(6.9);
    assert_eq!(told(&world.get(WORKSPACE)), Some(7.0));
    world.pass(6.9);
    assert_eq!(told(&world.get(WORKSPACE)), Some(1.0), "the bucket is full, but it was asked too early");
    world.pass(0.2);
    assert_eq!(told(&world.get(WORKSPACE)), None, "it begins anew only once");
    assert_eq!(told(&world.get(WORKSPACE)), Some(10.0), "another wait");
    world
        .core
        .configure(&json!({"throttling": {"custom": {"reads": {"size": 9.0, "refill": 99.0}}}}))
        .unwrap();
    world.pass(1.0);
    assert_eq!(told(&world.get(WORKSPACE)), None, "other limits, and no wait");
}

#[test]
fn clients_of_one_principal_that_wait_as_told_all_get_through() {
    for (size, refill, clients, least) in
        [(5.0, 1.0, 2, 20), (5.0, 0.3, 2, 7), (5.0, 25.0, 2, 150), (5.0, 1.0, 3, 12), (50.0, 25.0, 20, 1)]
    {
        for apart in [0.5, 1.0 / 3.0, 0.07, 0.01, 1.0] {
            let begins: Vec<f64> = (0..clients).map(|client| f64::from(client) * apart).collect();
            let through = reads(&mut emptied(size, refill), &begins, 1.0, 0.02, 60.0);
            let enough = through.iter().all(|reads| *reads >= least);
            assert!(enough, "{clients} clients, {apart} s apart, of {size} and {refill}/s: {through:?}");
        }
    }
}

/// At a scale below 1 `Retry-After` passes before so many emulated seconds have.
#[test]
fn a_client_that_sleeps_real_seconds_gets_through_at_a_scale_below_one() {
    for scale in [0.5, 0.1, 0.9] {
        let through = reads(&mut emptied(2.0, 1.0), &[0.0], scale, 0.0, 60.0);
        assert!(through[0] >= 29, "{scale}: {through:?}");
    }
}

#[test]
fn who_never_waits_gains_nothing() {
    let patient = reads(&mut emptied(1.0, 0.1), &[0.0], 1.0, 0.0, 600.0);
    let impatient = reads(&mut emptied(1.0, 0.1), &[0.0], 0.01, 0.0, 600.0);
    assert!(impatient[0] < patient[0], "{impatient:?} {patient:?}");
}
