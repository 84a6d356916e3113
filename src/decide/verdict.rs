//! The answer to a question, and the decision that it becomes.

use std::time::Duration;

use crate::api::{Drift, Reason};
use crate::azure::model::Call;

/// What one question answers: how ready the object is, why, and what happens now.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// `Ready`: true, false, or unknown.
    pub ready: Option<bool>,
    /// Why.
    pub reason: Reason,
    /// Why, in a colleague's sentence that says what to do where something is to be done.
    pub message: String,
    /// Whether work goes on, only a person can help, or all is done.
    pub course: Course,
    /// The one call to make.
    pub call: Option<Call>,
    /// What to tell.
    pub events: Vec<Event>,
    /// When to look again.
    pub next: LookAgain,
    /// The object may go: nothing in Azure needs it any more.
    pub release: bool,
    /// The manifest is reached, and what goes on is housekeeping: what `Ready` says meanwhile.
    pub stays_ready: Option<(Reason, String)>,
    /// What the call is to put right.
    pub differences: Vec<Drift>,
    /// Azure took the same PUT before, and did not keep it.
    pub unkept: bool,
    /// Something that the object refers to is not there.
    pub missing: bool,
}

/// Whether work goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Course {
    /// `Reconciling=True`.
    Working,
    /// `Stalled=True`.
    Stalled,
    /// Neither.
    Settled,
}

/// When to look again. A change of the object or of what it refers to is always looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LookAgain {
    /// At once.
    Now,
    /// After this time.
    After(Duration),
    /// At the next comparison.
    Interval,
}

/// An event on the object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Warning instead of Normal.
    pub warning: bool,
    /// A stable word.
    pub reason: Reason,
    /// A sentence.
    pub note: String,
}

/// What to do for an object now, and what its status should say.
#[derive(Debug, Clone, PartialEq)]
#[allow(clippy::struct_excessive_bools)] // each is an answer of its own
pub struct Decision<S> {
    /// The whole status.
    pub status: S,
    /// At most one call on Azure.
    pub call: Option<Call>,
    /// Events to publish.
    pub events: Vec<Event>,
    /// When to look again.
    pub next: LookAgain,
    /// All is as it should be: what went wrong before is over.
    pub settled: bool,
    /// Remove the finalizer.
    pub release: bool,
    /// Azure took the call that is due, or that waits for its time, before, and did not keep it.
    pub unkept: bool,
    /// Something that the object refers to is not there.
    pub missing: bool,
}

impl Verdict {
    fn new(ready: Option<bool>, reason: Reason, message: impl Into<String>, course: Course) -> Self {
        Self {
            ready,
            reason,
            message: message.into(),
            course,
            call: None,
            events: vec![],
            next: LookAgain::Interval,
            release: false,
            stays_ready: None,
            differences: vec![],
            unkept: false,
            missing: false,
        }
    }

    /// Make this call.
    pub fn call(reason: Reason, call: Call) -> Self {
        let message = format!("Bindery is about to {}.", call.doing);
        Self {
            call: Some(call),
            next: LookAgain::Now,
            ..Self::new(Some(false), reason, message, Course::Working)
        }
    }

    /// Something goes on; look again after a while.
    pub fn wait(reason: Reason, message: impl Into<String>, after: Duration) -> Self {
        Self { next: LookAgain::After(after), ..Self::new(Some(false), reason, message, Course::Working) }
    }

    /// Something else has to happen first, and will wake us.
    pub fn blocked(reason: Reason, message: impl Into<String>) -> Self {
        Self::new(Some(false), reason, message, Course::Working)
    }

    /// Only a person or a new spec can help.
    pub fn stalled(reason: Reason, message: impl Into<String>) -> Self {
        Self::new(Some(false), reason, message, Course::Stalled)
    }

    /// All is as it should be.
    pub fn settled(reason: Reason, message: impl Into<String>) -> Self {
        Self::new(Some(true), reason, message, Course::Settled)
    }

    /// The object may go.
    pub fn release(message: impl Into<String>) -> Self {
        let message = message.into();
        let verdict = Self::new(Some(false), Reason::Finishing, message.clone(), Course::Working);
        Self { release: true, ..verdict }.telling(false, Reason::Finishing, message)
    }

    /// The decision that it amounts to.
    pub fn decision<S>(self, status: S) -> Decision<S> {
        Decision {
            status,
            settled: self.course == Course::Settled && self.ready == Some(true),
            call: self.call,
            events: self.events,
            next: self.next,
            release: self.release,
            unkept: self.unkept,
            missing: self.missing,
        }
    }

    /// With what the call is to put right.
    #[must_use]
    pub fn mending(mut self, differences: Vec<Drift>) -> Self {
        self.differences = differences;
        self
    }

    /// With an event.
    #[must_use]
    pub fn telling(mut self, warning: bool, reason: Reason, note: impl Into<String>) -> Self {
        self.events.push(Event { warning, reason, note: note.into() });
        self
    }
}
