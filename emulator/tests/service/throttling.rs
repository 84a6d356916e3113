//! Buckets: what each counts and tells, and waiting for an empty one: as told, shorter, several at once, and at another
//! pace.

use azureml_emulator::{Config, Limit, Limits, Principal, Response, Throttling, Time};
use serde_json::json;

use crate::support::{ENDPOINT, MODEL, REGISTRY, WORKSPACE, World, model_body, registry_body};

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

#[test]
fn an_empty_bucket_is_a_429_and_fills_again() {
    let limits = Limits { reads: Limit { size: 3.0, refill: 0.5 }, ..Limits::default() };
    let mut world = World::with(Config { throttling: Throttling::Custom(limits), ..Config::default() });
    for left in ["2", "1", "0"] {
        let answer = world.get(WORKSPACE);
        assert_eq!(answer.header_value("x-ms-ratelimit-remaining-subscription-reads"), Some(left));
    }
    let refused = world.get(WORKSPACE);
    assert_eq!(refused.status, 429);
    assert_eq!(refused.header_value("Retry-After"), Some("2"));
    assert_eq!(refused.value()["error"]["code"], "SubscriptionRequestsThrottled");
    assert_eq!(world.put(REGISTRY, &registry_body()).status, 202, "writes have their own");
    world.principal = Principal::application("somebody else");
    assert_eq!(world.get(WORKSPACE).status, 200, "so has everybody");
    world.principal = Principal::application("bindery");
    world.pass(2.0);
    assert_eq!(world.get(WORKSPACE).status, 200);
}

#[test]
fn a_429_tells_what_is_left_in_both_buckets() {
    let limits = Limits { reads: Limit { size: 4.0, refill: 0.25 }, ..Limits::default() };
    let mut world = World::with(Config { throttling: Throttling::Custom(limits), ..Config::default() });
    let left = |answer: &Response| {
        ["", "global-"].map(|whose| {
            let name = format!("x-ms-ratelimit-remaining-subscription-{whose}reads");
            answer.header_value(&name).unwrap().to_owned()
        })
    };
    for _ in 0..3 {
        world.get(WORKSPACE);
    }
    assert_eq!(left(&world.get(WORKSPACE)), ["0", "56"]);
    let refused = world.get(WORKSPACE);
    assert_eq!((refused.status, left(&refused)), (429, ["0".into(), "56".into()]));
    world.pass(0.5);
    let premature = world.get(WORKSPACE);
    assert_eq!((premature.status, left(&premature)), (429, ["0".into(), "57".into()]));
    world.principal = Principal::application("somebody else");
    assert_eq!(left(&world.get(WORKSPACE)), ["3", "56"]);
}

/// A bucket that hardly fills.
fn limit(size: f64) -> Limit {
    Limit { size, refill: 0.001 }
}

#[test]
fn deployments_have_a_bucket_of_their_own_beside_that_of_writes() {
    let limits = Limits { deployment_writes: limit(2.0), ..Limits::default() };
    let mut world = World::new();
    world.serve(&["blue"]);
    world.core.config.throttling = Throttling::Custom(limits);
    let blue = format!("{ENDPOINT}/deployments/blue");
    let name = "x-ms-ratelimit-remaining-subscription-resource-requests";
    for left in ["1", "0"] {
        let answer = world.patch(&blue, &json!({"tags": {"left": left}}));
        assert_eq!((answer.status, answer.header_value(name)), (200, Some(left)));
    }
    assert_eq!(world.put(&blue, &json!({})).status, 429);
    assert_eq!(world.get(&blue).status, 200, "reads have their own");
    assert_eq!(world.delete(&blue).status, 202, "and so have deletes");
}

#[test]
fn every_kind_of_write_and_delete_is_counted() {
    let limits = Limits { writes: limit(1.0), deletes: limit(1.0), ..Limits::default() };
    let mut world = World::with(Config { throttling: Throttling::Custom(limits), ..Config::default() });
    let version = format!("{MODEL}/versions/1");
    assert_eq!(world.put(&version, &model_body()).status, 201);
    assert_eq!(world.put(&version, &model_body()).status, 429);
    assert_eq!(world.post(&format!("{version}/publish"), &json!({})).status, 429);
    assert_eq!(world.delete(&version).status, 200);
    assert_eq!(world.delete(&version).status, 429);
}

#[test]
fn fifteen_principals_empty_a_subscription_and_who_is_refused_by_it_keeps_its_own() {
    let limits = Limits { reads: limit(2.0), ..Limits::default() };
    let mut world = World::with(Config { throttling: Throttling::Custom(limits), ..Config::default() });
    let global = "x-ms-ratelimit-remaining-subscription-global-reads";
    for number in 0..15 {
        world.principal = Principal::application(&format!("reader {number}"));
        let left = (29 - 2 * number).to_string();
        assert_eq!(world.get(WORKSPACE).header_value(global), Some(left.as_str()));
        assert_eq!(world.get(WORKSPACE).status, 200);
    }
    world.principal = Principal::application("late");
    for _ in 0..3 {
        assert_eq!(world.get(WORKSPACE).status, 429, "the subscription's is empty");
    }
    // By now the subscription's has two again, and the principal has the two it had.
    world.pass(150.0);
    let own = "x-ms-ratelimit-remaining-subscription-reads";
    assert_eq!(world.get(WORKSPACE).header_value(own), Some("1"));
    world.principal = Principal::application("reader 0");
    assert_eq!(world.get(WORKSPACE).status, 429, "its own is empty, and the subscription's stays as it is");
    world.principal = Principal::application("late");
    assert_eq!(world.get(WORKSPACE).status, 200);
}
