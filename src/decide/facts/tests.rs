#![allow(clippy::unwrap_used)]

mod approvals;
mod binding;
mod claims;
mod endings;
mod gates;
mod heirs;
mod identities;
mod proof;
mod publishers;
mod references;
mod soak;
mod traced;
mod unmanaged;

use std::sync::Arc;

use serde_json::{Value, json};

use super::*;
use crate::api::{
    AnyObject, DeploymentBinding, ModelVersion, Object, ObjectKey, ObjectKind, Reason, Registry, Workspace,
    any_object,
};
use crate::decide::{Claimant, Served};

fn made<K: Object>(namespace: &str, name: &str, spec: &Value) -> Arc<K> {
    let metadata = json!({"name": name, "namespace": namespace, "uid": format!("{namespace}/{name}")});
    let kind = K::KIND.to_string();
    let object =
        json!({"apiVersion": "bindery.dev/v1alpha1", "kind": kind, "metadata": metadata, "spec": spec});
    Arc::new(serde_json::from_value(object).unwrap())
}

/// A moment in which nothing went wrong before.
fn moment(observe_only: bool) -> Moment {
    Moment {
        now: Timestamp::UNIX_EPOCH,
        cluster: "prod".into(),
        observe_only,
        watched: Watched::all(),
        authors_checked: true,
        trouble: Trouble::default(),
        handover: Duration::ZERO,
        absent: None,
    }
}

/// The other objects that lay claim to what an object stands for.
fn claimants_of<K: Kind>(object: &K, known: &mut Known) -> Vec<Claimant> {
    let rivals = [rivals(object, known), strangers(object, known)].concat();
    claimants(object, &rivals, known)
}

/// A cluster with the workspaces `dev` and `prod` and the registry `models` of `fares`, and these versions.
struct Cluster(Vec<AnyObject>, Watched);

impl Cluster {
    fn new(allowed: &Value, versions: &[Arc<ModelVersion>]) -> Self {
        Self::with(&json!({"allowedNamespaces": allowed}), versions)
    }

    /// The same, with these fields in the manifests of the workspaces.
    fn with(fields: &Value, versions: &[Arc<ModelVersion>]) -> Self {
        let azure = json!({"subscriptionId": "s", "resourceGroup": "rg"});
        let mut spec = json!({"azure": azure});
        spec.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        let workspace = |name| made::<Workspace>("fares", name, &spec);
        let registry = made::<Registry>("fares", "models", &json!({"azure": azure, "location": "eastus"}));
        let places = [workspace("dev").any(), workspace("prod").any(), registry.any()];
        let objects = places.into_iter().chain(versions.iter().map(|v| v.clone().any()));
        Self(objects.collect(), Watched::all())
    }

    fn find(&self, read: &ClusterRead) -> Found {
        match read {
            ClusterRead::Object(key) | ClusterRead::Owner(key) if !self.1.sees(&key.namespace) => {
                Found::NotWatched
            }
            ClusterRead::Namespace(_) if !self.1.reads_labels() => Found::NotWatched,
            ClusterRead::Object(key) | ClusterRead::Owner(key) => {
                Found::Object(self.0.iter().find(|it| it.key() == *key).cloned())
            }
            ClusterRead::Naming(kind, name) => self.all(*kind, name, |_, _| true),
            // Everybody: which of them are looked at, the index knows.
            ClusterRead::Rivals(kind, name, which) => self.all(*kind, name, |key, stake| match which {
                Rivals::Beside(home, place) => key.namespace == *home && stake.place == *place,
                Rivals::Within(home) | Rivals::All(home) => key.namespace == *home,
                Rivals::Outside(home) => key.namespace != *home,
                Rivals::Everywhere => true,
            }),
            ClusterRead::Namespace(name) => {
                let labels = [("team".to_string(), name.to_string())].into();
                Found::Namespace(Namespace { labels, ends: false })
            }
            ClusterRead::LetGo(_) => Found::LetGo(false),
        }
    }

    /// The objects of a kind that name this, and of which a rule holds.
    fn all(&self, kind: ObjectKind, name: &Name, rule: impl Fn(&ObjectKey, &Stake) -> bool) -> Found {
        let (key, name) = (AnyObject::key, |names: Vec<Name>| names.contains(name));
        let naming = |it: &&AnyObject| {
            let (named, stake) = any_object!(it, it => (name(it.names()), it.stake()));
            named && key(it).kind == kind && rule(&key(it), &stake)
        };
        Found::Naming(self.0.iter().filter(naming).cloned().collect())
    }

    /// What a function finds out when everything of the cluster that it wants is read.
    fn known<T>(&self, ask: impl Fn(&mut Known) -> T) -> (T, Vec<ClusterRead>) {
        let mut known = Known::nothing(Lane::Routine, false, Served::everything());
        loop {
            let answer = ask(&mut known);
            let wanted = known.wants().cluster;
            if wanted.is_empty() {
                return (answer, known.rests_on().cloned().collect());
            }
            for read in wanted {
                let found = self.find(&read);
                known.take_in_cluster(read, found);
            }
        }
    }
}

fn version(namespace: &str, name: &str, model: &str, place: &Value) -> Arc<ModelVersion> {
    let mut spec = json!({"model": model, "version": "1", "source": {"uri": "azureml://x"}});
    spec.as_object_mut().unwrap().extend(place.as_object().unwrap().clone());
    made(namespace, name, &spec)
}

/// An object that is being deleted, with our finalizer or without.
fn going<K: Object>(object: &K, holds: bool) -> Arc<K> {
    let mut it = object.clone();
    it.meta_mut().deletion_timestamp =
        Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(Timestamp::UNIX_EPOCH));
    it.meta_mut().finalizers = holds.then(|| vec![crate::api::FINALIZER.to_string()]);
    Arc::new(it)
}

#[test]
fn the_manifest_and_the_operator_say_what_may_be_changed() {
    for (suspend, management, observe_only, expected) in [
        (false, "Manage", false, Mode::Act),
        (true, "Manage", false, Mode::Suspended),
        (false, "Observe", false, Mode::Observe),
        (true, "Observe", true, Mode::Observe),
        (true, "Manage", true, Mode::ObserveOnly),
        (false, "Manage", true, Mode::ObserveOnly),
    ] {
        let spec = json!({"workspaceRef": {"name": "dev"}, "suspend": suspend, "management": management});
        let version = version("fares", "one", "taxi", &spec);
        assert_eq!(mode(&*version, &moment(observe_only)), expected, "{spec} {observe_only}");
    }
}
