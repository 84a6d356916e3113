//! Bindings, by the part of the page that answers.

// A table of a test may be large.
#![allow(clippy::unwrap_used, clippy::large_stack_arrays)]

mod actions;
mod admission;
mod analysis;
mod approvals;
mod autoscale;
mod available;
mod batch;
mod bodies;
mod closed;
mod endings;
mod endpoint;
mod expiring;
mod gates;
mod history;
mod keys;
mod kubernetes;
mod log;
mod look;
mod mending;
mod mirror;
mod owner;
mod position;
mod properties;
mod restoring;
mod retirement;
mod rollout;
mod scaling;
mod soak;
mod verification;
mod waivers;
mod windows;
