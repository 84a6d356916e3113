//! PEM: blocks of text between a line that begins and a line that ends each.

use azure_core::base64::decode;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs1KeyDer, PrivatePkcs8KeyDer};

use super::{Contents, encrypted};

/// The one key and all certificates of a file. Blocks of other kinds are nothing.
pub(super) fn read(file: &[u8], password: &str) -> Result<Contents, String> {
    let text = std::str::from_utf8(file).map_err(|_| "it is neither PEM nor PKCS#12")?;
    let (mut keys, mut certificates) = (Vec::new(), Vec::new());
    for block in text.split("-----BEGIN ").skip(1) {
        let (label, rest) = block.split_once("-----").ok_or("a BEGIN line in it has no end")?;
        let end = format!("-----END {label}-----");
        let (body, _) = rest.split_once(&end).ok_or_else(|| format!("{end} is missing in it"))?;
        if body.contains("Proc-Type:") {
            return Err(
                "its private key is encrypted in an old way. Write it anew: openssl pkcs8 -topk8 -in OLD -out NEW".into(),
            );
        }
        let base64: String = body.split_whitespace().collect();
        let der = decode(base64).map_err(|_| format!("what it has as {label} is not base64"))?;
        match label {
            "CERTIFICATE" => certificates.push(CertificateDer::from(der)),
            "PRIVATE KEY" => keys.push(PrivatePkcs8KeyDer::from(der).into()),
            "ENCRYPTED PRIVATE KEY" => {
                keys.push(PrivatePkcs8KeyDer::from(encrypted::key(&der, password)?).into());
            }
            "RSA PRIVATE KEY" => keys.push(PrivateKeyDer::from(PrivatePkcs1KeyDer::from(der))),
            "EC PRIVATE KEY" => {
                return Err("its private key is no RSA key, and Entra ID takes no others".into());
            }
            _ => {}
        }
    }
    if certificates.is_empty() {
        return Err("there is no certificate in it (-----BEGIN CERTIFICATE-----)".into());
    }
    match keys.len() {
        1 => Ok(Contents { key: keys.remove(0), certificates }),
        0 => Err("there is no private key in it (-----BEGIN PRIVATE KEY-----): it has to follow or precede the certificate in the same file".into()),
        _ => Err("there is more than one private key in it".into()),
    }
}
