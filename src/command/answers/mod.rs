//! The subcommands that answer from the cluster: they read it with the rights of the person who asks, and change nothing. Some
//! write what that person decides of a version, or asks of a rollout.

mod action;
mod cluster;
mod compare;
mod decision;
mod evidence;
mod explain;
mod inventory;
mod lineage;
mod output;
mod permission;
mod rollout;
mod writing;

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
    Status(rollout::Status),
    Watch(rollout::Watch),
    Promote(action::Promote),
    Abort(action::Abort),
    Retry(action::Retry),
    Rollback(action::Rollback),
    Release(action::Release),
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
        Answer::Status(arguments) => rollout::status(arguments).await,
        Answer::Watch(arguments) => rollout::watch(arguments).await,
        Answer::Promote(arguments) => action::promote(arguments).await,
        Answer::Abort(arguments) => action::abort(arguments).await,
        Answer::Retry(arguments) => action::retry(arguments).await,
        Answer::Rollback(arguments) => action::roll_back(arguments).await,
        Answer::Release(arguments) => action::release(arguments).await,
    }
}
