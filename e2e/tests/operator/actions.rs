//! What people ask of a rollout by RolloutActions, from the command line and by manifest.

use std::io::Read;
use std::process::{Child, Command, Stdio};

use bindery::api::{DeploymentBinding, Outcome as Ended, Phase, RolloutAction};
use e2e::stand::{Error, PATIENCE, Stand, binary, condition, not_ready_because, ready};
use kube::api::{Api, DeleteParams};
use kube::runtime::wait::await_condition;
use serde_json::{Value, json};

use crate::answers::{Answered, ask};
use crate::taxi::{ENDPOINT, pausing_at, serve, status, with};
use crate::{Outcome, taxi};

/// Steps of which the second waits for a person.
fn by_hand() -> Value {
    json!({"strategy": {"steps": [{"setTraffic": 10}, {"name": "watch", "pause": {}}, {"setTraffic": 50}, {"pause": {"for": "1s"}}]}})
}

/// A stand that serves version 1, and has come to the pause on the way to version 2. The answer names both deployments.
async fn waiting(name: &str) -> Result<(Stand, String, String), Error> {
    let stand = taxi::stand(name).await?;
    taxi::versions(&stand, &["1", "2"]).await?;
    let first = serve(&stand, with(taxi::binding("taxi-1"), by_hand())).await?;
    stand.apply("DeploymentBinding", "taxi", with(taxi::binding("taxi-2"), by_hand())).await?;
    let second = come_to_the_pause(&stand).await?;
    Ok((stand, first, second))
}

/// Waits until the candidate stands at the pause that only a person ends, and gives its deployment.
async fn come_to_the_pause(stand: &Stand) -> Result<String, Error> {
    let pauses = |b: &DeploymentBinding| pausing_at(10)(b) && not_ready_because(b, "AwaitingPromotion");
    let paused = stand.wait_for::<DeploymentBinding>("taxi", "the pause", pauses).await?;
    Ok(status(&paused).candidate.ok_or("a candidate")?.deployment)
}

/// A program that runs beside a test, and ends with it.
struct Beside(Child);

impl Drop for Beside {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The revision in a deployment's name.
fn revision(deployment: &str) -> &str {
    deployment.rsplit_once('-').map_or("", |(_, revision)| revision)
}

/// Runs the program in the stand's namespace.
async fn run(stand: &Stand, arguments: &[&str]) -> Result<Answered, Error> {
    ask(&stand.kubeconfig, &[arguments, &["--namespace", &stand.namespace]].concat()).await
}

/// Asks for something from the command line, waits until it is carried out, and gives the name of the action.
async fn carry_out(stand: &Stand, arguments: &[&str]) -> Result<String, Error> {
    let all = [arguments, &["--yes", "--wait"]].concat();
    let answered = run(stand, &all).await?;
    assert_eq!(answered.code, Some(0), "{arguments:?}: {}", answered.told);
    let name = answered.out.split_once('/').and_then(|(_, rest)| rest.split(' ').next());
    Ok(name.ok_or("a name")?.to_string())
}

/// What an action says of itself once `Complete` has this reason.
async fn says(stand: &Stand, name: &str, reason: &str) -> Result<String, Error> {
    let all: Api<RolloutAction> = stand.api();
    let because = |it: &RolloutAction| condition(it, "Complete").is_some_and(|(_, why, _)| why == reason);
    let found = await_condition(all.clone(), name, |it: Option<&RolloutAction>| it.is_some_and(because));
    let Ok(found) = tokio::time::timeout(PATIENCE, found).await else {
        let log = stand.operator.told(30);
        return Err(format!("{name} is not {reason}: {:?}\n{log}", all.get_opt(name).await?).into());
    };
    let found = found?.ok_or("an action")?;
    let of = |kind| condition(&found, kind).map(|(holds, ..)| holds).unwrap_or_default();
    let (_, _, message) = condition(&found, "Complete").unwrap_or_default();
    Ok(format!("Accepted {}, Complete {}, Ready {}: {message}", of("Accepted"), of("Complete"), of("Ready")))
}

/// The traffic that Azure has.
fn traffic(stand: &Stand) -> Value {
    stand.azure_field(ENDPOINT, "/properties/traffic")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_ends_when_somebody_promotes_it_and_an_action_is_carried_out_once() -> Outcome {
    let (stand, first, second) = waiting("actions-promote").await?;
    let follows = Command::new(tokio::task::spawn_blocking(binary).await??)
        .args(["watch", "taxi", "--namespace", &stand.namespace])
        .env("KUBECONFIG", &stand.kubeconfig)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let mut follows = Beside(follows);
    let shown = run(&stand, &["status", "taxi"]).await?;
    assert_eq!(shown.code, Some(0), "{}", shown.told);
    for part in [
        "Pausing, not Ready (AwaitingPromotion)",
        "✓  1 setTraffic 10",
        "▸  2 pause until somebody promotes it (watch)",
    ] {
        assert!(shown.out.contains(part), "{}", shown.out);
    }
    for (arguments, said) in [
        (vec!["promote", "taxi"], "stdin is no terminal, so nobody can be asked: give --yes"),
        (vec!["promote", "taxi", "--yes", "--step", "wait"], "spec.strategy.steps has no step wait."),
        (vec!["retry", "taxi", "--yes"], "has not failed, so there is nothing to try again"),
        (vec!["release", "taxi", "--yes"], "no revision is held back, so there is nothing to release"),
    ] {
        let answered = run(&stand, &arguments).await?;
        assert_eq!((answered.code, answered.out.as_str()), (Some(1), ""), "{arguments:?}: {}", answered.told);
        assert!(answered.told.contains(said), "{arguments:?}: {}", answered.told);
    }
    let manifest =
        run(&stand, &["promote", "taxi", "--name", "go", "--dry-run", "client", "-o", "json"]).await?;
    let manifest = manifest.json()?;
    assert_eq!(manifest["spec"]["step"], "watch");
    assert_eq!(manifest["spec"]["revision"], revision(&second));
    stand.apply("RolloutAction", "go", manifest["spec"].clone()).await?;
    let said = says(&stand, "go", "Complete").await?;
    assert!(said.starts_with("Accepted True, Complete True, Ready True: "), "{said}");
    let served = stand.wait_for::<DeploymentBinding>("taxi", "Ready", ready).await?;
    assert_eq!(traffic(&stand), json!({second.clone(): 100}));
    let past = status(&served).history.first().cloned().ok_or("a rollout")?;
    let told: Vec<_> = past.actions.iter().map(|it| it.name.as_str()).collect();
    assert_eq!((told, past.skipped.len()), (vec!["go"], 0), "{past:?} {second}");

    // The same action once more, after the binding has lost what it remembers of it: the endpoint's tag names it.
    stand.api::<RolloutAction>().delete("go", &DeleteParams::default()).await?;
    stand.erase_status::<DeploymentBinding>("taxi").await?;
    stand.apply("RolloutAction", "go", manifest["spec"].clone()).await?;
    let said = says(&stand, "go", "AlreadyDone").await?;
    assert!(said.starts_with("Accepted True, Complete True, Ready True: "), "{said}");
    assert_eq!(traffic(&stand), json!({second.clone(): 100}));

    follows.0.kill()?;
    let mut lines = String::new();
    follows.0.stdout.take().ok_or("a pipe")?.read_to_string(&mut lines)?;
    for part in [
        " step      2 of 4: pause until somebody promotes it (watch)\n".to_string(),
        format!(" traffic   {first} 50%, {second} 50%\n"),
        " candidate none\n".into(),
    ] {
        assert!(lines.contains(&part), "{part:?} in\n{lines}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollout_is_aborted_and_tried_again_and_what_is_stale_is_refused() -> Outcome {
    let (stand, first, second) = waiting("actions-abort").await?;
    let aborted = carry_out(&stand, &["abort", "taxi", "--reason", "Wrong fares."]).await?;
    assert!(aborted.starts_with("taxi-abort-"), "{aborted}");
    let failed =
        stand.wait_for::<DeploymentBinding>("taxi", "Aborted", |b| not_ready_because(b, "Aborted")).await?;
    assert_eq!(traffic(&stand), json!({first.clone(): 100}));
    assert_eq!(condition(&failed, "Stalled").map(|(holds, ..)| holds).as_deref(), Some("True"));
    let held = status(&failed);
    let past = held.history.first().ok_or("a rollout")?;
    assert_eq!(
        (held.phase, past.outcome, past.revision.as_str()),
        (Some(Phase::Failed), Ended::Failed, revision(&second))
    );
    let by: Vec<_> = past.actions.iter().map(|it| (it.name.as_str(), it.reason.as_deref())).collect();
    assert_eq!(by, [(aborted.as_str(), Some("Wrong fares."))]);
    let nothing = run(&stand, &["abort", "taxi", "--yes"]).await?;
    assert!(nothing.told.contains("`bindery retry taxi` has it tried again"), "{}", nothing.told);

    // It speaks of what serves, and the binding asks for another revision.
    let stale = json!({"bindingRef": {"name": "taxi"}, "action": "Abort", "revision": "0123456789", "requestedBy": "ada"});
    stand.apply("RolloutAction", "stale", stale).await?;
    let said = says(&stand, "stale", "Refused").await?;
    assert!(said.starts_with("Accepted False, Complete False, Ready False: "), "{said}");
    assert!(said.contains("0123456789") && said.contains(revision(&second)), "{said}");
    let nowhere = json!({"bindingRef": {"name": "rides"}, "action": "Abort", "revision": "0123456789", "requestedBy": "ada"});
    stand.apply("RolloutAction", "nowhere", nowhere).await?;
    let said = says(&stand, "nowhere", "ReferenceNotFound").await?;
    assert!(said.starts_with("Accepted Unknown, Complete False, Ready False: "), "{said}");

    carry_out(&stand, &["retry", "taxi"]).await?;
    come_to_the_pause(&stand).await?;
    let full = carry_out(&stand, &["promote", "taxi", "--full"]).await?;
    let served = stand.wait_for::<DeploymentBinding>("taxi", "Ready", ready).await?;
    assert_eq!(traffic(&stand), json!({second.clone(): 100}));
    let past = status(&served).history.first().cloned().ok_or("a rollout")?;
    assert!(past.actions.iter().any(|it| it.name == full), "{past:?}");
    assert!(past.skipped.contains(&"watch".to_string()), "{past:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_serves_is_rolled_back_and_held_until_somebody_releases_it() -> Outcome {
    let stand = taxi::stand("actions-rollback").await?;
    taxi::versions(&stand, &["1", "2"]).await?;
    let first = serve(&stand, taxi::binding("taxi-1")).await?;
    let second = serve(&stand, taxi::binding("taxi-2")).await?;
    let back = carry_out(&stand, &["rollback", "taxi", "--reason", "The bridge is closed."]).await?;
    let held = |b: &DeploymentBinding| not_ready_because(b, "Held") && status(b).hold.is_some();
    let found = stand.wait_for::<DeploymentBinding>("taxi", "Held", held).await?;
    assert_eq!(traffic(&stand), json!({first.clone(): 100}));
    let hold = status(&found).hold.ok_or("a hold")?;
    assert_eq!((hold.revision.as_str(), hold.to_revision.as_str()), (revision(&second), revision(&first)));
    assert_eq!(hold.action.map(|it| it.name), Some(back));
    let shown = run(&stand, &["status", "taxi"]).await?;
    assert!(shown.out.contains("`bindery release taxi` ends that."), "{}", shown.out);

    // The hold outlives the status: it is in the endpoint's tags.
    stand.erase_status::<DeploymentBinding>("taxi").await?;
    stand.wait_for::<DeploymentBinding>("taxi", "Held", held).await?;
    assert_eq!(traffic(&stand), json!({first: 100}));
    let again = run(&stand, &["rollback", "taxi", "--yes"]).await?;
    assert!(again.told.contains("is held back already"), "{}", again.told);

    carry_out(&stand, &["release", "taxi"]).await?;
    let served = stand.wait_for::<DeploymentBinding>("taxi", "Ready", ready).await?;
    assert!(status(&served).hold.is_none());
    assert_eq!(traffic(&stand), json!({second: 100}));
    Ok(())
}

/// What served has no traffic while the candidate has all of it, so Azure lets anybody delete it.
#[tokio::test(flavor = "multi_thread")]
async fn where_somebody_deletes_what_a_rollout_may_go_back_to_it_is_made_again() -> Outcome {
    let stand = taxi::stand("actions-stable-gone").await?;
    taxi::versions(&stand, &["1", "2"]).await?;
    let proof = json!({"strategy": {"steps": [{"setTraffic": 100}, {"name": "proof", "pause": {}}]}});
    let first = serve(&stand, with(taxi::binding("taxi-1"), proof.clone())).await?;
    stand.apply("DeploymentBinding", "taxi", with(taxi::binding("taxi-2"), proof)).await?;
    let pauses = |b: &DeploymentBinding| pausing_at(100)(b) && not_ready_because(b, "AwaitingPromotion");
    let paused = stand.wait_for::<DeploymentBinding>("taxi", "the pause", pauses).await?;
    let second = status(&paused).candidate.ok_or("a candidate")?.deployment;
    let deployment = format!("{ENDPOINT}/deployments/{first}");
    assert!(
        stand.emulator.control().remove_resource(&e2e::stand::azure_id(&deployment)),
        "{first} was there"
    );
    stand.look_again::<DeploymentBinding>("taxi").await?;
    stand
        .wait_until("what served", |stand| {
            stand.azure_field(&deployment, "/properties/provisioningState") == "Succeeded"
        })
        .await?;
    let found = stand.wait_for::<DeploymentBinding>("taxi", "the pause", pauses).await?;
    assert_eq!(traffic(&stand), json!({second.clone(): 100}));
    assert_eq!(status(&found).history.len(), 1, "nobody has promoted {second}");
    carry_out(&stand, &["abort", "taxi", "--reason", "bad fares"]).await?;
    stand.wait_until("all the traffic", |stand| traffic(stand) == json!({first.clone(): 100})).await?;
    Ok(())
}

/// Azure refuses to delete what has traffic, so somebody moves the traffic first: no step is passed by that.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_deletes_what_serves_passes_no_step_of_a_rollout() -> Outcome {
    let (stand, first, second) = waiting("actions-moved-and-gone").await?;
    let moved = json!({"properties": {"traffic": {first.clone(): 0, second.clone(): 100}}});
    stand.change_in_azure(ENDPOINT, &moved)?;
    let deployment = format!("{ENDPOINT}/deployments/{first}");
    assert!(
        stand.emulator.control().remove_resource(&e2e::stand::azure_id(&deployment)),
        "{first} was there"
    );
    stand.look_again::<DeploymentBinding>("taxi").await?;
    let shared = json!({first.clone(): 90, second.clone(): 10});
    stand.wait_until("what served, with its share", |stand| traffic(stand) == shared).await?;
    assert_eq!(come_to_the_pause(&stand).await?, second);
    let all = stand.api::<DeploymentBinding>().get("taxi").await?;
    assert_eq!(status(&all).history.len(), 1, "nobody has promoted {second} or given it up");
    carry_out(&stand, &["promote", "taxi", "--step", "watch"]).await?;
    stand.wait_for::<DeploymentBinding>("taxi", "Ready", ready).await?;
    assert_eq!(traffic(&stand), json!({second: 100}));
    Ok(())
}

/// What the manifest asks for waits for its window, and what serves is bad. Then somebody reverts the manifest to just that.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_rolled_back_takes_its_steps_when_git_goes_back_to_it() -> Outcome {
    let stand = taxi::stand("actions-reverted").await?;
    taxi::versions(&stand, &["1", "2", "3"]).await?;
    let first = serve(&stand, taxi::binding("taxi-1")).await?;
    let second = serve(&stand, taxi::binding("taxi-2")).await?;
    let never = json!({"strategy": {"windows": [{"name": "never", "kind": "Deny", "schedule": "* * * * *", "duration": "1m"}]}});
    stand.apply("DeploymentBinding", "taxi", with(taxi::binding("taxi-3"), never)).await?;
    stand.wait_reason::<DeploymentBinding>("taxi", "WindowClosed").await?;
    carry_out(&stand, &["rollback", "taxi", "--reason", "bad fares"]).await?;
    let message = stand.wait_reason::<DeploymentBinding>("taxi", "Held").await?;
    assert!(
        message.contains(&format!("rolled back from revision {} (bad fares)", revision(&second))),
        "{message}"
    );
    assert_eq!(traffic(&stand), json!({first.clone(): 100}));
    stand.apply("DeploymentBinding", "taxi", with(taxi::binding("taxi-2"), by_hand())).await?;
    assert_eq!(come_to_the_pause(&stand).await?, second);
    assert_eq!(traffic(&stand), json!({first: 90, second: 10}));
    Ok(())
}

/// Nobody knows the version that the manifest asks for, and what serves is bad.
#[tokio::test(flavor = "multi_thread")]
async fn what_serves_is_rolled_back_although_the_version_of_the_manifest_is_not_there() -> Outcome {
    let stand = taxi::stand("actions-no-version").await?;
    taxi::versions(&stand, &["1", "2"]).await?;
    let first = serve(&stand, taxi::binding("taxi-1")).await?;
    let second = serve(&stand, taxi::binding("taxi-2")).await?;
    stand.apply("DeploymentBinding", "taxi", taxi::binding("taxi-9")).await?;
    stand.wait_reason::<DeploymentBinding>("taxi", "ReferenceNotFound").await?;
    carry_out(&stand, &["rollback", "taxi"]).await?;
    assert_eq!(traffic(&stand), json!({first.clone(): 100}));
    let held = stand.wait_for::<DeploymentBinding>("taxi", "held", |b| status(b).hold.is_some()).await?;
    let hold = status(&held).hold.ok_or("a hold")?;
    assert_eq!((hold.revision.as_str(), hold.to_revision.as_str()), (revision(&second), revision(&first)));
    Ok(())
}

/// The binding and its endpoint are deleted and made anew, while the objects of old actions stay.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_said_to_a_binding_that_is_gone_is_not_done_to_the_next_one() -> Outcome {
    let (stand, _, second) = waiting("actions-anew").await?;
    let aborted = carry_out(&stand, &["abort", "taxi"]).await?;
    let refused = json!({"bindingRef": {"name": "taxi"}, "action": "Release", "revision": revision(&second), "requestedBy": "ada"});
    stand.apply("RolloutAction", "let-go", refused).await?;
    says(&stand, "let-go", "Refused").await?;
    stand.delete_and_wait::<DeploymentBinding>("taxi").await?;
    let served = serve(&stand, with(taxi::binding("taxi-2"), by_hand())).await?;
    assert_eq!((&served, traffic(&stand)), (&second, json!({second.clone(): 100})));
    for (name, reason) in [(aborted.as_str(), "Complete"), ("let-go", "Refused")] {
        says(&stand, name, reason).await?;
    }
    Ok(())
}

/// Somebody deletes the endpoint in the middle of a rollout, and once more while something is held back.
#[tokio::test(flavor = "multi_thread")]
async fn where_somebody_deletes_the_endpoint_what_served_comes_back_first() -> Outcome {
    let (stand, first, second) = waiting("actions-endpoint-gone").await?;
    let id = e2e::stand::azure_id(ENDPOINT);
    let traffic = || stand.traffic_written(ENDPOINT);
    let before = traffic().len();
    assert!(stand.emulator.control().remove_resource(&id), "{id} was there");
    stand.look_again::<DeploymentBinding>("taxi").await?;
    stand.wait_until("the new endpoint", |stand| stand.azure(ENDPOINT).is_some()).await?;
    assert_eq!(come_to_the_pause(&stand).await?, second);
    let all = vec![(first.clone(), 100)];
    let risen: Vec<_> = traffic()[before..].iter().filter(|map| !map.is_empty()).cloned().collect();
    assert_eq!(
        risen,
        [all.clone(), vec![(first.clone(), 90), (second.clone(), 10)]],
        "nobody has passed the pause"
    );

    // What is held back stays so.
    carry_out(&stand, &["rollback", "taxi", "--reason", "bad fares"]).await?;
    let before = traffic().len();
    assert!(stand.emulator.control().remove_resource(&id), "{id} was there");
    stand.look_again::<DeploymentBinding>("taxi").await?;
    let held = |b: &DeploymentBinding| {
        let status = status(b);
        not_ready_because(b, "Held")
            && status.hold.is_some()
            && status.traffic_summary == Some(format!("{first} 100%"))
    };
    stand.wait_until("the new endpoint", |stand| stand.azure(ENDPOINT).is_some()).await?;
    stand.wait_for::<DeploymentBinding>("taxi", "held, and the first serves", held).await?;
    let risen: Vec<_> = traffic()[before..].iter().filter(|map| !map.is_empty()).cloned().collect();
    assert!(risen.iter().all(|map| *map == all), "{risen:?}");
    assert!(stand.azure_field(ENDPOINT, "/tags/bindery-hold").is_string());
    Ok(())
}
