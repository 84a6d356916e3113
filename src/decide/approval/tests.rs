//! What is said of an approval.

#![allow(clippy::unwrap_used)]

use std::time::Duration;

use super::tally::Ballot;
use super::{Asker, Facts, decide};
use crate::azure::model::ResourceId;
use crate::decide::SourceVersion;
use crate::decide::fixtures::{ago, approval, assert_table, noon, version};

fn with(change: impl FnOnce(&mut Facts)) -> Facts {
    let mut facts = approval();
    change(&mut facts);
    facts
}

/// The version is one in a workspace, which Azure made so long ago.
fn in_a_workspace(facts: &mut Facts, made: u64) {
    let id = ResourceId::workspace("s", "rg", "dev").model_version("taxi", "3").to_string();
    facts.spec.asset_id.clone_from(&id);
    if let SourceVersion::Ready { asset_id, created, .. } = &mut facts.version {
        (*asset_id, *created) = (id, Some(ago(made)));
    }
}

/// It waives a rule for 90 seconds where two people have to do that, and so does somebody else.
fn waives_of_two(facts: &mut Facts, other: &str) {
    let until = noon() + Duration::from_secs(90);
    (facts.spec.waives, facts.spec.expires_at) = (vec!["Gate/rmse".into()], Some(until));
    (facts.ballot.waives, facts.ballot.expires_at) = (vec!["Gate/rmse".into()], Some(until));
    let another = Ballot { name: "other".into(), by: other.into(), ..facts.ballot.clone() };
    let ballots = vec![facts.ballot.clone(), another];
    let place = &mut facts.places[0];
    (place.policy.waivable, place.policy.count) = (vec!["Gate/rmse".into()], Some(2));
    place.ballots = ballots;
}

#[test]
fn every_question_has_its_answer() {
    let until = |facts: &mut Facts, at| {
        facts.spec.expires_at = Some(at);
        facts.ballot.expires_at = Some(at);
    };
    assert_table(&[
        (
            "it counts",
            decide(&approval()),
            "True Valid settled | The decision counts in Workspace ml/production. | interval",
        ),
        (
            "for a while",
            decide(&with(|f| until(f, noon() + Duration::from_secs(90)))),
            "True Valid settled | The decision counts in Workspace ml/production. | 90 s",
        ),
        (
            "it waives what the workspace lets be waived",
            decide(&with(|f| {
                until(f, noon() + Duration::from_secs(90));
                f.spec.waives = vec!["Soak".into(), "Gate/rmse".into()];
                f.places[0].policy.waivable = vec!["Gate/rmse".into(), "Gate/mae".into()];
            })),
            "True Valid settled | The decision counts in Workspace ml/production. In Workspace ml/production it waives Gate/rmse. Workspace ml/production does not let Soak be waived (spec.policy.approvals.waivable). | 90 s",
        ),
        (
            "it waives, and another person has to waive as well",
            decide(&with(|f| waives_of_two(f, "Ada "))),
            "True Valid settled | The decision counts in Workspace ml/production. In Workspace ml/production Gate/rmse is waived by 1 of 2 people, which is not enough yet. | 90 s",
        ),
        (
            "it waives, and so does another person",
            decide(&with(|f| waives_of_two(f, "bob"))),
            "True Valid settled | The decision counts in Workspace ml/production. In Workspace ml/production it waives Gate/rmse. | 90 s",
        ),
        (
            "it has ended",
            decide(&with(|f| until(f, noon()))),
            "False Expired stalled | The decision ended at 2026-03-01T12:00:00Z, and does not count any more. To decide again, make a new Approval. | interval",
        ),
        (
            "about another asset",
            decide(&with(|f| f.version = version("4", Some("models")))),
            "False AssetMismatch stalled | The decision is about azureml://registries/models/models/taxi/versions/3, and the ModelVersion taxi-3 is azureml://registries/models/models/taxi/versions/4. To decide about taxi-3, make a new Approval. Where a Workspace asks about azureml://registries/models/models/taxi/versions/3, this decision counts all the same. | interval",
        ),
        (
            "the same asset in other letters",
            decide(&with(|f| f.spec.asset_id = "azureml://registries/MODELS/models/taxi/versions/3".into())),
            "True Valid settled | The decision counts in Workspace ml/production. | interval",
        ),
        (
            "nobody asks for it",
            decide(&with(|f| f.places.clear())),
            "False NotCounted stalled | No Workspace counts approvals of this namespace (spec.policy.approvals.fromNamespaces of a Workspace names those that count). | interval",
        ),
        (
            "a rejection of the model in other letters",
            decide(&with(|f| {
                f.spec.asset_id = "azureml://registries/models/models/TAXI/versions/3".into();
                f.ballot.approves = false;
            })),
            "True Valid settled | The decision counts in Workspace ml/production. | interval",
        ),
        (
            "an approval of the model in other letters",
            decide(&with(|f| f.spec.asset_id = "azureml://registries/models/models/TAXI/versions/3".into())),
            "False AssetMismatch stalled | The decision is about azureml://registries/models/models/TAXI/versions/3, and the ModelVersion taxi-3 is azureml://registries/models/models/taxi/versions/3. To decide about taxi-3, make a new Approval. Where a Workspace asks about azureml://registries/models/models/TAXI/versions/3, this decision counts all the same. | interval",
        ),
        (
            "for other tiers",
            decide(&with(|f| f.ballot.tiers = vec!["staging".into()])),
            "False NotCounted stalled | It does not count in Workspace ml/production: spec.tiers does not name the tier of that Workspace. | interval",
        ),
        (
            "older files of a workspace",
            decide(&with(|f| in_a_workspace(f, 60))),
            "False AssetMismatch stalled | Azure made the version after this decision: its number was registered again, perhaps with other files. Look at the version, and decide again in a new Approval. | interval",
        ),
        (
            "these files of a workspace",
            decide(&with(|f| in_a_workspace(f, 7200))),
            "True Valid settled | The decision counts in Workspace ml/production. | interval",
        ),
        (
            "these files of a workspace, by the time that it names, though it was written before",
            decide(&with(|f| {
                in_a_workspace(f, 60);
                f.ballot.asset_created_at = Some(ago(60));
            })),
            "True Valid settled | The decision counts in Workspace ml/production. | interval",
        ),
        (
            "other files of a workspace, though it was applied again since",
            decide(&with(|f| {
                in_a_workspace(f, 7200);
                f.ballot.asset_created_at = Some(ago(7201));
            })),
            "False AssetMismatch stalled | It does not count: it is about the version that Azure made at 2026-03-01T09:59:59Z (spec.assetCreatedAt), and Azure made the one that is there now at 2026-03-01T10:00:00Z. Look at the version, and decide again in a new Approval. | interval",
        ),
        (
            "a rejection, whatever files it names",
            decide(&with(|f| {
                in_a_workspace(f, 60);
                (f.ballot.asset_created_at, f.ballot.approves) = (Some(ago(7201)), false);
            })),
            "True Valid settled | The decision counts in Workspace ml/production. | interval",
        ),
        (
            "of a version that cannot serve there",
            decide(&with(|f| f.places[0].closed = Some("nothing serves there".into()))),
            "False NotCounted stalled | It does not count in Workspace ml/production: the version cannot serve there, because nothing serves there. | interval",
        ),
        (
            "of a version that can serve in another Workspace",
            decide(&with(|f| {
                let other = Asker { title: "Workspace ml/staging".into(), ..f.places[0].clone() };
                f.places[0].closed = Some("nothing serves there".into());
                f.places.push(other);
            })),
            "True Valid settled | The decision counts in Workspace ml/staging. | interval",
        ),
        (
            "of nothing",
            decide(&with(|f| {
                f.version = SourceVersion::Missing { what: "ModelVersion fares/taxi-3".into() }
            })),
            "False ReferenceNotFound working | There is no ModelVersion fares/taxi-3, or no Workspace that counts approvals of this namespace may use it. Check spec.modelVersionRef in a new Approval. | 300 s",
        ),
        (
            "it goes",
            decide(&with(|f| f.situation.deleting = true)),
            "False Finishing stalled | The decision is being deleted, and does not count any more. | interval",
        ),
    ]);
}
