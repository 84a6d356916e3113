//! Keys that sign assertions, for tests.
#![allow(dead_code, clippy::unwrap_used)]

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64URL;
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

    /// A JWT of these claims.
    pub fn sign(&self, claims: &Value) -> String {
        let header = json!({"alg": "RS256", "kid": self.name});
        let message =
            format!("{}.{}", BASE64URL.encode(header.to_string()), BASE64URL.encode(claims.to_string()));
        let mut signature = vec![0; self.pair.public_modulus_len()];
        self.pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message.as_bytes(), &mut signature).unwrap();
        format!("{message}.{}", BASE64URL.encode(&signature))
    }
}
