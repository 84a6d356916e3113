//! What can go wrong between us and Azure: one closed set, which decides reason, retry and metric
//! label in one place.

use std::fmt;
use std::time::Duration;

use super::Principal;

/// How an error is to be treated. Nothing stops retrying for good: `Permanent` is only slow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// The request is wrong and will be wrong again (400, 422, most 4xx; a failed operation).
    Permanent,
    /// Worth another try soon (408, 5xx, connection and time-out errors, an answer that is not JSON).
    Transient,
    /// 429, or our own pacing: nothing before this much time has passed.
    Throttled(Duration),
    /// A token that is not accepted or lacks a right (401, 403).
    Unauthorized,
    /// No token: Entra ID refuses it, or the credential or account that it would be of cannot be used.
    Credential,
    /// Another change runs on the resource (409, 412, `OperationCanceled`).
    Conflict,
    /// 404 or 410.
    NotFound,
}

/// An error that says what was tried, what Azure said, and how to treat it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// How to treat it.
    pub class: Class,
    /// The HTTP status, where there was an answer.
    pub status: Option<u16>,
    /// The most specific code: `details[].code` before `error.code`, since the latter is mostly `UserError`.
    pub code: Option<String>,
    /// Azure's message, or what went wrong on the way. One sentence or two, no secret, no signed URL.
    pub message: String,
    /// `x-ms-correlation-request-id` (or `x-ms-request-id`), for a support ticket.
    pub correlation: Option<String>,
    /// The request never left: whatever it asked for was not done.
    pub unsent: bool,
    /// As whom the request went out, or would have; where that may be what is wrong.
    pub asked_as: Option<String>,
}

/// The code of an [`Error`]: the service account that a place acts as is not in the cluster.
pub const ACCOUNT_NOT_FOUND: &str = "ServiceAccountNotFound";

impl Error {
    /// An error without an answer from Azure.
    pub fn new(class: Class, message: impl Into<String>) -> Self {
        Self {
            class,
            status: None,
            code: None,
            message: message.into(),
            correlation: None,
            unsent: false,
            asked_as: None,
        }
    }

    /// The same, of a request that never left.
    #[must_use]
    pub fn before_sending(self) -> Self {
        Self { unsent: true, ..self }
    }

    /// True when a quota is at its end: in an operation that is a code of its own; the answer to a PUT says it only with the
    /// link that its message ends with (azure-ml-2.md Q).
    pub fn is_out_of_quota(&self) -> bool {
        self.code.as_deref() == Some("OutOfQuota") || self.message.contains("#error-outofquota")
    }

    /// True when the service account that the request would go out as is not in the cluster.
    pub fn is_account_gone(&self) -> bool {
        self.class == Class::Credential && self.code.as_deref() == Some(ACCOUNT_NOT_FOUND)
    }

    /// The same, with the one whom it was refused to.
    #[must_use]
    pub fn asked_as(mut self, who: &Principal) -> Self {
        if matches!(self.class, Class::Unauthorized | Class::Credential) {
            self.asked_as = Some(who.to_string());
        }
        self
    }

    /// True when the resource does not exist.
    pub fn is_not_found(&self) -> bool {
        self.class == Class::NotFound
    }
}

impl fmt::Display for Error {
    /// `SubscriptionNotFound: The subscription … (HTTP 404, correlation 1234)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(code) = &self.code {
            write!(f, "{code}: ")?;
        }
        f.write_str(self.message.trim_end())?;
        let details = [
            self.status.map(|status| format!("HTTP {status}")),
            self.correlation.as_ref().map(|id| format!("correlation {id}")),
            self.asked_as.as_ref().map(|who| format!("asked as {who}")),
        ];
        let details: Vec<String> = details.into_iter().flatten().collect();
        if details.is_empty() { Ok(()) } else { write!(f, " ({})", details.join(", ")) }
    }
}

impl std::error::Error for Error {}
