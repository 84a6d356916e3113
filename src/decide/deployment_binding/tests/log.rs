//! The log of a revision that has failed.

use jiff::Timestamp;

use crate::azure::model::Lane;
use crate::decide::facts::{Due, Known};
use crate::decide::fixtures::{Binding, ago, binding, noon};
use crate::decide::{Mode, Served};
use crate::measure::model::{Answer, Question};

/// Version 1 serves; version 2 is wanted and failed so long ago.
fn failed(seconds: u64) -> Binding {
    let it = binding().wanting("2").serving("1").failed("2", seconds);
    it.with(|f| {
        let entry = &mut f.status.history[0];
        (entry.finished_at, entry.log) = (Some(ago(seconds)), vec![]);
    })
}

/// What is asked, and what comes of it where this is the answer.
fn reads(it: &Binding, answer: Option<Answer>) -> (Option<Due>, Option<(String, Vec<String>)>) {
    let mut known = Known::nothing(Lane::Rollout, false, Served::everything());
    it.0.read_log(&mut known);
    let asked = known.wants().measured.into_iter().next();
    if let Some(due) = asked.clone() {
        known.take_in_measured(due, answer);
    }
    (asked, it.0.read_log(&mut known))
}

/// Since when the log is asked for now.
fn asks(it: &Binding) -> Option<Timestamp> {
    reads(it, None).0.map(|due| due.since)
}

#[test]
fn the_log_is_asked_for_when_the_traffic_has_gone_back_and_some_more_times_later() {
    let with_state = |state: &str| {
        let mut it = failed(10);
        it.found().properties.provisioning_state = Some(state.into());
        it
    };
    for (what, it, expected) in [
        ("it has just failed", failed(0), Some(noon())),
        ("the same try", failed(59), Some(ago(59))),
        ("the second one", failed(61), Some(ago(1))),
        ("the third one", failed(400), Some(ago(100))),
        ("the last one", failed(1300), Some(ago(100))),
        ("too late", failed(1800), None),
        ("it has traffic", failed(10).moved(&[("1", 90), ("2", 10)]), None),
        ("Azure works", with_state("Updating"), None),
        ("Azure has done", with_state("Succeeded"), Some(ago(10))),
        ("it is gone", failed(10).with(|f| f.deployments.truncate(1)), None),
        ("it is known", failed(10).with(|f| f.status.history[0].log = vec!["a".into()]), None),
        ("nobody knows when it failed", failed(10).with(|f| f.status.history[0].finished_at = None), None),
        ("suspended", failed(10).with(|f| f.situation.mode = Mode::Suspended), None),
        ("observed", failed(10).with(|f| f.situation.mode = Mode::Observe), None),
        ("the binding goes", failed(10).with(|f| f.situation.deleting = true), None),
        ("nothing has failed", binding().serving("1"), None),
    ] {
        assert_eq!(asks(&it), expected, "{what}");
    }
    let asked = reads(&failed(10), None).0.map(|due| due.query.what);
    let id = failed(10).0.deployment_id(&failed(10).name("2"));
    assert_eq!(asked, id.map(Question::Log));
    // It is looked at again in time for the next try.
    let next = |it: &Binding| it.decide().next;
    let after = |seconds| crate::decide::LookAgain::After(std::time::Duration::from_secs(seconds));
    assert_eq!((next(&failed(10)), next(&failed(100))), (after(50), after(200)));
}

#[test]
fn the_last_lines_go_into_the_history_once() {
    let it = failed(10);
    let lines = vec!["Traceback".to_string(), "KeyError: 'miles'".to_string()];
    let revision = it.revision("2").to_string();
    let read = Some((revision.clone(), lines.clone()));
    assert_eq!(reads(&it, Some(Answer::Lines(lines.clone()))).1, read);
    for nothing in [Answer::Lines(vec![]), Answer::Error("Azure refused it.".into())] {
        assert_eq!(reads(&it, Some(nothing)).1, None);
    }
    let told = it.with(|f| f.log = read).decide().status.history;
    let of_it = told.iter().find(|it| it.revision == revision).unwrap();
    assert_eq!(of_it.log, lines);
    assert!(told.iter().all(|it| it.revision == revision || it.log.is_empty()));
}
