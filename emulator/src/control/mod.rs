//! What the service does not offer and a test needs: faults, fates, foreign changes, the log. The methods of
//! [`Core`] here and the paths under `/_emulator` ([`http`]) do the same things.

pub mod http;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::config::{Config, FaultRule, JobSeed, OperationRule, ScoringRule};
use crate::core::Core;
use crate::core::machinery::address::{Address, key_of};
use crate::core::machinery::log::{Counts, Entry};
use crate::core::resources::endpoint::serving::Serving;
use crate::core::services::autoscale;

/// Fields of the configuration that are read once, and what to do instead of changing them.
const AT_THE_START: [(&str, &str); 6] = [
    ("seed", "start it anew with another one"),
    ("port", "start it anew with another one"),
    ("plainHttp", "start it anew with the other"),
    ("publicUrl", "start it anew with another one, which its certificate is to name"),
    ("time", "POST /_emulator/time moves it, and sets its pace"),
    ("exists", "POST /_emulator/seed adds to what exists"),
];

/// The key of an ARM id: of Azure Machine Learning, or of an autoscale setting.
fn key(id: &str) -> Option<String> {
    key_of(id).or_else(|| autoscale::key_of(id))
}

impl Core {
    /// Adds a fault rule behind those in force; answers with its id, which the log names when it strikes.
    pub fn add_fault(&mut self, rule: FaultRule) -> u64 {
        let id = self.config.faults.iter().map(|rule| rule.id).max().unwrap_or(0) + 1;
        self.config.faults.push(FaultRule { id, ..rule });
        id
    }

    /// Takes all fault rules back.
    pub fn clear_faults(&mut self) {
        self.config.faults.clear();
    }

    /// Adds a fate for operations, before those in force.
    pub fn add_operation_rule(&mut self, rule: OperationRule) {
        self.config.operations.insert(0, rule);
    }

    /// Takes all fates of operations back.
    pub fn clear_operation_rules(&mut self) {
        self.config.operations.clear();
    }

    /// Tells deployments how to answer, before what was told so far.
    pub fn add_scoring_rule(&mut self, rule: ScoringRule) {
        self.config.scoring.insert(0, rule);
    }

    /// Lets all deployments answer well.
    pub fn clear_scoring_rules(&mut self) {
        self.config.scoring.clear();
    }

    /// The stored document of a resource, by ARM id, as it is and without a request.
    pub fn resource(&self, id: &str) -> Option<Value> {
        self.store.take(&key(id)?)
    }

    /// Changes a resource behind its clients' backs: a JSON merge patch, unchecked. False when there is none.
    pub fn change_resource(&mut self, id: &str, patch: &Value) -> bool {
        let now = self.now();
        key(id).is_some_and(|key| {
            self.store.change(now, &key, |document| crate::core::machinery::json::merge(document, patch))
        })
    }

    /// Removes a resource, and all beneath it, behind its clients' backs. False when there is none.
    pub fn remove_resource(&mut self, id: &str) -> bool {
        let now = self.now();
        key(id).is_some_and(|key| self.store.remove(now, &key))
    }

    /// Declares a job in a workspace, by the workspace's ARM id, or declares it anew. False without the workspace.
    pub fn declare_job(&mut self, workspace: &str, job: &JobSeed) -> bool {
        match Address::parse(workspace) {
            Ok(address) if self.store.has(&address.key()) => {
                crate::core::resources::job::declare(self, &address, job);
                true
            }
            _ => false,
        }
    }

    /// Declares that URIs containing this text have no files: `ModelAssetPathNotFoundInStorage`.
    pub fn declare_missing_path(&mut self, part: &str) {
        self.missing_paths.push(part.to_owned());
    }

    /// Lets all access tokens run out.
    pub fn expire_tokens(&mut self) {
        self.tokens.expire_all();
    }

    /// Takes all access tokens back.
    pub fn revoke_tokens(&mut self) {
        self.tokens.revoke_all();
    }

    /// What deployments serve and answered, by `{endpoint}/{deployment}`.
    pub fn scoring_counts(&self) -> BTreeMap<String, Serving> {
        let name = |key: &str| {
            let mut parts = key.rsplit('/');
            let deployment = parts.next().unwrap_or_default();
            format!("{}/{deployment}", parts.nth(1).unwrap_or_default())
        };
        self.serving.iter().map(|(key, serving)| (name(key), serving.clone())).collect()
    }

    /// The requests so far, oldest first; at most the last 100,000.
    pub fn log(&self) -> impl Iterator<Item = &Entry> {
        self.log.entries()
    }

    /// How many requests there were, by principal.
    pub fn request_counts(&self) -> &BTreeMap<String, Counts> {
        self.log.counts()
    }

    /// Forgets the log and its counts.
    pub fn clear_log(&mut self) {
        self.log.clear();
    }

    /// Changes the configuration by a JSON merge patch in the seed file's words. What counts only at the start is
    /// refused, unless it is as it was, however it is written.
    pub fn configure(&mut self, patch: &Value) -> Result<(), String> {
        if !patch.is_object() {
            return Err(format!("A change of the configuration must be an object, not {patch}."));
        }
        let fields = |config: &Config| serde_json::to_value(config).map_err(|error| error.to_string());
        let before = fields(&self.config)?;
        let mut all = before.clone();
        crate::core::machinery::json::merge(&mut all, patch);
        let config: Config = serde_path_to_error::deserialize(all).map_err(|error| error.to_string())?;
        let after = fields(&config)?;
        for (field, instead) in AT_THE_START {
            if after[field] != before[field] {
                return Err(format!("`{field}` cannot be changed while it runs: {instead}."));
            }
        }
        if config.throttling != self.config.throttling {
            self.buckets.forget_waits();
        }
        self.config = config;
        self.store.lag = self.config.list_lag;
        Ok(())
    }

    /// Where the emulator stands, in a few words.
    pub fn state(&self) -> Value {
        json!({
            "time": crate::core::machinery::ids::iso(self.now()),
            "running": self.operations.running(),
            "nextEvent": self.operations.next_time().map(crate::core::machinery::ids::iso),
        })
    }
}
