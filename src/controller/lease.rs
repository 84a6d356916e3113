//! Which of several processes may write: an election on one record in the cluster that all of them read, and replace only where
//! nobody else was quicker. A pure state machine: what came of a request goes in, what to do next comes out. It does no I/O and
//! has no clock.
//!
//! Every time is a duration since some moment of this process, by its own monotonic clock. Clocks of two machines are never
//! compared: a holder stops when it has not renewed for the renew deadline, and another takes over when it has seen the record
//! unchanged for the lease duration, which is longer (`docs/decisions/0039-two-leaders.md`).

use std::time::Duration;

/// The periods of an election, in client-go's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// How long others leave a record alone that does not change.
    duration: Duration,
    /// How long the holder goes on after it last renewed.
    renew_deadline: Duration,
    /// The time between two tries to renew, or to take over.
    retry_period: Duration,
    /// The longest that a request to Azure may be under way.
    request: Duration,
}

impl Terms {
    /// Periods that fit each other; else what is wrong with them.
    pub fn new(
        duration: Duration,
        renew_deadline: Duration,
        retry_period: Duration,
        request: Duration,
    ) -> Result<Self, &'static str> {
        if retry_period.is_zero() {
            return Err("the retry period has to be longer than 0 s");
        }
        if renew_deadline <= retry_period * 2 {
            return Err("the renew deadline has to be more than twice the retry period");
        }
        // The rest is for clocks of different speed, and for a machine that is busy when it should stop.
        if duration < renew_deadline + renew_deadline / 5 {
            return Err("the lease duration has to be longer than the renew deadline by a fifth");
        }
        Ok(Self { duration, renew_deadline, retry_period, request })
    }

    /// A write begins only where this much of the time to the renew deadline is left.
    pub fn room(&self) -> Duration {
        self.renew_deadline / 2
    }

    /// How long to wait for the answer to a read or write of the record.
    pub fn patience(&self) -> Duration {
        self.renew_deadline / 2
    }

    pub fn retry_period(&self) -> Duration {
        self.retry_period
    }

    pub fn request(&self) -> Duration {
        self.request
    }
}

/// The record as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    pub holder: Holder,
    /// How long its holder asks others to leave it alone.
    pub duration: Duration,
    /// How often it has changed hands.
    pub transitions: u32,
    /// Another one after every write.
    pub version: String,
}

/// Who holds a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Holder {
    Process(String),
    /// Its last holder has released it when no request of its own was under way any more.
    Released,
    /// It does not say. Somebody may have made it anew under a holder who has not noticed yet.
    Unknown,
}

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Nothing before this time.
    Wait(Duration),
    /// Read the record.
    Read,
    /// Write the record.
    Write(Claim),
}

/// A write of the record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The version of the record that it replaces; none where there is no record.
    pub over: Option<String>,
    pub holder: Holder,
    pub duration: Duration,
    pub transitions: u32,
    /// The holder is another one than before.
    pub changes_hands: bool,
}

/// What came of a write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Written {
    /// It was taken, and the record has this version now.
    Taken(String),
    /// Somebody else was quicker.
    Conflict,
    /// Nobody knows.
    Unanswered,
}

/// When a process leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lead {
    /// It may write to the cluster from then on.
    pub from: Duration,
    /// It may write to Azure from then on.
    pub calls_from: Duration,
    /// By then it has stopped, unless it renews before.
    pub until: Duration,
}

impl Lead {
    pub fn holds(&self, now: Duration) -> bool {
        (self.from..self.until).contains(&now)
    }
}

/// The record as this process last saw it.
#[derive(Debug, Clone)]
struct Seen {
    /// None where there is none.
    record: Option<Record>,
    /// When it was first seen so.
    since: Duration,
}

/// From when a holder may write: to the cluster, and to Azure.
#[derive(Debug, Clone, Copy)]
struct Begin {
    from: Duration,
    calls_from: Duration,
}

/// A write of the record that is under way or was never answered.
#[derive(Debug, Clone)]
struct Asked {
    at: Duration,
    claim: Claim,
    /// From when we may write if it is taken.
    begin: Begin,
}

/// One process in an election.
#[derive(Debug, Clone)]
pub struct Election {
    /// Another one for each process that was ever started.
    me: String,
    terms: Terms,
    seen: Option<Seen>,
    lead: Option<Lead>,
    /// The deadline has passed without a renewal, as was noticed then.
    lapsed: Option<Duration>,
    asked: Option<Asked>,
    /// What is to be written as soon as this process is asked.
    due: bool,
    next: Duration,
}

impl Election {
    pub fn new(me: String, terms: Terms) -> Self {
        Self {
            me,
            terms,
            seen: None,
            lead: None,
            lapsed: None,
            asked: None,
            due: false,
            next: Duration::ZERO,
        }
    }

    /// What to do now. One step at a time: what came of it is told before the next one is asked for.
    pub fn next(&mut self, now: Duration) -> Step {
        self.notice(now);
        if now < self.next {
            return Step::Wait(self.next);
        }
        if !std::mem::take(&mut self.due) {
            return Step::Read;
        }
        let Some((claim, begin)) = self.claim(now) else { return Step::Read };
        self.asked = Some(Asked { at: now, claim: claim.clone(), begin });
        Step::Write(claim)
    }

    /// When this process leads, by what it knows now.
    pub fn lead(&mut self, now: Duration) -> Option<Lead> {
        self.notice(now);
        self.lead.filter(|_| self.lapsed.is_none())
    }

    /// Who holds the record, if it is not us.
    pub fn other(&self) -> Option<&str> {
        match &self.seen.as_ref()?.record.as_ref()?.holder {
            Holder::Process(holder) if *holder != self.me => Some(holder),
            _ => None,
        }
    }

    /// The record was read: none where there is none. `Err` where nobody knows.
    pub fn read(&mut self, now: Duration, answer: Result<Option<Record>, ()>) {
        self.notice(now);
        self.next = now + self.terms.retry_period;
        let Ok(record) = answer else { return };
        let version = |record: &Option<Record>| record.as_ref().map(|it| it.version.clone());
        match &self.seen {
            Some(seen) if version(&seen.record) == version(&record) => {}
            _ => self.seen = Some(Seen { record, since: now }),
        }
        if !self.is_ours() {
            // Taken over, or removed: whatever this process believed is not so any more.
            (self.lead, self.lapsed, self.asked) = (None, None, None);
        }
        self.due = self.claim(now).is_some();
        if self.due {
            self.next = now;
        } else if let Some(free) = self.free_from() {
            self.next = self.next.min(free);
        }
    }

    /// The record was written, as [`Step::Write`] said.
    pub fn wrote(&mut self, now: Duration, answer: Written) {
        self.notice(now);
        self.next = now + self.terms.retry_period;
        let Some(asked) = self.asked.clone() else { return };
        match answer {
            Written::Taken(version) => {
                self.asked = None;
                let Claim { holder, duration, transitions, .. } = asked.claim;
                let record = Record { holder, duration, transitions, version };
                self.seen = Some(Seen { record: Some(record), since: now });
                let until = asked.at + self.terms.renew_deadline;
                if now < until {
                    let Begin { from, calls_from } = asked.begin;
                    (self.lead, self.lapsed) = (Some(Lead { from, calls_from, until }), None);
                }
                self.due = true;
                self.next = asked.at + self.terms.retry_period;
            }
            Written::Conflict => {
                self.asked = None;
                self.next = now;
            }
            // A read tells whether it was taken.
            Written::Unanswered => {}
        }
    }

    /// How the record is released. None where this process does not lead, or a request from before it led may still be under
    /// way: then the lease has to run out.
    pub fn release(&mut self, now: Duration) -> Option<Claim> {
        self.lead(now).filter(|lead| lead.holds(now) && lead.calls_from <= now)?;
        let record = self.seen.as_ref()?.record.as_ref()?;
        (self.lead, self.due) = (None, false);
        Some(Claim {
            over: Some(record.version.clone()),
            holder: Holder::Released,
            duration: record.duration,
            transitions: record.transitions,
            changes_hands: false,
        })
    }

    /// The deadline has passed: requests that were under way until now may go on for as long as a request may.
    fn notice(&mut self, now: Duration) {
        if self.lead.is_some_and(|lead| lead.until <= now) {
            self.lapsed.get_or_insert(now);
        }
    }

    fn is_ours(&self) -> bool {
        let record = self.seen.as_ref().and_then(|seen| seen.record.as_ref());
        record.is_some_and(|record| record.holder == Holder::Process(self.me.clone()))
    }

    /// When the record of somebody else is free for the taking.
    fn free_from(&self) -> Option<Duration> {
        let seen = self.seen.as_ref()?;
        let asks = seen.record.as_ref().map_or(Duration::ZERO, |record| record.duration);
        Some(seen.since + self.terms.duration.max(asks))
    }

    /// What would be written now, and from when this process could write then. None where the record is another's.
    fn claim(&self, now: Duration) -> Option<(Claim, Begin)> {
        let seen = self.seen.as_ref()?;
        let Terms { duration, request, .. } = self.terms;
        let after = |from: Duration, quiet: Duration| Begin { from, calls_from: from + quiet };
        let begin = match seen.record.as_ref().map(|record| &record.holder) {
            Some(Holder::Process(holder)) if *holder == self.me => self.continued(now),
            Some(Holder::Process(_)) => {
                self.free_from().filter(|free| *free <= now)?;
                after(now, request)
            }
            Some(Holder::Released) => after(now, Duration::ZERO),
            // Whoever held a record that was here before stops within a lease duration.
            Some(Holder::Unknown) | None => after(now + duration, request),
        };
        let ours = self.is_ours();
        let record = seen.record.as_ref();
        let claim = Claim {
            over: record.map(|record| record.version.clone()),
            holder: Holder::Process(self.me.clone()),
            duration,
            transitions: record.map_or(0, |record| record.transitions.saturating_add(u32::from(!ours))),
            changes_hands: !ours,
        };
        Some((claim, begin))
    }

    /// The record is ours. From when we may write: as before where we lead; as the first write of the record said, where its
    /// answer was lost.
    fn continued(&self, now: Duration) -> Begin {
        let request = self.terms.request;
        match (self.lead, self.lapsed, &self.asked) {
            (Some(lead), None, _) => Begin { from: lead.from, calls_from: lead.calls_from },
            (Some(lead), Some(at), _) => {
                Begin { from: lead.from.max(now), calls_from: lead.calls_from.max(at + request) }
            }
            (None, _, Some(asked)) => asked.begin,
            (None, _, None) => {
                let from = now + self.terms.duration;
                Begin { from, calls_from: from + request }
            }
        }
    }
}

#[cfg(test)]
mod tests;
