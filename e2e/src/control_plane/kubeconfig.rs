//! Kubeconfigs: for the admin of a control plane of ours, and for a token in any cluster.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use k8s_openapi::ByteString;
use kube::config::{AuthInfo, Cluster, Context, Kubeconfig, NamedAuthInfo, NamedCluster, NamedContext};

use super::error::Error;
use super::pki::Identity;

/// The context that every kubeconfig made here has.
const CONTEXT: &str = "bindery";

/// A kubeconfig for a client certificate.
pub(super) fn with_certificate(server: &str, ca_pem: &str, admin: &Identity) -> Kubeconfig {
    let cluster = Cluster {
        server: Some(server.to_string()),
        certificate_authority_data: Some(base64(ca_pem)),
        ..Cluster::default()
    };
    let user = AuthInfo {
        client_certificate_data: Some(base64(&admin.certificate_pem)),
        client_key_data: Some(base64(&admin.key_pem).into()),
        ..AuthInfo::default()
    };
    one_context(cluster, "admin", user, "default")
}

/// A kubeconfig for the cluster of another one's current context, as the bearer of `token`.
pub(super) fn with_token(
    base: &Kubeconfig,
    user: &str,
    namespace: &str,
    token: &str,
) -> Result<Kubeconfig, Error> {
    let wanted = current_context(base)?.cluster;
    let cluster = base
        .clusters
        .iter()
        .find(|named| named.name == wanted)
        .and_then(|named| named.cluster.clone())
        .unwrap_or_default();
    let auth = AuthInfo { token: Some(token.to_string().into()), ..AuthInfo::default() };
    Ok(one_context(cluster, user, auth, namespace))
}

/// What the current context says.
pub(super) fn current_context(kubeconfig: &Kubeconfig) -> Result<Context, Error> {
    let current = kubeconfig.current_context.as_deref().unwrap_or_default();
    let context = kubeconfig
        .contexts
        .iter()
        .find(|named| named.name == current)
        .and_then(|named| named.context.clone());
    context.ok_or_else(|| {
        let known: Vec<&str> = kubeconfig.contexts.iter().map(|named| named.name.as_str()).collect();
        let wanted = match current {
            "" => "current context".to_string(),
            name => format!("context {name}"),
        };
        Error::NoContext { wanted, known: known.join(", ") }
    })
}

/// Writes a kubeconfig that only this user can read: it holds a key or a token.
pub(super) fn write(kubeconfig: &Kubeconfig, path: &Path) -> Result<(), Error> {
    let yaml = serde_yaml::to_string(kubeconfig)?;
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .and_then(|mut file| file.write_all(yaml.as_bytes()))
        .map_err(Error::io("write", path))
}

fn one_context(cluster: Cluster, user: &str, auth: AuthInfo, namespace: &str) -> Kubeconfig {
    Kubeconfig {
        kind: Some("Config".into()),
        api_version: Some("v1".into()),
        current_context: Some(CONTEXT.into()),
        clusters: vec![NamedCluster {
            name: CONTEXT.into(),
            cluster: Some(cluster),
            ..NamedCluster::default()
        }],
        auth_infos: vec![NamedAuthInfo {
            name: user.into(),
            auth_info: Some(auth),
            ..NamedAuthInfo::default()
        }],
        contexts: vec![NamedContext {
            name: CONTEXT.into(),
            context: Some(Context {
                cluster: CONTEXT.into(),
                user: Some(user.into()),
                namespace: Some(namespace.into()),
                ..Context::default()
            }),
            ..NamedContext::default()
        }],
        ..Kubeconfig::default()
    }
}

/// Kubernetes' own base64: that of a Secret's data.
fn base64(text: &str) -> String {
    match serde_json::to_value(ByteString(text.as_bytes().to_vec())) {
        Ok(serde_json::Value::String(encoded)) => encoded,
        _ => String::new(),
    }
}
