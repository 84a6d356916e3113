//! Asynchronous operations as recorded (§B.1): how they begin, when they end, and what their URLs say.

mod deed;
mod ledger;
mod outcome;
mod status;

use super::call::Call;
use super::ids;
use crate::config::{Outcome, Work};
use crate::core::Core;
use crate::wire::{Response, encode};
pub use deed::{Deed, Order};
use ledger::Operation;
pub use ledger::{Due, Operations};
pub use status::answer;

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
pub struct Urls {
    /// `mfeOperationsStatus` or `registryOperationsStatus`, signed.
    pub status: String,
    /// `mfeOperationResults`, or the status with `type=location`, signed.
    pub result: String,
    /// The status URL without signature, as resources show it.
    pub bare: String,
}

/// Starts an operation.
pub fn start(core: &mut Core, call: &Call, start: Start) -> Urls {
    let guid = ids::guid(&mut core.rng);
    let id = match start.family {
        Family::Registry => guid,
        Family::Mfe(prefix) => format!("{prefix}:{}:{guid}", start.workspace_id),
    };
    let outcome = outcome::decide(core, start.work, start.deed.subject(), start.model);
    let seconds = start.work.duration(&core.config.durations);
    let due = ids::after(core.now, seconds);
    core.operations.occupy(start.deed.endpoint().as_deref());
    core.operations.known.insert(
        id.clone(),
        Operation {
            family: start.family,
            subscription: call.address.subscription.clone(),
            location: start.location.to_owned(),
            door: call.door,
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

fn urls(core: &mut Core, call: &Call, family: Family, location: &str, id: &str) -> Urls {
    let root = format!(
        "{}/subscriptions/{}/providers/Microsoft.MachineLearningServices/locations/{}",
        core.base(),
        call.address.subscription,
        encode(location)
    );
    let version = encode(&call.api_version);
    match family {
        Family::Registry => {
            let bare = format!("{root}/registryOperationsStatus/{id}?api-version={version}");
            Urls {
                status: format!("{bare}&type=async{}", signature(core)),
                result: format!("{bare}&type=location{}", signature(core)),
                bare,
            }
        }
        Family::Mfe(_) => {
            let bare = format!("{root}/mfeOperationsStatus/{id}?api-version={version}");
            Urls {
                status: format!("{bare}{}", signature(core)),
                result: format!("{root}/mfeOperationResults/{id}?api-version={version}{}", signature(core)),
                bare,
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
