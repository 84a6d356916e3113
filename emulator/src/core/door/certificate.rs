//! Assertions that a client signs itself, with the key of a certificate that is registered for it [Microsoft identity
//! platform, "certificate credentials"].

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64URL;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, SignatureVerificationAlgorithm};
use serde_json::Value;
use webpki::EndEntityCert;
use webpki::aws_lc_rs::{RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256_LEGACY_KEY};

use super::assertion::Refusal;
use super::jwt::part;
use crate::config::{Client, Time};
use crate::core::Core;

/// How far the clocks may differ, in seconds.
const SKEW: i64 = 300;

/// Refuses with Entra's number what no registered certificate signed, or what is not for this door and this time.
pub fn check(core: &Core, client: &Client, assertion: &str, claims: &Value) -> Result<(), Refusal> {
    let id = &client.client_id;
    if client.certificates.is_empty() {
        return Err((700_026, "Client application has no configured keys.".into()));
    }
    let unknown = |reason: &str| {
        let message = format!(
            "The certificate with identifier used to sign the client assertion is not registered on application. [Reason - {reason}, Please visit the Azure Portal, Graph Explorer or directly use MS Graph to see configured keys for app Id '{id}'.]"
        );
        (700_027, message)
    };
    let header = part(assertion, 0).unwrap_or_default();
    let certificates =
        client.certificates.iter().filter_map(|pem| CertificateDer::from_pem_slice(pem.as_bytes()).ok());
    let registered = certificates.into_iter().find(|certificate| is_named(&header, certificate));
    let registered = registered.ok_or_else(|| unknown("The key was not found."))?;
    if !signed(assertion, &header, &registered) {
        return Err(unknown("The provided signature value did not match the expected signature value."));
    }
    let base = format!("{}/{}", core.base(), core.config.tenant).to_lowercase();
    let audience = claims["aud"].as_str().unwrap_or_default().to_lowercase();
    if ![format!("{base}/oauth2/v2.0/token"), format!("{base}/v2.0")].contains(&audience) {
        return Err((700_023, "Client assertion audience claim does not match Realm issuer.".into()));
    }
    let is_client = |name: &str| claims[name].as_str().is_some_and(|it| it.eq_ignore_ascii_case(id));
    if !is_client("sub") {
        return Err((
            700_021,
            "Client assertion application identifier doesn't match 'client_id' parameter.".into(),
        ));
    }
    // The client's clock is not emulated, so it can be compared only when ours is true.
    let now = core.now().as_second();
    let time = |name: &str| claims[name].as_i64();
    let in_time =
        time("exp").is_some_and(|end| end > now) && time("nbf").is_none_or(|begin| begin <= now + SKEW);
    if core.config.time == (Time::Real { scale: 1.0 }) && !in_time {
        return Err((700_024, "Client assertion is not within its valid time range.".into()));
    }
    Ok(())
}

/// Whether the header names this certificate, by the thumbprint of its bytes. Microsoft's own clients for Go and Rust write
/// it in the alphabet of plain base64, where the documentation asks for that of URLs [CLI].
fn is_named(header: &Value, certificate: &CertificateDer<'_>) -> bool {
    let is = |name: &str, algorithm| {
        let text = header[name].as_str().map(|text| text.replace('+', "-").replace('/', "_"));
        let named = text.and_then(|text| BASE64URL.decode(text.trim_end_matches('=')).ok());
        named.is_some_and(|named| named == digest(algorithm, certificate).as_ref())
    };
    is("x5t#S256", &SHA256) || is("x5t", &SHA1_FOR_LEGACY_USE_ONLY)
}

fn signed(assertion: &str, header: &Value, certificate: &CertificateDer<'_>) -> bool {
    let algorithm: &dyn SignatureVerificationAlgorithm = match header["alg"].as_str() {
        Some("RS256") => RSA_PKCS1_2048_8192_SHA256,
        Some("PS256") => RSA_PSS_2048_8192_SHA256_LEGACY_KEY,
        _ => return false,
    };
    let Some((message, signature)) = assertion.rsplit_once('.') else { return false };
    let (Ok(signature), Ok(certificate)) =
        (BASE64URL.decode(signature.trim_end_matches('=')), EndEntityCert::try_from(certificate))
    else {
        return false;
    };
    certificate.verify_signature(algorithm, message.as_bytes(), &signature).is_ok()
}
