//! Over TLS, as clients meet it: tokens, faults on the wire, time.
#![allow(clippy::unwrap_used)]

mod bytes;
mod issuers;
#[path = "../support/keys.rs"]
mod keys;
mod readme;

use std::time::{Duration, Instant};

use azureml_emulator::{
    Client, Config, Durations, Effect, Emulator, FaultRule, Limit, Limits, Throttling, Time, WorkspaceSeed,
};
use reqwest::{Certificate, StatusCode};
use serde_json::{Value, json};

const WORKSPACE: &str =
    "/subscriptions/s1/resourceGroups/ml/providers/Microsoft.MachineLearningServices/workspaces/dev";

fn config() -> Config {
    let mut config = Config { time: Time::Manual, ..Config::default() };
    config.clients.push(Client {
        client_id: "11111111-0000-4000-8000-000000000001".into(),
        name: "bindery".into(),
        secret: Some("s3cret".into()),
        ..Client::default()
    });
    config.exists.workspaces.push(WorkspaceSeed {
        subscription: "s1".into(),
        resource_group: "ml".into(),
        name: "dev".into(),
        location: "eastus".into(),
        ..WorkspaceSeed::default()
    });
    config
}

fn client(emulator: &Emulator) -> reqwest::Client {
    let authority = Certificate::from_pem(emulator.ca_pem().as_bytes()).unwrap();
    reqwest::Client::builder().tls_certs_only([authority]).build().unwrap()
}

async fn token(
    emulator: &Emulator,
    client: &reqwest::Client,
    secret: &str,
    scope: &str,
) -> (StatusCode, Value) {
    let tenant = emulator.control().config.tenant.clone();
    let form = format!(
        "grant_type=client_credentials&client_id=11111111-0000-4000-8000-000000000001&client_secret={secret}&scope={scope}%2F.default"
    );
    let answer = client
        .post(format!("{}/{tenant}/oauth2/v2.0/token", emulator.url()))
        .body(form)
        .send()
        .await
        .unwrap();
    (answer.status(), answer.json().await.unwrap())
}

#[tokio::test]
async fn a_token_of_the_right_secret_opens_the_door_until_it_runs_out() {
    let emulator = Emulator::start(config()).await.unwrap();
    let client = client(&emulator);
    let url = format!("{}{WORKSPACE}?api-version=2025-09-01", emulator.url());

    let (status, refusal) = token(&emulator, &client, "wrong", "https%3A%2F%2Fmanagement.azure.com").await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    assert_eq!(refusal["error_codes"], json!([7_000_215]));

    let (_, issued) = token(&emulator, &client, "s3cret", "https%3A%2F%2Fmanagement.azure.com").await;
    let bearer = issued["access_token"].as_str().unwrap();
    let workspace: Value = client.get(&url).bearer_auth(bearer).send().await.unwrap().json().await.unwrap();
    let host = emulator.url().replace("https://", "");
    assert_eq!(
        workspace["properties"]["mlFlowTrackingUri"],
        format!("azureml://{host}/mlflow/v1.0{WORKSPACE}")
    );

    emulator.advance(3600.0);
    let refused = client.get(&url).bearer_auth(bearer).send().await.unwrap();
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
    assert!(refused.headers().contains_key("www-authenticate"));
    assert_eq!(refused.json::<Value>().await.unwrap()["error"]["code"], "ExpiredAuthenticationToken");
}

#[tokio::test]
async fn a_token_for_scoring_does_not_open_resource_manager() {
    let emulator = Emulator::start(config()).await.unwrap();
    let client = client(&emulator);
    let (_, issued) = token(&emulator, &client, "s3cret", "https%3A%2F%2Fml.azure.com").await;
    let url = format!("{}{WORKSPACE}?api-version=2025-09-01", emulator.url());
    let refused = client.get(url).bearer_auth(issued["access_token"].as_str().unwrap()).send().await.unwrap();
    assert_eq!(refused.json::<Value>().await.unwrap()["error"]["code"], "InvalidAuthenticationTokenAudience");
}

#[tokio::test]
async fn a_dropped_connection_is_an_error_and_the_next_request_is_served() {
    let emulator = Emulator::start(Config { any_token: true, ..config() }).await.unwrap();
    let client = client(&emulator);
    let url = format!("{}{WORKSPACE}?api-version=2025-09-01", emulator.url());
    emulator.control().add_fault(FaultRule::on("GET", "/workspaces/dev", Effect::DropBefore).times(1));
    assert!(client.get(&url).bearer_auth("x").send().await.is_err());
    assert_eq!(client.get(&url).bearer_auth("x").send().await.unwrap().status(), StatusCode::OK);
}

#[tokio::test]
async fn an_answer_can_be_cut_after_its_headers_and_a_part_of_its_body() {
    for plain_http in [true, false] {
        let emulator = Emulator::start(Config { any_token: true, plain_http, ..config() }).await.unwrap();
        let client = client(&emulator);
        let url = format!("{}{WORKSPACE}?api-version=2025-09-01", emulator.url());
        let whole = client.get(&url).bearer_auth("x").send().await.unwrap().bytes().await.unwrap();
        for (after, arriving) in [(20, 20), (0, 0), (1 << 20, whole.len() - 1)] {
            emulator
                .control()
                .add_fault(FaultRule::on("GET", "/workspaces/dev", Effect::Cut { after }).times(1));
            let mut answer = client.get(&url).bearer_auth("x").send().await.unwrap();
            assert_eq!(answer.status(), StatusCode::OK);
            assert_eq!(answer.content_length(), Some(whole.len() as u64));
            let mut arrived = 0;
            let broken = loop {
                match answer.chunk().await {
                    Ok(Some(bytes)) => arrived += bytes.len(),
                    end => break end.is_err(),
                }
            };
            assert!(broken, "the body seems whole");
            assert_eq!(arrived, arriving);
        }
        assert!(emulator.control().log().any(|entry| entry.status == 200 && !entry.answered));
        assert_eq!(client.get(&url).bearer_auth("x").send().await.unwrap().bytes().await.unwrap(), whole);
    }
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused_and_in_the_log() {
    let emulator = Emulator::start(Config { any_token: true, ..config() }).await.unwrap();
    let path = format!("{WORKSPACE}/models/fares/versions/1");
    let url = format!("{}{path}?api-version=2025-09-01", emulator.url());
    let body = vec![b' '; (16 << 20) + (1 << 18)];
    let refused = client(&emulator).put(&url).bearer_auth("x").body(body).send().await.unwrap();
    assert!(refused.headers().contains_key("x-ms-request-id"));
    assert_eq!(refused.headers()["connection"], "close");
    assert_eq!(refused.json::<Value>().await.unwrap()["error"]["code"], "RequestEntityTooLarge");
    let control = emulator.control();
    let entry = control.log().last().unwrap();
    assert_eq!((entry.status, entry.method.as_str(), &entry.path), (413, "PUT", &path));
    assert_eq!(entry.principal, "any");
    assert_eq!(control.request_counts()["any"].writes, 1);
}

#[tokio::test]
async fn silence_lasts_longer_than_patience() {
    let emulator = Emulator::start(Config { any_token: true, ..config() }).await.unwrap();
    let client = client(&emulator);
    let url = format!("{}{WORKSPACE}?api-version=2025-09-01", emulator.url());
    emulator.control().add_fault(FaultRule::on("GET", "", Effect::Silence { after_the_deed: false }));
    let impatient = client.get(&url).bearer_auth("x").timeout(Duration::from_millis(200)).send().await;
    assert!(impatient.unwrap_err().is_timeout());
}

#[tokio::test]
async fn the_control_api_moves_time_and_shows_the_log() {
    let emulator = Emulator::start(Config { any_token: true, ..config() }).await.unwrap();
    let client = client(&emulator);
    let control = format!("{}/_emulator", emulator.url());
    let moved: Value = client
        .post(format!("{control}/time"))
        .json(&json!({"seconds": 60}))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(moved["now"], "2026-01-01T00:01:00.0000000+00:00");
    let path = format!("{}{WORKSPACE}?api-version=2025-09-01", emulator.url());
    client.get(path).bearer_auth("x").send().await.unwrap();
    let log: Value = client.get(format!("{control}/log")).send().await.unwrap().json().await.unwrap();
    assert_eq!(log["entries"][0]["path"], WORKSPACE);
    assert_eq!(log["counts"]["any"]["reads"], 1);
}

#[tokio::test]
async fn time_that_cannot_be_moved_so_stays_where_it_is() {
    let emulator = Emulator::start(config()).await.unwrap();
    let (client, url) = (client(&emulator), format!("{}/_emulator/time", emulator.url()));
    let before = client.get(&url).send().await.unwrap().json::<Value>().await.unwrap();
    for (body, why) in [
        ("{}", "`seconds` or `scale` must say what is to change"),
        ("[5]", "The body must be an object, not [5]."),
        (r#"{"seconds": null}"#, "`seconds` or `scale` must say what is to change"),
        (r#"{"second": 5}"#, "unknown field `second`"),
        (r#"{"seconds": "x"}"#, "invalid type: string \"x\""),
        (r#"{"seconds": -1}"#, "`seconds` must be finite and at least 0, not -1"),
        (r#"{"seconds": 1e300}"#, "not beyond the year 9999"),
        (r#"{"seconds": 3e11}"#, "not beyond the year 9999"),
        (r#"{"scale": 0}"#, "`scale` must be finite and greater than 0, not 0"),
        (r#"{"scale": 60, "seconds": 3e11}"#, "not beyond the year 9999"),
        ("", "EOF"),
    ] {
        let refused = client.post(&url).body(body).send().await.unwrap();
        assert_eq!(refused.status(), StatusCode::BAD_REQUEST, "{body}");
        let refusal: Value = refused.json().await.unwrap();
        assert!(refusal["error"]["message"].as_str().unwrap().contains(why), "{body}: {refusal}");
    }
    let put = client.put(&url).body(r#"{"seconds": 5}"#).send().await.unwrap();
    assert_eq!(put.status(), StatusCode::NOT_FOUND);
    assert_eq!(client.get(&url).send().await.unwrap().json::<Value>().await.unwrap(), before);
    assert_eq!(emulator.control().config.time, Time::Manual);
}

/// Everything on the wire follows from seed and calls, while time stands still.
#[tokio::test]
async fn the_date_is_emulated_while_time_stands_still_and_real_while_it_runs() {
    let emulator = Emulator::start(Config { any_token: true, ..config() }).await.unwrap();
    let client = client(&emulator);
    let date = async || {
        let known = client.get(emulator.url() + WORKSPACE).bearer_auth("x").send().await.unwrap();
        let unknown = client.put(emulator.url() + "/_emulator/nothing").send().await.unwrap();
        assert_eq!(known.headers()["date"], unknown.headers()["date"]);
        known.headers()["date"].to_str().unwrap().to_owned()
    };
    assert_eq!(date().await, "Thu, 01 Jan 2026 00:00:00 GMT");
    emulator.advance(86_461.0);
    assert_eq!(date().await, "Fri, 02 Jan 2026 00:01:01 GMT");
    emulator.set_time_scale(1.0).unwrap();
    assert!(!date().await.ends_with("Jan 2026 00:01:01 GMT"));
}

/// It needs no token, so that a page in somebody's browser could ask it.
#[tokio::test]
async fn the_control_api_is_not_for_pages() {
    for plain_http in [true, false] {
        let emulator = Emulator::start(Config { plain_http, ..config() }).await.unwrap();
        let client = client(&emulator);
        for (method, path) in
            [("GET", "/_emulator/config"), ("POST", "/_emulator/time"), ("DELETE", "/_emulator/log")]
        {
            let request =
                || client.request(method.parse().unwrap(), emulator.url() + path).body(r#"{"seconds": 1}"#);
            let refused = request().header("Origin", "https://page.example").send().await.unwrap();
            assert_eq!(refused.status(), StatusCode::FORBIDDEN, "{method} {path}");
            // What a page embeds, and a page whose name leads to this machine.
            for (header, value) in
                [("Sec-Fetch-Site", "cross-site"), ("Host", "page.example"), ("Host", "a b")]
            {
                let refused = request().header(header, value).send().await.unwrap();
                assert_eq!(refused.status(), StatusCode::FORBIDDEN, "{method} {path} {header}: {value}");
            }
            assert!(request().send().await.unwrap().status().is_success(), "{method} {path}");
        }
        assert_eq!(emulator.now().to_string(), "2026-01-01T00:00:01Z", "moved once");
        for host in ["localhost", "LOCALHOST:80", "127.0.0.1:1", "[::1]:8080"] {
            let state = client.get(emulator.url() + "/_emulator").header("Host", host).send().await.unwrap();
            assert_eq!(state.status(), StatusCode::OK, "{host}");
        }
    }
    let public_url = "https://azure.ml.svc:8443".to_owned();
    let emulator = Emulator::start(Config { public_url, ..config() }).await.unwrap();
    let state = client(&emulator).get(emulator.url() + "/_emulator").header("Host", "azure.ml.svc:8443");
    assert_eq!(state.send().await.unwrap().status(), StatusCode::OK);
}

#[tokio::test]
async fn a_faults_headers_are_sent_in_the_place_of_the_answers_own() {
    let emulator = Emulator::start(config()).await.unwrap();
    let client = client(&emulator);
    let headers = [("DATE", "Thu, 01 Jan 1998 00:00:00 GMT"), ("CONTENT-TYPE", "text/plain")];
    let answer = Effect::Answer {
        status: 503,
        code: String::new(),
        message: String::new(),
        headers: headers.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
    };
    emulator.control().add_fault(FaultRule::on("GET", "", answer));
    for scale in [0.0, 1.0] {
        if scale > 0.0 {
            emulator.set_time_scale(scale).unwrap();
        }
        let struck = client.get(emulator.url() + WORKSPACE).send().await.unwrap();
        for (name, value) in headers {
            let sent: Vec<_> = struck.headers().get_all(name).iter().collect();
            assert_eq!(sent, [value], "{name} at {scale}");
        }
    }
}

#[tokio::test]
async fn what_a_seed_file_could_not_say_does_not_start_either() {
    let reads = |size| Limits { reads: Limit { size, refill: 1.0 }, ..Limits::default() };
    let throttled = |size| Config { throttling: Throttling::Custom(reads(size)), ..config() };
    let endless = Durations { publish: f64::INFINITY, ..Durations::none() };
    let certain = FaultRule { probability: 7.0, ..FaultRule::on("GET", "", Effect::DropBefore) };
    for (config, why) in [
        (throttled(-1.0), "`size` must be finite and at least 0, not -1"),
        (throttled(f64::NAN), "`size` must be finite and at least 0, not NaN"),
        (Config { durations: endless, ..config() }, "`publish` must be finite and at least 0, not NaN"),
        (Config { list_lag: -1.0, ..config() }, "`listLag` must be finite and at least 0, not -1"),
        (
            Config { time: Time::Real { scale: 0.0 }, ..config() },
            "`scale` must be finite and greater than 0, not 0",
        ),
        (Config { faults: vec![certain], ..config() }, "`probability` must be from 0 to 1, not 7"),
    ] {
        let refused = Emulator::start(config).await.unwrap_err();
        assert_eq!(refused.to_string(), format!("the configuration was refused: {why}"));
    }
    assert!(Emulator::start(throttled(0.0)).await.is_ok());
}

#[tokio::test]
async fn urls_lead_to_where_it_listens_also_from_a_configuration_that_another_one_showed() {
    let told = async |emulator: &Emulator| {
        let url = emulator.url() + "/metadata/endpoints";
        let answer: Value = client(emulator).get(url).send().await.unwrap().json().await.unwrap();
        answer[0]["resourceManager"].as_str().unwrap().to_owned()
    };
    let change = async |emulator: &Emulator, url: Value| {
        let request = client(emulator).patch(emulator.url() + "/_emulator/config");
        let answer = request.json(&json!({"publicUrl": url})).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    let first = Emulator::start(config()).await.unwrap();
    let shown = client(&first).get(first.url() + "/_emulator/config").send().await.unwrap();
    let again = Config::from_seed_file(&shown.text().await.unwrap()).unwrap();
    assert_eq!((again.port, again.public_url.as_str()), (0, ""));
    let second = Emulator::start(again).await.unwrap();
    for emulator in [&first, &second] {
        for same in [json!(null), json!("")] {
            assert_eq!(change(emulator, same).await.0, 200);
        }
        let (status, why) = change(emulator, json!("https://emulator.example")).await;
        assert!(status == 400 && why.contains("`publicUrl` cannot be changed while it runs"), "{why}");
        assert_eq!(told(emulator).await.trim_end_matches('/'), emulator.url());
    }

    let public = "https://emulator.example:8443";
    let named = Emulator::start(Config { public_url: public.into(), ..config() }).await.unwrap();
    assert_eq!(change(&named, json!(null)).await.0, 400);
    assert_eq!(change(&named, json!(public)).await.0, 200);
    assert_eq!(told(&named).await.trim_end_matches('/'), public);
}

#[tokio::test]
async fn it_starts_in_milliseconds_and_stops_when_dropped() {
    let started = Instant::now();
    let emulator = Emulator::start(config()).await.unwrap();
    assert!(started.elapsed() < Duration::from_millis(500), "{:?}", started.elapsed());
    let client = client(&emulator);
    let url = emulator.url();
    drop(emulator);
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(client.get(url).send().await.is_err());
}
