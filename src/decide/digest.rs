//! Short hashes, for names and tags.

use sha2::{Digest, Sha256};

/// The first bytes of the SHA-256 of a text, as hexadecimal digits.
pub fn short_hash(text: &str, bytes: usize) -> String {
    let digest: [u8; 32] = Sha256::digest(text.as_bytes()).into();
    let head: Vec<String> = digest.iter().take(bytes).map(|byte| format!("{byte:02x}")).collect();
    head.concat()
}
