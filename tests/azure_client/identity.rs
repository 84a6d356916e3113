//! Tokens: whence they come, what is said when there is none, and to whom none is sent.

use azureml_emulator::{Effect, Emulator};
use bindery::azure::client::{Counts, CredentialConfig};
use bindery::azure::model::{Class, Error};
use serde_json::{Value, json};

use crate::keys::SigningKey;
use crate::stand::{CLIENT, SUBSCRIPTION, Stand, code, file, look, workspace};

#[tokio::test]
async fn a_secret_gets_one_token_for_many_requests() {
    let stand = Stand::new().await;
    let azure = stand.azure();
    let looks = futures::future::join_all((0..20).map(|_| look(&azure))).await;
    for found in looks {
        let workspace = found.expect("an answer").expect("a workspace");
        assert_eq!(workspace.location, "eastus");
    }
    assert_eq!(stand.seen("POST", "/oauth2/v2.0/token"), 1);
    assert_eq!(azure.counts(), Counts { reads: 20, writes: 0, throttled: 0 });
}

#[tokio::test]
async fn a_service_account_is_exchanged_for_a_token() {
    let key = SigningKey::new("cluster");
    let claims = |subject: &str| {
        let claims =
            json!({"iss": "https://cluster.example/", "sub": subject, "aud": "api://AzureADTokenExchange"});
        file("token", &key.sign(&claims))
    };
    let mut stand = Stand::new().await;
    stand.emulator.control().config.clients[0].federated[0].keys = Some(key.published());
    let tenant = stand.emulator.control().config.tenant.clone();
    let token_file = claims("system:serviceaccount:ml:other");
    stand.config.credential = CredentialConfig::WorkloadIdentity {
        tenant: tenant.clone(),
        client: CLIENT.into(),
        token_file: token_file.clone(),
    };
    let error = look(&stand.azure()).await.expect_err("another account");
    assert_eq!((error.class, code(&error)), (Class::Credential, "AADSTS700213"), "{error}");

    // The file is read for every token, so a new one helps at once.
    let azure = stand.azure();
    std::fs::copy(claims("system:serviceaccount:ml:bindery"), &token_file).expect("a writable folder");
    assert!(look(&azure).await.expect("an answer").is_some());
}

#[tokio::test]
async fn a_wrong_secret_is_said_and_not_tried_again_at_once() {
    let mut stand = Stand::new().await;
    let tenant = stand.emulator.control().config.tenant.clone();
    stand.config.credential =
        CredentialConfig::ClientSecret { tenant, client: CLIENT.into(), secret: "wrong".into() };
    let azure = stand.azure();
    let error = look(&azure).await.expect_err("a wrong secret");
    let expected = format!(
        "Entra ID gave no token: Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '{CLIENT}'. Give the operator a secret of the application that is valid."
    );
    assert_eq!((error.class, error.status), (Class::Credential, Some(401)));
    assert_eq!((code(&error), error.message.as_str()), ("AADSTS7000215", expected.as_str()));
    assert!(error.correlation.is_some());
    for _ in 0..5 {
        assert_eq!(look(&azure).await, Err(error.clone()));
    }
    assert_eq!(stand.seen("POST", "/oauth2/v2.0/token"), 1);
    assert_eq!(azure.counts(), Counts::default());
}

/// As Microsoft documents it, lines end with `\r\n`, and messages quote what they were given.
#[tokio::test]
async fn a_refusal_with_quotes_and_lines_keeps_its_code() {
    let stand = Stand::new().await;
    let said = json!({
        "error": "invalid_client",
        "error_description": "AADSTS700213: No matching federated identity record found for presented assertion subject \"system:serviceaccount:ml:bindery\".\r\nTrace ID: 33333333-0000-4000-8000-000000000003\r\nCorrelation ID: 44444444-0000-4000-8000-000000000004\r\nTimestamp: 2026-11-22 10:00:00Z",
        "error_codes": [700_213],
        "correlation_id": "44444444-0000-4000-8000-000000000004",
    });
    for (status, class) in [(401, Class::Credential), (503, Class::Transient)] {
        let refusal =
            Effect::Body { status, content_type: "application/json".into(), body: said.to_string() };
        stand.fault("POST", "/oauth2/v2.0/token", refusal);
        let error = look(&stand.azure()).await.expect_err("a refusal");
        let expected = Error {
            class,
            status: Some(status),
            code: Some("AADSTS700213".into()),
            message: "Entra ID gave no token: No matching federated identity record found for presented assertion subject \"system:serviceaccount:ml:bindery\". Give the identity in Azure a federated credential with exactly this issuer, subject and audience; Entra ID takes some minutes until it knows a new one.".into(),
            correlation: Some("44444444-0000-4000-8000-000000000004".into()),
            unsent: true,
            asked_as: (class == Class::Credential).then(|| "the operator's own identity".to_owned()),
        };
        assert_eq!(error, expected);
    }
}

#[tokio::test]
async fn entra_out_of_order_is_not_our_fault() {
    let stand = Stand::new().await;
    let page = Effect::Body {
        status: 503,
        content_type: "text/html".into(),
        body: "<html><h1>Our services aren't available right now</h1></html>".into(),
    };
    stand.fault("POST", "/oauth2/v2.0/token", page);
    let error = look(&stand.azure()).await.expect_err("an outage");
    assert_eq!(error.class, Class::Transient);
    let expected =
        "127.0.0.1 answered 503 with something that is not JSON: \"Our services aren't available right now\"";
    assert_eq!(error.message, expected);
}

#[tokio::test]
async fn a_refused_token_is_replaced() {
    let stand = Stand::new().await;
    let azure = stand.azure();
    assert!(look(&azure).await.is_ok());
    stand.emulator.control().expire_tokens();
    assert!(look(&azure).await.is_ok(), "with a new one");
    stand.emulator.control().revoke_tokens();
    assert!(look(&azure).await.is_ok(), "with another one");
    assert_eq!(stand.seen("POST", "/oauth2/v2.0/token"), 3);
}

#[tokio::test]
async fn no_token_goes_to_a_stranger() {
    let mut stand = Stand::new().await;
    let stranger = Emulator::start(azureml_emulator::Config::default()).await.expect("it starts");
    let url = stranger.url();
    // Its certificate is in order; it is still none of our hosts.
    let both = format!("{}{}", stand.emulator.ca_pem(), stranger.ca_pem());
    stand.config.ca_bundle = Some(file("both.pem", &both));
    let azure = stand.azure();

    let page = json!({"value": [], "nextLink": format!("{url}/subscriptions/x?$skip=secret")});
    let page = Effect::Body { status: 200, content_type: "application/json".into(), body: page.to_string() };
    stand.fault("GET", "/models", page);
    let models = workspace().to_string() + "/models";
    let refusals = [
        azure.list::<Value>(&models, &[]).await.err(),
        azure.operation(&format!("{url}/operations/1?s=secret"), SUBSCRIPTION).await.err(),
        azure.run(&url.replace("https", "azureml"), &workspace(), "train-1").await.err(),
    ];
    let host = url.trim_start_matches("https://");
    for (refusal, what) in
        refusals.into_iter().zip(["a nextLink", "an operation", "the workspace's tracking URI"])
    {
        let error = refusal.expect("a refusal");
        let expected = format!(
            "Refused to follow {what} to {host}: the host is neither a management host of this cloud nor a trusted host of ours. No token was sent there."
        );
        assert_eq!((error.class, error.message), (Class::Permanent, expected));
    }
    assert_eq!(stranger.control().log().count(), 0);

    let redirect = Effect::Answer {
        status: 307,
        code: String::new(),
        message: String::new(),
        headers: [("Location".to_owned(), format!("{url}/subscriptions"))].into(),
    };
    stand.fault("GET", "workspaces/dev", redirect);
    let error = look(&azure).await.expect_err("not followed");
    assert_eq!((error.class, error.status), (Class::Transient, Some(307)));
    assert_eq!(stranger.control().log().count(), 0);
}
