//! What a file can say before anything has begun.

use std::collections::BTreeMap;

use azureml_emulator::{
    Config, Effect, FaultRule, Inferred, Limits, OperationRule, Outcome, Published, Request, ResourceSeed,
    Seed, Throttling, Time, Work,
};
use serde_json::{Value, json};

use crate::support::{
    ENDPOINT, MODEL, REGISTRY, WORKSPACE, World, deployment_body, endpoint_body, model_body, registry_body,
};

fn read(text: &str) -> Config {
    Config::from_seed_file(text).unwrap_or_else(|error| panic!("{error}:\n{text}"))
}

const FAILING: [&str; 2] = [
    r#"{"operations": [{"work": "endpointCreate", "outcome": {"fail": {"code": "Broken", "message": "No more \"quota\"."}}}]}"#,
    r#"operations:
- work: endpointCreate
  outcome:
    fail: {code: Broken, message: 'No more "quota".'}
"#,
];

#[test]
fn an_operation_fails_as_json_or_yaml_says() {
    for text in FAILING {
        let mut world = World::with(read(text));
        let made = world.put(ENDPOINT, &endpoint_body(&json!({})));
        world.pass(60.0);
        let end = world.poll(&made);
        assert_eq!(end["status"], "Failed", "{text}");
        assert_eq!(end["error"]["message"], "Broken: No more \"quota\".", "{text}\n{end}");
    }
}

/// A configuration with everything in it that is one of several things.
fn manifold() -> Vec<Config> {
    let effects = [
        Effect::Answer {
            status: 429,
            code: "Slow".into(),
            message: "Later".into(),
            headers: BTreeMap::from([("Retry-After".to_owned(), "7".to_owned())]),
        },
        Effect::Body { status: 502, content_type: "text/html".into(), body: "<html>\n</html>".into() },
        Effect::DropBefore,
        Effect::LoseAnswer,
        Effect::Cut { after: 3 },
        Effect::Delay { millis: 5 },
        Effect::Silence { after_the_deed: true },
    ];
    let outcomes = [
        Outcome::Succeed,
        Outcome::Fail { code: "ResourceNotReady".into(), message: "Crashed: \"why\"".into() },
        Outcome::Hang,
        Outcome::Vanish,
    ];
    let rule = |outcome| OperationRule {
        work: Some(Work::Publish),
        resource: "models/".into(),
        model: String::new(),
        times: None,
        outcome,
    };
    let config = |time, throttling| Config {
        time,
        throttling,
        faults: effects.clone().map(|effect| FaultRule::on("GET", "/models/", effect)).into(),
        operations: outcomes.clone().map(rule).into(),
        ..Config::default()
    };
    vec![
        config(Time::Manual, Throttling::Documented),
        config(Time::Real { scale: 60.0 }, Throttling::Custom(Limits::default())),
        Config::default(),
    ]
}

#[test]
fn what_the_control_api_shows_is_a_seed_file() {
    for config in manifold() {
        let shown: Value = json!(config);
        let yaml = serde_yaml::to_string(&shown).unwrap();
        for text in [shown.to_string(), format!("{shown:#}"), yaml] {
            assert_eq!(json!(read(&text)), shown, "{text}");
        }
    }
}

#[test]
fn the_readme_shows_a_seed_file() {
    let readme = include_str!("../../README.md");
    let (_, sample) = readme.split_once("```yaml\n").unwrap();
    let (sample, _) = sample.split_once("```").unwrap();
    let config = read(sample);
    assert_eq!((config.clients.len(), config.exists.workspaces.len()), (2, 1));
    let published = Published { ca_file: Some("issuer.pem".into()), ..Published::default() };
    assert_eq!(config.clients[1].federated[0].published, published);
    assert_eq!(config.time, Time::Real { scale: 60.0 });
    assert!(matches!(&config.faults[0].effect, Effect::Answer { status: 429, .. }));
    assert!(matches!(&config.operations[0].outcome, Outcome::Fail { .. }));
    // It begins as it says: nothing in it is refused.
    assert_eq!(World::with(config.clone()).core.seed(&config.exists), Vec::<String>::new());
}

#[test]
fn what_a_seed_names_and_cannot_be_is_told() {
    let resource = |id: &str, body: Value| ResourceSeed { id: id.to_owned(), body };
    let deployment = format!("{ENDPOINT}/deployments/blue");
    let resources = vec![
        resource(&format!("{WORKSPACE}/models/fares/versions/none"), json!({"properties": {}})),
        resource(ENDPOINT, endpoint_body(&json!({}))),
        resource(&deployment, deployment_body(&format!("{MODEL}/versions/404"))),
    ];
    let refused = World::new().core.seed(&Seed { resources, ..Seed::default() });
    assert_eq!(refused.len(), 2, "{refused:?}");
    assert!(refused[0].contains("versions/none: "), "{refused:?}");
    // The PUT was taken; only the operation knows that there is no such model.
    assert!(refused[1].starts_with(&format!("{deployment}: ResourceNotFound: ")), "{refused:?}");
}

/// A seed file in which everything is in the way of requests, by this fate of operations.
fn hindering(outcome: &str) -> Config {
    let model = |number| {
        let body = json!({"properties": {"modelUri": "https://a.example/m", "modelType": "mlflow_model"}});
        json!({"id": format!("{MODEL}/versions/{number}"), "body": body})
    };
    let deployment = |name| json!({"id": format!("{ENDPOINT}/deployments/{name}"), "body": deployment_body(&format!("{MODEL}/versions/1"))});
    let mut resources: Vec<Value> = (1..=40).map(model).collect();
    resources.push(json!({"id": REGISTRY, "body": registry_body()}));
    resources.push(json!({"id": ENDPOINT, "body": endpoint_body(&json!({}))}));
    resources.extend(["blue", "green", "red"].map(deployment));
    let limit = json!({"size": 2, "refill": 0.001});
    let limits = json!({"reads": limit, "writes": limit, "deletes": limit, "deploymentWrites": limit});
    let file = json!({
        "exists": {"resources": resources},
        "throttling": {"custom": limits},
        "rights": [{"effect": "deny"}],
        "operations": [{"outcome": serde_json::from_str::<Value>(outcome).unwrap(), "times": 1}],
        "faults": [{"effect": "dropBefore", "times": 1}],
        "operationRetention": 0,
    });
    read(&file.to_string())
}

#[test]
fn a_seed_is_made_whatever_is_in_the_way_of_requests_and_uses_none_of_it_up() {
    for outcome in [r#""vanish""#, r#""hang""#, r#"{"fail": {"code": "A", "message": "b"}}"#] {
        let config = hindering(outcome);
        let seed = config.exists.clone();
        let mut world = World::with(Config { exists: Seed::default(), ..config.clone() });
        assert_eq!(world.core.seed(&seed), Vec::<String>::new(), "{outcome}");
        let now = &world.core.config;
        assert_eq!((&now.operations, &now.faults), (&config.operations, &config.faults), "{outcome}");
        assert_eq!((&now.rights, &now.throttling), (&config.rights, &config.throttling), "{outcome}");
        assert_eq!(json!(now.durations), json!(config.durations), "{outcome}");

        world.core.clear_faults();
        assert_eq!(world.get(MODEL).status, 403, "{outcome}");
        world.core.config.rights.clear();
        let registry = world.get(REGISTRY);
        let left =
            |name: &str| registry.header_value(&format!("x-ms-ratelimit-remaining-subscription-{name}"));
        assert_eq!((left("reads"), left("global-reads")), (Some("1"), Some("29")), "{outcome}");
        let made = world.put(
            &format!("{MODEL}/versions/41"),
            &json!({"properties": {"modelUri": "https://a.example/m"}}),
        );
        let left = |name: &str| made.header_value(&format!("x-ms-ratelimit-remaining-subscription-{name}"));
        assert_eq!((left("writes"), left("global-writes")), (Some("1"), Some("29")), "{outcome}");
        let red = world.get(&format!("{ENDPOINT}/deployments/red")).value();
        assert_eq!(red["properties"]["provisioningState"], "Succeeded", "{outcome}");
    }
}

#[test]
fn lists_that_lag_show_a_seed_at_once() {
    let names = |world: &mut World, path: &str| -> Vec<String> {
        let items = world.get(path).value()["value"].as_array().unwrap().clone();
        items.iter().map(|item| item["name"].as_str().unwrap().to_owned()).collect()
    };
    let model = |number: u32| format!("{MODEL}/versions/{number}");
    for inferred in [Inferred::default(), Inferred::default().opposite()] {
        let resource = |id: &str, body: Value| ResourceSeed { id: id.to_owned(), body };
        let resources = vec![
            resource(&model(1), model_body()),
            resource(REGISTRY, registry_body()),
            resource(ENDPOINT, endpoint_body(&json!({}))),
        ];
        let exists = Seed { resources, ..Seed::default() };
        let mut world = World::with(Config { list_lag: 60.0, inferred, exists, ..Config::default() });
        let provider = WORKSPACE.trim_end_matches("/workspaces/dev");
        for (list, name) in [
            (format!("{provider}/workspaces"), "dev"),
            (format!("{provider}/registries"), "models"),
            (format!("{WORKSPACE}/jobs"), "train-1"),
            (format!("{WORKSPACE}/datastores"), "workspaceblobstore"),
            (format!("{WORKSPACE}/environments"), "serving"),
            (format!("{WORKSPACE}/models"), "fares"),
            (format!("{MODEL}/versions"), "1"),
            (format!("{WORKSPACE}/onlineEndpoints"), "fares"),
        ] {
            assert!(names(&mut world, &list).iter().any(|shown| shown == name), "{list}");
        }

        // What clients do stays behind as long as before; what a seed makes anew is not there twice. Newest first.
        let versions = format!("{MODEL}/versions");
        world.put(&model(2), &model_body());
        world.delete(&model(1));
        let seed =
            |number| Seed { resources: vec![resource(&model(number), model_body())], ..Seed::default() };
        assert_eq!(world.core.seed(&seed(3)), Vec::<String>::new());
        assert_eq!(names(&mut world, &versions), ["3", "1"]);
        assert_eq!(world.core.seed(&seed(1)), Vec::<String>::new());
        assert_eq!(names(&mut world, &versions), ["1", "3"]);
        assert_eq!(world.core.seed(&seed(2)), Vec::<String>::new());
        assert_eq!(names(&mut world, &versions), ["1", "3", "2"]);
    }
}

#[test]
fn a_mistake_is_named_with_its_line() {
    for (text, expected) in [
        ("time: manual\noperatons: []\n", "unknown field `operatons`"),
        ("operations:\n- outcome: {explode: {}}\n", "unknown variant `explode`"),
        ("operations:\n- outcome: fail\n", "outcome: invalid type: unit variant, expected struct variant"),
        ("operations:\n- outcome: {fail: {code: Broken}}\n", "missing field `message`"),
        (
            "operations:\n- outcome: {fail: {code: Broken, message: m, x: 1}}\n",
            "unknown field `x`, expected `code` or `message`",
        ),
        ("time:\n  real: {scale: 60, pace: 1}\n", "unknown field `pace`"),
        ("time:\n  real: {scale: 0}\n", "`scale` must be finite and greater than 0, not 0"),
        ("durations:\n  publish: -5\n", "`publish` must be finite and at least 0, not -5"),
        ("durations:\n  {publish: 5, plublish: 6}\n", "unknown field `plublish`"),
        ("durations:\n- 5\n", "expected an object of numbers"),
        (
            "throttling:\n  custom: {reads: {size: .inf, refill: 1}}\n",
            "`size` must be finite and at least 0, not inf",
        ),
        (
            "throttling:\n  custom: {writes: {size: 1, refill: -1}}\n",
            "`refill` must be finite and at least 0, not -1",
        ),
        ("throttling:\n  custom: {writes: {size: 1}}\n", "missing field `refill`"),
        ("faults:\n- {effect: {explode: {}}}\n", "unknown variant `explode`"),
        ("faults:\n- {effect: answer}\n", "missing field `status`"),
        ("faults:\n- {effect: {silence: {afterDeed: true}}}\n", "unknown field `afterDeed`"),
        ("faults:\n- {effect: {answer: {status: 99}}}\n", "`status` must be from 200 to 599, not 99"),
        (
            "faults:\n- {effect: dropBefore, probability: .nan}\n",
            "`probability` must be from 0 to 1, not NaN",
        ),
        ("scoring:\n- {errorRate: 10}\n", "`errorRate` must be from 0 to 1, not 10"),
    ] {
        let error = Config::from_seed_file(text).unwrap_err();
        assert!(error.contains(expected) && error.contains("line 2"), "{error}");
    }
}

#[test]
fn how_much_and_how_long_are_at_least_nothing_wherever_they_are_read() {
    let mut world = World::new();
    let before = json!(world.core.config);
    let bucket = |name: &str| format!("/throttling/custom/{name}");
    let buckets = ["reads", "writes", "deletes", "deploymentWrites"];
    let numbers = ["listLag", "operationRetention", "metricsDelay"].map(|name| format!("/{name}"));
    let durations = before["durations"].as_object().unwrap().keys().map(|name| format!("/durations/{name}"));
    let limits = buckets.iter().flat_map(|name| ["size", "refill"].map(|field| bucket(name) + "/" + field));
    let mut tried = 0;
    for path in durations.chain(limits).chain(numbers) {
        let name = path.rsplit('/').next().unwrap();
        for (number, word) in [(json!(-1), "-1"), (json!(-0.5), "-0.5"), (json!(null), "NaN")] {
            let mut config = before.clone();
            config["throttling"] = json!({"custom": Limits::default()});
            *config.pointer_mut(&path).unwrap() = number.clone();
            let expected = format!("`{name}` must be finite and at least 0, not {word}");
            let error = Config::from_seed_file(&config.to_string()).unwrap_err();
            assert!(error.contains(&expected), "{path}: {error}");
            if number.is_null() {
                // In a merge patch that is to take the field back.
                continue;
            }
            let refused = world.send(&Request::patch("/_emulator/config", &config));
            let message = refused.value()["error"]["message"].as_str().unwrap_or_default().to_owned();
            assert!(refused.status == 400 && message.contains(&expected), "{path}: {message}");
        }
        tried += 1;
    }
    assert_eq!(tried, 17 + 8 + 3);
    assert_eq!(json!(world.core.config), before);
}

#[test]
fn whole_numbers_are_within_their_bounds_wherever_they_are_read() {
    let mut world = World::new();
    let before = json!(world.core.config);
    let switches = before["inferred"].as_object().unwrap().iter().filter(|(_, position)| position.is_u64());
    let statuses = switches.map(|(name, _)| (format!("/inferred/{name}"), "400 to 599", [399, 600, 204]));
    let others = ["pageSize", "tokenLifetime"]
        .map(|name| (format!("/{name}"), "1 to 4294967295", [0, -1, 4_294_967_296_i64]));
    let fields: Vec<_> = statuses.chain(others).collect();
    assert_eq!(fields.len(), 5 + 2);
    for (path, bounds, numbers) in fields {
        let name = path.rsplit('/').next().unwrap();
        for number in numbers {
            let mut config = before.clone();
            *config.pointer_mut(&path).unwrap() = json!(number);
            let expected = format!("`{name}` must be from {bounds}, not {number}");
            let error = Config::from_seed_file(&config.to_string()).expect_err(&expected);
            assert!(error.contains(&expected), "{path}: {error}");
            let refused = world.send(&Request::patch("/_emulator/config", &config));
            let message = refused.value()["error"]["message"].as_str().unwrap_or_default().to_owned();
            assert!(refused.status == 400 && message.contains(&expected), "{path}: {message}");
        }
    }
    assert_eq!(json!(world.core.config), before);
}

#[test]
fn a_number_that_its_type_cannot_be_is_refused_by_name() {
    let mut world = World::new();
    let before = json!(world.core.config);
    let delay = json!([{"effect": {"delay": {"millis": -3}}}]);
    for (patch, path) in [
        (json!({"retryAfter": -1}), "retryAfter"),
        (json!({"tokenLifetime": -1}), "tokenLifetime"),
        (json!({"pageSize": "7"}), "pageSize"),
        (json!({"quotas": {"endpoints": -1}}), "quotas.endpoints"),
        (json!({"durations": {"publish": "5"}}), "durations.publish"),
        (json!({"inferred": {"busyStatus": "x"}}), "inferred.busyStatus"),
        (json!({"scoring": [{"latencyMillis": -1}]}), "scoring[0].latencyMillis"),
        (json!({"faults": delay}), "delay.millis"),
    ] {
        let name = path.rsplit('.').next().unwrap();
        let error = Config::from_seed_file(&patch.to_string()).unwrap_err();
        assert!(error.contains(name), "{path} in a file: {error}");
        let refused = world.send(&Request::patch("/_emulator/config", &patch));
        let message = refused.value()["error"]["message"].as_str().unwrap_or_default().to_owned();
        assert!(refused.status == 400 && message.contains(path), "{path}: {message}");
    }
    for (list, field) in [("faults", "delay.millis"), ("scoring", "latencyMillis")] {
        let rule = if list == "faults" { delay[0].clone() } else { json!({"latencyMillis": -1}) };
        let refused = world.send(&Request::post(&format!("/_emulator/{list}"), &rule)).value();
        assert!(refused["error"]["message"].as_str().unwrap().contains(field), "{refused}");
    }
    assert_eq!(json!(world.core.config), before);
}

#[test]
fn a_certificate_that_is_none_is_refused_by_name() {
    let mut world = World::new();
    let patch = json!({"clients": [{"certificates": ["-----BEGIN PRIVATE KEY-----"]}]});
    let expected = "`certificates` must be certificates in PEM, and 0 is none: ";
    let error = Config::from_seed_file(&patch.to_string()).unwrap_err();
    assert!(error.contains(expected), "{error}");
    let refused = world.send(&Request::patch("/_emulator/config", &patch));
    let message = refused.value()["error"]["message"].as_str().unwrap_or_default().to_owned();
    assert!(
        refused.status == 400 && message.contains("clients[0]") && message.contains(expected),
        "{message}"
    );
}
