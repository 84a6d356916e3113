//! Analysis: how a candidate is measured during a rollout, and what was measured.

use std::time::Duration;

use jiff::Timestamp;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::scalar::between;
use super::{Better, Period, Reference, form};

/// A step that measures the candidate.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[x_kube(
    validation = between("__for__", "1s", "720h"),
    validation = Rule::new("!has(self.background) || !self.background || !has(self.__for__)").message("for says how long a rollout stays at the step, and with background: true it stays nowhere: give one of them")
)]
pub struct Analysis {
    /// The names of the metrics in `spec.strategy.metrics` that are measured, 1 to 10.
    #[schemars(schema_with = "form::metrics_of_a_step", length(min = 1))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub metrics: Vec<String>,
    /// How long the rollout stays at this step while the metrics are measured: `1s` to `720h`. It goes on when the time is over and each metric has been measured well at least once. Without it, the rollout goes on as soon as each metric has been measured `count` times, and well at least once.
    #[serde(default, rename = "for", skip_serializing_if = "Option::is_none")]
    pub period: Option<Period>,
    /// Measure from this step on until the end of the rollout, while the rollout goes on with the steps that follow. Default: false.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub background: bool,
}

impl Analysis {
    /// How long the rollout stays at the step.
    pub fn duration(&self) -> Option<Duration> {
        self.period.as_ref().map(Period::duration)
    }
}

/// How a candidate is measured: what is asked of whom, what is good enough, and how often. The words are those of Argo Rollouts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("[has(self.smokeTest), has(self.azureMonitor), has(self.prometheus)].filter(given, given).size() == 1").message("give exactly one of smokeTest, azureMonitor and prometheus"),
    validation = Rule::new("has(self.smokeTest) || has(self.min) || has(self.max) || has(self.against)").message("give min, max or against: what the number has to be"),
    validation = Rule::new("!has(self.smokeTest) || !(has(self.min) || has(self.max) || has(self.against))").message("a smokeTest has its own expectations: min, max and against are for azureMonitor and prometheus"),
    validation = Rule::new("!has(self.prometheus) || !has(self.against) || self.prometheus.query.matches('\\\\{\\\\{ ?deployment ?\\\\}\\\\}')").message("against asks once for each of the two deployments: write {{ deployment }} where the query names it"),
    validation = Rule::new("has(self.better) == has(self.against)").message("better says whether a lower or a higher number is better: give it with against, and only there"),
    validation = Rule::new("!has(self.tolerance) || has(self.against)").message("tolerance is how much worse than the stable deployment the candidate may be: give it only with against"),
    validation = between("interval", "10s", "24h"),
    validation = between("initialDelay", "0s", "24h")
)]
pub struct Metric {
    /// A name of this metric, by which steps name it: up to 63 lower-case letters, digits and dashes, such as `errors`.
    #[schemars(schema_with = "form::entry_name")]
    pub name: String,
    /// Requests to the candidate alone, whatever its share of the traffic is, and what has to come back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub smoke_test: Option<SmokeTest>,
    /// A number from Azure Monitor: a metric of the endpoint or of the deployment, or the ratio of two.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub azure_monitor: Option<AzureMonitor>,
    /// A number from a Prometheus that an administrator has named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prometheus: Option<PrometheusQuery>,
    /// The least that the number may be: a decimal number in quotes, such as `"0.9"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "form::decimal")]
    pub min: Option<String>,
    /// The most that the number may be: a decimal number in quotes, such as `"0.01"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "form::decimal")]
    pub max: Option<String>,
    /// Stable: besides, the number is held against that of the stable deployment in the same time. Where there is no number for the stable deployment, the measurement is inconclusive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub against: Option<Comparison>,
    /// With `against`: whether a Lower or a Higher number is better.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub better: Option<Better>,
    /// With `against`: how much worse than the stable deployment the candidate may be, a decimal number in quotes, in the metric's own unit, such as `"0.05"`. Default: `"0"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "form::margin")]
    pub tolerance: Option<String>,
    /// The time from one measurement to the next, `10s` to `24h`; for azureMonitor also the time that one measurement looks at, in whole minutes, and for prometheus what `{{ interval }}` stands for. Default: `1m`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<Period>,
    /// The time from the beginning of the step to the first measurement, at most `24h`. Azure Monitor is asked later than that by the time that a measurement looks at and 3 minutes, because Azure tells its numbers late; and a Prometheus whose query has `{{ interval }}`, later by one interval. Default: `0s`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initial_delay: Option<Period>,
    /// How many measurements are made, 1 to 1000; those that were errors do not count, and without a good one more are made. Default: 1, and in a step with `for` or `background` as many as there is time for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1000))]
    pub count: Option<i32>,
    /// How many measurements may fail: one more, and the candidate has failed. Default: 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1000))]
    pub failure_limit: Option<i32>,
    /// How many measurements may be inconclusive, because there was no number: one more, and `onInconclusive` says what happens. Default: 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1000))]
    pub inconclusive_limit: Option<i32>,
    /// How many measurements in a row may be errors, because nobody could measure: one more, and the candidate has failed. Default: 4.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1000))]
    pub consecutive_error_limit: Option<i32>,
    /// Measure and show, and let nothing follow from it. Default: false.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dry_run: bool,
}

/// What a candidate's number is held against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Comparison {
    /// The stable deployment.
    Stable,
}

/// Requests to the candidate alone, and what has to come back. All of them are made for one measurement; it fails if one of them does.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
pub struct SmokeTest {
    /// The requests of which one measurement consists, 1 to 10.
    #[schemars(length(min = 1, max = 10))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub cases: Vec<SmokeCase>,
}

/// One request to the candidate, and what has to come back.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = between("maxLatency", "1s", "60s"))]
pub struct SmokeCase {
    /// A name of this request: up to 63 lower-case letters, digits and dashes, such as `short-trip`.
    #[schemars(schema_with = "form::entry_name")]
    pub name: String,
    /// The body of the request, which is sent as JSON.
    pub request: SmokeRequest,
    /// The HTTP status that has to come back, 100 to 599. Azure answers 424 where the model has failed. Default: 200.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 100, max = 599))]
    pub expect_status: Option<i32>,
    /// What has to be true of the answer: a CEL expression of at most 1024 characters over `status` (a whole number), `latency` (seconds, a number with a fraction) and `body` (the answer, read as JSON), such as `body.predictions[0] > 0.0 && latency < 0.5`. A body that is no JSON fails it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "form::expression")]
    pub expect: Option<String>,
    /// How long the whole answer may take, `1s` to `60s`. Default: `10s`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_latency: Option<Period>,
}

/// The body of a request.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SmokeRequest {
    /// The key of a ConfigMap in the namespace of the binding.
    pub config_map_key_ref: KeyOfConfigMap,
}

/// A key of a ConfigMap.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-kubernetes-map-type" = "atomic"))]
pub struct KeyOfConfigMap {
    /// The name of the ConfigMap, such as `taxi-fare-smoke`.
    #[schemars(schema_with = "form::object_name")]
    pub name: String,
    /// The key of its data that holds the body, such as `short-trip.json`.
    #[schemars(schema_with = "form::data_key")]
    pub key: String,
}

/// A number from a Prometheus that an administrator has named.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PrometheusQuery {
    /// The MetricProvider that is asked. It has to allow the namespace of this object.
    pub provider_ref: Reference,
    /// A PromQL expression that gives one number, up to 4096 characters. In it, `{{ deployment }}` stands for the name of the deployment that is measured, `{{ endpoint }}` for the name of the endpoint and `{{ interval }}` for the metric's interval, such as `60s`: `sum(rate(model_errors_total{deployment="{{ deployment }}"}[{{ interval }}]))`. No series is inconclusive; several series, a range or NaN are errors. Put `or vector(0)` behind a sum where no series means zero.
    #[schemars(schema_with = "form::prometheus_query")]
    pub query: String,
}

/// The placeholder of a query that stands for the interval of its metric.
pub const INTERVAL: &str = "interval";

impl PrometheusQuery {
    /// Does the query have this placeholder?
    pub fn has(&self, name: &str) -> bool {
        placeholders(name).iter().any(|it| self.query.contains(it))
    }

    /// The query with these values for its placeholders.
    pub fn filled(&self, values: &[(&str, &str)]) -> String {
        let fill = |text: String, (name, value): &(&str, &str)| {
            placeholders(name).iter().fold(text, |text, it| text.replace(it, value))
        };
        values.iter().fold(self.query.clone(), fill)
    }
}

/// How a placeholder is written.
fn placeholders(name: &str) -> [String; 2] {
    [format!("{{{{ {name} }}}}"), format!("{{{{{name}}}}}")]
}

/// A number from Azure Monitor: a metric of the endpoint or of the deployment, or the ratio of two.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct AzureMonitor {
    /// The name of the metric, as Azure has it, such as `RequestLatency_P95` or `RequestsPerMinute`.
    #[schemars(schema_with = "form::azure_metric")]
    pub metric: String,
    /// What is taken of each minute: Average (default), Minimum, Maximum, Total or Count. The minutes are put together in the same way; numbers of requests are added up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aggregation: Option<Aggregation>,
    /// Whose metric it is. Endpoint (default): the endpoint's, of which the part of the candidate is taken (`deployment`). Deployment: the deployment's own, such as `CpuUtilizationPercentage`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<MetricOf>,
    /// What else is asked of the metric's dimensions, at most 5, such as `{dimension: statusCodeClass, values: [5xx]}`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 5))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["dimension".into()]))]
    pub filter: Vec<Dimension>,
    /// Divide by this metric, of the same resource and in the same time: failed requests by all requests, for example. Where that is zero, the measurement is inconclusive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub divided_by: Option<Divisor>,
}

/// The metric that another one is divided by.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Divisor {
    /// The name of the metric, as Azure has it, such as `RequestsPerMinute`.
    #[schemars(schema_with = "form::azure_metric")]
    pub metric: String,
    /// What is taken of each minute: Average (default), Minimum, Maximum, Total or Count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aggregation: Option<Aggregation>,
    /// What else is asked of the metric's dimensions, at most 5.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 5))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["dimension".into()]))]
    pub filter: Vec<Dimension>,
}

/// What is taken of each minute.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Aggregation {
    #[default]
    Average,
    Minimum,
    Maximum,
    Total,
    Count,
}

/// Whose metric it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum MetricOf {
    #[default]
    Endpoint,
    Deployment,
}

/// The values of a dimension that count.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[x_kube(validation = Rule::new("self.dimension.lowerAscii() != 'deployment'").message("the candidate's deployment is asked for by Bindery: leave the dimension deployment out"))]
pub struct Dimension {
    /// The name of the dimension, such as `statusCodeClass` or `modelStatusCode`.
    #[schemars(schema_with = "form::azure_metric")]
    pub dimension: String,
    /// The values that count, 1 to 10, such as `5xx`.
    #[schemars(schema_with = "form::dimension_values", length(min = 1))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub values: Vec<String>,
}

/// What happens when there were more inconclusive measurements than `inconclusiveLimit` allows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum OnInconclusive {
    #[default]
    Pause,
    Abort,
}

/// How a metric does at a step of the rollout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MetricRun {
    /// The name of the step at which it is measured, as in `spec.strategy.steps`.
    #[schemars(length(max = 63))]
    pub step: String,
    /// The name of the metric, as in `spec.strategy.metrics`.
    #[schemars(length(max = 63))]
    pub metric: String,
    /// `Running`: more measurements follow. `Successful`: it was measured as the step asks, and well. `Failed`: more measurements have failed than may. `Inconclusive`: more measurements were without a number than may be. `Error`: nobody could measure, too often in a row.
    pub phase: RunPhase,
    /// When the rollout began to measure it at this step, or, where the binding was suspended since, to measure it anew.
    pub since: Timestamp,
    /// How many measurements were good.
    #[schemars(range(min = 0))]
    pub successful: i32,
    /// How many measurements were not good enough.
    #[schemars(range(min = 0))]
    pub failed: i32,
    /// How many measurements gave no number.
    #[schemars(range(min = 0))]
    pub inconclusive: i32,
    /// How many of the last measurements, in a row, were errors.
    #[schemars(range(min = 0))]
    pub consecutive_errors: i32,
    /// When it was measured last; absent before the first measurement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_at: Option<Timestamp>,
    /// What the last measurement came to, in a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512))]
    pub message: Option<String>,
    /// It is a rehearsal: it is measured and shown, and nothing follows from it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dry_run: bool,
}

/// How a metric does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum RunPhase {
    Running,
    Successful,
    Failed,
    Inconclusive,
    Error,
}

/// One measurement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Measurement {
    /// The name of the step at which it is measured, as in `spec.strategy.steps`.
    #[schemars(length(max = 63))]
    pub step: String,
    /// The name of the metric, as in `spec.strategy.metrics`.
    #[schemars(length(max = 63))]
    pub metric: String,
    /// When the measurement was made, or its answer came.
    pub at: Timestamp,
    /// `Successful`: good enough. `Failed`: not good enough. `Inconclusive`: there was no number. `Error`: nobody could measure.
    pub result: MeasurementResult,
    /// The candidate's number; absent where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    pub value: Option<String>,
    /// The stable deployment's number, where it was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    pub stable: Option<String>,
    /// What was measured and why it counted as it did, in a sentence.
    #[schemars(length(max = 512))]
    pub message: String,
}

/// What a measurement came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum MeasurementResult {
    Successful,
    Failed,
    Inconclusive,
    Error,
}
