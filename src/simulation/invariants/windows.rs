//! What must hold of windows. Those of the simulation begin at minutes of every hour, in zones whose clocks differ by whole hours,
//! or never.

use jiff::Timestamp;

use super::approvals;
use crate::api::{Window, WindowKind};
use crate::decide::{Place, SourceVersion, deployment_binding};

/// Do the windows of the binding and of its workspace let a rollout go on, or does somebody open the workspace's who may?
pub fn are_open(facts: &deployment_binding::Facts) -> bool {
    open(&facts.spec.strategy.windows, facts.situation.now) && place_is_open(facts)
}

/// The same of the workspace's alone: they are a rule of its policy, and the binding's own are not.
pub fn place_is_open(facts: &deployment_binding::Facts) -> bool {
    let (Place::Ready { policy, .. }, SourceVersion::Ready { asset_id, .. }) = (&facts.place, &facts.version)
    else {
        return false;
    };
    open(&policy.windows, facts.situation.now) || approvals::waives(facts, asset_id, "Windows")
}

fn open(windows: &[Window], now: Timestamp) -> bool {
    let never = windows.iter().any(|it| it.schedule.ends_with(" 30 2 *"));
    let inside = |kind| windows.iter().any(|it| it.kind == kind && lasts(it, now));
    let allowed = windows.iter().all(|it| it.kind == WindowKind::Deny) || inside(WindowKind::Allow);
    !never && allowed && !inside(WindowKind::Deny)
}

/// Did it begin at a minute after which it still lasts?
fn lasts(window: &Window, now: Timestamp) -> bool {
    let length = i64::try_from(window.duration.duration().as_secs()).unwrap_or(i64::MAX);
    let now = now.as_second();
    let begins = (0..=length / 60).map(|minutes| now - now % 60 - minutes * 60);
    begins.filter(|begin| now - begin < length).any(|begin| names(&window.schedule, begin / 60 % 60))
}

fn names(schedule: &str, minute: i64) -> bool {
    let field = schedule.split(' ').next().unwrap_or_default();
    match field.strip_prefix("*/").and_then(|step| step.parse::<i64>().ok()) {
        Some(step) => minute % step == 0,
        None => field == "*" || field.split(',').any(|named| named.parse() == Ok(minute)),
    }
}
