//! The shell, as `controller::pass` is: gather, decide, report, act, report. A crash may come after
//! every effect, and then all that this process remembered is lost.

use std::collections::HashMap;

use jiff::Timestamp;

use super::cluster::Object;
use super::kinds::Kind;
use super::world::World;
use crate::api::Management;
use crate::azure::model::Lane;
use crate::decide::{
    Claimant, Facts, Failure, Followed, LookAgain, Mode, Owner, Ownership, Situation, Trouble,
};

/// What this process remembers of an object between passes.
#[derive(Debug, Clone, Default)]
pub struct Remembered {
    pub failure: Option<Failure>,
    pub unreadable: Option<Failure>,
    generation: i64,
    last_read: Option<Timestamp>,
    /// The version of our own last write.
    written: u64,
}

/// What this process remembers, by uid.
pub type Memory = HashMap<u64, Remembered>;

/// The process died in the middle of a pass.
#[derive(Debug)]
pub struct Crash;

/// When the shell looks again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Again {
    /// The cluster did not take a write, or the cache is behind.
    Soon,
    After(LookAgain),
    /// There is no such object any more.
    Never,
}

/// One pass over an object, as the cache has it.
pub fn pass<K: Kind>(world: &mut World, name: &str) -> Result<Again, Crash> {
    let Some(object) = K::table(&world.cluster).cache.get(name).cloned() else { return Ok(Again::Never) };
    let remembered = recall(world, &object);
    if object.version < remembered.written {
        return Ok(Again::Soon);
    }
    if object.deleting && !object.finalizer {
        return Ok(Again::Never);
    }
    let situation = situation(world, &object, remembered);
    let may_inherit = situation.may_inherit() && K::let_in(&object, &world.cluster);
    let mut facts = K::gather(world, &object, situation);
    remember_look(world, object.uid, facts.situation());

    let decision = facts.decide();
    world.decided::<K>(&object, &facts, &decision);
    if decision.release {
        world.effect()?;
        world.cluster.write(&object, |o| o.finalizer = false);
        world.released::<K>(&object, &facts);
        world.memory.remove(&object.uid);
        return Ok(Again::Soon);
    }
    let Some(mut written) = write_status(world, &object, decision.status)? else { return Ok(Again::Soon) };
    if decision.call.is_some() || may_inherit {
        let Some(held) = hold(world, written)? else { return Ok(Again::Soon) };
        written = held;
    }
    let Some(call) = decision.call else {
        if decision.settled {
            world.memory.entry(object.uid).or_default().failure = None;
        }
        return Ok(Again::After(decision.next));
    };

    world.about_to_call::<K>(&object, &facts, &call);
    let answer = world.send(&call)?;
    world.effect()?;
    let now = world.now;
    facts.situation().take_in_answer(&call, answer.as_ref(), now);
    world.memory.entry(object.uid).or_default().failure.clone_from(&facts.situation().trouble.failure);
    facts.remember(written.status.clone());
    facts.absorb(&call, answer.as_ref());

    let afterwards = facts.decide();
    if write_status(world, &written, afterwards.status)?.is_none() {
        return Ok(Again::Soon);
    }
    Ok(Again::After(if afterwards.call.is_some() { LookAgain::Now } else { afterwards.next }))
}

fn recall<K: Kind>(world: &mut World, object: &Object<K>) -> Remembered {
    let it = world.memory.entry(object.uid).or_default();
    if it.generation != object.generation {
        it.generation = object.generation;
        it.failure = None;
        it.unreadable = None;
    }
    it.clone()
}

fn situation<K: Kind>(world: &World, object: &Object<K>, remembered: Remembered) -> Situation {
    let (suspend, management, _) = K::settings(&object.spec);
    let mode = match (suspend, management) {
        (_, Management::Observe) => Mode::Observe,
        _ if world.observe_only => Mode::ObserveOnly,
        (true, _) => Mode::Suspended,
        _ => Mode::Act,
    };
    let target = K::target(object, &world.cluster);
    let rivals = |other: &&Object<K>| {
        other.uid != object.uid && target.is_some() && K::target(other, &world.cluster) == target
    };
    let rivals = || K::table(&world.cluster).cache.values().filter(rivals);
    let claimants = rivals().filter(|o| !o.deleting && K::let_in(o, &world.cluster));
    let claimants = claimants.map(|o| Claimant {
        name: o.full_name(),
        created: o.created,
        manages: K::settings(&o.spec).1 == Management::Manage,
        holds: o.finalizer,
    });
    Situation {
        now: world.now,
        generation: object.generation,
        deleting: object.deleting,
        mode,
        interval: K::interval(&object.spec),
        lane: Lane::Routine,
        ownership: Ownership {
            owner: Owner { cluster: "prod".into(), object: object.full_name() },
            created: object.created,
            one_namespace: false,
            claimants: claimants.collect(),
            leaving: rivals().filter(|o| o.deleting && o.finalizer).map(Object::full_name).collect(),
        },
        trouble: Trouble {
            failure: remembered.failure,
            unreadable: remembered.unreadable,
            last_read: remembered.last_read,
        },
        operation: Followed::default(),
    }
}

fn remember_look(world: &mut World, uid: u64, situation: &mut Situation) {
    situation.take_in_operation();
    let it = world.memory.entry(uid).or_default();
    it.failure.clone_from(&situation.trouble.failure);
    it.unreadable.clone_from(&situation.trouble.unreadable);
    if situation.trouble.unreadable.is_none() {
        it.last_read = Some(situation.now);
    }
}

/// Writes the status where it differs. None when somebody else was quicker, or the write was lost.
fn write_status<K: Kind>(
    world: &mut World,
    seen: &Object<K>,
    status: K::Status,
) -> Result<Option<Object<K>>, Crash> {
    if seen.status == status {
        return Ok(Some(seen.clone()));
    }
    world.status_writes += 1;
    world.note(|| format!("{} {} status: {}", K::WORD, seen.name, told::<K>(&status)));
    if world.chance(0.04) {
        return Ok(None); // the API server did not take it
    }
    let written = world.cluster.write(seen, |o| o.status = status);
    world.effect()?;
    // The answer may be lost although the write was made.
    let written = written.filter(|_| !world.chance(0.03));
    remember_write(world, written.as_ref());
    Ok(written)
}

fn hold<K: Kind>(world: &mut World, object: Object<K>) -> Result<Option<Object<K>>, Crash> {
    if object.finalizer || object.deleting {
        return Ok(Some(object));
    }
    let written = world.cluster.write(&object, |o| o.finalizer = true);
    world.effect()?;
    remember_write(world, written.as_ref());
    Ok(written)
}

fn remember_write<K: Kind>(world: &mut World, written: Option<&Object<K>>) {
    if let Some(object) = written {
        let it = world.memory.entry(object.uid).or_default();
        it.written = it.written.max(object.version);
    }
}

/// Ready, in words.
pub fn told<K: Kind>(status: &K::Status) -> String {
    let ready = K::conditions(status).iter().find(|c| c.type_ == "Ready");
    ready.map_or_else(|| "none".into(), |c| format!("{} {}: {}", c.status, c.reason, c.message))
}
