//! May a version serve in a workspace? The rules are those of the operator, over what the cluster says; Azure is not asked.

use std::collections::HashMap;
use std::time::Duration;

use clap::Args;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Namespace as KubeNamespace;
use kube::ResourceExt;
use kube::api::Api;
use serde_json::json;

use super::Error;
use super::cluster::{Cluster, Refusal};
use crate::answer::names::{self, Name};
use crate::answer::permission::{Asked, Permission, What, Withheld};
use crate::answer::seen::Seen;
use crate::api::{
    AnyObject, DeploymentBinding, Object, ObjectKey, ObjectKind, Workspace, any_kind, any_object,
};
use crate::azure::model::{Answer, Ask, Class, Error as AzureError, Lane, Read};
use crate::decide::facts::{ClusterRead, Found, Known, Moment, Name as Naming, Namespace, gather};
use crate::decide::{Kind, Served, Trouble, Watched};

/// Where a version is to serve.
#[derive(Debug, Args)]
pub(super) struct Where {
    /// Whether a ModelVersion may serve in this Workspace: name, or namespace/name
    #[arg(long = "in", value_name = "WORKSPACE")]
    pub workspace: Option<String>,
    /// With --in: the DeploymentBinding that is to serve it, of the version's namespace or, where it is given, of --namespace: what it serves now, and what it brings, counts
    #[arg(long, value_name = "NAME", requires = "workspace")]
    pub binding: Option<String>,
}

/// Asks the rules of the operator, for a binding of the namespace `home`.
pub(super) async fn ask(
    cluster: &Cluster,
    version: ObjectKey,
    place: &Where,
    home: &str,
) -> Result<Permission, Error> {
    let workspace = place.workspace.as_deref().unwrap_or_default();
    let workspace = names::object_of(ObjectKind::Workspace, workspace, &cluster.namespace)?;
    let binding = binding(cluster, &version, &workspace, place.binding.as_deref(), home).await?;
    let mut reader = Reader { cluster, lists: HashMap::new(), withheld: vec![], not_read: vec![] };
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
    let asked = Asked {
        version: Name::from(&version),
        workspace: Name::from(&workspace),
        namespace: binding.home().clone(),
        binding: place.binding.as_ref().map(|_| Name::from(&binding.key())),
    };
    Ok(Permission::of(asked, &facts, &reader.withheld, reader.not_read))
}

/// The binding that is named, or one that does not exist, as if it asked for this version there.
async fn binding(
    cluster: &Cluster,
    version: &ObjectKey,
    workspace: &ObjectKey,
    named: Option<&str>,
    home: &str,
) -> Result<DeploymentBinding, Error> {
    let reference = |key: &ObjectKey| json!({"name": key.name, "namespace": key.namespace});
    let mut binding: DeploymentBinding = match named {
        Some(name) => {
            let key = names::object_of(ObjectKind::DeploymentBinding, name, home)?;
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
            "metadata": {"name": "?", "namespace": home},
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
        Ask::Collection { .. } | Ask::Beginning { .. } | Ask::BatchJobs { .. } => {
            Answer::Collection(Err(error()))
        }
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
    /// What could not be read, or not whole, and why.
    withheld: Vec<Withheld>,
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
        any_kind!(key.kind, K => self.one::<K>(key).await)
    }

    async fn one<K: Object>(&mut self, key: &ObjectKey) -> Result<Found, Error> {
        Ok(match self.cluster.get::<K>(key).await? {
            Seen::Found(object) => Found::Object(Some(std::sync::Arc::new(object).any())),
            Seen::Missing => Found::Object(None),
            Seen::Withheld(said) => {
                self.withheld.push(Withheld { what: What::Object(key.clone()), said: said.clone() });
                self.not_read.push(said);
                Found::Object(None)
            }
        })
    }

    async fn naming(&mut self, kind: ObjectKind, name: &Naming) -> Result<Vec<AnyObject>, Error> {
        let all = any_kind!(kind, K => self.all::<K>().await?);
        Ok(all.iter().filter(|it| names_of(it).contains(name)).cloned().collect())
    }

    async fn all<K: Object>(&mut self) -> Result<&[AnyObject], Error> {
        if !self.lists.contains_key(&K::KIND) {
            let keep = |all: &mut Vec<AnyObject>, object: K| all.push(std::sync::Arc::new(object).any());
            let mut not_read = vec![];
            let listed = self.cluster.list_widely(&self.cluster.namespace, &mut not_read, keep).await;
            if let Some(said) = not_read.first() {
                self.withheld.push(Withheld { what: What::Some(K::KIND), said: said.clone() });
            }
            self.not_read.extend(not_read);
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
                self.withheld.push(Withheld { what: What::Labels(name.into()), said: said.clone() });
                self.not_read.push(format!("The labels of namespace {name} could not be read: {said}."));
                Found::NotWatched
            }
        }
    }
}

fn names_of(object: &AnyObject) -> Vec<Naming> {
    any_object!(object, it => it.names())
}
