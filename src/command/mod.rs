//! The subcommands of the program.

mod answers;
mod completion;
mod crd;
mod log;
mod run;

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::answer::render::text::one_line;

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
    #[command(flatten)]
    Answer(Box<answers::Answer>),
    /// Print the completion script for a shell.
    ///
    /// For bash: `source <(bindery completion bash)`.
    Completion(completion::Arguments),
}

/// Runs the command that was asked for. What went wrong is said on stderr.
pub async fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let outcome = match parsed(&arguments).command {
        Command::Run(arguments) => run::run(*arguments).await.map(|()| ExitCode::SUCCESS),
        Command::Crd => crd::print().map(|()| ExitCode::SUCCESS),
        Command::Answer(answer) => answers::run(*answer).await,
        Command::Completion(arguments) => completion::print(&arguments).map(|()| ExitCode::SUCCESS),
    };
    match outcome {
        Ok(code) => code,
        Err(error) => {
            eprintln!("bindery: {}", one_line(&error.to_string()));
            ExitCode::FAILURE
        }
    }
}

/// The command line. A wrong one ends the program, with a sentence and the exit code 2. Its help names the program as it was called.
fn parsed(arguments: &[OsString]) -> Cli {
    let matches = called(arguments).try_get_matches_from(arguments);
    matches.and_then(|matches| Cli::from_arg_matches(&matches)).unwrap_or_else(|error| error.exit())
}

/// The program under the name by which it was called.
fn called(arguments: &[OsString]) -> clap::Command {
    match arguments.first().map(Path::new).and_then(Path::file_stem) {
        Some(name) if name == PLUGIN => Cli::command().bin_name("kubectl bindery"),
        _ => Cli::command(),
    }
}

/// The name under which kubectl finds the program, for `kubectl bindery`.
const PLUGIN: &str = "kubectl-bindery";

type Outcome = Result<(), Box<dyn std::error::Error>>;

pub use crd::yaml as crd_yaml;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_holds_together() {
        Cli::command().debug_assert();
    }

    #[test]
    fn help_names_the_program_as_it_was_called() {
        for (program, expected) in [
            ("/usr/local/bin/bindery", "Usage: bindery explain "),
            ("/home/ada/.krew/bin/kubectl-bindery", "Usage: kubectl bindery explain "),
        ] {
            let line = [program, "explain"].map(OsString::from);
            let said =
                called(&line).try_get_matches_from(&line).map(|_| ()).map_err(|error| error.to_string());
            assert!(said.as_ref().is_err_and(|said| said.contains(expected)), "{program}: {said:?}");
        }
    }
}
