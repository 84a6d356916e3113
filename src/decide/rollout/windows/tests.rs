//! When rollouts may go on.

#![allow(clippy::unwrap_used)]

use jiff::{Timestamp, ToSpan};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Windows, changes_at, closed_by};

fn windows(all: &[(&str, &str, &str, &str)], zone: &str) -> Windows {
    let each = |(name, kind, schedule, duration): &(&str, &str, &str, &str)| json!({"name": name, "kind": kind, "schedule": schedule, "duration": duration, "timeZone": zone});
    let all: Vec<Value> = all.iter().map(each).collect();
    Windows::read(&serde_json::from_value::<Vec<_>>(json!(all)).unwrap(), "Workspace prod")
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

#[test]
fn deny_wins_and_allow_is_needed_where_there_is_one() {
    let weekend = ("weekend", "Deny", "0 18 * * 5", "62h");
    let office = ("office", "Allow", "0 9 * * 1-5", "8h");
    let nights = ("nights", "Allow", "0 22 * * *", "2h");
    let never = ("never", "Deny", "* * * * *", "1h");
    let berlin = "Europe/Berlin";
    let table = [
        // windows, moment, closed by, next change
        (vec![], "2026-03-03T12:00:00Z", "-", "-"),
        (vec![weekend], "2026-03-03T12:00:00Z", "-", "2026-03-06T17:00:00Z"),
        (
            vec![weekend],
            "2026-03-06T17:00:00Z",
            "window weekend (Deny) of Workspace prod",
            "2026-03-09T07:00:00Z",
        ),
        (
            vec![weekend],
            "2026-03-09T06:59:59Z",
            "window weekend (Deny) of Workspace prod",
            "2026-03-09T07:00:00Z",
        ),
        (vec![weekend], "2026-03-09T07:00:00Z", "-", "2026-03-13T17:00:00Z"),
        // The clock is put forward in it: 62 hours are 62 hours.
        (
            vec![weekend],
            "2026-03-28T12:00:00Z",
            "window weekend (Deny) of Workspace prod",
            "2026-03-30T07:00:00Z",
        ),
        (vec![office], "2026-03-03T12:00:00Z", "-", "2026-03-03T16:00:00Z"),
        (
            vec![office],
            "2026-03-03T16:00:00Z",
            "no window of Workspace prod allows it now (office)",
            "2026-03-04T08:00:00Z",
        ),
        (
            vec![office, nights],
            "2026-03-03T16:00:00Z",
            "no window of Workspace prod allows it now (office, nights)",
            "2026-03-03T21:00:00Z",
        ),
        // A window that follows another one is no gap.
        (
            vec![("a", "Allow", "0 9 * * *", "1h"), ("b", "Allow", "0 10 * * *", "1h")],
            "2026-03-03T08:30:00Z",
            "-",
            "2026-03-03T10:00:00Z",
        ),
        (vec![office, weekend], "2026-03-06T12:00:00Z", "-", "2026-03-06T16:00:00Z"),
        (
            vec![nights, weekend],
            "2026-03-06T21:30:00Z",
            "window weekend (Deny) of Workspace prod",
            "2026-03-09T21:00:00Z",
        ),
        // A window that begins every minute of some hours ends after the last of them.
        (
            vec![("busy", "Deny", "* 9-17 * * 1-5", "1m")],
            "2026-03-03T08:00:00Z",
            "window busy (Deny) of Workspace prod",
            "2026-03-03T17:00:00Z",
        ),
        (
            vec![("days", "Deny", "* * * * 1-5", "1m")],
            "2026-03-03T08:00:00Z",
            "window days (Deny) of Workspace prod",
            "2026-03-06T23:00:00Z",
        ),
        // On 29 March the clock is put forward at 02:00, and on 25 October back at 03:00.
        (
            vec![("night", "Deny", "* 2 * * *", "1m")],
            "2026-03-29T01:00:00Z",
            "window night (Deny) of Workspace prod",
            "2026-03-29T01:01:00Z",
        ),
        (
            vec![("all", "Deny", "* * * * *", "1m")],
            "2026-10-25T00:30:00Z",
            "window all (Deny) of Workspace prod",
            "2026-10-25T01:00:00Z",
        ),
        // What opens and closes while all is closed is no change, however often it does.
        (
            vec![("hourly", "Allow", "10 * * * *", "30m"), ("freeze", "Deny", "0 0 1 3 *", "720h")],
            "2026-03-03T12:00:00Z",
            "window freeze (Deny) of Workspace prod",
            "2026-03-30T23:10:00Z",
        ),
        // What begins again before it ends never ends.
        (vec![never], "2026-03-03T12:00:00Z", "window never (Deny) of Workspace prod", "-"),
        (vec![office, never], "2026-03-03T12:00:00Z", "window never (Deny) of Workspace prod", "-"),
    ];
    for (all, moment, closed, change) in table {
        let (all, moment) = (windows(&all, berlin), at(moment));
        let found =
            (all.closed_by(moment), changes_at(std::slice::from_ref(&all), moment).map(|it| it.to_string()));
        let or_none = |it: Option<String>| it.unwrap_or_else(|| "-".into());
        assert_eq!((or_none(found.0), or_none(found.1)), (closed.into(), change.into()), "{all:?} {moment}");
    }
}

/// Every pass of a binding asks this, so no window may make it long.
#[test]
fn no_windows_take_long_to_read() {
    let every = ("every", "Allow", "* * * * *", "8760h");
    let denies = ("denies", "Deny", "* * * * *", "1m");
    let often = ("often", "Deny", "*/2 * * * *", "1m");
    for all in [vec![every; 16], vec![denies; 16], vec![every, often, denies], vec![often; 16]] {
        let (all, began) = ([windows(&all, "Europe/Berlin")], std::time::Instant::now());
        for minute in 0..5 {
            let _ = changes_at(&all, at("2026-03-28T12:00:00Z") + minute.minutes());
        }
        assert!(began.elapsed().as_secs() < 5, "{:?}", began.elapsed());
    }
}

#[test]
fn both_owners_have_to_allow_it() {
    let own = windows(&[("own", "Allow", "0 8 * * *", "4h")], "UTC");
    let place = windows(&[("place", "Allow", "0 10 * * *", "4h")], "UTC");
    let both = [own, place];
    for (moment, open, change) in [
        ("2026-03-03T09:00:00Z", false, "2026-03-03T10:00:00Z"),
        ("2026-03-03T11:00:00Z", true, "2026-03-03T12:00:00Z"),
        ("2026-03-03T13:00:00Z", false, "2026-03-04T10:00:00Z"),
    ] {
        assert_eq!(closed_by(&both, at(moment)).is_none(), open, "{moment}");
        assert_eq!(changes_at(&both, at(moment)), Some(at(change)), "{moment}");
    }
}

#[test]
fn what_nobody_can_read_is_closed() {
    for (schedule, zone, why) in [
        (
            "0 0 30 2 *",
            "UTC",
            "window w has a schedule that never comes or cannot be read, 0 0 30 2 *: no such day ever comes (Workspace prod)",
        ),
        (
            "0 0 * * *",
            "Europe/Atlantis",
            "window w has a time zone that nobody knows, Europe/Atlantis (Workspace prod)",
        ),
    ] {
        for kind in ["Allow", "Deny"] {
            let all = windows(&[("w", kind, schedule, "1h")], zone);
            let moment = at("2026-03-03T12:00:00Z");
            assert_eq!(all.closed_by(moment).as_deref(), Some(why));
            assert_eq!(changes_at(&[all], moment), None);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..crate::decide::fixtures::same_every_time() })]

    /// Minute by minute: what is open changes when it is said to, and not before.
    #[test]
    fn nothing_changes_before_it_is_said_to(
        all in prop::collection::vec((
            prop::sample::select(vec!["Allow", "Deny"]),
            prop::sample::select(vec!["0 2 * * *", "30 2 * * 0", "*/40 1-4 * * *", "15 22 28-29 * *"]),
            prop::sample::select(vec!["1m", "20m", "40m", "90m", "26h"]),
        ), 0..4),
        (zone, begin) in prop::sample::select(vec![
            ("Europe/Berlin", "2026-03-28T20:00:00Z"), ("Europe/Berlin", "2026-10-24T20:00:00Z"),
            ("Australia/Lord_Howe", "2026-10-03T10:00:00Z"), ("UTC", "2026-02-28T20:00:00Z"),
        ]),
        offset in 0..360i64,
    ) {
        let named: Vec<_> = all.iter().map(|(kind, schedule, duration)| ("w", *kind, *schedule, *duration)).collect();
        let (all, begin) = ([windows(&named, zone)], at(begin) + offset.minutes());
        let is_open = |minute: i64| closed_by(&all, begin + minute.minutes()).is_none();
        let change = (1..1440).find(|minute| is_open(*minute) != is_open(0)).map(|minute| begin + minute.minutes());
        let said = changes_at(&all, begin).filter(|at| *at < begin + 1440.minutes());
        prop_assert_eq!(said, change);
    }
}
