//! The one gate that every write passes, to Azure and to the cluster: this process leads by its own clock and has time left;
//! and, to Azure, the last request of whoever led before is over, `--observe-only` is off, and the object is neither suspended nor
//! only observed. A pass that may not write ends early, and looks again.
//!
//! Nothing else in this folder calls what writes in the [`ports`](super::ports): a test says so.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use k8s_openapi::api::core::v1::Secret;

use super::context::Context;
use super::lease::{Lead, Terms};
use super::ports::{Ports, Refusal};
use crate::api::{Management, Object};
use crate::azure::model::{Call, Class, Error, Reply};
use crate::decide::{Event, Kind};

/// Who leads, as this process knows it.
#[derive(Debug)]
pub struct Gate {
    /// None where the process is the only one, and always leads.
    terms: Option<Terms>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    lead: Option<Lead>,
    /// Until then a call may be under way that was given up without an answer.
    doubt: Duration,
}

impl Gate {
    /// For a process that leads, always.
    pub fn open() -> Self {
        Self { terms: None, state: Mutex::default() }
    }

    /// For one in an election. It is shut until [`Self::set`] says otherwise.
    pub fn elected(terms: Terms) -> Self {
        Self { terms: Some(terms), state: Mutex::default() }
    }

    /// When this process leads, as far as is known now.
    pub fn set(&self, lead: Option<Lead>) {
        self.state().lead = lead;
    }

    /// Whether a call that nobody waits for any more may still be under way.
    pub fn in_doubt(&self, now: Duration) -> bool {
        now < self.state().doubt
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// May the cluster be written now? Else the answer is how long to wait.
    fn cluster(&self, now: Duration) -> Result<(), Duration> {
        let Some(terms) = &self.terms else { return Ok(()) };
        let again = terms.retry_period();
        let lead = self.state().lead.ok_or(again)?;
        if now < lead.from {
            return Err(lead.from.saturating_sub(now));
        }
        if now + terms.room() <= lead.until { Ok(()) } else { Err(again) }
    }

    /// May Azure be written now? Else the answer is how long to wait.
    fn azure(&self, now: Duration) -> Result<(), Duration> {
        self.cluster(now)?;
        match self.state().lead {
            Some(lead) if now < lead.calls_from => Err(lead.calls_from.saturating_sub(now)),
            _ => Ok(()),
        }
    }

    fn gave_up(&self, now: Duration) {
        if let Some(terms) = &self.terms {
            let mut state = self.state();
            state.doubt = state.doubt.max(now + terms.request());
        }
    }
}

/// Nobody knows whether the call is over.
fn is_in_doubt(error: &Error) -> bool {
    error.class == Class::Transient && error.status.is_none() && !error.unsent
}

impl<P: Ports> Context<P> {
    /// May this process write to the cluster?
    pub(super) fn may_write(&self) -> Result<(), Refusal> {
        self.gate.cluster(self.ports.elapsed()).map_err(Refusal::NotNow)
    }

    /// May this process make this call now? It is asked before anything is stored for the call, and once more when the call goes
    /// out.
    pub(super) fn may_call<K: Object>(&self, object: &K, call: &Call) -> Result<(), Refusal> {
        let (suspend, management, _) = object.mode();
        let only_looks = if self.options.observe_only {
            Some("--observe-only is on")
        } else if suspend {
            Some("the object is suspended")
        } else if management == Management::Observe {
            Some("the object is only observed")
        } else {
            None
        };
        if let Some(because) = only_looks {
            return Err(Refusal::Failed(format!("refused to {}: {because}", call.doing)));
        }
        self.gate.azure(self.ports.elapsed()).map_err(Refusal::NotNow)
    }

    pub(super) async fn send<K: Object>(
        &self,
        object: &K,
        call: &Call,
    ) -> Result<Result<Reply, Error>, Refusal> {
        self.may_call(object, call)?;
        let answer = self.ports.send(call).await;
        if answer.as_ref().is_err_and(is_in_doubt) {
            self.gate.gave_up(self.ports.elapsed());
        }
        Ok(answer)
    }

    pub(super) async fn replace_status<K: Kind>(&self, object: &K) -> Result<K, Refusal> {
        self.may_write()?;
        self.ports.replace_status(object).await
    }

    pub(super) async fn replace_finalizers<K: Kind>(
        &self,
        object: &K,
        finalizers: Vec<String>,
    ) -> Result<K, Refusal> {
        self.may_write()?;
        self.ports.replace_finalizers(object, finalizers).await
    }

    pub(super) async fn delete<K: Kind>(&self, object: &K) -> Result<(), Refusal> {
        self.may_write()?;
        self.ports.delete(object).await
    }

    pub(super) async fn write_secret(&self, secret: &Secret) -> Result<(), Refusal> {
        self.may_write()?;
        self.ports.write_secret(secret).await
    }

    pub(super) async fn delete_secret(&self, secret: &Secret) -> Result<(), Refusal> {
        self.may_write()?;
        self.ports.delete_secret(secret).await
    }

    pub(super) async fn publish<K: Kind>(&self, object: &K, event: &Event) {
        if self.may_write().is_ok() {
            self.ports.publish(object, event).await;
        }
    }
}

#[cfg(test)]
mod tests;
