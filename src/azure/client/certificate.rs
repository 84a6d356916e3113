//! A service principal with a certificate. A signature with the certificate's key, over a few claims that hold for five
//! minutes, stands in the place of a secret [Microsoft identity platform, "certificate credentials"].

mod der;
mod encrypted;
mod pem;
mod pkcs12;

use std::fmt;
use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;

use azure_core::Uuid;
use azure_core::base64::{encode, encode_url_safe};
use azure_core::credentials::Secret;
use azure_core::error::ErrorKind;
use azure_core::http::ClientMethodOptions;
use azure_core::time::OffsetDateTime;
use azure_identity::ClientAssertion;
use rustls::SignatureScheme;
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::{CertifiedKey, SigningKey};
use serde_json::json;
use sha2::{Digest, Sha256};

/// A key with its certificates has some 10 KiB.
const MOST_BYTES: u64 = 1024 * 1024;

/// How long a signature counts, in seconds.
const LIFETIME: i64 = 300;

/// What a file has in it.
struct Contents {
    key: PrivateKeyDer<'static>,
    certificates: Vec<CertificateDer<'static>>,
}

/// A key and its certificate.
pub(super) struct Certificate {
    key: Arc<dyn SigningKey>,
    /// The certificate of the key, and then the others, which may be those of who signed it.
    chain: Vec<CertificateDer<'static>>,
}

impl Certificate {
    /// The key and the certificates of a file: PEM in any order, or PKCS#12. An error says what is wrong with it.
    pub(super) fn read(path: &Path, password: Option<&Secret>) -> Result<Self, String> {
        let length = std::fs::metadata(path).map_err(|error| error.to_string())?.len();
        if length > MOST_BYTES {
            return Err("it is longer than 1 MiB".into());
        }
        let file = std::fs::read(path).map_err(|error| error.to_string())?;
        Self::parse(&file, password.map_or("", Secret::secret))
    }

    fn parse(file: &[u8], password: &str) -> Result<Self, String> {
        // PKCS#12 is one sequence of ASN.1, which no text begins with.
        let contents = if file.starts_with(&[0x30]) {
            pkcs12::read(file, password)?
        } else {
            pem::read(file, password)?
        };
        let key = any_supported_type(&contents.key).map_err(|_| "its private key cannot be used")?;
        if key.choose_scheme(&[SignatureScheme::RSA_PSS_SHA256]).is_none() {
            return Err("its private key is no RSA key, and Entra ID takes no others".into());
        }
        let of_key = |one: &CertificateDer<'static>| {
            CertifiedKey::new(vec![one.clone()], Arc::clone(&key)).keys_match().is_ok()
        };
        let mut chain = contents.certificates;
        let own = chain.iter().position(of_key);
        let own = own.ok_or("none of the certificates in it is the one of its private key")?;
        chain[..=own].rotate_right(1);
        Ok(Self { key, chain })
    }

    /// The signed claims that `client` is who it says it is, for whoever answers at `endpoint`.
    fn assertion(&self, endpoint: &str, client: &str, send_chain: bool) -> Result<String, String> {
        let mut header = json!({
            "alg": "PS256",
            "typ": "JWT",
            "x5t#S256": encode_url_safe(Sha256::digest(&self.chain[0])),
        });
        if send_chain {
            header["x5c"] = self.chain.iter().map(encode).collect();
        }
        let now = OffsetDateTime::now_utc().unix_timestamp();
        let claims = json!({
            "aud": endpoint,
            "iss": client,
            "sub": client,
            "jti": Uuid::new_v4().to_string(),
            "nbf": now,
            "exp": now + LIFETIME,
        });
        let message =
            format!("{}.{}", encode_url_safe(header.to_string()), encode_url_safe(claims.to_string()));
        let signer = self.key.choose_scheme(&[SignatureScheme::RSA_PSS_SHA256]);
        let signature = signer.and_then(|signer| signer.sign(message.as_bytes()).ok());
        let signature = signature.ok_or("its private key does not sign")?;
        Ok(format!("{message}.{}", encode_url_safe(signature)))
    }
}

/// Signs for `azure_identity` whenever that asks for a token.
pub(super) struct Assertion {
    pub(super) certificate: Certificate,
    /// The URL of Entra ID that the token is asked of.
    pub(super) endpoint: String,
    pub(super) client: String,
    /// Whether to send the certificates too, for applications that trust an issuer and a name.
    pub(super) send_chain: bool,
}

impl fmt::Debug for Assertion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Assertion").field("client", &self.client).finish_non_exhaustive()
    }
}

impl ClientAssertion for Assertion {
    // What `#[async_trait]` makes of `async fn secret(&self, _: Option<ClientMethodOptions<'_>>)`.
    fn secret<'a, 'b, 'c>(
        &'a self,
        _: Option<ClientMethodOptions<'b>>,
    ) -> Pin<Box<dyn Future<Output = azure_core::Result<String>> + Send + 'c>>
    where
        'a: 'c,
        'b: 'c,
        Self: 'c,
    {
        let signed = self.certificate.assertion(&self.endpoint, &self.client, self.send_chain);
        let signed = signed.map_err(|why| azure_core::Error::with_message(ErrorKind::Credential, why));
        Box::pin(async move { signed })
    }
}

#[cfg(test)]
mod tests;
