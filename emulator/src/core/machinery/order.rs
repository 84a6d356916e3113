//! In which order a list goes, and where a page of it ended.

use serde_json::Value;

use super::json as at;
use crate::wire::{Request, encode};

/// By time of creation, or by a field of the documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Order {
    field: Option<&'static str>,
    /// The latest, or largest, first.
    pub descending: bool,
}

/// A document's place in a list: in equal values, the one made first comes first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    value: String,
    sequence: u64,
}

const MODIFIED: &str = "systemData.lastModifiedAt";

impl Order {
    /// As made.
    pub const OLDEST_FIRST: Self = Self { field: None, descending: false };
    /// The latest first.
    pub const NEWEST_FIRST: Self = Self { field: None, descending: true };

    /// `$orderBy` of assets and deployments: `createdtime` or `modifiedtime`, then `asc` or `desc`; what is not said is
    /// as in `usual`.
    pub fn of_versions(request: &Request, usual: Self) -> Self {
        let text = request.parameter("$orderBy").unwrap_or_default().to_ascii_lowercase();
        let mut words = text.split_whitespace();
        let field = (words.next() == Some("modifiedtime")).then_some(MODIFIED);
        let descending = match words.next() {
            Some("asc") => false,
            Some("desc") => true,
            _ => usual.descending,
        };
        Self { field, descending }
    }

    /// `orderBy` of online endpoints: `CreatedAtDesc`, `CreatedAtAsc`, `UpdatedAtDesc`, `UpdatedAtAsc`.
    pub fn of_endpoints(request: &Request) -> Self {
        let word = request.parameter("orderBy").unwrap_or_default().to_ascii_lowercase();
        Self { field: word.starts_with("updatedat").then_some(MODIFIED), descending: word.ends_with("desc") }
    }

    /// `orderBy` of datastores: `createdtime`, `modifiedtime` or `name`, descending unless `orderByAsc` is true.
    pub fn of_datastores(request: &Request) -> Self {
        let field = match request.parameter("orderBy").unwrap_or_default().to_ascii_lowercase().as_str() {
            "createdtime" => None,
            "modifiedtime" => Some(MODIFIED),
            "name" => Some("name"),
            _ => return Self::OLDEST_FIRST,
        };
        let ascending = request.parameter("orderByAsc").is_some_and(|flag| flag.eq_ignore_ascii_case("true"));
        Self { field, descending: !ascending }
    }

    /// Whether documents have to be read for it.
    pub fn is_by_field(self) -> bool {
        self.field.is_some()
    }

    /// Where a document is in it.
    pub fn position(self, sequence: u64, document: &Value) -> Position {
        let value = self.field.and_then(|field| at::text(document, field)).unwrap_or_default();
        Position { value: value.to_owned(), sequence }
    }
}

impl Position {
    /// Where documents are that are ordered by time of creation.
    pub fn of_sequence(sequence: u64) -> Self {
        Self { value: String::new(), sequence }
    }

    /// A continuation token, ready for a URL.
    pub fn token(&self) -> String {
        format!("aml{:016x}{}", self.sequence, encode(&self.value))
    }

    /// The position of a token, as it comes decoded out of a URL.
    pub fn parse(token: &str) -> Option<Self> {
        let token = token.strip_prefix("aml")?;
        let sequence = u64::from_str_radix(token.get(..16)?, 16).ok()?;
        Some(Self { value: token.get(16..)?.to_owned(), sequence })
    }
}
