//! The files of a version go from the storage of one registry into that of another, and none of them through the client.

use azureml_emulator::{Effect, FaultRule, Principal, Request};
use bindery::azure::client::{Azure, Cloud};
use bindery::azure::model::{
    Action, Answer, Ask, Block, Call, Class, Errand, Error, File, Lane, Part, Piece, Principal as Us,
    Purpose, Read, ResourceId, Transfer, Uploaded,
};
use http::Method;
use serde_json::json;

use crate::stand::{SUBSCRIPTION, Stand, code, put, registry, sent, started};

const UPLOAD: &str = "9c3d1c3e-0000-4000-8000-000000000001";

fn source() -> ResourceId {
    registry().model_version("fare", "1")
}

fn target() -> ResourceId {
    ResourceId::registry(SUBSCRIPTION, "ml", "released").model_version("fare", "1")
}

/// Whoever else may do everything in this Azure.
fn ask(stand: &Stand, request: &Request) -> azureml_emulator::Response {
    let mut core = stand.emulator.control();
    let now = core.now();
    core.handle(now, &Principal::application("somebody"), request)
}

fn put_blob(stand: &Stand, container: &str, name: &str, content: &str) {
    let (host, path) =
        container.strip_prefix("https://").and_then(|rest| rest.split_once('/')).expect("a URL");
    let mut request = Request::new(Method::PUT, &format!("/{path}/{name}")).header("host", host);
    request.body = content.as_bytes().to_vec();
    assert_eq!(ask(stand, &request).status, 201, "{name}");
}

/// Two registries, and the version 1 of a model with these files in the first one. The answer is its path.
async fn two_registries(stand: &Stand, azure: &Azure, files: &[(&str, &str)]) -> String {
    for id in [registry(), ResourceId::registry(SUBSCRIPTION, "ml", "released")] {
        let body = json!({"location": "eastus", "properties": {"regionDetails": [{"location": "eastus"}]}});
        started(azure, &put(id, body)).await;
    }
    stand.emulator.advance(60.0);
    let path = format!("{}/startPendingUpload?api-version=2025-09-01", source());
    let place = ask(stand, &Request::post(&path, &json!({}))).value();
    let container = place["blobReferenceForConsumption"]["blobUri"].as_str().expect("a container").to_owned();
    for (name, content) in files {
        put_blob(stand, &container, &format!("x/model/{name}"), content);
    }
    // What is beside the model is not the model's.
    put_blob(stand, &container, "x/model2/other", "no");
    let uri = format!("{container}/x/model");
    sent(azure, &put(source(), json!({"properties": {"modelType": "custom_model", "modelUri": uri}}))).await;
    stand.emulator.advance(60.0);
    uri
}

fn errand() -> Errand {
    Errand { principal: Us::Operator, leaving: false, lane: Lane::Edit, purpose: Purpose::Copy }
}

async fn files(azure: &Azure, version: ResourceId, uri: &str) -> Result<Vec<File>, Error> {
    match azure.read(&Read { errand: errand(), what: Ask::Files { version, uri: uri.into() } }).await {
        Answer::Files(files) => files,
        other => panic!("{other:?}"),
    }
}

async fn uploaded(azure: &Azure) -> Result<Uploaded, Error> {
    let what = Ask::Uploaded { version: target(), upload: UPLOAD.into() };
    match azure.read(&Read { errand: errand(), what }).await {
        Answer::Uploaded(uploaded) => uploaded,
        other => panic!("{other:?}"),
    }
}

async fn blocks(azure: &Azure, file: &str) -> Vec<Block> {
    let what = Ask::Blocks { version: target(), upload: UPLOAD.into(), file: file.into() };
    match azure.read(&Read { errand: errand(), what }).await {
        Answer::Blocks(blocks) => blocks.expect("an answer"),
        other => panic!("{other:?}"),
    }
}

fn begin() -> Call {
    Call::new(Purpose::BeginCopy, target(), Action::BeginUpload(UPLOAD.into()), "test")
}

/// A file in blocks of four bytes, of which these are fetched.
fn part(file: &File, pieces: std::ops::Range<u64>) -> Part {
    let all = file.size.div_ceil(4);
    let id = |n: u64| format!("MDAw{}", ["MDAw", "MDAx", "MDAy"][usize::try_from(n).expect("few")]);
    let pieces = pieces.map(|n| Piece { id: id(n), offset: n * 4, size: 4.min(file.size - n * 4) });
    let pieces: Vec<Piece> = pieces.collect();
    let last = pieces.last().is_none_or(|piece| piece.offset + piece.size == file.size);
    Part { file: file.clone(), pieces, complete: last.then(|| (0..all).map(id).collect()) }
}

fn fetch(uri: &str, parts: Vec<Part>) -> Call {
    let transfer =
        Transfer { from: source(), uri: uri.into(), reader: Us::Operator, upload: UPLOAD.into(), parts };
    Call::new(Purpose::Copy, target(), Action::Fetch(Box::new(transfer)), "test")
}

#[tokio::test]
async fn files_are_copied_by_storage_and_registered_by_their_path() {
    let stand = Stand::new().await;
    let azure = stand.azure();
    let uri =
        two_registries(&stand, &azure, &[("MLmodel", "abc"), ("data/w b&.bin", "0123456789"), ("empty", "")])
            .await;
    let found = files(&azure, source(), &uri).await.expect("files");
    let seen: Vec<(&str, u64)> = found.iter().map(|file| (file.name.as_str(), file.size)).collect();
    assert_eq!(seen, [("model/MLmodel", 3), ("model/data/w b&.bin", 10), ("model/empty", 0)]);
    assert!(found.iter().all(|file| file.md5.is_some() && !file.etag.is_empty()), "{found:?}");

    assert_eq!(azure.send(&begin()).await.expect("begun").body, None, "no signed URL comes out");
    assert_eq!(uploaded(&azure).await.expect("an upload").files, vec![]);
    let [small, large, empty] = &found[..] else { panic!("{found:?}") };
    azure
        .send(&fetch(&uri, vec![part(small, 0..1), part(large, 0..2), part(empty, 0..0)]))
        .await
        .expect("copied");
    assert_eq!(uploaded(&azure).await.expect("an upload").files.len(), 2);
    let arrived = blocks(&azure, &large.name).await;
    assert_eq!(arrived.iter().map(|block| block.size).collect::<Vec<_>>(), [4, 4]);
    azure.send(&fetch(&uri, vec![part(large, 2..3)])).await.expect("copied");
    let there = uploaded(&azure).await.expect("an upload");
    let same = |one: &[File], other: &[File]| {
        one.iter().zip(other).all(|(a, b)| (&a.name, a.size, &a.md5) == (&b.name, b.size, &b.md5))
    };
    assert!(same(&there.files, &found), "{there:?}");
    assert_eq!(blocks(&azure, &large.name).await, vec![]);
    assert_eq!(blocks(&azure, "model/none").await, vec![]);

    let path = format!("{}/model", there.container);
    sent(&azure, &put(target(), json!({"properties": {"modelType": "custom_model", "modelUri": path}})))
        .await;
    stand.emulator.advance(60.0);
    let copy = files(&azure, target(), &path).await.expect("files");
    assert!(same(&copy, &found), "{copy:?}");

    // Nobody's token went to storage, and nothing of a file came here.
    let core = stand.emulator.control();
    let storage =
        || core.log().filter(|entry| entry.path.contains("/registries-") && entry.principal != "somebody");
    assert!(storage().all(|entry| entry.principal == "anonymous"));
    let gets = storage().filter(|entry| entry.method == "GET" && entry.path.matches('/').count() > 1);
    assert!(gets.count() <= 3, "lists of blocks alone");
}

/// Azure says nowhere how long a signature lasts.
#[tokio::test]
async fn a_signature_that_has_run_out_is_asked_for_anew() {
    let stand = Stand::new().await;
    let azure = stand.azure();
    let uri = two_registries(&stand, &azure, &[("MLmodel", "abc")]).await;
    // Those that were given: tokens run out at the same time.
    let asked = |path: &str| {
        let core = stand.emulator.control();
        let given = core.log().filter(|entry| entry.status == 200 && entry.principal != "somebody");
        given.filter(|entry| entry.method == "POST" && entry.path.contains(path)).count()
    };
    azure.send(&begin()).await.expect("begun");
    let found = files(&azure, source(), &uri).await.expect("files");
    uploaded(&azure).await.expect("an upload");
    let before = (asked("datareferences"), asked("startPendingUpload"));
    stand.emulator.advance(3600.0);
    azure.send(&fetch(&uri, vec![part(&found[0], 0..1)])).await.expect("copied");
    assert_eq!((asked("datareferences"), asked("startPendingUpload")), (before.0 + 1, before.1 + 1));
    stand.emulator.advance(3600.0);
    assert_eq!(uploaded(&azure).await.expect("an upload").files.len(), 1);
    // One that is refused although it is new is an error.
    stand.emulator.control().add_fault(FaultRule::on(
        "GET",
        "restype=container",
        Effect::Body {
            status: 403,
            content_type: "application/xml".into(),
            body: "<Error><Code>AuthorizationFailure</Code><Message>This request is not authorized to perform this operation.\nRequestId:1</Message></Error>".into(),
        },
    ));
    let error = uploaded(&azure).await.expect_err("refused");
    assert_eq!(error.class, Class::Unauthorized);
    assert!(
        error.message.ends_with("answered: This request is not authorized to perform this operation."),
        "{error}"
    );
}

#[tokio::test]
async fn a_file_that_has_changed_is_not_copied() {
    let stand = Stand::new().await;
    let azure = stand.azure();
    let uri = two_registries(&stand, &azure, &[("MLmodel", "abc"), ("weights", "0123")]).await;
    azure.send(&begin()).await.expect("begun");
    let found = files(&azure, source(), &uri).await.expect("files");
    let (container, _) = uri.split_once("/x/").expect("a path");
    put_blob(&stand, container, "x/model/MLmodel", "abd");
    let error = azure.send(&fetch(&uri, vec![part(&found[0], 0..1)])).await.expect_err("changed");
    assert_eq!((error.class, code(&error)), (Class::Conflict, "SourceConditionNotMet"), "{error}");
    // Where something has arrived, it is no error: what has not is seen when the files are listed next.
    azure.send(&fetch(&uri, vec![part(&found[1], 0..1), part(&found[0], 0..1)])).await.expect("one of them");
    assert_eq!(uploaded(&azure).await.expect("an upload").files.len(), 1);
    // Nor does what is refused cut off what is under way beside it.
    stand.fault("PUT", "model/weights", Effect::Delay { millis: 300 });
    let before = stand.seen("PUT", "model/weights");
    let both = vec![part(&found[0], 0..1), part(&found[1], 0..1)];
    azure.send(&fetch(&uri, both)).await.expect("one of them");
    assert_eq!(stand.seen("PUT", "model/weights"), before + 2, "its block and its list of blocks");
    let wrong = File {
        md5: Some("eB5eJF1ptWaXm4bijSPyxw==".into()),
        ..files(&azure, source(), &uri).await.expect("files")[0].clone()
    };
    let error = azure.send(&fetch(&uri, vec![part(&wrong, 0..1)])).await.expect_err("another checksum");
    assert_eq!((error.class, code(&error)), (Class::Permanent, "Md5Mismatch"), "{error}");
}

#[tokio::test]
async fn a_list_of_files_is_read_to_its_end() {
    let stand = Stand::new().await;
    let azure = stand.azure();
    let names: Vec<String> = (0..5001).map(|n| format!("{n:05}")).collect();
    let all: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "1")).collect();
    let uri = two_registries(&stand, &azure, &all).await;
    assert_eq!(files(&azure, source(), &uri).await.expect("files").len(), 5001);
}

/// Signed URLs go to the storage accounts of the cloud alone.
#[tokio::test]
async fn storage_that_is_not_the_clouds_is_left_alone() {
    let mut stand = Stand::new().await;
    let azure = stand.azure();
    let uri = two_registries(&stand, &azure, &[("MLmodel", "abc")]).await;
    stand.config.cloud = Cloud::custom(&stand.emulator.url(), &stand.emulator.url()).expect("a cloud");
    let error = files(&stand.azure(), source(), &uri).await.expect_err("a host of nobody's");
    assert!(error.message.starts_with("Refused to copy from or to "), "{error}");
    assert!(error.message.ends_with("say in --cloud what their names end with (storageSuffix)."), "{error}");
    assert!(!error.to_string().contains("sig"), "{error}");
    let none = stand
        .emulator
        .control()
        .log()
        .filter(|entry| entry.principal == "anonymous" && entry.path.contains("/registries-"))
        .count();
    assert_eq!(none, 0);
    let error = files(&azure, source(), "azureml://datastores/d/paths/m").await.expect_err("no storage");
    assert_eq!(error.class, Class::Permanent, "{error}");
}
