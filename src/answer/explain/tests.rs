#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::*;
use crate::answer::fixtures::{
    binding, key, promoted, ready, registry, said, stalled, version, with, workspace,
};
use crate::answer::render::table::Style;
use crate::api::{Object, ObjectKind};

fn now() -> Timestamp {
    "2026-11-02T00:10:00Z".parse().unwrap()
}

fn subject(object: impl Object) -> (ObjectKey, Seen<Subject>) {
    (object.key(), Seen::Found(Subject::of(&Arc::new(object).any())))
}

/// The binding `fares/taxi`, its version, that one's source, and their places, of which these are other than Ready.
fn world(differs: Vec<(ObjectKey, Seen<Subject>)>) -> Vec<(ObjectKey, Seen<Subject>)> {
    let fine = json!({"conditions": ready()});
    let mut all = vec![
        subject(binding("fares/taxi", "taxi-1", &fine)),
        subject(promoted("fares/taxi-1", "1", "taxi-1-dev", &fine)),
        subject(version("fares/taxi-1-dev", &json!({}), &fine)),
        subject(registry("ml-platform/fares-models", &fine)),
        subject(workspace("ml-platform/fares-dev", &json!({}), &fine)),
        subject(workspace("ml-platform/fares-prod", &json!({}), &fine)),
    ];
    for (key, seen) in differs {
        all.retain(|(other, _)| *other != key);
        all.push((key, seen));
    }
    all
}

/// Reads what is wanted until nothing is; what is not in the world is missing.
fn explain(asked: ObjectKey, differs: Vec<(ObjectKey, Seen<Subject>)>) -> Option<Explanation> {
    let world = world(differs);
    let mut picture = Picture::of(asked);
    loop {
        let wanted = picture.wants();
        if wanted.is_empty() {
            return Explanation::of(&picture);
        }
        for key in wanted {
            let found = world.iter().find(|(other, _)| *other == key);
            picture.add(key, found.map_or(Seen::Missing, |(_, seen)| seen.clone()));
        }
    }
}

fn not_ready(reason: &str, message: &str) -> Value {
    json!({"conditions": stalled(reason, message)})
}

fn of_binding(differs: Vec<(ObjectKey, Seen<Subject>)>) -> Explanation {
    explain(key(ObjectKind::DeploymentBinding, "fares/taxi"), differs).unwrap()
}

fn first_line(explanation: &Explanation) -> String {
    text(explanation, Style::default(), now()).lines().next().unwrap().to_string()
}

#[test]
fn the_first_line_is_the_root_cause_wherever_in_the_chain_it_is() {
    let waits = |of: &str| subject(binding("fares/taxi", "taxi-1", &not_ready("ReferenceNotReady", of)));
    let version_waits = || {
        subject(promoted(
            "fares/taxi-1",
            "1",
            "taxi-1-dev",
            &not_ready("ReferenceNotReady", "It waits for the source."),
        ))
    };
    let refused =
        || subject(version("fares/taxi-1-dev", &json!({}), &not_ready("Refused", "Azure said no.")));
    let place = |seen| (key(ObjectKind::Workspace, "ml-platform/fares-prod"), seen);
    for (differs, expected) in [
        (vec![], "DeploymentBinding fares/taxi is Ready."),
        (
            vec![subject(binding("fares/taxi", "taxi-1", &not_ready("PolicyRefused", "No.")))],
            "Root cause: DeploymentBinding fares/taxi: PolicyRefused: No.",
        ),
        (
            vec![waits("Version"), version_waits(), refused()],
            "Root cause: ModelVersion fares/taxi-1-dev: Refused: Azure said no.",
        ),
        (
            vec![waits("Workspace"), place(Seen::Missing)],
            "Root cause: Workspace ml-platform/fares-prod: It does not exist.",
        ),
        // What may not be read cannot be the end of the chain: the last word is that of the object that names it.
        (
            vec![
                waits("Workspace fares-prod is not ready: no right."),
                place(Seen::Withheld("You may not.".into())),
            ],
            "Root cause: DeploymentBinding fares/taxi: ReferenceNotReady: Workspace fares-prod is not ready: no right.",
        ),
        // Its own trouble comes before that of others.
        (
            vec![
                subject(binding("fares/taxi", "taxi-1", &not_ready("OutOfQuota", "None left."))),
                version_waits(),
            ],
            "Root cause: DeploymentBinding fares/taxi: OutOfQuota: None left.",
        ),
    ] {
        assert_eq!(first_line(&of_binding(differs)), expected);
    }
}

#[test]
fn a_circle_of_promotions_ends() {
    let waits = not_ready("ReferenceCycle", "It is promoted from itself.");
    let waits_for =
        |name, source| subject(promoted(name, "1", source, &not_ready("ReferenceNotReady", "It waits.")));
    let circle = vec![waits_for("fares/a", "b"), waits_for("fares/b", "a")];
    let explanation = explain(key(ObjectKind::ModelVersion, "fares/a"), circle).unwrap();
    assert_eq!(explanation.chain.len(), 2);
    assert_eq!(first_line(&explanation), "Root cause: ModelVersion fares/b: ReferenceNotReady: It waits.");
    let own = vec![subject(promoted("fares/a", "1", "a", &waits))];
    let explanation = explain(key(ObjectKind::ModelVersion, "fares/a"), own).unwrap();
    assert_eq!(
        first_line(&explanation),
        "Root cause: ModelVersion fares/a: ReferenceCycle: It is promoted from itself."
    );
}

#[test]
fn a_chain_without_an_end_is_cut_and_says_so() {
    let mut picture = Picture::of(key(ObjectKind::ModelVersion, "fares/v0"));
    let mut asked = 0;
    loop {
        let wanted = picture.wants();
        if wanted.is_empty() {
            break;
        }
        asked += wanted.len();
        for key in wanted {
            let source = format!("v{}", key.name.trim_start_matches('v').parse::<u32>().unwrap_or(0) + 1);
            let seen = subject(promoted(&format!("fares/{}", key.name), "1", &source, &json!({}))).1;
            picture.add(key, seen);
        }
    }
    assert!(asked <= MOST, "{asked}");
    assert_eq!(Explanation::of(&picture).unwrap().not_read().len(), 1);
}

#[test]
fn every_object_of_the_chain_says_what_is_wrong_and_what_comes_next() {
    let waits = not_ready("ReferenceNotReady", "ModelVersion taxi-1 is not ready.");
    let patient = json!({"conditions": [
        said("Ready", "False", "ReferenceNotReady", "The source is not ready."), said("Reconciling", "True", "ReferenceNotReady", ""),
        said("Registered", "False", "ReferenceNotReady", "The source is not ready."),
    ]});
    let operation = json!({"purpose": "create", "doing": "register taxi:1", "resource": "/x", "url": "https://x", "since": "2026-11-02T00:05:00Z"});
    let running = json!({"conditions": [
        said("Ready", "False", "OperationRunning", "Azure works."), said("Reconciling", "True", "OperationRunning", ""),
        said("Registered", "False", "OperationRunning", "Not yet."), said("Drifted", "True", "Drifted", "stage differs."),
    ], "operation": operation, "drift": [{"field": "stage", "wanted": "Production", "found": "a\u{202e}b"}]});
    let mut source = version("fares/taxi-1-dev", &json!({"suspend": true}), &running);
    source.metadata.generation = Some(3);
    let explanation = of_binding(vec![
        subject(binding("fares/taxi", "taxi-1", &waits)),
        subject(promoted("fares/taxi-1", "1", "taxi-1-dev", &patient)),
        subject(source),
    ]);
    let expected = "\
Root cause: ModelVersion fares/taxi-1-dev: OperationRunning: Azure works.

DeploymentBinding fares/taxi is not Ready: ReferenceNotReady (for 10m)
  ModelVersion taxi-1 is not ready.
  Next: It waits for an object that it names, and goes on by itself when that one is Ready.

ModelVersion fares/taxi-1, which DeploymentBinding fares/taxi names in spec.model.versionRef, is not Ready: ReferenceNotReady (for 10m)
  The source is not ready.
  Registered is False: ReferenceNotReady
  Next: It waits for an object that it names, and goes on by itself when that one is Ready.

ModelVersion fares/taxi-1-dev, which ModelVersion fares/taxi-1 names in spec.source.modelVersionRef, is not Ready: OperationRunning (for 10m)
  Registered is False: OperationRunning. Not yet.
  Drifted is True: Drifted. stage differs.
  stage differs: the manifest says \"Production\", Azure has \"a\\u202eb\".
  Next: The manifest has changed since: its generation is 3, and the status speaks of 1. Bindery looks at the change next; if this lasts, see whether the operator runs. It is suspended: nothing is changed in Azure until spec.suspend is false. Azure works on a change since 2026-11-02T00:05:00Z: register taxi:1. Bindery goes on when it ends.

The other objects that these refer to:
  Workspace ml-platform/fares-prod is Ready
  Registry ml-platform/fares-models is Ready
  Workspace ml-platform/fares-dev is Ready
";
    assert_eq!(text(&explanation, Style::default(), now()), expected);
}

/// A paragraph stands in several conditions of an object, and in those of the objects that wait for it.
#[test]
fn each_sentence_is_told_once() {
    let paragraph =
        "taxi:1 has no approval. Approve it, e.g. with bindery approve. Azure said: \"No. (HTTP 400)\".";
    let conditions = json!({"conditions": [
        said("Ready", "False", "NotApproved", paragraph), said("Stalled", "True", "NotApproved", paragraph),
        said("Admitted", "False", "NotApproved", &format!("{paragraph} At noon the traffic goes back.")),
        said("Progressing", "False", "NotApproved", "See Admitted."),
    ]});
    let explanation = of_binding(vec![subject(binding("fares/taxi", "taxi-1", &conditions))]);
    let told = text(&explanation, Style::default(), now());
    let expected = format!(
        "Root cause: DeploymentBinding fares/taxi: NotApproved: {paragraph}

DeploymentBinding fares/taxi is not Ready: NotApproved (for 10m)
  Admitted is False: NotApproved. At noon the traffic goes back.
  Progressing is False: NotApproved. See Admitted.
  Next: Nothing changes by itself"
    );
    assert!(told.starts_with(&expected), "{told}");
    let waits = not_ready("ReferenceNotReady", &format!("ModelVersion taxi-1 is not ready: {paragraph}"));
    let chain = of_binding(vec![
        subject(binding("fares/taxi", "taxi-1", &waits)),
        subject(promoted("fares/taxi-1", "1", "taxi-1-dev", &not_ready("Refused", paragraph))),
    ]);
    let told = text(&chain, Style::default(), now());
    assert_eq!(told.matches("Approve it, e.g. with bindery approve.").count(), 1, "{told}");
    assert!(told.contains("  ModelVersion taxi-1 is not ready: taxi:1 has no approval.\n"), "{told}");
}

#[test]
fn a_version_that_is_out_of_use_says_so_although_it_is_ready() {
    for (kind, reason) in [("RetiringSoon", "Retiring"), ("Retired", "StillDeployed")] {
        let conditions = json!([
            said("Ready", "True", "Succeeded", "All is well."),
            said(kind, "True", reason, "It ends.")
        ]);
        let retires = promoted("fares/taxi-1", "1", "taxi-1-dev", &json!({"conditions": conditions}));
        let explanation =
            explain(key(ObjectKind::ModelVersion, "fares/taxi-1"), vec![subject(retires)]).unwrap();
        let told = text(&explanation, Style::default(), now());
        assert!(told.contains(&format!("{kind} is True: {reason}. It ends.")), "{told}");
    }
}

#[test]
fn what_only_a_person_can_help_says_so() {
    let refused = vec![subject(binding("fares/taxi", "taxi-1", &not_ready("PolicyRefused", "No.")))];
    let told = text(&of_binding(refused), Style::default(), now());
    assert!(
        told.contains("  Next: Nothing changes by itself: a person or a change of a manifest has to help."),
        "{told}"
    );
}

#[test]
fn what_nobody_has_looked_at_says_where_to_look() {
    let new = vec![subject(binding("fares/taxi", "taxi-1", &Value::Null))];
    let line = first_line(&of_binding(new));
    assert!(line.contains("has not looked at it yet") && line.contains("operator runs"), "{line}");
}

#[test]
fn what_does_not_exist_or_may_not_be_read_has_no_explanation_of_its_own() {
    assert_eq!(explain(key(ObjectKind::ModelVersion, "fares/none"), vec![]), None);
}

#[test]
fn tools_get_the_chain() {
    let place = (key(ObjectKind::Workspace, "ml-platform/fares-prod"), Seen::Missing);
    let waits = not_ready("ReferenceNotFound", "There is no Workspace.");
    let explanation = of_binding(vec![subject(binding("fares/taxi", "taxi-1", &waits)), place]);
    let json = serde_json::to_value(&explanation).unwrap();
    let workspace = json!({"kind": "Workspace", "namespace": "ml-platform", "name": "fares-prod"});
    assert_eq!(json["ready"], false);
    assert_eq!(
        json["rootCause"],
        json!({"object": workspace, "reason": "", "message": "It does not exist."})
    );
    assert_eq!(
        json["chain"][1],
        with(
            json!({"conditions": [], "drift": [], "next": [], "refersTo": []}),
            &json!({"object": workspace, "seen": "Missing"})
        )
    );
    assert_eq!(json["others"].as_array().unwrap().len(), 1, "the version");
}

#[test]
fn an_approval_that_ends_soon_is_told_of_a_binding_that_is_ready() {
    let soon = "Approval risk/ada of ada ends at 2026-11-05T00:00:00Z.";
    let conditions = json!({"conditions": [
        said("Ready", "True", "Succeeded", "All is well."),
        said("ApprovalExpiring", "True", "ApprovalExpiring", soon),
    ]});
    let explanation = of_binding(vec![subject(binding("fares/taxi", "taxi-1", &conditions))]);
    let text = text(&explanation, Style::default(), now());
    assert!(text.starts_with("DeploymentBinding fares/taxi is Ready.\n"), "{text}");
    assert!(text.contains(&format!("  ApprovalExpiring is True: ApprovalExpiring. {soon}\n")), "{text}");
}
