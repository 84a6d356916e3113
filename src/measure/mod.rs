//! Measurements of a candidate: questions to its endpoint, to Azure Monitor and to Prometheus, and what came back.
//!
//! The questions are data ([`model`]). What an answer means for a rollout is decided in `decide`.

pub mod model;

use crate::azure::client::Azure;

/// Whoever asks.
pub struct Client;

impl Client {
    /// Asks Azure by this.
    pub fn new(_: Azure) -> Self {
        Self
    }

    /// Asks.
    #[allow(clippy::unused_async)]
    pub async fn ask(&self, _: &model::Query, _: &model::Texts) -> model::Answer {
        model::Answer::Error("Nobody asks yet.".into())
    }
}
