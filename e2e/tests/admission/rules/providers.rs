//! Rules of metric providers, and of the metrics that name them.

use serde_json::{Value, json};

use super::{Case, at, case};
use crate::example::patched;
use crate::sentences::*;

const KIND: &str = "metricproviders";

/// Providers, and queries of them.
pub(super) fn rules_of_providers() -> Vec<Case> {
    of_a_provider().into_iter().chain(of_a_query()).collect()
}

fn of_a_provider() -> Vec<Case> {
    let server = |rest: Value| at("spec.prometheus", rest);
    let address = |text: &str| server(json!({"address": text, "auth": null}));
    let header = |name: &str, value: &str| server(json!({"headers": [{"name": name, "value": value}]}));
    let token = |name: &str, text: &str| server(json!({"auth": {"tokenSecretRef": {name: text}}}));
    let bundle = |text: &str| server(json!({"caBundle": text}));
    let managed = |credentials: Value| {
        let auth = json!({"tokenSecretRef": null, "azure": {}});
        json!({"spec": {"prometheus": {"auth": auth}, "credentials": credentials}})
    };
    let account = || json!({"serviceAccountName": "azure"});
    let whose =
        "credentials is whose token of Entra ID is shown: give it with prometheus.auth.azure, and only there";
    let one = "give exactly one of tokenSecretRef and azure";
    let https = "auth shows a token, which goes by https only: give an address that begins with https://";
    let shown = "this header is not one to be set; a token is shown by auth";
    let pem = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
    let mut cases = vec![
        case(KIND, "spec", "give prometheus: where the metrics are", server(Value::Null), json!({})),
        case(KIND, "spec", whose, managed(Value::Null), managed(account())),
        case(KIND, "spec", whose, json!({"spec": {"credentials": account()}}), json!({})),
        case(
            KIND,
            "spec.prometheus.auth",
            one,
            json!({"spec": {"prometheus": {"auth": {"azure": {}}}, "credentials": account()}}),
            managed(account()),
        ),
        case(
            KIND,
            "spec.prometheus.auth",
            one,
            server(json!({"auth": {"tokenSecretRef": null}})),
            managed(account()),
        ),
        case(
            KIND,
            "spec.prometheus",
            https,
            server(json!({"address": "http://p:9090"})),
            address("http://p:9090"),
        ),
        case(
            KIND,
            "spec.credentials.serviceAccountName",
            ACCOUNT_NAME,
            managed(json!({"serviceAccountName": "Azure"})),
            managed(account()),
        ),
        case(
            KIND,
            "spec.prometheus.headers[].name",
            HEADER_NAME,
            header("a b", "c"),
            header("X-Scope-OrgID", "c"),
        ),
        case(
            KIND,
            "spec.prometheus.headers[].value",
            HEADER_VALUE,
            header("a", "b\r\nc"),
            header("a", "b c"),
        ),
        case(KIND, "spec.prometheus.headers[].value", HEADER_VALUE, header("a", "é"), header("a", "e")),
        case(
            KIND,
            "spec.prometheus.auth.tokenSecretRef.name",
            OBJECT_NAME,
            token("name", "A"),
            token("name", "a"),
        ),
        case(
            KIND,
            "spec.prometheus.auth.tokenSecretRef.key",
            SECRET_KEY,
            token("key", "a/b"),
            token("key", "A_b.c"),
        ),
        case(KIND, "spec.prometheus.caBundle", CERTIFICATES, bundle("MIIB"), bundle(pem)),
        case(KIND, "spec.prometheus.caBundle", SEEN, bundle(&pem.replace("MI", "M\u{200b}")), bundle(pem)),
        case(KIND, "spec.prometheus.address", SEEN, address("https://p\u{200b}"), address("https://p")),
    ];
    for wrong in ["Authorization", "HOST", "content-length"] {
        cases.push(case(
            KIND,
            "spec.prometheus.headers[]",
            shown,
            header(wrong, "a"),
            header("X-Scope-OrgID", "a"),
        ));
    }
    for wrong in [
        "prometheus:9090",
        "ftp://p",
        "https://",
        "https://me:secret@p",
        "https://p/?a=b",
        "https://p/#a",
        "https://p /",
        "https://p\\q",
    ] {
        cases.push(case(
            KIND,
            "spec.prometheus.address",
            PROMETHEUS_ADDRESS,
            address(wrong),
            address("http://p.monitoring:9090/tenant/a"),
        ));
    }
    cases
}

fn of_a_query() -> Vec<Case> {
    let (kind, field) = ("deploymentbindings", "spec.strategy.metrics[]");
    let metric = |query: &str, rest: Value| {
        let query = json!({"providerRef": {"name": "prometheus", "namespace": "platform"}, "query": query});
        let metric = json!({"name": "errors", "max": "1", "prometheus": query});
        at("spec.strategy.metrics", json!([patched(metric, &rest)]))
    };
    let of = |query: &str| metric(query, json!({}));
    let stable = || json!({"against": "Stable", "better": "Lower"});
    let right =
        "sum(rate(a{deployment=\"{{ deployment }}\", e='{{endpoint}}'}[{{ interval }}]))\n  or vector(0)";
    let told = "spec.strategy.metrics[].prometheus.query";
    let both =
        "against asks once for each of the two deployments: write {{ deployment }} where the query names it";
    let name = |name: &str| metric("up", json!({"prometheus": {"providerRef": {"name": name}}}));
    let home = |home: &str| metric("up", json!({"prometheus": {"providerRef": {"namespace": home}}}));
    let smoke =
        json!({"cases": [{"name": "a", "request": {"configMapKeyRef": {"name": "trips", "key": "a"}}}]});
    let source = "give exactly one of smokeTest, azureMonitor and prometheus";
    let mut cases = vec![
        case(kind, field, source, metric("up", json!({"azureMonitor": {"metric": "a"}})), of("up")),
        case(kind, field, source, metric("up", json!({"smokeTest": smoke, "max": null})), of("up")),
        case(kind, field, both, metric("up", stable()), metric(right, stable())),
        case(kind, told, SEEN, of("up{a=\"\u{200b}\"}"), of("up{a=\"é\"}")),
        case(kind, "spec.strategy.metrics[].prometheus.providerRef.name", OBJECT_NAME, name("A"), name("a")),
        case(
            kind,
            "spec.strategy.metrics[].prometheus.providerRef.namespace",
            NAMESPACE,
            home("A"),
            home("a"),
        ),
    ];
    for wrong in ["", "a{{ deploy }}", "a{{deployment }}", "a\u{7}", "{{", "a{"] {
        cases.push(case(kind, told, PROMETHEUS_QUERY, of(wrong), of(right)));
    }
    cases
}
