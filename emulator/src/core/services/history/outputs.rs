//! A run's outputs: assets whose place clients ask for by their ids.

use serde_json::{Map, Value, json};

use super::name;
use crate::core::Core;
use crate::core::machinery::address::Address;
use crate::core::machinery::json as at;
use crate::core::resources::workspace as owner;

/// An output: its name in the job, its id as an asset, its type, and its place.
struct Output {
    name: String,
    id: String,
    kind: &'static str,
    uri: String,
}

/// The outputs whose place the job names: nothing runs that would write others.
fn named(core: &Core, workspace: &Address, job: &Value) -> Vec<Output> {
    let (workspace_id, location) = owner::place(core, workspace);
    let output = |(output, value): (String, Value)| {
        let uri = at::text(&value, "uri")?.to_owned();
        let (collection, kind) = match at::text(&value, "jobOutputType")? {
            "uri_file" => ("data", "uri_file"),
            "mltable" => ("data", "mltable"),
            "custom_model" => ("models", "CustomModel"),
            "mlflow_model" => ("models", "MLFlowModel"),
            "triton_model" => ("models", "TritonModel"),
            _ => ("data", "uri_folder"),
        };
        let id = format!(
            "azureml://locations/{location}/workspaces/{workspace_id}/{collection}/azureml_{}_output_data_{output}/versions/1",
            name(job)
        );
        Some(Output { name: output, id, kind, uri })
    };
    at::object(job, "properties.outputs").into_iter().filter_map(output).collect()
}

/// As a run has them: `{name: {assetId, type}}`.
pub fn of(core: &Core, workspace: &Address, job: &Value) -> Value {
    let outputs = named(core, workspace, job).into_iter();
    outputs
        .map(|output| (output.name, json!({"assetId": output.id, "type": output.kind})))
        .collect::<Map<_, _>>()
        .into()
}

/// Answers `{values: [id]}` with `{values: {id: {uri, type}}}`; what holds the place is called otherwise for models.
pub fn places(core: &Core, workspace: &Address, asked: &Value, field: &str) -> Value {
    let ids = asked["values"].as_array().cloned().unwrap_or_default();
    let jobs = format!("{}/jobs", workspace.key());
    let outputs = core.store.all(&jobs).flat_map(|job| named(core, workspace, &job));
    let found = outputs.filter(|output| ids.iter().any(|id| *id == *output.id));
    let found: Map<String, Value> =
        found.map(|output| (output.id, json!({field: output.uri, "type": output.kind}))).collect();
    json!({"values": found})
}
