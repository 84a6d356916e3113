//! Argo CD's health checks, run as Argo CD runs them: Lua 5.1 with the basic functions and `table`, the
//! object as `obj`, and a table with `status` and `message` as the answer.

use std::fs;

use bindery::api::{ConditionType, Reason, conditions_of};
use jiff::Timestamp;
use mlua::{Lua, LuaOptions, StdLib, Table, Value as LuaValue};
use serde_json::{Value, json};

use super::repository;

fn checks() -> Vec<(String, String)> {
    let text = fs::read_to_string(repository().join("config/argocd/argocd-cm.yaml")).unwrap();
    let map: Value = serde_yaml::from_str(&text).unwrap();
    let kind =
        |key: &String| key.strip_prefix("resource.customizations.health.bindery.dev_").map(str::to_string);
    let all = map["data"].as_object().unwrap();
    all.iter().map(|(key, check)| (kind(key).unwrap(), check.as_str().unwrap().to_string())).collect()
}

/// As Argo CD hands JSON to Lua: a null is nothing.
fn to_lua(lua: &Lua, value: &Value) -> LuaValue {
    match value {
        Value::Null => LuaValue::Nil,
        Value::Bool(it) => LuaValue::Boolean(*it),
        Value::Number(it) => LuaValue::Number(it.as_f64().unwrap()),
        Value::String(it) => LuaValue::String(lua.create_string(it).unwrap()),
        Value::Array(all) => {
            LuaValue::Table(lua.create_sequence_from(all.iter().map(|it| to_lua(lua, it))).unwrap())
        }
        Value::Object(all) => {
            let fields = all.iter().map(|(key, it)| (key.as_str(), to_lua(lua, it)));
            LuaValue::Table(lua.create_table_from(fields).unwrap())
        }
    }
}

/// What a check says of an object: `Healthy: message`.
fn health(check: &str, object: &Value) -> String {
    let lua = Lua::new_with(StdLib::TABLE, LuaOptions::default()).unwrap();
    lua.globals().set("obj", to_lua(&lua, object)).unwrap();
    let answer: Table = lua.load(check).eval().unwrap_or_else(|error| panic!("{object}: {error}"));
    let text = |field: &str| answer.get::<String>(field).unwrap_or_else(|error| panic!("{object}: {error}"));
    format!("{}: {}", text("status"), text("message"))
}

/// Conditions as Bindery writes them, of generation 2.
fn conditions(ready: Option<bool>, reason: Reason, message: &str, course: Option<&str>) -> Value {
    let mut all = conditions_of(&[]);
    let now = Timestamp::UNIX_EPOCH;
    // The summary is not the first one in every list.
    all.set(ConditionType::Drifted, Some(false), Reason::InSync, "Nothing was changed.", 2, now);
    all.set(ConditionType::Ready, ready, reason, message, 2, now);
    if let Some(course) = course {
        let course = course.parse().expect("a condition");
        all.set(course, Some(true), reason, message, 2, now);
    }
    json!(all.into_vec())
}

fn object(kind: &str, metadata: &Value, status: &Value) -> Value {
    let mut object = json!({
        "apiVersion": "bindery.dev/v1alpha1", "kind": kind,
        "metadata": {"name": "it", "namespace": "fares", "generation": 2}, "spec": {}, "status": status,
    });
    object["metadata"].as_object_mut().unwrap().extend(metadata.as_object().unwrap().clone());
    object
}

#[test]
fn there_is_one_for_every_kind() {
    let mut kinds: Vec<String> = bindery::api::crds().into_iter().map(|crd| crd.spec.names.kind).collect();
    kinds.sort();
    let mut checked: Vec<String> = checks().into_iter().map(|(kind, _)| kind).collect();
    checked.sort();
    assert_eq!(checked, kinds);
}

#[test]
fn says_what_the_conditions_say() {
    let unseen = "Progressing: Bindery has not looked at this version of the object yet.";
    let unknown = "Progressing: Nothing is known yet.";
    let (working, stalled) = (Some("Reconciling"), Some("Stalled"));
    let ready = conditions(Some(true), Reason::Succeeded, "It is there.", None);
    let at = |generation: i64, conditions: Value| json!({"observedGeneration": generation, "conditions": conditions});
    let seen = |conditions: Value| at(2, conditions);
    let deleting = json!({"generation": 3, "deletionTimestamp": "2026-01-01T00:00:00Z"});
    let none = json!({});
    let cases = [
        ("no status", &none, json!(null), unseen),
        ("the schema's default", &none, json!({"observedGeneration": -1}), unseen),
        ("ready, but for the last generation", &none, at(1, ready.clone()), unseen),
        ("seen, and nothing else", &none, json!({"observedGeneration": 2}), unknown),
        ("seen, and no condition", &none, seen(json!([])), unknown),
        ("ready", &none, seen(ready.clone()), "Healthy: It is there."),
        (
            "ready, while something is put back",
            &none,
            seen(conditions(Some(true), Reason::Updating, "It is there.", working)),
            "Healthy: It is there.",
        ),
        (
            "at work",
            &none,
            seen(conditions(Some(false), Reason::Creating, "It is made.", working)),
            "Progressing: It is made.",
        ),
        (
            "in a pause between steps",
            &none,
            seen(conditions(Some(false), Reason::Pausing, "10 % for 5 min.", working)),
            "Progressing: 10 % for 5 min.",
        ),
        (
            "Azure out of reach",
            &none,
            seen(conditions(None, Reason::Unreachable, "No answer.", working)),
            "Progressing: No answer.",
        ),
        (
            "only a person can help",
            &none,
            seen(conditions(Some(false), Reason::OwnedByAnother, "It is not ours.", stalled)),
            "Degraded: It is not ours.",
        ),
        (
            "the candidate failed, the stable one serves",
            &none,
            seen(conditions(Some(true), Reason::CandidateFailed, "v2 failed.", stalled)),
            "Degraded: v2 failed.",
        ),
        (
            "suspended",
            &none,
            seen(conditions(Some(false), Reason::Suspended, "spec.suspend is true.", None)),
            "Suspended: spec.suspend is true.",
        ),
        (
            "only observed, and as the manifest says",
            &none,
            seen(conditions(Some(true), Reason::Observed, "It is there.", None)),
            "Healthy: It is there.",
        ),
        (
            "only observed, and something would have to be done",
            &none,
            seen(conditions(Some(false), Reason::Observed, "Bindery would create it.", None)),
            "Suspended: Bindery would create it.",
        ),
        (
            "waits for an owner that goes",
            &none,
            seen(conditions(Some(false), Reason::OwnedByAnother, "It is handed over.", working)),
            "Progressing: It is handed over.",
        ),
        (
            "being deleted, and Ready all the same",
            &deleting,
            at(3, ready.clone()),
            "Progressing: It is being deleted.",
        ),
        (
            "being deleted while suspended",
            &deleting,
            at(3, conditions(Some(false), Reason::Suspended, "spec.suspend is true.", None)),
            "Progressing: spec.suspend is true.",
        ),
        ("being deleted, not seen yet", &deleting, at(2, ready.clone()), unseen),
        (
            "being deleted",
            &deleting,
            at(3, conditions(Some(false), Reason::Deleting, "It is deleted.", working)),
            "Progressing: It is deleted.",
        ),
        (
            "cannot be deleted",
            &deleting,
            at(3, conditions(Some(false), Reason::NotEmpty, "It holds 3 models.", stalled)),
            "Degraded: It holds 3 models.",
        ),
    ];
    for (kind, check) in checks() {
        for (what, metadata, status, expected) in &cases {
            assert_eq!(health(&check, &object(&kind, metadata, status)), *expected, "{kind}, {what}");
        }
    }
}

/// A wave or PruneLast between a version and its binding, or between two bindings of one endpoint, makes Argo CD wait for
/// one of them before it turns to the other: the guide's section about renaming says what that breaks.
#[test]
fn the_samples_are_one_wave_and_prune_in_it() {
    for entry in fs::read_dir(repository().join("config/samples")).unwrap() {
        let file = entry.unwrap().path();
        let text = fs::read_to_string(&file).unwrap();
        for word in ["argocd.argoproj.io/sync-wave", "PruneLast"] {
            assert!(!text.contains(word), "{}: {word}", file.display());
        }
    }
}
