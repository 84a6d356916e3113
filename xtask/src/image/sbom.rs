//! What is in the program, as CycloneDX 1.5: each crate that is compiled for the image's target, with its licence and the
//! checksum that Cargo.lock pins.
//!
//! Written here rather than by `cargo-cyclonedx`, which would have to be installed beside the project and describes every
//! crate of the lock file's graph, those for Windows and for tests too. `cargo metadata` knows the target and the kinds of
//! dependencies, and the rest is a walk.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::repository;
use crate::test::cargo;

/// The list for the operator's program, for this target.
pub(super) fn of_the_operator(target: &str) -> Result<Value, Box<dyn std::error::Error>> {
    let output = cargo()
        .args(["metadata", "--locked", "--format-version", "1", "--filter-platform", target])
        .stderr(std::process::Stdio::inherit())
        .output()?;
    if !output.status.success() {
        return Err(format!("cargo metadata ended with {}", output.status).into());
    }
    let lock = std::fs::read_to_string(repository().join("Cargo.lock"))?;
    list(&serde_json::from_slice(&output.stdout)?, &checksums(&lock))
        .ok_or_else(|| "no package bindery".into())
}

/// By name and version.
fn checksums(lock: &str) -> BTreeMap<(String, String), String> {
    let value = |block: &str, key: &str| {
        let start = format!("{key} = \"");
        block.lines().find_map(|line| Some(line.strip_prefix(&start)?.trim_end_matches('"').to_string()))
    };
    lock.split("[[package]]")
        .filter_map(|block| {
            Some(((value(block, "name")?, value(block, "version")?), value(block, "checksum")?))
        })
        .collect()
}

fn list(metadata: &Value, checksums: &BTreeMap<(String, String), String>) -> Option<Value> {
    let packages: BTreeMap<&str, &Value> =
        metadata["packages"].as_array()?.iter().filter_map(|p| Some((p["id"].as_str()?, p))).collect();
    let nodes: BTreeMap<&str, &Value> = metadata["resolve"]["nodes"]
        .as_array()?
        .iter()
        .filter_map(|n| Some((n["id"].as_str()?, n)))
        .collect();
    let (root, _) = packages.iter().find(|(_, package)| package["name"] == "bindery")?;
    let mut seen = BTreeSet::new();
    let mut next = vec![*root];
    let mut dependencies = vec![];
    while let Some(id) = next.pop() {
        if !seen.insert(id) {
            continue;
        }
        let linked: Vec<&str> = nodes.get(id)?["deps"].as_array()?.iter().filter_map(linked).collect();
        let on: BTreeSet<String> = linked.iter().filter_map(|id| url(packages.get(id)?)).collect();
        dependencies.push(json!({"ref": url(packages.get(id)?)?, "dependsOn": on}));
        next.extend(linked);
    }
    let component = |id: &&str| {
        let package = packages.get(id)?;
        let (name, version) = (package["name"].as_str()?, package["version"].as_str()?);
        let mut component = json!({
            "type": if id == root { "application" } else { "library" },
            "bom-ref": url(package)?, "purl": url(package)?, "name": name, "version": version,
        });
        if let Some(license) = package["license"].as_str() {
            // Some crates still write the form that Cargo had before SPDX expressions.
            component["licenses"] = json!([{"expression": license.replace('/', " OR ")}]);
        }
        if let Some(checksum) = checksums.get(&(name.to_string(), version.to_string())) {
            component["hashes"] = json!([{"alg": "SHA-256", "content": checksum}]);
        }
        Some(component)
    };
    dependencies.sort_by_key(|dependency| dependency["ref"].to_string());
    let components: Vec<Value> = seen.iter().filter(|id| *id != root).filter_map(component).collect();
    Some(json!({
        "bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1,
        "metadata": {"component": component(root)?},
        "components": components,
        "dependencies": dependencies,
    }))
}

/// The package of a dependency that becomes part of the program: not one for tests, nor one that only builds.
fn linked(dependency: &Value) -> Option<&str> {
    let kinds = dependency["dep_kinds"].as_array()?;
    kinds.iter().any(|kind| kind["kind"].is_null()).then(|| dependency["pkg"].as_str())?
}

fn url(package: &Value) -> Option<String> {
    let version = package["version"].as_str()?.replace('+', "%2B");
    Some(format!("pkg:cargo/{}@{version}", package["name"].as_str()?))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn it_lists_what_the_program_is_linked_from_and_nothing_else() {
        let sbom = of_the_operator("x86_64-unknown-linux-musl").unwrap();
        assert_eq!(sbom["metadata"]["component"]["name"], "bindery");
        let components = sbom["components"].as_array().unwrap();
        let named = |name: &str| components.iter().find(|component| component["name"] == name);
        for linked in ["kube", "aws-lc-sys", "tokio", "rustls-native-certs"] {
            let component = named(linked).unwrap_or_else(|| panic!("no {linked}"));
            assert_eq!(component["hashes"][0]["content"].as_str().unwrap().len(), 64, "{linked}");
            assert!(component["licenses"][0]["expression"].is_string(), "{linked}");
        }
        // For tests; for building; for Windows; of another crate of the workspace.
        for other in ["proptest", "cc", "windows-sys", "azureml-emulator", "mlua"] {
            assert_eq!(named(other), None, "{other}");
        }
        let known: BTreeSet<&str> = components.iter().map(|c| c["bom-ref"].as_str().unwrap()).collect();
        for dependency in sbom["dependencies"].as_array().unwrap() {
            for on in dependency["dependsOn"].as_array().unwrap() {
                assert!(known.contains(on.as_str().unwrap()), "{on}");
            }
        }
    }
}
