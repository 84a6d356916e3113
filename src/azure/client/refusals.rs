//! Who does not take whose token: a subscription, at one host. That is their matter, and nobody else waits because of it.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::payer::Payer;
use crate::azure::model::{Class, Error};

/// A refusal that nobody has come back to for so long is forgotten.
const FORGOTTEN: Duration = Duration::from_secs(3600);

/// The refusals that stand, by identity, subscription and host (in small letters).
///
/// After one, nothing is sent there until its back-off is over, and whoever asks gets the same error: 5 s doubling to 2 min;
/// where the subscription is one of another tenant, which no new token changes, 2 min doubling to 10 min.
#[derive(Debug, Default)]
pub(crate) struct Refusals(Mutex<HashMap<(Payer, String), Refusal>>);

#[derive(Debug)]
struct Refusal {
    error: Error,
    times: u32,
    until: Instant,
}

impl Refusals {
    /// The error of a refusal whose back-off is not over.
    pub(crate) fn holding_back(&self, payer: &Payer, host: &str) -> Option<Error> {
        let now = Instant::now();
        self.all().get(&key(payer, host)).filter(|it| now < it.until).map(|it| it.error.clone())
    }

    /// Has the last answer from there been a refusal?
    pub(crate) fn stands(&self, payer: &Payer, host: &str) -> bool {
        self.all().contains_key(&key(payer, host))
    }

    /// The token was refused there, and a new one would not help or has not helped.
    pub(crate) fn refused(&self, payer: &Payer, host: &str, error: &Error) {
        let now = Instant::now();
        let mut all = self.all();
        all.retain(|_, it| now < it.until + FORGOTTEN);
        let it =
            all.entry(key(payer, host)).or_insert(Refusal { error: error.clone(), times: 0, until: now });
        it.times += 1;
        it.error = error.clone();
        it.until = now + back_off(error.class, it.times);
    }

    /// A token was taken there.
    pub(crate) fn accepted(&self, payer: &Payer, host: &str) {
        let mut all = self.all();
        if !all.is_empty() {
            all.remove(&key(payer, host));
        }
    }

    fn all(&self) -> MutexGuard<'_, HashMap<(Payer, String), Refusal>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn key(payer: &Payer, host: &str) -> (Payer, String) {
    (payer.clone(), host.to_ascii_lowercase())
}

fn back_off(class: Class, times: u32) -> Duration {
    let (first, longest) = if class == Class::Permanent { (120, 600) } else { (5, 120) };
    Duration::from_secs((first << times.saturating_sub(1).min(16)).min(longest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payer(subscription: &str) -> Payer {
        Payer::operator(subscription)
    }

    async fn after(seconds: u64) {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_refuses_is_left_alone_for_longer_each_time_and_nobody_else_is() {
        let refusals = Refusals::default();
        for (class, waits) in [
            (Class::Unauthorized, [5, 10, 20, 40, 80, 120, 120]),
            (Class::Permanent, [120, 240, 480, 600, 600, 600, 600]),
        ] {
            for wait in waits {
                refusals.refused(&payer("S"), "h", &Error::new(class, "no"));
                assert!(refusals.holding_back(&payer("s"), "H").is_some());
                assert!(
                    refusals.holding_back(&payer("other"), "h").is_none()
                        && refusals.holding_back(&payer("s"), "other").is_none()
                );
                after(wait - 1).await;
                assert!(refusals.holding_back(&payer("s"), "h").is_some(), "{class:?} {wait}");
                after(1).await;
                assert!(
                    refusals.holding_back(&payer("s"), "h").is_none() && refusals.stands(&payer("s"), "h"),
                    "{class:?} {wait}"
                );
            }
            refusals.accepted(&payer("s"), "h");
            assert!(!refusals.stands(&payer("s"), "h"));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_nobody_comes_back_to_is_forgotten() {
        let refusals = Refusals::default();
        for number in 0..100 {
            refusals.refused(&payer(&format!("s{number}")), "h", &Error::new(Class::Unauthorized, "no"));
            after(60).await;
        }
        assert!(refusals.all().len() < 65, "{}", refusals.all().len());
    }
}
