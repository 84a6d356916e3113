//! Where things are kept: what was built in the user's cache, what is said about running things in
//! the user's state folder, and what runs in a temporary folder that goes away with its owner.

use std::env;
use std::fs::{self, DirBuilder, File};
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// How many folders of logs are kept; older ones go when a new one is made.
const LOG_FOLDERS: usize = 20;

/// Marks a temporary folder as in use for as long as its owner lives.
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

/// A new folder for logs, `<cache>/logs/<time>-<purpose>-<process id>`. It stays; only the newest
/// twenty are kept.
pub fn new_log_folder(purpose: &str) -> io::Result<PathBuf> {
    let logs = cache()?.join("logs");
    let now = jiff::Zoned::now().strftime("%Y%m%d-%H%M%S").to_string();
    let folder = logs.join(format!("{now}-{purpose}-{}", unique()));
    fs::create_dir_all(&folder)?;

    let mut all: Vec<PathBuf> = fs::read_dir(&logs)?.filter_map(|entry| Some(entry.ok()?.path())).collect();
    // The names begin with the time.
    all.sort();
    for old in &all[..all.len().saturating_sub(LOG_FOLDERS)] {
        // Another process may be clearing up at the same time.
        let _ = fs::remove_dir_all(old);
    }
    Ok(folder)
}

/// A folder that only this user can read, removed when dropped.
///
/// An owner that was killed cannot remove its folder. So each holds a lock on a file in it, which
/// the system lets go of with the process, and making a new one removes those that nobody holds.
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
        let name = format!("{prefix}-{}", unique());
        let path = base.join(&name);
        // It gets its name when the lock is held: nobody takes it for an orphan before that.
        let unnamed = base.join(format!(".{name}"));
        DirBuilder::new().mode(0o700).create(&unnamed)?;
        let lock = File::create(unnamed.join(LOCK))?;
        lock.lock()?;
        fs::rename(&unnamed, &path)?;
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
}
