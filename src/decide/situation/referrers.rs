//! Who still refers to a place that is being deleted: it goes when nobody does any more.

use std::collections::BTreeSet;
use std::time::Duration;

use super::{Situation, elapsed, in_seconds};
use crate::api::{DELETE_WHILE_IN_USE, Reason};
use crate::decide::Verdict;
use crate::decide::verdict::{Course, LookAgain};

/// A namespace that is being deleted is not held up for longer than this by what refers to a place in it.
const LONGEST: Duration = Duration::from_secs(900);

/// How many of them are named.
const NAMED: usize = 5;

/// The objects that refer to a place that is being deleted, and that it lets in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Referrers {
    /// Those of the place's own namespace, such as `DeploymentBinding taxi`, in order.
    pub own: Vec<String>,
    /// The namespace of each of the others. Who may see the place need not know what there is in other namespaces, so they
    /// are only counted.
    pub others: Vec<String>,
    /// One of them is not being deleted.
    pub stays: bool,
    /// The place goes all the same: its annotation says so.
    pub ignored: bool,
}

impl Referrers {
    /// How many they are, and what those are called that may be named; none where there is nobody.
    fn in_words(&self) -> Option<String> {
        let named = self.own.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
        let own = match self.own.len().saturating_sub(NAMED) {
            0 => named,
            more => format!("{named} and {more} more"),
        };
        let namespaces = self.others.iter().collect::<BTreeSet<_>>().len();
        let where_ = match namespaces {
            1 => "in another namespace".to_string(),
            several => format!("in {several} other namespaces"),
        };
        let others = match self.others.len() {
            1 => format!("1 object {where_}"),
            several => format!("{several} objects {where_}"),
        };
        match (self.own.is_empty(), self.others.is_empty()) {
            (true, true) => None,
            (false, true) => Some(own),
            (true, false) => Some(others),
            (false, false) => Some(format!("{own}; and {others}")),
        }
    }
}

impl Situation {
    /// A place that is being deleted stays while objects that it lets in refer to it.
    pub(in crate::decide) fn wait_for_referrers(&self) -> Option<Verdict> {
        let referrers = self.referrers.as_ref().filter(|it| self.deleting && !it.ignored)?;
        let who = referrers.in_words()?;
        let until = self.deleted_at.filter(|_| self.ownership.namespace_ends).map(|at| at + LONGEST);
        let left = until.map(|until| elapsed(self.now, until));
        if left.is_some_and(|left| left.is_zero()) {
            return None;
        }
        let then = match until {
            Some(until) => {
                format!("Its namespace is being deleted, so it goes at {} at the latest.", in_seconds(until))
            }
            None if referrers.stays => format!(
                "Delete them first; or set its annotation {DELETE_WHILE_IN_USE} to \"true\", and it goes at once, without a change in Azure, and they find it missing."
            ),
            None => "They are being deleted too.".into(),
        };
        let message = format!("It is being deleted, and stays while it is referred to by {who}. {then}");
        let mut verdict = Verdict::blocked(Reason::InUse, message);
        if referrers.stays && until.is_none() {
            verdict.course = Course::Stalled;
        }
        verdict.next = left.map_or(LookAgain::Interval, LookAgain::After);
        Some(verdict)
    }

    /// Whoever is left behind by a place that goes is told of.
    pub(super) fn tell_who_is_left(&self, mut verdict: Verdict) -> Verdict {
        let left = self.referrers.as_ref().and_then(Referrers::in_words);
        if let Some(who) = left.filter(|_| self.deleting && verdict.release) {
            let told = format!(" It is still referred to by {who}.");
            verdict.message += &told;
            for event in &mut verdict.events {
                event.note += &told;
            }
        }
        verdict
    }
}
