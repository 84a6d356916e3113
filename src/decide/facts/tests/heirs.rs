//! Who inherits from an owner, and what is known of the owner.

use super::*;

#[test]
fn an_heir_is_one_whatever_happens_to_its_place_and_a_stranger_gets_no_claim_by_a_place_of_its_own() {
    let prod = json!({"workspaceRef": {"name": "prod", "namespace": "fares"}});
    let version = |namespace: &str, name: &str| version(namespace, name, "taxi", &prod);
    let (ours, heir, stranger) =
        (version("fares", "ours"), version("fares", "heir"), version("blue", "stranger"));
    let everybody = json!({"publishers": [{"name": "all", "namespaces": {"from": "All"}}]});
    let mut cluster = Cluster::with(&everybody, &[ours.clone(), heir, stranger]);
    let of = |cluster: &Cluster| -> Vec<String> {
        let (claimants, _) = cluster.known(|known| claimants_of(&*ours, known));
        claimants.into_iter().map(|c| c.name).collect()
    };
    assert_eq!(of(&cluster), ["fares/heir", "blue/stranger"]);
    let before = cluster.0.clone();
    for object in &mut cluster.0 {
        if let AnyObject::Workspace(workspace) = object {
            *workspace = going(&**workspace, true);
        }
    }
    assert_eq!(of(&cluster), ["fares/heir"], "a place that is held while it goes is no way in either");
    cluster.0 = before;
    for object in &mut cluster.0 {
        if let AnyObject::Workspace(workspace) = object {
            let mut contested = Workspace::clone(workspace);
            let condition = json!({
                "type": "Ready", "status": "False", "reason": "Conflict", "message": "",
                "lastTransitionTime": "2026-03-01T12:00:00Z",
            });
            let status = json!({"observedGeneration": 1, "conditions": [condition]});
            contested.status = Some(serde_json::from_value(status).unwrap());
            *workspace = Arc::new(contested);
        }
    }
    assert_eq!(of(&cluster), ["fares/heir"]);
}

/// What `fares/ours` knows of the owner that the tag of its version in Azure names.
fn tagged(
    tag: &str,
    all: &[Arc<ModelVersion>],
    let_go: &str,
    absent: Option<&(Owner, Timestamp)>,
) -> Situation {
    let prod = json!({"workspaceRef": {"name": "prod", "namespace": "fares"}});
    let ours = version("fares", "ours", "taxi", &prod);
    let cluster = Cluster::new(&json!({"from": "All"}), all);
    let tags = [("bindery-owner".to_string(), tag.to_string())].into();
    let noon = crate::decide::fixtures::noon();
    let mut known = Known::nothing(Lane::Routine, false, Served::everything());
    loop {
        let mut situation = crate::decide::fixtures::situation("fares/ours");
        (situation.now, situation.ownership.absent) = (noon, absent.cloned());
        situation.read_tags(&*ours, Some(&tags), &mut known);
        let wanted = known.wants().cluster;
        if wanted.is_empty() {
            return situation;
        }
        for read in wanted {
            let found = match &read {
                ClusterRead::LetGo(key) => Found::LetGo(&*key.name == let_go),
                ClusterRead::Owner(key) if &*key.name == "illegible" => Found::Unreadable,
                other => cluster.find(other),
            };
            known.take_in_cluster(read, found);
        }
    }
}

#[test]
fn what_is_known_of_the_owner_that_a_tag_names() {
    let prod = json!({"workspaceRef": {"name": "prod", "namespace": "fares"}});
    let going = |holds: bool| going(&*version("fares", "going", "taxi", &prod), holds);
    // It made our resource, and its workspace has been made again for another one.
    let led_away = || {
        let mut it = ModelVersion::clone(&version(
            "fares",
            "led-away",
            "taxi",
            &json!({"workspaceRef": {"name": "dev"}}),
        ));
        let id = ResourceId::workspace("s", "rg", "prod").model_version("taxi", "1");
        it.status =
            Some(serde_json::from_value(json!({"observedGeneration": 1, "id": id.to_string()})).unwrap());
        Arc::new(it)
    };
    let all = |holds| {
        vec![
            version("fares", "same", "taxi", &prod),
            version("fares", "other", "fare", &prod),
            led_away(),
            // Its workspace is not there, as in the midst of a restore.
            version("blue", "may-be", "taxi", &json!({"workspaceRef": {"name": "not-yet"}})),
            going(holds),
        ]
    };
    let of = |tag: &str| tagged(tag, &all(true), "", None).ownership.tagged.unwrap();
    let standing = |tag: &str| match of(tag) {
        Tagged::Other(_, standing) => standing,
        other => panic!("{tag} is {other:?}"),
    };
    assert_eq!(of("prod/fares/ours"), Tagged::Us);
    assert_eq!([of("other/fares/ours"), of("")], [Tagged::NoneOfThisCluster, Tagged::NoneOfThisCluster]);
    assert_eq!(standing("prod/fares/same"), Standing::Lives { going: false });
    assert_eq!(standing("prod/fares/other"), Standing::Elsewhere);
    assert_eq!(standing("prod/fares/led-away"), Standing::Lives { going: false });
    assert_eq!(standing("prod/blue/may-be"), Standing::Lives { going: false });
    assert_eq!(standing("prod/fares/going"), Standing::Lives { going: true });
    // What cannot be read is there all the same, and keeps what is its own.
    assert_eq!(standing("prod/fares/illegible"), Standing::Lives { going: false });
    // Whom no finalizer of ours holds has done what it had to do.
    let gone = tagged("prod/fares/going", &all(false), "", None);
    assert!(matches!(gone.ownership.tagged, Some(Tagged::Other(_, Standing::LetGo))));
    // While the finalizer holds the owner, what it owns is inherited from it.
    let leaving = |holds: bool| tagged("prod/fares/going", &all(holds), "", None).ownership.leaving;
    assert_eq!((leaving(true), leaving(false)), (vec!["fares/going".to_string()], vec![]));
    let gone = tagged("prod/fares/gone", &[], "gone", None);
    assert!(matches!(gone.ownership.tagged, Some(Tagged::Other(_, Standing::LetGo))));

    // An absence is counted from when it was first seen, and of each owner for itself.
    let noon = crate::decide::fixtures::noon();
    let first = tagged("prod/fares/gone", &[], "", None).ownership.absent;
    assert_eq!(first, Some((Owner::new("prod", "fares/gone"), noon)));
    let before = (Owner::new("prod", "fares/gone"), Timestamp::UNIX_EPOCH);
    assert_eq!(tagged("prod/fares/gone", &[], "", Some(&before)).ownership.absent, Some(before.clone()));
    let other = tagged("prod/fares/another", &[], "", Some(&before)).ownership.absent;
    assert_eq!(other, Some((Owner::new("prod", "fares/another"), noon)));
    assert_eq!(tagged("prod/fares/same", &all(true), "", Some(&before)).ownership.absent, None);
}

#[test]
fn an_heir_knows_the_keys_of_the_owner_before_it_inherits() {
    let dev = json!({"workspaceRef": {"name": "dev"}});
    let with_keys = |name: &str, keys: &[&str], going: bool| {
        let mut it = ModelVersion::clone(&version("fares", name, "taxi", &dev));
        it.metadata.finalizers = Some(vec![crate::api::FINALIZER.to_string()]);
        if going {
            it.metadata.deletion_timestamp =
                Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(Timestamp::UNIX_EPOCH));
        }
        let status = json!({"observedGeneration": 1, "ownedTags": keys});
        it.status = Some(serde_json::from_value(status).unwrap());
        Arc::new(it)
    };
    let owner = with_keys("old", &["a", "b"], true);
    for (keys, prepared) in [(&["b"][..], false), (&["a", "b", "c"], true)] {
        let new = with_keys("new", keys, false);
        let cluster = Cluster::new(&json!({"from": "Same"}), &[owner.clone(), new.clone()]);
        let (claimants, _) = cluster.known(|known| claimants_of(&*owner, known));
        assert_eq!(claimants.iter().map(|c| c.prepared).collect::<Vec<_>>(), [prepared], "{keys:?}");
        let (heir, _) =
            cluster.known(|known| heir(&*new, &rivals(&*new, known)).map(|it| it.current().owned_tags));
        assert_eq!(heir.unwrap(), if prepared { vec!["a", "b", "c"] } else { vec!["a", "b"] });
    }
    // Nothing is inherited from an owner that stays.
    let (stays, new) = (with_keys("old", &["a", "b"], false), with_keys("new", &["b"], false));
    let cluster = Cluster::new(&json!({"from": "Same"}), &[stays, new.clone()]);
    let (heir, _) = cluster.known(|known| heir(&*new, &rivals(&*new, known)).is_some());
    assert!(!heir);
}

#[test]
fn the_heir_of_an_endpoint_knows_what_is_the_owners_there() {
    let status = |keys: &[&str], setting: &str, deployment: &str| -> crate::api::DeploymentBindingStatus {
        serde_json::from_value(json!({
            "observedGeneration": 1, "ownedTags": keys, "autoscale": [{"deployment": setting, "id": format!("/{setting}")}],
            "ownedDeploymentTags": {deployment: keys},
        }))
        .unwrap()
    };
    let mut heir = status(&["a"], "v1", "v1");
    DeploymentBinding::inherit(&mut heir, &status(&["b"], "v2", "v1"));
    DeploymentBinding::inherit(&mut heir, &status(&["b"], "v2", "v2"));
    let keys = |all: &[&str]| all.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(heir.owned_tags, keys(&["a", "b"]));
    assert_eq!(heir.autoscale.iter().map(|it| it.deployment.as_str()).collect::<Vec<_>>(), ["v1", "v2"]);
    let of = [("v1".to_string(), keys(&["a", "b"])), ("v2".to_string(), keys(&["b"]))];
    assert_eq!(heir.owned_deployment_tags, of.into());
}
