//! Rules of what somebody asks of a rollout.

use serde_json::{Value, json};

use super::{Case, at, case};
use crate::sentences::*;

/// What somebody asks of a rollout.
pub(super) fn rules_of_actions() -> Vec<Case> {
    let kind = "rolloutactions";
    let with =
        |fields: Value| crate::example::patched(json!({"spec": {"step": null}}), &json!({"spec": fields}));
    let other = |action: &str| with(json!({"action": action}));
    let promote = "Promote names exactly one of step, which passes that step, and full: true, which passes all that are left; the other actions name neither";
    let back = "toRevision belongs to Rollback only";
    let elsewhere = "toRevision is another revision than revision, which is the one to go back from";
    let mut cases = vec![
        case(kind, "spec", promote, with(json!({})), with(json!({"full": true}))),
        case(kind, "spec", promote, with(json!({"full": false})), with(json!({"step": "watch"}))),
        case(
            kind,
            "spec",
            promote,
            with(json!({"full": true, "step": "watch"})),
            with(json!({"full": false, "step": "watch"})),
        ),
        case(kind, "spec", back, with(json!({"full": true, "toRevision": "1a2b3c4d5e"})), other("Rollback")),
        case(
            kind,
            "spec",
            elsewhere,
            with(json!({"action": "Rollback", "toRevision": "5e6f7a8b90"})),
            with(json!({"action": "Rollback", "toRevision": "1a2b3c4d5e"})),
        ),
    ];
    for action in ["Abort", "Retry", "Rollback", "Release"] {
        for field in [json!({"step": "watch"}), json!({"full": true}), json!({"full": false})] {
            let wrong = crate::example::patched(other(action), &json!({"spec": field}));
            cases.push(case(kind, "spec", promote, wrong, other(action)));
        }
        if action != "Rollback" {
            let wrong = with(json!({"action": action, "toRevision": "1a2b3c4d5e"}));
            cases.push(case(kind, "spec", back, wrong, other(action)));
        }
    }
    for wrong in ["", "5e6f7a8b9", "5E6F7A8B90", "5e6f7a8b9g", "5e6f7a8b9\n"] {
        let to = |to: &str| with(json!({"action": "Rollback", "toRevision": to}));
        cases.push(case(kind, "spec.revision", REVISION, at("spec.revision", wrong.into()), json!({})));
        cases.push(case(kind, "spec.toRevision", REVISION, to(wrong), to("0123456789")));
    }
    for wrong in ["", "Watch", "-watch", "watch.1"] {
        cases.push(case(
            kind,
            "spec.step",
            STEP_NAME,
            at("spec.step", wrong.into()),
            at("spec.step", "watch-1".into()),
        ));
    }
    for wrong in ["", " ada", "ada\n", "a\u{202e}da"] {
        let by = |by: &str| at("spec.requestedBy", by.into());
        cases.push(case(kind, "spec.requestedBy", PERSON, by(wrong), by("Ada Lovelace")));
    }
    let reason = |reason: &str| at("spec.reason", reason.into());
    cases.push(case(kind, "spec.reason", DESCRIPTION, reason("ding\u{7}"), reason("two\nlines")));
    cases.push(case(kind, "spec.reason", SEEN, reason("bet\u{200b}ter"), reason("")));
    let binding = |name: &str| at("spec.bindingRef.name", name.into());
    cases.push(case(kind, "spec.bindingRef.name", OBJECT_NAME, binding("Taxi"), binding("taxi.fare-3")));
    cases
}
