//! Kustomize's configuration: every field that names another object is in it, and a real Kustomize follows it.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use e2e::folders::TemporaryFolder;
use e2e::{Progress, tools};
use serde::Deserialize;
use serde_json::Value;

use super::repository;

const CONFIG: &str = "kustomizeconfig.yaml";

/// The kinds that fields of these names refer to.
const REFERRED: [(&str, &str); 9] = [
    ("registryRef", "Registry"),
    ("workspaceRef", "Workspace"),
    ("modelVersionRef", "ModelVersion"),
    ("versionRef", "ModelVersion"),
    ("bindingRef", "DeploymentBinding"),
    ("in", "Workspace"),
    ("providerRef", "MetricProvider"),
    ("tokenSecretRef", "Secret"),
    ("configMapKeyRef", "ConfigMap"),
];

/// `kind path -> kind` for every field of a schema that names another object.
fn references(kind: &str, path: &str, schema: &Value, into: &mut BTreeSet<String>) {
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        let path = format!("{path}/{name}");
        // A list of references is one, too.
        let listed = &field["items"]["properties"];
        let listed = listed.as_object().is_some_and(|it| it.keys().eq(["name", "namespace"]));
        if name.ends_with("Ref") || listed {
            assert!(listed || field["properties"]["name"].is_object(), "{kind} {path} names nothing");
            let (_, target) = REFERRED.iter().find(|(known, _)| known == name).unwrap_or_else(|| {
                panic!("{kind} {path} is a new reference: say here and in {CONFIG} what it refers to")
            });
            into.insert(format!("{kind} {path}/name -> {target}"));
        }
        references(kind, &path, field, into);
        references(kind, &path, &field["items"], into);
    }
}

#[test]
fn every_field_that_names_another_object_is_in_the_configuration() {
    let mut wanted = BTreeSet::new();
    for crd in bindery::api::crds() {
        let crd = serde_json::to_value(crd).unwrap();
        let spec = &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"];
        references(crd["spec"]["names"]["kind"].as_str().unwrap(), "spec", spec, &mut wanted);
    }
    let text = fs::read_to_string(repository().join("config/kustomize").join(CONFIG)).unwrap();
    let config: Value = serde_yaml::from_str(&text).unwrap();
    let mut written = BTreeSet::new();
    for target in config["nameReference"].as_array().unwrap() {
        let core = target["kind"] == "ConfigMap" || target["kind"] == "Secret";
        assert_eq!(target["group"], if core { Value::Null } else { "bindery.dev".into() });
        for field in target["fieldSpecs"].as_array().unwrap() {
            assert_eq!(field["group"], "bindery.dev");
            let text = |value: &Value| value.as_str().unwrap().to_string();
            let (kind, path) = (text(&field["kind"]), text(&field["path"]));
            written.insert(format!("{kind} {path} -> {}", text(&target["kind"])));
        }
    }
    assert_eq!(written, wanted);
}

/// The objects that Kustomize makes of a folder with a kustomization; none where there is no kubectl.
async fn built(folder: &Path, kustomization: &str) -> Option<Vec<Value>> {
    let Ok(kubectl) = tools::kubectl(&Progress::stderr()).await else {
        println!("SKIPPED: there is no kubectl");
        return None;
    };
    fs::copy(repository().join("config/kustomize").join(CONFIG), folder.join(CONFIG)).unwrap();
    let kustomization = format!("configurations: [{CONFIG}]\n{kustomization}");
    fs::write(folder.join("kustomization.yaml"), kustomization).unwrap();
    let output = Command::new(kubectl).arg("kustomize").arg(folder).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    Some(serde_yaml::Deserializer::from_str(&text).map(|one| Value::deserialize(one).unwrap()).collect())
}

fn field(objects: &[Value], kind: &str, name: &str, pointer: &str) -> String {
    let found = objects.iter().find(|o| o["kind"] == kind && o["metadata"]["name"] == name);
    found.and_then(|o| o.pointer(pointer)).and_then(Value::as_str).unwrap_or_default().to_string()
}

#[tokio::test]
async fn a_prefix_and_a_suffix_reach_every_reference_of_the_samples() {
    let folder = TemporaryFolder::new("bindery-kustomize-test").unwrap();
    let mut resources = vec![];
    for entry in fs::read_dir(repository().join("config/samples")).unwrap() {
        let file = entry.unwrap().path();
        let name = file.file_name().unwrap().to_str().unwrap().to_string();
        // Kustomize follows a name only within one namespace.
        let text = fs::read_to_string(&file).unwrap().replace("namespace: ml-platform", "namespace: fares");
        fs::write(folder.path().join(&name), text).unwrap();
        resources.push(name);
    }
    let kustomization = format!("namePrefix: eu-\nnameSuffix: -v2\nresources: [{}]\n", resources.join(", "));
    let Some(objects) = built(folder.path(), &kustomization).await else { return };
    let field = |kind, name, pointer| field(&objects, kind, name, pointer);
    assert_eq!(field("ModelVersion", "eu-taxi-fare-1-v2", "/spec/registryRef/name"), "eu-fares-models-v2");
    let source = "/spec/source/modelVersionRef/name";
    assert_eq!(field("ModelVersion", "eu-taxi-fare-1-v2", source), "eu-taxi-fare-1-dev-v2");
    let trained = "eu-taxi-fare-1-dev-v2";
    assert_eq!(field("ModelVersion", trained, "/spec/workspaceRef/name"), "eu-fares-dev-v2");
    let binding = "eu-taxi-fare-v2";
    assert_eq!(field("DeploymentBinding", binding, "/spec/workspaceRef/name"), "eu-fares-prod-v2");
    assert_eq!(field("DeploymentBinding", binding, "/spec/model/versionRef/name"), "eu-taxi-fare-1-v2");
}

/// A ConfigMap that Kustomize makes has a hash in its name, and the smoke test that sends it follows.
#[tokio::test]
async fn the_body_of_a_smoke_test_may_be_made_by_kustomize() {
    let binding = "
apiVersion: bindery.dev/v1alpha1
kind: DeploymentBinding
metadata: {name: taxi-fare}
spec:
  strategy:
    metrics:
    - name: smoke
      smokeTest: {cases: [{name: a, request: {configMapKeyRef: {name: trips, key: a}}}]}
";
    let folder = TemporaryFolder::new("bindery-kustomize-test").unwrap();
    fs::write(folder.path().join("binding.yaml"), binding).unwrap();
    let kustomization = "resources: [binding.yaml]\nconfigMapGenerator: [{name: trips, literals: [a=b]}]\n";
    let Some(objects) = built(folder.path(), kustomization).await else { return };
    let pointer = "/spec/strategy/metrics/0/smokeTest/cases/0/request/configMapKeyRef/name";
    let follows = field(&objects, "DeploymentBinding", "taxi-fare", pointer);
    assert!(follows.starts_with("trips-"), "{follows}");
    assert!(objects.iter().any(|it| it["kind"] == "ConfigMap" && it["metadata"]["name"] == follows.as_str()));
}

/// Kustomize follows no name into another namespace; what the file says instead, does.
#[tokio::test]
async fn a_reference_into_another_namespace_is_replaced() {
    let text = fs::read_to_string(repository().join("config/kustomize").join(CONFIG)).unwrap();
    let said = text.lines().skip_while(|line| *line != "#   replacements:");
    let said = said.map_while(|line| line.strip_prefix("#   "));
    let replacements = said.collect::<Vec<_>>().join("\n");
    let objects = "
apiVersion: bindery.dev/v1alpha1
kind: Registry
metadata: {name: fares-models, namespace: platform}
spec: {location: eastus}
---
apiVersion: bindery.dev/v1alpha1
kind: ModelVersion
metadata: {name: taxi-fare-1, namespace: fares}
spec: {registryRef: {name: fares-models, namespace: platform}}
";
    let folder = TemporaryFolder::new("bindery-kustomize-test").unwrap();
    fs::write(folder.path().join("objects.yaml"), objects).unwrap();
    let prefixed = "namePrefix: eu-\nresources: [objects.yaml]\n";
    for (kustomization, expected) in
        [(prefixed.to_string(), "fares-models"), (format!("{prefixed}{replacements}\n"), "eu-fares-models")]
    {
        let Some(objects) = built(folder.path(), &kustomization).await else { return };
        assert_eq!(field(&objects, "ModelVersion", "eu-taxi-fare-1", "/spec/registryRef/name"), expected);
        assert_eq!(field(&objects, "Registry", "eu-fares-models", "/metadata/namespace"), "platform");
    }
}
