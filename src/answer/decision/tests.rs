#![allow(clippy::unwrap_used)]

use serde_json::json;

use super::*;
use crate::answer::fixtures::{asset, lineage, promoted, ready, stalled, workspace};

fn noon() -> Timestamp {
    "2026-11-29T12:00:00Z".parse().unwrap()
}

fn wish() -> Wish {
    Wish {
        decision: ApprovalDecision::Approved,
        namespace: "model-risk".into(),
        name: None,
        by: "ada@fares.example".into(),
        tiers: vec![],
        reason: None,
        expires_at: None,
        evidence: vec![],
        waives: vec![],
    }
}

/// Version 2, which serves, and two workspaces of which one asks for approvals.
fn picture() -> Picture {
    let serves = json!([{"namespace": "fares", "name": "taxi", "endpoint": "taxi-prod", "deployment": "v2", "role": "Stable"}]);
    let status = json!({"conditions": ready(), "servedBy": serves, "lineage": lineage()});
    let approvals = json!({"fromNamespaces": ["model-risk", "audit"], "waivable": ["Soak"]});
    Picture {
        version: promoted("fares/taxi-2", "2", "taxi-2-dev", &status),
        workspaces: vec![
            workspace(
                "ml/prod",
                &json!({"tier": "production", "policy": {"approvals": approvals}}),
                &json!({}),
            ),
            workspace("ml/dev", &json!({}), &json!({})),
        ],
        all_workspaces: true,
        approvals: vec![],
        now: noon(),
    }
}

#[test]
fn the_manifest_names_the_asset_and_who_decides() {
    let full = Wish {
        tiers: vec!["production".into()],
        reason: Some("Better.".into()),
        expires_at: Some("2027-03-31T00:00:00Z".parse().unwrap()),
        evidence: vec![document("report=https://reports.example/2.pdf").unwrap()],
        waives: vec!["Soak".into()],
        ..wish()
    };
    let spec = |more: Value| {
        let base = json!({
            "modelVersionRef": {"name": "taxi-2", "namespace": "fares"}, "assetId": asset("2"), "decision": "Approved", "by": "ada@fares.example",
        });
        crate::answer::fixtures::with(base, &more)
    };
    let manifest = |name: &str, spec: Value| json!({"apiVersion": "bindery.dev/v1alpha1", "kind": "Approval", "metadata": {"name": name, "namespace": "model-risk"}, "spec": spec});
    let made = |wish: &Wish| for_git(&wish.manifest(&picture()).unwrap());
    assert_eq!(made(&wish()), manifest("taxi-2-ada", spec(json!({}))));
    let more = json!({
        "tiers": ["production"], "reason": "Better.", "expiresAt": "2027-03-31T00:00:00Z", "waives": ["Soak"],
        "evidence": [{"name": "report", "uri": "https://reports.example/2.pdf"}],
    });
    assert_eq!(made(&full), manifest("taxi-2-ada", spec(more)));
    let rejects = Wish {
        decision: ApprovalDecision::Rejected,
        by: "system:serviceaccount:ci:Release.Bot".into(),
        ..wish()
    };
    let by = json!({"decision": "Rejected", "by": "system:serviceaccount:ci:Release.Bot"});
    assert_eq!(made(&rejects), manifest("taxi-2-release-bot-rejects", spec(by)));
    assert_eq!(made(&Wish { name: Some("no-7".into()), ..wish() })["metadata"]["name"], "no-7");
    // The number of a version in a workspace can be registered again: the decision is about what is there now.
    let created = |asset: &str| {
        let status = json!({"conditions": ready(), "assetId": asset, "createdAt": "2026-11-01T08:00:00.5Z"});
        let picture = Picture { version: promoted("fares/taxi-2", "2", "taxi-2-dev", &status), ..picture() };
        for_git(&wish().manifest(&picture).unwrap())["spec"]["assetCreatedAt"].clone()
    };
    assert_eq!(created("/subscriptions/s/models/taxi/versions/2"), "2026-11-01T08:00:00.5Z");
    assert_eq!(created(&asset("2")), Value::Null);
    // A name that is too long is cut, and still ends with who decides.
    let mut long = picture();
    long.version.metadata.name = Some("v".repeat(253));
    let name = wish().manifest(&long).unwrap().metadata.name.unwrap();
    assert_eq!((name.len(), name.ends_with("v-ada")), (253, true));
}

#[test]
fn what_is_wrong_is_said_before_anything_is_written() {
    let early = json!({"assetId": null, "conditions": stalled("ReferenceNotReady", "Registry ml/models is not ready.")});
    let early = Picture { version: promoted("fares/taxi-2", "2", "x", &early), ..picture() };
    let nobody = Picture { workspaces: vec![workspace("ml/dev", &json!({}), &json!({}))], ..picture() };
    let unknown = Picture { workspaces: vec![], all_workspaces: false, ..picture() };
    let team = Wish { namespace: "fares".into(), ..wish() };
    let tier = Wish { tiers: vec!["staging".into()], ..wish() };
    let over = Wish { expires_at: Some(noon()), ..wish() };
    let forever = Wish { waives: vec!["Soak".into()], ..wish() };
    let ends = Some("2026-11-30T12:00:00Z".parse().unwrap());
    let gate = Wish { waives: vec!["Gate/rmse".into()], expires_at: ends, ..wish() };
    let name = Wish { name: Some("Taxi".into()), ..wish() };
    for (wish, picture, expected) in [
        (
            &wish(),
            &early,
            "ModelVersion fares/taxi-2 has no asset id yet, so there is nothing to decide about: Registry ml/models is not ready.",
        ),
        (
            &team,
            &picture(),
            "no Workspace counts approvals of namespace fares. Name one that counts with --namespace: audit, model-risk",
        ),
        (
            &wish(),
            &nobody,
            "no Workspace counts approvals of namespace model-risk. None asks for approvals (spec.policy.approvals)",
        ),
        (
            &tier,
            &picture(),
            "no Workspace that counts approvals of namespace model-risk has the tier staging; there is: production",
        ),
        (&over, &picture(), "--expires is 2026-11-29T12:00:00Z, which is over: give a time to come"),
        (&forever, &picture(), "a waiver has to end: give --expires with --waive, such as --expires 24h"),
        (
            &gate,
            &picture(),
            "no Workspace in which this would count lets Gate/rmse be waived (spec.policy.approvals.waivable)",
        ),
        (
            &name,
            &picture(),
            "\"Taxi\" is no name of an object: give --name in small letters, digits, '-' and '.'",
        ),
    ] {
        assert_eq!(wish.manifest(picture).map(|_| ()), Err(expected.to_string()));
    }
    assert!(team.manifest(&unknown).is_ok(), "whoever may not list the workspaces is not held back");
}

#[test]
fn a_time_and_a_document_are_read_as_people_write_them() {
    for (text, expected) in [
        ("2027-03-31", Some("2027-03-31T00:00:00Z")),
        ("2027-03-31T12:00:00+02:00", Some("2027-03-31T10:00:00Z")),
        ("90d", Some("2027-02-27T12:00:00Z")),
        ("36h", Some("2026-12-01T00:00:00Z")),
        ("1h30m", Some("2026-11-29T13:30:00Z")),
        ("tomorrow", None),
        ("0d", None),
        ("h", None),
        ("7", None),
        ("", None),
        ("2027-02-30", None),
    ] {
        assert_eq!(expires(text, noon()).ok(), expected.map(|at| at.parse().unwrap()), "{text}");
    }
    let said = |text: &str| document(text).map(|it| (it.name, it.uri, it.sha256));
    let uri = "https://reports.example/2.pdf";
    assert_eq!(said(&format!("report={uri}")), Ok(("report".into(), uri.into(), None)));
    assert_eq!(
        said(&format!("report={uri}@sha256:0f")),
        Ok(("report".into(), uri.into(), Some("0f".into())))
    );
    for wrong in ["report", "=x", "report=", ""] {
        assert!(document(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn whoever_decides_sees_what_about() {
    let other = Wish {
        decision: ApprovalDecision::Rejected,
        by: "eve\n\u{1b}[2K".into(),
        name: Some("no".into()),
        ..wish()
    };
    let mut picture = picture();
    picture.approvals = vec![other.manifest(&picture).unwrap()];
    let ends = Some("2026-11-30T12:00:00Z".parse().unwrap());
    let wish = Wish { waives: vec!["Soak".into()], expires_at: ends, ..wish() };
    let gate = json!({"name": "bound", "passed": false, "reason": "OutOfBound", "value": "4.10", "bound": "at most 4",
        "message": "rmse is 4.10, and has to be at most 4.", "asked": {"name": "bound", "metric": "rmse", "max": "4"}});
    let loosened = json!({"name": "bound", "was": "rmse at most 3", "now": "rmse at most 4", "at": "2026-11-29T11:00:00Z"});
    let status = picture.version.status.as_mut().unwrap();
    status.gates = vec![serde_json::from_value(gate).unwrap()];
    status.loosened_gates = vec![serde_json::from_value(loosened).unwrap()];
    let said = page(&wish.manifest(&picture).unwrap(), &picture);
    assert_eq!(
        said,
        "ModelVersion fares/taxi-2: taxi version 2
  asset        azureml://registries/fares-models/models/taxi/versions/2
  ready        True Succeeded
  trained      job train-1, run run-1, by ada
  code         https://git.example/fares 4f2c1d9e
  metrics      r2 0.8, rmse 4.10
  gate         bound does not pass: rmse is 4.10, and has to be at most 4.
  loosened     bound asked for rmse at most 3 until 2026-11-29T11:00:00Z, and now: rmse at most 4
  serves       fares/taxi (Stable)
  decided      model-risk/no of eve\\n\\u001b[2K rejects
  counts in    Workspace ml/prod (tier production)
  you are      ada@fares.example
  until        2026-11-30T12:00:00Z
  waives       Soak"
    );
}
