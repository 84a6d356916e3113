use serde_json::json;

use super::*;
use crate::api::{DeploymentBinding, ModelVersion, Object, Registry, Workspace};
use crate::controller::fixtures::{binding, registry, version};

fn reader(name: &str) -> Arc<ObjectKey> {
    let kind = ObjectKind::ModelVersion;
    Arc::new(ObjectKey { kind, namespace: "fares".into(), name: name.into() })
}

fn names(woken: &[Arc<ObjectKey>]) -> Vec<&str> {
    woken.iter().map(|key| &*key.name).collect()
}

fn taxi(name: &str) -> ModelVersion {
    version(name, "taxi", &json!({"registryRef": {"name": "models"}}))
}

/// An index that has seen these versions.
fn index_of(names: &[&str]) -> Index {
    let index = Index::default();
    for name in names {
        index.applied(&taxi(name), None);
    }
    index
}

#[test]
fn a_change_wakes_whoever_asked_about_it() {
    let index = index_of(&["of-one", "of-two", "of-the-binding"]);
    let read = |it| ClusterRead::Naming(ObjectKind::DeploymentBinding, Name::asset(it));
    index.asks(&reader("of-one"), &read("azureml://One"));
    index.asks(&reader("of-two"), &read("azureml://two"));
    index.asks(&reader("of-the-binding"), &ClusterRead::Object(binding("taxi", &[]).key()));
    // The object itself, who asked for its name, and who asked for what it names; ids have no case.
    let first = index.applied(&binding("taxi", &["azureml://one"]), None);
    assert_eq!(names(&first), ["taxi", "of-one", "of-the-binding"]);
    // What it named before wakes as what it names now does.
    let other = index.applied(&binding("taxi", &["azureml://two"]), None);
    assert_eq!(names(&other), ["taxi", "of-one", "of-the-binding", "of-two"]);
    assert!(index.naming(ObjectKind::DeploymentBinding, &Name::asset("azureml://one")).is_empty());
    assert_eq!(names(&index.naming(ObjectKind::DeploymentBinding, &Name::asset("azureml://TWO"))), ["taxi"]);
    assert!(names(&index.applied(&binding("taxi", &["azureml://two"]), None)).is_empty(), "nothing changed");
    assert_eq!(names(&index.deleted(&binding("taxi", &[]).key())), ["of-the-binding", "of-two"]);
    assert!(index.naming(ObjectKind::DeploymentBinding, &Name::asset("azureml://two")).is_empty());
}

#[test]
fn a_rival_is_woken_by_where_an_object_is_and_not_by_how_it_goes() {
    let index = index_of(&["rival"]);
    let models = Name::resource("registries/models/taxi/versions/1");
    index.asks(&reader("rival"), &ClusterRead::Naming(ObjectKind::ModelVersion, models));
    let promoted = |status: serde_json::Value| {
        let mut it = taxi("promoted");
        it.status = Some(serde_json::from_value(status).expect("a status"));
        it
    };
    let now = |status: serde_json::Value| names(&index.applied(&promoted(status), None)).join(" ");
    assert_eq!(now(json!({"observedGeneration": 1})), "promoted rival");
    assert_eq!(now(json!({"observedGeneration": 1, "assetId": "azureml://x"})), "promoted");
    assert_eq!(now(json!({"observedGeneration": 1, "id": "/subscriptions/s/x"})), "promoted rival");
    // The tag that names the owner changes when Azure has done it.
    let doing = |purpose: &str| {
        let operation = json!({"purpose": purpose, "doing": "x", "resource": "/x", "url": "https://x/", "since": "2026-03-01T12:00:00Z"});
        json!({"observedGeneration": 1, "id": "/subscriptions/s/x", "operation": operation})
    };
    assert_eq!(now(doing("update")), "promoted");
    assert_eq!(now(doing("take-over")), "promoted rival");
    assert_eq!(now(json!({"observedGeneration": 1, "id": "/subscriptions/s/x"})), "promoted rival");
    let mut goes = promoted(json!({"observedGeneration": 1, "id": "/subscriptions/s/x"}));
    goes.metadata.deletion_timestamp =
        Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(jiff::Timestamp::UNIX_EPOCH));
    assert_eq!(names(&index.applied(&goes, None)), ["promoted", "rival"]);
}

/// Whether a place with an account of its own lays claim to something, its status says: rivals hear of that, however the
/// resource group is spelled.
#[test]
fn a_rival_is_woken_when_azure_lets_a_places_own_account_in() {
    let workspace = |name: &str, group: &str, status: serde_json::Value| -> Workspace {
        let azure = json!({"subscriptionId": "s", "resourceGroup": group, "name": "prod"});
        let spec = json!({"azure": azure, "credentials": {"serviceAccountName": "own"}});
        let object = json!({"apiVersion": "bindery.dev/v1alpha1", "kind": "Workspace", "spec": spec, "status": status,
            "metadata": {"name": name, "namespace": "fares", "uid": name, "generation": 1}});
        serde_json::from_value(object).expect("a workspace")
    };
    let index = Index::default();
    let ours = workspace("ours", "ML", json!({"observedGeneration": 1}));
    index.applied(&ours, None);
    let name = Name::resource(ours.id().as_str());
    index.asks(&Arc::new(ours.key()), &ClusterRead::Naming(ObjectKind::Workspace, name));
    let now = |seen: Option<&str>, reason: &str| {
        let ready = json!({"type": "Ready", "status": "False", "reason": reason, "message": "", "lastTransitionTime": "2026-03-01T12:00:00Z"});
        let status = json!({"observedGeneration": 1, "workspaceId": seen, "conditions": [ready]});
        names(&index.applied(&workspace("theirs", "ml", status), None)).join(" ")
    };
    assert_eq!(now(None, "Unreachable"), "theirs ours", "it comes");
    assert_eq!(now(None, "Throttled"), "theirs", "nobody has let it in");
    assert_eq!(now(Some("guid"), "Conflict"), "theirs ours", "Azure has let it in");
    assert_eq!(now(Some("guid"), "Succeeded"), "theirs");
    assert_eq!(now(Some("guid"), "Unauthorized"), "theirs ours", "Azure lets it in no more");
}

#[test]
fn what_is_asked_no_more_wakes_no_more() {
    let index = Index::default();
    let (object, place) = (ClusterRead::Object(registry().key()), ClusterRead::Namespace("fares".into()));
    index.applied(&taxi("one"), None);
    index.asks(&reader("one"), &object);
    index.asks(&reader("one"), &place);
    assert_eq!(names(&index.namespace_changed("fares")), ["one"]);
    assert!(index.namespace_changed("blue").is_empty());
    index.rests_on(&reader("one"), std::iter::once(&object));
    assert!(index.namespace_changed("fares").is_empty());
    assert_eq!(names(&index.applied(&registry(), None)), ["models", "one"]);
    // An object that is gone asks nothing.
    index.deleted(&taxi("one").key());
    assert!(names(&index.deleted(&Registry::key(&registry()))).is_empty());
}

#[test]
fn our_own_status_wakes_nobody_and_anybody_elses_does() {
    let index = Index::default();
    index.applied(&binding("taxi", &[]), None);
    let status = |assets: &[&str]| fingerprint(&DeploymentBinding::current(&binding("taxi", assets)));
    let ours = binding("taxi", &["azureml://one"]);
    assert!(index.applied(&ours, Some(status(&["azureml://one"]))).is_empty());
    let theirs = binding("taxi", &["azureml://two"]);
    assert_eq!(names(&index.applied(&theirs, Some(status(&["azureml://one"])))), ["taxi"]);
    // A new object under the same name is looked at, whatever its status says.
    let mut again = binding("taxi", &["azureml://two"]);
    again.metadata.uid = Some("again".into());
    assert_eq!(names(&index.applied(&again, Some(status(&["azureml://two"])))), ["taxi"]);
}

#[test]
fn after_a_listing_who_asked_about_what_is_gone_or_changed_is_woken_too() {
    let index = index_of(&["of-one", "of-two", "of-three"]);
    index.asks(&reader("of-one"), &ClusterRead::Object(binding("one", &[]).key()));
    index.asks(&reader("of-three"), &ClusterRead::Object(binding("three", &[]).key()));
    for name in ["one", "two", "three"] {
        index.applied(&binding(name, &[]), None);
    }
    // The first listing breaks off: what it found changed stays found.
    index.listing_begins(ObjectKind::DeploymentBinding);
    index.listed(&binding("two", &["azureml://new"]));
    index.listing_begins(ObjectKind::DeploymentBinding);
    index.listed(&binding("two", &["azureml://new"]));
    index.listed(&binding("three", &[]));
    // Whoever asks before the listing is at its end was shown what the store had before.
    index.asks(&reader("of-two"), &ClusterRead::Object(binding("two", &[]).key()));
    let Listed { woken, gone } = index.listing_ends(ObjectKind::DeploymentBinding);
    assert_eq!(names(&woken), ["of-one", "of-two", "three", "two"]);
    assert_eq!(gone, ["one"]);
    assert!(index.deleted(&binding("one", &[]).key()).is_empty(), "it is gone already");
}

#[test]
fn listings_that_break_off_again_and_again_keep_one_entry_for_each_object() {
    let index = index_of(&["of-first", "of-last"]);
    index.asks(
        &reader("of-first"),
        &ClusterRead::Naming(ObjectKind::DeploymentBinding, Name::asset("azureml://0")),
    );
    index.asks(
        &reader("of-last"),
        &ClusterRead::Naming(ObjectKind::DeploymentBinding, Name::asset("azureml://99")),
    );
    for n in 0..100 {
        index.listing_begins(ObjectKind::DeploymentBinding);
        index.listed(&binding("one", &[&format!("azureml://{n}")]));
    }
    assert_eq!(index.entries().listed[&ObjectKind::DeploymentBinding].changed.len(), 1);
    let Listed { woken, .. } = index.listing_ends(ObjectKind::DeploymentBinding);
    assert_eq!(names(&woken), ["of-first", "of-last", "one"], "nothing that changed meanwhile is lost");
    assert!(index.entries().listed.is_empty());
}

#[test]
fn nothing_is_kept_of_a_reader_that_is_gone() {
    let index = index_of(&["one"]);
    index.deleted(&taxi("one").key());
    // Its pass still runs.
    index.asks(&reader("one"), &ClusterRead::Namespace("fares".into()));
    assert!(index.namespace_changed("fares").is_empty());
    let all = index.entries();
    assert!(all.objects.is_empty() && all.named.is_empty() && all.asked.is_empty());
}

#[test]
fn a_place_that_is_being_deleted_is_woken_when_one_that_refers_to_it_is_let_go() {
    let index = index_of(&["one"]);
    index.applied(&registry(), None);
    let place = Arc::new(registry().key());
    index.asks(&place, &ClusterRead::Naming(ObjectKind::ModelVersion, Name::Place(registry().key())));
    let mut going = taxi("one");
    going.metadata.deletion_timestamp =
        Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(jiff::Timestamp::UNIX_EPOCH));
    let ours = vec![crate::api::FINALIZER.to_string()];
    going.metadata.finalizers = Some([ours.clone(), vec!["example.com/theirs".into()]].concat());
    assert_eq!(names(&index.applied(&going, None)), ["one", "models"], "it goes");
    // Another's finalizer still holds it, but there is nothing left to do for it.
    going.metadata.finalizers = Some(vec!["example.com/theirs".into()]);
    assert_eq!(names(&index.applied(&going, None)), ["models"]);
    assert_eq!(names(&index.deleted(&going.key())), ["models"]);
}
