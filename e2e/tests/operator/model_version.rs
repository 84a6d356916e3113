//! A model version: registered, promoted, kept equal on what is ours, and let go.

use azureml_emulator::{Effect, FaultRule, JobSeed};
use bindery::api::{DeploymentBinding, ModelVersion, Registry, Role, Workspace};
use e2e::stand::{GROUP, SUBSCRIPTION, Stand, condition, drifted, ready};
use serde_json::{Value, json};

use crate::{Outcome, taxi};

const DEV: &str = "workspaces/fares-dev/models/taxi/versions/1";
const PUBLISHED: &str = "registries/fares-models/models/taxi/versions/1";

#[tokio::test(flavor = "multi_thread")]
async fn from_a_job_it_has_a_lineage_that_nobody_typed() -> Outcome {
    let stand = taxi::stand("version-job").await?;
    taxi::workspaces(&stand).await?;
    let spec = taxi::with(
        taxi::from_job("1"),
        json!({"description": "Fares of yellow cabs.", "tags": {"team": "fares"}, "properties": {"card": "x/1"}, "stage": "Staging"}),
    );
    stand.apply("ModelVersion", "taxi-1-dev", spec).await?;
    let version = stand.wait_for::<ModelVersion>("taxi-1-dev", "Ready", ready).await?;

    let puts = stand.requests_on("PUT", DEV);
    assert_eq!(puts.len(), 1);
    let body = puts[0].body.clone().unwrap_or_default();
    assert_eq!(body["properties"]["jobName"], "taxi-train-1");
    assert_eq!(body["properties"]["modelUri"], "azureml://jobs/taxi-train-1/outputs/artifacts/paths/model");
    let field = |name: &str| stand.azure_field(DEV, &format!("/properties/{name}"));
    assert_eq!(field("description"), "Fares of yellow cabs.");
    assert_eq!(field("stage"), "Staging");
    assert_eq!(field("tags/team"), "fares");
    assert_eq!(field("tags/bindery-owner"), "stand/version-job/taxi-1-dev");
    assert_eq!(field("properties/card"), "x/1");

    let status = version.status.ok_or("a status")?;
    assert_eq!(status.id.as_deref(), Some(e2e::stand::azure_id(DEV).as_str()));
    assert_eq!(status.asset_id, status.id, "in a workspace, deployments use the ARM id");
    assert_eq!(status.stage.as_deref(), Some("Staging"));
    let mut lineage = serde_json::to_value(status.lineage)?;
    assert!(status.traced_at.is_some());
    let trained_at =
        lineage.as_object_mut().and_then(|it| it.remove("trainedAt")).ok_or("when it was trained")?;
    assert!(trained_at.as_str().is_some_and(|at| at.parse::<jiff::Timestamp>().is_ok()), "{trained_at}");
    let expected = json!({
        "job": "taxi-train-1",
        "workspace": e2e::stand::azure_id("workspaces/fares-dev"),
        "experiment": "nyc-taxi-fare",
        "run": "taxi-train-1",
        "metrics": {"rmse": "4.1", "r2": "0.81"},
        "datasets": [{"name": "training_data", "uri": "azureml://datastores/taxi/paths/2025"}],
        "environment": e2e::stand::azure_id("workspaces/fares-dev/environments/sklearn/versions/4"),
        "code": {
            "repository": "https://git.example/fares.git",
            "commit": "4f2c1d9e8b7a60514f2c1d9e8b7a60514f2c1d9e",
            "dirty": false,
        },
        "trainedBy": "ada",
        "verified": true,
    });
    assert_eq!(lineage, expected, "without the credentials of the repository");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn from_a_path_it_is_registered_and_another_path_is_another_model() -> Outcome {
    let stand = taxi::stand("version-path").await?;
    taxi::versions(&stand, &["1"]).await?;
    let path = "workspaces/fares-prod/models/taxi/versions/1";
    let uri = stand.azure_field(path, "/properties/modelUri");
    assert!(uri.as_str().is_some_and(|u| u.ends_with("/datastores/models/paths/taxi/1")), "{uri}");
    assert_eq!(
        stand.requests_on("PUT", path)[0].body.clone().unwrap_or_default()["properties"].get("jobName"),
        None
    );

    // Somebody registered another model under the number that we want.
    let other = json!({"properties": {"modelUri": "azureml://datastores/models/paths/other/2", "modelType": "mlflow_model"}});
    stand.exists_in_azure("workspaces/fares-prod/models/taxi/versions/2", &other)?;
    stand.apply("ModelVersion", "taxi-2", taxi::from_uri("2")).await?;
    let message = stand.wait_reason::<ModelVersion>("taxi-2", "AdoptionRefused").await?;
    assert!(
        message.contains("have spec.adoption of Workspace version-path/fares-prod set to Allow"),
        "{message}"
    );
    taxi::allow_adoption::<Workspace>(&stand, "fares-prod").await?;
    let message = stand.wait_reason::<ModelVersion>("taxi-2", "AssetMismatch").await?;
    assert!(message.contains("paths/other/2") && message.contains("next version"), "{message}");
    assert!(stand.requests_on("PUT", "workspaces/fares-prod/models/taxi/versions/2").is_empty());

    // The same model under the number that we want is taken over.
    let same = json!({"properties": {
        "modelUri": "azureml://datastores/models/paths/taxi/3", "modelType": "mlflow_model", "tags": {"by": "hand"},
    }});
    stand.exists_in_azure("workspaces/fares-prod/models/taxi/versions/3", &same)?;
    stand.apply("ModelVersion", "taxi-3", taxi::from_uri("3")).await?;
    stand.wait_for::<ModelVersion>("taxi-3", "Ready", ready).await?;
    assert_eq!(
        stand.azure_field("workspaces/fares-prod/models/taxi/versions/3", "/properties/tags"),
        json!({"by": "hand", "bindery-owner": "stand/version-path/taxi-3"})
    );
    Ok(())
}

/// Registry, workspaces, and the version `taxi-1-dev`.
async fn registry_and_source(stand: &Stand) -> Outcome {
    taxi::workspaces(stand).await?;
    stand.apply("Registry", "fares-models", taxi::registry()).await?;
    stand.apply("ModelVersion", "taxi-1-dev", taxi::from_job("1")).await?;
    stand.wait_for::<ModelVersion>("taxi-1-dev", "Ready", ready).await?;
    stand.wait_for::<Registry>("fares-models", "Ready", ready).await?;
    Ok(())
}

fn publishes(stand: &Stand) -> usize {
    stand.requests("POST", "/publish").len()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_promotion_is_one_publish_and_one_put() -> Outcome {
    let stand = taxi::stand("version-promoted").await?;
    registry_and_source(&stand).await?;
    let spec = taxi::with(
        taxi::promoted("1"),
        json!({"tags": {"approved": "yes"}, "description": "For production."}),
    );
    stand.apply("ModelVersion", "taxi-1", spec).await?;
    let version = stand.wait_for::<ModelVersion>("taxi-1", "Ready", ready).await?;
    assert_eq!(publishes(&stand), 1);
    assert_eq!(stand.requests_on("PUT", PUBLISHED).len(), 1);
    assert_eq!(stand.azure_field(PUBLISHED, "/properties/description"), "For production.");
    let tags = stand.azure_field(PUBLISHED, "/properties/tags");
    let mark = tags["bindery-published-from"].as_str().ok_or("what it was published from")?;
    assert_eq!(mark.len(), 16, "{mark}");
    let trained_at = tags["bindery-trained-at"].as_str().ok_or("when it was trained")?;
    assert!(trained_at.ends_with('Z'), "{trained_at}");
    assert_eq!(
        tags,
        json!({
            "approved": "yes", "bindery-owner": "stand/version-promoted/taxi-1",
            "bindery-verified": "true", "bindery-published-from": mark, "bindery-job": "taxi-train-1",
            "bindery-experiment": "nyc-taxi-fare", "bindery-trained-by": "ada",
            "bindery-trained-at": trained_at,
            "bindery-environment": e2e::stand::azure_id("workspaces/fares-dev/environments/sklearn/versions/4"),
            "bindery-repository": "https://git.example/fares.git",
            "bindery-commit": "4f2c1d9e8b7a60514f2c1d9e8b7a60514f2c1d9e",
        })
    );
    let status = version.status.ok_or("a status")?;
    assert_eq!(status.asset_id.as_deref(), Some("azureml://registries/fares-models/models/taxi/versions/1"));
    assert_eq!((status.publishing, status.operation), (None, None));
    let lineage = status.lineage.ok_or("a lineage")?;
    assert_eq!(lineage.promoted_from, [e2e::stand::azure_id(DEV)]);
    assert_eq!(lineage.metrics.get("rmse").map(String::as_str), Some("4.1"));
    assert!(lineage.verified);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_publish_whose_answer_is_lost_is_not_asked_for_again() -> Outcome {
    let stand = taxi::stand("version-lost").await?;
    registry_and_source(&stand).await?;
    stand.emulator.control().add_fault(FaultRule::on("POST", "/publish", Effect::LoseAnswer));
    stand.apply("ModelVersion", "taxi-1", taxi::promoted("1")).await?;
    stand.wait_for::<ModelVersion>("taxi-1", "Ready", ready).await?;
    assert_eq!(publishes(&stand), 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_between_publish_and_answer_it_publishes_once() -> Outcome {
    let mut stand = taxi::stand("version-killed").await?;
    registry_and_source(&stand).await?;
    stand.emulator.control().add_fault(FaultRule::on("POST", "/publish", Effect::Delay { millis: 60_000 }));
    stand.apply("ModelVersion", "taxi-1", taxi::promoted("1")).await?;
    stand.wait_until("publish", |s| publishes(s) == 1).await?;
    stand.operator.kill()?;
    let intent = stand.api::<ModelVersion>().get("taxi-1").await?.status.and_then(|s| s.publishing);
    assert_eq!(
        intent.map(|i| i.from),
        Some(e2e::stand::azure_id(DEV)),
        "the intent was stored before the call"
    );
    stand.operator.start()?;
    stand.wait_for::<ModelVersion>("taxi-1", "Ready", ready).await?;
    assert_eq!(publishes(&stand), 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_publish_that_azure_refuses_is_asked_for_again_later() -> Outcome {
    let stand = taxi::stand("version-refused").await?;
    registry_and_source(&stand).await?;
    let refusal = Effect::Answer {
        status: 400,
        code: "ValidationError".into(),
        message: "Too big for this registry.".into(),
        headers: [].into(),
    };
    stand.emulator.control().add_fault(FaultRule::on("POST", "/publish", refusal).times(1));
    stand.apply("ModelVersion", "taxi-1", taxi::promoted("1")).await?;
    let message = stand.wait_reason::<ModelVersion>("taxi-1", "Refused").await?;
    assert!(message.contains("could not publish taxi:1 to registry fares-models"), "{message}");
    assert!(message.contains("Too big for this registry."), "{message}");
    stand.wait_for::<ModelVersion>("taxi-1", "Ready after the second try", ready).await?;
    assert_eq!(publishes(&stand), 2);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_azure_refuses_is_said_in_its_own_words() -> Outcome {
    let stand = taxi::stand("version-unknown").await?;
    taxi::workspaces(&stand).await?;
    stand.emulator.control().declare_missing_path("/outputs/artifacts/paths/nothing");
    let spec = taxi::with(taxi::from_job("1"), json!({"source": {"job": {"path": "nothing"}}}));
    stand.apply("ModelVersion", "taxi-1-dev", spec).await?;
    let message = stand.wait_reason::<ModelVersion>("taxi-1-dev", "Refused").await?;
    assert!(message.contains("could not register taxi:1"), "{message}");
    assert!(
        message.contains("ModelAssetPathNotFoundInStorage") && message.contains("HTTP 400, correlation "),
        "{message}"
    );
    assert!(message.contains("tries again, at least every 10 min"), "{message}");
    let stalled = stand.api::<ModelVersion>().get("taxi-1-dev").await?;
    assert_eq!(condition(&stalled, "Stalled").map(|(status, ..)| status).as_deref(), Some("True"));
    assert_eq!(condition(&stalled, "Registered").map(|(_, reason, _)| reason).as_deref(), Some("NotInAzure"));
    assert_eq!(stand.requests_on("PUT", DEV).len(), 1, "not hammered");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_nobody_ran_is_refused_or_taken_as_azure_decides() -> Outcome {
    let stand = taxi::stand("version-no-job").await?;
    taxi::workspaces(&stand).await?;
    let spec = taxi::with(taxi::from_job("1"), json!({"source": {"job": {"name": "no-such-job"}}}));
    stand.apply("ModelVersion", "taxi-1-dev", spec).await?;
    if stand.inferred().job_uri_must_exist {
        let message = stand.wait_reason::<ModelVersion>("taxi-1-dev", "Refused").await?;
        assert!(message.contains("JobNotFound"), "{message}");
        return Ok(());
    }
    let version = stand.wait_for::<ModelVersion>("taxi-1-dev", "Ready", ready).await?;
    let lineage = version.status.and_then(|s| s.lineage);
    assert_eq!(lineage, None, "nobody has seen that job, so it is not named");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_uploaded_is_not_a_jobs_because_the_manifest_says_so() -> Outcome {
    let stand = taxi::stand("version-typed").await?;
    taxi::workspaces(&stand).await?;
    let uploaded = "azureml://datastores/models/paths/LocalUpload/0123/model";
    let upload = json!({"properties": {"modelUri": uploaded, "modelType": "mlflow_model"}});
    stand.exists_in_azure(DEV, &upload)?;
    taxi::allow_adoption::<Workspace>(&stand, "fares-dev").await?;
    stand.apply("ModelVersion", "taxi-1-dev", taxi::from_job("1")).await?;
    let message = stand.wait_reason::<ModelVersion>("taxi-1-dev", "AssetMismatch").await?;
    assert!(message.contains("nothing says that job taxi-train-1 made it"), "{message}");
    assert!(stand.requests_on("PUT", DEV).is_empty());
    let version: ModelVersion = stand.api().get("taxi-1-dev").await?;
    assert_eq!(version.status.and_then(|s| s.lineage), None);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_path_into_a_jobs_output_brings_its_lineage_with_the_registration() -> Outcome {
    let stand = taxi::stand("version-output").await?;
    let workspace = e2e::stand::azure_id("workspaces/fares-prod");
    for n in 1..=5 {
        let outputs = [("model_dir".to_string(), json!({"jobOutputType": "uri_folder"}))].into();
        let job = JobSeed { name: format!("paths-{n}"), outputs, ..JobSeed::default() };
        assert!(stand.emulator.control().declare_job(&workspace, &job));
    }
    let policy = json!({"azure": taxi::azure(), "policy": {"lineage": {"require": "Named"}}});
    stand.apply("Workspace", "fares-prod", policy).await?;
    let long = format!("subscriptions/{SUBSCRIPTION}/resourcegroups/{GROUP}/workspaces/fares-prod");
    let forms = [
        "jobs/paths-1/outputs/artifacts/paths/model".to_string(),
        "jobs/paths-2/outputs/model_dir".into(),
        format!("{long}/datastores/workspaceartifactstore/paths/ExperimentRun/dcid.paths-3/model"),
        format!("{long}/jobs/paths-4/outputs/artifacts/paths/model"),
        "datastores/workspaceblobstore/paths/azureml/paths-5/model_dir/".into(),
        "datastores/workspaceblobstore/paths/azureml/nobody/model_dir/".into(),
    ];
    for (n, form) in (1..).zip(&forms) {
        let spec = json!({"version": n.to_string(), "source": {"uri": format!("azureml://{form}")}});
        stand.apply("ModelVersion", &format!("taxi-{n}"), taxi::with(taxi::from_uri("1"), spec)).await?;
        let spec = json!({"online": {"endpoint": {"name": format!("taxi-output-{n}")}}});
        let spec = taxi::with(taxi::binding(&format!("taxi-{n}")), spec);
        stand.apply("DeploymentBinding", &format!("taxi-{n}"), spec).await?;
    }
    // The interval is ten minutes: nobody waits for it here.
    for n in 1..=5 {
        let name = format!("taxi-{n}");
        stand.wait_for::<DeploymentBinding>(&name, "Ready", ready).await?;
        let lineage = stand.api::<ModelVersion>().get(&name).await?.status.and_then(|s| s.lineage);
        let lineage = lineage.ok_or("a lineage")?;
        assert_eq!(lineage.job, Some(format!("paths-{n}")));
        assert_eq!(lineage.workspace.as_deref(), Some(workspace.as_str()));
        let puts = stand.requests_on("PUT", &format!("workspaces/fares-prod/models/taxi/versions/{n}"));
        assert_eq!(puts.len(), 1);
        let sent = puts[0].body.clone().unwrap_or_default();
        assert_eq!(sent["properties"].get("jobName"), None, "the manifest names no job");
    }
    stand.wait_reason::<DeploymentBinding>("taxi-6", "PolicyRefused").await?;
    let nobodys: ModelVersion = stand.api().get("taxi-6").await?;
    assert!(ready(&nobodys));
    assert_eq!(nobodys.status.and_then(|s| s.lineage), None, "there is no such job");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_manifest_says_is_kept_and_the_rest_is_left_alone() -> Outcome {
    let stand = taxi::stand("version-edits").await?;
    taxi::workspaces(&stand).await?;
    let spec = taxi::with(
        taxi::from_job("1"),
        json!({"tags": {"team": "fares", "trial": "yes"}, "properties": {"card": "x/1"}, "stage": "Development"}),
    );
    stand.apply("ModelVersion", "taxi-1-dev", spec).await?;
    stand.wait_for::<ModelVersion>("taxi-1-dev", "Ready", ready).await?;
    let foreign = json!({"properties": {"tags": {"bill-to": "4711"}, "properties": {"mlops.run": "9"}, "description": "by hand"}});
    stand.change_in_azure(DEV, &foreign)?;

    // Edits: what is written is set, a key that goes from the manifest goes from Azure, nothing else moves.
    let edit = json!({
        "tags": {"team": "rides", "trial": null}, "properties": {"card": "x/2"}, "stage": "Production", "archived": true,
    });
    stand.edit::<ModelVersion>("taxi-1-dev", edit).await?;
    stand.wait_for::<ModelVersion>("taxi-1-dev", "Ready again", ready).await?;
    let held = || stand.azure_field(DEV, "/properties");
    let owner = "stand/version-edits/taxi-1-dev";
    let tags = || without_lineage(held()["tags"].clone());
    assert_eq!(tags(), json!({"team": "rides", "bill-to": "4711", "bindery-owner": owner}));
    assert_eq!(held()["properties"]["card"], "x/2");
    assert_eq!(held()["properties"]["mlops.run"], "9");
    assert_eq!(held()["description"], "by hand", "the manifest has no word about it");
    assert_eq!((&held()["stage"], &held()["isArchived"]), (&json!("Production"), &json!(true)));
    let drift: Vec<_> =
        stand.events("taxi-1-dev").await?.into_iter().filter(|e| e.contains("Drifted")).collect();
    assert_eq!(drift, Vec::<String>::new(), "our own edits are not somebody else's");

    // A description, from now on.
    stand
        .edit::<ModelVersion>("taxi-1-dev", json!({"description": "by manifest", "archived": false}))
        .await?;
    stand.wait_for::<ModelVersion>("taxi-1-dev", "Ready with a description", ready).await?;
    assert_eq!((&held()["description"], &held()["isArchived"]), (&json!("by manifest"), &json!(false)));

    // Somebody edits it in the Studio.
    let studio = json!({"properties": {
        "description": "mine now", "stage": "Shadow", "isArchived": true, "tags": {"team": "pirates", "seen": "yes"},
        "properties": {"card": "x/666"},
    }});
    let puts = stand.requests_on("PUT", DEV).len();
    stand.change_in_azure(DEV, &studio)?;
    stand.look_again::<ModelVersion>("taxi-1-dev").await?;
    let event = stand.wait_event("taxi-1-dev", "Warning Drifted").await?;
    for field in ["description", "tags.team", "properties.card", "stage", "archived"] {
        assert!(event.contains(field), "{event}");
    }
    stand.wait_until("correction", |s| s.azure_field(DEV, "/properties/tags/team") == "rides").await?;
    stand.wait_for::<ModelVersion>("taxi-1-dev", "in sync", |v| ready(v) && !drifted(v)).await?;
    assert_eq!(stand.requests_on("PUT", DEV).len(), puts + 1, "one PUT mends all");
    assert_eq!(tags(), json!({"team": "rides", "bill-to": "4711", "seen": "yes", "bindery-owner": owner}));
    assert_eq!(held()["properties"]["card"], "x/2");
    assert_eq!(held()["description"], "by manifest");
    assert_eq!((&held()["stage"], &held()["isArchived"]), (&json!("Production"), &json!(false)));

    // What cannot change is refused with a sentence.
    let refused =
        stand.edit::<ModelVersion>("taxi-1-dev", json!({"source": {"job": {"name": "taxi-train-2"}}})).await;
    let said = refused.err().map(|e| e.to_string()).unwrap_or_default();
    assert!(said.contains("source cannot be changed: a version is immutable"), "{said}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn deletion_retains_archives_or_deletes() -> Outcome {
    let stand = taxi::stand("version-deleted").await?;
    taxi::versions(&stand, &["1"]).await?;
    for (n, policy) in [("2", "Archive"), ("3", "Delete")] {
        let spec = taxi::with(taxi::from_uri(n), json!({"deletionPolicy": policy}));
        stand.apply("ModelVersion", &format!("taxi-{n}"), spec).await?;
        stand.wait_for::<ModelVersion>(&format!("taxi-{n}"), "Ready", ready).await?;
    }
    let path = |n: &str| format!("workspaces/fares-prod/models/taxi/versions/{n}");
    for name in ["taxi-1", "taxi-2", "taxi-3"] {
        stand.delete_and_wait::<ModelVersion>(name).await?;
    }
    assert_eq!(stand.azure_field(&path("1"), "/properties/isArchived"), false);
    assert_eq!(stand.azure_field(&path("2"), "/properties/isArchived"), true);
    assert_eq!(stand.azure(&path("3")), None::<Value>);
    assert_eq!(stand.requests("DELETE", "").len(), 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn served_by_follows_the_bindings_and_holds_a_deletion_back() -> Outcome {
    let stand = taxi::stand("version-served").await?;
    taxi::versions(&stand, &["2"]).await?;
    stand
        .apply("ModelVersion", "taxi-1", taxi::with(taxi::from_uri("1"), json!({"deletionPolicy": "Delete"})))
        .await?;
    let first = taxi::serve(&stand, taxi::binding("taxi-1")).await?;
    let served = stand
        .wait_for::<ModelVersion>("taxi-1", "served", |v| {
            v.status.as_ref().is_some_and(|s| s.served_by.iter().any(|s| s.role == Role::Stable))
        })
        .await?;
    let served = serde_json::to_value(served.status.map(|s| s.served_by))?;
    let expected = json!([{"namespace": "version-served", "name": "taxi", "endpoint": "taxi-prod", "deployment": first, "role": "Stable", "workspace": "version-served/fares-prod"}]);
    assert_eq!(served, expected);

    stand.delete::<ModelVersion>("taxi-1").await?;
    let message = stand.wait_reason::<ModelVersion>("taxi-1", "InUse").await?;
    assert!(message.contains("version-served/taxi"), "{message}");
    assert!(stand.requests("DELETE", "").is_empty());

    // Another version takes over; as soon as nothing holds it any more, it goes.
    let next = taxi::with(taxi::binding("taxi-2"), json!({"strategy": {"keepPrevious": "1s"}}));
    stand.apply("DeploymentBinding", "taxi", next).await?;
    stand.wait_for::<DeploymentBinding>("taxi", "Ready", ready).await?;
    stand.wait_gone::<ModelVersion>("taxi-1").await?;
    let deletes: Vec<String> = stand.requests("DELETE", "").into_iter().map(|e| e.path).collect();
    assert_eq!(deletes.len(), 2, "{deletes:?}");
    assert!(deletes[0].ends_with(&first) && deletes[1].ends_with("/models/taxi/versions/1"), "{deletes:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn deleted_while_it_is_published_it_leaves_no_copy_behind() -> Outcome {
    let stand = taxi::stand("version-leaves").await?;
    registry_and_source(&stand).await?;
    stand
        .apply("ModelVersion", "taxi-1", taxi::with(taxi::promoted("1"), json!({"deletionPolicy": "Delete"})))
        .await?;
    stand.wait_until("publish", |s| publishes(s) == 1).await?;
    assert_eq!(stand.azure(PUBLISHED), None::<Value>, "the copy is on its way");
    stand.delete_and_wait::<ModelVersion>("taxi-1").await?;
    let copied = stand.requests_on("PUT", PUBLISHED);
    assert_eq!(copied.len(), 1, "it was waited for, and says whose it is");
    assert_eq!(stand.requests_on("DELETE", PUBLISHED).len(), 1);
    assert_eq!(stand.azure(PUBLISHED), None::<Value>);
    Ok(())
}

/// The tags of a version but for those that say where it comes from.
fn without_lineage(mut tags: Value) -> Value {
    for key in
        ["job", "experiment", "trained-by", "trained-at", "environment", "pipeline", "repository", "commit"]
    {
        if let Some(tags) = tags.as_object_mut() {
            tags.remove(&format!("bindery-{key}"));
        }
    }
    tags
}
