//! What is read and written: single resources, lists, runs.

use azureml_emulator::Effect;
use bindery::azure::client::Counts;
use bindery::azure::model::resource::ModelVersion;
use bindery::azure::model::{Action, Answer, Ask, Class, Errand, Lane, Principal, Purpose, Read, ResourceId};
use serde_json::{Value, json};

use crate::stand::{SUBSCRIPTION, Stand, code, endpoint, look, put_version, registry, sent, workspace};

#[tokio::test]
async fn only_what_is_missing_itself_is_none() {
    let stand = Stand::new().await;
    let azure = stand.azure();
    for absent in [
        workspace().child("models", "none"),
        workspace().model_version("none", "1"),
        endpoint(),
        endpoint().child("deployments", "none"),
        workspace().child("jobs", "none"),
        registry(),
        ResourceId::workspace(SUBSCRIPTION, "ml", "none"),
    ] {
        let found = azure.get::<Value>(&absent).await;
        assert_eq!(found, Ok(None), "{absent}");
    }
    let elsewhere = "99999999-0000-4000-8000-000000000009";
    for (id, expected) in [
        (ResourceId::workspace(elsewhere, "ml", "dev"), "SubscriptionNotFound"),
        (ResourceId::workspace(SUBSCRIPTION, "none", "dev"), "ResourceGroupNotFound"),
        (ResourceId::workspace(SUBSCRIPTION, "ml", "none").model_version("m", "1"), "ResourceNotFound"),
    ] {
        let error = azure.get::<Value>(&id).await.expect_err("a mistake in the manifest");
        assert_eq!((error.class, code(&error)), (Class::NotFound, expected), "{id}: {error}");
    }
}

#[tokio::test]
async fn a_list_is_all_pages() {
    let stand = Stand::new().await;
    let azure = stand.azure();
    for version in 1..=7 {
        sent(&azure, &put_version(&version.to_string())).await;
    }
    let before = azure.counts().reads;
    let versions = workspace().child("models", "fare").to_string() + "/versions";
    let all: Vec<Value> = azure.list(&versions, &[("listViewType", "All")]).await.expect("a list");
    let mut names: Vec<_> = all.iter().filter_map(|version| version["name"].as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["1", "2", "3", "4", "5", "6", "7"]);
    assert_eq!(azure.counts().reads - before, 3);

    // Whether there is anything is known after one page, and not before one with something in it.
    let beginning = |path: &str| {
        let errand = Errand {
            principal: Principal::Operator,
            leaving: false,
            lane: Lane::Routine,
            purpose: Purpose::CountContent,
        };
        Read { errand, what: Ask::Beginning { path: ResourceId::new(path) } }
    };
    let read = azure.read(&beginning(&versions)).await;
    assert!(matches!(&read, Answer::Collection(Ok(items)) if items.len() == 3), "{read:?}");
    assert_eq!(azure.counts().reads - before, 4);
    let empty = json!({"value": [], "nextLink": format!("{}{versions}?api-version=2025-09-01", stand.emulator.url())});
    let content_type = "application/json".into();
    stand.fault("GET", "listViewType", Effect::Body { status: 200, content_type, body: empty.to_string() });
    let read = azure.read(&beginning(&versions)).await;
    assert!(matches!(&read, Answer::Collection(Ok(items)) if items.len() == 3), "{read:?}");
    assert_eq!(azure.counts().reads - before, 6);

    let none = workspace().child("models", "none").to_string() + "/versions";
    let error = azure.list::<Value>(&none, &[]).await.expect_err("no such model");
    assert_eq!((error.class, code(&error)), (Class::NotFound, "ModelNotFound"));
    assert_eq!(
        error.message,
        "The specified resource was not found. Model container with name: none not found."
    );
}

#[tokio::test]
async fn a_version_is_put_at_once_and_its_path_stays() {
    let stand = Stand::new().await;
    let azure = stand.azure();
    assert_eq!(sent(&azure, &put_version("1")).await, (201, None));
    assert_eq!(sent(&azure, &put_version("1")).await, (200, None));
    let found = azure.get::<ModelVersion>(&workspace().model_version("fare", "1")).await;
    let version = found.expect("an answer").expect("a version");
    assert_eq!(version.properties.tags, [("a".to_owned(), "b".to_owned())].into());

    let mut other = put_version("1");
    other.action = Action::Put(json!({"properties": {"modelUri": "azureml://datastores/d/paths/other"}}));
    let error = azure.send(&other).await.expect_err("another path");
    assert_eq!((error.class, error.message.as_str()), (Class::Permanent, "Asset paths cannot be updated."));
    assert_eq!(azure.counts(), Counts { reads: 1, writes: 3, throttled: 0 });
}

#[tokio::test]
async fn a_run_tells_its_metrics() {
    let stand = Stand::new().await;
    let azure = stand.azure();
    let found = look(&azure).await.expect("an answer").expect("a workspace");
    let tracking = found.properties.ml_flow_tracking_uri.expect("a tracking URI");
    let run = azure.run(&tracking, &workspace(), "train-1").await.expect("an answer").expect("a run");
    assert_eq!((run.id.as_str(), run.user.as_deref()), ("train-1", Some("Ada")));
    let metrics = [("loss", "NaN"), ("rmse", "3.25")].map(|(k, v)| (k.to_owned(), v.to_owned()));
    assert_eq!(run.metrics, metrics.into());
    assert_eq!(azure.run(&tracking, &workspace(), "none").await, Ok(None));
}
