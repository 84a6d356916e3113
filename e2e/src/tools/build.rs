//! Builds Go programs once, into the user's cache: `<cache>/tools/<module>-<version>/<program>`.
//!
//! A program is built in a folder beside its place and renamed into it, so that what is there is
//! whole. One process builds at a time; others wait for it and then find what it built.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use super::Error;
use super::sources::Module;
use crate::folders;
use crate::process::{self, Process};
use crate::progress::Progress;

/// How often a long build says that it goes on.
const REMIND: Duration = Duration::from_secs(15);
/// Begins the name of a folder in which a build goes on.
const UNDER_CONSTRUCTION: &str = ".building-";

/// The paths of the wanted programs, in that order; those that the cache lacks are built.
pub(super) async fn all(
    wanted: &[(&'static Module, &'static str)],
    progress: &Progress,
) -> Result<Vec<PathBuf>, Error> {
    let cache =
        folders::cache().map_err(failed("find the cache folder below", Path::new("$HOME")))?.join("tools");
    let paths: Vec<PathBuf> = wanted.iter().map(|(module, name)| place(&cache, module, name)).collect();
    if paths.iter().all(|path| path.is_file()) {
        return Ok(paths);
    }
    let Some(go) = process::find_program(Path::new("go")) else {
        return Err(Error::NoWay { cache });
    };
    fs::create_dir_all(&cache).map_err(failed("make", &cache))?;
    let _lock = lock(&cache.join("build.lock"), progress).await?;
    remove_unfinished(&cache);

    let missing: Vec<_> =
        wanted.iter().filter(|(module, name)| !place(&cache, module, name).is_file()).collect();
    if missing.is_empty() {
        return Ok(paths);
    }
    progress.say(format!(
        "building {} from source, once, into {} (some minutes; Go also downloads what it needs)",
        join(missing.iter().map(|(_, name)| *name)),
        cache.display()
    ));
    let begun = Instant::now();
    let built = missing.len();
    for (index, (module, name)) in missing.into_iter().enumerate() {
        let step = format!("{name} {} ({} of {built})", module.version, index + 1);
        one(&go, &cache, module, name, &step, progress).await?;
    }
    progress.say(format!("built in {}", seconds(begun.elapsed())));
    Ok(paths)
}

fn place(cache: &Path, module: &Module, name: &str) -> PathBuf {
    cache.join(format!("{}-{}", module.name, module.version)).join(name)
}

async fn one(
    go: &Path,
    cache: &Path,
    module: &Module,
    name: &'static str,
    step: &str,
    progress: &Progress,
) -> Result<(), Error> {
    let place = place(cache, module, name);
    let site = cache.join(format!("{UNDER_CONSTRUCTION}{name}"));
    let log = cache.join(format!("{name}-{}.log", module.version));
    let write = |file: &str, text: &str| {
        let path = site.join(file);
        fs::write(&path, text).map_err(failed("write", &path))
    };
    fs::create_dir_all(&site).map_err(failed("make", &site))?;
    write("go.mod", module.go_mod)?;
    write("go.sum", module.go_sum)?;
    // The log of an earlier failure would only confuse.
    let _ = fs::remove_file(&log);

    let mut command = Command::new(go);
    command
        .args(["build", "-mod=readonly", "-trimpath", "-buildvcs=false"])
        .arg(format!("-ldflags={}", linker_flags(module)))
        .arg("-o")
        .arg(site.join(name))
        .arg(module.package.replace("{}", name))
        .current_dir(&site)
        .env("CGO_ENABLED", "0")
        .env("GO111MODULE", "on")
        .env("GOWORK", "off")
        .env_remove("GOFLAGS")
        .env_remove("GOOS")
        .env_remove("GOARCH");
    let begun = Instant::now();
    progress.say(format!("building {step}"));
    let mut build = Process::spawn(&command, &log)?;
    let mut said = Instant::now();
    let status = loop {
        if let Some(status) = build.try_wait()? {
            break status;
        }
        if said.elapsed() >= REMIND {
            said = Instant::now();
            progress.say(format!("building {step}: {}", seconds(begun.elapsed())));
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    if !status.success() {
        return Err(Error::Build { name, version: module.version, tail: build.log_tail(15), log });
    }
    if let Some(folder) = place.parent() {
        fs::create_dir_all(folder).map_err(failed("make", folder))?;
    }
    fs::rename(site.join(name), &place).map_err(failed("write", &place))?;
    let _ = fs::remove_dir_all(&site);
    let _ = fs::remove_file(&log);
    Ok(())
}

/// Small binaries (no symbol table), that know their version.
fn linker_flags(module: &Module) -> String {
    let version = module.version;
    module
        .version_variable
        .iter()
        .fold("-s -w".to_string(), |flags, variable| format!("{flags} -X {variable}=v{version}"))
}

/// Waits until no other process builds. The lock ends with the process that holds it.
async fn lock(path: &Path, progress: &Progress) -> Result<File, Error> {
    let file = File::create(path).map_err(failed("open", path))?;
    let mut told = false;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(source)) => return Err(failed("lock", path)(source)),
        }
        if !told {
            told = true;
            progress.say("another process is building these tools; waiting for it");
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

/// What a build that was killed left behind. Only under the lock.
fn remove_unfinished(cache: &Path) {
    let Ok(entries) = fs::read_dir(cache) else {
        return;
    };
    for entry in entries.flatten() {
        if entry.file_name().to_string_lossy().starts_with(UNDER_CONSTRUCTION) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

fn failed(verb: &'static str, path: &Path) -> impl Fn(io::Error) -> Error + use<> {
    let path = path.to_path_buf();
    move |source| Error::Io { verb, path: path.clone(), source }
}

fn join<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.collect::<Vec<_>>().join(", ")
}

fn seconds(elapsed: Duration) -> String {
    match elapsed.as_secs() {
        0..60 => format!("{} s", elapsed.as_secs()),
        all => format!("{} min {} s", all / 60, all % 60),
    }
}
