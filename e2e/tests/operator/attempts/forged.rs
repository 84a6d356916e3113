//! Statuses written by hand, and URLs that lead elsewhere.

use std::net::TcpListener;

use azureml_emulator::{Effect, FaultRule};
use bindery::api::FINALIZER;
use e2e::stand::{SUBSCRIPTION, azure_id, condition};
use kube::api::DynamicObject;
use serde_json::{Value, json};

use super::{Attack, OURS, THEIRS, as_account, binding, version};
use crate::Outcome;
use crate::taxi::{self, ENDPOINT, with};

/// A host of the attacker, who waits there for a token.
struct Elsewhere(TcpListener);

impl Elsewhere {
    fn new() -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        listener.set_nonblocking(true)?;
        Ok(Self(listener))
    }

    fn host(&self) -> std::io::Result<String> {
        Ok(self.0.local_addr()?.to_string())
    }

    /// Has anybody connected? The system answers a connection before it is accepted.
    fn was_called(&self) -> bool {
        self.0.accept().is_ok()
    }
}

pub async fn attempts(attack: &Attack) -> Outcome {
    let elsewhere = Elsewhere::new()?;
    only_the_operator_has_the_right_to_write_a_status(attack).await?;
    no_id_of_a_status_counts_that_the_spec_does_not_name(attack).await?;
    what_azure_says_of_a_source_is_read_and_not_believed(attack).await?;
    a_status_that_cannot_be_parsed_is_written_anew(attack).await?;
    an_operation_in_a_status_leads_nowhere_else(attack, &elsewhere).await?;
    a_tracking_uri_leads_nowhere_else(attack, &elsewhere).await?;
    a_next_link_leads_nowhere_else(attack, &elsewhere).await?;
    Ok(())
}

fn time() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn is_true(kind: &str) -> Value {
    json!({"type": kind, "status": "True", "reason": "Succeeded", "message": "", "observedGeneration": 1, "lastTransitionTime": time()})
}

/// A status of a version that says that it is there, and whatever else somebody hopes to have believed.
fn registered(path: &str) -> Value {
    json!({
        "id": azure_id(path), "assetId": azure_id(path), "lastHandledReconcile": "forged",
        "publishing": {"from": azure_id("workspaces/fares-dev/models/taxi/versions/1"), "since": time()},
        "lineage": {"job": "taxi-train-1"}, "conditions": [is_true("Ready"), is_true("Registered")],
    })
}

/// Writes a status, and waits until Bindery has written it anew: no annotation asks for the look that this one tells of.
async fn forge(attack: &Attack, kind: &str, name: &str, status: Value) -> Outcome {
    attack.eve.forge(kind, name, with(status, json!({"lastHandledReconcile": "forged"}))).await?;
    let anew = |o: &DynamicObject| o.data["status"]["lastHandledReconcile"].is_null();
    attack.eve.wait(&attack.stand, kind, name, "written anew", |found| found.is_none_or(anew)).await?;
    Ok(())
}

/// Row: a status written by hand. The roles of the chart give nobody the right to; the admission policy, which refuses it to
/// those who have the right by wildcards, is tried with the chart.
async fn only_the_operator_has_the_right_to_write_a_status(attack: &Attack) -> Outcome {
    for user in [&attack.team, &attack.platform] {
        for (kind, name) in [("ModelVersion", "own"), ("Registry", "observed")] {
            let refused = user.forge(kind, name, json!({"observedGeneration": 7})).await;
            let said = refused.err().ok_or("a status was written")?.to_string();
            assert!(said.contains("forbidden") && said.contains("/status"), "{said}");
        }
    }
    Ok(())
}

async fn no_id_of_a_status_counts_that_the_spec_does_not_name(attack: &Attack) -> Outcome {
    let Attack { stand, team, eve, .. } = attack;
    // In a place that is not there, in one that nobody may know of, in one to look at, and in one to publish in.
    for (n, place, azure) in [
        (1, "nowhere", "fares-dev"),
        (2, "nowhere", "fares-prod"),
        (3, "hidden", "fares-hidden"),
        (4, "hidden", "fares-dev"),
        (5, "fares-prod", "fares-prod"),
        (6, "fares-dev", "fares-dev"),
    ] {
        let name = format!("forged-{n}");
        team.apply_held("ModelVersion", &name, version(place, "taxi", "1"), &[FINALIZER]).await?;
        team.wait(stand, "ModelVersion", &name, "looked at", |o| o.is_some_and(e2e::stand::current)).await?;
        let path = format!("workspaces/{azure}/models/taxi/versions/1");
        forge(attack, "ModelVersion", &name, registered(&path)).await?;
        team.delete("ModelVersion", &name).await?;
        let waits = |o: &DynamicObject| {
            condition(o, "Ready").is_some_and(|(.., said)| said.contains("To delete this object now"))
        };
        let ended = |found: Option<&DynamicObject>| found.is_none_or(waits);
        let left = team.wait(stand, "ModelVersion", &name, "let go, or waiting", ended).await?;
        // In a place that is gone, what a status remembers is looked at: the owner's tag decides.
        assert_eq!(left.is_some(), n == 4, "{name}");
        if left.is_some() {
            eve.change("ModelVersion", &name, json!({"metadata": {"finalizers": null}})).await?;
            team.wait_gone(stand, "ModelVersion", &name).await?;
        }
        assert!(stand.azure(&path).is_some(), "{name}");
    }
    let in_hidden = ENDPOINT.replace("fares-prod", "fares-hidden");
    for (name, place, endpoint) in [
        ("forged-1", "fares-prod", ENDPOINT),
        ("forged-2", "hidden", &in_hidden),
        ("forged-3", "hidden", ENDPOINT),
        ("forged-4", "nowhere", ENDPOINT),
    ] {
        team.apply_held("DeploymentBinding", name, binding(place, "taxi-prod"), &[FINALIZER]).await?;
        team.wait(stand, "DeploymentBinding", name, "looked at", |o| o.is_some_and(e2e::stand::current))
            .await?;
        let serving = stand.azure_field(ENDPOINT, "/tags/bindery-stable");
        let stable = json!({"deployment": serving, "revision": "5e6f7a8b90", "since": time()});
        let status = json!({"endpoint": {"id": azure_id(endpoint)}, "stable": stable, "conditions": [is_true("Ready")]});
        forge(attack, "DeploymentBinding", name, status).await?;
        team.delete("DeploymentBinding", name).await?;
        let waits = |o: &DynamicObject| {
            condition(o, "Ready").is_some_and(|(.., said)| said.contains("To delete this object now"))
        };
        team.wait(stand, "DeploymentBinding", name, "at its end", |o| o.is_none_or(waits)).await?;
        if team.wait(stand, "DeploymentBinding", name, "read", |_| true).await?.is_some() {
            eve.change("DeploymentBinding", name, json!({"metadata": {"finalizers": null}})).await?;
        }
        team.wait_gone(stand, "DeploymentBinding", name).await?;
        assert!(stand.azure(ENDPOINT).is_some(), "{name}");
    }
    let columns = "--output=custom-columns=NAME:.involvedObject.name,NOTE:.message";
    let told = stand.kubectl(&["get", "events", "--namespace", THEIRS, columns]).await?;
    let nowhere: Vec<&str> = told.lines().filter(|line| line.starts_with("forged-1 ")).collect();
    assert!(nowhere.iter().any(|line| line.contains("no tag there names this object")), "{told}");
    assert!(!nowhere.iter().any(|line| line.contains(OURS) && line.contains("belongs")), "{told}");
    Ok(())
}

/// What a team has in a workspace that it may not know of is not published into a registry of its own, whatever a status says.
async fn what_azure_says_of_a_source_is_read_and_not_believed(attack: &Attack) -> Outcome {
    let Attack { stand, team, platform, .. } = attack;
    stand.allow_in_azure("theirs-azure", "registries/theirs-models");
    let models = with(as_account("theirs-models"), json!({"location": "eastus", "deletionPolicy": "Delete"}));
    platform.apply("Registry", "own-models", models).await?;
    platform.wait_ready(stand, "Registry", "own-models").await?;
    // Row: a `Registry` of one's own, to have the identity of a shared workspace publish into it.
    let copy = |source: &str| {
        json!({
            "registryRef": {"name": "own-models"}, "model": "taxi", "version": "1",
            "source": {"modelVersionRef": {"name": source}},
        })
    };
    team.apply("ModelVersion", "lent-copy", with(copy("own"), json!({"model": "own"}))).await?;
    let said = team.wait_reason(stand, "ModelVersion", "lent-copy", "IdentityNotAllowed").await?;
    assert!(
        said.starts_with(&format!("The identity of Workspace {OURS}/fares-dev does not publish")),
        "{said}"
    );
    team.apply("ModelVersion", "stolen", version("hidden", "taxi", "1")).await?;
    team.wait_reason(stand, "ModelVersion", "stolen", "ReferenceNotFound").await?;
    team.apply("ModelVersion", "stolen-copy", copy("stolen")).await?;
    let status = registered("workspaces/fares-hidden/models/taxi/versions/1");
    forge(attack, "ModelVersion", "stolen", status).await?;
    team.wait_reason(stand, "ModelVersion", "stolen-copy", "ReferenceNotReady").await?;
    assert!(stand.requests("POST", "/publish").is_empty());
    for name in ["lent-copy", "stolen-copy", "stolen"] {
        team.delete("ModelVersion", name).await?;
        team.wait_gone(stand, "ModelVersion", name).await?;
    }
    Ok(())
}

/// Row: a status that cannot be parsed.
async fn a_status_that_cannot_be_parsed_is_written_anew(attack: &Attack) -> Outcome {
    let Attack { stand, team, eve, .. } = attack;
    let odd = with(is_true("Ready"), json!({"lastTransitionTime": "9999-12-31T23:59:59Z"}));
    eve.forge("ModelVersion", "own", json!({"conditions": [odd]})).await?;
    let healed = |o: &DynamicObject| e2e::stand::ready(o) && !o.data.to_string().contains("9999-12-31");
    team.wait(stand, "ModelVersion", "own", "written anew", |found| found.is_some_and(healed)).await?;
    Ok(())
}

/// Row: a URL for Bindery to call, here of an operation in a status.
async fn an_operation_in_a_status_leads_nowhere_else(attack: &Attack, elsewhere: &Elsewhere) -> Outcome {
    let Attack { stand, team, eve, .. } = attack;
    let operation = |url: &str| {
        json!({"operation": {"purpose": "update", "doing": "change it", "url": url, "since": time(),
            "resource": azure_id("workspaces/fares-dev/models/own/versions/1")}})
    };
    let own =
        format!("/subscriptions/{SUBSCRIPTION}/providers/Microsoft.MachineLearningServices/operations/1");
    let evil = format!("https://{}{own}", elsewhere.host()?);
    // What is in the other's subscription would be another way.
    let other =
        format!("{}/subscriptions/99999999-0000-4000-8000-000000000001/operations/1", stand.emulator.url());
    for url in [&evil, &other] {
        eve.forge("ModelVersion", "own", operation(url)).await?;
        team.wait_reason(stand, "ModelVersion", "own", "OperationRunning").await?;
        eve.forge("ModelVersion", "own", json!({"operation": null})).await?;
        team.wait_ready(stand, "ModelVersion", "own").await?;
    }
    assert!(stand.requests("GET", "/operations/1").is_empty());
    assert!(!elsewhere.was_called(), "an operation was followed to a host of the attacker's");
    Ok(())
}

/// Row: a URL for Bindery to call, here of the host that has a workspace's runs.
async fn a_tracking_uri_leads_nowhere_else(attack: &Attack, elsewhere: &Elsewhere) -> Outcome {
    let Attack { stand, platform, team, .. } = attack;
    let host = elsewhere.host()?;
    let uri = format!("azureml://{host}/mlflow/v1.0{}", azure_id("workspaces/theirs"));
    stand.change_in_azure("workspaces/theirs", &json!({"properties": {"mlFlowTrackingUri": uri}}))?;
    platform.apply("Workspace", "theirs", as_account("theirs")).await?;
    platform.wait_ready(stand, "Workspace", "theirs").await?;
    let seen = |o: &DynamicObject| o.data["status"]["mlflowTrackingUri"] == json!(uri);
    platform.wait(stand, "Workspace", "theirs", "seen", |found| found.is_some_and(seen)).await?;
    let own = json!({"workspaceRef": {"name": "theirs"}});
    team.apply("ModelVersion", "traced", with(taxi::from_job("1"), own)).await?;
    team.wait_ready(stand, "ModelVersion", "traced").await?;
    let traced = |o: &DynamicObject| o.data["status"]["lineage"]["job"] == "taxi-train-1";
    team.wait(stand, "ModelVersion", "traced", "traced", |found| found.is_some_and(traced)).await?;
    assert!(!elsewhere.was_called(), "a run was asked for at a host of the attacker's");
    Ok(())
}

/// Row: a URL for Bindery to call, here of the next page of a list.
async fn a_next_link_leads_nowhere_else(attack: &Attack, elsewhere: &Elsewhere) -> Outcome {
    let Attack { stand, platform, .. } = attack;
    let page = json!({"value": [], "nextLink": format!("https://{}/page/2", elsewhere.host()?)});
    let body = Effect::Body { status: 200, content_type: "application/json".into(), body: page.to_string() };
    stand.emulator.control().add_fault(FaultRule::on("GET", "/registries/theirs-models/models", body));
    platform.delete("Registry", "own-models").await?;
    let refused = |o: &DynamicObject| {
        condition(o, "Ready").is_some_and(|(.., said)| said.contains("Refused to follow a nextLink"))
    };
    platform.wait(stand, "Registry", "own-models", "refused", |found| found.is_some_and(refused)).await?;
    assert!(!elsewhere.was_called(), "a page was asked for at a host of the attacker's");
    stand.emulator.control().clear_faults();
    let again = json!({"metadata": {"annotations": {bindery::api::RECONCILE: "again"}}});
    platform.change("Registry", "own-models", again).await?;
    platform.wait_gone(stand, "Registry", "own-models").await
}
