//! The end of things, and who answers for them: endpoints that may not be taken down, versions that retire, owners, and what is
//! served past Bindery.

use azureml_emulator::{RightsEffect, RightsRule};
use bindery::api::{DeploymentBinding, ModelVersion, Workspace};
use e2e::stand::{Error, Stand, StandOptions, condition, ready};
use e2e::{ControlPlane, Options};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Api, DeleteParams};
use serde_json::{Value, json};

use crate::answers::ask;
use crate::taxi::{ENDPOINT, created, pausing_at, serve, status, steps, with};
use crate::{Outcome, taxi};

/// The workspace for production, with this word on taking endpoints down.
async fn say(stand: &Stand, word: &str) -> Outcome {
    let spec = json!({"azure": taxi::azure(), "policy": {"endpointDeletion": word}});
    stand.apply("Workspace", "fares-prod", spec).await?;
    stand.wait_for::<Workspace>("fares-prod", "Ready", ready).await?;
    Ok(())
}

fn traffic(stand: &Stand) -> Value {
    stand.azure_field(ENDPOINT, "/properties/traffic")
}

#[tokio::test(flavor = "multi_thread")]
async fn where_it_is_forbidden_the_end_of_a_binding_changes_nothing_and_a_later_one_takes_over() -> Outcome {
    let stand = taxi::stand("governance-forbid").await?;
    taxi::versions(&stand, &["1", "2"]).await?;
    let first = serve(&stand, taxi::binding("taxi-1")).await?;
    stand.apply("DeploymentBinding", "taxi", with(taxi::binding("taxi-2"), steps(&[(10, "1h")]))).await?;
    stand.wait_for::<DeploymentBinding>("taxi", "pausing at 10 %", pausing_at(10)).await?;
    say(&stand, "Forbid").await?;
    let (before, routed) = (stand.azure(ENDPOINT), traffic(&stand));
    stand.emulator.control().clear_log();

    // A second object for the workspace, which says nothing of it, does not undo the word of the first.
    let second = json!({"azure": with(taxi::azure(), json!({"name": "fares-prod"}))});
    stand.apply("Workspace", "fares-prod-again", second).await?;
    stand.wait_reason::<Workspace>("fares-prod-again", "Conflict").await?;
    stand.delete_and_wait::<DeploymentBinding>("taxi").await?;
    let told = stand.wait_event("taxi", "forbids that endpoints are taken down").await?;
    assert!(
        told.starts_with("Normal Finishing LetGo: Workspace governance-forbid/fares-prod forbids"),
        "{told}"
    );
    assert!(told.contains(&format!("with {first} (90 % of the traffic, instances: 1) and v2-")), "{told}");
    assert_eq!((stand.azure(ENDPOINT), stand.writes()), (before, vec![]));

    // A later binding of the same namespace goes on where this one stopped.
    stand.delete_and_wait::<Workspace>("fares-prod-again").await?;
    stand.wait_for::<Workspace>("fares-prod", "Ready again", ready).await?;
    let later = with(taxi::binding("taxi-2"), steps(&[(10, "1h")]));
    stand.apply("DeploymentBinding", "later", later).await?;
    stand.wait_for::<DeploymentBinding>("later", "pausing at 10 %", pausing_at(10)).await?;
    assert_eq!(traffic(&stand), routed);
    assert_eq!(created(&stand), Vec::<String>::new(), "nothing is rolled out again");
    assert_eq!(stand.azure_field(ENDPOINT, "/tags/bindery-owner"), "stand/governance-forbid/later");

    say(&stand, "Allow").await?;
    stand.delete_and_wait::<DeploymentBinding>("later").await?;
    assert_eq!(stand.azure(ENDPOINT), None);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_stays_while_the_workspace_that_could_say_is_gone() -> Outcome {
    let stand = taxi::stand("governance-gone").await?;
    taxi::versions(&stand, &["1"]).await?;
    serve(&stand, taxi::binding("taxi-1")).await?;
    let annotation = format!("{}=true", bindery::api::DELETE_WHILE_IN_USE);
    stand.kubectl(&["annotate", "amlws/fares-prod", &annotation]).await?;
    stand.delete_and_wait::<Workspace>("fares-prod").await?;
    let before = stand.writes();
    stand.edit::<DeploymentBinding>("taxi", json!({"strategy": {"handover": "0s"}})).await?;
    stand.delete::<DeploymentBinding>("taxi").await?;
    let until = |b: &DeploymentBinding| {
        condition(b, "Ready").is_some_and(|(.., said)| said.contains("for its workspace to say"))
    };
    stand.wait_for::<DeploymentBinding>("taxi", "waiting for the workspace", until).await?;
    assert_eq!(stand.writes(), before);
    stand.apply("Workspace", "fares-prod", json!({"azure": taxi::azure()})).await?;
    stand.wait_gone::<DeploymentBinding>("taxi").await?;
    assert_eq!(stand.azure(ENDPOINT), None);
    Ok(())
}

/// Whoever deletes the kind deletes every binding at once.
#[tokio::test(flavor = "multi_thread")]
async fn where_it_is_forbidden_the_end_of_the_kind_sends_nothing_to_azure() -> Outcome {
    e2e::install_crypto_provider();
    if Options::from_env().names_a_cluster() {
        println!("SKIPPED: the other tests' bindings would go, too");
        return Ok(());
    }
    let control_plane = ControlPlane::start(Options::default()).await?;
    let stand = Stand::start(&control_plane, "governance-kind", StandOptions::default()).await?;
    taxi::versions(&stand, &["1"]).await?;
    serve(&stand, taxi::binding("taxi-1")).await?;
    say(&stand, "Forbid").await?;
    let before = (stand.azure(ENDPOINT), stand.writes());
    let kinds: Api<CustomResourceDefinition> = Api::all(stand.client.clone());
    let kind = "deploymentbindings.bindery.dev";
    kinds.delete(kind, &DeleteParams::default()).await?;
    let begun = std::time::Instant::now();
    while kinds.get_opt(kind).await?.is_some() {
        if begun.elapsed() > e2e::stand::PATIENCE {
            return Err(format!("{kind} does not end; the log:\n{}", stand.operator.told(30)).into());
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    assert_eq!((stand.azure(ENDPOINT), stand.writes()), before);
    Ok(())
}

/// What a version's condition says, as `True Retired: message`.
fn said(version: &ModelVersion, kind: &str) -> String {
    condition(version, kind)
        .map(|(holds, reason, said)| format!("{holds} {reason}: {said}"))
        .unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_retires_says_so_before_serves_on_and_gets_nothing_new() -> Outcome {
    let stand = taxi::stand("governance-retired").await?;
    taxi::versions(&stand, &["1", "2"]).await?;
    let first = serve(&stand, taxi::binding("taxi-1")).await?;
    let path = "workspaces/fares-prod/models/taxi/versions/1";
    let day = jiff::SignedDuration::from_hours(24);
    let at = |time: jiff::Timestamp| json!({"retirement": {"at": time.to_string(), "action": "Archive"}});
    stand.edit::<ModelVersion>("taxi-1", at(jiff::Timestamp::now() + day)).await?;
    let told = stand.wait_event("taxi-1", "retires at").await?;
    assert!(told.starts_with("Warning Retiring Reconcile: taxi:1 retires at "), "{told}");
    let soon = |v: &ModelVersion| said(v, "RetiringSoon").starts_with("True Retiring: taxi:1 retires at ");
    stand.wait_for::<ModelVersion>("taxi-1", "retiring", soon).await?;

    // Seconds away, while the next comparison is minutes away.
    let over = jiff::Timestamp::from_second(jiff::Timestamp::now().as_second() + 3)?;
    stand.edit::<ModelVersion>("taxi-1", at(over)).await?;
    let holds = format!(
        "True StillDeployed: taxi:1 is retired since {over}: it gets no new deployment and no more traffic, and it is archived in Azure. What holds it goes on: governance-retired/taxi as {first} (Stable)."
    );
    let retired = |v: &ModelVersion| said(v, "Retired") == holds && ready(v);
    let version = stand.wait_for::<ModelVersion>("taxi-1", "retired", retired).await?;
    assert_eq!(said(&version, "RetiringSoon"), "");
    assert_eq!(stand.azure_field(path, "/properties/isArchived"), true);
    let refused =
        |b: &DeploymentBinding| condition(b, "Admitted").is_some_and(|(_, why, _)| why == "Retired");
    let binding = stand.wait_for::<DeploymentBinding>("taxi", "not admitted any more", refused).await?;
    assert!(ready(&binding), "what serves goes on: {binding:?}");
    let line = status(&binding).admission.into_iter().find(|line| line.rule == "Retirement");
    let line = line.ok_or("no line for the retirement")?;
    // Whether the archiving is seen as well by now depends on who looks first.
    assert!(!line.admitted && line.found.ends_with(&format!("retired since {over}")), "{line:?}");
    assert_eq!(traffic(&stand), json!({first: 100}));

    // Nothing new begins with it.
    let new = with(taxi::binding("taxi-1"), json!({"online": {"endpoint": {"name": "taxi-new"}}}));
    stand.apply("DeploymentBinding", "new", new).await?;
    let message = stand.wait_reason::<DeploymentBinding>("new", "Retired").await?;
    assert!(message.starts_with(&format!("taxi:1 is retired since {over}")), "{message}");
    assert_eq!(stand.azure("workspaces/fares-prod/onlineEndpoints/taxi-new"), None);
    // The event was told once, however often it is looked at.
    stand.look_again::<ModelVersion>("taxi-1").await?;
    let asked = |v: &ModelVersion| {
        let asked = v.metadata.annotations.as_ref().and_then(|all| all.get(bindery::api::RECONCILE));
        v.status.as_ref().is_some_and(|status| status.last_handled_reconcile.as_ref() == asked)
    };
    stand.wait_for::<ModelVersion>("taxi-1", "looked at", asked).await?;
    let events = stand.events("taxi-1").await?;
    assert_eq!(events.iter().filter(|e| e.starts_with("Warning Retired ")).count(), 1, "{events:?}");
    assert!(!events.iter().any(|e| e.contains("Drifted")), "its own end is no drift: {events:?}");

    // A later date ends the retirement until then.
    stand.edit::<ModelVersion>("taxi-1", json!({"retirement": null, "archived": false})).await?;
    stand.wait_for::<DeploymentBinding>("new", "Ready", ready).await?;
    stand
        .wait_until("a version that is not archived", |s| {
            s.azure_field(path, "/properties/isArchived") == false
        })
        .await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn who_answers_for_a_version_is_on_it_and_on_what_serves_it_without_a_rollout() -> Outcome {
    let stand = taxi::stand("governance-owner").await?;
    taxi::versions(&stand, &["1"]).await?;
    let first = serve(&stand, taxi::binding("taxi-1")).await?;
    let (version, deployment) = ("workspaces/fares-prod/models/taxi/versions/1", taxi::deployment(&first));
    let tags = |s: &Stand| {
        ["bindery-team", "bindery-contact", "bindery-cost-center"].map(|key| {
            let of_version = s.azure_field(version, &format!("/properties/tags/{key}"));
            assert!(of_version.is_null() || of_version.is_string());
            (of_version, s.azure_field(&deployment, &format!("/tags/{key}")))
        })
    };
    let both = |text: &str| (Value::from(text), Value::from(text));
    let revision = stand.azure_field(&deployment, "/tags/bindery-revision");
    let owner = json!({"owner": {"team": "fares", "contact": "#fares", "costCenter": "4711"}});
    stand.edit::<ModelVersion>("taxi-1", owner).await?;
    let all = [both("fares"), both("#fares"), both("4711")];
    stand.wait_until("the owner", |s| tags(s) == all).await?;
    stand
        .edit::<ModelVersion>(
            "taxi-1",
            json!({"owner": {"team": "tips", "contact": null, "costCenter": null}}),
        )
        .await?;
    let nothing = || (Value::Null, Value::Null);
    stand.wait_until("the other owner", |s| tags(s) == [both("tips"), nothing(), nothing()]).await?;
    let binding = stand.wait_for::<DeploymentBinding>("taxi", "Ready", ready).await?;
    assert_eq!(condition(&binding, "Drifted").map(|(holds, ..)| holds).as_deref(), Some("False"));
    assert_eq!(created(&stand), [first], "nothing is rolled out again");
    assert_eq!(stand.azure_field(&deployment, "/tags/bindery-revision"), revision);
    Ok(())
}

/// Somebody makes an endpoint by hand, with a deployment of a version.
fn rogue(stand: &Stand) -> Outcome {
    let endpoint = "workspaces/fares-prod/onlineEndpoints/rogue";
    let body =
        |traffic: Value| json!({"location": "eastus", "properties": {"authMode": "Key", "traffic": traffic}});
    stand.exists_in_azure(endpoint, &body(json!({})))?;
    let deployment = json!({
        "location": "eastus", "sku": {"name": "Default", "capacity": 2},
        "properties": {"endpointComputeType": "Managed", "instanceType": "Standard_DS3_v2", "scaleSettings": {"scaleType": "Default"},
            "model": e2e::stand::azure_id("workspaces/fares-prod/models/taxi/versions/1")},
    });
    stand.exists_in_azure(&format!("{endpoint}/deployments/blue"), &deployment)?;
    stand.exists_in_azure(endpoint, &body(json!({"blue": 100})))
}

async fn unmanaged(stand: &Stand, what: &str, holds: impl Fn(&Value) -> bool) -> Result<Value, Error> {
    let of = |w: &Workspace| json!(w.status.as_ref().and_then(|status| status.unmanaged.clone()));
    let found = stand.wait_for::<Workspace>("fares-prod", what, |w| holds(&of(w))).await?;
    Ok(of(&found))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_served_past_bindery_is_listed() -> Outcome {
    let stand = taxi::stand("governance-past").await?;
    taxi::versions(&stand, &["1"]).await?;
    serve(&stand, taxi::binding("taxi-1")).await?;
    rogue(&stand)?;
    stand.look_again::<Workspace>("fares-prod").await?;
    let found = unmanaged(&stand, "listing what is there", |it| it["count"] == 1).await?;
    let asset = e2e::stand::azure_id("workspaces/fares-prod/models/taxi/versions/1");
    let blue = json!({"name": "blue", "assetId": asset, "weight": 100, "instances": 2});
    assert_eq!(found["endpoints"], json!([{"name": "rogue", "bound": false, "deployments": [blue]}]));

    // A deployment by hand on an endpoint of a binding.
    let mut by_hand =
        stand.azure("workspaces/fares-prod/onlineEndpoints/rogue/deployments/blue").ok_or("blue")?;
    for field in ["id", "name", "type", "systemData"] {
        by_hand.as_object_mut().ok_or("an object")?.remove(field);
    }
    stand.exists_in_azure(&taxi::deployment("hand"), &by_hand)?;
    stand.look_again::<DeploymentBinding>("taxi").await?;
    let foreign = |b: &DeploymentBinding| status(b).deployments.iter().any(|d| d.name == "hand");
    stand.wait_for::<DeploymentBinding>("taxi", "seeing it", foreign).await?;
    stand.look_again::<Workspace>("fares-prod").await?;
    let found = unmanaged(&stand, "listing both", |it| it["count"] == 2).await?;
    assert_eq!(
        (&found["endpoints"][1]["name"], &found["endpoints"][1]["bound"]),
        (&json!("taxi-prod"), &json!(true))
    );
    assert_eq!(found["endpoints"][1]["deployments"][0]["name"], "hand");

    let told =
        ask(&stand.kubeconfig, &["inventory", "--unmanaged", "-n", &stand.namespace, "-o", "tsv"]).await?;
    let rows: Vec<Vec<&str>> = told.out.lines().map(|line| line.split('\t').collect()).collect();
    let found: Vec<[&str; 3]> =
        rows.iter().filter(|row| row.len() > 5).map(|row| [row[2], row[4], row[5]]).collect();
    assert_eq!(found[1..], [["rogue", "no", "blue"], ["taxi-prod", "yes", "hand"]], "{}", told.out);

    // Azure does not let the identity list them: the workspace is Ready, and says so.
    let deny = RightsRule {
        principal: "bindery".into(),
        scope: String::new(),
        action: "Microsoft.MachineLearningServices/workspaces/onlineEndpoints/read".into(),
        effect: RightsEffect::Deny,
    };
    stand.emulator.control().config.rights = vec![deny];
    stand.look_again::<Workspace>("fares-prod").await?;
    let found = unmanaged(&stand, "refused", |it| it["unread"].is_string()).await?;
    assert!(
        found["unread"]
            .as_str()
            .is_some_and(|it| it.starts_with("Azure refuses to list the online endpoints")),
        "{found}"
    );
    let workspace = stand.api::<Workspace>().get("fares-prod").await?;
    assert!(ready(&workspace), "{workspace:?}");
    Ok(())
}
