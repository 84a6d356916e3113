//! Two versions side by side: what differs first.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::inventory::decision;
use super::names::{Name, place_of, source_of};
use super::render::table::{Cell, Column, Shown, Table, Tone};
use super::seen::Readiness;
use crate::api::{Lineage, MeasuredGate, ModelVersion, Object};

/// The answer.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Comparison {
    kind: &'static str,
    a: Name,
    b: Name,
    /// What differs, and after it what is the same.
    fields: Vec<Field>,
}

/// One thing that both versions have, or one of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Field {
    /// What it is, such as `metrics`, `data` or `code`.
    pub section: &'static str,
    /// Its name, such as `rmse`.
    pub name: String,
    /// Of the first version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub a: Option<String>,
    /// Of the second version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub b: Option<String>,
    /// They are different.
    pub differs: bool,
    /// The second number less the first, where both are numbers that differ.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub change: Option<String>,
}

impl Comparison {
    /// Of two versions.
    pub fn of(a: &ModelVersion, b: &ModelVersion) -> Self {
        let (left, right) = (facts(a), facts(b));
        let keys: BTreeSet<_> = left.keys().chain(right.keys()).collect();
        let field = |key: &(Section, String)| {
            let (a, b) = (left.get(key).cloned(), right.get(key).cloned());
            let change = change(a.as_deref(), b.as_deref()).filter(|_| key.0 == Section::Metrics);
            Field { section: key.0.word(), name: key.1.clone(), differs: a != b, a, b, change }
        };
        let (differs, same): (Vec<Field>, Vec<Field>) =
            keys.into_iter().map(field).partition(|field| field.differs);
        let fields = differs.into_iter().chain(same).collect();
        Self { kind: "Comparison", a: Name::from(&a.key()), b: Name::from(&b.key()), fields }
    }

    /// A title for a page.
    pub fn title(&self) -> String {
        format!("{} and {}", self.a.full(), self.b.full())
    }

    /// As a table. What differs is marked.
    pub fn table(&self) -> Table {
        let columns = ["differs", "section", "name", "a", "b", "change"];
        let row = |field: &Field| {
            let side = |text: &Option<String>| {
                let tone = if field.differs { Tone::Unsure } else { Tone::Plain };
                Cell::from(text.clone().unwrap_or_default()).toned(tone)
            };
            vec![
                if field.differs { "yes" } else { "no" }.into(),
                field.section.into(),
                field.name.as_str().into(),
                side(&field.a),
                side(&field.b),
                field.change.clone().unwrap_or_default().into(),
            ]
        };
        Table {
            columns: columns.map(|name| Column { name, shown: Shown::Always }).to_vec(),
            rows: self.fields.iter().map(row).collect(),
        }
    }
}

/// What is compared, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Section {
    Version,
    Metrics,
    Gates,
    Approvals,
    Parameters,
    Data,
    Environment,
    Code,
    Training,
    Ready,
    Serving,
    Owner,
    Tags,
    Properties,
}

impl Section {
    fn word(self) -> &'static str {
        match self {
            Self::Version => "version",
            Self::Metrics => "metrics",
            Self::Gates => "gates",
            Self::Approvals => "approvals",
            Self::Parameters => "parameters",
            Self::Data => "data",
            Self::Environment => "environment",
            Self::Code => "code",
            Self::Training => "training",
            Self::Ready => "conditions",
            Self::Serving => "serving",
            Self::Owner => "owner",
            Self::Tags => "tags",
            Self::Properties => "properties",
        }
    }
}

type Facts = BTreeMap<(Section, String), String>;

fn facts(version: &ModelVersion) -> Facts {
    let mut facts = Facts::new();
    let mut add = |section, name: &str, text: Option<String>| {
        facts.extend(text.map(|text| ((section, name.to_string()), text)));
    };
    let (spec, status) = (&version.spec, version.status.as_ref());
    let named = |key: Option<_>| key.map(|key| Name::from(&key).to_string());
    add(Section::Version, "model", Some(spec.model.clone()));
    add(Section::Version, "version", Some(spec.version.clone()));
    add(Section::Version, "place", named(place_of(version)));
    add(Section::Version, "source", named(source_of(version)));
    let kind = status.and_then(|status| status.kind).or(spec.kind);
    add(Section::Version, "type", kind.map(|kind| format!("{kind:?}")));
    let stage = status.and_then(|status| status.stage.clone());
    add(Section::Version, "stage", stage.or_else(|| spec.stage.clone()));
    add(Section::Version, "bytes", status.and_then(|status| status.size).map(|size| size.to_string()));
    let archived = spec.archived == Some(true) || status.is_some_and(|status| status.archived);
    add(Section::Version, "archived", Some(archived.to_string()));
    let retirement = spec.retirement.as_ref();
    add(Section::Version, "retirement", retirement.map(|it| format!("{} {:?}", it.at, it.action)));
    let owner = spec.owner.clone().unwrap_or_default();
    add(Section::Owner, "team", owner.team);
    add(Section::Owner, "contact", owner.contact);
    add(Section::Owner, "costCenter", owner.cost_center);
    for (section, tags) in [(Section::Tags, &spec.tags), (Section::Properties, &spec.properties)] {
        for (key, value) in tags.iter() {
            add(section, key, Some(value.clone()));
        }
    }
    for condition in version.conditions() {
        add(Section::Ready, &condition.type_, Some(format!("{} ({})", condition.status, condition.reason)));
    }
    if version.conditions().is_empty() {
        add(Section::Ready, "Ready", Some(Readiness::of(&[]).status));
    }
    for by in status.map(|status| status.served_by.as_slice()).unwrap_or_default() {
        let name = format!("{}/{} {}", by.namespace, by.name, by.endpoint);
        add(Section::Serving, &name, Some(format!("{:?}", by.role)));
    }
    for gate in status.map(|status| status.gates.as_slice()).unwrap_or_default() {
        add(Section::Gates, &gate.name, Some(measured(gate)));
    }
    for approval in status.map(|status| status.approvals.as_slice()).unwrap_or_default() {
        add(
            Section::Approvals,
            &format!("{}/{}", approval.namespace, approval.name),
            Some(decision(approval)),
        );
    }
    if let Some(lineage) = status.and_then(|status| status.lineage.as_ref()) {
        trained(lineage, &mut add);
    }
    facts
}

/// `passed (WithinBound): rmse 3.7, has to be at most 4.0`.
fn measured(gate: &MeasuredGate) -> String {
    let passed = if gate.passed { "passed" } else { "not passed" };
    let (metric, value) = (&gate.asked.metric, gate.value.as_deref().unwrap_or("unknown"));
    format!("{passed} ({:?}): {metric} {value}, has to be {}", gate.reason, gate.bound)
}

fn trained(lineage: &Lineage, add: &mut impl FnMut(Section, &str, Option<String>)) {
    for (name, value) in &lineage.metrics {
        add(Section::Metrics, name, Some(value.clone()));
    }
    for (name, value) in &lineage.parameters {
        add(Section::Parameters, name, Some(value.clone()));
    }
    for dataset in &lineage.datasets {
        // A pipeline and its step may have inputs of one name.
        let of = if dataset.pipeline.is_some() { " (of the pipeline)" } else { "" };
        add(Section::Data, &format!("{}{of}", dataset.name), Some(dataset.uri.clone()));
    }
    add(Section::Environment, "environment", lineage.environment.clone());
    if let Some(code) = &lineage.code {
        add(Section::Code, "repository", code.repository.clone());
        add(Section::Code, "commit", code.commit.clone());
        add(Section::Code, "dirty", code.dirty.map(|dirty| dirty.to_string()));
    }
    add(Section::Training, "job", lineage.job.clone());
    add(Section::Training, "experiment", lineage.experiment.clone());
    add(Section::Training, "run", lineage.run.clone());
    add(Section::Training, "by", lineage.trained_by.clone());
    add(Section::Training, "at", lineage.trained_at.map(|at| at.to_string()));
    let pipelines = (!lineage.pipelines.is_empty()).then(|| lineage.pipelines.join(", "));
    add(Section::Training, "pipelines", pipelines);
    add(Section::Training, "verified", Some(lineage.verified.to_string()));
}

/// The second number less the first, with its sign, and no more digits than the numbers have.
fn change(a: Option<&str>, b: Option<&str>) -> Option<String> {
    let (a, b) = (a?, b?);
    let (from, to): (f64, f64) = (a.parse().ok()?, b.parse().ok()?);
    let digits = |text: &str| text.split_once('.').map_or(0, |(_, digits)| digits.len());
    let exponent = |text: &str| text.contains(['e', 'E']);
    if !(from.is_finite() && to.is_finite()) || to - from == 0.0 {
        return None;
    }
    if exponent(a) || exponent(b) {
        return Some(format!("{:+e}", to - from));
    }
    Some(format!("{:+.*}", digits(a).max(digits(b)), to - from))
}

#[cfg(test)]
mod tests;
