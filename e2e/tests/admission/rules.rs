//! Every rule and pattern of every kind, with what breaks it and with its neighbour.

mod actions;
mod approvals;
mod bindings;
mod changes;
mod gates;
mod metrics;
mod places;
mod providers;
mod text;
mod versions;
mod windows;

use serde_json::{Value, json};

use self::actions::rules_of_actions;
use self::approvals::{rules_of_approvals, rules_of_soak_and_waivers, rules_of_times};
use self::bindings::{rules_of_batch, rules_of_bindings, the_same_of_batch};
pub use self::changes::rules_of_changes;
use self::gates::rules_of_gates;
use self::metrics::rules_of_metrics;
use self::places::{
    publisher, rules_of_a_place, rules_of_policies, rules_of_publishers, rules_of_registries,
    rules_of_selectors,
};
use self::providers::rules_of_providers;
use self::text::rules_of_text;
use self::versions::rules_of_versions;
use self::windows::rules_of_windows;
use crate::example::WITH_AN_INTERVAL;
use crate::sentences::*;

/// A rule of one field: what breaks it, what it says, and what is just right.
pub struct Case {
    pub kind: &'static str,
    /// The field that the refusal names, without indexes: `spec.regions[].location`.
    pub field: &'static str,
    /// The whole message of the rule.
    pub says: &'static str,
    /// A merge patch of the whole example ([`example`]).
    pub wrong: Value,
    /// Another one.
    pub right: Value,
}

fn case(kind: &'static str, field: &'static str, says: &'static str, wrong: Value, right: Value) -> Case {
    Case { kind, field, says, wrong, right }
}

/// A merge patch that sets one field: `spec.azure.name`.
fn at(field: &str, value: Value) -> Value {
    field.rsplit('.').fold(value, |inner, name| json!({name: inner}))
}

/// Rules of an object by itself.
pub fn rules_of_one_object() -> Vec<Case> {
    let mut cases = vec![];
    for kind in ["registries", "workspaces"] {
        cases.extend(rules_of_a_place(kind));
        cases.extend(rules_of_selectors(kind, "spec.allowedNamespaces", &|allowed| {
            at("spec.allowedNamespaces", allowed)
        }));
        cases.extend(rules_of_selectors(kind, "spec.publishers[].namespaces", &|namespaces| {
            publisher(&json!({"namespaces": namespaces}))
        }));
        cases.extend(rules_of_publishers(kind));
    }
    cases.extend(rules_of_selectors("metricproviders", "spec.allowedNamespaces", &|allowed| {
        at("spec.allowedNamespaces", allowed)
    }));
    for kind in WITH_AN_INTERVAL {
        for (wrong, right) in [("59s", "60s"), ("24h1s", "24h")] {
            let (wrong, right) = (at("spec.interval", wrong.into()), at("spec.interval", right.into()));
            cases.push(case(kind, "spec", "interval must be from 1m to 24h", wrong, right));
        }
    }
    cases.extend(rules_of_tags());
    cases.extend(rules_of_registries());
    cases.extend(rules_of_versions());
    cases.extend(rules_of_windows());
    cases.extend(rules_of_bindings());
    cases.extend(rules_of_batch());
    cases.extend(rules_of_metrics());
    cases.extend(rules_of_providers());
    cases.extend(rules_of_periods());
    cases.extend(rules_of_references());
    cases.extend(rules_of_policies());
    cases.extend(rules_of_text());
    cases.extend(rules_of_approvals());
    cases.extend(rules_of_actions());
    cases.extend(rules_of_gates());
    cases.extend(rules_of_soak_and_waivers());
    cases.extend(rules_of_times());
    let of_batch: Vec<Case> = cases.iter().filter_map(the_same_of_batch).collect();
    cases.extend(of_batch);
    cases
}

fn rules_of_tags() -> Vec<Case> {
    let fields = [
        ("registries", "spec.tags"),
        ("modelversions", "spec.tags"),
        ("modelversions", "spec.properties"),
        ("deploymentbindings", "spec.online.endpoint.tags"),
        ("deploymentbindings", "spec.online.deployment.tags"),
    ];
    let form = r"keys must have 1 to 256 characters that can be seen: no < > % & ? / \, no control characters and none without a width, and no spaces but plain ones between others; such as cost center";
    let prefix = "keys must not begin with 'bindery-', in whatever case: that prefix is Bindery's own";
    let alike = "keys must differ in more than upper and lower case: to Azure they are the same";
    let mut cases = vec![];
    for (kind, field) in fields {
        let keys = |keys: &[&str]| {
            let tags = keys.iter().map(|key| ((*key).to_string(), json!("x"))).collect();
            at(field, Value::Object(tags))
        };
        for wrong in ["", " bindery-owner", "team ", "a/b", "a\\b", "50%", "a\nb", &"k".repeat(257)] {
            cases.push(case(kind, field, form, keys(&[wrong]), keys(&["a b", "k", &"k".repeat(256)])));
        }
        for wrong in ["bindery-owner", "Bindery-Owner", "BINDERY-STABLE"] {
            cases.push(case(
                kind,
                field,
                prefix,
                keys(&[wrong]),
                keys(&["binderyowner", "my-bindery-owner"]),
            ));
        }
        // The example has the keys `team` and, as a property, `flavor`.
        let there = if field == "spec.properties" { "Flavor" } else { "Team" };
        cases.push(case(kind, field, alike, keys(&[there]), keys(&["Other"])));
        // In every alphabet, and whatever a key means to a regular expression.
        for (one, other) in [("ÄRGER", "ärger"), ("a.Δ", "A.δ"), ("ОТДЕЛ", "отдел"), ("\u{212a}ey", "key")]
        {
            let right = keys(&["Ärger", "årger", "部署", "予算", "ü.b", "ü(b", "ü[b", "ü*b"]);
            cases.push(case(kind, field, alike, keys(&[one, other]), right));
        }
        // White space of all kinds, what has no width, and what controls: before, in and behind a key.
        for sign in "\u{a0}\u{1680}\u{2003}\u{202f}\u{205f}\u{3000}\u{2028}\u{2029}\u{85}\u{9}\u{ad}\u{34f}\u{61c}\u{3164}\u{180e}\u{200b}\u{200d}\u{2060}\u{202e}\u{fe0f}\u{feff}\u{e0020}".chars() {
            let wrong = format!("{sign}bindery-owner");
            cases.push(case(kind, field, form, keys(&[&wrong]), keys(&["Straße 7"])));
        }
        for wrong in ["te\u{200b}am", "team\u{a0}", "cost\u{a0}center"] {
            cases.push(case(kind, field, form, keys(&[wrong]), keys(&["Straße 7"])));
        }
        let value = |value: &str| at(field, json!({"other": value}));
        let told: &'static str = format!("{field}[]").leak();
        cases.push(case(kind, told, TAG_VALUE, value("two\nlines"), value("")));
        cases.push(case(kind, told, TAG_VALUE, value("a\tb"), value("<b> & 50 % of ünï?")));
        cases.push(case(kind, told, SEEN, value("a\u{202e}b"), value("")));
    }
    let (kind, field) = ("deploymentbindings", "spec.online.deployment.environmentVariables");
    let says =
        "names must have 1 to 256 characters, without '=', spaces and control characters, such as LOG_LEVEL";
    for wrong in ["", "A=B", "A B", "A\u{0}", &"A".repeat(257)] {
        let right =
            at(field, json!({"a.b-c_D": "any = thing", "bindery-x": "x", "LEVEL": "x", "level": "y"}));
        cases.push(case(kind, field, says, at(field, json!({wrong: "x"})), right));
    }
    let seen: &'static str = format!("each name {SEEN}").leak();
    let wrong = at(field, json!({"LEVEL\u{200b}": "x"}));
    cases.push(case(kind, field, seen, wrong, at(field, json!({"LEVEL": "x"}))));
    let value = |value: &str| at(field, json!({"KEY": value}));
    let told = "spec.online.deployment.environmentVariables[]";
    cases.push(case(kind, told, VARIABLE_VALUE, value("a\u{0}"), value("-----BEGIN-----\r\n\tab\n")));
    cases
}

/// A reference names an object as Kubernetes does.
fn rules_of_references() -> Vec<Case> {
    let promoted = |reference: Value| {
        let source = json!({"job": null, "modelVersionRef": reference});
        json!({"spec": {"workspaceRef": null, "registryRef": {"name": "r"}, "source": source}})
    };
    let into = |reference: Value| {
        let source = json!({"job": null, "modelVersionRef": {"name": "v"}});
        json!({"spec": {"workspaceRef": null, "registryRef": reference, "source": source}})
    };
    let from =
        |reference: Value| at("spec.policy.sources", json!([{"name": "one", "registryRef": reference}]));
    let workspace = |reference: Value| at("spec.workspaceRef", reference);
    let version = |reference: Value| at("spec.model.versionRef", reference);
    let mut cases = vec![];
    let mut of = |kind, field: &'static str, patch: &dyn Fn(Value) -> Value| {
        let named = |name: &str| patch(json!({"name": name, "namespace": "fares"}));
        let homed = |namespace: &str| patch(json!({"name": "taxi", "namespace": namespace}));
        for wrong in ["Taxi", "taxi\nfare", "taxi/fare", "-taxi"] {
            let field = format!("{field}.name").leak();
            cases.push(case(kind, field, OBJECT_NAME, named(wrong), named("taxi.fare-3")));
        }
        for wrong in ["Fares", "fares.prod", "../fares"] {
            let field = format!("{field}.namespace").leak();
            cases.push(case(kind, field, NAMESPACE, homed(wrong), homed("fares-prod")));
        }
    };
    of("modelversions", "spec.registryRef", &into);
    of("modelversions", "spec.workspaceRef", &workspace);
    of("modelversions", "spec.source.modelVersionRef", &promoted);
    of("deploymentbindings", "spec.workspaceRef", &workspace);
    of("deploymentbindings", "spec.model.versionRef", &version);
    of("workspaces", "spec.policy.sources[].registryRef", &from);
    of("workspaces", "spec.policy.soak.in[]", &|place| {
        at("spec.policy.soak", json!({"in": [place], "for": "24h"}))
    });
    of("approvals", "spec.modelVersionRef", &|reference| at("spec.modelVersionRef", reference));
    cases
}

/// Every length of time takes what Kubernetes writes, and nothing else.
fn rules_of_periods() -> Vec<Case> {
    let deployment = "spec.online.deployment";
    let mut fields: Vec<(&'static str, String)> =
        WITH_AN_INTERVAL.map(|kind| (kind, "spec.interval".to_string())).to_vec();
    for name in ["keepPrevious", "keepFailed", "progressDeadline", "handover"] {
        fields.push(("deploymentbindings", format!("spec.strategy.{name}")));
    }
    fields.push(("deploymentbindings", format!("{deployment}.requestSettings.requestTimeout")));
    for probe in ["livenessProbe", "readinessProbe", "startupProbe"] {
        for name in ["timeout", "period", "initialDelay"] {
            fields.push(("deploymentbindings", format!("{deployment}.{probe}.{name}")));
        }
    }
    let mut cases = vec![];
    for (kind, field) in fields {
        let field: &'static str = field.leak();
        let (parent, name) = field.rsplit_once('.').unwrap_or_default();
        let (least, most) = match name {
            "interval" | "progressDeadline" => ("1m", "24h"),
            "keepPrevious" | "keepFailed" => ("0s", "720h"),
            "handover" => ("0s", "24h"),
            "requestTimeout" => ("1s", "180s"),
            "initialDelay" => ("0s", "1h"),
            _ => ("1s", "1h"),
        };
        let says = format!("{name} must be from {least} to {most}").leak();
        for wrong in ["10 minutes", "1.5h", "30m1h", "1d", "h", "10", "", "123456s"] {
            cases.push(case(kind, field, PERIOD, at(field, wrong.into()), at(field, "1m30s".into())));
        }
        for (wrong, right) in [("0s", least), ("99999h", most)] {
            if wrong != right {
                cases.push(case(kind, parent, says, at(field, wrong.into()), at(field, right.into())));
            }
        }
    }
    let pause = |period: &str| at("spec.strategy.steps", json!([{"pause": {"for": period}}]));
    cases.push(case(
        "deploymentbindings",
        "spec.strategy.steps[].pause.for",
        PERIOD,
        pause("1d"),
        pause("24h"),
    ));
    for (wrong, right) in [("0s", "1s"), ("99999h", "720h")] {
        let says = "for must be from 1s to 720h";
        cases.push(case(
            "deploymentbindings",
            "spec.strategy.steps[].pause",
            says,
            pause(wrong),
            pause(right),
        ));
    }
    cases
}
