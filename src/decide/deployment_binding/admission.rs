//! May what the manifest asks for serve in the workspace? Everything that the policy of the place asks of a binding is asked
//! here, and nowhere else.

mod approvals;
mod expiring;
mod gates;
pub(super) mod retirement;
mod soak;
mod waivers;
mod windows;

use std::borrow::Cow;
use std::fmt;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

pub use approvals::Approvals;
pub(super) use approvals::made;
pub(super) use approvals::withdrawals;
pub(super) use expiring::said as expiring;
pub(super) use soak::ever_stable;
pub use soak::{Soak, Time};
pub(super) use waivers::{news, of_rollout};
pub(super) use windows::are_waived as windows_are_waived;

use super::{Case, Facts, waiting};
use crate::api::{
    Admission, ConditionType, DeploymentBindingSpec, LineageRequirement, PastRollout, PastRule, Reason,
    Waiver, conditions_of,
};
use crate::azure::model::resource::OnlineDeployment;
use crate::decide::condition::Said;
use crate::decide::model_version::Proof;
use crate::decide::places::policy::Refused;
use crate::decide::rollout::{PREVIOUS_TAG, Past, is_proven, was_rolled_back};
use crate::decide::verdict::Event;
use crate::decide::{Place, SourceVersion};

/// What `Admitted` says besides where a rule refuses what has come back.
const SERVES_BY_GOING_BACK: &str = " It serves because the traffic went back to what was stable here before; what was not asked then is asked again only for a new rollout.";

/// How many rules an entry of the history keeps.
const PAST_RULES: usize = 20;

/// What a rule is about.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Rule {
    /// Where the version has to be.
    Sources,
    /// What has to be known of its origin.
    Lineage,
    /// A gate of this name.
    Gate(String),
    /// Who has to approve it.
    Approvals,
    /// Where the version has to have served before.
    Soak,
    /// When rollouts may go on.
    Windows,
    /// What the deployment brings besides.
    Deployment,
    /// Whether the version is still in use.
    Retirement,
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gate(name) => write!(f, "Gate/{name}"),
            other => write!(f, "{other:?}"),
        }
    }
}

/// A rule of the policy, held against what there is.
pub(super) struct Ruling {
    /// Which one.
    rule: Rule,
    /// What it asks.
    asks: String,
    /// What was found.
    found: String,
    /// Why that is not enough, and what would be.
    refused: Option<(Reason, String)>,
    /// Who waives it, where it would be refused.
    waivers: Vec<Waiver>,
}

impl Ruling {
    fn new(rule: Rule, asks: String, found: String, refused: Option<(Reason, String)>) -> Self {
        Self { rule, asks, found, refused, waivers: vec![] }
    }
}

/// Every rule of the policy, as far as the place and the version can be looked at.
pub(super) fn rulings(facts: &Facts) -> Vec<Ruling> {
    let mut all: Vec<Ruling> = sources(facts).into_iter().chain(lineage(facts)).collect();
    all.extend(gates::rulings(facts));
    all.extend(approvals::ruling(facts).into_iter().chain(soak::ruling(facts)).chain(deployment(facts)));
    all.extend(retirement::ruling(facts).into_iter().chain(windows::ruling(facts)));
    if facts.goes_back_by_the_manifest() {
        for ruling in &mut all {
            let_go_back(facts, ruling);
        }
    } else if facts.has_gone_back_by_the_manifest() {
        for ruling in &mut all {
            say_that_it_has_gone_back(facts, ruling);
        }
    }
    all.into_iter().map(|ruling| waivers::over(ruling, facts)).collect()
}

/// To what was admitted when it was stable one may go back: only what speaks against it today stops that.
fn let_go_back(facts: &Facts, ruling: &mut Ruling) {
    if !stops_going_back(facts, ruling) && ruling.refused.take().is_some() {
        ruling.found += "; this does not stop going back to what was stable here before";
    }
}

/// What has come back serves, although a rule refuses it by now that was not asked then.
fn say_that_it_has_gone_back(facts: &Facts, ruling: &mut Ruling) {
    if !stops_going_back(facts, ruling) && ruling.refused.is_some() {
        ruling.found += "; this was not asked when the traffic went back to this version, and is asked again only for a new rollout";
    }
}

fn stops_going_back(facts: &Facts, ruling: &Ruling) -> bool {
    match ruling.rule {
        Rule::Sources | Rule::Deployment => true,
        Rule::Approvals => match &facts.version {
            SourceVersion::Ready { asset_id, .. } => {
                facts.speaks_against_going_back(asset_id, facts.is_warm_again())
            }
            _ => true,
        },
        Rule::Retirement => retirement::is_archived(facts),
        Rule::Lineage | Rule::Gate(_) | Rule::Soak | Rule::Windows => false,
    }
}

/// Why the workspace's policy does not let it serve, in a sentence each.
pub(super) fn refusals(facts: &Facts) -> Vec<(Reason, String)> {
    rulings(facts).into_iter().filter_map(|ruling| ruling.refused).collect()
}

/// All refusals as one: a rejection outweighs; what lacks nothing but approvals, gates or time says so.
pub fn summary(refusals: &[(Reason, String)]) -> (Reason, String) {
    // What may still come is no refusal beside one.
    let waits = |reason| matches!(reason, Reason::ReferenceNotReady | Reason::ReferenceNotFound);
    let firm: Vec<Reason> = refusals.iter().map(|(of, _)| *of).filter(|of| !waits(*of)).collect();
    let all = |reasons: &[Reason]| firm.iter().all(|of| reasons.contains(of));
    let reason = if firm.is_empty() {
        refusals.first().map_or(Reason::PolicyRefused, |(of, _)| *of)
    } else if firm.contains(&Reason::Rejected) {
        Reason::Rejected
    } else if all(&[Reason::WindowClosed]) {
        Reason::WindowClosed
    } else if all(&[Reason::Soaking, Reason::WindowClosed]) {
        Reason::Soaking
    } else if all(&[Reason::NotApproved, Reason::Soaking, Reason::WindowClosed]) {
        Reason::NotApproved
    } else if all(&[Reason::GateNotPassed, Reason::Soaking, Reason::WindowClosed]) {
        Reason::GateNotPassed
    } else if all(&[Reason::Retired, Reason::WindowClosed]) {
        Reason::Retired
    } else {
        Reason::PolicyRefused
    };
    let said: Vec<&str> = refusals.iter().map(|(_, said)| said.as_str()).collect();
    (reason, said.join(" "))
}

/// The rules in the words of the status; none while the place or the version cannot be looked at.
pub(super) fn lines(case: &Case<'_>) -> Vec<Admission> {
    let facts = case.facts;
    if facts.situation.deleting || case.is_anothers() {
        return vec![];
    }
    if !matches!((&facts.place, &facts.version), (Place::Ready { .. }, SourceVersion::Ready { .. })) {
        return vec![];
    }
    asked(facts).into_iter().map(|(line, _)| line).collect()
}

/// The rules as the history keeps them.
pub(super) fn then(case: &Case<'_>) -> Vec<PastRule> {
    let past = |it: Admission| PastRule { rule: it.rule, asks: it.asks, found: it.found };
    lines(case).into_iter().map(past).take(PAST_RULES).collect()
}

/// Every rule in the words of the status and, where the version is not admitted by it, the word for why.
pub fn asked(facts: &Facts) -> Vec<(Admission, Option<Reason>)> {
    let line = |ruling: Ruling| {
        let reason = ruling.refused.as_ref().map(|(reason, _)| *reason);
        let line = Admission {
            rule: ruling.rule.to_string(),
            admitted: ruling.refused.is_none(),
            asks: ruling.asks,
            found: ruling.found,
            message: ruling.refused.map(|(_, said)| said),
            waivers: ruling.waivers,
        };
        (line, reason)
    };
    rulings(facts).into_iter().map(line).collect()
}

/// Where the version has to be.
fn sources(facts: &Facts) -> Option<Ruling> {
    let (Place::Ready { policy, id: here, .. }, SourceVersion::Ready { model, version, registry, id, .. }) =
        (&facts.place, &facts.version)
    else {
        return None;
    };
    let workspace = &facts.spec.workspace_ref.name;
    let from = registry.as_ref().map_or_else(|| "a workspace".to_string(), |r| format!("registry {r}"));
    let refused = policy.refuses_place(id, model).map(|sources| {
        let said = format!(
            "Workspace {workspace} serves only versions from {sources}, and {model}:{version} is in {from}. Promote it there first."
        );
        (Reason::PolicyRefused, said)
    });
    if refused.is_none() && registry.is_none() && !id.is_in(here) {
        let other = id.segment("workspaces").unwrap_or_default();
        let said = format!(
            "{model}:{version} is in workspace {other}, and Azure serves a version of a workspace in that workspace only. Promote it into a registry, and bind that version."
        );
        let asks = "a version from a registry, or from this workspace".to_string();
        let refused = Some((Reason::PolicyRefused, said));
        return Some(Ruling::new(Rule::Sources, asks, format!("workspace {other}"), refused));
    }
    if policy.sources.is_empty() {
        return None;
    }
    Some(Ruling::new(Rule::Sources, format!("a version from {}", policy.places()), from, refused))
}

/// What has to be known of the version's origin.
fn lineage(facts: &Facts) -> Option<Ruling> {
    let (Place::Ready { policy, .. }, SourceVersion::Ready { model, version, lineage, .. }) =
        (&facts.place, &facts.version)
    else {
        return None;
    };
    let (required, workspace) = (policy.lineage?, &facts.spec.workspace_ref.name);
    let verified = required == LineageRequirement::Verified;
    let unnamed = lineage.job.is_none().then(|| {
        format!(
            "Workspace {workspace} serves only versions whose training job is known, and {model}:{version} has none. Register it from a job."
        )
    });
    let unproven = verified.then(|| unproven(facts)).flatten().map(|because| {
        format!("Workspace {workspace} serves only versions whose origin Azure shows, and {because}.")
    });
    let refused: Vec<String> = unnamed.into_iter().chain(unproven).collect();
    let asks =
        if verified { "a training job that Azure shows to have made the files" } else { "a training job" };
    let found = match (&lineage.job, &facts.proof) {
        (None, _) => "no training job".to_string(),
        (Some(job), Proof::Proven { .. }) => format!("job {job}, which Azure shows to have made the files"),
        (Some(job), _) => format!("job {job}"),
    };
    let refused = (!refused.is_empty()).then(|| (Reason::PolicyRefused, refused.join(" ")));
    Some(Ruling::new(Rule::Lineage, asks.into(), found, refused))
}

/// Why nothing proves where the version comes from, for a sentence.
fn unproven(facts: &Facts) -> Option<String> {
    let SourceVersion::Ready { model, version, .. } = &facts.version else { return None };
    match &facts.proof {
        Proof::Proven { .. } => None,
        Proof::Lacking { because, .. } => Some(format!(
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

/// What the deployment brings besides.
fn deployment(facts: &Facts) -> Option<Ruling> {
    let Place::Ready { policy, .. } = &facts.place else { return None };
    let asks = policy.deployment.as_ref()?.in_words();
    let refused = of_deployment(facts).sentences();
    let found = if refused.is_empty() { "nothing that is not allowed" } else { "what is not allowed" };
    let refused = (!refused.is_empty()).then(|| (Reason::PolicyRefused, refused.join(" ")));
    Some(Ruling::new(Rule::Deployment, asks, found.into(), refused))
}

/// What is refused of what the deployment brings.
fn of_deployment(facts: &Facts) -> Refused {
    let Place::Ready { policy, .. } = &facts.place else { return Refused::default() };
    policy.refuses_deployment(&facts.spec.workspace_ref.name, &facts.spec)
}

/// Why the workspace lets no deployment be made as the manifest asks, in sentences.
pub(super) fn of_a_new_deployment(facts: &Facts) -> Option<String> {
    let Refused { deployment, count, .. } = of_deployment(facts);
    let said: Vec<String> = deployment.into_iter().chain(count.map(|(_, said)| said)).collect();
    (!said.is_empty()).then(|| said.join(" "))
}

/// Does the manifest go back to what was stable here before? No window keeps that, but where somebody went back from it: it is rolled
/// out anew then.
pub(super) fn goes_back(facts: &Facts) -> bool {
    facts.goes_back_by_the_manifest() && facts.past() != Past::RolledBack
}

impl Facts {
    /// Does somebody speak against the wanted version, so that it has to go to nothing? Where its object cannot be read, the
    /// deployment says which version that is.
    pub(super) fn must_fall(&self) -> bool {
        if let SourceVersion::Ready { asset_id, .. } = &self.version {
            return self.is_revoked(asset_id);
        }
        let Some((_, name)) = self.wanted() else { return false };
        let found = self.deployments.iter().find(|d| d.name() == name);
        found.and_then(|d| d.properties.model.as_deref()).is_some_and(|asset| self.is_revoked(asset))
    }

    /// Does the manifest ask for a revision that was stable here before and is not now: by the history, or by the tag of the
    /// deployment that served before and is still there?
    fn goes_back_by_the_manifest(&self) -> bool {
        let SourceVersion::Ready { asset_id, version, .. } = &self.version else { return false };
        let stable = self.is_stable(&self.revision_of(asset_id, version).1);
        (self.is_warm_again() || self.times_stable() > 0) && !stable
    }

    /// Is the wanted revision stable, and was it so before another one took over, as far as the history knows?
    fn has_gone_back_by_the_manifest(&self) -> bool {
        let SourceVersion::Ready { asset_id, version, .. } = &self.version else { return false };
        self.is_stable(&self.revision_of(asset_id, version).1) && self.times_stable() > 1
    }

    /// Does the manifest go back to one of the last revisions that were stable here?
    pub(super) fn is_proven(&self) -> bool {
        let SourceVersion::Ready { asset_id, version, .. } = &self.version else { return false };
        let wanted = self.revision_of(asset_id, version).0.to_string();
        is_proven(&self.status.history, &wanted, self.spec.strategy.rollback_window)
            && self.goes_back_by_the_manifest()
            && self.times_stable() > 0
    }

    /// What the history says of the revision that the manifest asks for.
    pub(super) fn past(&self) -> Past {
        let wanted = self.manifest().map(|(revision, _)| revision.to_string());
        if self.is_proven() {
            Past::Proven
        } else if wanted.is_some_and(|wanted| was_rolled_back(&self.status.history, &wanted)) {
            Past::RolledBack
        } else {
            Past::Unproven
        }
    }

    /// How many rollouts of the history made the wanted revision the stable one.
    pub(super) fn times_stable(&self) -> usize {
        let SourceVersion::Ready { asset_id, version, registry, .. } = &self.version else { return 0 };
        let (revision, _) = self.revision_of(asset_id, version);
        // The number of a version in a workspace can be made again: what was promoted before that were other files.
        let same_files =
            |it: &PastRollout| registry.is_some() || self.made.is_some_and(|made| it.had_files_of(made));
        let was_stable =
            |it: &&PastRollout| it.outcome.serves() && it.revision == revision.to_string() && same_files(it);
        self.status.history.iter().filter(was_stable).count()
    }

    /// Is the wanted deployment the one that served before, and still there?
    fn is_warm_again(&self) -> bool {
        let Some((_, name)) = self.wanted() else { return false };
        self.endpoint.found().and_then(|endpoint| endpoint.tags.get(PREVIOUS_TAG)) == Some(&name)
            && self.deployments.iter().any(|d| d.name() == name)
    }

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
    pub(super) fn asks_for_too_many_instances(&self) -> bool {
        let asked =
            self.spec.online.deployment.most_instances().filter(|_| of_deployment(self).count.is_some());
        let wanted = self.wanted().map(|(_, name)| name);
        let found = self.deployments.iter().find(|d| Some(d.name()) == wanted.as_deref());
        let has = match self.spec.online.deployment.autoscale {
            Some(_) => wanted.and_then(|name| self.most_by_setting(&name)),
            None => found.and_then(OnlineDeployment::instance_count),
        };
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

/// The workspace's policy lets it serve. What serves meanwhile may not be what the manifest asks for: where somebody speaks against
/// that, this says so, too.
pub(super) fn said(case: &Case<'_>) -> Said {
    let facts = case.facts;
    if facts.situation.deleting || case.is_anothers() {
        return Said::Absent;
    }
    let besides = facts.against_what_serves().map(|it| format!(" {it}")).unwrap_or_default();
    match said_of_what_is_wanted(case) {
        Said::Holds(holds, reason, message) => Said::Holds(holds, reason, message + &besides),
        Said::Unknown(reason, message) => Said::Unknown(reason, message + &besides),
        other => other,
    }
}

/// What serves is not approved any more, the manifest asks for something else, and it was not said before.
pub(super) fn news_of_what_serves(before: &[Condition], now: &[Condition]) -> Option<Event> {
    let said = |all: &[Condition]| {
        let message = conditions_of(all).get(ConditionType::Admitted)?.message.clone();
        message.find(approvals::WHAT_SERVES).map(|at| message[at..].to_string())
    };
    let note = said(now).filter(|_| said(before).is_none())?;
    Some(Event { warning: true, reason: Reason::NotApproved, deed: None, note })
}

fn said_of_what_is_wanted(case: &Case<'_>) -> Said {
    let facts = case.facts;
    let refusals = refusals(facts);
    if !refusals.is_empty() {
        let (reason, said) = summary(&refusals);
        let coming = approvals::coming(facts).map(|it| format!(" {it}")).unwrap_or_default();
        let serves = if facts.has_gone_back_by_the_manifest() { SERVES_BY_GOING_BACK } else { "" };
        return Said::Holds(false, reason, said + serves + &coming);
    }
    let lacking = facts.place.wait_until_ready(false).or_else(|| waiting::wait_for_version(case));
    match (lacking, &facts.version) {
        (None, SourceVersion::Ready { model, version, .. }) => {
            let workspace = &facts.spec.workspace_ref.name;
            let waived = waivers::in_words(&waivers::of_wanted(facts));
            let message =
                format!("The policy of Workspace {workspace} lets {model}:{version} serve.{waived}");
            Said::Holds(true, Reason::Succeeded, message)
        }
        (Some(lacking), _) => Said::Unknown(lacking.reason, lacking.message),
        (None, _) => Said::AsBefore,
    }
}
