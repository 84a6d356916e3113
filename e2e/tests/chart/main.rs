//! The chart, as Helm renders it and as a real API server takes it.

#![allow(clippy::unwrap_used)]

mod identities;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use bindery::api::{Approval, RolloutAction, Workspace};
use e2e::control_plane::shared;
use e2e::{Progress, tools};
use k8s_openapi::api::admissionregistration::v1::{
    ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding,
};
use k8s_openapi::api::authorization::v1::SubjectAccessReview;
use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::api::rbac::v1::{ClusterRole, RoleBinding};
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams, PostParams};
use serde::Deserialize;
use serde_json::{Value, json};

const IDENTITY: &str = "00000000-0000-0000-0000-000000000009";

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

/// Helm, or a printed line and none.
async fn helm() -> Option<PathBuf> {
    match tools::helm(&Progress::stderr()).await {
        Ok(helm) => Some(helm),
        Err(missing @ tools::Error::NotFound { .. }) => {
            println!("SKIPPED: {missing}");
            None
        }
        Err(error) => panic!("{error}"),
    }
}

/// `helm template` with these values.
fn template(helm: &Path, values: &Value) -> Output {
    template_for(helm, "1.33.0", values)
}

/// The same for a cluster of this version.
fn template_for(helm: &Path, version: &str, values: &Value) -> Output {
    let folder = e2e::folders::TemporaryFolder::new("bindery-chart-test").unwrap();
    let file = folder.path().join("values.json");
    fs::write(&file, values.to_string()).unwrap();
    Command::new(helm)
        .args(["template", "release", "--namespace", "bindery-system", "--kube-version", version, "--values"])
        .arg(file)
        .arg(repository().join("charts/bindery"))
        .output()
        .unwrap()
}

/// The objects of the chart with these values.
fn render(helm: &Path, values: &Value) -> Vec<Value> {
    let output = template(helm, values);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    documents(&String::from_utf8(output.stdout).unwrap())
}

fn documents(yaml: &str) -> Vec<Value> {
    let all = serde_yaml::Deserializer::from_str(yaml).map(|one| Value::deserialize(one).unwrap());
    all.filter(|one| !one.is_null()).collect()
}

/// The object of this kind and name.
fn named<'a>(objects: &'a [Value], kind: &str, name: &str) -> &'a Value {
    let is = |object: &&Value| object["kind"] == kind && object["metadata"]["name"] == name;
    objects.iter().find(is).unwrap_or_else(|| panic!("no {kind} {name}"))
}

/// The one object of this kind.
fn one<'a>(objects: &'a [Value], kind: &str) -> &'a Value {
    let mut all = objects.iter().filter(|object| object["kind"] == kind);
    let first = all.next().unwrap_or_else(|| panic!("no {kind}"));
    assert!(all.next().is_none(), "more than one {kind}");
    first
}

fn kinds(objects: &[Value]) -> Vec<&str> {
    let mut kinds: Vec<&str> = objects.iter().map(|object| object["kind"].as_str().unwrap()).collect();
    kinds.sort_unstable();
    kinds.dedup();
    kinds
}

fn rules() -> Vec<Value> {
    let rules = fs::read_to_string(repository().join("charts/bindery/rbac/rules.yaml")).unwrap();
    serde_yaml::from_str(&rules).unwrap()
}

#[tokio::test]
async fn by_default_it_is_one_pod_with_the_rights_that_the_tests_run_under() {
    let Some(helm) = helm().await else { return };
    let objects = render(&helm, &json!({"clusterId": "aks-1"}));
    assert_eq!(
        kinds(&objects),
        [
            "ClusterRole",
            "ClusterRoleBinding",
            "CustomResourceDefinition",
            "Deployment",
            "Service",
            "ServiceAccount",
            "ValidatingAdmissionPolicy",
            "ValidatingAdmissionPolicyBinding"
        ]
    );
    let role = named(&objects, "ClusterRole", "release-bindery");
    assert_eq!(role["rules"], Value::from(rules()));
    let binding = one(&objects, "ClusterRoleBinding");
    let account = one(&objects, "ServiceAccount");
    assert_eq!(binding["roleRef"]["name"], role["metadata"]["name"]);
    assert_eq!(
        binding["subjects"],
        json!([{"kind": "ServiceAccount", "name": account["metadata"]["name"], "namespace": "bindery-system"}])
    );
    assert_eq!(account["metadata"]["annotations"], Value::Null);

    let deployment = one(&objects, "Deployment");
    let spec = &deployment["spec"];
    assert_eq!((&spec["replicas"], &spec["strategy"]), (&json!(1), &json!({"type": "Recreate"})));
    let labels = &spec["template"]["metadata"]["labels"];
    for (key, value) in spec["selector"]["matchLabels"].as_object().unwrap() {
        assert_eq!(&labels[key], value);
    }
    assert_eq!(labels["azure.workload.identity/use"], Value::Null);
    let pod = &spec["template"]["spec"];
    assert_eq!(pod["serviceAccountName"], account["metadata"]["name"]);
    assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
    assert_eq!(pod["securityContext"]["seccompProfile"]["type"], "RuntimeDefault");
    let container = &pod["containers"][0];
    assert_eq!(
        container["args"],
        json!([
            "run",
            "--cluster-id=aks-1",
            "--handover=2m",
            "--authors-checked",
            "--bind-address=0.0.0.0:8080",
            "--log-format=text"
        ])
    );
    assert_eq!((&container["env"], &container["envFrom"]), (&Value::Null, &Value::Null));
    assert_eq!((&container["volumeMounts"], &pod["volumes"]), (&Value::Null, &Value::Null));
    assert_eq!(
        container["securityContext"],
        json!({"allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "capabilities": {"drop": ["ALL"]}})
    );
}

#[tokio::test]
async fn values_become_arguments_environment_and_annotations() {
    let Some(helm) = helm().await else { return };
    let objects = render(
        &helm,
        &json!({
            "clusterId": "aks-1",
            "observeOnly": true,
            "handover": "90s",
            "watchNamespaces": ["fares", "risk"],
            "operatorIdentity": {"allow": [{"namespaces": ["fares"], "subscriptions": [IDENTITY]}]},
            "image": {"repository": "images.example/bindery", "tag": "1.2.3"},
            "azure": {"tenantId": IDENTITY, "clientId": IDENTITY, "credential": "client-certificate", "cloud": "usgovernment",
                "clientCertificate": {"secretName": "bindery-tls"}},
            "serviceAccount": {"name": "operator", "annotations": {"team": "platform"}},
            "log": {"format": "json", "filter": "bindery=debug"},
            "extraEnv": [{"name": "RUST_BACKTRACE", "value": "1"}],
            "extraVolumes": [{"name": "ca", "configMap": {"name": "corporate-ca"}}],
            "extraVolumeMounts": [{"name": "ca", "mountPath": "/etc/corporate"}],
            "envFrom": [{"secretRef": {"name": "azure"}}],
            "podLabels": {"team": "platform"},
            "nodeSelector": {"kubernetes.io/os": "linux"},
            "tolerations": [{"key": "system", "operator": "Exists"}],
            "resources": {"limits": {"memory": "1Gi"}},
        }),
    );
    let pod = &one(&objects, "Deployment")["spec"]["template"];
    assert_eq!(pod["metadata"]["labels"]["team"], "platform");
    assert_eq!(pod["spec"]["nodeSelector"], json!({"kubernetes.io/os": "linux"}));
    assert_eq!(pod["spec"]["tolerations"], json!([{"key": "system", "operator": "Exists"}]));
    let container = &pod["spec"]["containers"][0];
    assert_eq!(container["image"], "images.example/bindery:1.2.3");
    assert_eq!(container["resources"]["limits"]["memory"], "1Gi");
    assert_eq!(
        container["args"],
        json!([
            "run",
            "--cluster-id=aks-1",
            "--observe-only",
            "--handover=90s",
            "--watch-namespaces=fares,risk",
            format!(
                r#"--operator-identity-allow=[{{"namespaces":["fares"],"subscriptions":["{IDENTITY}"]}}]"#
            ),
            "--credential=client-certificate",
            "--cloud=usgovernment",
            "--bind-address=0.0.0.0:8080",
            "--log-format=json"
        ])
    );
    assert_eq!(
        container["env"],
        json!([
            {"name": "BINDERY_LOG", "value": "bindery=debug"},
            {"name": "AZURE_TENANT_ID", "value": IDENTITY},
            {"name": "AZURE_CLIENT_ID", "value": IDENTITY},
            {"name": "AZURE_CLIENT_CERTIFICATE_PATH", "value": "/var/run/secrets/bindery/client-certificate/tls-combined.pem"},
            {"name": "RUST_BACKTRACE", "value": "1"},
        ])
    );
    assert_eq!(container["envFrom"], json!([{"secretRef": {"name": "azure"}}]));
    assert_eq!(
        container["volumeMounts"],
        json!([
            {"name": "client-certificate", "mountPath": "/var/run/secrets/bindery/client-certificate", "readOnly": true},
            {"name": "ca", "mountPath": "/etc/corporate"},
        ])
    );
    assert_eq!(
        pod["spec"]["volumes"],
        json!([
            {"name": "client-certificate", "secret": {"secretName": "bindery-tls"}},
            {"name": "ca", "configMap": {"name": "corporate-ca"}},
        ])
    );
    let account = &one(&objects, "ServiceAccount")["metadata"];
    assert_eq!(account["name"], "operator");
    assert_eq!(account["annotations"], json!({"team": "platform"}));
}

/// As the program reads it: see `--cloud` of `bindery run`.
#[tokio::test]
async fn a_cloud_is_a_word_a_document_or_an_object() {
    let Some(helm) = helm().await else { return };
    let document = "https://management.local.azurestack.external/metadata/endpoints?api-version=2022-09-01";
    let own = json!({"authority": "https://login.a", "resourceManager": "https://arm.a", "trustedHosts": ["*.ml.a.example"]});
    for (cloud, expected) in [
        (json!(null), None),
        (json!("AzureUSGovernment"), Some("--cloud=AzureUSGovernment".to_owned())),
        (json!(document), Some(format!("--cloud={document}"))),
        (own.clone(), Some(format!("--cloud={own}"))),
    ] {
        let objects = render(&helm, &json!({"clusterId": "aks-1", "azure": {"cloud": cloud}}));
        let container = &one(&objects, "Deployment")["spec"]["template"]["spec"]["containers"][0];
        let said = container["args"].as_array().unwrap().iter().filter_map(Value::as_str);
        let said: Vec<&str> = said.filter(|argument| argument.starts_with("--cloud")).collect();
        assert_eq!(said, expected.iter().map(String::as_str).collect::<Vec<_>>());
    }
}

/// One client id, whichever way the identity is proved: with workload identity the webhook of AKS reads it from the
/// service account, and nothing else may say another one.
#[tokio::test]
async fn workload_identity_is_the_client_id_on_the_service_account() {
    let Some(helm) = helm().await else { return };
    let values = |azure: Value, create: bool| {
        json!({"clusterId": "aks-1", "azure": azure, "workloadIdentity": {"enabled": true},
            "serviceAccount": {"create": create, "annotations": if create { json!({"team": "platform"}) } else { json!({}) }}})
    };
    let id = |key: &str| format!("azure.workload.identity/{key}");
    for (azure, expected) in [
        (json!({"clientId": IDENTITY}), json!({"team": "platform", id("client-id"): IDENTITY})),
        (
            json!({"clientId": IDENTITY, "tenantId": IDENTITY}),
            json!({"team": "platform", id("client-id"): IDENTITY, id("tenant-id"): IDENTITY}),
        ),
    ] {
        let objects = render(&helm, &values(azure, true));
        assert_eq!(one(&objects, "ServiceAccount")["metadata"]["annotations"], expected);
        let pod = &one(&objects, "Deployment")["spec"]["template"];
        assert_eq!(pod["metadata"]["labels"][id("use")], "true");
        assert_eq!(pod["spec"]["containers"][0]["env"], Value::Null);
    }
    // A service account of somebody else's says it.
    let objects = render(&helm, &values(json!({}), false));
    assert!(!kinds(&objects).contains(&"ServiceAccount"));
    assert_eq!(one(&objects, "Deployment")["spec"]["template"]["metadata"]["labels"][id("use")], "true");
}

#[tokio::test]
async fn watched_namespaces_need_a_role_in_each_and_nothing_cluster_wide() {
    let Some(helm) = helm().await else { return };
    let namespaced: Vec<Value> =
        rules().into_iter().filter(|rule| rule["resources"] != json!(["namespaces"])).collect();
    assert_eq!(namespaced.len() + 1, rules().len());
    for watched in [json!(["fares"]), json!(["fares", "risk"])] {
        let values = json!({"clusterId": "aks-1", "watchNamespaces": watched, "crds": {"enabled": false}});
        let objects = render(&helm, &values);
        assert_eq!(kinds(&objects), ["Deployment", "Role", "RoleBinding", "Service", "ServiceAccount"]);
        let all = |kind: &str| objects.iter().filter(|o| o["kind"] == kind).collect::<Vec<_>>();
        let (roles, bindings) = (all("Role"), all("RoleBinding"));
        for objects in [&roles, &bindings] {
            let inside: Vec<&Value> = objects.iter().map(|o| &o["metadata"]["namespace"]).collect();
            assert_eq!(json!(inside), watched);
        }
        for (role, binding) in roles.iter().zip(bindings) {
            assert_eq!(role["rules"], Value::from(namespaced.clone()));
            assert_eq!(
                binding["roleRef"],
                json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": role["metadata"]["name"]})
            );
            assert_eq!(binding["subjects"][0]["namespace"], "bindery-system");
        }
    }
}

/// What the README tells people to type is taken: unknown values are refused.
#[tokio::test]
async fn the_command_of_the_readme_installs_it() {
    let Some(helm) = helm().await else { return };
    let readme = fs::read_to_string(repository().join("README.md")).unwrap();
    let (_, command) = readme.split_once("$ helm install ").unwrap();
    let command = command.split("```").next().unwrap();
    let output = Command::new("sh")
        .args(["-c", &format!("'{}' template --kube-version 1.33.0 {command}", helm.display())])
        .current_dir(repository())
        .output()
        .unwrap();
    assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
    let objects = documents(&String::from_utf8(output.stdout).unwrap());
    let pod = &one(&objects, "Deployment")["spec"]["template"];
    assert_eq!(pod["metadata"]["labels"]["azure.workload.identity/use"], "true");
    let arguments = pod["spec"]["containers"][0]["args"].as_array().unwrap();
    assert!(arguments.contains(&json!("--observe-only")), "{arguments:?}");
    let told = |argument: &&Value| argument.as_str().unwrap().starts_with("--operator-identity-allow=[{");
    assert!(arguments.iter().any(|argument| told(&argument)), "{arguments:?}");
}

/// Helm has one kind of number: 1.0 becomes 1.
fn whole_numbers(value: Value) -> Value {
    match value {
        Value::Object(fields) => fields.into_iter().map(|(k, v)| (k, whole_numbers(v))).collect(),
        Value::Array(items) => items.into_iter().map(whole_numbers).collect(),
        Value::Number(number) => match number.as_f64() {
            Some(float) if number.is_f64() && float.fract() == 0.0 => format!("{float:.0}").parse().unwrap(),
            _ => number.into(),
        },
        other => other,
    }
}

#[tokio::test]
async fn the_crds_are_those_of_the_code_and_stay_when_the_release_goes() {
    let Some(helm) = helm().await else { return };
    let objects = render(&helm, &json!({"clusterId": "aks-1"}));
    let rendered: Vec<&Value> =
        objects.iter().filter(|object| object["kind"] == "CustomResourceDefinition").collect();
    let crds = bindery::api::crds();
    assert_eq!(rendered.len(), crds.len());
    for crd in crds {
        let crd = whole_numbers(serde_json::to_value(crd).unwrap());
        let found = rendered.iter().find(|r| r["metadata"]["name"] == crd["metadata"]["name"]).unwrap();
        assert_eq!(found["spec"], crd["spec"]);
        assert_eq!(
            found["metadata"]["annotations"],
            json!({"helm.sh/resource-policy": "keep", "argocd.argoproj.io/sync-options": "Prune=false"})
        );
    }
    let without = render(&helm, &json!({"clusterId": "aks-1", "crds": {"enabled": false}}));
    assert!(!kinds(&without).contains(&"CustomResourceDefinition"));
}

/// What the chart was tried with, and nothing older.
#[tokio::test]
async fn an_older_cluster_is_refused() {
    let Some(helm) = helm().await else { return };
    for (version, taken) in [("1.29.9", false), ("1.30.0", true), ("1.30.4-gke.1", true)] {
        let output = template_for(&helm, version, &json!({"clusterId": "aks-1"}));
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.success(), taken, "{version}: {said}");
        assert!(taken || said.contains("chart requires kubeVersion: >=1.30.0-0"), "{said}");
    }
}

/// `helm install --dry-run` prints what a person reads.
#[tokio::test]
async fn the_notes_warn_of_deleting_the_crds() {
    let Some(helm) = helm().await else { return };
    let control_plane = shared().await.unwrap();
    let notes = |values: &Value| {
        let folder = e2e::folders::TemporaryFolder::new("bindery-chart-test").unwrap();
        let file = folder.path().join("values.json");
        fs::write(&file, values.to_string()).unwrap();
        let output = Command::new(&helm)
            .args(["install", "release", "--dry-run=client", "--namespace", "bindery-system", "--values"])
            .arg(file)
            .arg(repository().join("charts/bindery"))
            .env("KUBECONFIG", control_plane.kubeconfig_path())
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).unwrap();
        text.split_once("NOTES:").unwrap().1.to_string()
    };
    // Another test may have installed the CRDs, and Helm takes over nobody's.
    let said = notes(&json!({"clusterId": "aks-1", "crds": {"enabled": false}}));
    assert!(
        said.contains("WARNING: deleting the CustomResourceDefinitions of bindery.dev deletes"),
        "{said}"
    );
    assert!(
        said.contains("It watches all namespaces.") && said.contains("managed identity of its node"),
        "{said}"
    );
    assert!(said.contains("WARNING: operatorIdentity.allow is empty"), "{said}");
    let said = notes(&json!({"clusterId": "aks-1", "crds": {"enabled": false},
        "azure": {"clientId": IDENTITY, "clientCertificate": {"secretName": "bindery-tls"}}}));
    let expected =
        format!("It acts as {IDENTITY} by the certificate tls-combined.pem of the secret bindery-tls.");
    assert!(said.contains(&expected), "{said}");
    let said = notes(
        &json!({"clusterId": "aks-1", "watchNamespaces": ["fares", "risk"], "observeOnly": true, "crds": {"enabled": false},
        "operatorIdentity": {"allow": [{"namespaces": ["fares", "risk"], "subscriptions": ["*"]}, {"namespaces": ["ml"], "subscriptions": ["*"]}]},
        "azure": {"clientId": IDENTITY}, "workloadIdentity": {"enabled": true}}),
    );
    assert!(said.contains("objects of the namespaces fares, risk, ml."), "{said}");
    assert!(!said.contains("operatorIdentity.allow is empty"), "{said}");
    assert!(said.contains("It watches the namespaces fares, risk, and changes nothing in Azure"), "{said}");
    assert!(said.contains(&format!("It acts as {IDENTITY} by workload identity")), "{said}");
}

#[tokio::test]
async fn values_that_cannot_be_right_are_refused_with_a_sentence() {
    let Some(helm) = helm().await else { return };
    let cases = [
        (json!({}), "clusterId is required: a name for this cluster that stays with it"),
        (json!({"clusterId": "aks/1"}), "at '/clusterId': 'aks/1' does not match pattern"),
        (json!({"clusterId": "a", "observeonly": true}), "additional properties 'observeonly' not allowed"),
        (json!({"clusterId": "a", "log": {"format": "xml"}}), "at '/log/format': value must be one of"),
        (
            json!({"clusterId": "a", "azure": {"armEndpoint": "https://arm"}}),
            "at '/azure': additional properties 'armEndpoint' not allowed",
        ),
        (
            json!({"clusterId": "a", "azure": {"cloud": "germany"}}),
            "at '/azure/cloud': 'germany' does not match pattern",
        ),
        (
            json!({"clusterId": "a", "azure": {"cloud": {"authority": "https://login"}}}),
            "at '/azure/cloud': missing property 'resourceManager'",
        ),
        (
            json!({"clusterId": "a", "azure": {"cloud": {"authority": "http://login", "resourceManager": "https://arm"}}}),
            "at '/azure/cloud/authority': 'http://login' does not match pattern",
        ),
        // A person's login is not one of a cluster.
        (
            json!({"clusterId": "a", "azure": {"credential": "azure-cli"}}),
            "at '/azure/credential': value must be one of",
        ),
        (
            json!({"clusterId": "a", "azure": {"clientId": "bindery"}}),
            "at '/azure/clientId': 'bindery' does not match pattern",
        ),
        (
            json!({"clusterId": "a", "workloadIdentity": {"enabled": true}}),
            "azure.clientId is required with workloadIdentity.enabled: the client id of",
        ),
        (
            json!({"clusterId": "a", "workloadIdentity": {"clientId": IDENTITY}}),
            "at '/workloadIdentity': additional properties 'clientId' not allowed",
        ),
        (json!({"clusterId": "a", "replicas": "2"}), "at '/replicas': got string, want integer"),
        (
            json!({"clusterId": "a", "leaderElection": {"retryPeriod": "0.5s"}}),
            "at '/leaderElection/retryPeriod': '0.5s' does not match pattern",
        ),
        (
            json!({"clusterId": "a", "watchNamespaces": "fares"}),
            "at '/watchNamespaces': got string, want array",
        ),
        (
            json!({"clusterId": "a", "watchNamespaces": ["Fares"]}),
            "at '/watchNamespaces/0': 'Fares' does not match pattern",
        ),
        (
            json!({"clusterId": "a", "watchNamespaces": ["fares", "fares"]}),
            "at '/watchNamespaces': items at 0 and 1 are equal",
        ),
        (
            json!({"clusterId": "a", "operatorIdentity": {"allow": [{"namespaces": ["fares"]}]}}),
            "at '/operatorIdentity/allow/0': missing property 'subscriptions'",
        ),
        (
            json!({"clusterId": "a", "operatorIdentity": {"allow": [{"namespaces": ["fares"], "subscriptions": ["prod"]}]}}),
            "at '/operatorIdentity/allow/0/subscriptions/0': 'prod' does not match pattern",
        ),
        (
            json!({"clusterId": "a", "approvalPolicy": {"onBehalfOf": "argocd"}}),
            "at '/approvalPolicy/onBehalfOf': got string, want array",
        ),
        (
            json!({"clusterId": "a", "actionPolicy": {"promotion": {"namespaceSelector": {"tier": "production"}}}}),
            "additional properties 'tier' not allowed",
        ),
        (
            json!({"clusterId": "a", "crds": {"install": false}}),
            "additional properties 'install' not allowed",
        ),
    ];
    for (values, sentence) in cases {
        let output = template(&helm, &values);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && said.contains(sentence), "{values}: {said}");
    }
}

#[tokio::test]
async fn probes_and_the_service_lead_to_the_port_that_the_program_serves_at() {
    let Some(helm) = helm().await else { return };
    let values = json!({
        "clusterId": "aks-1", "replicas": 2, "commonLabels": {"team": "platform"}, "extraArgs": ["--place-tenants=x"],
        "topologySpreadConstraints": [{"maxSkew": 1}], "podDisruptionBudget": {"create": true},
        "http": {"port": 9090, "service": {"annotations": {"a": "b"}},
            "serviceMonitor": {"create": true, "labels": {"release": "prometheus"}, "interval": "15s"}},
        "networkPolicy": {"create": true, "from": [{"namespaceSelector": {}}]},
    });
    let objects = render(&helm, &values);
    let deployment = one(&objects, "Deployment");
    let pod = &deployment["spec"]["template"];
    let container = &pod["spec"]["containers"][0];
    let arguments = container["args"].as_array().unwrap();
    assert!(arguments.contains(&json!("--bind-address=0.0.0.0:9090")), "{arguments:?}");
    assert_eq!(arguments.last(), Some(&json!("--place-tenants=x")));
    assert_eq!(container["ports"], json!([{"name": "http", "containerPort": 9090}]));
    for (probe, path) in [("livenessProbe", "/healthz"), ("readinessProbe", "/readyz")] {
        assert_eq!(container[probe]["httpGet"], json!({"path": path, "port": "http"}));
    }
    assert_eq!(pod["spec"]["topologySpreadConstraints"], json!([{"maxSkew": 1}]));
    let labels = &pod["metadata"]["labels"];
    let selects =
        |selector: &Value| selector.as_object().unwrap().iter().all(|(key, value)| &labels[key] == value);
    let service = one(&objects, "Service");
    assert_eq!(service["spec"]["ports"], json!([{"name": "http", "port": 9090, "targetPort": "http"}]));
    assert_eq!(service["metadata"]["annotations"], json!({"a": "b"}));
    assert!(selects(&service["spec"]["selector"]));
    let monitor = one(&objects, "ServiceMonitor");
    assert_eq!(monitor["metadata"]["labels"]["release"], "prometheus");
    assert_eq!(
        monitor["spec"]["endpoints"],
        json!([{"port": "http", "path": "/metrics", "interval": "15s"}])
    );
    for (key, value) in monitor["spec"]["selector"]["matchLabels"].as_object().unwrap() {
        assert_eq!(&service["metadata"]["labels"][key], value);
    }
    let policy = one(&objects, "NetworkPolicy");
    assert!(selects(&policy["spec"]["podSelector"]["matchLabels"]));
    assert_eq!(
        policy["spec"]["ingress"],
        json!([{"ports": [{"port": "http"}], "from": [{"namespaceSelector": {}}]}])
    );
    let budget = one(&objects, "PodDisruptionBudget");
    assert!(selects(&budget["spec"]["selector"]["matchLabels"]) && budget["spec"]["maxUnavailable"] == 1);
    let made = objects.iter().filter(|it| it["kind"] != "CustomResourceDefinition");
    let bare: Vec<_> = made.filter(|it| it["metadata"]["labels"]["team"] != "platform").collect();
    assert!(bare.is_empty(), "{bare:?}");
}

#[tokio::test]
async fn values_that_cannot_work_together_are_refused() {
    let Some(helm) = helm().await else { return };
    for (values, said) in [
        (
            json!({"podDisruptionBudget": {"create": true}}),
            "podDisruptionBudget.create needs replicas of 2 or more",
        ),
        (
            json!({"http": {"service": {"create": false}, "serviceMonitor": {"create": true}}}),
            "http.serviceMonitor.create needs http.service.create",
        ),
        (json!({"http": {"port": 80}}), "port"),
    ] {
        let mut values = values;
        values["clusterId"] = json!("aks-1");
        let output = template(&helm, &values);
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && error.contains(said), "{error}");
    }
}

#[tokio::test]
async fn several_replicas_elect_a_leader_and_have_the_rights_for_its_lease() {
    let Some(helm) = helm().await else { return };
    let values = json!({"clusterId": "aks-1", "replicas": 2, "leaderElection": {"leaseDuration": "60s", "renewDeadline": "40s"}});
    let objects = render(&helm, &values);
    let deployment = one(&objects, "Deployment");
    assert_eq!(
        (&deployment["spec"]["replicas"], &deployment["spec"]["strategy"]),
        (&json!(2), &json!({"type": "Recreate"}))
    );
    let arguments = &deployment["spec"]["template"]["spec"]["containers"][0]["args"];
    let expected = json!([
        "--leader-elect",
        "--leader-elect-resource-name=release-bindery",
        "--leader-elect-resource-namespace=bindery-system",
        "--leader-elect-lease-duration=60s",
        "--leader-elect-renew-deadline=40s",
        "--leader-elect-retry-period=2s",
    ]);
    let all = arguments.as_array().unwrap();
    let told: Vec<&Value> =
        all.iter().filter(|it| it.as_str().unwrap().starts_with("--leader-elect")).collect();
    assert_eq!(json!(told), expected);
    let role = one(&objects, "Role");
    let rule =
        |verbs: Value| json!({"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": verbs});
    let mut named = rule(json!(["get", "patch"]));
    named["resourceNames"] = json!(["release-bindery"]);
    assert_eq!(role["rules"], json!([rule(json!(["create"])), named]));
    assert_eq!(role["metadata"]["namespace"], "bindery-system");
    let binding = one(&objects, "RoleBinding");
    assert_eq!(binding["roleRef"]["name"], role["metadata"]["name"]);
    assert_eq!(binding["subjects"][0]["name"], one(&objects, "ServiceAccount")["metadata"]["name"]);
}

#[tokio::test]
async fn secrets_are_touched_only_in_the_namespaces_that_the_values_name() {
    let Some(helm) = helm().await else { return };
    let bare = json!({"clusterId": "aks-1", "userRoles": {"create": false}});
    assert!(!render(&helm, &bare).iter().any(|object| object["rules"].to_string().contains("\"secrets\"")));
    let mut named = bare.clone();
    named["endpointKeys"] = json!({"namespaces": ["fares", "risk"]});
    let objects = render(&helm, &named);
    let of_kind =
        |kind: &str| -> Vec<&Value> { objects.iter().filter(|object| object["kind"] == kind).collect() };
    let rules = json!([{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get", "create", "update", "delete"]}]);
    let roles = of_kind("Role");
    let told: Vec<_> =
        roles.iter().map(|it| (it["metadata"]["namespace"].as_str().unwrap(), &it["rules"])).collect();
    assert_eq!(told, [("fares", &rules), ("risk", &rules)]);
    let bindings = of_kind("RoleBinding");
    let whom = |it: &&Value| {
        (
            it["metadata"]["namespace"].clone(),
            it["roleRef"]["name"].clone(),
            it["subjects"][0]["namespace"].clone(),
        )
    };
    let name = "release-bindery-endpoint-keys";
    let expected = ["fares", "risk"].map(|space| (json!(space), json!(name), json!("bindery-system")));
    assert_eq!(bindings.iter().map(whom).collect::<Vec<_>>(), expected);
}

#[tokio::test]
async fn an_api_server_takes_every_object_of_it() {
    let Some(helm) = helm().await else { return };
    let control_plane = shared().await.unwrap();
    let Some(kubectl) = control_plane.kubectl() else {
        println!("SKIPPED: there is no kubectl");
        return;
    };
    for values in [
        json!({"clusterId": "aks-1", "azure": {"clientId": IDENTITY}, "workloadIdentity": {"enabled": true}}),
        json!({"clusterId": "aks-1", "replicas": 2, "watchNamespaces": ["default", "kube-system"], "envFrom": [{"secretRef": {"name": "azure"}}],
            "extraEnv": [{"name": "A", "value": "b"}], "affinity": {"nodeAffinity": {}}}),
    ] {
        let mut objects = render(&helm, &values);
        for object in &mut objects {
            // A namespace has to be there, also for a dry run.
            if object["metadata"]["namespace"] == "bindery-system" {
                object["metadata"]["namespace"] = "default".into();
            }
        }
        let list = json!({"apiVersion": "v1", "kind": "List", "items": objects}).to_string();
        let mut apply = Command::new(kubectl)
            .args(["apply", "--server-side", "--force-conflicts", "--dry-run=server", "--validate=strict"])
            .args(["--filename", "-"])
            .env("KUBECONFIG", control_plane.kubeconfig_path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        apply.stdin.take().unwrap().write_all(list.as_bytes()).unwrap();
        let output = apply.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

const KINDS: [&str; 7] = [
    "registries",
    "workspaces",
    "modelversions",
    "deploymentbindings",
    "approvals",
    "rolloutactions",
    "metricproviders",
];
const VERBS: [&str; 9] =
    ["get", "list", "watch", "create", "update", "patch", "delete", "deletecollection", "promote"];

const ON_BEHALF_OF: &str = "system:serviceaccount:argocd:argocd-application-controller";

/// A namespace with the chart's roles in the cluster, and with its policies in this namespace alone: other tests use the
/// same cluster. Accounts of `ON_BEHALF_OF` may write approvals and actions for others; to promote takes the verb.
async fn with_roles(helm: &Path, namespace: &str) -> (kube::Client, String) {
    let client = shared().await.unwrap().client().unwrap();
    let apply = PatchParams::apply("chart-test").force();
    let space = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}});
    Api::<Namespace>::all(client.clone()).patch(namespace, &apply, &Patch::Apply(&space)).await.unwrap();
    let on_behalf_of = ["it's \"me\"", ON_BEHALF_OF];
    let promotion = json!({"namespaceSelector": {"matchLabels": {"tier": "production"}}});
    let values = json!({"clusterId": "aks-1", "crds": {"enabled": false}, "approvalPolicy": {"onBehalfOf": on_behalf_of},
        "actionPolicy": {"onBehalfOf": on_behalf_of, "promotion": promotion}});
    let mut objects = render(helm, &values);
    let only_here = json!({"matchLabels": {"kubernetes.io/metadata.name": namespace}});
    let operator = "system:serviceaccount:bindery-system:release-bindery".to_string();
    for object in &mut objects {
        // Under names of this namespace's own: Helm would find its own, and each test has its own policy.
        let name = format!("{namespace}-{}", object["metadata"]["name"].as_str().unwrap());
        object["metadata"]["name"] = json!(name);
        match object["kind"].as_str().unwrap() {
            "ClusterRole" if name.starts_with(&format!("{namespace}-bindery-")) => {
                let roles: Api<ClusterRole> = Api::all(client.clone());
                roles.patch(&name, &apply, &Patch::Apply(&*object)).await.unwrap();
            }
            "ValidatingAdmissionPolicy" => {
                let policies: Api<ValidatingAdmissionPolicy> = Api::all(client.clone());
                policies.patch(&name, &apply, &Patch::Apply(&*object)).await.unwrap();
            }
            "ValidatingAdmissionPolicyBinding" => {
                object["spec"]["policyName"] = json!(name);
                object["spec"]["matchResources"] = json!({"namespaceSelector": only_here});
                let bindings: Api<ValidatingAdmissionPolicyBinding> = Api::all(client.clone());
                bindings.patch(&name, &apply, &Patch::Apply(&*object)).await.unwrap();
            }
            _ => {}
        }
    }
    (client, operator)
}

/// Gives a user this role in the namespace.
async fn bind(client: &kube::Client, namespace: &str, user: &str, role: &str) {
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
        "metadata": {"name": user.replace(':', "-"), "namespace": namespace},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}],
    });
    let bindings: Api<RoleBinding> = Api::namespaced(client.clone(), namespace);
    let name = user.replace(':', "-");
    bindings.patch(&name, &PatchParams::apply("chart-test").force(), &Patch::Apply(&binding)).await.unwrap();
    // The API server takes a moment until it goes by a binding.
    let begun = std::time::Instant::now();
    while verbs(client, namespace, user, "modelversions").await.is_empty() {
        assert!(begun.elapsed().as_secs() < 30, "{user} may do nothing");
    }
}

/// The verbs that a user has on a resource, such as `registries/status`.
async fn verbs(client: &kube::Client, namespace: &str, user: &str, resource: &str) -> Vec<&'static str> {
    let reviews: Api<SubjectAccessReview> = Api::all(client.clone());
    let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
    let mut may = vec![];
    for verb in VERBS {
        let review = json!({
            "apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "metadata": {},
            "spec": {"user": user, "resourceAttributes": {"namespace": namespace, "verb": verb,
                "group": "bindery.dev", "resource": resource, "subresource": subresource}},
        });
        let review = serde_json::from_value(review).unwrap();
        let answer = reviews.create(&PostParams::default(), &review).await.unwrap();
        if answer.status.unwrap().allowed {
            may.push(verb);
        }
    }
    may
}

/// Each role, each verb, each kind; and nobody writes a status or a finalizer by the way of a subresource.
#[tokio::test]
async fn a_role_gives_what_its_name_says_and_no_more() {
    let Some(helm) = helm().await else { return };
    let namespace = "chart-roles";
    let (client, _) = with_roles(&helm, namespace).await;
    let (reads, writes, promotes) = (&VERBS[..3], &VERBS[..8], &VERBS[..]);
    for (role, on_places, on_own, on_approvals, on_actions) in [
        ("bindery-platform", writes, reads, reads, reads),
        ("bindery-team", reads, writes, reads, reads),
        ("bindery-approver", reads, reads, writes, reads),
        ("bindery-oncall", reads, reads, reads, writes),
        ("bindery-promoter", reads, reads, reads, promotes),
        ("bindery-viewer", reads, reads, reads, reads),
    ] {
        bind(&client, namespace, role, &format!("{namespace}-{role}")).await;
        for (at, kind) in KINDS.iter().enumerate() {
            let expected = match at {
                0 | 1 | 6 => on_places,
                4 => on_approvals,
                5 => on_actions,
                _ => on_own,
            };
            assert_eq!(verbs(&client, namespace, role, kind).await, expected, "{role} {kind}");
            for subresource in ["status", "finalizers"] {
                let resource = format!("{kind}/{subresource}");
                assert!(verbs(&client, namespace, role, &resource).await.is_empty(), "{role} {resource}");
            }
            assert!(verbs(&client, "default", role, kind).await.is_empty(), "{role} elsewhere");
        }
    }
    // By the labels of their namespace they see whether a place lets it in; nothing else of Kubernetes' own is theirs.
    let objects = render(&helm, &json!({"clusterId": "aks-1"}));
    for role in ["bindery-platform", "bindery-team", "bindery-approver", "bindery-viewer"] {
        let rules = named(&objects, "ClusterRole", role)["rules"].clone();
        let of_others =
            rules.as_array().unwrap().iter().filter(|it| it["apiGroups"] != json!(["bindery.dev"]));
        let only = json!({"apiGroups": [""], "resources": ["namespaces"], "verbs": ["get"]});
        assert_eq!(of_others.collect::<Vec<_>>(), [&only], "{role}");
    }
    for (values, role, expected) in [
        (json!({}), "bindery-viewer", json!(["view"])),
        (json!({}), "bindery-team", json!([])),
        (json!({}), "bindery-platform", json!([])),
        (json!({}), "bindery-approver", json!([])),
        (json!({}), "bindery-oncall", json!([])),
        (json!({}), "bindery-promoter", json!([])),
        (json!({"aggregateViewer": false}), "bindery-viewer", json!([])),
        (json!({"aggregateTeam": true}), "bindery-team", json!(["admin", "edit"])),
        (json!({"aggregateTeam": true}), "bindery-platform", json!([])),
    ] {
        let objects = render(&helm, &json!({"clusterId": "aks-1", "userRoles": values}));
        let labels = named(&objects, "ClusterRole", role)["metadata"]["labels"].as_object().unwrap().clone();
        let prefix = "rbac.authorization.k8s.io/aggregate-to-";
        let mut into: Vec<&str> = labels.keys().filter_map(|key| key.strip_prefix(prefix)).collect();
        into.sort_unstable();
        assert_eq!(json!(into), expected, "{values} {role}");
    }
    let none = json!({"clusterId": "aks-1", "userRoles": {"create": false}, "statusPolicy": {"create": false}, "approvalPolicy": {"create": false},
        "actionPolicy": {"create": false}});
    let none = render(&helm, &none);
    assert!(!kinds(&none).contains(&"ValidatingAdmissionPolicy"));
    assert_eq!(none.iter().filter(|object| object["kind"] == "ClusterRole").count(), 1);
}

/// What a status remembers of Azure is used, so not even whoever may do everything in a namespace writes one.
#[tokio::test]
async fn only_the_operator_writes_a_status() {
    let Some(helm) = helm().await else { return };
    let namespace = "chart-status";
    let (client, operator) = with_roles(&helm, namespace).await;
    e2e::crds::install_crds(&client, &bindery::api::crds()).await.unwrap();
    let all = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "chart-everything"},
        "rules": [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]});
    let apply = PatchParams::apply("chart-test").force();
    let roles: Api<ClusterRole> = Api::all(client.clone());
    roles.patch("chart-everything", &apply, &Patch::Apply(&all)).await.unwrap();
    let workspace = json!({"apiVersion": "bindery.dev/v1alpha1", "kind": "Workspace", "metadata": {"name": "forged", "namespace": namespace},
        "spec": {"azure": {"subscriptionId": IDENTITY, "resourceGroup": "rg"}}});
    let workspaces: Api<Workspace> = Api::namespaced(client.clone(), namespace);
    workspaces.patch("forged", &apply, &Patch::Apply(&workspace)).await.unwrap();
    let forged = json!({"status": {"observedGeneration": 1, "location": "eastus"}});
    let write = async |user: &str| {
        bind(&client, namespace, user, "chart-everything").await;
        let client = shared().await.unwrap().client_as(user).unwrap();
        let workspaces: Api<Workspace> = Api::namespaced(client, namespace);
        workspaces.patch_status("forged", &PatchParams::default(), &Patch::Merge(&forged)).await
    };
    // A policy takes a moment until it is in force.
    let begun = std::time::Instant::now();
    let refused = loop {
        match write("mallory").await {
            Err(refused) => break refused.to_string(),
            Ok(_) => assert!(begun.elapsed().as_secs() < 60, "a status was forged"),
        }
    };
    assert!(refused.contains("Only Bindery writes the status of its objects"), "{refused}");
    write(&operator).await.unwrap();
}

/// An approval counts as a person's word, so the name in it is that of whoever writes it.
#[tokio::test]
async fn an_approval_is_in_the_name_of_whoever_writes_it() {
    let Some(helm) = helm().await else { return };
    let namespace = "chart-approvals";
    let (client, _) = with_roles(&helm, namespace).await;
    e2e::crds::install_crds(&client, &bindery::api::crds()).await.unwrap();
    for (user, role) in
        [("ada", "approver"), ("grace", "approver"), ("tess", "team"), (ON_BEHALF_OF, "approver")]
    {
        bind(&client, namespace, user, &format!("{namespace}-bindery-{role}")).await;
    }
    let approval = |name: &str, by: &str| {
        json!({"apiVersion": "bindery.dev/v1alpha1", "kind": "Approval", "metadata": {"name": name, "namespace": namespace},
            "spec": {"modelVersionRef": {"name": "taxi-3", "namespace": "fares"}, "decision": "Approved", "by": by,
                "assetId": "azureml://registries/fares-models/models/taxi/versions/3"}})
    };
    let of = async |user: &str| -> Api<Approval> {
        Api::namespaced(shared().await.unwrap().client_as(user).unwrap(), namespace)
    };
    let create = async |user: &str, by: &str| {
        let name = format!("{user}-for-{by}").replace(':', "-").to_lowercase();
        let object = serde_json::from_value(approval(&name, by)).unwrap();
        let made = of(user).await.create(&PostParams::default(), &object).await;
        made.map(|_| ()).map_err(|refused| refused.to_string())
    };
    // On a cluster that outlives the test, of an earlier run.
    let all: Api<Approval> = Api::namespaced(client.clone(), namespace);
    let everything = async || all.delete_collection(&DeleteParams::default(), &ListParams::default()).await;
    everything().await.unwrap();
    // A policy takes a moment until it is in force.
    let begun = std::time::Instant::now();
    let refused = loop {
        match create("ada", "grace").await {
            Err(refused) => break refused,
            Ok(()) => assert!(begun.elapsed().as_secs() < 60, "ada decided as grace"),
        }
        everything().await.unwrap();
    };
    let sentence = "spec.by has to be your own name, ada. Accounts that apply approvals for other people, such as the one of a GitOps tool, have to be listed in approvalPolicy.onBehalfOf of the chart's values.";
    assert!(refused.contains(sentence), "{refused}");
    for (user, by, says) in [
        ("ada", "Ada", "spec.by has to be your own name, ada."),
        ("ada", ON_BEHALF_OF, "spec.by has to be your own name, ada."),
        ("tess", "tess", "cannot create resource \"approvals\""),
    ] {
        let refused = create(user, by).await.unwrap_err();
        assert!(refused.contains(says), "{user} for {by}: {refused}");
    }
    create("ada", "ada").await.unwrap();
    create(ON_BEHALF_OF, "grace").await.unwrap();
    // Nobody makes it another's afterwards, and an apply that would create it is a creation.
    let apply = PatchParams::apply("chart-test").force();
    let (own, other) = (approval("ada-for-ada", "grace"), approval("applied", "grace"));
    let ada = of("ada").await;
    let changed = ada.patch("ada-for-ada", &apply, &Patch::Apply(&own)).await.unwrap_err().to_string();
    assert!(changed.contains("an Approval cannot be changed"), "{changed}");
    let applied = ada.patch("applied", &apply, &Patch::Apply(&other)).await.unwrap_err().to_string();
    assert!(applied.contains(sentence), "{applied}");
    // To withdraw is not to decide in somebody's name.
    of("grace").await.delete("ada-for-ada", &DeleteParams::default()).await.unwrap();
}

/// An action stands in the history under a name, so that is the name of whoever writes it. Where the namespace asks for it, only some
/// people bring traffic to a revision, and everybody on call takes it away.
#[tokio::test]
async fn an_action_is_in_the_name_of_whoever_writes_it_and_promotion_may_need_a_verb() {
    let Some(helm) = helm().await else { return };
    let namespace = "chart-actions";
    let (client, _) = with_roles(&helm, namespace).await;
    e2e::crds::install_crds(&client, &bindery::api::crds()).await.unwrap();
    for (user, role) in [("ada", "oncall"), ("grace", "promoter"), ("tess", "team"), (ON_BEHALF_OF, "oncall")]
    {
        bind(&client, namespace, user, &format!("{namespace}-bindery-{role}")).await;
    }
    let number = std::sync::atomic::AtomicUsize::new(0);
    let create = async |user: &str, action: &str, by: &str| {
        let number = number.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let mut spec = json!({"bindingRef": {"name": "taxi"}, "action": action, "revision": "5e6f7a8b90", "requestedBy": by});
        if action == "Promote" {
            spec["full"] = json!(true);
        }
        let object = json!({"apiVersion": "bindery.dev/v1alpha1", "kind": "RolloutAction",
            "metadata": {"name": format!("taxi-{number}"), "namespace": namespace}, "spec": spec});
        let user = shared().await.unwrap().client_as(user).unwrap();
        let actions: Api<RolloutAction> = Api::namespaced(user, namespace);
        let made = actions.create(&PostParams::default(), &serde_json::from_value(object).unwrap()).await;
        made.map(|_| ()).map_err(|refused| refused.to_string())
    };
    // On a cluster that outlives the test, of an earlier run.
    let all: Api<RolloutAction> = Api::namespaced(client.clone(), namespace);
    all.delete_collection(&DeleteParams::default(), &ListParams::default()).await.unwrap();
    // Policies take a moment until they are in force.
    let in_force = async |user: &str, action: &str, by: &str| {
        let begun = std::time::Instant::now();
        loop {
            match create(user, action, by).await {
                Err(refused) => break refused,
                Ok(()) => assert!(begun.elapsed().as_secs() < 60, "{user} did {action} as {by}"),
            }
        }
    };
    let sentence = "spec.requestedBy has to be your own name, ada. Accounts that apply actions for other people, such as the one of a GitOps tool, have to be listed in actionPolicy.onBehalfOf of the chart's values.";
    let refused = in_force("ada", "Abort", "grace").await;
    assert!(refused.contains(sentence), "{refused}");
    let sentence = "In namespace chart-actions, Promote needs the verb promote on rolloutactions, which ada does not have; the ClusterRole bindery-promoter gives it. Abort and Rollback do not need it.";
    let refused = in_force("ada", "Promote", "ada").await;
    assert!(refused.contains(sentence), "{refused}");
    for (user, action, by, says) in [
        ("ada", "Retry", "ada", Some("Retry needs the verb promote")),
        ("ada", "Release", "ada", Some("Release needs the verb promote")),
        ("ada", "Abort", "ada", None),
        ("ada", "Rollback", "ada", None),
        ("grace", "Promote", "grace", None),
        ("grace", "Retry", "grace", None),
        ("grace", "Release", "grace", None),
        ("grace", "Abort", "ada", Some("spec.requestedBy has to be your own name, grace.")),
        (ON_BEHALF_OF, "Abort", "grace", None),
        (ON_BEHALF_OF, "Promote", "grace", Some("Promote needs the verb promote")),
        ("tess", "Abort", "tess", Some("cannot create resource \"rolloutactions\"")),
    ] {
        let refused = create(user, action, by).await.err();
        let as_expected = match (&refused, says) {
            (Some(refused), Some(says)) => refused.contains(says),
            (None, None) => true,
            _ => false,
        };
        assert!(as_expected, "{user} {action} as {by}: {refused:?}");
    }
}

/// Only where the values name namespaces does to promote take the verb.
#[tokio::test]
async fn nobody_needs_the_verb_promote_where_the_values_select_no_namespace() {
    let Some(helm) = helm().await else { return };
    let selector = json!({"matchExpressions": [{"key": "tier", "operator": "In", "values": ["production"]}]});
    for (policy, expected) in [
        (json!({}), None),
        (json!({"promotion": {"namespaceSelector": selector}}), Some(&selector)),
        (json!({"create": false, "promotion": {"namespaceSelector": selector}}), None),
    ] {
        let objects = render(&helm, &json!({"clusterId": "aks-1", "actionPolicy": policy}));
        let binding = objects.iter().find(|object| {
            object["kind"] == "ValidatingAdmissionPolicyBinding"
                && object["metadata"]["name"] == "release-bindery-promotion"
        });
        let selects = binding.map(|binding| &binding["spec"]["matchResources"]["namespaceSelector"]);
        assert_eq!(selects, expected, "{policy}");
    }
}

/// Where nobody checks who writes an approval, the operator has to know.
#[tokio::test]
async fn the_operator_is_told_whether_the_policy_for_approvals_is_there() {
    let Some(helm) = helm().await else { return };
    for (values, there) in [
        (json!({}), true),
        (json!({"approvalPolicy": {"create": false}}), false),
        (json!({"watchNamespaces": ["fares"]}), false),
    ] {
        let mut all = json!({"clusterId": "aks-1", "statusPolicy": {"create": false}, "actionPolicy": {"create": false}});
        all.as_object_mut().unwrap().extend(values.as_object().unwrap().clone());
        let objects = render(&helm, &all);
        let arguments = &one(&objects, "Deployment")["spec"]["template"]["spec"]["containers"][0]["args"];
        let told = arguments.as_array().unwrap().contains(&json!("--authors-checked"));
        let made = kinds(&objects).contains(&"ValidatingAdmissionPolicyBinding");
        assert_eq!((made, told), (there, there), "{values}");
    }
}
