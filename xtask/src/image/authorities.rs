//! Whom the program trusts by default.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// The certificate authorities that Mozilla trusts to name servers, as PEM: from a crate that Cargo.lock pins and not from
/// this machine, so that every machine writes the same image.
pub(super) fn pem() -> String {
    let mut pem = String::new();
    for authority in webpki_root_certs::TLS_SERVER_ROOT_CERTS {
        let encoded = STANDARD.encode(authority);
        pem.push_str("-----BEGIN CERTIFICATE-----\n");
        for start in (0..encoded.len()).step_by(64) {
            pem.push_str(&encoded[start..encoded.len().min(start + 64)]);
            pem.push('\n');
        }
        pem.push_str("-----END CERTIFICATE-----\n");
    }
    pem
}
