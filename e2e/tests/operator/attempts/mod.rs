//! What somebody gets who has only the chart's roles in one namespace, and tries to reach what belongs to others: the table
//! "What an attempt gets" of `docs/guide/tenancy.md`, row by row, on one stand.
//!
//! The team and the platform user of a namespace act through the API server as themselves. Somebody with a role of wildcards
//! (`eve`) writes statuses by hand, where no admission policy of the chart keeps them from it. The other namespace has its
//! places, its versions and an endpoint that serves; at the end Azure holds them as before, and nobody was asked for anything
//! in its name.

mod forged;
mod places;
mod publishing;

use azureml_emulator::WorkspaceSeed;
use bindery::api::{DeploymentBinding, ModelVersion, Registry, Workspace};
use e2e::control_plane;
use e2e::stand::{
    Error, GROUP, SUBSCRIPTION, Stand, StandOptions, User, apply_roles, apply_wildcard_role, job, ready,
};
use serde_json::{Value, json};

use crate::taxi::{azure, with};
use crate::{Outcome, taxi};

const OURS: &str = "attempts-ours";
const THEIRS: &str = "attempts-theirs";

/// The endpoint of the other namespace in the workspace that everybody may publish in.
const SHARED_ENDPOINT: &str = "workspaces/fares-dev/onlineEndpoints/taxi-dev";

/// What the other namespace has in Azure.
const OF_OURS: [&str; 7] = [
    "workspaces/fares-prod/models/taxi/versions/1",
    "workspaces/fares-dev/models/taxi/versions/1",
    "workspaces/fares-hidden/models/taxi/versions/1",
    "registries/fares-models",
    "registries/fares-models/models/taxi/versions/1",
    taxi::ENDPOINT,
    SHARED_ENDPOINT,
];

/// The stand, and who attacks.
struct Attack {
    stand: Stand,
    /// Has `bindery-team` in their namespace.
    team: User,
    /// Has `bindery-platform` there.
    platform: User,
    /// May do everything with objects of Bindery there, their statuses included.
    eve: User,
}

/// A manifest that refers to a workspace of the other namespace.
fn there(workspace: &str, spec: Value) -> Value {
    with(spec, json!({"workspaceRef": {"name": workspace, "namespace": OURS}}))
}

/// A version of a model in a workspace of the other namespace, from a path.
fn version(workspace: &str, model: &str, number: &str) -> Value {
    there(workspace, with(taxi::from_uri(number), json!({"model": model, "deletionPolicy": "Delete"})))
}

/// A binding of an endpoint in a workspace of the other namespace, to a version of one's own.
fn binding(workspace: &str, endpoint: &str) -> Value {
    there(workspace, with(taxi::binding("own"), json!({"online": {"endpoint": {"name": endpoint}}})))
}

/// A place that acts as the namespace's own account, for what has this name in Azure.
fn as_account(name: &str) -> Value {
    json!({"azure": with(azure(), json!({"name": name})), "credentials": {"serviceAccountName": "theirs-azure"}})
}

async fn attack() -> Result<Option<Attack>, Error> {
    let mut options =
        StandOptions { operator: false, also_watched: vec![THEIRS.into()], ..StandOptions::default() };
    for (name, jobs) in [("fares-hidden", vec![]), ("theirs", vec![job(1, 4.1)])] {
        options.emulator.exists.workspaces.push(WorkspaceSeed {
            subscription: SUBSCRIPTION.into(),
            resource_group: GROUP.into(),
            name: name.into(),
            location: "eastus".into(),
            jobs,
            ..WorkspaceSeed::default()
        });
    }
    let mut stand = taxi::stand_with(OURS, options).await?;
    let control_plane = control_plane::shared().await?;
    if !apply_roles(&stand.client, "attempts-").await? {
        println!("SKIPPED: there is no Helm to render the chart's roles with");
        return Ok(None);
    }
    apply_wildcard_role(&stand.client, "attempts-everything").await?;
    let user = async |name: &str, role: &str| User::with_role(control_plane, name, THEIRS, role).await;
    let team = user("mallory", "attempts-bindery-team").await?;
    let platform = user("mallorys-platform", "attempts-bindery-platform").await?;
    let eve = user("eve", "attempts-everything").await?;
    // The operator's own identity serves the other namespace alone.
    let served = format!(r#"[{{"namespaces": ["{OURS}"], "subscriptions": ["*"]}}]"#);
    stand.operator.environment.push(("BINDERY_OPERATOR_IDENTITY_ALLOW".into(), served));
    stand.operator.start()?;
    stand.place_account(THEIRS, "theirs-azure").await?;
    stand.allow_in_azure("theirs-azure", "workspaces/theirs");
    stand.place_account(OURS, "broken-azure").await?;
    stand.allow_in_azure("broken-azure", "workspaces/elsewhere");
    ours(&stand).await?;
    Ok(Some(Attack { stand, team, platform, eve }))
}

/// What the other namespace has: a workspace that everybody may look at, one that everybody may publish in, one that nobody may
/// know of, one whose account Azure does not let in, and a registry.
async fn ours(stand: &Stand) -> Outcome {
    let everybody = json!([{"name": "everybody", "namespaces": {"from": "All"}}]);
    let policy = json!({"deployment": {"code": "Forbid", "instanceTypes": ["Standard_DS3_v2"]}});
    let open = json!({"azure": azure(), "publishers": everybody, "policy": policy});
    let looked_at = json!({"allowedNamespaces": {"from": "All"}});
    let hidden = json!({"azure": with(azure(), json!({"name": "fares-hidden"}))});
    let broken = json!({"azure": azure(), "publishers": everybody, "credentials": {"serviceAccountName": "broken-azure"}});
    stand.apply("Workspace", "fares-dev", open).await?;
    stand.apply("Workspace", "fares-prod", with(json!({"azure": azure()}), looked_at.clone())).await?;
    stand.apply("Workspace", "hidden", hidden).await?;
    stand.apply("Workspace", "broken", broken).await?;
    stand.apply("Registry", "fares-models", with(taxi::registry(), looked_at)).await?;
    stand.apply("ModelVersion", "taxi-1", taxi::from_uri("1")).await?;
    let kept = with(taxi::from_uri("1"), json!({"workspaceRef": {"name": "hidden"}}));
    stand.apply("ModelVersion", "taxi-1-hidden", kept).await?;
    stand.apply("ModelVersion", "taxi-1-dev", taxi::from_job("1")).await?;
    stand.apply("ModelVersion", "taxi-1-released", taxi::promoted("1")).await?;
    stand.apply("DeploymentBinding", "taxi", taxi::binding("taxi-1")).await?;
    stand.apply("DeploymentBinding", "taxi-dev", shared_endpoint()).await?;
    all_is_well(stand).await?;
    stand.wait_reason::<Workspace>("broken", "Unauthorized").await?;
    Ok(())
}

/// The binding of the other namespace in the workspace that everybody may publish in.
fn shared_endpoint() -> Value {
    let shared = json!({"workspaceRef": {"name": "fares-dev"}, "online": {"endpoint": {"name": "taxi-dev"}}});
    with(with(taxi::binding("taxi-1-dev"), shared), json!({"deletionPolicy": "Retain"}))
}

/// Everything of the other namespace is Ready.
async fn all_is_well(stand: &Stand) -> Outcome {
    for name in ["fares-dev", "fares-prod"] {
        stand.wait_for::<Workspace>(name, "Ready", ready).await?;
    }
    stand.wait_for::<Registry>("fares-models", "Ready", ready).await?;
    for name in ["taxi-1", "taxi-1-dev", "taxi-1-hidden", "taxi-1-released"] {
        stand.wait_for::<ModelVersion>(name, "Ready", ready).await?;
    }
    for name in ["taxi", "taxi-dev"] {
        stand.wait_for::<DeploymentBinding>(name, "Ready", ready).await?;
    }
    Ok(())
}

/// Everything that the other namespace has in Azure, as it is there.
fn held(stand: &Stand) -> Vec<Option<Value>> {
    OF_OURS.map(|path| stand.azure(path)).into()
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_reaches_what_belongs_to_another_namespace() -> Outcome {
    let Some(attack) = attack().await? else { return Ok(()) };
    let stand = &attack.stand;
    let before = held(stand);
    assert!(before.iter().all(Option::is_some), "{before:?}");
    stand.emulator.control().clear_log();

    // A version of their own, in the workspace where everybody may publish: that is what they may do.
    attack.team.apply("ModelVersion", "own", version("fares-dev", "own", "1")).await?;
    attack.team.wait_ready(stand, "ModelVersion", "own").await?;

    places::attempts(&attack).await?;
    publishing::attempts(&attack).await?;
    forged::attempts(&attack).await?;

    // Nothing of the other namespace's was changed, nobody else was made anything, and it goes on working.
    assert_eq!(held(stand), before);
    let written = |by: &str| -> Vec<String> {
        let control = stand.emulator.control();
        let writes =
            control.log().filter(|e| e.principal == by && e.method != "GET" && !e.path.contains("oauth2"));
        writes
            .map(|e| {
                format!(
                    "{} {}",
                    e.method,
                    e.path.rsplit("MachineLearningServices/").next().unwrap_or_default()
                )
            })
            .collect()
    };
    assert_eq!(written("bindery"), ["PUT workspaces/fares-dev/models/own/versions/1"]);
    let by_account = written("theirs-azure");
    let own = |w: &String| w.contains(" registries/theirs-models") || w.contains(" workspaces/theirs/");
    assert!(by_account.iter().all(own), "{by_account:?}");
    // The other namespace has no endpoint there, so whoever asked for one did that for somebody whom the place does not let in.
    let asked: Vec<String> =
        stand.requests("GET", "fares-hidden/onlineEndpoints").into_iter().map(|e| e.path).collect();
    assert_eq!(asked, Vec::<String>::new());
    for name in ["fares-dev", "fares-prod"] {
        stand.look_again::<Workspace>(name).await?;
    }
    all_is_well(stand).await?;
    places::the_hidden_place_goes(&attack).await
}
