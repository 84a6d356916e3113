//! What a list of deployments is not believed about: lists may lag.

use std::collections::BTreeSet;

use super::Facts;
use crate::azure::model::resource::{OnlineDeployment, Provisioning};
use crate::decide::Mode;
use crate::decide::rollout::broken;

impl Facts {
    /// The deployments to ask for by a GET, once those of the list are known: those that the endpoint names and the
    /// list lacks, the wanted one while a call may rest on it, and what serves where it is to be mended. Where nothing
    /// is to be done, the list suffices.
    pub fn to_read(&self) -> BTreeSet<String> {
        let Some(endpoint) = self.endpoint.found() else { return BTreeSet::new() };
        let (scene, _) = self.scene();
        let wanted = scene.wanted_name();
        let routed = endpoint.properties.traffic.iter().filter(|(_, weight)| **weight > 0);
        let named = routed.map(|(name, _)| name.as_str()).chain(scene.named()).chain(wanted);
        // A deployment that only the list lacks keeps its autoscale setting.
        let scaled = self.gone_and_scaled();
        let named = named.chain(scaled.iter().map(String::as_str));
        let mut names: BTreeSet<String> =
            named.filter(|name| scene.deployment(name).is_none()).map(ToString::to_string).collect();
        // Its state decides about its traffic and its revision, and a PUT replaces what is there.
        let settled = |name: &str| {
            scene.arrived()
                && self.differences_of_deployment(&scene).is_empty()
                && self.unsaid_of_the_owner(&scene).is_empty()
                && scene.deployment(name).is_some_and(|d| d.provisioning() == Provisioning::Succeeded)
        };
        if self.situation.mode == Mode::Act {
            names.extend(wanted.filter(|name| !settled(name)).map(ToString::to_string));
            let stable = scene
                .stable
                .as_deref()
                .filter(|name| scene.deployment(name).is_some_and(|d| broken(d.provisioning())));
            names.extend(stable.map(ToString::to_string));
        }
        names
    }

    /// The deployment as a GET has it, in place of what the list had.
    pub fn look_afresh(&mut self, name: &str, found: Option<OnlineDeployment>) {
        self.deployments.retain(|d| !d.name().eq_ignore_ascii_case(name));
        self.deployments.extend(found);
    }
}
