//! Azure Resource Manager's token buckets (§D.2): per subscription, principal and kind of request.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::Core;
use super::call::Call;
use super::error::ArmError;
use crate::config::{Limit, Limits, Throttling};
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

/// What is left in every bucket. The principal of a subscription's own buckets is empty.
#[derive(Debug, Default)]
pub struct Buckets {
    levels: BTreeMap<(String, String, Kind), Level>,
    last: Option<(Kind, f64, f64)>,
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
    /// A bucket with what has come back by now.
    fn level(&mut self, key: (String, String, Kind), limit: Limit, now: Timestamp) -> &mut Level {
        let level = self.levels.entry(key).or_insert(Level { tokens: limit.size, at: now });
        let passed = now.duration_since(level.at).as_secs_f64().max(0.0);
        level.tokens = (level.tokens + passed * limit.refill).min(limit.size);
        level.at = now;
        level
    }

    /// Takes one token of each bucket, and tells what is left in them; otherwise takes none, and tells after how many
    /// seconds there is one in each.
    fn take<const N: usize>(
        &mut self,
        buckets: &[((String, String, Kind), Limit); N],
        now: Timestamp,
    ) -> Result<[f64; N], f64> {
        let wait = buckets.iter().fold(0.0_f64, |longest, (key, limit)| {
            let missing = 1.0 - self.level(key.clone(), *limit, now).tokens;
            if missing > 0.0 { longest.max((missing / limit.refill.max(1e-6)).ceil()) } else { longest }
        });
        if wait > 0.0 {
            return Err(wait);
        }
        Ok(std::array::from_fn(|index| {
            let (key, limit) = &buckets[index];
            let level = self.level(key.clone(), *limit, now);
            level.tokens -= 1.0;
            level.tokens
        }))
    }
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
    match core.buckets.take(&buckets, now) {
        Ok([own, all]) => {
            core.buckets.last = Some((kind, own, all));
            Ok(())
        }
        Err(seconds) => {
            core.buckets.last = Some((kind, 0.0, 0.0));
            Err(ArmError::front(
                429,
                "SubscriptionRequestsThrottled",
                format!(
                    "Number of requests for subscription '{}' and operation '{}' exceeded the backend storage limit. Please try again after '{seconds}' seconds.",
                    call.address.subscription,
                    super::rights::action(&call.address, call.request.method.as_str())
                ),
            )
            .header("Retry-After", format!("{seconds}")))
        }
    }
}

/// The remaining-headers, as recorded: the subscription's own beside the principal's, but for deployments.
pub fn headers(core: &mut Core, request: &Request, response: &mut Response) {
    let limits = limits(&core.config.throttling);
    let kind = kind_of(request.method.as_str(), &request.path);
    let limit = limit_of(&limits, kind);
    let (own, all) = match core.buckets.last.take() {
        Some((counted, own, all)) if counted == kind => (own, all),
        _ => (limit.size - 1.0, limit.size * GLOBAL_FACTOR - 1.0),
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
