#![allow(clippy::unwrap_used, clippy::large_stack_arrays)]

use serde_json::json;

use super::*;
use crate::answer::fixtures::key;
use crate::azure::model::{Class, Error, ResourceId};
use crate::decide::SourceVersion;
use crate::decide::fixtures::{Binding, binding, registry_as_source, version};
use crate::decide::places::Policy;

/// The Workspace asks this of what serves there.
fn under(it: Binding, change: impl FnOnce(&mut Policy)) -> Binding {
    it.with(|f| {
        let Place::Ready { policy, .. } = &mut f.place else { unreachable!() };
        change(policy);
    })
}

fn asked_of(binding: Option<&str>) -> Asked {
    let name = |kind, name: &str| Name::from(&key(kind, name));
    Asked {
        version: name(ObjectKind::ModelVersion, "fares/taxi-1"),
        workspace: name(ObjectKind::Workspace, "ml-platform/production"),
        namespace: "fares".into(),
        binding: binding.map(|it| name(ObjectKind::DeploymentBinding, it)),
    }
}

fn answer(it: &Binding, withheld: &[Withheld]) -> Permission {
    Permission::of(asked_of(None), &it.0, withheld, vec![])
}

/// The first two lines: the answer, and why.
fn head(answer: &Permission) -> String {
    answer.text(Style::default()).lines().take(2).collect::<Vec<_>>().join(" | ")
}

fn withheld(what: What, said: &str) -> Vec<Withheld> {
    vec![Withheld { what, said: said.into() }]
}

fn verified(it: Binding) -> Binding {
    under(it, |policy| policy.lineage = Some(LineageRequirement::Verified)).with(|f| {
        f.proof = Proof::Unseen(Some(Error::new(Class::Transient, "only the operator asks Azure")));
    })
}

#[test]
fn the_namespace_of_the_binding_is_named_where_it_is_another() {
    let of = Asked { namespace: "ops".into(), ..asked_of(None) };
    let text = Permission::of(of, &binding().0, &[], vec![]).text(Style::default());
    let first = "May fares/taxi-1 serve in ml-platform/production by a DeploymentBinding of namespace ops: yes (Succeeded)\n";
    assert!(text.starts_with(first), "{text}");
}

#[test]
fn what_the_rules_say_is_the_answer() {
    for (it, expected) in [
        (binding(), "yes (Succeeded) | The policy of Workspace production lets taxi:1 serve."),
        (
            under(binding(), |policy| policy.sources = vec![registry_as_source("released")]),
            "no (PolicyRefused) | Workspace production serves only versions from released (released), and taxi:1 is in registry models. Promote it there first.",
        ),
        (
            binding().with(|f| f.place = Place::Missing { what: "Workspace ml-platform/production".into() }),
            "nobody can say (ReferenceNotFound) | There is no Workspace ml-platform/production, or neither its allowedNamespaces nor its publishers include this namespace. Apply it, or have its owner let this namespace in.",
        ),
    ] {
        let said = head(&answer(&it, &[]));
        assert_eq!(said, format!("May fares/taxi-1 serve in ml-platform/production: {expected}"));
    }
}

#[test]
fn what_may_not_be_read_is_not_missing() {
    let no_place = || binding().with(|f| f.place = Place::Missing { what: "Workspace x".into() });
    let object = |kind, name| What::Object(key(kind, name));
    let by_labels = || {
        binding().with(|f| f.place = Place::NotWatched { because: "Add it to --watch-namespaces.".into() })
    };
    for (it, withheld, expected) in [
        (
            no_place(),
            withheld(
                object(ObjectKind::Workspace, "ml-platform/production"),
                "You may not read Workspace ml-platform/production: forbidden.",
            ),
            "You may not read Workspace ml-platform/production: forbidden. So what its policy asks is not known. The chart's role bindery-viewer, bound in namespace ml-platform, lets you read it.",
        ),
        (
            binding().with(|f| f.version = SourceVersion::Missing { what: "x".into() }),
            withheld(
                object(ObjectKind::ModelVersion, "fares/taxi-1"),
                "You may not read ModelVersion fares/taxi-1: forbidden.",
            ),
            "You may not read ModelVersion fares/taxi-1: forbidden. So what the version is is not known. The chart's role bindery-viewer, bound in namespace fares, lets you read it.",
        ),
        (
            by_labels(),
            withheld(What::Labels("fares".into()), "namespaces \"fares\" is forbidden"),
            "Workspace ml-platform/production lets other namespaces in by their labels, and the labels of namespace fares could not be read: namespaces \"fares\" is forbidden. To ask this, you need the right to get that namespace, as the chart's role bindery-viewer gives it where it is bound in namespace fares.",
        ),
    ] {
        let said = head(&answer(&it, &withheld));
        let first = "May fares/taxi-1 serve in ml-platform/production: nobody can say (NotRead) | ";
        assert_eq!(said, format!("{first}{expected}"));
    }
    // Another object than the one that is asked about takes nothing away from the answer.
    let other = withheld(object(ObjectKind::Workspace, "ml-platform/other"), "No.");
    assert!(answer(&binding(), &other).holds());
}

#[test]
fn a_rule_that_only_azure_can_answer_is_not_refused() {
    let only_azure = "cannot be said from the cluster alone (AzureNotAsked) | Whether Azure shows that the files of taxi:1 are the output of its training job cannot be said from the cluster alone. The operator reads that in Azure when a DeploymentBinding asks for the version; status.lineage.verified of the ModelVersion says what it found last.";
    let no_job = |f: &mut Facts| {
        let SourceVersion::Ready { lineage, .. } = &mut f.version else { unreachable!() };
        lineage.job = None;
    };
    let head_of = |it: Binding| head(&answer(&it, &[])).split_once("production: ").unwrap().1.to_string();
    assert_eq!(head_of(verified(binding())), only_azure);
    // What the cluster shows to be refused stays refused.
    let nameless = head_of(verified(binding()).with(no_job));
    assert!(
        nameless.starts_with("no (PolicyRefused) | ") && nameless.contains("has none. Register it"),
        "{nameless}"
    );
    let elsewhere =
        under(verified(binding()), |policy| policy.sources = vec![registry_as_source("released")]);
    let said = head_of(elsewhere.clone());
    assert!(
        said.starts_with("no (PolicyRefused) | Workspace production serves only versions from released"),
        "{said}"
    );
    assert!(!said.contains("Azure"), "{said}");
    let table = answer(&elsewhere, &[]).text(Style::default());
    let row = |rule: &str| table.lines().find(|it| it.starts_with(rule)).unwrap().to_string();
    assert!(row("Lineage").contains("unknown") && row("Sources").contains("false"), "{table}");
    let json = serde_json::to_value(answer(&elsewhere, &[])).unwrap();
    assert_eq!((&json["admitted"], &json["rules"][0]["admitted"]), (&json!(false), &json!(false)), "{json}");
    assert_eq!(json["rules"][1].get("admitted"), None, "{json}");
}

#[test]
fn a_gate_that_compares_asks_for_the_binding() {
    let gates = json!({"define": [{"name": "better", "metric": "rmse", "against": {"scope": "Stable"}, "better": "Lower"}]});
    let it =
        under(binding(), |policy| policy.gates = Some(serde_json::from_value(gates).unwrap())).with(|f| {
            f.champions.insert("better".into(), Champions::Unseen("this binding".into()));
        });
    assert_eq!(
        head(&answer(&it, &[])).split_once("production: ").unwrap().1,
        "nobody can say (BindingNotNamed) | Gate better compares the version with what a DeploymentBinding serves: add --binding NAME."
    );
    let named = Permission::of(asked_of(Some("fares/taxi")), &it.0, &[], vec![]);
    let said = head(&named);
    assert!(said.contains("nobody can say (ReferenceNotReady) | ") && !said.contains("--binding"), "{said}");
}

#[test]
fn a_rule_whose_objects_could_not_all_be_read_is_not_answered() {
    let approvals = json!({"fromNamespaces": ["model-risk"]});
    let approved =
        under(binding(), |policy| policy.approvals = Some(serde_json::from_value(approvals).unwrap()));
    let sourced = under(binding(), |policy| policy.sources = vec![registry_as_source("released")]);
    let some = |kind| withheld(What::Some(kind), "You may not list them.");
    for (it, withheld, expected) in [
        (
            &approved,
            some(ObjectKind::Approval),
            "nobody can say (NotRead) | Rule Approvals cannot be answered with your rights, because not all of it could be read: You may not list them.",
        ),
        (
            &sourced,
            withheld(What::Object(key(ObjectKind::Registry, "ml-platform/released")), "You may not."),
            "nobody can say (NotRead) | Rule Sources cannot be answered with your rights, because not all of it could be read: You may not.",
        ),
    ] {
        assert_eq!(head(&answer(it, &withheld)).split_once("production: ").unwrap().1, expected);
    }
    let said = head(&answer(&approved, &[]));
    assert!(said.contains(": no (NotApproved) | "), "{said}");
    let said = head(&answer(&approved, &some(ObjectKind::ModelVersion)));
    assert!(said.contains(": no (NotApproved) | "), "what it does not depend on: {said}");
    let in_a_workspace = approved.with(|f| {
        f.version = version("1", None);
        let SourceVersion::Ready { id, .. } = &mut f.version else { unreachable!() };
        *id = ResourceId::workspace("s", "rg", "production").model_version("taxi", "1");
    });
    assert!(head(&answer(&in_a_workspace, &[])).contains(": no (NotApproved) | "), "nobody has approved it");
}

#[test]
fn what_a_deployment_brings_is_not_asked_of_nobody() {
    let it = under(binding(), |policy| {
        policy.deployment =
            Some(serde_json::from_value(json!({"instanceTypes": ["Standard_DS3_v2"]})).unwrap());
    });
    let said = head(&answer(&it, &[]));
    assert!(said.contains("nobody can say (BindingNotNamed) | The Workspace has rules for what a deployment brings: add --binding NAME"), "{said}");

    assert!(answer(&it, &[]).text(Style::default()).contains("not known without --binding"));

    let named = head(&Permission::of(asked_of(Some("fares/taxi")), &it.0, &[], vec![]));
    assert!(named.contains(": no (PolicyRefused) | "), "{named}");
}

#[test]
fn whether_two_approvals_are_of_two_people_depends_on_who_checks_that() {
    let asking = |count: i32| {
        let approvals = json!({"fromNamespaces": ["risk"], "count": count});
        under(binding(), |policy| policy.approvals = Some(serde_json::from_value(approvals).unwrap())).with(
            |f| {
                for by in ["ada", "bob"] {
                    let SourceVersion::Ready { asset_id, .. } = &f.version else { unreachable!() };
                    f.approvals.ballots.push((asset_id.clone(), ballot(by)));
                }
            },
        )
    };
    let two = head(&answer(&asking(2), &[]));
    assert!(
        two.contains(
            "nobody can say (AuthorsNotKnown) | Rule Approvals is satisfied only where the API server checks"
        ),
        "{two}"
    );
    let one = head(&answer(&asking(1), &[]));
    assert!(one.contains(": yes (Succeeded) | "), "{one}");
}

/// An approval of the namespace `risk`.
fn ballot(by: &str) -> crate::decide::approval::tally::Ballot {
    crate::decide::approval::tally::Ballot {
        namespace: "risk".into(),
        name: by.into(),
        by: by.into(),
        approves: true,
        tiers: vec![],
        expires_at: None,
        written: crate::decide::fixtures::ago(3600),
        asset_created_at: None,
        waives: vec![],
        reason: None,
    }
}
