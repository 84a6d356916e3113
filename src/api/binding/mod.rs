//! The DeploymentBinding: what a manifest asks of an endpoint, and what Bindery says of it.

mod batch;
mod deployment;
mod history;
mod spec;
mod status;
mod strategy;

pub use batch::*;
pub use deployment::*;
pub use history::*;
pub use spec::*;
pub use status::*;
pub use strategy::*;
