//! What is applied, and what Azure has to begin with.

use std::time::Duration;

use azureml_emulator::{Seed, WorkspaceSeed};
use e2e::stand::GROUP;
use serde_json::{Value, json};

/// The shortest interval of a metric.
pub(super) const INTERVAL: Duration = Duration::from_secs(10);
/// The step that waits for its measurements.
pub(super) const STEP: &str = "watch";
/// Long enough that no comparison falls into the measurement.
const COMPARED: &str = "10h";

/// A workspace in each of so many subscriptions.
pub(super) fn azure(subscriptions: usize) -> Seed {
    let workspace = |place| WorkspaceSeed {
        subscription: subscription(place),
        resource_group: GROUP.into(),
        name: workspace(place),
        location: "eastus".into(),
        ..WorkspaceSeed::default()
    };
    Seed {
        subscriptions: (0..subscriptions)
            .map(|place| (subscription(place), vec![GROUP.to_string()]))
            .collect(),
        workspaces: (0..subscriptions).map(workspace).collect(),
        ..Seed::default()
    }
}

fn subscription(place: usize) -> String {
    format!("00000000-0000-0000-0001-{place:012}")
}

pub(super) fn workspace(place: usize) -> String {
    format!("serving-{place}")
}

/// The manifest of the workspace.
pub(super) fn place(place: usize) -> Value {
    let azure = json!({"subscriptionId": subscription(place), "resourceGroup": GROUP});
    json!({"azure": azure, "interval": COMPARED})
}

/// The object of a version in the workspace.
pub(super) fn version(place: usize, version: u32) -> String {
    format!("fares-{place}-{version}")
}

/// Its manifest.
pub(super) fn model(place: usize, version: u32) -> Value {
    json!({
        "workspaceRef": {"name": workspace(place)}, "model": "fares", "version": version.to_string(),
        "source": {"uri": format!("azureml://datastores/models/paths/fares/{version}")}, "interval": COMPARED,
    })
}

/// The name of an endpoint and of its binding.
pub(super) fn endpoint(n: usize) -> String {
    format!("fares-{n}")
}

/// The manifest of the binding, to version 1.
pub(super) fn binding(n: usize, place: usize, count: u32) -> Value {
    let metric = |name: &str, count: Option<u32>| {
        let query = format!("{name}{{endpoint=\"{{{{ endpoint }}}}\", deployment=\"{{{{ deployment }}}}\"}}");
        let prometheus = json!({"providerRef": {"name": "prometheus"}, "query": query});
        let interval = format!("{}s", INTERVAL.as_secs());
        let mut metric = json!({"name": name, "max": "0.5", "interval": interval, "prometheus": prometheus});
        if let Some(count) = count {
            metric["count"] = json!(count);
        }
        metric
    };
    json!({
        "workspaceRef": {"name": workspace(place)}, "model": {"versionRef": {"name": version(place, 1)}},
        "online": {"endpoint": {"name": endpoint(n)}, "deployment": {"instanceType": "Standard_DS3_v2"}},
        "strategy": {
            "metrics": [metric("errors", Some(count)), metric("latency", None)],
            "steps": [
                {"name": "beside", "analysis": {"metrics": ["latency"], "background": true}},
                {"setTraffic": 20},
                {"name": STEP, "analysis": {"metrics": ["errors"]}},
                {"setTraffic": 100},
            ],
        },
        "interval": COMPARED,
    })
}
