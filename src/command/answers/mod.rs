//! The subcommands that answer from the cluster: they read it with the rights of the person who asks, and change nothing. Two
//! write the decision of that person.

mod cluster;
mod compare;
mod decision;
mod evidence;
mod explain;
mod inventory;
mod lineage;
mod output;
mod permission;

use std::process::ExitCode;

use clap::Subcommand;

use self::cluster::ClusterArguments;

/// What can go wrong: always a sentence.
type Error = Box<dyn std::error::Error>;

#[derive(Debug, Subcommand)]
pub(super) enum Answer {
    Inventory(inventory::Arguments),
    Lineage(lineage::Arguments),
    Compare(compare::Arguments),
    Evidence(evidence::Arguments),
    Explain(explain::Arguments),
    Approve(decision::Approve),
    Reject(decision::Reject),
}

/// Answers on stdout. What the answer lacks is said on stderr.
pub(super) async fn run(answer: Answer) -> Result<ExitCode, Error> {
    match answer {
        Answer::Inventory(arguments) => inventory::run(arguments).await,
        Answer::Lineage(arguments) => lineage::run(arguments).await,
        Answer::Compare(arguments) => compare::run(arguments).await,
        Answer::Evidence(arguments) => evidence::run(arguments).await,
        Answer::Explain(arguments) => explain::run(arguments).await,
        Answer::Approve(arguments) => decision::approve(arguments).await,
        Answer::Reject(arguments) => decision::reject(arguments).await,
    }
}
