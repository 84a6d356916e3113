//! The jobs that run on batch deployments which are not the default any more. Azure says nowhere what becomes of a job whose deployment
//! is deleted, so such a deployment stays while one runs on it, as far as the workspace's jobs say which deployment they are of.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Case, Facts};
use crate::api::{BindingDeletion, Role};
use crate::azure::model::resource::{EndpointKind, JOB_DEPLOYMENT, Job, OnlineDeployment};
use crate::azure::model::{Error, ResourceId};
use crate::decide::Mode;
use crate::decide::facts::Known;
use crate::decide::rollout::Share;

/// How many jobs a status names.
const NAMED: usize = 10;

/// When a deployment is looked at again that stays for its jobs.
const AGAIN: Duration = Duration::from_secs(60);

/// The batch jobs that go on.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Jobs {
    /// Nothing depends on them.
    #[default]
    Unasked,
    /// Nobody could read them.
    Unread(Error),
    /// These, by name: of each deployment that may go, and those that do not say which deployment they are of.
    Known { of: BTreeMap<String, Vec<String>>, of_nobody_knows_what: Vec<String> },
}

impl Facts {
    /// Reads the jobs where a deployment may have to go. None while something is not known yet.
    pub(super) fn look_at_jobs(&self, endpoint: &ResourceId, known: &mut Known) -> Option<Jobs> {
        let ends = self.situation.deleting;
        let retains = ends && self.spec.deletion_policy == BindingDeletion::Retain;
        let acts = self.situation.mode == Mode::Act && !retains;
        if self.spec.kind() != EndpointKind::Batch || !acts {
            return Some(Jobs::Unasked);
        }
        let (scene, _) = self.scene();
        let may_go = |role| ends || matches!(role, Role::Previous | Role::Superseded | Role::Failed);
        let idle = self
            .deployments
            .iter()
            .filter(|d| scene.ours(d) && may_go(scene.role(d)) && scene.reaching(d.name()) == Share::NONE);
        let idle: Vec<&str> = idle.map(OnlineDeployment::name).collect();
        if idle.is_empty() {
            return Some(Jobs::Unasked);
        }
        let workspace = endpoint.parent().parent();
        let all = known.batch_jobs(&workspace, None);
        let each: Vec<_> = idle
            .iter()
            .map(|name| ((*name).to_string(), known.batch_jobs(&workspace, Some((endpoint.name(), name)))))
            .collect();
        let says_nothing = |job: &Job| !job.properties.properties.contains_key(JOB_DEPLOYMENT);
        let of_nobody_knows_what = match all? {
            Ok(all) => names(all.into_iter().filter(says_nothing)),
            Err(error) => return Some(Jobs::Unread(error)),
        };
        let mut of = BTreeMap::new();
        for (name, found) in each {
            match found? {
                Ok(jobs) => of.insert(name, names(jobs.into_iter())),
                Err(error) => return Some(Jobs::Unread(error)),
            };
        }
        Some(Jobs::Known { of, of_nobody_knows_what })
    }

    /// The jobs that go on on a deployment, as far as they say so.
    pub(super) fn jobs_on(&self, deployment: &str) -> &[String] {
        match &self.jobs {
            Jobs::Known { of, .. } => of.get(deployment).map_or(&[], Vec::as_slice),
            Jobs::Unasked | Jobs::Unread(_) => &[],
        }
    }

    /// The same and those that verify it, for the status.
    pub(super) fn all_jobs_on(&self, deployment: &str) -> Vec<String> {
        let mut all = self.jobs_on(deployment).to_vec();
        all.extend(self.verifying(deployment));
        all.sort();
        all.dedup();
        all.truncate(NAMED);
        all
    }

    /// May a job run on it?
    pub(super) fn is_used(&self, deployment: &str) -> bool {
        let may_be_of_it = matches!(self.jobs, Jobs::Unread(_)) || !self.jobs_on(deployment).is_empty();
        may_be_of_it || self.is_being_verified(deployment)
    }

    /// The jobs that go on on a deployment that goes with its binding, for the end of a sentence. Azure lets them outlive it.
    pub(super) fn jobs_that_outlive(&self, deployment: &str) -> String {
        match self.jobs_on(deployment) {
            [] => String::new(),
            [one] => format!(", on which job {one} runs; Azure lets that go on"),
            more => format!(", on which jobs {} run; Azure lets these go on", more.join(", ")),
        }
    }

    /// What nobody can say of the jobs, for the status.
    pub(super) fn unknown_of_jobs(&self) -> Option<String> {
        match &self.jobs {
            Jobs::Unread(error) => Some(format!(
                "The jobs of the workspace cannot be read, so no deployment goes that has been the default: {error}"
            )),
            Jobs::Known { of_nobody_knows_what: some, .. } => {
                let others: Vec<&str> =
                    some.iter().map(String::as_str).filter(|name| !self.verifies(name)).collect();
                (!others.is_empty()).then(|| format!(
                    "Running jobs of the workspace that do not say which deployment they are of, so no deployment stays for them: {}.",
                    others.join(", ")
                ))
            }
            Jobs::Unasked => None,
        }
    }
}

/// The names of those that go on.
fn names(jobs: impl Iterator<Item = Job>) -> Vec<String> {
    let mut all: Vec<String> = jobs.filter(Job::goes_on).map(|job| job.name().to_string()).collect();
    all.sort();
    all.truncate(NAMED);
    all
}

impl Case<'_> {
    /// When the jobs are looked at again for which a deployment stays.
    pub(super) fn next_look_at_jobs(&self) -> Option<Duration> {
        let runs = self.facts.deployments.iter().any(|d| !self.facts.jobs_on(d.name()).is_empty());
        runs.then_some(AGAIN)
    }
}
