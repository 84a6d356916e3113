use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, ValueEnum};
use jiff::Timestamp;

use super::cluster::{Cluster, not_found};
use super::output::{say, style, write};
use super::permission::{self, Where};
use super::{ClusterArguments, Error};
use crate::answer::explain::{Explanation, Picture, Subject, text};
use crate::answer::names;
use crate::answer::render::json;
use crate::answer::seen::Seen;
use crate::api::{Object, ObjectKey, ObjectKind, any_kind};

/// With --exit-code: the object is not Ready. 1 is an error and 2 a command line that is wrong.
const NOT_READY: u8 = 3;

/// Why an object is not Ready: the chain of causes from object to object, with the root cause in the first line, what Azure said, and what
/// happens next.
#[derive(Debug, Args)]
pub(in crate::command) struct Arguments {
    /// The object: kind/name, such as `deploymentbinding/taxi-fare` or `amlmv/taxi-fare-2`; or kind/namespace/name
    #[arg(value_name = "KIND/NAME")]
    object: String,
    #[command(flatten)]
    place: Where,
    /// Exit with 3 if the object is not Ready or, with --in, may not serve there
    #[arg(long)]
    exit_code: bool,
    /// The form of the answer
    #[arg(short, long, value_enum, default_value_t = Format::Text)]
    output: Format,
    #[command(flatten)]
    cluster: ClusterArguments,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Sentences
    Text,
    Json,
    Yaml,
}

pub(super) async fn run(arguments: Arguments) -> Result<ExitCode, Error> {
    let cluster = Cluster::open(&arguments.cluster).await?;
    let asked = names::object(&arguments.object, &cluster.namespace)?;
    if arguments.place.workspace.is_some() {
        return may_serve(&cluster, asked, &arguments).await;
    }
    let mut picture = Picture::of(asked);
    loop {
        let wanted = picture.wants();
        if wanted.is_empty() {
            break;
        }
        let seen = futures::future::try_join_all(wanted.iter().map(|key| subject(&cluster, key))).await?;
        for (key, seen) in wanted.into_iter().zip(seen) {
            picture.add(key, seen);
        }
    }
    let Some(explanation) = Explanation::of(&picture) else {
        let (key, seen) = picture.asked();
        return Err(not_found(key, seen));
    };
    write(&match arguments.output {
        Format::Text => text(&explanation, style(), Timestamp::now()),
        Format::Json => json::json(&explanation)?,
        Format::Yaml => json::yaml(&explanation)?,
    })?;
    say(explanation.not_read());
    let fails = arguments.exit_code && !explanation.is_ready();
    Ok(if fails { ExitCode::from(NOT_READY) } else { ExitCode::SUCCESS })
}

/// May the version that is asked about serve in the workspace that is named?
async fn may_serve(cluster: &Cluster, version: ObjectKey, arguments: &Arguments) -> Result<ExitCode, Error> {
    if version.kind != ObjectKind::ModelVersion {
        return Err(format!("--in goes with a ModelVersion, and {} is none", arguments.object).into());
    }
    let home = arguments.cluster.namespace.clone().unwrap_or_else(|| version.namespace.to_string());
    let permission = permission::ask(cluster, version, &arguments.place, &home).await?;
    write(&match arguments.output {
        Format::Text => permission.text(style()),
        Format::Json => json::json(&permission)?,
        Format::Yaml => json::yaml(&permission)?,
    })?;
    say(permission.not_read());
    let fails = arguments.exit_code && !permission.holds();
    Ok(if fails { ExitCode::from(NOT_READY) } else { ExitCode::SUCCESS })
}

async fn subject(cluster: &Cluster, key: &ObjectKey) -> Result<Seen<Subject>, Error> {
    async fn of<K: Object>(cluster: &Cluster, key: &ObjectKey) -> Result<Seen<Subject>, Error> {
        Ok(match cluster.get::<K>(key).await? {
            Seen::Found(object) => Seen::Found(Subject::of(&Arc::new(object).any())),
            Seen::Missing => Seen::Missing,
            Seen::Withheld(said) => Seen::Withheld(said),
        })
    }
    any_kind!(key.kind, K => of::<K>(cluster, key).await)
}
