use super::{Facts, decide};
use crate::api::Credentials;
use crate::azure::model::Class;
use crate::decide::Look;
use crate::decide::fixtures::{assert_table, ready, workspace};

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
            "False Conflict stalled | A Workspace of another namespace stands for this workspace too, and a workspace has one policy: Bindery changes nothing through either of them. Delete one of the two. | interval",
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
