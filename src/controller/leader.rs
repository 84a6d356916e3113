//! The election over a Lease of the cluster: the [`lease`](super::lease)'s steps as requests, and the gate as it says.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::api::{Api, Patch, PatchParams, PostParams};
use kube::{Client, ResourceExt};
use serde_json::json;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::api_server::is_no_answer;
use super::context::Context;
use super::lease::{Claim, Election, Holder, Record, Step, Terms, Written};
use super::live::{FIELD_MANAGER, Live};
use super::ports::Clock;
use crate::outage::{Outages, Patience, lasted};

/// Which Lease the processes elect on, and as whom.
#[derive(Debug, Clone)]
pub struct LeaderElection {
    pub namespace: String,
    pub name: String,
    /// Another one for each process that is ever started.
    pub identity: String,
    pub terms: Terms,
}

impl LeaderElection {
    /// One that every process which is ever started has for itself: the machine's name, and chance.
    pub fn identity(host: &str) -> String {
        format!("{host}_{}", azure_core::Uuid::new_v4())
    }
}

/// One process as a candidate.
pub(super) struct Candidate {
    context: Arc<Context<Live>>,
    leases: Api<Lease>,
    how: LeaderElection,
    election: Election,
    /// Whether this process leads, for whoever makes passes.
    leads: watch::Sender<bool>,
    failing: Mutex<Outages<()>>,
}

impl Candidate {
    pub(super) fn new(
        client: Client,
        context: Arc<Context<Live>>,
        how: LeaderElection,
        leads: watch::Sender<bool>,
    ) -> Self {
        let leases = Api::namespaced(client, &how.namespace);
        let election = Election::new(how.identity.clone(), how.terms);
        Self { context, leases, how, election, leads, failing: Mutex::new(Outages::new(Patience::None)) }
    }

    /// Takes part until told that no pass runs any more, and releases the record then, so that the next process need not wait.
    pub(super) async fn run(mut self, ends: CancellationToken) {
        info!(lease = %self.how.name, namespace = %self.how.namespace, identity = %self.how.identity, "taking part in the election");
        while !ends.is_cancelled() {
            let step = self.election.next(self.now());
            self.tell();
            match step {
                Step::Wait(until) => {
                    let wait = self.until_lead_changes().map_or(until, |changes| changes.min(until));
                    let pause = tokio::time::sleep(wait.saturating_sub(self.now()));
                    tokio::select! { () = pause => {}, () = ends.cancelled() => {} }
                }
                Step::Read => {
                    let patience = self.patience();
                    let answer = within(patience, self.read()).await;
                    self.election.read(self.now(), answer.ok_or(()));
                }
                Step::Write(claim) => {
                    let patience = self.patience();
                    let answer = within(patience, self.write(&claim)).await;
                    self.election.wrote(self.now(), answer.unwrap_or(Written::Unanswered));
                }
            }
            self.tell();
        }
        self.release().await;
    }

    fn now(&self) -> Duration {
        self.context.ports.elapsed()
    }

    /// When this process begins or stops to lead, as far as is known.
    fn until_lead_changes(&mut self) -> Option<Duration> {
        let now = self.now();
        self.election.lead(now).map(|lead| if lead.from > now { lead.from } else { lead.until })
    }

    /// Sets the gate, and tells whoever makes passes.
    fn tell(&mut self) {
        let now = self.now();
        let lead = self.election.lead(now);
        self.context.gate.set(lead);
        let leads = lead.is_some_and(|lead| lead.holds(now));
        let changed = self.leads.send_if_modified(|known| std::mem::replace(known, leads) != leads);
        if changed && leads {
            let calls_in = lead.map_or(0, |lead| lead.calls_from.saturating_sub(now).as_secs());
            info!(identity = %self.how.identity, calls_in_seconds = calls_in, "This process leads.");
        } else if changed {
            let holder = self.election.other().unwrap_or("nobody");
            warn!(identity = %self.how.identity, %holder, "This process leads no more, and has dropped what it was doing.");
        }
    }

    /// How long to wait for an answer: no longer than until this process has to stop.
    fn patience(&mut self) -> Duration {
        let now = self.now();
        let left = self.election.lead(now).map(|lead| lead.until.saturating_sub(now));
        self.how.terms.patience().min(left.unwrap_or(Duration::MAX))
    }

    async fn read(&self) -> Option<Option<Record>> {
        match self.leases.get_opt(&self.how.name).await {
            Ok(found) => {
                self.works();
                Some(found.as_ref().map(record))
            }
            Err(error) => {
                self.fails(&error);
                None
            }
        }
    }

    async fn write(&self, claim: &Claim) -> Option<Written> {
        let field_manager = Some(FIELD_MANAGER.to_owned());
        let written = if claim.over.is_none() {
            let lease: Lease = serde_json::from_value(self.body(claim)).ok()?;
            let parameters = PostParams { field_manager, ..PostParams::default() };
            self.leases.create(&parameters, &lease).await
        } else {
            let parameters = PatchParams { field_manager, ..PatchParams::default() };
            self.leases.patch(&self.how.name, &parameters, &Patch::Merge(self.body(claim))).await
        };
        match written {
            Ok(lease) => {
                self.works();
                Some(Written::Taken(lease.resource_version().unwrap_or_default()))
            }
            Err(kube::Error::Api(status)) if status.is_conflict() || status.is_not_found() => {
                Some(Written::Conflict)
            }
            Err(error) => {
                self.fails(&error);
                None
            }
        }
    }

    /// The Lease as a claim says. Whatever else is in it stays.
    fn body(&self, claim: &Claim) -> serde_json::Value {
        let now = MicroTime(Timestamp::now());
        let holder = match &claim.holder {
            Holder::Process(holder) => holder.as_str(),
            Holder::Released | Holder::Unknown => "",
        };
        let mut spec = json!({
            "holderIdentity": holder,
            "leaseDurationSeconds": claim.duration.as_secs().max(1),
            "leaseTransitions": claim.transitions,
            "renewTime": now,
        });
        if claim.changes_hands {
            spec["acquireTime"] = json!(now);
        }
        json!({
            "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
            "metadata": {"name": self.how.name, "namespace": self.how.namespace, "resourceVersion": claim.over},
            "spec": spec,
        })
    }

    async fn release(&mut self) {
        let (now, patience) = (self.now(), self.patience());
        let in_doubt = self.context.gate.in_doubt(now);
        let claim = self.election.release(now).filter(|_| !in_doubt);
        self.context.gate.set(None);
        let Some(claim) = claim else { return };
        if within(patience, self.write(&claim)).await.is_some_and(|it| matches!(it, Written::Taken(_))) {
            info!(lease = %self.how.name, "released the Lease");
        }
    }

    fn works(&self) {
        let mut failing = self.failing.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(time) = failing.worked((), Instant::now()) {
            info!("The Lease {} can be used again, after {}.", self.how.name, lasted(time));
        }
    }

    fn fails(&self, error: &kube::Error) {
        // That nobody answers is told once for all requests.
        if is_no_answer(error) {
            return;
        }
        let because = match error {
            kube::Error::Api(status) => status.message.clone(),
            other => other.to_string(),
        };
        let now = Instant::now();
        if self.failing.lock().unwrap_or_else(PoisonError::into_inner).failed((), now, now) {
            warn!(
                "The Lease {} in namespace {} cannot be used: {}. It is tried again; until it works, this process does not lead.",
                self.how.name,
                self.how.namespace,
                because.trim_end_matches('.')
            );
        }
    }
}

/// What came of a request; none where nobody knows.
async fn within<T>(patience: Duration, request: impl Future<Output = Option<T>>) -> Option<T> {
    tokio::time::timeout(patience, request).await.ok().flatten()
}

/// What a Lease says of its holder.
fn record(lease: &Lease) -> Record {
    let spec = lease.spec.clone().unwrap_or_default();
    let holder = match spec.holder_identity.filter(|holder| !holder.is_empty()) {
        Some(holder) => Holder::Process(holder),
        // Whoever releases it says when; one without a time was made by somebody else.
        None if spec.renew_time.is_some() => Holder::Released,
        None => Holder::Unknown,
    };
    let seconds = spec.lease_duration_seconds.and_then(|it| u64::try_from(it).ok()).unwrap_or_default();
    Record {
        holder,
        duration: Duration::from_secs(seconds),
        transitions: spec.lease_transitions.and_then(|it| u32::try_from(it).ok()).unwrap_or_default(),
        version: lease.resource_version().unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests;
