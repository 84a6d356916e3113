use std::process::ExitCode;

use clap::Args;
use jiff::Timestamp;

use super::cluster::{Cluster, Refusal, Scope, not_found};
use super::output::say;
use super::writing::Writing;
use super::{ClusterArguments, Error};
use crate::answer::decision::{Picture, Wish, document, expires, page};
use crate::answer::names;
use crate::answer::seen::Seen;
use crate::api::{Approval, ApprovalDecision, ModelVersion, Object, ObjectKind, Workspace};

/// Approve a version: shows what it is, asks, and creates an Approval of its asset in the namespace that -n names.
///
/// For Git: `bindery approve taxi-fare-2 -n model-risk --dry-run=client > approval.yaml`.
#[derive(Debug, Args)]
pub(in crate::command) struct Approve {
    /// A rule that the version need not satisfy until --expires: Soak, Windows, or Gate/NAME; may be given several times
    #[arg(long = "waive", value_name = "RULE")]
    waives: Vec<String>,
    #[command(flatten)]
    common: Common,
}

/// Reject a version: shows what it is, asks, and creates an Approval that keeps it from serving in the namespace that -n names.
#[derive(Debug, Args)]
pub(in crate::command) struct Reject {
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Args)]
struct Common {
    /// The ModelVersion: namespace/name, or the name of one in the namespace of the kubeconfig's context
    #[arg(value_name = "MODELVERSION")]
    version: String,
    /// A tier of Workspaces that the decision is about; may be given several times. Default: all
    #[arg(long = "tier", value_name = "TIER")]
    tiers: Vec<String>,
    /// Why
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// When the decision ends: a day (2027-03-31), a time (2027-03-31T12:00:00Z), or how long from now (90d, 36h). Default: never
    #[arg(long, value_name = "WHEN")]
    expires: Option<String>,
    /// A document that the decision rests on, as NAME=URL or NAME=URL@sha256:DIGITS; may be given several times
    #[arg(long, value_name = "DOCUMENT")]
    evidence: Vec<String>,
    /// The name of the Approval. Default: made of the version's name and yours
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    #[command(flatten)]
    writing: Writing,
    #[command(flatten)]
    cluster: ClusterArguments,
}

pub(super) async fn approve(arguments: Approve) -> Result<ExitCode, Error> {
    decide(ApprovalDecision::Approved, arguments.waives, arguments.common).await
}

pub(super) async fn reject(arguments: Reject) -> Result<ExitCode, Error> {
    decide(ApprovalDecision::Rejected, vec![], arguments.common).await
}

async fn decide(decision: ApprovalDecision, waives: Vec<String>, it: Common) -> Result<ExitCode, Error> {
    let now = Timestamp::now();
    let expires_at = it.expires.as_deref().map(|text| expires(text, now)).transpose()?;
    let evidence = it.evidence.iter().map(|text| document(text)).collect::<Result<Vec<_>, _>>()?;
    it.writing.may_ask()?;
    let cluster = Cluster::open(&it.cluster).await?;
    let key = names::object_of(ObjectKind::ModelVersion, &it.version, &cluster.context_namespace)?;
    let version: ModelVersion = match cluster.get(&key).await? {
        Seen::Found(version) => version,
        other => return Err(not_found(&key, Some(&other))),
    };
    let mut not_read = vec![];
    let keep = |all: &mut Vec<Workspace>, it: Workspace| all.push(it);
    let workspaces = cluster.list_widely(&cluster.namespace, &mut not_read, keep).await?;
    let all_workspaces = not_read.is_empty();
    let wish = Wish {
        decision,
        namespace: cluster.namespace.clone(),
        name: it.name,
        by: cluster.user().await?,
        tiers: it.tiers,
        reason: it.reason,
        expires_at,
        evidence,
        waives,
    };
    let approvals = others(&cluster, &mut not_read).await?;
    let picture = Picture { version, workspaces, all_workspaces, approvals, now };
    let approval = wish.manifest(&picture)?;
    say(&not_read);
    let question = || format!("{}\n\n{}", page(&approval, &picture), question(decision, &approval));
    it.writing.create(&cluster, &approval, question).await?;
    Ok(ExitCode::SUCCESS)
}

/// What else was decided in the namespace, for whoever may see it.
async fn others(cluster: &Cluster, not_read: &mut Vec<String>) -> Result<Vec<Approval>, Error> {
    let scope = Scope { namespace: Some(&cluster.namespace), labels: None };
    match cluster.list(&scope, |all: &mut Vec<Approval>, it: Approval| all.push(it)).await {
        Ok((approvals, lacking)) => {
            not_read.extend(lacking);
            Ok(approvals)
        }
        Err(Refusal::Forbidden(said)) => {
            let namespace = &cluster.namespace;
            not_read.push(format!(
                "You may not list the approvals of namespace {namespace} ({said}). What was decided before is not shown."
            ));
            Ok(vec![])
        }
        Err(other) => Err(other.into()),
    }
}

fn question(decision: ApprovalDecision, approval: &Approval) -> String {
    let verb = if decision == ApprovalDecision::Approved { "Approve" } else { "Reject" };
    format!("{verb} it, in namespace {}? [y/N] ", approval.home())
}
