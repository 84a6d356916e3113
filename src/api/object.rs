//! What the objects of all kinds have in common, and how one of them is named.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::core::object::HasStatus;
use kube::{Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{
    Approval, DELETE_WHILE_IN_USE, DeploymentBinding, FINALIZER, Management, MetricProvider, ModelVersion,
    Period, RECONCILE, Reference, Registry, RolloutAction, Workspace,
};
use crate::azure::model::Operation;

/// How often Azure is compared where the manifest does not say it.
const INTERVAL: Duration = Duration::from_secs(600);

/// The kinds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ObjectKind {
    Registry,
    Workspace,
    ModelVersion,
    DeploymentBinding,
    Approval,
    RolloutAction,
    MetricProvider,
}

impl ObjectKind {
    /// All of them, places first.
    pub const ALL: [Self; 7] = [
        Self::Registry,
        Self::Workspace,
        Self::MetricProvider,
        Self::ModelVersion,
        Self::DeploymentBinding,
        Self::Approval,
        Self::RolloutAction,
    ];
}

impl fmt::Display for ObjectKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// Does something with an object, whatever its kind is.
macro_rules! any_object {
    ($object:expr, $it:ident => $then:expr) => {
        match $object {
            $crate::api::AnyObject::Registry($it) => $then,
            $crate::api::AnyObject::Workspace($it) => $then,
            $crate::api::AnyObject::ModelVersion($it) => $then,
            $crate::api::AnyObject::DeploymentBinding($it) => $then,
            $crate::api::AnyObject::Approval($it) => $then,
            $crate::api::AnyObject::RolloutAction($it) => $then,
            $crate::api::AnyObject::MetricProvider($it) => $then,
        }
    };
}
pub(crate) use any_object;

/// Does something with a kind that is known by its name.
macro_rules! any_kind {
    ($kind:expr, $k:ident => $then:expr) => {
        match $kind {
            $crate::api::ObjectKind::Registry => {
                type $k = $crate::api::Registry;
                $then
            }
            $crate::api::ObjectKind::Workspace => {
                type $k = $crate::api::Workspace;
                $then
            }
            $crate::api::ObjectKind::ModelVersion => {
                type $k = $crate::api::ModelVersion;
                $then
            }
            $crate::api::ObjectKind::DeploymentBinding => {
                type $k = $crate::api::DeploymentBinding;
                $then
            }
            $crate::api::ObjectKind::Approval => {
                type $k = $crate::api::Approval;
                $then
            }
            $crate::api::ObjectKind::RolloutAction => {
                type $k = $crate::api::RolloutAction;
                $then
            }
            $crate::api::ObjectKind::MetricProvider => {
                type $k = $crate::api::MetricProvider;
                $then
            }
        }
    };
}
pub(crate) use any_kind;

/// The name of one object in the cluster. Objects that are made one after the other under the same name share it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectKey {
    /// Its kind.
    pub kind: ObjectKind,
    /// `metadata.namespace`.
    pub namespace: Box<str>,
    /// `metadata.name`.
    pub name: Box<str>,
}

impl ObjectKey {
    /// The object of this kind that a reference from the namespace `home` means.
    pub fn meant<K: Object>(reference: &Reference, home: &str) -> Self {
        Self {
            kind: K::KIND,
            namespace: reference.namespace(home).into(),
            name: reference.name.as_str().into(),
        }
    }
}

impl fmt::Display for ObjectKey {
    /// `Registry team-a/models`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}/{}", self.kind, self.namespace, self.name)
    }
}

/// An object of any kind.
#[derive(Debug, Clone)]
pub enum AnyObject {
    Registry(Arc<Registry>),
    Workspace(Arc<Workspace>),
    ModelVersion(Arc<ModelVersion>),
    DeploymentBinding(Arc<DeploymentBinding>),
    Approval(Arc<Approval>),
    RolloutAction(Arc<RolloutAction>),
    MetricProvider(Arc<MetricProvider>),
}

impl AnyObject {
    /// Its name in the cluster.
    pub fn key(&self) -> ObjectKey {
        any_object!(self, it => it.key())
    }
}

/// What every kind has.
pub trait Object:
    Resource<DynamicType = (), Scope = NamespaceResourceScope>
    + HasStatus<Status: Clone + Default + PartialEq + fmt::Debug + Serialize + DeserializeOwned + Send + Sync>
    + Clone
    + fmt::Debug
    + DeserializeOwned
    + Serialize
    + Send
    + Sync
    + 'static
{
    /// Which kind it is.
    const KIND: ObjectKind;

    /// The object as one of any kind.
    fn any(self: Arc<Self>) -> AnyObject;
    /// The object of this kind, where it is of this kind.
    fn from_any(object: &AnyObject) -> Option<&Arc<Self>>;
    /// `spec.suspend`, `spec.management`, `spec.interval`.
    fn mode(&self) -> (bool, Management, Option<&Period>);
    /// `status.lastHandledReconcile`.
    fn handled(&self) -> Option<&str>;
    /// `status.operation`.
    fn operation(&self) -> Option<&Operation>;
    /// `conditions` of a status.
    fn conditions_in(status: &Self::Status) -> &[Condition];

    /// `status.conditions`.
    fn conditions(&self) -> &[Condition] {
        self.status().map_or(&[], Self::conditions_in)
    }

    /// Its name in the cluster.
    fn key(&self) -> ObjectKey {
        ObjectKey { kind: Self::KIND, namespace: self.home().into(), name: self.name_any().into() }
    }

    /// The status, empty where there is none.
    fn current(&self) -> Self::Status {
        self.status().cloned().unwrap_or_default()
    }

    /// The namespace, which every kind has.
    fn home(&self) -> String {
        self.namespace().unwrap_or_default()
    }

    /// `namespace/name`.
    fn full_name(&self) -> String {
        format!("{}/{}", self.home(), self.name_any())
    }

    /// `Registry models`, for a sentence.
    fn title(&self) -> String {
        format!("{} {}", Self::KIND, self.name_any())
    }

    /// `metadata.creationTimestamp`.
    fn created(&self) -> Timestamp {
        self.meta().creation_timestamp.as_ref().map_or(Timestamp::UNIX_EPOCH, |t| t.0)
    }

    /// `metadata.generation`.
    fn generation(&self) -> i64 {
        self.meta().generation.unwrap_or_default()
    }

    /// `metadata.uid`.
    fn uid_or_empty(&self) -> String {
        self.uid().unwrap_or_default()
    }

    /// `metadata.deletionTimestamp` is set.
    fn is_deleting(&self) -> bool {
        self.meta().deletion_timestamp.is_some()
    }

    /// It has our finalizer.
    fn holds(&self) -> bool {
        self.finalizers().iter().any(|f| f == FINALIZER)
    }

    /// What asks for a look now: the value of the annotation, cut to what a status holds.
    fn asks(&self) -> Option<String> {
        self.annotations().get(RECONCILE).map(|token| token.chars().take(253).collect())
    }

    /// It may go although other objects refer to it: its annotation says so.
    fn goes_while_in_use(&self) -> bool {
        self.annotations().get(DELETE_WHILE_IN_USE).is_some_and(|it| it == "true")
    }

    /// It is being deleted, and our finalizer is off: nothing is left to do for it.
    fn is_let_go(&self) -> bool {
        self.is_deleting() && !self.holds()
    }

    /// How often Azure is compared with the manifest; at least a minute.
    fn interval(&self) -> Duration {
        self.mode().2.map_or(INTERVAL, Period::duration).max(Duration::from_secs(60))
    }
}

macro_rules! objects {
    ($($kind:ident: $mode:expr, $operation:expr;)+) => {$(
        impl Object for $kind {
            const KIND: ObjectKind = ObjectKind::$kind;

            fn any(self: Arc<Self>) -> AnyObject {
                AnyObject::$kind(self)
            }

            fn from_any(object: &AnyObject) -> Option<&Arc<Self>> {
                match object {
                    AnyObject::$kind(object) => Some(object),
                    _ => None,
                }
            }

            fn mode(&self) -> (bool, Management, Option<&Period>) {
                let mode: fn(&Self) -> (bool, Management, Option<&Period>) = $mode;
                mode(self)
            }

            fn handled(&self) -> Option<&str> {
                self.status.as_ref()?.last_handled_reconcile.as_deref()
            }

            fn operation(&self) -> Option<&Operation> {
                let operation: fn(&Self) -> Option<&Operation> = $operation;
                operation(self)
            }

            fn conditions_in(status: &Self::Status) -> &[Condition] {
                &status.conditions
            }
        }
    )+};
}

objects! {
    Registry: |it| (it.spec.suspend, it.spec.management, it.spec.interval.as_ref()),
        |it| it.status.as_ref()?.operation.as_ref();
    // A workspace is never changed.
    Workspace: |it| (false, Management::Observe, it.spec.interval.as_ref()), |_| None;
    // What it stands for is not in Azure, and never changed.
    MetricProvider: |it| (false, Management::Observe, it.spec.interval.as_ref()), |_| None;
    ModelVersion: |it| (it.spec.suspend, it.spec.management, it.spec.interval.as_ref()),
        |it| it.status.as_ref()?.operation.as_ref();
    DeploymentBinding: |it| (it.spec.suspend, it.spec.management, it.spec.interval.as_ref()),
        |it| it.status.as_ref()?.operation.as_ref();
    // An approval stands for nothing in Azure.
    Approval: |_| (false, Management::Observe, None), |_| None;
    // Nor does an action: the binding that it speaks to carries it out.
    RolloutAction: |_| (false, Management::Observe, None), |_| None;
}
