//! What an auditor tries: a version that another object takes out of use, other files under a number that was approved,
//! somebody's files under the number of a copy, and an origin that nothing proves.

use azureml_emulator::Durations;
use bindery::api::{DeploymentBinding, ModelVersion, Registry, Workspace};
use e2e::stand::{Stand, azure_id, emulator_config, ready};
use serde_json::{Value, json};

use crate::answers::ask;
use crate::taxi::{ENDPOINT, with};
use crate::{Outcome, approvals, copies, taxi};

#[tokio::test(flavor = "multi_thread")]
async fn a_version_is_out_of_use_also_by_an_object_that_is_not_ready() -> Outcome {
    let stand = taxi::stand("auditor-retired").await?;
    taxi::versions(&stand, &["1"]).await?;
    let over = jiff::Timestamp::from_second(jiff::Timestamp::now().as_second() - 1)?;
    let retired = with(taxi::from_uri("1"), json!({"retirement": {"at": over.to_string()}}));
    stand.apply("ModelVersion", "end-of-taxi-1", retired).await?;
    stand.wait_reason::<ModelVersion>("end-of-taxi-1", "OwnedByAnother").await?;

    stand.apply("DeploymentBinding", "taxi", taxi::binding("taxi-1")).await?;
    let message = stand.wait_reason::<DeploymentBinding>("taxi", "Retired").await?;
    assert!(message.starts_with(&format!("taxi:1 is retired since {over}")), "{message}");
    let named = json!({"model": {"versionRef": {"name": "end-of-taxi-1"}}});
    stand.edit::<DeploymentBinding>("taxi", named).await?;
    stand.wait_reason::<DeploymentBinding>("taxi", "ReferenceNotReady").await?;
    assert_eq!(stand.azure(ENDPOINT), None);

    stand.edit::<DeploymentBinding>("taxi", json!({"model": {"versionRef": {"name": "taxi-1"}}})).await?;
    stand.wait_reason::<DeploymentBinding>("taxi", "Retired").await?;
    stand.delete_and_wait::<ModelVersion>("end-of-taxi-1").await?;
    stand.wait_for::<DeploymentBinding>("taxi", "Ready", ready).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_that_is_applied_again_is_of_the_files_that_it_was_about() -> Outcome {
    // At real speed: Azure's clock is held against that of the API server.
    let mut emulator = emulator_config(1.0);
    emulator.durations = Durations::none();
    let stand = approvals::stand("auditor-files", emulator).await?;
    let risk = approvals::risk(&stand);
    approvals::registered(&stand, "good")?;
    let observed = json!({"workspaceRef": {"name": "fares-prod"}, "model": "taxi", "version": "1",
        "source": {"existing": {}}, "management": "Observe"});
    stand.apply("ModelVersion", "taxi-1", observed).await?;
    let version = stand.wait_for::<ModelVersion>("taxi-1", "Ready", ready).await?;
    let made = version.status.and_then(|status| status.created_at).ok_or("when it was made")?;

    let of = format!("{}/taxi-1", stand.namespace);
    let approved = ask(&stand.kubeconfig, &["approve", &of, "-n", &risk, "--yes", "-o", "json"]).await?;
    let approval = approved.json()?;
    let name = approval["metadata"]["name"].as_str().ok_or("a name")?;
    let named: jiff::Timestamp = approval["spec"]["assetCreatedAt"].as_str().ok_or("no time")?.parse()?;
    assert_eq!(named.as_second(), made.as_second(), "{approval}");
    approvals::says(&stand, &risk, name, "Valid").await?;

    // The API server writes whole seconds down: whoever registers it again does so in a later one.
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    assert!(stand.emulator.control().remove_resource(&azure_id(approvals::VERSION)));
    approvals::registered(&stand, "bad")?;
    stand.look_again::<ModelVersion>("taxi-1").await?;
    // As Git or a backup does it: the Approval is younger than the files now.
    approvals::take_back(&stand, name).await?;
    stand.apply_in(&risk, "Approval", name, approval["spec"].clone()).await?;
    let about = "it is about the version that Azure made at";
    let said = approvals::says(&stand, &risk, name, "AssetMismatch").await?;
    assert!(said.contains(about), "{said}");
    stand.apply("DeploymentBinding", "taxi", taxi::binding("taxi-1")).await?;
    let message = stand.wait_reason::<DeploymentBinding>("taxi", "NotApproved").await?;
    assert!(message.contains(about), "{message}");
    assert_eq!(stand.azure(ENDPOINT), None);
    Ok(())
}

/// The version has no origin, and nothing was written to it.
async fn is_left_alone(stand: &Stand, name: &str, path: &str) -> Outcome {
    let said = stand.wait_reason::<ModelVersion>(name, "AssetMismatch").await?;
    assert!(said.contains("but nothing in Azure shows that it was copied from"), "{said}");
    let version = stand.wait_for::<ModelVersion>(name, "a version", |_| true).await?;
    assert_eq!(version.status.and_then(|status| status.lineage), None);
    assert!(stand.requests_on("PUT", path).is_empty());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn somebodys_files_under_the_number_of_a_copy_are_not_taken_for_it() -> Outcome {
    const PUBLISHED: &str = "registries/fares-models/models/taxi/versions/2";
    let stand = taxi::stand("auditor-strangers").await?;
    copies::registries(&stand, &json!({}), [None, None]).await?;
    taxi::allow_adoption::<Registry>(&stand, "released").await?;
    stand.apply("Workspace", "fares-dev", json!({"azure": taxi::azure()})).await?;
    stand.wait_for::<Workspace>("fares-dev", "Ready", ready).await?;
    stand.apply("ModelVersion", "taxi-2-dev", taxi::from_job("2")).await?;
    stand.wait_for::<ModelVersion>("taxi-2-dev", "Ready", ready).await?;
    for path in [copies::COPY, PUBLISHED] {
        copies::somebody_registers(&stand, path, &[("MLmodel", "theirs")], &json!({}))?;
    }

    stand.apply("ModelVersion", "released-1", copies::copied()).await?;
    is_left_alone(&stand, "released-1", copies::COPY).await?;
    stand.apply("ModelVersion", "taxi-2", taxi::promoted("2")).await?;
    is_left_alone(&stand, "taxi-2", PUBLISHED).await?;
    assert!(stand.requests("POST", "/publish").is_empty());

    // What the message advises.
    stand.delete_and_wait::<ModelVersion>("taxi-2").await?;
    let existing = json!({"registryRef": {"name": "fares-models"}, "model": "taxi", "version": "2", "source": {"existing": {}}});
    stand.apply("ModelVersion", "taxi-2", existing).await?;
    let taken = stand.wait_for::<ModelVersion>("taxi-2", "Ready", ready).await?;
    assert_eq!(taken.status.and_then(|status| status.lineage), None);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_answers_say_which_origin_nothing_proves() -> Outcome {
    let stand = taxi::stand("auditor-proof").await?;
    taxi::workspaces(&stand).await?;
    taxi::allow_adoption::<Workspace>(&stand, "fares-dev").await?;
    stand.apply("Registry", "fares-models", taxi::registry()).await?;
    // Whoever registers a version writes the name of the job: that these are its files, nothing shows.
    let typed = json!({"properties": {"modelUri": "azureml://datastores/models/paths/other", "modelType": "mlflow_model",
        "jobName": "taxi-train-2"}});
    stand.exists_in_azure("workspaces/fares-dev/models/taxi/versions/2", &typed)?;
    stand.apply("ModelVersion", "taxi-1-dev", taxi::from_job("1")).await?;
    let existing = json!({"workspaceRef": {"name": "fares-dev"}, "model": "taxi", "version": "2", "source": {"existing": {}}});
    stand.apply("ModelVersion", "taxi-2-dev", existing).await?;
    for n in ["1", "2"] {
        stand.apply("ModelVersion", &format!("taxi-{n}"), taxi::promoted(n)).await?;
        stand.wait_for::<ModelVersion>(&format!("taxi-{n}"), "Ready", ready).await?;
    }
    let home = stand.namespace.as_str();
    let all =
        ask(&stand.kubeconfig, &["inventory", "-n", home, "--place", "fares-models", "-o", "json"]).await?;
    let items = all.json()?["items"].clone();
    let verified: Vec<(&Value, &Value)> = items
        .as_array()
        .into_iter()
        .flatten()
        .map(|it| (&it["trained"]["job"], &it["trained"]["verified"]))
        .collect();
    let expected = [(json!("taxi-train-1"), json!(true)), (json!("taxi-train-2"), json!(false))];
    assert_eq!(verified, expected.each_ref().map(|(job, proven)| (job, proven)), "{items}");
    for (n, origin) in [("1", "origin verified by Azure"), ("2", "origin not verified")] {
        let tree = ask(&stand.kubeconfig, &["lineage", &format!("taxi-{n}"), "-n", home]).await?;
        assert!(
            tree.out.lines().next().is_some_and(|line| line.contains(origin)),
            "{}{}",
            tree.out,
            tree.told
        );
        // From what a copy was published is in Azure either way.
        let tags = stand
            .azure_field(&format!("registries/fares-models/models/taxi/versions/{n}"), "/properties/tags");
        let marks = (tags["bindery-published-from"].is_string(), tags["bindery-verified"] == "true");
        assert_eq!(marks, (true, n == "1"), "{tags}");
    }
    Ok(())
}
