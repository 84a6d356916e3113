//! A binding: the rollout, what goes wrong in one, what somebody does meanwhile, and the end.

use std::time::Duration;

use azureml_emulator::{Durations, OperationRule, Outcome as Fate, ScoringRule, Work};
use bindery::api::{
    DeploymentBinding, DeploymentBindingStatus, ModelVersion, Outcome as Ended, Phase, Role, Workspace,
};
use e2e::stand::{Error, Stand, StandOptions, condition, drifted, emulator_config, ready};
use serde_json::{Value, json};

use crate::taxi::{ENDPOINT, created, deployment, pausing_at, serve, status, steps, with};
use crate::{Outcome, taxi};

/// Traffic maps in words: `v1-… 90, v2-… 10`, in the order of the names.
fn in_words(written: &[Vec<(String, i64)>]) -> Vec<String> {
    let word = |map: &Vec<(String, i64)>| {
        let mut all: Vec<String> = map.iter().map(|(name, weight)| format!("{name} {weight}")).collect();
        all.sort();
        all.join(", ")
    };
    // A map that is written again, with another tag, moves nothing.
    let mut all: Vec<String> = written.iter().map(word).collect();
    all.dedup();
    all
}

/// Every traffic map that was ever asked for sums to 100, or is empty.
fn sums_to_100(stand: &Stand) {
    for map in stand.traffic_written(ENDPOINT) {
        let sum: i64 = map.iter().map(|(_, weight)| weight).sum();
        assert!(sum == 100 || map.is_empty(), "{map:?}");
    }
}

/// Deployments of this model fail with these words.
fn fail(stand: &Stand, model: &str) {
    stand.emulator.control().add_operation_rule(OperationRule {
        work: Some(Work::DeploymentCreate),
        resource: String::new(),
        model: model.into(),
        times: None,
        outcome: Fate::Fail {
            code: "ResourceNotReady".into(),
            message: "User container has crashed or terminated: Liveness probe failed".into(),
        },
    });
}

/// Waits until Bindery has looked at the binding since the log was cleared, and has done with that look:
/// the next one follows only then.
async fn looked_twice(stand: &Stand) -> Outcome {
    stand.wait_until("look", |s| !s.requests_on("GET", ENDPOINT).is_empty()).await?;
    let looks = stand.requests_on("GET", ENDPOINT).len();
    stand.look_again::<DeploymentBinding>("taxi").await?;
    stand.wait_until("second look", |s| s.requests_on("GET", ENDPOINT).len() > looks).await
}

/// The revisions that failed, the latest first.
fn not_tried_again(status: &DeploymentBindingStatus) -> Vec<&str> {
    let failed = status.history.iter().filter(|it| it.outcome == Ended::Failed);
    failed.map(|it| it.revision.as_str()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_candidate_that_fails_to_start_shows_the_last_lines_of_its_log() -> Outcome {
    let stand = taxi::stand("binding-log").await?;
    taxi::versions(&stand, &["1", "2"]).await?;
    let stable = serve(&stand, taxi::binding("taxi-1")).await?;
    fail(&stand, "versions/2");
    let many: Vec<String> = (0..500).map(|n| format!("line {n}")).collect();
    let end = "Traceback (most recent call last):\n\tconnect(password=hunter2)\n\u{1b}[31mKeyError\u{1b}[0m: 'miles'\u{7}\n";
    stand.emulator.control().add_scoring_rule(ScoringRule {
        model: "versions/2".into(),
        log: Some(format!("{}\n{end}", many.join("\n"))),
        ..ScoringRule::default()
    });
    stand.apply("DeploymentBinding", "taxi", taxi::binding("taxi-2")).await?;
    let told = |b: &DeploymentBinding| status(b).history.first().is_some_and(|it| !it.log.is_empty());
    let failed = stand.wait_for::<DeploymentBinding>("taxi", "the log", told).await?;
    let entry = status(&failed).history.remove(0);
    assert_eq!((entry.outcome, entry.log.len()), (Ended::Failed, 20));
    let last = [
        "line 499",
        "Traceback (most recent call last):",
        "    connect(password=***)",
        "KeyError: 'miles'\\u0007",
    ];
    assert_eq!(entry.log[16..], last);
    assert_eq!(stand.azure_field(ENDPOINT, "/properties/traffic"), json!({stable: 100}));
    // It is read once.
    stand.look_again::<DeploymentBinding>("taxi").await?;
    stand.look_again::<DeploymentBinding>("taxi").await?;
    assert_eq!(stand.requests("POST", "/getLogs").len(), 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_version_takes_everything_and_the_next_one_goes_by_the_steps() -> Outcome {
    let stand = taxi::stand("binding-steps").await?;
    taxi::versions(&stand, &["1", "2"]).await?;
    let rollout = with(steps(&[(10, "1s"), (50, "1s")]), json!({"strategy": {"keepPrevious": "2s"}}));
    let spec = |version: &str| {
        let endpoint = json!({"online": {"endpoint": {"authMode": "AADToken", "tags": {"team": "fares"}}}});
        with(with(taxi::binding(version), rollout.clone()), endpoint)
    };
    let first = serve(&stand, spec("taxi-1")).await?;
    let names: Vec<String> = stand.writes().into_iter().filter(|w| w.contains("onlineEndpoints")).collect();
    let put = |path: &str| format!("PUT {path}");
    assert_eq!(names, [put(ENDPOINT), put(&deployment(&first)), put(ENDPOINT)]);
    assert_eq!(in_words(&stand.traffic_written(ENDPOINT)), [String::new(), format!("{first} 100")]);
    assert_eq!(stand.azure_field(ENDPOINT, "/properties/authMode"), "AADToken");
    assert_eq!(stand.azure_field(ENDPOINT, "/tags/team"), "fares");
    let found = stand.api::<DeploymentBinding>().get("taxi").await?;
    for (kind, expected) in [("EndpointReady", "True"), ("Progressing", "False"), ("Drifted", "False")] {
        assert_eq!(condition(&found, kind).map(|(status, ..)| status).as_deref(), Some(expected), "{kind}");
    }
    let held = status(&found);
    assert_eq!((held.phase, held.traffic_summary), (Some(Phase::Serving), Some(format!("{first} 100%"))));
    assert!(held.endpoint.and_then(|e| e.scoring_uri).is_some_and(|u| u.ends_with("/taxi-prod/score")));

    let second = serve(&stand, spec("taxi-2")).await?;
    assert_ne!(first, second);
    assert_eq!(
        in_words(&stand.traffic_written(ENDPOINT)),
        [
            String::new(),
            format!("{first} 100"),
            format!("{first} 90, {second} 10"),
            format!("{first} 50, {second} 50"),
            format!("{second} 100"),
        ]
    );
    assert_eq!(created(&stand), [first.clone(), second.clone()]);

    // The previous one is kept warm for a while, and then removed.
    let warm = stand.api::<DeploymentBinding>().get("taxi").await?;
    let roles: Vec<_> = status(&warm).deployments.into_iter().map(|d| (d.name, d.role, d.weight)).collect();
    assert_eq!(roles, [(first.clone(), Role::Previous, 0), (second.clone(), Role::Stable, 100)]);
    stand.wait_for::<DeploymentBinding>("taxi", "alone", |b| status(b).deployments.len() == 1).await?;
    assert!(stand.azure(&deployment(&first)).is_none() && stand.azure(&deployment(&second)).is_some());
    sums_to_100(&stand);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_candidate_is_taken_back_with_azures_words_and_not_tried_again() -> Outcome {
    let mut stand = taxi::stand("binding-failed").await?;
    taxi::versions(&stand, &["1", "2", "3", "4"]).await?;
    let first = serve(&stand, taxi::binding("taxi-1")).await?;
    fail(&stand, "taxi/versions/2");
    fail(&stand, "taxi/versions/4");
    stand.edit::<DeploymentBinding>("taxi", json!({"model": {"versionRef": {"name": "taxi-2"}}})).await?;
    let message = stand.wait_reason::<DeploymentBinding>("taxi", "CandidateFailed").await?;
    assert!(message.contains("ResourceNotReady") && message.contains("Liveness probe failed"), "{message}");
    assert!(message.contains(&format!("{first} has all the traffic.")), "{message}");
    let failed = stand
        .wait_for::<DeploymentBinding>("taxi", "Failed", |b| status(b).phase == Some(Phase::Failed))
        .await?;
    assert_eq!(condition(&failed, "Stalled").map(|(status, ..)| status).as_deref(), Some("True"));
    let failed = status(&failed);
    assert_eq!(failed.stable.as_ref().map(|s| s.deployment.as_str()), Some(first.as_str()));
    assert_eq!(failed.traffic_summary, Some(format!("{first} 100%")));
    let revision = failed.revision.clone().unwrap_or_default();
    assert_eq!(not_tried_again(&failed), [revision.as_str()]);
    assert_eq!(stand.azure_field(ENDPOINT, "/tags/bindery-failed"), json!(revision));
    let second = created(&stand).pop().unwrap_or_default();
    assert!(second.starts_with("v2-"));
    assert!(stand.azure(&deployment(&second)).is_some(), "kept for its logs");

    // Neither another look, nor an edit beside the revision, nor a restart tries it again.
    let interval = json!({"interval": "5m", "strategy": {"keepFailed": "1s"}});
    stand.edit::<DeploymentBinding>("taxi", interval).await?;
    stand.wait_until("removal of the failed one", |s| s.azure(&deployment(&second)).is_none()).await?;
    let again = stand.wait_reason::<DeploymentBinding>("taxi", "CandidateFailed").await?;
    assert!(again.contains("Liveness probe failed"), "{again}");
    stand.operator.kill()?;
    stand.operator.start()?;
    stand.emulator.control().clear_log();
    looked_twice(&stand).await?;
    let restarted = stand.wait_reason::<DeploymentBinding>("taxi", "CandidateFailed").await?;
    assert!(restarted.contains("Liveness probe failed"), "{restarted}");
    assert_eq!(stand.writes(), Vec::<String>::new());

    // Another version is another revision.
    stand.edit::<DeploymentBinding>("taxi", json!({"model": {"versionRef": {"name": "taxi-3"}}})).await?;
    let done = status(&stand.wait_for::<DeploymentBinding>("taxi", "Ready with the third", ready).await?);
    let third = done.stable.map(|s| s.deployment).unwrap_or_default();
    assert!(third.starts_with("v3-"));

    // So is one that fails as well; the first one is remembered beyond that.
    stand.edit::<DeploymentBinding>("taxi", json!({"model": {"versionRef": {"name": "taxi-4"}}})).await?;
    stand.wait_reason::<DeploymentBinding>("taxi", "CandidateFailed").await?;
    let fourth = created(&stand).pop().unwrap_or_default();
    assert!(fourth.starts_with("v4-"), "{fourth}");
    stand.edit::<DeploymentBinding>("taxi", json!({"model": {"versionRef": {"name": "taxi-2"}}})).await?;
    let again = |b: &DeploymentBinding| {
        condition(b, "Ready").is_some_and(|(_, reason, message)| {
            reason == "CandidateFailed" && message.contains(&format!("{second} failed."))
        })
    };
    let both = status(&stand.wait_for::<DeploymentBinding>("taxi", "no second try", again).await?);
    assert_eq!(both.stable.as_ref().map(|s| &s.deployment), Some(&third));
    assert_eq!(created(&stand), [third, fourth.clone()]);
    let latest = fourth.trim_start_matches("v4-");
    assert_eq!(not_tried_again(&both), [latest, &revision]);
    let tag = stand.azure_field(ENDPOINT, "/tags/bindery-failed");
    assert_eq!(tag, json!(format!("{latest} {revision}")));
    sums_to_100(&stand);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_in_the_middle_of_a_rollout_gives_it_up_for_the_new_one() -> Outcome {
    let stand = taxi::stand("binding-middle").await?;
    taxi::versions(&stand, &["1", "2", "3"]).await?;
    let first = serve(&stand, with(taxi::binding("taxi-1"), steps(&[(10, "10m")]))).await?;
    let want = |name: &str| json!({"model": {"versionRef": {"name": name}}});
    stand.edit::<DeploymentBinding>("taxi", want("taxi-2")).await?;
    let half = stand.wait_for::<DeploymentBinding>("taxi", "pausing", pausing_at(10)).await?;
    let second = status(&half).candidate.map(|c| c.deployment).unwrap_or_default();

    stand.edit::<DeploymentBinding>("taxi", want("taxi-3")).await?;
    let third = stand
        .wait_for::<DeploymentBinding>("taxi", "pausing with the third", |b| {
            pausing_at(10)(b) && status(b).candidate.is_some_and(|c| c.deployment.starts_with("v3-"))
        })
        .await?;
    let third = status(&third).candidate.map(|c| c.deployment).unwrap_or_default();
    assert!(stand.azure(&deployment(&second)).is_none(), "at most two deployments");
    let writes: Vec<String> = stand.writes().into_iter().filter(|w| w.contains("/deployments/")).collect();
    let (delete, put) = (format!("DELETE {}", deployment(&second)), format!("PUT {}", deployment(&third)));
    assert_eq!(writes[2..], [delete, put], "the second goes before the third is made");
    assert_eq!(
        in_words(&stand.traffic_written(ENDPOINT)),
        [
            String::new(),
            format!("{first} 100"),
            format!("{first} 90, {second} 10"),
            format!("{first} 100"),
            format!("{first} 90, {third} 10"),
        ]
    );
    // And without a pause it ends.
    stand.edit::<DeploymentBinding>("taxi", json!({"strategy": {"steps": []}})).await?;
    let done = stand.wait_for::<DeploymentBinding>("taxi", "Ready", ready).await?;
    assert_eq!(status(&done).stable.map(|s| s.deployment), Some(third));
    sums_to_100(&stand);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn back_to_a_warm_one_is_straight_back() -> Outcome {
    let stand = taxi::stand("binding-back").await?;
    taxi::versions(&stand, &["1", "2"]).await?;
    let with_steps = |version: &str| with(taxi::binding(version), steps(&[(10, "1s")]));
    let first = serve(&stand, with_steps("taxi-1")).await?;
    let second = serve(&stand, with_steps("taxi-2")).await?;
    let before = stand.traffic_written(ENDPOINT).len();
    assert_eq!(serve(&stand, with_steps("taxi-1")).await?, first, "A finds A again");
    let after = in_words(&stand.traffic_written(ENDPOINT)[before..]);
    assert_eq!(after, [format!("{first} 100")], "no steps: it has served before");
    assert_eq!(created(&stand), [first, second], "nothing is made twice");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn suspend_freezes_a_rollout_and_resume_goes_on() -> Outcome {
    let stand = taxi::stand("binding-suspended").await?;
    taxi::versions(&stand, &["1", "2"]).await?;
    let first = serve(&stand, with(taxi::binding("taxi-1"), steps(&[(10, "2s"), (50, "1s")]))).await?;
    stand.edit::<DeploymentBinding>("taxi", json!({"model": {"versionRef": {"name": "taxi-2"}}})).await?;
    stand.wait_for::<DeploymentBinding>("taxi", "pausing", pausing_at(10)).await?;
    stand.edit::<DeploymentBinding>("taxi", json!({"suspend": true})).await?;
    // The pause ends, and what would come is held back.
    stand.wait_reason::<DeploymentBinding>("taxi", "Suspended").await?;
    let held = |b: &DeploymentBinding| {
        condition(b, "Ready").is_some_and(|(_, _, m)| m.contains("would move 50 % of the traffic to v2-"))
    };
    stand.wait_for::<DeploymentBinding>("taxi", "held back", held).await?;
    stand.change_in_azure(ENDPOINT, &json!({"tags": {"bill-to": "4711"}}))?;
    stand.look_again::<DeploymentBinding>("taxi").await?;
    let frozen = stand.wait_for::<DeploymentBinding>("taxi", "frozen", |b| {
        condition(b, "Ready").is_some_and(|(_, reason, _)| reason == "Suspended")
    });
    let frozen = status(&frozen.await?);
    let weight = |name: &str| stand.azure_field(ENDPOINT, &format!("/properties/traffic/{name}"));
    let second = frozen.candidate.map(|c| c.deployment).unwrap_or_default();
    assert_eq!((weight(&first), weight(&second)), (json!(90), json!(10)));

    stand.edit::<DeploymentBinding>("taxi", json!({"suspend": false})).await?;
    let done = stand.wait_for::<DeploymentBinding>("taxi", "Ready", ready).await?;
    assert_eq!(status(&done).stable.map(|s| s.deployment).as_deref(), Some(second.as_str()));
    let written = in_words(&stand.traffic_written(ENDPOINT));
    let rollout =
        [format!("{first} 90, {second} 10"), format!("{first} 50, {second} 50"), format!("{second} 100")];
    assert_eq!(written[2..], rollout);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn traffic_that_somebody_moves_is_named_and_put_back() -> Outcome {
    let stand = taxi::stand("binding-drift").await?;
    taxi::versions(&stand, &["1", "2"]).await?;
    let open = |version| {
        let access = json!({"online": {"endpoint": {"publicNetworkAccess": "Enabled"}}});
        with(taxi::binding(version), access)
    };
    let first = serve(&stand, open("taxi-1")).await?;
    let second = serve(&stand, open("taxi-2")).await?;
    let moved = json!({
        "properties": {"traffic": {first.as_str(): 40, second.as_str(): 60}, "publicNetworkAccess": "Disabled"},
        "tags": {"seen": "yes"},
    });
    let before = stand.api::<DeploymentBinding>().get("taxi").await?;
    stand.change_in_azure(ENDPOINT, &moved)?;
    stand.look_again::<DeploymentBinding>("taxi").await?;
    let seen = stand.seen_since(&before, "Drifted", drifted).await?;
    let (_, _, message) = condition(&seen, "Drifted").ok_or("a condition")?;
    for part in ["traffic is", "publicNetworkAccess", &format!("{second} 100%")] {
        assert!(message.contains(part), "{message}");
    }
    let event = stand.wait_event("taxi", "RestoreTraffic: Bindery asked Azure to put back traffic").await?;
    assert!(event.starts_with("Warning Drifted"), "{event}");
    assert!(
        event.contains("Then it puts back endpoint.publicNetworkAccess"),
        "the traffic goes alone: {event}"
    );
    stand.wait_for::<DeploymentBinding>("taxi", "in sync", |b| ready(b) && !drifted(b)).await?;
    assert_eq!(in_words(&stand.traffic_written(ENDPOINT)).pop(), Some(format!("{second} 100")));
    assert_eq!(stand.azure_field(ENDPOINT, "/properties/publicNetworkAccess"), "Enabled");
    assert_eq!(stand.azure_field(ENDPOINT, "/tags/seen"), "yes");
    assert_eq!(created(&stand).len(), 2);
    Ok(())
}

/// An endpoint that somebody made, with these deployments and this traffic.
fn existing(stand: &Stand, traffic: &Value) -> Outcome {
    let endpoint = |traffic: Value| {
        json!({
            "location": "eastus", "identity": {"type": "SystemAssigned"}, "tags": {"bill-to": "4711"},
            "properties": {
                "authMode": "AADToken", "publicNetworkAccess": "Disabled", "description": "by hand", "traffic": traffic,
            },
        })
    };
    stand.exists_in_azure(ENDPOINT, &endpoint(json!({})))?;
    for name in traffic.as_object().into_iter().flat_map(|t| t.keys()) {
        let body = json!({
            "location": "eastus", "sku": {"name": "Default", "capacity": 1},
            "properties": {
                "endpointComputeType": "Managed", "instanceType": "Standard_DS2_v2",
                "model": e2e::stand::azure_id("workspaces/fares-prod/models/taxi/versions/1"),
                "scaleSettings": {"scaleType": "Default"},
            },
        });
        stand.exists_in_azure(&deployment(name), &body)?;
    }
    stand.exists_in_azure(ENDPOINT, &endpoint(traffic.clone()))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_exists_is_adopted_with_what_serves_as_stable() -> Outcome {
    let stand = taxi::stand("binding-adopted").await?;
    taxi::versions(&stand, &["1", "2"]).await?;
    existing(&stand, &json!({"blue": 100}))?;
    stand.apply("DeploymentBinding", "taxi", with(taxi::binding("taxi-2"), steps(&[(10, "1s")]))).await?;
    // Whoever runs the endpoint today may not know of the binding: its workspace decides.
    let message = stand.wait_reason::<DeploymentBinding>("taxi", "AdoptionRefused").await?;
    let part = "have spec.adoption of Workspace binding-adopted/fares-prod set to Allow";
    assert!(message.contains(part) && message.contains("spec.management to Observe"), "{message}");
    let refused = status(&stand.api::<DeploymentBinding>().get("taxi").await?);
    assert_eq!((refused.phase, refused.deployments), (None, vec![]), "another's endpoint is not shown");
    assert!(stand.writes().iter().all(|w| !w.contains("onlineEndpoints")), "{:?}", stand.writes());
    taxi::allow_adoption::<Workspace>(&stand, "fares-prod").await?;
    let done = stand.wait_for::<DeploymentBinding>("taxi", "Ready", ready).await?;
    let second = status(&done).stable.map(|s| s.deployment).unwrap_or_default();
    let written = in_words(&stand.traffic_written(ENDPOINT));
    assert_eq!(
        written,
        ["blue 100".to_string(), format!("blue 90, {second} 10"), format!("{second} 100")],
        "by the steps, away from what served"
    );
    assert_eq!(stand.azure_field(ENDPOINT, "/tags/bill-to"), "4711");
    assert_eq!(stand.azure_field(ENDPOINT, "/properties/description"), "by hand");
    // The manifest names neither: nobody's way in is opened, and nobody's login changed.
    assert_eq!(stand.azure_field(ENDPOINT, "/properties/publicNetworkAccess"), "Disabled");
    assert_eq!(stand.azure_field(ENDPOINT, "/properties/authMode"), "AADToken");
    let roles: Vec<_> = status(&done).deployments.into_iter().map(|d| (d.name, d.role)).collect();
    assert_eq!(roles, [("blue".to_string(), Role::Foreign), (second.clone(), Role::Stable)]);

    // What is not ours outlives the binding, and so does the endpoint that it is on.
    stand.delete_and_wait::<DeploymentBinding>("taxi").await?;
    assert!(stand.azure(&deployment("blue")).is_some() && stand.azure(&deployment(&second)).is_none());
    let tags = stand.azure_field(ENDPOINT, "/tags");
    assert_eq!(tags, json!({"bill-to": "4711"}), "nothing of ours stays behind");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_split_between_strangers_is_refused_until_one_has_it_all() -> Outcome {
    let stand = taxi::stand("binding-split").await?;
    taxi::versions(&stand, &["1", "2"]).await?;
    existing(&stand, &json!({"blue": 60, "green": 40}))?;
    taxi::allow_adoption::<Workspace>(&stand, "fares-prod").await?;
    stand.apply("DeploymentBinding", "taxi", taxi::binding("taxi-2")).await?;
    let message = stand.wait_reason::<DeploymentBinding>("taxi", "UnknownTraffic").await?;
    assert!(
        message.contains("blue and green") && message.contains("all the traffic in Azure first"),
        "{message}"
    );
    let touched = |s: &Stand| s.writes().into_iter().filter(|w| w.contains("onlineEndpoints")).count();
    assert_eq!(touched(&stand), 0);
    stand.change_in_azure(ENDPOINT, &json!({"properties": {"traffic": {"blue": 100, "green": 0}}}))?;
    stand.look_again::<DeploymentBinding>("taxi").await?;
    stand.wait_for::<DeploymentBinding>("taxi", "Ready", ready).await?;
    assert!(stand.azure(&deployment("green")).is_some());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn deletion_goes_traffic_deployments_endpoint_or_retains_all() -> Outcome {
    let stand = taxi::stand("binding-deleted").await?;
    taxi::versions(&stand, &["1", "2"]).await?;
    let first = serve(&stand, taxi::binding("taxi-1")).await?;
    let second = serve(&stand, taxi::binding("taxi-2")).await?;
    let kept = with(
        taxi::binding("taxi-1"),
        json!({"online": {"endpoint": {"name": "kept-prod"}}, "deletionPolicy": "Retain"}),
    );
    stand.apply("DeploymentBinding", "kept", kept).await?;
    stand.wait_for::<DeploymentBinding>("kept", "Ready", ready).await?;
    stand.emulator.control().clear_log();

    stand.delete_and_wait::<DeploymentBinding>("taxi").await?;
    assert_eq!(stand.azure(ENDPOINT), None);
    let put = stand.traffic_written(ENDPOINT);
    assert_eq!(put, [vec![]], "the traffic goes first");
    let mut expected = vec![format!("PUT {ENDPOINT}")];
    expected.extend([&first, &second].map(|name| format!("DELETE {}", deployment(name))));
    expected.push(format!("DELETE {ENDPOINT}"));
    assert_eq!(stand.writes(), expected);

    stand.emulator.control().clear_log();
    stand.delete_and_wait::<DeploymentBinding>("kept").await?;
    assert_eq!(stand.writes(), Vec::<String>::new());
    let kept = "workspaces/fares-prod/onlineEndpoints/kept-prod";
    assert_eq!(stand.azure_field(kept, &format!("/properties/traffic/{first}")), 100);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_policy_of_the_place_decides_what_may_serve() -> Outcome {
    let stand = taxi::stand("binding-policy").await?;
    taxi::workspaces(&stand).await?;
    stand.apply("Registry", "fares-models", taxi::registry()).await?;
    stand.apply("ModelVersion", "taxi-1-dev", taxi::from_job("1")).await?;
    stand.apply("ModelVersion", "taxi-1", taxi::promoted("1")).await?;
    stand.apply("ModelVersion", "taxi-2", taxi::from_uri("2")).await?;
    let policy = |policy: Value| json!({"azure": taxi::azure(), "policy": policy});
    let from = |name: &str| json!({"sources": [{"name": "released", "registryRef": {"name": name}}]});
    stand.apply("Workspace", "fares-prod", policy(json!({"lineage": {"require": "Named"}}))).await?;
    stand.wait_for::<ModelVersion>("taxi-1", "Ready", ready).await?;
    stand.apply("DeploymentBinding", "taxi", taxi::binding("taxi-2")).await?;
    let refused = async |binding: &str| -> Result<String, Error> {
        stand.wait_reason::<DeploymentBinding>(binding, "PolicyRefused").await
    };
    let message = refused("taxi").await?;
    assert!(message.contains("training job") && message.contains("taxi:2 has none"), "{message}");
    assert!(created(&stand).is_empty());

    // That a job is named is not enough where the place asks for proof: files that nobody knows, with the name of a job.
    let claimed = json!({"properties": {"modelUri": "azureml://datastores/models/paths/taxi/9", "jobName": "taxi-train-1"}});
    stand.exists_in_azure("workspaces/fares-dev/models/taxi/versions/9", &claimed)?;
    stand.apply("Workspace", "fares-prod", policy(json!({"lineage": {"require": "Verified"}}))).await?;
    let mut existing = taxi::from_job("9");
    existing["source"] = json!({"existing": {}});
    existing["management"] = json!("Observe");
    stand.apply("ModelVersion", "taxi-9", existing).await?;
    stand.wait_for::<ModelVersion>("taxi-9", "Ready", ready).await?;
    // An endpoint of its own: of two bindings of one endpoint, the younger is told about the older and nothing else.
    let elsewhere = json!({"online": {"endpoint": {"name": "taxi-claimed"}}});
    stand.apply("DeploymentBinding", "claimed", with(taxi::binding("taxi-9"), elsewhere)).await?;
    let message = refused("claimed").await?;
    assert!(message.contains("its files are not the output of a job that Azure has"), "{message}");
    stand.delete::<DeploymentBinding>("claimed").await?;

    // The place allows one registry only.
    stand.apply("Workspace", "fares-prod", policy(from("fares-models"))).await?;
    stand
        .wait_for::<DeploymentBinding>("taxi", "refused for the registry", |b| {
            condition(b, "Ready")
                .is_some_and(|(_, _, m)| m.contains("only versions from released (fares-models)"))
        })
        .await?;
    assert!(created(&stand).is_empty());
    let first = serve(&stand, taxi::binding("taxi-1")).await?;
    assert!(first.starts_with("v1-"));

    // What serves goes on when the policy becomes stricter; the next one is held back.
    stand.apply("Workspace", "fares-prod", policy(from("other-models"))).await?;
    stand
        .edit::<DeploymentBinding>(
            "taxi",
            json!({"online": {"deployment": {"instanceType": "Standard_F4s_v2"}}}),
        )
        .await?;
    refused("taxi").await?;
    assert_eq!(stand.azure_field(ENDPOINT, &format!("/properties/traffic/{first}")), 100);
    assert_eq!(created(&stand), [first]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_candidate_that_never_gets_ready_fails_at_its_deadline() -> Outcome {
    // At real speed: the deadline counts from the time that Azure says.
    let mut emulator = emulator_config(1.0);
    emulator.durations = Durations::none();
    let stand =
        taxi::stand_with("binding-deadline", StandOptions { emulator, ..StandOptions::default() }).await?;
    taxi::versions(&stand, &["1", "2"]).await?;
    let first =
        serve(&stand, with(taxi::binding("taxi-1"), json!({"strategy": {"progressDeadline": "1m"}}))).await?;
    stand.emulator.control().add_operation_rule(OperationRule {
        work: Some(Work::DeploymentCreate),
        resource: String::new(),
        model: String::new(),
        times: None,
        outcome: Fate::Hang,
    });
    stand.edit::<DeploymentBinding>("taxi", json!({"model": {"versionRef": {"name": "taxi-2"}}})).await?;
    stand.wait_until("a candidate", |s| created(s).len() == 2).await?;
    // Azure has worked on it for a minute already.
    let candidate = created(&stand).pop().ok_or("a candidate")?;
    let a_minute_ago = jiff::Timestamp::now() - Duration::from_secs(61);
    let begun = json!({"systemData": {"createdAt": a_minute_ago.to_string()}});
    stand.change_in_azure(&deployment(&candidate), &begun)?;
    stand.look_again::<DeploymentBinding>("taxi").await?;
    let message = stand.wait_reason::<DeploymentBinding>("taxi", "ProgressDeadlineExceeded").await?;
    assert!(message.contains("longer than spec.strategy.progressDeadline"), "{message}");
    assert_eq!(stand.azure_field(ENDPOINT, &format!("/properties/traffic/{first}")), 100);
    assert_eq!(created(&stand).len(), 2, "it is made once");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn where_somebody_deletes_what_serves_the_warm_one_answers_until_it_is_made_again() -> Outcome {
    let stand = taxi::stand("binding-lost").await?;
    taxi::versions(&stand, &["1", "2"]).await?;
    let first = serve(&stand, taxi::binding("taxi-1")).await?;
    let second = serve(&stand, taxi::binding("taxi-2")).await?;
    let before = stand.traffic_written(ENDPOINT).len();
    let id = e2e::stand::azure_id(&taxi::deployment(&second));
    assert!(stand.emulator.control().remove_resource(&id), "{id} was there");
    stand.look_again::<DeploymentBinding>("taxi").await?;
    let again = |b: &DeploymentBinding| ready(b) && status(b).history.len() == 4;
    let done =
        stand.wait_for::<DeploymentBinding>("taxi", "Ready with the second, made again", again).await?;
    let all = |name: &str| vec![(name.to_string(), 100)];
    assert_eq!(stand.traffic_written(ENDPOINT)[before..], [all(&first), all(&second)]);
    assert_eq!(
        created(&stand),
        [first.clone(), second.clone(), second.clone()],
        "the warm one is not made again"
    );
    assert!(stand.requests("DELETE", &first).is_empty(), "nor deleted while nothing else serves");
    let back = &status(&done).history[1];
    let why = format!("{second}, which served, is gone from the endpoint.");
    assert_eq!((back.outcome, back.message.as_deref()), (Ended::RolledBack, Some(why.as_str())));
    Ok(())
}
