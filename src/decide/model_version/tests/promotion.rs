//! A promotion, which is published once.

use serde_json::json;

use super::*;
use crate::azure::model::{Account, Action, Class, Error, Principal, Reply};
use crate::decide::fixtures::{assert_table, attempt, failed_state, failure, noon};
use crate::decide::{Mode, Owner, SourceVersion, Standing, Tagged};

const RETIRED: &str = "False Retired stalled | /subscriptions/s/resourceGroups/rg/providers/Microsoft.MachineLearningServices/workspaces/development/models/taxi/versions/3 is retired since 2026-03-01T12:00:00Z (spec.retirement of its ModelVersion), so it is not promoted. Promote another version, or have its owner set a later date. | interval";

/// The source goes out of use in so many seconds.
fn retired(facts: &mut Facts, seconds: u64) {
    let at = noon() + std::time::Duration::from_secs(seconds);
    let Some(SourceVersion::Ready { retirement, .. }) = &mut facts.source else { unreachable!() };
    *retirement = serde_json::from_value(json!({"at": at, "action": "BlockNewDeployments"})).ok();
}

#[test]
fn a_promotion_is_published_once() {
    assert_table(&vec![
        (
            "the source is missing",
            decide(&promoting(|f| {
                f.source = Some(SourceVersion::Missing { what: "ModelVersion fares/taxi-3-dev".into() });
            })),
            "False ReferenceNotFound working | There is no ModelVersion fares/taxi-3-dev to promote, or this namespace may not refer to it. Apply it, or correct spec.source.modelVersionRef in a new ModelVersion. | 300 s",
        ),
        (
            "its sources lead back to it",
            decide(&promoting(|f| f.circle = ["fares/a", "fares/b", "fares/a"].map(String::from).to_vec())),
            "False ReferenceCycle stalled | spec.source.modelVersionRef leads back to this object: fares/a comes from fares/b, which comes from fares/a. A version cannot come from itself: name the version in the workspace that a job or a path registers, in a new ModelVersion. | interval",
        ),
        (
            "the source is not ready",
            decide(&promoting(|f| {
                f.source = Some(SourceVersion::NotReady {
                    what: "ModelVersion fares/taxi-3-dev".into(),
                    because: "No.".into(),
                    stalled: false,
                    registered: None,
                });
            })),
            "False ReferenceNotReady working | ModelVersion fares/taxi-3-dev, which is to be promoted, is not ready: No. | interval",
        ),
        (
            "the source is in a namespace that is not watched",
            decide(&promoting(|f| {
                f.source = Some(SourceVersion::NotWatched { because: "Add it.".into() });
            })),
            "False NotWatched stalled | Add it. | interval",
        ),
        (
            "a source of another format",
            decide(&promoting(|f| f.spec.kind = Some(crate::api::ModelType::Triton))),
            "False AssetMismatch stalled | /subscriptions/s/resourceGroups/rg/providers/Microsoft.MachineLearningServices/workspaces/development/models/taxi/versions/3 is of type MLflow, and spec.type says Triton. A copy has the type of its source: take spec.type out of the manifest; or, if another version was meant, name it in a new ModelVersion. | interval",
        ),
        (
            "the source is archived",
            decide(&promoting(|f| {
                let Some(SourceVersion::Ready { archived, .. }) = &mut f.source else { unreachable!() };
                *archived = true;
            })),
            "False Retired stalled | /subscriptions/s/resourceGroups/rg/providers/Microsoft.MachineLearningServices/workspaces/development/models/taxi/versions/3 is archived, so it is not promoted. Promote another version, or have its owner take it out of the archive (spec.archived: false of its ModelVersion). | interval",
        ),
        ("the source is retired", decide(&promoting(|f| retired(f, 0))), RETIRED),
        (
            "the source retires later",
            decide(&promoting(|f| retired(f, 60))),
            "False Publishing working | -> publish taxi:3 to registry models | now",
        ),
        (
            "the source is ready",
            decide(&promoting(|_| ())),
            "False Publishing working | -> publish taxi:3 to registry models | now",
        ),
        (
            "the publish runs, for however long",
            decide(&promoting(|f| {
                asked(f, 700);
                running(f, OperationState::Running);
            })),
            "False OperationRunning working | Azure works on it: publish taxi:3 to registry models. | 15 s",
        ),
        (
            "the identity of the source's place is not lent to this registry",
            decide(&promoting(|f| {
                f.lends_nothing = Some((crate::api::Reason::IdentityNotAllowed, "No.".into()));
            })),
            "False IdentityNotAllowed stalled | No. | interval",
        ),
        (
            "the answer was lost",
            decide(&promoting(|f| asked(f, 20))),
            "False Publishing working | A publish from /w/models/taxi/3 was asked for, or was about to be, and its copy is not there yet. Bindery waits for the copy until 2026-03-01T12:29:40Z, and asks again then. To have it asked for at once, delete this object and apply it again. | 5 s",
        ),
        (
            "the answer was lost, and the source is not ready any more: the copy may still come",
            decide(&promoting(|f| {
                asked(f, 20);
                f.source = Some(SourceVersion::NotReady {
                    what: "it".into(),
                    because: "no".into(),
                    stalled: false,
                    registered: None,
                });
            })),
            "False Publishing working | A publish from /w/models/taxi/3 was asked for, or was about to be, and its copy is not there yet. Bindery waits for the copy until 2026-03-01T12:29:40Z, and asks again then. To have it asked for at once, delete this object and apply it again. | 5 s",
        ),
        (
            "the answer was lost a while ago, and Azure may still work on it",
            decide(&promoting(|f| asked(f, 1799))),
            "False Publishing working | A publish from /w/models/taxi/3 was asked for, or was about to be, and its copy is not there yet. Bindery waits for the copy until 2026-03-01T12:00:01Z, and asks again then. To have it asked for at once, delete this object and apply it again. | 15 s",
        ),
        (
            "the answer was lost, and nothing came",
            decide(&promoting(|f| asked(f, 1800))),
            "False Publishing working | -> publish taxi:3 to registry models | now",
        ),
        (
            "the operation is lost: from now on nobody says how it goes",
            decide(&promoting(|f| {
                asked(f, 700);
                running(f, OperationState::Gone);
            })),
            "False Publishing working | A publish from /w/models/taxi/3 was asked for, or was about to be, and its copy is not there yet. Bindery waits for the copy until 2026-03-01T12:30:00Z, and asks again then. To have it asked for at once, delete this object and apply it again. | 1 s",
        ),
        (
            "it says that it is done, and the copy cannot be seen yet",
            decide(&promoting(|f| {
                asked(f, 700);
                running(f, OperationState::Succeeded);
            })),
            "False Publishing working | A publish from /w/models/taxi/3 was asked for, or was about to be, and its copy is not there yet. Bindery waits for the copy until 2026-03-01T12:30:00Z, and asks again then. To have it asked for at once, delete this object and apply it again. | 1 s",
        ),
        (
            "the publish failed",
            decide(&promoting(|f| {
                asked(f, 20);
                running(f, failed_state());
                let publish = attempt(Purpose::Publish, f.source_id().unwrap(), PUBLISH);
                f.situation.trouble.failure = Some(failure(publish, Class::Permanent, 0, 1));
            })),
            "False Refused stalled | Bindery could not publish taxi:3 to registry models: No. Correct what Azure names, in the manifest or in Azure; Bindery tries again, at least every 10 min. | 10 s",
        ),
        (
            "the copy is there, undescribed",
            decide(&with(|f| {
                *f = promotion();
                f.status = ModelVersionStatus::default();
                asked(f, 20);
                found(f).tags.clear();
            })),
            "False Updating working | -> describe the published taxi:3 | now",
        ),
        (
            "the copy is there, undescribed, and the status is lost: Azure says who made it",
            decide(&with(|f| {
                *f = promotion();
                f.status = ModelVersionStatus::default();
                f.copied_by_us = true;
                f.situation.ownership.adopting.allowed = false;
                found(f).tags.clear();
            })),
            "False Updating working | -> describe the published taxi:3 | now",
        ),
        (
            "the copy of the same identity for somebody else",
            decide(&with(|f| {
                *f = promotion();
                f.status = ModelVersionStatus::default();
                f.copied_by_us = true;
                found(f).tags.insert("bindery-owner".into(), "prod/blue/theirs".into());
                f.situation.ownership.tagged =
                    Some(Tagged::Other(Owner::new("prod", "blue/theirs"), Standing::Lives { going: false }));
            })),
            "False OwnedByAnother stalled | taxi:3 belongs to blue/theirs. Delete one of the two objects, register under another version, or set spec.management to Observe. | interval",
        ),
        (
            "the source is gone, and the copy stands",
            decide(&with(|f| {
                *f = promotion();
                f.source = Some(SourceVersion::Missing { what: "ModelVersion fares/taxi-3-dev".into() });
            })),
            "True Succeeded settled | taxi:3 is registered in registry models. | interval",
        ),
    ]);
}

/// What is there under the number of a promotion may be somebody's: its files are not those of the source, as far as anybody can
/// tell, and so neither are its metrics.
#[test]
fn a_promotion_takes_over_only_what_was_published() {
    const UNKNOWN: &str = "False AssetMismatch stalled | taxi:3 exists in Azure, but nothing in Azure shows that it was copied from ModelVersion fares/taxi-3-dev, which is not there, or which this namespace may not refer to. A version cannot be changed: promote the model under the next version; or, to look after what is there, use source: {existing: {}} in a new ModelVersion. | interval";
    const STRANGER: &str = "False AssetMismatch stalled | taxi:3 exists in Azure, but nothing in Azure shows that it was copied from /subscriptions/s/resourceGroups/rg/providers/Microsoft.MachineLearningServices/workspaces/development/models/taxi/versions/3. A version cannot be changed: promote the model under the next version; or, to look after what is there, use source: {existing: {}} in a new ModelVersion. | interval";
    const TAKEN: &str = "False Updating working | -> take over taxi:3, which exists | now";
    const DESCRIBED: &str = "False Updating working | -> describe the published taxi:3 | now";
    let source = promotion().source_id().unwrap().clone();
    let mark = crate::decide::model_version::proof::mark(
        &source,
        &crate::azure::model::resource::ModelVersion::default(),
    );
    let there = |tags: &[(&str, &str)]| {
        with(|f| {
            *f = promotion();
            f.status = ModelVersionStatus::default();
            let tags = tags.iter().map(|(key, value)| (key.to_string(), value.to_string()));
            found(f).tags = tags.chain([("bindery-job".to_string(), "of-its-tag".to_string())]).collect();
            f.situation.ownership.tagged = Some(Tagged::NoneOfThisCluster);
        })
    };
    let in_mode = |mode: Mode| {
        let mut facts = there(&[]);
        facts.situation.mode = mode;
        facts
    };
    let mut asked_for = there(&[]);
    asked(&mut asked_for, 20);
    let mut made_by_us = there(&[]);
    made_by_us.copied_by_us = true;
    let mut inherited = there(&[("bindery-owner", "prod/fares/before")]);
    inherited.situation.ownership.tagged =
        Some(Tagged::Other(Owner::new("prod", "fares/before"), Standing::LetGo));
    let mut renamed = inherited.clone();
    found(&mut renamed).tags.insert("bindery-published-from".into(), mark.clone());
    let without_source = |tags: &[(&str, &str)]| {
        let mut facts = there(tags);
        facts.source = Some(SourceVersion::Missing { what: "ModelVersion fares/taxi-3-dev".into() });
        facts
    };
    let (source, its_own) = ("train-3", "of-its-tag");
    for (what, facts, expected, job) in [
        ("nothing says where it comes from", there(&[]), STRANGER, its_own),
        ("so neither for whoever only observes", in_mode(Mode::Observe), STRANGER, its_own),
        ("so neither for whom another object of the namespace took it over", inherited, STRANGER, its_own),
        ("we asked for it", asked_for, DESCRIBED, source),
        ("we made it, and the status is lost", made_by_us, DESCRIBED, source),
        ("it was published from the source", there(&[("bindery-published-from", &mark)]), TAKEN, source),
        ("the same, for an object that was renamed", renamed, TAKEN, source),
        ("its source is not there", without_source(&[]), UNKNOWN, its_own),
        ("the same of a copy", without_source(&[("bindery-published-from", &mark)]), TAKEN, its_own),
        (
            "it was published from what the source was before it was made again",
            there(&[("bindery-published-from", "0badc0de")]),
            TAKEN,
            its_own,
        ),
    ] {
        let decision = decide(&facts);
        let lineage = decision.status.lineage.clone().unwrap_or_default();
        assert_eq!(lineage.job.as_deref(), Some(job), "{what}");
        assert_eq!(lineage.promoted_from.is_empty(), job == its_own, "{what}");
        assert_table(&[(what, decision, expected)]);
    }
}

#[test]
fn the_intent_is_in_the_status_before_a_publish_and_only_then() {
    let facts = promoting(|_| ());
    let decision = decide(&facts);
    let publishing = decision.status.publishing.unwrap();
    let source = ResourceId::workspace("s", "rg", "development").model_version("taxi", "3");
    assert_eq!((publishing.from, publishing.since), (source.to_string(), noon()));
    let call = decision.call.unwrap();
    assert_eq!(call.resource, source);
    assert_eq!(
        call.action,
        Action::Post(
            "publish",
            json!({"registryName": "models", "destinationName": "taxi", "destinationVersion": "3"})
        )
    );
    for held in [promoting(|f| f.situation.mode = Mode::Suspended), model_version()] {
        assert_eq!(decide(&held).status.publishing, None);
    }
    // While nobody says how it goes, the wait counts from the moment when that began.
    let lost = decide(&promoting(|f| {
        asked(f, 700);
        running(f, OperationState::Gone);
    }));
    assert_eq!(lost.status.publishing.unwrap().since, noon());
}

#[test]
fn what_is_written_after_a_publish_still_has_the_intent() {
    let mut facts = promoting(|_| ());
    let call = decide(&facts).call.unwrap();
    let reply = Reply { status: 202, operation: Some("https://op".into()), ..Reply::default() };
    facts.absorb(&call, Ok(&reply));
    let afterwards = decide(&facts).status;
    assert_eq!(afterwards.publishing.unwrap().since, noon());
    assert_eq!(afterwards.operation.unwrap().url, "https://op");
}

#[test]
fn only_an_answer_that_says_no_ends_the_intent() {
    for (class, kept) in [
        (Class::Transient, true),
        (Class::Permanent, false),
        (Class::Conflict, false),
        (Class::Unauthorized, false),
        (Class::NotFound, false),
    ] {
        let mut facts = promoting(|f| asked(f, 0));
        let call = decide(&promoting(|_| ())).call.unwrap();
        facts.absorb(&call, Err(&Error::new(class, "No.")));
        assert_eq!(facts.status.publishing.is_some(), kept, "{class:?}");
    }
}

/// A promotion needs rights at both ends: each call says whose they are.
#[test]
fn a_publish_goes_out_as_the_source_and_the_rest_as_the_registry() {
    let account = |name: &str| Principal::Account(Account { namespace: "ml".into(), name: name.into() });
    let whose = |facts: Facts| {
        let call = decide(&facts).call.unwrap();
        (call.errand.purpose, call.errand.principal)
    };
    let of = |f: &mut Facts| {
        f.situation.acting = Ok(account("models"));
        if let Some(SourceVersion::Ready { acting, .. }) = &mut f.source {
            *acting = account("dev");
        }
    };
    assert_eq!(whose(promoting(of)), (Purpose::Publish, account("dev")));
    let described = with(|f| {
        *f = promotion();
        f.status = ModelVersionStatus::default();
        f.copied_by_us = true;
        found(f).tags.clear();
        of(f);
    });
    assert_eq!(whose(described), (Purpose::Describe, account("models")));
}
