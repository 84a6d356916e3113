//! Rules of deployment bindings.

use serde_json::{Value, json};

use super::{Case, at, case};
use crate::example::{asset, patched};
use crate::sentences::*;

const ONE_KIND: &str = "give exactly one of online and batch: what serves the version";

const SAMPLE: &str = "azureml://datastores/workspaceblobstore/paths/taxi/sample";

/// The example as a binding of a batch endpoint, with this in place of what it says of that.
fn of_batch(strategy: &Value, batch: &Value) -> Value {
    let cluster = format!(
        "{}/computes/cpu",
        asset("environments", "e").split("/environments").next().unwrap_or_default()
    );
    let whole = json!({
        "endpoint": {"name": "taxi-batch", "authMode": "AADToken", "tags": {"team": "fares"}},
        "deployment": {
            "compute": cluster, "instanceCount": 2, "environment": asset("environments", "e"),
            "code": {"id": asset("codes", "c"), "scoringScript": "score.py"}, "miniBatchSize": 10,
            "maxConcurrencyPerInstance": 2, "outputAction": "AppendRow", "outputFileName": "predictions.csv",
            "errorThreshold": -1, "retrySettings": {"maxRetries": 3, "timeout": "30m"},
            "environmentVariables": {"LEVEL": "info"}, "tags": {"team": "fares"},
        },
        "verify": {"input": SAMPLE, "inputType": "UriFolder", "timeout": "30m"},
    });
    json!({"spec": {"online": null, "batch": patched(whole, batch), "strategy": strategy}})
}

/// A rule of a field that an online endpoint and a batch endpoint have both, of the latter.
pub(super) fn the_same_of_batch(case: &Case) -> Option<Case> {
    let field = case.field.strip_prefix("spec.online.")?;
    let both = ["endpoint.tags", "deployment.tags", "deployment.environment", "deployment.code"];
    let dots = field == "deployment" && case.says.starts_with("environment must have no");
    if !dots && !both.iter().any(|it| field.starts_with(it)) {
        return None;
    }
    let plain = json!({"steps": null, "metrics": null});
    let of = |patch: &Value| of_batch(&plain, &patch["spec"]["online"]);
    let field = format!("spec.batch.{field}").leak();
    Some(Case { kind: case.kind, field, says: case.says, wrong: of(&case.wrong), right: of(&case.right) })
}

/// Rules of bindings of batch endpoints.
pub(super) fn rules_of_batch() -> Vec<Case> {
    let kind = "deploymentbindings";
    let plain = json!({"steps": null, "metrics": null});
    let right = || of_batch(&plain, &json!({}));
    let deployment = |field: &str, value: Value| of_batch(&plain, &json!({"deployment": {field: value}}));
    let both =
        patched(right(), &json!({"spec": {"online": {"endpoint": {"name": "taxi"}, "deployment": {}}}}));
    let steps = json!({"steps": [{"setTraffic": 10}], "metrics": null});
    let metric = json!([{"name": "errors", "max": "0.01", "azureMonitor": {"metric": "RequestsPerMinute", "aggregation": "Average"}}]);
    let right_cluster = "/subscriptions/s/resourcegroups/g/providers/microsoft.machinelearningservices/workspaces/w/computes/gpu-2";
    let together = "give code and environment together, or neither of them: an MLflow model needs neither, and any other model needs both";
    let file = "must be the name of a file: letters (a-z, A-Z), digits, '-', '_' and '.', with a letter, digit or '_' first, such as predictions.csv";
    let cluster = "must be the ARM id of a compute cluster: /subscriptions/<id>/resourceGroups/<group>/providers/Microsoft.MachineLearningServices/workspaces/<workspace>/computes/<name>; '%' is not allowed";
    let verify = |field: &str, value: &str| of_batch(&plain, &json!({"verify": {field: value}}));
    let sample = "must be a path in a datastore of the workspace: azureml://datastores/<datastore>/paths/<path>, without spaces, '?', '#', '%', '\\' and control characters, such as azureml://datastores/workspaceblobstore/paths/taxi/sample";
    let file_of_samples = format!("{SAMPLE}/a.csv");
    let signed = "https://a.blob.core.windows.net/taxi/sample?sig=1";
    let elsewhere = "azureml://subscriptions/s/resourcegroups/g/workspaces/w/datastores/d/paths/p";
    let up = "azureml://datastores/workspaceblobstore/paths/taxi/../other";
    let dots = "input must have no '.' or '..' between its slashes";
    let unseen = format!("{SAMPLE}\u{200b}");
    let longest = "timeout must be from 1m to 168h";
    vec![
        case(
            kind,
            "spec.batch.verify.input",
            sample,
            verify("input", signed),
            verify("input", &file_of_samples),
        ),
        case(
            kind,
            "spec.batch.verify.input",
            sample,
            verify("input", elsewhere),
            verify("inputType", "UriFile"),
        ),
        case(kind, "spec.batch.verify", dots, verify("input", up), right()),
        case(kind, "spec.batch.verify.input", SEEN, verify("input", &unseen), right()),
        case(kind, "spec.batch.verify.timeout", PERIOD, verify("timeout", "1d"), verify("timeout", "1h30m")),
        case(kind, "spec.batch.verify", longest, verify("timeout", "59s"), verify("timeout", "168h")),
        case(kind, "spec.batch.verify", longest, verify("timeout", "169h"), verify("timeout", "1m")),
        case(kind, "spec", ONE_KIND, both, right()),
        case(
            kind,
            "spec",
            "a batch endpoint has no traffic to move in steps: leave strategy.steps out",
            of_batch(&steps, &json!({})),
            of_batch(&json!({"steps": [], "metrics": []}), &json!({})),
        ),
        case(
            kind,
            "spec",
            "a batch endpoint has no requests to measure: leave strategy.metrics out",
            of_batch(&json!({"steps": null, "metrics": metric}), &json!({})),
            right(),
        ),
        case(
            kind,
            "spec.batch.endpoint.name",
            ENDPOINT_NAME,
            of_batch(&plain, &json!({"endpoint": {"name": "1-taxi"}})),
            of_batch(&plain, &json!({"endpoint": {"name": "taxi-1", "authMode": null}})),
        ),
        case(
            kind,
            "spec.batch.deployment",
            together,
            deployment("code", Value::Null),
            of_batch(&plain, &json!({"deployment": {"code": null, "environment": null}})),
        ),
        case(kind, "spec.batch.deployment", together, deployment("environment", Value::Null), right()),
        case(
            kind,
            "spec.batch.deployment.compute",
            cluster,
            deployment("compute", "cpu".into()),
            deployment("compute", right_cluster.into()),
        ),
        case(
            kind,
            "spec.batch.deployment.outputFileName",
            file,
            deployment("outputFileName", "a/b.csv".into()),
            deployment("outputFileName", "_out-2.csv".into()),
        ),
        case(
            kind,
            "spec.batch.deployment.compute",
            SEEN,
            deployment("compute", format!("{right_cluster}\u{200b}").into()),
            deployment("compute", right_cluster.into()),
        ),
        case(
            kind,
            "spec.batch.deployment.retrySettings.timeout",
            PERIOD,
            deployment("retrySettings", json!({"timeout": "1d"})),
            deployment("retrySettings", json!({"timeout": "1h30m"})),
        ),
        case(
            kind,
            "spec.batch.deployment.retrySettings",
            "timeout must be from 1s to 24h",
            deployment("retrySettings", json!({"timeout": "0s"})),
            deployment("retrySettings", json!({"timeout": "24h", "maxRetries": 0})),
        ),
    ]
}

const COMPUTE: &str = "must be the ARM id of a cluster that is attached to the workspace: /subscriptions/<id>/resourceGroups/<group>/providers/Microsoft.MachineLearningServices/workspaces/<workspace>/computes/<name>; '%' is not allowed";

const CLUSTER: &str = "/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w/computes/my-cluster";

/// A binding of an endpoint on a cluster, with this besides.
fn on_kubernetes(online: &Value) -> Value {
    let mut all =
        json!({"endpoint": {"authMode": "Key", "compute": CLUSTER}, "deployment": {"autoscale": null}});
    for part in ["endpoint", "deployment"] {
        for (field, value) in online[part].as_object().cloned().unwrap_or_default() {
            all[part][field] = value;
        }
    }
    // What the example has of steps and metrics is for managed endpoints.
    json!({"spec": {"online": all, "strategy": {"steps": null, "metrics": null}}})
}

fn requesting(cpu: &str, memory: &str, limits: &Value) -> Value {
    let requests = json!({"cpu": cpu, "memory": memory});
    on_kubernetes(&json!({"deployment": {"resources": {"requests": requests, "limits": limits}}}))
}

/// The same with this strategy.
fn strategy(strategy: &Value) -> Value {
    let mut all = on_kubernetes(&json!({}));
    for (field, value) in strategy.as_object().cloned().unwrap_or_default() {
        all["spec"]["strategy"][field] = value;
    }
    all
}

pub(super) fn rules_of_bindings() -> Vec<Case> {
    let kind = "deploymentbindings";
    let endpoint = "spec.online.endpoint.name";
    let steps = |steps| at("spec.strategy.steps", steps);
    let other = "each setTraffic of steps must have another weight: put the pauses of one weight together";
    let rise = "the weights of setTraffic must rise from step to step";
    let one = "a step is exactly one of setTraffic, mirror, analysis and pause";
    let name = "each step must have another name";
    let shares = "the shares of mirror must rise from step to step";
    let first =
        "mirror comes before the first setTraffic: Azure copies no requests to a deployment that has traffic";
    let mirror = |name: &str, share: i32| json!({"name": name, "mirror": share});
    let called = |name: &str| steps(json!([{"name": name, "setTraffic": 10}]));
    let autoscale = "spec.online.deployment.autoscale";
    let by = "give exactly one of cpuPercent and requestsPerInstance: by what Azure scales";
    let scaled = |by: &Value, least: i32, count: Value| {
        let mut scale = by.clone();
        (scale["minInstances"], scale["maxInstances"]) = (least.into(), 4.into());
        at("spec.online.deployment", json!({"instanceCount": count, "autoscale": scale}))
    };
    let pause = json!({"pause": {"for": "1m"}});
    vec![
        case(kind, endpoint, ENDPOINT_NAME, at(endpoint, "1-taxi".into()), at(endpoint, "taxi-1".into())),
        case(kind, endpoint, ENDPOINT_NAME, at(endpoint, "taxi-".into()), at(endpoint, "Taxi".into())),
        case(kind, endpoint, ENDPOINT_NAME, at(endpoint, "taxi--1".into()), at(endpoint, "t-a-xi".into())),
        case(
            kind,
            "spec.online.endpoint",
            "keysSecret is for authMode Key: an endpoint of another mode has no keys",
            at("spec.online.endpoint", json!({"authMode": "AADToken", "keysSecret": {"name": "taxi-keys"}})),
            at("spec.online.endpoint", json!({"authMode": "Key", "keysSecret": {"name": "taxi-keys"}})),
        ),
        case(
            kind,
            "spec.online.endpoint",
            "keysSecret is for authMode Key: an endpoint of another mode has no keys",
            at("spec.online.endpoint", json!({"authMode": "AMLToken", "keysSecret": {"name": "taxi-keys"}})),
            at("spec.online.endpoint", json!({"authMode": "AMLToken"})),
        ),
        case(
            kind,
            "spec.online.endpoint.keysSecret.name",
            OBJECT_NAME,
            at("spec.online.endpoint", json!({"authMode": "Key", "keysSecret": {"name": "Taxi"}})),
            at("spec.online.endpoint", json!({"authMode": "Key", "keysSecret": {"name": "taxi.keys-1"}})),
        ),
        case(
            kind,
            "spec.online.endpoint.compute",
            COMPUTE,
            on_kubernetes(&json!({"endpoint": {"compute": "my-cluster"}})),
            on_kubernetes(&json!({})),
        ),
        case(
            kind,
            "spec.online.endpoint",
            "an endpoint on Kubernetes takes no Microsoft Entra tokens: set authMode to Key or AMLToken",
            on_kubernetes(&json!({"endpoint": {"authMode": "AADToken"}})),
            on_kubernetes(&json!({"endpoint": {"authMode": "AMLToken"}})),
        ),
        case(
            kind,
            "spec.online",
            "Azure Monitor scales nothing on Kubernetes: give instanceCount in place of autoscale",
            on_kubernetes(
                &json!({"deployment": {"instanceCount": null, "autoscale": {"minInstances": 1, "maxInstances": 2, "cpuPercent": 70}}}),
            ),
            on_kubernetes(&json!({"deployment": {"instanceCount": 2}})),
        ),
        case(
            kind,
            "spec.online",
            "deployment.resources is for an endpoint on Kubernetes: give endpoint.compute, or an instanceType",
            at("spec.online.deployment.resources", json!({"requests": {"cpu": "1", "memory": "1Gi"}})),
            requesting("1", "1Gi", &json!({"gpu": "1"})),
        ),
        case(
            kind,
            "spec.online.deployment.resources",
            "requests.cpu must not be more than limits.cpu",
            requesting("1.5", "1Gi", &json!({"cpu": "1499m"})),
            requesting("1.5", "1Gi", &json!({"cpu": "1500m"})),
        ),
        case(
            kind,
            "spec.online.deployment.resources",
            "requests.memory must not be more than limits.memory",
            requesting("1", "1Gi", &json!({"memory": "1G"})),
            requesting("1", "1G", &json!({"memory": "1Gi"})),
        ),
        case(
            kind,
            "spec.online.deployment.resources.requests.cpu",
            "must be a number of processors, such as 2 or 500m",
            requesting("1.5m", "1Gi", &json!({})),
            requesting("500m", "1Gi", &json!({})),
        ),
        case(
            kind,
            "spec.online.deployment.resources.requests.memory",
            "must be an amount of memory, such as 4Gi",
            requesting("1", "1GB", &json!({})),
            requesting("1", "1.5Gi", &json!({})),
        ),
        case(
            kind,
            "spec.online.endpoint.compute",
            SEEN,
            on_kubernetes(&json!({"endpoint": {"compute": format!("{CLUSTER}\u{200b}")}})),
            on_kubernetes(&json!({"endpoint": {"compute": format!("{CLUSTER}-2")}})),
        ),
        case(
            kind,
            "spec.online.deployment.resources.limits.cpu",
            "must be a number of processors, such as 2 or 500m",
            requesting("1", "1Gi", &json!({"cpu": "two"})),
            requesting("1", "1Gi", &json!({"cpu": "2"})),
        ),
        case(
            kind,
            "spec.online.deployment.resources.limits.memory",
            "must be an amount of memory, such as 4Gi",
            requesting("1", "1Gi", &json!({"memory": "4 Gi"})),
            requesting("1", "1Gi", &json!({"memory": "4Gi"})),
        ),
        case(
            kind,
            "spec.online.deployment.resources.limits.gpu",
            "must be a number of GPUs in quotes, such as \"1\"",
            requesting("1", "1Gi", &json!({"gpu": "0"})),
            requesting("1", "1Gi", &json!({"gpu": "2"})),
        ),
        case(
            kind,
            "spec",
            "Azure mirrors no requests on Kubernetes: leave out the steps with mirror",
            strategy(&json!({"steps": [mirror("a", 10)]})),
            strategy(&json!({"steps": [{"setTraffic": 10}]})),
        ),
        case(
            kind,
            "spec",
            "smokeTest asks managed endpoints only: Bindery shows the key of an endpoint to no address of a cluster",
            strategy(
                &json!({"metrics": [{"name": "smoke", "smokeTest": {"cases": [{"name": "a", "request": {"configMapKeyRef": {"name": "a", "key": "b"}}}]}}], "steps": [{"name": "s", "analysis": {"metrics": ["smoke"]}}, {"setTraffic": 10}]}),
            ),
            strategy(&json!({"steps": []})),
        ),
        case(kind, "spec", ONE_KIND, at("spec.online", Value::Null), json!({})),
        case(
            kind,
            "spec.online.deployment",
            "with autoscale Azure decides the number of instances: give instanceCount or autoscale, not both",
            scaled(&json!({"cpuPercent": 70}), 2, json!(2)),
            scaled(&json!({"cpuPercent": 70}), 2, Value::Null),
        ),
        case(
            kind,
            autoscale,
            "minInstances must not be more than maxInstances",
            scaled(&json!({"cpuPercent": 70}), 5, Value::Null),
            scaled(&json!({"cpuPercent": 70}), 4, Value::Null),
        ),
        case(
            kind,
            autoscale,
            by,
            scaled(&json!({}), 2, Value::Null),
            scaled(&json!({"requestsPerInstance": 2}), 2, Value::Null),
        ),
        case(
            kind,
            autoscale,
            by,
            scaled(&json!({"cpuPercent": 70, "requestsPerInstance": 100}), 2, Value::Null),
            scaled(&json!({"requestsPerInstance": 1_000_000}), 1, Value::Null),
        ),
        case(
            kind,
            "spec.model",
            "give versionRef: the ModelVersion to serve",
            at("spec.model.versionRef", Value::Null),
            json!({}),
        ),
        case(
            kind,
            "spec.strategy.steps[]",
            "give the step a name: a person ends a pause without for by promoting the step of that name",
            steps(json!([{"pause": {}}])),
            steps(json!([{"name": "watch", "pause": {}}, pause])),
        ),
        case(
            kind,
            "spec.strategy.steps[]",
            "give the step a name: status and history call a mirror step by its name",
            steps(json!([{"mirror": 10}])),
            steps(json!([mirror("shadow", 50)])),
        ),
        case(
            kind,
            "spec.strategy",
            name,
            steps(json!([{"name": "a", "setTraffic": 10}, {"name": "a", "pause": {}}])),
            steps(json!([{"name": "a", "setTraffic": 10}, pause, {"name": "b", "pause": {}}, pause])),
        ),
        case(
            kind,
            "spec.strategy",
            shares,
            steps(json!([mirror("a", 20), mirror("b", 10)])),
            steps(json!([mirror("a", 10), pause, mirror("b", 20), {"setTraffic": 1}])),
        ),
        case(
            kind,
            "spec.strategy",
            shares,
            steps(json!([mirror("a", 20), mirror("b", 20)])),
            steps(json!([mirror("a", 20), mirror("b", 21)])),
        ),
        case(
            kind,
            "spec.strategy",
            first,
            steps(json!([{"setTraffic": 10}, mirror("a", 20)])),
            steps(json!([pause, mirror("a", 20), {"setTraffic": 10}])),
        ),
        case(kind, "spec.strategy.steps[].name", STEP_NAME, called("Watch"), called("w")),
        case(kind, "spec.strategy.steps[].name", STEP_NAME, called("watch-"), called("watch-2")),
        case(kind, "spec.strategy.steps[].name", STEP_NAME, called(""), called("7")),
        case(
            kind,
            "spec.strategy.steps[]",
            one,
            steps(json!([{"name": "a", "mirror": 10, "setTraffic": 10}])),
            steps(json!([mirror("a", 10), {"setTraffic": 10}])),
        ),
        case(
            kind,
            "spec.strategy",
            other,
            steps(json!([{"setTraffic": 10}, pause, {"setTraffic": 10}])),
            steps(json!([{"setTraffic": 10}, pause, pause])),
        ),
        case(
            kind,
            "spec.strategy",
            rise,
            steps(json!([{"setTraffic": 50}, {"setTraffic": 10}])),
            steps(json!([{"setTraffic": 10}, {"setTraffic": 50}, {"setTraffic": 100}, pause])),
        ),
        case(
            kind,
            "spec.strategy.steps[]",
            one,
            steps(json!([{"setTraffic": 10, "pause": {"for": "1m"}}])),
            steps(json!([{"setTraffic": 10}, pause])),
        ),
        case(kind, "spec.strategy.steps[]", one, steps(json!([{}])), steps(json!([]))),
    ]
}
