//! Measurements of a candidate: questions to its endpoint, to Azure Monitor and to Prometheus, and what came back.
//!
//! The questions are data ([`model`]). What an answer means for a rollout is decided in `decide`.

pub mod model;
