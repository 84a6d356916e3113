//! What Azure holds and what it was asked, by the emulator's own account.

use std::time::{Duration, Instant};

use azureml_emulator::{Entry, Inferred, ResourceSeed, Seed, Time};
use serde_json::{Value, json};

use super::{Error, PATIENCE, Stand, azure_id};

impl Stand {
    /// The positions that the emulator takes on what nobody has recorded: what a test expects may depend on one.
    pub fn inferred(&self) -> Inferred {
        self.emulator.control().config.inferred.clone()
    }

    /// How long lists show the past, in real time.
    pub(super) fn list_lag(&self) -> Duration {
        let lag = self.emulator.control().config.list_lag;
        Duration::from_secs_f64(lag / self.scale())
    }

    /// Lets lists show the past for so long, in real time.
    pub fn let_lists_lag(&self, lag: Duration) -> Result<(), Error> {
        let lag = lag.as_secs_f64() * self.scale();
        Ok(self.emulator.control().configure(&json!({"listLag": lag}))?)
    }

    fn scale(&self) -> f64 {
        match self.emulator.control().config.time {
            Time::Real { scale } => scale,
            Time::Manual => 1.0,
        }
    }

    /// A resource as Azure holds it, by its path below the provider: `registries/fares-models`.
    pub fn azure(&self, path: &str) -> Option<Value> {
        self.emulator.control().resource(&azure_id(path))
    }

    /// A field of a resource as Azure holds it, by JSON pointer; null where there is none.
    pub fn azure_field(&self, path: &str, pointer: &str) -> Value {
        self.azure(path).and_then(|r| r.pointer(pointer).cloned()).unwrap_or_default()
    }

    /// Changes a resource behind Bindery's back, by a merge patch.
    pub fn change_in_azure(&self, path: &str, patch: &Value) -> Result<(), Error> {
        let changed = self.emulator.control().change_resource(&azure_id(path), patch);
        if changed { Ok(()) } else { Err(format!("Azure has no {path} to change").into()) }
    }

    /// Makes a resource exist that somebody else made, by the PUT that makes it.
    pub fn exists_in_azure(&self, path: &str, body: &Value) -> Result<(), Error> {
        let resources = vec![ResourceSeed { id: azure_id(path), body: body.clone() }];
        let refused = self.emulator.control().seed(&Seed { resources, ..Seed::default() });
        if refused.is_empty() { Ok(()) } else { Err(refused.join("; ").into()) }
    }

    /// The requests of this method whose path contains this text, oldest first.
    pub fn requests(&self, method: &str, path: &str) -> Vec<Entry> {
        let path = path.to_lowercase();
        let asked = |e: &&Entry| e.method == method && e.path.to_lowercase().contains(&path);
        self.emulator.control().log().filter(asked).cloned().collect()
    }

    /// The requests of this method on exactly this resource.
    pub fn requests_on(&self, method: &str, path: &str) -> Vec<Entry> {
        let id = azure_id(path).to_lowercase();
        self.requests(method, path).into_iter().filter(|e| e.path.to_lowercase() == id).collect()
    }

    /// Everything that was to change something, oldest first, as `PUT workspaces/…`.
    pub fn writes(&self) -> Vec<String> {
        let provider = azure_id("").to_lowercase();
        // Asking for a log changes nothing, although it is a POST.
        let asks = |path: &str| path.ends_with("/getlogs");
        let managed = |e: &&Entry| {
            let path = e.path.to_lowercase();
            e.method != "GET" && path.starts_with(&provider) && !asks(&path)
        };
        let control = self.emulator.control();
        control.log().filter(managed).map(|e| format!("{} {}", e.method, &e.path[provider.len()..])).collect()
    }

    /// The traffic maps of all PUTs on an endpoint that Azure took, oldest first, without their zeros.
    pub fn traffic_written(&self, endpoint: &str) -> Vec<Vec<(String, i64)>> {
        let puts = self.requests_on("PUT", endpoint);
        let map = |body: Value| -> Vec<(String, i64)> {
            let all = body.pointer("/properties/traffic").and_then(Value::as_object).cloned();
            let all = all.unwrap_or_default().into_iter();
            all.filter_map(|(name, weight)| Some((name, weight.as_i64().filter(|w| *w > 0)?))).collect()
        };
        puts.into_iter().filter(|e| e.status < 300).filter_map(|e| e.body).map(map).collect()
    }

    /// Waits until something is so in Azure; the error says what was awaited.
    pub async fn wait_until(&self, what: &str, holds: impl Fn(&Self) -> bool) -> Result<(), Error> {
        let begun = Instant::now();
        while !holds(self) {
            if begun.elapsed() > PATIENCE {
                let log = self.operator.told(30);
                return Err(format!("no {what} within {PATIENCE:?}; the operator's log:\n{log}").into());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }
}
