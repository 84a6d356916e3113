//! A registry: made, grown, shrunk, adopted, observed, corrected, and let go.

use std::time::Duration;

use azureml_emulator::{OperationRule, Outcome as Fate, Work};
use bindery::api::{ModelVersion, Registry};
use e2e::stand::{Stand, condition, drifted, ready};
use serde_json::{Value, json};

use crate::{Outcome, taxi};

const NAME: &str = "fares-models";
const PATH: &str = "registries/fares-models";

fn regions(stand: &Stand) -> Vec<String> {
    let details = stand.azure_field(PATH, "/properties/regionDetails");
    let all = details.as_array().cloned().unwrap_or_default();
    all.iter().map(|r| r["location"].as_str().unwrap_or_default().to_string()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn is_made_as_the_manifest_says_and_follows_its_edits() -> Outcome {
    let stand = taxi::stand("registry-made").await?;
    let identity = "/subscriptions/s/resourceGroups/ml/providers/Microsoft.ManagedIdentity/userAssignedIdentities/models";
    stand
        .apply(
            "Registry",
            NAME,
            taxi::with(
                taxi::registry(),
                json!({
                    "regions": [
                        {"location": "eastus", "storage": {"accountType": "Standard_ZRS"}},
                        {"location": "westeurope"},
                    ],
                    "identity": {"systemAssigned": true, "userAssigned": [identity]},
                    "publicNetworkAccess": "Disabled",
                    "tags": {"team": "fares", "stage": "trial"},
                }),
            ),
        )
        .await?;
    let made = stand.wait_for::<Registry>(NAME, "Ready", ready).await?;

    let puts = stand.requests_on("PUT", PATH);
    let answered = if stand.inferred().registry_put_accepted { 202 } else { 201 };
    assert_eq!(puts.iter().map(|p| p.status).collect::<Vec<_>>(), [answered], "one PUT, begun and not more");
    let storage = |region: usize| {
        let path = format!(
            "/properties/regionDetails/{region}/storageAccountDetails/0/systemCreatedStorageAccount/storageAccountType"
        );
        stand.azure_field(PATH, &path)
    };
    assert_eq!((storage(0), storage(1)), (json!("Standard_ZRS"), json!("Standard_LRS")));
    assert_eq!(stand.azure_field(PATH, "/properties/publicNetworkAccess"), "Disabled");
    assert_eq!(
        stand.azure_field(PATH, "/tags"),
        json!({"team": "fares", "stage": "trial", "bindery-owner": "stand/registry-made/fares-models"})
    );
    let identities = stand.azure_field(PATH, "/identity/userAssignedIdentities");
    assert_eq!(identities.as_object().map(serde_json::Map::len), Some(1), "{identities}");
    let status = made.status.ok_or("a status")?;
    assert_eq!(status.id.as_deref(), Some(e2e::stand::azure_id(PATH).as_str()));
    assert!(status.discovery_url.is_some_and(|u| u.starts_with("https://")));
    assert!(status.mlflow_registry_uri.is_some() && status.managed_resource_group.is_some());
    assert!(status.principal_id.is_some(), "the system-assigned identity's principal is said");
    let places: Vec<&str> = status.regions.iter().map(|r| r.location.as_str()).collect();
    assert_eq!(places, ["eastus", "westeurope"]);
    assert!(status.regions.iter().all(|r| r.storage_account.is_some() && r.container_registry.is_some()));

    // A region more, by a PUT that still has the others. The accounts of those that are there stay.
    let first = json!({"location": "eastus", "storage": {"accountType": "Standard_ZRS"}});
    stand
        .edit::<Registry>(
            NAME,
            json!({"regions": [first, {"location": "westeurope"}, {"location": "northeurope"}]}),
        )
        .await?;
    let grown = stand.wait_for::<Registry>(NAME, "Ready in three regions", ready).await?;
    assert_eq!(grown.status.map(|s| s.regions.len()), Some(3));
    assert_eq!(regions(&stand), ["eastus", "westeurope", "northeurope"]);
    assert!(stand.requests("POST", "removeRegions").is_empty());

    // Two fewer, which the manifest has to say twice: what is stored there goes too. Everything else is kept equal.
    stand.edit::<Registry>(NAME, json!({"regions": [first], "tags": {"team": "cabs"}})).await?;
    let message = stand.wait_reason::<Registry>(NAME, "RegionRemovalRefused").await?;
    for part in ["westeurope, northeurope", "copies of every version", "spec.regionRemoval to Delete"] {
        assert!(message.contains(part), "{message}");
    }
    assert_eq!(stand.azure_field(PATH, "/tags/team"), "cabs");
    assert_eq!(regions(&stand), ["eastus", "westeurope", "northeurope"]);
    assert!(stand.requests("POST", "removeRegions").is_empty());
    // Whoever refers to the registry goes on.
    taxi::workspaces(&stand).await?;
    stand.apply("ModelVersion", "taxi-1-dev", taxi::from_job("1")).await?;
    stand.apply("ModelVersion", "taxi-1", taxi::promoted("1")).await?;
    stand.wait_for::<ModelVersion>("taxi-1", "Ready", ready).await?;

    // A PUT cannot take any away.
    stand.edit::<Registry>(NAME, json!({"regionRemoval": "Delete"})).await?;
    stand.wait_for::<Registry>(NAME, "Ready in one region", ready).await?;
    assert_eq!(regions(&stand), ["eastus"]);
    assert_eq!(stand.requests("POST", "removeRegions").len(), 1);

    // Tags, network and identity. A key that leaves the manifest leaves Azure; somebody else's stays.
    stand.change_in_azure(PATH, &json!({"tags": {"bill-to": "4711"}}))?;
    stand
        .edit::<Registry>(
            NAME,
            json!({
                "tags": {"team": "rides", "stage": null}, "publicNetworkAccess": "Enabled",
                "identity": {"systemAssigned": true, "userAssigned": []},
            }),
        )
        .await?;
    stand.wait_for::<Registry>(NAME, "Ready with other tags", ready).await?;
    assert_eq!(
        stand.azure_field(PATH, "/tags"),
        json!({"team": "rides", "bill-to": "4711", "bindery-owner": "stand/registry-made/fares-models"})
    );
    assert_eq!(stand.azure_field(PATH, "/properties/publicNetworkAccess"), "Enabled");
    assert_eq!(stand.azure_field(PATH, "/identity/type"), "SystemAssigned");
    let warnings: Vec<_> = stand.events(NAME).await?.into_iter().filter(|e| e.contains("Drifted")).collect();
    assert_eq!(warnings, Vec::<String>::new(), "our own edits are not somebody else's");
    Ok(())
}

/// A registry that somebody made with the portal.
fn existing(stand: &Stand) -> Outcome {
    let body = json!({
        "location": "eastus", "identity": {"type": "SystemAssigned"},
        "tags": {"bill-to": "4711", "team": "somebody"},
        "properties": {
            "publicNetworkAccess": "Disabled",
            "regionDetails": [{
                "location": "eastus",
                "acrDetails": [{"systemCreatedAcrAccount": {"acrAccountSku": "Premium"}}],
                "storageAccountDetails": [{"systemCreatedStorageAccount": {
                    "storageAccountType": "Standard_GRS", "storageAccountHnsEnabled": false,
                }}],
            }],
        },
    });
    stand.exists_in_azure(PATH, &body)?;
    stand.change_in_azure(PATH, &json!({"properties": {"aFieldOfNextYear": {"keep": "me"}}}))
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_exists_is_adopted_and_keeps_what_is_not_ours() -> Outcome {
    let stand = taxi::stand("registry-adopted").await?;
    existing(&stand)?;
    stand.apply("Registry", NAME, taxi::with(taxi::registry(), json!({"tags": {"team": "fares"}}))).await?;
    let message = stand.wait_reason::<Registry>(NAME, "AdoptionRefused").await?;
    assert!(
        message.contains("have spec.adoption of Registry registry-adopted/fares-models set to Allow"),
        "{message}"
    );
    assert_eq!(stand.writes(), Vec::<String>::new());
    taxi::allow_adoption::<Registry>(&stand, NAME).await?;
    stand.wait_for::<Registry>(NAME, "Ready", ready).await?;

    let puts = stand.requests_on("PUT", PATH);
    assert_eq!(puts.len(), 1, "{puts:?}");
    let body = puts[0].body.clone().unwrap_or_default();
    assert_eq!(body["properties"]["aFieldOfNextYear"], json!({"keep": "me"}));
    assert_eq!(stand.azure_field(PATH, "/properties/publicNetworkAccess"), "Disabled", "nobody named it");
    assert_eq!(
        stand.azure_field(PATH, "/tags"),
        json!({"team": "fares", "bill-to": "4711", "bindery-owner": "stand/registry-adopted/fares-models"})
    );
    let kind =
        "/properties/regionDetails/0/storageAccountDetails/0/systemCreatedStorageAccount/storageAccountType";
    assert_eq!(stand.azure_field(PATH, kind), "Standard_GRS", "the account stays what it is");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_observed_is_not_written() -> Outcome {
    let stand = taxi::stand("registry-observed").await?;
    existing(&stand)?;
    let observe = |tags: Value| {
        taxi::with(
            taxi::registry(),
            json!({"management": "Observe", "deletionPolicy": "Delete", "tags": tags}),
        )
    };
    stand.apply("Registry", NAME, observe(json!({"team": "somebody"}))).await?;
    let same = stand.wait_for::<Registry>(NAME, "Ready", ready).await?;
    assert_eq!(condition(&same, "Ready").map(|(_, reason, _)| reason).as_deref(), Some("Observed"));
    assert_eq!(condition(&same, "Drifted").map(|(status, ..)| status).as_deref(), Some("False"));

    stand.edit::<Registry>(NAME, json!({"tags": {"team": "fares"}})).await?;
    let differs = stand.wait_for::<Registry>(NAME, "Drifted", drifted).await?;
    let drift = differs.status.map(|s| s.drift).unwrap_or_default();
    let fields: Vec<_> =
        drift.iter().map(|d| (d.field.as_str(), d.wanted.as_str(), d.found.as_str())).collect();
    assert_eq!(fields, [("tags.team", "fares", "somebody")]);

    stand.apply("Registry", "not-there", observe(json!({}))).await?;
    let message = stand.wait_reason::<Registry>("not-there", "NotInAzure").await?;
    assert!(message.contains("not-there") && message.contains("spec.management"), "{message}");

    stand.delete_and_wait::<Registry>(NAME).await?;
    assert!(stand.azure(PATH).is_some());
    assert_eq!(stand.writes(), Vec::<String>::new());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_changed_in_azure_is_named_and_put_back() -> Outcome {
    let stand = taxi::stand("registry-drift").await?;
    let spec = json!({"tags": {"team": "fares"}, "publicNetworkAccess": "Enabled"});
    stand.apply("Registry", NAME, taxi::with(taxi::registry(), spec)).await?;
    let before = stand.wait_for::<Registry>(NAME, "Ready", ready).await?;

    stand.change_in_azure(
        PATH,
        &json!({"tags": {"team": "pirates", "bill-to": "4711"}, "properties": {"publicNetworkAccess": "Disabled"}}),
    )?;
    stand.look_again::<Registry>(NAME).await?;
    // While it goes on, the condition names it.
    let seen = stand.seen_since(&before, "Drifted", drifted).await?;
    let (_, reason, message) = condition(&seen, "Drifted").ok_or("a condition")?;
    assert_eq!(reason, "Drifted");
    for part in ["tags.team", "'pirates'", "'fares'", "publicNetworkAccess"] {
        assert!(message.contains(part), "{message}");
    }
    stand
        .wait_event(
            NAME,
            "Warning Drifted PutBack: Bindery asked Azure to put back tags.team, publicNetworkAccess",
        )
        .await?;
    stand.wait_for::<Registry>(NAME, "in sync", |r| ready(r) && !drifted(r)).await?;
    assert_eq!(
        stand.azure_field(PATH, "/tags"),
        json!({"team": "fares", "bill-to": "4711", "bindery-owner": "stand/registry-drift/fares-models"})
    );
    assert_eq!(stand.azure_field(PATH, "/properties/publicNetworkAccess"), "Enabled");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn deletion_keeps_it_or_waits_until_it_is_empty() -> Outcome {
    let stand = taxi::stand("registry-deleted").await?;
    taxi::workspaces(&stand).await?;
    // Retain is the default.
    stand.apply("Registry", "kept-models", taxi::registry()).await?;
    stand.apply("Registry", NAME, taxi::with(taxi::registry(), json!({"deletionPolicy": "Delete"}))).await?;
    stand.apply("ModelVersion", "taxi-1-dev", taxi::from_job("1")).await?;
    stand
        .apply("ModelVersion", "taxi-1", taxi::with(taxi::promoted("1"), json!({"deletionPolicy": "Delete"})))
        .await?;
    stand.wait_for::<Registry>("kept-models", "Ready", ready).await?;
    stand.wait_for::<ModelVersion>("taxi-1", "Ready", ready).await?;
    stand.delete_and_wait::<Registry>("kept-models").await?;
    assert!(stand.azure("registries/kept-models").is_some());

    stand.delete::<Registry>(NAME).await?;
    let message = stand.wait_reason::<Registry>(NAME, "InUse").await?;
    assert!(message.contains("referred to by ModelVersion taxi-1."), "{message}");
    assert!(stand.requests_on("DELETE", PATH).is_empty());

    // The version goes, and its object's end wakes the registry, which lists still show as full. Azure keeps the
    // name without versions.
    let held = stand.api::<Registry>().get(NAME).await?;
    stand.let_lists_lag(Duration::from_secs(2))?;
    stand.delete_and_wait::<ModelVersion>("taxi-1").await?;
    let holds = |r: &Registry| {
        condition(r, "Ready")
            .is_some_and(|(_, reason, message)| reason == "NotEmpty" && message.contains("holds models."))
    };
    stand.seen_since(&held, "NotEmpty", holds).await?;
    stand.wait_gone::<Registry>(NAME).await?;
    assert!(stand.azure(PATH).is_none());
    assert_eq!(stand.requests_on("DELETE", PATH).len(), 1);
    Ok(())
}

fn fate(work: Work, outcome: Fate) -> OperationRule {
    OperationRule { work: Some(work), resource: String::new(), model: String::new(), times: Some(1), outcome }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_creation_that_azure_gives_up_says_why_and_begins_again() -> Outcome {
    let stand = taxi::stand("registry-failed").await?;
    let failed =
        Fate::Fail { code: "ResourceDeploymentFailure".into(), message: "No storage left in eastus.".into() };
    stand.emulator.control().add_operation_rule(fate(Work::RegistryCreate, failed));
    stand.apply("Registry", NAME, taxi::registry()).await?;
    let message = stand.wait_reason::<Registry>(NAME, "Refused").await?;
    assert!(message.contains("could not create the registry fares-models"), "{message}");
    assert!(message.contains("No storage left in eastus."), "{message}");
    assert!(message.contains("tries again"), "{message}");
    stand.wait_for::<Registry>(NAME, "Ready after the second try", ready).await?;
    assert_eq!(stand.requests_on("PUT", PATH).len(), 2);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_creation_that_fails_halfway_is_finished() -> Outcome {
    let stand = taxi::stand("registry-halfway").await?;
    let visible = json!({"registryFailedCreationStays": true, "registryVisibleWhileCreating": true});
    stand.emulator.control().configure(&json!({"inferred": visible}))?;
    let failed =
        Fate::Fail { code: "ResourceDeploymentFailure".into(), message: "No storage left in eastus.".into() };
    stand.emulator.control().add_operation_rule(fate(Work::RegistryCreate, failed));
    stand.apply("Registry", NAME, taxi::registry()).await?;
    let message = stand.wait_reason::<Registry>(NAME, "Refused").await?;
    assert!(message.contains("No storage left in eastus."), "{message}");
    let account =
        "/properties/regionDetails/0/storageAccountDetails/0/systemCreatedStorageAccount/armResourceId";
    assert!(
        stand.azure(PATH).is_some() && stand.azure_field(PATH, account).is_null(),
        "left without accounts"
    );
    let whole = stand.wait_for::<Registry>(NAME, "Ready after the second try", ready).await?;
    let regions = whole.status.ok_or("a status")?.regions;
    assert!(
        regions.iter().all(|r| r.storage_account.is_some() && r.container_registry.is_some()),
        "{regions:?}"
    );
    assert_eq!(stand.requests_on("PUT", PATH).len(), 2);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_creation_whose_operation_is_lost_is_found_by_looking() -> Outcome {
    let stand = taxi::stand("registry-lost").await?;
    stand.emulator.control().add_operation_rule(fate(Work::RegistryCreate, Fate::Vanish));
    stand.apply("Registry", NAME, taxi::registry()).await?;
    stand.wait_for::<Registry>(NAME, "Ready", ready).await?;
    assert_eq!(stand.requests_on("PUT", PATH).len(), 1, "nothing is made twice");
    Ok(())
}
