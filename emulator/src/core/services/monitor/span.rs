//! From when to when, and in which steps.

use std::ops::Range;

use jiff::Timestamp;

use super::refused;
use crate::core::machinery::error::ArmError;
use crate::core::machinery::ids;
use crate::wire::Request;

/// Steps that Azure Monitor takes, in minutes.
const INTERVALS: [(&str, i64); 9] = [
    ("PT1M", 1),
    ("PT5M", 5),
    ("PT15M", 15),
    ("PT30M", 30),
    ("PT1H", 60),
    ("PT6H", 360),
    ("PT12H", 720),
    ("P1D", 1440),
    ("FULL", i64::MAX),
];
const MOST_BINS: usize = 10_000;

/// A span of time, cut into bins.
#[derive(Debug)]
pub struct Span {
    /// Its first moment.
    pub start: Timestamp,
    /// The moment after its last.
    pub end: Timestamp,
    /// Such as `PT1M`.
    pub interval_name: &'static str,
    interval: i64,
}

/// A bin: minutes since 1970, and the time it is labelled with.
#[derive(Debug)]
pub struct Bin {
    /// The first minute.
    pub start: i64,
    /// The minute after the last.
    pub end: i64,
    /// When it begins.
    pub time: Timestamp,
}

/// As Azure Monitor writes time.
pub fn stamp(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

impl Span {
    /// By `timespan` (default: the last hour) and `interval` (default: a minute).
    pub fn of(request: &Request, now: Timestamp) -> Result<Self, ArmError> {
        let named = request.parameter("interval").filter(|named| !named.is_empty());
        let named = named.as_deref().unwrap_or("PT1M");
        let (interval_name, interval) = INTERVALS
            .into_iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(named))
            .ok_or_else(|| refused(format!("Detected invalid time grain input: {named}.")))?;
        let (start, end) = match request.parameter("timespan").filter(|span| !span.is_empty()) {
            None => (now.checked_sub(jiff::SignedDuration::from_hours(1)).unwrap_or(Timestamp::MIN), now),
            Some(text) => between(&text, now)
                .ok_or_else(|| refused(format!("Detected invalid timespan input: {text}.")))?,
        };
        let span = Self { start, end, interval_name, interval };
        if span.bins().nth(MOST_BINS).is_some() {
            return Err(refused(format!("More than {MOST_BINS} points were asked for.")));
        }
        Ok(span)
    }

    /// The minutes that it touches, counted from 1970.
    pub fn range(&self) -> Range<i64> {
        let first = self.start.as_second().div_euclid(60);
        first..(self.end.as_second() + 59).div_euclid(60).max(first)
    }

    /// How many minutes it touches.
    pub fn minutes(&self) -> usize {
        usize::try_from(self.range().end - self.range().start).unwrap_or(0)
    }

    /// Its bins, the first beginning at a round time.
    pub fn bins(&self) -> impl Iterator<Item = Bin> + use<> {
        let range = self.range();
        let interval = self.interval.min((range.end - range.start).max(1));
        let first =
            if self.interval == i64::MAX { range.start } else { range.start.div_euclid(interval) * interval };
        (0..)
            .map(move |number| first + number * interval)
            .take_while(move |start| *start < range.end)
            .filter_map(move |start| {
                let time = Timestamp::from_second(start.checked_mul(60)?).ok()?;
                Some(Bin { start, end: start + interval, time })
            })
    }
}

/// `2026-01-01T00:00:00Z/2026-01-01T01:00:00Z`; or a moment and a duration such as `PT1H` in either order; or a duration
/// alone, which ends now.
fn between(text: &str, now: Timestamp) -> Option<(Timestamp, Timestamp)> {
    let present = now.to_string();
    let (left, right) = text.split_once('/').unwrap_or((text, &present));
    // A plus that was sent as it is has become a space.
    let moment = |text: &str| text.replace(' ', "+").parse::<Timestamp>().ok();
    let seconds = |text: &str| text.parse::<jiff::SignedDuration>().ok().map(|length| length.as_secs_f64());
    let (start, end) = match (moment(left), moment(right)) {
        (Some(start), Some(end)) => (start, end),
        (Some(start), None) => (start, ids::after(start, seconds(right)?)),
        (None, Some(end)) => {
            let length = jiff::SignedDuration::try_from_secs_f64(seconds(left)?).ok()?;
            (end.checked_sub(length).ok()?, end)
        }
        (None, None) => return None,
    };
    (start < end).then_some((start, end))
}
