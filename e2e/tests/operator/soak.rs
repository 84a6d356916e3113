//! Where a version has to have served before, and who may waive that.

use bindery::api::{DeploymentBinding, Workspace};
use e2e::stand::{condition, ready};
use jiff::Timestamp;
use serde_json::json;

use crate::approvals::{approve, ask_for, decision, risk, with_versions};
use crate::taxi::{ENDPOINT, serve, status, with};
use crate::{Outcome, taxi};

const STAGING: &str = "workspaces/fares-dev/onlineEndpoints/taxi-staging";

#[tokio::test(flavor = "multi_thread")]
async fn a_version_serves_after_it_has_served_in_staging_or_when_somebody_waives_that() -> Outcome {
    let stand = with_versions("soak").await?;
    let soak = json!({"in": [{"name": "fares-dev"}], "for": "6s"});
    ask_for(&stand, json!({"waivable": ["Soak"]}), json!({"soak": soak})).await?;
    approve(&stand, "1").await?;
    stand.apply("DeploymentBinding", "taxi", taxi::binding("taxi-1")).await?;
    let message = stand.wait_reason::<DeploymentBinding>("taxi", "PolicyRefused").await?;
    let (home, never) = (&stand.namespace, "it has not served there. Serve it there first.");
    let asks = format!(
        "Workspace fares-prod serves only what has served before: 6s as the stable version in Workspace {home}/fares-dev"
    );
    assert_eq!(message, format!("{asks}; of taxi:1: {never}"));

    // It serves in staging: nobody has to do anything more.
    let staging =
        json!({"workspaceRef": {"name": "fares-dev"}, "online": {"endpoint": {"name": "taxi-staging"}}});
    stand.apply("DeploymentBinding", "staging", with(taxi::binding("taxi-1"), staging.clone())).await?;
    let stable = stand.wait_for::<DeploymentBinding>("staging", "Ready", ready).await?;
    let since = status(&stable).stable.map(|stable| stable.since).ok_or("a time")?;
    let message = stand.wait_reason::<DeploymentBinding>("taxi", "Soaking").await?;
    assert!(message.starts_with(&format!("{asks}. taxi:1 serves there since ")), "{message}");
    let waits = stand.api::<DeploymentBinding>().get("taxi").await?;
    assert_eq!(condition(&waits, "Stalled"), None, "it needs nobody's help");
    assert!(!stand.writes().iter().any(|write| write.contains(ENDPOINT)));
    let first = stand.wait_for::<DeploymentBinding>("taxi", "Ready", ready).await?;
    let began = status(&first).history.last().and_then(|it| it.started_at).ok_or("a time")?;
    assert!(since.duration_until(began).as_secs_f64() >= 6.0, "{since} {began}");

    // A hotfix that cannot wait.
    let until = Timestamp::from_second(Timestamp::now().as_second() + 3600)?;
    let hotfix = json!({"waives": ["Soak"], "expiresAt": until.to_string(), "reason": "The bridge."});
    let hotfix = with(decision(&stand, "2", "Approved", "ada"), hotfix);
    stand.apply_in(&risk(&stand), "Approval", "hotfix", hotfix).await?;
    serve(&stand, taxi::binding("taxi-2")).await?;
    let told = format!("waived by Approval {}/hotfix of ada until {until}: The bridge", risk(&stand));
    stand.wait_event("taxi", &told).await?;
    let served = status(&stand.api::<DeploymentBinding>().get("taxi").await?);
    let line = served.admission.iter().find(|line| line.rule == "Soak").ok_or("a line")?;
    assert_eq!((line.admitted, &line.found), (true, &format!("it has not served there; {told}")));
    let past = served.history.first().ok_or("a rollout")?;
    let waived: Vec<_> = past.waivers.iter().map(|it| (it.rule.as_str(), it.name.as_str())).collect();
    assert_eq!(waived, [("Soak", "hotfix")]);

    // What has served in staging, and was replaced there, may come back.
    stand.apply("DeploymentBinding", "staging", with(taxi::binding("taxi-2"), staging)).await?;
    let another = |b: &DeploymentBinding| ready(b) && status(b).history.len() == 2;
    let replaced = stand.wait_for::<DeploymentBinding>("staging", "taxi-2", another).await?;
    assert_eq!(status(&replaced).history[1].served.map(|time| time.since), Some(since));
    serve(&stand, taxi::binding("taxi-1")).await?;
    assert!(stand.writes().iter().any(|write| write.contains(STAGING)));

    // A workspace that is not there admits nothing.
    let soak = json!({"in": [{"name": "fares-test"}], "for": "6s"});
    ask_for(&stand, json!({}), json!({"soak": soak})).await?;
    stand.wait_for::<Workspace>("fares-prod", "Ready", ready).await?;
    let missing = format!("Workspace {home}/fares-test does not count: there is none of this name");
    let said = |b: &DeploymentBinding| {
        condition(b, "Admitted").is_some_and(|(holds, _, said)| holds == "False" && said.contains(&missing))
    };
    stand.wait_for::<DeploymentBinding>("taxi", "refused", said).await?;
    Ok(())
}
