//! What the commands that write an object have in common: they show what they would write, ask, and write it or print it for Git.

use std::io::{BufRead, IsTerminal, Write};

use clap::{Args, ValueEnum};
use kube::Resource;

use super::Error;
use super::cluster::Cluster;
use super::output::write;
use crate::answer::decision::for_git;
use crate::answer::render::json;
use crate::api::Object;

/// Whether to ask, and what to write.
#[derive(Debug, Args)]
pub(super) struct Writing {
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
    /// client: print the manifest and create nothing. server: have the API server check it, and create nothing
    #[arg(long, value_enum, value_name = "WHERE")]
    dry_run: Option<DryRun>,
    /// Print the object
    #[arg(short, long, value_enum)]
    output: Option<Format>,
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

impl Writing {
    fn asks(&self) -> bool {
        !self.yes && self.dry_run.is_none()
    }

    /// Nothing is read where nobody could be asked in the end.
    pub(super) fn may_ask(&self) -> Result<(), Error> {
        if self.asks() && !std::io::stdin().is_terminal() {
            return Err("stdin is no terminal, so nobody can be asked: give --yes, or print the manifest with --dry-run=client".into());
        }
        Ok(())
    }

    /// Asks, creates the object and says so. None where it was only printed or tried.
    pub(super) async fn create<K: Object>(
        &self,
        cluster: &Cluster,
        object: &K,
        question: impl FnOnce() -> String,
    ) -> Result<Option<K>, Error> {
        if self.dry_run == Some(DryRun::Client) {
            write(&in_form(object, self.output.unwrap_or(Format::Yaml))?)?;
            return Ok(None);
        }
        cluster.is_free(object).await?;
        if self.asks() && !agrees(&question(), &mut std::io::stdin().lock(), &mut std::io::stderr())? {
            return Err("nothing was written".into());
        }
        let on_trial = self.dry_run == Some(DryRun::Server);
        let created = cluster.create(object, on_trial).await?;
        let told = if let Some(format) = self.output {
            in_form(&created, format)?
        } else {
            let (key, trial) = (created.key(), if on_trial { " (server dry run)" } else { "" });
            let kind = <K as Resource>::kind(&()).to_ascii_lowercase();
            format!("{kind}.bindery.dev/{} created in namespace {}{trial}\n", key.name, key.namespace)
        };
        write(&told)?;
        Ok((!on_trial).then_some(created))
    }
}

/// Asks, and reads one line: only `y` and `yes` agree.
fn agrees(question: &str, answer: &mut impl BufRead, out: &mut impl Write) -> Result<bool, Error> {
    write!(out, "{question}")?;
    out.flush()?;
    let mut line = String::new();
    answer.read_line(&mut line)?;
    Ok(matches!(line.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}

fn in_form<K: Object>(object: &K, format: Format) -> Result<String, Error> {
    let manifest = for_git(object);
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
