//! Proxies, by the usual variables. Only what goes by https goes through one: a managed identity's endpoint is asked by
//! http, at the machine itself, and never through a proxy.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use http::Uri;
use hyper_util::client::proxy::matcher::Matcher;
use reqwest::{ClientBuilder, NoProxy, Proxy, Url};

use super::config::{ConfigError, variable};

const HTTPS_PROXY: [&str; 2] = ["HTTPS_PROXY", "https_proxy"];
const NO_PROXY: [&str; 2] = ["NO_PROXY", "no_proxy"];

/// Through which proxy Azure and Entra ID are reached; by default through none.
#[derive(Clone, Default)]
pub struct Proxies(Option<Through>);

#[derive(Clone)]
struct Through {
    /// May have a password in it.
    url: Url,
    no: String,
    /// Says which hosts are asked through it, as the client that sends the requests does.
    matcher: Arc<Matcher>,
}

impl Proxies {
    /// Those of `HTTPS_PROXY` and `NO_PROXY`, or of the same in small letters. An empty variable counts as missing.
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::from_variables(&variable)
    }

    fn from_variables(variable: &dyn Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let first = |names: [&'static str; 2]| {
            names.into_iter().find_map(|name| variable(name).map(|value| (name, value)))
        };
        let Some((name, text)) = first(HTTPS_PROXY) else { return Ok(Self(None)) };
        let (no_name, no) = first(NO_PROXY).unwrap_or((NO_PROXY[0], String::new()));
        let wrong = |variable, why: String| ConfigError::Proxy { variable, why };
        if let Some(odd) = no.split(',').map(str::trim).find(|one| !is_exception(one)) {
            // Whatever it is, it may have a password in it.
            let shown = if odd.contains('@') { "one of its entries" } else { &format!("'{odd}'") };
            return Err(wrong(
                no_name,
                format!(
                    "{shown} would match nothing: an entry is a host such as corp.example (and all below it), an IP address, a network such as 10.0.0.0/8, or *, without a scheme, a port or a path"
                ),
            ));
        }
        Self::new(&text, &no).map_err(|why| wrong(name, why.into()))
    }

    /// One proxy: `[http[s]://][user:password@]host[:port]`, for all hosts but those of a list with commas: `host` and
    /// all below it, an IP address, a network such as `10.0.0.0/8`, or `*`.
    pub fn new(url: &str, no: &str) -> Result<Self, &'static str> {
        let full = if url.contains("://") { url.to_owned() } else { format!("http://{url}") };
        // What is wrong is said without the text, which may have a password in it.
        let url = Url::parse(&full).map_err(|_| "it is no URL of a proxy: http://host:port")?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err("only proxies at http:// and https:// are known");
        }
        if !url.has_host() || url.path() != "/" || url.query().is_some() {
            return Err("it has to be http://host:port, with no path");
        }
        // The matcher would take this for names alone, and not for addresses.
        if no.split(',').any(|one| one.trim() == "*") {
            return Ok(Self(None));
        }
        let matcher = Matcher::builder().https(url.as_str()).no(no).build();
        Ok(Self(Some(Through { url, no: no.to_owned(), matcher: Arc::new(matcher) })))
    }

    /// A client that uses these, and no others.
    pub(crate) fn applied(&self, client: ClientBuilder) -> reqwest::Result<ClientBuilder> {
        let client = client.no_proxy();
        let Some(through) = &self.0 else { return Ok(client) };
        let proxy = Proxy::https(through.url.clone())?;
        Ok(client.proxy(proxy.no_proxy(NoProxy::from_string(&through.no))))
    }

    /// The proxy through which a host is asked by https, without its password.
    pub(crate) fn of(&self, host: &str) -> Option<String> {
        let uri: Uri = format!("https://{host}/").parse().ok()?;
        let proxy = self.0.as_ref()?.matcher.intercept(&uri)?;
        // The matcher has taken user and password out of it.
        Some(proxy.uri().to_string().trim_end_matches('/').to_owned())
    }
}

/// Is this an entry of `NO_PROXY` that means something? A list may end with a comma.
fn is_exception(entry: &str) -> bool {
    if matches!(entry, "" | "*") || entry.parse::<IpAddr>().is_ok() {
        return true;
    }
    if let Some((address, bits)) = entry.split_once('/') {
        let most = match address.parse() {
            Ok(IpAddr::V4(_)) => 32,
            Ok(IpAddr::V6(_)) => 128,
            Err(_) => return false,
        };
        return bits.parse::<u8>().is_ok_and(|bits| bits <= most);
    }
    let host = entry.strip_prefix('.').unwrap_or(entry);
    let named =
        |part: &str| !part.is_empty() && part.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_'));
    host.strip_suffix('.').unwrap_or(host).split('.').all(named)
}

impl fmt::Debug for Proxies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(through) = &self.0 else { return f.write_str("none") };
        let (scheme, host) = (through.url.scheme(), through.url.host_str().unwrap_or_default());
        write!(f, "{scheme}://{host}:{}", through.url.port_or_known_default().unwrap_or_default())?;
        if through.no.is_empty() { Ok(()) } else { write!(f, " but for {}", through.no) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(variables: &[(&str, &str)]) -> Result<Proxies, ConfigError> {
        Proxies::from_variables(&|name| {
            let found = variables.iter().find(|(key, value)| *key == name && !value.is_empty());
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn the_usual_variables_say_who_is_asked_through_a_proxy() {
        let no = "login.microsoftonline.com, .corp.example,10.0.0.0/8,192.168.1.1";
        for (variables, through) in [
            (&[][..], None),
            (&[("HTTP_PROXY", "http://p:1"), ("ALL_PROXY", "http://p:1")], None),
            (&[("HTTPS_PROXY", "http://p:3128")], Some("http://p:3128")),
            (&[("https_proxy", "p:3128")], Some("http://p:3128")),
            (&[("HTTPS_PROXY", ""), ("https_proxy", "https://p")], Some("https://p")),
            (&[("HTTPS_PROXY", "http://a:1"), ("https_proxy", "http://b:2")], Some("http://a:1")),
            (&[("HTTPS_PROXY", "http://me:s3cret@p:3128/")], Some("http://p:3128")),
            (&[("HTTPS_PROXY", "http://p:1"), ("NO_PROXY", "*")], None),
            (&[("HTTPS_PROXY", "http://p:1"), ("NO_PROXY", "localhost, *")], None),
            (&[("HTTPS_PROXY", "http://p:1"), ("no_proxy", "azure.com")], None),
            (&[("HTTPS_PROXY", "http://p:1"), ("NO_PROXY", "zure.com")], Some("http://p:1")),
        ] {
            let proxies = of(variables).expect("good variables");
            assert_eq!(proxies.of("management.azure.com").as_deref(), through, "{variables:?}");
        }
        let proxies = of(&[("HTTPS_PROXY", "http://p:1"), ("NO_PROXY", no)]).expect("good variables");
        for (host, through) in [
            ("management.azure.com", true),
            ("login.microsoftonline.com", false),
            ("a.corp.example", false),
            ("corp.example", false),
            ("acorp.example", true),
            ("10.1.2.3", false),
            ("192.168.1.1", false),
            ("192.168.1.2", true),
            ("[::1]", true),
        ] {
            assert_eq!(proxies.of(host).is_some(), through, "{host}");
        }
    }

    #[test]
    fn an_exception_that_would_match_nothing_is_refused() {
        let proxy = ("HTTPS_PROXY", "http://p:3128");
        for entry in [
            "http://corp.example",
            "corp.example:443",
            "*.corp.example",
            "10.0.0.0/33",
            "corp/8",
            "a b",
            "a..b",
            "[::1]",
        ] {
            let list = format!("localhost,{entry}");
            for variable in ["NO_PROXY", "no_proxy"] {
                let error = of(&[proxy, (variable, &list)]).expect_err(entry).to_string();
                let begins = format!(
                    "{variable} is not usable: '{entry}' would match nothing: an entry is a host such as"
                );
                assert!(error.starts_with(&begins), "{error}");
            }
            // Without a proxy there is nothing to except.
            assert!(of(&[("NO_PROXY", &list)]).is_ok(), "{entry}");
        }
        let secret = of(&[proxy, ("NO_PROXY", "http://me:s3cret@corp")]).expect_err("an entry").to_string();
        assert!(secret.contains("one of its entries") && !secret.contains("s3cret"), "{secret}");
        let usual = "localhost, 127.0.0.1,.svc,.cluster.local.,10.0.0.0/8,fd00::/8,::1,xn--a.example,*,";
        assert!(of(&[proxy, ("NO_PROXY", usual)]).is_ok());
    }

    #[test]
    fn a_proxy_that_is_none_is_refused_without_its_password() {
        for (text, expected) in [
            (
                "socks5://me:s3cret@p:1080",
                "HTTPS_PROXY is not usable: only proxies at http:// and https:// are known",
            ),
            (
                "http://me:s3cret@p:port",
                "HTTPS_PROXY is not usable: it is no URL of a proxy: http://host:port",
            ),
            (
                "http://me:s3cret@p/path",
                "HTTPS_PROXY is not usable: it has to be http://host:port, with no path",
            ),
        ] {
            let error = of(&[("HTTPS_PROXY", text)]).expect_err(text);
            assert_eq!(error.to_string(), expected);
        }
        let proxies = of(&[("HTTPS_PROXY", "http://me:s3cret@p:3128"), ("NO_PROXY", "a")]).expect("a proxy");
        assert_eq!(format!("{proxies:?}"), "http://p:3128 but for a");
        assert_eq!(format!("{:?}", Proxies::new("p", "")), "Ok(http://p:80)");
        assert_eq!(format!("{:?}", Proxies::default()), "none");
    }
}
