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
    let at = of(facts).map(|it| it.at);
    let over = at.filter(|at| *at <= facts.situation.now).map(in_seconds);
    let mut found: Vec<String> = is_archived(facts).then(|| "archived".to_string()).into_iter().collect();
    found.extend(at.map(|at| match over {
        Some(at) => format!("retired since {at}"),
        None => format!("in use until {}", in_seconds(at)),
    }));
    if found.is_empty() {
        return None;
    }
    let is = [
        over.map(|at| {
            (format!("retired since {at} (spec.retirement of its ModelVersion)"), "set a later date")
        }),
        is_archived(facts).then(|| {
            ("archived".to_string(), "take it out of the archive (spec.archived: false of its ModelVersion)")
        }),
    ];
    let (is, remedies): (Vec<_>, Vec<_>) = is.into_iter().flatten().unzip();
    let refused = (!is.is_empty()).then(|| {
        format!(
            "{model}:{version} is {}, so it gets no new deployment and no more traffic; what it serves goes on. Serve another version, or have its owner {}.",
            is.join(" and "),
            remedies.join(" and ")
        )
    });
    let refused = refused.map(|said| (Reason::Retired, said));
    Some(Ruling::new(Rule::Retirement, "a version that is in use".into(), found.join(", "), refused))
}

/// Is the version archived? Then nothing new begins with it, and nobody goes back to it either.
pub(super) fn is_archived(facts: &Facts) -> bool {
    matches!(facts.version, SourceVersion::Ready { archived: true, .. })
}

/// How long until the version is out of use, where that is before the next comparison.
pub(in crate::decide::deployment_binding) fn changes(facts: &Facts) -> Option<Duration> {
    let left = elapsed(facts.situation.now, of(facts)?.at);
    (!left.is_zero() && left < facts.situation.interval).then_some(left)
}
