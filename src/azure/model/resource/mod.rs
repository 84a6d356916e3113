//! What Azure Machine Learning holds, as plain data. Each type names the properties that Bindery
//! reads or writes; everything else is kept in `rest`, because PUT replaces and what is not ours
//! has to go back as it came.
//!
//! Shapes: swagger 2025-09-01 and recordings of the service.

mod autoscale;
mod deployment;
mod endpoint;
mod job;
mod kind;
mod model;
mod registry;
mod workspace;

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

pub use autoscale::{AutoscaleProperties, AutoscaleSetting};
pub use deployment::{OnlineDeployment, OnlineDeploymentProperties, Sku};
pub use endpoint::{OnlineEndpoint, OnlineEndpointProperties};
pub use job::{JOB_DEPLOYMENT, JOB_ENDPOINT, Job, JobProperties, Run};
pub use kind::EndpointKind;
pub use model::{ModelVersion, ModelVersionProperties};
pub use registry::{RegionDetails, Registry, RegistryProperties};
pub use workspace::{Workspace, WorkspaceProperties};

/// Tags or properties: a map of strings.
pub type Strings = BTreeMap<String, String>;

/// What Bindery does not read and gives back unchanged.
pub type Rest = Map<String, Value>;

/// The identity of a resource in Azure (`ManagedServiceIdentity`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Identity {
    /// `None`, `SystemAssigned`, `UserAssigned` or `SystemAssigned,UserAssigned`.
    #[serde(rename = "type")]
    pub kind: String,
    /// By ARM id; the values are filled by the service.
    #[serde(default, deserialize_with = "null_is_default", skip_serializing_if = "Map::is_empty")]
    pub user_assigned_identities: Map<String, Value>,
    /// principalId, tenantId.
    #[serde(flatten)]
    pub rest: Rest,
}

/// Where a change on a resource stands, as `provisioningState` says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Provisioning {
    /// Creating, Updating, Scaling, Deleting or any word that is not terminal.
    Running,
    /// Succeeded, or absent where the service gives none.
    Succeeded,
    /// Failed.
    Failed,
    /// Canceled.
    Canceled,
}

impl Provisioning {
    pub(crate) fn of(state: Option<&str>) -> Self {
        match state {
            None => Self::Succeeded,
            Some(s) if s.eq_ignore_ascii_case("succeeded") => Self::Succeeded,
            Some(s) if s.eq_ignore_ascii_case("failed") => Self::Failed,
            Some(s) if s.eq_ignore_ascii_case("canceled") => Self::Canceled,
            Some(_) => Self::Running,
        }
    }
}

/// The service writes `null` for an empty map; for us both are empty.
pub(crate) fn null_is_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}

/// The prefix of the tags that Bindery writes for itself.
pub const OWN_PREFIX: &str = "bindery-";

/// Whether two keys of tags are one to Azure, which compares them without regard to case: in every alphabet, letter by
/// letter, and in no language's own way (`ß` is not `ss`, and the dotless `ı` is not `i`). The rules of the manifests
/// compare in the same way.
pub fn same_key(one: &str, other: &str) -> bool {
    one.chars().map(folded).eq(other.chars().map(folded))
}

fn folded(letter: char) -> char {
    fn single(mut mapped: impl Iterator<Item = char>, letter: char) -> char {
        mapped.next().filter(|_| mapped.next().is_none()).unwrap_or(letter)
    }
    if letter.is_ascii() || letter == 'ı' {
        return letter.to_ascii_uppercase();
    }
    let small = single(letter.to_lowercase(), letter);
    single(small.to_uppercase(), small)
}

/// Tags as they are read. Azure compares keys without regard to case and may give Bindery's own back in another
/// spelling, as after an Azure Policy has set them: here they have the one in which Bindery looks for them.
pub(crate) fn tags<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Strings, D::Error> {
    let read: Strings = null_is_default(deserializer)?;
    let own =
        |key: &str| key.get(..OWN_PREFIX.len()).is_some_and(|start| start.eq_ignore_ascii_case(OWN_PREFIX));
    let (ours, mut tags): (Strings, Strings) = read.into_iter().partition(|(key, _)| own(key));
    for (key, value) in ours {
        let spelled = key.to_ascii_lowercase();
        // Where both are there, the one that Bindery has spelled is Bindery's.
        if spelled == key {
            tags.insert(spelled, value);
        } else {
            tags.entry(spelled).or_insert(value);
        }
    }
    Ok(tags)
}

/// Read-only members of the envelope, which have no place in a request.
const READ_ONLY: [&str; 4] = ["id", "name", "type", "systemData"];

/// The body of a PUT: the whole resource without what only the service writes.
pub(crate) fn put_body<T: Serialize>(resource: &T, read_only_properties: &[&str]) -> Value {
    let mut body = serde_json::to_value(resource).unwrap_or_default();
    if let Some(envelope) = body.as_object_mut() {
        for name in READ_ONLY {
            envelope.remove(name);
        }
        if let Some(Value::Object(properties)) = envelope.get_mut("properties") {
            for name in read_only_properties {
                properties.remove(*name);
            }
        }
    }
    body
}

#[cfg(test)]
mod tests;
