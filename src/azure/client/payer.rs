//! In whose name requests are counted.

use crate::azure::model::Principal;

/// Whose requests, in which subscription: Azure counts, allows and refuses by both.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Payer {
    principal: Principal,
    /// In small letters.
    subscription: String,
}

impl Payer {
    pub(crate) fn new(principal: &Principal, subscription: &str) -> Self {
        Self { principal: principal.clone(), subscription: subscription.to_ascii_lowercase() }
    }

    /// The subscription, in small letters.
    pub(crate) fn subscription(&self) -> &str {
        &self.subscription
    }

    #[cfg(test)]
    pub(crate) fn operator(subscription: &str) -> Self {
        Self::new(&Principal::Operator, subscription)
    }
}
