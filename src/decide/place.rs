//! What an unready place means for whoever names it: the same for every kind.

use super::{Place, Step};
use crate::api::Reason;

impl Place {
    /// It must exist, be ready, and allow the namespace of whoever asks.
    pub(super) fn wait_until_ready(&self) -> Option<Step> {
        match self {
            Self::Missing { what } => Some(Step::stalled(
                Reason::ReferenceNotFound,
                format!(
                    "There is no {what}, or its allowedNamespaces does not include this namespace. Apply it, or have its owner allow this namespace."
                ),
            )),
            Self::NotReady { what, because } => {
                Some(Step::blocked(Reason::ReferenceNotReady, format!("{what} is not ready: {because}")))
            }
            Self::Ready { .. } => None,
        }
    }
}
