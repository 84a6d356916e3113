//! What was seen, minute by minute: how many requests a deployment answered, how, and how fast.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::filter::Filter;
use super::span::Span;

/// Minutes for which what was seen is kept.
const KEPT: i64 = 7 * 24 * 60;

/// One answer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Seen {
    /// The deployment's key.
    pub key: String,
    /// The deployment's name.
    pub deployment: String,
    /// Status as the caller saw it.
    pub status: u16,
    /// Status as the model gave it.
    pub model_status: u16,
}

impl Seen {
    fn value_of(&self, dimension: &str) -> String {
        match dimension {
            "deployment" => self.deployment.clone(),
            "statusCode" | "envoy_response_code" => self.status.to_string(),
            "statusCodeClass" => format!("{}xx", self.status / 100),
            "modelStatusCode" => self.model_status.to_string(),
            _ => String::new(),
        }
    }
}

/// Everything seen, by minute since 1970.
#[derive(Debug, Default)]
pub struct Watch {
    minutes: BTreeMap<i64, BTreeMap<Seen, Minute>>,
}

/// Minutes by the values of the dimensions that were asked for.
pub type Series = BTreeMap<Vec<String>, BTreeMap<i64, Minute>>;

/// How many requests took how many milliseconds.
#[derive(Debug, Clone, Default)]
pub struct Minute(BTreeMap<u64, u64>);

/// What a minute tells to an aggregation.
#[derive(Debug, Clone, Copy)]
pub struct Sample {
    total: f64,
    count: f64,
    least: f64,
    most: f64,
}

impl Watch {
    /// Takes note of an answer.
    pub fn note(&mut self, now: Timestamp, seen: Seen, millis: u64) {
        let minute = now.as_second().div_euclid(60);
        while self.minutes.first_key_value().is_some_and(|(first, _)| *first + KEPT < minute) {
            self.minutes.pop_first();
        }
        *self.minutes.entry(minute).or_default().entry(seen).or_default().0.entry(millis).or_default() += 1;
    }

    /// Forgets a deployment, or an endpoint with all of its.
    pub fn forget(&mut self, key: &str) {
        for minute in self.minutes.values_mut() {
            minute.retain(|seen, _| !beneath(key, &seen.key));
        }
    }

    /// What an endpoint or a deployment did in a span of time, in minutes that may be told.
    pub fn series(&self, key: &str, span: &Span, filter: &Filter, told: impl Fn(i64) -> bool) -> Series {
        let mut series = Series::new();
        for (at, minute) in self.minutes.range(span.range()).filter(|(at, _)| told(**at)) {
            for (seen, counts) in minute.iter().filter(|(seen, _)| beneath(key, &seen.key)) {
                let Some(values) = filter.admits(|dimension| seen.value_of(dimension)) else { continue };
                let sum = series.entry(values).or_default().entry(*at).or_default();
                for (millis, count) in &counts.0 {
                    *sum.0.entry(*millis).or_default() += count;
                }
            }
        }
        series
    }
}

fn beneath(key: &str, other: &str) -> bool {
    other.strip_prefix(key).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[allow(clippy::cast_precision_loss)]
impl Minute {
    fn count(&self) -> u64 {
        self.0.values().sum()
    }

    /// Requests in this minute: one sample.
    pub fn requests(&self) -> Sample {
        Sample::one(self.count() as f64)
    }

    /// Milliseconds: as many samples as requests.
    pub fn latency(&self) -> Sample {
        Sample {
            total: self.0.iter().map(|(millis, count)| (millis * count) as f64).sum(),
            count: self.count() as f64,
            least: self.0.first_key_value().map_or(0.0, |(millis, _)| *millis as f64),
            most: self.0.last_key_value().map_or(0.0, |(millis, _)| *millis as f64),
        }
    }

    /// The milliseconds within which so many of a hundred requests were answered: one sample.
    pub fn percentile(&self, percent: f64) -> Sample {
        let rank = (percent / 100.0 * self.count() as f64).ceil().max(1.0);
        let mut below = 0.0;
        let found = self.0.iter().find(|(_, count)| {
            below += **count as f64;
            below >= rank
        });
        Sample::one(found.map_or(0.0, |(millis, _)| *millis as f64))
    }
}

impl Sample {
    fn one(value: f64) -> Self {
        Self { total: value, count: 1.0, least: value, most: value }
    }
}

/// A point of an answer: without samples it has only its time, which is not the same as zero.
pub fn point(time: &str, samples: impl Iterator<Item = Sample>, aggregations: &[&str]) -> Value {
    let sum = samples.reduce(|one, other| Sample {
        total: one.total + other.total,
        count: one.count + other.count,
        least: one.least.min(other.least),
        most: one.most.max(other.most),
    });
    let mut point = json!({"timeStamp": time});
    for aggregation in aggregations {
        let Some(sum) = sum else { break };
        let value = match *aggregation {
            "total" => sum.total,
            "count" => sum.count,
            "maximum" => sum.most,
            "minimum" => sum.least,
            _ => sum.total / sum.count,
        };
        point[*aggregation] = value.into();
    }
    point
}
