//! Whether the windows of the workspace let rollouts go on now.

use super::super::Facts;
use super::{Rule, Ruling};
use crate::api::{Reason, WindowKind};
use crate::decide::rollout::changes_at;
use crate::decide::{Place, SourceVersion, in_seconds};

/// What the workspace says of the time. What serves already is not asked.
pub(super) fn ruling(facts: &Facts) -> Option<Ruling> {
    let (Place::Ready { policy, .. }, SourceVersion::Ready { asset_id, version, .. }) =
        (&facts.place, &facts.version)
    else {
        return None;
    };
    if policy.windows.is_empty() {
        return None;
    }
    let names = |kind: WindowKind| {
        let of = policy.windows.iter().filter(|it| it.kind == kind);
        of.map(|it| it.name.as_str()).collect::<Vec<_>>().join(", ")
    };
    let (inside, outside) = (names(WindowKind::Allow), names(WindowKind::Deny));
    let inside = (!inside.is_empty()).then(|| format!("inside {inside}"));
    let outside = (!outside.is_empty()).then(|| format!("outside {outside}"));
    let asks = [inside, outside].into_iter().flatten().collect::<Vec<_>>().join(", ");
    if facts.is_stable(&facts.revision_of(asset_id, version).1) {
        return Some(Ruling::new(Rule::Windows, asks, "it serves already".into(), None));
    }
    let windows = facts.windows_of_the_place();
    let Some(by) = windows.closed_by(facts.situation.now) else {
        return Some(Ruling::new(Rule::Windows, asks, "open".into(), None));
    };
    let workspace = &facts.spec.workspace_ref.name;
    let opens = match changes_at(std::slice::from_ref(&windows), facts.situation.now) {
        Some(at) => format!("It opens at {}", in_seconds(at)),
        None => "No time is known at which it opens".into(),
    };
    let said = format!("Workspace {workspace} is closed for rollouts: {by}. {opens}.");
    Some(Ruling::new(Rule::Windows, asks, format!("closed: {by}"), Some((Reason::WindowClosed, said))))
}

/// Does somebody open the workspace's windows for the wanted version now?
pub(in crate::decide::deployment_binding) fn are_waived(facts: &Facts) -> bool {
    super::rulings(facts).iter().any(|it| it.rule == Rule::Windows && !it.waivers.is_empty())
}
