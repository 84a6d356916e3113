//! What the service does, situation by situation, in process and in virtual time.
#![allow(clippy::unwrap_used)]

#[path = "../support/mod.rs"]
mod support;

mod autoscale;
mod batch;
mod careless;
mod datastores;
mod documented;
mod door;
mod endpoints;
mod faults;
mod filters;
mod guards;
mod history;
mod identity;
mod lists;
mod metrics;
mod models;
mod positions;
mod registries;
mod rights;
mod runs;
mod scoring;
mod seed_file;
mod storage;
mod strict;
mod sturdy;
mod throttling;
