//! The project's own commands: `cargo xtask <command>`. One module for each.

mod bench;
mod codegen;
mod contract;
mod control_plane;
mod demo;
mod go;
mod image;
mod python;
mod soak;
mod test;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// What a command returns: its error is printed as it is, for a person.
type Outcome = Result<(), Box<dyn std::error::Error>>;

/// The project's own commands.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Bring everything up from nothing, and tell the story of a model from training to production
    Demo(demo::Arguments),
    /// What Bindery costs Azure, the API server and the machine: figures beside their goals
    Bench(bench::Arguments),
    /// The simulation for as long as you like: random histories, each of which has to keep every invariant
    Soak(soak::Arguments),
    /// Everything that CI runs: format, generated files, lints, all tests
    Test(test::Arguments),
    /// Write the files that are made from the code: the CustomResourceDefinitions
    Codegen(codegen::Arguments),
    /// Write the files that are made from Microsoft's documents: the bodies that the emulator knows, and its answers
    Contract(contract::Arguments),
    /// The operator's container image as an OCI archive, without a container engine
    Image(image::Arguments),
    /// A Kubernetes control plane on this machine: bring one up, or end it
    #[command(subcommand)]
    ControlPlane(control_plane::Command),
}

#[tokio::main]
async fn main() -> ExitCode {
    e2e::install_crypto_provider();
    let outcome = match Arguments::parse().command {
        Command::Demo(arguments) => demo::run(&arguments).await,
        Command::Bench(arguments) => bench::run(&arguments).await,
        Command::Soak(arguments) => soak::run(&arguments),
        Command::Test(arguments) => test::run(&arguments),
        Command::Codegen(arguments) => codegen::run(&arguments),
        Command::Contract(arguments) => contract::run(&arguments),
        Command::Image(arguments) => image::run(&arguments),
        Command::ControlPlane(command) => control_plane::run(command).await,
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The folder of the repository.
fn repository() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_path_buf()
}
