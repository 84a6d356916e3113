use super::*;
use crate::api::{LineageRequirement, Reference};
use crate::decide::fixtures::{model_version, noon, ready, registry, workspace};

const READY: &str = "ready";
const UNSEEN: &str = "not ready: it was not looked at yet.";
const WELL: &str = "not ready: All is well.";
const STUCK: &str = "not ready: It is stuck.";
const GOING: &str = "not ready: it is being deleted, so nothing new begins in it.";

fn in_words(of: &Place) -> String {
    match of {
        Place::Ready { location, .. } if location == "eastus" => READY.into(),
        Place::NotReady { because, .. } => format!("not ready: {because}"),
        Place::Closed { because, .. } => format!("closed: {because}"),
        other => format!("{other:?}"),
    }
}

fn stuck(reason: Reason) -> Vec<Condition> {
    let mut conditions = conditions_of(&ready());
    for kind in [ConditionType::Ready, ConditionType::Stalled] {
        conditions.set(kind, Some(kind != ConditionType::Ready), reason, "It is stuck.", 1, noon());
    }
    conditions.into_vec()
}

#[test]
fn a_registry_is_ready_when_its_clients_can_find_it() {
    let of = |deleting: bool, change: fn(&mut RegistryStatus)| {
        let mut status = RegistryStatus {
            conditions: ready(),
            discovery_url: Some("https://models.example".into()),
            ..RegistryStatus::default()
        };
        change(&mut status);
        let facts = registry();
        in_words(&Place::registry("it".into(), facts.id, &facts.spec, &status, deleting))
    };
    assert_eq!(of(false, |_| ()), READY);
    assert_eq!(of(false, |s| s.conditions.clear()), READY, "while it is being changed, too");
    assert_eq!(of(false, |s| s.discovery_url = None), WELL);
    assert_eq!(of(false, |s| *s = RegistryStatus::default()), UNSEEN);
    assert_eq!(of(false, |s| s.conditions = stuck(Reason::Refused)), STUCK);
    assert_eq!(of(true, |_| ()), GOING);
    assert_eq!(
        of(false, |s| s.conditions = stuck(Reason::RegionRemovalRefused)),
        READY,
        "nobody has to wait for that"
    );
}

/// Whoever refers to a place hears that its identity fails, and only its own namespace hears whose that is.
#[test]
fn of_the_identity_of_a_place_other_namespaces_hear_nothing() {
    let told = |reason: Reason, home: &str| {
        let facts = registry();
        let status = RegistryStatus {
            conditions: stuck(reason),
            discovery_url: Some("https://models.example".into()),
            ..RegistryStatus::default()
        };
        let place = Place::registry("it".into(), facts.id, &facts.spec, &status, false);
        in_words(&place.told_to(home, "platform", &status.conditions))
    };
    let nothing = "not ready: Azure does not let its identity in. Its owner sees in its status why.";
    for reason in [Reason::Unauthorized, Reason::CredentialFailed] {
        assert_eq!(told(reason, "fares"), nothing);
        assert_eq!(told(reason, "platform"), STUCK);
    }
    assert_eq!(told(Reason::Refused, "fares"), STUCK);
}

#[test]
fn a_workspace_is_ready_when_it_was_found() {
    let of = |deleting: bool, change: fn(&mut WorkspaceStatus)| {
        let mut status = WorkspaceStatus {
            conditions: ready(),
            location: Some("eastus".into()),
            ..WorkspaceStatus::default()
        };
        change(&mut status);
        let facts = workspace();
        let policy = Policy { lineage: Some(LineageRequirement::Named), ..Policy::default() };
        let place = Place::workspace("it".into(), facts.id, policy.clone(), &status, deleting);
        assert!(!matches!(&place, Place::Ready { policy: kept, .. } if *kept != policy));
        in_words(&place)
    };
    assert_eq!(of(false, |_| ()), READY);
    assert_eq!(of(false, |s| s.location = None), WELL);
    assert_eq!(of(false, |s| *s = WorkspaceStatus::default()), UNSEEN);
    assert_eq!(of(false, |s| s.conditions = stuck(Reason::Refused)), STUCK);
    assert_eq!(of(false, |s| s.conditions = stuck(Reason::Conflict)), "closed: It is stuck.");
    assert_eq!(of(true, |_| ()), "closed: it is being deleted, so nothing new begins in it.");
}

#[test]
fn a_version_is_ready_when_it_is_registered() {
    let of = |deleting: bool, change: fn(&mut ModelVersionStatus)| {
        let mut facts = model_version();
        facts.spec.workspace_ref = None;
        facts.spec.registry_ref = Some(Reference { name: "models".into(), namespace: None });
        let mut conditions = conditions_of(&ready());
        conditions.set(
            ConditionType::Registered,
            Some(true),
            Reason::Succeeded,
            "It is registered.",
            1,
            noon(),
        );
        let mut status = ModelVersionStatus {
            conditions: conditions.into_vec(),
            id: Some(ResourceId::registry("s", "rg", "models").model_version("taxi", "3").to_string()),
            asset_id: Some("azureml://registries/models/models/taxi/versions/3".into()),
            ..ModelVersionStatus::default()
        };
        change(&mut status);
        let place = ResourceId::registry("s", "rg", "models");
        match SourceVersion::of(
            "it".into(),
            Some((Ok(Principal::Operator), place.clone())),
            &facts.spec,
            status,
            deleting,
        ) {
            SourceVersion::Ready { registry, model, version, .. } => {
                format!("{} {model}:{version}", registry.unwrap_or_default())
            }
            SourceVersion::NotReady { because, registered: None, .. } => format!("not ready: {because}"),
            SourceVersion::NotReady { because, registered: Some((asset, version)), .. } => {
                assert_eq!(
                    (asset.as_str(), version.as_str()),
                    ("azureml://registries/models/models/taxi/versions/3", "3")
                );
                format!("not ready, and registered: {because}")
            }
            missing => format!("{missing:?}"),
        }
    };
    assert_eq!(of(false, |_| ()), "models taxi:3");
    assert_eq!(of(false, |s| s.conditions.retain(|c| c.type_ != "Registered")), WELL);
    assert_eq!(
        of(false, |s| s
            .conditions
            .extend(stuck(Reason::Refused).into_iter().filter(|c| c.type_ == "Stalled"))),
        "not ready, and registered: All is well."
    );
    assert_eq!(of(false, |s| s.asset_id = None), WELL);
    assert_eq!(
        of(false, |s| s.id = Some("/subscriptions/s/x".into())),
        "models taxi:3",
        "nobody believes it"
    );
    assert_eq!(of(false, |s| *s = ModelVersionStatus::default()), UNSEEN);
    assert_eq!(of(true, |_| ()), "not ready, and registered: All is well.");
}

/// While a place is not there or not ready, nothing is read of it but to let an object go.
#[test]
fn what_is_in_a_place_is_read_where_it_is_ready() {
    let id = ResourceId::workspace("s", "rg", "prod");
    let ready = Place::Ready { id, location: "eastus".into(), policy: Policy::default() };
    let missing = Place::Missing { what: "Workspace fares/prod".into() };
    let read = |place: &Place| [false, true].map(|deleting| place.may_be_read(deleting));
    assert_eq!((read(&ready), read(&missing)), ([true, true], [false, true]));
    let lost = |place: &Place| {
        [Ok(Principal::Operator), Err("No.".to_string())].map(|acting| place.is_lost(&acting))
    };
    assert_eq!((lost(&ready), lost(&missing)), ([false, false], [false, true]));
}
