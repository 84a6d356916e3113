//! One honest REST client of Azure Machine Learning (api-version 2025-09-01): identity, pacing,
//! operations, paging, errors and resources. It knows nothing of Kubernetes.
//!
//! [`resource`], [`id`], [`call`] and [`error`] are plain data, shared with `decide`.

pub mod call;
pub mod error;
pub mod id;
pub mod resource;

pub use call::{Action, Call, Operation, OperationState, Reply};
pub use error::{Class, Error};
pub use id::ResourceId;

/// The one api-version this client speaks.
pub const API_VERSION: &str = "2025-09-01";
