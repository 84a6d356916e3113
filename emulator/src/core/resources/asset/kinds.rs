//! How the kinds of assets differ.

use serde_json::{Value, json};

use crate::core::machinery::address::Address;
use crate::core::machinery::error::ArmError;
use crate::core::machinery::json as at;

/// One kind.
#[derive(Debug)]
pub struct Kind {
    /// Its ARM type.
    arm_type: &'static str,
    /// Its name in errors, and in their codes.
    pub noun: &'static str,
    /// The property that says where its files are, which can never change.
    pub path: Option<&'static str>,
    /// Further properties that are fixed at creation.
    pub fixed: &'static [&'static str],
    /// The version that stands for the latest one: the client asks for it when it is given none [CLI].
    pub latest: Option<&'static str>,
    /// Properties that a version has when the last PUT had them.
    pub told: &'static [&'static str],
    /// Versions must be positive integers in a workspace [ISS azureml-examples#2725].
    pub numbered: bool,
    /// Whether versions and containers have a `provisioningState` [SWG].
    pub has_state: bool,
}

const KINDS: [Kind; 5] = [
    Kind {
        arm_type: "models",
        noun: "Model",
        path: Some("modelUri"),
        fixed: &[],
        latest: None,
        told: &["datasets", "defaultDeploymentTemplate", "allowedDeploymentTemplates"],
        numbered: true,
        has_state: true,
    },
    Kind {
        arm_type: "data",
        noun: "Data",
        path: Some("dataUri"),
        fixed: &["dataType", "referencedUris"],
        latest: None,
        told: &["autoDeleteSetting"],
        numbered: false,
        has_state: false,
    },
    Kind {
        arm_type: "codes",
        noun: "Code",
        path: Some("codeUri"),
        fixed: &[],
        latest: None,
        told: &[],
        numbered: false,
        has_state: true,
    },
    Kind {
        arm_type: "environments",
        noun: "Environment",
        path: None,
        fixed: &["image", "build", "condaFile", "osType", "inferenceConfig", "autoRebuild"],
        latest: None,
        told: &[],
        numbered: false,
        has_state: true,
    },
    Kind {
        arm_type: "components",
        noun: "Component",
        path: None,
        fixed: &["componentSpec"],
        latest: Some("azureml_default"),
        told: &[],
        numbered: false,
        has_state: true,
    },
];

impl Kind {
    /// The kind that an address is of. Only asset addresses get here; anything else counts as a model.
    pub fn of(address: &Address) -> &'static Self {
        let name = address.steps.get(1).map(|(kind, _)| *kind).or(address.collection).unwrap_or("models");
        KINDS.iter().find(|kind| kind.arm_type == name).unwrap_or(&KINDS[0])
    }

    /// The 404 of a container.
    pub fn container_missing(&self, name: &str) -> ArmError {
        let noun = self.noun;
        ArmError::missing(
            &format!("{noun}NotFound"),
            format!("{noun} container with name: {name} not found."),
        )
    }

    /// The 404 of a version.
    pub fn version_missing(&self, address: &Address) -> ArmError {
        let noun = self.noun;
        ArmError::missing(
            &format!("{noun}NotFound"),
            format!(
                "{noun} version with name: {} and version: {} not found.",
                address.name(1),
                address.leaf()
            ),
        )
    }

    /// What a version has beside the common properties, when it is not told otherwise.
    pub fn defaults(&self) -> Value {
        match self.arm_type {
            "models" => json!({
                "modelUri": null, "modelType": "custom_model", "jobName": null, "stage": "Development", "flavors": {},
            }),
            "data" => json!({"dataUri": null, "dataType": null, "referencedUris": null}),
            "codes" => json!({"codeUri": null}),
            "environments" => json!({
                "image": null, "build": null, "condaFile": null, "osType": "Linux", "inferenceConfig": null,
                "autoRebuild": "Disabled", "environmentType": "UserCreated", "stage": "Development",
            }),
            _ => json!({"componentSpec": {}}),
        }
    }

    /// A property of a version, or of a body, with the defaults of what is in it [SWG].
    pub fn filled(&self, version: &Value, property: &str) -> Value {
        let inside = match self.arm_type {
            "environments" => json!({"properties": {
                "build": {"dockerfilePath": "Dockerfile"},
                "inferenceConfig": {},
            }}),
            _ => Value::Null,
        };
        let path = format!("properties.{property}");
        match at::at(&inside, &path) {
            Some(_) => at::over(&inside, version, &path),
            None => at::or(version, &path, Value::Null),
        }
    }
}
