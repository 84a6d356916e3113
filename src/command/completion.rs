use std::io::{self, Write};

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
    io::stdout().lock().write_all(&script(arguments.shell))?;
    Ok(())
}

fn script(shell: Shell) -> Vec<u8> {
    let mut script = vec![];
    generate(shell, &mut Cli::command(), "bindery", &mut script);
    script
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum;

    use super::*;

    #[test]
    fn every_shell_completes_the_subcommands_and_their_flags() {
        for shell in Shell::value_variants() {
            let script = String::from_utf8_lossy(&script(*shell)).into_owned();
            for word in [
                "inventory",
                "lineage",
                "compare",
                "evidence",
                "explain",
                "approve",
                "reject",
                "exit-code",
                "all-namespaces",
            ] {
                assert!(script.contains(word), "{shell} does not know {word}");
            }
        }
    }
}
