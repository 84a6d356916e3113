//! The end of a registry's object.

use std::time::Duration;

use super::*;
use crate::api::{ConditionType, Reason, RegistryDeletion, conditions_of};
use crate::azure::model::Class;
use crate::decide::fixtures::assert_table;
use crate::decide::{Mode, Referrers};

fn deleting(change: impl FnOnce(&mut Facts)) -> Facts {
    with(|f| {
        f.situation.deleting = true;
        f.spec.deletion_policy = RegistryDeletion::Delete;
        change(f);
    })
}

fn referred_to(f: &mut Facts) {
    f.situation.referrers =
        Some(Referrers { own: vec!["ModelVersion taxi-3".into()], stays: true, ..Referrers::default() });
}

#[test]
fn a_deletion_ends_as_its_policy_says() {
    assert_table(&[
        (
            "retained",
            decide(&deleting(|f| f.spec.deletion_policy = RegistryDeletion::Retain)),
            "False Finishing working | The registry stays in Azure: spec.deletionPolicy is Retain. | interval | released",
        ),
        ("empty", decide(&deleting(|_| ())), "False Deleting working | -> delete the registry models | now"),
        (
            "not empty",
            decide(&deleting(|f| f.holds = vec!["models".into()])),
            "False NotEmpty stalled | The registry is not deleted while it holds models. Remove them first, or set spec.deletionPolicy to Retain to let go of it. | 1 s",
        ),
        (
            "not empty for a long time, which is asked for less often",
            decide(&deleting(|f| {
                f.holds = vec!["models".into()];
                let mut said = conditions_of(&[]);
                said.set(
                    ConditionType::Stalled,
                    Some(true),
                    Reason::NotEmpty,
                    "",
                    1,
                    f.situation.now - Duration::from_hours(9),
                );
                f.status.conditions = said.into_vec();
            })),
            "False NotEmpty stalled | The registry is not deleted while it holds models. Remove them first, or set spec.deletionPolicy to Retain to let go of it. | 600 s",
        ),
        (
            "still referred to",
            decide(&deleting(referred_to)),
            "False InUse stalled | It is being deleted, and stays while it is referred to by ModelVersion taxi-3. Delete them first; or set its annotation bindery.dev/delete-while-in-use to \"true\", and it goes at once, without a change in Azure, and they find it missing. | interval",
        ),
        (
            "still referred to, and retained",
            decide(&deleting(|f| {
                referred_to(f);
                f.spec.deletion_policy = RegistryDeletion::Retain;
            })),
            "False InUse stalled | It is being deleted, and stays while it is referred to by ModelVersion taxi-3. Delete them first; or set its annotation bindery.dev/delete-while-in-use to \"true\", and it goes at once, without a change in Azure, and they find it missing. | interval",
        ),
        (
            "still referred to, and observed: what is held is the object",
            decide(&deleting(|f| {
                referred_to(f);
                f.situation.mode = Mode::Observe;
            })),
            "False InUse stalled | It is being deleted, and stays while it is referred to by ModelVersion taxi-3. Delete them first; or set its annotation bindery.dev/delete-while-in-use to \"true\", and it goes at once, without a change in Azure, and they find it missing. | interval",
        ),
        (
            "still referred to, and to go all the same",
            decide(&deleting(|f| {
                referred_to(f);
                f.situation.referrers.as_mut().unwrap().ignored = true;
                f.spec.deletion_policy = RegistryDeletion::Retain;
            })),
            "False Finishing working | The registry stays in Azure: spec.deletionPolicy is Retain. It is still referred to by ModelVersion taxi-3. | interval | released",
        ),
        (
            "to go all the same, but not with what it holds",
            decide(&deleting(|f| {
                referred_to(f);
                f.situation.referrers.as_mut().unwrap().ignored = true;
                f.holds = vec!["models".into()];
            })),
            "False NotEmpty stalled | The registry is not deleted while it holds models. Remove them first, or set spec.deletionPolicy to Retain to let go of it. | 1 s",
        ),
        (
            "gone",
            decide(&deleting(|f| f.registry = Look::Absent)),
            "False Finishing working | The registry is not in Azure, so nothing is left to delete there. | interval | released",
        ),
        (
            "still being made",
            decide(&deleting(|f| {
                f.registry = Look::Absent;
                running(f, Purpose::Create, "create the registry models", 8, OperationState::Running);
            })),
            "False OperationRunning working | Azure works on it: create the registry models. | 2 s",
        ),
        (
            "being deleted",
            decide(&deleting(|f| {
                running(f, Purpose::Update, "delete the registry models", 8, OperationState::Running);
            })),
            "False OperationRunning working | Azure works on it: delete the registry models. | 2 s",
        ),
        (
            "never taken over",
            decide(&deleting(|f| f.registry = Look::Found(registry_found(&["eastus"], &[])))),
            "False Finishing working | The registry models stays in Azure: no tag there names this object as its owner. | interval | released",
        ),
        (
            "another cluster's",
            decide(&deleting(|f| tag(f, "bindery-owner", "other/platform/models"))),
            "False Finishing working | The registry models stays in Azure: it belongs to platform/models of cluster other. | interval | released",
        ),
        (
            "another object stands for it",
            decide(&deleting(|f| f.situation.claimed_by("platform/new", -60))),
            "False Deleting working | -> hand the registry models over to platform/new | now",
        ),
        (
            "suspended",
            decide(&deleting(|f| f.situation.mode = Mode::Suspended)),
            "False Finishing working | Bindery lets go and leaves Azure as it is: spec.suspend is true. | interval | released",
        ),
        (
            "observed, and Azure cannot be read",
            decide(&deleting(|f| {
                f.situation.mode = Mode::Observe;
                f.registry = Look::Unseen;
                f.situation.unreadable_by(Class::Unauthorized);
            })),
            "False Finishing working | Bindery lets go and leaves Azure as it is: spec.management is Observe. | interval | released",
        ),
        (
            "Azure cannot be read",
            decide(&deleting(|f| {
                f.registry = Look::Unseen;
                f.situation.unreadable_by(Class::Unauthorized);
            })),
            "False Unauthorized stalled | Bindery could not read it: No. Check the rights of that identity in Azure; Bindery tries again, at least every 10 min. | 10 s",
        ),
    ]);
}
