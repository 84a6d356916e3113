//! The shell: read what the facts want to know, call `decide`, act on Azure, report to the cluster. One pass for all
//! kinds. It holds no rule about models, places or who may refer to whom.
//!
//! [`pass`] is the way of one change, over the [`ports`]: cluster, Azure, clock and journal. [`live`] fills them with the
//! real ones. Whatever is written passes the [`gate`], and which of several processes writes is decided by the [`lease`]. [`index`] knows who named and who asked about what, and so whom a change wakes; [`watch`] carries what the
//! watches bring to it.

mod accounts;
mod api_server;
mod context;
#[cfg(test)]
mod fixtures;
mod gate;
mod index;
mod leader;
mod lease;
mod live;
mod memory;
mod merge;
mod meter;
mod pass;
pub(crate) mod ports;
mod report;
mod secrets;
mod telemetry;
mod turns;
mod watch;

pub use accounts::{ServiceAccounts, Tenants};
pub use api_server::ApiServer;
#[cfg(test)]
pub(crate) use context::Context;
pub use context::Options;
#[cfg(test)]
pub(crate) use gate::Gate;
pub use leader::LeaderElection;
pub use lease::Terms;
#[cfg(test)]
pub(crate) use lease::{Claim, Election, Lead, Record, Step, Written};
pub use live::FIELD_MANAGER;
#[cfg(test)]
pub(crate) use pass::{Again, pass};
pub use telemetry::Telemetry;
#[cfg(test)]
pub(crate) use turns::{Next, Turns, woken};
pub use watch::{Sighting, run};
