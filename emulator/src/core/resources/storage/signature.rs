//! Shared access signatures: whoever has one may use a container for a while.

use crate::core::Core;
use crate::core::machinery::ids;

/// Read, add, create, write, list: what somebody gets who is to upload.
pub const TO_WRITE: &str = "racwl";

/// Read, list: what somebody gets who asks where the files of an asset are [INF].
pub const TO_READ: &str = "rl";

/// A query that opens a container to this, for so many hours of its holder's clock.
pub fn issue(core: &Core, account: &str, container: &str, permissions: &str, hours: f64) -> String {
    let expiry = ids::after(core.now(), hours * 3600.0 * core.scale());
    let expiry = expiry.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let signature = sign(core, account, container, permissions, &expiry);
    format!("sv=2023-11-03&sr=c&sp={permissions}&se={}&sig={signature}", expiry.replace(':', "%3A"))
}

/// The signature that a container, permissions and an expiry have.
pub fn sign(core: &Core, account: &str, container: &str, permissions: &str, expiry: &str) -> String {
    ids::stable_guid(core.config.seed, &format!("sas {account}/{container} {permissions} {expiry}"))
}
