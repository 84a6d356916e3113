//! Everything around a process: the cloud, the cluster, requests on their way, and chance.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Secret;
use serde_json::Value;

use super::cloud::{Cloud, Weather};
use super::cluster::{Cluster, News};
use super::election::Elections;
use super::foreign;
use super::invariants::{self, Ledger};
use super::meter::Meter;
use super::secrets;
use crate::api::{
    Adoption, AnyObject, ConditionType, Object, ObjectKey, ObjectKind, any_object, conditions_of,
};
use crate::azure::model::{
    Answer, Ask, Call, EndpointKeys, Errand, Error, Operation, Purpose, Read, Reply, ResourceId,
};
use crate::controller::ports::Refusal;
use crate::controller::{Claim, Record, Written};

/// What a process asks of the world.
#[derive(Debug, Clone)]
pub enum Request {
    Read(Read),
    Send(Call),
    Status(AnyObject),
    Finalizers(AnyObject),
    Delete(AnyObject),
    Secret(String, String),
    WriteSecret(Box<Secret>),
    DeleteSecret(Box<Secret>),
    Keys(Errand, ResourceId),
    ReadLease,
    WriteLease(Claim),
}

/// What the world answers.
#[derive(Debug)]
pub enum Outcome {
    Read(Answer),
    Sent(Result<Reply, Error>),
    Written(Result<AnyObject, Refusal>),
    Secret(Result<Option<Box<Secret>>, Refusal>),
    Keys(Result<EndpointKeys, Error>),
    Record(Result<Option<Record>, ()>),
    Claimed(Written),
}

/// A request on its way.
#[derive(Debug)]
struct UnderWay {
    process: u32,
    reader: Option<ObjectKey>,
    request: Request,
}

impl UnderWay {
    /// Nobody hears of it any more, and it has not arrived.
    fn is_left_over(&self) -> bool {
        self.reader.is_none() && !matches!(self.request, Request::ReadLease | Request::WriteLease(_))
    }
}

/// Everything around a process.
#[allow(clippy::struct_excessive_bools)] // each is a question of its own
pub struct World {
    pub seed: u64,
    pub now: Timestamp,
    pub began: Timestamp,
    pub rng: Rng,
    pub cloud: Cloud,
    pub cluster: Cluster,
    pub ledger: Ledger,
    pub meter: Meter,
    /// The operator runs with `--observe-only`.
    pub observe_only: bool,
    /// No more faults, and no more people.
    pub calm: bool,
    /// How many words people have said to rollouts: each has a name of its own.
    pub words: u64,
    /// How many objects the operator has removed.
    pub removed: u64,
    pub status_writes: u64,
    pub passes: u64,
    /// Requests that arrived.
    pub steps: u64,
    /// The process that acts, and what there is of several.
    pub acting: u32,
    pub elections: Elections,
    /// How many processes have begun.
    processes: u32,
    /// The pass that is being polled.
    pub reader: Option<ObjectKey>,
    /// What it has read of the cluster since it was polled.
    pub seen_by_reader: Vec<ObjectKey>,
    /// The objects that a backup has and that are not restored yet.
    pub in_backup: BTreeSet<ObjectKey>,
    /// The operator is to be started again.
    pub restart: bool,
    /// Places whose objects a pass has looked for in vain: as whom to act there nobody knew.
    pub lost: BTreeSet<String>,
    /// Namespaces whose labels have changed.
    pub relabelled: Vec<String>,
    /// What the places of the first day say of taking over what exists.
    pub adoption: Adoption,
    /// When a place last changed whom it lets do what, or a namespace its labels.
    pub rights_changed: Timestamp,
    /// What each running pass has read by a GET.
    got: BTreeMap<(u32, ObjectKey), BTreeMap<ResourceId, Option<Value>>>,
    requests: BTreeMap<(Timestamp, u64), UnderWay>,
    asked: BTreeMap<u64, (u32, Option<ObjectKey>)>,
    outcomes: BTreeMap<u64, (u32, Outcome)>,
    tickets: u64,
    tell: bool,
    journal: VecDeque<String>,
    failed: Option<String>,
}

impl World {
    pub fn new(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let now: Timestamp = "2026-03-01T12:00:00Z".parse().expect("a time");
        let mut cloud = Cloud::new(now, rng.fork());
        cloud.policy = (rng.u8(0..6) == 0).then_some("policy");
        let adoption = if rng.u8(0..4) == 0 { Adoption::Refuse } else { Adoption::Allow };
        Self {
            seed,
            now,
            began: now,
            rng,
            cloud,
            cluster: Cluster::default(),
            ledger: Ledger::default(),
            meter: Meter::default(),
            observe_only: false,
            calm: false,
            words: 0,
            removed: 0,
            status_writes: 0,
            passes: 0,
            steps: 0,
            acting: 0,
            elections: Elections::default(),
            processes: 0,
            reader: None,
            seen_by_reader: vec![],
            in_backup: BTreeSet::new(),
            restart: false,
            lost: BTreeSet::new(),
            relabelled: vec![],
            adoption,
            rights_changed: now,
            got: BTreeMap::new(),
            requests: BTreeMap::new(),
            asked: BTreeMap::new(),
            outcomes: BTreeMap::new(),
            tickets: 0,
            tell: std::env::var_os("BINDERY_SIMULATION_SEED").is_some(),
            journal: VecDeque::new(),
            failed: None,
        }
    }

    /// It happens this time; never in calm weather.
    pub fn chance(&mut self, p: f64) -> bool {
        !self.calm && self.rng.f64() < p
    }

    /// Writes a line for the case that the run fails.
    pub fn note(&mut self, line: impl FnOnce() -> String) {
        let line = format!("{} {}", self.now, line());
        if self.tell {
            println!("{line}");
        }
        self.journal.push_back(line);
        if self.journal.len() > 60 {
            self.journal.pop_front();
        }
    }

    /// Remembers the words of an invariant that does not hold. The run ends at its next step: a panic here would be caught
    /// by the pass.
    pub fn must(&mut self, holds: Result<(), String>) {
        if let Err(what) = holds {
            self.failed.get_or_insert(what);
        }
    }

    /// Ends the run where something happened that must never happen.
    pub fn check(&self) {
        let Some(what) = &self.failed else { return };
        let journal: Vec<&str> = self.journal.iter().map(String::as_str).collect();
        panic!(
            "{}\n\n{:?}\n\nseed {}: {what}\n(again, with everything that happens: BINDERY_SIMULATION_SEED={} cargo test simulation)",
            journal.join("\n"),
            self.cloud.positions,
            self.seed,
            self.seed
        );
    }

    // --- what a process sees ---

    /// An object as the cache has it, for the pass that is being polled.
    pub fn seen(&mut self, key: &ObjectKey) -> Option<AnyObject> {
        self.seen_by_reader.push(key.clone());
        let seen = self.seen_quietly(key);
        if seen.is_none() && matches!(key.kind, ObjectKind::Registry | ObjectKind::Workspace) {
            self.lost.insert(key.name.to_string());
        }
        seen
    }

    /// An object as the cache has it.
    pub fn seen_quietly(&self, key: &ObjectKey) -> Option<AnyObject> {
        self.cluster.cache(self.acting).get(key).cloned()
    }

    /// What a running pass has read of a resource by a GET: none where it has not.
    pub fn got(&self, reader: &ObjectKey, id: &ResourceId) -> Option<&Option<Value>> {
        self.got.get(&(self.acting, reader.clone()))?.get(id)
    }

    /// Does this object live as far as the operator can know, or will it when the backup is restored?
    pub fn lives<K: Object>(&self, name: &str) -> bool {
        let key = super::cluster::key::<K>(name);
        let lives = |it: &AnyObject| any_object!(it, it => !it.is_deleting());
        let there = self.cluster.live.get(&key).is_some_and(lives);
        self.in_backup.contains(&key) || (there && self.cluster.cache(self.acting).contains_key(&key))
    }

    /// Another running pass that has read this resource by a GET: only one may, from the GET to the end of the PUT.
    pub fn also_read_by(&self, reader: &ObjectKey, id: &ResourceId) -> Option<&ObjectKey> {
        let other = |(process, key): &(u32, ObjectKey)| *process == self.acting && key != reader;
        let others = self.got.iter().filter(|(whose, got)| other(whose) && got.contains_key(id));
        others.map(|((_, key), _)| key).next()
    }

    /// The pass over an object came to its end.
    pub fn end_of_pass(&mut self, key: &ObjectKey) -> Timestamp {
        self.got.remove(&(self.acting, key.clone()));
        self.now
    }

    /// Does the pass over this object wait for an answer?
    pub fn has_asked(&self, key: &ObjectKey) -> bool {
        self.asked.values().any(|(process, reader)| *process == self.acting && reader.as_ref() == Some(key))
    }

    // --- requests ---

    /// A process begins, with a name of its own.
    pub fn process_begins(&mut self) -> u32 {
        self.processes += 1;
        self.processes
    }

    /// A request goes out that no pass waits for.
    pub fn ask_by_itself(&mut self, request: Request) -> u64 {
        self.reader = None;
        self.ask(request)
    }

    /// A request goes out. It arrives a little later, or much later.
    pub fn ask(&mut self, request: Request) -> u64 {
        self.tickets += 1;
        let leads = self.who_writes_leads(self.tickets, &request);
        self.must(leads);
        let slow = if self.chance(0.005) { self.rng.u64(1..30_000) } else { 0 };
        let arrives = self.now + Duration::from_millis(self.rng.u64(2..20) + slow);
        let reader = self.reader.clone();
        let process = self.acting;
        self.asked.insert(self.tickets, (process, reader.clone()));
        let whose = match &request {
            Request::Read(read) => {
                invariants::what_is_in_a_place_is_touched_as_the_place(self, &read.errand, &read.what)
            }
            Request::Send(call) => {
                let what = Ask::Resource(call.resource.clone());
                invariants::what_is_in_a_place_is_touched_as_the_place(self, &call.errand, &what)
                    .and_then(|()| invariants::what_is_copied_is_read_as_its_place(self, call))
            }
            Request::Delete(object) => invariants::what_is_removed_has_ended(object),
            Request::Keys(errand, endpoint) => {
                let what = Ask::Resource(endpoint.clone());
                let whose = invariants::what_is_in_a_place_is_touched_as_the_place(self, errand, &what);
                whose.and_then(|()| secrets::keys_are_asked_for(self, endpoint))
            }
            Request::WriteSecret(secret) | Request::DeleteSecret(secret) => {
                secrets::the_secret_is_ours(self, secret)
            }
            Request::Status(_)
            | Request::Finalizers(_)
            | Request::Secret(..)
            | Request::ReadLease
            | Request::WriteLease(_) => Ok(()),
        };
        self.must(whose);
        self.requests.insert((arrives, self.tickets), UnderWay { process, reader, request });
        self.tickets
    }

    /// The answer to a request, once.
    pub fn outcome(&mut self, ticket: u64) -> Option<Outcome> {
        self.outcomes.remove(&ticket).map(|(_, outcome)| outcome)
    }

    /// When the next request arrives.
    pub fn next_arrival(&self) -> Option<Timestamp> {
        self.requests.keys().next().map(|(at, _)| *at)
    }

    /// Whose call arrives next, if a call does.
    pub fn who_calls_next(&self) -> Option<u32> {
        let next = self.requests.values().next()?;
        matches!(next.request, Request::Send(_)).then_some(next.process)
    }

    /// Is the next request that arrives one of a pass, or of nobody who lives?
    pub fn a_pass_hears_next(&self) -> bool {
        let next = self.requests.values().next();
        next.is_none_or(|it| !matches!(it.request, Request::ReadLease | Request::WriteLease(_)))
    }

    /// The next request arrives. The answer is whose pass goes on, in which process.
    pub fn arrive(&mut self) -> Option<(u32, ObjectKey)> {
        let ((_, ticket), under_way) = self.requests.pop_first()?;
        let UnderWay { process, reader, request } = under_way;
        self.steps += 1;
        self.acting = process;
        let outcome = self.answer(reader.as_ref(), request);
        self.call_is_over(ticket);
        // Nobody hears of it who is dead, or has given up.
        if self.asked.remove(&ticket).is_some() {
            self.outcomes.insert(ticket, (process, outcome));
        }
        reader.map(|reader| (process, reader))
    }

    fn answer(&mut self, reader: Option<&ObjectKey>, request: Request) -> Outcome {
        if !self.reaches_the_cluster(self.acting)
            && let Some(outcome) = out_of_reach(&request)
        {
            return outcome;
        }
        match request {
            Request::Read(read) => {
                let answer = self.cloud.read(&read.what);
                if let (Ask::BatchJobs { path, .. }, Answer::Collection(found)) = (&read.what, &answer) {
                    let kept = invariants::kept_for_jobs(self, &path.parent(), found.is_ok());
                    self.ledger.jobs_were_asked_for(kept);
                }
                // What is read to find out where a model comes from is not what the pass is about to change.
                let traced = read.errand.purpose == Purpose::TraceLineage;
                if let (Some(reader), Ask::Resource(id), Answer::Resource(Ok(body)), false) =
                    (reader, &read.what, &answer, traced)
                {
                    self.got
                        .entry((self.acting, reader.clone()))
                        .or_default()
                        .insert(id.clone(), body.clone());
                }
                Outcome::Read(answer)
            }
            Request::Send(call) => Outcome::Sent(self.send(&call)),
            Request::Status(object) => Outcome::Written(self.write(&object, true)),
            Request::Finalizers(object) => Outcome::Written(self.write(&object, false)),
            Request::Delete(object) => Outcome::Written(self.remove(object)),
            Request::Secret(namespace, name) => {
                Outcome::Secret(self.secret(namespace, name).map(|it| it.map(Box::new)))
            }
            Request::WriteSecret(secret) => {
                Outcome::Secret(self.write_secret(*secret, false).map(|it| it.map(Box::new)))
            }
            Request::DeleteSecret(secret) => {
                Outcome::Secret(self.write_secret(*secret, true).map(|it| it.map(Box::new)))
            }
            Request::Keys(_, endpoint) => Outcome::Keys(self.cloud.keys(&endpoint)),
            Request::ReadLease => Outcome::Record(self.read_record()),
            Request::WriteLease(claim) => Outcome::Claimed(self.write_record(claim)),
        }
    }

    /// A call arrives; somebody else may have been quicker.
    fn send(&mut self, call: &Call) -> Result<Reply, Error> {
        if self.chance(0.03) {
            foreign::meddle(self);
        }
        let answer = self.cloud.send(call);
        let said = answer.as_ref().map_or_else(|e| format!("{:?}: {e}", e.class), |r| r.status.to_string());
        self.note(|| format!("CALL {} -> {said}", call.doing));
        self.effect();
        answer
    }

    /// The operator deletes an object, as nobody has changed it since.
    fn remove(&mut self, object: AnyObject) -> Result<AnyObject, Refusal> {
        let key = any_object!(&object, it => it.key());
        let seen = self
            .cluster
            .live
            .get(&key)
            .is_some_and(|live| super::cluster::version(live) == super::cluster::version(&object));
        if !seen {
            return Err(Refusal::Outdated);
        }
        self.note(|| format!("{key} is removed"));
        self.removed += 1;
        let now = self.now;
        any_object!(&object, it => self.cluster.delete_object(it.as_ref(), now));
        Ok(object)
    }

    /// A write arrives at the API server. It may conflict, be refused, or be taken while the answer is lost.
    fn write(&mut self, object: &AnyObject, status: bool) -> Result<AnyObject, Refusal> {
        let key = any_object!(object, it => it.key());
        if self.chance(0.03) {
            self.cluster.touch(&key);
        }
        if self.chance(0.02) {
            return Err(Refusal::Failed("the API server is busy".into()));
        }
        let written = any_object!(object, it => {
            let written = self.cluster.write(&**it, |live, new| {
                if status {
                    live.status.clone_from(&new.status);
                } else {
                    live.metadata.finalizers.clone_from(&new.metadata.finalizers);
                }
            });
            written.map(|it| Arc::new(it).any())
        });
        if status {
            self.status_writes += 1;
            self.note(|| format!("{key} status: {}", told(object)));
        }
        let Some(written) = written else { return Err(Refusal::Outdated) };
        // Whether its answer arrives or not.
        if !self.cluster.live.contains_key(&key) {
            self.ledger.is_gone(&key);
        }
        if self.chance(0.03) {
            return Err(Refusal::Unanswered("the answer was lost".into()));
        }
        Ok(written)
    }

    /// The operator reads a Secret, in a namespace that it may touch Secrets in or not.
    fn secret(&mut self, namespace: String, name: String) -> Result<Option<Secret>, Refusal> {
        if self.chance(0.05) {
            return Err(Refusal::Forbidden("secrets are forbidden".into()));
        }
        Ok(self.cluster.secrets.get(&(namespace, name)).cloned())
    }

    /// A write of a Secret arrives.
    fn write_secret(&mut self, secret: Secret, goes: bool) -> Result<Option<Secret>, Refusal> {
        if self.chance(0.02) {
            return Err(Refusal::Failed("the API server is busy".into()));
        }
        let written = self.cluster.write_secret(secret, goes);
        if self.chance(0.03) {
            return Err(Refusal::Unanswered("the answer was lost".into()));
        }
        if written { Ok(None) } else { Err(Refusal::Outdated) }
    }

    /// After every effect the invariants of the cloud hold.
    fn effect(&mut self) {
        self.ledger.look(&self.cloud);
        let holds = invariants::of_the_cloud(self);
        self.must(holds);
    }

    /// A process dies. What it had sent may still arrive, now or later, and nobody hears of it.
    pub fn process_dies(&mut self, process: u32) {
        self.elections.leaves(process);
        self.cluster.process_dies(process);
        self.passes_are_dropped(process);
        self.outcomes.retain(|_, (whose, _)| *whose != process);
        self.asked.retain(|_, (whose, _)| *whose != process);
    }

    /// A process drops all its passes. What they had sent may still arrive, now or later, and nobody hears of it.
    pub fn passes_are_dropped(&mut self, process: u32) {
        self.elections.stops(process);
        let of_a_pass = |(whose, reader): &(u32, Option<ObjectKey>)| *whose == process && reader.is_some();
        let asked = std::mem::take(&mut self.asked);
        let (dropped, asked): (BTreeMap<_, _>, BTreeMap<_, _>) =
            asked.into_iter().partition(|(_, whose)| of_a_pass(whose));
        self.asked = asked;
        let of_the_record = |outcome: &Outcome| matches!(outcome, Outcome::Record(_) | Outcome::Claimed(_));
        self.outcomes.retain(|_, (whose, outcome)| *whose != process || of_the_record(outcome));
        self.got.retain(|(whose, _), _| *whose != process);
        let requests = std::mem::take(&mut self.requests);
        let (lost, rest): (BTreeMap<_, _>, BTreeMap<_, _>) = requests
            .into_iter()
            .partition(|((_, ticket), it)| dropped.contains_key(ticket) || it.is_left_over());
        self.requests = rest;
        for ((at, ticket), lost) in lost {
            match lost.request {
                // The next process may be asked for something else before this arrives.
                Request::Send(call) if self.rng.u8(0..4) > 0 => {
                    self.note(|| format!("CALL {} is on its way, and the process dies", call.doing));
                    self.cloud.send_and_die(&call);
                }
                Request::WriteSecret(secret) if self.rng.bool() => {
                    self.cluster.write_secret(*secret, false);
                }
                Request::DeleteSecret(secret) if self.rng.bool() => {
                    self.cluster.write_secret(*secret, true);
                }
                Request::Status(_) | Request::Finalizers(_) | Request::Delete(_) if self.rng.u8(0..4) > 0 => {
                    self.requests.insert((at, ticket), UnderWay { reader: None, ..lost });
                }
                _ => {}
            }
        }
    }

    /// Time goes on for the cloud.
    pub fn advance(&mut self, now: Timestamp) {
        self.now = now;
        self.cloud.advance(now);
        for landed in std::mem::take(&mut self.cloud.landed) {
            self.note(|| format!("LATE {} -> {}", landed.doing, landed.said));
            self.ledger.came_late(&landed.resource);
        }
        self.ledger.look(&self.cloud);
    }

    /// Does something that has to come, come now?
    pub fn now_or_later(&mut self) -> bool {
        self.calm || self.rng.u8(0..4) == 0
    }

    /// What the watches bring now, but for the kinds whose listing is not at its end.
    pub fn news(&mut self, listing: &[ObjectKind]) -> Vec<News> {
        let Self { cluster, rng, calm, acting, .. } = self;
        cluster.news(*acting, |key| !listing.contains(&key.kind) && (*calm || rng.f64() < 0.5))
    }

    /// Everything that was ever written, to tell whether more is.
    pub fn written(&self) -> (u64, u64) {
        (self.cloud.deeds + self.cluster.secret_writes, self.status_writes)
    }

    /// Does Azure still work on something?
    pub fn works(&self) -> bool {
        self.cloud.next_end().is_some() || !self.cloud.under_way.is_empty() || self.remembers().is_some()
    }

    /// An operation that the status of an object which is not Ready still remembers, in words. One that is Ready forgets it
    /// when it is compared next, but for what it tells of decisions: until that is over, it tells nothing else.
    pub fn remembers(&self) -> Option<String> {
        let remembers = |it: &AnyObject| {
            any_object!(it, it => {
                let ready = conditions_of(it.conditions()).is_true(ConditionType::Ready);
                let told = |operation: &&Operation| operation.purpose == Purpose::TellDecisions;
                let operation = it.operation().filter(|operation| !ready || told(operation))?;
                Some(format!("{}: {}", it.key(), operation.doing))
            })
        };
        self.cluster.live.values().find_map(remembers)
    }

    /// The weather clears.
    pub fn clear_up(&mut self) {
        self.calm = true;
        self.cloud.weather = Weather { bad: 0.0 };
        self.cloud.policy = None;
        self.cloud.closed_until = self.now;
    }
}

/// What becomes of a request to an API server that cannot be reached; none where it is for somebody else.
fn out_of_reach(request: &Request) -> Option<Outcome> {
    let silence = || Refusal::Unanswered("the API server is out of reach".into());
    Some(match request {
        Request::Read(_) | Request::Send(_) | Request::Keys(..) => return None,
        Request::Status(_) | Request::Finalizers(_) | Request::Delete(_) => Outcome::Written(Err(silence())),
        Request::Secret(..) | Request::WriteSecret(_) | Request::DeleteSecret(_) => {
            Outcome::Secret(Err(silence()))
        }
        Request::ReadLease => Outcome::Record(Err(())),
        Request::WriteLease(_) => Outcome::Claimed(Written::Unanswered),
    })
}

/// Ready, in words.
pub fn told(object: &AnyObject) -> String {
    any_object!(object, it => {
        let ready = it.conditions().iter().find(|c| c.type_ == "Ready");
        ready.map_or_else(|| "none".into(), |c| format!("{} {}: {}", c.status, c.reason, c.message))
    })
}
