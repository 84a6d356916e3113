//! Where a workspace asks for proof of the origin, it is read from Azure, as whoever acts in the version's own place.

use super::*;
use crate::azure::model::{Answer, Ask};
use crate::decide::model_version::Proof;

/// Which versions and jobs are read for a binding, and as whom.
fn read_for(policy: &Value, status: &Value, bodies: &dyn Fn(&str) -> Option<Value>) -> (Proof, Vec<String>) {
    let azure = |name: &str| json!({"subscriptionId": "s", "resourceGroup": "rg", "name": name});
    let dev = json!({"azure": azure("dev"), "credentials": {"serviceAccountName": "dev"}});
    let dev = made::<Workspace>("fares", "dev", &dev);
    let mut prod = made::<Workspace>("fares", "prod", &json!({"azure": azure("prod"), "policy": policy}));
    let mut version = version("fares", "v", "taxi", &json!({"workspaceRef": {"name": "dev"}}));
    let registered = json!([{"type": "Registered", "status": "True", "reason": "Succeeded", "message": "", "lastTransitionTime": "2026-03-01T12:00:00Z"}]);
    let mut full = json!({"observedGeneration": 1, "assetId": "x", "conditions": registered});
    full.as_object_mut().unwrap().extend(status.as_object().unwrap().clone());
    Arc::make_mut(&mut version).status = Some(serde_json::from_value(full).unwrap());
    let ready = json!({"observedGeneration": 1, "location": "eastus"});
    Arc::make_mut(&mut prod).status = Some(serde_json::from_value(ready).unwrap());
    let binding = json!({"workspaceRef": {"name": "prod"}, "model": {"versionRef": {"name": "v"}},
        "online": {"endpoint": {"name": "taxi"}, "deployment": {}}});
    let binding = made::<DeploymentBinding>("fares", "taxi", &binding);
    let cluster = Cluster(vec![dev.any(), prod.any(), version.any(), binding.clone().any()], Watched::all());
    let (mut known, mut asked) = (Known::nothing(Lane::Routine, false, Served::everything()), vec![]);
    loop {
        let facts = gather(&*binding, &moment(false), &mut known);
        let wanted = known.wants();
        if wanted == Wanted::default() {
            return (facts.proof, asked);
        }
        for read in wanted.cluster {
            let found = cluster.find(&read);
            known.take_in_cluster(read, found);
        }
        for read in wanted.azure {
            let Ask::Resource(id) = &read.what else { unreachable!("{read:?}") };
            let path = id.as_str().rsplit_once("/workspaces/").unwrap().1.to_string();
            let body = bodies(&path);
            if !path.contains("onlineEndpoints") {
                asked.push(format!("{} as {}", path, read.errand.principal));
            }
            known.take_in_azure(read, Answer::Resource(Ok(body)));
        }
    }
}

#[test]
fn the_origin_is_read_from_azure_where_a_workspace_asks_for_proof() {
    let output = "azureml://jobs/train-3/outputs/artifacts/paths/model";
    let azure = |path: &str| match path {
        "dev/models/taxi/versions/1" => Some(json!({"properties": {"modelUri": output}})),
        "dev/jobs/train-3" => Some(json!({"name": "train-3", "properties": {}})),
        _ => None,
    };
    let verified = json!({"lineage": {"require": "Verified"}});
    let none: (&Value, &Value) = (&json!({}), &json!({"lineage": {"job": "train-3"}}));
    assert_eq!(read_for(none.0, none.1, &azure), (Proof::Unseen(None), vec![]), "nobody asks for it");
    let (proof, asked) = read_for(&verified, &json!({}), &azure);
    assert!(matches!(proof, Proof::Proven { .. }), "{proof:?}");
    let job = "dev/jobs/train-3 as service account fares/dev";
    assert_eq!(asked, ["dev/models/taxi/versions/1 as service account fares/dev", job]);
    // What a status says of it is no proof.
    let forged = json!({"lineage": {"job": "train-3", "verified": true}});
    let elsewhere = |path: &str| {
        azure(path).map(
            |_| json!({"properties": {"modelUri": "azureml://datastores/d/paths/m", "jobName": "train-3"}}),
        )
    };
    for bodies in [&elsewhere as &dyn Fn(&str) -> Option<Value>, &|_| None] {
        let (proof, _) = read_for(&verified, &forged, bodies);
        assert!(matches!(proof, Proof::Lacking { .. }), "{proof:?}");
    }
}

/// A copy that a publish of ours has made, and that nobody has described yet, is held against its source.
#[test]
fn the_source_of_a_copy_is_read_until_the_copy_carries_our_tag() {
    let azure = |name: &str| json!({"subscriptionId": "s", "resourceGroup": "rg", "name": name});
    let mut models =
        made::<Registry>("fares", "models", &json!({"azure": azure("models"), "location": "eastus"}));
    let ready = json!({"observedGeneration": 1, "discoveryUrl": "https://eastus.api.azureml.ms/registrymanagement/v1.0/registries/models/discovery",
        "conditions": [{"type": "Ready", "status": "True", "reason": "Succeeded", "message": "", "lastTransitionTime": "2026-03-01T12:00:00Z"}]});
    Arc::make_mut(&mut models).status = Some(serde_json::from_value(ready).unwrap());
    let dev = made::<Workspace>("fares", "dev", &json!({"azure": azure("dev")}));
    let registered = json!([{"type": "Registered", "status": "True", "reason": "Succeeded", "message": "", "lastTransitionTime": "2026-03-01T12:00:00Z"}]);
    let mut source = version("fares", "v", "taxi", &json!({"workspaceRef": {"name": "dev"}}));
    let status = json!({"observedGeneration": 1, "assetId": "x", "conditions": registered});
    Arc::make_mut(&mut source).status = Some(serde_json::from_value(status).unwrap());
    let place = json!({"registryRef": {"name": "models"}, "source": {"modelVersionRef": {"name": "v"}}});
    let mut copy = ModelVersion::clone(&version("fares", "copy", "taxi", &place));
    copy.spec.source.uri = None;
    let from = ResourceId::workspace("s", "rg", "dev").model_version("taxi", "1");
    let status = json!({"observedGeneration": 1, "publishing": {"from": from.as_str(), "since": "2026-03-01T12:00:00Z"}});
    copy.status = Some(serde_json::from_value(status).unwrap());
    let objects = vec![models.any(), dev.any(), source.any(), Arc::new(copy.clone()).any()];
    let cluster = Cluster(objects, Watched::all());
    let reads = |tags: Value| {
        let (mut known, mut reads) = (Known::nothing(Lane::Routine, false, Served::everything()), 0);
        loop {
            gather(&copy, &moment(false), &mut known);
            let wanted = known.wants();
            if wanted == Wanted::default() {
                return reads;
            }
            for read in wanted.cluster {
                let found = cluster.find(&read);
                known.take_in_cluster(read, found);
            }
            for read in wanted.azure {
                let answer = match &read.what {
                    Ask::Resource(id) if *id == from => {
                        reads += 1;
                        Answer::Resource(Ok(Some(json!({"properties": {"modelUri": "azureml://x"}}))))
                    }
                    Ask::Resource(id) if id.as_str().contains("/registries/") => Answer::Resource(Ok(Some(
                        json!({"properties": {"modelUri": "azureml://x", "tags": tags}}),
                    ))),
                    Ask::Resource(_) => Answer::Resource(Ok(None)),
                    Ask::Names => Answer::Names(Ok(vec![])),
                    other => panic!("{other:?}"),
                };
                known.take_in_azure(read, answer);
            }
        }
    };
    assert_eq!(reads(json!({})), 1);
    assert_eq!(reads(json!({"bindery-owner": "prod/fares/copy"})), 0);
}
