//! Microsoft's Python clients, unchanged. They need a Python that has them, named by
//! `AZUREML_EMULATOR_PYTHON`, as `cargo xtask test --only python` does; without it these tests say that
//! they skipped, which `AZUREML_EMULATOR_PYTHON=required` makes an error. The older client is in the folder that
//! `AZUREML_EMULATOR_PYTHON_OLDER` names.
#![allow(clippy::unwrap_used)]

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::Command;

use azureml_emulator::{Client, Config, Emulator, JobSeed, RightsEffect, RightsRule, Time, WorkspaceSeed};
use serde_json::json;

const SUBSCRIPTION: &str = "00000000-0000-4000-8000-000000000001";
const CLIENT: &str = "00000000-0000-4000-8000-00000000000a";

/// A world in which two runs have ended, and clients need not log in.
fn config() -> Config {
    // Without Retry-After, which the service does not send, the client waits half a minute between two looks.
    let mut config = Config {
        any_token: true,
        time: Time::Real { scale: 120.0 },
        retry_after: Some(1),
        ..Config::default()
    };
    let run = |name: &str, experiment: &str, rmse: [f64; 2], depth: &str| JobSeed {
        name: name.into(),
        experiment_name: experiment.into(),
        created_by: "ada".into(),
        metrics: [("rmse".to_owned(), json!(rmse))].into(),
        params: [("depth".to_owned(), depth.to_owned())].into(),
        ..JobSeed::default()
    };
    let mut first = run("train-1", "fares", [4.5, 3.25], "7");
    first.metrics.insert("loss".to_owned(), json!("NaN"));
    first.metrics.insert("bound".to_owned(), json!("Infinity"));
    first.properties.insert("mlflow.source.git.commit".to_owned(), "4f1c2d".to_owned());
    config.exists.workspaces.push(WorkspaceSeed {
        subscription: SUBSCRIPTION.into(),
        resource_group: "ml".into(),
        name: "dev".into(),
        location: "eastus".into(),
        jobs: vec![first, run("train-2", "fares", [6.0, 5.0], "9"), run("train-3", "other", [1.0, 1.0], "1")],
        ..WorkspaceSeed::default()
    });
    config
}

/// The same world, in which clients do log in, and this one may do everything in the workspace `dev`.
fn config_with_login() -> Config {
    let mut config = config();
    config.any_token = false;
    config.clients.push(Client {
        client_id: CLIENT.into(),
        name: "ada".into(),
        secret: Some("right".into()),
        ..Client::default()
    });
    let scope = format!(
        "/subscriptions/{SUBSCRIPTION}/resourceGroups/ml/providers/Microsoft.MachineLearningServices/workspaces/dev"
    );
    config.rights.push(RightsRule {
        principal: "ada".into(),
        scope,
        action: "*".into(),
        effect: RightsEffect::Allow,
    });
    config
}

/// The same world, with a job that has outputs, and a run below it.
fn config_with_outputs() -> Config {
    let mut config = config();
    let uri = "azureml://datastores/workspaceblobstore/paths/trained/scores/";
    let scores = json!({"jobOutputType": "uri_folder", "uri": uri});
    config.exists.workspaces[0].jobs.extend([
        JobSeed {
            name: "trained".into(),
            outputs: [("scores".to_owned(), scores)].into(),
            ..JobSeed::default()
        },
        JobSeed {
            name: "tuned".into(),
            tags: [("mlflow.parentRunId".to_owned(), "trained".to_owned())].into(),
            ..JobSeed::default()
        },
    ]);
    config
}

/// Runs a program of this folder against an emulator, and wants a good end.
async fn run(program: &str, config: Config, variables: &[(&str, &str)]) {
    run_with(program, config, variables, None).await;
}

/// The same, with packages of a folder before those of the Python.
async fn run_with(program: &str, config: Config, variables: &[(&str, &str)], packages: Option<&OsStr>) {
    let Ok(python) = std::env::var("AZUREML_EMULATOR_PYTHON") else {
        println!("skipped: AZUREML_EMULATOR_PYTHON names no Python with azure-ai-ml");
        return;
    };
    assert_ne!(python, "required", "AZUREML_EMULATOR_PYTHON must name a Python with azure-ai-ml");
    let tenant = config.tenant.clone();
    let emulator = Emulator::start(config).await.unwrap();
    let authority =
        std::env::temp_dir().join(format!("azureml-emulator-{}-{program}.pem", std::process::id()));
    std::fs::write(&authority, emulator.ca_pem()).unwrap();
    let tracking = format!(
        "azureml://{}/mlflow/v1.0/subscriptions/{SUBSCRIPTION}/resourceGroups/ml/providers/Microsoft.MachineLearningServices/workspaces/dev",
        emulator.address()
    );
    let mut command = Command::new(python);
    command
        .arg(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/python").join(program))
        .env_remove("PYTHONPATH")
        .envs(packages.map(|folder| ("PYTHONPATH", folder)))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("EMULATOR_URL", emulator.url())
        .env("EMULATOR_SUBSCRIPTION", SUBSCRIPTION)
        .env("EMULATOR_TENANT", tenant)
        .env("EMULATOR_CLIENT", CLIENT)
        .env("MLFLOW_TRACKING_URI", tracking)
        .env("REQUESTS_CA_BUNDLE", &authority)
        .env("AZURE_EXTENSION_DIR", std::env::temp_dir())
        .envs(variables.iter().copied());
    let done = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
    let _ = std::fs::remove_file(&authority);
    println!("{}{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    assert!(done.status.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_official_python_client_takes_it_for_the_service() {
    run("client.py", config(), &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_official_python_client_uploads_files_and_reads_them_back() {
    run("files_client.py", config(), &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_official_python_client_finds_the_cloud_and_logs_in() {
    run("cloud_client.py", config_with_login(), &[]).await;
}

/// Its own calls are generated from specifications, each with a version of its own.
#[tokio::test(flavor = "multi_thread")]
async fn an_older_python_client_takes_it_for_the_service_too() {
    let older = std::env::var_os("AZUREML_EMULATOR_PYTHON_OLDER");
    if older.is_none() && std::env::var_os("AZUREML_EMULATOR_PYTHON").is_some() {
        println!("skipped: AZUREML_EMULATOR_PYTHON_OLDER names no folder with azure-ai-ml 1.28.1");
        return;
    }
    run_with("older_client.py", config(), &[], older.as_deref()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mlflow_reads_runs_and_their_metrics() {
    let context = [
        ("MLFLOW_RUN_ID", "train-1"),
        ("MLFLOW_EXPERIMENT_NAME", "fares"),
        ("AZUREML_CURRENT_CLOUD", "AzureCloud"),
    ];
    run("mlflow_client.py", config(), &context).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_official_python_client_submits_jobs() {
    run("jobs_client.py", config(), &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_official_python_clients_follow_jobs_and_get_their_files() {
    let context = [("MLFLOW_RUN_ID", "trained"), ("MLFLOW_EXPERIMENT_NAME", "Default")];
    run("history_client.py", config_with_outputs(), &context).await;
}
