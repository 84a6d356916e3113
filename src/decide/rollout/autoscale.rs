//! An autoscale setting: what it looks like in Azure when it is as the manifest says, and what differs.

use serde_json::{Value, json};

use crate::api::{Autoscale, Drift};
use crate::azure::model::ResourceId;
use crate::azure::model::resource::{AutoscaleProperties, AutoscaleSetting};
use crate::decide::digest::short_hash;
use crate::decide::drift::Differences;
use crate::decide::{OWNER_TAG, Owner};

/// How long Azure Monitor leaves the count alone after a change. A managed deployment was seen to take 12 to 18 minutes for more
/// instances (azure-ml-2.md J.4): with Azure's default of 5 minutes it would be given more and more meanwhile.
const COOLDOWN: &str = "PT15M";

/// Azure's own name for the profile that always holds.
const PROFILE: &str = "default";

/// The id of the setting for a deployment: in the workspace's resource group, with a hash of the deployment's id in its name, for
/// names of deployments repeat.
pub fn setting_of(deployment: &ResourceId) -> Option<ResourceId> {
    let group = settings_beside(deployment)?;
    let folded = deployment.as_str().to_ascii_lowercase();
    let name = format!("bindery-{}-{}", deployment.name(), short_hash(&folded, 6));
    Some(ResourceId::new(format!("{group}/{name}")))
}

/// The collection of the settings in the resource group that this resource is in.
pub fn settings_beside(resource: &ResourceId) -> Option<ResourceId> {
    let (subscription, group) = (resource.segment("subscriptions")?, resource.segment("resourceGroups")?);
    Some(ResourceId::new(format!(
        "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Insights/autoscalesettings"
    )))
}

/// Did Bindery make it? Then it has the name that Bindery gives to the setting of this target, with a hash that nobody chooses by
/// chance. Its tag says whose it is to people; it may be lost, as after a clean-up of tags.
pub fn is_ours(setting: &AutoscaleSetting) -> bool {
    let expected = setting.target().and_then(|target| setting_of(&target));
    expected.is_some_and(|it| it.name().eq_ignore_ascii_case(setting.name()))
}

/// The setting as the manifest says. What Bindery does not name of one that is there, such as whom Azure notifies, stays.
pub fn written(
    found: Option<&AutoscaleSetting>,
    wanted: &Autoscale,
    deployment: &ResourceId,
    location: &str,
    owner: &Owner,
) -> AutoscaleSetting {
    let mut setting = found.cloned().unwrap_or_else(|| AutoscaleSetting {
        location: location.into(),
        properties: AutoscaleProperties {
            rest: [("targetResourceLocation".into(), location.into()), ("notifications".into(), json!([]))]
                .into_iter()
                .collect(),
            ..AutoscaleProperties::default()
        },
        ..AutoscaleSetting::default()
    });
    setting.tags.insert(OWNER_TAG.into(), owner.to_string());
    let properties = &mut setting.properties;
    properties.name = setting_of(deployment).map(|it| it.name().into());
    properties.enabled = true;
    properties.target_resource_uri = Some(deployment.to_string());
    properties.profiles = vec![profile(wanted, deployment)];
    setting
}

/// What differs between the manifest and the setting that is there.
pub fn autoscale_differences(
    wanted: &Autoscale,
    deployment: &ResourceId,
    found: Option<&AutoscaleSetting>,
) -> Vec<Drift> {
    let mut all = Differences::default();
    let wanted_profile = profile(wanted, deployment);
    let Some(found) = found else {
        all.field("deployment.autoscale", &limits(&wanted_profile), "");
        return all.0;
    };
    let properties = &found.properties;
    all.field("deployment.autoscale.enabled", "true", &properties.enabled.to_string());
    all.field("deployment.autoscale.profiles", "1", &properties.profiles.len().to_string());
    let Some(profile) = properties.profiles.first() else { return all.0 };
    let scheduled = ["fixedDate", "recurrence"].into_iter().find(|field| !profile[field].is_null());
    all.field("deployment.autoscale.schedule", "", scheduled.unwrap_or_default());
    for (field, of) in [("minInstances", "minimum"), ("maxInstances", "maximum"), ("default", "default")] {
        let (wanted, found) = (text(&wanted_profile["capacity"][of]), text(&profile["capacity"][of]));
        all.field(&format!("deployment.autoscale.{field}"), &wanted, &found);
    }
    all.field("deployment.autoscale.rules", &rules_in_words(&wanted_profile), &rules_in_words(profile));
    all.0
}

/// The limits of a setting's profile, such as `2 to 8`.
fn limits(profile: &Value) -> String {
    format!("{} to {}", text(&profile["capacity"]["minimum"]), text(&profile["capacity"]["maximum"]))
}

fn profile(wanted: &Autoscale, deployment: &ResourceId) -> Value {
    let (least, most) = (wanted.min_instances, wanted.max_instances);
    // Where metrics cannot be read, Azure goes up to the default and never down, so the default is the least.
    json!({
        "name": PROFILE,
        "capacity": {"minimum": least.to_string(), "maximum": most.to_string(), "default": least.to_string()},
        "rules": rules(wanted, deployment),
    })
}

/// More instances above the threshold, a quarter of the range at a time, and one less below half of it. Azure refuses a step that
/// is larger than the range.
fn rules(wanted: &Autoscale, deployment: &ResourceId) -> Vec<Value> {
    let range = wanted.max_instances - wanted.min_instances;
    let Some(threshold) = wanted.cpu_percent.or(wanted.requests_per_instance).filter(|_| range > 0) else {
        return vec![];
    };
    let rule = |operator: &str, threshold: i32, direction: &str, by: i32| {
        json!({
            "metricTrigger": trigger(wanted, deployment, operator, threshold),
            "scaleAction": {"direction": direction, "type": "ChangeCount", "value": by.to_string(), "cooldown": COOLDOWN},
        })
    };
    vec![
        rule("GreaterThan", threshold, "Increase", (range + 3) / 4),
        rule("LessThan", threshold / 2, "Decrease", 1),
    ]
}

/// The processors are a metric of the deployment; the requests one of the endpoint, of which the deployment's part is taken, for
/// each instance.
fn trigger(wanted: &Autoscale, deployment: &ResourceId, operator: &str, threshold: i32) -> Value {
    const NAMESPACE: &str = "microsoft.machinelearningservices/workspaces/onlineendpoints";
    let by_requests = wanted.cpu_percent.is_none();
    let endpoint = deployment.parent().parent();
    let (metric, of, namespace) = if by_requests {
        ("RequestsPerMinute", &endpoint, NAMESPACE.to_string())
    } else {
        ("CpuUtilizationPercentage", deployment, format!("{NAMESPACE}/deployments"))
    };
    let part = json!({"DimensionName": "deployment", "Operator": "Equals", "Values": [deployment.name()]});
    json!({
        "metricName": metric, "metricNamespace": namespace, "metricResourceUri": of.as_str(),
        "timeGrain": "PT1M", "statistic": "Average", "timeWindow": "PT5M", "timeAggregation": "Average",
        "operator": operator, "threshold": threshold,
        "dimensions": if by_requests { vec![part] } else { vec![] }, "dividePerInstance": by_requests,
    })
}

/// What the rules of a profile say, in one line: two profiles that say the same are the same, however Azure spells them.
fn rules_in_words(profile: &Value) -> String {
    let said = |rule: &Value| {
        let (trigger, action) = (&rule["metricTrigger"], &rule["scaleAction"]);
        let of = trigger["metricResourceUri"].as_str().unwrap_or_default().to_ascii_lowercase();
        let of = if of.contains("/deployments/") { "deployment" } else { "endpoint" };
        let window =
            ["timeGrain", "timeWindow", "statistic", "timeAggregation"].map(|field| text(&trigger[field]));
        let dimensions = trigger["dimensions"].as_array().into_iter().flatten().map(dimension);
        let per_instance = if trigger["dividePerInstance"] == true { " per instance" } else { "" };
        format!(
            "{} {} {}{per_instance} of {of} {}[{}]: {} {} {} {}",
            text(&trigger["metricName"]),
            text(&trigger["operator"]),
            text(&trigger["threshold"]),
            dimensions.collect::<String>(),
            window.join(" "),
            text(&action["direction"]),
            text(&action["value"]),
            text(&action["type"]),
            text(&action["cooldown"]),
        )
    };
    let rules = profile["rules"].as_array().into_iter().flatten().map(said);
    rules.collect::<Vec<_>>().join("; ")
}

fn dimension(of: &Value) -> String {
    let values = of["Values"].as_array().into_iter().flatten().map(text).collect::<Vec<_>>().join(",");
    format!("{} {} {values} ", text(&of["DimensionName"]), text(&of["Operator"]))
}

/// A word or a number, which Azure may write as either.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => {
            number.as_f64().map_or_else(|| number.to_string(), |number| number.to_string())
        }
        _ => String::new(),
    }
}
