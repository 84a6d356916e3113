//! Whether the version is out of use: that is asked of every binding, whatever the policy of its workspace.

use std::time::Duration;

use super::{Rule, Ruling};
use crate::api::{Reason, Retirement};
use crate::decide::deployment_binding::Facts;
use crate::decide::{SourceVersion, elapsed, in_seconds};

fn of(facts: &Facts) -> Option<&Retirement> {
    match &facts.version {
        SourceVersion::Ready { retirement, .. } => retirement.as_ref(),
        _ => None,
    }
}

/// A version that is out of use gets no new deployment, and no more traffic than it has.
pub(super) fn ruling(facts: &Facts) -> Option<Ruling> {
    let SourceVersion::Ready { model, version, .. } = &facts.version else { return None };
    let at = of(facts)?.at;
    let over = at <= facts.situation.now;
    let at = in_seconds(at);
    let found = if over { format!("retired since {at}") } else { format!("in use until {at}") };
    let refused = over.then(|| {
        let said = format!(
            "{model}:{version} is retired since {at} (spec.retirement of its ModelVersion), so it gets no new deployment and no more traffic; what it serves goes on. Serve another version, or have its owner set a later date."
        );
        (Reason::Retired, said)
    });
    Some(Ruling::new(Rule::Retirement, "a version that is in use".into(), found, refused))
}

/// How long until the version is out of use, where that is before the next comparison.
pub(in crate::decide::deployment_binding) fn changes(facts: &Facts) -> Option<Duration> {
    let left = elapsed(facts.situation.now, of(facts)?.at);
    (!left.is_zero() && left < facts.situation.interval).then_some(left)
}
