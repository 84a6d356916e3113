//! Where a rollout stands among its steps, and what comes next.
//!
//! The position is not stored: it follows from the candidate's weight, which Azure holds, and from the
//! moment when it got that weight. So a rollout is where it was after all status is lost; only a
//! pause begins again. Editing the steps in the middle never lowers the weight.

use std::time::Duration;

use jiff::Timestamp;

use super::Weight;
use crate::api::Step;
use crate::decide::elapsed;

/// What comes next for a candidate that is ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Move {
    /// Give it this share; `last` when nothing comes after it, so that it becomes the stable one.
    Shift { to: Weight, last: bool },
    /// Wait this much longer.
    Pause(Duration),
}

/// The next move of a candidate that has had `weight` since `since`.
pub fn next_move(steps: &[Step], weight: Weight, since: Timestamp, now: Timestamp) -> Move {
    let start = position(steps, weight);
    let pauses = steps[start..].iter().map_while(|s| s.pause.as_ref()).map(|p| p.period.duration());
    let wait: Duration = pauses.sum();
    let waited = elapsed(since, now);
    if waited < wait {
        return Move::Pause(wait.checked_sub(waited).unwrap_or_default());
    }
    let rest = &steps[start..];
    match rest.iter().position(|s| s.set_traffic.is_some_and(|w| w > weight.percent())) {
        Some(at) => {
            let to = Weight::new(rest[at].set_traffic.unwrap_or(100));
            Move::Shift { to, last: to == Weight::ALL && at + 1 == rest.len() }
        }
        None => Move::Shift { to: Weight::ALL, last: true },
    }
}

/// Steps that are done and how many there are, such as `2/5`.
pub fn progress(steps: &[Step], weight: Weight) -> String {
    format!("{}/{}", position(steps, weight), steps.len())
}

/// The step after the one that gave this weight; for a weight that no step gives, the first step that
/// gives more, with the pauses before it left out: they were for another weight.
fn position(steps: &[Step], weight: Weight) -> usize {
    if weight == Weight::NONE {
        return 0;
    }
    let gives = |wanted: &dyn Fn(i32) -> bool| steps.iter().position(|s| s.set_traffic.is_some_and(wanted));
    gives(&|w| w == weight.percent())
        .map(|at| at + 1)
        .or_else(|| gives(&|w| w > weight.percent()))
        .unwrap_or(steps.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::api::{Pause, Period};

    fn set(weight: i32) -> Step {
        Step { set_traffic: Some(weight), pause: None }
    }

    fn pause(period: &str) -> Step {
        Step { set_traffic: None, pause: Some(Pause { period: Period::new(period) }) }
    }

    fn shift(to: i32, last: bool) -> Move {
        Move::Shift { to: Weight::new(to), last }
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
                        let all: Duration = steps.iter().filter_map(|s| Some(s.pause.as_ref()?.period.duration())).sum();
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
