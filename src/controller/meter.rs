//! Measurements of candidates: each is made beside the passes, and the object is woken when there is an answer. A slow or a hostile
//! answer delays nobody.

use std::collections::{BTreeSet, HashMap};
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures::FutureExt;
use jiff::Timestamp;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::{Api, ResourceExt};
use tokio::sync::mpsc::UnboundedSender;
use tokio::task::AbortHandle;

use super::api_server::ApiServer;
use crate::api::ObjectKey;
use crate::azure::client::Azure;
use crate::decide::elapsed;
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

/// The measurements that are under way, those that were made, and those that are foreseen.
pub struct Measuring<C> {
    made: Arc<Made<C>>,
    foreseen: Mutex<HashMap<ObjectKey, HashMap<Due, AbortHandle>>>,
}

/// The measurements that are under way, and those that were made.
struct Made<C> {
    all: Mutex<HashMap<(ObjectKey, Due), Measurement>>,
    client: C,
    woken: UnboundedSender<ObjectKey>,
}

/// How far a measurement is.
struct Measurement {
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
        Self { made: Arc::new(Made { all: Mutex::default(), client, woken }), foreseen: Mutex::default() }
    }

    /// The answer, where it is there; otherwise it is on its way.
    pub fn measured(&self, by: &ObjectKey, due: &Due) -> Option<Answer> {
        self.made.measured(by, due)
    }

    /// Each of these measurements is made when it is due, and no other that was foreseen for this object.
    pub fn foresee(&self, by: &ObjectKey, mut due: BTreeSet<Due>, now: Timestamp) {
        let mut foreseen = self.foreseen.lock().unwrap_or_else(PoisonError::into_inner);
        if due.is_empty() && !foreseen.contains_key(by) {
            return;
        }
        let known = foreseen.entry(by.clone()).or_default();
        known.retain(|it, timer| {
            let still = due.remove(it);
            if !still {
                timer.abort();
            }
            still
        });
        for it in due {
            let wait = elapsed(now, it.since);
            let (made, by, what) = (self.made.clone(), by.clone(), it.clone());
            let timer = tokio::spawn(async move {
                tokio::time::sleep(wait).await;
                made.measured(&by, &what);
            });
            known.insert(it, timer.abort_handle());
        }
        if known.is_empty() {
            foreseen.remove(by);
        }
    }

    /// Nothing is foreseen for anybody.
    pub fn foresee_nothing(&self) {
        let all = std::mem::take(&mut *self.foreseen.lock().unwrap_or_else(PoisonError::into_inner));
        for timer in all.values().flat_map(HashMap::values) {
            timer.abort();
        }
    }
}

impl<C: Asks> Made<C> {
    fn measured(self: &Arc<Self>, by: &ObjectKey, due: &Due) -> Option<Answer> {
        let measurement = (by.clone(), due.clone());
        {
            let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(known) = all.get(&measurement) {
                return known.answer.clone();
            }
            all.retain(|_, it| it.answer.is_none() || it.since.elapsed() < KEPT);
            all.insert(measurement.clone(), Measurement { since: Instant::now(), answer: None });
        }
        let made = self.clone();
        tokio::spawn(async move {
            let (by, due) = &measurement;
            // Whatever goes wrong, there is an answer: nobody would ask again.
            let asked = AssertUnwindSafe(made.client.ask(&due.query)).catch_unwind().await;
            let answer =
                asked.unwrap_or_else(|_| Answer::Error("Bindery itself failed; its log says how.".into()));
            let by = by.clone();
            let done = Measurement { since: Instant::now(), answer: Some(answer) };
            made.all.lock().unwrap_or_else(PoisonError::into_inner).insert(measurement, done);
            // Nobody listens any more when the operator stops.
            let _ = made.woken.send(by);
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

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

    use super::*;
    use crate::api::ObjectKind;
    use crate::azure::model::{Errand, Lane, Principal, Purpose};
    use crate::measure::model::Question;

    /// Whoever answers at once, and counts.
    #[derive(Default)]
    struct Counts(Arc<std::sync::atomic::AtomicUsize>);

    impl Asks for Counts {
        async fn ask(&self, _: &Query) -> Answer {
            self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            Answer::Number(1.0)
        }
    }

    fn key() -> ObjectKey {
        ObjectKey { kind: ObjectKind::DeploymentBinding, namespace: "ml".into(), name: "taxi".into() }
    }

    /// This question, which is due at this second.
    fn due(what: &str, second: i64) -> Due {
        let errand = Errand {
            principal: Principal::Operator,
            leaving: false,
            lane: Lane::Rollout,
            purpose: Purpose::Measure,
        };
        let since = Timestamp::from_second(second).expect("a time");
        Due { since, query: Query { errand, what: Question::Expression(what.into()) } }
    }

    struct Stand {
        meter: Measuring<Counts>,
        woken: UnboundedReceiver<ObjectKey>,
        asked: Arc<std::sync::atomic::AtomicUsize>,
    }

    impl Stand {
        fn new() -> Self {
            let (client, (wakes, woken)) = (Counts::default(), unbounded_channel());
            let asked = client.0.clone();
            Self { meter: Measuring::new(client, wakes), woken, asked }
        }

        fn foresee(&self, due: impl IntoIterator<Item = Due>, now: i64) {
            self.meter.foresee(
                &key(),
                due.into_iter().collect(),
                Timestamp::from_second(now).expect("a time"),
            );
        }

        /// How often somebody was asked, and who was woken, once so many seconds are over.
        async fn after(&mut self, seconds: u64) -> (usize, usize) {
            tokio::time::sleep(Duration::from_secs(seconds)).await;
            let woken = std::iter::from_fn(|| self.woken.try_recv().ok()).count();
            (self.asked.load(std::sync::atomic::Ordering::Relaxed), woken)
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_foreseen_is_measured_when_it_is_due_and_asked_for_once() {
        let mut stand = Stand::new();
        stand.foresee([due("a", 10)], 0);
        assert_eq!(stand.after(9).await, (0, 0));
        // A pass comes in between, for another reason, and foresees the same.
        stand.foresee([due("a", 10)], 9);
        assert_eq!(stand.after(2).await, (1, 1));
        assert_eq!(stand.meter.measured(&key(), &due("a", 10)), Some(Answer::Number(1.0)));
        assert_eq!(stand.after(60).await, (1, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_not_foreseen_any_more_is_not_measured() {
        let mut stand = Stand::new();
        stand.foresee([due("a", 10), due("b", 10)], 0);
        stand.foresee([due("b", 10)], 5);
        assert_eq!(stand.after(20).await, (1, 1));
        assert_eq!(stand.meter.measured(&key(), &due("b", 10)), Some(Answer::Number(1.0)));
        stand.foresee([due("c", 30)], 20);
        stand.foresee([], 21);
        stand.foresee([due("d", 30)], 22);
        stand.meter.foresee_nothing();
        assert_eq!(stand.after(60).await, (1, 0));
        assert!(stand.meter.foreseen.lock().expect("a lock").is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_due_already_is_measured_at_once() {
        let mut stand = Stand::new();
        stand.foresee([due("a", 10)], 15);
        assert_eq!(stand.after(0).await.0.max(stand.after(1).await.0), 1);
    }
}
