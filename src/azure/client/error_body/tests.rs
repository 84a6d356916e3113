use serde_json::json;

use super::*;

fn refused(status: u16, body: &str) -> Error {
    let head =
        Head { host: "arm.example".into(), status, retry_after: None, correlation: Some("c-1".into()) };
    refusal(&head, body.as_bytes())
}

#[test]
fn every_shape_of_error_says_its_code_and_its_message() {
    let cases = [
        (
            "ARM's front door",
            json!({"error": {"code": "ResourceGroupNotFound", "message": "Resource group 'rg' could not be found."}}),
            Some("ResourceGroupNotFound"),
            "Resource group 'rg' could not be found.",
        ),
        (
            "MFE",
            json!({"error": {"code": "UserError", "message": "The specified resource was not found.",
                "details": [{"code": "ModelNotFound", "message": "Model container with name: X not found.", "details": [], "additionalInfo": []}],
                "additionalInfo": [{"type": "ComponentName", "info": {"value": "managementfrontend"}}]}}),
            Some("ModelNotFound"),
            "The specified resource was not found. Model container with name: X not found.",
        ),
        (
            "RootError",
            json!({"error": {"code": "UserError", "severity": null, "message": "Not allowed to access registry r", "details": [],
                "innerError": {"code": "Auth", "innerError": {"code": "UnAuthorizedRegistryAccess", "innerError": null}}},
                "statusCode": 403}),
            Some("UnAuthorizedRegistryAccess"),
            "Not allowed to access registry r",
        ),
        (
            "a null code, and the code in the message",
            json!({"error": {"code": null, "message": "ResourceNotReady: User container has crashed: Liveness probe failed."}}),
            Some("ResourceNotReady"),
            "User container has crashed: Liveness probe failed.",
        ),
        (
            "a null code, and a sentence with a colon",
            json!({"error": {"code": null, "message": "It went wrong: badly"}}),
            None,
            "It went wrong: badly",
        ),
        (
            "Kubernetes validation",
            json!({"error": {"code": "BadRequest", "statusCode": 400, "message": "The request is invalid.",
                "details": [{"code": "KubernetesUnaccessible", "message": "Kubernetes error: AuthenticationException"}]}}),
            Some("KubernetesUnaccessible"),
            "The request is invalid. Kubernetes error: AuthenticationException",
        ),
        (
            "a problem document inside a detail",
            json!({"error": {"code": "BadRequest", "message": "The request is invalid",
                "details": [{"code": "InferencingClientCallFailed",
                    "message": "{\"title\":\"One or more validation errors occurred.\",\"errors\":{\"\":[\"There is already an endpoint with this name.\"]}}"}]}}),
            Some("InferencingClientCallFailed"),
            "The request is invalid. One or more validation errors occurred. There is already an endpoint with this name.",
        ),
        (
            "details that repeat the message",
            json!({"error": {"code": "A", "message": "No.", "details": [{"code": "B", "message": "No."}]}}),
            Some("B"),
            "No.",
        ),
        (
            "MLflow",
            json!({"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "Run 'j' not found"}),
            Some("RESOURCE_DOES_NOT_EXIST"),
            "Run 'j' not found",
        ),
        (
            "JSON of no known shape",
            json!({"oops": true}),
            None,
            "arm.example answered 400 and said nothing more.",
        ),
    ];
    for (name, body, code, message) in cases {
        let error = refused(400, &body.to_string());
        assert_eq!(error.code.as_deref(), code, "{name}");
        assert_eq!(error.message, message, "{name}");
        assert_eq!(error.correlation.as_deref(), Some("c-1"), "{name}");
    }
}

#[test]
fn the_status_decides_the_class() {
    let coded = |code: &str| json!({"error": {"code": code, "message": "m"}}).to_string();
    let cases = [
        (400, coded("UserError"), Class::Permanent),
        (405, coded("X"), Class::Permanent),
        (422, coded("X"), Class::Permanent),
        (401, coded("ExpiredAuthenticationToken"), Class::Unauthorized),
        (403, coded("AuthorizationFailed"), Class::Unauthorized),
        (404, coded("ResourceNotFound"), Class::NotFound),
        (410, coded("Gone"), Class::NotFound),
        (408, coded("X"), Class::Transient),
        (500, coded("InternalServerError"), Class::Transient),
        (503, String::new(), Class::Transient),
        (302, String::new(), Class::Transient),
        (409, coded("Conflict"), Class::Conflict),
        (412, coded("X"), Class::Conflict),
        (409, coded("MissingSubscriptionRegistration"), Class::Permanent),
        (409, coded("ScopeLocked"), Class::Permanent),
        (403, coded("RequestDisallowedByPolicy"), Class::Permanent),
        (400, coded("OperationCanceled"), Class::Conflict),
        (429, coded("SubscriptionRequestsThrottled"), Class::Throttled(DEFAULT_WAIT)),
    ];
    for (status, body, class) in cases {
        let error = refused(status, &body);
        assert_eq!((error.status, error.class), (Some(status), class), "{status} {body}");
    }
}

#[test]
fn a_quota_at_its_end_is_json_inside_a_string() {
    let problem = json!({"errors": {"VmSize": [
        "Not enough quota for Standard_F4s_v2. See https://docs.example/help#error-outofquota",
    ]}, "status": 400});
    let message = format!("InferencingClient HttpRequest error, error detail: {problem}");
    let body = json!({"error": {"code": "BadRequest", "message": "The request is invalid.", "details": [
        {"code": "InferencingClientCreateDeploymentFailed", "message": message},
    ]}});
    let error = refused(400, &body.to_string());
    assert!(error.is_out_of_quota(), "{error:?}");
    assert_eq!(error.code.as_deref(), Some("InferencingClientCreateDeploymentFailed"));
    let said = "The request is invalid. Not enough quota for Standard_F4s_v2. See https://docs.example/help#error-outofquota";
    assert_eq!(error.message, said);
    assert!(!refused(400, &json!({"error": {"code": "X", "message": "m"}}).to_string()).is_out_of_quota());
}

#[test]
fn what_is_not_json_is_worth_another_try() {
    let page = "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>nginx</body></html>";
    for status in [400, 403, 404, 502] {
        let error = refused(status, page);
        assert_eq!(error.class, Class::Transient);
        let expected = format!(
            "arm.example answered {status} with something that is not JSON: \"502 Bad Gateway nginx\""
        );
        assert_eq!(error.message, expected);
    }
    assert_eq!(refused(429, page).class, Class::Throttled(DEFAULT_WAIT));
    assert_eq!(refused(502, "").message, "arm.example answered 502 and said nothing more.");
    assert_eq!(refused(404, " null ").class, Class::NotFound);
}

#[test]
fn a_429_is_waited_out_within_reason() {
    let cases = [(None, 30), (Some(0), 1), (Some(6), 6), (Some(86_400), 3600)];
    for (asked, waited) in cases {
        assert_eq!(wait(asked), Duration::from_secs(waited), "{asked:?}");
    }
}
