//! The way of one change: gather, decide, report, act, report. The same for every kind.
//!
//! Nothing waits inside a pass. The status is written before a call, so that an intent is stored when
//! the call goes out, and after it, so that what Azure answered is seen at once.

use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use jiff::Timestamp;
use kube::ResourceExt;
use kube::runtime::controller::Action;
use tracing::{error, info, warn};

use super::context::Context;
use super::kind::Kind;
use super::report::{self, Written};
use crate::api::Management;
use crate::azure::model::Lane;
use crate::decide::{Event, Facts, Followed, LookAgain, Mode, Owner, Ownership, Situation, Trouble};

/// After the cluster did not take a write, or the cache is behind.
const SOON: Duration = Duration::from_millis(250);
/// After a bug of ours.
const AFTER_PANIC: Duration = Duration::from_secs(60);

/// One pass, which never fails and never panics: what goes wrong is logged and tried again.
pub async fn pass<K: Kind>(object: Arc<K>, context: Arc<Context>) -> Result<Action, Infallible> {
    let name = format!("{} {}", K::kind(&()), object.full_name());
    match AssertUnwindSafe(steps::<K>(&object, &context)).catch_unwind().await {
        Ok(Ok(next)) => {
            context.memory.write_was_taken(&object.uid().unwrap_or_default());
            Ok(Action::requeue(next))
        }
        Ok(Err(error)) => {
            let uid = object.uid().unwrap_or_default();
            let times = context.memory.change(&uid, |it| {
                it.refused += 1;
                it.refused
            });
            let wait = (SOON * 4).saturating_mul(1 << times.min(8));
            warn!(object = %name, error = %report::plain(&error), ?wait, "the cluster did not take a write; trying again");
            Ok(Action::requeue(wait))
        }
        Err(_) => {
            error!(object = %name, "a pass panicked; trying again later");
            Ok(Action::requeue(AFTER_PANIC))
        }
    }
}

async fn steps<K: Kind>(object: &Arc<K>, context: &Context) -> Result<Duration, kube::Error> {
    let (uid, generation) = (object.uid().unwrap_or_default(), object.meta().generation.unwrap_or_default());
    let remembered = context.memory.recall(&uid, generation);
    // No pass acts on a cached object older than our own last write to it.
    if report::version(object.as_ref()) < remembered.written {
        return Ok(SOON);
    }
    let deleting = object.meta().deletion_timestamp.is_some();
    if deleting && !object.holds() {
        return Ok(object.interval());
    }
    let target = object.target(&context.stores);
    let _alone = match &target {
        Some(id) => Some(context.lock(id).await),
        None => None,
    };
    let now = Timestamp::now();
    let situation = Situation {
        now,
        generation,
        deleting,
        mode: mode(object.as_ref(), context),
        interval: object.interval(),
        lane: Lane::Routine,
        ownership: Ownership {
            owner: Owner { cluster: context.options.cluster.clone(), object: object.full_name() },
            created: object.created(),
            one_namespace: context.options.namespace.is_some(),
            claimants: object.claimants(&context.stores),
            leaving: object.leaving(&context.stores),
        },
        trouble: Trouble {
            failure: remembered.failure,
            unreadable: remembered.unreadable,
            last_read: remembered.last_read,
        },
        operation: Followed::default(),
    };
    let may_inherit = situation.may_inherit() && object.let_in(&context.stores);
    let mut facts = object.gather(context, situation).await;
    remember_look(context, &uid, facts.situation());

    let decision = facts.decide();
    if decision.release {
        return let_go(object.as_ref(), context, &decision.events).await;
    }
    let Written::Yes(mut written) = report::status(object.as_ref(), context, decision.status).await? else {
        return Ok(SOON);
    };
    if !deleting && (decision.call.is_some() || may_inherit) {
        let Written::Yes(held) = report::hold(&written, context).await? else { return Ok(SOON) };
        written = held;
    }
    let Some(call) = decision.call else {
        if decision.settled {
            context.memory.change(&uid, |it| it.failure = None);
        }
        report::events(object.as_ref(), context, &decision.events).await;
        return Ok(after(decision.next, object.as_ref()));
    };
    report::events(object.as_ref(), context, &decision.events).await;

    info!(object = %object.full_name(), kind = %K::kind(&()), resource = %call.resource, "about to {}", call.doing);
    let answer = context.azure.send(&call).await;
    if let Err(error) = &answer {
        warn!(object = %object.full_name(), %error, "could not {}", call.doing);
    }
    facts.situation().take_in_answer(&call, answer.as_ref(), Timestamp::now());
    context.memory.change(&uid, |it| it.failure.clone_from(&facts.situation().trouble.failure));
    // What was stored before the call stays known after it: an intent, or why the last one failed.
    facts.remember(written.current());
    facts.absorb(&call, answer.as_ref());

    let afterwards = facts.decide();
    if afterwards.release {
        return let_go(&written, context, &afterwards.events).await;
    }
    let Written::Yes(_) = report::status(&written, context, afterwards.status).await? else {
        return Ok(SOON);
    };
    let next = if afterwards.call.is_some() { LookAgain::Now } else { afterwards.next };
    Ok(after(next, object.as_ref()))
}

/// Takes the finalizer off. When somebody else changed the object meanwhile, it is still there.
async fn let_go<K: Kind>(object: &K, context: &Context, events: &[Event]) -> Result<Duration, kube::Error> {
    let Written::Yes(_) = report::release(object, context).await? else { return Ok(SOON) };
    for event in events {
        info!(object = %object.full_name(), kind = %K::kind(&()), "let go: {}", event.note);
    }
    report::events(object, context, events).await;
    context.memory.forget(&object.uid().unwrap_or_default());
    Ok(object.interval())
}

fn mode<K: Kind>(object: &K, context: &Context) -> Mode {
    match object.mode() {
        (_, Management::Observe, _) => Mode::Observe,
        _ if context.options.observe_only => Mode::ObserveOnly,
        (true, _, _) => Mode::Suspended,
        _ => Mode::Act,
    }
}

/// Remembers whether Azure could be read, and what became of an operation.
fn remember_look(context: &Context, uid: &str, situation: &mut Situation) {
    situation.take_in_operation();
    context.memory.change(uid, |it| {
        it.failure.clone_from(&situation.trouble.failure);
        it.unreadable.clone_from(&situation.trouble.unreadable);
        if situation.trouble.unreadable.is_none() {
            it.last_read = Some(situation.now);
        }
    });
}

fn after<K: Kind>(next: LookAgain, object: &K) -> Duration {
    match next {
        LookAgain::Now => Duration::ZERO,
        LookAgain::After(wait) => wait,
        // Spread over a tenth of the interval, or 10,000 objects would come back in one burst.
        LookAgain::Interval => {
            let interval = object.interval();
            let spread = object
                .uid()
                .unwrap_or_default()
                .bytes()
                .fold(0u32, |h, b| h.wrapping_mul(31).wrapping_add(b.into()))
                % 100;
            interval.saturating_sub(interval / 1000 * spread)
        }
    }
}

#[cfg(test)]
mod tests;
