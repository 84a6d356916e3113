//! Which decisions count now, and what stands in the way of going back: by the rules that the operator holds them against.

use jiff::Timestamp;

use super::Picture;
use crate::answer::names::place_of;
use crate::api::{
    Approval, KnownApproval, ModelVersion, Object, ObjectKey, OnWithdrawal, Outcome, PastRollout,
    PolicySource, Registry, Workspace, WorkspaceSpec,
};
use crate::azure::model::folded;
use crate::decide::approval::tally::{Ballot, Question, Standing, Tally, people};
use crate::decide::places::{Policy, matches};

impl Picture {
    fn place(&self) -> Option<&WorkspaceSpec> {
        self.workspace.found().map(|workspace: &Workspace| &workspace.spec)
    }

    /// What the workspace asks of the approvals of an asset; none where it could not be read, or asks for none.
    fn question<'a>(&'a self, asset: &'a str) -> Option<Question<'a>> {
        let place = self.place()?;
        let made = self.holding(asset).and_then(|version| version.current().created_at);
        let policy = place.policy.approvals.as_ref()?;
        Some(Question { policy, tier: place.tier.as_deref(), asset, made, now: self.now })
    }

    /// Whether a decision about an asset counts in the workspace: `yes`, or `no` and why. Empty where nobody can say.
    pub(super) fn counts(&self, approval: &Approval, asset: &str) -> String {
        let Some(question) = self.question(asset) else { return String::new() };
        let ballot = Ballot::of(approval);
        if approval.is_deleting() {
            return "no: it is being deleted".into();
        }
        if !ballot.is_about(&approval.spec.asset_id, asset) {
            return "no: it is about a model whose name is written in other letters".into();
        }
        match question.standing(&ballot) {
            Standing::Counts => "yes".into(),
            other => format!("no: {}", other.because()),
        }
    }

    /// What has become of an approval that the binding remembers, in a few words.
    pub(super) fn state_of(&self, it: &KnownApproval) -> String {
        let second = |at: Timestamp| format!("{at:.0}");
        if let Some(at) = it.withdrawn_at {
            return format!("withdrawn {}", second(at));
        }
        if let Some(at) = it.expires_at.filter(|at| *at <= self.now) {
            return format!("ended {}", second(at));
        }
        let is_it = |found: &&Approval| found.home() == it.namespace && found.key().name.as_ref() == it.name;
        match self.approvals.iter().find(is_it) {
            Some(found) => match self.counts(found, &it.asset_id).strip_prefix("no: ") {
                Some(because) => format!("does not count: {because}"),
                None => it.expires_at.map_or_else(|| "given".into(), |at| format!("until {}", second(at))),
            },
            None if self.listed.contains(&it.namespace) => "not there any more".into(),
            None => "could not be read".into(),
        }
    }

    /// The decisions about an asset, counted.
    fn tally(&self, asset: &str) -> Option<Tally> {
        let about = |it: &&Approval| !it.is_deleting() && Ballot::of(it).is_about(&it.spec.asset_id, asset);
        let ballots: Vec<Ballot> = self.approvals.iter().filter(about).map(Ballot::of).collect();
        Some(self.question(asset)?.count(&ballots))
    }

    /// Why the workspace's sources or its rules for deployments refuse a version with what the manifest brings, as far as the picture
    /// shows it: which resources the objects stand for is not looked up.
    fn refuses_by_policy(&self, version: &ModelVersion) -> Option<String> {
        let key = self.workspace.found()?.key();
        let policy = &self.place()?.policy;
        let place = place_of(version)?;
        let is_from = |source: &PolicySource| {
            let registry = source.registry_ref.as_ref();
            let registry = registry.map(|it| ObjectKey::meant::<Registry>(it, &key.namespace));
            registry.is_some_and(|it| it == place) || (source.this_workspace.is_some() && key == place)
        };
        let model = &version.spec.model;
        let names = |source: &PolicySource| {
            source.models.is_empty() || source.models.iter().any(|it| matches(it, model))
        };
        if !policy.sources.is_empty() && !policy.sources.iter().any(|it| is_from(it) && names(it)) {
            return Some(format!("its policy.sources has no entry for model {model} in {place}"));
        }
        let deployment = Policy { deployment: policy.deployment.clone(), ..Policy::default() };
        let refused = deployment.refuses_deployment(&key.name, &self.binding.spec).sentences();
        let first = refused.first()?;
        Some(first.trim_end_matches('.').to_string())
    }

    /// Why the workspace would not let traffic go back to a version, as far as the picture shows it; `warm`: its deployment is
    /// still there.
    pub(super) fn refuses_going_back(&self, version: &ModelVersion, warm: bool) -> Option<String> {
        let status = version.current();
        if status.archived || version.spec.archived == Some(true) {
            return Some("the version is archived".into());
        }
        if let Some(because) = self.refuses_by_policy(version) {
            return Some(because);
        }
        let (asset, policy) = (status.asset_id?, self.place()?.policy.approvals.as_ref()?);
        let tally = self.tally(&asset)?;
        if let Some(first) = tally.rejected.first() {
            return Some(format!("{} rejects it", first.title()));
        }
        // What could not be listed may be there.
        let seen = policy.from_namespaces.iter().all(|namespace| self.listed.contains(namespace));
        if people(&tally.approved, true) >= policy.people() || !seen {
            return None;
        }
        let remembered = self.binding.status.iter().flat_map(|status| &status.approvals);
        let of_it: Vec<_> = remembered.filter(|it| folded(&it.asset_id) == folded(&asset)).collect();
        if let Some(withdrawn) = of_it.iter().find(|it| it.withdrawn_at.is_some()) {
            let KnownApproval { namespace, name, by, .. } = withdrawn;
            return Some(format!(
                "Approval {namespace}/{name} of {by} was withdrawn, and it is not approved again"
            ));
        }
        let over = |ballot: &Ballot, standing: &Standing| {
            ballot.approves && matches!(standing, Standing::Expired(_))
        };
        let ended = tally.ignored.iter().any(|(ballot, standing)| over(ballot, standing))
            || of_it.iter().filter_map(|it| it.expires_at).any(|at| at <= self.now);
        let roll_back = policy.on_withdrawal == Some(OnWithdrawal::RollBack);
        match (ended, warm) {
            (true, _) if roll_back => {
                Some("its approval has ended, and the workspace takes traffic away then".into())
            }
            (true, _) | (false, true) => None,
            (false, false) => Some("it does not have the approvals that the workspace asks for".into()),
        }
    }

    /// When Azure made the version again that a deployment holds, where that was after the deployment was made: the deployment
    /// still serves the earlier files. It happens to versions in a workspace only.
    pub(super) fn made_again(&self, asset: &str) -> Option<Timestamp> {
        if asset.starts_with("azureml://") {
            return None;
        }
        let created = self.holding(asset)?.current().created_at?;
        let status = self.binding.status.as_ref()?;
        let same = |other: &Option<String>| other.as_deref().is_some_and(|it| folded(it) == folded(asset));
        let deployed = status.deployments.iter().filter(|it| same(&it.asset_id)).map(|it| it.since);
        let stable = status.stable.iter().filter(|it| same(&it.asset_id)).map(|it| it.since);
        let revision =
            status.stable.as_ref().filter(|it| same(&it.asset_id)).and_then(|it| it.revision.as_deref());
        let promoted =
            |it: &&PastRollout| Some(it.revision.as_str()) == revision && it.outcome == Outcome::Promoted;
        let before = status.history.iter().filter(promoted).filter_map(|it| it.finished_at);
        deployed.chain(stable).chain(before).min().filter(|since| *since < created).map(|_| created)
    }
}
