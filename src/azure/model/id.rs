//! Names of things in Azure: ARM ids, and the asset ids that deployments refer to.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// The ARM id of a resource, such as `/subscriptions/…/workspaces/w/models/m/versions/3`.
///
/// ARM compares ids without regard to case, and the service itself changes the case of segments (`resourcegroups`); but the
/// names of jobs, and names and versions of assets, are other ones in another case. Equality and ordering do the same
/// ([`folded`]). Display keeps what was given.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ResourceId(String);

impl ResourceId {
    /// An id from its text, without a trailing slash.
    pub fn new(id: impl Into<String>) -> Self {
        let mut id = id.into();
        while id.ends_with('/') {
            id.pop();
        }
        Self(id)
    }

    /// The id of a registry.
    pub fn registry(subscription: &str, resource_group: &str, name: &str) -> Self {
        Self::provider(subscription, resource_group, "registries", name)
    }

    /// The id of a workspace.
    pub fn workspace(subscription: &str, resource_group: &str, name: &str) -> Self {
        Self::provider(subscription, resource_group, "workspaces", name)
    }

    fn provider(subscription: &str, resource_group: &str, kind: &str, name: &str) -> Self {
        Self(format!(
            "/subscriptions/{subscription}/resourceGroups/{resource_group}/providers/Microsoft.MachineLearningServices/{kind}/{name}"
        ))
    }

    /// A resource below this one: `child("models", "taxi")`.
    #[must_use]
    pub fn child(&self, collection: &str, name: &str) -> Self {
        Self(format!("{}/{collection}/{name}", self.0))
    }

    /// The id of a version of a model that lives in this workspace or registry.
    #[must_use]
    pub fn model_version(&self, model: &str, version: &str) -> Self {
        self.child("models", model).child("versions", version)
    }

    /// The id under which a deployment refers to this version: a URI for one in a registry, and its ARM id otherwise.
    pub fn asset_id(&self) -> String {
        let part = |collection| self.segment(collection);
        match (part("registries"), part("models"), part("versions")) {
            (Some(registry), Some(model), Some(version)) => registry_asset_id(registry, model, version),
            _ => self.to_string(),
        }
    }

    /// What this one is in: a collection for a resource, a resource for a collection.
    #[must_use]
    pub fn parent(&self) -> Self {
        Self(self.0.rsplit_once('/').map_or_else(String::new, |(parent, _)| parent.to_string()))
    }

    /// Is this one below that one?
    pub fn is_in(&self, place: &Self) -> bool {
        folded(&self.0).strip_prefix(&folded(&place.0)).is_some_and(|rest| rest.starts_with('/'))
    }

    /// The last segment: the resource's own name.
    pub fn name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or_default()
    }

    /// The segment after `collection`, such as the name of the workspace for `workspaces`.
    pub fn segment(&self, collection: &str) -> Option<&str> {
        // In pairs, for a name may be the word of a collection: `registries/models/models/taxi`.
        let mut segments = self.0.strip_prefix('/').unwrap_or(&self.0).split('/');
        let mut pairs = std::iter::from_fn(|| Some((segments.next()?, segments.next().unwrap_or_default())));
        let (_, name) = pairs.find(|(word, _)| word.eq_ignore_ascii_case(collection))?;
        Some(name).filter(|name| !name.is_empty())
    }

    /// The subscription that the resource is in and that pays for the call.
    pub fn subscription(&self) -> &str {
        self.segment("subscriptions").unwrap_or_default()
    }

    /// The id as it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The collections in which two names that differ in case are two: the swagger calls these names case-sensitive.
const CASE_COUNTS: [&str; 7] = ["codes", "components", "data", "environments", "jobs", "models", "versions"];

/// The collections in which case does not count, and whose names may be the words above: a registry may be called `models`.
const CASE_DOES_NOT_COUNT: [&str; 7] = [
    "subscriptions",
    "resourcegroups",
    "registries",
    "workspaces",
    "onlineendpoints",
    "batchendpoints",
    "deployments",
];

/// An id, or a part of one, in the one spelling that all its spellings have in common: of two ids that mean the same, these
/// are equal.
pub fn folded(id: &str) -> String {
    let mut folded = String::with_capacity(id.len());
    // Of the segment that comes next, where it is a name: whether case counts in it.
    let mut name: Option<bool> = None;
    for (position, segment) in id.split('/').enumerate() {
        if position > 0 {
            folded.push('/');
        }
        let start = folded.len();
        folded.push_str(segment);
        let is_name = name.take();
        if is_name == Some(true) {
            continue;
        }
        folded[start..].make_ascii_lowercase();
        if is_name.is_none() {
            let word = &folded[start..];
            let is_of = |words: [&str; 7]| words.contains(&word);
            name = (is_of(CASE_COUNTS) || is_of(CASE_DOES_NOT_COUNT)).then(|| is_of(CASE_COUNTS));
        }
    }
    folded
}

impl JsonSchema for ResourceId {
    fn schema_name() -> Cow<'static, str> {
        "ResourceId".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string"})
    }
}

impl fmt::Display for ResourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl PartialEq for ResourceId {
    fn eq(&self, other: &Self) -> bool {
        // Ids are compared all the time, and most are spelled alike or differ in more than case.
        self.0 == other.0 || self.0.eq_ignore_ascii_case(&other.0) && folded(&self.0) == folded(&other.0)
    }
}

impl Eq for ResourceId {}

impl PartialOrd for ResourceId {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ResourceId {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        folded(&self.0).cmp(&folded(&other.0))
    }
}

impl std::hash::Hash for ResourceId {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        folded(&self.0).hash(state);
    }
}

/// The asset id under which a deployment refers to a version in a registry,
/// `azureml://registries/R/models/N/versions/V`.
pub fn registry_asset_id(registry: &str, model: &str, version: &str) -> String {
    format!("azureml://registries/{registry}/models/{model}/versions/{version}")
}

/// `12345678-90ab-cdef-1234-567890abcdef`, and nothing else: it becomes part of a URL.
pub fn is_guid(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    parts.iter().map(|part| part.len()).eq([8, 4, 4, 4, 12])
        && parts.concat().chars().all(|c| c.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_compare_as_arm_compares_them() {
        let ours = ResourceId::workspace("s", "rg", "w").model_version("m", "3");
        let theirs = ResourceId::new(
            "/subscriptions/s/resourcegroups/RG/providers/microsoft.machinelearningservices/workspaces/w/models/m/versions/3",
        );
        assert_eq!(ours, theirs);
        for (own, other) in [("m", "M"), ("models", "MODELS")] {
            let other = ResourceId::new(ours.as_str().replace(&format!("/{own}/"), &format!("/{other}/")));
            assert_eq!(ours == other, own == "models", "{other}");
            assert_eq!(ours.cmp(&other).is_eq(), own == "models", "{other}");
        }
        assert_ne!(folded(&registry_asset_id("R", "m", "3")), folded(&registry_asset_id("r", "M", "3")));
        assert_eq!(folded(&registry_asset_id("R", "m", "3")), folded(&registry_asset_id("r", "m", "3")));
        // The name of a place may be the word for a collection.
        let of_models = |registry: &str, model: &str| folded(&registry_asset_id(registry, model, "3"));
        assert_ne!(of_models("models", "m"), of_models("models", "M"));
        assert_eq!(of_models("Models", "m"), of_models("models", "m"));
        assert_eq!(theirs.segment("workspaces"), Some("w"));
        let named_models = ResourceId::registry("s", "versions", "models").model_version("taxi", "3");
        assert_eq!(named_models.asset_id(), "azureml://registries/models/models/taxi/versions/3");
        assert_eq!(ours.name(), "3");
        assert_eq!(ours.subscription(), "s");
    }
}
