//! What is said of one condition. Each condition has one function that says it, and one list for each kind names them.

use jiff::Timestamp;

use crate::api::{ConditionType, Conditions, Reason};

/// What is said of one condition now.
pub(super) enum Said {
    /// It is there: true or false, why, and in a sentence.
    Holds(bool, Reason, String),
    /// It is there, and nobody knows whether it is true.
    Unknown(Reason, String),
    /// There is nothing that it could speak of.
    Absent,
    /// Nobody looked, so what was said last stays said.
    AsBefore,
}

/// Writes what is said into the conditions.
pub(super) fn say<const N: usize>(
    conditions: &mut Conditions,
    all: [(ConditionType, Said); N],
    generation: i64,
    now: Timestamp,
) {
    for (kind, said) in all {
        match said {
            Said::Holds(status, reason, message) => {
                conditions.set(kind, Some(status), reason, message, generation, now);
            }
            Said::Unknown(reason, message) => conditions.set(kind, None, reason, message, generation, now),
            Said::Absent => conditions.remove(kind),
            Said::AsBefore => {}
        }
    }
}
