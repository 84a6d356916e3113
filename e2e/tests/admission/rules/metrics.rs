//! Rules of how a candidate is measured.

use serde_json::{Value, json};

use super::{Case, at, case};
use crate::example::patched;
use crate::sentences::*;

const KIND: &str = "deploymentbindings";

/// Metrics of a strategy, and the steps that name them.
pub(super) fn rules_of_metrics() -> Vec<Case> {
    let mut cases = vec![];
    for it in [of_a_metric(), of_a_smoke_test(), of_azure_monitor(), of_steps()] {
        cases.extend(it);
    }
    cases
}

fn metric(rest: &Value) -> Value {
    let metric = json!({"name": "errors", "azureMonitor": {"metric": "RequestsPerMinute"}, "max": "1"});
    at("spec.strategy.metrics", json!([patched(metric, rest)]))
}

fn of_a_metric() -> Vec<Case> {
    let field = "spec.strategy.metrics[]";
    let told = |rest: &str| -> &'static str { format!("{field}.{rest}").leak() };
    let one = |says: &'static str, wrong: Value, right: Value| {
        case(KIND, field, says, metric(&wrong), metric(&right))
    };
    let of = |name: &str, says: &'static str, wrong: &str, right: &str| {
        case(KIND, told(name), says, metric(&json!({name: wrong})), metric(&json!({name: right})))
    };
    let smoke =
        json!({"cases": [{"name": "a", "request": {"configMapKeyRef": {"name": "trips", "key": "a"}}}]});
    let stable = json!({"against": "Stable", "better": "Lower"});
    let with = |rest: Value| patched(stable.clone(), &rest);
    let source = "give exactly one of smokeTest, azureMonitor and prometheus";
    let bound = "give min, max or against: what the number has to be";
    let own =
        "a smokeTest has its own expectations: min, max and against are for azureMonitor and prometheus";
    let better =
        "better says whether a lower or a higher number is better: give it with against, and only there";
    let tolerance = "tolerance is how much worse than the stable deployment the candidate may be: give it only with against";
    vec![
        one(source, json!({"azureMonitor": null}), json!({})),
        one(
            source,
            json!({"smokeTest": smoke, "max": null}),
            json!({"azureMonitor": null, "max": null, "smokeTest": smoke}),
        ),
        one(bound, json!({"max": null}), json!({"max": null, "min": "0"})),
        one(own, json!({"azureMonitor": null, "smokeTest": smoke}), json!({})),
        one(better, json!({"against": "Stable"}), stable.clone()),
        one(better, json!({"better": "Lower"}), with(json!({"max": null}))),
        one(tolerance, json!({"tolerance": "1"}), with(json!({"tolerance": "1"}))),
        one("interval must be from 10s to 24h", json!({"interval": "9s"}), json!({"interval": "10s"})),
        one("interval must be from 10s to 24h", json!({"interval": "24h1s"}), json!({"interval": "24h"})),
        one(
            "initialDelay must be from 0s to 24h",
            json!({"initialDelay": "25h"}),
            json!({"initialDelay": "0s"}),
        ),
        of("name", ENTRY_NAME, "Errors", "errors-5xx"),
        of("min", DECIMAL, "1e-3", "-0.5"),
        of("max", DECIMAL, "one", "0.01"),
        of("interval", PERIOD, "1 m", "1m"),
        of("initialDelay", PERIOD, "1d", "1h"),
        case(
            KIND,
            told("tolerance"),
            MARGIN,
            metric(&with(json!({"tolerance": "-1"}))),
            metric(&with(json!({"tolerance": "0.5"}))),
        ),
    ]
}

fn of_a_smoke_test() -> Vec<Case> {
    let field = "spec.strategy.metrics[].smokeTest.cases[]";
    let told = |rest: &str| -> &'static str { format!("{field}.{rest}").leak() };
    let with = |rest: Value| {
        let request = json!({"name": "a", "request": {"configMapKeyRef": {"name": "trips", "key": "a"}}});
        metric(&json!({"azureMonitor": null, "max": null, "smokeTest": {"cases": [patched(request, &rest)]}}))
    };
    let key = |name: &str, text: &str| with(json!({"request": {"configMapKeyRef": {name: text}}}));
    let latency = |text: &str| with(json!({"maxLatency": text}));
    let expect = |text: &str| with(json!({"expect": text}));
    let name = |text: &str| with(json!({"name": text}));
    let between = "maxLatency must be from 1s to 60s";
    vec![
        case(KIND, field, between, latency("0s"), latency("1s")),
        case(KIND, field, between, latency("61s"), latency("60s")),
        case(KIND, told("maxLatency"), PERIOD, latency("500ms"), latency("1m")),
        case(KIND, told("name"), ENTRY_NAME, name("Short trip"), name("short-trip")),
        case(KIND, told("expect"), EXPRESSION, expect(""), expect("body.a[0] > 0.0 &&\n  latency < 0.5")),
        case(KIND, told("expect"), EXPRESSION, expect("a\u{7}"), expect("status == 200")),
        case(KIND, told("expect"), SEEN, expect("body.a == '\u{200b}'"), expect("body.a == 'é'")),
        case(
            KIND,
            told("request.configMapKeyRef.name"),
            OBJECT_NAME,
            key("name", "Trips"),
            key("name", "trips.v1"),
        ),
        case(
            KIND,
            told("request.configMapKeyRef.key"),
            DATA_KEY,
            key("key", "a/b"),
            key("key", "Short_trip.json"),
        ),
    ]
}

fn of_azure_monitor() -> Vec<Case> {
    let mut cases = vec![];
    for beside in [false, true] {
        let list = if beside { "azureMonitor.dividedBy" } else { "azureMonitor" };
        let told = |rest: &str| -> &'static str { format!("spec.strategy.metrics[].{list}{rest}").leak() };
        let put = |rest: Value| {
            let rest = patched(json!({"metric": "RequestsPerMinute"}), &rest);
            metric(&if beside {
                json!({"azureMonitor": {"dividedBy": rest}})
            } else {
                json!({"azureMonitor": rest})
            })
        };
        let filter = |dimension: &str, value: &str| {
            put(json!({"filter": [{"dimension": dimension, "values": [value]}]}))
        };
        let named = |name: &str| put(json!({"metric": name}));
        let ours = "the candidate's deployment is asked for by Bindery: leave the dimension deployment out";
        let right = filter("statusCodeClass", "5xx");
        cases.extend([
            case(KIND, told(".metric"), AZURE_METRIC, named("p 95"), named("RequestLatency_P95")),
            case(KIND, told(".filter[].dimension"), AZURE_METRIC, filter("status code", "1"), right.clone()),
            case(KIND, told(".filter[]"), ours, filter("Deployment", "v1"), right.clone()),
            case(
                KIND,
                told(".filter[].values[]"),
                DIMENSION_VALUE,
                filter("a", "5xx' or b eq '"),
                right.clone(),
            ),
            case(KIND, told(".filter[].values[]"), DIMENSION_VALUE, filter("a", "*"), right.clone()),
            case(KIND, told(".filter[].values[]"), SEEN, filter("a", "5\u{200b}xx"), right),
        ]);
    }
    cases
}

fn of_steps() -> Vec<Case> {
    let (steps, analysis) = ("spec.strategy.steps[]", "spec.strategy.steps[].analysis");
    let with = |metrics: &[&str], step: Value, rest: Value| {
        let own = patched(json!({"metrics": metrics}), &rest);
        let step = patched(json!({"name": "watch", "analysis": own}), &step);
        patched(metric(&json!({})), &at("spec.strategy.steps", json!([step])))
    };
    let of = |rest: Value| with(&["errors"], json!({}), rest);
    let named = |name: Value| with(&["errors"], json!({"name": name}), json!({}));
    let both = "for says how long a rollout stays at the step, and with background: true it stays nowhere: give one of them";
    let call = "give the step a name: status and history call an analysis by its name";
    let known = "each metric that an analysis names must be one of strategy.metrics";
    let right = of(json!({"for": "5m"}));
    let many = "at most 10 metrics can be measured in the background, those of all steps together";
    let in_the_background = |first: usize, second: usize| {
        let all = |many: usize| (0..many).map(|n| format!("m{n}"));
        let metric_of =
            |name| json!({"name": name, "azureMonitor": {"metric": "RequestsPerMinute"}, "max": "1"});
        let metrics: Vec<Value> = all(6).map(metric_of).collect();
        let step = |name: &str, many| {
            let names: Vec<String> = all(many).collect();
            json!({"name": name, "analysis": {"metrics": names, "background": true}})
        };
        let with_metrics = patched(metric(&json!({})), &at("spec.strategy.metrics", json!(metrics)));
        patched(with_metrics, &at("spec.strategy.steps", json!([step("a", first), step("b", second)])))
    };
    vec![
        case(KIND, analysis, "for must be from 1s to 720h", of(json!({"for": "0s"})), right.clone()),
        case(
            KIND,
            analysis,
            both,
            of(json!({"for": "5m", "background": true})),
            of(json!({"background": true})),
        ),
        case(KIND, "spec.strategy.steps[].analysis.for", PERIOD, of(json!({"for": "5"})), right.clone()),
        case(KIND, steps, call, named(Value::Null), named("watch-1".into())),
        case(KIND, "spec.strategy", known, with(&["errors", "p95"], json!({}), json!({})), right),
        case(KIND, "spec.strategy", many, in_the_background(6, 5), in_the_background(5, 5)),
    ]
}
