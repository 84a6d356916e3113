//! Where the rollout of a binding stands: one view for people and tools, and what has changed between two looks.

mod news;
mod view;

use serde::Serialize;

use super::names::Name;
use super::seen::Readiness;
use crate::api::{
    Analysis, Candidate, ConditionType, DeploymentBinding, DeploymentStatus, Hold, Object, PastRollout,
    Phase, ServingKind, Stable, Step, TakenAction, VerificationJob, WindowStatus, conditions_of,
};

pub use news::news;
pub use view::text;

/// How many actions are shown.
const ACTIONS: usize = 5;

/// The view, for tools; [`text`] is the one for people.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Rollout {
    kind: &'static str,
    object: Name,
    endpoint: String,
    /// The kind of the endpoint, where it is not online.
    #[serde(skip_serializing_if = "ServingKind::is_online")]
    pub serving: ServingKind,
    ready: Readiness,
    /// What ends soon or was changed by somebody else, in a sentence each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    notices: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    phase: Option<Phase>,
    /// The revision that the manifest asks for.
    #[serde(skip_serializing_if = "Option::is_none")]
    revision: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stable: Option<Stable>,
    #[serde(skip_serializing_if = "Option::is_none")]
    candidate: Option<Candidate>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hold: Option<Hold>,
    /// Whether rollouts may go on, where there are windows.
    #[serde(skip_serializing_if = "Option::is_none")]
    window: Option<WindowStatus>,
    deployments: Vec<DeploymentStatus>,
    /// The jobs that verify deployments of a batch endpoint.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    verification_jobs: Vec<VerificationJob>,
    steps: Vec<StepSeen>,
    /// The latest actions.
    actions: Vec<TakenAction>,
    /// The rollout that ended last.
    #[serde(skip_serializing_if = "Option::is_none")]
    last: Option<PastRollout>,
}

/// A step of a rollout that goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StepSeen {
    /// Its number, from 1.
    pub number: usize,
    /// Its name; absent where it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What it does, such as `setTraffic 10` or `pause 10m`.
    pub does: String,
    /// Where the rollout is.
    pub state: StepState,
}

/// Where a rollout is, as seen from one of its steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum StepState {
    /// The rollout has passed the step.
    Done,
    /// The rollout stands at the step.
    Current,
    /// The rollout has not come to the step.
    Ahead,
}

impl Rollout {
    /// Of a binding.
    pub fn of(binding: &DeploymentBinding) -> Self {
        let status = binding.current();
        let stands = status.candidate.as_ref().and_then(|it| it.step.as_ref()).map(|step| step.index);
        let stands = stands.and_then(|index| usize::try_from(index).ok());
        let seen = |(at, step): (usize, &Step)| StepSeen {
            number: at + 1,
            name: step.name.clone(),
            does: does(step),
            state: match stands {
                Some(stands) if at < stands => StepState::Done,
                Some(stands) if at == stands => StepState::Current,
                _ => StepState::Ahead,
            },
        };
        // What goes back takes no steps.
        let back = status.hold.as_ref().map(|hold| &hold.to_revision);
        let takes_steps = status.candidate.as_ref().is_some_and(|it| back != Some(&it.revision));
        let steps = binding.spec.steps().iter().enumerate().filter(|_| takes_steps);
        Self {
            kind: "Rollout",
            object: Name::from(&binding.key()),
            endpoint: binding.spec.endpoint_name().to_string(),
            serving: binding.spec.kind().into(),
            ready: Readiness::of(binding.conditions()),
            notices: notices(binding),
            phase: status.phase,
            revision: status.revision,
            stable: status.stable,
            steps: steps.map(seen).collect(),
            candidate: status.candidate,
            hold: status.hold,
            window: status.window,
            deployments: status.deployments,
            verification_jobs: status.verification_jobs,
            actions: status.actions.into_iter().take(ACTIONS).collect(),
            last: status.history.into_iter().next(),
        }
    }
}

fn notices(binding: &DeploymentBinding) -> Vec<String> {
    let conditions = conditions_of(binding.conditions());
    let told = [ConditionType::ApprovalExpiring, ConditionType::RetiringSoon, ConditionType::Drifted];
    let holds = told.into_iter().filter(|kind| conditions.is_true(*kind));
    holds.filter_map(|kind| Some(conditions.get(kind)?.message.clone())).collect()
}

/// What a step does, in the words of the manifest: `setTraffic 10`, `mirror 20`, `pause 10m`.
pub fn does(step: &Step) -> String {
    let what = match (step.set_traffic, step.mirror, &step.pause) {
        (Some(weight), ..) => format!("setTraffic {weight}"),
        (_, Some(share), _) => format!("mirror {share}"),
        (_, _, Some(pause)) => match &pause.period {
            Some(period) => format!("pause {period}"),
            None => "pause until somebody promotes it".into(),
        },
        _ => match &step.analysis {
            Some(analysis) => measures(analysis),
            None => "nothing that this version knows".into(),
        },
    };
    step.name.as_ref().map_or_else(|| what.clone(), |name| format!("{what} ({name})"))
}

/// `analysis of errors, p95 for 15m`, or `… from here on`.
fn measures(analysis: &Analysis) -> String {
    let period = analysis.period.as_ref().map(|period| format!(" for {period}")).unwrap_or_default();
    let period = if analysis.background { " from here on".into() } else { period };
    format!("analysis of {}{period}", analysis.metrics.join(", "))
}

/// The revision in the name of a deployment of ours, such as `5e6f7a8b90` in `v3-5e6f7a8b90`; of any other, the whole name.
pub fn revision_of(deployment: &str) -> &str {
    deployment.rsplit_once('-').map_or(deployment, |(_, revision)| revision)
}

#[cfg(test)]
mod tests;
