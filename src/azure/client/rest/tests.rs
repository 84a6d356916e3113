use reqwest::header::HeaderValue;

use super::*;
use crate::azure::client::{Cloud, CredentialConfig};

fn config() -> Config {
    let mut config = Config::new(CredentialConfig::ClientSecret {
        tenant: "00000000-0000-0000-0000-000000000001".into(),
        client: "client".into(),
        secret: "hush".into(),
    });
    config.cloud = Cloud::custom("https://127.0.0.1:8443", "https://127.0.0.1:8443").expect("a cloud");
    config
}

fn azure() -> Azure {
    Azure::new(config()).expect("a client")
}

fn id() -> ResourceId {
    ResourceId::workspace("s", "rg", "w").child("onlineEndpoints", "e")
}

#[test]
fn a_client_can_be_shared() {
    fn shared<T: Clone + Send + Sync + 'static>(_: &T) {}
    shared(&azure());
}

#[test]
fn a_configuration_that_cannot_work_says_why() {
    type Change = fn(&mut Config);
    let cases: [(Change, &str); 4] = [
        (
            |c| c.ca_bundle = Some("/nowhere/ca.pem".into()),
            "the CA bundle \"/nowhere/ca.pem\" is not usable: No such file or directory (os error 2)",
        ),
        (
            |c| {
                c.credential = CredentialConfig::WorkloadIdentity {
                    tenant: "t".into(),
                    client: "c".into(),
                    token_file: "/nowhere/token".into(),
                };
            },
            "the Azure credential is not usable: failed to read federated token from file /nowhere/token: No such file or directory (os error 2)",
        ),
        (
            |c| {
                c.credential = CredentialConfig::ClientSecret {
                    tenant: "t".into(),
                    client: String::new(),
                    secret: "hush".into(),
                };
            },
            "the Azure credential is not usable: no client ID specified",
        ),
        (
            |c| {
                c.credential = CredentialConfig::ClientCertificate {
                    tenant: "t".into(),
                    client: "c".into(),
                    path: "/nowhere/tls.pem".into(),
                    password: None,
                    send_chain: false,
                };
            },
            "the Azure credential is not usable: the client certificate /nowhere/tls.pem: No such file or directory (os error 2)",
        ),
    ];
    for (change, expected) in cases {
        let mut config = config();
        change(&mut config);
        let error = Azure::new(config).err().map(|e| e.to_string());
        assert_eq!(error.as_deref(), Some(expected));
    }
}

#[test]
fn a_url_is_what_the_id_says() {
    let url = azure().url("/subscriptions/s/models/ümlaut", &[("$orderBy", "createdtime desc")]);
    assert_eq!(
        url.expect("a good path").as_str(),
        "https://127.0.0.1:8443/subscriptions/s/models/%C3%BCmlaut?api-version=2025-09-01&%24orderBy=createdtime+desc"
    );
    for path in [
        "",
        "subscriptions/s",
        "/",
        "/a//b",
        "/a/../b",
        "/a/./b",
        "/a/%2e%2e/b",
        r"/a/..\b",
        "/a?b",
        "/a#b",
        "/a b",
        "/a\nb",
    ] {
        assert!(azure().url(path, &[]).is_err(), "{path:?}");
    }
}

#[test]
fn the_operation_is_the_better_of_two_headers() {
    let itself = "https://127.0.0.1:8443/subscriptions/S/resourcegroups/rg/providers/Microsoft.MachineLearningServices/workspaces/w/onlineEndpoints/e?api-version=2025-09-01";
    let results = "https://127.0.0.1:8443/subscriptions/S/x/mfeOperationResults/1?t=1";
    let status = "https://127.0.0.1:8443/subscriptions/S/x/mfeOperationsStatus/1?t=1";
    let cases = [
        (Some(status), Some(itself), Some(status)),
        (Some(status), Some(results), Some(status)),
        (None, Some(results), Some(results)),
        (None, Some("/subscriptions/S/x/mfeOperationResults/1?t=1"), Some(results)),
        (None, Some(itself), None),
        // What would not be followed later.
        (Some("https://127.0.0.1:8443/subscriptions/t/x/mfeOperationsStatus/1"), None, None),
        (Some("https://page.example/subscriptions/s/x/mfeOperationsStatus/1"), None, None),
        (None, None, None),
    ];
    for (operation, location, expected) in cases {
        let mut headers = HeaderMap::new();
        for (name, value) in [("Azure-AsyncOperation", operation), ("Location", location)] {
            if let Some(value) = value {
                let name = name.parse::<reqwest::header::HeaderName>().expect("a name");
                headers.insert(name, HeaderValue::from_static(value));
            }
        }
        assert_eq!(azure().operation_url(&headers, &id()).as_deref(), expected);
    }
}

#[test]
fn deployments_are_paced_apart() {
    let cases = [
        (id().child("deployments", "d"), true),
        (id(), false),
        (ResourceId::workspace("s", "rg", "w").child("batchEndpoints", "e").child("deployments", "d"), false),
        (ResourceId::workspace("s", "rg", "w").model_version("deployments", "1"), false),
    ];
    for (id, expected) in cases {
        assert_eq!(is_deployment(&id), expected, "{id}");
    }
}

#[test]
fn what_changes_something_goes_out_only_while_that_is_permitted() {
    let azure = azure();
    assert_eq!(azure.permitted(Quota::Write), Ok(()), "nobody has asked for more");
    azure.clone().writes_while(|| false);
    for kind in [Quota::Write, Quota::DeploymentWrite] {
        assert!(azure.permitted(kind).expect_err("not permitted").unsent);
    }
    assert_eq!(azure.permitted(Quota::Read), Ok(()));
}
