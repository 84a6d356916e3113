//! The end of every decision, written once: what may not be done now is held back, and the answer
//! becomes conditions.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use super::step::Course;
use super::{Failure, Mode, Next, Situation, Step, elapsed, retry_after};
use crate::api::{Drift, Reason, RunningOperation, conditions_of};
use crate::azure::model::{Call, Class, OperationState, Reply};

/// Azure itself gives up on an operation after half an hour (`x-ms-async-operation-timeout`, azure-ml.md B.1).
const FOLLOWED: Duration = Duration::from_secs(2 * 3600);

impl Situation {
    /// The conditions that the answer amounts to, and the answer without what may not be done now.
    /// `seen` tells whether the resource is there; none where nobody looked.
    pub(super) fn conclude(
        &self,
        old: &[Condition],
        seen: Option<bool>,
        drift: &[Drift],
        step: Step,
    ) -> (Vec<Condition>, Step) {
        let step = self.wait_out_failure(self.hold_back(step, drift));
        let (generation, now) = (self.generation, self.now);
        let mut conditions = conditions_of(old);
        conditions.set("Ready", step.ready, step.reason, step.message.clone(), generation, now);
        let (working, stalled) = (step.course == Course::Working, step.course == Course::Stalled);
        for (kind, present) in [("Reconciling", working), ("Stalled", stalled)] {
            if present {
                conditions.set(kind, Some(true), step.reason, step.message.clone(), generation, now);
            } else {
                conditions.remove(kind);
            }
        }
        match seen {
            _ if !drift.is_empty() => {
                conditions.set("Drifted", Some(true), Reason::Drifted, in_words(drift), generation, now);
            }
            Some(true) => conditions.set(
                "Drifted",
                Some(false),
                Reason::InSync,
                "Nothing was changed behind Bindery's back.",
                generation,
                now,
            ),
            Some(false) => conditions.remove("Drifted"),
            None => {} // what was said last stays said
        }
        (conditions.into_vec(), step)
    }

    /// Which of the two settings says that nothing is changed: only who knows it can mend it.
    pub(super) fn why_observed(&self) -> &'static str {
        match self.mode {
            Mode::ObserveOnly => "the operator runs with --observe-only",
            _ => "spec.management is Observe",
        }
    }

    /// A suspended, observed or observing operator makes no call; a deletion then only lets go.
    fn hold_back(&self, step: Step, drift: &[Drift]) -> Step {
        let (reason, because) = match self.mode {
            Mode::Act => return step,
            Mode::Suspended => (Reason::Suspended, "spec.suspend is true"),
            Mode::Observe | Mode::ObserveOnly => (Reason::Observed, self.why_observed()),
        };
        if self.deleting && !step.release {
            return Step::release(format!("Bindery lets go and leaves Azure as it is: {because}."));
        }
        let Some(call) = &step.call else { return step };
        let message = format!("Bindery would {}, but {because}.", call.doing);
        let mut held = Step::wait(reason, message, self.interval);
        held.course = Course::Settled;
        // What is only observed is ready when it is there; that it differs is what Drifted says.
        held.ready = Some(reason == Reason::Observed && !drift.is_empty());
        held
    }

    /// A call that did not work is made again only after its time.
    fn wait_out_failure(&self, step: Step) -> Step {
        let Some(failure) = &self.failure else { return step };
        let Some(call) = &step.call else { return self.tell_of_the_last_try(failure, step) };
        let wait = retry_after(failure.error.class, failure.times, self.interval);
        let over = elapsed(failure.at, self.now);
        if failure.doing != call.doing {
            return step;
        }
        let mut waiting = self.failed(failure);
        if over >= wait {
            // Until it has worked, the status says what is wrong: it does not flap at every try.
            return Step { call: step.call, events: step.events, next: step.next, ..waiting };
        }
        waiting.next = Next::After(wait.checked_sub(over).unwrap_or_default());
        waiting
    }

    /// While Azure works on something that has failed before, the status says so.
    fn tell_of_the_last_try(&self, failure: &Failure, mut step: Step) -> Step {
        let retried = |p: &super::Polled| p.doing == failure.doing && p.state == OperationState::Running;
        if step.reason == Reason::OperationRunning
            && failure.error.class == Class::Permanent
            && self.operation.as_ref().is_some_and(retried)
        {
            step.message = format!("{} It failed before: {}", step.message, failure.error);
        }
        step
    }

    fn failed(&self, failure: &Failure) -> Step {
        let error = &failure.error;
        let most = retry_after(error.class, u32::MAX, self.interval).as_secs().max(60) / 60;
        let (course, advice) = match error.class {
            Class::Permanent => (Course::Stalled, "Mend what Azure names; Bindery tries again"),
            Class::Unauthorized => (
                Course::Stalled,
                "Check the operator's credential and its rights in Azure; Bindery tries again",
            ),
            Class::NotFound if self.deleting => (
                Course::Stalled,
                "If the place is gone from Azure for good, set spec.deletionPolicy to Retain, and Bindery lets go; it tries again",
            ),
            Class::NotFound => (Course::Stalled, "Check the names in the manifest; Bindery tries again"),
            Class::Transient | Class::Throttled(_) | Class::Conflict => {
                (Course::Working, "Bindery tries again")
            }
        };
        let said = error.to_string();
        let said = said.trim_end_matches('.');
        let message =
            format!("Bindery could not {}: {said}. {advice}, at least every {most} min.", failure.doing);
        let mut step = Step::wait(
            reason_of(error.class),
            message,
            retry_after(error.class, failure.times, self.interval),
        );
        step.course = course;
        step
    }

    /// Azure could not be read: say so, and keep the last word for as long as it is fresh.
    pub(super) fn report_unreadable(&self, old: &[Condition]) -> Option<Step> {
        let failure = self.unreadable.as_ref()?;
        let mut step = self.failed(failure);
        if step.course == Course::Working && !self.deleting {
            let ready = conditions_of(old);
            let ready = ready.get("Ready").filter(|c| c.status == "True");
            let fresh = self.last_read.is_some_and(|at| elapsed(at, self.now) < self.interval * 2);
            // What was true of an earlier manifest says nothing about this one.
            let ready = ready.filter(|c| c.observed_generation == Some(self.generation));
            match ready {
                Some(last) if fresh => {
                    let observed = last.reason == Reason::Observed.to_string();
                    let reason = if observed { Reason::Observed } else { Reason::Succeeded };
                    step = Step { next: step.next, ..Step::settled(reason, last.message.clone()) };
                }
                _ => step.ready = None,
            }
        }
        Some(step)
    }

    /// The same at the end of an object. Where its whole resource group is gone, nothing of it is left.
    pub(super) fn report_unreadable_at_the_end(&self, old: &[Condition]) -> Option<Step> {
        let code = self.unreadable.as_ref().and_then(|f| f.error.code.as_deref()).unwrap_or_default();
        if code.eq_ignore_ascii_case("ResourceGroupNotFound") {
            return Some(Step::release(
                "Its resource group is gone from Azure, and with it all that was in it.",
            ));
        }
        self.report_unreadable(old)
    }

    /// Does this generation stand, so that a difference in Azure is somebody else's doing and not our
    /// own unfinished work?
    pub(super) fn stood(&self, old: &[Condition]) -> bool {
        let conditions = conditions_of(old);
        let is = |kind| {
            conditions
                .get(kind)
                .is_some_and(|c| c.status == "True" && c.observed_generation == Some(self.generation))
        };
        matches!(self.mode, Mode::Observe | Mode::ObserveOnly) || is("Ready") || is("Drifted")
    }

    /// What the status should remember of the change that Azure works on.
    pub(super) fn running(&self, old: Option<&RunningOperation>) -> Option<RunningOperation> {
        let old = old?;
        (self.followed(Some(old))? == OperationState::Running).then(|| old.clone())
    }

    /// What the operation's URL says, for as long as that is worth anything: afterwards it counts as
    /// lost, and the resource is the truth.
    pub(super) fn followed(&self, remembered: Option<&RunningOperation>) -> Option<OperationState> {
        let polled = self.operation.as_ref()?;
        let since = remembered.and_then(|o| o.since.parse::<Timestamp>().ok());
        let age = since.map_or(Duration::ZERO, |since| elapsed(since, self.now));
        let failed = matches!(polled.state, OperationState::Failed { .. });
        Some(if age < FOLLOWED || failed { polled.state.clone() } else { OperationState::Gone })
    }

    /// What an accepted call leaves running.
    pub fn accepted(&mut self, call: &Call, reply: &Reply) -> Option<RunningOperation> {
        let url = reply.operation.clone()?;
        self.operation = Some(super::Polled {
            doing: call.doing.clone(),
            resource: call.resource.clone(),
            state: OperationState::Running,
        });
        Some(RunningOperation {
            doing: call.doing.clone(),
            resource: call.resource.to_string(),
            url,
            since: self.now.to_string(),
        })
    }

    /// A deletion that waits for somebody to take something out of Azure. Nobody is woken by that, and a list may
    /// show for a while what is gone: so it looks again, often at first, and in the end at every comparison, for
    /// looking may be dear.
    pub(super) fn held_in_azure(
        &self,
        old: &[Condition],
        reason: Reason,
        message: impl Into<String>,
    ) -> Step {
        let conditions = conditions_of(old);
        let since = conditions.get("Stalled").map(|c| c.last_transition_time.0);
        Step { next: Next::After(self.look_less(since, self.interval)), ..Step::stalled(reason, message) }
    }

    /// How soon to look at something that has gone on since `since`: often at first, then less.
    pub(super) fn look_again(&self, since: Option<&str>) -> Duration {
        self.look_less(since.and_then(|s| s.parse().ok()), Duration::from_secs(15))
    }

    fn look_less(&self, since: Option<Timestamp>, at_most: Duration) -> Duration {
        let age = since.map_or(Duration::ZERO, |since| elapsed(since, self.now));
        (age / 4).clamp(Duration::from_secs(1), at_most.max(Duration::from_secs(1)))
    }
}

/// The one place that gives an error its reason.
fn reason_of(class: Class) -> Reason {
    match class {
        Class::Permanent => Reason::Refused,
        Class::Transient => Reason::Unreachable,
        Class::Throttled(_) => Reason::Throttled,
        Class::Unauthorized => Reason::Unauthorized,
        Class::Conflict => Reason::Busy,
        Class::NotFound => Reason::NotFound,
    }
}

fn in_words(drift: &[Drift]) -> String {
    let or_nothing = |s: &str| if s.is_empty() { "nothing".to_string() } else { format!("'{s}'") };
    let fields: Vec<String> = drift
        .iter()
        .take(5)
        .map(|d| format!("{} is {} and should be {}", d.field, or_nothing(&d.found), or_nothing(&d.wanted)))
        .collect();
    let more = drift.len().saturating_sub(5);
    let and = if more > 0 { format!(", and {more} more") } else { String::new() };
    format!("Changed in Azure: {}{and}.", fields.join("; "))
}

#[cfg(test)]
mod tests;
