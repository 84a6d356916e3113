//! Which bindings are looked at for where a version has served.

use super::*;

const ASSET: &str = "azureml://registries/models/models/taxi/versions/1";

fn azure(name: &str) -> Value {
    json!({"subscriptionId": "s", "resourceGroup": "rg", "name": name})
}

/// A workspace of this namespace that is ready, with these fields.
fn workspace(namespace: &str, name: &str, more: &Value) -> AnyObject {
    let mut spec = json!({"azure": azure(name)});
    spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let mut it = made::<Workspace>(namespace, name, &spec);
    let ready = json!({"observedGeneration": 1, "location": "eastus"});
    Arc::make_mut(&mut it).status = Some(serde_json::from_value(ready).unwrap());
    it.any()
}

/// A binding in this workspace of `ml`, with this status.
fn binding(namespace: &str, workspace: &str, status: &Value) -> Arc<DeploymentBinding> {
    let spec = json!({"workspaceRef": {"name": workspace, "namespace": "ml"},
        "model": {"versionRef": {"name": "v", "namespace": "fares"}},
        "online": {"endpoint": {"name": "taxi"}, "deployment": {}}});
    let mut it = made::<DeploymentBinding>(namespace, workspace, &spec);
    let mut written = json!({"observedGeneration": 1});
    written.as_object_mut().unwrap().extend(status.as_object().unwrap().clone());
    Arc::make_mut(&mut it).status = Some(serde_json::from_value(written).unwrap());
    it
}

/// A version of `fares` in a registry that everybody may use.
fn released() -> [AnyObject; 2] {
    let spec = json!({"azure": azure("models"), "location": "eastus", "allowedNamespaces": {"from": "All"}});
    let place = json!({"registryRef": {"name": "models"}, "source": {"existing": {}}});
    let mut it = version("fares", "v", "taxi", &place);
    let registered = json!([{"type": "Registered", "status": "True", "reason": "Succeeded", "message": "", "lastTransitionTime": "2026-03-01T12:00:00Z"}]);
    let status = json!({"observedGeneration": 1, "assetId": "x", "conditions": registered});
    Arc::make_mut(&mut it).status = Some(serde_json::from_value(status).unwrap());
    [made::<Registry>("fares", "models", &spec).any(), it.any()]
}

/// The times that a binding in `prod` finds, in minutes, where the workspace `staging` has these fields and a binding of `fares` in it
/// this status.
fn found(staging: &Value, status: &Value) -> Vec<(String, Option<String>)> {
    let everybody = json!({"namespaces": {"from": "All"}, "name": "all"});
    let soak = json!({"soak": {"in": [{"name": "staging"}, {"name": "missing"}], "for": "24h"}});
    let prod = json!({"policy": soak, "publishers": [everybody]});
    let asking = binding("fares", "prod", &json!({}));
    let mut objects =
        vec![workspace("ml", "prod", &prod), workspace("ml", "staging", staging), asking.clone().any()];
    objects.push(binding("fares", "staging", status).any());
    // What serves in another workspace shows nothing.
    let elsewhere = json!({"deployment": "v1", "assetId": ASSET, "since": "2026-01-01T00:00:00Z"});
    objects.push(binding("fares", "other", &json!({"stable": elsewhere})).any());
    objects.push(workspace("ml", "other", &json!({"publishers": [everybody]})));
    objects.extend(released());
    let (facts, _) = Cluster(objects, Watched::all()).known(|known| gather(&*asking, &moment(false), known));
    let minute = |at: Timestamp| at.strftime("%H:%M").to_string();
    facts.soak.times.iter().map(|time| (minute(time.since), time.until.map(minute))).collect()
}

#[test]
fn the_times_of_one_version_in_the_bindings_of_a_workspace() {
    let open = json!({"publishers": [{"namespaces": {"from": "All"}, "name": "all"}]});
    let at = |minute: &str| format!("2026-03-01T{minute}:00Z");
    let stable = |asset: &str, since: &str| json!({"deployment": "v1", "assetId": asset, "since": at(since)});
    let past = |asset: &str, since: &str, until: &str| json!({"revision": "r", "outcome": "Promoted", "assetId": asset, "served": {"since": at(since), "until": at(until)}});
    let other = &ASSET.replace("/1", "/2");
    let loud = &ASSET.replace("registries/models", "registries/MODELS");
    let time = |since: &str, until: Option<&str>| (since.to_string(), until.map(str::to_string));
    let cases = [
        ("nothing", json!({}), vec![]),
        ("it serves", json!({"stable": stable(ASSET, "10:00")}), vec![time("10:00", None)]),
        ("with other letters", json!({"stable": stable(loud, "10:00")}), vec![time("10:00", None)]),
        ("another serves", json!({"stable": stable(other, "10:00")}), vec![]),
        (
            "another serves, and it did before",
            json!({"stable": stable(other, "10:00"), "history": [past(ASSET, "08:00", "10:00")]}),
            vec![time("08:00", Some("10:00"))],
        ),
        (
            "it serves in another revision than before",
            json!({"stable": stable(ASSET, "10:00"), "history": [past(ASSET, "08:00", "10:00"), past(ASSET, "07:00", "08:00")]}),
            vec![time("07:00", None)],
        ),
        (
            "another served between",
            json!({"stable": stable(ASSET, "10:00"), "history": [past(other, "09:00", "10:00"), past(ASSET, "07:00", "09:00")]}),
            vec![time("10:00", None), time("07:00", Some("09:00"))],
        ),
        (
            "it served before, and nobody knows until when",
            json!({"stable": stable(other, "10:00"), "history": [{"revision": "r", "outcome": "Promoted", "assetId": ASSET, "finishedAt": at("08:00")}]}),
            vec![],
        ),
    ];
    for (situation, status, expected) in cases {
        assert_eq!(found(&open, &status), expected, "{situation}");
    }
    let status = json!({"stable": stable(ASSET, "10:00")});
    assert_eq!(found(&json!({}), &status), [], "the binding may not make its endpoint there");
    let conflict = json!({"publishers": open["publishers"]});
    let mut closed = workspace("ml", "staging", &conflict);
    let AnyObject::Workspace(it) = &mut closed else { unreachable!() };
    let said = json!([{"type": "Ready", "status": "False", "reason": "Conflict", "message": "", "lastTransitionTime": "2026-03-01T12:00:00Z"}]);
    Arc::make_mut(it).status.as_mut().unwrap().conditions = serde_json::from_value(said).unwrap();
    let places = |staging: AnyObject, namespace: &str| {
        let key =
            ObjectKey { kind: ObjectKind::Workspace, namespace: namespace.into(), name: "staging".into() };
        let soak = json!({"soak": {"in": [{"name": "staging", "namespace": namespace}], "for": "24h"}});
        let prod = workspace("ml", "prod", &json!({"policy": soak, "publishers": open["publishers"]}));
        let asking = binding("fares", "prod", &json!({}));
        let cluster = Cluster(vec![prod, staging, asking.clone().any()], Watched::all());
        let (facts, _) = cluster.known(|known| gather(&*asking, &moment(false), known));
        let crate::decide::Place::Ready { policy, .. } = facts.place else { unreachable!() };
        let mut places = policy.soak.unwrap().places;
        assert_eq!(places[0].key, key);
        places.remove(0).closed
    };
    let missing = Some("there is none of this name, or it does not allow the namespace of this Workspace");
    assert_eq!(places(workspace("ml", "staging", &json!({})), "ml"), None);
    assert_eq!(places(closed, "ml"), Some("it is being deleted, or in Conflict"));
    assert_eq!(places(workspace("ml", "other", &json!({})), "ml"), missing);
    assert_eq!(
        places(workspace("blue", "staging", &json!({})), "blue"),
        missing,
        "it is for its own namespace"
    );
    let all = json!({"allowedNamespaces": {"from": "All"}});
    assert_eq!(places(workspace("blue", "staging", &all), "blue"), None);
}
