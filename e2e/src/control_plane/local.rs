//! A control plane on this machine, from its programs to the first answer.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::ServiceAccount;
use kube::{Api, Client};

use super::components::{self, Ports};
use super::error::Error;
use super::pki::Pki;
use super::{ControlPlane, Options, client, client_config, kubeconfig};
use crate::folders::{self, TemporaryFolder};
use crate::node::{Joining, Node};
use crate::process::Process;
use crate::tools::{self, Binaries};
use crate::{free_port, process};

/// A start takes 3 to 6 seconds; a machine busy with other things may need far more.
const PATIENCE: Duration = Duration::from_secs(120);
const LOOK: Duration = Duration::from_millis(50);
/// A port that was free when we looked may be taken when a server binds it.
const ATTEMPTS: usize = 3;

/// The components, in the order in which they end.
#[derive(Debug)]
pub(super) struct Local {
    node: Option<Node>,
    controller_manager: Option<Process>,
    apiserver: Process,
    etcd: Process,
    pub(super) logs: PathBuf,
    pub(super) token_public_key: PathBuf,
}

/// Brings one up and waits until it can be used.
pub(super) async fn start(options: &Options) -> Result<ControlPlane, Error> {
    let binaries = tools::control_plane(&options.progress).await?;
    let logs = match &options.logs {
        Some(folder) => folder.clone(),
        None => folders::new_log_folder("control-plane")
            .map_err(Error::io("make a folder for logs in", Path::new("the cache")))?,
    };
    let mut attempt = 1;
    loop {
        match start_once(&binaries, &logs, options).await {
            Err(Error::NotReady { tail, .. })
                if attempt < ATTEMPTS && tail.contains("address already in use") =>
            {
                attempt += 1;
            }
            answer => return answer,
        }
    }
}

async fn start_once(binaries: &Binaries, logs: &Path, options: &Options) -> Result<ControlPlane, Error> {
    let folder = TemporaryFolder::new("bindery-control-plane")
        .map_err(Error::io("make a folder in", &std::env::temp_dir()))?;
    let inside = |name: &str| folder.path().join(name);
    let pki = Pki::write(&inside("pki"))?;
    let port = || free_port().map_err(Error::io("find a port on", Path::new("127.0.0.1")));
    let ports = Ports { etcd: port()?, etcd_peer: port()?, apiserver: port()? };

    let admin = kubeconfig::with_certificate(&ports.server(), &pki.ca_pem, &pki.admin);
    let kubeconfig_path = inside("kubeconfig");
    kubeconfig::write(&admin, &kubeconfig_path)?;
    let of_controllers = inside("kubeconfig-controller-manager");
    kubeconfig::write(
        &kubeconfig::with_certificate(&ports.server(), &pki.ca_pem, &pki.controller_manager),
        &of_controllers,
    )?;
    let mut config = client_config(&admin).await?;
    config.proxy_url = None;

    let spawn = |command: &Command, name: &str| Process::spawn(command, &logs.join(format!("{name}.log")));
    let mut local = Local {
        node: None,
        controller_manager: None,
        etcd: spawn(&components::etcd(binaries, &pki, &ports, &inside("etcd")), "etcd")?,
        apiserver: spawn(
            &components::apiserver(binaries, &pki, &ports, &inside("certificates")),
            "kube-apiserver",
        )?,
        logs: logs.to_path_buf(),
        token_public_key: pki.token_public_key.clone(),
    };
    let client = client(&config)?;
    let deadline = Instant::now() + PATIENCE;
    while !is_ready(&client).await {
        local.still_waiting("the API server to get ready", deadline)?;
        tokio::time::sleep(LOOK).await;
    }
    if let Some(command) = components::controller_manager(binaries, &pki, &of_controllers, options.node) {
        local.controller_manager = Some(spawn(&command, "kube-controller-manager")?);
        while !has_default_account(&client).await {
            local.still_waiting("the controllers to begin", deadline)?;
            tokio::time::sleep(LOOK).await;
        }
    }
    if options.node {
        let member = |name: &str, identity| {
            let path = inside(&format!("kubeconfig-{name}"));
            let kubeconfig = kubeconfig::with_certificate(&ports.server(), &pki.ca_pem, identity);
            kubeconfig::write(&kubeconfig, &path).map(|()| path)
        };
        let joining = Joining {
            kubelet: &member("kubelet", &pki.kubelet)?,
            scheduler: &member("kube-scheduler", &pki.scheduler)?,
            ca: &pki.ca,
            port: ports.apiserver,
            logs,
        };
        local.node = Some(Node::start(&joining, &client, &options.progress).await?);
    }
    Ok(ControlPlane {
        local: Some(local),
        config,
        kubeconfig: admin,
        kubeconfig_path,
        kubectl: binaries.kubectl.clone(),
        folder,
    })
}

/// `/readyz` also waits for the bootstrap roles and the namespaces of the system.
async fn is_ready(client: &Client) -> bool {
    let Ok(request) = http::Request::get("/readyz").body(Vec::new()) else {
        return false;
    };
    client.request_text(request).await.is_ok()
}

/// The first thing that the controllers do and that everyone can see.
async fn has_default_account(client: &Client) -> bool {
    let accounts: Api<ServiceAccount> = Api::namespaced(client.clone(), "default");
    accounts.get("default").await.is_ok()
}

impl Local {
    pub(super) fn has_controllers(&self) -> bool {
        self.controller_manager.is_some()
    }

    pub(super) fn process_ids(&self) -> Vec<u32> {
        let mut ids = vec![self.etcd.id(), self.apiserver.id()];
        ids.extend(self.controller_manager.as_ref().map(Process::id));
        ids.extend(self.node.iter().flat_map(Node::process_ids));
        ids
    }

    /// An error if a component has ended.
    pub(super) fn check(&mut self) -> Result<(), Error> {
        let components =
            [&mut self.etcd, &mut self.apiserver].into_iter().chain(self.controller_manager.as_mut());
        for component in components {
            if let Some(status) = component.try_wait()? {
                return Err(Error::NotReady {
                    what: format!("{} ended ({status})", component.name()),
                    component: component.name().to_string(),
                    tail: component.log_tail(15),
                    logs: self.logs.clone(),
                });
            }
        }
        if let Some(node) = &mut self.node {
            node.check()?;
        }
        Ok(())
    }

    fn still_waiting(&mut self, for_what: &str, deadline: Instant) -> Result<(), Error> {
        self.check()?;
        if Instant::now() < deadline {
            return Ok(());
        }
        let component = self.controller_manager.as_ref().unwrap_or(&self.apiserver);
        Err(Error::NotReady {
            what: format!("waited {} s for {for_what}", PATIENCE.as_secs()),
            component: component.name().to_string(),
            tail: process::tail(component.log(), 15),
            logs: self.logs.clone(),
        })
    }
}
