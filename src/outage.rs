//! Outages of those whom the operator asks, in two lines of the log each: one when it begins, one when it is over.
//!
//! [`Outages`] decides what to say. It reads no clock and writes nothing: whoever uses it says what time it is. [`Reach`]
//! is that one with the clock and the log, for Azure's hosts and for the API server.

mod reach;

use std::collections::HashMap;
use std::error::Error as StdError;
use std::hash::Hash;
use std::time::{Duration, Instant};

pub use reach::Reach;

/// Requests in a row that have to fail before they are an outage.
const IN_A_ROW: u32 = 3;
/// For how long nothing but failures has to be seen. A connection that breaks takes all its requests with it at once.
const AT_LEAST: Duration = Duration::from_secs(3);
/// After an outage that was over for less than this, the next one counts as the same trouble that comes and goes.
const CALM: Duration = Duration::from_secs(300);
/// When so many are known, those that nobody has asked for five minutes are forgotten, unless the log was told of them.
const MANY: usize = 256;
/// How long trouble that comes and goes has to last at most before it is told again.
const AT_MOST: Duration = Duration::from_secs(60);

/// The innermost source: "Connection refused", not "error sending request for url".
pub fn root_cause<'a>(error: &'a (dyn StdError + 'static)) -> &'a (dyn StdError + 'static) {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause
}

/// When failures are an outage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Patience {
    /// After three in a row, over at least three seconds: for requests, of which any one may fail.
    AFew,
    /// At the first one: for failures that do not go away by themselves.
    None,
}

/// Who is out of reach or in trouble, by a key, and what is to be said of it.
///
/// The rules:
/// - An outage is told when as many failures in a row were seen, for as long, as [`Patience`] asks. Any success in
///   between begins the row anew, so one connection that was reset is no outage.
/// - It is over at the first success.
/// - The failure of a request that began before the last success says nothing: the request may have hung since the
///   outage that is over.
/// - Trouble that comes back within five minutes has to last longer each time before it is told again: 3 s, 6 s, and so on
///   up to a minute, whatever the patience. So a host that comes and goes makes two lines a minute at most.
#[derive(Debug)]
pub struct Outages<K> {
    patience: Patience,
    known: HashMap<K, State>,
}

#[derive(Debug, Default)]
struct State {
    row: Option<Row>,
    /// The last success.
    worked: Option<Instant>,
    /// The end of the last outage that was told.
    over: Option<Instant>,
    /// Outages told so far, of which each began soon after the one before.
    returns: u32,
}

/// Failures with no success in between.
#[derive(Debug)]
struct Row {
    /// When the first of the requests that failed began.
    since: Instant,
    /// When the first failure was seen.
    seen: Instant,
    /// When the last failure was seen.
    last: Instant,
    failures: u32,
    told: bool,
}

impl<K: Eq + Hash> Outages<K> {
    /// Nobody is in trouble.
    pub fn new(patience: Patience) -> Self {
        Self { patience, known: HashMap::new() }
    }

    /// A request that began then has failed. The answer is whether to say that an outage has begun.
    #[must_use]
    pub fn failed(&mut self, key: K, began: Instant, now: Instant) -> bool {
        let patience = self.patience;
        if self.known.len() >= MANY && !self.known.contains_key(&key) {
            // A host out of a status may be of any name.
            self.known.retain(|_, state| state.is_told() || state.is_recent(now));
        }
        let state = self.known.entry(key).or_default();
        if state.worked.is_some_and(|worked| began < worked) {
            return false;
        }
        let row =
            state.row.get_or_insert(Row { since: began, seen: now, last: now, failures: 0, told: false });
        row.since = row.since.min(began);
        row.last = now;
        row.failures += 1;
        if row.told {
            return false;
        }
        let (failures, first) = match patience {
            Patience::AFew => (IN_A_ROW, AT_LEAST),
            Patience::None => (1, Duration::ZERO),
        };
        let returns = state.over.is_some_and(|over| row.seen.saturating_duration_since(over) < CALM);
        let lasts =
            if returns { AT_LEAST.saturating_mul(1 << state.returns.min(8)).min(AT_MOST) } else { first };
        if row.failures < failures || now.saturating_duration_since(row.seen) < lasts {
            return false;
        }
        row.told = true;
        state.returns = if returns { state.returns + 1 } else { 0 };
        true
    }

    /// Something has worked. Where an outage was told, the answer is how long it lasted, to say that it is over.
    #[must_use]
    pub fn worked(&mut self, key: K, now: Instant) -> Option<Duration> {
        let state = self.known.entry(key).or_default();
        state.worked = Some(now);
        let row = state.row.take().filter(|row| row.told)?;
        state.over = Some(now);
        Some(now.saturating_duration_since(row.since))
    }

    /// Whether an outage was told and is not over.
    pub fn is_told(&self, key: &K) -> bool {
        self.known.get(key).is_some_and(State::is_told)
    }

    /// Whether any outage was told and is not over.
    pub fn any(&self) -> bool {
        self.known.values().any(State::is_told)
    }
}

impl State {
    fn is_recent(&self, now: Instant) -> bool {
        let last = self.row.as_ref().map(|row| row.last).max(self.worked);
        last.is_some_and(|last| now.saturating_duration_since(last) < CALM)
    }

    fn is_told(&self) -> bool {
        self.row.as_ref().is_some_and(|row| row.told)
    }
}

/// How long something lasted, for the log: `45 s`, `2 min 5 s`, `3 h 20 min`.
pub fn lasted(time: Duration) -> String {
    match time.as_secs() {
        seconds @ ..60 => format!("{seconds} s"),
        seconds @ 60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        seconds => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

#[cfg(test)]
mod tests;
