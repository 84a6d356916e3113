use std::collections::BTreeSet;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use jiff::Timestamp;

use super::cluster::{Cluster, Refusal, Scope, not_found};
use super::output::{say, write};
use super::{ClusterArguments, Error};
use crate::answer::evidence::{Evidence, Picture, concerns, document};
use crate::answer::names;
use crate::answer::render::document::{in_html, in_markdown};
use crate::answer::render::json;
use crate::answer::seen::Seen;
use crate::api::{Approval, DeploymentBinding, ModelVersion, Object, ObjectKey, ObjectKind, Workspace};

/// What serves at an endpoint, since when, why it may, how it was measured, what it replaced, and how to go back: a page for a
/// release ticket.
#[derive(Debug, Args)]
pub(in crate::command) struct Arguments {
    /// The DeploymentBinding: its name, or namespace/name
    #[arg(value_name = "BINDING")]
    binding: String,
    /// The form of the answer
    #[arg(short, long, value_enum, default_value_t = Format::Markdown)]
    output: Format,
    #[command(flatten)]
    cluster: ClusterArguments,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Markdown,
    Json,
    Yaml,
    /// One file, for a browser
    Html,
}

pub(super) async fn run(arguments: Arguments) -> Result<ExitCode, Error> {
    let cluster = Cluster::open(&arguments.cluster).await?;
    let key = names::object_of(ObjectKind::DeploymentBinding, &arguments.binding, &cluster.namespace)?;
    let binding: DeploymentBinding = match cluster.get(&key).await? {
        Seen::Found(binding) => binding,
        other => return Err(not_found(&key, Some(&other))),
    };
    let workspace = ObjectKey::meant::<Workspace>(&binding.spec.workspace_ref, &key.namespace);
    let workspace = cluster.get(&workspace).await?;
    let mut not_read = vec![];
    let versions = versions(&cluster, &binding, &mut not_read).await?;
    let (approvals, listed) = approvals(&cluster, workspace.found(), &mut not_read).await?;
    let now = Timestamp::now();
    let evidence = Evidence::of(&Picture { binding, workspace, versions, approvals, listed, not_read, now });
    write(&match arguments.output {
        Format::Markdown => in_markdown(&document(&evidence)),
        Format::Json => json::json(&evidence)?,
        Format::Yaml => json::yaml(&evidence)?,
        Format::Html => in_html(&document(&evidence)),
    })?;
    say(evidence.not_read());
    Ok(ExitCode::SUCCESS)
}

/// What was decided in the namespaces that the workspace's policy names.
async fn approvals(
    cluster: &Cluster,
    workspace: Option<&Workspace>,
    not_read: &mut Vec<String>,
) -> Result<(Vec<Approval>, BTreeSet<String>), Error> {
    let policy = workspace.and_then(|workspace| workspace.spec.policy.approvals.as_ref());
    let (mut all, mut listed) = (vec![], BTreeSet::new());
    for namespace in policy.iter().flat_map(|policy| &policy.from_namespaces) {
        let scope = Scope { namespace: Some(namespace), labels: None };
        match cluster.list(&scope, |all: &mut Vec<Approval>, it: Approval| all.push(it)).await {
            Ok((approvals, lacking)) => {
                all.extend(approvals);
                if lacking.is_empty() {
                    listed.insert(namespace.clone());
                }
                not_read.extend(lacking);
            }
            Err(Refusal::Forbidden(said)) => not_read.push(format!(
                "You may not list the approvals of namespace {namespace} ({said}). What was decided there is shown as far as the binding knows it."
            )),
            Err(other) => return Err(other.into()),
        }
    }
    Ok((all, listed))
}

/// The versions of the binding's model, in its own namespace and in the one of the version that it names.
async fn versions(
    cluster: &Cluster,
    binding: &DeploymentBinding,
    not_read: &mut Vec<String>,
) -> Result<Vec<ModelVersion>, Error> {
    let home = binding.home();
    let named = binding.spec.model.version_ref.namespace(&home);
    let keep = |all: &mut Vec<ModelVersion>, version: ModelVersion| {
        if concerns(binding, &version) {
            all.push(version);
        }
    };
    let mut all = vec![];
    for namespace in BTreeSet::from([home.as_str(), named]) {
        match cluster.list(&Scope { namespace: Some(namespace), labels: None }, keep).await {
            Ok((versions, lacking)) => {
                all.extend(versions);
                not_read.extend(lacking);
            }
            Err(Refusal::Forbidden(said)) => not_read.push(format!(
                "You may not list the model versions of namespace {namespace} ({said}). What is known only there is not shown."
            )),
            Err(other) => return Err(other.into()),
        }
    }
    Ok(all)
}
