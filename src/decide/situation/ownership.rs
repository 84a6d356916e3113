//! Who owns what in Azure. The owner's tag decides while the object that it names lives, whatever the ages of others are; age
//! decides only between objects of which the tag names none. What belongs to a namespace stays there.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;

use super::{Mode, Situation, Watched, elapsed, in_seconds};
use crate::api::{Drift, Reason};
use crate::azure::model::resource::Strings;
use crate::azure::model::{Call, ResourceId};
use crate::decide::digest::short_hash;
use crate::decide::places::TO_DELETE_NOW;
use crate::decide::{Place, Verdict};

/// The tag that names the owner: `<cluster>/<namespace>/<name>`.
pub const OWNER_TAG: &str = "bindery-owner";

/// What ARM takes as the value of a tag, in characters.
const TAG_VALUE: usize = 256;

/// An owner whose object is not in the cluster may come back, as while a backup is restored: for so long after a process
/// first saw its absence nobody inherits.
pub const GRACE: Duration = Duration::from_secs(300);

/// An owner, as its tag says it. Whoever has a name that is too long for a tag has it shortened in `object`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// The id of the cluster, chosen by the installer, so that a restored cluster is the same one.
    pub cluster: String,
    /// `namespace/name` of the object.
    pub object: String,
}

impl Owner {
    /// The owner with this `namespace/name`. Where the tag would be too long, the name ends with `~` and eight digits of its
    /// hash: no name in Kubernetes contains that character.
    pub fn new(cluster: &str, object: &str) -> Self {
        let room = TAG_VALUE.saturating_sub(cluster.chars().count() + 1);
        let object = if object.chars().count() <= room {
            object.to_string()
        } else {
            let hash = short_hash(object, 4);
            let head: String = object.chars().take(room.saturating_sub(hash.len() + 1)).collect();
            format!("{head}~{hash}")
        };
        Self { cluster: cluster.into(), object }
    }

    /// Reads the tag of a resource; none where it has no owner, or one that nobody can read.
    pub fn of(tags: &Strings) -> Option<Self> {
        let (cluster, object) = tags.get(OWNER_TAG)?.split_once('/')?;
        Some(Self { cluster: cluster.into(), object: object.into() })
    }

    /// Is it the object with this `namespace/name`?
    pub fn is(&self, object: &str) -> bool {
        *self == Self::new(&self.cluster, object)
    }

    /// Was its name too long for the tag?
    pub fn is_cut(&self) -> bool {
        self.object.contains('~')
    }

    /// The namespace of the object.
    pub fn namespace(&self) -> &str {
        self.object.split('/').next().unwrap_or_default()
    }

    /// The name of the object, as far as the tag has room for it.
    pub fn name(&self) -> &str {
        self.object.split_once('/').map_or("", |(_, name)| name)
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.cluster, self.object)
    }
}

/// Who an object is in the tags of what it owns, and who else names the same resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ownership {
    /// Who we are in the tags of what we own.
    pub owner: Owner,
    /// `metadata.creationTimestamp`.
    pub created: Timestamp,
    /// What the operator watches: in other namespaces, what is gone and what it cannot see look the same.
    pub watched: Watched,
    /// Our namespace is being deleted: whoever is in it goes too, and nobody comes.
    pub namespace_ends: bool,
    /// Whether its place lets it put there what it stands for, and lay claim to it.
    pub right: Right,
    /// Whether its place lets it take over what exists.
    pub adopting: Adopting,
    /// The other live objects of this cluster that name the same resource in Azure.
    pub claimants: Vec<Claimant>,
    /// `namespace/name` of those that are being deleted, and that a finalizer still holds.
    pub leaving: Vec<String>,
    /// Whom the tags of the resource name; none where nothing was found.
    pub tagged: Option<Tagged>,
    /// The owner that the tags named and whose object was not there, and since when.
    pub absent: Option<(Owner, Timestamp)>,
}

/// May an object put something into a place, and change it there?
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Right {
    /// Yes.
    Granted,
    /// No.
    Denied {
        /// Why, without a full stop.
        briefly: String,
        /// Why, and what to do, in sentences.
        because: String,
    },
    /// Nobody can say: that depends on something that the operator does not watch.
    NotWatched {
        /// A sentence that says what to do.
        because: String,
    },
}

impl Right {
    /// It may, unless there is a reason why not.
    pub fn unless(refused: Option<String>) -> Self {
        refused.map_or(Self::Granted, |because| Self::Denied { briefly: because.clone(), because })
    }
}

/// What a place says of taking over what exists in Azure and nobody owns.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Adopting {
    /// `spec.adoption` is `Allow`.
    pub allowed: bool,
    /// Whose word that is: `Registry team-a/models`. Empty where there is no such place.
    pub said_by: String,
}

/// Whom the tags of a resource name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tagged {
    /// Nobody, or somebody of another cluster.
    NoneOfThisCluster,
    /// This object.
    Us,
    /// Another object of this cluster.
    Other(Owner, Standing),
}

/// What the cluster knows of an object that the owner's tag of a resource names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// It names the resource, or may: nobody knows yet where its place is.
    Lives {
        /// It is being deleted, and a finalizer still holds it.
        going: bool,
    },
    /// It is there, and stands for another resource.
    Elsewhere,
    /// This process has let it go.
    LetGo,
    /// It is not there: this process saw that first at this time.
    Absent(Timestamp),
}

/// Another object that names the same resource in Azure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claimant {
    /// `namespace/name`.
    pub name: String,
    /// Its creation time.
    pub created: Timestamp,
    /// Its `management` is `Manage`: it could look after the resource.
    pub manages: bool,
    /// It could inherit now: it has our finalizer, and its status knows which tag keys are the owner's.
    pub prepared: bool,
}

impl Claimant {
    fn namespace(&self) -> &str {
        self.name.split('/').next().unwrap_or_default()
    }
}

impl Ownership {
    /// The oldest of these objects, if it is older than we are. Of the same second, the first by name is.
    fn oldest<'a>(&self, among: impl Iterator<Item = &'a Claimant>) -> Option<&'a str> {
        among
            .filter(|c| (c.created, c.name.as_str()) < (self.created, self.owner.object.as_str()))
            .min_by(|a, b| (a.created, &a.name).cmp(&(b.created, &b.name)))
            .map(|c| c.name.as_str())
    }

    /// True when the tags name exactly this object.
    pub fn owns(&self, tags: &Strings) -> bool {
        Owner::of(tags).is_some_and(|owner| owner == self.owner)
    }

    /// The other claimants of our namespace: nobody else inherits.
    pub fn heirs(&self) -> impl Iterator<Item = &Claimant> {
        self.claimants.iter().filter(|c| c.namespace() == self.owner.namespace())
    }

    /// The one of them that inherits: the oldest that could look after the resource.
    pub(in crate::decide) fn heir(&self) -> Option<&Claimant> {
        self.heirs().min_by_key(|c| (!c.manages, c.created, &c.name))
    }

    /// What the cluster knows of the owner that these tags name. Tags that came with the answer to a call may name another
    /// one than those that were read before it.
    fn standing(&self, owner: &Owner, now: Timestamp) -> Standing {
        match &self.tagged {
            Some(Tagged::Other(read, standing)) if read == owner => standing.clone(),
            _ if self.claimants.iter().any(|c| owner.is(&c.name)) => Standing::Lives { going: false },
            _ if self.leaving.iter().any(|name| owner.is(name)) => Standing::Lives { going: true },
            _ => Standing::Absent(now),
        }
    }
}

/// Why a resource is not ours to act on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotOurs {
    /// It belongs to somebody else: who, in words, and the owner that the tag names where that may be gone for good; none where it
    /// is an object that is there.
    Theirs(String, Option<Owner>),
    /// It exists and belongs to nobody, and its place lets nobody take it over.
    Unowned,
    /// It belongs to an object of our namespace that is being deleted, and will be handed over.
    Going(String),
    /// Its owner, of our namespace, is not in the cluster; from this time on it is inherited.
    Missing(String, Timestamp),
}

impl Situation {
    /// Why a resource with these tags is not ours to act on; none when it is ours or free. The tags are none where there is
    /// no resource. What is only observed may have any owner.
    pub fn not_ours(&self, tags: Option<&Strings>) -> Option<NotOurs> {
        let us = &self.ownership;
        // To look at what somebody else looks after is what observing is for.
        if self.mode == Mode::Observe {
            return None;
        }
        let older = |name: &str| NotOurs::Theirs(format!("{name}, which was created earlier"), None);
        let Some(owner) = tags.and_then(Owner::of) else {
            if tags.is_some() && !us.adopting.allowed {
                return Some(NotOurs::Unowned);
            }
            return us.oldest(us.claimants.iter().filter(|c| c.manages)).map(older);
        };
        if owner == us.owner {
            return None;
        }
        let theirs = |whose: String| Some(NotOurs::Theirs(whose, Some(owner.clone())));
        if owner.cluster != us.owner.cluster {
            return theirs(format!("{} of cluster {}", owner.object, owner.cluster));
        }
        let (name, home) = (&owner.object, owner.namespace());
        let stranger = home != us.owner.namespace();
        if !us.watched.sees(home) {
            return theirs(format!(
                "{name}, which this operator cannot see, because {home} is not among its --watch-namespaces"
            ));
        }
        let elsewhere =
            |why: &str| theirs(format!("{name}, {why}; only an object of namespace {home} inherits it"));
        match us.standing(&owner, self.now) {
            Standing::Lives { going: true } if !stranger => Some(NotOurs::Going(name.clone())),
            Standing::Lives { .. } => Some(NotOurs::Theirs(name.clone(), None)),
            Standing::Elsewhere if stranger => elsewhere("which names another resource now"),
            Standing::LetGo | Standing::Absent(_) if stranger => elsewhere("which is not in this cluster"),
            Standing::Absent(since) if elapsed(since, self.now) < GRACE => {
                Some(NotOurs::Missing(name.clone(), since + GRACE))
            }
            Standing::Elsewhere | Standing::LetGo | Standing::Absent(_) => {
                us.oldest(us.heirs().filter(|c| c.manages)).map(older)
            }
        }
    }

    /// What is not ours is left alone: said, and waited for where it will be ours. `tags` are those of the resource `id`, none
    /// where there is none; `advice` tells what a person can do.
    pub(in crate::decide) fn leave_alone(
        &self,
        (id, tags): (Option<&ResourceId>, Option<&Strings>),
        what: &str,
        advice: &str,
    ) -> Option<Verdict> {
        let (message, wait) = match self.not_ours(tags)? {
            NotOurs::Theirs(other, tagged) => {
                let free =
                    tagged.zip(id).map_or_else(String::new, |(owner, id)| self.how_to_free(id, &owner));
                let message = format!("{what} belongs to {other}. {advice}{free}.");
                return Some(Verdict::stalled(Reason::OwnedByAnother, message));
            }
            NotOurs::Unowned => {
                let message = format!(
                    "{what} is in Azure already, without the tag {OWNER_TAG} that names an owner, and {} refuses to have it taken over. Set spec.management to Observe, which only looks, or have spec.adoption of {} set to Allow: this object then becomes the owner of what is there.",
                    self.place(),
                    self.place()
                );
                return Some(Verdict::stalled(Reason::AdoptionRefused, message));
            }
            NotOurs::Going(owner) => (
                format!(
                    "{what} belongs to {owner}, which is being deleted. Bindery waits until it is handed over to this object."
                ),
                Duration::from_secs(10),
            ),
            NotOurs::Missing(owner, until) => (
                format!(
                    "{what} belongs to {owner}, which is not in this cluster. Unless it comes back, as from a backup, this object inherits at {}.",
                    in_seconds(until)
                ),
                elapsed(self.now, until).max(Duration::from_secs(1)),
            ),
        };
        Some(Verdict::wait(Reason::Inheriting, message, wait))
    }

    /// What to say of something with these tags that differs from the manifest, where another object owns it and this one only
    /// observes it: it would not be taken over, either.
    pub(in crate::decide) fn only_looks_at(
        &self,
        tags: &Strings,
        what: &str,
        differences: &[Drift],
    ) -> Option<Verdict> {
        let us = &self.ownership.owner;
        let owner = Owner::of(tags).filter(|owner| self.mode == Mode::Observe && owner != us)?;
        let elsewhere = if owner.cluster == us.cluster {
            String::new()
        } else {
            format!(" of cluster {}", owner.cluster)
        };
        let fields = differences.iter().map(|it| it.field.as_str()).collect::<Vec<_>>().join(", ");
        Some(Verdict::settled(
            Reason::Observed,
            format!(
                "{what} differs from the manifest in {fields}. It belongs to {}{elsewhere}, and Bindery leaves it as it is: {}.",
                owner.object,
                self.why_observed()
            ),
        ))
    }

    /// Does the object need our finalizer now? With it, the object does not go before what it made in Azure: whoever owns
    /// something there has it, whoever is about to call, and whoever may inherit. A place has it from the beginning, before
    /// anybody refers to it.
    pub fn needs_finalizer(&self, calls: bool) -> bool {
        let us = &self.ownership;
        let home = us.owner.namespace();
        let inherits = |name: &str| name.split('/').next() == Some(home);
        let contested = us.heirs().next().is_some() || us.leaving.iter().any(|name| inherits(name));
        let acts = matches!(self.mode, Mode::Act | Mode::Suspended);
        let owns = us.tagged == Some(Tagged::Us);
        let claims = contested && us.right == Right::Granted;
        !self.deleting && (calls || self.referrers.is_some() || (acts && (owns || claims)))
    }

    /// Whose word on adoption counts, in words.
    fn place(&self) -> &str {
        match self.ownership.adopting.said_by.as_str() {
            "" => "its place",
            place => place,
        }
    }

    /// What frees a resource of an owner that is gone, to be added to a sentence. The tags of a model's version are part of
    /// its body, so only a resource that ARM itself tags can be freed through ARM's tags.
    fn how_to_free(&self, id: &ResourceId, owner: &Owner) -> String {
        let remove = if id.segment("models").is_some() {
            format!("remove its tag {OWNER_TAG} in Azure, by a GET of {id} and a PUT without it")
        } else {
            format!(
                "remove its tag: az tag update --resource-id {id} --operation Delete --tags {OWNER_TAG}={owner}"
            )
        };
        let adoption = if self.ownership.adopting.allowed {
            String::new()
        } else {
            format!("; then have spec.adoption of {} set to Allow", self.place())
        };
        format!(". If that owner is gone for good, {remove}{adoption}")
    }

    /// Whom the place does not let publish what it stands for changes nothing there, and lets go when it is deleted.
    pub(in crate::decide) fn keep_out(&self, what: &str) -> Option<Verdict> {
        if self.mode == Mode::Observe {
            return None;
        }
        match &self.ownership.right {
            Right::Granted => None,
            Right::Denied { briefly, .. } if self.deleting => {
                Some(Verdict::release(format!("The {what} stays in Azure as it is: {briefly}.")))
            }
            Right::Denied { because, .. } => Some(Verdict::stalled(Reason::NotAPublisher, because)),
            Right::NotWatched { because } => {
                let mut verdict = Verdict::stalled(Reason::NotWatched, because);
                if self.deleting {
                    verdict.message += TO_DELETE_NOW;
                }
                Some(verdict)
            }
        }
    }

    /// Is its place there, and lets it neither publish nor look? Then nothing is read there for it, also at its end.
    pub(in crate::decide) fn is_kept_from_looking(&self, place: &Place) -> bool {
        matches!(place, Place::Missing { .. }) && self.ownership.right != Right::Granted
    }

    /// Whoever has something in such a place (`made`, by the status) was let in before, and is told that it is not any more.
    /// Everybody else hears of the place as of one that is missing, also at the end.
    pub(in crate::decide) fn keep_out_of(
        &self,
        place: &Place,
        made: bool,
        what: (&str, &str),
    ) -> Option<Verdict> {
        if !self.is_kept_from_looking(place) {
            return None;
        }
        if made {
            return self.keep_out(&format!("{} {}", what.0, what.1));
        }
        let at_the_end = || self.end_without_a_place(what.0).or_else(|| place.wait_until_ready(true));
        (self.deleting && self.mode != Mode::Observe).then(at_the_end).flatten()
    }

    /// Is what was found, with these tags, none of its business: kept out, and not the owner?
    pub(in crate::decide) fn is_kept_out_of(&self, tags: Option<&Strings>) -> bool {
        let kept_out = self.mode != Mode::Observe && self.ownership.right != Right::Granted;
        kept_out && !tags.is_some_and(|tags| self.ownership.owns(tags))
    }

    /// For an object that goes and whose place is not there: only its status says where something of its own may be. What is
    /// found there and belongs to another namespace stays, and nobody is told whose it is.
    pub(in crate::decide) fn leave_to_strangers(
        &self,
        place: &Place,
        tags: &Strings,
        what: &str,
    ) -> Option<Verdict> {
        let owner = Owner::of(tags).filter(|_| matches!(place, Place::Missing { .. }))?;
        let us = &self.ownership.owner;
        let stranger = owner.cluster != us.cluster || owner.namespace() != us.namespace();
        stranger.then(|| {
            Verdict::release(format!(
                "The {what} stays in Azure: no tag there names this object as its owner."
            ))
        })
    }

    /// For an object that goes: what is somebody else's by its tags stays. `follow` waits for a change that
    /// Azure works on: until it ends, nobody can say what the tags will be.
    pub(in crate::decide) fn leave_to_owner(
        &self,
        tags: &Strings,
        what: &str,
        follow: impl FnOnce() -> Option<Verdict>,
    ) -> Option<Verdict> {
        let us = &self.ownership;
        if us.owns(tags) {
            return None;
        }
        let owner = Owner::of(tags).filter(|o| o.cluster == us.owner.cluster);
        // Our own change may fail, and leave the tags as they were before.
        let ours = self.operation.under_way(self.now).is_some();
        let handed_over = owner.as_ref().is_some_and(|owner| us.heirs().any(|c| owner.is(&c.name)));
        if (ours || handed_over)
            && let Some(running) = follow()
        {
            return Some(running);
        }
        let going = |owner: &Owner| {
            owner.namespace() == us.owner.namespace()
                && us.standing(owner, self.now) == Standing::Lives { going: true }
        };
        if let Some(Owner { object, .. }) = owner.filter(going) {
            return Some(Verdict::wait(
                Reason::InUse,
                format!(
                    "The {what} belongs to {object}, which is being deleted too. Bindery waits until that is done: it may be handed over."
                ),
                Duration::from_secs(2),
            ));
        }
        let whose = match Owner::of(tags) {
            Some(other) if other.cluster == us.owner.cluster => format!("it belongs to {}", other.object),
            Some(other) => format!("it belongs to {} of cluster {}", other.object, other.cluster),
            None => "no tag there names this object as its owner".into(),
        };
        Some(Verdict::release(format!("The {what} stays in Azure: {whose}.")))
    }

    /// For an object that goes and that owns the resource: if others of its namespace claim it, the one that is next in
    /// line becomes its owner in Azure first. So it is at every moment the business of an object that is there. Where nobody
    /// does, an heir is waited for until this time after the deletion was asked for: tools prune before they create.
    pub(in crate::decide) fn hand_over(
        &self,
        what: &str,
        patience: Duration,
        give: impl FnOnce(&Owner, String) -> Option<Call>,
    ) -> Option<Verdict> {
        let us = &self.ownership;
        let Some(first) = us.heir() else {
            return self.wait_for_an_heir(what, patience);
        };
        let name = &first.name;
        if !first.manages {
            return Some(Verdict::stalled(
                Reason::InUse,
                format!(
                    "The {what} is not deleted while {name} observes it. Set spec.management of that object to Manage to hand it over, delete that object too, or set spec.deletionPolicy to Retain."
                ),
            ));
        }
        if !first.prepared {
            return Some(Verdict::wait(
                Reason::Deleting,
                format!("The {what} is handed over to {name} as soon as that object is prepared for it."),
                Duration::from_secs(1),
            ));
        }
        let heir = Owner::new(&us.owner.cluster, name);
        let call = give(&heir, format!("hand the {what} over to {name}"))?;
        Some(Verdict::call(Reason::Deleting, call))
    }

    /// For an object that goes and of which nobody knows where it was in Azure, or as whom to look after it: its place is gone. The
    /// finalizer says that something may be there, so it waits; with its whole namespace, it goes.
    pub(in crate::decide) fn end_without_a_place(&self, what: &str) -> Option<Verdict> {
        self.ownership.namespace_ends.then(|| {
            Verdict::release(format!(
                "Its place is gone with its namespace, and with it who could say which {what} is its own, or act for it: what there is stays in Azure."
            ))
        })
    }

    fn wait_for_an_heir(&self, what: &str, patience: Duration) -> Option<Verdict> {
        let until = self.deleted_at.filter(|_| !self.ownership.namespace_ends)? + patience;
        let left = elapsed(self.now, until);
        if left.is_zero() {
            return None;
        }
        Some(Verdict::wait(
            Reason::AwaitingHeir,
            format!(
                "The {what} is taken down from {} on, unless another object of namespace {} names it before and takes it over, as after a rename in Git.",
                in_seconds(until),
                self.ownership.owner.namespace()
            ),
            left,
        ))
    }
}

#[cfg(test)]
mod tests;
