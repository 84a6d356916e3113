//! Autoscale settings: made before a candidate gets traffic, deleted before their deployment, and looked for once more after it,
//! for Azure keeps a setting whose deployment is gone.

use std::collections::BTreeMap;

use super::{Case, Facts, deployments};
use crate::api::{Autoscale, AutoscaleStatus, Drift, Reason};
use crate::azure::model::resource::{AutoscaleSetting, EndpointKind, OnlineEndpoint, Provisioning};
use crate::azure::model::{Action, Call, Class, Error, Purpose, Reply, ResourceId};
use crate::decide::facts::Known;
use crate::decide::rollout::{
    Rise, Scene, autoscale_differences, is_setting_of_ours, setting_of, settings_beside, written_setting,
};
use crate::decide::verdict::Course;
use crate::decide::{Attempt, Failure, Verdict};

/// The autoscale settings that Azure Monitor has for the endpoint's deployments, whoever made them.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Settings {
    /// Nobody had to look.
    #[default]
    Unasked,
    /// Nobody could read them.
    Unread(Error),
    /// These.
    Known(Vec<AutoscaleSetting>),
}

impl Settings {
    /// Those of Bindery.
    fn ours(&self) -> impl Iterator<Item = &AutoscaleSetting> {
        self.all().iter().filter(|setting| is_setting_of_ours(setting))
    }

    fn all(&self) -> &[AutoscaleSetting] {
        match self {
            Self::Known(all) => all,
            Self::Unasked | Self::Unread(_) => &[],
        }
    }
}

/// Reads the settings where any can matter: the manifest asks for one, or there was or may have been one. The list tells of those that others made. It
/// may lag, so Bindery's own, remembered or listed, are asked for by their ids. None while something is not known yet.
pub(super) fn look_at_settings(facts: &Facts, endpoint: &ResourceId, known: &mut Known) -> Option<Settings> {
    if facts.spec.kind() == EndpointKind::Batch {
        return Some(Settings::Unasked);
    }
    let ours = |e: &OnlineEndpoint| facts.situation.ownership.owns(&e.tags);
    let foreign = facts.endpoint.found().is_some_and(|e| !ours(e));
    let asked = facts.spec.online.deployment.autoscale.is_some() || !facts.status.autoscale.is_empty();
    // A status that was lost remembers nothing.
    let lost = facts.status.phase.is_none() && facts.endpoint.found().is_some();
    let Some(collection) = settings_beside(endpoint).filter(|_| (asked || lost) && !foreign) else {
        return Some(Settings::Unasked);
    };
    let listed: Vec<AutoscaleSetting> = match known.collection(Purpose::Compare, &collection, false)? {
        Ok(listed) => listed,
        Err(error) => return Some(Settings::Unread(error)),
    };
    let of_it = |setting: &AutoscaleSetting| setting.target().is_some_and(|target| target.is_in(endpoint));
    let mut all: Vec<AutoscaleSetting> = listed.into_iter().filter(of_it).collect();
    let wanted = facts.wanted().and_then(|(_, name)| setting_of(&endpoint.child("deployments", &name)));
    let remembered = facts.status.autoscale.iter().map(|it| ResourceId::new(&it.id));
    // One that was deleted may be listed for a while.
    let listed: Vec<ResourceId> = all
        .iter()
        .filter(|setting| is_setting_of_ours(setting))
        .filter_map(|setting| setting_of(&setting.target()?))
        .collect();
    let ids = remembered.chain(wanted).chain(listed);
    let own: BTreeMap<String, ResourceId> = ids.map(|id| (id.name().to_ascii_lowercase(), id)).collect();
    all.retain(|it| !own.contains_key(&it.name().to_ascii_lowercase()));
    let mut whole = true;
    for id in own.into_values() {
        match known.resource::<AutoscaleSetting>(Purpose::Compare, &id) {
            None => whole = false,
            Some(Ok(found)) => all.extend(found),
            Some(Err(error)) => return Some(Settings::Unread(error)),
        }
    }
    whole.then_some(Settings::Known(all))
}

/// What the manifest asks for.
#[derive(Clone, Copy)]
enum Scaling<'a> {
    /// That there is no setting.
    Nothing,
    /// This.
    By(&'a Autoscale),
    /// More instances than the workspace allows: the setting stays as it is.
    AsItIs,
}

impl Facts {
    /// What the manifest asks for.
    fn scaling(&self) -> Scaling<'_> {
        match &self.spec.online.deployment.autoscale {
            None => Scaling::Nothing,
            Some(_) if self.asks_for_too_many_instances() => Scaling::AsItIs,
            Some(wanted) => Scaling::By(wanted),
        }
    }

    /// The setting of Bindery's for a deployment.
    pub fn setting_for(&self, deployment: &str) -> Option<&AutoscaleSetting> {
        let id = self.deployment_id(deployment);
        self.settings.ours().find(|setting| setting.target() == id)
    }

    /// The most instances that the setting of a deployment allows.
    pub(super) fn most_by_setting(&self, deployment: &str) -> Option<i32> {
        let profile = self.setting_for(deployment)?.properties.profiles.first()?;
        profile["capacity"]["maximum"].as_str()?.parse().ok()
    }

    /// The setting for a deployment that somebody else has made.
    pub(super) fn foreign_setting_for(&self, deployment: &str) -> Option<&AutoscaleSetting> {
        let id = self.deployment_id(deployment)?;
        let all = self.settings.all().iter();
        all.filter(|it| !is_setting_of_ours(it)).find(|setting| setting.target().as_ref() == Some(&id))
    }

    /// Has the deployment the setting that the manifest asks for? Whoever goes back does not wait for it.
    pub(super) fn is_scaled(&self, deployment: Option<&str>, rise: Rise) -> bool {
        let Scaling::By(wanted) = self.scaling() else { return true };
        let Some((name, id)) = deployment.and_then(|name| Some((name, self.deployment_id(name)?))) else {
            return true;
        };
        let found = self.setting_for(name);
        rise == Rise::Back || (found.is_some() && autoscale_differences(wanted, &id, found).is_empty())
    }

    /// What differs between the manifest and the setting of the deployment that it asks for. Settings of other deployments stay as
    /// they are until those go: what they carry, or may have to take back, is not for a manifest that speaks of another revision.
    pub(super) fn differences_of_autoscale(&self, scene: &Scene<'_>) -> Vec<Drift> {
        let name = scene.wanted_name().filter(|name| scene.deployment(name).is_some_and(|d| scene.ours(d)));
        let known = matches!(self.settings, Settings::Known(_));
        let Some((name, id)) =
            name.filter(|_| known).and_then(|name| Some((name, self.deployment_id(name)?)))
        else {
            return vec![];
        };
        let found = self.setting_for(name);
        match self.scaling() {
            Scaling::By(wanted) => autoscale_differences(wanted, &id, found),
            Scaling::Nothing if found.is_some() => vec![Drift {
                field: "deployment.autoscale".into(),
                wanted: String::new(),
                found: found.map(|it| it.name().to_string()).unwrap_or_default(),
            }],
            _ => vec![],
        }
    }

    /// The settings of Bindery's: those that were read, and otherwise those that the status remembers.
    fn settings_of_ours(&self) -> Vec<AutoscaleStatus> {
        let Settings::Known(_) = &self.settings else { return self.status.autoscale.clone() };
        let entry = |setting: &AutoscaleSetting| {
            let target = setting.target()?;
            let id = setting_of(&target)?;
            Some(AutoscaleStatus { deployment: target.name().into(), id: id.to_string() })
        };
        let mut all: Vec<AutoscaleStatus> = self.settings.ours().filter_map(entry).collect();
        all.sort_by(|a, b| a.deployment.cmp(&b.deployment));
        all.dedup_by(|a, b| a.deployment == b.deployment);
        all.truncate(SETTINGS);
        all
    }

    /// What goes before a deployment does: its setting, or a later deployment of the same name would be scaled by it. Where Azure
    /// refuses that, the deployment goes all the same, because it costs money; the setting is deleted as soon as Azure lets it.
    pub(super) fn remove_setting_before(&self, deployment: &str, because: &str) -> Option<Verdict> {
        let refuses = |failure: &Failure| {
            matches!(failure.error.class, Class::Permanent | Class::Unauthorized | Class::NotFound)
        };
        let refused = self.situation.trouble.failure.as_ref().filter(|failure| refuses(failure));
        let removal = self.remove_setting_of(deployment, because)?;
        let is_refused =
            refused.zip(removal.call.as_ref()).is_some_and(|(failure, call)| failure.attempt.is(call));
        (!is_refused).then_some(removal)
    }

    fn remove_setting_of(&self, deployment: &str, because: &str) -> Option<Verdict> {
        let setting = self.settings_of_ours().into_iter().find(|it| it.deployment == deployment)?;
        let doing = format!("delete the autoscale setting of deployment {deployment}, {because}");
        let call = Call::new(Purpose::RemoveAutoscale, ResourceId::new(setting.id), Action::Delete, doing);
        Some(Verdict::call(Reason::Progressing, call))
    }

    /// The deployments that are gone and whose settings are still there.
    pub(super) fn gone_and_scaled(&self) -> Vec<String> {
        let gone = |it: &AutoscaleStatus| {
            !self.deployments.iter().any(|d| d.name().eq_ignore_ascii_case(&it.deployment))
        };
        self.settings_of_ours().into_iter().filter(gone).map(|it| it.deployment).collect()
    }
}

/// While the settings cannot be read, the next look is as far off as after so many failures.
const READS: u32 = 5;

/// What a status may hold of settings.
const SETTINGS: usize = 20;

/// The settings, for the status.
pub(super) fn status(case: &Case<'_>) -> Vec<AutoscaleStatus> {
    case.facts.settings_of_ours()
}

/// The setting that a call is about to make is remembered before the call goes out, or one whose answer was lost would be nobody's.
pub(super) fn remember(call: &Call, settings: &mut Vec<AutoscaleStatus>) {
    let Action::Put(body) = &call.action else { return };
    let target = body["properties"]["targetResourceUri"].as_str().map(ResourceId::new);
    let Some(target) = target.filter(|_| call.errand.purpose == Purpose::SetAutoscale) else { return };
    settings.retain(|it| it.deployment != target.name());
    settings.push(AutoscaleStatus { deployment: target.name().into(), id: call.resource.to_string() });
    settings.sort_by(|a, b| a.deployment.cmp(&b.deployment));
}

/// Azure changes the number of instances of what serves, as the setting says: that is no change that the manifest waits for.
pub(super) fn is_being_scaled(case: &Case<'_>, verdict: &Verdict) -> bool {
    let stable = case.scene.stable.as_deref().and_then(|name| case.scene.deployment(name));
    let changes = stable.is_some_and(|d| d.provisioning() == Provisioning::Running);
    let ours = case.facts.situation.operation.under_way(case.facts.situation.now).is_some();
    let scaled = stable.is_some_and(|d| case.facts.setting_for(d.name()).is_some());
    verdict.reason == Reason::OperationRunning && changes && scaled && !ours && case.scene.arrived()
}

/// Azure keeps the setting of a deployment that is gone. Until the next try is due, the other questions are still asked, unless a
/// deployment of that name is about to be made, which the setting would scale.
pub(super) fn remove_what_outlives(case: &Case<'_>) -> Option<Verdict> {
    let verdict = go_on_removing(case)?;
    let call = verdict.call.as_ref()?;
    let returns =
        case.scene.wanted_name().is_some_and(|name| case.facts.gone_and_scaled().iter().any(|it| it == name));
    (returns || case.facts.situation.left_to_retry(call).is_zero()).then_some(verdict)
}

/// The same where nothing else is to be done.
pub(super) fn go_on_removing(case: &Case<'_>) -> Option<Verdict> {
    let gone = case.facts.gone_and_scaled();
    let first = gone.first().filter(|_| !case.facts.observing())?;
    case.facts.remove_setting_of(first, "which is gone")
}

/// The setting of the deployment that the manifest asks for: made, put back, or deleted where the manifest names none any more.
pub(super) fn align_autoscale(case: &Case<'_>) -> Option<Verdict> {
    let (facts, scene) = (case.facts, &case.scene);
    let name = scene.wanted_name().filter(|name| scene.deployment(name).is_some_and(|d| scene.ours(d)))?;
    let wanted = match facts.scaling() {
        Scaling::Nothing => None,
        Scaling::By(wanted) => Some(wanted),
        Scaling::AsItIs => return None,
    };
    let lacking = lacking(case, name, wanted)?;
    // What has expired costs money, and needs nothing of this.
    let fails = lacking.call.is_none() || facts.situation.trouble.failure.is_some();
    if let Some(verdict) = deployments::remove_what_has_expired(case).filter(|_| fails) {
        return Some(verdict);
    }
    Some(lacking)
}

fn lacking(case: &Case<'_>, name: &str, wanted: Option<&Autoscale>) -> Option<Verdict> {
    let facts = case.facts;
    if let (Settings::Unread(error), true) = (&facts.settings, wanted.is_some()) {
        return unread(case, error);
    }
    if let Some(theirs) = wanted.and_then(|_| facts.foreign_setting_for(name)) {
        return Some(Verdict::stalled(
            Reason::AutoscaleNotOurs,
            format!(
                "The autoscale setting {} already scales deployment {name}, and Bindery did not make it. Azure takes one setting for a deployment: delete that one, or remove spec.online.deployment.autoscale.",
                theirs.name()
            ),
        ));
    }
    let differences = facts.differences_of_autoscale(&case.scene);
    if differences.is_empty() {
        return None;
    }
    let Some(wanted) = wanted else {
        let removed = facts.remove_setting_of(name, "for which the manifest names none")?;
        return Some(Verdict { reason: Reason::Updating, ..removed }.mending(differences));
    };
    put(case, name, wanted, differences)
}

fn put(case: &Case<'_>, name: &str, wanted: &Autoscale, differences: Vec<Drift>) -> Option<Verdict> {
    let facts = case.facts;
    let (id, found) = (facts.deployment_id(name)?, facts.setting_for(name));
    let location = &facts.endpoint.found()?.location;
    let setting = written_setting(found, wanted, &id, location, &facts.situation.ownership.owner);
    // That a candidate has none yet is nobody's doing.
    let stood = case.scene.arrived() && facts.situation.stood(&facts.status.conditions);
    let verb = match found {
        Some(_) if stood => "put back",
        Some(_) => "change",
        None => "make",
    };
    let doing = format!(
        "{verb} the autoscale setting of deployment {name}: {} to {} instances",
        wanted.min_instances, wanted.max_instances
    );
    let call = Call::new(Purpose::SetAutoscale, setting_of(&id)?, Action::Put(setting.to_put()), doing);
    let reason = if stood { Reason::Drifted } else { Reason::Updating };
    let verdict = Verdict::call(reason, call).mending(differences);
    Some(if stood && !facts.observing() { verdict.remarking(true, "") } else { verdict })
}

/// Nobody can read the settings of the resource group, as without the right to: no candidate gets traffic. What serves already goes
/// on, and a moment's trouble is not worth a word then.
fn unread(case: &Case<'_>, error: &Error) -> Option<Verdict> {
    let facts = case.facts;
    let doing = format!(
        "read the autoscale settings in the resource group of the endpoint {}",
        facts.endpoint_name()
    );
    let resource = facts.id.as_ref().and_then(settings_beside)?;
    let attempt = Attempt { purpose: Purpose::Compare, resource, doing };
    let verdict = facts.situation.failed(&Failure {
        attempt,
        error: error.clone(),
        at: facts.situation.now,
        times: READS,
    });
    (verdict.course != Course::Working || !case.scene.arrived()).then_some(verdict)
}

/// Takes over what a call has made of the settings.
pub(super) fn absorb(facts: &mut Facts, call: &Call, reply: &Reply) {
    let name = call.resource.name();
    if call.action == Action::Delete {
        facts.status.autoscale.retain(|it| ResourceId::new(&it.id) != call.resource);
    }
    let Settings::Known(all) = &mut facts.settings else { return };
    all.retain(|it| !it.name().eq_ignore_ascii_case(name));
    let made = reply.body.clone().filter(|_| call.action != Action::Delete);
    all.extend(made.and_then(|body| serde_json::from_value::<AutoscaleSetting>(body).ok()));
}
