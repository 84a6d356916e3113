//! Issuers of federated assertions, whose keys are fetched from where they publish them.

use std::sync::{Arc, Mutex};

use azureml_emulator::{Client, Config, Emulator, Federated, Published};
use bytes::Bytes;
use http_body_util::Full;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use crate::keys::SigningKey;

const ID: &str = "11111111-0000-4000-8000-000000000001";
const SUBJECT: &str = "system:serviceaccount:ml:bindery";

/// What an issuer publishes, and who has asked.
#[derive(Default)]
struct Site {
    issuer: String,
    keys: Value,
    /// The only token that it answers; none: it answers anybody.
    token: Option<&'static str>,
    /// Where it says that its keys are; none: here.
    keys_at: Option<String>,
    asked: Vec<String>,
    /// The tokens that were shown.
    shown: Vec<String>,
}

/// An issuer on this machine, with an authority of its own. It ends when it is dropped.
struct Issuer {
    url: String,
    ca: String,
    site: Arc<Mutex<Site>>,
    server: JoinHandle<()>,
}

impl Drop for Issuer {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Issuer {
    async fn start(key: &SigningKey) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://{}", listener.local_addr().unwrap());
        let (ca, acceptor) = certified();
        let site = Site { issuer: url.clone(), keys: key.published(), ..Site::default() };
        let site = Arc::new(Mutex::new(site));
        let server = tokio::spawn(serve(listener, acceptor, Arc::clone(&site)));
        Self { url, ca, site, server }
    }

    fn trusted(&self) -> Published {
        Published { ca: Some(self.ca.clone()), ..Published::default() }
    }

    fn publish(&self, key: &SigningKey) {
        self.site.lock().unwrap().keys = key.published();
    }

    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.site.lock().unwrap().asked)
    }
}

fn certified() -> (String, TlsAcceptor) {
    let mut params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority_key = KeyPair::generate().unwrap();
    let pem = params.self_signed(&authority_key).unwrap().pem();
    let key = KeyPair::generate().unwrap();
    let signer = rcgen::Issuer::new(params, authority_key);
    let leaf =
        CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap().signed_by(&key, &signer).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let config = rustls::ServerConfig::builder().with_no_client_auth();
    (pem, TlsAcceptor::from(Arc::new(config.with_single_cert(vec![leaf.der().clone()], key).unwrap())))
}

async fn serve(listener: TcpListener, acceptor: TlsAcceptor, site: Arc<Mutex<Site>>) {
    while let Ok((stream, _)) = listener.accept().await {
        let Ok(stream) = acceptor.accept(stream).await else { continue };
        let site = Arc::clone(&site);
        let service = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
            let answer = answer(&mut site.lock().unwrap(), &request);
            async move { Ok::<_, std::convert::Infallible>(answer) }
        });
        tokio::spawn(
            hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service),
        );
    }
}

fn answer(site: &mut Site, request: &hyper::Request<hyper::body::Incoming>) -> hyper::Response<Full<Bytes>> {
    let path = request.uri().path().to_owned();
    site.asked.push(path.clone());
    let sent = request.headers().get("authorization").and_then(|value| value.to_str().ok());
    site.shown.extend(sent.map(ToOwned::to_owned));
    let here = format!("https://{}", request.headers()["host"].to_str().unwrap());
    let keys_at = site.keys_at.clone().unwrap_or(here);
    let wanted = site.token.map(|token| format!("Bearer {token}"));
    let body = match path.as_str() {
        _ if wanted.is_some() && sent != wanted.as_deref() => None,
        "/.well-known/openid-configuration" if !accepts(request, "application/json") => None,
        "/.well-known/openid-configuration" => {
            Some(json!({"issuer": site.issuer, "jwks_uri": format!("{keys_at}/openid/v1/jwks")}))
        }
        // As a Kubernetes API server does it.
        "/openid/v1/jwks" if !accepts(request, "application/jwk-set+json") => None,
        "/openid/v1/jwks" => Some(site.keys.clone()),
        _ => None,
    };
    let mut response =
        hyper::Response::new(Full::new(Bytes::from(body.clone().unwrap_or_default().to_string())));
    if body.is_none() {
        *response.status_mut() = hyper::StatusCode::FORBIDDEN;
    }
    response
}

fn accepts(request: &hyper::Request<hyper::body::Incoming>, kind: &str) -> bool {
    let accepted = request.headers().get("accept").and_then(|value| value.to_str().ok()).unwrap_or_default();
    accepted.split(',').any(|accepted| ["*/*", kind].contains(&accepted.trim()))
}

async fn emulator(issuer: &str, published: Published) -> Emulator {
    let federated =
        Federated { issuer: issuer.into(), subject: SUBJECT.into(), published, ..Federated::default() };
    emulator_for(federated).await
}

async fn emulator_for(federated: Federated) -> Emulator {
    let client = Client { client_id: ID.into(), federated: vec![federated], ..Client::default() };
    Emulator::start(Config { clients: vec![client], ..Config::default() }).await.unwrap()
}

/// What presenting an assertion of `issuer` signed by `key` comes to: status, Entra's number, description.
async fn present(emulator: &Emulator, issuer: &str, key: &SigningKey) -> (u16, u64, String) {
    let expiry = emulator.now().as_second() + 600;
    let claims = json!({"iss": issuer, "sub": SUBJECT, "aud": "api://AzureADTokenExchange", "exp": expiry});
    let form = format!(
        "grant_type=client_credentials&client_id={ID}&scope=https%3A%2F%2Fmanagement.azure.com%2F.default&client_assertion={}",
        key.sign(&claims)
    );
    let tenant = emulator.control().config.tenant.clone();
    let url = format!("{}/{tenant}/oauth2/v2.0/token", emulator.url());
    let answer = crate::client(emulator).post(url).body(form).send().await.unwrap();
    let status = answer.status().as_u16();
    let body: Value = answer.json().await.unwrap();
    let description = body["error_description"].as_str().unwrap_or_default().to_owned();
    (status, body["error_codes"][0].as_u64().unwrap_or(0), description)
}

#[tokio::test]
async fn keys_are_fetched_once_and_again_when_they_change() {
    let (first, second) = (SigningKey::new("first"), SigningKey::new("second"));
    let issuer = Issuer::start(&first).await;
    let emulator = emulator(&issuer.url, issuer.trusted()).await;
    assert_eq!(present(&emulator, &issuer.url, &first).await.0, 200);
    assert_eq!(issuer.asked(), ["/.well-known/openid-configuration", "/openid/v1/jwks"]);
    assert_eq!(present(&emulator, &issuer.url, &first).await.0, 200);
    assert_eq!(issuer.asked(), [""; 0], "known keys are not asked for again");
    let forged = present(&emulator, &issuer.url, &SigningKey::new("first")).await;
    assert_eq!((forged.0, forged.1), (401, 7_000_272));
    issuer.publish(&second);
    assert_eq!(present(&emulator, &issuer.url, &second).await.0, 200);
    let old = present(&emulator, &issuer.url, &first).await;
    assert_eq!((old.0, old.1), (401, 7_000_272));
    assert!(old.2.contains("with identifier first used to sign"), "{}", old.2);
}

#[tokio::test]
async fn an_issuer_that_cannot_be_asked_is_an_error_until_it_can() {
    let key = SigningKey::new("k");
    let issuer = Issuer::start(&key).await;
    let emulator = emulator(&issuer.url, issuer.trusted()).await;
    let failed = async |why: &str| {
        let (status, number, description) = present(&emulator, &issuer.url, &key).await;
        assert_eq!((status, number), (400, 50_166), "{description}");
        assert!(
            description.starts_with("AADSTS50166: Request to External OIDC endpoint failed. "),
            "{description}"
        );
        assert!(description.contains(why), "{why} is not in: {description}");
    };
    issuer.site.lock().unwrap().token = Some("t");
    failed("403 Forbidden").await;
    issuer.site.lock().unwrap().token = None;
    issuer.site.lock().unwrap().issuer = "https://other.example".into();
    failed("is of another issuer").await;
    issuer.site.lock().unwrap().issuer.clone_from(&issuer.url);
    assert_eq!(present(&emulator, &issuer.url, &key).await.0, 200);
}

#[tokio::test]
async fn an_issuer_that_is_down_does_not_matter_while_its_key_is_known() {
    let key = SigningKey::new("k");
    let issuer = Issuer::start(&key).await;
    let emulator = emulator(&issuer.url, issuer.trusted()).await;
    let url = issuer.url.clone();
    assert_eq!(present(&emulator, &url, &key).await.0, 200);
    drop(issuer);
    assert_eq!(present(&emulator, &url, &key).await.0, 200);
    assert_eq!(present(&emulator, &url, &SigningKey::new("other")).await.1, 50_166);
}

#[tokio::test]
async fn an_issuer_must_be_trusted_and_serve_https() {
    let key = SigningKey::new("k");
    let issuer = Issuer::start(&key).await;
    // By another authority's certificate, and by the system's.
    for published in [Published { ca: Some(certified().0), ..Published::default() }, Published::default()] {
        let stranger = emulator(&issuer.url, published).await;
        let (_, number, description) = present(&stranger, &issuer.url, &key).await;
        assert_eq!(number, 50_166);
        assert!(description.contains("certificate"), "{description}");
        assert_eq!(issuer.asked(), [""; 0]);
    }
    let plain = issuer.url.replace("https://", "http://");
    let emulator = emulator(&plain, issuer.trusted()).await;
    let (_, number, description) = present(&emulator, &plain, &key).await;
    assert_eq!(number, 50_166);
    assert!(description.contains("URL scheme is not allowed"), "{description}");
}

#[tokio::test]
async fn authorities_may_be_in_a_file_and_a_token_is_sent() {
    let key = SigningKey::new("k");
    let issuer = Issuer::start(&key).await;
    issuer.site.lock().unwrap().token = Some("t");
    let file = std::env::temp_dir().join(format!("azureml-emulator-issuer-{}.pem", std::process::id()));
    let published = Published { ca: None, ca_file: Some(file.clone()), token: Some("t".into()) };
    let emulator = emulator(&issuer.url, published).await;
    let (_, number, description) = present(&emulator, &issuer.url, &key).await;
    assert_eq!(number, 50_166);
    assert!(description.contains("caFile cannot be read"), "{description}");
    std::fs::write(&file, &issuer.ca).unwrap();
    let answer = present(&emulator, &issuer.url, &key).await;
    std::fs::remove_file(&file).unwrap();
    assert_eq!(answer.0, 200, "{}", answer.2);
}

#[tokio::test]
async fn the_issuers_token_is_for_the_issuer_alone() {
    let key = SigningKey::new("k");
    let (issuer, other) = (Issuer::start(&key).await, Issuer::start(&key).await);
    issuer.site.lock().unwrap().keys_at = Some(other.url.clone());
    let ca = Some([issuer.ca.as_str(), &other.ca].concat());
    let published = Published { ca, token: Some("t".into()), ..Published::default() };
    let emulator = emulator(&issuer.url, published).await;
    assert_eq!(present(&emulator, &issuer.url, &key).await.0, 200, "its keys may be elsewhere");
    assert_eq!(issuer.site.lock().unwrap().shown, ["Bearer t"]);
    assert_eq!(
        (other.asked(), &other.site.lock().unwrap().shown),
        (vec!["/openid/v1/jwks".to_owned()], &vec![])
    );
}

#[tokio::test]
async fn keys_in_the_configuration_win() {
    let (configured, published) = (SigningKey::new("k"), SigningKey::new("k"));
    let issuer = Issuer::start(&published).await;
    let federated = Federated {
        issuer: issuer.url.clone(),
        subject: SUBJECT.into(),
        keys: Some(configured.published()),
        published: issuer.trusted(),
        ..Federated::default()
    };
    let emulator = emulator_for(federated).await;
    assert_eq!(present(&emulator, &issuer.url, &configured).await.0, 200);
    assert_eq!(present(&emulator, &issuer.url, &published).await.1, 7_000_272);
    assert_eq!(issuer.asked(), [""; 0]);
}
