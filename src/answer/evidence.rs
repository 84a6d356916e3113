//! What a release ticket wants to know of an endpoint: what serves, since when, why it may, how it was measured, what it
//! replaced, and how to go back.

mod counted;
mod page;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use super::names::{Name, place_of};
use super::rollout::revision_of;
use super::seen::{Readiness, Seen, condition};
use crate::api::{
    self, Approval, ApprovalDecision, Code, ConditionType, Dataset, DeploymentBinding, EvidenceDocument,
    LoosenedGate, MeasuredGate, ModelVersion, Object, ObjectKey, Outcome, PastRollout, Retirement, Role,
    ServingKind, VersionOwner, WindowStatus, Workspace,
};
use crate::azure::model::folded;
use crate::azure::model::resource::EndpointKind;
use crate::decide::rollout::{is_proven, was_rolled_back};

pub use page::document;

/// What was read for an answer.
#[derive(Debug, Clone)]
pub struct Picture {
    /// The binding.
    pub binding: DeploymentBinding,
    /// Its workspace.
    pub workspace: Seen<Workspace>,
    /// The versions of its model, as far as they could be listed.
    pub versions: Vec<ModelVersion>,
    /// The Approvals of the namespaces that the workspace's policy names, as far as they could be listed.
    pub approvals: Vec<Approval>,
    /// The namespaces whose Approvals could be listed.
    pub listed: BTreeSet<String>,
    /// What could not be read, in a sentence each.
    pub not_read: Vec<String>,
    /// When it was read.
    pub now: Timestamp,
}

/// Is this a version that an answer about this binding may speak of: what a deployment of its endpoint holds, or another version of
/// the same model?
pub fn concerns(binding: &DeploymentBinding, version: &ModelVersion) -> bool {
    if named(binding) == version.key() {
        return true;
    }
    let Some(status) = &binding.status else { return false };
    let assets = status.deployments.iter().filter_map(|it| it.asset_id.as_deref());
    let models = assets.filter_map(|asset| folded(asset).split_once("/versions/").map(|it| it.0.to_string()));
    let own = version.status.as_ref().and_then(|status| status.asset_id.as_deref()).map(folded);
    let own = own.as_deref().and_then(|asset| asset.split_once("/versions/"));
    own.is_some_and(|(own, _)| models.into_iter().any(|model| model == own))
}

/// The version that the manifest names.
fn named(binding: &DeploymentBinding) -> ObjectKey {
    ObjectKey::meant::<ModelVersion>(&binding.spec.model.version_ref, &binding.home())
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Evidence {
    kind: &'static str,
    /// When it was read from the cluster.
    taken_at: Timestamp,
    binding: Name,
    workspace: Name,
    /// The tier of the workspace, where it could be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    tier: Option<String>,
    endpoint: String,
    /// The kind of the endpoint, where it is not online.
    #[serde(skip_serializing_if = "ServingKind::is_online")]
    serving: ServingKind,
    #[serde(skip_serializing_if = "Option::is_none")]
    scoring_uri: Option<String>,
    /// The version that the manifest names.
    manifest: Name,
    ready: Readiness,
    /// Whether rollouts may go on, where there are windows.
    #[serde(skip_serializing_if = "Option::is_none")]
    window: Option<WindowStatus>,
    /// What is on the endpoint, by share of the traffic.
    deployments: Vec<Deployment>,
    #[serde(skip_serializing_if = "Option::is_none")]
    admission: Option<Admission>,
    /// Of the versions that have traffic, those with the most first; then of what is to get some.
    training: Vec<Training>,
    /// The rollouts that have ended, the latest first.
    history: Vec<Ended>,
    /// Nothing else is known where there is none.
    going_back: Vec<Way>,
    not_read: Vec<String>,
}

/// A deployment on the endpoint.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Deployment {
    name: String,
    role: Role,
    weight: i32,
    /// The object of the version, where it could be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<Name>,
    #[serde(skip_serializing_if = "Option::is_none")]
    asset_id: Option<String>,
    since: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    instances: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<String>,
    /// Who answers for the version, where its object could be read and says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    owner: Option<VersionOwner>,
    /// When the version goes out of use, where its object could be read and says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    retirement: Option<Retirement>,
}

/// What the condition `Admitted` says, and what the policy asks.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Admission {
    status: String,
    reason: String,
    message: String,
    since: Timestamp,
    /// Each rule of the policy, with what it asks and what was found.
    rules: Vec<api::Admission>,
    /// Who has approved what serves and what the manifest names.
    approvals: Vec<Remembered>,
    /// Every decision of those who decide for the workspace about what is on the endpoint or asked for, the latest first.
    decisions: Vec<Decision>,
    /// The workspace's policy as it is now, by field; empty where it asks for nothing, absent where the workspace could not be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    policy: Option<BTreeMap<String, String>>,
}

/// An approval that the binding remembers.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Remembered {
    #[serde(flatten)]
    approval: api::KnownApproval,
    /// What has become of it, in a few words.
    state: String,
}

/// What somebody has decided, as the Approval is written.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Decision {
    created: Timestamp,
    approval: Name,
    #[serde(rename = "decision")]
    word: ApprovalDecision,
    by: String,
    /// Whether it counts in the workspace now: `yes`, or `no` and why; empty where nobody can say.
    counts: String,
    asset_id: String,
    tiers: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<Timestamp>,
    waives: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    documents: Vec<EvidenceDocument>,
}

/// How a version was made and measured.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Training {
    version: Name,
    /// It has traffic.
    serves: bool,
    /// When the number of the version was registered again, where that was after its deployment was made: what is known of the
    /// version is not shown then, because the deployment serves the earlier files.
    #[serde(skip_serializing_if = "Option::is_none")]
    made_again: Option<Timestamp>,
    /// Azure itself shows that the files are the job's.
    verified: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    job: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    experiment: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    run: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trained_by: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trained_at: Option<Timestamp>,
    metrics: BTreeMap<String, String>,
    parameters: BTreeMap<String, String>,
    /// The version's gates, measured.
    gates: Vec<MeasuredGate>,
    /// The gates that asked more when the version was registered.
    loosened_gates: Vec<LoosenedGate>,
    /// The pipeline jobs that the job is a step of.
    pipelines: Vec<String>,
    datasets: Vec<Dataset>,
    #[serde(skip_serializing_if = "Option::is_none")]
    environment: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<Code>,
    promoted_from: Vec<String>,
}

/// A rollout that has ended, with the object of its version where that could be read.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Ended {
    #[serde(flatten)]
    rollout: PastRollout,
    #[serde(skip_serializing_if = "Option::is_none")]
    object: Option<Name>,
}

/// A way back.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Way {
    /// What happens, in sentences.
    how: String,
    /// The command, where the version's object could be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    command: Option<String>,
}

impl Evidence {
    /// The evidence that a picture holds.
    pub fn of(picture: &Picture) -> Self {
        let binding = &picture.binding;
        let status = binding.current();
        let home = binding.home();
        let mut deployments: Vec<Deployment> = status
            .deployments
            .iter()
            .map(|it| {
                let version = it.asset_id.as_deref().and_then(|asset| picture.holding(asset));
                Deployment {
                    name: it.name.clone(),
                    role: it.role,
                    weight: it.weight,
                    version: version.map(name),
                    asset_id: it.asset_id.clone(),
                    since: it.since,
                    instances: it.instances,
                    state: it.state.clone(),
                    owner: version.and_then(|version| version.spec.owner.clone()),
                    retirement: version.and_then(|version| version.spec.retirement.clone()),
                }
            })
            .collect();
        deployments.sort_by_key(|it| std::cmp::Reverse(it.weight));
        let workspace = picture.workspace.found();
        let mut not_read = picture.not_read.clone();
        match &picture.workspace {
            Seen::Found(_) => {}
            Seen::Missing => not_read.push("The workspace that the manifest names does not exist.".into()),
            Seen::Withheld(said) => not_read.push(said.clone()),
        }
        Self {
            kind: "Evidence",
            taken_at: picture.now,
            binding: Name::from(&binding.key()),
            workspace: Name::from(&ObjectKey::meant::<Workspace>(&binding.spec.workspace_ref, &home)),
            tier: workspace.and_then(|workspace| workspace.spec.tier.clone()),
            endpoint: binding.spec.endpoint_name().to_string(),
            serving: binding.spec.kind().into(),
            window: binding.current().window,
            scoring_uri: status.endpoint.as_ref().and_then(|endpoint| endpoint.scoring_uri.clone()),
            manifest: Name::from(&named(binding)),
            ready: Readiness::of(binding.conditions()),
            deployments,
            admission: admission(picture),
            training: picture
                .told()
                .into_iter()
                .filter_map(|(it, serves)| training(picture, it, serves))
                .collect(),
            history: picture.history(),
            going_back: picture.going_back(),
            not_read,
        }
    }

    /// What could not be read, in a sentence each.
    pub fn not_read(&self) -> &[String] {
        &self.not_read
    }

    /// The stable deployment, where the manifest names another version than it serves.
    fn stable_instead(&self) -> Option<&Deployment> {
        let stable = self.deployments.iter().find(|it| it.role == Role::Stable)?;
        stable.version.as_ref().is_some_and(|version| *version != self.manifest).then_some(stable)
    }

    /// The rollout by which a revision was admitted: the latest one of which the history knows what was asked.
    fn admitted(&self, deployment: &Deployment) -> Option<&PastRollout> {
        let of_it = |it: &&PastRollout| {
            it.outcome.serves() && it.asset_id.is_some() && it.asset_id == deployment.asset_id
        };
        let mut all = self.history.iter().map(|it| &it.rollout).filter(of_it);
        all.find(|it| !it.admission.is_empty() || !it.approvals.is_empty())
    }

    /// The stable deployment and its rollout, where other rules were asked then than today.
    fn admitted_otherwise(&self) -> Option<(&Deployment, &PastRollout)> {
        let stable = self.deployments.iter().find(|it| it.role == Role::Stable)?;
        let rollout = self.admitted(stable).filter(|it| !it.admission.is_empty())?;
        let today = self.admission.iter().flat_map(|it| &it.rules).map(|it| (&it.rule, &it.asks));
        let then = rollout.admission.iter().map(|it| (&it.rule, &it.asks));
        (!then.eq(today)).then_some((stable, rollout))
    }
}

impl Picture {
    /// The object of the version with this asset id: the one that the manifest names, where there are several.
    fn holding(&self, asset: &str) -> Option<&ModelVersion> {
        let has = |version: &&ModelVersion| {
            let own = version.status.as_ref().and_then(|status| status.asset_id.as_deref());
            own.is_some_and(|own| folded(own) == folded(asset))
        };
        let wanted = named(&self.binding);
        let mut all = self.versions.iter().filter(has);
        let first = all.clone().next();
        all.find(|version| version.key() == wanted).or(first)
    }

    /// The version that serves as stable.
    fn stable(&self) -> Option<&ModelVersion> {
        let asset = self.binding.status.as_ref()?.stable.as_ref()?.asset_id.as_deref()?;
        self.holding(asset)
    }

    /// The object of the version of this number, of the model and in the place of the stable one.
    fn numbered(&self, number: &str) -> Option<&ModelVersion> {
        let stable = self.stable()?;
        self.versions.iter().find(|version| {
            version.spec.version == number
                && version.spec.model == stable.spec.model
                && place_of(version) == place_of(stable)
        })
    }

    /// The decisions about what is on the endpoint, and about the version that the manifest names.
    fn decisions(&self) -> Vec<Decision> {
        let status = self.binding.current();
        let wanted = self.versions.iter().find(|version| version.key() == named(&self.binding));
        let wanted = wanted.and_then(|version| version.current().asset_id);
        let on_it = status.deployments.iter().filter_map(|it| it.asset_id.clone());
        // A rejection counts in whatever case the name of the model is written.
        let assets: Vec<String> = on_it.chain(wanted).collect();
        let about: Vec<String> = assets.iter().map(|asset| asset.to_lowercase()).collect();
        let meant = |named: &str| {
            let found = assets.iter().find(|asset| folded(asset) == folded(named));
            let found =
                found.or_else(|| assets.iter().find(|asset| asset.to_lowercase() == named.to_lowercase()));
            found.cloned().unwrap_or_default()
        };
        let mut all: Vec<Decision> = self
            .approvals
            .iter()
            .filter(|it| about.contains(&it.spec.asset_id.to_lowercase()))
            .map(|it| Decision {
                created: it.created(),
                approval: Name::from(&it.key()),
                word: it.spec.decision,
                by: it.spec.by.clone(),
                counts: self.counts(it, &meant(&it.spec.asset_id)),
                asset_id: it.spec.asset_id.clone(),
                tiers: it.spec.tiers.clone(),
                expires_at: it.spec.expires_at,
                waives: it.spec.waives.clone(),
                reason: it.spec.reason.clone(),
                documents: it.spec.evidence.clone(),
            })
            .collect();
        all.sort_by(|a, b| b.created.cmp(&a.created).then_with(|| a.approval.cmp(&b.approval)));
        all
    }

    fn history(&self) -> Vec<Ended> {
        let all = self.binding.status.as_ref().map(|status| status.history.as_slice()).unwrap_or_default();
        let ended = |rollout: &PastRollout| Ended {
            object: rollout.version.as_deref().and_then(|number| self.numbered(number)).map(name),
            rollout: rollout.clone(),
        };
        all.iter().map(ended).collect()
    }

    /// The versions that have traffic, those with the most first; then those that are to get some: a candidate, and what the manifest
    /// names. Each with whether it has traffic.
    fn told(&self) -> Vec<(&ModelVersion, bool)> {
        let mut all: Vec<_> = self.binding.status.iter().flat_map(|status| &status.deployments).collect();
        all.retain(|it| it.weight > 0 || it.role == Role::Candidate);
        all.sort_by_key(|it| std::cmp::Reverse(it.weight));
        let deployed =
            all.into_iter().filter_map(|it| Some((self.holding(it.asset_id.as_deref()?)?, it.weight > 0)));
        let wanted = self.versions.iter().find(|version| version.key() == named(&self.binding));
        let mut versions: Vec<(&ModelVersion, bool)> = vec![];
        for (version, serves) in deployed.chain(wanted.map(|version| (version, false))) {
            if !versions.iter().any(|(other, _)| other.key() == version.key()) {
                versions.push((version, serves));
            }
        }
        versions
    }

    fn going_back(&self) -> Vec<Way> {
        self.to_stable().into_iter().chain(self.to_before()).collect()
    }

    /// Back to what is stable, where the manifest asks for something else.
    fn to_stable(&self) -> Option<Way> {
        let status = self.binding.status.as_ref()?;
        let stable = status.stable.as_ref()?;
        let version = self.stable();
        let another = version.is_some_and(|version| version.key() != named(&self.binding));
        let happens = match &status.candidate {
            Some(candidate) if candidate.weight > 0 => {
                format!("the traffic of {} is taken back", candidate.deployment)
            }
            Some(candidate) if candidate.mirror.is_some() => {
                format!("no traffic moves, and {} gets no copies of requests any more", candidate.deployment)
            }
            None if !another => return None,
            _ => "no traffic moves".into(),
        };
        let how = format!(
            "{} is stable, and the manifest asks for something else. When the manifest asks for the stable one again, {happens}.",
            stable.deployment
        );
        Some(Way { how, command: version.filter(|_| another).map(|version| self.command(version)) })
    }

    /// Back to what served before the stable one.
    fn to_before(&self) -> Option<Way> {
        let status = self.binding.status.as_ref()?;
        if let Some(warm) = status.deployments.iter().find(|it| it.role == Role::Previous) {
            let (revision, name) = (revision_of(&warm.name), &self.binding.key().name);
            if status.hold.as_ref().is_some_and(|hold| hold.revision == revision) {
                let how = format!(
                    "{} served before and is held back, because somebody rolled back. It takes the steps when that is released.",
                    warm.name
                );
                let home = &self.binding.key().namespace;
                return Some(Way {
                    how,
                    command: Some(format!("bindery release {name} --namespace {home}")),
                });
            }
            let goes_back = match self.binding.spec.kind() {
                _ if was_rolled_back(&status.history, revision) => {
                    "it takes the steps, because somebody rolled back from it"
                }
                EndpointKind::Online => "traffic goes back to it at once, without steps",
                EndpointKind::Batch => "it becomes the default deployment again at once, without a job",
            };
            let how = format!(
                "{} served before and is still there. When the manifest asks for it again, {goes_back}.",
                warm.name
            );
            let version = warm.asset_id.as_deref().and_then(|asset| self.holding(asset));
            return Some(self.way(how, version, true));
        }
        let stable = status.stable.as_ref().and_then(|stable| stable.revision.as_deref());
        let was = |it: &&PastRollout| it.outcome.serves() && Some(it.revision.as_str()) != stable;
        let before = status.history.iter().find(was)?;
        let number = before.version.as_deref();
        let version = number.and_then(|number| self.numbered(number));
        if number.is_some() && number == status.stable.as_ref().and_then(|it| it.version.as_deref()) {
            let field = self.binding.spec.serving_field();
            let how = format!(
                "Revision {} served before: the same version {}, with another spec.{field}.deployment. When the manifest asks for it again, a new deployment is made. Revert spec.{field}.deployment in Git.",
                before.revision,
                number.unwrap_or_default()
            );
            return Some(Way { how, command: None });
        }
        let takes = if self.takes_no_steps(before, version) {
            "as long as Azure needs. If spec.online.deployment is as it was then, the new one takes no steps (spec.strategy.rollbackWindow)"
        } else {
            "the steps of the strategy and as long as Azure needs"
        };
        let latest = status.history.iter().find(|it| it.revision == before.revision);
        if latest.is_some_and(|it| it.outcome == Outcome::Failed) {
            let how = format!(
                "Version {} served before, and has failed since. When the manifest asks for it again, it is tried again only when somebody asks for that (`bindery retry {}`).",
                number.unwrap_or("of an unknown number"),
                self.binding.key().name
            );
            return Some(self.way(how, version, false));
        }
        let how = format!(
            "Version {} served before, and its deployment is gone. When the manifest asks for it again, a new one is made, which takes {takes}.",
            number.unwrap_or("of an unknown number")
        );
        Some(self.way(how, version, false))
    }

    /// Is what was promoted then still proven, so that it takes no steps? Not where the number was registered again since: those are
    /// other files.
    fn takes_no_steps(&self, before: &PastRollout, version: Option<&ModelVersion>) -> bool {
        let history =
            self.binding.status.iter().flat_map(|status| &status.history).cloned().collect::<Vec<_>>();
        let window = self.binding.spec.strategy.rollback_window;
        let made = version.filter(|it| it.spec.registry_ref.is_none()).and_then(|it| it.current().created_at);
        let same_files = made.is_none_or(|made| before.had_files_of(made));
        same_files && is_proven(&history, &before.revision, window)
    }

    /// A way back to a version: with the command, or with what stands in the way.
    fn way(&self, how: String, version: Option<&ModelVersion>, warm: bool) -> Way {
        match version.and_then(|version| self.refuses_going_back(version, warm)) {
            Some(because) => {
                Way { how: format!("{how} The workspace refuses that now: {because}."), command: None }
            }
            None => Way { how, command: version.map(|version| self.command(version)) },
        }
    }

    /// Names a version in the manifest.
    fn command(&self, version: &ModelVersion) -> String {
        let binding = self.binding.key();
        let mut reference = serde_json::json!({"name": version.key().name});
        if version.home() != self.binding.home() {
            reference["namespace"] = version.home().into();
        }
        let patch = serde_json::json!({"spec": {"model": {"versionRef": reference}}});
        format!(
            "kubectl patch deploymentbinding {} --namespace {} --type merge --patch '{patch}'",
            binding.name, binding.namespace
        )
    }
}

fn name(version: &ModelVersion) -> Name {
    Name::from(&version.key())
}

fn admission(picture: &Picture) -> Option<Admission> {
    let admitted = condition(picture.binding.conditions(), ConditionType::Admitted)?;
    let status = picture.binding.status.as_ref();
    let policy = picture.workspace.found().map(|workspace| {
        let mut fields = BTreeMap::new();
        // A policy is plain data, which can always be written.
        flatten("", &serde_json::to_value(&workspace.spec.policy).unwrap_or_default(), &mut fields);
        fields
    });
    Some(Admission {
        status: admitted.status.clone(),
        reason: admitted.reason.clone(),
        message: admitted.message.clone(),
        since: admitted.last_transition_time.0,
        rules: status.map(|it| it.admission.clone()).unwrap_or_default(),
        approvals: status
            .iter()
            .flat_map(|it| &it.approvals)
            .map(|it| Remembered { approval: it.clone(), state: picture.state_of(it) })
            .collect(),
        decisions: picture.decisions(),
        policy,
    })
}

/// The leaves of a value, by their path: `sources[released].registryRef.name`. An item of a list goes by its name, else by its number.
fn flatten(path: &str, value: &Value, into: &mut BTreeMap<String, String>) {
    let below = |key: &str| if path.is_empty() { key.to_string() } else { format!("{path}.{key}") };
    match value {
        Value::Object(fields) if fields.is_empty() => {
            if !path.is_empty() {
                into.insert(path.into(), "{}".into());
            }
        }
        Value::Object(fields) => {
            fields
                .iter()
                .filter(|(key, _)| *key != "name" || !path.ends_with(']'))
                .for_each(|(key, value)| flatten(&below(key), value, into));
        }
        Value::Array(items) if items.iter().all(|item| !item.is_object()) => {
            let words: Vec<String> = items.iter().map(leaf).collect();
            into.insert(path.into(), words.join(", "));
        }
        Value::Array(items) if items.iter().all(is_reference) => {
            let words: Vec<String> = items.iter().map(reference).collect();
            into.insert(path.into(), words.join(", "));
        }
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                let name = item["name"].as_str().map_or_else(|| at.to_string(), str::to_string);
                flatten(&format!("{path}[{name}]"), item, into);
            }
        }
        other => {
            into.insert(path.into(), leaf(other));
        }
    }
}

/// A name, and at most a namespace.
fn is_reference(value: &Value) -> bool {
    let fields = value.as_object();
    fields
        .is_some_and(|it| it.contains_key("name") && it.keys().all(|key| key == "name" || key == "namespace"))
}

fn reference(value: &Value) -> String {
    let name = leaf(&value["name"]);
    value["namespace"].as_str().map_or_else(|| name.clone(), |namespace| format!("{namespace}/{name}"))
}

fn leaf(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_string)
}

fn training(picture: &Picture, version: &ModelVersion, serves: bool) -> Option<Training> {
    let status = version.status.as_ref()?;
    // What is known of the version now is of other files than those that serve.
    if let Some(at) = status.asset_id.as_deref().and_then(|asset| picture.made_again(asset)) {
        return Some(Training {
            version: name(version),
            serves,
            made_again: Some(at),
            ..Training::default()
        });
    }
    let gated = !status.gates.is_empty() || !status.loosened_gates.is_empty();
    let unknown = api::Lineage::default();
    let lineage = status.lineage.as_ref().or_else(|| gated.then_some(&unknown))?;
    Some(Training {
        version: name(version),
        serves,
        made_again: None,
        verified: lineage.verified,
        job: lineage.job.clone(),
        experiment: lineage.experiment.clone(),
        run: lineage.run.clone(),
        trained_by: lineage.trained_by.clone(),
        trained_at: lineage.trained_at,
        metrics: lineage.metrics.clone(),
        parameters: lineage.parameters.clone(),
        gates: status.gates.clone(),
        loosened_gates: status.loosened_gates.clone(),
        pipelines: lineage.pipelines.clone(),
        datasets: lineage.datasets.clone(),
        environment: lineage.environment.clone(),
        code: lineage.code.clone(),
        promoted_from: lineage.promoted_from.clone(),
    })
}

#[cfg(test)]
mod tests;
