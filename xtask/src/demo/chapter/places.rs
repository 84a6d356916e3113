//! The platform team declares where models live and serve.

use e2e::stand::{Error, azure_id};

use super::{Narration, Stage, apply, ready};
use crate::demo::PLATFORM;

/// The workspaces of the samples, and the account that each acts as.
const ACCOUNTS: [(&str, &str); 2] = [("fares-dev", "fares-dev-azure"), ("fares-prod", "fares-prod-azure")];

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

/// Each workspace acts as an account of its own from now on, and the operator's own identity may do nothing there.
pub(in crate::demo) async fn identities(stage: &Stage, narration: &mut Narration) -> Result<(), Error> {
    narration.chapter(
        "Each workspace acts as an identity of its own",
        "A service account for each, with a federated credential in Entra ID; the operator's own identity keeps the registry alone.",
    );
    let stand = &stage.stand;
    for (workspace, account) in ACCOUNTS {
        stand.place_account(PLATFORM, account).await?;
        stand.allow_in_azure(account, &format!("workspaces/{workspace}"));
        // Who promotes writes into the registry, and who serves from it reads it.
        stand.allow_in_azure(account, "registries/fares-models");
    }
    stage.kubectl.run(narration, &["get", "serviceaccounts", "-n", PLATFORM, "--show-labels"]).await?;
    for (workspace, account) in ACCOUNTS {
        let patch = format!(r#"{{"spec":{{"credentials":{{"serviceAccountName":"{account}"}}}}}}"#);
        let line = ["patch", "amlws", workspace, "-n", PLATFORM, "--type=merge", "-p", &patch];
        stage.kubectl.run(narration, &line).await?;
    }
    stand.allow_in_azure("bindery", "registries/fares-models");
    stand.emulator.control().clear_log();
    ready(stage, narration, &["amlws/fares-dev", "amlws/fares-prod"]).await
}

/// At the end of the story: who asked Azure for what.
pub(in crate::demo) fn whose_rights(stage: &Stage, narration: &mut Narration) -> Result<(), Error> {
    let control = stage.stand.emulator.control();
    let asked = |workspace: &str| -> Vec<String> {
        let at = azure_id(&format!("workspaces/{workspace}/")).to_lowercase();
        let by_bindery =
            |name: &str| name == "bindery" || ACCOUNTS.iter().any(|(_, account)| *account == name);
        let mut all: Vec<String> = control
            .log()
            .filter(|e| e.path.to_lowercase().starts_with(&at) && by_bindery(&e.principal))
            .map(|e| e.principal.clone())
            .collect();
        all.sort();
        all.dedup();
        all
    };
    let whose: Vec<Vec<String>> = ACCOUNTS.iter().map(|(workspace, _)| asked(workspace)).collect();
    drop(control);
    narration.check(
        "Bindery asked Azure about each workspace as its own identity, and as no other",
        whose == ACCOUNTS.map(|(_, account)| vec![account.to_string()]),
        || format!("{whose:?}"),
    )
}
