//! The concepts of a rollout: revisions, traffic, steps, the roles of deployments.

mod body;
mod revision;
mod scene;
mod steps;
mod traffic;

pub use body::{desired_deployment, desired_tags, endpoint_differences};
pub use revision::{REVISION_TAG, Revision};
pub use scene::{FAILED_TAG, Next, PREVIOUS_TAG, STABLE_TAG, Scene, TRAFFIC_TAG};
pub use steps::{Move, next_move, progress};
pub use traffic::{Traffic, Weight};
