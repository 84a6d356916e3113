//! Entra: secrets, assertions and what is refused, by its number.

use azureml_emulator::{Client, Config, Federated, Principal, Request, Response};
use http::Method;
use serde_json::{Value, json};

use crate::support::keys::SigningKey;
use crate::support::{REGISTRY, WORKSPACE, World, registry_body};

const ISSUER: &str = "https://issuer.example/";
const SUBJECT: &str = "system:serviceaccount:ml:bindery";
const ID: &str = "11111111-0000-4000-8000-000000000001";

fn world(client: Client) -> World {
    World::with(Config { clients: vec![Client { client_id: ID.into(), ..client }], ..Config::default() })
}

fn ask_for(world: &mut World, scope: &str, credential: &str) -> Response {
    let tenant = world.core.config.tenant.clone();
    let mut request = Request::new(Method::POST, &format!("/{tenant}/oauth2/v2.0/token"));
    request.body =
        format!("grant_type=client_credentials&client_id={ID}&scope={scope}&{credential}").into_bytes();
    world.send(&request)
}

fn ask(world: &mut World, credential: &str) -> Response {
    ask_for(world, "https%3A%2F%2Fmanagement.azure.com%2F.default", credential)
}

fn number(response: &Response) -> (u16, i64) {
    (response.status, response.value()["error_codes"][0].as_i64().unwrap_or(0))
}

fn claims(world: &World) -> Value {
    json!({"iss": ISSUER, "sub": SUBJECT, "aud": ["api://AzureADTokenExchange"], "exp": world.now.as_second() + 600})
}

#[test]
fn a_secret_is_right_wrong_or_run_out() {
    let mut right = world(Client { secret: Some("s".into()), ..Client::default() });
    let issued = ask(&mut right, "client_secret=s");
    assert_eq!((issued.status, issued.value()["expires_in"].as_i64()), (200, Some(3600)));
    assert_eq!(number(&ask(&mut right, "client_secret=x")), (401, 7_000_215));
    let mut late = world(Client { secret: Some("s".into()), secret_expired: true, ..Client::default() });
    assert_eq!(number(&ask(&mut late, "client_secret=s")), (401, 7_000_222));
}

/// MSAL for Go and Java sends `openid offline_access profile` beside every resource. More than one resource is 70011, as
/// people report it (Azure/azure-sdk-for-net#9076).
#[test]
fn a_scope_is_one_resource_beside_which_openids_own_scopes_are_nothing() {
    let mut world = world(Client { secret: Some("s".into()), ..Client::default() });
    let arm = "https%3A%2F%2Fmanagement.azure.com%2F.default";
    for (scope, answer) in [
        (format!("{arm}+openid+offline_access+profile"), (200, 0)),
        (format!("openid%20email%20%20{arm}%20"), (200, 0)),
        ("openid+offline_access+profile".to_owned(), (400, 1_002_012)),
        (String::new(), (400, 1_002_012)),
        ("%2F.default".to_owned(), (400, 1_002_012)),
        ("%2F%2F.default+openid".to_owned(), (400, 1_002_012)),
        ("https%3A%2F%2Fmanagement.azure.com%2Fuser_impersonation+openid".to_owned(), (400, 1_002_012)),
        (format!("{arm}+User.Read"), (400, 70_011)),
        (format!("{arm}+https%3A%2F%2Fml.azure.com%2F.default"), (400, 70_011)),
    ] {
        let answered = ask_for(&mut world, &scope, "client_secret=s");
        assert_eq!(number(&answered), answer, "{scope}");
        let Some(token) = answered.value()["access_token"].as_str().map(str::to_owned) else { continue };
        let bearer = Request::get("/").header("Authorization", &format!("Bearer {token}"));
        let Principal::Known(identity) = world.core.principal(world.now, &bearer) else { panic!("{scope}") };
        assert_eq!(identity.audience, "https://management.azure.com", "{scope}");
    }
}

#[test]
fn an_assertion_must_be_the_issuers_for_the_subject_and_for_us() {
    let issuer = SigningKey::new("k");
    let federated = Federated {
        issuer: ISSUER.into(),
        subject: SUBJECT.into(),
        keys: Some(issuer.published()),
        ..Federated::default()
    };
    let mut world = world(Client { federated: vec![federated], ..Client::default() });
    let good = claims(&world);
    let mut present = |assertion: String| number(&ask(&mut world, &format!("client_assertion={assertion}")));
    let with = |name: &str, value: Value| {
        let mut claims = good.clone();
        claims[name] = value;
        claims
    };
    assert_eq!(present(issuer.sign(&good)).0, 200);
    assert_eq!(
        present(issuer.sign(&with("iss", json!("https://issuer.example")))),
        (401, 700_211),
        "without the slash"
    );
    assert_eq!(
        present(issuer.sign(&with("sub", json!("system:serviceaccount:ML:bindery")))),
        (401, 700_213),
        "in another case"
    );
    assert_eq!(present(issuer.sign(&with("aud", json!("somebody")))), (401, 700_212));
    let now = good["exp"].as_i64().unwrap() - 600;
    for (expiry, status) in [(json!(0), 401), (json!(null), 401), (json!(now), 401), (json!(now + 1), 200)] {
        let answer = present(issuer.sign(&with("exp", expiry.clone())));
        assert_eq!(answer, (status, if status == 200 { 0 } else { 700_024 }), "{expiry}");
    }
    assert_eq!(present(SigningKey::new("k").sign(&good)), (401, 7_000_272), "signed by somebody else");
    assert_eq!(present("nonsense".into()), (401, 50_027));
}

/// A client signs by itself, with the key of a certificate that is registered for it.
#[test]
fn a_certificate_must_be_the_clients_own_and_what_it_signs_for_us_and_now() {
    use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};
    use base64::Engine;
    use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64URL;
    use rustls::pki_types::CertificateDer;
    use rustls::pki_types::pem::PemObject;

    let (own, other) = (SigningKey::new("bindery"), SigningKey::new("mallory"));
    let (_, pem) = own.certificate();
    let der = CertificateDer::from_pem_slice(pem.as_bytes()).unwrap();
    let (_, foreign) = other.certificate();
    let foreign = CertificateDer::from_pem_slice(foreign.as_bytes()).unwrap();
    let s256 = |der: &[u8]| BASE64URL.encode(digest(&SHA256, der));
    let sha1 = BASE64URL.encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, &der));
    let mut world = world(Client { certificates: vec![pem], ..Client::default() });
    let now = world.now.as_second();
    let configuration = format!("/{}/v2.0/.well-known/openid-configuration", world.core.config.tenant);
    let token = world.get(&configuration).value()["token_endpoint"].clone();
    let good = json!({"iss": ID, "sub": ID, "aud": token, "jti": "1", "nbf": now, "exp": now + 300});
    let header = json!({"alg": "PS256", "typ": "JWT", "x5t#S256": s256(&der)});
    let mut present = |key: &SigningKey, header: &Value, claims: &Value| {
        number(&ask(&mut world, &format!("client_assertion={}", key.sign_with(header, claims))))
    };
    for header in [
        header.clone(),
        json!({"alg": "RS256", "typ": "JWT", "x5t#S256": s256(&der)}),
        json!({"alg": "RS256", "x5t": sha1}),
        json!({"alg": "RS256", "x5t": format!("{sha1}="), "x5c": ["nobody looks"]}),
        // As MSAL for Go writes it.
        json!({"alg": "PS256", "x5t#S256": s256(&der).replace('-', "+").replace('_', "/") + "="}),
    ] {
        assert_eq!(present(&own, &header, &good).0, 200, "{header}");
    }
    let unknown = (401, 700_027);
    assert_eq!(present(&other, &header, &good), unknown, "signed by somebody else");
    let named = json!({"alg": "PS256", "x5t#S256": s256(&foreign)});
    assert_eq!(present(&other, &named, &good), unknown, "a certificate of somebody else's");
    assert_eq!(present(&own, &json!({"alg": "PS256"}), &good), unknown, "no certificate named");
    assert_eq!(present(&own, &json!({"alg": "none", "x5t#S256": s256(&der)}), &good), unknown);
    for (name, value, expected) in [
        ("aud", json!("https://elsewhere.example/oauth2/v2.0/token"), 700_023),
        ("aud", json!(["api://AzureADTokenExchange"]), 700_023),
        ("sub", json!("somebody"), 700_021),
        ("exp", json!(now), 700_024),
        ("exp", json!(null), 700_024),
        ("nbf", json!(now + 301), 700_024),
    ] {
        let mut claims = good.clone();
        claims[name] = value;
        assert_eq!(present(&own, &header, &claims), (401, expected), "{claims}");
    }
    let mut without = self::world(Client { secret: Some("s".into()), ..Client::default() });
    let assertion = format!("client_assertion={}", own.sign_with(&header, &good));
    assert_eq!(number(&ask(&mut without, &assertion)), (401, 700_026));
}

#[test]
fn keys_that_nobody_gave_or_fetched_open_nothing() {
    let key = SigningKey::new("k");
    let federated = Federated { issuer: ISSUER.into(), subject: SUBJECT.into(), ..Federated::default() };
    let mut world = world(Client { federated: vec![federated], ..Client::default() });
    let assertion = format!("client_assertion={}", key.sign(&claims(&world)));
    let unsigned = assertion.rsplit_once('.').unwrap().0.to_owned();
    for assertion in [&assertion, &format!("{unsigned}."), &unsigned] {
        assert_eq!(number(&ask(&mut world, assertion)), (400, 50_166), "{assertion}");
    }
    world.core.know_issuer(ISSUER, Ok(key.published()));
    assert_eq!(number(&ask(&mut world, &unsigned)), (401, 7_000_272));
    assert_eq!(ask(&mut world, &assertion).status, 200);
    world.core.know_issuer(ISSUER, Ok(SigningKey::new("other").published()));
    let refused = ask(&mut world, &assertion);
    assert_eq!(number(&refused), (401, 7_000_272));
    assert!(refused.value()["error_description"].as_str().unwrap().contains("with identifier k used"));
    world.core.know_issuer(ISSUER, Err("It is down.".into()));
    let refused = ask(&mut world, &assertion).value();
    let description = refused["error_description"].as_str().unwrap();
    assert!(
        description
            .starts_with("AADSTS50166: Request to External OIDC endpoint failed. It is down.\r\nTrace ID:")
    );
}

#[test]
fn a_token_stands_for_its_client_until_it_runs_out_or_is_taken_back() {
    use azureml_emulator::Principal;
    let mut world = world(Client { name: "bindery".into(), secret: Some("s".into()), ..Client::default() });
    let issued = ask(&mut world, "client_secret=s").value();
    let token = issued["access_token"].as_str().unwrap().to_owned();
    let request = Request::get("/").header("Authorization", &format!("Bearer {token}"));
    assert_eq!(world.core.principal(world.now, &request).name(), "bindery");
    world.core.expire_tokens();
    assert_eq!(world.core.principal(world.now, &request), Principal::Expired);
    world.core.revoke_tokens();
    assert_eq!(world.core.principal(world.now, &request), Principal::Unknown);
}

#[test]
fn a_token_is_a_jwt_that_the_published_key_signed_and_the_seed_decides() {
    use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
    use base64::Engine;
    use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64URL;
    let mut first = world(Client { secret: Some("s".into()), ..Client::default() });
    let issued = ask(&mut first, "client_secret=s").value();
    let token = issued["access_token"].as_str().unwrap().to_owned();
    let parts: Vec<&str> = token.split('.').collect();
    let read = |part: &str| serde_json::from_slice::<Value>(&BASE64URL.decode(part).unwrap()).unwrap();
    let (header, claims) = (read(parts[0]), read(parts[1]));
    assert_eq!((&claims["aud"], &claims["appid"]), (&json!("https://management.azure.com"), &json!(ID)));
    assert_eq!(claims["tid"].as_str().unwrap(), first.core.config.tenant);
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 3600);

    let tenant = first.core.config.tenant.clone();
    let configuration = first.get(&format!("/{tenant}/v2.0/.well-known/openid-configuration")).value();
    assert_eq!(claims["iss"], configuration["issuer"]);
    let published = first.follow(configuration["jwks_uri"].as_str().unwrap()).value();
    let key = &published["keys"][0];
    assert_eq!((&key["kid"], &key["alg"]), (&header["kid"], &header["alg"]));
    let public = BASE64URL.decode(key["x"].as_str().unwrap()).unwrap();
    let message = format!("{}.{}", parts[0], parts[1]);
    UnparsedPublicKey::new(&ED25519, public)
        .verify(message.as_bytes(), &BASE64URL.decode(parts[2]).unwrap())
        .unwrap();

    let mut second = world(Client { secret: Some("s".into()), ..Client::default() });
    assert_eq!(ask(&mut second, "client_secret=s").value(), issued);
    assert_ne!(ask(&mut second, "client_secret=s").value(), issued, "no two are alike");
}

/// The principal with a token for a resource.
fn holder(world: &mut World, resource: &str) -> Principal {
    let issued = ask_for(world, &format!("{resource}%2F.default"), "client_secret=s").value();
    let token = issued["access_token"].as_str().unwrap().to_owned();
    let bearer = Request::get("/").header("Authorization", &format!("Bearer {token}"));
    world.core.principal(world.now, &bearer)
}

#[test]
fn each_door_takes_the_tokens_of_its_own_resource() {
    let mut world = world(Client { secret: Some("s".into()), ..Client::default() });
    world.settle_put(REGISTRY, &registry_body());
    let own = world.get("/metadata/endpoints").value()[0]["resourceManager"].as_str().unwrap().to_owned();
    let batch = json!({"location": "eastus", "properties": {"authMode": "AADToken"}});
    world.settle_put(&format!("{WORKSPACE}/batchEndpoints/nightly"), &batch);
    let version = "api-version=2025-09-01";
    let arm = format!("{WORKSPACE}?{version}");
    let monitor = format!(
        "{WORKSPACE}/onlineEndpoints/none/providers/microsoft.insights/metrics?api-version=2024-02-01"
    );
    let mlflow = format!("/mlflow/v2.0{WORKSPACE}/api/2.0/mlflow/runs/get?run_id=train-1");
    let mfe = format!("/mferp/managementfrontend{WORKSPACE}/batchEndpoints/nightly/jobs?{version}");
    let discovery = "/registrymanagement/v1.0/registries/models/discovery".to_owned();
    let history = format!("/history/v1.0{WORKSPACE}/runs/train-1");
    let doors = [arm, monitor, mlflow, history, mfe, discovery];
    let opened = [200, 404, 200, 200, 200, 200];
    for (resource, statuses) in [
        ("https://management.azure.com", opened),
        ("https://management.azure.com/", opened),
        ("https://management.core.windows.net/", opened),
        (own.as_str(), opened),
        (own.trim_end_matches('/'), opened),
        ("https://ml.azure.com", [401, 401, 401, 401, 200, 200]),
        ("https://ml.azure.com/", [401, 401, 401, 401, 200, 200]),
        ("https://ml.azure.cn", [401, 401, 401, 401, 200, 200]),
        ("https://ml.azure.us", [401, 401, 401, 401, 200, 200]),
        ("https://evilml.azure.example", [401; 6]),
        ("https://ml.azure.example", [401; 6]),
        ("https://example/ml.azure.com", [401; 6]),
        ("https://graph.microsoft.com", [401; 6]),
        ("https://management.azure.com.example", [401; 6]),
        ("https://storage.azure.com/", [401; 6]),
    ] {
        world.principal = holder(&mut world, resource);
        let answers = doors.each_ref().map(|door| world.send(&Request::get(door)));
        assert_eq!(answers.each_ref().map(|answer| answer.status), statuses, "{resource}");
        for refused in answers.iter().filter(|answer| answer.status == 401) {
            assert_eq!(refused.value()["error"]["code"], "InvalidAuthenticationTokenAudience");
            assert!(refused.header_value("WWW-Authenticate").unwrap().starts_with("Bearer "));
        }
    }
}
