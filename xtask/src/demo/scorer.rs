//! A steady stream of scoring requests, and who answered them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::json;
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

/// One request in this time.
const EVERY: Duration = Duration::from_millis(33);

/// Sends requests until it is stopped.
pub(super) struct Scorer {
    tally: Arc<Mutex<Tally>>,
    task: JoinHandle<()>,
}

/// Answers so far, or within a while.
#[derive(Debug, Clone, Default)]
pub(super) struct Tally {
    /// By the deployment that answered.
    pub(super) answers: BTreeMap<String, u64>,
    /// Requests without a good answer.
    pub(super) failed: u64,
    /// What the first of them got.
    pub(super) first_failure: Option<String>,
}

impl Scorer {
    /// Begins to call a scoring URI with a key.
    pub(super) fn start(http: reqwest::Client, uri: String, key: String) -> Self {
        let tally = Arc::new(Mutex::new(Tally::default()));
        let counted = tally.clone();
        let task = tokio::spawn(async move {
            let mut ticks = tokio::time::interval(EVERY);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
            loop {
                ticks.tick().await;
                let answer = score(&http, &uri, &key).await;
                let mut tally = counted.lock().unwrap_or_else(PoisonError::into_inner);
                match answer {
                    Ok(deployment) => *tally.answers.entry(deployment).or_default() += 1,
                    Err(why) => {
                        tally.failed += 1;
                        tally.first_failure.get_or_insert(why);
                    }
                }
            }
        });
        Self { tally, task }
    }

    /// The answers so far.
    pub(super) fn tally(&self) -> Tally {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Ends it.
    pub(super) fn stop(self) {
        self.task.abort();
    }
}

impl Drop for Scorer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn score(http: &reqwest::Client, uri: &str, key: &str) -> Result<String, String> {
    let ride = json!({"input_data": {"columns": ["distance", "hour"], "data": [[3.4, 17]]}});
    let request = http.post(uri).bearer_auth(key).json(&ride).timeout(Duration::from_secs(5));
    let answer = request.send().await.map_err(|e| e.to_string())?;
    let status = answer.status();
    let deployment = answer.headers().get("azureml-model-deployment").cloned();
    let text = answer.text().await.map_err(|e| e.to_string())?;
    let deployment = deployment.and_then(|d| d.to_str().ok().map(str::to_string));
    deployment.filter(|_| status.is_success()).ok_or_else(|| format!("{status}: {text}"))
}

impl Tally {
    /// What came after an earlier tally.
    pub(super) fn since(&self, earlier: &Self) -> Self {
        let before = |name: &String| earlier.answers.get(name).copied().unwrap_or_default();
        let answers = self.answers.iter().map(|(name, n)| (name.clone(), n - before(name)));
        let failed = self.failed - earlier.failed;
        let first_failure = self.first_failure.clone().filter(|_| failed > 0);
        Self { answers: answers.filter(|(_, n)| *n > 0).collect(), failed, first_failure }
    }

    /// Good answers.
    pub(super) fn total(&self) -> u64 {
        self.answers.values().sum()
    }

    /// The share of a deployment, in percent.
    #[allow(clippy::cast_precision_loss)]
    pub(super) fn share(&self, deployment: &str) -> f64 {
        let of = self.answers.get(deployment).copied().unwrap_or_default();
        100.0 * of as f64 / self.total().max(1) as f64
    }

    /// Whether a deployment's share is as near to `declared` percent as chance lets it be: within four
    /// and a half standard deviations, and one percent for the moments of change.
    #[allow(clippy::cast_precision_loss)]
    pub(super) fn is_near(&self, deployment: &str, declared: i32) -> bool {
        let p = f64::from(declared) / 100.0;
        let deviation = 100.0 * (p * (1.0 - p) / self.total().max(1) as f64).sqrt();
        self.total() > 0 && (self.share(deployment) - 100.0 * p).abs() <= 4.5 * deviation + 1.0
    }

    /// `v1-… 90.3 %, v2-… 9.7 % of 612 answers`.
    pub(super) fn in_words(&self) -> String {
        let shares = self.answers.keys().map(|name| format!("{name} {:.1} %", self.share(name)));
        let shares: Vec<String> = shares.collect();
        format!("{} of {} answers", shares.join(", "), self.total())
    }
}

#[cfg(test)]
mod tests {
    use super::Tally;

    fn tally(v1: u64, v2: u64) -> Tally {
        let answers = [("v1".to_string(), v1), ("v2".to_string(), v2)].into();
        Tally { answers, ..Tally::default() }
    }

    #[test]
    fn chance_is_allowed_and_another_split_is_not() {
        assert!(tally(540, 60).is_near("v2", 10));
        assert!(tally(520, 80).is_near("v2", 10));
        assert!(!tally(480, 120).is_near("v2", 10));
        assert!(!tally(0, 0).is_near("v2", 0));
        assert!(!tally(90, 10).is_near("v2", 100));
    }

    #[test]
    fn a_while_is_the_difference_of_two_tallies() {
        assert_eq!(tally(100, 7).since(&tally(90, 7)).in_words(), "v1 100.0 % of 10 answers");
    }
}
