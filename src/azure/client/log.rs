//! The log of a deployment's container (azure-ml-2.md O). Azure Resource Manager counts the question as a write.

use std::time::Duration;

use serde::Deserialize;
use serde_json::json;

use super::rest::Azure;
use crate::azure::model::{Class, Errand, Error, ResourceId};

/// How long the question may take, its turn included.
const TIMEOUT: Duration = Duration::from_secs(30);

#[derive(Deserialize)]
struct Log {
    #[serde(default)]
    content: Option<String>,
}

impl Azure {
    /// The last lines of what a container of a deployment has written, as Azure has them: `InferenceServer` or `StorageInitializer`.
    ///
    /// Of a container that does not run, Azure may have nothing, or a sentence of its own.
    pub(crate) async fn log(
        &self,
        errand: &Errand,
        deployment: &ResourceId,
        container: &str,
        lines: u32,
    ) -> Result<String, Error> {
        let body = json!({"containerType": container, "tail": lines});
        let (azure, path) = (self.on(errand), format!("{deployment}/getLogs"));
        let asked = azure.ask_for::<Log>(&path, deployment.subscription(), &body);
        let late = |_| Error::new(Class::Transient, "Azure gave no log in 30 s.");
        let log = tokio::time::timeout(TIMEOUT, asked).await.map_err(late)??;
        Ok(log.content.unwrap_or_default())
    }
}
