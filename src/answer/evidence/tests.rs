#![allow(clippy::unwrap_used)]

use serde_json::{Value, json};

use super::*;
use crate::answer::fixtures::{asset, binding, deployment, promoted, ready, said, version, with, workspace};
use crate::answer::render::document::{in_html, in_markdown};

fn ended(revision: &str, number: &str, outcome: &str) -> Value {
    json!({"revision": revision, "version": number, "outcome": outcome, "startedAt": "2026-11-03T00:00:00Z", "finishedAt": "2026-11-03T00:20:00Z"})
}

/// Version 2 serves and version 1 did before; the patch says what differs in the binding's status.
fn picture(status: &Value) -> Picture {
    let serves = json!({
        "conditions": [
            said("Ready", "True", "Succeeded", "taxi:2 serves."),
            said("Admitted", "True", "Succeeded", "The policy of Workspace fares-prod lets taxi:2 serve."),
        ],
        "stable": {"deployment": "v2-bb", "revision": "bb", "version": "2", "assetId": asset("2"), "since": "2026-11-03T00:20:00Z"},
        "deployments": [deployment("v2-bb", "Stable", "2", 100)],
        "history": [ended("bb", "2", "Promoted"), ended("cc", "3", "Failed"), ended("aa", "1", "Promoted")],
        "endpoint": {"id": "/x", "scoringUri": "https://taxi.example/score"},
    });
    let policy = json!({"tier": "production", "policy": {
        "lineage": {"require": "Named"},
        "sources": [{"name": "released", "registryRef": {"name": "fares-models"}, "models": ["taxi", "nyc-*"]}, {"name": "own", "thisWorkspace": {}}],
    }});
    let fine = json!({"conditions": ready()});
    Picture {
        binding: binding("fares/taxi", "taxi-2", &with(serves, status)),
        workspace: Seen::Found(workspace("ml-platform/fares-prod", &policy, &fine)),
        versions: vec![
            promoted("fares/taxi-1", "1", "taxi-1-dev", &fine),
            promoted("fares/taxi-2", "2", "taxi-2-dev", &fine),
        ],
        not_read: vec![],
        now: "2026-11-29T12:00:00Z".parse().unwrap(),
    }
}

#[test]
fn the_page_says_what_a_release_ticket_asks() {
    let page = in_markdown(&document(&Evidence::of(&picture(&json!({})))));
    let expected = "\
# DeploymentBinding fares/taxi: evidence of 2026-11-29T12:00:00Z

## What serves

- Endpoint: taxi-prod
- Workspace: Workspace ml-platform/fares-prod (tier production)
- Address: https://taxi.example/score
- The manifest asks for: ModelVersion fares/taxi-2
- Ready: True (Succeeded)
- Because: taxi:2 serves.

| deployment | role | traffic | version | asset | since | instances | state |
| --- | --- | --- | --- | --- | --- | --- | --- |
| v2-bb | Stable | 100% | fares/taxi-2 | azureml://registries/fares-models/models/taxi/versions/2 | 2026-11-03T00:00:00Z | 1 | Succeeded |

## Why it may serve

- Admitted: True (Succeeded)
- Since: 2026-11-02T00:00:00Z
- Because: The policy of Workspace fares-prod lets taxi:2 serve.

| policy | value |
| --- | --- |
| lineage.require | Named |
| sources\\[own\\].thisWorkspace | {} |
| sources\\[released\\].models | taxi, nyc-\\* |
| sources\\[released\\].registryRef.name | fares-models |

## How it was made and measured

- Version: fares/taxi-2
- Job: train-1
- Experiment: fares
- Run: run-1
- Trained by: ada
- Environment: sklearn:4
- Repository: https://git.example/fares
- Commit: 4f2c1d9e
- Uncommitted changes: no
- Data trips: azureml://datastores/taxi/paths/2025

| metric | value |
| --- | --- |
| r2 | 0.8 |
| rmse | 4.10 |

## What it replaced

| revision | version | object | outcome | started | finished | reason | message |
| --- | --- | --- | --- | --- | --- | --- | --- |
| bb | 2 | fares/taxi-2 | Promoted | 2026-11-03T00:00:00Z | 2026-11-03T00:20:00Z |  |  |
| cc | 3 |  | Failed | 2026-11-03T00:00:00Z | 2026-11-03T00:20:00Z |  |  |
| aa | 1 | fares/taxi-1 | Promoted | 2026-11-03T00:00:00Z | 2026-11-03T00:20:00Z |  |  |

## How to go back

Version 1 served before. Its deployment is gone: naming it again makes a new one, which takes the steps of the strategy and as long as Azure needs.

Revert the change in Git. Where no GitOps tool would put it back, this command does the same:

    kubectl patch deploymentbinding taxi --namespace fares --type merge --patch '{\"spec\":{\"model\":{\"versionRef\":{\"name\":\"taxi-1\"}}}}'
";
    assert_eq!(page, expected);
    let html = in_html(&document(&Evidence::of(&picture(&json!({})))));
    assert!(html.contains("<h2>How to go back</h2>") && html.contains("<td>fares/taxi-2</td>"), "{html}");
}

#[test]
fn the_way_back_is_the_one_that_there_is() {
    let going_back = |picture: &Picture| {
        let back = Evidence::of(picture).going_back;
        (back.how.first().cloned().unwrap_or_default(), back.command.unwrap_or_default())
    };
    let to = |name: &str, command: &str| command.contains(&format!("{{\"name\":\"{name}\"}}"));
    // The previous deployment is still there.
    let warm = json!({"deployments": [deployment("v1-aa", "Previous", "1", 0), deployment("v2-bb", "Stable", "2", 100)]});
    let (how, command) = going_back(&picture(&warm));
    assert!(
        how.starts_with("v1-aa served before and is still there") && to("taxi-1", &command),
        "{how} {command}"
    );
    // A rollout goes on: back is what is stable.
    let candidate = json!({"candidate": {"deployment": "v3-cc", "revision": "cc", "weight": 10, "startedAt": "2026-11-29T00:00:00Z", "since": "2026-11-29T00:00:00Z"}});
    let (how, command) = going_back(&picture(&candidate));
    assert!(how.starts_with("The rollout of v3-cc goes on") && to("taxi-2", &command), "{how} {command}");
    // The object of the version before is nowhere to be read: no command is made up.
    let mut alone = picture(&json!({}));
    alone.versions.remove(0);
    let (how, command) = going_back(&alone);
    assert!(how.starts_with("Version 1 served before") && command.is_empty(), "{how} {command}");
    // The first version of all.
    let first = json!({"history": [ended("bb", "2", "Promoted")]});
    let (how, command) = going_back(&picture(&first));
    assert!(how.starts_with("Nothing that is known served before") && command.is_empty(), "{how} {command}");
    // A version of another namespace is named with it.
    let mut other = picture(&warm);
    other.versions[0] = promoted("shared/taxi-1", "1", "x", &json!({}));
    let (_, command) = going_back(&other);
    assert!(command.contains(r#""namespace":"shared""#), "{command}");
}

#[test]
fn what_could_not_be_read_is_said_and_not_guessed() {
    let mut picture = picture(&json!({}));
    picture.workspace = Seen::Withheld("You may not read Workspace ml-platform/fares-prod.".into());
    picture.versions.clear();
    let evidence = Evidence::of(&picture);
    assert_eq!(evidence.not_read(), ["You may not read Workspace ml-platform/fares-prod."]);
    let page = in_markdown(&document(&evidence));
    for part in [
        "> **Not read:** You may not read Workspace ml-platform/fares-prod.\n",
        "The workspace could not be read, so its policy is not shown.",
        "Nothing is known of the training of what serves",
        "| v2-bb | Stable | 100% |  | azureml://",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert!(!page.contains("tier"), "{page}");
    picture.binding.status = None;
    let page = in_markdown(&document(&Evidence::of(&picture)));
    assert!(page.contains("Nothing serves.") && page.contains("has not said whether"), "{page}");
}

#[test]
fn only_versions_of_its_own_model_concern_a_binding() {
    let picture = picture(&json!({}));
    let concerned = |version: &ModelVersion| concerns(&picture.binding, version);
    assert!(picture.versions.iter().all(concerned));
    let other = json!({"assetId": "azureml://registries/fares-models/models/other/versions/2"});
    assert!(!concerned(&version("fares/other", &json!({"model": "other"}), &other)));
    assert!(!concerned(&version("fares/new", &json!({}), &Value::Null)));
    assert!(concerned(&version("fares/taxi-2", &json!({}), &Value::Null)), "the manifest names it");
}

#[test]
fn tools_get_the_same() {
    let json = serde_json::to_value(Evidence::of(&picture(&json!({})))).unwrap();
    assert_eq!(json["kind"], "Evidence");
    assert_eq!(json["deployments"][0]["version"]["name"], "taxi-2");
    assert_eq!(json["admission"]["policy"]["lineage.require"], "Named");
    assert_eq!(json["history"][2]["object"]["name"], "taxi-1");
    assert_eq!(json["training"]["metrics"]["rmse"], "4.10");
}
