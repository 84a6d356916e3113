//! The keys of an endpoint.

use std::fmt;

use serde::Deserialize;

/// The keys by which an endpoint of authentication mode `Key` lets callers in: either is as good as the other. `Debug` shows none.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EndpointKeys {
    /// The first key.
    pub primary_key: String,
    /// The second key.
    pub secondary_key: String,
}

impl fmt::Debug for EndpointKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("two keys")
    }
}
