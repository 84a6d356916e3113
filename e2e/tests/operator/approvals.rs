//! Whose word a version needs before it serves, and what becomes of the traffic when somebody takes it back.

use azureml_emulator::{Config, Durations};
use bindery::api::{Approval, DeploymentBinding, ModelVersion, Workspace};
use e2e::stand::{Error, PATIENCE, Stand, StandOptions, condition, emulator_config, ready};
use kube::api::{Api, DeleteParams};
use kube::runtime::wait::await_condition;
use serde_json::{Value, json};

use crate::taxi::{ENDPOINT, created, pausing_at, serve, status, steps, with};
use crate::{Outcome, taxi};

/// A stand whose workspace for production serves what is approved in a second namespace.
pub async fn stand(name: &str, emulator: Config) -> Result<Stand, Error> {
    let also_watched = vec![format!("{name}-risk")];
    let options = StandOptions { also_watched, emulator, ..StandOptions::default() };
    let stand = taxi::stand_with(name, options).await?;
    ask(&stand, json!({})).await?;
    stand.wait_for::<Workspace>("fares-prod", "Ready", ready).await?;
    Ok(stand)
}

/// The namespace of those who decide.
pub fn risk(stand: &Stand) -> String {
    format!("{}-risk", stand.namespace)
}

/// The policy of the workspace, with more than it has by default.
async fn ask(stand: &Stand, more: Value) -> Outcome {
    ask_for(stand, more, json!({})).await
}

/// The same, with more that it asks besides approvals.
pub async fn ask_for(stand: &Stand, more: Value, besides: Value) -> Outcome {
    let approvals = with(json!({"fromNamespaces": [risk(stand)]}), more);
    let policy = with(json!({"approvals": approvals}), besides);
    let spec = json!({"azure": taxi::azure(), "tier": "production", "policy": policy});
    stand.apply("Workspace", "fares-prod", spec).await
}

/// A stand with the versions 1 and 2 in a registry.
pub async fn with_versions(name: &str) -> Result<Stand, Error> {
    let stand = stand(name, emulator_config(100.0)).await?;
    stand.apply("Registry", "fares-models", taxi::registry()).await?;
    stand.apply("Workspace", "fares-dev", json!({"azure": taxi::azure()})).await?;
    for n in ["1", "2"] {
        stand.apply("ModelVersion", &format!("taxi-{n}-dev"), taxi::from_job(n)).await?;
        stand.apply("ModelVersion", &format!("taxi-{n}"), taxi::promoted(n)).await?;
    }
    for n in ["1", "2"] {
        stand.wait_for::<ModelVersion>(&format!("taxi-{n}"), "Ready", ready).await?;
    }
    Ok(stand)
}

pub fn asset(n: &str) -> String {
    format!("azureml://registries/fares-models/models/taxi/versions/{n}")
}

/// A decision about version `n` in the registry.
pub fn decision(stand: &Stand, n: &str, decision: &str, by: &str) -> Value {
    json!({
        "modelVersionRef": {"name": format!("taxi-{n}"), "namespace": stand.namespace}, "assetId": asset(n),
        "decision": decision, "by": by,
    })
}

/// Ada approves version `n`, in `ada-{n}`.
pub async fn approve(stand: &Stand, n: &str) -> Outcome {
    let spec = decision(stand, n, "Approved", "ada");
    stand.apply_in(&risk(stand), "Approval", &format!("ada-{n}"), spec).await
}

/// Eve rejects version `n`, in `eve-{n}`.
async fn reject(stand: &Stand, n: &str) -> Outcome {
    let spec = decision(stand, n, "Rejected", "eve");
    stand.apply_in(&risk(stand), "Approval", &format!("eve-{n}"), spec).await
}

/// Deletes a decision, which nothing holds back.
pub async fn take_back(stand: &Stand, name: &str) -> Outcome {
    let all: Api<Approval> = Api::namespaced(stand.client.clone(), &risk(stand));
    all.delete(name, &DeleteParams::default()).await?;
    assert!(all.get_opt(name).await?.is_none(), "{name} is held back");
    Ok(())
}

/// What an approval says of itself, when its `Ready` has this reason.
pub async fn says(stand: &Stand, namespace: &str, name: &str, reason: &str) -> Result<String, Error> {
    let all: Api<Approval> = Api::namespaced(stand.client.clone(), namespace);
    let because = |a: &Approval| condition(a, "Ready").is_some_and(|(_, why, _)| why == reason);
    let found = await_condition(all.clone(), name, |a: Option<&Approval>| a.is_some_and(because));
    let Ok(found) = tokio::time::timeout(PATIENCE, found).await else {
        let log = stand.operator.told(30);
        return Err(format!("{name} is not {reason}: {:?}\n{log}", all.get_opt(name).await?).into());
    };
    let (holds, _, message) = found?.and_then(|a| condition(&a, "Ready")).unwrap_or_default();
    Ok(format!("{holds} {reason}: {message}"))
}

/// `Admitted` in words.
fn admitted(binding: &DeploymentBinding) -> String {
    let (holds, reason, message) = condition(binding, "Admitted").unwrap_or_default();
    format!("{holds} {reason}: {message}")
}

/// Waits until `Admitted` contains this.
async fn wait_admitted(stand: &Stand, part: &str) -> Result<DeploymentBinding, Error> {
    stand.wait_for::<DeploymentBinding>("taxi", part, |b| admitted(b).contains(part)).await
}

/// What the status says of the rule about approvals: whether it is met, and by what.
fn found(binding: &DeploymentBinding) -> Vec<(bool, String)> {
    let all = status(binding).admission.into_iter().filter(|line| line.rule == "Approvals");
    all.map(|line| (line.admitted, line.found)).collect()
}

/// Has Bindery look at the binding at once, and waits until it has.
async fn look(stand: &Stand) -> Result<DeploymentBinding, Error> {
    stand.look_again::<DeploymentBinding>("taxi").await?;
    let answered = |b: &DeploymentBinding| {
        let asked = b.metadata.annotations.as_ref().and_then(|all| all.get(bindery::api::RECONCILE));
        status(b).last_handled_reconcile.as_ref() == asked
    };
    stand.wait_for::<DeploymentBinding>("taxi", "looked at", answered).await
}

/// What was asked of the endpoint and its deployments.
fn touched(stand: &Stand) -> Vec<String> {
    stand.writes().into_iter().filter(|write| write.contains("onlineEndpoints")).collect()
}

fn all_to(name: &str) -> Vec<(String, i64)> {
    vec![(name.to_string(), 100)]
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_serves_until_somebody_approves_it_whose_word_counts() -> Outcome {
    let stand = with_versions("approvals-first").await?;
    let (home, risk) = (stand.namespace.clone(), risk(&stand));
    stand.apply("DeploymentBinding", "taxi", taxi::binding("taxi-1")).await?;
    let message = stand.wait_reason::<DeploymentBinding>("taxi", "NotApproved").await?;
    let asks = format!(
        "Workspace fares-prod serves only what is approved: an Approval from namespace {risk}, for tier production; taxi:1 has none."
    );
    let how = format!("Approve it with an Approval whose spec.assetId is {}.", asset("1"));
    assert_eq!(message, format!("{asks} {how}"));

    // Of those whom the operator does not watch it hears nothing, and says so.
    let unwatched = format!("{home}-unwatched");
    ask(&stand, json!({"fromNamespaces": [risk, unwatched]})).await?;
    let not_seen = format!("Approvals from {unwatched} are not seen: the operator does not watch that.");
    wait_admitted(&stand, &not_seen).await?;
    ask(&stand, json!({})).await?;
    stand.wait_for::<DeploymentBinding>("taxi", "as before", |b| !admitted(b).contains(&not_seen)).await?;

    // The team's own word is none, and a word about staging is not one about production.
    let spec = decision(&stand, "1", "Approved", "ada");
    stand.apply("Approval", "own", spec.clone()).await?;
    let own = says(&stand, &home, "own", "NotCounted").await?;
    assert!(own.starts_with("False NotCounted: No Workspace counts approvals of this namespace"), "{own}");
    stand.apply_in(&risk, "Approval", "staging", with(spec, json!({"tiers": ["staging"]}))).await?;
    let other = "does not name the tier of that Workspace.";
    let staging = says(&stand, &risk, "staging", "NotCounted").await?;
    assert_eq!(
        staging,
        format!("False NotCounted: It does not count in Workspace {home}/fares-prod: spec.tiers {other}")
    );
    let refused = look(&stand).await?;
    let ignored = format!("Approval {risk}/staging of ada does not count: spec.tiers {other}");
    assert_eq!(admitted(&refused), format!("False NotApproved: {asks} {ignored} {how}"));
    assert_eq!(found(&refused), [(false, "none".to_string())]);
    assert_eq!(touched(&stand), Vec::<String>::new());

    approve(&stand, "1").await?;
    let served = stand.wait_for::<DeploymentBinding>("taxi", "Ready", ready).await?;
    let valid = says(&stand, &risk, "ada-1", "Valid").await?;
    assert_eq!(valid, format!("True Valid: The decision counts in Workspace {home}/fares-prod."));
    assert!(admitted(&served).starts_with("True Succeeded"), "{}", admitted(&served));
    assert_eq!(found(&served), [(true, format!("approved by Approval {risk}/ada-1 of ada"))]);
    let known = serde_json::to_value(status(&served).approvals)?;
    let expected = json!([{"assetId": asset("1"), "namespace": risk, "name": "ada-1", "by": "ada"}]);
    assert_eq!(known, expected);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_candidate_that_somebody_rejects_goes_back_and_comes_again_when_nobody_does() -> Outcome {
    let stand = with_versions("approvals-rejected").await?;
    approve(&stand, "1").await?;
    approve(&stand, "2").await?;
    let first = serve(&stand, with(taxi::binding("taxi-1"), steps(&[(10, "1h")]))).await?;
    stand.edit::<DeploymentBinding>("taxi", json!({"model": {"versionRef": {"name": "taxi-2"}}})).await?;
    stand.wait_for::<DeploymentBinding>("taxi", "pausing", pausing_at(10)).await?;

    reject(&stand, "2").await?;
    let message = stand.wait_reason::<DeploymentBinding>("taxi", "Rejected").await?;
    let rejects = format!("Approval {}/eve-2 of eve rejects taxi:2.", risk(&stand));
    assert!(message.starts_with(&rejects), "{message}");
    let back = stand.api::<DeploymentBinding>().get("taxi").await?;
    assert_eq!(condition(&back, "Available").map(|(status, ..)| status).as_deref(), Some("True"));
    assert_eq!(condition(&back, "Stalled").map(|(status, ..)| status).as_deref(), Some("True"));
    assert_eq!(status(&back).traffic_summary, Some(format!("{first} 100%")));
    assert_eq!(stand.traffic_written(ENDPOINT).pop(), Some(all_to(&first)));
    assert_eq!(stand.azure_field(ENDPOINT, &format!("/properties/traffic/{first}")), 100);

    take_back(&stand, "eve-2").await?;
    stand.wait_for::<DeploymentBinding>("taxi", "pausing again", pausing_at(10)).await?;
    stand.edit::<DeploymentBinding>("taxi", json!({"strategy": {"steps": []}})).await?;
    let done = stand.wait_for::<DeploymentBinding>("taxi", "Ready", ready).await?;
    let second = status(&done).stable.map(|s| s.deployment).unwrap_or_default();
    assert_eq!(created(&stand), [first, second], "each is made once");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_serves_and_is_rejected_stays_or_goes_back_as_the_workspace_says() -> Outcome {
    let stand = with_versions("approvals-back").await?;
    approve(&stand, "1").await?;
    approve(&stand, "2").await?;
    let first = serve(&stand, taxi::binding("taxi-1")).await?;
    let second = serve(&stand, taxi::binding("taxi-2")).await?;
    let before = touched(&stand);

    reject(&stand, "2").await?;
    wait_admitted(&stand, "False Rejected").await?;
    let kept = look(&stand).await?;
    assert!(ready(&kept), "it keeps serving: {kept:?}");
    assert_eq!(status(&kept).traffic_summary, Some(format!("{second} 100%")));
    assert_eq!(touched(&stand), before);

    ask(&stand, json!({"onWithdrawal": "RollBack"})).await?;
    let message = stand.wait_reason::<DeploymentBinding>("taxi", "Rejected").await?;
    assert!(message.contains("of eve rejects taxi:2. Serve another version"), "{message}");
    let back = status(&stand.api::<DeploymentBinding>().get("taxi").await?);
    assert_eq!(back.stable.map(|s| s.deployment), Some(first.clone()));
    assert_eq!(back.traffic_summary, Some(format!("{first} 100%")));
    stand.wait_event("taxi", &format!("give {first} all the traffic again")).await?;
    // One request, and then rest: it does not come again by itself.
    look(&stand).await?;
    assert_eq!(touched(&stand)[before.len()..], [format!("PUT {ENDPOINT}")]);
    assert_eq!(stand.traffic_written(ENDPOINT).pop(), Some(all_to(&first)));

    // Nobody rejects it any more: it is what the manifest asks for.
    take_back(&stand, "eve-2").await?;
    assert_eq!(serve(&stand, taxi::binding("taxi-2")).await?, second);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_that_goes_moves_nothing_and_the_message_says_whether_anybody_saw_it() -> Outcome {
    let mut stand = with_versions("approvals-gone").await?;
    approve(&stand, "1").await?;
    serve(&stand, taxi::binding("taxi-1")).await?;
    let before = touched(&stand);
    let title = format!("Approval {}/ada-1 of ada", risk(&stand));

    take_back(&stand, "ada-1").await?;
    let seen = format!("{title} was withdrawn at ");
    let gone = wait_admitted(&stand, &seen).await?;
    assert!(admitted(&gone).starts_with("False NotApproved"), "{}", admitted(&gone));
    assert!(ready(&gone), "it keeps serving: {gone:?}");
    let since = status(&gone).approvals.first().and_then(|it| it.withdrawn_at).ok_or("a time")?;
    // Whoever begins anew knows what was seen before.
    stand.operator.kill()?;
    stand.operator.start()?;
    let restarted = look(&stand).await?;
    let since = jiff::Timestamp::from_second(since.as_second())?;
    assert!(admitted(&restarted).contains(&format!("{seen}{since}.")), "{}", admitted(&restarted));

    approve(&stand, "1").await?;
    let again = wait_admitted(&stand, "True Succeeded").await?;
    assert_eq!(status(&again).approvals.first().map(|it| it.withdrawn_at), Some(None));

    // While nobody looks, it may as well be a restore that has not brought it yet.
    stand.operator.stop().await?;
    take_back(&stand, "ada-1").await?;
    stand.operator.start()?;
    let unseen = format!("{title} is not there any more, and Bindery did not see it being deleted.");
    wait_admitted(&stand, &unseen).await?;
    let unseen = look(&stand).await?;
    assert!(ready(&unseen), "it keeps serving: {unseen:?}");
    assert_eq!(status(&unseen).approvals.first().map(|it| it.withdrawn_at), Some(None));
    approve(&stand, "1").await?;
    wait_admitted(&stand, "True Succeeded").await?;

    // One that ends by itself, minutes before the next comparison.
    let until = jiff::Timestamp::from_second(jiff::Timestamp::now().as_second() + 3)?;
    let spec = with(decision(&stand, "1", "Approved", "ada"), json!({"expiresAt": until.to_string()}));
    stand.apply_in(&risk(&stand), "Approval", "short", spec).await?;
    take_back(&stand, "ada-1").await?;
    let ended = format!("Approval {}/short of ada does not count: it ended at {until}.", risk(&stand));
    wait_admitted(&stand, &ended).await?;
    says(&stand, &risk(&stand), "short", "Expired").await?;
    assert_eq!(touched(&stand), before);
    Ok(())
}

/// A version that somebody else registers, from these files.
pub fn registered(stand: &Stand, files: &str) -> Outcome {
    let body = json!({"properties": {"modelUri": format!("azureml://datastores/models/paths/{files}"), "modelType": "mlflow_model"}});
    stand.exists_in_azure(VERSION, &body)
}

pub const VERSION: &str = "workspaces/fares-prod/models/taxi/versions/1";

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_of_a_version_in_a_workspace_is_of_the_files_that_were_there() -> Outcome {
    // At real speed: Azure's clock is held against that of the API server.
    let mut emulator = emulator_config(1.0);
    emulator.durations = Durations::none();
    let stand = stand("approvals-files", emulator).await?;
    let risk = risk(&stand);
    registered(&stand, "good")?;
    let spec = json!({"workspaceRef": {"name": "fares-prod"}, "model": "taxi", "version": "1", "source": {"existing": {}},
        "management": "Observe"});
    stand.apply("ModelVersion", "taxi-1", spec).await?;
    let version = stand.wait_for::<ModelVersion>("taxi-1", "Ready", ready).await?;
    let asset = version.status.and_then(|status| status.asset_id).ok_or("an asset id")?;
    let spec = with(decision(&stand, "1", "Approved", "ada"), json!({"assetId": asset}));
    stand.apply_in(&risk, "Approval", "before", spec.clone()).await?;
    says(&stand, &risk, "before", "Valid").await?;

    // The API server writes whole seconds down: whoever registers it again does so in a later one.
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    assert!(stand.emulator.control().remove_resource(&e2e::stand::azure_id(VERSION)));
    registered(&stand, "bad")?;
    stand.look_again::<ModelVersion>("taxi-1").await?;
    let mismatch = says(&stand, &risk, "before", "AssetMismatch").await?;
    assert!(
        mismatch.starts_with("False AssetMismatch: Azure made the version after this decision"),
        "{mismatch}"
    );
    stand.apply("DeploymentBinding", "taxi", taxi::binding("taxi-1")).await?;
    let message = stand.wait_reason::<DeploymentBinding>("taxi", "NotApproved").await?;
    let because =
        format!("Approval {risk}/before of ada does not count: Azure made the version after the decision.");
    assert!(message.contains(&because), "{message}");
    assert_eq!(touched(&stand), Vec::<String>::new());

    stand.apply_in(&risk, "Approval", "after", spec).await?;
    let served = stand.wait_for::<DeploymentBinding>("taxi", "Ready", ready).await?;
    assert_eq!(found(&served), [(true, format!("approved by Approval {risk}/after of ada"))]);
    Ok(())
}
