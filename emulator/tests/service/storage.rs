//! Storage accounts: who may use them, what is kept, and where the files of assets are.

use azureml_emulator::{Config, Principal, Request, Response};
use http::Method;
use serde_json::{Value, json};

use crate::support::{MODEL, REGISTRY, WORKSPACE, World, registry_body};

/// The container of the workspace's default datastore, as a client sees it.
struct Store {
    host: String,
    path: String,
    sas: String,
}

impl Store {
    fn new(world: &mut World) -> Self {
        let path = format!("{WORKSPACE}/datastores/workspaceblobstore");
        let secrets = world.post(&format!("{path}/listSecrets"), &json!({"expirableSecret": true})).value();
        let datastore = world.get(&path).value()["properties"].clone();
        let text = |field: &str| datastore[field].as_str().unwrap().to_owned();
        Self {
            host: format!("{}.blob.{}", text("accountName"), text("endpoint")),
            path: format!("/{}", text("containerName")),
            sas: secrets["sasToken"].as_str().unwrap().to_owned(),
        }
    }

    /// Of `https://account.blob.suffix/container?sas`.
    fn of(sas_uri: &Value) -> Self {
        let (host, rest) =
            sas_uri.as_str().unwrap().strip_prefix("https://").unwrap().split_once('/').unwrap();
        let (container, sas) = rest.split_once('?').unwrap();
        Self { host: host.to_owned(), path: format!("/{container}"), sas: sas.to_owned() }
    }

    /// A request as the holder of the signature sends it; `tail` is a blob with an optional query.
    fn request(&self, method: Method, tail: &str, body: &str) -> Request {
        let join = if tail.contains('?') { '&' } else { '?' };
        let mut request = Request::new(method, &format!("{}{tail}{join}{}", self.path, self.sas))
            .header("Host", &self.host);
        request.body = body.as_bytes().to_vec();
        request
    }

    fn send(&self, world: &mut World, method: Method, tail: &str, body: &str) -> Response {
        anonymously(world, &self.request(method, tail, body))
    }

    fn put(&self, world: &mut World, tail: &str, body: &str) -> Response {
        self.send(world, Method::PUT, tail, body)
    }

    fn get(&self, world: &mut World, tail: &str) -> Response {
        self.send(world, Method::GET, tail, "")
    }
}

/// Storage clients that have a signature send no token.
fn anonymously(world: &mut World, request: &Request) -> Response {
    world.core.handle(world.now, &Principal::Anonymous, request)
}

fn text(response: &Response) -> String {
    String::from_utf8(response.body.clone()).unwrap()
}

fn refused(response: &Response) -> (u16, &str) {
    (response.status, response.header_value("x-ms-error-code").unwrap_or_default())
}

#[test]
fn a_blob_comes_back_as_it_was_put() {
    let mut world = World::new();
    let store = Store::new(&mut world);
    let request = store.request(Method::PUT, "/a%20b/c", "content").header("x-ms-meta-name", "fares");
    let put = anonymously(&mut world, &request.header("x-ms-blob-content-type", "text/plain"));
    assert_eq!(put.status, 201);
    let got = store.get(&mut world, "/a%20b/c");
    assert_eq!((got.status, text(&got).as_str()), (200, "content"));
    let head = store.send(&mut world, Method::HEAD, "/a%20b/c", "");
    let seen = |name: &str| head.header_value(name).unwrap_or_default().to_owned();
    assert_eq!((seen("Content-Length").as_str(), seen("Content-Type").as_str()), ("7", "text/plain"));
    assert_eq!((seen("x-ms-meta-name").as_str(), head.body.len()), ("fares", 0));
    assert_eq!(seen("ETag"), put.header_value("ETag").unwrap());
    assert_eq!(seen("Last-Modified"), "Thu, 26 Mar 2026 18:01:29 GMT");

    let request = store.request(Method::PUT, "/a%20b/c?comp=metadata", "").header("x-ms-meta-version", "1");
    assert_eq!(anonymously(&mut world, &request).status, 200);
    let head = store.send(&mut world, Method::HEAD, "/a%20b/c", "");
    assert_eq!(
        (head.header_value("x-ms-meta-name"), head.header_value("x-ms-meta-version")),
        (None, Some("1"))
    );
    assert_ne!(head.header_value("ETag").unwrap(), put.header_value("ETag").unwrap());
    assert_eq!(
        store.send(&mut world, Method::DELETE, "/a%20b/c", "").status,
        403,
        "signatures do not delete"
    );
    assert_eq!(refused(&store.get(&mut world, "/other")), (404, "BlobNotFound"));
}

#[test]
fn a_blob_is_read_by_ranges_while_it_stays_the_same() {
    let mut world = World::new();
    let store = Store::new(&mut world);
    let put = store.put(&mut world, "/b", "0123456789");
    let mut range = |range: &str, tag: &str| {
        let request =
            store.request(Method::GET, "/b", "").header("x-ms-range", range).header("If-Match", tag);
        let got = anonymously(&mut world, &request);
        (got.status, got.header_value("Content-Range").unwrap_or_default().to_owned(), text(&got))
    };
    let tag = put.header_value("ETag").unwrap();
    assert_eq!(range("bytes=2-4", tag), (206, "bytes 2-4/10".into(), "234".into()));
    assert_eq!(range("bytes=8-99", tag), (206, "bytes 8-9/10".into(), "89".into()));
    assert_eq!(range("bytes=8-", tag).2, "89");
    assert_eq!(range("bytes=10-12", tag).0, 416);
    assert_eq!(range("bytes=2-4", "\"0x1234\"").0, 412);
    store.put(&mut world, "/empty", "");
    let request = store.request(Method::GET, "/empty", "").header("x-ms-range", "bytes=0-9");
    assert_eq!(refused(&anonymously(&mut world, &request)), (416, "InvalidRange"));
}

#[test]
fn blocks_become_a_blob_in_the_order_of_the_list() {
    let mut world = World::new();
    let store = Store::new(&mut world);
    for (id, content) in [("YQ%3D%3D", "a"), ("Yg%3D%3D", "b")] {
        assert_eq!(store.put(&mut world, &format!("/b?comp=block&blockid={id}"), content).status, 201);
    }
    assert_eq!(store.get(&mut world, "/b").status, 404, "blocks are no blob");
    let list = |ids: &[&str]| {
        let items = ids.join("</Latest><Latest>");
        format!("<?xml version='1.0' encoding='utf-8'?><BlockList><Latest>{items}</Latest></BlockList>")
    };
    let wrong = store.put(&mut world, "/b?comp=blocklist", &list(&["YQ==", "eA=="]));
    assert_eq!(refused(&wrong), (400, "InvalidBlockList"));
    assert_eq!(store.put(&mut world, "/b?comp=blocklist", &list(&["Yg==", "YQ=="])).status, 201);
    assert_eq!(text(&store.get(&mut world, "/b")), "ba");
    let only_new = store.request(Method::PUT, "/b", "c").header("If-None-Match", "*");
    assert_eq!(refused(&anonymously(&mut world, &only_new)), (409, "BlobAlreadyExists"));
}

#[test]
fn a_list_has_a_prefix_and_folders() {
    let mut world = World::new();
    let store = Store::new(&mut world);
    for blob in ["/m/a", "/m/sub/b", "/m/sub/c", "/n&o"] {
        store.put(&mut world, blob, "1");
    }
    let mut list = |query: &str| {
        let answer = text(&store.get(&mut world, &format!("?restype=container&comp=list{query}")));
        let names =
            answer.split("<Name>").skip(1).map(|rest| rest.split_once("</Name>").unwrap().0.to_owned());
        names.collect::<Vec<_>>()
    };
    assert_eq!(list(""), ["m/a", "m/sub/b", "m/sub/c", "n&amp;o"]);
    assert_eq!(list("&prefix=m%2Fsub"), ["m/sub/b", "m/sub/c"]);
    assert_eq!(list("&prefix=m%2F&delimiter=%2F"), ["m/a", "m/sub/"]);
}

#[test]
fn a_signature_opens_its_own_container_until_it_runs_out() {
    let mut world = World::new();
    let store = Store::new(&mut world);
    store.put(&mut world, "/b", "1");
    let denied = (403, "AuthenticationFailed");
    let without = Store { sas: String::new(), host: store.host.clone(), path: store.path.clone() };
    assert_eq!(refused(&without.get(&mut world, "/b")), denied);
    let elsewhere = Store { path: "/elsewhere".into(), host: store.host.clone(), sas: store.sas.clone() };
    assert_eq!(refused(&elsewhere.get(&mut world, "/b")), denied);
    let widened = Store {
        sas: store.sas.replace("racwl", "racwdl"),
        host: store.host.clone(),
        path: store.path.clone(),
    };
    assert_eq!(refused(&widened.send(&mut world, Method::DELETE, "/b", "")), denied);
    let bearer = Request::get(&format!("{}/b", store.path)).header("Host", &store.host);
    assert_eq!(world.send(&bearer).status, 200, "a token opens everything");
    world.pass(3599.0);
    assert_eq!(store.get(&mut world, "/b").status, 200);
    world.pass(1.0);
    assert_eq!(refused(&store.get(&mut world, "/b")), denied);
}

#[test]
fn accounts_are_below_the_public_name_and_below_localhost_for_an_address() {
    let endpoint = |public: &str| {
        let mut world = World::with(Config { public_url: public.into(), ..Config::default() });
        let metadata =
            world.send(&Request::get("/metadata/endpoints")).value()[0]["suffixes"]["storage"].clone();
        let default = world.get(&format!("{WORKSPACE}/datastores/workspaceblobstore")).value();
        assert_eq!(metadata, default["properties"]["endpoint"]);
        metadata.as_str().unwrap().to_owned()
    };
    assert_eq!(endpoint("https://127.0.0.1:8443"), "localhost:8443");
    assert_eq!(endpoint("https://[::1]:8443"), "localhost:8443");
    assert_eq!(endpoint("https://emulator.example"), "emulator.example");
}

fn reference(name: &str) -> String {
    format!("/mferp/managementfrontend{REGISTRY}/tempdatarefs/{name}/versions/1")
}

fn asset(name: &str) -> Value {
    json!({"assetId": format!("azureml://registries/models/models/{name}/versions/1"), "temporaryDataReferenceType": "TemporaryBlobReference"})
}

#[test]
fn a_registry_gives_a_place_for_each_new_version_and_only_for_those() {
    let mut world = World::new();
    world.settle_put(REGISTRY, &registry_body());
    let first = world.put(&reference("fares"), &asset("fares"));
    assert_eq!(first.status, 200);
    let place = first.value()["blobReferenceForConsumption"].clone();
    assert!(place["storageAccountArmId"].as_str().unwrap().contains("/Microsoft.Storage/storageAccounts/"));
    let sas_uri = &place["credential"]["sasUri"];
    assert_eq!(
        world.put(&reference("fares"), &asset("fares")).value()["blobReferenceForConsumption"]["blobUri"],
        place["blobUri"]
    );
    assert_ne!(
        world.put(&reference("other"), &asset("other")).value()["blobReferenceForConsumption"]["blobUri"],
        place["blobUri"]
    );
    assert_eq!(world.put(&reference("fares"), &asset("other")).status, 400, "another version's id");
    assert_eq!(Store::of(sas_uri).put(&mut world, "/model/weights", "1").status, 201);

    let uri = format!("{}/model", place["blobUri"].as_str().unwrap());
    let version = format!("{REGISTRY}/models/fares/versions/1");
    world.settle_put(&version, &json!({"properties": {"modelUri": uri, "modelType": "custom_model"}}));
    let again = world.put(&reference("fares"), &asset("fares"));
    assert_eq!(
        (again.status, again.value()["error"]["details"][0]["code"].as_str()),
        (409, Some("AssetAlreadyExists"))
    );

    let body = json!({"assetId": "azureml://registries/models/models/fares/versions/1", "blobUri": uri});
    for path in [
        format!("/mferp/managementfrontend{REGISTRY}/datarefs/fares/versions/1"),
        format!("{REGISTRY}/datareferences/fares/versions/1"),
    ] {
        let readable = world.post(&path, &body).value()["blobReferenceForConsumption"].clone();
        assert_eq!(readable["blobUri"], uri);
        let files = Store::of(&readable["credential"]["sasUri"]);
        assert_eq!(text(&files.get(&mut world, "/model/weights")), "1");
    }
    for (id, status) in [
        ("AzureML://Registries/MODELS/Models/fares/Versions/1", 200),
        ("azureml://registries/models/models/fares/labels/latest", 400),
        ("azureml://registries/models/endpoints/fares/versions/1", 400),
    ] {
        let body = json!({"assetId": id, "blobUri": uri});
        let answer = world.post(&format!("{REGISTRY}/datareferences/fares/versions/1"), &body);
        assert_eq!(answer.status, status, "{id}");
    }
    let absent = json!({"assetId": "azureml://registries/models/models/fares/versions/2", "blobUri": uri});
    assert_eq!(world.post(&format!("{REGISTRY}/datareferences/fares/versions/2"), &absent).status, 404);
}

#[test]
fn a_pending_upload_has_a_container_that_can_be_written() {
    let mut world = World::new();
    let upload = format!("{WORKSPACE}/codes/c/versions/1/startPendingUpload");
    let first = world.post(&upload, &json!({"pendingUploadId": "p"})).value();
    assert_eq!(first["pendingUploadId"], "p");
    let place = &first["blobReferenceForConsumption"];
    assert_eq!(Store::of(&place["credential"]["sasUri"]).put(&mut world, "/train.py", "1").status, 201);
    let same = world.post(&upload, &json!({"pendingUploadId": "p"})).value();
    assert_eq!(same["blobReferenceForConsumption"]["blobUri"], place["blobUri"]);
    let other = world.post(&upload, &json!({})).value();
    assert_ne!(other["blobReferenceForConsumption"]["blobUri"], place["blobUri"]);
}

#[test]
fn what_is_published_has_files_of_its_own() {
    let mut world = World::new();
    world.settle_put(REGISTRY, &registry_body());
    let store = Store::new(&mut world);
    store.put(&mut world, "/train/model/weights", "1");
    store.put(&mut world, "/train/model2/weights", "2");
    let uri = "azureml://datastores/workspaceblobstore/paths/train/model";
    world.put(
        &format!("{MODEL}/versions/1"),
        &json!({"properties": {"modelUri": uri, "modelType": "custom_model"}}),
    );
    assert_eq!(world.publish("1").status, 202);
    world.pass(60.0);
    store.put(&mut world, "/train/model/weights", "changed");
    let copy = world.get(&format!("{REGISTRY}/models/fares/versions/1")).value();
    let uri = copy["properties"]["modelUri"].as_str().unwrap().to_owned();
    let body = json!({"assetId": "azureml://registries/models/models/fares/versions/1", "blobUri": uri});
    let place = world.post(&format!("{REGISTRY}/datareferences/fares/versions/1"), &body).value();
    let files = Store::of(&place["blobReferenceForConsumption"]["credential"]["sasUri"]);
    assert_eq!(text(&files.get(&mut world, "/model/weights")), "1");
    let all = text(&files.get(&mut world, "?restype=container&comp=list"));
    assert_eq!(all.matches("<Name>").count(), 1, "{all}");
}

/// A registry's version with these files at `…/model`, and what opens its container to read.
fn registered(world: &mut World, files: &[(&str, &str)]) -> Store {
    world.settle_put(REGISTRY, &registry_body());
    let version = format!("{REGISTRY}/models/fares/versions/1");
    let upload =
        world.post(&format!("{version}/startPendingUpload"), &json!({"pendingUploadId": "p"})).value();
    let place = &upload["blobReferenceForConsumption"];
    let store = Store::of(&place["credential"]["sasUri"]);
    for (name, content) in files {
        assert_eq!(store.put(world, &format!("/model/{name}"), content).status, 201);
    }
    let uri = format!("{}/model", place["blobUri"].as_str().unwrap());
    world.settle_put(&version, &json!({"properties": {"modelUri": uri, "modelType": "custom_model"}}));
    let body = json!({"assetId": "azureml://registries/models/models/fares/versions/1", "blobUri": uri});
    let read = world.post(&format!("{REGISTRY}/datareferences/fares/versions/1"), &body).value();
    Store::of(&read["blobReferenceForConsumption"]["credential"]["sasUri"])
}

#[test]
fn whoever_asks_where_an_asset_is_may_read_and_not_write() {
    let mut world = World::new();
    let read = registered(&mut world, &[("weights", "1")]);
    assert_eq!(text(&read.get(&mut world, "/model/weights")), "1");
    let denied = (403, "AuthorizationPermissionMismatch");
    assert_eq!(refused(&read.put(&mut world, "/model/weights", "2")), denied);
    assert_eq!(refused(&read.put(&mut world, "/model/weights?comp=block&blockid=YQ%3D%3D", "2")), denied);
    let widened = Store {
        sas: read.sas.replace("sp=rl", "sp=racwl"),
        host: read.host.clone(),
        path: read.path.clone(),
    };
    assert_eq!(refused(&widened.put(&mut world, "/x", "2")), (403, "AuthenticationFailed"));
}

/// Put Block From URL, between two containers whose signatures say who may what.
#[test]
fn storage_fetches_blocks_from_a_signed_url() {
    let mut world = World::new();
    let from = registered(&mut world, &[("weights", "0123456789")]);
    let upload = format!("{REGISTRY}/models/fares/versions/2/startPendingUpload");
    let place = world.post(&upload, &json!({"pendingUploadId": "q"})).value();
    let to = Store::of(&place["blobReferenceForConsumption"]["credential"]["sasUri"]);
    let head = from.send(&mut world, Method::HEAD, "/model/weights", "");
    let tag = head.header_value("ETag").unwrap().to_owned();
    let md5 = "eB5eJF1ptWaXm4bijSPyxw==";
    assert_eq!(head.header_value("Content-MD5"), Some(md5), "of what was put as a whole");
    let url = |store: &Store, blob: &str| format!("https://{}{}{blob}?{}", store.host, store.path, store.sas);
    let source = url(&from, "/model/weights");
    let mut fetch = |id: &str, source: &str, headers: &[(&str, &str)], body: &str| {
        let request = to.request(Method::PUT, &format!("/model/weights?comp=block&blockid={id}%3D%3D"), body);
        let request = request.header("x-ms-copy-source", source);
        let request = headers.iter().fold(request, |request, (name, value)| request.header(name, value));
        let answer = anonymously(&mut world, &request);
        (answer.status, answer.header_value("x-ms-error-code").unwrap_or_default().to_owned())
    };
    let done = (201, String::new());
    let no = |status, code: &str| (status, code.to_owned());
    assert_eq!(
        fetch("YQ", &source, &[("x-ms-source-range", "bytes=0-3"), ("x-ms-source-if-match", &tag)], ""),
        done
    );
    assert_eq!(fetch("Yg", &source, &[("x-ms-source-range", "bytes=4-9")], ""), done);
    assert_eq!(fetch("Yw", &source, &[("x-ms-source-content-md5", md5)], ""), done);
    for (source, headers, body, expected) in [
        (source.clone(), vec![("x-ms-source-if-match", "\"0x1\"")], "", no(412, "SourceConditionNotMet")),
        (
            source.clone(),
            vec![("x-ms-source-content-md5", "eB5eJF1ptWaXm4bijSPyxx==")],
            "",
            no(400, "Md5Mismatch"),
        ),
        (source.clone(), vec![("x-ms-source-range", "bytes=10-12")], "", no(416, "InvalidRange")),
        (source.clone(), vec![], "a body", no(400, "InvalidInput")),
        (url(&from, "/model/other"), vec![], "", no(404, "CannotVerifyCopySource")),
        (source.replace("&sig=", "&sig=0"), vec![], "", no(403, "CannotVerifyCopySource")),
        ("https://elsewhere.example/c/b?sig=x".into(), vec![], "", no(404, "CannotVerifyCopySource")),
        ("nothing".into(), vec![], "", no(400, "InvalidHeaderValue")),
    ] {
        assert_eq!(fetch("ZA", &source, &headers, body), expected, "{source}");
    }

    // What has arrived can be asked for until a list of blocks makes the blob of it.
    let blocks = text(&to.get(&mut world, "/model/weights?comp=blocklist&blocklisttype=uncommitted"));
    let expected = "<UncommittedBlocks><Block><Name>YQ==</Name><Size>4</Size></Block><Block><Name>Yg==</Name><Size>6</Size></Block>\
                    <Block><Name>Yw==</Name><Size>10</Size></Block></UncommittedBlocks>";
    assert!(blocks.contains(expected), "{blocks}");
    assert_eq!(refused(&to.get(&mut world, "/model/none?comp=blocklist")), (404, "BlobNotFound"));
    let list = "<BlockList><Latest>YQ==</Latest><Latest>Yg==</Latest></BlockList>";
    let request = to.request(Method::PUT, "/model/weights?comp=blocklist", list);
    assert_eq!(anonymously(&mut world, &request.header("x-ms-blob-content-md5", md5)).status, 201);
    assert_eq!(text(&to.get(&mut world, "/model/weights")), "0123456789");
    let all = text(&to.get(&mut world, "?restype=container&comp=list"));
    assert!(all.contains("<Content-Length>10</Content-Length>") && all.contains(md5), "{all}");

    // Both signatures run out.
    world.pass(3600.0);
    let request =
        to.request(Method::PUT, "/x?comp=block&blockid=YQ%3D%3D", "").header("x-ms-copy-source", &source);
    assert_eq!(refused(&anonymously(&mut world, &request)), (403, "AuthenticationFailed"));
    let place = world.post(&upload, &json!({"pendingUploadId": "q"})).value();
    let to = Store::of(&place["blobReferenceForConsumption"]["credential"]["sasUri"]);
    let request =
        to.request(Method::PUT, "/x?comp=block&blockid=YQ%3D%3D", "").header("x-ms-copy-source", &source);
    assert_eq!(refused(&anonymously(&mut world, &request)), (403, "CannotVerifyCopySource"));
}

#[test]
fn a_registry_takes_only_what_is_in_its_own_storage() {
    let mut world = World::new();
    let read = registered(&mut world, &[("weights", "1")]);
    let put = |world: &mut World, uri: &str| {
        let body = json!({"properties": {"modelUri": uri, "modelType": "custom_model"}});
        world.put(&format!("{REGISTRY}/models/fares/versions/9"), &body).status
    };
    let (_, below) = read.host.split_once('.').unwrap();
    assert_eq!(put(&mut world, &format!("https://other.{below}{}/model", read.path)), 400);
    assert_eq!(put(&mut world, &format!("https://{}{}/model", read.host, read.path)), 201);
}

#[test]
fn a_long_list_comes_in_pages() {
    let mut world = World::new();
    let store = Store::new(&mut world);
    for blob in ["/m/a", "/m/b", "/m/c", "/n"] {
        store.put(&mut world, blob, "1");
    }
    let mut page = |marker: &str| {
        let list = format!("?restype=container&comp=list&prefix=m%2F&maxresults=2&marker={marker}");
        let answer = text(&store.get(&mut world, &list));
        let next = answer.split_once("<NextMarker>").unwrap().1.split_once('<').unwrap().0.to_owned();
        (answer.matches("<Blob>").count(), next)
    };
    assert_eq!(page(""), (2, "m/c".into()));
    assert_eq!(page("m%2Fc"), (1, String::new()));
}
