//! Staying below what Azure Resource Manager allows, so that we are not throttled and leave room
//! for others: a token bucket per subscription, principal and kind of request.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::payer::Payer;
use crate::azure::model::{Class, Error};

/// How fast we may go. The service's buckets are per subscription, principal and region; ours are per subscription and
/// principal.
#[derive(Debug, Clone, PartialEq)]
pub struct Pace {
    /// GETs.
    pub reads: Bucket,
    /// PUT, PATCH, DELETE, and every POST, since the service counts actions as writes [REC].
    pub writes: Bucket,
    /// Writes to online deployments, which the service counts apart from the others [REC].
    pub deployment_writes: Bucket,
    /// The longest that a call waits for its turn before it is given back as
    /// [`Class::Throttled`]. Default 10 s.
    pub longest_wait: Duration,
}

/// A token bucket: so many at once, and so many more per second.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bucket {
    /// Requests that may go at once when the bucket is full, as it is at the start.
    pub size: f64,
    /// Requests per second in the long run. Has to be above 0.
    pub per_second: f64,
}

impl Pace {
    /// 90 % of what is documented: 250 reads and 25 per second, 200 writes and 10 per second
    /// [DOC request-limits-and-throttling; the refill of reads is INF]. Deletes have a bucket of
    /// their own there; here they count as writes, which is on the safe side. For deployments 25
    /// writes were recorded [REC]; one more every 12 s is a guess [INF].
    pub fn documented() -> Self {
        let share = |size: f64, per_second: f64| Bucket { size: size * 0.9, per_second: per_second * 0.9 };
        Self {
            reads: share(250.0, 25.0),
            writes: share(200.0, 10.0),
            deployment_writes: share(25.0, 1.0 / 12.0),
            longest_wait: Duration::from_secs(10),
        }
    }
}

impl Default for Pace {
    fn default() -> Self {
        Self::documented()
    }
}

/// Which bucket a request draws from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Quota {
    Read,
    Write,
    DeploymentWrite,
}

impl Quota {
    /// In a word, for a label.
    fn label(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::DeploymentWrite => "deployment_write",
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Read => "reads",
            Self::Write => "writes",
            Self::DeploymentWrite => "writes to deployments",
        }
    }
}

/// The buckets of everybody in whose name this client has called.
#[derive(Debug)]
pub(crate) struct Pacer {
    pace: Pace,
    levels: Mutex<HashMap<(Payer, Quota), Level>>,
}

#[derive(Debug, Clone, Copy)]
struct Level {
    /// Below 0 when requests are already waiting for their turn.
    tokens: f64,
    at: Instant,
    /// Azure has told us to wait until then.
    blocked: Option<Instant>,
}

impl Level {
    fn refill(&mut self, bucket: Bucket, now: Instant) {
        let since = now.saturating_duration_since(self.at).as_secs_f64();
        self.tokens = (self.tokens + since * bucket.per_second).min(bucket.size);
        self.at = now;
    }

    fn is_full(&mut self, bucket: Bucket, now: Instant) -> bool {
        self.refill(bucket, now);
        self.tokens >= bucket.size && self.blocked.is_none_or(|until| until <= now)
    }
}

impl Pacer {
    pub(crate) fn new(pace: Pace) -> Self {
        Self { pace, levels: Mutex::default() }
    }

    /// Waits for this request's turn, first come first served.
    ///
    /// [`Class::Throttled`] at once, with how long it would have taken, where that is more than
    /// `longest_wait`.
    pub(crate) async fn turn(&self, payer: &Payer, kind: Quota) -> Result<(), Error> {
        let mut wait = self.take(payer, kind)?;
        while !wait.is_zero() {
            tokio::time::sleep(wait).await;
            // A 429 may have come in meanwhile.
            wait = self.blocked(payer, kind)?;
        }
        Ok(())
    }

    /// Takes a token, and says how long it is until that token is there.
    fn take(&self, payer: &Payer, kind: Quota) -> Result<Duration, Error> {
        let bucket = self.bucket(kind);
        self.with(payer, kind, |level, now| {
            let missing = (1.0 - level.tokens).max(0.0);
            let refilled = seconds(missing / bucket.per_second);
            let wait = refilled.max(block(level, now));
            self.allowed(wait, kind)?;
            level.tokens -= 1.0;
            Ok(wait)
        })
    }

    fn blocked(&self, payer: &Payer, kind: Quota) -> Result<Duration, Error> {
        self.with(payer, kind, |level, now| {
            let wait = block(level, now);
            self.allowed(wait, kind)?;
            Ok(wait)
        })
    }

    fn allowed(&self, wait: Duration, kind: Quota) -> Result<(), Error> {
        if wait <= self.pace.longest_wait {
            return Ok(());
        }
        let message = format!(
            "Azure allows this subscription no more {} for another {} s.",
            kind.word(),
            wait.as_secs().max(1)
        );
        Err(Error::new(Class::Throttled(wait), message))
    }

    /// How many requests of each kind a subscription has left, by whoever has the fewest.
    pub(crate) fn left(&self) -> BTreeMap<(String, &'static str), f64> {
        let now = Instant::now();
        let mut levels = self.levels.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all = BTreeMap::new();
        for ((payer, kind), level) in levels.iter_mut() {
            level.refill(self.bucket(*kind), now);
            let left: &mut f64 =
                all.entry((payer.subscription().to_owned(), kind.label())).or_insert(level.tokens);
            *left = left.min(level.tokens);
        }
        all
    }

    /// Heeds what an answer's headers say about how much is left.
    pub(crate) fn heed(&self, payer: &Payer, kind: Quota, header: impl Fn(&str) -> Option<u32>) {
        for (name, bucket) in remaining_headers(kind) {
            if let Some(left) = header(name) {
                self.remaining(payer, bucket, left);
            }
        }
    }

    /// Azure says how many are left: we may have fewer than we thought, never more.
    fn remaining(&self, payer: &Payer, kind: Quota, left: u32) {
        self.with(payer, kind, |level, _| {
            level.tokens = level.tokens.min(f64::from(left));
        });
    }

    /// Azure said 429: nothing of this kind before `wait` is over. Trying earlier would start
    /// the wait again [DOC].
    pub(crate) fn throttled(&self, payer: &Payer, kind: Quota, wait: Duration) {
        self.with(payer, kind, |level, now| {
            level.tokens = level.tokens.min(0.0);
            let until = now + wait;
            level.blocked = Some(level.blocked.map_or(until, |earlier| earlier.max(until)));
        });
    }

    fn bucket(&self, kind: Quota) -> Bucket {
        match kind {
            Quota::Read => self.pace.reads,
            Quota::Write => self.pace.writes,
            Quota::DeploymentWrite => self.pace.deployment_writes,
        }
    }

    fn with<T>(&self, payer: &Payer, kind: Quota, then: impl FnOnce(&mut Level, Instant) -> T) -> T {
        let now = Instant::now();
        let bucket = self.bucket(kind);
        let mut levels = self.levels.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (payer.clone(), kind);
        if !levels.contains_key(&key) {
            // A full bucket is as good as none. Anybody may name a subscription.
            levels.retain(|(_, kind), level| !level.is_full(self.bucket(*kind), now));
        }
        let level = levels.entry(key).or_insert(Level { tokens: bucket.size, at: now, blocked: None });
        level.refill(bucket, now);
        then(level, now)
    }
}

/// What Azure says is left, and in which of our buckets. [REC], azure-ml.md D.2.
fn remaining_headers(kind: Quota) -> impl Iterator<Item = (&'static str, Quota)> {
    let all = [
        ("x-ms-ratelimit-remaining-subscription-reads", Quota::Read),
        ("x-ms-ratelimit-remaining-subscription-global-reads", Quota::Read),
        ("x-ms-ratelimit-remaining-subscription-writes", Quota::Write),
        ("x-ms-ratelimit-remaining-subscription-global-writes", Quota::Write),
        ("x-ms-ratelimit-remaining-subscription-deletes", Quota::Write),
        ("x-ms-ratelimit-remaining-subscription-global-deletes", Quota::Write),
    ];
    let own = ("x-ms-ratelimit-remaining-subscription-resource-requests", Quota::DeploymentWrite);
    let own = (kind == Quota::DeploymentWrite).then_some(own);
    all.into_iter().chain(own)
}

fn block(level: &Level, now: Instant) -> Duration {
    level.blocked.map_or(Duration::ZERO, |until| until.saturating_duration_since(now))
}

/// At most a day, so that it can be added to a time.
fn seconds(seconds: f64) -> Duration {
    let day = Duration::from_secs(86_400);
    Duration::try_from_secs_f64(seconds).map_or(day, |wait| wait.min(day))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::azure::model::{Account, Principal};

    fn payer(subscription: &str) -> Payer {
        Payer::operator(subscription)
    }

    fn pacer() -> Pacer {
        let bucket = |size, per_second| Bucket { size, per_second };
        Pacer::new(Pace {
            reads: bucket(3.0, 2.0),
            writes: bucket(2.0, 1.0),
            deployment_writes: bucket(1.0, 0.1),
            longest_wait: Duration::from_secs(2),
        })
    }

    /// When each of `count` requests, made at once, may go: milliseconds, or how long it is told to wait.
    async fn turns(pacer: &Pacer, kind: Quota, count: usize) -> Vec<Result<u128, u128>> {
        let start = Instant::now();
        let all = (0..count).map(|_| async {
            match pacer.turn(&payer("s"), kind).await {
                Ok(()) => Ok(start.elapsed().as_millis()),
                Err(error) => match error.class {
                    Class::Throttled(wait) => Err(wait.as_millis()),
                    other => panic!("{other:?}"),
                },
            }
        });
        futures::future::join_all(all).await
    }

    #[tokio::test(start_paused = true)]
    async fn a_full_bucket_goes_at_once_and_then_at_its_rate() {
        let expected = [Ok(0), Ok(0), Ok(0), Ok(500), Ok(1000), Ok(1500), Ok(2000), Err(2500)];
        assert_eq!(turns(&pacer(), Quota::Read, 8).await, expected);
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_turned_away_has_not_used_a_turn() {
        let pacer = pacer();
        turns(&pacer, Quota::Write, 10).await;
        // Two at once and two waited for: the bucket is empty after 2 s and has one after 3 s.
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(turns(&pacer, Quota::Write, 2).await, [Ok(0), Ok(1000)]);
    }

    #[tokio::test(start_paused = true)]
    async fn subscriptions_identities_and_kinds_do_not_share() {
        let pacer = pacer();
        turns(&pacer, Quota::Read, 3).await;
        assert_eq!(turns(&pacer, Quota::Write, 1).await, [Ok(0)]);
        let start = Instant::now();
        pacer.turn(&payer("other"), Quota::Read).await.expect("its own");
        let account = Account { namespace: "ml".into(), name: "fares".into() };
        let place = Payer::new(&Principal::Account(account), "s");
        pacer.turn(&place, Quota::Read).await.expect("its own");
        assert_eq!(start.elapsed(), Duration::ZERO);
        assert!(pacer.take(&payer("S"), Quota::Read).expect("near") > Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn what_azure_says_only_lowers() {
        let pacer = pacer();
        pacer.remaining(&payer("s"), Quota::Read, 11_998);
        pacer.remaining(&payer("s"), Quota::Read, 1);
        pacer.remaining(&payer("s"), Quota::Read, 249);
        assert_eq!(turns(&pacer, Quota::Read, 2).await, [Ok(0), Ok(500)]);
    }

    #[tokio::test(start_paused = true)]
    async fn the_headers_speak_of_the_right_bucket() {
        let pacer = pacer();
        let says = |name: &'static str| move |header: &str| (header == name).then_some(0);
        pacer.heed(&payer("s"), Quota::Write, says("x-ms-ratelimit-remaining-subscription-writes"));
        pacer.heed(
            &payer("s"),
            Quota::Write,
            says("x-ms-ratelimit-remaining-subscription-resource-requests"),
        );
        assert_eq!(turns(&pacer, Quota::Write, 1).await, [Ok(1000)]);
        assert_eq!(turns(&pacer, Quota::DeploymentWrite, 1).await, [Ok(0)]);
        pacer.heed(
            &payer("s"),
            Quota::DeploymentWrite,
            says("x-ms-ratelimit-remaining-subscription-resource-requests"),
        );
        assert_eq!(turns(&pacer, Quota::DeploymentWrite, 1).await, [Err(10_000)]);
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_429_nothing_goes_before_its_time() {
        let pacer = pacer();
        pacer.throttled(&payer("s"), Quota::Read, Duration::from_secs(5));
        pacer.throttled(&payer("s"), Quota::Read, Duration::from_secs(1));
        assert_eq!(turns(&pacer, Quota::Read, 1).await, [Err(5000)]);
        tokio::time::sleep(Duration::from_millis(3500)).await;
        assert_eq!(turns(&pacer, Quota::Read, 1).await, [Ok(1500)]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_subscription_that_nobody_asks_for_any_more_is_forgotten() {
        let pacer = pacer();
        pacer.throttled(&payer("blocked"), Quota::Read, Duration::from_secs(3600));
        for number in 0..1000 {
            pacer.turn(&payer(&format!("s{number}")), Quota::Read).await.expect("its own");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let known = pacer.levels.lock().expect("not poisoned").len();
        assert!(known <= 10, "{known}");
        assert_eq!(
            pacer.turn(&payer("blocked"), Quota::Read).await.map_err(|e| e.class),
            Err(Class::Throttled(Duration::from_secs(3500)))
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_429_holds_back_those_who_wait_already() {
        let pacer = pacer();
        turns(&pacer, Quota::Write, 2).await;
        let (waited, ()) = tokio::join!(turns(&pacer, Quota::Write, 1), async {
            tokio::time::sleep(Duration::from_millis(500)).await;
            pacer.throttled(&payer("s"), Quota::Write, Duration::from_secs(2));
        });
        assert_eq!(waited, [Ok(2500)]);
    }

    #[tokio::test(start_paused = true)]
    async fn the_documented_pace_leaves_a_tenth() {
        let pacer = Pacer::new(Pace::documented());
        let turns = turns(&pacer, Quota::Write, 1000).await;
        assert_eq!(turns.iter().filter(|t| **t == Ok(0)).count(), 180);
        assert_eq!(turns.iter().filter(|t| t.is_ok()).count(), 180 + 90);
    }
}
