//! One number from Prometheus, or from whatever answers as Prometheus does.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, Url};
use serde_json::Value;

use super::model::{Answer, Prometheus, Provider, ProviderAuth, Texts};
use super::{Client, missing, said};
use crate::azure::client::{Azure, Bearer, Http, body};
use crate::azure::model::{Errand, presentable};

/// How long a query may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// What Prometheus is told: a little less, so that it can say why.
const ITS_TIMEOUT: &str = "9s";

/// No answer with one number is longer.
const MOST_BYTES: usize = 1024 * 1024;

/// Bundles of certificates for which a client is kept. There are as many as providers.
const MOST_CLIENTS: usize = 64;

/// Headers that follow from something else, or would be a second way to show a token.
const FORBIDDEN: [&str; 8] = [
    "authorization",
    "proxy-authorization",
    "host",
    "content-length",
    "content-type",
    "connection",
    "transfer-encoding",
    "expect",
];

/// The clients of all providers, by the certificates that they trust.
#[derive(Default)]
pub(super) struct Providers(Mutex<HashMap<Option<String>, Http>>);

impl Providers {
    fn http(&self, azure: &Azure, ca_bundle: Option<&String>) -> Result<Http, String> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = ca_bundle.cloned();
        if let Some(http) = all.get(&key) {
            return Ok(http.clone());
        }
        let http = azure.trusting(ca_bundle.map(String::as_str));
        let http = http.map_err(|why| format!("The caBundle of the MetricProvider is of no use: {why}."))?;
        let http = http.within(TIMEOUT);
        if all.len() >= MOST_CLIENTS {
            all.clear();
        }
        all.insert(key, http.clone());
        Ok(http)
    }
}

/// A request, before it is known how it is sent.
struct Asked {
    http: Http,
    url: Url,
    headers: HeaderMap,
    /// `query=…&time=…`
    form: String,
}

impl Client {
    pub(super) async fn prometheus(
        &self,
        errand: &Errand,
        query: &Prometheus,
        texts: &Texts,
    ) -> Result<Answer, String> {
        let provider = &query.provider;
        let (url, mut headers) = (address(provider)?, headers(provider)?);
        let http = self.providers.http(&self.azure, provider.ca_bundle.as_ref())?;
        let mut bearer = None;
        match &provider.auth {
            ProviderAuth::None => {}
            ProviderAuth::Token(entry) => {
                let token = texts.entry.as_deref().map(str::trim).filter(|token| !token.is_empty());
                let token = token.ok_or_else(|| missing("Secret", entry))?;
                show(&mut headers, &url, token)?;
            }
            ProviderAuth::Azure => {
                let token = self.azure.prometheus_token(errand, &url).await;
                let token = token.map_err(|error| format!("Prometheus was not asked. {}", said(&error)))?;
                show(&mut headers, &url, token.text())?;
                bearer = Some(token);
            }
        }
        let asked = Asked { http, url, headers, form: form(&query.query, query.at) };
        let late = |_| {
            let host = asked.url.host_str().unwrap_or_default();
            format!("Prometheus at {host} gave no answer within {} s.", TIMEOUT.as_secs())
        };
        tokio::time::timeout(TIMEOUT, asked.number(bearer.as_ref())).await.unwrap_or_else(|e| Err(late(e)))
    }
}

impl Asked {
    /// By POST, because a query can be long; by GET where that is all that is understood.
    async fn number(&self, bearer: Option<&Bearer>) -> Result<Answer, String> {
        let (mut status, mut body) = self.send(&Method::POST).await?;
        if matches!(status, 405 | 501) {
            (status, body) = self.send(&Method::GET).await?;
        }
        if let Some(bearer) = bearer {
            bearer.answered(status).await;
        }
        let host = self.url.host_str().unwrap_or_default();
        match status {
            300..=399 => Err(format!(
                "{host} answered {status} and leads somewhere else, and a redirect is not followed: write the address of the Prometheus itself."
            )),
            401 | 403 if bearer.is_some() => Err(format!(
                "Azure Monitor's Prometheus at {host} answered {status}: give the MetricProvider's credentials the role Monitoring Data Reader on the Azure Monitor workspace."
            )),
            401 | 403 => Err(format!(
                "Prometheus at {host} answered {status}: check the token and the headers of the MetricProvider."
            )),
            _ => number(status, &body).map_err(|why| format!("Prometheus at {host} {why}")),
        }
    }

    async fn send(&self, method: &Method) -> Result<(u16, Vec<u8>), String> {
        let (host, mut url) = (self.url.host_str().unwrap_or_default(), self.url.clone());
        if *method == Method::GET {
            url.set_query(Some(&self.form));
        }
        let mut request =
            self.http.request(method.clone(), url).timeout(TIMEOUT).headers(self.headers.clone());
        if *method == Method::POST {
            request =
                request.header("content-type", "application/x-www-form-urlencoded").body(self.form.clone());
        }
        tracing::debug!(%host, %method, "query of Prometheus");
        let since = Instant::now();
        let lost = |error: reqwest::Error| self.http.no_answer(&error, host).message;
        let answer = request.header("accept", "application/json").send().await.map_err(lost)?;
        let status = answer.status().as_u16();
        let body = body(answer, MOST_BYTES).await.map_err(lost)?;
        tracing::debug!(%host, status, millis = since.elapsed().as_millis(), "answer of Prometheus");
        body.map(|body| (status, body))
            .ok_or_else(|| format!("Prometheus at {host} answered with more than 1 MiB, which is no number."))
    }
}

/// Where a provider answers to queries.
fn address(provider: &Provider) -> Result<Url, String> {
    let bad = |why: &str| format!("The address of the MetricProvider is of no use: {why}.");
    let mut url = Url::parse(&provider.address).map_err(|error| bad(&error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(bad("it is neither http nor https"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(bad("it has a user name in it. Write a token into a Secret"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(bad("it has a query in it"));
    }
    url.set_path(&format!("{}/api/v1/query", url.path().trim_end_matches('/')));
    Ok(url)
}

fn headers(provider: &Provider) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    for (name, value) in &provider.headers {
        let bad = |why: &str| format!("The header {name:?} of the MetricProvider is of no use: {why}.");
        if FORBIDDEN.iter().any(|forbidden| forbidden.eq_ignore_ascii_case(name)) {
            return Err(bad("it is not one to be set. What callers show belongs into auth"));
        }
        let parsed =
            HeaderName::from_bytes(name.as_bytes()).map_err(|_| bad("that is no name of a header"))?;
        let value =
            HeaderValue::from_str(value).map_err(|_| bad("its value has characters that no header has"))?;
        headers.insert(parsed, value);
    }
    Ok(headers)
}

/// Shows a token, by https only.
fn show(headers: &mut HeaderMap, url: &Url, token: &str) -> Result<(), String> {
    if url.scheme() != "https" {
        return Err(
            "The address of the MetricProvider is http, and a token goes by https only: it was not sent."
                .into(),
        );
    }
    let value = HeaderValue::from_str(&format!("Bearer {token}"));
    let mut value =
        value.map_err(|_| "The token for Prometheus has characters that no header has.".to_owned())?;
    value.set_sensitive(true);
    headers.insert(AUTHORIZATION, value);
    Ok(())
}

/// The parameters of a query at a moment.
fn form(query: &str, at: Timestamp) -> String {
    let time = format!("{}.{:03}", at.as_second(), at.subsec_millisecond());
    // A URL's query is written like a form.
    let Ok(mut url) = Url::parse("http://form.invalid/") else { return String::new() };
    url.query_pairs_mut().extend_pairs([("query", query), ("time", &time), ("timeout", ITS_TIMEOUT)]);
    url.query().unwrap_or_default().to_owned()
}

/// The one number of an answer; else what is wrong, as the end of a sentence that begins with who answered.
fn number(status: u16, body: &[u8]) -> Result<Answer, String> {
    let json: Option<Value> = serde_json::from_slice(body).ok();
    let text = |name: &str| {
        json.as_ref().and_then(|json| json.get(name)).and_then(Value::as_str).unwrap_or_default()
    };
    if text("status") == "error" {
        let (kind, why) = (text("errorType"), text("error").trim_end_matches('.'));
        return Err(presentable(&format!("refuses the query ({kind}): {why}.")));
    }
    if status != 200 {
        return Err(format!("answered {status} and does not say why."));
    }
    let data = json.as_ref().filter(|_| text("status") == "success").and_then(|json| json.get("data"));
    let (Some(kind), Some(result)) =
        (data.and_then(|data| data["resultType"].as_str()), data.and_then(|data| data.get("result")))
    else {
        return Err("answered 200, but not as Prometheus does: check the address.".into());
    };
    let items = result.as_array().map_or(&[] as &[Value], Vec::as_slice);
    match (kind, items) {
        ("vector", []) => Ok(Answer::NoData("The query gives no series: nothing was recorded yet, or nothing fits it.".into())),
        ("vector", [one]) => sample(&one["value"]),
        ("vector", many) => Err(format!(
            "gives {} series for the query, and one is needed: put sum, max or the like around it.",
            many.len()
        )),
        ("scalar", _) => sample(result),
        ("matrix", _) => Err("gives a range of values for the query, and one is needed: put avg_over_time or the like around it.".into()),
        (other, _) => Err(format!("gives a {} for the query, and a number is needed.", presentable(other))),
    }
}

/// `[1700000000.123, "0.25"]`
fn sample(sample: &Value) -> Result<Answer, String> {
    let text = sample.get(1).and_then(Value::as_str);
    let Some(value) = text.and_then(|text| text.parse::<f64>().ok()) else {
        return Err("gives something for the query that is no number, such as a histogram.".into());
    };
    if value.is_nan() {
        return Err(
            "gives NaN for the query, as where 0 is divided by 0: say in the query what is meant then."
                .into(),
        );
    }
    if value.is_infinite() {
        return Err("gives infinity for the query, as where something is divided by 0: say in the query what is meant then.".into());
    }
    Ok(Answer::Number(value))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn provider(address: &str, headers: &[(&str, &str)]) -> Provider {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Provider {
            address: address.into(),
            headers: headers.collect(),
            auth: ProviderAuth::None,
            ca_bundle: None,
        }
    }

    #[test]
    fn where_a_query_goes() {
        for (text, expected) in [
            ("https://p.example", Ok("https://p.example/api/v1/query")),
            ("http://p.monitoring:9090/", Ok("http://p.monitoring:9090/api/v1/query")),
            ("https://p.example/tenant/a//", Ok("https://p.example/tenant/a/api/v1/query")),
            ("p.example:9090", Err("it is neither http nor https.")),
            ("file:///etc/passwd", Err("it is neither http nor https.")),
            ("https://me:secret@p.example", Err("it has a user name in it. Write a token into a Secret.")),
            ("https://p.example/?a=b", Err("it has a query in it.")),
            ("/api", Err("relative URL without a base.")),
        ] {
            let url = address(&provider(text, &[]));
            let expected = expected
                .map(str::to_owned)
                .map_err(|why| format!("The address of the MetricProvider is of no use: {why}"));
            assert_eq!(url.map(String::from), expected, "{text}");
        }
        let at = Timestamp::from_millisecond(1_700_000_000_250).expect("a time");
        assert_eq!(
            form("a{b=\"c&d\"} > 1", at),
            "query=a%7Bb%3D%22c%26d%22%7D+%3E+1&time=1700000000.250&timeout=9s"
        );
    }

    #[test]
    fn headers_are_what_the_provider_says_and_no_second_way_to_show_a_token() {
        let given = headers(&provider("https://p", &[("X-Scope-OrgID", "team-a")])).expect("headers");
        assert_eq!(given.get("x-scope-orgid").map(HeaderValue::as_bytes), Some(&b"team-a"[..]));
        for (name, value, why) in [
            ("Authorization", "Bearer x", "it is not one to be set. What callers show belongs into auth."),
            ("HOST", "other", "it is not one to be set. What callers show belongs into auth."),
            ("a b", "c", "that is no name of a header."),
            ("a", "b\r\nHost: c", "its value has characters that no header has."),
        ] {
            let said = headers(&provider("https://p", &[(name, value)])).expect_err(name);
            assert_eq!(said, format!("The header {name:?} of the MetricProvider is of no use: {why}"));
        }
        let url = |text: &str| Url::parse(text).expect("a URL");
        let http = show(&mut HeaderMap::new(), &url("http://p:9090"), "secret").expect_err("not by http");
        assert_eq!(
            http,
            "The address of the MetricProvider is http, and a token goes by https only: it was not sent."
        );
        let odd = show(&mut HeaderMap::new(), &url("https://p"), "sec\nret").expect_err("no token");
        assert_eq!(odd, "The token for Prometheus has characters that no header has.");
    }

    #[test]
    fn one_finite_number_and_nothing_else() {
        let of = |kind: &str, result: Value| {
            let body = json!({"status": "success", "data": {"resultType": kind, "result": result}});
            number(200, body.to_string().as_bytes())
        };
        let series = |value: &str| json!({"metric": {"a": "b"}, "value": [1_700_000_000.1, value]});
        for (kind, result, expected) in [
            ("vector", json!([series("0.25")]), Ok(Answer::Number(0.25))),
            ("scalar", json!([1, "3e2"]), Ok(Answer::Number(300.0))),
            ("vector", json!([series("0")]), Ok(Answer::Number(0.0))),
            (
                "vector",
                json!([]),
                Ok(Answer::NoData(
                    "The query gives no series: nothing was recorded yet, or nothing fits it.".into(),
                )),
            ),
            (
                "vector",
                json!([series("1"), series("2")]),
                Err("gives 2 series for the query, and one is needed: put sum, max or the like around it."),
            ),
            (
                "vector",
                json!([series("NaN")]),
                Err(
                    "gives NaN for the query, as where 0 is divided by 0: say in the query what is meant then.",
                ),
            ),
            (
                "vector",
                json!([series("+Inf")]),
                Err(
                    "gives infinity for the query, as where something is divided by 0: say in the query what is meant then.",
                ),
            ),
            (
                "scalar",
                json!([1, "-Inf"]),
                Err(
                    "gives infinity for the query, as where something is divided by 0: say in the query what is meant then.",
                ),
            ),
            (
                "vector",
                json!([{"metric": {}, "histogram": [1, {"count": "3"}]}]),
                Err("gives something for the query that is no number, such as a histogram."),
            ),
            (
                "matrix",
                json!([{"metric": {}, "values": [[1, "2"]]}]),
                Err(
                    "gives a range of values for the query, and one is needed: put avg_over_time or the like around it.",
                ),
            ),
            ("string", json!([1, "hello"]), Err("gives a string for the query, and a number is needed.")),
        ] {
            assert_eq!(of(kind, result.clone()), expected.map_err(str::to_owned), "{kind} {result}");
        }
        let refusal = r#"{"status":"error","errorType":"bad_data","error":"1:5: parse error: unexpected end of input"}"#;
        for (status, body, why) in [
            (400, refusal, "refuses the query (bad_data): 1:5: parse error: unexpected end of input."),
            (200, refusal, "refuses the query (bad_data): 1:5: parse error: unexpected end of input."),
            (503, "<html>secret</html>", "answered 503 and does not say why."),
            (200, "<html>secret</html>", "answered 200, but not as Prometheus does: check the address."),
            (200, r#"{"status":"success"}"#, "answered 200, but not as Prometheus does: check the address."),
            (200, r#"[1, "2"]"#, "answered 200, but not as Prometheus does: check the address."),
        ] {
            assert_eq!(number(status, body.as_bytes()), Err(why.into()), "{status} {body}");
        }
    }
}
