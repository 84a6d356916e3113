//! Keys that sign assertions, for tests.
#![allow(dead_code, clippy::unwrap_used)]

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaEncoding};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64URL;
use rcgen::{CertificateParams, PKCS_RSA_SHA256};
use rustls::pki_types::PrivatePkcs8KeyDer;
use serde_json::{Value, json};

/// An RSA key with a name, as an issuer of assertions has it.
pub struct SigningKey {
    name: &'static str,
    pair: KeyPair,
}

impl SigningKey {
    pub fn new(name: &'static str) -> Self {
        Self { name, pair: KeyPair::generate(KeySize::Rsa2048).unwrap() }
    }

    /// The key set (JWKS) with this key alone.
    pub fn published(&self) -> Value {
        // DER of a key of 2048 bits: headers, a zero byte and the modulus from the ninth byte on, then 65537.
        let modulus = &self.pair.public_key().as_ref()[9..9 + 256];
        let exponent = [1, 0, 1];
        json!({"keys": [{"kid": self.name, "kty": "RSA", "n": BASE64URL.encode(modulus), "e": BASE64URL.encode(exponent)}]})
    }

    /// The key, and a certificate for it that it signed itself, both in PEM.
    pub fn certificate(&self) -> (String, String) {
        let der: Pkcs8V1Der<'_> = self.pair.as_der().unwrap();
        let key = PrivatePkcs8KeyDer::from(der.as_ref().to_vec());
        let key = rcgen::KeyPair::from_pkcs8_der_and_sign_algo(&key, &PKCS_RSA_SHA256).unwrap();
        let certificate =
            CertificateParams::new(vec![self.name.to_owned()]).unwrap().self_signed(&key).unwrap();
        (key.serialize_pem(), certificate.pem())
    }

    /// A JWT of these claims.
    pub fn sign(&self, claims: &Value) -> String {
        self.sign_with(&json!({"alg": "RS256", "kid": self.name}), claims)
    }

    /// A JWT with this header, which says RS256 or PS256.
    pub fn sign_with(&self, header: &Value, claims: &Value) -> String {
        let message =
            format!("{}.{}", BASE64URL.encode(header.to_string()), BASE64URL.encode(claims.to_string()));
        let mut signature = vec![0; self.pair.public_modulus_len()];
        let algorithm: &dyn RsaEncoding =
            if header["alg"] == "PS256" { &RSA_PSS_SHA256 } else { &RSA_PKCS1_SHA256 };
        self.pair.sign(algorithm, &SystemRandom::new(), message.as_bytes(), &mut signature).unwrap();
        format!("{message}.{}", BASE64URL.encode(&signature))
    }
}
