//! What the built program writes for somebody who approves or rejects, and what it refuses to write.

use std::path::PathBuf;

use bindery::api::{Approval, ModelVersion};
use e2e::control_plane;
use e2e::stand::{Error, Stand, condition, ready};
use k8s_openapi::api::core::v1::ServiceAccount;
use k8s_openapi::api::rbac::v1::{Role, RoleBinding};
use kube::api::Api;
use serde_json::json;

use crate::Outcome;
use crate::answers::{apply, ask};
use crate::approvals::{asset, risk, with_versions};

/// A service account that may decide in the second namespace and read the versions of the first, and a kubeconfig for it.
async fn officer(stand: &Stand) -> Result<PathBuf, Error> {
    let (home, risk, group) = (stand.namespace.as_str(), risk(stand), "rbac.authorization.k8s.io");
    let version = format!("{group}/v1");
    let account = json!({"apiVersion": "v1", "kind": "ServiceAccount"});
    apply::<ServiceAccount>(stand, &risk, "officer", account).await?;
    let subject = json!({"kind": "ServiceAccount", "name": "officer", "namespace": risk});
    for (namespace, resource, verbs) in
        [(risk.as_str(), "approvals", vec!["get", "list", "create"]), (home, "modelversions", vec!["get"])]
    {
        let rule = json!({"apiGroups": ["bindery.dev"], "resources": [resource], "verbs": verbs});
        let role = json!({"apiVersion": version, "kind": "Role", "rules": [rule]});
        apply::<Role>(stand, namespace, "officer", role).await?;
        let reference = json!({"apiGroup": group, "kind": "Role", "name": "officer"});
        let binding = json!({"apiVersion": version, "kind": "RoleBinding", "roleRef": reference, "subjects": [subject]});
        apply::<RoleBinding>(stand, namespace, "officer", binding).await?;
    }
    Ok(control_plane::shared().await?.kubeconfig_for_service_account(&risk, "officer").await?)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_is_approved_and_rejected_from_the_command_line() -> Outcome {
    let stand = with_versions("decision").await?;
    let (home, risk) = (stand.namespace.clone(), risk(&stand));
    let (officer, admin, version) =
        (officer(&stand).await?, stand.kubeconfig.clone(), format!("{home}/taxi-1"));
    let approvals: Api<Approval> = Api::namespaced(stand.client.clone(), &risk);

    for (arguments, said) in [
        (
            vec!["approve", &version, "-n", &home, "--yes"],
            format!("no Workspace counts approvals of namespace {home}."),
        ),
        (
            vec!["approve", &version, "-n", &risk],
            "stdin is no terminal, so nobody can be asked: give --yes".into(),
        ),
        (
            vec!["approve", &version, "-n", &risk, "--yes", "--tier", "moon"],
            "has the tier moon; there is: production".into(),
        ),
        (
            vec!["approve", &version, "-n", &risk, "--yes", "--expires", "soon"],
            "\"soon\" is no time: write a day".into(),
        ),
        (vec!["approve", &version, "-n", &risk, "--yes", "--waive", "Soak"], "a waiver has to end".into()),
        (
            vec!["approve", &version, "-n", &risk, "--yes", "--waive", "Soak", "--expires", "1h"],
            "lets Soak be waived (spec.policy.approvals.waivable)".into(),
        ),
        (
            vec!["reject", "taxi-9", "-n", &risk, "--yes"],
            "there is no ModelVersion taxi-9 in namespace".into(),
        ),
    ] {
        let answered = ask(&admin, &arguments).await?;
        assert_eq!((answered.code, answered.out.as_str()), (Some(1), ""), "{arguments:?}: {}", answered.told);
        assert!(answered.told.contains(&said), "{arguments:?}: {}", answered.told);
    }

    // For Git, nothing is written.
    let manifest = ask(&officer, &["approve", &version, "--dry-run", "client", "-o", "json"]).await?;
    let user = format!("system:serviceaccount:{risk}:officer");
    let spec = json!({
        "modelVersionRef": {"name": "taxi-1", "namespace": home}, "assetId": asset("1"), "decision": "Approved", "by": user,
    });
    let metadata = json!({"name": "taxi-1-officer", "namespace": risk});
    let expected =
        json!({"apiVersion": "bindery.dev/v1alpha1", "kind": "Approval", "metadata": metadata, "spec": spec});
    assert_eq!(manifest.json()?, expected, "{}", manifest.told);
    assert!(manifest.told.contains("You may not list the workspaces of all namespaces"), "{}", manifest.told);
    let checked = ask(&officer, &["approve", &version, "--dry-run", "server"]).await?;
    let told = format!("approval.bindery.dev/taxi-1-officer created in namespace {risk}");
    assert_eq!(checked.out, format!("{told} (server dry run)\n"), "{}", checked.told);
    assert!(approvals.get_opt("taxi-1-officer").await?.is_none());

    let approve =
        ["approve", &version, "--yes", "--tier", "production", "--reason", "Better.", "--expires", "90d"];
    let approved = ask(&officer, &approve).await?;
    assert_eq!((approved.code, approved.out), (Some(0), format!("{told}\n")), "{}", approved.told);
    let counts = |a: Option<&Approval>| {
        a.and_then(|a| condition(a, "Ready")).is_some_and(|(holds, ..)| holds == "True")
    };
    let found = kube::runtime::wait::await_condition(approvals.clone(), "taxi-1-officer", counts);
    let found = tokio::time::timeout(e2e::stand::PATIENCE, found).await??.ok_or("an approval")?;
    assert_eq!((found.spec.by, found.spec.reason.as_deref()), (user, Some("Better.")));
    // Whoever looks in Azure sees it too, and the version is Ready all the while.
    let path = "registries/fares-models/models/taxi/versions/1";
    let told_in_azure = |v: &ModelVersion| {
        let tag = stand.azure_field(path, "/properties/tags/bindery-approved-by");
        v.status.as_ref().is_some_and(|status| status.approvals.len() == 1) && !tag.is_null()
    };
    let told = stand.wait_for::<ModelVersion>("taxi-1", "approved", told_in_azure).await?;
    assert!(ready(&told));
    let tags = stand.azure_field(path, "/properties/tags");
    assert_eq!(tags["bindery-approved-by"], format!("system:serviceaccount:{risk}:officer for production"));
    let times = ["bindery-approved-at", "bindery-approved-until"].map(|key| tags[key].is_string());
    assert_eq!(times, [true, true], "{tags}");
    let again = ask(&officer, &approve).await?;
    assert!(again.told.contains("Approval taxi-1-officer exists already in namespace"), "{}", again.told);

    let rejected = ask(&officer, &["reject", &version, "--yes", "-o", "json"]).await?;
    assert_eq!(rejected.json()?["spec"]["decision"], "Rejected");
    let elsewhere = ask(&officer, &["reject", &version, "--yes", "-n", &home]).await?;
    assert!(elsewhere.told.contains("cannot create resource \"approvals\""), "{}", elsewhere.told);
    Ok(())
}
