//! A Secret with the keys of an endpoint: what is to be done with it, and what came of that. The keys themselves are nowhere here:
//! the shell carries them from Azure into the Secret.

use jiff::Timestamp;

use crate::azure::model::{Errand, Error, ResourceId};
use crate::decide::digest::short_hash;

/// The label of a Secret that Bindery made, with the name of the object that it is for ([`SecretDeed::mark`]).
pub const KEYS_LABEL: &str = "bindery.dev/endpoint-keys";

/// What a label value may hold.
const LABEL_LIMIT: usize = 63;

/// What is to be done with a Secret of the object's namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretDeed {
    /// Its name.
    pub name: String,
    /// What is to become of it.
    pub work: SecretWork,
}

/// What is to become of a Secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretWork {
    /// These keys are to be in it.
    Write(KeysOf),
    /// It is to be the Secret of the object of this name, which takes over what the keys are of.
    HandOver(String),
    /// It is to go.
    Remove,
}

/// The keys that are to be in a Secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeysOf {
    /// The endpoint.
    pub endpoint: ResourceId,
    /// Where it answers.
    pub scoring_uri: String,
    /// As whom the keys are asked for.
    pub errand: Errand,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretDone {
    /// What was to be done.
    pub deed: SecretDeed,
    /// When.
    pub at: Timestamp,
    /// Whether anything had to be changed, or why nothing was done.
    pub outcome: Result<bool, SecretRefusal>,
}

/// Why nothing was done with a Secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretRefusal {
    /// A Secret of that name is there, and has not our label.
    NotOurs,
    /// The operator may not touch Secrets in that namespace.
    Forbidden,
    /// Azure gave no keys.
    Azure(Error),
    /// The API server did not take it, for this reason.
    Failed(String),
}

impl SecretDeed {
    /// The value of [`KEYS_LABEL`] for an object of this name. A name may be longer than a label value.
    pub fn mark(object: &str) -> String {
        if object.len() <= LABEL_LIMIT {
            return object.into();
        }
        let hash = short_hash(object, 5);
        let head: String = object.chars().take(LABEL_LIMIT - 1 - hash.len()).collect();
        format!("{head}-{hash}")
    }
}

#[cfg(test)]
mod tests {
    use super::SecretDeed;

    #[test]
    fn a_long_name_fits_into_a_label() {
        let (one, two) = (format!("{}a", "x.".repeat(60)), format!("{}b", "x.".repeat(60)));
        assert_eq!(SecretDeed::mark("taxi"), "taxi");
        let marks = [SecretDeed::mark(&one), SecretDeed::mark(&two)];
        assert!(marks.iter().all(|mark| mark.len() == 63) && marks[0] != marks[1], "{marks:?}");
    }
}
