//! What is built: Go modules, pinned by version and checksum.
//!
//! Each has a `go.mod` and a `go.sum` of ours under `go/`, so that every machine builds the same
//! code. Kubernetes replaces its staging modules (`k8s.io/api` and so on) by relative paths that do
//! not exist outside of its repository; our `go.mod` replaces them by the published `v0.MINOR.PATCH`.
//! To move to another version: change it here and in `go.mod` (for Kubernetes also in every
//! `replace`), then run `go build -mod=mod` there once for each program.

/// A Go module of ours that pins the one whose programs we build.
#[derive(Debug)]
pub(super) struct Module {
    /// Folder in the cache: `<name>-<version>`.
    pub(super) name: &'static str,
    /// Without the leading `v`.
    pub(super) version: &'static str,
    /// Import path of a program; `{}` stands for its name.
    pub(super) package: &'static str,
    /// The variable that holds the version in the program (the linker sets it), if it has to be set.
    pub(super) version_variable: &'static [&'static str],
    pub(super) go_mod: &'static str,
    pub(super) go_sum: &'static str,
}

pub(super) const KUBERNETES: Module = Module {
    name: "kubernetes",
    version: "1.35.4",
    package: "k8s.io/kubernetes/cmd/{}",
    version_variable: &[
        "k8s.io/component-base/version.gitVersion",
        "k8s.io/client-go/pkg/version.gitVersion",
    ],
    go_mod: include_str!("go/kubernetes/go.mod"),
    go_sum: include_str!("go/kubernetes/go.sum"),
};

pub(super) const ETCD: Module = Module {
    name: "etcd",
    version: "3.6.16",
    package: "go.etcd.io/etcd/server/v3",
    version_variable: &[],
    go_mod: include_str!("go/etcd/go.mod"),
    go_sum: include_str!("go/etcd/go.sum"),
};

pub(super) const HELM: Module = Module {
    name: "helm",
    version: "3.22.0",
    package: "helm.sh/helm/v3/cmd/{}",
    version_variable: &["helm.sh/helm/v3/internal/version.version"],
    go_mod: include_str!("go/helm/go.mod"),
    go_sum: include_str!("go/helm/go.sum"),
};

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_versions_here_are_those_that_go_mod_requires() {
        for module in [&KUBERNETES, &ETCD, &HELM] {
            let wanted = format!("v{}\n", module.version);
            assert!(
                module.go_mod.lines().any(|line| format!("{line}\n").ends_with(&wanted)),
                "{} {}",
                module.name,
                module.version
            );
        }
    }

    #[test]
    fn every_staging_module_is_replaced_by_the_release_of_kubernetes() {
        let (_, minor_and_patch) = KUBERNETES.version.split_once('.').unwrap();
        let replaced: Vec<&str> = KUBERNETES.go_mod.lines().filter(|line| line.contains("=>")).collect();
        assert!(replaced.len() > 25, "{replaced:?}");
        for line in replaced {
            assert!(line.ends_with(&format!("v0.{minor_and_patch}")), "{line}");
        }
    }
}
