#![allow(clippy::unwrap_used)]

use serde_json::{Value, json};

use super::*;
use crate::api::{
    AnyObject, DeploymentBinding, ModelVersion, Object, ObjectKind, Reason, Registry, Workspace,
};
use crate::decide::Served;

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
        trouble: Trouble::default(),
        handover: Duration::ZERO,
        absent: None,
    }
}

/// The other objects that lay claim to what an object stands for.
fn claimants_of<K: Kind>(object: &K, known: &mut Known) -> Vec<Claimant> {
    let rivals = rivals(object, known);
    claimants(object, &rivals, known)
}

fn key_of(object: &AnyObject) -> crate::api::ObjectKey {
    match object {
        AnyObject::Registry(it) => it.key(),
        AnyObject::Workspace(it) => it.key(),
        AnyObject::ModelVersion(it) => it.key(),
        AnyObject::DeploymentBinding(it) => it.key(),
    }
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
            ClusterRead::Object(key) if !self.1.sees(&key.namespace) => Found::NotWatched,
            ClusterRead::Namespace(_) if !self.1.reads_labels() => Found::NotWatched,
            ClusterRead::Object(key) => Found::Object(self.0.iter().find(|it| key_of(it) == *key).cloned()),
            ClusterRead::Naming(kind, name) => {
                let naming = |it: &&AnyObject| match it {
                    AnyObject::ModelVersion(it) => it.names().contains(name),
                    AnyObject::DeploymentBinding(it) => it.names().contains(name),
                    AnyObject::Workspace(it) => it.names().contains(name),
                    AnyObject::Registry(_) => false,
                };
                let of_the_kind = |it: &&AnyObject| key_of(it).kind == *kind;
                Found::Naming(self.0.iter().filter(naming).filter(of_the_kind).cloned().collect())
            }
            ClusterRead::Namespace(name) => {
                let labels = [("team".to_string(), name.to_string())].into();
                Found::Namespace(Namespace { labels, ends: false })
            }
            ClusterRead::LetGo(_) => Found::LetGo(false),
        }
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

#[test]
fn whom_the_place_does_not_let_in_lays_no_claim() {
    let prod = json!({"workspaceRef": {"name": "prod", "namespace": "fares"}});
    let (ours, theirs) = (version("fares", "ours", "taxi", &prod), version("blue", "theirs", "taxi", &prod));
    let selector = |team: &str| json!({"from": "Selector", "selector": {"matchLabels": {"team": team}}});
    let publishing =
        |namespaces: Value, models: Value| json!([{"name": "a", "namespaces": namespaces, "models": models}]);
    let every = || json!(["*"]);
    for (publishers, claims, asks_for_labels) in [
        (json!([]), false, false),
        (publishing(json!({"from": "Same"}), every()), false, false),
        (publishing(json!({"from": "All"}), every()), true, false),
        // Whoever may publish other models only has no claim on this one.
        (publishing(json!({"from": "All"}), json!(["fare-*"])), false, false),
        (publishing(json!({"from": "All"}), json!([])), false, false),
        (publishing(selector("blue"), json!(["TAXI"])), true, true),
        (publishing(selector("green"), every()), false, true),
    ] {
        // That it may refer to the place gives it none.
        let fields = json!({"allowedNamespaces": {"from": "All"}, "publishers": publishers});
        let cluster = Cluster::with(&fields, &[ours.clone(), theirs.clone()]);
        let (claimants, read) = cluster.known(|known| claimants_of(&*ours, known));
        assert_eq!(claimants.len(), usize::from(claims), "{publishers}");
        // Labels are only asked for where they matter.
        let labels = read.contains(&ClusterRead::Namespace("blue".into()));
        assert_eq!(labels, asks_for_labels, "{publishers}");
    }
}

/// A selector that asks for the absence of a label holds of a namespace whose labels nobody has looked at.
#[test]
fn a_selector_is_held_against_the_labels_that_the_namespace_has() {
    use crate::decide::places::reference::workspace_place;
    use crate::decide::{Place, Right};

    let not = |team: &str| {
        let without = json!([{"key": "team", "operator": "NotIn", "values": [team]}]);
        json!({"from": "Selector", "selector": {"matchExpressions": without}})
    };
    let prod = json!({"workspaceRef": {"name": "prod", "namespace": "fares"}});
    let theirs = version("blue", "theirs", "taxi", &prod);
    let reference = crate::api::Reference { name: "prod".into(), namespace: Some("fares".into()) };
    for (team, watched, expected) in [
        ("blue", Watched::all(), "missing, no publisher"),
        ("red", Watched::all(), "seen, publisher"),
        ("red", Watched::only(["blue".into(), "fares".into()]), "not watched, not watched"),
    ] {
        let publishers = json!([{"name": "a", "namespaces": not(team)}]);
        let fields = json!({"allowedNamespaces": not(team), "publishers": publishers});
        let mut cluster = Cluster::with(&fields, std::slice::from_ref(&theirs));
        cluster.1 = watched;
        let (place, _) = cluster.known(|known| workspace_place(&reference, "blue", known));
        let place = match place {
            Place::Missing { .. } => "missing",
            Place::NotWatched { .. } => "not watched",
            _ => "seen",
        };
        let right = match cluster.known(|known| theirs.let_in(known)).0.unwrap() {
            Right::Granted => "publisher",
            Right::Denied { .. } => "no publisher",
            Right::NotWatched { .. } => "not watched",
        };
        assert_eq!(format!("{place}, {right}"), expected, "{team}");
    }
}

/// Who may publish which model and make which endpoint, and what everybody else hears.
#[test]
fn a_place_names_its_publishers_and_what_they_publish() {
    use crate::decide::Right;

    let selector = |team: &str| json!({"from": "Selector", "selector": {"matchLabels": {"team": team}}});
    let entry = |namespaces: &Value, lists: Value| {
        let mut entry = json!({"name": "a", "namespaces": namespaces});
        entry.as_object_mut().unwrap().extend(lists.as_object().unwrap().clone());
        entry
    };
    let (all, same, blue) = (json!({"from": "All"}), json!({"from": "Same"}), selector("blue"));
    let place = json!({"workspaceRef": {"name": "prod", "namespace": "fares"}});
    let registered = json!({"registryRef": {"name": "models", "namespace": "fares"}});
    let may = |publishers: &Value, namespace: &str, model: &str, endpoint: &str| {
        let fields = json!({"allowedNamespaces": {"from": "All"}, "publishers": publishers});
        let cluster = Cluster::with(&fields, &[]);
        let spec = json!({"workspaceRef": {"name": "prod", "namespace": "fares"}, "model": {"versionRef": {"name": "v"}},
            "online": {"endpoint": {"name": endpoint}, "deployment": {}}});
        let binding = made::<DeploymentBinding>(namespace, "b", &spec);
        let version = version(namespace, "v", model, &place);
        let granted = |right: Option<Right>| right == Some(Right::Granted);
        (
            granted(cluster.known(|known| version.let_in(known)).0),
            granted(cluster.known(|known| binding.let_in(known)).0),
        )
    };
    for (publishers, namespace, model, endpoint, expected) in [
        // Without a list, the own namespace.
        (json!([]), "fares", "taxi", "taxi", (true, true)),
        (json!([]), "blue", "taxi", "taxi", (false, false)),
        // A list replaces that.
        (json!([entry(&blue, json!({}))]), "fares", "taxi", "taxi", (false, false)),
        (json!([entry(&blue, json!({}))]), "blue", "taxi", "taxi", (true, true)),
        (json!([entry(&blue, json!({})), entry(&same, json!({}))]), "fares", "taxi", "taxi", (true, true)),
        (json!([entry(&same, json!({}))]), "blue", "taxi", "taxi", (false, false)),
        (json!([entry(&selector("fares"), json!({}))]), "fares", "taxi", "taxi", (true, true)),
        // Which models, and which endpoints: whole names, in any case.
        (json!([entry(&all, json!({"models": ["nyc-*"]}))]), "blue", "NYC-taxi", "x", (true, true)),
        (json!([entry(&all, json!({"models": ["nyc-*"]}))]), "blue", "my-nyc-taxi", "x", (false, true)),
        (json!([entry(&all, json!({"models": ["Taxi"]}))]), "blue", "taxi", "x", (true, true)),
        (json!([entry(&all, json!({"models": ["taxi"]}))]), "blue", "taxi-2", "x", (false, true)),
        (json!([entry(&all, json!({"models": ["a*c*e"]}))]), "blue", "abcde", "x", (true, true)),
        (json!([entry(&all, json!({"models": ["tax?"]}))]), "blue", "taxi", "x", (false, true)),
        (json!([entry(&all, json!({"endpoints": ["b-*"]}))]), "blue", "taxi", "B-1", (true, true)),
        (json!([entry(&all, json!({"endpoints": ["b-*"]}))]), "blue", "taxi", "a-1", (true, false)),
        (
            json!([entry(&all, json!({"models": [], "endpoints": ["b-*"]}))]),
            "blue",
            "b",
            "b-1",
            (false, true),
        ),
        // An entry counts as a whole.
        (
            json!([entry(&blue, json!({"models": ["a"]})), entry(&same, json!({"models": ["b"]}))]),
            "blue",
            "b",
            "x",
            (false, true),
        ),
    ] {
        let found = may(&publishers, namespace, model, endpoint);
        assert_eq!(found, expected, "{publishers} {namespace} {model} {endpoint}");
    }

    let told = |fields: Value, namespace: &str, place: &Value| {
        let cluster = Cluster::with(&fields, &[]);
        let version = version(namespace, "v", "taxi", place);
        match cluster.known(|known| version.let_in(known)).0 {
            Some(Right::Denied { because, .. }) => because,
            other => format!("{other:?}"),
        }
    };
    let open = json!({"from": "All"});
    assert_eq!(
        told(json!({"allowedNamespaces": open}), "blue", &place),
        "Workspace fares/prod does not name namespace blue as a publisher of model taxi, so Bindery changes nothing there for it. Have the owner of that Workspace add {name: blue, namespaces: {from: Selector, selector: {matchLabels: {kubernetes.io/metadata.name: blue}}}, models: [taxi]} to its spec.publishers (a list replaces the default, so fares has to be in it too where it publishes); or set spec.management to Observe, which only looks."
    );
    let listed = json!({"publishers": [entry(&blue, json!({}))]});
    assert_eq!(
        told(listed, "fares", &place),
        "Workspace fares/prod does not name namespace fares as a publisher of model taxi, so Bindery changes nothing there for it. Have the owner of that Workspace add {name: fares, namespaces: {from: Same}, models: [taxi]} to its spec.publishers; or set spec.management to Observe, which only looks."
    );
    // Whoever may not even refer to it is told nothing of its rules.
    let brief = "Registry fares/models does not name namespace blue as a publisher of model taxi.";
    assert_eq!(told(json!({}), "blue", &registered), brief);
}

/// A reference from a namespace that the registry does not let in keeps nobody from deleting the registry.
#[test]
fn only_those_who_may_refer_to_a_registry_hold_it() {
    let azure = json!({"subscriptionId": "s", "resourceGroup": "rg"});
    let spec = json!({"azure": azure, "location": "eastus", "deletionPolicy": "Delete",
        "publishers": [{"name": "blue", "namespaces": {"from": "Selector", "selector": {"matchLabels": {"team": "blue"}}}}]});
    let mut going = made::<Registry>("fares", "models", &spec);
    Arc::make_mut(&mut going).metadata.deletion_timestamp =
        Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(Timestamp::UNIX_EPOCH));
    let place = json!({"registryRef": {"name": "models", "namespace": "fares"}});
    let versions: Vec<_> =
        ["fares", "blue", "red"].map(|home| version(home, "v", "taxi", &place)).into_iter().collect();
    let mut cluster = Cluster::new(&json!({"from": "Same"}), &versions);
    cluster.0.retain(|it| !matches!(it, AnyObject::Registry(_)));
    cluster.0.push(going.clone().any());
    let mut known = Known::nothing(Lane::Routine, false, Served::everything());
    let referrers = loop {
        let facts = gather(&*going, &moment(false), &mut known);
        let wanted = known.wants();
        if wanted == crate::decide::facts::Wanted::default() {
            break facts.situation.referrers.unwrap();
        }
        for read in wanted.cluster {
            let found = cluster.find(&read);
            known.take_in_cluster(read, found);
        }
        for read in wanted.azure {
            let answer = match &read.what {
                crate::azure::model::Ask::Resource(_) => {
                    let found = crate::decide::fixtures::registry_found(&["eastus"], &[]);
                    crate::azure::model::Answer::Resource(Ok(Some(serde_json::to_value(found).unwrap())))
                }
                _ => crate::azure::model::Answer::Collection(Ok(vec![])),
            };
            known.take_in_azure(read, answer);
        }
    };
    assert_eq!((referrers.own, referrers.others), (vec!["ModelVersion v".into()], vec!["blue".into()]));
}

/// Whoever publishes may refer to the place too, without being named twice.
#[test]
fn a_publisher_may_refer_to_its_place_and_its_versions() {
    use crate::decide::places::reference::workspace_place;
    use crate::decide::{Adopting, Place};

    let blue = json!({"from": "Selector", "selector": {"matchLabels": {"team": "blue"}}});
    let fields = json!({"publishers": [{"name": "blue", "namespaces": blue, "models": ["other"]}], "adoption": "Allow"});
    let cluster = Cluster::with(&fields, &[]);
    let reference = crate::api::Reference { name: "prod".into(), namespace: Some("fares".into()) };
    for (namespace, seen) in [("blue", true), ("green", false), ("fares", true)] {
        let (place, _) = cluster.known(|known| workspace_place(&reference, namespace, known));
        assert_eq!(!matches!(place, Place::Missing { .. }), seen, "{namespace}");
    }
    let adopting = |place: &Value| {
        let version = version("blue", "v", "taxi", place);
        cluster.known(|known| version.adopting(known)).0
    };
    let said = |allowed, by: &str| Adopting { allowed, said_by: by.into() };
    let (fares, own) = (Some("fares"), None::<&str>);
    assert_eq!(
        adopting(&json!({"workspaceRef": {"name": "prod", "namespace": fares}})),
        said(true, "Workspace fares/prod")
    );
    assert_eq!(
        adopting(&json!({"registryRef": {"name": "models", "namespace": fares}})),
        said(false, "Registry fares/models")
    );
    assert_eq!(adopting(&json!({"workspaceRef": {"name": "prod", "namespace": own}})), said(false, ""));
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
fn whom_no_identity_serves_reads_nothing_and_claims_nothing() {
    let allowed = r#"[{"namespaces": ["fares"], "subscriptions": ["*"], "resourceGroups": ["other"]}]"#;
    let azure = json!({"subscriptionId": "s", "resourceGroup": "rg"});
    let workspace = |namespace| {
        made::<Workspace>(namespace, "prod", &json!({"azure": azure, "allowedNamespaces": {"from": "All"}}))
    };
    let registry = made::<Registry>("fares", "models", &json!({"azure": azure, "location": "eastus"}));
    let objects: Vec<AnyObject> =
        vec![workspace("fares").any(), workspace("blue").any(), registry.clone().any()];
    let mut asked: Vec<String> = vec![];
    for (served, reads) in [(Served::parse(allowed).unwrap(), false), (Served::everything(), true)] {
        let cluster = Cluster(objects.clone(), Watched::all());
        let moment = moment(false);
        let mut known = Known::nothing(Lane::Routine, false, served);
        loop {
            gather(&*workspace("fares"), &moment, &mut known);
            gather(&*registry, &moment, &mut known);
            let it = version("fares", "v", "taxi", &json!({"workspaceRef": {"name": "prod"}}));
            gather(&*it, &moment, &mut known);
            let wanted = known.wants();
            if wanted.cluster.is_empty() {
                asked = wanted.azure.iter().map(|read| format!("{:?}", read.what)).collect();
                break;
            }
            for read in wanted.cluster {
                let found = cluster.find(&read);
                known.take_in_cluster(read, found);
            }
        }
        assert_eq!(!asked.is_empty(), reads, "{asked:?}");
        // Nobody is put into conflict by a place that no identity serves.
        assert_eq!(workspace("blue").let_in(&mut known) == Some(Right::Granted), reads);
    }
}

/// As whom an object acts, and as whom it is read.
fn whose<K: Kind>(object: &K, cluster: &Cluster) -> (String, Vec<String>) {
    let (acting, _) = cluster.known(|known| gather(object, &moment(false), known).situation().acting.clone());
    let mut known = Known::nothing(Lane::Routine, false, Served::everything());
    let asked = loop {
        gather(object, &moment(false), &mut known);
        let wanted = known.wants();
        if wanted.cluster.is_empty() {
            break wanted.azure.iter().map(|read| read.errand.principal.to_string()).collect();
        }
        for read in wanted.cluster {
            let found = cluster.find(&read);
            known.take_in_cluster(read, found);
        }
    };
    (acting.map_or_else(|why| why, |who| who.to_string()), asked)
}

/// As whom each place of the cluster acts, and what is in it is read.
#[test]
fn what_is_in_a_place_is_read_as_the_place() {
    let azure = json!({"subscriptionId": "s", "resourceGroup": "rg"});
    let with = |account: &str| {
        json!({"azure": azure, "location": "eastus", "allowedNamespaces": {"from": "All"},
        "credentials": {"serviceAccountName": account}})
    };
    let own = made::<Workspace>("fares", "own", &json!({"azure": azure}));
    let dev = made::<Workspace>("fares", "dev", &with("dev"));
    let models = made::<Registry>("platform", "models", &with("models"));
    let in_dev = json!({"workspaceRef": {"name": "dev"}});
    let trained = version("fares", "trained", "taxi", &in_dev);
    let promotion = json!({"registryRef": {"name": "models", "namespace": "platform"},
        "source": {"modelVersionRef": {"name": "trained"}}});
    let promoted = version("fares", "promoted", "taxi", &promotion);
    let from_blue =
        version("blue", "other", "taxi", &json!({"workspaceRef": {"name": "dev", "namespace": "fares"}}));
    let lost = version("fares", "lost", "taxi", &json!({"workspaceRef": {"name": "nowhere"}}));
    let objects = [
        own.clone().any(),
        dev.clone().any(),
        models.clone().any(),
        trained.clone().any(),
        promoted.clone().any(),
        from_blue.clone().any(),
        lost.clone().any(),
    ];
    let cluster = Cluster(objects.to_vec(), Watched::all());
    let place =
        |account: &str| (format!("service account {account}"), vec![format!("service account {account}")]);
    let operator = "the operator's own identity".to_string();
    assert_eq!(whose(&*own, &cluster), (operator.clone(), vec![operator.clone()]));
    assert_eq!(whose(&*dev, &cluster), place("fares/dev"));
    assert_eq!(whose(&*models, &cluster), place("platform/models"));
    // Of a version it is its place's, in whatever namespace that is; what is not ready is not looked into.
    assert_eq!(whose(&*trained, &cluster).0, "service account fares/dev");
    assert_eq!(whose(&*promoted, &cluster).0, "service account platform/models");
    assert_eq!(whose(&*from_blue, &cluster).0, "service account fares/dev");
    // Of a place that is gone nobody knows the account.
    assert_eq!(whose(&*lost, &cluster).0, operator);
}

/// An identity of one's own gives a claim to what it may read, and to nothing else.
#[test]
fn whom_azure_does_not_let_in_claims_nothing() {
    let azure = json!({"subscriptionId": "s", "resourceGroup": "rg"});
    let workspace = |credentials: bool, seen: bool, reason: Reason| {
        let mut it = made::<Workspace>("fares", "prod", &json!({"azure": azure}));
        let workspace = Arc::make_mut(&mut it);
        workspace.spec.credentials =
            credentials.then(|| serde_json::from_value(json!({"serviceAccountName": "a"})).unwrap());
        let said = json!({"type": "Ready", "status": "False", "reason": reason.to_string(), "message": "",
            "lastTransitionTime": "2026-03-01T12:00:00Z"});
        let status =
            json!({"observedGeneration": 1, "workspaceId": seen.then_some("guid"), "conditions": [said]});
        workspace.status = Some(serde_json::from_value(status).unwrap());
        it
    };
    for (credentials, seen, reason, claims) in [
        (true, true, Reason::Succeeded, true),
        (true, true, Reason::Conflict, true),
        (true, true, Reason::Unreachable, true),
        (true, false, Reason::Unreachable, false),
        (true, true, Reason::Unauthorized, false),
        (true, true, Reason::CredentialFailed, false),
        (true, true, Reason::NotInAzure, false),
        // Where the operator's own identity serves, an administrator has listed the place.
        (false, false, Reason::Unauthorized, true),
    ] {
        let mut known = Known::nothing(Lane::Routine, false, Served::everything());
        let may = workspace(credentials, seen, reason).let_in(&mut known);
        assert_eq!(may == Some(Right::Granted), claims, "{credentials} {seen} {reason:?}");
    }
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
                ClusterRead::Object(key) if &*key.name == "illegible" => Found::Unreadable,
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

/// Of a copy in a registry that no tag says the owner of, Azure says who made it.
#[test]
fn a_copy_is_known_by_who_made_it() {
    use crate::azure::model::{Answer, Ask};

    let azure = json!({"subscriptionId": "s", "resourceGroup": "rg"});
    let place = |account: &str| json!({"azure": azure, "location": "eastus", "credentials": {"serviceAccountName": account}});
    let mut dev = made::<Workspace>("fares", "dev", &place("dev"));
    let ready = serde_json::to_value(crate::decide::fixtures::ready()).unwrap();
    let status =
        json!({"observedGeneration": 1, "location": "eastus", "workspaceId": "guid", "conditions": ready});
    Arc::make_mut(&mut dev).status = Some(serde_json::from_value(status).unwrap());
    let mut models = made::<Registry>("fares", "models", &place("models"));
    let status = json!({"observedGeneration": 1, "discoveryUrl": "https://x", "conditions": ready});
    Arc::make_mut(&mut models).status = Some(serde_json::from_value(status).unwrap());
    let mut source = version("fares", "source", "taxi", &json!({"workspaceRef": {"name": "dev"}}));
    let registered = json!([{"type": "Registered", "status": "True", "reason": "Succeeded", "message": "", "lastTransitionTime": "2026-03-01T12:00:00Z"}]);
    let status = json!({"observedGeneration": 1, "assetId": "x", "conditions": registered});
    Arc::make_mut(&mut source).status = Some(serde_json::from_value(status).unwrap());
    let promotion =
        json!({"registryRef": {"name": "models"}, "source": {"modelVersionRef": {"name": "source"}}});
    let copy = version("fares", "copy", "taxi", &promotion);
    let cluster = Cluster(vec![dev.any(), models.any(), source.any(), copy.clone().any()], Watched::all());
    let look = |created_by: &str, tags: Value| {
        let mut known = Known::nothing(Lane::Routine, false, Served::default());
        let mut asked = vec![];
        loop {
            let facts = gather(&*copy, &moment(false), &mut known);
            let wanted = known.wants();
            if wanted == Wanted::default() {
                return (facts.copied_by_us, asked);
            }
            for read in wanted.cluster {
                let found = cluster.find(&read);
                known.take_in_cluster(read, found);
            }
            for read in wanted.azure {
                let answer = match &read.what {
                    Ask::Names => {
                        asked.push(read.errand.principal.to_string());
                        Answer::Names(Ok(vec!["oid".into(), "appid".into()]))
                    }
                    _ => Answer::Resource(Ok(Some(json!({"systemData": {"createdBy": created_by},
                        "properties": {"tags": tags}})))),
                };
                known.take_in_azure(read, answer);
            }
        }
    };
    let ours = |created_by: &str, owner: &str| look(created_by, json!({"bindery-owner": owner}));
    let described = |created_by: &str| look(created_by, json!({"team": "somebody"})).0;
    assert!(look("appid", json!({})).0);
    // It is the identity of the source's place that publishes.
    assert_eq!(ours("appid", "other/x/y"), (true, vec!["service account fares/dev".to_string()]));
    assert!(!ours("Ada", "other/x/y").0);
    assert!(!described("appid"), "what somebody has described is theirs");
    assert_eq!(ours("appid", "prod/fares/copy"), (false, vec![]), "its tag says that it is ours");
}

/// A promotion lets two places act, and lends the identity of neither to anybody.
#[test]
fn the_identity_of_a_place_publishes_only_where_it_may() {
    use crate::decide::places::reference::refuses_to_publish;

    let azure = |name: &str| json!({"subscriptionId": "s", "resourceGroup": "rg", "name": name});
    let place = |name: &str, account: Option<&str>, more: Value| {
        let mut spec =
            json!({"azure": azure(name), "location": "eastus", "allowedNamespaces": {"from": "All"}});
        if let Some(account) = account {
            spec["credentials"] = json!({"serviceAccountName": account});
        }
        spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        spec
    };
    let open = json!({"publishers": [{"name": "all", "namespaces": {"from": "All"}}]});
    let served = Served::parse(
        r#"[{"namespaces": ["ml"], "subscriptions": ["*"]}, {"namespaces": ["listed"], "subscriptions": ["*"]}]"#,
    )
    .unwrap();
    // (workspace: namespace, account, publishers), (registry: namespace, account) -> why not, for an object of `fares`.
    let of = |from: (&str, Option<&str>, &Value), into: (&str, Option<&str>)| {
        let dev = made::<Workspace>(from.0, "dev", &place("dev", from.1, from.2.clone()));
        let models = made::<Registry>(into.0, "models", &place("models", into.1, json!({})));
        let source = version(
            "fares",
            "source",
            "taxi",
            &json!({"workspaceRef": {"name": "dev", "namespace": from.0}}),
        );
        let cluster = Cluster(vec![dev.any(), models.any(), source.any()], Watched::all());
        let reference = |name: &str, namespace: &str| crate::api::Reference {
            name: name.into(),
            namespace: Some(namespace.into()),
        };
        let mut known = Known::nothing(Lane::Routine, false, served.clone());
        loop {
            let refused = refuses_to_publish(
                &reference("source", "fares"),
                &reference("models", into.0),
                "fares",
                &mut known,
            );
            let wanted = known.wants().cluster;
            if wanted.is_empty() {
                return refused.map(|(reason, _)| reason);
            }
            for read in wanted {
                let found = cluster.find(&read);
                known.take_in_cluster(read, found);
            }
        }
    };
    let no = Some(Reason::IdentityNotAllowed);
    let none = json!({});
    // Of the platform's places, both: with any accounts.
    assert_eq!(of(("ml", None, &open), ("ml", None)), None);
    assert_eq!(of(("ml", Some("dev"), &open), ("ml", Some("models"))), None);
    // Into a registry that somebody declares in a namespace of their own, only where the administrator lists that.
    assert_eq!(of(("ml", None, &open), ("fares", Some("mine"))), no);
    assert_eq!(of(("ml", Some("dev"), &open), ("fares", Some("mine"))), no);
    assert_eq!(of(("ml", None, &open), ("listed", None)), None);
    assert_eq!(of(("ml", None, &open), ("listed", Some("mine"))), None);
    // An own identity may be used for whatever it may do.
    assert_eq!(of(("fares", Some("mine"), &none), ("ml", None)), None);
    // Whoever only looks at a workspace promotes nothing from it.
    assert_eq!(of(("ml", None, &none), ("ml", None)), Some(Reason::NotAPublisher));
}

#[test]
fn a_registry_that_only_observes_anothers_gives_nobody_a_right() {
    let azure = json!({"subscriptionId": "s", "resourceGroup": "rg", "name": "models"});
    let registry = |namespace: &str, name: &str, management: &str| {
        let spec = json!({"azure": azure, "location": "eastus", "management": management});
        made::<Registry>(namespace, name, &spec)
    };
    let version = version("fares", "v", "taxi", &json!({"registryRef": {"name": "mine"}}));
    for (mine, theirs, may) in
        [("Observe", "Manage", false), ("Observe", "Observe", true), ("Manage", "Manage", true)]
    {
        let theirs = registry("ml", "models", theirs);
        let objects =
            vec![registry("fares", "mine", mine).any(), theirs.clone().any(), version.clone().any()];
        let cluster = Cluster(objects, Watched::all());
        let mut known = Known::nothing(Lane::Routine, false, Served::everything());
        let right = loop {
            let right = version.let_in(&mut known);
            let wanted = known.wants().cluster;
            if wanted.is_empty() {
                break right;
            }
            for read in wanted {
                let found = match &read {
                    ClusterRead::Naming(crate::api::ObjectKind::Registry, _) => {
                        Found::Naming(vec![registry("fares", "mine", mine).any(), theirs.clone().any()])
                    }
                    other => cluster.find(other),
                };
                known.take_in_cluster(read, found);
            }
        };
        assert_eq!(right == Some(Right::Granted), may, "{mine} {right:?}");
    }
}

/// Whoever may read a workspace in Azure with an account of their own puts no place into conflict that an administrator lists.
#[test]
fn what_is_listed_comes_before_what_somebodys_account_can_read() {
    let azure = json!({"subscriptionId": "s", "resourceGroup": "rg", "name": "prod"});
    let place = |namespace: &str, own: bool| {
        let mut it = made::<Workspace>(namespace, "prod", &json!({"azure": azure}));
        let workspace = Arc::make_mut(&mut it);
        workspace.spec.credentials =
            own.then(|| serde_json::from_value(json!({"serviceAccountName": "a"})).unwrap());
        workspace.status =
            Some(serde_json::from_value(json!({"observedGeneration": 1, "workspaceId": "guid"})).unwrap());
        it
    };
    for (ours, theirs, namespace, contested) in [
        (false, true, "theirs", false),
        (true, false, "theirs", true),
        (true, true, "theirs", true),
        (false, false, "theirs", true),
        (false, true, "ours", true),
    ] {
        let (ours, theirs) = (place("ours", ours), place(namespace, theirs));
        let mut known = Known::nothing(Lane::Routine, false, Served::everything());
        let claimants = claimants(&*ours, &[theirs], &mut known);
        assert_eq!(!claimants.is_empty(), contested, "{namespace} {:?}", ours.spec.credentials);
    }
}
