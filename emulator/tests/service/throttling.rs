//! Waiting for an empty bucket: as told, shorter, several at once, and at another pace.

use azureml_emulator::{Config, Limit, Limits, Response, Throttling, Time};
use serde_json::json;

use crate::support::{WORKSPACE, World};

/// A world whose bucket of reads is empty.
fn emptied(size: f64, refill: f64) -> World {
    emptied_at(1.0, size, refill)
}

/// The same, where `scale` seconds pass in a real one.
fn emptied_at(scale: f64, size: f64, refill: f64) -> World {
    let limits = Limits { reads: Limit { size, refill }, ..Limits::default() };
    let mut world = World::with(Config {
        throttling: Throttling::Custom(limits),
        time: Time::Real { scale },
        ..Config::default()
    });
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

#[test]
fn a_client_is_told_the_real_seconds_that_it_has_to_sleep() {
    for (scale, refill, real) in [
        (1.0, 0.02, 50.0),
        (120.0, 0.02, 1.0),
        (60.0, 0.01, 2.0),
        (60.0, 25.0, 1.0),
        (0.5, 1.0, 2.0),
        (0.5, 0.02, 100.0),
        (0.3, 1.0, 4.0),
    ] {
        let mut world = emptied_at(scale, 3.0, refill);
        let refused = world.get(WORKSPACE);
        assert_eq!(told(&refused), Some(real), "{scale} {refill}");
        let message = refused.value()["error"]["message"].as_str().unwrap().to_owned();
        assert!(message.ends_with(&format!(" Please try again after '{real}' seconds.")), "{message}");
        world.pass(real * scale);
        assert_eq!(told(&world.get(WORKSPACE)), None, "{scale} {refill}");
    }
    let told_for_ever = told(&emptied_at(f64::MIN_POSITIVE, 1.0, 0.0).get(WORKSPACE));
    assert_eq!(told_for_ever, Some(f64::from(i32::MAX)), "a number that clients can read");
}

#[test]
fn who_comes_too_early_is_told_real_seconds_too() {
    let mut world = emptied_at(2.0, 1.0, 0.1);
    assert_eq!(told(&world.get(WORKSPACE)), Some(5.0));
    world.pass(9.0);
    assert_eq!(told(&world.get(WORKSPACE)), Some(5.0), "as long again");
    world.pass(9.0);
    assert_eq!(told(&world.get(WORKSPACE)), Some(1.0), "what is left of it");
    world.pass(2.0);
    assert_eq!(told(&world.get(WORKSPACE)), None);
}

/// Clients sleep real seconds, of which each is `scale` emulated ones.
#[test]
fn a_client_that_waits_as_told_gets_through_at_any_scale() {
    for (scale, least) in [(0.1, 60), (0.5, 60), (0.9, 45), (2.0, 60), (60.0, 60)] {
        let through = reads(&mut emptied_at(scale, 2.0, 1.0), &[0.0], scale, 0.0, 60.0 * scale.max(1.0));
        assert!(through[0] >= least, "{scale}: {through:?}");
    }
}

#[test]
fn who_never_waits_gains_nothing() {
    let patient = reads(&mut emptied(1.0, 0.1), &[0.0], 1.0, 0.0, 600.0);
    let impatient = reads(&mut emptied(1.0, 0.1), &[0.0], 0.01, 0.0, 600.0);
    assert!(impatient[0] < patient[0], "{impatient:?} {patient:?}");
}
