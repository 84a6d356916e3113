//! What a measurement comes to: the answers held against what the metric asks.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Judged;
use crate::api::{Better, MeasurementResult, Metric, Period, SmokeCase};
use crate::measure::model::{Answer, Answered};

/// What a number is of.
pub const CANDIDATE: &str = "candidate";
/// What it is held against.
pub const STABLE: &str = "stable";
/// The status of a request that is good, where nothing says it.
const GOOD: i32 = 200;
/// How long an answer may take, where nothing says it.
const LATENCY: Duration = Duration::from_secs(10);
/// What a status holds of a sentence.
const SENTENCE: usize = 500;

/// The answers to all that is asked for one measurement, by what was asked.
pub type Answers = BTreeMap<String, Answer>;

/// What the answers come to.
pub fn judge(metric: &Metric, answers: &Answers) -> Judged {
    let judged = match &metric.smoke_test {
        Some(test) => of_requests(&test.cases, answers),
        None => of_numbers(metric, answers),
    };
    let message: String = judged.message.chars().take(SENTENCE).collect();
    Judged { message, ..judged }
}

/// How long the answer to a request may take.
pub fn longest(case: &SmokeCase) -> Duration {
    case.max_latency.as_ref().map_or(LATENCY, Period::duration)
}

fn plain(result: MeasurementResult, message: String) -> Judged {
    Judged { result, value: None, stable: None, message }
}

fn of_requests(cases: &[SmokeCase], answers: &Answers) -> Judged {
    let judged = cases.iter().filter_map(|case| Some(of_request(case, answers.get(&case.name)?)));
    // What is bad outweighs what nobody could ask.
    let mut all: Vec<Judged> = judged.collect();
    all.sort_by_key(|it| match it.result {
        MeasurementResult::Failed => 0,
        MeasurementResult::Error => 1,
        MeasurementResult::Inconclusive => 2,
        MeasurementResult::Successful => 3,
    });
    match (all.into_iter().next(), cases.len()) {
        (Some(first), many) if first.result == MeasurementResult::Successful && many > 1 => {
            plain(first.result, format!("All {many} requests were answered as they have to be."))
        }
        (Some(first), _) => first,
        (None, _) => plain(MeasurementResult::Error, "The smoke test has no requests.".into()),
    }
}

fn of_request(case: &SmokeCase, answer: &Answer) -> Judged {
    let name = &case.name;
    let answered = match answer {
        Answer::Answered(answered) => answered,
        Answer::NoData(because) => {
            return plain(MeasurementResult::Inconclusive, format!("Request {name}: {because}"));
        }
        Answer::Error(because) => {
            return plain(MeasurementResult::Error, format!("Request {name}: {because}"));
        }
        Answer::Late(millis) => {
            let message = format!(
                "Request {name} was not answered within {millis} ms; at most {} ms are expected.",
                longest(case).as_millis()
            );
            return plain(MeasurementResult::Failed, message);
        }
        Answer::Number(_) | Answer::Usable | Answer::Lines(_) => {
            return plain(
                MeasurementResult::Error,
                format!("Request {name} gave no answer of a deployment."),
            );
        }
    };
    match speaks_against(case, answered) {
        Some(because) => plain(MeasurementResult::Failed, format!("Request {name} {because}")),
        None => plain(
            MeasurementResult::Successful,
            format!("Request {name} was answered {} in {} ms.", answered.status, answered.millis),
        ),
    }
}

fn speaks_against(case: &SmokeCase, answered: &Answered) -> Option<String> {
    let expected = case.expect_status.unwrap_or(GOOD);
    let (status, longest) = (i32::from(answered.status), longest(case));
    if status != expected {
        return Some(format!("was answered {status}; {expected} is expected."));
    }
    if Duration::from_millis(answered.millis) > longest {
        return Some(format!(
            "took {} ms; at most {} ms are expected.",
            answered.millis,
            longest.as_millis()
        ));
    }
    match &answered.expected {
        Some(Ok(false)) => Some("was answered, and expect is not true of the answer.".into()),
        Some(Err(because)) => {
            Some(format!("was answered, and expect has no value: {}.", because.trim_end_matches('.')))
        }
        Some(Ok(true)) | None => None,
    }
}

fn of_numbers(metric: &Metric, answers: &Answers) -> Judged {
    let value = match answers.get(CANDIDATE).map(|answer| number(answer, "the candidate")) {
        Some(Ok(value)) => value,
        Some(Err(judged)) => return judged,
        None => return plain(MeasurementResult::Error, "Nothing was asked.".into()),
    };
    let told = |result, stable: Option<f64>, message: String| Judged {
        result,
        value: Some(written(value)),
        stable: stable.map(written),
        message,
    };
    if let Some(because) = out_of_bounds(metric, value) {
        return told(MeasurementResult::Failed, None, because);
    }
    if metric.against.is_none() {
        let bounds = in_words(metric);
        return told(MeasurementResult::Successful, None, format!("{} ({bounds}).", written(value)));
    }
    let stable = match answers.get(STABLE).map(|answer| number(answer, "the stable deployment")) {
        Some(Ok(stable)) => stable,
        Some(Err(judged)) => return Judged { value: Some(written(value)), ..judged },
        None => return plain(MeasurementResult::Error, "Nothing was asked of the stable deployment.".into()),
    };
    let by = decimal(metric.tolerance.as_deref()).unwrap_or(0.0);
    let (good, bound) = match metric.better {
        Some(Better::Higher) => (value >= stable - by, format!("at least {}", written(stable - by))),
        _ => (value <= stable + by, format!("at most {}", written(stable + by))),
    };
    let serves = format!("the stable deployment has {}", written(stable));
    if good {
        return told(MeasurementResult::Successful, Some(stable), format!("{} ({serves}).", written(value)));
    }
    let message = format!("{} is worse than it may be: {serves}, so it has to be {bound}.", written(value));
    told(MeasurementResult::Failed, Some(stable), message)
}

/// The number of an answer, or what the measurement comes to without one.
fn number(answer: &Answer, whose: &str) -> Result<f64, Judged> {
    match answer {
        Answer::Number(value) => Ok(*value),
        Answer::NoData(because) => {
            Err(plain(MeasurementResult::Inconclusive, format!("There is no number for {whose}: {because}")))
        }
        Answer::Error(because) => Err(plain(MeasurementResult::Error, because.clone())),
        Answer::Answered(_) | Answer::Late(_) | Answer::Usable | Answer::Lines(_) => {
            Err(plain(MeasurementResult::Error, "The answer is no number.".into()))
        }
    }
}

fn decimal(text: Option<&str>) -> Option<f64> {
    text?.trim().parse::<f64>().ok().filter(|value| value.is_finite())
}

fn out_of_bounds(metric: &Metric, value: f64) -> Option<String> {
    let (min, max) = (metric.min.as_deref(), metric.max.as_deref());
    let low = min.filter(|_| decimal(min).is_some_and(|min| value < min));
    let high = max.filter(|_| decimal(max).is_some_and(|max| value > max));
    match (low, high) {
        (Some(min), _) => Some(format!("{} is less than it has to be: at least {min}.", written(value))),
        (_, Some(max)) => Some(format!("{} is more than it may be: at most {max}.", written(value))),
        _ => None,
    }
}

/// What a number has to be, such as `at least 0.5, at most 1`.
fn in_words(metric: &Metric) -> String {
    let min = metric.min.as_ref().map(|min| format!("at least {min}"));
    let max = metric.max.as_ref().map(|max| format!("at most {max}"));
    min.into_iter().chain(max).collect::<Vec<_>>().join(", ")
}

/// A number as people read it: six digits that count, without a tail of zeros.
fn written(value: f64) -> String {
    if value != 0.0 && (value.abs() >= 1e15 || value.abs() < 1e-9) {
        return format!("{value:.5e}");
    }
    let whole = value.abs().log10().floor();
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // from 0 to 15
    let digits = if value == 0.0 { 0 } else { (5.0 - whole).clamp(0.0, 15.0) as usize };
    let text = format!("{value:.digits$}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    (if text == "-0" { "0" } else { text }).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{Comparison, SmokeTest};

    fn metric(min: Option<&str>, max: Option<&str>) -> Metric {
        Metric {
            name: "errors".into(),
            min: min.map(Into::into),
            max: max.map(Into::into),
            ..Metric::default()
        }
    }

    fn against(better: Better, tolerance: Option<&str>) -> Metric {
        Metric {
            against: Some(Comparison::Stable),
            better: Some(better),
            tolerance: tolerance.map(Into::into),
            ..metric(None, None)
        }
    }

    fn answers(candidate: Answer, stable: Option<Answer>) -> Answers {
        let stable = stable.map(|it| (STABLE.to_string(), it));
        [(CANDIDATE.to_string(), candidate)].into_iter().chain(stable).collect()
    }

    #[test]
    fn a_number_is_held_against_bounds_and_against_the_stable_one() {
        use MeasurementResult::{Error, Failed, Inconclusive, Successful};
        let (n, none) = (Answer::Number, || Answer::NoData("Azure Monitor has nothing yet.".into()));
        let bad = || Answer::Error("Prometheus answered 500.".into());
        let table = [
            (metric(None, Some("0.01")), answers(n(0.01), None), Successful, "0.01 (at most 0.01)."),
            (
                metric(None, Some("0.01")),
                answers(n(0.010_001), None),
                Failed,
                "0.010001 is more than it may be: at most 0.01.",
            ),
            (
                metric(Some("1"), None),
                answers(n(0.5), None),
                Failed,
                "0.5 is less than it has to be: at least 1.",
            ),
            (metric(Some("0"), Some("1")), answers(n(0.5), None), Successful, "0.5 (at least 0, at most 1)."),
            (
                metric(Some("0"), None),
                answers(none(), None),
                Inconclusive,
                "There is no number for the candidate: Azure Monitor has nothing yet.",
            ),
            (metric(Some("0"), None), answers(bad(), None), Error, "Prometheus answered 500."),
            (
                against(Better::Lower, None),
                answers(n(2.0), Some(n(2.0))),
                Successful,
                "2 (the stable deployment has 2).",
            ),
            (
                against(Better::Lower, None),
                answers(n(2.1), Some(n(2.0))),
                Failed,
                "2.1 is worse than it may be: the stable deployment has 2, so it has to be at most 2.",
            ),
            (
                against(Better::Lower, Some("0.1")),
                answers(n(2.1), Some(n(2.0))),
                Successful,
                "2.1 (the stable deployment has 2).",
            ),
            (
                against(Better::Higher, Some("0.1")),
                answers(n(1.8), Some(n(2.0))),
                Failed,
                "1.8 is worse than it may be: the stable deployment has 2, so it has to be at least 1.9.",
            ),
            (
                against(Better::Higher, None),
                answers(n(3.0), Some(none())),
                Inconclusive,
                "There is no number for the stable deployment: Azure Monitor has nothing yet.",
            ),
            (against(Better::Higher, None), answers(n(3.0), Some(bad())), Error, "Prometheus answered 500."),
        ];
        for (metric, answers, result, message) in table {
            let judged = judge(&metric, &answers);
            assert_eq!((judged.result, judged.message.as_str()), (result, message));
        }
    }

    #[test]
    fn bounds_hold_beside_a_comparison() {
        let both = Metric { max: Some("1".into()), ..against(Better::Lower, None) };
        let judged = judge(&both, &answers(Answer::Number(2.0), Some(Answer::Number(5.0))));
        assert_eq!(judged.result, MeasurementResult::Failed);
        assert_eq!((judged.value.as_deref(), judged.stable.as_deref()), (Some("2"), None));
    }

    fn case(name: &str) -> SmokeCase {
        SmokeCase { name: name.into(), ..SmokeCase::default() }
    }

    fn answered(status: u16, millis: u64, expected: Option<Result<bool, String>>) -> Answer {
        Answer::Answered(Answered { status, millis, expected })
    }

    #[test]
    fn a_smoke_test_is_as_good_as_its_worst_request() {
        use MeasurementResult::{Error, Failed, Successful};
        let slow = SmokeCase { max_latency: Some(Period::new("2s")), ..case("a") };
        let teapot = SmokeCase { expect_status: Some(424), ..case("a") };
        let one = |case: &SmokeCase, answer: Answer| (vec![case.clone()], vec![("a", answer)]);
        let table = [
            (one(&case("a"), answered(200, 30, None)), Successful, "Request a was answered 200 in 30 ms."),
            (
                one(&case("a"), answered(424, 30, None)),
                Failed,
                "Request a was answered 424; 200 is expected.",
            ),
            (one(&teapot, answered(424, 30, None)), Successful, "Request a was answered 424 in 30 ms."),
            (one(&slow, answered(200, 2000, None)), Successful, "Request a was answered 200 in 2000 ms."),
            (
                one(&slow, answered(200, 2001, None)),
                Failed,
                "Request a took 2001 ms; at most 2000 ms are expected.",
            ),
            (
                one(&case("a"), answered(200, 1, Some(Ok(false)))),
                Failed,
                "Request a was answered, and expect is not true of the answer.",
            ),
            (
                one(&case("a"), answered(200, 1, Some(Err("the body is no JSON.".into())))),
                Failed,
                "Request a was answered, and expect has no value: the body is no JSON.",
            ),
            (
                one(&slow, Answer::Late(2000)),
                Failed,
                "Request a was not answered within 2000 ms; at most 2000 ms are expected.",
            ),
            (
                one(&case("a"), Answer::Error("There is no ConfigMap.".into())),
                Error,
                "Request a: There is no ConfigMap.",
            ),
            (
                (
                    vec![case("a"), case("b")],
                    vec![("a", answered(200, 1, None)), ("b", answered(200, 1, None))],
                ),
                Successful,
                "All 2 requests were answered as they have to be.",
            ),
            (
                (
                    vec![case("a"), case("b")],
                    vec![("a", Answer::Error("x".into())), ("b", answered(500, 1, None))],
                ),
                Failed,
                "Request b was answered 500; 200 is expected.",
            ),
        ];
        for ((cases, answers), result, message) in table {
            let metric = Metric { smoke_test: Some(SmokeTest { cases }), ..metric(None, None) };
            let answers = answers.into_iter().map(|(name, answer)| (name.to_string(), answer)).collect();
            let judged = judge(&metric, &answers);
            assert_eq!((judged.result, judged.message.as_str()), (result, message));
        }
    }

    #[test]
    fn numbers_are_written_for_people() {
        let table = [
            (0.0, "0"),
            (-0.0, "0"),
            (1.0, "1"),
            (0.1 + 0.2, "0.3"),
            (1234.5678, "1234.57"),
            (123_456_789.0, "123456789"),
            (0.000_012_345_678, "0.0000123457"),
            (1e-12, "1.00000e-12"),
            (-2.5e20, "-2.50000e20"),
            (1e15, "1.00000e15"),
            (999_999_999_999_999.0, "999999999999999"),
        ];
        for (value, expected) in table {
            assert_eq!(written(value), expected);
            assert!(expected.len() <= 32);
        }
    }
}
