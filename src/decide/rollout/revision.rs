//! A revision: what is rolled out, as one name.

use std::fmt;

use serde_json::{Value, json};

use crate::api::{BatchDeployment, Deployment, DeploymentBindingSpec};
use crate::azure::model::resource::OnlineDeployment;
use crate::decide::digest::short_hash;

/// The tag of a deployment that holds its revision.
pub const REVISION_TAG: &str = "bindery-revision";

/// A hash over the asset and what the user wrote of the deployment, without its count and tags:
/// 10 hexadecimal digits. Only what was written counts, so a field that a later Bindery adds changes
/// no revision.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Revision(String);

/// Changes when the way of hashing does, which would roll out everything: so never lightly.
const SCHEME: u32 = 1;

impl Revision {
    /// The revision of this asset, deployed so.
    pub fn of(asset_id: &str, deployment: &Deployment) -> Self {
        let mut written = serde_json::to_value(deployment).unwrap_or_default();
        if let Some(fields) = written.as_object_mut() {
            fields.remove("instanceCount");
            fields.remove("autoscale");
            fields.remove("tags");
        }
        let input = canonical(&json!({"scheme": SCHEME, "asset": asset_id, "deployment": written}));
        Self(short_hash(&input, 5))
    }

    /// The revision of this asset, deployed as the manifest says.
    pub fn asked(asset_id: &str, spec: &DeploymentBindingSpec) -> Self {
        match &spec.batch {
            Some(batch) => Self::of_batch(asset_id, &batch.deployment),
            None => Self::of(asset_id, &spec.online.deployment),
        }
    }

    /// The same for batch. Azure takes the count of a batch deployment only when the deployment is made, so the count is part of it.
    fn of_batch(asset_id: &str, deployment: &BatchDeployment) -> Self {
        let mut written = serde_json::to_value(deployment).unwrap_or_default();
        if let Some(fields) = written.as_object_mut() {
            fields.remove("tags");
        }
        let input = canonical(&json!({"scheme": SCHEME, "asset": asset_id, "batch": written}));
        Self(short_hash(&input, 5))
    }

    /// The revision that a deployment's tag names.
    pub fn tagged(deployment: &OnlineDeployment) -> Option<Self> {
        deployment.tags.get(REVISION_TAG).map(|text| Self(text.clone()))
    }

    /// A revision from its text.
    pub fn parse(text: &str) -> Self {
        Self(text.into())
    }

    /// The deployment's name: at most 22 of the 32 characters that Azure allows, beginning with a letter.
    pub fn deployment_name(&self, version: &str) -> String {
        format!("v{version}-{}", self.0)
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// JSON with sorted keys, whatever map the library was built with.
pub(super) fn canonical(value: &Value) -> String {
    let mut text = String::new();
    write_canonical(value, &mut text);
    text
}

fn write_canonical(value: &Value, text: &mut String) {
    match value {
        Value::Object(fields) => {
            let mut fields: Vec<(&String, &Value)> = fields.iter().collect();
            fields.sort_unstable_by_key(|(name, _)| *name);
            text.push('{');
            for (position, (name, field)) in fields.into_iter().enumerate() {
                separate(position, text);
                text.push_str(&Value::from(name.as_str()).to_string());
                text.push(':');
                write_canonical(field, text);
            }
            text.push('}');
        }
        Value::Array(items) => {
            text.push('[');
            for (position, item) in items.iter().enumerate() {
                separate(position, text);
                write_canonical(item, text);
            }
            text.push(']');
        }
        other => text.push_str(&other.to_string()),
    }
}

fn separate(position: usize, text: &mut String) {
    if position > 0 {
        text.push(',');
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const ASSET: &str = "azureml://registries/models/models/taxi/versions/3";

    fn of(written: &Value) -> String {
        Revision::of(ASSET, &serde_json::from_value(written.clone()).unwrap()).to_string()
    }

    fn written() -> Value {
        json!({
            "instanceType": "Standard_DS3_v2", "instanceCount": 2, "environment": "env",
            "code": {"id": "code", "scoringScript": "score.py"},
            "environmentVariables": {"B": "2", "A": "1"},
            "requestSettings": {"maxConcurrentRequestsPerInstance": 4, "requestTimeout": "90s"},
            "livenessProbe": {"period": "10s"}, "readinessProbe": {"period": "10s"},
            "startupProbe": {"failureThreshold": 3},
            "egressPublicNetworkAccess": "Disabled", "tags": {"team": "fares"},
        })
    }

    /// These values are in the names of deployments that run. When this test fails, an upgrade of
    /// Bindery would roll out everything everywhere: mend the code, not the test.
    #[test]
    fn an_upgrade_rolls_nothing() {
        assert_eq!(of(&json!({})), "34cf776b75");
        assert_eq!(of(&written()), "1cd4cf2814");
    }

    #[test]
    fn everything_that_was_written_counts_but_count_and_tags() {
        let base = of(&written());
        for (field, value) in [("instanceCount", json!(7)), ("tags", json!({})), ("tags", json!({"a": "b"}))]
        {
            let mut other = written();
            other[field] = value;
            assert_eq!(of(&other), base, "{field}");
        }
        for field in written().as_object().unwrap().keys().filter(|k| *k != "instanceCount" && *k != "tags") {
            let mut other = written();
            other.as_object_mut().unwrap().remove(field);
            assert_ne!(of(&other), base, "{field}");
        }
        let deployment = serde_json::from_value(written()).unwrap();
        assert_ne!(Revision::of("azureml://other", &deployment).to_string(), base);
    }

    fn of_batch(written: &Value) -> String {
        Revision::of_batch(ASSET, &serde_json::from_value(written.clone()).unwrap()).to_string()
    }

    /// As above: an upgrade rolls nothing.
    #[test]
    fn everything_that_was_written_of_batch_counts_but_tags() {
        let written = json!({
            "compute": "/c", "instanceCount": 2, "environment": "env",
            "code": {"id": "code", "scoringScript": "score.py"}, "miniBatchSize": 5,
            "maxConcurrencyPerInstance": 2, "outputAction": "AppendRow", "outputFileName": "a.csv",
            "errorThreshold": -1, "retrySettings": {"maxRetries": 1, "timeout": "30s"},
            "environmentVariables": {"A": "1"}, "tags": {"team": "fares"},
        });
        let base = of_batch(&written);
        assert_eq!(base, "82e8d1922a");
        for field in written.as_object().unwrap().keys().filter(|it| *it != "compute") {
            let mut other = written.clone();
            other.as_object_mut().unwrap().remove(field);
            assert_eq!(of_batch(&other) == base, field == "tags", "{field}");
        }
    }

    #[test]
    fn a_name_is_one_that_azure_takes() {
        let name = Revision::parse("0123456789").deployment_name("9999999999");
        assert_eq!(name, "v9999999999-0123456789");
        assert!((3..=32).contains(&name.len()));
    }
}
