//! What a pass needs of the world around it. The program fills these ports with a real cluster, Azure and the clock
//! ([`live`](super::live)); the simulation with its own.

use std::collections::BTreeSet;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Secret;

use crate::api::{AnyObject, ObjectKey};
use crate::azure::model::{Answer, Call, EndpointKeys, Errand, Error, Read, Reply, ResourceId};
use crate::decide::facts::{Due, Namespace};
use crate::decide::{Decision, Event, Kind};
use crate::measure::model::Answer as Measured;

/// The cluster: what the watches have seen, and writes.
pub trait Cluster: Send + Sync {
    /// An object as it was last seen.
    fn get(&self, key: &ObjectKey) -> Option<AnyObject>;
    /// A namespace as it was last seen.
    fn namespace(&self, name: &str) -> Namespace;
    /// Writes the status of an object, if nobody has changed the object since. The answer is the object as it is now.
    fn replace_status<K: Kind>(&self, object: &K) -> impl Future<Output = Result<K, Refusal>> + Send;
    /// Writes the finalizers of an object, if nobody has changed the object since.
    fn replace_finalizers<K: Kind>(
        &self,
        object: &K,
        finalizers: Vec<String>,
    ) -> impl Future<Output = Result<K, Refusal>> + Send;
    /// Deletes an object, if nobody has changed it since.
    fn delete<K: Kind>(&self, object: &K) -> impl Future<Output = Result<(), Refusal>> + Send;
    /// A Secret as it is now; none where there is none.
    fn secret(
        &self,
        namespace: &str,
        name: &str,
    ) -> impl Future<Output = Result<Option<Secret>, Refusal>> + Send;
    /// Writes a Secret: a new one, or over the one of its resource version.
    fn write_secret(&self, secret: &Secret) -> impl Future<Output = Result<(), Refusal>> + Send;
    /// Deletes a Secret, if nobody has changed it since.
    fn delete_secret(&self, secret: &Secret) -> impl Future<Output = Result<(), Refusal>> + Send;
    /// Publishes an event. Best effort: nothing depends on it.
    fn publish<K: Kind>(&self, object: &K, event: &Event) -> impl Future<Output = ()> + Send;
}

/// Why the cluster did not take a write.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Somebody else was quicker, or the object is gone: look again.
    #[error("somebody else has changed the object, or it is gone")]
    Outdated,
    /// It said no, for this reason.
    #[error("{0}")]
    Failed(String),
    /// The operator has not the right, as it says in these words.
    #[error("{0}")]
    Forbidden(String),
    /// It gave no answer, for this reason.
    #[error("{0}")]
    Unanswered(String),
    /// Nobody was asked, because this process may not write before this time is over.
    #[error("this process does not lead now")]
    NotNow(std::time::Duration),
}

/// Azure.
pub trait Azure: Send + Sync {
    /// Makes one read.
    fn read(&self, read: &Read) -> impl Future<Output = Answer> + Send;
    /// Makes one call, once.
    fn send(&self, call: &Call) -> impl Future<Output = Result<Reply, Error>> + Send;
    /// The keys of an endpoint, as they are now.
    fn keys(
        &self,
        errand: &Errand,
        endpoint: &ResourceId,
    ) -> impl Future<Output = Result<EndpointKeys, Error>> + Send;
}

/// Whoever measures how candidates do.
pub trait Meter: Send + Sync {
    /// What came of a measurement for this object, where that is known by now. Otherwise it is made, nobody waits for it, and the
    /// object is woken when there is an answer.
    fn measured(&self, by: &ObjectKey, due: &Due) -> Option<Measured>;
    /// These measurements will be due for this object, and no others that it said before. Each is made at its time, and the
    /// object is woken when there is an answer.
    fn foresee(&self, by: &ObjectKey, due: BTreeSet<Due>);
}

/// The time.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Timestamp;
    /// The time since some moment of this process, by a clock that nobody sets.
    fn elapsed(&self) -> std::time::Duration;
}

/// Whoever is told what a pass does, as it does it.
pub trait Journal: Send + Sync {
    /// This was decided on these facts.
    fn decided<K: Kind>(&self, _object: &K, _facts: &K::Facts, _decision: &Decision<K::Status>) {}
    /// A call is about to go out.
    fn calls<K: Kind>(&self, object: &K, facts: &K::Facts, call: &Call);
    /// A call did not work.
    fn failed<K: Kind>(&self, object: &K, call: &Call, error: &Error);
    /// An object was let go.
    fn let_go<K: Kind>(&self, object: &K, facts: &K::Facts, events: &[Event]);
    /// The cluster did not take a write.
    fn refused(&self, key: &ObjectKey, because: &Refusal, wait: std::time::Duration);
    /// A pass panicked: a bug of ours.
    fn panicked(&self, key: &ObjectKey);
}

/// All of them.
pub trait Ports: Cluster + Azure + Meter + Clock + Journal + 'static {}

impl<T: Cluster + Azure + Meter + Clock + Journal + 'static> Ports for T {}
