//! What the calls carry, and what stays ours.

use serde_json::{Value, json};

use super::*;
use crate::api::Reason;
use crate::azure::model::{Action, Class, Error, Reply};
use crate::decide::Facts as _;
use crate::decide::fixtures::{noon, tags, told};

fn put(facts: &Facts) -> Value {
    match decide(facts).call.unwrap().action {
        Action::Put(body) => body,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_new_registry_is_what_the_manifest_says() {
    let account = |kind: &str, what: Value| json!([{kind: what}]);
    assert_eq!(
        put(&new(|_| ())),
        json!({
            "location": "eastus",
            "identity": {"type": "SystemAssigned"},
            "tags": {"team": "platform", "bindery-owner": "prod/platform/models"},
            "properties": {
                "publicNetworkAccess": "Enabled",
                "regionDetails": [{
                    "location": "eastus",
                    "storageAccountDetails": account("systemCreatedStorageAccount", json!({
                        "storageAccountType": "Standard_LRS",
                        "storageAccountHnsEnabled": false,
                        "allowBlobPublicAccess": false,
                    })),
                    "acrDetails": account("systemCreatedAcrAccount", json!({"acrAccountSku": "Premium"})),
                }],
            },
        })
    );
}

#[test]
fn what_is_not_ours_goes_back_as_it_came() {
    let body = put(&with(|f| {
        tag(f, "theirs", "kept");
        tag(f, "team", "other");
    }));
    assert_eq!(
        body["tags"],
        json!({"team": "platform", "theirs": "kept", "bindery-owner": "prod/platform/models"})
    );
    assert_eq!((&body["kind"], &body["properties"]["futureProperty"]), (&json!("future"), &json!(7)));
    assert_eq!(body["identity"], json!({"type": "SystemAssigned", "principalId": "p"}));
}

#[test]
fn what_the_manifest_does_not_name_is_not_changed() {
    let closed = |f: &mut Facts| {
        let Look::Found(r) = &mut f.registry else { unreachable!() };
        r.properties.public_network_access = Some("Disabled".into());
        let both = json!({"type": "SystemAssigned,UserAssigned", "userAssignedIdentities": {"/readers": {}}});
        r.identity = Some(serde_json::from_value(both).unwrap());
    };
    assert_eq!(
        told(&decide(&with(closed))),
        "True Succeeded settled | The registry is what the manifest says, in 1 region. | interval"
    );
    let taken_over = with(|f| {
        closed(f);
        let Look::Found(r) = &mut f.registry else { unreachable!() };
        r.tags.remove("bindery-owner");
    });
    let body = put(&taken_over);
    assert_eq!(body["properties"]["publicNetworkAccess"], "Disabled");
    assert_eq!(
        body["identity"],
        json!({"type": "SystemAssigned,UserAssigned", "userAssignedIdentities": {"/readers": {}}})
    );
}

#[test]
fn a_tag_keeps_azures_spelling() {
    let spelled = |value: &str| {
        with(|f| {
            let Look::Found(r) = &mut f.registry else { unreachable!() };
            r.tags.remove("team");
            r.tags.insert("Team".into(), value.into());
        })
    };
    assert_eq!(decide(&spelled("platform")).call, None);
    assert_eq!(
        put(&spelled("other"))["tags"],
        json!({"Team": "platform", "bindery-owner": "prod/platform/models"})
    );
}

#[test]
fn a_region_is_the_same_in_every_spelling() {
    let spelled = with(|f| {
        f.spec.regions = regions(&["eastus"]);
        f.registry = Look::Found(registry_found(
            &["East US"],
            &[("team", "platform"), ("bindery-owner", "prod/platform/models")],
        ));
    });
    let decision = decide(&spelled);
    assert_eq!((decision.call, decision.status.drift), (None, vec![]));
}

#[test]
fn only_the_surplus_region_is_removed_and_people_are_told() {
    let mut facts = with(|f| {
        f.spec.regions = regions(&["eastus"]);
        two_regions(f);
    });
    // Somebody added the region in Azure: it is told, and stays.
    let decision = decide(&facts);
    assert_eq!(decision.call, None);
    let drift: Vec<_> = decision.status.drift.iter().map(|d| (&*d.field, &*d.wanted, &*d.found)).collect();
    assert_eq!(drift, [("regions", "eastus", "eastus,westus")]);
    facts.spec.region_removal = crate::api::RegionRemoval::Delete;
    let decision = decide(&facts);
    let call = decision.call.unwrap();
    assert_eq!(
        call.action,
        Action::Post(
            "removeRegions",
            json!({"location": "eastus", "properties": {"regionDetails": [{"location": "westus"}]}})
        )
    );
    let reply = Reply { operation: Some("https://op".into()), ..Reply::default() };
    let told = decision.deed.unwrap().taken(&call, &reply);
    assert!(told.warning && told.reason == Reason::Updating && told.action() == "RemoveRegions");
    assert!(told.note.starts_with("Bindery asked Azure to remove westus"), "{}", told.note);
    assert!(told.note.ends_with(". What is stored there goes too."), "{}", told.note);
}

/// What somebody else did to Azure is an event that warns; what the manifest asks for is none.
#[test]
fn people_are_warned_of_what_is_put_back() {
    let event = |facts: &Facts| {
        let decision = decide(facts);
        let (call, deed) = (decision.call.unwrap(), decision.deed.unwrap());
        let event = deed.taken(&call, &Reply::default());
        (event.warning, event.reason)
    };
    let mut facts = with(|f| {
        f.status.conditions = crate::decide::fixtures::ready();
        f.registry = Look::Found(registry_found(
            &["eastus"],
            &[("team", "another"), ("bindery-owner", "prod/platform/models")],
        ));
    });
    assert_eq!(event(&facts), (true, Reason::Drifted));
    facts.situation.generation = 2;
    assert_eq!(event(&facts), (false, Reason::Succeeded));
}

/// A PUT names all regions: one that is there is not named twice.
#[test]
fn a_region_is_added_once() {
    let regions_of = |named: &[&str]| -> Vec<String> {
        let facts = with(|f| {
            f.spec.regions = regions(named);
            f.spec.tags = tags([("team", "another")]);
        });
        let all = put(&facts)["properties"]["regionDetails"].as_array().unwrap().clone();
        all.iter().map(|it| it["location"].as_str().unwrap().to_string()).collect()
    };
    assert_eq!(regions_of(&["eastus"]), ["eastus"]);
    assert_eq!(regions_of(&["eastus", "westus"]), ["eastus", "westus"]);
}

#[test]
fn an_answer_is_a_fact_at_once() {
    let mut facts = new(|_| ());
    let before = decide(&facts);
    let call = before.call.unwrap();
    let reply = Reply { status: 202, operation: Some("https://op".into()), ..Reply::default() };
    facts.remember(before.status);
    facts.absorb(&call, Ok(&reply));
    let afterwards = decide(&facts);
    assert_eq!(
        told(&afterwards),
        "False OperationRunning working | Azure works on it: create the registry models. | 1 s"
    );
    let operation = afterwards.status.operation.unwrap();
    assert_eq!((operation.url.as_str(), operation.since), ("https://op", noon()));
    assert_eq!(afterwards.status.owned_tags, ["team"]);

    let mut facts = new(|_| ());
    facts.absorb(&call, Err(&Error::new(Class::Transient, "No.")));
    assert_eq!(facts.status.operation, None);

    let made = serde_json::to_value(registry_found(&["eastus"], &[])).unwrap();
    facts.absorb(&call, Ok(&Reply { status: 200, body: Some(made), ..Reply::default() }));
    assert!(facts.registry.found().is_some(), "what is there is not made again");
}

#[test]
fn a_tag_that_we_set_stays_ours_until_it_is_gone() {
    // The intent is stored before the call, so that a lost answer leaves no tag behind.
    let adding = with(|f| f.spec.tags = tags([("team", "platform"), ("cost", "1")]));
    assert_eq!(decide(&adding).status.owned_tags, ["cost", "team"]);
    let removing = with(|f| f.spec.tags = tags([]));
    assert_eq!(decide(&removing).status.owned_tags, ["team"]);
    assert_eq!(put(&removing)["tags"], json!({"bindery-owner": "prod/platform/models"}));
    // A lost status finds its keys again.
    let forgotten = with(|f| f.status = crate::api::RegistryStatus::default());
    assert_eq!(decide(&forgotten).status.owned_tags, ["team"]);
    // One that is gone from both is ours no more.
    let gone = with(|f| {
        f.spec.tags = tags([]);
        f.registry = Look::Found(registry_found(&["eastus"], &[("bindery-owner", "prod/platform/models")]));
    });
    assert_eq!(decide(&gone).status.owned_tags, Vec::<String>::new());
    // But not while Azure still works on it: the change may fail.
    let running = operation(Purpose::Update, "change it", &gone.id, 60, OperationState::Running);
    let mut changing = gone;
    changing.status.operation.clone_from(&running.remembered);
    changing.situation.operation = running;
    assert_eq!(decide(&changing).status.owned_tags, ["team"]);
}
