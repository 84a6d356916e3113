//! The programs that a control plane and the tests need, and where they come from: the folder named
//! by `KUBEBUILDER_ASSETS`, else the store of `setup-envtest`, else the user's cache, into which they are
//! built once from Go modules.
//!
//! Knows how to get a program, not how to run one.

mod build;
mod envtest;
mod sources;

use std::env;
use std::io;
use std::path::{Path, PathBuf};

use crate::process;
use crate::progress::Progress;

/// The version of Kubernetes that is built when none is at hand.
pub const KUBERNETES_VERSION: &str = sources::KUBERNETES.version;
/// The version of etcd that is built when none is at hand.
pub const ETCD_VERSION: &str = sources::ETCD.version;
/// The version of Helm that is built when it is asked for.
pub const HELM_VERSION: &str = sources::HELM.version;

/// Names a folder with ready binaries, as envtest does.
const ASSETS: &str = "KUBEBUILDER_ASSETS";

/// Why a program is not to be had.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No cluster was named, there are no binaries, and there is no Go to build them with.
    #[error(
        "there is no Kubernetes control plane to work with. Four ways out:\n  \
         1. use a cluster of yours: --kubeconfig PATH, and --context NAME for another than its current context;\n  \
         2. set KUBEBUILDER_ASSETS to a folder that holds etcd, kube-apiserver, kube-controller-manager and kubectl;\n  \
         3. run `setup-envtest use`, which downloads etcd, kube-apiserver and kubectl into its store;\n  \
         4. install Go (1.26 or newer) and have it on PATH: they are then built once, into {}",
        cache.display()
    )]
    NoWay {
        /// Where they would be built.
        cache: PathBuf,
    },
    /// `KUBEBUILDER_ASSETS` is set, but the folder lacks what cannot be done without.
    #[error(
        "KUBEBUILDER_ASSETS is {}, and that folder has no {missing}. Put it there, or unset \
         KUBEBUILDER_ASSETS to use the store of setup-envtest, or to have everything built from source",
        folder.display()
    )]
    IncompleteAssets {
        /// The folder that the variable names.
        folder: PathBuf,
        /// The programs that are not in it.
        missing: String,
    },
    /// Helm is needed, is not on `PATH`, and there is no Go to build it with.
    #[error("there is no {name}: install it, or install Go (1.26 or newer) to have it built once")]
    NotFound {
        /// The program.
        name: &'static str,
    },
    /// Go could not build a program.
    #[error("building {name} {version} failed; all of it is in {}:\n{tail}", log.display())]
    Build {
        /// The program.
        name: &'static str,
        /// Its version.
        version: &'static str,
        /// What Go said.
        log: PathBuf,
        /// The last of it.
        tail: String,
    },
    /// Go could not be started.
    #[error(transparent)]
    Process(#[from] process::Error),
    /// The cache cannot be read or written.
    #[error("cannot {verb} {}: {source}", path.display())]
    Io {
        /// What was tried.
        verb: &'static str,
        /// With which file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// The programs of a control plane.
#[derive(Clone, Debug)]
pub struct Binaries {
    /// The store.
    pub etcd: PathBuf,
    /// The API server.
    pub kube_apiserver: PathBuf,
    /// Namespaces that end, default service accounts, garbage collection. envtest's folders lack it.
    pub kube_controller_manager: Option<PathBuf>,
    /// For people, and for the demo.
    pub kubectl: Option<PathBuf>,
}

/// The programs of a control plane: those in `KUBEBUILDER_ASSETS` when it is set, else the newest of
/// setup-envtest's store, else those in the cache, built now if they are not there yet (some minutes;
/// `progress` hears of it).
pub async fn control_plane(progress: &Progress) -> Result<Binaries, Error> {
    if let Some(folder) = assets() {
        return from_folder(&folder, "KUBEBUILDER_ASSETS", progress);
    }
    if let Some(installed) = envtest::newest() {
        let source = format!("setup-envtest's Kubernetes {}", installed.version);
        progress.say(format!("using {source} ({})", installed.folder.display()));
        return from_folder(&installed.folder, &source, progress);
    }
    let wanted = [
        (&sources::ETCD, "etcd"),
        (&sources::KUBERNETES, "kube-apiserver"),
        (&sources::KUBERNETES, "kube-controller-manager"),
        (&sources::KUBERNETES, "kubectl"),
    ];
    let mut paths = build::all(&wanted, progress).await?.into_iter();
    let mut next = || paths.next().unwrap_or_default();
    Ok(Binaries {
        etcd: next(),
        kube_apiserver: next(),
        kube_controller_manager: Some(next()),
        kubectl: Some(next()),
    })
}

/// The programs of a node that the machine's packages do not bring.
#[derive(Clone, Debug)]
pub struct NodeBinaries {
    /// Runs pods.
    pub kubelet: PathBuf,
    /// Gives pods to nodes.
    pub kube_scheduler: PathBuf,
}

/// The programs of a node, from the cache; built now if they are not there yet (some minutes).
pub async fn node(progress: &Progress) -> Result<NodeBinaries, Error> {
    let wanted = [(&sources::KUBERNETES, "kubelet"), (&sources::KUBERNETES, "kube-scheduler")];
    let mut paths = build::all(&wanted, progress).await?.into_iter();
    let mut next = || paths.next().unwrap_or_default();
    Ok(NodeBinaries { kubelet: next(), kube_scheduler: next() })
}

/// Helm 3, of the version [`HELM_VERSION`], from the cache; built now if it is not there yet. Without
/// Go: the `helm` on `PATH`, whatever its version.
pub async fn helm(progress: &Progress) -> Result<PathBuf, Error> {
    lazily("helm", &sources::HELM, progress).await
}

/// kubectl, for a cluster that is not ours: from `KUBEBUILDER_ASSETS`, else from `PATH`, else from
/// setup-envtest's store, else from the cache; built now if it is not there yet.
pub async fn kubectl(progress: &Progress) -> Result<PathBuf, Error> {
    let within = |folder: PathBuf| Some(folder.join("kubectl")).filter(|path| path.is_file());
    let ready = assets()
        .and_then(within)
        .or_else(|| process::find_program(Path::new("kubectl")))
        .or_else(|| envtest::newest().and_then(|installed| within(installed.folder)));
    match ready {
        Some(path) => Ok(path),
        None => lazily("kubectl", &sources::KUBERNETES, progress).await,
    }
}

/// The folder that [`ASSETS`] names.
fn assets() -> Option<PathBuf> {
    env::var_os(ASSETS).filter(|folder| !folder.is_empty()).map(PathBuf::from)
}

async fn lazily(
    name: &'static str,
    module: &'static sources::Module,
    progress: &Progress,
) -> Result<PathBuf, Error> {
    match build::all(&[(module, name)], progress).await {
        Ok(paths) => Ok(paths.into_iter().next().unwrap_or_default()),
        Err(Error::NoWay { .. }) => process::find_program(Path::new(name)).ok_or(Error::NotFound { name }),
        Err(error) => Err(error),
    }
}

/// `source` names the folder in what is said about it.
fn from_folder(folder: &Path, source: &str, progress: &Progress) -> Result<Binaries, Error> {
    let find = |name: &str| Some(folder.join(name)).filter(|path| path.is_file());
    let (Some(etcd), Some(kube_apiserver)) = (find("etcd"), find("kube-apiserver")) else {
        let missing: Vec<&str> =
            ["etcd", "kube-apiserver"].into_iter().filter(|name| find(name).is_none()).collect();
        return Err(Error::IncompleteAssets {
            folder: folder.to_path_buf(),
            missing: missing.join(" and no "),
        });
    };
    let kube_controller_manager = find("kube-controller-manager");
    if kube_controller_manager.is_none() {
        progress.say(format!(
            "{source} ({}) has no kube-controller-manager; going on without: namespaces \
             will not finish deletion and get no default service account, the cluster roles view, edit \
             and admin stay empty, and nothing collects what an owner reference leaves behind",
            folder.display()
        ));
    }
    Ok(Binaries {
        etcd,
        kube_apiserver,
        kube_controller_manager,
        kubectl: find("kubectl").or_else(|| process::find_program(Path::new("kubectl"))),
    })
}
