//! The service accounts that places act as, and the applications that Entra ID knows for them.

use azureml_emulator::{Client, Federated, RightsEffect, RightsRule};
use k8s_openapi::api::core::v1::ServiceAccount;
use k8s_openapi::api::rbac::v1::{PolicyRule, Role, RoleBinding, RoleRef, Subject};
use kube::api::{Api, DeleteParams, Patch, PatchParams};
use serde_json::{Value, json};

use super::operator::ACCOUNT;
use super::story::TENANT;
use super::{Error, Stand};
use crate::ControlPlane;

/// What the chart lets the operator do where metric providers have tokens.
const PROVIDERS: &str = include_str!("../../../charts/bindery/rbac/metric-providers.yaml");
/// What the chart lets the operator do where bindings have the keys of their endpoints written.
const KEYS: &str = include_str!("../../../charts/bindery/rbac/endpoint-keys.yaml");
/// What the chart lets the operator do with these accounts.
const RULES: &str = include_str!("../../../charts/bindery/rbac/accounts.yaml");

impl Stand {
    /// A service account that places of its namespace may act as, as the chart's `placeIdentities.serviceAccounts` lists
    /// it: the emulator knows an application of the account's name, with a federated credential for it. The answer is the
    /// application's client id.
    pub async fn place_account(&self, namespace: &str, name: &str) -> Result<String, Error> {
        let client = {
            let mut core = self.emulator.control();
            let client = format!("0b5e7a11-0000-4000-8000-{:012}", 100 + core.config.clients.len());
            core.config.clients.push(Client {
                client_id: client.clone(),
                name: name.into(),
                ..Client::default()
            });
            client
        };
        self.trust_account(namespace, name).await?;
        self.let_operator_use(namespace, name).await?;
        self.annotate_account(namespace, name, &client).await?;
        Ok(client)
    }

    /// The federated credential of the account's application.
    pub async fn trust_account(&self, namespace: &str, name: &str) -> Result<(), Error> {
        let published = |path: &str| http::Request::get(path).body(vec![]);
        let about = self.client.request::<Value>(published("/.well-known/openid-configuration")?).await?;
        let keys = self.client.request::<Value>(published("/openid/v1/jwks")?).await?;
        let mut core = self.emulator.control();
        let mut clients = core.config.clients.iter_mut();
        let client = clients.find(|client| client.name == name).ok_or("no such application")?;
        client.federated = vec![Federated {
            issuer: about["issuer"].as_str().unwrap_or_default().into(),
            subject: format!("system:serviceaccount:{namespace}:{name}"),
            keys: Some(keys),
            ..Federated::default()
        }];
        Ok(())
    }

    /// The account as its owner applies it.
    pub async fn annotate_account(&self, namespace: &str, name: &str, client: &str) -> Result<(), Error> {
        let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {
            "name": name, "namespace": namespace, "labels": {"bindery.dev/acts-for-places": "true"},
            "annotations": {"azure.workload.identity/client-id": client, "azure.workload.identity/tenant-id": TENANT},
        }});
        let api: Api<ServiceAccount> = Api::namespaced(self.client.clone(), namespace);
        api.patch(name, &PatchParams::apply("stand").force(), &Patch::Apply(&account)).await?;
        Ok(())
    }

    /// Lets the operator work in every namespace, as the chart does without `watchNamespaces`, whichever it watches.
    pub async fn grant_everywhere(&self, control_plane: &ControlPlane) -> Result<(), Error> {
        super::operator::grant(control_plane, &self.namespace, &[]).await.map(|_| ())
    }

    /// Lets the operator read the tokens of metric providers, as the chart does for a namespace of `metricProviders.secretNamespaces`.
    pub async fn let_operator_read_tokens(&self, namespace: &str) -> Result<(), Error> {
        self.give_operator(namespace, "metric-providers", serde_yaml::from_str(PROVIDERS)?).await
    }

    /// Lets the operator write the keys of endpoints, as the chart does for a namespace of `endpointKeys.namespaces`.
    pub async fn let_operator_write_keys(&self, namespace: &str) -> Result<(), Error> {
        self.give_operator(namespace, "endpoint-keys", serde_yaml::from_str(KEYS)?).await
    }

    /// Takes that right away again.
    pub async fn let_operator_write_no_keys(&self, namespace: &str) -> Result<(), Error> {
        let bindings: Api<RoleBinding> = Api::namespaced(self.client.clone(), namespace);
        bindings.delete("endpoint-keys", &DeleteParams::default()).await?;
        Ok(())
    }

    async fn let_operator_use(&self, namespace: &str, name: &str) -> Result<(), Error> {
        let mut rules: Vec<PolicyRule> = serde_yaml::from_str(RULES)?;
        for rule in &mut rules {
            rule.resource_names = Some(vec![name.into()]);
        }
        self.give_operator(namespace, &format!("act-as-{name}"), rules).await
    }

    /// A role of this name in the namespace, for the operator.
    async fn give_operator(&self, namespace: &str, role: &str, rules: Vec<PolicyRule>) -> Result<(), Error> {
        let own = role.to_string();
        let apply = PatchParams::apply("stand").force();
        let metadata = || kube::core::ObjectMeta {
            name: Some(own.clone()),
            namespace: Some(namespace.into()),
            ..kube::core::ObjectMeta::default()
        };
        let role = Role { metadata: metadata(), rules: Some(rules) };
        let roles: Api<Role> = Api::namespaced(self.client.clone(), namespace);
        roles.patch(&own, &apply, &Patch::Apply(&role)).await?;
        let binding = RoleBinding {
            metadata: metadata(),
            role_ref: RoleRef {
                api_group: "rbac.authorization.k8s.io".into(),
                kind: "Role".into(),
                name: own.clone(),
            },
            subjects: Some(vec![Subject {
                kind: "ServiceAccount".into(),
                name: ACCOUNT.into(),
                namespace: Some(self.namespace.clone()),
                ..Subject::default()
            }]),
        };
        let bindings: Api<RoleBinding> = Api::namespaced(self.client.clone(), namespace);
        bindings.patch(&own, &apply, &Patch::Apply(&binding)).await?;
        Ok(())
    }

    /// Gives an application all rights here, by the path below the provider, and none elsewhere.
    pub fn allow_in_azure(&self, application: &str, path: &str) {
        self.rule(application, path, RightsEffect::Allow);
    }

    /// Takes all rights here from an application.
    pub fn deny_in_azure(&self, application: &str, path: &str) {
        self.rule(application, path, RightsEffect::Deny);
    }

    /// Gives back what was taken.
    pub fn forgive_in_azure(&self, application: &str) {
        let mut core = self.emulator.control();
        core.config.rights.retain(|rule| rule.principal != application || rule.effect != RightsEffect::Deny);
    }

    fn rule(&self, application: &str, path: &str, effect: RightsEffect) {
        let scope = super::azure_id(path);
        let (principal, action) = (application.into(), "*".into());
        self.emulator.control().config.rights.push(RightsRule { principal, scope, action, effect });
    }
}
