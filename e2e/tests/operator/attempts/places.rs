//! Places of one's own: whose rights they use, and whom they disturb.

use azureml_emulator::{Effect, FaultRule};
use bindery::api::{ModelVersion, Workspace};
use e2e::stand::ready;
use serde_json::json;

use super::{Attack, OURS, THEIRS, as_account, binding, version};
use crate::taxi::{azure, with};
use crate::{Outcome, taxi};

pub async fn attempts(attack: &Attack) -> Outcome {
    no_identity_serves_a_place_of_a_namespace_that_is_not_listed(attack).await?;
    nobody_acts_as_an_account_that_is_not_theirs(attack).await?;
    an_own_account_gives_only_what_it_may_itself(attack).await?;
    a_registry_that_observes_gives_no_right(attack).await?;
    subscriptions_of_another_tenant_slow_nobody(attack).await?;
    of_an_identity_that_fails_other_namespaces_hear_nothing(attack).await
}

/// Row: a `Workspace` or `Registry` in a namespace that the administrator has not listed.
async fn no_identity_serves_a_place_of_a_namespace_that_is_not_listed(attack: &Attack) -> Outcome {
    let Attack { stand, platform, .. } = attack;
    let named = |name: &str| with(azure(), json!({"name": name}));
    platform.apply("Workspace", "mine", json!({"azure": named("fares-prod")})).await?;
    let registry = |name: &str| with(taxi::registry(), json!({"azure": named(name)}));
    platform.apply("Registry", "mine", registry("theirs-models")).await?;
    platform.apply("Registry", "squatted", registry("fares-models")).await?;
    for (kind, name) in [("Workspace", "mine"), ("Registry", "mine"), ("Registry", "squatted")] {
        let said = platform.wait_reason(stand, kind, name, "IdentityNotAllowed").await?;
        assert!(said.contains(&format!("does not serve namespace {THEIRS}")), "{said}");
    }
    assert!(stand.requests("GET", "theirs-models").is_empty());
    Ok(())
}

/// Rows: an account of another namespace; one that is not listed.
async fn nobody_acts_as_an_account_that_is_not_theirs(attack: &Attack) -> Outcome {
    let Attack { stand, platform, .. } = attack;
    let acting_as = |account: &str| {
        with(as_account("fares-prod"), json!({"credentials": {"serviceAccountName": account}}))
    };
    for account in [format!("{OURS}:broken-azure"), format!("{OURS}/broken-azure"), "../broken-azure".into()]
    {
        let refused = platform.apply("Workspace", "sly", acting_as(&account)).await;
        let said = refused.err().ok_or("taken")?.to_string();
        assert!(said.contains("must be the name of a ServiceAccount of this namespace"), "{said}");
    }
    for account in ["broken-azure", "default"] {
        platform.apply("Workspace", account, acting_as(account)).await?;
        let said = platform.wait_reason(stand, "Workspace", account, "CredentialFailed").await?;
        assert!(
            said.contains(&format!("{THEIRS}/{account}")) || said.contains("placeIdentities.serviceAccounts"),
            "{said}"
        );
    }
    Ok(())
}

/// Row: a place with an account of one's own, for the workspace of another team.
async fn an_own_account_gives_only_what_it_may_itself(attack: &Attack) -> Outcome {
    let Attack { stand, platform, team, .. } = attack;
    platform.apply("Workspace", "reads", as_account("fares-prod")).await?;
    let said = platform.wait_reason(stand, "Workspace", "reads", "Unauthorized").await?;
    assert!(said.contains(&format!("asked as service account {THEIRS}/theirs-azure")), "{said}");
    // Somebody has given the account every right there in Azure.
    stand.allow_in_azure("theirs-azure", "workspaces/fares-prod");
    platform
        .change("Workspace", "reads", json!({"metadata": {"annotations": {bindery::api::RECONCILE: "now"}}}))
        .await?;
    let said = platform.wait_reason(stand, "Workspace", "reads", "Conflict").await?;
    assert!(said.starts_with("A Workspace of another namespace stands for this workspace too"), "{said}");
    assert!(said.contains("who else has a role there") && !said.contains(OURS), "{said}");
    // In Bindery it gives them nothing there, and takes nothing from whom the administrator has listed.
    let own = json!({"workspaceRef": {"name": "reads", "namespace": THEIRS}});
    team.apply("ModelVersion", "by-account", with(version("reads", "taxi", "1"), own.clone())).await?;
    team.apply("DeploymentBinding", "by-account", with(binding("reads", "taxi-prod"), own)).await?;
    for kind in ["ModelVersion", "DeploymentBinding"] {
        let said = team.wait_reason(stand, kind, "by-account", "ReferenceNotReady").await?;
        assert!(!said.contains(OURS), "{said}");
        team.delete(kind, "by-account").await?;
        team.wait_gone(stand, kind, "by-account").await?;
    }
    stand.look_again::<Workspace>("fares-prod").await?;
    stand.wait_for::<Workspace>("fares-prod", "Ready", ready).await?;
    platform.delete("Workspace", "reads").await?;
    platform.wait_gone(stand, "Workspace", "reads").await
}

/// Row: a `Registry` that observes what another object manages.
async fn a_registry_that_observes_gives_no_right(attack: &Attack) -> Outcome {
    let Attack { stand, platform, team, .. } = attack;
    stand.allow_in_azure("theirs-azure", "registries/fares-models");
    let observed = json!({"location": "eastus", "management": "Observe"});
    platform.apply("Registry", "observed", with(as_account("fares-models"), observed)).await?;
    platform.wait_ready(stand, "Registry", "observed").await?;
    let copy = json!({
        "registryRef": {"name": "observed"}, "model": "own", "version": "1",
        "source": {"modelVersionRef": {"name": "own"}},
    });
    team.apply("ModelVersion", "copy", copy).await?;
    let said = team.wait_reason(stand, "ModelVersion", "copy", "NotAPublisher").await?;
    assert!(said.contains("only observes a registry that another Registry object manages"), "{said}");
    assert!(stand.requests("POST", "/publish").is_empty());
    Ok(())
}

/// Row: many objects that name subscriptions of another tenant.
async fn subscriptions_of_another_tenant_slow_nobody(attack: &Attack) -> Outcome {
    let Attack { stand, platform, .. } = attack;
    let refusal = Effect::Answer {
        status: 401,
        code: "InvalidAuthenticationTokenTenant".into(),
        message: "The access token is from the wrong issuer.".into(),
        headers: [].into(),
    };
    stand.emulator.control().add_fault(FaultRule::on("GET", "/subscriptions/99999999-", refusal));
    for n in 1..=4 {
        let foreign = json!({"azure": {"subscriptionId": format!("99999999-0000-4000-8000-00000000000{n}")}});
        platform.apply("Workspace", &format!("foreign-{n}"), with(as_account("fares"), foreign)).await?;
    }
    for n in 1..=4 {
        let name = format!("foreign-{n}");
        let said = platform.wait_reason(stand, "Workspace", &name, "Refused").await?;
        assert!(said.contains("InvalidAuthenticationTokenTenant"), "{said}");
    }
    let looks = || stand.requests_on("GET", "workspaces/fares-prod/models/taxi/versions/1").len();
    let before = looks();
    stand.look_again::<ModelVersion>("taxi-1").await?;
    stand.wait_until("look at the version", |_| looks() > before).await
}

/// Row: messages as an oracle, here about the identity of a place.
async fn of_an_identity_that_fails_other_namespaces_hear_nothing(attack: &Attack) -> Outcome {
    let Attack { stand, team, .. } = attack;
    let own = stand.wait_reason::<Workspace>("broken", "Unauthorized").await?;
    assert!(own.contains("broken-azure"), "{own}");
    team.apply("ModelVersion", "in-broken", version("broken", "own", "1")).await?;
    let said = team.wait_reason(stand, "ModelVersion", "in-broken", "ReferenceNotReady").await?;
    let expected = format!(
        "Workspace {OURS}/broken is not ready: Azure does not let its identity in. Its owner sees in its status why."
    );
    assert_eq!(said, expected);
    Ok(())
}

/// Row: an object that refers to another team's place, to keep the place from being deleted.
pub async fn the_hidden_place_goes(attack: &Attack) -> Outcome {
    let Attack { stand, team, .. } = attack;
    team.apply("ModelVersion", "clings", version("hidden", "own", "1")).await?;
    team.wait_reason(stand, "ModelVersion", "clings", "ReferenceNotFound").await?;
    stand.delete_and_wait::<ModelVersion>("taxi-1-hidden").await?;
    stand.delete_and_wait::<Workspace>("hidden").await
}
