use azure_core::base64::{decode, decode_url_safe};
use serde_json::Value;

use super::*;

macro_rules! fixture {
    ($name:literal) => {
        include_bytes!(concat!("fixtures/", $name)).as_slice()
    };
}

const DEFAULT: &[u8] = fixture!("default.pem");
const PLAIN: &[u8] = fixture!("pkcs1.pem");

/// Of the one certificate in all of these files.
const THUMBPRINT: &str = "Ua_hSV08jmuwtGrWn8Fd7_YUSCFKVZ41_EFd-_mIuoQ";

fn text(file: &[u8]) -> String {
    String::from_utf8(file.to_vec()).expect("PEM")
}

/// How many certificates are sent, or what is wrong.
fn read(file: &[u8], password: &str) -> String {
    let certificate = match Certificate::parse(file, password) {
        Ok(certificate) => certificate,
        Err(why) => return why,
    };
    assert_eq!(parts(&certificate, false).0["x5t#S256"], THUMBPRINT);
    certificate.chain.len().to_string()
}

/// Header and claims of an assertion.
fn parts(certificate: &Certificate, send_chain: bool) -> (Value, Value) {
    let assertion = certificate.assertion("https://login.example/t/oauth2/v2.0/token", "c", send_chain);
    let assertion = assertion.expect("a signature");
    let part = |at: usize| {
        let part = decode_url_safe(assertion.split('.').nth(at).expect("a part")).expect("base64");
        serde_json::from_slice(&part).expect("JSON")
    };
    (part(0), part(1))
}

#[test]
fn a_key_and_its_certificate_are_read_in_every_way_that_openssl_writes_them() {
    for (name, file, password, certificates) in [
        ("default", DEFAULT, "hush", "2"),
        ("older", fixture!("older.pem"), "hush", "1"),
        ("sha512", fixture!("sha512.pem"), "hush", "1"),
        ("pkcs1", PLAIN, "", "1"),
        ("pkcs1 with a password that is not needed", PLAIN, "hush", "1"),
        ("openssl3", fixture!("openssl3.p12"), "hush", "2"),
        ("open", fixture!("open.p12"), "", "2"),
    ] {
        assert_eq!(read(file, password), certificates, "{name}");
    }
    // In any order, with anything between, and with the line ends of Windows.
    let ca = text(fixture!("ca.pem"));
    let mixed = format!("{ca}\r\nBag Attributes\r\n{}", text(PLAIN).replace('\n', "\r\n"));
    assert_eq!(read(mixed.as_bytes(), ""), "2");
}

#[test]
fn a_file_that_is_of_no_use_says_why() {
    let wrong = "the password does not open it (AZURE_CLIENT_CERTIFICATE_PASSWORD)";
    let missing = "it is encrypted, and AZURE_CLIENT_CERTIFICATE_PASSWORD is not set";
    let old = "it is encrypted in an old way, and only AES with PBKDF2 is read. Write it anew with OpenSSL 3";
    let ca = text(fixture!("ca.pem"));
    let key = text(PLAIN)[text(PLAIN).find("-----BEGIN RSA").expect("a key")..].to_owned();
    let leaf = text(PLAIN)[..text(PLAIN).find("-----BEGIN RSA").expect("a key")].to_owned();
    let elliptic = rcgen::KeyPair::generate().expect("a key").serialize_pem();
    for (file, password, expected) in [
        (
            format!("{leaf}{elliptic}").into(),
            "",
            "its private key is no RSA key, and Entra ID takes no others",
        ),
        (DEFAULT.to_vec(), "wrong", wrong),
        (DEFAULT.to_vec(), "", missing),
        (fixture!("openssl3.p12").to_vec(), "wrong", wrong),
        (fixture!("openssl3.p12").to_vec(), "", missing),
        (fixture!("des3.pem").to_vec(), "hush", old),
        (fixture!("legacy.p12").to_vec(), "hush", old),
        (
            fixture!("traditional.pem").to_vec(),
            "hush",
            "its private key is encrypted in an old way. Write it anew",
        ),
        (
            fixture!("openssl3.p12")[..1000].to_vec(),
            "hush",
            "it is no PKCS#12 that can be read. Write it as PEM",
        ),
        (vec![0x30, 0x80, 0, 0], "", "it is no PKCS#12 that can be read. Write it as PEM"),
        (vec![0xff, 0xfe], "", "it is neither PEM nor PKCS#12"),
        (vec![], "", "there is no certificate in it (-----BEGIN CERTIFICATE-----)"),
        (leaf.clone().into(), "", "there is no private key in it (-----BEGIN PRIVATE KEY-----)"),
        (key.clone().into(), "", "there is no certificate in it"),
        (format!("{leaf}{key}{key}").into(), "", "there is more than one private key in it"),
        (format!("{ca}{key}").into(), "", "none of the certificates in it is the one of its private key"),
        (
            text(PLAIN).replace("-----END RSA", "-----END").into(),
            "",
            "-----END RSA PRIVATE KEY----- is missing in it",
        ),
        (text(PLAIN).replace("MII", "M*I").into(), "", "what it has as CERTIFICATE is not base64"),
        (
            format!("{leaf}-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----").into(),
            "",
            "its private key cannot be used",
        ),
    ] {
        let said = read(&file, password);
        assert!(said.starts_with(expected), "{said}");
    }
    // Whatever is cut off or changed, nothing breaks.
    let file = fixture!("openssl3.p12");
    for at in (0..file.len()).step_by(7) {
        let _ = Certificate::parse(&file[..at], "hush");
        let mut changed = file.to_vec();
        // The number of rounds would only make it slow.
        if !(100..200).contains(&at) {
            changed[at] ^= 0x55;
            let _ = Certificate::parse(&changed, "");
        }
    }
}

#[test]
fn an_assertion_says_who_and_for_whom_and_holds_for_five_minutes() {
    let certificate = Certificate::parse(DEFAULT, "hush").expect("a certificate");
    let (header, claims) = parts(&certificate, false);
    let now = OffsetDateTime::now_utc().unix_timestamp();
    let (begin, end) =
        (claims["nbf"].as_i64().unwrap_or_default(), claims["exp"].as_i64().unwrap_or_default());
    assert!((begin - now).abs() <= 5 && end == begin + 300, "{claims}");
    assert_eq!(header, json!({"alg": "PS256", "typ": "JWT", "x5t#S256": THUMBPRINT}));
    let jti = claims["jti"].as_str().unwrap_or_default();
    assert_eq!(jti.len(), 36, "{claims}");
    assert_ne!(parts(&certificate, false).1["jti"], jti, "never the same again");
    let expected = json!({
        "aud": "https://login.example/t/oauth2/v2.0/token",
        "iss": "c", "sub": "c", "jti": jti, "nbf": begin, "exp": end,
    });
    assert_eq!(claims, expected);

    // With the chain: the certificate of the key first, whatever is first in the file.
    let ca = text(fixture!("ca.pem"));
    let mixed = format!("{ca}{}", text(PLAIN));
    for file in [DEFAULT, mixed.as_bytes()] {
        let certificate = Certificate::parse(file, "hush").expect("a certificate");
        let (header, _) = parts(&certificate, true);
        let sent: Vec<Vec<u8>> = header["x5c"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|one| decode(one.as_str().unwrap_or_default()).expect("base64"))
            .collect();
        assert_eq!(sent.len(), 2);
        assert_eq!(encode_url_safe(Sha256::digest(&sent[0])), THUMBPRINT);
        assert!(ca.split_whitespace().collect::<String>().contains(&encode(&sent[1])), "then who signed it");
    }
}
