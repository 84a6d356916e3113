//! What may be taken down, what is out of use, and what is held by a reference.

use super::*;

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
    use crate::decide::places::reference::ending;

    let place = |name: &str| json!({"workspaceRef": {"name": name, "namespace": "fares"}});
    let retiring = |home: &str, name: &str, at: &str, more: Value| {
        let mut spec = json!({"model": "taxi", "version": "1", "source": {"uri": "azureml://x"}, "retirement": {"at": at}});
        spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        made::<ModelVersion>(home, name, &spec)
    };
    let refused = |mut it: Arc<ModelVersion>, reason: &str| {
        let condition = json!({"type": "Ready", "status": "False", "reason": reason, "message": "", "lastTransitionTime": "2026-03-01T12:00:00Z"});
        let status = json!({"observedGeneration": 1, "conditions": [condition]});
        Arc::make_mut(&mut it).status = Some(serde_json::from_value(status).unwrap());
        it
    };
    let observing = |mut it: Arc<ModelVersion>| {
        Arc::make_mut(&mut it).spec.management = crate::api::Management::Observe;
        it
    };
    let archiving = |mut it: Arc<ModelVersion>| {
        Arc::make_mut(&mut it).spec.archived = Some(true);
        it
    };
    let (early, late) = ("2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z");
    let named = || observing(version("blue", "named", "taxi", &place("prod")));
    let of = |all: Vec<Arc<ModelVersion>>| {
        let cluster = Cluster::new(&json!({"from": "All"}), &all);
        let reference = crate::api::Reference { name: "named".into(), namespace: None };
        let id = ResourceId::workspace("s", "rg", "prod").model_version("taxi", "1");
        let (found, read) = cluster.known(|known| ending(&reference, &id, "blue", known));
        let name = Name::ending("workspaces/-/models/taxi/versions/1");
        let wakes = read.contains(&ClusterRead::Naming(ObjectKind::ModelVersion, name));
        let archived = found.archived.then(|| "archived".to_string());
        (found.retirement.map(|it| it.at.to_string()).or(archived), wakes)
    };
    let keeper = |at: &str| retiring("fares", "keeper", at, place("prod"));
    for (what, all, expected) in [
        ("nobody says anything", vec![named()], (None, true)),
        ("its keeper does", vec![named(), keeper(early)], (Some(early), true)),
        (
            "both do: the earlier one counts",
            vec![retiring("blue", "named", late, place("prod")), keeper(early)],
            (Some(early), true),
        ),
        (
            "the same, the other way round",
            vec![retiring("blue", "named", early, place("prod")), keeper(late)],
            (Some(early), true),
        ),
        (
            "its keeper is suspended, or was refused by Azure for a moment",
            vec![named(), refused(keeper(early), "Unauthorized")],
            (Some(early), true),
        ),
        (
            "who may publish there has a say, also by looking on",
            vec![named(), observing(keeper(early))],
            (Some(early), true),
        ),
        (
            "who is deleted has a say until the finalizer is off",
            vec![named(), going(&*keeper(early), true)],
            (Some(early), true),
        ),
        ("and then none", vec![named(), going(&*keeper(early), false)], (None, true)),
        (
            "its keeper has it archived",
            vec![named(), archiving(version("fares", "keeper", "taxi", &place("prod")))],
            (Some("archived"), true),
        ),
        (
            "who may not publish there does not",
            vec![named(), archiving(version("green", "keeper", "taxi", &place("prod")))],
            (None, true),
        ),
        (
            "who may not publish there has none",
            vec![named(), retiring("green", "keeper", early, place("prod"))],
            (None, true),
        ),
        (
            "nor has the same number in another workspace",
            vec![named(), retiring("fares", "keeper", early, place("dev"))],
            (None, true),
        ),
    ] {
        let (at, wakes) = of(all);
        assert_eq!((at.as_deref(), wakes), expected, "{what}");
    }
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
