//! What the URLs of an operation answer.

use serde_json::{Value, json};

use super::ledger::Operation;
use super::{Failure, Family, urls};
use crate::core::Core;
use crate::core::machinery::call::Call;
use crate::core::machinery::error::{Answer, ArmError};
use crate::core::machinery::{asset_id, ids};
use crate::wire::Response;

/// Answers a GET of any operation URL.
pub fn answer(core: &mut Core, call: &Call) -> Answer {
    let id = call.address.leaf().to_owned();
    let (retention, now) = (core.config.operation_retention, core.now);
    let found = core.operations.known.get(&id).filter(|operation| {
        operation.subscription.eq_ignore_ascii_case(&call.address.subscription)
            && !operation.vanished
            && operation.ended.is_none_or(|ended| ids::after(ended, retention) > now)
    });
    let Some(operation) = found.cloned() else {
        let status = if core.config.inferred.expired_operation_gone { 410 } else { 404 };
        return Err(ArmError::user(
            status,
            "The specified resource was not found.",
            "OperationNotFound",
            format!("Operation {id} was not found."),
        ));
    };
    let result = call.address.shape().ends_with("mfeOperationResults")
        || call.request.parameter("type").is_some_and(|kind| kind.eq_ignore_ascii_case("location"));
    let response = if result {
        result_of(core, call, &id, &operation)
    } else {
        Response::json(200, &status_of(core, call, &id, &operation))
    };
    Ok(match core.config.retry_after {
        Some(seconds) if operation.ended.is_none() => response.header("Retry-After", seconds.to_string()),
        _ => response,
    })
}

fn status_of(core: &Core, call: &Call, id: &str, operation: &Operation) -> Value {
    let status = match (&operation.verdict, operation.family) {
        (None, Family::Registry) => "InProgress",
        (None, Family::Mfe(_)) => "Updating",
        (Some(Ok(())), _) => "Succeeded",
        (Some(Err(_)), _) => "Failed",
    };
    let mut body = match operation.family {
        Family::Registry => json!({"status": status}),
        Family::Mfe(prefix) => {
            let address = &call.address;
            let mut body = json!({
                "id": format!(
                    "/subscriptions/{}/providers/Microsoft.MachineLearningServices/locations/{}/mfeOperationsStatus/{id}",
                    address.subscription, operation.location
                ),
                "name": id,
                "status": status,
            });
            if prefix != "bebes" {
                let ended = operation.ended.map_or_else(|| "0001-01-01T00:00:00+00:00".to_owned(), ids::iso);
                body["startTime"] = ids::iso(operation.started).into();
                body["endTime"] = ended.into();
                body["percentComplete"] = 0.0.into();
            }
            body
        }
    };
    match (&operation.verdict, operation.family) {
        (Some(Ok(())), Family::Registry) => body["percentComplete"] = 100.0.into(),
        (Some(Err(failure)), _) => body["error"] = error_of(core, failure),
        _ => {}
    }
    body
}

fn error_of(core: &Core, failure: &Failure) -> Value {
    if !core.config.inferred.failure_code_in_message {
        return json!({"code": failure.code, "message": failure.message, "details": []});
    }
    json!({"code": null, "message": format!("{}: {}", failure.code, failure.message), "details": []})
}

fn result_of(core: &mut Core, call: &Call, id: &str, operation: &Operation) -> Response {
    match &operation.verdict {
        None => {
            let location = operation.location.clone();
            let urls = urls(core, call, operation.family, &location, id);
            Response::empty(202).header("Location", urls.result)
        }
        Some(Err(failure)) => Response::json(400, &json!({"error": error_of(core, failure)})),
        Some(Ok(())) => match operation.shows.as_deref().and_then(|key| core.store.take(key)) {
            Some(document) => Response::json(200, &asset_id::shown(core, operation.door, document)),
            None if operation.shows.is_some() => Response::empty(200),
            None => Response::empty(204),
        },
    }
}
