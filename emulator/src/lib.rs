//! Azure Machine Learning on one machine: a server that Microsoft's own clients take for the service.
//!
//! [`Emulator::start`] serves it over TLS, for tests and for the program. [`Core`] is the service itself, without
//! clock or socket: the same seed and the same calls give the same answers.
//!
//! ```
//! use azureml_emulator::{Config, Core, Principal, Request};
//! use serde_json::json;
//!
//! let mut config = Config::default();
//! config.exists.subscriptions.insert("s1".into(), vec!["ml".into()]);
//! let now = jiff::Timestamp::UNIX_EPOCH;
//! let mut core = Core::new(config, now);
//! let registry = "/subscriptions/s1/resourceGroups/ml/providers/Microsoft.MachineLearningServices/registries/models?api-version=2025-09-01";
//! let body = json!({"location": "eastus", "properties": {"regionDetails": [{"location": "eastus"}]}});
//! let answer = core.handle(now, &Principal::application("me"), &Request::put(registry, &body));
//! assert_eq!(answer.status, 202);
//! ```

pub mod config;
pub mod contract;
pub mod control;
pub mod core;
mod shell;
pub mod wire;

pub use config::{
    Client, Config, Durations, Effect, FaultRule, Federated, Inferred, JobSeed, Limit, Limits, Lock,
    LockLevel, OperationRule, Outcome, Policy, PolicyEffect, Published, Quotas, ResourceSeed, RightsEffect,
    RightsRule, ScoringRule, Seed, Throttling, Time, Work, WorkspaceSeed,
};
pub use core::Core;
pub use core::machinery::ids;
pub use core::machinery::log::{Counts, Entry};
pub use core::resources::endpoint::serving::Serving;
pub use shell::{Emulator, Error};
pub use wire::{Delivery, Identity, Principal, Request, Response};
