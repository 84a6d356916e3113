//! A Kubernetes control plane: etcd, kube-apiserver and kube-controller-manager on this machine,
//! or a cluster of yours. Unless a node is asked for ([`crate::node`]), there is none, nor a scheduler: objects, admission,
//! RBAC and tokens are real, pods never run.
//!
//! ```no_run
//! # async fn example() -> Result<(), e2e::control_plane::Error> {
//! use e2e::{ControlPlane, Options};
//!
//! let control_plane = ControlPlane::start(Options::default()).await?;
//! let admin: kube::Client = control_plane.client()?;
//! println!("export KUBECONFIG={}", control_plane.kubeconfig_path().display());
//! control_plane.stop(); // or drop it, or be killed: its processes end, and its folder goes
//! # Ok(())
//! # }
//! ```

mod components;
mod error;
mod existing;
mod kubeconfig;
mod local;
mod pki;

use std::path::{Path, PathBuf};
use std::time::Duration;

use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::api::{Api, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use tokio::sync::OnceCell;

pub use self::error::Error;
use self::local::Local;
use crate::folders::TemporaryFolder;
use crate::progress::Progress;

/// How long a token lasts that [`ControlPlane::kubeconfig_for_service_account`] asks for.
const TOKEN_LASTS: Duration = Duration::from_secs(24 * 60 * 60);

/// Names a kubeconfig whose cluster the tests use, instead of a control plane of their own: see
/// [`Options::from_env`].
pub const KUBECONFIG_VARIABLE: &str = "BINDERY_TEST_KUBECONFIG";
/// Names a context whose cluster the tests use.
pub const CONTEXT_VARIABLE: &str = "BINDERY_TEST_CONTEXT";

/// Which control plane to use. The default brings one up on this machine.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Use the cluster of this kubeconfig instead.
    pub kubeconfig: Option<PathBuf>,
    /// Use the cluster of this context instead: of `kubeconfig`, or else of `KUBECONFIG`, or else of
    /// `~/.kube/config`.
    pub context: Option<String>,
    /// Hears about builds and about what is missing. Default: standard error.
    pub progress: Progress,
    /// Where the logs of the components go. Default: a new folder below `<cache>/bindery/logs`.
    pub logs: Option<PathBuf>,
    /// Add a node, so that pods run: see [`crate::node`]. A named cluster has its own.
    pub node: bool,
}

impl Options {
    /// The cluster that the environment names, as `cargo xtask test --kubeconfig --context` does; the
    /// default where it names none.
    pub fn from_env() -> Self {
        let named = |variable| std::env::var(variable).ok().filter(|value| !value.is_empty());
        Self {
            kubeconfig: named(KUBECONFIG_VARIABLE).map(PathBuf::from),
            context: named(CONTEXT_VARIABLE),
            ..Self::default()
        }
    }

    /// Whether a cluster was named, so that none is brought up.
    pub fn names_a_cluster(&self) -> bool {
        self.kubeconfig.is_some() || self.context.is_some()
    }
}

/// A control plane that answers. One of ours ends when this is dropped; a named cluster stays.
#[derive(Debug)]
pub struct ControlPlane {
    // In this order: processes end before the folder goes that they write to.
    local: Option<Local>,
    config: kube::Config,
    kubeconfig: Kubeconfig,
    kubeconfig_path: PathBuf,
    kubectl: Option<PathBuf>,
    folder: TemporaryFolder,
}

impl ControlPlane {
    /// Brings a control plane up, or opens the cluster that `options` name, and returns when it is
    /// ready to be used. Takes some seconds; the first time on a machine some minutes, because the
    /// programs are built then (see [`crate::tools`]).
    ///
    /// # Errors
    /// [`Error::Tools`] when there is nothing to start and nothing to build it with,
    /// [`Error::NotReady`] with the folder of the logs when a component ends or does not get ready.
    pub async fn start(options: Options) -> Result<Self, Error> {
        crate::install_crypto_provider();
        if options.names_a_cluster() { existing::open(&options).await } else { local::start(&options).await }
    }

    /// A kubeconfig whose current context is the admin of this cluster. Readable by this user only,
    /// and gone with this control plane.
    pub fn kubeconfig_path(&self) -> &Path {
        &self.kubeconfig_path
    }

    /// A new client, with the rights of [`Self::kubeconfig_path`]. It belongs to the tokio runtime
    /// in which this is called. Does not retry by itself.
    pub fn client(&self) -> Result<kube::Client, Error> {
        client(&self.config)
    }

    /// The same as another user, of no group but that of all users.
    pub fn client_as(&self, user: &str) -> Result<kube::Client, Error> {
        let mut config = self.config.clone();
        config.auth_info.impersonate = Some(user.into());
        client(&config)
    }

    /// The kubectl to use, if there is one.
    pub fn kubectl(&self) -> Option<&Path> {
        self.kubectl.as_deref()
    }

    /// URL of the API server, such as `https://127.0.0.1:23456`.
    pub fn server(&self) -> String {
        self.config.cluster_url.to_string().trim_end_matches('/').to_string()
    }

    /// Whether the kube-controller-manager runs: without it namespaces do not finish deletion, get
    /// no default service account, and owner references are not followed.
    pub fn has_controllers(&self) -> bool {
        self.local.as_ref().is_none_or(Local::has_controllers)
    }

    /// Folder with the components' logs; none for a named cluster.
    pub fn logs(&self) -> Option<&Path> {
        self.local.as_ref().map(|local| local.logs.as_path())
    }

    /// Who issues service-account tokens (their `iss`): [`Self::server`], which also answers
    /// `/.well-known/openid-configuration` to those who may read it. None for a named cluster.
    pub fn token_issuer(&self) -> Option<String> {
        self.local.as_ref().map(|_| self.server())
    }

    /// PEM file with the public key that verifies service-account tokens (RS256). None for a named
    /// cluster.
    pub fn token_public_key(&self) -> Option<&Path> {
        self.local.as_ref().map(|local| local.token_public_key.as_path())
    }

    /// Ids of the component processes; empty for a named cluster.
    pub fn process_ids(&self) -> Vec<u32> {
        self.local.as_ref().map(Local::process_ids).unwrap_or_default()
    }

    /// An error if a component has ended since, with the place of its log.
    pub fn check(&mut self) -> Result<(), Error> {
        self.local.as_mut().map_or(Ok(()), Local::check)
    }

    /// Asks for a token of a service account, which must exist, and writes a kubeconfig that uses it
    /// and nothing else: whoever runs with it has exactly that account's rights. The token lasts a
    /// day; the file goes with this control plane.
    ///
    /// # Errors
    /// [`Error::Kube`] when the account does not exist or may not have a token.
    pub async fn kubeconfig_for_service_account(
        &self,
        namespace: &str,
        name: &str,
    ) -> Result<PathBuf, Error> {
        let accounts: Api<ServiceAccount> = Api::namespaced(self.client()?, namespace);
        let request = TokenRequest {
            spec: TokenRequestSpec {
                expiration_seconds: i64::try_from(TOKEN_LASTS.as_secs()).ok(),
                ..TokenRequestSpec::default()
            },
            ..TokenRequest::default()
        };
        let answer = accounts
            .create_token_request(name, &PostParams::default(), &request)
            .await
            .map_err(Error::kube(format!("asking for a token of service account {namespace}/{name}")))?;
        let token = answer.status.map(|status| status.token).unwrap_or_default();
        let path = self.folder.path().join(format!("kubeconfig-{namespace}-{name}"));
        let user = format!("{namespace}-{name}");
        let config = kubeconfig::with_token(&self.kubeconfig, &user, namespace, &token)?;
        kubeconfig::write(&config, &path)?;
        Ok(path)
    }

    /// Ends it and removes its folder; the logs stay. The same as dropping it.
    pub fn stop(self) {
        drop(self);
    }
}

/// One control plane for all tests of a test binary: starting one for each would take longer than
/// the tests. It ends with the process. The environment may name another cluster
/// ([`Options::from_env`]).
///
/// # Errors
/// Why it did not start; every later call gives the same answer.
pub async fn shared() -> Result<&'static ControlPlane, &'static Error> {
    static SHARED: OnceCell<Result<ControlPlane, Error>> = OnceCell::const_new();
    SHARED.get_or_init(|| ControlPlane::start(Options::from_env())).await.as_ref()
}

async fn client_config(kubeconfig: &Kubeconfig) -> Result<kube::Config, Error> {
    let current = KubeConfigOptions::default();
    let mut config = kube::Config::from_custom_kubeconfig(kubeconfig.clone(), &current)
        .await
        .map_err(|source| Error::Kubeconfig(Box::new(source)))?;
    // By default 16 attempts in 5 minutes: a test would rather see the answer.
    config.default_retry = false;
    Ok(config)
}

fn client(config: &kube::Config) -> Result<kube::Client, Error> {
    kube::Client::try_from(config.clone()).map_err(Error::kube("making a client"))
}
