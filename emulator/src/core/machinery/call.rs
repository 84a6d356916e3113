//! A request that got through the door, and what every handler of one needs.

use serde_json::{Value, json};

use super::address::Address;
use super::error::ArmError;
use super::{ids, schema};
use crate::core::Core;
use crate::wire::{Identity, Request};

/// Which way a request came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// Azure Resource Manager.
    Arm,
    /// `/mferp/managementfrontend`: the way of azure-ai-ml to a registry's assets (§C.2).
    Mfe,
}

/// A request that got through the door.
pub struct Call<'a> {
    /// The request itself.
    pub request: &'a Request,
    /// Who asks.
    pub identity: &'a Identity,
    /// What for.
    pub address: Address,
    /// In which version.
    pub api_version: String,
    /// Through which door.
    pub door: Door,
}

impl Call<'_> {
    /// The body, which must be a JSON object, as the service spells it.
    pub fn body(&self) -> Result<Value, ArmError> {
        let refused = |why: String| {
            ArmError::front(
                400,
                "InvalidRequestContent",
                format!("The request content was invalid and could not be deserialized: '{why}'."),
            )
        };
        match serde_json::from_slice(&self.request.body) {
            Ok(body @ Value::Object(_)) => {
                Ok(schema::taken(&self.request.method, &self.address.shape(), body))
            }
            Ok(_) => Err(refused("Expected a JSON object".to_owned())),
            Err(error) => Err(refused(error.to_string())),
        }
    }
}

/// ARM's 404.
pub fn not_found(address: &Address) -> ArmError {
    ArmError::front(
        404,
        "ResourceNotFound",
        format!(
            "The Resource '{}/{}' under resource group '{}' was not found. For more details please go to https://aka.ms/ARMResourceNotFoundFix",
            address.arm_type(),
            address.leaf(),
            address.group
        ),
    )
}

/// ARM's 404 of a subscription.
pub fn subscription_missing(subscription: &str) -> ArmError {
    let message = format!("The subscription '{subscription}' could not be found.");
    ArmError::front(404, "SubscriptionNotFound", message)
}

/// ARM's 404 of a type, or of an action on one, that is not served.
pub fn no_such_type(kind: &str) -> ArmError {
    ArmError::front(
        404,
        "InvalidResourceType",
        format!(
            "The resource type '{kind}' could not be found in the namespace 'Microsoft.MachineLearningServices'."
        ),
    )
}

/// `systemData` of something new; the parts that only some resources have are asked for [REC].
pub fn system_data(core: &Core, identity: &Identity, full: bool) -> Value {
    let now = ids::iso(core.now());
    let mut data = json!({"createdAt": now, "createdBy": identity.name, "lastModifiedAt": now});
    if full {
        let kind = if identity.application { "Application" } else { "User" };
        data["createdByType"] = kind.into();
        data["lastModifiedBy"] = identity.name.clone().into();
        data["lastModifiedByType"] = kind.into();
    }
    data
}

/// Marks a document as changed now, keeping who made it and when.
pub fn touch(core: &Core, identity: &Identity, document: &mut Value, before: &Value) {
    let mut data = before["systemData"].clone();
    data["lastModifiedAt"] = ids::iso(core.now()).into();
    if data.get("lastModifiedBy").is_some() {
        data["lastModifiedBy"] = identity.name.clone().into();
    }
    document["systemData"] = data;
}
