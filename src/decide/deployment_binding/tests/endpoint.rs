//! What has to be there first, and the endpoint.

use serde_json::json;

use crate::api::{BindingDeletion, LineageRequirement, Online, Role};
use crate::azure::model::{Action, Class, Purpose, ResourceId};
use crate::decide::deployment_binding::Facts;
use crate::decide::fixtures::{Binding, assert_table, binding, operation, registry_as_source, short};
use crate::decide::places::Policy;
use crate::decide::{Look, Mode, Place, SourceVersion};

#[test]
fn a_rollout_that_stands_does_not_progress() {
    let progressing = |it: Binding| {
        let status = it.decide().status;
        let condition = status.conditions.into_iter().find(|c| c.type_ == "Progressing").unwrap();
        let phase = status.phase.map_or("no phase".to_string(), |phase| format!("{phase:?}"));
        format!("{} {}, {phase}", condition.status, condition.reason)
    };
    let foreign = || binding().endpoint().tagged("bindery-owner", "other/a/b");
    let observed = |f: &mut Facts| f.situation.mode = Mode::Observe;
    let table = vec![
        ("it goes on", binding().endpoint(), "True Progressing, Pending"),
        ("another's endpoint", foreign(), "False OwnedByAnother, no phase"),
        (
            "suspended",
            binding().serving("1").wanting("2").with(|f| f.situation.mode = Mode::Suspended),
            "False Suspended, Serving",
        ),
        ("observed", binding().serving("1").wanting("2").with(observed), "False Observed, Serving"),
        ("arrived", binding().serving("1"), "False Succeeded, Serving"),
        (
            "it waits for an heir, and its version is gone",
            binding().serving("1").with(|f| {
                f.version = SourceVersion::Missing { what: "ModelVersion fares/taxi-1".into() };
                (f.situation.deleting, f.situation.deleted_at) = (true, Some(f.situation.now));
            }),
            "False AwaitingHeir, Deleting",
        ),
    ];
    for (what, it, expected) in table {
        assert_eq!(progressing(it), expected, "{what}");
    }
}

#[test]
fn an_endpoint_stays_where_it_was_made() {
    let led_away = |it: Binding| {
        let there = ResourceId::workspace("s", "rg", "elsewhere").child("onlineEndpoints", "taxi");
        it.with(|f| f.led_away = Some(there))
    };
    let going = |policy| {
        led_away(binding().serving("1")).with(|f| {
            f.situation.deleting = true;
            f.spec.deletion_policy = policy;
        })
    };
    let here = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.MachineLearningServices/workspaces";
    let said = |otherwise: &str| {
        format!(
            "False Unchangeable stalled | spec.workspaceRef now means {here}/elsewhere, and the endpoint of this object is {here}/production/onlineEndpoints/taxi. Put back the reference, or the place that it names; {otherwise}. | interval"
        )
    };
    assert_table(&[
        (
            "it serves, and the reference means another workspace",
            led_away(binding().serving("1").wanting("2")).decide(),
            &said("or make a new DeploymentBinding there"),
        ),
        (
            "the same, and it is to be deleted",
            going(BindingDeletion::Delete).decide(),
            &said("or set spec.deletionPolicy to Retain to leave the endpoint where it is"),
        ),
    ]);
    assert!(going(BindingDeletion::Retain).decide().release);
}

#[test]
fn a_manifest_of_a_later_version_is_not_guessed_at() {
    let it = binding().with(|f| {
        f.spec.online = Online::default();
        (f.id, f.endpoint) = (None, Look::Unseen);
    });
    let said = "The manifest gives neither spec.online nor spec.batch: it was written for a later version of Bindery than the one that runs. Update the operator.";
    assert_table(&[("no online", it.decide(), &format!("False Unchangeable stalled | {said} | interval"))]);
    let goes = it.with(|f| f.situation.deleting = true);
    assert_table(&[(
        "it goes, and nobody knows what it made",
        goes.clone().decide(),
        &format!("False Unchangeable stalled | {said} | interval"),
    )]);
    assert!(goes.with(|f| f.spec.deletion_policy = BindingDeletion::Retain).decide().release);
}

#[test]
fn what_has_to_be_there_first() {
    let not_ready = Place::NotReady {
        what: "Workspace fares/production".into(),
        because: "No.".into(),
        stalled: false,
        gone: false,
    };
    let missing = SourceVersion::Missing { what: "ModelVersion fares/taxi-1".into() };
    let unready = SourceVersion::NotReady {
        what: "ModelVersion fares/taxi-1".into(),
        because: "No.".into(),
        stalled: false,
        registered: None,
    };
    let policy = |change: fn(&mut Policy)| {
        binding().endpoint().with(|f| {
            let Place::Ready { policy, .. } = &mut f.place else { unreachable!() };
            change(policy);
        })
    };
    assert_table(&[
        (
            "its workspace is missing",
            binding()
                .with(|f| f.place = Place::Missing { what: "Workspace fares/production".into() })
                .decide(),
            "False ReferenceNotFound working | There is no Workspace fares/production, or neither its allowedNamespaces nor its publishers include this namespace. Apply it, or have its owner let this namespace in. | 300 s",
        ),
        (
            "its workspace is in a namespace that is not watched",
            binding().with(|f| f.place = Place::NotWatched { because: "Add it.".into() }).decide(),
            "False NotWatched stalled | Add it. | interval",
        ),
        (
            "the version is in a namespace that is not watched",
            binding().with(|f| f.version = SourceVersion::NotWatched { because: "Add it.".into() }).decide(),
            "False NotWatched stalled | Add it. | interval",
        ),
        (
            "no identity serves its workspace",
            binding()
                .with(|f| {
                    f.place = Place::NotServed {
                        what: "Workspace fares/production".into(),
                        because: "Add it.".into(),
                    };
                    f.endpoint = Look::Unseen;
                })
                .decide(),
            "False IdentityNotAllowed stalled | Workspace fares/production: Add it. | interval",
        ),
        (
            "no identity serves its workspace, and it goes",
            binding()
                .with(|f| {
                    f.place = Place::NotServed {
                        what: "Workspace fares/production".into(),
                        because: "Add it.".into(),
                    };
                    f.endpoint = Look::Unseen;
                    f.situation.deleting = true;
                })
                .decide(),
            "False IdentityNotAllowed stalled | Workspace fares/production: Add it. To delete this object now and leave Azure as it is, set its spec.deletionPolicy to Retain. | interval",
        ),
        (
            "its workspace is not ready",
            binding().with(|f| f.place = not_ready).decide(),
            "False ReferenceNotReady working | Workspace fares/production is not ready: No. | interval",
        ),
        (
            "Azure cannot be read",
            binding()
                .with(|f| {
                    f.endpoint = Look::Unseen;
                    f.situation.unreadable_by(Class::Transient);
                })
                .decide(),
            "Unknown Unreachable working | Bindery could not read it: No. Bindery tries again, at least every 5 min. | 1 s",
        ),
        (
            "the version is missing",
            binding().with(|f| f.version = missing.clone()).decide(),
            "False ReferenceNotFound working | There is no ModelVersion fares/taxi-1, or this namespace may not serve it. Apply it, or have the owner of its registry allow this namespace. | 300 s",
        ),
        (
            "the version is not ready",
            binding().with(|f| f.version = unready.clone()).decide(),
            "False ReferenceNotReady working | ModelVersion fares/taxi-1 is not ready: No. | interval",
        ),
        (
            "the version is not ready, and what had traffic is gone from Azure",
            binding()
                .endpoint()
                .tagged("bindery-traffic", "v1-6e85774a6f=100")
                .with(|f| f.version = unready)
                .decide(),
            "False Drifted working | -> put back traffic of endpoint taxi | now",
        ),
        (
            "its job must be known, and is not",
            policy(|p| p.lineage = Some(LineageRequirement::Named))
                .with(|f| {
                    let SourceVersion::Ready { lineage, .. } = &mut f.version else { unreachable!() };
                    lineage.job = None;
                })
                .decide(),
            "False PolicyRefused stalled | Workspace production serves only versions whose training job is known, and taxi:1 has none. Register it from a job. | interval",
        ),
        (
            "its job must be known, and is",
            policy(|p| p.lineage = Some(LineageRequirement::Named)).decide(),
            "False Progressing working | -> create deployment v1 of taxi:1 | now",
        ),
        (
            "another registry is asked for",
            policy(|p| p.sources = vec![registry_as_source("released")]).decide(),
            "False PolicyRefused stalled | Workspace production serves only versions from released (released), and taxi:1 is in registry models. Promote it there first. | interval",
        ),
        (
            "its registry is allowed, in other letters",
            policy(|p| p.sources = vec![registry_as_source("released"), registry_as_source("MODELS")])
                .decide(),
            "False Progressing working | -> create deployment v1 of taxi:1 | now",
        ),
        (
            "the version went missing: what serves is kept as it is",
            binding().serving("1").with(|f| f.version = missing).moved(&[]).decide(),
            "False Drifted working | -> put back traffic of endpoint taxi | now",
        ),
    ]);
}

const UNADOPTED: &str = "False AdoptionRefused stalled | The endpoint taxi is in Azure already, without the tag bindery-owner that names an owner, and Registry platform/models refuses to have it taken over. Set spec.management to Observe, which only looks, or have spec.adoption of Registry platform/models set to Allow: this object then becomes the owner of what is there. | interval";

/// Its workspace does not let anything be taken over.
fn unadopted(facts: &mut Facts) {
    facts.situation.unadopted();
}

/// Its workspace does not let its namespace make the endpoint.
fn kept_out(facts: &mut Facts) {
    facts.situation.kept_out();
}

#[test]
fn the_endpoint_is_made_taken_over_and_kept() {
    assert_table(&vec![
        (
            "nothing in Azure",
            binding().decide(),
            "False Creating working | -> create the endpoint taxi | now",
        ),
        (
            "observed, and absent",
            binding().with(|f| f.situation.mode = Mode::Observe).decide(),
            "False NotInAzure stalled | There is no endpoint taxi in Azure, and Bindery makes none: spec.management is Observe. Check the name, or let Bindery manage it. | interval",
        ),
        (
            "another cluster's",
            binding().endpoint().tagged("bindery-owner", "other/a/b").decide(),
            "False OwnedByAnother stalled | The endpoint taxi belongs to a/b of cluster other. Delete one of the two bindings, name another endpoint in a new one, or set spec.management to Observe. If that owner is gone for good, remove its tag: az tag update --resource-id /subscriptions/s/resourceGroups/rg/providers/Microsoft.MachineLearningServices/workspaces/production/onlineEndpoints/taxi --operation Delete --tags bindery-owner=other/a/b. | interval",
        ),
        (
            "another cluster's, and only observed",
            binding()
                .serving("1")
                .tagged("bindery-owner", "other/a/b")
                .with(|f| f.situation.mode = Mode::Observe)
                .decide(),
            "True Observed settled | The endpoint taxi is there; Bindery leaves it as it is. | interval",
        ),
        (
            "another cluster's, and only observed, and differs",
            binding()
                .serving("1")
                .tagged("bindery-owner", "other/a/b")
                .with(|f| {
                    f.situation.mode = Mode::Observe;
                    f.spec.online.endpoint.tags = serde_json::from_value(json!({"team": "fares"})).unwrap();
                })
                .decide(),
            "True Observed settled | The endpoint taxi differs from the manifest in endpoint.tags.team. It belongs to a/b of cluster other, and Bindery leaves it as it is: spec.management is Observe. | interval",
        ),
        (
            "another cluster's, and an older binding claims it, too",
            binding()
                .serving("1")
                .tagged("bindery-owner", "other/a/b")
                .with(|f| {
                    f.situation.mode = Mode::Observe;
                    f.situation.claimed_by("fares/older", 60);
                })
                .decide(),
            "True Observed settled | The endpoint taxi is there; Bindery leaves it as it is. | interval",
        ),
        (
            "a binding's of another namespace, which is not watched",
            binding()
                .serving("1")
                .tagged("bindery-owner", "prod/a/b")
                .with(|f| f.situation.ownership.watched = crate::decide::Watched::only(["fares".into()]))
                .decide(),
            "False OwnedByAnother stalled | The endpoint taxi belongs to a/b, which this operator cannot see, because a is not among its --watch-namespaces. Delete one of the two bindings, name another endpoint in a new one, or set spec.management to Observe. If that owner is gone for good, remove its tag: az tag update --resource-id /subscriptions/s/resourceGroups/rg/providers/Microsoft.MachineLearningServices/workspaces/production/onlineEndpoints/taxi --operation Delete --tags bindery-owner=prod/a/b. | interval",
        ),
        (
            "nobody's, and its workspace says nothing of taking over",
            binding().serving("1").tagged("bindery-owner", "").with(unadopted).decide(),
            UNADOPTED,
        ),
        (
            "the same, and it has an identity of its own",
            binding()
                .serving("1")
                .tagged("bindery-owner", "")
                .with(|f| {
                    unadopted(f);
                    let Look::Found(e) = &mut f.endpoint else { unreachable!() };
                    e.identity = serde_json::from_value(json!({"type": "SystemAssigned"})).unwrap();
                })
                .decide(),
            UNADOPTED,
        ),
        (
            "the same, and it is only looked at",
            binding()
                .serving("1")
                .tagged("bindery-owner", "")
                .with(|f| {
                    unadopted(f);
                    f.situation.mode = Mode::Observe;
                })
                .decide(),
            "True Observed settled | The endpoint taxi is there; Bindery leaves it as it is. | interval",
        ),
        (
            "nothing is there, and its workspace says nothing of taking over",
            binding().with(unadopted).decide(),
            "False Creating working | -> create the endpoint taxi | now",
        ),
        (
            "its namespace may make no such endpoint",
            binding().with(kept_out).decide(),
            "False NotAPublisher stalled | Have it added. | interval",
        ),
        (
            "the same, in the middle of a rollout whose step is due",
            binding()
                .steps(json!([{"setTraffic": 10}, {"pause": {"for": "1m"}}]))
                .serving("1")
                .wanting("2")
                .candidate("2", 10, 600)
                .with(kept_out)
                .decide(),
            "False NotAPublisher stalled | Have it added. | interval",
        ),
        (
            "nobody's, and an older binding claims it",
            binding()
                .endpoint()
                .tagged("bindery-owner", "")
                .with(|f| f.situation.claimed_by("fares/older", 60))
                .decide(),
            "False OwnedByAnother stalled | The endpoint taxi belongs to fares/older, which was created earlier. Delete one of the two bindings, name another endpoint in a new one, or set spec.management to Observe. | interval",
        ),
        (
            "handed over by a binding that is gone",
            binding()
                .serving("1")
                .tagged("bindery-owner", "prod/fares/old")
                .with(|f| f.situation.left_by("fares/old", 300))
                .decide(),
            "False Updating working | -> take over the endpoint taxi, which exists | now",
        ),
        (
            "Azure changes it",
            binding()
                .serving("1")
                .with(|f| {
                    let Look::Found(e) = &mut f.endpoint else { unreachable!() };
                    e.properties.provisioning_state = Some("Updating".into());
                    let running = operation(
                        Purpose::Update,
                        "change endpoint.tags.a of endpoint taxi",
                        f.id.as_ref().unwrap(),
                        8,
                        crate::azure::model::OperationState::Running,
                    );
                    f.status.operation.clone_from(&running.remembered);
                    f.situation.operation = running;
                })
                .decide(),
            "False OperationRunning working | Azure works on it: change endpoint.tags.a of endpoint taxi. | 2 s",
        ),
        (
            "its last change failed",
            binding()
                .serving("1")
                .with(|f| {
                    let Look::Found(e) = &mut f.endpoint else { unreachable!() };
                    e.properties.provisioning_state = Some("Failed".into());
                })
                .decide(),
            "False Updating working | -> mend the endpoint taxi, which Azure left in a failed state | now",
        ),
        (
            "a tag is new in the manifest",
            binding()
                .serving("1")
                .with(|f| {
                    f.situation.generation = 2;
                    f.spec.online.endpoint.tags = crate::decide::fixtures::tags([("a", "1")]);
                })
                .decide(),
            "False Updating working | -> change endpoint.tags.a of endpoint taxi | now",
        ),
        (
            "somebody changed its authentication",
            binding()
                .serving("1")
                .with(|f| {
                    let Look::Found(e) = &mut f.endpoint else { unreachable!() };
                    e.properties.auth_mode = "AADToken".into();
                    f.spec.online.endpoint.auth_mode = Some(crate::api::AuthMode::Key);
                })
                .decide(),
            "False Drifted working | -> put back endpoint.authMode of endpoint taxi | now",
        ),
        (
            "all as it should be",
            binding().serving("1").decide(),
            "True Succeeded settled | v1 serves all the traffic of taxi. | interval",
        ),
    ]);
}

#[test]
fn what_bindery_did_not_make_is_not_moved_before_it_is_understood() {
    let foreign = || {
        let mut it = binding().endpoint().foreign("blue").foreign("green");
        it.found().tags.clear();
        it
    };
    assert_table(&[
        (
            "one of them serves: it counts as stable",
            foreign().moved(&[("blue", 100)]).decide(),
            "False Updating working | -> take over the endpoint taxi, which exists | now",
        ),
        (
            "two of them serve",
            foreign().moved(&[("blue", 90), ("green", 10)]).decide(),
            "False UnknownTraffic stalled | The endpoint taxi splits its traffic between deployments that Bindery did not make (blue and green), so none of them can count as stable. Give one of them all the traffic in Azure first. | interval",
        ),
        (
            "two of them serve, observed",
            foreign()
                .moved(&[("blue", 90), ("green", 10)])
                .with(|f| f.situation.mode = Mode::Observe)
                .decide(),
            "True Observed settled | The endpoint taxi is there; Bindery leaves it as it is. | interval",
        ),
        (
            "one serves, observed",
            foreign().moved(&[("blue", 100)]).with(|f| f.situation.mode = Mode::Observe).decide(),
            "True Observed settled | The endpoint taxi is there; Bindery leaves it as it is. | interval",
        ),
        (
            "a map that does not sum to 100",
            foreign().moved(&[("blue", 50)]).decide(),
            "False UnknownTraffic stalled | The endpoint taxi splits its traffic between deployments that Bindery did not make (its weights do not sum to 100), so none of them can count as stable. Give one of them all the traffic in Azure first. | interval",
        ),
        (
            "none serves",
            foreign().decide(),
            "False Updating working | -> take over the endpoint taxi, which exists | now",
        ),
        (
            "one serves, and was taken over",
            {
                let mut it = foreign()
                    .tagged("bindery-owner", "prod/fares/taxi")
                    .tagged("bindery-stable", "blue")
                    .traffic(&[("blue", 100)]);
                it.0.status.conditions = crate::decide::fixtures::ready();
                it.decide()
            },
            "False Progressing working | -> create deployment v1 of taxi:1 | now",
        ),
    ]);
}

#[test]
fn a_foreign_hand_in_the_traffic_is_put_back() {
    let steps = json!([{"setTraffic": 10}, {"pause": {"for": "10m"}}, {"setTraffic": 50}]);
    let shifting = || binding().wanting("2").steps(steps.clone()).serving("1").candidate("2", 10, 60);
    assert_table(&[
        (
            "away from the stable one",
            binding().serving("1").foreign("blue").moved(&[("blue", 100)]).decide(),
            "False Drifted working | -> put back traffic of endpoint taxi | now",
        ),
        (
            "all to the candidate",
            shifting().moved(&[("2", 100)]).decide(),
            "False Drifted working | -> put back traffic of endpoint taxi | now",
        ),
        (
            "all away from the candidate",
            shifting().moved(&[("1", 100)]).decide(),
            "False Drifted working | -> put back traffic of endpoint taxi | now",
        ),
        (
            "all away from a candidate that may not go on: it is not raised again",
            shifting()
                .moved(&[("1", 100)])
                .with(|f| {
                    let Place::Ready { policy, .. } = &mut f.place else { unreachable!() };
                    policy.sources = vec![registry_as_source("released")];
                })
                .decide(),
            "False Drifted working | -> put back traffic of endpoint taxi | now",
        ),
        (
            "more to a candidate that may not go on",
            shifting()
                .moved(&[("1", 50), ("2", 50)])
                .with(|f| {
                    let Place::Ready { policy, .. } = &mut f.place else { unreachable!() };
                    policy.sources = vec![registry_as_source("released")];
                })
                .decide(),
            "False Drifted working | -> put back traffic of endpoint taxi | now",
        ),
        (
            "a map that does not sum to 100",
            shifting().moved(&[("1", 50)]).decide(),
            "False Drifted working | -> put back traffic of endpoint taxi | now",
        ),
        (
            "only said, when observed",
            binding().serving("1").moved(&[]).with(|f| f.situation.mode = Mode::Observe).decide(),
            "True Observed settled | Bindery would put back traffic of endpoint taxi, but spec.management is Observe. | 600 s",
        ),
        (
            "only said, when suspended",
            binding().serving("1").moved(&[]).with(|f| f.situation.mode = Mode::Suspended).decide(),
            "False Suspended settled | Bindery would put back traffic of endpoint taxi, but spec.suspend is true. | 600 s",
        ),
    ]);
    let drift = binding().serving("1").moved(&[]).decide().status.drift;
    assert_eq!(drift.len(), 1);
    assert_eq!((drift[0].field.as_str(), drift[0].found.as_str()), ("traffic", "none"));
    let roles: Vec<Role> = shifting().decide().status.deployments.iter().map(|d| d.role).collect();
    assert_eq!(roles, [Role::Stable, Role::Candidate]);
}

/// The traffic that is sent, with the deployments' names cut short.
fn sent(it: &crate::decide::fixtures::Binding) -> String {
    let Some(Action::Put(body)) = it.decide().call.map(|c| c.action) else { return "nothing".into() };
    let map = body["properties"]["traffic"].as_object().unwrap().clone();
    let parts: Vec<String> = map.iter().map(|(name, weight)| format!("{name}={weight}")).collect();
    short(&parts.join(" "))
}

/// After a move to another cluster the endpoint is this object's, and its deployments still name the owner that made them:
/// they go on in their roles, and the new owner takes down what is not needed any more.
#[test]
fn deployments_follow_their_endpoint_to_another_cluster() {
    let made_elsewhere = |it: Binding| {
        it.forgotten().with(|f| {
            for deployment in &mut f.deployments {
                deployment.tags.insert("bindery-owner".into(), "old/fares/taxi".into());
            }
        })
    };
    let unowned = |it: Binding| made_elsewhere(it.tagged("bindery-owner", ""));
    let served = || binding().serving("1").previous("2", 60);
    assert_eq!(sent(&unowned(served())), "v1=100", "taken over as it is");
    let status = unowned(served()).decide().status;
    assert_eq!(status.stable.map(|s| short(&s.deployment)), Some("v1".into()));
    let roles = |it: &Binding| {
        let deployments = it.decide().status.deployments;
        deployments.iter().map(|d| format!("{} {:?}", short(&d.name), d.role)).collect::<Vec<_>>()
    };
    assert_eq!(roles(&made_elsewhere(served())), ["v1 Stable", "v2 Previous"]);
    // A rollout goes on at the step that its tag says.
    let steps = json!([{"setTraffic": 10}, {"pause": {"for": "1h"}}, {"setTraffic": 50}]);
    let rolling = || binding().wanting("2").steps(steps.clone()).serving("1").candidate("2", 10, 60);
    assert_eq!(sent(&unowned(rolling())), "v1=90 v2=10");
    assert_eq!(roles(&made_elsewhere(rolling())), ["v1 Stable", "v2 Candidate"]);
}

#[test]
fn nothing_rises_that_may_not() {
    let steps = json!([{"setTraffic": 10}, {"pause": {"for": "10m"}}, {"setTraffic": 50}]);
    let at =
        |weight, ago| binding().wanting("2").steps(steps.clone()).serving("1").candidate("2", weight, ago);
    let refused = |it: crate::decide::fixtures::Binding| {
        it.with(|f| {
            let Place::Ready { policy, .. } = &mut f.place else { unreachable!() };
            policy.sources = vec![registry_as_source("released")];
        })
    };
    let missing = |it: crate::decide::fixtures::Binding| {
        it.forgotten()
            .with(|f| f.version = SourceVersion::Missing { what: "ModelVersion fares/taxi-2".into() })
    };
    let away = || at(10, 60).moved(&[("1", 100)]);
    for (situation, it, expected) in vec![
        ("it may", at(10, 600), "v1=50 v2=50"),
        ("it may, and somebody took it away", away(), "v1=90 v2=10"),
        ("it may not", refused(at(10, 600)), "nothing"),
        ("it may not begin", refused(at(0, 60)), "nothing"),
        ("it may not, and somebody took it away", refused(away()), "v1=100"),
        (
            "it may not, and somebody gave it more",
            refused(at(10, 60).moved(&[("1", 50), ("2", 50)])),
            "v1=90 v2=10",
        ),
        ("nobody can say, and somebody took it away", missing(away()), "v1=100"),
        (
            "nobody can say, and somebody gave it more",
            missing(at(10, 60).moved(&[("2", 100)])),
            "v1=90 v2=10",
        ),
        ("nobody can say", missing(at(10, 600)), "nothing"),
        (
            "nobody can say, and it is broken",
            missing(at(10, 600)).with(|f| {
                for deployment in &mut f.deployments {
                    if deployment.name().starts_with("v2") {
                        deployment.properties.provisioning_state = Some("Failed".into());
                    }
                }
            }),
            "v1=100",
        ),
    ] {
        assert_eq!(sent(&it), expected, "{situation}");
    }
}

#[test]
fn what_is_refused_is_not_said_to_serve() {
    let held = binding().serving("1").candidate("2", 10, 60).wanting("2").decide().status;
    assert!(held.phase.is_some() && held.stable.is_some() && held.deployments.len() == 2);
    for refused in [
        binding()
            .serving("1")
            .tagged("bindery-owner", "")
            .with(|f| f.situation.claimed_by("fares/older", 60)),
        binding().serving("1").tagged("bindery-owner", "other/a/b"),
        binding().serving("1").tagged("bindery-owner", "prod/fares/younger").with(|f| {
            f.situation.claimed_by("fares/younger", -60);
            f.status.clone_from(&held);
        }),
    ] {
        let status = refused.decide().status;
        assert_eq!(
            (status.phase, status.stable, status.candidate, status.traffic_summary),
            (None, None, None, None)
        );
        assert_eq!((status.deployments, status.drift), (vec![], vec![]));
        assert!(status.conditions.iter().all(|c| c.type_ != "CandidateReady"));
    }
}

#[test]
fn what_an_observed_endpoint_serves_is_compared_with_what_is_named() {
    let observed = |model: &str| {
        let mut it = binding().endpoint().foreign("blue").moved(&[("blue", 100)]);
        it.found().tags.clear();
        it.0.deployments[0].properties.model = Some(model.into());
        it.with(|f| f.situation.mode = Mode::Observe).decide()
    };
    let drift = |model: &str| observed(model).status.drift.into_iter().map(|d| (d.field, d.found)).collect();
    let none: Vec<(String, String)> = vec![];
    assert_eq!(none, { drift("azureml://registries/models/models/taxi/versions/1") });
    let another: Vec<(String, String)> = drift("azureml://registries/models/models/taxi/versions/7");
    let found = "azureml://registries/models/models/taxi/versions/7".to_string();
    assert_eq!(another, [("model.versionRef".to_string(), found)]);
    assert!(crate::decide::fixtures::told(&observed("m")).starts_with("True Observed settled"));
}

#[test]
fn what_served_is_not_forgotten_while_the_endpoint_cannot_be_read() {
    let held = binding().serving("1").decide().status;
    let unread = binding().serving("1").with(|f| {
        f.status.clone_from(&held);
        f.place = Place::Missing { what: "Workspace production".into() };
        f.endpoint = Look::Unseen;
        f.deployments.clear();
        f.situation.claimed_by("strangers/older", 60);
    });
    let status = unread.decide().status;
    assert_eq!((&status.stable, &status.endpoint), (&held.stable, &held.endpoint));
    assert_eq!((status.traffic_summary, status.deployments), (held.traffic_summary, held.deployments));
    let alone = unread.with(|f| f.situation.ownership.claimants.clear()).decide().status;
    assert_eq!(alone.phase, Some(crate::api::Phase::Serving));
}
