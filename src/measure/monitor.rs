//! A number out of Azure Monitor's minutes.
//!
//! Azure Monitor gives a value for each minute and, where a query names dimensions, for each combination of their values. A
//! window has one number:
//!
//! | aggregation | of all minutes and combinations |
//! |---|---|
//! | `Total`, `Count` | the sum |
//! | `Minimum`, `Maximum` | the smallest, the largest |
//! | `Average` of what counts (`Count`, `CountPerSecond`, `Bytes`, `BytesPerSecond`) | the sum over the combinations, divided by the number of minutes that have data: requests per minute of two status codes add up |
//! | `Average` of anything else | the mean. So a percentile over a window is the mean of the minutes' percentiles, and of two deployments each counts the same, however many requests it had |
//!
//! Only whole minutes within the window count. A minute without a value counts as nothing and not as zero: Azure Monitor tells
//! it some minutes late, or nothing happened.
//!
//! In a ratio of two averages of counts, both are divided by the minutes that either of them has. A numerator that adds up and
//! has no data is 0 where the denominator has some: no series of failures is a good sign only where there were requests.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::model::{Aggregation, Answer, Metric, Monitor};
use super::{Client, said};
use crate::azure::client::{MetricQuery, Series};
use crate::azure::model::{Class, Errand, Error};

/// Units of which the values of two series add up.
const ADDING_UP: [&str; 5] = ["count", "countpersecond", "bytes", "bytespersecond", "bitspersecond"];

/// How the message of an unknown metric goes on [ISS azure-sdk-for-net#29584].
const VALID: &str = "Valid metrics: ";

impl Client {
    pub(super) async fn monitor(&self, errand: &Errand, monitor: &Monitor) -> Result<Answer, String> {
        let Some(window) = Window::within(monitor) else {
            return Ok(Answer::NoData(
                "No whole minute has passed since the measurement could begin.".into(),
            ));
        };
        let metric = self.summary(errand, monitor, &monitor.metric, window).await?;
        let Some(by) = &monitor.divided_by else { return Ok(number(&monitor.metric, &metric, window)) };
        let divisor = self.summary(errand, monitor, by, window).await?;
        Ok(ratio((&monitor.metric, metric), (by, divisor), window))
    }

    async fn summary(
        &self,
        errand: &Errand,
        monitor: &Monitor,
        metric: &Metric,
        window: Window,
    ) -> Result<Summary, String> {
        let query = MetricQuery {
            resource: &monitor.resource,
            metric: &metric.name,
            aggregation: word(metric.aggregation),
            filter: &metric.filter,
            from: window.from,
            until: window.until,
        };
        let series = self.azure.metrics(errand, &query).await;
        let series = series.map_err(|error| why(&error, metric, monitor.resource.name()))?;
        Ok(Summary::of(&series, metric.aggregation, window))
    }
}

fn word(aggregation: Aggregation) -> &'static str {
    match aggregation {
        Aggregation::Average => "average",
        Aggregation::Minimum => "minimum",
        Aggregation::Maximum => "maximum",
        Aggregation::Total => "total",
        Aggregation::Count => "count",
    }
}

/// What to do about an error.
fn why(error: &Error, metric: &Metric, resource: &str) -> String {
    let name = &metric.name;
    if let Some((_, valid)) = error.message.split_once(VALID) {
        let valid = valid.trim_end_matches('.').replace(',', ", ").replace(",  ", ", ");
        return format!("{resource} has no metric {name}. It has {valid}.");
    }
    let said = said(error);
    match error.class {
        Class::Unauthorized => format!(
            "Azure Monitor does not show the metrics of {resource}: give who asks the role Monitoring Reader there. {said}"
        ),
        Class::Transient if error.status == Some(529) => {
            format!("Azure Monitor is overloaded and gave no value of {name}. {said}")
        }
        _ => format!("Azure Monitor gave no value of {name}. {said}"),
    }
}

/// Whole minutes.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Window {
    from: Timestamp,
    until: Timestamp,
}

impl Window {
    /// The whole minutes of a question's window; none where there are none.
    fn within(monitor: &Monitor) -> Option<Self> {
        let minute = |second: i64| Timestamp::from_second(second.checked_mul(60)?).ok();
        // A minute that had begun before is not a whole one.
        let from = monitor.from.as_second() + i64::from(monitor.from.subsec_nanosecond() > 0);
        let from = minute((from + 59).div_euclid(60))?;
        let until = minute(monitor.until.as_second().div_euclid(60))?;
        (from < until).then_some(Self { from, until })
    }

    fn has(&self, minute: i64) -> bool {
        (self.from.as_second().div_euclid(60)..self.until.as_second().div_euclid(60)).contains(&minute)
    }

    fn shown(&self) -> String {
        format!("between {} and {}", self.from.strftime("%H:%M"), self.until.strftime("%H:%M"))
    }
}

/// All that a window's values come to.
#[derive(Debug, Clone, PartialEq)]
enum Summary {
    /// There are none, of something that adds up or not.
    Nothing { adds_up: bool },
    /// Is the same however many minutes there are.
    Value { value: f64, adds_up: bool },
    /// Is divided by the number of minutes.
    PerMinute { sum: f64, minutes: BTreeSet<i64> },
}

impl Summary {
    fn of(metric: &Series, aggregation: Aggregation, window: Window) -> Self {
        let points = metric.series.iter().flatten().filter(|(minute, _)| window.has(*minute));
        let points: Vec<(i64, f64)> = points.copied().collect();
        let values = || points.iter().map(|(_, value)| *value);
        let counts = ADDING_UP.contains(&metric.unit.to_ascii_lowercase().as_str());
        let adds_up = match aggregation {
            Aggregation::Total | Aggregation::Count => true,
            Aggregation::Average => counts,
            Aggregation::Minimum | Aggregation::Maximum => false,
        };
        if points.is_empty() {
            return Self::Nothing { adds_up };
        }
        let value = match aggregation {
            Aggregation::Total | Aggregation::Count => values().sum(),
            Aggregation::Minimum => values().fold(f64::INFINITY, f64::min),
            Aggregation::Maximum => values().fold(f64::NEG_INFINITY, f64::max),
            Aggregation::Average if counts => {
                let minutes = points.iter().map(|(minute, _)| *minute).collect();
                return Self::PerMinute { sum: values().sum(), minutes };
            }
            Aggregation::Average => values().sum::<f64>() / number_of(points.len()),
        };
        Self::Value { value, adds_up }
    }

    /// The number, with these minutes.
    fn value(&self, minutes: &BTreeSet<i64>) -> Option<f64> {
        match self {
            Self::Nothing { .. } => None,
            Self::Value { value, .. } => Some(*value),
            Self::PerMinute { sum, .. } => Some(sum / number_of(minutes.len())),
        }
    }

    fn minutes(&self) -> BTreeSet<i64> {
        match self {
            Self::PerMinute { minutes, .. } => minutes.clone(),
            Self::Nothing { .. } | Self::Value { .. } => BTreeSet::new(),
        }
    }
}

#[allow(clippy::cast_precision_loss)]
fn number_of(count: usize) -> f64 {
    count as f64
}

fn finite(value: f64, no_data: impl FnOnce() -> String) -> Answer {
    if value.is_finite() { Answer::Number(value) } else { Answer::NoData(no_data()) }
}

fn nothing(metric: &Metric, window: Window) -> String {
    format!(
        "Azure Monitor has no value of {} {} yet: its values come some minutes late, and where there are no requests there are none.",
        metric.name,
        window.shown()
    )
}

fn number(metric: &Metric, summary: &Summary, window: Window) -> Answer {
    match summary.value(&summary.minutes()) {
        Some(value) => finite(value, || nothing(metric, window)),
        None => Answer::NoData(nothing(metric, window)),
    }
}

fn ratio((metric, above): (&Metric, Summary), (by, below): (&Metric, Summary), window: Window) -> Answer {
    let minutes = above.minutes().union(&below.minutes()).copied().collect();
    let Some(divisor) = below.value(&minutes) else { return Answer::NoData(nothing(by, window)) };
    if divisor == 0.0 {
        let why = format!("{} is 0 {}, so there is nothing to divide by.", by.name, window.shown());
        return Answer::NoData(why);
    }
    match (above.value(&minutes), above) {
        (Some(value), _) => finite(value / divisor, || nothing(metric, window)),
        (None, Summary::Nothing { adds_up: true }) => Answer::Number(0.0),
        (None, _) => Answer::NoData(nothing(metric, window)),
    }
}

#[cfg(test)]
mod tests;
