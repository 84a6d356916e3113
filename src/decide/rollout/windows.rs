//! The times in which rollouts may go on.

mod schedule;

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use self::schedule::Schedule;
use crate::api::{Window, WindowKind};

/// So many begins of a window that lasts until the next one are looked at, where those of one hour or day that come every minute
/// count once: a window that begins at every minute never ends.
const BEGINS: usize = 300;
/// So many begins and ends of windows are looked at for the next change.
const CHANGES: usize = 200;

/// The windows of one owner.
#[derive(Debug, Clone)]
pub struct Windows {
    all: Vec<Result<Opening, String>>,
    owner: String,
}

/// A window that can be read.
#[derive(Debug, Clone)]
struct Opening {
    name: String,
    kind: WindowKind,
    schedule: Schedule,
    zone: TimeZone,
    duration: Duration,
}

impl Windows {
    /// From the manifest; the owner is for sentences, such as `Workspace prod`.
    pub fn read(windows: &[Window], owner: &str) -> Self {
        Self { all: windows.iter().map(Opening::read).collect(), owner: owner.into() }
    }

    /// There are none: rollouts go on at any time.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// What keeps rollouts from going on at this moment, for a sentence; none where they may go on. A window that cannot be read
    /// keeps them: nobody can say when it is open.
    pub fn closed_by(&self, moment: Timestamp) -> Option<String> {
        let owner = &self.owner;
        if let Some(why) = self.all.iter().find_map(|it| it.as_ref().err()) {
            return Some(format!("{why} ({owner})"));
        }
        let inside = |it: &&Opening| it.latest_begin(moment).is_some();
        let of = |kind| self.openings().filter(move |it| it.kind == kind);
        if let Some(denies) = of(WindowKind::Deny).find(inside) {
            return Some(format!("window {} (Deny) of {owner}", denies.name));
        }
        let names: Vec<&str> = of(WindowKind::Allow).map(|it| it.name.as_str()).collect();
        let outside = !names.is_empty() && !of(WindowKind::Allow).any(|it| inside(&it));
        outside.then(|| format!("no window of {owner} allows it now ({})", names.join(", ")))
    }

    /// The first moment from this one on at which they may let rollouts go on, as far as one window tells; none where none is known.
    fn open_not_before(&self, moment: Timestamp) -> Option<Timestamp> {
        let lasts = |it: &&Opening| it.latest_begin(moment).is_some();
        let of = |kind| self.openings().filter(move |it| it.kind == kind);
        let denied = of(WindowKind::Deny).filter(lasts).map(|it| it.changes_at(moment));
        let mut allows = of(WindowKind::Allow).peekable();
        let outside = allows.peek().is_some() && !of(WindowKind::Allow).any(|it| lasts(&it));
        let allowed = if outside {
            allows.filter_map(|it| it.schedule.after(moment, &it.zone)).min()
        } else {
            Some(moment)
        };
        denied.chain([allowed]).try_fold(moment, |latest, at| Some(latest.max(at?)))
    }

    /// All of them can be read.
    fn are_legible(&self) -> bool {
        self.all.iter().all(Result::is_ok)
    }

    fn openings(&self) -> impl Iterator<Item = &Opening> {
        self.all.iter().filter_map(|it| it.as_ref().ok())
    }
}

/// What keeps rollouts from going on where all of these have a say.
pub fn closed_by(all: &[Windows], moment: Timestamp) -> Option<String> {
    all.iter().find_map(|it| it.closed_by(moment))
}

/// When that changes next; none where nobody can say, or where it never does.
pub fn changes_at(all: &[Windows], now: Timestamp) -> Option<Timestamp> {
    if !all.iter().all(Windows::are_legible) {
        return None;
    }
    if closed_by(all, now).is_some() {
        return opens_at(all, now);
    }
    let mut openings: Vec<(&Opening, Option<Timestamp>)> =
        all.iter().flat_map(Windows::openings).map(|it| (it, it.changes_at(now))).collect();
    // What denies for good decides alone, and what never changes is looked at once: that may take long.
    let for_good =
        |(it, change): &(&Opening, Option<Timestamp>)| it.kind == WindowKind::Deny && change.is_none();
    if openings.iter().any(for_good) {
        return None;
    }
    for _ in 0..CHANGES {
        let moment = openings.iter().filter_map(|(_, change)| *change).min()?;
        if closed_by(all, moment).is_some() {
            return Some(moment);
        }
        for (it, change) in openings.iter_mut().filter(|(_, change)| *change == Some(moment)) {
            *change = it.changes_at(moment);
        }
    }
    None
}

/// When rollouts may go on again. What opens and closes while another window keeps them anyway is not looked at: a month without
/// rollouts may have thousands of such changes.
fn opens_at(all: &[Windows], now: Timestamp) -> Option<Timestamp> {
    let mut moment = now;
    for _ in 0..CHANGES {
        let at = |latest: Timestamp, it: &Windows| Some(latest.max(it.open_not_before(moment)?));
        let next = all.iter().try_fold(moment, at)?;
        if next == moment {
            return Some(moment);
        }
        moment = next;
    }
    None
}

impl Opening {
    fn read(window: &Window) -> Result<Self, String> {
        let name = &window.name;
        let zone = window.time_zone.as_deref().unwrap_or("UTC");
        let zone = TimeZone::get(zone)
            .map_err(|_| format!("window {name} has a time zone that nobody knows, {zone}"))?;
        let schedule = Schedule::parse(&window.schedule).map_err(|why| {
            format!(
                "window {name} has a schedule that never comes or cannot be read, {}: {why}",
                window.schedule
            )
        })?;
        Ok(Self {
            name: name.clone(),
            kind: window.kind,
            schedule,
            zone,
            duration: window.duration.duration(),
        })
    }

    /// A begin of the window after which it still lasts at this moment.
    fn latest_begin(&self, moment: Timestamp) -> Option<Timestamp> {
        let ended = moment.checked_sub(self.duration).ok()?;
        self.schedule.after(ended, &self.zone).filter(|begin| *begin <= moment)
    }

    /// When the window begins next or, where it lasts now, when it ends; none where it does not, as far as anybody looks.
    fn changes_at(&self, moment: Timestamp) -> Option<Timestamp> {
        let Some(mut begin) = self.latest_begin(moment) else {
            return self.schedule.after(moment, &self.zone);
        };
        for _ in 0..BEGINS {
            let end = begin.checked_add(self.duration).ok()?;
            match self.schedule.after(begin, &self.zone).filter(|next| *next <= end) {
                Some(next) => begin = self.schedule.last_in_a_row(next, &self.zone),
                None => return Some(end),
            }
        }
        None
    }
}

#[cfg(test)]
mod tests;
