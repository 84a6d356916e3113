//! What a binding reads of Azure and of the objects beside it.

use super::*;
use crate::api::{GIT_REVISION, Retirement};
use crate::azure::model::{Answer, Ask, Operation, OperationState, Purpose};
use crate::decide::SourceVersion;
use crate::decide::deployment_binding::Facts as Binding;

const DEPLOYMENT: &str = "v1-0000000000";

fn azure(name: &str) -> Value {
    json!({"subscriptionId": "s", "resourceGroup": "rg", "name": name})
}

/// The binding `taxi` of `fares`, which has a change of its deployment under way.
fn binding() -> DeploymentBinding {
    let spec = json!({"workspaceRef": {"name": "prod"}, "model": {"versionRef": {"name": "v"}},
        "online": {"endpoint": {"name": "taxi"}, "deployment": {}}});
    let mut it = DeploymentBinding::clone(&made("fares", "taxi", &spec));
    let mut status = it.current();
    status.operation = Some(Operation {
        purpose: Purpose::AdjustDeployment,
        doing: "change it".into(),
        resource: endpoint().child("deployments", DEPLOYMENT),
        url: "https://azure.example/operations/1".into(),
        since: Timestamp::UNIX_EPOCH,
    });
    it.status = Some(status);
    it
}

fn endpoint() -> ResourceId {
    ResourceId::workspace("s", "rg", "prod").child("onlineEndpoints", "taxi")
}

/// A version of `fares` in the workspace `prod` that is registered.
fn registered(name: &str) -> ModelVersion {
    let mut it =
        ModelVersion::clone(&version("fares", name, "taxi", &json!({"workspaceRef": {"name": "prod"}})));
    let condition = json!({"type": "Registered", "status": "True", "reason": "Succeeded", "message": "", "lastTransitionTime": "2026-03-01T12:00:00Z"});
    let status = json!({"observedGeneration": 1, "assetId": "x", "conditions": [condition]});
    it.status = Some(serde_json::from_value(status).unwrap());
    it
}

/// What the binding finds, and what it asks of Azure; endpoint and deployment are in these states.
fn found(it: &DeploymentBinding, versions: &[ModelVersion], states: [&str; 2]) -> (Binding, Vec<Ask>) {
    let mut prod = made::<Workspace>("fares", "prod", &json!({"azure": azure("prod")}));
    let ready = json!({"observedGeneration": 1, "location": "eastus"});
    Arc::make_mut(&mut prod).status = Some(serde_json::from_value(ready).unwrap());
    let mut objects = vec![prod.any(), Arc::new(it.clone()).any()];
    objects.extend(versions.iter().map(|it| Arc::new(it.clone()).any()));
    let cluster = Cluster(objects, Watched::all());
    let tags = json!({"bindery-owner": "prod/fares/taxi"});
    let deployment = json!({
        "name": DEPLOYMENT, "location": "eastus", "tags": tags,
        "properties": {"endpointComputeType": "Managed", "provisioningState": states[1]},
    });
    let answer = |ask: &Ask| match ask {
        Ask::Collection { path, .. } if path.as_str().ends_with("/deployments") => {
            Answer::Collection(Ok(vec![deployment.clone()]))
        }
        Ask::Collection { .. } => Answer::Collection(Ok(vec![])),
        Ask::Resource(id) if *id == endpoint() => Answer::Resource(Ok(Some(json!({
            "name": "taxi", "location": "eastus", "tags": tags,
            "properties": {"authMode": "Key", "provisioningState": states[0]},
        })))),
        Ask::Resource(_) => Answer::Resource(Ok(None)),
        Ask::Operation { .. } => Answer::Operation(Ok(OperationState::Running)),
        other => panic!("{other:?}"),
    };
    let (mut known, mut asked) = (Known::nothing(Lane::Routine, false, Served::everything()), vec![]);
    loop {
        let facts = gather(it, &moment(false), &mut known);
        let wanted = known.wants();
        if wanted == Wanted::default() {
            return (facts, asked);
        }
        for read in wanted.cluster {
            let found = cluster.find(&read);
            known.take_in_cluster(read, found);
        }
        for read in wanted.azure {
            let answer = answer(&read.what);
            asked.push(read.what.clone());
            known.take_in_azure(read, answer);
        }
    }
}

#[test]
fn an_operation_is_asked_for_unless_the_resource_itself_says_that_it_changes() {
    let asks = |endpoint: &str, deployment: &str| {
        let (_, asked) = found(&binding(), &[], [endpoint, deployment]);
        asked.iter().filter(|ask| matches!(ask, Ask::Operation { .. })).count()
    };
    assert_eq!(asks("Succeeded", "Succeeded"), 1);
    assert_eq!(asks("Updating", "Succeeded"), 0);
    assert_eq!(asks("Succeeded", "Updating"), 0);
}

/// Whoever may publish the version has a say, and so has the object that the manifest names.
#[test]
fn a_version_is_archived_where_any_object_for_it_says_so() {
    let said = |named: bool, other: bool| {
        let all = [("v", named), ("w", other)].map(|(name, archived)| {
            let mut it = registered(name);
            it.spec.archived = Some(archived);
            it.spec.retirement = archived.then(|| Retirement { at: Timestamp::UNIX_EPOCH, ..retirement() });
            it
        });
        let (facts, _) = found(&binding(), &all, ["Succeeded", "Succeeded"]);
        let SourceVersion::Ready { archived, retirement, .. } = facts.version else {
            panic!("{:?}", facts.version)
        };
        (archived, retirement.is_some())
    };
    assert_eq!(said(false, false), (false, false));
    assert_eq!(said(true, false), (true, true));
    assert_eq!(said(false, true), (true, true));
}

fn retirement() -> Retirement {
    serde_json::from_value(json!({"at": "2026-03-01T12:00:00Z"})).unwrap()
}

/// A status has room for a line: what cannot be shown in one is left out.
#[test]
fn the_git_revision_is_what_the_annotation_says() {
    let of = |said: Option<&str>| {
        let mut it = binding();
        it.metadata.annotations = said.map(|said| [(GIT_REVISION.to_string(), said.to_string())].into());
        found(&it, &[], ["Succeeded", "Succeeded"]).0.git_revision
    };
    assert_eq!((of(None), of(Some(" "))), (None, None));
    assert_eq!(of(Some(" main@sha1:1f2e\u{7}\n3d ")).as_deref(), Some("main@sha1:1f2e3d"));
    assert_eq!(of(Some(&"a".repeat(200))).map(|it| it.len()), Some(100));
}
