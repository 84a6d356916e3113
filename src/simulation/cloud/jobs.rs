//! Batch jobs: started on a deployment, and over after a while, in one way or another.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::accept::done;
use super::{Cloud, not_found};
use crate::azure::model::resource::{JOB_DEPLOYMENT, JOB_ENDPOINT};
use crate::azure::model::{Error, Invocation, Reply, ResourceId};

/// A batch job.
#[derive(Debug, Clone)]
pub struct BatchJob {
    pub name: String,
    /// The name that was asked for.
    pub asked: String,
    pub deployment: ResourceId,
    /// When its deployment was made.
    pub made: Value,
    pub input: Value,
    output: Value,
    pub began: Timestamp,
    ends: Timestamp,
    outcome: &'static str,
    /// From when lists show it.
    listed: Timestamp,
}

impl BatchJob {
    /// What Azure says of it.
    pub fn status(&self, now: Timestamp) -> &'static str {
        if now >= self.ends { self.outcome } else { "Running" }
    }
}

impl Cloud {
    /// A request that is repeated starts no second job.
    pub(super) fn start_job(&mut self, endpoint: &ResourceId, asked: &Invocation) -> Result<Reply, Error> {
        let deployment = endpoint.child("deployments", &asked.deployment);
        let found = self.content(&deployment).ok_or_else(not_found)?;
        if found["properties"]["provisioningState"] != "Succeeded" {
            return Err(not_found());
        }
        if let Some(job) = self.batch_jobs.iter().find(|job| job.asked == asked.job) {
            return Ok(done(200, Some(self.shown(job))));
        }
        let named = self.positions.batch_invocation_names_job;
        let name = if named { asked.job.clone() } else { format!("batchjob-{}", self.batch_jobs.len()) };
        let outcome = if self.bad(3.0) { "Failed" } else { "Completed" };
        // Now and then one takes longer than anybody waits.
        let ends = self.now + if self.bad(1.0) { self.seconds(1800, 7200) } else { self.seconds(20, 150) };
        let listed = self.now + if self.bad(4.0) { self.seconds(1, 20) } else { self.seconds(0, 0) };
        let job = BatchJob {
            name,
            asked: asked.job.clone(),
            deployment,
            made: found["systemData"]["createdAt"].clone(),
            input: asked.body["properties"]["inputData"]["input"]["uri"].clone(),
            output: asked.body["properties"]["outputData"]["score"]["uri"].clone(),
            began: self.now,
            ends,
            outcome,
            listed,
        };
        self.changes += 1;
        let body = self.shown(&job);
        self.batch_jobs.push(job);
        Ok(done(201, Some(body)))
    }

    pub(super) fn cancel_job(&mut self, id: &ResourceId) -> Result<Reply, Error> {
        let (now, takes) = (self.now, self.seconds(1, 60));
        let job = self.batch_jobs.iter_mut().find(|job| job.name == id.name()).ok_or_else(not_found)?;
        if now < job.ends {
            (job.ends, job.outcome) = (job.ends.min(now + takes), "Canceled");
        }
        Ok(done(200, None))
    }

    pub(super) fn batch_job(&self, name: &str) -> Option<Value> {
        self.batch_jobs.iter().find(|job| job.name == name).map(|job| self.shown(job))
    }

    /// The jobs of a deployment, where jobs say which one they are of; without one, all of them.
    pub(super) fn list_jobs(&mut self, of: Option<&(String, String)>) -> Result<Vec<Value>, Error> {
        if let Some(error) = self.trouble() {
            return Err(error);
        }
        let named = self.positions.batch_jobs_name_deployment;
        let listed = self.batch_jobs.iter().rev().filter(|job| job.listed <= self.now);
        let of_it = |job: &&BatchJob| {
            of.is_none_or(|(endpoint, deployment)| {
                let at = job.deployment.parent().parent();
                named && at.name() == endpoint && job.deployment.name() == deployment
            })
        };
        Ok(listed.filter(of_it).map(|job| self.shown(job)).collect())
    }

    fn shown(&self, job: &BatchJob) -> Value {
        let endpoint = job.deployment.parent().parent();
        let names = json!({JOB_ENDPOINT: endpoint.name(), JOB_DEPLOYMENT: job.deployment.name()});
        let named = self.positions.batch_jobs_name_deployment;
        json!({
            "name": job.name, "systemData": {"createdAt": job.began.to_string()},
            "properties": {
                "jobType": "Pipeline", "status": job.status(self.now), "properties": if named { names } else { json!({}) },
                "outputs": {"score": {"uri": job.output}},
            },
        })
    }
}
