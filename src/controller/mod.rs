//! The shell: gather facts, call `decide`, act on Azure, report to the cluster. One wrapper for all
//! kinds. It holds no rule about models.
//!
//! [`pass`] is the way of one change. [`watch`] says which change of which object wakes whom.
//! [`kind`] is what a kind has to bring. [`names`] knows who refers to what.

mod context;
#[cfg(test)]
mod fixtures;
mod gather;
mod kind;
mod memory;
mod names;
mod pass;
mod report;
mod watch;

pub use context::{Context, Options};
pub use watch::run;
