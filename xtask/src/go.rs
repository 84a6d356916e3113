//! Microsoft's Go client against the emulator: vets and runs the tests in `emulator/tests/go`. What they need of Go and
//! of modules is Go's own affair.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use e2e::process;
use serde_json::Value;

use crate::test::{cargo, skip};
use crate::{Outcome, repository};

/// What it does, for a person.
pub(crate) const WHAT: &str = "gofmt -l, go vet and go test in emulator/tests/go";

/// Names the emulator's program to the tests.
const VARIABLE: &str = "AZUREML_EMULATOR";
const GO_MOD: &str = include_str!("../../emulator/tests/go/go.mod");
/// Of the same packages as this program, so that most of it is built already.
const BUILD: [&str; 9] = [
    "build",
    "--package",
    "xtask",
    "--package",
    "azureml-emulator",
    "--bin",
    "azureml-emulator",
    "--message-format",
    "json-render-diagnostics",
];

/// A version of Go, without its last number: no release of fixes takes anything away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Version(u32, u32);

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

impl Version {
    /// Of `1.26.0`, or of `1.27rc1`.
    fn of(text: &str) -> Option<Self> {
        let (major, rest) = text.split_once('.')?;
        let minor = rest.split(|c: char| !c.is_ascii_digit()).next()?;
        Some(Self(major.parse().ok()?, minor.parse().ok()?))
    }

    /// Of what `go env GOVERSION` says: `go1.26.0`, or `devel go1.27-4f1c2d`.
    fn said(text: &str) -> Option<Self> {
        Self::of(text.split_whitespace().find_map(|word| word.strip_prefix("go"))?)
    }

    /// The oldest that the tests can do with.
    fn needed() -> Option<Self> {
        Self::of(GO_MOD.lines().find_map(|line| line.strip_prefix("go "))?)
    }
}

/// Runs them. Where there is no Go that would do it says so and does nothing, which in CI is an error.
pub(crate) fn run() -> Outcome {
    let go = match find() {
        Ok(go) => go,
        Err(why) => return skip(why),
    };
    let emulator = emulator()?;
    is_formatted(&go)?;
    // Not from Go's cache of results, which does not know that the emulator has changed; and more at once than there are
    // processors, for the client waits most of the time.
    for arguments in [&["vet", "./..."][..], &["test", "-count=1", "-parallel=8", "./..."]] {
        let status = command(&go).args(arguments).env(VARIABLE, &emulator).status()?;
        if !status.success() {
            return Err(format!("`go {}` ended with {status}", arguments.join(" ")).into());
        }
    }
    Ok(())
}

fn folder() -> PathBuf {
    repository().join("emulator/tests/go")
}

/// Go in the folder of the tests, without what a person's settings would add to it; where Go finds modules stays theirs.
fn command(go: &Path) -> Command {
    let mut command = Command::new(go);
    command.current_dir(folder()).env("GOWORK", "off").env("CGO_ENABLED", "0");
    for variable in ["GOFLAGS", "GOOS", "GOARCH"] {
        command.env_remove(variable);
    }
    command
}

/// A Go that is new enough, else why there is none. One that is not may get itself a newer one, for it is asked in the
/// folder whose go.mod says which is needed.
fn find() -> Result<PathBuf, String> {
    let needed = Version::needed().ok_or("emulator/tests/go/go.mod does not say which Go it needs")?;
    let go = process::find_program(Path::new("go"))
        .ok_or_else(|| format!("Go {needed} or newer is needed, and there is none on PATH"))?;
    let said = output(command(&go).args(["env", "GOVERSION"]))
        .map_err(|why| format!("Go {needed} or newer is needed: {why}"))?;
    match Version::said(&said) {
        Some(version) if version >= needed => Ok(go),
        _ => Err(format!("Go {needed} or newer is needed; {} is {}", go.display(), said.trim())),
    }
}

fn is_formatted(go: &Path) -> Outcome {
    let root = output(command(go).args(["env", "GOROOT"]))?;
    let gofmt = Path::new(root.trim()).join("bin/gofmt");
    let other = output(Command::new(gofmt).args(["-l", "."]).current_dir(folder()))?;
    if other.is_empty() {
        return Ok(());
    }
    Err(format!("gofmt would write these files of emulator/tests/go otherwise:\n{other}").into())
}

/// Builds the emulator's program, and says where it is.
fn emulator() -> Result<PathBuf, String> {
    let messages = output(cargo().args(BUILD).stderr(Stdio::inherit()))?;
    messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter_map(|message| message["executable"].as_str().map(PathBuf::from))
        .next_back()
        .ok_or_else(|| "cargo did not say where it put the emulator".into())
}

/// What a program prints; when it fails, what it says about that.
fn output(command: &mut Command) -> Result<String, String> {
    let output = command.output().map_err(|why| format!("{}: {why}", command.get_program().display()))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let program = command.get_program().display();
    Err(format!("{program} ended with {}: {}", output.status, said.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_read_wherever_go_writes_it() {
        assert_eq!(Version::said("go1.26.8\n"), Some(Version(1, 26)));
        assert_eq!(Version::said("go1.27rc1"), Some(Version(1, 27)));
        assert_eq!(Version::said("devel go1.27-4f1c2d X:nocoverageredesign"), Some(Version(1, 27)));
        assert_eq!(Version::said("gccgo"), None);
        assert!(Version(1, 9) < Version(1, 26));
    }

    #[test]
    fn the_module_says_which_go_it_needs() {
        assert!(Version::needed().is_some());
    }
}
