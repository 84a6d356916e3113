//! What a Workspace finds that is served past Bindery.

use super::*;
use crate::api::{ConditionType, Unmanaged, conditions_of};
use crate::azure::model::{Answer, Ask, Class, Error};
use crate::decide::places::workspace::decide;

/// A binding of this endpoint in the workspace `prod` of `ml`, with these deployments in its status.
fn bound(namespace: &str, name: &str, endpoint: &str, deployments: &Value) -> AnyObject {
    let spec = json!({"workspaceRef": {"name": "prod", "namespace": "ml"}, "model": {"versionRef": {"name": "v"}},
        "online": {"endpoint": {"name": endpoint}, "deployment": {}}});
    let mut it = made::<DeploymentBinding>(namespace, name, &spec);
    let status = json!({"observedGeneration": 1, "deployments": deployments});
    Arc::make_mut(&mut it).status = Some(serde_json::from_value(status).unwrap());
    it.any()
}

fn endpoint(name: &str, owner: Option<&str>, traffic: &Value) -> Value {
    let tags = owner.map_or(json!({}), |owner| json!({"bindery-owner": owner}));
    json!({"name": name, "location": "eastus", "tags": tags,
        "properties": {"authMode": "Key", "provisioningState": "Succeeded", "traffic": traffic}})
}

fn deployment(name: &str, model: &str) -> Value {
    json!({"name": name, "location": "eastus", "sku": {"name": "Default", "capacity": 2},
        "properties": {"endpointComputeType": "Managed", "model": model, "provisioningState": "Succeeded"}})
}

/// What the Workspace `ml/prod` says, where Azure answers a listing of this path so.
fn said(
    objects: Vec<AnyObject>,
    watched: Watched,
    before: Option<&Unmanaged>,
    list: impl Fn(&str) -> Result<Vec<Value>, Error>,
) -> (Option<Unmanaged>, bool) {
    let azure = json!({"subscriptionId": "s", "resourceGroup": "rg", "name": "prod"});
    let mut it =
        made::<Workspace>("ml", "prod", &json!({"azure": azure, "allowedNamespaces": {"from": "All"}}));
    let status = json!({"observedGeneration": 1, "unmanaged": before});
    Arc::make_mut(&mut it).status = Some(serde_json::from_value(status).unwrap());
    let cluster = Cluster(objects.into_iter().chain([it.clone().any()]).collect(), watched);
    let mut known = Known::nothing(Lane::Routine, false, Served::everything());
    loop {
        let facts = gather(&*it, &moment(false), &mut known);
        let wanted = known.wants();
        if wanted == Wanted::default() {
            let decision = decide(&facts);
            assert_eq!(decision.call, None);
            let ready = conditions_of(&decision.status.conditions).is_true(ConditionType::Ready);
            return (decision.status.unmanaged, ready);
        }
        for read in wanted.cluster {
            let found = cluster.find(&read);
            known.take_in_cluster(read, found);
        }
        for read in wanted.azure {
            let answer = match &read.what {
                Ask::Collection { path, .. } => {
                    let (_, path) = path.as_str().split_once("workspaces/prod/").unwrap();
                    Answer::Collection(list(path))
                }
                _ => Answer::Resource(Ok(Some(
                    json!({"location": "eastus", "properties": {"workspaceId": "w"}}),
                ))),
            };
            known.take_in_azure(read, answer);
        }
    }
}

fn names(found: &Unmanaged) -> Vec<&str> {
    found.endpoints.iter().map(|it| it.name.as_str()).collect()
}

#[test]
fn what_no_binding_owns_is_listed_with_what_it_serves() {
    let listed = |path: &str| -> Result<Vec<Value>, Error> {
        Ok(match path {
            "onlineEndpoints" => vec![
                endpoint("rogue", None, &json!({"blue": 90, "green": 10})),
                endpoint("mine", Some("prod/fares/mine"), &json!({"v1": 100})),
                endpoint("mixed", Some("prod/blue/mixed"), &json!({"v1": 100})),
                endpoint("left", Some("prod/fares/gone"), &json!({})),
                endpoint("theirs", Some("other/fares/mine"), &json!({})),
                endpoint("forged", Some("prod/fares/mine"), &json!({})),
                endpoint("odd", Some("prod"), &json!({})),
            ],
            "batchEndpoints" => vec![json!({
                "name": "rogue", "location": "eastus", "tags": {},
                "properties": {"authMode": "AADToken", "defaults": {"deploymentName": "blue"}},
            })],
            "batchEndpoints/rogue/deployments" => vec![json!({
                "name": "blue", "location": "eastus", "tags": {},
                "properties": {"model": {"referenceType": "Id", "assetId": "azureml://d"}},
            })],
            "onlineEndpoints/rogue/deployments" => {
                vec![deployment("green", "azureml://b"), deployment("blue", "azureml://a")]
            }
            "onlineEndpoints/mine/deployments" | "onlineEndpoints/mixed/deployments" => {
                panic!("what is managed is not listed: its binding has")
            }
            _ => vec![],
        })
    };
    let foreign = json!([
        {"name": "v1", "role": "Stable", "weight": 100, "since": "2026-03-01T12:00:00Z"},
        {"name": "hand", "role": "Foreign", "weight": 0, "assetId": "azureml://c", "instances": 3, "since": "2026-03-01T12:00:00Z"},
    ]);
    let objects = || {
        vec![
            bound("fares", "mine", "mine", &json!([])),
            bound("blue", "mixed", "mixed", &foreign),
            // Whoever names an endpoint without owning it does not stand for it.
            bound("fares", "names-it", "rogue", &json!([])),
        ]
    };
    let (found, ready) = said(objects(), Watched::all(), None, listed);
    assert!(ready);
    let left = |name: &str, owner: &str| json!({"name": name, "owner": owner, "bound": false});
    assert_eq!(
        serde_json::to_value(found).unwrap(),
        json!({"count": 7, "endpoints": [
            left("forged", "prod/fares/mine"),
            left("left", "prod/fares/gone"),
            {"name": "mixed", "bound": true, "deployments": [{"name": "hand", "assetId": "azureml://c", "weight": 0, "instances": 3}]},
            left("odd", "prod"),
            {"name": "rogue", "bound": false, "deployments": [
                {"name": "blue", "assetId": "azureml://a", "weight": 90, "instances": 2},
                {"name": "green", "assetId": "azureml://b", "weight": 10, "instances": 2},
            ]},
            left("theirs", "other/fares/mine"),
            {"kind": "Batch", "name": "rogue", "bound": false, "deployments": [{"name": "blue", "assetId": "azureml://d", "weight": 100}]},
        ]})
    );
    // Of a namespace that is not watched nobody can say whether the owner is there.
    let watched = Watched::only(["ml".into(), "blue".into()]);
    let (found, _) = said(objects(), watched, None, listed);
    assert_eq!(names(&found.unwrap()), ["mixed", "odd", "rogue", "theirs", "rogue"]);
}

#[test]
fn many_are_counted_and_fifty_are_listed() {
    let listed = |path: &str| -> Result<Vec<Value>, Error> {
        let all = || (0..60).rev().map(|n| endpoint(&format!("e{n:02}"), None, &json!({}))).collect();
        Ok(if path == "onlineEndpoints" { all() } else { vec![] })
    };
    let found = said(vec![], Watched::all(), None, listed).0.unwrap();
    assert_eq!((found.count, found.endpoints.len()), (60, 50));
    assert_eq!((names(&found)[0], names(&found)[49]), ("e00", "e49"));
}

#[test]
fn what_azure_refuses_to_list_is_said_and_what_it_does_not_answer_stays_known() {
    let before = || Some(Unmanaged { count: 7, ..Unmanaged::default() });
    let of = |all: Option<Class>, one: Option<Class>| {
        let listed = |path: &str| -> Result<Vec<Value>, Error> {
            let (refused, answer) = match path {
                "onlineEndpoints" => (all, vec![endpoint("rogue", None, &json!({}))]),
                "batchEndpoints" => (None, vec![]),
                _ => (one, vec![]),
            };
            refused.map_or(Ok(answer), |class| Err(Error::new(class, "No.")))
        };
        let (found, ready) = said(vec![], Watched::all(), before().as_ref(), listed);
        assert!(ready, "the workspace itself can be read");
        let found = found.unwrap();
        (found.count, found.unread.map(|said| said.split_once('.').unwrap().0.to_string()))
    };
    let refused = |what: &str| Some(format!("Azure refuses to list {what}"));
    let (endpoints, deployments) =
        ("the online endpoints of the workspace", "the deployments of endpoint rogue");
    for (all, one, expected) in [
        (None, None, (1, None)),
        (Some(Class::Unauthorized), None, (0, refused(endpoints))),
        (Some(Class::Transient), None, (7, None)),
        (None, Some(Class::Unauthorized), (1, refused(deployments))),
        (None, Some(Class::Transient), (7, None)),
        (None, Some(Class::NotFound), (1, None)),
    ] {
        assert_eq!(of(all, one), expected, "{all:?} {one:?}");
    }
}
