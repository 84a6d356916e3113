//! The service accounts that places act as: whose tokens the operator gets, and for whom.

use e2e::control_plane::shared;
use k8s_openapi::api::admissionregistration::v1::{
    ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding,
};
use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::{Namespace, ServiceAccount};
use k8s_openapi::api::rbac::v1::{Role, RoleBinding};
use kube::Client;
use kube::api::{Api, Patch, PatchParams, PostParams};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{IDENTITY, helm, kinds, named, render};

const OPERATOR: &str = "system:serviceaccount:bindery-system:release-bindery";

fn values(accounts: &Value) -> Value {
    json!({"clusterId": "aks-1", "crds": {"enabled": false}, "userRoles": {"create": false}, "statusPolicy": {"create": false}, "approvalPolicy": {"create": false}, "actionPolicy": {"create": false},
        "placeIdentities": {"serviceAccounts": accounts, "tenants": [IDENTITY]}})
}

#[tokio::test]
async fn the_listed_accounts_are_named_one_by_one_in_their_namespaces() {
    let Some(helm) = helm().await else { return };
    let account = |namespace: &str, name: &str| json!({"namespace": namespace, "name": name});
    let objects = render(
        &helm,
        &values(&json!([account("risk", "risk-azure"), account("fares", "b"), account("fares", "a")])),
    );
    let roles: Vec<&Value> = objects.iter().filter(|object| object["kind"] == "Role").collect();
    let told: Vec<(&str, &Value)> =
        roles.iter().map(|role| (role["metadata"]["namespace"].as_str().unwrap(), &role["rules"])).collect();
    let rules = |names: Value| {
        json!([
            {"apiGroups": [""], "resources": ["serviceaccounts"], "resourceNames": names, "verbs": ["get"]},
            {"apiGroups": [""], "resources": ["serviceaccounts/token"], "resourceNames": names, "verbs": ["create"]},
        ])
    };
    assert_eq!(told, [("fares", &rules(json!(["a", "b"]))), ("risk", &rules(json!(["risk-azure"])))]);
    let deployment = named(&objects, "Deployment", "release-bindery");
    let arguments = &deployment["spec"]["template"]["spec"]["containers"][0]["args"];
    assert!(
        arguments.as_array().unwrap().contains(&json!(format!("--place-tenants={IDENTITY}"))),
        "{arguments}"
    );
    assert!(kinds(&objects).contains(&"ValidatingAdmissionPolicy"));

    // Without a list there is no right at all.
    let none = render(&helm, &values(&json!([])));
    assert!(!kinds(&none).contains(&"Role") && !kinds(&none).contains(&"ValidatingAdmissionPolicy"));
}

async fn put<K>(api: Api<K>, name: &str, object: &Value)
where
    K: kube::Resource + Clone + Serialize + DeserializeOwned + std::fmt::Debug,
{
    api.patch(name, &PatchParams::apply("chart-test").force(), &Patch::Apply(object)).await.unwrap();
}

/// Asks for a token of an account as the operator. The answer is the refusal.
async fn refusal(namespace: &str, account: &str, audiences: &[&str]) -> Option<String> {
    let operator = shared().await.unwrap().client_as(OPERATOR).unwrap();
    let spec = TokenRequestSpec {
        audiences: audiences.iter().map(ToString::to_string).collect(),
        ..TokenRequestSpec::default()
    };
    let request = TokenRequest { spec, ..TokenRequest::default() };
    let accounts: Api<ServiceAccount> = Api::namespaced(operator, namespace);
    let asked = accounts.create_token_request(account, &PostParams::default(), &request).await;
    asked.err().map(|error| error.to_string())
}

#[tokio::test]
async fn the_operator_gets_tokens_of_listed_accounts_and_for_entra_id_alone() {
    let Some(helm) = helm().await else { return };
    let namespace = "chart-tokens";
    let client: Client = shared().await.unwrap().client().unwrap();
    let space = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}});
    put(Api::<Namespace>::all(client.clone()), namespace, &space).await;
    for name in ["listed", "other"] {
        let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": namespace}});
        put(Api::<ServiceAccount>::namespaced(client.clone(), namespace), name, &account).await;
    }
    let accounts = json!([{"namespace": namespace, "name": "listed"}]);
    for mut object in render(&helm, &values(&accounts)) {
        // The policies of a cluster are of all its tests: this one has a name of its own.
        let own = format!("{namespace}-{}", object["metadata"]["name"].as_str().unwrap());
        let name = object["metadata"]["name"].as_str().unwrap().to_owned();
        match object["kind"].as_str().unwrap() {
            "Role" => put(Api::<Role>::namespaced(client.clone(), namespace), &name, &object).await,
            "RoleBinding" => {
                put(Api::<RoleBinding>::namespaced(client.clone(), namespace), &name, &object).await;
            }
            "ValidatingAdmissionPolicy" => {
                object["metadata"]["name"] = json!(own);
                put(Api::<ValidatingAdmissionPolicy>::all(client.clone()), &own, &object).await;
            }
            "ValidatingAdmissionPolicyBinding" => {
                object["metadata"]["name"] = json!(own);
                object["spec"]["policyName"] = json!(own);
                put(Api::<ValidatingAdmissionPolicyBinding>::all(client.clone()), &own, &object).await;
            }
            _ => {}
        }
    }
    let entra = ["api://AzureADTokenExchange"];
    // Rights and policies take a moment until they are in force.
    let begun = std::time::Instant::now();
    loop {
        let right = refusal(namespace, "listed", &entra).await;
        let wrong = refusal(namespace, "listed", &[]).await;
        let held = wrong.as_ref().is_some_and(|said| said.contains("only for Entra ID"));
        if right.is_none() && held {
            break;
        }
        assert!(begun.elapsed().as_secs() < 60, "{right:?} {wrong:?}");
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    for audiences in [&["https://kubernetes.default.svc"][..], &["api://AzureADTokenExchange", "other"]] {
        let said = refusal(namespace, "listed", audiences).await.unwrap();
        assert!(said.contains("only for Entra ID"), "{said}");
    }
    let said = refusal(namespace, "other", &entra).await.unwrap();
    assert!(said.contains("cannot create resource \"serviceaccounts/token\""), "{said}");
}
