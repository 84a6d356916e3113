//! A place that others refer to: when it goes, what may still happen in it, and what its policy allows of a deployment.

use bindery::api::{DELETE_WHILE_IN_USE, DeploymentBinding, ModelVersion, Registry, Workspace};
use e2e::stand::{Error, PATIENCE, Stand, StandOptions, condition, ready};
use e2e::{ControlPlane, Options};
use k8s_openapi::api::core::v1::Namespace;
use kube::api::{Api, DeleteParams};
use serde_json::{Value, json};

use crate::taxi::{ENDPOINT, created, pausing_at, serve, steps, with};
use crate::{Outcome, taxi};

/// Says of the workspace that it may go although it is in use.
async fn let_go_while_in_use(stand: &Stand) -> Outcome {
    let annotation = format!("{DELETE_WHILE_IN_USE}=true");
    stand.kubectl(&["annotate", "amlws/fares-prod", &annotation]).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workspace_in_use_goes_with_the_last_that_refers_to_it() -> Outcome {
    let stand = taxi::stand("place-in-use").await?;
    taxi::versions(&stand, &["1"]).await?;
    let first = serve(&stand, taxi::binding("taxi-1")).await?;
    let held = stand.api::<Workspace>().get("fares-prod").await?.metadata.finalizers.unwrap_or_default();
    assert_eq!(held, [bindery::api::FINALIZER]);
    let before = stand.writes();

    stand.delete::<Workspace>("fares-prod").await?;
    let message = stand.wait_reason::<Workspace>("fares-prod", "InUse").await?;
    assert!(
        message.contains("referred to by DeploymentBinding taxi, ModelVersion taxi-1. Delete them"),
        "{message}"
    );
    assert!(message.contains(DELETE_WHILE_IN_USE), "{message}");
    // Nothing new begins in it, and what serves goes on.
    stand.apply("ModelVersion", "taxi-2", taxi::from_uri("2")).await?;
    let message = stand.wait_reason::<ModelVersion>("taxi-2", "ReferenceNotReady").await?;
    assert!(message.contains("is being deleted, so nothing new begins in it"), "{message}");
    stand.wait_reason::<DeploymentBinding>("taxi", "ReferenceNotReady").await?;
    assert_eq!(stand.writes(), before);
    assert_eq!(stand.azure_field(ENDPOINT, &format!("/properties/traffic/{first}")), 100);

    // One after the other goes, the endpoint with its binding: the place can still be worked in for that.
    stand.delete_and_wait::<ModelVersion>("taxi-2").await?;
    stand.delete_and_wait::<DeploymentBinding>("taxi").await?;
    assert_eq!(stand.azure(ENDPOINT), None);
    let of_the_last = |w: &Workspace| {
        condition(w, "Ready")
            .is_some_and(|(_, _, m)| m.contains("referred to by ModelVersion taxi-1. Delete"))
    };
    stand.wait_for::<Workspace>("fares-prod", "held by the last", of_the_last).await?;
    stand.delete::<ModelVersion>("taxi-1").await?;
    // Its next comparison is minutes away: the end of the last one wakes it.
    stand.wait_gone::<Workspace>("fares-prod").await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn by_its_annotation_it_goes_at_once_and_nothing_in_azure_changes() -> Outcome {
    let stand = taxi::stand("place-let-go").await?;
    taxi::versions(&stand, &["1"]).await?;
    let first = serve(&stand, taxi::binding("taxi-1")).await?;
    let before = stand.writes();
    stand.delete::<Workspace>("fares-prod").await?;
    stand.wait_reason::<Workspace>("fares-prod", "InUse").await?;
    let_go_while_in_use(&stand).await?;
    stand.wait_gone::<Workspace>("fares-prod").await?;
    stand.wait_reason::<DeploymentBinding>("taxi", "ReferenceNotFound").await?;
    stand.wait_reason::<ModelVersion>("taxi-1", "ReferenceNotFound").await?;
    stand
        .wait_event("fares-prod", "It is still referred to by DeploymentBinding taxi, ModelVersion taxi-1")
        .await?;
    assert_eq!(stand.writes(), before);
    assert_eq!(stand.azure_field(ENDPOINT, &format!("/properties/traffic/{first}")), 100);
    // Whoever makes it again finds everything as it was.
    stand.apply("Workspace", "fares-prod", json!({"azure": taxi::azure()})).await?;
    stand.wait_for::<DeploymentBinding>("taxi", "Ready", ready).await?;
    assert_eq!(stand.writes(), before);
    Ok(())
}

/// As Argo CD prunes a folder: in any order, here the places first. Everything ends by itself, in Azure too.
#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_is_deleted_in_one_go_ends_by_itself() -> Outcome {
    let stand = taxi::stand("place-folder").await?;
    let delete = json!({"deletionPolicy": "Delete"});
    taxi::story(&stand, taxi::binding("taxi-1")).await?;
    let sources =
        json!({"policy": {"sources": [{"name": "released", "registryRef": {"name": "fares-models"}}]}});
    stand.edit::<Workspace>("fares-prod", sources).await?;
    stand.edit::<Registry>("fares-models", delete.clone()).await?;
    stand.wait_for::<DeploymentBinding>("taxi", "Ready", ready).await?;
    for name in ["taxi-1-dev", "taxi-2-dev", "taxi-1", "taxi-2"] {
        stand.edit::<ModelVersion>(name, delete.clone()).await?;
        stand.wait_for::<ModelVersion>(name, "Ready", ready).await?;
    }
    for kinds in ["amlws", "amlreg", "amlmv", "amlbind"] {
        stand.kubectl(&["delete", kinds, "--all", "--wait=false"]).await?;
    }
    for name in ["taxi-1-dev", "taxi-2-dev", "taxi-1", "taxi-2"] {
        stand.wait_gone::<ModelVersion>(name).await?;
    }
    stand.wait_gone::<DeploymentBinding>("taxi").await?;
    for name in ["fares-dev", "fares-prod"] {
        stand.wait_gone::<Workspace>(name).await?;
    }
    stand.wait_gone::<Registry>("fares-models").await?;
    assert_eq!(stand.azure(ENDPOINT), None);
    assert_eq!(stand.azure("registries/fares-models"), None);
    Ok(())
}

async fn wait_namespace_gone(stand: &Stand, name: &str) -> Result<(), Error> {
    let all: Api<Namespace> = Api::all(stand.client.clone());
    let begun = std::time::Instant::now();
    while all.get_opt(name).await?.is_some() {
        if begun.elapsed() > PATIENCE {
            return Err(
                format!("namespace {name} does not end; the log:\n{}", stand.operator.told(30)).into()
            );
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_namespace_that_is_deleted_ends_and_says_what_it_waits_for() -> Outcome {
    e2e::install_crypto_provider();
    if Options::from_env().names_a_cluster() {
        println!("SKIPPED: its operator would take the other tests' objects for its own");
        return Ok(());
    }
    let control_plane = ControlPlane::start(Options::default()).await?;
    let options = StandOptions { one_namespace: false, ..StandOptions::default() };
    let mut stand = Stand::start(&control_plane, "bindery-system", options).await?;
    // The operator's own account does not go with the namespace.
    stand.apply_namespace("platform", json!({})).await?;
    stand.namespace = "platform".into();
    stand.apply_namespace("blue", json!({"team": "blue"})).await?;
    let everybody = json!([{"name": "everybody", "namespaces": {"from": "All"}}]);
    let open = json!({"azure": taxi::azure(), "publishers": everybody});
    stand.apply("Workspace", "fares-prod", open).await?;
    stand.apply("ModelVersion", "taxi-1", taxi::from_uri("1")).await?;
    serve(&stand, taxi::binding("taxi-1")).await?;
    let guest =
        with(taxi::from_uri("2"), json!({"workspaceRef": {"name": "fares-prod", "namespace": "platform"}}));
    stand.apply_in("blue", "ModelVersion", "guest", guest).await?;
    let guests: Api<ModelVersion> = Api::namespaced(stand.client.clone(), "blue");
    stand
        .wait_until("the guest's version", |s| {
            s.azure("workspaces/fares-prod/models/taxi/versions/2").is_some()
        })
        .await?;

    let all: Api<Namespace> = Api::all(stand.client.clone());
    all.delete("platform", &DeleteParams::default()).await?;
    // Whoever sees the place is told how many there are elsewhere, not who.
    let alone = |w: &Workspace| {
        condition(w, "Ready").is_some_and(|(_, reason, message)| {
            reason == "InUse"
                && message
                    .contains("referred to by 1 object in another namespace. Its namespace is being deleted")
        })
    };
    let held = stand.wait_for::<Workspace>("fares-prod", "held by the guest alone", alone).await?;
    let (.., message) = condition(&held, "Ready").ok_or("a condition")?;
    assert!(!message.contains("guest") && !message.contains("blue"), "{message}");
    assert!(message.ends_with("at the latest."), "{message}");
    assert_eq!(stand.azure(ENDPOINT), None, "what was in the namespace is gone");
    guests.delete("guest", &DeleteParams::default()).await?;
    wait_namespace_gone(&stand, "platform").await
}

/// Two objects for one workspace: no weight rises through either, but what serves can be taken back.
#[tokio::test(flavor = "multi_thread")]
async fn through_a_workspace_in_conflict_a_rollout_stops_and_can_be_taken_back() -> Outcome {
    let stand = taxi::stand("place-conflict").await?;
    taxi::versions(&stand, &["1", "2"]).await?;
    let first = serve(&stand, taxi::binding("taxi-1")).await?;
    serve_by_steps(&stand).await?;
    let second = with(json!({"azure": taxi::azure()}), json!({"azure": {"name": "fares-prod"}}));
    stand.apply("Workspace", "fares-prod-again", second).await?;
    stand.wait_reason::<Workspace>("fares-prod", "Conflict").await?;
    stand.wait_reason::<DeploymentBinding>("taxi", "ReferenceNotReady").await?;
    let candidate = created(&stand).pop().ok_or("a candidate")?;
    assert_eq!(stand.azure_field(ENDPOINT, &format!("/properties/traffic/{candidate}")), 10);
    let written = stand.traffic_written(ENDPOINT).len();

    stand.edit::<DeploymentBinding>("taxi", json!({"model": {"versionRef": {"name": "taxi-1"}}})).await?;
    let back = |s: &Stand| s.azure_field(ENDPOINT, &format!("/properties/traffic/{first}")) == 100;
    stand.wait_until("the way back", back).await?;
    assert_eq!(stand.traffic_written(ENDPOINT).len(), written + 1);
    assert_eq!(created(&stand).len(), 2, "nothing else begins");
    // The end of the conflict is the end of the wait.
    stand.delete_and_wait::<Workspace>("fares-prod-again").await?;
    stand.wait_for::<DeploymentBinding>("taxi", "Ready", ready).await?;
    Ok(())
}

/// The second version gets 10 %, and there it pauses for long.
async fn serve_by_steps(stand: &Stand) -> Outcome {
    stand
        .apply("DeploymentBinding", "taxi", with(taxi::binding("taxi-2"), steps(&[(10, "1h"), (50, "1h")])))
        .await?;
    stand.wait_for::<DeploymentBinding>("taxi", "pausing at 10 %", pausing_at(10)).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_deployment_brings_is_governed_by_its_workspace() -> Outcome {
    let stand = taxi::stand("place-policy").await?;
    let policy = json!({
        "code": "Forbid", "environments": ["azureml://registries/shared/environments/*/versions/*"],
        "instanceTypes": ["Standard_DS3_v2"], "maxInstances": 2,
    });
    let workspace = json!({"azure": taxi::azure(), "policy": {"deployment": policy}});
    stand.apply("Workspace", "fares-prod", workspace).await?;
    stand.apply("ModelVersion", "taxi-1", taxi::from_uri("1")).await?;
    let deployment = |brings: Value| with(taxi::binding("taxi-1"), json!({"online": {"deployment": brings}}));
    let assigned =
        "/subscriptions/s/resourceGroups/ml/providers/Microsoft.ManagedIdentity/userAssignedIdentities/admin";
    let registry = "azureml://registries/elsewhere";
    let code = json!({"id": format!("{registry}/codes/c/versions/1"), "scoringScript": "score.py"});
    let all = [
        (
            "instanceType is Standard_NC24ads_A100_v4",
            deployment(json!({"instanceType": "Standard_NC24ads_A100_v4"})),
        ),
        ("instanceCount is 3", deployment(json!({"instanceCount": 3}))),
        ("code is given", deployment(json!({"code": code}))),
        (
            "environment is azureml://registries/elsewhere",
            deployment(json!({"environment": format!("{registry}/environments/e/versions/1")})),
        ),
        (
            "userAssigned names",
            with(
                taxi::binding("taxi-1"),
                json!({"online": {"endpoint": {"identity": {"userAssigned": [assigned]}}}}),
            ),
        ),
    ];
    for (part, spec) in all {
        stand.apply("DeploymentBinding", "taxi", spec).await?;
        let refused = |b: &DeploymentBinding| {
            let said = |kind| {
                condition(b, kind).is_some_and(|(status, reason, message)| {
                    status == "False" && reason == "PolicyRefused" && message.contains(part)
                })
            };
            said("Ready") && said("Admitted")
        };
        stand.wait_for::<DeploymentBinding>("taxi", part, refused).await?;
    }
    let touched = stand.writes().into_iter().filter(|w| w.contains("onlineEndpoints")).count();
    assert_eq!(touched, 0);

    let first = serve(&stand, deployment(json!({"instanceCount": 2}))).await?;
    let admitted = stand.api::<DeploymentBinding>().get("taxi").await?;
    assert_eq!(condition(&admitted, "Admitted").map(|(status, ..)| status).as_deref(), Some("True"));
    // More than is allowed of what serves already; and what serves stays when the policy becomes stricter.
    stand.edit::<DeploymentBinding>("taxi", json!({"online": {"deployment": {"instanceCount": 3}}})).await?;
    stand.wait_reason::<DeploymentBinding>("taxi", "PolicyRefused").await?;
    assert_eq!(stand.azure_field(&taxi::deployment(&first), "/sku/capacity"), 2);
    stand.edit::<DeploymentBinding>("taxi", json!({"online": {"deployment": {"instanceCount": 2}}})).await?;
    stand.wait_for::<DeploymentBinding>("taxi", "Ready", ready).await?;
    let before = stand.writes();
    stand
        .edit::<Workspace>(
            "fares-prod",
            json!({"policy": {"deployment": {"instanceTypes": ["Standard_F4s_v2"]}}}),
        )
        .await?;
    let not_admitted = |b: &DeploymentBinding| {
        condition(b, "Admitted").is_some_and(|(status, ..)| status == "False") && ready(b)
    };
    stand.wait_for::<DeploymentBinding>("taxi", "Ready, and not admitted", not_admitted).await?;
    assert_eq!(stand.writes(), before);
    assert_eq!(stand.azure_field(ENDPOINT, &format!("/properties/traffic/{first}")), 100);
    Ok(())
}
