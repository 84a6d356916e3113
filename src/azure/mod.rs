//! One honest REST client of Azure Machine Learning (api-version 2025-09-01): identity, pacing,
//! operations, paging, errors and resources. It knows nothing of Kubernetes.
//!
//! [`resource`], [`id`], [`call`] and [`error`] are plain data, shared with `decide`.
//! [`Azure`] is the client, made from a [`Config`].

mod absence;
mod client;
mod config;
mod entra;
mod error_body;
mod hosts;
mod operation;
mod pace;
mod run;
mod token;
mod transport;

pub mod call;
pub mod error;
pub mod id;
pub mod resource;

pub use call::{Action, Call, OperationState, Reply};
pub use client::{Azure, Counts};
pub use config::{Config, ConfigError, CredentialConfig, PUBLIC_ARM, PUBLIC_AUTHORITY};
pub use error::{Class, Error};
pub use id::ResourceId;
pub use pace::{Bucket, Pace};

/// The one api-version this client speaks.
pub const API_VERSION: &str = "2025-09-01";
