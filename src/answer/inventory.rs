//! Every version: where it is, where it comes from, and where it serves.

use std::collections::{BTreeMap, BTreeSet};

use clap::ValueEnum;
use jiff::Timestamp;
use serde::Serialize;

use super::names::{Name, fits, place_of};
use super::render::table::{Cell, Column, Shown, Table};
use super::seen::{Readiness, condition};
use crate::api::{
    ConditionType, DeploymentBinding, Lineage, ModelType, ModelVersion, Object, Retirement, Role,
    ServingKind, VersionApproval, VersionOwner, Workspace,
};

/// What is kept of one version: no more than is shown, so that ten thousand fit into little memory.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(clippy::struct_excessive_bools)] // each is an answer of its own
pub struct Row {
    /// The namespace of the ModelVersion.
    pub namespace: String,
    /// The name of the ModelVersion.
    pub name: String,
    /// The Registry or Workspace that it lives in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<Name>,
    /// The model's name in Azure.
    pub model: String,
    /// The version's number in Azure.
    pub version: String,
    /// The format of the files: as Azure has it, else as the manifest says.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<ModelType>,
    /// The stage: as Azure has it, else as the manifest says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stage: Option<String>,
    /// It is archived in Azure, or is to be by its manifest.
    pub archived: bool,
    /// What it was trained from.
    pub trained: Training,
    /// How many metrics of its run are known.
    pub metrics: usize,
    /// How many of its gates it passes, such as `2 of 3`; absent where it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gates: Option<String>,
    /// The decisions about it that count in some Workspace, the latest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub approvals: Vec<VersionApproval>,
    /// The deployments that hold it.
    pub serving: Vec<Serving>,
    /// Whether it is Ready, and why not.
    pub ready: Readiness,
    /// Somebody changed in Azure what the manifest says.
    pub drifted: bool,
    /// Only a person or a change of the manifest can help.
    pub stalled: bool,
    /// The id that deployments use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asset_id: Option<String>,
    /// When the object was made.
    pub created: Timestamp,
    /// When it goes out of use, and what happens then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retirement: Option<Retirement>,
    /// It is out of use.
    pub retired: bool,
    /// It goes out of use soon.
    pub retiring_soon: bool,
    /// Who answers for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<VersionOwner>,
}

/// What a version was trained from, as far as Azure knows.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Training {
    /// The job.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job: Option<String>,
    /// Its experiment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub experiment: Option<String>,
    /// The Git commit of its code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// Who started it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// Azure itself shows that the files are the job's.
    pub verified: bool,
}

/// A deployment that holds a version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Serving {
    /// The namespace of the DeploymentBinding.
    pub namespace: String,
    /// The name of the DeploymentBinding.
    pub name: String,
    /// The Workspace of the endpoint.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workspace: Option<Name>,
    /// The tier of that Workspace, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tier: Option<String>,
    /// The endpoint's name in Azure.
    pub endpoint: String,
    /// The deployment's name in Azure.
    pub deployment: String,
    /// What the deployment is to its binding.
    pub role: Role,
    /// Its share of the traffic in percent; absent where the binding could not be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight: Option<i32>,
    /// The kind of the endpoint, where it is not online.
    #[serde(skip_serializing_if = "ServingKind::is_online")]
    pub serving: ServingKind,
}

impl Serving {
    /// `fares/taxi-fare Stable 90%`.
    fn in_words(&self) -> String {
        let share = self.weight.map(|weight| self.serving.and_share(weight)).unwrap_or_default();
        format!("{}/{} {:?}{share}", self.namespace, self.name, self.role)
    }

    /// `taxi-fare-prod in ml-platform/fares-prod (production)`.
    fn place(&self) -> String {
        let workspace = self.workspace.as_ref().map(|it| format!(" in {}", it.full())).unwrap_or_default();
        let tier = self.tier.as_ref().map(|tier| format!(" ({tier})")).unwrap_or_default();
        format!("{}{workspace}{tier}", self.endpoint)
    }

    /// It has traffic: where its share is not known, as the stable deployment.
    fn has_traffic(&self) -> bool {
        self.weight.map_or(self.role == Role::Stable, |weight| weight > 0)
    }
}

impl From<Option<&Lineage>> for Training {
    fn from(lineage: Option<&Lineage>) -> Self {
        lineage.map_or_else(Self::default, |lineage| Self {
            job: lineage.job.clone(),
            experiment: lineage.experiment.clone(),
            commit: lineage.code.as_ref().and_then(|code| code.commit.clone()),
            by: lineage.trained_by.clone(),
            at: lineage.trained_at,
            verified: lineage.verified,
        })
    }
}

impl Row {
    /// The row of a version; who serves it with which share comes with [`Row::join`].
    pub fn of(version: &ModelVersion) -> Self {
        let status = version.status.as_ref();
        let (spec, conditions) = (&version.spec, version.conditions());
        let lineage = status.and_then(|status| status.lineage.as_ref());
        let holds = |kind| condition(conditions, kind).is_some_and(|condition| condition.status == "True");
        let mut serving =
            status.map(|status| status.served_by.iter().collect::<Vec<_>>()).unwrap_or_default();
        serving.sort_by_key(|by| by.role != Role::Stable);
        Self {
            namespace: version.home(),
            name: version.metadata.name.clone().unwrap_or_default(),
            place: place_of(version).as_ref().map(Name::from),
            model: spec.model.clone(),
            version: spec.version.clone(),
            kind: status.and_then(|status| status.kind).or(spec.kind),
            stage: status.and_then(|status| status.stage.clone()).or_else(|| spec.stage.clone()),
            archived: status.is_some_and(|status| status.archived) || spec.archived == Some(true),
            trained: lineage.into(),
            metrics: lineage.map_or(0, |lineage| lineage.metrics.len()),
            gates: status.and_then(|status| status.gates_summary.clone()),
            approvals: status.map(|status| status.approvals.clone()).unwrap_or_default(),
            serving: serving
                .into_iter()
                .map(|by| Serving {
                    namespace: by.namespace.clone(),
                    name: by.name.clone(),
                    workspace: by.workspace.as_deref().and_then(workspace),
                    tier: by.tier.clone(),
                    endpoint: by.endpoint.clone(),
                    deployment: by.deployment.clone(),
                    role: by.role,
                    weight: None,
                    serving: ServingKind::Online,
                })
                .collect(),
            ready: Readiness::of(conditions),
            drifted: holds(ConditionType::Drifted),
            stalled: holds(ConditionType::Stalled),
            asset_id: status.and_then(|status| status.asset_id.clone()),
            created: version.created(),
            retirement: spec.retirement.clone(),
            retired: holds(ConditionType::Retired),
            retiring_soon: holds(ConditionType::RetiringSoon),
            owner: spec.owner.clone(),
        }
    }

    /// Adds what the bindings know: the share of each deployment.
    fn join(&mut self, bindings: &Bindings) {
        for serving in &mut self.serving {
            let key = (serving.namespace.clone(), serving.name.clone());
            let Some(binding) = bindings.known.get(&key) else { continue };
            serving.serving = binding.serving;
            serving.weight = binding.weights.get(&serving.deployment).copied();
        }
    }

    fn in_state(&self, state: State) -> bool {
        match state {
            State::Ready => self.ready.holds(),
            State::NotReady => !self.ready.holds(),
            State::Stalled => self.stalled,
            State::Drifted => self.drifted,
            State::Archived => self.archived,
            State::Retiring => self.retiring_soon,
            State::Retired => self.retired,
            State::Serving => self.serving.iter().any(Serving::has_traffic),
            State::Idle => !self.serving.iter().any(Serving::has_traffic),
        }
    }
}

/// A state that versions are filtered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum State {
    /// As the manifest says
    Ready,
    /// Not as the manifest says, or nobody knows
    NotReady,
    /// Only a person or a change of the manifest can help
    Stalled,
    /// Changed in Azure by somebody else
    Drifted,
    /// Archived in Azure, or by its manifest
    Archived,
    /// Goes out of use within 14 days
    Retiring,
    /// Is out of use
    Retired,
    /// Has traffic at an endpoint
    Serving,
    /// Has no traffic
    Idle,
}

/// Which versions are shown: those that every part allows.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// The name of the Registry or Workspace, or its namespace and name.
    pub place: Option<String>,
    /// The model's name, in which `*` stands for any characters.
    pub model: Option<String>,
    /// All of these states.
    pub states: Vec<State>,
}

impl Filter {
    /// By what the manifest says: what is not kept need not be remembered.
    pub fn keeps(&self, row: &Row) -> bool {
        let place = self.place.as_ref().is_none_or(|wanted| {
            row.place.as_ref().is_some_and(|place| *wanted == place.name || *wanted == place.full())
        });
        place && self.model.as_ref().is_none_or(|glob| matches(glob, &row.model))
    }
}

/// Does the whole name match, where `*` stands for any characters?
fn matches(glob: &str, name: &str) -> bool {
    let Some((start, rest)) = glob.split_once('*') else { return glob == name };
    let Some(mut left) = name.strip_prefix(start) else { return false };
    let mut parts: Vec<&str> = rest.split('*').collect();
    let end = parts.pop().unwrap_or_default();
    for part in parts {
        let Some(at) = left.find(part) else { return false };
        left = &left[at + part.len()..];
    }
    left.ends_with(end)
}

/// What the bindings know of their deployments.
#[derive(Debug, Clone, Default)]
pub struct Bindings {
    /// By the namespace and the name of the binding.
    known: BTreeMap<(String, String), Bound>,
}

#[derive(Debug, Clone)]
struct Bound {
    serving: ServingKind,
    /// The share of each deployment.
    weights: BTreeMap<String, i32>,
}

impl Bindings {
    /// Takes a binding in.
    pub fn add(&mut self, binding: &DeploymentBinding) {
        let home = binding.home();
        let deployments = binding.status.as_ref().map(|status| status.deployments.as_slice());
        let weights = deployments.unwrap_or_default().iter().map(|it| (it.name.clone(), it.weight)).collect();
        let name = binding.metadata.name.clone().unwrap_or_default();
        let serving = binding.spec.kind().into();
        self.known.insert((home, name), Bound { serving, weights });
    }

    /// Takes others in.
    pub fn extend(&mut self, others: Self) {
        self.known.extend(others.known);
    }
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Inventory {
    kind: &'static str,
    items: Vec<Row>,
    /// What could not be read, in a sentence each.
    not_read: Vec<String>,
}

impl Inventory {
    /// The rows with what the bindings know, as far as the filter keeps them.
    pub fn new(rows: Vec<Row>, bindings: &Bindings, filter: &Filter, not_read: Vec<String>) -> Self {
        let mut items = rows;
        for row in &mut items {
            row.join(bindings);
        }
        items.retain(|row| filter.keeps(row) && filter.states.iter().all(|state| row.in_state(*state)));
        Self { kind: "Inventory", items, not_read }
    }

    /// What could not be read, in a sentence each.
    pub fn not_read(&self) -> &[String] {
        &self.not_read
    }

    /// No version is shown.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// As a table. The namespace is for tools, unless versions of several are asked for.
    pub fn table(&self, all_namespaces: bool, now: Timestamp) -> Table {
        let namespace = if all_namespaces { Shown::Always } else { Shown::Tools };
        let columns = [
            ("namespace", namespace),
            ("name", Shown::Always),
            ("place", Shown::Always),
            ("placeKind", Shown::Tools),
            ("placeNamespace", Shown::Tools),
            ("model", Shown::Always),
            ("version", Shown::Always),
            ("type", Shown::Always),
            ("stage", Shown::Always),
            ("archived", Shown::Tools),
            ("job", Shown::Always),
            ("experiment", Shown::Wide),
            ("commit", Shown::Wide),
            ("trainedBy", Shown::Wide),
            ("trainedAt", Shown::Wide),
            ("verified", Shown::Wide),
            ("metrics", Shown::Wide),
            ("gates", Shown::Wide),
            ("approvals", Shown::Wide),
            ("serving", Shown::Always),
            ("servingIn", Shown::Wide),
            ("retirement", Shown::Wide),
            ("team", Shown::Wide),
            ("contact", Shown::Wide),
            ("costCenter", Shown::Wide),
            ("ready", Shown::Always),
            ("reason", Shown::Always),
            ("age", Shown::Wide),
            ("created", Shown::Tools),
            ("assetId", Shown::Tools),
            ("message", Shown::Wide),
        ];
        Table {
            columns: columns.map(|(name, shown)| Column { name, shown }).to_vec(),
            rows: self.items.iter().map(|row| cells(row, now)).collect(),
        }
    }
}

fn cells(row: &Row, now: Timestamp) -> Vec<Cell> {
    let text = |text: &Option<String>| Cell::from(text.clone().unwrap_or_default());
    let place =
        |part: fn(&Name) -> &String| Cell::from(row.place.as_ref().map(part).cloned().unwrap_or_default());
    let kind = row.kind.map(|kind| format!("{kind:?}")).unwrap_or_default();
    let owner = row.owner.clone().unwrap_or_default();
    let serving: Vec<String> = row.serving.iter().map(Serving::in_words).collect();
    vec![
        row.namespace.as_str().into(),
        row.name.as_str().into(),
        place(|place| &place.name),
        place(|place| &place.kind),
        place(|place| &place.namespace),
        row.model.as_str().into(),
        row.version.as_str().into(),
        kind.into(),
        text(&row.stage),
        if row.archived { "true" } else { "false" }.into(),
        text(&row.trained.job),
        text(&row.trained.experiment),
        text(&row.trained.commit),
        text(&row.trained.by),
        row.trained.at.map(|at| at.to_string()).unwrap_or_default().into(),
        verified(&row.trained).into(),
        row.metrics.to_string().into(),
        text(&row.gates),
        row.approvals.iter().map(decision).collect::<Vec<_>>().join(", ").into(),
        serving.join(", ").into(),
        row.serving.iter().map(Serving::place).collect::<Vec<_>>().join(", ").into(),
        retirement(row).into(),
        text(&owner.team),
        text(&owner.contact),
        text(&owner.cost_center),
        row.ready.cell(),
        row.ready.reason.as_str().into(),
        age(row.created, now).into(),
        row.created.to_string().into(),
        text(&row.asset_id),
        row.ready.message.as_str().into(),
    ]
}

/// The Workspace that a status names as `namespace/name`.
fn workspace(name: &str) -> Option<Name> {
    let (namespace, name) = name.split_once('/')?;
    Some(Name { kind: Workspace::KIND.to_string(), namespace: namespace.into(), name: name.into() })
}

/// Whether Azure shows that the files are the job's; empty where no job is known.
fn verified(trained: &Training) -> &'static str {
    match (&trained.job, trained.verified) {
        (None, _) => "",
        (Some(_), true) => "true",
        (Some(_), false) => "false",
    }
}

/// `Approved by ada@fares.example for production until 2027-03-31T00:00:00Z`.
pub(super) fn decision(it: &VersionApproval) -> String {
    let tiers = if it.tiers.is_empty() { String::new() } else { format!(" for {}", it.tiers.join("/")) };
    let until = it.expires_at.map(|at| format!(" until {at:.0}")).unwrap_or_default();
    format!("{:?} by {}{tiers}{until}", it.decision, it.by)
}

/// The date from which the version is out of use.
fn retirement(row: &Row) -> String {
    row.retirement.as_ref().map(|it| format!("{:.0}", it.at)).unwrap_or_default()
}

/// As kubectl writes ages, in one unit: `45s`, `12m`, `7h`, `3d`.
pub(super) fn age(since: Timestamp, now: Timestamp) -> String {
    let seconds = since.duration_until(now).as_secs().max(0);
    match seconds {
        ..120 => format!("{seconds}s"),
        120..7_200 => format!("{}m", seconds / 60),
        7_200..172_800 => format!("{}h", seconds / 3_600),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// The namespaces of bindings that hold one of these versions. A status says them, which may say anything: what can be no
/// namespace is not asked for.
pub fn namespaces_of_bindings(rows: &[Row]) -> BTreeSet<String> {
    let all = rows.iter().flat_map(|row| &row.serving).map(|serving| &serving.namespace);
    all.filter(|namespace| fits(namespace)).cloned().collect()
}

#[cfg(test)]
mod tests;
