//! May a version serve in a workspace? The rules are those of the operator, over what the cluster says; Azure is not asked.

use std::collections::HashMap;
use std::time::Duration;

use clap::Args;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Namespace as KubeNamespace;
use kube::ResourceExt;
use kube::api::Api;
use serde::Serialize;
use serde_json::json;

use super::Error;
use super::cluster::{Cluster, Refusal};
use crate::answer::names::{self, Name};
use crate::answer::render::table::{Cell, Column, Shown, Style, Table, Tone, table};
use crate::answer::seen::Seen;
use crate::api::{
    Admission, AnyObject, Approval, ConditionType, DeploymentBinding, ModelVersion, Object, ObjectKey,
    ObjectKind, Reason, Registry, RolloutAction, Workspace, conditions_of,
};
use crate::azure::model::{Answer, Ask, Class, Error as AzureError, Lane, Read};
use crate::decide::facts::{ClusterRead, Found, Known, Moment, Name as Naming, Namespace, gather};
use crate::decide::{Facts, Kind, Served, Trouble, Watched};

/// Where a version is to serve.
#[derive(Debug, Args)]
pub(super) struct Where {
    /// Whether a ModelVersion may serve in this Workspace: name, or namespace/name
    #[arg(long = "in", value_name = "WORKSPACE")]
    pub workspace: Option<String>,
    /// With --in: the DeploymentBinding that is to serve it, of your namespace: what it serves now, and what it brings, counts
    #[arg(long, value_name = "NAME", requires = "workspace")]
    pub binding: Option<String>,
}

/// The answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Permission {
    kind: &'static str,
    version: Name,
    workspace: Name,
    #[serde(skip_serializing_if = "Option::is_none")]
    binding: Option<Name>,
    /// True or false; absent where nobody can say.
    #[serde(skip_serializing_if = "Option::is_none")]
    admitted: Option<bool>,
    /// The reason, a word of the API.
    reason: String,
    /// Why, in a sentence.
    message: String,
    rules: Vec<Admission>,
    not_read: Vec<String>,
}

/// Asks the rules of the operator.
pub(super) async fn ask(cluster: &Cluster, version: ObjectKey, place: &Where) -> Result<Permission, Error> {
    let workspace = place.workspace.as_deref().unwrap_or_default();
    let workspace = names::object_of(ObjectKind::Workspace, workspace, &cluster.namespace)?;
    let binding = binding(cluster, &version, &workspace, place.binding.as_deref()).await?;
    let mut reader = Reader { cluster, lists: HashMap::new(), not_read: vec![] };
    let mut known = Known::nothing(Lane::Routine, false, Served::everything());
    let moment = Moment {
        now: Timestamp::now(),
        cluster: String::new(),
        observe_only: true,
        handover: Duration::ZERO,
        watched: Watched::all(),
        authors_checked: true,
        trouble: Trouble::default(),
        absent: None,
    };
    let facts = loop {
        let facts = gather(&binding, &moment, &mut known);
        let wanted = known.wants();
        if wanted.cluster.is_empty() && wanted.azure.is_empty() {
            break facts;
        }
        for read in wanted.cluster {
            let found = reader.find(&read).await?;
            known.take_in_cluster(read, found);
        }
        for read in wanted.azure {
            let answer = unasked(&read);
            known.take_in_azure(read, answer);
        }
    };
    let status = facts.decide().status;
    let conditions = conditions_of(&status.conditions);
    let said = conditions.get(ConditionType::Admitted).or_else(|| conditions.get(ConditionType::Ready));
    let admitted = said.filter(|it| it.type_ == ConditionType::Admitted.to_string());
    // What is not measured yet is not refused.
    let waits = [Reason::ReferenceNotReady, Reason::ReferenceNotFound].map(|it| it.to_string());
    let admitted = admitted.filter(|it| !waits.contains(&it.reason));
    let admitted = admitted.and_then(|it| it.status.to_ascii_lowercase().parse().ok());
    Ok(Permission {
        kind: "Permission",
        version: Name::from(&version),
        workspace: Name::from(&workspace),
        binding: place.binding.as_ref().map(|_| Name::from(&binding.key())),
        admitted,
        reason: said.map(|it| it.reason.clone()).unwrap_or_default(),
        message: said.map(|it| it.message.clone()).unwrap_or_default(),
        rules: status.admission,
        not_read: reader.not_read,
    })
}

impl Permission {
    /// May it serve, as far as anybody can say?
    pub(super) fn holds(&self) -> bool {
        self.admitted == Some(true)
    }

    /// What could not be read, in a sentence each.
    pub(super) fn not_read(&self) -> &[String] {
        &self.not_read
    }

    /// For people.
    pub(super) fn text(&self, style: Style) -> String {
        let (word, tone) = match self.admitted {
            Some(true) => ("yes", Tone::Good),
            Some(false) => ("no", Tone::Bad),
            None => ("nobody can say", Tone::Unsure),
        };
        let word = if style.colour { tone.painted(word) } else { word.to_string() };
        let (version, workspace) = (self.version.full(), self.workspace.full());
        let mut text =
            format!("May {version} serve in {workspace}: {word} ({})\n{}\n", self.reason, self.message);
        if !self.rules.is_empty() {
            let columns = ["rule", "admitted", "asks", "found"];
            let row = |it: &Admission| {
                let tone = if it.admitted { Tone::Good } else { Tone::Bad };
                vec![
                    it.rule.as_str().into(),
                    Cell::from(it.admitted.to_string()).toned(tone),
                    it.asks.as_str().into(),
                    it.found.as_str().into(),
                ]
            };
            let rules = Table {
                columns: columns.map(|name| Column { name, shown: Shown::Always }).to_vec(),
                rows: self.rules.iter().map(row).collect(),
            };
            text.push('\n');
            text.push_str(&table(&rules, Shown::Always, style));
        }
        text
    }
}

/// The binding that is named, or one that does not exist, as if it asked for this version there.
async fn binding(
    cluster: &Cluster,
    version: &ObjectKey,
    workspace: &ObjectKey,
    named: Option<&str>,
) -> Result<DeploymentBinding, Error> {
    let reference = |key: &ObjectKey| json!({"name": key.name, "namespace": key.namespace});
    let mut binding: DeploymentBinding = match named {
        Some(name) => {
            let key = names::object_of(ObjectKind::DeploymentBinding, name, &cluster.namespace)?;
            match cluster.get::<DeploymentBinding>(&key).await? {
                Seen::Found(found) => {
                    let serves = ObjectKey::meant::<Workspace>(&found.spec.workspace_ref, &found.home());
                    if serves != *workspace {
                        return Err(format!("{key} serves in {serves}, and not in {workspace}").into());
                    }
                    found
                }
                other => return Err(super::cluster::not_found(&key, Some(&other))),
            }
        }
        None => serde_json::from_value(json!({
            "apiVersion": "bindery.dev/v1alpha1", "kind": "DeploymentBinding",
            // No object may have this name, so it stands for nothing that exists.
            "metadata": {"name": "?", "namespace": cluster.namespace},
            "spec": {"workspaceRef": reference(workspace), "model": {"versionRef": reference(version)},
                "online": {"endpoint": {"name": "?"}, "deployment": {}}},
        }))?,
    };
    binding.spec.workspace_ref = serde_json::from_value(reference(workspace))?;
    binding.spec.model.version_ref = serde_json::from_value(reference(version))?;
    Ok(binding)
}

/// Azure is asked by the operator only.
fn unasked(read: &Read) -> Answer {
    let error = || {
        AzureError::new(Class::Transient, "only the operator asks Azure, and this answer is the cluster's")
    };
    match &read.what {
        Ask::Resource(_) => Answer::Resource(Err(error())),
        Ask::Collection { .. } | Ask::Beginning { .. } => Answer::Collection(Err(error())),
        Ask::Operation { .. } => Answer::Operation(Err(error())),
        Ask::Run { .. } => Answer::Run(Err(error())),
        Ask::Files { .. } => Answer::Files(Err(error())),
        Ask::Uploaded { .. } => Answer::Uploaded(Err(error())),
        Ask::Blocks { .. } => Answer::Blocks(Err(error())),
        Ask::Names => Answer::Names(Err(error())),
    }
}

/// Reads what the rules ask, with the rights of the person who asks.
struct Reader<'a> {
    cluster: &'a Cluster,
    /// What was listed already, by kind.
    lists: HashMap<ObjectKind, Vec<AnyObject>>,
    not_read: Vec<String>,
}

impl Reader<'_> {
    async fn find(&mut self, read: &ClusterRead) -> Result<Found, Error> {
        Ok(match read {
            ClusterRead::Object(key) | ClusterRead::Owner(key) => self.object(key).await?,
            ClusterRead::Naming(kind, name) | ClusterRead::Rivals(kind, name, _) => {
                Found::Naming(self.naming(*kind, name).await?)
            }
            ClusterRead::Namespace(name) => self.namespace(name).await,
            ClusterRead::LetGo(_) => Found::LetGo(false),
        })
    }

    async fn object(&mut self, key: &ObjectKey) -> Result<Found, Error> {
        match key.kind {
            ObjectKind::Registry => self.one::<Registry>(key).await,
            ObjectKind::Workspace => self.one::<Workspace>(key).await,
            ObjectKind::ModelVersion => self.one::<ModelVersion>(key).await,
            ObjectKind::DeploymentBinding => self.one::<DeploymentBinding>(key).await,
            ObjectKind::Approval => self.one::<Approval>(key).await,
            ObjectKind::RolloutAction => self.one::<RolloutAction>(key).await,
        }
    }

    async fn one<K: Object>(&mut self, key: &ObjectKey) -> Result<Found, Error> {
        Ok(match self.cluster.get::<K>(key).await? {
            Seen::Found(object) => Found::Object(Some(std::sync::Arc::new(object).any())),
            Seen::Missing => Found::Object(None),
            Seen::Withheld(said) => {
                self.not_read.push(said);
                Found::Object(None)
            }
        })
    }

    async fn naming(&mut self, kind: ObjectKind, name: &Naming) -> Result<Vec<AnyObject>, Error> {
        let all = match kind {
            ObjectKind::Registry => self.all::<Registry>().await?,
            ObjectKind::Workspace => self.all::<Workspace>().await?,
            ObjectKind::ModelVersion => self.all::<ModelVersion>().await?,
            ObjectKind::DeploymentBinding => self.all::<DeploymentBinding>().await?,
            ObjectKind::Approval => self.all::<Approval>().await?,
            ObjectKind::RolloutAction => self.all::<RolloutAction>().await?,
        };
        Ok(all.iter().filter(|it| names_of(it).contains(name)).cloned().collect())
    }

    async fn all<K: Object>(&mut self) -> Result<&[AnyObject], Error> {
        if !self.lists.contains_key(&K::KIND) {
            let keep = |all: &mut Vec<AnyObject>, object: K| all.push(std::sync::Arc::new(object).any());
            let listed = self.cluster.list_widely(&self.cluster.namespace, &mut self.not_read, keep).await;
            self.lists.insert(K::KIND, listed?);
        }
        Ok(self.lists.get(&K::KIND).map(Vec::as_slice).unwrap_or_default())
    }

    /// The labels of a namespace decide who may refer to whom.
    async fn namespace(&mut self, name: &str) -> Found {
        let all: Api<KubeNamespace> = self.cluster.api();
        match all.get_opt(name).await {
            Ok(found) => {
                let labels = found.map(|it| it.labels().clone()).unwrap_or_default();
                Found::Namespace(Namespace { labels, ends: false })
            }
            Err(error) => {
                let said = match self.cluster.refusal::<Workspace>(error) {
                    Refusal::Forbidden(said) | Refusal::Other(said) | Refusal::NoSuchKind(said) => said,
                };
                self.not_read.push(format!("The labels of namespace {name} could not be read: {said}."));
                Found::NotWatched
            }
        }
    }
}

fn names_of(object: &AnyObject) -> Vec<Naming> {
    match object {
        AnyObject::Registry(it) => it.names(),
        AnyObject::Workspace(it) => it.names(),
        AnyObject::ModelVersion(it) => it.names(),
        AnyObject::DeploymentBinding(it) => it.names(),
        AnyObject::Approval(it) => it.names(),
        AnyObject::RolloutAction(it) => it.names(),
    }
}
