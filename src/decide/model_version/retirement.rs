//! The end of a version's use: said ahead, and from its date on the version gets no new deployment. What serves it goes on; the
//! bindings refuse what is new (`deployment_binding/admission/retirement.rs`).

use std::fmt::Write as _;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use super::{Facts, belongs_to_another};
use crate::api::{ConditionType, Drift, Reason, Retirement, RetirementAction, conditions_of};
use crate::azure::model::Purpose;
use crate::decide::condition::Said;
use crate::decide::verdict::Event;
use crate::decide::{Verdict, elapsed, in_seconds};

/// So long ahead it is said.
const NOTICE: Duration = Duration::from_secs(14 * 24 * 3600);

/// How many deployments a sentence names.
const NAMED: usize = 5;

impl Facts {
    /// The retirement, once its time has come.
    fn retired(&self) -> Option<&Retirement> {
        self.spec.retirement.as_ref().filter(|it| it.at <= self.situation.now)
    }

    /// Has the version to be archived because its time is over?
    pub(super) fn retires_into_the_archive(&self) -> bool {
        self.retired().is_some_and(|it| it.action == RetirementAction::Archive)
    }

    /// When it is worth looking again before the next comparison: when the notice begins, and at the end.
    pub(super) fn retirement_changes(&self) -> Option<Duration> {
        let (at, now) = (self.spec.retirement.as_ref()?.at, self.situation.now);
        let left = elapsed(now, at);
        let ahead = |left: &Duration| !left.is_zero() && *left < self.situation.interval;
        [left.checked_sub(NOTICE), Some(left)].into_iter().flatten().find(ahead)
    }

    /// What becomes of a version that is to be archived because its time is over, for a sentence.
    fn archived_in_words(&self) -> &'static str {
        let there = self.version.found().is_some_and(|it| it.properties.is_archived);
        if there || !self.observing() {
            ", and it is archived in Azure"
        } else {
            ", and it is not archived in Azure, because Bindery changes nothing there for this object"
        }
    }

    /// The deployments that hold the version, for a sentence.
    fn deployed_by(&self) -> Option<String> {
        let all = &self.served_by;
        let mut said: Vec<String> = all
            .iter()
            .take(NAMED)
            .map(|by| format!("{}/{} as {} ({:?})", by.namespace, by.name, by.deployment, by.role))
            .collect();
        if all.len() > NAMED {
            said.push(format!("{} more", all.len() - NAMED));
        }
        (!said.is_empty()).then(|| said.join(", "))
    }
}

/// The version goes out of use soon, or has; neither is there otherwise.
pub(super) fn said(facts: &Facts) -> [(ConditionType, Said); 2] {
    let (mut soon, mut over) = (Said::Absent, Said::Absent);
    let now = facts.situation.now;
    let ours = !facts.situation.deleting && !belongs_to_another(facts);
    if let Some(it) = facts.spec.retirement.as_ref().filter(|_| ours) {
        let (title, at, by) = (facts.title(), in_seconds(it.at), facts.deployed_by());
        let archived = it.action == RetirementAction::Archive;
        if facts.retired().is_some() {
            let and = if archived { facts.archived_in_words() } else { "" };
            let mut message =
                format!("{title} is retired since {at}: it gets no new deployment and no more traffic{and}.");
            if let Some(by) = &by {
                let _ = write!(message, " What holds it goes on: {by}.");
            }
            let reason = if by.is_some() { Reason::StillDeployed } else { Reason::Retired };
            over = Said::Holds(true, reason, message);
        } else if elapsed(now, it.at) <= NOTICE {
            let and = if archived { ", and is archived in Azure" } else { "" };
            let mut message =
                format!("{title} retires at {at}: then it gets no new deployment and no more traffic{and}.");
            if let Some(by) = &by {
                let _ = write!(message, " It is deployed by {by}.");
            }
            soon = Said::Holds(true, Reason::Retiring, message);
        }
    }
    [(ConditionType::RetiringSoon, soon), (ConditionType::Retired, over)]
}

/// What has begun since the status was written.
pub(super) fn news(old: &[Condition], new: &[Condition]) -> Vec<Event> {
    let (old, new) = (conditions_of(old), conditions_of(new));
    let all = [(ConditionType::RetiringSoon, Reason::Retiring), (ConditionType::Retired, Reason::Retired)];
    let begun = all.into_iter().filter(|(kind, _)| new.is_true(*kind) && !old.is_true(*kind));
    begun
        .filter_map(|(kind, reason)| {
            let note = new.get(kind)?.message.clone();
            Some(Event { warning: true, reason, deed: None, note })
        })
        .collect()
}

/// A version whose time is over is archived where its manifest says so.
pub(super) fn archive(facts: &Facts) -> Option<Verdict> {
    let version = facts.version.found()?;
    if facts.observing() || version.properties.is_archived || !facts.retires_into_the_archive() {
        return None;
    }
    let at: Timestamp = in_seconds(facts.retired()?.at);
    let doing = format!("archive {}, which is retired since {at}", facts.title());
    let put = facts.put(Reason::Updating, Purpose::Archive, doing, &facts.desired(version.clone()))?;
    Some(put.mending(vec![Drift { field: "archived".into(), wanted: "true".into(), found: "false".into() }]))
}
