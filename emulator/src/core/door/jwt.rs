//! JSON web tokens: read, checked, and made.

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64URL;
use serde_json::{Value, json};

/// A part of a token that is JSON: 0 is its header, 1 its claims.
pub fn part(token: &str, at: usize) -> Option<Value> {
    serde_json::from_slice(&decode(token.split('.').nth(at)?)?).ok()
}

/// Whether one of a set of keys (JWKS), which the header names, made the signature. Only RS256 is known.
pub fn signed(token: &str, keys: &Value) -> bool {
    let Some((message, signature)) = token.rsplit_once('.') else { return false };
    let (Some(header), Some(signature)) = (part(token, 0), decode(signature)) else { return false };
    if header["alg"] != "RS256" {
        return false;
    }
    let number = |key: &Value, name: &str| key[name].as_str().and_then(decode);
    keys["keys"].as_array().into_iter().flatten().filter(|key| key["kid"] == header["kid"]).any(|key| {
        let (Some(n), Some(e)) = (number(key, "n"), number(key, "e")) else { return false };
        RsaPublicKeyComponents { n: &n, e: &e }
            .verify(&RSA_PKCS1_2048_8192_SHA256, message.as_bytes(), &signature)
            .is_ok()
    })
}

/// A key that signs tokens.
#[derive(Debug)]
pub struct Signer {
    name: String,
    pair: Ed25519KeyPair,
}

impl Signer {
    /// The key that follows from a seed.
    pub fn of(seed: u64) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed);
        let mut secret = [0; 32];
        rng.fill(&mut secret);
        let pair = Ed25519KeyPair::from_seed_unchecked(&secret)
            .unwrap_or_else(|_| unreachable!("32 bytes are a key"));
        Self { name: crate::core::machinery::ids::hex(&mut rng, 16), pair }
    }

    /// The key set (JWKS) in which everybody may read its public half.
    pub fn published(&self) -> Value {
        let public = BASE64URL.encode(self.pair.public_key());
        json!({"keys": [
            {"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": self.name, "x": public},
        ]})
    }

    /// A token with these claims.
    pub fn sign(&self, claims: &Value) -> String {
        let encode = |part: &Value| BASE64URL.encode(part.to_string());
        let header = json!({"alg": "EdDSA", "kid": self.name, "typ": "JWT"});
        let message = format!("{}.{}", encode(&header), encode(claims));
        format!("{message}.{}", BASE64URL.encode(self.pair.sign(message.as_bytes())))
    }
}

fn decode(text: &str) -> Option<Vec<u8>> {
    BASE64URL.decode(text.trim_end_matches('=')).ok()
}
