//! The built operator against a real API server and the emulator, situation by situation.
//!
//! One test binary and one control plane for all; every test has a namespace, an emulator and an operator
//! of its own, so they run side by side. Nothing sleeps and hopes: what should come is waited for, and what
//! must not come is looked up in the emulator's log, which has every request.

mod actions;
mod allowed_namespaces;
mod analysis;
mod answers;
mod approvals;
mod attempts;
mod auditor;
mod autoscale;
mod bad_input;
mod batch;
mod binding;
mod copies;
mod decision;
mod deployment;
mod gates;
mod governance;
mod hostile;
mod identities;
mod keys;
mod kubernetes;
mod leaders;
mod metric_provider;
mod mirror;
mod model_version;
mod modes;
mod ownership;
mod people;
mod place;
mod publishers;
mod reach;
mod registry;
mod scaling;
mod soak;
mod sources;
mod status;
mod story;
mod survival;
mod taxi;
mod telemetry;
mod windows;
mod workspace;

/// How a test ends: with nothing, or with a sentence about what did not come.
type Outcome = Result<(), e2e::stand::Error>;
