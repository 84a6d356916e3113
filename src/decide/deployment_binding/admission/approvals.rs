//! Whose approvals a version has, and what follows when they are gone.

use std::time::Duration;

use jiff::Timestamp;

use super::super::{Before, Facts};
use super::{Rule, Ruling};
use crate::api::{
    Approval, ApprovalPolicy, KnownApproval, Object, ObjectKey, ObjectKind, OnWithdrawal, PastApproval,
    Reason,
};
use crate::azure::model::resource::ModelVersion;
use crate::azure::model::{Purpose, folded};
use crate::decide::approval::tally::{Ballot, Question, Standing, Tally};
use crate::decide::facts::{ClusterRead, Known, Name};
use crate::decide::rollout::{Revision, STABLE_TAG};
use crate::decide::verdict::Event;
use crate::decide::{Mode, Place, SourceVersion, elapsed, in_one_line, in_seconds};

/// How a sentence about what serves begins, where the manifest asks for something else.
pub(super) const WHAT_SERVES: &str = "What serves, ";

/// A deletion that was seen counts as a withdrawal only after this: a tool may delete and apply again.
const GRACE: Duration = Duration::from_secs(300);
/// How many ballots a sentence names.
const NAMED: usize = 5;
/// What a status may hold.
const KNOWN: usize = 50;
/// How many an entry of the history keeps.
const PAST_APPROVALS: usize = 10;

/// What the cluster has of the approvals of everything that serves here or is wanted.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Approvals {
    /// The asset, and a decision about it.
    pub ballots: Vec<(String, Ballot)>,
    /// The Approvals that the status remembers and whose deletion this process has seen, by namespace and name.
    pub deleted: Vec<(String, String)>,
    /// The Approvals that the status remembers and that are there, but count for nothing here any more: by namespace and name,
    /// with the reason as a part of a sentence.
    pub uncounted: Vec<(String, String, String)>,
    /// The namespaces whose decisions would count, and which the operator does not watch.
    pub unwatched: Vec<String>,
    /// When Azure made the wanted version, as it says now.
    pub made: Option<Timestamp>,
}

/// What speaks against an asset, from the least to the most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Against {
    Nothing,
    /// An approval that it needs has ended.
    Expiry,
    /// A rejection, or an approval that was withdrawn and is missing now.
    Word,
}

impl Approvals {
    /// Looks for the approvals of these assets; nothing where the workspace asks for none.
    pub fn gather(
        place: &Place,
        version: &SourceVersion,
        mut assets: Vec<String>,
        remembered: &[KnownApproval],
        known: &mut Known,
    ) -> Self {
        let mut found = Self::default();
        let Place::Ready { policy, .. } = place else { return found };
        let Some(policy) = &policy.approvals else { return found };
        if let SourceVersion::Ready { asset_id, .. } = version {
            assets.push(asset_id.clone());
            found.made = made(version, known);
        }
        assets.sort_by_key(|asset| folded(asset));
        assets.dedup_by_key(|asset| folded(asset));
        let mut going: Vec<(String, String)> = vec![];
        for asset in assets {
            for namespace in &policy.from_namespaces {
                let name = Name::decision(&asset, namespace);
                if known.is_unwatched(&ClusterRead::Naming(ObjectKind::Approval, name.clone()))
                    && !found.unwatched.contains(namespace)
                {
                    found.unwatched.push(namespace.clone());
                }
                for approval in known.naming::<Approval>(name) {
                    let ballot = Ballot::of(&approval);
                    if !ballot.is_about(&approval.spec.asset_id, &asset) {
                        continue;
                    }
                    // Somebody else's finalizer does not keep a word that was taken back.
                    if approval.is_deleting() {
                        going.push((ballot.namespace, ballot.name));
                    } else {
                        found.ballots.push((asset.clone(), ballot));
                    }
                }
            }
        }
        found.ballots.sort();
        for it in remembered {
            let (namespace, name) = (it.namespace.clone(), it.name.clone());
            let there = found.ballots.iter().any(|(_, b)| b.namespace == namespace && b.name == name);
            let key = ObjectKey {
                kind: ObjectKind::Approval,
                namespace: namespace.as_str().into(),
                name: name.as_str().into(),
            };
            if there {
                continue;
            }
            let gone = going.contains(&(namespace.clone(), name.clone())) || known.let_go(key.clone());
            if gone {
                found.deleted.push((namespace, name));
            } else if let Some(because) = uncounted(it, key, policy, known) {
                found.uncounted.push((namespace, name, because));
            }
        }
        found
    }

    /// Why an Approval that the status remembers, and that is there, counts for nothing here.
    fn uncounted_because(&self, it: &KnownApproval) -> Option<&str> {
        let found = self.uncounted.iter().find(|(n, name, _)| (n, name) == (&it.namespace, &it.name))?;
        Some(&found.2)
    }

    fn of(&self, asset: &str) -> Vec<Ballot> {
        let same = |(of, _): &&(String, Ballot)| folded(of) == folded(asset);
        self.ballots.iter().filter(same).map(|(_, ballot)| ballot.clone()).collect()
    }
}

/// Why an Approval that counted once, and is still there under its name, is not among those that are counted.
fn uncounted(
    it: &KnownApproval,
    key: ObjectKey,
    policy: &ApprovalPolicy,
    known: &mut Known,
) -> Option<String> {
    let read = ClusterRead::Object(key.clone());
    let Some(found) = known.object::<Approval>(key) else {
        let unwatched = known.is_unwatched(&read);
        return unwatched.then(|| "the operator does not watch its namespace any more".into());
    };
    if found.is_deleting() {
        return Some("it is being deleted".into());
    }
    if folded(&found.spec.asset_id) != folded(&it.asset_id) {
        return Some(format!("it was made again, and is about {}", found.spec.asset_id));
    }
    let counts = policy.from_namespaces.contains(&it.namespace);
    (!counts).then(|| Standing::OtherNamespace.because())
}

/// When Azure made the version, where it is in a workspace: its number can be made again there, so this is read, and not remembered.
pub(in crate::decide::deployment_binding) fn made(
    version: &SourceVersion,
    known: &mut Known,
) -> Option<Timestamp> {
    let SourceVersion::Ready { acting, id, registry: None, .. } = version else { return None };
    let read = known.resource_as::<ModelVersion>(acting, Purpose::TraceLineage, id);
    read.and_then(Result::ok).flatten().and_then(|version| version.created())
}

impl Facts {
    /// What the workspace asks of approvals, and its tier.
    pub(super) fn asked_of_approvals(&self) -> Option<(&ApprovalPolicy, Option<&str>)> {
        let Place::Ready { policy, .. } = &self.place else { return None };
        Some((policy.approvals.as_ref()?, policy.tier.as_deref()))
    }

    /// The ballots of an asset, counted.
    pub(super) fn count(&self, asset: &str) -> Option<Tally> {
        let (policy, tier) = self.asked_of_approvals()?;
        let wanted = match &self.version {
            SourceVersion::Ready { asset_id, .. } => folded(asset_id) == folded(asset),
            _ => false,
        };
        let made = self.approvals.made.filter(|_| wanted);
        let question = Question { policy, tier, asset, made, now: self.situation.now };
        Some(question.count(&self.approvals.of(asset)))
    }

    /// Do enough different people approve?
    pub(super) fn is_enough(&self, tally: &Tally) -> bool {
        let Some((policy, _)) = self.asked_of_approvals() else { return true };
        tally.rejected.is_empty() && tally.people(self.situation.authors_checked) >= policy.people()
    }

    /// Has an approval of this asset been deleted, seen and for good?
    fn is_withdrawn(&self, asset: &str) -> bool {
        self.remembered_approvals().iter().any(|it| {
            folded(&it.asset_id) == folded(asset)
                && it.withdrawn_at.is_some_and(|at| elapsed(at, self.situation.now) >= GRACE)
        })
    }

    /// What speaks against this asset? An absence that nobody saw arise says nothing: a restore may be on its way.
    fn against(&self, asset: &str) -> Against {
        let Some(tally) = self.count(asset) else { return Against::Nothing };
        // One that ended while others were enough is no evidence, unless nothing is remembered.
        let before: Vec<&KnownApproval> =
            self.status.approvals.iter().filter(|it| folded(&it.asset_id) == folded(asset)).collect();
        let counted = |ballot: &Ballot| {
            let is_it = |it: &&KnownApproval| it.namespace == ballot.namespace && it.name == ballot.name;
            before.is_empty() || before.iter().any(is_it)
        };
        let ended = |(ballot, standing): &(Ballot, Standing)| {
            ballot.approves && matches!(standing, Standing::Expired(_)) && counted(ballot)
        };
        let lacking = !self.is_enough(&tally);
        if !tally.rejected.is_empty() || (lacking && self.is_withdrawn(asset)) {
            Against::Word
        } else if lacking && tally.ignored.iter().any(ended) {
            Against::Expiry
        } else {
            Against::Nothing
        }
    }

    /// Does somebody speak against this asset?
    pub(super) fn is_revoked(&self, asset: &str) -> bool {
        self.against(asset) == Against::Word
    }

    /// Where the traffic goes when what serves is not approved any more and the workspace says `RollBack`: to the last that was stable
    /// before and is still admitted. Where there is none, or a person has said what is to serve, what serves keeps its traffic.
    pub fn goes_back(&self) -> Option<(Revision, String)> {
        let (policy, _) = self.asked_of_approvals()?;
        let kept = self.situation.deleting || self.held().is_some();
        if policy.on_withdrawal != Some(OnWithdrawal::RollBack) || kept {
            return None;
        }
        if self.against(&self.serving_asset()?) == Against::Nothing {
            return None;
        }
        let approved = |it: &&Before| self.count(&it.asset_id).is_some_and(|tally| self.is_enough(&tally));
        let mut back = self.before.iter().filter(approved);
        let back = back.find(|it| self.puts_out_of_reach(it).is_none())?;
        Some((back.revision.clone(), back.deployment.clone()))
    }

    /// The asset that serves for certain.
    fn serving_asset(&self) -> Option<String> {
        let stable = self.endpoint.found()?.tags.get(STABLE_TAG)?;
        let stable = self.deployments.iter().find(|d| d.name() == stable)?;
        stable.properties.model.clone()
    }

    /// Why this asset is not approved any more, in a sentence; none where nobody speaks against it.
    pub(in crate::decide::deployment_binding) fn against_in_words(&self, asset: &str) -> Option<String> {
        let against = self.against(asset);
        let tally = self.count(asset).filter(|_| against != Against::Nothing)?;
        let title = title_of(asset);
        if let Some(ballot) = tally.rejected.first() {
            let reason = ballot.reason.as_deref().map(in_one_line).unwrap_or_default();
            let reason: String = reason.chars().take(256).collect();
            let why =
                if reason.is_empty() { String::new() } else { format!(": {}", reason.trim_end_matches('.')) };
            return Some(format!("{} rejects {title}{why}.", ballot.title()));
        }
        let mut known = self.remembered_approvals().into_iter();
        let withdrawn = known.find(|it| folded(&it.asset_id) == folded(asset) && it.withdrawn_at.is_some());
        if let Some(it) = withdrawn.filter(|_| against == Against::Word) {
            return Some(format!(
                "Approval {}/{} of {}, of {title}, was withdrawn.",
                it.namespace, it.name, it.by
            ));
        }
        let ended = |(it, standing): &(Ballot, Standing)| match standing {
            Standing::Expired(at) if it.approves => Some((it.title(), *at)),
            _ => None,
        };
        let (approval, at) = tally.ignored.iter().filter_map(ended).max_by_key(|(_, at)| *at)?;
        Some(format!("{approval}, of {title}, ended at {}.", in_seconds(at)))
    }

    /// That what serves is not approved any more, where the manifest asks for another version by now, in sentences.
    pub(in crate::decide::deployment_binding) fn against_what_serves(&self) -> Option<String> {
        let asset = self.serving_asset()?;
        let is_wanted = match &self.version {
            SourceVersion::Ready { asset_id, .. } => folded(asset_id) == folded(&asset),
            _ => false,
        };
        let because = self.against_in_words(&asset).filter(|_| !is_wanted)?;
        let (policy, _) = self.asked_of_approvals()?;
        let then = match (policy.on_withdrawal, self.goes_back()) {
            (Some(OnWithdrawal::RollBack), Some((_, name))) => format!("The traffic goes back to {name}"),
            (Some(OnWithdrawal::RollBack), None) if self.held().is_some() => format!(
                "It keeps its traffic because somebody rolled back to it. To have another revision serve, run `bindery rollback {binding} --to-revision REVISION`, or `bindery release {binding}`",
                binding = self.situation.ownership.owner.name()
            ),
            (Some(OnWithdrawal::RollBack), None) => {
                "It keeps its traffic: no other version that was stable here before is still admitted".into()
            }
            _ => "It keeps its traffic (policy.approvals.onWithdrawal is KeepServing)".into(),
        };
        Some(format!("{WHAT_SERVES}{}, is not approved any more. {because} {then}.", title_of(&asset)))
    }

    /// Does something speak against going back to this asset? `warm`: its deployment is still there, and so is the memory of its
    /// approvals. Of another one nobody remembers what became of them, so it has to have them, or they have to have ended.
    pub(in crate::decide::deployment_binding) fn speaks_against_going_back(
        &self,
        asset: &str,
        warm: bool,
    ) -> bool {
        let (Some((policy, _)), Some(tally)) = (self.asked_of_approvals(), self.count(asset)) else {
            return false;
        };
        let now = self.situation.now;
        let remembered = self.status.approvals.iter().filter(|it| folded(&it.asset_id) == folded(asset));
        let had_ended = remembered.filter_map(|it| it.expires_at).any(|at| at <= now);
        let ended = tally
            .ignored
            .iter()
            .any(|(ballot, standing)| ballot.approves && matches!(standing, Standing::Expired(_)));
        let lacking = !self.is_enough(&tally);
        // Where the workspace takes traffic away when an approval ends, it would be taken away again.
        let roll_back = policy.on_withdrawal == Some(OnWithdrawal::RollBack);
        self.against(asset) == Against::Word
            || (lacking && roll_back && (ended || had_ended))
            || (lacking && !warm && !ended && !had_ended)
    }

    /// What the status remembers of approvals: of each asset that serves or is wanted, those that are enough, or the last ones
    /// that were.
    pub(in crate::decide::deployment_binding) fn remembered_approvals(&self) -> Vec<KnownApproval> {
        // What cannot be looked at now is not forgotten.
        if !matches!(self.place, Place::Ready { .. }) || self.endpoint.seen().is_none() {
            return self.status.approvals.clone();
        }
        if self.asked_of_approvals().is_none() {
            return vec![];
        }
        let mut all: Vec<KnownApproval> = vec![];
        for asset in self.assets() {
            let tally = self.count(&asset).unwrap_or_default();
            if self.is_enough(&tally) {
                all.extend(tally.approved.iter().map(|ballot| known_approval(&asset, ballot)));
                continue;
            }
            // The last ones that were enough: what was lost of them is evidence, and nothing else is.
            let before = self.status.approvals.iter().filter(|it| folded(&it.asset_id) == folded(&asset));
            all.extend(before.map(|it| {
                let is_it = |(n, name): (&String, &String)| *n == it.namespace && *name == it.name;
                let there = self.approvals.ballots.iter().any(|(_, b)| is_it((&b.namespace, &b.name)));
                let seen = self.approvals.deleted.iter().any(|(n, name)| is_it((n, name)));
                let withdrawn_at = it.withdrawn_at.or_else(|| seen.then_some(self.situation.now));
                KnownApproval { withdrawn_at: withdrawn_at.filter(|_| !there), ..it.clone() }
            }));
        }
        all.sort();
        all.truncate(KNOWN);
        all
    }

    /// The approvals of an asset that are enough now, as the history keeps them.
    pub(in crate::decide::deployment_binding) fn approvals_then(&self, asset: &str) -> Vec<PastApproval> {
        let Some(tally) = self.count(asset).filter(|tally| self.is_enough(tally)) else { return vec![] };
        let past = |it: &Ballot| PastApproval {
            namespace: it.namespace.clone(),
            name: it.name.clone(),
            by: it.by.clone(),
        };
        tally.approved.iter().map(past).take(PAST_APPROVALS).collect()
    }

    /// The assets that matter here.
    fn assets(&self) -> Vec<String> {
        let mut all: Vec<String> =
            self.deployments.iter().filter_map(|d| d.properties.model.clone()).collect();
        if let SourceVersion::Ready { asset_id, .. } = &self.version {
            all.push(asset_id.clone());
        }
        all.sort_by_key(|asset| folded(asset));
        all.dedup_by_key(|asset| folded(asset));
        all
    }

    /// When it is worth counting again: when an approval ends, or when a deletion has stood for long enough.
    pub(in crate::decide::deployment_binding) fn approvals_change(&self) -> Option<Duration> {
        let now = self.situation.now;
        let ends =
            self.assets().iter().filter_map(|asset| self.count(asset)?.changes(now)).collect::<Vec<_>>();
        let stands = self.remembered_approvals().into_iter().filter_map(|it| it.withdrawn_at);
        let stands = stands.map(|at| at + GRACE).filter(|at| *at > now);
        let first = ends.into_iter().chain(stands).min()?;
        Some(first.duration_since(now).unsigned_abs().max(Duration::from_secs(1)))
    }
}

/// The model and version of an asset, such as `taxi:3`.
fn title_of(asset: &str) -> String {
    let mut segments = asset.rsplit('/');
    match (segments.next(), segments.next(), segments.next()) {
        (Some(version), Some("versions"), Some(model)) => format!("{model}:{version}"),
        _ => asset.to_string(),
    }
}

/// That the traffic moves before long, in a sentence: somebody has deleted an approval, and it may come back until then.
pub(super) fn coming(facts: &Facts) -> Option<String> {
    if facts.situation.mode != Mode::Act || facts.goes_back().is_some() {
        return None;
    }
    let (remembered, now) = (facts.remembered_approvals(), facts.situation.now);
    let stands = remembered.iter().filter_map(|it| it.withdrawn_at).map(|at| at + GRACE);
    let at = stands.filter(|at| *at > now).min()?;
    let mut then = facts.clone();
    (then.situation.now, then.status.approvals) = (at, remembered);
    if let Some((_, name)) = then.goes_back() {
        let serves = title_of(&facts.serving_asset()?);
        return Some(format!(
            "At {} the traffic goes back to {name}, unless {serves}, which serves, is approved again before.",
            in_seconds(at)
        ));
    }
    let (_, candidate) = facts.wanted().filter(|(_, name)| !facts.is_stable(name))?;
    let has = facts.endpoint.found()?.weight(&candidate) > 0;
    (has && then.must_fall() && !facts.must_fall()).then(|| {
        format!(
            "At {} {candidate} loses its traffic, unless its version is approved again before.",
            in_seconds(at)
        )
    })
}

/// Approvals that are known to be deleted now, and were not before.
pub(in crate::decide::deployment_binding) fn withdrawals(facts: &Facts, now: &[KnownApproval]) -> Vec<Event> {
    let before = &facts.status.approvals;
    let is_new = |it: &&KnownApproval| {
        let is_it = |old: &KnownApproval| (&old.namespace, &old.name) == (&it.namespace, &it.name);
        it.withdrawn_at.is_some() && before.iter().any(|old| is_it(old) && old.withdrawn_at.is_none())
    };
    let coming = coming(facts).map(|it| format!(" {it}")).unwrap_or_default();
    let tell = |it: &KnownApproval| Event {
        warning: true,
        reason: Reason::NotApproved,
        deed: None,
        note: format!("Approval {}/{} of {} was withdrawn.{coming}", it.namespace, it.name, it.by),
    };
    now.iter().filter(is_new).map(tell).collect()
}

/// What the policy asks of the approvals of the wanted version, and what there is.
pub(super) fn ruling(facts: &Facts) -> Option<Ruling> {
    let (policy, tier) = facts.asked_of_approvals()?;
    let SourceVersion::Ready { asset_id, model, version, .. } = &facts.version else { return None };
    let tally = facts.count(asset_id)?;
    let people = policy.people();
    let namespaces = if policy.from_namespaces.len() == 1 { "namespace" } else { "namespaces" };
    let from = format!("{namespaces} {}", policy.from_namespaces.join(", "));
    let of_tier = tier.map(|tier| format!(", for tier {tier}")).unwrap_or_default();
    let asks = if people == 1 {
        format!("an Approval from {from}{of_tier}")
    } else {
        format!("Approvals of {people} different people from {from}{of_tier}")
    };
    let workspace = &facts.spec.workspace_ref.name;
    let refused = if let Some(first) = tally.rejected.first() {
        Some((
            Reason::Rejected,
            format!(
                "{} rejects {model}:{version}. Serve another version, or have whoever rejected it delete that Approval.",
                first.title()
            ),
        ))
    } else if facts.is_enough(&tally) {
        None
    } else {
        let has = match tally.people(facts.situation.authors_checked) {
            0 => "none".to_string(),
            one => format!("{one} of {people}"),
        };
        let unchecked = if facts.situation.authors_checked || people == 1 {
            ""
        } else {
            " Nobody checks who writes an Approval (approvalPolicy in the chart's values), so those of one namespace count as of one person."
        };
        Some((
            Reason::NotApproved,
            format!(
                "Workspace {workspace} serves only what is approved: {asks}; {model}:{version} has {has}.{}{unchecked} Approve it with an Approval whose spec.assetId is {asset_id}.",
                missing(facts, asset_id, &tally)
            ),
        ))
    };
    Some(Ruling::new(Rule::Approvals, asks, found(&tally), refused))
}

/// What there was and does not count, in sentences.
fn missing(facts: &Facts, asset: &str, tally: &Tally) -> String {
    let mut said: Vec<String> = tally
        .ignored
        .iter()
        .filter(|(ballot, standing)| ballot.approves && *standing != Standing::OtherNamespace)
        .map(|(ballot, standing)| format!(" {} does not count: {}.", ballot.title(), standing.because()))
        .collect();
    let gone = facts.remembered_approvals().into_iter().filter(|it| folded(&it.asset_id) == folded(asset));
    for it in gone {
        let title = format!("Approval {}/{} of {}", it.namespace, it.name, it.by);
        // What is there and does not count has its own sentence above.
        let is_it = |b: &Ballot| b.namespace == it.namespace && b.name == it.name;
        let there = tally.approved.iter().chain(tally.ignored.iter().map(|(b, _)| b)).any(is_it);
        match (it.withdrawn_at, facts.approvals.uncounted_because(&it)) {
            _ if there => {}
            (Some(at), _) => {
                said.push(format!(" {title} was withdrawn at {}.", in_seconds(at)));
            }
            (None, Some(because)) => said.push(format!(" {title} does not count any more: {because}.")),
            (None, None) => said
                .push(format!(" {title} is not there any more, and Bindery did not see it being deleted.")),
        }
    }
    said.truncate(NAMED);
    let unwatched = facts.approvals.unwatched.join(", ");
    if !unwatched.is_empty() {
        said.push(format!(
            " Approvals from {unwatched} are not seen: the operator does not watch that. Have it added to --watch-namespaces (watchNamespaces in the chart's values)."
        ));
    }
    said.concat()
}

fn found(tally: &Tally) -> String {
    let until = |ballot: &Ballot| ballot.expires_at.map(|at| format!(" until {at}")).unwrap_or_default();
    let listed = |what: &str, all: &[Ballot]| {
        let named: Vec<String> =
            all.iter().take(NAMED).map(|b| format!("{}{}", b.title(), until(b))).collect();
        (!named.is_empty()).then(|| format!("{what} by {}", named.join(", ")))
    };
    let all = [listed("rejected", &tally.rejected), listed("approved", &tally.approved)];
    let said: Vec<String> = all.into_iter().flatten().collect();
    if said.is_empty() { "none".into() } else { said.join("; ") }
}

fn known_approval(asset: &str, ballot: &Ballot) -> KnownApproval {
    KnownApproval {
        asset_id: asset.into(),
        namespace: ballot.namespace.clone(),
        name: ballot.name.clone(),
        by: ballot.by.clone(),
        expires_at: ballot.expires_at,
        withdrawn_at: None,
    }
}
