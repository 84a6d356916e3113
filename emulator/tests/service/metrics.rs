//! Azure Monitor tells what scoring really did, and tells it late.

use azureml_emulator::{Config, RightsEffect, RightsRule, ScoringRule};
use serde_json::{Value, json};

use crate::support::{ENDPOINT, WORKSPACE, World, endpoint_body};

/// Blue answers in 20 ms; green, which has a fifth of the traffic, in 100 ms and always with an error.
fn served(config: Config) -> (World, String) {
    let mut world = World::with(config);
    world.serve(&["blue", "green"]);
    world.settle_put(ENDPOINT, &endpoint_body(&json!({"blue": 80, "green": 20})));
    world.core.config.scoring = vec![
        ScoringRule {
            deployment: "green".into(),
            status: 503,
            latency_millis: 100,
            ..ScoringRule::default()
        },
        ScoringRule { latency_millis: 20, ..ScoringRule::default() },
    ];
    let keys = world.post(&format!("{ENDPOINT}/listKeys"), &json!({})).value();
    (world, keys["primaryKey"].as_str().unwrap().to_owned())
}

fn scored(requests: usize) -> World {
    let (mut world, key) = served(Config::default());
    for _ in 0..requests {
        world.score("fares", &key);
    }
    world
}

/// The time series of one metric in the last ten minutes.
fn series(world: &mut World, resource: &str, query: &str) -> Vec<Value> {
    let answer = ask(world, resource, &format!("timespan={}&{query}", last_minutes(world)));
    assert_eq!(answer.0, 200, "{}", answer.1);
    answer.1["value"][0]["timeseries"].as_array().unwrap().clone()
}

fn last_minutes(world: &World) -> String {
    let end = world.now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    format!("PT10M/{end}")
}

fn ask(world: &mut World, resource: &str, query: &str) -> (u16, Value) {
    use azureml_emulator::Request;
    let query = query.replace(' ', "%20").replace('\'', "%27");
    let target = format!(
        "{resource}/providers/microsoft.insights/metrics?api-version=2023-10-01&interval=FULL&{query}"
    );
    let answer = world.send(&Request::get(&target));
    (answer.status, answer.value())
}

fn total(series: &Value) -> f64 {
    series["data"].as_array().unwrap().iter().filter_map(|point| point["total"].as_f64()).sum()
}

fn split(series: &[Value]) -> Vec<(String, f64)> {
    let value = |one: &Value| one["metadatavalues"][0]["value"].as_str().unwrap().to_owned();
    series.iter().map(|one| (value(one), total(one))).collect()
}

#[test]
fn requests_are_counted_by_deployment_and_status() {
    let mut world = scored(200);
    let blue = world.core.scoring_counts()["fares/blue"].requests;
    let green = world.core.scoring_counts()["fares/green"].requests;
    #[allow(clippy::cast_precision_loss)]
    let (blue, green) = (blue as f64, green as f64);
    world.pass(300.0);
    let requests = |world: &mut World, filter: &str| {
        series(world, ENDPOINT, &format!("metricnames=RequestsPerMinute&aggregation=Total&$filter={filter}"))
    };
    assert!((total(&requests(&mut world, "")[0]) - 200.0).abs() < f64::EPSILON);
    let by_deployment = requests(&mut world, "deployment eq '*'");
    assert_eq!(split(&by_deployment), [("blue".to_owned(), blue), ("green".to_owned(), green)]);
    let errors = requests(&mut world, "statusCodeClass eq '4xx' and deployment eq 'green'");
    assert_eq!(split(&errors), [("4xx".to_owned(), green)]);
    let of_model = requests(&mut world, "modelStatusCode eq '503' or modelStatusCode eq '500'");
    assert_eq!(split(&of_model), [("503".to_owned(), green)]);
    assert!(requests(&mut world, "deployment eq 'red'").is_empty());
}

#[test]
fn latency_is_what_answers_took() {
    let mut world = scored(200);
    world.pass(300.0);
    let green = format!("{ENDPOINT}/deployments/green");
    let value = |world: &mut World, resource: &str, metric: &str| {
        series(world, resource, &format!("metricnames={metric}&aggregation=Average"))[0]["data"][0]["average"]
            .clone()
    };
    assert_eq!(value(&mut world, ENDPOINT, "RequestLatency_P50"), 20.0);
    assert_eq!(value(&mut world, ENDPOINT, "RequestLatency_P99"), 100.0);
    assert_eq!(value(&mut world, &green, "RequestLatency_P50"), 100.0);
    let mean = value(&mut world, ENDPOINT, "RequestLatency").as_f64().unwrap();
    assert!(mean > 20.0 && mean < 60.0, "{mean}");
    let by_code = series(
        &mut world,
        &green,
        "metricnames=RequestsPerMinute&aggregation=Total&$filter=envoy_response_code eq '*'",
    );
    assert_eq!(split(&by_code)[0].0, "424");
}

#[test]
fn a_minute_is_told_only_when_it_is_over_and_the_delay_too() {
    let mut world = scored(10);
    let mut told = |seconds: f64| {
        world.pass(seconds);
        series(&mut world, ENDPOINT, "metricnames=RequestsPerMinute&aggregation=Total").len()
    };
    assert_eq!(told(0.0), 0);
    assert_eq!(told(170.0), 0);
    assert_eq!(told(70.0), 1);
}

#[test]
fn a_minute_without_requests_has_no_value_which_is_not_zero() {
    let mut world = scored(10);
    world.pass(300.0);
    let span = last_minutes(&world);
    let answer = ask(&mut world, ENDPOINT, &format!("timespan={span}&aggregation=Total,Count")).1;
    assert_eq!(answer["value"][0]["name"]["value"], "RequestsPerMinute");
    let target = format!(
        "{ENDPOINT}/providers/Microsoft.Insights/metrics?api-version=2018-01-01&interval=PT1M&timespan={span}&aggregation=total"
    );
    let answer = world.send(&azureml_emulator::Request::get(&target)).value();
    let points = answer["value"][0]["timeseries"][0]["data"].as_array().unwrap().clone();
    assert_eq!(points.len(), 11);
    let with_value: Vec<&Value> = points.iter().filter(|point| point.get("total").is_some()).collect();
    assert_eq!(with_value.len(), 1);
    assert_eq!(with_value[0]["total"], 10.0);
}

/// As the query clients of JavaScript and Java send it.
#[test]
fn a_duration_alone_ends_now() {
    let mut world = scored(10);
    world.pass(300.0);
    let query = "metricnames=RequestsPerMinute&aggregation=Total&timespan=";
    let mut total_of = |span: &str| {
        let answer = ask(&mut world, ENDPOINT, &format!("{query}{span}")).1;
        (
            answer["timespan"].clone(),
            answer["value"][0]["timeseries"].as_array().unwrap().iter().map(total).sum::<f64>(),
        )
    };
    let (span, counted) = total_of("PT10M");
    assert!((counted - 10.0).abs() < f64::EPSILON, "{counted}");
    assert!(total_of("PT1M").1.abs() < f64::EPSILON, "before that");
    let end = world.now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    assert!(span.as_str().unwrap().ends_with(&end), "{span}");
    assert_eq!(ask(&mut world, ENDPOINT, &format!("{query}-PT1H")).0, 400);
}

#[test]
fn what_no_emulator_can_know_is_a_metric_without_data() {
    let mut world = scored(10);
    world.pass(300.0);
    let blue = format!("{ENDPOINT}/deployments/blue");
    assert!(series(&mut world, &blue, "metricnames=CpuUtilizationPercentage").is_empty());
    assert!(series(&mut world, ENDPOINT, "metricnames=ConnectionsActive").is_empty());
}

#[test]
fn mirrored_requests_count_only_when_told_so() {
    for (counted, expected) in [(false, 0), (true, 1)] {
        let mut config = Config::default();
        config.inferred.metrics_count_mirrored = counted;
        let (mut world, key) = served(config);
        let mut body = endpoint_body(&json!({"blue": 100}));
        body["properties"]["mirrorTraffic"] = json!({"green": 50});
        world.settle_put(ENDPOINT, &body);
        for _ in 0..50 {
            assert_eq!(world.score("fares", &key).status, 200);
        }
        world.pass(300.0);
        let query = "metricnames=RequestsPerMinute&aggregation=Total&$filter=deployment eq 'green'";
        assert_eq!(series(&mut world, ENDPOINT, query).len(), expected);
    }
}

#[test]
fn what_cannot_be_measured_is_refused() {
    let mut world = scored(1);
    let mut status = |resource: &str, query: &str| ask(&mut world, resource, query).0;
    assert_eq!(status(ENDPOINT, "metricnames=Happiness"), 400);
    assert_eq!(status(ENDPOINT, "$filter=deployment like 'x'"), 400);
    assert_eq!(status(ENDPOINT, "$filter=instanceId eq 'x'"), 400);
    assert_eq!(status(ENDPOINT, "timespan=yesterday"), 400);
    assert_eq!(status(ENDPOINT, "aggregation=Mode"), 400);
    assert_eq!(status(&format!("{WORKSPACE}/onlineEndpoints/none"), ""), 404);
    assert_eq!(status(WORKSPACE, ""), 400);
    world.core.config.rights = vec![RightsRule {
        principal: "*".into(),
        scope: String::new(),
        action: "Microsoft.Insights/*".into(),
        effect: RightsEffect::Deny,
    }];
    assert_eq!(ask(&mut world, ENDPOINT, "").0, 403);
}

#[test]
fn a_deleted_endpoint_leaves_nothing_to_its_successor() {
    let mut world = scored(10);
    world.delete(ENDPOINT);
    world.pass(100.0);
    world.serve(&["blue"]);
    assert!(series(&mut world, ENDPOINT, "metricnames=RequestsPerMinute").is_empty());
}
