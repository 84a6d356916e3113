//! The vocabulary of measurements: what is asked, of whom, and what came back. Plain data.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use jiff::Timestamp;

use crate::azure::model::{Errand, ResourceId};

/// One question, as data: wanted by the facts of a rollout, asked by the client.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Query {
    /// On whose behalf, how urgently and what for.
    pub errand: Errand,
    /// What is asked.
    pub what: Question,
}

/// What a [`Query`] asks.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Question {
    /// A request to one deployment of an endpoint.
    Smoke(Smoke),
    /// A number from Azure Monitor.
    Monitor(Monitor),
    /// A number from Prometheus.
    Prometheus(Prometheus),
    /// The last lines of the log of a deployment.
    Log(ResourceId),
    /// Whether an expression can be used, whatever the answer that it is about: nobody else is asked.
    Expression(String),
}

impl Question {
    /// What has to be read in the cluster before the question can be asked, and whether that is in a Secret.
    pub fn entry(&self) -> Option<(&Entry, bool)> {
        match self {
            Self::Smoke(smoke) => Some((&smoke.body, false)),
            Self::Prometheus(Prometheus {
                provider: Provider { auth: ProviderAuth::Token(entry), .. },
                ..
            }) => Some((entry, true)),
            Self::Monitor(_) | Self::Prometheus(_) | Self::Expression(_) | Self::Log(_) => None,
        }
    }
}

/// A request to one deployment of an endpoint, whatever its traffic is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Smoke {
    /// The endpoint, whose subscription pays and whose keys or tokens are asked for.
    pub endpoint: ResourceId,
    /// Where it answers, as Azure says.
    pub scoring_uri: String,
    /// How it lets callers in.
    pub auth: Auth,
    /// The deployment that has to answer.
    pub deployment: String,
    /// The key of a ConfigMap that holds the body of the request.
    pub body: Entry,
    /// A CEL expression over `status`, `latency` (a number of seconds) and `body`, that is to be true.
    pub expect: Option<String>,
    /// How long the answer may take.
    pub timeout: Duration,
}

/// How an endpoint lets callers in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Auth {
    /// By one of its keys.
    Key,
    /// By a token that Azure Machine Learning gives out.
    AmlToken,
    /// By a token of Entra ID.
    AadToken,
}

/// A key of a ConfigMap or of a Secret.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Entry {
    /// The namespace.
    pub namespace: String,
    /// The object's name.
    pub name: String,
    /// The key of its data.
    pub key: String,
}

/// A number from Azure Monitor: one metric, or the ratio of two.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Monitor {
    /// The resource whose metrics they are: the endpoint or one of its deployments.
    pub resource: ResourceId,
    /// What is asked for.
    pub metric: Metric,
    /// What it is divided by.
    pub divided_by: Option<Metric>,
    /// The first moment of the window.
    pub from: Timestamp,
    /// The end of the window.
    pub until: Timestamp,
}

/// A metric of Azure Monitor.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Metric {
    /// Its name, such as `RequestLatency_P95`.
    pub name: String,
    /// What is taken of each minute.
    pub aggregation: Aggregation,
    /// By dimension, the values that count.
    pub filter: BTreeMap<String, Vec<String>>,
}

/// What is taken of each minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Aggregation {
    Average,
    Minimum,
    Maximum,
    Total,
    Count,
}

/// A number from Prometheus.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Prometheus {
    /// Where it is.
    pub provider: Provider,
    /// The PromQL expression.
    pub query: String,
    /// The moment at which the expression is evaluated.
    pub at: Timestamp,
}

/// Where a Prometheus is, and how it lets callers in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Provider {
    /// Its base URL, such as `https://prometheus.monitoring:9090/tenant`.
    pub address: String,
    /// Headers of every request.
    pub headers: BTreeMap<String, String>,
    /// What the callers show.
    pub auth: ProviderAuth,
    /// Certificates (PEM) that are trusted besides the usual ones.
    pub ca_bundle: Option<String>,
}

/// What callers of a Prometheus show.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ProviderAuth {
    /// Nothing.
    None,
    /// A bearer token from a Secret.
    Token(Entry),
    /// An Entra token for Azure Monitor's managed Prometheus, of whoever the [`Errand`] names.
    Azure,
}

/// What a question needs of the cluster, as the caller has read it: the value of [`Question::entry`]. It may be a secret, so
/// its `Debug` says nothing of it.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Texts {
    /// The value of the entry; none where the question needs none.
    pub entry: Option<String>,
}

impl fmt::Debug for Texts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.entry.is_some() { "a text" } else { "no text" })
    }
}

/// What came of a question. Whether it is good enough is for the rollout to say.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// A number, which is finite.
    Number(f64),
    /// The expression can be used.
    Usable,
    /// There is no number yet, for this reason.
    NoData(String),
    /// The deployment answered.
    Answered(Answered),
    /// The deployment was asked and had not answered completely after so many milliseconds, which is all that the question
    /// allows: it failed, and nobody knows its status.
    Late(u64),
    /// The last lines of a log, the oldest first, fit for a status; none where Azure has none.
    Lines(Vec<String>),
    /// Nobody could measure, for this reason: a sentence that says what to do, without secrets and without a body.
    Error(String),
}

/// How a deployment answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// The HTTP status.
    pub status: u16,
    /// From the request to the last byte of the answer, in milliseconds.
    pub millis: u64,
    /// What became of the expression; none where there was none. An error says why it has no value, such as a body that is no JSON.
    pub expected: Option<Result<bool, String>>,
}
