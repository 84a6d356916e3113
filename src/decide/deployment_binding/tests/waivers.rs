//! Rules that somebody waives for a version.

use std::time::Duration;

use serde_json::{Value, json};

use super::approvals::{asking, decided};
use crate::api::{Admission, Outcome, Period, Reason};
use crate::decide::approval::tally::Ballot;
use crate::decide::fixtures::{Binding, ago, assert_table, binding, noon};
use crate::decide::places::policy::Soaking;
use crate::decide::{LookAgain, Place};

/// The workspace asks for an approval and for a soak that no version has, which these may waive.
fn soaking(it: Binding, more: &Value) -> Binding {
    asking(it, more).with(|f| {
        let Place::Ready { policy, .. } = &mut f.place else { unreachable!() };
        policy.soak = Some(Soaking { places: vec![], period: Period::new("24h") });
    })
}

/// Ada approves and waives, for one more minute.
fn hotfix(b: &mut Ballot) {
    b.waives = vec!["Soak".into(), "Gate/rmse".into()];
    b.expires_at = Some(noon() + Duration::from_secs(60));
    b.reason = Some("The fares of\nthe  bridge are wrong.\n".into());
}

fn soak(it: &Binding) -> Admission {
    it.decide().status.admission.into_iter().find(|line| line.rule == "Soak").unwrap()
}

fn waivable() -> Value {
    json!({"waivable": ["Soak"]})
}

#[test]
fn a_rule_is_waived_where_the_place_lets_it_be_waived_by_those_who_decide_there() {
    let waived = |more: &Value, change: &dyn Fn(&mut Ballot)| {
        let it = decided(soaking(binding(), more), "1", |b| {
            hotfix(b);
            change(b);
        });
        soak(&decided(it, "1", |b| b.name = "carl".into())).admitted
    };
    let two = json!({"waivable": ["Soak"], "count": 2});
    assert!(waived(&waivable(), &|_| ()));
    assert!(waived(&waivable(), &|b| b.tiers = vec!["production".into()]));
    for (why, more, change) in [
        ("the place does not let it be waived", json!({}), (|_| ()) as fn(&mut Ballot)),
        ("it lets another one be waived", json!({"waivable": ["Gate/rmse"]}), |_| ()),
        ("another rule is waived", waivable(), |b| b.waives = vec!["Gate/Soak".into()]),
        ("nothing is waived", waivable(), |b| b.waives.clear()),
        ("it has ended", waivable(), |b| b.expires_at = Some(ago(0))),
        ("it does not end", waivable(), |b| b.expires_at = None),
        ("it is a rejection", waivable(), |b| b.approves = false),
        ("of another tier", waivable(), |b| b.tiers = vec!["staging".into()]),
        ("of a namespace that does not count", waivable(), |b| b.namespace = "fares".into()),
        ("two people have to approve, and one waives", two.clone(), |b| b.by = "bob".into()),
    ] {
        assert!(!waived(&more, &change), "{why}");
    }
    let both = decided(soaking(binding(), &two), "1", hotfix);
    let line = soak(&both);
    assert!(!line.admitted && line.waivers.is_empty());
    let told = "Approval risk/ada-1 of ada until 2026-03-01T12:01:00Z: The fares of the bridge are wrong";
    assert_eq!(
        line.found,
        format!("it has not served there; waived by 1 of 2 people, which is not enough: {told}")
    );
    let both = decided(both, "1", |b| {
        hotfix(b);
        (b.name, b.by) = ("bob".into(), "bob".into());
    });
    assert!(soak(&both).admitted);
    let unchecked = both.with(|f| f.situation.authors_checked = false);
    assert!(!soak(&unchecked).admitted, "nobody checks who they are");
    // Of another version it says nothing.
    let other = decided(decided(soaking(binding(), &waivable()), "2", hotfix), "1", |_| ());
    assert!(!soak(&other).admitted);
}

#[test]
fn a_waiver_is_told_in_the_admission_in_an_event_and_in_the_history() {
    let it = decided(soaking(binding(), &waivable()), "1", hotfix);
    let line = soak(&it);
    let told = "Approval risk/ada-1 of ada until 2026-03-01T12:01:00Z: The fares of the bridge are wrong";
    assert_eq!((line.found, line.message), (format!("it has not served there; waived by {told}"), None));
    let names: Vec<String> = line.waivers.iter().map(|it| format!("{} {}", it.rule, it.name)).collect();
    assert_eq!(names, ["Soak ada-1"]);
    let decision = it.decide();
    let events = |it: &Binding| {
        let all = it.decide().events.into_iter().filter(|event| event.reason == Reason::Waived);
        all.map(|event| event.note).collect::<Vec<_>>()
    };
    assert_eq!(events(&it), [format!("The rule Soak of the workspace is waived by {told}.")]);
    assert_eq!(decision.next, LookAgain::Now, "the endpoint is created");
    let again = it.with(|f| f.status.admission = decision.status.admission);
    assert_eq!(events(&again), Vec::<String>::new(), "told once");

    // The candidate remembers what was waived for it, and so does the history, also when the waiver has ended meanwhile.
    let rising = || binding().wanting("2").serving("1").candidate("2", 10, 60);
    let candidate = decided(soaking(rising(), &waivable()), "2", hotfix).decide().status.candidate.unwrap();
    assert_eq!(candidate.waivers.len(), 1);
    let mut promoted = soaking(rising(), &waivable()).traffic(&[("2", 100)]);
    let name = promoted.name("2");
    promoted.found().tags.insert("bindery-stable".into(), name);
    let promoted = promoted.with(|f| f.status.candidate = Some(candidate.clone()));
    let history = promoted.decide().status.history;
    assert_eq!((history[0].outcome, &history[0].waivers), (Outcome::Promoted, &candidate.waivers));
    let given_up =
        soaking(rising().wanting("3"), &waivable()).with(|f| f.status.candidate = Some(candidate.clone()));
    let history = given_up.decide().status.history;
    assert_eq!((history[0].outcome, &history[0].waivers), (Outcome::Superseded, &candidate.waivers));
}

#[test]
fn a_waiver_counts_until_it_ends_and_approves_until_then() {
    let refused = "False PolicyRefused stalled | Workspace production serves only what is approved: an Approval from namespaces risk, audit, for tier production; taxi:1 has none. Approval risk/ada-1 of ada does not count: it ended at 2026-03-01T12:00:00Z. Approve it with an Approval whose spec.assetId is azureml://registries/models/models/taxi/versions/1. Workspace production serves only what has served before: 24h as the stable version in ; of taxi:1: it has not served there. Serve it there first. | interval";
    let ended = |b: &mut Ballot| {
        hotfix(b);
        b.expires_at = Some(ago(0));
    };
    assert_table(&[
        (
            "who waives a rule approves, too",
            decided(soaking(binding(), &waivable()), "1", hotfix).decide(),
            "False Creating working | -> create the endpoint taxi | now",
        ),
        ("it has ended", decided(soaking(binding(), &waivable()), "1", ended).decide(), refused),
        (
            "the next look is when it ends",
            decided(soaking(binding().serving("1"), &waivable()), "1", hotfix).decide(),
            "True Succeeded settled | v1 serves all the traffic of taxi. | 60 s",
        ),
    ]);
}
