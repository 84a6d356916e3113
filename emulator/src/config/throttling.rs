//! How many requests are too many.

use serde::{Deserialize, Serialize};

use super::bounds;

/// Whether requests are counted, and how many are too many.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Throttling {
    /// Nothing is refused; the remaining-headers show full buckets.
    #[default]
    Off,
    /// The limits that Microsoft documents.
    Documented,
    /// Limits of one's own.
    Custom(Limits),
}

/// A bucket of tokens. Neither number can be less than 0.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Limit {
    /// Tokens when full; with less than 1 every request is refused.
    pub size: f64,
    /// Tokens that come back per emulated second.
    pub refill: f64,
}

/// The buckets of one subscription and principal. The subscription's own are 15 times as large.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Limits {
    /// GET. Default 250, 25/s [DOC, INF].
    #[serde(deserialize_with = "bounds::amounts")]
    pub reads: Limit,
    /// PUT, PATCH and POST. Default 200, 10/s [DOC].
    #[serde(deserialize_with = "bounds::amounts")]
    pub writes: Limit,
    /// DELETE. Default 200, 10/s [INF].
    #[serde(deserialize_with = "bounds::amounts")]
    pub deletes: Limit,
    /// Writes of online endpoints' deployments. Default 25, 1/s [REC powershell, INF].
    #[serde(deserialize_with = "bounds::amounts")]
    pub deployment_writes: Limit,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            reads: Limit { size: 250.0, refill: 25.0 },
            writes: Limit { size: 200.0, refill: 10.0 },
            deletes: Limit { size: 200.0, refill: 10.0 },
            deployment_writes: Limit { size: 25.0, refill: 1.0 },
        }
    }
}
