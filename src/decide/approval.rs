//! An approval: one person's decision about one asset. It stands for nothing in Azure; what is said of it is where it counts.

mod gather;
pub mod tally;

use crate::api::{ApprovalSpec, ApprovalStatus, Reason};
use crate::decide::{Decision, LookAgain, Situation, SourceVersion, Verdict, first_of};
use tally::{Question, Standing};

/// How many Workspaces a sentence names.
const NAMED: usize = 5;

/// Everything the decision needs.
#[derive(Debug, Clone)]
pub struct Facts {
    pub situation: Situation,
    pub spec: ApprovalSpec,
    pub status: ApprovalStatus,
    /// The decision, as a Workspace's policy sees it.
    pub ballot: tally::Ballot,
    /// The version that the decision is about, for whoever may know of it.
    pub version: SourceVersion,
    /// The Workspaces whose policy names the namespace of the decision.
    pub places: Vec<Asker>,
}

/// A Workspace that asks for approvals.
#[derive(Debug, Clone)]
pub struct Asker {
    /// `Workspace ml-platform/production`.
    pub title: String,
    /// Its tier.
    pub tier: Option<String>,
    /// What it asks.
    pub policy: crate::api::ApprovalPolicy,
    /// What all who decide there say of the same asset, where several people have to waive a rule.
    pub ballots: Vec<tally::Ballot>,
    /// Why the version cannot serve there, whoever approves it, as a part of a sentence.
    pub closed: Option<String>,
}

/// What to say of an approval. The first question that has an answer decides.
pub fn decide(facts: &Facts) -> Decision<ApprovalStatus> {
    let mut status = facts.status.clone();
    status.observed_generation = facts.situation.generation;
    status.last_handled_reconcile.clone_from(&facts.situation.asks);
    let verdict = first_of(
        facts,
        &[report_deletion, report_expiry, look_for_version, refuse_another_asset, report_uncounted],
    )
    .unwrap_or_else(|| settle(facts));
    let (conditions, verdict) = facts.situation.conclude(&facts.status.conditions, None, &[], verdict);
    status.conditions = conditions;
    verdict.decision(status)
}

impl Facts {
    /// Nothing is ever called for an approval, so there is never an answer to take in.
    pub fn absorb(
        &mut self,
        _: &crate::azure::model::Call,
        _: Result<&crate::azure::model::Reply, &crate::azure::model::Error>,
    ) {
    }

    /// Does the decision count in a Workspace in which the version may serve?
    fn counts_in(&self, asker: &Asker) -> bool {
        self.standing(asker) == Standing::Counts && asker.closed.is_none()
    }

    /// How a Workspace sees the decision.
    fn standing(&self, asker: &Asker) -> Standing {
        self.question(asker).standing(&self.ballot)
    }

    /// How many people waive a rule in a Workspace.
    fn waiving(&self, asker: &Asker, rule: &str) -> usize {
        let tally = self.question(asker).count(&asker.ballots);
        tally::people(tally.waiving(&asker.policy, rule), self.situation.authors_checked)
    }

    fn question<'a>(&'a self, asker: &'a Asker) -> Question<'a> {
        let created = match &self.version {
            SourceVersion::Ready { created, .. } => *created,
            _ => None,
        };
        Question {
            policy: &asker.policy,
            tier: asker.tier.as_deref(),
            asset: &self.spec.asset_id,
            made: created,
            now: self.situation.now,
        }
    }
}

/// Our finalizer is never on an Approval: where another's holds it, the decision is taken back all the same.
fn report_deletion(facts: &Facts) -> Option<Verdict> {
    facts.situation.deleting.then(|| {
        Verdict::stalled(Reason::Finishing, "The decision is being deleted, and does not count any more.")
    })
}

fn report_expiry(facts: &Facts) -> Option<Verdict> {
    let at = facts.spec.expires_at.filter(|at| *at <= facts.situation.now)?;
    Some(Verdict::stalled(
        Reason::Expired,
        format!(
            "The decision ended at {at}, and does not count any more. To decide again, make a new Approval."
        ),
    ))
}

fn look_for_version(facts: &Facts) -> Option<Verdict> {
    match &facts.version {
        SourceVersion::Missing { what } => Some(Verdict::stalled(
            Reason::ReferenceNotFound,
            format!(
                "There is no {what}, or no Workspace that counts approvals of this namespace may use it. Check spec.modelVersionRef in a new Approval."
            ),
        )),
        SourceVersion::NotWatched { because } => Some(Verdict::stalled(Reason::NotWatched, because)),
        SourceVersion::NotReady { what, because, registered: None, .. } => Some(Verdict::stalled(
            Reason::ReferenceNotReady,
            format!("{what} is not registered yet: {because}"),
        )),
        SourceVersion::NotReady { .. } | SourceVersion::Ready { .. } => None,
    }
}

fn refuse_another_asset(facts: &Facts) -> Option<Verdict> {
    let (SourceVersion::Ready { asset_id: asset, .. }
    | SourceVersion::NotReady { registered: Some((asset, _)), .. }) = &facts.version
    else {
        return None;
    };
    (!facts.ballot.is_about(&facts.spec.asset_id, asset)).then(|| {
        Verdict::stalled(
            Reason::AssetMismatch,
            format!(
                "The decision is about {0}, and the ModelVersion {1} is {asset}. To decide about {1}, make a new Approval. Where a Workspace asks about {0}, this decision counts all the same.",
                facts.spec.asset_id, facts.spec.model_version_ref.name
            ),
        )
    })
}

/// Where it counts for nothing, and why.
fn report_uncounted(facts: &Facts) -> Option<Verdict> {
    if facts.places.iter().any(|place| facts.counts_in(place)) {
        return None;
    }
    let standings = || facts.places.iter().map(|place| (place, facts.standing(place)));
    let closed = |(place, standing): (&Asker, Standing)| {
        let because = place.closed.clone().filter(|_| standing == Standing::Counts)?;
        Some(format!(
            "It does not count in {}: the version cannot serve there, because {because}.",
            place.title
        ))
    };
    if let Some(said) = standings().find_map(closed) {
        return Some(Verdict::stalled(Reason::NotCounted, said));
    }
    let because = match standings().next() {
        None => {
            "No Workspace counts approvals of this namespace (spec.policy.approvals.fromNamespaces of a Workspace names those that count).".to_string()
        }
        Some((_, Standing::OfAnEarlierAsset)) => {
            return Some(Verdict::stalled(
                Reason::AssetMismatch,
                "Azure made the version after this decision: its number was registered again, perhaps with other files. Look at the version, and decide again in a new Approval.",
            ));
        }
        Some((_, standing @ Standing::OfOtherFiles { .. })) => {
            return Some(Verdict::stalled(
                Reason::AssetMismatch,
                format!(
                    "It does not count: {}. Look at the version, and decide again in a new Approval.",
                    standing.because()
                ),
            ));
        }
        Some((place, standing)) => format!("It does not count in {}: {}.", place.title, standing.because()),
    };
    Some(Verdict::stalled(Reason::NotCounted, because))
}

/// Where it counts and which of the rules that it names it may waive there, in sentences.
fn waived(facts: &Facts) -> String {
    let counting = facts.places.iter().filter(|place| facts.counts_in(place));
    let mut said = vec![];
    for place in counting.filter(|_| !facts.spec.waives.is_empty()).take(NAMED) {
        let may = |rule: &&String| place.policy.waivable.contains(rule);
        let (waived, kept): (Vec<&String>, Vec<&String>) = facts.spec.waives.iter().partition(may);
        let list = |rules: Vec<&String>| rules.into_iter().cloned().collect::<Vec<_>>().join(", ");
        let needed = place.policy.people();
        let (works, lacks): (Vec<&String>, Vec<&String>) =
            waived.into_iter().partition(|rule| needed == 1 || facts.waiving(place, rule) >= needed);
        if !works.is_empty() {
            said.push(format!(" In {} it waives {}.", place.title, list(works)));
        }
        for rule in lacks {
            said.push(format!(
                " In {} {rule} is waived by {} of {needed} people, which is not enough yet.",
                place.title,
                facts.waiving(place, rule)
            ));
        }
        if !kept.is_empty() {
            said.push(format!(
                " {} does not let {} be waived (spec.policy.approvals.waivable).",
                place.title,
                list(kept)
            ));
        }
    }
    said.concat()
}

fn settle(facts: &Facts) -> Verdict {
    let counts = |place: &&Asker| facts.counts_in(place);
    let places: Vec<&str> = facts.places.iter().filter(counts).map(|place| place.title.as_str()).collect();
    let more = match places.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let named = places.into_iter().take(NAMED).collect::<Vec<_>>().join(", ");
    let waived = waived(facts);
    let settled = Verdict::settled(Reason::Valid, format!("The decision counts in {named}{more}.{waived}"));
    let Some(until) = facts.spec.expires_at else { return settled };
    let left = until.duration_since(facts.situation.now).unsigned_abs();
    Verdict { next: LookAgain::After(left.max(std::time::Duration::from_secs(1))), ..settled }
}

#[cfg(test)]
mod tests;
