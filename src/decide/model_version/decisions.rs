//! Who has approved or rejected the version: in the status, and as tags for those who look in Azure.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;

use super::Facts;
use crate::api::{
    Approval, ApprovalDecision, ConditionType, Drift, ModelVersion, Object, VersionApproval, Workspace,
    conditions_of,
};
use crate::azure::model::ResourceId;
use crate::azure::model::resource::Strings;
use crate::decide::approval::tally::{Ballot, Question, Standing};
use crate::decide::drift::Differences;
use crate::decide::facts::{Known, Name};
use crate::decide::places::reference::{find_registry, may_refer};
use crate::decide::{Mode, in_seconds};

const APPROVED_BY: &str = "bindery-approved-by";
const APPROVED_AT: &str = "bindery-approved-at";
const APPROVED_UNTIL: &str = "bindery-approved-until";
const REJECTED_BY: &str = "bindery-rejected-by";
const REJECTED_AT: &str = "bindery-rejected-at";
const KEYS: [&str; 5] = [APPROVED_BY, APPROVED_AT, APPROVED_UNTIL, REJECTED_BY, REJECTED_AT];

/// By then the Approvals about an asset that a status names for the first time have been looked at.
const APPROVALS: Duration = Duration::from_secs(30);
/// What a status may hold of decisions.
const MOST: usize = 20;
/// What ARM takes as the value of a tag, in characters.
const TAG_VALUE: usize = 256;

/// The decisions about an asset that count in some Workspace which may use it, the latest first. Only an Approval that was found
/// to count names its asset, so what anybody else writes about it is not even looked at.
pub(super) fn gather(
    version: &ModelVersion,
    id: &ResourceId,
    asset: &str,
    now: Timestamp,
    known: &mut Known,
) -> Vec<VersionApproval> {
    let made = version.current().created_at;
    let mut all = vec![];
    for approval in known.naming::<Approval>(Name::decided(asset)) {
        let said = conditions_of(approval.conditions()).is_true(ConditionType::Ready);
        let (home, ballot) = (approval.home(), Ballot::of(&approval));
        if approval.is_deleting() || !said || !ballot.is_about(&approval.spec.asset_id, asset) {
            continue;
        }
        let askers = known.naming::<Workspace>(Name::Approvers(home.as_str().into()));
        let counts = askers.iter().filter(|it| !it.is_deleting()).any(|it| {
            let Some(policy) = &it.spec.policy.approvals else { return false };
            let question = Question { policy, tier: it.spec.tier.as_deref(), asset, made, now };
            question.standing(&ballot) == Standing::Counts && may_use(it, version, id, known)
        });
        if counts {
            all.push(VersionApproval {
                created: ballot.written,
                namespace: home,
                name: ballot.name,
                decision: approval.spec.decision,
                by: ballot.by,
                tiers: ballot.tiers,
                expires_at: ballot.expires_at,
            });
        }
    }
    all.sort_by(|a, b| b.cmp(a));
    all.truncate(MOST);
    all
}

/// May this version serve in the workspace, as far as its place says?
fn may_use(workspace: &Workspace, version: &ModelVersion, id: &ResourceId, known: &mut Known) -> bool {
    let Some(reference) = &version.spec.registry_ref else { return id.is_in(&workspace.id()) };
    let registry = find_registry(reference, &version.home(), known);
    registry.is_some_and(|registry| may_refer(&*registry, &workspace.home(), known))
}

impl Facts {
    /// The tags that tell the decisions.
    fn decision_tags(&self) -> BTreeMap<&'static str, String> {
        let of = |decision| self.approvals.iter().filter(move |it| it.decision == decision);
        let mut tags = BTreeMap::new();
        for (decision, by, at) in [
            (ApprovalDecision::Approved, APPROVED_BY, APPROVED_AT),
            (ApprovalDecision::Rejected, REJECTED_BY, REJECTED_AT),
        ] {
            if let Some(latest) = of(decision).map(|it| it.created).max() {
                let who: BTreeSet<String> = of(decision).map(who).collect();
                let who = who.into_iter().collect::<Vec<_>>().join(", ");
                tags.insert(by, who.chars().take(TAG_VALUE).collect());
                tags.insert(at, in_seconds(latest).to_string());
            }
        }
        if let Some(first) = of(ApprovalDecision::Approved).filter_map(|it| it.expires_at).min() {
            tags.insert(APPROVED_UNTIL, in_seconds(first).to_string());
        }
        tags
    }

    /// Do the tags in Azure tell other decisions than there are?
    pub(super) fn tells_other_decisions(&self) -> bool {
        // An object that is new, or whose status was lost, is looked at before the Approvals that are about it: what they come to
        // is not known yet.
        self.status.asset_id.is_some() && self.decisions_differ()
    }

    /// In how much time the Approvals about a new object, or one whose status was lost, have been looked at. An Approval that counts
    /// wakes the version; where none counts, nobody does.
    pub(super) fn decisions_are_known(&self) -> Option<Duration> {
        let waits = self.status.asset_id.is_none() && self.situation.mode == Mode::Act;
        (waits && self.decisions_differ()).then_some(APPROVALS)
    }

    fn decisions_differ(&self) -> bool {
        let Some(version) = self.version.found() else { return false };
        let found = &version.properties.tags;
        let wanted = self.decision_tags();
        KEYS.iter().any(|key| found.get(*key) != wanted.get(key))
    }

    /// What the tags in Azure tell otherwise.
    pub(super) fn untold_decisions(&self) -> Vec<Drift> {
        let Some(version) = self.version.found() else { return vec![] };
        let (found, wanted) = (&version.properties.tags, self.decision_tags());
        let mut all = Differences::default();
        for key in KEYS {
            let found = found.get(key).map(String::as_str).unwrap_or_default();
            let wanted = wanted.get(key).map(String::as_str).unwrap_or_default();
            all.field(&format!("tags.{key}"), wanted, found);
        }
        all.0
    }

    /// Writes the decisions into the tags of a version.
    pub(super) fn tell_decisions(&self, tags: &mut Strings) {
        tags.retain(|key, _| !KEYS.iter().any(|ours| ours.eq_ignore_ascii_case(key)));
        tags.extend(self.decision_tags().into_iter().map(|(key, value)| (key.to_string(), value)));
    }
}

/// `ada@fares.example`, or `ada@fares.example for production` where the decision is about tiers.
fn who(approval: &VersionApproval) -> String {
    if approval.tiers.is_empty() {
        return approval.by.clone();
    }
    format!("{} for {}", approval.by, approval.tiers.join("/"))
}
