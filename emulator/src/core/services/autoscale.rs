//! Autoscale settings of Azure Monitor (§J): one for a target, and kept when the target is deleted. Nothing scales by itself here:
//! a test says what Azure has made of a count.

use http::Method;
use serde_json::{Value, json};

use crate::core::Core;
use crate::core::machinery::address;
use crate::core::machinery::error::{Answer, ArmError};
use crate::core::machinery::order::Order;
use crate::core::machinery::{api_version, json as at, rights};
use crate::wire::{Identity, Request, Response, decode};

/// The metrics by which Microsoft says that a deployment can be scaled.
const METRICS: [&str; 9] = [
    "CpuUtilizationPercentage",
    "CpuMemoryUtilizationPercentage",
    "GpuUtilizationPercentage",
    "GpuMemoryUtilizationPercentage",
    "DiskUtilization",
    "RequestsPerMinute",
    "RequestLatency",
    "RequestLatency_P90",
    "RequestLatency_P95",
];

/// What a path asks for.
pub struct Asked {
    /// Subscription id, as sent.
    pub subscription: String,
    /// None: all groups of the subscription.
    pub group: Option<String>,
    /// None: a list.
    pub name: Option<String>,
}

/// A setting, or the settings of a resource group or a subscription; none when a path is something else.
pub fn asked(path: &str) -> Option<Asked> {
    let segments: Vec<String> = path.trim_matches('/').split('/').map(decode).collect();
    let word = |at: usize, word: &str| segments.get(at).is_some_and(|it| it.eq_ignore_ascii_case(word));
    let grouped = word(2, "resourceGroups");
    let provider = if grouped { 4 } else { 2 };
    let fits = word(0, "subscriptions")
        && word(provider, "providers")
        && word(provider + 1, "Microsoft.Insights")
        && word(provider + 2, "autoscalesettings")
        && (segments.len() == provider + 3 || (grouped && segments.len() == provider + 4));
    fits.then(|| Asked {
        subscription: segments[1].clone(),
        group: grouped.then(|| segments[3].clone()),
        name: segments.get(provider + 3).cloned(),
    })
}

impl Asked {
    fn collection(&self) -> String {
        let group = self.group.as_deref().unwrap_or_default();
        format!("{}/{group}/autoscalesettings", self.subscription).to_ascii_lowercase()
    }

    fn key(&self, name: &str) -> String {
        format!("{}/{}", self.collection(), name.to_ascii_lowercase())
    }

    fn scope(&self) -> String {
        match &self.group {
            Some(group) => format!("/subscriptions/{}/resourceGroups/{group}", self.subscription),
            None => format!("/subscriptions/{}", self.subscription),
        }
    }
}

/// The key of a setting's ARM id; none when it is not one.
pub fn key_of(id: &str) -> Option<String> {
    let asked = asked(id)?;
    asked.name.as_deref().map(|name| asked.key(name))
}

/// Answers a request about a resource group, or a subscription, that is there.
pub fn answer(core: &mut Core, identity: &Identity, request: &Request, asked: &Asked) -> Answer {
    let version = request.parameter("api-version").unwrap_or_default();
    if !api_version::is_taken(&version) {
        let message =
            format!("The api-version '{version}' is invalid. The supported versions are '2022-10-01'.");
        return Err(ArmError::front(400, "InvalidApiVersionParameter", message));
    }
    let verb = match request.method {
        Method::GET => "read",
        Method::DELETE => "delete",
        _ => "write",
    };
    rights::check(core, identity, &asked.scope(), &format!("Microsoft.Insights/autoscalesettings/{verb}"))?;
    match (&request.method, &asked.name) {
        (&Method::GET, None) => Ok(list(core, asked)),
        (&Method::GET, Some(name)) => get(core, asked, name),
        (&Method::PUT, Some(name)) => put(core, request, asked, name),
        (&Method::DELETE, Some(name)) => {
            let now = core.now();
            let was_there = core.store.remove(now, &asked.key(name));
            Ok(Response::empty(if was_there { 200 } else { 204 }))
        }
        (method, _) => Err(ArmError::front(
            405,
            "MethodNotAllowed",
            format!("The method {method} is not supported on 'Microsoft.Insights/autoscaleSettings'."),
        )),
    }
}

/// There is no filter by target: clients list the group and compare.
fn list(core: &Core, asked: &Asked) -> Response {
    let collections = match asked.group {
        Some(_) => vec![asked.collection()],
        None => core.store.beneath(&asked.subscription.to_ascii_lowercase(), "/autoscalesettings"),
    };
    let found = core.store.list(core.now(), &collections, Order::OLDEST_FIRST, None);
    let value: Vec<Value> = found.map(|(_, setting)| setting.into_owned()).collect();
    Response::json(200, &json!({"value": value}))
}

fn get(core: &Core, asked: &Asked, name: &str) -> Answer {
    let found = core.store.get(&asked.key(name)).ok_or_else(|| {
        let group = asked.group.as_deref().unwrap_or_default();
        let message = format!(
            "The Resource 'microsoft.insights/autoscalesettings/{name}' under resource group '{group}' was not found."
        );
        ArmError::front(404, "ResourceNotFound", message)
    })?;
    Ok(Response::json(200, &found))
}

fn refused(status: u16, code: &str, message: impl Into<String>) -> ArmError {
    ArmError::front(status, code, message).unwrapped()
}

fn put(core: &mut Core, request: &Request, asked: &Asked, name: &str) -> Answer {
    let badly_formed =
        || refused(400, "UnsupportedRequestContent", "Request content is not well formed or supported.");
    let body: Value = serde_json::from_slice(&request.body).map_err(|_| badly_formed())?;
    let location = at::text(&body, "location").ok_or_else(badly_formed)?.to_owned();
    let profiles = body["properties"]["profiles"].as_array().ok_or_else(badly_formed)?;
    if profiles.len() > 20 || !profiles.iter().all(is_whole) {
        return Err(badly_formed());
    }
    for profile in profiles {
        steps_fit(profile)?;
        metrics_are_known(profile)?;
    }
    let key = asked.key(name);
    let before = core.store.take(&key);
    let target = body["properties"]["targetResourceUri"].as_str().unwrap_or_default().to_owned();
    target_is_free(core, &key, before.as_ref(), &target)?;
    let mut setting = body.clone();
    setting["location"] = before.as_ref().map_or(location.into(), |before| before["location"].clone());
    setting["id"] = format!("{}/providers/microsoft.insights/autoscalesettings/{name}", asked.scope()).into();
    setting["name"] = name.into();
    setting["type"] = "Microsoft.Insights/autoscaleSettings".into();
    setting["properties"]["name"] = name.into();
    for (path, default) in
        [("tags", json!({})), ("properties.enabled", json!(true)), ("properties.notifications", json!([]))]
    {
        let value = at::or(&body, path, default);
        match path.split_once('.') {
            Some((outer, inner)) => setting[outer][inner] = value,
            None => setting[path] = value,
        }
    }
    let now = core.now();
    core.store.put(now, &key, setting.clone());
    Ok(Response::json(if before.is_some() { 200 } else { 201 }, &setting))
}

/// Has a profile what it needs? Counts are strings of digits.
fn is_whole(profile: &Value) -> bool {
    let digits = |value: &Value| value.as_str().is_some_and(|text| text.parse::<u32>().is_ok());
    let capacity = ["minimum", "maximum", "default"].iter().all(|field| digits(&profile["capacity"][field]));
    let rules =
        profile["rules"].as_array().is_some_and(|rules| rules.len() <= 10 && rules.iter().all(is_rule));
    profile["name"].is_string() && capacity && rules
}

fn is_rule(rule: &Value) -> bool {
    const WORDS: [&str; 7] = [
        "metricName",
        "metricResourceUri",
        "timeGrain",
        "statistic",
        "timeWindow",
        "timeAggregation",
        "operator",
    ];
    let (trigger, action) = (&rule["metricTrigger"], &rule["scaleAction"]);
    WORDS.iter().all(|field| trigger[field].is_string())
        && trigger["threshold"].is_number()
        && ["direction", "type", "cooldown"].iter().all(|field| action[field].is_string())
        && action["value"].as_str().is_none_or(|value| value.parse::<u32>().is_ok())
}

/// A step is no larger than the range.
fn steps_fit(profile: &Value) -> Result<(), ArmError> {
    let number = |value: &Value| value.as_str().and_then(|text| text.parse::<i64>().ok()).unwrap_or_default();
    let capacity = &profile["capacity"];
    let range = number(&capacity["maximum"]) - number(&capacity["minimum"]);
    let rules = profile["rules"].as_array().into_iter().flatten();
    let mut steps = rules.map(|rule| number(&rule["scaleAction"]["value"]));
    if range < 0 || steps.any(|step| step > range) {
        let message =
            "The scale action value must not be more than the difference between maximum and minimum.";
        return Err(refused(400, "InvalidActionValue", message));
    }
    Ok(())
}

fn metrics_are_known(profile: &Value) -> Result<(), ArmError> {
    let rules = profile["rules"].as_array().into_iter().flatten();
    let mut named = rules.filter_map(|rule| rule["metricTrigger"]["metricName"].as_str());
    match named.find(|name| !METRICS.contains(name)) {
        Some(name) => {
            Err(refused(400, "UnsupportedMetric", format!("The metric '{name}' is not supported.")))
        }
        None => Ok(()),
    }
}

/// The target is there, is the one that the setting always had, and has no other setting.
fn target_is_free(core: &Core, key: &str, before: Option<&Value>, target: &str) -> Result<(), ArmError> {
    let same = |setting: &Value| {
        let of = setting["properties"]["targetResourceUri"].as_str().unwrap_or_default();
        of.trim_end_matches('/').eq_ignore_ascii_case(target.trim_end_matches('/'))
    };
    if before.is_some_and(|before| !same(before)) {
        let message = "The target resource reference is immutable and cannot be changed.";
        return Err(refused(400, "TargetResourceIdIsImmutable", message));
    }
    if !address::key_of(target).is_some_and(|key| core.store.has(&key)) {
        let message = format!("The target resource id '{target}' could not be found.");
        return Err(refused(404, "TargetResourceNotFound", message));
    }
    let name = key.rsplit('/').next().unwrap_or_default();
    let other = core.store.everywhere("/autoscalesettings").map(|(_, setting)| setting.into_owned());
    let mut others = other.filter(|setting| same(setting));
    match others.find(|setting| !setting["name"].as_str().unwrap_or_default().eq_ignore_ascii_case(name)) {
        Some(other) => Err(refused(
            409,
            "Conflict",
            format!("The target resource already has the autoscale setting {}.", other["id"]),
        )),
        None => Ok(()),
    }
}
