//! How to reach Azure, and as whom.

use std::ffi::OsString;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use azure_core::credentials::Secret;

use super::accounts::Accounts;
use super::cloud::{Cloud, CloudChoice};
use super::pace::Pace;
use super::proxies::Proxies;
use super::transport;

const CLIENT_ID: &str = "AZURE_CLIENT_ID";
const TENANT_ID: &str = "AZURE_TENANT_ID";
const CLIENT_SECRET: &str = "AZURE_CLIENT_SECRET";
const CERTIFICATE_PATH: &str = "AZURE_CLIENT_CERTIFICATE_PATH";
const CERTIFICATE_PASSWORD: &str = "AZURE_CLIENT_CERTIFICATE_PASSWORD";
const SEND_CHAIN: &str = "AZURE_CLIENT_SEND_CERTIFICATE_CHAIN";
const TOKEN_FILE: &str = "AZURE_FEDERATED_TOKEN_FILE";
const AUTHORITY_HOST: &str = "AZURE_AUTHORITY_HOST";

/// Everything that an [`Azure`](super::Azure) is made from.
#[derive(Debug, Clone)]
pub struct Config {
    /// Which of Azure's clouds. Default [`Cloud::public`].
    pub cloud: Cloud,
    /// A file with PEM certificates that are trusted besides the system's. Default none.
    pub ca_bundle: Option<PathBuf>,
    /// Through which proxy Azure and Entra ID are reached. Default none.
    pub proxies: Proxies,
    /// As whom we act where nothing else is said.
    pub credential: CredentialConfig,
    /// The service accounts that places act as. Default none: then only [`credential`](Self::credential) acts.
    pub accounts: Option<Arc<dyn Accounts>>,
    /// How long one request may take, from the connection to the last byte. Default 30 s; the
    /// connection alone may take 10 s.
    pub request_timeout: Duration,
    /// How fast we may go. Default [`Pace::documented`].
    pub pace: Pace,
}

/// Which kind of credential is meant, where more than one is possible or none is to be guessed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CredentialChoice {
    /// The first that the environment describes, of workload identity, client secret and client certificate; else managed
    /// identity. Never a person's login.
    #[default]
    Auto,
    /// [`CredentialConfig::WorkloadIdentity`].
    WorkloadIdentity,
    /// [`CredentialConfig::ManagedIdentity`].
    ManagedIdentity,
    /// [`CredentialConfig::ClientSecret`].
    ClientSecret,
    /// [`CredentialConfig::ClientCertificate`].
    ClientCertificate,
    /// [`CredentialConfig::AzureCli`].
    AzureCli,
}

/// The words of a [`CredentialChoice`].
const CHOICES: [(&str, CredentialChoice); 6] = [
    ("auto", CredentialChoice::Auto),
    ("workload-identity", CredentialChoice::WorkloadIdentity),
    ("managed-identity", CredentialChoice::ManagedIdentity),
    ("client-secret", CredentialChoice::ClientSecret),
    ("client-certificate", CredentialChoice::ClientCertificate),
    ("azure-cli", CredentialChoice::AzureCli),
];

impl FromStr for CredentialChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = CHOICES.iter().find(|(word, _)| *word == text);
        found.map(|(_, choice)| *choice).ok_or_else(|| {
            let words: Vec<&str> = CHOICES.iter().map(|(word, _)| *word).collect();
            format!("it is one of {}", words.join(", "))
        })
    }
}

/// As whom Bindery acts in Azure.
#[derive(Debug, Clone)]
pub enum CredentialConfig {
    /// A Kubernetes service account that Entra trusts (AKS workload identity).
    WorkloadIdentity {
        /// The tenant's id, a GUID.
        tenant: String,
        /// The client id of the managed identity or application.
        client: String,
        /// The file with the service account's token. Read anew for every token.
        token_file: PathBuf,
    },
    /// The identity of the virtual machine or App Service that Bindery runs on.
    ManagedIdentity {
        /// The client id of a user-assigned identity; needed when the machine has several.
        client: Option<String>,
    },
    /// A service principal with a secret.
    ClientSecret {
        /// The tenant's id, a GUID.
        tenant: String,
        /// The application's client id.
        client: String,
        /// Never printed: its `Debug` says only that there is one.
        secret: Secret,
    },
    /// A service principal with a certificate.
    ClientCertificate {
        /// The tenant's id, a GUID.
        tenant: String,
        /// The application's client id.
        client: String,
        /// The file with the certificate and its RSA key: PEM, or PKCS#12 as OpenSSL 3 writes it. Read anew for every
        /// token, so that a certificate that was renewed is used.
        path: PathBuf,
        /// Opens the file. Default none: it is not encrypted.
        password: Option<Secret>,
        /// Send the certificates too, as applications need that trust an issuer and a subject name instead of
        /// one certificate.
        send_chain: bool,
    },
    /// Whoever has logged in with `az login` on this machine.
    AzureCli {
        /// The tenant's id; default: the one that `az` has chosen.
        tenant: Option<String>,
        /// Where the program `az` is looked for: folders with colons between them.
        path: OsString,
    },
}

/// Why no client could be made. Each says what to change.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// Environment variables are needed and missing or empty.
    #[error("{} not set, but {because}", are(.names))]
    MissingVariables {
        /// The variables.
        names: Vec<&'static str>,
        /// What asks for them.
        because: String,
    },
    /// The cloud is not known, could not be learned, or is said twice and not the same.
    #[error("{0}")]
    Cloud(String),
    /// A proxy that cannot be used. Its URL, which may have a password in it, is not shown.
    #[error("{variable} is not usable: {why}")]
    Proxy {
        /// The variable that names it.
        variable: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// A URL that is none, or that is not https.
    #[error("{what} {text:?} is not usable: {why}")]
    Url {
        /// Which setting.
        what: &'static str,
        /// What was given.
        text: String,
        /// What is wrong with it.
        why: String,
    },
    /// The CA bundle cannot be read.
    #[error("the CA bundle {path:?} is not usable: {why}")]
    CaBundle {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The credential is not complete.
    #[error("the Azure credential is not usable: {0}")]
    Credential(String),
    /// The HTTP client could not be made, for example because the machine has no CA certificates.
    #[error("no HTTPS client: {0}")]
    Http(String),
}

/// `A is`, `A and B are`, `A, B and C are`.
fn are(names: &[&str]) -> String {
    match names {
        [all @ .., last] if !all.is_empty() => format!("{} and {last} are", all.join(", ")),
        names => format!("{} is", names.join("")),
    }
}

impl Config {
    /// The public cloud, at the documented pace.
    pub fn new(credential: CredentialConfig) -> Self {
        Self {
            cloud: Cloud::public(),
            ca_bundle: None,
            proxies: Proxies::default(),
            credential,
            accounts: None,
            request_timeout: Duration::from_secs(30),
            pace: Pace::documented(),
        }
    }

    /// [`Config::new`] with [`CredentialConfig::from_env`] and [`Proxies::from_env`].
    pub fn from_env(choice: CredentialChoice) -> Result<Self, ConfigError> {
        Ok(Self { proxies: Proxies::from_env()?, ..Self::new(CredentialConfig::from_env(choice)?) })
    }

    /// In another cloud than the public one: the one that was chosen, which has to agree with `authority_host` (see
    /// [`Cloud::agreed`]). Where the choice is a document of endpoints, asks for that, with the CA bundle and the proxies of
    /// this configuration; an error says why it is of no use.
    pub async fn in_cloud(
        self,
        choice: Option<CloudChoice>,
        authority_host: Option<&str>,
    ) -> Result<Self, ConfigError> {
        let chosen = match choice {
            Some(choice) => Some(choice.cloud(&transport::https(&self)?).await?),
            None => None,
        };
        Ok(Self { cloud: Cloud::agreed(chosen, authority_host)?, ..self })
    }
}

/// `AZURE_AUTHORITY_HOST`, where it is set.
pub fn authority_host() -> Option<String> {
    variable(AUTHORITY_HOST)
}

impl CredentialConfig {
    /// The credential that the environment describes, by the variables of Azure's own SDKs. With
    /// [`CredentialChoice::Auto`]: `AZURE_FEDERATED_TOKEN_FILE` set → workload identity; else `AZURE_CLIENT_SECRET` set →
    /// client secret; else `AZURE_CLIENT_CERTIFICATE_PATH` set → client certificate; all of them with `AZURE_CLIENT_ID` and
    /// `AZURE_TENANT_ID`. Else managed identity, which takes `AZURE_CLIENT_ID` where it is set. An empty variable counts
    /// as missing.
    pub fn from_env(choice: CredentialChoice) -> Result<Self, ConfigError> {
        Self::from_variables(choice, &variable)
    }

    fn from_variables(
        choice: CredentialChoice,
        variable: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, ConfigError> {
        let has = |name: &str| variable(name).is_some();
        let (kind, because) = match choice {
            CredentialChoice::Auto if has(TOKEN_FILE) => {
                (CredentialChoice::WorkloadIdentity, format!("{TOKEN_FILE} asks for workload identity"))
            }
            CredentialChoice::Auto if has(CLIENT_SECRET) => {
                (CredentialChoice::ClientSecret, format!("{CLIENT_SECRET} asks for a client secret"))
            }
            CredentialChoice::Auto if has(CERTIFICATE_PATH) => (
                CredentialChoice::ClientCertificate,
                format!("{CERTIFICATE_PATH} asks for a client certificate"),
            ),
            CredentialChoice::Auto => (CredentialChoice::ManagedIdentity, String::new()),
            chosen => {
                let word = CHOICES.iter().find(|(_, choice)| *choice == chosen).map_or("", |(word, _)| *word);
                (chosen, format!("--credential asks for {word}"))
            }
        };
        // All that is missing is said at once.
        let need = |names: [&'static str; 3]| {
            let missing: Vec<&'static str> = names.into_iter().filter(|name| !has(name)).collect();
            if missing.is_empty() {
                Ok(names.map(|name| variable(name).unwrap_or_default()))
            } else {
                Err(ConfigError::MissingVariables { names: missing, because: because.clone() })
            }
        };
        Ok(match kind {
            CredentialChoice::WorkloadIdentity => {
                let [client, tenant, token_file] = need([CLIENT_ID, TENANT_ID, TOKEN_FILE])?;
                Self::WorkloadIdentity { tenant, client, token_file: token_file.into() }
            }
            CredentialChoice::ClientSecret => {
                let [client, tenant, secret] = need([CLIENT_ID, TENANT_ID, CLIENT_SECRET])?;
                Self::ClientSecret { tenant, client, secret: secret.into() }
            }
            CredentialChoice::ClientCertificate => {
                let [client, tenant, path] = need([CLIENT_ID, TENANT_ID, CERTIFICATE_PATH])?;
                let password = variable(CERTIFICATE_PASSWORD).map(Secret::new);
                let send_chain = variable(SEND_CHAIN)
                    .is_some_and(|value| value == "1" || value.eq_ignore_ascii_case("true"));
                Self::ClientCertificate { tenant, client, path: path.into(), password, send_chain }
            }
            CredentialChoice::AzureCli => Self::AzureCli {
                tenant: variable(TENANT_ID),
                path: variable("PATH").unwrap_or_default().into(),
            },
            CredentialChoice::ManagedIdentity | CredentialChoice::Auto => {
                Self::ManagedIdentity { client: variable(CLIENT_ID) }
            }
        })
    }

    /// What kind it is, in a word or two, and as which client.
    pub fn summary(&self) -> String {
        match self {
            Self::WorkloadIdentity { client, .. } => format!("workload identity of the client {client}"),
            Self::ManagedIdentity { client: Some(client) } => format!("managed identity {client}"),
            Self::ManagedIdentity { client: None } => "managed identity of this machine".into(),
            Self::ClientSecret { client, .. } => format!("secret of the client {client}"),
            Self::ClientCertificate { client, path, .. } => {
                format!("certificate of the client {client} in {}", path.display())
            }
            Self::AzureCli { .. } => "login of the Azure CLI".into(),
        }
    }
}

pub(super) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TENANT: (&str, &str) = (TENANT_ID, "t");
    const CLIENT: (&str, &str) = (CLIENT_ID, "c");
    const FILE: (&str, &str) = (TOKEN_FILE, "/var/run/token");
    const SECRET: (&str, &str) = (CLIENT_SECRET, "hush");
    const CERTIFICATE: (&str, &str) = (CERTIFICATE_PATH, "/etc/tls.pem");

    fn said(word: &str, variables: &[(&str, &str)]) -> String {
        let choice = word.parse().expect("a choice");
        let credential = CredentialConfig::from_variables(choice, &|name| {
            let found = variables.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| (*value).to_owned())
        });
        credential.map_or_else(|error| error.to_string(), |credential| format!("{credential:?}"))
    }

    #[test]
    fn the_environment_chooses_the_credential() {
        let cases: [(&[(&str, &str)], &str); 12] = [
            (
                &[TENANT, CLIENT, FILE, SECRET, CERTIFICATE],
                r#"WorkloadIdentity { tenant: "t", client: "c", token_file: "/var/run/token" }"#,
            ),
            (
                &[TENANT, CLIENT, SECRET, CERTIFICATE],
                r#"ClientSecret { tenant: "t", client: "c", secret: Secret }"#,
            ),
            (
                &[TENANT, CLIENT, CERTIFICATE],
                r#"ClientCertificate { tenant: "t", client: "c", path: "/etc/tls.pem", password: None, send_chain: false }"#,
            ),
            (
                &[TENANT, CLIENT, CERTIFICATE, (CERTIFICATE_PASSWORD, "hush"), (SEND_CHAIN, "True")],
                r#"ClientCertificate { tenant: "t", client: "c", path: "/etc/tls.pem", password: Some(Secret), send_chain: true }"#,
            ),
            (
                &[TENANT, CLIENT, CERTIFICATE, (SEND_CHAIN, "0")],
                r#"ClientCertificate { tenant: "t", client: "c", path: "/etc/tls.pem", password: None, send_chain: false }"#,
            ),
            (&[CLIENT], r#"ManagedIdentity { client: Some("c") }"#),
            (&[], "ManagedIdentity { client: None }"),
            (
                &[TENANT, FILE],
                "AZURE_CLIENT_ID is not set, but AZURE_FEDERATED_TOKEN_FILE asks for workload identity",
            ),
            (
                &[CLIENT, FILE],
                "AZURE_TENANT_ID is not set, but AZURE_FEDERATED_TOKEN_FILE asks for workload identity",
            ),
            (
                &[CLIENT, SECRET],
                "AZURE_TENANT_ID is not set, but AZURE_CLIENT_SECRET asks for a client secret",
            ),
            (
                &[CERTIFICATE],
                "AZURE_CLIENT_ID and AZURE_TENANT_ID are not set, but AZURE_CLIENT_CERTIFICATE_PATH asks for a client certificate",
            ),
            // A login of a person is no guess.
            (&[TENANT, ("PATH", "/bin")], "ManagedIdentity { client: None }"),
        ];
        for (variables, expected) in cases {
            assert_eq!(said("auto", variables), expected);
        }
    }

    #[test]
    fn a_word_chooses_the_credential_whatever_else_the_environment_has() {
        let all = &[TENANT, CLIENT, FILE, SECRET, CERTIFICATE, ("PATH", "/bin")][..];
        for (word, variables, expected) in [
            (
                "workload-identity",
                all,
                r#"WorkloadIdentity { tenant: "t", client: "c", token_file: "/var/run/token" }"#,
            ),
            ("managed-identity", all, r#"ManagedIdentity { client: Some("c") }"#),
            ("client-secret", all, r#"ClientSecret { tenant: "t", client: "c", secret: Secret }"#),
            (
                "client-certificate",
                all,
                r#"ClientCertificate { tenant: "t", client: "c", path: "/etc/tls.pem", password: None, send_chain: false }"#,
            ),
            ("azure-cli", all, r#"AzureCli { tenant: Some("t"), path: "/bin" }"#),
            ("azure-cli", &[], r#"AzureCli { tenant: None, path: "" }"#),
            (
                "workload-identity",
                &[SECRET],
                "AZURE_CLIENT_ID, AZURE_TENANT_ID and AZURE_FEDERATED_TOKEN_FILE are not set, but --credential asks for workload-identity",
            ),
            (
                "client-secret",
                &[TENANT, CLIENT, FILE],
                "AZURE_CLIENT_SECRET is not set, but --credential asks for client-secret",
            ),
            (
                "client-certificate",
                &[TENANT, SECRET],
                "AZURE_CLIENT_ID and AZURE_CLIENT_CERTIFICATE_PATH are not set, but --credential asks for client-certificate",
            ),
        ] {
            assert_eq!(said(word, variables), expected);
        }
        let wrong = "AzureCli".parse::<CredentialChoice>();
        let expected = "it is one of auto, workload-identity, managed-identity, client-secret, client-certificate, azure-cli";
        assert_eq!(wrong, Err(expected.into()));
    }
}
