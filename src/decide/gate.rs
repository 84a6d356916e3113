//! Gates: a metric of a version held against numbers, or against what a binding serves. Pure arithmetic; what it is about is
//! looked up in [`champions`].

pub mod champions;

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::api::{Better, Gate, GateReason, Lineage, MeasuredGate, PlaceGate, Scope};
use crate::azure::model::folded;

pub(in crate::decide) use champions::objects_of;
pub use champions::{Champion, Champions};

/// How many versions a sentence names.
const NAMED: usize = 3;

/// What a metric has to be.
#[derive(Debug, Clone, PartialEq)]
enum Bound {
    /// Between two numbers, of which one may be missing.
    Numbers { min: Option<Number>, max: Option<Number> },
    /// At least so much better than others.
    Others { better: Better, by: Number },
    /// The gate asks for something that this version of Bindery does not know.
    Unknown,
}

/// A number, as it was written.
#[derive(Debug, Clone, PartialEq)]
struct Number {
    written: String,
    value: f64,
}

impl Number {
    fn read(text: &str) -> Option<Self> {
        let value = text.trim().parse::<f64>().ok().filter(|value| value.is_finite())?;
        Some(Self { written: text.into(), value })
    }
}

/// A version that is measured.
#[derive(Debug, Clone, Copy)]
pub struct Measuring<'a> {
    /// `taxi:3`.
    pub title: &'a str,
    /// The id that deployments use; none before it is registered.
    pub asset_id: Option<&'a str>,
    /// Where it comes from, and so its metrics.
    pub lineage: Option<&'a Lineage>,
    /// When Azure made it; known of a version in a workspace, whose number can be made again.
    pub made: Option<Timestamp>,
    /// Why its metrics are not known, in sentences, where there is more to say than that they are not.
    pub because: Option<&'a str>,
}

/// What came of a gate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Measured {
    /// Whether the version passes.
    pub passed: bool,
    /// Why.
    pub reason: GateReason,
    /// The metric's value.
    pub value: Option<String>,
    /// What it has to be.
    pub bound: String,
    /// The same in a sentence, and what to do.
    pub message: String,
}

/// A gate, whoever sets it.
#[derive(Debug, Clone, PartialEq)]
pub struct Asked<'a> {
    metric: &'a str,
    bound: Bound,
}

impl<'a> From<&'a Gate> for Asked<'a> {
    fn from(gate: &'a Gate) -> Self {
        let compares = gate.against.is_some();
        let bound =
            bound(compares, gate.min.as_deref(), gate.max.as_deref(), gate.better, gate.by.as_deref());
        Self { metric: &gate.metric, bound }
    }
}

impl<'a> From<&'a PlaceGate> for Asked<'a> {
    fn from(gate: &'a PlaceGate) -> Self {
        let compares = gate.against.is_some();
        let bound =
            bound(compares, gate.min.as_deref(), gate.max.as_deref(), gate.better, gate.by.as_deref());
        Self { metric: &gate.metric, bound }
    }
}

fn bound(
    compares: bool,
    min: Option<&str>,
    max: Option<&str>,
    better: Option<Better>,
    by: Option<&str>,
) -> Bound {
    let number = |text: Option<&str>| text.map(|text| Number::read(text).ok_or(())).transpose();
    match (compares, better, number(min), number(max), number(Some(by.unwrap_or("0")))) {
        (true, Some(better), _, _, Ok(Some(by))) => Bound::Others { better, by },
        (false, _, Ok(min), Ok(max), _) if min.is_some() || max.is_some() => Bound::Numbers { min, max },
        _ => Bound::Unknown,
    }
}

impl Asked<'_> {
    /// Does the version pass? `before` is what came of the same gate the last time.
    pub fn measure(&self, of: Measuring<'_>, champions: &Champions, before: Option<&Measured>) -> Measured {
        let compares = matches!(self.bound, Bound::Others { .. });
        let serves = compares && champions.have_served(of);
        if let Some(stands) = before.filter(|it| serves && was_measured(it)) {
            return in_the_past(stands.clone(), of, champions);
        }
        let others = if compares { champions.others(of) } else { vec![] };
        let it = Measured {
            passed: false,
            reason: GateReason::NotMeasured,
            value: None,
            bound: self.in_words(champions.name(), &others),
            message: String::new(),
        };
        let said = |passed, reason, message: String| Measured { passed, reason, message, ..it.clone() };
        let (title, metric) = (of.title, self.metric);
        if self.bound == Bound::Unknown {
            let message =
                format!("This version of Bindery does not know what the gate holds {metric} against.");
            return said(false, GateReason::NotMeasured, message);
        }
        match champions {
            Champions::NoBinding(name) if compares => {
                let message = format!(
                    "There is no DeploymentBinding {name} in this namespace. Apply it, or name another in against.bindingRef."
                );
                return said(false, GateReason::NoBinding, message);
            }
            Champions::Unseen(name) if compares => {
                let message =
                    format!("What {name} serves is not known yet; the gate is measured when it is.");
                return said(false, GateReason::NotMeasured, message);
            }
            _ => {}
        }
        // What served before has no metric any more where its object is gone.
        if serves && (others.is_empty() || others.iter().any(|it| it.number(metric).is_none())) {
            return nobody_knows(it, champions);
        }
        let value = match self.value(of) {
            Ok(value) => value,
            Err((reason, value, message)) => return Measured { value, ..said(false, reason, message) },
        };
        let it = Measured { value: Some(value.written.clone()), ..it };
        let said = |passed, reason, message: String| Measured { passed, reason, message, ..it.clone() };
        if compares {
            let name = champions.name();
            if others.is_empty() {
                let message = format!("{name} serves nothing yet that {title} could be held against.");
                return said(true, GateReason::NoChampion, message);
            }
            // Under the number of what serves there are other files by now: what those measured nobody knows any more.
            let own = |it: &Champion| of.asset_id.is_some_and(|asset| folded(asset) == folded(&it.asset_id));
            let lacks = |it: &&Champion| it.number(metric).is_none() || own(it);
            let without: Vec<&Champion> = others.iter().copied().filter(lacks).collect();
            if !without.is_empty() {
                let message = format!(
                    "{} no metric {metric} that is a number, so {title} cannot be compared. A gate with min or max needs nothing to compare with.",
                    have(&without, name)
                );
                return said(false, GateReason::NoChampionMetric, message);
            }
        }
        let (least, most) = self.limits(&others);
        let low = least.as_ref().is_some_and(|least| value.value < least.value);
        let high = most.as_ref().is_some_and(|most| value.value > most.value);
        let reason = if low || high { GateReason::OutOfBound } else { GateReason::WithinBound };
        let has = if serves { "had" } else { "has" };
        let message = format!("{metric} is {}, and {has} to be {}.", value.written, it.bound);
        said(reason == GateReason::WithinBound, reason, message)
    }

    /// The metric of the version, or why there is none.
    fn value(&self, of: Measuring<'_>) -> Result<Number, (GateReason, Option<String>, String)> {
        let (metric, title) = (self.metric, of.title);
        let missing = |message| Err((GateReason::MetricMissing, None, message));
        let Some((lineage, job)) = of.lineage.and_then(|it| Some((it, it.job.as_deref()?))) else {
            let said = format!(
                "No training job of {title} is known, so neither is its {metric}. Register it from a job (spec.source.job)."
            );
            return missing(of.because.map_or(said, str::to_string));
        };
        if lineage.run.is_none() {
            let message = format!("The metrics of job {job} have not been read yet.");
            let message = of.because.map_or(message, str::to_string);
            return Err((GateReason::NotMeasured, None, message));
        }
        let Some(value) = lineage.metrics.get(metric) else {
            let cut = lineage.metric_count.filter(|_| lineage.absent_metrics.iter().all(|it| it != metric));
            return missing(match cut {
                None => format!(
                    "Job {job} has logged no metric {metric}. Log it in training, or name another metric."
                ),
                Some(count) => format!(
                    "Job {job} has logged {count} metrics, and {metric} is not among the {} that are kept. The ModelVersion that was registered from the job keeps the metrics that gates ask for; it is missing, or gates ask for more than it can keep.",
                    lineage.metrics.len()
                ),
            });
        };
        Number::read(value).ok_or_else(|| {
            let message = format!("{metric} is {value}, which is no number.");
            (GateReason::NotANumber, Some(value.clone()), message)
        })
    }

    /// The least and the most that the metric may be.
    fn limits(&self, others: &[&Champion]) -> (Option<Number>, Option<Number>) {
        let (better, by) = match &self.bound {
            Bound::Numbers { min, max } => return (min.clone(), max.clone()),
            Bound::Unknown => return (None, None),
            Bound::Others { better, by } => (better, by),
        };
        let Some((best, _)) = self.best(others) else { return (None, None) };
        if by.value == 0.0 {
            return if *better == Better::Lower { (None, Some(best)) } else { (Some(best), None) };
        }
        let limit = |value: f64| {
            // What people write in decimals they mean in decimals: 3.2 less 0.1 is 3.1.
            let rounded = format!("{value:.12}").parse().unwrap_or(value);
            Some(Number { written: format!("{rounded}"), value: rounded })
        };
        match better {
            Better::Lower => (None, limit(best.value - by.value)),
            Better::Higher => (limit(best.value + by.value), None),
        }
    }

    /// The best metric among the others, and whose it is.
    fn best<'c>(&self, others: &[&'c Champion]) -> Option<(Number, &'c Champion)> {
        let Bound::Others { better, .. } = &self.bound else { return None };
        let numbers = others.iter().filter_map(|it| Some((it.number(self.metric)?, *it)));
        numbers.reduce(|best, it| {
            let wins = match better {
                Better::Lower => it.0.value < best.0.value,
                Better::Higher => it.0.value > best.0.value,
            };
            if wins { it } else { best }
        })
    }

    /// What the metric has to be, such as `at most 4.0`; `name` is whoever serves the others.
    fn in_words(&self, name: &str, others: &[&Champion]) -> String {
        let (least, most) = self.limits(others);
        let numbers = [("at least", &least), ("at most", &most)];
        let numbers =
            numbers.iter().filter_map(|(word, it)| Some(format!("{word} {}", it.as_ref()?.written)));
        let numbers = numbers.collect::<Vec<_>>().join(" and ");
        let Bound::Others { better, by } = &self.bound else { return numbers };
        let Some((best, of)) = self.best(others) else {
            let better = if *better == Better::Lower { "lower" } else { "higher" };
            return if by.value == 0.0 {
                format!("no worse than what {name} serves, where {better} is better")
            } else {
                format!("at least {} {better} than what {name} serves", by.written)
            };
        };
        let margin =
            if by.value == 0.0 { String::new() } else { format!(", and the margin is {}", by.written) };
        format!("{numbers} ({} has {}{margin})", of.title(name), best.written)
    }
}

/// Was the metric held against something?
fn was_measured(it: &Measured) -> bool {
    !matches!(it.reason, GateReason::NotMeasured | GateReason::NoBinding | GateReason::Serves)
}

/// The last result of a version that serves by now, or has served.
fn in_the_past(it: Measured, of: Measuring<'_>, champions: &Champions) -> Measured {
    if it.reason != GateReason::NoChampion {
        return it;
    }
    let (name, title) = (champions.name(), of.title);
    let message = format!("{name} served nothing yet that {title} could have been held against.");
    Measured { message, ..it }
}

/// The version serves, or has served, and nothing tells what it was held against when it came.
fn nobody_knows(it: Measured, champions: &Champions) -> Measured {
    let name = champions.name();
    let message = format!(
        "{name} serves this version, or has served it, so the gate does not measure it now. No result from before that is known: the gate was added later, or its result is lost."
    );
    let bound = format!("no worse than what {name} served when the version came");
    Measured { passed: true, reason: GateReason::Serves, message, bound, ..it }
}

/// What a gate of a version asks, in words that stay the same whatever serves.
pub fn in_words(gate: &Gate) -> String {
    let name = gate.against.as_ref().map(|against| {
        let each = if against.scope == Some(Scope::History) { "each version of " } else { "" };
        format!("{each}DeploymentBinding {}", against.binding_ref.name)
    });
    format!("{} {}", gate.metric, Asked::from(gate).in_words(&name.unwrap_or_default(), &[]))
}

/// Does the gate let something pass now that it did not before? `now` is none where the gate was removed.
pub fn is_looser(before: &Gate, now: Option<&Gate>) -> bool {
    let Some(now) = now else { return true };
    let number = |text: &Option<String>| text.as_deref().and_then(Number::read).map(|it| it.value);
    let at_least = |before: Option<f64>, now: Option<f64>| before.is_none_or(|b| now.is_some_and(|n| n >= b));
    let at_most = |before: Option<f64>, now: Option<f64>| before.is_none_or(|b| now.is_some_and(|n| n <= b));
    let margin = |gate: &Gate| number(&gate.by).unwrap_or_default();
    let same_others = match (&before.against, &now.against) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(b), Some(n)) => {
            b.binding_ref == n.binding_ref
                && n.scope.unwrap_or_default() >= b.scope.unwrap_or_default()
                && before.better == now.better
                && margin(now) >= margin(before)
        }
    };
    before.metric != now.metric
        || !at_least(number(&before.min), number(&now.min))
        || !at_most(number(&before.max), number(&now.max))
        || !same_others
}

impl Measured {
    /// For the status of a version.
    pub fn of(self, gate: &Gate) -> MeasuredGate {
        let Self { passed, reason, value, bound, message } = self;
        MeasuredGate { name: gate.name.clone(), passed, reason, value, bound, message, asked: gate.clone() }
    }
}

impl From<&MeasuredGate> for Measured {
    fn from(it: &MeasuredGate) -> Self {
        Self {
            passed: it.passed,
            reason: it.reason,
            value: it.value.clone(),
            bound: it.bound.clone(),
            message: it.message.clone(),
        }
    }
}

impl Champion {
    fn number(&self, metric: &str) -> Option<Number> {
        Number::read(self.metrics.as_ref()?.get(metric)?)
    }

    /// `taxi:2, which DeploymentBinding taxi serves,`.
    fn title(&self, by: &str) -> String {
        let serves = if self.stable { "serves" } else { "has served" };
        format!("{}, which {by} {serves},", self.name())
    }
}

fn have(all: &[&Champion], by: &str) -> String {
    let [one] = all else {
        let more = if all.len() > NAMED { " and others" } else { "" };
        let named: Vec<String> = all.iter().take(NAMED).map(|it| it.name()).collect();
        return format!("{}{more}, which {by} serves or has served, have", named.join(", "));
    };
    format!("{} has", one.title(by))
}

/// The metrics of a run, as a status holds them.
pub type Metrics = BTreeMap<String, String>;

#[cfg(test)]
mod tests;
