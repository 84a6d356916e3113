//! The facts that every kind's decision needs.

use std::time::Duration;

use jiff::Timestamp;

use super::{Decision, Owner, deployment_binding, model_version, registry, workspace};
use crate::api::{
    DeploymentBindingStatus, Lineage, ModelType, ModelVersionStatus, Policy, RegistryStatus, WorkspaceStatus,
};
use crate::azure::model::{Call, Class, Error, OperationState, Reply, ResourceId};

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
    deployment_binding: DeploymentBindingStatus
}

/// What the shell knows about the object and the moment.
#[derive(Debug, Clone)]
pub struct Situation {
    /// The time of this pass.
    pub now: Timestamp,
    /// `metadata.generation`.
    pub generation: i64,
    /// `metadata.deletionTimestamp` is set.
    pub deleting: bool,
    /// Whether anything may be changed in Azure.
    pub mode: Mode,
    /// Who we are in the tags of what we own.
    pub owner: Owner,
    /// `metadata.creationTimestamp`: of two claimants, the older one is right.
    pub created: Timestamp,
    /// The operator watches one namespace alone: what is gone, and what it cannot see, look the same elsewhere.
    pub one_namespace: bool,
    /// The other live objects of this cluster that name the same resource in Azure.
    pub claimants: Vec<Claimant>,
    /// `namespace/name` of those that are being deleted, and that a finalizer still holds.
    pub leaving: Vec<String>,
    /// How often Azure is compared with the manifest.
    pub interval: Duration,
    /// The last call on Azure that did not work, and that no success has followed yet.
    pub failure: Option<Failure>,
    /// Set when Azure could not be read in this pass.
    pub unreadable: Option<Failure>,
    /// When Azure was last read, as far as this process knows.
    pub last_read: Option<Timestamp>,
    /// The change that the status remembers, and how it goes.
    pub operation: Option<Polled>,
}

/// Whether anything may be changed in Azure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Yes.
    Act,
    /// No: `suspend` is true.
    Suspended,
    /// No: `management` is `Observe`.
    Observe,
    /// No: the operator runs with `--observe-only`.
    ObserveOnly,
}

/// Another object that names the same resource in Azure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claimant {
    /// `namespace/name`.
    pub name: String,
    /// Its creation time.
    pub created: Timestamp,
    /// Its `management` is `Manage`: it could look after the resource.
    pub manages: bool,
    /// It has our finalizer: it does not go without a look at Azure.
    pub holds: bool,
}

/// Something that was tried on Azure and did not work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What was tried, as `Call::doing` says it.
    pub doing: String,
    /// What came back.
    pub error: Error,
    /// When.
    pub at: Timestamp,
    /// How often in a row, this time included.
    pub times: u32,
}

impl Failure {
    /// The failure that follows `before` when the same thing did not work once more.
    pub fn once_more(before: Option<&Self>, doing: String, error: Error, at: Timestamp) -> Self {
        let times = before.filter(|f| f.doing == doing).map_or(0, |f| f.times) + 1;
        Self { doing, error, at, times }
    }
}

impl Situation {
    /// Takes in what became of the change that the status remembers. One that was accepted has not worked
    /// before this says so: a failure is counted on.
    pub fn take_in_operation(&mut self) {
        let Some(Polled { doing, state, .. }) = &self.operation else { return };
        match state {
            OperationState::Failed { code, message } => {
                let error = Error { code: code.clone(), ..Error::new(Class::Permanent, message.clone()) };
                let failure = Failure::once_more(self.failure.as_ref(), doing.clone(), error, self.now);
                self.failure = Some(failure);
            }
            OperationState::Succeeded => self.failure = None,
            OperationState::Running | OperationState::Gone => {}
        }
    }

    /// Takes in the answer to a call, at this time.
    pub fn take_in_answer(&mut self, call: &Call, answer: Result<&Reply, &Error>, now: Timestamp) {
        self.now = now;
        match answer {
            Err(error) => {
                let before = self.failure.take();
                self.failure =
                    Some(Failure::once_more(before.as_ref(), call.doing.clone(), error.clone(), now));
            }
            // What is only accepted may still fail.
            Ok(reply) if reply.operation.is_some() => {}
            Ok(_) => self.failure = None,
        }
    }
}

/// A running change, and what its URL answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Polled {
    /// What it does.
    pub doing: String,
    /// The resource that it changes.
    pub resource: ResourceId,
    /// What its URL said in this pass; `Running` when nobody asked.
    pub state: OperationState,
}

/// What a look into Azure found. A look that failed is in [`Situation::unreadable`].
#[derive(Debug, Clone, PartialEq)]
pub enum Look<T> {
    /// It is there.
    Found(T),
    /// A GET said that it is not there.
    Absent,
    /// Nobody looked: the place is unknown, or the look failed.
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

/// What a look into Azure means; one that failed is said in the situation, once.
pub fn look<T>(situation: &mut Situation, what: &str, answer: Result<Option<T>, Error>) -> Look<T> {
    match answer {
        Ok(found) => Look::from_get(found),
        Err(error) => {
            let before = situation.unreadable.take();
            let doing = format!("read {what}");
            situation.unreadable = Some(Failure::once_more(before.as_ref(), doing, error, situation.now));
            Look::Unseen
        }
    }
}

/// A look that worked ends a series of looks that did not.
pub fn settle<T>(situation: &mut Situation, look: &Look<T>) {
    if !matches!(look, Look::Unseen) {
        situation.unreadable = None;
    }
}

/// The place that an object names, as far as it may know.
#[derive(Debug, Clone, PartialEq)]
pub enum Place {
    /// There is none of this name, or it does not allow our namespace: from outside both look the same.
    Missing {
        /// `Registry team-a/models`.
        what: String,
    },
    /// It is there, and not ready.
    NotReady {
        /// `Registry team-a/models`.
        what: String,
        /// Its own Ready message.
        because: String,
    },
    /// It is ready.
    Ready {
        /// Its ARM id.
        id: ResourceId,
        /// Its region.
        location: String,
        /// What may serve there; nothing is asked of registries.
        policy: Policy,
    },
}

/// The version that another object names.
#[allow(clippy::large_enum_variant)] // one per pass, and mostly the large one
#[derive(Debug, Clone, PartialEq)]
pub enum SourceVersion {
    /// There is none of this name, or its place does not allow our namespace.
    Missing {
        /// `ModelVersion team-a/taxi-3`.
        what: String,
    },
    /// It is there, and not ready.
    NotReady {
        /// `ModelVersion team-a/taxi-3`.
        what: String,
        /// Its own Ready message.
        because: String,
    },
    /// It is registered.
    Ready {
        /// Its ARM id.
        id: ResourceId,
        /// The id that deployments use.
        asset_id: String,
        /// The model's name.
        model: String,
        /// The version.
        version: String,
        /// The format.
        kind: ModelType,
        /// Where it comes from.
        lineage: Lineage,
        /// The registry it lives in, by its name in Azure; none for a workspace.
        registry: Option<String>,
    },
}

/// How long ago something was; nothing for what lies ahead, as after a clock was set back: a wait may
/// then last longer, and is never cut short.
pub fn elapsed(since: Timestamp, now: Timestamp) -> Duration {
    since.duration_until(now).try_into().unwrap_or_default()
}

/// How long to wait after a failure, by its class and how often it happened. Nothing stops for good.
pub fn retry_after(class: Class, times: u32, interval: Duration) -> Duration {
    let doubling = |first: u64, most: Duration| {
        Duration::from_secs(first.saturating_mul(1 << times.saturating_sub(1).min(10))).min(most)
    };
    match class {
        Class::Throttled(wait) => wait.max(Duration::from_secs(1)),
        Class::Conflict => doubling(2, Duration::from_secs(60)),
        Class::Transient => doubling(1, Duration::from_secs(300)),
        Class::Permanent | Class::Unauthorized | Class::NotFound => {
            doubling(10, interval.max(Duration::from_secs(60)))
        }
    }
}
