//! The MLflow run behind a training job: its metrics, which ARM does not have (azure-ml.md H.2).

use std::collections::BTreeMap;

use jiff::Timestamp;
use reqwest::Url;
use serde::Deserialize;
use serde_json::Value;

use super::absence::is_absence;
use super::rest::{Azure, check_path};
use crate::azure::model::ResourceId;
use crate::azure::model::resource::Run;
use crate::azure::model::{Class, Error};

impl Azure {
    /// The run of a job, or `None` where there is none. Its id is the job's name.
    ///
    /// `tracking_uri` is the workspace's `mlFlowTrackingUri`, `azureml://<host>/mlflow/v1.0<arm id>`:
    /// it names the host, which is checked before it gets an ARM token. The request counts as a read
    /// of the workspace's subscription, although ARM does not see it.
    pub async fn run(
        &self,
        tracking_uri: &str,
        workspace: &ResourceId,
        job: &str,
    ) -> Result<Option<Run>, Error> {
        let id = workspace.child("jobs", job);
        check_path(id.as_str())?;
        let host = host(tracking_uri)?;
        let url = format!("https://{host}/mlflow/v2.0{workspace}/api/2.0/mlflow/runs/get");
        let mut url = self.checked(&url, "the workspace's tracking URI")?;
        url.query_pairs_mut().append_pair("run_id", job);
        let answer = self.fetch(url, workspace.subscription()).await?;
        match answer.ok() {
            Ok(answer) => answer.parse::<Got>().map(|got| Some(got.run.into_run(job))),
            Err(error) if is_absence(&id, &error) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// `host[:port]` of a tracking URI.
fn host(tracking_uri: &str) -> Result<String, Error> {
    let bad = || {
        let message = "The workspace's mlFlowTrackingUri is not azureml://<host>/….";
        Error::new(Class::Permanent, message)
    };
    let rest = tracking_uri
        .strip_prefix("azureml://")
        .or_else(|| tracking_uri.strip_prefix("https://"))
        .ok_or_else(bad)?;
    // As https, so that the host is read as it will be used.
    let url = Url::parse(&format!("https://{rest}")).map_err(|_| bad())?;
    let host = url.host_str().ok_or_else(bad)?;
    Ok(match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    })
}

#[derive(Deserialize)]
struct Got {
    run: GotRun,
}

#[derive(Deserialize)]
struct GotRun {
    #[serde(default)]
    info: Info,
    #[serde(default)]
    data: Data,
}

#[derive(Deserialize, Default)]
struct Info {
    #[serde(default)]
    run_id: Option<String>,
    #[serde(default)]
    user_id: Option<String>,
    #[serde(default)]
    start_time: Value,
    #[serde(default)]
    end_time: Value,
}

#[derive(Deserialize, Default)]
struct Data {
    #[serde(default)]
    metrics: Vec<Entry>,
    #[serde(default)]
    params: Vec<Entry>,
    #[serde(default)]
    tags: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    key: String,
    #[serde(default)]
    value: Value,
}

impl GotRun {
    fn into_run(self, job: &str) -> Run {
        let tag = |key: &str| {
            let tag = self.data.tags.iter().find(|tag| tag.key == key)?;
            tag.value.as_str().filter(|value| !value.is_empty()).map(str::to_owned)
        };
        let (user, parent) = (tag("mlflow.user"), tag("mlflow.parentRunId"));
        let printed = |entries: Vec<Entry>| {
            let all = entries.into_iter().filter_map(|entry| Some((entry.key, printed(&entry.value)?)));
            all.collect::<BTreeMap<_, _>>()
        };
        Run {
            id: self.info.run_id.unwrap_or_else(|| job.to_owned()),
            user: user.or(self.info.user_id),
            began: time(&self.info.start_time),
            ended: time(&self.info.end_time),
            metrics: printed(self.data.metrics),
            parameters: printed(self.data.params.into_iter().filter(|it| !it.value.is_null()).collect()),
            parent: parent.filter(|parent| parent != job),
        }
    }
}

/// Milliseconds since 1970, as a number or as its digits: MLflow's own JSON has 64-bit numbers as text. 0 means that there is none.
fn time(value: &Value) -> Option<Timestamp> {
    let milliseconds = value.as_i64().or_else(|| value.as_str()?.parse().ok())?;
    Timestamp::from_millisecond(milliseconds).ok().filter(|at| *at > Timestamp::UNIX_EPOCH)
}

/// A number as text. NaN and Infinity come as text already, or as null [INF]: what was logged and is no number stays visible.
fn printed(value: &Value) -> Option<String> {
    match value {
        Value::Null => Some("null".into()),
        Value::Number(number) => Some(number.to_string()),
        Value::String(text) => Some(text.clone()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn metrics_stay_what_the_service_printed() {
        let body = r#"{"run":{"info":{"run_id":"job-1","user_id":"u-1","status":"FINISHED",
            "start_time":1764400000000,"end_time":"1764403600000"},
            "data":{"metrics":[{"key":"rmse","value":3.25,"timestamp":1,"step":0},{"key":"n","value":7},
            {"key":"loss","value":"NaN"},{"key":"up","value":"Infinity"},{"key":"odd","value":null}],
            "params":[{"key":"depth","value":"6"},{"key":"rate","value":0.1},{"key":"none","value":null}],
            "tags":[{"key":"mlflow.user","value":"Ada"},{"key":"x","value":1},
            {"key":"mlflow.parentRunId","value":"pipeline-1"}]}}}"#;
        let got: Got = serde_json::from_str(body).expect("as MLflow answers");
        let metrics = [("rmse", "3.25"), ("n", "7"), ("loss", "NaN"), ("up", "Infinity"), ("odd", "null")];
        let expected = Run {
            id: "job-1".into(),
            user: Some("Ada".into()),
            began: "2025-11-29T07:06:40Z".parse().ok(),
            ended: "2025-11-29T08:06:40Z".parse().ok(),
            metrics: metrics.map(|(k, v)| (k.into(), v.into())).into(),
            parameters: [("depth", "6"), ("rate", "0.1")].map(|(k, v)| (k.into(), v.into())).into(),
            parent: Some("pipeline-1".into()),
        };
        assert_eq!(got.run.into_run("other"), expected);
    }

    #[test]
    fn a_time_that_is_none_is_not_1970() {
        for none in [json!(null), json!(0), json!("0"), json!(-1), json!("soon"), json!(i64::MAX)] {
            assert_eq!(time(&none), None, "{none}");
        }
    }

    #[test]
    fn the_host_is_read_from_the_tracking_uri() {
        let cases = [
            ("azureml://eastus.api.azureml.ms/mlflow/v1.0/subscriptions/s", Some("eastus.api.azureml.ms")),
            ("azureml://127.0.0.1:8443/mlflow/v1.0/x", Some("127.0.0.1:8443")),
            ("https://h.example/mlflow", Some("h.example")),
            ("http://h.example/mlflow", None),
            ("", None),
            ("azureml://", None),
        ];
        for (uri, expected) in cases {
            assert_eq!(host(uri).ok().as_deref(), expected, "{uri}");
        }
    }
}
