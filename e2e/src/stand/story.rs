//! What is in Azure when the story begins: two workspaces, and training jobs of the NYC taxi-fare model.

use azureml_emulator::{Client, Config, Inferred, JobSeed, Seed, Time, WorkspaceSeed};
use serde_json::json;

/// The subscription of the samples and of the stand.
pub const SUBSCRIPTION: &str = "00000000-0000-0000-0000-000000000001";
/// The resource group of the samples and of the stand.
pub const GROUP: &str = "ml";

/// The client that the operator is.
pub(super) const CLIENT: (&str, &str) =
    ("0b5e7a11-0000-4000-8000-000000000001", "the-stand-keeps-no-secrets");
/// Its tenant: the emulator's own.
pub(super) const TENANT: &str = "72f988bf-0000-4000-8000-2d7cd011db47";

/// A training job of the story: the `n`th try at the model.
pub fn job(n: u32, rmse: f64) -> JobSeed {
    JobSeed {
        name: format!("taxi-train-{n}"),
        experiment_name: "nyc-taxi-fare".into(),
        created_by: "ada".into(),
        environment_id: Some(azure_id("workspaces/fares-dev/environments/sklearn/versions/4")),
        inputs: [(
            "training_data".to_string(),
            json!({"jobInputType": "uri_folder", "uri": "azureml://datastores/taxi/paths/2025"}),
        )]
        .into(),
        properties: [
            ("mlflow.source.git.repoURL", "https://ada:token@git.example/fares.git"),
            ("mlflow.source.git.commit", "4f2c1d9e8b7a60514f2c1d9e8b7a60514f2c1d9e"),
            ("azureml.git.dirty", "False"),
        ]
        .map(|(k, v)| (k.to_string(), v.to_string()))
        .into(),
        metrics: [("rmse".to_string(), json!(rmse)), ("r2".to_string(), json!(0.81))].into(),
        ..JobSeed::default()
    }
}

/// The ARM id of something below `Microsoft.MachineLearningServices` in the story's resource group.
pub fn azure_id(path: &str) -> String {
    format!(
        "/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}/providers/Microsoft.MachineLearningServices/{path}"
    )
}

/// The emulator of the story, `scale` times as fast as real time, in the position that [`INFERRED_VARIABLE`] names.
/// In the opposite one lists lag by 0.3 real seconds.
///
/// [`INFERRED_VARIABLE`]: super::INFERRED_VARIABLE
pub fn emulator_config(scale: f64) -> Config {
    // A word that is none is told by `Stand::start`.
    let inferred = super::position::inferred().unwrap_or_default();
    let list_lag = if inferred == Inferred::default() { 0.0 } else { 0.3 * scale };
    let workspace = |name: &str, jobs: Vec<JobSeed>| WorkspaceSeed {
        subscription: SUBSCRIPTION.into(),
        resource_group: GROUP.into(),
        name: name.into(),
        location: "eastus".into(),
        jobs,
        ..WorkspaceSeed::default()
    };
    Config {
        time: Time::Real { scale },
        inferred,
        list_lag,
        tenant: TENANT.into(),
        clients: vec![Client {
            client_id: CLIENT.0.into(),
            name: "bindery".into(),
            secret: Some(CLIENT.1.into()),
            ..Client::default()
        }],
        exists: Seed {
            subscriptions: [(SUBSCRIPTION.to_string(), vec![GROUP.to_string()])].into(),
            workspaces: vec![
                workspace("fares-dev", vec![job(1, 4.1), job(2, 3.7), job(3, 3.6)]),
                workspace("fares-prod", vec![]),
            ],
            ..Seed::default()
        },
        ..Config::default()
    }
}
