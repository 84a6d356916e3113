//! A workspace: looked up, never changed.

mod gather;
mod unmanaged;

use std::time::Duration;

use crate::api::{Reason, Unmanaged, WorkspaceSpec, WorkspaceStatus};
use crate::azure::model::resource::Workspace;
use crate::azure::model::{Class, ResourceId};
use crate::decide::{Decision, Look, LookAgain, Situation, Verdict, first_of};

/// Everything the decision needs.
#[derive(Debug, Clone)]
pub struct Facts {
    pub situation: Situation,
    pub spec: WorkspaceSpec,
    pub status: WorkspaceStatus,
    /// Its ARM id, from the spec.
    pub id: ResourceId,
    pub workspace: Look<Workspace>,
    /// What is served there past Bindery; none where nobody could list it.
    pub unmanaged: Option<Unmanaged>,
}

/// What to say of a workspace. The first question that has an answer decides.
pub fn decide(facts: &Facts) -> Decision<WorkspaceStatus> {
    let mut status = picture(facts);
    let verdict = first_of(
        facts,
        &[
            stay_while_referred_to,
            let_go,
            refuse_identity,
            report_kept_out, // whom Azure does not let in has no claim
            refuse_second_claimant,
            report_unreadable,
            report_absence,
        ],
    )
    .unwrap_or_else(|| settle(facts));
    // Nothing of a workspace is Bindery's, so nothing can drift.
    let (conditions, verdict) = facts.situation.conclude(&facts.status.conditions, None, &[], verdict);
    status.conditions = conditions;
    verdict.decision(status)
}

impl Facts {
    /// A workspace is never changed, so there is never an answer to take in.
    pub fn absorb(
        &mut self,
        _: &crate::azure::model::Call,
        _: Result<&crate::azure::model::Reply, &crate::azure::model::Error>,
    ) {
    }
}

fn picture(facts: &Facts) -> WorkspaceStatus {
    let mut status = facts.status.clone();
    status.observed_generation = facts.situation.generation;
    status.last_handled_reconcile.clone_from(&facts.situation.asks);
    status.id = Some(facts.id.to_string());
    if let Some(workspace) = facts.workspace.found() {
        status.workspace_id = Some(workspace.properties.workspace_id.clone());
        status.location = Some(workspace.location.clone());
        status.mlflow_tracking_uri.clone_from(&workspace.properties.ml_flow_tracking_uri);
    }
    if facts.unmanaged.is_some() {
        status.unmanaged.clone_from(&facts.unmanaged);
    }
    if facts.workspace.is_absent() {
        status.unmanaged = None;
    }
    status
}

fn stay_while_referred_to(facts: &Facts) -> Option<Verdict> {
    facts.situation.wait_for_referrers()
}

fn let_go(facts: &Facts) -> Option<Verdict> {
    facts.situation.deleting.then(|| Verdict::release("Nothing in Azure depends on this object."))
}

fn refuse_identity(facts: &Facts) -> Option<Verdict> {
    Some(Verdict::stalled(Reason::IdentityNotAllowed, facts.situation.acting.clone().err()?))
}

/// An identity of its own that cannot read the workspace gives no claim to it, and no quarrel about it.
fn report_kept_out(facts: &Facts) -> Option<Verdict> {
    facts.spec.credentials.as_ref()?;
    let failure = facts.situation.trouble.unreadable.as_ref();
    let refused = failure
        .is_some_and(|f| matches!(f.error.class, Class::Unauthorized | Class::Credential | Class::NotFound));
    if refused { report_unreadable(facts) } else { report_absence(facts) }
}

fn refuse_second_claimant(facts: &Facts) -> Option<Verdict> {
    let us = &facts.situation.ownership;
    let visible = us.heirs().map(|c| c.name.clone()).min();
    // Who may see this object need not know what there is in other namespaces.
    let (other, advice) = match visible {
        Some(name) => (name, "Delete one of the two.".to_string()),
        None if us.claimants.is_empty() => return None,
        None => ("A Workspace of another namespace".into(), who_can_tell(facts)),
    };
    let conflict = Verdict::stalled(
        Reason::Conflict,
        format!(
            "{other} stands for this workspace too, and a workspace has one policy: Bindery changes nothing through either of them. {advice}"
        ),
    );
    // Whether an identity of its own may still read the workspace is looked up again soon: its word holds up others.
    let next = match facts.spec.credentials {
        Some(_) => LookAgain::After(Duration::from_secs(60).min(facts.situation.interval)),
        None => conflict.next,
    };
    Some(Verdict { next, ..conflict })
}

/// What can be done about a Workspace of which nothing may be said here.
fn who_can_tell(facts: &Facts) -> String {
    let account = facts.spec.credentials.as_ref().map_or_else(String::new, |_| {
        format!(
            " Or ask an administrator of the workspace in Azure who else has a role there (az role assignment list --include-inherited --scope {}), and have that taken away: an account that cannot read the workspace puts nobody into conflict.",
            facts.id
        )
    });
    format!(
        "Delete this object; or ask whoever runs the operator, who sees all namespaces (kubectl get amlws --all-namespaces), to have the other one deleted.{account}"
    )
}

fn report_unreadable(facts: &Facts) -> Option<Verdict> {
    facts.situation.report_unreadable(&facts.status.conditions)
}

fn report_absence(facts: &Facts) -> Option<Verdict> {
    facts.workspace.is_absent().then(|| {
        Verdict::stalled(
            Reason::NotInAzure,
            format!(
                "There is no workspace {} in resource group {}. Check spec.azure; Bindery makes no workspaces.",
                facts.id.name(),
                facts.spec.azure.resource_group
            ),
        )
    })
}

fn settle(facts: &Facts) -> Verdict {
    let location = facts.workspace.found().map_or("Azure", |w| w.location.as_str());
    Verdict::settled(Reason::Succeeded, format!("The workspace is there, in {location}."))
}

#[cfg(test)]
mod tests;
