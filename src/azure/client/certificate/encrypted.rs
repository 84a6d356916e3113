//! What a password has encrypted (PBES2 of PKCS#5): as OpenSSL writes it since its version 1.1.

use std::num::NonZeroU32;

use aws_lc_rs::cipher::{
    AES_128, AES_192, AES_256, Algorithm, DecryptionContext, PaddedBlockDecryptingKey, UnboundCipherKey,
};
use aws_lc_rs::iv::FixedLength;
use aws_lc_rs::pbkdf2::{self, PBKDF2_HMAC_SHA1, PBKDF2_HMAC_SHA256, PBKDF2_HMAC_SHA384, PBKDF2_HMAC_SHA512};

use super::der::{Der, OBJECT, OCTETS, SEQUENCE};

const PBES2: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 5, 0x0d];
const PBKDF2: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 5, 0x0c];
const HMAC: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 2];
const AES: &[u8] = &[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 1];

/// More rounds take longer than a token may. OpenSSL makes 2,048, a careful person a million.
const MOST_ROUNDS: u32 = 10_000_000;

const OLD: &str = "it is encrypted in an old way, and only AES with PBKDF2 is read. Write it anew with OpenSSL 3 (what is PKCS#12: openssl pkcs12 -legacy -in OLD -nodes -out certificate.pem)";

/// An empty password is one that files of PKCS#12 have.
fn wrong(password: &str) -> String {
    if password.is_empty() {
        return "it is encrypted, and AZURE_CLIENT_CERTIFICATE_PASSWORD is not set".into();
    }
    "the password does not open it (AZURE_CLIENT_CERTIFICATE_PASSWORD)".into()
}

/// Opens `octets`, which were encrypted as `algorithm` says.
pub(super) fn open(mut algorithm: Der<'_>, octets: &[u8], password: &str) -> Result<Vec<u8>, String> {
    if algorithm.take(OBJECT) != Some(PBES2) {
        return Err(OLD.into());
    }
    let (derivation, cipher) = parameters(algorithm).ok_or(OLD)?;
    if !(1..=MOST_ROUNDS).contains(&derivation.rounds.get()) {
        return Err(format!(
            "it asks for {} rounds of PBKDF2, and {MOST_ROUNDS} are the most",
            derivation.rounds
        ));
    }
    let mut key = [0; 32];
    let key = &mut key[..cipher.key];
    pbkdf2::derive(derivation.hash, derivation.rounds, derivation.salt, password.as_bytes(), key);
    let opened = || {
        let key = UnboundCipherKey::new(cipher.algorithm, key).ok()?;
        let mut octets = octets.to_vec();
        let context = DecryptionContext::Iv128(FixedLength::from(cipher.start));
        let key = PaddedBlockDecryptingKey::cbc_pkcs7(key).ok()?;
        Some(key.decrypt(&mut octets, context).ok()?.to_vec())
    };
    opened().ok_or_else(|| wrong(password))
}

/// A private key of PKCS#8 that a password has encrypted.
pub(super) fn key(der: &[u8], password: &str) -> Result<Vec<u8>, String> {
    let parts = || {
        let mut outer = Der(der).inside(SEQUENCE)?;
        Some((outer.inside(SEQUENCE)?, outer.take(OCTETS)?))
    };
    let (algorithm, octets) = parts().ok_or("its private key is not encrypted as PKCS#8 has it")?;
    let key = open(algorithm, octets, password)?;
    // With a wrong password, one time in 256 something comes out.
    if Der(&key).inside(SEQUENCE).is_some() { Ok(key) } else { Err(wrong(password)) }
}

struct Derivation<'a> {
    hash: pbkdf2::Algorithm,
    rounds: NonZeroU32,
    salt: &'a [u8],
}

struct Cipher {
    algorithm: &'static Algorithm,
    /// Bytes of its key.
    key: usize,
    start: [u8; 16],
}

fn parameters(mut algorithm: Der<'_>) -> Option<(Derivation<'_>, Cipher)> {
    let mut both = algorithm.inside(SEQUENCE)?;
    let mut derivation = both.inside(SEQUENCE)?;
    if derivation.take(OBJECT)? != PBKDF2 {
        return None;
    }
    let mut derivation = derivation.inside(SEQUENCE)?;
    let (salt, rounds) = (derivation.take(OCTETS)?, derivation.number()?);
    // The length of the key follows from the cipher.
    let _ = derivation.number();
    let hash = match derivation.inside(SEQUENCE) {
        None => PBKDF2_HMAC_SHA1,
        Some(mut hash) => match hash.take(OBJECT)?.strip_prefix(HMAC)? {
            [7] => PBKDF2_HMAC_SHA1,
            [9] => PBKDF2_HMAC_SHA256,
            [10] => PBKDF2_HMAC_SHA384,
            [11] => PBKDF2_HMAC_SHA512,
            _ => return None,
        },
    };
    let mut cipher = both.inside(SEQUENCE)?;
    let (algorithm, key) = match cipher.take(OBJECT)?.strip_prefix(AES)? {
        [2] => (&AES_128, 16),
        [22] => (&AES_192, 24),
        [42] => (&AES_256, 32),
        _ => return None,
    };
    let start = cipher.take(OCTETS)?.try_into().ok()?;
    Some((Derivation { hash, rounds: NonZeroU32::new(rounds)?, salt }, Cipher { algorithm, key, start }))
}
