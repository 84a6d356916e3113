//! A small cloud that may do whatever the contract permits (azure-ml.md B and C): PUT replaces,
//! one change at a time per endpoint, operations that take long, fail late or vanish, answers that are
//! lost after the deed, lists that lag, numbers that are burnt.

mod accept;
mod endpoints;
mod jobs;
mod late;
mod operations;
mod positions;
mod storage;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use fastrand::Rng;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::azure::model::resource::{EndpointKind, Run};
use crate::azure::model::{
    Action, Answer, Ask, Call, Class, Error, File, OperationState, Reply, ResourceId, registry_asset_id,
};

pub use jobs::BatchJob;
pub use late::{Landed, UnderWay};
pub use operations::{Deed, Operation};
pub use positions::Positions;
pub use storage::Upload;

/// How badly the cloud behaves.
#[derive(Debug, Clone, Copy)]
pub struct Weather {
    /// The chance that any one thing goes wrong.
    pub bad: f64,
}

/// A resource, as a GET shows it.
#[derive(Debug, Clone)]
pub struct Resource {
    pub id: ResourceId,
    pub body: Value,
    /// From when lists show it.
    listed: Timestamp,
    /// What lists show of it until then.
    before: Option<(Timestamp, Value)>,
}

impl Resource {
    /// What a list shows of it.
    fn in_a_list(&self, now: Timestamp) -> &Value {
        self.before.as_ref().filter(|(until, _)| *until > now).map_or(&self.body, |(_, body)| body)
    }
}

/// All of Azure.
#[derive(Debug)]
pub struct Cloud {
    pub now: Timestamp,
    pub weather: Weather,
    pub positions: Positions,
    /// From when the training jobs are known.
    trained: Timestamp,
    pub rng: Rng,
    pub resources: BTreeMap<ResourceId, Resource>,
    pub operations: Vec<Operation>,
    /// All operations before this one are done.
    first_open: usize,
    /// Deleted, and still in lists until then.
    ghosts: Vec<(Timestamp, Resource)>,
    /// Requests of a process that is dead, on their way.
    pub under_way: Vec<UnderWay>,
    /// What became of those that have arrived.
    pub landed: Vec<Landed>,
    /// Versions of registries whose number is burnt.
    pub tombstones: BTreeSet<ResourceId>,
    /// The files of versions, as far as somebody has asked for them.
    files: BTreeMap<ResourceId, Vec<File>>,
    /// When somebody last changed one.
    pub files_changed: Option<Timestamp>,
    /// The batch jobs, the oldest first.
    pub batch_jobs: Vec<BatchJob>,
    /// The pending uploads, by their version and id.
    pub uploads: BTreeMap<(ResourceId, String), Upload>,
    /// A policy of the subscription gives every endpoint this owner of costs, whatever a PUT says.
    pub policy: Option<&'static str>,
    /// How often people have changed the keys of the endpoints.
    pub turns: u64,
    /// When a PUT of an endpoint said otherwise.
    pub overruled: BTreeMap<ResourceId, Vec<Timestamp>>,
    /// Nobody is let in until then.
    pub closed_until: Timestamp,
    /// Calls that changed something.
    pub deeds: u64,
    /// How often anything has become another.
    pub changes: u64,
}

/// What `createdBy` says of what Bindery has made.
pub const US: &str = "bindery";

impl Cloud {
    /// An empty subscription with two workspaces.
    pub fn new(now: Timestamp, mut rng: Rng) -> Self {
        let positions = Positions::by(&mut rng);
        let trained = now + Duration::from_secs(rng.u64(0..300));
        let mut cloud = Self {
            now,
            weather: Weather { bad: 0.0 },
            positions,
            trained,
            rng,
            resources: BTreeMap::new(),
            operations: vec![],
            first_open: 0,
            ghosts: vec![],
            under_way: vec![],
            landed: vec![],
            tombstones: BTreeSet::new(),
            files: BTreeMap::new(),
            files_changed: None,
            batch_jobs: vec![],
            uploads: BTreeMap::new(),
            policy: None,
            turns: 0,
            overruled: BTreeMap::new(),
            closed_until: now,
            deeds: 0,
            changes: 0,
        };
        for name in ["dev", "prod"] {
            let id = ResourceId::workspace("s", "rg", name);
            let body = json!({"location": "eastus", "properties": {"workspaceId": format!("guid-{name}"), "mlFlowTrackingUri": "azureml://azure.example/mlflow/v1.0"}});
            cloud.put_there(&id, body);
        }
        cloud
    }

    /// It goes wrong this time, so many times as often as anything does.
    pub(super) fn bad(&mut self, times: f64) -> bool {
        self.rng.f64() < self.weather.bad * times
    }

    /// Between so many seconds.
    fn seconds(&mut self, from: u64, to: u64) -> Duration {
        Duration::from_secs(self.rng.u64(from..=to))
    }

    /// What a GET or a list answers when it does not answer.
    fn trouble(&mut self) -> Option<Error> {
        if self.now < self.closed_until {
            let class = if self.rng.bool() { Class::Unauthorized } else { Class::Credential };
            return Some(Error::new(class, "The client has no right to do that, or no token."));
        }
        if self.bad(0.5) {
            let wait = self.seconds(1, 20);
            return Some(Error::new(Class::Throttled(wait), "Too many requests."));
        }
        self.bad(0.5).then(|| Error::new(Class::Transient, "The connection was reset."))
    }

    /// What a read answers.
    pub fn read(&mut self, what: &Ask) -> Answer {
        match what {
            Ask::Resource(id) => Answer::Resource(self.get(id)),
            Ask::Collection { path, archived } => Answer::Collection(self.list(path, *archived)),
            Ask::Beginning { path } => Answer::Collection(self.list(path, true)),
            Ask::BatchJobs { of, .. } => Answer::Collection(self.list_jobs(of.as_ref())),
            Ask::Operation { url, .. } => Answer::Operation(self.poll(url)),
            Ask::Run { job, .. } => Answer::Run(self.run(job)),
            Ask::Files { version, .. } => Answer::Files(self.list_files(version)),
            Ask::Uploaded { version, upload } => Answer::Uploaded(self.list_uploaded(version, upload)),
            Ask::Blocks { version, upload, file } => Answer::Blocks(self.list_blocks(version, upload, file)),
            Ask::Names => Answer::Names(Ok(vec![US.into()])),
        }
    }

    /// A GET.
    fn get(&mut self, id: &ResourceId) -> Result<Option<Value>, Error> {
        if let Some(error) = self.trouble() {
            return Err(error);
        }
        if let Some(job) = id.segment("jobs").filter(|job| !job.starts_with("train-")) {
            return Ok(self.batch_job(job));
        }
        if let Some(job) = id.segment("jobs") {
            let body = json!({"name": job, "properties": {"jobType": "Command", "experimentName": "fares"}});
            return Ok((self.now >= self.trained).then_some(body));
        }
        let mut found = self.resources.get(id).map(|r| r.body.clone());
        if let Some(body) = found.as_mut().filter(|_| self.says_updating(id)) {
            body["properties"]["provisioningState"] = json!("Updating");
        }
        Ok(found)
    }

    /// The run of a job.
    fn run(&mut self, job: &str) -> Result<Option<Run>, Error> {
        if let Some(error) = self.trouble() {
            return Err(error);
        }
        // The rmse of a version is its number.
        let rmse = job.rsplit('-').next().unwrap_or_default().to_string();
        let metrics = [("rmse".to_string(), rmse)].into();
        Ok((self.now >= self.trained).then(|| Run { id: job.into(), metrics, ..Run::default() }))
    }

    /// Does an endpoint say Updating because of one of its deployments?
    fn says_updating(&self, id: &ResourceId) -> bool {
        let of_a_deployment = |o: &Operation| !o.done && o.lock == *id && o.resource != *id;
        self.positions.endpoint_updating_with_deployment
            && self.operations[self.first_open..].iter().any(of_a_deployment)
    }

    /// A collection, as the list has it: new resources may be missing, old ones there, and of those that changed the list
    /// may have the body that they had before.
    fn list(&mut self, path: &ResourceId, archived: bool) -> Result<Vec<Value>, Error> {
        if let Some(error) = self.trouble() {
            return Err(error);
        }
        if let Some((registry, "models")) = path.as_str().rsplit_once('/') {
            return Ok(self.models_of(&ResourceId::new(registry)));
        }
        let now = self.now;
        self.ghosts.retain(|(until, _)| *until > now);
        let ghosts = self.ghosts.iter().map(|(_, r)| r).filter(|r| !self.resources.contains_key(&r.id));
        let all = self.resources.values().filter(|r| r.listed <= now).chain(ghosts);
        let inside = all.filter(|r| r.id.parent() == *path);
        let shown = inside.map(|r| r.in_a_list(now));
        Ok(shown.filter(|body| archived || body["properties"]["isArchived"] != true).cloned().collect())
    }

    /// The models that a registry holds, by name. Archived versions count as no latest one.
    fn models_of(&self, registry: &ResourceId) -> Vec<Value> {
        let mut latest: BTreeMap<&str, Option<&str>> = BTreeMap::new();
        for version in self.resources.values().filter(|r| Form::of(&r.id) == Form::Version) {
            let Some(model) = version
                .id
                .segment("models")
                .filter(|_| version.id.parent().parent().parent().parent() == *registry)
            else {
                continue;
            };
            let shown = latest.entry(model).or_default();
            if version.body["properties"]["isArchived"] != true {
                *shown = Some(version.id.name());
            }
        }
        latest
            .iter()
            .map(|(name, latest)| json!({"name": name, "properties": {"latestVersion": latest}}))
            .collect()
    }

    /// What an operation's URL answers.
    fn poll(&mut self, url: &str) -> Result<OperationState, Error> {
        if let Some(error) = self.trouble() {
            return Err(error);
        }
        let vanishes = self.bad(1.0);
        let Some(operation) = self.operations.iter_mut().find(|o| o.url == url) else {
            return Ok(OperationState::Gone);
        };
        operation.gone |= vanishes && !operation.stuck;
        Ok(operation.state())
    }

    /// What a registry holds.
    pub fn holds(&self, registry: &ResourceId) -> Vec<Value> {
        self.models_of(registry)
    }

    /// A mutating call. An error may come before the deed or after it.
    pub fn send(&mut self, call: &Call) -> Result<Reply, Error> {
        if let Some(error) = self.trouble() {
            return Err(error);
        }
        if self.bad(0.5) {
            return Err(self.in_use("Another operation is in progress."));
        }
        let reply = self.accept(call, false)?;
        self.deeds += 1;
        if self.bad(1.5) {
            return Err(Error::new(Class::Transient, "The answer was lost."));
        }
        Ok(reply)
    }

    /// `late`: nobody waits for the answer any more.
    fn accept(&mut self, call: &Call, late: bool) -> Result<Reply, Error> {
        let (id, kind) = (&call.resource, Form::of(&call.resource));
        match (&call.action, kind) {
            (Action::Put(body), Form::Registry) => self.put_registry(id, body),
            (Action::Post("removeRegions", body), Form::Registry) => self.remove_regions(id, body),
            (Action::Delete, Form::Registry) => self.delete_registry(id),
            (Action::Put(body), Form::Version) => self.put_version(id, body),
            (Action::Post("publish", body), Form::Version) => self.publish(id, body),
            (Action::BeginUpload(upload), Form::Version) => self.begin_upload(id, upload),
            (Action::Fetch(transfer), Form::Version) => self.fetch(id, transfer, late),
            (Action::Delete, Form::Version) => self.delete_version(id),
            (Action::Put(body), Form::Endpoint) => self.put_endpoint(id, body),
            (Action::Delete, Form::Endpoint) => self.delete_endpoint(id),
            (Action::StartJob(asked), Form::Endpoint) => self.start_job(id, asked),
            (Action::Post("cancel", _), Form::Job) => self.cancel_job(id),
            (Action::Put(body), Form::Setting) => self.put_setting(id, body),
            (Action::Delete, Form::Setting) => {
                let there = self.resources.contains_key(id);
                self.take_away(id);
                Ok(accept::done(if there { 200 } else { 204 }, None))
            }
            (Action::Put(body), Form::Deployment) => self.put_deployment(id, body),
            (Action::Patch(body), Form::Deployment) => self.scale_deployment(id, body),
            (Action::Delete, Form::Deployment) => self.delete_deployment(id),
            other => panic!("no such call: {other:?}"),
        }
    }

    /// A change while another runs.
    fn in_use(&self, message: &str) -> Error {
        if self.positions.busy_is_400 { refused(message) } else { conflict(message) }
    }

    /// Something that may not be done to an endpoint.
    fn refusal(&self, message: String) -> Error {
        if self.positions.refusal_is_409 { conflict(&message) } else { refused(message) }
    }

    /// A resource is there from now on, or is another one; lists may show it later.
    pub fn put_there(&mut self, id: &ResourceId, mut body: Value) {
        self.changes += 1;
        if let Some(team) = self.policy.filter(|_| Form::of(id) == Form::Endpoint) {
            if body["tags"]["team"] != team {
                let times = self.overruled.entry(id.clone()).or_default();
                times.retain(|at| *at + Duration::from_secs(60) > self.now);
                times.push(self.now);
            }
            body["tags"]["team"] = json!(team);
        }
        // As the service does: the URL of the last operation, another one each time.
        if matches!(Form::of(id), Form::Endpoint | Form::Deployment) {
            body["properties"]["properties"]["AzureAsyncOperationUri"] = json!(self.changes.to_string());
        }
        if matches!(Form::of(id), Form::Endpoint | Form::Deployment) {
            let kind = if is_batch(id) { EndpointKind::Batch } else { EndpointKind::Online };
            body["type"] = json!(String::from(kind));
        }
        body["id"] = json!(self.name_of(id));
        body["name"] = json!(id.name());
        let lag = if self.bad(4.0) { self.seconds(1, 20) } else { Duration::ZERO };
        let until = self.now + lag;
        let (listed, before) = match self.resources.remove(id) {
            None => (until, None),
            Some(old) => {
                let shown = old.before.filter(|(until, _)| *until > self.now);
                (old.listed, shown.or_else(|| (!lag.is_zero()).then_some((until, old.body))))
            }
        };
        self.resources.insert(id.clone(), Resource { id: id.clone(), body, listed, before });
    }

    /// What a resource says that it is called.
    fn name_of(&self, id: &ResourceId) -> String {
        match (id.segment("registries"), id.segment("models"), id.segment("versions")) {
            (Some(registry), Some(model), Some(version)) if self.positions.registry_asset_id_as_uri => {
                registry_asset_id(registry, model, version)
            }
            _ => id.to_string(),
        }
    }

    /// Somebody else removes what nothing else depends on.
    pub fn remove(&mut self, id: &ResourceId) {
        self.take_away(id);
    }

    fn take_away(&mut self, id: &ResourceId) {
        self.changes += 1;
        // What a version or a registry has in its storage goes with it.
        self.files.remove(id);
        self.uploads.retain(|(version, _), _| !version.is_in(id));
        if let Some(resource) = self.resources.remove(id)
            && self.bad(4.0)
        {
            let until = self.now + self.seconds(1, 20);
            self.ghosts.push((until, resource));
        }
    }

    /// The autoscale settings for the deployments of an endpoint, or for what was one.
    pub fn settings_of(&self, endpoint: &ResourceId) -> Vec<(ResourceId, &Resource)> {
        let settings = self.resources.values().filter(|r| Form::of(&r.id) == Form::Setting);
        let target = |r: &Resource| {
            ResourceId::new(r.body["properties"]["targetResourceUri"].as_str().unwrap_or_default())
        };
        settings.map(|r| (target(r), r)).filter(|(target, _)| is_deployment_of(target, endpoint)).collect()
    }

    /// The deployments that an endpoint really has.
    pub fn deployments_of(&self, endpoint: &ResourceId) -> Vec<&Resource> {
        self.resources.values().filter(|r| is_deployment_of(&r.id, endpoint)).collect()
    }
}

/// What a resource is, by its id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    Registry,
    Workspace,
    Version,
    Endpoint,
    Deployment,
    /// An autoscale setting.
    Setting,
    Job,
}

impl Form {
    pub fn of(id: &ResourceId) -> Self {
        if id.segment("autoscalesettings").is_some() {
            Self::Setting
        } else if id.segment("jobs").is_some() {
            Self::Job
        } else if id.segment("versions").is_some() {
            Self::Version
        } else if id.segment("deployments").is_some() {
            Self::Deployment
        } else if id.segment("onlineEndpoints").is_some() || is_batch(id) {
            Self::Endpoint
        } else if id.segment("registries").is_some() {
            Self::Registry
        } else {
            Self::Workspace
        }
    }
}

/// The traffic that the body of an endpoint says: of a batch endpoint, all to its default deployment.
pub fn traffic_in(endpoint: &Value) -> Map<String, Value> {
    let properties = &endpoint["properties"];
    match (&properties["defaults"], properties["defaults"]["deploymentName"].as_str()) {
        (Value::Null, _) => properties["traffic"].as_object().cloned().unwrap_or_default(),
        (_, None) => Map::new(),
        (_, Some(name)) => [(name.to_string(), json!(100))].into_iter().collect(),
    }
}

/// Is it on a batch endpoint, or is it one?
pub fn is_batch(id: &ResourceId) -> bool {
    id.segment("batchEndpoints").is_some()
}

/// Is it a deployment of this endpoint?
pub fn is_deployment_of(id: &ResourceId, endpoint: &ResourceId) -> bool {
    let (id, endpoint) = (id.as_str(), endpoint.as_str());
    let rest = id.get(endpoint.len()..).filter(|_| id[..endpoint.len()].eq_ignore_ascii_case(endpoint));
    rest.is_some_and(|rest| rest.starts_with("/deployments/"))
}

/// The endpoint that a change of this resource locks; the resource itself where it is none.
pub fn lock_of(id: &ResourceId) -> ResourceId {
    match id.as_str().split_once("/deployments/") {
        Some((endpoint, _)) => ResourceId::new(endpoint),
        None => id.clone(),
    }
}

fn conflict(message: &str) -> Error {
    Error { status: Some(409), ..Error::new(Class::Conflict, message) }
}

fn refused(message: impl Into<String>) -> Error {
    Error { status: Some(400), ..Error::new(Class::Permanent, message) }
}

fn not_found() -> Error {
    Error { status: Some(404), ..Error::new(Class::NotFound, "It is not there.") }
}
