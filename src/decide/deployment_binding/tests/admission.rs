//! Whether the workspace's policy lets it serve, and what follows.

use serde_json::{Value, json};

use crate::api::{ConditionType, DeploymentBindingStatus, Lineage, LineageRequirement, conditions_of};
use crate::azure::model::{Action, Class, Error};
use crate::decide::fixtures::{Binding, ago, assert_table, binding, registry_as_source, short};
use crate::decide::model_version::Proof;
use crate::decide::places::Policy;
use crate::decide::{Decision, Look, Mode, Place, SourceVersion};

const IDENTITIES: &str =
    "/subscriptions/s/resourceGroups/rg/providers/Microsoft.ManagedIdentity/userAssignedIdentities/";

fn identity(name: &str) -> String {
    format!("{IDENTITIES}{name}")
}

/// The workspace asks this of what serves there.
fn under(it: Binding, change: impl FnOnce(&mut Policy)) -> Binding {
    it.with(|f| {
        let Place::Ready { policy, .. } = &mut f.place else { unreachable!() };
        change(policy);
    })
}

/// The same of deployments.
fn allowing(it: Binding, deployment: &Value) -> Binding {
    let deployment = serde_json::from_value(deployment.clone()).unwrap();
    under(it, |policy| policy.deployment = Some(deployment))
}

/// With this in `online.deployment`.
fn bringing(it: Binding, deployment: &Value) -> Binding {
    it.with(|f| {
        let mut written = serde_json::to_value(&f.spec.online.deployment).unwrap();
        written.as_object_mut().unwrap().extend(deployment.as_object().unwrap().clone());
        f.spec.online.deployment = serde_json::from_value(written).unwrap();
    })
}

/// With these identities of the endpoint.
fn as_whom(it: Binding, names: &[&str]) -> Binding {
    let assigned: Vec<String> = names.iter().map(|name| identity(name)).collect();
    it.with(|f| {
        f.spec.online.endpoint.identity =
            Some(serde_json::from_value(json!({"systemAssigned": true, "userAssigned": assigned})).unwrap());
    })
}

/// What the condition says, in one line.
fn admitted(decision: &Decision<DeploymentBindingStatus>) -> String {
    let conditions = conditions_of(&decision.status.conditions);
    let said = conditions.get(ConditionType::Admitted);
    said.map_or_else(|| "absent".into(), |c| short(&format!("{} {}: {}", c.status, c.reason, c.message)))
}

#[test]
fn what_a_deployment_brings_is_held_against_the_policy() {
    let environment = |pattern: &str| json!({"environments": [pattern]});
    let sklearn = json!({"environment": "azureml://registries/Shared/environments/sklearn/versions/4"});
    let code = json!({"code": {"id": "azureml://registries/r/codes/c/versions/1", "scoringScript": "s.py"}});
    let size = json!({"instanceType": "Standard_DS3_v2"});
    let variables = |name: &str| json!({"environmentVariables": {"LOG_LEVEL": "info", name: "x"}});
    let count = |count: i32| json!({"instanceCount": count});
    let yes = "True Succeeded: The policy of Workspace production lets taxi:1 serve.";
    let no = |what: &str| format!("False PolicyRefused: spec.online.{what}");
    let odd = |id: &str| {
        let it = bringing(binding(), &json!({"environment": id}));
        (
            allowing(it, &environment("azureml://registries/shared/environments/*/versions/*")),
            no(&format!(
                "deployment.environment is {id}, and Workspace production allows only azureml://registries/shared/environments/*/versions/* (policy.deployment.environments)."
            )),
        )
    };
    let odd = [
        "azureml://registries/shared/environments/a%2F..%2F..%2F..%2Fother%2Fenvironments%2Fa/versions/1",
        "azureml://registries/shared/environments/../../other/environments/a/versions/1",
        "azureml://registries/shared/environments//versions/1",
        "azureml://registries/shared/environments/./versions/1",
    ]
    .map(odd);
    let all: Vec<(&str, Binding, String)> = vec![
        ("nothing is asked", bringing(binding(), &code), yes.into()),
        (
            "what is not brought is not asked",
            allowing(binding(), &json!({"code": "Forbid", "environments": ["azureml://registries/x/*"]})),
            yes.into(),
        ),
        ("code, where it is not spoken of", allowing(bringing(binding(), &code), &json!({})), yes.into()),
        ("code", allowing(bringing(binding(), &code), &json!({"code": "Allow"})), yes.into()),
        (
            "code, which is forbidden",
            allowing(bringing(binding(), &code), &json!({"code": "Forbid"})),
            no(
                "deployment.code is given, and Workspace production allows no code of a deployment's own (policy.deployment.code is Forbid).",
            ),
        ),
        (
            "an environment of a list",
            allowing(
                bringing(binding(), &sklearn),
                &environment("azureml://registries/shared/environments/*/versions/*"),
            ),
            yes.into(),
        ),
        (
            "variables, where code is not spoken of",
            allowing(bringing(binding(), &variables("AZUREML_ENTRY_SCRIPT")), &json!({})),
            yes.into(),
        ),
        (
            "variables that tell the server nothing",
            allowing(bringing(binding(), &variables("MY_AML_APP_ROOT")), &json!({"code": "Forbid"})),
            yes.into(),
        ),
        (
            "a variable that tells the server what to run",
            allowing(bringing(binding(), &variables("azureml_entry_script")), &json!({"code": "Forbid"})),
            no(
                "deployment.environmentVariables has azureml_entry_script, by which Azure's server is told what to run, and Workspace production allows no code of a deployment's own (policy.deployment.code is Forbid).",
            ),
        ),
        (
            "a variable that tells it where code is",
            allowing(bringing(binding(), &variables("AML_APP_ROOT")), &json!({"code": "Forbid"})),
            no(
                "deployment.environmentVariables has AML_APP_ROOT, by which Azure's server is told what to run, and Workspace production allows no code of a deployment's own (policy.deployment.code is Forbid).",
            ),
        ),
        ("any environment", allowing(bringing(binding(), &sklearn), &environment("*")), yes.into()),
        (
            "an environment of another registry",
            allowing(bringing(binding(), &sklearn), &environment("azureml://registries/other/*")),
            no(
                "deployment.environment is azureml://registries/Shared/environments/sklearn/versions/4, and Workspace production allows only azureml://registries/other/* (policy.deployment.environments).",
            ),
        ),
        (
            "an environment whose name differs in case is another one",
            allowing(
                bringing(binding(), &sklearn),
                &environment("azureml://registries/shared/environments/SKlearn/versions/*"),
            ),
            no(
                "deployment.environment is azureml://registries/Shared/environments/sklearn/versions/4, and Workspace production allows only azureml://registries/shared/environments/SKlearn/versions/* (policy.deployment.environments).",
            ),
        ),
        (
            "a size of the list",
            allowing(bringing(binding(), &size), &json!({"instanceTypes": ["standard_ds3_V2"]})),
            yes.into(),
        ),
        (
            "another size",
            allowing(
                bringing(binding(), &size),
                &json!({"instanceTypes": ["Standard_F4s_v2", "Standard_DS2_v2"]}),
            ),
            no(
                "deployment.instanceType is Standard_DS3_v2, and Workspace production allows only Standard_F4s_v2, Standard_DS2_v2 (policy.deployment.instanceTypes).",
            ),
        ),
        (
            "no size, so that Azure would choose",
            allowing(binding(), &json!({"instanceTypes": ["Standard_F4s_v2"]})),
            no(
                "deployment.instanceType is not given, and Workspace production allows only Standard_F4s_v2 (policy.deployment.instanceTypes).",
            ),
        ),
        (
            "as many as there may be",
            allowing(bringing(binding(), &count(3)), &json!({"maxInstances": 3})),
            yes.into(),
        ),
        (
            "one more",
            allowing(bringing(binding(), &count(4)), &json!({"maxInstances": 3})),
            no(
                "deployment.instanceCount is 4, and Workspace production allows at most 3 (policy.deployment.maxInstances).",
            ),
        ),
        ("identities, where nothing is said", as_whom(binding(), &["a"]), yes.into()),
        ("the system's identity", allowing(as_whom(binding(), &[]), &json!({})), yes.into()),
        (
            "an identity, and none is named",
            allowing(as_whom(binding(), &["a"]), &json!({"maxInstances": 3})),
            no(&format!(
                "endpoint.identity.userAssigned names {}, and Workspace production allows no user-assigned identity (policy.deployment.identities).",
                identity("a")
            )),
        ),
        (
            "one that is named",
            allowing(as_whom(binding(), &["a"]), &json!({"identities": [identity("a").to_uppercase()]})),
            yes.into(),
        ),
        ("all are", allowing(as_whom(binding(), &["a", "b"]), &json!({"identities": ["*"]})), yes.into()),
        (
            "one that is named, and one that is not",
            allowing(as_whom(binding(), &["a", "b"]), &json!({"identities": [identity("a")]})),
            no(&format!(
                "endpoint.identity.userAssigned names {}, and Workspace production allows only {} (policy.deployment.identities).",
                identity("b"),
                identity("a")
            )),
        ),
    ];
    let odd = odd.into_iter().map(|(it, expected)| ("an id that may mean another", it, expected));
    for (situation, it, expected) in all.into_iter().chain(odd) {
        let it = it.with(|f| f.endpoint = Look::Absent);
        let decision = it.decide();
        assert_eq!(admitted(&decision), expected, "{situation}");
        let begins = decision.call.is_some_and(|call| call.doing == "create the endpoint taxi");
        assert_eq!(begins, expected == yes, "{situation}");
    }
}

#[test]
fn a_place_may_ask_for_proof_of_the_origin() {
    let asking = |proof: Proof| {
        let it = under(binding(), |policy| policy.lineage = Some(LineageRequirement::Verified));
        it.with(|f| f.proof = proof).decide()
    };
    let proven = Proof::Proven { version: Box::default() };
    let decision = asking(proven);
    assert_eq!(admitted(&decision), "True Succeeded: The policy of Workspace production lets taxi:1 serve.");
    assert_eq!(decision.call.unwrap().doing, "create the endpoint taxi");
    let error = Error::new(Class::Transient, "No answer.");
    for (proof, said) in [
        (
            Proof::Lacking {
                because: "its files are not the output of a job that Azure has".into(),
                version: None,
            },
            "of taxi:1 that is not known: its files are not the output of a job that Azure has. Register the output of a job (spec.source.job), and let Bindery promote that version.",
        ),
        (Proof::Unseen(None), "taxi:1 could not be read in Azure. It is read again at the next look."),
        (
            Proof::Unseen(Some(error)),
            "taxi:1 could not be read in Azure: No answer. It is read again at the next look.",
        ),
    ] {
        let decision = asking(proof);
        let expected = format!(
            "False PolicyRefused: Workspace production serves only versions whose origin Azure shows, and {said}"
        );
        assert_eq!(admitted(&decision), expected);
        assert!(decision.call.is_none());
    }
    // A job that the status names is asked for as well, and named first.
    let it = under(binding(), |policy| policy.lineage = Some(LineageRequirement::Verified));
    let it = it.with(|f| {
        let SourceVersion::Ready { lineage, .. } = &mut f.version else { unreachable!() };
        *lineage = Lineage::default();
    });
    assert!(admitted(&it.decide()).contains("training job is known, and taxi:1 has none"));
}

#[test]
fn a_version_in_a_workspace_serves_in_that_one_only() {
    let from = |workspace: &str| {
        let id = crate::azure::model::ResourceId::workspace("s", "rg", workspace).model_version("taxi", "1");
        binding().with(|f| {
            let SourceVersion::Ready { id: place, registry, asset_id, .. } = &mut f.version else {
                unreachable!()
            };
            (*asset_id, *place, *registry) = (id.to_string(), id, None);
        })
    };
    assert!(admitted(&from("production").decide()).starts_with("True Succeeded"));
    let elsewhere = from("development").decide();
    assert_eq!(
        admitted(&elsewhere),
        "False PolicyRefused: taxi:1 is in workspace development, and Azure serves a version of a workspace in that workspace only. Promote it into a registry, and bind that version."
    );
    assert!(elsewhere.call.is_none(), "no endpoint is made for nothing");
    // Where the place says what it takes, that is what the team has to hear.
    let asked = under(from("development"), |policy| policy.sources = vec![registry_as_source("released")]);
    assert_eq!(
        admitted(&asked.decide()),
        "False PolicyRefused: Workspace production serves only versions from released (released), and taxi:1 is in a workspace. Promote it there first."
    );
}

#[test]
fn every_refusal_is_told() {
    let it = under(bringing(binding().endpoint(), &json!({"instanceCount": 4})), |policy| {
        policy.lineage = Some(LineageRequirement::Named);
        policy.sources = vec![registry_as_source("released")];
        policy.deployment =
            Some(serde_json::from_value(json!({"maxInstances": 3, "instanceTypes": ["a"]})).unwrap());
    });
    let it = it.with(|f| {
        let SourceVersion::Ready { lineage, .. } = &mut f.version else { unreachable!() };
        *lineage = Lineage::default();
    });
    let said = admitted(&it.decide());
    for part in
        ["training job", "only versions from released", "instanceType is not given", "instanceCount is 4"]
    {
        assert!(said.contains(part), "{part}: {said}");
    }
}

#[test]
fn whether_it_may_serve_is_said_where_it_can_be() {
    let missing = |f: &mut crate::decide::deployment_binding::Facts| {
        f.version = SourceVersion::Missing { what: "ModelVersion fares/taxi-1".into() };
    };
    let of = |change: fn(&mut crate::decide::deployment_binding::Facts)| {
        admitted(&binding().serving("1").with(change).decide())
    };
    assert!(of(|_| ()).starts_with("True Succeeded"));
    assert!(
        admitted(&binding().with(missing).decide())
            .starts_with("Unknown ReferenceNotFound: There is no ModelVersion")
    );
    let closed = of(|f| f.place = Place::Closed { what: "W".into(), because: "No.".into() });
    assert_eq!(closed, "Unknown ReferenceNotReady: W is not ready: No.");
    assert_eq!(of(|f| f.situation.deleting = true), "absent");
    let anothers = binding().serving("1").tagged("bindery-owner", "other/a/b");
    assert_eq!(admitted(&anothers.decide()), "absent");
    // What the deployment brings is refused whatever the version is.
    let it = allowing(bringing(binding(), &json!({"instanceCount": 4})), &json!({"maxInstances": 3}));
    assert!(
        admitted(&it.with(missing).decide())
            .starts_with("False PolicyRefused: spec.online.deployment.instanceCount")
    );
}

/// What was let in and no longer is keeps what it has, and gets nothing more.
#[test]
fn what_serves_goes_on_and_nothing_new_begins() {
    let strict = json!({"code": "Forbid", "maxInstances": 3, "instanceTypes": ["Standard_DS3_v2"]});
    let refused = "spec.online.deployment.instanceType is not given, and Workspace production allows only Standard_DS3_v2 (policy.deployment.instanceTypes).";
    let rollout = |weight| {
        let steps = json!([{"setTraffic": 10}, {"pause": {"for": "10m"}}, {"setTraffic": 50}]);
        binding().wanting("2").steps(steps).serving("1").candidate("2", weight, 6000)
    };
    let mut failed = rollout(10);
    failed.0.deployments.last_mut().unwrap().properties.provisioning_state = Some("Failed".into());
    assert_table(&[
        (
            "what serves",
            allowing(binding().serving("1"), &strict).decide(),
            "True Succeeded settled | v1 serves all the traffic of taxi. | interval",
        ),
        (
            "the next one",
            allowing(binding().wanting("2").serving("1"), &strict).decide(),
            &format!("False PolicyRefused stalled | {refused} | interval"),
        ),
        (
            "a candidate whose pause is over",
            allowing(rollout(10), &strict).decide(),
            &format!("False PolicyRefused stalled | {refused} | interval"),
        ),
        (
            "a candidate that failed is taken back",
            allowing(failed, &strict).decide(),
            "False TakingBack working | -> take the traffic from v2, which failed, and give it to v1 | now",
        ),
        (
            "what serves goes, too",
            allowing(binding().serving("1"), &strict)
                .with(|f| {
                    f.situation.deleting = true;
                    f.situation.deleted_at = Some(ago(6000));
                })
                .decide(),
            "False Deleting working | -> take all traffic off the endpoint taxi | now",
        ),
    ]);
}

#[test]
fn a_count_that_is_refused_is_not_reached_and_may_be_come_nearer_to() {
    let serving = |has: i32, asked: i32| {
        let mut it = bringing(binding().serving("1"), &json!({"instanceCount": asked}));
        it.0.deployments[0].sku.as_mut().unwrap().capacity = Some(has);
        allowing(it, &json!({"maxInstances": 3}))
    };
    let refused = "False PolicyRefused stalled | spec.online.deployment.instanceCount is 9, and Workspace production allows at most 3 (policy.deployment.maxInstances). | interval";
    assert_table(&[
        ("more than there may be", serving(1, 9).edited().decide(), refused),
        (
            "as many, which it has already",
            serving(9, 9).decide(),
            "True Succeeded settled | v1 serves all the traffic of taxi. | interval",
        ),
        (
            "fewer than it has, and still too many",
            serving(20, 9).edited().decide(),
            "False Updating working | -> change instanceCount of deployment v1 | now",
        ),
        (
            "only said, when observed",
            serving(1, 9).with(|f| f.situation.mode = Mode::Observe).decide(),
            "True Observed settled | Bindery would put back instanceCount of deployment v1, but spec.management is Observe. | 600 s",
        ),
        (
            "tags are changed all the same, and the count is left",
            serving(1, 9).edited().deployment_tags(&[], &[("team", "fares")]).decide(),
            "False Updating working | -> change tags.team of deployment v1 | now",
        ),
    ]);
    let it = serving(1, 9).edited().deployment_tags(&[], &[("team", "fares")]);
    let Some(Action::Put(body)) = it.decide().call.map(|call| call.action) else { panic!("a PUT") };
    assert_eq!(body["sku"]["capacity"], 1);
    // What serves and failed is mended with the instances that it has.
    let mut it = serving(1, 9).edited();
    it.0.deployments[0].properties.provisioning_state = Some("Failed".into());
    let Some(Action::Put(body)) = it.decide().call.map(|call| call.action) else { panic!("a PUT") };
    assert_eq!(body["sku"]["capacity"], 1);
}

#[test]
fn an_identity_that_is_refused_is_not_assigned_and_the_rest_is_written() {
    let serving = |asked: &[&str], has: &[&str]| {
        let mut it = as_whom(binding().serving("1"), asked);
        let assigned: serde_json::Map<String, Value> =
            has.iter().map(|name| (identity(name).to_uppercase(), json!({}))).collect();
        let kind = if has.is_empty() { "SystemAssigned" } else { "SystemAssigned,UserAssigned" };
        it.found().identity =
            Some(serde_json::from_value(json!({"type": kind, "userAssignedIdentities": assigned})).unwrap());
        allowing(it, &json!({"identities": [identity("ours")]}))
    };
    let refused = format!(
        "False PolicyRefused stalled | spec.online.endpoint.identity.userAssigned names {}, and Workspace production allows only {} (policy.deployment.identities). | interval",
        identity("theirs"),
        identity("ours")
    );
    assert_table(&[
        ("it is not assigned", serving(&["theirs"], &[]).edited().decide(), &refused),
        ("nor put back", serving(&["theirs"], &[]).decide(), &refused),
        ("nor beside another", serving(&["ours", "theirs"], &["ours"]).edited().decide(), &refused),
        (
            "one that is allowed is",
            serving(&["ours"], &[]).edited().decide(),
            "False Updating working | -> change endpoint.identity of endpoint taxi | now",
        ),
        (
            "one that it has stays",
            serving(&["theirs"], &["theirs"]).decide(),
            "True Succeeded settled | v1 serves all the traffic of taxi. | interval",
        ),
        (
            "one that it has may go",
            serving(&[], &["theirs"]).edited().decide(),
            "False Updating working | -> change endpoint.identity of endpoint taxi | now",
        ),
        ("but serves no new version", serving(&["theirs"], &["theirs"]).wanting("2").decide(), &refused),
    ]);
    let it = serving(&["theirs"], &[]).edited();
    let it = it.with(|f| f.spec.online.endpoint.tags = crate::decide::fixtures::tags([("team", "fares")]));
    let Some(Action::Put(body)) = it.decide().call.map(|call| call.action) else { panic!("a PUT") };
    assert_eq!(
        (&body["tags"]["team"], &body["identity"]["type"]),
        (&json!("fares"), &json!("SystemAssigned"))
    );
}
