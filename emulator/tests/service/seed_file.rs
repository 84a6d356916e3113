//! What a file can say before anything has begun.

use std::collections::BTreeMap;

use azureml_emulator::{
    Config, Effect, FaultRule, Limits, OperationRule, Outcome, Published, ResourceSeed, Seed, Throttling,
    Time, Work,
};
use serde_json::{Value, json};

use crate::support::{ENDPOINT, MODEL, WORKSPACE, World, deployment_body, endpoint_body};

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

#[test]
fn a_mistake_is_named_with_its_line() {
    for (text, expected) in [
        ("time: manual\noperatons: []\n", "unknown field `operatons`"),
        ("operations:\n- outcome: {explode: {}}\n", "unknown variant `explode`"),
        ("operations:\n- outcome: fail\n", "outcome: invalid type: unit variant, expected struct variant"),
        ("operations:\n- outcome: {fail: {code: Broken}}\n", "missing field `message`"),
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
