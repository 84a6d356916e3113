//! What never became a request of the service's, or that it did not come to answer: refused in the shape of every
//! other refusal, and in the log.

use super::headers;
use crate::core::Core;
use crate::core::machinery::error::ArmError;
use crate::wire::{Principal, Request, Response};

/// Why there is no other answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// The bytes are no HTTP; the status is what the HTTP library makes of them.
    Unreadable(u16),
    /// The body is larger than any that there should be.
    TooLarge,
    /// The body broke off, or is not what the headers say.
    Broken,
    /// A handler panicked, which is a mistake of ours.
    Panicked,
}

impl Refused {
    fn error(self) -> ArmError {
        let (status, code, message) = match self {
            Self::Unreadable(status @ 414) => (status, "RequestUriTooLong", "The request's URL is too long."),
            Self::Unreadable(status @ 431) => {
                (status, "RequestHeaderFieldsTooLarge", "The request's headers are too large.")
            }
            Self::TooLarge | Self::Unreadable(413) => {
                (413, "RequestEntityTooLarge", "The request's body is too large.")
            }
            Self::Unreadable(_) => (400, "BadRequest", "What was sent is no HTTP/1.1 request."),
            Self::Broken => (
                400,
                "InvalidRequestContent",
                "The request's body was cut off, or is not what its headers say.",
            ),
            Self::Panicked => {
                (500, "InternalServerError", "The emulator failed: its standard error says where.")
            }
        };
        ArmError::front(status, code, message)
    }
}

impl Core {
    /// Refuses what a principal sent.
    pub(crate) fn refuse(&mut self, principal: &Principal, request: &Request, why: Refused) -> Response {
        let response = why.error().into_response(self, "eastus");
        let response = headers::decorate(self, request, response, "eastus", true);
        if !request.path.starts_with("/_emulator") {
            self.log.record(self.now, principal, request, &response, None);
        }
        response
    }

    /// Refuses bytes that are no HTTP. In the log they are what their first line seems to say.
    pub(crate) fn refuse_bytes(&mut self, status: u16, bytes: &[u8]) -> Response {
        let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let line = String::from_utf8_lossy(&line[..line.len().min(1000)]);
        let mut words = line.split_whitespace();
        let method = words.next().and_then(|word| word.parse().ok());
        // No method is called so.
        let method = method.unwrap_or_else(|| http::Method::from_bytes(b"-").unwrap_or_default());
        let request = Request::new(method, words.next().unwrap_or_default());
        self.refuse(&Principal::Anonymous, &request, Refused::Unreadable(status))
    }
}
