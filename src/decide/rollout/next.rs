//! What the endpoint should be next: its traffic, who is stable, where the rollout stands; and why.

use std::time::Duration;

use super::{
    Asked, CarriedOut, Carries, Cause, Held, Move, Pass, Position, Revision, Rise, Scene, Share, Tenures,
    Traffic, Weight, broken,
};
use crate::api::{ActionWord, Drift, Role};
use crate::azure::model::resource::Provisioning;

/// What the endpoint should be next, and why it is to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Next {
    /// What it should be.
    pub target: Target,
    /// Why it is to be written; none where it is as it should be.
    pub cause: Option<Cause>,
    /// What the PUT carries.
    pub carries: Carries,
    /// The action that the PUT carries out.
    pub order: Option<Asked>,
}

/// What the endpoint should be.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Target {
    /// Its traffic.
    pub traffic: Traffic,
    /// What Azure routes by instead, where the stable deployment is gone and is made again: until then Azure takes no traffic map
    /// that names it.
    pub meanwhile: Option<Traffic>,
    /// The deployment that serves for certain.
    pub stable: Option<String>,
    /// The deployment that was stable before it.
    pub previous: Option<String>,
    /// Where the rollout stands, for the tag; none where there is no rollout.
    pub position: Option<Position>,
    /// What a pause still waits for.
    pub pause: Option<Wait>,
    /// Who has been stable, with what is now.
    pub tenures: Tenures,
    /// What else the tags say.
    pub notes: Notes,
}

/// What the tags of the endpoint say of people's words.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Notes {
    /// What is held back.
    pub held: Option<Held>,
    /// The actions that were carried out.
    pub carried: CarriedOut,
}

/// What a pause waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// So much more time.
    For(Duration),
    /// That a person promotes the step.
    Promotion,
    /// That the candidate is measured.
    Analysis,
    /// That a person says how it goes on, because the measurements do not.
    Judgement,
    /// That the job completes that verifies the candidate.
    Verification,
}

impl Target {
    /// What Azure routes by.
    pub fn routed(&self) -> &Traffic {
        self.meanwhile.as_ref().unwrap_or(&self.traffic)
    }
}

impl Scene<'_> {
    /// What comes next.
    pub fn next(&self) -> Next {
        let target = self.target();
        let order = self.view.order.clone().filter(|order| self.carries_out(order, &target));
        let ended = self.carried.with(&self.view.ended);
        let carried = order.as_ref().map_or_else(|| ended.clone(), |order| ended.and(&order.hash));
        let notes = Notes { held: self.view.held.clone(), carried };
        let tenures = self.tenures_with(target.stable.as_ref());
        let target = Target { tenures, notes, ..target };
        let takes_away = self.moves_to(&target) && !self.rises_to(&target);
        let takes_back = order.as_ref().is_some_and(Asked::takes_back);
        let alone = takes_away || takes_back || self.unwritten_failures().latest().is_some();
        let carries = if alone { Carries::Traffic } else { Carries::Everything };
        let ordered =
            || order.as_ref().map(|it| Cause::CarryOut { word: it.word, revision: it.revision.clone() });
        let cause = self.cause(&target, carries).or_else(|| self.view.endpoint.and_then(|_| ordered()));
        Next { target, cause, carries, order }
    }

    /// Does the endpoint do what the action asks, when it is like this?
    fn carries_out(&self, order: &Asked, target: &Target) -> bool {
        let arrives = target.stable.as_deref() == self.wanted_name();
        match order.promotes(self.view.steps) {
            None => true,
            Some(Pass::All) => arrives,
            Some(Pass::Step(step)) => arrives || target.position.as_ref().is_some_and(|it| it.step > step),
        }
    }

    /// What the endpoint should be. While the version may not go on, its share stays, or falls to what somebody else
    /// has made of it.
    fn target(&self) -> Target {
        let Some(wanted) = self.wanted_name() else {
            // Nobody can say which rollout goes on, so what is written of it stays written.
            return Target { position: self.records.tag.clone(), ..self.stay(self.without_rise()) };
        };
        if let Some(waits) = self.until_the_stable_one_is_made_again(wanted) {
            return waits;
        }
        let Some(candidate) = self.candidate().filter(|_| !self.wanted_failed()) else {
            return self.stay(self.stable.as_deref().map_or_else(Traffic::none, Traffic::all_to));
        };
        let may_rise = matches!(self.view.rise, Rise::Rise | Rise::Back)
            && candidate.provisioning() == Provisioning::Succeeded;
        if self.stable.is_none() {
            // Nothing serves yet: there is nobody to protect by steps. Of a job, that is no reason to do without it.
            let passes = !self.has_a_job_to_complete() || self.is_proven(candidate) || self.passes_all();
            let nothing = self.stay(Traffic::none());
            return match (may_rise && self.view.scaled, passes) {
                (true, true) => self.arrive(wanted),
                (true, false) => Target { pause: Some(Wait::Verification), ..nothing },
                (false, _) => nothing,
            };
        }
        // First the instances that a share needs, then the traffic.
        let staffed = |share| self.staffed(candidate, share);
        let has = self.candidate_share();
        if !may_rise {
            let kept =
                if self.view.rise == Rise::Fall { Share::NONE } else { has.min(self.reaching(wanted)) };
            return self.hold(wanted, kept);
        }
        let held = self.hold(wanted, has);
        if self.is_proven(candidate) {
            let as_it_is = || self.stay(self.split(wanted, has));
            // What is warm has kept its setting; what was made again needs one.
            let scaled = self.view.scaled || self.role(candidate) == Role::Previous;
            return if staffed(Share::ALL) && scaled { self.arrive(wanted) } else { as_it_is() };
        }
        if self.held.as_ref() != Some(&held.traffic) {
            return held;
        }
        let next = self.step_on(wanted, has, held.clone());
        let share = next.traffic.share(wanted);
        if staffed(share) && (self.view.scaled || share <= has) { next } else { held }
    }

    /// The stable deployment is gone and is made again. A candidate that has all the traffic by its steps goes on with them meanwhile;
    /// any other waits, for there is nothing that its traffic could be divided with or taken back to. What is healthy and was to
    /// answer a part of the requests answers all of them, where nothing else does.
    fn until_the_stable_one_is_made_again(&self, wanted: &str) -> Option<Target> {
        let candidate = self.candidate().filter(|_| self.stable_is_gone())?;
        let ready = candidate.provisioning() == Provisioning::Succeeded;
        let given_up = self.wanted_failed() || self.view.rise == Rise::Fall;
        let written = self.intended.share(wanted);
        if !given_up && written == Share::ALL {
            return None;
        }
        let may_rise = ready && !given_up && matches!(self.view.rise, Rise::Rise | Rise::Back);
        if may_rise && (self.is_proven(candidate) || self.passes_all()) {
            return Some(self.arrive(wanted));
        }
        let position = self.records.tag.clone().filter(|_| written > Share::NONE);
        let again = || self.plan.as_ref().map(|plan| plan.begun_again(written, &self.records, self.view.now));
        let position = position.or_else(|| again().filter(|_| written > Share::NONE && !given_up));
        let there = |name: &&str| self.deployment(name).is_some();
        let held = self.held.clone().filter(|it| it.reached().iter().all(there)).unwrap_or_default();
        let answers = ready && !given_up && written.live > Weight::NONE;
        let alone = held.serving().is_empty() && answers;
        let meanwhile = Some(if alone { Traffic::all_to(wanted) } else { held });
        Some(Target { meanwhile, position, ..self.stay(self.intended.clone()) })
    }

    /// The next step of a candidate that has what was meant for it.
    fn step_on(&self, wanted: &str, has: Share, held: Target) -> Target {
        let (Some(plan), Some(position)) = (&self.plan, held.position.clone()) else { return held };
        let step = match self.view.order.as_ref().and_then(|order| order.promotes(self.view.steps)) {
            Some(Pass::All) => return self.arrive(wanted),
            Some(Pass::Step(step)) => Some(step),
            None => None,
        };
        if self.has_a_job_to_complete() {
            return Target { pause: Some(Wait::Verification), ..held };
        }
        let position = plan.past(position, step, self.view.now);
        let held = Target { position: Some(position.clone()), ..held };
        if self.is_unclear_in_the_background() {
            return Target { pause: Some(Wait::Judgement), ..held };
        }
        match plan.next_move(&position, has, self.view.now) {
            Move::Shift { last: true, .. } => self.arrive(wanted),
            Move::Shift { to, last: false } => {
                let position = Some(plan.arriving_at(to, self.view.now));
                Target { position, ..self.stay(self.split(wanted, to)) }
            }
            Move::Pause(left) => Target { pause: Some(Wait::For(left)), ..held },
            Move::AwaitPromotion => Target { pause: Some(Wait::Promotion), ..held },
            Move::Measure => Target { pause: Some(Wait::Analysis), ..held },
            Move::AwaitJudgement => Target { pause: Some(Wait::Judgement), ..held },
        }
    }

    /// Does a person promote the candidate past everything that is left?
    fn passes_all(&self) -> bool {
        let order = self.view.order.as_ref();
        order.is_some_and(|order| order.promotes(self.view.steps) == Some(Pass::All))
    }

    /// This traffic, and the roles as they are.
    fn stay(&self, traffic: Traffic) -> Target {
        Target { traffic, stable: self.stable.clone(), previous: self.previous.clone(), ..Target::default() }
    }

    /// The candidate has this share, or gets it back from somebody who moved the traffic: then its time at the step begins
    /// again, for nobody knows how long it had the share.
    fn hold(&self, wanted: &str, share: Share) -> Target {
        let (records, now) = (&self.records, self.view.now);
        let again = || self.plan.as_ref().map(|plan| plan.begun_again(share, records, now));
        let position = if self.traffic_drifted() { again() } else { self.position_at(share) };
        Target { position, ..self.stay(self.split(wanted, share)) }
    }

    /// The candidate has this share, and the stable one the rest.
    fn split(&self, wanted: &str, share: Share) -> Traffic {
        self.stable.as_deref().map_or_else(Traffic::none, |stable| Traffic::split(stable, wanted, share))
    }

    /// A deployment has all the traffic and becomes the stable one; the one before it is kept warm.
    fn arrive(&self, deployment: &str) -> Target {
        let before = self.stable.clone().filter(|s| s != deployment);
        Target {
            traffic: Traffic::all_to(deployment),
            stable: Some(deployment.into()),
            previous: before.or_else(|| self.previous.clone()),
            ..Target::default()
        }
    }

    /// The traffic while nobody can say what is wanted, as after the loss of the status while the version cannot be
    /// read: what Bindery wrote last, except that nothing but the stable deployment gets more than Azure routes to it
    /// now. For whether it may have more, nobody can say either. What is gone or broken gets nothing: Azure may take no
    /// traffic map that names it.
    fn without_rise(&self) -> Traffic {
        let intended = self.intended.reached();
        let is_stable = |name: &str| Some(name) == self.stable.as_deref();
        let useless = |name: &&str| {
            let deployment = self.deployment(name);
            deployment.is_none_or(|d| broken(d.provisioning()) && !is_stable(name))
        };
        if intended.iter().any(useless) {
            let held = || self.held.clone().unwrap_or_default();
            return self.stable.as_deref().map_or_else(held, Traffic::all_to);
        }
        let drifted = self.held.as_ref() != Some(&self.intended);
        let Some(stable) = self.stable.as_deref().filter(|_| drifted) else { return self.intended.clone() };
        match intended.into_iter().find(|name| *name != stable) {
            Some(name) => Traffic::split(stable, name, self.intended.share(name).min(self.reaching(name))),
            None => Traffic::all_to(stable),
        }
    }

    /// Would this traffic be a change of what Azure routes by, or of what Bindery wrote last?
    fn moves_to(&self, target: &Target) -> bool {
        self.held.as_ref() != Some(target.routed()) || self.intended != target.traffic
    }

    /// Would the candidate have more than Azure routes to it?
    fn rises_to(&self, target: &Target) -> bool {
        self.candidate().zip(self.held.as_ref()).is_some_and(|(candidate, held)| {
            target.routed().share(candidate.name()) > held.share(candidate.name())
        })
    }

    /// Does what comes next do nothing but give traffic back to the stable deployment? Then something loses some of its
    /// weight, and nothing else gets any.
    pub fn only_takes_back(&self, next: &Next) -> bool {
        let Some(endpoint) = self.view.endpoint.filter(|_| self.stable.is_some()) else { return false };
        let (target, stable) = (&next.target, self.stable.as_deref());
        let held = self.held.clone().unwrap_or_default();
        let routed = endpoint.properties.traffic.keys().map(String::as_str).chain(held.reached());
        let others = |name: &&str| Some(*name) != stable;
        let reaching = |name: &str| Share::live(self.routed(name)).max(held.share(name));
        let falls = routed.filter(others).any(|name| target.routed().share(name) < reaching(name));
        let mut given = target.routed().reached().into_iter().filter(others);
        next.carries == Carries::Traffic
            && target.stable == self.stable
            && falls
            && given.all(|name| target.routed().share(name) <= reaching(name))
    }

    /// Why the endpoint is to be written: the weightiest of all that its PUT will do.
    fn cause(&self, target: &Target, carries: Carries) -> Option<Cause> {
        let endpoint = self.view.endpoint?;
        // While the stable deployment is made again, the traffic cannot be put back.
        let waits = |d: &Drift| target.meanwhile.is_some() && d.field == self.view.kind.routing_field();
        let differences: Vec<Drift> = self.differences().into_iter().filter(|d| !waits(d)).collect();
        let (going, later): (Vec<&Drift>, Vec<&Drift>) = differences
            .iter()
            .partition(|d| carries == Carries::Everything || d.field == self.view.kind.routing_field());
        let named = |all: &[&Drift]| all.iter().map(|d| d.field.as_str()).collect::<Vec<_>>().join(", ");
        let (moves, unwritten) = (self.moves_to(target), self.unwritten_failures());
        let gives_up = self.wanted_revision().is_some_and(|wanted| unwritten.contains(wanted));
        let stood = self.view.stood || (self.traffic_drifted() && target.meanwhile.is_none());
        let wanted = || self.wanted_name().unwrap_or_default().to_string();
        if gives_up || (self.wanted_failed() && moves) {
            let had_traffic = self.wanted_name().is_some_and(|name| self.routed(name) > Weight::NONE);
            let aborted = self.view.order.as_ref().is_some_and(|order| order.word == ActionWord::Abort);
            return Some(Cause::TakeBack {
                candidate: wanted(),
                had_traffic,
                stable: self.stable.clone(),
                gone: self.stable_is_gone(),
                aborted,
            });
        }
        if !self.owned() {
            return Some(Cause::Adopt);
        }
        if stood && !going.is_empty() {
            return Some(Cause::Restore { fields: named(&going), later: named(&later), carries });
        }
        if let (true, Some(over)) =
            (self.stable != target.stable && self.view.rise == Rise::Back, &self.stable)
        {
            let serves = self.deployment(over).and_then(Revision::tagged);
            let what = |held: &Held| {
                let serves = serves.as_ref() == Some(&held.revision);
                if serves { over.clone() } else { format!("revision {}", held.revision) }
            };
            let holds = self.view.held.as_ref().map(what);
            return Some(Cause::GoBack { deployment: wanted(), over: over.clone(), holds });
        }
        if self.stable != target.stable {
            return Some(Cause::Promote { deployment: wanted() });
        }
        if moves {
            return Some(self.cause_of_moving(target));
        }
        if broken(endpoint.provisioning()) {
            return Some(Cause::Mend);
        }
        if !going.is_empty() {
            return Some(Cause::Change { fields: named(&going) });
        }
        if self.tags_outlive_the_wanted() {
            return Some(Cause::NoteGone { deployment: wanted() });
        }
        if self.view.order.is_none() && self.hold_is_unwritten() {
            let revision = self.view.held.as_ref().map(|held| held.revision.clone());
            return Some(Cause::NoteHold { revision });
        }
        unwritten.latest().map(|_| Cause::NoteFailures)
    }

    fn cause_of_moving(&self, target: &Target) -> Cause {
        let alone = target.meanwhile.as_ref().filter(|it| self.held.as_ref() != Some(*it));
        if let (Some(alone), Some(stable)) = (alone, &target.stable) {
            return Cause::Answer { alone: alone.clone(), until: stable.clone() };
        }
        let wanted = self.wanted_name().filter(|_| !self.arrived()).unwrap_or_default();
        let to = target.traffic.share(wanted);
        if to > self.intended.share(wanted) {
            Cause::Shift { deployment: wanted.into(), to }
        } else {
            Cause::Withdraw { to: target.traffic.clone() }
        }
    }
}
