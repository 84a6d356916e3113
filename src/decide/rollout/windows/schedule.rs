//! When a window begins: five fields of cron, by the clock of a time zone.
//!
//! A begin that the clock skips when it is put forward counts as the moment of the change; one that comes twice when the clock is
//! put back counts the first time. So later times of the clock never come earlier, and the first begin after a moment is the first
//! one of the clock that is later.

use jiff::civil::{Date, DateTime, date};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{Timestamp, ToSpan};

/// The years that are looked through for a day: the 29th of February of a day of the week comes within 28 years, or 40 where a
/// century has none.
const YEARS: i16 = 41;

const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const DAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

/// The five fields: for each the numbers that it names, as bits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    minutes: u64,
    hours: u64,
    days: u64,
    months: u64,
    weekdays: u64,
    /// One of the two days is given by a `*`, so that the other one alone decides.
    one_day: bool,
}

impl Schedule {
    /// From its text; otherwise why not, for a sentence.
    pub fn parse(text: &str) -> Result<Self, String> {
        let fields: Vec<&str> = text.split_whitespace().collect();
        let [minute, hour, day, month, weekday] = fields[..] else {
            return Err("it does not have five fields".into());
        };
        let sundays = |bits: u64| if bits & (1 << 7) == 0 { bits } else { bits | 1 };
        let schedule = Self {
            minutes: field(minute, 0, 59, &[])?,
            hours: field(hour, 0, 23, &[])?,
            days: field(day, 1, 31, &[])?,
            months: field(month, 1, 12, &MONTHS)?,
            weekdays: sundays(field(weekday, 0, 7, &DAYS)?),
            one_day: day.starts_with('*') || weekday.starts_with('*'),
        };
        let ever = schedule.from(date(2000, 1, 1).at(0, 0, 0, 0)).is_some();
        if ever { Ok(schedule) } else { Err("no such day ever comes".into()) }
    }

    /// The first begin after a moment.
    pub fn after(&self, moment: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        let mut clock = minute_of(zone.to_datetime(moment));
        loop {
            let begin = self.from(clock)?;
            let at = moment_of(begin, zone)?;
            if at > moment {
                return Some(at);
            }
            clock = begin.checked_add(1.minute()).ok()?;
        }
    }

    /// The last begin of those that come every minute from this one on, within the hour or, where every hour is named, the day: a
    /// window lasts at least as long as from one of them to the next. This one where they do not come every minute.
    pub fn last_in_a_row(&self, begin: Timestamp, zone: &TimeZone) -> Timestamp {
        let clock = zone.to_datetime(begin);
        let named = |bits: u64, most: i8| (0..=most).all(|number| has(bits, number));
        // A begin that the clock has skipped counts as a moment that the schedule does not name.
        if !named(self.minutes, 59) || !has(self.hours, clock.hour()) || !self.names(clock.date()) {
            return begin;
        }
        let hour = if named(self.hours, 23) { 23 } else { clock.hour() };
        let last = moment_of(clock.date().at(hour, 59, 0, 0), zone);
        // Where the clock is changed between them, they do not come every minute.
        let same = |last: &Timestamp| *last > begin && zone.to_offset(*last) == zone.to_offset(begin);
        last.filter(same).unwrap_or(begin)
    }

    /// The first time of the clock that is named, not before this one.
    fn from(&self, clock: DateTime) -> Option<DateTime> {
        let (mut day, mut hour, mut minute) = (clock.date(), clock.hour(), clock.minute());
        let last = day.year().saturating_add(YEARS);
        while day.year() <= last {
            if !has(self.months, day.month()) {
                day = day.last_of_month();
            } else if self.names(day)
                && let Some((hour, minute)) = self.time(hour, minute)
            {
                return Some(day.at(hour, minute, 0, 0));
            }
            (day, hour, minute) = (day.tomorrow().ok()?, 0, 0);
        }
        None
    }

    fn names(&self, day: Date) -> bool {
        let by_month = has(self.days, day.day());
        let by_week = has(self.weekdays, day.weekday().to_sunday_zero_offset());
        if self.one_day { by_month && by_week } else { by_month || by_week }
    }

    /// The first time of a day, not before this one.
    fn time(&self, hour: i8, minute: i8) -> Option<(i8, i8)> {
        let this = (minute..60).find(|minute| has(self.minutes, *minute)).map(|minute| (hour, minute));
        let later = || {
            let hour = (hour + 1..24).find(|hour| has(self.hours, *hour))?;
            Some((hour, (0..60).find(|minute| has(self.minutes, *minute))?))
        };
        this.filter(|_| has(self.hours, hour)).or_else(later)
    }
}

fn has(bits: u64, number: i8) -> bool {
    bits & (1 << number) != 0
}

fn minute_of(clock: DateTime) -> DateTime {
    clock.date().at(clock.hour(), clock.minute(), 0, 0)
}

/// When the clock of a zone shows this.
fn moment_of(clock: DateTime, zone: &TimeZone) -> Option<Timestamp> {
    match zone.to_ambiguous_timestamp(clock).offset() {
        AmbiguousOffset::Unambiguous { offset } => offset.to_timestamp(clock).ok(),
        AmbiguousOffset::Fold { before, .. } => before.to_timestamp(clock).ok(),
        AmbiguousOffset::Gap { before, .. } => {
            let not_before = before.to_timestamp(clock).ok()?.checked_add(1.nanosecond()).ok()?;
            zone.preceding(not_before).next().map(|change| change.timestamp())
        }
    }
}

/// The numbers of one field: `*`, numbers, words and ranges, with steps, and commas between them.
fn field(text: &str, least: u32, most: u32, words: &[&str]) -> Result<u64, String> {
    let wrong = || format!("{text} is none of its fields");
    let number = |text: &str| {
        let word = words.iter().position(|word| word.eq_ignore_ascii_case(text));
        let first = u32::from(words.len() == MONTHS.len());
        let number = word.and_then(|at| u32::try_from(at).ok()).map(|at| at + first);
        number.or_else(|| text.parse().ok()).filter(|it| (least..=most).contains(it)).ok_or_else(wrong)
    };
    let mut bits = 0;
    for part in text.split(',') {
        let (range, step) = part.split_once('/').map_or((part, None), |(range, step)| (range, Some(step)));
        let step = step.map_or(Ok(1), str::parse::<usize>).map_err(|_| wrong())?;
        let (from, to) = match range.split_once('-') {
            _ if range == "*" => (least, most),
            Some((from, to)) => (number(from)?, number(to)?),
            None => (number(range)?, number(range)?),
        };
        if step == 0 || from > to {
            return Err(wrong());
        }
        (from..=to).step_by(step).for_each(|number| bits |= 1 << number);
    }
    Ok(bits)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn zone(name: &str) -> TimeZone {
        TimeZone::get(name).unwrap_or(TimeZone::UTC)
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap_or_default()
    }

    fn begins(schedule: &str, zone_name: &str, after: &str, count: usize) -> Vec<String> {
        let (schedule, zone) = (Schedule::parse(schedule), zone(zone_name));
        let next = |moment: &Timestamp| schedule.as_ref().ok()?.after(*moment, &zone);
        std::iter::successors(next(&at(after)), next).take(count).map(|it| it.to_string()).collect()
    }

    #[test]
    fn a_schedule_names_times_of_a_clock() {
        let table = [
            // schedule, zone, after, the next begins
            (
                "0 18 * * 5",
                "Europe/Berlin",
                "2026-03-01T00:00:00Z",
                "2026-03-06T17:00:00Z 2026-03-13T17:00:00Z 2026-03-20T17:00:00Z 2026-03-27T17:00:00Z 2026-04-03T16:00:00Z",
            ),
            (
                "*/20 9-10 * * MON",
                "UTC",
                "2026-03-02T09:50:00Z",
                "2026-03-02T10:00:00Z 2026-03-02T10:20:00Z 2026-03-02T10:40:00Z 2026-03-09T09:00:00Z",
            ),
            ("0 0 1,15 * *", "UTC", "2026-03-01T00:00:00Z", "2026-03-15T00:00:00Z 2026-04-01T00:00:00Z"),
            // Of two days, either is enough.
            (
                "0 0 13 * FRI",
                "UTC",
                "2026-03-01T00:00:00Z",
                "2026-03-06T00:00:00Z 2026-03-13T00:00:00Z 2026-03-20T00:00:00Z",
            ),
            // A `*` with a step counts as a `*`.
            ("0 0 */2 * 7", "UTC", "2026-03-01T00:00:00Z", "2026-03-15T00:00:00Z 2026-03-29T00:00:00Z"),
            ("0 0 29 feb *", "UTC", "2026-03-01T00:00:00Z", "2028-02-29T00:00:00Z 2032-02-29T00:00:00Z"),
            (
                "0 12 24-26 DEC *",
                "Asia/Kathmandu",
                "2026-03-01T00:00:00Z",
                "2026-12-24T06:15:00Z 2026-12-25T06:15:00Z",
            ),
            // On 29 March 2026 the clock of Berlin goes from 02:00 to 03:00, and on 25 October from 03:00 to 02:00.
            (
                "30 2 * * *",
                "Europe/Berlin",
                "2026-03-28T00:00:00Z",
                "2026-03-28T01:30:00Z 2026-03-29T01:00:00Z 2026-03-30T00:30:00Z",
            ),
            (
                "30 2 * * *",
                "Europe/Berlin",
                "2026-10-24T00:00:00Z",
                "2026-10-24T00:30:00Z 2026-10-25T00:30:00Z 2026-10-26T01:30:00Z",
            ),
            // Samoa had no 30 December 2011.
            (
                "0 12 30 12 *",
                "Pacific/Apia",
                "2011-01-01T00:00:00Z",
                "2011-12-30T10:00:00Z 2012-12-29T22:00:00Z",
            ),
        ];
        for (schedule, zone, after, expected) in table {
            let expected: Vec<&str> = expected.split(' ').collect();
            assert_eq!(begins(schedule, zone, after, expected.len()), expected, "{schedule} {zone}");
        }
    }

    #[test]
    fn what_is_no_schedule_says_why() {
        for (text, why) in [
            ("0 0 30 2 *", "no such day ever comes"),
            ("0 0 31 4,6,9,11 *", "no such day ever comes"),
            ("* * * *", "it does not have five fields"),
            ("60 * * * *", "60 is none of its fields"),
            ("5-1 * * * *", "5-1 is none of its fields"),
            ("*/0 * * * *", "*/0 is none of its fields"),
            ("0 0 * jun-jan *", "jun-jan is none of its fields"),
            ("0 0 * * noday", "noday is none of its fields"),
        ] {
            assert_eq!(Schedule::parse(text), Err(why.to_string()), "{text}");
        }
    }

    /// The same without any search: does the schedule name what the clock shows at this minute?
    fn is_named(schedule: &Schedule, clock: DateTime) -> bool {
        schedule.from(clock) == Some(clock)
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 48, ..crate::decide::fixtures::same_every_time() })]

        /// Minute by minute, around changes of the clock and elsewhere.
        #[test]
        fn no_begin_is_missed_and_none_is_made_up(
            minutes in prop::sample::select(vec!["0", "30", "*/15", "7,59", "*"]),
            hours in prop::sample::select(vec!["*", "1-3", "0", "2", "23"]),
            days in prop::sample::select(vec!["* * *", "* * 0", "29 * *", "* 3,10 7", "25 10 3"]),
            (zone_name, begin) in prop::sample::select(vec![
                ("Europe/Berlin", "2026-03-28T20:00:00Z"), ("Europe/Berlin", "2026-10-24T20:00:00Z"),
                ("Australia/Lord_Howe", "2026-04-04T10:00:00Z"), ("Australia/Lord_Howe", "2026-10-03T10:00:00Z"),
                ("America/St_Johns", "2026-11-01T00:00:00Z"), ("UTC", "2026-02-28T20:00:00Z"),
            ]),
        ) {
            let (text, zone, begin) = (format!("{minutes} {hours} {days}"), zone(zone_name), at(begin));
            let schedule = Schedule::parse(&text).map_err(TestCaseError::fail)?;
            let clocks: Vec<DateTime> = (0..=720).map(|minute: i64| zone.to_datetime(begin + minute.minutes())).collect();
            let mut expected = vec![];
            for (minute, now) in (0i64..).zip(&clocks).skip(1) {
                let (before, now) = (clocks[usize::try_from(minute).unwrap_or(1) - 1], *now);
                let shown_before = clocks.iter().position(|it| *it == now) < usize::try_from(minute).ok();
                // What the clock skips begins with what comes after it.
                let skipped = before.until(now).map_or(0, |span| span.get_minutes() + 60 * i64::from(span.get_hours()));
                let skips = (1..skipped).any(|more| before.checked_add(more.minutes()).is_ok_and(|it| is_named(&schedule, it)));
                if skips || (is_named(&schedule, now) && !shown_before) {
                    expected.push(begin + minute.minutes());
                }
            }
            let last = begin + 720.minutes();
            let next = |moment: &Timestamp| schedule.after(*moment, &zone).filter(|it| *it <= last);
            let found: Vec<Timestamp> = std::iter::successors(next(&begin), next).collect();
            prop_assert_eq!(found, expected, "{} {}", text, zone_name);
        }
    }
}
