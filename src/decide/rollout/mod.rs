//! The concepts of a rollout: revisions, traffic, steps, the roles of deployments.

mod body;
mod failures;
mod revision;
mod scene;
mod steps;
mod traffic;

pub use body::{adjusted_deployment, endpoint_differences, mark, new_deployment, written_on};
pub use failures::Failures;
pub use revision::{REVISION_TAG, Revision};
pub use scene::{FAILED_TAG, PREVIOUS_TAG, STABLE_TAG, Scene, TRAFFIC_TAG, Target, broken};
pub use steps::{Move, next_move, progress};
pub use traffic::{Traffic, Weight};
