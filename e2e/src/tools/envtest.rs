//! The store of `setup-envtest`: `<store>/k8s/<version>-<os>-<arch>/{etcd,kube-apiserver,kubectl}`.
//!
//! Where the store is without `--bin-dir`, and how its folders are called, is what setup-envtest's own code says
//! (`tools/setup-envtest/store` of controller-runtime).

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

/// The oldest Kubernetes that the chart allows, and so the oldest that is worth trying anything against.
const OLDEST: (u32, u32) = (1, 30);

/// A folder of the store with what a control plane needs.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Installed {
    /// The folder.
    pub(super) folder: PathBuf,
    /// Its version of Kubernetes, such as `1.35.0`.
    pub(super) version: String,
}

/// The newest version in the store of this user that is whole and new enough.
pub(super) fn newest() -> Option<Installed> {
    newest_in(&store(env::consts::OS, |variable| env::var_os(variable))?, &platform())
}

/// The folder that setup-envtest uses when no other is named.
fn store(os: &str, variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let set = |name| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if os == "macos" {
        return Some(set("HOME")?.join("Library/Application Support/io.kubebuilder.envtest"));
    }
    let data = set("XDG_DATA_HOME").or_else(|| Some(set("HOME")?.join(".local/share")))?;
    Some(data.join("kubebuilder-envtest"))
}

/// `<os>-<arch>` in Go's words.
fn platform() -> String {
    let os = match env::consts::OS {
        "macos" => "darwin",
        os => os,
    };
    let architecture = match env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "x86" => "386",
        "powerpc64" => "ppc64le",
        other => other,
    };
    format!("{os}-{architecture}")
}

fn newest_in(store: &Path, platform: &str) -> Option<Installed> {
    let entries = fs::read_dir(store.join("k8s")).ok()?;
    let folders = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let usable = folders.filter_map(|folder| {
        let name = folder.file_name()?.to_str()?;
        let version = numbers(name.strip_suffix(platform)?.strip_suffix('-')?)?;
        // A download that broke off leaves a folder that lacks something.
        let whole = ["etcd", "kube-apiserver"].iter().all(|program| folder.join(program).is_file());
        ((version.0, version.1) >= OLDEST && whole).then_some((version, folder))
    });
    let (version, folder) = usable.max()?;
    Some(Installed { folder, version: format!("{}.{}.{}", version.0, version.1, version.2) })
}

/// A version as three numbers; none for anything else, such as a release candidate.
fn numbers(version: &str) -> Option<(u32, u32, u32)> {
    let mut parts = version.split('.').map(|part| part.parse().ok());
    let all = (parts.next()??, parts.next()??, parts.next()??);
    parts.next().is_none().then_some(all)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::folders::TemporaryFolder;

    const PLATFORM: &str = "linux-amd64";

    fn install(store: &Path, name: &str, programs: &[&str]) -> PathBuf {
        let folder = store.join("k8s").join(name);
        fs::create_dir_all(&folder).unwrap();
        for program in programs {
            fs::write(folder.join(program), "").unwrap();
        }
        folder
    }

    #[test]
    fn the_newest_that_is_whole_and_new_enough_is_taken() {
        let folder = TemporaryFolder::new("bindery-envtest-store").unwrap();
        let store = folder.path();
        let whole = ["etcd", "kube-apiserver", "kubectl"];
        assert_eq!(newest_in(store, PLATFORM), None, "there is no store");
        install(store, "1.29.5-linux-amd64", &whole);
        assert_eq!(newest_in(store, PLATFORM), None, "older than the chart allows");
        let oldest = install(store, "1.30.0-linux-amd64", &whole);
        let of_this = |folder: &Path, version: &str| {
            Some(Installed { folder: folder.to_path_buf(), version: version.into() })
        };
        assert_eq!(newest_in(store, PLATFORM), of_this(&oldest, "1.30.0"));
        // As numbers, not as text.
        let patch = install(store, "1.34.10-linux-amd64", &whole);
        install(store, "1.34.9-linux-amd64", &whole);
        install(store, "1.9.0-linux-amd64", &whole);
        // None of these counts: broken off, for another machine, not released, not a version.
        install(store, "1.36.0-linux-amd64", &["etcd"]);
        install(store, "1.36.0-linux-arm64", &whole);
        install(store, "1.36.0-rc.1-linux-amd64", &whole);
        install(store, "latest-linux-amd64", &whole);
        assert_eq!(newest_in(store, PLATFORM), of_this(&patch, "1.34.10"));
    }

    #[test]
    fn the_store_is_where_setup_envtest_puts_it() {
        let at = |os: &str, set: &[(&str, &str)]| {
            let value = |name: &str| set.iter().find(|(known, _)| *known == name).map(|(_, it)| it.into());
            store(os, value).map(|path| path.display().to_string())
        };
        let (home, data) = (("HOME", "/home/ada"), ("XDG_DATA_HOME", "/data"));
        for (os, set, expected) in [
            ("linux", vec![home], Some("/home/ada/.local/share/kubebuilder-envtest")),
            ("linux", vec![home, data], Some("/data/kubebuilder-envtest")),
            ("linux", vec![home, ("XDG_DATA_HOME", "")], Some("/home/ada/.local/share/kubebuilder-envtest")),
            ("linux", vec![], None),
            ("macos", vec![home, data], Some("/home/ada/Library/Application Support/io.kubebuilder.envtest")),
        ] {
            assert_eq!(at(os, &set).as_deref(), expected, "{os} {set:?}");
        }
    }

    #[test]
    fn new_enough_is_what_the_chart_says() {
        let chart = include_str!("../../../charts/bindery/Chart.yaml");
        let said = format!("kubeVersion: \">={}.{}.0-0\"", OLDEST.0, OLDEST.1);
        assert!(chart.lines().any(|line| line == said), "{said}");
    }
}
