//! The rules of `traffic` and `mirrorTraffic` (§C.4).

use serde_json::{Map, Value};

use crate::core::Core;
use crate::core::machinery::error::ArmError;
use crate::core::machinery::json as at;

/// Percentages by deployment.
type Shares = Map<String, Value>;

fn shares(body: &Value, path: &str) -> Result<Shares, ArmError> {
    let refused =
        || ArmError::validation(path, format!("{path} must be an object of whole numbers from 0 to 100."));
    match at::at(body, path) {
        None => Ok(Shares::new()),
        Some(Value::Object(fields)) => {
            let fine =
                fields.values().all(|share| share.as_i64().is_some_and(|share| (0..=100).contains(&share)));
            if fine { Ok(fields.clone()) } else { Err(refused()) }
        }
        Some(_) => Err(refused()),
    }
}

fn share_of(shares: &Shares, deployment: &str) -> i64 {
    shares
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(deployment))
        .and_then(|(_, share)| share.as_i64())
        .unwrap_or(0)
}

/// The same shares, each under the name that its deployment has; in another case it is the same deployment.
fn named(core: &Core, endpoint: &str, sent: &Shares) -> Result<Shares, ArmError> {
    let mut shares = Shares::new();
    for (name, share) in sent {
        if shares.insert(serving(core, endpoint, name)?, share.clone()).is_some() {
            return Err(ArmError::validation(
                "Traffic",
                format!("Deployment {name} is twice in the traffic rules."),
            ));
        }
    }
    Ok(shares)
}

/// Both maps of a PUT, if Azure would take them.
pub fn checked(core: &Core, endpoint: &str, body: &Value) -> Result<(Shares, Shares), ArmError> {
    let live = named(core, endpoint, &shares(body, "properties.traffic")?)?;
    let mirrored = named(core, endpoint, &shares(body, "properties.mirrorTraffic")?)?;
    let sum: i64 = live.values().filter_map(Value::as_i64).sum();
    if sum != 0 && sum != 100 {
        return Err(ArmError::validation(
            "Traffic",
            format!("Traffic percentages need to sum to 100 or be all 0. The sum is {sum}."),
        ));
    }
    let mirrors: Vec<(&String, i64)> = mirrored
        .iter()
        .filter_map(|(name, share)| Some((name, share.as_i64()?)))
        .filter(|(_, share)| *share > 0)
        .collect();
    if mirrors.len() > 1 {
        return Err(ArmError::validation("MirrorTraffic", "Traffic can be mirrored to one deployment only."));
    }
    if let Some((name, share)) = mirrors.first() {
        if *share > 50 {
            return Err(ArmError::validation(
                "MirrorTraffic",
                format!("At most 50 percent can be mirrored, not {share}."),
            ));
        }
        if share_of(&live, name) > 0 {
            return Err(ArmError::validation(
                "MirrorTraffic",
                format!("Deployment {name} has live traffic: it can have live or mirror traffic, not both."),
            ));
        }
        if at::text(body, "properties.compute").is_some() {
            return Err(ArmError::validation(
                "MirrorTraffic",
                "Mirrored traffic is not supported on Kubernetes.",
            ));
        }
    }
    Ok((live, mirrored))
}

/// The name of a deployment that can be given traffic.
fn serving(core: &Core, endpoint: &str, name: &str) -> Result<String, ArmError> {
    let key = format!("{endpoint}/deployments/{}", name.to_ascii_lowercase());
    let Some(deployment) = core.store.get(&key) else {
        return Err(ArmError::validation(
            "Traffic",
            format!("Deployment {name} in the traffic rules does not exist."),
        ));
    };
    let state = at::text(&deployment, "properties.provisioningState").unwrap_or_default();
    if state != "Succeeded" && core.config.inferred.traffic_needs_succeeded {
        return Err(ArmError::validation(
            "Traffic",
            format!("Deployment {name} in the traffic rules is in state {state}; it must be Succeeded."),
        ));
    }
    Ok(deployment["name"].as_str().unwrap_or(name).to_owned())
}

/// Whether a deployment has live or mirrored traffic.
pub fn has_any(core: &Core, endpoint: &str, deployment: &str) -> bool {
    let Some(document) = core.store.get(endpoint) else { return false };
    ["properties.traffic", "properties.mirrorTraffic"]
        .into_iter()
        .any(|path| share_of(&at::object(&document, path), deployment) > 0)
}

/// Takes a deployment that is gone out of the maps.
pub fn forget(core: &mut Core, endpoint: &str, deployment: &str) {
    let now = core.now();
    core.store.change(now, endpoint, |document| {
        for map in ["traffic", "mirrorTraffic"] {
            if let Some(shares) = document["properties"][map].as_object_mut() {
                shares.retain(|name, _| !name.eq_ignore_ascii_case(deployment));
            }
        }
    });
}
