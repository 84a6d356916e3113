//! Tokens from Entra ID or a managed identity, by `azure_identity`, and what a refusal means.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use azure_core::cloud::CustomConfiguration;
use azure_core::credentials::TokenCredential;
use azure_core::error::ErrorKind;
use azure_core::http::headers::Headers;
use azure_core::http::{ClientOptions, RetryOptions, Transport};
use azure_core::time::OffsetDateTime;
use azure_identity::{
    AzureCliCredential, AzureCliCredentialOptions, ClientAssertionCredential,
    ClientAssertionCredentialOptions, ClientSecretCredential, ClientSecretCredentialOptions,
    ManagedIdentityCredential, ManagedIdentityCredentialOptions, UserAssignedId, WorkloadIdentityCredential,
    WorkloadIdentityCredentialOptions,
};
use serde::Deserialize;

use super::accounts::{self, Who};
use super::certificate::{Assertion, Certificate};
use super::cli::Az;
use super::config::{Config, ConfigError, CredentialConfig};
use super::error_body;
use super::metrics::Metrics;
use super::token::{Fetch, Fetched};
use super::transport::{Http, IdentityTransport};
use crate::azure::model::{Class, Error, presentable, word};
use crate::outage::Reach;

/// How long one request for a token may take: less than whoever waits for the token does, so that it is seen to fail.
const LONGEST: Duration = Duration::from_secs(15);

/// A function that asks for one new token each time it is called.
///
/// Each time with a new credential, because a credential keeps its last token to itself: it would
/// hand out again the one that Azure has just refused, and the federated token file would be read
/// only every ten minutes.
pub(crate) fn fetch(
    who: &CredentialConfig,
    options: &Arc<Options>,
    scope: String,
) -> Result<Fetch, ConfigError> {
    let (who, options) = (who.clone(), Arc::clone(options));
    // What can be wrong from the start should be said at the start.
    credential(&who, &options).map_err(|e| ConfigError::Credential(plain(&e)))?;
    Ok(Box::new(move || Box::pin(token(credential(&who, &options), scope.clone()))))
}

/// The same for a service account: the cluster's word for it is exchanged for a token.
pub(crate) fn exchange(
    who: Who,
    assertion: accounts::Assertion,
    options: Arc<Options>,
    scope: String,
) -> Fetch {
    Box::new(move || {
        let client = ClientAssertionCredentialOptions { client_options: options.client() };
        let Who { tenant, client: id, .. } = who.clone();
        let made = ClientAssertionCredential::new(tenant, id, assertion.clone(), Some(client));
        Box::pin(token(made.map(|it| it as Arc<dyn TokenCredential>), scope.clone()))
    })
}

async fn token(made: azure_core::Result<Arc<dyn TokenCredential>>, scope: String) -> Result<Fetched, Error> {
    let credential = made.map_err(|e| ours(&e))?;
    let token = credential.get_token(&[&scope], None).await.map_err(|e| ours(&e))?;
    let lifetime = token.expires_on - OffsetDateTime::now_utc();
    Ok(Fetched { secret: token.token.secret().to_owned(), lifetime: lifetime.try_into().unwrap_or_default() })
}

/// Where Entra ID is, and the way there.
pub(crate) struct Options {
    authority: String,
    transport: Arc<IdentityTransport>,
    /// Counts the tokens.
    pub(super) metrics: Metrics,
}

impl Options {
    pub(super) fn new(config: &Config, http: &Http, reach: &Arc<Reach>, metrics: Metrics) -> Self {
        Self {
            metrics,
            authority: config.cloud.authority().to_owned(),
            transport: Arc::new(IdentityTransport { http: http.within(LONGEST), reach: Arc::clone(reach) }),
        }
    }

    /// No retries: the token source decides when to try again.
    fn client(&self) -> ClientOptions {
        let mut cloud = CustomConfiguration::default();
        cloud.authority_host.clone_from(&self.authority);
        ClientOptions {
            retry: RetryOptions::none(),
            transport: Some(Transport::new(self.transport.clone())),
            cloud: Some(Arc::new(cloud.into())),
            ..ClientOptions::default()
        }
    }
}

fn credential(who: &CredentialConfig, options: &Options) -> azure_core::Result<Arc<dyn TokenCredential>> {
    let client_options = options.client();
    Ok(match who {
        CredentialConfig::WorkloadIdentity { tenant, client, token_file } => {
            WorkloadIdentityCredential::new(Some(WorkloadIdentityCredentialOptions {
                credential_options: ClientAssertionCredentialOptions { client_options },
                client_id: Some(client.clone()),
                tenant_id: Some(tenant.clone()),
                token_file_path: Some(token_file.clone()),
            }))?
        }
        CredentialConfig::ManagedIdentity { client } => {
            ManagedIdentityCredential::new(Some(ManagedIdentityCredentialOptions {
                user_assigned_id: client.clone().map(UserAssignedId::ClientId),
                client_options,
            }))?
        }
        CredentialConfig::ClientSecret { tenant, client, secret } => ClientSecretCredential::new(
            tenant,
            client.clone(),
            secret.clone(),
            Some(ClientSecretCredentialOptions { client_options }),
        )?,
        CredentialConfig::ClientCertificate { tenant, client, path, password, send_chain } => {
            let certificate = Certificate::read(path, password.as_ref()).map_err(|why| {
                let message = format!("the client certificate {}: {why}", path.display());
                azure_core::Error::with_message(ErrorKind::Credential, message)
            })?;
            let assertion = Assertion {
                certificate,
                endpoint: format!("{}/{tenant}/oauth2/v2.0/token", options.authority),
                client: client.clone(),
                send_chain: *send_chain,
            };
            ClientAssertionCredential::new(
                tenant.clone(),
                client.clone(),
                assertion,
                Some(ClientAssertionCredentialOptions { client_options }),
            )?
        }
        CredentialConfig::AzureCli { tenant, path } => {
            AzureCliCredential::new(Some(AzureCliCredentialOptions {
                tenant_id: tenant.clone(),
                executor: Some(Arc::new(Az { path: path.clone() })),
                ..AzureCliCredentialOptions::default()
            }))?
        }
    })
}

/// What Entra ID and the managed identity endpoint say in their errors.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Refusal {
    error: Option<String>,
    error_description: Option<String>,
    error_codes: Vec<u64>,
    correlation_id: Option<String>,
}

/// The error for an answer outside 2xx.
pub(crate) fn refusal(status: u16, headers: &Headers, body: &[u8]) -> Error {
    let header = headers.get_optional_str(&"retry-after".into());
    let retry_after = header.and_then(|v| v.trim().parse().ok());
    let said: Refusal = serde_json::from_slice(body).unwrap_or_default();
    said.into_error(status, retry_after)
}

/// Our own error, to be found again under those of `azure_identity`.
pub(crate) fn wrapped(error: Error) -> azure_core::Error {
    azure_core::Error::with_error(ErrorKind::Io, error, "no token")
}

/// Our error for one of `azure_identity`'s.
fn ours(error: &azure_core::Error) -> Error {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(e) = cause {
        // No answer, one that is not JSON, or Entra ID's refusal: the transport has said it already.
        if let Some(ours) = e.downcast_ref::<Error>() {
            return ours.clone();
        }
        // `az` has said why.
        if let Some(ours) =
            e.downcast_ref::<io::Error>().and_then(io::Error::get_ref).and_then(|e| e.downcast_ref::<Error>())
        {
            return ours.clone();
        }
        // A managed identity's.
        if let Some(theirs) = e.downcast_ref::<azure_core::Error>()
            && let ErrorKind::HttpResponse { status, raw_response, .. } = theirs.kind()
        {
            let status = u16::from(*status);
            return raw_response.as_ref().map_or_else(
                || Refusal::default().into_error(status, None),
                |raw| refusal(status, raw.headers(), raw.body().as_ref()),
            );
        }
        cause = e.source();
    }
    // The token file cannot be read, or the answer has no token in it.
    let message = format!("Entra ID gave no token: {}", plain(error));
    Error::new(Class::Credential, presentable(&message))
}

impl Refusal {
    fn into_error(self, status: u16, retry_after: Option<u64>) -> Error {
        let number = self.error_codes.first().copied();
        let passing = matches!(number, Some(90_024 | 90_033))
            || self.error.as_deref() == Some("temporarily_unavailable");
        let class = match status {
            429 => Class::Throttled(error_body::wait(retry_after)),
            408 | 300..=399 | 500.. => Class::Transient,
            _ if passing => Class::Transient,
            _ => Class::Credential,
        };
        let description = self.error_description.unwrap_or_default();
        let sentence = sentence(&description);
        let mut message = if sentence.is_empty() {
            format!("Entra ID gave no token and answered {status}.")
        } else {
            format!("Entra ID gave no token: {sentence}")
        };
        if let Some(advice) = number.and_then(advice) {
            message = format!("{} {advice}", message.trim_end());
        }
        Error {
            class,
            status: Some(status),
            code: number.map(|n| format!("AADSTS{n}")).or(self.error.map(|error| word(&error))),
            message: presentable(&message),
            correlation: self.correlation_id.map(|id| word(&id)),
            unsent: false,
            asked_as: None,
        }
    }
}

/// What whoever runs the operator, or owns the account, can do about an error of Entra ID.
fn advice(number: u64) -> Option<&'static str> {
    Some(match number {
        70_021 | 700_211..=700_213 => {
            "Give the identity in Azure a federated credential with exactly this issuer, subject and audience; Entra ID takes some minutes until it knows a new one."
        }
        90_002 | 900_023 => "Check the tenant id.",
        700_016 => "Check the client id and the tenant id.",
        700_024 => "Check the clocks of the cluster and of the operator's node.",
        700_027 => {
            "Register the certificate with the application, or give the operator the one that is registered."
        }
        7_000_215 | 7_000_222 => "Give the operator a secret of the application that is valid.",
        _ => return None,
    })
}

/// `AADSTS7000215: Invalid client secret. Trace ID: … Correlation ID: … Timestamp: …`, without
/// the code, which has its own place, and without the ids.
fn sentence(description: &str) -> &str {
    let end = description.find("Trace ID:").unwrap_or(description.len());
    let text = description[..end].trim();
    match text.split_once(": ") {
        Some((code, rest)) if code.starts_with("AADSTS") => rest,
        _ => text,
    }
}

/// The first line of an `azure_identity` error, which goes on with a link to a guide.
fn plain(error: &azure_core::Error) -> String {
    let text = error.to_string();
    // What failed is the authentication, and how is in the configuration.
    let text = text.split_once("Credential authentication failed.").map_or(text.as_str(), |(_, rest)| rest);
    let mut text = text.trim().lines().next().unwrap_or_default().to_owned();
    if let Some(source) = std::error::Error::source(error) {
        let source = source.to_string();
        if !text.contains(&source) {
            text = format!("{text}: {source}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use azure_core::http::{RawResponse, StatusCode};

    use super::*;

    #[test]
    fn a_refusal_says_its_code_and_one_sentence() {
        let body = r#"{"error":"invalid_client","error_description":"AADSTS7000215: Invalid client secret provided. Ensure the secret being sent is the value.\r\nTrace ID: 1\r\nCorrelation ID: 2\r\nTimestamp: 3","error_codes":[7000215],"timestamp":"x","trace_id":"1","correlation_id":"2"}"#;
        let refusal: Refusal = serde_json::from_str(body).expect("as recorded");
        let expected = Error {
            class: Class::Credential,
            status: Some(401),
            code: Some("AADSTS7000215".into()),
            message: "Entra ID gave no token: Invalid client secret provided. Ensure the secret being sent is the value. Give the operator a secret of the application that is valid.".into(),
            correlation: Some("2".into()),
            unsent: false,
            asked_as: None,
        };
        assert_eq!(refusal.into_error(401, None), expected);
    }

    #[test]
    fn a_managed_identity_s_refusal_is_read_too() {
        let mut headers = Headers::new();
        headers.insert("retry-after", "7");
        let body = r#"{"error":"too_many_requests","error_description":"Try \"later\"."}"#;
        let kind = ErrorKind::HttpResponse {
            status: StatusCode::TooManyRequests,
            error_code: None,
            raw_response: Some(Box::new(RawResponse::from_bytes(StatusCode::TooManyRequests, headers, body))),
        };
        let theirs = azure_core::Error::with_error(
            ErrorKind::Credential,
            azure_core::Error::with_message(kind, "no"),
            "no",
        );
        let expected = Error {
            class: Class::Throttled(Duration::from_secs(7)),
            status: Some(429),
            code: Some("too_many_requests".into()),
            message: "Entra ID gave no token: Try \"later\".".into(),
            correlation: None,
            unsent: false,
            asked_as: None,
        };
        assert_eq!(ours(&theirs), expected);
    }

    #[test]
    fn a_refusal_is_classified() {
        let of = |status, numbers: &[u64], error: &str| {
            let refusal =
                Refusal { error: Some(error.into()), error_codes: numbers.to_vec(), ..Refusal::default() };
            let error = refusal.into_error(status, Some(7));
            (error.class, error.code.unwrap_or_default())
        };
        let credential = |code: &str| (Class::Credential, code.to_owned());
        let transient = |code: &str| (Class::Transient, code.to_owned());
        assert_eq!(of(400, &[70_021], "invalid_request"), credential("AADSTS70021"));
        assert_eq!(of(400, &[], "invalid_request"), credential("invalid_request"));
        assert_eq!(of(400, &[90_033], "temporarily_unavailable"), transient("AADSTS90033"));
        assert_eq!(of(503, &[], "temporarily_unavailable"), transient("temporarily_unavailable"));
        let throttled = Class::Throttled(Duration::from_secs(7));
        assert_eq!(of(429, &[], "busy"), (throttled, "busy".into()));
    }
}
