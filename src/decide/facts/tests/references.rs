//! Where references lead, and who may follow them.

use super::*;

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

fn outward<K: Kind>(spec: &Value, status: &Value) -> String
where
    K::Status: serde::de::DeserializeOwned,
{
    let mut it = made::<K>("fares", "one", spec);
    let mut whole = json!({"observedGeneration": 1});
    whole.as_object_mut().unwrap().extend(status.as_object().unwrap().clone());
    *Arc::make_mut(&mut it).status_mut() = Some(serde_json::from_value(whole).unwrap());
    it.outward()
}

/// Whoever refers to an object is woken when that changes which the object says to the outside.
#[test]
fn what_others_rest_on_is_said_to_the_outside() {
    let azure = json!({"subscriptionId": "s", "resourceGroup": "rg"});
    let ready = |status: &str| {
        let at = "2026-03-01T12:00:00Z";
        json!({"conditions": [{"type": "Ready", "status": status, "reason": "Succeeded", "message": "", "lastTransitionTime": at}]})
    };
    let workspace = |status: &Value| outward::<Workspace>(&json!({"azure": azure}), status);
    let registry =
        |status: &Value| outward::<Registry>(&json!({"azure": azure, "location": "eastus"}), status);
    let spec = json!({"workspaceRef": {"name": "prod"}, "model": {"versionRef": {"name": "v"}},
        "online": {"endpoint": {"name": "taxi"}, "deployment": {}}});
    let binding = |status: &Value| outward::<DeploymentBinding>(&spec, status);
    let stable = |asset: &str| json!({"stable": {"deployment": "v1", "assetId": asset, "since": "2026-03-01T12:00:00Z"}});
    for (what, one, other) in [
        ("a workspace is ready", workspace(&ready("True")), workspace(&ready("False"))),
        ("its region", workspace(&json!({"location": "eastus"})), workspace(&json!({"location": "westus"}))),
        ("a registry is ready", registry(&ready("True")), registry(&ready("False"))),
        (
            "its address",
            registry(&json!({"discoveryUrl": "https://a"})),
            registry(&json!({"discoveryUrl": "https://b"})),
        ),
        ("what a binding serves", binding(&stable("a")), binding(&stable("b"))),
        ("whether anybody has looked", binding(&json!({"phase": "Pending"})), binding(&json!({}))),
    ] {
        assert_ne!(one, other, "{what}");
    }
}
