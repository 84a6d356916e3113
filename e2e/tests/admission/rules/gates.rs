//! Rules of gates, of versions and of places.

use serde_json::{Value, json};

use super::{Case, at, case};
use crate::sentences::*;

/// Gates of versions and of places.
pub(super) fn rules_of_gates() -> Vec<Case> {
    let mut cases = vec![];
    let own: fn(Value) -> Value = |gate| at("spec.gates", json!([gate]));
    let places: fn(Value) -> Value = |gate| at("spec.policy.gates", json!({"define": [gate]}));
    let (binding, scope) = (json!({"bindingRef": {"name": "taxi"}}), json!({"scope": "Stable"}));
    for (kind, list, put, against) in [
        ("modelversions", "spec.gates[]", own, binding),
        ("workspaces", "spec.policy.gates.define[]", places, scope),
    ] {
        let gate = |rest: Value| put(crate::example::patched(json!({"name": "g", "metric": "rmse"}), &rest));
        let field = |name: &str| -> &'static str { format!("{list}.{name}").leak() };
        let bounded = |rest: Value| gate(crate::example::patched(json!({"max": "4"}), &rest));
        let compared = |rest: Value| {
            gate(crate::example::patched(json!({"against": against, "better": "Higher"}), &rest))
        };
        let bound = "give min, max or both, or against: what the metric is held against";
        let better =
            "better says whether a lower or a higher metric is better: give it with against, and only there";
        let by = "by is a margin over what the metric is held against: give it only with against";
        cases.extend([
            case(kind, list, bound, gate(json!({})), bounded(json!({}))),
            case(kind, list, bound, compared(json!({"min": "1"})), compared(json!({}))),
            case(kind, list, better, compared(json!({"better": null})), compared(json!({"better": "Lower"}))),
            case(kind, list, better, bounded(json!({"better": "Lower"})), bounded(json!({"min": "-4"}))),
            case(kind, list, by, bounded(json!({"by": "1"})), compared(json!({"by": "1"}))),
            case(
                kind,
                list,
                "min must not be more than max",
                bounded(json!({"min": "4.1"})),
                bounded(json!({"min": "4.0"})),
            ),
            case(
                kind,
                field("name"),
                ENTRY_NAME,
                bounded(json!({"name": "Best"})),
                bounded(json!({"name": "best-1"})),
            ),
            case(
                kind,
                field("metric"),
                METRIC,
                bounded(json!({"metric": "a\tb"})),
                bounded(json!({"metric": "--val loss/é"})),
            ),
            case(
                kind,
                field("metric"),
                SEEN,
                bounded(json!({"metric": "rm\u{200b}se"})),
                bounded(json!({"metric": "rmse"})),
            ),
            case(
                kind,
                field("max"),
                DECIMAL,
                bounded(json!({"max": "1e3"})),
                bounded(json!({"max": "-1000.5"})),
            ),
            case(
                kind,
                field("min"),
                DECIMAL,
                bounded(json!({"min": "NaN"})),
                bounded(json!({"min": "0.000000000000001"})),
            ),
            case(kind, field("by"), MARGIN, compared(json!({"by": "-1"})), compared(json!({"by": "0.5"}))),
        ]);
    }
    let policy = |gates: Value| at("spec.policy.gates", gates);
    cases.push(case(
        "workspaces",
        "spec.policy.gates.require[]",
        ENTRY_NAME,
        policy(json!({"require": ["a b"]})),
        policy(json!({"require": ["a-b"], "define": null})),
    ));
    cases.push(case(
        "workspaces",
        "spec.policy.gates",
        "give require, define or both",
        policy(json!({"require": null, "define": null})),
        policy(json!({"require": null})),
    ));
    cases.push(case(
        "modelversions",
        "spec.gates[].against.bindingRef.name",
        OBJECT_NAME,
        own(json!({"name": "g", "metric": "m", "better": "Lower", "against": {"bindingRef": {"name": "A"}}})),
        own(json!({"name": "g", "metric": "m", "better": "Lower", "against": {"bindingRef": {"name": "a"}}})),
    ));
    cases
}
