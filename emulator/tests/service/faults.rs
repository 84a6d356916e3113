//! Faults by rule, foreign changes, the log.

use azureml_emulator::{Delivery, Effect, FaultRule, OperationRule, Outcome, Request};
use serde_json::{Value, json};

use crate::support::{ENDPOINT, MODEL, REGISTRY, WORKSPACE, World, endpoint_body, model_body, registry_body};

#[test]
fn the_nth_matching_request_is_struck() {
    let mut world = World::new();
    let answer = Effect::Answer {
        status: 503,
        code: "ServerBusy".into(),
        message: "later".into(),
        headers: [("Retry-After".to_owned(), "3".to_owned())].into(),
    };
    world.core.add_fault(FaultRule::on("GET", "/workspaces/dev?", answer).skip(1).times(1));
    let statuses: Vec<u16> = (0..3).map(|_| world.get(WORKSPACE).status).collect();
    assert_eq!(statuses, [200, 503, 200]);
}

#[test]
fn an_answer_can_be_lost_after_the_deed() {
    let mut world = World::new();
    world.core.add_fault(FaultRule::on("PUT", "/models/fares/versions/1", Effect::LoseAnswer).times(1));
    let version = format!("{MODEL}/versions/1");
    assert_eq!(world.put(&version, &model_body()).delivery, Delivery::Dropped);
    assert_eq!(world.get(&version).status, 200);
}

#[test]
fn a_request_can_be_lost_before_the_deed() {
    let mut world = World::new();
    world.core.add_fault(FaultRule::on("PUT", "", Effect::DropBefore).times(1));
    let version = format!("{MODEL}/versions/1");
    assert_eq!(world.put(&version, &model_body()).delivery, Delivery::Dropped);
    assert_eq!(world.get(&version).status, 404);
}

#[test]
fn a_proxy_can_answer_with_a_page() {
    let mut world = World::new();
    let page = Effect::Body {
        status: 502,
        content_type: "text/html".into(),
        body: "<html>Bad gateway</html>".into(),
    };
    world.core.add_fault(FaultRule::on("GET", "", page));
    let answer = world.get(WORKSPACE);
    assert_eq!((answer.status, answer.header_value("Content-Type")), (502, Some("text/html")));
    world.core.clear_faults();
    assert_eq!(world.get(WORKSPACE).status, 200);
}

#[test]
fn probabilities_are_kept_and_the_seed_decides() {
    let run = || {
        let mut world = World::new();
        let busy =
            Effect::Answer { status: 500, code: String::new(), message: String::new(), headers: [].into() };
        world.core.add_fault(FaultRule { probability: 0.3, ..FaultRule::on("GET", "", busy) });
        (0..200).map(|_| world.get(WORKSPACE).status).collect::<Vec<_>>()
    };
    let struck = run().iter().filter(|status| **status == 500).count();
    assert!((35..85).contains(&struck), "{struck}");
    assert_eq!(run(), run());
}

#[test]
fn an_operation_can_hang_or_vanish() {
    let mut world = World::new();
    let rule = |outcome| OperationRule {
        work: None,
        resource: "onlineEndpoints".into(),
        model: String::new(),
        times: Some(1),
        outcome,
    };
    world.core.add_operation_rule(rule(Outcome::Hang));
    let hanging = world.put(ENDPOINT, &endpoint_body(&json!({})));
    world.pass(86_400.0);
    assert_eq!(world.poll(&hanging)["status"], "Updating");

    let mut world = World::new();
    world.core.add_operation_rule(rule(Outcome::Vanish));
    let vanished = world.put(ENDPOINT, &endpoint_body(&json!({})));
    let url = vanished.header_value("Azure-AsyncOperation").unwrap().to_owned();
    assert_eq!(world.follow(&url).status, 404);
    world.pass(51.0);
    assert_eq!(world.get(ENDPOINT).value()["properties"]["provisioningState"], "Succeeded");
}

#[test]
fn somebody_else_changes_what_we_made() {
    let mut world = World::new();
    let version = format!("{MODEL}/versions/1");
    world.put(&version, &model_body());
    assert!(
        world.core.change_resource(&version, &json!({"properties": {"tags": {"t": null, "theirs": "x"}}}))
    );
    assert_eq!(world.get(&version).value()["properties"]["tags"], json!({"theirs": "x"}));
    assert!(world.core.remove_resource(&version));
    assert_eq!(world.get(&version).status, 404);
    assert!(!world.core.remove_resource(&version));
}

#[test]
fn the_log_names_principal_verdict_and_fault_and_counts() {
    let mut world = World::new();
    let id = world.core.add_fault(FaultRule::on("GET", "/jobs", Effect::DropBefore));
    world.get(WORKSPACE);
    world.put(&format!("{MODEL}/versions/1"), &model_body());
    world.get(&format!("{WORKSPACE}/jobs"));
    let entries: Vec<_> = world.core.log().cloned().collect();
    let seen: Vec<_> = entries
        .iter()
        .map(|entry| (entry.method.as_str(), entry.status, entry.fault, entry.answered))
        .collect();
    assert_eq!(seen, [("GET", 200, None, true), ("PUT", 201, None, true), ("GET", 0, Some(id), false)]);
    assert_eq!(entries[0].principal, "bindery");
    assert_eq!(entries[0].api_version.as_deref(), Some("2025-09-01"));
    let counts = world.core.request_counts()["bindery"];
    assert_eq!((counts.reads, counts.writes), (2, 1));
    world.core.clear_log();
    assert_eq!(world.core.log().count(), 0);
}

#[test]
fn the_control_paths_do_what_the_methods_do() {
    let mut world = World::new();
    let mut control = |request: Request| {
        let answer = world.send(&request);
        (answer.status, answer.value())
    };
    let rule = json!({"method": "GET", "path": "/workspaces", "times": 1, "effect": {"answer": {"status": 500, "code": "Boom"}}});
    assert_eq!(control(Request::post("/_emulator/faults", &rule)), (201, json!({"id": 1})));
    assert_eq!(control(Request::get("/_emulator/faults")).1[0]["effect"]["answer"]["code"], "Boom");
    assert_eq!(control(Request::post("/_emulator/faults", &json!({"what": 1}))).0, 400);
    assert_eq!(control(Request::delete("/_emulator/faults")).0, 200);
    let patch = json!({"durations": {"publish": 1.0}, "inferred": {"busyStatus": 400}});
    assert_eq!(control(Request::patch("/_emulator/config", &patch)).0, 200);
    assert_eq!(control(Request::get("/_emulator/config")).1["inferred"]["busyStatus"], 400);
    let seed = json!({"resources": [{"id": format!("{MODEL}/versions/1"), "body": model_body()}]});
    assert_eq!(control(Request::post("/_emulator/seed", &seed)).0, 200);
    let resource = format!("/_emulator/resource?id={MODEL}/versions/1");
    assert_eq!(control(Request::get(&resource)).1["name"], "1");
    assert_eq!(control(Request::patch(&resource, &json!({"properties": {"stage": "Archived"}}))).0, 200);
    assert_eq!(control(Request::delete(&resource)).0, 200);
    assert_eq!(control(Request::get(&resource)).0, 404);
    let job = json!({"workspace": WORKSPACE, "job": {"name": "train-9", "metrics": {"rmse": 1.0}}});
    assert_eq!(control(Request::post("/_emulator/jobs", &job)).0, 200);
    assert_eq!(control(Request::get("/_emulator/nothing")).0, 404);
    assert_eq!(world.core.config.durations.publish.to_string(), "1");
}

#[test]
fn a_fault_that_cannot_be_is_refused_by_its_fields_name() {
    let mut world = World::new();
    for (rule, why) in [
        (json!({"effect": {"answer": {"status": 99}}}), "`status` must be from 200 to 599, not 99"),
        (json!({"effect": {"answer": {"status": 100_000}}}), "`status` must be from 200 to 599, not 100000"),
        (
            json!({"effect": {"body": {"status": -1, "contentType": "text/html", "body": ""}}}),
            "`status` must be from 200 to 599, not -1",
        ),
        (json!({"effect": "dropBefore", "probability": 7}), "`probability` must be from 0 to 1, not 7"),
        (json!({"effect": "dropBefore", "probability": -0.5}), "`probability` must be from 0 to 1, not -0.5"),
        (json!({"effect": "cut"}), "missing field `after`"),
        (
            json!({"effect": {"answer": {"status": 429, "headers": {"a b": "c"}}}}),
            "`headers` cannot have one named \"a b\"",
        ),
        (
            json!({"effect": {"answer": {"status": 429, "headers": {"": "c"}}}}),
            "`headers` cannot have one named \"\"",
        ),
        (
            json!({"effect": {"answer": {"status": 429, "headers": {"Retry-After": "7\r\nx: y"}}}}),
            "`Retry-After` of `headers` cannot be \"7\\r\\nx: y\"",
        ),
        (
            json!({"effect": {"answer": {"status": 429, "headers": {"content-Length": "3"}}}}),
            "`headers` cannot have `content-Length`, which follows from the body",
        ),
        (
            json!({"effect": {"answer": {"status": 429, "headers": {"Transfer-Encoding": "chunked"}}}}),
            "`headers` cannot have `Transfer-Encoding`, which follows from the body",
        ),
        (
            json!({"effect": {"answer": {"status": 429, "headers": {"RETRY-AFTER": "7", "retry-after": "8"}}}}),
            "`headers` cannot have both `RETRY-AFTER` and `retry-after`",
        ),
        (
            json!({"effect": {"body": {"status": 502, "contentType": "text/html\n", "body": ""}}}),
            "`contentType` cannot be \"text/html\\n\"",
        ),
    ] {
        let added = world.send(&Request::post("/_emulator/faults", &rule));
        let message = added.value()["error"]["message"].as_str().unwrap_or_default().to_owned();
        assert!(added.status == 400 && message.contains(why), "{rule}: {message}");
        let patch = Request::patch("/_emulator/config", &json!({"faults": [rule]}));
        assert_eq!(world.send(&patch).status, 400);
    }
    assert!(world.core.config.faults.is_empty());
    let scoring = Request::post("/_emulator/scoring", &json!({"status": 1000}));
    assert_eq!(world.send(&scoring).status, 400);
}

#[test]
fn what_counts_only_at_the_start_is_not_changed_later() {
    let mut world = World::new();
    let before = world.send(&Request::get("/_emulator/config")).value();
    for (field, other) in [
        ("seed", json!(7)),
        ("port", json!(7)),
        ("plainHttp", json!(true)),
        ("time", json!("manual")),
        ("exists", json!({"subscriptions": {"s2": []}})),
    ] {
        let refused = world.send(&Request::patch("/_emulator/config", &json!({field: other, "pageSize": 7})));
        let message = refused.value()["error"]["message"].as_str().unwrap_or_default().to_owned();
        assert!(refused.status == 400 && message.starts_with(&format!("`{field}` cannot be")), "{message}");
        let same = json!({field: before[field]});
        assert_eq!(world.send(&Request::patch("/_emulator/config", &same)).status, 200, "{field}");
    }
    assert_eq!(world.send(&Request::get("/_emulator/config")).value(), before);
}

#[test]
fn a_change_of_the_configuration_is_an_object_of_its_fields() {
    let mut world = World::new();
    let before = json!(world.core.config);
    let mut refusal = |patch: Value| world.core.configure(&patch).unwrap_err();
    for patch in [json!([]), json!("x"), json!(5), json!(null)] {
        let why = format!("A change of the configuration must be an object, not {patch}.");
        assert_eq!(refusal(patch), why);
    }
    assert!(refusal(json!({"sed": 1, "seed": 1})).contains("unknown field `sed`"));
    assert!(refusal(json!({"seed": "one"})).contains("invalid type: string \"one\""));
    assert_eq!(json!(world.core.config), before);
}

#[test]
fn what_the_control_paths_take_is_an_object() {
    let mut world = World::new();
    let version = format!("{MODEL}/versions/1");
    world.put(&version, &model_body());
    let before = (json!(world.core.config), world.core.resource(&version));
    let resource = format!("resource?id={version}");
    for (method, path) in [
        ("POST", "faults"),
        ("POST", "operations"),
        ("POST", "scoring"),
        ("POST", "seed"),
        ("POST", "jobs"),
        ("POST", "missing-paths"),
        ("PATCH", "config"),
        ("PATCH", &resource),
    ] {
        for body in [json!([]), json!(["x"]), json!("x"), json!(null)] {
            let method = method.parse().unwrap();
            let request = Request::new(method, &format!("/_emulator/{path}")).json(&body);
            let refused = world.send(&request);
            let expected = format!("The body must be an object, not {body}.");
            assert_eq!(
                (refused.status, &refused.value()["error"]["message"]),
                (400, &json!(expected)),
                "{path}"
            );
        }
    }
    assert_eq!((json!(world.core.config), world.core.resource(&version)), before);
}

#[test]
fn silence_is_a_word_or_has_a_field() {
    let mut world = World::new();
    let version = format!("{MODEL}/versions/1");
    for (effect, done) in [
        (json!("silence"), 404),
        (json!({"silence": {}}), 404),
        (json!({"silence": {"afterTheDeed": true}}), 200),
    ] {
        let rule = json!({"method": "PUT", "times": 1, "effect": effect});
        assert_eq!(world.send(&Request::post("/_emulator/faults", &rule)).status, 201, "{rule}");
        assert_eq!(world.put(&version, &model_body()).delivery, Delivery::Never);
        assert_eq!(world.get(&version).status, done, "{rule}");
    }
}

#[test]
fn what_could_not_be_deleted_says_that_it_failed() {
    let mut world = World::new();
    world.settle_put(REGISTRY, &registry_body());
    let version = format!("{REGISTRY}/models/fares/versions/1");
    world.settle_put(
        &version,
        &json!({"properties": {"modelUri": "https://a.example/m", "modelType": "custom_model"}}),
    );
    let endpoint = format!("{WORKSPACE}/batchEndpoints/nightly");
    let body = json!({"location": "eastus", "properties": {"authMode": "AADToken"}});
    world.settle_put(&endpoint, &body);
    let deployment = format!("{endpoint}/deployments/first");
    world.settle_put(&deployment, &json!({"location": "eastus", "properties": {"compute": "c"}}));
    for path in [version, deployment, endpoint] {
        world.core.add_operation_rule(OperationRule {
            work: None,
            resource: String::new(),
            model: String::new(),
            times: Some(1),
            outcome: Outcome::Fail { code: "InternalError".into(), message: "no".into() },
        });
        let answer = world.delete(&path);
        world.pass(200.0);
        assert_eq!(world.poll(&answer)["status"], "Failed", "{path}");
        assert_eq!(world.get(&path).value()["properties"]["provisioningState"], "Failed", "{path}");
        world.delete(&path);
        world.pass(200.0);
        assert_eq!(world.get(&path).status, 404, "{path}");
        if path.contains("batch") {
            continue;
        }
        assert_eq!(world.put(&path, &json!({"properties": {"modelUri": "https://a.example/m"}})).status, 400);
    }
}
