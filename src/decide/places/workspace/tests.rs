#![allow(clippy::unwrap_used)]

use super::{Facts, decide};
use crate::api::{Credentials, WorkspaceStatus};
use crate::azure::model::Class;
use crate::decide::fixtures::{ago, assert_table, ready, workspace};
use crate::decide::{Decision, Look, Referrers};

fn with(change: impl FnOnce(&mut Facts)) -> Facts {
    let mut facts = workspace();
    change(&mut facts);
    facts
}

#[test]
fn every_question_has_its_answer() {
    assert_table(&[
        (
            "there",
            decide(&workspace()),
            "True Succeeded settled | The workspace is there, in eastus. | interval",
        ),
        (
            "absent",
            decide(&with(|f| f.workspace = Look::Absent)),
            "False NotInAzure stalled | There is no workspace production in resource group rg. Check spec.azure; Bindery makes no workspaces. | interval",
        ),
        (
            "an older object has its policy",
            decide(&with(|f| f.situation.claimed_by("fares/older", 60))),
            "False Conflict stalled | A Workspace of another namespace stands for this workspace too, and a workspace has one policy: Bindery changes nothing through either of them. Delete this object; or ask whoever runs the operator, who sees all namespaces (kubectl get amlws --all-namespaces), to have the other one deleted. | interval",
        ),
        (
            "an account of another namespace may read it too",
            decide(&with(|f| {
                f.spec.credentials = Some(Credentials { service_account_name: "fares".into() });
                f.situation.claimed_by("fares/older", 60);
            })),
            "False Conflict stalled | A Workspace of another namespace stands for this workspace too, and a workspace has one policy: Bindery changes nothing through either of them. Delete this object; or ask whoever runs the operator, who sees all namespaces (kubectl get amlws --all-namespaces), to have the other one deleted. Or ask an administrator of the workspace in Azure who else has a role there (az role assignment list --include-inherited --scope /subscriptions/s/resourceGroups/rg/providers/Microsoft.MachineLearningServices/workspaces/production), and have that taken away: an account that cannot read the workspace puts nobody into conflict. | 60 s",
        ),
        (
            "a younger object claims it",
            decide(&with(|f| f.situation.claimed_by("platform/younger", -60))),
            "False Conflict stalled | platform/younger stands for this workspace too, and a workspace has one policy: Bindery changes nothing through either of them. Delete one of the two. | interval",
        ),
        (
            "no identity serves it",
            decide(&with(|f| (f.workspace, f.situation.acting) = (Look::Unseen, Err("Add it.".into())))),
            "False IdentityNotAllowed stalled | Add it. | interval",
        ),
        (
            "the object goes",
            decide(&with(|f| f.situation.deleting = true)),
            "False Finishing working | Nothing in Azure depends on this object. | interval | released",
        ),
        (
            "unreadable, after a fresh look",
            decide(&with(|f| {
                f.status.conditions = ready();
                f.workspace = Look::Unseen;
                f.situation.unreadable_by(Class::Transient);
            })),
            "True Succeeded settled | All is well. | 1 s",
        ),
        (
            "not allowed to read",
            decide(&with(|f| {
                f.status.conditions = ready();
                f.workspace = Look::Unseen;
                f.situation.unreadable_by(Class::Unauthorized);
            })),
            "False Unauthorized stalled | Bindery could not read it: No. Check the rights of that identity in Azure; Bindery tries again, at least every 10 min. | 10 s",
        ),
        (
            "an identity of its own that is not let in has no quarrel",
            decide(&with(|f| {
                f.spec.credentials = Some(Credentials { service_account_name: "fares".into() });
                f.workspace = Look::Unseen;
                f.situation.unreadable_by(Class::Unauthorized);
                f.situation.claimed_by("platform/theirs", 60);
            })),
            "False Unauthorized stalled | Bindery could not read it: No. Check the rights of that identity in Azure; Bindery tries again, at least every 10 min. | 10 s",
        ),
        (
            "nor has one without a token",
            decide(&with(|f| {
                f.spec.credentials = Some(Credentials { service_account_name: "fares".into() });
                f.workspace = Look::Unseen;
                f.situation.unreadable_by(Class::Credential);
                f.situation.claimed_by("platform/theirs", 60);
            })),
            "False CredentialFailed stalled | Bindery could not read it: No. Bindery tries again, at least every 10 min. | 10 s",
        ),
    ]);
}

#[test]
fn the_status_says_what_azure_says() {
    let status = decide(&workspace()).status;
    assert_eq!(status.workspace_id.as_deref(), Some("guid"));
    assert_eq!(status.location.as_deref(), Some("eastus"));
    assert_eq!(status.mlflow_tracking_uri.as_deref(), Some("azureml://eastus.api.azureml.ms/mlflow/v1.0/x"));
    assert!(status.conditions.iter().all(|c| c.type_ != "Drifted"));
}

/// What is decided of a workspace that is being deleted and is referred to.
fn leaving(own: &[&str], others: &[&str], change: impl FnOnce(&mut Facts)) -> Decision<WorkspaceStatus> {
    decide(&with(|f| {
        f.situation.deleting = true;
        f.situation.deleted_at = Some(ago(60));
        f.situation.referrers = Some(Referrers {
            own: own.iter().map(ToString::to_string).collect(),
            others: others.iter().map(ToString::to_string).collect(),
            stays: true,
            ignored: false,
        });
        change(f);
    }))
}

fn referrers(f: &mut Facts) -> &mut Referrers {
    f.situation.referrers.as_mut().unwrap()
}

#[test]
fn it_goes_when_nobody_refers_to_it_any_more() {
    let or = "Delete them first; or set its annotation bindery.dev/delete-while-in-use to \"true\", and it goes at once, without a change in Azure, and they find it missing.";
    let held = |who: &str, then: &str| {
        format!("It is being deleted, and stays while it is referred to by {who}. {then}")
    };
    let stalled = |who: &str| format!("False InUse stalled | {} | interval", held(who, or));
    let six = ["a", "b", "c", "d", "e", "f"];
    let until = "Its namespace is being deleted, so it goes at 2026-03-01T12:14:00Z at the latest.";
    assert_table(&[
        (
            "nobody refers to it",
            leaving(&[], &[], |_| ()),
            "False Finishing working | Nothing in Azure depends on this object. | interval | released",
        ),
        (
            "some of its own namespace do",
            leaving(&["DeploymentBinding taxi", "ModelVersion taxi-1"], &[], |_| ()),
            &stalled("DeploymentBinding taxi, ModelVersion taxi-1"),
        ),
        ("many do", leaving(&six, &[], |_| ()), &stalled("a, b, c, d, e and 1 more")),
        ("one elsewhere", leaving(&[], &["blue"], |_| ()), &stalled("1 object in another namespace")),
        (
            "some elsewhere, of whom nobody is told the names",
            leaving(&["a"], &["blue", "red", "red"], |_| ()),
            &stalled("a; and 3 objects in 2 other namespaces"),
        ),
        (
            "they are being deleted too",
            leaving(&["a"], &[], |f| referrers(f).stays = false),
            &format!("False InUse working | {} | interval", held("a", "They are being deleted too.")),
        ),
        (
            "its annotation says that it goes",
            leaving(&["a"], &["blue"], |f| referrers(f).ignored = true),
            "False Finishing working | Nothing in Azure depends on this object. It is still referred to by a; and 1 object in another namespace. | interval | released",
        ),
        (
            "its namespace is being deleted",
            leaving(&["a"], &[], |f| f.situation.ownership.namespace_ends = true),
            &format!("False InUse working | {} | 840 s", held("a", until)),
        ),
        (
            "its namespace has been deleted for long",
            leaving(&["a"], &[], |f| {
                f.situation.ownership.namespace_ends = true;
                f.situation.deleted_at = Some(ago(900));
            }),
            "False Finishing working | Nothing in Azure depends on this object. It is still referred to by a. | interval | released",
        ),
        (
            "another object stands for it: this one waits all the same",
            leaving(&["a"], &[], |f| f.situation.claimed_by("platform/younger", -60)),
            &stalled("a"),
        ),
        (
            "no identity serves it any more",
            leaving(&["a"], &[], |f| {
                (f.workspace, f.situation.acting) = (Look::Unseen, Err("Add it.".into()));
            }),
            &stalled("a"),
        ),
    ]);
}

#[test]
fn it_is_held_before_anybody_refers_to_it() {
    let mut facts = workspace();
    assert!(facts.situation.needs_finalizer(false));
    facts.situation.deleting = true;
    assert!(!facts.situation.needs_finalizer(false), "nobody may add one any more");
}
