//! A candidate that is measured: by requests to it, and by what Azure Monitor saw of them.

use std::time::{Duration, Instant};

use azureml_emulator::{Effect, FaultRule, RightsEffect, RightsRule, ScoringRule};
use bindery::azure::model::resource::OnlineEndpoint;
use bindery::azure::model::{Action, Call, Errand, Lane, Principal, Purpose, ResourceId};
use bindery::measure::Client;
use bindery::measure::model::{
    Aggregation, Answer, Answered, Auth, Entry, Metric, Monitor, Query, Question, Smoke, Texts,
};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::stand::{SUBSCRIPTION, Stand, endpoint, put, sent, workspace};

const INPUT: &str = r#"{"input_data": [[1.5, 2]]}"#;

pub fn errand() -> Errand {
    Errand { principal: Principal::Operator, leaving: false, lane: Lane::Rollout, purpose: Purpose::Measure }
}

/// A stand with an endpoint on which `blue` has all the traffic and `green` none, and what measures it.
struct Measured {
    stand: Stand,
    client: Client,
    smoke: Smoke,
}

impl Measured {
    async fn new(auth: Auth) -> Self {
        let stand = Stand::new().await;
        let azure = stand.azure();
        // No other models are served without an environment.
        let uri = format!(
            "azureml://subscriptions/{SUBSCRIPTION}/resourcegroups/ml/workspaces/dev/datastores/d/paths/m"
        );
        let body = json!({"properties": {"modelType": "mlflow_model", "modelUri": uri}});
        sent(&azure, &put(workspace().model_version("fare", "1"), body)).await;
        let mode = match auth {
            Auth::Key => "Key",
            Auth::AmlToken => "AMLToken",
            Auth::AadToken => "AADToken",
        };
        let body = |traffic| {
            json!({"location": "eastus", "identity": {"type": "SystemAssigned"},
                "properties": {"authMode": mode, "traffic": traffic}})
        };
        sent(&azure, &put(endpoint(), body(json!({})))).await;
        stand.emulator.advance(60.0);
        for name in ["blue", "green"] {
            let model = workspace().model_version("fare", "1").to_string();
            let body = json!({"location": "eastus", "sku": {"name": "Default", "capacity": 1}, "properties": {
                "endpointComputeType": "Managed", "model": model, "instanceType": "Standard_DS3_v2"}});
            sent(&azure, &put(endpoint().child("deployments", name), body)).await;
            stand.emulator.advance(600.0);
        }
        sent(&azure, &put(endpoint(), body(json!({"blue": 100})))).await;
        stand.emulator.advance(60.0);
        let found = azure.get::<OnlineEndpoint>(&endpoint()).await.expect("an answer").expect("an endpoint");
        let smoke = Smoke {
            endpoint: endpoint(),
            scoring_uri: found.properties.scoring_uri.expect("a scoring URI"),
            auth,
            deployment: "green".into(),
            body: Entry { namespace: "fares".into(), name: "cases".into(), key: "one.json".into() },
            expect: Some("status == 200 && body.deployment == 'green'".into()),
            timeout: Duration::from_secs(5),
        };
        Self { client: Client::new(azure), stand, smoke }
    }

    async fn ask(&self, smoke: &Smoke) -> Answer {
        let query = Query { errand: errand(), what: Question::Smoke(smoke.clone()) };
        self.client.ask(&query, &Texts { entry: Some(INPUT.into()) }).await
    }

    fn answers(&self, rule: ScoringRule) {
        let rule = ScoringRule { deployment: "green".into(), ..rule };
        self.stand.emulator.control().config.scoring = vec![rule];
    }

    /// Asks for a metric of the endpoint, of the deployment `green`, over the last minutes that Azure Monitor knows.
    async fn number(&self, metric: Metric, divided_by: Option<Metric>) -> Answer {
        let until = self.stand.emulator.now() - SignedDuration::from_mins(5);
        self.number_of(&endpoint(), metric, divided_by, (until - SignedDuration::from_mins(10), until)).await
    }

    async fn number_of(
        &self,
        resource: &ResourceId,
        metric: Metric,
        divided_by: Option<Metric>,
        (from, until): (Timestamp, Timestamp),
    ) -> Answer {
        let monitor = Monitor { resource: resource.clone(), metric, divided_by, from, until };
        let query = Query { errand: errand(), what: Question::Monitor(monitor) };
        self.client.ask(&query, &Texts::default()).await
    }
}

fn requests(filter: &[(&str, &[&str])]) -> Metric {
    let filter = filter
        .iter()
        .map(|(name, values)| ((*name).to_owned(), values.iter().map(|value| (*value).to_owned()).collect()));
    Metric { name: "RequestsPerMinute".into(), aggregation: Aggregation::Average, filter: filter.collect() }
}

/// The status, and what the expression came to.
fn answered(answer: &Answer) -> (u16, Option<Result<bool, String>>) {
    match answer {
        Answer::Answered(Answered { status, expected, .. }) => (*status, expected.clone()),
        other => panic!("not answered: {other:?}"),
    }
}

#[tokio::test]
async fn a_candidate_is_asked_whatever_its_traffic_is() {
    for (auth, path, times) in
        [(Auth::Key, "/listKeys", 1), (Auth::AmlToken, "/token", 1), (Auth::AadToken, "/listKeys", 0)]
    {
        let measured = Measured::new(auth).await;
        let blue = Smoke { deployment: "blue".into(), ..measured.smoke.clone() };
        // All at once: nobody asks for a key that somebody else is about to get.
        let all = futures::future::join_all(
            (0..20).map(|number| measured.ask(if number % 2 == 0 { &measured.smoke } else { &blue })),
        );
        for (number, answer) in all.await.iter().enumerate() {
            assert_eq!(answered(answer), (200, Some(Ok(number % 2 == 0))), "{auth:?}");
        }
        assert_eq!(measured.stand.seen("POST", &format!("onlineEndpoints/fares{path}")), times, "{auth:?}");
        assert_eq!(measured.stand.seen("POST", "/score"), 20);
        let nothing = Smoke { expect: None, ..measured.smoke.clone() };
        assert_eq!(answered(&measured.ask(&nothing).await), (200, None));
    }
}

#[tokio::test]
async fn a_candidate_that_answers_badly() {
    let measured = Measured::new(Auth::Key).await;
    let smoke = &measured.smoke;
    let html = |status| Effect::Body {
        status,
        content_type: "text/html".into(),
        body: "<html><title>Sign in</title></html>".into(),
    };
    let no_json = "The expression speaks of the body, and the answer is not JSON.";

    // The model's own failure: 424.
    measured.answers(ScoringRule { status: 500, ..ScoringRule::default() });
    assert_eq!(answered(&measured.ask(smoke).await), (424, Some(Err(no_json.into()))));
    let status = Smoke { expect: Some("status == 200 || latency < 0.0".into()), ..smoke.clone() };
    assert_eq!(answered(&measured.ask(&status).await), (424, Some(Ok(false))));

    // Another answer than the one that is needed.
    measured.answers(ScoringRule { answer: Some(json!({"fares": [12.5, -1]})), ..ScoringRule::default() });
    let positive = Smoke { expect: Some("body.fares.all(fare, fare > 0)".into()), ..smoke.clone() };
    assert_eq!(answered(&measured.ask(&positive).await), (200, Some(Ok(false))));
    let missing =
        Err("The expression has no value: there is no field 'deployment' where it looks for one.".into());
    assert_eq!(answered(&measured.ask(smoke).await), (200, Some(missing)));

    // No JSON, of a status that looks well, and of one that does not.
    for status in [200, 502] {
        measured.stand.fault("POST", "/score", html(status));
        assert_eq!(answered(&measured.ask(smoke).await), (status, Some(Err(no_json.into()))));
    }

    // Slowly: later than it may.
    measured.answers(ScoringRule { latency_millis: 700, ..ScoringRule::default() });
    let slow = measured.ask(smoke).await;
    assert!(matches!(&slow, Answer::Answered(Answered { millis: 700..5000, .. })), "{slow:?}");
    let hurried = Smoke { timeout: Duration::from_millis(300), ..smoke.clone() };
    assert_eq!(measured.ask(&hurried).await, Answer::Late(300));
    let latency = Smoke { expect: Some("latency < 0.5".into()), ..smoke.clone() };
    assert_eq!(answered(&measured.ask(&latency).await), (200, Some(Ok(false))));

    // Not at all.
    measured.stand.fault("POST", "/score", Effect::Silence { after_the_deed: true });
    let since = Instant::now();
    let patient = Smoke { timeout: Duration::from_secs(4), ..smoke.clone() };
    assert_eq!(measured.ask(&patient).await, Answer::Late(4000));
    assert!((4..6).contains(&since.elapsed().as_secs()), "{:?}", since.elapsed());

    // Half of an answer, none, and more than anybody reads: then nothing was measured.
    measured.answers(ScoringRule::default());
    let long = Effect::Body {
        status: 200,
        content_type: "application/json".into(),
        body: format!("\"{}\"", "x".repeat(1024 * 1024)),
    };
    for (effect, why) in [
        (
            Effect::Cut { after: 3 },
            "green could not be asked. The connection to 127.0.0.1 ended before the answer was complete: ",
        ),
        (
            Effect::DropBefore,
            "green could not be asked. The connection to 127.0.0.1 ended before the answer was complete: ",
        ),
        (
            long,
            "green could not be asked. 127.0.0.1 answered 200 with something unexpected: a body of more than 1 MiB (HTTP 200",
        ),
    ] {
        measured.stand.fault("POST", "/score", effect);
        let answer = measured.ask(smoke).await;
        assert!(matches!(&answer, Answer::Error(said) if said.starts_with(why)), "{answer:?}");
    }
    assert_eq!(measured.stand.seen("POST", "/listKeys"), 1);
    assert_eq!(answered(&measured.ask(smoke).await), (200, Some(Ok(true))));
}

#[tokio::test]
async fn a_key_that_was_changed_is_asked_for_again_and_no_other_answer_is() {
    let measured = Measured::new(Auth::Key).await;
    let smoke = &measured.smoke;
    assert_eq!(answered(&measured.ask(smoke).await).0, 200);
    let azure = measured.stand.azure();
    let regenerate = Action::Post("regenerateKeys", json!({"keyType": "Primary"}));
    sent(&azure, &Call::new(Purpose::Update, endpoint(), regenerate, "test")).await;
    measured.stand.emulator.advance(60.0);
    assert_eq!(answered(&measured.ask(smoke).await), (200, Some(Ok(true))));
    assert_eq!((measured.stand.seen("POST", "/listKeys"), measured.stand.seen("POST", "/score")), (2, 3));

    // One that is new and refused is told, and not tried for ever.
    for status in [401, 403] {
        let refuse = Effect::Answer { status, code: "No".into(), message: "no".into(), headers: [].into() };
        measured.stand.emulator.control().add_fault(FaultRule::on("POST", "/score", refuse).times(2));
        let answer = measured.ask(smoke).await;
        let said = format!(
            "green could not be asked. The endpoint at 127.0.0.1 does not let us in. Its keys may have just been changed; and it may not be reachable from outside of its network. (HTTP {status}, asked as the operator's own identity)"
        );
        assert_eq!(answer, Answer::Error(said));
        assert_eq!(answered(&measured.ask(smoke).await).0, 200);
    }

    // Who may not have the keys asks for them once, and not with every measurement.
    let measured = Measured::new(Auth::Key).await;
    measured.stand.emulator.control().config.rights.push(RightsRule {
        principal: "*".into(),
        scope: String::new(),
        action: "*/listKeys/action".into(),
        effect: RightsEffect::Deny,
    });
    for _ in 0..3 {
        let answer = measured.ask(&measured.smoke).await;
        assert!(
            matches!(&answer, Answer::Error(said) if said.starts_with("green could not be asked. AuthorizationFailed: ")),
            "{answer:?}"
        );
    }
    assert_eq!((measured.stand.seen("POST", "/listKeys"), measured.stand.seen("POST", "/score")), (1, 0));
}

#[tokio::test]
async fn no_key_goes_where_it_does_not_belong() {
    let measured = Measured::new(Auth::Key).await;
    let port = measured.stand.emulator.address().port();
    for (uri, why) in [
        (
            "https://evil.example/score".to_owned(),
            "evil.example:443: the host is neither a scoring host of this cloud nor a trusted host of ours",
        ),
        (format!("http://127.0.0.1:{port}/inference/eastus/fares/score"), "127.0.0.1: it is not https"),
        (
            format!("https://localhost:{port}/inference/eastus/fares/score"),
            "the host is neither a scoring host of this cloud nor a trusted host of ours",
        ),
        (format!("https://u:p@127.0.0.1:{port}/score"), "127.0.0.1: it carries a user name"),
        ("score".into(), "something that is no URL"),
    ] {
        let smoke = Smoke { scoring_uri: uri.clone(), ..measured.smoke.clone() };
        let answer = measured.ask(&smoke).await;
        assert!(
            matches!(&answer, Answer::Error(said) if said.contains(why) && said.contains("No token was sent there")),
            "{uri}: {answer:?}"
        );
    }
    let smoke = Smoke { deployment: "green\r\nauthorization: x".into(), ..measured.smoke.clone() };
    assert!(matches!(measured.ask(&smoke).await, Answer::Error(_)));
    let query = Query { errand: errand(), what: Question::Smoke(measured.smoke.clone()) };
    let answer = measured.client.ask(&query, &Texts::default()).await;
    let said = "There is no key one.json in the ConfigMap fares/cases, or it is no text: write one.";
    assert_eq!(answer, Answer::Error(said.into()));
    assert_eq!((measured.stand.seen("POST", "/listKeys"), measured.stand.seen("POST", "/score")), (0, 0));
}

#[tokio::test]
async fn a_hostile_expression_is_an_error_of_its_own_measurement_and_delays_nobody() {
    let measured = Measured::new(Auth::Key).await;
    let many = json!({"a": vec![1; 20_000]});
    measured.answers(ScoringRule { answer: Some(many), ..ScoringRule::default() });
    let hostile =
        Smoke { expect: Some("body.a.all(x, body.a.all(y, x + y < 3))".into()), ..measured.smoke.clone() };
    let good = Smoke { expect: Some("size(body.a) == 20000".into()), ..measured.smoke.clone() };
    let since = Instant::now();
    let all = futures::future::join_all(
        (0..20).map(|number| measured.ask(if number == 19 { &good } else { &hostile })),
    );
    let all = all.await;
    assert!(since.elapsed() < Duration::from_secs(10), "{:?}", since.elapsed());
    assert_eq!(answered(&all[19]), (200, Some(Ok(true))));
    for answer in &all[..19] {
        let (status, said) = answered(answer);
        let said = said.expect("an expression").expect_err("refused");
        assert!(status == 200 && said.starts_with("The expression could cost too much"), "{said}");
    }
}

#[tokio::test]
async fn the_numbers_of_azure_monitor() {
    let measured = Measured::new(Auth::Key).await;
    let all = || requests(&[("deployment", &["green"])]);
    let failed = || requests(&[("deployment", &["green"]), ("statusCodeClass", &["4xx", "5xx"])]);
    // Three minutes: four requests that go well, four that fail, two of blue.
    let blue = Smoke { deployment: "blue".into(), ..measured.smoke.clone() };
    for _ in 0..4 {
        measured.ask(&measured.smoke).await;
    }
    measured.stand.emulator.advance(60.0);
    for status in [500, 500, 400, 400] {
        measured.answers(ScoringRule { status, ..ScoringRule::default() });
        measured.ask(&measured.smoke).await;
    }
    measured.stand.emulator.advance(60.0);
    measured.ask(&blue).await;
    measured.ask(&blue).await;

    // Nobody knows yet.
    let recent =
        (measured.stand.emulator.now() - SignedDuration::from_mins(3), measured.stand.emulator.now());
    let early = measured.number_of(&endpoint(), all(), None, recent).await;
    assert!(
        matches!(&early, Answer::NoData(why) if why.starts_with("Azure Monitor has no value of RequestsPerMinute between ")),
        "{early:?}"
    );
    let early = measured.number_of(&endpoint(), failed(), Some(all()), recent).await;
    assert!(matches!(early, Answer::NoData(_)), "{early:?}");

    measured.stand.emulator.advance(600.0);
    let latency = |deployment: &str| Metric {
        name: "RequestLatency_P95".into(),
        aggregation: Aggregation::Average,
        filter: [("deployment".to_owned(), vec![deployment.to_owned()])].into(),
    };
    for (metric, by, expected) in [
        // Eight requests in two minutes, ten in three, and four of eight.
        (all(), None, 4.0),
        (requests(&[]), None, 10.0 / 3.0),
        (failed(), None, 4.0),
        (failed(), Some(all()), 0.5),
        (requests(&[("deployment", &["green", "blue"])]), None, 10.0 / 3.0),
        (
            requests(&[("deployment", &["blue"]), ("statusCodeClass", &["5xx"])]),
            Some(requests(&[("deployment", &["blue"])])),
            0.0,
        ),
        (latency("green"), None, 1.0),
        (latency("green"), Some(latency("blue")), 1.0),
    ] {
        assert_eq!(
            measured.number(metric.clone(), by.clone()).await,
            Answer::Number(expected),
            "{metric:?} {by:?}"
        );
    }
    // What is nobody's.
    for (metric, by) in [
        (requests(&[("deployment", &["none"])]), None),
        (failed(), Some(requests(&[("deployment", &["none"])]))),
        // A value is a value: this is the name of no deployment.
        (requests(&[("deployment", &["none' or deployment eq 'green"])]), None),
    ] {
        let answer = measured.number(metric.clone(), by).await;
        assert!(matches!(&answer, Answer::NoData(_)), "{metric:?}: {answer:?}");
    }
    // The deployment's own metrics have another dimension.
    let green = endpoint().child("deployments", "green");
    let until = measured.stand.emulator.now() - SignedDuration::from_mins(5);
    let window = (until - SignedDuration::from_mins(10), until);
    let answer = measured.number_of(&green, requests(&[]), None, window).await;
    assert_eq!(answer, Answer::Number(4.0));
    let cpu = Metric { name: "CpuUtilizationPercentage".into(), ..requests(&[]) };
    assert!(matches!(measured.number_of(&green, cpu, None, window).await, Answer::NoData(_)));
}

#[tokio::test]
async fn what_azure_monitor_does_not_tell() {
    let measured = Measured::new(Auth::Key).await;
    let all = || requests(&[("deployment", &["green"])]);
    let named = |name: &str| Metric { name: name.into(), ..all() };
    let answer = |status, code: &str, message: &str| Effect::Answer {
        status,
        code: code.into(),
        message: message.into(),
        headers: [].into(),
    };
    let body = |body: serde_json::Value| Effect::Body {
        status: 200,
        content_type: "application/json".into(),
        body: body.to_string(),
    };
    let inside = json!({"interval": "PT1M", "value": [{"errorCode": "MetricNotFound", "errorMessage": "Nothing of the kind.", "timeseries": []}]});
    for (effect, metric, said) in [
        (
            None,
            named("Latency"),
            "fares has no metric Latency. It has RequestsPerMinute, RequestLatency, RequestLatency_P50, ",
        ),
        (
            None,
            requests(&[("instanceId", &["1"])]),
            "Azure Monitor gave no value of RequestsPerMinute. BadRequest: Metric: RequestsPerMinute does not support requested dimension combination: instanceId, supported ones are: ",
        ),
        (None, named("A,B"), "Azure Monitor gave no value of A,B. \"A,B\" is not the name of a metric."),
        (
            Some(answer(529, "TooBusy", "Overloaded.")),
            all(),
            "Azure Monitor is overloaded and gave no value of RequestsPerMinute. TooBusy: Overloaded. (HTTP 529",
        ),
        (
            Some(body(inside)),
            all(),
            "Azure Monitor gave no value of RequestsPerMinute. Azure Monitor has no answer (MetricNotFound): Nothing of the kind.",
        ),
        (
            Some(body(json!({"value": [], "padding": "x".repeat(1024 * 1024)}))),
            all(),
            "Azure Monitor gave no value of RequestsPerMinute. 127.0.0.1 answered 200 with something unexpected: a body of more than 1 MiB",
        ),
        (
            Some(Effect::Body {
                status: 502,
                content_type: "text/html".into(),
                body: "<html>Bad Gateway</html>".into(),
            }),
            all(),
            "Azure Monitor gave no value of RequestsPerMinute. 127.0.0.1 answered 502 with something that is not JSON: \"Bad Gateway\"",
        ),
    ] {
        if let Some(effect) = effect {
            measured.stand.fault("GET", "Microsoft.Insights/metrics", effect);
        }
        let answer = measured.number(metric, None).await;
        assert!(matches!(&answer, Answer::Error(why) if why.starts_with(said)), "{said}: {answer:?}");
    }
    // It counts as a read of the subscription.
    let azure = measured.stand.azure();
    let before = azure.counts().reads;
    let client = Client::new(azure.clone());
    let until = measured.stand.emulator.now();
    let monitor = Monitor {
        resource: endpoint(),
        metric: all(),
        divided_by: Some(all()),
        from: until - SignedDuration::from_mins(9),
        until,
    };
    client.ask(&Query { errand: errand(), what: Question::Monitor(monitor) }, &Texts::default()).await;
    assert_eq!(azure.counts().reads - before, 2);

    measured.stand.emulator.control().config.rights.push(RightsRule {
        principal: "*".into(),
        scope: String::new(),
        action: "Microsoft.Insights/metrics/read".into(),
        effect: RightsEffect::Deny,
    });
    let answer = measured.number(all(), None).await;
    let said = "Azure Monitor does not show the metrics of fares: give who asks the role Monitoring Reader there. AuthorizationFailed: ";
    assert!(matches!(&answer, Answer::Error(why) if why.starts_with(said)), "{answer:?}");
}
