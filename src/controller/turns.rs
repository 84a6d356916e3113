//! Whose turn it is: which of the objects that are due gets the next free place.
//!
//! The places are few, so that one process does not ask for more than the API server and Azure can answer. While all of them
//! are taken, the objects that are due wait in four lines, one for each [`Lane`]. What takes traffic back always goes first. Of
//! the other lines each gets its share of the places, so that a flood in one does not hold up the others. Within a line the
//! namespaces take turns, and the objects of a namespace go in the order in which they came.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use crate::api::{ObjectKey, ObjectKind};
use crate::azure::model::Lane;

/// How the lines share the places, where there are objects in all of them. A line without objects leaves its places to the
/// others, the more urgent ones first.
const SHARES: [Lane; 7] =
    [Lane::Edit, Lane::Rollout, Lane::Edit, Lane::Rollout, Lane::Edit, Lane::Rollout, Lane::Routine];

/// The objects of which this is known: those that are looked at later, those that wait for a place, and those that have one.
/// `T` is a moment.
#[derive(Debug)]
pub struct Turns<T> {
    objects: HashMap<Arc<ObjectKey>, State<T>>,
    /// What is due later, in the order of the time.
    later: BTreeSet<(T, Arc<ObjectKey>)>,
    lines: [Line; 4],
    /// How many wait in the lines.
    waiting: usize,
    /// How many have begun to wait since somebody asked.
    entered: u64,
    /// Where in [`SHARES`] the next choice begins.
    share: usize,
    /// So many have been put into a line: the number of each place there.
    numbers: u64,
}

#[derive(Debug)]
enum State<T> {
    /// Due at this time. `urgent`: to take traffic back.
    Later { at: T, urgent: bool },
    /// In a line, since this time. The number tells its place from one that it had in another line.
    Waiting { lane: Lane, number: u64, since: T },
    /// A pass over it goes on. Where something has woken it meanwhile, it gets another one, as urgent as this.
    Running { again: Option<Lane> },
}

/// Those that wait for a place and are equally urgent.
#[derive(Debug, Default)]
struct Line {
    /// The namespaces of which objects wait, in the order of their turns.
    namespaces: VecDeque<Box<str>>,
    /// A number that is no longer the object's is skipped: the object has moved to another line.
    waiting: HashMap<Box<str>, VecDeque<(Arc<ObjectKey>, u64)>>,
}

/// When an object is looked at next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Next<T> {
    /// When.
    pub at: T,
    /// It waits to take traffic back.
    pub urgent: bool,
}

/// How urgent a look at an object is that is itself as urgent as `own`, once an object of the kind `because` has changed. Who
/// approves of something, or says something to a rollout, waits for the answer as whoever edits the manifest does.
pub fn woken(own: Lane, because: Option<ObjectKind>) -> Lane {
    match because {
        Some(ObjectKind::Approval | ObjectKind::RolloutAction) => own.min(Lane::Edit),
        _ => own,
    }
}

impl<T> Default for Turns<T> {
    fn default() -> Self {
        Self {
            objects: HashMap::new(),
            later: BTreeSet::new(),
            lines: Default::default(),
            waiting: 0,
            entered: 0,
            share: 0,
            numbers: 0,
        }
    }
}

impl<T: Ord + Copy> Turns<T> {
    /// Something has changed that concerns this object: it is due now.
    pub fn wake(&mut self, key: &Arc<ObjectKey>, lane: Lane, now: T) {
        match self.objects.get_mut(key) {
            Some(State::Running { again }) => *again = Some(again.map_or(lane, |before| before.min(lane))),
            Some(State::Waiting { lane: before, .. }) if *before <= lane => {}
            Some(State::Waiting { since, .. }) => {
                let since = *since;
                self.put_into_line(key.clone(), lane, since);
            }
            Some(State::Later { at, urgent }) => {
                let lane = if *urgent { Lane::TakingBack } else { lane };
                self.later.remove(&(*at, key.clone()));
                self.enter();
                self.put_into_line(key.clone(), lane, now);
            }
            None => {
                self.enter();
                self.put_into_line(key.clone(), lane, now);
            }
        }
    }

    /// The object that gets the next free place, and since when it was due; none where none is. A pass over it begins, and
    /// [ends](Self::ended).
    pub fn take(&mut self, now: T, lane_of: impl Fn(&ObjectKey) -> Lane) -> Option<(Arc<ObjectKey>, T)> {
        while let Some((at, _)) = self.later.first()
            && *at <= now
            && let Some((at, key)) = self.later.pop_first()
        {
            let urgent = matches!(self.objects.get(&key), Some(State::Later { urgent: true, .. }));
            let lane = if urgent { Lane::TakingBack } else { lane_of(&key) };
            self.enter();
            self.put_into_line(key, lane, at);
        }
        let share = SHARES[self.share];
        let lanes = [Lane::TakingBack, share, Lane::Edit, Lane::Rollout, Lane::Routine];
        let (lane, key) = lanes.into_iter().find_map(|lane| Some((lane, self.take_from(lane)?)))?;
        if lane != Lane::TakingBack {
            self.share = (self.share + 1) % SHARES.len();
        }
        self.waiting -= 1;
        match self.objects.insert(key.clone(), State::Running { again: None }) {
            Some(State::Waiting { since, .. }) => Some((key, since)),
            _ => Some((key, now)),
        }
    }

    /// The pass over this object has come to its end. `next`: none where the object is gone.
    pub fn ended(&mut self, key: &Arc<ObjectKey>, next: Option<Next<T>>, now: T) {
        let again = match self.objects.remove(key) {
            Some(State::Running { again }) => again,
            _ => None,
        };
        match (again, next) {
            (Some(lane), next) => {
                let urgent = next.is_some_and(|next| next.urgent);
                self.wake(key, if urgent { Lane::TakingBack } else { lane }, now);
            }
            (None, Some(Next { at, urgent })) => {
                self.later.insert((at, key.clone()));
                self.objects.insert(key.clone(), State::Later { at, urgent });
            }
            (None, None) => {}
        }
    }

    /// How many wait for a place.
    pub fn waiting(&self) -> usize {
        self.waiting
    }

    /// How many have begun to wait since this was asked last.
    pub fn entered(&mut self) -> u64 {
        std::mem::take(&mut self.entered)
    }

    fn enter(&mut self) {
        self.waiting += 1;
        self.entered += 1;
    }

    /// Has something woken this object while a pass over it goes on?
    #[cfg(test)]
    pub fn is_woken_again(&self, key: &ObjectKey) -> bool {
        matches!(self.objects.get(key), Some(State::Running { again: Some(_) }))
    }

    /// When the first of those is due that are looked at later.
    pub fn due(&self) -> Option<T> {
        self.later.first().map(|(at, _)| *at)
    }

    fn put_into_line(&mut self, key: Arc<ObjectKey>, lane: Lane, since: T) {
        self.numbers += 1;
        let number = self.numbers;
        self.lines[lane as usize].put(key.clone(), number);
        self.objects.insert(key, State::Waiting { lane, number, since });
    }

    fn take_from(&mut self, lane: Lane) -> Option<Arc<ObjectKey>> {
        let Self { lines, objects, .. } = self;
        lines[lane as usize].take(|key, number| {
            matches!(objects.get(key), Some(State::Waiting { number: now, .. }) if *now == number)
        })
    }
}

impl Line {
    fn put(&mut self, key: Arc<ObjectKey>, number: u64) {
        let of_namespace = self.waiting.entry(key.namespace.clone()).or_default();
        if of_namespace.is_empty() {
            self.namespaces.push_back(key.namespace.clone());
        }
        of_namespace.push_back((key, number));
    }

    fn take(&mut self, is_still_here: impl Fn(&ObjectKey, u64) -> bool) -> Option<Arc<ObjectKey>> {
        while let Some(namespace) = self.namespaces.pop_front() {
            let Some(of_namespace) = self.waiting.get_mut(&namespace) else { continue };
            let mut found = None;
            while found.is_none()
                && let Some((key, number)) = of_namespace.pop_front()
            {
                found = is_still_here(&key, number).then_some(key);
            }
            if of_namespace.is_empty() {
                self.waiting.remove(&namespace);
            } else {
                self.namespaces.push_back(namespace);
            }
            if found.is_some() {
                return found;
            }
        }
        None
    }
}

#[cfg(test)]
mod tests;
