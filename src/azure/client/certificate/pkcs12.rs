//! PKCS#12 (`.pfx`, `.p12`), as OpenSSL 3 writes it. Whether somebody has changed the file is not checked: its key has to be
//! the one of its certificate, and Entra ID has to know that.

use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};

use super::der::{Der, OBJECT, OCTETS, SEQUENCE, ZERO, ZERO_OCTETS};
use super::{Contents, encrypted};

const DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 1];
const ENCRYPTED_DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 6];
const BAG: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 12, 10, 1];

const STRANGE: &str =
    "it is no PKCS#12 that can be read. Write it as PEM: openssl pkcs12 -in OLD -nodes -out certificate.pem";

/// The one key and all certificates of a file.
pub(super) fn read(file: &[u8], password: &str) -> Result<Contents, String> {
    let (mut keys, mut certificates) = (Vec::new(), Vec::new());
    let mut safes = safes(file).ok_or(STRANGE)?;
    while !safes.0.is_empty() {
        let bags = safe(&mut safes, password)?;
        let mut bags = Der(&bags).inside(SEQUENCE).ok_or(STRANGE)?;
        while !bags.0.is_empty() {
            let (kind, value) = bag(&mut bags).ok_or(STRANGE)?;
            match kind.strip_prefix(BAG) {
                Some([1]) => keys.push(value.to_vec()),
                Some([2]) => keys.push(encrypted::key(value, password)?),
                Some([3]) => certificates.push(certificate(value).ok_or(STRANGE)?),
                _ => {}
            }
        }
    }
    if certificates.is_empty() {
        return Err("there is no certificate in it".into());
    }
    match keys.len() {
        1 => Ok(Contents { key: PrivatePkcs8KeyDer::from(keys.remove(0)).into(), certificates }),
        0 => Err("there is no private key in it".into()),
        _ => Err("there is more than one private key in it".into()),
    }
}

/// The safes of the file, one after the other.
fn safes(file: &[u8]) -> Option<Der<'_>> {
    let mut file = Der(file).inside(SEQUENCE)?;
    let _version = file.number()?;
    let mut content = file.inside(SEQUENCE)?;
    (content.take(OBJECT)? == DATA).then_some(())?;
    content.inside(ZERO)?.inside(OCTETS)?.inside(SEQUENCE)
}

/// The content of the next safe.
fn safe(safes: &mut Der<'_>, password: &str) -> Result<Vec<u8>, String> {
    let mut next = || {
        let mut safe = safes.inside(SEQUENCE)?;
        Some((safe.take(OBJECT)?, safe.inside(ZERO)?))
    };
    let (kind, mut content) = next().ok_or(STRANGE)?;
    if kind == DATA {
        return content.take(OCTETS).map(<[u8]>::to_vec).ok_or_else(|| STRANGE.into());
    }
    let mut parts = || {
        (kind == ENCRYPTED_DATA).then_some(())?;
        let mut content = content.inside(SEQUENCE)?;
        let _version = content.number()?;
        let mut content = content.inside(SEQUENCE)?;
        let _kind = content.take(OBJECT)?;
        Some((content.inside(SEQUENCE)?, content.take(ZERO_OCTETS)?))
    };
    let (algorithm, octets) = parts().ok_or(STRANGE)?;
    encrypted::open(algorithm, octets, password)
}

/// The next bag: what kind of thing is in it, and the thing.
fn bag<'a>(bags: &mut Der<'a>) -> Option<(&'a [u8], &'a [u8])> {
    let mut bag = bags.inside(SEQUENCE)?;
    Some((bag.take(OBJECT)?, bag.take(ZERO)?))
}

fn certificate(value: &[u8]) -> Option<CertificateDer<'static>> {
    let mut value = Der(value).inside(SEQUENCE)?;
    let _kind = value.take(OBJECT)?;
    Some(value.inside(ZERO)?.take(OCTETS)?.to_vec().into())
}
