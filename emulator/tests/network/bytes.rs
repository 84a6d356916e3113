//! Any bytes get an answer in ARM's shape, on a connection of their own or behind requests, and the emulator goes on.

use std::time::Duration;

use azureml_emulator::{Config, Emulator};
use proptest::prelude::*;
use rustls::pki_types::ServerName;
use rustls::pki_types::pem::PemObject;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::{WORKSPACE, client, config};

/// An answer as it came: status, head in lower case, body.
struct Answer {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Answer {
    /// A refusal must have ARM's shape.
    fn check(&self) {
        assert!(self.head.contains("x-ms-request-id: "), "{}", self.head);
        assert!(self.head.contains("date: thu, 01 jan 2026 00:00:00 gmt"), "{}", self.head);
        if self.status >= 400 {
            assert!(self.head.contains("content-type: application/json"), "{}", self.head);
            let error = serde_json::from_slice::<Value>(&self.body).unwrap()["error"].clone();
            assert!(error["code"].is_string() && error["message"].is_string(), "{error}");
        }
    }
}

/// What a conversation came to, all of it.
fn answers(mut bytes: &[u8]) -> Vec<Answer> {
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").expect("a whole head") + 4;
        let head = String::from_utf8(bytes[..end].to_ascii_lowercase()).unwrap();
        let (_, length) = head.split_once("content-length: ").unwrap();
        let end_of_body = end + length.split_once("\r\n").unwrap().0.parse::<usize>().unwrap();
        let status = head[9..12].parse().unwrap();
        found.push(Answer { status, head, body: bytes[end..end_of_body].to_vec() });
        bytes = &bytes[end_of_body..];
    }
    found
}

/// Says these bytes and no more, and listens until the emulator hangs up.
async fn say(mut stream: impl AsyncRead + AsyncWrite + Unpin, bytes: &[u8]) -> Vec<Answer> {
    // It may hang up while it is spoken to.
    let _ = stream.write_all(bytes).await;
    let _ = stream.shutdown().await;
    let mut heard = Vec::new();
    tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut heard)).await.unwrap().unwrap();
    answers(&heard)
}

async fn connected(emulator: &Emulator) -> TcpStream {
    TcpStream::connect(emulator.address()).await.unwrap()
}

async fn start(plain_http: bool) -> Emulator {
    Emulator::start(Config { any_token: true, plain_http, ..config() }).await.unwrap()
}

fn request(body: &str) -> String {
    let line = format!("GET {WORKSPACE}?api-version=2025-09-01 HTTP/1.1");
    format!(
        "{line}\r\nHost: management.azure.com\r\nAuthorization: Bearer x\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

async fn goes_on(emulator: &Emulator) {
    let answers = say(connected(emulator).await, request("").as_bytes()).await;
    assert_eq!(answers.iter().map(|answer| answer.status).collect::<Vec<_>>(), [200]);
}

/// A request with a few of its bytes changed, removed or added.
fn mutated() -> impl Strategy<Value = Vec<u8>> {
    let bytes = request("{\"a\": 1}").into_bytes();
    let change = (0..bytes.len(), any::<u8>(), 0..3_u8);
    proptest::collection::vec(change, 1..6).prop_map(move |changes| {
        let mut bytes = bytes.clone();
        for (at, byte, kind) in changes {
            let at = at.min(bytes.len() - 1);
            match kind {
                0 => bytes[at] = byte,
                1 => drop(bytes.remove(at)),
                _ => bytes.insert(at, byte),
            }
        }
        bytes
    })
}

/// How many requests come first, and what then.
fn conversation() -> impl Strategy<Value = (usize, Vec<u8>)> {
    let garbage = proptest::collection::vec(any::<u8>(), 0..400);
    let words = "[A-Z]{1,7} [ -~]{0,20}\r\n([ -~]{0,20}\r\n){0,3}\r\n".prop_map(String::into_bytes);
    let rest = prop_oneof![garbage, words, mutated(), Just(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec())];
    (0..3_usize, rest)
}

/// Whether bytes behind so many requests want an answer. Empty lines do not, where something was answered before.
fn want_an_answer(requests: usize, bytes: &[u8]) -> bool {
    let nothing: &[u8] = if requests == 0 { b"" } else { b"\r\n" };
    bytes.iter().any(|byte| !nothing.contains(byte))
}

#[test]
fn any_bytes_are_answered_in_arms_shape_and_the_emulator_goes_on() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let emulator = runtime.block_on(start(true));
    proptest!(ProptestConfig::with_cases(400), |((requests, rest) in conversation())| {
        runtime.block_on(async {
            let bytes = [request("").repeat(requests).as_bytes(), &rest].concat();
            let answers = say(connected(&emulator).await, &bytes).await;
            assert!(answers.len() >= requests + usize::from(want_an_answer(requests, &rest)), "{} answers", answers.len());
            for (number, answer) in answers.iter().enumerate() {
                answer.check();
                assert!(number >= requests || answer.status == 200, "{}", answer.head);
            }
            goes_on(&emulator).await;
        });
    });
}

#[tokio::test]
async fn what_is_wrong_is_said_by_status_and_is_in_the_log() {
    let emulator = start(true).await;
    let get = |target: &str, headers: &str| format!("GET {target} HTTP/1.1\r\nHost: h\r\n{headers}\r\n");
    for (bytes, status, code) in [
        ("nonsense\r\n\r\n".to_owned(), 400, "BadRequest"),
        ("\u{16}\u{3}\u{1}\u{2}".to_owned(), 400, "BadRequest"),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(), 400, "BadRequest"),
        (get("/subscriptions/a b", ""), 400, "BadRequest"),
        (get("/subscriptions", "Content-Length: many\r\n"), 400, "BadRequest"),
        (get(&format!("/{}", "a".repeat(70_000)), ""), 414, "RequestUriTooLong"),
        (
            "\r\n".to_owned() + &get("/subscriptions", &format!("A: {}\r\n", "a".repeat(1 << 20))),
            431,
            "RequestHeaderFieldsTooLarge",
        ),
    ] {
        emulator.control().clear_log();
        let answers = say(connected(&emulator).await, bytes.as_bytes()).await;
        let [answer] = &answers[..] else { panic!("{} answers", answers.len()) };
        answer.check();
        assert!(
            answer.head.contains("connection: close"),
            "{}: {}",
            &bytes[..20.min(bytes.len())],
            answer.head
        );
        let error: Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!((answer.status, &error["error"]["code"]), (status, &code.into()));
        let logged = emulator.control().log().map(|entry| (entry.status, entry.principal.clone())).next();
        assert_eq!(logged, Some((status, "anonymous".to_owned())));
    }
    emulator.control().clear_log();
    say(connected(&emulator).await, b"POST /subscriptions/\xff\xfe?x y\r\n\r\n").await;
    let logged = emulator.control().log().map(|entry| (entry.method.clone(), entry.path.clone())).next();
    assert_eq!(logged, Some(("POST".to_owned(), "/subscriptions/\u{fffd}\u{fffd}".to_owned())));
}

/// What the log says of bytes on a connection of their own; the last answer to them, which must be a refusal.
async fn refused(emulator: &Emulator, bytes: &[u8]) -> (u16, String, String) {
    emulator.control().clear_log();
    let answers = say(connected(emulator).await, bytes).await;
    let answer = answers.last().unwrap_or_else(|| panic!("no answer to {}", String::from_utf8_lossy(bytes)));
    answer.check();
    assert!(answer.head.contains("connection: close"), "{}", answer.head);
    let entry = emulator.control().log().last().unwrap().clone();
    assert_eq!(entry.status, answer.status);
    (entry.status, entry.method, entry.path)
}

#[tokio::test]
async fn a_head_that_breaks_off_is_answered_when_its_client_listens() {
    let emulator = start(true).await;
    for (bytes, method, path) in [
        ("GET /x", "GET", "/x"),
        ("GET /x HTTP/1.1\r\nHost: x\r\n", "GET", "/x"),
        ("\r\nGARBAGE", "GARBAGE", ""),
        ("G", "G", ""),
        ("\r\n\r\n", "-", ""),
        ("\r\n\0GET / HTTP/1.1", "-", "/"),
    ] {
        let seen = refused(&emulator, bytes.as_bytes()).await;
        assert_eq!(seen, (400, method.into(), path.into()), "{bytes:?}");
        let behind = [request("").as_bytes(), bytes.as_bytes()].concat();
        if method != "-" {
            assert_eq!(refused(&emulator, &behind).await, (400, method.into(), path.into()), "{bytes:?}");
        }
    }
    let kept = say(connected(&emulator).await, (request("") + "\r\n").as_bytes()).await;
    assert_eq!(kept.len(), 1, "an empty line behind a request is nothing");
}

#[tokio::test]
async fn the_log_has_the_first_line_of_what_was_refused_though_its_head_was_whole() {
    let emulator = start(true).await;
    let line = "PUT /subscriptions/s HTTP/1.1\r\nHost: h\r\n";
    for (headers, status) in [
        ("Transfer-Encoding: gzip", 400),
        ("Content-Length: 99999999999999999999999", 400),
        ("Content-Length: 18446744073709551615", 413),
    ] {
        let broken = format!("{line}{headers}\r\n\r\nabc\r\nDELETE /y HTTP/1.1");
        for before in
            [String::new(), request(""), request("{\"a\": 1}\r\n\r\nb").repeat(3), "\r\n".to_owned()]
        {
            let seen = refused(&emulator, (before + &broken).as_bytes()).await;
            assert_eq!(seen, (status, "PUT".into(), "/subscriptions/s".into()), "{headers}");
        }
    }
}

#[tokio::test]
async fn a_body_that_is_no_body_is_refused() {
    let emulator = start(true).await;
    let chunked = request("").replace("Content-Length: 0", "Transfer-Encoding: chunked");
    for bytes in [chunked + "many\r\n", request("{}").replace("Content-Length: 2", "Content-Length: 200")] {
        let answers = say(connected(&emulator).await, bytes.as_bytes()).await;
        assert_eq!(answers.iter().map(|answer| answer.status).collect::<Vec<_>>(), [400]);
        answers[0].check();
        assert!(answers[0].head.contains("connection: close"), "{}", answers[0].head);
        assert!(String::from_utf8_lossy(&answers[0].body).contains("InvalidRequestContent"));
    }
    let statuses: Vec<u16> = emulator.control().log().map(|entry| entry.status).collect();
    assert_eq!(statuses, [400, 400]);
}

#[tokio::test]
async fn who_hangs_up_is_in_the_log_and_what_was_asked_is_done() {
    let emulator = start(true).await;
    let body = r#"{"properties": {"modelUri": "azureml://datastores/d/paths/p"}}"#;
    let version = format!("{WORKSPACE}/models/fares/versions/1");
    let put = request(body).replace(&format!("GET {WORKSPACE}"), &format!("PUT {version}"));
    let mut socket = connected(&emulator).await;
    socket.write_all(put.as_bytes()).await.unwrap();
    drop(socket);
    for _ in 0..500 {
        tokio::time::sleep(Duration::from_millis(10)).await;
        if emulator.control().log().next().is_some() {
            break;
        }
    }
    let logged: Vec<_> = emulator.control().log().map(|entry| (entry.status, entry.method.clone())).collect();
    assert_eq!(logged, [(201, "PUT".to_owned())]);
    assert!(emulator.control().resource(&version).is_some());
}

/// On a connection that is kept, in a tunnel or not, garbage may come at any time.
#[tokio::test]
async fn garbage_after_a_pause_is_answered_too() {
    async fn pause_and_rave(mut stream: impl AsyncRead + AsyncWrite + Unpin) {
        let mut heard = Vec::new();
        for _ in 0..2 {
            stream.write_all(request("").as_bytes()).await.unwrap();
            heard.clear();
            while answers_so_far(&heard) == 0 {
                assert!(stream.read_buf(&mut heard).await.unwrap() > 0);
            }
            assert_eq!(answers(&heard)[0].status, 200);
        }
        let refused = say(stream, b"\0\0\0\0").await;
        assert_eq!(refused.iter().map(|answer| answer.status).collect::<Vec<_>>(), [400]);
        refused[0].check();
    }
    fn answers_so_far(heard: &[u8]) -> usize {
        heard.windows(4).filter(|four| four == b"\r\n\r\n").count().min(usize::from(heard.ends_with(b"}")))
    }
    pause_and_rave(connected(&start(true).await).await).await;
    let emulator = start(false).await;
    let mut roots = rustls::RootCertStore::empty();
    roots
        .add(rustls::pki_types::CertificateDer::from_pem_slice(emulator.ca_pem().as_bytes()).unwrap())
        .unwrap();
    let trusting = rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let connector = tokio_rustls::TlsConnector::from(std::sync::Arc::new(trusting));
    let name = ServerName::try_from("127.0.0.1").unwrap();
    pause_and_rave(connector.connect(name, connected(&emulator).await).await.unwrap()).await;
}

#[tokio::test]
async fn bytes_that_are_no_tls_end_the_connection_and_stop_nothing() {
    let emulator = start(false).await;
    let mut rng = fastrand::Rng::with_seed(7);
    for round in 0..50 {
        let mut bytes: Vec<u8> = (0..rng.usize(..400)).map(|_| rng.u8(..)).collect();
        if round % 2 == 0 {
            bytes.splice(..0, request("").bytes());
        }
        let mut socket = connected(&emulator).await;
        let _ = socket.write_all(&bytes).await;
        let _ = socket.shutdown().await;
        let mut heard = Vec::new();
        let _ = tokio::time::timeout(Duration::from_secs(10), socket.read_to_end(&mut heard)).await.unwrap();
        // An alert, if anything.
        assert!(heard.is_empty() || heard[0] == 21, "{heard:?}");
    }
    let url = format!("{}{WORKSPACE}?api-version=2025-09-01", emulator.url());
    assert_eq!(client(&emulator).get(url).bearer_auth("x").send().await.unwrap().status(), 200);
}
