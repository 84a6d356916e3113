//! What operations do.

use serde_json::Value;

use crate::core::machinery::address::Address;
use crate::wire::Identity;

/// What an operation does when its time has come. Keys are those of the store.
#[derive(Debug, Clone, PartialEq)]
pub enum Deed {
    /// A registry gets its accounts; `before` is what it was, for when this fails.
    FinishRegistry { key: String, before: Option<Value> },
    /// A registry goes, with its assets.
    RemoveRegistry { key: String },
    /// Regions go from a registry.
    RemoveRegions { key: String, regions: Vec<String> },
    /// A registry's asset version is ready.
    FinishVersion { key: String },
    /// A registry's asset version goes, for ever.
    RemoveVersion { key: String, container: String },
    /// A copy of a workspace's asset version appears in a registry.
    Publish(Order),
    /// An endpoint is ready.
    FinishEndpoint { key: String },
    /// An endpoint goes, with its deployments.
    RemoveEndpoint { key: String },
    /// An endpoint gets new keys.
    ReplaceKey { key: String, primary: bool, value: String },
    /// A deployment serves what it was told to.
    FinishDeployment { key: String },
    /// A deployment goes.
    RemoveDeployment { key: String },
    /// A batch endpoint or deployment is ready.
    FinishBatch { key: String },
    /// A batch endpoint or deployment goes.
    RemoveBatch { key: String },
    /// A job goes.
    RemoveJob { key: String },
    /// A job's status moves on. Belongs to no operation.
    MoveJob { key: String, status: String },
}

impl Deed {
    /// The endpoint that must not be changed while this runs.
    pub fn endpoint(&self) -> Option<String> {
        match self {
            Self::FinishEndpoint { key } | Self::RemoveEndpoint { key } | Self::ReplaceKey { key, .. } => {
                Some(key.clone())
            }
            Self::FinishDeployment { key } | Self::RemoveDeployment { key } => {
                key.rsplitn(3, '/').nth(2).map(ToOwned::to_owned)
            }
            Self::FinishBatch { key } | Self::RemoveBatch { key } => {
                Some(key.split("/deployments/").next().unwrap_or(key).to_owned())
            }
            _ => None,
        }
    }

    /// The resource it is about.
    pub fn subject(&self) -> &str {
        match self {
            Self::FinishRegistry { key, .. }
            | Self::RemoveRegistry { key }
            | Self::RemoveRegions { key, .. }
            | Self::FinishVersion { key }
            | Self::RemoveVersion { key, .. }
            | Self::FinishEndpoint { key }
            | Self::RemoveEndpoint { key }
            | Self::ReplaceKey { key, .. }
            | Self::FinishDeployment { key }
            | Self::RemoveDeployment { key }
            | Self::FinishBatch { key }
            | Self::RemoveBatch { key }
            | Self::RemoveJob { key }
            | Self::MoveJob { key, .. } => key,
            Self::Publish(order) => &order.destination,
        }
    }
}

/// A copy to be made.
#[derive(Debug, Clone, PartialEq)]
pub struct Order {
    /// Key of the version to be made.
    pub destination: String,
    /// Its address.
    pub address: Address,
    /// What is copied, as it was when it was asked for.
    pub source: Value,
    /// Who asked.
    pub identity: Identity,
}
