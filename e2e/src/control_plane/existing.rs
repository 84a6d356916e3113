//! A cluster that the user named. Nothing is started in it, and nothing in it ends with us.

use std::time::Duration;

use kube::config::Kubeconfig;

use super::error::Error;
use super::{ControlPlane, Options, client, client_config, kubeconfig};
use crate::folders::TemporaryFolder;
use crate::tools;

/// How long the cluster may take to say its version.
const PATIENCE: Duration = Duration::from_secs(15);

/// Opens the named cluster: copies its kubeconfig, with the wanted context as the current one, and
/// makes sure that it answers.
pub(super) async fn open(options: &Options) -> Result<ControlPlane, Error> {
    let read = match &options.kubeconfig {
        Some(path) => Kubeconfig::read_from(path),
        None => Kubeconfig::read(),
    };
    let mut kubeconfig = read.map_err(|source| Error::Kubeconfig(Box::new(source)))?;
    if let Some(context) = &options.context {
        kubeconfig.current_context = Some(context.clone());
    }
    kubeconfig::current_context(&kubeconfig)?;
    let config = client_config(&kubeconfig).await?;

    let folder = TemporaryFolder::new("bindery-cluster")
        .map_err(Error::io("make a folder in", &std::env::temp_dir()))?;
    let kubeconfig_path = folder.path().join("kubeconfig");
    kubeconfig::write(&kubeconfig, &kubeconfig_path)?;
    let kubectl = tools::kubectl(&options.progress)
        .await
        .inspect_err(|why| options.progress.say(format!("going on without kubectl: {why}")))
        .ok();
    let control_plane = ControlPlane { local: None, config, kubeconfig, kubeconfig_path, kubectl, folder };

    let version = client(&control_plane.config)?;
    let version = tokio::time::timeout(PATIENCE, version.apiserver_version()).await;
    let reason = match version {
        Ok(Ok(_)) => return Ok(control_plane),
        Ok(Err(error)) => error.to_string(),
        Err(_) => format!("no answer within {} s", PATIENCE.as_secs()),
    };
    Err(Error::Unreachable { server: control_plane.server(), reason })
}
