//! Asynchronous operations as recorded (§B.1): when they end, what they do then, and what their URLs say.

mod ledger;
mod status;

use serde_json::Value;

use super::arm::Call;
use super::asset::version;
use super::fault::{Outcome, Work};
use super::{Core, batch, deployment, endpoint, ids, job, publish, registry, registry_regions};
use crate::wire::{Response, encode};
use ledger::Operation;
pub use ledger::{Due, Operations};
pub use status::answer;

/// What an operation does when its time has come. Keys are those of the store.
#[derive(Debug, Clone, PartialEq)]
pub enum Deed {
    /// A registry gets its accounts; `before` is what it was, for when this fails.
    FinishRegistry { key: String, before: Option<Value> },
    /// A registry goes, with its assets.
    RemoveRegistry { key: String },
    /// Regions go from a registry.
    RemoveRegions { key: String, regions: Vec<String> },
    /// A registry's asset version is ready.
    FinishVersion { key: String },
    /// A registry's asset version goes, for ever.
    RemoveVersion { key: String, container: String },
    /// A copy of a workspace's asset version appears in a registry.
    Publish(publish::Order),
    /// An endpoint is ready.
    FinishEndpoint { key: String },
    /// An endpoint goes, with its deployments.
    RemoveEndpoint { key: String },
    /// An endpoint gets new keys.
    ReplaceKey { key: String, primary: bool, value: String },
    /// A deployment serves what it was told to.
    FinishDeployment { key: String },
    /// A deployment goes.
    RemoveDeployment { key: String },
    /// A batch endpoint or deployment is ready.
    FinishBatch { key: String },
    /// A batch endpoint or deployment goes.
    RemoveBatch { key: String },
    /// A job goes.
    RemoveJob { key: String },
    /// A job's status moves on. Belongs to no operation.
    MoveJob { key: String, status: String },
}

impl Deed {
    /// The endpoint that must not be changed while this runs.
    fn endpoint(&self) -> Option<String> {
        match self {
            Self::FinishEndpoint { key } | Self::RemoveEndpoint { key } | Self::ReplaceKey { key, .. } => {
                Some(key.clone())
            }
            Self::FinishDeployment { key } | Self::RemoveDeployment { key } => {
                key.rsplitn(3, '/').nth(2).map(ToOwned::to_owned)
            }
            Self::FinishBatch { key } | Self::RemoveBatch { key } => {
                Some(key.split("/deployments/").next().unwrap_or(key).to_owned())
            }
            _ => None,
        }
    }

    /// The resource it is about.
    fn subject(&self) -> &str {
        match self {
            Self::FinishRegistry { key, .. }
            | Self::RemoveRegistry { key }
            | Self::RemoveRegions { key, .. }
            | Self::FinishVersion { key }
            | Self::RemoveVersion { key, .. }
            | Self::FinishEndpoint { key }
            | Self::RemoveEndpoint { key }
            | Self::ReplaceKey { key, .. }
            | Self::FinishDeployment { key }
            | Self::RemoveDeployment { key }
            | Self::FinishBatch { key }
            | Self::RemoveBatch { key }
            | Self::RemoveJob { key }
            | Self::MoveJob { key, .. } => key,
            Self::Publish(order) => &order.destination,
        }
    }
}

/// Why an operation failed: only its status tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Such as `ResourceNotReady`; the service sends it as prefix of the message, with a null code [ISS].
    pub code: String,
    /// The rest of the message.
    pub message: String,
}

/// Where the status of an operation is to be found, and how it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// `registryOperationsStatus/{guid}`.
    Registry,
    /// `mfeOperationsStatus/{prefix}:{workspaceId}:{guid}`.
    Mfe(&'static str),
}

/// What a handler says about the operation that it starts.
pub struct Start<'a> {
    /// Which status URLs it has.
    pub family: Family,
    /// The location in its URLs.
    pub location: &'a str,
    /// The workspace's id, in the ids of the resource provider's operations.
    pub workspace_id: &'a str,
    /// What kind of work it is, for rules about its fate and for how long it takes.
    pub work: Work,
    /// What happens in the end.
    pub deed: Deed,
    /// The resource to be shown by `Location` when done.
    pub shows: Option<String>,
    /// The model it is about, for rules about its fate.
    pub model: &'a str,
}

/// The URLs of an operation that was started.
pub struct Started {
    /// `mfeOperationsStatus` or `registryOperationsStatus`, signed.
    pub status_url: String,
    /// `mfeOperationResults`, or the status with `type=location`, signed.
    pub result_url: String,
    /// The status URL without signature, as resources show it.
    pub bare_url: String,
}

/// Starts an operation.
pub fn start(core: &mut Core, call: &Call, start: Start) -> Started {
    let guid = ids::guid(&mut core.rng);
    let id = match start.family {
        Family::Registry => guid,
        Family::Mfe(prefix) => format!("{prefix}:{}:{guid}", start.workspace_id),
    };
    let outcome = super::fault::outcome(core, start.work, start.deed.subject(), start.model);
    let seconds = start.work.duration(&core.config.durations);
    let due = ids::after(core.now, seconds);
    core.operations.occupy(start.deed.endpoint().as_deref());
    core.operations.known.insert(
        id.clone(),
        Operation {
            family: start.family,
            subscription: call.address.subscription.clone(),
            location: start.location.to_owned(),
            started: core.now,
            ended: None,
            verdict: None,
            shows: start.shows,
            endpoint: start.deed.endpoint(),
            vanished: outcome == Outcome::Vanish,
        },
    );
    let endless = outcome == Outcome::Hang;
    let failure = match outcome {
        Outcome::Fail { code, message } => Some(Failure { code, message }),
        _ => None,
    };
    if !endless {
        let due_deed = Due { operation: Some(id.clone()), deed: start.deed, failure };
        core.operations.enter(due, due_deed);
    }
    urls(core, call, start.family, start.location, &id)
}

/// What every answer that starts an operation goes through: `Retry-After`, when the configuration has one.
pub fn with_retry_after(core: &Core, response: Response) -> Response {
    match core.config.retry_after {
        Some(seconds) => response.header("Retry-After", seconds.to_string()),
        None => response,
    }
}

/// Lets a deed happen later without an operation that could be asked for.
pub fn schedule(core: &mut Core, seconds: f64, deed: Deed) {
    let due = ids::after(core.now, seconds);
    core.operations.enter(due, Due { operation: None, deed, failure: None });
}

fn urls(core: &mut Core, call: &Call, family: Family, location: &str, id: &str) -> Started {
    let root = format!(
        "{}/subscriptions/{}/providers/Microsoft.MachineLearningServices/locations/{}",
        core.base(),
        call.address.subscription,
        encode(location)
    );
    let version = encode(&call.api_version);
    match family {
        Family::Registry => {
            let bare_url = format!("{root}/registryOperationsStatus/{id}?api-version={version}");
            Started {
                status_url: format!("{bare_url}&type=async{}", signature(core)),
                result_url: format!("{bare_url}&type=location{}", signature(core)),
                bare_url,
            }
        }
        Family::Mfe(_) => {
            let bare_url = format!("{root}/mfeOperationsStatus/{id}?api-version={version}");
            Started {
                status_url: format!("{bare_url}{}", signature(core)),
                result_url: format!(
                    "{root}/mfeOperationResults/{id}?api-version={version}{}",
                    signature(core)
                ),
                bare_url,
            }
        }
    }
}

/// ARM signs the URLs of operations, at a length that surprises [REC].
fn signature(core: &mut Core) -> String {
    let length = core.config.signature_length;
    if length == 0 {
        return String::new();
    }
    let ticks = core.now.as_second() * 10_000_000;
    let mut text = |share: usize| -> String {
        let rng = &mut core.rng;
        (0..share).map(|_| if rng.u8(..40) == 0 { '-' } else { rng.alphanumeric() }).collect()
    };
    format!("&t={ticks}&c={}&s={}&h={}", text(length * 9 / 10), text(length / 10), text(43))
}

/// An operation's end: the deed is done, or fails.
pub(super) fn finish(core: &mut Core, due: Due) {
    let verdict = match due.failure {
        Some(failure) => Err(failure),
        None => Ok(()),
    };
    let verdict = perform(core, due.deed, verdict);
    let now = core.now;
    if let Some(id) = due.operation {
        core.operations.end(&id, now, verdict);
    }
    let kept = jiff::SignedDuration::try_from_secs_f64(core.config.operation_retention).unwrap_or_default();
    core.operations.forget(now.checked_sub(kept).unwrap_or(jiff::Timestamp::MIN));
}

/// Each deed decides what becomes of its resource, given whether the operation is fated to fail.
fn perform(core: &mut Core, deed: Deed, fate: Result<(), Failure>) -> Result<(), Failure> {
    match deed {
        Deed::FinishRegistry { key, before } => registry::finish(core, &key, before, fate),
        Deed::RemoveRegistry { key } => fate.map(|()| registry::remove(core, &key)),
        Deed::RemoveRegions { key, regions } => fate.map(|()| registry_regions::remove(core, &key, &regions)),
        Deed::FinishVersion { key } => version::finish(core, &key, fate),
        Deed::RemoveVersion { key, container } => version::remove_for_ever(core, &key, &container, fate),
        Deed::Publish(order) => publish::finish(core, &order, fate),
        Deed::FinishEndpoint { key } => endpoint::finish(core, &key, fate),
        Deed::RemoveEndpoint { key } => endpoint::remove(core, &key, fate),
        Deed::ReplaceKey { key, primary, value } => {
            fate.map(|()| super::keys::replace(core, &key, primary, value))
        }
        Deed::FinishDeployment { key } => deployment::finish(core, &key, fate),
        Deed::RemoveDeployment { key } => deployment::remove(core, &key, fate),
        Deed::FinishBatch { key } => batch::finish(core, &key, fate),
        Deed::RemoveBatch { key } => batch::remove(core, &key, fate),
        Deed::RemoveJob { key } => fate.map(|()| job::remove(core, &key)),
        Deed::MoveJob { key, status } => fate.map(|()| job::move_on(core, &key, &status)),
    }
}
