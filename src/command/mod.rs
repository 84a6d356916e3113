//! The subcommands of the program.

mod crd;
mod log;
mod run;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Runs an organisation's machine-learning model registry from Git, on Azure Machine Learning.
#[derive(Debug, Parser)]
#[command(name = "bindery", version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the operator.
    Run(Box<run::Arguments>),
    /// Print the CustomResourceDefinitions as YAML.
    Crd,
}

/// Runs the command that was asked for. What went wrong is said on stderr.
pub async fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Run(arguments) => run::run(*arguments).await,
        Command::Crd => crd::print(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bindery: {error}");
            ExitCode::FAILURE
        }
    }
}

type Outcome = Result<(), Box<dyn std::error::Error>>;

pub use crd::yaml as crd_yaml;
