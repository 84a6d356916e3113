//! What the calls carry.

use serde_json::{Value, json};

use crate::api::AuthMode;
use crate::azure::model::{Action, Class, Error, Purpose, Reply};
use crate::decide::Facts;
use crate::decide::fixtures::{Binding, attempt, binding, failure, told};

pub(super) fn put(it: &Binding) -> Value {
    match it.decide().call.unwrap().action {
        Action::Put(body) => body,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_new_endpoint() {
    assert_eq!(
        put(&binding()
            .with(|f| f.spec.online.endpoint.tags = crate::decide::fixtures::tags([("team", "fares")]))),
        json!({
            "location": "eastus",
            "identity": {"type": "SystemAssigned"},
            "tags": {"team": "fares", "bindery-owner": "prod/fares/taxi", "bindery-traffic": ""},
            "properties": {"authMode": "Key", "publicNetworkAccess": "Enabled", "traffic": {}, "mirrorTraffic": {}, "properties": {}},
        })
    );
}

#[test]
fn a_move_of_traffic_says_in_tags_where_the_rollout_stands() {
    let steps = json!([{"setTraffic": 10}, {"pause": {"for": "1m"}}]);
    let mut it =
        binding().wanting("2").steps(steps).serving("1").candidate("2", 0, 60).tagged("theirs", "kept");
    it.found().properties.mirror_traffic.insert("blue".into(), 20);
    let (one, two) = (it.name("1"), it.name("2"));
    assert_eq!(
        put(&it),
        json!({
            "location": "eastus", "kind": "Managed",
            "tags": {
                "theirs": "kept", "bindery-owner": "prod/fares/taxi", "bindery-stable": one,
                "bindery-traffic": format!("{one}=90 {two}=10"),
                "bindery-position": format!("{} f80ad3bc@1 2026-03-01T12:00:00Z", it.revision("2")),
                "bindery-history": format!("{}@1=2026-02-28T12:00:00Z", it.revision("1")),
            },
            "properties": {
                "authMode": "Key", "publicNetworkAccess": "Enabled", "futureProperty": 7, "properties": {},
                "traffic": {one.clone(): 90, two.clone(): 10}, "mirrorTraffic": {"blue": 20},
            },
        })
    );
    let promoting = it.steps(json!([]));
    let tags = &put(&promoting)["tags"];
    assert_eq!(
        (&tags["bindery-stable"], &tags["bindery-previous"], &tags["bindery-traffic"]),
        (&json!(two), &json!(one), &json!(format!("{two}=100")))
    );
}

#[test]
fn taking_back_remembers_the_revision_that_failed() {
    let it = binding().wanting("2").serving("1").deployed("2", "Failed");
    let body = put(&it);
    assert_eq!(body["tags"]["bindery-failed"], json!(it.revision("2").to_string()));
    assert_eq!(body["properties"]["traffic"], json!({it.name("1"): 100}));
}

/// The endpoint's own fields were edited, and not to Azure's liking.
fn badly_edited(it: Binding) -> Binding {
    it.edited().with(|f| {
        let endpoint = &mut f.spec.online.endpoint;
        endpoint.identity = Some(serde_json::from_value(json!({"userAssigned": ["/nope"]})).unwrap());
        endpoint.auth_mode = Some(AuthMode::AADToken);
        endpoint.tags = crate::decide::fixtures::tags([("team", "fares")]);
    })
}

#[test]
fn nothing_that_azure_may_refuse_rides_on_taking_back() {
    let rollout = || binding().serving("1").wanting("2");
    let unwanted = badly_edited(rollout().candidate("2", 10, 60)).wanting("1");
    let failed = badly_edited(rollout().deployed("2", "Failed").traffic(&[("1", 90), ("2", 10)]));
    let moved =
        badly_edited(binding().serving("1").deployed("2", "Succeeded").moved(&[("1", 50), ("2", 50)]));
    for (it, doing) in [
        (unwanted, "set the traffic to v1 100%"),
        (failed, "take the traffic from v2, which failed, and give it to v1"),
        (moved, "put back traffic of endpoint taxi"),
    ] {
        let decision = it.decide();
        assert!(told(&decision).contains(&format!("-> {doing} | now")), "{}", told(&decision));
        let body = put(&it);
        assert_eq!(body["properties"]["traffic"], json!({it.name("1"): 100}), "{doing}");
        assert_eq!(body["properties"]["authMode"], "Key", "{doing}");
        assert_eq!((&body["identity"], &body["tags"]["team"]), (&Value::Null, &Value::Null), "{doing}");
        assert_eq!(decision.status.owned_tags, Vec::<String>::new(), "{doing}: the key was not written");
    }
    // It follows on its own, and what Azure says of it concerns nothing else.
    let alone = badly_edited(binding().serving("1"));
    let doing = "change endpoint.tags.team, endpoint.authMode, endpoint.identity of endpoint taxi";
    assert!(told(&alone.decide()).contains(doing), "{}", told(&alone.decide()));
    assert_eq!(put(&alone)["identity"]["type"], "UserAssigned");
    assert_eq!(alone.decide().status.owned_tags, ["team"]);
}

#[test]
fn traffic_alone_does_not_wait_behind_a_field_that_azure_refuses() {
    let refused = |it: Binding| {
        it.with(|f| {
            let tried = attempt(Purpose::PutBack, f.id.as_ref().unwrap(), "put back endpoint.identity");
            f.situation.trouble.failure = Some(failure(tried, Class::Permanent, 1, 1));
        })
    };
    let moved = refused(badly_edited(binding().serving("1").foreign("blue").moved(&[("blue", 100)])));
    assert_eq!(told(&moved.decide()), "False Drifted working | -> put back traffic of endpoint taxi | now");
    let restored =
        refused(binding().serving("1").with(|f| f.spec.online.endpoint.auth_mode = Some(AuthMode::AADToken)));
    let waits = "Bindery could not put back endpoint.identity: No.";
    assert!(told(&restored.decide()).contains(waits), "{}", told(&restored.decide()));
}

#[test]
fn a_new_deployment_is_what_was_written_and_no_more() {
    let it = binding().endpoint().with(|f| {
        f.spec.online.deployment = serde_json::from_value(json!({
            "instanceType": "Standard_DS3_v2", "instanceCount": 2, "environment": "env",
            "code": {"id": "code", "scoringScript": "score.py"},
            "environmentVariables": {"A": "1"},
            "requestSettings": {"requestTimeout": "1m30s"},
            "livenessProbe": {"period": "10s", "failureThreshold": 3},
            "egressPublicNetworkAccess": "Disabled",
            "tags": {"team": "fares"},
        }))
        .unwrap();
    });
    assert_eq!(
        put(&it),
        json!({
            "location": "eastus",
            "sku": {"name": "Default", "capacity": 2},
            "tags": {"team": "fares", "bindery-owner": "prod/fares/taxi", "bindery-revision": it.revision("1").to_string()},
            "properties": {
                "endpointComputeType": "Managed", "model": "azureml://registries/models/models/taxi/versions/1",
                "instanceType": "Standard_DS3_v2", "environmentId": "env",
                "codeConfiguration": {"codeId": "code", "scoringScript": "score.py"},
                "environmentVariables": {"A": "1"}, "requestSettings": {"requestTimeout": "PT90S"},
                "livenessProbe": {"period": "PT10S", "failureThreshold": 3},
                "egressPublicNetworkAccess": "Disabled", "scaleSettings": {"scaleType": "Default"},
                "properties": {},
            },
        })
    );
}

#[test]
fn a_change_of_the_count_leaves_everything_else_as_it_is() {
    let mut it = binding().serving("1").with(|f| f.spec.online.deployment.instance_count = Some(4));
    it.0.deployments[0].properties.rest.insert("environmentVariables".into(), json!({"AML_APP_ROOT": "/x"}));
    it = it.owning("1", &["ours"]).deployment_tags(&[("theirs", "kept"), ("ours", "x")], &[]);
    let body = put(&it);
    assert_eq!(body["tags"].get("ours"), None);
    assert_eq!(body["sku"], json!({"name": "Default", "tier": "Standard", "capacity": 4}));
    assert_eq!(body["properties"]["environmentVariables"], json!({"AML_APP_ROOT": "/x"}));
    assert_eq!(
        (&body["tags"]["theirs"], &body["properties"]["model"]),
        (&json!("kept"), &json!("azureml://registries/models/models/taxi/versions/1"))
    );
}

/// An endpoint of somebody who has closed it, with a deployment that has been scaled.
fn closed(it: Binding) -> Binding {
    let mut it = it.with(|f| f.spec.online.deployment.instance_count = None);
    let readers = json!({"type": "UserAssigned", "userAssignedIdentities": {"/readers": {"clientId": "c"}}});
    let endpoint = it.found();
    endpoint.identity = Some(serde_json::from_value(readers).unwrap());
    endpoint.properties.auth_mode = "AADToken".into();
    endpoint.properties.public_network_access = Some("Disabled".into());
    for deployment in &mut it.0.deployments {
        deployment.sku.as_mut().unwrap().capacity = Some(6);
    }
    it
}

#[test]
fn what_the_manifest_does_not_name_is_not_changed() {
    let settled = "True Succeeded settled | v1 serves all the traffic of taxi. | interval";
    assert_eq!(told(&closed(binding().serving("1")).decide()), settled);
    let mut taken_over = closed(binding().serving("1"));
    taken_over.found().tags.remove("bindery-owner");
    let tagged = closed(binding().serving("1"))
        .edited()
        .with(|f| f.spec.online.endpoint.tags = crate::decide::fixtures::tags([("team", "fares")]));
    for it in [taken_over, tagged] {
        let body = put(&it);
        let (said, kept) = (&body["properties"], it.0.endpoint.found().unwrap());
        assert_eq!(body["identity"], serde_json::to_value(&kept.identity).unwrap());
        assert_eq!(
            (&said["authMode"], &said["publicNetworkAccess"]),
            (&json!("AADToken"), &json!("Disabled"))
        );
    }
    let scaled = closed(binding().serving("1")).deployment_tags(&[], &[("team", "fares")]);
    assert_eq!(put(&scaled)["sku"], json!({"name": "Default", "tier": "Standard", "capacity": 6}));
    // One that is not there yet gets what the texts of the fields say.
    let new = binding().endpoint().with(|f| f.spec.online.deployment.instance_count = None);
    assert_eq!(put(&new)["sku"], json!({"name": "Default", "capacity": 1}));
}

#[test]
fn of_an_identity_only_what_the_manifest_names_is_changed() {
    let wanting = |identity: Value| {
        let mut it = binding().serving("1").edited().with(|f| {
            f.spec.online.endpoint.identity = Some(serde_json::from_value(identity).unwrap());
        });
        let both =
            json!({"type": "SystemAssigned, UserAssigned", "userAssignedIdentities": {"/a": {}, "/B": {}}});
        it.found().identity = Some(serde_json::from_value(both).unwrap());
        it
    };
    for same in [json!({"systemAssigned": true}), json!({"userAssigned": ["/A", "/b"]})] {
        assert_eq!(wanting(same.clone()).decide().call, None, "{same}");
    }
    for (identity, kind, ids) in [
        (json!({"systemAssigned": false}), "UserAssigned", json!({"/a": {}, "/B": {}})),
        (json!({"userAssigned": ["/c"]}), "SystemAssigned,UserAssigned", json!({"/c": {}})),
        (json!({"systemAssigned": true, "userAssigned": []}), "SystemAssigned", Value::Null),
    ] {
        let body = put(&wanting(identity));
        assert_eq!(
            (&body["identity"]["type"], &body["identity"]["userAssignedIdentities"]),
            (&json!(kind), &ids)
        );
    }
}

#[test]
fn a_tag_of_the_endpoint_keeps_azures_spelling() {
    let tagged = |value: &str| {
        binding()
            .serving("1")
            .tagged("Team", value)
            .with(|f| f.spec.online.endpoint.tags = crate::decide::fixtures::tags([("team", "fares")]))
    };
    let settled = "True Succeeded settled | v1 serves all the traffic of taxi. | interval";
    assert_eq!(told(&tagged("fares").decide()), settled);
    let (body, status) = (put(&tagged("other")), tagged("other").decide().status);
    assert_eq!((&body["tags"]["Team"], body["tags"].get("team")), (&json!("fares"), None));
    assert_eq!(status.owned_tags, ["team"]);
}

#[test]
fn taking_all_traffic_off_keeps_what_is_not_ours() {
    let mut it = binding().serving("1").tagged("theirs", "kept").with(|f| f.situation.deleting = true);
    it.found().properties.mirror_traffic.insert("blue".into(), 20);
    let body = put(&it);
    assert_eq!(
        (&body["properties"]["traffic"], &body["properties"]["futureProperty"]),
        (&json!({}), &json!(7))
    );
    assert_eq!((&body["tags"]["theirs"], &body["tags"]["bindery-traffic"]), (&json!("kept"), &json!("")));
}

#[test]
fn the_intent_of_our_keys_is_stored_before_the_call_and_after_a_lost_answer() {
    let mut it = binding()
        .serving("1")
        .with(|f| f.spec.online.endpoint.tags = crate::decide::fixtures::tags([("a", "1")]));
    let decision = it.decide();
    assert_eq!(decision.status.owned_tags, ["a"]);
    it.0.remember(decision.status);
    it.0.absorb(&decision.call.unwrap(), Err(&Error::new(Class::Transient, "No.")));
    assert_eq!(it.decide().status.owned_tags, ["a"]);
}

#[test]
fn the_intent_of_a_new_deployments_keys_is_stored_before_it_can_be_seen() {
    let mut it = binding().endpoint();
    it.0.spec.online.deployment.tags = crate::decide::fixtures::tags([("a", "1")]);
    let decision = it.decide();
    let owned = [(it.name("1"), vec!["a".to_string()])].into();
    assert_eq!(decision.status.owned_deployment_tags, owned);
    it.0.remember(decision.status);
    it.0.absorb(&decision.call.unwrap(), Err(&Error::new(Class::Transient, "No.")));
    assert_eq!(it.decide().status.owned_deployment_tags, owned);
    // It is there after all, and meanwhile the manifest no longer names the key.
    it = it.deployed("1", "Succeeded").edited().deployment_tags(&[("a", "1")], &[]).serving("1");
    it = it.owning("1", &["a"]);
    assert_eq!(put(&it)["tags"].get("a"), None);
}

#[test]
fn a_key_that_is_being_taken_away_stays_ours_until_azure_is_done() {
    let mut it = binding()
        .serving("1")
        .with(|f| f.status.owned_tags = vec!["a".into()])
        .owning("1", &["b"])
        .deployment_tags(&[], &[]);
    it.found().properties.provisioning_state = Some("Updating".into());
    it.0.deployments[0].properties.provisioning_state = Some("Updating".into());
    let status = it.decide().status;
    assert_eq!(status.owned_tags, ["a"]);
    assert_eq!(status.owned_deployment_tags, [(it.name("1"), vec!["b".to_string()])].into());
    it.found().properties.provisioning_state = Some("Succeeded".into());
    it.0.deployments[0].properties.provisioning_state = Some("Succeeded".into());
    let status = it.decide().status;
    assert!(status.owned_tags.is_empty() && status.owned_deployment_tags.is_empty());
}

#[test]
fn answers_are_facts_at_once() {
    let mut it = binding().endpoint();
    let call = it.decide().call.unwrap();
    let Action::Put(mut body) = call.action.clone() else { unreachable!() };
    body["name"] = json!(call.resource.name());
    body["properties"]["provisioningState"] = json!("Creating");
    let reply =
        Reply { status: 201, body: Some(body), operation: Some("https://op".into()), ..Reply::default() };
    it.0.absorb(&call, Ok(&reply));
    assert_eq!(
        told(&it.decide()),
        "False OperationRunning working | Azure works on it: create deployment v1 of taxi:1. | 1 s"
    );
    assert_eq!(it.0.deployments.len(), 1);
    assert_eq!(it.decide().status.operation.unwrap().url, "https://op");

    let mut it = binding().serving("2").previous("1", 7200).wanting("2");
    let call = it.decide().call.unwrap();
    it.0.absorb(&call, Ok(&Reply { status: 204, ..Reply::default() }));
    assert_eq!(told(&it.decide()), "True Succeeded settled | v2 serves all the traffic of taxi. | interval");

    // Azure still works on these: what goes is there until then, and of what is scaled only the operation tells.
    let later = Reply { status: 202, operation: Some("https://op".into()), ..Reply::default() };
    let mut it = binding().serving("2").previous("1", 7200).wanting("2");
    let call = it.decide().call.unwrap();
    it.0.absorb(&call, Ok(&later));
    assert_eq!(it.0.deployments.len(), 2);
    let mut it = binding().serving("1").previous("2", 60).edited();
    it.0.deployments[0].sku.as_mut().unwrap().capacity = Some(7);
    let call = it.decide().call.unwrap();
    assert!(matches!(call.action, Action::Patch(_)), "{call:?}");
    let state = |it: &Binding, at: usize| it.0.deployments[at].properties.provisioning_state.clone();
    let mut at_once = it.clone();
    at_once.0.absorb(&call, Ok(&Reply { status: 200, ..Reply::default() }));
    assert_eq!(state(&at_once, 0).as_deref(), Some("Succeeded"));
    it.0.absorb(&call, Ok(&later));
    assert_eq!((state(&it, 0).as_deref(), state(&it, 1).as_deref()), (Some("Scaling"), Some("Succeeded")));

    let mut it = binding().endpoint().with(|f| f.situation.deleting = true);
    let call = it.decide().call.unwrap();
    it.0.absorb(&call, Ok(&Reply { status: 204, ..Reply::default() }));
    assert!(it.decide().release, "{}", told(&it.decide()));
}

/// What somebody else did to Azure is an event that warns; what the manifest asks for is none.
#[test]
fn people_are_warned_of_what_is_put_back() {
    let event = |it: &Binding| {
        let decision = it.decide();
        let (call, deed) = (decision.call.unwrap(), decision.deed.unwrap());
        let event = deed.taken(&call, &Reply::default());
        (event.warning, event.reason)
    };
    let scaled = binding().serving("1").with(|f| f.deployments[0].sku.as_mut().unwrap().capacity = Some(7));
    assert_eq!(event(&scaled), (true, crate::api::Reason::Drifted));
    assert_eq!(event(&scaled.edited()), (false, crate::api::Reason::Succeeded));
}
