//! A candidate gets copies of live requests before it gets traffic of its own.

use bindery::api::{DeploymentBinding, Phase};
use e2e::stand::ready;
use serde_json::{Value, json};

use crate::{Outcome, taxi};

#[tokio::test(flavor = "multi_thread")]
async fn a_candidate_is_a_shadow_before_it_serves() -> Outcome {
    let mut stand = taxi::stand("shadow").await?;
    taxi::versions(&stand, &["1", "2"]).await?;
    let stable = taxi::serve(&stand, taxi::binding("taxi-1")).await?;
    let steps = json!([
        {"name": "shadow", "mirror": 20}, {"pause": {"for": "8s"}}, {"setTraffic": 50}, {"pause": {"for": "1s"}},
    ]);
    let rest = json!({"strategy": {"steps": steps}});
    stand.apply("DeploymentBinding", "taxi", taxi::with(taxi::binding("taxi-2"), rest)).await?;
    let shadowed = stand
        .wait_for::<DeploymentBinding>("taxi", "a shadow, and pausing", |b| {
            let status = b.status.as_ref();
            let mirror = status.and_then(|s| s.candidate.as_ref()).and_then(|c| c.mirror);
            mirror == Some(20) && status.and_then(|s| s.phase) == Some(Phase::Pausing)
        })
        .await?;
    let status = shadowed.status.ok_or("status")?;
    let candidate = status.candidate.ok_or("candidate")?;
    assert_eq!(
        (candidate.weight, status.traffic_summary),
        (0, Some(format!("{stable} 100%, {} 20% mirrored", candidate.deployment)))
    );
    assert_eq!(
        (
            stand.azure_field(taxi::ENDPOINT, "/properties/traffic"),
            stand.azure_field(taxi::ENDPOINT, "/properties/mirrorTraffic")
        ),
        (json!({stable.clone(): 100}), json!({candidate.deployment.clone(): 20}))
    );
    // The operator dies, and the shadow stays a shadow for as long as the pause says.
    stand.operator.kill()?;
    stand.operator.start()?;
    stand.wait_for::<DeploymentBinding>("taxi", "Ready", ready).await?;
    assert_eq!(stand.azure_field(taxi::ENDPOINT, "/properties/mirrorTraffic"), json!({}));
    let written: Vec<Value> = stand
        .traffic_written(taxi::ENDPOINT)
        .into_iter()
        .map(|map| map.into_iter().map(|(name, weight)| (name, Value::from(weight))).collect())
        .collect();
    let after: Vec<&Value> =
        written.iter().skip_while(|map| map.get(&candidate.deployment).is_none()).collect();
    let (half, all) =
        (json!({stable: 50, candidate.deployment.clone(): 50}), json!({candidate.deployment: 100}));
    assert_eq!(after, [&half, &all], "{written:?}");
    Ok(())
}
