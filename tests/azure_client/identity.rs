//! Tokens: whence they come, what is said when there is none, and to whom none is sent.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use azureml_emulator::{Effect, Emulator};
use bindery::azure::client::{Azure, Config, Counts, CredentialConfig};
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

/// A folder that is on nobody's path but the test's, with a program `az` in it.
fn folder_with_az(script: &str) -> PathBuf {
    let folder = file("bin", "").with_extension("d");
    std::fs::create_dir_all(&folder).expect("a folder");
    std::fs::write(folder.join("az"), format!("#!/bin/sh\n{script}\n")).expect("a writable folder");
    let executable = Permissions::from_mode(0o755);
    std::fs::set_permissions(folder.join("az"), executable).expect("an own file");
    folder
}

#[tokio::test]
async fn a_certificate_signs_for_a_token_and_a_renewed_one_is_used() {
    let mut stand = Stand::new().await;
    let tenant = stand.emulator.control().config.tenant.clone();
    let (old, new) = (SigningKey::new("old").certificate(), SigningKey::new("new").certificate());
    let path = file("tls-combined.pem", &format!("{}{}", old.0, old.1));
    stand.config.credential = CredentialConfig::ClientCertificate {
        tenant,
        client: CLIENT.into(),
        path: path.clone(),
        password: None,
        send_chain: true,
    };
    let register = |pem: &str| stand.emulator.control().config.clients[0].certificates = vec![pem.into()];
    register(&old.1);
    let azure = stand.azure();
    assert!(look(&azure).await.expect("an answer").is_some());

    register(&new.1);
    let error = look(&stand.azure()).await.expect_err("not the one that is registered");
    assert_eq!((error.class, code(&error)), (Class::Credential, "AADSTS700027"), "{error}");
    let expected = "Entra ID gave no token: The certificate with identifier used to sign the client assertion is not registered on application. [Reason - The key was not found.,";
    assert!(error.message.starts_with(expected), "{error}");

    // The file is read for every token.
    std::fs::write(&path, format!("{}{}", new.1, new.0)).expect("a writable folder");
    stand.emulator.control().revoke_tokens();
    assert!(look(&azure).await.expect("an answer").is_some());

    // A file that breaks while the operator runs is said where a token is needed.
    std::fs::write(&path, &new.0).expect("a writable folder");
    stand.emulator.control().revoke_tokens();
    let error = look(&azure).await.expect_err("no certificate");
    let expected = format!(
        "Entra ID gave no token: the client certificate {}: there is no certificate in it (-----BEGIN CERTIFICATE-----)",
        path.display()
    );
    // Azure's own refusal of the old token is what is said of the request; the next one has no token to send.
    assert_eq!(error.class, Class::Credential);
    let error = look(&azure).await.expect_err("no certificate");
    assert_eq!((error.class, error.message), (Class::Credential, expected));
}

#[tokio::test]
async fn the_azure_cli_gives_a_token_or_says_why_not() {
    let mut stand = Stand::new().await;
    let tenant = stand.emulator.control().config.tenant.clone();
    let (url, token) = (stand.emulator.url(), stand.token().await);
    let expires = std::time::SystemTime::now() + std::time::Duration::from_secs(3600);
    let expires = expires.duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_secs();
    let said = |expires: &Value| {
        let said = json!({"accessToken": token, "expiresOn": "2030-01-02 03:04:05.000000", "expires_on": expires,
            "subscription": SUBSCRIPTION, "tenant": tenant, "tokenType": "Bearer"});
        file("token.json", &said.to_string()).display().to_string()
    };
    let arguments = file("arguments", "");
    let log = format!("echo \"$@\" >> {}", arguments.display());
    let mut with = |folder: PathBuf, tenant: Option<String>| {
        let path = format!("{}:/usr/bin:/bin", folder.display()).into();
        stand.config.credential = CredentialConfig::AzureCli { tenant, path };
        stand.azure()
    };

    let good = folder_with_az(&format!("{log}\ncat {}", said(&expires.into())));
    for (tenant, asked) in [(None, String::new()), (Some(tenant.clone()), format!(" --tenant {tenant}"))] {
        let azure = with(good.clone(), tenant);
        assert!(look(&azure).await.expect("an answer").is_some());
        let expected = format!("account get-access-token -o json --scope {url}/.default{asked}\n");
        assert_eq!(std::fs::read_to_string(&arguments).expect("a log"), expected);
        std::fs::write(&arguments, "").expect("a writable folder");
    }

    for (script, expected) in [
        (
            "echo \"ERROR: Please run 'az login' to setup account.\" >&2; exit 1".to_owned(),
            "The Azure CLI gave no token: Please run 'az login' to setup account.",
        ),
        (
            "printf 'ERROR: AADSTS70043: The refresh token has expired.\\nInteractive authentication is needed. Please run:\\naz login\\n' >&2; exit 1".to_owned(),
            "The Azure CLI gave no token: AADSTS70043: The refresh token has expired. Interactive authentication is needed. Please run: az login",
        ),
        ("exit 3".to_owned(), "The Azure CLI gave no token: az ended with 3, and did not say why."),
        (
            format!("cat {}", said(&Value::Null)),
            "Entra ID gave no token: expires_on field not found. Please use Azure CLI 2.54.0 or newer.",
        ),
    ] {
        let error = look(&with(folder_with_az(&script), None)).await.expect_err("no token");
        assert_eq!((error.class, error.message.as_str()), (Class::Credential, expected));
    }
    stand.config.credential = CredentialConfig::AzureCli { tenant: None, path: "/nowhere".into() };
    let error = look(&stand.azure()).await.expect_err("no az");
    let expected = "The Azure CLI gave no token: there is no program az on the PATH. Install the Azure CLI, or choose another --credential.";
    assert_eq!((error.class, error.message.as_str()), (Class::Credential, expected));
}

/// A cloud that is only known by the URL of its document.
#[tokio::test]
async fn a_cloud_is_learned_from_its_document_of_endpoints() {
    let stand = Stand::new().await;
    let url = stand.emulator.url();
    let learned = async |path: &str| {
        let choice = format!("{url}{path}").parse().expect("a choice");
        let mut config = Config::new(stand.config.credential.clone());
        config.ca_bundle.clone_from(&stand.config.ca_bundle);
        config.in_cloud(Some(choice), None).await
    };
    let document = "/metadata/endpoints?api-version=2022-09-01";
    let config = learned(document).await.expect("a cloud");
    assert_eq!((config.cloud.name(), config.cloud.authority()), (format!("at {url}").as_str(), url.as_str()));
    let azure = Azure::new(config).expect("a client");
    assert!(look(&azure).await.expect("an answer").is_some());

    let page = |body: String| Effect::Body { status: 200, content_type: "application/json".into(), body };
    let redirect = Effect::Answer {
        status: 307,
        code: String::new(),
        message: String::new(),
        headers: [("Location".to_owned(), format!("{url}/metadata/other"))].into(),
    };
    for (effect, why) in [
        (page("a".repeat(2 << 20)), "it is longer than 1 MiB"),
        (page("<html>".into()), "it is not JSON"),
        (
            page("[]".into()),
            "it describes the clouds [], and none of them has its Azure Resource Manager at this host",
        ),
        (redirect, "it answered 307, and not 200"),
    ] {
        stand.fault("GET", "/metadata/endpoints", effect);
        let error = learned(document).await.expect_err(why).to_string();
        assert_eq!(error, format!("the cloud could not be learned from {url}{document}: {why}"));
    }
}
