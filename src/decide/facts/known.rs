//! What a pass has read so far, and what its facts still want to know.
//!
//! Facts are gathered by pure functions that look things up here. What has not been read yet is noted as wanted, and the
//! function goes on with as little as it has. The shell reads what is wanted, and the function runs again, until nothing
//! is wanted any more: then the facts are whole.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use jiff::Timestamp;
use serde::de::DeserializeOwned;

use super::Rivals;
use crate::api::{AnyObject, Credentials, Object, ObjectKey, ObjectKind};
use crate::azure::model::resource::{Job, Run};
use crate::azure::model::{
    Answer, Ask, Block, Class, Errand, Error, File, Lane, OperationState, Principal, Purpose, Read,
    ResourceId, Uploaded, folded,
};
use crate::decide::Look;
use crate::decide::Served;
use crate::measure::model::{Answer as Measured, Query, Question};

/// One read of the cluster, from what the watches have seen.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ClusterRead {
    /// One object.
    Object(ObjectKey),
    /// One object, as the owner of a resource: how it goes does not matter.
    Owner(ObjectKey),
    /// The objects of a kind that name a place.
    Naming(ObjectKind, Name),
    /// The objects of a kind that name a resource or a model, as far as they can matter.
    Rivals(ObjectKind, Name, Rivals),
    /// A namespace.
    Namespace(Box<str>),
    /// Whether this process has let an object go that was deleted.
    LetGo(ObjectKey),
}

/// Something that objects name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Name {
    /// A resource in Azure, by the kind of its place and its path below it, [`folded`]: what differs in it is another
    /// resource, and what does not may still be in another place.
    Resource(String),
    /// A model in Azure by the id that deployments use, [`folded`].
    Asset(String),
    /// A place, by its own object, that an object refers to.
    Place(ObjectKey),
    /// A model in Azure by its id, [`folded`], and the Workspace of the binding in which it is or was the stable one.
    Served(String, ObjectKey),
    /// A version, by what [`Name::Resource`] says of it, whose object ends its use: by its retirement, or by having it archived.
    Ending(String),
    /// A namespace whose Approvals count.
    Approvers(Box<str>),
    /// A model in Azure by its id in small letters, of which an Approval was found to count: a rejection counts in whatever case the
    /// name of the model is written.
    Decided(String),
    /// What somebody in a namespace decides of a model in Azure: its id in small letters, and the namespace. What others write costs
    /// nobody who does not ask them.
    Decision(String, Box<str>),
    /// A DeploymentBinding, by its own object, that a RolloutAction speaks to.
    Actions(ObjectKey),
    /// A version, by its own object, that another one is promoted from.
    Source(ObjectKey),
    /// The gates of places: every Workspace that defines some.
    Gates,
}

impl Name {
    /// A resource in Azure.
    pub fn resource(path: &str) -> Self {
        Self::Resource(folded(path))
    }

    /// A version that its object takes out of use.
    pub fn ending(path: &str) -> Self {
        Self::Ending(folded(path))
    }

    /// What a namespace decides of a model.
    pub fn decision(asset: &str, namespace: &str) -> Self {
        Self::Decision(asset.to_lowercase(), namespace.into())
    }

    /// A model that is or was the stable one of a binding in this Workspace.
    pub fn served(asset: &str, workspace: &ObjectKey) -> Self {
        Self::Served(folded(asset), workspace.clone())
    }

    /// A model of which an Approval counts.
    pub fn decided(asset: &str) -> Self {
        Self::Decided(asset.to_lowercase())
    }

    /// A model by its asset id.
    pub fn asset(id: &str) -> Self {
        Self::Asset(folded(id))
    }
}

/// What a [`ClusterRead`] found.
#[derive(Debug, Clone)]
pub enum Found {
    /// The object, where there is one.
    Object(Option<AnyObject>),
    /// The objects.
    Naming(Vec<AnyObject>),
    /// The namespace; without labels where nobody has seen it.
    Namespace(Namespace),
    /// Whether this process has let the object go.
    LetGo(bool),
    /// The operator does not watch the namespace, or reads no labels: nobody can say.
    NotWatched,
    /// The object is there, and cannot be read.
    Unreadable,
}

/// What is asked about a namespace.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Namespace {
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// It is being deleted.
    pub ends: bool,
}

/// What is known so far, and what is wanted.
#[derive(Debug)]
pub struct Known {
    lane: Lane,
    leaving: bool,
    principal: Principal,
    served: Served,
    cluster: HashMap<ClusterRead, Found>,
    azure: HashMap<Read, Answer>,
    measured: HashMap<Due, Option<Measured>>,
    wanted_of_cluster: BTreeSet<ClusterRead>,
    wanted_of_azure: BTreeSet<Read>,
    wanted_to_measure: BTreeSet<Due>,
    foreseen: BTreeSet<Due>,
}

/// A measurement that is due.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Due {
    /// Since when, or from when on. The same question at another time is another measurement.
    pub since: Timestamp,
    /// What is asked.
    pub query: Query,
}

impl Due {
    fn new(principal: &Principal, since: Timestamp, what: Question) -> Self {
        let errand = Errand {
            principal: principal.clone(),
            leaving: false,
            // However the object is doing meanwhile: the same question stays the same.
            lane: Lane::Rollout,
            purpose: Purpose::Measure,
        };
        Self { since, query: Query { errand, what } }
    }
}

/// What is still to be read.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Of the cluster: from memory, at no cost.
    pub cluster: BTreeSet<ClusterRead>,
    /// Of Azure. Empty as long as something of the cluster is wanted: whom to ask in Azure depends on it.
    pub azure: BTreeSet<Read>,
    /// Of whoever measures: nobody waits for these answers. Empty as long as something else is wanted.
    pub measured: BTreeSet<Due>,
    /// What will have to be measured, as it seems now: nothing of it has to be known yet.
    pub foreseen: BTreeSet<Due>,
}

impl Known {
    /// Nothing is known. Reads of Azure will be as urgent as this; `leaving`: for an object that goes.
    pub fn nothing(lane: Lane, leaving: bool, served: Served) -> Self {
        Self {
            lane,
            leaving,
            principal: Principal::Operator,
            served,
            cluster: HashMap::new(),
            azure: HashMap::new(),
            measured: HashMap::new(),
            wanted_of_cluster: BTreeSet::new(),
            wanted_of_azure: BTreeSet::new(),
            wanted_to_measure: BTreeSet::new(),
            foreseen: BTreeSet::new(),
        }
    }

    /// As whom Bindery acts in a place: [`Served::acting`].
    ///
    /// # Errors
    ///
    /// Nobody acts there.
    pub fn acting(
        &self,
        namespace: &str,
        credentials: Option<&Credentials>,
        place: &ResourceId,
    ) -> Result<Principal, String> {
        self.served.acting(namespace, credentials, place)
    }

    /// From here on, Azure is read as this one.
    pub fn read_as(&mut self, principal: Principal) {
        self.principal = principal;
    }

    /// Takes what is still wanted; empty when the facts are whole.
    pub fn wants(&mut self) -> Wanted {
        let (cluster, azure) =
            (std::mem::take(&mut self.wanted_of_cluster), std::mem::take(&mut self.wanted_of_azure));
        let azure = if cluster.is_empty() { azure } else { BTreeSet::new() };
        let measured = std::mem::take(&mut self.wanted_to_measure);
        let measured = if cluster.is_empty() && azure.is_empty() { measured } else { BTreeSet::new() };
        Wanted { cluster, azure, measured, foreseen: std::mem::take(&mut self.foreseen) }
    }

    /// Takes in what a read of the cluster found.
    pub fn take_in_cluster(&mut self, read: ClusterRead, found: Found) {
        self.cluster.insert(read, found);
    }

    /// Takes in what Azure answered.
    pub fn take_in_azure(&mut self, read: Read, answer: Answer) {
        self.azure.insert(read, answer);
    }

    /// Takes in what was measured; none where the answer is not there yet.
    pub fn take_in_measured(&mut self, due: Due, answer: Option<Measured>) {
        self.measured.insert(due, answer);
    }

    /// What came of a measurement; none while the answer is not there.
    pub fn measured(&mut self, principal: &Principal, since: Timestamp, what: Question) -> Option<&Measured> {
        let due = Due::new(principal, since, what);
        if !self.measured.contains_key(&due) {
            self.wanted_to_measure.insert(due);
            return None;
        }
        self.measured.get(&due)?.as_ref()
    }

    /// This will be asked from then on: whoever measures need not wait for a pass.
    pub fn foresee(&mut self, principal: &Principal, since: Timestamp, what: Question) {
        self.foreseen.insert(Due::new(principal, since, what));
    }

    /// Everything of the cluster that the facts rest on.
    pub fn rests_on(&self) -> impl Iterator<Item = &ClusterRead> {
        self.cluster.keys()
    }

    fn of_cluster(&mut self, read: ClusterRead) -> Option<&Found> {
        if !self.cluster.contains_key(&read) {
            self.wanted_of_cluster.insert(read);
            return None;
        }
        self.cluster.get(&read)
    }

    fn errand(&self, purpose: Purpose) -> Errand {
        Errand { principal: self.principal.clone(), leaving: self.leaving, lane: self.lane, purpose }
    }

    fn of_azure(&mut self, purpose: Purpose, what: Ask) -> Option<&Answer> {
        self.answer(Read { errand: self.errand(purpose), what })
    }

    fn answer(&mut self, read: Read) -> Option<&Answer> {
        if !self.azure.contains_key(&read) {
            self.wanted_of_azure.insert(read);
            return None;
        }
        self.azure.get(&read)
    }

    /// An object of the cluster; none where there is none, or it has not been read yet.
    pub fn object<K: Object>(&mut self, key: ObjectKey) -> Option<Arc<K>> {
        match self.of_cluster(ClusterRead::Object(key))? {
            Found::Object(object) => object.as_ref().and_then(K::from_any).cloned(),
            _ => None,
        }
    }

    /// An object that a tag names as the owner of a resource: who asks is not woken by how it goes.
    pub fn owner<K: Object>(&mut self, key: ObjectKey) -> Option<Arc<K>> {
        match self.of_cluster(ClusterRead::Owner(key))? {
            Found::Object(object) => object.as_ref().and_then(K::from_any).cloned(),
            _ => None,
        }
    }

    /// The objects of a kind that name this place.
    pub fn naming<K: Object>(&mut self, name: Name) -> Vec<Arc<K>> {
        self.all_of(ClusterRead::Naming(K::KIND, name))
    }

    /// The objects of a kind that name this resource or model, as far as they can matter.
    pub fn rivals<K: Object>(&mut self, name: Name, which: Rivals) -> Vec<Arc<K>> {
        self.all_of(ClusterRead::Rivals(K::KIND, name, which))
    }

    fn all_of<K: Object>(&mut self, read: ClusterRead) -> Vec<Arc<K>> {
        match self.of_cluster(read) {
            Some(Found::Naming(objects)) => objects.iter().filter_map(K::from_any).cloned().collect(),
            _ => vec![],
        }
    }

    /// A namespace.
    pub fn namespace(&mut self, name: &str) -> Namespace {
        match self.of_cluster(ClusterRead::Namespace(name.into())) {
            Some(Found::Namespace(namespace)) => namespace.clone(),
            _ => Namespace::default(),
        }
    }

    /// Has this process let the object go, at its deletion?
    pub fn let_go(&mut self, key: ObjectKey) -> bool {
        matches!(self.of_cluster(ClusterRead::LetGo(key)), Some(Found::LetGo(true)))
    }

    /// Was this asked, and is it beyond what the operator watches?
    pub fn is_unwatched(&self, read: &ClusterRead) -> bool {
        matches!(self.cluster.get(read), Some(Found::NotWatched))
    }

    /// Was this object asked for as an owner, and is it there without anybody being able to read it?
    pub fn is_unreadable(&self, key: &ObjectKey) -> bool {
        matches!(self.cluster.get(&ClusterRead::Owner(key.clone())), Some(Found::Unreadable))
    }

    /// Is nothing wanted that is not known yet?
    pub fn is_whole(&self) -> bool {
        self.wanted_of_cluster.is_empty()
            && self.wanted_of_azure.is_empty()
            && self.wanted_to_measure.is_empty()
    }

    /// A resource of Azure, or `None` inside where a GET says that it is not there. `None` outside: not read yet.
    pub fn resource<T: DeserializeOwned>(
        &mut self,
        purpose: Purpose,
        id: &ResourceId,
    ) -> Option<Result<Option<T>, Error>> {
        match self.of_azure(purpose, Ask::Resource(id.clone()))? {
            Answer::Resource(Ok(Some(body))) => Some(T::deserialize(body).map(Some).map_err(|e| odd(id, &e))),
            Answer::Resource(Ok(None)) => Some(Ok(None)),
            Answer::Resource(Err(error)) => Some(Err(error.clone())),
            _ => None,
        }
    }

    /// This resource is wanted, whatever comes of it.
    pub fn look_at(&mut self, purpose: Purpose, id: &ResourceId) {
        self.of_azure(purpose, Ask::Resource(id.clone()));
    }

    /// Was this resource wanted, and read?
    pub fn was_looked_at(&self, purpose: Purpose, id: &ResourceId) -> bool {
        self.azure.contains_key(&Read { errand: self.errand(purpose), what: Ask::Resource(id.clone()) })
    }

    /// The same, read as somebody else: whoever acts in the place that the resource is in.
    pub fn resource_as<T: DeserializeOwned>(
        &mut self,
        principal: &Principal,
        purpose: Purpose,
        id: &ResourceId,
    ) -> Option<Result<Option<T>, Error>> {
        let before = std::mem::replace(&mut self.principal, principal.clone());
        let found = self.resource(purpose, id);
        self.principal = before;
        found
    }

    /// A collection of Azure. `None`: not read yet.
    pub fn collection<T: DeserializeOwned>(
        &mut self,
        purpose: Purpose,
        path: &ResourceId,
        archived: bool,
    ) -> Option<Result<Vec<T>, Error>> {
        self.items(purpose, path, Ask::Collection { path: path.clone(), archived })
    }

    /// The first page of a collection of Azure that has any items, archived ones too: whether there are any. `None`: not
    /// read yet.
    pub fn beginning<T: DeserializeOwned>(
        &mut self,
        purpose: Purpose,
        path: &ResourceId,
    ) -> Option<Result<Vec<T>, Error>> {
        self.items(purpose, path, Ask::Beginning { path: path.clone() })
    }

    /// The batch jobs of a workspace: those of a deployment, by the names of its endpoint and itself, or the newest of all. `None`:
    /// not read yet.
    pub fn batch_jobs(
        &mut self,
        workspace: &ResourceId,
        of: Option<(&str, &str)>,
    ) -> Option<Result<Vec<Job>, Error>> {
        let path = ResourceId::new(format!("{workspace}/jobs"));
        let of = of.map(|(endpoint, deployment)| (endpoint.to_string(), deployment.to_string()));
        self.items(Purpose::Compare, &path, Ask::BatchJobs { path: path.clone(), of })
    }

    fn items<T: DeserializeOwned>(
        &mut self,
        purpose: Purpose,
        path: &ResourceId,
        what: Ask,
    ) -> Option<Result<Vec<T>, Error>> {
        match self.of_azure(purpose, what)? {
            Answer::Collection(Ok(items)) => {
                let items = items.iter().map(|item| T::deserialize(item).map_err(|e| odd(path, &e)));
                Some(items.collect())
            }
            Answer::Collection(Err(error)) => Some(Err(error.clone())),
            _ => None,
        }
    }

    /// Where a running change stands, as whoever began it asks. `None`: not asked yet, or no answer came.
    pub fn operation(
        &mut self,
        begun_by: &Principal,
        url: &str,
        resource: &ResourceId,
    ) -> Option<OperationState> {
        let what = Ask::Operation { url: url.to_string(), resource: resource.clone() };
        let errand = Errand { principal: begun_by.clone(), ..self.errand(Purpose::FollowOperation) };
        match self.answer(Read { errand, what })? {
            Answer::Operation(state) => state.clone().ok(),
            _ => None,
        }
    }

    /// The files of a version in a registry, read as whoever acts there. `None`: not read yet.
    pub fn files(
        &mut self,
        principal: &Principal,
        version: &ResourceId,
        uri: &str,
    ) -> Option<Result<Vec<File>, Error>> {
        let what = Ask::Files { version: version.clone(), uri: uri.to_string() };
        let errand = Errand { principal: principal.clone(), ..self.errand(Purpose::Copy) };
        match self.answer(Read { errand, what })? {
            Answer::Files(files) => Some(files.clone()),
            _ => None,
        }
    }

    /// What has arrived of an upload into a registry. `None`: not read yet.
    pub fn uploaded(&mut self, version: &ResourceId, upload: &str) -> Option<Result<Uploaded, Error>> {
        let what = Ask::Uploaded { version: version.clone(), upload: upload.to_string() };
        match self.of_azure(Purpose::Copy, what)? {
            Answer::Uploaded(uploaded) => Some(uploaded.clone()),
            _ => None,
        }
    }

    /// The blocks that have arrived of a file of an upload that is not complete. `None`: not read yet.
    pub fn blocks(
        &mut self,
        version: &ResourceId,
        upload: &str,
        file: &str,
    ) -> Option<Result<Vec<Block>, Error>> {
        let what =
            Ask::Blocks { version: version.clone(), upload: upload.to_string(), file: file.to_string() };
        match self.of_azure(Purpose::Copy, what)? {
            Answer::Blocks(blocks) => Some(blocks.clone()),
            _ => None,
        }
    }

    /// By what names Azure may know somebody who acts for us; none of them while nobody can say.
    pub fn names_of(&mut self, principal: &Principal) -> Vec<String> {
        let errand = Errand { principal: principal.clone(), ..self.errand(Purpose::Compare) };
        match self.answer(Read { errand, what: Ask::Names }) {
            Some(Answer::Names(names)) => names.clone().unwrap_or_default(),
            _ => vec![],
        }
    }

    /// The run of a job; none where there is none, it could not be read, or it has not been read yet.
    pub fn run(&mut self, tracking_uri: &str, workspace: &ResourceId, job: &str) -> Look<Run> {
        let what = Ask::Run {
            tracking_uri: tracking_uri.to_string(),
            workspace: workspace.clone(),
            job: job.to_string(),
        };
        match self.of_azure(Purpose::TraceLineage, what) {
            Some(Answer::Run(Ok(Some(run)))) => Look::Found(run.clone()),
            Some(Answer::Run(Ok(None))) => Look::Absent,
            _ => Look::Unseen,
        }
    }
}

/// What came back has another form than the contract says. It may be another one next time.
fn odd(id: &ResourceId, error: &serde_json::Error) -> Error {
    Error::new(Class::Transient, format!("Azure's answer for {id} has an unexpected form: {error}"))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn id() -> ResourceId {
        ResourceId::new("/subscriptions/s/x")
    }

    #[test]
    fn what_is_not_known_is_wanted_once_and_the_cluster_comes_first() {
        let mut known = Known::nothing(Lane::Edit, false, Served::everything());
        for _ in 0..2 {
            assert!(known.namespace("fares").labels.is_empty());
            assert_eq!(known.resource::<Value>(Purpose::Compare, &id()), None);
        }
        let cluster = BTreeSet::from([ClusterRead::Namespace("fares".into())]);
        assert_eq!(known.wants(), Wanted { cluster: cluster.clone(), ..Wanted::default() });
        known.take_in_cluster(
            ClusterRead::Namespace("fares".into()),
            Found::Namespace(Namespace { labels: [("a".into(), "b".into())].into(), ends: false }),
        );
        assert_eq!(known.namespace("fares").labels.len(), 1);
        assert_eq!(known.resource::<Value>(Purpose::Compare, &id()), None);
        let errand = Errand {
            principal: Principal::Operator,
            leaving: false,
            lane: Lane::Edit,
            purpose: Purpose::Compare,
        };
        let read = Read { errand, what: Ask::Resource(id()) };
        assert_eq!(known.wants(), Wanted { azure: BTreeSet::from([read.clone()]), ..Wanted::default() });
        known.take_in_azure(read, Answer::Resource(Ok(Some(json!("x")))));
        assert_eq!(known.resource::<Value>(Purpose::Compare, &id()), Some(Ok(Some(json!("x")))));
        assert_eq!(known.wants(), Wanted::default());
        // What is there in another form than it should be is no absence.
        let odd = known.resource::<u32>(Purpose::Compare, &id());
        assert_eq!(odd.and_then(Result::err).map(|e| e.class), Some(Class::Transient));
    }

    /// A measurement can be asked of a person's service, and only what is known says which one is due.
    #[test]
    fn nothing_is_measured_before_everything_else_is_known() {
        let namespace = || ClusterRead::Namespace("fares".into());
        let asked = |cluster: bool, azure: bool| {
            let mut known = Known::nothing(Lane::Edit, false, Served::everything());
            if cluster {
                known.namespace("fares");
            }
            if azure {
                known.resource::<Value>(Purpose::Compare, &id());
            }
            let question = Question::Expression("true".into());
            known.measured(&Principal::Operator, Timestamp::UNIX_EPOCH, question);
            assert!(!known.is_whole());
            let wanted = known.wants();
            assert!(known.is_whole(), "what was taken is wanted no more");
            (wanted.cluster.contains(&namespace()), wanted.azure.len(), wanted.measured.len())
        };
        assert_eq!(asked(false, false), (false, 0, 1));
        assert_eq!(asked(false, true), (false, 1, 0));
        assert_eq!(asked(true, false), (true, 0, 0));
        assert_eq!(asked(true, true), (true, 0, 0));
    }
}
