//! Which approvals are looked at for whom, and who may know of the version that an approval is about.

use super::*;
use crate::api::Approval;
use crate::azure::model::{Answer, Ask};
use crate::decide::SourceVersion;

fn azure(name: &str) -> Value {
    json!({"subscriptionId": "s", "resourceGroup": "rg", "name": name})
}

/// The workspace `prod` of the platform, whose policy names these namespaces, and which `fares` may use.
fn prod(approvers: &[&str]) -> Arc<Workspace> {
    let spec = json!({"azure": azure("prod"), "allowedNamespaces": {"from": "All"}, "tier": "production",
        "policy": {"approvals": {"fromNamespaces": approvers}}});
    let mut it = made::<Workspace>("ml", "prod", &spec);
    let ready = json!({"observedGeneration": 1, "location": "eastus"});
    Arc::make_mut(&mut it).status = Some(serde_json::from_value(ready).unwrap());
    it
}

/// A registry of the platform, for these namespaces, and a version of `fares` in it.
fn released(allowed: &Value) -> [AnyObject; 2] {
    let team = json!({"from": "Selector", "selector": {"matchLabels": {"team": "fares"}}});
    let spec = json!({"azure": azure("shared"), "location": "eastus", "allowedNamespaces": allowed,
        "publishers": [{"name": "fares", "namespaces": team}]});
    let registry = made::<Registry>("ml", "models", &spec);
    let place = json!({"registryRef": {"name": "models", "namespace": "ml"}, "source": {"existing": {}}});
    let mut it = version("fares", "v", "taxi", &place);
    let registered = json!([{"type": "Registered", "status": "True", "reason": "Succeeded", "message": "", "lastTransitionTime": "2026-03-01T12:00:00Z"}]);
    let status = json!({"observedGeneration": 1, "assetId": "x", "conditions": registered});
    Arc::make_mut(&mut it).status = Some(serde_json::from_value(status).unwrap());
    [registry.any(), it.any()]
}

fn approval(namespace: &str, name: &str, asset: &str) -> Arc<Approval> {
    let spec = json!({"modelVersionRef": {"name": "v", "namespace": "fares"}, "assetId": asset,
        "decision": "Approved", "by": "ada"});
    made::<Approval>(namespace, name, &spec)
}

const ASSET: &str = "azureml://registries/shared/models/taxi/versions/1";

#[test]
fn whoever_decides_need_not_be_let_in_but_some_workspace_that_asks_is() {
    let of = |approvers: &[&str], allowed: Value| {
        let it = approval("risk", "a", ASSET);
        let mut objects = vec![prod(approvers).any(), it.clone().any()];
        objects.extend(released(&allowed));
        let (facts, _) = Cluster(objects, Watched::all()).known(|known| gather(&*it, &moment(false), known));
        (matches!(facts.version, SourceVersion::Ready { .. }), facts.places.len())
    };
    let (same, all) = (json!({"from": "Same"}), json!({"from": "All"}));
    assert_eq!(of(&["risk"], same.clone()), (true, 1), "the registry is for the namespace of the workspace");
    assert_eq!(of(&["audit"], same), (false, 0), "nobody asks, so nothing is told");
    assert_eq!(of(&["audit"], all), (true, 0));
    // A version in the workspace itself is for its own namespace, and for whoever decides what serves there.
    let in_the_workspace = |approvers: &[&str]| {
        let id = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.MachineLearningServices/workspaces/prod/models/taxi/versions/1";
        let it = approval("risk", "a", id);
        let place = json!({"workspaceRef": {"name": "prod", "namespace": "ml"}, "source": {"existing": {}}});
        let [_, released] = released(&json!({"from": "Same"}));
        let AnyObject::ModelVersion(registered) = released else { unreachable!() };
        let mut inside = version("fares", "v", "taxi", &place);
        Arc::make_mut(&mut inside).status.clone_from(&registered.status);
        let cluster = Cluster(vec![prod(approvers).any(), inside.any(), it.clone().any()], Watched::all());
        let (facts, _) = cluster.known(|known| gather(&*it, &moment(false), known));
        matches!(facts.version, SourceVersion::Ready { .. })
    };
    assert!(in_the_workspace(&["risk"]));
    assert!(!in_the_workspace(&["audit"]));
}

/// Where a version cannot serve, a decision about it counts for nothing.
#[test]
fn a_decision_knows_where_the_version_cannot_serve() {
    let of = |sources: &Value, place: &str| {
        let mut workspace = prod(&["risk"]);
        Arc::make_mut(&mut workspace).spec.policy.sources = serde_json::from_value(sources.clone()).unwrap();
        let it = approval("risk", "a", ASSET);
        let [registry, released] = released(&json!({"from": "All"}));
        let AnyObject::ModelVersion(registered) = &released else { unreachable!() };
        let dev = made::<Workspace>("fares", "dev", &json!({"azure": azure("dev")}));
        let inside = json!({"workspaceRef": {"name": "dev"}, "source": {"existing": {}}});
        let mut inside = version("fares", "v", "taxi", &inside);
        Arc::make_mut(&mut inside).status.clone_from(&registered.status);
        let version = if place == "registry" { released } else { inside.any() };
        let objects = vec![workspace.any(), it.clone().any(), registry, dev.any(), version];
        let (facts, _) = Cluster(objects, Watched::all()).known(|known| gather(&*it, &moment(false), known));
        facts.places[0].closed.clone()
    };
    let models = json!([{"name": "models", "registryRef": {"name": "models"}}]);
    let itself = json!([{"name": "own", "thisWorkspace": {}}]);
    assert_eq!(of(&json!([]), "registry"), None);
    assert_eq!(of(&models, "registry"), None);
    assert_eq!(
        of(&itself, "registry").as_deref(),
        Some("that Workspace serves only versions from own (prod) (spec.policy.sources)")
    );
    assert_eq!(
        of(&json!([]), "another workspace").as_deref(),
        Some("a version in a workspace serves only in that workspace")
    );
}

#[test]
fn a_binding_sees_the_approvals_of_what_it_wants_and_of_what_serves() {
    let spec = json!({"workspaceRef": {"name": "prod", "namespace": "ml"},
        "model": {"versionRef": {"name": "v", "namespace": "fares"}},
        "online": {"endpoint": {"name": "taxi"}, "deployment": {}}});
    let mut binding = made::<DeploymentBinding>("fares", "taxi", &spec);
    let gone = |name: &str| json!({"assetId": ASSET, "namespace": "risk", "name": name, "by": "ada"});
    let status = json!({"observedGeneration": 1, "approvals": [gone("gone"), gone("wanted")]});
    Arc::make_mut(&mut binding).status = Some(serde_json::from_value(status).unwrap());
    let loud = ASSET.replace("shared/models", "SHARED/models");
    let other = ASSET.replace("/1", "/2");
    let shouted = ASSET.replace("/taxi/", "/TAXI/");
    let mut shouted_no = approval("risk", "no", &shouted);
    Arc::make_mut(&mut shouted_no).spec.decision = crate::api::ApprovalDecision::Rejected;
    let approvals = [
        // Of a rejection the capitals of the model's name do not count.
        shouted_no,
        approval("risk", "shouted", &shouted),
        approval("risk", "wanted", &loud),
        approval("risk", "serving", &other),
        approval("risk", "another", &ASSET.replace("/1", "/3")),
    ];
    let look = |approvers: Option<&[&str]>| {
        let mut place = prod(approvers.unwrap_or(&["risk"]));
        if approvers.is_none() {
            Arc::make_mut(&mut place).spec.policy.approvals = None;
        }
        let mut objects = vec![place.any(), binding.clone().any()];
        objects.extend(approvals.iter().map(|it| it.clone().any()));
        objects.extend(released(&json!({"from": "All"})));
        let cluster = Cluster(objects, Watched::all());
        let mut known = Known::nothing(Lane::Routine, false, Served::everything());
        loop {
            let facts = gather(&*binding, &moment(false), &mut known);
            let wanted = known.wants();
            if wanted == Wanted::default() {
                let names = facts.approvals.ballots.iter().map(|(_, ballot)| ballot.name.clone());
                return (names.collect::<Vec<_>>(), facts.approvals.deleted.len());
            }
            for read in wanted.cluster {
                let found = match &read {
                    ClusterRead::LetGo(key) => Found::LetGo(&*key.name == "gone"),
                    other => cluster.find(other),
                };
                known.take_in_cluster(read, found);
            }
            for read in wanted.azure {
                let deployment = json!({"name": "v2", "location": "eastus", "properties": {"endpointComputeType": "Managed", "model": other, "provisioningState": "Succeeded"}});
                let answer = match &read.what {
                    Ask::Collection { .. } => Answer::Collection(Ok(vec![deployment])),
                    Ask::Resource(id) if id.segment("deployments").is_some() => {
                        Answer::Resource(Ok(Some(deployment)))
                    }
                    _ => Answer::Resource(Ok(Some(json!({"name": "taxi", "location": "eastus",
                        "properties": {"authMode": "Key", "provisioningState": "Succeeded"}})))),
                };
                known.take_in_azure(read, answer);
            }
        }
    };
    let names = |all: &[&str]| all.iter().map(|name| (*name).to_string()).collect::<Vec<_>>();
    assert_eq!(look(Some(&["risk"])), (names(&["no", "wanted", "serving"]), 1));
    assert_eq!(look(Some(&["audit"])), (vec![], 1), "its namespace is not asked any more");
    assert_eq!(look(None), (vec![], 0), "nobody asks for approvals");
}

/// A version shows the decisions that count where it may serve, and whatever else others write about it is not looked at.
#[test]
fn a_version_shows_the_decisions_that_count_where_it_may_serve() {
    let said = |namespace: &str, name: &str, counts: bool, change: &Value| {
        let mut it = approval(namespace, name, ASSET);
        let status = if counts { "True" } else { "False" };
        let ready = json!([{"type": "Ready", "status": status, "reason": "Valid", "message": "", "lastTransitionTime": "2026-03-01T12:00:00Z"}]);
        let mut written = serde_json::to_value(&*it).unwrap();
        written["status"] = json!({"observedGeneration": 1, "conditions": ready});
        written["spec"].as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        it = Arc::new(serde_json::from_value::<Approval>(written).unwrap());
        it.any()
    };
    // A workspace of another namespace, which the registry may not let in.
    let mut stranger = made::<Workspace>(
        "blue",
        "stage",
        &json!({"azure": azure("stage"), "policy": {"approvals": {"fromNamespaces": ["blue-risk"]}}}),
    );
    let ready = json!({"observedGeneration": 1, "location": "eastus"});
    Arc::make_mut(&mut stranger).status = Some(serde_json::from_value(ready).unwrap());
    let shown = |allowed: &Value| {
        let [registry, version] = released(allowed);
        let AnyObject::ModelVersion(subject) = version.clone() else { unreachable!() };
        let objects = vec![
            prod(&["risk"]).any(),
            stranger.clone().any(),
            registry,
            version,
            said("risk", "ada", true, &json!({})),
            said("risk", "eve", true, &json!({"decision": "Rejected"})),
            said(
                "risk",
                "shouts-no",
                true,
                &json!({"assetId": ASSET.replace("taxi", "TAXI"), "decision": "Rejected"}),
            ),
            said("risk", "shouts", true, &json!({"assetId": ASSET.replace("taxi", "TAXI")})),
            said("risk", "new", false, &json!({})),
            said("risk", "staging", true, &json!({"tiers": ["staging"]})),
            said("risk", "over", true, &json!({"expiresAt": "1969-12-31T00:00:00Z"})),
            said("risk", "other", true, &json!({"assetId": ASSET.replace("/1", "/2")})),
            said("fares", "own", true, &json!({})),
            said("blue-risk", "bob", true, &json!({})),
        ];
        let cluster = Cluster(objects, Watched::all());
        let (facts, reads) = cluster.known(|known| gather(&*subject, &moment(false), known));
        let mut names: Vec<String> = facts.approvals.into_iter().map(|it| it.name).collect();
        names.sort();
        let looks = reads.iter().filter(|read| matches!(read, ClusterRead::Naming(ObjectKind::Approval, _)));
        assert_eq!(looks.count(), 1, "one look finds them all");
        names
    };
    assert_eq!(shown(&json!({"from": "Same"})), ["ada", "eve", "shouts-no"]);
    assert_eq!(shown(&json!({"from": "All"})), ["ada", "bob", "eve", "shouts-no"]);
    let AnyObject::Approval(ignored) = said("risk", "new", false, &json!({})) else { unreachable!() };
    assert_eq!(ignored.names(), [Name::decision(ASSET, "risk")], "what counts nowhere names nothing else");
}

/// An Approval that counted once and counts no more is said to do so, and not to be gone.
#[test]
fn an_approval_that_is_there_and_counts_no_more_is_not_called_gone() {
    let spec = json!({"workspaceRef": {"name": "prod", "namespace": "ml"},
        "model": {"versionRef": {"name": "v", "namespace": "fares"}},
        "online": {"endpoint": {"name": "taxi"}, "deployment": {}}});
    let mut binding = made::<DeploymentBinding>("fares", "taxi", &spec);
    let remembered = json!({"assetId": ASSET, "namespace": "risk", "name": "a", "by": "ada"});
    let status = json!({"observedGeneration": 1, "approvals": [remembered]});
    Arc::make_mut(&mut binding).status = Some(serde_json::from_value(status).unwrap());
    let other = ASSET.replace("/1", "/2");
    for (what, approvers, there, expected) in [
        ("it counts", "risk", Some(approval("risk", "a", ASSET)), None),
        ("it is gone", "risk", None, None),
        (
            "its namespace is not asked any more",
            "audit",
            Some(approval("risk", "a", ASSET)),
            Some("approvals of its namespace do not count there"),
        ),
        (
            "it was made again",
            "risk",
            Some(approval("risk", "a", &other)),
            Some("it was made again, and is about azureml://registries/shared/models/taxi/versions/2"),
        ),
        (
            "another's finalizer holds it",
            "audit",
            Some(going(&*approval("risk", "a", ASSET), false)),
            Some("it is being deleted"),
        ),
    ] {
        let mut objects = vec![prod(&[approvers]).any(), binding.clone().any()];
        objects.extend(there.map(Object::any));
        objects.extend(released(&json!({"from": "All"})));
        let cluster = Cluster(objects, Watched::all());
        let (facts, _) = cluster.known(|known| gather(&*binding, &moment(false), known));
        let because: Vec<&str> = facts.approvals.uncounted.iter().map(|it| it.2.as_str()).collect();
        assert_eq!(because.first().copied(), expected, "{what}");
    }
}

/// Where more than one person has to waive a rule, the status says how many have: for that the others are looked at.
#[test]
fn the_others_are_looked_at_where_several_people_have_to_waive_a_rule() {
    let of = |count: i32, waives: &[&str]| {
        let mut workspace = prod(&["risk"]);
        let policy = Arc::make_mut(&mut workspace).spec.policy.approvals.as_mut().unwrap();
        policy.count = Some(count);
        let [mut ada, bob] = ["a", "b"].map(|name| approval("risk", name, ASSET));
        Arc::make_mut(&mut ada).spec.waives = waives.iter().map(ToString::to_string).collect();
        let mut objects = vec![workspace.any(), ada.clone().any(), bob.any()];
        objects.extend(released(&json!({"from": "All"})));
        let (facts, _) = Cluster(objects, Watched::all()).known(|known| gather(&*ada, &moment(false), known));
        facts.places[0].ballots.len()
    };
    assert_eq!(of(1, &["soak"]), 0, "one person is enough");
    assert_eq!([of(2, &["soak"]), of(3, &["soak"])], [2, 2]);
    assert_eq!(of(2, &[]), 0, "nothing is waived");
}
