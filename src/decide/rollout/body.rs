//! What an endpoint and a deployment look like in Azure when they are as the manifest says.

use serde_json::{Map, Value, json};

use super::{
    ACTIONS_TAG, FAILED_TAG, Failures, HISTORY_TAG, HOLD_TAG, POSITION_TAG, PREVIOUS_TAG, REVISION_TAG,
    Revision, STABLE_TAG, TRAFFIC_TAG, Target, Traffic,
};
use crate::api::{
    AuthMode, BatchAuthMode, BatchDeployment, Deployment, DeploymentBindingSpec, Drift, NetworkAccess,
    Online, OutputAction, Period, Probe, Resources,
};
use crate::azure::model::resource::{
    EndpointKind, OnlineDeployment, OnlineDeploymentProperties, OnlineEndpoint, Sku, Strings,
};
use crate::decide::drift::{Differences, merged};
use crate::decide::places::registry::{identity_in_words, new_identity, to_azure};
use crate::decide::{OWNER_TAG, Owner};

/// The InstanceType that every cluster with the extension of Azure ML has.
const INSTANCE_TYPE: &str = "defaultinstancetype";

/// What differs on the endpoint, apart from its traffic.
pub fn endpoint_differences(
    spec: &DeploymentBindingSpec,
    owned: &[String],
    endpoint: &OnlineEndpoint,
) -> Vec<Drift> {
    let wanted = &spec.online.endpoint;
    let mut found = Differences::default();
    found.keys("endpoint.tags", spec.endpoint_tags(), owned, &endpoint.tags);
    let held = &endpoint.properties.auth_mode;
    if let Some(mode) = auth_mode(spec).filter(|mode| !held.eq_ignore_ascii_case(mode)) {
        found.field("endpoint.authMode", mode, held);
    }
    if let Some(access) = wanted.public_network_access {
        let held = endpoint.properties.public_network_access.as_deref().unwrap_or("Enabled");
        found.field("endpoint.publicNetworkAccess", access.word(), held);
    }
    if let Some(identity) = &wanted.identity {
        let wanted = identity_in_words(Some(&to_azure(identity, endpoint.identity.as_ref())));
        found.field("endpoint.identity", &wanted, &identity_in_words(endpoint.identity.as_ref()));
    }
    found.0
}

/// How clients authenticate, where the manifest says it.
fn auth_mode(spec: &DeploymentBindingSpec) -> Option<&'static str> {
    match &spec.batch {
        Some(batch) => batch.endpoint.auth_mode.map(BatchAuthMode::word),
        None => spec.online.endpoint.auth_mode.map(AuthMode::word),
    }
}

/// An endpoint that is not there yet, with what it gets where the manifest says nothing.
pub fn new_endpoint(spec: &DeploymentBindingSpec, location: &str) -> OnlineEndpoint {
    let mut endpoint =
        OnlineEndpoint { kind: spec.kind(), location: location.into(), ..OnlineEndpoint::default() };
    if endpoint.kind == EndpointKind::Batch {
        endpoint.properties.auth_mode = BatchAuthMode::default().word().into();
        return endpoint;
    }
    endpoint.identity = Some(new_identity(spec.online.endpoint.identity.as_ref()));
    endpoint.properties.auth_mode = AuthMode::default().word().into();
    endpoint.properties.public_network_access = Some(NetworkAccess::default().word().into());
    // Every later PUT repeats it, with all that a GET shows.
    if let Some(compute) = &spec.online.endpoint.compute {
        endpoint.properties.rest.insert("compute".into(), compute.as_str().into());
    }
    endpoint
}

/// The endpoint's own fields as the manifest says; its traffic, and what the manifest does not name, as it was.
pub fn written_on(
    mut endpoint: OnlineEndpoint,
    spec: &DeploymentBindingSpec,
    ours: &[String],
) -> OnlineEndpoint {
    let wanted = &spec.online.endpoint;
    endpoint.tags = merged(&endpoint.tags, spec.endpoint_tags(), ours);
    if let Some(mode) = auth_mode(spec) {
        endpoint.properties.auth_mode = mode.into();
    }
    if let Some(access) = wanted.public_network_access {
        endpoint.properties.public_network_access = Some(access.word().into());
    }
    if let Some(identity) = &wanted.identity {
        endpoint.identity = Some(to_azure(identity, endpoint.identity.as_ref()));
    }
    endpoint
}

/// Sets the traffic. Copies of requests that go to a deployment of somebody else stay, unless Azure has to send them to one of
/// Bindery's instead: it takes only one.
pub fn route(endpoint: &mut OnlineEndpoint, traffic: &Traffic, ours: impl Fn(&str) -> bool) {
    endpoint.properties.traffic = traffic.to_map();
    let mirror = &mut endpoint.properties.mirror_traffic;
    match traffic.to_mirror() {
        Some((deployment, percent)) => *mirror = [(deployment.to_string(), percent)].into(),
        None => mirror.retain(|deployment, _| !ours(deployment)),
    }
}

/// What Bindery must find again on the endpoint when all status is lost.
pub fn mark(tags: &mut Strings, owner: &Owner, next: &Target, failed: &Failures) {
    tags.insert(OWNER_TAG.into(), owner.to_string());
    tags.insert(TRAFFIC_TAG.into(), next.traffic.to_string());
    for (name, value) in [
        (STABLE_TAG, next.stable.clone()),
        (PREVIOUS_TAG, next.previous.clone()),
        (FAILED_TAG, failed.latest().map(|_| failed.to_string())),
        (POSITION_TAG, next.position.as_ref().map(ToString::to_string)),
        (HISTORY_TAG, next.tenures.latest().map(|_| next.tenures.to_string())),
        (HOLD_TAG, next.notes.held.as_ref().map(ToString::to_string)),
        (ACTIONS_TAG, next.notes.carried.to_tag()),
    ] {
        match value {
            Some(value) => tags.insert(name.into(), value),
            None => tags.remove(name),
        };
    }
}

/// A deployment that is not there yet.
pub fn new_deployment(
    spec: &DeploymentBindingSpec,
    model: &str,
    location: &str,
    owner: &Owner,
    revision: &Revision,
) -> OnlineDeployment {
    let properties = match &spec.batch {
        Some(batch) => written_batch(&batch.deployment, model),
        None => written_online(&spec.online, model),
    };
    let bare = OnlineDeployment {
        kind: spec.kind(),
        location: location.into(),
        properties,
        ..OnlineDeployment::default()
    };
    adjusted_deployment(&bare, spec, &[], owner, revision)
}

/// A deployment that is there, with the count and the tags of the manifest: nothing else of it changes, and without a
/// count in the manifest not that either. What Azure Monitor scales begins with the fewest instances, and keeps what it has.
pub fn adjusted_deployment(
    found: &OnlineDeployment,
    spec: &DeploymentBindingSpec,
    ours: &[String],
    owner: &Owner,
    revision: &Revision,
) -> OnlineDeployment {
    let mut deployment = found.clone();
    deployment.tags = merged(&deployment.tags, spec.deployment_tags(), ours);
    deployment.tags.insert(OWNER_TAG.into(), owner.to_string());
    deployment.tags.insert(REVISION_TAG.into(), revision.to_string());
    if deployment.kind == EndpointKind::Batch {
        return deployment;
    }
    let wanted = &spec.online.deployment;
    let least = wanted.autoscale.as_ref().map(|it| it.min_instances);
    let count = wanted.instance_count.or(found.instance_count()).or(least).unwrap_or(1);
    let rest = deployment.sku.take().map(|s| s.rest).unwrap_or_default();
    deployment.sku = Some(Sku { name: "Default".into(), capacity: Some(count), rest });
    deployment
}

/// What the manifest says of an online deployment, on whatever machines.
fn written_online(online: &Online, model: &str) -> OnlineDeploymentProperties {
    let mut properties = written(&online.deployment, model);
    if online.endpoint.compute.is_some() {
        on_kubernetes(&mut properties, &online.deployment);
    }
    properties
}

/// What the manifest says of the deployment, as Azure takes it.
fn written(wanted: &Deployment, model: &str) -> OnlineDeploymentProperties {
    let mut rest = Map::new();
    let mut put = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            rest.insert(name.into(), value);
        }
    };
    put("scaleSettings", Some(json!({"scaleType": "Default"})));
    put("environmentId", wanted.environment.clone().map(Value::from));
    put(
        "codeConfiguration",
        wanted.code.as_ref().map(|c| json!({"codeId": c.id, "scoringScript": c.scoring_script})),
    );
    put("environmentVariables", Some(json!(wanted.environment_variables)));
    put(
        "requestSettings",
        wanted.request_settings.as_ref().map(|r| {
            without_nulls(json!({
                "maxConcurrentRequestsPerInstance": r.max_concurrent_requests_per_instance,
                "requestTimeout": r.request_timeout.as_ref().map(iso8601),
            }))
        }),
    );
    put("livenessProbe", wanted.liveness_probe.as_ref().map(probe));
    put("readinessProbe", wanted.readiness_probe.as_ref().map(probe));
    put("startupProbe", wanted.startup_probe.as_ref().map(probe));
    put("egressPublicNetworkAccess", wanted.egress_public_network_access.map(|a| a.word().into()));
    OnlineDeploymentProperties {
        endpoint_compute_type: "Managed".into(),
        model: Some(model.into()),
        instance_type: wanted.instance_type.clone(),
        rest,
        ..OnlineDeploymentProperties::default()
    }
}

/// The same for batch.
fn written_batch(wanted: &BatchDeployment, model: &str) -> OnlineDeploymentProperties {
    let code = wanted.code.as_ref().map(|c| json!({"codeId": c.id, "scoringScript": c.scoring_script}));
    let retries = wanted.retry_settings.as_ref().map(|r| {
        without_nulls(json!({"maxRetries": r.max_retries, "timeout": r.timeout.as_ref().map(iso8601)}))
    });
    let written = without_nulls(json!({
        "compute": wanted.compute,
        "resources": wanted.instance_count.map(|count| json!({"instanceCount": count})),
        "environmentId": wanted.environment,
        "codeConfiguration": code,
        "environmentVariables": wanted.environment_variables,
        "miniBatchSize": wanted.mini_batch_size,
        "maxConcurrencyPerInstance": wanted.max_concurrency_per_instance,
        "outputAction": wanted.output_action.map(OutputAction::word),
        "outputFileName": wanted.output_file_name,
        "errorThreshold": wanted.error_threshold,
        "retrySettings": retries,
    }));
    let rest = written.as_object().cloned().unwrap_or_default();
    OnlineDeploymentProperties { model: Some(model.into()), rest, ..OnlineDeploymentProperties::default() }
}

/// The same on a cluster. Azure's default of an instance type is a virtual machine, so one is always sent.
fn on_kubernetes(properties: &mut OnlineDeploymentProperties, wanted: &Deployment) {
    properties.endpoint_compute_type = "Kubernetes".into();
    properties.instance_type.get_or_insert_with(|| INSTANCE_TYPE.into());
    if let Some(Resources { requests, limits }) = &wanted.resources {
        let limits = limits
            .as_ref()
            .map(|it| without_nulls(json!({"cpu": it.cpu, "memory": it.memory, "gpu": it.gpu})));
        let all = json!({
            "containerResourceRequests": {"cpu": requests.cpu, "memory": requests.memory},
            "containerResourceLimits": limits,
        });
        properties.rest.insert("containerResourceRequirements".into(), without_nulls(all));
    }
}

fn probe(probe: &Probe) -> Value {
    without_nulls(json!({
        "failureThreshold": probe.failure_threshold,
        "successThreshold": probe.success_threshold,
        "timeout": probe.timeout.as_ref().map(iso8601),
        "period": probe.period.as_ref().map(iso8601),
        "initialDelay": probe.initial_delay.as_ref().map(iso8601),
    }))
}

/// A period as Azure writes durations.
fn iso8601(period: &Period) -> String {
    format!("PT{}S", period.duration().as_secs())
}

/// What the user did not write is the service's to fill in.
fn without_nulls(mut value: Value) -> Value {
    if let Some(fields) = value.as_object_mut() {
        fields.retain(|_, v| !v.is_null());
    }
    value
}
