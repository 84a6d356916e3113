//! What the URL of a long-running operation answers.
//!
//! `Azure-AsyncOperation` answers 200 with a `status`; `Location` answers 202 until it is done and
//! then 200, 201, 204 or the error [REC, azure-core's ARMPolling].

use serde_json::Value;

use super::error_body::{self, Head, Said};
use crate::azure::model::OperationState;
use crate::azure::model::{Class, Error};

/// The state that an answer stands for. Only `succeeded`, `failed` and `canceled` are terminal, in
/// any case; the service says `Updating` where the specification says `InProgress` [REC].
pub(crate) fn state(head: &Head, body: &[u8]) -> Result<OperationState, Error> {
    if !(200..300).contains(&head.status) {
        let error = error_body::refusal(head, body);
        return match error.class {
            Class::NotFound => Ok(OperationState::Gone),
            // `Location` ends with the error that the call would have had.
            Class::Permanent | Class::Conflict => {
                Ok(OperationState::Failed { code: error.code, message: error.message })
            }
            _ => Err(error),
        };
    }
    let running = if head.status == 202 { OperationState::Running } else { OperationState::Succeeded };
    if error_body::is_empty(body) {
        return Ok(running);
    }
    let Ok(body) = serde_json::from_slice::<Value>(body) else {
        return Err(error_body::not_json(head, body));
    };
    // Without a status it is the result itself, as `Location` gives it in the end.
    let Some(status) = body.get("status").and_then(Value::as_str) else {
        return Ok(running);
    };
    Ok(match status.to_ascii_lowercase().as_str() {
        "succeeded" => OperationState::Succeeded,
        word @ ("failed" | "canceled") => failure(&body, word),
        _ => OperationState::Running,
    })
}

fn failure(body: &Value, word: &str) -> OperationState {
    let error = body.get("error").or_else(|| body.pointer("/properties/error"));
    let said = error.map(Said::of_error).unwrap_or_default();
    let message = if said.message.is_empty() {
        let what = if word == "canceled" { "was canceled" } else { "failed" };
        format!("Azure says that the operation {what}, and not why.")
    } else {
        said.message
    };
    OperationState::Failed { code: said.code, message }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(status: u16, body: &str) -> Result<OperationState, Class> {
        let head = Head { status, ..Head::default() };
        state(&head, body.as_bytes()).map_err(|error| error.class)
    }

    fn failed(code: Option<&str>, message: &str) -> OperationState {
        OperationState::Failed { code: code.map(str::to_owned), message: message.to_owned() }
    }

    #[test]
    fn an_operation_is_what_its_answer_says() {
        use OperationState::{Gone, Running, Succeeded};
        let cases = [
            (200, r#"{"status":"InProgress"}"#, Ok(Running)),
            (200, r#"{"status":"Updating","percentComplete":0.0}"#, Ok(Running)),
            (202, r#"{"status":"InProgress"}"#, Ok(Running)),
            (202, "", Ok(Running)),
            (202, "null", Ok(Running)),
            (200, r#"{"status":"Succeeded","percentComplete":100.0}"#, Ok(Succeeded)),
            (200, r#"{"status":"succeeded"}"#, Ok(Succeeded)),
            (204, "", Ok(Succeeded)),
            (201, "null", Ok(Succeeded)),
            (200, r#"{"properties":{"provisioningState":"Succeeded"}}"#, Ok(Succeeded)),
            (
                200,
                r#"{"status":"Failed","error":{"code":null,"message":"ResourceNotReady: User container has crashed"}}"#,
                Ok(failed(Some("ResourceNotReady"), "User container has crashed")),
            ),
            (
                200,
                r#"{"status":"FAILED","error":{"code":"UserError","message":"No.","details":[{"code":"OutOfQuota","message":"Not enough cores."}]}}"#,
                Ok(failed(Some("OutOfQuota"), "No. Not enough cores.")),
            ),
            (
                200,
                r#"{"status":"Canceled"}"#,
                Ok(failed(None, "Azure says that the operation was canceled, and not why.")),
            ),
            (
                200,
                r#"{"status":"Failed","error":null}"#,
                Ok(failed(None, "Azure says that the operation failed, and not why.")),
            ),
            (404, r#"{"error":{"code":"NotFound","message":"m"}}"#, Ok(Gone)),
            (410, "", Ok(Gone)),
            (404, "<html>proxy</html>", Err(Class::Transient)),
            (200, "<html>portal</html>", Err(Class::Transient)),
            (500, r#"{"error":{"code":"InternalServerError","message":"m"}}"#, Err(Class::Transient)),
            (403, r#"{"error":{"code":"AuthorizationFailed","message":"m"}}"#, Err(Class::Unauthorized)),
            (
                409,
                r#"{"error":{"code":null,"message":"ResourceNotReady: It crashed"}}"#,
                Ok(failed(Some("ResourceNotReady"), "It crashed")),
            ),
        ];
        for (status, body, expected) in cases {
            assert_eq!(of(status, body), expected, "{status} {body}");
        }
    }
}
