//! What was stable here before, and may be gone back to: by a word, or because the workspace takes what serves back.

use super::{Facts, admission, history};
use crate::api::{ActionWord, Object, OnWithdrawal, PastRollout};
use crate::azure::model::resource::{ModelVersion, OnlineDeployment, Provisioning};
use crate::azure::model::{Error, Purpose, ResourceId, folded};
use crate::decide::facts::Known;
use crate::decide::gate::objects_of;
use crate::decide::rollout::{
    FAILED_TAG, Failures, PREVIOUS_TAG, Revision, STABLE_TAG, stable_of, version_of,
};
use crate::decide::{Place, SourceVersion};

/// A revision that was stable here before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Before {
    /// The revision.
    pub revision: Revision,
    /// The name of its deployment, whether or not that is still there.
    pub deployment: String,
    /// The asset that it serves.
    pub asset_id: String,
    /// The version is archived, as far as an object of the cluster says.
    pub archived: bool,
    /// Whether Azure still has the files that served, where a new deployment would be made of them.
    pub files: Files,
}

/// What became of the files of a version. Nobody changes those in a registry; the number of a version in a workspace can be made again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Files {
    /// They are the ones that served, or are not needed.
    #[default]
    Same,
    /// The version was made again after it served.
    Others,
    /// The version is gone.
    Gone,
    /// Azure does not say now, or nobody knows since when it served.
    Unknown,
}

fn is_in_a_registry(asset: &str) -> bool {
    asset.starts_with("azureml://registries/")
}

impl Facts {
    /// What was stable before what serves, the last one first. Of a revision whose deployment is gone the asset is known by the
    /// history, or follows from the number of its version: the revision is a hash over the asset, so a wrong guess is seen.
    pub fn known_before(&self) -> Vec<Before> {
        if self.endpoint.seen().is_none() {
            return vec![];
        }
        let by_tag = |tag: &str| self.deployment_named(self.endpoint.found()?.tags.get(tag)?);
        let stable = by_tag(STABLE_TAG).and_then(Revision::tagged);
        let mut all: Vec<Before> = vec![];
        let mut add = |revision: Revision, deployment: String, asset_id: String| {
            if Some(&revision) != stable.as_ref() && all.iter().all(|it| it.revision != revision) {
                all.push(Before { revision, deployment, asset_id, archived: false, files: Files::Same });
            }
        };
        if let Some(warm) = by_tag(PREVIOUS_TAG)
            && let Some((revision, asset)) = Revision::tagged(warm).zip(warm.properties.model.clone())
        {
            add(revision, warm.name().into(), asset);
        }
        for it in self.status.history.iter().filter(|it| it.outcome.serves()) {
            let revision = Revision::parse(&it.revision);
            let there = self.deployment_of(&revision);
            let version = it.version.clone().or_else(|| there.and_then(version_of));
            let asset = there.and_then(|d| d.properties.model.clone()).or_else(|| it.asset_id.clone());
            let asset = asset.or_else(|| self.asset_by_hash(&revision, version.as_deref()?));
            if let Some((version, asset)) = version.zip(asset) {
                let name = there.map_or_else(|| revision.deployment_name(&version), |d| d.name().into());
                add(revision, name, asset);
            }
        }
        all
    }

    /// The same, with what the objects of the cluster say of each version, where that matters now.
    pub(super) fn find_before(&self, known: &mut Known) -> Vec<Before> {
        let mut all = self.known_before();
        if self.may_go_back_now() {
            for it in &mut all {
                let objects = objects_of(&it.asset_id, known);
                let by_object =
                    objects.iter().any(|it| it.spec.archived == Some(true) || it.current().archived);
                let found = self.version_of(it, known);
                let by_azure =
                    found.as_ref().is_some_and(|it| matches!(it, Ok(Some(v)) if v.properties.is_archived));
                it.archived = by_object || by_azure;
                it.files = self.files_of(it, found);
            }
        }
        all
    }

    /// The version of what was stable before, as Azure has it, where its deployment is gone: an object that said that the version is
    /// archived may be gone too. In a registry it is read as whoever acts in the place of the version that the manifest asks for,
    /// where that is in the same one.
    fn version_of(&self, before: &Before, known: &mut Known) -> Option<Result<Option<ModelVersion>, Error>> {
        if self.deployment_of(&before.revision).is_some() {
            return None;
        }
        if !is_in_a_registry(&before.asset_id) {
            return known.resource(Purpose::TraceLineage, &ResourceId::new(&before.asset_id));
        }
        let SourceVersion::Ready { asset_id, id, acting, .. } = &self.version else { return None };
        let parts = |asset: &str| {
            let (place, model) = asset.split_once("/models/")?;
            let (model, version) = model.split_once("/versions/")?;
            Some((folded(place), model.to_string(), version.to_string()))
        };
        let (place, ..) = parts(asset_id)?;
        let (of, model, version) = parts(&before.asset_id)?;
        let registry = id.parent().parent().parent().parent();
        (place == of).then(|| {
            let id = registry.model_version(&model, &version);
            known.resource_as(acting, Purpose::TraceLineage, &id)
        })?
    }

    /// What became of the files of what was stable before, where its deployment is gone.
    fn files_of(&self, before: &Before, found: Option<Result<Option<ModelVersion>, Error>>) -> Files {
        if is_in_a_registry(&before.asset_id) || self.deployment_of(&before.revision).is_some() {
            return Files::Same;
        }
        let made = match found {
            Some(Ok(None)) => return Files::Gone,
            Some(Ok(Some(version))) => version.created(),
            Some(Err(_)) | None => None,
        };
        let revision = before.revision.to_string();
        let of_it = |it: &&PastRollout| it.outcome.serves() && it.revision == revision;
        // The latest entry is of the deployment that served last.
        match made.zip(self.status.history.iter().find(of_it)) {
            None => Files::Unknown,
            Some((made, last)) if last.had_files_of(made) => Files::Same,
            Some(_) => Files::Others,
        }
    }

    /// The deployment that the endpoint's tag calls stable is gone, by hand or with Azure.
    fn has_lost_the_stable_one(&self) -> bool {
        let stable = self.endpoint.found().and_then(|it| it.tags.get(STABLE_TAG)).filter(|it| !it.is_empty());
        stable.is_some_and(|name| self.deployment_named(name).is_none())
    }

    /// What takes over where the stable deployment is gone: the one that was stable before it, while that is warm and nothing speaks
    /// against it. It serves until what the manifest asks for has been made again.
    pub(super) fn fallback(&self) -> Option<String> {
        let endpoint = self.endpoint.found().filter(|_| self.has_lost_the_stable_one())?;
        let previous = self.deployment_named(endpoint.tags.get(PREVIOUS_TAG)?)?;
        let before = self.before_of(&Revision::tagged(previous)?)?;
        let held_back = self.held().is_some_and(|held| held.revision == before.revision);
        let may = self.is_warm(before) && !held_back && self.keeps_from_going_back(before).is_none();
        (may && !self.has_failed(&before.revision)).then(|| before.deployment.clone())
    }

    /// The stable deployment, where somebody has deleted it beside another one. It is made again to have something to go back to.
    pub(super) fn lost_stable(&self) -> Option<&Before> {
        let endpoint = self.endpoint.found().filter(|_| self.has_lost_the_stable_one())?;
        let acts = !self.situation.deleting && !self.observing();
        let owned = self.situation.not_ours(Some(&endpoint.tags)).is_none();
        let name = endpoint.tags.get(STABLE_TAG).filter(|_| acts && owned && self.fallback().is_none())?;
        let before = self.before.iter().find(|it| it.deployment == *name)?;
        self.keeps_from_going_back(before).is_none().then_some(before)
    }

    /// Is there a candidate beside which what served is made again? Its rollout waits for that, and goes on.
    fn makes_stable_again(&self) -> bool {
        let candidate = || self.manifest().and_then(|(_, name)| self.deployment_named(&name));
        self.lost_stable().is_some() && self.held().is_none() && candidate().is_some()
    }

    /// What is made again first where nothing serves any more, because somebody has deleted the endpoint or what served on it: what
    /// served last and may serve again, unless the manifest asks for that, or for another one that was stable here before. A new
    /// revision then takes its steps, and one that has failed is not all there is.
    pub(super) fn restored(&self) -> Option<&Before> {
        if !self.has_lost_what_served() || self.situation.deleting || self.observing() {
            return None;
        }
        if self.makes_stable_again() {
            return None;
        }
        let asked = self.manifest().map(|(revision, _)| revision);
        let was_stable = self.times_stable() > 0;
        if was_stable && asked.as_ref().is_some_and(|asked| !self.has_failed(asked)) {
            return None;
        }
        // Where it was not, the history may know its revision all the same: of other files under the same number.
        let has_other_files = |it: &&Before| !was_stable && asked.as_ref() == Some(&it.revision);
        let mut known = self.before.iter().filter(|it| !has_other_files(it));
        known.find(|it| self.keeps_from_going_back(it).is_none())
    }

    /// Why what served last is not made again, in a sentence that follows another.
    pub(super) fn why_nothing_is_restored(&self) -> Option<String> {
        let last = self.before.first().filter(|_| self.has_lost_what_served())?;
        let because = self.keeps_from_going_back(last)?;
        let advice = " To have it back, revert the manifest in Git.";
        let advice = if self.makes(&last.revision, &last.asset_id) { "" } else { advice };
        Some(format!(" Revision {}, which served last, is not made again: {because}.{advice}", last.revision))
    }

    /// Something was stable here, and nothing serves or could take over.
    fn has_lost_what_served(&self) -> bool {
        let was_stable = self.status.history.iter().any(|it| it.outcome.serves());
        let owned = self.endpoint.found().is_none_or(|it| self.situation.not_ours(Some(&it.tags)).is_none());
        let kind = self.spec.kind();
        was_stable
            && owned
            && self.endpoint.seen().is_some()
            && stable_of(self.endpoint.found(), &self.deployments, kind, None).is_none()
            && self.fallback().is_none()
    }

    /// Can anything go back now but the manifest? Only then is more of a version looked at.
    pub(super) fn may_go_back_now(&self) -> bool {
        let Place::Ready { policy, .. } = &self.place else { return false };
        let roll_back =
            policy.approvals.as_ref().is_some_and(|it| it.on_withdrawal == Some(OnWithdrawal::RollBack));
        roll_back
            || self.has_lost_the_stable_one()
            || self.has_lost_what_served()
            || self.held().is_some()
            || self.asked.iter().any(|it| it.word == ActionWord::Rollback)
    }

    /// The asset with this version's number that gives this revision, where it is another version of a model that is known here.
    fn asset_by_hash(&self, revision: &Revision, version: &str) -> Option<String> {
        let models = self.deployments.iter().filter_map(|d| d.properties.model.as_deref());
        let mut guesses = models
            .filter_map(|it| it.rsplit_once("/versions/"))
            .map(|(model, _)| format!("{model}/versions/{version}"));
        guesses.find(|asset| self.makes(revision, asset))
    }

    /// Does the manifest make this revision of this asset? Then its deployment can be made again.
    fn makes(&self, revision: &Revision, asset: &str) -> bool {
        Revision::asked(asset, &self.spec) == *revision
    }

    fn deployment_named(&self, name: &str) -> Option<&OnlineDeployment> {
        self.deployments.iter().find(|d| d.name() == name)
    }

    /// Its deployment is there and can serve.
    pub(super) fn is_warm(&self, before: &Before) -> bool {
        self.deployment_of(&before.revision).is_some_and(|d| d.provisioning() == Provisioning::Succeeded)
    }

    /// Why nobody goes back by a word to what was stable before, for a sentence; none where one may.
    pub(super) fn keeps_from_going_back(&self, before: &Before) -> Option<String> {
        let there = self.deployment_of(&before.revision).is_some();
        if self.speaks_against_going_back(&before.asset_id, there) {
            let because = "somebody has rejected its version, or it lacks an approval that was withdrawn, or that it would need again because its deployment is gone";
            return Some(because.into());
        }
        self.puts_out_of_reach(before)
    }

    /// What, besides approvals, keeps anybody from going back to it, for a sentence.
    pub(super) fn puts_out_of_reach(&self, before: &Before) -> Option<String> {
        let there = self.deployment_of(&before.revision).is_some();
        if before.archived {
            return Some("its version is archived".into());
        }
        if let Place::Ready { policy, .. } = &self.place
            && let Some(places) = policy.refuses_asset(&before.asset_id)
        {
            let workspace = &self.spec.workspace_ref.name;
            return Some(format!("Workspace {workspace} serves only versions from {places}"));
        }
        if self.is_warm(before) {
            return None;
        }
        match before.files {
            Files::Same => {}
            Files::Others => {
                return Some(
                    "its deployment is gone, and its version was registered again since, with other files"
                        .into(),
                );
            }
            Files::Gone => return Some("its deployment is gone, and its version, too".into()),
            Files::Unknown => {
                return Some("its deployment is gone, and Azure does not say whether its version still has the same files".into());
            }
        }
        if self.has_failed(&before.revision) {
            let gone = if there { "" } else { ", and its deployment is gone" };
            return Some(format!("it has failed since{gone}"));
        }
        if there {
            return None;
        }
        if !self.makes(&before.revision, &before.asset_id) {
            let field = self.spec.serving_field();
            return Some(format!(
                "its deployment is gone, and spec.{field}.deployment is another one by now"
            ));
        }
        let refused = admission::of_a_new_deployment(self)?;
        Some(format!("its deployment is gone, and no new one is made: {}", refused.trim_end_matches('.')))
    }

    /// Has the revision failed before, by the endpoint's tag or by the status?
    pub(super) fn has_failed(&self, revision: &Revision) -> bool {
        let tag = self.endpoint.found().and_then(|e| e.tags.get(FAILED_TAG));
        let by_tag = tag.is_some_and(|text| Failures::parse(text).contains(revision));
        by_tag || history::remembered_failures(&self.status.history, &[]).contains(revision)
    }

    /// What was stable before, by its revision.
    pub(super) fn before_of(&self, revision: &Revision) -> Option<&Before> {
        self.before.iter().find(|it| it.revision == *revision)
    }

    /// The assets of what was stable before and whose deployments are gone, where it matters what speaks against them.
    pub(super) fn assets_before(&self) -> Vec<String> {
        if !self.may_go_back_now() {
            return vec![];
        }
        self.before.iter().map(|it| it.asset_id.clone()).collect()
    }
}
