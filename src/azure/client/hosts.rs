//! Where a token may go, for each kind of token. Azure hands out URLs (`nextLink`, operations, the MLflow host, scoring URIs),
//! some come back out of a status that people can edit, and whoever holds the token is us.

use reqwest::Url;

use super::config::ConfigError;
use crate::azure::model::{Class, Error};

/// A cloud's own hosts for the ARM scope: what its Resource Manager's host ends with, and Resource Manager and Azure Machine
/// Learning's management hosts. `*.` stands for any labels in front. Scoring hosts (`*.inference.ml.azure.com`) are
/// deliberately not among them, and a token of one cloud goes to no host of another.
const CLOUDS: [(&str, &[&str]); 3] = [
    (
        "azure.com",
        &["management.azure.com", "*.management.azure.com", "*.api.azureml.ms", "*.experiments.azureml.net"],
    ),
    (
        "usgovcloudapi.net",
        &["management.usgovcloudapi.net", "*.management.usgovcloudapi.net", "*.api.ml.azure.us"],
    ),
    (
        "chinacloudapi.cn",
        &["management.chinacloudapi.cn", "*.management.chinacloudapi.cn", "*.api.ml.azure.cn"],
    ),
];

/// What the hosts of storage accounts of each of these clouds end with, by what the host of its Resource Manager ends with.
/// Those of an account with a DNS zone of its own end otherwise [DOC storage-account-overview].
const STORAGE: [(&str, &[&str]); 3] = [
    ("azure.com", &["*.blob.core.windows.net", "*.blob.storage.azure.net"]),
    ("usgovcloudapi.net", &["*.blob.core.usgovcloudapi.net"]),
    ("chinacloudapi.cn", &["*.blob.core.chinacloudapi.cn"]),
];

/// The hosts of managed online endpoints, of each of these clouds [DOC private-endpoint-dns]. Keys and tokens for scoring go there
/// and nowhere else.
const SCORING: [(&str, &[&str]); 3] = [
    ("azure.com", &["*.inference.ml.azure.com"]),
    ("usgovcloudapi.net", &["*.inference.ml.azure.us"]),
    ("chinacloudapi.cn", &["*.inference.ml.azure.cn"]),
];

/// The query endpoints of Azure Monitor workspaces, of each of these clouds [DOC prometheus-api-promql; for the others KEDA and
/// Flagger name the same].
const PROMETHEUS: [(&str, &[&str]); 3] = [
    ("azure.com", &["*.prometheus.monitor.azure.com"]),
    ("usgovcloudapi.net", &["*.prometheus.monitor.azure.us"]),
    ("chinacloudapi.cn", &["*.prometheus.monitor.azure.cn"]),
];

/// The hosts of a table that belong to the cloud of this Resource Manager; none of a cloud that nobody knows.
fn of_cloud(table: &[(&str, &'static [&'static str])], arm: &Url) -> Option<&'static [&'static str]> {
    let host = arm.host_str().unwrap_or_default();
    let here = |suffix: &str| host.strip_suffix(suffix).is_some_and(|front: &str| front.ends_with('.'));
    table.iter().find(|(suffix, _)| here(suffix)).map(|(_, hosts)| *hosts)
}

/// The hosts of storage accounts. No token goes there: who has a signed URL needs none.
#[derive(Debug, Clone)]
pub(crate) struct StorageHosts(Vec<Pattern>);

impl StorageHosts {
    /// Those of the cloud that `arm` belongs to, and those that end with `.blob.` and this suffix.
    pub(crate) fn new(arm: &Url, suffix: Option<&str>) -> Result<Self, ConfigError> {
        let known = of_cloud(&STORAGE, arm).unwrap_or_default();
        let own = suffix.map(|suffix| format!("*.blob.{suffix}"));
        let all = known.iter().copied().chain(own.as_deref());
        Ok(Self(all.map(|host| Pattern::parse("storage host", host)).collect::<Result<_, _>>()?))
    }

    /// The URL, if it is one of a storage account of this cloud. The error names the host at most: the rest may be signed.
    pub(crate) fn check(&self, url: &str) -> Result<Url, Error> {
        let refuse = |host: &str, why: &str| {
            let message = format!("Refused to copy from or to {host}: {why}.");
            Error::new(Class::Permanent, message)
        };
        let url = Url::parse(url).map_err(|e| refuse("something that is no URL", &e.to_string()))?;
        let host = url.host_str().unwrap_or("no host");
        if url.scheme() != "https" {
            return Err(refuse(host, "it is not https"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(refuse(host, "it carries a user name"));
        }
        let port = url.port_or_known_default().unwrap_or_default();
        if !self.0.iter().any(|pattern| pattern.allows(host, port)) {
            return Err(refuse(
                &format!("{host}:{port}"),
                "the host is not one of this cloud's storage accounts. For a cloud of your own, say in --cloud what their names end with (storageSuffix)",
            ));
        }
        Ok(url)
    }
}

/// The hosts that may see a token of one kind.
#[derive(Debug, Clone)]
pub(crate) struct Hosts {
    patterns: Vec<Pattern>,
    /// What they are.
    kind: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Pattern {
    /// Lower case. With `any_label`, what has to follow a dot.
    host: String,
    any_label: bool,
    port: u16,
}

impl Hosts {
    /// The host of `arm`, those of the cloud that it belongs to, and the extra ones.
    pub(crate) fn new(arm: &Url, extra: &[String]) -> Result<Self, ConfigError> {
        let cloud = of_cloud(&CLOUDS, arm).unwrap_or_default();
        Self::of("a management host", Some(arm), cloud, extra)
    }

    /// Those that answer for online endpoints: of a cloud that nobody knows, such as an emulator, its Resource Manager's too.
    pub(crate) fn scoring(arm: &Url, extra: &[String]) -> Result<Self, ConfigError> {
        let known = of_cloud(&SCORING, arm);
        let own = known.is_none().then_some(arm);
        Self::of("a scoring host", own, known.unwrap_or_default(), extra)
    }

    /// Those of Azure Monitor's managed Prometheus.
    pub(crate) fn prometheus(arm: &Url, extra: &[String]) -> Result<Self, ConfigError> {
        let known = of_cloud(&PROMETHEUS, arm).unwrap_or_default();
        Self::of("a host of Azure Monitor's managed Prometheus", None, known, extra)
    }

    fn of(
        kind: &'static str,
        own: Option<&Url>,
        known: &[&str],
        extra: &[String],
    ) -> Result<Self, ConfigError> {
        let own = own.map(|url| Pattern {
            host: url.host_str().unwrap_or_default().to_owned(),
            any_label: false,
            port: url.port_or_known_default().unwrap_or(443),
        });
        let mut patterns: Vec<Pattern> = own.into_iter().collect();
        for text in known.iter().copied().chain(extra.iter().map(String::as_str)) {
            patterns.push(Pattern::parse("trusted host", text)?);
        }
        Ok(Self { patterns, kind })
    }

    /// The URL, if a token may be sent to it. `what` names it in the error: "a nextLink".
    pub(crate) fn check(&self, url: &str, what: &str) -> Result<Url, Error> {
        let refuse = |host: &str, why: &str| {
            let message = format!("Refused to follow {what} to {host}: {why}. No token was sent there.");
            Error::new(Class::Permanent, message)
        };
        let url = Url::parse(url).map_err(|e| refuse("something that is no URL", &e.to_string()))?;
        let host = url.host_str().unwrap_or("no host");
        if url.scheme() != "https" {
            return Err(refuse(host, "it is not https"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(refuse(host, "it carries a user name"));
        }
        let port = url.port_or_known_default().unwrap_or_default();
        if !self.patterns.iter().any(|pattern| pattern.allows(host, port)) {
            return Err(refuse(
                &format!("{host}:{port}"),
                &format!("the host is neither {} of this cloud nor a trusted host of ours", self.kind),
            ));
        }
        Ok(url)
    }
}

impl Pattern {
    fn parse(what: &'static str, text: &str) -> Result<Self, ConfigError> {
        let bad = |why: &str| ConfigError::Url { what, text: text.to_owned(), why: why.to_owned() };
        let (any_label, rest) = match text.strip_prefix("*.") {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        // A URL parser knows about ports, IPv6 brackets and international names.
        let url = Url::parse(&format!("https://{rest}/")).map_err(|e| bad(&e.to_string()))?;
        let host = url.host_str().unwrap_or_default().to_owned();
        if url.path() != "/" || !url.username().is_empty() || host.contains('*') {
            return Err(bad("it has to be host, host:port or *.suffix"));
        }
        if any_label && !host.contains('.') {
            return Err(bad("a suffix needs at least two labels"));
        }
        Ok(Self { host, any_label, port: url.port_or_known_default().unwrap_or(443) })
    }

    fn allows(&self, host: &str, port: u16) -> bool {
        if port != self.port {
            return false;
        }
        if !self.any_label {
            return host.eq_ignore_ascii_case(&self.host);
        }
        let host = host.to_ascii_lowercase();
        host.strip_suffix(&self.host).is_some_and(|front| front.len() > 1 && front.ends_with('.'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts_of(arm: &str) -> Hosts {
        let arm = Url::parse(arm).expect("a URL");
        let extra = ["mlflow.corp.example:9443".into(), "*.lab.example".into()];
        Hosts::new(&arm, &extra).expect("good hosts")
    }

    fn hosts() -> Hosts {
        hosts_of("https://management.azure.com")
    }

    /// Which of these a token of each cloud goes to.
    #[test]
    fn a_token_of_one_cloud_goes_to_no_other() {
        let all = [
            ("public", "https://eastus.management.azure.com/"),
            ("public", "https://eastus.api.azureml.ms/"),
            ("US", "https://management.usgovcloudapi.net/"),
            ("US", "https://x.api.ml.azure.us/"),
            ("China", "https://management.chinacloudapi.cn/"),
            ("China", "https://x.api.ml.azure.cn/"),
            ("own", "https://127.0.0.1:8443/operations/1"),
        ];
        for (arm, cloud) in [
            ("https://management.azure.com", "public"),
            ("https://management.usgovcloudapi.net", "US"),
            ("https://management.chinacloudapi.cn", "China"),
            ("https://127.0.0.1:8443", "own"),
            ("https://evilazure.com", "none"),
        ] {
            for (of, url) in all {
                assert_eq!(hosts_of(arm).check(url, "a nextLink").is_ok(), of == cloud, "{arm}: {url}");
            }
        }
    }

    #[test]
    fn tokens_go_where_they_belong() {
        for url in [
            "https://management.azure.com/subscriptions/s?x=1",
            "https://MANAGEMENT.azure.com:443/",
            "https://eastus.management.azure.com/",
            "https://eastus.api.azureml.ms/mlflow/v2.0",
            "https://guid.workspace.eastus.api.azureml.ms/",
            "https://mlflow.corp.example:9443/",
            "https://a.lab.example/",
        ] {
            assert!(hosts().check(url, "a nextLink").is_ok(), "{url}");
        }
    }

    #[test]
    fn tokens_go_nowhere_else() {
        let unknown = "the host is neither a management host of this cloud nor a trusted host of ours";
        let cases = [
            ("http://management.azure.com/", "it is not https"),
            ("https://management.azure.com.evil.example/", unknown),
            ("https://evilmanagement.azure.com/", unknown),
            ("https://management.azure.com:8443/", unknown),
            ("https://management.azure.com./", unknown),
            ("https://management.azure.com@evil.example/", "it carries a user name"),
            ("https://api.azureml.ms/", unknown),
            ("https://xapi.azureml.ms/", unknown),
            ("https://management.usgovcloudapi.net/", unknown),
            ("https://127.0.0.1/", unknown),
            ("https://mlflow.corp.example/", unknown),
            ("https://lab.example/", unknown),
            ("https://e.eastus.inference.ml.azure.com/score", unknown),
            ("/relative", "relative URL without a base"),
        ];
        for (url, why) in cases {
            let error = hosts().check(url, "a nextLink").expect_err(url);
            assert_eq!(error.class, Class::Permanent, "{url}");
            assert!(error.message.contains(why), "{url}: {}", error.message);
        }
    }

    /// Storage is not where tokens go, and what is signed goes nowhere else.
    #[test]
    fn storage_accounts_are_hosts_of_their_own() {
        let of = |arm: &str, suffix| {
            let arm = Url::parse(arm).expect("a URL");
            StorageHosts::new(&arm, suffix).expect("good hosts")
        };
        let public = of("https://management.azure.com", None);
        let own = of("https://127.0.0.1:8443", Some("localhost:8443"));
        for (url, in_public, in_own) in [
            ("https://acct.blob.core.windows.net/c?sig=SECRET", true, false),
            ("https://acct.z12.blob.storage.azure.net/c", true, false),
            ("https://acct.blob.core.usgovcloudapi.net/c", false, false),
            ("https://acct.blob.localhost:8443/c?sig=SECRET", false, true),
            ("https://acct.blob.localhost/c", false, false),
            ("https://blob.core.windows.net/c", false, false),
            ("https://acct.blob.core.windows.net.evil.example/c", false, false),
            ("http://acct.blob.core.windows.net/c", false, false),
            ("https://u@acct.blob.core.windows.net/c", false, false),
            ("https://management.azure.com/c?sig=SECRET", false, false),
            ("sig=SECRET", false, false),
        ] {
            for (hosts, allowed) in [(&public, in_public), (&own, in_own)] {
                let checked = hosts.check(url);
                assert_eq!(checked.is_ok(), allowed, "{url}");
                assert!(checked.is_ok() || !format!("{checked:?}").contains("SECRET"));
            }
            assert!(
                hosts().check(url, "a nextLink").is_err() || url.contains("management"),
                "no token: {url}"
            );
        }
        assert!(StorageHosts::new(&Url::parse("https://a.example").expect("a URL"), Some("a/b")).is_err());
    }

    /// Keys of endpoints and tokens for scoring go to scoring hosts, tokens for Prometheus to Prometheus, and neither to Resource
    /// Manager.
    #[test]
    fn each_kind_of_token_has_hosts_of_its_own() {
        let of = |arm: &str| {
            let arm = Url::parse(arm).expect("a URL");
            let extra = ["*.lab.example".into()];
            (Hosts::scoring(&arm, &extra).expect("hosts"), Hosts::prometheus(&arm, &extra).expect("hosts"))
        };
        let (public, us, china, own) = (
            of("https://management.azure.com"),
            of("https://management.usgovcloudapi.net"),
            of("https://management.chinacloudapi.cn"),
            of("https://127.0.0.1:8443"),
        );
        let all = [("public", &public), ("us", &us), ("china", &china), ("own", &own)];
        for (url, scores, measures) in [
            ("https://fares.eastus.inference.ml.azure.com/score", "public", ""),
            ("https://fares.usgovvirginia.inference.ml.azure.us/score", "us", ""),
            ("https://fares.chinaeast2.inference.ml.azure.cn/score", "china", ""),
            ("https://127.0.0.1:8443/inference/eastus/fares/score", "own", ""),
            ("https://w-a1b2.eastus.prometheus.monitor.azure.com/api/v1/query", "", "public"),
            ("https://w-a1b2.usgovvirginia.prometheus.monitor.azure.us", "", "us"),
            ("https://w-a1b2.chinaeast2.prometheus.monitor.azure.cn", "", "china"),
            ("https://management.azure.com/", "", ""),
            ("https://eastus.api.azureml.ms/", "", ""),
            ("https://inference.ml.azure.com/score", "", ""),
            ("https://fares.inference.ml.azure.com.evil.example/score", "", ""),
            ("http://fares.eastus.inference.ml.azure.com/score", "", ""),
            ("http://20.1.2.3/api/v1/service/fares/score", "", ""),
        ] {
            for (cloud, (scoring, prometheus)) in all {
                assert_eq!(scoring.check(url, "it").is_ok(), cloud == scores, "{cloud}: {url}");
                assert_eq!(prometheus.check(url, "it").is_ok(), cloud == measures, "{cloud}: {url}");
            }
        }
        assert!(all.iter().all(|(_, (scoring, prometheus))| {
            [scoring, prometheus].iter().all(|hosts| hosts.check("https://a.lab.example/", "it").is_ok())
        }));
    }

    #[test]
    fn a_trusted_host_has_to_be_a_host() {
        let arm = Url::parse("https://management.azure.com").expect("a URL");
        for text in ["", "*.com", "a/b", "user@host", "a.*.b", "host:x"] {
            assert!(Hosts::new(&arm, &[text.to_owned()]).is_err(), "{text}");
        }
    }
}
