//! What of a node outlives its processes: containers and the programs that mind them, mounts, cgroups, the bridge, settings
//! of the kernel. All of it is found from the folder, so that it can be cleared up after a node whose owner was killed.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

use crate::process::{Signal, send};

/// What kubelet and the CNI plugins change of the kernel.
const SETTINGS: [&str; 7] = [
    "vm/overcommit_memory",
    "vm/panic_on_oom",
    "kernel/panic",
    "kernel/panic_on_oops",
    "kernel/keys/root_maxkeys",
    "kernel/keys/root_maxbytes",
    "net/ipv4/ip_forward",
];

/// Clears up after a node whose owner is gone; whether there was anything. Leaves the node of a living owner alone.
///
/// # Errors
/// When the system refuses to end, unmount or remove something.
pub fn clear() -> io::Result<bool> {
    if !Path::new(super::FOLDER).exists() {
        return Ok(false);
    }
    let lock = super::open_lock()?;
    if lock.try_lock().is_err() {
        return Ok(false);
    }
    super::clear_folder()?;
    Ok(true)
}

/// Keeps the settings of the kernel, to put them back.
pub(super) fn remember_settings(folder: &Path) -> io::Result<()> {
    for setting in SETTINGS {
        if let Ok(value) = fs::read(Path::new("/proc/sys").join(setting)) {
            fs::write(folder.join(kept(setting)), value)?;
        }
    }
    Ok(())
}

fn kept(setting: &str) -> String {
    format!("setting-{}", setting.replace('/', "."))
}

pub(super) fn clear_unlocked(folder: &Path, bridge: &str) -> io::Result<()> {
    if !folder.exists() {
        return Ok(());
    }
    let containers = containers(folder);
    // A shim that ended would be the containers' parent no more, but they would go on: so both are ended.
    let mut left = vec![];
    for _ in 0..100 {
        left = processes(folder, &containers);
        if left.is_empty() {
            break;
        }
        for process in &left {
            // It may have ended in between.
            let _ = send(Signal::Kill, &process.to_string());
        }
        thread::sleep(Duration::from_millis(50));
    }
    if !left.is_empty() {
        return Err(io::Error::other(format!("processes {left:?} do not end")));
    }
    for mount in mounts(folder)?.iter().rev() {
        let output = Command::new("umount").arg("--lazy").arg(mount).output()?;
        if !output.status.success() {
            return Err(io::Error::other(String::from_utf8_lossy(&output.stderr).trim().to_string()));
        }
    }
    for container in &containers {
        remove_cgroups(container);
    }
    // The ends of the pods' cables that are here went with the networks of the pods.
    if Path::new("/sys/class/net").join(bridge).exists() {
        let output = Command::new("ip").args(["link", "delete", bridge]).output()?;
        if !output.status.success() {
            return Err(io::Error::other(String::from_utf8_lossy(&output.stderr).trim().to_string()));
        }
    }
    for setting in SETTINGS {
        let (now, before) = (Path::new("/proc/sys").join(setting), folder.join(kept(setting)));
        if let Ok(before) = fs::read(before)
            && fs::read(&now).is_ok_and(|value| value != before)
        {
            fs::write(now, before)?;
        }
    }
    // Last: while it is there, there is something to clear up.
    fs::remove_dir_all(folder)
}

/// The ids of all containers that containerd had, running or not.
fn containers(folder: &Path) -> BTreeSet<String> {
    let tasks = folder.join("containerd-state/io.containerd.runtime.v2.task/k8s.io");
    let entries = fs::read_dir(tasks).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().into_string().ok()).collect()
}

/// What runs in one of these containers, and the node's own programs: each of them has a path of the folder as an argument,
/// a shim that of containerd's socket. A person who reads a log there is left alone.
fn processes(folder: &Path, containers: &BTreeSet<String>) -> Vec<u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let all = entries.filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path())));
    let ours = all.filter(|(id, path)| {
        let arguments = fs::read(path.join("cmdline")).unwrap_or_default();
        let cgroups = fs::read_to_string(path.join("cgroup")).unwrap_or_default();
        *id != std::process::id()
            && is_alive(path)
            && (is_of_the_node(folder, &String::from_utf8_lossy(&arguments))
                || is_within(containers, &cgroups))
    });
    ours.map(|(id, _)| id).collect()
}

/// By what `/proc/<id>/cmdline` says: arguments with a zero byte after each.
fn is_of_the_node(folder: &Path, arguments: &str) -> bool {
    let mut arguments = arguments.split('\0');
    let program = arguments.next().and_then(|program| program.rsplit('/').next()).unwrap_or_default();
    let folder = format!("{}/", folder.display());
    let value = |argument: &str| argument.rsplit('=').next().is_some_and(|path| path.starts_with(&folder));
    ["containerd", "containerd-shim-runc-v2", "kubelet"].contains(&program) && arguments.any(value)
}

/// By what `/proc/<id>/cgroup` says: the last part of a container's cgroup is the container's id.
fn is_within(containers: &BTreeSet<String>, cgroups: &str) -> bool {
    cgroups.lines().any(|line| containers.contains(line.rsplit('/').next().unwrap_or_default()))
}

/// Whether it has not ended: one that nobody has asked about stays in the list.
fn is_alive(process: &Path) -> bool {
    let stat = fs::read_to_string(process.join("stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with('Z'))
}

/// Below the folder, outer ones first.
fn mounts(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let all = fs::read_to_string("/proc/self/mountinfo")?;
    let places = all.lines().filter_map(|line| Some(PathBuf::from(line.split(' ').nth(4)?)));
    Ok(places.filter(|place| place.starts_with(folder)).collect())
}

/// With cgroup v1 there is one for each controller, with v2 one.
fn remove_cgroups(container: &str) {
    let top = Path::new("/sys/fs/cgroup");
    let controllers = fs::read_dir(top).into_iter().flatten().flatten().map(|entry| entry.path());
    for controller in controllers.chain([top.to_path_buf()]) {
        let own = controller.join("k8s.io").join(container);
        if own.is_dir() {
            // One that is still used stays, and costs nothing.
            let _ = fs::remove_dir(&own);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_nodes_own_programs_and_containers_are_ended() {
        let folder = Path::new("/var/tmp/bindery-node");
        let is = |arguments: &[&str]| is_of_the_node(folder, &format!("{}\0", arguments.join("\0")));
        let socket = "/var/tmp/bindery-node/containerd.sock";
        assert!(is(&["/usr/bin/containerd-shim-runc-v2", "-id", "a", "-address", socket]));
        assert!(is(&["kubelet", "--root-dir=/var/tmp/bindery-node/kubelet"]));
        // The machine's own containerd has shims, too; and a person may look into the folder.
        assert!(!is(&["/usr/bin/containerd-shim-runc-v2", "-address", "/run/containerd/containerd.sock"]));
        assert!(!is(&["containerd", "--config", "/var/tmp/bindery-node-2/containerd.toml"]));
        assert!(!is(&["less", "/var/tmp/bindery-node/kubelet.yaml"]));

        let containers = BTreeSet::from(["0a1b".to_string()]);
        assert!(is_within(&containers, "7:pids:/\n6:memory:/k8s.io/0a1b\n"));
        assert!(!is_within(&containers, "7:pids:/\n6:memory:/k8s.io/0a1b2c\n0::/\n"));
        assert!(!is_within(&BTreeSet::new(), "0::/\n"));
    }
}
