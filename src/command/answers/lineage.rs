use std::process::ExitCode;

use clap::{Args, ValueEnum};

use super::cluster::{Cluster, not_found};
use super::output::{say, style, write};
use super::{ClusterArguments, Error};
use crate::answer::lineage::{Bound, Copies, Lineage, Picture};
use crate::answer::names;
use crate::answer::render::json;
use crate::answer::render::mermaid::mermaid;
use crate::answer::render::tree::tree;
use crate::api::{DeploymentBinding, ModelVersion, ObjectKind};

/// What a version comes from (other versions, job, data, environment, code), and what comes from it (promoted copies, and
/// the bindings that serve them).
#[derive(Debug, Args)]
pub(in crate::command) struct Arguments {
    /// The ModelVersion: its name, or namespace/name
    #[arg(value_name = "VERSION")]
    version: String,
    /// The form of the answer
    #[arg(short, long, value_enum, default_value_t = Format::Text)]
    output: Format,
    #[command(flatten)]
    cluster: ClusterArguments,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A tree
    Text,
    Json,
    Yaml,
    /// A flowchart for Markdown
    Mermaid,
    /// One file with a picture, for a browser
    Html,
}

pub(super) async fn run(arguments: Arguments) -> Result<ExitCode, Error> {
    let cluster = Cluster::open(&arguments.cluster).await?;
    let root = names::object_of(ObjectKind::ModelVersion, &arguments.version, &cluster.namespace)?;
    let mut not_read = vec![];
    let copy = |copies: &mut Copies, version: ModelVersion| copies.add(&version);
    let copies = cluster.list_widely(&root.namespace, &mut not_read, copy).await?;
    let bound = |all: &mut Vec<Bound>, binding: DeploymentBinding| all.push(Bound::of(&binding));
    let bindings = cluster.list_widely(&root.namespace, &mut not_read, bound).await?;
    let mut picture = Picture::of(root, copies, bindings);
    loop {
        let wanted = picture.wants();
        if wanted.is_empty() {
            break;
        }
        let seen = futures::future::try_join_all(wanted.iter().map(|key| cluster.get::<ModelVersion>(key)));
        for (key, seen) in wanted.iter().zip(seen.await?) {
            picture.add(key.clone(), seen);
        }
    }
    let Some(lineage) = Lineage::of(&picture, not_read) else {
        let (key, seen) = picture.root();
        return Err(not_found(key, seen));
    };
    write(&match arguments.output {
        Format::Text => tree(lineage.graph(), style()),
        Format::Json => json::json(&lineage.for_tools())?,
        Format::Yaml => json::yaml(&lineage.for_tools())?,
        Format::Mermaid => mermaid(lineage.graph()),
        Format::Html => lineage.html(),
    })?;
    say(lineage.not_read());
    Ok(ExitCode::SUCCESS)
}
