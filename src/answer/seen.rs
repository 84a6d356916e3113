//! What the person who asks could see of an object.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use serde::Serialize;

use super::render::table::{Cell, Tone};
use crate::api::ConditionType;

/// An object, as far as it could be read.
#[derive(Debug, Clone, PartialEq)]
pub enum Seen<K> {
    /// The object.
    Found(K),
    /// There is none of this name.
    Missing,
    /// The person may not read it, or it cannot be read; in a sentence.
    Withheld(String),
}

impl<K> Seen<K> {
    /// The object, where it could be read.
    pub fn found(&self) -> Option<&K> {
        match self {
            Self::Found(object) => Some(object),
            Self::Missing | Self::Withheld(_) => None,
        }
    }
}

/// A condition of a status.
pub fn condition(conditions: &[Condition], kind: ConditionType) -> Option<&Condition> {
    let kind = kind.to_string();
    conditions.iter().find(|condition| condition.type_ == kind)
}

/// Whether an object is Ready, in three words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Readiness {
    /// `True`, `False` or `Unknown`; `Unknown` too where nobody has said anything yet.
    pub status: String,
    /// The reason, a word of the API; empty where nobody has said anything yet.
    pub reason: String,
    /// The sentence.
    pub message: String,
}

impl Readiness {
    /// What the condition `Ready` says.
    pub fn of(conditions: &[Condition]) -> Self {
        condition(conditions, ConditionType::Ready).map_or_else(
            || Self { status: "Unknown".into(), reason: String::new(), message: String::new() },
            |ready| Self {
                status: ready.status.clone(),
                reason: ready.reason.clone(),
                message: ready.message.clone(),
            },
        )
    }

    /// Is the object Ready?
    pub fn holds(&self) -> bool {
        self.status == "True"
    }

    /// Its colour.
    pub fn tone(&self) -> Tone {
        Tone::of_status(&self.status)
    }

    /// The status as a cell.
    pub fn cell(&self) -> Cell {
        Cell::from(self.status.as_str()).toned(self.tone())
    }
}
