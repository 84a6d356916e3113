//! Autoscale settings: one for a target, whose target cannot be changed, and that outlives it.

use azureml_emulator::{Request, RightsEffect};
use http::Method;
use serde_json::{Value, json};

use crate::rights::rule;
use crate::support::{ENDPOINT, SUBSCRIPTION, World};

fn path(name: &str) -> String {
    format!(
        "/subscriptions/{SUBSCRIPTION}/resourcegroups/ml/providers/Microsoft.Insights/autoscalesettings{name}"
    )
}

fn body(deployment: &str, step: &str) -> Value {
    let id = format!("{ENDPOINT}/deployments/{deployment}");
    json!({"location": "eastus", "properties": {"enabled": true, "targetResourceUri": id, "profiles": [{
        "name": "default", "capacity": {"minimum": "2", "maximum": "5", "default": "2"},
        "rules": [{
            "metricTrigger": {"metricName": "CpuUtilizationPercentage", "metricResourceUri": id, "timeGrain": "PT1M",
                "statistic": "Average", "timeWindow": "PT5M", "timeAggregation": "Average", "operator": "GreaterThan",
                "threshold": 70},
            "scaleAction": {"direction": "Increase", "type": "ChangeCount", "value": step, "cooldown": "PT5M"},
        }],
    }]}})
}

fn ask(world: &mut World, method: Method, name: &str, body: Option<&Value>) -> (u16, Value) {
    let request = Request::new(method, &format!("{}?api-version=2022-10-01", path(name)));
    let request = match body {
        Some(body) => request.json(body),
        None => request,
    };
    // Nothing that we have documents the answers, so they are not held against the contract.
    let answer = world.core.handle(world.now, &world.principal.clone(), &request);
    (answer.status, if answer.body.is_empty() { Value::Null } else { answer.value() })
}

fn put(world: &mut World, name: &str, body: &Value) -> (u16, Value) {
    ask(world, Method::PUT, name, Some(body))
}

fn served() -> World {
    let mut world = World::new();
    world.serve(&["blue", "green"]);
    world
}

#[test]
fn a_setting_is_made_read_listed_changed_and_deleted() {
    let mut world = served();
    assert_eq!(ask(&mut world, Method::GET, "/blue", None).0, 404);
    let (status, made) = put(&mut world, "/blue", &body("blue", "1"));
    assert_eq!((status, &made["properties"]["name"], &made["tags"]), (201, &json!("blue"), &json!({})));
    assert!(made["id"].as_str().unwrap().ends_with("/providers/microsoft.insights/autoscalesettings/blue"));
    let mut changed = body("blue", "3");
    changed["tags"] = json!({"team": "fares"});
    assert_eq!(put(&mut world, "/BLUE", &changed).0, 200);
    let listed = ask(&mut world, Method::GET, "", None).1;
    let of: Vec<_> = listed["value"].as_array().unwrap().iter().map(|it| &it["tags"]["team"]).collect();
    assert_eq!(of, [&json!("fares")]);
    assert_eq!(ask(&mut world, Method::DELETE, "/blue", None), (200, Value::Null));
    assert_eq!(ask(&mut world, Method::DELETE, "/blue", None), (204, Value::Null));
}

#[test]
fn a_target_has_one_setting_and_a_setting_one_target() {
    let mut world = served();
    assert_eq!(put(&mut world, "/one", &body("blue", "1")).0, 201);
    let refused =
        |(status, body): (u16, Value)| (status, body["code"].as_str().unwrap_or_default().to_owned());
    assert_eq!(refused(put(&mut world, "/two", &body("blue", "1"))), (409, "Conflict".into()));
    assert_eq!(
        refused(put(&mut world, "/one", &body("green", "1"))),
        (400, "TargetResourceIdIsImmutable".into())
    );
    assert_eq!(refused(put(&mut world, "/red", &body("red", "1"))), (404, "TargetResourceNotFound".into()));
    assert_eq!(refused(put(&mut world, "/green", &body("green", "4"))), (400, "InvalidActionValue".into()));
    let mut numbers = body("green", "1");
    numbers["properties"]["profiles"][0]["capacity"]["minimum"] = json!(2);
    assert_eq!(refused(put(&mut world, "/green", &numbers)), (400, "UnsupportedRequestContent".into()));
    let mut unknown = body("green", "1");
    unknown["properties"]["profiles"][0]["rules"][0]["metricTrigger"]["metricName"] = json!("Load");
    assert_eq!(refused(put(&mut world, "/green", &unknown)), (400, "UnsupportedMetric".into()));
}

#[test]
fn a_setting_outlives_its_target() {
    let mut world = served();
    assert_eq!(put(&mut world, "/blue", &body("blue", "1")).0, 201);
    let answer = world.delete(&format!("{ENDPOINT}/deployments/blue"));
    assert!(answer.status < 300, "{}", answer.value());
    world.pass(200.0);
    assert_eq!(world.get(&format!("{ENDPOINT}/deployments/blue")).status, 404);
    assert_eq!(ask(&mut world, Method::GET, "/blue", None).0, 200);
}

#[test]
fn whoever_writes_settings_needs_the_right_to() {
    let mut world = served();
    let group = format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/ml");
    let denied = rule(RightsEffect::Deny, &group, "Microsoft.Insights/autoscalesettings/write");
    world.core.config.rights = vec![denied];
    let (status, body) = put(&mut world, "/blue", &body("blue", "1"));
    assert_eq!((status, &body["error"]["code"]), (403, &json!("AuthorizationFailed")));
    assert_eq!(ask(&mut world, Method::GET, "", None).0, 200);
}
