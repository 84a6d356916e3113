//! How time passes.

use serde::{Deserialize, Serialize};

use super::bounds;

/// How emulated time passes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum Time {
    /// From the present, `scale` emulated seconds per second. Tokens still last as long as clients believe, and the
    /// `Retry-After` of throttling is in the real seconds that clients sleep.
    Real {
        /// Emulated seconds per real second; greater than 0.
        #[serde(deserialize_with = "bounds::scale")]
        scale: f64,
    },
    /// Stands still, from 2026-01-01T00:00:00Z, until `advance` is called.
    Manual,
}

impl Default for Time {
    fn default() -> Self {
        Self::Real { scale: 1.0 }
    }
}

/// How time is moved, or paced from then on, while the emulator runs: at least one of both.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TimeChange {
    /// By how many emulated seconds it is moved.
    #[serde(default, deserialize_with = "bounds::seconds")]
    pub(crate) seconds: Option<f64>,
    /// Emulated seconds per real second; greater than 0.
    #[serde(default, deserialize_with = "bounds::other_scale")]
    pub(crate) scale: Option<f64>,
}
