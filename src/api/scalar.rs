//! Small values with a rule of their own.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::time::Duration;

use jiff::Timestamp;
use kube::core::Rule;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use super::form::{self, PERIOD, is_label_key, matches};

/// A length of time such as `90s`, `10m` or `1h30m`, kept as it was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Period(String);

impl Period {
    /// A period from its text; the API server has checked its form.
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

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl JsonSchema for Period {
    fn schema_name() -> Cow<'static, str> {
        "Period".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        form::period(generator)
    }
}

/// A time that somebody wrote. A schema before this one took times of the last days of the year 9999, which a [`Timestamp`]
/// cannot hold: they count as the latest one, so that the object is not lost, and a rejection in it counts.
pub(super) fn written_time<'de, D: Deserializer<'de>>(from: D) -> Result<Timestamp, D::Error> {
    let text = String::deserialize(from)?;
    match text.parse() {
        Err(_) if text.starts_with("9999-12-3") => Ok(Timestamp::MAX),
        read => read.map_err(D::Error::custom),
    }
}

/// The same, where there may be none.
pub(super) fn written_time_or_none<'de, D: Deserializer<'de>>(
    from: D,
) -> Result<Option<Timestamp>, D::Error> {
    written_time(from).map(Some)
}

/// The rule that a field, where it is given and is a period, is between two others.
pub(super) fn between(field: &str, least: &str, most: &str) -> Rule {
    // A word that CEL keeps for itself is written so.
    let name = field.trim_matches('_');
    let length = format!("duration(self.{field})");
    // What is no period is refused by its own form, and would only break the conversion here.
    let other = format!("!{}", matches(&format!("self.{field}"), PERIOD));
    let (from, to) = (format!("duration('{least}')"), format!("duration('{most}')"));
    Rule::new(format!("!has(self.{field}) || {other} || ({length} >= {from} && {length} <= {to})"))
        .message(format!("{name} must be from {least} to {most}").as_str())
}

/// A rule of resources: what is requested of this is not more than the limit.
pub(super) fn within_limits(field: &str) -> Rule {
    Rule::new(format!(
        "!has(self.limits) || !has(self.limits.{field}) || quantity(self.requests.{field}).compareTo(quantity(self.limits.{field})) <= 0"
    ))
    .message(format!("requests.{field} must not be more than limits.{field}").as_str())
}

/// The rule that a field, where it is given, is a path that goes nowhere else.
pub(super) fn goes_down(field: &str) -> Rule {
    let path = format!("self.{field}.lowerAscii().replace('%2e', '.')");
    Rule::new(format!("!has(self.{field}) || {path}.split('/').all(part, part != '.' && part != '..')"))
        .message(format!("{field} must have no '.' or '..' between its slashes").as_str())
}

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
    /// What a flavor says of a model's files, by key. Case counts.
    FlavorData,
    /// Labels of Kubernetes, by key.
    Labels,
}

impl<const N: usize> From<[(&str, &str); N]> for Tags {
    fn from(pairs: [(&str, &str); N]) -> Self {
        Self(pairs.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect())
    }
}

/// A character of a tag's key that shows and is no space: not among Azure's own signs, no separator, no control
/// character, and nothing without a width (Unicode's format characters, fillers and variation selectors).
const VISIBLE: &str = r"[^<>%&?/\\\p{Z}\p{C}\x{34f}\x{115f}\x{1160}\x{17b4}\x{17b5}\x{180b}-\x{180f}\x{3164}\x{fe00}-\x{fe0f}\x{ffa0}\x{e0100}-\x{e01ef}]";

impl JsonSchema for Tags {
    fn schema_name() -> Cow<'static, str> {
        "Tags".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let key = matches("k", &format!("^{VISIBLE}(({VISIBLE}| ){{0,254}}{VISIBLE})?$"));
        // Azure folds the case of every alphabet, and so does a regular expression. Letters from a to z alone are
        // compared without one, which costs less. No key of the right form has a backslash.
        let alike = r"self.all(k, self.exists_one(other, other.lowerAscii() == k.lowerAscii()) && (k.matches(r'^[\x00-\x7f]*$|\\') || self.exists_one(other, size(other) == size(k) && other.matches(r'(?i)^\Q' + k + r'\E$'))))";
        json_schema!({
            "type": "object",
            // ARM allows 50 tags; Bindery's own need room.
            "maxProperties": 40,
            "additionalProperties": form::tag_value(generator),
            "x-kubernetes-validations": [
                {
                    "rule": format!("self.all(k, {key})"),
                    "message": r"keys must have 1 to 256 characters that can be seen: no < > % & ? / \, no control characters and none without a width, and no spaces but plain ones between others; such as cost center",
                },
                {
                    "rule": "self.all(k, !k.lowerAscii().startsWith('bindery-'))",
                    "message": "keys must not begin with 'bindery-', in whatever case: that prefix is Bindery's own",
                },
                {
                    "rule": alike,
                    "message": "keys must differ in more than upper and lower case: to Azure they are the same",
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

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "maxProperties": 100,
            "additionalProperties": form::variable_value(generator),
            "x-kubernetes-validations": [{
                "rule": r"self.all(k, k.matches(r'^[^=\s\x00-\x1f\x7f]{1,256}$'))",
                "message": "names must have 1 to 256 characters, without '=', spaces and control characters, such as LOG_LEVEL",
            }, {
                "rule": format!("self.all(k, {})", form::seen("k")),
                "message": format!("each name {}", form::SEEN),
            }],
        })
    }
}

impl JsonSchema for FlavorData {
    fn schema_name() -> Cow<'static, str> {
        "FlavorData".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            // The API server counts the cost of a rule with as many keys as all flavors may have together.
            "maxProperties": 20,
            "additionalProperties": form::flavor_value(generator),
            "x-kubernetes-validations": [{
                "rule": r"self.all(k, k.matches(r'^[a-zA-Z0-9_.-]{1,128}$'))",
                "message": "keys must have 1 to 128 letters (a-z, A-Z), digits, '-', '_' and '.', such as sklearn_version",
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

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "maxProperties": 32,
            "additionalProperties": form::label_value(generator),
            "x-kubernetes-validations": [{
                "rule": format!("self.all(k, {})", is_label_key("k")),
                "message": format!("each key {}", form::LABEL_KEY),
            }],
        })
    }
}
