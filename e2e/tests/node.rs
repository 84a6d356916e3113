//! The chart on a real node: the operator as its own pods, from its own image, under the restricted standard.
//!
//! `cargo xtask test --only node` builds the image and names it in [`IMAGE_VARIABLE`]; `cargo test --package e2e` leaves this
//! test out.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use azureml_emulator::{Client as Application, Config, Emulator, Federated};
use bindery::api::Registry;
use e2e::cable::Cable;
use e2e::folders::TemporaryFolder;
use e2e::stand::{GROUP, LEASE, SUBSCRIPTION, azure_id, emulator_config, ready};
use e2e::{ControlPlane, Options, Progress, free_port, node, process, tools};
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Pod};
use kube::api::{Api, EvictParams, ListParams, Patch, PatchParams, PostParams};
use kube::{Client, ResourceExt};
use serde_json::{Value, json};

/// Names the archive with the image.
const IMAGE_VARIABLE: &str = "BINDERY_TEST_IMAGE";
/// Tells the process that [`owner`] is to do something.
const TO_BE_KILLED: &str = "BINDERY_TEST_TO_BE_KILLED";
const SYSTEM: &str = "bindery-system";
const TEAM: &str = "fares";
const NAME: &str = "fares-models";
/// Whom the operator is in Azure, by its service account's token alone.
const CLIENT: &str = "0b5e7a11-0000-4000-8000-000000000042";
/// A leader that was killed left a lease of 15 s and perhaps a request of 30 s.
const PATIENCE: Duration = Duration::from_secs(120);

type Outcome = Result<(), Box<dyn std::error::Error + Send + Sync>>;

struct Stand {
    control_plane: ControlPlane,
    client: Client,
    emulator: Emulator,
    /// From the bridge to the emulator.
    _cable: Cable,
    values: Value,
    folder: TemporaryFolder,
    helm: PathBuf,
}

impl Stand {
    async fn start() -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        let options = Options { node: true, ..Options::default() };
        let control_plane = ControlPlane::start(options).await?;
        let archive = std::env::var(IMAGE_VARIABLE)
            .map_err(|_| format!("{IMAGE_VARIABLE} names no image: cargo xtask test --only node"))?;
        node::import(Path::new(&archive))?;
        let client = control_plane.client()?;
        namespace(&client, SYSTEM, json!({"pod-security.kubernetes.io/enforce": "restricted"})).await?;
        namespace(&client, TEAM, json!({})).await?;

        let port = free_port()?;
        let cable = Cable::from((node::ADDRESS, 0).into(), port).await?;
        let url = format!("https://{}:{}", node::ADDRESS, cable.port());
        let keys = http::Request::get("/openid/v1/jwks").body(vec![])?;
        let keys = client.request::<Value>(keys).await?;
        let federated = Federated {
            issuer: control_plane.token_issuer().unwrap(),
            subject: format!("system:serviceaccount:{SYSTEM}:bindery"),
            keys: Some(keys),
            ..Federated::default()
        };
        let application = Application {
            client_id: CLIENT.into(),
            name: "the-pod".into(),
            federated: vec![federated],
            ..Application::default()
        };
        let story = emulator_config(100.0);
        let tenant = story.tenant.clone();
        let emulator =
            Emulator::start(Config { port, public_url: url.clone(), clients: vec![application], ..story })
                .await?;
        let authority = ConfigMap {
            metadata: kube::core::ObjectMeta { name: Some("azure-ca".into()), ..Default::default() },
            data: Some([("ca.pem".to_string(), emulator.ca_pem().to_string())].into()),
            ..ConfigMap::default()
        };
        Api::namespaced(client.clone(), SYSTEM).create(&PostParams::default(), &authority).await?;
        let values = values(&url, &tenant);
        let (folder, helm) =
            (TemporaryFolder::new("bindery-node-test")?, tools::helm(&Progress::stderr()).await?);
        Ok(Self { control_plane, client, emulator, _cable: cable, values, folder, helm })
    }

    /// `helm upgrade --install`, which waits until the pods of this revision are ready.
    async fn upgrade(&self) -> Outcome {
        let file = self.folder.path().join("values.json");
        fs::write(&file, self.values.to_string())?;
        let mut command = Command::new(&self.helm);
        command
            .args([
                "upgrade",
                "--install",
                "bindery",
                "--namespace",
                SYSTEM,
                "--wait",
                "--timeout",
                "120s",
                "--values",
            ])
            .arg(file)
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("../charts/bindery"))
            .env("KUBECONFIG", self.control_plane.kubeconfig_path());
        let output = tokio::task::spawn_blocking(move || command.output()).await??;
        if output.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        Err(format!("helm: {said}\n{}", self.what_pods_say().await).into())
    }

    fn pods(&self) -> Api<Pod> {
        Api::namespaced(self.client.clone(), SYSTEM)
    }

    /// The pods that are not being deleted.
    async fn living(&self) -> Vec<Pod> {
        let all = self.pods().list(&ListParams::default()).await.unwrap().items;
        all.into_iter()
            .filter(|pod| pod.metadata.deletion_timestamp.is_none() && phase(pod) == "Running")
            .collect()
    }

    /// The pod that holds the lease.
    async fn leader(&self) -> Pod {
        let leases: Api<Lease> = Api::namespaced(self.client.clone(), SYSTEM);
        let begun = Instant::now();
        loop {
            let lease = leases.get_opt(LEASE).await.unwrap();
            let holder = lease.and_then(|lease| lease.spec?.holder_identity).unwrap_or_default();
            let mut living = self.living().await.into_iter();
            if let Some(pod) = living.find(|pod| holder.starts_with(&pod.name_any())) {
                return pod;
            }
            assert!(begun.elapsed() < PATIENCE, "no pod holds the lease, but {holder:?}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Waits until two pods are ready and satisfy this.
    async fn two_pods(&self, what: &str, holds: impl Fn(&[Pod]) -> bool) -> Vec<Pod> {
        let begun = Instant::now();
        loop {
            let living = self.living().await;
            if living.len() == 2 && living.iter().all(is_ready) && holds(&living) {
                return living;
            }
            if begun.elapsed() > PATIENCE {
                panic!("there are not two pods {what}:\n{}", self.what_pods_say().await);
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// Gives the registry this tag, and waits until Azure and the status have it.
    async fn tag(&self, value: &str) {
        let registries: Api<Registry> = Api::namespaced(self.client.clone(), TEAM);
        let object = json!({
            "apiVersion": "bindery.dev/v1alpha1", "kind": "Registry", "metadata": {"name": NAME},
            "spec": {
                "azure": {"subscriptionId": SUBSCRIPTION, "resourceGroup": GROUP},
                "location": "eastus", "tags": {"edit": value},
            },
        });
        let apply = PatchParams::apply("test").force();
        registries.patch(NAME, &apply, &Patch::Apply(&object)).await.unwrap();
        let begun = Instant::now();
        loop {
            let object = registries.get(NAME).await.unwrap();
            if ready(&object) {
                break;
            }
            if begun.elapsed() > PATIENCE {
                panic!("{value}: {:#?}\n{}", object.status, self.what_pods_say().await);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        println!("{value}: in Azure after {:.1} s", begun.elapsed().as_secs_f32());
    }

    /// The tags that were written, each by whom, oldest first.
    fn written(&self) -> Vec<(String, Value)> {
        let id = azure_id(&format!("registries/{NAME}")).to_lowercase();
        let control = self.emulator.control();
        let all = control.log().filter(|entry| entry.method == "PUT" || entry.method == "PATCH");
        let on = all.filter(|entry| entry.path.to_lowercase() == id && entry.status < 300);
        on.map(|entry| (entry.principal.clone(), entry.body.as_ref().unwrap()["tags"]["edit"].clone()))
            .collect()
    }

    async fn what_pods_say(&self) -> String {
        let mut all = String::new();
        for pod in self.pods().list(&ListParams::default()).await.unwrap() {
            let log = self.pods().logs(&pod.name_any(), &kube::api::LogParams::default()).await;
            let log = log.unwrap_or_else(|why| why.to_string());
            let lines: Vec<&str> = log.lines().collect();
            let status = serde_json::to_string(&pod.status).unwrap();
            all.push_str(&format!("{} {status}\n", pod.name_any()));
            all.push_str(&lines[lines.len().saturating_sub(15)..].join("\n"));
            all.push('\n');
        }
        all
    }
}

/// The chart's values; what AKS's webhook would add to the pod is written out.
fn values(azure: &str, tenant: &str) -> Value {
    let token = "/var/run/secrets/azure/tokens";
    json!({
        "clusterId": "node",
        "replicas": 2,
        "image": {"pullPolicy": "Never"},
        "operatorIdentity": {"allow": [{"namespaces": [TEAM], "subscriptions": [SUBSCRIPTION]}]},
        "workloadIdentity": {"enabled": true},
        "azure": {
            "clientId": CLIENT, "tenantId": tenant,
            "credential": "workload-identity",
            "cloud": {"authority": azure, "resourceManager": azure},
        },
        "extraEnv": [
            {"name": "AZURE_CLIENT_ID", "value": CLIENT},
            {"name": "AZURE_TENANT_ID", "value": tenant},
            {"name": "AZURE_FEDERATED_TOKEN_FILE", "value": format!("{token}/azure-identity-token")},
            {"name": "BINDERY_CA_BUNDLE", "value": "/etc/bindery/ca.pem"},
        ],
        "extraVolumes": [
            {"name": "azure-ca", "configMap": {"name": "azure-ca"}},
            {"name": "azure-identity-token", "projected": {"sources": [{"serviceAccountToken": {
                "audience": "api://AzureADTokenExchange", "expirationSeconds": 3600, "path": "azure-identity-token",
            }}]}},
        ],
        "extraVolumeMounts": [
            {"name": "azure-ca", "mountPath": "/etc/bindery", "readOnly": true},
            {"name": "azure-identity-token", "mountPath": token, "readOnly": true},
        ],
    })
}

async fn namespace(client: &Client, name: &str, labels: Value) -> Outcome {
    let object =
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}});
    let api: Api<Namespace> = Api::all(client.clone());
    api.patch(name, &PatchParams::apply("test").force(), &Patch::Apply(&object)).await?;
    Ok(())
}

fn phase(pod: &Pod) -> &str {
    pod.status.as_ref().and_then(|status| status.phase.as_deref()).unwrap_or_default()
}

fn is_ready(pod: &Pod) -> bool {
    let conditions = pod.status.iter().flat_map(|status| status.conditions.iter().flatten());
    conditions.into_iter().any(|condition| condition.type_ == "Ready" && condition.status == "True")
}

fn restarts(pod: &Pod) -> i32 {
    let containers = pod.status.iter().flat_map(|status| status.container_statuses.iter().flatten());
    containers.map(|container| container.restart_count).sum()
}

fn names(pods: &[Pod]) -> BTreeSet<String> {
    pods.iter().map(ResourceExt::name_any).collect()
}

/// A machine has one node, and so the tests one after the other.
static ONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// Not a test: what [`a_node_whose_owner_was_killed_is_cleared_up`] kills.
#[tokio::test]
#[ignore = "only for the test that kills it"]
async fn owner() {
    if std::env::var_os(TO_BE_KILLED).is_none() {
        return;
    }
    let options = Options { node: true, ..Options::default() };
    let control_plane = ControlPlane::start(options).await.unwrap();
    let pods: Api<Pod> = Api::namespaced(control_plane.client().unwrap(), "default");
    let pod = serde_json::from_value(json!({"metadata": {"name": "idle"}, "spec": {"containers": [
        {"name": "idle", "image": "localhost/pause:1", "imagePullPolicy": "Never"},
    ]}}));
    pods.create(&PostParams::default(), &pod.unwrap()).await.unwrap();
    let container = loop {
        let pod = pods.get("idle").await.unwrap();
        if is_ready(&pod) {
            break pod.status.unwrap().container_statuses.unwrap()[0].container_id.clone().unwrap();
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    println!("\n{TO_BE_KILLED} {}", container.trim_start_matches("containerd://"));
    tokio::time::sleep(Duration::from_secs(300)).await;
}

#[tokio::test]
async fn a_node_whose_owner_was_killed_is_cleared_up() {
    let _one = ONE.lock().await;
    let mut owner = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "owner", "--ignored", "--nocapture"])
        .env(TO_BE_KILLED, "yes")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let container = BufReader::new(owner.stdout.take().unwrap())
        .lines()
        .map_while(Result::ok)
        .find_map(|line| line.strip_prefix(TO_BE_KILLED).map(|id| id.trim().to_string()))
        .expect("the owner says which container runs");
    let left = || {
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap().contains(node::FOLDER);
        let processes = fs::read_dir("/proc").unwrap().flatten();
        let within = processes.filter(|entry| {
            fs::read_to_string(entry.path().join("cgroup")).is_ok_and(|cgroups| cgroups.contains(&container))
        });
        // One that has ended stays in the list, with its cgroup, until the machine's init has asked about it.
        let ids = within.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        let running = ids.filter(|id| process::is_alive(*id)).count();
        (running, mounts, Path::new("/sys/class/net/bindery0").exists(), Path::new(node::FOLDER).exists())
    };
    assert_eq!(left(), (1, true, true, true));
    assert!(!node::clear().unwrap(), "the node of a living owner is left alone");

    owner.kill().unwrap(); // SIGKILL: it can clear up nothing any more
    owner.wait().unwrap();
    assert_eq!(left(), (1, true, true, true));

    assert!(node::clear().unwrap());
    assert_eq!(left(), (0, false, false, false));
    assert!(!node::clear().unwrap(), "there is nothing more to clear up");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_chart_runs_on_a_node_and_survives_what_happens_to_pods() -> Outcome {
    let _one = ONE.lock().await;
    // The standard is enforced: a pod that asks for more is refused there.
    let mut stand = Stand::start().await?;
    let root = serde_json::from_value(json!({
        "metadata": {"name": "root"}, "spec": {"containers": [{"name": "root", "image": "bindery:0.1.0"}]},
    }))?;
    let refused = stand.pods().create(&PostParams::default(), &root).await.unwrap_err().to_string();
    assert!(refused.contains("violates PodSecurity \"restricted"), "{refused}");

    stand.upgrade().await?;
    let first =
        stand.two_pods("after the installation", |pods| pods.iter().all(|pod| restarts(pod) == 0)).await;
    stand.tag("installed").await;

    // Killed: the same pod starts its container again, and whoever leads then goes on.
    let leader = stand.leader().await;
    let status = leader.status.as_ref().and_then(|status| status.container_statuses.as_ref()).unwrap();
    node::kill_container(status[0].container_id.as_deref().unwrap())?;
    let killed = leader.name_any();
    let started_again = |pods: &[Pod]| pods.iter().any(|pod| pod.name_any() == killed && restarts(pod) == 1);
    let after = stand.two_pods("after the kill", started_again).await;
    assert_eq!(names(&after), names(&first));
    stand.tag("killed").await;

    // Evicted, as by `kubectl drain`: the pod releases the lease, and another takes its place.
    let evicted = stand.leader().await.name_any();
    stand.pods().evict(&evicted, &EvictParams::default()).await?;
    stand.two_pods("after the eviction", |pods| !names(pods).contains(&evicted)).await;
    stand.tag("evicted").await;

    // Rolled by an upgrade.
    let before = names(&stand.living().await);
    stand.values["podAnnotations"] = json!({"rolled": "yes"});
    stand.upgrade().await?;
    let rolled = stand.two_pods("after the upgrade", |pods| names(pods).is_disjoint(&before)).await;
    assert!(rolled.iter().all(|pod| pod.annotations()["rolled"] == "yes"));
    stand.tag("rolled").await;

    // Each edit was written once, by the identity that the projected token stands for.
    let edits = ["installed", "killed", "evicted", "rolled"];
    assert_eq!(stand.written(), edits.map(|edit| ("the-pod".to_string(), json!(edit))));
    Ok(())
}
