//! Places that act as identities of their own: two teams, two applications in Entra ID, and an operator whose own identity
//! serves nobody.

use azureml_emulator::Entry;
use bindery::api::{DeploymentBinding, ModelVersion, Registry, Workspace};
use e2e::stand::{Stand, StandOptions, not_ready_because, ready};
use k8s_openapi::api::core::v1::{Namespace, ServiceAccount};
use kube::api::{Api, DeleteParams};
use serde_json::{Value, json};

use crate::taxi::{ENDPOINT, azure, with};
use crate::{Outcome, taxi};

/// A stand whose operator's own identity serves nobody.
async fn stand(name: &str, also_watched: &[&str]) -> Result<Stand, e2e::stand::Error> {
    let also_watched = also_watched.iter().map(ToString::to_string).collect();
    let options = StandOptions { operator: false, also_watched, ..StandOptions::default() };
    let mut stand = taxi::stand_with(name, options).await?;
    stand.operator.environment.push(("BINDERY_OPERATOR_IDENTITY_ALLOW".into(), "[]".into()));
    stand.operator.start()?;
    Ok(stand)
}

fn acting_as(account: &str) -> Value {
    json!({"azure": azure(), "credentials": {"serviceAccountName": account}})
}

/// Who asked for what is on these paths, each once.
fn who_asked(stand: &Stand, path: &str) -> Vec<String> {
    let control = stand.emulator.control();
    let on = |e: &&Entry| e.path.to_lowercase().contains(&path.to_lowercase());
    let mut all: Vec<String> = control.log().filter(on).map(|e| e.principal.clone()).collect();
    all.sort();
    all.dedup();
    all
}

async fn account_is_deleted(stand: &Stand, name: &str) -> Outcome {
    let accounts: Api<ServiceAccount> = Api::namespaced(stand.client.clone(), &stand.namespace);
    accounts.delete(name, &DeleteParams::default()).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn each_place_is_served_as_its_own_account() -> Outcome {
    let stand = stand("identities-two", &[]).await?;
    let namespace = stand.namespace.clone();
    for name in ["dev-azure", "prod-azure"] {
        stand.place_account(&namespace, name).await?;
    }
    // Who publishes needs rights at both ends; who keeps the registry and serves has none in the development workspace.
    stand.allow_in_azure("dev-azure", "workspaces/fares-dev");
    stand.allow_in_azure("dev-azure", "registries/fares-models");
    stand.allow_in_azure("prod-azure", "workspaces/fares-prod");
    stand.allow_in_azure("prod-azure", "registries/fares-models");
    stand.apply("Workspace", "fares-dev", acting_as("dev-azure")).await?;
    stand.apply("Workspace", "fares-prod", acting_as("prod-azure")).await?;
    let registry = with(taxi::registry(), json!({"credentials": {"serviceAccountName": "prod-azure"}}));
    stand.apply("Registry", "fares-models", registry).await?;
    stand.apply("ModelVersion", "taxi-1-dev", taxi::from_job("1")).await?;
    stand.apply("ModelVersion", "taxi-1", taxi::promoted("1")).await?;
    stand.apply("DeploymentBinding", "taxi", taxi::binding("taxi-1")).await?;
    stand.wait_for::<DeploymentBinding>("taxi", "Ready", ready).await?;
    stand.wait_for::<Registry>("fares-models", "Ready", ready).await?;

    assert_eq!(who_asked(&stand, "workspaces/fares-dev"), ["dev-azure"]);
    assert_eq!(who_asked(&stand, "workspaces/fares-prod"), ["prod-azure"]);
    assert_eq!(who_asked(&stand, "/registries/fares-models"), ["prod-azure"]);
    let publishes = stand.requests("POST", "workspaces/fares-dev/models/taxi/versions/1/publish");
    assert_eq!(publishes.iter().map(|e| e.principal.as_str()).collect::<Vec<_>>(), ["dev-azure"]);
    assert!(
        who_asked(&stand, "/").iter().all(|who| who != "bindery"),
        "the operator's own identity did nothing"
    );

    // A right that is taken in the middle: said with who was refused, and over when it is back. The rest goes on.
    stand.deny_in_azure("prod-azure", "workspaces/fares-prod");
    stand.look_again::<Workspace>("fares-prod").await?;
    let said = stand.wait_reason::<Workspace>("fares-prod", "Unauthorized").await?;
    assert!(said.contains(&format!("asked as service account {namespace}/prod-azure")), "{said}");
    stand.apply("ModelVersion", "taxi-2-dev", taxi::from_job("2")).await?;
    stand.wait_for::<ModelVersion>("taxi-2-dev", "Ready", ready).await?;
    stand.forgive_in_azure("prod-azure");
    stand.look_again::<Workspace>("fares-prod").await?;
    stand.wait_for::<Workspace>("fares-prod", "Ready", ready).await?;
    stand.apply("ModelVersion", "taxi-2", taxi::promoted("2")).await?;
    stand.apply("DeploymentBinding", "taxi", taxi::binding("taxi-2")).await?;
    stand.wait_for::<DeploymentBinding>("taxi", "Ready", ready).await?;

    // Who may not publish is named, and nothing is half registered.
    stand.deny_in_azure("dev-azure", "registries/fares-models");
    stand.apply("ModelVersion", "taxi-3-dev", taxi::from_job("3")).await?;
    stand.apply("ModelVersion", "taxi-3", taxi::promoted("3")).await?;
    let said = stand.wait_reason::<ModelVersion>("taxi-3", "Unauthorized").await?;
    assert!(
        said.starts_with("Bindery could not publish taxi:3 to registry fares-models: ")
            && said.contains(&format!("asked as service account {namespace}/dev-azure")),
        "{said}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_is_not_right_is_said_and_mended_and_stops_no_other() -> Outcome {
    let stand = stand("identities-wrong", &[]).await?;
    let namespace = stand.namespace.clone();
    let client = stand.place_account(&namespace, "dev-azure").await?;
    // Without an account it is the operator's own identity, which is not allowed here.
    stand.apply("Workspace", "fares-prod", json!({"azure": azure()})).await?;
    let said = stand.wait_reason::<Workspace>("fares-prod", "IdentityNotAllowed").await?;
    assert!(said.contains("spec.credentials"), "{said}");

    let accounts: Api<ServiceAccount> = Api::namespaced(stand.client.clone(), &namespace);
    let made = |labels: Value, annotations: Value| {
        serde_json::from_value::<ServiceAccount>(
            json!({"metadata": {"name": "dev-azure", "namespace": namespace,
            "labels": labels, "annotations": annotations}}),
        )
    };
    let label = json!({"bindery.dev/acts-for-places": "true"});
    let annotations = |client: &str, tenant: &str| json!({"azure.workload.identity/client-id": client, "azure.workload.identity/tenant-id": tenant});
    let federated = stand.emulator.control().config.clients[1].federated.clone();
    account_is_deleted(&stand, "dev-azure").await?;
    stand.apply("Workspace", "fares-dev", acting_as("dev-azure")).await?;
    let said = stand.wait_reason::<Workspace>("fares-dev", "CredentialFailed").await?;
    assert!(said.contains(&format!("There is no service account {namespace}/dev-azure.")), "{said}");
    for (labels, annotations, part) in [
        (json!({}), annotations(&client, &client), "does not have the label bindery.dev/acts-for-places"),
        (label.clone(), json!({}), "does not have the annotation azure.workload.identity/client-id"),
        (
            label.clone(),
            annotations(&client, "contoso.example"),
            "with 'contoso.example', which is not a GUID",
        ),
        // Another tenant than the application's: Entra ID says it.
        (label.clone(), annotations(&client, &client), "AADSTS90002"),
    ] {
        let _ = accounts.delete("dev-azure", &DeleteParams::default()).await;
        accounts.create(&kube::api::PostParams::default(), &made(labels, annotations)?).await?;
        let begun = std::time::Instant::now();
        loop {
            stand.look_again::<Workspace>("fares-dev").await?;
            let said = stand.wait_reason::<Workspace>("fares-dev", "CredentialFailed").await?;
            if said.contains(part) {
                break;
            }
            assert!(begun.elapsed() < e2e::stand::PATIENCE, "{part}: {said}");
            tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        }
    }
    // A federated credential that Entra ID does not know yet.
    stand.emulator.control().config.clients[1].federated.clear();
    account_is_deleted(&stand, "dev-azure").await?;
    stand.annotate_account(&namespace, "dev-azure", &client).await?;
    let begun = std::time::Instant::now();
    loop {
        stand.look_again::<Workspace>("fares-dev").await?;
        let said = stand.wait_reason::<Workspace>("fares-dev", "CredentialFailed").await?;
        if said.contains("AADSTS700") && said.contains("takes some minutes") {
            break;
        }
        assert!(begun.elapsed() < e2e::stand::PATIENCE, "{said}");
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    }
    stand.emulator.control().config.clients[1].federated = federated;
    stand.wait_for::<Workspace>("fares-dev", "Ready", ready).await?;

    // An account that the chart does not list.
    stand.apply("Workspace", "fares-prod", acting_as("default")).await?;
    let said = stand.wait_reason::<Workspace>("fares-prod", "CredentialFailed").await?;
    assert!(
        said.contains(&format!(
            "{{namespace: {namespace}, name: default}} to placeIdentities.serviceAccounts"
        )),
        "{said}"
    );
    assert!(ready(&stand.wait_for::<Workspace>("fares-dev", "Ready", ready).await?));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_namespace_that_ends_with_its_account_is_let_go_with_the_last_token() -> Outcome {
    let team = "identities-team";
    let stand = stand("identities-end", &[team]).await?;
    stand.grant_everywhere(e2e::control_plane::shared().await?).await?;
    stand.place_account(team, "team-azure").await?;
    stand.apply_in(team, "Workspace", "fares-prod", acting_as("team-azure")).await?;
    stand
        .apply_in(
            team,
            "ModelVersion",
            "taxi-1",
            with(taxi::from_uri("1"), json!({"deletionPolicy": "Delete"})),
        )
        .await?;
    stand.apply_in(team, "DeploymentBinding", "taxi", taxi::binding("taxi-1")).await?;
    stand
        .wait_until("endpoint that serves", |stand| {
            stand.azure_field(ENDPOINT, "/properties/traffic").as_object().is_some_and(|map| !map.is_empty())
        })
        .await?;
    // The account goes first, and then everything else.
    let accounts: Api<ServiceAccount> = Api::namespaced(stand.client.clone(), team);
    accounts.delete("team-azure", &DeleteParams::default()).await?;
    let namespaces: Api<Namespace> = Api::all(stand.client.clone());
    namespaces.delete(team, &DeleteParams::default()).await?;
    stand
        .wait_until("end of the endpoint and the version", |stand| {
            stand.azure(ENDPOINT).is_none()
                && stand.azure("workspaces/fares-prod/models/taxi/versions/1").is_none()
        })
        .await?;
    let begun = std::time::Instant::now();
    while namespaces.get_opt(team).await?.is_some() {
        assert!(begun.elapsed() < e2e::stand::PATIENCE, "{}", stand.operator.told(30));
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    assert_eq!(who_asked(&stand, "workspaces/fares-prod/onlineEndpoints"), ["team-azure"]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_acts_as_another_namespace_or_quarrels_by_an_identity_without_rights() -> Outcome {
    let (ours, theirs) = ("identities-ours", "identities-theirs");
    let stand = stand(ours, &[theirs]).await?;
    stand.place_account(ours, "ours-azure").await?;
    stand.place_account(theirs, "theirs-azure").await?;
    stand.allow_in_azure("ours-azure", "workspaces/fares-prod");
    stand.allow_in_azure("theirs-azure", "workspaces/fares-dev");
    stand.apply("Workspace", "fares-prod", acting_as("ours-azure")).await?;
    stand.wait_for::<Workspace>("fares-prod", "Ready", ready).await?;

    // A name is a name of the own namespace, and nothing else can be written there.
    let reason = async |name: &str, reason: &str| {
        let workspaces: Api<Workspace> = Api::namespaced(stand.client.clone(), theirs);
        let begun = std::time::Instant::now();
        loop {
            let found = workspaces.get(name).await.expect("applied");
            if not_ready_because(&found, reason) {
                return e2e::stand::condition(&found, "Ready").map(|(.., said)| said).unwrap_or_default();
            }
            assert!(begun.elapsed() < e2e::stand::PATIENCE, "{found:?}");
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    };
    stand.apply_in(theirs, "Workspace", "fares-prod", acting_as("ours-azure")).await?;
    let said = reason("fares-prod", "CredentialFailed").await;
    assert!(said.contains(&format!("service account {theirs}/ours-azure")), "{said}");
    for account in [format!("{ours}/ours-azure"), format!("{ours}:ours-azure"), "../ours-azure".into()] {
        let refused = stand.apply_in(theirs, "Workspace", "sly", acting_as(&account)).await;
        assert!(refused.is_err(), "{account}");
    }
    // An identity of one's own that may not read the workspace gives no claim to it.
    stand.apply_in(theirs, "Workspace", "fares-prod", acting_as("theirs-azure")).await?;
    let said = reason("fares-prod", "Unauthorized").await;
    assert!(said.contains(&format!("asked as service account {theirs}/theirs-azure")), "{said}");
    stand.look_again::<Workspace>("fares-prod").await?;
    stand.apply("ModelVersion", "taxi-1", taxi::from_uri("1")).await?;
    stand.wait_for::<ModelVersion>("taxi-1", "Ready", ready).await?;
    assert!(ready(&stand.wait_for::<Workspace>("fares-prod", "Ready", ready).await?));
    Ok(())
}

/// Whoever may register in a shared workspace cannot have its identity write into a registry that they declare themselves.
#[tokio::test(flavor = "multi_thread")]
async fn a_shared_workspace_lends_its_identity_to_no_registry_of_others() -> Outcome {
    let (ours, theirs) = ("identities-shared", "identities-guest");
    let stand = stand(ours, &[theirs]).await?;
    stand.place_account(ours, "shared-azure").await?;
    stand.place_account(theirs, "guest-azure").await?;
    let everybody = json!([{"name": "everybody", "namespaces": {"from": "All"}}]);
    let shared = with(acting_as("shared-azure"), json!({"publishers": everybody}));
    stand.apply("Workspace", "fares-dev", shared).await?;
    let own = with(taxi::registry(), json!({"credentials": {"serviceAccountName": "guest-azure"}}));
    stand.apply_in(theirs, "Registry", "guest-models", own).await?;
    let dev = json!({"workspaceRef": {"name": "fares-dev", "namespace": ours}});
    stand.apply_in(theirs, "ModelVersion", "taxi-1-dev", with(taxi::from_job("1"), dev)).await?;
    let promoted = with(taxi::promoted("1"), json!({"registryRef": {"name": "guest-models"}}));
    stand.apply_in(theirs, "ModelVersion", "taxi-1", promoted).await?;

    let versions: Api<ModelVersion> = Api::namespaced(stand.client.clone(), theirs);
    let begun = std::time::Instant::now();
    let said = loop {
        let found = versions.get("taxi-1").await?;
        if not_ready_because(&found, "IdentityNotAllowed") {
            break e2e::stand::condition(&found, "Ready").map(|(.., said)| said).unwrap_or_default();
        }
        assert!(begun.elapsed() < e2e::stand::PATIENCE, "{found:?}");
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    };
    let reason = format!(
        "The identity of Workspace {ours}/fares-dev does not publish into Registry {theirs}/guest-models"
    );
    assert!(said.starts_with(&reason), "{said}");
    assert!(stand.azure("workspaces/fares-dev/models/taxi/versions/1").is_some(), "registering is allowed");
    assert!(stand.requests("POST", "/publish").is_empty());
    assert_eq!(who_asked(&stand, "/registries/guest-models"), ["guest-azure"]);
    Ok(())
}
