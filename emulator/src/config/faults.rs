//! What goes wrong on purpose with requests.

use std::collections::BTreeMap;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Value, json};

use super::{bounds, like};
use crate::wire::{Principal, Request};

/// Which requests are struck, and by what. The first rule that strikes decides.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FaultRule {
    /// Given by the emulator.
    #[serde(default)]
    pub id: u64,
    /// HTTP method; none: any.
    #[serde(default)]
    pub method: Option<String>,
    /// Part of path and query, in any case; `*` stands for any text. Default: any.
    #[serde(default)]
    pub path: String,
    /// Name of the principal; none: any.
    #[serde(default)]
    pub principal: Option<String>,
    /// How many matching requests pass unharmed first. Default 0.
    #[serde(default)]
    pub skip: u32,
    /// How many are struck; none: all.
    #[serde(default)]
    pub times: Option<u32>,
    /// With what probability one is struck. Default 1.
    #[serde(default = "certain", deserialize_with = "bounds::probability")]
    pub probability: f64,
    /// What happens. Its name alone will do where its fields have defaults.
    #[serde(deserialize_with = "effect")]
    pub effect: Effect,
}

fn certain() -> f64 {
    1.0
}

/// An effect by its name and fields, or by its name.
fn effect<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Effect, D::Error> {
    let given = Value::deserialize(deserializer)?;
    let effect = match (serde_path_to_error::deserialize(&given), &given) {
        (Err(_), Value::String(name)) => serde_path_to_error::deserialize(json!({name: {}})),
        (effect, _) => effect,
    };
    effect.map_err(D::Error::custom)
}

impl FaultRule {
    /// A rule that strikes every request whose path and query contain `path`.
    pub fn on(method: &str, path: &str, effect: Effect) -> Self {
        Self {
            id: 0,
            method: Some(method.to_owned()),
            path: path.to_owned(),
            principal: None,
            skip: 0,
            times: None,
            probability: 1.0,
            effect,
        }
    }

    /// The same rule, striking only so often.
    #[must_use]
    pub fn times(self, times: u32) -> Self {
        Self { times: Some(times), ..self }
    }

    /// The same rule, sparing the first requests.
    #[must_use]
    pub fn skip(self, skip: u32) -> Self {
        Self { skip, ..self }
    }

    /// Whether it is about such a request.
    pub(crate) fn matches(&self, principal: &Principal, request: &Request) -> bool {
        let target = format!("{}?{}", request.path, request.query);
        self.method.as_deref().is_none_or(|method| request.method.as_str().eq_ignore_ascii_case(method))
            && self.principal.as_deref().is_none_or(|name| like(name, principal.name()))
            && like(&format!("*{}*", self.path), &target)
    }
}

/// What a struck request gets.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum Effect {
    /// An error in ARM's shape, instead of the deed.
    Answer {
        /// HTTP status, 200 to 599.
        #[serde(deserialize_with = "bounds::status")]
        status: u16,
        /// `error.code`.
        #[serde(default)]
        code: String,
        /// `error.message`.
        #[serde(default)]
        message: String,
        /// Further headers, such as `Retry-After`, but not those that follow from the body, as `Content-Length`.
        #[serde(default, deserialize_with = "bounds::headers")]
        headers: BTreeMap<String, String>,
    },
    /// Any body, instead of the deed: a proxy's HTML page, for example.
    Body {
        /// HTTP status, 200 to 599.
        #[serde(deserialize_with = "bounds::status")]
        status: u16,
        /// Such as `text/html`.
        #[serde(deserialize_with = "bounds::content_type")]
        content_type: String,
        /// The body.
        body: String,
    },
    /// The connection is closed; nothing was done.
    DropBefore,
    /// It is done, and the connection is closed without an answer.
    LoseAnswer,
    /// It is done, and the connection is closed in the midst of the answer: after its headers, which promise all of its
    /// body, and the first bytes of that. An answer without a body is lost.
    Cut {
        /// How many bytes of the body arrive; at most all but the last.
        after: usize,
    },
    /// It is done, and the answer comes after so many real milliseconds.
    Delay {
        /// Real milliseconds.
        millis: u64,
    },
    /// Silence, and the connection stays open, for ten minutes of real time.
    Silence {
        /// Whether it is done all the same. Default false.
        #[serde(default)]
        after_the_deed: bool,
    },
}
