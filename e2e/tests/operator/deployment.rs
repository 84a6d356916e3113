//! What changes on a deployment that stays: its count and its tags.

use bindery::api::DeploymentBinding;
use e2e::stand::{condition, drifted, ready};
use serde_json::{Value, json};

use crate::taxi::{ENDPOINT, created, deployment, serve, status, with};
use crate::{Outcome, taxi};

#[tokio::test(flavor = "multi_thread")]
async fn instances_and_tags_change_without_a_rollout() -> Outcome {
    let stand = taxi::stand("binding-count").await?;
    taxi::versions(&stand, &["1"]).await?;
    let first = serve(&stand, taxi::binding("taxi-1")).await?;
    stand.change_in_azure(&deployment(&first), &json!({"tags": {"bill-to": "4711"}}))?;
    let traffic = stand.traffic_written(ENDPOINT).len();
    let more = json!({"online": {"deployment": {"instanceCount": 3, "tags": {"team": "fares"}}}});
    stand.edit::<DeploymentBinding>("taxi", more).await?;
    let done = stand
        .wait_for::<DeploymentBinding>("taxi", "Ready with three", |b| {
            ready(b) && status(b).deployments.iter().all(|d| d.instances == Some(3))
        })
        .await?;
    assert_eq!(
        status(&done).stable.map(|s| s.deployment).as_deref(),
        Some(first.as_str()),
        "the same deployment"
    );
    assert_eq!(stand.azure_field(&deployment(&first), "/sku/capacity"), 3);
    assert_eq!(stand.azure_field(&deployment(&first), "/tags/team"), "fares");
    assert_eq!(stand.azure_field(&deployment(&first), "/tags/bill-to"), "4711");
    assert_eq!(created(&stand), std::slice::from_ref(&first));
    assert_eq!(stand.traffic_written(ENDPOINT).len(), traffic, "the endpoint is not written");

    // Any other field is another revision, with the same model.
    let probe = json!({"online": {"deployment": {"environmentVariables": {"LEVEL": "debug"}}}});
    stand.edit::<DeploymentBinding>("taxi", probe).await?;
    stand
        .wait_for::<DeploymentBinding>("taxi", "Ready with another", |b| {
            ready(b) && status(b).stable.is_some_and(|s| s.deployment != first)
        })
        .await?;
    assert_eq!(created(&stand).len(), 2);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tag_that_leaves_the_manifest_leaves_the_deployment() -> Outcome {
    let stand = taxi::stand("deployment-tags").await?;
    taxi::versions(&stand, &["1"]).await?;
    let tags =
        json!({"online": {"deployment": {"instanceCount": 1, "tags": {"team": "fares", "cost": "42"}}}});
    let first = serve(&stand, with(taxi::binding("taxi-1"), tags)).await?;
    stand.change_in_azure(&deployment(&first), &json!({"tags": {"bill-to": "4711"}}))?;
    let tag = |key: &str| stand.azure_field(&deployment(&first), &format!("/tags/{key}"));
    assert_eq!((tag("team"), tag("cost")), (json!("fares"), json!("42")));

    let fewer = json!({"online": {"deployment": {"tags": {"cost": null}}}});
    let edited = stand.edit::<DeploymentBinding>("taxi", fewer).await?;
    stand.wait_for::<DeploymentBinding>("taxi", "Ready without the tag", ready).await?;
    assert_eq!((tag("team"), tag("cost"), tag("bill-to")), (json!("fares"), Value::Null, json!("4711")));

    // What somebody else changes is named and put back.
    let other = json!({"tags": {"team": "someone"}, "sku": {"capacity": 7}});
    stand.change_in_azure(&deployment(&first), &other)?;
    stand.look_again::<DeploymentBinding>("taxi").await?;
    let seen = stand.seen_since(&edited, "Drifted", drifted).await?;
    let (_, _, message) = condition(&seen, "Drifted").unwrap_or_default();
    assert!(message.contains("deployment.instanceCount is '7' and should be '1'"), "{message}");
    assert!(message.contains("deployment.tags.team is 'someone' and should be 'fares'"), "{message}");
    stand.wait_for::<DeploymentBinding>("taxi", "in sync", |b| ready(b) && !drifted(b)).await?;
    assert_eq!((tag("team"), tag("bill-to")), (json!("fares"), json!("4711")));
    assert_eq!(stand.azure_field(&deployment(&first), "/sku/capacity"), 1);
    assert_eq!(created(&stand), [first]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_is_merged_on_a_fresh_look_though_lists_lag() -> Outcome {
    let stand = taxi::stand("deployment-lag").await?;
    taxi::versions(&stand, &["1"]).await?;
    let first = serve(&stand, taxi::binding("taxi-1")).await?;
    stand.emulator.control().configure(&json!({"listLag": 36_000}))?;
    stand.change_in_azure(&deployment(&first), &json!({"tags": {"bill-to": "4711"}}))?;
    let more = json!({"online": {"deployment": {"instanceCount": 3}}});
    stand.edit::<DeploymentBinding>("taxi", more).await?;
    let three = |s: &e2e::stand::Stand| s.azure_field(&deployment(&first), "/sku/capacity") == 3;
    stand.wait_until("three instances", three).await?;
    assert_eq!(
        stand.azure_field(&deployment(&first), "/tags/bill-to"),
        "4711",
        "the list does not have it yet"
    );
    Ok(())
}
