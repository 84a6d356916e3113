use std::io;

use clap::{Args, CommandFactory};
use clap_complete::{Shell, generate};

use super::{Cli, Outcome};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

/// Writes the shell's completion script.
pub(super) fn print(arguments: &Arguments) -> Outcome {
    let mut script = vec![];
    generate(arguments.shell, &mut Cli::command(), "bindery", &mut script);
    io::Write::write_all(&mut io::stdout().lock(), &script)?;
    Ok(())
}
