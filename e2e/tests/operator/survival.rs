//! SIGKILL at any time, and restarts that change nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use bindery::api::{DeploymentBinding, ModelVersion};
use e2e::stand::ready;
use serde_json::json;

use crate::taxi::{ENDPOINT, created, steps, with};
use crate::{Outcome, taxi};

/// Pseudo-random numbers below a bound, the same for the same seed (xorshift).
fn below(seed: &mut u64, bound: u64) -> u64 {
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    *seed % bound
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_again_and_again_it_makes_everything_once() -> Outcome {
    let mut stand = taxi::stand("survival-killed").await?;
    let mut seed = 0x5eed_0001_u64;
    let spec = |version: &str| with(taxi::binding(version), steps(&[(10, "1s"), (50, "1s")]));
    taxi::story(&stand, spec("taxi-1")).await?;
    let mut killed = vec![];
    for version in ["taxi-1", "taxi-2"] {
        stand.apply("DeploymentBinding", "taxi", spec(version)).await?;
        for _ in 0..6 {
            let alive = Duration::from_millis(250 + below(&mut seed, 1750));
            tokio::time::sleep(alive).await; // at a random moment: this is the point
            killed.push(alive);
            stand.operator.kill()?;
            stand.operator.start()?;
        }
        stand.wait_for::<DeploymentBinding>("taxi", "Ready", ready).await?;
    }
    let context = format!("killed after {killed:?}");
    for name in ["taxi-1", "taxi-2"] {
        stand.wait_for::<ModelVersion>(name, "Ready", ready).await?;
    }
    let mut publishes: BTreeMap<String, usize> = BTreeMap::new();
    for publish in stand.requests("POST", "/publish") {
        *publishes.entry(publish.path).or_default() += 1;
    }
    assert_eq!(publishes.into_values().collect::<Vec<_>>(), [1, 1], "{context}");
    let made = created(&stand);
    assert_eq!(made.len(), 2, "{made:?}: {context}");
    assert!(made[0].starts_with("v1-") && made[1].starts_with("v2-"), "{made:?}");
    let endpoints = stand.requests_on("PUT", ENDPOINT).into_iter().filter(|e| e.status == 201).count();
    assert_eq!(endpoints, 1, "{context}");
    assert_eq!(stand.requests_on("PUT", "registries/fares-models").len(), 1, "{context}");
    for n in ["1", "2"] {
        let path = format!("workspaces/fares-dev/models/taxi/versions/{n}");
        assert_eq!(stand.requests_on("PUT", &path).len(), 1, "{context}");
    }
    // Weights went up by the steps, and every map sums to 100.
    let maps = stand.traffic_written(ENDPOINT);
    let second =
        |map: &Vec<(String, i64)>| map.iter().find(|(n, _)| n.starts_with("v2-")).map_or(0, |(_, w)| *w);
    let mut weights: Vec<i64> = maps.iter().map(second).collect();
    weights.dedup();
    assert_eq!(weights, [0, 10, 50, 100], "{maps:?}: {context}");
    assert!(maps.iter().all(|m| m.is_empty() || m.iter().map(|(_, w)| w).sum::<i64>() == 100), "{maps:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_without_a_change_writes_nothing() -> Outcome {
    let mut stand = taxi::stand("survival-restart").await?;
    let tags = json!({"online": {"endpoint": {"tags": {"team": "fares"}}}});
    taxi::story(&stand, with(taxi::binding("taxi-1"), tags)).await?;
    stand.wait_for::<DeploymentBinding>("taxi", "Ready", ready).await?;
    stand.wait_for::<ModelVersion>("taxi-2", "Ready", ready).await?;
    stand
        .wait_for::<ModelVersion>("taxi-1", "served", |v| {
            v.status
                .as_ref()
                .is_some_and(|s| s.served_by.len() == 1 && s.served_by[0].role == bindery::api::Role::Stable)
        })
        .await?;
    stand.operator.stop().await?; // finishes what has begun
    let before = taxi::everything(&stand).await?;
    let observed = [
        "registries/fares-models",
        "workspaces/fares-dev",
        "workspaces/fares-prod",
        "workspaces/fares-dev/models/taxi/versions/1",
        "workspaces/fares-dev/models/taxi/versions/2",
        "registries/fares-models/models/taxi/versions/1",
        "registries/fares-models/models/taxi/versions/2",
        ENDPOINT,
    ];
    for _ in 0..2 {
        stand.emulator.control().clear_log();
        stand.operator.start()?;
        stand
            .wait_until("look at everything", |s| {
                observed.iter().all(|path| !s.requests_on("GET", path).is_empty())
            })
            .await?;
        stand.operator.stop().await?;
        assert_eq!(stand.writes(), Vec::<String>::new());
        let after = taxi::everything(&stand).await?;
        for (before, after) in before.iter().zip(&after) {
            assert_eq!(before, after, "resourceVersion and all");
        }
    }
    Ok(())
}
