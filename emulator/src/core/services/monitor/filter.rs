//! `$filter`: `deployment eq 'blue' and (statusCodeClass eq '4xx' or statusCodeClass eq '5xx')`. A dimension that is
//! named is one that the answer is split by; `eq '*'` only splits.

use super::refused;
use crate::config::like;
use crate::core::machinery::error::ArmError;

/// What must hold for each dimension that is named.
#[derive(Debug, Default)]
pub struct Filter {
    clauses: Vec<Clause>,
}

#[derive(Debug)]
struct Clause {
    dimension: &'static str,
    unequal: bool,
    values: Vec<String>,
}

const DIMENSIONS: [&str; 8] = [
    "deployment",
    "statusCode",
    "statusCodeClass",
    "modelStatusCode",
    "envoy_response_code",
    "instanceId",
    "State",
    "disk",
];

impl Filter {
    /// Reads it; empty text lets everything through.
    pub fn parse(text: &str) -> Result<Self, ArmError> {
        let mut filter = Self::default();
        for part in split(text, " and ").iter().map(|part| part.trim()).filter(|part| !part.is_empty()) {
            let part = part.strip_prefix('(').and_then(|part| part.strip_suffix(')')).unwrap_or(part);
            let mut clause: Option<Clause> = None;
            for condition in split(part, " or ") {
                let (dimension, unequal, value) = condition_of(condition)
                    .ok_or_else(|| refused(format!("Invalid filter string: {condition}.")))?;
                match &mut clause {
                    None => clause = Some(Clause { dimension, unequal, values: vec![value] }),
                    Some(clause) if clause.dimension == dimension && clause.unequal == unequal => {
                        clause.values.push(value);
                    }
                    Some(_) => {
                        return Err(refused("'or' is supported only between values of one dimension."));
                    }
                }
            }
            filter.clauses.extend(clause);
        }
        Ok(filter)
    }

    /// The dimensions that it names.
    pub fn dimensions(&self) -> impl Iterator<Item = &'static str> {
        self.clauses.iter().map(|clause| clause.dimension)
    }

    /// The values of the named dimensions, when all clauses hold.
    pub fn admits(&self, value_of: impl Fn(&str) -> String) -> Option<Vec<String>> {
        self.clauses
            .iter()
            .map(|clause| {
                let value = value_of(clause.dimension);
                let named = clause.values.iter().any(|wanted| like(wanted, &value));
                (named != clause.unequal).then_some(value)
            })
            .collect()
    }
}

/// Splits at a word in any case.
fn split<'a>(text: &'a str, word: &str) -> Vec<&'a str> {
    let lower = text.to_ascii_lowercase();
    let mut parts = Vec::new();
    let mut start = 0;
    while let Some(at) = lower[start..].find(word) {
        parts.push(&text[start..start + at]);
        start += at + word.len();
    }
    parts.push(&text[start..]);
    parts
}

fn condition_of(text: &str) -> Option<(&'static str, bool, String)> {
    let mut words = text.trim().splitn(3, ' ');
    let (dimension, operator, value) = (words.next()?, words.next()?, words.next()?.trim());
    let dimension = DIMENSIONS.into_iter().find(|known| known.eq_ignore_ascii_case(dimension))?;
    let value = value.strip_prefix('\'')?.strip_suffix('\'')?;
    match operator.to_ascii_lowercase().as_str() {
        "eq" => Some((dimension, false, value.to_owned())),
        "ne" => Some((dimension, true, value.to_owned())),
        "sw" => Some((dimension, false, format!("{value}*"))),
        _ => None,
    }
}
