//! The end of every decision, written once: what may not be done now is held back, and the answer
//! becomes conditions.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use super::{Attempt, Failure, Mode, Situation, elapsed, in_seconds, retry_after};
use crate::api::{ConditionType, Conditions, Drift, Reason, conditions_of};
use crate::azure::model::{Action, Call, Class, Error, Lane, OperationState, Principal, Purpose};
use crate::decide::condition::{Said, say};
use crate::decide::verdict::{Course, Event, LookAgain, Verdict};

/// What is referred to and is not there, or cannot get ready, is waited for so long before it is a person's business.
const PATIENCE: Duration = Duration::from_secs(300);

/// For so long a deletion waits for the account that acts for its place, when that is gone.
const WITHOUT_AN_ACCOUNT: Duration = Duration::from_secs(900);

impl Situation {
    /// The conditions that the answer amounts to, and the answer without what may not be done now.
    /// `seen` tells whether the resource is there; none where nobody looked.
    pub(in crate::decide) fn conclude(
        &self,
        old: &[Condition],
        seen: Option<bool>,
        drift: &[Drift],
        verdict: Verdict,
    ) -> (Vec<Condition>, Verdict) {
        let mut verdict = self.hold_back(self.wait_for_references(verdict, old), drift);
        verdict = self.tell_who_is_left(verdict);
        let mut urgent = verdict.urgent;
        if let Some(call) = &mut verdict.call {
            let back = matches!(call.errand.purpose, Purpose::TakeBack | Purpose::Withdraw);
            let acting = verdict.acting.take().or_else(|| self.acting.clone().ok());
            call.errand.principal = acting.unwrap_or(Principal::Operator);
            call.errand.leaving = self.deleting;
            call.errand.lane = if back { Lane::TakingBack } else { self.lane };
            urgent |= back;
            call.content = content(call, &verdict.differences);
        }
        let verdict = self.wait_until_kept(self.wait_out_failure(verdict));
        let verdict = self.look_for_the_end(self.tell_of_what_is_not_kept(verdict, old));
        let mut conditions = conditions_of(old);
        let all = [
            (ConditionType::Ready, ready(&verdict)),
            (ConditionType::Reconciling, course(&verdict, Course::Working)),
            (ConditionType::Stalled, course(&verdict, Course::Stalled)),
            (ConditionType::Drifted, drifted(seen, drift)),
        ];
        say(&mut conditions, all, self.generation, self.now);
        let news = self.news(old, &conditions);
        let verdict = Verdict { urgent, events: [verdict.events, news].concat(), ..verdict };
        (conditions.into_vec(), verdict)
    }

    /// What has happened since the status was written: a change that Azure has done, and what has become wrong.
    fn news(&self, old: &[Condition], new: &Conditions) -> Vec<Event> {
        let done = self
            .operation
            .remembered
            .as_ref()
            .map(|operation| Event::done(operation.purpose, &operation.doing));
        // What Azure did not keep is not done.
        let succeeded = self.operation.answer == Some(OperationState::Succeeded) && !self.writes_again();
        let done = done.filter(|_| succeeded);
        let failed = self.operation.remembered.as_ref().map(|operation| operation.purpose);
        let failed = failed.filter(|_| matches!(self.operation.answer, Some(OperationState::Failed { .. })));
        let old = conditions_of(old);
        let begun = |kind: ConditionType| {
            let now = new.get(kind).filter(|_| new.is_true(kind))?;
            let known = old.get(kind).is_some_and(|before| old.is_true(kind) && before.reason == now.reason);
            let reason = now.reason.parse().ok().filter(|_| !known)?;
            let deed = failed.filter(|_| kind == ConditionType::Stalled);
            Some(Event { warning: true, reason, deed, note: now.message.clone() })
        };
        done.into_iter()
            .chain([ConditionType::Stalled, ConditionType::Drifted].into_iter().filter_map(begun))
            .collect()
    }

    /// What is referred to may be applied or mended a moment later: tools have no order. Only after a while is it a person's
    /// business.
    fn wait_for_references(&self, verdict: Verdict, old: &[Condition]) -> Verdict {
        let lacks = matches!(verdict.reason, Reason::ReferenceNotFound | Reason::ReferenceNotReady);
        if !lacks || verdict.course != Course::Stalled || self.deleting {
            return verdict;
        }
        let conditions = conditions_of(old);
        let said = |kind| {
            let condition = conditions.get(kind).filter(|_| conditions.is_true(kind))?;
            let same = condition.reason.parse() == Ok(verdict.reason);
            (same && condition.observed_generation == Some(self.generation))
                .then_some(condition.last_transition_time.0)
        };
        // A process that begins finds in the conditions since when it lasts.
        let since = self.trouble.missing.or_else(|| said(ConditionType::Reconciling)).unwrap_or(self.now);
        let left = PATIENCE.saturating_sub(elapsed(since, self.now));
        let verdict = Verdict { missing: Some(since), ..verdict };
        if said(ConditionType::Stalled).is_some() || left.is_zero() {
            return verdict;
        }
        Verdict { course: Course::Working, next: LookAgain::After(left), ..verdict }
    }

    /// A suspended, observed or observing operator makes no call; a deletion then only lets go.
    fn hold_back(&self, verdict: Verdict, drift: &[Drift]) -> Verdict {
        let (reason, because) = match self.mode {
            Mode::Act => return verdict,
            Mode::Suspended => (Reason::Suspended, "spec.suspend is true"),
            Mode::Observe | Mode::ObserveOnly => (Reason::Observed, self.why_observed()),
        };
        if self.wait_for_referrers().is_some() {
            return verdict;
        }
        if self.deleting && !verdict.release {
            return Verdict::release(format!("Bindery lets go and leaves Azure as it is: {because}."));
        }
        let Some(call) = &verdict.call else {
            // Whoever suspends in a pause sees that it was understood.
            let waits = verdict.course == Course::Working && verdict.reason != Reason::OperationRunning;
            if self.mode == Mode::Suspended && waits {
                let message = format!(
                    "spec.suspend is true: Bindery changes nothing in Azure, even when this wait is over. {}",
                    verdict.message
                );
                return Verdict { reason, message, course: Course::Settled, ..verdict };
            }
            return verdict;
        };
        let message = format!("Bindery would {}, but {because}.", call.doing);
        let mut held = Verdict::wait(reason, message, self.interval);
        held.course = Course::Settled;
        // What is only observed is ready when it is there; that it differs is what Drifted says.
        held.ready = Some(reason == Reason::Observed && !drift.is_empty());
        held
    }

    /// A call that did not work is made again only after its time.
    fn wait_out_failure(&self, verdict: Verdict) -> Verdict {
        let Some(failure) = &self.trouble.failure else { return verdict };
        let Some(call) = &verdict.call else { return self.tell_of_the_last_try(failure, verdict) };
        let wait = retry_after(failure.error.class, failure.times, self.interval);
        let over = elapsed(failure.at, self.now);
        if !failure.attempt.is(call) {
            return verdict;
        }
        let mut waiting = Verdict { stays_ready: verdict.stays_ready.clone(), ..self.failed(failure) };
        if over >= wait {
            // Until it has worked, the status says what is wrong: it does not flap at every try.
            return Verdict {
                call: verdict.call,
                events: verdict.events,
                remark: verdict.remark,
                // When Azure takes it, that is told as the deed that it is, and not as the failure that is over.
                told_as: Some(verdict.reason),
                next: verdict.next,
                ..waiting
            };
        }
        waiting.next = LookAgain::After(wait.checked_sub(over).unwrap_or_default());
        waiting
    }

    /// Would this call wait, because Azure took the same PUT before and did not keep it?
    pub(in crate::decide) fn waits_until_kept(&self, verdict: &Verdict) -> bool {
        let Some(mut call) = verdict.call.clone() else { return false };
        call.content = content(&call, &verdict.differences);
        self.trouble.written.as_ref().is_some_and(|written| {
            let wait = retry_after(Class::Permanent, written.times, self.interval);
            written.again(&call) && elapsed(written.at, self.now) < wait
        })
    }

    /// A PUT that Azure took and did not keep is like a failure: it is made again after a longer and longer time.
    fn wait_until_kept(&self, verdict: Verdict) -> Verdict {
        let written = self.trouble.written.as_ref().zip(verdict.call.as_ref());
        let Some((written, _)) = written.filter(|(written, call)| written.again(call)) else {
            return verdict;
        };
        let wait = retry_after(Class::Permanent, written.times, self.interval);
        let most = retry_after(Class::Permanent, u32::MAX, self.interval).as_secs() / 60;
        let what = match in_words(&verdict.differences) {
            differences if differences.is_empty() => String::new(),
            differences => format!(": {differences}"),
        };
        let message = format!(
            "Bindery asked Azure to {}; Azure accepted that, and did not keep it{what}. An Azure Policy that modifies resources, or another program that writes to the same resource, may be the cause; write what Azure keeps into the manifest, or change the policy. Bindery tries again, at least every {most} min.",
            written.attempt.doing
        );
        let left = wait.saturating_sub(elapsed(written.at, self.now));
        let waiting = Verdict {
            course: Course::Stalled,
            unkept: true,
            ..Verdict::wait(Reason::NotKept, message, left.max(Duration::from_millis(1)))
        };
        if left.is_zero() {
            Verdict { call: verdict.call, remark: verdict.remark, next: verdict.next, ..waiting }
        } else {
            waiting
        }
    }

    /// While Azure works on something that has failed before, the status says so.
    fn tell_of_the_last_try(&self, failure: &Failure, mut verdict: Verdict) -> Verdict {
        let retried = self.operation.under_way(self.now);
        if verdict.reason == Reason::OperationRunning
            && failure.error.class == Class::Permanent
            && retried.is_some_and(|operation| failure.attempt.same_as(&operation.into()))
        {
            verdict.message = format!("{} It failed before: {}", verdict.message, failure.error);
        }
        verdict
    }

    /// Nobody tells of the end of a change that Azure works on: it is looked for, whatever else is said.
    fn look_for_the_end(&self, verdict: Verdict) -> Verdict {
        match (verdict.next, self.operation.under_way(self.now)) {
            (LookAgain::Interval, Some(operation)) if !verdict.release => {
                Verdict { next: LookAgain::After(self.look_again(Some(operation.since))), ..verdict }
            }
            _ => verdict,
        }
    }

    /// While Azure works once more on what it did not keep, the status says so: it does not flap at every try.
    fn tell_of_what_is_not_kept(&self, verdict: Verdict, old: &[Condition]) -> Verdict {
        let conditions = conditions_of(old);
        let stalled =
            conditions.get(ConditionType::Stalled).filter(|c| c.reason.parse() == Ok(Reason::NotKept));
        match stalled.filter(|_| verdict.reason == Reason::OperationRunning && self.writes_again()) {
            Some(said) => Verdict {
                reason: Reason::NotKept,
                message: said.message.clone(),
                course: Course::Stalled,
                unkept: true,
                ..verdict
            },
            None => verdict,
        }
    }

    /// Does Azure work on a PUT that it did not keep before?
    fn writes_again(&self) -> bool {
        let (written, operation) = (&self.trouble.written, &self.operation.remembered);
        written.as_ref().zip(operation.as_ref()).is_some_and(|(written, operation)| {
            written.times > 1 && written.attempt.same_as(&operation.into())
        })
    }

    pub(in crate::decide) fn failed(&self, failure: &Failure) -> Verdict {
        let error = &failure.error;
        let most = retry_after(error.class, u32::MAX, self.interval).as_secs().max(60) / 60;
        let taken = failure.advice_on_a_taken_name();
        let reason = if taken.is_some() { Reason::NameTaken } else { reason_of(error) };
        let (course, advice) = match reason {
            Reason::NameTaken => (Course::Stalled, taken.unwrap_or_default()),
            Reason::Locked => (Course::Stalled, "Have the lock removed in Azure; Bindery tries again"),
            Reason::DisallowedByPolicy => (
                Course::Stalled,
                "Write what the Azure Policy allows into the manifest, or have the resource exempted; Bindery tries again",
            ),
            Reason::OutOfQuota => (
                Course::Stalled,
                "Ask for more quota in Azure, or for fewer or smaller instances in the manifest; Bindery tries again",
            ),
            Reason::Unauthorized => {
                (Course::Stalled, "Check the rights of that identity in Azure; Bindery tries again")
            }
            Reason::CredentialFailed => (Course::Stalled, "Bindery tries again"),
            Reason::NotFound if self.deleting => (
                Course::Stalled,
                "If the place is gone from Azure for good, set spec.deletionPolicy to Retain, and Bindery lets go; it tries again",
            ),
            Reason::NotFound => (Course::Stalled, "Check the names in the manifest; Bindery tries again"),
            Reason::Unreachable | Reason::Throttled | Reason::Busy => {
                (Course::Working, "Bindery tries again")
            }
            _ => (
                Course::Stalled,
                "Correct what Azure names, in the manifest or in Azure; Bindery tries again",
            ),
        };
        let said = error.to_string();
        let said = said.trim_end_matches('.');
        let advice = if taken.is_some() { format!("{advice}; Bindery tries again") } else { advice.into() };
        let message = format!(
            "Bindery could not {}: {said}. {advice}, at least every {most} min.",
            failure.attempt.doing
        );
        let mut verdict =
            Verdict::wait(reason, message, retry_after(error.class, failure.times, self.interval));
        verdict.course = course;
        verdict
    }

    /// Azure could not be read: say so, and keep the last word for as long as it is fresh.
    pub(in crate::decide) fn report_unreadable(&self, old: &[Condition]) -> Option<Verdict> {
        let failure = self.trouble.unreadable.as_ref()?;
        let mut verdict = self.failed(failure);
        if verdict.course == Course::Working && !self.deleting {
            let conditions = conditions_of(old);
            let ready =
                conditions.get(ConditionType::Ready).filter(|_| conditions.is_true(ConditionType::Ready));
            let age = self.trouble.last_read.map(|at| elapsed(at, self.now));
            let fresh =
                age.and_then(|age| (self.interval * 2).checked_sub(age)).filter(|left| !left.is_zero());
            // What was true of an earlier manifest says nothing about this one.
            let ready = ready.filter(|c| c.observed_generation == Some(self.generation));
            match ready.zip(fresh) {
                Some((last, left)) => {
                    let observed = last.reason.parse() == Ok(Reason::Observed);
                    let reason = if observed { Reason::Observed } else { Reason::Succeeded };
                    // The next look comes no later than the last word grows old.
                    let next = match verdict.next {
                        LookAgain::After(wait) => LookAgain::After(wait.min(left)),
                        other => other,
                    };
                    verdict = Verdict { next, ..Verdict::settled(reason, last.message.clone()) };
                }
                None => verdict.ready = None,
            }
        }
        Some(verdict)
    }

    /// The same at the end of an object. Where its whole resource group is gone, nothing of it is left.
    pub(in crate::decide) fn report_unreadable_at_the_end(&self, old: &[Condition]) -> Option<Verdict> {
        let code = self.trouble.unreadable.as_ref().and_then(|f| f.error.code.as_deref()).unwrap_or_default();
        if code.eq_ignore_ascii_case("ResourceGroupNotFound") {
            return Some(Verdict::release(
                "Its resource group is gone from Azure, and with it all that was in it.",
            ));
        }
        self.leave_without_an_account().or_else(|| self.report_unreadable(old))
    }

    /// The account that acts for the place is gone for good, as with its namespace: nobody can look after the resource any
    /// more, and the object does not wait for ever.
    fn leave_without_an_account(&self) -> Option<Verdict> {
        // In a namespace that ends, what else is said of the account is said because it ends.
        let gone = |error: &Error| {
            error.is_account_gone() || self.ownership.namespace_ends && error.class == Class::Credential
        };
        let failure = self.trouble.unreadable.as_ref().filter(|failure| gone(&failure.error))?;
        let over = elapsed(self.deleted_at?, self.now);
        let Attempt { resource, .. } = &failure.attempt;
        let as_whom = failure.error.asked_as.as_deref().unwrap_or("the account of its place");
        if over < WITHOUT_AN_ACCOUNT {
            let message = format!(
                "Bindery acts for this place as {as_whom}, which is gone. It waits for the account until {}, and then lets go and leaves {resource} in Azure as it is.",
                in_seconds(self.deleted_at? + WITHOUT_AN_ACCOUNT)
            );
            let left = WITHOUT_AN_ACCOUNT.saturating_sub(over).min(Duration::from_secs(60));
            return Some(Verdict {
                next: LookAgain::After(left),
                ..Verdict::stalled(Reason::CredentialFailed, message)
            });
        }
        let mut left = Verdict::release(format!(
            "Bindery lets go: {as_whom}, which acted for this place, is gone. {resource} stays in Azure as it is, with its owner tag; delete it there if nobody needs it."
        ));
        left.events.iter_mut().for_each(|event| event.warning = true);
        Some(left)
    }

    /// A deletion that waits for somebody to take something out of Azure. Nobody is woken by that, and a list may
    /// show for a while what is gone: so it looks again, often at first, and in the end at every comparison, for
    /// looking may be dear.
    pub(in crate::decide) fn held_in_azure(
        &self,
        old: &[Condition],
        reason: Reason,
        message: impl Into<String>,
    ) -> Verdict {
        let conditions = conditions_of(old);
        let since = conditions.get(ConditionType::Stalled).map(|c| c.last_transition_time.0);
        Verdict {
            next: LookAgain::After(self.look_less(since, self.interval)),
            ..Verdict::stalled(reason, message)
        }
    }
}

/// The manifest is reached.
fn ready(verdict: &Verdict) -> Said {
    if let Some((reason, message)) = verdict.stays_ready.clone() {
        return Said::Holds(true, reason, message);
    }
    let (reason, message) = (verdict.reason, verdict.message.clone());
    verdict
        .ready
        .map_or_else(|| Said::Unknown(reason, message.clone()), |it| Said::Holds(it, reason, message.clone()))
}

/// Work goes on, or only a person can help: there only while it is so.
fn course(verdict: &Verdict, course: Course) -> Said {
    if verdict.course == course {
        Said::Holds(true, verdict.reason, verdict.message.clone())
    } else {
        Said::Absent
    }
}

/// Somebody changed in Azure what the manifest says.
fn drifted(seen: Option<bool>, drift: &[Drift]) -> Said {
    match seen {
        _ if !drift.is_empty() => {
            Said::Holds(true, Reason::Drifted, format!("Changed in Azure: {}.", in_words(drift)))
        }
        Some(true) => {
            let message = "No change from outside Bindery was found.";
            Said::Holds(false, Reason::InSync, message.into())
        }
        Some(false) => Said::Absent,
        None => Said::AsBefore,
    }
}

/// The one place that gives an error its reason.
fn reason_of(error: &Error) -> Reason {
    match error.class {
        Class::Permanent if error.code.as_deref() == Some("ScopeLocked") => Reason::Locked,
        Class::Permanent if error.code.as_deref() == Some("RequestDisallowedByPolicy") => {
            Reason::DisallowedByPolicy
        }
        Class::Permanent if error.is_out_of_quota() => Reason::OutOfQuota,
        Class::Permanent => Reason::Refused,
        Class::Transient => Reason::Unreachable,
        Class::Throttled(_) => Reason::Throttled,
        Class::Unauthorized => Reason::Unauthorized,
        Class::Credential => Reason::CredentialFailed,
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
    format!("{}{and}", fields.join("; "))
}

/// What of a PUT is ours, as a hash: what differs from the manifest, where the traffic goes, and what the tags note of failures and of
/// people's words, which a PUT may change alone. The rest goes out as it was
/// found, and may be another each time: tags of others, and the URL of the last operation, which the service keeps there.
fn content(call: &Call, differences: &[Drift]) -> u64 {
    let (Action::Put(body) | Action::Patch(body)) = &call.action else { return 0 };
    let mut hasher = DefaultHasher::new();
    let notes = ["/tags/bindery-actions", "/tags/bindery-hold", "/tags/bindery-failed"];
    let routing = ["/properties/traffic", "/properties/mirrorTraffic", "/properties/defaults"];
    for at in routing.into_iter().chain(notes) {
        body.pointer(at).map(ToString::to_string).hash(&mut hasher);
    }
    for Drift { field, wanted, .. } in differences {
        (field, wanted).hash(&mut hasher);
    }
    hasher.finish()
}

#[cfg(test)]
mod tests;
