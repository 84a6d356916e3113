//! The built operator as a process, with the rights that the chart gives it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use k8s_openapi::api::core::v1::ServiceAccount;
use k8s_openapi::api::rbac::v1::{
    ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding, RoleRef, Subject,
};
use kube::api::{Api, Patch, PatchParams};
use kube::core::ObjectMeta;

use super::Error;
use super::story::{CLIENT, TENANT};
use crate::folders::{self, TemporaryFolder};
use crate::{ControlPlane, Process, Signal};

/// What the chart lets the operator do.
const RULES: &str = include_str!("../../../charts/bindery/rbac/rules.yaml");
/// What it lets several of them do with their Lease, which the chart names.
const LEASE_RULES: &str = include_str!("../../../charts/bindery/rbac/leases.yaml");
/// The name of that Lease by default.
pub const LEASE: &str = "bindery";
pub(super) const ACCOUNT: &str = "bindery";

/// What an operator is started with.
#[derive(Debug, Clone)]
pub struct OperatorOptions {
    /// A kubeconfig with the operator's own rights.
    pub kubeconfig: PathBuf,
    /// The emulator's URL.
    pub emulator: String,
    /// The emulator's certificate authority.
    pub ca_pem: String,
    /// Watch only these namespaces; all where there are none.
    pub watched: Vec<String>,
    /// The cluster's id in the owner tags.
    pub cluster_id: String,
    /// More arguments.
    pub arguments: Vec<String>,
}

/// An operator that can be started, killed and started again.
pub struct Operator {
    options: OperatorOptions,
    folder: TemporaryFolder,
    log: PathBuf,
    process: Option<Process>,
    /// Another program than [`binary`], such as a release build.
    pub program: Option<PathBuf>,
    /// More environment, such as another secret.
    pub environment: Vec<(String, String)>,
}

impl Operator {
    /// Everything but the start.
    pub fn prepare(options: OperatorOptions) -> Result<Self, Error> {
        let folder = TemporaryFolder::new("operator")?;
        std::fs::write(folder.path().join("ca.pem"), &options.ca_pem)?;
        let log = folders::new_log_folder("operator")?.join("bindery.log");
        Ok(Self { options, folder, log, process: None, program: None, environment: vec![] })
    }

    /// Everything but the start of another one beside it.
    pub fn another(&self) -> Result<Self, Error> {
        Self::prepare(self.options.clone())
    }

    /// SIGSTOP: it stands still, and its lease runs out.
    pub fn stand_still(&mut self) -> Result<(), Error> {
        self.process.as_mut().map_or(Ok(()), |process| process.signal(Signal::Stop))?;
        Ok(())
    }

    /// SIGCONT: it goes on.
    pub fn go_on(&mut self) -> Result<(), Error> {
        self.process.as_mut().map_or(Ok(()), |process| process.signal(Signal::Continue))?;
        Ok(())
    }

    /// Starts it, or starts it again.
    pub fn start(&mut self) -> Result<(), Error> {
        let program = self.program.clone().map_or_else(binary, Ok)?;
        let emulator = &self.options.emulator;
        // The emulator's storage accounts are below a name, which an address cannot have.
        let storage = emulator.replace("https://127.0.0.1", "localhost");
        let cloud = serde_json::json!({
            "authority": emulator, "resourceManager": emulator, "storageSuffix": storage,
        });
        let mut command = Command::new(program);
        // What the developer's own environment says of Azure is not this operator's.
        for name in ["AZURE_AUTHORITY_HOST", "AZURE_FEDERATED_TOKEN_FILE", "HTTPS_PROXY", "https_proxy"] {
            command.env_remove(name);
        }
        command
            .args(["run", "--cluster-id", &self.options.cluster_id, "--cloud", &cloud.to_string()])
            .arg("--ca-bundle")
            .arg(self.folder.path().join("ca.pem"))
            .args(&self.options.arguments)
            .env("KUBECONFIG", &self.options.kubeconfig)
            .env("AZURE_TENANT_ID", TENANT)
            .env("AZURE_CLIENT_ID", CLIENT.0)
            .env("AZURE_CLIENT_SECRET", CLIENT.1)
            // Where a test is about an heir, the manifest says how long to wait for one.
            .env("BINDERY_HANDOVER", "0s")
            .env("BINDERY_OPERATOR_IDENTITY_ALLOW", r#"[{"namespaces": ["*"], "subscriptions": ["*"]}]"#)
            .env("BINDERY_LOG", "bindery=debug,warn");
        if !self.options.watched.is_empty() {
            command.args(["--watch-namespaces", &self.options.watched.join(",")]);
        }
        for (name, value) in &self.environment {
            command.env(name, value);
        }
        self.process = Some(Process::spawn(&command, &self.log)?);
        Ok(())
    }

    /// SIGKILL: it gets no chance to say anything.
    pub fn kill(&mut self) -> Result<(), Error> {
        if let Some(mut process) = self.process.take() {
            process.signal(Signal::Kill)?;
        }
        Ok(())
    }

    /// SIGTERM, as Kubernetes stops a pod.
    pub async fn stop(&mut self) -> Result<(), Error> {
        if let Some(mut process) = self.process.take() {
            process.stop(std::time::Duration::from_secs(20)).await?;
        }
        Ok(())
    }

    /// Its process id, while it runs.
    pub fn id(&self) -> Option<u32> {
        self.process.as_ref().map(Process::id)
    }

    /// Is it running?
    pub fn is_running(&mut self) -> bool {
        self.process.as_mut().is_some_and(Process::is_running)
    }

    /// The last lines of its log.
    pub fn log_tail(&self, lines: usize) -> String {
        crate::process::tail(&self.log, lines)
    }

    /// The last lines of its log but for what only a debugger wants.
    pub fn told(&self, lines: usize) -> String {
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        let told: Vec<&str> = log.lines().filter(|l| !l.contains(" DEBUG ")).collect();
        told[told.len().saturating_sub(lines)..].join("\n")
    }

    /// Where its log is.
    pub fn log(&self) -> &Path {
        &self.log
    }
}

/// The operator's program, built from this tree once per process.
pub fn binary() -> Result<PathBuf, Error> {
    static BINARY: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    BINARY.get_or_init(|| build("dev").map_err(|e| e.to_string())).clone().map_err(Into::into)
}

/// Builds the operator's program in a profile of cargo, and says where it is.
pub fn build(profile: &str) -> Result<PathBuf, Error> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut command = Command::new(cargo);
    command.args(["build", "--profile", profile, "--package", "bindery", "--bin", "bindery"]);
    if profile == "dev" {
        // With the same features as the tests have it, so that it is built once.
        command.args(["--package", "e2e", "--lib"]);
    }
    let output = command
        .args(["--message-format", "json-render-diagnostics"])
        .current_dir(root)
        .stderr(std::process::Stdio::inherit())
        .output()?;
    if !output.status.success() {
        return Err("the operator does not build; see above".into());
    }
    let messages = String::from_utf8_lossy(&output.stdout);
    let executable = messages.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    executable
        .filter_map(|m| m["executable"].as_str().map(PathBuf::from))
        .next_back()
        .ok_or_else(|| "cargo did not say where it put the operator".into())
}

/// An account in the namespace with exactly the chart's rules, in the watched namespaces or everywhere, and a kubeconfig
/// for it.
pub(super) async fn grant(
    control_plane: &ControlPlane,
    namespace: &str,
    watched: &[String],
) -> Result<PathBuf, Error> {
    let client = control_plane.client()?;
    let rules: Vec<PolicyRule> = serde_yaml::from_str(RULES)?;
    let apply = PatchParams::apply("stand").force();
    let meta = |namespace: Option<&str>, name: &str| ObjectMeta {
        name: Some(name.into()),
        namespace: namespace.map(Into::into),
        ..ObjectMeta::default()
    };
    let account = ServiceAccount { metadata: meta(Some(namespace), ACCOUNT), ..ServiceAccount::default() };
    let accounts: Api<ServiceAccount> = Api::namespaced(client.clone(), namespace);
    accounts.patch(ACCOUNT, &apply, &Patch::Apply(&account)).await?;
    let subjects = Some(vec![Subject {
        kind: "ServiceAccount".into(),
        name: ACCOUNT.into(),
        namespace: Some(namespace.into()),
        ..Subject::default()
    }]);
    let role_ref = |kind: &str, name: &str| RoleRef {
        api_group: "rbac.authorization.k8s.io".into(),
        kind: kind.into(),
        name: name.into(),
    };
    let mut lease_rules: Vec<PolicyRule> = serde_yaml::from_str(LEASE_RULES)?;
    for rule in lease_rules.iter_mut().filter(|rule| !rule.verbs.contains(&"create".to_string())) {
        rule.resource_names = Some(vec![LEASE.into()]);
    }
    let name = format!("{ACCOUNT}-leader-election");
    let role = Role { metadata: meta(Some(namespace), &name), rules: Some(lease_rules) };
    let roles: Api<Role> = Api::namespaced(client.clone(), namespace);
    roles.patch(&name, &apply, &Patch::Apply(&role)).await?;
    let binding = RoleBinding {
        metadata: meta(Some(namespace), &name),
        role_ref: role_ref("Role", &name),
        subjects: subjects.clone(),
    };
    let bindings: Api<RoleBinding> = Api::namespaced(client.clone(), namespace);
    bindings.patch(&name, &apply, &Patch::Apply(&binding)).await?;
    if watched.is_empty() {
        let name = format!("bindery-{namespace}");
        let role = ClusterRole { metadata: meta(None, &name), rules: Some(rules), ..ClusterRole::default() };
        Api::<ClusterRole>::all(client.clone()).patch(&name, &apply, &Patch::Apply(&role)).await?;
        let binding = ClusterRoleBinding {
            metadata: meta(None, &name),
            role_ref: role_ref("ClusterRole", &name),
            subjects,
        };
        Api::<ClusterRoleBinding>::all(client).patch(&name, &apply, &Patch::Apply(&binding)).await?;
        return Ok(control_plane.kubeconfig_for_service_account(namespace, ACCOUNT).await?);
    }
    // As the chart does with watchNamespaces: namespaces are cluster-scoped.
    let rules = rules.into_iter().filter(|r| r.resources.as_ref().is_none_or(|r| r != &["namespaces"]));
    let rules: Vec<PolicyRule> = rules.collect();
    for watched in watched {
        let role = Role { metadata: meta(Some(watched), ACCOUNT), rules: Some(rules.clone()) };
        let roles: Api<Role> = Api::namespaced(client.clone(), watched);
        roles.patch(ACCOUNT, &apply, &Patch::Apply(&role)).await?;
        let binding = RoleBinding {
            metadata: meta(Some(watched), ACCOUNT),
            role_ref: role_ref("Role", ACCOUNT),
            subjects: subjects.clone(),
        };
        let bindings: Api<RoleBinding> = Api::namespaced(client.clone(), watched);
        bindings.patch(ACCOUNT, &apply, &Patch::Apply(&binding)).await?;
    }
    Ok(control_plane.kubeconfig_for_service_account(namespace, ACCOUNT).await?)
}
