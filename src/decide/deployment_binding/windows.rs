//! When the windows of the binding and of its workspace let a rollout go on.

use jiff::Timestamp;

use super::{Case, Facts, admission, deployments};
use crate::api::{Reason, WindowStatus};
use crate::decide::rollout::{Windows, changes_at, closed_by};
use crate::decide::{Place, SourceVersion, Verdict, in_seconds};

/// How many characters a status holds of what is closed.
const BY: usize = 1024;

impl Facts {
    fn own_windows(&self) -> Windows {
        Windows::read(&self.spec.strategy.windows, "spec.strategy")
    }

    /// The windows of the workspace's policy.
    pub(super) fn windows_of_the_place(&self) -> Windows {
        let windows = match &self.place {
            Place::Ready { policy, .. } => policy.windows.as_slice(),
            _ => &[],
        };
        Windows::read(windows, &format!("Workspace {}", self.spec.workspace_ref.name))
    }

    /// Those that have a say now: an Approval may open the workspace's for what it is about.
    fn windows(&self) -> Vec<Windows> {
        let place = self.windows_of_the_place();
        let waived = !place.is_empty() && admission::windows_are_waived(self);
        let all = [Some(self.own_windows()), Some(place).filter(|_| !waived)];
        all.into_iter().flatten().filter(|it| !it.is_empty()).collect()
    }

    /// What of the binding's own windows keeps its rollout from going on. Going back to what was stable here before is never kept.
    pub(super) fn closed_by_its_own(&self) -> Option<String> {
        let closed = self.own_windows().closed_by(self.situation.now)?;
        (!admission::goes_back(self)).then_some(closed)
    }

    /// When the windows close or open next.
    pub(super) fn windows_change(&self) -> Option<Timestamp> {
        changes_at(&self.windows(), self.situation.now)
    }
}

/// The windows in the words of the status; none where there are none.
pub(super) fn status(facts: &Facts) -> Option<WindowStatus> {
    let place = facts.windows_of_the_place();
    if facts.situation.deleting || (place.is_empty() && facts.spec.strategy.windows.is_empty()) {
        return None;
    }
    let all = facts.windows();
    let (by, change) = (closed_by(&all, facts.situation.now), changes_at(&all, facts.situation.now));
    Some(WindowStatus {
        open: by.is_none(),
        next_open: change.filter(|_| by.is_some()),
        next_close: change.filter(|_| by.is_none()),
        by: by.map(|by| by.chars().take(BY).collect()),
    })
}

/// What keeps the rollout of the wanted version from going on, where that is nothing but a window.
fn closed(case: &Case<'_>) -> Option<String> {
    let refusals = admission::refusals(case.facts);
    let only = refusals.iter().all(|(reason, _)| *reason == Reason::WindowClosed);
    let ready = matches!(case.facts.version, SourceVersion::Ready { .. });
    let by_place = || (!refusals.is_empty()).then(|| case.facts.windows_of_the_place());
    let by_place = || by_place()?.closed_by(case.facts.situation.now);
    (only && ready).then(|| case.facts.closed_by_its_own().or_else(by_place)).flatten()
}

/// Is the rollout kept where it is by nothing but a window?
pub(super) fn keep(case: &Case<'_>) -> bool {
    !case.scene.arrived() && !case.scene.wanted_failed() && closed(case).is_some()
}

/// A window is closed: no weight rises, and no candidate is made. What has to be removed is removed all the same.
pub(super) fn wait_for_the_window(case: &Case<'_>) -> Option<Verdict> {
    if !keep(case) {
        return None;
    }
    if let Some(busy) = deployments::keep_house(case) {
        return Some(busy);
    }
    let by = closed(case)?;
    let under_way = case.scene.candidate().is_some();
    let (stands, goes_on) = if under_way {
        ("The rollout stays where it is, and can be taken back at any time", "goes on")
    } else {
        ("The rollout has not begun", "begins")
    };
    Some(match case.facts.windows_change() {
        Some(at) => {
            let message = format!("Closed for rollouts: {by}. {stands}. It {goes_on} at {}.", in_seconds(at));
            Verdict::blocked(Reason::WindowClosed, message)
        }
        None => Verdict::stalled(
            Reason::WindowClosed,
            format!(
                "Closed for rollouts: {by}. {stands}. No time is known at which it {goes_on}: correct the windows."
            ),
        ),
    })
}
