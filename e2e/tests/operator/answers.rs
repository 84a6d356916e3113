//! What the built program answers from a real API server, to somebody who may read one namespace and to an administrator.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use azureml_emulator::{Effect, FaultRule};
use bindery::api::{DeploymentBinding, ModelVersion};
use e2e::folders::TemporaryFolder;
use e2e::stand::{Error, Stand, StandOptions, binary, ready};
use e2e::{control_plane, tools};
use k8s_openapi::api::core::v1::ServiceAccount;
use k8s_openapi::api::rbac::v1::{Role, RoleBinding};
use kube::api::{Api, Patch, PatchParams};
use serde_json::{Value, json};

use crate::taxi::with;
use crate::{Outcome, taxi};

const PLATFORM: &str = "answers-platform";
const TEAM: &str = "answers-team";

/// How a run of the program ended.
pub struct Answered {
    pub code: Option<i32>,
    pub out: String,
    pub told: String,
}

impl Answered {
    pub fn json(&self) -> Result<Value, Error> {
        serde_json::from_str(&self.out).map_err(|error| format!("{error}: {} {}", self.out, self.told).into())
    }

    /// The words of the line that begins with this one.
    fn words(&self, first: &str) -> Vec<String> {
        let line = self.out.lines().find(|line| line.split_whitespace().next() == Some(first));
        line.unwrap_or_default()
            .split("   ")
            .map(str::trim)
            .filter(|it| !it.is_empty())
            .map(str::to_string)
            .collect()
    }
}

pub async fn ask(kubeconfig: &Path, arguments: &[&str]) -> Result<Answered, Error> {
    let mut command = Command::new(tokio::task::spawn_blocking(binary).await??);
    command.args(arguments).env("KUBECONFIG", kubeconfig);
    run(command).await
}

async fn run(mut command: Command) -> Result<Answered, Error> {
    let output = tokio::task::spawn_blocking(move || command.stdin(Stdio::null()).output()).await??;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok(Answered { code: output.status.code(), out: text(&output.stdout), told: text(&output.stderr) })
}

/// Applies an object of Kubernetes' own.
pub async fn apply<K>(stand: &Stand, namespace: &str, name: &str, object: Value) -> Outcome
where
    K: kube::Resource<DynamicType = (), Scope = k8s_openapi::NamespaceResourceScope>
        + Clone
        + std::fmt::Debug
        + serde::de::DeserializeOwned,
{
    let metadata = json!({"metadata": {"name": name, "namespace": namespace}});
    let api: Api<K> = Api::namespaced(stand.client.clone(), namespace);
    let patch = Patch::Apply(with(object, metadata));
    api.patch(name, &PatchParams::apply("stand").force(), &patch).await?;
    Ok(())
}

/// A service account of the team's namespace with the rights of the chart's role `bindery-viewer` there, and a kubeconfig for it.
async fn viewer(stand: &Stand) -> Result<PathBuf, Error> {
    reads(stand, "viewer", &[(TEAM, true)]).await
}

/// A service account of the team's namespace that may read Bindery's objects in these namespaces and, where that is true, the
/// namespace itself.
async fn reads(stand: &Stand, name: &str, namespaces: &[(&str, bool)]) -> Result<PathBuf, Error> {
    let rbac = "rbac.authorization.k8s.io";
    let version = format!("{rbac}/v1");
    apply::<ServiceAccount>(stand, TEAM, name, json!({"apiVersion": "v1", "kind": "ServiceAccount"})).await?;
    for (namespace, labels) in namespaces {
        let objects = json!({
            "apiGroups": ["bindery.dev"], "verbs": ["get", "list", "watch"],
            "resources": ["registries", "workspaces", "modelversions", "deploymentbindings"],
        });
        let itself = json!({"apiGroups": [""], "verbs": ["get"], "resources": ["namespaces"]});
        let rules = if *labels { vec![objects, itself] } else { vec![objects] };
        let role = json!({"apiVersion": version, "kind": "Role", "rules": rules});
        apply::<Role>(stand, namespace, name, role).await?;
        let binding = json!({
            "apiVersion": version, "kind": "RoleBinding",
            "roleRef": {"apiGroup": rbac, "kind": "Role", "name": name},
            "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": TEAM}],
        });
        apply::<RoleBinding>(stand, namespace, name, binding).await?;
    }
    Ok(control_plane::shared().await?.kubeconfig_for_service_account(TEAM, name).await?)
}

/// A manifest of the team, in places of the platform team.
fn there(spec: Value) -> Value {
    let place = ["registryRef", "workspaceRef"].into_iter().find(|place| spec.get(place).is_some());
    with(spec, json!({place.unwrap_or_default(): {"namespace": PLATFORM}}))
}

/// The platform team's places, two versions of the team promoted from jobs, and a binding that serves the first.
async fn story() -> Result<Stand, Error> {
    let options = StandOptions { also_watched: vec![PLATFORM.into()], ..StandOptions::default() };
    let stand = taxi::stand_with(TEAM, options).await?;
    let publishers = json!({"publishers": [{"name": "everybody", "namespaces": {"from": "All"}}]});
    stand.apply_in(PLATFORM, "Registry", "fares-models", with(taxi::registry(), publishers.clone())).await?;
    let place = with(json!({"azure": taxi::azure()}), publishers);
    stand.apply_in(PLATFORM, "Workspace", "fares-dev", place.clone()).await?;
    let policy = json!({"tier": "production", "policy": {
        "lineage": {"require": "Named"}, "sources": [{"name": "released", "registryRef": {"name": "fares-models"}}],
    }});
    stand.apply_in(PLATFORM, "Workspace", "fares-prod", with(place, policy)).await?;
    for n in ["1", "2"] {
        stand.apply("ModelVersion", &format!("taxi-{n}-dev"), there(taxi::from_job(n))).await?;
        stand.apply("ModelVersion", &format!("taxi-{n}"), there(taxi::promoted(n))).await?;
    }
    let binding = with(there(taxi::binding("taxi-1")), json!({"strategy": {"keepPrevious": "720h"}}));
    stand.apply("DeploymentBinding", "taxi", binding).await?;
    for n in ["1", "2"] {
        stand.wait_for::<ModelVersion>(&format!("taxi-{n}"), "Ready", ready).await?;
    }
    stand.wait_for::<DeploymentBinding>("taxi", "Ready", ready).await?;
    let serves = |version: &ModelVersion| version.status.as_ref().is_some_and(|it| !it.served_by.is_empty());
    stand.wait_for::<ModelVersion>("taxi-1", "served", serves).await?;
    Ok(stand)
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_read_one_namespace_gets_answers_for_it() -> Outcome {
    let stand = story().await?;
    let (viewer, admin) = (viewer(&stand).await?, stand.kubeconfig.clone());
    inventory(&viewer, &admin).await?;
    lineage_and_comparison(&viewer, &admin).await?;
    evidence(&stand, &viewer, &admin).await?;
    explanations(&stand, &viewer, &admin).await?;
    as_a_plugin(&stand, &admin).await?;
    what_goes_wrong(&viewer).await
}

async fn inventory(viewer: &Path, admin: &Path) -> Outcome {
    let own = ask(viewer, &["inventory"]).await?;
    assert_eq!((own.code, own.told.as_str()), (Some(0), ""), "{}", own.out);
    let served = format!("{TEAM}/taxi Stable 100%");
    let line = own.words("taxi-1");
    assert_eq!(line[1..5], ["fares-models", "taxi", "1", "MLflow"], "{}", own.out);
    assert_eq!(line[line.len() - 4..], ["taxi-train-1", served.as_str(), "True", "Succeeded"], "{}", own.out);
    assert!(!own.out.contains('\u{1b}') && own.out.lines().count() == 5, "{}", own.out);

    let chosen = ask(viewer, &["inventory", "--state", "serving", "-o", "json"]).await?.json()?;
    let items = chosen["items"].as_array().ok_or("items")?;
    assert_eq!(items.len(), 1, "{chosen}");
    assert_eq!(items[0]["serving"][0]["weight"], 100);
    assert_eq!(items[0]["serving"][0]["workspace"]["namespace"], PLATFORM);
    assert_eq!(items[0]["trained"]["commit"], "4f2c1d9e8b7a60514f2c1d9e8b7a60514f2c1d9e");
    let csv = ask(viewer, &["inventory", "-o", "csv", "--place", "fares-dev"]).await?;
    assert!(csv.out.starts_with("namespace,name,place,") && csv.out.lines().count() == 3, "{}", csv.out);
    let none = ask(viewer, &["inventory", "-l", "team=none"]).await?;
    assert_eq!((none.code, none.out.as_str()), (Some(0), ""));
    assert_eq!(
        none.told,
        format!("bindery: No model versions found in namespace {TEAM} that these filters keep.\n")
    );

    // What has no traffic, and what nobody stands for.
    let idle = ask(viewer, &["inventory", "--idle"]).await?;
    assert_eq!((idle.code, idle.out.as_str()), (Some(0), ""), "{}", idle.told);
    assert_eq!(idle.told, "bindery: No deployments without traffic found.\n");
    let past = ask(admin, &["inventory", "--unmanaged", "-n", PLATFORM, "-o", "json"]).await?;
    assert_eq!((past.code, past.json()?["items"].clone()), (Some(0), json!([])), "{}", past.told);
    let both = ask(viewer, &["inventory", "--idle", "--unmanaged"]).await?;
    assert_eq!(both.code, Some(2), "{}", both.told);

    // All namespaces were asked for, and that was not what came.
    let all = ask(viewer, &["inventory", "-A"]).await?;
    assert_eq!(all.code, Some(1), "{}", all.told);
    assert!(
        all.told.starts_with("bindery: You may not list the model versions of all namespaces ("),
        "{}",
        all.told
    );
    assert!(all.told.contains(&format!("only those of namespace {TEAM}.")), "{}", all.told);
    assert_eq!(all.words(TEAM)[1], "taxi-1", "{}", all.out);
    let other = ask(viewer, &["inventory", "-n", PLATFORM]).await?;
    assert_eq!((other.code, other.out.as_str()), (Some(1), ""));
    assert!(other.told.contains("cannot list resource \"modelversions\""), "{}", other.told);
    // An administrator who acts as the viewer sees no more.
    let user = format!("system:serviceaccount:{TEAM}:viewer");
    let acting = ask(admin, &["inventory", "-n", PLATFORM, "--as", &user]).await?;
    assert_eq!((acting.code, acting.told), (Some(1), other.told));
    let everything = ask(admin, &["inventory", "-A", "--model", "tax*", "-o", "json"]).await?;
    assert_eq!((everything.code, everything.told.as_str()), (Some(0), ""));
    Ok(())
}

async fn lineage_and_comparison(viewer: &Path, admin: &Path) -> Outcome {
    let tree = ask(viewer, &["lineage", "taxi-1"]).await?;
    assert_eq!(tree.code, Some(0), "{}", tree.told);
    for part in [
        &format!(
            "ModelVersion {TEAM}/taxi-1 (model taxi:1, in Registry {PLATFORM}/fares-models, is Ready, origin verified by Azure)\n"
        ),
        &format!(
            "└─ ModelVersion {TEAM}/taxi-1-dev (model taxi:1, in Workspace {PLATFORM}/fares-dev, is Ready, origin verified by Azure) — promoted\n"
        ),
        "└─ job taxi-train-1 (experiment nyc-taxi-fare, by ada, at 20",
        "Z, metric r2 0.81, metric rmse 4.1) — registered\n",
        "├─ data azureml://datastores/taxi/paths/2025 — input training_data\n",
        &format!(
            "└─ DeploymentBinding {TEAM}/taxi (endpoint taxi-prod, in Workspace {PLATFORM}/fares-prod) — Stable 100%\n"
        ),
    ] {
        assert!(tree.out.contains(part), "{part}: {}", tree.out);
    }
    assert!(tree.told.contains("You may not list the modelversions of all namespaces"), "{}", tree.told);
    let whole = ask(admin, &["lineage", &format!("{TEAM}/taxi-1-dev"), "-o", "json"]).await?;
    assert_eq!(whole.told, "");
    assert_eq!(whole.json()?["notRead"], json!([]));
    let page = ask(admin, &["lineage", "taxi-1", "-n", TEAM, "-o", "html"]).await?;
    assert!(page.out.contains("<svg ") && page.out.ends_with("</html>\n"), "{}", page.out);
    let chart = ask(admin, &["lineage", "taxi-1", "-n", TEAM, "-o", "mermaid"]).await?;
    assert!(chart.out.starts_with("flowchart LR\n"), "{}", chart.out);

    let two = ask(viewer, &["compare", "taxi-1", "amlmv/taxi-2", "-o", "json"]).await?.json()?;
    let rmse = two["fields"].as_array().into_iter().flatten().find(|field| field["name"] == "rmse");
    let expected = json!({"section": "metrics", "name": "rmse", "a": "4.1", "b": "3.7", "differs": true, "change": "-0.4"});
    assert_eq!(rmse, Some(&expected), "{two}");
    Ok(())
}

async fn evidence(stand: &Stand, viewer: &Path, admin: &Path) -> Outcome {
    let page = ask(viewer, &["evidence", "taxi"]).await?;
    assert_eq!(page.code, Some(0), "{}", page.told);
    for part in [
        "| Stable | 100% | answers-team/taxi-1 |",
        "- Admitted: True (Succeeded)\n",
        "| rmse | 4.1 |\n",
        "Nothing that is known served before",
        "> **Not read:** You may not read Workspace answers-platform/fares-prod",
    ] {
        assert!(page.out.contains(part), "{part}: {}", page.out);
    }
    // The way back, typed as the page says, is one.
    stand.edit::<DeploymentBinding>("taxi", json!({"model": {"versionRef": {"name": "taxi-2"}}})).await?;
    stand.wait_for::<DeploymentBinding>("taxi", "Ready", ready).await?;
    let page = ask(admin, &["evidence", "taxi", "-n", TEAM]).await?;
    assert_eq!(page.told, "");
    for part in [
        "(tier production)",
        "| lineage.require | Named |",
        "| sources\\[released\\].registryRef.name | fares-models |",
    ] {
        assert!(page.out.contains(part), "{part}: {}", page.out);
    }
    let typed = page.out.lines().find_map(|line| line.trim().strip_prefix("kubectl ")).ok_or("a command")?;
    let words: Vec<&str> = typed.split(' ').map(|word| word.trim_matches('\'')).collect();
    stand.kubectl(&words).await?;
    let back = stand.wait_for::<DeploymentBinding>("taxi", "Ready", ready).await?;
    assert_eq!(back.spec.model.version_ref.name, "taxi-1", "{typed}");
    let json = ask(viewer, &["evidence", "amlbind/taxi", "-o", "json"]).await?.json()?;
    let outcomes: Vec<&Value> =
        json["history"].as_array().into_iter().flatten().map(|it| &it["object"]["name"]).collect();
    assert_eq!(outcomes, ["taxi-1", "taxi-2", "taxi-1"], "{json}");
    Ok(())
}

async fn explanations(stand: &Stand, viewer: &Path, admin: &Path) -> Outcome {
    let fine = ask(viewer, &["explain", "amlbind/taxi", "--exit-code"]).await?;
    assert_eq!(fine.code, Some(0), "{}", fine.told);
    assert!(fine.out.starts_with(&format!("DeploymentBinding {TEAM}/taxi is Ready.\n")), "{}", fine.out);

    let message = "The path does not exist.\u{1b}[2J".to_string();
    let refusal = Effect::Answer { status: 400, code: "BadPath".into(), message, headers: [].into() };
    stand.emulator.control().add_fault(FaultRule::on("PUT", "/versions/3", refusal));
    stand.apply("ModelVersion", "taxi-3-dev", there(taxi::from_job("3"))).await?;
    stand.apply("ModelVersion", "taxi-3", there(taxi::promoted("3"))).await?;
    let waits = with(there(taxi::binding("taxi-3")), json!({"online": {"endpoint": {"name": "taxi-next"}}}));
    stand.apply("DeploymentBinding", "next", waits).await?;
    stand.wait_reason::<ModelVersion>("taxi-3-dev", "Refused").await?;
    stand.wait_reason::<DeploymentBinding>("next", "ReferenceNotReady").await?;
    for kubeconfig in [viewer, admin] {
        let chain =
            ask(kubeconfig, &["explain", "-n", TEAM, "deploymentbinding/next", "--exit-code"]).await?;
        assert_eq!(chain.code, Some(3), "{}{}", chain.out, chain.told);
        let first = chain.out.lines().next().unwrap_or_default();
        assert!(
            first.starts_with(&format!("Root cause: ModelVersion {TEAM}/taxi-3-dev: Refused: ")),
            "{}",
            chain.out
        );
        assert!(first.contains("The path does not exist.") && !chain.out.contains('\u{1b}'), "{}", chain.out);
        let objects = chain.out.lines().filter(|line| line.contains("is not Ready: Re")).count();
        assert_eq!(objects, 3, "{}", chain.out);
    }
    let without = ask(viewer, &["explain", "deploymentbinding/next"]).await?;
    assert_eq!(without.code, Some(0));
    let tools = ask(viewer, &["explain", "deploymentbinding/next", "-o", "json"]).await?.json()?;
    assert_eq!(tools["rootCause"]["object"]["name"], "taxi-3-dev");
    permissions(viewer, admin).await?;
    by_labels(stand).await
}

/// May this version serve there? By the rules of the operator.
async fn permissions(viewer: &Path, admin: &Path) -> Outcome {
    let place = format!("{PLATFORM}/fares-prod");
    let may = async |kubeconfig, version: &str| {
        ask(kubeconfig, &["explain", "-n", TEAM, version, "--in", &place, "--exit-code"]).await
    };
    let yes = may(admin, "amlmv/taxi-2").await?;
    let first = format!("May {TEAM}/taxi-2 serve in {place}: yes (Succeeded)\n");
    assert!(yes.code == Some(0) && yes.out.starts_with(&first), "{}{}", yes.out, yes.told);
    assert!(yes.out.contains("Sources") && yes.out.contains("registry fares-models"), "{}", yes.out);
    // Asked without --namespace, it is about a binding of the version's own one.
    let named = format!("amlmv/{TEAM}/taxi-2");
    let whole = ask(admin, &["explain", &named, "--in", &place, "--exit-code"]).await?;
    assert!(whole.code == Some(0) && whole.out.starts_with(&first), "{}{}", whole.out, whole.told);
    let elsewhere = ask(admin, &["explain", &named, "--in", &place, "-n", PLATFORM]).await?;
    let by = format!("serve in {place} by a DeploymentBinding of namespace {PLATFORM}: ");
    assert!(elsewhere.out.contains(&by), "{}{}", elsewhere.out, elsewhere.told);
    let no = may(admin, "amlmv/taxi-2-dev").await?;
    let first = format!("May {TEAM}/taxi-2-dev serve in {place}: no (PolicyRefused)\n");
    assert!(no.code == Some(3) && no.out.starts_with(&first), "{}{}", no.out, no.told);
    assert!(no.out.contains("serves only versions from released (fares-models)"), "{}", no.out);
    // Whoever may not read the Workspace hears that, and no answer.
    let unknown = may(viewer, "amlmv/taxi-2").await?;
    assert!(
        unknown.code == Some(3) && unknown.out.contains("nobody can say"),
        "{}{}",
        unknown.out,
        unknown.told
    );
    assert!(unknown.out.contains(&format!("You may not read Workspace {place}")), "{}", unknown.out);
    assert!(unknown.told.contains(&format!("You may not read Workspace {place}")), "{}", unknown.told);
    let wrong = ask(admin, &["explain", "-n", TEAM, "amlbind/taxi", "--in", &place]).await?;
    assert_eq!(wrong.code, Some(1), "{}", wrong.told);
    Ok(())
}

/// Where a place lets namespaces in by their labels, whoever may not read those hears which right is missing.
async fn by_labels(stand: &Stand) -> Outcome {
    let place = format!("{PLATFORM}/fares-prod");
    let selector =
        json!({"from": "Selector", "selector": {"matchLabels": {"kubernetes.io/metadata.name": TEAM}}});
    let publishers = json!({"spec": {"publishers": [{"name": "team", "namespaces": selector}]}}).to_string();
    stand
        .kubectl(&["patch", "amlws", "fares-prod", "-n", PLATFORM, "--type=merge", "-p", &publishers])
        .await?;
    let may = async |kubeconfig: &Path| {
        ask(kubeconfig, &["explain", "-n", TEAM, "amlmv/taxi-2", "--in", &place]).await
    };
    let without = reads(stand, "without-labels", &[(TEAM, false), (PLATFORM, false)]).await?;
    let said = may(&without).await?;
    assert!(said.out.contains("nobody can say (NotRead)\n"), "{}{}", said.out, said.told);
    let right = format!(
        "you need the right to get that namespace, as the chart's role bindery-viewer gives it where it is bound in namespace {TEAM}."
    );
    assert!(said.out.contains(&right) && !said.out.contains("--watch-namespaces"), "{}", said.out);
    // A role in the namespace is enough.
    let with = reads(stand, "with-labels", &[(TEAM, true), (PLATFORM, false)]).await?;
    let said = may(&with).await?;
    assert!(said.out.contains(": yes (Succeeded)\n"), "{}{}", said.out, said.told);
    Ok(())
}

/// kubectl finds a program of this name in PATH.
async fn as_a_plugin(stand: &Stand, admin: &Path) -> Outcome {
    let folder = TemporaryFolder::new("plugin")?;
    let program = tokio::task::spawn_blocking(binary).await??;
    std::os::unix::fs::symlink(program, folder.path().join("kubectl-bindery"))?;
    let kubectl = match control_plane::shared().await?.kubectl() {
        Some(found) => found.to_path_buf(),
        None => tools::kubectl(&e2e::Progress::silent()).await?,
    };
    let path = std::env::var("PATH").unwrap_or_default();
    let plugin = |arguments: &[&str]| {
        let mut command = Command::new(&kubectl);
        command.arg("bindery").args(arguments).env("KUBECONFIG", admin);
        command.env("PATH", format!("{}:{path}", folder.path().display()));
        command
    };
    let listed = run(plugin(&["inventory", "-n", &stand.namespace])).await?;
    assert_eq!(listed.code, Some(0), "{}", listed.told);
    assert_eq!(listed.words("taxi-1")[1], "fares-models", "{}", listed.out);
    let help = run(plugin(&["lineage", "--help"])).await?;
    assert!(help.out.contains("Usage: kubectl bindery lineage [OPTIONS] <VERSION>"), "{}", help.out);
    Ok(())
}

async fn what_goes_wrong(viewer: &Path) -> Outcome {
    for (arguments, code, said) in [
        (
            &["lineage", "taxi-9"][..],
            1,
            "bindery: there is no ModelVersion taxi-9 in namespace answers-team\n",
        ),
        (&["lineage", "../taxi"], 1, "is no name of an object"),
        (&["evidence", "amlmv/taxi-1"], 1, "is a ModelVersion, and a DeploymentBinding is asked for"),
        (&["explain", "taxi"], 1, "write kind/name, such as deploymentbinding/taxi"),
        (
            &["explain", "amlws/answers-platform/fares-prod"],
            1,
            "You may not read Workspace answers-platform/fares-prod",
        ),
        (&["inventory", "-l", "team in"], 1, "bindery: the API server"),
        (&["inventory", "--context", "none"], 1, "bindery: no cluster is known: "),
        (&["inventory", "-o", "xml"], 2, "possible values: table, wide, json, yaml, tsv, csv, html"),
        (&["inventory", "--kubeconfig", "/none"], 1, "bindery: no cluster is known: "),
    ] {
        let answered = ask(viewer, arguments).await?;
        assert_eq!(answered.code, Some(code), "{arguments:?}: {}", answered.told);
        assert!(answered.told.contains(said) && answered.out.is_empty(), "{arguments:?}: {}", answered.told);
    }
    // Whoever reads the answer may stop reading.
    let mut command = Command::new(tokio::task::spawn_blocking(binary).await??);
    command.args(["inventory", "-o", "json"]).env("KUBECONFIG", viewer);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    drop(child.stdout.take());
    let ended = tokio::task::spawn_blocking(move || child.wait_with_output()).await??;
    assert!(ended.status.success() && ended.stderr.is_empty(), "{}", String::from_utf8_lossy(&ended.stderr));
    Ok(())
}
