//! The platform team declares where models live and serve.

use e2e::stand::{Error, azure_id};

use super::{Narration, Stage, apply, ready};
use crate::demo::PLATFORM;

pub(in crate::demo) async fn places(stage: &Stage, narration: &mut Narration) -> Result<(), Error> {
    narration.chapter(
        "The platform team declares the places",
        "A registry, which Bindery makes in Azure, and two workspaces, which exist there. Team fares is let in by a label.",
    );
    apply(stage, narration, &["00-namespace", "10-registry", "20-workspaces"]).await?;
    ready(stage, narration, &["amlreg/fares-models", "amlws/fares-dev", "amlws/fares-prod"]).await?;
    stage.kubectl.run(narration, &["get", "bindery", "-n", PLATFORM]).await?;
    let found = stage.stand.emulator.control().resource(&azure_id("registries/fares-models"));
    let registry = found.unwrap_or_default();
    let regions = registry["properties"]["regionDetails"].as_array().cloned().unwrap_or_default();
    let regions: Vec<&str> = regions.iter().filter_map(|r| r["location"].as_str()).collect();
    let as_declared = regions == ["eastus", "westeurope"] && registry["tags"]["team"] == "fares";
    narration.check(
        "Azure holds the registry as declared: eastus and westeurope, team=fares",
        as_declared,
        || format!("{registry:#}"),
    )
}
