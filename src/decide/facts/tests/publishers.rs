//! Who may put what into a place, and who may refer to it.

use super::*;

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
    // Whoever may not even refer to it is told nothing of its rules, and only if it has something there.
    let brief = "Registry fares/models does not name namespace blue as a publisher of model taxi, and lets it refer to it no more, so Bindery changes nothing there for it. Have the owner of that Registry add the namespace to its spec.publishers. When this object is deleted, what is there stays in Azure.";
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
