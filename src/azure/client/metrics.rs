//! What is counted of the requests to Azure, for Prometheus.

use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

use super::rest::Azure;
use crate::azure::model::{Lane, Purpose};

/// The counters of one client.
#[derive(Debug, Clone)]
pub(super) struct Metrics {
    sent: Family<Sent, Counter>,
    seconds: Family<Asked, Histogram>,
    throttled: Family<Whose, Counter<f64, std::sync::atomic::AtomicU64>>,
    tokens: Family<Outcome, Counter>,
}

/// One request to Azure Resource Manager that has come to its end.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Sent {
    purpose: String,
    lane: String,
    /// The status of the answer; `none` where none came.
    code: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Asked {
    method: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Whose {
    subscription: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Budget {
    subscription: String,
    kind: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Outcome {
    outcome: &'static str,
}

impl Default for Metrics {
    fn default() -> Self {
        // 10 ms to 41 s: a request may take 30 s.
        let seconds = || Histogram::new(exponential_buckets(0.01, 2.0, 13));
        Self {
            sent: Family::default(),
            seconds: Family::new_with_constructor(seconds),
            throttled: Family::default(),
            tokens: Family::default(),
        }
    }
}

impl Metrics {
    /// A request was sent; `status`: none where no answer came.
    pub(super) fn sent(&self, (purpose, lane): (Purpose, Lane), status: Option<u16>) {
        let code = status.map_or_else(|| "none".into(), |status| status.to_string());
        self.sent.get_or_create(&Sent { purpose: purpose.to_string(), lane: lane.to_string(), code }).inc();
    }

    /// How long an answer took.
    pub(super) fn took(&self, method: &str, seconds: f64) {
        self.seconds.get_or_create(&Asked { method: method.into() }).observe(seconds);
    }

    /// Azure has told to wait.
    pub(super) fn throttled(&self, subscription: &str, seconds: f64) {
        let whose = Whose { subscription: subscription.to_lowercase() };
        self.throttled.get_or_create(&whose).inc_by(seconds);
    }

    /// Entra ID was asked for a token.
    pub(super) fn token(&self, fetched: bool) {
        let outcome = if fetched { "fetched" } else { "failed" };
        self.tokens.get_or_create(&Outcome { outcome }).inc();
    }
}

impl Azure {
    /// Has this registry tell what was asked of Azure.
    pub fn register(&self, registry: &mut Registry) {
        let Metrics { sent, seconds, throttled, tokens } = &self.0.metrics;
        registry.register(
            "bindery_azure_requests",
            "Requests to Azure Resource Manager that were sent, by what for, how urgent, and the status of the answer (none: no answer)",
            sent.clone(),
        );
        registry.register(
            "bindery_azure_request_duration_seconds",
            "Time from a request to Azure Resource Manager to its answer",
            seconds.clone(),
        );
        registry.register(
            "bindery_azure_throttled_seconds",
            "Time for which Azure told the operator to wait (answers 429), by subscription",
            throttled.clone(),
        );
        registry.register(
            "bindery_azure_tokens",
            "Requests to Entra ID for a token, by outcome",
            tokens.clone(),
        );
        registry.register_collector(Box::new(Budgets(self.clone())));
    }
}

/// How many requests each subscription has left, as it is when somebody asks.
struct Budgets(Azure);

impl std::fmt::Debug for Budgets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Budgets")
    }
}

impl prometheus_client::collector::Collector for Budgets {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let all = self.0.0.pacer.left();
        if all.is_empty() {
            return Ok(());
        }
        let mut family = encoder.encode_descriptor(
            "bindery_azure_budget_requests",
            "Requests that may go out now without waiting, by subscription and kind; below 0 where some wait. A subscription of which nothing was asked lately has a full budget and is not listed",
            None,
            prometheus_client::metrics::MetricType::Gauge,
        )?;
        for ((subscription, kind), left) in all {
            let labels = Budget { subscription, kind };
            ConstGauge::new(left).encode(family.encode_family(&labels)?)?;
        }
        Ok(())
    }
}
