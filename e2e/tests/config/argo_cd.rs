//! Argo CD's health checks, run as Argo CD runs them: Lua 5.1 with the basic functions and `table`, the
//! object as `obj`, and a table with `status` and `message` as the answer.

use std::fs;

use bindery::api::{ConditionType, Reason, conditions_of};
use jiff::Timestamp;
use mlua::{Lua, LuaOptions, StdLib, Table, Value as LuaValue};
use serde_json::{Value, json};

use super::repository;

/// What the ConfigMap says under the keys with this beginning, by the rest of the key.
fn keys(prefix: &str) -> Vec<(String, String)> {
    let text = fs::read_to_string(repository().join("config/argocd/argocd-cm.yaml")).unwrap();
    let map: Value = serde_yaml::from_str(&text).unwrap();
    let all = map["data"].as_object().unwrap().iter();
    let kind = |key: &String| key.strip_prefix(prefix).map(str::to_string);
    all.filter_map(|(key, said)| Some((kind(key)?, said.as_str().unwrap().to_string()))).collect()
}

fn checks() -> Vec<(String, String)> {
    keys("resource.customizations.health.bindery.dev_")
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
            "rolled back",
            &none,
            seen(conditions(Some(false), Reason::Held, "ada rolled back.", stalled)),
            "Suspended: ada rolled back.",
        ),
        (
            "rolled back, and being deleted",
            &deleting,
            at(3, conditions(Some(false), Reason::Held, "ada rolled back.", None)),
            "Progressing: ada rolled back.",
        ),
        (
            "a window is closed",
            &none,
            seen(conditions(Some(false), Reason::WindowClosed, "It opens at 8.", working)),
            "Suspended: It opens at 8.",
        ),
        (
            "a window never opens",
            &none,
            seen(conditions(Some(false), Reason::WindowClosed, "It never opens.", stalled)),
            "Degraded: It never opens.",
        ),
        (
            "nobody can say how the candidate does",
            &none,
            seen(conditions(Some(false), Reason::Inconclusive, "No numbers.", working)),
            "Suspended: No numbers.",
        ),
        (
            "what it refers to is not there yet",
            &none,
            seen(conditions(Some(false), Reason::ReferenceNotFound, "There is no ModelVersion.", working)),
            "Progressing: There is no ModelVersion.",
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
            seen(conditions(Some(false), Reason::Inheriting, "It is handed over.", working)),
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

/// A binding of generation 2 whose rollout stands at the step with this index, or at none.
fn rollout(step: Option<usize>) -> Value {
    let pausing = conditions(Some(false), Reason::Pausing, "10 %.", Some("Reconciling"));
    let steps =
        json!([{"setTraffic": 10}, {"name": "soak", "pause": {"for": "10m"}}, {"name": "go", "pause": {}}]);
    let mut it = object(
        "DeploymentBinding",
        &json!({"name": "taxi"}),
        &json!({"observedGeneration": 2, "conditions": pausing, "revision": "2222222222", "stable": {"revision": "1111111111"}}),
    );
    it["spec"] = json!({"strategy": {"steps": steps}});
    if let Some(step) = step {
        let at = json!({"index": step, "name": steps[step]["name"]});
        it["status"]["candidate"] = json!({"revision": "2222222222", "step": at});
    }
    it
}

#[test]
fn a_pause_for_a_person_is_suspended_and_one_that_ends_is_progressing() {
    let check = checks().into_iter().find(|(kind, _)| kind == "DeploymentBinding").unwrap().1;
    assert_eq!(health(&check, &rollout(Some(1))), "Progressing: 10 %.");
    assert_eq!(health(&check, &rollout(Some(2))), "Suspended: 10 %.");
}

/// The scripts of the actions on a binding: the one that says which there are, and each by its name.
fn actions() -> (String, Vec<(String, String)>) {
    let all = keys("resource.customizations.actions.bindery.dev_");
    let [(kind, text)] = all.as_slice() else { panic!("{all:?}") };
    assert_eq!(kind, "DeploymentBinding");
    let said: Value = serde_yaml::from_str(text).unwrap();
    let definitions = said["definitions"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap().to_string();
    let each = definitions.map(|it| (text(&it["name"]), text(&it["action.lua"])));
    (text(&said["discovery.lua"]), each.collect())
}

fn from_lua(value: &LuaValue) -> Value {
    match value {
        LuaValue::Boolean(it) => json!(it),
        #[allow(clippy::cast_possible_truncation)] // no number here has a fraction
        LuaValue::Number(it) => json!(*it as i64),
        LuaValue::Integer(it) => json!(it),
        LuaValue::String(it) => json!(it.to_str().unwrap().to_string()),
        LuaValue::Table(it) if it.raw_len() > 0 => {
            it.sequence_values::<LuaValue>().map(|it| from_lua(&it.unwrap())).collect()
        }
        LuaValue::Table(it) => {
            let fields = it.pairs::<String, LuaValue>().map(Result::unwrap);
            Value::Object(fields.map(|(key, it)| (key, from_lua(&it))).collect())
        }
        _ => Value::Null,
    }
}

/// What a script makes of an object. Argo CD gives it `os.date`, too.
fn run(script: &str, object: &Value) -> Value {
    let lua = Lua::new_with(StdLib::TABLE | StdLib::OS, LuaOptions::default()).unwrap();
    lua.globals().set("obj", to_lua(&lua, object)).unwrap();
    from_lua(&lua.load(script).eval().unwrap_or_else(|error| panic!("{object}: {error}")))
}

/// The actions that Argo CD offers for a binding.
fn offered(object: &Value) -> Vec<String> {
    let all = run(&actions().0, object);
    let on = all.as_object().unwrap().iter().filter(|(_, it)| it["disabled"] == false);
    on.map(|(name, _)| name.clone()).collect()
}

#[test]
fn argo_cd_offers_what_makes_sense_now() {
    let with = |mut object: Value, status: Value| {
        object["status"].as_object_mut().unwrap().extend(status.as_object().unwrap().clone());
        object
    };
    assert_eq!(offered(&rollout(None)), ["reconcile", "rollback", "suspend"]);
    assert_eq!(offered(&rollout(Some(0))), ["abort", "promote-full", "reconcile", "rollback", "suspend"]);
    let paused = ["abort", "promote", "promote-full", "reconcile", "rollback", "suspend"];
    assert_eq!(offered(&rollout(Some(2))), paused);
    let failed = json!({"history": [{"revision": "2222222222", "outcome": "Failed"}]});
    assert_eq!(offered(&with(rollout(None), failed)), ["reconcile", "retry", "rollback", "suspend"]);
    let held = json!({"hold": {"revision": "2222222222", "toRevision": "1111111111"}});
    assert_eq!(offered(&with(rollout(None), held)), ["reconcile", "release", "suspend"]);
    let mut suspended = rollout(None);
    suspended["spec"]["suspend"] = json!(true);
    assert_eq!(offered(&suspended), ["reconcile", "resume", "rollback"]);
    assert_eq!(offered(&object("DeploymentBinding", &json!({}), &json!(null))), ["reconcile", "suspend"]);
}

#[test]
fn each_action_makes_what_it_is_called() {
    let mut binding = rollout(Some(2));
    binding["status"]["hold"] = json!({"revision": "3333333333"});
    let (_, all) = actions();
    let offers: Vec<String> = run(&actions().0, &binding).as_object().unwrap().keys().cloned().collect();
    let mut names: Vec<String> = all.iter().map(|(name, _)| name.clone()).collect();
    names.sort();
    assert_eq!(names, offers);
    for (name, script) in all {
        let made = run(&script, &binding);
        let spec = |word: &str, more: Value| {
            let mut spec = json!({"bindingRef": {"name": "taxi"}, "action": word, "revision": "2222222222",
                "requestedBy": "system:serviceaccount:argocd:argocd-server",
                "reason": "An action in Argo CD, whose audit log says whose."});
            spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            spec
        };
        let expected = match name.as_str() {
            "promote" => spec("Promote", json!({"step": "go"})),
            "promote-full" => spec("Promote", json!({"full": true})),
            "abort" => spec("Abort", json!({})),
            "retry" => spec("Retry", json!({})),
            "rollback" => spec("Rollback", json!({})),
            "release" => spec("Release", json!({"revision": "3333333333"})),
            "suspend" | "resume" => {
                assert_eq!(made["spec"]["suspend"], name == "suspend");
                continue;
            }
            _ => {
                let token = made["metadata"]["annotations"]["bindery.dev/reconcile"].as_str().unwrap();
                assert!(token.parse::<Timestamp>().is_ok(), "{token}");
                continue;
            }
        };
        assert_eq!(made[0]["operation"], "create");
        let action: bindery::api::RolloutAction = serde_json::from_value(made[0]["resource"].clone())
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(serde_json::to_value(&action.spec).unwrap(), expected, "{name}");
        let called = action.metadata.name.unwrap();
        assert!(called.starts_with(&format!("taxi-{name}-2")), "{called}");
        assert_eq!(action.metadata.namespace.as_deref(), Some("fares"));
    }
}
