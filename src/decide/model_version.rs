//! A model version: registered or promoted once, kept equal on what is ours, and let go.

mod copy;
mod decisions;
mod gates;
mod gather;
mod lineage;
mod output;
mod promotion;
mod proof;
mod retirement;
mod source;
mod teardown;

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use serde_json::{Value, json};

use super::condition::{Said, say};
use super::drift::{Differences, intended, merged, owned};
use super::gate::Champions;
use super::owner_tags::{note_owner, with_owner};
use super::{
    Decision, Intent, Look, Mode, OWNER_TAG, Place, Right, Situation, SourceVersion, Verdict, first_of,
    places,
};
use crate::api::{
    ConditionType, Drift, ModelVersionSpec, ModelVersionStatus, Publishing, Reason, ServedBy,
    VersionApproval, VersionDeletion, conditions_of,
};
use crate::azure::model::resource::{Job, ModelVersion, Provisioning, Run};
use crate::azure::model::{Action, Call, Error, Purpose, Reply, ResourceId};

pub use copy::Material;
#[cfg(test)]
pub use gather::circle;
pub use lineage::wants_lineage;
pub use proof::Proof;
pub use source::{job_of, job_output, job_to_read};

/// Everything the decision needs.
#[derive(Debug, Clone)]
pub struct Facts {
    pub situation: Situation,
    pub spec: ModelVersionSpec,
    pub status: ModelVersionStatus,
    /// Where it lives.
    pub place: Place,
    /// Its ARM id: from the place or, when that is gone, from the status.
    pub id: Option<ResourceId>,
    /// Where `spec.registryRef` or `spec.workspaceRef` leads now, while the version of this object is still where `id` says.
    pub led_away: Option<ResourceId>,
    /// The id that deployments use.
    pub asset_id: Option<String>,
    /// The version that it is promoted from; only where the manifest names one.
    pub source: Option<SourceVersion>,
    /// The objects through which its sources lead back to it; empty where they do not.
    pub circle: Vec<String>,
    pub version: Look<ModelVersion>,
    /// Why the identity of the source's place does not publish into this registry.
    pub lends_nothing: Option<(Reason, String)>,
    /// It was made by the identity that publishes from its source: what nobody else owns is our copy then, also when the
    /// status does not know of it any more.
    pub copied_by_us: bool,
    /// What was read for a copy from another registry.
    pub copy: Material,
    /// Whether Azure says where the source's bytes come from; looked up when a copy is to be described.
    pub source_proof: Proof,
    /// What made it; looked up once.
    pub origin: Origin,
    /// The metrics that gates ask of its run, those that come first first.
    pub asked_metrics: Vec<String>,
    /// The deployments that hold this version, from the status of the bindings.
    pub served_by: Vec<ServedBy>,
    /// What the gates are held against that compare, by the gate's name.
    pub champions: BTreeMap<String, Champions>,
    /// The decisions about it that count somewhere.
    pub approvals: Vec<VersionApproval>,
}

/// What made a version, as Azure tells it.
#[derive(Debug, Clone, Default)]
pub struct Origin {
    /// The training job.
    pub job: Look<Job>,
    /// The MLflow run of that job.
    pub run: Look<Run>,
    /// The pipeline jobs that the job is a step of, the nearest first.
    pub pipelines: Vec<String>,
    /// The outermost of them, whose inputs are what all of it began with.
    pub pipeline: Look<Job>,
    /// Azure has answered for all of it, so that nothing of it is read again.
    pub whole: bool,
}

/// What to do next for a model version. The first question that has an answer decides.
pub fn decide(facts: &Facts) -> Decision<ModelVersionStatus> {
    let mut status = picture(facts);
    let verdict = first_of(
        facts,
        &[
            refuse_another_place, // a version stays where it was registered
            teardown::finish_deletion,
            wait_for_place, // it must exist, be ready and allow this namespace
            keep_out,       // and let this namespace publish this model
            report_unreadable,
            refuse_foreign,                   // the name is taken by something that is not ours
            follow_running_operation,         // Azure is still working: look again
            promotion::wait_for_lost_publish, // the answer was lost: the copy may still come, whatever became of its source
            promotion::wait_for_source, // only until the version is there: afterwards it stands by itself
            promotion::publish,         // a promotion into a registry: from a workspace Azure does it itself,
            copy::copy,                 // from another registry the files are copied
            refuse_absent_existing,     // it should be there already, and nothing is made
            refuse_foreign_path,        // another workspace's files are not this one's to register
            register,                   // a job's output or a path, into a workspace
            refuse_mismatch,            // what is there is another model
            report_failed_resource,
            correct,
            retirement::archive, // its time is over
            tell_decisions,      // whoever looks in Azure sees who has approved it
        ],
    )
    .unwrap_or_else(|| settle(facts));
    let running = facts.situation.operation.under_way(facts.situation.now).map(|it| it.purpose);
    let goes_on = verdict.call.as_ref().map(|call| call.errand.purpose);
    let goes_on = goes_on.or(running.filter(|_| verdict.reason == Reason::OperationRunning));
    let tells = goes_on == Some(Purpose::TellDecisions);
    let stays_ready = tells.then(|| settle(facts)).map(|settled| (settled.reason, settled.message));
    let verdict = Verdict { stays_ready, ..verdict };
    let seen = facts.version.seen().map(|seen| seen && !belongs_to_another(facts));
    let (common, mut verdict) =
        facts.situation.conclude(&facts.status.conditions, seen, &status.drift, verdict);
    if tells && verdict.call.is_none() {
        // That it does not work is told when it is tried.
        verdict.events.clear();
    }
    let common = if tells { without_work(&common) } else { common };
    status.conditions = conditions(facts, &common);
    let news = [retirement::news(&facts.status.conditions, &status.conditions), gates::news(facts, &status)]
        .concat();
    let changes = facts.retirement_changes().into_iter().chain(facts.decisions_are_known()).min();
    let next = verdict.next.at_the_latest_after(changes, facts.situation.interval);
    let intends = |call: &Call, status: &mut ModelVersionStatus| facts.intends(call, status);
    Verdict { events: [verdict.events, news].concat(), next, ..verdict }.decision(status).intending(intends)
}

impl Facts {
    /// What is stored before a call goes out.
    fn intends(&self, call: &Call, status: &mut ModelVersionStatus) {
        // A deletion finds the copy by its id, also when the registry's object is gone.
        let id = || self.id.as_ref().map(ToString::to_string);
        match call.errand.purpose {
            Purpose::Publish => (status.publishing, status.id) = (self.intent(), id()),
            Purpose::BeginCopy => (status.copying, status.id) = (copy::begun(self), id()),
            _ => {}
        }
        if matches!(call.action, Action::Put(_)) {
            status.owned_tags = intended(&status.owned_tags, &self.spec.tags);
            status.owned_properties = intended(&status.owned_properties, &self.spec.properties);
        }
    }

    /// The facts after Azure has answered a call.
    pub fn absorb(&mut self, call: &Call, answer: Result<&Reply, &Error>) {
        if call.errand.purpose == Purpose::Publish {
            let stands = Intent { since: self.situation.now }.after(answer).is_some();
            self.status.publishing = self.intent().filter(|_| stands);
        }
        if call.errand.purpose == Purpose::BeginCopy {
            self.status.copying = copy::after_begin(self, answer.map(|_| ()));
        }
        let Ok(reply) = answer else { return };
        let now = self.situation.now;
        self.status.operation = self.situation.operation.begin(call, reply, now);
        match (&call.action, reply.body.clone().map(serde_json::from_value)) {
            (Action::Put(_), Some(Ok(version))) => self.version = Look::Found(version),
            (Action::Delete, _) if reply.operation.is_none() => self.version = Look::Absent,
            _ => {}
        }
    }

    fn observing(&self) -> bool {
        self.situation.mode.observes()
    }

    /// Did Bindery ask for the copy that is there and that is to be described?
    fn has_copied(&self) -> bool {
        self.status.publishing.is_some() || self.copied_by_us
    }

    fn title(&self) -> String {
        format!("{}:{}", self.spec.model, self.spec.version)
    }

    /// What the status has to remember of a publish: its effect cannot be told from a stranger's.
    fn intent(&self) -> Option<Publishing> {
        let from = self.source_id()?.to_string();
        Some(Publishing { from, since: self.situation.now })
    }

    fn source_id(&self) -> Option<&ResourceId> {
        match &self.source {
            Some(SourceVersion::Ready { id, .. }) => Some(id),
            _ => None,
        }
    }

    fn differences(&self) -> Vec<Drift> {
        let Some(version) = self.version.found() else { return vec![] };
        let (spec, found) = (&self.spec, &version.properties);
        let mut differences = Differences::default();
        if let Some(description) = &spec.description {
            differences.field("description", description, found.description.as_deref().unwrap_or_default());
        }
        differences.keys("tags", &spec.tags, &self.status.owned_tags, &found.tags);
        if self.situation.ownership.owns(&found.tags) {
            note_owner(&mut differences, "tags", spec.owner.as_ref(), &found.tags);
        }
        differences.keys("properties", &spec.properties, &self.status.owned_properties, &found.properties);
        for flavor in &spec.flavors {
            let data = found.flavors.as_ref().and_then(|it| it.get(&flavor.name)?.get("data"));
            let data: Option<BTreeMap<&String, &Value>> =
                data.and_then(Value::as_object).map(|it| it.iter().collect());
            let found = data.map(|data| json!(data).to_string()).unwrap_or_default();
            differences.field(&format!("flavors.{}", flavor.name), &json!(flavor.data).to_string(), &found);
        }
        if let Some(stage) = &spec.stage {
            differences.field("stage", stage, found.stage.as_deref().unwrap_or_default());
        }
        // That a version is archived when its time is over is nobody's doing, and no drift; unless it is only observed.
        let retires = spec.archived != Some(true) && self.retires_into_the_archive();
        let archived = if retires { self.observing().then_some(true) } else { spec.archived };
        if let Some(archived) = archived {
            differences.field("archived", &archived.to_string(), &found.is_archived.to_string());
        }
        differences.0
    }

    /// What was found with our fields set; what is not ours goes back as it came.
    fn desired(&self, mut version: ModelVersion) -> ModelVersion {
        let (spec, lineage) = (&self.spec, lineage::of(self, &version));
        let mut marks = version.properties.tags.clone();
        if self.has_copied() && !self.situation.ownership.owns(&marks) {
            proof::mark_copy(self, &version, &mut marks);
        }
        if spec.registry_ref.is_some() && spec.source.existing.is_some() {
            proof::mark_existing(&mut marks);
        }
        let found = &mut version.properties;
        if spec.description.is_some() {
            found.description.clone_from(&spec.description);
        }
        found.tags = merged(&marks, &spec.tags, &self.status.owned_tags);
        found.tags.extend(lineage.iter().flat_map(lineage::to_tags));
        found.tags = with_owner(&found.tags, spec.owner.as_ref());
        self.tell_decisions(&mut found.tags);
        found.tags.insert(OWNER_TAG.into(), self.situation.ownership.owner.to_string());
        found.properties = merged(&found.properties, &spec.properties, &self.status.owned_properties);
        for flavor in &spec.flavors {
            let flavors = found.flavors.get_or_insert_default();
            flavors.entry(&flavor.name).or_insert_with(|| json!({}))["data"] = json!(flavor.data);
        }
        if spec.stage.is_some() {
            found.stage.clone_from(&spec.stage);
        }
        found.is_archived = self.retires_into_the_archive() || spec.archived.unwrap_or(found.is_archived);
        version
    }

    fn put(
        &self,
        reason: Reason,
        purpose: Purpose,
        doing: String,
        version: &ModelVersion,
    ) -> Option<Verdict> {
        let resource = self.id.clone()?;
        Some(Verdict::call(reason, Call::new(purpose, resource, Action::Put(version.to_put()), doing)))
    }
}

/// What is another's is the other's to report. Whose it is only its tag says: until that is read, what is remembered stays.
fn belongs_to_another(facts: &Facts) -> bool {
    let tags = facts.version.found().map(|v| &v.properties.tags);
    let not_ours = || refuse_foreign(facts).is_some() || facts.situation.is_kept_out_of(tags);
    facts.version.seen().is_some() && not_ours()
}

fn tell_who_serves(status: &mut ModelVersionStatus, served_by: &[ServedBy]) {
    status.served_by = served_by.to_vec();
    let serving: Vec<String> =
        served_by.iter().map(|s| format!("{}/{} {:?}", s.namespace, s.name, s.role)).collect();
    status.serving_summary = (!serving.is_empty()).then(|| serving.join(", "));
}

fn picture(facts: &Facts) -> ModelVersionStatus {
    let mut status = facts.status.clone();
    status.observed_generation = facts.situation.generation;
    status.last_handled_reconcile.clone_from(&facts.situation.asks);
    status.operation = facts.situation.operation.under_way(facts.situation.now).cloned();
    status.publishing = promotion::publishing(facts);
    status.copying = copy::copying(facts);
    if belongs_to_another(facts) {
        (status.id, status.asset_id, status.stage, status.created_at) = (None, None, None, None);
        (status.kind, status.lineage, status.serving_summary, status.archived) = (None, None, None, false);
        (status.traced_at, status.size) = (None, None);
        (status.approvals, status.drift) = (vec![], vec![]);
        (status.gates, status.gates_summary, status.loosened_gates) = (vec![], None, vec![]);
        // What is nobody's has no other object that would tell who serves it.
        let nobodys = refuse_foreign(facts).is_some_and(|it| it.reason == Reason::AdoptionRefused);
        let let_in = facts.situation.ownership.right == Right::Granted;
        tell_who_serves(&mut status, if nobodys && let_in { &facts.served_by } else { &[] });
        return status;
    }
    // What serves is told of a version that this object was let near once.
    if facts.version.seen().is_some() || status.asset_id.is_some() {
        tell_who_serves(&mut status, &facts.served_by);
        status.approvals.clone_from(&facts.approvals);
    }
    if let Some(version) = facts.version.found() {
        status.id = facts.id.as_ref().map(ToString::to_string);
        status.asset_id.clone_from(&facts.asset_id);
        status.stage.clone_from(&version.properties.stage);
        status.archived = version.properties.is_archived;
        status.created_at = version.created();
        status.kind = source::type_of(version);
        status.lineage = lineage::of(facts, version);
        status.traced_at = lineage::traced_at(facts);
        status.size = copy::size(facts).or(facts.status.size);
        status.drift =
            if facts.situation.stood(&facts.status.conditions) { facts.differences() } else { vec![] };
        // While Azure works, nobody knows which keys there will be.
        let settled = status.operation.is_none() && version.provisioning() != Provisioning::Running;
        if settled && facts.situation.ownership.owns(&version.properties.tags) {
            let found = &version.properties;
            status.owned_tags = owned(&status.owned_tags, &facts.spec.tags, &found.tags);
            status.owned_properties =
                owned(&status.owned_properties, &facts.spec.properties, &found.properties);
        }
        gates::measure(facts, &mut status);
    } else if facts.version.is_absent() {
        (status.asset_id, status.traced_at, status.size) = (None, None, None);
        (status.gates, status.gates_summary, status.loosened_gates) = (vec![], None, vec![]);
        (status.stage, status.kind, status.created_at, status.archived) = (None, None, None, false);
        status.drift = vec![];
    }
    status
}

/// The conditions of every kind, and whether Azure has the version, whatever else goes on.
fn conditions(facts: &Facts, common: &[Condition]) -> Vec<Condition> {
    let mut all = conditions_of(common);
    let Situation { generation, now, .. } = facts.situation;
    say(&mut all, [(ConditionType::Registered, registered(facts))], generation, now);
    say(&mut all, retirement::said(facts), generation, now);
    all.into_vec()
}

/// Azure has the version.
fn registered(facts: &Facts) -> Said {
    let title = facts.title();
    match &facts.version {
        _ if belongs_to_another(facts) => Said::Absent,
        Look::Found(_) => Said::Holds(true, Reason::Succeeded, format!("Azure has {title}.")),
        Look::Absent => Said::Holds(false, Reason::NotInAzure, format!("Azure does not have {title}.")),
        Look::Unseen => Said::AsBefore,
    }
}

fn refuse_another_place(facts: &Facts) -> Option<Verdict> {
    let deleting = facts.situation.deleting;
    let lets_go = deleting && facts.spec.deletion_policy == VersionDeletion::Retain;
    let (led_away, id) = (facts.led_away.as_ref().filter(|_| !lets_go)?, facts.id.as_ref()?);
    let field = if facts.spec.registry_ref.is_some() { "spec.registryRef" } else { "spec.workspaceRef" };
    let means = led_away.parent().parent().parent().parent();
    Some(places::refuse_another_place(field, &means, "version", "ModelVersion", id, deleting))
}

fn wait_for_place(facts: &Facts) -> Option<Verdict> {
    keep_out_of_place(facts).or_else(|| facts.place.wait_until_ready(facts.situation.deleting))
}

fn keep_out_of_place(facts: &Facts) -> Option<Verdict> {
    let made = facts.id.is_some() && facts.status.id.as_deref().map(ResourceId::new) == facts.id;
    facts.situation.keep_out_of(&facts.place, made, ("version", &facts.title()))
}

fn keep_out(facts: &Facts) -> Option<Verdict> {
    facts.situation.keep_out(&format!("version {}", facts.title()))
}

fn report_unreadable(facts: &Facts) -> Option<Verdict> {
    facts.situation.report_unreadable(&facts.status.conditions)
}

fn refuse_foreign(facts: &Facts) -> Option<Verdict> {
    let tags = facts.version.found().map(|v| &v.properties.tags);
    // Until a copy is described, only the intent says that it is ours.
    if tags.is_some_and(|tags| promotion::is_our_copy(facts, tags)) {
        return None;
    }
    let advice =
        "Delete one of the two objects, register under another version, or set spec.management to Observe";
    facts.situation.leave_alone((facts.id.as_ref(), tags), &facts.title(), advice)
}

fn follow_running_operation(facts: &Facts) -> Option<Verdict> {
    let Situation { operation, now, .. } = &facts.situation;
    let running = operation.under_way(*now);
    let unfinished = facts.version.found().is_some_and(|v| v.provisioning() == Provisioning::Running);
    if running.is_none() && !unfinished {
        return None;
    }
    let doing = running.map_or("a change of the version", |o| o.doing.as_str());
    Some(Verdict::wait(
        Reason::OperationRunning,
        format!("Azure works on it: {doing}."),
        facts.situation.look_again(operation.since()),
    ))
}

fn refuse_absent_existing(facts: &Facts) -> Option<Verdict> {
    let source = &facts.spec.source;
    (source.existing.is_some() && facts.version.is_absent()).then(|| {
        Verdict::stalled(
            Reason::NotInAzure,
            format!(
                "Azure does not have {}, and spec.source.existing says that it is there already. Check the place, model and version; or make a new ModelVersion that says where the model comes from.",
                facts.title()
            ),
        )
    })
}

fn refuse_foreign_path(facts: &Facts) -> Option<Verdict> {
    let elsewhere = source::leads_elsewhere(&facts.spec, facts.id.as_ref()?);
    (elsewhere && facts.version.is_absent()).then(|| {
        Verdict::stalled(
            Reason::AssetMismatch,
            "spec.source.uri leads into another workspace than the version's own, or has another form than azureml://datastores/<datastore>/paths/<path>, azureml://jobs/<job>/outputs/<output> or the long form of one of them in this workspace. Copy the files into a datastore of this workspace, and name them in a new ModelVersion.",
        )
    })
}

fn register(facts: &Facts) -> Option<Verdict> {
    if !facts.version.is_absent() {
        return None;
    }
    if facts.observing() {
        return Some(Verdict::stalled(
            Reason::NotInAzure,
            format!(
                "Azure does not have {}, and Bindery makes none: {}. Check model and version, or let Bindery manage it.",
                facts.title(),
                facts.situation.why_observed()
            ),
        ));
    }
    let new = facts.desired(source::new_version(&facts.spec)?);
    facts.put(Reason::Registering, Purpose::Register, format!("register {}", facts.title()), &new)
}

fn refuse_mismatch(facts: &Facts) -> Option<Verdict> {
    let version = facts.version.found()?;
    let found = source::mismatch(&facts.spec, version, facts.id.as_ref()?);
    let found = found.or_else(|| {
        let from = lineage::not_copied_from(facts, version)?;
        Some(format!(
            "nothing in Azure shows that it was copied from {from}. A version cannot be changed: promote the model under the next version; or, to look after what is there, use source: {{existing: {{}}}} in a new ModelVersion."
        ))
    })?;
    Some(Verdict::stalled(Reason::AssetMismatch, format!("{} exists in Azure, but {found}", facts.title())))
}

fn report_failed_resource(facts: &Facts) -> Option<Verdict> {
    let version = facts.version.found()?;
    matches!(version.provisioning(), Provisioning::Failed | Provisioning::Canceled).then(|| {
        let state = version.properties.provisioning_state.as_deref().unwrap_or_default();
        Verdict::stalled(
            Reason::ResourceFailed,
            format!(
                "Azure has {} in state {state}. Register the model under the next version.",
                facts.title()
            ),
        )
    })
}

fn correct(facts: &Facts) -> Option<Verdict> {
    let version = facts.version.found()?;
    let differences = facts.differences();
    let adopting = !facts.situation.ownership.owns(&version.properties.tags);
    if differences.is_empty() && (!adopting || facts.observing()) {
        return None;
    }
    if let Some(theirs) =
        facts.situation.only_looks_at(&version.properties.tags, &facts.title(), &differences)
    {
        return Some(theirs);
    }
    let fields: Vec<&str> = differences.iter().map(|d| d.field.as_str()).collect();
    let drifted = facts.situation.stood(&facts.status.conditions) && !differences.is_empty();
    let copied = facts.has_copied();
    let (title, fields_in_words) = (facts.title(), fields.join(", "));
    let (purpose, doing) = match (adopting, drifted) {
        (true, _) if copied => (Purpose::Describe, format!("describe the published {title}")),
        (true, _) => (Purpose::TakeOver, format!("take over {title}, which exists")),
        (false, true) => (Purpose::PutBack, format!("put back {fields_in_words} of {title}")),
        (false, false) => (Purpose::Update, format!("change {fields_in_words} of {title}")),
    };
    let reason = if drifted { Reason::Drifted } else { Reason::Updating };
    let put = facts.put(reason, purpose, doing, &facts.desired(version.clone()))?;
    let mut verdict = put.mending(differences.clone());
    if drifted && !facts.observing() {
        verdict = verdict.remarking(true, "");
    }
    Some(verdict)
}

/// The decisions as tags. That is for those who look in Azure, and nothing waits for it: the version stays Ready, also where Azure
/// takes no such tags.
fn tell_decisions(facts: &Facts) -> Option<Verdict> {
    let version = facts.version.found()?;
    let owned = facts.situation.ownership.owns(&version.properties.tags);
    if !owned || facts.situation.mode != Mode::Act || !facts.tells_other_decisions() {
        return None;
    }
    let doing = format!("write on {} who has decided about it", facts.title());
    let put = facts.put(Reason::Updating, Purpose::TellDecisions, doing, &facts.desired(version.clone()))?;
    // Another decision is another change, also while Azure has not told of the last one.
    Some(put.mending(facts.untold_decisions()))
}

/// The conditions without those that say that work goes on, or that somebody has to help.
fn without_work(conditions: &[Condition]) -> Vec<Condition> {
    let mut all = conditions_of(conditions);
    all.remove(ConditionType::Reconciling);
    all.remove(ConditionType::Stalled);
    all.into_vec()
}

fn settle(facts: &Facts) -> Verdict {
    let place = facts.id.as_ref().map_or_else(String::new, |id| {
        id.segment("registries")
            .map(|r| format!("registry {r}"))
            .or_else(|| id.segment("workspaces").map(|w| format!("workspace {w}")))
            .unwrap_or_default()
    });
    let reason = if facts.observing() { Reason::Observed } else { Reason::Succeeded };
    Verdict::settled(reason, format!("{} is registered in {place}.", facts.title()))
}

#[cfg(test)]
mod tests;
