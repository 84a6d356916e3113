//! What a rollout measures with: it is looked at before the candidate is made, because a mistake in it would fail the revision.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::{Case, Facts};
use crate::api::{Metric, Reason};
use crate::azure::model::Principal;
use crate::decide::facts::Known;
use crate::decide::places::reference::provider;
use crate::decide::{Mode, Verdict};
use crate::measure::model::{Answer, Question};

use super::measuring::AT_THE_LATEST;

/// Whether the metrics that the steps name can be measured, as far as that is known before anything is asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Fitness {
    /// Nothing speaks against it, or no candidate is about to be made.
    #[default]
    Fit,
    /// That is being found out.
    Unknown,
    /// This is wrong, in sentences that say what to do.
    Unfit(Reason, String),
}

impl Facts {
    /// Asked where a candidate is about to be made that will be measured.
    pub(super) fn fitness(&self, home: &str, known: &mut Known) -> Fitness {
        let (scene, _) = self.scene();
        let made = scene.wanted_name().is_none_or(|name| scene.deployment(name).is_some());
        // What takes no steps is not measured.
        let made = made || self.is_proven();
        if self.situation.mode != Mode::Act || self.situation.deleting || made || scene.stable.is_none() {
            return Fitness::Fit;
        }
        let strategy = &self.spec.strategy;
        let analyses = self.spec.steps().iter().filter_map(|step| step.analysis.as_ref());
        let named: BTreeSet<&String> = analyses.flat_map(|analysis| &analysis.metrics).collect();
        let mut whole = true;
        for metric in strategy.metrics.iter().filter(|metric| named.contains(&metric.name)) {
            match fitness_of(metric, home, known) {
                Fitness::Fit => {}
                Fitness::Unknown => whole = false,
                unfit @ Fitness::Unfit(..) => return unfit,
            }
        }
        if whole { Fitness::Fit } else { Fitness::Unknown }
    }
}

fn fitness_of(metric: &Metric, home: &str, known: &mut Known) -> Fitness {
    let name = &metric.name;
    if let Some(query) = &metric.prometheus
        && let Err(because) = provider(&query.provider_ref, home, known)
    {
        return Fitness::Unfit(Reason::ReferenceNotFound, format!("Metric {name}: {because}"));
    }
    let cases = metric.smoke_test.iter().flat_map(|test| &test.cases);
    let mut whole = true;
    for (case, expression) in cases.filter_map(|case| Some((&case.name, case.expect.as_ref()?))) {
        let question = Question::Expression(expression.clone());
        match known.measured(&Principal::Operator, Timestamp::UNIX_EPOCH, question) {
            None => whole = false,
            Some(Answer::Error(because)) => {
                let message = format!(
                    "Metric {name}, request {case}: {because} No deployment is made for it before expect is corrected in spec.strategy.metrics."
                );
                return Fitness::Unfit(Reason::InvalidExpression, message);
            }
            Some(_) => {}
        }
    }
    if whole { Fitness::Fit } else { Fitness::Unknown }
}

/// No candidate is made that could not be measured.
pub(super) fn wait_for_what_it_measures_with(case: &Case<'_>) -> Option<Verdict> {
    match &case.facts.fitness {
        Fitness::Fit => None,
        Fitness::Unknown => Some(Verdict::wait(
            Reason::Progressing,
            "Bindery looks whether the expressions of the metrics can be used.",
            AT_THE_LATEST,
        )),
        Fitness::Unfit(reason, message) => Some(Verdict::stalled(*reason, message)),
    }
}
