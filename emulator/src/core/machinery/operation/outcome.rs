//! What becomes of an operation: the first rule that fits says.

use crate::config::{Outcome, Work, like};
use crate::core::Core;

/// The outcome that the rules have for a new operation.
pub(super) fn decide(core: &mut Core, work: Work, resource: &str, model: &str) -> Outcome {
    let rule = core.config.operations.iter_mut().find(|rule| {
        rule.times != Some(0)
            && rule.work.is_none_or(|kind| kind == work)
            && like(&format!("*{}*", rule.resource), resource)
            && like(&format!("*{}*", rule.model), model)
    });
    rule.map_or(Outcome::Succeed, |rule| {
        rule.times = rule.times.map(|times| times - 1);
        rule.outcome.clone()
    })
}
