//! Gates: what has to be true of a metric of a version.

use jiff::Timestamp;
use kube::KubeSchema;
use kube::core::Rule;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::form::{self, DECIMAL, matches};

/// The rule, in CEL, that a gate has a bound: numbers, or something that it is held against.
fn one_bound() -> Rule {
    Rule::new("has(self.against) != (has(self.min) || has(self.max))")
        .message("give min, max or both, or against: what the metric is held against")
}

/// The rule, in CEL, that `better` stands where something is compared, and nowhere else.
fn says_what_is_better() -> Rule {
    Rule::new("has(self.better) == has(self.against)").message(
        "better says whether a lower or a higher metric is better: give it with against, and only there",
    )
}

/// The rule, in CEL, that a margin stands where something is compared.
fn margin_of_a_comparison() -> Rule {
    Rule::new("!has(self.by) || has(self.against)")
        .message("by is a margin over what the metric is held against: give it only with against")
}

/// The rule, in CEL, that two bounds leave something between them.
fn in_order() -> Rule {
    // What is no number is refused by its own form, and would only break the conversion here.
    let other = format!("!{} || !{}", matches("self.min", DECIMAL), matches("self.max", DECIMAL));
    Rule::new(format!("!has(self.min) || !has(self.max) || {other} || double(self.min) <= double(self.max)"))
        .message("min must not be more than max")
}

/// A metric of a version, and what it has to be: between bounds, or as good as what a DeploymentBinding serves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = one_bound(), validation = says_what_is_better(), validation = margin_of_a_comparison(), validation = in_order())]
pub struct Gate {
    /// A name of this gate, by which a Workspace's policy requires it: up to 63 lower-case letters, digits and dashes, such as `rmse-bound`.
    #[schemars(schema_with = "form::entry_name")]
    pub name: String,
    /// The name of the metric, as the training run logged it, such as `rmse`. A flag that a pipeline logs is a metric too: `min: "1"`.
    #[schemars(schema_with = "form::metric_name")]
    pub metric: String,
    /// The least that the metric may be: a decimal number in quotes, such as `"0.9"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "form::decimal")]
    pub min: Option<String>,
    /// The most that the metric may be: a decimal number in quotes, such as `"4.0"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "form::decimal")]
    pub max: Option<String>,
    /// What the metric is held against instead of min and max. Measured again when that changes, until the version serves there: a version is never held against itself. While nothing serves there yet, the gate passes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub against: Option<Against>,
    /// With `against`: whether a Lower or a Higher metric is better.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub better: Option<Better>,
    /// With `against`: by how much the metric has to be better, a decimal number in quotes, in the metric's own unit, such as `"0.1"`. Default: `"0"`, so as good is enough.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "form::margin")]
    pub by: Option<String>,
}

/// What a gate of a version is held against.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Against {
    /// The DeploymentBinding, of the version's own namespace, whose version is the one to beat.
    pub binding_ref: OwnReference,
    /// Stable (default): the version that the DeploymentBinding serves now, as its stable one. History: besides, each one that it has served, as far as its `status.history` goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<Scope>,
}

/// Another object of group `bindery.dev` in the same namespace.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-kubernetes-map-type" = "atomic"))]
pub struct OwnReference {
    /// The name of the object that is referred to, such as `taxi-fare`: its metadata.name. It is in the same namespace.
    #[schemars(schema_with = "form::object_name")]
    pub name: String,
}

/// Which of the versions that a DeploymentBinding serves or has served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize, JsonSchema)]
pub enum Scope {
    #[default]
    Stable,
    History,
}

/// Which metric is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Better {
    Lower,
    Higher,
}

/// Gates of a place.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.require) || has(self.define)").message("give require, define or both"))]
pub struct GatePolicy {
    /// The names of gates that a version must have in its own `spec.gates`, and pass, such as `rmse-bound`. That proves that the team has set itself a gate of this name, and not what its bound is: for a bound that a team cannot choose, use `define`. Where `define` has a gate of the same name, that one alone counts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "form::gate_names", length(min = 1))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub require: Vec<String>,
    /// Gates of the workspace itself, at most 20, which every version has to pass to serve here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1, max = 20))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub define: Vec<PlaceGate>,
}

/// A metric of a version, and what it has to be to serve in a workspace: between bounds, or as good as what the DeploymentBinding serves now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = one_bound(), validation = says_what_is_better(), validation = margin_of_a_comparison(), validation = in_order())]
pub struct PlaceGate {
    /// A name of this gate: up to 63 lower-case letters, digits and dashes, such as `rmse-bound`.
    #[schemars(schema_with = "form::entry_name")]
    pub name: String,
    /// The name of the metric, as the training run logged it, such as `rmse`.
    #[schemars(schema_with = "form::metric_name")]
    pub metric: String,
    /// The least that the metric may be: a decimal number in quotes, such as `"0.9"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "form::decimal")]
    pub min: Option<String>,
    /// The most that the metric may be: a decimal number in quotes, such as `"4.0"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "form::decimal")]
    pub max: Option<String>,
    /// What the metric is held against instead of min and max: what the DeploymentBinding serves now. While that serves nothing yet, the gate passes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub against: Option<AgainstServed>,
    /// With `against`: whether a Lower or a Higher metric is better.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub better: Option<Better>,
    /// With `against`: by how much the metric has to be better, a decimal number in quotes, in the metric's own unit, such as `"0.1"`. Default: `"0"`, so as good is enough.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "form::margin")]
    pub by: Option<String>,
}

/// What a gate of a place is held against.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AgainstServed {
    /// Stable: the version that the DeploymentBinding serves now, as its stable one. History: besides, each one that it has served, as far as its `status.history` goes.
    pub scope: Scope,
}

/// A gate of a version, measured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MeasuredGate {
    /// The name of the gate, as in `spec.gates`.
    #[schemars(length(max = 63))]
    pub name: String,
    /// Whether the version passes the gate.
    pub passed: bool,
    /// Why, in a word. `WithinBound`: the metric is as the gate asks. `OutOfBound`: it is not. `MetricMissing`: the training run has no such metric, or no training run is known. `NotANumber`: the metric is no number. `NotMeasured`: the metric, or what it is held against, could not be looked at yet. `NoChampion`: nothing serves there yet, so the gate passes. `NoChampionMetric`: what serves there has no such metric, so nothing can be compared. `NoBinding`: there is no such DeploymentBinding. `Serves`: the version serves there, or has served, and no result from before that is known: the gate was added later, or its result is lost.
    pub reason: GateReason,
    /// The metric's value, as the training run logged it; absent where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub value: Option<String>,
    /// What the metric has to be, such as `at most 4.0`; for a comparison also what that follows from.
    #[schemars(length(max = 1024))]
    pub bound: String,
    /// The same in a sentence, and what to do where the version does not pass.
    pub message: String,
    /// The gate as it was measured: by it Bindery notices that a gate was loosened.
    pub asked: Gate,
}

/// Why a version passes a gate, or does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum GateReason {
    WithinBound,
    OutOfBound,
    MetricMissing,
    NotANumber,
    NotMeasured,
    NoChampion,
    NoChampionMetric,
    NoBinding,
    Serves,
}

/// A gate that asks less than it did when the version was registered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LoosenedGate {
    /// The name of the gate, as in `spec.gates`.
    #[schemars(length(max = 63))]
    pub name: String,
    /// What it asked before, such as `rmse at most 4.0`.
    #[schemars(length(max = 1024))]
    pub was: String,
    /// What it asks since then; absent where the gate was removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub now: Option<String>,
    /// When Bindery noticed the change of the manifest.
    pub at: Timestamp,
}
