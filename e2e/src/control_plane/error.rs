//! Why there is no control plane.

use std::io;
use std::path::{Path, PathBuf};

use crate::{process, tools};

/// Why a control plane did not start, or could not be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Its programs are not to be had.
    #[error(transparent)]
    Tools(#[from] tools::Error),
    /// It has no node.
    #[error(transparent)]
    Node(#[from] crate::node::Error),
    /// A component could not be started.
    #[error(transparent)]
    Process(#[from] process::Error),
    /// A component ended, or did not get ready in time.
    #[error("{what}; logs are in {}; the last of {component}:\n{tail}", logs.display())]
    NotReady {
        /// What happened.
        what: String,
        /// Which component's log is quoted.
        component: String,
        /// The folder with all logs.
        logs: PathBuf,
        /// The last lines of the component's log.
        tail: String,
    },
    /// A file or folder could not be written.
    #[error("cannot {verb} {}: {source}", path.display())]
    Io {
        /// What was tried.
        verb: &'static str,
        /// With which file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A key or certificate could not be made.
    #[error("cannot make the certificates: {0}")]
    Certificate(#[from] rcgen::Error),
    /// The kubeconfig cannot be read, or names what it does not have.
    #[error("the kubeconfig cannot be used: {0}")]
    Kubeconfig(Box<kube::config::KubeconfigError>),
    /// The kubeconfig lacks the named context, or has no current one and none was named.
    #[error("the kubeconfig has no {wanted}: name one with --context (it has: {known})")]
    NoContext {
        /// `current context`, or `context` and its name.
        wanted: String,
        /// The contexts that it has.
        known: String,
    },
    /// A kubeconfig could not be put into YAML.
    #[error("cannot write a kubeconfig: {0}")]
    Yaml(#[from] serde_yaml::Error),
    /// The named cluster does not answer.
    #[error("the cluster at {server} does not answer: {reason}")]
    Unreachable {
        /// URL of its API server.
        server: String,
        /// What happened.
        reason: String,
    },
    /// The API server refused something.
    #[error("{doing} failed: {source}")]
    Kube {
        /// What was being done.
        doing: String,
        /// What the API server said.
        source: Box<kube::Error>,
    },
}

impl Error {
    /// For `map_err`: a refusal while `doing` something.
    pub(crate) fn kube(doing: impl Into<String>) -> impl FnOnce(kube::Error) -> Self {
        let doing = doing.into();
        |source| Self::Kube { doing, source: Box::new(source) }
    }

    /// For `map_err`: what could not be done with a file.
    pub(crate) fn io(verb: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::Io { verb, path, source }
    }
}
