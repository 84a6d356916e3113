//! From the stable version to the wanted one.

use std::time::Duration;

use serde_json::{Value, json};

use crate::api::{FailureReason, Period, Phase, Role};
use crate::azure::model::{Class, OperationState, Purpose, ResourceId};
use crate::decide::fixtures::{
    Binding, ago, assert_table, attempt, binding, failed_state, failure, operation, told,
};
use crate::decide::{Look, Mode, Place, SourceVersion};

fn steps() -> Value {
    json!([{"setTraffic": 10}, {"pause": {"for": "10m"}}, {"setTraffic": 50}])
}

/// Version 1 serves, version 2 is wanted by steps.
fn rollout() -> Binding {
    binding().wanting("2").steps(steps()).serving("1")
}

/// Version 2 serves and is wanted; version 1 served before it.
fn promoted(seconds_ago: u64) -> Binding {
    binding().wanting("2").steps(steps()).serving("2").previous("1", seconds_ago)
}

/// The wanted deployment is there, in this state since its creation so long ago.
fn preparing(number: &str, state: &str, seconds_ago: u64) -> Binding {
    let mut it = rollout().wanting(number).deployed(number, state).role(number, Role::Candidate, seconds_ago);
    let made = it.0.deployments.last_mut().unwrap();
    made.rest.insert("systemData".into(), json!({"createdAt": ago(seconds_ago).to_string()}));
    it
}

#[test]
fn the_first_version_takes_all_the_traffic() {
    assert_table(&[
        (
            "an endpoint without a deployment",
            binding().endpoint().decide(),
            "False Progressing working | -> create deployment v1 of taxi:1 | now",
        ),
        (
            "its deployment is being made",
            binding().endpoint().deployed("1", "Creating").decide(),
            "False OperationRunning working | Azure works on it: a change of deployment v1. | 1 s",
        ),
        (
            "it is ready",
            binding().steps(steps()).endpoint().deployed("1", "Succeeded").decide(),
            "False Progressing working | -> give v1 all the traffic and make it the stable one | now",
        ),
        (
            "it failed",
            binding().endpoint().deployed("1", "Failed").decide(),
            "False TakingBack working | -> give up v1, which failed; nothing serves | now",
        ),
        (
            "it failed, and that is written",
            binding().endpoint().failed("1", 60).decide(),
            "False CandidateFailed stalled | v1 failed. OutOfQuota: Not enough cores. No deployment has traffic. v1 is not tried again: bind another version, change anything in spec.online.deployment but instanceCount, autoscale and tags, or have it tried again (`bindery retry taxi`). | 600 s",
        ),
        (
            "another version is wanted after it failed",
            binding().endpoint().failed("1", 60).wanting("2").decide(),
            "False Progressing working | -> create deployment v2 of taxi:2 | now",
        ),
    ]);
}

#[test]
fn a_rollout_goes_by_its_steps() {
    assert_table(&[
        (
            "the next version is wanted",
            rollout().decide(),
            "False Progressing working | -> create deployment v2 of taxi:2 | now",
        ),
        (
            "its deployment is being made",
            preparing("2", "Creating", 60).decide(),
            "False OperationRunning working | Azure works on it: a change of deployment v2. | 1 s",
        ),
        (
            "it is ready",
            rollout().candidate("2", 0, 60).decide(),
            "False Progressing working | -> move 10 % of the traffic to v2 | now",
        ),
        (
            "without steps",
            rollout().steps(json!([])).candidate("2", 0, 60).decide(),
            "False Progressing working | -> give v2 all the traffic and make it the stable one | now",
        ),
        (
            "at 10 %, in the pause",
            rollout().candidate("2", 10, 60).decide(),
            "False Pausing working | v2 has 10 % of the traffic. Step 2 of 3 is a pause, until 2026-03-01T12:09:00Z. | 540 s",
        ),
        (
            "at 10 %, the pause is over",
            rollout().candidate("2", 10, 600).decide(),
            "False Progressing working | -> move 50 % of the traffic to v2 | now",
        ),
        (
            "at 50 %, the last step",
            rollout().candidate("2", 50, 60).decide(),
            "False Progressing working | -> give v2 all the traffic and make it the stable one | now",
        ),
        (
            "promoted",
            promoted(1).decide(),
            "True Succeeded settled | v2 serves all the traffic of taxi. | 600 s",
        ),
        (
            "status lost at 10 %: the pause begins again",
            rollout().candidate("2", 10, 600).forgotten().decide(),
            "False Pausing working | v2 has 10 % of the traffic. Step 2 of 3 is a pause, until 2026-03-01T12:10:00Z. | 600 s",
        ),
        (
            "suspended",
            rollout().candidate("2", 10, 600).with(|f| f.situation.mode = Mode::Suspended).decide(),
            "False Suspended settled | Bindery would move 50 % of the traffic to v2, but spec.suspend is true. | 600 s",
        ),
        (
            "a step that was refused",
            rollout()
                .candidate("2", 10, 600)
                .with(|f| {
                    f.situation.trouble.failure = Some(failure(
                        attempt(
                            Purpose::MoveTraffic,
                            f.id.as_ref().unwrap(),
                            &format!("move 50 % of the traffic to {}", rollout().name("2")),
                        ),
                        Class::Permanent,
                        4,
                        1,
                    ));
                })
                .decide(),
            "False Refused stalled | Bindery could not move 50 % of the traffic to v2: No. Correct what Azure names, in the manifest or in Azure; Bindery tries again, at least every 10 min. | 6 s",
        ),
        (
            "edited steps never lower the weight",
            rollout().candidate("2", 50, 60).steps(json!([{"setTraffic": 20}, {"setTraffic": 80}])).decide(),
            "False Progressing working | -> move 80 % of the traffic to v2 | now",
        ),
    ]);
}

#[test]
fn a_change_in_the_middle_of_a_rollout() {
    assert_table(&[
        (
            "back to the stable one, at 10 %",
            rollout().candidate("2", 10, 60).wanting("1").decide(),
            "False TakingBack working | -> set the traffic to v1 100% | now",
        ),
        (
            "back to the stable one, idle",
            rollout().candidate("2", 0, 60).wanting("1").decide(),
            "True Succeeded working | -> delete deployment v2, whose rollout was given up for another | now",
        ),
        (
            "to a third one, at 10 %",
            rollout().candidate("2", 10, 60).wanting("3").decide(),
            "False TakingBack working | -> set the traffic to v1 100% | now",
        ),
        (
            "to a third one, idle",
            rollout().candidate("2", 0, 60).wanting("3").decide(),
            "False Progressing working | -> delete deployment v2, whose rollout was given up for another | now",
        ),
        (
            "status lost: what is idle and neither stable nor previous was given up",
            rollout().candidate("2", 0, 60).wanting("3").forgotten().decide(),
            "False Progressing working | -> delete deployment v2, whose rollout was given up for another | now",
        ),
        (
            "to a third one, while the second is being made",
            preparing("2", "Creating", 60).wanting("3").decide(),
            "False OperationRunning working | Azure works on it: a change of deployment v2. | 1 s",
        ),
        (
            "the count changes",
            rollout()
                .candidate("2", 10, 60)
                .edited()
                .with(|f| f.spec.online.deployment.instance_count = Some(3))
                .decide(),
            "False Updating working | -> change instanceCount of deployment v2 | now",
        ),
        (
            "the count changes when nothing is rolled out",
            binding()
                .serving("1")
                .edited()
                .with(|f| f.spec.online.deployment.instance_count = Some(3))
                .decide(),
            "False Updating working | -> change instanceCount of deployment v1 | now",
        ),
        (
            "tags change when nothing is rolled out",
            binding().serving("1").edited().deployment_tags(&[], &[("a", "1")]).decide(),
            "False Updating working | -> change tags.a of deployment v1 | now",
        ),
        (
            "a tag is no longer in the manifest",
            binding().serving("1").edited().deployment_tags(&[("a", "1")], &[]).owning("1", &["a"]).decide(),
            "False Updating working | -> change tags.a of deployment v1 | now",
        ),
        (
            "a tag that was never ours stays",
            binding().serving("1").edited().deployment_tags(&[("a", "1")], &[]).decide(),
            "True Succeeded settled | v1 serves all the traffic of taxi. | interval",
        ),
        (
            "somebody else changed the count and a tag",
            binding()
                .serving("1")
                .deployment_tags(&[("a", "2")], &[("a", "1")])
                .with(|f| f.deployments[0].sku.as_mut().unwrap().capacity = Some(5))
                .decide(),
            "False Drifted working | -> put back instanceCount, tags.a of deployment v1 | now",
        ),
        (
            "somebody else changed the count, and Bindery only looks",
            binding()
                .serving("1")
                .with(|f| {
                    f.situation.mode = Mode::Observe;
                    f.deployments[0].sku.as_mut().unwrap().capacity = Some(5);
                })
                .decide(),
            "True Observed settled | Bindery would put back instanceCount of deployment v1, but spec.management is Observe. | 600 s",
        ),
    ]);
}

#[test]
fn the_previous_one_is_warm_for_a_while() {
    let back = || promoted(60);
    assert_table(&[
        ("kept", back().decide(), "True Succeeded settled | v2 serves all the traffic of taxi. | 600 s"),
        (
            "its time is over",
            promoted(3600).decide(),
            "True Succeeded working | -> delete deployment v1, which no longer serves | now",
        ),
        (
            "kept as long as the manifest says",
            back().with(|f| f.spec.strategy.keep_previous = Some(Period::new("30s"))).decide(),
            "True Succeeded working | -> delete deployment v1, which no longer serves | now",
        ),
        (
            "wanted again: all at once",
            back().wanting("1").decide(),
            "False Progressing working | -> give v1 all the traffic and make it the stable one | now",
        ),
        (
            "wanted again, with more instances than it has: first those",
            back()
                .wanting("1")
                .with(|f| (f.spec.online.deployment.instance_count, f.situation.generation) = (Some(12), 2))
                .decide(),
            "False Updating working | -> scale deployment v1 from 1 to 12 instances, before it gets all the traffic back | now",
        ),
        (
            "wanted again, and Azure refuses the instances: the traffic does not wait for them",
            back()
                .wanting("1")
                .with(|f| {
                    (f.spec.online.deployment.instance_count, f.situation.generation) = (Some(12), 2);
                    let name = f.deployments[1].name().to_string();
                    let resource = f.deployment_id(&name).unwrap();
                    let adjust = attempt(Purpose::AdjustDeployment, &resource, "change it");
                    f.situation.trouble.failure = Some(failure(adjust, Class::Permanent, 1, 1));
                })
                .decide(),
            "False Progressing working | -> give v1 all the traffic and make it the stable one | now",
        ),
        (
            "wanted again, with fewer instances than it has",
            back()
                .wanting("1")
                .with(|f| {
                    f.situation.generation = 2;
                    f.deployments[1].sku.as_mut().unwrap().capacity = Some(12);
                })
                .decide(),
            "False Progressing working | -> give v1 all the traffic and make it the stable one | now",
        ),
        (
            "wanted again after status was lost",
            back().wanting("1").forgotten().decide(),
            "False Progressing working | -> give v1 all the traffic and make it the stable one | now",
        ),
        (
            "wanted again, but broken",
            back()
                .with(|f| f.deployments[1].properties.provisioning_state = Some("Failed".into()))
                .wanting("1")
                .decide(),
            "False TakingBack working | -> give up v1, which failed; v2 serves | now",
        ),
        (
            "makes room for a third one",
            back().wanting("3").decide(),
            "False Progressing working | -> delete deployment v1, to make room for the next one | now",
        ),
        (
            "a mark that outlived it is taken off before it is made anew",
            binding().steps(steps()).serving("2").tagged("bindery-previous", &binding().name("1")).decide(),
            "False Updating working | -> write down that v1 is gone from endpoint taxi | now",
        ),
        (
            "made anew, it goes by the steps",
            binding().steps(steps()).serving("2").candidate("1", 0, 5).decide(),
            "False Progressing working | -> move 10 % of the traffic to v1 | now",
        ),
    ]);
}

/// It was made by an earlier manifest, and becomes the wanted one again: nobody has changed it in Azure.
#[test]
fn what_an_earlier_manifest_made_otherwise_has_not_drifted() {
    let said = |role| {
        let it = binding().serving("1").role("1", role, 60).with(|f| {
            let three = json!({"name": "Default", "tier": "Standard", "capacity": 3});
            f.deployments[0].sku = Some(serde_json::from_value(three).unwrap());
        });
        assert_eq!(it.decide().status.drift.is_empty(), role == Role::Previous);
        told(&it.decide())
    };
    assert!(said(Role::Stable).starts_with("False Drifted working | -> put back instanceCount"));
    let changed = said(Role::Previous);
    assert!(changed.starts_with("False Updating working | -> change instanceCount"), "{changed}");
}

#[test]
fn a_failed_candidate_is_taken_back_and_not_tried_again() {
    assert_table(&vec![
        (
            "it failed before it had traffic",
            preparing("2", "Failed", 60).decide(),
            "False TakingBack working | -> give up v2, which failed; v1 serves | now",
        ),
        (
            "it broke at 10 %",
            rollout()
                .candidate("2", 10, 60)
                .with(|f| f.deployments[1].properties.provisioning_state = Some("Failed".into()))
                .decide(),
            "False TakingBack working | -> take the traffic from v2, which failed, and give it to v1 | now",
        ),
        (
            "canceled counts as failed",
            preparing("2", "Canceled", 60).decide(),
            "False TakingBack working | -> give up v2, which failed; v1 serves | now",
        ),
        (
            "kept for its logs",
            rollout().failed("2", 60).decide(),
            "False CandidateFailed stalled | v2 failed. OutOfQuota: Not enough cores. v1 has all the traffic. v2 is not tried again: bind another version, change anything in spec.online.deployment but instanceCount, autoscale and tags, or have it tried again (`bindery retry taxi`). | 600 s",
        ),
        (
            "its time is over",
            rollout().failed("2", 3600).decide(),
            "False Progressing working | -> delete deployment v2, which failed | now",
        ),
        (
            "gone, and still not tried again",
            rollout()
                .failed("2", 3600)
                .with(|f| {
                    f.deployments.pop();
                })
                .decide(),
            "False CandidateFailed stalled | v2 failed. OutOfQuota: Not enough cores. v1 has all the traffic. v2 is not tried again: bind another version, change anything in spec.online.deployment but instanceCount, autoscale and tags, or have it tried again (`bindery retry taxi`). | interval",
        ),
        (
            "gone, and status lost too",
            rollout()
                .failed("2", 3600)
                .forgotten()
                .with(|f| {
                    f.deployments.pop();
                })
                .decide(),
            "False CandidateFailed stalled | v2 failed. It failed before; the status that knew why was lost. v1 has all the traffic. v2 is not tried again: bind another version, change anything in spec.online.deployment but instanceCount, autoscale and tags, or have it tried again (`bindery retry taxi`). | interval",
        ),
        (
            "a third one beside it",
            rollout().failed("2", 60).wanting("3").decide(),
            "False Progressing working | -> create deployment v3 of taxi:3 | now",
        ),
        (
            "one that failed earlier goes when the next has failed",
            rollout().failed("2", 120).failed("3", 60).wanting("3").decide(),
            "False Progressing working | -> delete deployment v2, which failed, as a later one did | now",
        ),
        (
            "one that failed before the last one is not tried again either",
            without("2", rollout().failed("2", 7200).failed("3", 60).wanting("2")).decide(),
            "False CandidateFailed stalled | v2 failed. OutOfQuota: Not enough cores. v1 has all the traffic. v2 is not tried again: bind another version, change anything in spec.online.deployment but instanceCount, autoscale and tags, or have it tried again (`bindery retry taxi`). | 600 s",
        ),
        (
            "nor after all status is lost",
            without("2", rollout().failed("2", 7200).failed("3", 60).wanting("2")).forgotten().decide(),
            "False CandidateFailed stalled | v2 failed. It failed before; the status that knew why was lost. v1 has all the traffic. v2 is not tried again: bind another version, change anything in spec.online.deployment but instanceCount, autoscale and tags, or have it tried again (`bindery retry taxi`). | 600 s",
        ),
        (
            "nor after somebody took our tag away",
            without("2", rollout().failed("2", 7200).failed("3", 60).wanting("2"))
                .tagged("bindery-failed", "")
                .decide(),
            "False TakingBack working | -> give up v2, which failed; v1 serves | now",
        ),
        (
            "one that fails when another is already wanted is remembered before it goes",
            rollout().deployed("2", "Failed").wanting("3").decide(),
            "False Updating working | -> write down on endpoint taxi which revisions failed | now",
        ),
        (
            "and then it goes",
            rollout().failed("2", 60).wanting("3").deployed("3", "Succeeded").decide(),
            "False Progressing working | -> move 10 % of the traffic to v3 | now",
        ),
        (
            "back to the stable one",
            rollout().failed("2", 60).wanting("1").decide(),
            "True Succeeded settled | v1 serves all the traffic of taxi. | 600 s",
        ),
        (
            "Azure takes too long",
            preparing("2", "Creating", 3601).decide(),
            "False ProgressDeadlineExceeded stalled | Azure has worked on deployment v2 for longer than spec.strategy.progressDeadline. Bindery takes it back as soon as Azure lets go of the endpoint. | 1 s",
        ),
        (
            "Azure took too long, and made it after all",
            preparing("2", "Creating", 3601)
                .with(|f| {
                    f.status.history = super::super::decide(f).status.history;
                    f.deployments[1].properties.provisioning_state = Some("Succeeded".into());
                })
                .decide(),
            "False TakingBack working | -> give up v2, which failed; v1 serves | now",
        ),
        (
            "a change of the count is no delay, however old it is",
            preparing("2", "Updating", 7200).decide(),
            "False OperationRunning working | Azure works on it: a change of deployment v2. | 1 s",
        ),
    ]);
}

/// This version's deployment is gone from Azure.
fn without(number: &str, mut it: Binding) -> Binding {
    let name = it.name(number);
    it.0.deployments.retain(|d| d.name() != name);
    it
}

#[test]
fn the_reason_of_a_failure_is_azures() {
    let mut it = preparing("2", "Failed", 60);
    let id = it.0.id.clone().unwrap().child("deployments", &it.name("2"));
    let failed = operation(Purpose::CreateDeployment, "create it", &id, 60, failed_state());
    it.0.status.operation.clone_from(&failed.remembered);
    it.0.situation.operation = failed;
    let failed = it.decide().status.history.remove(0);
    assert_eq!(
        (failed.reason, failed.message.as_deref()),
        (Some(FailureReason::CandidateFailed), Some("OutOfQuota: Not enough cores."))
    );
    it.0.situation.operation.answer = Some(OperationState::Gone);
    let failed = it.decide().status.history.remove(0);
    let unknown = "Azure reports it as failed and no longer says why; its logs may.";
    assert_eq!(failed.message.as_deref(), Some(unknown));
    let lost = rollout().failed("2", 60).forgotten().decide().status.history.remove(1);
    assert_eq!(lost.finished_at, None);
    assert_eq!(lost.revision, rollout().revision("2").to_string());
}

/// The same a moment later, when its workspace is not ready or means another place.
fn unread(it: Binding, led_away: bool) -> Binding {
    let before = it.decide().status;
    it.with(|f| {
        f.status = before;
        (f.endpoint, f.deployments) = (Look::Unseen, vec![]);
        f.place = Place::NotReady { what: "it".into(), because: "No.".into(), stalled: false, gone: false };
        f.led_away = led_away.then(|| ResourceId::workspace("s", "rg", "elsewhere"));
    })
}

/// The same, when the object of its version is not ready any more.
fn unregistered(it: Binding) -> Binding {
    it.with(|f| {
        let (what, because) = ("ModelVersion fares/taxi-2".to_string(), "No.".to_string());
        f.version = SourceVersion::NotReady { what, because, stalled: false, registered: None };
    })
}

/// The same, when nothing new may begin in its workspace.
fn closed(it: Binding) -> Binding {
    it.with(|f| {
        f.place = Place::Closed { what: "Workspace fares/production".into(), because: "No.".into() };
    })
}

#[test]
fn the_phase_is_one_word() {
    let table = vec![
        (binding(), Phase::Pending),
        (binding().endpoint().deployed("1", "Creating"), Phase::Preparing),
        (rollout(), Phase::Preparing),
        (preparing("2", "Creating", 60), Phase::Preparing),
        (rollout().candidate("2", 0, 60), Phase::Shifting),
        (rollout().candidate("2", 10, 60), Phase::Pausing),
        (rollout().candidate("2", 10, 600), Phase::Shifting),
        (unregistered(rollout().candidate("2", 10, 600)), Phase::Pausing),
        (unregistered(rollout().candidate("2", 0, 60)), Phase::Serving),
        (closed(rollout().candidate("2", 10, 600)), Phase::Pausing),
        (preparing("2", "Failed", 60), Phase::TakingBack),
        (rollout().failed("2", 60), Phase::Failed),
        (binding().serving("1"), Phase::Serving),
        (binding().serving("1").with(|f| f.situation.deleting = true), Phase::Deleting),
        (unread(binding().serving("1"), true), Phase::Serving),
        (unread(binding().serving("1"), false), Phase::Serving),
        (unread(rollout().candidate("2", 10, 60), false), Phase::Pausing),
    ];
    for (situation, phase) in table {
        assert_eq!(situation.decide().status.phase, Some(phase), "{}", told(&situation.decide()));
    }
}

#[test]
fn the_pause_counts_from_the_moment_when_azure_had_moved_the_traffic() {
    let since = |it: &Binding| it.decide().status.candidate.map(|c| (c.weight, c.since));
    let mut moving = rollout().candidate("2", 0, 300);
    let name = moving.name("2");
    // The PUT for 10 % was accepted: until Azure is done, the candidate is where it was.
    moving = moving.traffic(&[("1", 90), ("2", 10)]);
    moving.found().properties.provisioning_state = Some("Updating".into());
    assert_eq!(since(&moving), Some((0, ago(300))));
    moving.found().properties.provisioning_state = Some("Succeeded".into());
    moving.0.situation.now += Duration::from_secs(30);
    assert_eq!(since(&moving), Some((10, moving.0.situation.now)));
    assert_eq!(moving.0.status.candidate.as_ref().unwrap().deployment, name);
}

/// What is kept for a time goes when that is over, whatever else has to come first; and where it cannot go, it is not looked at
/// again and again.
#[test]
fn what_has_expired_goes_while_the_wanted_version_may_not_serve() {
    let refused = |it: Binding| {
        it.with(|f| {
            let SourceVersion::Ready { archived, .. } = &mut f.version else { unreachable!() };
            *archived = true;
        })
    };
    // Version 2 serves, version 1 served before it, and version 3 is wanted.
    let before = |seconds| promoted(seconds).wanting("3");
    let suspended = |it: Binding| it.with(|f| f.situation.mode = Mode::Suspended);
    let ends = |it: &Binding| told(&it.decide()).rsplit(" | ").next().unwrap_or_default().to_string();
    for (what, it, next) in [
        ("refused", refused(before(3600)), "now"),
        ("refused, and not yet", refused(before(3500)), "100 s"),
        ("its object is not ready", unregistered(before(3600)), "now"),
        ("it failed, and is retired by now", refused(rollout().failed("2", 3600)), "now"),
        ("it is what the manifest goes back to", refused(promoted(3600).wanting("1")), "interval"),
        ("nothing may begin in the workspace", closed(before(3600)), "300 s"),
        ("suspended", suspended(refused(before(3600))), "interval"),
    ] {
        assert_eq!(ends(&it), next, "{what}: {}", told(&it.decide()));
        let removes = it.decide().call.is_some_and(|call| call.doing.starts_with("delete deployment v"));
        assert_eq!(removes, next == "now", "{what}: {}", told(&it.decide()));
    }
}

#[test]
fn it_looks_again_when_a_deployment_expires() {
    let table = [(promoted(3500), "100 s"), (promoted(60), "600 s"), (rollout().failed("2", 3599), "1 s")];
    for (situation, expected) in table {
        let told = told(&situation.decide());
        assert_eq!(told.rsplit(" | ").next().unwrap(), expected, "{told}");
    }
}

#[test]
fn a_revision_that_was_stable_not_long_ago_takes_no_steps() {
    use crate::api::Outcome;
    let steps = json!([{"setTraffic": 10}, {"name": "go", "pause": {}}]);
    // 6 serves, and before it 5, 4, 3, 2 and 1 did.
    let scene = |back: &str| {
        let mut it = binding().wanting(back).steps(steps.clone());
        for number in ["1", "2", "3", "4", "5"] {
            it = it.serving(number);
        }
        it.with(|f| {
            f.deployments.clear();
            f.status.deployments.clear();
        })
        .serving("6")
    };
    let window =
        |back: &str, window: i32| scene(back).with(|f| f.spec.strategy.rollback_window = Some(window));
    let made = |it: Binding, number: &str| it.candidate(number, 0, 30).decide();
    let all = |number: &str| {
        format!(
            "False Progressing working | -> give v{number} all the traffic and make it the stable one | now"
        )
    };
    let some =
        |number: &str| format!("False Progressing working | -> move 10 % of the traffic to v{number} | now");
    let again = |f: &mut super::super::Facts, outcome| {
        let entry = f.status.history[1].clone();
        f.status.history.insert(0, crate::api::PastRollout { outcome, ..entry });
    };
    let spoilt = |outcome, at: usize| scene("5").with(|f| f.status.history[at].outcome = outcome);
    assert_table(&[
        (
            "gone: it is made again",
            scene("3").decide(),
            "False Progressing working | -> create deployment v3 of taxi:3 | now",
        ),
        ("the last", made(scene("5"), "5"), &all("5")),
        ("the third", made(scene("3"), "3"), &all("3")),
        ("the fourth", made(scene("2"), "2"), &some("2")),
        ("a larger window", made(window("1", 5), "1"), &all("1")),
        ("no window", made(window("5", 0), "5"), &some("5")),
        ("never stable here", made(scene("7"), "7"), &some("7")),
        ("what serves was rolled back to", made(spoilt(Outcome::RolledBack, 0), "5"), &some("5")),
        (
            "it was rolled back",
            made(scene("4").with(|f| f.status.history[1].outcome = Outcome::RolledBack), "4"),
            &some("4"),
        ),
        ("it was rolled back to", made(spoilt(Outcome::RolledBack, 1), "5"), &all("5")),
        (
            "a try of it was given up since",
            made(scene("5").with(|f| again(f, Outcome::Superseded)), "5"),
            &all("5"),
        ),
    ]);
}

/// Somebody deletes what serves: what served before takes over until that is made again.
#[test]
fn where_the_stable_one_is_gone_the_one_that_is_warm_serves() {
    let serving = || binding().wanting("2").steps(json!([{"setTraffic": 10}, {"pause": {}}])).serving("2");
    let gone = |it: Binding| {
        let name = it.name("2");
        it.with(|f| f.deployments.retain(|d| d.name() != name))
    };
    let warm = || gone(serving().previous("1", 60));
    let decision = warm().decide();
    assert_eq!(
        crate::decide::fixtures::short(&told(&decision)),
        "False TakingBack working | -> set the traffic to v1 100% | now"
    );
    let call = decision.call.unwrap();
    let crate::azure::model::Action::Put(body) = &call.action else { panic!("{call:?}") };
    assert_eq!(body["properties"]["traffic"], json!({warm().name("1"): 100}));
    assert_eq!(body["tags"]["bindery-stable"], warm().name("1").as_str());
    // The history says why.
    let over = warm().traffic(&[("1", 100)]);
    let names = (over.name("1"), over.name("2"));
    let over = over.tagged("bindery-stable", &names.0).tagged("bindery-previous", "");
    let back = over.decide().status.history.remove(0);
    let why = format!("{}, which served, is gone from the endpoint.", names.1);
    assert_eq!((back.outcome, back.message), (crate::api::Outcome::RolledBack, Some(why)));
    // Not to what somebody has rolled back or rejected, and not to what has failed.
    let takes_over = |it: &Binding| {
        let call = it.decide().call;
        call.is_some_and(|call| match call.action {
            crate::azure::model::Action::Put(body) => body["tags"]["bindery-stable"] == it.name("1").as_str(),
            _ => false,
        })
    };
    assert!(takes_over(&warm()));
    let held = format!("{} {} 2026-03-01T11:00:00Z", warm().revision("1"), warm().revision("2"));
    assert!(!takes_over(&warm().wanting("1").tagged("bindery-hold", &held)));
    assert!(!takes_over(&gone(serving().previous("1", 60).failed("1", 30))));
    let rejected = super::approvals::asking(warm(), &json!({}));
    let rejected = super::approvals::decided(rejected, "1", |b| b.approves = false);
    assert!(!takes_over(&rejected));
}
