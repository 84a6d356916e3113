//! Versions and endpoints in places of others, and what becomes of what others own.

use bindery::api::{FINALIZER, ModelVersion};
use kube::ResourceExt;
use serde_json::{Value, json};

use super::{Attack, OURS, SHARED_ENDPOINT, binding, shared_endpoint, there, version};
use crate::taxi::with;
use crate::{Outcome, taxi};

pub async fn attempts(attack: &Attack) -> Outcome {
    who_is_no_publisher_changes_nothing(attack).await?;
    missing_and_forbidden_read_the_same(attack).await?;
    what_another_namespace_owns_stays_its_own(attack).await?;
    what_nobody_owns_is_not_taken_over(attack).await?;
    files_of_other_workspaces_are_not_registered(attack).await?;
    what_the_policy_refuses_does_not_begin(attack).await
}

fn promoted(name: &str) -> Value {
    json!({
        "registryRef": {"name": name, "namespace": OURS}, "model": "taxi", "version": "1",
        "source": {"modelVersionRef": {"name": "own"}}, "deletionPolicy": "Delete",
    })
}

/// Row: a version or an endpoint in a place that does not name the namespace as its publisher, for those who may refer to it.
async fn who_is_no_publisher_changes_nothing(attack: &Attack) -> Outcome {
    let Attack { stand, team, .. } = attack;
    let all = [
        ("ModelVersion", "as-theirs", version("fares-prod", "taxi", "1")),
        ("ModelVersion", "as-new", version("fares-prod", "own", "7")),
        ("ModelVersion", "released", promoted("fares-models")),
        ("DeploymentBinding", "as-theirs", binding("fares-prod", "taxi-prod")),
        ("DeploymentBinding", "as-new", binding("fares-prod", "own-prod")),
    ];
    for (kind, name, spec) in &all {
        team.apply(kind, name, spec.clone()).await?;
    }
    for (kind, name, _) in &all {
        let said = team.wait_reason(stand, kind, name, "NotAPublisher").await?;
        assert!(said.contains("does not name namespace attempts-theirs as a publisher"), "{said}");
        let found = team.wait(stand, kind, name, "there", |found| found.is_some()).await?;
        let shown = serde_json::to_string(&found)?;
        assert!(!shown.contains("assetId") && !shown.contains("scoringUri"), "{shown}");
    }
    for (kind, name, _) in &all {
        team.delete(kind, name).await?;
        team.wait_gone(stand, kind, name).await?;
    }
    Ok(())
}

/// Rows: the same for everybody else; messages as an oracle. Also at the end of an object that is held by its own author's
/// finalizer.
async fn missing_and_forbidden_read_the_same(attack: &Attack) -> Outcome {
    let Attack { stand, team, .. } = attack;
    let mut said = vec![];
    for place in ["hidden", "nowhere"] {
        let all = [
            ("ModelVersion", format!("into-{place}"), version(place, "taxi", "1")),
            ("DeploymentBinding", format!("into-{place}"), binding(place, "taxi-prod")),
            (
                "ModelVersion",
                format!("from-{place}"),
                with(promoted("fares-models"), json!({"registryRef": {"name": place}})),
            ),
        ];
        let mut of_place = vec![];
        for (kind, name, spec) in &all {
            team.apply_held(kind, name, spec.clone(), &[FINALIZER]).await?;
            of_place.push(team.wait_reason(stand, kind, name, "ReferenceNotFound").await?);
            team.delete(kind, name).await?;
            let goes = |found: Option<&kube::api::DynamicObject>| {
                let said = found.and_then(|o| e2e::stand::condition(o, "Ready"));
                said.is_some_and(|(.., message)| message.contains("To delete this object now"))
            };
            let found = team.wait(stand, kind, name, "told what to do at its end", goes).await?;
            let status = found.ok_or("it is held")?.data["status"].to_string();
            of_place.push(without_times(&status));
            let free = json!({"metadata": {"finalizers": null}});
            team.change(kind, name, free).await?;
            team.wait_gone(stand, kind, name).await?;
        }
        said.push(of_place.into_iter().map(|text| text.replace(place, "PLACE")).collect::<Vec<_>>());
    }
    assert_eq!(said[0], said[1]);

    // A version of a workspace is for its own namespace; one of a registry for whom that allows.
    let mut said = vec![];
    for name in ["taxi-1-dev", "no-such-version"] {
        let of_theirs = json!({"model": {"versionRef": {"name": name, "namespace": OURS}}});
        team.apply("DeploymentBinding", "serves", with(binding("fares-dev", "own-dev"), of_theirs)).await?;
        let about = |o: &kube::api::DynamicObject| {
            e2e::stand::condition(o, "Ready").is_some_and(|(.., said)| said.contains(name))
                && e2e::stand::current(o)
        };
        let found =
            team.wait(stand, "DeploymentBinding", "serves", name, |found| found.is_some_and(about)).await?;
        let (_, reason, message) =
            found.and_then(|o| e2e::stand::condition(&o, "Ready")).ok_or("a condition")?;
        said.push((reason, message.replace(name, "NAME")));
    }
    assert_eq!(said[0], said[1]);
    team.delete("DeploymentBinding", "serves").await?;
    team.wait_gone(stand, "DeploymentBinding", "serves").await
}

/// A status without what differs from second to second.
fn without_times(status: &str) -> String {
    let mut left = String::new();
    for (at, part) in status.split("\"lastTransitionTime\":\"").enumerate() {
        left += if at == 0 { part } else { part.split_once('"').map_or(part, |(_, rest)| rest) };
    }
    left
}

/// Row: an object for a version or an endpoint of another namespace, also renamed, deleted or made again.
async fn what_another_namespace_owns_stays_its_own(attack: &Attack) -> Outcome {
    let Attack { stand, team, .. } = attack;
    for name in ["squats", "squats-again"] {
        let all = [
            ("ModelVersion", version("fares-dev", "taxi", "1")),
            ("DeploymentBinding", binding("fares-dev", "taxi-dev")),
        ];
        for (kind, spec) in &all {
            team.apply(kind, name, spec.clone()).await?;
        }
        for (kind, _) in &all {
            let said = team.wait_reason(stand, kind, name, "OwnedByAnother").await?;
            assert!(said.contains(&format!("belongs to {OURS}/taxi")), "{said}");
            let found = team.wait(stand, kind, name, "there", |found| found.is_some()).await?;
            let status = found.ok_or("there")?.data["status"].clone();
            for field in [
                "id",
                "assetId",
                "lineage",
                "servedBy",
                "stable",
                "endpoint",
                "deployments",
                "trafficSummary",
            ] {
                let shown = &status[field];
                assert!(shown.is_null() || *shown == json!([]), "{field}: {status}");
            }
            team.delete(kind, name).await?;
            team.wait_gone(stand, kind, name).await?;
        }
    }
    // Nobody of another namespace inherits when the owner goes and leaves it.
    team.apply("ModelVersion", "waits", version("fares-dev", "taxi", "1")).await?;
    team.wait_reason(stand, "ModelVersion", "waits", "OwnedByAnother").await?;
    stand.kubectl(&["delete", "amlbind", "taxi-dev", "--wait=false"]).await?;
    stand.wait_gone::<bindery::api::DeploymentBinding>("taxi-dev").await?;
    stand.delete_and_wait::<ModelVersion>("taxi-1-dev").await?;
    let said = team.wait_reason(stand, "ModelVersion", "waits", "OwnedByAnother").await?;
    assert!(said.contains(&format!("{OURS}/taxi-1-dev")), "{said}");
    team.delete("ModelVersion", "waits").await?;
    team.wait_gone(stand, "ModelVersion", "waits").await?;
    assert!(stand.azure(SHARED_ENDPOINT).is_some(), "it was left");
    stand.apply("ModelVersion", "taxi-1-dev", taxi::from_job("1")).await?;
    stand.apply("DeploymentBinding", "taxi-dev", shared_endpoint()).await
}

/// Row: an object for what exists in Azure and nobody owns.
async fn what_nobody_owns_is_not_taken_over(attack: &Attack) -> Outcome {
    let Attack { stand, team, .. } = attack;
    let path = "workspaces/fares-dev/models/orphan/versions/1";
    let uri = "azureml://datastores/models/paths/orphan";
    stand.exists_in_azure(path, &json!({"properties": {"modelUri": uri, "modelType": "mlflow_model"}}))?;
    for (name, source) in [("orphan", json!({"existing": {}})), ("orphan-path", json!({"uri": uri}))] {
        let mut spec = version("fares-dev", "orphan", "1");
        spec["source"] = source;
        team.apply("ModelVersion", name, spec).await?;
        team.wait_reason(stand, "ModelVersion", name, "AdoptionRefused").await?;
        team.delete("ModelVersion", name).await?;
        team.wait_gone(stand, "ModelVersion", name).await?;
    }
    assert!(stand.azure(path).is_some());
    Ok(())
}

/// Row: a source in another workspace's files, or a path with `..`.
async fn files_of_other_workspaces_are_not_registered(attack: &Attack) -> Outcome {
    let Attack { stand, team, .. } = attack;
    let below = |workspace: &str| {
        format!(
            "azureml://subscriptions/{}/resourcegroups/ml/workspaces/{workspace}/datastores/models/paths/taxi/1",
            e2e::stand::SUBSCRIPTION
        )
    };
    let elsewhere = [
        below("fares-prod"),
        below("FARES-PROD"),
        below("fares-prod")
            .replace("/workspaces/", "/providers/Microsoft.MachineLearningServices/workspaces/"),
        below("fares-prod").replace("azureml://subscriptions", "azureml://SUBSCRIPTIONS"),
        below("fares%2Dprod"),
        "azureml://datastores/models%2F..%2F..%2Fworkspaces%2Ffares-prod/paths/taxi/1".into(),
        "azureml://registries/fares-models/models/taxi/versions/1".into(),
        "azureml://workspaces/fares-prod/datastores/models/paths/taxi/1".into(),
    ];
    let spec = |n: usize, uri: &str| {
        with(version("fares-dev", "files", &(n + 1).to_string()), json!({"source": {"uri": uri}}))
    };
    for (n, uri) in elsewhere.iter().enumerate() {
        team.apply("ModelVersion", &format!("files-{n}"), spec(n, uri)).await?;
    }
    for (n, uri) in elsewhere.iter().enumerate() {
        let said = team.wait_reason(stand, "ModelVersion", &format!("files-{n}"), "AssetMismatch").await?;
        assert!(said.contains("leads into another workspace"), "{uri}: {said}");
    }
    for uri in [
        "azureml://datastores/models/paths/../../x",
        "azureml://datastores/models/paths/%2e%2e/x",
        "https://evil.example/model",
    ] {
        let refused = team.apply("ModelVersion", "files-up", spec(99, uri)).await;
        assert!(refused.is_err(), "{uri}");
    }
    assert!(stand.azure("workspaces/fares-dev/models/files").is_none());
    Ok(())
}

/// Row: an environment, code, an identity, a size or a count that `policy.deployment` does not allow.
async fn what_the_policy_refuses_does_not_begin(attack: &Attack) -> Outcome {
    let Attack { stand, team, .. } = attack;
    let admin =
        "/subscriptions/s/resourceGroups/ml/providers/Microsoft.ManagedIdentity/userAssignedIdentities/admin";
    let code =
        json!({"id": "azureml://registries/elsewhere/codes/c/versions/1", "scoringScript": "score.py"});
    let own = |online: Value| {
        let spec = there("fares-dev", with(binding("fares-dev", "own-dev"), json!({"online": online})));
        with(spec, json!({"model": {"versionRef": {"name": "own"}}}))
    };
    for (online, part) in [
        (json!({"deployment": {"code": code}}), "deployment.code is given"),
        (
            json!({"deployment": {"environmentVariables": {"AZUREML_ENTRY_SCRIPT": "evil.py"}}}),
            "AZUREML_ENTRY_SCRIPT",
        ),
        (
            json!({"deployment": {"instanceType": "Standard_NC24ads_A100_v4"}}),
            "instanceType is Standard_NC24ads_A100_v4",
        ),
        (json!({"endpoint": {"identity": {"userAssigned": [admin]}}}), "userAssigned names"),
    ] {
        team.apply("DeploymentBinding", "brings", own(online)).await?;
        let refused = |o: &kube::api::DynamicObject| {
            let said = e2e::stand::condition(o, "Admitted");
            said.is_some_and(|(_, reason, said)| reason == "PolicyRefused" && said.contains(part))
        };
        team.wait(stand, "DeploymentBinding", "brings", part, |found| found.is_some_and(refused)).await?;
    }
    let odd = own(
        json!({"deployment": {"environment": "azureml://registries/shared%2F../environments/e/versions/1"}}),
    );
    let said = team.apply("DeploymentBinding", "brings", odd).await.err().ok_or("taken")?.to_string();
    assert!(said.contains("'%' is not allowed"), "{said}");
    let found = team.wait(stand, "DeploymentBinding", "brings", "there", |found| found.is_some()).await?;
    assert!(found.is_some_and(|o| o.finalizers().is_empty()), "nothing in Azure is its own");
    team.delete("DeploymentBinding", "brings").await?;
    team.wait_gone(stand, "DeploymentBinding", "brings").await?;
    assert!(stand.azure("workspaces/fares-dev/onlineEndpoints/own-dev").is_none());
    Ok(())
}
