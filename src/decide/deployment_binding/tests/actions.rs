//! What people ask of a rollout by RolloutActions.

use serde_json::{Value, json};

use crate::api::{ActionState, ActionWord, DeploymentBindingStatus, Outcome, PastRollout, Role};
use crate::azure::model::{Action, OperationState, Purpose, Reply};
use crate::decide::fixtures::{
    Binding, ago, assert_table, binding, noon, operation, registry_as_source, short, told,
};
use crate::decide::rollout::{Asked, Held, Revision};
use crate::decide::{Look, LookAgain, Mode, Place, SourceVersion};

fn steps() -> Value {
    json!([
        {"setTraffic": 10}, {"name": "go", "pause": {}}, {"name": "watch", "pause": {"for": "10m"}}, {"setTraffic": 50},
        {"name": "last", "pause": {}},
    ])
}

/// Version 1 serves, version 2 is wanted by steps.
fn rollout() -> Binding {
    binding().wanting("2").steps(steps()).serving("1")
}

/// Version 2 serves and is wanted; version 1 served before it, and is warm.
fn promoted() -> Binding {
    binding().wanting("2").steps(steps()).serving("2").previous("1", 60)
}

pub(super) fn asked(name: &str, word: ActionWord, revision: &Revision) -> Asked {
    Asked {
        name: name.into(),
        hash: format!("{name:0>8}"),
        word,
        revision: revision.clone(),
        step: None,
        to: None,
        by: "ada".into(),
        reason: Some("because".into()),
        at: ago(10),
        ended: None,
    }
}

/// Somebody asks this of the rollout of version 2.
pub(super) fn with(it: Binding, word: ActionWord) -> Binding {
    let revision = it.revision("2");
    it.with(|f| f.asked.push(asked(&format!("a{}", f.asked.len()), word, &revision)))
}

pub(super) fn promoting(it: Binding, step: &str) -> Binding {
    with(it, ActionWord::Promote).with(|f| f.asked.last_mut().unwrap().step = Some(step.into()))
}

/// What has become of the actions: `a0 Complete: …`.
pub(super) fn taken(it: &Binding) -> Vec<String> {
    let status = it.decide().status;
    let all = status.actions.iter();
    let said = all.map(|it| format!("{} {:?}: {}", it.name, it.state, it.message));
    said.map(|said| short(&it_names(it, &said))).collect()
}

fn it_names(it: &Binding, said: &str) -> String {
    said.replace(&it.revision("1").to_string(), "r1").replace(&it.revision("2").to_string(), "r2")
}

fn tags(it: &Binding) -> Value {
    let Some(Action::Put(body)) = it.decide().call.map(|call| call.action) else { panic!("no PUT") };
    body["tags"].clone()
}

/// The same pass after Azure has taken the call.
pub(super) fn carried_out(it: &Binding) -> Binding {
    let call = it.decide().call.unwrap();
    let Action::Put(body) = &call.action else { panic!("{call:?}") };
    let mut after = it.clone();
    let reply = Reply { body: Some(body.clone()), ..Reply::default() };
    after.0.absorb(&call, Ok(&reply));
    after
}

/// The next pass: what was decided last is in the status.
pub(super) fn later(it: &Binding) -> Binding {
    let status = it.decide().status;
    it.clone().with(|f| (f.status, f.carried) = (status, vec![]))
}

#[test]
fn a_pause_waits_until_a_person_promotes_it() {
    let waits = || rollout().candidate("2", 10, 6000);
    assert_table(&[
        (
            "nobody has",
            waits().decide(),
            "False AwaitingPromotion working | v2 has 10 % of the traffic. Step 2 of 5 is a pause until a person promotes it: `bindery promote taxi --step go`, or a RolloutAction. | interval",
        ),
        (
            "somebody does, and the next step is a pause, too",
            promoting(waits(), "go").decide(),
            "False Progressing working | -> write down that a step of revision r2 is passed (RolloutAction a0 of ada) | now",
        ),
        (
            "all that are left",
            with(waits(), ActionWord::Promote).decide(),
            "False Progressing working | -> give v2 all the traffic and make it the stable one (RolloutAction a0 of ada) | now",
        ),
    ]
    .map(|(what, decision, expected)| (what, decision, expected.replace("r2", &waits().revision("2").to_string())))
    .each_ref()
    .map(|(what, decision, expected)| (*what, decision.clone(), expected.as_str())));
    let passed = carried_out(&promoting(waits(), "go"));
    assert_eq!(taken(&passed), ["a0 Complete: The rollout of revision r2 has passed step go."]);
    let candidate = passed.decide().status.candidate.unwrap();
    let step = candidate.step.unwrap();
    assert_eq!((step.index, step.name.as_deref(), step.since), (2, Some("watch"), ago(0)));
    assert_eq!(
        (candidate.actions.len(), candidate.skipped),
        (1, vec![]),
        "to promote a pause for a person skips nothing"
    );
    // And so it stays.
    let after = later(&passed);
    assert!(told(&after.decide()).contains("Step 3 of 5 is a pause, until"), "{}", told(&after.decide()));
    assert_eq!(taken(&after), taken(&passed));
}

#[test]
fn a_step_is_passed_once() {
    let it = promoting(rollout().candidate("2", 50, 60), "go");
    assert_eq!(taken(&it), ["a0 Refused: Step go is passed already."]);
}

#[test]
fn a_step_that_is_passed_is_passed_when_the_status_is_lost() {
    let passed = carried_out(&promoting(rollout().candidate("2", 10, 6000), "go"));
    let lost = passed.with(|f| (f.status, f.carried) = (DeploymentBindingStatus::default(), vec![]));
    assert!(told(&lost.decide()).contains("Step 3 of 5 is a pause, until"), "{}", told(&lost.decide()));
    assert_eq!(
        taken(&lost),
        ["a0 AlreadyDone: It was carried out before: the endpoint's tag bindery-actions names it."]
    );
}

/// Azure works for a while on the PUT that only writes down what a person has passed.
#[test]
fn a_step_that_is_passed_stays_passed_while_azure_works() {
    let before = with(rollout().candidate("2", 10, 6000), ActionWord::Promote)
        .with(|f| f.asked[0].step = Some("go".into()));
    let mut working = carried_out(&before);
    working.found().properties.provisioning_state = Some("Updating".into());
    let mut done = later(&working);
    done.found().properties.provisioning_state = Some("Succeeded".into());
    let status = done.decide().status;
    assert_eq!(status.candidate.unwrap().step.unwrap().name.as_deref(), Some("watch"));
    assert_eq!(status.actions[0].state, ActionState::Complete);
}

#[test]
fn what_full_skips_stands_in_history() {
    let it = carried_out(&with(rollout().candidate("2", 10, 6000), ActionWord::Promote));
    let past = &it.decide().status.history[0];
    assert_eq!(
        (past.outcome, past.skipped.join(", ")),
        (Outcome::Promoted, "go, watch, step 4 of 5, last".into())
    );
    assert_eq!((past.actions[0].name.as_str(), past.actions[0].requested_by.as_str()), ("a0", "ada"));
    assert_eq!(taken(&it), ["a0 Complete: The rollout of revision r2 has passed all steps."]);
}

#[test]
fn what_is_aborted_loses_its_traffic_and_is_not_tried_again() {
    let it = with(rollout().candidate("2", 10, 60), ActionWord::Abort);
    let decision = it.decide();
    let call = decision.call.as_ref().unwrap();
    assert_eq!(call.errand.purpose, Purpose::TakeBack);
    assert_eq!(
        short(&call.doing),
        "take the traffic from v2, which is aborted, and give it to v1 (RolloutAction a0 of ada)"
    );
    assert_eq!(taken(&it), ["a0 Accepted: It is carried out as soon as Azure is free for it."]);
    let (name, revision) = (it.name("1"), it.revision("2").to_string());
    let tags = tags(&it);
    assert_eq!(
        (&tags["bindery-traffic"], &tags["bindery-failed"], &tags["bindery-actions"]),
        (&json!(format!("{name}=100")), &json!(revision), &json!("000000a0"))
    );
    let after = later(&carried_out(&it));
    assert_table(&[(
        "aborted",
        after.decide(),
        "False Aborted stalled | v2 was aborted. ada aborted it: because. v1 has all the traffic. v2 is not tried again: bind another version, change anything in spec.online.deployment but instanceCount, autoscale and tags, or have it tried again (`bindery retry taxi`). | 60 s",
    )]);
    let past = &after.decide().status.history[0];
    assert_eq!((past.outcome, past.actions.len()), (Outcome::Failed, 1));
    assert_eq!(taken(&after), ["a0 Complete: Revision r2 has no traffic, and is not tried again."]);
    // Once more, by another object: there is nothing left to abort.
    let again = with(after, ActionWord::Abort);
    assert_eq!(taken(&again)[1], "a1 Refused: Revision r2 has failed already and has no traffic.");
}

#[test]
fn what_is_aborted_stands_before_what_failed_earlier() {
    let earlier = rollout().failed("8", 60).failed("9", 30).candidate("2", 10, 60);
    let aborted = later(&carried_out(&with(earlier, ActionWord::Abort)));
    let status = aborted.decide().status;
    let order: Vec<String> = status.history.iter().map(|it| it.revision.clone()).collect();
    let expected = ["2", "9", "8", "1"].map(|number| aborted.revision(number).to_string());
    assert_eq!(order, expected);
}

/// The endpoint's tag and the history have no room for one more.
#[test]
fn what_is_aborted_after_ten_failures_stays_so() {
    let mut it = rollout();
    for number in 11..21 {
        it = it.failed(&number.to_string(), 60);
        it.0.deployments.pop();
    }
    let aborted = later(&carried_out(&with(it.candidate("2", 10, 60), ActionWord::Abort)));
    let (decision, revision) = (aborted.decide(), aborted.revision("2").to_string());
    assert_eq!(decision.status.history[0].revision, revision);
    assert!(told(&decision).contains("Aborted stalled"), "{}", told(&decision));
    let Look::Found(endpoint) = &aborted.0.endpoint else { panic!() };
    assert!(endpoint.tags["bindery-failed"].starts_with(&revision), "{}", endpoint.tags["bindery-failed"]);
    assert!(
        decision.status.history.iter().any(|it| it.outcome.serves()),
        "one may go back to what was stable"
    );
}

#[test]
fn a_release_leaves_what_is_warm_and_was_not_held_back() {
    let it = binding().wanting("3").steps(steps()).serving("2").serving("1").previous("2", 60);
    let (held, to) = (it.revision("3"), it.revision("1"));
    let hold = Held { revision: held.clone(), to, since: noon() };
    let it = it.tagged("bindery-hold", &hold.to_string()).with(|f| {
        f.asked.push(asked("a0", ActionWord::Release, &held));
    });
    let after = carried_out(&it);
    let Look::Found(endpoint) = &after.0.endpoint else { panic!() };
    assert_eq!(endpoint.tags.get("bindery-previous"), Some(&it.name("2")));
    assert!(endpoint.tags.get("bindery-hold").is_none_or(String::is_empty));
}

#[test]
fn what_failed_is_tried_again_when_somebody_asks() {
    let aborted = later(&carried_out(&with(rollout().candidate("2", 10, 60), ActionWord::Abort)));
    let retried = with(aborted, ActionWord::Retry);
    let doing = retried.decide().call.unwrap().doing;
    // It comes by the steps, from the first one on.
    assert_eq!(short(&doing), "move 10 % of the traffic to v2 (RolloutAction a1 of ada)");
    let after = carried_out(&retried);
    assert_eq!(tags(&retried).get("bindery-failed"), None);
    for after in [after.clone(), later(&after)] {
        assert!(told(&after.decide()).contains("Step 2 of 5 is a pause until"), "{}", told(&after.decide()));
        assert_eq!(after.decide().status.history[0].actions.last().unwrap().action, ActionWord::Retry);
    }
    // It may fail again.
    let broken = later(&after).with(|f| {
        let two = f.deployments.last_mut().unwrap();
        two.properties.provisioning_state = Some("Failed".into());
    });
    let broken = later(&broken);
    assert_eq!(
        short(&broken.decide().call.unwrap().doing),
        "take the traffic from v2, which failed, and give it to v1"
    );
}

#[test]
fn a_retry_is_noted_where_its_revision_failed() {
    let aborted = later(&carried_out(&with(rollout().candidate("2", 10, 60), ActionWord::Abort)));
    let (two, three) = (aborted.revision("2").to_string(), aborted.revision("3").to_string());
    let it = aborted.with(|f| f.status.history.insert(0, PastRollout::new(&three, Outcome::Failed)));
    let history = carried_out(&with(it, ActionWord::Retry)).decide().status.history;
    let retried = |it: &&PastRollout| it.actions.iter().any(|told| told.action == ActionWord::Retry);
    let revisions: Vec<_> = history.iter().filter(retried).map(|it| it.revision.clone()).collect();
    assert_eq!(revisions, [two]);
}

#[test]
fn a_broken_deployment_goes_before_its_revision_is_tried_again() {
    let failed = rollout().deployed("2", "Failed").role("2", Role::Candidate, 60);
    let noted = later(&carried_out(&failed));
    let retried = with(noted, ActionWord::Retry);
    let call = retried.decide().call.unwrap();
    assert_eq!(
        (short(&call.doing), call.action == Action::Delete),
        ("delete deployment v2, which failed, to try it again".into(), true)
    );
    let mut gone = retried.clone();
    gone.0.absorb(&call, Ok(&Reply::default()));
    let doing = gone.decide().call.unwrap().doing;
    assert_eq!(
        it_names(&gone, &doing),
        "write down that revision r2 is tried again (RolloutAction a0 of ada)"
    );
    let noted = later(&carried_out(&gone));
    assert_eq!(short(&noted.decide().call.unwrap().doing), "create deployment v2 of taxi:2");
}

#[test]
fn what_serves_is_rolled_back_and_held() {
    let it = with(promoted(), ActionWord::Rollback);
    let call = it.decide().call.unwrap();
    assert_eq!(call.errand.purpose, Purpose::TakeBack);
    assert_eq!(
        short(&call.doing),
        "give v1 all the traffic again, and hold v2 back (RolloutAction a0 of ada)"
    );
    let held = carried_out(&it);
    let held_later = later(&held);
    for held in [&held, &held_later] {
        let status = held.decide().status;
        let hold = status.hold.unwrap();
        assert_eq!(
            (hold.revision, hold.to_revision),
            (it.revision("2").to_string(), it.revision("1").to_string())
        );
        assert_eq!(hold.action.unwrap().requested_by, "ada");
        assert_eq!((status.history[0].outcome, status.history[0].actions.len()), (Outcome::RolledBack, 1));
        assert_eq!(status.stable.unwrap().version.as_deref(), Some("1"));
        assert_eq!(taken(held), ["a0 Complete: Revision r2 is held back."]);
        assert_eq!(
            it_names(held, &told(&held.decide())),
            "False Held stalled | ada rolled back (because): revision r1 serves. Revision r2 is held back until the manifest asks for another one, or until that is released (`bindery release taxi`). | 600 s"
        );
    }
    // Also when all status is lost.
    let lost = held_later.clone().with(|f| f.status = DeploymentBindingStatus::default());
    assert!(it_names(&lost, &told(&lost.decide())).contains("Somebody rolled back: revision r1 serves."));
    // Another revision ends it, and so does a Release: what was held back comes by the steps.
    let other = held_later.clone().wanting("3");
    assert!(
        other.decide().status.hold.is_none() && told(&other.decide()).contains("-> "),
        "{}",
        told(&other.decide())
    );
    let released = with(held_later, ActionWord::Release);
    let doing = short(&released.decide().call.unwrap().doing);
    assert_eq!(doing, "move 10 % of the traffic to v2 (RolloutAction a1 of ada)");
    let after = later(&carried_out(&released));
    assert_eq!(after.decide().status.candidate.unwrap().weight, 10);
}

#[test]
fn where_what_should_serve_instead_is_gone_it_is_made_again_and_nothing_else_comes() {
    let held = later(&carried_out(&with(promoted(), ActionWord::Rollback)));
    let name = held.name("1");
    let gone = held.with(|f| {
        f.deployments.retain(|d| d.name() != name);
        f.before = vec![];
    });
    assert!(gone.0.to_read().iter().all(|name| !name.is_empty()), "{:?}", gone.0.to_read());
    let known = |it: Binding| {
        it.with(|f| {
            for past in f.status.history.iter_mut().filter(|it| it.version.is_none()) {
                past.version = Some("1".into());
            }
        })
    };
    // Azure takes no traffic map that names what is gone.
    assert_eq!(told(&gone.decide()), "False TakingBack working | -> set the traffic to none | now");
    let noted = known(later(&carried_out(&gone)));
    // There is room for it beside what is held back.
    assert!(told(&noted.decide()).contains("-> create deployment v1 of "), "{}", told(&noted.decide()));
    let two = noted.name("2");
    let alone = noted.with(|f| f.deployments.retain(|d| d.name() != two));
    let unknown = alone.with(|f| f.status.history.iter_mut().for_each(|it| it.version = None));
    assert!(told(&unknown.decide()).contains("and its deployment is gone"), "{}", told(&unknown.decide()));
}

/// Version 3 serves; version 1 was stable before version 2, and both are gone.
fn cold() -> Binding {
    let mut it = binding().wanting("3").steps(steps()).serving("1").serving("2").serving("3");
    let gone = [it.name("1"), it.name("2")];
    it.0.deployments.retain(|d| !gone.contains(&d.name().to_string()));
    it.0.status.deployments.retain(|d| !gone.contains(&d.name));
    for (past, number) in it.0.status.history.iter_mut().zip(["3", "2", "1"]) {
        past.version = Some(number.into());
    }
    it
}

#[test]
fn a_rollback_goes_to_what_was_stable_also_where_its_deployment_is_gone() {
    let three = cold().revision("3");
    let back = |it: Binding, to: Option<&str>| {
        let to = to.map(|number| it.revision(number));
        it.with(|f| {
            f.asked.push(asked("a0", ActionWord::Rollback, &three));
            f.asked[0].to = to;
        })
    };
    let doing = |it: &Binding| it.decide().call.map(|call| short(&call.doing)).unwrap_or_default();
    for (to, number) in [(None, "2"), (Some("2"), "2"), (Some("1"), "1")] {
        let it = back(cold(), to);
        // First the word is written down, and what serves goes on serving.
        let held = carried_out(&it);
        let Look::Found(endpoint) = &held.0.endpoint else { panic!() };
        assert!(endpoint.tags["bindery-hold"].contains(&it.revision(number).to_string()), "{to:?}");
        assert_eq!(endpoint.weight(&it.name("3")), 100);
        let held = later(&held);
        let made = format!(
            "create deployment v{number} of azureml://registries/models/models/taxi/versions/{number}, to go back to it"
        );
        assert_eq!(doing(&held), made, "{to:?}");
        let there = held.deployed(number, "Succeeded");
        assert!(
            doing(&there).starts_with(&format!("give v{number} all the traffic again, and hold v3 back")),
            "{}",
            doing(&there)
        );
        // Who asked stands in the history, although the action was over long before.
        let back = carried_out(&later(&there)).decide().status.history.remove(0);
        let who: Vec<&str> = back.actions.iter().map(|it| it.requested_by.as_str()).collect();
        assert_eq!((back.outcome, who), (Outcome::RolledBack, vec!["ada"]));
    }
    let refused = |it: Binding| taken(&it).remove(0);
    let archived = |it: Binding| {
        it.with(|f| {
            f.before = f.known_before();
            f.before.iter_mut().for_each(|it| it.archived = true);
        })
    };
    assert!(refused(archived(back(cold(), Some("1")))).ends_with(": its version is archived."));
    assert!(refused(archived(back(cold(), None))).contains(
        "status.history knows no other revision that was stable here and may serve again. Not to revision"
    ));
    let moved = |it: Binding| {
        it.with(|f| {
            let Place::Ready { policy, .. } = &mut f.place else { unreachable!() };
            policy.sources = vec![crate::decide::fixtures::registry_as_source("released")];
        })
    };
    assert!(
        refused(moved(back(cold(), Some("1"))))
            .contains("Workspace production serves only versions from released (released)")
    );
    assert!(
        refused(back(cold(), Some("7")))
            .contains("is not one that was stable here before, as far as status.history knows")
    );
}

/// What serves is bad, and what the manifest asks for may not come yet.
#[test]
fn what_serves_is_rolled_back_while_another_is_asked_for() {
    let (two, three) = (promoted().revision("2"), promoted().revision("3").to_string());
    let it = promoted().wanting("3").with(|f| f.asked.push(asked("a0", ActionWord::Rollback, &two)));
    assert_eq!(
        short(&it.decide().call.unwrap().doing),
        format!(
            "give v1 all the traffic again, in place of v2, and hold revision {three} back (RolloutAction a0 of ada)"
        )
    );
    let held = later(&carried_out(&it));
    let status = held.decide().status;
    let hold = status.hold.unwrap();
    assert_eq!((hold.revision, hold.action.unwrap().name.as_str()), (three.clone(), "a0"));
    assert_eq!((status.history[0].outcome, status.history[0].actions.len()), (Outcome::RolledBack, 1));
    assert_eq!(taken(&held), [format!("a0 Complete: Revision {three} is held back.")]);
}

#[test]
fn a_candidate_is_rolled_back_to_what_serves() {
    let it = with(rollout().candidate("2", 10, 60), ActionWord::Rollback);
    assert_eq!(
        short(&it.decide().call.unwrap().doing),
        "set the traffic to v1 100% (RolloutAction a0 of ada)"
    );
    let held = later(&carried_out(&it));
    assert_eq!(held.decide().status.hold.unwrap().to_revision, it.revision("1").to_string());
    assert_eq!(
        short(&held.decide().call.unwrap().doing),
        "delete deployment v2, whose rollout was given up for another"
    );
    let Look::Found(endpoint) = &held.0.endpoint else { panic!() };
    assert!(!endpoint.tags.contains_key("bindery-failed"), "it did not fail");
}

/// The way back is as open as the way forward: a failure of Azure ends neither.
#[test]
fn what_should_serve_instead_and_has_failed_is_tried_again_by_a_word() {
    let (two, three) = (cold().revision("2"), cold().revision("3"));
    let held = later(&carried_out(&cold().with(|f| f.asked.push(asked("a0", ActionWord::Rollback, &three)))));
    let it = held.clone().failed("2", 60);
    let decision = it.decide();
    let ready = crate::api::conditions_of(&decision.status.conditions);
    let message = short(&ready.get(crate::api::ConditionType::Ready).unwrap().message);
    assert!(
        message.starts_with(&format!(
            "ada rolled back (because): revision {two} should serve, and its deployment has failed; v3 serves until then. To try it again, run `bindery retry taxi`."
        )),
        "{message}"
    );
    assert_eq!(decision.status.revision, Some(three.to_string()), "the manifest asks for it all the same");
    let again = it.with(|f| f.asked.push(asked("a1", ActionWord::Retry, &two)));
    let doing = |it: &Binding| it.decide().call.map(|call| short(&call.doing)).unwrap_or_default();
    assert_eq!(doing(&again), "delete deployment v2, which failed, to try it again");
    let name = again.name("2");
    let gone = again.with(|f| f.deployments.retain(|d| d.name() != name));
    assert_eq!(
        doing(&gone),
        format!("write down that revision {two} is tried again (RolloutAction a1 of ada)")
    );
    let anew = later(&carried_out(&gone));
    assert!(doing(&anew).starts_with("create deployment v2 of "), "{}", doing(&anew));
    let fine = held.deployed("2", "Succeeded").with(|f| f.asked.push(asked("a1", ActionWord::Retry, &two)));
    assert_eq!(taken(&fine)[1], "a1 Refused: Revision r2 has not failed, so there is nothing to try again.");
}

/// Fixing the manifest in Git is enough: what was held back comes again when the manifest asks for it later.
#[test]
fn a_hold_is_over_when_the_manifest_asks_for_another_version() {
    let held = later(&carried_out(&with(promoted(), ActionWord::Rollback)));
    let one = held.clone().wanting("1");
    assert_eq!(
        short(&told(&one.decide())),
        "False Updating working | -> write down on endpoint taxi that nothing is held back any more | now"
    );
    assert_eq!(tags(&one)["bindery-hold"], Value::Null);
    // While nobody can read the version, nobody can say what the manifest asks for.
    let unknown = held.with(|f| f.version = crate::decide::SourceVersion::Missing { what: "it".into() });
    assert!(unknown.decide().call.is_none() && unknown.decide().status.hold.is_some());
}

#[test]
fn what_is_stale_impossible_or_contradictory_is_refused() {
    let other = Revision::parse("0123456789");
    let on = |it: Binding, word, revision: &Revision| it.with(|f| f.asked.push(asked("a0", word, revision)));
    let rising = || rollout().candidate("2", 10, 60);
    for (what, it, expected) in [
        (
            "another revision",
            on(rising(), ActionWord::Abort, &other),
            "It speaks of revision 0123456789, and the binding asks for revision r2 now. Look at what is going on, and make a new RolloutAction.",
        ),
        (
            "what serves is aborted",
            with(promoted(), ActionWord::Abort),
            "Revision r2 serves already; there is no rollout of it. To go back to what served before, make a RolloutAction with action: Rollback.",
        ),
        (
            "nothing failed",
            with(rising(), ActionWord::Retry),
            "Revision r2 has not failed, so there is nothing to try again.",
        ),
        ("nothing is held", with(rising(), ActionWord::Release), "Nothing is held back."),
        ("no such step", promoting(rising(), "none"), "There is no step none in spec.strategy.steps."),
        (
            "a later step",
            promoting(rising(), "last"),
            "The rollout stands at step 2 of 5, before step last. Promote last when the rollout has come there.",
        ),
        (
            "what has failed already is rolled back",
            with(rollout().failed("2", 60), ActionWord::Rollback),
            "Revision r2 has failed already and has no traffic. Revision r1 serves.",
        ),
        (
            "nothing to go back to",
            with(binding().wanting("2").serving("2"), ActionWord::Rollback),
            "There is nothing to go back to: status.history knows no other revision that was stable here and may serve again. Name the version that should serve in spec.model.versionRef, or revert that in Git.",
        ),
    ] {
        assert_eq!(taken(&it), [format!("a0 Refused: {expected}")], "{what}");
        // It stays refused, whatever comes.
        let after = later(&it).with(|f| f.spec.strategy.steps = vec![]);
        assert_eq!(taken(&after), [format!("a0 Refused: {expected}")], "{what}");
    }
}

#[test]
fn of_two_the_safer_one_is_carried_out_first() {
    let it = with(with(rollout().candidate("2", 10, 60), ActionWord::Promote), ActionWord::Abort);
    assert!(it.decide().call.unwrap().doing.ends_with("(RolloutAction a1 of ada)"));
    assert_eq!(
        taken(&it),
        [
            "a0 Accepted: It waits for RolloutAction a1 of ada, which is carried out first.",
            "a1 Accepted: It is carried out as soon as Azure is free for it."
        ]
    );
    let after = later(&carried_out(&it));
    let states: Vec<ActionState> = after.decide().status.actions.iter().map(|it| it.state).collect();
    assert_eq!(states, [ActionState::Refused, ActionState::Complete], "{:?}", taken(&after));
}

#[test]
fn an_action_is_carried_out_once() {
    let aborted = carried_out(&with(rollout().candidate("2", 10, 60), ActionWord::Abort));
    // The object is applied again, after everything else is forgotten, and after the revision was retried.
    let lost = aborted.with(|f| (f.status, f.carried) = (DeploymentBindingStatus::default(), vec![]));
    assert_eq!(
        taken(&lost),
        ["a0 AlreadyDone: It was carried out before: the endpoint's tag bindery-actions names it."]
    );
    let retried = later(&carried_out(&with(later(&lost), ActionWord::Retry)));
    assert_eq!(retried.decide().status.candidate.unwrap().weight, 10);
    assert_eq!(
        retried.decide().status.actions.iter().filter(|it| it.state == ActionState::Complete).count(),
        1
    );
}

/// A restore of everything without status: an action that was refused, and would fit by now, stays refused.
#[test]
fn what_was_refused_stays_so_when_the_status_is_lost() {
    let refused = with(rollout().candidate("2", 10, 6000), ActionWord::Retry);
    let refused = later(&refused);
    let aborted = later(&carried_out(&with(refused, ActionWord::Abort)));
    let Look::Found(endpoint) = &aborted.0.endpoint else { panic!() };
    assert_eq!(endpoint.tags["bindery-actions"], "000000a1 -000000a0");
    let lost = aborted.with(|f| f.status = DeploymentBindingStatus::default());
    assert_eq!(
        taken(&lost),
        [
            "a0 Refused: It was refused before: the endpoint's tag bindery-actions names it. To ask for the same now, make another RolloutAction.",
            "a1 AlreadyDone: It was carried out before: the endpoint's tag bindery-actions names it.",
        ]
    );
    assert!(lost.decide().call.is_none(), "{:?}", lost.decide().call);
}

/// The binding and its endpoint are deleted and made anew: nothing but the objects of the old actions is left.
#[test]
fn what_has_ended_by_its_own_status_is_not_judged_anew() {
    let said = |state, text: &str| Some((state, text.to_string()));
    for (word, ended) in [
        (ActionWord::Abort, said(ActionState::Complete, "Aborted.")),
        (ActionWord::Abort, said(ActionState::Refused, "Stale.")),
        (ActionWord::Promote, said(ActionState::AlreadyDone, "Done.")),
    ] {
        let fresh = with(rollout().candidate("2", 10, 6000), word);
        let acts = fresh.decide().call.is_some_and(|call| call.doing.contains("RolloutAction a0"));
        assert!(acts, "{word:?} fits");
        let (state, text) = ended.clone().unwrap();
        let old = fresh.with(|f| f.asked[0].ended = ended);
        assert_eq!(taken(&old), [format!("a0 {state:?}: {text}")]);
        assert!(told(&old.decide()).contains("AwaitingPromotion"), "{}", told(&old.decide()));
    }
}

#[test]
fn an_accepted_action_says_what_it_waits_for() {
    let paused = || rollout().candidate("2", 10, 6000);
    let mode = |it: Binding, mode| it.with(|f| f.situation.mode = mode);
    for (what, it, expected) in [
        ("Azure", with(paused(), ActionWord::Abort), "It is carried out as soon as Azure is free for it."),
        (
            "a suspended binding",
            mode(with(paused(), ActionWord::Abort), Mode::Suspended),
            "It waits for what the condition Ready of DeploymentBinding taxi tells: Suspended.",
        ),
        (
            "an observed one",
            mode(with(paused(), ActionWord::Abort), Mode::Observe),
            "It waits for as long as Bindery changes nothing in Azure: spec.management is Observe.",
        ),
        (
            "an operator that only observes",
            mode(with(paused(), ActionWord::Abort), Mode::ObserveOnly),
            "It waits for as long as Bindery changes nothing in Azure: the operator runs with --observe-only.",
        ),
        (
            "the policy",
            with(paused(), ActionWord::Promote).with(|f| {
                let Place::Ready { policy, .. } = &mut f.place else { panic!() };
                policy.sources = vec![registry_as_source("other")];
            }),
            "It waits for what the condition Ready of DeploymentBinding taxi tells: PolicyRefused.",
        ),
        (
            "the candidate",
            with(rollout().deployed("2", "Updating"), ActionWord::Promote),
            "It is carried out as soon as Azure is free for it.",
        ),
    ] {
        let said = taken(&it);
        assert_eq!(said, [format!("a0 Accepted: {expected}")], "{what}");
        assert_eq!(taken(&later(&it)), said, "{what}");
    }
}

/// Since when an action stands is told by its own entry.
#[test]
fn an_action_keeps_the_time_at_which_it_was_refused() {
    let it = with(rollout().candidate("2", 10, 60), ActionWord::Retry);
    let since = |it: &Binding| it.decide().status.actions.iter().map(|it| it.since).collect::<Vec<_>>();
    let mut then = later(&it);
    then.0.situation.now += std::time::Duration::from_secs(60);
    assert_eq!(since(&then), [ago(0)]);
    let both = with(then, ActionWord::Retry);
    assert_eq!(since(&both), [both.0.situation.now, ago(0)]);
}

#[test]
fn nobody_rolls_back_to_what_the_manifest_asks_for() {
    let stable = |it: &Binding, number| it.revision(number);
    // The manifest was reverted, and the traffic is on its way back.
    let reverted = promoted().wanting("1");
    let two = stable(&reverted, "2");
    let it = reverted.with(|f| f.asked.push(asked("a0", ActionWord::Rollback, &two)));
    assert_eq!(
        taken(&it),
        ["a0 Refused: The binding asks for revision r1 already, and goes back to it by itself."]
    );
    // What was rolled back is what served before.
    let held = later(&carried_out(&with(promoted(), ActionWord::Rollback)));
    let one = stable(&held, "1");
    let it = held.with(|f| f.asked.push(asked("a1", ActionWord::Rollback, &one)));
    assert_eq!(
        taken(&it)[1],
        "a1 Refused: What served before revision r1 is revision r2, which is held back. A RolloutAction with action: Release ends that."
    );
    assert_eq!(it.decide().status.hold.unwrap().revision, it.revision("2").to_string());
}

/// Somebody edits the tag of the endpoint that says what is held back: nothing comes back by that.
#[test]
fn a_hold_outlives_the_edit_of_its_tag() {
    let held = later(&carried_out(&with(promoted(), ActionWord::Rollback)));
    let hold = held.decide().status.hold;
    let Look::Found(endpoint) = &held.0.endpoint else { panic!() };
    let tag = endpoint.tags["bindery-hold"].clone();
    for edited in [None, Some("nonsense"), Some("0123456789 0123456789 2026-03-01T12:00:00Z")] {
        let it = held.clone().with(|f| {
            let Look::Found(endpoint) = &mut f.endpoint else { panic!() };
            endpoint.tags.remove("bindery-hold");
            endpoint.tags.extend(edited.map(|text| ("bindery-hold".to_string(), text.to_string())));
        });
        assert_eq!(it.decide().status.hold, hold, "{edited:?}");
        assert!(
            told(&it.decide()).contains("write down on endpoint taxi again that revision"),
            "{}",
            told(&it.decide())
        );
        assert_eq!(tags(&it)["bindery-hold"], tag, "{edited:?}");
        assert_eq!(it_names(&it, &told(&carried_out(&it).decide())), it_names(&it, &told(&held.decide())));
    }
    // Nobody can read the endpoint: what is held back stays known.
    let unseen = held.clone().with(|f| (f.endpoint, f.deployments) = (Look::Unseen, vec![]));
    assert_eq!(unseen.decide().status.hold, hold);
    // A Release ends it for good, also where the process dies before the status is written.
    let accepted = later(&with(held.clone(), ActionWord::Release));
    assert_eq!(accepted.decide().status.hold, hold);
    let released = carried_out(&accepted);
    assert_eq!(released.decide().status.hold, None);
    let died = released.clone().with(|f| f.carried = vec![]);
    assert_eq!(died.decide().status.hold, None);
    assert!(died.decide().call.is_none(), "{:?}", died.decide().call);
    // An earlier Release does not end a later hold, whose tag is removed.
    let again = held.with(|f| {
        let release =
            asked("a9", ActionWord::Release, &Revision::parse(&f.status.hold.as_ref().unwrap().revision));
        f.status.actions.push(crate::api::TakenAction {
            name: "a9".into(),
            hash: release.hash.clone(),
            action: ActionWord::Release,
            ..f.status.actions[0].clone()
        });
        f.asked.push(release);
        let Look::Found(endpoint) = &mut f.endpoint else { panic!() };
        endpoint.tags.remove("bindery-hold");
        endpoint.tags.get_mut("bindery-actions").unwrap().push_str(" 000000a9");
    });
    assert_eq!(again.decide().status.hold, hold);
}

#[test]
fn a_reason_is_one_line_wherever_it_is_told() {
    let spec = json!({
        "bindingRef": {"name": "taxi"}, "action": "Abort", "revision": "5e6f7a8b90", "requestedBy": "ada",
        "reason": format!("wrong\r\n\n\tfares {}", "x".repeat(400)),
    });
    let action = crate::api::RolloutAction::new("a", serde_json::from_value(spec).unwrap());
    let reason = Asked::of(&action, ago(0)).reason.unwrap();
    assert!(reason.starts_with("wrong fares xxx") && reason.chars().count() == 256, "{reason}");
}

/// The status is written before the call goes out. The call may fail then, or has to wait.
#[test]
fn the_status_tells_of_an_action_only_when_it_is_carried_out() {
    let suspended = |it: Binding| it.with(|f| f.situation.mode = Mode::Suspended);
    for word in [ActionWord::Abort, ActionWord::Rollback, ActionWord::Promote] {
        let before = later(&rollout().candidate("2", 10, 6000)).decide().status;
        for it in [
            with(rollout().candidate("2", 10, 6000), word),
            suspended(with(rollout().candidate("2", 10, 6000), word)),
        ] {
            let mut status = it.decide().status;
            for _ in 0..2 {
                assert_eq!(status.history, before.history, "{word:?}");
                assert_eq!(status.candidate, before.candidate, "{word:?}");
                assert_eq!(status.actions[0].state, ActionState::Accepted, "{word:?}");
                status = later(&it).decide().status;
            }
            let phase = status.phase;
            let expected = if it.0.situation.mode == Mode::Suspended { before.phase } else { phase };
            assert_eq!(phase, expected, "{word:?}");
        }
    }
}

/// Azure keeps what an action does in tags alone: the next action, which changes no more than those, does not wait for that.
#[test]
fn an_action_after_another_is_no_second_try_of_the_first() {
    let aborted = later(&carried_out(&with(rollout().candidate("2", 10, 60), ActionWord::Abort)));
    let call = aborted.clone();
    let rolled = with(call, ActionWord::Retry);
    let (first, second) =
        (with(rollout().candidate("2", 0, 60), ActionWord::Abort).decide(), rolled.decide());
    let contents = [first.call.unwrap().content, second.call.unwrap().content];
    assert_ne!(contents[0], contents[1]);
}

/// Somebody edits the tag that says what Bindery wrote last: nothing rises by that.
#[test]
fn an_edited_tag_of_the_traffic_raises_nothing() {
    let it = rollout().candidate("2", 10, 60);
    let names = (it.name("1"), it.name("2"));
    let edited = it.tagged("bindery-traffic", &format!("{}=50 {}=50", names.0, names.1));
    assert_eq!(
        short(&told(&edited.decide())),
        "False Drifted working | -> put back traffic of endpoint taxi | now"
    );
    assert_eq!(tags(&edited)["bindery-traffic"], json!(format!("{}=90 {}=10", names.0, names.1)));
    // What somebody took away is given back.
    let moved = rollout().candidate("2", 10, 60).moved(&[("1", 95), ("2", 5)]);
    assert_eq!(tags(&moved)["bindery-traffic"], json!(format!("{}=90 {}=10", names.0, names.1)));
}

/// What was rolled back is deleted when it has been kept long enough: until the manifest's revision serves, nothing is Ready.
#[test]
fn while_something_is_held_back_housekeeping_is_not_ready() {
    let held = later(&carried_out(&with(promoted(), ActionWord::Rollback)));
    let it = held.with(|f| f.spec.strategy.keep_previous = Some(crate::api::Period::new("0s")));
    let said = told(&it.decide());
    assert!(said.starts_with("False ") && said.contains("-> delete deployment v2"), "{said}");
}

/// Azure scales the candidate in place: it serves, and stands where it stood.
#[test]
fn a_pause_is_promoted_also_while_the_candidate_is_scaled() {
    let name = rollout().name("2");
    let in_state = |state: &str| {
        let it = rollout().candidate("2", 10, 6000).with(|f| {
            let mut found = f.deployments.iter_mut().filter(|d| d.name() == name);
            found.next().unwrap().properties.provisioning_state = Some(state.into());
        });
        taken(&promoting(it, "go"))
    };
    assert_eq!(in_state("Updating"), ["a0 Accepted: It is carried out as soon as Azure is free for it."]);
    let refused = in_state("Creating");
    assert!(refused[0].starts_with("a0 Refused: The new deployment cannot serve yet"), "{refused:?}");
}

/// Version 2 served until somebody rolled it back, while the manifest asked for a third one that had not begun.
fn left(warm: bool) -> Binding {
    let it = binding().wanting("2").steps(steps()).serving("1");
    let it = if warm { it.previous("2", 60) } else { it };
    let revision = it.revision("2").to_string();
    it.with(|f| {
        f.status.history[0].outcome = Outcome::RolledBack;
        let before =
            PastRollout { version: Some("2".into()), ..PastRollout::new(&revision, Outcome::Promoted) };
        f.status.history.insert(1, before);
    })
}

#[test]
fn what_was_rolled_back_takes_the_steps_when_the_manifest_asks_for_it_again() {
    let ten = "move 10 % of the traffic to v2";
    let call = left(true).decide().call.map(|call| short(&call.doing)).unwrap_or_default();
    assert!(call.starts_with(ten), "{call}");
    let made = left(false).decide().call.map(|call| short(&call.doing)).unwrap_or_default();
    assert_eq!(made, "create deployment v2 of taxi:2");
    // After a promotion in between, it is what served before, like any other.
    let again = left(true).with(|f| f.status.history[0].outcome = Outcome::Promoted);
    assert!(told(&again.decide()).contains("give v2 all the traffic"), "{}", told(&again.decide()));
    let closed = left(true).with(|f| {
        f.spec.strategy.windows = serde_json::from_value(
            json!([{"name": "always", "kind": "Deny", "schedule": "* * * * *", "duration": "1m"}]),
        )
        .unwrap();
    });
    assert!(told(&closed.decide()).contains("WindowClosed"), "{}", told(&closed.decide()));
}

/// The manifest asks for version 3, which is not ready. Version 2 serves, and version 1 is warm.
fn unready(registered: bool) -> Binding {
    promoted().with(|f| {
        let registered =
            registered.then(|| ("azureml://registries/models/models/taxi/versions/3".into(), "3".into()));
        f.version = SourceVersion::NotReady {
            what: "ModelVersion taxi-3".into(),
            because: "No.".into(),
            stalled: true,
            registered,
        };
    })
}

#[test]
fn a_rollback_from_what_serves_does_not_wait_for_the_version_of_the_manifest() {
    for registered in [true, false] {
        let it = with(unready(registered), ActionWord::Rollback);
        let decision = it.decide();
        let expected =
            if registered { "in place of v2, and hold revision" } else { "again, and hold v2 back" };
        assert!(told(&decision).contains(expected), "{}", told(&decision));
        let after = later(&carried_out(&it));
        let held = after.decide().status.hold.unwrap();
        assert_eq!(held.to_revision, it.revision("1").to_string());
        assert_eq!(held.revision == it.revision("2").to_string(), !registered);
    }
    // Whoever has held something back meanwhile finds that held back still when the version is known again.
    let three = Revision::parse("3333333333");
    let back = with(unready(false), ActionWord::Rollback).with(|f| {
        let (to, since) = (Binding(f.clone()).revision("2"), ago(60));
        let Look::Found(endpoint) = &mut f.endpoint else { panic!("no endpoint") };
        endpoint.tags.insert("bindery-hold".into(), Held { revision: three.clone(), to, since }.to_string());
    });
    let held = later(&carried_out(&back)).decide().status.hold.unwrap();
    assert_eq!((held.revision, held.to_revision), (three.to_string(), back.revision("1").to_string()));
    // Of a rollout that nobody can see, nothing is said; what was accepted tells what it waits for.
    let promotes = with(unready(false), ActionWord::Promote);
    assert_eq!(taken(&promotes), Vec::<String>::new());
    let accepted = promotes.with(|f| {
        let asked = f.asked[0].clone();
        let message = "It is carried out as soon as Azure is free for it.".to_string();
        f.status.actions = vec![f.taken(&asked, ActionState::Accepted, message)];
    });
    assert_eq!(
        taken(&accepted),
        [
            "a0 Accepted: It waits for what the condition Ready of DeploymentBinding taxi tells: ReferenceNotReady."
        ]
    );
}

/// Azure has worked on the endpoint for 40 s: nobody who only goes on has to know within a second that it has ended.
#[test]
fn whoever_takes_traffic_back_looks_every_second_whether_azure_is_free() {
    let busy = |it: Binding| {
        let mut it = it;
        let id = it.0.id.clone().unwrap();
        it.found().properties.provisioning_state = Some("Updating".into());
        let running = operation(Purpose::MoveTraffic, "move it", &id, 40, OperationState::Running);
        it.with(|f| {
            f.status.operation.clone_from(&running.remembered);
            f.situation.operation = running;
        })
    };
    let next = |it: Binding| busy(it).decide().next;
    let rolling = || rollout().candidate("2", 10, 6000);
    let soon = LookAgain::After(std::time::Duration::from_secs(1));
    assert_eq!(next(rolling()), LookAgain::After(std::time::Duration::from_secs(10)));
    assert_eq!(next(rolling().wanting("1")), soon, "a revert in Git");
    assert_eq!(next(with(rolling(), ActionWord::Abort)), soon);
    assert_eq!(next(with(promoted(), ActionWord::Rollback)), soon);
}
