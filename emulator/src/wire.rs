//! Plain requests and answers: what the core takes and gives, without a socket.

use std::collections::BTreeMap;
use std::time::Duration;

use http::Method;
use serde_json::Value;

/// A request as it came over the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The HTTP method.
    pub method: Method,
    /// The path as sent, still percent-encoded.
    pub path: String,
    /// The query as sent, without `?`, still percent-encoded. Default: empty.
    pub query: String,
    /// Header names in lower case; of a repeated header, the last value.
    pub headers: BTreeMap<String, String>,
    /// The body's bytes, whatever they are.
    pub body: Vec<u8>,
}

impl Request {
    /// A request without headers or body; `target` is a path with an optional `?query`.
    pub fn new(method: Method, target: &str) -> Self {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        Self {
            method,
            path: path.to_owned(),
            query: query.to_owned(),
            headers: BTreeMap::new(),
            body: Vec::new(),
        }
    }

    /// A GET.
    pub fn get(target: &str) -> Self {
        Self::new(Method::GET, target)
    }

    /// A PUT of a JSON body.
    pub fn put(target: &str, body: &Value) -> Self {
        Self::new(Method::PUT, target).json(body)
    }

    /// A POST of a JSON body.
    pub fn post(target: &str, body: &Value) -> Self {
        Self::new(Method::POST, target).json(body)
    }

    /// A PATCH of a JSON body.
    pub fn patch(target: &str, body: &Value) -> Self {
        Self::new(Method::PATCH, target).json(body)
    }

    /// A DELETE.
    pub fn delete(target: &str) -> Self {
        Self::new(Method::DELETE, target)
    }

    /// The same request with a header; the name is lower-cased.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.insert(name.to_ascii_lowercase(), value.to_owned());
        self
    }

    /// The same request with a JSON body.
    #[must_use]
    pub fn json(mut self, body: &Value) -> Self {
        self.body = body.to_string().into_bytes();
        self.header("content-type", "application/json")
    }

    /// The first value of a query parameter, decoded; names compare without regard to case, as ARM does.
    pub fn parameter(&self, name: &str) -> Option<String> {
        self.query.split('&').find_map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            decode(key).eq_ignore_ascii_case(name).then(|| decode(&value.replace('+', " ")))
        })
    }

    /// The token of `Authorization: Bearer …`.
    pub fn bearer(&self) -> Option<&str> {
        let value = self.headers.get("authorization")?;
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
    }
}

/// Percent-decoding; what is not valid UTF-8 afterwards is replaced.
pub(crate) fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let escaped = (bytes[at] == b'%')
            .then(|| bytes.get(at + 1..at + 3))
            .flatten()
            .and_then(|hex| std::str::from_utf8(hex).ok())
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        decoded.push(escaped.unwrap_or(bytes[at]));
        at += if escaped.is_some() { 3 } else { 1 };
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

/// Percent-encoding of everything that is not unreserved in a URL.
pub(crate) fn encode(text: &str) -> String {
    use std::fmt::Write as _;
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~:".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

/// What the core answers, and how the shell is to deliver it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// Header names as the service spells them.
    pub headers: BTreeMap<String, String>,
    /// The body's bytes.
    pub body: Vec<u8>,
    /// Whether, and when, the client sees it.
    pub delivery: Delivery,
}

/// What happens to an answer on its way to the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Delivery {
    /// It arrives.
    #[default]
    Now,
    /// It arrives after this much wall-clock time.
    After(Duration),
    /// The connection is closed and nothing arrives.
    Dropped,
    /// The headers arrive and at most so many bytes of the body, never all, and the connection is closed.
    Cut(usize),
    /// Nothing arrives, and the connection stays open, for ten minutes of wall-clock time.
    Never,
}

impl Response {
    /// An answer without a body.
    pub fn empty(status: u16) -> Self {
        Self { status, headers: BTreeMap::new(), body: Vec::new(), delivery: Delivery::Now }
    }

    /// A JSON answer.
    pub fn json(status: u16, body: &Value) -> Self {
        Self::json_text(status, body.to_string())
    }

    /// A JSON answer that is text already.
    pub(crate) fn json_text(status: u16, body: String) -> Self {
        Self::bytes(status, "application/json; charset=utf-8", body.into_bytes())
    }

    /// An answer of any content type.
    pub fn bytes(status: u16, content_type: &str, body: Vec<u8>) -> Self {
        let mut response = Self::empty(status).header("Content-Type", content_type);
        response.body = body;
        response
    }

    /// The same answer with a header, in the place of one whose name differs in case alone.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.retain(|key, _| !key.eq_ignore_ascii_case(name));
        self.headers.insert(name.to_owned(), value.into());
        self
    }

    /// A header's value; names compare without regard to case.
    pub fn header_value(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The body as JSON; `Null` when it is not JSON.
    pub fn value(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }
}

/// Who asks, as far as the bearer token tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Principal {
    /// No token was sent.
    Anonymous,
    /// A token that this emulator did not issue, or took back.
    Unknown,
    /// A token that has run out.
    Expired,
    /// A token in order.
    Known(Identity),
}

impl Principal {
    /// An application with a token for Azure Resource Manager, for callers in process.
    pub fn application(name: &str) -> Self {
        Self::Known(Identity {
            name: name.to_owned(),
            object_id: crate::core::machinery::ids::stable_guid(0, name),
            application: true,
            audience: "https://management.azure.com".to_owned(),
        })
    }

    /// The name for the log and for `createdBy`.
    pub fn name(&self) -> &str {
        match self {
            Self::Anonymous => "anonymous",
            Self::Unknown => "unknown",
            Self::Expired => "expired",
            Self::Known(identity) => &identity.name,
        }
    }
}

/// A principal that Entra vouches for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Display name.
    pub name: String,
    /// Object id, a GUID.
    pub object_id: String,
    /// An application; otherwise a user.
    pub application: bool,
    /// The resource the token is for: the requested scope without `/.default`.
    pub audience: String,
}
