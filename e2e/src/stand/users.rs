//! People with roles of the chart in a namespace. What they do, the API server is asked as themselves.

use std::process::Command;
use std::time::{Duration, Instant};

use k8s_openapi::api::rbac::v1::{ClusterRole, RoleBinding};
use kube::Client;
use kube::api::{Api, DeleteParams, DynamicObject, Patch, PatchParams};
use kube::core::GroupVersionKind;
use kube::discovery::ApiResource;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Error, PATIENCE, Stand, condition, current};
use crate::{ControlPlane, Progress, tools};

/// Somebody who may do something in one namespace, and nothing elsewhere.
pub struct User {
    client: Client,
    namespace: String,
}

/// What one template of the chart renders to with these values. None where there is no Helm.
async fn rendered(template: &str, values: &[String]) -> Result<Option<Vec<Value>>, Error> {
    let helm = match tools::helm(&Progress::silent()).await {
        Ok(helm) => helm,
        Err(tools::Error::NotFound { .. }) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let chart = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../charts/bindery");
    let output = Command::new(helm)
        .args(["template", "stand", "--kube-version", "1.33.0", "--set", "clusterId=stand"])
        .args(values.iter().flat_map(|value| ["--set", value.as_str()]))
        .args(["--show-only", template])
        .arg(chart)
        .output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let documents = serde_yaml::Deserializer::from_str(&text).map(Value::deserialize);
    Ok(Some(documents.collect::<Result<_, _>>()?))
}

/// Makes the chart's roles for people, as Helm renders them, under names that begin with `prefix`: the cluster may have the
/// chart. False where there is no Helm.
///
/// # Errors
///
/// The chart cannot be rendered, or the API server does not take it.
pub async fn apply_roles(client: &Client, prefix: &str) -> Result<bool, Error> {
    let Some(documents) = rendered("templates/user-roles.yaml", &[]).await? else { return Ok(false) };
    let roles: Api<ClusterRole> = Api::all(client.clone());
    for mut role in documents {
        role["metadata"]["name"] =
            format!("{prefix}{}", role["metadata"]["name"].as_str().unwrap_or_default()).into();
        apply_role(&roles, role).await?;
    }
    Ok(true)
}

/// Makes the chart's admission policy for Approvals, which holds in one namespace only: other stands share the cluster. The account
/// `on_behalf_of` may write Approvals of other people. False where there is no Helm.
///
/// # Errors
///
/// The chart cannot be rendered, or the API server does not take it.
pub async fn apply_approval_policy(
    client: &Client,
    namespace: &str,
    on_behalf_of: &str,
) -> Result<bool, Error> {
    let values =
        [format!("fullnameOverride={namespace}"), format!("approvalPolicy.onBehalfOf[0]={on_behalf_of}")];
    let Some(documents) = rendered("templates/approval-policy.yaml", &values).await? else {
        return Ok(false);
    };
    for mut object in documents {
        let kind = object["kind"].as_str().unwrap_or_default().to_string();
        if kind.ends_with("Binding") {
            let only = json!({"matchLabels": {"kubernetes.io/metadata.name": namespace}});
            object["spec"]["matchResources"] = json!({"namespaceSelector": only});
        }
        let gvk = GroupVersionKind::gvk("admissionregistration.k8s.io", "v1", &kind);
        let plural = if kind.ends_with("Policy") {
            "validatingadmissionpolicies"
        } else {
            "validatingadmissionpolicybindings"
        };
        let resource = ApiResource::from_gvk_with_plural(&gvk, plural);
        let name = object["metadata"]["name"].as_str().unwrap_or_default().to_string();
        let api: Api<DynamicObject> = Api::all_with(client.clone(), &resource);
        api.patch(&name, &PatchParams::apply("stand").force(), &Patch::Apply(&object)).await?;
    }
    Ok(true)
}

async fn apply_role(roles: &Api<ClusterRole>, mut role: Value) -> Result<(), Error> {
    // By its labels it would become a part of other roles.
    role["metadata"]["labels"] = Value::Null;
    let name = role["metadata"]["name"].as_str().unwrap_or_default();
    roles.patch(name, &PatchParams::apply("stand").force(), &Patch::Apply(&role)).await?;
    Ok(())
}

/// Makes a role that may do everything, as people give one that they should not.
///
/// # Errors
///
/// The API server does not take it.
pub async fn apply_wildcard_role(client: &Client, name: &str) -> Result<(), Error> {
    let role = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": name},
        "rules": [{"apiGroups": ["bindery.dev"], "resources": ["*"], "verbs": ["*"]}]});
    apply_role(&Api::all(client.clone()), role).await
}

impl User {
    /// Somebody of this name who has a ClusterRole in a namespace.
    ///
    /// # Errors
    ///
    /// The API server does not take the binding, or does not go by it.
    pub async fn with_role(
        control_plane: &ControlPlane,
        name: &str,
        namespace: &str,
        role: &str,
    ) -> Result<Self, Error> {
        let binding = json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
            "metadata": {"name": name, "namespace": namespace},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": name}],
        });
        let bindings: Api<RoleBinding> = Api::namespaced(control_plane.client()?, namespace);
        bindings.patch(name, &PatchParams::apply("stand").force(), &Patch::Apply(&binding)).await?;
        let user = Self { client: control_plane.client_as(name)?, namespace: namespace.into() };
        // The API server takes a moment until it goes by a binding.
        let begun = Instant::now();
        while let Err(refused) = user.api("Workspace").list(&kube::api::ListParams::default()).await {
            if begun.elapsed() > PATIENCE {
                return Err(refused.into());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(user)
    }

    fn api(&self, kind: &str) -> Api<DynamicObject> {
        Api::namespaced_with(self.client.clone(), &self.namespace, &resource(kind))
    }

    /// Applies a manifest as `kubectl apply --server-side` does. A refusal is the API server's sentence.
    pub async fn apply(&self, kind: &str, name: &str, spec: Value) -> Result<(), Error> {
        self.apply_held(kind, name, spec, &[]).await
    }

    /// The same, with these finalizers.
    pub async fn apply_held(
        &self,
        kind: &str,
        name: &str,
        spec: Value,
        finalizers: &[&str],
    ) -> Result<(), Error> {
        let object = json!({
            "apiVersion": "bindery.dev/v1alpha1", "kind": kind, "spec": spec,
            "metadata": {"name": name, "namespace": self.namespace, "finalizers": finalizers},
        });
        let parameters = PatchParams::apply("user").force();
        said(self.api(kind).patch(name, &parameters, &Patch::Apply(&object)).await)
    }

    /// Changes fields of the status, by a merge patch.
    pub async fn forge(&self, kind: &str, name: &str, status: Value) -> Result<(), Error> {
        let patch = Patch::Merge(json!({"status": status}));
        said(self.api(kind).patch_status(name, &PatchParams::default(), &patch).await)
    }

    /// Changes the whole object, by a merge patch.
    pub async fn change(&self, kind: &str, name: &str, patch: Value) -> Result<(), Error> {
        said(self.api(kind).patch(name, &PatchParams::default(), &Patch::Merge(patch)).await)
    }

    /// Deletes an object, without waiting for its end.
    pub async fn delete(&self, kind: &str, name: &str) -> Result<(), Error> {
        self.api(kind).delete(name, &DeleteParams::default()).await?;
        Ok(())
    }

    /// Waits until an object is gone.
    pub async fn wait_gone(&self, stand: &Stand, kind: &str, name: &str) -> Result<(), Error> {
        self.wait(stand, kind, name, "gone", |found| found.is_none()).await?;
        Ok(())
    }

    /// Waits until an object is Ready.
    pub async fn wait_ready(&self, stand: &Stand, kind: &str, name: &str) -> Result<(), Error> {
        self.wait(stand, kind, name, "Ready", |found| found.is_some_and(super::ready)).await?;
        Ok(())
    }

    /// Waits until an object is not Ready for this reason, for the generation that it has; its message.
    pub async fn wait_reason(
        &self,
        stand: &Stand,
        kind: &str,
        name: &str,
        reason: &str,
    ) -> Result<String, Error> {
        let because = |o: &DynamicObject| super::not_ready_because(o, reason) && current(o);
        let found = self.wait(stand, kind, name, reason, |found| found.is_some_and(because)).await?;
        let ready = found.and_then(|object| condition(&object, "Ready"));
        Ok(ready.map(|(.., message)| message).unwrap_or_default())
    }

    /// Waits until something holds of an object, or of its absence.
    pub async fn wait(
        &self,
        stand: &Stand,
        kind: &str,
        name: &str,
        what: &str,
        holds: impl Fn(Option<&DynamicObject>) -> bool,
    ) -> Result<Option<DynamicObject>, Error> {
        let (api, begun) = (self.api(kind), Instant::now());
        loop {
            let found = api.get_opt(name).await?;
            if holds(found.as_ref()) {
                return Ok(found);
            }
            if begun.elapsed() > PATIENCE {
                let log = stand.operator.told(30);
                return Err(format!(
                    "{kind} {name} did not become {what}: {found:?}; the operator's log:\n{log}"
                )
                .into());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

fn resource(kind: &str) -> ApiResource {
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk("bindery.dev", "v1alpha1", kind));
    if kind == "Registry" { ApiResource { plural: "registries".into(), ..resource } } else { resource }
}

fn said<T>(answer: kube::Result<T>) -> Result<(), Error> {
    match answer {
        Ok(_) => Ok(()),
        Err(kube::Error::Api(status)) => Err(status.message.clone().into()),
        Err(error) => Err(error.into()),
    }
}
