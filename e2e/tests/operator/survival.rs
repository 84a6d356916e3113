//! SIGKILL at any time, and restarts that change nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use azureml_emulator::{Effect, Entry, FaultRule, OperationRule, Outcome as Fate};
use bindery::api::{DeploymentBinding, ModelVersion, Registry, Workspace};
use e2e::stand::{Error, Stand, condition, ready};
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

/// A kill may fall between the intent of a publish and the publish itself. Then nobody can know whether a copy is on its
/// way, and the status says what a person can do: it is done here.
async fn do_as_told(stand: &Stand, name: &str, spec: serde_json::Value) -> Result<(), Error> {
    let told = |v: &ModelVersion| {
        condition(v, "Ready").is_some_and(|(_, _, m)| m.contains("delete this object and apply it again"))
    };
    stand.wait_for::<ModelVersion>(name, "Ready, or waiting for a copy", |v| ready(v) || told(v)).await?;
    // A copy that is on its way shows within a second here.
    tokio::time::sleep(Duration::from_secs(3)).await;
    if told(&stand.api::<ModelVersion>().get(name).await?) {
        stand.delete_and_wait::<ModelVersion>(name).await?;
        stand.apply("ModelVersion", name, spec).await?;
    }
    stand.wait_for::<ModelVersion>(name, "Ready", ready).await?;
    Ok(())
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
        for n in ["1", "2"] {
            do_as_told(&stand, &format!("taxi-{n}"), taxi::promoted(n)).await?;
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

#[tokio::test(flavor = "multi_thread")]
async fn answers_lost_after_the_deed_make_nothing_twice() -> Outcome {
    let stand = taxi::stand("survival-answers").await?;
    for path in
        ["/registries/fares-models", "/models/taxi/versions/", "/onlineEndpoints/taxi-prod", "/deployments/"]
    {
        // The first PUT of each is carried out, and nobody hears of it. A path is part of longer ones.
        let lost = FaultRule::on("PUT", &format!("{path}*api-version"), Effect::LoseAnswer).times(1);
        stand.emulator.control().add_fault(lost);
    }
    taxi::story(&stand, taxi::binding("taxi-1")).await?;
    stand.wait_for::<DeploymentBinding>("taxi", "Ready", ready).await?;
    stand.wait_for::<ModelVersion>("taxi-2", "Ready", ready).await?;
    let lost = stand.emulator.control().log().filter(|e| !e.answered).count();
    assert_eq!(lost, 4);
    assert_eq!(made_once(&stand), Vec::<String>::new());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn operations_that_cannot_be_asked_for_are_seen_by_what_they_do() -> Outcome {
    let stand = taxi::stand("survival-vanish").await?;
    let vanish = OperationRule {
        work: None,
        resource: String::new(),
        model: String::new(),
        times: None,
        outcome: Fate::Vanish,
    };
    stand.emulator.control().add_operation_rule(vanish);
    let spec = |version: &str| with(taxi::binding(version), json!({"strategy": {"keepPrevious": "1s"}}));
    taxi::story(&stand, spec("taxi-1")).await?;
    stand.wait_for::<DeploymentBinding>("taxi", "Ready", ready).await?;
    stand.apply("DeploymentBinding", "taxi", spec("taxi-2")).await?;
    stand.wait_for::<DeploymentBinding>("taxi", "Ready with the second", ready).await?;
    stand.wait_for::<DeploymentBinding>("taxi", "alone", |b| taxi::status(b).deployments.len() == 1).await?;
    assert_eq!(made_once(&stand), Vec::<String>::new());
    stand.delete_and_wait::<DeploymentBinding>("taxi").await?;
    assert_eq!(stand.azure(ENDPOINT), None);
    Ok(())
}

/// What was made or published more than once.
fn made_once(stand: &Stand) -> Vec<String> {
    let mut times: BTreeMap<String, usize> = BTreeMap::new();
    let made = |e: &&Entry| {
        e.status == 201 || (e.method == "POST" && e.path.ends_with("/publish") && e.status == 202)
    };
    for entry in stand.emulator.control().log().filter(made) {
        *times.entry(format!("{} {}", entry.method, entry.path)).or_default() += 1;
    }
    times
        .into_iter()
        .filter(|(_, times)| *times > 1)
        .map(|(what, times)| format!("{times} x {what}"))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_deleted_at_once_goes_and_leaves_nothing() -> Outcome {
    let stand = taxi::stand("survival-deleted").await?;
    let delete = json!({"deletionPolicy": "Delete"});
    taxi::story(&stand, taxi::binding("taxi-1")).await?;
    for name in ["taxi-1-dev", "taxi-2-dev", "taxi-1", "taxi-2"] {
        stand.edit::<ModelVersion>(name, delete.clone()).await?;
    }
    stand.wait_for::<DeploymentBinding>("taxi", "Ready", ready).await?;
    for name in ["taxi-1-dev", "taxi-2-dev", "taxi-1", "taxi-2"] {
        stand.wait_for::<ModelVersion>(name, "Ready", ready).await?;
    }
    // As a namespace goes: in no order, the places too.
    stand.kubectl(&["delete", "bindery", "--all", "--wait=false"]).await?;
    stand.wait_gone::<DeploymentBinding>("taxi").await?;
    for name in ["taxi-1-dev", "taxi-2-dev", "taxi-1", "taxi-2"] {
        stand.wait_gone::<ModelVersion>(name).await?;
    }
    stand.wait_gone::<Registry>("fares-models").await?;
    stand.wait_gone::<Workspace>("fares-prod").await?;
    assert_eq!(stand.azure(ENDPOINT), None);
    for path in ["workspaces/fares-dev", "registries/fares-models"] {
        for n in ["1", "2"] {
            let version = format!("{path}/models/taxi/versions/{n}");
            stand.wait_until("end of a version", |s| s.azure(&version).is_none()).await?;
        }
    }
    assert!(stand.azure("registries/fares-models").is_some(), "Retain is the default of a registry");
    Ok(())
}
