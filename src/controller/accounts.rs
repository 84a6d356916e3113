//! The service accounts that places act as: who each is in Entra ID, and its token.

use std::fmt;
use std::time::{Duration, Instant};

use futures::FutureExt;
use futures::future::BoxFuture;
use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::api::{Api, PostParams};
use kube::core::ObjectMeta;

use super::api_server::{ApiServer, is_no_answer};
use crate::azure::client::{Accounts, NoAccount, Who};
use crate::azure::model::{Account, is_guid};
use crate::outage::root_cause;

/// The API server has no time-out of its own on a request that hangs.
const LONGEST: Duration = Duration::from_secs(10);

/// Whom the tokens are for: Entra ID takes no others.
const AUDIENCE: &str = "api://AzureADTokenExchange";

/// A token is exchanged at once. The API server gives none for less.
const LIFETIME: i64 = 600;

/// Whoever owns an account lets the places of its namespace act as it.
const OPT_IN: &str = "bindery.dev/acts-for-places";

const CLIENT_ID: &str = "azure.workload.identity/client-id";
const TENANT_ID: &str = "azure.workload.identity/tenant-id";

/// The service accounts of a cluster.
pub struct ServiceAccounts {
    server: ApiServer,
    tenants: Tenants,
}

/// The tenants of Entra ID that accounts may be of.
#[derive(Debug, Clone, Default)]
pub struct Tenants {
    /// The tenant of an account that names none.
    pub own: Option<String>,
    /// All that are allowed; empty: every one.
    pub allowed: Vec<String>,
}

impl fmt::Debug for ServiceAccounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceAccounts").field("tenants", &self.tenants).finish_non_exhaustive()
    }
}

impl ServiceAccounts {
    /// Those of the cluster of this API server.
    pub fn new(server: ApiServer, tenants: Tenants) -> Self {
        Self { server, tenants }
    }

    async fn ask<T>(
        &self,
        account: &Account,
        request: impl Future<Output = Result<T, kube::Error>>,
    ) -> Result<T, NoAccount> {
        let asked = Instant::now();
        match tokio::time::timeout(LONGEST, request).await {
            Ok(Ok(found)) => Ok(found),
            Ok(Err(kube::Error::Api(status))) => Err(refused(account, status.code, &status.message)),
            Ok(Err(other)) if is_no_answer(&other) => {
                Err(NoAccount::Unreachable(root_cause(&other).to_string()))
            }
            Ok(Err(other)) => Err(NoAccount::Unreachable(other.to_string())),
            Err(_) => {
                let because = format!("the API server gave no answer within {} s.", LONGEST.as_secs());
                self.server.unanswered(asked, &because);
                Err(NoAccount::Unreachable(because))
            }
        }
    }

    fn api(&self, account: &Account) -> Api<ServiceAccount> {
        Api::namespaced(self.server.client.clone(), &account.namespace)
    }
}

impl Accounts for ServiceAccounts {
    fn who<'a>(&'a self, account: &'a Account) -> BoxFuture<'a, Result<Who, NoAccount>> {
        async move {
            let found = self.ask(account, self.api(account).get(&account.name)).await?;
            who(account, &found.metadata, &self.tenants)
        }
        .boxed()
    }

    fn assertion<'a>(
        &'a self,
        account: &'a Account,
        uid: &'a str,
    ) -> BoxFuture<'a, Result<String, NoAccount>> {
        async move {
            let request = TokenRequest {
                // An account that was made anew under the name is another one, which gets no token here.
                metadata: ObjectMeta { uid: Some(uid.to_owned()), ..ObjectMeta::default() },
                spec: TokenRequestSpec {
                    audiences: vec![AUDIENCE.to_owned()],
                    expiration_seconds: Some(LIFETIME),
                    ..TokenRequestSpec::default()
                },
                status: None,
            };
            let api = self.api(account);
            let parameters = PostParams::default();
            let given =
                self.ask(account, api.create_token_request(&account.name, &parameters, &request)).await?;
            let none = || NoAccount::Unreachable("the API server answered without a token".into());
            given.status.map(|status| status.token).ok_or_else(none)
        }
        .boxed()
    }
}

/// What it means that the API server refused a request for an account.
fn refused(account: &Account, code: u16, message: &str) -> NoAccount {
    match code {
        404 | 409 => NoAccount::Gone,
        401 | 403 => NoAccount::Forbidden(format!(
            "The operator may not act as service account {account}. Whoever runs the operator has to add {{namespace: {}, name: {}}} to placeIdentities.serviceAccounts in the chart's values. The API server said: {message}",
            account.namespace, account.name
        )),
        400..=499 => {
            NoAccount::Unfit(format!("The API server gave no token of service account {account}: {message}"))
        }
        _ => NoAccount::Unreachable(message.to_owned()),
    }
}

/// Who an account is, by what its owner wrote on it.
fn who(account: &Account, written: &ObjectMeta, tenants: &Tenants) -> Result<Who, NoAccount> {
    let unfit = |what: String| Err(NoAccount::Unfit(format!("Service account {account} {what}.")));
    if written.labels.as_ref().and_then(|labels| labels.get(OPT_IN)).map(String::as_str) != Some("true") {
        return unfit(format!(
            "does not have the label {OPT_IN}: \"true\", by which its owner lets Registry and Workspace objects of its namespace act as it"
        ));
    }
    let annotation = |key: &str| {
        let value = written.annotations.as_ref().and_then(|all| all.get(key));
        value.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
    };
    let Some(client) = annotation(CLIENT_ID) else {
        return unfit(format!(
            "does not have the annotation {CLIENT_ID}: the client id of its identity in Azure, a GUID"
        ));
    };
    if !is_guid(&client) {
        return unfit(format!("has the annotation {CLIENT_ID} with '{client}', which is not a GUID"));
    }
    let Some(tenant) = annotation(TENANT_ID).or_else(|| tenants.own.clone()) else {
        return unfit(format!(
            "does not have the annotation {TENANT_ID}: the id of its Entra tenant, a GUID"
        ));
    };
    if !is_guid(&tenant) {
        return unfit(format!("has the annotation {TENANT_ID} with '{tenant}', which is not a GUID"));
    }
    let allowed = |one: &String| one.eq_ignore_ascii_case(&tenant);
    if !tenants.allowed.is_empty() && !tenants.allowed.iter().any(allowed) {
        return unfit(format!(
            "is of tenant {tenant}, which is not one of placeIdentities.tenants in the chart's values (--place-tenants)"
        ));
    }
    Ok(Who { uid: written.uid.clone().unwrap_or_default(), tenant, client })
}

#[cfg(test)]
mod tests {
    use super::*;

    const GUID: &str = "00000000-0000-0000-0000-00000000000a";

    #[test]
    fn an_account_says_who_it_is() {
        let account = Account { namespace: "ml".into(), name: "fares".into() };
        let told = |label: &str, client: &str, tenant: &str, tenants: &Tenants| {
            let pairs = |key: &str, value: &str| (key.to_owned(), value.to_owned());
            let written = ObjectMeta {
                uid: Some("u".into()),
                labels: Some([pairs(OPT_IN, label)].into()),
                annotations: Some([pairs(CLIENT_ID, client), pairs(TENANT_ID, tenant)].into()),
                ..ObjectMeta::default()
            };
            match who(&account, &written, tenants) {
                Ok(who) => format!("{} {}", who.tenant, who.client),
                Err(NoAccount::Unfit(why)) => why,
                Err(other) => format!("{other:?}"),
            }
        };
        let any = Tenants::default();
        let home = Tenants { own: Some(GUID.into()), ..Tenants::default() };
        let some = |one: &str| Tenants { allowed: vec![one.into()], ..Tenants::default() };
        let both = format!("{GUID} {GUID}");
        for (label, client, tenant, tenants, expected) in [
            ("true", GUID, GUID, &any, both.as_str()),
            ("true", GUID, "", &home, &both),
            ("true", GUID, GUID, &some(&GUID.to_uppercase()), &both),
            (
                "yes",
                GUID,
                GUID,
                &any,
                "Service account ml/fares does not have the label bindery.dev/acts-for-places: \"true\", by which its owner lets Registry and Workspace objects of its namespace act as it.",
            ),
            (
                "true",
                " ",
                GUID,
                &any,
                "Service account ml/fares does not have the annotation azure.workload.identity/client-id: the client id of its identity in Azure, a GUID.",
            ),
            (
                "true",
                "fares",
                GUID,
                &any,
                "Service account ml/fares has the annotation azure.workload.identity/client-id with 'fares', which is not a GUID.",
            ),
            (
                "true",
                GUID,
                "",
                &any,
                "Service account ml/fares does not have the annotation azure.workload.identity/tenant-id: the id of its Entra tenant, a GUID.",
            ),
            (
                "true",
                GUID,
                "common/../x",
                &any,
                "Service account ml/fares has the annotation azure.workload.identity/tenant-id with 'common/../x', which is not a GUID.",
            ),
            (
                "true",
                GUID,
                GUID,
                &some("00000000-0000-0000-0000-00000000000b"),
                "Service account ml/fares is of tenant 00000000-0000-0000-0000-00000000000a, which is not one of placeIdentities.tenants in the chart's values (--place-tenants).",
            ),
        ] {
            assert_eq!(told(label, client, tenant, tenants), expected);
        }
    }

    #[test]
    fn a_refusal_of_the_api_server_is_understood() {
        let account = Account { namespace: "ml".into(), name: "fares".into() };
        let of = |code| refused(&account, code, "No.");
        assert_eq!(of(404), NoAccount::Gone);
        assert_eq!(of(409), NoAccount::Gone);
        assert_eq!(of(500), NoAccount::Unreachable("No.".into()));
        let NoAccount::Forbidden(why) = of(403) else { panic!("{:?}", of(403)) };
        assert!(why.contains("{namespace: ml, name: fares} to placeIdentities.serviceAccounts"), "{why}");
        assert!(matches!(of(422), NoAccount::Unfit(_)));
    }
}
