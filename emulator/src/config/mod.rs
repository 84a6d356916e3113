//! What the emulator can be told before it starts. Every field has a default; a seed file spells
//! them in camelCase.

mod bounds;
mod clients;
mod faults;
mod guards;
mod inferred;
mod operations;
mod pattern;
mod rights;
mod scoring;
mod seed;
mod throttling;
mod time;

use serde::{Deserialize, Serialize};

pub use clients::{Client, Federated, Published};
pub use faults::{Effect, FaultRule};
pub use guards::{Lock, LockLevel, Policy, PolicyEffect};
pub use inferred::Inferred;
pub use operations::{OperationRule, Outcome, Work};
pub(crate) use pattern::like;
pub use rights::{RightsEffect, RightsRule};
pub use scoring::ScoringRule;
pub use seed::{JobSeed, ResourceSeed, Seed, WorkspaceSeed};
pub use throttling::{Limit, Limits, Throttling};
pub use time::Time;
pub(crate) use time::TimeChange;

/// Everything about one emulator. A number that makes no sense, as seconds below 0, is refused by name: in a seed file, by
/// `PATCH /_emulator/config`, and by [`Emulator::start`](crate::Emulator::start).
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Config {
    /// Seed of everything random: ids, traffic, faults. Default 0.
    pub seed: u64,
    /// TCP port on 127.0.0.1. Default 0: any free one.
    pub port: u16,
    /// Serve plain http instead of TLS. Default false, because Azure's clients refuse to send tokens over http.
    pub plain_http: bool,
    /// Base of every URL that the emulator hands out, without a trailing slash. Default empty: where it listens.
    pub public_url: String,
    /// How emulated time passes. Default: as real time.
    pub time: Time,
    /// The tenant that all clients belong to. Default: a fixed GUID.
    pub tenant: String,
    /// Applications that can obtain tokens. Default: none.
    pub clients: Vec<Client>,
    /// Accept any bearer token, as a principal called `any`. Default false.
    pub any_token: bool,
    /// Lifetime of access tokens in seconds, as clients see it; at least 1. Default 3600.
    #[serde(deserialize_with = "bounds::token_lifetime")]
    pub token_lifetime: u32,
    /// Items on a page of a list; at least 1. Default 30.
    #[serde(deserialize_with = "bounds::page_size")]
    pub page_size: usize,
    /// What `Retry-After` says on asynchronous answers, at any pace of time. Default none: no recorded answer has one [REC].
    pub retry_after: Option<u32>,
    /// Seconds for which a finished operation can still be asked for; 404 afterwards. Default 3600 [INF].
    #[serde(deserialize_with = "bounds::operation_retention")]
    pub operation_retention: f64,
    /// Length of the signature parameters on operation URLs, in characters. Default 5000 [REC].
    pub signature_length: usize,
    /// Lists show a change only this many seconds later. Default 0 [INF].
    #[serde(deserialize_with = "bounds::list_lag")]
    pub list_lag: f64,
    /// Seconds after the end of a minute until Azure Monitor tells about it. Default 180 [INF].
    #[serde(deserialize_with = "bounds::metrics_delay")]
    pub metrics_delay: f64,
    /// How long asynchronous work takes.
    #[serde(deserialize_with = "bounds::amounts")]
    pub durations: Durations,
    /// Positions on what nobody has recorded: each, or the word `default` or `opposite` for all.
    #[serde(deserialize_with = "inferred::given")]
    pub inferred: Inferred,
    /// Azure Resource Manager's token buckets. Default: off.
    pub throttling: Throttling,
    /// Quotas per region and subscription [DOC].
    pub quotas: Quotas,
    /// Who may do what. Default: everyone everything.
    pub rights: Vec<RightsRule>,
    /// Locks on subscriptions, resource groups and resources. Default: none.
    pub locks: Vec<Lock>,
    /// Azure Policies that refuse or change writes. Default: none.
    pub policies: Vec<Policy>,
    /// Faults in force from the start. Default: none.
    pub faults: Vec<FaultRule>,
    /// Fates of asynchronous operations. Default: they succeed.
    pub operations: Vec<OperationRule>,
    /// How deployments answer. Default: well.
    pub scoring: Vec<ScoringRule>,
    /// What exists to begin with. Default: nothing.
    pub exists: Seed,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            seed: 0,
            port: 0,
            plain_http: false,
            public_url: String::new(),
            time: Time::default(),
            tenant: "72f988bf-0000-4000-8000-2d7cd011db47".to_owned(),
            clients: Vec::new(),
            any_token: false,
            token_lifetime: 3600,
            page_size: 30,
            retry_after: None,
            operation_retention: 3600.0,
            signature_length: 5000,
            list_lag: 0.0,
            metrics_delay: 180.0,
            durations: Durations::default(),
            inferred: Inferred::default(),
            throttling: Throttling::default(),
            quotas: Quotas::default(),
            rights: Vec::new(),
            locks: Vec::new(),
            policies: Vec::new(),
            faults: Vec::new(),
            operations: Vec::new(),
            scoring: Vec::new(),
            exists: Seed::default(),
        }
    }
}

impl Config {
    /// Whether it could be a seed file's: what is refused there is refused here, with the same words.
    pub(crate) fn check(&self) -> Result<(), String> {
        serde_json::to_value(self)
            .and_then(serde_json::from_value)
            .map(|_: Self| ())
            .map_err(|error| error.to_string())
    }
}

/// Emulated seconds that asynchronous work takes.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Durations {
    /// Registry PUT. Default 40 [REC].
    pub registry_create: f64,
    /// Registry DELETE. Default 30 [REC].
    pub registry_delete: f64,
    /// How much longer the name of a deleted registry is taken. Default 35: the client says 30 to 45 [CLI].
    pub registry_name_release: f64,
    /// Registry removeRegions. Default 30 [INF].
    pub registry_remove_regions: f64,
    /// A registry's asset PUT. Default 2 [INF].
    pub registry_asset: f64,
    /// A registry's asset DELETE. Default 5 [INF].
    pub registry_asset_delete: f64,
    /// Publish and import into a registry. Default 10 [INF].
    pub publish: f64,
    /// Endpoint PUT of a new one. Default 50 [REC].
    pub endpoint_create: f64,
    /// Endpoint PUT of an existing one, and regenerateKeys. Default 20 [INF].
    pub endpoint_update: f64,
    /// Endpoint DELETE. Default 30 [INF].
    pub endpoint_delete: f64,
    /// Deployment PUT of a new one. Default 180 [INF].
    pub deployment_create: f64,
    /// Deployment PUT of an existing one. Default 90 [INF].
    pub deployment_update: f64,
    /// Deployment PATCH of `sku`. Default 60 [INF].
    pub deployment_scale: f64,
    /// Deployment DELETE. Default 30 [INF].
    pub deployment_delete: f64,
    /// A job from PUT to Running. Default 30 [INF].
    pub job_start: f64,
    /// A job from Running to Completed. Default 120 [INF].
    pub job_run: f64,
    /// Job DELETE, where it is an operation. Default 5 [INF].
    pub job_delete: f64,
}

impl Durations {
    /// Nothing takes any time.
    pub fn none() -> Self {
        Self {
            registry_create: 0.0,
            registry_delete: 0.0,
            registry_name_release: 0.0,
            registry_remove_regions: 0.0,
            registry_asset: 0.0,
            registry_asset_delete: 0.0,
            publish: 0.0,
            endpoint_create: 0.0,
            endpoint_update: 0.0,
            endpoint_delete: 0.0,
            deployment_create: 0.0,
            deployment_update: 0.0,
            deployment_scale: 0.0,
            deployment_delete: 0.0,
            job_start: 0.0,
            job_run: 0.0,
            job_delete: 0.0,
        }
    }
}

impl Default for Durations {
    fn default() -> Self {
        Self {
            registry_create: 40.0,
            registry_delete: 30.0,
            registry_name_release: 35.0,
            registry_remove_regions: 30.0,
            registry_asset: 2.0,
            registry_asset_delete: 5.0,
            publish: 10.0,
            endpoint_create: 50.0,
            endpoint_update: 20.0,
            endpoint_delete: 30.0,
            deployment_create: 180.0,
            deployment_update: 90.0,
            deployment_scale: 60.0,
            deployment_delete: 30.0,
            job_start: 30.0,
            job_run: 120.0,
            job_delete: 5.0,
        }
    }
}

/// Limits of §C.5 [DOC].
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Quotas {
    /// Endpoints per subscription and region. Default 100.
    pub endpoints: usize,
    /// Deployments per subscription and region. Default 500.
    pub deployments: usize,
    /// Deployments per endpoint. Default 20.
    pub deployments_per_endpoint: usize,
    /// Instances per deployment. Default 50.
    pub instances: u64,
    /// Processors per subscription, region and instance type, with the fifth more of instances that Azure asks for.
    /// Default: as many as are asked for.
    pub cores: Option<u64>,
}

impl Default for Quotas {
    fn default() -> Self {
        Self { endpoints: 100, deployments: 500, deployments_per_endpoint: 20, instances: 50, cores: None }
    }
}
