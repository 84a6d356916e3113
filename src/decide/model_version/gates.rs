//! The gates of a version: measured at every look, and watched for becoming looser.

use super::{Facts, proof};
use crate::api::{LoosenedGate, MeasuredGate, ModelVersionStatus, Reason};
use crate::decide::SourceVersion;
use crate::decide::gate::{Asked, Champions, Measured, Measuring, in_words, is_looser};
use crate::decide::verdict::Event;

/// What a status may hold of them.
const LOOSENED: usize = 10;

/// Measures the gates of a version that Azure has.
pub(super) fn measure(facts: &Facts, status: &mut ModelVersionStatus) {
    let known = facts.status.asset_id.is_some();
    // Of one gate the first bound is kept, or a gate that is changed often would hide the others.
    let mut all = facts.status.loosened_gates.clone();
    for new in loosened(facts).filter(|_| known) {
        match all.iter().position(|it| it.name == new.name) {
            Some(at) => {
                let old = all.remove(at);
                all.insert(0, LoosenedGate { was: old.was, ..new });
            }
            None => all.insert(0, new),
        }
    }
    all.truncate(LOOSENED);
    status.loosened_gates = all;
    let because = unknown(facts).or_else(|| without_run(status));
    let (title, nobody) = (facts.title(), Champions::none("nothing"));
    let of = Measuring {
        title: &title,
        asset_id: facts.asset_id.as_deref(),
        lineage: status.lineage.as_ref(),
        made: status.created_at,
        because: because.as_deref(),
    };
    let measured: Vec<MeasuredGate> = facts
        .spec
        .gates
        .iter()
        .map(|gate| {
            let before = facts.status.gates.iter().find(|it| it.asked == *gate).map(Measured::from);
            let champions = facts.champions.get(&gate.name).unwrap_or(&nobody);
            Asked::from(gate).measure(of, champions, before.as_ref()).of(gate)
        })
        .collect();
    let passed = measured.iter().filter(|it| it.passed).count();
    status.gates_summary = (!measured.is_empty()).then(|| format!("{passed} of {}", measured.len()));
    status.gates = measured;
}

/// Azure has the job, and no run of it.
fn without_run(status: &ModelVersionStatus) -> Option<String> {
    let lineage = status.lineage.as_ref().filter(|it| it.run.is_none() && status.traced_at.is_some())?;
    let job = lineage.job.as_ref()?;
    Some(format!("Azure has no MLflow run of job {job}, so its metrics are not known."))
}

/// Why nothing says what the training run has measured, where the manifest leads to no run of a job of its own.
fn unknown(facts: &Facts) -> Option<String> {
    let (title, found) = (facts.title(), facts.version.found()?);
    if facts.spec.source.existing.is_some() {
        return Some(format!(
            "Azure has the run of no training job of {title}, which was there already (spec.source.existing), so its metrics are not known. A version has metrics if it was registered from a job in its workspace, or promoted from such a version."
        ));
    }
    let reference = facts.spec.source.model_version_ref.as_ref()?;
    let namespace = reference.namespace(facts.situation.ownership.owner.namespace());
    let source = format!("ModelVersion {namespace}/{}", reference.name);
    match facts.source.as_ref()? {
        SourceVersion::Ready { id, created, .. } => {
            (proof::is_of_another(found, id, *created) == Some(true)).then(|| format!(
                "{title} was not published from {source}, which spec.source.modelVersionRef names, or Azure has made that version again since. So the metrics of {title} are not known. Delete this object with deletionPolicy Retain and apply it again with the source that {title} was published from, or promote {source} under the next version."
            ))
        }
        SourceVersion::Missing { .. } | SourceVersion::NotWatched { .. } | SourceVersion::NotReady { .. } => {
            Some(format!(
                "The metrics of {title} come from {source}, which is missing or not ready. Apply it, or look at its conditions; the gate is measured when it is Ready."
            ))
        }
    }
}

/// The gates that ask less than they did when they were last measured.
fn loosened(facts: &Facts) -> impl Iterator<Item = LoosenedGate> {
    facts.status.gates.iter().filter_map(|before| {
        let now = facts.spec.gates.iter().find(|gate| gate.name == before.name);
        is_looser(&before.asked, now).then(|| LoosenedGate {
            name: before.name.clone(),
            was: in_words(&before.asked),
            now: now.map(in_words),
            at: facts.situation.now,
        })
    })
}

/// What is told when a gate becomes looser.
pub(super) fn news(facts: &Facts, status: &ModelVersionStatus) -> Vec<Event> {
    let new = status.loosened_gates.iter().filter(|it| !facts.status.loosened_gates.contains(it));
    let told = |it: &LoosenedGate| {
        let (title, name, was) = (facts.title(), &it.name, &it.was);
        let note = match &it.now {
            Some(now) => {
                format!("Gate {name} of {title}, which is registered, was loosened: from {was} to {now}.")
            }
            None => format!("Gate {name} of {title}, which is registered, was removed: it asked for {was}."),
        };
        Event { warning: true, reason: Reason::GateLoosened, deed: None, note }
    };
    new.map(told).collect()
}
