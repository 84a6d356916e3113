//! One honest REST client of Azure Machine Learning: identity, pacing, operations, paging, hosts and transport.
//! It retries nothing and knows nothing of Kubernetes.
//!
//! [`Azure`] is the client, made from a [`Config`].

mod absence;
mod accounts;
mod audience;
mod batch;
mod certificate;
mod cli;
mod cloud;
mod config;
mod entra;
mod error_body;
mod hosts;
mod log;
mod metrics;
mod monitor;
mod operation;
mod pace;
mod payer;
mod prometheus;
mod proxies;
mod refusals;
mod rest;
mod run;
mod scoring;
mod storage;
mod token;
mod transport;

pub use accounts::{Accounts, NoAccount, Who};
pub use cloud::{Cloud, CloudChoice};
pub use config::{Config, ConfigError, CredentialChoice, CredentialConfig, authority_host};
pub use pace::{Bucket, Pace};
pub use proxies::Proxies;
pub use rest::{Azure, Counts};

pub(crate) use monitor::{MetricQuery, Series};
pub(crate) use prometheus::Bearer;
pub(crate) use scoring::{EndpointAuth, Score, Scored};
pub(crate) use transport::{Http, body};

/// The one api-version this client speaks.
pub const API_VERSION: &str = "2025-09-01";
