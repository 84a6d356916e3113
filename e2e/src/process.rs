//! A child process that never outlives us, not even when we are killed with SIGKILL.
//!
//! Linux can do this with `prctl(PR_SET_PDEATHSIG)`, but setting that up between fork and exec is
//! `unsafe`, and it exists on Linux only. So every child is on a leash instead: it starts as a small
//! POSIX shell whose standard input is a pipe from us. The shell leaves a watcher in the background
//! that reads the pipe, and then *becomes* the program (`exec`), so that the process id, the exit
//! status and the memory figures are the program's own. When we end, in whatever way, the kernel
//! closes our end of the pipe and the watcher kills the program's process group. When the program
//! ends first, we write `done`, and the watcher goes without touching a process id that may by then
//! be somebody else's.
//!
//! Each child leads a process group of its own: Ctrl-C in a terminal reaches us, not it, and we end
//! our children in order.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

const LEASH: &str = r#"
exec 3<&0
(
  read -r word <&3
  [ "$word" = done ] || kill -s KILL -- "-$$"
) >/dev/null 2>&1 &
exec "$@" </dev/null 3<&-
"#;

/// How often a process is looked at while somebody waits for it.
const LOOK: Duration = Duration::from_millis(20);

/// Why a process could not be started, signalled or waited for.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No such program, neither as a path nor on `PATH`.
    #[error("there is no program {0}")]
    NotFound(String),
    /// The log file cannot be written.
    #[error("cannot open the log file {path}: {source}")]
    Log {
        /// The log file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The system refused to start, signal or wait for it.
    #[error("cannot {verb} {program}: {source}")]
    System {
        /// What was tried: `start`, `signal`, `wait for`.
        verb: &'static str,
        /// Name of the program.
        program: String,
        /// What the system said.
        source: io::Error,
    },
}

/// A signal that [`Process::signal`] can send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// SIGTERM, to the program: the polite end, what a kubelet sends first.
    Terminate,
    /// SIGKILL, to the program and everything in its process group.
    Kill,
    /// SIGSTOP: it stands still, and its leases run out.
    Stop,
    /// SIGCONT: it goes on after [`Signal::Stop`].
    Continue,
    /// SIGINT, to the program: Ctrl-C.
    Interrupt,
}

impl Signal {
    fn name(self) -> &'static str {
        match self {
            Self::Terminate => "TERM",
            Self::Kill => "KILL",
            Self::Stop => "STOP",
            Self::Continue => "CONT",
            Self::Interrupt => "INT",
        }
    }
}

/// A running program, with its output in a log file. Killed when dropped.
#[derive(Debug)]
pub struct Process {
    name: String,
    log: PathBuf,
    child: Child,
    leash: Option<ChildStdin>,
    status: Option<ExitStatus>,
}

impl Process {
    /// Starts `command` with standard output and error appended to the file `log` (made with its
    /// folder when missing) and an empty standard input.
    ///
    /// Program, arguments, environment changes and working folder are taken from `command`; its
    /// redirections are not, nor is `env_clear`.
    ///
    /// ```no_run
    /// # use std::{path::Path, process::Command};
    /// # fn main() -> Result<(), e2e::process::Error> {
    /// let mut operator = e2e::Process::spawn(
    ///     Command::new("target/debug/bindery").arg("run").env("RUST_LOG", "info"),
    ///     Path::new("logs/bindery.log"),
    /// )?;
    /// operator.signal(e2e::Signal::Kill)?;
    /// assert!(!operator.is_running());
    /// # Ok(())
    /// # }
    /// ```
    pub fn spawn(command: &Command, log: &Path) -> Result<Self, Error> {
        let program = Path::new(command.get_program());
        let name = program
            .file_name()
            .map_or_else(|| program.display().to_string(), |name| name.display().to_string());
        // The shell would only say "not found" in the log.
        let program = find_program(program).ok_or_else(|| Error::NotFound(program.display().to_string()))?;
        let output = open_log(log).map_err(|source| Error::Log { path: log.to_path_buf(), source })?;

        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", LEASH, "sh"]).arg(program);
        shell.args(command.get_args());
        for (key, value) in command.get_envs() {
            match value {
                Some(value) => shell.env(key, value),
                None => shell.env_remove(key),
            };
        }
        if let Some(folder) = command.get_current_dir() {
            shell.current_dir(folder);
        }
        shell.stdin(Stdio::piped()).process_group(0);
        let started = output.try_clone().and_then(|copy| shell.stdout(copy).stderr(output).spawn());
        let mut child =
            started.map_err(|source| Error::System { verb: "start", program: name.clone(), source })?;
        let leash = child.stdin.take();
        Ok(Self { name, log: log.to_path_buf(), child, leash, status: None })
    }

    /// The program's process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The program's file name, for messages.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The file that holds its output.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// The last `lines` lines of its log, or an empty text when there is none.
    pub fn log_tail(&self, lines: usize) -> String {
        tail(&self.log, lines)
    }

    /// Whether it still runs. A program that ended by itself is reaped here.
    pub fn is_running(&mut self) -> bool {
        matches!(self.try_wait(), Ok(None))
    }

    /// Its exit status if it has ended, without waiting.
    pub fn try_wait(&mut self) -> Result<Option<ExitStatus>, Error> {
        if self.status.is_none() {
            let status = self.child.try_wait();
            self.status = status.map_err(|source| self.failed("wait for", source))?;
            if self.status.is_some() {
                self.unleash();
            }
        }
        Ok(self.status)
    }

    /// Waits until it has ended.
    pub async fn wait(&mut self) -> Result<ExitStatus, Error> {
        loop {
            if let Some(status) = self.try_wait()? {
                return Ok(status);
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Sends a signal. After [`Signal::Kill`] it has ended and is reaped when this returns; a
    /// program that has ended already is left alone.
    pub fn signal(&mut self, signal: Signal) -> Result<(), Error> {
        if self.try_wait()?.is_some() {
            return Ok(());
        }
        // The program leads its group; a kill takes the watcher and any grandchild with it.
        let sign = if signal == Signal::Kill { "-" } else { "" };
        let target = format!("{sign}{}", self.id());
        send(signal, &target).map_err(|source| self.failed("signal", source))?;
        if signal == Signal::Kill {
            let status = self.child.wait();
            self.status = Some(status.map_err(|source| self.failed("wait for", source))?);
            self.unleash();
        }
        Ok(())
    }

    /// Asks it to end (SIGTERM), and kills it when it still runs after `patience`.
    pub async fn stop(&mut self, patience: Duration) -> Result<ExitStatus, Error> {
        self.signal(Signal::Terminate)?;
        let deadline = Instant::now() + patience;
        while Instant::now() < deadline {
            if let Some(status) = self.try_wait()? {
                return Ok(status);
            }
            tokio::time::sleep(LOOK).await;
        }
        self.signal(Signal::Kill)?;
        self.wait().await
    }

    fn unleash(&mut self) {
        if let Some(mut leash) = self.leash.take() {
            // A watcher that went with its group cannot read it any more.
            let _ = leash.write_all(b"done\n");
        }
    }

    fn failed(&self, verb: &'static str, source: io::Error) -> Error {
        Error::System { verb, program: self.name.clone(), source }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Nobody is left to be told; the leash kills it anyway when this did not.
        let _ = self.signal(Signal::Kill);
    }
}

/// Sends a signal to a process id, or with a leading `-` to a process group. The shell's own `kill`:
/// the one in `/bin` reads negative numbers differently from system to system.
pub fn send(signal: Signal, target: &str) -> io::Result<()> {
    let output = Command::new("/bin/sh")
        .args(["-c", r#"kill -s "$1" -- "$2""#, "sh", signal.name(), target])
        .stdin(Stdio::null())
        .output()?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(io::Error::other(said.trim().to_string()))
}

/// Whether a process with this id runs; one that has ended and is only waiting to be reaped does not.
pub fn is_alive(id: u32) -> bool {
    let output =
        Command::new("ps").args(["-o", "stat=", "-p", &id.to_string()]).stdin(Stdio::null()).output();
    output.is_ok_and(|output| {
        let state = String::from_utf8_lossy(&output.stdout);
        let state = state.trim();
        !state.is_empty() && !state.starts_with('Z')
    })
}

/// The program's path: `program` itself when it names a folder, else the first match on `PATH`.
pub fn find_program(program: &Path) -> Option<PathBuf> {
    if program.components().count() > 1 {
        return program.is_file().then(|| program.to_path_buf());
    }
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|candidate| candidate.is_file())
}

/// The last `lines` lines of a text file, or an empty text when it cannot be read.
pub fn tail(path: &Path, lines: usize) -> String {
    let bytes = fs::read(path).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let all: Vec<&str> = text.lines().collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}

fn open_log(path: &Path) -> io::Result<fs::File> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    OpenOptions::new().create(true).append(true).open(path)
}
