//! Places that act as accounts of the cluster: who gets which token, and what is left when an account is gone.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use azureml_emulator::{Client, Federated, RightsEffect, RightsRule};
use bindery::azure::client::{Accounts, Azure, NoAccount, Who};
use bindery::azure::model::{
    Account, Answer, Ask, Class, Errand, Error, Lane, Principal, Purpose, Read, ResourceId,
};
use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::{Value, json};

use crate::keys::SigningKey;
use crate::stand::{SUBSCRIPTION, Stand, code, workspace};

const ISSUER: &str = "https://cluster.example/";

/// A cluster with accounts, as the client asks it.
struct Cluster {
    key: SigningKey,
    /// By name: who it is, or why it cannot be used.
    accounts: Mutex<HashMap<String, Result<Who, NoAccount>>>,
    asked: Mutex<Vec<String>>,
}

impl std::fmt::Debug for Cluster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Cluster")
    }
}

impl Cluster {
    fn has(&self, name: &str, account: Result<Who, NoAccount>) {
        self.accounts.lock().expect("not poisoned").insert(name.into(), account);
    }

    fn find(&self, what: &str, account: &Account) -> Result<Who, NoAccount> {
        self.asked.lock().expect("not poisoned").push(format!("{what} {}", account.name));
        let all = self.accounts.lock().expect("not poisoned");
        all.get(&*account.name).cloned().unwrap_or(Err(NoAccount::Gone))
    }

    fn asked(&self, what: &str) -> usize {
        self.asked.lock().expect("not poisoned").iter().filter(|asked| *asked == what).count()
    }
}

impl Accounts for Cluster {
    fn who<'a>(&'a self, account: &'a Account) -> BoxFuture<'a, Result<Who, NoAccount>> {
        async move { self.find("who", account) }.boxed()
    }

    fn assertion<'a>(
        &'a self,
        account: &'a Account,
        uid: &'a str,
    ) -> BoxFuture<'a, Result<String, NoAccount>> {
        async move {
            let now = self.find("token", account)?;
            if now.uid != uid {
                return Err(NoAccount::Gone);
            }
            let subject = format!("system:serviceaccount:{}:{}", account.namespace, account.name);
            Ok(self.key.sign(&json!({"iss": ISSUER, "sub": subject, "aud": "api://AzureADTokenExchange"})))
        }
        .boxed()
    }
}

/// A client id.
fn client(number: u32) -> String {
    format!("33333333-0000-4000-8000-{number:012}")
}

/// A stand with two applications, `fares` and `risk`, each for the account of its name, and a cluster with both accounts.
/// Only `fares` may read the workspace.
async fn stand() -> (Stand, Arc<Cluster>) {
    let mut stand = Stand::new().await;
    let key = SigningKey::new("cluster");
    let tenant = {
        let mut core = stand.emulator.control();
        for (number, name) in [(1, "fares"), (2, "risk")] {
            core.config.clients.push(Client {
                client_id: client(number),
                name: name.into(),
                federated: vec![Federated {
                    issuer: ISSUER.into(),
                    subject: format!("system:serviceaccount:ml:{name}"),
                    keys: Some(key.published()),
                    ..Federated::default()
                }],
                ..Client::default()
            });
        }
        core.config.rights.push(RightsRule {
            principal: "risk".into(),
            scope: String::new(),
            action: "*".into(),
            effect: RightsEffect::Deny,
        });
        core.config.tenant.clone()
    };
    let accounts = Mutex::default();
    let cluster = Arc::new(Cluster { key, accounts, asked: Mutex::default() });
    for (number, name) in [(1, "fares"), (2, "risk")] {
        cluster.has(name, Ok(Who { uid: "1".into(), tenant: tenant.clone(), client: client(number) }));
    }
    stand.config.accounts = Some(Arc::clone(&cluster) as Arc<dyn Accounts>);
    (stand, cluster)
}

fn whose(name: &str) -> Principal {
    Principal::Account(Account { namespace: "ml".into(), name: name.into() })
}

async fn look_at(azure: &Azure, id: &ResourceId, principal: Principal, leaving: bool) -> Result<bool, Error> {
    let errand = Errand { principal, leaving, lane: Lane::Routine, purpose: Purpose::Compare };
    match azure.read(&Read { errand, what: Ask::Resource(id.clone()) }).await {
        Answer::Resource(found) => found.map(|found: Option<Value>| found.is_some()),
        other => panic!("{other:?}"),
    }
}

async fn look(azure: &Azure, name: &str, leaving: bool) -> Result<bool, Error> {
    look_at(azure, &workspace(), whose(name), leaving).await
}

#[tokio::test]
async fn each_place_acts_as_its_own_account() {
    let (stand, cluster) = stand().await;
    let azure = stand.azure();
    let looks = futures::future::join_all((0..20).map(|_| look(&azure, "fares", false))).await;
    assert!(looks.into_iter().all(|found| found == Ok(true)));
    let asked = (cluster.asked("who fares"), cluster.asked("token fares"));
    assert_eq!((asked, stand.seen("POST", "/oauth2/v2.0/token")), ((1, 1), 1));

    let errand =
        Errand { principal: whose("fares"), leaving: false, lane: Lane::Routine, purpose: Purpose::Compare };
    let names = azure.read(&Read { errand, what: Ask::Names }).await;
    let Answer::Names(Ok(names)) = names else { panic!("{names:?}") };
    assert!(names.contains(&client(1)), "{names:?}");

    // What one of them may not do is no other's failure, and says who was refused.
    let error = look(&azure, "risk", false).await.expect_err("no right");
    assert_eq!((error.class, code(&error)), (Class::Unauthorized, "AuthorizationFailed"));
    assert!(error.to_string().contains("asked as service account ml/risk"), "{error}");
    assert_eq!(look(&azure, "fares", false).await, Ok(true));
    assert_eq!(look_at(&azure, &workspace(), Principal::Operator, false).await, Ok(true));
    let by: Vec<String> = {
        let core = stand.emulator.control();
        core.log().filter(|e| e.method == "GET").map(|e| e.principal.clone()).collect()
    };
    assert_eq!(by.iter().filter(|who| *who == "fares").count(), 21, "{by:?}");
}

#[tokio::test(start_paused = true)]
async fn an_account_that_cannot_be_used_fails_alone_and_is_mended() {
    let (stand, cluster) = stand().await;
    let azure = stand.azure();
    cluster.has("fares", Err(NoAccount::Unfit("It has no label.".into())));
    for _ in 0..10 {
        let error = look(&azure, "fares", false).await.expect_err("unfit");
        assert_eq!((error.class, error.message.as_str()), (Class::Credential, "It has no label."));
        assert!(error.unsent);
    }
    assert_eq!(cluster.asked("who fares"), 1, "nobody asks all the time");
    let error = look(&azure, "nobody", false).await.expect_err("no such account");
    assert!(error.is_account_gone(), "{error:?}");
    // Nothing of that holds up whoever else acts.
    let other = look(&azure, "risk", false).await.expect_err("no right");
    assert_eq!(other.class, Class::Unauthorized);

    let tenant = stand.emulator.control().config.tenant.clone();
    cluster.has("fares", Ok(Who { uid: "1".into(), tenant, client: client(1) }));
    tokio::time::sleep(Duration::from_secs(11)).await;
    assert_eq!(look(&azure, "fares", false).await, Ok(true));
}

#[tokio::test(start_paused = true)]
async fn what_entra_does_not_know_yet_is_asked_for_again() {
    let (stand, _) = stand().await;
    let azure = stand.azure();
    let federated = stand.emulator.control().config.clients[1].federated.drain(..).collect::<Vec<_>>();
    let error = look(&azure, "fares", false).await.expect_err("no federated credential yet");
    assert_eq!(error.class, Class::Credential);
    assert!(code(&error).starts_with("AADSTS7"), "{error}");
    stand.emulator.control().config.clients[1].federated = federated;
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert_eq!(look(&azure, "fares", false).await, Ok(true));
}

#[tokio::test(start_paused = true)]
async fn with_an_account_that_is_gone_only_what_goes_is_done() {
    let (stand, cluster) = stand().await;
    let azure = stand.azure();
    assert_eq!(look(&azure, "fares", false).await, Ok(true));
    let who = cluster.accounts.lock().expect("not poisoned")["fares"].clone();
    cluster.has("fares", Err(NoAccount::Unreachable("no route".into())));
    tokio::time::sleep(Duration::from_secs(61)).await;
    assert_eq!(look(&azure, "fares", false).await, Ok(true), "an API server that is away takes no right");

    cluster.has("fares", Err(NoAccount::Gone));
    tokio::time::sleep(Duration::from_secs(61)).await;
    let error = look(&azure, "fares", false).await.expect_err("gone");
    assert!(error.is_account_gone(), "{error:?}");
    assert_eq!(look(&azure, "fares", true).await, Ok(true), "the last token lets go of what was made");
    // In a namespace that ends, the right to use the account may go first.
    cluster.has("fares", Err(NoAccount::Forbidden("no".into())));
    tokio::time::sleep(Duration::from_secs(11)).await;
    assert_eq!(look(&azure, "fares", false).await.map_err(|e| e.class), Err(Class::Credential));
    assert_eq!(look(&azure, "fares", true).await, Ok(true));
    cluster.has("fares", Err(NoAccount::Gone));
    // Nobody can renew it.
    tokio::time::sleep(Duration::from_secs(3600)).await;
    let error = look(&azure, "fares", true).await.expect_err("the token has ended");
    assert!(error.is_account_gone(), "{error:?}");

    // One that is made under the same name is another one, with tokens of its own.
    let again = who.map(|who| Who { uid: "2".into(), client: client(2), ..who });
    cluster.has("fares", again);
    tokio::time::sleep(Duration::from_secs(61)).await;
    let error = look(&azure, "fares", false).await.expect_err("the other application does not know it");
    assert_eq!(error.class, Class::Credential);
    assert!(code(&error).starts_with("AADSTS7"), "{error}");
}

#[tokio::test]
async fn who_has_no_right_in_a_subscription_holds_nobody_else_back_there() {
    let (stand, _) = stand().await;
    let azure = stand.azure();
    stand.emulator.control().config.rights.clear();
    let denied = azureml_emulator::Effect::Body {
        status: 401,
        content_type: "application/json".into(),
        body: json!({"error": {"code": "InvalidAuthenticationToken", "message": "No."}}).to_string(),
    };
    for _ in 0..2 {
        stand.fault("GET", "workspaces", denied.clone());
    }
    assert!(look(&azure, "risk", false).await.is_err());
    let again = look(&azure, "risk", false).await.expect_err("held back");
    assert!(again.unsent);
    assert_eq!(look(&azure, "fares", false).await, Ok(true), "{SUBSCRIPTION} is not refused to others");
}
