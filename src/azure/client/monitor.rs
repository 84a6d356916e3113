//! Azure Monitor's metrics of one resource (azure-ml-2.md K), minute by minute.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::rest::Azure;
use crate::azure::model::{Class, Errand, Error, ResourceId, presentable};

const API_VERSION: &str = "2024-02-01";

/// How long a query may take, its turn included.
const TIMEOUT: Duration = Duration::from_secs(10);

/// No answer is longer: a day of one series has some 120 KiB.
const MOST_BYTES: usize = 1024 * 1024;

/// More series than that are not answered, and nobody would say so. Without it Azure Monitor answers ten.
const MOST_SERIES: usize = 100;

/// The metrics that Azure Monitor would average over the dimensions that a query does not name, although only their sum has a
/// meaning [INF], and those dimensions, the first one that is not named being the one to split by. Only one dimension may have
/// a wildcard [DOC platform/rest-api-walkthrough].
const SPLIT: [(&str, &[&str]); 4] = [
    ("requestsperminute", &["statusCode", "modelStatusCode"]),
    ("deploymentcapacity", &["instanceId", "State"]),
    ("datacollectioneventsperminute", &["type"]),
    ("datacollectionerrorsperminute", &["reason"]),
];

/// The same metric of a deployment has one dimension only, with a name of its own.
const SPLIT_OF_A_DEPLOYMENT: (&str, &[&str]) = ("requestsperminute", &["envoy_response_code"]);

/// One metric over whole minutes.
#[derive(Debug, Clone)]
pub(crate) struct MetricQuery<'a> {
    /// The endpoint or deployment.
    pub(crate) resource: &'a ResourceId,
    /// Such as `RequestLatency_P95`.
    pub(crate) metric: &'a str,
    /// What is taken of each minute: `average`, `minimum`, `maximum`, `total` or `count`.
    pub(crate) aggregation: &'static str,
    /// By dimension, the values that count.
    pub(crate) filter: &'a BTreeMap<String, Vec<String>>,
    /// The first minute's beginning.
    pub(crate) from: Timestamp,
    /// The last minute's end.
    pub(crate) until: Timestamp,
}

/// A metric's values.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Series {
    /// Such as `Count` or `MilliSeconds`.
    pub(crate) unit: String,
    /// For each combination of the dimensions that the query splits by, the minutes (since 1970) that have a value.
    pub(crate) series: Vec<Vec<(i64, f64)>>,
}

#[derive(Deserialize)]
struct Answered {
    #[serde(default)]
    interval: Option<String>,
    value: Vec<Metric>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metric {
    #[serde(default)]
    unit: String,
    #[serde(default)]
    error_code: Option<String>,
    #[serde(default)]
    error_message: Option<String>,
    #[serde(default)]
    timeseries: Vec<Timeseries>,
}

#[derive(Deserialize)]
struct Timeseries {
    #[serde(default)]
    data: Vec<Map<String, Value>>,
}

impl Azure {
    /// A metric's values. Counts as a read of the resource's subscription.
    ///
    /// A metric or a dimension that the resource does not have is [`Class::Permanent`], with Azure's words. No data is an
    /// empty answer and no error.
    pub(crate) async fn metrics(&self, errand: &Errand, query: &MetricQuery<'_>) -> Result<Series, Error> {
        let azure = self.on(errand);
        tokio::time::timeout(TIMEOUT, azure.look_at_metrics(query)).await.unwrap_or_else(|_| {
            let message = format!("Azure Monitor gave no answer within {} s.", TIMEOUT.as_secs());
            Err(Error::new(Class::Transient, message))
        })
    }

    async fn look_at_metrics(&self, query: &MetricQuery<'_>) -> Result<Series, Error> {
        let (filter, timespan) = (filter(query)?, format!("{}/{}", stamp(query.from), stamp(query.until)));
        let most = MOST_SERIES.to_string();
        let mut parameters = vec![
            ("metricnames", name(query.metric)?),
            ("timespan", &timespan),
            ("interval", "PT1M"),
            ("aggregation", query.aggregation),
        ];
        if !filter.is_empty() {
            parameters.extend([("$filter", filter.as_str()), ("top", &most)]);
        }
        let path = format!("{}/providers/Microsoft.Insights/metrics", query.resource);
        let url = self.url_of(&path, API_VERSION, &parameters)?;
        let answer = self.fetch(url, query.resource.subscription()).await?.ok()?;
        if answer.body.len() > MOST_BYTES {
            return Err(answer.head.too_long(MOST_BYTES));
        }
        let answered: Answered = answer.parse()?;
        read(answered, query.aggregation).map_err(|why| {
            let error = answer.head.unexpected("");
            Error { class: Class::Permanent, message: presentable(&why), ..error }
        })
    }
}

/// What is in an answer of status 200, where that is not an error all the same.
fn read(answered: Answered, aggregation: &str) -> Result<Series, String> {
    if let Some(interval) = answered.interval.filter(|interval| !interval.eq_ignore_ascii_case("PT1M")) {
        return Err(format!("Azure Monitor answered in steps of {interval}, and not minute by minute."));
    }
    let Some(metric) = answered.value.into_iter().next() else { return Ok(Series::default()) };
    if let Some(code) = metric.error_code.filter(|code| !code.eq_ignore_ascii_case("Success")) {
        let why = metric.error_message.unwrap_or_default();
        return Err(format!("Azure Monitor has no answer ({code}): {why}"));
    }
    if metric.timeseries.len() >= MOST_SERIES {
        return Err(format!(
            "The metric has {MOST_SERIES} series or more here, and Azure Monitor may have left some out: name values of its dimensions in the filter."
        ));
    }
    let minute = |point: &Map<String, Value>| {
        let at: Timestamp = point.get("timeStamp")?.as_str()?.parse().ok()?;
        // The newest minutes have none yet.
        let value = point.get(aggregation)?.as_f64()?;
        Some((at.as_second().div_euclid(60), value))
    };
    let series = metric.timeseries.iter().map(|series| series.data.iter().filter_map(minute).collect());
    Ok(Series { unit: metric.unit, series: series.collect() })
}

fn stamp(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// One metric's name: a comma would make two of it.
fn name(metric: &str) -> Result<&str, Error> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/' | ' ');
    if !metric.trim().is_empty() && metric.chars().all(fits) {
        return Ok(metric);
    }
    Err(Error::new(Class::Permanent, presentable(&format!("{metric:?} is not the name of a metric."))))
}

/// `deployment eq 'v3' and statusCodeClass eq '4xx' or statusCodeClass eq '5xx' and statusCode eq '*'`. A value is quoted, and
/// a quote in it doubled, so that no value is more than a value.
fn filter(query: &MetricQuery<'_>) -> Result<String, Error> {
    let (lower, deployment) =
        (query.metric.to_ascii_lowercase(), query.resource.segment("deployments").is_some());
    let of_deployments = Some(SPLIT_OF_A_DEPLOYMENT).filter(|(metric, _)| deployment && *metric == lower);
    let split = of_deployments.or_else(|| SPLIT.into_iter().find(|(metric, _)| *metric == lower));
    let named = |dimension: &str| query.filter.keys().any(|named| named.eq_ignore_ascii_case(dimension));
    let wild = query.filter.values().flatten().any(|value| value.contains('*'));
    let split = split.and_then(|(_, dimensions)| dimensions.iter().find(|dimension| !named(dimension)));
    let split = split.filter(|_| !wild).map(|dimension| format!("{dimension} eq '*'"));
    let clauses = query.filter.iter().filter(|(_, values)| !values.is_empty()).map(|(dimension, values)| {
        if dimension.is_empty() || !dimension.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            let message = format!("{dimension:?} is not the name of a dimension.");
            return Err(Error::new(Class::Permanent, presentable(&message)));
        }
        if values.iter().any(|value| value.chars().any(char::is_control)) {
            let message =
                format!("A value of the dimension {dimension} has characters in it that nobody sees.");
            return Err(Error::new(Class::Permanent, message));
        }
        let conditions = values.iter().map(|value| format!("{dimension} eq '{}'", value.replace('\'', "''")));
        Ok(conditions.collect::<Vec<_>>().join(" or "))
    });
    let clauses = clauses.chain(split.map(Ok)).collect::<Result<Vec<_>, _>>()?;
    Ok(clauses.join(" and "))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn filter_of(
        resource: &ResourceId,
        metric: &str,
        dimensions: &[(&str, &[&str])],
    ) -> Result<String, String> {
        let all = dimensions.iter().map(|(name, values)| {
            ((*name).to_owned(), values.iter().map(|value| (*value).to_owned()).collect())
        });
        let query = MetricQuery {
            resource,
            metric,
            aggregation: "average",
            filter: &all.collect(),
            from: Timestamp::UNIX_EPOCH,
            until: Timestamp::UNIX_EPOCH,
        };
        name(metric).and_then(|_| filter(&query)).map_err(|error| error.message)
    }

    #[test]
    fn a_filter_says_what_is_meant_and_nothing_more() {
        let endpoint = ResourceId::workspace("s", "rg", "w").child("onlineEndpoints", "e");
        let deployment = endpoint.child("deployments", "d");
        for (resource, metric, dimensions, expected) in [
            (&endpoint, "RequestLatency_P95", &[][..], Ok("")),
            (&endpoint, "RequestLatency_P95", &[("deployment", &["v3"][..])], Ok("deployment eq 'v3'")),
            (&endpoint, "requestsPerMinute", &[], Ok("statusCode eq '*'")),
            (
                &endpoint,
                "RequestsPerMinute",
                &[("deployment", &["v3"]), ("statusCodeClass", &["4xx", "5xx"])],
                Ok(
                    "deployment eq 'v3' and statusCodeClass eq '4xx' or statusCodeClass eq '5xx' and statusCode eq '*'",
                ),
            ),
            (
                &endpoint,
                "RequestsPerMinute",
                &[("StatusCode", &["424"])],
                Ok("StatusCode eq '424' and modelStatusCode eq '*'"),
            ),
            (&endpoint, "RequestsPerMinute", &[("deployment", &["*"])], Ok("deployment eq '*'")),
            (&deployment, "RequestsPerMinute", &[], Ok("envoy_response_code eq '*'")),
            (
                &deployment,
                "RequestsPerMinute",
                &[("envoy_response_code", &["500"])],
                Ok("envoy_response_code eq '500'"),
            ),
            (&deployment, "CpuUtilizationPercentage", &[], Ok("")),
            (&deployment, "DeploymentCapacity", &[("instanceId", &[])], Ok("State eq '*'")),
            // Whoever writes a filter cannot ask for more than its dimensions say.
            (
                &endpoint,
                "RequestLatency",
                &[("deployment", &["v3' or deployment eq 'v2"])],
                Ok("deployment eq 'v3'' or deployment eq ''v2'"),
            ),
            (
                &endpoint,
                "RequestLatency",
                &[("a eq 'b' or deployment", &["v3"])],
                Err(r#""a eq 'b' or deployment" is not the name of a dimension."#),
            ),
            (
                &endpoint,
                "RequestLatency",
                &[("deployment", &["v\n3"])],
                Err("A value of the dimension deployment has characters in it that nobody sees."),
            ),
            (&endpoint, "A,B", &[], Err(r#""A,B" is not the name of a metric."#)),
            (
                &endpoint,
                "A&aggregation=total",
                &[],
                Err(r#""A&aggregation=total" is not the name of a metric."#),
            ),
            (&endpoint, "", &[], Err(r#""" is not the name of a metric."#)),
        ] {
            let expected = expected.map(str::to_owned).map_err(str::to_owned);
            assert_eq!(filter_of(resource, metric, dimensions), expected, "{metric} {dimensions:?}");
        }
    }

    #[test]
    fn an_answer_of_status_200_can_be_an_error() {
        let data = json!([{"timeStamp": "1970-01-01T00:02:00Z", "average": 3.5}, {"timeStamp": "1970-01-01T00:03:00Z"}]);
        let of = |body: Value| read(serde_json::from_value(body).expect("an answer"), "average");
        let ok = json!({"interval": "PT1M", "value": [{"unit": "Count", "errorCode": "Success",
            "timeseries": [{"data": data}, {"data": []}, {}]}]});
        let expected = Series { unit: "Count".into(), series: vec![vec![(2, 3.5)], vec![], vec![]] };
        assert_eq!(of(ok), Ok(expected));
        assert_eq!(of(json!({"value": []})), Ok(Series::default()));
        for (body, why) in [
            (
                json!({"value": [{"errorCode": "MetricNotFound", "errorMessage": "No such metric."}]}),
                "Azure Monitor has no answer (MetricNotFound): No such metric.",
            ),
            (
                json!({"interval": "PT5M", "value": []}),
                "Azure Monitor answered in steps of PT5M, and not minute by minute.",
            ),
            (
                json!({"value": [{"unit": "Count", "timeseries": vec![json!({"data": data}); 100]}]}),
                "The metric has 100 series or more here, and Azure Monitor may have left some out: name values of its dimensions in the filter.",
            ),
        ] {
            assert_eq!(of(body), Err(why.into()));
        }
    }
}
