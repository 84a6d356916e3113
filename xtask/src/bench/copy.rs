//! A copy from one registry into another: the bytes go from storage to storage, and not through the operator.

use std::time::Instant;

use azureml_emulator::{Principal, Request};
use bindery::api::{ModelVersion, Registry};
use e2e::stand::{Error, GROUP, SUBSCRIPTION, Stand, azure_id, emulator_config, ready};
use reqwest::Method;
use serde_json::json;

use super::figures::Figures;
use super::{Bench, machine, process_id};

/// The size of each file.
const FILE_MIB: usize = 256;
const SOURCE: &str = "registries/fares-models/models/large/versions/1";

pub(super) async fn measure(bench: &Bench, figures: &mut Figures, mebibytes: usize) -> Result<(), Error> {
    let files = mebibytes.div_ceil(FILE_MIB).max(1);
    let size = files * FILE_MIB;
    println!("A copy of {size} MiB in {files} files between two registries.");
    let mut stand = bench.stand("bench-copy", emulator_config(20.0)).await?;
    let azure = json!({"subscriptionId": SUBSCRIPTION, "resourceGroup": GROUP});
    for name in ["fares-models", "released"] {
        let spec = json!({"azure": azure, "location": "eastus", "adoption": "Allow"});
        stand.apply("Registry", name, spec).await?;
        stand.wait_for::<Registry>(name, "Ready", ready).await?;
    }
    upload(&stand, files)?;
    let version = |registry: &str, source| json!({"registryRef": {"name": registry}, "model": "large", "version": "1", "source": source});
    stand.apply("ModelVersion", "large", version("fares-models", json!({"existing": {}}))).await?;
    stand.wait_for::<ModelVersion>("large", "Ready", ready).await?;

    let id = process_id(&mut stand)?;
    let before = machine::peak_mib(id)?;
    let begun = Instant::now();
    let source = json!({"modelVersionRef": {"name": "large"}});
    stand.apply("ModelVersion", "copy", version("released", source)).await?;
    stand.wait_for::<ModelVersion>("copy", "Ready", ready).await?;
    let seconds = begun.elapsed().as_secs_f64();
    let more = machine::peak_mib(id)? - before;
    let title = format!("a copy of {size} MiB");
    figures.at_most(10.0, format!("{title}: memory beside what the operator had"), more, "MiB");
    figures.add(format!("{title}: apply to Ready, mostly the emulator's own work"), seconds, "s");
    Ok(())
}

/// Somebody uploads and registers the version that is copied.
fn upload(stand: &Stand, files: usize) -> Result<(), Error> {
    let mut core = stand.emulator.control();
    let now = core.now();
    let somebody = Principal::application("somebody");
    let begin = format!("{}/startPendingUpload?api-version=2025-09-01", azure_id(SOURCE));
    let place = core.handle(now, &somebody, &Request::post(&begin, &json!({}))).value();
    let container =
        place["blobReferenceForConsumption"]["blobUri"].as_str().ok_or("a container")?.to_string();
    let (host, folder) =
        container.strip_prefix("https://").and_then(|rest| rest.split_once('/')).ok_or("a blob's URL")?;
    for n in 0..files {
        let mut request =
            Request::new(Method::PUT, &format!("/{folder}/model/weights-{n}.bin")).header("host", host);
        request.body = vec![u8::try_from(n % 256)?; FILE_MIB * 1024 * 1024];
        let status = core.handle(now, &somebody, &request).status;
        if status != 201 {
            return Err(format!("the emulator answered {status} to a file").into());
        }
    }
    drop(core);
    let properties = json!({"modelUri": format!("{container}/model"), "modelType": "custom_model"});
    stand.exists_in_azure(SOURCE, &json!({"properties": properties}))
}
