//! A version is copied from one registry into another: by the storage of the two, as two identities, and as often as it takes
//! for all of it to be there.

use azureml_emulator::{Effect, FaultRule, Principal, Request};
use bindery::api::{Copying, ModelVersion, Registry};
use e2e::stand::{Error, Stand, StandOptions, azure_id, ready};
use http::Method;
use serde_json::{Value, json};

use crate::taxi::with;
use crate::{Outcome, taxi};

pub const SOURCE: &str = "registries/fares-models/models/taxi/versions/1";
pub const COPY: &str = "registries/released/models/taxi/versions/1";

/// What somebody does in Azure who may do everything there.
fn ask(stand: &Stand, request: &Request) -> azureml_emulator::Response {
    let mut core = stand.emulator.control();
    let now = core.now();
    core.handle(now, &Principal::application("somebody"), request)
}

fn blob(stand: &Stand, method: Method, url: &str, content: &str) -> azureml_emulator::Response {
    let (host, path) = url.strip_prefix("https://").and_then(|rest| rest.split_once('/')).unwrap_or_default();
    let mut request = Request::new(method, &format!("/{path}")).header("host", host);
    request.body = content.as_bytes().to_vec();
    ask(stand, &request)
}

/// The content of a file of a version.
fn content(stand: &Stand, version: &str, file: &str) -> String {
    let uri = stand.azure_field(version, "/properties/modelUri");
    let found = blob(stand, Method::GET, &format!("{}/{file}", uri.as_str().unwrap_or_default()), "");
    String::from_utf8_lossy(&found.body).into_owned()
}

/// Somebody uploads and registers a version of a registry, which Bindery has not made.
pub fn somebody_registers(stand: &Stand, version: &str, files: &[(&str, &str)], tags: &Value) -> Outcome {
    let path = format!("{}/startPendingUpload?api-version=2025-09-01", azure_id(version));
    let place = ask(stand, &Request::post(&path, &json!({}))).value();
    let container =
        place["blobReferenceForConsumption"]["blobUri"].as_str().ok_or("a container")?.to_string();
    for (name, text) in files {
        assert_eq!(blob(stand, Method::PUT, &format!("{container}/model/{name}"), text).status, 201);
    }
    let properties = json!({"modelUri": format!("{container}/model"), "modelType": "mlflow_model", "tags": tags,
        "flavors": {"sklearn": {"data": {"version": "1.5"}}}});
    stand.exists_in_azure(version, &json!({"properties": properties}))
}

pub fn existing() -> Value {
    json!({"registryRef": {"name": "fares-models"}, "model": "taxi", "version": "1", "source": {"existing": {}}})
}

pub fn copied() -> Value {
    json!({"registryRef": {"name": "released"}, "model": "taxi", "version": "1", "description": "Released.",
        "source": {"modelVersionRef": {"name": "taxi-1"}}})
}

pub const FILES: [(&str, &str); 3] =
    [("MLmodel", "flavors"), ("data/weights.bin", "0123456789"), ("zz", "last")];

/// Two registries, and a version of the first one as an object.
pub async fn registries(stand: &Stand, tags: &Value, credentials: [Option<&str>; 2]) -> Outcome {
    let [source, target] = credentials.map(|account| match account {
        Some(name) => json!({"credentials": {"serviceAccountName": name}}),
        None => json!({}),
    });
    let source = with(source, json!({"adoption": "Allow"}));
    stand.apply("Registry", "fares-models", with(taxi::registry(), source)).await?;
    stand.apply("Registry", "released", with(taxi::registry(), target)).await?;
    for name in ["fares-models", "released"] {
        stand.wait_for::<Registry>(name, "Ready", ready).await?;
    }
    somebody_registers(stand, SOURCE, &FILES, tags)?;
    stand.apply("ModelVersion", "taxi-1", existing()).await?;
    stand.wait_for::<ModelVersion>("taxi-1", "Ready", ready).await?;
    Ok(())
}

fn copying(version: &ModelVersion) -> Option<Copying> {
    version.status.as_ref()?.copying.clone()
}

/// How often a file was copied: by one block and one list of blocks each time.
fn times_copied(stand: &Stand, file: &str) -> usize {
    let core = stand.emulator.control();
    let puts = core.log().filter(|e| e.method == "PUT" && e.status == 201 && e.principal == "anonymous");
    puts.filter(|e| e.path.ends_with(file)).count() / 2
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_is_copied_between_two_identities_and_keeps_its_origin() -> Outcome {
    let options = StandOptions { operator: false, ..StandOptions::default() };
    let mut stand = taxi::stand_with("copies-two", options).await?;
    stand.operator.environment.push(("BINDERY_OPERATOR_IDENTITY_ALLOW".into(), "[]".into()));
    stand.operator.start()?;
    let namespace = stand.namespace.clone();
    for (name, registry) in [("dev-azure", "fares-models"), ("prod-azure", "released")] {
        stand.place_account(&namespace, name).await?;
        stand.allow_in_azure(name, &format!("registries/{registry}"));
    }
    let tags = json!({"bindery-verified": "true", "theirs": "x"});
    registries(&stand, &tags, [Some("dev-azure"), Some("prod-azure")]).await?;
    // Who may not read the files is named, and nothing begins.
    stand.deny_in_azure("dev-azure", "registries/fares-models/datareferences");
    stand.apply("ModelVersion", "released-1", copied()).await?;
    let said = stand.wait_reason::<ModelVersion>("released-1", "Unauthorized").await?;
    assert!(said.contains(&format!("asked as service account {namespace}/dev-azure")), "{said}");
    assert!(stand.requests("POST", "startPendingUpload").iter().all(|e| e.principal == "somebody"));
    stand.forgive_in_azure("dev-azure");
    stand.look_again::<ModelVersion>("released-1").await?;
    let version = stand.wait_for::<ModelVersion>("released-1", "Ready", ready).await?;

    for (name, text) in FILES {
        assert_eq!(content(&stand, COPY, name), text);
        assert_eq!(times_copied(&stand, name), 1, "{name}");
    }
    let properties = stand.azure_field(COPY, "/properties");
    assert_eq!(
        (
            &properties["modelType"],
            &properties["flavors"]["sklearn"]["data"]["version"],
            &properties["description"]
        ),
        (&json!("mlflow_model"), &json!("1.5"), &json!("Released."))
    );
    assert_eq!(
        properties["tags"]["theirs"],
        Value::Null,
        "what people said of the source is not said of the copy"
    );
    let status = version.status.ok_or("a status")?;
    let lineage = status.lineage.ok_or("lineage")?;
    assert_eq!((lineage.promoted_from, lineage.verified), (vec![azure_id(SOURCE)], true));
    assert_eq!((status.copying, status.operation), (None, None));

    // Each identity in its own registry; in storage nobody's token; and no signed URL anywhere that somebody reads.
    let who = |path: &str| {
        let core = stand.emulator.control();
        let path = path.to_lowercase();
        let mut all: Vec<String> = core
            .log()
            .filter(|e| e.path.to_lowercase().contains(&path))
            .map(|e| e.principal.clone())
            .collect();
        all.retain(|who| who != "somebody");
        all.sort();
        all.dedup();
        all
    };
    assert_eq!(who("/registries/fares-models"), ["dev-azure"]);
    assert_eq!(who("/registries/released"), ["prod-azure"]);
    assert_eq!(who("/registries-"), ["anonymous"]);
    let log = std::fs::read_to_string(stand.operator.log())?;
    assert!(log.contains("request to storage") && !log.contains("sig=") && !log.contains("copy-source="));
    let object = serde_json::to_string(&stand.api::<ModelVersion>().get("released-1").await?)?;
    let events = stand.events("released-1").await?.join("\n");
    assert!(!object.contains("sig=") && !events.contains("sig="), "{object} {events}");
    assert!(!events.contains("copy files"), "one event of each batch tells nobody more: {events}");
    Ok(())
}

/// The last of three files does not get through, until somebody lets it.
fn hold_the_last_file(stand: &Stand) {
    let slow = Effect::Answer {
        status: 503,
        code: "ServerBusy".into(),
        message: "Busy.".into(),
        headers: [].into(),
    };
    stand.emulator.control().add_fault(FaultRule::on("PUT", "/model/zz", slow));
}

async fn two_files_arrive(stand: &Stand) -> Result<Copying, Error> {
    let there = |v: &ModelVersion| copying(v).is_some_and(|it| it.files_copied == 2);
    let version = stand.wait_for::<ModelVersion>("released-1", "two files far", there).await?;
    copying(&version).ok_or_else(|| "a copy".into())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_goes_on_after_a_kill_and_without_its_status() -> Outcome {
    let mut stand = taxi::stand("copies-killed").await?;
    registries(&stand, &json!({}), [None, None]).await?;
    hold_the_last_file(&stand);
    stand.apply("ModelVersion", "released-1", copied()).await?;
    let far = two_files_arrive(&stand).await?;
    assert_eq!((far.files, far.bytes, far.bytes_copied), (3, 21, 17));
    stand.operator.kill()?;
    stand.erase_status::<ModelVersion>("released-1").await?;
    stand.emulator.control().clear_faults();
    stand.operator.start()?;
    let version = stand.wait_for::<ModelVersion>("released-1", "Ready", ready).await?;
    for (name, text) in FILES {
        assert_eq!(content(&stand, COPY, name), text);
        assert_eq!(times_copied(&stand, name), 1, "{name}");
    }
    // Nobody has said that its files are a job's, and the copy does not say so either.
    let lineage = version.status.and_then(|status| status.lineage).ok_or("lineage")?;
    assert_eq!((lineage.promoted_from, lineage.verified), (vec![azure_id(SOURCE)], false));
    // The same upload, whoever began it.
    let uploads: std::collections::BTreeSet<String> = stand
        .requests("POST", &format!("{COPY}/startPendingUpload"))
        .into_iter()
        .filter_map(|e| Some(e.body?["pendingUploadId"].as_str()?.to_string()))
        .collect();
    assert_eq!(uploads.into_iter().collect::<Vec<_>>(), [far.upload]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_changes_is_copied_anew_and_one_that_goes_is_not_registered() -> Outcome {
    let stand = taxi::stand("copies-changed").await?;
    registries(&stand, &json!({}), [None, None]).await?;
    hold_the_last_file(&stand);
    stand.apply("ModelVersion", "released-1", copied()).await?;
    let before = two_files_arrive(&stand).await?;

    // Archived: not registered, and said.
    stand.change_in_azure(SOURCE, &json!({"properties": {"isArchived": true}}))?;
    stand.emulator.control().clear_faults();
    stand.look_again::<ModelVersion>("released-1").await?;
    let said = stand.wait_for::<ModelVersion>("released-1", "held back", |v| {
        e2e::stand::condition(v, "Ready")
            .is_some_and(|(_, _, message)| message.contains("is archived in Azure"))
    });
    said.await?;
    assert!(stand.requests_on("PUT", COPY).is_empty());

    // Changed: what was copied of it before is not mixed with what it is now.
    hold_the_last_file(&stand);
    let uri = stand.azure_field(SOURCE, "/properties/modelUri");
    let file = format!("{}/MLmodel", uri.as_str().unwrap_or_default());
    assert_eq!(blob(&stand, Method::PUT, &file, "another").status, 201);
    stand.change_in_azure(SOURCE, &json!({"properties": {"isArchived": false}}))?;
    stand.look_again::<ModelVersion>("released-1").await?;
    let anew = |v: &ModelVersion| copying(v).is_some_and(|it| it.upload != before.upload);
    stand.wait_for::<ModelVersion>("released-1", "begun anew", anew).await?;
    stand.wait_event("released-1", "The source has changed since the copy began").await?;
    stand.emulator.control().clear_faults();
    stand.wait_for::<ModelVersion>("released-1", "Ready", ready).await?;
    assert_eq!(content(&stand, COPY, "MLmodel"), "another");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_copies_from_where_it_is_not_let_in_or_to_where_it_does_not_publish() -> Outcome {
    let options = StandOptions { also_watched: vec!["copies-theirs".into()], ..StandOptions::default() };
    let stand = taxi::stand_with("copies-refused", options).await?;
    registries(&stand, &json!({}), [None, None]).await?;
    let theirs = "copies-theirs";
    let into_own = with(taxi::registry(), json!({"azure": {"name": "their-models"}}));
    stand.apply_in(theirs, "Registry", "their-models", into_own).await?;
    let ours = |name: &str| json!({"name": name, "namespace": stand.namespace});
    let from = |registry: Value| json!({"registryRef": registry, "model": "taxi", "version": "1", "source": {"modelVersionRef": ours("taxi-1")}});
    // The source's registry does not allow the namespace: it looks as if it was not there.
    stand.apply_in(theirs, "ModelVersion", "stolen", from(json!({"name": "their-models"}))).await?;
    let said = wait_reason_in(&stand, theirs, "stolen", "ReferenceNotFound").await?;
    assert!(
        said.starts_with(&format!("There is no ModelVersion {}/taxi-1 to promote", stand.namespace)),
        "{said}"
    );
    // Nor does an object of its own help.
    let own = json!({"registryRef": ours("fares-models"), "model": "taxi", "version": "1", "source": {"existing": {}}});
    stand.apply_in(theirs, "ModelVersion", "taxi-1", own).await?;
    let mut by_own = from(json!({"name": "their-models"}));
    by_own["source"]["modelVersionRef"] = json!({"name": "taxi-1"});
    stand.apply_in(theirs, "ModelVersion", "borrowed", with(by_own, json!({"version": "2"}))).await?;
    wait_reason_in(&stand, theirs, "borrowed", "ReferenceNotReady").await?;
    // Whoever may refer to both and publishes in neither copies nothing.
    for name in ["fares-models", "released"] {
        stand.edit::<Registry>(name, json!({"allowedNamespaces": {"from": "All"}})).await?;
    }
    stand
        .apply_in(theirs, "ModelVersion", "pushed", with(from(ours("released")), json!({"version": "3"})))
        .await?;
    wait_reason_in(&stand, theirs, "pushed", "NotAPublisher").await?;
    assert!(stand.requests("POST", "registries/released/models").is_empty());
    Ok(())
}

async fn wait_reason_in(stand: &Stand, namespace: &str, name: &str, reason: &str) -> Result<String, Error> {
    let api: kube::Api<ModelVersion> = kube::Api::namespaced(stand.client.clone(), namespace);
    let begun = std::time::Instant::now();
    loop {
        let object = api.get(name).await?;
        if let Some((_, why, message)) = e2e::stand::condition(&object, "Ready") {
            if why == reason {
                return Ok(message);
            }
            if begun.elapsed() > e2e::stand::PATIENCE {
                return Err(format!("{namespace}/{name} is {why}: {message}").into());
            }
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}
