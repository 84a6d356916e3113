//! Who owns what in Azure: a tag says so, and of two objects in one cluster the older one is right.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;

use super::{Mode, Situation, Watched};
use crate::api::Reason;
use crate::azure::model::Call;
use crate::azure::model::resource::Strings;
use crate::decide::Verdict;

/// The tag that names the owner: `<cluster>/<namespace>/<name>`.
pub const OWNER_TAG: &str = "bindery-owner";

/// An owner, as its tag says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// The id of the cluster, chosen by the installer, so that a restored cluster is the same one.
    pub cluster: String,
    /// `namespace/name` of the object.
    pub object: String,
}

impl Owner {
    /// Reads the tag of a resource; none where it has no owner, or one that nobody can read.
    pub fn of(tags: &Strings) -> Option<Self> {
        let (cluster, object) = tags.get(OWNER_TAG)?.split_once('/')?;
        Some(Self { cluster: cluster.into(), object: object.into() })
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
    /// `metadata.creationTimestamp`: of two claimants, the older one is right.
    pub created: Timestamp,
    /// What the operator watches: in other namespaces, what is gone and what it cannot see look the same.
    pub watched: Watched,
    /// Its place lets it lay claim to what is there.
    pub admitted: bool,
    /// The other live objects of this cluster that name the same resource in Azure.
    pub claimants: Vec<Claimant>,
    /// `namespace/name` of those that are being deleted, and that a finalizer still holds.
    pub leaving: Vec<String>,
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
    /// It has our finalizer: it does not go without a look at Azure.
    pub holds: bool,
}

impl Claimant {
    /// Is it older than an object of this name that was created then?
    pub fn precedes(&self, created: Timestamp, name: &str) -> bool {
        (self.created, self.name.as_str()) < (created, name)
    }
}

impl Ownership {
    /// The older object of this cluster that names the same resource, if there is one.
    pub fn older_claimant(&self) -> Option<&str> {
        self.claimants
            .iter()
            .filter(|c| c.precedes(self.created, &self.owner.object))
            .min_by(|a, b| (a.created, &a.name).cmp(&(b.created, &b.name)))
            .map(|c| c.name.as_str())
    }

    /// True when the tags name exactly this object.
    pub fn owns(&self, tags: &Strings) -> bool {
        Owner::of(tags).is_some_and(|owner| owner == self.owner)
    }

    /// True when another live object of this cluster claims the resource: then it is theirs to look after.
    pub fn has_heir(&self) -> bool {
        !self.claimants.is_empty()
    }
}

impl Situation {
    /// Who else owns a resource with these tags, in words; none when it is ours, free, or left behind
    /// by an object of this cluster that is gone. What is only observed may have any owner.
    pub fn other_owner(&self, tags: &Strings) -> Option<String> {
        if let Some(older) = self.ownership.older_claimant() {
            return Some(format!("{older}, which was created earlier"));
        }
        // To look at what somebody else looks after is what observing is for.
        let owner = Owner::of(tags).filter(|_| self.mode != Mode::Observe)?;
        if owner.cluster != self.ownership.owner.cluster {
            return Some(format!("{} of cluster {}", owner.object, owner.cluster));
        }
        let namespace = owner.object.split('/').next().unwrap_or_default();
        (!self.ownership.watched.sees(namespace)).then(|| {
            format!(
                "{}, which this operator cannot see, because {namespace} is not among its --watch-namespaces",
                owner.object
            )
        })
    }

    /// Does the object need our finalizer now? With it, the object does not go before what it made in Azure. `calls`
    /// tells whether a call is about to go out. An object to which another one may hand a resource over needs it too:
    /// without it, it could go in the same moment, and nobody would be left to look after the resource.
    pub fn needs_finalizer(&self, calls: bool) -> bool {
        let Ownership { admitted, claimants, leaving, .. } = &self.ownership;
        let contested = !claimants.is_empty() || !leaving.is_empty();
        let may_inherit = contested && *admitted && matches!(self.mode, Mode::Act | Mode::Suspended);
        !self.deleting && (calls || may_inherit)
    }

    /// For an object that goes: what is somebody else's by its tags stays. `follow` waits for a change that
    /// Azure works on: until it ends, nobody can say what the tags will be.
    pub(in crate::decide) fn leave_to_owner(
        &self,
        tags: &Strings,
        what: &str,
        follow: impl FnOnce() -> Option<Verdict>,
    ) -> Option<Verdict> {
        if self.ownership.owns(tags) {
            return None;
        }
        let owner = Owner::of(tags).filter(|o| o.cluster == self.ownership.owner.cluster).map(|o| o.object);
        let named = |c: &Claimant| owner.as_ref() == Some(&c.name);
        // Our own change may fail, and leave the tags as they were before.
        let ours = self.operation.under_way(self.now).is_some();
        let handed_over = self
            .ownership
            .claimants
            .iter()
            .any(|c| named(c) && !c.precedes(self.ownership.created, &self.ownership.owner.object));
        if (ours || handed_over)
            && let Some(running) = follow()
        {
            return Some(running);
        }
        if let Some(owner) = owner.filter(|o| self.ownership.leaving.contains(o)) {
            return Some(Verdict::wait(
                Reason::InUse,
                format!(
                    "The {what} belongs to {owner}, which is being deleted too. Bindery waits until that is done: it may be handed over."
                ),
                Duration::from_secs(2),
            ));
        }
        Some(Verdict::release(format!("The {what} stays in Azure: it is not this object's.")))
    }

    /// For an object that goes and that owns the resource: if others claim it, the one that is next in line
    /// becomes its owner in Azure first. So it is at every moment the business of an object that is there.
    pub(in crate::decide) fn hand_over(
        &self,
        what: &str,
        give: impl FnOnce(&Owner, String) -> Option<Call>,
    ) -> Option<Verdict> {
        let first = self.ownership.claimants.iter().min_by_key(|c| (!c.manages, c.created, &c.name))?;
        let name = &first.name;
        if !first.manages {
            return Some(Verdict::stalled(
                Reason::InUse,
                format!(
                    "The {what} is not deleted while {name} observes it. Set spec.management of that object to Manage to hand it over, delete that object too, or set spec.deletionPolicy to Retain."
                ),
            ));
        }
        if !first.holds {
            return Some(Verdict::wait(
                Reason::Deleting,
                format!("The {what} is handed over to {name} as soon as that object has its finalizer."),
                Duration::from_secs(1),
            ));
        }
        let heir = Owner { cluster: self.ownership.owner.cluster.clone(), object: name.clone() };
        let call = give(&heir, format!("hand the {what} over to {name}"))?;
        let note = format!("Bindery is about to {}.", call.doing);
        Some(Verdict::call(Reason::Deleting, call).telling(false, Reason::Deleting, note))
    }
}
