//! What is served beside Azure Resource Manager, each with paths and refusals of its own: scoring, batch invocation,
//! Azure Monitor's metrics and autoscale settings, MLflow, run history, blob storage.
//!
//! They use resources. They must not know the door: which request comes to which service is decided there.

pub mod autoscale;
pub mod batch;
pub mod blob;
pub mod history;
pub mod mlflow;
pub mod monitor;
pub mod scoring;
