//! Scoring: a deployment chosen by traffic or by header answers, as well or as badly as it was told to.

use std::time::Duration;

use serde_json::{Value, json};

use super::monitor::Seen;
use crate::config::ScoringRule;
use crate::core::Core;
use crate::core::machinery::error::ArmError;
use crate::core::machinery::{authentication, json as at, rights};
use crate::core::resources::endpoint::deployment::scoring_rule;
use crate::wire::{Delivery, Principal, Request, Response};

fn refused(status: u16, message: &str) -> Response {
    Response::bytes(status, "text/plain", message.as_bytes().to_vec())
}

/// Answers POST of `{region}/{endpoint}/score`, GET of `{region}/{endpoint}/swagger.json`, and anything else on that
/// host. Only the first is scored.
pub fn answer(core: &mut Core, principal: &Principal, request: &Request, rest: &str) -> Response {
    let mut parts = rest.splitn(3, '/');
    let mut part = || parts.next().unwrap_or_default();
    let (region, name, what) = (part(), part(), part());
    let Some((key, endpoint)) = find(core, "/onlineEndpoints", region, name) else {
        return refused(404, "Endpoint not found.");
    };
    if !admitted(core, &key, &endpoint, principal, request) {
        return refused(
            401,
            "{\"error\":{\"code\":\"Unauthorized\",\"message\":\"Access token or key is missing, is incorrect, or is not accepted (endpoint auth mode).\"}}",
        );
    }
    if let Err(error) = permitted(core, &endpoint, principal, "onlineEndpoints/score/action") {
        return refused(403, &error.message);
    }
    let Some(deployment) = chosen(core, &key, &endpoint, request) else {
        return refused(
            404,
            "No valid deployments to route to. Please check that the endpoint has at least one deployment with positive weight values or use a deployment specific header to route.",
        );
    };
    let response = match (what, request.method.as_str()) {
        ("score", "POST") => {
            mirror(core, &key, &endpoint, name);
            respond(core, name, &deployment)
        }
        ("swagger.json", "GET" | "HEAD") => Response::json(200, &swagger(name)),
        ("score", _) => refused(405, "Method not allowed.").header("Allow", "POST"),
        ("swagger.json", _) => refused(405, "Method not allowed.").header("Allow", "GET, HEAD"),
        _ => refused(404, "Not found."),
    };
    let id = crate::core::machinery::ids::guid(&mut core.rng);
    response.header("x-ms-request-id", id)
}

/// What an endpoint says of itself: anything can be scored.
fn swagger(endpoint: &str) -> Value {
    let scored = json!({"description": "What the model makes of it.", "schema": {}});
    json!({
        "swagger": "2.0",
        "info": {"title": endpoint, "version": "1"},
        "paths": {"/score": {"post": {
            "operationId": "score",
            "consumes": ["application/json"],
            "produces": ["application/json"],
            "parameters": [{"name": "input", "in": "body", "schema": {}}],
            "responses": {"200": scored},
        }}},
    })
}

/// Key and document of an endpoint that can be called, by its name in a region.
pub fn find(core: &Core, kind: &str, region: &str, name: &str) -> Option<(String, Value)> {
    let (collection, endpoint) = core.store.everywhere(kind).find(|(_, endpoint)| {
        endpoint["name"].as_str().is_some_and(|known| known.eq_ignore_ascii_case(name))
            && at::text(endpoint, "location").is_some_and(|known| known.eq_ignore_ascii_case(region))
            && at::at(endpoint, "properties.scoringUri").is_some()
    })?;
    Some((format!("{collection}/{}", name.to_ascii_lowercase()), endpoint.into_owned()))
}

/// Whether a request has the key or the token that an endpoint's `authMode` wants.
pub fn admitted(core: &Core, key: &str, endpoint: &Value, principal: &Principal, request: &Request) -> bool {
    let sent = request.bearer().unwrap_or_default();
    let keys = core.endpoint_keys.get(key);
    match at::text(endpoint, "properties.authMode").unwrap_or_default() {
        "Key" => {
            keys.is_some_and(|keys| !sent.is_empty() && (keys.primary == sent || keys.secondary == sent))
        }
        "AMLToken" => keys.is_some_and(|keys| {
            keys.tokens.iter().any(|(token, expiry)| token == sent && *expiry > core.now().as_second())
        }),
        _ => match principal {
            // A token for Azure Resource Manager does not open a scoring URI.
            Principal::Known(identity) => identity.name == "any" || authentication::for_the_service(identity),
            _ => false,
        },
    }
}

/// Whether the rules let whom Entra vouches for use an endpoint; a key or an endpoint's own token is all the right that
/// its holder needs.
pub fn permitted(core: &Core, endpoint: &Value, principal: &Principal, action: &str) -> Result<(), ArmError> {
    let by_entra = !matches!(at::text(endpoint, "properties.authMode"), Some("Key" | "AMLToken"));
    match principal {
        Principal::Known(identity) if by_entra => {
            let action = format!("Microsoft.MachineLearningServices/workspaces/{action}");
            rights::check(core, identity, endpoint["id"].as_str().unwrap_or_default(), &action)
        }
        _ => Ok(()),
    }
}

fn serving_key(core: &Core, endpoint: &str, deployment: &str) -> Option<String> {
    let key = format!("{endpoint}/deployments/{}", deployment.to_ascii_lowercase());
    core.serving.contains_key(&key).then_some(key)
}

/// By header whatever the traffic, else by weight.
fn chosen(core: &mut Core, key: &str, endpoint: &Value, request: &Request) -> Option<String> {
    if let Some(name) = request.headers.get("azureml-model-deployment") {
        return serving_key(core, key, name);
    }
    let traffic = at::object(endpoint, "properties.traffic");
    let weights: Vec<(&String, u64)> = traffic
        .iter()
        .filter_map(|(name, share)| Some((name, share.as_u64()?)))
        .filter(|(_, share)| *share > 0)
        .collect();
    let total: u64 = weights.iter().map(|(_, share)| share).sum();
    if total == 0 {
        return None;
    }
    let mut drawn = core.rng.u64(..total);
    for (name, share) in weights {
        if drawn < share {
            return serving_key(core, key, name);
        }
        drawn -= share;
    }
    None
}

/// The mirrored share of requests goes to another deployment too; its answer is thrown away.
fn mirror(core: &mut Core, key: &str, endpoint: &Value, endpoint_name: &str) {
    for (name, share) in at::object(endpoint, "properties.mirrorTraffic") {
        if core.rng.u64(..100) < share.as_u64().unwrap_or(0)
            && let Some(deployment) = serving_key(core, key, &name)
            && let Some(serving) = core.serving.get_mut(&deployment)
        {
            serving.mirrored += 1;
            if core.config.inferred.metrics_count_mirrored {
                outcome(core, endpoint_name, &deployment);
            }
        }
    }
}

/// How a deployment answers this time: by the first rule that fits, with the model's status. Azure Monitor sees it.
fn outcome(core: &mut Core, endpoint: &str, key: &str) -> (ScoringRule, u16) {
    let Some(serving) = core.serving.get(key) else { return (ScoringRule::default(), 200) };
    let deployment = serving.deployment.clone();
    let place = format!("{endpoint}/{deployment}");
    let rule = scoring_rule(core, &place, &serving.reference).cloned().unwrap_or_default();
    let failed = rule.error_rate > 0.0 && core.rng.f64() < rule.error_rate;
    let model_status = if failed { 500 } else { rule.status };
    let seen = Seen { key: key.to_owned(), deployment, status: on_the_wire(model_status), model_status };
    let now = core.now();
    // Nothing takes no time at all.
    core.watch.note(now, seen, rule.latency_millis.max(1));
    (rule, model_status)
}

/// The caller sees any failure of the model as 424 [DOC].
fn on_the_wire(model_status: u16) -> u16 {
    if model_status == 200 { 200 } else { 424 }
}

fn respond(core: &mut Core, endpoint: &str, key: &str) -> Response {
    let (rule, model_status) = outcome(core, endpoint, key);
    let Some(serving) = core.serving.get_mut(key) else { return refused(404, "Deployment not found.") };
    let default = json!({"deployment": serving.deployment, "model": serving.model, "version": serving.version, "result": []});
    let mut response = if model_status == 200 {
        Response::json(200, &rule.answer.unwrap_or(default))
    } else {
        refused(
            on_the_wire(model_status),
            "An unexpected error occurred in scoring script. Check the logs for more info.",
        )
        .header("ms-azureml-model-error-reason", "model_error")
        .header("ms-azureml-model-error-statuscode", model_status.to_string())
    };
    response = response.header("azureml-model-deployment", &serving.deployment);
    if rule.latency_millis > 0 {
        response.delivery = Delivery::After(Duration::from_millis(rule.latency_millis));
    }
    serving.requests += 1;
    *serving.statuses.entry(response.status).or_default() += 1;
    response
}
