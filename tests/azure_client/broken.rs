//! Connections and answers that are not in order.

use std::time::Duration;

use azureml_emulator::Effect;
use bindery::azure::model::Class;
use bindery::azure::model::resource::ModelVersion;

use crate::stand::{Stand, look, put_version};

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_not_trusted() {
    let mut stand = Stand::new().await;
    stand.config.ca_bundle = None;
    let error = look(&stand.azure()).await.expect_err("no trust");
    assert_eq!(error.class, Class::Transient);
    assert_eq!(error.message, "No connection to 127.0.0.1: invalid peer certificate: UnknownIssuer.");
}

#[tokio::test]
async fn a_lost_answer_is_not_tried_again() {
    let mut stand = Stand::new().await;
    stand.config.request_timeout = Duration::from_secs(2);
    let azure = stand.azure();
    look(&azure).await.expect("an answer");
    for (version, effect, done) in [
        ("1", Effect::LoseAnswer, true),
        ("2", Effect::DropBefore, false),
        ("3", Effect::Silence { after_the_deed: true }, true),
    ] {
        let call = put_version(version);
        let path = format!("fare/versions/{version}");
        stand.fault("PUT", &path, effect.clone());
        let error = azure.send(&call).await.expect_err("no answer");
        assert_eq!((error.class, error.status), (Class::Transient, None), "{effect:?}: {error}");
        assert!(error.message.contains("127.0.0.1"), "{error}");
        assert_eq!(stand.seen("PUT", &path), 1, "{effect:?}");
        let found = azure.get::<ModelVersion>(&call.resource).await.expect("an answer");
        assert_eq!(found.is_some(), done, "{effect:?}");
    }
}

#[tokio::test]
async fn what_is_not_json_says_so() {
    let stand = Stand::new().await;
    let azure = stand.azure();
    for (status, body, expected) in [
        (
            502,
            "<html><head><title>502 Bad Gateway</title></head></html>",
            "127.0.0.1 answered 502 with something that is not JSON: \"502 Bad Gateway\"",
        ),
        (
            404,
            "<html>Nothing here</html>",
            "127.0.0.1 answered 404 with something that is not JSON: \"Nothing here\"",
        ),
        (
            200,
            "Log in to the network",
            "127.0.0.1 answered 200 with something that is not JSON: \"Log in to the network\"",
        ),
        (200, "", "127.0.0.1 answered 200 without the body that belongs there."),
        (
            200,
            r#"{"location":"eastus"}"#,
            "127.0.0.1 answered 200 with something unexpected: missing field `properties`",
        ),
    ] {
        let effect = Effect::Body { status, content_type: "text/html".into(), body: body.into() };
        stand.fault("GET", "workspaces/dev", effect);
        let error = look(&azure).await.expect_err(expected);
        assert_eq!((error.class, error.message.as_str()), (Class::Transient, expected));
    }
    assert!(look(&azure).await.expect("an answer").is_some());
}
