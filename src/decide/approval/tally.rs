//! Which approvals of an asset count for a Workspace, and whether they are enough.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;

use crate::api::{Approval, ApprovalDecision, ApprovalPolicy, Object};
use crate::azure::model::folded;

/// How long before its end an approval is spoken of.
const NOTICE: Duration = Duration::from_secs(14 * 86_400);

/// One decision, as it was written.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ballot {
    /// The namespace of the Approval.
    pub namespace: String,
    /// The name of the Approval.
    pub name: String,
    /// Who decided.
    pub by: String,
    /// What.
    pub approves: bool,
    /// The tiers that it speaks of; all where it names none.
    pub tiers: Vec<String>,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
    /// When it was written, by the API server's clock. Whoever applies an Approval again gets a new time.
    pub written: Timestamp,
    /// When Azure made the version that is meant, as whoever wrote it says.
    pub asset_created_at: Option<Timestamp>,
    /// The rules that it waives.
    pub waives: Vec<String>,
    /// Why.
    pub reason: Option<String>,
}

impl Ballot {
    /// An Approval as a ballot.
    pub fn of(approval: &Approval) -> Self {
        let spec = &approval.spec;
        Self {
            namespace: approval.home(),
            name: approval.metadata.name.clone().unwrap_or_default(),
            by: spec.by.clone(),
            approves: spec.decision == ApprovalDecision::Approved,
            tiers: spec.tiers.clone(),
            expires_at: spec.expires_at,
            written: approval.created(),
            asset_created_at: spec.asset_created_at,
            waives: spec.waives.clone(),
            reason: spec.reason.clone(),
        }
    }

    /// From when on it is said that it ends: two weeks before, and not before half of its time is over.
    pub fn warns_at(&self) -> Option<Timestamp> {
        let ends = self.expires_at?;
        let half = self.written + self.written.duration_until(ends) / 2;
        Some(half.max(ends - NOTICE))
    }

    /// Does a decision that names the asset `named` speak of `asset`? A model whose name has other capitals is another one; but
    /// whoever rejects may have meant either.
    pub fn is_about(&self, named: &str, asset: &str) -> bool {
        folded(named) == folded(asset) || (!self.approves && named.to_lowercase() == asset.to_lowercase())
    }

    /// Is it about the version in a workspace that Azure made at this time? Kubernetes counts whole seconds.
    fn about_files_of(&self, made: Timestamp) -> Standing {
        match self.asset_created_at {
            Some(meant) if meant.as_second() == made.as_second() => Standing::Counts,
            Some(meant) => Standing::OfOtherFiles { meant, made },
            None if made.as_second() > self.written.as_second() => Standing::OfAnEarlierAsset,
            None => Standing::Counts,
        }
    }

    /// `Approval model-risk/taxi-3-ada of ada@fares.example`.
    pub fn title(&self) -> String {
        format!("Approval {}/{} of {}", self.namespace, self.name, self.by)
    }
}

/// Whether a ballot counts for a Workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    Counts,
    /// It has ended.
    Expired(Timestamp),
    /// The Workspace does not name its namespace.
    OtherNamespace,
    /// It speaks of other tiers than the Workspace's.
    OtherTier,
    /// Azure made the asset after the decision. The number of a version in a workspace can be made again.
    OfAnEarlierAsset,
    /// It names another time than Azure does at which the asset was made.
    OfOtherFiles {
        /// What it names.
        meant: Timestamp,
        /// What Azure says.
        made: Timestamp,
    },
    /// Azure does not say when it made the asset.
    OfUnknownAge,
}

impl Standing {
    /// Why it does not count, as a part of a sentence.
    pub fn because(&self) -> String {
        match self {
            Self::Counts => "it counts".into(),
            Self::Expired(at) => format!("it ended at {at}"),
            Self::OtherNamespace => "approvals of its namespace do not count there".into(),
            Self::OtherTier => "spec.tiers does not name the tier of that Workspace".into(),
            Self::OfAnEarlierAsset => "Azure made the version after the decision".into(),
            Self::OfOtherFiles { meant, made } => format!(
                "it is about the version that Azure made at {meant} (spec.assetCreatedAt), and Azure made the one that is there now at {made}"
            ),
            Self::OfUnknownAge => {
                "Azure does not say when it made the version, and a version in a workspace can be made again"
                    .into()
            }
        }
    }
}

/// What a Workspace asks of the approvals of an asset.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// Its policy.
    pub policy: &'a ApprovalPolicy,
    /// Its tier.
    pub tier: Option<&'a str>,
    /// The asset.
    pub asset: &'a str,
    /// When Azure made the asset, where that is known. It matters only in a workspace: in a registry a number is made once.
    pub made: Option<Timestamp>,
    /// The time.
    pub now: Timestamp,
}

/// What the ballots of an asset come to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tally {
    /// Those that count and approve.
    pub approved: Vec<Ballot>,
    /// Those that count and reject.
    pub rejected: Vec<Ballot>,
    /// Those that do not count, and why.
    pub ignored: Vec<(Ballot, Standing)>,
}

impl Question<'_> {
    /// Does this ballot count?
    pub fn standing(&self, ballot: &Ballot) -> Standing {
        let again = !self.asset.starts_with("azureml://");
        match (ballot.expires_at, self.made) {
            _ if !self.policy.from_namespaces.contains(&ballot.namespace) => Standing::OtherNamespace,
            _ if !ballot.tiers.is_empty()
                && !ballot.tiers.iter().any(|tier| Some(tier.as_str()) == self.tier) =>
            {
                Standing::OtherTier
            }
            (Some(at), _) if at <= self.now => Standing::Expired(at),
            // A rejection of an earlier asset is a warning that nobody has taken back.
            _ if !again || !ballot.approves => Standing::Counts,
            (_, None) => Standing::OfUnknownAge,
            (_, Some(made)) => ballot.about_files_of(made),
        }
    }

    /// Counts the ballots.
    pub fn count(&self, ballots: &[Ballot]) -> Tally {
        let mut tally = Tally::default();
        for ballot in ballots {
            match self.standing(ballot) {
                Standing::Counts if ballot.approves => tally.approved.push(ballot.clone()),
                Standing::Counts => tally.rejected.push(ballot.clone()),
                other => tally.ignored.push((ballot.clone(), other)),
            }
        }
        tally
    }
}

/// How many different people these are of. Where nobody checks who writes an Approval, those of one namespace are of one person,
/// and so are those that name the same person. Most directories know people by names without case, so `Ada@fares.example` and
/// `ada@fares.example` are one person.
pub fn people<'a>(ballots: impl IntoIterator<Item = &'a Ballot>, authors_checked: bool) -> usize {
    let mut people: Vec<(BTreeSet<String>, BTreeSet<&str>)> = vec![];
    for ballot in ballots {
        let mut one = (BTreeSet::from([ballot.by.trim().to_lowercase()]), BTreeSet::new());
        if !authors_checked {
            one.1.insert(ballot.namespace.as_str());
        }
        let is_one = |other: &(BTreeSet<String>, BTreeSet<&str>)| {
            !other.0.is_disjoint(&one.0) || !other.1.is_disjoint(&one.1)
        };
        let (same, others): (Vec<_>, Vec<_>) = people.into_iter().partition(is_one);
        for (names, namespaces) in same {
            one.0.extend(names);
            one.1.extend(namespaces);
        }
        people = others;
        people.push(one);
    }
    people.len()
}

impl Tally {
    /// How many different people approve.
    pub fn people(&self, authors_checked: bool) -> usize {
        people(&self.approved, authors_checked)
    }

    /// Those that count and waive this rule, where the policy lets it be waived. A waiver without an end is none.
    pub fn waiving(&self, policy: &ApprovalPolicy, rule: &str) -> Vec<&Ballot> {
        if !policy.waivable.iter().any(|it| it == rule) {
            return vec![];
        }
        let waives = |it: &&Ballot| it.expires_at.is_some() && it.waives.iter().any(|it| it == rule);
        self.approved.iter().filter(waives).collect()
    }

    /// When it is worth counting again: when the first of those that count ends, or is to be warned of.
    pub fn changes(&self, now: Timestamp) -> Option<Timestamp> {
        let ends = self.approved.iter().chain(&self.rejected).filter_map(|ballot| ballot.expires_at);
        let warns = self.approved.iter().filter_map(Ballot::warns_at).filter(|at| *at > now);
        ends.chain(warns).min()
    }
}
