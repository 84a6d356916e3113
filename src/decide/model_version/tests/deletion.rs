//! The end of a version's object.

use super::*;
use crate::api::{Role, ServedBy, VersionDeletion};
use crate::azure::model::Class;
use crate::decide::fixtures::{assert_table, failed_state};
use crate::decide::{Mode, Right};

fn deleting(policy: VersionDeletion, change: impl FnOnce(&mut Facts)) -> Facts {
    with(|f| {
        f.situation.deleting = true;
        f.spec.deletion_policy = policy;
        change(f);
    })
}

fn served(facts: &mut Facts) {
    facts.served_by = vec![ServedBy {
        namespace: "fares".into(),
        name: "taxi".into(),
        endpoint: "taxi".into(),
        deployment: "v3-0000000000".into(),
        role: Role::Stable,
        workspace: None,
        tier: None,
    }];
}

/// A promotion that is deleted after its publish was asked for.
fn deleting_published(policy: VersionDeletion, change: impl FnOnce(&mut Facts)) -> Facts {
    promoting(|f| {
        f.situation.deleting = true;
        f.spec.deletion_policy = policy;
        asked(f, 20);
        change(f);
    })
}

/// The copy as a publish leaves it: without a word of ours.
fn copied(facts: &mut Facts) {
    *facts = Facts { version: promotion().version, ..facts.clone() };
    found(facts).tags.clear();
}

/// Its place does not let its namespace publish the model.
fn kept_out(facts: &mut Facts) {
    facts.situation.kept_out();
}

/// What its status remembers of it is where its place is.
fn let_in_once(facts: &mut Facts) {
    facts.status.id = facts.id.as_ref().map(ToString::to_string);
}

const NO_SUCH_PLACE: &str = "False ReferenceNotFound stalled | There is no Workspace fares/development, or neither its allowedNamespaces nor its publishers include this namespace. Apply it, or have its owner let this namespace in. To delete this object now and leave Azure as it is, set its spec.deletionPolicy to Retain. | interval";
const NO_SUCH_PLACE_EITHER: &str = "False Finishing working | Its place is gone with its namespace, and with it who could say which version is its own, or act for it: what there is stays in Azure. | interval | released";

#[test]
fn a_deletion_ends_as_its_policy_says() {
    use VersionDeletion::{Archive, Delete, Retain};
    let unowned = |f: &mut Facts| {
        found(f).tags.remove("bindery-owner");
    };
    assert_table(&vec![
        (
            "retained",
            decide(&deleting(Retain, |_| ())),
            "False Finishing working | The version stays in Azure: spec.deletionPolicy is Retain. | interval | released",
        ),
        ("archived", decide(&deleting(Archive, |_| ())), "False Deleting working | -> archive taxi:3 | now"),
        (
            "archived already",
            decide(&deleting(Archive, |f| found(f).is_archived = true)),
            "False Finishing working | The version is archived in Azure. | interval | released",
        ),
        (
            "archived, while it serves",
            decide(&deleting(Archive, served)),
            "False Deleting working | -> archive taxi:3 | now",
        ),
        ("deleted", decide(&deleting(Delete, |_| ())), "False Deleting working | -> delete taxi:3 | now"),
        (
            "deleted, while it serves",
            decide(&deleting(Delete, served)),
            "False InUse stalled | taxi:3 is not deleted while it is deployed by fares/taxi. Bind another version there first; the deployment of a version that is no longer bound stays for spec.strategy.keepPrevious. | interval",
        ),
        (
            "gone",
            decide(&deleting(Delete, |f| f.version = Look::Absent)),
            "False Finishing working | The version is not in Azure, so nothing is left to delete there. | interval | released",
        ),
        (
            "its place and its status are gone, so nobody knows where it is",
            decide(&deleting(Delete, |f| {
                (f.id, f.version, f.place) = (None, Look::Unseen, missing());
            })),
            "False ReferenceNotFound stalled | There is no Workspace fares/development, or neither its allowedNamespaces nor its publishers include this namespace. Apply it, or have its owner let this namespace in. To delete this object now and leave Azure as it is, set its spec.deletionPolicy to Retain. | interval",
        ),
        (
            "the same, and its namespace goes",
            decide(&deleting(Delete, |f| {
                (f.id, f.version, f.place) = (None, Look::Unseen, missing());
                f.situation.ownership.namespace_ends = true;
            })),
            "False Finishing working | Its place is gone with its namespace, and with it who could say which version is its own, or act for it: what there is stays in Azure. | interval | released",
        ),
        (
            "deployed, and an heir could come yet",
            decide(&deleting(Delete, |f| {
                f.situation.deleted_at = Some(f.situation.now);
                served(f);
            })),
            "False InUse stalled | taxi:3 is not deleted while it is deployed by fares/taxi. Bind another version there first; the deployment of a version that is no longer bound stays for spec.strategy.keepPrevious. | interval",
        ),
        (
            "not ours",
            decide(&deleting(Delete, unowned)),
            "False Finishing working | The version taxi:3 stays in Azure: no tag there names this object as its owner. | interval | released",
        ),
        (
            "its place is gone, and what its status names is another namespace's, whose name is nobody's business",
            decide(&deleting(Delete, |f| {
                let_in_once(f);
                f.place = missing();
                found(f).tags.insert("bindery-owner".into(), "prod/a/b".into());
            })),
            "False Finishing working | The version taxi:3 stays in Azure: no tag there names this object as its owner. | interval | released",
        ),
        (
            "its namespace is no publisher any more",
            decide(&deleting(Delete, kept_out)),
            "False Finishing working | The version taxi:3 stays in Azure as it is: it is no publisher. | interval | released",
        ),
        (
            "the same, and it may not even refer to its place",
            decide(&deleting(Archive, |f| {
                let_in_once(f);
                kept_out(f);
                f.place = missing();
            })),
            "False Finishing working | The version taxi:3 stays in Azure as it is: it is no publisher. | interval | released",
        ),
        (
            "the same, and by its status it never had anything there: as if there were no such place",
            decide(&deleting(Archive, |f| {
                kept_out(f);
                (f.place, f.version) = (missing(), Look::Unseen);
            })),
            NO_SUCH_PLACE,
        ),
        (
            "there is no such place",
            decide(&deleting(Archive, |f| {
                (f.place, f.version, f.id) = (missing(), Look::Unseen, None);
            })),
            NO_SUCH_PLACE,
        ),
        (
            "it never had anything there, and its namespace goes",
            decide(&deleting(Archive, |f| {
                kept_out(f);
                (f.place, f.version) = (missing(), Look::Unseen);
                f.situation.ownership.namespace_ends = true;
            })),
            NO_SUCH_PLACE_EITHER,
        ),
        (
            "there is no such place, and its namespace goes",
            decide(&deleting(Archive, |f| {
                (f.place, f.version, f.id) = (missing(), Look::Unseen, None);
                f.situation.ownership.namespace_ends = true;
            })),
            NO_SUCH_PLACE_EITHER,
        ),
        (
            "the same, and its copy may still come",
            decide(&deleting(Delete, |f| {
                kept_out(f);
                f.version = Look::Absent;
                f.status.publishing =
                    Some(crate::api::Publishing { from: "a".into(), since: f.situation.now });
            })),
            "False Finishing working | The version taxi:3 stays in Azure as it is: it is no publisher. | interval | released",
        ),
        (
            "nobody can say whether its namespace is a publisher",
            decide(&deleting(Delete, |f| {
                f.situation.ownership.right = Right::NotWatched { because: "Watch it.".into() };
            })),
            "False NotWatched stalled | Watch it. To delete this object now and leave Azure as it is, set its spec.deletionPolicy to Retain. | interval",
        ),
        (
            "another object stands for it",
            decide(&deleting(Delete, |f| f.situation.claimed_by("fares/new", -60))),
            "False Deleting working | -> hand the version taxi:3 over to fares/new | now",
        ),
        (
            "suspended",
            decide(&deleting(Delete, |f| f.situation.mode = Mode::Suspended)),
            "False Finishing working | Bindery lets go and leaves Azure as it is: spec.suspend is true. | interval | released",
        ),
        (
            "Azure cannot be read",
            decide(&deleting(Delete, |f| {
                f.version = Look::Unseen;
                f.situation.unreadable_by(Class::Transient);
            })),
            "False Unreachable working | Bindery could not read it: No. Bindery tries again, at least every 5 min. | 1 s",
        ),
        (
            "its place is gone, and Azure is read by the status",
            decide(&deleting(Delete, |f| f.place = missing())),
            "False Deleting working | -> delete taxi:3 | now",
        ),
    ]);
}

#[test]
fn a_promotion_that_is_deleted_while_it_is_published_leaves_no_copy_behind() {
    use VersionDeletion::{Archive, Delete, Retain};
    assert_table(&vec![
        (
            "the publish runs",
            decide(&deleting_published(Delete, |f| running(f, OperationState::Running))),
            "False OperationRunning working | Azure works on it: publish taxi:3 to registry models. | 15 s",
        ),
        (
            "the answer was lost",
            decide(&deleting_published(Delete, |_| ())),
            "False Publishing working | A publish from /w/models/taxi/3 was asked for, or was about to be, and its copy is not there yet. Bindery waits for the copy until 2026-03-01T12:29:40Z, to delete the copy. To let go at once, set spec.deletionPolicy to Retain. | 5 s",
        ),
        (
            "it says that it is done, and the copy cannot be seen yet",
            decide(&deleting_published(Archive, |f| running(f, OperationState::Succeeded))),
            "False Publishing working | A publish from /w/models/taxi/3 was asked for, or was about to be, and its copy is not there yet. Bindery waits for the copy until 2026-03-01T12:30:00Z, to archive the copy. To let go at once, set spec.deletionPolicy to Retain. | 1 s",
        ),
        (
            "it failed",
            decide(&deleting_published(Delete, |f| running(f, failed_state()))),
            "False Finishing working | The version is not in Azure, so nothing is left to delete there. | interval | released",
        ),
        (
            "nothing came",
            decide(&deleting_published(Delete, |f| asked(f, 1800))),
            "False Finishing working | The version is not in Azure, so nothing is left to delete there. | interval | released",
        ),
        (
            "the copy is there, undescribed: from now on it says whose it is",
            decide(&deleting_published(Delete, copied)),
            "False Deleting working | -> describe the published taxi:3 | now",
        ),
        (
            "the same, to be archived",
            decide(&deleting_published(Archive, copied)),
            "False Deleting working | -> archive taxi:3 | now",
        ),
        (
            "the same, with the tag of its source, which the publish took along",
            decide(&deleting_published(Delete, |f| {
                copied(f);
                found(f).tags.insert("bindery-owner".into(), "prod/fares/taxi-3-dev".into());
            })),
            "False Deleting working | -> describe the published taxi:3 | now",
        ),
        (
            "what is there carries another's tag",
            decide(&deleting_published(Delete, |f| {
                copied(f);
                found(f).tags.insert("bindery-owner".into(), "other/a/b".into());
            })),
            "False Finishing working | The version taxi:3 stays in Azure: it belongs to a/b of cluster other. | interval | released",
        ),
        (
            "what is there carries the tag of an object that is no source of it, and gone",
            decide(&deleting_published(Delete, |f| {
                copied(f);
                found(f).tags.insert("bindery-owner".into(), "prod/a/b".into());
            })),
            "False Finishing working | The version taxi:3 stays in Azure: it belongs to a/b. | interval | released",
        ),
        (
            "its registry is gone or lets nobody in: the status alone makes nothing ours",
            decide(&deleting_published(Delete, |f| {
                copied(f);
                f.place = missing();
            })),
            "False Finishing working | The version taxi:3 stays in Azure: no tag there names this object as its owner. | interval | released",
        ),
        (
            "another object stands for it",
            decide(&deleting_published(Delete, |f| f.situation.claimed_by("fares/new", -60))),
            "False Finishing working | The version, once it is in Azure, belongs to another object. | interval | released",
        ),
        (
            "retained",
            decide(&deleting_published(Retain, |f| running(f, OperationState::Running))),
            "False Finishing working | The version stays in Azure: spec.deletionPolicy is Retain. | interval | released",
        ),
    ]);
}

#[test]
fn where_a_copy_will_be_is_known_before_it_is_there() {
    let decision = decide(&promoting(|_| ()));
    assert_eq!(decision.status.id, promotion().id.map(|id| id.to_string()));
    assert_eq!(decision.status.asset_id, None);
}
