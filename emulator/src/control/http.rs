//! The control API over HTTP. It needs no token; the emulator listens on the local machine only.
//!
//! | Request | Does |
//! |---|---|
//! | `GET /_emulator` | state: time, running operations, time of the next event |
//! | `GET`, `POST {seconds?, scale?} /_emulator/time` | shows and moves time (answered by the shell) |
//! | `POST`, `GET`, `DELETE /_emulator/faults` | adds a fault rule, shows all, clears all |
//! | `POST`, `GET`, `DELETE /_emulator/operations` | fates of operations |
//! | `POST`, `GET`, `DELETE /_emulator/scoring` | how deployments answer; GET also counts |
//! | `POST /_emulator/seed` | makes things exist |
//! | `POST /_emulator/jobs {workspace, job}` | declares a job with its metrics |
//! | `POST /_emulator/missing-paths {contains}` | declares that files are missing |
//! | `GET`, `PATCH`, `DELETE /_emulator/resource?id={ARM id}` | a resource behind its clients' backs |
//! | `POST /_emulator/tokens/expire`, `…/revoke` | all access tokens |
//! | `GET`, `PATCH /_emulator/config` | the configuration, by JSON merge patch |
//! | `GET`, `DELETE /_emulator/log` | requests and counts; `?after={number}` for later ones only |

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::config::JobSeed;
use crate::core::Core;
use crate::wire::{Request, Response};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Job {
    workspace: String,
    job: JobSeed,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MissingPath {
    contains: String,
}

/// A refusal in the control API's words.
pub(crate) fn refused(status: u16, message: &str) -> Response {
    Response::json(status, &json!({"error": {"code": "Emulator", "message": message}}))
}

/// A body that is as it should be.
pub(crate) fn body<T: DeserializeOwned>(request: &Request) -> Result<T, Response> {
    let given: Value =
        serde_json::from_slice(&request.body).map_err(|error| refused(400, &error.to_string()))?;
    // A list would be taken for the fields in their order.
    if !given.is_object() {
        return Err(refused(400, &format!("The body must be an object, not {given}.")));
    }
    // The error says where it is.
    serde_path_to_error::deserialize(given).map_err(|error| refused(400, &error.to_string()))
}

/// Answers a request under `/_emulator`.
pub fn answer(core: &mut Core, request: &Request) -> Response {
    routed(core, request).unwrap_or_else(|response| response)
}

fn routed(core: &mut Core, request: &Request) -> Result<Response, Response> {
    let done = Ok(Response::json(200, &json!({})));
    let found = |there: bool| {
        if there { Ok(Response::json(200, &json!({}))) } else { Err(refused(404, "There is no such thing.")) }
    };
    let path = request.path.trim_start_matches("/_emulator").trim_matches('/');
    let id = request.parameter("id").unwrap_or_default();
    match (request.method.as_str(), path) {
        ("GET", "") => Ok(Response::json(200, &core.state())),
        ("POST", "faults") => {
            let rule = body(request)?;
            Ok(Response::json(201, &json!({"id": core.add_fault(rule)})))
        }
        ("GET", "faults") => Ok(Response::json(200, &json!(core.config.faults))),
        ("DELETE", "faults") => {
            core.clear_faults();
            done
        }
        ("POST", "operations") => {
            core.add_operation_rule(body(request)?);
            done
        }
        ("GET", "operations") => Ok(Response::json(200, &json!(core.config.operations))),
        ("DELETE", "operations") => {
            core.clear_operation_rules();
            done
        }
        ("POST", "scoring") => {
            core.add_scoring_rule(body(request)?);
            done
        }
        ("GET", "scoring") => {
            Ok(Response::json(200, &json!({"rules": core.config.scoring, "counts": core.scoring_counts()})))
        }
        ("DELETE", "scoring") => {
            core.clear_scoring_rules();
            done
        }
        ("POST", "seed") => {
            let refusals = core.seed(&body(request)?);
            if refusals.is_empty() { done } else { Err(refused(400, &refusals.join("\n"))) }
        }
        ("POST", "jobs") => {
            let Job { workspace, job } = body(request)?;
            found(core.declare_job(&workspace, &job))
        }
        ("POST", "missing-paths") => {
            core.declare_missing_path(&body::<MissingPath>(request)?.contains);
            done
        }
        ("GET", "resource") => core
            .resource(&id)
            .map(|document| Response::json(200, &document))
            .ok_or_else(|| refused(404, "There is no such resource.")),
        ("PATCH", "resource") => {
            let change: Value = body(request)?;
            found(core.change_resource(&id, &change))
        }
        ("DELETE", "resource") => found(core.remove_resource(&id)),
        ("POST", "tokens/expire") => {
            core.expire_tokens();
            done
        }
        ("POST", "tokens/revoke") => {
            core.revoke_tokens();
            done
        }
        ("GET", "config") => Ok(Response::json(200, &json!(core.config))),
        ("PATCH", "config") => {
            core.configure(&body(request)?).map_err(|error| refused(400, &error))?;
            done
        }
        ("GET", "log") => {
            let after = request.parameter("after").and_then(|text| text.parse().ok()).unwrap_or(0_u64);
            let entries: Vec<_> = core.log().filter(|entry| entry.number > after).collect();
            Ok(Response::json(200, &json!({"entries": entries, "counts": core.request_counts()})))
        }
        ("DELETE", "log") => {
            core.clear_log();
            done
        }
        _ => Err(refused(404, "The emulator's control API has no such path.")),
    }
}
