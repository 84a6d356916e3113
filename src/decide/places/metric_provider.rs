//! A place to ask for metrics. It is asked from time to time whether it answers, and never changed.

mod gather;

use std::time::Duration;

use crate::api::{ConditionType, MetricProviderSpec, MetricProviderStatus, Reason, conditions_of};
use crate::decide::{Decision, LookAgain, Situation, Verdict, elapsed, first_of};
use crate::measure::model::Answer;

/// A Prometheus that does not answer is a person's business after this time: one that restarts is back sooner.
const PATIENCE: Duration = Duration::from_secs(300);
/// How often a provider that does not answer is tried.
const SOON: Duration = Duration::from_secs(60);

/// Everything the decision needs.
#[derive(Debug, Clone)]
pub struct Facts {
    pub situation: Situation,
    pub spec: MetricProviderSpec,
    pub status: MetricProviderStatus,
    /// What came of the query by which the provider is tried; none while the answer is not there.
    pub answer: Option<Answer>,
    /// In how much time the provider is tried again.
    pub next: Duration,
}

/// What to say of a provider. The first question that has an answer decides.
pub fn decide(facts: &Facts) -> Decision<MetricProviderStatus> {
    let mut status = facts.status.clone();
    status.observed_generation = facts.situation.generation;
    if facts.answer.is_some() {
        status.last_handled_reconcile.clone_from(&facts.situation.asks);
    }
    let verdict =
        first_of(facts, &[let_go, wait_for_the_answer, report_failure]).unwrap_or_else(|| settle(facts));
    let (conditions, verdict) = facts.situation.conclude(&facts.status.conditions, None, &[], verdict);
    status.conditions = conditions;
    verdict.decision(status)
}

impl Facts {
    /// Nothing is ever called for a provider, so there is never an answer to take in.
    pub fn absorb(
        &mut self,
        _: &crate::azure::model::Call,
        _: Result<&crate::azure::model::Reply, &crate::azure::model::Error>,
    ) {
    }

    fn again(&self) -> LookAgain {
        LookAgain::After(self.next.max(Duration::from_secs(1)))
    }

    fn soon(&self) -> LookAgain {
        LookAgain::After(self.next.clamp(Duration::from_secs(1), SOON))
    }
}

fn let_go(facts: &Facts) -> Option<Verdict> {
    facts.situation.deleting.then(|| Verdict::release("Nothing in Azure depends on this object."))
}

/// Until there is an answer, what was said of the same manifest stands.
fn wait_for_the_answer(facts: &Facts) -> Option<Verdict> {
    if facts.answer.is_some() {
        return None;
    }
    let conditions = conditions_of(&facts.status.conditions);
    let said = conditions
        .get(ConditionType::Ready)
        .filter(|said| said.observed_generation == Some(facts.situation.generation));
    let verdict = match said.map(|said| (said.reason.parse(), said.message.as_str())) {
        Some((Ok(Reason::Succeeded), message)) => Verdict::settled(Reason::Succeeded, message),
        Some((Ok(Reason::QueryFailed), message)) => failed(facts, message),
        _ => Verdict::blocked(Reason::Progressing, "Prometheus is being asked whether it answers."),
    };
    Some(Verdict { next: facts.soon(), ..verdict })
}

fn report_failure(facts: &Facts) -> Option<Verdict> {
    let because = match facts.answer.as_ref()? {
        Answer::Number(_) => return None,
        Answer::NoData(because) | Answer::Error(because) => because.clone(),
        Answer::Answered(_) | Answer::Late(_) | Answer::Usable | Answer::Lines(_) => {
            "What came is no answer of a Prometheus.".into()
        }
    };
    Some(failed(facts, &because))
}

fn failed(facts: &Facts, because: &str) -> Verdict {
    let conditions = conditions_of(&facts.status.conditions);
    let before = conditions.get(ConditionType::Ready).filter(|said| said.status == "False");
    let since = before.map_or(facts.situation.now, |said| said.last_transition_time.0);
    let lasts = elapsed(since, facts.situation.now) >= PATIENCE;
    let verdict = if lasts {
        Verdict::stalled(Reason::QueryFailed, because)
    } else {
        Verdict::blocked(Reason::QueryFailed, because)
    };
    Verdict { next: facts.soon(), ..verdict }
}

fn settle(facts: &Facts) -> Verdict {
    let address = facts.spec.prometheus.as_ref().map_or("", |it| it.address.as_str());
    let settled = Verdict::settled(Reason::Succeeded, format!("Prometheus answers at {address}."));
    Verdict { next: facts.again(), ..settled }
}

#[cfg(test)]
mod tests;
