//! Small values with a rule of their own.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::{Deref, DerefMut};
use std::time::Duration;

use kube::core::Rule;
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

/// The rule that a field, where it is given, is a period between two others.
pub(super) fn between(field: &str, least: &str, most: &str) -> Rule {
    // A word that CEL keeps for itself is written so.
    let name = field.trim_matches('_');
    let length = format!("duration(self.{field})");
    let (from, to) = (format!("duration('{least}')"), format!("duration('{most}')"));
    Rule::new(format!("!has(self.{field}) || ({length} >= {from} && {length} <= {to})"))
        .message(format!("{name} is a period from {least} to {most}").as_str())
}

/// The rule that a field, where it is given, is a path that goes nowhere else.
pub(super) fn goes_down(field: &str) -> Rule {
    let path = format!("self.{field}.lowerAscii().replace('%2e', '.')");
    Rule::new(format!("!has(self.{field}) || {path}.split('/').all(part, part != '.' && part != '..')"))
        .message(format!("{field} has no '.' or '..' between its slashes").as_str())
}

/// Text in one line, without control characters.
pub(super) const ONE_LINE: &str = r"^[^\x00-\x1f\x7f]*$";
/// Text in lines, without other control characters.
pub(super) const TEXT: &str = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$";
/// The id of something in Azure: nothing that could be read as the end of it, such as a query.
pub(super) const AZURE_ID: &str = r"^[^\s?#\\\x00-\x1f\x7f]+$";
/// The path of a file or folder below another one.
pub(super) const RELATIVE_PATH: &str = r"^[^/?#%\\\x00-\x1f\x7f]+(/[^/?#%\\\x00-\x1f\x7f]+)*$";

macro_rules! string_map {
    ($($(#[$doc:meta])+ $name:ident,)+) => {$(
        $(#[$doc])+
        #[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub BTreeMap<String, String>);

        impl $name {
            /// For `skip_serializing_if`.
            pub fn is_empty(&self) -> bool {
                self.0.is_empty()
            }
        }

        impl Deref for $name {
            type Target = BTreeMap<String, String>;

            fn deref(&self) -> &Self::Target {
                &self.0
            }
        }

        impl DerefMut for $name {
            fn deref_mut(&mut self) -> &mut Self::Target {
                &mut self.0
            }
        }
    )+};
}

string_map! {
    /// Tags or properties in Azure, by key. Azure compares keys without regard to case. Keys that begin with `bindery-`
    /// are Bindery's own.
    Tags,
    /// The environment of a container, by name. Case counts.
    EnvironmentVariables,
    /// Labels of Kubernetes, by key.
    Labels,
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
            "additionalProperties": {"type": "string", "maxLength": 256, "pattern": ONE_LINE},
            "x-kubernetes-validations": [
                {
                    "rule": r"self.all(k, k.matches(r'^[^\s<>%&?/\\\x00-\x1f\x7f]([^<>%&?/\\\x00-\x1f\x7f]{0,254}[^\s<>%&?/\\\x00-\x1f\x7f])?$'))",
                    "message": r"keys have 1 to 256 characters, none of < > % & ? / \ and no control characters, and no space at either end",
                },
                {
                    "rule": "self.all(k, !k.lowerAscii().startsWith('bindery-'))",
                    "message": "keys do not begin with 'bindery-', in whatever case: it is Bindery's own prefix",
                },
                {
                    "rule": "self.all(k, self.exists_one(other, other.lowerAscii() == k.lowerAscii()))",
                    "message": "keys do not differ in case alone: to Azure they are the same",
                },
            ],
        })
    }
}

impl JsonSchema for EnvironmentVariables {
    fn schema_name() -> Cow<'static, str> {
        "EnvironmentVariables".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "maxProperties": 100,
            "additionalProperties": {"type": "string", "maxLength": 4096, "pattern": r"^[^\x00]*$"},
            "x-kubernetes-validations": [{
                "rule": r"self.all(k, k.matches(r'^[^=\s\x00-\x1f\x7f]{1,256}$'))",
                "message": "names have 1 to 256 characters, without '=', spaces and control characters",
            }],
        })
    }
}

impl JsonSchema for Labels {
    fn schema_name() -> Cow<'static, str> {
        "Labels".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "maxProperties": 32,
            "additionalProperties": {"type": "string", "maxLength": 63},
        })
    }
}
