//! Which of Azure's clouds: where its Resource Manager and its Entra ID are, and for whom its tokens are meant.

use std::str::FromStr;

use reqwest::Url;
use serde::Deserialize;
use serde_json::Value;

use super::audience::Audience;
use super::config::ConfigError;
use super::hosts::{Hosts, StorageHosts};
use super::transport::{self, Http};

/// A document of `/metadata/endpoints` has some 20 KiB.
const MOST_BYTES_OF_METADATA: usize = 1024 * 1024;

/// A cloud that Bindery knows by its name.
struct Known {
    /// Ours first, then those of `az cloud list` and of Azure's SDKs. In any case.
    names: &'static [&'static str],
    /// Tokens are meant for it.
    resource_manager: &'static str,
    /// The one that is asked first, then others of the same Entra ID.
    authorities: &'static [&'static str],
}

const KNOWN: [Known; 3] = [
    Known {
        names: &["public", "AzureCloud", "AzurePublicCloud"],
        resource_manager: "https://management.azure.com",
        authorities: &[
            "https://login.microsoftonline.com",
            "https://login.microsoft.com",
            "https://login.windows.net",
        ],
    },
    Known {
        names: &["usgovernment", "AzureUSGovernment", "AzureUSGovernmentCloud"],
        resource_manager: "https://management.usgovcloudapi.net",
        authorities: &["https://login.microsoftonline.us", "https://login.usgovcloudapi.net"],
    },
    Known {
        names: &["china", "AzureChinaCloud"],
        resource_manager: "https://management.chinacloudapi.cn",
        authorities: &["https://login.chinacloudapi.cn", "https://login.partner.microsoftonline.cn"],
    },
];

/// A cloud of Azure. Its URLs are `https://host[:port]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cloud {
    name: String,
    authorities: Vec<Url>,
    resource_manager: Url,
    audience: String,
    trusted_hosts: Vec<String>,
    /// What the names of its storage accounts end with after `.blob.`, where that is not known by its Resource Manager.
    storage_suffix: Option<String>,
}

/// What somebody said about the cloud: its name, all of it, or where it describes itself.
///
/// As text: `public`, `usgovernment` or `china`, the names of `az cloud list`; the https URL of a `/metadata/endpoints`
/// document; JSON with `authority`, `resourceManager`, and where they are needed `audience`, `trustedHosts` and `storageSuffix`;
/// or `@` and
/// the path of a file with such JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CloudChoice {
    /// All of it is known.
    Cloud(Cloud),
    /// Its document of endpoints is at this URL.
    Metadata(Url),
}

/// A cloud as somebody writes it down.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Written {
    authority: String,
    resource_manager: String,
    #[serde(default)]
    audience: Option<String>,
    #[serde(default)]
    trusted_hosts: Vec<String>,
    #[serde(default)]
    storage_suffix: Option<String>,
}

/// A cloud as its Resource Manager describes it. Those of api-version 2015-01-01 do not say where they are themselves.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Described {
    #[serde(default)]
    name: String,
    resource_manager: Option<String>,
    authentication: Authentication,
    #[serde(default)]
    suffixes: Suffixes,
}

#[derive(Deserialize, Default)]
struct Suffixes {
    #[serde(default)]
    storage: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Authentication {
    login_endpoint: String,
    #[serde(default)]
    audiences: Vec<String>,
    #[serde(default)]
    identity_provider: Option<String>,
}

impl Cloud {
    /// The public cloud.
    pub fn public() -> Self {
        Self::known(&KNOWN[0])
    }

    /// A cloud of one's own: where Entra ID and where Azure Resource Manager is, `https://host[:port]` both. Its tokens are
    /// meant for its Resource Manager.
    pub fn custom(authority: &str, resource_manager: &str) -> Result<Self, ConfigError> {
        let resource_manager = origin("resourceManager", resource_manager)?;
        let authority = origin("authority", authority)?;
        // The other names of the same Entra ID, where it is one of Azure's.
        let mut authorities: Vec<Url> = KNOWN
            .iter()
            .map(Self::known)
            .map(|cloud| cloud.authorities)
            .find(|all| all.contains(&authority))
            .unwrap_or_default();
        authorities.retain(|one| *one != authority);
        authorities.insert(0, authority);
        Ok(Self {
            name: format!("at {}", shown(&resource_manager)),
            authorities,
            audience: shown(&resource_manager).to_owned(),
            resource_manager,
            trusted_hosts: Vec::new(),
            storage_suffix: None,
        })
    }

    /// With other hosts that may see its tokens: `host` (port 443), `host:port`, or `*.suffix`.
    pub fn trusting(self, hosts: Vec<String>) -> Result<Self, ConfigError> {
        Hosts::new(&self.resource_manager, &hosts)?;
        Ok(Self { trusted_hosts: hosts, ..self })
    }

    /// With storage accounts at `<account>.blob.<suffix>`, where the suffix is a name with or without a port, such as
    /// `core.windows.net`. Copies between registries go there. Not needed for Azure's own clouds.
    pub fn storing_at(self, suffix: &str) -> Result<Self, ConfigError> {
        StorageHosts::new(&self.resource_manager, Some(suffix))?;
        Ok(Self { storage_suffix: Some(suffix.to_owned()), ..self })
    }

    /// With tokens that are meant for somebody else than its Resource Manager's URL.
    pub fn with_audience(self, audience: &str) -> Result<Self, ConfigError> {
        let bad = |why: &str| ConfigError::Url { what: "audience", text: audience.into(), why: why.into() };
        Url::parse(audience).map_err(|error| bad(&error.to_string()))?;
        if audience.contains(char::is_whitespace) {
            return Err(bad("there is a space in it"));
        }
        Ok(Self { audience: audience.trim_end_matches('/').to_owned(), ..self })
    }

    fn known(known: &Known) -> Self {
        let url = |text: &&str| Url::parse(text).unwrap_or_else(|_| unreachable!("{text} is a URL"));
        Self {
            name: known.names[0].to_owned(),
            authorities: known.authorities.iter().map(url).collect(),
            resource_manager: url(&known.resource_manager),
            audience: known.resource_manager.to_owned(),
            trusted_hosts: Vec::new(),
            storage_suffix: None,
        }
    }

    /// `public`, or where it is.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Entra ID: `https://host[:port]`.
    pub fn authority(&self) -> &str {
        self.authorities.first().map_or("", shown)
    }

    pub(crate) fn resource_manager(&self) -> &Url {
        &self.resource_manager
    }

    /// The scope of a token that is meant for this.
    pub(crate) fn scope(&self, audience: Audience) -> String {
        let host = self.resource_manager.host_str().unwrap_or_default();
        match audience.of_cloud(host) {
            Some(resource) => format!("{resource}/.default"),
            None => format!("{}/.default", self.audience),
        }
    }

    pub(crate) fn storage_hosts(&self) -> Result<StorageHosts, ConfigError> {
        StorageHosts::new(&self.resource_manager, self.storage_suffix.as_deref())
    }

    pub(crate) fn hosts(&self) -> Result<Hosts, ConfigError> {
        Hosts::new(&self.resource_manager, &self.trusted_hosts)
    }

    pub(crate) fn scoring_hosts(&self) -> Result<Hosts, ConfigError> {
        Hosts::scoring(&self.resource_manager, &self.trusted_hosts)
    }

    pub(crate) fn prometheus_hosts(&self) -> Result<Hosts, ConfigError> {
        Hosts::prometheus(&self.resource_manager, &self.trusted_hosts)
    }

    /// The cloud that was chosen; where nobody chose, the one that `AZURE_AUTHORITY_HOST` belongs to, and without that the
    /// public one. AKS's webhook sets that variable, for the cloud of the cluster. An error where the two differ.
    pub fn agreed(chosen: Option<Self>, authority_host: Option<&str>) -> Result<Self, ConfigError> {
        let Some(text) = authority_host else { return Ok(chosen.unwrap_or_else(Self::public)) };
        let full = if text.contains("://") { text.to_owned() } else { format!("https://{text}") };
        let bad = |why: String| ConfigError::Url { what: "AZURE_AUTHORITY_HOST", text: text.into(), why };
        let host = Url::parse(&full).map_err(|error| bad(error.to_string()))?;
        if host.scheme() != "https" {
            return Err(bad("it is not https".into()));
        }
        let has_it = |cloud: &Self| cloud.authorities.iter().any(|one| one.origin() == host.origin());
        match chosen {
            Some(cloud) if has_it(&cloud) => Ok(cloud),
            Some(cloud) => Err(ConfigError::Cloud(format!(
                "AZURE_AUTHORITY_HOST is {text:?}, but the cloud {} has its Entra ID at {}: choose the cloud that the variable belongs to (--cloud), or set the variable to {1}. AKS's webhook sets it for the cluster's own cloud where the pod's template does not",
                cloud.name,
                cloud.authority()
            ))),
            None => KNOWN.iter().map(Self::known).find(has_it).ok_or_else(|| {
                ConfigError::Cloud(format!(
                    "AZURE_AUTHORITY_HOST is {text:?}, which belongs to no cloud that Bindery knows: say with --cloud where its Azure Resource Manager is"
                ))
            }),
        }
    }
}

impl FromStr for CloudChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix('@') {
            let json = std::fs::read_to_string(path).map_err(|error| format!("{path}: {error}"))?;
            return written(&json).map(Self::Cloud).map_err(|error| format!("{path}: {error}"));
        }
        if text.trim_start().starts_with('{') {
            return written(text).map(Self::Cloud);
        }
        if text.contains("://") {
            return metadata_url(text).map(Self::Metadata);
        }
        let named = |known: &&Known| known.names.iter().any(|name| name.eq_ignore_ascii_case(text));
        KNOWN.iter().find(named).map(Cloud::known).map(Self::Cloud).ok_or_else(|| {
            "it is public, usgovernment or china, or the https URL of a /metadata/endpoints document, or JSON with authority and resourceManager, or @ and the path of a file with such JSON".into()
        })
    }
}

impl CloudChoice {
    /// The cloud. Asks for its document where it is only known where that is, once and without a token.
    pub(crate) async fn cloud(self, http: &Http) -> Result<Cloud, ConfigError> {
        let url = match self {
            Self::Cloud(cloud) => return Ok(cloud),
            Self::Metadata(url) => url,
        };
        let text = url.as_str().to_owned();
        let bad =
            |why: String| ConfigError::Cloud(format!("the cloud could not be learned from {text}: {why}"));
        let host = url.host_str().unwrap_or_default().to_owned();
        let lost = |error: reqwest::Error| bad(http.no_answer(&error, &host).message);
        let answer = http.get(url.clone()).header("accept", "application/json").send().await.map_err(lost)?;
        let status = answer.status().as_u16();
        if status != 200 {
            return Err(bad(format!("it answered {status}, and not 200")));
        }
        let body = transport::body(answer, MOST_BYTES_OF_METADATA).await.map_err(lost)?;
        let body = body.ok_or_else(|| bad("it is longer than 1 MiB".into()))?;
        described(&url, &body).map_err(bad)
    }
}

/// A cloud out of JSON.
fn written(json: &str) -> Result<Cloud, String> {
    let written: Written = serde_json::from_str(json).map_err(|error| error.to_string())?;
    let cloud = Cloud::custom(&written.authority, &written.resource_manager);
    let cloud = cloud.and_then(|cloud| cloud.trusting(written.trusted_hosts));
    let cloud = match &written.storage_suffix {
        Some(suffix) => cloud.and_then(|cloud| cloud.storing_at(suffix)),
        None => cloud,
    };
    let cloud = match &written.audience {
        Some(audience) => cloud.and_then(|cloud| cloud.with_audience(audience)),
        None => cloud,
    };
    cloud.map_err(|error| error.to_string())
}

fn metadata_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| error.to_string())?;
    if url.scheme() != "https" {
        return Err("the URL is not https".into());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("there is a user name in the URL".into());
    }
    if url.path() == "/" {
        return Err(format!(
            "the URL is not one of a document: did you mean {}/metadata/endpoints?api-version=2022-09-01",
            shown(&url)
        ));
    }
    Ok(url)
}

/// The cloud of a document of endpoints: the one in it, or of several the one whose Resource Manager was asked.
fn described(url: &Url, body: &[u8]) -> Result<Cloud, String> {
    let json: Value = serde_json::from_slice(body).map_err(|_| "it is not JSON".to_owned())?;
    let several = json.is_array();
    let json = if several { json } else { Value::Array(vec![json]) };
    let all: Vec<Described> =
        serde_json::from_value(json).map_err(|error| format!("it is no document of endpoints: {error}"))?;
    let at_home = |one: &&Described| {
        let there = one.resource_manager.as_deref().and_then(|text| Url::parse(text).ok());
        there.is_some_and(|there| there.origin() == url.origin())
    };
    let one = match all.as_slice() {
        [one] => one,
        several => several.iter().find(at_home).ok_or_else(|| {
            let names: Vec<&str> = several.iter().map(|one| one.name.as_str()).collect();
            format!(
                "it describes the clouds [{}], and none of them has its Azure Resource Manager at this host",
                names.join(", ")
            )
        })?,
    };
    let authentication = &one.authentication;
    let login = authentication.login_endpoint.as_str();
    let path = Url::parse(login).map(|url| url.path().trim_matches('/').to_owned()).unwrap_or_default();
    let provider = authentication.identity_provider.as_deref().unwrap_or("AAD");
    if path.eq_ignore_ascii_case("adfs") || provider.eq_ignore_ascii_case("ADFS") {
        return Err(format!(
            "its loginEndpoint {login} is AD FS, and Bindery gets tokens from Entra ID only"
        ));
    }
    let resource_manager = one.resource_manager.as_deref().unwrap_or_else(|| shown(url));
    let mut cloud = Cloud::custom(login, resource_manager).map_err(|error| error.to_string())?;
    if let Some(suffix) = one.suffixes.storage.as_deref().filter(|suffix| !suffix.is_empty()) {
        cloud = cloud.storing_at(suffix).map_err(|error| error.to_string())?;
    }
    // Of the audiences of the large clouds, which are older names too, the one that their other clients use.
    let audiences = &authentication.audiences;
    let own = audiences.iter().find(|one| one.trim_end_matches('/') == shown(&cloud.resource_manager));
    match own.or(audiences.first()) {
        Some(audience) => cloud.with_audience(audience).map_err(|error| error.to_string()),
        None => Ok(cloud),
    }
}

/// `https://host[:port]`, and nothing more.
fn origin(what: &'static str, text: &str) -> Result<Url, ConfigError> {
    let bad = |why: &str| ConfigError::Url { what, text: text.to_owned(), why: why.to_owned() };
    let url = Url::parse(text).map_err(|error| bad(&error.to_string()))?;
    if url.scheme() != "https" {
        return Err(bad("it is not https"));
    }
    if url.path() != "/"
        || url.query().is_some()
        || url.fragment().is_some()
        || !url.username().is_empty()
        || url.password().is_some()
    {
        return Err(bad("it has to be https://host or https://host:port"));
    }
    Ok(url)
}

/// A URL without the slash at its end, and of a longer one its beginning.
fn shown(url: &Url) -> &str {
    let text = url.as_str();
    let host = text.find("://").map_or(0, |at| at + 3);
    text[host..].find(['/', '?', '#']).map_or(text, |end| &text[..host + end])
}

#[cfg(test)]
mod tests;
