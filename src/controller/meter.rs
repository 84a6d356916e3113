//! Measurements of candidates: each is made beside the passes, and the object is woken when there is an answer. A slow or a hostile
//! answer delays nobody.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures::FutureExt;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::{Api, ResourceExt};
use tokio::sync::mpsc::UnboundedSender;

use super::api_server::ApiServer;
use crate::api::ObjectKey;
use crate::azure::client::Azure;
use crate::decide::facts::Due;
use crate::measure;
use crate::measure::model::{Answer, Entry, Query, Texts};
use crate::outage::root_cause;

/// The label by which the owner of a Secret lets providers of its namespace show what is in it: whoever can write a
/// MetricProvider could have any Secret of the namespace sent to an address of their own otherwise.
const OPT_IN: &str = "bindery.dev/read-for-metrics";
/// How long an answer waits to be taken.
const KEPT: Duration = Duration::from_secs(600);
/// The API server has no time-out of its own on a request that hangs.
const LONGEST: Duration = Duration::from_secs(10);

/// The measurements that are under way, and those that were made.
pub struct Measuring<C> {
    made: Arc<Mutex<HashMap<(ObjectKey, Due), Made>>>,
    client: Arc<C>,
    woken: UnboundedSender<ObjectKey>,
}

/// How far a measurement is.
struct Made {
    since: Instant,
    answer: Option<Answer>,
}

/// Whoever can make a measurement.
pub trait Asks: Send + Sync + 'static {
    /// Makes it.
    fn ask(&self, query: &Query) -> impl Future<Output = Answer> + Send;
}

impl<C: Asks> Measuring<C> {
    /// Nothing is measured yet. `woken`: whoever has an answer.
    pub fn new(client: C, woken: UnboundedSender<ObjectKey>) -> Self {
        Self { made: Arc::default(), client: Arc::new(client), woken }
    }

    /// The answer, where it is there; otherwise it is on its way.
    pub fn measured(&self, by: &ObjectKey, due: &Due) -> Option<Answer> {
        let measurement = (by.clone(), due.clone());
        {
            let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(known) = made.get(&measurement) {
                return known.answer.clone();
            }
            made.retain(|_, it| it.answer.is_none() || it.since.elapsed() < KEPT);
            made.insert(measurement.clone(), Made { since: Instant::now(), answer: None });
        }
        let (made, client, woken) = (self.made.clone(), self.client.clone(), self.woken.clone());
        tokio::spawn(async move {
            let (by, due) = &measurement;
            // Whatever goes wrong, there is an answer: nobody would ask again.
            let asked = AssertUnwindSafe(client.ask(&due.query)).catch_unwind().await;
            let answer =
                asked.unwrap_or_else(|_| Answer::Error("Bindery itself failed; its log says how.".into()));
            let by = by.clone();
            let done = Made { since: Instant::now(), answer: Some(answer) };
            made.lock().unwrap_or_else(PoisonError::into_inner).insert(measurement, done);
            // Nobody listens any more when the operator stops.
            let _ = woken.send(by);
        });
        None
    }
}

/// The world as it is: what a question needs of the cluster is read, and the question is asked.
pub struct Gauge {
    server: ApiServer,
    client: measure::Client,
}

impl Gauge {
    /// Asks with what reads the cluster, and with what asks Azure.
    pub fn new(server: ApiServer, azure: Azure) -> Self {
        Self { server, client: measure::Client::new(azure) }
    }

    /// The value of a key of a ConfigMap or of a Secret.
    async fn read(&self, entry: &Entry, secret: bool) -> Result<String, String> {
        let Entry { namespace, name, key } = entry;
        let client = self.server.client.clone();
        let kind = if secret { "Secret" } else { "ConfigMap" };
        let value = if secret {
            let found = within(Api::<Secret>::namespaced(client, namespace).get_opt(name)).await;
            if let Ok(Some(found)) = &found
                && found.labels().get(OPT_IN).is_none_or(|value| value != "true")
            {
                return Err(format!(
                    "Secret {namespace}/{name} does not have the label {OPT_IN}: \"true\", by which its owner lets MetricProvider objects of its namespace show what is in it."
                ));
            }
            found.map(|it| it.map(|it| text(it.data.unwrap_or_default().remove(key))))
        } else {
            let found = within(Api::<ConfigMap>::namespaced(client, namespace).get_opt(name)).await;
            found.map(|it| it.map(|it| Ok(it.data.unwrap_or_default().remove(key))))
        };
        let title = format!("{kind} {namespace}/{name}");
        match value {
            Err(because) if secret => Err(format!(
                "{title} cannot be read: {because} Whoever runs the operator has to list the namespace {namespace} in metricProviders.secretNamespaces of the chart's values."
            )),
            Err(because) => Err(format!("{title} cannot be read: {because}")),
            Ok(None) => Err(format!("There is no {title}.")),
            Ok(Some(Err(()))) => Err(format!("Key {key} of {title} is no text.")),
            Ok(Some(Ok(None))) => Err(format!("{title} has no key {key}.")),
            Ok(Some(Ok(Some(text)))) => Ok(text),
        }
    }
}

/// What a Secret holds, as text.
fn text(value: Option<ByteString>) -> Result<Option<String>, ()> {
    value.map(|bytes| String::from_utf8(bytes.0)).transpose().map_err(|_| ())
}

/// What came of a request to the API server, or why nothing did.
async fn within<T>(request: impl Future<Output = Result<T, kube::Error>>) -> Result<T, String> {
    match tokio::time::timeout(LONGEST, request).await {
        Ok(Ok(found)) => Ok(found),
        Ok(Err(kube::Error::Api(status))) => Err(status.message.clone()),
        Ok(Err(other)) => Err(root_cause(&other).to_string()),
        Err(_) => Err(format!("the API server gave no answer within {} s.", LONGEST.as_secs())),
    }
}

impl Asks for Gauge {
    async fn ask(&self, query: &Query) -> Answer {
        let entry = match query.what.entry() {
            Some((entry, secret)) => match self.read(entry, secret).await {
                Ok(text) => Some(text),
                Err(because) => return Answer::Error(because),
            },
            None => None,
        };
        self.client.ask(query, &Texts { entry }).await
    }
}
