//! The concepts of a rollout: revisions, traffic, steps, the position among them, the roles of deployments, and
//! what the endpoint should be next and why.
//!
//! Nothing here knows the facts of a binding, what the shell knows of the moment, or when a call may go out: a
//! [`Scene`] is read from plain inputs.

mod actions;
mod analysis;
mod autoscale;
mod body;
mod cause;
mod failures;
mod next;
mod position;
mod proven;
mod revision;
mod scene;
mod steps;
mod tenures;
mod traffic;
mod windows;

pub use actions::{ACTIONS_TAG, Asked, CarriedOut, HOLD_TAG, Held, Pass, Standing, hash_of, safest_first};
pub use analysis::{Active, Answers, CANDIDATE, Judged, Progress, Runs, STABLE, judge, longest};
pub use autoscale::{
    autoscale_differences, is_ours as is_setting_of_ours, setting_of, settings_beside,
    written as written_setting,
};
pub use body::{
    adjusted_deployment, endpoint_differences, mark, new_deployment, new_endpoint, route, written_on,
};
pub use cause::{Carries, Cause};
pub use failures::Failures;
pub use next::{Next, Notes, Target, Wait};
pub use position::{POSITION_TAG, Position, Records};
pub use proven::{is_proven, was_rolled_back};
pub use revision::{REVISION_TAG, Revision};
pub use scene::{
    FAILED_TAG, PREVIOUS_TAG, Past, Rise, STABLE_TAG, Scene, TRAFFIC_TAG, Trial, View, broken, stable_of,
};
pub use steps::{Move, Plan, StepsHash};
pub use tenures::{HISTORY_TAG, Tenure, Tenures, version_of};
pub use traffic::{Share, Traffic, Weight};
pub use windows::{Windows, changes_at, closed_by};
