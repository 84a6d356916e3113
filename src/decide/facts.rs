//! The facts that every kind's decision needs.

use super::{Attempt, Decision, Failure, Situation, deployment_binding, model_version, registry, workspace};
use crate::api::{
    DeploymentBindingStatus, Lineage, ModelType, ModelVersionStatus, Policy, RegistryStatus, WorkspaceStatus,
};
use crate::azure::model::{Call, Error, Purpose, Reply, ResourceId};

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
pub fn look<T>(
    situation: &mut Situation,
    resource: &ResourceId,
    what: &str,
    answer: Result<Option<T>, Error>,
) -> Look<T> {
    match answer {
        Ok(found) => Look::from_get(found),
        Err(error) => {
            let before = situation.trouble.unreadable.take();
            let (resource, doing) = (resource.clone(), format!("read {what}"));
            let attempt = Attempt { purpose: Purpose::Compare, resource, doing };
            situation.trouble.unreadable =
                Some(Failure::once_more(before.as_ref(), attempt, error, situation.now));
            Look::Unseen
        }
    }
}

/// A look that worked ends a series of looks that did not.
pub fn settle<T>(situation: &mut Situation, look: &Look<T>) {
    if !matches!(look, Look::Unseen) {
        situation.trouble.unreadable = None;
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
