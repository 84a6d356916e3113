//! Azure or the API server is away, and is back: what the log says at its default level.

use azureml_emulator::{Effect, FaultRule};
use bindery::api::ModelVersion;
use e2e::cable::Cable;
use e2e::control_plane;
use e2e::stand::{Error, Stand, StandOptions, ready};

use crate::{Outcome, taxi};

const VERSIONS: [&str; 5] = ["1", "2", "3", "4", "5"];

/// A stand whose operator does not run yet, and will log as it does where nobody says how.
async fn quiet(name: &str) -> Result<Stand, Error> {
    let mut stand =
        taxi::stand_with(name, StandOptions { operator: false, ..StandOptions::default() }).await?;
    stand.operator.environment.push(("BINDERY_LOG".into(), String::new()));
    Ok(stand)
}

/// The lines of the log of one of these levels.
fn lines(stand: &Stand, levels: &[&str]) -> Vec<String> {
    let log = stand.operator.told(usize::MAX);
    let of_a_level = |line: &&str| levels.iter().any(|level| line.contains(&format!(" {level} ")));
    log.lines().filter(of_a_level).map(str::to_string).collect()
}

/// Waits until the log says this.
async fn says(stand: &Stand, words: &str) -> Outcome {
    stand.wait_until(words, |s| s.operator.told(usize::MAX).contains(words)).await
}

/// One WARN that a server is out of reach, one INFO that it answers again, and nothing else to worry about.
fn said_once(stand: &Stand, server: &str) {
    let worries = lines(stand, &["WARN", "ERROR"]);
    assert!(worries.len() == 1, "{worries:#?}");
    assert!(worries[0].contains(&format!("{server} is out of reach: ")), "{worries:#?}");
    let mut back = lines(stand, &["INFO"]);
    back.retain(|line| line.contains("again"));
    assert!(back.len() == 1, "{back:#?}");
    assert!(back[0].contains(&format!("{server} answers again, after ")), "{back:#?}");
}

async fn begin(stand: &Stand) -> Outcome {
    for n in VERSIONS {
        stand.apply("ModelVersion", &format!("taxi-{n}"), taxi::from_uri(n)).await?;
    }
    Ok(())
}

async fn end(stand: &Stand) -> Outcome {
    for n in VERSIONS {
        stand.wait_for::<ModelVersion>(&format!("taxi-{n}"), "Ready", ready).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn azure_that_is_away_is_told_once_for_all_objects() -> Outcome {
    let mut stand = quiet("reach-azure").await?;
    stand.operator.start()?;
    taxi::workspaces(&stand).await?;
    let away = FaultRule { method: None, ..FaultRule::on("", "", Effect::DropBefore) };
    stand.emulator.control().add_fault(away);
    begin(&stand).await?;
    let lost = |s: &Stand| s.emulator.control().log().filter(|e| !e.answered).count();
    stand.wait_until("requests of every version lost three times", |s| lost(s) >= 3 * VERSIONS.len()).await?;
    says(&stand, "is out of reach").await?;
    stand.emulator.control().clear_faults();
    end(&stand).await?;
    said_once(&stand, stand.emulator.url().trim_start_matches("https://"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_server_that_is_away_is_told_once_for_all_watches_and_writes() -> Outcome {
    let mut stand = quiet("reach-cluster").await?;
    let control_plane = control_plane::shared().await?;
    let server = control_plane.server();
    let Some(port) = server.strip_prefix("https://127.0.0.1:") else {
        eprintln!("not tried: {server} is not on this machine, and its certificate not for a cable");
        return Ok(());
    };
    let cable = Cable::to(port.parse()?).await?;
    let account = control_plane.kubeconfig_for_service_account(&stand.namespace, "bindery").await?;
    let near = format!("127.0.0.1:{}", cable.port());
    let kubeconfig = std::fs::read_to_string(&account)?.replace(&format!("127.0.0.1:{port}"), &near);
    std::fs::write(&account, kubeconfig)?;
    stand.operator.start()?;
    taxi::workspaces(&stand).await?;
    // What is under way in Azure when the API server goes, so that there is something to write.
    let path = "/models/taxi/versions/";
    let slow = Effect::Delay { millis: 3000 };
    stand.emulator.control().add_fault(FaultRule::on("PUT", path, slow));
    begin(&stand).await?;
    stand.wait_until("PUT of every version", |s| s.requests("PUT", path).len() == VERSIONS.len()).await?;
    cable.cut();
    says(&stand, "is out of reach").await?;
    stand.wait_until("try of every watch and write", |_| cable.turned_away() >= 25).await?;
    cable.mend();
    end(&stand).await?;
    says(&stand, "answers again").await?;
    said_once(&stand, &format!("The Kubernetes API server {near}"));
    Ok(())
}
