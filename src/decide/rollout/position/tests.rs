//! The table of situations, and what holds whatever is lost.

#![allow(clippy::unwrap_used)]

use std::time::Duration;

use proptest::collection::{btree_set, vec};
use proptest::prelude::*;

use super::*;
use crate::api::{Pause, Period, Step};
use crate::decide::fixtures::{ago, noon, same_every_time};
use crate::decide::rollout::{Move, Weight};

fn set(weight: i32) -> Step {
    Step { set_traffic: Some(weight), ..Step::default() }
}

fn pause(period: &str) -> Step {
    Step { pause: Some(Pause { period: Some(Period::new(period)) }), ..Step::default() }
}

/// Pauses before the first share, in a row, and between two shares.
fn steps() -> Vec<Step> {
    vec![pause("5m"), set(10), pause("10m"), pause("1h"), set(50), pause("1m")]
}

/// So many steps are done, since so many seconds ago.
fn at(step: usize, seconds: u64) -> Position {
    let steps = StepsHash::of(&steps());
    Position { revision: Revision::parse("b"), steps, step, since: ago(seconds) }
}

#[test]
fn a_tag_is_read_back_and_fits_into_azures_256_characters() {
    let position = at(2, 0);
    assert_eq!(position.to_string(), "b 4e8b4b3e@2 2026-03-01T12:00:00Z");
    let long = Position {
        revision: Revision::parse("5e6f7a8b90"),
        step: 20,
        since: "2026-03-01T12:00:00.123456789Z".parse().unwrap(),
        ..position.clone()
    };
    for position in [position, long] {
        let text = position.to_string();
        assert!(text.len() < 256 && text.parse() == Ok(position), "{text}");
    }
    for nonsense in ["", "b", "b h@1", "b h 2026-03-01T12:00:00Z", "b h@x 2026-03-01T12:00:00Z", "b h@1 noon"]
    {
        assert_eq!(nonsense.parse::<Position>(), Err(format!("`{nonsense}` is no position")));
    }
}

#[test]
fn what_is_written_and_fits_is_where_it_stands() {
    let at = |step, seconds| Some(at(step, seconds));
    let other_revision = at(3, 60).map(|p| Position { revision: Revision::parse("c"), ..p });
    let other_steps = at(3, 60).map(|p| Position { steps: StepsHash::of(&[]), ..p });
    let ahead = at(2, 0).map(|p| Position { since: noon() + Duration::from_secs(3600), ..p });
    let seen = |weight: i32, seconds| Some((weight, seconds));
    // What, the weight that Azure holds, tag, status, the share that the status saw; where it stands, since when.
    let table = [
        ("all known", 10, at(2, 70), at(2, 60), seen(10, 60), (2, 60)),
        ("all known, in the second pause", 10, at(2, 700), at(3, 30), seen(10, 630), (3, 30)),
        ("a pause is over", 10, at(2, 610), at(2, 605), seen(10, 605), (3, 5)),
        ("the tag is lost", 10, None, at(3, 30), seen(10, 630), (3, 30)),
        ("the status is lost", 10, at(2, 605), None, None, (2, 0)),
        ("the status is lost, and the tag is further than the weight", 10, at(3, 4000), None, None, (3, 0)),
        ("both are lost", 10, None, None, None, (2, 0)),
        ("both are lost before the first share", 0, None, None, None, (0, 0)),
        ("before the first share", 0, None, at(0, 299), seen(0, 299), (0, 299)),
        ("before the first share, the pause is over", 0, None, at(0, 301), seen(0, 301), (1, 1)),
        ("Azure has just moved the traffic", 10, at(2, 90), at(1, 100), seen(0, 400), (2, 0)),
        ("the status is of an earlier try", 10, at(2, 60), at(3, 9000), seen(10, 9999), (2, 0)),
        (
            "the status is of an earlier try at the same step",
            10,
            at(2, 60),
            at(2, 500),
            seen(10, 500),
            (2, 0),
        ),
        ("a tag that runs ahead of the status", 10, at(4, 10), at(2, 60), seen(10, 60), (2, 60)),
        ("a tag from the future", 10, ahead.clone(), at(2, 60), seen(10, 60), (2, 60)),
        ("a tag from the future alone", 10, ahead, None, None, (2, 0)),
        ("a tag of another revision", 10, other_revision.clone(), None, None, (2, 0)),
        ("a tag of other steps", 10, other_steps.clone(), None, None, (2, 0)),
        (
            "the steps were edited: pauses count since the share",
            10,
            at(2, 70),
            other_steps,
            seen(10, 60),
            (2, 60),
        ),
        ("a status of another revision", 10, None, other_revision, None, (2, 0)),
        ("a step that there is not", 50, at(7, 60), at(9, 60), seen(50, 30), (5, 30)),
        ("somebody moved the traffic to a step's share", 50, at(2, 70), at(2, 60), seen(10, 60), (5, 0)),
        ("somebody moved the traffic to no step's share", 25, at(2, 70), at(2, 60), seen(10, 60), (2, 0)),
        ("somebody took the traffic away", 0, at(3, 70), at(3, 60), seen(10, 660), (0, 0)),
    ];
    let steps = steps();
    let plan = Plan::new(Revision::parse("b"), &steps);
    for (what, weight, tag, status, share, (step, seconds)) in table {
        let live = |weight| Share::live(Weight::new(weight));
        let share = share.map(|(weight, seconds)| (live(weight), ago(seconds)));
        let stands = plan.position(live(weight), &Records { tag, status, share }, noon());
        assert_eq!((stands.step, stands.since), (step, ago(seconds)), "{what}");
    }
}

/// What is lost at one look.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Fault {
    Tag,
    Status,
    Both,
}

/// What happens while a rollout goes on, by the number of the look.
#[derive(Debug, Clone)]
struct Weather {
    /// How many looks Azure takes to move the traffic, each time.
    moving: Vec<u64>,
    /// At these looks the endpoint is written for another reason.
    written: Vec<usize>,
    /// What is lost, and when.
    faults: Vec<(usize, Fault)>,
}

/// A rise of the candidate: to what, when it was decided, and when Azure had done it.
type Rise = (Share, Timestamp, Timestamp);

const LOOK: Duration = Duration::from_secs(20);

/// Looks every 20 s from the moment when the candidate is ready until all steps are done.
fn roll_out(steps: &[Step], weather: &Weather) -> Result<Vec<Rise>, TestCaseError> {
    let plan = Plan::new(Revision::parse("b"), steps);
    let (mut weight, mut records, mut rises, mut now) = (Share::NONE, Records::default(), vec![], noon());
    for look in 0..1000 {
        for (_, fault) in weather.faults.iter().filter(|(at, _)| *at == look) {
            if *fault != Fault::Status {
                records.tag = None;
            }
            if *fault != Fault::Tag {
                records = Records { tag: records.tag, ..Records::default() };
            }
        }
        let position = plan.position(weight, &records, now);
        prop_assert_eq!(plan.share_after(position.step), weight, "the step has the weight");
        let since = records.share.filter(|(w, _)| *w == weight).map_or(now, |(_, since)| since);
        (records.status, records.share) = (Some(position.clone()), Some((weight, since)));
        prop_assert_eq!(&plan.position(weight, &records, now), &position, "what is stored is decided again");
        if weather.written.contains(&look) {
            records.tag = Some(position.clone());
        }
        match plan.next_move(&position, weight, now) {
            Move::Pause(left) => prop_assert!(!left.is_zero()),
            Move::AwaitPromotion | Move::Measure | Move::AwaitJudgement => {
                return Err(TestCaseError::fail("nobody is asked"));
            }
            Move::Shift { last: true, .. } => {
                rises.push((Share::ALL, now, now));
                return Ok(rises);
            }
            Move::Shift { to, .. } => {
                prop_assert!(to > weight);
                records.tag = Some(plan.arriving_at(to, now));
                let decided = now;
                now += LOOK * u32::try_from(weather.moving[rises.len() % weather.moving.len()]).unwrap();
                rises.push((to, decided, now));
                weight = to;
            }
        }
        now += LOOK;
    }
    Err(TestCaseError::fail("it never arrives"))
}

fn any_steps() -> impl Strategy<Value = Vec<Step>> {
    let pauses =
        || vec(0..4u8, 0..3).prop_map(|all| all.iter().map(|m| pause(&format!("{m}m"))).collect::<Vec<_>>());
    let shares = btree_set(1..=99i32, 0..4);
    (pauses(), shares.prop_flat_map(move |w| (Just(w.clone()), vec(pauses(), w.len())))).prop_map(
        |(first, (shares, pauses))| {
            let rest = shares
                .into_iter()
                .zip(pauses)
                .flat_map(|(share, pauses)| [vec![set(share)], pauses].concat());
            first.into_iter().chain(rest).collect()
        },
    )
}

fn any_weather() -> impl Strategy<Value = Weather> {
    let fault = prop_oneof![Just(Fault::Tag), Just(Fault::Status), Just(Fault::Both)];
    (vec(0..9u64, 1..4), vec(0..60usize, 0..4), vec((0..60usize, fault), 0..5))
        .prop_map(|(moving, written, faults)| Weather { moving, written, faults })
}

proptest! {
    #![proptest_config(same_every_time())]

    /// Whatever is lost and whenever: every share comes, none before all pauses ahead of it are over, and none earlier
    /// than in the same weather without a loss.
    #[test]
    fn a_loss_makes_a_rollout_late_and_never_early(steps in any_steps(), weather in any_weather()) {
        let known = roll_out(&steps, &Weather { faults: vec![], ..weather.clone() })?;
        let lossy = roll_out(&steps, &weather)?;
        let shares: Vec<Share> =
            steps.iter().filter_map(|s| s.set_traffic).map(|w| Share::live(Weight::new(w))).chain([Share::ALL]).collect();
        prop_assert_eq!(lossy.iter().map(|(to, ..)| *to).collect::<Vec<_>>(), shares);
        for ((to, decided, _), (_, earliest, _)) in lossy.iter().zip(&known) {
            prop_assert!(decided >= earliest, "{to:?} at {decided}, and not before {earliest}");
        }
        let mut left = noon();
        let mut rest = &steps[..];
        for (to, decided, moved) in &lossy {
            let pauses: Vec<_> = rest.iter().map_while(|s| s.pause.as_ref()).collect();
            let wait: Duration = pauses.iter().filter_map(|p| p.duration()).sum();
            prop_assert!(*decided >= left + wait, "{to:?} at {decided}, {wait:?} after {left}");
            rest = rest.get(pauses.len() + 1..).unwrap_or_default();
            left = *moved;
        }
    }

    /// Whatever a hand writes into the tag, a rollout of which the status knows where it stands is never further for it.
    #[test]
    fn no_tag_makes_a_known_rollout_come_early(
        steps in any_steps(),
        (known, known_ago) in (0..8usize, 0..300u64),
        (further, tagged_ago) in (-2..3isize, 0..300u64),
    ) {
        let plan = Plan::new(Revision::parse("b"), &steps);
        let at = |step: usize, seconds| plan.at(step.min(steps.len()), ago(seconds));
        let status = at(known, known_ago);
        let tag = Some(at(status.step.saturating_add_signed(further), tagged_ago));
        let weight = plan.share_after(status.step);
        let records = Records { tag: None, share: Some((weight, status.since)), status: Some(status) };
        let alone = plan.position(weight, &records, noon());
        let both = plan.position(weight, &Records { tag, ..records }, noon());
        prop_assert!(both.step < alone.step || (both.step == alone.step && both.since >= alone.since));
    }
}
