//! A Python with Microsoft's clients, for the emulator's tests: made once, in the user's cache, under
//! `python/<version>-<digest of the requirements>`.
//!
//! It is made in a folder beside its place and renamed into it, so that what is there is whole. One
//! process makes it at a time; others wait for it and then find it.

use std::env;
use std::ffi::OsStr;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use e2e::{Process, Progress, folders, process};
use sha2::{Digest, Sha256};

use crate::Outcome;
use crate::test::skip;

/// Names the Python that the emulator's tests run; set already, it is a person's choice.
pub(crate) const VARIABLE: &str = "AZUREML_EMULATOR_PYTHON";

/// Names the folder of an older client for those tests.
pub(crate) const OLDER_VARIABLE: &str = "AZUREML_EMULATOR_PYTHON_OLDER";

const REQUIREMENTS: &str = include_str!("../../emulator/tests/python/requirements.txt");
/// A folder of an environment, with an older client that uses the same packages.
const OLDER: &str = "older";
const OLDER_REQUIREMENTS: &str = include_str!("../../emulator/tests/python/older.txt");
/// What the pinned packages need.
const OLDEST: (u32, u32) = (3, 11);
/// Looked for in this order: the usual one may be too old where a newer one has a name of its own.
const NAMES: [&str; 5] = ["python3", "python3.13", "python3.12", "python3.11", "python"];
/// How often a long installation says that it goes on.
const REMIND: Duration = Duration::from_secs(10);
/// Begins the name of a folder that is not finished.
const UNDER_CONSTRUCTION: &str = ".making-";

/// Why there is no such Python.
#[derive(Debug, thiserror::Error)]
enum Error {
    /// This machine has none that would do: no fault of anybody's, outside of CI.
    #[error("{0}")]
    Absent(String),
    /// pip could not install the packages.
    #[error("pip could not install the Python packages; all that it said is in {}:\n{tail}", log.display())]
    Install {
        /// What pip said.
        log: PathBuf,
        /// The last of it.
        tail: String,
    },
    /// A program could not be started.
    #[error(transparent)]
    Process(#[from] process::Error),
    /// The cache cannot be read or written.
    #[error("cannot {verb} {}: {source}", path.display())]
    Io {
        /// What was tried.
        verb: &'static str,
        /// With which file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// Runs `test` with that Python, as variables of its own environment. Where there is none it says so and does nothing, which
/// in CI is an error.
pub(crate) fn run(test: impl FnOnce(&[(&str, &OsStr)]) -> Outcome) -> Outcome {
    match environment(&Progress::stderr()) {
        Ok(Python { program, older: Some(older) }) => {
            test(&[(VARIABLE, program.as_os_str()), (OLDER_VARIABLE, older.as_os_str())])
        }
        Ok(Python { program, older: None }) => test(&[(VARIABLE, program.as_os_str())]),
        Err(Error::Absent(why)) => skip(why),
        Err(error) => Err(error.into()),
    }
}

/// The Python to test with: the one that [`VARIABLE`] names, else one of the cache, made now if it is
/// not there yet (about half a minute; `progress` hears of it).
fn environment(progress: &Progress) -> Result<Python, Error> {
    if let Some(chosen) = env::var_os(VARIABLE).filter(|chosen| !chosen.is_empty() && chosen != "required") {
        return Ok(Python { program: chosen.into(), older: None });
    }
    let (base, version) = find()?;
    let cache =
        folders::cache().map_err(failed("find the cache folder below", Path::new("$HOME")))?.join("python");
    let name = format!("{version}-{}", digest(&[REQUIREMENTS, OLDER_REQUIREMENTS].concat()));
    let place = cache.join(&name);
    // A link to a Python that was removed since is no file, and the environment is made anew.
    if program(&place).is_file() {
        return Ok(Python::of(&place));
    }
    fs::create_dir_all(&cache).map_err(failed("make", &cache))?;
    let _lock = lock(&cache.join("install.lock"), progress)?;
    remove_unfinished(&cache);
    if !program(&place).is_file() {
        make(&base, &cache, &name, progress)?;
    }
    Ok(Python::of(&place))
}

/// A Python with the clients.
struct Python {
    program: PathBuf,
    /// The folder of the older client; none when a person chose the Python.
    older: Option<PathBuf>,
}

impl Python {
    fn of(environment: &Path) -> Self {
        Self { program: program(environment), older: Some(environment.join(OLDER)) }
    }
}

fn program(environment: &Path) -> PathBuf {
    environment.join("bin/python")
}

/// A Python that is new enough, and its version.
fn find() -> Result<(PathBuf, String), Error> {
    let mut seen = vec![];
    for name in NAMES {
        let Some(path) = process::find_program(Path::new(name)) else { continue };
        let Some(version) = version(&path) else { continue };
        if version >= OLDEST {
            return Ok((path, format!("{}.{}", version.0, version.1)));
        }
        seen.push(format!("{name} is {}.{}", version.0, version.1));
    }
    let needed = format!("Python {}.{} or newer is needed", OLDEST.0, OLDEST.1);
    Err(Error::Absent(if seen.is_empty() {
        format!("{needed}, and there is none on PATH")
    } else {
        format!("{needed}; {}", seen.join(", "))
    }))
}

/// `None` when it is not a Python after all, such as a placeholder for one that could be installed.
fn version(python: &Path) -> Option<(u32, u32)> {
    let says = "import sys; print(*sys.version_info[:2])";
    let output = Command::new(python).args(["-I", "-c", says]).stderr(Stdio::null()).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let (major, minor) = text.trim().split_once(' ')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

fn digest(requirements: &str) -> String {
    let head = Sha256::digest(requirements).iter().take(6).fold(0, |head, byte| head << 8 | u64::from(*byte));
    format!("{head:012x}")
}

fn make(base: &Path, cache: &Path, name: &str, progress: &Progress) -> Result<(), Error> {
    let site = cache.join(format!("{UNDER_CONSTRUCTION}{name}"));
    let log = cache.join(format!("{name}.log"));
    // The log of an earlier failure would only confuse.
    let _ = fs::remove_file(&log);
    progress.say(format!("installing azure-ai-ml and MLflow, once, into {}", cache.join(name).display()));
    let begun = Instant::now();

    let mut venv = command(base);
    venv.args(["-m", "venv"]).arg(&site);
    if !finish(Process::spawn(&venv, &log)?, || {})? {
        // Debian and Ubuntu keep the module in a package of its own.
        let tail = process::tail(&log, 5);
        return Err(Error::Absent(format!("{} cannot make an environment: {tail}", base.display())));
    }

    let all = [REQUIREMENTS, OLDER_REQUIREMENTS].concat().lines().filter(|line| line.contains("==")).count();
    let mut said = Instant::now();
    let mut remind = || {
        if said.elapsed() >= REMIND {
            said = Instant::now();
            let found = fs::read_to_string(&log).unwrap_or_default().matches("Collecting ").count();
            progress.say(format!("installing: {found} of {all} packages, {} s", begun.elapsed().as_secs()));
        }
    };
    for (packages, target) in [(REQUIREMENTS, None), (OLDER_REQUIREMENTS, Some(site.join(OLDER)))] {
        let requirements = site.join("requirements.txt");
        fs::write(&requirements, packages).map_err(failed("write", &requirements))?;
        let mut pip = command(&program(&site));
        // Everything is pinned: nothing to be resolved, which takes pip minutes. Compiled by Python when used.
        pip.args(["-m", "pip", "install", "--no-deps", "--no-compile", "--no-input", "--progress-bar=off"]);
        pip.arg("--requirement").arg(&requirements);
        if let Some(target) = target {
            pip.arg("--target").arg(target);
        }
        if !finish(Process::spawn(&pip, &log)?, &mut remind)? {
            return Err(Error::Install { tail: process::tail(&log, 8), log });
        }
    }

    let place = cache.join(name);
    // What has lost its Python.
    let _ = fs::remove_dir_all(&place);
    fs::rename(&site, &place).map_err(failed("write", &place))?;
    let _ = fs::remove_file(&log);
    progress.say(format!("installed in {} s", begun.elapsed().as_secs()));
    Ok(())
}

/// Python without what a person's settings would add to it; where pip finds packages stays theirs.
fn command(python: &Path) -> Command {
    let mut command = Command::new(python);
    command.arg("-I");
    for variable in ["PIP_USER", "PIP_TARGET", "PIP_PREFIX", "PIP_REQUIREMENT", "PIP_CONSTRAINT"] {
        command.env_remove(variable);
    }
    command.env("PIP_DISABLE_PIP_VERSION_CHECK", "1");
    command
}

/// Waits for its end, and says whether it was a good one.
fn finish(mut process: Process, mut meanwhile: impl FnMut()) -> Result<bool, Error> {
    loop {
        if let Some(status) = process.try_wait()? {
            return Ok(status.success());
        }
        meanwhile();
        thread::sleep(Duration::from_millis(100));
    }
}

/// Waits until no other process installs. The lock ends with the process that holds it.
fn lock(path: &Path, progress: &Progress) -> Result<File, Error> {
    let file = File::create(path).map_err(failed("open", path))?;
    match file.try_lock() {
        Ok(()) => return Ok(file),
        Err(TryLockError::WouldBlock) => {}
        Err(TryLockError::Error(source)) => return Err(failed("lock", path)(source)),
    }
    progress.say("another process is installing these Python packages; waiting for it");
    file.lock().map_err(failed("lock", path))?;
    Ok(file)
}

/// What an installation that was killed left behind. Only under the lock.
fn remove_unfinished(cache: &Path) {
    for entry in fs::read_dir(cache).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(UNDER_CONSTRUCTION) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

fn failed(verb: &'static str, path: &Path) -> impl Fn(io::Error) -> Error + use<> {
    let path = path.to_path_buf();
    move |source| Error::Io { verb, path: path.clone(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_package_is_pinned() {
        let all = [REQUIREMENTS, OLDER_REQUIREMENTS].concat();
        for line in all.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            assert!(line.contains("=="), "{line}");
        }
    }

    #[test]
    fn other_requirements_make_another_environment() {
        assert_ne!(digest("a==1\n"), digest("a==2\n"));
        assert_eq!(digest("a==1\n").len(), 12);
    }
}
