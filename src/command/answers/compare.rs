use std::process::ExitCode;

use clap::Args;

use super::cluster::{Cluster, not_found};
use super::output::{TableFormat, Tabular, write};
use super::{ClusterArguments, Error};
use crate::answer::compare::Comparison;
use crate::answer::names;
use crate::answer::seen::Seen;
use crate::api::{ModelVersion, ObjectKind};

/// Two versions side by side, with what differs first: metrics, data, environment, code, training, conditions and tags.
#[derive(Debug, Args)]
pub(in crate::command) struct Arguments {
    /// The first ModelVersion: its name, or namespace/name
    a: String,
    /// The second one
    b: String,
    /// The form of the answer
    #[arg(short, long, value_enum, default_value_t = TableFormat::Table)]
    output: TableFormat,
    #[command(flatten)]
    cluster: ClusterArguments,
}

pub(super) async fn run(arguments: Arguments) -> Result<ExitCode, Error> {
    let cluster = Cluster::open(&arguments.cluster).await?;
    let a = version(&cluster, &arguments.a).await?;
    let b = version(&cluster, &arguments.b).await?;
    let comparison = Comparison::of(&a, &b);
    let (title, table) = (comparison.title(), comparison.table());
    let answer = Tabular { title: &title, answer: &comparison, not_read: &[], table: &table };
    write(&answer.in_form(arguments.output)?)?;
    Ok(ExitCode::SUCCESS)
}

async fn version(cluster: &Cluster, name: &str) -> Result<ModelVersion, Error> {
    let key = names::object_of(ObjectKind::ModelVersion, name, &cluster.namespace)?;
    match cluster.get::<ModelVersion>(&key).await? {
        Seen::Found(version) => Ok(version),
        other => Err(not_found(&key, Some(&other))),
    }
}
