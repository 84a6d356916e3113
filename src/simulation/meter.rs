//! Measurements: of a deployment that is sick every one is bad, of the others most are good; and any of them may come late, give
//! no number, or fail.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::people::of;
use super::world::World;
use crate::api::{DeploymentBinding, DeploymentBindingSpec, ObjectKey};
use crate::decide::facts::Due;
use crate::measure::model::{Answer, Answered, Question};

/// What is measured, and has been.
#[derive(Debug, Default)]
pub struct Meter {
    answers: BTreeMap<(ObjectKey, Due), (Timestamp, Answer)>,
    /// What each process has foreseen for an object.
    pub foreseen: BTreeMap<(u32, ObjectKey), BTreeSet<Due>>,
    /// Whom to wake, and when.
    pub wakes: Vec<(ObjectKey, Timestamp)>,
    /// The deployments of which a good measurement was given out, with the word by which the question is known.
    pub good: Vec<(String, String)>,
}

/// Does every measurement of this deployment come out badly?
pub fn is_sick(seed: u64, deployment: &str) -> bool {
    let sum: u64 = deployment.bytes().map(u64::from).sum();
    (sum + seed).is_multiple_of(3)
}

/// Steps that measure, before and after the first share of the traffic, and beside the rest.
pub fn steps() -> Value {
    json!([
        {"name": "smoke", "analysis": {"metrics": ["smoke"]}}, {"setTraffic": 10},
        {"name": "beside", "analysis": {"metrics": ["errors"], "background": true}},
        {"name": "watch", "analysis": {"metrics": ["latency", "errors"], "for": "3m"}}, {"setTraffic": 50}, {"pause": {"for": "1m"}},
    ])
}

/// A binding measures its candidates from now on.
pub fn measure(spec: &mut DeploymentBindingSpec, aborts: bool) {
    spec.strategy.steps = of(steps());
    spec.strategy.metrics = of(json!([
        {"name": "smoke", "smokeTest": {"cases": [{"name": "trip", "request": {"configMapKeyRef": {"name": "trips", "key": "a"}}}]}},
        {"name": "errors", "azureMonitor": {"metric": "RequestsPerMinute"}, "max": "0.5", "inconclusiveLimit": 3, "interval": "30s"},
        {"name": "latency", "azureMonitor": {"metric": "RequestLatency"}, "against": "Stable", "better": "Lower", "failureLimit": 1, "inconclusiveLimit": 1},
    ]));
    spec.strategy.on_inconclusive = of(json!(if aborts { "Abort" } else { "Pause" }));
}

/// What is asked, in a word, and of which deployment.
fn asked(question: &Question) -> (&'static str, &str) {
    match question {
        Question::Smoke(smoke) => ("smoke", &smoke.deployment),
        Question::Monitor(monitor) => {
            let word = if monitor.metric.name == "RequestLatency" { "latency" } else { "errors" };
            let named = monitor.metric.filter.get("deployment").and_then(|names| names.first());
            (word, named.map_or("", String::as_str))
        }
        Question::Prometheus(prometheus) => ("prometheus", &prometheus.query),
        Question::Log(deployment) => ("log", deployment.name()),
        Question::Expression(expression) => ("expression", expression),
    }
}

impl World {
    /// What came of a measurement, where that is known by now.
    pub fn measured(&mut self, by: &ObjectKey, due: &Due) -> Option<Answer> {
        let key = (by.clone(), due.clone());
        if let Some((at, answer)) = self.meter.answers.get(&key) {
            let there = (*at <= self.now).then(|| answer.clone());
            let (word, deployment) = asked(&due.query.what);
            if there.as_ref().is_some_and(is_good) {
                self.meter.good.push((deployment.to_string(), word.to_string()));
            }
            return there;
        }
        let slow = if self.chance(0.1) { self.rng.u64(1..60) } else { 0 };
        let at = self.now + Duration::from_millis(self.rng.u64(5..500) + slow * 1000);
        let answer = self.draw(due);
        self.note(|| format!("METER {by}: {:?} gives {answer:?} at {at}", asked(&due.query.what)));
        self.meter.answers.insert(key, (at, answer));
        self.meter.wakes.push((by.clone(), at));
        None
    }

    /// When the first measurement is due that this process has foreseen.
    pub fn first_foreseen(&self, process: u32) -> Option<Timestamp> {
        let of_it = self.meter.foreseen.iter().filter(|((whose, _), _)| *whose == process);
        of_it.filter_map(|(_, all)| all.first()).map(|due| due.since).min()
    }

    /// Makes the measurements that this process has foreseen and that are due by now.
    pub fn measure_what_was_foreseen(&mut self, process: u32) {
        let now = self.now;
        let mut due = vec![];
        for ((whose, by), all) in &mut self.meter.foreseen {
            if *whose == process {
                let now: Vec<Due> = all.extract_if(.., |it| it.since <= now).collect();
                due.extend(now.into_iter().map(|it| (by.clone(), it)));
            }
        }
        self.meter.foreseen.retain(|_, all| !all.is_empty());
        for (by, it) in due {
            self.measured(&by, &it);
        }
    }

    fn draw(&mut self, due: &Due) -> Answer {
        if matches!(due.query.what, Question::Expression(_)) {
            return Answer::Usable;
        }
        let (_, deployment) = asked(&due.query.what);
        let smoke = matches!(due.query.what, Question::Smoke(_));
        if self.chance(0.06) {
            return Answer::Error("Nobody can be reached.".into());
        }
        if matches!(due.query.what, Question::Log(_)) {
            return Answer::Lines(if self.chance(0.3) { vec![] } else { vec!["it broke".into()] });
        }
        if !smoke && self.chance(0.12) {
            return Answer::NoData("There is no number yet.".into());
        }
        let bad = is_sick(self.seed, deployment) || self.chance(0.01);
        match (smoke, bad) {
            (true, bad) => {
                let status = if bad { 424 } else { 200 };
                Answer::Answered(Answered { status, millis: 30, expected: None })
            }
            (false, true) => Answer::Number(1.0),
            (false, false) => Answer::Number(0.1),
        }
    }
}

fn is_good(answer: &Answer) -> bool {
    match answer {
        Answer::Number(number) => *number < 0.5,
        Answer::Answered(answered) => answered.status == 200,
        _ => false,
    }
}

/// Every rollout is measured from now on.
pub fn measure_all(world: &mut World) {
    for name in world.cluster.names::<DeploymentBinding>() {
        let Some(mut spec) = world.cluster.find::<DeploymentBinding>(&name).map(|it| it.spec.clone()) else {
            continue;
        };
        measure(&mut spec, world.rng.bool());
        let now = world.now;
        world.cluster.apply::<DeploymentBinding>(&name, spec, now);
    }
}
