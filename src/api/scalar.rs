//! Small values with a rule of their own.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::{Deref, DerefMut};
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// A length of time such as `90s`, `10m` or `1h30m`, kept as it was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Period(String);

impl Period {
    /// A period from its text; the API server has checked the pattern.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The length. Text that the schema would have refused counts as nothing.
    pub fn duration(&self) -> Duration {
        let (mut total, mut number) = (0u64, 0u64);
        for c in self.0.chars() {
            if let Some(digit) = c.to_digit(10) {
                number = number.saturating_mul(10).saturating_add(digit.into());
                continue;
            }
            let unit = match c {
                'h' => 3600,
                'm' => 60,
                _ => 1,
            };
            total = total.saturating_add(number.saturating_mul(unit));
            number = 0;
        }
        Duration::from_secs(total)
    }
}

impl JsonSchema for Period {
    fn schema_name() -> Cow<'static, str> {
        "Period".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "minLength": 2,
            "maxLength": 16,
            "pattern": "^([0-9]{1,5}h)?([0-9]{1,5}m)?([0-9]{1,5}s)?$",
        })
    }
}

/// Tags or properties in Azure, by key. Keys that begin with `bindery-` are Bindery's own.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Tags(pub BTreeMap<String, String>);

impl Tags {
    /// For `skip_serializing_if`.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Deref for Tags {
    type Target = BTreeMap<String, String>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl DerefMut for Tags {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.0
    }
}

impl<const N: usize> From<[(&str, &str); N]> for Tags {
    fn from(pairs: [(&str, &str); N]) -> Self {
        Self(pairs.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect())
    }
}

impl JsonSchema for Tags {
    fn schema_name() -> Cow<'static, str> {
        "Tags".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            // ARM allows 50 tags; Bindery's own need room.
            "maxProperties": 40,
            "additionalProperties": {"type": "string", "maxLength": 256},
            "x-kubernetes-validations": [{
                "rule": "self.all(k, size(k) <= 256 && !k.startsWith('bindery-'))",
                "message": "keys have at most 256 characters and do not begin with 'bindery-', which is Bindery's own prefix",
            }],
        })
    }
}
