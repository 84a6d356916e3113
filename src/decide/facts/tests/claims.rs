//! Which objects mean the same resource, and which of them have a claim to it.

use super::*;

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
fn what_an_object_could_do_is_known_by_its_manifest_and_its_finalizer() {
    let dev = |management: &str| json!({"workspaceRef": {"name": "dev"}, "management": management});
    let lives = version("fares", "lives", "taxi", &dev("Manage"));
    let watches = version("fares", "watches", "taxi", &dev("Observe"));
    let (goes, gone) = (going(&*lives, true), going(&*lives, false));
    let asks = version("fares", "asks", "taxi", &dev("Manage"));
    let all = [asks.clone(), lives.clone(), watches.clone()];
    let roles = [lives, watches, goes, gone].map(|it| Role::of(&*it));
    let cluster = Cluster::new(&json!({"from": "Same"}), &all);
    let (claimants, _) = cluster.known(|known| claimants_of(&*asks, known));
    let manages: Vec<_> = claimants.into_iter().map(|it| (it.name, it.manages)).collect();
    assert_eq!(manages, [("fares/lives".to_string(), true), ("fares/watches".to_string(), false)]);
    assert_eq!(roles, [Some(Role::Manages), Some(Role::Observes), Some(Role::Leaves), None]);
}
