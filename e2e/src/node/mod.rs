//! A real node for a control plane of ours: containerd, runc and the CNI plugins of the machine, kubelet and kube-scheduler
//! from Go modules. Pods run, in containers of this machine's kernel.
//!
//! A machine has at most one, which needs root. Everything that is written is below [`FOLDER`], and everything that would
//! outlive a process (containers, mounts, the bridge) can be found from there: see [`remains`].

mod files;
mod remains;

use std::fs::{self, File, TryLockError};
use std::io;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1 as core;
use kube::{Api, Client};

use crate::cable::Cable;
use crate::image::{Image, ImageFile};
use crate::process::{self, Process};
use crate::progress::Progress;
use crate::tools;

pub use remains::clear;

/// Everything of the node. Always the same, so that what a killed owner left is found.
pub const FOLDER: &str = "/var/tmp/bindery-node";
/// The node's name.
pub const NAME: &str = "bindery";
/// The machine's own address on the bridge, which is the node's: pods reach servers of the tests there. Of the range for
/// benchmarks (RFC 2544), which no network uses.
pub const ADDRESS: Ipv4Addr = Ipv4Addr::new(198, 18, 88, 1);
/// Services have addresses of this range; the first is the API server's.
pub(crate) const SERVICES: &str = "198.18.87.0/24";
/// The service `kubernetes`: without a kube-proxy the machine itself has the address.
pub(crate) const API_SERVICE: Ipv4Addr = Ipv4Addr::new(198, 18, 87, 1);
const BRIDGE: &str = "bindery0";
const PAUSE: &str = "localhost/pause:1";
/// What Debian's package containernetworking-plugins brings.
const PLUGINS: &str = "/usr/lib/cni";
const PATIENCE: Duration = Duration::from_secs(90);
const LOOK: Duration = Duration::from_millis(100);

/// Why there is no node.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// This machine cannot have one.
    #[error("a node is not possible here: {0}")]
    NotPossible(String),
    /// Its programs are not to be had.
    #[error(transparent)]
    Tools(#[from] tools::Error),
    /// One of them could not be started.
    #[error(transparent)]
    Process(#[from] process::Error),
    /// One of them ended, or was not ready in time.
    #[error("{0}")]
    NotReady(String),
    /// The system refused something.
    #[error("{doing}: {source}")]
    Io {
        /// What was tried.
        doing: String,
        /// What the system said.
        source: io::Error,
    },
}

fn io(doing: impl Into<String>) -> impl FnOnce(io::Error) -> Error {
    let doing = doing.into();
    move |source| Error::Io { doing, source }
}

/// What a node is given of its control plane.
pub(crate) struct Joining<'a> {
    pub(crate) kubelet: &'a Path,
    pub(crate) scheduler: &'a Path,
    pub(crate) ca: &'a Path,
    pub(crate) port: u16,
    pub(crate) logs: &'a Path,
}

/// A node that is ready. Its containers, mounts and addresses go when this is dropped.
#[derive(Debug)]
pub struct Node {
    // In this order: what remains is cleared when the processes have ended.
    _cable: Cable,
    kubelet: Process,
    scheduler: Process,
    containerd: Process,
    _remains: Remains,
}

/// Clears up when dropped, and lets others have a node then.
#[derive(Debug)]
struct Remains(#[expect(dead_code, reason = "it is locked")] File);

impl Drop for Remains {
    fn drop(&mut self) {
        if let Err(why) = clear_folder() {
            eprintln!("the node left something behind, which the next `control-plane down` clears up: {why}");
        }
    }
}

fn clear_folder() -> io::Result<()> {
    remains::clear_unlocked(Path::new(FOLDER), BRIDGE)
}

/// Why this machine cannot have a node, if it cannot.
pub fn impossible() -> Option<String> {
    if !cfg!(target_os = "linux") {
        return Some("containers need Linux".into());
    }
    let id = Command::new("id").arg("-u").output().ok()?;
    if String::from_utf8_lossy(&id.stdout).trim() != "0" {
        return Some("it needs root".into());
    }
    let cgroups = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    if !cgroups.lines().any(|line| line.contains(" - cgroup")) {
        return Some("there are no cgroups".into());
    }
    let missing: Vec<&str> = ["containerd", "ctr", "runc", "ip", "mount"]
        .into_iter()
        .filter(|program| process::find_program(Path::new(program)).is_none())
        .collect();
    if !missing.is_empty() {
        return Some(format!(
            "there is no {} (Debian: apt-get install containerd runc containernetworking-plugins iproute2)",
            missing.join(" and no ")
        ));
    }
    if !Path::new(PLUGINS).join("bridge").is_file() {
        return Some(format!("there are no CNI plugins in {PLUGINS} (Debian: containernetworking-plugins)"));
    }
    None
}

impl Node {
    /// Starts a node, and returns when it is ready. Waits while another process has one.
    pub(crate) async fn start(
        joining: &Joining<'_>,
        client: &Client,
        progress: &Progress,
    ) -> Result<Self, Error> {
        let programs = tools::node(progress).await?;
        let lock = lock(progress).await?;
        // Of an owner that was killed.
        clear_folder().map_err(io("clear up what an earlier node left"))?;
        // From here on, whatever goes wrong, this clears up.
        let remains = Remains(lock);
        let folder = Path::new(FOLDER);
        files::write(folder, joining.ca).map_err(io(format!("write into {FOLDER}")))?;
        remains::remember_settings(folder).map_err(io("read the kernel's settings"))?;
        run("ip", &["link", "add", BRIDGE, "type", "bridge"])?;
        for address in [format!("{ADDRESS}/24"), format!("{API_SERVICE}/32")] {
            run("ip", &["address", "add", &address, "dev", BRIDGE])?;
        }
        run("ip", &["link", "set", BRIDGE, "up"])?;
        // In a pod the API server is at the address and the port of its service.
        let cable = Cable::from((API_SERVICE, 443).into(), joining.port)
            .await
            .map_err(io(format!("listen on {API_SERVICE}:443")))?;

        let log = |name: &str| joining.logs.join(format!("{name}.log"));
        let mut command = Command::new("containerd");
        command.arg("--config").arg(folder.join("containerd.toml"));
        let mut containerd = Process::spawn(&command, &log("containerd"))?;
        let begun = Instant::now();
        while !containerd_answers() {
            waiting("containerd", &mut containerd, begun)?;
            tokio::time::sleep(LOOK).await;
        }
        import(&pause(folder)?)?;

        let mut command = Command::new(&programs.kube_scheduler);
        command.arg(flag("kubeconfig", joining.scheduler)).args([
            "--leader-elect=false",
            "--secure-port=0",
            "--v=1",
        ]);
        let scheduler = Process::spawn(&command, &log("kube-scheduler"))?;
        let mut command = Command::new(&programs.kubelet);
        command
            .arg(flag("kubeconfig", joining.kubelet))
            .arg(flag("config", &folder.join("kubelet.yaml")))
            .arg(flag("root-dir", &folder.join("kubelet")))
            .arg(flag("cert-dir", &folder.join("certificates")))
            .args([format!("--node-ip={ADDRESS}"), format!("--hostname-override={NAME}"), "--v=1".into()]);
        let mut kubelet = Process::spawn(&command, &log("kubelet"))?;
        let begun = Instant::now();
        while !is_ready(client).await {
            waiting("the node", &mut kubelet, begun)?;
            waiting("the node", &mut containerd, begun)?;
            tokio::time::sleep(LOOK).await;
        }
        Ok(Self { _cable: cable, kubelet, scheduler, containerd, _remains: remains })
    }

    /// An error if one of its programs has ended.
    pub(crate) fn check(&mut self) -> Result<(), Error> {
        for process in [&mut self.kubelet, &mut self.scheduler, &mut self.containerd] {
            ended(process)?;
        }
        Ok(())
    }

    pub(crate) fn process_ids(&self) -> Vec<u32> {
        [&self.kubelet, &self.scheduler, &self.containerd].map(Process::id).into()
    }
}

/// Gives the node an image, from an OCI archive.
///
/// # Errors
/// What containerd says against it.
pub fn import(archive: &Path) -> Result<(), Error> {
    ctr(&["images", "import", "--snapshotter", "native", &archive.display().to_string()]).map(drop)
}

/// SIGKILL for the first process of a container, as the kernel does where memory is short.
///
/// # Errors
/// What containerd says against it.
pub fn kill_container(id: &str) -> Result<(), Error> {
    ctr(&["tasks", "kill", "--signal", "SIGKILL", id.trim_start_matches("containerd://")]).map(drop)
}

fn ctr(arguments: &[&str]) -> Result<String, Error> {
    let socket = format!("{FOLDER}/containerd.sock");
    run("ctr", &[&["--address", &socket, "--namespace", "k8s.io"], arguments].concat())
}

fn containerd_answers() -> bool {
    Path::new(FOLDER).join("containerd.sock").exists() && ctr(&["version"]).is_ok()
}

/// One node on a machine: the lock is beside the folder, which is removed.
fn open_lock() -> io::Result<File> {
    File::options().create(true).truncate(false).write(true).open(format!("{FOLDER}.lock"))
}

async fn lock(progress: &Progress) -> Result<File, Error> {
    let file = open_lock().map_err(io("open the node's lock"))?;
    let mut told = false;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(source)) => return Err(io("lock the node")(source)),
        }
        if !told {
            told = true;
            progress.say("another process has the machine's node; waiting for its end");
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// The image of the container that holds a pod's network: a program that does nothing, without a library.
fn pause(folder: &Path) -> Result<PathBuf, Error> {
    let (source, program, archive) =
        (folder.join("pause.rs"), folder.join("pause"), folder.join("pause.tar"));
    let write =
        |path: &Path, bytes: &[u8]| fs::write(path, bytes).map_err(io(format!("write {}", path.display())));
    write(&source, b"fn main() { loop { std::thread::park(); } }\n")?;
    let target = format!("{}-unknown-linux-musl", std::env::consts::ARCH);
    // Where Rust is not from rustup, the target may be there all the same.
    let _ = run("rustup", &["target", "add", &target]);
    let path = |path: &Path| path.display().to_string();
    run("rustc", &["--target", &target, "-o", &path(&program), &path(&source)])?;
    let image = Image {
        name: PAUSE.into(),
        architecture: if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" },
        config: serde_json::json!({"Entrypoint": ["/pause"]}),
        files: vec![ImageFile {
            path: "/pause",
            executable: true,
            bytes: fs::read(&program).map_err(io("read the pause program"))?,
        }],
    };
    write(&archive, &image.archive().map_err(io("assemble the pause image"))?)?;
    Ok(archive)
}

async fn is_ready(client: &Client) -> bool {
    let Ok(node) = Api::<core::Node>::all(client.clone()).get(NAME).await else { return false };
    let ready = node.status.and_then(|status| status.conditions).unwrap_or_default();
    let tainted = node.spec.and_then(|spec| spec.taints).is_some_and(|taints| !taints.is_empty());
    !tainted && ready.iter().any(|condition| condition.type_ == "Ready" && condition.status == "True")
}

fn ended(process: &mut Process) -> Result<(), Error> {
    match process.try_wait()? {
        Some(status) => {
            Err(Error::NotReady(format!("{} ended ({status}):\n{}", process.name(), process.log_tail(15))))
        }
        None => Ok(()),
    }
}

fn waiting(what: &str, process: &mut Process, begun: Instant) -> Result<(), Error> {
    ended(process)?;
    if begun.elapsed() < PATIENCE {
        return Ok(());
    }
    let seconds = PATIENCE.as_secs();
    Err(Error::NotReady(format!("waited {seconds} s for {what}:\n{}", process.log_tail(15))))
}

fn flag(name: &str, path: &Path) -> String {
    format!("--{name}={}", path.display())
}

/// Runs a program to its end; what it prints.
fn run(program: &str, arguments: &[&str]) -> Result<String, Error> {
    let doing = || format!("{program} {}", arguments.join(" "));
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output().map_err(io(doing()))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().to_string();
    Err(Error::Io { doing: doing(), source: io::Error::other(said) })
}
