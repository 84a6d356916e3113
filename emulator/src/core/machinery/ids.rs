//! Identifiers and the service's way of writing time. All of it follows from the seed.

use jiff::{SignedDuration, Timestamp};

/// A GUID that depends only on the seed and a text.
pub fn stable_guid(seed: u64, text: &str) -> String {
    guid(&mut fastrand::Rng::with_seed(seed ^ fingerprint(text)))
}

/// The next GUID of a generator.
pub fn guid(rng: &mut fastrand::Rng) -> String {
    let bits = rng.u128(..);
    format!(
        "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
        (bits >> 96) & 0xffff_ffff,
        (bits >> 80) & 0xffff,
        (bits >> 68) & 0xfff,
        0x8000 | ((bits >> 48) & 0x3fff),
        bits & 0xffff_ffff_ffff
    )
}

/// `length` hexadecimal digits.
pub fn hex(rng: &mut fastrand::Rng, length: usize) -> String {
    (0..length).map(|_| rng.digit(16)).collect()
}

/// FNV-1a: the same on every machine and in every release, which the standard hasher does not promise.
fn fingerprint(text: &str) -> u64 {
    text.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// Seven fractional digits and `+00:00` [REC].
pub fn iso(time: Timestamp) -> String {
    format!("{}.{:07}+00:00", time.strftime("%Y-%m-%dT%H:%M:%S"), time.subsec_nanosecond() / 100)
}

/// `time` plus emulated seconds; saturates at the ends of time.
pub fn after(time: Timestamp, seconds: f64) -> Timestamp {
    SignedDuration::try_from_secs_f64(seconds.max(0.0))
        .ok()
        .and_then(|duration| time.checked_add(duration).ok())
        .unwrap_or(Timestamp::MAX)
}
