//! Measurements of a candidate: questions to its endpoint, to Azure Monitor and to Prometheus, and what came back.
//!
//! The questions are data ([`model`]), and [`Client`] asks them. What an answer means for a rollout is decided in `decide`.

mod expression;
mod log;
pub mod model;
mod monitor;
mod prometheus;
mod smoke;

use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::azure::client::Azure;
use crate::azure::model::{Error, presentable};
use model::{Answer, Query, Question, Texts};

/// So many expressions are evaluated at once: each may take a processor for some tenths of a second, and the memory that an
/// answer of 1 MiB becomes.
const EVALUATED_AT_ONCE: usize = 2;

/// Asks the questions of rollouts. Clones share connections, keys and tokens.
///
/// Every question has an end: 10 s for a number, and for a smoke test the time that it says. Nothing is retried, and no answer
/// contains a body, a key or a token.
#[derive(Clone)]
pub struct Client {
    azure: Azure,
    evaluations: Arc<Semaphore>,
    providers: Arc<prometheus::Providers>,
}

impl Client {
    /// A client that asks as whoever the errand of a query says, by the ways of this client of Azure.
    pub fn new(azure: Azure) -> Self {
        Self { azure, evaluations: Arc::new(Semaphore::new(EVALUATED_AT_ONCE)), providers: Arc::default() }
    }

    /// Asks one question. `texts` has what [`Question::entry`] names.
    pub async fn ask(&self, query: &Query, texts: &Texts) -> Answer {
        let Query { errand, what } = query;
        let asked = match what {
            Question::Smoke(smoke) => self.smoke(errand, smoke, texts).await,
            Question::Monitor(monitor) => self.monitor(errand, monitor).await,
            Question::Prometheus(prometheus) => self.prometheus(errand, prometheus, texts).await,
            Question::Log(deployment) => self.log(errand, deployment).await,
            Question::Expression(expression) => self.usable(expression).await,
        };
        asked.unwrap_or_else(|why| Answer::Error(presentable(&why)))
    }
}

/// An error of Azure as the end of a sentence.
fn said(error: &Error) -> String {
    let text = error.to_string();
    if text.ends_with(['.', ')']) { text } else { format!("{text}.") }
}

/// What somebody has to write into the cluster, where a question needs it and it is not there.
fn missing(kind: &str, entry: &model::Entry) -> String {
    let model::Entry { namespace, name, key } = entry;
    format!("There is no key {key} in the {kind} {namespace}/{name}, or it is no text: write one.")
}
