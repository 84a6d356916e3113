//! Deployments that Azure Monitor scales.

use azureml_emulator::{Principal, Request, RightsEffect, RightsRule};
use bindery::api::{DeploymentBinding, Phase};
use e2e::stand::{GROUP, SUBSCRIPTION, Stand, azure_id, condition, drifted, ready};
use kube::api::DeleteParams;
use serde_json::{Value, json};

use crate::Outcome;
use crate::taxi::{self, ENDPOINT, deployment, pausing_at, serve, status, with};

fn scaled(version: &str) -> Value {
    let autoscale = json!({"minInstances": 2, "maxInstances": 6, "cpuPercent": 70});
    with(taxi::binding(version), json!({"online": {"deployment": {"autoscale": autoscale}}}))
}

/// The autoscale setting of a deployment as Azure has it, by the id that the status gives.
fn setting(stand: &Stand, binding: &DeploymentBinding, deployment: &str) -> Option<Value> {
    let known = status(binding).autoscale.into_iter().find(|it| it.deployment == deployment)?;
    stand.emulator.control().resource(&known.id)
}

/// What was written to the endpoint, its deployments and their settings and taken, oldest first, in short: `PUT setting v1`.
fn writes(stand: &Stand) -> Vec<String> {
    let control = stand.emulator.control();
    let taken =
        control.log().filter(|e| e.method != "GET" && e.status < 300 && e.path.contains("/resourceGroups/"));
    taken
        .filter_map(|e| {
            let name = e.path.rsplit('/').next()?;
            let what = if e.path.contains("autoscalesettings") {
                format!("setting {}", name.strip_prefix("bindery-")?.split('-').next()?)
            } else if e.path.contains("/deployments/") {
                format!("deployment {}", name.split('-').next()?)
            } else if e.path.contains("/onlineEndpoints/") {
                let traffic =
                    e.body.as_ref().map(|body| body["properties"]["traffic"].clone()).unwrap_or_default();
                let traffic = traffic.as_object().cloned().unwrap_or_default();
                let said = traffic.iter().filter(|(_, weight)| **weight != 0).map(|(name, weight)| {
                    format!(" {}={weight}", name.split('-').next().unwrap_or_default())
                });
                format!("endpoint{}", said.collect::<String>())
            } else {
                return None;
            };
            Some(format!("{} {what}", e.method))
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deployment_scales_from_its_first_request_to_its_end() -> Outcome {
    let stand = taxi::stand("autoscale").await?;
    taxi::versions(&stand, &["1", "2"]).await?;
    let first = serve(&stand, scaled("taxi-1")).await?;
    assert_eq!(stand.azure_field(&deployment(&first), "/sku/capacity"), 2);
    assert_eq!(
        writes(&stand),
        ["PUT endpoint", "PUT deployment v1", "PUT setting v1", "PUT endpoint v1=100"],
        "first the setting, then the traffic"
    );
    let serving = stand.wait_for::<DeploymentBinding>("taxi", "Ready", ready).await?;
    let made = setting(&stand, &serving, &first).ok_or("no setting")?;
    assert_eq!(made["properties"]["targetResourceUri"], azure_id(&deployment(&first)));

    // The count is Azure's: nobody calls it a drift.
    stand.change_in_azure(&deployment(&first), &json!({"sku": {"capacity": 5}}))?;
    stand.look_again::<DeploymentBinding>("taxi").await?;
    stand
        .wait_for::<DeploymentBinding>("taxi", "Ready with five", |b| {
            ready(b) && !drifted(b) && status(b).deployments.iter().all(|d| d.instances == Some(5))
        })
        .await?;

    // The limits are the manifest's.
    let id = status(&serving).autoscale[0].id.clone();
    let narrowed = json!({"properties": {"profiles": [{"name": "default", "rules": [], "capacity": {"minimum": "1", "maximum": "1", "default": "1"}}]}});
    assert!(stand.emulator.control().change_resource(&id, &narrowed));
    stand.look_again::<DeploymentBinding>("taxi").await?;
    let seen = stand.seen_since(&serving, "Drifted", drifted).await?;
    let (_, _, message) = condition(&seen, "Drifted").unwrap_or_default();
    assert!(message.contains("deployment.autoscale.maxInstances is '1' and should be '6'"), "{message}");
    stand.wait_for::<DeploymentBinding>("taxi", "in sync", |b| ready(b) && !drifted(b)).await?;
    let put_back = stand.emulator.control().resource(&id).unwrap_or_default();
    assert_eq!(put_back["properties"]["profiles"], made["properties"]["profiles"]);

    // A rollout: the new one scales before it serves, and the old one keeps scaling until it goes.
    let before = writes(&stand).len();
    let next = with(scaled("taxi-2"), taxi::steps(&[(50, "2s")]));
    stand.apply("DeploymentBinding", "taxi", with(next, json!({"strategy": {"keepPrevious": "5s"}}))).await?;
    let halfway = stand.wait_for::<DeploymentBinding>("taxi", "halfway", pausing_at(50)).await?;
    let second = status(&halfway).candidate.ok_or("no candidate")?.deployment;
    assert!(setting(&stand, &halfway, &first).is_some() && setting(&stand, &halfway, &second).is_some());
    stand
        .wait_for::<DeploymentBinding>("taxi", "alone", |b| ready(b) && status(b).deployments.len() == 1)
        .await?;
    assert_eq!(
        writes(&stand)[before..],
        [
            "PUT deployment v2",
            "PUT setting v2",
            "PUT endpoint v1=50 v2=50",
            "PUT endpoint v2=100",
            "DELETE setting v1",
            "DELETE deployment v1",
        ]
    );

    // Without autoscale the setting goes, and the count stays what Azure has made of it.
    stand.change_in_azure(&deployment(&second), &json!({"sku": {"capacity": 4}}))?;
    stand.edit::<DeploymentBinding>("taxi", json!({"online": {"deployment": {"autoscale": null}}})).await?;
    let plain = stand
        .wait_for::<DeploymentBinding>("taxi", "Ready without", |b| {
            ready(b) && status(b).autoscale.is_empty()
        })
        .await?;
    assert_eq!(stand.azure_field(&deployment(&second), "/sku/capacity"), 4);
    assert_eq!(status(&plain).stable.map(|it| it.deployment), Some(second));

    // And when everything goes, the setting goes before what it scales.
    let again = json!({"online": {"deployment": {"autoscale": {"minInstances": 1, "maxInstances": 3, "requestsPerInstance": 600}}}});
    stand.edit::<DeploymentBinding>("taxi", again).await?;
    stand
        .wait_for::<DeploymentBinding>("taxi", "Ready again", |b| ready(b) && status(b).autoscale.len() == 1)
        .await?;
    let before = writes(&stand).len();
    stand.delete_and_wait::<DeploymentBinding>("taxi").await?;
    assert_eq!(
        writes(&stand)[before..],
        ["PUT endpoint", "DELETE setting v2", "DELETE deployment v2", "DELETE endpoint"]
    );
    assert_eq!(settings(&stand), Vec::<Value>::new());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_setting_of_somebody_else_is_left_alone() -> Outcome {
    let stand = taxi::stand("autoscale-theirs").await?;
    taxi::versions(&stand, &["1", "2"]).await?;
    let first = serve(&stand, taxi::binding("taxi-1")).await?;
    make_theirs(&stand, "ada", &azure_id(&deployment(&first)));
    stand.edit::<DeploymentBinding>("taxi", json!({"online": {"deployment": {"autoscale": {"minInstances": 1, "maxInstances": 3, "cpuPercent": 50}}}})).await?;
    let message = stand.wait_reason::<DeploymentBinding>("taxi", "AutoscaleNotOurs").await?;
    assert!(message.contains("The autoscale setting ada already scales deployment"), "{message}");
    assert_eq!(settings(&stand).len(), 1, "nothing was written over it");
    assert_eq!(request(&stand, &Request::delete(&path("/ada"))).0, 200);
    stand.look_again::<DeploymentBinding>("taxi").await?;
    stand
        .wait_for::<DeploymentBinding>("taxi", "Ready", |b| ready(b) && status(b).autoscale.len() == 1)
        .await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_right_a_candidate_gets_no_traffic_and_what_serves_goes_on() -> Outcome {
    let stand = taxi::stand("autoscale-rights").await?;
    taxi::versions(&stand, &["1", "2"]).await?;
    let first = serve(&stand, taxi::binding("taxi-1")).await?;
    let deny = RightsRule {
        principal: "*".into(),
        scope: "/".into(),
        action: "Microsoft.Insights/autoscalesettings/write".into(),
        effect: RightsEffect::Deny,
    };
    stand.emulator.control().config.rights = vec![deny];
    stand.apply("DeploymentBinding", "taxi", scaled("taxi-2")).await?;
    let message = stand.wait_reason::<DeploymentBinding>("taxi", "Unauthorized").await?;
    assert!(message.contains("make the autoscale setting of deployment v2"), "{message}");
    assert_eq!(stand.azure_field(ENDPOINT, "/properties/traffic"), json!({first.clone(): 100}));
    // Going back needs none.
    stand.apply("DeploymentBinding", "taxi", taxi::binding("taxi-1")).await?;
    stand
        .wait_for::<DeploymentBinding>("taxi", "Ready with the first", |b| {
            ready(b) && status(b).phase == Some(Phase::Serving) && status(b).deployments.len() == 1
        })
        .await?;
    // With the right, the candidate rises.
    stand.emulator.control().config.rights.clear();
    let second = serve(&stand, scaled("taxi-2")).await?;
    assert_ne!(second, first);
    Ok(())
}

/// Somebody else's hand on settings.
fn request(stand: &Stand, request: &Request) -> (u16, Value) {
    let mut core = stand.emulator.control();
    let now = core.now();
    let answer = core.handle(now, &Principal::application("ada"), request);
    (answer.status, if answer.body.is_empty() { Value::Null } else { answer.value() })
}

fn path(name: &str) -> String {
    format!(
        "/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}/providers/Microsoft.Insights/autoscalesettings{name}?api-version=2022-10-01"
    )
}

fn settings(stand: &Stand) -> Vec<Value> {
    let listed = request(stand, &Request::get(&path(""))).1;
    listed["value"].as_array().cloned().unwrap_or_default()
}

fn make_theirs(stand: &Stand, name: &str, target: &str) {
    let capacity = json!({"minimum": "1", "maximum": "9", "default": "1"});
    let body = json!({"location": "eastus", "properties": {
        "targetResourceUri": target, "enabled": true, "profiles": [{"name": "theirs", "capacity": capacity, "rules": []}],
    }});
    let (status, answer) = request(stand, &Request::put(&path(&format!("/{name}")), &body));
    assert_eq!(status, 201, "{answer}");
}

/// A rename in Git: the old object goes and the new one takes over, with what Azure scales.
#[tokio::test(flavor = "multi_thread")]
async fn a_binding_that_is_renamed_hands_its_setting_over() -> Outcome {
    let stand = taxi::stand("autoscale-renamed").await?;
    taxi::versions(&stand, &["1"]).await?;
    let first = serve(&stand, scaled("taxi-1")).await?;
    let api = stand.api::<DeploymentBinding>();
    api.delete("taxi", &DeleteParams::default()).await?;
    stand.apply("DeploymentBinding", "taxi-renamed", scaled("taxi-1")).await?;
    let renamed = stand.wait_for::<DeploymentBinding>("taxi-renamed", "Ready", ready).await?;
    assert!(setting(&stand, &renamed, &first).is_some(), "{:?}", status(&renamed).autoscale);
    stand.wait_gone::<DeploymentBinding>("taxi").await?;
    assert_eq!(stand.azure_field(ENDPOINT, &format!("/properties/traffic/{first}")), 100);
    assert_eq!(
        writes(&stand).iter().filter(|it| it.contains("deployment v1")).count(),
        1,
        "{:?}",
        writes(&stand)
    );
    Ok(())
}
