//! What has changed in a rollout between two looks, one line for each change.

use jiff::Timestamp;

use super::does;
use crate::answer::render::text::one_line;
use crate::answer::seen::Readiness;
use crate::api::{DeploymentBinding, Object};

/// What is new since the look before; at the first look, everything but the rollouts that have ended. Each line begins with the time, and with a word
/// that says what it is about.
pub fn news(before: Option<&DeploymentBinding>, after: &DeploymentBinding, now: Timestamp) -> Vec<String> {
    let (old, new) = (before.map(said).unwrap_or_default(), said(after));
    let ended = |word: &str| before.is_none() && word == "ended";
    let changed = new.into_iter().filter(|line| !old.contains(line) && !ended(line.0));
    let gone = before.filter(|it| holds(it) && !holds(after)).map(|_| ("hold", "ended".to_string()));
    let idle =
        before.filter(|it| rolls_out(it) && !rolls_out(after)).map(|_| ("candidate", "none".to_string()));
    changed
        .chain(gone)
        .chain(idle)
        .map(|(word, text)| format!("{now:.0} {word:<9} {}", one_line(&text)))
        .collect()
}

fn holds(binding: &DeploymentBinding) -> bool {
    binding.status.as_ref().is_some_and(|status| status.hold.is_some())
}

fn rolls_out(binding: &DeploymentBinding) -> bool {
    binding.status.as_ref().is_some_and(|status| status.candidate.is_some())
}

/// All that a binding says of its rollout, by what it is about.
fn said(binding: &DeploymentBinding) -> Vec<(&'static str, String)> {
    let status = binding.current();
    let mut all = vec![];
    all.extend(status.phase.map(|phase| ("phase", format!("{phase:?}"))));
    if let Some(candidate) = &status.candidate {
        all.push(("candidate", candidate.deployment.clone()));
        all.extend(candidate.mirror.map(|share| ("mirror", format!("{share}% to {}", candidate.deployment))));
        if let Some(step) = &candidate.step {
            let at = usize::try_from(step.index).unwrap_or_default();
            let what = binding.spec.steps().get(at).map_or_else(|| "passed them all".into(), does);
            all.push((
                "step",
                format!("{} of {}: {what}", (at + 1).min(binding.spec.steps().len()), step.count),
            ));
        }
        all.extend(candidate.skipped.iter().map(|step| ("skipped", step.clone())));
    }
    for job in status.verification_jobs.iter().rev() {
        let said = job.status.as_deref().unwrap_or("asked for");
        let over = if job.given_up { ", given up" } else { "" };
        all.push(("job", format!("{} verifies {}: {said}{over}", job.name, job.deployment)));
    }
    all.extend(status.traffic_summary.map(|traffic| ("traffic", traffic)));
    all.extend(
        status
            .hold
            .map(|hold| ("hold", format!("{} is held back, {} serves", hold.revision, hold.to_revision))),
    );
    for it in status.actions.iter().rev() {
        let what =
            format!("{} ({:?} of {}) {:?}: {}", it.name, it.action, it.requested_by, it.state, it.message);
        all.push(("action", what));
    }
    for it in status.history.iter().rev() {
        let why = it.message.as_ref().map(|message| format!(": {message}")).unwrap_or_default();
        let when = it.finished_at.map(|at| format!(" at {at:.0}")).unwrap_or_default();
        all.push(("ended", format!("{} {:?}{when}{why}", it.revision, it.outcome)));
    }
    let ready = Readiness::of(binding.conditions());
    all.push(("ready", format!("{} {}: {}", ready.status, ready.reason, ready.message)));
    all
}
