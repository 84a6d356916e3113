//! Who owns what in Azure: a tag says so, and of two objects in one cluster the older one is right.

use std::fmt;

use jiff::Timestamp;

use super::{Claimant, Situation};
use crate::azure::resource::Strings;

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

impl Claimant {
    /// Is it older than an object of this name that was created then?
    pub fn precedes(&self, created: Timestamp, name: &str) -> bool {
        (self.created, self.name.as_str()) < (created, name)
    }
}

impl Situation {
    /// The older object of this cluster that names the same resource, if there is one.
    pub fn older_claimant(&self) -> Option<&str> {
        self.claimants
            .iter()
            .filter(|c| c.precedes(self.created, &self.owner.object))
            .min_by(|a, b| (a.created, &a.name).cmp(&(b.created, &b.name)))
            .map(|c| c.name.as_str())
    }

    /// Who else owns a resource with these tags, in words; none when it is ours, free, or left behind
    /// by an object of this cluster that is gone.
    pub fn other_owner(&self, tags: &Strings) -> Option<String> {
        if let Some(older) = self.older_claimant() {
            return Some(format!("{older}, which was created earlier"));
        }
        let owner = Owner::of(tags)?;
        (owner.cluster != self.owner.cluster)
            .then(|| format!("{} of cluster {}", owner.object, owner.cluster))
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
