//! Numbers that make no sense are refused where they are read.

use std::fmt::Display;
use std::ops::RangeInclusive;

use serde::de::{Deserialize, Deserializer, Error};

fn within<E: Error, T: PartialOrd + Display>(
    name: &str,
    number: T,
    bounds: RangeInclusive<T>,
) -> Result<T, E> {
    if bounds.contains(&number) {
        return Ok(number);
    }
    let (least, most) = bounds.into_inner();
    Err(E::custom(format!("`{name}` must be from {least} to {most}, not {number}")))
}

/// A finite number that is at least 0.
fn amount<E: Error>(name: &str, number: f64) -> Result<f64, E> {
    if number >= 0.0 && number.is_finite() {
        return Ok(number);
    }
    Err(E::custom(format!("`{name}` must be finite and at least 0, not {number}")))
}

fn positive<E: Error>(name: &str, number: f64) -> Result<f64, E> {
    if number > 0.0 && number.is_finite() {
        return Ok(number);
    }
    Err(E::custom(format!("`{name}` must be finite and greater than 0, not {number}")))
}

/// `status`: one that a final answer can have.
pub(super) fn status<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u16, D::Error> {
    let status = within("status", i64::deserialize(deserializer)?, 200..=599)?;
    u16::try_from(status).map_err(Error::custom)
}

/// `probability`.
pub(super) fn probability<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    within("probability", f64::deserialize(deserializer)?, 0.0..=1.0)
}

/// `errorRate`.
pub(super) fn error_rate<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    within("errorRate", f64::deserialize(deserializer)?, 0.0..=1.0)
}

/// `scale` of time.
pub(super) fn scale<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    positive("scale", f64::deserialize(deserializer)?)
}

/// The same, or none.
pub(super) fn other_scale<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    Option::deserialize(deserializer)?.map(|number| positive("scale", number)).transpose()
}

/// `seconds`, or none.
pub(super) fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    Option::deserialize(deserializer)?.map(|number| amount("seconds", number)).transpose()
}
