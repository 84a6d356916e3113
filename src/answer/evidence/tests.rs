#![allow(clippy::unwrap_used)]

use serde_json::{Value, json};

use super::*;
use crate::answer::fixtures::{
    asset, binding, deployment, lineage, promoted, ready, said, version, with, workspace,
};
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
    let mut second = promoted("fares/taxi-2", "2", "taxi-2-dev", &fine);
    let owner = json!({"team": "fares", "contact": "#fares", "costCenter": "4711"});
    second.spec.owner = serde_json::from_value(owner).unwrap();
    second.spec.retirement = serde_json::from_value(json!({"at": "2026-12-31T00:00:00Z"})).unwrap();
    Picture {
        binding: binding("fares/taxi", "taxi-2", &with(serves, status)),
        workspace: Seen::Found(workspace("ml-platform/fares-prod", &policy, &fine)),
        versions: vec![promoted("fares/taxi-1", "1", "taxi-1-dev", &fine), second],
        approvals: vec![],
        listed: BTreeSet::from(["model-risk".to_string()]),
        not_read: vec![],
        now: "2026-11-29T12:00:00Z".parse().unwrap(),
    }
}

#[test]
fn what_has_no_traffic_is_named_with_what_it_holds() {
    let failed = deployment("v3-cc", "Failed", "3", 0);
    let all = json!({"deployments": [deployment("v2-bb", "Stable", "2", 100), failed]});
    let page = in_markdown(&document(&Evidence::of(&picture(&all))));
    let said = "Without traffic: v3-cc (Failed, instances: 1, since 2026-11-03T00:00:00Z).";
    assert!(page.contains(said), "{page}");
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

| deployment | role | traffic | version | asset | since | instances | state | owner | retirement |
| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |
| v2-bb | Stable | 100% | fares/taxi-2 | azureml://registries/fares-models/models/taxi/versions/2 | 2026-11-03T00:00:00Z | 1 | Succeeded | fares, \\#fares, cost center 4711 | 2026-12-31T00:00:00Z |

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
- Verified by Azure: no
- Experiment: fares
- Run: run-1
- Trained by: ada
- Trained at: 2026-10-31T08:00:00Z
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

| revision | version | object | outcome | started | finished | reason | message | waived | actions | skipped |
| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |
| bb | 2 | fares/taxi-2 | Promoted | 2026-11-03T00:00:00Z | 2026-11-03T00:20:00Z |  |  |  |  |  |
| cc | 3 |  | Failed | 2026-11-03T00:00:00Z | 2026-11-03T00:20:00Z |  |  |  |  |  |
| aa | 1 | fares/taxi-1 | Promoted | 2026-11-03T00:00:00Z | 2026-11-03T00:20:00Z |  |  |  |  |  |

## How to go back

Version 1 served before, and its deployment is gone. When the manifest asks for it again, a new one is made, which takes as long as Azure needs. If spec.online.deployment is as it was then, the new one takes no steps (spec.strategy.rollbackWindow). Change the manifest in Git; where no GitOps tool would put it back, this command does the same:

    kubectl patch deploymentbinding taxi --namespace fares --type merge --patch '{\"spec\":{\"model\":{\"versionRef\":{\"name\":\"taxi-1\"}}}}'
";
    assert_eq!(page, expected);
    let html = in_html(&document(&Evidence::of(&picture(&json!({})))));
    assert!(html.contains("<h2>How to go back</h2>") && html.contains("<td>fares/taxi-2</td>"), "{html}");
}

#[test]
fn the_ways_back_are_those_that_there_are() {
    let ways = |picture: &Picture| -> Vec<(String, Option<String>)> {
        Evidence::of(picture).going_back.into_iter().map(|way| (way.how, way.command)).collect()
    };
    let to = |name: &str, command: &Option<String>| {
        command.as_ref().is_some_and(|it| it.contains(&format!("{{\"name\":\"{name}\"}}")))
    };
    // The previous deployment is still there.
    let warm = json!({"deployments": [deployment("v1-aa", "Previous", "1", 0), deployment("v2-bb", "Stable", "2", 100)]});
    let all = ways(&picture(&warm));
    assert!(all.len() == 1 && all[0].0.starts_with("v1-aa served before and is still there"), "{all:?}");
    assert!(to("taxi-1", &all[0].1), "{all:?}");
    // Somebody rolled back from it: it takes the steps, and while it is held back only a release brings it.
    let back = json!({"deployments": warm["deployments"], "history": [ended("bb", "2", "RolledBack"), ended("aa", "1", "Promoted")]});
    let all = ways(&picture(&back));
    assert!(all[0].0.ends_with("it takes the steps, because somebody rolled back from it."), "{all:?}");
    let mut held = back;
    held["hold"] = json!({"revision": "aa", "toRevision": "bb", "since": "2026-11-29T00:00:00Z"});
    let all = ways(&picture(&held));
    assert_eq!(all[0].1.as_deref(), Some("bindery release taxi --namespace fares"));
    // A rollout goes on: back is first of all what is stable.
    let candidate = json!({"candidate": {"deployment": "v3-cc", "revision": "cc", "weight": 10, "startedAt": "2026-11-29T00:00:00Z", "since": "2026-11-29T00:00:00Z"}});
    let mut rolling = picture(&candidate);
    rolling.binding.spec.model.version_ref.name = "taxi-3".into();
    let all = ways(&rolling);
    assert!(all.len() == 2 && all[0].0.ends_with("the traffic of v3-cc is taken back."), "{all:?}");
    assert!(to("taxi-2", &all[0].1) && to("taxi-1", &all[1].1), "{all:?}");
    // The same version with another deployment rolls out: no other version has to be named.
    let all = ways(&picture(&candidate));
    assert!(all[0].0.ends_with("is taken back.") && all[0].1.is_none(), "{all:?}");
    // What the manifest asks for has failed.
    let mut failed = picture(&json!({}));
    failed.binding.spec.model.version_ref.name = "taxi-3".into();
    let all = ways(&failed);
    assert!(all[0].0.ends_with("no traffic moves.") && to("taxi-2", &all[0].1), "{all:?}");
    let page = in_markdown(&document(&Evidence::of(&failed)));
    assert!(
        page.contains("This speaks of ModelVersion fares/taxi-3; the end of this section says"),
        "{page}"
    );
    // The same version with another deployment served before: to name the version would change nothing.
    let before = json!([ended("bb", "2", "Promoted"), ended("b0", "2", "Promoted")]);
    let all = ways(&picture(&json!({"history": before})));
    assert!(
        all[0].0.starts_with(
            "Revision b0 served before: the same version 2, with another spec.online.deployment."
        ) && all[0].1.is_none(),
        "{all:?}"
    );
    // The object of the version before is nowhere to be read: no command is made up.
    let mut alone = picture(&json!({}));
    alone.versions.remove(0);
    let all = ways(&alone);
    assert!(
        all.len() == 1 && all[0].0.starts_with("Version 1 served before") && all[0].1.is_none(),
        "{all:?}"
    );
    // A number of another model, or in another place, is another version.
    let mut other = picture(&json!({}));
    other.versions[0].spec.registry_ref = None;
    assert_eq!(ways(&other)[0].1, None);
    // The first version of all.
    let first = json!({"history": [ended("bb", "2", "Promoted")]});
    assert_eq!(ways(&picture(&first)), []);
    // A version of another namespace is named with it.
    let mut other = picture(&warm);
    other.versions[0] = promoted("shared/taxi-1", "1", "x", &json!({}));
    let all = ways(&other);
    assert!(all[0].1.as_ref().is_some_and(|it| it.contains(r#""namespace":"shared""#)), "{all:?}");
}

#[test]
fn everything_that_has_traffic_shows_how_it_was_measured() {
    let both = json!({"deployments": [deployment("v1-aa", "Candidate", "1", 10), deployment("v2-bb", "Stable", "2", 90)]});
    let trained = |picture: &Picture| -> Vec<String> {
        let all = Evidence::of(picture).training.into_iter();
        all.map(|it| format!("{} {}", it.version.name, it.serves)).collect()
    };
    assert_eq!(trained(&picture(&both)), ["taxi-2 true", "taxi-1 true"]);
    // What is to serve: the candidate that has no traffic yet, and what the manifest names.
    let begins = json!({"deployments": [deployment("v1-aa", "Candidate", "1", 0), deployment("v2-bb", "Stable", "2", 100)]});
    assert_eq!(trained(&picture(&begins)), ["taxi-2 true", "taxi-1 false"]);
    let mut asked = picture(&json!({}));
    asked.binding.spec.model.version_ref.name = "taxi-1".into();
    assert_eq!(trained(&asked), ["taxi-2 true", "taxi-1 false"]);
    assert!(
        in_markdown(&document(&Evidence::of(&asked))).contains("- Version: fares/taxi-1\n- Traffic: none\n")
    );
}

#[test]
fn a_loosened_gate_is_shown_also_where_nothing_is_known_of_the_training() {
    let gate = json!({"name": "bound", "metric": "rmse", "max": "9"});
    let status = json!({
        "gates": [{"name": "bound", "passed": true, "reason": "WithinBound", "value": "4.1", "bound": "at most 9", "message": "So.", "asked": gate}],
        "loosenedGates": [
            {"name": "bound", "was": "rmse at most 4", "now": "rmse at most 9", "at": "2026-11-20T00:00:00Z"},
            {"name": "gone", "was": "r2 at least 0.8", "at": "2026-11-21T00:00:00Z"},
        ],
    });
    for lineage in [lineage(), Value::Null] {
        let mut picture = picture(&json!({}));
        let mut status: crate::api::ModelVersionStatus =
            serde_json::from_value(with(json!({"observedGeneration": 1, "assetId": asset("2")}), &status))
                .unwrap();
        status.lineage = serde_json::from_value(lineage).unwrap();
        let known = status.lineage.is_some();
        picture.versions[1].status = Some(status);
        let page = in_markdown(&document(&Evidence::of(&picture)));
        for line in [
            "| bound | yes | WithinBound | 4.1 | at most 9 |",
            "| loosened gate | asked before | asks now | since |",
            "| bound | rmse at most 4 | rmse at most 9 | 2026-11-20T00:00:00Z |",
            "| gone | r2 at least 0.8 | removed | 2026-11-21T00:00:00Z |",
        ] {
            assert!(page.contains(line), "{line}: {page}");
        }
        assert_eq!(page.contains("Its training job is not known."), !known, "{page}");
        assert_eq!(page.contains("Verified by Azure"), known, "{page}");
    }
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
    assert_eq!(json["training"][0]["metrics"]["rmse"], "4.10");
}

/// Somebody of `model-risk` approves a version, but for what the patch says.
fn approval(name: &str, number: &str, spec: &Value) -> Approval {
    let base = json!({
        "modelVersionRef": {"name": format!("taxi-{number}"), "namespace": "fares"}, "assetId": asset(number),
        "decision": "Approved", "by": name,
    });
    let metadata =
        json!({"namespace": "model-risk", "name": name, "creationTimestamp": "2026-11-02T00:00:00Z"});
    let object = json!({"apiVersion": "bindery.dev/v1alpha1", "kind": "Approval", "metadata": metadata, "spec": with(base, spec)});
    serde_json::from_value(object).unwrap()
}

/// The same, and the workspace asks for an approval of `model-risk`.
fn asking(picture: &Picture) -> Picture {
    let mut picture = picture.clone();
    let policy = json!({"tier": "production", "policy": {"approvals": {"fromNamespaces": ["model-risk"]}}});
    picture.workspace =
        Seen::Found(workspace("ml-platform/fares-prod", &policy, &json!({"conditions": ready()})));
    picture
}

#[test]
fn a_way_back_that_the_workspace_would_refuse_says_so_and_has_no_command() {
    let cold = || asking(&picture(&json!({})));
    let warm = json!({"deployments": [deployment("v1-aa", "Previous", "1", 0), deployment("v2-bb", "Stable", "2", 100)]});
    let warm = || asking(&picture(&warm));
    let with_word = |mut it: Picture, spec: Value| {
        it.approvals = vec![approval("eve", "1", &spec)];
        it
    };
    let archived = |mut it: Picture| {
        it.versions[0].spec.archived = Some(true);
        it
    };
    let withdrawn = |mut it: Picture| {
        let gone = json!([{"assetId": asset("1"), "namespace": "model-risk", "name": "ada", "by": "ada", "withdrawnAt": "2026-11-20T00:00:00Z"}]);
        it.binding.status.as_mut().unwrap().approvals = serde_json::from_value(gone).unwrap();
        it
    };
    let unlisted = |mut it: Picture| {
        it.listed.clear();
        it
    };
    let rejects = || json!({"decision": "Rejected"});
    let over = || json!({"expiresAt": "2026-11-20T00:00:00Z"});
    for (what, picture, refused) in vec![
        ("it is approved", with_word(cold(), json!({})), None),
        ("its approval has ended", with_word(cold(), over()), None),
        (
            "nobody has approved it",
            cold(),
            Some("it does not have the approvals that the workspace asks for"),
        ),
        ("the approvals could not be listed", unlisted(cold()), None),
        ("its deployment is there", warm(), None),
        ("it is rejected", with_word(warm(), rejects()), Some("Approval model-risk/eve of eve rejects it")),
        (
            "a rejection has ended",
            with_word(warm(), json!({"decision": "Rejected", "expiresAt": "2026-11-20T00:00:00Z"})),
            None,
        ),
        (
            "its approval was withdrawn",
            withdrawn(warm()),
            Some("Approval model-risk/ada of ada was withdrawn, and it is not approved again"),
        ),
        ("it is archived", archived(with_word(warm(), json!({}))), Some("the version is archived")),
        ("nobody asks for approvals", archived(picture(&json!({}))), Some("the version is archived")),
    ] {
        let ways = Evidence::of(&picture).going_back;
        let said = ways[0].how.split(" The workspace refuses that now: ").nth(1);
        assert_eq!(said, refused.map(|it| format!("{it}.")).as_deref(), "{what}");
        assert_eq!(ways[0].command.is_none(), refused.is_some(), "{what}");
    }
}

#[test]
fn a_way_back_that_the_sources_or_the_rules_for_deployments_refuse_has_no_command() {
    let policy = |policy: &Value| {
        let mut picture = picture(&json!({}));
        let spec = json!({"policy": policy});
        picture.workspace =
            Seen::Found(workspace("ml-platform/fares-prod", &spec, &json!({"conditions": ready()})));
        let way = Evidence::of(&picture).going_back.remove(0);
        let said = way.how.split(" The workspace refuses that now: ").nth(1).map(str::to_string);
        assert_eq!(way.command.is_none(), said.is_some());
        said
    };
    let source = |registry: &str, models: &[&str]| json!({"sources": [{"name": "a", "registryRef": {"name": registry}, "models": models}]});
    let elsewhere = "its policy.sources has no entry for model taxi in Registry ml-platform/fares-models.";
    let size = "spec.online.deployment.instanceType is Standard_DS3_v2, and Workspace fares-prod allows only Standard_F2s (policy.deployment.instanceTypes).";
    for (asked, refused) in [
        (json!({}), None),
        (source("fares-models", &[]), None),
        (source("fares-models", &["ta?i", "nyc-*"]), None),
        (source("fares-models", &["nyc-*"]), Some(elsewhere)),
        (source("others", &[]), Some(elsewhere)),
        (json!({"sources": [{"name": "own", "thisWorkspace": {}}]}), Some(elsewhere)),
        (json!({"deployment": {"instanceTypes": ["standard_ds3_V2"]}}), None),
        (json!({"deployment": {"instanceTypes": ["Standard_F2s"]}}), Some(size)),
    ] {
        assert_eq!(policy(&asked).as_deref(), refused, "{asked}");
    }
}

#[test]
fn what_was_stable_not_long_ago_takes_no_steps_on_the_way_back() {
    let quick = |status: &Value, window: Option<i32>| {
        let mut picture = picture(status);
        picture.binding.spec.strategy.rollback_window = window;
        Evidence::of(&picture).going_back[0].how.contains("takes no steps (spec.strategy.rollbackWindow)")
    };
    let history = |all: &[Value]| json!({"history": all});
    let (second, first) = (ended("bb", "2", "Promoted"), ended("aa", "1", "Promoted"));
    let failed = ended("aa", "1", "Failed");
    let rolled = ended("bb", "2", "RolledBack");
    for (history, window, expected) in [
        (json!({}), None, true),
        (json!({}), Some(0), false),
        (history(&[second.clone(), failed, first.clone()]), None, false),
        (history(&[rolled, first]), None, false),
    ] {
        assert_eq!(quick(&history, window), expected, "{history} {window:?}");
    }
    // The number was registered again: those are other files than were promoted.
    let in_workspace = |made: &str| {
        let mut picture = picture(&json!({}));
        let place: crate::api::Reference =
            serde_json::from_value(json!({"name": "fares-prod", "namespace": "ml-platform"})).unwrap();
        for version in &mut picture.versions {
            version.spec.registry_ref = None;
            version.spec.workspace_ref = Some(place.clone());
            version.status.as_mut().unwrap().created_at = Some(made.parse().unwrap());
        }
        Evidence::of(&picture).going_back[0].how.contains("takes no steps")
    };
    assert!(in_workspace("2026-11-01T00:00:00Z"));
    assert!(!in_workspace("2026-11-09T00:00:00Z"));
}

#[test]
fn which_decisions_count_is_shown() {
    let mut picture = asking(&picture(&json!({})));
    picture.approvals = vec![
        approval("ada", "2", &json!({})),
        approval("bob", "2", &json!({"tiers": ["staging"]})),
        approval("eve", "2", &json!({"assetId": asset("2").replace("taxi", "TAXI"), "decision": "Rejected"})),
        approval("mal", "2", &json!({"assetId": asset("2").replace("taxi", "TAXI")})),
        approval("old", "2", &json!({"expiresAt": "2026-11-20T00:00:00Z"})),
    ];
    let counts = |picture: &Picture| -> Vec<String> {
        Evidence::of(picture).admission.unwrap().decisions.into_iter().map(|it| it.counts).collect()
    };
    assert_eq!(
        counts(&picture),
        [
            "yes",
            "no: spec.tiers does not name the tier of that Workspace",
            "yes",
            "no: it is about a model whose name is written in other letters",
            "no: it ended at 2026-11-20T00:00:00Z"
        ]
    );
    picture.workspace = Seen::Missing;
    assert_eq!(counts(&picture), [""; 5], "nobody can say");
}

/// The number of a version in a workspace was registered again: what serves is not what is known of it now.
#[test]
fn what_was_registered_again_since_is_not_shown_as_what_serves() {
    let id = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.MachineLearningServices/workspaces/dev/models/taxi/versions/2";
    let shown = |asset: &str, created: &str| {
        let stable = json!({"deployment": "v2-bb", "revision": "bb", "version": "2", "assetId": asset, "since": "2026-11-03T00:20:00Z"});
        let mut deployed = deployment("v2-bb", "Stable", "2", 100);
        deployed["assetId"] = asset.into();
        let mut picture = picture(&json!({"stable": stable, "deployments": [deployed]}));
        let status = picture.versions[1].status.as_mut().unwrap();
        status.asset_id = Some(asset.into());
        status.created_at = Some(created.parse().unwrap());
        in_markdown(&document(&Evidence::of(&picture)))
    };
    let (before, after) = ("2026-11-01T00:00:00Z", "2026-11-20T00:00:00Z");
    assert!(shown(id, before).contains("| rmse | 4.10 |"));
    assert!(shown(&asset("2"), after).contains("| rmse | 4.10 |"), "in a registry a number is given once");
    let again = shown(id, after);
    assert!(!again.contains("rmse") && !again.contains("train-1"), "{again}");
    assert!(
        again.contains("was registered again at 2026-11-20T00:00:00Z, after the deployment was made"),
        "{again}"
    );
}

#[test]
fn whoever_approved_it_and_every_rule_are_on_the_page() {
    let status = json!({
        "admission": [
            {"rule": "Sources", "admitted": true, "asks": "a version from released", "found": "registry fares-models"},
            {"rule": "Approvals", "admitted": false, "asks": "an Approval from namespace risk", "found": "none", "message": "No."},
        ],
        "approvals": [
            {"assetId": asset("2"), "namespace": "risk", "name": "ada-2", "by": "ada", "expiresAt": "2027-01-01T00:00:00Z"},
            {"assetId": asset("2"), "namespace": "model-risk", "name": "gone", "by": "ada"},
            {"assetId": asset("2"), "namespace": "model-risk", "name": "over", "by": "ada", "expiresAt": "2026-11-29T12:00:00Z"},
            {"assetId": asset("2"), "namespace": "model-risk", "name": "there", "by": "ada", "expiresAt": "2027-01-01T00:00:00Z"},
            {"assetId": asset("2"), "namespace": "model-risk", "name": "other", "by": "ada"},
            {"assetId": asset("2"), "namespace": "risk", "name": "bob-2", "by": "bob", "withdrawnAt": "2026-11-20T00:00:00Z"},
        ],
    });
    let mut picture = asking(&picture(&status));
    picture.approvals =
        vec![approval("there", "2", &json!({})), approval("other", "2", &json!({"tiers": ["staging"]}))];
    let page = in_markdown(&document(&Evidence::of(&picture)));
    for row in [
        "| Sources | yes | a version from released | registry fares-models |",
        "| Approvals | no | an Approval from namespace risk | none |",
        // Its namespace could not be listed.
        "| risk/ada-2 | ada | azureml://registries/fares-models/models/taxi/versions/2 | could not be read |",
        "| model-risk/gone | ada | azureml://registries/fares-models/models/taxi/versions/2 | not there any more |",
        "| model-risk/over | ada | azureml://registries/fares-models/models/taxi/versions/2 | ended 2026-11-29T12:00:00Z |",
        "| model-risk/there | ada | azureml://registries/fares-models/models/taxi/versions/2 | until 2027-01-01T00:00:00Z |",
        "| model-risk/other | ada | azureml://registries/fares-models/models/taxi/versions/2 | does not count: spec.tiers does not name the tier of that Workspace |",
        "| risk/bob-2 | bob | azureml://registries/fares-models/models/taxi/versions/2 | withdrawn 2026-11-20T00:00:00Z |",
    ] {
        assert!(page.contains(row), "{row}\n{page}");
    }
}

#[test]
fn whoever_decided_is_shown_with_the_reason_also_who_rejected() {
    let approval = |name: &str, number: &str, spec: Value| approval(name, number, &spec);
    let document = json!([{"name": "report", "uri": "https://reports.example/2.pdf"}]);
    let mut eve = approval(
        "eve",
        "2",
        json!({"decision": "Rejected", "reason": "Wrong at night.", "evidence": document}),
    );
    eve.metadata.creation_timestamp = serde_json::from_value(json!("2026-11-04T00:00:00Z")).unwrap();
    let ends = json!({"expiresAt": "2027-03-31T00:00:00Z", "waives": ["Soak"], "tiers": ["production"]});
    let waived = json!({"rule": "Soak", "namespace": "model-risk", "name": "ada", "by": "ada", "expiresAt": "2027-03-31T00:00:00Z"});
    let promoted = with(
        ended("bb", "2", "RolledBack"),
        &json!({"waivers": [waived], "skipped": ["watch", "step 4 of 5"], "actions": [
            {"name": "go", "action": "Promote", "requestedBy": "ada", "reason": "No errors."},
            {"name": "back", "action": "Rollback", "requestedBy": "eve"},
        ]}),
    );
    let mut picture = picture(&json!({"history": [promoted]}));
    picture.approvals = vec![approval("ada", "2", ends), approval("bob", "9", json!({})), eve];
    let page = in_markdown(&super::document(&Evidence::of(&picture)));
    let asset = asset("2");
    for line in [
        format!("| Rejected | model-risk/eve | eve |  | {asset} | 2026-11-04T00:00:00Z |  |  | Wrong at night. | https://reports.example/2.pdf |"),
        format!("| Approved for production | model-risk/ada | ada |  | {asset} | 2026-11-02T00:00:00Z | 2027-03-31T00:00:00Z | Soak |  |  |"),
        "| bb | 2 | fares/taxi-2 | RolledBack | 2026-11-03T00:00:00Z | 2026-11-03T00:20:00Z |  |  | Soak by model-risk/ada of ada | Promote go of ada: No errors.; Rollback back of eve | watch, step 4 of 5 |".to_string(),
    ] {
        assert!(page.contains(&line), "{line}: {page}");
    }
    assert!(!page.contains("bob"), "of another version");
    assert!(!page.contains("failed revision"), "{page}");
}

#[test]
fn what_a_container_has_written_before_it_failed_is_told() {
    let log = json!({"log": ["Traceback (most recent call last):", "KeyError: 'a|b' <b>"]});
    let picture =
        picture(&json!({"history": [ended("bb", "2", "Promoted"), with(ended("cc", "3", "Failed"), &log)]}));
    let evidence = Evidence::of(&picture);
    let page = in_markdown(&super::document(&evidence));
    for line in [
        "What the containers of those that failed had written last:",
        "| failed revision | line of its log |",
        "| cc | Traceback (most recent call last): |",
    ] {
        assert!(page.contains(line), "{line}: {page}");
    }
    assert_eq!(serde_json::to_value(&evidence).unwrap()["history"][1]["log"], log["log"]);
}

#[test]
fn the_job_that_verified_a_deployment_is_told() {
    let job = json!({"verification": {
        "name": "bindery-taxi-1", "deployment": "v2-bb", "revision": "bb", "status": "Completed",
        "input": "azureml://datastores/d/paths/sample", "askedAt": "2026-11-03T00:00:00Z",
    }});
    let picture = picture(&json!({"history": [with(ended("bb", "2", "Promoted"), &job)]}));
    let evidence = Evidence::of(&picture);
    let page = in_markdown(&super::document(&evidence));
    let line = "| bb | bindery-taxi-1 | Completed | azureml://datastores/d/paths/sample |";
    assert!(page.contains(line), "{page}");
    let told = &serde_json::to_value(&evidence).unwrap()["history"][0]["verification"];
    assert_eq!(told["name"], "bindery-taxi-1");
}

#[test]
fn what_serves_shows_by_what_it_was_admitted_also_where_the_manifest_names_another() {
    let rule =
        json!({"rule": "Sources", "asks": "a version from released", "found": "registry fares-models"});
    let line = with(rule.clone(), &json!({"admitted": true}));
    let approval = json!({"namespace": "model-risk", "name": "ada-2", "by": "ada"});
    let known = with(
        ended("bb", "2", "Promoted"),
        &json!({"assetId": asset("2"), "admission": [rule], "approvals": [approval]}),
    );
    let again = with(ended("bb", "2", "RolledBack"), &json!({"assetId": asset("2")}));
    let page = |history: Value, asked: &str| {
        let mut picture = picture(&json!({"history": history}));
        picture.binding.spec.model.version_ref.name = asked.into();
        in_markdown(&document(&Evidence::of(&picture)))
    };
    let then = "\
v2-bb became stable at 2026-11-03T00:20:00Z. What the policy asked then, and whose approvals were enough:

| rule | asked | found |
| --- | --- | --- |
| Sources | a version from released | registry fares-models |

| approval | by |
| --- | --- |
| model-risk/ada-2 | ada |
";
    let told = page(json!([again, known]), "taxi-1");
    assert!(told.contains(then), "{told}");
    assert!(told.contains("the end of this section says by what v2-bb was admitted."), "{told}");
    // Where the manifest names what serves, the section speaks of it anyhow, unless the policy is another one by now.
    assert!(page(json!([known]), "taxi-2").contains(then), "{}", page(json!([known]), "taxi-2"));
    let mut today = picture(&json!({"history": [known], "admission": [line]}));
    today.binding.spec.model.version_ref.name = "taxi-2".into();
    let today = in_markdown(&document(&Evidence::of(&today)));
    assert!(today.contains("a version from released") && !today.contains("became stable"), "{today}");
    let unknown = page(json!([again]), "taxi-1");
    assert!(unknown.contains("By what v2-bb was admitted is not known"), "{unknown}");
}

#[test]
fn nothing_is_taken_back_where_nothing_was_given() {
    let candidate = |more: &Value| {
        let candidate = json!({"deployment": "v1-aa", "revision": "aa", "weight": 0, "startedAt": "2026-11-03T00:00:00Z", "since": "2026-11-03T00:00:00Z"});
        let mut picture = picture(&json!({"candidate": with(candidate, more)}));
        picture.binding.spec.model.version_ref.name = "taxi-1".into();
        in_markdown(&document(&Evidence::of(&picture)))
    };
    for (more, happens) in [
        (json!({}), "no traffic moves. "),
        (json!({"mirror": 10}), "no traffic moves, and v1-aa gets no copies of requests any more."),
        (json!({"weight": 10}), "the traffic of v1-aa is taken back."),
    ] {
        let page = candidate(&more);
        assert!(page.contains(&format!("asks for the stable one again, {happens}")), "{page}");
    }
}

#[test]
fn a_list_of_references_in_a_policy_is_shown() {
    let mut picture = picture(&json!({}));
    let soak = json!({"policy": {"soak": {"for": "24h", "in": [{"name": "fares-staging"}, {"name": "eu", "namespace": "other"}]}}});
    picture.workspace =
        Seen::Found(workspace("ml-platform/fares-prod", &soak, &json!({"conditions": ready()})));
    let page = in_markdown(&document(&Evidence::of(&picture)));
    assert!(page.contains("| soak.in | fares-staging, other/eu |"), "{page}");
}
