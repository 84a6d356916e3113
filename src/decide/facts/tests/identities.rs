//! As whom a place is read and changed, and whose word that is.

use super::*;

#[test]
fn whom_no_identity_serves_reads_nothing_and_claims_nothing() {
    let allowed = r#"[{"namespaces": ["fares"], "subscriptions": ["*"], "resourceGroups": ["other"]}]"#;
    let azure = json!({"subscriptionId": "s", "resourceGroup": "rg"});
    let workspace = |namespace| {
        made::<Workspace>(namespace, "prod", &json!({"azure": azure, "allowedNamespaces": {"from": "All"}}))
    };
    let registry = made::<Registry>("fares", "models", &json!({"azure": azure, "location": "eastus"}));
    let objects: Vec<AnyObject> =
        vec![workspace("fares").any(), workspace("blue").any(), registry.clone().any()];
    let mut asked: Vec<String> = vec![];
    for (served, reads) in [(Served::parse(allowed).unwrap(), false), (Served::everything(), true)] {
        let cluster = Cluster(objects.clone(), Watched::all());
        let moment = moment(false);
        let mut known = Known::nothing(Lane::Routine, false, served);
        loop {
            gather(&*workspace("fares"), &moment, &mut known);
            gather(&*registry, &moment, &mut known);
            let it = version("fares", "v", "taxi", &json!({"workspaceRef": {"name": "prod"}}));
            gather(&*it, &moment, &mut known);
            let wanted = known.wants();
            if wanted.cluster.is_empty() {
                asked = wanted.azure.iter().map(|read| format!("{:?}", read.what)).collect();
                break;
            }
            for read in wanted.cluster {
                let found = cluster.find(&read);
                known.take_in_cluster(read, found);
            }
        }
        assert_eq!(!asked.is_empty(), reads, "{asked:?}");
        // Nobody is put into conflict by a place that no identity serves.
        assert_eq!(workspace("blue").let_in(&mut known) == Some(Right::Granted), reads);
    }
}

/// As whom an object acts, and as whom it is read.
fn whose<K: Kind>(object: &K, cluster: &Cluster) -> (String, Vec<String>) {
    let (acting, _) = cluster.known(|known| gather(object, &moment(false), known).situation().acting.clone());
    let mut known = Known::nothing(Lane::Routine, false, Served::everything());
    let asked = loop {
        gather(object, &moment(false), &mut known);
        let wanted = known.wants();
        if wanted.cluster.is_empty() {
            break wanted.azure.iter().map(|read| read.errand.principal.to_string()).collect();
        }
        for read in wanted.cluster {
            let found = cluster.find(&read);
            known.take_in_cluster(read, found);
        }
    };
    (acting.map_or_else(|why| why, |who| who.to_string()), asked)
}

/// As whom each place of the cluster acts, and what is in it is read.
#[test]
fn what_is_in_a_place_is_read_as_the_place() {
    let azure = json!({"subscriptionId": "s", "resourceGroup": "rg"});
    let with = |account: &str| {
        json!({"azure": azure, "location": "eastus", "allowedNamespaces": {"from": "All"},
        "credentials": {"serviceAccountName": account}})
    };
    let own = made::<Workspace>("fares", "own", &json!({"azure": azure}));
    let dev = made::<Workspace>("fares", "dev", &with("dev"));
    let models = made::<Registry>("platform", "models", &with("models"));
    let in_dev = json!({"workspaceRef": {"name": "dev"}});
    let trained = version("fares", "trained", "taxi", &in_dev);
    let promotion = json!({"registryRef": {"name": "models", "namespace": "platform"},
        "source": {"modelVersionRef": {"name": "trained"}}});
    let promoted = version("fares", "promoted", "taxi", &promotion);
    let from_blue =
        version("blue", "other", "taxi", &json!({"workspaceRef": {"name": "dev", "namespace": "fares"}}));
    let lost = version("fares", "lost", "taxi", &json!({"workspaceRef": {"name": "nowhere"}}));
    let objects = [
        own.clone().any(),
        dev.clone().any(),
        models.clone().any(),
        trained.clone().any(),
        promoted.clone().any(),
        from_blue.clone().any(),
        lost.clone().any(),
    ];
    let cluster = Cluster(objects.to_vec(), Watched::all());
    let place =
        |account: &str| (format!("service account {account}"), vec![format!("service account {account}")]);
    let operator = "the operator's own identity".to_string();
    assert_eq!(whose(&*own, &cluster), (operator.clone(), vec![operator.clone()]));
    assert_eq!(whose(&*dev, &cluster), place("fares/dev"));
    assert_eq!(whose(&*models, &cluster), place("platform/models"));
    // Of a version it is its place's, in whatever namespace that is; what is not ready is not looked into.
    assert_eq!(whose(&*trained, &cluster).0, "service account fares/dev");
    assert_eq!(whose(&*promoted, &cluster).0, "service account platform/models");
    assert_eq!(whose(&*from_blue, &cluster).0, "service account fares/dev");
    // Of a place that is gone nobody knows the account.
    assert_eq!(whose(&*lost, &cluster).0, operator);
}

/// An identity of one's own gives a claim to what it may read, and to nothing else.
#[test]
fn whom_azure_does_not_let_in_claims_nothing() {
    let azure = json!({"subscriptionId": "s", "resourceGroup": "rg"});
    let workspace = |credentials: bool, seen: bool, reason: Reason| {
        let mut it = made::<Workspace>("fares", "prod", &json!({"azure": azure}));
        let workspace = Arc::make_mut(&mut it);
        workspace.spec.credentials =
            credentials.then(|| serde_json::from_value(json!({"serviceAccountName": "a"})).unwrap());
        let said = json!({"type": "Ready", "status": "False", "reason": reason.to_string(), "message": "",
            "lastTransitionTime": "2026-03-01T12:00:00Z"});
        let status =
            json!({"observedGeneration": 1, "workspaceId": seen.then_some("guid"), "conditions": [said]});
        workspace.status = Some(serde_json::from_value(status).unwrap());
        it
    };
    for (credentials, seen, reason, claims) in [
        (true, true, Reason::Succeeded, true),
        (true, true, Reason::Conflict, true),
        (true, true, Reason::Unreachable, true),
        (true, false, Reason::Unreachable, false),
        (true, true, Reason::Unauthorized, false),
        (true, true, Reason::CredentialFailed, false),
        (true, true, Reason::NotInAzure, false),
        // Where the operator's own identity serves, an administrator has listed the place.
        (false, false, Reason::Unauthorized, true),
    ] {
        let mut known = Known::nothing(Lane::Routine, false, Served::everything());
        let may = workspace(credentials, seen, reason).let_in(&mut known);
        assert_eq!(may == Some(Right::Granted), claims, "{credentials} {seen} {reason:?}");
    }
}

/// Of a copy in a registry that no tag says the owner of, Azure says who made it.
#[test]
fn a_copy_is_known_by_who_made_it() {
    use crate::azure::model::{Answer, Ask};

    let azure = json!({"subscriptionId": "s", "resourceGroup": "rg"});
    let place = |account: &str| json!({"azure": azure, "location": "eastus", "credentials": {"serviceAccountName": account}});
    let mut dev = made::<Workspace>("fares", "dev", &place("dev"));
    let ready = serde_json::to_value(crate::decide::fixtures::ready()).unwrap();
    let status =
        json!({"observedGeneration": 1, "location": "eastus", "workspaceId": "guid", "conditions": ready});
    Arc::make_mut(&mut dev).status = Some(serde_json::from_value(status).unwrap());
    let mut models = made::<Registry>("fares", "models", &place("models"));
    let status = json!({"observedGeneration": 1, "discoveryUrl": "https://x", "conditions": ready});
    Arc::make_mut(&mut models).status = Some(serde_json::from_value(status).unwrap());
    let mut source = version("fares", "source", "taxi", &json!({"workspaceRef": {"name": "dev"}}));
    let registered = json!([{"type": "Registered", "status": "True", "reason": "Succeeded", "message": "", "lastTransitionTime": "2026-03-01T12:00:00Z"}]);
    let status = json!({"observedGeneration": 1, "assetId": "x", "conditions": registered});
    Arc::make_mut(&mut source).status = Some(serde_json::from_value(status).unwrap());
    let promotion =
        json!({"registryRef": {"name": "models"}, "source": {"modelVersionRef": {"name": "source"}}});
    let copy = version("fares", "copy", "taxi", &promotion);
    let cluster = Cluster(vec![dev.any(), models.any(), source.any(), copy.clone().any()], Watched::all());
    let look = |created_by: &str, tags: Value| {
        let mut known = Known::nothing(Lane::Routine, false, Served::default());
        let mut asked = vec![];
        loop {
            let facts = gather(&*copy, &moment(false), &mut known);
            let wanted = known.wants();
            if wanted == Wanted::default() {
                return (facts.copied_by_us, asked);
            }
            for read in wanted.cluster {
                let found = cluster.find(&read);
                known.take_in_cluster(read, found);
            }
            for read in wanted.azure {
                let answer = match &read.what {
                    Ask::Names => {
                        asked.push(read.errand.principal.to_string());
                        Answer::Names(Ok(vec!["oid".into(), "appid".into()]))
                    }
                    _ => Answer::Resource(Ok(Some(json!({"systemData": {"createdBy": created_by},
                        "properties": {"tags": tags}})))),
                };
                known.take_in_azure(read, answer);
            }
        }
    };
    let ours = |created_by: &str, owner: &str| look(created_by, json!({"bindery-owner": owner}));
    let described = |created_by: &str| look(created_by, json!({"team": "somebody"})).0;
    assert!(look("appid", json!({})).0);
    // It is the identity of the source's place that publishes.
    assert_eq!(ours("appid", "other/x/y"), (true, vec!["service account fares/dev".to_string()]));
    assert!(!ours("Ada", "other/x/y").0);
    assert!(!described("appid"), "what somebody has described is theirs");
    assert_eq!(ours("appid", "prod/fares/copy"), (false, vec![]), "its tag says that it is ours");
}

/// A promotion lets two places act, and lends the identity of neither to anybody.
#[test]
fn the_identity_of_a_place_publishes_only_where_it_may() {
    use crate::decide::places::reference::refuses_to_publish;

    let azure = |name: &str| json!({"subscriptionId": "s", "resourceGroup": "rg", "name": name});
    let place = |name: &str, account: Option<&str>, more: Value| {
        let mut spec =
            json!({"azure": azure(name), "location": "eastus", "allowedNamespaces": {"from": "All"}});
        if let Some(account) = account {
            spec["credentials"] = json!({"serviceAccountName": account});
        }
        spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        spec
    };
    let open = json!({"publishers": [{"name": "all", "namespaces": {"from": "All"}}]});
    let served = Served::parse(
        r#"[{"namespaces": ["ml"], "subscriptions": ["*"]}, {"namespaces": ["listed"], "subscriptions": ["*"]}]"#,
    )
    .unwrap();
    // (workspace: namespace, account, publishers), (registry: namespace, account) -> why not, for an object of `fares`.
    let of = |from: (&str, Option<&str>, &Value), into: (&str, Option<&str>)| {
        let dev = made::<Workspace>(from.0, "dev", &place("dev", from.1, from.2.clone()));
        let models = made::<Registry>(into.0, "models", &place("models", into.1, json!({})));
        let source = version(
            "fares",
            "source",
            "taxi",
            &json!({"workspaceRef": {"name": "dev", "namespace": from.0}}),
        );
        let cluster = Cluster(vec![dev.any(), models.any(), source.any()], Watched::all());
        let reference = |name: &str, namespace: &str| crate::api::Reference {
            name: name.into(),
            namespace: Some(namespace.into()),
        };
        let mut known = Known::nothing(Lane::Routine, false, served.clone());
        loop {
            let refused = refuses_to_publish(
                &reference("source", "fares"),
                &reference("models", into.0),
                "fares",
                &mut known,
            );
            let wanted = known.wants().cluster;
            if wanted.is_empty() {
                return refused.map(|(reason, _)| reason);
            }
            for read in wanted {
                let found = cluster.find(&read);
                known.take_in_cluster(read, found);
            }
        }
    };
    let no = Some(Reason::IdentityNotAllowed);
    let none = json!({});
    // Of the platform's places, both: with any accounts.
    assert_eq!(of(("ml", None, &open), ("ml", None)), None);
    assert_eq!(of(("ml", Some("dev"), &open), ("ml", Some("models"))), None);
    // Into a registry that somebody declares in a namespace of their own, only where the administrator lists that.
    assert_eq!(of(("ml", None, &open), ("fares", Some("mine"))), no);
    assert_eq!(of(("ml", Some("dev"), &open), ("fares", Some("mine"))), no);
    assert_eq!(of(("ml", None, &open), ("listed", None)), None);
    assert_eq!(of(("ml", None, &open), ("listed", Some("mine"))), None);
    // An own identity may be used for whatever it may do.
    assert_eq!(of(("fares", Some("mine"), &none), ("ml", None)), None);
    // Whoever only looks at a workspace promotes nothing from it.
    assert_eq!(of(("ml", None, &none), ("ml", None)), Some(Reason::NotAPublisher));
}

#[test]
fn a_registry_that_only_observes_anothers_gives_nobody_a_right() {
    let azure = json!({"subscriptionId": "s", "resourceGroup": "rg", "name": "models"});
    let registry = |namespace: &str, name: &str, management: &str| {
        let spec = json!({"azure": azure, "location": "eastus", "management": management});
        made::<Registry>(namespace, name, &spec)
    };
    let version = version("fares", "v", "taxi", &json!({"registryRef": {"name": "mine"}}));
    for (mine, theirs, may) in
        [("Observe", "Manage", false), ("Observe", "Observe", true), ("Manage", "Manage", true)]
    {
        let theirs = registry("ml", "models", theirs);
        let objects =
            vec![registry("fares", "mine", mine).any(), theirs.clone().any(), version.clone().any()];
        let cluster = Cluster(objects, Watched::all());
        let mut known = Known::nothing(Lane::Routine, false, Served::everything());
        let right = loop {
            let right = version.let_in(&mut known);
            let wanted = known.wants().cluster;
            if wanted.is_empty() {
                break right;
            }
            for read in wanted {
                let found = cluster.find(&read);
                known.take_in_cluster(read, found);
            }
        };
        assert_eq!(right == Some(Right::Granted), may, "{mine} {right:?}");
    }
}

/// Whoever may read a workspace in Azure with an account of their own puts no place into conflict that an administrator lists.
#[test]
fn what_is_listed_comes_before_what_somebodys_account_can_read() {
    let azure = json!({"subscriptionId": "s", "resourceGroup": "rg", "name": "prod"});
    let place = |namespace: &str, own: bool| {
        let mut it = made::<Workspace>(namespace, "prod", &json!({"azure": azure}));
        let workspace = Arc::make_mut(&mut it);
        workspace.spec.credentials =
            own.then(|| serde_json::from_value(json!({"serviceAccountName": "a"})).unwrap());
        workspace.status =
            Some(serde_json::from_value(json!({"observedGeneration": 1, "workspaceId": "guid"})).unwrap());
        it
    };
    for (ours, theirs, namespace, contested) in [
        (false, true, "theirs", false),
        (true, false, "theirs", true),
        (true, true, "theirs", true),
        (false, false, "theirs", true),
        (false, true, "ours", true),
    ] {
        let (ours, theirs) = (place("ours", ours), place(namespace, theirs));
        let mut known = Known::nothing(Lane::Routine, false, Served::everything());
        let claimants = claimants(&*ours, &[theirs], &mut known);
        assert_eq!(!claimants.is_empty(), contested, "{namespace} {:?}", ours.spec.credentials);
    }
}
