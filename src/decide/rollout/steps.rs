//! The steps of a rollout, and what comes next from a place among them.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use super::revision::canonical;
use super::{Position, Revision, Weight};
use crate::api::Step;
use crate::decide::digest::short_hash;
use crate::decide::elapsed;

/// What comes next for a candidate that is ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Move {
    /// Give it this share; `last` when nothing comes after it, so that it becomes the stable one.
    Shift { to: Weight, last: bool },
    /// Wait this much longer.
    Pause(Duration),
}

/// A hash over the steps as they were written: 8 hexadecimal digits. A count of steps means something only together
/// with the steps that were counted. A field that a later Bindery adds to a step changes no hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepsHash(String);

impl StepsHash {
    /// The hash of these steps.
    pub fn of(steps: &[Step]) -> Self {
        let written = serde_json::to_value(steps).unwrap_or(Value::Null);
        Self(short_hash(&canonical(&written), 4))
    }

    /// A hash from its text.
    pub fn parse(text: &str) -> Self {
        Self(text.into())
    }
}

impl fmt::Display for StepsHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What one rollout is to do: a revision, and the steps by which it comes.
#[derive(Debug, Clone)]
pub struct Plan<'a> {
    /// What is rolled out.
    pub revision: Revision,
    /// The steps of the manifest.
    pub steps: &'a [Step],
    /// Their hash.
    pub hash: StepsHash,
}

impl<'a> Plan<'a> {
    /// The rollout of a revision by these steps.
    pub fn new(revision: Revision, steps: &'a [Step]) -> Self {
        Self { revision, steps, hash: StepsHash::of(steps) }
    }

    /// The next move of a candidate that stands here and has `weight`.
    pub fn next_move(&self, position: &Position, weight: Weight, now: Timestamp) -> Move {
        let rest = self.steps.get(position.step..).unwrap_or_default();
        if let Some(pause) = rest.first().and_then(|step| step.pause.as_ref()) {
            let left = pause.duration().saturating_sub(elapsed(position.since, now));
            if !left.is_zero() {
                return Move::Pause(left);
            }
        }
        match rest.iter().position(|s| s.set_traffic.is_some_and(|w| w > weight.percent())) {
            Some(at) => {
                let to = Weight::new(rest[at].set_traffic.unwrap_or(100));
                Move::Shift { to, last: to == Weight::ALL && at + 1 == rest.len() }
            }
            None => Move::Shift { to: Weight::ALL, last: true },
        }
    }

    /// The position once every pause that is over is passed. The next one has begun at the moment when the one before
    /// it ended, whenever somebody looks: so pauses in a row last as long as their sum.
    pub fn after_pauses(&self, mut position: Position, now: Timestamp) -> Position {
        while let Some(pause) = self.steps.get(position.step).and_then(|step| step.pause.as_ref()) {
            let period = pause.duration();
            if elapsed(position.since, now) < period {
                break;
            }
            position.step += 1;
            position.since = position.since.checked_add(period).unwrap_or(now);
        }
        position
    }

    /// The share that a candidate has after so many steps.
    pub fn weight_after(&self, steps: usize) -> Weight {
        let done = self.steps.get(..steps).unwrap_or(self.steps);
        done.iter().rev().find_map(|step| step.set_traffic).map_or(Weight::NONE, Weight::new)
    }

    /// How many steps a weight alone says are done: those up to the one that gave it. For a weight that no step gives,
    /// those before the first step that gives more: the pauses before that one were for another weight.
    pub fn steps_by_weight(&self, weight: Weight) -> usize {
        if weight == Weight::NONE {
            return 0;
        }
        let gives = |wanted: &dyn Fn(i32) -> bool| {
            self.steps.iter().position(|step| step.set_traffic.is_some_and(wanted))
        };
        gives(&|w| w == weight.percent())
            .map(|at| at + 1)
            .or_else(|| gives(&|w| w > weight.percent()))
            .unwrap_or(self.steps.len())
    }

    /// Steps that are done and how many there are, such as `2/5`.
    pub fn progress(&self, position: &Position) -> String {
        format!("{}/{}", position.step, self.steps.len())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::Records;
    use super::*;
    use crate::api::{Pause, Period};

    fn set(weight: i32) -> Step {
        Step { set_traffic: Some(weight), pause: None }
    }

    fn pause(period: &str) -> Step {
        Step { set_traffic: None, pause: Some(Pause { period: Some(Period::new(period)) }) }
    }

    fn shift(to: i32, last: bool) -> Move {
        Move::Shift { to: Weight::new(to), last }
    }

    /// The next move of a candidate of which nothing is known but its weight, and since when it has it.
    fn next_move(steps: &[Step], weight: Weight, since: Timestamp, now: Timestamp) -> Move {
        let plan = Plan::new(Revision::parse("b"), steps);
        let records = Records { share: Some((weight, since)), ..Records::default() };
        plan.next_move(&plan.position(weight, &records, now), weight, now)
    }

    #[test]
    fn steps_come_one_after_the_other() {
        let steps = [set(10), pause("10m"), set(50), pause("1h"), pause("5m")];
        let table = [
            // weight, seconds at it, what comes next
            (0, 0, shift(10, false)),
            (10, 0, Move::Pause(Duration::from_secs(600))),
            (10, 599, Move::Pause(Duration::from_secs(1))),
            (10, 600, shift(50, false)),
            (50, 3599, Move::Pause(Duration::from_secs(1))),
            (50, 3600, Move::Pause(Duration::from_secs(300))),
            (50, 3900, shift(100, true)),
            // A weight that no step gives: on to the next one that gives more.
            (25, 0, shift(50, false)),
            (75, 0, shift(100, true)),
            (100, 0, shift(100, true)),
        ];
        for (weight, seconds, expected) in table {
            let since = Timestamp::UNIX_EPOCH;
            let now = Timestamp::from_second(seconds).unwrap_or_default();
            assert_eq!(
                next_move(&steps, Weight::new(weight), since, now),
                expected,
                "{weight} % for {seconds} s"
            );
        }
    }

    #[test]
    fn a_clock_that_is_set_back_ends_no_pause() {
        let ahead = Timestamp::from_second(3600).unwrap_or_default();
        let next = next_move(&[set(10), pause("10m")], Weight::new(10), ahead, Timestamp::UNIX_EPOCH);
        assert_eq!(next, Move::Pause(Duration::from_secs(600)));
    }

    fn any_steps() -> impl Strategy<Value = Vec<Step>> {
        let step = |(weight, pauses): (i32, Vec<u8>)| {
            std::iter::once(set(weight)).chain(pauses.into_iter().map(|m| pause(&format!("{m}m"))))
        };
        let pauses = || proptest::collection::vec(0..9u8, 0..3);
        let weights = proptest::collection::btree_set(1..=100i32, 0..5).prop_map(Vec::from_iter);
        (
            pauses(),
            weights.prop_flat_map(move |w| {
                let len = w.len();
                (Just(w), proptest::collection::vec(pauses(), len))
            }),
        )
            .prop_map(move |(first, (weights, pauses))| {
                let first = first.into_iter().map(|m| pause(&format!("{m}m")));
                first.chain(weights.into_iter().zip(pauses).flat_map(step)).collect()
            })
    }

    proptest! {
        #![proptest_config(crate::decide::fixtures::same_every_time())]

        /// Whatever the steps are and were, a candidate only rises, waits no longer than the pauses say,
        /// and arrives.
        #[test]
        fn a_rollout_rises_and_arrives(before in any_steps(), after in any_steps(), edited in 0..6usize) {
            let (mut weight, mut now, mut moves) = (Weight::NONE, Timestamp::UNIX_EPOCH, 0);
            let mut since = now;
            loop {
                let steps = if moves < edited { &before } else { &after };
                moves += 1;
                prop_assert!(moves < 40, "it never arrives");
                match next_move(steps, weight, since, now) {
                    Move::Pause(left) => {
                        let all: Duration = steps.iter().filter_map(|s| Some(s.pause.as_ref()?.duration())).sum();
                        prop_assert!(!left.is_zero() && left <= all);
                        now += left;
                    }
                    Move::Shift { last: true, to } => {
                        prop_assert_eq!(to, Weight::ALL);
                        break;
                    }
                    Move::Shift { to, .. } => {
                        prop_assert!(to > weight, "from {weight:?} to {to:?}");
                        (weight, since) = (to, now);
                    }
                }
            }
        }
    }

    #[test]
    fn pauses_in_a_row_last_as_long_as_their_sum_whenever_somebody_looks() {
        let steps = [pause("5m"), pause("10m"), set(10)];
        let plan = Plan::new(Revision::parse("b"), &steps);
        let at = |second| Timestamp::from_second(second).unwrap_or_default();
        let begin =
            Position { revision: plan.revision.clone(), steps: plan.hash.clone(), step: 0, since: at(0) };
        for (now, step, since) in
            [(0, 0, 0), (299, 0, 0), (300, 1, 300), (899, 1, 300), (900, 2, 900), (9999, 2, 900)]
        {
            let stands = plan.after_pauses(begin.clone(), at(now));
            assert_eq!((stands.step, stands.since), (step, at(since)), "after {now} s");
            assert_eq!(plan.after_pauses(stands.clone(), at(now)), stands, "once more after {now} s");
        }
    }

    #[test]
    fn a_hash_is_of_the_steps_as_they_were_written() {
        let hash = |steps: &[Step]| StepsHash::of(steps).to_string();
        assert_eq!(hash(&[]), "4f53cda1");
        assert_eq!(hash(&[set(10), pause("10m")]), "a4def879");
        let all = [
            vec![],
            vec![set(10)],
            vec![pause("10m")],
            vec![set(10), pause("10m")],
            vec![pause("10m"), set(10)],
        ];
        for (at, one) in all.iter().enumerate() {
            assert!(all[..at].iter().all(|other| hash(other) != hash(one)), "{one:?}");
        }
    }

    #[test]
    fn without_steps_everything_moves_at_once() {
        let now = Timestamp::UNIX_EPOCH;
        assert_eq!(next_move(&[], Weight::NONE, now, now), shift(100, true));
    }

    #[test]
    fn a_pause_at_100_comes_before_the_promotion() {
        let steps = [set(100), pause("10m")];
        let at = |second| Timestamp::from_second(second).unwrap_or_default();
        assert_eq!(next_move(&steps, Weight::NONE, at(0), at(0)), shift(100, false));
        assert_eq!(next_move(&steps, Weight::ALL, at(0), at(0)), Move::Pause(Duration::from_secs(600)));
        assert_eq!(next_move(&steps, Weight::ALL, at(0), at(600)), shift(100, true));
    }
}
