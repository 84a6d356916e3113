//! The files for Argo CD and Kustomize.

#![allow(clippy::unwrap_used)]

mod argo_cd;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use e2e::{Progress, tools};
use serde::Deserialize;
use serde_json::Value;

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

#[tokio::test]
async fn kustomize_changes_a_name_everywhere() {
    let Ok(kubectl) = tools::kubectl(&Progress::stderr()).await else {
        println!("SKIPPED: there is no kubectl");
        return;
    };
    let folder = e2e::folders::TemporaryFolder::new("bindery-kustomize-test").unwrap();
    let mut resources = vec![];
    for entry in fs::read_dir(repository().join("config/samples")).unwrap() {
        let file = entry.unwrap().path();
        let name = file.file_name().unwrap().to_str().unwrap();
        resources.push(format!("- {name}"));
        fs::copy(&file, folder.path().join(name)).unwrap();
    }
    let config = "kustomizeconfig.yaml";
    fs::copy(repository().join("config/kustomize").join(config), folder.path().join(config)).unwrap();
    let kustomization =
        format!("namePrefix: eu-\nconfigurations: [{config}]\nresources:\n{}\n", resources.join("\n"));
    fs::write(folder.path().join("kustomization.yaml"), kustomization).unwrap();

    let output = Command::new(kubectl).arg("kustomize").arg(folder.path()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let objects: Vec<Value> =
        serde_yaml::Deserializer::from_str(&text).map(|one| Value::deserialize(one).unwrap()).collect();
    let field = |kind: &str, name: &str, pointer: &str| {
        let found = objects.iter().find(|o| o["kind"] == kind && o["metadata"]["name"] == name);
        found.and_then(|o| o.pointer(pointer)).and_then(Value::as_str).unwrap_or_default().to_string()
    };
    assert_eq!(field("ModelVersion", "eu-taxi-fare-1", "/spec/registryRef/name"), "eu-fares-models");
    let source = "/spec/source/modelVersionRef/name";
    assert_eq!(field("ModelVersion", "eu-taxi-fare-1", source), "eu-taxi-fare-1-dev");
    assert_eq!(field("ModelVersion", "eu-taxi-fare-1-dev", "/spec/workspaceRef/name"), "eu-fares-dev");
    assert_eq!(field("DeploymentBinding", "eu-taxi-fare", "/spec/workspaceRef/name"), "eu-fares-prod");
    assert_eq!(field("DeploymentBinding", "eu-taxi-fare", "/spec/model/versionRef/name"), "eu-taxi-fare-1");
}
