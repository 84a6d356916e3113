//! A cluster that is not ours: what the demo makes in it, it takes away again, and nothing else.
//!
//! The operator of the demo works for the whole cluster and believes in the emulator, so it must not
//! meet objects of somebody else. Where Bindery's kinds are installed already, the demo therefore does
//! not begin, unless it was an earlier demo that installed them.

use e2e::ControlPlane;
use e2e::stand::Error;
use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Api, ListParams};

use super::kubectl::Kubectl;
use super::stage::OPERATOR_NAMESPACE;
use super::{NAMESPACE, PLATFORM, RISK};

/// Marks the kinds that a demo installed.
const LABEL: &str = "bindery.dev/installed-by";
const MARK: &str = "bindery.dev/installed-by=demo";
const KINDS: [&str; 7] = [
    "registries",
    "workspaces",
    "modelversions",
    "deploymentbindings",
    "approvals",
    "rolloutactions",
    "metricproviders",
];

/// What has to be undone in the end.
pub(super) struct Borrowed {
    /// An earlier demo did not clear up.
    leftovers: bool,
}

impl Borrowed {
    /// Looks whether the demo may use the cluster.
    pub(super) async fn prepare(control_plane: &ControlPlane) -> Result<Self, Error> {
        let client = control_plane.client()?;
        let crds: Api<CustomResourceDefinition> = Api::all(client.clone());
        let installed = crds.list(&ListParams::default()).await?.items;
        let ours: Vec<_> = installed.iter().filter(|crd| crd.spec.group == "bindery.dev").collect();
        let by_a_demo = |crd: &&CustomResourceDefinition| {
            crd.metadata
                .labels
                .as_ref()
                .is_some_and(|labels| labels.get(LABEL).is_some_and(|by| by == "demo"))
        };
        if !ours.iter().all(by_a_demo) {
            return Err("Bindery's kinds are installed in this cluster. The demo brings an operator of its \
                        own, which would meet objects that are not the demo's: use another cluster, or none"
                .into());
        }
        let leftovers = !ours.is_empty();
        let namespaces: Api<Namespace> = Api::all(client);
        for name in [NAMESPACE, PLATFORM, RISK, OPERATOR_NAMESPACE] {
            if !leftovers && namespaces.get_opt(name).await?.is_some() {
                let error =
                    format!("the namespace {name} exists in this cluster, and the demo makes its own");
                return Err(error.into());
            }
        }
        Ok(Self { leftovers })
    }

    /// Marks what the demo has installed, and removes what an earlier one has left. The operator runs.
    pub(super) async fn begin(&self, kubectl: &Kubectl) -> Result<(), Error> {
        for kind in KINDS {
            kubectl.quietly(&["label", "--overwrite", "crd", &format!("{kind}.bindery.dev"), MARK]).await?;
        }
        if self.leftovers { self.let_go(kubectl).await } else { Ok(()) }
    }

    /// Removes the story's objects, while the operator still runs to let them go.
    pub(super) async fn let_go(&self, kubectl: &Kubectl) -> Result<(), Error> {
        let delete =
            ["delete", "namespace", NAMESPACE, PLATFORM, RISK, "--ignore-not-found", "--timeout=90s"];
        kubectl.quietly(&delete).await.map(|_| ())
    }

    /// Removes the kinds and the operator's account.
    pub(super) async fn give_back(&self, kubectl: &Kubectl) -> Result<(), Error> {
        for kind in KINDS {
            let name = format!("{kind}.bindery.dev");
            kubectl.quietly(&["delete", "crd", &name, "--ignore-not-found", "--timeout=30s"]).await?;
        }
        let name = format!("bindery-{OPERATOR_NAMESPACE}");
        kubectl.quietly(&["delete", "clusterrolebinding,clusterrole", &name, "--ignore-not-found"]).await?;
        let delete = ["delete", "namespace", OPERATOR_NAMESPACE, "--ignore-not-found", "--timeout=60s"];
        kubectl.quietly(&delete).await.map(|_| ())
    }
}
