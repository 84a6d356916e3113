//! Who may put what into a place, and what becomes of those who may not any more.

use bindery::api::{DeploymentBinding, ModelVersion};
use e2e::stand::{Stand, StandOptions, ready};
use serde_json::{Value, json};

use crate::taxi::{ENDPOINT, with};
use crate::{Outcome, taxi};

const PLATFORM: &str = "publishers-platform";

/// The platform team writes the workspace, to which every namespace may refer, with these publishers.
async fn workspace(stand: &Stand, publishers: &Value) -> Outcome {
    let allowed = json!({"from": "All"});
    let spec = json!({"azure": taxi::azure(), "allowedNamespaces": allowed, "publishers": publishers});
    let spec = if publishers.is_null() {
        json!({"azure": taxi::azure(), "allowedNamespaces": allowed})
    } else {
        spec
    };
    stand.apply_in(PLATFORM, "Workspace", "fares-prod", spec).await
}

/// A manifest of the team, in the workspace of the platform team.
fn there(spec: Value) -> Value {
    with(spec, json!({"workspaceRef": {"name": "fares-prod", "namespace": PLATFORM}}))
}

/// Has Bindery look at the binding at once, and waits until it has.
async fn look(stand: &Stand) -> Outcome {
    let looks = |s: &Stand| s.requests_on("GET", ENDPOINT).len();
    let before = looks(stand);
    stand.look_again::<DeploymentBinding>("taxi").await?;
    stand.wait_until("look at the endpoint", |s| looks(s) > before).await?;
    let answered = |b: &DeploymentBinding| {
        let asked = b.metadata.annotations.as_ref().and_then(|a| a.get(bindery::api::RECONCILE));
        b.status.as_ref().is_some_and(|s| s.last_handled_reconcile.as_ref() == asked)
    };
    stand.wait_for::<DeploymentBinding>("taxi", "looked at", answered).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_team_changes_only_what_it_may_publish_and_only_while_it_may() -> Outcome {
    let options = StandOptions { also_watched: vec![PLATFORM.into()], ..StandOptions::default() };
    let stand = taxi::stand_with("publishers-team", options).await?;
    workspace(&stand, &Value::Null).await?;
    for n in ["1", "2"] {
        stand.apply("ModelVersion", &format!("taxi-{n}"), there(taxi::from_uri(n))).await?;
    }
    let rolling = with(taxi::binding("taxi-1"), taxi::steps(&[(10, "1h")]));
    stand.apply("DeploymentBinding", "taxi", there(rolling)).await?;
    // Whoever may refer to the place is told what its owner would have to write.
    let message = stand.wait_reason::<ModelVersion>("taxi-1", "NotAPublisher").await?;
    assert!(message.starts_with("Workspace publishers-platform/fares-prod does not name namespace publishers-team as a publisher of model taxi"), "{message}");
    assert!(
        message.contains("matchLabels: {kubernetes.io/metadata.name: publishers-team}}}, models: [taxi]}"),
        "{message}"
    );
    let message = stand.wait_reason::<DeploymentBinding>("taxi", "NotAPublisher").await?;
    assert!(message.contains("as a publisher of endpoint taxi-prod"), "{message}");
    assert_eq!(stand.writes(), Vec::<String>::new());

    // Models and endpoints are two rights, by whole names, in any case.
    let publishers = |models: Value, endpoints: Value| json!([{"name": "team", "namespaces": {"from": "All"}, "models": models, "endpoints": endpoints}]);
    workspace(&stand, &publishers(json!(["TAXI"]), json!(["taxi"]))).await?;
    for n in ["1", "2"] {
        stand.wait_for::<ModelVersion>(&format!("taxi-{n}"), "Ready", ready).await?;
    }
    stand.wait_reason::<DeploymentBinding>("taxi", "NotAPublisher").await?;
    workspace(&stand, &publishers(json!(["TAXI"]), json!(["taxi*"]))).await?;
    stand.wait_for::<DeploymentBinding>("taxi", "Ready", ready).await?;

    // The right is taken away in a rollout: nothing more changes, and the status says where it stands.
    stand.edit::<DeploymentBinding>("taxi", json!({"model": {"versionRef": {"name": "taxi-2"}}})).await?;
    stand.wait_for::<DeploymentBinding>("taxi", "pausing", taxi::pausing_at(10)).await?;
    workspace(&stand, &publishers(json!([]), json!([]))).await?;
    stand.wait_reason::<DeploymentBinding>("taxi", "NotAPublisher").await?;
    stand.wait_reason::<ModelVersion>("taxi-1", "NotAPublisher").await?;
    let before = stand.writes();
    let split = stand.azure_field(ENDPOINT, "/properties/traffic");
    stand.change_in_azure(ENDPOINT, &json!({"tags": {"seen": "yes"}}))?;
    stand
        .edit::<DeploymentBinding>("taxi", json!({"online": {"endpoint": {"tags": {"team": "fares"}}}}))
        .await?;
    stand.wait_reason::<DeploymentBinding>("taxi", "NotAPublisher").await?;
    look(&stand).await?;
    let held = taxi::status(&stand.api::<DeploymentBinding>().get("taxi").await?);
    assert_eq!(held.candidate.map(|c| c.weight), Some(10));

    // What it deletes now stays, whatever the policy says, and the event tells it.
    stand.edit::<ModelVersion>("taxi-1", json!({"deletionPolicy": "Delete"})).await?;
    stand.delete_and_wait::<DeploymentBinding>("taxi").await?;
    stand.delete_and_wait::<ModelVersion>("taxi-1").await?;
    let stays = "taxi-prod stays in Azure as it is: Workspace publishers-platform/fares-prod does not name namespace publishers-team";
    stand.wait_event("taxi", stays).await?;
    stand.wait_event("taxi-1", "The version taxi:1 stays in Azure as it is").await?;
    assert_eq!(stand.writes(), before);
    assert_eq!(stand.azure_field(ENDPOINT, "/properties/traffic"), split);
    assert!(stand.azure("workspaces/fares-prod/models/taxi/versions/1").is_some());
    Ok(())
}
