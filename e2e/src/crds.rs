//! Installs custom resource definitions and waits until they serve.

use std::time::{Duration, Instant};

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Api, Patch, PatchParams};
use kube::runtime::conditions::is_crd_established;
use kube::runtime::wait::await_condition;
use kube::{Client, ResourceExt};

/// The field manager of everything that the test stand applies.
pub const FIELD_MANAGER: &str = "bindery-test-stand";

const PATIENCE: Duration = Duration::from_secs(60);

/// Why a definition is not installed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The API server refused it.
    #[error("the CRD {name} was refused: {source}")]
    Refused {
        /// The definition's name.
        name: String,
        /// What the API server said.
        source: Box<kube::Error>,
    },
    /// It was accepted, and does not serve.
    #[error("the CRD {name} does not serve after {} s", PATIENCE.as_secs())]
    NotServing {
        /// The definition's name.
        name: String,
    },
}

/// Applies every definition (server-side, taking over fields of others), and returns when all are
/// established and every version of theirs that is served answers a list.
pub async fn install_crds(client: &Client, crds: &[CustomResourceDefinition]) -> Result<(), Error> {
    let api: Api<CustomResourceDefinition> = Api::all(client.clone());
    let apply = PatchParams::apply(FIELD_MANAGER).force();
    for crd in crds {
        api.patch(&crd.name_any(), &apply, &Patch::Apply(crd))
            .await
            .map_err(|source| Error::Refused { name: crd.name_any(), source: Box::new(source) })?;
    }
    let deadline = Instant::now() + PATIENCE;
    for crd in crds {
        let name = crd.name_any();
        let not_serving = || Error::NotServing { name: name.clone() };
        let established = await_condition(api.clone(), &name, is_crd_established());
        let left = deadline.saturating_duration_since(Instant::now());
        tokio::time::timeout(left, established)
            .await
            .map_err(|_| not_serving())?
            .map_err(|_| not_serving())?;
        // Established is said a moment before the handler is there.
        while !serves(client, crd).await {
            if Instant::now() > deadline {
                return Err(not_serving());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    Ok(())
}

async fn serves(client: &Client, crd: &CustomResourceDefinition) -> bool {
    let spec = &crd.spec;
    for version in spec.versions.iter().filter(|version| version.served) {
        let path = format!("/apis/{}/{}/{}?limit=1", spec.group, version.name, spec.names.plural);
        let Ok(request) = http::Request::get(path).body(Vec::new()) else {
            return false;
        };
        if client.request_text(request).await.is_err() {
            return false;
        }
    }
    true
}
