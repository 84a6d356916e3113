//! The control plane itself: rights are checked, tokens work, kubectl answers, and nothing outlives
//! whoever started it.

#![allow(clippy::unwrap_used)]

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use e2e::control_plane::shared;
use e2e::{ControlPlane, Options, install_crds, process};
use k8s_openapi::api::authentication::v1::{SelfSubjectReview, TokenReview, TokenReviewSpec};
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, ServiceAccount};
use k8s_openapi::api::rbac::v1::{Role, RoleBinding, RoleRef, Subject};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Api, DeleteParams, ListParams, ObjectMeta, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use serde_json::json;

/// Set for the copy of this test binary that is started in order to be killed.
const TO_BE_KILLED: &str = "BINDERY_TEST_TO_BE_KILLED";

async fn client_of(kubeconfig: &Path) -> Client {
    let kubeconfig = Kubeconfig::read_from(kubeconfig).unwrap();
    let mut config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.unwrap();
    config.default_retry = false;
    Client::try_from(config).unwrap()
}

fn named(name: &str) -> ObjectMeta {
    ObjectMeta { name: Some(name.into()), ..ObjectMeta::default() }
}

async fn namespace(client: &Client, name: &str) {
    let namespace = Namespace { metadata: named(name), ..Namespace::default() };
    Api::all(client.clone()).create(&PostParams::default(), &namespace).await.unwrap();
}

async fn service_account(client: &Client, namespace: &str, name: &str) {
    let account = ServiceAccount { metadata: named(name), ..ServiceAccount::default() };
    Api::namespaced(client.clone(), namespace).create(&PostParams::default(), &account).await.unwrap();
}

#[tokio::test]
async fn a_service_account_has_the_rights_that_rbac_gives_it_and_no_others() {
    let control_plane = shared().await.unwrap();
    let admin = control_plane.client().unwrap();
    namespace(&admin, "rights").await;
    service_account(&admin, "rights", "reader").await;

    let path = control_plane.kubeconfig_for_service_account("rights", "reader").await.unwrap();
    let reader = client_of(&path).await;
    let review = SelfSubjectReview::default();
    let me =
        Api::<SelfSubjectReview>::all(reader.clone()).create(&PostParams::default(), &review).await.unwrap();
    assert_eq!(
        me.status.unwrap().user_info.unwrap().username.unwrap(),
        "system:serviceaccount:rights:reader"
    );

    let maps: Api<ConfigMap> = Api::namespaced(reader.clone(), "rights");
    let Err(kube::Error::Api(refusal)) = maps.list(&ListParams::default()).await else {
        panic!("an account without rights may list config maps");
    };
    assert_eq!((refusal.code, refusal.reason.as_str()), (403, "Forbidden"));

    let role: Role = serde_json::from_value(json!({"metadata": {"name": "reader"},
        "rules": [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["list"]}]}))
    .unwrap();
    Api::namespaced(admin.clone(), "rights").create(&PostParams::default(), &role).await.unwrap();
    let binding = RoleBinding {
        metadata: named("reader"),
        role_ref: RoleRef {
            api_group: "rbac.authorization.k8s.io".into(),
            kind: "Role".into(),
            name: "reader".into(),
        },
        subjects: Some(vec![Subject {
            kind: "ServiceAccount".into(),
            name: "reader".into(),
            namespace: Some("rights".into()),
            ..Subject::default()
        }]),
    };
    Api::namespaced(admin, "rights").create(&PostParams::default(), &binding).await.unwrap();
    // The authorizer looks at roles through a cache of its own.
    let deadline = Instant::now() + Duration::from_secs(20);
    while maps.list(&ListParams::default()).await.is_err() {
        assert!(Instant::now() < deadline, "the role gives no rights");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let secrets: Api<k8s_openapi::api::core::v1::Secret> = Api::namespaced(reader, "rights");
    assert!(secrets.list(&ListParams::default()).await.is_err());
}

#[tokio::test]
async fn tokens_are_issued_for_an_audience_by_the_issuer_that_is_named() {
    let control_plane = shared().await.unwrap();
    let admin = control_plane.client().unwrap();
    let issuer = control_plane.token_issuer().unwrap();
    let discovery = http::Request::get("/.well-known/openid-configuration").body(Vec::new()).unwrap();
    let discovery: serde_json::Value = admin.request(discovery).await.unwrap();
    assert_eq!(discovery["issuer"], issuer);
    assert_eq!(discovery["jwks_uri"], format!("{issuer}/openid/v1/jwks"));
    let public_key = std::fs::read_to_string(control_plane.token_public_key().unwrap()).unwrap();
    assert!(public_key.starts_with("-----BEGIN PUBLIC KEY-----"), "{public_key}");

    namespace(&admin, "tokens").await;
    service_account(&admin, "tokens", "federated").await;
    let audience = "api://AzureADTokenExchange".to_string();
    let accounts: Api<ServiceAccount> = Api::namespaced(admin.clone(), "tokens");
    let request = serde_json::from_value(json!({"spec": {"audiences": [audience]}})).unwrap();
    let token = accounts.create_token_request("federated", &PostParams::default(), &request).await.unwrap();
    let token = token.status.unwrap().token;
    let review = async |audiences| {
        let review = TokenReview {
            spec: TokenReviewSpec { token: Some(token.clone()), audiences },
            ..TokenReview::default()
        };
        let reviews = Api::<TokenReview>::all(admin.clone());
        let status = reviews.create(&PostParams::default(), &review).await.unwrap().status.unwrap();
        (status.authenticated.unwrap_or(false), status.audiences.unwrap_or_default())
    };
    assert_eq!(review(Some(vec![audience.clone()])).await, (true, vec![audience]));
    // Its own audience only: it is worth nothing to the API server itself.
    assert_eq!(review(None).await, (false, vec![]));
}

#[tokio::test]
async fn kubectl_answers_and_knows_its_version() {
    let control_plane = shared().await.unwrap();
    let kubectl = |arguments: &[&str]| {
        let output = Command::new(control_plane.kubectl().expect("a kubectl"))
            .args(arguments)
            .env("KUBECONFIG", control_plane.kubeconfig_path())
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let namespaces = kubectl(&["get", "namespaces", "-o", "name"]);
    assert!(namespaces.contains("namespace/kube-system"), "{namespaces}");
    let versions: serde_json::Value = serde_json::from_str(&kubectl(&["version", "-o", "json"])).unwrap();
    // Ready binaries, of KUBEBUILDER_ASSETS or setup-envtest, have a version of their own.
    let built = e2e::folders::cache().unwrap();
    if control_plane.kubectl().is_some_and(|kubectl| kubectl.starts_with(built)) {
        let expected = format!("v{}", e2e::tools::KUBERNETES_VERSION);
        assert_eq!(versions["clientVersion"]["gitVersion"], expected);
        assert_eq!(versions["serverVersion"]["gitVersion"], expected);
    }
}

#[tokio::test]
async fn helm_is_built_when_it_is_asked_for() {
    let helm = e2e::tools::helm(&e2e::Progress::stderr()).await.unwrap();
    let output = Command::new(helm).args(["version", "--template", "{{.Version}}"]).output().unwrap();
    let version = String::from_utf8(output.stdout).unwrap();
    assert_eq!(version, format!("v{}", e2e::tools::HELM_VERSION));
}

#[tokio::test]
async fn namespaces_end_and_what_is_owned_is_collected() {
    let control_plane = shared().await.unwrap();
    if !control_plane.has_controllers() {
        return;
    }
    let admin = control_plane.client().unwrap();
    namespace(&admin, "ending").await;
    let maps: Api<ConfigMap> = Api::namespaced(admin.clone(), "ending");
    let create = async |map: serde_json::Value| {
        let map: ConfigMap = serde_json::from_value(map).unwrap();
        maps.create(&PostParams::default(), &map).await.unwrap()
    };
    let owner = create(json!({"metadata": {"name": "owner"}})).await;
    create(json!({"metadata": {"name": "owned", "ownerReferences": [
        {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner.metadata.uid}
    ]}}))
    .await;
    let background = DeleteParams::background();
    maps.delete("owner", &background).await.unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    while maps.get_opt("owned").await.unwrap().is_some() {
        assert!(Instant::now() < deadline, "nobody collected it");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }

    let namespaces: Api<Namespace> = Api::all(admin);
    namespaces.delete("ending", &background).await.unwrap();
    while namespaces.get_opt("ending").await.unwrap().is_some() {
        assert!(Instant::now() < deadline, "the namespace does not end");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn a_crd_serves_when_it_is_installed_and_can_be_installed_again() {
    let control_plane = shared().await.unwrap();
    let admin = control_plane.client().unwrap();
    let crd: CustomResourceDefinition = serde_json::from_value(json!({
        "metadata": {"name": "widgets.test.bindery.dev"},
        "spec": {
            "group": "test.bindery.dev",
            "scope": "Namespaced",
            "names": {"kind": "Widget", "plural": "widgets", "singular": "widget"},
            "versions": [{
                "name": "v1", "served": true, "storage": true,
                "schema": {"openAPIV3Schema": {"type": "object", "properties": {
                    "spec": {"type": "object", "properties": {"size": {"type": "integer"}},
                        "x-kubernetes-validations": [{"rule": "self.size > 0", "message": "a widget has a size"}]}
                }}}
            }]
        }
    }))
    .unwrap();
    let crds = [crd];
    install_crds(&admin, &crds).await.unwrap();
    install_crds(&admin, &crds).await.unwrap();

    let widget = json!({"apiVersion": "test.bindery.dev/v1", "kind": "Widget",
        "metadata": {"name": "nothing"}, "spec": {"size": 0}});
    let request = http::Request::post("/apis/test.bindery.dev/v1/namespaces/default/widgets")
        .body(serde_json::to_vec(&widget).unwrap())
        .unwrap();
    let Err(kube::Error::Api(refusal)) = admin.request::<serde_json::Value>(request).await else {
        panic!("a rule in CEL was not looked at");
    };
    assert!(refusal.message.contains("a widget has a size"), "{refusal:?}");
}

#[tokio::test]
async fn a_named_kubeconfig_is_used_as_it_is_and_outlives_us() {
    let running = shared().await.unwrap();
    let options = Options {
        kubeconfig: Some(running.kubeconfig_path().to_path_buf()),
        context: Some("bindery".into()),
        ..Options::default()
    };
    let opened = ControlPlane::start(options.clone()).await.unwrap();
    assert_eq!(opened.server(), running.server());
    assert_eq!(opened.process_ids(), Vec::<u32>::new());
    let copy = client_of(opened.kubeconfig_path()).await;
    opened.stop();
    assert!(copy.apiserver_version().await.is_ok());

    let no_such = Options { context: Some("elsewhere".into()), ..options };
    assert_eq!(
        ControlPlane::start(no_such).await.unwrap_err().to_string(),
        "the kubeconfig has no context elsewhere: name one with --context (it has: bindery)"
    );
}

#[tokio::test]
async fn stopping_ends_the_processes_and_removes_the_folder_but_not_the_logs() {
    let mut control_plane = ControlPlane::start(Options::default()).await.unwrap();
    control_plane.check().unwrap();
    let ids = control_plane.process_ids();
    let kubeconfig = control_plane.kubeconfig_path().to_path_buf();
    let logs = control_plane.logs().unwrap().to_path_buf();
    assert!(ids.len() >= 2);

    control_plane.stop();

    assert!(ids.iter().all(|id| !process::is_alive(*id)));
    assert!(!kubeconfig.exists());
    assert!(logs.join("kube-apiserver.log").is_file());
}

/// Not a test: the parent that the next one kills.
#[tokio::test]
#[ignore = "started by the_children_of_a_killed_parent_end"]
async fn parent() {
    if std::env::var_os(TO_BE_KILLED).is_none() {
        return;
    }
    let control_plane = ControlPlane::start(Options::default()).await.unwrap();
    let folder = control_plane.kubeconfig_path().parent().unwrap().display();
    println!("\n{TO_BE_KILLED} {folder} {:?}", control_plane.process_ids());
    tokio::time::sleep(Duration::from_secs(300)).await;
}

#[tokio::test]
async fn the_children_of_a_killed_parent_end() {
    let mut parent = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "parent", "--ignored", "--nocapture"])
        .env(TO_BE_KILLED, "yes")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let said = BufReader::new(parent.stdout.take().unwrap())
        .lines()
        .map_while(Result::ok)
        .find_map(|line| line.strip_prefix(TO_BE_KILLED).map(str::to_string))
        .expect("the parent says which processes it started");
    let (folder, ids) = said.trim().split_once(' ').unwrap();
    let ids: Vec<u32> = serde_json::from_str(ids).unwrap();
    assert!(ids.iter().all(|id| process::is_alive(*id)));

    parent.kill().unwrap(); // SIGKILL: it can do nothing about them any more
    parent.wait().unwrap();

    let deadline = Instant::now() + Duration::from_secs(10);
    while ids.iter().any(|id| process::is_alive(*id)) {
        assert!(Instant::now() < deadline, "{ids:?} go on without parent");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // What it could not remove goes when the next one starts.
    let folder = PathBuf::from(folder);
    assert!(folder.exists());
    ControlPlane::start(Options::default()).await.unwrap().stop();
    assert!(!folder.exists());
}

#[tokio::test]
async fn a_process_has_its_own_id_and_status_and_log() {
    let folder = e2e::folders::TemporaryFolder::new("bindery-process-test").unwrap();
    let log = folder.path().join("logs/shell.log");
    let mut command = Command::new("sh");
    command.args(["-c", r#"echo "$$ $WORD"; cat; exit 3"#]).env("WORD", "two words");
    let mut shell = process::Process::spawn(&command, &log).unwrap();
    let status = shell.wait().await.unwrap();
    assert_eq!(status.code(), Some(3));
    assert_eq!(shell.log_tail(5), format!("{} two words", shell.id()));
    assert_eq!(shell.name(), "sh");

    let mut patient = process::Process::spawn(
        Command::new("sh").args(["-c", "trap '' TERM; while :; do sleep 0.1; done"]),
        &log,
    )
    .unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    patient.signal(process::Signal::Terminate).unwrap();
    assert!(patient.is_running());
    let begun = Instant::now();
    let status = patient.stop(Duration::from_millis(200)).await.unwrap();
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(9));
    assert!(begun.elapsed() < Duration::from_secs(5));

    let missing = Command::new("no-such-program-of-bindery");
    let error = process::Process::spawn(&missing, &log).unwrap_err();
    assert_eq!(error.to_string(), "there is no program no-such-program-of-bindery");
}
