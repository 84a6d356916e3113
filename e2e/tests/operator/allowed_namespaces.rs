//! For whom a place says it is, and what follows when it says something else.
//!
//! The operators here watch all namespaces, so each test has a control plane of its own.

use bindery::api::{DeploymentBinding, ModelVersion, Registry, Workspace};
use e2e::stand::{Error, Object, PATIENCE, Stand, StandOptions, condition, not_ready_because, ready};
use e2e::{ControlPlane, Options};
use kube::api::Api;
use kube::runtime::wait::await_condition;
use serde_json::{Value, json};

use crate::{Outcome, taxi};

/// None where the cluster is not ours alone: the operator would take the other tests' objects for its own.
async fn stand() -> Result<Option<(ControlPlane, Stand)>, Error> {
    e2e::install_crypto_provider();
    if Options::from_env().names_a_cluster() {
        println!("SKIPPED: its operator would take the other tests' objects for its own");
        return Ok(None);
    }
    let control_plane = ControlPlane::start(Options::default()).await?;
    let options = StandOptions { one_namespace: false, ..StandOptions::default() };
    let stand = Stand::start(&control_plane, "platform", options).await?;
    Ok(Some((control_plane, stand)))
}

/// Waits until an object, wherever it is, is Ready.
async fn wait_ready<K: Object + Send + 'static>(stand: &Stand, at: (&str, &str)) -> Outcome {
    wait_in::<K>(stand, at, "Ready", ready).await?;
    Ok(())
}

/// Waits until an object, wherever it is, is refused what it names, with a message that begins like this.
async fn wait_refused<K: Object + Send + 'static>(
    stand: &Stand,
    at: (&str, &str),
    begins: &str,
) -> Result<String, Error> {
    let refused = |o: &K| {
        not_ready_because(o, "ReferenceNotFound")
            && condition(o, "Ready").is_some_and(|(.., message)| message.starts_with(begins))
    };
    let object = wait_in(stand, at, begins, refused).await?;
    Ok(condition(&object, "Ready").map(|(.., message)| message).unwrap_or_default())
}

/// Waits until an object is told that it is no publisher in this place any more.
async fn wait_kept_out<K: Object + Send + 'static>(stand: &Stand, at: (&str, &str), place: &str) -> Outcome {
    let begins = format!("{place} does not name namespace {} as a publisher of ", at.0);
    let told = |o: &K| {
        not_ready_because(o, "NotAPublisher")
            && condition(o, "Ready").is_some_and(|(.., message)| {
                message.starts_with(&begins) && message.contains("lets it refer to it no more")
            })
    };
    wait_in(stand, at, &begins, told).await?;
    Ok(())
}

async fn wait_in<K: Object + Send + 'static>(
    stand: &Stand,
    (namespace, name): (&str, &str),
    what: &str,
    holds: impl Fn(&K) -> bool,
) -> Result<K, Error> {
    let api: Api<K> = Api::namespaced(stand.client.clone(), namespace);
    let found = await_condition(api, name, |o: Option<&K>| o.is_some_and(&holds));
    let found = tokio::time::timeout(PATIENCE, found).await;
    let log = || stand.operator.told(30);
    found
        .map_err(|_| format!("{namespace}/{name} did not become {what}; the operator's log:\n{}", log()))??
        .ok_or_else(|| "gone".into())
}

/// A place is for every namespace (`All`), to publish in too, or for its own alone (`Same`).
fn allow(from: &str) -> Value {
    let publishers = json!([{"name": "everybody", "namespaces": {"from": "All"}}]);
    let publishers = if from == "All" { publishers } else { Value::Null };
    json!({"allowedNamespaces": {"from": from, "selector": null}, "publishers": publishers})
}

/// The namespaces of a team publish in a place, and so they may refer to it.
fn published_by(team: &str) -> Value {
    let namespaces = json!({"from": "Selector", "selector": {"matchLabels": {"team": team}}});
    json!({"publishers": [{"name": team, "namespaces": namespaces}]})
}

/// A version made from the story's `n`th job, in a workspace of the platform team.
fn from_job(workspace: &str, n: &str) -> Value {
    taxi::with(taxi::from_job(n), json!({"workspaceRef": {"name": workspace, "namespace": "platform"}}))
}

/// A version in the platform team's registry.
fn promoted(from: (&str, &str)) -> Value {
    json!({
        "registryRef": {"name": "fares-models", "namespace": "platform"}, "model": "taxi", "version": "1",
        "source": {"modelVersionRef": {"namespace": from.0, "name": from.1}},
    })
}

/// A binding in the platform team's workspace.
fn binding(version: (&str, &str)) -> Value {
    json!({
        "workspaceRef": {"name": "fares-prod", "namespace": "platform"},
        "model": {"versionRef": {"namespace": version.0, "name": version.1}},
        "online": {"endpoint": {"name": "taxi-prod"}, "deployment": {}},
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn decide_who_may_know_of_a_place() -> Outcome {
    let Some((_control_plane, stand)) = stand().await? else { return Ok(()) };
    stand.apply_namespace("red", json!({"team": "red"})).await?;
    stand.apply_namespace("blue", json!({"team": "blue"})).await?;
    let azure = json!({"azure": taxi::azure()});
    stand.apply("Workspace", "fares-dev", taxi::with(azure.clone(), published_by("red"))).await?;
    stand.apply("Workspace", "fares-prod", azure).await?;
    let everybody = json!({"publishers": [{"name": "everybody", "namespaces": {"from": "All"}}]});
    stand.apply("Registry", "fares-models", taxi::with(taxi::registry(), everybody)).await?;

    stand.apply_in("red", "ModelVersion", "taxi-1-dev", from_job("fares-dev", "1")).await?;
    stand.apply_in("blue", "ModelVersion", "taxi-2-dev", from_job("fares-dev", "2")).await?;
    stand.apply_in("blue", "ModelVersion", "closed", from_job("fares-prod", "2")).await?;
    stand.apply_in("blue", "ModelVersion", "nowhere", from_job("nothing", "2")).await?;
    wait_ready::<ModelVersion>(&stand, ("red", "taxi-1-dev")).await?;

    // From outside, forbidden by Selector, forbidden by Same, and missing look the same.
    let mut said = vec![];
    for (name, workspace) in [("taxi-2-dev", "fares-dev"), ("closed", "fares-prod"), ("nowhere", "nothing")] {
        let message = wait_refused::<ModelVersion>(&stand, ("blue", name), "There is no Workspace").await?;
        said.push(message.replace(workspace, "X"));
    }
    assert!(said.iter().all(|s| *s == said[0]), "{said:?}");
    assert!(
        said[0].starts_with("There is no Workspace platform/X, or neither its allowedNamespaces"),
        "{}",
        said[0]
    );

    // All: anybody may publish into the registry, but not see another namespace's workspace version.
    stand.apply_in("blue", "ModelVersion", "stolen", promoted(("red", "taxi-1-dev"))).await?;
    wait_refused::<ModelVersion>(&stand, ("blue", "stolen"), "There is no ModelVersion").await?;
    let blue: Api<ModelVersion> = Api::namespaced(stand.client.clone(), "blue");
    blue.delete("stolen", &kube::api::DeleteParams::default()).await?;
    stand.apply_in("red", "ModelVersion", "taxi-1", promoted(("red", "taxi-1-dev"))).await?;
    wait_ready::<ModelVersion>(&stand, ("red", "taxi-1")).await?;

    // A registry's versions are for whom the registry allows, but places are theirs to allow.
    let serving = binding(("red", "taxi-1"));
    stand.apply("DeploymentBinding", "taxi", serving.clone()).await?;
    stand.wait_for::<DeploymentBinding>("taxi", "Ready", ready).await?;
    stand.apply_in("blue", "DeploymentBinding", "taxi", serving).await?;
    wait_refused::<DeploymentBinding>(&stand, ("blue", "taxi"), "There is no Workspace").await?;

    // The namespace gets the label: the place is there now, without anybody touching the version.
    stand.apply_namespace("blue", json!({"team": "red"})).await?;
    wait_ready::<ModelVersion>(&stand, ("blue", "taxi-2-dev")).await?;
    Ok(())
}

/// Nobody touches what refers to the place, and its next comparison is minutes away: only the change of
/// the place itself can have woken it.
#[tokio::test(flavor = "multi_thread")]
async fn are_judged_again_when_the_place_changes_them() -> Outcome {
    let Some((_control_plane, stand)) = stand().await? else { return Ok(()) };
    for team in ["maker", "server"] {
        stand.apply_namespace(team, json!({"team": team})).await?;
    }
    for name in ["fares-dev", "fares-prod"] {
        stand.apply("Workspace", name, json!({"azure": taxi::azure()})).await?;
        stand.wait_for::<Workspace>(name, "Ready", ready).await?;
    }
    stand.apply("Registry", "fares-models", taxi::registry()).await?;
    stand.wait_for::<Registry>("fares-models", "Ready", ready).await?;
    let (made, released, served) = (("maker", "taxi-1-dev"), ("maker", "taxi-1"), ("server", "taxi"));
    stand.apply_in(made.0, "ModelVersion", made.1, from_job("fares-dev", "1")).await?;
    stand.apply_in(released.0, "ModelVersion", released.1, promoted(made)).await?;
    stand.apply_in(served.0, "DeploymentBinding", served.1, binding(released)).await?;
    let closed = |name: &str| format!("There is no {name}, or neither its allowedNamespaces");
    let (dev, prod) = (closed("Workspace platform/fares-dev"), closed("Workspace platform/fares-prod"));
    let registry = closed("Registry platform/fares-models");
    let version = "There is no ModelVersion maker/taxi-1, or";
    wait_refused::<ModelVersion>(&stand, made, &dev).await?;
    wait_refused::<ModelVersion>(&stand, released, &registry).await?;
    wait_refused::<DeploymentBinding>(&stand, served, &prod).await?;
    assert_eq!(stand.requests("PUT", "/workspaces/"), []);

    // Allowed, one after the other. The registry's word counts for its versions, too.
    stand.edit::<Workspace>("fares-dev", allow("All")).await?;
    wait_ready::<ModelVersion>(&stand, made).await?;
    let makers = taxi::with(allow("Same"), published_by("maker"));
    stand.edit::<Registry>("fares-models", makers.clone()).await?;
    wait_ready::<ModelVersion>(&stand, released).await?;
    stand.edit::<Workspace>("fares-prod", allow("All")).await?;
    wait_refused::<DeploymentBinding>(&stand, served, version).await?;
    stand.edit::<Registry>("fares-models", allow("All")).await?;
    wait_ready::<DeploymentBinding>(&stand, served).await?;

    // And the other way round. What serves goes on serving: nothing is written.
    let before = stand.writes();
    stand.edit::<Registry>("fares-models", makers).await?;
    wait_refused::<DeploymentBinding>(&stand, served, version).await?;
    // Whoever has something there is told that it is no publisher any more, although it may not refer to the place either.
    stand.edit::<Registry>("fares-models", allow("Same")).await?;
    wait_kept_out::<ModelVersion>(&stand, released, "Registry platform/fares-models").await?;
    stand.edit::<Workspace>("fares-dev", allow("Same")).await?;
    wait_kept_out::<ModelVersion>(&stand, made, "Workspace platform/fares-dev").await?;
    stand.edit::<Workspace>("fares-prod", allow("Same")).await?;
    wait_kept_out::<DeploymentBinding>(&stand, served, "Workspace platform/fares-prod").await?;
    assert_eq!(stand.writes(), before);
    Ok(())
}

/// Whoever may not know of a place has no claim on what is there: not by naming it, and not by a place of
/// its own for the same workspace: while there are two of those, nothing is moved through either.
#[tokio::test(flavor = "multi_thread")]
async fn decide_who_has_a_claim() -> Outcome {
    let Some((_control_plane, stand)) = stand().await? else { return Ok(()) };
    stand.apply_namespace("blue", json!({"team": "blue"})).await?;
    stand.apply("Workspace", "fares-prod", json!({"azure": taxi::azure()})).await?;
    stand.wait_for::<Workspace>("fares-prod", "Ready", ready).await?;
    stand.apply("ModelVersion", "taxi-1", taxi::from_uri("1")).await?;
    stand.wait_for::<ModelVersion>("taxi-1", "Ready", ready).await?;
    let ours = binding(("platform", "taxi-1"));
    stand.apply("DeploymentBinding", "taxi", ours.clone()).await?;
    stand.wait_for::<DeploymentBinding>("taxi", "Ready", ready).await?;

    stand.apply_in("blue", "DeploymentBinding", "taxi", ours.clone()).await?;
    stand
        .apply_in(
            "blue",
            "Workspace",
            "own",
            json!({"azure": taxi::with(taxi::azure(), json!({"name": "fares-prod"}))}),
        )
        .await?;
    let by_its_own = taxi::with(ours.clone(), json!({"workspaceRef": {"name": "own", "namespace": "blue"}}));
    stand.apply_in("blue", "DeploymentBinding", "detour", by_its_own).await?;
    wait_refused::<DeploymentBinding>(&stand, ("blue", "taxi"), "There is no Workspace").await?;
    let blocked = |b: &DeploymentBinding| not_ready_because(b, "ReferenceNotReady");
    wait_in(&stand, ("blue", "detour"), "refused", blocked).await?;
    stand.wait_reason::<Workspace>("fares-prod", "Conflict").await?;
    let own = kube::Api::<Workspace>::namespaced(stand.client.clone(), "blue");
    own.delete("own", &kube::api::DeleteParams::default()).await?;
    stand.wait_for::<Workspace>("fares-prod", "Ready again", ready).await?;

    // The owner's deletion is one, and its next binding is the first.
    stand.delete_and_wait::<DeploymentBinding>("taxi").await?;
    assert_eq!(stand.azure(taxi::ENDPOINT), None);
    stand.apply("DeploymentBinding", "taxi", ours).await?;
    stand.wait_for::<DeploymentBinding>("taxi", "Ready", ready).await?;
    Ok(())
}
