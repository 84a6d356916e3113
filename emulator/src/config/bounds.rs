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
