//! `cargo xtask bench`: what Bindery costs Azure, the API server and the machine. `docs/bench.md` says
//! what each figure means.
//!
//! A release build of the operator on the test stand. The figures are printed beside their goals; none
//! of them makes the command fail.

mod at_rest;
mod copy;
mod figures;
mod inventory;
mod machine;
mod many;
mod observed;
mod one;
mod requests;
mod rollouts;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use azureml_emulator::Config;
use clap::ValueEnum;
use e2e::ControlPlane;
use e2e::stand::{self, Error, GROUP, SUBSCRIPTION, Stand, StandOptions, ready};
use serde_json::{Value, json};

use self::figures::Figures;
use crate::Outcome;
use crate::control_plane::ClusterArguments;

/// What `cargo xtask bench` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Measure only this; may be given several times
    #[arg(long, value_enum, value_name = "PART")]
    only: Vec<Part>,
    /// How many versions many are
    #[arg(long, default_value_t = 1000, value_name = "NUMBER")]
    versions: usize,
    /// How many versions the inventory has
    #[arg(long, default_value_t = 10_000, value_name = "NUMBER")]
    listed: usize,
    /// How much is copied, in MiB; the emulator keeps it in memory
    #[arg(long, default_value_t = 1024, value_name = "MIB")]
    copied: usize,
    /// How many rollouts go on at once; Azure's limits ask for a subscription for every 25 of them
    #[arg(long, default_value_t = 50, value_name = "NUMBER")]
    rollouts: usize,
    /// Only try whether the measurements work: with a build for development, and rollouts of a minute
    #[arg(long)]
    trial: bool,
    /// How long nothing changes, in seconds; an object is compared every minute
    #[arg(long, default_value_t = 120, value_name = "SECONDS")]
    window: u64,
    /// Write the figures to this file, as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    #[command(flatten)]
    cluster: ClusterArguments,
}

impl Arguments {
    /// How much of the rollouts is measured.
    fn extent(&self) -> rollouts::Extent {
        let (shortened, count) = if self.trial { (10.0, 3) } else { (1.0, 5) };
        rollouts::Extent { rollouts: self.rollouts, shortened, count }
    }
}

/// What is measured, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    /// One model version from apply to Ready
    One,
    /// Objects of all kinds while nothing changes
    AtRest,
    /// Memory without objects, many versions at once, and a restart with them
    Many,
    /// The inventory of many versions, beside kubectl
    Inventory,
    /// A copy between two registries
    Copy,
    /// Many rollouts with analysis at once
    Rollouts,
}

/// Runs `cargo xtask bench`.
pub(crate) async fn run(arguments: &Arguments) -> Outcome {
    measure(arguments).await.map_err(|error| -> Box<dyn std::error::Error> { error })
}

async fn measure(arguments: &Arguments) -> Result<(), Error> {
    let begun = Instant::now();
    let profile = if arguments.trial { "dev" } else { "release" };
    println!("Building the operator ({profile}).");
    let program = tokio::task::spawn_blocking(move || stand::build(profile)).await??;
    let control_plane = ControlPlane::start(arguments.cluster.options()).await?;
    let bench = Bench { control_plane, program };
    let mut figures = Figures::default();
    for part in Part::value_variants() {
        if !arguments.only.is_empty() && !arguments.only.contains(part) {
            continue;
        }
        match part {
            Part::One => one::measure(&bench, &mut figures).await?,
            Part::AtRest => at_rest::measure(&bench, &mut figures, arguments.window).await?,
            Part::Many => many::measure(&bench, &mut figures, arguments.versions).await?,
            Part::Inventory => inventory::measure(&bench, &mut figures, arguments.listed).await?,
            Part::Copy => copy::measure(&bench, &mut figures, arguments.copied).await?,
            Part::Rollouts => rollouts::measure(&bench, &mut figures, arguments.extent()).await?,
        }
    }
    println!("\n{}", figures.table());
    println!("Measured in {:.0} s on {} cores.", begun.elapsed().as_secs_f32(), machine::cores());
    if let Some(file) = &arguments.json {
        fs::write(file, format!("{:#}\n", figures.json(machine::cores())))?;
        println!("The figures as JSON: {}", file.display());
    }
    Ok(())
}

/// What every part needs.
struct Bench {
    control_plane: ControlPlane,
    program: PathBuf,
}

impl Bench {
    /// A stand in a namespace of its own, with a release build of the operator.
    async fn stand(&self, name: &str, emulator: Config) -> Result<Stand, Error> {
        let options = StandOptions { operator: false, emulator, ..StandOptions::default() };
        let mut stand = Stand::start(&self.control_plane, name, options).await?;
        stand.operator.program = Some(self.program.clone());
        // As the chart starts it: a debug log would be measured too.
        stand.operator.environment.push(("BINDERY_LOG".into(), "bindery=info,warn".into()));
        stand.operator.start()?;
        Ok(stand)
    }
}

/// The places of the figures: a registry and the workspaces of the story.
async fn declare_places(stand: &Stand, interval: &str) -> Result<(), Error> {
    use bindery::api::{Registry, Workspace};
    let azure = json!({"subscriptionId": SUBSCRIPTION, "resourceGroup": GROUP});
    let registry = json!({"azure": azure, "location": "eastus", "interval": interval});
    stand.apply("Registry", "fares-models", registry).await?;
    for name in ["fares-dev", "fares-prod"] {
        stand.apply("Workspace", name, json!({"azure": azure, "interval": interval})).await?;
        stand.wait_for::<Workspace>(name, "Ready", ready).await?;
    }
    stand.wait_for::<Registry>("fares-models", "Ready", ready).await?;
    Ok(())
}

/// The manifest of a version in the development workspace, from a path.
fn version_from_path(model: &str, version: usize, interval: &str) -> Value {
    json!({
        "workspaceRef": {"name": "fares-dev"}, "model": model, "version": version.to_string(),
        "source": {"uri": format!("azureml://datastores/models/paths/{model}/{version}")},
        "interval": interval,
    })
}

/// The manifest of a promotion into the registry.
fn promotion(model: &str, version: usize, from: &str, interval: &str) -> Value {
    json!({
        "registryRef": {"name": "fares-models"}, "model": model, "version": version.to_string(),
        "source": {"modelVersionRef": {"name": from}}, "interval": interval,
    })
}

/// How long events may take to arrive after what they tell of.
const AFTERWARDS: Duration = Duration::from_secs(2);

/// A process id, or why there is none.
fn process_id(stand: &mut Stand) -> Result<u32, Error> {
    let log: &Path = stand.operator.log();
    let ended = format!("the operator has ended; its log: {}", log.display());
    if stand.operator.is_running() { stand.operator.id().ok_or(ended.into()) } else { Err(ended.into()) }
}
