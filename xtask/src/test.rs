//! `cargo xtask test`: everything that CI runs, the quick and the often wrong first.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use clap::ValueEnum;
use e2e::node;
use e2e::stand::INFERRED_VARIABLE;

use crate::control_plane::ClusterArguments;
use crate::{Outcome, codegen, go, image, python, repository};

/// The test of the test stand itself, which makes no sense with a cluster that is not ours.
const OF_THE_STAND: &str = "control_plane";

/// The test that is a step of its own.
const OF_THE_NODE: &str = "node";

/// Names the image's archive to that test.
const IMAGE_VARIABLE: &str = "BINDERY_TEST_IMAGE";

/// The position of the emulator that is not the default.
const OPPOSITE: &str = "opposite";

/// What `cargo xtask test` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Run only this step; may be given several times
    #[arg(long, value_enum, value_name = "STEP")]
    only: Vec<Step>,
    #[command(flatten)]
    cluster: ClusterArguments,
}

/// What is run, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Step {
    /// The code has the format of rustfmt
    Format,
    /// crds/ and the chart's copies are what the code says
    Generated,
    /// clippy has nothing to say
    Lint,
    /// Unit, integration and documentation tests of every crate but e2e
    Unit,
    /// Microsoft's Python clients against the emulator; skipped without a Python, but not in CI
    Python,
    /// Microsoft's Go client against the emulator; skipped without a Go, but not in CI
    Go,
    /// The operator's program builds, for the next step
    Operator,
    /// The operator, the chart and the CRDs against a real control plane
    E2e,
    /// The operator again, where the emulator takes the other position on all that is inferred about Azure
    Inferred,
    /// The demo, from nothing to the end of its story
    Demo,
    /// The chart on a real node, from the operator's own image; only when it is named with --only. Skipped without the rights
    /// or the programs for a node, but not in CI
    Node,
    /// The bench can measure rollouts: a trial with a few, whose figures nobody judges
    Bench,
}

impl Step {
    fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_string()).unwrap_or_default()
    }

    /// As arguments of cargo; none for what this program does itself.
    fn cargo(self, cluster: &ClusterArguments) -> io::Result<Vec<String>> {
        let arguments: &[&str] = match self {
            Self::Format => &["fmt", "--all", "--check"],
            Self::Generated | Self::Go => &[],
            Self::Lint => &["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"],
            Self::Unit => &["test", "--workspace", "--exclude", "e2e"],
            // The same packages, so that it finds built what the step before it built.
            Self::Python => {
                &["test", "--workspace", "--exclude", "e2e", "--test", "python", "--", "--nocapture"]
            }
            // As the test stand does it, which then finds it built.
            Self::Operator => {
                &["build", "--package", "bindery", "--bin", "bindery", "--lib", "--package", "e2e"]
            }
            Self::E2e => &["test", "--package", "e2e"],
            Self::Inferred => &["test", "--package", "e2e", "--test", "operator"],
            Self::Node => &["test", "--package", "e2e", "--test", "node", "--", "--nocapture"],
            Self::Demo => &["run", "--package", "xtask", "--", "demo", "--exit"],
            Self::Bench => &[
                "run",
                "--package",
                "xtask",
                "--",
                "bench",
                "--only",
                "rollouts",
                "--rollouts",
                "4",
                "--trial",
            ],
        };
        let mut arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
        if self == Self::E2e && cluster.options().names_a_cluster() {
            for test in tests_for_any_cluster()? {
                arguments.extend(["--test".to_string(), test]);
            }
        }
        if matches!(self, Self::Demo | Self::Bench) {
            arguments.extend(cluster.as_arguments()?);
        }
        if matches!(self, Self::E2e | Self::Inferred) {
            // They wait for others most of the time: for operations that Azure takes its time for, for pauses.
            arguments.extend(["--", "--test-threads=6"].map(str::to_string));
        }
        Ok(arguments)
    }

    /// Whether it is run when no step is named. A release build of the operator takes too long for each change.
    fn is_usual(self) -> bool {
        self != Self::Node
    }

    /// The component of the toolchain that it needs.
    fn component(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Format => Some(("rustfmt", "fmt")),
            Self::Lint => Some(("clippy", "clippy")),
            _ => None,
        }
    }
}

/// Runs `cargo xtask test`.
pub(crate) fn run(arguments: &Arguments) -> Outcome {
    let mut took = vec![];
    for step in Step::value_variants() {
        let wanted = if arguments.only.is_empty() { step.is_usual() } else { arguments.only.contains(step) };
        if !wanted {
            continue;
        }
        let name = step.name();
        let cargo = step.cargo(&arguments.cluster)?;
        let what = match step {
            Step::Generated => "codegen --check".into(),
            Step::Go => go::WHAT.into(),
            Step::Inferred => format!("{INFERRED_VARIABLE}={OPPOSITE} {}", command_line(&cargo)),
            _ => command_line(&cargo),
        };
        println!("==> {name}: {what}");
        let begun = Instant::now();
        let outcome = match step.component() {
            Some((component, subcommand)) => need(component, subcommand),
            None => Ok(()),
        };
        let outcome = outcome.and_then(|()| match step {
            Step::Generated => codegen::check(),
            Step::Python => python::run(|variables| run_cargo(&cargo, &arguments.cluster, variables)),
            Step::Go => go::run(),
            Step::Node => on_a_node(&cargo, &arguments.cluster),
            Step::Inferred => {
                run_cargo(&cargo, &arguments.cluster, &[(INFERRED_VARIABLE, OPPOSITE.as_ref())])
            }
            _ => run_cargo(&cargo, &arguments.cluster, &[]),
        });
        let time = begun.elapsed();
        if let Err(error) = outcome {
            println!("==> {name}: FAILED after {}", seconds(time));
            let alone = format!("run it alone with: cargo xtask test --only {name}");
            return Err(format!("step {name} failed: {error}\n{alone}").into());
        }
        println!("==> {name}: ok in {}", seconds(time));
        took.push(time);
    }
    println!("==> all {} steps: ok in {}", took.len(), seconds(took.iter().sum()));
    Ok(())
}

fn command_line(arguments: &[String]) -> String {
    format!("cargo {}", arguments.join(" "))
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f32())
}

/// Builds the image and runs the test with it, where this machine can have a node.
fn on_a_node(cargo: &[String], cluster: &ClusterArguments) -> Outcome {
    if cluster.options().names_a_cluster() {
        return skip("the node is one of a control plane of our own, and a cluster was named".into());
    }
    if let Some(why) = node::impossible() {
        return skip(format!("a node is not possible here: {why}"));
    }
    let image = image::for_this_machine()?;
    run_cargo(cargo, cluster, &[(IMAGE_VARIABLE, image.as_os_str())])
}

/// Says that something is not tested here, and why; in CI that is an error.
pub(crate) fn skip(why: String) -> Outcome {
    if env::var_os("CI").is_some_and(|value| !value.is_empty() && value != "false") {
        return Err(why.into());
    }
    println!("SKIPPED: {why}");
    Ok(())
}

pub(crate) fn cargo() -> Command {
    // `cargo run` says which cargo it is.
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(repository());
    command
}

fn run_cargo(arguments: &[String], cluster: &ClusterArguments, variables: &[(&str, &OsStr)]) -> Outcome {
    let mut command = cargo();
    command.args(arguments);
    if let Some(path) = &cluster.kubeconfig {
        command.env(e2e::control_plane::KUBECONFIG_VARIABLE, std::path::absolute(path)?);
    }
    if let Some(context) = &cluster.context {
        command.env(e2e::control_plane::CONTEXT_VARIABLE, context);
    }
    command.envs(variables.iter().copied());
    let status = command.status()?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("`{}` ended with {status}", command_line(arguments)).into())
    }
}

/// Makes sure that the toolchain has a component; a minimal installation has neither of the two.
fn need(component: &str, subcommand: &str) -> Outcome {
    let there = cargo().args([subcommand, "--version"]).stdout(Stdio::null()).stderr(Stdio::null()).status();
    if there.is_ok_and(|status| status.success()) {
        return Ok(());
    }
    println!("{component} is missing; rustup component add {component}");
    let added = Command::new("rustup").args(["component", "add", component]).status();
    if added.is_ok_and(|status| status.success()) {
        return Ok(());
    }
    Err(format!(
        "{component} is missing and rustup could not add it: install it as you installed Rust, or with \
         `rustup component add {component}`"
    )
    .into())
}

/// The end-to-end tests, by name, without the one that needs a control plane of our own.
fn tests_for_any_cluster() -> io::Result<Vec<String>> {
    let mut tests = vec![];
    for entry in fs::read_dir(repository().join("e2e/tests"))? {
        let path = entry?.path();
        let is_file = path.extension().is_some_and(|extension| extension == "rs");
        if let Some(name) = path.file_stem().and_then(|name| name.to_str())
            && (is_file || path.join("main.rs").is_file())
            && name != OF_THE_STAND
            && name != OF_THE_NODE
        {
            tests.push(name.to_string());
        }
    }
    tests.sort();
    Ok(tests)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_is_for_those_who_name_it_and_its_test_is_in_no_other_step() {
        assert!(!Step::Node.is_usual());
        assert!(Step::value_variants().iter().filter(|step| !step.is_usual()).eq([&Step::Node]));
        let elsewhere = tests_for_any_cluster().expect("tests");
        assert!(!elsewhere.contains(&OF_THE_NODE.to_string()) && elsewhere.contains(&"chart".to_string()));
        // `cargo test --package e2e` goes by what the manifest says.
        let manifest = include_str!("../../e2e/Cargo.toml");
        assert!(manifest.contains("name = \"node\"\ntest = false"));
        let test = include_str!("../../e2e/tests/node.rs");
        assert!(test.contains(&format!("\"{IMAGE_VARIABLE}\"")));
    }

    /// Compiling takes minutes on a new machine: nobody should have to guess whether anything happens.
    #[test]
    fn cargo_says_what_it_does() {
        let alias = include_str!("../../.cargo/config.toml");
        assert!(alias.contains("xtask = \"run --package xtask --\""), "{alias}");
        for step in Step::value_variants() {
            let arguments = step.cargo(&ClusterArguments::default()).expect("arguments");
            assert!(!arguments.iter().any(|it| it == "--quiet" || it == "-q"), "{step:?}: {arguments:?}");
        }
    }
}
