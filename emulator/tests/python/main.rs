//! Microsoft's Python client, unchanged. It needs a Python that has `azure-ai-ml`, named by
//! `AZUREML_EMULATOR_PYTHON`, as `cargo xtask test --only python` does; without it this test says that it skipped, which `AZUREML_EMULATOR_PYTHON=required`
//! makes an error.
#![allow(clippy::unwrap_used)]

use std::process::Command;

use azureml_emulator::{Config, Emulator, JobSeed, Time, WorkspaceSeed};

const SUBSCRIPTION: &str = "00000000-0000-4000-8000-000000000001";

#[tokio::test(flavor = "multi_thread")]
async fn the_official_python_client_takes_it_for_the_service() {
    let Ok(python) = std::env::var("AZUREML_EMULATOR_PYTHON") else {
        println!("skipped: AZUREML_EMULATOR_PYTHON names no Python with azure-ai-ml");
        return;
    };
    assert_ne!(python, "required", "AZUREML_EMULATOR_PYTHON must name a Python with azure-ai-ml");
    // Without Retry-After, which the service does not send, the client waits half a minute between two looks.
    let mut config = Config {
        any_token: true,
        time: Time::Real { scale: 120.0 },
        retry_after: Some(1),
        ..Config::default()
    };
    config.exists.workspaces.push(WorkspaceSeed {
        subscription: SUBSCRIPTION.into(),
        resource_group: "ml".into(),
        name: "dev".into(),
        location: "eastus".into(),
        jobs: vec![JobSeed { name: "train-1".into(), ..JobSeed::default() }],
        ..WorkspaceSeed::default()
    });
    let emulator = Emulator::start(config).await.unwrap();
    let authority = std::env::temp_dir().join(format!("azureml-emulator-{}.pem", std::process::id()));
    std::fs::write(&authority, emulator.ca_pem()).unwrap();
    let mut command = Command::new(python);
    command
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/python/client.py"))
        .env("EMULATOR_URL", emulator.url())
        .env("EMULATOR_SUBSCRIPTION", SUBSCRIPTION)
        .env_remove("PYTHONPATH")
        .env("REQUESTS_CA_BUNDLE", &authority)
        .env("AZURE_EXTENSION_DIR", std::env::temp_dir());
    let done = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
    let _ = std::fs::remove_file(&authority);
    println!("{}{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    assert!(done.status.success());
}
