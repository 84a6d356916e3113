//! What a binding's decision needs to know.

use std::collections::BTreeMap;

use jiff::Timestamp;
use kube::ResourceExt;

use super::fitness::Fitness;
use super::{Approvals, Facts, Jobs, Settings, Soak, Verification, admission, autoscale};
use crate::api::{
    ActionState, DeploymentBinding, DeploymentBindingStatus, GIT_REVISION, LineageRequirement, Object,
    ObjectKey, PastRollout, PlaceGate, RolloutAction, Workspace,
};
use crate::azure::model::resource::{OnlineDeployment, OnlineEndpoint, Provisioning};
use crate::azure::model::{Error, Principal, Purpose, ResourceId, folded};
use crate::decide::drift::unite;
use crate::decide::facts::{Counted, Kind, Known, Name};
use crate::decide::gate::Champions;
use crate::decide::model_version::Proof;
use crate::decide::places::publishers::{Published, adopting, right};
use crate::decide::places::reference::{
    Removal, acting_in, ending, find_workspace, is_contested, remembered, removal, stay_with_what_was_made,
    version, workspace_place,
};
use crate::decide::rollout::Asked;
use crate::decide::rollout_action::{actions_for, ended};
use crate::decide::{Adopting, Look, Place, Right, Situation, SourceVersion};

impl Kind for DeploymentBinding {
    type Facts = Facts;

    fn target(&self, known: &mut Known) -> Option<ResourceId> {
        if self.spec.names_no_endpoint() {
            return None;
        }
        // When the workspace is gone, the status still says where the endpoint is.
        find_workspace(&self.spec.workspace_ref, &self.home(), known)
            .map(|w| w.id().child(self.spec.kind().collection(), self.spec.endpoint_name()))
            .or_else(|| made(self))
    }

    fn acting(&self, at: &ResourceId, known: &mut Known) -> Result<Principal, String> {
        let (reference, home) = (&self.spec.workspace_ref, self.home());
        let place = find_workspace(reference, &home, known);
        acting_in(place.as_deref(), reference, &home, at, known)
    }

    fn let_in(&self, known: &mut Known) -> Option<Right> {
        let home = self.home();
        let place = find_workspace(&self.spec.workspace_ref, &home, known);
        right(place.as_deref(), Published::Endpoint(self.spec.endpoint_name()), &home, known)
    }

    fn adopting(&self, known: &mut Known) -> Adopting {
        adopting(find_workspace(&self.spec.workspace_ref, &self.home(), known).as_deref())
    }

    fn place_is_contested(&self, known: &mut Known) -> bool {
        is_contested(find_workspace(&self.spec.workspace_ref, &self.home(), known).as_deref())
    }

    fn names(&self) -> Vec<Name> {
        let endpoint = Name::resource(&self.spec.endpoint_path());
        let deployments = self.status.iter().flat_map(|s| &s.deployments);
        let mut names: Vec<Name> =
            deployments.filter_map(|d| d.asset_id.as_deref()).map(Name::asset).collect();
        names.extend((!self.spec.names_no_endpoint()).then_some(endpoint));
        let workspace = ObjectKey::meant::<Workspace>(&self.spec.workspace_ref, &self.home());
        let served = self.status.iter().flat_map(admission::ever_stable);
        names.extend(served.map(|asset| Name::served(asset, &workspace)));
        names.push(Name::Place(workspace));
        names.sort();
        names.dedup();
        names
    }

    fn outward(&self) -> String {
        let status = self.current();
        let held = status.deployments.iter().map(|d| format!("{} {:?} {:?}", d.name, d.role, d.asset_id));
        // What gates are held against.
        let served = status.history.iter().filter(|it| it.outcome.serves());
        let served: Vec<_> = served.filter_map(|it| it.asset_id.as_deref()).collect();
        let stable = status.stable.as_ref().and_then(|it| it.asset_id.as_deref());
        let (seen, since) = (status.phase.is_some(), status.stable.as_ref().map(|stable| stable.since));
        // What its actions repeat.
        let actions =
            status.actions.iter().map(|it| format!("{} {} {:?} {}", it.name, it.hash, it.state, it.message));
        let actions: Vec<_> = actions.collect();
        format!("{} {stable:?} {served:?} {seen} {since:?} {actions:?}", held.collect::<Vec<_>>().join(","))
    }

    fn claim(&self) -> Option<&str> {
        Some(&self.status.as_ref()?.endpoint.as_ref()?.id)
    }

    fn rolls_out(&self) -> bool {
        self.status.as_ref().is_some_and(|s| s.candidate.is_some())
    }

    fn counted(before: &DeploymentBindingStatus, after: &DeploymentBindingStatus) -> Vec<Counted> {
        let mut all = Counted::drift(&before.drift, &after.drift);
        // A history that is rebuilt after its status was lost is nothing new.
        let history = Some(&after.history).filter(|_| before.phase.is_some());
        let ended = history.into_iter().flatten();
        let ended: Vec<_> =
            ended.filter(|it| !before.history.iter().any(|known| is_same(known, it))).collect();
        all.extend(ended.iter().map(|it| Counted::Rollout(format!("{:?}", it.outcome))));
        let known = before.candidate.iter().flat_map(|it| &it.measurements);
        let known: Vec<_> = known.map(|it| (&it.step, &it.metric, it.at)).collect();
        // The one that condemns a candidate goes to the history with it.
        let deciding = ended.iter().filter_map(|it| it.measurement.as_ref());
        let new = after.candidate.iter().flat_map(|it| &it.measurements).chain(deciding);
        let new = new.filter(|it| !known.contains(&(&it.step, &it.metric, it.at)));
        all.extend(new.map(|it| Counted::Measurement(format!("{:?}", it.result))));
        all
    }

    fn inherit(heir: &mut DeploymentBindingStatus, owner: &DeploymentBindingStatus) {
        unite(&mut heir.owned_tags, &owner.owned_tags);
        for setting in &owner.autoscale {
            if heir.autoscale.iter().all(|it| it.deployment != setting.deployment) {
                heir.autoscale.push(setting.clone());
            }
        }
        super::keys::inherit(&mut heir.keys_secret, owner.keys_secret.as_ref());
        for (deployment, keys) in &owner.owned_deployment_tags {
            unite(heir.owned_deployment_tags.entry(deployment.clone()).or_default(), keys);
        }
    }

    fn gather(&self, situation: Situation, known: &mut Known) -> Facts {
        let home = self.home();
        let place = workspace_place(&self.spec.workspace_ref, &home, known);
        let mut version = version(&self.spec.model.version_ref, &home, known);
        if let SourceVersion::Ready { id, retirement, archived, .. } = &mut version {
            let found = ending(&self.spec.model.version_ref, id, &home, known);
            *retirement = found.retirement;
            *archived |= found.archived;
        }
        let proof = match &place {
            Place::Ready { policy, .. } if policy.lineage == Some(LineageRequirement::Verified) => {
                Proof::read(&version, known)
            }
            _ => Proof::Unseen(None),
        };
        let mut id = self.target(known);
        let ours = |e: &OnlineEndpoint| situation.ownership.owns(&e.tags);
        // Whom its place keeps from looking is led nowhere by a status either.
        let made = made(self).filter(|_| !situation.is_kept_from_looking(&place));
        let led_away = stay_with_what_was_made(self, &mut id, made, ours, known);
        let may_look = id.as_ref().is_some_and(|id| self.acting(id, known).is_ok())
            && (place.may_be_read(situation.deleting) || looks_only_at_its_own(&place, &situation))
            && !situation.is_kept_from_looking(&place);
        let mut facts = Facts {
            removal: match &id {
                Some(id) if situation.deleting => {
                    removal(&self.spec.workspace_ref, &id.parent().parent(), &home, known)
                }
                _ => Removal::Allowed,
            },
            endpoint: Look::Unseen,
            deployments: vec![],
            before: vec![],
            settings: Settings::Unasked,
            jobs: Jobs::Unasked,
            verification: Verification::default(),
            asked: asked(self, situation.now, known),
            carried: vec![],
            fitness: Fitness::Fit,
            measured: BTreeMap::new(),
            log: None,
            spec: self.spec.clone(),
            status: self.current(),
            git_revision: git_revision(self),
            place,
            id: id.clone(),
            led_away,
            version,
            proof,
            approvals: Approvals::default(),
            made: None,
            champions: BTreeMap::new(),
            soak: Soak::default(),
            situation,
        };
        let whole = id.filter(|_| may_look).is_none_or(|id| look_at_endpoint(&mut facts, &id, known));
        let Facts { situation, endpoint, .. } = &mut facts;
        situation.looked(endpoint);
        situation.read_tags(self, endpoint.found().map(|e| &e.tags), known);
        facts.recall();
        facts.before = facts.find_before(known);
        let before = facts.assets_before();
        let Facts { place, version, deployments, status, .. } = &facts;
        let serving = deployments.iter().filter_map(|d| d.properties.model.clone()).chain(before).collect();
        let approvals = Approvals::gather(place, version, serving, &status.approvals, known);
        (facts.soak, facts.approvals) = (Soak::gather(place, version, known), approvals);
        facts.made = made_when(&facts, known);
        facts.champions = champions(&facts, known);
        let ask = may_look && whole && !changes(&facts);
        facts.situation.follow(ask, known);
        // Nothing is measured before it is known where the rollout stands.
        if known.is_whole() {
            facts.measured = facts.measure(&home, known);
            facts.foresee(&home, known);
            facts.log = facts.read_log(known);
            facts.fitness = facts.fitness(&home, known);
        }
        facts.look_before_a_call(known);
        facts
    }
}

/// Are these the same rollout? What is told of one may be added to later.
fn is_same(one: &PastRollout, other: &PastRollout) -> bool {
    (&one.revision, one.outcome, one.finished_at) == (&other.revision, other.outcome, other.finished_at)
}

/// What the annotation says, as far as a status has room for it.
fn git_revision(binding: &DeploymentBinding) -> Option<String> {
    let said = binding.annotations().get(GIT_REVISION).map(|it| it.trim()).filter(|it| !it.is_empty())?;
    Some(said.chars().filter(|it| !it.is_control()).take(100).collect())
}

/// What people ask of the rollout: by the actions that are there, and by those that were accepted and are gone since.
fn asked(binding: &DeploymentBinding, now: Timestamp, known: &mut Known) -> Vec<Asked> {
    let mut all: Vec<Asked> =
        actions_for(&binding.key(), known).iter().map(|action| asked_by(action, now)).collect();
    for taken in binding.current().actions {
        let open = taken.state == ActionState::Accepted && all.iter().all(|it| it.hash != taken.hash);
        all.extend(open.then(|| Asked::remembered(&taken)));
    }
    all
}

/// What an object asks, and how that has ended, as its own status says.
fn asked_by(action: &RolloutAction, now: Timestamp) -> Asked {
    Asked { ended: ended(action), ..Asked::of(action, now) }
}

/// When Azure made the wanted version, where it is in a workspace and an asset of its id has served here: its number can be made
/// again.
fn made_when(facts: &Facts, known: &mut Known) -> Option<Timestamp> {
    let SourceVersion::Ready { asset_id, registry: None, .. } = &facts.version else { return None };
    let is_it = |it: &PastRollout| it.asset_id.as_deref().is_some_and(|it| folded(it) == folded(asset_id));
    facts.status.history.iter().any(is_it).then(|| admission::made(&facts.version, known)).flatten()
}

/// What the workspace's gates are held against that compare: what serves here now.
fn champions(facts: &Facts, known: &mut Known) -> BTreeMap<String, Champions> {
    let Place::Ready { policy, .. } = &facts.place else { return BTreeMap::new() };
    let gates = policy.gates.iter().flat_map(|gates| &gates.define);
    let of = |gate: &PlaceGate| {
        let scope = gate.against.as_ref()?.scope;
        let name = "this binding".to_string();
        // Where the endpoint cannot be read now, the status says what serves, if anybody has ever looked.
        let champions = if facts.endpoint.seen().is_none() && facts.status.phase.is_none() {
            Champions::Unseen(name)
        } else {
            Champions::among(name, facts.stable_asset().as_deref(), &facts.status, scope, known)
        };
        Some((gate.name.clone(), champions))
    };
    gates.filter_map(of).collect()
}

/// Where the endpoint was when the status was written.
fn made(binding: &DeploymentBinding) -> Option<ResourceId> {
    let endpoint = binding.status.as_ref()?.endpoint.as_ref()?;
    let path = format!("/{}", binding.spec.endpoint_path());
    remembered(Some(&endpoint.id), "workspaces", &path)
}

/// Does the resource itself say that it changes? Then its operation has nothing to add.
fn changes(facts: &Facts) -> bool {
    let endpoint = facts.endpoint.found().is_some_and(|e| e.provisioning() == Provisioning::Running);
    let operation = facts.situation.operation.remembered.as_ref();
    let deployment = operation.is_some_and(|o| {
        let of_it = |d: &&OnlineDeployment| d.name() == o.resource.name();
        facts.deployments.iter().filter(of_it).any(|d| d.provisioning() == Provisioning::Running)
    });
    endpoint || deployment
}

/// Through a workspace that is in conflict, or being deleted, nobody sees what another object made. An endpoint of one's own is
/// looked at, for what serves there may have to be taken back.
fn looks_only_at_its_own(place: &Place, situation: &Situation) -> bool {
    matches!(place, Place::Closed { .. }) && !situation.deleting && !situation.mode.observes()
}

/// False while something of the endpoint is not known yet.
fn look_at_endpoint(facts: &mut Facts, id: &ResourceId, known: &mut Known) -> bool {
    let title = format!("the endpoint {}", id.name());
    let found = known.resource::<OnlineEndpoint>(Purpose::Compare, id);
    let read = found.is_some();
    facts.endpoint = facts.situation.look(id, &title, found);
    let ours = facts.endpoint.found().is_some_and(|e| facts.situation.ownership.owns(&e.tags));
    if !ours && looks_only_at_its_own(&facts.place, &facts.situation) {
        facts.endpoint = Look::Unseen;
    }
    if read && facts.endpoint.seen().is_some() {
        let Some(settings) = autoscale::look_at_settings(facts, id, known) else { return false };
        facts.settings = settings;
    }
    if facts.endpoint.found().is_none() {
        return read;
    }
    let Some(listed) = look_at_deployments(facts, id, known) else { return false };
    let what = format!("the deployments of {title}");
    if !matches!(facts.situation.look(id, &what, Some(listed.map(Some))), Look::Found(())) {
        facts.endpoint = Look::Unseen;
    }
    let Some(verification) = facts.look_at_verification(known) else { return false };
    facts.verification = verification;
    let Some(jobs) = facts.look_at_jobs(id, known) else { return false };
    facts.jobs = jobs;
    true
}

/// The deployments on the endpoint: those of the list, and by a GET what a list is not believed about. None while
/// something of it is not known yet.
fn look_at_deployments(
    facts: &mut Facts,
    endpoint: &ResourceId,
    known: &mut Known,
) -> Option<Result<(), Error>> {
    let path = ResourceId::new(format!("{endpoint}/deployments"));
    match known.collection(Purpose::Compare, &path, false)? {
        Ok(listed) => facts.deployments = listed,
        Err(error) => return Some(Err(error)),
    }
    let mut whole = true;
    for name in facts.to_read() {
        match known.resource(Purpose::Compare, &endpoint.child("deployments", &name)) {
            None => whole = false,
            Some(Ok(found)) => facts.look_afresh(&name, found),
            Some(Err(error)) => return Some(Err(error)),
        }
    }
    // A call may rest on it.
    if let Some(name) = facts.only_listed().filter(|_| whole) {
        let id = endpoint.child("deployments", &name);
        match known.was_looked_at(Purpose::Compare, &id).then(|| known.resource(Purpose::Compare, &id)) {
            Some(Some(Ok(found))) => facts.look_afresh(&name, found),
            Some(Some(Err(error))) => return Some(Err(error)),
            _ => {}
        }
    }
    whole.then_some(Ok(()))
}
