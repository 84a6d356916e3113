//! The answer to a question, and the decision that it becomes.

use std::time::Duration;

use jiff::Timestamp;

use super::SecretDeed;
use crate::api::{Drift, Reason};
use crate::azure::model::{Call, Principal, Purpose, Reply};

/// What one question answers: how ready the object is, why, and what happens now.
#[derive(Debug, Clone, PartialEq)]
#[allow(clippy::struct_excessive_bools)] // each is an answer of its own
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
    /// As whom the call is made, where that is another one than acts for the object's place.
    pub acting: Option<Principal>,
    /// What to tell.
    pub events: Vec<Event>,
    /// The call is a warning to whoever reads of it, and what more they should know.
    pub remark: (bool, String),
    /// What the event of the call gives as its reason, where `reason` says meanwhile why an earlier try did not work.
    pub told_as: Option<Reason>,
    /// When to look again.
    pub next: LookAgain,
    /// What waits is to take traffic back: the next look goes before those at other objects.
    pub urgent: bool,
    /// The object may go: nothing in Azure needs it any more.
    pub release: bool,
    /// The object is deleted: it has come to its end, and nothing tells of it any more.
    pub remove: bool,
    /// The manifest is reached, and what goes on is housekeeping: what `Ready` says meanwhile.
    pub stays_ready: Option<(Reason, String)>,
    /// What the call is to put right.
    pub differences: Vec<Drift>,
    /// Azure took the same PUT before, and did not keep it.
    pub unkept: bool,
    /// Since when something that the object refers to is not there, or cannot get ready.
    pub missing: Option<Timestamp>,
    /// The call is one of many of its kind, of which the conditions tell enough: it is no event of its own.
    pub quiet: bool,
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

impl LookAgain {
    /// No later than after this time, where an object is compared this often.
    #[must_use]
    pub fn at_the_latest_after(self, left: Option<Duration>, interval: Duration) -> Self {
        let Some(left) = left.map(|left| left.max(Duration::from_secs(1))) else { return self };
        match self {
            Self::Interval => Self::After(left.min(interval)),
            Self::After(wait) => Self::After(wait.min(left)),
            Self::Now => self,
        }
    }
}

/// An event on the object: what has happened, never what is only about to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Warning instead of Normal.
    pub warning: bool,
    /// A stable word.
    pub reason: Reason,
    /// What Bindery asked Azure for when it happened; none where it only looked.
    pub deed: Option<Purpose>,
    /// A sentence.
    pub note: String,
}

impl Event {
    /// The deed in the form that Kubernetes has for it, such as `MoveTraffic`.
    pub fn action(&self) -> String {
        let Some(deed) = self.deed else { return "Reconcile".into() };
        let word = deed.to_string();
        let upper = |part: &str| part[..1].to_uppercase() + &part[1..];
        word.split('-').map(upper).collect()
    }

    /// Azure has done what was asked for.
    pub fn done(deed: Purpose, doing: &str) -> Self {
        let note = format!("Done: {doing}.");
        Self { warning: false, reason: Reason::Succeeded, deed: Some(deed), note }
    }
}

/// What is to be told of a call once Azure has taken it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deed {
    warning: bool,
    reason: Reason,
    remark: String,
}

impl Deed {
    /// The event of a call with this answer: Azure works on it or has done it.
    pub fn taken(self, call: &Call, reply: &Reply) -> Event {
        let Self { warning, reason, remark } = self;
        let done = Event::done(call.errand.purpose, &call.doing);
        if reply.operation.is_none() {
            // What people should be warned of keeps its own reason.
            let reason = if warning { reason } else { done.reason };
            return Event { warning, reason, note: done.note + &remark, ..done };
        }
        let note = format!("Bindery asked Azure to {}.{remark}", call.doing);
        Event { warning, reason, note, ..done }
    }
}

/// What to do for an object now, and what its status should say.
#[derive(Debug, Clone, PartialEq)]
#[allow(clippy::struct_excessive_bools)] // each is an answer of its own
pub struct Decision<S> {
    /// The whole status, with what has to be known of the call before it goes out.
    pub status: S,
    /// The status without that, where it differs: it is true while the call has not gone out.
    pub unsent: Option<Box<S>>,
    /// At most one call on Azure.
    pub call: Option<Call>,
    /// What is to be done with a Secret, before anything else: what comes of it is a fact of the decision that is made then.
    pub secret: Option<SecretDeed>,
    /// Events to publish.
    pub events: Vec<Event>,
    /// What to tell of the call once Azure has taken it.
    pub deed: Option<Deed>,
    /// When to look again.
    pub next: LookAgain,
    /// What waits is to take traffic back: the next look goes before those at other objects.
    pub urgent: bool,
    /// All is as it should be: what went wrong before is over.
    pub settled: bool,
    /// Remove the finalizer.
    pub release: bool,
    /// Delete the object.
    pub remove: bool,
    /// Azure took the call that is due, or that waits for its time, before, and did not keep it.
    pub unkept: bool,
    /// Since when something that the object refers to is not there, or cannot get ready.
    pub missing: Option<Timestamp>,
}

impl<S: Clone> Decision<S> {
    /// With what has to be stored before its call goes out.
    #[must_use]
    pub fn intending(mut self, store: impl FnOnce(&Call, &mut S)) -> Self {
        if let Some(call) = &self.call {
            self.unsent = Some(Box::new(self.status.clone()));
            store(call, &mut self.status);
        }
        self
    }

    /// The status of a decision whose call does not go out now.
    pub fn without_the_call(self) -> S {
        self.unsent.map_or(self.status, |status| *status)
    }
}

impl Verdict {
    fn new(ready: Option<bool>, reason: Reason, message: impl Into<String>, course: Course) -> Self {
        Self {
            ready,
            reason,
            message: message.into(),
            course,
            call: None,
            acting: None,
            events: vec![],
            remark: (false, String::new()),
            told_as: None,
            next: LookAgain::Interval,
            urgent: false,
            release: false,
            remove: false,
            stays_ready: None,
            differences: vec![],
            unkept: false,
            missing: None,
            quiet: false,
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
        let let_go =
            Event { warning: false, reason: Reason::Finishing, deed: Some(Purpose::LetGo), note: message };
        Self { release: true, events: vec![let_go], ..verdict }
    }

    /// The decision that it amounts to.
    pub fn decision<S>(self, status: S) -> Decision<S> {
        Decision {
            status,
            unsent: None,
            settled: self.course == Course::Settled && self.ready == Some(true),
            deed: self.deed(),
            call: self.call,
            secret: None,
            events: self.events,
            next: self.next,
            urgent: self.urgent,
            release: self.release,
            remove: self.remove,
            unkept: self.unkept,
            missing: self.missing,
        }
    }

    /// With the call made as this one.
    #[must_use]
    pub fn made_as(mut self, principal: Principal) -> Self {
        self.acting = Some(principal);
        self
    }

    /// With what the call is to put right.
    #[must_use]
    pub fn mending(mut self, differences: Vec<Drift>) -> Self {
        self.differences = differences;
        self
    }

    /// Without an event of the call.
    #[must_use]
    pub fn quietly(self) -> Self {
        Self { quiet: true, ..self }
    }

    /// With more to say of the call in its event, perhaps as a warning.
    #[must_use]
    pub fn remarking(mut self, warning: bool, remark: impl Into<String>) -> Self {
        self.remark = (warning, remark.into());
        self
    }

    fn deed(&self) -> Option<Deed> {
        let (warning, remark) = self.remark.clone();
        // What Azure did not keep before is not told as done.
        let reason = self.told_as.unwrap_or(self.reason);
        self.call.as_ref().filter(|_| !self.unkept && !self.quiet).map(|_| Deed { warning, reason, remark })
    }
}
