use std::time::Duration;

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use crate::api::scalar::between;
use crate::api::{Analysis, Metric, OnInconclusive, Period, Window, form};

/// How a new version takes over from the one that serves. Default: at once, when its deployment is ready.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("!has(self.steps) || self.steps.filter(s, has(s.setTraffic)).all(s, self.steps.filter(t, has(t.setTraffic) && t.setTraffic == s.setTraffic).size() == 1)").message("each setTraffic of steps must have another weight: put the pauses of one weight together"),
    validation = Rule::new("!has(self.steps) || self.steps.filter(s, has(s.setTraffic)).map(s, s.setTraffic).isSorted()").message("the weights of setTraffic must rise from step to step"),
    validation = Rule::new("!has(self.steps) || self.steps.filter(s, has(s.mirror)).map(s, s.mirror).isSorted() && self.steps.filter(s, has(s.mirror)).all(s, self.steps.filter(t, has(t.mirror) && t.mirror == s.mirror).size() == 1)").message("the shares of mirror must rise from step to step"),
    validation = Rule::new("!has(self.steps) || self.steps.map(s, has(s.setTraffic) ? 2 : has(s.mirror) ? 1 : 0).filter(kind, kind > 0).isSorted()").message("mirror comes before the first setTraffic: Azure copies no requests to a deployment that has traffic"),
    validation = Rule::new("!has(self.steps) || self.steps.filter(s, has(s.name)).all(s, self.steps.filter(t, has(t.name) && t.name == s.name).size() == 1)").message("each step must have another name"),
    validation = Rule::new("!has(self.steps) || self.steps.all(s, !has(s.analysis) || (has(self.metrics) && s.analysis.metrics.all(m, self.metrics.exists(known, known.name == m))))").message("each metric that an analysis names must be one of strategy.metrics"),
    validation = Rule::new("!has(self.steps) || self.steps.map(s, has(s.analysis) && has(s.analysis.background) && s.analysis.background ? s.analysis.metrics.size() : 0).sum() <= 10").message("at most 10 metrics can be measured in the background, those of all steps together"),
    validation = between("keepPrevious", "0s", "720h"),
    validation = between("keepFailed", "0s", "720h"),
    validation = between("progressDeadline", "1m", "24h"),
    validation = between("handover", "0s", "24h")
)]
pub struct Strategy {
    /// What happens, in this order, before the new version has all the traffic. Default: no steps, all at once. Steps are skipped for the first version on an endpoint, when the manifest goes back to the previous version while its deployment is still kept (keepPrevious), and when it goes back to a revision that was stable not long ago (rollbackWindow).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub steps: Vec<Step>,
    /// The times in which a rollout may go on, at most 16. While it may not, no weight rises and no candidate is made; it can be taken back at any time. The windows of the workspace's policy count besides. Default: at any time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub windows: Vec<Window>,
    /// What can be measured during a rollout, at most 10. Nothing is measured that no step names in its `analysis`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub metrics: Vec<Metric>,
    /// What happens when a metric had more inconclusive measurements than its `inconclusiveLimit` allows. Pause (default): the candidate keeps what it has, until a person promotes the step or aborts. Abort: the candidate has failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_inconclusive: Option<OnInconclusive>,
    /// How many of the revisions that were stable here before count as proven, 0 to 10: when the manifest goes back to one of them, no steps are taken. Its deployment gets all the traffic at once, after it was made again where it is gone. What counts is `status.history`; after somebody has rolled back by a RolloutAction, the steps are taken. Default: 3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 10))]
    pub rollback_window: Option<i32>,
    /// How long the previous deployment is kept without traffic, ready to take it back, at most `720h`. Default: `1h`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep_previous: Option<Period>,
    /// How long a failed deployment is kept, for its logs, at most `720h`. Default: `1h`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep_failed: Option<Period>,
    /// How long Azure may take to create a deployment. After that the revision counts as failed: traffic goes back, and it is not tried again. `1m` to `24h`. Default: `60m`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress_deadline: Option<Period>,
    /// How long the deletion of this binding waits for another binding in the same namespace that names the same endpoint, before anything is deleted in Azure. With this wait, a binding that is renamed in Git keeps its endpoint, keys and traffic. `0s` to `24h`; `0s`: no wait. Default: the operator's `--handover`, which is `2m` unless set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handover: Option<Period>,
}

/// One step of a rollout: exactly one of setTraffic, mirror, analysis and pause, and a name where one is needed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("[has(self.setTraffic), has(self.mirror), has(self.analysis), has(self.pause)].filter(given, given).size() == 1").message("a step is exactly one of setTraffic, mirror, analysis and pause"),
    validation = Rule::new("!has(self.mirror) || has(self.name)").message("give the step a name: status and history call a mirror step by its name"),
    validation = Rule::new("!has(self.analysis) || has(self.name)").message("give the step a name: status and history call an analysis by its name"),
    validation = Rule::new("!has(self.pause) || has(self.pause.__for__) || has(self.name)").message("give the step a name: a person ends a pause without for by promoting the step of that name")
)]
pub struct Step {
    /// The step's name, such as `shadow`: up to 63 lower-case letters, digits and dashes, another one for each step. Needed for mirror, for analysis and for a pause without `for`: status, history and RolloutActions call the step by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "form::step_name")]
    pub name: Option<String>,
    /// The share of the traffic that goes to the new version, in percent, 1 to 100; the rest stays with the stable deployment. Weights must increase from step to step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100))]
    pub set_traffic: Option<i32>,
    /// The share of the live requests that Azure copies to the new version, in percent, 1 to 50; clients never see its answers to them. Before the first setTraffic, and increasing from step to step. The copies end when the version gets traffic of its own. Azure copies requests to one deployment only: copies that somebody else has sent to another one end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 50))]
    pub mirror: Option<i32>,
    /// Measure the new version before the next step, or from here on. A version that is measured badly loses its traffic and its shadow, and has failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub analysis: Option<Analysis>,
    /// Wait before the next step: for some time (`pause: {for: 10m}`), or until a person promotes it (`pause: {}`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pause: Option<Pause>,
}

/// A wait in a rollout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[x_kube(validation = between("__for__", "1s", "720h"))]
pub struct Pause {
    /// How long, from the moment that Azure has moved the traffic: `1s` to `720h`. Without it, until a person promotes the step (a RolloutAction with `action: Promote`).
    #[serde(default, rename = "for", skip_serializing_if = "Option::is_none")]
    pub period: Option<Period>,
}

impl Pause {
    /// How long it lasts; none where it lasts until a person ends it.
    pub fn duration(&self) -> Option<Duration> {
        self.period.as_ref().map(Period::duration)
    }
}
