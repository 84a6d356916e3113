//! Shared access signatures: whoever has one may use a container for a while.

use crate::core::Core;
use crate::core::machinery::ids;

/// What an issued signature permits: read, add, create, write, list.
const PERMISSIONS: &str = "racwl";

/// A query that opens a container for so many hours of its holder's clock.
pub fn issue(core: &Core, account: &str, container: &str, hours: f64) -> String {
    let expiry = ids::after(core.now(), hours * 3600.0 * core.scale());
    let expiry = expiry.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let signature = sign(core, account, container, PERMISSIONS, &expiry);
    format!("sv=2023-11-03&sr=c&sp={PERMISSIONS}&se={}&sig={signature}", expiry.replace(':', "%3A"))
}

/// The signature that a container, permissions and an expiry have.
pub fn sign(core: &Core, account: &str, container: &str, permissions: &str, expiry: &str) -> String {
    ids::stable_guid(core.config.seed, &format!("sas {account}/{container} {permissions} {expiry}"))
}
