//! A copy from another registry: a place for the files, the files, and the version.

use serde_json::{Value, json};

use super::*;
use crate::api::Copying;
use crate::azure::model::{
    Account, Action, Block, Class, Error, File, Part, Piece, Principal, Reply, Transfer, Uploaded,
};
use crate::decide::fixtures::{assert_table, attempt, failure, noon, version};
use crate::decide::{Decision, Mode, SourceVersion};

const MIB: u64 = 1024 * 1024;
const UPLOAD: &str = "9c3d1c3e-0000-4000-8000-000000000001";
const CONTAINER: &str = "https://store.blob.core.windows.net/upload";

fn file(name: &str, size: u64) -> File {
    File { name: format!("model/{name}"), size, etag: format!("0x{size}"), md5: Some(format!("md5-{name}")) }
}

fn files() -> Vec<File> {
    vec![file("MLmodel", 600), file("empty", 0), file("weights.bin", 2560 * MIB)]
}

/// The version `taxi:3` of the registry `dev`, as Azure has it.
fn source(properties: &Value) -> crate::azure::model::resource::ModelVersion {
    let mut version = json!({"systemData": {"createdAt": "2026-02-01T00:00:00Z"}, "properties": {
        "modelUri": "https://dev.blob.core.windows.net/c/model", "modelType": "mlflow_model", "stage": "Production",
        "description": "Theirs.", "tags": {"theirs": "x"}, "flavors": {"sklearn": {"data": {"a": "b"}}},
    }});
    for (key, value) in properties.as_object().unwrap() {
        version["properties"][key] = value.clone();
    }
    serde_json::from_value(version).unwrap()
}

/// A new copy from the registry `dev` into `models`: the source and its files were read.
fn copying(change: impl FnOnce(&mut Facts)) -> Facts {
    promoting(|f| {
        f.source = Some(version("3", Some("dev")));
        if let Some(SourceVersion::Ready { created, .. }) = &mut f.source {
            *created = Some("2026-02-01T00:00:00Z".parse().unwrap());
        }
        f.copy.source = Look::Found(source(&json!({})));
        f.copy.files = files();
        f.copy.upload = UPLOAD.into();
        change(f);
    })
}

/// The same once its upload has begun, with what has arrived of it.
fn with_arrived(arrived: Vec<File>, change: impl FnOnce(&mut Facts)) -> Facts {
    copying(|f| {
        f.status.copying = Some(begun(UPLOAD));
        f.copy.uploaded = Some(Uploaded { container: CONTAINER.into(), files: arrived });
        change(f);
    })
}

fn begun(upload: &str) -> Copying {
    Copying {
        from: version_id().to_string(),
        upload: upload.into(),
        container: Some(CONTAINER.into()),
        since: ago(60),
        files: 3,
        files_copied: 0,
        bytes: 1,
        bytes_copied: 0,
    }
}

fn version_id() -> ResourceId {
    ResourceId::registry("s", "rg", "dev").model_version("taxi", "3")
}

#[test]
fn a_copy_goes_step_by_step() {
    let there = |names: &[&str]| -> Vec<File> {
        files().into_iter().filter(|file| names.contains(&&file.name["model/".len()..])).collect()
    };
    assert_table(&vec![
        (
            "the source is missing, or its registry does not allow this namespace",
            decide(&copying(|f| {
                f.source = Some(SourceVersion::Missing { what: "ModelVersion ml/taxi-3".into() });
            })),
            "False ReferenceNotFound working | There is no ModelVersion ml/taxi-3 to promote, or this namespace may not refer to it. Apply it, or correct spec.source.modelVersionRef in a new ModelVersion. | 300 s",
        ),
        (
            "its sources lead back to it",
            decide(&copying(|f| f.circle = ["fares/a", "fares/b", "fares/a"].map(String::from).to_vec())),
            "False ReferenceCycle stalled | spec.source.modelVersionRef leads back to this object: fares/a comes from fares/b, which comes from fares/a. A version cannot come from itself: name the version in the workspace that a job or a path registers, in a new ModelVersion. | interval",
        ),
        (
            "nothing was begun",
            decide(&copying(|_| ())),
            "False Copying working | -> make a place in registry models for the files of taxi:3 from registry dev | now",
        ),
        (
            "it may not be done now, so nothing was read",
            decide(&copying(|f| {
                f.situation.mode = Mode::Suspended;
                f.copy = crate::decide::model_version::Material::default();
            })),
            "False Suspended settled | spec.suspend is true: Bindery changes nothing in Azure, even when this wait is over. taxi:3 is to be copied from registry dev; Bindery has not looked at its files yet. | 1 s",
        ),
        (
            "the source was deleted in Azure",
            decide(&copying(|f| f.copy.source = Look::Absent)),
            "False ReferenceNotReady working | Azure does not have /subscriptions/s/resourceGroups/rg/providers/Microsoft.MachineLearningServices/registries/dev/models/taxi/versions/3 any more, which is to be copied. Register it again, or name another version in a new ModelVersion. | 300 s",
        ),
        (
            "the source was archived while it was copied",
            decide(&with_arrived(vec![], |f| {
                f.copy.source = Look::Found(source(&json!({"isArchived": true})));
            })),
            "False ReferenceNotReady working | /subscriptions/s/resourceGroups/rg/providers/Microsoft.MachineLearningServices/registries/dev/models/taxi/versions/3, which is to be copied, is archived in Azure. Take it out of the archive, or name another version in a new ModelVersion. | 300 s",
        ),
        (
            "the source is not finished itself",
            decide(&copying(|f| {
                f.copy.source = Look::Found(source(&json!({"provisioningState": "Creating"})));
            })),
            "False ReferenceNotReady working | /subscriptions/s/resourceGroups/rg/providers/Microsoft.MachineLearningServices/registries/dev/models/taxi/versions/3, which is to be copied, is in state Creating. | interval",
        ),
        (
            "the source has no files",
            decide(&copying(|f| f.copy.files.clear())),
            "False AssetMismatch stalled | /subscriptions/s/resourceGroups/rg/providers/Microsoft.MachineLearningServices/registries/dev/models/taxi/versions/3 has no files at its path, so there is nothing to copy. Name another version in a new ModelVersion. | interval",
        ),
        (
            "nothing has arrived",
            decide(&with_arrived(vec![], |_| ())),
            "False Copying working | -> copy files of taxi:3 from registry dev | now",
        ),
        (
            "the files of before are not those of the source as it is now",
            decide(&with_arrived(there(&["MLmodel"]), |f| f.status.copying = Some(begun("another")))),
            "False Copying working | -> make a place in registry models for the files of taxi:3 from registry dev | now",
        ),
        (
            "a file of somebody else is among them",
            decide(&with_arrived(vec![file("strange", 1)], |_| ())),
            "False AssetMismatch stalled | Somebody else has put the file model/strange among those that are copied for taxi:3, so the version is not registered. Delete the file in the storage of the registry, in the container of pending upload 9c3d1c3e-0000-4000-8000-000000000001. | interval",
        ),
        (
            "the upload has another container than before, in which nothing is",
            decide(&with_arrived(vec![], |f| {
                f.copy.uploaded.as_mut().unwrap().container.push_str("-again");
            })),
            "False Refused stalled | Azure gives pending upload 9c3d1c3e-0000-4000-8000-000000000001 another container than before, so what was copied of taxi:3 is not found again, and Bindery does not copy it a second time. Upload the files with Azure's own tools, and name the version in a new ModelVersion with source.existing. | interval",
        ),
        (
            "everything has arrived",
            decide(&with_arrived(files(), |_| ())),
            "False Registering working | -> register taxi:3, copied from registry dev | now",
        ),
        (
            "a call did not work",
            decide(&with_arrived(vec![], |f| {
                let copy =
                    attempt(Purpose::Copy, f.id.as_ref().unwrap(), "copy files of taxi:3 from registry dev");
                f.situation.trouble.failure = Some(failure(copy, Class::Unauthorized, 0, 1));
            })),
            "False Unauthorized stalled | Bindery could not copy files of taxi:3 from registry dev: No. Check the rights of that identity in Azure; Bindery tries again, at least every 10 min. | 10 s",
        ),
    ]);
}

#[test]
fn the_status_says_how_far_a_copy_is() {
    let mut arrived = files();
    arrived.truncate(1);
    let facts = with_arrived(arrived, |f| {
        let blocks = [("MDAwMDAw", 64 * MIB), ("MDAwMDAx", 64 * MIB), ("MDAwMDAy", 5), ("other", 64 * MIB)];
        let blocks = blocks.map(|(id, size)| Block { id: id.into(), size });
        f.copy.blocks = ("model/weights.bin".into(), blocks.to_vec());
    });
    let decision = decide(&facts);
    let said = &decision.status.conditions;
    let ready = said.iter().find(|c| c.type_ == "Ready").unwrap();
    assert_eq!(ready.message, "Copied 1 of 3 files, 0.1 of 2.6 GB, from registry dev.");
    let copying = decision.status.copying.clone().unwrap();
    let bytes = i64::try_from(600 + 2560 * MIB).unwrap();
    let copied = i64::try_from(600 + 128 * MIB).unwrap();
    assert_eq!((copying.files, copying.files_copied), (3, 1));
    assert_eq!((copying.bytes, copying.bytes_copied, copying.since), (bytes, copied, ago(60)));
    // One event of each batch would tell nobody more.
    assert_eq!((decision.deed, decision.events), (None, vec![]));

    // Of a version that is there, nothing is copied any more.
    let mut there = facts;
    there.version = model_version().version;
    assert_eq!(decide(&there).status.copying, None);
}

fn transfer(decision: &Decision<ModelVersionStatus>) -> Transfer {
    match &decision.call.as_ref().unwrap().action {
        Action::Fetch(transfer) => (**transfer).clone(),
        other => panic!("{other:?}"),
    }
}

/// Small files whole, a large one in blocks of which one call asks for some; what is there is not asked for again.
#[test]
fn a_call_asks_for_what_is_missing_and_for_no_more_than_arrives_in_time() {
    let first = transfer(&decide(&with_arrived(vec![], |_| ())));
    assert_eq!((first.from, first.upload.as_str()), (version_id(), UPLOAD));
    assert_eq!(first.uri, "https://dev.blob.core.windows.net/c/model");
    let whole = Piece { id: "MDAwMDAw".into(), offset: 0, size: 600 };
    let ids = |parts: &Part| parts.pieces.iter().map(|piece| piece.size).collect::<Vec<_>>();
    assert_eq!(first.parts[0].pieces, vec![whole]);
    assert_eq!(first.parts[0].complete, Some(vec!["MDAwMDAw".to_string()]));
    assert_eq!((&first.parts[1].pieces, &first.parts[1].complete), (&vec![], &Some(vec![])));
    assert_eq!((ids(&first.parts[2]), &first.parts[2].complete), (vec![64 * MIB; 16], &None));

    let blocks = |numbers: std::ops::Range<u64>| -> Vec<Block> {
        let ids = crate::decide::model_version::copy::plan::ids(40);
        numbers.map(|n| Block { id: ids[usize::try_from(n).unwrap()].clone(), size: 64 * MIB }).collect()
    };
    let mut small = files();
    small.truncate(2);
    let last = transfer(&decide(&with_arrived(small, |f| {
        f.copy.blocks = ("model/weights.bin".into(), blocks(0..39));
    })));
    let [part] = &last.parts[..] else { panic!("{:?}", last.parts) };
    assert_eq!(part.pieces, vec![Piece { id: "MDAwMDM5".into(), offset: 39 * 64 * MIB, size: 64 * MIB }]);
    assert_eq!(part.complete.as_ref().map(Vec::len), Some(40));
    // A file of another size, or with another checksum, has not arrived.
    for wrong in
        [File { size: 601, ..file("MLmodel", 600) }, File { md5: Some("x".into()), ..file("MLmodel", 600) }]
    {
        let mut arrived = files();
        arrived[0] = wrong;
        assert_eq!(transfer(&decide(&with_arrived(arrived, |_| ()))).parts.len(), 1);
    }
    let mut unknown = files();
    unknown[0].md5 = None;
    assert_eq!(decide(&with_arrived(unknown, |_| ())).call.unwrap().errand.purpose, Purpose::Register);
}

#[test]
fn what_is_registered_has_the_files_and_what_describes_them() {
    let body = |verified: bool| {
        let tags = if verified { json!({"bindery-verified": "true"}) } else { json!({"theirs": "x"}) };
        let facts = with_arrived(files(), |f| f.copy.source = Look::Found(source(&json!({"tags": tags}))));
        match decide(&facts).call.unwrap().action {
            Action::Put(body) => body["properties"].clone(),
            other => panic!("{other:?}"),
        }
    };
    let sent = body(true);
    assert_eq!(sent["modelUri"], format!("{CONTAINER}/model"));
    assert_eq!(
        (&sent["modelType"], &sent["flavors"]["sklearn"]["data"]["a"]),
        (&json!("mlflow_model"), &json!("b"))
    );
    // What people say of a version is for the manifest to say.
    assert_eq!(
        (&sent["description"], &sent["stage"], &sent["tags"]["theirs"]),
        (&Value::Null, &Value::Null, &Value::Null)
    );
    let tags = &sent["tags"];
    assert_eq!((&tags["team"], &tags["bindery-owner"]), (&json!("fares"), &json!("prod/fares/taxi-3")));
    assert_eq!((&tags["bindery-verified"], &tags["bindery-job"]), (&json!("true"), &json!("train-3")));
    assert!(tags["bindery-published-from"].is_string());
    let unverified = body(false);
    assert_eq!(unverified["tags"]["bindery-verified"], Value::Null);
    assert_eq!(unverified["tags"]["bindery-published-from"], tags["bindery-published-from"]);
}

/// Somebody's version under the number of the copy: its files are not those of the source, as far as anybody can tell.
#[test]
fn a_copy_takes_over_only_what_was_copied_from_its_source() {
    let mark = {
        let Action::Put(body) = decide(&with_arrived(files(), |_| ())).call.unwrap().action else { panic!() };
        body["properties"]["tags"]["bindery-published-from"].clone()
    };
    let there = |tags: Value, mode: Mode| {
        copying(|f| {
            f.situation.mode = mode;
            f.version = Look::Found(source(&json!({"tags": tags, "provisioningState": "Succeeded"})));
        })
    };
    let stranger = "False AssetMismatch stalled | taxi:3 exists in Azure, but nothing in Azure shows that it was copied from /subscriptions/s/resourceGroups/rg/providers/Microsoft.MachineLearningServices/registries/dev/models/taxi/versions/3. A version cannot be changed: promote the model under the next version; or, to look after what is there, use source: {existing: {}} in a new ModelVersion. | interval";
    for (what, tags, taken) in [
        ("nothing says where it comes from", json!({}), false),
        ("a copy of something else", json!({"bindery-published-from": "0badc0de"}), false),
        (
            "a copy of the source whose owner's tag was taken off",
            json!({"bindery-published-from": mark}),
            true,
        ),
        ("a copy of ours whose mark was taken off", json!({"bindery-owner": "prod/fares/taxi-3"}), true),
    ] {
        let facts = there(tags, Mode::Act);
        let decision = decide(&facts);
        let promoted_from = decision.status.lineage.clone().unwrap_or_default().promoted_from;
        assert_eq!(promoted_from.is_empty(), !taken, "{what}");
        if taken {
            assert!(decision.call.is_some_and(|call| matches!(call.action, Action::Put(_))), "{what}");
        } else {
            assert_table(&[(what, decision, stranger)]);
        }
    }
    let observed = decide(&there(json!({}), Mode::Observe));
    assert_table(&[("who only observes is told the same", observed, stranger)]);
}

#[test]
fn the_status_tells_of_a_copy_before_it_begins_and_only_then() {
    let facts = copying(|_| ());
    let decision = decide(&facts);
    let told = decision.status.copying.unwrap();
    assert_eq!((told.upload.as_str(), told.since, told.files), (UPLOAD, noon(), 3));
    let call = decision.call.unwrap();
    assert_eq!(call.action, Action::BeginUpload(UPLOAD.into()));
    assert_eq!(decide(&copying(|f| f.situation.mode = Mode::Suspended)).status.copying, None);
    for (answer, stands) in [
        (Ok(Reply::default()), true),
        (Err(Error::new(Class::Transient, "Lost.")), true),
        (Err(Error::new(Class::Transient, "Unsent.").before_sending()), false),
        (Err(Error::new(Class::Unauthorized, "No.")), false),
    ] {
        let mut facts = facts.clone();
        facts.absorb(&call, answer.as_ref());
        assert_eq!(facts.status.copying.is_some(), stands, "{answer:?}");
    }
}

/// Each identity acts in its own registry: the files are read as the source's place, and everything else is the target's.
#[test]
fn no_identity_acts_in_the_registry_of_the_other() {
    let account = |name: &str| Principal::Account(Account { namespace: "ml".into(), name: name.into() });
    let of = |f: &mut Facts| {
        f.situation.acting = Ok(account("models"));
        if let Some(SourceVersion::Ready { acting, .. }) = &mut f.source {
            *acting = account("dev");
        }
    };
    for facts in [copying(of), with_arrived(vec![], of), with_arrived(files(), of)] {
        let decision = decide(&facts);
        let call = decision.call.clone().unwrap();
        assert_eq!(call.errand.principal, account("models"), "{}", call.doing);
        if matches!(call.action, Action::Fetch(_)) {
            assert_eq!(transfer(&decision).reader, account("dev"));
        }
    }
}

#[test]
fn a_copy_that_is_not_finished_is_not_let_go_without_a_word() {
    for policy in ["Retain", "Archive", "Delete"] {
        let facts = with_arrived(vec![], |f| {
            f.situation.deleting = true;
            f.spec.deletion_policy = serde_json::from_value(json!(policy)).unwrap();
        });
        let decision = decide(&facts);
        let told: Vec<&str> = decision.events.iter().map(|event| event.note.as_str()).collect();
        let expected = format!(
            "The version is not in Azure. What was copied of its files stays in the storage of registry models, in the container of pending upload {UPLOAD}, which no version names."
        );
        assert_eq!((decision.release, told), (true, vec![expected.as_str()]), "{policy}");
    }
}

/// Somebody registers the number while the files are copied: what was copied is still remembered, and named at the end.
#[test]
fn what_was_copied_is_not_forgotten_when_another_comes_first() {
    for (tags, remembered) in [(json!({}), true), (json!({"bindery-owner": "prod/fares/taxi-3"}), false)] {
        let there = |f: &mut Facts| {
            f.version = Look::Found(source(&json!({"tags": tags, "provisioningState": "Succeeded"})));
        };
        assert_eq!(decide(&with_arrived(vec![], there)).status.copying.is_some(), remembered, "{tags}");
        let going = with_arrived(vec![], |f| {
            there(f);
            f.situation.deleting = true;
            f.spec.deletion_policy = crate::api::VersionDeletion::Retain;
        });
        let notes: Vec<String> = decide(&going).events.into_iter().map(|event| event.note).collect();
        let named = notes[0]
            .ends_with(&format!("in the container of pending upload {UPLOAD}, which no version names."));
        assert_eq!((notes.len(), named), (1, remembered), "{notes:?}");
    }
}

#[test]
fn how_many_bytes_were_copied_is_remembered_once_the_version_is_there() {
    let version =
        |tags: &Value| Look::Found(source(&json!({"tags": tags, "provisioningState": "Succeeded"})));
    let ours = json!({"bindery-owner": "prod/fares/taxi-3"});
    let mut facts = with_arrived(vec![], |_| ());
    facts.status = decide(&facts).status;
    let bytes = facts.status.copying.as_ref().unwrap().bytes;
    assert_eq!((facts.status.size, bytes > 0), (None, true), "it is not there yet");
    facts.version = version(&ours);
    facts.status = decide(&facts).status;
    assert_eq!((facts.status.size, facts.status.copying.is_none()), (Some(bytes), true));
    assert_eq!(decide(&facts).status.size, Some(bytes));
    facts.version = Look::Absent;
    assert_eq!(decide(&facts).status.size, None);
    // Somebody else's version has files that nobody has counted.
    let theirs = with_arrived(vec![], |f| f.version = version(&json!({})));
    assert_eq!(decide(&theirs).status.size, None);
}
