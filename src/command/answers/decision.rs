use std::io::{BufRead, IsTerminal, Write};
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use jiff::Timestamp;

use super::cluster::{Cluster, Refusal, Scope, not_found};
use super::output::{say, write};
use super::{ClusterArguments, Error};
use crate::answer::decision::{Picture, Wish, document, expires, for_git, page};
use crate::answer::names;
use crate::answer::render::json;
use crate::answer::seen::Seen;
use crate::api::{Approval, ApprovalDecision, ModelVersion, Object, ObjectKind, Workspace};

/// Approve a version: shows what it is, asks, and creates an Approval of its asset in the namespace that -n names.
///
/// For Git: `bindery approve taxi-fare-2 -n model-risk --dry-run=client > approval.yaml`.
#[derive(Debug, Args)]
pub(in crate::command) struct Approve {
    /// A rule that the version need not satisfy until --expires: Soak, or Gate/NAME; may be given several times
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
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
    /// client: print the manifest and create nothing. server: have the API server check it, and create nothing
    #[arg(long, value_enum, value_name = "WHERE")]
    dry_run: Option<DryRun>,
    /// Print the Approval
    #[arg(short, long, value_enum)]
    output: Option<Format>,
    #[command(flatten)]
    cluster: ClusterArguments,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum DryRun {
    Client,
    Server,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Yaml,
    Json,
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
    let asks = !it.yes && it.dry_run.is_none();
    if asks && !std::io::stdin().is_terminal() {
        return Err("stdin is no terminal, so nobody can be asked: give --yes, or print the manifest with --dry-run=client".into());
    }
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
    if it.dry_run == Some(DryRun::Client) {
        write(&in_form(&approval, it.output.unwrap_or(Format::Yaml))?)?;
        return Ok(ExitCode::SUCCESS);
    }
    if asks {
        let question = format!("{}\n\n{}", page(&approval, &picture), question(decision, &approval));
        if !agrees(&question, &mut std::io::stdin().lock(), &mut std::io::stderr())? {
            return Err("nothing was written".into());
        }
    }
    let on_trial = it.dry_run == Some(DryRun::Server);
    let created = cluster.create(&approval, on_trial).await?;
    let told = if let Some(format) = it.output {
        in_form(&created, format)?
    } else {
        let (key, trial) = (created.key(), if on_trial { " (server dry run)" } else { "" });
        format!("approval.bindery.dev/{} created in namespace {}{trial}\n", key.name, key.namespace)
    };
    write(&told)?;
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

/// Asks, and reads one line: only `y` and `yes` agree.
fn agrees(question: &str, answer: &mut impl BufRead, out: &mut impl Write) -> Result<bool, Error> {
    write!(out, "{question}")?;
    out.flush()?;
    let mut line = String::new();
    answer.read_line(&mut line)?;
    Ok(matches!(line.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}

fn in_form(approval: &Approval, format: Format) -> Result<String, Error> {
    let manifest = for_git(approval);
    Ok(match format {
        Format::Yaml => json::yaml(&manifest)?,
        Format::Json => json::json(&manifest)?,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn only_a_yes_agrees() {
        for (answer, agreed) in [
            ("y\n", true),
            ("YES\n", true),
            (" yes \r\n", true),
            ("\n", false),
            ("", false),
            ("n\n", false),
            ("yep\n", false),
        ] {
            let mut out = vec![];
            assert_eq!(
                agrees("Approve it? ", &mut answer.as_bytes(), &mut out).unwrap(),
                agreed,
                "{answer:?}"
            );
            assert_eq!(out, b"Approve it? ");
        }
    }
}
