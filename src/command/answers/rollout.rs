use std::io::{IsTerminal, Write};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, ValueEnum};
use futures::StreamExt;
use jiff::Timestamp;

use super::cluster::{Cluster, not_found};
use super::output::{style, write};
use super::{ClusterArguments, Error};
use crate::answer::names;
use crate::answer::render::json;
use crate::answer::rollout::{Rollout, news, text};
use crate::answer::seen::Seen;
use crate::api::{DeploymentBinding, ObjectKind};

/// How often the live view is drawn where nothing changes: the ages do.
const REFRESH: Duration = Duration::from_secs(1);
/// Clears the terminal, and goes to its first line.
const CLEAR: &str = "\u{1b}[H\u{1b}[2J";

/// Where the rollout of a DeploymentBinding stands: traffic, steps, what is held back, the latest actions, and how the last rollout
/// ended.
#[derive(Debug, Args)]
pub(in crate::command) struct Status {
    /// The DeploymentBinding: name, or namespace/name
    #[arg(value_name = "BINDING")]
    binding: String,
    /// The form of the answer
    #[arg(short, long, value_enum, default_value_t = Format::Text)]
    output: Format,
    #[command(flatten)]
    cluster: ClusterArguments,
}

/// Follow the rollout of a DeploymentBinding until you stop it: on a terminal a live view, elsewhere one line for each change.
#[derive(Debug, Args)]
pub(in crate::command) struct Watch {
    /// The DeploymentBinding: name, or namespace/name
    #[arg(value_name = "BINDING")]
    binding: String,
    /// One line for each change on a terminal, too
    #[arg(long)]
    lines: bool,
    #[command(flatten)]
    cluster: ClusterArguments,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A page for people
    Text,
    Json,
    Yaml,
}

pub(super) async fn status(arguments: Status) -> Result<ExitCode, Error> {
    let cluster = Cluster::open(&arguments.cluster).await?;
    let key = names::object_of(ObjectKind::DeploymentBinding, &arguments.binding, &cluster.namespace)?;
    let binding: DeploymentBinding = match cluster.get(&key).await? {
        Seen::Found(binding) => binding,
        other => return Err(not_found(&key, Some(&other))),
    };
    let rollout = Rollout::of(&binding);
    write(&match arguments.output {
        Format::Text => text(&rollout, style(), Timestamp::now()),
        Format::Json => json::json(&rollout)?,
        Format::Yaml => json::yaml(&rollout)?,
    })?;
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn watch(arguments: Watch) -> Result<ExitCode, Error> {
    let cluster = Cluster::open(&arguments.cluster).await?;
    let key = names::object_of(ObjectKind::DeploymentBinding, &arguments.binding, &cluster.namespace)?;
    let dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
    let live = std::io::stdout().is_terminal() && !arguments.lines && !dumb;
    let mut events = Box::pin(cluster.follow::<DeploymentBinding>(&key));
    let mut seen: Option<DeploymentBinding> = None;
    loop {
        let event = match &seen {
            Some(binding) if live => {
                draw(binding)?;
                // Nothing is lost where the time comes first: the next turn goes on with the same watch.
                match tokio::time::timeout(REFRESH, events.next()).await {
                    Ok(event) => event,
                    Err(_) => continue,
                }
            }
            _ => events.next().await,
        };
        match event.transpose()? {
            Some(Some(binding)) => {
                if !live && !say(&news(seen.as_ref(), &binding, Timestamp::now()))? {
                    return Ok(ExitCode::SUCCESS);
                }
                seen = Some(binding);
            }
            Some(None) if seen.is_some() => return Err(format!("{key} is deleted").into()),
            Some(None) => return Err(not_found::<DeploymentBinding>(&key, None)),
            None => return Err("the API server has ended the watch".into()),
        }
    }
}

fn draw(binding: &DeploymentBinding) -> Result<(), Error> {
    write(&format!("{CLEAR}{}", text(&Rollout::of(binding), style(), Timestamp::now())))
}

/// Writes lines; false where nobody reads them any more.
fn say(lines: &[String]) -> Result<bool, Error> {
    let mut out = std::io::stdout().lock();
    for line in lines {
        match writeln!(out, "{line}").and_then(|()| out.flush()) {
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => return Ok(false),
            other => other?,
        }
    }
    Ok(true)
}
