use std::collections::BTreeMap;

use super::*;

fn key(namespace: &str, name: &str) -> Arc<ObjectKey> {
    let kind = ObjectKind::DeploymentBinding;
    Arc::new(ObjectKey { kind, namespace: namespace.into(), name: name.into() })
}

/// Everybody is equally urgent.
fn routine(_: &ObjectKey) -> Lane {
    Lane::Routine
}

/// The names of all that get a place now, in their order, where each has one for ever.
fn all(turns: &mut Turns<u32>, now: u32) -> Vec<String> {
    std::iter::from_fn(|| turns.take(now, routine)).map(|(key, _)| key.name.to_string()).collect()
}

fn woken_as(all: &[(&str, Lane)]) -> Turns<u32> {
    let mut turns = Turns::default();
    for (name, lane) in all {
        turns.wake(&key("ml", name), *lane, 0);
    }
    turns
}

#[test]
fn who_came_first_goes_first() {
    let mut turns = woken_as(&[("c", Lane::Edit), ("a", Lane::Edit), ("b", Lane::Edit), ("c", Lane::Edit)]);
    assert_eq!(all(&mut turns, 0), ["c", "a", "b"]);
}

#[test]
fn what_takes_traffic_back_goes_before_everything_else() {
    let mut turns = woken_as(&[
        ("a", Lane::Edit),
        ("b", Lane::TakingBack),
        ("c", Lane::Rollout),
        ("d", Lane::TakingBack),
    ]);
    assert_eq!(all(&mut turns, 0)[..2], ["b", "d"]);
}

#[test]
fn a_flood_of_edits_leaves_places_to_rollouts_and_to_the_comparison() {
    let mut turns = Turns::<u32>::default();
    for number in 0..1000 {
        for (word, lane) in [("e", Lane::Edit), ("o", Lane::Rollout), ("r", Lane::Routine)] {
            turns.wake(&key("ml", &format!("{word}{number}")), lane, 0);
        }
    }
    let first: Vec<char> =
        all(&mut turns, 0).iter().take(70).filter_map(|name| name.chars().next()).collect();
    let of = |word| first.iter().filter(|it| **it == word).count();
    assert_eq!((of('e'), of('o'), of('r')), (30, 30, 10));
    assert_eq!(first[..2], ['e', 'o']);
}

#[test]
fn a_line_without_objects_leaves_its_places_to_the_others() {
    let mut turns = woken_as(&[("r1", Lane::Routine), ("r2", Lane::Routine), ("e", Lane::Edit)]);
    assert_eq!(all(&mut turns, 0), ["e", "r1", "r2"]);
}

#[test]
fn namespaces_take_turns() {
    let mut turns = Turns::<u32>::default();
    for number in 0..1900 {
        turns.wake(&key("many", &format!("m{number}")), Lane::Edit, 0);
    }
    for name in ["f1", "f2", "f3"] {
        turns.wake(&key("few", name), Lane::Edit, 0);
    }
    assert_eq!(all(&mut turns, 0)[..7], ["m0", "f1", "m1", "f2", "m2", "f3", "m3"]);
}

#[test]
fn who_becomes_more_urgent_changes_the_line_and_has_one_turn() {
    let mut turns = woken_as(&[("a", Lane::Rollout), ("b", Lane::Rollout), ("c", Lane::Rollout)]);
    turns.wake(&key("ml", "c"), Lane::TakingBack, 0);
    turns.wake(&key("ml", "c"), Lane::Routine, 0);
    turns.wake(&key("ml", "b"), Lane::Edit, 0);
    assert_eq!((turns.waiting(), turns.entered(), turns.entered()), (3, 3, 0));
    assert_eq!(all(&mut turns, 0), ["c", "b", "a"]);
}

#[test]
fn nobody_has_two_places_and_who_is_woken_meanwhile_gets_another_turn() {
    let (mut turns, one) = (woken_as(&[("one", Lane::Edit)]), key("ml", "one"));
    assert_eq!(turns.take(0, routine), Some((one.clone(), 0)));
    turns.wake(&one, Lane::Edit, 0);
    assert_eq!(turns.take(0, routine), None);
    turns.ended(&one, Some(Next { at: 100, urgent: false }), 0);
    assert_eq!(turns.due(), None, "it is due now");
    assert_eq!(turns.take(0, routine), Some((one.clone(), 0)));
    turns.ended(&one, Some(Next { at: 100, urgent: false }), 0);
    assert_eq!((turns.take(99, routine), turns.due()), (None, Some(100)));
    assert_eq!(turns.take(105, routine), Some((one, 100)), "since when it was due");
}

#[test]
fn who_is_woken_early_is_not_looked_at_twice() {
    let (mut turns, one) = (woken_as(&[("one", Lane::Edit)]), key("ml", "one"));
    turns.take(0, routine);
    turns.ended(&one, Some(Next { at: 50, urgent: false }), 0);
    turns.wake(&one, Lane::Edit, 0);
    assert_eq!(all(&mut turns, 10), ["one"]);
    turns.ended(&one, Some(Next { at: 80, urgent: false }), 0);
    assert_eq!((all(&mut turns, 79), all(&mut turns, 80)), (vec![], vec!["one".into()]));
}

#[test]
fn who_waits_to_take_back_goes_first_when_its_time_comes_or_something_wakes_it() {
    for wakes in [false, true] {
        let mut turns = woken_as(&[("one", Lane::Edit)]);
        turns.take(0, routine);
        turns.ended(&key("ml", "one"), Some(Next { at: 10, urgent: true }), 0);
        turns.wake(&key("ml", "another"), Lane::Edit, 0);
        if wakes {
            turns.wake(&key("ml", "one"), Lane::Rollout, 0);
        }
        assert_eq!(all(&mut turns, 10), ["one", "another"], "{wakes}");
    }
}

#[test]
fn who_is_gone_is_forgotten_unless_it_came_back() {
    let (mut turns, one) = (woken_as(&[("one", Lane::Edit)]), key("ml", "one"));
    turns.take(0, routine);
    turns.ended(&one, None, 0);
    assert!(turns.objects.is_empty() && turns.later.is_empty());
    turns.wake(&one, Lane::Edit, 0);
    turns.take(0, routine);
    turns.wake(&one, Lane::Edit, 0);
    turns.ended(&one, None, 0);
    assert_eq!(all(&mut turns, 0), ["one"]);
}

/// Against a plain model: whoever was woken gets a pass afterwards, nobody two at a time, and nothing is kept of who has gone.
#[test]
fn whatever_happens_everybody_who_was_woken_gets_a_pass() {
    for seed in 0..200 {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut turns = Turns::<u32>::default();
        // Who deserves a pass from now on, and whether one goes on.
        let (mut owed, mut running) = (BTreeMap::<Arc<ObjectKey>, u32>::new(), vec![]);
        for now in 0..400u32 {
            let one = key(["a", "b"][random.usize(0..2)], &random.u8(0..6).to_string());
            match random.u8(0..4) {
                0 => {
                    let lane =
                        [Lane::TakingBack, Lane::Edit, Lane::Rollout, Lane::Routine][random.usize(0..4)];
                    turns.wake(&one, lane, now);
                    owed.insert(one, now);
                }
                1 | 2 if running.len() < 3 => {
                    let Some((taken, _)) = turns.take(now, routine) else {
                        assert!(
                            owed.values().all(|due| *due > now)
                                || running.iter().any(|it| owed.contains_key(it)),
                            "{owed:?}"
                        );
                        continue;
                    };
                    assert!(!running.contains(&taken), "{taken} has two places");
                    assert!(owed.remove(&taken).is_some_and(|due| due <= now), "{taken} was not due");
                    running.push(taken);
                }
                _ if !running.is_empty() => {
                    let ended = running.swap_remove(random.usize(0..running.len()));
                    let at = now + random.u32(0..20);
                    let goes = random.u8(0..5) == 0;
                    turns.ended(&ended, (!goes).then_some(Next { at, urgent: random.bool() }), now);
                    if !goes {
                        owed.entry(ended).or_insert(at);
                    }
                }
                _ => {}
            }
        }
        for ended in running.drain(..) {
            turns.ended(&ended, None, 1000);
        }
        while let Some((taken, _)) = turns.take(1000, routine) {
            assert!(owed.remove(&taken).is_some(), "{taken}");
            turns.ended(&taken, None, 1000);
        }
        assert!(owed.is_empty(), "seed {seed}: {owed:?}");
        assert!(turns.objects.is_empty() && turns.later.is_empty() && turns.waiting == 0);
    }
}
