//! Which control plane runs in the background: `<state>/control-plane.json`.
//!
//! Its holder keeps a lock on the file, which the system lets go of when the holder ends, in
//! whatever way. So "it is locked" means "it runs, and the process id in it is right": an id alone
//! may have become another process's.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::PathBuf;
use std::time::Duration;

use e2e::folders;
use serde_json::{Value, json};

/// A control plane that can be used.
#[derive(Clone, Debug)]
pub(super) struct Record {
    /// The holder's.
    pub(super) process_id: u32,
    pub(super) server: String,
    pub(super) kubeconfig: PathBuf,
    pub(super) kubectl: Option<PathBuf>,
    pub(super) logs: PathBuf,
}

/// How far it is.
#[derive(Debug)]
pub(super) enum Running {
    /// Its holder has this process id; it cannot be used yet.
    Starting(u32),
    Ready(Record),
}

/// What is said about the control plane, by the one who holds it. Others may speak when this is
/// dropped.
#[derive(Debug)]
pub(super) struct Held(File);

impl Held {
    /// Takes the record, or `None` when a control plane runs already.
    pub(super) async fn take() -> io::Result<Option<Self>> {
        let file = open()?;
        // Somebody who only looks holds it for a moment.
        for _ in 0..20 {
            match file.try_lock() {
                Ok(()) => {
                    let mut held = Self(file);
                    held.put(&json!({"processId": std::process::id()}))?;
                    return Ok(Some(held));
                }
                Err(TryLockError::WouldBlock) => tokio::time::sleep(Duration::from_millis(50)).await,
                Err(TryLockError::Error(error)) => return Err(error),
            }
        }
        Ok(None)
    }

    /// Says that it can be used.
    pub(super) fn write(&mut self, record: &Record) -> io::Result<()> {
        self.put(&json!({
            "processId": record.process_id,
            "server": record.server,
            "kubeconfig": record.kubeconfig,
            "kubectl": record.kubectl,
            "logs": record.logs,
        }))
    }

    fn put(&mut self, value: &Value) -> io::Result<()> {
        self.0.set_len(0)?;
        self.0.rewind()?;
        self.0.write_all(format!("{value:#}\n").as_bytes())
    }
}

/// The control plane that runs in the background, if one does.
pub(super) fn running() -> io::Result<Option<Running>> {
    let mut file = open()?;
    loop {
        match file.try_lock_shared() {
            // Whoever wrote it is gone.
            Ok(()) => return Ok(None),
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(error)) => return Err(error),
        }
        let mut text = String::new();
        file.rewind()?;
        file.read_to_string(&mut text)?;
        // Not JSON: it is being written this very moment.
        if let Some(running) = serde_json::from_str(&text).ok().and_then(|value| read(&value)) {
            return Ok(Some(running));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn read(value: &Value) -> Option<Running> {
    let process_id = u32::try_from(value["processId"].as_u64()?).ok()?;
    let path = |key: &str| value[key].as_str().map(PathBuf::from);
    let Some(kubeconfig) = path("kubeconfig") else {
        return Some(Running::Starting(process_id));
    };
    Some(Running::Ready(Record {
        process_id,
        server: value["server"].as_str().unwrap_or_default().to_string(),
        kubeconfig,
        kubectl: path("kubectl"),
        logs: path("logs").unwrap_or_default(),
    }))
}

fn open() -> io::Result<File> {
    let folder = folders::state()?;
    fs::create_dir_all(&folder)?;
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(folder.join("control-plane.json"))
}
