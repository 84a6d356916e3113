//! The requests that the README shows for the control API do as they say.

use std::collections::BTreeSet;

use azureml_emulator::{Config, Emulator};
use reqwest::Method;
use serde_json::{Value, json};

use crate::client;

const README: &str = include_str!("../../README.md");
const DEV: &str = "/subscriptions/00000000-0000-4000-8000-000000000001/resourceGroups/ml/providers/Microsoft.MachineLearningServices/workspaces/dev";

/// What is in the README between fences of a kind.
fn shown(kind: &str) -> Vec<&'static str> {
    let begin = format!("```{kind}\n");
    README.split(&begin).skip(1).map(|block| block.split("```").next().unwrap_or_default()).collect()
}

/// What is one of several things, by name.
fn name(value: &Value) -> String {
    let field = value.as_object().and_then(|fields| fields.keys().next());
    field.cloned().unwrap_or_else(|| value.as_str().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn every_request_in_the_readme_is_taken() {
    let emulator = Emulator::start(Config::from_seed_file(shown("yaml")[0]).unwrap()).await.unwrap();
    let client = client(&emulator);
    let mut named = BTreeSet::new();
    for line in shown("http").iter().flat_map(|block| block.lines()) {
        let line = line.replace("{dev}", DEV);
        let mut words = line.splitn(3, ' ');
        let mut word = || words.next().unwrap_or_default();
        let (method, path, body) = (Method::from_bytes(word().as_bytes()).unwrap(), word(), word());
        let request = client.request(method.clone(), emulator.url() + path).body(body.to_owned());
        let answer = request.send().await.unwrap();
        assert!(answer.status().is_success(), "{line}: {}", answer.text().await.unwrap());
        let body: Value = serde_json::from_str(body).unwrap_or_default();
        named.extend(["effect", "outcome"].map(|field| name(&body[field])));
        named.insert(format!("{method} {}", path.split('?').next().unwrap()));
    }
    let effects = ["answer", "body", "cut", "delay", "dropBefore", "loseAnswer", "silence"];
    for word in effects.iter().chain(&["fail", "hang", "succeed", "vanish"]) {
        assert!(named.contains(*word), "{word}");
    }
    for (path, methods) in [
        ("", &["GET"][..]),
        ("/time", &["GET", "POST"]),
        ("/faults", &["GET", "POST", "DELETE"]),
        ("/operations", &["GET", "POST", "DELETE"]),
        ("/scoring", &["GET", "POST", "DELETE"]),
        ("/seed", &["POST"]),
        ("/jobs", &["POST"]),
        ("/missing-paths", &["POST"]),
        ("/resource", &["GET", "PATCH", "DELETE"]),
        ("/tokens/expire", &["POST"]),
        ("/tokens/revoke", &["POST"]),
        ("/config", &["GET", "PATCH"]),
        ("/log", &["GET", "DELETE"]),
    ] {
        for method in methods {
            assert!(named.contains(&format!("{method} /_emulator{path}")), "{method} {path}");
        }
    }
    assert_eq!(emulator.control().config.faults, []);
    assert_eq!(json!(emulator.control().config)["durations"]["publish"], 1.0);
}

#[tokio::test]
async fn the_seed_file_that_it_runs_with_changes_nothing() {
    let sample = shown("yaml")[0];
    let emulator = Emulator::start(Config::from_seed_file(sample).unwrap()).await.unwrap();
    let url = emulator.url() + "/_emulator/config";
    let client = client(&emulator);
    let config = async || client.get(&url).send().await.unwrap().json::<Value>().await.unwrap();
    let before = config().await;
    let written: Value = serde_yaml::from_str(sample).unwrap();
    assert_ne!(written["time"], before["time"], "60 is another word for 60.0");
    let answer = client.patch(&url).json(&written).send().await.unwrap();
    assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
    assert_eq!(config().await, before);
    assert_eq!(before["exists"]["workspaces"][0]["name"], "dev");
}
