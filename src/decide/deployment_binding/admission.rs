//! May what the manifest asks for serve in the workspace? Everything that the policy of the place asks of a binding is asked
//! here, and nowhere else.

use std::borrow::Cow;

use super::{Case, Facts, waiting};
use crate::api::{DeploymentBindingSpec, LineageRequirement, Reason};
use crate::azure::model::resource::OnlineDeployment;
use crate::decide::condition::Said;
use crate::decide::model_version::Proof;
use crate::decide::places::policy::Refused;
use crate::decide::{Place, SourceVersion};

/// Why the workspace's policy does not let it serve, in a sentence each.
pub(super) fn refusals(facts: &Facts) -> Vec<String> {
    of_version(facts).into_iter().chain(of_deployment(facts).sentences()).collect()
}

/// By what the version is: where it comes from.
fn of_version(facts: &Facts) -> Vec<String> {
    let (Place::Ready { policy, .. }, SourceVersion::Ready { model, version, lineage, registry, id, .. }) =
        (&facts.place, &facts.version)
    else {
        return vec![];
    };
    let workspace = &facts.spec.workspace_ref.name;
    let mut refused = vec![];
    if policy.lineage.is_some() && lineage.job.is_none() {
        refused.push(format!(
            "Workspace {workspace} serves only versions whose training job is known, and {model}:{version} has none. Register it from a job."
        ));
    }
    if policy.lineage == Some(LineageRequirement::Verified) {
        refused.extend(unproven(facts).map(|because| {
            format!("Workspace {workspace} serves only versions whose origin Azure shows, and {because}.")
        }));
    }
    if let Some(sources) = policy.refuses_place(id, model) {
        let from = registry.as_ref().map_or_else(|| "a workspace".to_string(), |r| format!("registry {r}"));
        refused.push(format!(
            "Workspace {workspace} serves only versions from {sources}, and {model}:{version} is in {from}. Promote it there first."
        ));
    }
    refused
}

/// Why nothing proves where the version comes from, for a sentence.
fn unproven(facts: &Facts) -> Option<String> {
    let SourceVersion::Ready { model, version, .. } = &facts.version else { return None };
    match &facts.proof {
        Proof::Proven { .. } => None,
        Proof::Lacking(because) => Some(format!(
            "of {model}:{version} that is not known: {because}. Register the output of a job (spec.source.job), and let Bindery promote that version"
        )),
        Proof::Unseen(error) => {
            let answered =
                error.as_ref().map(|error| format!(": {}", error.to_string().trim_end_matches('.')));
            let answered = answered.unwrap_or_default();
            Some(format!(
                "{model}:{version} could not be read in Azure{answered}. It is read again at the next look"
            ))
        }
    }
}

/// By what the deployment brings besides.
fn of_deployment(facts: &Facts) -> Refused {
    let Place::Ready { policy, .. } = &facts.place else { return Refused::default() };
    policy.refuses_deployment(&facts.spec.workspace_ref.name, &facts.spec.online)
}

impl Facts {
    /// May the wanted version get more traffic than it has?
    pub(super) fn may_rise(&self) -> bool {
        matches!((&self.place, &self.version), (Place::Ready { .. }, SourceVersion::Ready { .. }))
            && refusals(self).is_empty()
    }

    /// Does the manifest ask for an identity that is refused and that the endpoint does not have?
    fn asks_for_a_refused_identity(&self) -> bool {
        let Some((refused, _)) = of_deployment(self).identities else { return false };
        let has = |id: &String| {
            let assigned = self.endpoint.found().and_then(|e| e.identity.as_ref());
            assigned.is_some_and(|it| {
                it.user_assigned_identities.keys().any(|assigned| assigned.eq_ignore_ascii_case(id))
            })
        };
        !refused.iter().all(has)
    }

    /// Does it ask for more instances than there may be, and than its deployment has?
    fn asks_for_too_many_instances(&self) -> bool {
        let asked =
            self.spec.online.deployment.instance_count.filter(|_| of_deployment(self).count.is_some());
        let wanted = self.wanted().map(|(_, name)| name);
        let found = self.deployments.iter().find(|d| Some(d.name()) == wanted.as_deref());
        let has = found.and_then(OnlineDeployment::instance_count);
        asked.is_some_and(|asked| has.is_none_or(|has| asked > has))
    }

    /// Does it ask for something that is refused, whether or not the version serves already?
    pub(super) fn asks_for_what_is_refused(&self) -> bool {
        !self.observing() && (self.asks_for_a_refused_identity() || self.asks_for_too_many_instances())
    }

    /// The manifest, as far as it is written to an endpoint and to deployments that are there: without what is refused. What
    /// the manifest does not name stays as Azure has it.
    pub(super) fn granted(&self) -> Cow<'_, DeploymentBindingSpec> {
        if !self.asks_for_what_is_refused() {
            return Cow::Borrowed(&self.spec);
        }
        let mut granted = self.spec.clone();
        if self.asks_for_a_refused_identity() {
            granted.online.endpoint.identity = None;
        }
        if self.asks_for_too_many_instances() {
            granted.online.deployment.instance_count = None;
        }
        Cow::Owned(granted)
    }
}

/// The workspace's policy lets it serve.
pub(super) fn said(case: &Case<'_>) -> Said {
    let facts = case.facts;
    if facts.situation.deleting || case.is_anothers() {
        return Said::Absent;
    }
    let refusals = refusals(facts);
    if !refusals.is_empty() {
        return Said::Holds(false, Reason::PolicyRefused, refusals.join(" "));
    }
    let lacking = facts.place.wait_until_ready(false).or_else(|| waiting::wait_for_version(case));
    match (lacking, &facts.version) {
        (None, SourceVersion::Ready { model, version, .. }) => {
            let workspace = &facts.spec.workspace_ref.name;
            let message = format!("The policy of Workspace {workspace} lets {model}:{version} serve.");
            Said::Holds(true, Reason::Succeeded, message)
        }
        (Some(lacking), _) => Said::Unknown(lacking.reason, lacking.message),
        (None, _) => Said::AsBefore,
    }
}
