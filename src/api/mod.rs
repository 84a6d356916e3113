//! What users write and read: the kinds of group `bindery.dev`, their rules in CEL, and the words
//! of their status. Data only; nothing here decides or talks to anybody.
//!
//! `crds/` is generated from this folder by `cargo xtask codegen`.

#![allow(clippy::duplicated_attributes)] // printcolumn repeats its type

mod action;
mod analysis;
mod approval;
mod autoscale;
mod binding;
mod bounds;
mod condition;
mod crd;
mod form;
mod gate;
mod metric_provider;
mod model_version;
mod object;
mod place;
mod publisher;
mod registry;
mod scalar;
mod window;
mod workspace;

pub use action::*;
pub use analysis::*;
pub use approval::*;
pub use autoscale::*;
pub use binding::*;
pub use bounds::fit;
pub use condition::{ConditionType, Conditions, Reason, conditions_of};
pub use crd::crds;
pub use gate::*;
pub use metric_provider::*;
pub use model_version::*;
pub use object::{AnyObject, Object, ObjectKey, ObjectKind};
pub(crate) use object::{any_kind, any_object};
pub use place::*;
pub use publisher::*;
pub use registry::*;
pub use scalar::{EnvironmentVariables, FlavorData, Labels, Period, Tags};
pub use window::*;
pub use workspace::*;

/// The API group of every kind.
pub const GROUP: &str = "bindery.dev";
/// The finalizer on every object that may own something in Azure.
pub const FINALIZER: &str = "bindery.dev/azure";

/// The annotation that asks for a look now. Its value is any text; another text asks again.
pub const RECONCILE: &str = "bindery.dev/reconcile";
/// The annotation that names the revision of the Git repository that an object was applied from.
pub const GIT_REVISION: &str = "bindery.dev/git-revision";

/// The annotation by which a place that is being deleted goes although objects still refer to it. Its value is `true`.
pub const DELETE_WHILE_IN_USE: &str = "bindery.dev/delete-while-in-use";

#[cfg(test)]
mod tests;
