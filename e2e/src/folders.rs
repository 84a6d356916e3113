//! Where things are kept: what was built in the user's cache, what is said about running things in
//! the user's state folder, and what runs in a temporary folder that goes away with its owner.

use std::env;
use std::fs::{self, DirBuilder, File};
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// How many folders of logs are kept; older ones go when a new one is made.
const LOG_FOLDERS: usize = 20;

/// Marks a folder as in use for as long as its owner lives.
const LOCK: &str = "owner.lock";

/// `$XDG_CACHE_HOME/bindery`, else `~/.cache/bindery`.
pub fn cache() -> io::Result<PathBuf> {
    of_the_user("XDG_CACHE_HOME", ".cache")
}

/// `$XDG_STATE_HOME/bindery`, else `~/.local/state/bindery`.
pub fn state() -> io::Result<PathBuf> {
    of_the_user("XDG_STATE_HOME", ".local/state")
}

fn of_the_user(variable: &str, below_home: &str) -> io::Result<PathBuf> {
    // The XDG specification: a relative path there is invalid and is ignored.
    let named = env::var_os(variable).map(PathBuf::from).filter(|path| path.is_absolute());
    named
        .or_else(|| env::home_dir().map(|home| home.join(below_home)))
        .map(|base| base.join("bindery"))
        .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, format!("neither {variable} nor HOME is set")))
}

/// A new folder for logs, `<cache>/logs/<time>-<purpose>-<process id>`. It outlives its process: only
/// the newest twenty are kept, and those of processes that still run.
pub fn new_log_folder(purpose: &str) -> io::Result<PathBuf> {
    /// Let go of by the end of the process, whatever that is.
    static HELD: Mutex<Vec<File>> = Mutex::new(vec![]);
    let (folder, lock) = log_folder(&cache()?.join("logs"), purpose)?;
    HELD.lock().unwrap_or_else(PoisonError::into_inner).push(lock);
    Ok(folder)
}

fn log_folder(logs: &Path, purpose: &str) -> io::Result<(PathBuf, File)> {
    fs::create_dir_all(logs)?;
    let now = jiff::Zoned::now().strftime("%Y%m%d-%H%M%S").to_string();
    let made = owned_folder(logs, &format!("{now}-{purpose}-{}", unique()))?;

    // The names begin with the time; one that begins with a dot is being made.
    let mut all: Vec<PathBuf> = fs::read_dir(logs)?.filter_map(|entry| Some(entry.ok()?.path())).collect();
    all.retain(|path| path.file_name().is_some_and(|name| !name.as_encoded_bytes().starts_with(b".")));
    all.sort();
    for old in &all[..all.len().saturating_sub(LOG_FOLDERS)] {
        if !File::open(old.join(LOCK)).is_ok_and(|lock| lock.try_lock().is_err()) {
            // Another process may be clearing up at the same time.
            let _ = fs::remove_dir_all(old);
        }
    }
    Ok(made)
}

/// Makes a folder that only this user can read, and takes its lock, which the system lets go of with
/// the process.
fn owned_folder(base: &Path, name: &str) -> io::Result<(PathBuf, File)> {
    let path = base.join(name);
    // It gets its name when the lock is held: nobody takes it for an orphan before that.
    let unnamed = base.join(format!(".{name}"));
    DirBuilder::new().mode(0o700).create(&unnamed)?;
    let lock = File::create(unnamed.join(LOCK))?;
    lock.lock()?;
    fs::rename(&unnamed, &path)?;
    Ok((path, lock))
}

/// A folder that only this user can read, removed when dropped.
///
/// An owner that was killed cannot remove its folder. So each holds a lock on a file in it, and making a
/// new one removes those that nobody holds.
#[derive(Debug)]
pub struct TemporaryFolder {
    path: PathBuf,
    _lock: File,
}

impl TemporaryFolder {
    /// Makes `<temporary folder of the system>/<prefix>-<unique>`.
    pub fn new(prefix: &str) -> io::Result<Self> {
        let base = env::temp_dir();
        remove_orphans(&base, prefix);
        let (path, lock) = owned_folder(&base, &format!("{prefix}-{}", unique()))?;
        Ok(Self { path, _lock: lock })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for TemporaryFolder {
    fn drop(&mut self) {
        // What cannot be removed now goes when the next one is made.
        let _ = fs::remove_dir_all(&self.path);
    }
}

fn remove_orphans(base: &Path, prefix: &str) {
    let Ok(entries) = fs::read_dir(base) else {
        return;
    };
    for folder in entries.filter_map(|entry| Some(entry.ok()?.path())) {
        let ours =
            folder.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with(prefix));
        if ours
            && let Ok(lock) = File::open(folder.join(LOCK))
            && lock.try_lock().is_ok()
        {
            let _ = fs::remove_dir_all(&folder);
        }
    }
}

fn unique() -> String {
    let random = RandomState::new().hash_one(std::time::Instant::now());
    format!("{}-{:06x}", std::process::id(), random & 0x00ff_ffff)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn folders_of_the_living_stay_and_those_of_the_dead_go() {
        let prefix = format!("bindery-folders-test-{}", unique());
        let living = TemporaryFolder::new(&prefix).unwrap();
        let dead = env::temp_dir().join(format!("{prefix}-dead"));
        fs::create_dir(&dead).unwrap();
        File::create(dead.join(LOCK)).unwrap();

        let another = TemporaryFolder::new(&prefix).unwrap();

        assert!(living.path().is_dir());
        assert!(another.path().is_dir());
        assert!(!dead.exists());
        let gone = another.path().to_path_buf();
        drop(another);
        assert!(!gone.exists());
    }
    #[test]
    fn logs_of_the_living_stay_however_old_and_of_the_dead_the_newest() {
        let folder = TemporaryFolder::new("bindery-logs-test").unwrap();
        let logs = folder.path().join("logs");
        let (living, lock) = log_folder(&logs, "living").unwrap();
        let names = |logs: &Path| -> Vec<String> {
            let all = fs::read_dir(logs).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap());
            let mut all: Vec<String> = all.collect();
            all.sort();
            all
        };
        // All of them newer; the even ones were owned once, the odd ones never.
        for n in 0..30 {
            let dead = logs.join(format!("9999{n:02}"));
            fs::create_dir(&dead).unwrap();
            if n % 2 == 0 {
                File::create(dead.join(LOCK)).unwrap();
            }
        }

        let (another, _lock) = log_folder(&logs, "another").unwrap();

        assert!(living.is_dir() && another.is_dir());
        let newest: Vec<String> = (10..30).map(|n| format!("9999{n}")).collect();
        assert_eq!(names(&logs)[2..], newest);
        // The owner ends: at the next occasion its folder goes as well.
        drop(lock);
        let _third = log_folder(&logs, "third").unwrap();
        assert!(!living.exists() && another.is_dir());
    }
}
