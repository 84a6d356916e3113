#![allow(clippy::unwrap_used)]

use serde_json::{Value, json};

use super::*;
use crate::answer::fixtures::{asset, binding, deployment, lineage, promoted, ready, stalled, version};
use crate::answer::render::table::{Style, table};

fn now() -> Timestamp {
    "2026-11-29T12:00:00Z".parse().unwrap()
}

fn served_by(role: &str, deployment: &str) -> Value {
    json!({"namespace": "fares", "name": "taxi", "endpoint": "taxi-prod", "deployment": deployment, "role": role, "workspace": "ml-platform/fares-prod", "tier": "production"})
}

/// The same, as the answer has it.
fn told(role: &str, deployment: &str) -> Value {
    let mut told = served_by(role, deployment);
    told["workspace"] = json!({"kind": "Workspace", "namespace": "ml-platform", "name": "fares-prod"});
    told
}

fn rows() -> Vec<Row> {
    let dev = version(
        "fares/taxi-1-dev",
        &json!({"stage": "Development", "archived": true}),
        &json!({"conditions": ready(), "type": "MLflow", "lineage": lineage()}),
    );
    let first = promoted(
        "fares/taxi-1",
        "1",
        "taxi-1-dev",
        &json!({"conditions": ready(), "stage": "Production", "servedBy": [served_by("Stable", "v1-aa")]}),
    );
    let second = promoted(
        "fares/taxi-2",
        "2",
        "taxi-2-dev",
        &json!({"conditions": stalled("Refused", "Azure said no."), "servedBy": [served_by("Candidate", "v2-bb")]}),
    );
    let unseen = version("rides/other-1", &json!({"model": "other"}), &Value::Null);
    [dev, first, second, unseen].iter().map(Row::of).collect()
}

fn bindings() -> Bindings {
    let mut bindings = Bindings::default();
    let deployments = [deployment("v1-aa", "Stable", "1", 100), deployment("v2-bb", "Candidate", "2", 0)];
    bindings.add(&binding("fares/taxi", "taxi-2", &json!({"deployments": deployments})));
    bindings
}

fn inventory(filter: &Filter) -> Inventory {
    Inventory::new(rows(), &bindings(), filter, vec![])
}

#[test]
fn each_version_has_a_line_with_its_place_its_job_and_its_share_of_the_traffic() {
    let shown = table(&inventory(&Filter::default()).table(true, now()), Shown::Always, Style::default());
    let expected = "\
NAMESPACE   NAME         PLACE          MODEL   VERSION   TYPE     STAGE         JOB       SERVING                  READY     REASON
fares       taxi-1-dev   fares-dev      taxi    1         MLflow   Development   train-1   <none>                   True      Succeeded
fares       taxi-1       fares-models   taxi    1         <none>   Production    train-1   fares/taxi Stable 100%   True      Succeeded
fares       taxi-2       fares-models   taxi    2         <none>   <none>        train-1   fares/taxi Candidate 0%  False     Refused
rides       other-1      fares-dev      other   1         <none>   <none>        <none>    <none>                   Unknown   <none>
";
    let squeezed = |text: &str| -> Vec<Vec<String>> {
        text.lines()
            .map(|line| {
                line.split("  ").filter(|it| !it.is_empty()).map(|it| it.trim().to_string()).collect()
            })
            .collect()
    };
    assert_eq!(squeezed(&shown), squeezed(expected), "{shown}");
    let own = inventory(&Filter::default()).table(false, now());
    assert!(
        table(&own, Shown::Always, Style::default()).starts_with("NAME  "),
        "one namespace needs no column"
    );
}

#[test]
fn a_filter_keeps_what_every_part_of_it_allows() {
    let names = |filter: Filter| -> Vec<String> {
        inventory(&filter).items.into_iter().map(|row| row.name).collect()
    };
    let state = |states: &[State]| Filter { states: states.to_vec(), ..Filter::default() };
    let place = |name: &str| Filter { place: Some(name.into()), ..Filter::default() };
    let model = |glob: &str| Filter { model: Some(glob.into()), ..Filter::default() };
    for (filter, expected) in [
        (state(&[State::Ready]), vec!["taxi-1-dev", "taxi-1"]),
        (state(&[State::NotReady]), vec!["taxi-2", "other-1"]),
        (state(&[State::Stalled]), vec!["taxi-2"]),
        (state(&[State::Serving]), vec!["taxi-1"]),
        (state(&[State::Idle]), vec!["taxi-1-dev", "taxi-2", "other-1"]),
        (state(&[State::Archived]), vec!["taxi-1-dev"]),
        (state(&[State::Drifted]), vec![]),
        (state(&[State::Ready, State::Serving]), vec!["taxi-1"]),
        (place("fares-models"), vec!["taxi-1", "taxi-2"]),
        (place("ml-platform/fares-dev"), vec!["taxi-1-dev", "other-1"]),
        (place("other/fares-dev"), vec![]),
        (model("taxi"), vec!["taxi-1-dev", "taxi-1", "taxi-2"]),
        (model("tax"), vec![]),
        (model("*h*r"), vec!["other-1"]),
        (Filter { states: vec![State::Ready], ..place("fares-models") }, vec!["taxi-1"]),
    ] {
        assert_eq!(names(filter.clone()), expected, "{filter:?}");
    }
}

#[test]
fn who_answers_for_a_version_and_when_it_goes_out_of_use_are_columns_and_states() {
    let said =
        |kind: &str| json!({"conditions": [crate::answer::fixtures::said(kind, "True", kind, "It ends.")]});
    let spec = json!({
        "retirement": {"at": "2026-12-01T00:00:00Z", "action": "Archive"},
        "owner": {"team": "fares", "contact": "#fares", "costCenter": "4711"},
    });
    let approved = json!([{"created": "2026-11-02T00:00:00Z", "namespace": "risk", "name": "ada", "decision": "Approved", "by": "ada"},
        {"created": "2026-11-01T00:00:00Z", "namespace": "risk", "name": "eve", "decision": "Rejected", "by": "eve", "tiers": ["eu", "us"]}]);
    let mut soon = version("fares/soon", &spec, &said("RetiringSoon"));
    let status = soon.status.as_mut().unwrap();
    status.approvals = serde_json::from_value(approved.clone()).unwrap();
    status.lineage = serde_json::from_value(
        json!({"job": "train-1", "verified": true, "trainedAt": "2026-10-31T08:00:00Z"}),
    )
    .unwrap();
    let mut over = version("fares/over", &json!({}), &said("Retired"));
    over.status.as_mut().unwrap().archived = true;
    let rows: Vec<Row> = [&soon, &over].map(Row::of).to_vec();
    let of = |states: &[State]| {
        let filter = Filter { states: states.to_vec(), ..Filter::default() };
        Inventory::new(rows.clone(), &Bindings::default(), &filter, vec![])
    };
    let names = |states: &[State]| of(states).items.into_iter().map(|row| row.name).collect::<Vec<_>>();
    assert_eq!(
        (names(&[State::Retiring]), names(&[State::Retired])),
        (vec!["soon".into()], vec!["over".into()])
    );
    let wide = of(&[]).table(false, now());
    let column = |name: &str| {
        let at = wide.columns.iter().position(|column| column.name == name).unwrap();
        wide.rows.iter().map(|row| row[at].text.clone()).collect::<Vec<_>>()
    };
    assert_eq!(column("retirement"), ["2026-12-01T00:00:00Z", ""]);
    assert_eq!(column("approvals"), ["Approved by ada, Rejected by eve for eu/us", ""]);
    assert_eq!(column("verified"), ["true", ""]);
    assert_eq!(column("trainedAt"), ["2026-10-31T08:00:00Z", ""]);
    assert_eq!(column("archived"), ["false", "true"]);
    assert_eq!(
        [column("team"), column("contact"), column("costCenter")].map(|all| all[0].clone()),
        ["fares", "#fares", "4711"]
    );
    let tools = serde_json::to_value(of(&[])).unwrap();
    assert_eq!(tools["items"][0]["approvals"], approved);
    assert_eq!(
        (&tools["items"][0]["owner"], &tools["items"][0]["retirement"]),
        (&spec["owner"], &spec["retirement"])
    );
}

#[test]
fn where_it_serves_is_a_column_with_the_tier() {
    let mut rows = rows();
    rows[2].serving[0].tier = None;
    let bare =
        json!({"namespace": "fares", "name": "taxi", "endpoint": "old", "deployment": "a", "role": "Stable"});
    rows[3] = Row::of(&version("fares/old", &json!({}), &json!({"servedBy": [bare]})));
    let table = Inventory::new(rows, &Bindings::default(), &Filter::default(), vec![]).table(false, now());
    let at = table.columns.iter().position(|column| column.name == "servingIn").unwrap();
    let told: Vec<&str> = table.rows.iter().map(|row| row[at].text.as_str()).collect();
    let placed = "taxi-prod in ml-platform/fares-prod";
    assert_eq!(told, ["", &format!("{placed} (production)"), placed, "old"]);
}

#[test]
fn a_star_stands_for_any_characters() {
    for (glob, name, expected) in [
        ("a", "a", true),
        ("a", "ab", false),
        ("*", "", true),
        ("a*", "abc", true),
        ("*c", "abc", true),
        ("*b*", "abc", true),
        ("a*c*e", "abcde", true),
        ("a*e*c", "abcde", false),
        ("ab*ba", "aba", false),
        ("a**c", "abc", true),
    ] {
        assert_eq!(matches(glob, name), expected, "{glob} {name}");
    }
}

#[test]
fn where_bindings_cannot_be_read_the_stable_deployment_counts_as_serving() {
    let filter = Filter { states: vec![State::Serving], ..Filter::default() };
    let lacking = vec!["You may not list the bindings.".to_string()];
    let inventory = Inventory::new(rows(), &Bindings::default(), &filter, lacking.clone());
    let json = serde_json::to_value(&inventory).unwrap();
    assert_eq!(json["items"].as_array().unwrap().len(), 1);
    assert_eq!(json["items"][0]["serving"][0], told("Stable", "v1-aa"), "no share is made up");
    assert_eq!(json["notRead"], json!(lacking));
}

#[test]
fn of_several_deployments_the_stable_one_comes_first() {
    let served = json!({"servedBy": [served_by("Failed", "v1-aa"), served_by("Stable", "v1-bb"), served_by("Failed", "v1-cc")]});
    let row = Row::of(&promoted("fares/taxi-1", "1", "taxi-1-dev", &served));
    let order: Vec<&str> = row.serving.iter().map(|it| it.deployment.as_str()).collect();
    assert_eq!(order, ["v1-bb", "v1-aa", "v1-cc"]);
}

#[test]
fn bindings_are_asked_for_only_where_there_can_be_a_namespace() {
    let mut rows = rows();
    for namespace in ["../../x", "", "rides"] {
        let mut serving = rows[1].serving[0].clone();
        serving.namespace = namespace.into();
        rows[0].serving.push(serving);
    }
    let namespaces: Vec<String> = namespaces_of_bindings(&rows).into_iter().collect();
    assert_eq!(namespaces, ["fares", "rides"]);
}

#[test]
fn tools_get_every_field() {
    let json = serde_json::to_value(inventory(&Filter::default())).unwrap();
    let mut serving = told("Stable", "v1-aa");
    serving["weight"] = 100.into();
    assert_eq!(
        json["items"][1],
        json!({
            "namespace": "fares", "name": "taxi-1", "model": "taxi", "version": "1", "stage": "Production",
            "place": {"kind": "Registry", "namespace": "ml-platform", "name": "fares-models"},
            "archived": false, "drifted": false, "stalled": false, "metrics": 2,
            "trained": {"job": "train-1", "experiment": "fares", "commit": "4f2c1d9e", "by": "ada", "at": "2026-10-31T08:00:00Z", "verified": false},
            "serving": [serving],
            "ready": {"status": "True", "reason": "Succeeded", "message": "All is well."},
            "assetId": asset("1"), "created": "2026-11-01T00:00:00Z", "retired": false, "retiringSoon": false,
        })
    );
}

#[test]
fn ages_are_written_as_kubectl_does() {
    for (since, expected) in [
        ("2026-11-29T12:00:05Z", "0s"),
        ("2026-11-29T11:59:00Z", "60s"),
        ("2026-11-29T11:00:00Z", "60m"),
        ("2026-11-29T02:00:00Z", "10h"),
        ("2026-11-01T00:00:00Z", "28d"),
    ] {
        assert_eq!(age(since.parse().unwrap(), now()), expected, "{since}");
    }
}
