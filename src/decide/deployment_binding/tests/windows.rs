//! When a rollout may go on. The tests' moment is Sunday, 1 March 2026, 12:00 UTC.

use std::time::Duration;

use serde_json::{Value, json};

use super::actions::{asked, carried_out, later};
use super::approvals::{asking, decided};
use crate::api::{ActionState, ActionWord, ConditionType, Phase, Reason, WindowStatus, conditions_of};
use crate::decide::fixtures::{Binding, binding, noon, short, told};
use crate::decide::{LookAgain, Place};

/// From 11:00 to 13:00.
fn lunch(kind: &str) -> Value {
    json!([{"name": "lunch", "kind": kind, "schedule": "0 11 * * *", "duration": "2h"}])
}

fn of_its_own(it: Binding, windows: &Value) -> Binding {
    it.with(|f| f.spec.strategy.windows = serde_json::from_value(windows.clone()).unwrap())
}

fn of_the_place(it: Binding, windows: &Value) -> Binding {
    it.with(|f| {
        let Place::Ready { policy, .. } = &mut f.place else { unreachable!() };
        policy.windows = serde_json::from_value(windows.clone()).unwrap();
    })
}

fn rollout() -> Binding {
    binding()
        .wanting("2")
        .steps(json!([{"setTraffic": 10}, {"name": "go", "pause": {"for": "10m"}}, {"setTraffic": 50}]))
        .serving("1")
}

fn shadowing() -> Binding {
    binding()
        .wanting("2")
        .steps(json!([{"name": "look", "mirror": 10}, {"pause": {"for": "10m"}}, {"setTraffic": 50}]))
        .serving("1")
}

/// What happens where the binding's own window, or that of the workspace, is closed.
fn closed(it: &Binding) -> [String; 2] {
    let (own, place) = (of_its_own(it.clone(), &lunch("Deny")), of_the_place(it.clone(), &lunch("Deny")));
    [own, place].map(|it| short(&told(&it.decide())))
}

#[test]
fn nothing_rises_and_nothing_is_made_while_a_window_is_closed() {
    let waits = |by: &str, stands: &str| {
        format!(
            "False WindowClosed working | Closed for rollouts: window lunch (Deny) of {by}. The rollout {stands} at 2026-03-01T13:00:00Z. | 600 s"
        )
    };
    let stays = "stays where it is, and can be taken back at any time. It goes on";
    let begins = "has not begun. It begins";
    for (what, it) in [
        ("no endpoint", binding()),
        ("nothing serves", binding().endpoint()),
        ("the first candidate is ready", binding().endpoint().deployed("1", "Succeeded")),
        ("no candidate", rollout()),
        ("a candidate that is ready", rollout().deployed("2", "Succeeded")),
        ("its pause is over", rollout().candidate("2", 10, 6000)),
        ("its pause is not over", rollout().candidate("2", 10, 60)),
        ("a shadow, whose pause is over", shadowing().shadow("2", 10, 6000)),
        ("no shadow yet", shadowing().deployed("2", "Succeeded")),
    ] {
        let stands = if it.decide().status.candidate.is_some() { stays } else { begins };
        assert_eq!(
            closed(&it),
            ["spec.strategy", "Workspace production"].map(|by| waits(by, stands)),
            "{what}"
        );
        // Where the window is one to go on in, nothing is kept.
        let open = of_its_own(it.clone(), &lunch("Allow"));
        assert_eq!(told(&of_the_place(open, &lunch("Allow")).decide()), told(&it.decide()), "{what}");
    }
}

#[test]
fn taking_back_and_going_back_are_never_kept() {
    for (what, it) in [
        ("it serves", binding().serving("1")),
        ("a candidate that failed", rollout().candidate("2", 10, 60).deployed("2", "Failed")),
        ("the manifest is reverted", rollout().candidate("2", 10, 60).wanting("1")),
        ("back to what is warm", binding().wanting("1").serving("2").previous("1", 60)),
        ("another one", rollout().candidate("2", 10, 60).wanting("3")),
    ] {
        // Only the next look may be another one.
        let but_when = |said: String| said.rsplit_once(" | ").map(|(said, _)| said.to_string());
        let open = but_when(short(&told(&it.decide())));
        assert_eq!(closed(&it).map(but_when), [open.clone(), open], "{what}");
    }
    // What was stable here before, as the history says, is made anew.
    let back = later(&binding().wanting("2").serving("2")).wanting("1");
    let past = later(&binding().serving("1")).decide().status.history;
    let back = back.with(|f| f.status.history.extend(past));
    assert_eq!(closed(&back), ["False Progressing working | -> create deployment v1 of taxi:1 | now"; 2]);
}

#[test]
fn the_status_says_when_it_goes_on() {
    let status = |it: &Binding| it.decide().status.window;
    assert_eq!(status(&rollout()), None);
    let at = |hour: u64| Some(noon() + Duration::from_secs(hour * 3600));
    let closed = of_its_own(rollout(), &lunch("Deny"));
    let by = Some("window lunch (Deny) of spec.strategy".into());
    assert_eq!(status(&closed), Some(WindowStatus { open: false, by, next_open: at(1), next_close: None }));
    let open = of_its_own(rollout(), &lunch("Allow"));
    assert_eq!(
        status(&open),
        Some(WindowStatus { open: true, by: None, next_open: None, next_close: at(1) })
    );
    // Both have a say.
    let both = of_the_place(
        open,
        &json!([{"name": "quarter", "kind": "Deny", "schedule": "15 12 * * *", "duration": "10m"}]),
    );
    assert_eq!(status(&both).unwrap().next_close, Some(noon() + Duration::from_secs(900)));
    assert_eq!(
        status(&of_the_place(closed.clone(), &lunch("Allow"))).unwrap().next_open,
        None,
        "they never are open at once"
    );
    // The look is when it opens.
    let soon = json!([{"name": "soon", "kind": "Deny", "schedule": "0 11 * * *", "duration": "61m"}]);
    assert_eq!(of_its_own(rollout(), &soon).decide().next, LookAgain::After(Duration::from_secs(60)));
    let conditions = conditions_of(&closed.decide().status.conditions);
    assert_eq!(conditions.reason(ConditionType::Progressing), Some(Reason::WindowClosed));
    let phase = |it: Binding| of_its_own(it, &lunch("Deny")).decide().status.phase;
    assert_eq!(phase(rollout()), Some(Phase::Serving));
    assert_eq!(phase(rollout().candidate("2", 10, 6000)), Some(Phase::Pausing));
    assert_eq!(phase(binding().endpoint()), Some(Phase::Pending));
}

#[test]
fn a_window_that_never_opens_is_for_a_person() {
    let never = json!([{"name": "leap", "kind": "Allow", "schedule": "0 0 30 2 *", "duration": "1h"}]);
    for it in [of_its_own(rollout(), &never), of_the_place(rollout(), &never)] {
        let said = told(&it.decide());
        assert!(said.starts_with("False WindowClosed stalled | Closed for rollouts: window leap has a schedule that never comes"), "{said}");
        assert!(said.contains("correct the windows"), "{said}");
        let window = it.decide().status.window.unwrap();
        assert_eq!((window.open, window.next_open), (false, None));
    }
}

#[test]
fn the_windows_of_the_workspace_are_rules_of_its_policy_that_an_approval_may_waive() {
    let closed = |it: Binding| of_the_place(it, &lunch("Deny"));
    let line =
        |it: &Binding| it.decide().status.admission.into_iter().find(|line| line.rule == "Windows").unwrap();
    let it = closed(rollout().candidate("2", 10, 6000));
    let found = line(&it);
    assert_eq!(
        (found.admitted, found.asks.as_str(), found.found.as_str()),
        (false, "outside lunch", "closed: window lunch (Deny) of Workspace production")
    );
    assert_eq!(
        found.message.unwrap(),
        "Workspace production is closed for rollouts: window lunch (Deny) of Workspace production. It opens at 2026-03-01T13:00:00Z."
    );
    assert_eq!(
        conditions_of(&it.decide().status.conditions).reason(ConditionType::Admitted),
        Some(Reason::WindowClosed)
    );
    // What serves already is not asked.
    let serves = closed(binding().serving("1"));
    assert_eq!((line(&serves).admitted, line(&serves).found.as_str()), (true, "it serves already"));
    let waived = |more: Value, rule: &str| {
        decided(asking(it.clone(), &more), "2", |b| {
            b.waives = vec![rule.into()];
            b.expires_at = Some(noon() + Duration::from_secs(600));
        })
    };
    let goes = |it: &Binding| told(&it.decide()).contains("-> move 50 % of the traffic");
    let hotfix = waived(json!({"waivable": ["Windows"]}), "Windows");
    assert!(goes(&hotfix), "{}", told(&hotfix.decide()));
    assert!(hotfix.decide().status.window.unwrap().open);
    assert!(
        !goes(&waived(json!({"waivable": ["Soak"]}), "Windows")),
        "the place does not let that be waived"
    );
    assert!(!goes(&waived(json!({"waivable": ["Windows"]}), "Soak")), "another rule is waived");
    let both = of_its_own(hotfix, &lunch("Deny"));
    assert!(!goes(&both), "the binding's own window is not the place's");
    assert!(!both.decide().status.window.unwrap().open);
}

#[test]
fn promote_opens_no_window_and_abort_and_rollback_need_none() {
    let revision = rollout().revision("2");
    let with = |it: Binding, word| it.with(|f| f.asked.push(asked("a0", word, &revision)));
    let closed = || of_its_own(rollout().candidate("2", 10, 6000), &lunch("Deny"));
    let promoted = with(closed(), ActionWord::Promote);
    let decision = promoted.decide();
    assert!(decision.call.is_none(), "{:?}", decision.call);
    assert_eq!(
        (decision.status.actions[0].state, decision.status.actions[0].message.as_str()),
        (
            ActionState::Accepted,
            "It waits for what the condition Ready of DeploymentBinding taxi tells: WindowClosed."
        )
    );
    // It is carried out when the window opens.
    let opened = later(&promoted).with(|f| f.situation.now += Duration::from_secs(3600));
    assert!(opened.decide().call.unwrap().doing.contains("RolloutAction a0 of ada"));
    for word in [ActionWord::Abort, ActionWord::Rollback] {
        let it = with(closed(), word);
        assert!(it.decide().call.unwrap().doing.contains("RolloutAction a0 of ada"), "{word:?}");
        assert_eq!(
            later(&carried_out(&it)).decide().status.actions[0].state,
            ActionState::Complete,
            "{word:?}"
        );
    }
}
