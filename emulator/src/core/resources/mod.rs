//! The resources that Azure Resource Manager has: what each takes, shows and refuses, and what happens to it when an
//! operation ends. What services need of resources lies here too: files ([`storage`]), what a run logged ([`run`]),
//! what a deployment serves ([`endpoint::serving`]).
//!
//! It must not know the services, which work with resources, nor the door, which calls them.

pub mod asset;
pub mod datastore;
pub mod due;
pub mod endpoint;
pub mod job;
pub mod registry;
pub mod run;
pub mod storage;
pub mod workspace;
