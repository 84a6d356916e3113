//! What a list of deployments is not believed about: lists may lag.

use std::collections::BTreeSet;

use super::{Facts, decide};
use crate::azure::model::Purpose;
use crate::azure::model::resource::{OnlineDeployment, Provisioning};
use crate::decide::Mode;
use crate::decide::facts::Known;
use crate::decide::rollout::{Scene, broken};

impl Facts {
    /// The deployments to ask for by a GET, once those of the list are known: those that the endpoint names and the
    /// list lacks, the wanted one as long as the list does not show it as it should be, and what serves where it is to be
    /// mended.
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
        if self.situation.mode == Mode::Act {
            // Its state decides about its traffic and its revision, and a PUT replaces what is there.
            names.extend(wanted.filter(|name| !self.is_listed_as_it_should_be(&scene, name)).map(Into::into));
            let stable = scene
                .stable
                .as_deref()
                .filter(|name| scene.deployment(name).is_some_and(|d| broken(d.provisioning())));
            names.extend(stable.map(ToString::to_string));
        }
        names
    }

    /// The candidate, where so far only the list was looked at: that suffices as long as nothing is to be done, as while it is
    /// measured, or while Azure works on the endpoint. What a call rests on is read by itself.
    pub fn only_listed(&self) -> Option<String> {
        self.endpoint.found().filter(|_| self.situation.mode == Mode::Act)?;
        let (scene, _) = self.scene();
        let wanted = scene.wanted_name().filter(|_| !scene.arrived())?;
        self.is_listed_as_it_should_be(&scene, wanted).then(|| wanted.to_string())
    }

    fn is_listed_as_it_should_be(&self, scene: &Scene<'_>, wanted: &str) -> bool {
        scene.deployment(wanted).is_some_and(|d| d.provisioning() == Provisioning::Succeeded)
            && self.differences_of_deployment(scene).is_empty()
            && self.unsaid_of_the_owner(scene).is_empty()
    }

    /// Has the candidate read by itself, where a call may rest on what only the list shows of it.
    pub fn look_before_a_call(&self, known: &mut Known) {
        let id = self.id.as_ref().filter(|_| known.is_whole());
        if let Some((id, name)) = id.zip(self.only_listed())
            && decide(self).call.is_some()
        {
            known.look_at(Purpose::Compare, &id.child("deployments", &name));
        }
    }

    /// The deployment as a GET has it, in place of what the list had.
    pub fn look_afresh(&mut self, name: &str, found: Option<OnlineDeployment>) {
        self.deployments.retain(|d| !d.name().eq_ignore_ascii_case(name));
        self.deployments.extend(found);
    }
}
