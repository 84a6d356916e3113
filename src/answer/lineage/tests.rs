#![allow(clippy::unwrap_used)]

use serde_json::{Value, json};

use super::*;
use crate::answer::fixtures::{
    asset, binding, deployment, key, lineage, promoted, ready, stalled, version, with,
};
use crate::answer::render::mermaid::mermaid;
use crate::answer::render::table::Style;
use crate::answer::render::tree::tree;
use crate::api::ObjectKind;

fn version_key(name: &str) -> ObjectKey {
    key(ObjectKind::ModelVersion, name)
}

/// Reads what is wanted until nothing is; what is not among the versions is missing.
fn read(root: &str, versions: &[ModelVersion], bindings: &[DeploymentBinding]) -> Option<Lineage> {
    let mut copies = Copies::default();
    for version in versions {
        copies.add(version);
    }
    let mut picture = Picture::of(version_key(root), copies, bindings.iter().map(Bound::of).collect());
    loop {
        let wanted = picture.wants();
        if wanted.is_empty() {
            return Lineage::of(&picture, vec![]);
        }
        for key in wanted {
            let found = versions.iter().find(|version| version.key() == key);
            picture.add(key, found.cloned().map_or(Seen::Missing, Seen::Found));
        }
    }
}

fn served_by(name: &str, role: &str, deployment: &str) -> Value {
    json!({"namespace": "fares", "name": name, "endpoint": "taxi-prod", "deployment": deployment, "role": role})
}

const DEV: &str = "/subscriptions/1/workspaces/fares-dev/models/taxi/versions/1";

/// A version from a job, its copy in the registry, and two bindings of that.
fn story() -> (Vec<ModelVersion>, Vec<DeploymentBinding>) {
    let copied = with(lineage(), &json!({"promotedFrom": [DEV]}));
    let versions = vec![
        version(
            "fares/taxi-1-dev",
            &json!({}),
            &json!({"id": DEV, "conditions": ready(), "lineage": lineage()}),
        ),
        promoted(
            "fares/taxi-1",
            "1",
            "taxi-1-dev",
            &json!({"conditions": ready(), "lineage": copied, "servedBy": [served_by("taxi", "Stable", "v1-aa"), served_by("hidden", "Candidate", "v1-bb")]}),
        ),
    ];
    let status = json!({"conditions": ready(), "deployments": [deployment("v1-aa", "Stable", "1", 90)]});
    let bindings = vec![
        binding("fares/taxi", "taxi-1", &status),
        binding("fares/waits", "taxi-1", &json!({"conditions": stalled("PolicyRefused", "No.")})),
    ];
    (versions, bindings)
}

#[test]
fn a_version_comes_from_its_job_and_goes_to_its_bindings() {
    let (versions, bindings) = story();
    let lineage = read("fares/taxi-1", &versions, &bindings).unwrap();
    let expected = "\
ModelVersion fares/taxi-1 (model taxi:1, in Registry ml-platform/fares-models, is Ready, origin not verified)
├─ comes from
│  └─ ModelVersion fares/taxi-1-dev (model taxi:1, in Workspace ml-platform/fares-dev, is Ready, origin not verified) — promoted
│     └─ job train-1 (experiment fares, by ada, at 2026-10-31T08:00:00Z, metric r2 0.8, metric rmse 4.10) — registered
│        ├─ data azureml://datastores/taxi/paths/2025 — input trips
│        ├─ environment sklearn:4 — ran in
│        └─ code https://git.example/fares (commit 4f2c1d9e) — ran
└─ goes to
   ├─ DeploymentBinding fares/hidden — Candidate
   ├─ DeploymentBinding fares/taxi (endpoint taxi-prod, in Workspace ml-platform/fares-prod) — Stable 90%
   └─ DeploymentBinding fares/waits (endpoint taxi-prod, in Workspace ml-platform/fares-prod) — asks for it
";
    assert_eq!(tree(lineage.graph(), Style::default()), expected);
}

#[test]
fn the_pipelines_around_a_job_are_drawn_with_their_inputs() {
    let (mut versions, bindings) = story();
    let around = json!({
        "pipelines": ["nightly-7", "weekly-2"],
        "datasets": [
            {"name": "trips", "uri": "azureml://prepared"},
            {"name": "trips", "uri": "azureml://raw", "pipeline": "weekly-2"},
            {"name": "zones", "uri": "azureml://zones", "pipeline": "unknown"},
        ],
    });
    for version in &mut versions {
        let of = version.status.as_mut().unwrap().lineage.as_mut().unwrap();
        *of = serde_json::from_value(with(serde_json::to_value(&*of).unwrap(), &around)).unwrap();
    }
    let lineage = read("fares/taxi-1", &versions, &bindings).unwrap();
    let text = tree(lineage.graph(), Style::default());
    let expected = "\
│        ├─ pipeline job nightly-7 — has it as a step
│        │  └─ pipeline job weekly-2 — has it as a step
│        │     └─ data azureml://raw — input trips
│        ├─ data azureml://prepared — input trips
│        ├─ data azureml://zones — input zones
│        ├─ environment sklearn:4 — ran in
";
    assert!(text.contains(expected), "{text}");
    let chart = mermaid(lineage.graph());
    assert!(chart.contains("pipeline job weekly-2") && chart.contains("|\"has it as a step\"|"), "{chart}");
    assert!(lineage.html().contains("weekly-2"));
    let levels: Vec<i32> = lineage.graph().nodes.iter().skip(2).take(4).map(|node| node.level).collect();
    assert_eq!(levels, [-2, -3, -4, -3], "the job, its pipelines outwards, and its own input");
}

#[test]
fn who_answers_for_a_version_is_among_its_details() {
    let (mut versions, bindings) = story();
    for version in &mut versions {
        version.spec.owner =
            Some(crate::api::VersionOwner { team: Some("fares".into()), ..Default::default() });
    }
    let lineage = read("fares/taxi-1", &versions, &bindings).unwrap();
    let told = tree(lineage.graph(), Style::default());
    assert!(told.starts_with("ModelVersion fares/taxi-1 (model taxi:1, in Registry ml-platform/fares-models, team fares, is Ready, origin not verified)"), "{told}");
}

#[test]
fn a_version_goes_to_its_copies_and_their_bindings() {
    let (versions, bindings) = story();
    let lineage = read("fares/taxi-1-dev", &versions, &bindings).unwrap();
    let text = tree(lineage.graph(), Style::default());
    let below = text.split("└─ goes to\n").nth(1).unwrap();
    assert!(below.starts_with("   └─ ModelVersion fares/taxi-1 "), "{text}");
    assert_eq!(below.matches("      ├─ DeploymentBinding").count(), 2, "{text}");
}

#[test]
fn where_the_source_is_gone_azures_own_ids_go_on() {
    let (versions, _) = story();
    let lineage = read("fares/taxi-1", &versions[1..], &[]).unwrap();
    let text = tree(lineage.graph(), Style::default());
    assert!(text.contains(&format!("└─ version in Azure {DEV} — promoted\n│     └─ job train-1")), "{text}");
    // Where not even that is known, the name in the manifest is all there is.
    let mut copy = versions[1].clone();
    copy.status.as_mut().unwrap().lineage.as_mut().unwrap().promoted_from.clear();
    let lineage = read("fares/taxi-1", &[copy], &[]).unwrap();
    let text = tree(lineage.graph(), Style::default());
    let named = "└─ ModelVersion fares/taxi-1-dev (which does not exist) — is to be promoted\n";
    assert!(text.contains(named), "{text}");
}

/// The number of the source was registered again, from a better job: that job has not made the copy.
#[test]
fn a_version_has_its_own_job_whatever_its_source_is_by_now() {
    let (mut versions, bindings) = story();
    versions[0].status.as_mut().unwrap().lineage.as_mut().unwrap().job = Some("train-9".into());
    let lineage = read("fares/taxi-1", &versions, &bindings).unwrap();
    let text = tree(lineage.graph(), Style::default());
    assert!(text.contains(&format!("└─ version in Azure {DEV} — promoted\n│     └─ job train-1 ")), "{text}");
    assert!(!text.contains("train-9"), "{text}");
}

/// Anybody may write an object that names a version as its source.
#[test]
fn what_only_names_a_version_as_its_source_was_not_promoted_from_it() {
    let (mut versions, _) = story();
    versions.push(promoted(
        "fares/hostile",
        "1",
        "taxi-1-dev",
        &json!({"conditions": stalled("OwnedByAnother", "No.")}),
    ));
    let lineage = read("fares/taxi-1-dev", &versions, &[]).unwrap();
    let text = tree(lineage.graph(), Style::default());
    let of = |name: &str| {
        text.lines().find(|line| line.contains(name)).unwrap().rsplit_once(" — ").unwrap().1.to_string()
    };
    assert_eq!(
        (of("fares/taxi-1 ").as_str(), of("fares/hostile").as_str()),
        ("promoted", "names it as its source")
    );
}

#[test]
fn a_circle_ends_and_what_is_nowhere_has_no_lineage() {
    let circle = [promoted("fares/a", "1", "b", &json!({})), promoted("fares/b", "1", "a", &json!({}))];
    let text = tree(read("fares/a", &circle, &[]).unwrap().graph(), Style::default());
    assert_eq!(text.matches("ModelVersion fares/b").count(), 2, "above and below: {text}");
    assert_eq!(read("fares/none", &circle, &[]), None);
    let alone = [version("fares/x", &json!({}), &Value::Null)];
    let text = tree(read("fares/x", &alone, &[]).unwrap().graph(), Style::default());
    assert!(
        text.contains("comes from: nothing that is known\n") && text.contains("goes to: nothing\n"),
        "{text}"
    );
}

#[test]
fn tools_get_nodes_and_arrows() {
    let (versions, bindings) = story();
    let lineage = read("fares/taxi-1", &versions, &bindings).unwrap();
    let json = serde_json::to_value(lineage.for_tools()).unwrap();
    assert_eq!(json["version"], json!({"kind": "ModelVersion", "namespace": "fares", "name": "taxi-1"}));
    let details = json!({"model": "taxi:1", "in": "Registry ml-platform/fares-models", "is": "Ready", "origin": "not verified"});
    assert_eq!(
        json["nodes"][0],
        json!({"id": 0, "kind": "ModelVersion", "name": "fares/taxi-1", "details": details})
    );
    let job = &json["nodes"][2];
    assert_eq!(
        (&job["metrics"], &job["details"]["by"]),
        (&json!({"rmse": "4.10", "r2": "0.8"}), &json!("ada"))
    );
    let arrows: Vec<String> = json["edges"]
        .as_array()
        .unwrap()
        .iter()
        .map(|edge| format!("{} > {} {}", edge["from"], edge["to"], edge["label"].as_str().unwrap()))
        .collect();
    let expected = [
        "1 > 0 promoted",
        "2 > 1 registered",
        "3 > 2 input trips",
        "4 > 2 ran in",
        "5 > 2 ran",
        "0 > 6 Candidate",
        "0 > 7 Stable 90%",
        "0 > 8 asks for it",
    ];
    assert_eq!(arrows, expected);
    let chart = mermaid(lineage.graph());
    assert!(
        chart.starts_with("flowchart LR\n  n0[\"ModelVersion fares/taxi-1<br/>model taxi:1<br/>"),
        "{chart}"
    );
    assert!(chart.contains("  n0 -->|\"Stable 90#37;\"| n7\n"), "{chart}");
}

#[test]
fn the_page_has_a_picture_and_everything_that_it_cuts() {
    let (versions, bindings) = story();
    let page = read("fares/taxi-1", &versions, &bindings).unwrap().html();
    for part in ["<svg ", "viewBox=", &asset("1").replace("azureml://registries/", ""), "4f2c1d9e", "</html>"]
    {
        assert!(page.contains(part) || part.contains("versions/1"), "{part}: {page}");
    }
    assert!(!page.contains("<script") && !page.contains("href=") && !page.contains("src="), "{page}");
}
