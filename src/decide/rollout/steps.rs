//! The steps of a rollout, and what comes next from a place among them.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use super::revision::canonical;
use super::{Position, Progress, Revision, Runs, Share, Weight};
use crate::api::{Pause, Step};
use crate::decide::digest::short_hash;
use crate::decide::elapsed;

/// What comes next for a candidate that is ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Move {
    /// Give it this share; `last` when nothing comes after it, so that it becomes the stable one.
    Shift { to: Share, last: bool },
    /// Wait this much longer.
    Pause(Duration),
    /// Wait until a person promotes the step.
    AwaitPromotion,
    /// Wait until the candidate is measured.
    Measure,
    /// Wait until a person promotes the step, because nobody can say how the candidate does.
    AwaitJudgement,
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
    /// The step that a person has promoted, where nothing but that says so yet.
    pub passed: Option<usize>,
    /// How the candidate was measured.
    pub runs: Runs<'a>,
}

impl<'a> Plan<'a> {
    /// The rollout of a revision by these steps.
    pub fn new(revision: Revision, steps: &'a [Step]) -> Self {
        Self { revision, steps, hash: StepsHash::of(steps), passed: None, runs: Runs::default() }
    }

    /// The next move of a candidate that stands here and has this share.
    pub fn next_move(&self, position: &Position, share: Share, now: Timestamp) -> Move {
        let rest = self.steps.get(position.step..).unwrap_or_default();
        if let Some(pause) = rest.first().and_then(|step| step.pause.as_ref()) {
            let Some(period) = pause.duration() else { return Move::AwaitPromotion };
            let left = period.saturating_sub(elapsed(position.since, now));
            if !left.is_zero() {
                return Move::Pause(left);
            }
        }
        match rest.first().and_then(|step| self.runs.progress(step, position.since, now)) {
            Some(Progress::GoesOn) => return Move::Measure,
            Some(Progress::Inconclusive) => return Move::AwaitJudgement,
            Some(Progress::Passed) | None => {}
        }
        let gives = rest.iter().enumerate().filter_map(|(at, step)| Some((at, given_by(step)?)));
        match gives.into_iter().find(|(_, given)| *given > share) {
            Some((at, to)) => Move::Shift { to, last: to == Share::ALL && at + 1 == rest.len() },
            None => Move::Shift { to: Share::ALL, last: true },
        }
    }

    /// The position once every pause that is over is passed, and every analysis that went well. After a pause, the next step has
    /// begun at the moment when the pause ended, whenever somebody looks: so pauses in a row last as long as their sum. After an
    /// analysis it begins when that was seen.
    pub fn after_pauses(&self, mut position: Position, now: Timestamp) -> Position {
        while let Some(ended) =
            self.steps.get(position.step).and_then(|step| self.ended(step, &position, now))
        {
            position.step += 1;
            position.since = ended;
        }
        position
    }

    /// When a pause or an analysis ended, where it did.
    fn ended(&self, step: &Step, position: &Position, now: Timestamp) -> Option<Timestamp> {
        if let Some(period) = step.pause.as_ref().and_then(Pause::duration) {
            let over = elapsed(position.since, now) >= period;
            return over.then(|| position.since.checked_add(period).unwrap_or(now));
        }
        let passed = self.runs.progress(step, position.since, now) == Some(Progress::Passed);
        let background = step.analysis.as_ref().is_some_and(|it| it.background);
        passed.then_some(if background { position.since } else { now })
    }

    /// The position once this step is passed, where the rollout stands there.
    pub fn past(&self, position: Position, step: Option<usize>, now: Timestamp) -> Position {
        if step != Some(position.step) || position.step >= self.steps.len() {
            return position;
        }
        self.after_pauses(Position { step: position.step + 1, since: now, ..position }, now)
    }

    /// The share that a candidate has after so many steps.
    pub fn share_after(&self, steps: usize) -> Share {
        let done = self.steps.get(..steps).unwrap_or(self.steps);
        done.iter().rev().find_map(given_by).unwrap_or(Share::NONE)
    }

    /// How many steps a share alone says are done: those up to the last one that gives no more. What follows that one runs again.
    pub fn steps_by_share(&self, share: Share) -> usize {
        let no_more = |step: &Step| given_by(step).is_some_and(|given| given <= share);
        self.steps.iter().rposition(no_more).map_or(0, |at| at + 1)
    }

    /// Steps that are done and how many there are, such as `2/5`.
    pub fn progress(&self, position: &Position) -> String {
        format!("{}/{}", position.step, self.steps.len())
    }
}

/// What a step gives a candidate.
fn given_by(step: &Step) -> Option<Share> {
    let live = step.set_traffic.map(|percent| Share::live(Weight::new(percent)));
    live.or_else(|| step.mirror.map(|percent| Share::mirror(Weight::new(percent))))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::Records;
    use super::*;
    use crate::api::Period;

    fn set(weight: i32) -> Step {
        Step { set_traffic: Some(weight), ..Step::default() }
    }

    fn pause(period: &str) -> Step {
        Step { pause: Some(Pause { period: Some(Period::new(period)) }), ..Step::default() }
    }

    fn shift(to: i32, last: bool) -> Move {
        Move::Shift { to: Share::live(Weight::new(to)), last }
    }

    /// The next move of a candidate of which nothing is known but its share, and since when it has it.
    fn next_move(steps: &[Step], share: Share, since: Timestamp, now: Timestamp) -> Move {
        let plan = Plan::new(Revision::parse("b"), steps);
        let records = Records { share: Some((share, since)), ..Records::default() };
        plan.next_move(&plan.position(share, &records, now), share, now)
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
            // A weight that no step gives: what follows the last step that gives less runs again.
            (5, 0, shift(10, false)),
            (25, 0, Move::Pause(Duration::from_secs(600))),
            (25, 600, shift(50, false)),
            (75, 0, Move::Pause(Duration::from_secs(3600))),
            (100, 3900, shift(100, true)),
        ];
        for (weight, seconds, expected) in table {
            let since = Timestamp::UNIX_EPOCH;
            let now = Timestamp::from_second(seconds).unwrap_or_default();
            assert_eq!(
                next_move(&steps, Share::live(Weight::new(weight)), since, now),
                expected,
                "{weight} % for {seconds} s"
            );
        }
    }

    #[test]
    fn a_clock_that_is_set_back_ends_no_pause() {
        let ahead = Timestamp::from_second(3600).unwrap_or_default();
        let next =
            next_move(&[set(10), pause("10m")], Share::live(Weight::new(10)), ahead, Timestamp::UNIX_EPOCH);
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
            let (mut share, mut now, mut moves) = (Share::NONE, Timestamp::UNIX_EPOCH, 0);
            let mut since = now;
            loop {
                let steps = if moves < edited { &before } else { &after };
                moves += 1;
                prop_assert!(moves < 40, "it never arrives");
                match next_move(steps, share, since, now) {
                    Move::Pause(left) => {
                        let all: Duration = steps.iter().filter_map(|s| s.pause.as_ref()?.duration()).sum();
                        prop_assert!(!left.is_zero() && left <= all);
                        now += left;
                    }
                    Move::AwaitPromotion | Move::Measure | Move::AwaitJudgement => {
                        prop_assert!(false, "nobody is asked");
                    }
                    Move::Shift { last: true, to } => {
                        prop_assert_eq!(to, Share::ALL);
                        break;
                    }
                    Move::Shift { to, .. } => {
                        prop_assert!(to > share, "from {share:?} to {to:?}");
                        (share, since) = (to, now);
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
        assert_eq!(next_move(&[], Share::NONE, now, now), shift(100, true));
    }

    #[test]
    fn a_pause_at_100_comes_before_the_promotion() {
        let steps = [set(100), pause("10m")];
        let at = |second| Timestamp::from_second(second).unwrap_or_default();
        assert_eq!(next_move(&steps, Share::NONE, at(0), at(0)), shift(100, false));
        assert_eq!(next_move(&steps, Share::ALL, at(0), at(0)), Move::Pause(Duration::from_secs(600)));
        assert_eq!(next_move(&steps, Share::ALL, at(0), at(600)), shift(100, true));
    }
}
