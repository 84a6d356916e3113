//! Several processes of the operator: the record that they elect on, the clock of each, and what must hold of them.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use super::ports::Ports;
use super::world::{Outcome, Request, World};
use crate::controller::{Claim, Election, Gate, Lead, Record, Step, Terms, Written};

/// The longest that a request to Azure is promised to be under way.
pub const REQUEST: Duration = Duration::from_secs(30);

/// How much faster or slower than the world's a clock goes at most. Clocks of machines are a thousand times better.
const DRIFT: f64 = 0.03;

/// The periods that client-go has.
pub fn terms() -> Terms {
    let seconds = Duration::from_secs;
    Terms::new(seconds(15), seconds(10), seconds(2), REQUEST).expect("terms that fit")
}

/// The monotonic clock of a process: it begins anywhere, and goes a little too fast or too slow.
#[derive(Debug, Clone, Copy)]
pub struct ProcessClock {
    born: Timestamp,
    base: Duration,
    rate: f64,
}

impl ProcessClock {
    /// The clock of a process that is the only one: nobody compares it.
    pub fn exact(now: Timestamp) -> Self {
        Self { born: now, base: Duration::ZERO, rate: 1.0 }
    }

    /// The clock of one of several.
    pub fn any(world: &mut World) -> Self {
        let rate = 1.0 + DRIFT * (world.rng.f64() * 2.0 - 1.0);
        Self { born: world.now, base: Duration::from_secs(world.rng.u64(0..1_000_000)), rate }
    }

    pub fn elapsed(&self, now: Timestamp) -> Duration {
        self.base + now.duration_since(self.born).unsigned_abs().mul_f64(self.rate)
    }

    /// When the world's time is such that this clock shows so much.
    pub fn at(&self, elapsed: Duration) -> Timestamp {
        // Never earlier, whatever is rounded.
        let since = elapsed.saturating_sub(self.base).div_f64(self.rate) + Duration::from_micros(1);
        self.born + since
    }
}

/// When a process may write, in the world's time.
#[derive(Debug, Clone, Copy)]
struct Office {
    from: Timestamp,
    until: Timestamp,
}

/// A call of a process, and until when it may be under way.
#[derive(Debug)]
struct Sent {
    process: u32,
    until: Timestamp,
}

/// What the world has of elections.
#[derive(Debug, Default)]
pub struct Elections {
    record: Option<Record>,
    writes: u64,
    /// By process, of those that are in an election and live.
    offices: BTreeMap<u32, Option<Office>>,
    /// By ticket.
    sent: BTreeMap<u64, Sent>,
    /// Until when a process does not reach the API server.
    cut_off: BTreeMap<u32, Timestamp>,
    /// How often the record has changed hands.
    pub takeovers: u64,
}

impl Elections {
    pub fn joins(&mut self, process: u32) {
        self.offices.insert(process, None);
    }

    pub fn leaves(&mut self, process: u32) {
        self.offices.remove(&process);
        self.cut_off.remove(&process);
    }

    fn holds(&mut self, process: u32, lead: Option<Lead>, clock: &ProcessClock) {
        let office = lead.map(|lead| Office { from: clock.at(lead.from), until: clock.at(lead.until) });
        // Until its passes are dropped, one that has lost the lead may still read.
        if let Some(office) = office {
            self.offices.insert(process, Some(office));
        }
    }

    /// Its passes are dropped: it reads no more.
    pub fn stops(&mut self, process: u32) {
        if let Some(office) = self.offices.get_mut(&process) {
            *office = None;
        }
    }

    /// Somebody deletes the record.
    pub fn lose_the_record(&mut self) {
        self.record = None;
    }
}

impl World {
    pub fn cut_off(&mut self, process: u32, length: Duration) {
        let until = self.now + length;
        self.elections.cut_off.insert(process, until);
    }

    /// Does this process reach the API server?
    pub fn reaches_the_cluster(&self, process: u32) -> bool {
        self.elections.cut_off.get(&process).is_none_or(|until| *until <= self.now)
    }

    pub fn everybody_reaches_the_cluster(&mut self) {
        self.elections.cut_off.clear();
    }

    /// The record is read.
    pub fn read_record(&mut self) -> Result<Option<Record>, ()> {
        if self.chance(0.02) { Err(()) } else { Ok(self.elections.record.clone()) }
    }

    /// The record is written, if nobody was quicker. The answer may be lost.
    pub fn write_record(&mut self, claim: Claim) -> Written {
        if self.chance(0.02) {
            return Written::Unanswered;
        }
        let found = self.elections.record.as_ref().map(|record| record.version.clone());
        if found != claim.over {
            return Written::Conflict;
        }
        let Claim { holder, duration, transitions, .. } = claim;
        self.elections.writes += 1;
        self.elections.takeovers += u64::from(claim.changes_hands);
        let version = self.elections.writes.to_string();
        if claim.changes_hands {
            self.note(|| format!("LEASE {holder:?} takes over"));
        }
        self.elections.record = Some(Record { holder, duration, transitions, version: version.clone() });
        if self.chance(0.03) { Written::Unanswered } else { Written::Taken(version) }
    }

    /// What holds of a request of a process, as it goes out: nobody writes who does not lead or while another leads, nobody reads
    /// Azure who has never led, and no call goes out while one of another process may be under way.
    pub fn who_writes_leads(&mut self, ticket: u64, request: &Request) -> Result<(), String> {
        let (me, now) = (self.acting, self.now);
        let (reads, calls) = match request {
            Request::Read(_) | Request::Keys(..) | Request::Secret(..) => (true, false),
            Request::Send(_) => (false, true),
            Request::Status(_)
            | Request::Finalizers(_)
            | Request::Delete(_)
            | Request::WriteSecret(_)
            | Request::DeleteSecret(_) => (false, false),
            Request::ReadLease | Request::WriteLease(_) => return Ok(()),
        };
        let elections = &mut self.elections;
        let Some(office) = elections.offices.get(&me) else { return Ok(()) };
        let leads = office.is_some_and(|it| it.from <= now && (reads || now < it.until));
        if !leads {
            return Err(format!("process {me} does not lead ({office:?}), and yet: {request:?}"));
        }
        let rules = |office: &Option<Office>| office.is_some_and(|it| it.from <= now && now < it.until);
        let rival = elections.offices.iter().find(|(other, office)| **other != me && rules(office));
        if let Some((rival, _)) = rival.filter(|_| !reads) {
            return Err(format!("processes {me} and {rival} both lead: {request:?}"));
        }
        if calls {
            elections.sent.retain(|_, sent| sent.until > now);
            if let Some(other) = elections.sent.values().find(|sent| sent.process != me) {
                let until = other.until;
                return Err(format!(
                    "a call of process {} may be under way until {until}, and process {me} sends {request:?}",
                    other.process
                ));
            }
            elections.sent.insert(ticket, Sent { process: me, until: now + REQUEST });
        }
        Ok(())
    }

    /// A call has arrived, and is over.
    pub fn call_is_over(&mut self, ticket: u64) {
        self.elections.sent.remove(&ticket);
    }
}

/// A process as a candidate.
pub struct Candidate {
    election: Election,
    /// The request for the record that is under way: by ticket, since when, and whether it writes.
    asked: Option<(u64, Duration, bool)>,
    next: Duration,
    lead: Option<Lead>,
}

impl Candidate {
    pub fn new(process: u32) -> Self {
        let election = Election::new(format!("process-{process}"), terms());
        Self { election, asked: None, next: Duration::ZERO, lead: None }
    }

    pub fn gate() -> Gate {
        Gate::elected(terms())
    }

    /// When this process leads.
    pub fn lead(&self) -> Option<Lead> {
        self.lead
    }

    /// When it has to be asked next.
    pub fn wakes(&self, now: Duration) -> Duration {
        let own = self.asked.map_or(self.next, |(_, since, _)| since + terms().patience());
        let lead = self.lead.map(|lead| if lead.from > now { lead.from } else { lead.until });
        own.min(lead.unwrap_or(own))
    }

    /// Takes in what has been answered, and asks for what is next.
    pub fn goes_on(&mut self, ports: &Ports) {
        let now = ports.elapsed_now();
        loop {
            if let Some((ticket, since, writes)) = self.asked {
                let answer = ports.world().outcome(ticket);
                if answer.is_none() && now < since + terms().patience() {
                    break;
                }
                self.asked = None;
                match answer {
                    Some(Outcome::Record(answer)) => self.election.read(now, answer),
                    Some(Outcome::Claimed(answer)) => self.election.wrote(now, answer),
                    _ if writes => self.election.wrote(now, Written::Unanswered),
                    _ => self.election.read(now, Err(())),
                }
            }
            let (request, writes) = match self.election.next(now) {
                Step::Wait(until) => {
                    self.next = until;
                    break;
                }
                Step::Read => (Request::ReadLease, false),
                Step::Write(claim) => (Request::WriteLease(claim), true),
            };
            let ticket = ports.world().ask_by_itself(request);
            self.asked = Some((ticket, now, writes));
        }
        self.lead = self.election.lead(now);
        ports.world().elections.holds(ports.process, self.lead, &ports.clock);
    }

    /// Gives the record back, where nothing may be under way any more.
    pub fn releases(&mut self, ports: &Ports, in_doubt: bool) {
        let now = ports.elapsed_now();
        self.lead = None;
        if let Some(claim) = self.election.release(now).filter(|_| !in_doubt) {
            ports.world().ask_by_itself(Request::WriteLease(claim));
        }
    }
}
