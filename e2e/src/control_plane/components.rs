//! The command lines of the components. Each flag that is not plumbing has its reason beside it.

use std::path::Path;
use std::process::Command;

use super::pki::Pki;
use crate::tools::Binaries;

/// The ports of one control plane, all on 127.0.0.1.
pub(super) struct Ports {
    pub(super) etcd: u16,
    pub(super) etcd_peer: u16,
    pub(super) apiserver: u16,
}

impl Ports {
    fn etcd_url(&self) -> String {
        format!("https://127.0.0.1:{}", self.etcd)
    }

    /// URL of the API server, and the issuer of its tokens.
    pub(super) fn server(&self) -> String {
        format!("https://127.0.0.1:{}", self.apiserver)
    }
}

/// etcd, for clients with a certificate of the CA: other users of the machine cannot read Secrets.
pub(super) fn etcd(binaries: &Binaries, pki: &Pki, ports: &Ports, data: &Path) -> Command {
    let peer = format!("http://127.0.0.1:{}", ports.etcd_peer);
    let mut command = Command::new(&binaries.etcd);
    flag(&mut command, "name", "bindery");
    flag(&mut command, "data-dir", data);
    flag(&mut command, "listen-client-urls", ports.etcd_url());
    flag(&mut command, "advertise-client-urls", ports.etcd_url());
    flag(&mut command, "listen-peer-urls", &peer);
    flag(&mut command, "initial-advertise-peer-urls", &peer);
    flag(&mut command, "initial-cluster", format!("bindery={peer}"));
    flag(&mut command, "cert-file", &pki.server.certificate);
    flag(&mut command, "key-file", &pki.server.key);
    flag(&mut command, "trusted-ca-file", &pki.ca);
    flag(&mut command, "client-cert-auth", "true");
    // The data is thrown away: waiting for the disk would only make it slow.
    flag(&mut command, "unsafe-no-fsync", "true");
    // A single member has nobody to wait for before it elects itself.
    flag(&mut command, "heartbeat-interval", "10");
    flag(&mut command, "election-timeout", "100");
    flag(&mut command, "log-level", "warn");
    command
}

/// The API server: RBAC, tokens, and every admission plugin that is on by default (so policies too).
pub(super) fn apiserver(binaries: &Binaries, pki: &Pki, ports: &Ports, certs: &Path) -> Command {
    let mut command = Command::new(&binaries.kube_apiserver);
    flag(&mut command, "etcd-servers", ports.etcd_url());
    flag(&mut command, "etcd-cafile", &pki.ca);
    flag(&mut command, "etcd-certfile", &pki.server.certificate);
    flag(&mut command, "etcd-keyfile", &pki.server.key);
    flag(&mut command, "bind-address", "127.0.0.1");
    flag(&mut command, "advertise-address", "127.0.0.1");
    flag(&mut command, "secure-port", ports.apiserver.to_string());
    flag(&mut command, "cert-dir", certs);
    flag(&mut command, "tls-cert-file", &pki.server.certificate);
    flag(&mut command, "tls-private-key-file", &pki.server.key);
    flag(&mut command, "client-ca-file", &pki.ca);
    flag(&mut command, "authorization-mode", "Node,RBAC");
    flag(&mut command, "service-account-issuer", ports.server());
    flag(&mut command, "service-account-key-file", &pki.token_public_key);
    flag(&mut command, "service-account-signing-key-file", &pki.token_key);
    // Tokens without an audience of their own are for the API server, under its usual name too.
    let audiences = format!("{},https://kubernetes.default.svc", ports.server());
    flag(&mut command, "api-audiences", audiences);
    flag(&mut command, "service-cluster-ip-range", crate::node::SERVICES);
    // It would publish a loopback address as endpoints of the service "kubernetes", which validation
    // refuses every ten seconds.
    flag(&mut command, "endpoint-reconciler-type", "none");
    // For what a kubelet knows, such as the logs of pods.
    flag(&mut command, "kubelet-client-certificate", &pki.server.certificate);
    flag(&mut command, "kubelet-client-key", &pki.server.key);
    // The node's name is known to nobody else.
    flag(&mut command, "kubelet-preferred-address-types", "InternalIP");
    // One client, one machine: no fair queues, no profiling.
    flag(&mut command, "enable-priority-and-fairness", "false");
    flag(&mut command, "profiling", "false");
    flag(&mut command, "v", "1");
    command
}

/// The controllers whose absence a user of the API would notice; nothing about nodes, pods or
/// volumes, unless there is a node. None when there is no such program.
pub(super) fn controller_manager(
    binaries: &Binaries,
    pki: &Pki,
    kubeconfig: &Path,
    node: bool,
) -> Option<Command> {
    let mut controllers = vec![
        "namespace-controller",
        "serviceaccount-controller",
        "serviceaccount-token-controller",
        "root-ca-certificate-publisher-controller",
        "garbage-collector-controller",
        // The cluster roles view, edit and admin are put together by it.
        "clusterrole-aggregation-controller",
        // Type errors of a policy appear in its status.
        "validatingadmissionpolicy-status-controller",
    ];
    if node {
        controllers.extend([
            "deployment-controller",
            "replicaset-controller",
            // What a new node is tainted with goes when the node is ready.
            "node-lifecycle-controller",
            "pod-garbage-collector-controller",
        ]);
    }
    let mut command = Command::new(binaries.kube_controller_manager.as_ref()?);
    flag(&mut command, "kubeconfig", kubeconfig);
    flag(&mut command, "controllers", controllers.join(","));
    // Each controller acts as an account of its own: only those have the rights they need.
    flag(&mut command, "use-service-account-credentials", "true");
    flag(&mut command, "leader-elect", "false");
    // It serves nothing that anybody asks for.
    flag(&mut command, "secure-port", "0");
    flag(&mut command, "root-ca-file", &pki.ca);
    flag(&mut command, "service-account-private-key-file", &pki.token_key);
    flag(&mut command, "kube-api-qps", "200");
    flag(&mut command, "kube-api-burst", "400");
    flag(&mut command, "concurrent-gc-syncs", "5");
    flag(&mut command, "profiling", "false");
    flag(&mut command, "v", "1");
    Some(command)
}

fn flag(command: &mut Command, name: &str, value: impl AsRef<std::ffi::OsStr>) {
    let mut argument = std::ffi::OsString::from(format!("--{name}="));
    argument.push(value);
    command.arg(argument);
}
