//! The way of one change: read, decide, report, act, report. The same for every kind, and the only one: the simulation
//! runs this one too.
//!
//! Nothing waits inside a pass. The status is written before a call, so that an intent is stored when
//! the call goes out, and after it, so that what Azure answered is seen at once.

use std::collections::BTreeSet;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;

use super::context::Context;
use super::ports::{Ports, Refusal};
use super::report;
use super::secrets;
use crate::api::{ConditionType, Object, ObjectKey, conditions_of};
use crate::azure::model::{Action, Call, Purpose, Reply, ResourceId};
use crate::decide::facts::{Due, Known, Moment, gather, is_settled, lane};
use crate::decide::{Decision, Deed, Event, Facts, Kind, LookAgain, SecretDone, Situation, Tagged, elapsed};

/// After the cluster did not take a write, or the cache is behind.
const SOON: Duration = Duration::from_millis(250);
/// While a pass over another object works on the same resource; up to twice as long.
const BUSY: Duration = Duration::from_secs(1);
/// After a bug of ours.
const AFTER_PANIC: Duration = Duration::from_secs(60);

/// When an object gets its next pass, where nothing wakes it before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Again {
    /// In how much time.
    pub after: Duration,
    /// It waits to take traffic back, and goes before all others.
    pub urgent: bool,
    /// How this pass has ended.
    pub ending: Ending,
}

/// How a pass has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// All is as it should be, until the next comparison.
    Settled,
    /// Something goes on, or is waited for.
    Waits,
    /// The object was changed meanwhile, or this process may not write now.
    Outdated,
    /// Azure or the cluster did not answer as they should, or a bug of ours showed.
    Failed,
}

impl Ending {
    fn again(self, after: Duration) -> Again {
        Again { after, urgent: false, ending: self }
    }
}

/// One pass, which never fails and never panics: what goes wrong is noted and tried again. The answer is when to look
/// again.
pub async fn pass<K: Kind, P: Ports>(object: Arc<K>, context: &Context<P>) -> Again {
    let (key, uid) = (object.key(), object.uid_or_empty());
    match AssertUnwindSafe(steps::<K, P>(&object, context)).catch_unwind().await {
        Ok(Ok(next)) => {
            context.memory.write_was_taken(&uid);
            next
        }
        Ok(Err(Refusal::Outdated)) => {
            context.memory.write_was_taken(&uid);
            Ending::Outdated.again(SOON)
        }
        Ok(Err(Refusal::NotNow(wait))) => Ending::Outdated.again(wait),
        Ok(Err(because @ (Refusal::Failed(_) | Refusal::Forbidden(_) | Refusal::Unanswered(_)))) => {
            let times = context.memory.change(&uid, |it| {
                it.refused += 1;
                it.refused
            });
            let wait = (SOON * 4).saturating_mul(1 << times.min(8));
            context.ports.refused(&key, &because, wait);
            Ending::Failed.again(wait)
        }
        Err(_) => {
            context.ports.panicked(&key);
            Ending::Failed.again(AFTER_PANIC)
        }
    }
}

async fn steps<K: Kind, P: Ports>(object: &Arc<K>, context: &Context<P>) -> Result<Again, Refusal> {
    context.may_write()?;
    let (uid, generation) = (object.uid_or_empty(), object.generation());
    let (ready, now) = (is_ready(object.as_ref()), context.ports.now());
    context.memory.change(&uid, |it| it.sees_generation(generation, ready, now));
    let remembered = context.memory.recall(&uid, generation, object.asks().as_ref());
    // No pass acts on a cached object older than our own last write to it.
    if report::version(object.as_ref()) < remembered.written {
        return Ok(Ending::Outdated.again(SOON));
    }
    let deleting = object.is_deleting();
    // Of a kind that never has our finalizer, the status still says what its deletion means while another's finalizer holds it.
    if deleting && !object.holds() && K::HOLDS {
        return Ok(Ending::Settled.again(object.interval()));
    }
    let reader = Arc::new(object.key());
    let waits = context.index.is_owner(&reader) || is_settled(object.as_ref());
    let _alone = match target(object.as_ref(), &reader, context).filter(|_| K::CHANGES) {
        Some(id) => match context.lock(&id, waits).await {
            Some(alone) => Some(alone),
            None => return Ok(Ending::Waits.again(BUSY + BUSY / 100 * spread(object.as_ref()))),
        },
        None => None,
    };
    let mut moment = Moment {
        now: context.ports.now(),
        cluster: context.options.cluster.clone(),
        observe_only: context.options.observe_only,
        handover: context.options.handover,
        watched: context.options.watched.clone(),
        authors_checked: context.options.authors_checked,
        trouble: remembered.trouble,
        absent: remembered.absent,
    };
    let (mut facts, foreseen) = read(object.as_ref(), &reader, &mut moment, context).await;
    context.ports.foresee(&reader, foreseen);
    remember_look(context, (&reader, &uid), facts.situation());

    let mut decision = facts.decide();
    if let Some(deed) = decision.secret.take() {
        let outcome = secrets::carry_out(object.as_ref(), &deed, context).await;
        if outcome.is_err() {
            // Who may not write any more has not failed.
            context.may_write()?;
        }
        let done = SecretDone { deed, at: context.ports.now(), outcome };
        context.memory.change(&uid, |it| it.trouble.secret = Some(done.clone()));
        facts.situation().trouble.secret = Some(done);
        decision = facts.decide();
    }
    context.ports.decided(object.as_ref(), &facts, &decision);
    remember_what_was_decided(context, &uid, facts.situation(), &decision);
    if decision.release && K::HOLDS {
        return let_go(object.as_ref(), &facts, context, &decision.events).await;
    }
    if let Some(call) = &decision.call {
        context.may_call(object.as_ref(), call)?;
    }
    // First the finalizer, then an intent, then the call: an object that goes in between leaves nothing behind.
    let mut written = object.as_ref().clone();
    if facts.situation().needs_finalizer(decision.call.is_some()) {
        written = report::hold(&written, context).await?;
    }
    note_what_is_new(object.as_ref(), &decision.status, context);
    written = report::status(&written, context, decision.status).await?;
    tell_that_it_is_ready(&written, context);
    if decision.settled && decision.call.is_none() {
        context.memory.change(&uid, |it| it.trouble.failure = None);
    }
    report::events(object.as_ref(), context, &decision.events).await;
    if decision.remove {
        context.delete(&written).await?;
        return Ok(Ending::Waits.again(after(decision.next, object.as_ref())));
    }
    match decision.call {
        Some(call) => act(&written, facts, call, decision.deed, context).await,
        // Another Secret waits for what was done with this one.
        None if decision.secret.is_some() => Ok(Ending::Waits.again(after(LookAgain::Now, object.as_ref()))),
        None => {
            let (after, urgent) = (after(decision.next, object.as_ref()), decision.urgent);
            let ending = match decision.next {
                _ if facts.situation().trouble.unreadable.is_some() => Ending::Failed,
                LookAgain::Interval => Ending::Settled,
                _ => Ending::Waits,
            };
            Ok(Again { after, urgent, ending })
        }
    }
}

/// Makes the call, and reports what came of it.
async fn act<K: Kind, P: Ports>(
    object: &K,
    mut facts: K::Facts,
    call: Call,
    deed: Option<Deed>,
    context: &Context<P>,
) -> Result<Again, Refusal> {
    context.ports.calls(object, &facts, &call);
    let answer = context.send(object, &call).await?;
    let failed = answer.is_err();
    if let Err(error) = &answer {
        context.ports.failed(object, &call, error);
    }
    facts.situation().take_in_answer(&call, answer.as_ref(), context.ports.now());
    // Whether a PUT was kept only a look can tell: an answer may repeat what was asked.
    let trouble = facts.situation().trouble.clone();
    context.memory.change(&object.uid_or_empty(), |it| it.trouble = trouble);
    // Whatever is written as a whole carries the owner's tag.
    if let (Action::Put(_), Ok(Reply { operation: None, .. })) = (&call.action, &answer) {
        context.index.owns(&object.key(), call.errand.purpose != Purpose::HandOver);
    }
    // What was stored before the call stays known after it: an intent, or why the last one failed.
    facts.remember(object.current());
    facts.absorb(&call, answer.as_ref());

    if let (Ok(reply), Some(deed)) = (&answer, deed) {
        report::events(object, context, &[deed.taken(&call, reply)]).await;
    }
    let mut afterwards = facts.decide();
    context.ports.decided(object, &facts, &afterwards);
    // A Secret that goes with the object goes first, in a pass of its own.
    if afterwards.release && afterwards.secret.is_none() {
        return let_go(object, &facts, context, &afterwards.events).await;
    }
    let goes_on = afterwards.call.is_some() || afterwards.secret.is_some();
    let next = if goes_on { LookAgain::Now } else { afterwards.next };
    let (urgent, events) = (afterwards.urgent, std::mem::take(&mut afterwards.events));
    // The next call goes out in a pass of its own: until then nothing is to say that it was asked for.
    let status = afterwards.without_the_call();
    note_what_is_new(object, &status, context);
    let written = report::status(object, context, status).await?;
    tell_that_it_is_ready(&written, context);
    report::events(object, context, &events).await;
    let ending = if failed { Ending::Failed } else { Ending::Waits };
    Ok(Again { after: after(next, object), urgent, ending })
}

/// Is the object ready, as its status says of its own generation?
fn is_ready<K: Kind>(object: &K) -> bool {
    let conditions = conditions_of(object.conditions());
    let ready = conditions.get(ConditionType::Ready).filter(|_| conditions.is_true(ConditionType::Ready));
    ready.is_some_and(|it| it.observed_generation == Some(object.generation()))
}

/// Counts what a new status tells.
fn note_what_is_new<K: Kind, P: Ports>(object: &K, status: &K::Status, context: &Context<P>) {
    for what in K::counted(&object.current(), status) {
        context.telemetry.counted(K::KIND, &what);
    }
}

/// Counts how long it took, when an object has just got ready for the first time since its manifest was changed.
fn tell_that_it_is_ready<K: Kind, P: Ports>(object: &K, context: &Context<P>) {
    if !is_ready(object) {
        return;
    }
    let since = context.memory.change(&object.uid_or_empty(), |it| it.new_since.take());
    if let Some(since) = since {
        context.telemetry.got_ready(K::KIND, elapsed(since, context.ports.now()));
    }
}

/// The resource in Azure that an object stands for, as far as the cluster tells.
fn target<K: Kind, P: Ports>(
    object: &K,
    reader: &Arc<ObjectKey>,
    context: &Context<P>,
) -> Option<ResourceId> {
    let mut known = Known::nothing(lane(object), object.is_deleting(), context.options.served.clone());
    loop {
        let target = object.target(&mut known);
        let wanted = known.wants();
        if wanted.cluster.is_empty() {
            return target;
        }
        for read in wanted.cluster {
            let found = context.find(reader, &read);
            known.take_in_cluster(read, found);
        }
    }
}

/// Reads until the facts are whole, and says of which moment they are; and what will have to be measured later.
async fn read<K: Kind, P: Ports>(
    object: &K,
    reader: &Arc<ObjectKey>,
    moment: &mut Moment,
    context: &Context<P>,
) -> (K::Facts, BTreeSet<Due>) {
    let mut known = Known::nothing(lane(object), object.is_deleting(), context.options.served.clone());
    loop {
        // Reading takes time: what is seen is true of the moment when the last answer has come.
        moment.now = context.ports.now();
        let facts = gather(object, moment, &mut known);
        let wanted = known.wants();
        if wanted.cluster.is_empty() && wanted.azure.is_empty() && wanted.measured.is_empty() {
            context.index.rests_on(reader, known.rests_on());
            return (facts, wanted.foreseen);
        }
        for read in wanted.cluster {
            let found = context.find(reader, &read);
            known.take_in_cluster(read, found);
        }
        for due in wanted.measured {
            let answer = context.ports.measured(reader, &due);
            known.take_in_measured(due, answer);
        }
        for read in wanted.azure {
            let answer = context.ports.read(&read).await;
            let failed = answer.is_err();
            known.take_in_azure(read, answer);
            // What else was wanted may not be wanted any more.
            if failed {
                break;
            }
        }
    }
}

/// Takes the finalizer off. When somebody else changed the object meanwhile, it is still there.
async fn let_go<K: Kind, P: Ports>(
    object: &K,
    facts: &K::Facts,
    context: &Context<P>,
    events: &[Event],
) -> Result<Again, Refusal> {
    // Whoever sees that the object is gone finds that it went by its own deletion.
    context.memory.lets_go(object.key(), context.ports.now());
    report::release(object, context).await?;
    context.ports.let_go(object, facts, events);
    report::events(object, context, events).await;
    context.memory.forget(&object.uid_or_empty());
    Ok(Ending::Settled.again(object.interval()))
}

/// Remembers whether Azure could be read, who owns what was found there, and what became of an operation.
fn remember_look<P: Ports>(context: &Context<P>, (key, uid): (&ObjectKey, &str), situation: &mut Situation) {
    situation.take_in_operation();
    if situation.trouble.unreadable.is_none() {
        situation.trouble.last_read = Some(situation.now);
    }
    let (trouble, absent) = (situation.trouble.clone(), situation.ownership.absent.clone());
    context.memory.change(uid, |it| (it.trouble, it.absent) = (trouble, absent));
    if let Some(tagged) = &situation.ownership.tagged {
        context.index.owns(key, *tagged == Tagged::Us);
    }
}

/// Remembers since when a reference is missing, and what Azure took until a look finds nothing to write: while an operation
/// runs, nobody can say.
fn remember_what_was_decided<S, P: Ports>(
    context: &Context<P>,
    uid: &str,
    situation: &mut Situation,
    decision: &Decision<S>,
) {
    let Situation { now, operation, ownership, trouble, .. } = situation;
    trouble.missing = decision.missing;
    let looked = ownership.tagged.is_some() && trouble.unreadable.is_none();
    if looked && !decision.unkept && operation.under_way(*now).is_none() {
        trouble.written = None;
    }
    let (missing, written) = (trouble.missing, trouble.written.clone());
    context.memory.change(uid, |it| (it.trouble.missing, it.trouble.written) = (missing, written));
}

fn after<K: Object>(next: LookAgain, object: &K) -> Duration {
    match next {
        LookAgain::Now => Duration::ZERO,
        // Nobody is woken by what goes on in Azure, so no wait is longer than the interval.
        LookAgain::After(wait) => wait.min(object.interval()),
        // Spread over a tenth of the interval, or 10,000 objects would come back in one burst.
        LookAgain::Interval => {
            let interval = object.interval();
            interval.saturating_sub(interval / 1000 * spread(object))
        }
    }
}

/// A number below 100, another one for each object.
fn spread<K: Object>(object: &K) -> u32 {
    object.uid_or_empty().bytes().fold(0u32, |h, b| h.wrapping_mul(31).wrapping_add(b.into())) % 100
}

#[cfg(test)]
mod tests;
