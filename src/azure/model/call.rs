//! One call that changes something in Azure, as data: decided in `decide`, made by the client.

use serde_json::Value;

use super::{Errand, Lane, Principal, Purpose, ResourceId, Transfer};

/// One mutating call on Azure.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// On whose behalf, how urgently and what for.
    pub errand: Errand,
    /// What the call is for, as the rest of the sentence "Bindery is about to …": used in
    /// conditions, events and logs. Example: `move 10 % of the traffic to v3-5ae1c0de`.
    pub doing: String,
    /// The resource that changes.
    pub resource: ResourceId,
    /// What is asked of it.
    pub action: Action,
    /// For a PUT, what of it is ours, as a hash: to write the same again means that Azure did not keep it.
    pub content: u64,
}

impl Call {
    /// A routine call of the operator itself. As whom it goes, and how urgent it is, is said at the end of a decision.
    pub fn new(purpose: Purpose, resource: ResourceId, action: Action, doing: impl Into<String>) -> Self {
        let errand = Errand { principal: Principal::Operator, leaving: false, lane: Lane::Routine, purpose };
        Self { errand, doing: doing.into(), resource, action, content: 0 }
    }
}

/// What a [`Call`] asks for.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Create or replace: the body is the whole resource, merged on what a fresh GET returned.
    Put(Value),
    /// Change the few properties that the service lets a PATCH change.
    Patch(Value),
    /// POST an action such as `publish` or `removeRegions` on the resource.
    Post(&'static str, Value),
    /// Begin the pending upload of this id into the version of a registry, which gives it a container. To begin it again
    /// changes nothing.
    BeginUpload(String),
    /// Have the storage of the version's registry fetch parts of files. To have them fetched again changes nothing.
    Fetch(Box<Transfer>),
    /// Start a batch job on a deployment of the endpoint. Started again under the same name, it may or may not be a second job.
    StartJob(Box<Invocation>),
    /// Delete.
    Delete,
}

/// What a batch endpoint is asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Invocation {
    /// The endpoint's `scoringUri`.
    pub uri: String,
    /// The deployment that runs the job, whatever the default is.
    pub deployment: String,
    /// The name that the job is to have, which also says that a repeated request is the same one.
    pub job: String,
    /// The request's body.
    pub body: Value,
}

/// What Azure answered to a call that it accepted.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Reply {
    /// 200, 201, 202 or 204.
    pub status: u16,
    /// The resource as Azure now has it, where the answer carried one.
    pub body: Option<Value>,
    /// The operation that goes on, where there is one.
    pub operation: Option<String>,
    /// How long Azure asks us to wait before looking, in seconds.
    pub retry_after: Option<u64>,
}
