//! The accounts that Azure makes for a registry.

use serde_json::{Value, json};

use super::*;
use crate::decide::Mode;
use crate::decide::fixtures::{ago, assert_table, noon};

#[test]
fn the_wait_for_accounts_is_remembered_and_begins_again_with_every_put() {
    let since = |f: &Facts| decide(f).status.awaiting_accounts_since;
    assert_eq!(since(&with(|_| ())), None);
    assert_eq!(since(&halfway(|_| ())), Some(noon()));
    assert_eq!(
        since(&halfway(|f| f.status.awaiting_accounts_since = Some(ago(60)))),
        Some(ago(60)),
        "a restart begins no new wait"
    );
    assert_eq!(since(&halfway(|f| f.status.awaiting_accounts_since = Some(ago(1800)))), Some(noon()));
    let works =
        halfway(|f| running(f, Purpose::Create, "create the registry models", 40, OperationState::Running));
    assert_eq!(since(&works), None);
}

/// Azure says how it made the accounts of eastus.
fn made_so(facts: &mut Facts, storage: &Value, sku: &str) {
    let Look::Found(r) = &mut facts.registry else { unreachable!() };
    let region = &mut r.properties.region_details[0];
    let held = &mut region.storage_account_details[0]["systemCreatedStorageAccount"];
    held.as_object_mut().unwrap().extend(storage.as_object().unwrap().clone());
    region.acr_details[0]["systemCreatedAcrAccount"]["acrAccountSku"] = json!(sku);
}

#[test]
fn accounts_stay_as_they_were_made() {
    let locally = || json!({"storageAccountType": "standard_lrs", "storageAccountHnsEnabled": false});
    let wanting = |storage: Value, change: &dyn Fn(&mut Facts)| {
        with(|f| {
            made_so(f, &locally(), "Premium");
            f.spec.regions =
                serde_json::from_value(json!([{"location": "eastus", "storage": storage}])).unwrap();
            change(f);
        })
    };
    let everywhere = || json!({"accountType": "Standard_GRS", "hierarchicalNamespace": true});
    let nobodys = |f: &mut Facts| {
        let Look::Found(r) = &mut f.registry else { unreachable!() };
        r.tags.remove("bindery-owner");
    };
    assert_table(&[
        (
            "as they were made",
            decide(&wanting(json!({"allowBlobPublicAccess": true}), &|_| ())),
            "True Succeeded settled | The registry is what the manifest says, in 1 region. | interval",
        ),
        (
            "otherwise",
            decide(&wanting(everywhere(), &|_| ())),
            "False Unchangeable stalled | Azure made the accounts otherwise than the manifest says, and cannot change them: regions[eastus].storage.accountType is standard_lrs, not Standard_GRS; regions[eastus].storage.hierarchicalNamespace is false, not true. Take spec.regions out of the manifest, which leaves the regions as they are, and then write it with what Azure has. | interval",
        ),
        (
            "otherwise, and nobody's: taken over first",
            decide(&wanting(everywhere(), &nobodys)),
            "False Updating working | -> take over the registry models, which exists | now",
        ),
        (
            "otherwise, and only observed",
            decide(&wanting(everywhere(), &|f| f.situation.mode = Mode::Observe)),
            "True Observed settled | The registry is there; Bindery leaves it as it is. | interval",
        ),
    ]);
    let observed = decide(&wanting(everywhere(), &|f| f.situation.mode = Mode::Observe));
    let fields: Vec<String> = observed.status.drift.into_iter().map(|d| d.field).collect();
    assert_eq!(
        fields,
        ["regions[eastus].storage.accountType", "regions[eastus].storage.hierarchicalNamespace"]
    );
}
