//! What people ask of the rollout by RolloutActions, and what becomes of it.
//!
//! One action is carried out at a time, the safest first, by the PUT of the endpoint that does what it asks: its hash goes into the
//! endpoint's tags with that PUT, so an action is carried out once, also when all status is lost.

use super::verification::SKIPPED;
use super::{Case, Facts};
use crate::api::{ActionState, ActionTold, ActionWord, Candidate, Hold, Reason, Step, TakenAction};
use crate::azure::model::resource::{EndpointKind, OnlineDeployment, Provisioning};
use crate::decide::rollout::{
    ACTIONS_TAG, Asked, CarriedOut, HOLD_TAG, Held, Pass, Revision, Scene, Standing, broken,
};
use crate::decide::{SourceVersion, Verdict};

/// What a status may hold of actions.
const MOST: usize = 20;

/// What is said of an action that only the endpoint's tag knows to be refused.
const REFUSED_BEFORE: &str = "It was refused before: the endpoint's tag bindery-actions names it. To ask for the same now, make another RolloutAction.";

/// What is said of an action that nothing but Azure keeps waiting.
const AS_SOON_AS_AZURE_IS_FREE: &str = "It is carried out as soon as Azure is free for it.";

/// What becomes of the actions.
#[derive(Debug, Clone, Default)]
pub(super) struct Orders {
    /// The one that is to be carried out.
    pub(super) next: Option<Asked>,
    /// Those that are carried out, where the status does not say so yet.
    pub(super) new: Vec<Asked>,
    /// All of them, for the status.
    pub(super) taken: Vec<TakenAction>,
}

impl Orders {
    /// Judges every action by the scene without them.
    pub(super) fn of(facts: &Facts, scene: &Scene<'_>) -> Self {
        let mut orders = Self::default();
        if facts.endpoint.found().is_none() || !scene.owned() {
            orders.taken.clone_from(&facts.status.actions);
            return orders;
        }
        let mut open = vec![];
        for asked in &facts.asked {
            let known = facts.status.actions.iter().find(|it| it.hash == asked.hash);
            let ended = known.filter(|it| it.state != ActionState::Accepted);
            if let Some(ended) = ended {
                orders.taken.push(ended.clone());
            } else if let Some((state, said)) = asked.ended.as_ref().filter(|_| known.is_none()) {
                // The binding has lost its status, or was made anew: what the action's own object says of its end still holds.
                orders.taken.push(facts.taken(asked, *state, said.clone()));
            } else if scene.carried.contains(&asked.hash) {
                let ours = known.is_some() || facts.carried.contains(&asked.hash);
                orders.taken.push(facts.carried_out(asked, ours));
                orders.new.extend(ours.then(|| asked.clone()));
            } else if scene.carried.has_refused(&asked.hash) {
                orders.taken.push(facts.taken(asked, ActionState::Refused, REFUSED_BEFORE.into()));
            } else {
                match facts.standing(scene, asked).map(|standing| facts.refuses(&standing, asked)) {
                    Some(None) => open.push(asked.clone()),
                    Some(Some(because)) => {
                        orders.taken.push(facts.taken(asked, ActionState::Refused, because));
                    }
                    // Nobody can judge it while nobody can say what the manifest asks for.
                    None => orders.taken.extend(known.cloned()),
                }
            }
        }
        open.sort_by_key(Asked::precedence);
        let first = open.first().map(Asked::title);
        for (at, asked) in open.iter().enumerate() {
            let message = match &first {
                Some(first) if at > 0 => format!("It waits for {first}, which is carried out first."),
                _ => AS_SOON_AS_AZURE_IS_FREE.to_string(),
            };
            orders.taken.push(facts.taken(asked, ActionState::Accepted, message));
        }
        orders.next = open.into_iter().next();
        orders.taken.sort_by(|a, b| b.since.cmp(&a.since).then_with(|| a.name.cmp(&b.name)));
        orders.taken.truncate(MOST);
        orders
    }
}

/// An accepted action that is not carried out now says what keeps it waiting, where that is not Azure.
pub(super) fn say_what_is_waited_for(case: &Case<'_>, verdict: &Verdict, taken: &mut [TakenAction]) {
    let order = case.orders.next.as_ref().map(|order| order.hash.as_str());
    let situation = &case.facts.situation;
    let observing = case.facts.observing();
    let works = verdict.call.is_some() || verdict.reason == Reason::OperationRunning;
    if !observing && order.is_some() && works {
        return;
    }
    let (binding, reason) = (situation.ownership.owner.name(), verdict.reason);
    let waits = if observing {
        format!("It waits for as long as Bindery changes nothing in Azure: {}.", situation.why_observed())
    } else {
        format!("It waits for what the condition Ready of DeploymentBinding {binding} tells: {reason}.")
    };
    // Where none is to be carried out, nobody could judge those that are accepted.
    let waits_itself = |it: &&mut TakenAction| match order {
        Some(order) => it.hash == order,
        None => it.state == ActionState::Accepted,
    };
    for it in taken.iter_mut().filter(waits_itself) {
        it.message.clone_from(&waits);
    }
}

impl Facts {
    /// The revision that the manifest asks for, as far as this action is judged by it. A person goes back, and ends that, also while
    /// the version cannot serve; and from what serves, also while nobody knows the version. Then what was held back before stays so.
    fn wanted_for(&self, asked: &Asked, stable: Option<&Revision>) -> Option<Revision> {
        let by_manifest = self.manifest().map(|(revision, _)| revision);
        let goes_back = matches!(asked.word, ActionWord::Rollback | ActionWord::Release);
        let registered = || self.asked_for().filter(|_| goes_back);
        let leaves = asked.word == ActionWord::Rollback && stable == Some(&asked.revision);
        let held = || self.held().map(|held| held.revision);
        by_manifest
            .or_else(registered)
            .or_else(|| held().filter(|_| leaves))
            .or_else(|| stable.filter(|_| leaves).cloned())
    }

    /// Where the rollout stands, for those who judge this action; none while nobody can say what is wanted or what is there.
    fn standing<'a>(&'a self, scene: &Scene<'_>, asked: &Asked) -> Option<Standing<'a>> {
        if self.endpoint.found().is_none() || !scene.owned() {
            return None;
        }
        let tagged = |name: &Option<String>| scene.deployment(name.as_deref()?).and_then(Revision::tagged);
        let gone = || self.lost_stable().filter(|_| scene.stable_is_gone()).map(|it| it.revision.clone());
        let stable = tagged(&scene.stable).or_else(gone);
        let wanted = self.wanted_for(asked, stable.as_ref())?;
        let (mut before, mut kept_from) = (vec![], vec![]);
        for it in &self.before {
            match self.keeps_from_going_back(it) {
                None => before.push(it.revision.clone()),
                Some(because) => kept_from.push((it.revision.clone(), because)),
            }
        }
        // One that Azure changes, as when it is scaled in place, stands where it stood.
        let made = |d: &OnlineDeployment| {
            let creating = d.properties.provisioning_state.as_deref();
            !broken(d.provisioning()) && !creating.is_some_and(|it| it.eq_ignore_ascii_case("creating"))
        };
        let ready = self.deployment_of(&wanted).is_some_and(made);
        let held = self.held();
        Some(Standing {
            stable,
            before,
            kept_from,
            failed: scene.wanted_revision() == Some(&wanted) && scene.wanted_failed(),
            back_failed: held.as_ref().is_some_and(|it| scene.wanted_revision() == Some(&it.to))
                && scene.wanted_failed(),
            held,
            steps: self.spec.steps(),
            step: scene.position_at(scene.candidate_share()).filter(|_| ready).map(|it| it.step),
            unclear: scene.unclear_steps(),
            wanted,
        })
    }

    /// Why an action is not carried out.
    fn refuses(&self, standing: &Standing<'_>, asked: &Asked) -> Option<String> {
        if let Some(because) = standing.refuses(asked) {
            return Some(because);
        }
        let to = (asked.word == ActionWord::Rollback).then(|| standing.goes_back_to(asked)).flatten()?;
        let back = self.deployment_of(to)?;
        let asset = back.properties.model.as_deref()?;
        self.speaks_against_going_back(asset, true).then(|| {
            format!(
                "Revision {to} is not admitted any more: somebody has rejected its version or withdrawn an approval. See Approvals in status.approvals."
            )
        })
    }

    /// The deployment of a revision, where it is on the endpoint.
    pub(super) fn deployment_of(&self, revision: &Revision) -> Option<&OnlineDeployment> {
        self.deployments.iter().find(|d| Revision::tagged(d).as_ref() == Some(revision))
    }

    fn is_ready(&self, revision: &Revision) -> bool {
        self.deployment_of(revision).is_some_and(|d| d.provisioning() == Provisioning::Succeeded)
    }

    /// What is held back, as long as the manifest asks for that: as the endpoint's tag says or, where somebody has edited or removed
    /// that, or the endpoint, as the status remembers.
    pub(super) fn held(&self) -> Option<Held> {
        let wanted = self.asked_for();
        let is_wanted = |held: &Held| wanted.as_ref().is_none_or(|wanted| *wanted == held.revision);
        let tag = self.endpoint.found().and_then(|endpoint| endpoint.tags.get(HOLD_TAG)?.parse().ok());
        tag.filter(is_wanted).or_else(|| self.remembered_hold().filter(is_wanted))
    }

    /// The revision that the manifest asks for, where its version can be looked at.
    fn asked_for(&self) -> Option<Revision> {
        match &self.version {
            SourceVersion::Ready { asset_id, version, .. }
            | SourceVersion::NotReady { registered: Some((asset_id, version)), .. } => {
                Some(self.revision_of(asset_id, version).0)
            }
            _ => None,
        }
    }

    /// Does the endpoint's tag hold back what the manifest has ceased to ask for? Then that hold is over for good, also where the
    /// manifest asks for it again later.
    pub(super) fn hold_is_over(&self) -> bool {
        let tag = self.endpoint.found().and_then(|endpoint| endpoint.tags.get(HOLD_TAG));
        let held = tag.and_then(|tag| tag.parse::<Held>().ok());
        self.asked_for().zip(held).is_some_and(|(asked, held)| asked != held.revision)
    }

    /// The hold that the status remembers, unless it was released since.
    fn remembered_hold(&self) -> Option<Held> {
        let hold = self.status.hold.as_ref()?;
        let held = Held {
            revision: Revision::parse(&hold.revision),
            to: Revision::parse(&hold.to_revision),
            since: hold.since,
        };
        let carried = self.carried_by_tag();
        let releases = |it: &&Asked| it.word == ActionWord::Release && it.revision == held.revision;
        // One that is Complete released an earlier hold of the same revision.
        let accepted = |hash: &str| {
            self.status.actions.iter().any(|it| it.hash == hash && it.state == ActionState::Accepted)
        };
        let new = |it: &&Asked| self.carried.contains(&it.hash) || accepted(&it.hash);
        let released = self.asked.iter().filter(releases).filter(new).any(|it| carried.contains(&it.hash));
        (!released).then_some(held)
    }

    /// What is held back once this action is carried out.
    pub(super) fn held_after(&self, order: Option<&Asked>, scene: &Scene<'_>) -> Option<Held> {
        match order.map(|order| (order.word, order)) {
            Some((ActionWord::Release, _)) => None,
            Some((ActionWord::Rollback, order)) => {
                let standing = self.standing(scene, order)?;
                let to = standing.goes_back_to(order)?.clone();
                Some(Held { revision: standing.wanted, to, since: self.situation.now })
            }
            _ => self.held(),
        }
    }

    /// The revision that serves instead of one that is held back, and its deployment's name.
    pub(super) fn instead_of(&self, held: Option<&Held>) -> Option<(Revision, String)> {
        let held = held?;
        let found = self.deployment_of(&held.to).map(|d| d.name().to_string());
        let found = found.or_else(|| self.before_of(&held.to).map(|it| it.deployment.clone()));
        // Where nobody knows it, nothing else takes its place: no deployment of Bindery's is called like a revision.
        Some((held.to.clone(), found.unwrap_or_else(|| held.to.to_string())))
    }

    /// The broken deployment of a failed revision that is to be tried again: it goes first.
    pub(super) fn starts_anew(&self, order: Option<&Asked>, scene: &Scene<'_>) -> Option<String> {
        let order = order.filter(|order| order.word == ActionWord::Retry)?;
        let broken = self.deployment_of(&order.revision).filter(|d| scene.is_broken(d.name()))?;
        Some(broken.name().to_string())
    }

    /// The step that a person has promoted by an action that the status does not know to be carried out.
    pub(super) fn passed(&self, orders: &Orders) -> Option<usize> {
        let (wanted, _) = self.manifest()?;
        let of_it = orders.new.iter().filter(|asked| asked.revision == wanted);
        of_it.filter_map(|asked| asked.promotes(self.spec.steps())).find_map(|pass| match pass {
            Pass::Step(step) => Some(step),
            Pass::All => None,
        })
    }

    /// The hashes of the actions that the endpoint's tag names.
    pub(super) fn carried_by_tag(&self) -> CarriedOut {
        let tag = self.endpoint.found().and_then(|endpoint| endpoint.tags.get(ACTIONS_TAG));
        tag.map(|text| CarriedOut::parse(text)).unwrap_or_default()
    }

    pub(super) fn taken(&self, asked: &Asked, state: ActionState, message: String) -> TakenAction {
        let known = self.status.actions.iter().find(|it| it.hash == asked.hash && it.state == state);
        TakenAction {
            name: asked.name.clone(),
            hash: asked.hash.clone(),
            action: asked.word,
            revision: asked.revision.to_string(),
            step: asked.step.clone(),
            to_revision: asked.to.as_ref().map(ToString::to_string),
            requested_by: asked.by.clone(),
            reason: asked.reason.clone(),
            state,
            message,
            since: known.map_or(self.situation.now, |it| it.since),
        }
    }

    fn carried_out(&self, asked: &Asked, ours: bool) -> TakenAction {
        if !ours {
            let message = "It was carried out before: the endpoint's tag bindery-actions names it.";
            return self.taken(asked, ActionState::AlreadyDone, message.into());
        }
        let revision = &asked.revision;
        let online = self.spec.kind() == EndpointKind::Online;
        let message = match asked.word {
            ActionWord::Promote => match &asked.step {
                Some(step) => format!("The rollout of revision {revision} has passed step {step}."),
                None if online => format!("The rollout of revision {revision} has passed all steps."),
                None => format!("Revision {revision} became the default deployment without its job."),
            },
            ActionWord::Abort if online => {
                format!("Revision {revision} has no traffic, and is not tried again.")
            }
            ActionWord::Abort => {
                format!("Revision {revision} does not become the default deployment, and is not tried again.")
            }
            ActionWord::Retry => format!("Revision {revision} is rolled out again."),
            ActionWord::Rollback => {
                let held = self.held();
                let to = held.as_ref().map(|held| &held.to).filter(|to| !self.is_ready(to));
                let gets = if online { "gets all the traffic" } else { "becomes the default" };
                let to = to.map(|to| format!(" Revision {to} {gets} when its deployment is ready."));
                let held = held.as_ref().map_or(revision, |held| &held.revision);
                format!("Revision {held} is held back.{}", to.unwrap_or_default())
            }
            ActionWord::Release => format!("Revision {revision} is not held back any more."),
        };
        self.taken(asked, ActionState::Complete, message)
    }
}

impl Case<'_> {
    /// What is held back, in the words of the status.
    pub(super) fn hold(&self) -> Option<Hold> {
        let held = self.facts.held().filter(|_| !self.is_anothers())?;
        let (revision, to_revision) = (held.revision.to_string(), held.to.to_string());
        let known = self.facts.status.hold.as_ref();
        let known = known.filter(|it| it.revision == revision && it.to_revision == to_revision);
        let new = self.rolled_back().map(Asked::told);
        let action = new.or_else(|| known.and_then(|it| it.action.clone()));
        Some(Hold { revision, to_revision, action, since: held.since })
    }

    /// The action with this word for this revision that is being carried out, or was just now.
    pub(super) fn ordered(&self, word: ActionWord, revision: &Revision) -> Option<&Asked> {
        let mut all = self.orders.next.iter().chain(&self.orders.new);
        all.find(|it| it.word == word && it.revision == *revision)
    }

    /// The action that was carried out just now and rolled back.
    pub(super) fn rolled_back(&self) -> Option<&Asked> {
        self.orders.new.iter().find(|it| it.word == ActionWord::Rollback)
    }

    /// The actions that had a part in the rollout of a revision: those that are remembered, and those that were carried out just now.
    pub(super) fn part(&self, known: Option<&Candidate>, revision: &Revision) -> Vec<ActionTold> {
        let mut all = known.map(|it| it.actions.clone()).unwrap_or_default();
        let new = self.orders.new.iter().filter(|it| it.revision == *revision);
        for told in new.map(Asked::told) {
            if !all.contains(&told) {
                all.push(told);
            }
        }
        all.truncate(MOST);
        all
    }

    /// The steps that people had a rollout skip: those that are remembered, and those that were skipped just now. A pause that waits
    /// for a person is not skipped when one promotes it.
    pub(super) fn skipped(&self, known: Option<&Candidate>, revision: &Revision) -> Vec<String> {
        let steps = self.facts.spec.steps();
        let mut all = known.map(|it| it.skipped.clone()).unwrap_or_default();
        let stood = known.and_then(|it| it.step.as_ref()).and_then(|it| usize::try_from(it.index).ok());
        let mut skip = |at: usize| {
            let waits = steps[at].pause.as_ref().is_some_and(|pause| pause.period.is_none());
            let name = step_name(steps, at);
            if !all.contains(&name) && (!waits || self.facts.skips_people(&self.orders, revision)) {
                all.push(name);
            }
        };
        for asked in self.orders.new.iter().filter(|it| it.revision == *revision) {
            match asked.promotes(steps) {
                Some(Pass::Step(at)) => skip(at),
                Some(Pass::All) => (stood.unwrap_or(0)..steps.len()).for_each(&mut skip),
                None => {}
            }
        }
        let skips = self.facts.skips_people(&self.orders, revision) && self.skips_verification(revision);
        if skips && all.iter().all(|name| name != SKIPPED) {
            all.push(SKIPPED.into());
        }
        all.truncate(MOST);
        all
    }
}

/// How a step is called in a sentence.
fn step_name(steps: &[Step], at: usize) -> String {
    steps[at].name.clone().unwrap_or_else(|| format!("step {} of {}", at + 1, steps.len()))
}

impl Case<'_> {
    /// The steps that the candidate of this revision has not passed, as far as the status knows where it stands.
    pub(super) fn steps_left(&self, revision: &Revision) -> Vec<String> {
        let steps = self.facts.spec.steps();
        let candidate = self.facts.status.candidate.as_ref();
        let stands =
            candidate.filter(|it| it.revision == revision.to_string()).and_then(|it| it.step.as_ref());
        let Some(at) = stands.and_then(|step| usize::try_from(step.index).ok()) else { return vec![] };
        (at..steps.len()).map(|at| step_name(steps, at)).collect()
    }
}

impl Facts {
    /// Does an action pass all steps, the pauses for a person among them?
    fn skips_people(&self, orders: &Orders, revision: &Revision) -> bool {
        let steps = self.spec.steps();
        orders.new.iter().any(|it| it.revision == *revision && it.promotes(steps) == Some(Pass::All))
    }
}
