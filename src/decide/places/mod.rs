//! Places: registries, workspaces and metric providers; what a place or a version is for whoever names it, and who may refer to whom
//! ([`reference`]), who may put what there ([`publishers`]), and what may serve there ([`policy`]). It knows nothing of what is registered or served there.

pub mod identity;
pub mod metric_provider;
pub mod policy;
pub mod publishers;
pub mod reference;
pub mod registry;
pub mod workspace;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

pub use identity::Served;
pub use policy::{Policy, matches};

use super::Verdict;
use crate::api::{
    ConditionType, Lineage, MeasuredGate, ModelType, ModelVersionSpec, ModelVersionStatus, Reason,
    RegistrySpec, RegistryStatus, Retirement, VersionOwner, WorkspaceStatus, conditions_of,
};
use crate::azure::model::{Principal, ResourceId};

/// What is said of a place that is being deleted to whoever refers to it. What else holds it is not theirs to know.
const GOES: &str = "it is being deleted, so nothing new begins in it.";

/// What whoever waits for a place at the end of an object can do.
pub(in crate::decide) const TO_DELETE_NOW: &str =
    " To delete this object now and leave Azure as it is, set its spec.deletionPolicy to Retain.";

/// The place that an object names, as far as it may know.
#[allow(clippy::large_enum_variant)] // a few per pass, and mostly the large one
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
        /// Azure does not have it, nor anything in it.
        gone: bool,
    },
    /// It is a workspace that is being deleted, or for which another object stands too: nothing new begins in it, and no
    /// weight rises. What serves there goes on, and can be taken back.
    Closed {
        /// `Workspace team-a/production`.
        what: String,
        /// Why.
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
        /// The id that deployments use, and the version's number, where it was registered: what serves it already is known by
        /// them.
        registered: Option<(String, String)>,
    },
    /// It is registered.
    Ready {
        /// As whom Bindery acts in its place.
        acting: Principal,
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
        /// Its own gates, measured.
        gates: Vec<MeasuredGate>,
        /// When Azure made it.
        created: Option<Timestamp>,
        /// The registry it lives in, by its name in Azure; none for a workspace.
        registry: Option<String>,
        /// When it goes out of use.
        retirement: Option<Retirement>,
        /// It is archived, in Azure or by its manifest.
        archived: bool,
        /// Who answers for it.
        owner: Option<VersionOwner>,
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
        if deleting {
            return Self::NotReady { what, because: GOES.into(), stalled: true, gone: false };
        }
        // A registry that has a region too many can be used all the same.
        let ready = conditions_of(&status.conditions).reason(ConditionType::Ready);
        let stalled = stalled(&status.conditions) && ready != Some(Reason::RegionRemovalRefused);
        if status.discovery_url.is_none() || stalled {
            return Self::NotReady { what, because: because(&status.conditions), stalled, gone: false };
        }
        Self::Ready { id, location: spec.location.clone(), policy: Policy::default() }
    }

    /// A workspace, for whom it allows.
    pub fn workspace(
        what: String,
        id: ResourceId,
        policy: Policy,
        status: &WorkspaceStatus,
        deleting: bool,
    ) -> Self {
        if deleting {
            return Self::Closed { what, because: GOES.into() };
        }
        match &status.location {
            _ if conditions_of(&status.conditions).reason(ConditionType::Ready) == Some(Reason::Conflict) => {
                Self::Closed { what, because: because(&status.conditions) }
            }
            Some(location) if !stalled(&status.conditions) => {
                Self::Ready { id, location: location.clone(), policy }
            }
            _ => Self::NotReady {
                what,
                because: because(&status.conditions),
                stalled: stalled(&status.conditions),
                gone: conditions_of(&status.conditions).reason(ConditionType::Ready)
                    == Some(Reason::NotInAzure),
            },
        }
    }

    /// May Azure be asked for what is in it? At the end of an object also while the place is missing or not ready.
    pub(in crate::decide) fn may_be_read(&self, deleting: bool) -> bool {
        match self {
            Self::Ready { .. } => true,
            Self::NotServed { .. } => false,
            Self::Missing { .. } | Self::NotWatched { .. } | Self::NotReady { .. } | Self::Closed { .. } => {
                deleting
            }
        }
    }

    /// The same for whoever refers to it from `home`: of whose identity acts for it, and why that is refused, other namespaces
    /// hear nothing.
    fn told_to(mut self, home: &str, place_home: &str, conditions: &[Condition]) -> Self {
        let reason = conditions_of(conditions).reason(ConditionType::Ready);
        let about_identity = matches!(reason, Some(Reason::Unauthorized | Reason::CredentialFailed));
        if let Self::NotReady { because, .. } = &mut self
            && about_identity
            && home != place_home
        {
            *because = "Azure does not let its identity in. Its owner sees in its status why.".into();
        }
        self
    }

    /// Is it gone, and with it the only one who could act there?
    pub(in crate::decide) fn is_lost(&self, acting: &Result<Principal, String>) -> bool {
        matches!(self, Self::Missing { .. }) && acting.is_err()
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
            Self::NotReady { what, because, stalled, .. } => {
                Some(not_ready(format!("{what} is not ready: {because}"), *stalled))
            }
            Self::Closed { what, because } => {
                Some(not_ready(format!("{what} is not ready: {because}"), true))
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
    /// `taxi:3`, where it is registered.
    pub fn title(&self) -> Option<String> {
        let Self::Ready { model, version, .. } = self else { return None };
        Some(format!("{model}:{version}"))
    }

    /// A version in this place, for whom that allows.
    pub fn of(
        what: String,
        place: Option<(Result<Principal, String>, ResourceId)>,
        spec: &ModelVersionSpec,
        status: ModelVersionStatus,
        deleting: bool,
    ) -> Self {
        let registered = conditions_of(&status.conditions).is_true(ConditionType::Registered);
        let id = place.as_ref().filter(|_| registered && status.asset_id.is_some());
        let id = id.map(|(_, place)| place.model_version(&spec.model, &spec.version));
        let acting = place.map(|(acting, _)| acting);
        let registered_as = id.as_ref().map(|id| (id.asset_id(), spec.version.clone()));
        if let (Some(_), Some(Err(because))) = (&id, &acting) {
            let because = because.clone();
            return Self::NotReady { what, because, stalled: true, registered: registered_as };
        }
        let usable = !stalled(&status.conditions) && !deleting;
        let Some((id, Ok(acting))) = id.zip(acting).filter(|_| usable) else {
            return Self::NotReady {
                what,
                because: because(&status.conditions),
                stalled: stalled(&status.conditions),
                registered: registered_as,
            };
        };
        Self::Ready {
            acting,
            registry: id.segment("registries").map(str::to_string),
            asset_id: id.asset_id(),
            id,
            model: spec.model.clone(),
            version: spec.version.clone(),
            kind: status.kind.or(spec.kind),
            lineage: status.lineage.unwrap_or_default(),
            gates: status.gates,
            created: status.created_at,
            retirement: spec.retirement.clone(),
            archived: status.archived || spec.archived == Some(true),
            owner: spec.owner.clone(),
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
