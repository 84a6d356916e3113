//! The facts that every kind's decision needs, and how they are gathered.

mod known;
mod rivals;

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;

use super::places::{metric_provider, registry, workspace};
use super::{
    Adopting, Attempt, Decision, Failure, Followed, Mode, Owner, Ownership, Referrers, Right, Situation,
    Standing, Tagged, Trouble, Watched, approval, deployment_binding, model_version, rollout_action,
};
use crate::api::{
    ApprovalStatus, ConditionType, DeploymentBindingStatus, Drift, Management, MetricProviderStatus,
    ModelVersionStatus, Object, RegistryStatus, RolloutActionStatus, WorkspaceStatus, conditions_of,
};
use crate::azure::model::resource::Strings;
use crate::azure::model::{Call, Error, Lane, Principal, Purpose, Reply, ResourceId};

pub use known::{ClusterRead, Due, Found, Known, Name, Namespace, Wanted};
pub use rivals::{ALIKE, HOLDERS, LEAVING, PLACES, Rivals, Role, STRANGERS, Stake};
use rivals::{claimants, heir, leaving, rivals, standing, strangers};

/// What a kind has to bring so that the one shell can carry it: pure functions of an object and of what is known.
pub trait Kind: Object {
    /// Everything its decision needs.
    type Facts: Facts<Status = Self::Status> + Clone + Send + Sync + 'static;
    /// Is what it stands for ever changed in Azure?
    const CHANGES: bool = true;

    /// The resource in Azure that it stands for, as far as its references are known. A kind that stands for nothing there leaves
    /// this and the next three as they are.
    fn target(&self, _: &mut Known) -> Option<ResourceId> {
        None
    }
    /// As whom its resource is read and changed, where that is `at`; or why nobody does that, in sentences that say what to do.
    fn acting(&self, _at: &ResourceId, _: &mut Known) -> Result<Principal, String> {
        Ok(Principal::Operator)
    }
    /// Does its place let it put there what it stands for, and lay claim to it? None where there is no such place.
    fn let_in(&self, _: &mut Known) -> Option<Right> {
        None
    }
    /// Does its place let it take over what exists?
    fn adopting(&self, _: &mut Known) -> Adopting {
        Adopting::default()
    }
    /// Does it win against another object that stands for the same resource, so that the other one gets no claim against it?
    fn outranks(&self, _other: &Self) -> bool {
        false
    }
    /// Does another object stand for its place too, or own it?
    fn place_is_contested(&self, _: &mut Known) -> bool {
        false
    }
    /// Who refers to it, where it is a place; looked up only when it is being deleted.
    fn referrers(&self, _: &mut Known) -> Option<Referrers> {
        None
    }
    /// What it names, so that others find it by that: its resource in Azure by the path below the place, the places that
    /// it refers to, the models that it deploys.
    fn names(&self) -> Vec<Name>;
    /// What of its status others look at, as a text that differs when they should look again.
    fn outward(&self) -> String;
    /// What of its status those look at who stand for the same resource, or seem to: where that is.
    fn claim(&self) -> Option<&str> {
        None
    }
    /// What it has to do with the resource that it names, as far as it says so itself.
    fn stake(&self) -> Stake {
        Stake::in_a_place(self)
    }
    /// What the heir of a resource has to know of what its owner wrote there: which tag keys are the owner's.
    fn inherit(_heir: &mut Self::Status, _owner: &Self::Status) {}
    /// Whether objects of this kind ever hold something in Azure, and so our finalizer. Of one that does not, its deletion is
    /// seen by the watch alone.
    const HOLDS: bool = true;
    /// A rollout is on its way, as far as the status says.
    fn rolls_out(&self) -> bool {
        false
    }
    /// What one status tells that the one before did not, for whoever counts.
    fn counted(_before: &Self::Status, _after: &Self::Status) -> Vec<Counted> {
        vec![]
    }
    /// The facts. What is not known yet is wanted of `known`.
    fn gather(&self, situation: Situation, known: &mut Known) -> Self::Facts;
}

/// Something that is counted, by a word of a closed set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Counted {
    /// This field was found changed in Azure.
    Drift(String),
    /// A rollout has ended like this.
    Rollout(String),
    /// A candidate was measured like this.
    Measurement(String),
}

impl Counted {
    /// The fields that are drift now and were none before. Of a tag or a property only that it is one is told: anybody may invent
    /// names.
    pub fn drift(before: &[Drift], after: &[Drift]) -> Vec<Self> {
        let word = |drift: &Drift| {
            let named: Vec<&str> = drift.field.split('.').collect();
            let end = named.iter().position(|it| matches!(*it, "tags" | "properties" | "traffic"));
            named[..end.map_or(named.len(), |at| at + 1)].join(".")
        };
        let known: BTreeSet<&str> = before.iter().map(|it| it.field.as_str()).collect();
        let new = after.iter().filter(|it| !known.contains(it.field.as_str()));
        new.map(|it| Self::Drift(word(it))).collect()
    }
}

/// What only the shell can say: the time, how the operator runs, and what this process remembers.
#[derive(Debug, Clone)]
pub struct Moment {
    /// The time of this pass.
    pub now: Timestamp,
    /// The id of this cluster in the owner tags.
    pub cluster: String,
    /// The operator runs with `--observe-only`.
    pub observe_only: bool,
    /// How long a deletion waits for an heir where the manifest does not say it.
    pub handover: Duration,
    /// What the operator watches.
    pub watched: Watched,
    /// The cluster checks that an Approval is by whom it says.
    pub authors_checked: bool,
    /// What did not work so far.
    pub trouble: Trouble,
    /// The owner that the tags named and whose object was not there, and since when.
    pub absent: Option<(Owner, Timestamp)>,
}

/// The facts about an object, as far as they are known.
pub fn gather<K: Kind>(object: &K, moment: &Moment, known: &mut Known) -> K::Facts {
    let rivals = rivals(object, known);
    let acting = object.target(known).map_or(Ok(Principal::Operator), |at| object.acting(&at, known));
    known.read_as(acting.clone().unwrap_or(Principal::Operator));
    let situation = Situation {
        now: moment.now,
        generation: object.generation(),
        asks: object.asks(),
        authors_checked: moment.authors_checked,
        deleting: object.is_deleting(),
        deleted_at: object.meta().deletion_timestamp.as_ref().map(|t| t.0),
        mode: mode(object, moment),
        interval: object.interval(),
        handover: moment.handover,
        lane: lane(object),
        acting,
        ownership: Ownership {
            owner: Owner::new(&moment.cluster, &object.full_name()),
            created: object.created(),
            watched: moment.watched.clone(),
            namespace_ends: object.is_deleting() && known.namespace(&object.home()).ends,
            right: object.let_in(known).unwrap_or(Right::Granted),
            adopting: object.adopting(known),
            claimants: claimants(object, &rivals, known),
            leaving: leaving(&rivals),
            tagged: None,
            absent: moment.absent.clone(),
        },
        referrers: object.referrers(known),
        trouble: moment.trouble.clone(),
        operation: Followed { remembered: object.operation().cloned(), answer: None },
    };
    let mut facts = match heir(object, &rivals) {
        Some(heir) => heir.gather(situation, known),
        None => object.gather(situation, known),
    };
    // Where the tags name an object of this cluster, no other namespace has a say. What they name is known only now.
    let us = &mut facts.situation().ownership;
    let free = !matches!(us.tagged, Some(Tagged::Us | Tagged::Other(..)));
    if free && known.is_whole() {
        let strangers = strangers(object, known);
        us.claimants.extend(claimants(object, &strangers, known));
        us.leaving.extend(leaving(&strangers));
    }
    facts
}

fn mode<K: Kind>(object: &K, moment: &Moment) -> Mode {
    match object.mode() {
        // Nothing in Azure is its own, so nothing is held back.
        _ if !K::HOLDS => Mode::Act,
        (_, Management::Observe, _) => Mode::Observe,
        _ if moment.observe_only => Mode::ObserveOnly,
        (true, _, _) => Mode::Suspended,
        _ => Mode::Act,
    }
}

/// Does it look after its resource, as its status says? Of all that name one resource only one does, unless somebody has forged
/// it.
pub fn is_settled<K: Kind>(object: &K) -> bool {
    object.mode().1 == Management::Manage && conditions_of(object.conditions()).is_true(ConditionType::Ready)
}

/// How urgent the requests for an object are.
pub fn lane<K: Kind>(object: &K) -> Lane {
    let conditions = conditions_of(object.conditions());
    let ready = conditions.get(ConditionType::Ready).and_then(|c| c.observed_generation);
    let asks = object.asks().is_some_and(|token| object.handled() != Some(token.as_str()));
    let seen = ready == Some(object.generation()) && !asks;
    let done = conditions.is_true(ConditionType::Ready) || conditions.is_true(ConditionType::Stalled);
    if object.is_deleting() || !seen {
        Lane::Edit
    } else if object.rolls_out() {
        Lane::Rollout
    } else if done {
        Lane::Routine
    } else {
        Lane::Edit
    }
}

/// The facts of one kind: what the shell carries from a look at Azure to a decision.
pub trait Facts {
    /// The status that the decision is about.
    type Status;

    /// What to do next.
    fn decide(&self) -> Decision<Self::Status>;
    /// The facts once the status of a decision is stored: what an answer makes of it builds on that.
    fn remember(&mut self, status: Self::Status);
    /// The facts after Azure has answered a call.
    fn absorb(&mut self, call: &Call, answer: Result<&Reply, &Error>);
    /// What the shell knows about the object and the moment.
    fn situation(&mut self) -> &mut Situation;
}

macro_rules! facts_of {
    ($($kind:ident: $status:ty),*) => {$(
        impl Facts for $kind::Facts {
            type Status = $status;

            fn decide(&self) -> Decision<$status> {
                $kind::decide(self)
            }

            fn remember(&mut self, status: $status) {
                self.status = status;
            }

            fn absorb(&mut self, call: &Call, answer: Result<&Reply, &Error>) {
                $kind::Facts::absorb(self, call, answer);
            }

            fn situation(&mut self) -> &mut Situation {
                &mut self.situation
            }
        }
    )*};
}

facts_of! {
    registry: RegistryStatus,
    workspace: WorkspaceStatus,
    model_version: ModelVersionStatus,
    deployment_binding: DeploymentBindingStatus,
    approval: ApprovalStatus,
    rollout_action: RolloutActionStatus,
    metric_provider: MetricProviderStatus
}

/// What a look into Azure found. A look that failed is in [`Trouble::unreadable`].
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Look<T> {
    /// It is there.
    Found(T),
    /// A GET said that it is not there.
    Absent,
    /// Nobody looked: the place is unknown, or the look failed.
    #[default]
    Unseen,
}

impl<T> Look<T> {
    /// What was found.
    pub fn found(&self) -> Option<&T> {
        match self {
            Self::Found(it) => Some(it),
            _ => None,
        }
    }

    /// Whether it is there; none where nobody looked.
    pub fn seen(&self) -> Option<bool> {
        match self {
            Self::Found(_) => Some(true),
            Self::Absent => Some(false),
            Self::Unseen => None,
        }
    }

    /// True when a GET said that it is not there.
    pub fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }

    /// From what the client answers.
    pub fn from_get(answer: Option<T>) -> Self {
        answer.map_or(Self::Absent, Self::Found)
    }
}

impl Situation {
    /// What a look into Azure means; one that failed is noted, once. `answer` is none where nobody has looked yet.
    pub(super) fn look<T>(
        &mut self,
        resource: &ResourceId,
        what: &str,
        answer: Option<Result<Option<T>, Error>>,
    ) -> Look<T> {
        match answer {
            None => Look::Unseen,
            Some(Ok(found)) => Look::from_get(found),
            Some(Err(error)) => {
                let before = self.trouble.unreadable.take();
                let (resource, doing) = (resource.clone(), format!("read {what}"));
                let attempt = Attempt { purpose: Purpose::Compare, resource, doing };
                let failure = Failure::once_more(before.as_ref(), attempt, error, self.now);
                self.trouble.unreadable = Some(failure);
                Look::Unseen
            }
        }
    }

    /// A look that worked ends a series of looks that did not.
    pub(super) fn looked<T>(&mut self, look: &Look<T>) {
        if !matches!(look, Look::Unseen) {
            self.trouble.unreadable = None;
        }
    }

    /// Takes in the tags of what was found, and what the cluster knows of the owner that they name.
    pub(super) fn read_tags<K: Kind>(&mut self, object: &K, tags: Option<&Strings>, known: &mut Known) {
        let us = &mut self.ownership;
        let Some(tags) = tags else { return };
        let before = us.absent.take();
        let named = Owner::of(tags).filter(|owner| owner.cluster == us.owner.cluster);
        let Some(owner) = named else {
            us.tagged = Some(Tagged::NoneOfThisCluster);
            return;
        };
        if owner == us.owner {
            us.tagged = Some(Tagged::Us);
            return;
        }
        let since = before.filter(|(of, _)| *of == owner).map_or(self.now, |(_, since)| since);
        let (standing, rival) = standing(object, &owner, since, known);
        let rival = rival.as_slice();
        for claimant in claimants(object, rival, known) {
            if us.claimants.iter().all(|c| c.name != claimant.name) {
                us.claimants.push(claimant);
            }
        }
        for name in leaving(rival) {
            if !us.leaving.contains(&name) {
                us.leaving.push(name);
            }
        }
        us.absent = matches!(standing, Standing::Absent(_)).then(|| (owner.clone(), since));
        us.tagged = Some(Tagged::Other(owner, standing));
    }

    /// Asks how the remembered change goes.
    pub(super) fn follow(&mut self, ask: bool, known: &mut Known) {
        let by = self.acting.clone().unwrap_or(Principal::Operator);
        self.follow_as(&by, ask, known);
    }

    /// The same, where somebody else began it.
    pub(super) fn follow_as(&mut self, begun_by: &Principal, ask: bool, known: &mut Known) {
        if let Some(operation) = self.operation.remembered.as_ref().filter(|_| ask) {
            self.operation.answer = known.operation(begun_by, &operation.url, &operation.resource);
        }
    }
}

#[cfg(test)]
mod tests;
