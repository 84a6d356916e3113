//! What the programs of a node read. Whatever they would write elsewhere on the machine by default is led into the folder.

use std::fs;
use std::io;
use std::path::Path;

use serde_json::json;

use super::{ADDRESS, BRIDGE, PAUSE, PLUGINS};

/// Writes all of it.
pub(super) fn write(folder: &Path, ca: &Path) -> io::Result<()> {
    fs::create_dir_all(folder.join("cni"))?;
    let path = |name: &str| folder.join(name).display().to_string();
    let containerd = format!(
        r#"version = 2
root = "{root}"
state = "{state}"
[grpc]
  address = "{socket}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{PAUSE}"
  restrict_oom_score_adj = true
  # The mounts of the pods' networks are then below the folder, too.
  netns_mounts_under_state_dir = true
  [plugins."io.containerd.grpc.v1.cri".containerd]
    # It copies: overlayfs is not to be had on every file system.
    snapshotter = "native"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "{PLUGINS}"
    conf_dir = "{cni}"
[plugins."io.containerd.internal.v1.opt"]
  path = "{opt}"
"#,
        root = path("containerd"),
        state = path("containerd-state"),
        socket = path("containerd.sock"),
        cni = path("cni"),
        opt = path("opt"),
    );
    fs::write(folder.join("containerd.toml"), containerd)?;
    let [a, b, c, _] = ADDRESS.octets();
    let network = json!({"cniVersion": "1.0.0", "name": "bindery", "plugins": [{
        "type": "bridge", "bridge": BRIDGE, "ipMasq": false,
        "ipam": {
            "type": "host-local", "dataDir": path("addresses"),
            "ranges": [[{"subnet": format!("{a}.{b}.{c}.0/24"), "gateway": ADDRESS}]],
            "routes": [{"dst": "0.0.0.0/0"}],
        },
    }]});
    fs::write(folder.join("cni/10-bindery.conflist"), network.to_string())?;
    let kubelet = json!({
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        // Only the control plane's own certificates get in.
        "authentication": {
            "anonymous": {"enabled": false}, "webhook": {"enabled": false}, "x509": {"clientCAFile": ca},
        },
        "authorization": {"mode": "AlwaysAllow"},
        "address": ADDRESS,
        "healthzPort": 0,
        "failSwapOn": false,
        "failCgroupV1": false,
        "cgroupDriver": "cgroupfs",
        // So that no cgroups are made at the machine's top, besides containerd's own.
        "cgroupsPerQOS": false,
        "enforceNodeAllocatable": [],
        "containerRuntimeEndpoint": format!("unix://{}", path("containerd.sock")),
        "podLogsDir": path("pod-logs"),
        "volumePluginDir": path("volume-plugins"),
        "evictionHard": {"nodefs.available": "1%", "imagefs.available": "1%", "memory.available": "50Mi"},
        "imageGCHighThresholdPercent": 100,
        "resolvConf": "/etc/resolv.conf",
        "localStorageCapacityIsolation": false,
        // The machine's packet filter is not ours.
        "makeIPTablesUtilChains": false,
        "syncFrequency": "5s",
        "nodeStatusUpdateFrequency": "5s",
    });
    fs::write(folder.join("kubelet.yaml"), kubelet.to_string())
}
