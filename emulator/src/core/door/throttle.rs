//! Azure Resource Manager's token buckets (§D.2): per subscription, principal and kind of request.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::config::{Limit, Limits, Throttling};
use crate::core::Core;
use crate::core::machinery::call::Call;
use crate::core::machinery::error::ArmError;
use crate::core::machinery::ids;
use crate::wire::{Request, Response};

const GLOBAL_FACTOR: f64 = 15.0;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Reads,
    Writes,
    Deletes,
    DeploymentWrites,
}

#[derive(Debug, Clone, Copy)]
struct Level {
    tokens: f64,
    at: Timestamp,
}

/// Of whom a bucket is, and for what. The principal of a subscription's own buckets is empty.
type Key = (String, String, Kind);

/// How long somebody was told to wait, in emulated seconds.
#[derive(Debug, Clone, Copy)]
struct Wait {
    seconds: f64,
    until: Timestamp,
    /// Somebody came too early, and it began anew. That happens once: clients of one principal cannot be told apart, and
    /// each one's punctual request is too early for what another was told later.
    anew: bool,
}

/// What is left in every bucket, and who waits for one.
#[derive(Debug, Default)]
pub struct Buckets {
    levels: BTreeMap<Key, Level>,
    waits: BTreeMap<Key, Wait>,
    last: Option<(Kind, [f64; 2])>,
}

fn kind_of(method: &str, path: &str) -> Kind {
    let path = path.to_ascii_lowercase();
    match method {
        "GET" | "HEAD" => Kind::Reads,
        "DELETE" => Kind::Deletes,
        "PUT" | "PATCH" if path.contains("/onlineendpoints/") && path.contains("/deployments/") => {
            Kind::DeploymentWrites
        }
        _ => Kind::Writes,
    }
}

fn limits(throttling: &Throttling) -> Limits {
    match throttling {
        Throttling::Custom(limits) => *limits,
        Throttling::Off | Throttling::Documented => Limits::default(),
    }
}

fn limit_of(limits: &Limits, kind: Kind) -> Limit {
    match kind {
        Kind::Reads => limits.reads,
        Kind::Writes => limits.writes,
        Kind::Deletes => limits.deletes,
        Kind::DeploymentWrites => limits.deployment_writes,
    }
}

impl Buckets {
    /// Forgets who was told to wait: the limits are others now.
    pub fn forget_waits(&mut self) {
        self.waits.clear();
    }

    /// What is in a bucket, with what has come back by now.
    fn level(&mut self, (key, limit): &(Key, Limit), now: Timestamp) -> &mut f64 {
        let level = self.levels.entry(key.clone()).or_insert(Level { tokens: limit.size, at: now });
        let passed = now.duration_since(level.at).as_secs_f64().max(0.0);
        level.tokens = (level.tokens + passed * limit.refill).min(limit.size);
        level.at = now;
        &mut level.tokens
    }

    /// Takes one token of each bucket, of the principal's own and the subscription's. Otherwise takes none, and tells
    /// after how many emulated seconds there is one in each. Whoever first comes before that waits as long again, and who comes
    /// before that too waits for the rest of it.
    fn take(&mut self, buckets: &[(Key, Limit); 2], now: Timestamp) -> Result<(), f64> {
        let own = &buckets[0].0;
        if let Some(wait) = self.waits.get_mut(own).filter(|wait| now < wait.until) {
            if !wait.anew {
                *wait = Wait { until: ids::after(now, wait.seconds), anew: true, ..*wait };
            }
            return Err(wait.until.duration_since(now).as_secs_f64());
        }
        let seconds = buckets.iter().fold(0.0_f64, |longest, bucket| {
            let missing = 1.0 - *self.level(bucket, now);
            if missing > 0.0 { longest.max((missing / bucket.1.refill.max(1e-6)).ceil()) } else { longest }
        });
        if seconds > 0.0 {
            self.waits.insert(own.clone(), Wait { seconds, until: ids::after(now, seconds), anew: false });
            return Err(seconds);
        }
        self.waits.remove(own);
        for bucket in buckets {
            *self.level(bucket, now) -= 1.0;
        }
        Ok(())
    }
}

/// The whole real seconds, at least one, in which so many emulated ones pass: clients sleep real ones.
fn real(core: &Core, seconds: f64) -> f64 {
    (seconds / core.scale()).ceil().clamp(1.0, f64::from(i32::MAX))
}

/// Counts a request, and refuses it with 429 when its bucket is empty.
pub fn spend(core: &mut Core, call: &Call) -> Result<(), ArmError> {
    core.buckets.last = None;
    if core.config.throttling == Throttling::Off {
        return Ok(());
    }
    let limits = limits(&core.config.throttling);
    let kind = kind_of(call.request.method.as_str(), &call.request.path);
    let limit = limit_of(&limits, kind);
    let whole = Limit { size: limit.size * GLOBAL_FACTOR, refill: limit.refill * GLOBAL_FACTOR };
    let subscription = call.address.subscription.to_ascii_lowercase();
    let (now, principal) = (core.now(), call.identity.object_id.clone());
    let buckets =
        [((subscription.clone(), principal, kind), limit), ((subscription, String::new(), kind), whole)];
    let taken = core.buckets.take(&buckets, now);
    core.buckets.last = Some((kind, [0, 1].map(|index| *core.buckets.level(&buckets[index], now))));
    taken.map_err(|seconds| {
        let seconds = real(core, seconds);
        ArmError::front(
            429,
            "SubscriptionRequestsThrottled",
            format!(
                "Number of requests for subscription '{}' and operation '{}' exceeded the backend storage limit. Please try again after '{seconds}' seconds.",
                call.address.subscription,
                crate::core::machinery::rights::action(&call.address, call.request.method.as_str())
            ),
        )
        .header("Retry-After", format!("{seconds}"))
    })
}

/// The remaining-headers, as recorded: the subscription's own beside the principal's, but for deployments.
pub fn headers(core: &mut Core, request: &Request, response: &mut Response) {
    let limits = limits(&core.config.throttling);
    let kind = kind_of(request.method.as_str(), &request.path);
    let limit = limit_of(&limits, kind);
    let [own, all] = match core.buckets.last.take() {
        Some((counted, levels)) if counted == kind => levels,
        _ => [limit.size - 1.0, limit.size * GLOBAL_FACTOR - 1.0],
    };
    let name = match kind {
        Kind::Reads => "reads",
        Kind::Writes => "writes",
        Kind::Deletes => "deletes",
        Kind::DeploymentWrites => {
            let name = "x-ms-ratelimit-remaining-subscription-resource-requests";
            response.headers.insert(name.to_owned(), format!("{:.0}", own.floor()));
            return;
        }
    };
    for (prefix, left) in [("", own), ("global-", all)] {
        let name = format!("x-ms-ratelimit-remaining-subscription-{prefix}{name}");
        response.headers.insert(name, format!("{:.0}", left.floor()));
    }
}
