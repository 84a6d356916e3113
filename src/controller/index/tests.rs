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

fn holders(index: &Index, name: &Name) -> Vec<Arc<ObjectKey>> {
    index.rivals(ObjectKind::DeploymentBinding, name, &Rivals::Everywhere)
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
    let read = |it| ClusterRead::Rivals(ObjectKind::DeploymentBinding, Name::asset(it), Rivals::Everywhere);
    index.asks(&reader("of-one"), &read("azureml://One"));
    index.asks(&reader("of-two"), &read("azureml://two"));
    index.asks(&reader("of-the-binding"), &ClusterRead::Object(binding("taxi", &[]).key()));
    // The object itself, who asked for its name, and who asked for what it names; ids have no case.
    let first = index.applied(&binding("taxi", &["azureml://one"]), None);
    assert_eq!(names(&first), ["taxi", "of-one", "of-the-binding"]);
    // What it named before wakes as what it names now does.
    let other = index.applied(&binding("taxi", &["azureml://two"]), None);
    assert_eq!(names(&other), ["taxi", "of-one", "of-the-binding", "of-two"]);
    assert!(holders(&index, &Name::asset("azureml://one")).is_empty());
    assert_eq!(names(&holders(&index, &Name::asset("azureml://TWO"))), ["taxi"]);
    assert!(names(&index.applied(&binding("taxi", &["azureml://two"]), None)).is_empty(), "nothing changed");
    assert_eq!(names(&index.deleted(&binding("taxi", &[]).key())), ["of-the-binding", "of-two"]);
    assert!(holders(&index, &Name::asset("azureml://two")).is_empty());
}

#[test]
fn a_rival_is_woken_by_where_an_object_is_and_not_by_how_it_goes() {
    let index = index_of(&["rival"]);
    let models = Name::resource("registries/-/models/taxi/versions/1");
    let beside = Rivals::Within("fares".into());
    index.asks(&reader("rival"), &ClusterRead::Rivals(ObjectKind::ModelVersion, models, beside));
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
    // Whatever wrote that tag: when the object is found to be the owner, its next change tells the others.
    index.owns(&taxi("promoted").key(), true);
    assert_eq!(now(doing("delete")), "promoted rival");
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
    let rivals = ClusterRead::Rivals(ObjectKind::Workspace, name, Rivals::Within("fares".into()));
    index.asks(&Arc::new(ours.key()), &rivals);
    let now = |seen: Option<&str>, reason: &str| {
        let ready = json!({"type": "Ready", "status": "False", "reason": reason, "message": "", "lastTransitionTime": "2026-03-01T12:00:00Z"});
        let status = json!({"observedGeneration": 1, "workspaceId": seen, "conditions": [ready]});
        names(&index.applied(&workspace("theirs", "ml", status), None)).join(" ")
    };
    assert_eq!(now(None, "Unreachable"), "theirs", "it comes, and nobody has let it in");
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

/// The number of a version in a workspace can be made again, with other files and the same words in the status.
#[test]
fn whoever_reads_a_version_is_woken_when_azure_has_made_it_again() {
    let index = index_of(&["reader"]);
    index.asks(&reader("reader"), &ClusterRead::Object(taxi("again").key()));
    let made = |at: &str| {
        let mut it = taxi("again");
        let status = json!({"observedGeneration": 1, "assetId": "/subscriptions/s/x", "createdAt": at});
        it.status = Some(serde_json::from_value(status).expect("a status"));
        names(&index.applied(&it, None)).join(" ")
    };
    assert_eq!(made("2026-03-01T12:00:00Z"), "again reader");
    assert_eq!(made("2026-03-01T12:00:00Z"), "");
    assert_eq!(made("2026-03-01T12:00:01Z"), "again reader");
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
    let read = |it| ClusterRead::Rivals(ObjectKind::DeploymentBinding, Name::asset(it), Rivals::Everywhere);
    index.asks(&reader("of-first"), &read("azureml://0"));
    index.asks(&reader("of-last"), &read("azureml://99"));
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

/// A version of the model `taxi` in this namespace, made at this second, in a registry of this name.
fn rival(namespace: &str, name: &str, second: i64, place: &str) -> ModelVersion {
    let mut it = version(name, "taxi", &json!({"registryRef": {"name": place}}));
    it.metadata.namespace = Some(namespace.into());
    it.metadata.uid = Some(format!("{namespace}/{name}"));
    let created = jiff::Timestamp::from_second(second).expect("a time");
    it.metadata.creation_timestamp = Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(created));
    it
}

#[test]
fn whatever_one_namespace_makes_the_others_are_seen() {
    use crate::decide::facts::{ALIKE, PLACES, STRANGERS};

    let index = Index::default();
    let path = Name::resource("registries/-/models/taxi/versions/1");
    let key = |namespace: &str, place: &str| {
        rival(namespace, "any", 0, place).names().into_iter().find_map(|name| match name {
            Name::Place(key) => Some(key),
            _ => None,
        })
    };
    let seen = |which: Rivals| index.rivals(ObjectKind::ModelVersion, &path, &which);
    // A crowd that is older than everybody: by as many places, and by one.
    for n in 0..100 {
        index.applied(&rival("blue", &format!("a{n}"), n, &format!("r{n}")), None);
        index.applied(&rival("blue", &format!("b{n}"), n, "models"), None);
    }
    for name in ["second", "third", "first"] {
        let second = if name == "first" { 1000 } else { 2000 };
        index.applied(&rival("fares", name, second, "models"), None);
    }
    index.applied(&rival("red", "one", 3000, "other"), None);
    let beside = |namespace: &str, place: &str| Rivals::Beside(namespace.into(), key(namespace, place));
    assert_eq!(names(&seen(beside("fares", "models"))), ["first", "second"]);
    assert_eq!(names(&seen(beside("blue", "models"))), ["b0", "b1"], "the oldest");
    assert_eq!(names(&seen(beside("blue", "r99"))), ["a99"], "of the own place, although others are older");
    assert_eq!(seen(Rivals::Within("blue".into())).len(), PLACES - 1 + ALIKE);
    let mut outside = seen(Rivals::Outside("fares".into()));
    outside.retain(|key| &*key.namespace == "red");
    assert_eq!(names(&outside), ["one"]);
    assert_eq!(seen(Rivals::Outside("red".into())).len(), STRANGERS - 1 + ALIKE + ALIKE);
    assert_eq!(seen(Rivals::All("blue".into())).len(), 200);

    // Who observes counts where nobody manages; who goes is seen while our finalizer holds it.
    let mut observes = rival("red", "two", 1, "other");
    observes.spec.management = crate::api::Management::Observe;
    index.applied(&observes, None);
    assert_eq!(names(&seen(beside("red", "other"))), ["one", "two"]);
    index.applied(&rival("red", "three", 4000, "other"), None);
    assert_eq!(names(&seen(beside("red", "other"))), ["one", "three"]);
    let mut goes = rival("red", "one", 3000, "other");
    goes.metadata.deletion_timestamp =
        Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(jiff::Timestamp::UNIX_EPOCH));
    goes.metadata.finalizers = Some(vec![crate::api::FINALIZER.to_string()]);
    index.applied(&goes, None);
    assert_eq!(names(&seen(beside("red", "other"))), ["three", "two", "one"]);
    goes.metadata.finalizers = Some(vec!["example.com/theirs".into()]);
    index.applied(&goes, None);
    assert_eq!(names(&seen(beside("red", "other"))), ["three", "two"]);
}

#[test]
fn a_change_wakes_those_who_see_it() {
    let index = Index::default();
    let path = Name::resource("registries/-/models/taxi/versions/1");
    for n in 0..100 {
        index.applied(&rival("blue", &format!("b{n}"), n, "models"), None);
    }
    index.applied(&rival("fares", "ours", 1000, "models"), None);
    let ours = Arc::new(rival("fares", "ours", 1000, "models").key());
    let outside = Rivals::Outside("fares".into());
    index.asks(&ours, &ClusterRead::Rivals(ObjectKind::ModelVersion, path, outside));
    let now = |mut it: ModelVersion, second: i64| {
        it.metadata.generation = Some(second);
        it.spec.management = crate::api::Management::Observe;
        let woken = index.applied(&it, None);
        woken.contains(&ours)
    };
    assert!(!now(rival("blue", "b50", 50, "models"), 2), "nobody sees it");
    assert!(now(rival("blue", "b1", 1, "models"), 2), "another one has come in its place");
    assert!(!now(rival("blue", "b1", 1, "models"), 3), "nor is it seen any more");
    index.applied(&rival("blue", "new", 2000, "models"), None);
    assert!(index.deleted(&rival("blue", "b0", 0, "models").key()).contains(&ours));
    // An owner is asked for by itself, and how it goes does not matter.
    let owner = rival("blue", "b70", 70, "models");
    index.asks(&ours, &ClusterRead::Owner(owner.key()));
    let mut edited = owner.clone();
    edited.metadata.generation = Some(2);
    edited.status = Some(
        serde_json::from_value(json!({"observedGeneration": 2, "assetId": "azureml://x"})).expect("a status"),
    );
    assert!(!index.applied(&edited, None).contains(&ours));
    edited.metadata.deletion_timestamp =
        Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(jiff::Timestamp::UNIX_EPOCH));
    assert!(index.applied(&edited, None).contains(&ours));
}
