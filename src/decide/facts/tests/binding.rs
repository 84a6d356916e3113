//! What a binding reads of Azure and of the objects beside it.

use super::*;
use crate::api::{
    ActionState, ActionWord, GIT_REVISION, Outcome, PastRollout, Retirement, RolloutAction, TakenAction,
};
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

fn objects(versions: &[ModelVersion]) -> Vec<AnyObject> {
    versions.iter().map(|it| Arc::new(it.clone()).any()).collect()
}

/// What there is beside the binding.
struct World {
    /// The states of endpoint and deployment.
    states: [&'static str; 2],
    /// The tags of the endpoint, besides the owner's.
    tags: Value,
    /// The list lacks the deployment, which has all the traffic.
    lags: bool,
    /// Azure has archived the versions.
    archived: bool,
    /// What the status of the workspace says.
    workspace: Value,
    others: Vec<AnyObject>,
}

impl Default for World {
    fn default() -> Self {
        Self {
            states: ["Succeeded", "Succeeded"],
            tags: json!({}),
            lags: false,
            archived: false,
            workspace: json!({"observedGeneration": 1, "location": "eastus"}),
            others: vec![],
        }
    }
}

/// What the binding finds, and what it asks of Azure.
fn found(it: &DeploymentBinding, world: World) -> (Binding, Vec<Ask>) {
    let World { states, tags: more, lags, archived, workspace, others } = world;
    let mut prod = made::<Workspace>("fares", "prod", &json!({"azure": azure("prod")}));
    Arc::make_mut(&mut prod).status = Some(serde_json::from_value(workspace).unwrap());
    let mut objects = vec![prod.any(), Arc::new(it.clone()).any()];
    objects.extend(others);
    let cluster = Cluster(objects, Watched::all());
    let mut tags = json!({"bindery-owner": "prod/fares/taxi"});
    tags.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let deployment = json!({
        "name": DEPLOYMENT, "location": "eastus", "tags": {"bindery-owner": "prod/fares/taxi"},
        "properties": {"endpointComputeType": "Managed", "provisioningState": states[1]},
    });
    let traffic = if lags { json!({DEPLOYMENT: 100}) } else { json!({}) };
    let answer = |ask: &Ask| match ask {
        Ask::Collection { path, .. } if path.as_str().ends_with("/deployments") => {
            Answer::Collection(Ok(if lags { vec![] } else { vec![deployment.clone()] }))
        }
        Ask::Collection { .. } => Answer::Collection(Ok(vec![])),
        Ask::Resource(id) if *id == endpoint() => Answer::Resource(Ok(Some(json!({
            "name": "taxi", "location": "eastus", "tags": tags,
            "properties": {"authMode": "Key", "provisioningState": states[0], "traffic": traffic},
        })))),
        Ask::Resource(id) if id.name() == DEPLOYMENT => Answer::Resource(Ok(Some(deployment.clone()))),
        Ask::Resource(id) if id.as_str().contains("/models/") => Answer::Resource(Ok(Some(json!({
            "properties": {"modelUri": "azureml://x", "isArchived": archived}, "systemData": {"createdAt": "2026-02-01T12:00:00Z"},
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
    let asks = |endpoint: &'static str, deployment: &'static str| {
        let (_, asked) = found(&binding(), World { states: [endpoint, deployment], ..World::default() });
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
            it.spec.retirement = archived.then(retirement);
            it
        });
        let (facts, _) = found(&binding(), World { others: objects(&all), ..World::default() });
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
        found(&it, World::default()).0.git_revision
    };
    assert_eq!((of(None), of(Some(" "))), (None, None));
    assert_eq!(of(Some(" main@sha1:1f2e\u{7}\n3d ")).as_deref(), Some("main@sha1:1f2e3d"));
    assert_eq!(of(Some(&"a".repeat(200))).map(|it| it.len()), Some(100));
}

#[test]
fn what_the_list_lacks_and_the_endpoint_names_is_read_by_itself() {
    let (facts, _) = found(&binding(), World { lags: true, ..World::default() });
    let names: Vec<_> = facts.deployments.iter().map(|it| it.name().to_string()).collect();
    assert_eq!(names, [DEPLOYMENT]);
}

/// The binding's history has version 1 of the workspace as stable.
fn served() -> DeploymentBinding {
    let mut it = binding();
    let asset = ResourceId::workspace("s", "rg", "prod").model_version("taxi", "1").asset_id();
    let past = PastRollout {
        asset_id: Some(asset),
        version: Some("1".into()),
        ..PastRollout::new("0000000001", Outcome::Promoted)
    };
    it.status.as_mut().unwrap().history = vec![past];
    it
}

/// Where the stable deployment is gone, the traffic may go back: then it matters whether what was stable before is archived.
#[test]
fn what_was_stable_before_is_archived_where_an_object_says_so() {
    let archived = |said: bool, stable: &str| {
        let mut it = registered("v");
        it.spec.archived = Some(said);
        let tags = json!({"bindery-stable": stable});
        let (facts, _) = found(&served(), World { tags, others: objects(&[it]), ..World::default() });
        facts.before.iter().map(|it| it.archived).collect::<Vec<_>>()
    };
    assert_eq!((archived(true, "gone"), archived(false, "gone")), (vec![true], vec![false]));
    assert_eq!(archived(true, DEPLOYMENT), [false], "nothing goes back, so nobody has asked");
}

/// The object that archived a version may be gone: Azure still says so.
#[test]
fn what_was_stable_before_is_archived_where_azure_says_so() {
    let found = |archived: bool| {
        let tags = json!({"bindery-stable": "gone"});
        let (facts, _) = found(&served(), World { tags, archived, ..World::default() });
        facts.before.iter().map(|it| it.archived).collect::<Vec<_>>()
    };
    assert_eq!((found(true), found(false)), (vec![true], vec![false]));
}

/// The same of a version in a registry, while the manifest asks for another one from there.
#[test]
fn what_a_registry_has_archived_is_known_of_what_was_stable_before() {
    let found = |archived: bool, asset: &str| {
        let mut models =
            made::<Registry>("fares", "models", &json!({"azure": azure("models"), "location": "eastus"}));
        let ready = json!({"observedGeneration": 1, "discoveryUrl": "https://x"});
        Arc::make_mut(&mut models).status = Some(serde_json::from_value(ready).unwrap());
        let mut it = registered("v");
        let place = json!({"registryRef": {"name": "models"}});
        it.spec = ModelVersion::clone(&version("fares", "v", "taxi", &place)).spec;
        let others = [objects(&[it]), vec![models.any()]].concat();
        let mut binding = served();
        binding.status.as_mut().unwrap().history[0].asset_id = Some(asset.into());
        let tags = json!({"bindery-stable": "gone"});
        let (facts, _) = found(&binding, World { tags, archived, others, ..World::default() });
        assert!(matches!(facts.version, SourceVersion::Ready { .. }), "{:?}", facts.version);
        facts.before.iter().map(|it| it.archived).collect::<Vec<_>>()
    };
    let asset = "azureml://registries/models/models/taxi/versions/1";
    assert_eq!((found(true, asset), found(false, asset)), (vec![true], vec![false]));
    let elsewhere = "azureml://registries/others/models/taxi/versions/1";
    assert_eq!(found(true, elsewhere), [false], "nobody here may read that registry");
}

/// The number of a version in a workspace can be made again: then it is another one than the one that has served.
#[test]
fn when_a_version_was_made_is_read_where_one_of_its_number_has_served() {
    let made = |it: &DeploymentBinding| {
        found(it, World { others: objects(&[registered("v")]), ..World::default() }).0.made
    };
    assert_eq!(made(&binding()), None);
    assert_eq!(made(&served()), "2026-02-01T12:00:00Z".parse().ok());
}

/// Through a workspace that is in conflict, the own endpoint is looked at by whoever may have to take it back.
#[test]
fn in_a_conflict_only_the_own_endpoint_is_looked_at_and_only_to_act() {
    let seen = |tags: Value, change: fn(&mut DeploymentBinding)| {
        let mut it = binding();
        change(&mut it);
        let condition = json!({"type": "Ready", "status": "False", "reason": "Conflict", "message": "", "lastTransitionTime": "2026-03-01T12:00:00Z"});
        let workspace = json!({"observedGeneration": 1, "location": "eastus", "conditions": [condition]});
        found(&it, World { tags, workspace, ..World::default() }).0.endpoint.seen()
    };
    let watches: fn(&mut DeploymentBinding) = |it| it.spec.management = crate::api::Management::Observe;
    assert_eq!(seen(json!({}), |_| ()), Some(true));
    assert_eq!(seen(json!({"bindery-owner": "prod/fares/another"}), |_| ()), None);
    assert_eq!(seen(json!({}), watches), None);
}

/// What was accepted is still asked for when its object is gone, and once while that is there.
#[test]
fn what_was_accepted_is_asked_for_until_it_is_done() {
    let action = json!({"bindingRef": {"name": "taxi"}, "action": "Abort", "revision": "5e6f7a8b90", "requestedBy": "ada"});
    let action = made::<RolloutAction>("fares", "abort", &action);
    let asked = |state: ActionState, there: bool| {
        let hash = crate::decide::rollout::hash_of(&action);
        let mut it = binding();
        it.status.as_mut().unwrap().actions = vec![TakenAction {
            name: "abort".into(),
            hash,
            action: ActionWord::Abort,
            revision: "5e6f7a8b90".into(),
            step: None,
            to_revision: None,
            requested_by: "ada".into(),
            reason: None,
            state,
            message: String::new(),
            since: Timestamp::UNIX_EPOCH,
        }];
        let others = if there { vec![action.clone().any()] } else { vec![] };
        found(&it, World { others, ..World::default() }).0.asked.len()
    };
    assert_eq!((asked(ActionState::Accepted, false), asked(ActionState::Accepted, true)), (1, 1));
    assert_eq!((asked(ActionState::Complete, false), asked(ActionState::Complete, true)), (0, 1));
}
