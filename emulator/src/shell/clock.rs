//! Emulated time against real time.

use std::time::Instant;

use jiff::{SignedDuration, Timestamp};

use super::Error;
use crate::config::Time;

/// Where manual time begins: 2026-01-01T00:00:00Z.
const BEGINNING: i64 = 1_767_225_600;

/// A clock that may run faster than real time, or stand still.
#[derive(Debug, Clone)]
pub(crate) struct Clock {
    /// Emulated time at `since`.
    base: Timestamp,
    since: Instant,
    /// Emulated seconds per real second; 0 stands still.
    scale: f64,
}

impl Clock {
    pub(crate) fn new(time: Time) -> Result<Self, Error> {
        let beginning = Timestamp::from_second(BEGINNING).unwrap_or(Timestamp::UNIX_EPOCH);
        let (base, scale) = match time {
            Time::Manual => (beginning, 0.0),
            Time::Real { scale } if scale > 0.0 && scale.is_finite() => (Timestamp::now(), scale),
            Time::Real { scale } => return Err(Error::Scale(scale)),
        };
        Ok(Self { base, since: Instant::now(), scale })
    }

    pub(crate) fn now(&self) -> Timestamp {
        let passed = self.since.elapsed().as_secs_f64() * self.scale;
        crate::core::machinery::ids::after(self.base, passed)
    }

    pub(crate) fn advance(&mut self, seconds: f64) -> Result<(), Error> {
        let more = SignedDuration::try_from_secs_f64(seconds).ok().filter(|more| !more.is_negative());
        let moved =
            more.and_then(|more| self.now().checked_add(more).ok().and(self.base.checked_add(more).ok()));
        self.base = moved.ok_or(Error::Seconds(seconds))?;
        Ok(())
    }

    pub(crate) fn scale(&self) -> f64 {
        self.scale
    }

    pub(crate) fn set_scale(&mut self, scale: f64) -> Result<(), Error> {
        if !(scale > 0.0 && scale.is_finite()) {
            return Err(Error::Scale(scale));
        }
        self.base = self.now();
        self.since = Instant::now();
        self.scale = scale;
        Ok(())
    }
}
