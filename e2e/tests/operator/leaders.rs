//! Two operators side by side: one leads, and the other takes over when that one dies, stands still or stops.

use std::time::{Duration, Instant};

use bindery::api::{DeploymentBinding, ModelVersion};
use e2e::stand::{Error, LEASE, Operator, Stand, StandOptions, ready};
use k8s_openapi::api::coordination::v1::Lease;
use kube::api::{Api, PostParams};
use serde_json::json;

use crate::taxi::{ENDPOINT, created, pausing_at, steps, with};
use crate::{Outcome, taxi};

const LEADS: &str = "This process leads.";
const LEADS_NO_MORE: &str = "This process leads no more";

/// A stand whose operator takes part in an election, and a second operator. Their Lease was released, so that nobody has to wait.
async fn stand(name: &str) -> Result<(Stand, Operator), Error> {
    let arguments =
        ["--leader-elect", "--leader-elect-lease-duration=6s", "--leader-elect-renew-deadline=4s"];
    let mut arguments: Vec<String> = arguments.map(Into::into).into();
    arguments.push("--leader-elect-retry-period=1s".into());
    arguments.push(format!("--leader-elect-resource-namespace={name}"));
    let options = StandOptions { arguments, operator: false, ..StandOptions::default() };
    let mut stand = taxi::stand_with(name, options).await?;
    let lease = json!({
        "metadata": {"name": LEASE}, "spec": {"holderIdentity": "", "renewTime": "2026-03-01T12:00:00.000000Z"},
    });
    let leases: Api<Lease> = stand.api();
    leases.create(&PostParams::default(), &serde_json::from_value(lease)?).await?;
    stand.operator.start()?;
    told(&stand.operator, LEADS, 1).await?;
    let mut other = stand.operator.another()?;
    other.start()?;
    told(&other, "taking part in the election", 1).await?;
    Ok((stand, other))
}

/// Waits until an operator has said this so often.
async fn told(operator: &Operator, what: &str, times: usize) -> Result<(), Error> {
    let begun = Instant::now();
    while operator.told(usize::MAX).matches(what).count() < times {
        if begun.elapsed() > e2e::stand::PATIENCE {
            return Err(format!("{what:?} was not said {times} times:\n{}", operator.told(30)).into());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

/// How many calls an operator has made.
fn calls(operator: &Operator) -> usize {
    operator.told(usize::MAX).matches("about to ").count()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_leader_dies_in_front_of_a_rollout_and_the_other_one_goes_on() -> Outcome {
    let (mut stand, other) = stand("leaders-killed").await?;
    let spec = |version: &str| with(taxi::binding(version), steps(&[(10, "3s"), (50, "1s")]));
    taxi::story(&stand, spec("taxi-1")).await?;
    stand.wait_for::<DeploymentBinding>("taxi", "Ready", ready).await?;
    stand.wait_for::<ModelVersion>("taxi-2", "Ready", ready).await?;
    stand.apply("DeploymentBinding", "taxi", spec("taxi-2")).await?;
    stand.wait_for::<DeploymentBinding>("taxi", "at 10 %", pausing_at(10)).await?;
    assert_eq!(calls(&other), 0, "a standby makes none");
    stand.operator.kill()?;
    let died = Instant::now();
    told(&other, LEADS, 1).await?;
    let led = died.elapsed();
    let new = |b: &DeploymentBinding| {
        ready(b) && taxi::status(b).stable.is_some_and(|stable| stable.deployment.starts_with("v2-"))
    };
    stand.wait_for::<DeploymentBinding>("taxi", "Ready with the second", new).await?;
    println!("led after {led:?}, Ready after {:?}", died.elapsed());
    assert!(led > Duration::from_secs(4), "it has waited for the lease: {led:?}");
    assert!(died.elapsed() > Duration::from_secs(30), "a request of the dead may have been under way");
    let made = created(&stand);
    assert_eq!(made.len(), 2, "{made:?}");
    let maps = stand.traffic_written(ENDPOINT);
    let second =
        |map: &Vec<(String, i64)>| map.iter().find(|(n, _)| n.starts_with("v2-")).map_or(0, |(_, w)| *w);
    let mut weights: Vec<i64> = maps.iter().map(second).collect();
    weights.dedup();
    assert_eq!(weights, [0, 10, 50, 100], "{maps:?}");
    assert_eq!(stand.requests("POST", "/publish").len(), 2);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_stood_still_writes_nothing_and_one_that_stops_gives_the_lease_back() -> Outcome {
    let (mut stand, mut other) = stand("leaders-stopped").await?;
    taxi::story(&stand, taxi::binding("taxi-1")).await?;
    stand.wait_for::<DeploymentBinding>("taxi", "Ready", ready).await?;
    for n in ["1", "2"] {
        stand.wait_for::<ModelVersion>(&format!("taxi-{n}"), "Ready", ready).await?;
    }
    // It finishes what has begun: a served version says so.
    tokio::time::sleep(Duration::from_secs(2)).await;
    stand.operator.stand_still()?;
    stand.emulator.control().clear_log();
    told(&other, LEADS, 1).await?;
    stand.wait_until("look at the endpoint", |s| !s.requests_on("GET", ENDPOINT).is_empty()).await?;
    assert_eq!(stand.writes(), Vec::<String>::new(), "a takeover alone writes nothing");

    let before = calls(&stand.operator);
    stand.operator.go_on()?;
    told(&stand.operator, LEADS_NO_MORE, 1).await?;
    let tags = |team: &str| json!({"online": {"endpoint": {"tags": {"team": team}}}});
    stand.apply("DeploymentBinding", "taxi", with(taxi::binding("taxi-1"), tags("fares"))).await?;
    let has = |s: &Stand, team: &str| s.azure_field(ENDPOINT, "/tags/team") == team;
    stand.wait_until("have the tag", |s| has(s, "fares")).await?;
    assert_eq!(calls(&stand.operator), before, "{}", stand.operator.told(30));
    assert!(calls(&other) > 0);
    stand.wait_for::<DeploymentBinding>("taxi", "Ready", ready).await?;

    other.stop().await?;
    let stopped = Instant::now();
    told(&stand.operator, LEADS, 2).await?;
    stand.apply("DeploymentBinding", "taxi", with(taxi::binding("taxi-1"), tags("rides"))).await?;
    stand.wait_until("have the other tag", |s| has(s, "rides")).await?;
    assert!(stopped.elapsed() < Duration::from_secs(15), "it need not wait: {:?}", stopped.elapsed());
    Ok(())
}
