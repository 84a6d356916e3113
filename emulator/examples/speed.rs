//! How fast it reads, and how much memory it takes, at 100,000 model versions:
//! `cargo run --release -p azureml-emulator --example speed`.

use std::error::Error;
use std::sync::Arc;
use std::time::Instant;

use azureml_emulator::{Config, Emulator, Principal, Request, WorkspaceSeed};
use serde_json::json;

const VERSIONS: usize = 100_000;
const CONTAINERS: usize = 100;
const READS: usize = 20_000;
const CONNECTIONS: usize = 8;
const WORKSPACE: &str =
    "/subscriptions/s1/resourceGroups/ml/providers/Microsoft.MachineLearningServices/workspaces/dev";

fn version(number: usize) -> String {
    format!(
        "{WORKSPACE}/models/m{}/versions/{}?api-version=2025-09-01",
        number % CONTAINERS,
        number / CONTAINERS + 1
    )
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut config = Config { any_token: true, ..Config::default() };
    config.exists.workspaces.push(WorkspaceSeed {
        subscription: "s1".into(),
        resource_group: "ml".into(),
        name: "dev".into(),
        location: "eastus".into(),
        ..WorkspaceSeed::default()
    });
    let emulator = Emulator::start(config).await?;
    let empty = resident_kilobytes();
    let started = Instant::now();
    fill(&emulator);
    let writing = started.elapsed();
    println!("writes in process: {:.0}/s", per_second(VERSIONS, writing.as_secs_f64()));
    if let (Some(empty), Some(full)) = (empty, resident_kilobytes()) {
        println!("memory: {} MiB empty, {} MiB with {VERSIONS} versions", empty / 1024, full / 1024);
    }

    let authority = reqwest::Certificate::from_pem(emulator.ca_pem().as_bytes())?;
    let client = Arc::new(reqwest::Client::builder().tls_certs_only([authority]).build()?);
    let url = emulator.url();
    let started = Instant::now();
    let readers = (0..CONNECTIONS).map(|reader| {
        let (client, url) = (Arc::clone(&client), url.clone());
        tokio::spawn(async move {
            for read in (reader..READS).step_by(CONNECTIONS) {
                let url = format!("{url}{}", version(read * 7 % VERSIONS));
                client.get(url).bearer_auth("x").send().await?.error_for_status()?.bytes().await?;
            }
            Ok::<_, reqwest::Error>(())
        })
    });
    for reader in readers.collect::<Vec<_>>() {
        reader.await??;
    }
    let reading = started.elapsed().as_secs_f64();
    println!("reads over TLS, client included: {:.0}/s", per_second(READS, reading));

    let started = Instant::now();
    let mut next =
        Some(format!("{url}{WORKSPACE}/models/m0/versions?api-version=2025-09-01&listViewType=All"));
    let mut pages = 0;
    while let Some(url) = next {
        let page: serde_json::Value = client.get(url).bearer_auth("x").send().await?.json().await?;
        next = page["nextLink"].as_str().map(ToOwned::to_owned);
        pages += 1;
    }
    println!("pages of a list of 1,000: {:.0}/s", per_second(pages, started.elapsed().as_secs_f64()));
    Ok(())
}

fn fill(emulator: &Emulator) {
    let body = json!({"properties": {
        "modelUri": "azureml://datastores/workspaceblobstore/paths/model", "modelType": "mlflow_model",
        "description": "a model of some length, as models are", "tags": {"owner": "a team", "bindery-owner": "cluster/ns/name"},
    }});
    let principal = Principal::application("speed");
    let mut core = emulator.control();
    for number in 0..VERSIONS {
        let now = core.now();
        core.handle(now, &principal, &Request::put(&version(number), &body));
    }
    core.clear_log();
}

#[allow(clippy::cast_precision_loss)]
fn per_second(count: usize, seconds: f64) -> f64 {
    count as f64 / seconds
}

/// Resident memory, where the system tells.
fn resident_kilobytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}
