//! A workspace: looked up, never changed.

use bindery::api::Workspace;
use e2e::stand::ready;
use serde_json::json;

use crate::{Outcome, taxi};

#[tokio::test(flavor = "multi_thread")]
async fn is_looked_up_and_never_written() -> Outcome {
    let stand = taxi::stand("workspace-read").await?;
    stand.apply("Workspace", "fares-prod", json!({"azure": taxi::azure(), "tier": "production"})).await?;
    let found = stand.wait_for::<Workspace>("fares-prod", "Ready", ready).await?.status.ok_or("a status")?;
    assert_eq!(found.id.as_deref(), Some(e2e::stand::azure_id("workspaces/fares-prod").as_str()));
    assert_eq!(
        json!(found.workspace_id),
        stand.azure_field("workspaces/fares-prod", "/properties/workspaceId")
    );
    assert_eq!(found.location.as_deref(), Some("eastus"));
    assert!(found.mlflow_tracking_uri.is_some_and(|u| u.starts_with("azureml://") && u.contains("/mlflow/")));

    // One that Azure does not have, and one that stands for the same place.
    stand.apply("Workspace", "missing", json!({"azure": taxi::azure()})).await?;
    let message = stand.wait_reason::<Workspace>("missing", "NotInAzure").await?;
    assert!(message.contains("no workspace missing in resource group ml"), "{message}");
    // Of two that stand for one workspace, nobody can say whose policy holds.
    let second = taxi::with(taxi::azure(), json!({"name": "fares-prod"}));
    stand.apply("Workspace", "fares-prod-again", json!({"azure": second})).await?;
    let message = stand.wait_reason::<Workspace>("fares-prod-again", "Conflict").await?;
    assert!(message.contains("workspace-read/fares-prod stands for this workspace too"), "{message}");
    let message = stand.wait_reason::<Workspace>("fares-prod", "Conflict").await?;
    assert!(message.contains("workspace-read/fares-prod-again stands for"), "{message}");
    stand.delete_and_wait::<Workspace>("fares-prod").await?;
    stand.wait_for::<Workspace>("fares-prod-again", "Ready", ready).await?;
    assert_eq!(stand.writes(), Vec::<String>::new());
    Ok(())
}
