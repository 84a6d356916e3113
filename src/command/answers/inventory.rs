use std::process::ExitCode;

use clap::Args;
use jiff::Timestamp;

use super::cluster::{Cluster, Refusal, Scope};
use super::output::{TableFormat, Tabular, say, write};
use super::{ClusterArguments, Error};
use crate::answer::idle::{self, Idle, Owners};
use crate::answer::inventory::{Bindings, Filter, Inventory, Row, State, namespaces_of_bindings};
use crate::answer::unmanaged::{Found, Unmanaged};
use crate::api::{DeploymentBinding, ModelVersion, Object, Workspace};

/// Every model version: where it is, what it was trained from, and where it serves with which share of the traffic.
#[derive(Debug, Args)]
pub(in crate::command) struct Arguments {
    /// Versions of all namespaces
    #[arg(short = 'A', long)]
    all_namespaces: bool,
    /// Only versions with these labels, as kubectl takes them: `team=fares,tier!=test`
    #[arg(short = 'l', long, value_name = "LABELS")]
    selector: Option<String>,
    /// Only versions in this Registry or Workspace: its name, or namespace/name
    #[arg(long, value_name = "NAME")]
    place: Option<String>,
    /// Only versions of this model, in which `*` stands for any characters
    #[arg(long, value_name = "MODEL")]
    model: Option<String>,
    /// Only versions in this state; of several, in all of them
    #[arg(long, value_name = "STATE", value_enum, value_delimiter = ',')]
    state: Vec<State>,
    /// Instead: deployments without traffic, what they hold, since when, and who answers for it
    #[arg(long, conflicts_with_all = ["unmanaged", "model", "state"])]
    idle: bool,
    /// Instead: endpoints and deployments that no DeploymentBinding stands for, as the Workspaces list them
    #[arg(long, conflicts_with_all = ["model", "state"])]
    unmanaged: bool,
    /// The form of the answer
    #[arg(short, long, value_enum, default_value_t = TableFormat::Table)]
    output: TableFormat,
    #[command(flatten)]
    cluster: ClusterArguments,
}

pub(super) async fn run(arguments: Arguments) -> Result<ExitCode, Error> {
    let cluster = Cluster::open(&arguments.cluster).await?;
    if arguments.idle || arguments.unmanaged {
        return of_endpoints(&cluster, &arguments).await;
    }
    let filtered = arguments.selector.is_some()
        || arguments.place.is_some()
        || arguments.model.is_some()
        || !arguments.state.is_empty();
    let filter = Filter { place: arguments.place, model: arguments.model, states: arguments.state };
    let keep = |rows: &mut Vec<Row>, version: ModelVersion| {
        let row = Row::of(&version);
        if filter.keeps(&row) {
            rows.push(row);
        }
    };
    let labels = arguments.selector.as_deref();
    let one = || Scope { namespace: Some(&cluster.namespace), labels };
    let mut not_read = vec![];
    let mut all = arguments.all_namespaces;
    let listed = if all {
        match cluster.list(&Scope { namespace: None, labels }, keep).await {
            Err(Refusal::Forbidden(said)) => {
                all = false;
                not_read.push(format!(
                    "You may not list the model versions of all namespaces ({said}). This answer has only those of namespace {}.",
                    cluster.namespace
                ));
                cluster.list(&one(), keep).await
            }
            other => other,
        }
    } else {
        cluster.list(&one(), keep).await
    };
    let (rows, lacking) = listed?;
    not_read.extend(lacking);
    let bindings = bindings(&cluster, all, &rows, &mut not_read).await?;
    let inventory = Inventory::new(rows, &bindings, &filter, not_read);
    let now = Timestamp::now();
    let table = inventory.table(arguments.all_namespaces, now);
    let of = if all { "all namespaces".into() } else { format!("namespace {}", cluster.namespace) };
    let answer = Tabular {
        title: &format!("Model versions of {of}, {now:.0}"),
        answer: &inventory,
        not_read: inventory.not_read(),
        table: &table,
    };
    let people = matches!(arguments.output, TableFormat::Table | TableFormat::Wide);
    if inventory.is_empty() && people {
        let chosen = if filtered { " that these filters keep" } else { "" };
        say(&[format!("No model versions found in {of}{chosen}.")]);
    } else {
        write(&answer.in_form(arguments.output)?)?;
    }
    say(inventory.not_read());
    // Whoever asked for all namespaces has not got them.
    Ok(if all == arguments.all_namespaces { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What is idle, or what nobody stands for.
async fn of_endpoints(cluster: &Cluster, arguments: &Arguments) -> Result<ExitCode, Error> {
    let (now, mut not_read) = (Timestamp::now(), vec![]);
    let (labels, place) = (arguments.selector.as_deref(), arguments.place.as_ref());
    let mut reach = Reach { cluster, labels, all: arguments.all_namespaces, not_read: &mut not_read };
    if arguments.unmanaged {
        let keep = |found: &mut Found, workspace: Workspace| found.add(&workspace, place);
        let found: Found = reach.list(keep).await?;
        let all = reach.all;
        let answer = Unmanaged::new(found, not_read);
        let table = answer.table(arguments.all_namespaces);
        let title = format!("What is served past Bindery, {now:.0}");
        let nothing = answer.is_empty().then_some("Nothing found that is served past Bindery.");
        let said = Tabular { title: &title, answer: &answer, not_read: answer.not_read(), table: &table };
        return tell(&said, arguments, nothing, all);
    }
    let keep = |rows: &mut Vec<idle::Row>, binding: DeploymentBinding| {
        let of = idle::rows(&binding).into_iter();
        rows.extend(of.filter(|row| {
            place.is_none_or(|wanted| *wanted == row.workspace.name || *wanted == row.workspace.full())
        }));
    };
    let rows = reach.list(keep).await?;
    let all = reach.all;
    let mut of_versions = Reach { labels: None, ..reach };
    let owners = of_versions.list(|owners: &mut Owners, version: ModelVersion| owners.add(&version)).await?;
    let answer = Idle::new(rows, &owners, not_read);
    let table = answer.table(arguments.all_namespaces, now);
    let title = format!("Deployments without traffic, {now:.0}");
    let nothing = answer.is_empty().then_some("No deployments without traffic found.");
    let said = Tabular { title: &title, answer: &answer, not_read: answer.not_read(), table: &table };
    tell(&said, arguments, nothing, all)
}

/// What is listed, in all namespaces while that is allowed.
struct Reach<'a> {
    cluster: &'a Cluster,
    labels: Option<&'a str>,
    all: bool,
    not_read: &'a mut Vec<String>,
}

impl Reach<'_> {
    async fn list<K: Object, T: Default>(&mut self, keep: impl Fn(&mut T, K)) -> Result<T, Error> {
        let labels = self.labels;
        if self.all {
            match self.cluster.list(&Scope { namespace: None, labels }, &keep).await {
                Ok((kept, lacking)) => {
                    self.not_read.extend(lacking);
                    return Ok(kept);
                }
                Err(Refusal::Forbidden(said)) => {
                    self.all = false;
                    self.not_read.push(format!(
                        "You may not list the {} of all namespaces ({said}). This answer has only those of namespace {}.",
                        K::plural(&()),
                        self.cluster.namespace
                    ));
                }
                Err(other) => return Err(other.into()),
            }
        }
        let one = Scope { namespace: Some(&self.cluster.namespace), labels };
        let (kept, lacking) = self.cluster.list(&one, &keep).await?;
        self.not_read.extend(lacking);
        Ok(kept)
    }
}

fn tell<T: serde::Serialize>(
    answer: &Tabular<'_, T>,
    arguments: &Arguments,
    nothing: Option<&str>,
    all: bool,
) -> Result<ExitCode, Error> {
    let people = matches!(arguments.output, TableFormat::Table | TableFormat::Wide);
    match nothing.filter(|_| people) {
        Some(nothing) => say(&[nothing.into()]),
        None => write(&answer.in_form(arguments.output)?)?,
    }
    say(answer.not_read);
    Ok(if all == arguments.all_namespaces { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What the bindings know that hold these versions: one listing where all may be read, else one for each of their namespaces.
async fn bindings(
    cluster: &Cluster,
    all: bool,
    rows: &[Row],
    not_read: &mut Vec<String>,
) -> Result<Bindings, Error> {
    let namespaces = namespaces_of_bindings(rows);
    if namespaces.is_empty() {
        return Ok(Bindings::default());
    }
    let keep = |bindings: &mut Bindings, binding: DeploymentBinding| bindings.add(&binding);
    if all {
        match cluster.list(&Scope { namespace: None, labels: None }, keep).await {
            Ok((bindings, lacking)) => {
                not_read.extend(lacking);
                return Ok(bindings);
            }
            Err(Refusal::Forbidden(_)) => {}
            Err(other) => return Err(other.into()),
        }
    }
    let mut known = Bindings::default();
    for namespace in namespaces {
        match cluster.list(&Scope { namespace: Some(&namespace), labels: None }, keep).await {
            Ok((bindings, lacking)) => {
                known.extend(bindings);
                not_read.extend(lacking);
            }
            Err(Refusal::Forbidden(said)) => not_read.push(format!(
                "You may not list the bindings of namespace {namespace} ({said}). Their shares of the traffic are not shown."
            )),
            Err(other) => return Err(other.into()),
        }
    }
    Ok(known)
}
