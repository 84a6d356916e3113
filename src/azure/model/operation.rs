//! A change that Azure accepted and works on, and how it goes.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Call, Purpose, ResourceId};

/// A change that Azure accepted and works on. The status keeps it, so that it is followed after a restart too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Operation {
    /// The purpose of the change, such as `create` or `move-traffic`.
    pub purpose: Purpose,
    /// What the change does, in words, such as `register taxi:3`.
    pub doing: String,
    /// The ARM id of the resource that the change is on.
    pub resource: ResourceId,
    /// The URL at which Bindery polls the progress of this change. Opaque; up to about 5,500 characters.
    #[schemars(length(max = 8192))]
    pub url: String,
    /// When Azure accepted the request for the change.
    pub since: Timestamp,
}

impl Operation {
    /// The change that Azure began to work on when it accepted this call.
    pub fn begun(call: &Call, url: String, since: Timestamp) -> Self {
        Self {
            purpose: call.errand.purpose,
            doing: call.doing.clone(),
            resource: call.resource.clone(),
            url,
            since,
        }
    }
}

/// What an operation's URL answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OperationState {
    /// Anything that is not terminal: `InProgress`, `Updating`, …
    Running,
    /// The service says that it is done. The resource is the truth all the same.
    Succeeded,
    /// `Failed` or `Canceled`, with the detail that exists only here.
    Failed {
        /// The code, or the word before the first colon of the message where the code is null.
        code: Option<String>,
        /// What went wrong, in the service's words.
        message: String,
    },
    /// 404 or 410: the result has expired or was lost. Look at the resource.
    Gone,
}
