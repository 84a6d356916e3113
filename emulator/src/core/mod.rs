//! Azure Machine Learning as a state machine: [`Core::handle`] answers one request, [`Core::advance`]
//! lets time pass. No clock, no socket, no thread: the same seed and the same calls give the same answers.
//!
//! Its parts lie in four rooms. Each may use those before it, and none that comes after it:
//!
//! 1. `machinery`: what it takes to answer any request;
//! 2. `resources`: what Azure Resource Manager has;
//! 3. `services`: what is served beside it;
//! 4. `door`: where every request comes in, and is given to one of them.
//!
//! All of them are handed the [`Core`], which keeps the state of each. `tests/rooms.rs` refuses a `use` that goes the
//! other way.

pub(crate) mod door;
pub(crate) mod machinery;
pub(crate) mod resources;
mod seeding;
mod service;
pub(crate) mod services;

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::config::{Config, Time};
use door::{throttle, token};
use machinery::{log, operation, store};
use resources::endpoint::{keys, serving};
use resources::{registry, run, storage};
use services::monitor;

/// The service.
#[derive(Debug)]
pub struct Core {
    /// What it was told; may be changed while it runs.
    pub config: Config,
    pub(crate) rng: fastrand::Rng,
    pub(crate) store: store::Store,
    pub(crate) operations: operation::Operations,
    pub(crate) tokens: token::Tokens,
    pub(crate) log: log::Log,
    pub(crate) buckets: throttle::Buckets,
    pub(crate) registry_names: BTreeMap<String, registry::Name>,
    pub(crate) tombstones: BTreeMap<String, Timestamp>,
    pub(crate) publishing: BTreeMap<String, String>,
    pub(crate) endpoint_keys: BTreeMap<String, keys::Keys>,
    pub(crate) datastore_secrets: BTreeMap<String, serde_json::Value>,
    pub(crate) serving: BTreeMap<String, serving::Serving>,
    pub(crate) watch: monitor::Watch,
    pub(crate) metrics: BTreeMap<String, run::Metrics>,
    pub(crate) missing_paths: Vec<String>,
    pub(crate) blobs: storage::blobs::Blobs,
    pub(crate) batch_requests: BTreeMap<String, String>,
    pub(crate) issuer_keys: BTreeMap<String, Result<serde_json::Value, String>>,
    /// The URL without a `public_url`.
    pub(crate) listens_at: String,
    subscriptions: BTreeMap<String, Vec<String>>,
    now: Timestamp,
}

impl Core {
    /// The emulated time of the last call.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// The resource groups of a subscription; none when there is no such subscription.
    pub(crate) fn subscription(&self, id: &str) -> Option<&[String]> {
        self.subscriptions.get(&id.to_ascii_lowercase()).map(Vec::as_slice)
    }

    /// Takes note of a subscription, and of a resource group in it.
    pub(crate) fn know(&mut self, subscription: &str, group: Option<&str>) {
        let groups = self.subscriptions.entry(subscription.to_ascii_lowercase()).or_default();
        if let Some(group) = group
            && !groups.iter().any(|known| known.eq_ignore_ascii_case(group))
        {
            groups.push(group.to_owned());
        }
    }

    /// How many emulated seconds a second is for clients, whose clocks are not emulated.
    pub(crate) fn scale(&self) -> f64 {
        match self.config.time {
            Time::Real { scale } => scale,
            Time::Manual => 1.0,
        }
    }

    /// Base of URLs, without a trailing slash.
    pub(crate) fn base(&self) -> &str {
        let public = &self.config.public_url;
        let url = if public.is_empty() { &self.listens_at } else { public };
        url.trim_end_matches('/')
    }

    /// Host and port of [`Self::base`].
    pub(crate) fn host(&self) -> &str {
        self.base().split_once("://").map_or("127.0.0.1", |(_, host)| host)
    }
}
