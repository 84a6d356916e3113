//! The batch job that verifies a new deployment before it becomes the default.
//!
//! To start a job is a call whose effect may not be found again: so the job's name is in the status before the call goes out. The
//! name follows from the deployment and the try, so a job is found by it also when all status is lost. Where the service gives the
//! job a name of its own, the path of its output tells whose it is.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Case, Facts};
use crate::api::{ActionWord, OutputAction, Period, Reason, VerificationJob, Verify};
use crate::azure::model::resource::{Job, OnlineDeployment, Provisioning};
use crate::azure::model::{Action, Call, Error, Invocation, Purpose, Reply, ResourceId, folded, presentable};
use crate::decide::digest::short_hash;
use crate::decide::facts::Known;
use crate::decide::rollout::{Asked, Revision, Trial};
use crate::decide::{Intent, Look, LookAgain, Mode, Verdict, elapsed, in_seconds};

/// How many jobs a status remembers.
const MOST: usize = 5;
/// A running job is looked at after a quarter of the time that it has run, and at least this often.
const AT_THE_LATEST: Duration = Duration::from_secs(60);
/// What the status says of a job that Azure does not show any more.
const MISSING: &str = "Missing";
/// What Azure says of a job that was only just asked for.
const BEGINS: &str = "NotStarted";
/// What Azure says of a job that is being canceled.
const CANCELING: &str = "CancelRequested";
/// What a history calls the job that a person had a rollout skip.
pub(super) const SKIPPED: &str = "verification";
/// The datastore that every workspace has.
const DATASTORE: &str = "workspaceblobstore";

/// The jobs that verify deployments, as Azure shows them.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Verification {
    /// By the name under which they were looked for.
    pub jobs: BTreeMap<String, Look<Job>>,
    /// Why one of them could not be read.
    pub unread: Option<Error>,
}

type Wanted = (Revision, String);

impl VerificationJob {
    /// Has the job come to its end, as far as anybody knows?
    pub(super) fn is_over(&self) -> bool {
        let ends = ["Completed", "Failed", "Canceled", MISSING];
        self.status.as_deref().is_some_and(|status| ends.contains(&status))
    }

    /// Does it run, as Azure says?
    fn runs(&self) -> bool {
        self.status.is_some() && !self.is_over()
    }

    /// When it has taken too long. Where Azure's clock is behind, it was not made before it was asked for.
    fn deadline(&self, verify: &Verify) -> Option<Timestamp> {
        let started = self.started_at.map_or(self.asked_at, |started| started.max(self.asked_at));
        started.checked_add(verify.longest()).ok()
    }

    fn is_late(&self, verify: &Verify, now: Timestamp) -> bool {
        self.runs() && self.deadline(verify).is_some_and(|deadline| deadline <= now)
    }

    fn is_of(&self, (revision, deployment): &Wanted) -> bool {
        self.revision == revision.to_string() && self.deployment == *deployment
    }

    /// The same once Azure was asked for the job.
    fn seen(mut self, look: Option<&Look<Job>>, now: Timestamp) -> Self {
        match look {
            Some(Look::Found(job)) => {
                self.is_called(job.name().to_string());
                self.started_at = self.started_at.or_else(|| job.created()).or(Some(now));
                self.status = Some(job.properties.status.clone().unwrap_or_else(|| BEGINS.into()));
            }
            // What was only just asked for may show later.
            Some(Look::Absent)
                if self.status.is_some() && (self.started_at.is_some() || self.is_lost(now)) =>
            {
                self.status = Some(MISSING.into());
            }
            _ => {}
        }
        self
    }

    /// The job has this name, whatever was asked for.
    fn is_called(&mut self, name: String) {
        if self.name != name {
            let asked = std::mem::replace(&mut self.name, name);
            self.requested_name.get_or_insert(asked);
        }
    }

    /// Is the time over in which a job still shows that was asked for?
    fn is_lost(&self, now: Timestamp) -> bool {
        Intent { since: self.asked_at }.awaited_until(now).is_none()
    }
}

impl Facts {
    pub(super) fn verify(&self) -> Option<&Verify> {
        self.spec.batch.as_ref()?.verify.as_ref()
    }

    fn workspace(&self) -> Option<ResourceId> {
        self.id.as_ref().map(|id| id.parent().parent())
    }

    fn job_id(&self, name: &str) -> Option<ResourceId> {
        self.workspace().map(|workspace| workspace.child("jobs", name))
    }

    /// Reads the jobs that go on and, before one is started, looks whether it was started already. None while something is not
    /// known yet.
    pub(super) fn look_at_verification(&self, known: &mut Known) -> Option<Verification> {
        let mut found = Verification::default();
        let waited = self.status.verification_jobs.iter().filter(|job| !job.is_over());
        let mut names: Vec<&str> = waited.map(|job| job.name.as_str()).collect();
        let acts = self.situation.mode == Mode::Act && !self.situation.deleting;
        let next = self.to_be_started().filter(|_| acts);
        names.extend(next.as_ref().map(|(name, _)| name.as_str()));
        let mut whole = true;
        for name in names {
            match known.resource::<Job>(Purpose::Compare, &self.job_id(name)?) {
                None => whole = false,
                Some(Ok(Some(job))) => drop(found.jobs.insert(name.into(), Look::Found(job))),
                Some(Ok(None)) => drop(found.jobs.insert(name.into(), Look::Absent)),
                Some(Err(error)) => found.unread = Some(error),
            }
        }
        if !whole {
            return None;
        }
        self.look_for_others(next.as_ref(), &mut found, known)?;
        Some(found)
    }

    /// The service may have given a job a name of its own: then it is known by the path that it writes to.
    fn look_for_others(
        &self,
        next: Option<&(String, String)>,
        found: &mut Verification,
        known: &mut Known,
    ) -> Option<()> {
        let asked = self.status.verification_jobs.iter().filter(|job| job.status.is_none() && !job.given_up);
        let asked = asked.map(|job| (job.name.clone(), job.deployment.clone()));
        let (endpoint, workspace) = (self.endpoint_name(), self.workspace()?);
        for (name, deployment) in asked.chain(next.cloned()) {
            if !found.jobs.get(&name).is_some_and(Look::is_absent) {
                continue;
            }
            match known.batch_jobs(&workspace, Some((endpoint, &deployment)))? {
                Ok(jobs) => {
                    let ours = jobs.into_iter().find(|job| job.writes_to(&folder(&name)));
                    found.jobs.extend(ours.map(|job| (name, Look::Found(job))));
                }
                Err(error) => found.unread = Some(error),
            }
        }
        Some(())
    }

    /// The job that is started next, where the candidate has none: its name, and the deployment. It is asked before the scene is read,
    /// which depends on how the job goes.
    pub(super) fn to_be_started(&self) -> Option<(String, String)> {
        let (verify, wanted) = (self.verify()?, self.wanted()?);
        let ready = |d: &&OnlineDeployment| d.provisioning() == Provisioning::Succeeded;
        let found = self.deployments.iter().find(|d| d.name() == wanted.1 && !self.is_stable(d.name()));
        let candidate = found.filter(ready)?;
        let remembered = self.status.verification_jobs.iter();
        let counts = |job: &&VerificationJob| !job.given_up && !self.ran_on_an_earlier(job);
        let mut waits = remembered.filter(counts).filter(|job| job.input == verify.input);
        if self.has_failed(&wanted.0) || waits.any(|job| job.is_of(&wanted)) {
            return None;
        }
        Some((self.job_name(&wanted.0, candidate, verify), wanted.1))
    }

    /// Did the job begin before its deployment was made, because somebody has deleted the one that it ran on? Both times are Azure's.
    fn ran_on_an_earlier(&self, job: &VerificationJob) -> bool {
        let deployment = self.deployments.iter().find(|d| d.name() == job.deployment);
        let made = deployment.and_then(OnlineDeployment::created_at);
        job.started_at.zip(made).is_some_and(|(began, made)| began < made)
    }

    /// The name of the next job for a deployment. It follows from what is in Azure, and from the person's word that has the revision
    /// tried once more; a name that was used for an earlier try leads to the next one.
    fn job_name(&self, revision: &Revision, deployment: &OnlineDeployment, verify: &Verify) -> String {
        let carried = self.carried_by_tag();
        let of_it = |it: &&Asked| it.word == ActionWord::Retry && it.revision == *revision;
        let retries = self.asked.iter().filter(of_it).filter(|it| carried.contains(&it.hash));
        let retry = retries.max_by_key(|it| it.at).map(|it| it.hash.as_str()).unwrap_or_default();
        let made = deployment.created_at().map(|at| at.to_string()).unwrap_or_default();
        let id = self.id.as_ref().map(ToString::to_string).unwrap_or_default();
        let named = |from: &str| {
            let hash = short_hash(from, 4);
            format!("bindery-{}-{revision}-{hash}", self.endpoint_name())
        };
        let mut name = named(&[&folded(&id), &made, &verify.input, retry].join("\n"));
        while self.was_used(&name) {
            name = named(&name);
        }
        name
    }

    /// Is it the name of a job of an earlier try, as far as the status knows?
    fn was_used(&self, name: &str) -> bool {
        let given_up = self.status.verification_jobs.iter().filter(|job| job.given_up);
        let past = self.status.history.iter().filter_map(|it| it.verification.as_ref());
        given_up.chain(past).any(|job| job.requested_name.as_ref().unwrap_or(&job.name) == name)
    }

    /// The jobs that verify deployments, as Azure shows them now.
    fn verification_jobs(&self) -> Vec<VerificationJob> {
        let seen = |job: &VerificationJob| {
            let job = job.clone().seen(self.verification.jobs.get(&job.name), self.situation.now);
            VerificationJob { given_up: job.given_up || self.ran_on_an_earlier(&job), ..job }
        };
        let mut all: Vec<VerificationJob> = self.status.verification_jobs.iter().map(seen).collect();
        all.extend(self.found_again());
        all
    }

    /// The job of the candidate that is in Azure, and of which the status knows nothing.
    fn found_again(&self) -> Option<VerificationJob> {
        let (name, _) = self.to_be_started()?;
        let look = self.verification.jobs.get(&name)?;
        let job = look.found()?;
        let now = self.situation.now;
        let asked = VerificationJob { asked_at: job.created().unwrap_or(now).min(now), ..self.begun(&name)? };
        Some(asked.seen(Some(look), now))
    }

    /// What the status remembers of a job that is asked for now.
    fn begun(&self, name: &str) -> Option<VerificationJob> {
        let (revision, deployment) = self.wanted()?;
        Some(VerificationJob {
            name: name.into(),
            requested_name: None,
            deployment,
            revision: revision.to_string(),
            input: self.verify()?.input.clone(),
            asked_at: self.situation.now,
            started_at: None,
            status: None,
            given_up: false,
        })
    }

    /// The job that the candidate has to complete.
    fn job_of(&self, wanted: &Wanted) -> Option<VerificationJob> {
        let input = &self.verify()?.input;
        let is_it = |job: &VerificationJob| !job.given_up && job.is_of(wanted) && job.input == *input;
        self.verification_jobs().into_iter().find(is_it)
    }

    /// How the job goes that the candidate has to complete.
    pub(super) fn trial(&self, wanted: Option<&Wanted>) -> Trial {
        let Some((verify, wanted)) = self.verify().zip(wanted) else { return Trial::NotAsked };
        let Some(job) = self.job_of(wanted) else { return Trial::Outstanding };
        match job.status.as_deref() {
            Some("Completed") => Trial::Passed,
            Some(_) if job.is_over() || self.is_late(&job, verify) => Trial::Failed,
            _ => Trial::Outstanding,
        }
    }

    /// Has a job taken too long? While Azure cannot be asked, it may have completed.
    fn is_late(&self, job: &VerificationJob, verify: &Verify) -> bool {
        let shown = |(name, look): (&String, &Look<Job>)| {
            look.found().is_some_and(|it| it.name() == job.name || *name == job.name)
        };
        self.verification.jobs.iter().any(shown) && job.is_late(verify, self.situation.now)
    }

    /// Does a job that verifies it run on this deployment, or may it?
    pub(super) fn is_being_verified(&self, deployment: &str) -> bool {
        self.verification_jobs().iter().any(|job| job.deployment == deployment && !job.is_over())
    }

    /// Is it the name of a job that verifies a deployment?
    pub(super) fn verifies(&self, job: &str) -> bool {
        self.verification_jobs().iter().any(|it| it.name == job)
    }

    /// The name of the job that runs on a deployment and verifies it.
    pub(super) fn verifying(&self, deployment: &str) -> Option<String> {
        let mut all = self.verification_jobs().into_iter();
        all.find(|job| job.deployment == deployment && job.runs()).map(|job| job.name)
    }

    /// What an answer to the request makes of the job.
    pub(super) fn absorb_job(&mut self, call: &Call, answer: Result<&Reply, &Error>) {
        let now = self.situation.now;
        match &call.action {
            Action::StartJob(asked) => {
                let stands = Intent { since: now }.after(answer).is_some();
                self.verification.jobs.remove(&asked.job);
                let all = &mut self.status.verification_jobs;
                if !stands {
                    all.retain(|job| job.name != asked.job || job.status.is_some());
                }
                let body = answer.ok().and_then(|reply| reply.body.as_ref());
                let begun = all.iter_mut().find(|job| job.name == asked.job).filter(|_| answer.is_ok());
                if let Some(job) = begun {
                    let text = |at: &str| Some(body?.pointer(at)?.as_str()?.to_string());
                    job.is_called(text("/name").unwrap_or_else(|| asked.job.clone()));
                    job.status = Some(text("/properties/status").unwrap_or_else(|| BEGINS.into()));
                }
            }
            _ if answer.is_ok() => {
                let name = call.resource.name();
                let canceled = self.status.verification_jobs.iter_mut().find(|job| job.name == name);
                if let Some(job) = canceled {
                    job.status = Some(CANCELING.into());
                }
                self.verification.jobs.remove(name);
            }
            _ => {}
        }
    }
}

impl Case<'_> {
    /// The jobs that verify deployments, for the status: those that go on, and the one that the candidate waits for.
    pub(super) fn verification_jobs(&self) -> Vec<VerificationJob> {
        let now = self.facts.situation.now;
        let mut all = self.facts.verification_jobs();
        if let Some(wanted) = self.scene.wanted() {
            let current = self.facts.job_of(wanted).map(|job| job.name);
            let over = self.scene.arrived() || self.scene.wanted_failed();
            for job in &mut all {
                job.given_up |= over || current.as_ref() != Some(&job.name);
            }
        }
        all.retain(|job| !job.given_up || !(job.is_over() || job.status.is_none() && job.is_lost(now)));
        // Of those that are only to be canceled, the oldest ones are left to themselves.
        all.sort_by_key(|job| (job.given_up, std::cmp::Reverse(job.asked_at)));
        all.truncate(MOST);
        all
    }

    /// With the job that this call is about to start.
    pub(super) fn remember_job_of(&self, call: &Call, jobs: &mut Vec<VerificationJob>) {
        let Action::StartJob(asked) = &call.action else { return };
        jobs.retain(|job| job.name != asked.job);
        jobs.extend(self.facts.begun(&asked.job));
        jobs.sort_by_key(|job| (job.given_up, std::cmp::Reverse(job.asked_at)));
        jobs.truncate(MOST);
    }

    /// The job that verified a revision, for its history.
    pub(super) fn job_of_rollout(&self, revision: &Revision) -> Option<VerificationJob> {
        let revision = revision.to_string();
        let all = self.facts.verification_jobs();
        all.into_iter().find(|job| !job.given_up && job.revision == revision && job.status.is_some())
    }

    /// Was the rollout of a revision promoted before its job had completed?
    pub(super) fn skips_verification(&self, revision: &Revision) -> bool {
        let completed = |job: VerificationJob| {
            job.status.as_deref() == Some("Completed") && self.facts.verify().is_some()
        };
        self.facts.verify().is_some() && !self.job_of_rollout(revision).is_some_and(completed)
    }

    /// Why the job condemns the candidate, in a sentence.
    pub(super) fn condemned_by_its_job(&self) -> Option<String> {
        let wanted = self.scene.wanted().filter(|_| self.scene.is_condemned_by_its_job())?;
        let (verify, job) = (self.facts.verify()?, self.facts.job_of(wanted)?);
        let name = &job.name;
        let studio = self.facts.verification.jobs.values().filter_map(Look::found);
        let studio = studio.filter(|it| it.name() == *name).find_map(Job::studio);
        let look = studio.map(|url| format!(" Azure shows why: {}", presentable(url))).unwrap_or_default();
        Some(match job.status.as_deref().unwrap_or_default() {
            "Failed" => format!("Job {name}, which verified it, failed.{look}"),
            "Canceled" => format!("Job {name}, which verified it, was canceled."),
            MISSING => format!("Job {name}, which verified it, is not in the workspace any more."),
            status => format!(
                "Job {name}, which verifies it, did not complete within {} (spec.batch.verify.timeout); Azure says {status}.{look}",
                verify.timeout.clone().unwrap_or_else(|| Period::new("30m"))
            ),
        })
    }

    /// In how much time the jobs are looked at again.
    pub(super) fn next_look_at_verification(&self) -> Option<Duration> {
        let now = self.facts.situation.now;
        let verify = self.facts.verify();
        let wait = |job: &VerificationJob| {
            let quarter = elapsed(job.asked_at, now) / 4;
            let often = quarter.clamp(Duration::from_secs(1), AT_THE_LATEST);
            let ends = verify.and_then(|verify| job.deadline(verify)).filter(|deadline| *deadline > now);
            ends.map_or(often, |deadline| often.min(elapsed(now, deadline)))
        };
        self.verification_jobs().iter().filter(|job| !job.is_over()).map(wait).min()
    }
}

/// Starts the job that verifies the candidate, or says how it goes.
pub(super) fn verify(case: &Case<'_>) -> Option<Verdict> {
    let facts = case.facts;
    let wanted = case.scene.wanted().filter(|_| !facts.observing())?;
    let (verify, now) = (facts.verify()?, facts.situation.now);
    let Some(job) = facts.job_of(wanted) else { return start_first(case) };
    let (name, deployment) = (&job.name, &job.deployment);
    let next = case.next_look_at_verification().unwrap_or(AT_THE_LATEST);
    let lost = Intent { since: job.asked_at }.awaited_until(now);
    Some(match (job.status.as_deref(), lost) {
        (Some(status), _) => {
            let until = job.deadline(verify).map(|at| format!(", until {} at the latest", in_seconds(at)));
            Verdict::wait(
                Reason::Verifying,
                format!(
                    "Job {name} verifies {deployment} before that becomes the default deployment{}. Azure says {status}.{}",
                    until.unwrap_or_default(),
                    unread(facts)
                ),
                next,
            )
        }
        (None, Some(until)) => Verdict::wait(
            Reason::Verifying,
            format!(
                "Job {name}, which verifies {deployment}, was asked for, or was about to be, and Azure does not show it yet. Bindery waits for it until {}, and then asks for it once more under the same name.{}",
                in_seconds(until),
                unread(facts)
            ),
            next,
        ),
        (None, None) => start(case, name)?,
    })
}

/// Before the job is started for the first time, Azure has said that it has no such job.
fn start_first(case: &Case<'_>) -> Option<Verdict> {
    let facts = case.facts;
    let soon = |said: String| Verdict::wait(Reason::Verifying, said, Duration::from_secs(1));
    let name = facts.to_be_started().map(|(name, _)| name);
    let acts = facts.situation.mode == Mode::Act;
    match name.as_ref().and_then(|name| Some((name, facts.verification.jobs.get(name)?))) {
        None if !acts => start(case, &name?),
        Some((name, Look::Absent)) if facts.verification.unread.is_none() => start(case, name),
        _ if facts.verification.unread.is_some() => Some(Verdict {
            next: LookAgain::After(AT_THE_LATEST),
            ..soon(format!(
                "Before a job verifies the candidate, Bindery looks whether it was started already.{}",
                unread(facts)
            ))
        }),
        _ => Some(soon(
            "Bindery looks whether the job that verifies the candidate was started already.".into(),
        )),
    }
}

fn unread(facts: &Facts) -> String {
    let error = facts.verification.unread.as_ref();
    error.map(|error| format!(" The jobs of the workspace cannot be read: {error}")).unwrap_or_default()
}

/// The request for the job.
fn start(case: &Case<'_>, name: &str) -> Option<Verdict> {
    let facts = case.facts;
    let (verify, (_, deployment)) = (facts.verify()?, case.scene.wanted()?);
    let Some(uri) = facts.endpoint.found()?.properties.scoring_uri.clone() else {
        let said =
            "Azure names no address at which the endpoint takes jobs, so none can verify the candidate.";
        return Some(Verdict::stalled(Reason::ResourceFailed, said));
    };
    let invocation = Invocation {
        uri,
        deployment: deployment.clone(),
        job: name.into(),
        body: body(facts, verify, name)?,
    };
    let doing =
        format!("start job {name}, which verifies {deployment} before that becomes the default deployment");
    let call = Call::new(Purpose::Verify, facts.id.clone()?, Action::StartJob(Box::new(invocation)), doing);
    Some(Verdict::call(Reason::Verifying, call))
}

/// The folder that a job writes to.
fn folder(job: &str) -> String {
    format!("/paths/bindery/{job}/")
}

/// Where one file is written, its path is another one for each job: Azure overwrites no file. Where the code writes, Azure chooses a
/// folder by the job's name.
pub(super) fn body(facts: &Facts, verify: &Verify, job: &str) -> Option<Value> {
    let deployment = &facts.spec.batch.as_ref()?.deployment;
    let input = verify.input_type.unwrap_or_default().word();
    let mut properties = json!({
        "name": job,
        "inputData": {"input": {"jobInputType": input, "uri": verify.input}},
    });
    if deployment.output_action != Some(OutputAction::SummaryOnly) {
        let file = deployment.output_file_name.as_deref().unwrap_or("predictions.csv");
        let uri = format!("{}{}{file}", facts.workspace()?.child("datastores", DATASTORE), folder(job));
        properties["outputData"] = json!({"score": {"jobOutputType": "UriFile", "uri": uri}});
    }
    Some(json!({"properties": properties}))
}

/// A job for which nothing waits any more is canceled: its nodes cost money. Where that does not work, nothing else waits for it.
pub(super) fn cancel(case: &Case<'_>) -> Option<Verdict> {
    let (verdict, left) = canceling(case)?;
    left.is_zero().then_some(verdict)
}

/// The same at the end of the binding, for which it is tried once: Azure lets jobs outlive their endpoint.
pub(super) fn cancel_at_the_end(case: &Case<'_>) -> Option<Verdict> {
    let failed = case.facts.situation.trouble.failure.as_ref();
    let failed = failed.is_some_and(|failure| failure.attempt.purpose == Purpose::CancelVerification);
    let (verdict, _) = canceling(case).filter(|_| !failed)?;
    Some(Verdict { reason: Reason::Deleting, ..verdict })
}

fn canceling(case: &Case<'_>) -> Option<(Verdict, Duration)> {
    let (facts, situation) = (case.facts, &case.facts.situation);
    let acts = situation.mode == Mode::Act;
    let shown = |job: &VerificationJob| {
        facts.verification.jobs.values().filter_map(Look::found).any(|it| it.name() == job.name)
    };
    let runs = |job: &VerificationJob| job.runs() && job.status.as_deref() != Some(CANCELING);
    let jobs = case.verification_jobs();
    let mut over = jobs.iter().filter(|job| job.given_up || situation.deleting);
    let job = over.find(|job| acts && runs(job) && shown(job))?;
    let doing = format!("cancel job {}, which nothing waits for any more", job.name);
    let action = Action::Post("cancel", Value::Null);
    let call = Call::new(Purpose::CancelVerification, facts.job_id(&job.name)?, action, doing);
    let left = situation.left_to_retry(&call);
    Some((Verdict::call(Reason::Updating, call), left))
}
