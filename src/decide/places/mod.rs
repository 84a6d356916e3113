//! Places: registries and workspaces; what a place or a version is for whoever names it, and who may refer to whom
//! ([`reference`]), who may put what there ([`publishers`]), and what may serve there ([`policy`]). It knows nothing of what is registered or served there.

pub mod identity;
pub mod policy;
pub mod publishers;
pub mod reference;
pub mod registry;
pub mod workspace;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

pub use identity::Served;
pub use policy::Policy;

use super::Verdict;
use crate::api::{
    ConditionType, Lineage, ModelType, ModelVersionSpec, ModelVersionStatus, Reason, RegistrySpec,
    RegistryStatus, WorkspaceStatus, conditions_of,
};
use crate::azure::model::ResourceId;

/// What whoever waits for a place at the end of an object can do.
pub(in crate::decide) const TO_DELETE_NOW: &str =
    " To delete this object now and leave Azure as it is, set its spec.deletionPolicy to Retain.";

/// The place that an object names, as far as it may know.
#[derive(Debug, Clone, PartialEq)]
pub enum Place {
    /// There is none of this name, or it does not allow our namespace: from outside both look the same.
    Missing {
        /// `Registry team-a/models`.
        what: String,
    },
    /// Nobody can say: that depends on something that the operator does not watch.
    NotWatched {
        /// A sentence that says what to do.
        because: String,
    },
    /// The identity that acts for it does not serve it.
    NotServed {
        /// `Registry team-a/models`.
        what: String,
        /// Sentences that say what to do.
        because: String,
    },
    /// It is there, and not ready.
    NotReady {
        /// `Registry team-a/models`.
        what: String,
        /// Its own Ready message.
        because: String,
        /// Only a person can help it.
        stalled: bool,
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
    /// Nobody can say: that depends on something that the operator does not watch.
    NotWatched {
        /// A sentence that says what to do.
        because: String,
    },
    /// It is there, and not ready.
    NotReady {
        /// `ModelVersion team-a/taxi-3`.
        what: String,
        /// Its own Ready message.
        because: String,
        /// Only a person can help it.
        stalled: bool,
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
        /// The format, where it is known.
        kind: Option<ModelType>,
        /// Where it comes from.
        lineage: Lineage,
        /// The registry it lives in, by its name in Azure; none for a workspace.
        registry: Option<String>,
    },
}

impl Place {
    /// A registry, for whom it allows.
    pub fn registry(
        what: String,
        id: ResourceId,
        spec: &RegistrySpec,
        status: &RegistryStatus,
        deleting: bool,
    ) -> Self {
        // A registry that has a region too many can be used all the same.
        let ready = conditions_of(&status.conditions).reason(ConditionType::Ready);
        let stalled = stalled(&status.conditions) && ready != Some(Reason::RegionRemovalRefused);
        if status.discovery_url.is_none() || stalled || deleting {
            return Self::NotReady { what, because: because(&status.conditions), stalled };
        }
        Self::Ready { id, location: spec.location.clone(), policy: Policy::default() }
    }

    /// A workspace, for whom it allows.
    pub fn workspace(what: String, id: ResourceId, policy: Policy, status: &WorkspaceStatus) -> Self {
        match &status.location {
            Some(location) if !stalled(&status.conditions) => {
                Self::Ready { id, location: location.clone(), policy }
            }
            _ => Self::NotReady {
                what,
                because: because(&status.conditions),
                stalled: stalled(&status.conditions),
            },
        }
    }

    /// May Azure be asked for what is in it? At the end of an object also while the place is missing or not ready.
    pub(in crate::decide) fn may_be_read(&self, deleting: bool) -> bool {
        match self {
            Self::Ready { .. } => true,
            Self::NotServed { .. } => false,
            Self::Missing { .. } | Self::NotWatched { .. } | Self::NotReady { .. } => deleting,
        }
    }

    /// It must exist, be ready, and allow the namespace of whoever asks.
    pub(in crate::decide) fn wait_until_ready(&self, deleting: bool) -> Option<Verdict> {
        let mut verdict = self.lacks()?;
        if deleting {
            verdict.message += TO_DELETE_NOW;
        }
        Some(verdict)
    }

    fn lacks(&self) -> Option<Verdict> {
        match self {
            Self::Missing { what } => Some(Verdict::stalled(
                Reason::ReferenceNotFound,
                format!(
                    "There is no {what}, or neither its allowedNamespaces nor its publishers include this namespace. Apply it, or have its owner let this namespace in."
                ),
            )),
            Self::NotWatched { because } => Some(Verdict::stalled(Reason::NotWatched, because)),
            Self::NotServed { what, because } => {
                Some(Verdict::stalled(Reason::IdentityNotAllowed, format!("{what}: {because}")))
            }
            Self::NotReady { what, because, stalled } => {
                Some(not_ready(format!("{what} is not ready: {because}"), *stalled))
            }
            Self::Ready { .. } => None,
        }
    }
}

/// What is referred to is not ready. What nobody but a person can help keeps whoever refers to it waiting for that person.
pub(in crate::decide) fn not_ready(message: String, stalled: bool) -> Verdict {
    if stalled {
        Verdict::stalled(Reason::ReferenceNotReady, message)
    } else {
        Verdict::blocked(Reason::ReferenceNotReady, message)
    }
}

/// What an object made stays where it was made: `field` means another place now, and `what` of the object is `id`.
pub(in crate::decide) fn refuse_another_place(
    field: &str,
    means: &ResourceId,
    what: &str,
    kind: &str,
    id: &ResourceId,
    deleting: bool,
) -> Verdict {
    let otherwise = if deleting {
        format!("or set spec.deletionPolicy to Retain to leave the {what} where it is")
    } else {
        format!("or make a new {kind} there")
    };
    Verdict::stalled(
        Reason::Unchangeable,
        format!(
            "{field} now means {means}, and the {what} of this object is {id}. Put back the reference, or the place that it names; {otherwise}."
        ),
    )
}

impl SourceVersion {
    /// A version in this place, for whom that allows.
    pub fn of(
        what: String,
        place: Option<&ResourceId>,
        spec: &ModelVersionSpec,
        status: ModelVersionStatus,
        deleting: bool,
    ) -> Self {
        let registered = conditions_of(&status.conditions).is_true(ConditionType::Registered);
        let usable = registered && !stalled(&status.conditions) && !deleting;
        let Some(place) = place.filter(|_| usable && status.asset_id.is_some()) else {
            return Self::NotReady {
                what,
                because: because(&status.conditions),
                stalled: stalled(&status.conditions),
            };
        };
        let id = place.model_version(&spec.model, &spec.version);
        Self::Ready {
            registry: id.segment("registries").map(str::to_string),
            asset_id: id.asset_id(),
            id,
            model: spec.model.clone(),
            version: spec.version.clone(),
            kind: status.kind.or(spec.kind),
            lineage: status.lineage.unwrap_or_default(),
        }
    }
}

/// Is only a person able to help it?
fn stalled(conditions: &[Condition]) -> bool {
    conditions_of(conditions).is_true(ConditionType::Stalled)
}

fn because(conditions: &[Condition]) -> String {
    conditions_of(conditions)
        .get(ConditionType::Ready)
        .map_or_else(|| "it was not looked at yet.".into(), |c| c.message.clone())
}

#[cfg(test)]
mod tests;
