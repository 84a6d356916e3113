//! A promotion as an organisation has it: a platform team, a team that may not approve, people who may, a GitOps account, each with
//! the chart's own role, under the chart's own admission policy.

use bindery::api::{Approval, DeploymentBinding, PastRollout, RolloutAction};
use e2e::control_plane;
use e2e::stand::{
    Stand, StandOptions, User, apply_approval_policy, apply_roles, condition, emulator_config, ready,
};
use jiff::{Timestamp, ToSpan};
use kube::api::{Api, DeleteParams, Patch, PatchParams};
use serde_json::{Value, json};

use crate::Outcome;
use crate::answers::ask;
use crate::approvals::{approve, ask_for, decision, risk, says, with_versions};
use crate::taxi::{self, status, steps, with};

/// The account of the GitOps tool.
const GITOPS: &str = "system:serviceaccount:argocd:argocd-application-controller";

/// `Ready` and `Admitted` in words.
fn said(binding: &DeploymentBinding, kind: &str) -> String {
    let (holds, reason, message) = condition(binding, kind).unwrap_or_default();
    format!("{holds} {reason}: {message}")
}

async fn wait_said(stand: &Stand, kind: &str, part: &str) -> Result<String, e2e::stand::Error> {
    let found = stand.wait_for::<DeploymentBinding>("taxi", part, |b| said(b, kind).contains(part)).await?;
    Ok(said(&found, kind))
}

/// The latest rollout that has ended.
fn latest(binding: &DeploymentBinding) -> PastRollout {
    status(binding).history.remove(0)
}

/// What the production workspace asks.
fn policy(stand: &Stand, approvals: Value) -> Value {
    let approvals = with(json!({"fromNamespaces": [risk(stand)], "waivable": ["Gate/bound"]}), approvals);
    let gates = json!({"define": [{"name": "bound", "metric": "rmse", "max": "4.0"}]});
    let policy = json!({"approvals": approvals, "gates": gates});
    json!({"azure": taxi::azure(), "tier": "production", "policy": policy})
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_does_what_the_own_role_allows_and_two_people_let_a_version_serve() -> Outcome {
    let control_plane = control_plane::shared().await?;
    let options = StandOptions {
        also_watched: vec!["people-risk".into()],
        emulator: emulator_config(100.0),
        arguments: vec!["--authors-checked".into()],
        ..StandOptions::default()
    };
    let stand = taxi::stand_with("people", options).await?;
    let (home, risk) = (stand.namespace.clone(), risk(&stand));
    if !apply_roles(&stand.client, "people-").await? {
        return Ok(());
    }
    apply_approval_policy(&stand.client, &risk, GITOPS).await?;
    let user = async |name: &str, namespace: &str, role: &str| {
        User::with_role(control_plane, name, namespace, &format!("people-bindery-{role}")).await
    };
    let platform = user("platform", &home, "platform").await?;
    let team = user("team", &home, "team").await?;
    let (ada, gitops) = (user("ada", &risk, "approver").await?, user(GITOPS, &risk, "approver").await?);
    let stranger = user("team", &risk, "viewer").await?;

    platform.apply("Registry", "fares-models", taxi::registry()).await?;
    platform.apply("Workspace", "fares-dev", json!({"azure": taxi::azure()})).await?;
    platform.apply("Workspace", "fares-prod", policy(&stand, json!({"count": 2}))).await?;
    // The team writes what is its own, and neither places nor decisions.
    for n in ["1", "2"] {
        team.apply("ModelVersion", &format!("taxi-{n}-dev"), taxi::from_job(n)).await?;
        team.apply("ModelVersion", &format!("taxi-{n}"), taxi::promoted(n)).await?;
    }
    for n in ["1", "2"] {
        team.wait_ready(&stand, "ModelVersion", &format!("taxi-{n}")).await?;
    }
    let own = |n: &str, by: &str| decision(&stand, n, "Approved", by);
    for (who, kind, spec) in [
        (&team, "Workspace", policy(&stand, json!({}))),
        (&team, "Approval", own("2", "team")),
        (&stranger, "Approval", own("2", "team")),
        (&ada, "DeploymentBinding", taxi::binding("taxi-2")),
    ] {
        let refused = who.apply(kind, "mine", spec).await.err().map(|e| e.to_string()).unwrap_or_default();
        assert!(refused.contains("is forbidden: User"), "{kind}: {refused}");
    }
    let pausing = with(taxi::binding("taxi-2"), steps(&[(10, "1h")]));
    team.apply("DeploymentBinding", "taxi", pausing).await?;
    let message = stand.wait_reason::<DeploymentBinding>("taxi", "NotApproved").await?;
    assert!(message.contains("Approvals of 2 different people"), "{message}");

    // One person twice is one person, and nobody writes another's name.
    ada.apply("Approval", "ada-1st", own("2", "ada")).await?;
    ada.apply("Approval", "ada-2nd", own("2", "ada")).await?;
    wait_said(&stand, "Admitted", "taxi:2 has 1 of 2").await?;
    let forged = ada.apply("Approval", "bob", own("2", "bob")).await.err().map(|e| e.to_string());
    let forged = forged.unwrap_or_default();
    assert!(forged.contains("spec.by has to be your own name, ada."), "{forged}");
    // The GitOps account writes for others what a review has let through.
    gitops.apply("Approval", "bob", own("2", "bob")).await?;
    let served = stand.wait_for::<DeploymentBinding>("taxi", "Ready", ready).await?;
    let then = latest(&served);
    let approved: Vec<&str> = then.approvals.iter().map(|it| it.by.as_str()).collect();
    assert!(approved.contains(&"ada") && approved.contains(&"bob"), "{then:?}");
    let rules: Vec<&str> = then.admission.iter().map(|it| it.rule.as_str()).collect();
    assert_eq!(rules, ["Gate/bound", "Approvals"], "{then:?}");

    // What does not pass the place's gate needs both of them to waive it. That is for a time, and stays on record.
    let change = json!({"spec": {"model": {"versionRef": {"name": "taxi-1"}}, "strategy": {"steps": []}}});
    team.change("DeploymentBinding", "taxi", change).await?;
    let message = wait_said(&stand, "Admitted", "rmse is 4.1, and has to be at most 4.0").await?;
    assert!(message.contains("taxi:1 has none"), "{message}");
    let until = Timestamp::now().checked_add(1.hour())?.to_string();
    let waiving = |by: &str| {
        with(own("1", by), json!({"waives": ["Gate/bound"], "expiresAt": until, "reason": "The bridge."}))
    };
    ada.apply("Approval", "ada-taxi-1", waiving("ada")).await?;
    wait_said(&stand, "Admitted", "taxi:1 has 1 of 2").await?;
    gitops.apply("Approval", "bob-taxi-1", waiving("bob")).await?;
    let first = |b: &DeploymentBinding| status(b).stable.and_then(|it| it.version).as_deref() == Some("1");
    let served = stand.wait_for::<DeploymentBinding>("taxi", "serving version 1", first).await?;
    let waived: Vec<(String, String)> =
        latest(&served).waivers.into_iter().map(|it| (it.rule, it.by)).collect();
    assert_eq!(waived, [("Gate/bound".into(), "ada".into()), ("Gate/bound".into(), "bob".into())]);
    stand.wait_event("taxi", "Gate/bound").await?;

    // The manifest asks for the other one again, which is bad by now: the page still says by what the one that serves was admitted.
    ada.apply("Approval", "no", decision(&stand, "2", "Rejected", "ada")).await?;
    let change = json!({"spec": {"model": {"versionRef": {"name": "taxi-2"}}}});
    team.change("DeploymentBinding", "taxi", change).await?;
    wait_said(&stand, "Admitted", "rejects taxi:2").await?;
    let page = ask(&stand.kubeconfig, &["evidence", "taxi", "-n", &home]).await?;
    for part in ["became stable at", "| Gate/bound | ", &format!("| {risk}/bob-taxi-1 | bob |")] {
        assert!(page.out.contains(part), "{part}: {}", page.out);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nobody_checks_authors_two_names_from_one_namespace_are_one_person() -> Outcome {
    let stand = with_versions("people-unchecked").await?;
    stand.apply("Workspace", "fares-prod", policy(&stand, json!({"count": 2}))).await?;
    for by in ["ada", "bob"] {
        let spec = decision(&stand, "2", "Approved", by);
        stand.apply_in(&risk(&stand), "Approval", by, spec).await?;
    }
    stand.apply("DeploymentBinding", "taxi", taxi::binding("taxi-2")).await?;
    let message = stand.wait_reason::<DeploymentBinding>("taxi", "NotApproved").await?;
    assert!(message.contains("taxi:2 has 1 of 2"), "{message}");
    assert!(message.contains("Nobody checks who writes an Approval"), "{message}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_that_ends_takes_the_traffic_back_where_the_workspace_says_so() -> Outcome {
    let stand = with_versions("people-expiry").await?;
    ask_for(&stand, json!({"onWithdrawal": "RollBack"}), json!({})).await?;
    approve(&stand, "1").await?;
    let first = taxi::serve(&stand, taxi::binding("taxi-1")).await?;
    let until = Timestamp::now().checked_add(30.seconds())?;
    let spec = with(decision(&stand, "2", "Approved", "bob"), json!({"expiresAt": until.to_string()}));
    stand.apply_in(&risk(&stand), "Approval", "bob", spec).await?;
    taxi::serve(&stand, taxi::binding("taxi-2")).await?;
    // Half of its time before, that is said.
    let ends = wait_said(&stand, "ApprovalExpiring", "True").await?;
    assert!(ends.contains("of bob ends at") && ends.contains("taxi:2 has too few approvals"), "{ends}");
    let back = |b: &DeploymentBinding| status(b).stable.is_some_and(|it| it.deployment == first);
    let found = stand.wait_for::<DeploymentBinding>("taxi", "back", back).await?;
    let entry = latest(&found);
    assert_eq!(format!("{:?} {:?}", entry.outcome, entry.version), "RolledBack Some(\"1\")");
    let why = entry.message.unwrap_or_default();
    assert!(why.contains("/bob of bob, of taxi:2, ended at"), "{why}");
    assert_eq!(entry.approvals.iter().map(|it| it.by.as_str()).collect::<Vec<_>>(), ["ada"]);

    // What serves nothing by now is named, with what it holds.
    let idle = ask(&stand.kubeconfig, &["inventory", "--idle", "-n", &stand.namespace, "-o", "json"])
        .await?
        .json()?;
    let rows = idle["items"].as_array().cloned().unwrap_or_default();
    assert_eq!(rows.iter().map(|row| &row["role"]).collect::<Vec<_>>(), ["Previous"], "{idle}");
    assert_eq!(rows[0]["instances"], 1, "{idle}");

    // What somebody's finalizer holds back says that it is being deleted: an approval does not count from then on.
    let held = Patch::Merge(json!({"metadata": {"finalizers": ["example.com/audit"]}}));
    let free = Patch::Merge(json!({"metadata": {"finalizers": []}}));
    let (patching, deleting) = (PatchParams::default(), DeleteParams::default());
    let approvals: Api<Approval> = Api::namespaced(stand.client.clone(), &risk(&stand));
    approvals.patch("ada-1", &patching, &held).await?;
    approvals.delete("ada-1", &deleting).await?;
    let told = says(&stand, &risk(&stand), "ada-1", "Finishing").await?;
    assert_eq!(told, "False Finishing: The decision is being deleted, and does not count any more.");
    approvals.patch("ada-1", &patching, &free).await?;
    let retry = json!({"bindingRef": {"name": "taxi"}, "action": "Retry", "revision": "0000000000", "requestedBy": "ada"});
    stand.apply("RolloutAction", "retry", retry).await?;
    let actions = stand.api::<RolloutAction>();
    actions.patch("retry", &patching, &held).await?;
    actions.delete("retry", &deleting).await?;
    stand.wait_reason::<RolloutAction>("retry", "Finishing").await?;
    actions.patch("retry", &patching, &free).await?;
    Ok(())
}
