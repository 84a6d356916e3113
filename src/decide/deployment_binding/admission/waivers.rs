//! Rules that somebody waives for a version, for a while: a hotfix that cannot wait.

use super::super::Facts;
use super::Ruling;
use crate::api::{Admission, Reason, Waiver};
use crate::decide::approval::tally::{Ballot, people};
use crate::decide::verdict::Event;
use crate::decide::{SourceVersion, in_one_line};

/// How many waivers of one rule a status holds.
const OF_A_RULE: usize = 10;
/// How many waivers a rollout holds.
const OF_A_ROLLOUT: usize = 20;
/// How many characters of a reason are repeated.
const REASON: usize = 256;

/// The ruling, with the refusal taken away where enough people waive its rule.
pub(super) fn over(ruling: Ruling, facts: &Facts) -> Ruling {
    if ruling.refused.is_none() {
        return ruling;
    }
    let (waivers, people, needed) = of(&ruling.rule.to_string(), facts);
    if waivers.is_empty() {
        return ruling;
    }
    let said = waivers.iter().map(told).collect::<Vec<_>>().join(", and by ");
    if people < needed {
        let found =
            format!("{}; waived by {people} of {needed} people, which is not enough: {said}", ruling.found);
        return Ruling { found, ..ruling };
    }
    let found = format!("{}; waived by {said}", ruling.found);
    Ruling { found, refused: None, waivers, ..ruling }
}

/// Who waives this rule for the wanted version, how many different people these are, and how many it takes.
fn of(rule: &str, facts: &Facts) -> (Vec<Waiver>, usize, usize) {
    let (Some((policy, _)), SourceVersion::Ready { asset_id, .. }) =
        (facts.asked_of_approvals(), &facts.version)
    else {
        return (vec![], 0, 0);
    };
    let tally = facts.count(asset_id).unwrap_or_default();
    let waiving = tally.waiving(policy, rule);
    let people = people(waiving.iter().copied(), facts.situation.authors_checked);
    let waivers = waiving.into_iter().filter_map(|ballot| waiver(rule, ballot)).take(OF_A_RULE);
    (waivers.collect(), people, policy.people())
}

fn waiver(rule: &str, ballot: &Ballot) -> Option<Waiver> {
    Some(Waiver {
        rule: rule.into(),
        namespace: ballot.namespace.clone(),
        name: ballot.name.clone(),
        by: ballot.by.clone(),
        expires_at: ballot.expires_at?,
        reason: ballot.reason.as_ref().map(|reason| in_one_line(reason).chars().take(REASON).collect()),
    })
}

/// `Approval model-risk/hotfix of ada until 2026-03-02T12:00:00Z: The fares were wrong`.
fn told(waiver: &Waiver) -> String {
    let Waiver { namespace, name, by, expires_at, reason, .. } = waiver;
    let reason = reason.as_ref().map(|it| format!(": {}", it.trim_end_matches('.'))).unwrap_or_default();
    format!("Approval {namespace}/{name} of {by} until {expires_at}{reason}")
}

/// What is waived for the wanted version now.
pub(super) fn of_wanted(facts: &Facts) -> Vec<Waiver> {
    super::rulings(facts).into_iter().flat_map(|ruling| ruling.waivers).collect()
}

/// For a sentence that goes before: ` Waived: Soak, by Approval …`. Empty where nothing is waived.
pub(super) fn in_words(waivers: &[Waiver]) -> String {
    let each = waivers.iter().map(|it| format!(" {} is waived by {}.", it.rule, told(it)));
    each.collect::<Vec<_>>().concat()
}

/// What was waived while a rollout went on: what is remembered of it, and what is waived now.
pub(in crate::decide::deployment_binding) fn of_rollout(remembered: &[Waiver], facts: &Facts) -> Vec<Waiver> {
    let mut all: Vec<Waiver> = remembered.iter().cloned().chain(of_wanted(facts)).collect();
    all.sort();
    all.dedup();
    all.truncate(OF_A_ROLLOUT);
    all
}

/// A rule is waived that was not waived before by the same Approval.
pub(in crate::decide::deployment_binding) fn news(before: &[Admission], now: &[Admission]) -> Vec<Event> {
    let known: Vec<&Waiver> = before.iter().flat_map(|line| &line.waivers).collect();
    let all = now.iter().flat_map(|line| &line.waivers).filter(|waiver| !known.contains(waiver));
    let tell = |waiver: &Waiver| Event {
        warning: true,
        reason: Reason::Waived,
        deed: None,
        note: format!("The rule {} of the workspace is waived by {}.", waiver.rule, told(waiver)),
    };
    all.map(tell).collect()
}
