//! Bounds of values, which the specification tells in words only (§B.5, §B.6, §C.5).

use std::ops::RangeInclusive;

use jiff::{Span, SpanRelativeTo, Unit};
use serde_json::Value;

use crate::core::machinery::error::ArmError;
use crate::core::machinery::json as at;

/// The most seconds that a request may take, on Managed and elsewhere.
const REQUEST_TIMEOUT: (f64, f64) = (180.0, 300.0);

/// The containers of a deployment whose logs can be asked for.
const CONTAINERS: [&str; 2] = ["StorageInitializer", "InferenceServer"];

/// Those of an online deployment.
pub fn online(body: &Value, compute: &str) -> Result<(), ArmError> {
    for (name, collection) in at::object(body, "properties.dataCollector.collections") {
        if at::at(&collection, "samplingRate")
            .is_some_and(|rate| rate.as_f64().is_none_or(|rate| !(0.0..=1.0).contains(&rate)))
        {
            let path = format!("properties.dataCollector.collections.{name}.samplingRate");
            return Err(ArmError::validation(&path, format!("{path} must be from 0 to 1.")));
        }
    }
    let path = "properties.requestSettings.requestTimeout";
    let most = if compute == "Managed" { REQUEST_TIMEOUT.0 } else { REQUEST_TIMEOUT.1 };
    if at::text(body, path).is_some_and(|timeout| seconds(timeout) > most) {
        return Err(ArmError::validation(
            path,
            format!("{path} can be at most {most} seconds on {compute}."),
        ));
    }
    Ok(())
}

/// What a container on Kubernetes asks of its cluster (§N): processors and memory, and no more than its limits.
pub fn resources(body: &Value) -> Result<(), ArmError> {
    let block = "properties.containerResourceRequirements";
    if at::at(body, block).is_none() {
        return Ok(());
    }
    for field in ["cpu", "memory"] {
        let path = |part: &str| format!("{block}.containerResource{part}.{field}");
        let Some(asked) = at::text(body, &path("Requests")).and_then(quantity) else {
            return Err(ArmError::validation(
                &path("Requests"),
                format!("{} is required.", path("Requests")),
            ));
        };
        if at::text(body, &path("Limits")).and_then(quantity).is_some_and(|limit| asked > limit) {
            let (asked, limit) = (path("Requests"), path("Limits"));
            return Err(ArmError::validation(&asked, format!("{asked} must not be more than {limit}.")));
        }
    }
    Ok(())
}

/// A quantity of Kubernetes, such as `500m` or `2Gi`.
fn quantity(text: &str) -> Option<f64> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let factor = match &text[digits.len()..] {
        "m" => 0.001,
        "" => 1.0,
        "k" => 1e3,
        "M" => 1e6,
        "G" => 1e9,
        "T" => 1e12,
        "Ki" => 1024.0,
        "Mi" => 1_048_576.0,
        "Gi" => 1_073_741_824.0,
        "Ti" => 1_099_511_627_776.0,
        _ => return None,
    };
    digits.parse::<f64>().ok().map(|number| number * factor)
}

/// Those of a batch deployment.
pub fn batch(body: &Value) -> Result<(), ArmError> {
    whole(body, "properties.errorThreshold", -1..=i64::from(i32::MAX))?;
    whole(body, "properties.miniBatchSize", 1..=i64::MAX)
}

/// Those of a request for logs.
pub fn logs(body: &Value) -> Result<(), ArmError> {
    let known = |sent: &Value| {
        sent.as_str().is_some_and(|sent| CONTAINERS.iter().any(|known| known.eq_ignore_ascii_case(sent)))
    };
    if at::at(body, "containerType").is_some_and(|sent| !known(sent)) {
        let words = CONTAINERS.join(" or ");
        return Err(ArmError::validation("containerType", format!("containerType must be {words}.")));
    }
    whole(body, "tail", 0..=i64::from(i32::MAX))
}

fn whole(body: &Value, path: &str, range: RangeInclusive<i64>) -> Result<(), ArmError> {
    if at::at(body, path).is_none_or(|sent| sent.as_i64().is_some_and(|sent| range.contains(&sent))) {
        return Ok(());
    }
    let (least, most) = range.into_inner();
    Err(ArmError::validation(path, format!("{path} must be a whole number from {least} to {most}.")))
}

/// How long a duration is that ISO 8601 writes; without end when it is longer than can be told.
fn seconds(duration: &str) -> f64 {
    let days = SpanRelativeTo::days_are_24_hours();
    let told = duration.parse::<Span>().and_then(|span| span.total((Unit::Second, days)));
    told.unwrap_or(f64::INFINITY)
}
