#![allow(clippy::unwrap_used)]

mod approvals;
mod gates;
mod identities;
mod proof;
mod publishers;
mod soak;
mod unmanaged;

use std::sync::Arc;

use serde_json::{Value, json};

use super::*;
use crate::api::{
    AnyObject, DeploymentBinding, ModelVersion, Object, ObjectKey, ObjectKind, Reason, Registry, Workspace,
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
            let (named, stake) = match it {
                AnyObject::ModelVersion(it) => (name(it.names()), it.stake()),
                AnyObject::DeploymentBinding(it) => (name(it.names()), it.stake()),
                AnyObject::Approval(it) => (name(it.names()), it.stake()),
                AnyObject::RolloutAction(it) => (name(it.names()), it.stake()),
                AnyObject::Workspace(it) => (name(it.names()), it.stake()),
                AnyObject::Registry(it) => (name(it.names()), it.stake()),
            };
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

/// Who says whether an endpoint may be taken down.
#[test]
fn whether_an_endpoint_may_be_taken_down_is_for_every_object_of_its_workspace_to_say() {
    use crate::decide::places::reference::{Removal, removal};

    let workspace = |home: &str, name: &str, azure: &str, word: &str, more: Value| {
        let mut spec = json!({"azure": {"subscriptionId": "s", "resourceGroup": "rg", "name": azure}, "policy": {"endpointDeletion": word}});
        spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        made::<Workspace>(home, name, &spec)
    };
    let plain = |home: &str, name: &str, word: &str| workspace(home, name, "prod", word, json!({}));
    let account = json!({"credentials": {"serviceAccountName": "a"}});
    let id = ResourceId::workspace("s", "rg", "PROD");
    let reference = crate::api::Reference { name: "prod".into(), namespace: Some("ml".into()) };
    let forbidden = |by: &str| Removal::Forbidden { by: by.into() };
    let another = || forbidden("Another Workspace object for the same workspace");
    let going = |it: Arc<Workspace>| going(&*it, true);
    for (what, all, expected) in [
        ("it allows it", vec![plain("ml", "prod", "Allow")], Removal::Allowed),
        ("it forbids it", vec![plain("ml", "prod", "Forbid")], forbidden("Workspace ml/prod")),
        (
            "it forbids it, and goes",
            vec![going(plain("ml", "prod", "Forbid"))],
            forbidden("Workspace ml/prod"),
        ),
        (
            "a second one allows it",
            vec![plain("ml", "prod", "Forbid"), plain("fares", "own", "Allow")],
            forbidden("Workspace ml/prod"),
        ),
        (
            "a second one forbids it",
            vec![plain("ml", "prod", "Allow"), plain("risk", "own", "Forbid")],
            another(),
        ),
        (
            "a second one forbids it, and goes",
            vec![plain("ml", "prod", "Allow"), going(plain("risk", "own", "Forbid"))],
            another(),
        ),
        (
            "one of another workspace forbids it",
            vec![plain("ml", "prod", "Allow"), workspace("risk", "own", "dev", "Forbid", json!({}))],
            Removal::Allowed,
        ),
        (
            "a second one forbids it, and Azure does not let its account in",
            vec![plain("ml", "prod", "Allow"), workspace("risk", "own", "prod", "Forbid", account)],
            Removal::Allowed,
        ),
        ("there is none", vec![], Removal::NobodyCanSay),
        (
            "only a second one is there, and allows it",
            vec![plain("fares", "own", "Allow")],
            Removal::NobodyCanSay,
        ),
        ("only a second one is there, and forbids it", vec![plain("risk", "own", "Forbid")], another()),
        (
            "it means another workspace now",
            vec![workspace("ml", "prod", "dev", "Allow", json!({}))],
            Removal::NobodyCanSay,
        ),
    ] {
        let cluster = Cluster(all.into_iter().map(Object::any).collect(), Watched::all());
        let (found, _) = cluster.known(|known| removal(&reference, &id, "fares", known));
        assert_eq!(found, expected, "{what}");
    }
}

/// Who says when a version goes out of use.
#[test]
fn another_object_for_a_version_does_not_keep_it_in_use() {
    use crate::decide::places::reference::retirement;

    let place = |name: &str| json!({"workspaceRef": {"name": name, "namespace": "fares"}});
    let retiring = |home: &str, name: &str, at: &str, more: Value| {
        let mut spec = json!({"model": "taxi", "version": "1", "source": {"uri": "azureml://x"}, "retirement": {"at": at}});
        spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        made::<ModelVersion>(home, name, &spec)
    };
    let ready = |mut it: Arc<ModelVersion>| {
        let condition = json!({"type": "Ready", "status": "True", "reason": "Succeeded", "message": "", "lastTransitionTime": "2026-03-01T12:00:00Z"});
        let status = json!({"observedGeneration": 1, "conditions": [condition]});
        Arc::make_mut(&mut it).status = Some(serde_json::from_value(status).unwrap());
        it
    };
    let observing = |mut it: Arc<ModelVersion>| {
        Arc::make_mut(&mut it).spec.management = crate::api::Management::Observe;
        it
    };
    let (early, late) = ("2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z");
    let named = || ready(observing(version("blue", "named", "taxi", &place("prod"))));
    let of = |all: Vec<Arc<ModelVersion>>| {
        let cluster = Cluster::new(&json!({"from": "All"}), &all);
        let reference = crate::api::Reference { name: "named".into(), namespace: None };
        let id = ResourceId::workspace("s", "rg", "prod").model_version("taxi", "1");
        let (found, read) = cluster.known(|known| retirement(&reference, &id, "blue", known));
        let wakes =
            ObjectKey { kind: ObjectKind::ModelVersion, namespace: "fares".into(), name: "keeper".into() };
        (found.map(|it| it.at.to_string()), read.contains(&ClusterRead::Object(wakes)))
    };
    let keeper = |at: &str| ready(retiring("fares", "keeper", at, place("prod")));
    for (what, all, expected) in [
        ("nobody says anything", vec![named()], (None, false)),
        ("its keeper does", vec![named(), keeper(early)], (Some(early), true)),
        (
            "both do: the earlier one counts",
            vec![ready(retiring("blue", "named", late, place("prod"))), keeper(early)],
            (Some(early), true),
        ),
        (
            "the same, the other way round",
            vec![ready(retiring("blue", "named", early, place("prod"))), keeper(late)],
            (Some(early), true),
        ),
        ("who only observes has no say", vec![named(), observing(keeper(early))], (None, false)),
        (
            "nor has whoever was refused",
            vec![named(), retiring("fares", "keeper", early, place("prod"))],
            (None, false),
        ),
        (
            "nor has the same number in another workspace",
            vec![named(), ready(retiring("fares", "keeper", early, place("dev")))],
            (None, false),
        ),
    ] {
        let (at, wakes) = of(all);
        assert_eq!((at.as_deref(), wakes), expected, "{what}");
    }
}

#[test]
fn rivals_mean_the_same_resource() {
    let dev = json!({"workspaceRef": {"name": "dev"}});
    let one = version("fares", "one", "taxi", &dev);
    let promotion =
        json!({"registryRef": {"name": "models"}, "source": {"modelVersionRef": {"name": "one"}}});
    let promoted = version("fares", "promoted", "taxi", &promotion);
    let nowhere = version("fares", "nowhere", "taxi", &json!({"workspaceRef": {"name": "none"}}));
    let all = [
        one.clone(),
        version("fares", "same", "taxi", &json!({"workspaceRef": {"name": "dev", "namespace": "fares"}})),
        // Azure's names of models have a case.
        version("fares", "cased", "Taxi", &dev),
        version("fares", "other-model", "fare", &dev),
        version("fares", "other-workspace", "taxi", &json!({"workspaceRef": {"name": "prod"}})),
        promoted.clone(),
        nowhere.clone(),
        version("fares", "nowhere-too", "taxi", &json!({"workspaceRef": {"name": "none"}})),
    ];
    let cluster = Cluster::new(&json!({"from": "Same"}), &all);
    let of = |object: &ModelVersion| -> Vec<String> {
        let (claimants, _) = cluster.known(|known| claimants_of(object, known));
        claimants.into_iter().map(|c| c.name).collect()
    };
    assert_eq!(of(&one), ["fares/same"]);
    assert!(of(&promoted).is_empty());
    assert!(of(&nowhere).is_empty(), "nobody knows what they mean");
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
fn whoever_a_place_lets_in_holds_it_by_a_reference() {
    let azure = json!({"subscriptionId": "s", "resourceGroup": "rg"});
    let selector = json!({"from": "Selector", "selector": {"matchLabels": {"team": "blue"}}});
    let workspace = |name: &str, change: Value| {
        let mut spec = json!({"azure": azure, "allowedNamespaces": selector});
        spec.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        made::<Workspace>("fares", name, &spec)
    };
    let of = |namespace: &str, name: &str, place: &str, management: &str| {
        let spec = json!({"workspaceRef": {"name": place, "namespace": "fares"}, "model": {"versionRef": {"name": "x"}},
            "online": {"endpoint": {"name": name}, "deployment": {}}, "management": management});
        made::<DeploymentBinding>(namespace, name, &spec)
    };
    let sources = json!({"policy": {"sources": [{"name": "a", "registryRef": {"name": "models"}}, {"name": "b", "registryRef": {"name": "models"}}]}});
    let at = |place: &str| json!({"workspaceRef": {"name": place, "namespace": "fares"}});
    let in_registry = json!({"registryRef": {"name": "models", "namespace": "fares"}});
    let promoted = version("fares", "promoted", "taxi", &in_registry);
    let all: Vec<AnyObject> = vec![
        version("fares", "v", "taxi", &at("prod")).any(),
        version("fares", "elsewhere", "taxi", &at("dev")).any(),
        version("blue", "v", "taxi", &at("prod")).any(),
        version("red", "kept-out", "taxi", &at("prod")).any(),
        version("red", "kept-out", "taxi", &in_registry).any(),
        promoted.clone().any(),
        workspace("strict", sources).any(),
        of("fares", "serves", "prod", "Manage").any(),
        of("blue", "watches", "prod", "Observe").any(),
    ];
    let registry = made::<Registry>(
        "fares",
        "models",
        &json!({"azure": azure, "location": "eastus", "allowedNamespaces": selector}),
    );
    let mut cluster = Cluster(all, Watched::all());
    let prod = workspace("prod", json!({}));
    let (none, read) = cluster.known(|known| prod.referrers(known));
    assert_eq!((none, read.len()), (Some(Referrers::default()), 0), "nobody asks while nobody deletes it");
    let prod = going(&*prod, true);
    let (found, read) = cluster.known(|known| prod.referrers(known));
    let expected = Referrers {
        own: vec!["DeploymentBinding serves".into(), "ModelVersion v".into()],
        others: vec!["blue".into(), "blue".into()],
        stays: true,
        ignored: false,
    };
    assert_eq!(found, Some(expected));
    // The last one that goes wakes it.
    let last = ClusterRead::Naming(ObjectKind::DeploymentBinding, Name::Place(prod.key()));
    assert!(read.contains(&last), "{read:?}");

    let registry = going(&*registry, true);
    let (found, _) = cluster.known(|known| registry.referrers(known));
    let own = vec!["ModelVersion promoted".to_string(), "Workspace strict".to_string()];
    assert_eq!(found, Some(Referrers { own, stays: true, ..Referrers::default() }));

    // Of what goes, only what has something left to do counts.
    cluster.0 = vec![going(&*promoted, true).any()];
    let (found, _) = cluster.known(|known| registry.referrers(known));
    let own = vec!["ModelVersion promoted".to_string()];
    assert_eq!(found, Some(Referrers { own, ..Referrers::default() }));
    cluster.0 = vec![going(&*promoted, false).any()];
    let (found, _) = cluster.known(|known| registry.referrers(known));
    assert_eq!(found, Some(Referrers::default()));
    for (value, ignored) in [("true", true), ("yes", false)] {
        let mut told = Registry::clone(&registry);
        told.metadata.annotations = Some([(crate::api::DELETE_WHILE_IN_USE.into(), value.into())].into());
        let (found, _) = cluster.known(|known| told.referrers(known));
        assert_eq!(found.map(|it| it.ignored), Some(ignored), "{value}");
    }
}

#[test]
fn an_endpoint_that_two_bindings_show_serves_once() {
    let one = version("fares", "taxi-1", "taxi", &json!({"workspaceRef": {"name": "prod"}}));
    let place = ResourceId::workspace("s", "rg", "prod");
    let binding = |name: &str, management: &str, endpoint: &str| {
        let spec = json!({"workspaceRef": {"name": "prod"}, "model": {"versionRef": {"name": "taxi-1"}},
            "online": {"endpoint": {"name": endpoint}, "deployment": {}}, "management": management});
        let mut it = made::<DeploymentBinding>("fares", name, &spec);
        let asset = place.model_version("taxi", "1").to_string();
        let deployment = json!({"name": "v1", "role": "Stable", "assetId": asset, "weight": 100, "since": "2026-03-01T12:00:00Z"});
        let id = place.child("onlineEndpoints", endpoint).to_string();
        let status = json!({"observedGeneration": 1, "endpoint": {"id": id}, "deployments": [deployment]});
        Arc::make_mut(&mut it).status = Some(serde_json::from_value(status).unwrap());
        it.any()
    };
    let of = |bindings: Vec<AnyObject>| {
        let mut cluster = Cluster::new(&json!({"from": "Same"}), std::slice::from_ref(&one));
        cluster.0.extend(bindings);
        let (facts, _) = cluster.known(|known| gather(&*one, &moment(false), known));
        facts.served_by.into_iter().map(|it| format!("{} {}", it.name, it.endpoint)).collect::<Vec<_>>()
    };
    let (watched, managed) = (binding("a", "Observe", "taxi"), binding("b", "Manage", "taxi"));
    assert_eq!(of(vec![watched.clone()]), ["a taxi"]);
    assert_eq!(of(vec![watched.clone(), managed.clone()]), ["b taxi"]);
    assert_eq!(of(vec![managed, watched, binding("c", "Manage", "other")]), ["b taxi", "c other"]);
}

#[test]
fn what_is_in_no_place_lays_no_claim_in_another_namespace() {
    let id = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.MachineLearningServices/workspaces/prod/models/taxi/versions/1";
    let forged = |namespace: &str, name: &str, id: &str| {
        let mut it = version(namespace, name, "taxi", &json!({"workspaceRef": {"name": "none"}}));
        let status = json!({"observedGeneration": 1, "id": id});
        Arc::make_mut(&mut it).status = Some(serde_json::from_value(status).unwrap());
        it
    };
    let ours = version("fares", "ours", "taxi", &json!({"workspaceRef": {"name": "prod"}}));
    let of = |others: &[Arc<ModelVersion>]| -> Vec<String> {
        let all = [vec![ours.clone()], others.to_vec()].concat();
        let cluster = Cluster::new(&json!({"from": "All"}), &all);
        let (claimants, _) = cluster.known(|known| claimants_of(&*ours, known));
        claimants.into_iter().map(|c| c.name).collect()
    };
    assert!(of(&[forged("blue", "theirs", id)]).is_empty());
    assert_eq!(of(&[forged("fares", "renamed", id)]), ["fares/renamed"]);
    for other in [
        id.replace("/models/taxi/", "/models/fare/"),
        id.replace("/workspaces/", "/registries/"),
        id.replace("/subscriptions/s/", "/x/y/subscriptions/s/"),
        format!("{id}/x/models/taxi/versions/1"),
    ] {
        let it = forged("fares", "renamed", &other);
        let cluster = Cluster::new(&json!({"from": "All"}), std::slice::from_ref(&it));
        assert_eq!(cluster.known(|known| it.target(known)).0, None, "{other}");
    }
}

#[test]
fn what_a_status_says_of_a_version_makes_it_no_other_version() {
    use crate::decide::SourceVersion;
    use crate::decide::places::reference;

    let mut it = version("fares", "taxi-1", "taxi", &json!({"workspaceRef": {"name": "prod"}}));
    let other = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.MachineLearningServices/registries/models/models/other/versions/9";
    let now = "2026-03-01T12:00:00Z";
    let registered = json!({"type": "Registered", "status": "True", "reason": "Succeeded", "message": "", "lastTransitionTime": now});
    let status = json!({"observedGeneration": 1, "id": other, "assetId": "azureml://registries/models/models/other/versions/9", "conditions": [registered]});
    Arc::make_mut(&mut it).status = Some(serde_json::from_value(status).unwrap());
    let of = |allowed: &str, namespace: &str| {
        let mut it = (*it).clone();
        it.metadata.namespace = Some(namespace.into());
        it.spec.workspace_ref.as_mut().unwrap().namespace = Some("fares".into());
        let cluster = Cluster::new(&json!({"from": allowed}), &[Arc::new(it)]);
        let reference = crate::api::Reference { name: "taxi-1".into(), namespace: None };
        cluster.known(|known| reference::version(&reference, namespace, known)).0
    };
    let SourceVersion::Ready { id, asset_id, registry, .. } = of("Same", "fares") else { unreachable!() };
    let meant = ResourceId::workspace("s", "rg", "prod").model_version("taxi", "1");
    assert_eq!((asset_id, registry), (meant.to_string(), None));
    assert_eq!(id, meant);
    assert!(matches!(of("All", "blue"), SourceVersion::Ready { .. }));
    assert!(matches!(of("Same", "blue"), SourceVersion::NotReady { .. }), "its place does not let it in");

    // While its place is being deleted, nothing begins with it; what serves it already is known by it.
    let mut cluster = Cluster::new(&json!({"from": "Same"}), std::slice::from_ref(&it));
    for object in &mut cluster.0 {
        if let AnyObject::Workspace(workspace) = object {
            *workspace = going(&**workspace, true);
        }
    }
    let reference = crate::api::Reference { name: "taxi-1".into(), namespace: None };
    let (found, _) = cluster.known(|known| reference::version(&reference, "fares", known));
    let SourceVersion::NotReady { registered, .. } = found else { panic!("{found:?}") };
    assert_eq!(registered, Some((meant.to_string(), "1".to_string())));
}

#[test]
fn sources_that_lead_back_to_a_version_are_named() {
    let from = |name: &str, source: &str| {
        let spec =
            json!({"registryRef": {"name": "models"}, "source": {"modelVersionRef": {"name": source}}});
        version("fares", name, name, &spec)
    };
    let all = [from("a", "b"), from("b", "c"), from("c", "a"), from("itself", "itself"), from("d", "c")];
    let cluster = Cluster::new(&json!({"from": "Same"}), &all);
    let circle = |object: &ModelVersion| {
        cluster.known(|known| crate::decide::model_version::circle(object, known)).0.join(" ")
    };
    assert_eq!(circle(&all[0]), "fares/a fares/b fares/c fares/a");
    assert_eq!(circle(&all[3]), "fares/itself fares/itself");
    // Its source is in a circle, and says so; the version itself is not.
    assert_eq!(circle(&all[4]), "");
    let trained = version("fares", "e", "e", &json!({"workspaceRef": {"name": "dev"}}));
    assert_eq!(circle(&trained), "");
}

#[test]
fn an_heir_is_one_whatever_happens_to_its_place_and_a_stranger_gets_no_claim_by_a_place_of_its_own() {
    let prod = json!({"workspaceRef": {"name": "prod", "namespace": "fares"}});
    let version = |namespace: &str, name: &str| version(namespace, name, "taxi", &prod);
    let (ours, heir, stranger) =
        (version("fares", "ours"), version("fares", "heir"), version("blue", "stranger"));
    let everybody = json!({"publishers": [{"name": "all", "namespaces": {"from": "All"}}]});
    let mut cluster = Cluster::with(&everybody, &[ours.clone(), heir, stranger]);
    let of = |cluster: &Cluster| -> Vec<String> {
        let (claimants, _) = cluster.known(|known| claimants_of(&*ours, known));
        claimants.into_iter().map(|c| c.name).collect()
    };
    assert_eq!(of(&cluster), ["fares/heir", "blue/stranger"]);
    let before = cluster.0.clone();
    for object in &mut cluster.0 {
        if let AnyObject::Workspace(workspace) = object {
            *workspace = going(&**workspace, true);
        }
    }
    assert_eq!(of(&cluster), ["fares/heir"], "a place that is held while it goes is no way in either");
    cluster.0 = before;
    for object in &mut cluster.0 {
        if let AnyObject::Workspace(workspace) = object {
            let mut contested = Workspace::clone(workspace);
            let condition = json!({
                "type": "Ready", "status": "False", "reason": "Conflict", "message": "",
                "lastTransitionTime": "2026-03-01T12:00:00Z",
            });
            let status = json!({"observedGeneration": 1, "conditions": [condition]});
            contested.status = Some(serde_json::from_value(status).unwrap());
            *workspace = Arc::new(contested);
        }
    }
    assert_eq!(of(&cluster), ["fares/heir"]);
}

#[test]
fn a_version_of_a_workspace_is_for_its_own_namespace() {
    let here = version("fares", "here", "taxi", &json!({"workspaceRef": {"name": "dev"}}));
    let released = version("fares", "released", "taxi", &json!({"registryRef": {"name": "models"}}));
    let cluster = Cluster::new(&json!({"from": "All"}), &[here, released]);
    let sees = |name: &str, home: &str| {
        let reference = crate::api::Reference { name: name.into(), namespace: Some("fares".into()) };
        let (found, _) =
            cluster.known(|known| crate::decide::places::reference::version(&reference, home, known));
        !matches!(found, crate::decide::SourceVersion::Missing { .. })
    };
    assert!(sees("here", "fares") && sees("released", "fares"));
    // The registry of this cluster is for its own namespace, and so are its versions.
    assert!(!sees("here", "blue") && !sees("released", "blue"));
}

/// What is not watched is not called missing: its owner would look for a fault where there is none.
#[test]
fn a_reference_that_depends_on_what_is_not_watched_says_so() {
    use crate::api::Reference;
    use crate::decide::places::reference::{registry_place, version as referred, workspace_place};
    use crate::decide::{Place, SourceVersion};

    let released = version("fares", "released", "taxi", &json!({"registryRef": {"name": "models"}}));
    let elsewhere = version(
        "fares",
        "elsewhere",
        "taxi",
        &json!({"registryRef": {"name": "models", "namespace": "platform"}}),
    );
    let selector = json!({"from": "Selector", "selector": {"matchLabels": {"team": "blue"}}});
    let said = |allowed: &Value, watched: &[&str], what: &str, name: &str, home: &str| {
        let mut cluster = Cluster::new(allowed, &[released.clone(), elsewhere.clone()]);
        cluster.1 = Watched::only(watched.iter().map(ToString::to_string));
        let reference = Reference { name: name.into(), namespace: Some("fares".into()) };
        let place = |place| match place {
            Place::NotWatched { because } => because,
            Place::Missing { .. } => "missing".into(),
            _ => "seen".to_string(),
        };
        let (said, _) = cluster.known(|known| match what {
            "registry" => place(registry_place(&reference, home, known)),
            "workspace" => place(workspace_place(&reference, home, known)),
            _ => match referred(&reference, home, known) {
                SourceVersion::NotWatched { because } => because,
                SourceVersion::Missing { .. } => "missing".into(),
                _ => "seen".into(),
            },
        });
        said
    };
    let all = json!({"from": "All"});
    let add = |key: &str, namespace: &str| {
        format!(
            "The operator does not watch the namespace of {key}. Add {namespace} to its --watch-namespaces (watchNamespaces in the chart's values), or name an object of a namespace that it watches."
        )
    };
    let labels = "Workspace fares/dev lets other namespaces in by their labels, which an operator with --watch-namespaces (watchNamespaces in the chart's values) does not read. Have its owner set allowedNamespaces.from to All, or have the operator watch all namespaces.";
    let both: &[&str] = &["blue", "fares"];
    for (allowed, watched, what, name, home, expected) in [
        (&all, &[][..], "workspace", "dev", "blue", "seen".to_string()),
        (&all, both, "workspace", "dev", "blue", "seen".into()),
        (&all, &["blue"], "workspace", "dev", "blue", add("Workspace fares/dev", "fares")),
        (&all, &["blue"], "registry", "models", "blue", add("Registry fares/models", "fares")),
        (&all, &["blue"], "version", "released", "blue", add("ModelVersion fares/released", "fares")),
        // What is watched and not there is missing, as ever.
        (&all, both, "workspace", "none", "blue", "missing".into()),
        (&all, both, "version", "none", "blue", "missing".into()),
        // Labels are read only where everything is watched; a place's own namespace needs none.
        (&selector, &[], "workspace", "dev", "blue", "seen".into()),
        (&selector, &[], "workspace", "dev", "green", "missing".into()),
        (&selector, both, "workspace", "dev", "blue", labels.into()),
        (&selector, both, "workspace", "dev", "fares", "seen".into()),
        (&json!({"from": "Same"}), both, "workspace", "dev", "blue", "missing".into()),
        // The registry that governs a version is not watched.
        (&all, both, "version", "elsewhere", "blue", add("Registry platform/models", "platform")),
        (&all, both, "version", "elsewhere", "fares", "seen".into()),
    ] {
        assert_eq!(
            said(allowed, watched, what, name, home),
            expected,
            "{allowed} {watched:?} {what} {name} {home}"
        );
    }
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

#[test]
fn a_policy_knows_the_registries_that_it_may_refer_to() {
    let azure = json!({"subscriptionId": "s", "resourceGroup": "rg"});
    let sources = json!([
        {"name": "released", "registryRef": {"name": "models"}, "models": ["nyc-*"]},
        {"name": "own", "thisWorkspace": {}},
        {"name": "closed", "registryRef": {"name": "closed", "namespace": "red"}},
        {"name": "lost", "registryRef": {"name": "lost"}},
        {"name": "of-a-later-version"},
    ]);
    let policy = json!({"sources": sources, "lineage": {"require": "Named"}});
    let strict = made::<Workspace>("fares", "strict", &json!({"azure": azure, "policy": policy}));
    let closed = made::<Registry>("red", "closed", &json!({"azure": azure, "location": "eastus"}));
    let mut cluster = Cluster::new(&json!({"from": "Same"}), &[]);
    let mut found = (*strict).clone();
    found.status =
        Some(crate::api::WorkspaceStatus { location: Some("eastus".into()), ..Default::default() });
    cluster.0.extend([Arc::new(found).any(), closed.any()]);
    let reference = crate::api::Reference { name: "strict".into(), namespace: None };
    let ask =
        |known: &mut Known| crate::decide::places::reference::workspace_place(&reference, "fares", known);
    let (crate::decide::Place::Ready { policy, .. }, read) = cluster.known(ask) else { panic!("not ready") };
    assert_eq!(policy.lineage, Some(crate::api::LineageRequirement::Named));
    let places: Vec<_> = policy.sources.iter().map(|s| (s.name.as_str(), s.place.as_ref())).collect();
    let (models, own) =
        (ResourceId::registry("s", "rg", "models"), ResourceId::workspace("s", "rg", "strict"));
    let expected = [
        ("released", Some(&models)),
        ("own", Some(&own)),
        ("closed", None),
        ("lost", None),
        ("of-a-later-version", None),
    ];
    assert_eq!(places, expected);
    assert_eq!(policy.sources[0].models, ["nyc-*"]);
    // Whoever looks at the policy is woken when one of its registries comes.
    let lost = crate::api::Reference { name: "lost".into(), namespace: None };
    assert!(read.contains(&ClusterRead::Object(crate::api::ObjectKey::meant::<Registry>(&lost, "fares"))));
}

/// What Azure says to a GET.
type Answers = fn() -> Result<Option<Value>, crate::azure::model::Error>;

#[test]
fn what_an_object_made_is_not_forgotten_when_its_reference_means_another_place() {
    let here = ResourceId::workspace("s", "rg", "dev").model_version("taxi", "1");
    let elsewhere = ResourceId::workspace("s", "rg", "old").model_version("taxi", "1");
    let another = ResourceId::workspace("s", "rg", "old").model_version("fare", "1");
    let ours = || Ok(Some(json!({"properties": {"tags": {"bindery-owner": "prod/fares/one"}}})));
    let theirs = || Ok(Some(json!({"properties": {"tags": {"bindery-owner": "prod/fares/two"}}})));
    let refused = || Err(crate::azure::model::Error::new(crate::azure::model::Class::Transient, "No."));
    let moment = moment(false);
    let cases: [(Option<&ResourceId>, Answers, bool); 7] = [
        (Some(&elsewhere), ours, true),
        (Some(&elsewhere), refused, true),
        (Some(&elsewhere), theirs, false),
        (Some(&elsewhere), || Ok(None), false),
        // Whatever a status says, only what the spec would name there is looked at.
        (Some(&another), ours, false),
        (Some(&here), ours, false),
        (None, ours, false),
    ];
    for (remembered, answer, led_away) in cases {
        let mut version =
            (*version("fares", "one", "taxi", &json!({"workspaceRef": {"name": "dev"}}))).clone();
        version.status = Some(crate::api::ModelVersionStatus {
            id: remembered.map(ToString::to_string),
            ..Default::default()
        });
        let cluster = Cluster::new(&json!({"from": "Same"}), &[Arc::new(version.clone())]);
        let mut known = Known::nothing(Lane::Routine, false, Served::everything());
        let facts = loop {
            let facts = gather(&version, &moment, &mut known);
            let wanted = known.wants();
            if wanted == Wanted::default() {
                break facts;
            }
            for read in wanted.cluster {
                let found = cluster.find(&read);
                known.take_in_cluster(read, found);
            }
            for read in wanted.azure {
                assert_ne!(read.what, crate::azure::model::Ask::Resource(another.clone()));
                known.take_in_azure(read, crate::azure::model::Answer::Resource(answer()));
            }
        };
        let expected = if led_away { (Some(&elsewhere), Some(&here)) } else { (Some(&here), None) };
        assert_eq!((facts.id.as_ref(), facts.led_away.as_ref()), expected, "{remembered:?}");
    }
}

/// What `fares/ours` knows of the owner that the tag of its version in Azure names.
fn tagged(
    tag: &str,
    all: &[Arc<ModelVersion>],
    let_go: &str,
    absent: Option<&(Owner, Timestamp)>,
) -> Situation {
    let prod = json!({"workspaceRef": {"name": "prod", "namespace": "fares"}});
    let ours = version("fares", "ours", "taxi", &prod);
    let cluster = Cluster::new(&json!({"from": "All"}), all);
    let tags = [("bindery-owner".to_string(), tag.to_string())].into();
    let noon = crate::decide::fixtures::noon();
    let mut known = Known::nothing(Lane::Routine, false, Served::everything());
    loop {
        let mut situation = crate::decide::fixtures::situation("fares/ours");
        (situation.now, situation.ownership.absent) = (noon, absent.cloned());
        situation.read_tags(&*ours, Some(&tags), &mut known);
        let wanted = known.wants().cluster;
        if wanted.is_empty() {
            return situation;
        }
        for read in wanted {
            let found = match &read {
                ClusterRead::LetGo(key) => Found::LetGo(&*key.name == let_go),
                ClusterRead::Owner(key) if &*key.name == "illegible" => Found::Unreadable,
                other => cluster.find(other),
            };
            known.take_in_cluster(read, found);
        }
    }
}

#[test]
fn what_is_known_of_the_owner_that_a_tag_names() {
    let prod = json!({"workspaceRef": {"name": "prod", "namespace": "fares"}});
    let going = |holds: bool| going(&*version("fares", "going", "taxi", &prod), holds);
    // It made our resource, and its workspace has been made again for another one.
    let led_away = || {
        let mut it = ModelVersion::clone(&version(
            "fares",
            "led-away",
            "taxi",
            &json!({"workspaceRef": {"name": "dev"}}),
        ));
        let id = ResourceId::workspace("s", "rg", "prod").model_version("taxi", "1");
        it.status =
            Some(serde_json::from_value(json!({"observedGeneration": 1, "id": id.to_string()})).unwrap());
        Arc::new(it)
    };
    let all = |holds| {
        vec![
            version("fares", "same", "taxi", &prod),
            version("fares", "other", "fare", &prod),
            led_away(),
            // Its workspace is not there, as in the midst of a restore.
            version("blue", "may-be", "taxi", &json!({"workspaceRef": {"name": "not-yet"}})),
            going(holds),
        ]
    };
    let of = |tag: &str| tagged(tag, &all(true), "", None).ownership.tagged.unwrap();
    let standing = |tag: &str| match of(tag) {
        Tagged::Other(_, standing) => standing,
        other => panic!("{tag} is {other:?}"),
    };
    assert_eq!(of("prod/fares/ours"), Tagged::Us);
    assert_eq!([of("other/fares/ours"), of("")], [Tagged::NoneOfThisCluster, Tagged::NoneOfThisCluster]);
    assert_eq!(standing("prod/fares/same"), Standing::Lives { going: false });
    assert_eq!(standing("prod/fares/other"), Standing::Elsewhere);
    assert_eq!(standing("prod/fares/led-away"), Standing::Lives { going: false });
    assert_eq!(standing("prod/blue/may-be"), Standing::Lives { going: false });
    assert_eq!(standing("prod/fares/going"), Standing::Lives { going: true });
    // What cannot be read is there all the same, and keeps what is its own.
    assert_eq!(standing("prod/fares/illegible"), Standing::Lives { going: false });
    // Whom no finalizer of ours holds has done what it had to do.
    let gone = tagged("prod/fares/going", &all(false), "", None);
    assert!(matches!(gone.ownership.tagged, Some(Tagged::Other(_, Standing::LetGo))));
    let gone = tagged("prod/fares/gone", &[], "gone", None);
    assert!(matches!(gone.ownership.tagged, Some(Tagged::Other(_, Standing::LetGo))));

    // An absence is counted from when it was first seen, and of each owner for itself.
    let noon = crate::decide::fixtures::noon();
    let first = tagged("prod/fares/gone", &[], "", None).ownership.absent;
    assert_eq!(first, Some((Owner::new("prod", "fares/gone"), noon)));
    let before = (Owner::new("prod", "fares/gone"), Timestamp::UNIX_EPOCH);
    assert_eq!(tagged("prod/fares/gone", &[], "", Some(&before)).ownership.absent, Some(before.clone()));
    let other = tagged("prod/fares/another", &[], "", Some(&before)).ownership.absent;
    assert_eq!(other, Some((Owner::new("prod", "fares/another"), noon)));
    assert_eq!(tagged("prod/fares/same", &all(true), "", Some(&before)).ownership.absent, None);
}

#[test]
fn an_heir_knows_the_keys_of_the_owner_before_it_inherits() {
    let dev = json!({"workspaceRef": {"name": "dev"}});
    let with_keys = |name: &str, keys: &[&str], going: bool| {
        let mut it = ModelVersion::clone(&version("fares", name, "taxi", &dev));
        it.metadata.finalizers = Some(vec![crate::api::FINALIZER.to_string()]);
        if going {
            it.metadata.deletion_timestamp =
                Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(Timestamp::UNIX_EPOCH));
        }
        let status = json!({"observedGeneration": 1, "ownedTags": keys});
        it.status = Some(serde_json::from_value(status).unwrap());
        Arc::new(it)
    };
    let owner = with_keys("old", &["a", "b"], true);
    for (keys, prepared) in [(&["b"][..], false), (&["a", "b", "c"], true)] {
        let new = with_keys("new", keys, false);
        let cluster = Cluster::new(&json!({"from": "Same"}), &[owner.clone(), new.clone()]);
        let (claimants, _) = cluster.known(|known| claimants_of(&*owner, known));
        assert_eq!(claimants.iter().map(|c| c.prepared).collect::<Vec<_>>(), [prepared], "{keys:?}");
        let (heir, _) =
            cluster.known(|known| heir(&*new, &rivals(&*new, known)).map(|it| it.current().owned_tags));
        assert_eq!(heir.unwrap(), if prepared { vec!["a", "b", "c"] } else { vec!["a", "b"] });
    }
}
