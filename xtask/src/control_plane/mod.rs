//! `cargo xtask control-plane up|down`.
//!
//! `up` leaves a *holder* behind: this program again, with `--foreground`, detached. The holder owns
//! the control plane and is recorded ([`record`]); `down` asks it to end. However the holder ends,
//! its control plane ends with it, so there is one process to find and not four.

mod record;

use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{self, Stdio};
use std::time::{Duration, Instant};

use e2e::process::{send, tail};
use e2e::{ControlPlane, Options, Progress, Signal, folders, node, tools};
use tokio::signal::unix::{SignalKind, signal};

use self::record::{Record, Running};
use crate::Outcome;

/// How long a holder may take to have its control plane ready.
const START: Duration = Duration::from_secs(180);
/// How long a holder may take to end before it is killed.
const END: Duration = Duration::from_secs(15);
const LOOK: Duration = Duration::from_millis(100);

/// Which cluster to use. For every command that needs one.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct ClusterArguments {
    /// Use the cluster of this kubeconfig instead of bringing up a control plane
    #[arg(long, value_name = "PATH")]
    pub kubeconfig: Option<PathBuf>,
    /// Use the cluster of this context, of --kubeconfig or else of your own kubeconfig
    #[arg(long, value_name = "NAME")]
    pub context: Option<String>,
}

impl ClusterArguments {
    /// As options for [`ControlPlane::start`].
    pub fn options(&self) -> Options {
        Options { kubeconfig: self.kubeconfig.clone(), context: self.context.clone(), ..Options::default() }
    }

    /// As arguments for another command of this program.
    pub fn as_arguments(&self) -> std::io::Result<Vec<String>> {
        let mut arguments = vec![];
        if let Some(path) = &self.kubeconfig {
            arguments.extend(["--kubeconfig".to_string(), std::path::absolute(path)?.display().to_string()]);
        }
        if let Some(context) = &self.context {
            arguments.extend(["--context".to_string(), context.clone()]);
        }
        Ok(arguments)
    }
}

/// What to do with the control plane of this user.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Bring it up and leave it running; says so when it runs already
    ///
    /// Uses the binaries in KUBEBUILDER_ASSETS if that is set; else the newest in setup-envtest's store; else
    /// builds them once from Go modules into the user's cache.
    Up {
        #[command(flatten)]
        cluster: ClusterArguments,
        /// Stay attached, and end it with Ctrl-C
        #[arg(long)]
        foreground: bool,
        /// Add a real node, so that pods run; needs root, containerd, runc and the CNI plugins
        #[arg(long, conflicts_with_all = ["kubeconfig", "context"])]
        node: bool,
    },
    /// End it
    Down,
}

/// Runs `cargo xtask control-plane`.
pub async fn run(command: Command) -> Outcome {
    if let Command::Up { node: true, .. } = command
        && let Some(why) = node::impossible()
    {
        return Err(node::Error::NotPossible(why).into());
    }
    match command {
        Command::Up { cluster, .. } if cluster.options().names_a_cluster() => look_at(&cluster).await,
        Command::Up { foreground: true, node, .. } => hold(node).await,
        Command::Up { node, .. } => up(node).await,
        Command::Down => down().await,
    }
}

/// A cluster that was named needs nobody to bring it up: only say whether it can be used.
async fn look_at(cluster: &ClusterArguments) -> Outcome {
    let control_plane = ControlPlane::start(cluster.options()).await?;
    println!("{} answers; there is nothing to bring up", control_plane.server());
    Ok(())
}

async fn up(node: bool) -> Outcome {
    if let Some(running) = record::running()? {
        println!("a control plane runs already");
        tell(&ready(running, None).await?);
        return Ok(());
    }
    // Here rather than in the holder, so that progress and errors are seen.
    tools::control_plane(&Progress::stderr()).await?;
    if node {
        tools::node(&Progress::stderr()).await?;
    }
    let log = folders::state()?.join("control-plane.log");
    if let Some(folder) = log.parent() {
        fs::create_dir_all(folder)?;
    }
    let output = File::create(&log)?;
    let mut holder = process::Command::new(std::env::current_exe()?)
        .args(["control-plane", "up", "--foreground"])
        .args(node.then_some("--node"))
        .stdin(Stdio::null())
        .stdout(output.try_clone()?)
        .stderr(output)
        // Ctrl-C in this terminal is not meant for it.
        .process_group(0)
        .spawn()?;
    let begun = Instant::now();
    loop {
        if let Some(running) = record::running()? {
            let record = ready(running, Some(&mut holder)).await?;
            println!("a control plane is up ({:.1} s)", begun.elapsed().as_secs_f32());
            tell(&record);
            return Ok(());
        }
        ended_early(&mut holder)?;
        tokio::time::sleep(LOOK).await;
    }
}

/// Waits until the holder has recorded a control plane that can be used.
async fn ready(
    mut running: Running,
    mut holder: Option<&mut process::Child>,
) -> Result<Record, Box<dyn std::error::Error>> {
    let deadline = Instant::now() + START;
    loop {
        if let Running::Ready(record) = running {
            return Ok(record);
        }
        if let Some(holder) = holder.as_deref_mut() {
            ended_early(holder)?;
        }
        if Instant::now() > deadline {
            return Err(format!("it is not ready after {} s", START.as_secs()).into());
        }
        tokio::time::sleep(LOOK).await;
        running = record::running()?.ok_or("it ended while it was starting")?;
    }
}

fn ended_early(holder: &mut process::Child) -> Outcome {
    match holder.try_wait()? {
        Some(_) => Err(tail(&folders::state()?.join("control-plane.log"), 40).into()),
        None => Ok(()),
    }
}

fn tell(record: &Record) {
    println!("  server      {}", record.server);
    println!("  logs        {}", record.logs.display());
    println!("  kubeconfig  {}", record.kubeconfig.display());
    println!();
    println!("  export KUBECONFIG={}", record.kubeconfig.display());
    if let Some(kubectl) = &record.kubectl {
        println!("  {} get namespaces", kubectl.display());
    }
    println!();
    println!("end it with: cargo xtask control-plane down");
}

/// Owns the control plane until somebody asks for its end, or a component ends.
async fn hold(node: bool) -> Outcome {
    let Some(mut held) = record::Held::take().await? else {
        println!("a control plane runs already");
        if let Some(running) = record::running()? {
            tell(&ready(running, None).await?);
        }
        return Ok(());
    };
    let mut control_plane = ControlPlane::start(Options { node, ..Options::default() }).await?;
    let record = Record {
        process_id: process::id(),
        server: control_plane.server(),
        kubeconfig: control_plane.kubeconfig_path().to_path_buf(),
        kubectl: control_plane.kubectl().map(PathBuf::from),
        logs: control_plane.logs().map(PathBuf::from).unwrap_or_default(),
    };
    held.write(&record)?;
    println!("a control plane is up; Ctrl-C ends it");
    tell(&record);

    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    let mut every = tokio::time::interval(Duration::from_secs(1));
    loop {
        tokio::select! {
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            // The terminal is gone; a control plane in the background has no need of it.
            _ = hang_up.recv() => {}
            _ = every.tick() => control_plane.check()?,
        }
    }
    control_plane.stop();
    println!("it has ended");
    Ok(())
}

async fn down() -> Outcome {
    let process_id = match record::running()? {
        None => {
            println!("no control plane runs");
            clear_up()?;
            return Ok(());
        }
        Some(Running::Starting(process_id)) => process_id,
        Some(Running::Ready(record)) => record.process_id,
    };
    // It holds the record's lock, so this id is its own and nobody else's.
    send(Signal::Terminate, &process_id.to_string())?;
    let deadline = Instant::now() + END;
    let mut killed = false;
    while record::running()?.is_some() {
        if Instant::now() > deadline && !killed {
            killed = true;
            // Its control plane ends all the same: see e2e::process.
            send(Signal::Kill, &process_id.to_string())?;
        }
        tokio::time::sleep(LOOK).await;
    }
    println!("the control plane has ended");
    clear_up()
}

/// What a node left whose holder was killed. One that ends by itself clears up itself.
fn clear_up() -> Outcome {
    if node::clear()? {
        println!("what a node had left behind is cleared up");
    }
    Ok(())
}
