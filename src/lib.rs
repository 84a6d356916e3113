//! Bindery runs an organisation's machine-learning model registry from Git: manifests in, Azure
//! Machine Learning made to match, and what is true written back to the cluster.

pub mod answer;
pub mod api;
pub mod azure;
pub mod command;
pub mod controller;
pub mod decide;
#[cfg(test)]
mod heard;
pub mod measure;
pub mod outage;
pub mod serve;
#[cfg(test)]
mod simulation;
