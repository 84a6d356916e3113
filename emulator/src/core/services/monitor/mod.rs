//! Azure Monitor's metrics of endpoints and deployments (§H.4): what scoring really did, minutes late.
//! What no emulator can know (processors, memory, connections) is a known metric without data.

mod filter;
mod span;
mod watch;

pub use watch::{Seen, Watch};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::monitor::filter::Filter;
use super::monitor::span::Span;
use crate::core::Core;
use crate::core::machinery::address::Address;
use crate::core::machinery::call::not_found;
use crate::core::machinery::error::{Answer, ArmError};
use crate::core::machinery::{api_version, ids, rights};
use crate::wire::{Identity, Request, Response};

const REQUESTS: &str = "RequestsPerMinute";
const LATENCY: &str = "RequestLatency";

/// A metric: its name, its unit, and the dimensions that it can be split by.
type Metric = (&'static str, &'static str, &'static [&'static str]);

const OF_ENDPOINTS: &[Metric] = &[
    (REQUESTS, "Count", &["deployment", "statusCode", "statusCodeClass", "modelStatusCode"]),
    (LATENCY, "MilliSeconds", &["deployment"]),
    ("RequestLatency_P50", "MilliSeconds", &["deployment"]),
    ("RequestLatency_P90", "MilliSeconds", &["deployment"]),
    ("RequestLatency_P95", "MilliSeconds", &["deployment"]),
    ("RequestLatency_P99", "MilliSeconds", &["deployment"]),
    ("ConnectionsActive", "Count", &[]),
    ("NewConnectionsPerSecond", "CountPerSecond", &[]),
    ("NetworkBytes", "BytesPerSecond", &[]),
];
const OF_DEPLOYMENTS: &[Metric] = &[
    (REQUESTS, "Count", &["envoy_response_code"]),
    ("RequestLatency_P50", "MilliSeconds", &[]),
    ("RequestLatency_P90", "MilliSeconds", &[]),
    ("RequestLatency_P95", "MilliSeconds", &[]),
    ("RequestLatency_P99", "MilliSeconds", &[]),
    ("CpuUtilizationPercentage", "Percent", &["instanceId"]),
    ("CpuMemoryUtilizationPercentage", "Percent", &["instanceId"]),
    ("GpuUtilizationPercentage", "Percent", &["instanceId"]),
    ("GpuMemoryUtilizationPercentage", "Percent", &["instanceId"]),
    ("DiskUtilization", "Percent", &["instanceId", "disk"]),
    ("DeploymentCapacity", "Count", &["instanceId", "State"]),
];

/// The resource whose metrics a path asks for; none when it asks for something else.
pub fn resource(path: &str) -> Option<&str> {
    const ENDING: &str = "/providers/microsoft.insights/metrics";
    let path = path.trim_end_matches('/');
    let start = path.len().checked_sub(ENDING.len())?;
    path.get(start..)?.eq_ignore_ascii_case(ENDING).then(|| &path[..start])
}

fn refused(message: impl Into<String>) -> ArmError {
    ArmError::front(400, "BadRequest", message).unwrapped()
}

/// Answers a GET of a resource's metrics.
pub fn answer(core: &Core, identity: &Identity, request: &Request, address: &Address) -> Answer {
    let version = request.parameter("api-version").unwrap_or_default();
    if !api_version::is_taken(&version) {
        let message =
            format!("The api-version '{version}' is invalid: a day of 2018 or later, such as 2024-02-01.");
        return Err(ArmError::front(400, "InvalidApiVersionParameter", message));
    }
    if request.method != http::Method::GET {
        return Err(ArmError::front(405, "MethodNotAllowed", "Metrics can only be read."));
    }
    rights::check(core, identity, &address.id(), "Microsoft.Insights/metrics/read")?;
    if address.collection.is_some() || address.action.is_some() || !core.store.has(&address.key()) {
        return Err(not_found(address));
    }
    let shape = address.shape();
    let known = match shape.as_str() {
        "workspaces/onlineEndpoints" => OF_ENDPOINTS,
        "workspaces/onlineEndpoints/deployments" => OF_DEPLOYMENTS,
        _ => return Err(refused(format!("Metrics of {shape} are not available."))),
    };
    let wanted = wanted(request, &shape, known)?;
    let span = Span::of(request, core.now())?;
    let filter = Filter::parse(&request.parameter("$filter").unwrap_or_default())?;
    let aggregations = aggregations(request)?;
    let value = wanted
        .into_iter()
        .map(|metric| shown(core, address, metric, &span, &filter, &aggregations))
        .collect::<Result<Vec<Value>, ArmError>>()?;
    let endpoint = core.store.get(&address.key_to(2));
    let region = endpoint.as_deref().and_then(|endpoint| endpoint["location"].as_str());
    Ok(Response::json(
        200,
        &json!({
            "cost": span.minutes() * value.len(),
            "timespan": format!("{}/{}", span::stamp(span.start), span::stamp(span.end)),
            "interval": span.interval_name,
            "value": value,
            "namespace": address.arm_type(),
            "resourceregion": region,
        }),
    ))
}

/// By `metricnames`; without it the first, as Azure Monitor does.
fn wanted(
    request: &Request,
    shape: &str,
    known: &'static [Metric],
) -> Result<Vec<&'static Metric>, ArmError> {
    let names = request.parameter("metricnames").unwrap_or_default();
    let names: Vec<&str> = names.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
    if names.is_empty() {
        return Ok(known.iter().take(1).collect());
    }
    let find = |name: &&str| {
        known.iter().find(|(known, ..)| known.eq_ignore_ascii_case(name)).ok_or_else(|| {
            let valid: Vec<&str> = known.iter().map(|(name, ..)| *name).collect();
            refused(format!(
                "Failed to find metric configuration for provider: Microsoft.MachineLearningServices, resource Type: {shape}, metric: {name}, Valid metrics: {}",
                valid.join(",")
            ))
        })
    };
    names.iter().map(find).collect()
}

fn aggregations(request: &Request) -> Result<Vec<&'static str>, ArmError> {
    const KNOWN: [&str; 5] = ["average", "total", "maximum", "minimum", "count"];
    let sent = request.parameter("aggregation").filter(|sent| !sent.is_empty());
    let sent = sent.as_deref().unwrap_or("average");
    sent.split(',')
        .map(|name| {
            let known = KNOWN.into_iter().find(|known| known.eq_ignore_ascii_case(name.trim()));
            known.ok_or_else(|| refused(format!("Invalid aggregation: {name}.")))
        })
        .collect()
}

fn shown(
    core: &Core,
    address: &Address,
    (name, unit, dimensions): &Metric,
    span: &Span,
    filter: &Filter,
    aggregations: &[&str],
) -> Result<Value, ArmError> {
    if let Some(unknown) = filter.dimensions().find(|named| !dimensions.contains(named)) {
        return Err(refused(format!(
            "Metric: {name} does not support requested dimension combination: {unknown}, supported ones are: {}",
            dimensions.join(",")
        )));
    }
    // A minute is told only when it is over, and some time after that.
    let told = |minute: i64| {
        Timestamp::from_second((minute + 1) * 60)
            .is_ok_and(|over| ids::after(over, core.config.metrics_delay) <= core.now())
    };
    let percentile = name.strip_prefix("RequestLatency_P").and_then(|number| number.parse::<f64>().ok());
    let known_here = *name == REQUESTS || *name == LATENCY || percentile.is_some();
    let series =
        if known_here { core.watch.series(&address.key(), span, filter, told) } else { watch::Series::new() };
    let series: Vec<Value> = series
        .into_iter()
        .map(|(values, minutes)| {
            let data: Vec<Value> = span
                .bins()
                .map(|bin| {
                    let samples = minutes.range(bin.start..bin.end).map(|(_, minute)| match percentile {
                        Some(percent) => minute.percentile(percent),
                        None if *name == LATENCY => minute.latency(),
                        None => minute.requests(),
                    });
                    watch::point(&span::stamp(bin.time), samples, aggregations)
                })
                .collect();
            let metadata: Vec<Value> = filter
                .dimensions()
                .zip(values)
                .map(|(dimension, value)| {
                    json!({"name": {"value": dimension, "localizedValue": dimension}, "value": value})
                })
                .collect();
            json!({"metadatavalues": metadata, "data": data})
        })
        .collect();
    Ok(json!({
        "id": format!("{}/providers/Microsoft.Insights/metrics/{name}", address.id()),
        "type": "Microsoft.Insights/metrics",
        "name": {"value": name, "localizedValue": name},
        "displayDescription": name,
        "unit": unit,
        "timeseries": series,
        "errorCode": "Success",
    }))
}
