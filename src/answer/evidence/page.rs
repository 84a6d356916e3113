//! The evidence as a page for a ticket.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{Decision, Deployment, Ended, Evidence, Training};
use crate::answer::names::Name;
use crate::answer::render::document::{Document, Part, Section};
use crate::answer::render::table::{Cell, Column, Shown, Table};
use crate::api::{
    ActionTold, Dataset, LoosenedGate, MeasuredGate, PastRollout, ServingKind, Waiver, WindowStatus,
};

/// The page.
pub fn document(evidence: &Evidence) -> Document {
    let sections = [
        ("What serves", serving(evidence)),
        ("Why it may serve", admission(evidence)),
        ("How it was made and measured", made(&evidence.training)),
        ("What it replaced", replaced(&evidence.history)),
        ("How to go back", going_back(evidence)),
    ];
    Document {
        title: format!("{}: evidence of {}", evidence.binding, time(evidence.taken_at)),
        notes: evidence.not_read.clone(),
        sections: sections.into_iter().map(|(heading, parts)| Section { heading, parts }).collect(),
    }
}

fn fact(word: &str, text: impl Into<String>) -> (String, String) {
    (word.into(), text.into())
}

fn columns<const N: usize>(names: [&'static str; N]) -> Vec<Column> {
    names.map(|name| Column { name, shown: Shown::Always }).to_vec()
}

/// `yes, until 2026-03-01T13:00:00Z`, or why not.
fn window(window: &WindowStatus) -> String {
    let until = |at: Option<Timestamp>| at.map(|at| format!(", until {}", time(at))).unwrap_or_default();
    match &window.by {
        None => format!("yes{}", until(window.next_close)),
        Some(by) => format!("no{}: {by}", until(window.next_open)),
    }
}

fn serving(evidence: &Evidence) -> Vec<Part> {
    let tier = evidence.tier.as_ref().map(|tier| format!(" (tier {tier})")).unwrap_or_default();
    let reason = if evidence.ready.reason.is_empty() {
        evidence.ready.status.clone()
    } else {
        format!("{} ({})", evidence.ready.status, evidence.ready.reason)
    };
    let mut facts = vec![
        fact("Endpoint", evidence.endpoint.as_str()),
        fact("Workspace", format!("{}{tier}", evidence.workspace)),
    ];
    facts.extend(evidence.scoring_uri.as_ref().map(|uri| fact("Address", uri.as_str())));
    facts.extend(evidence.window.as_ref().map(|it| fact("Rollouts may go on", window(it))));
    facts.push(fact("The manifest asks for", evidence.manifest.to_string()));
    facts.push(fact("Ready", reason));
    if !evidence.ready.message.is_empty() {
        facts.push(fact("Because", evidence.ready.message.as_str()));
    }
    if evidence.deployments.is_empty() {
        return vec![Part::Facts(facts), Part::Text("Nothing serves.".into())];
    }
    let table = Table {
        columns: columns([
            "deployment",
            "role",
            "traffic",
            "version",
            "asset",
            "since",
            "instances",
            "state",
            "owner",
            "retirement",
        ]),
        rows: evidence.deployments.iter().map(|it| deployment(it, evidence.serving)).collect(),
    };
    let idle: Vec<String> = evidence.deployments.iter().filter(|it| it.weight == 0).map(idle).collect();
    let title = if evidence.serving.is_online() { "Without traffic" } else { "Not the default" };
    let idle = (!idle.is_empty()).then(|| Part::Text(format!("{title}: {}.", idle.join("; "))));
    [Part::Facts(facts), Part::Table(table)].into_iter().chain(idle).collect()
}

/// What a deployment without traffic holds, and since when.
fn idle(it: &Deployment) -> String {
    let count = it.instances.map(|count| format!(", instances: {count}")).unwrap_or_default();
    format!("{} ({:?}{count}, since {})", it.name, it.role, time(it.since))
}

/// Who answers for what a deployment serves, in one line.
fn answers(it: &Deployment) -> String {
    let Some(owner) = &it.owner else { return String::new() };
    let cost = owner.cost_center.as_ref().map(|cost| format!("cost center {cost}"));
    let all = [owner.team.clone(), owner.contact.clone(), cost];
    all.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn deployment(it: &Deployment, serving: ServingKind) -> Vec<Cell> {
    vec![
        it.name.as_str().into(),
        format!("{:?}", it.role).into(),
        serving.share(it.weight).into(),
        it.version.as_ref().map(Name::full).unwrap_or_default().into(),
        it.asset_id.clone().unwrap_or_default().into(),
        time(it.since).into(),
        it.instances.map(|count| count.to_string()).unwrap_or_default().into(),
        it.state.clone().unwrap_or_default().into(),
        answers(it).into(),
        it.retirement.as_ref().map(|it| time(it.at)).unwrap_or_default().into(),
    ]
}

fn admission(evidence: &Evidence) -> Vec<Part> {
    let Some(admission) = &evidence.admission else {
        return vec![Part::Text("Bindery has not said whether the version may serve here.".into())];
    };
    let facts = vec![
        fact("Admitted", format!("{} ({})", admission.status, admission.reason)),
        fact("Since", time(admission.since)),
        fact("Because", admission.message.as_str()),
    ];
    let policy = match &admission.policy {
        None => Part::Text("The workspace could not be read, so its policy is not shown.".into()),
        Some(policy) if policy.is_empty() => Part::Text("The workspace's policy asks for nothing.".into()),
        Some(policy) => Part::Table(Table {
            columns: columns(["policy", "value"]),
            rows: policy
                .iter()
                .map(|(field, value)| vec![field.as_str().into(), value.as_str().into()])
                .collect(),
        }),
    };
    let rules = admission.rules.iter().map(|it| {
        let admitted = if it.admitted { "yes" } else { "no" };
        [it.rule.as_str(), admitted, it.asks.as_str(), it.found.as_str()].map(Cell::from).to_vec()
    });
    let rules = Table { columns: columns(["rule", "satisfied", "asks", "found"]), rows: rules.collect() };
    let approvals = admission.approvals.iter().map(|it| {
        let (state, it) = (it.state.as_str(), &it.approval);
        let title = format!("{}/{}", it.namespace, it.name);
        vec![title.into(), it.by.as_str().into(), it.asset_id.as_str().into(), state.into()]
    });
    let approvals =
        Table { columns: columns(["approval", "by", "asset", "state"]), rows: approvals.collect() };
    let decisions = Table {
        columns: columns([
            "decision",
            "approval",
            "by",
            "counts",
            "asset",
            "when",
            "until",
            "waives",
            "reason",
            "documents",
        ]),
        rows: admission.decisions.iter().map(decision).collect(),
    };
    let mut parts = vec![Part::Facts(facts)];
    parts.extend(
        [rules, approvals, decisions].into_iter().filter(|table| !table.rows.is_empty()).map(Part::Table),
    );
    parts.push(policy);
    if let Some(stable) = evidence.stable_instead() {
        let asked = &evidence.manifest;
        parts.insert(0, Part::Text(format!("The manifest names another version than the stable one. This speaks of {asked}; the end of this section says by what {} was admitted.", stable.name)));
        parts.extend(admitted_then(stable, evidence.admitted(stable)));
    } else if let Some((stable, rollout)) = evidence.admitted_otherwise() {
        parts.extend(admitted_then(stable, Some(rollout)));
    }
    parts
}

/// By what the deployment was admitted that serves, where today's rules do not tell it.
fn admitted_then(stable: &Deployment, rollout: Option<&PastRollout>) -> Vec<Part> {
    let name = &stable.name;
    let Some(rollout) = rollout else {
        let unknown = format!(
            "By what {name} was admitted is not known: its policy asked for nothing, or the status was lost since."
        );
        return vec![Part::Text(unknown)];
    };
    let at = rollout.finished_at.map(|at| format!(" at {}", time(at))).unwrap_or_default();
    let said =
        format!("{name} became stable{at}. What the policy asked then, and whose approvals were enough:");
    let rules = rollout.admission.iter();
    let rules = Table {
        columns: columns(["rule", "asked", "found"]),
        rows: rules.map(|it| [&it.rule, &it.asks, &it.found].map(|it| it.as_str().into()).to_vec()).collect(),
    };
    let approvals = rollout.approvals.iter();
    let approvals = Table {
        columns: columns(["approval", "by"]),
        rows: approvals
            .map(|it| vec![format!("{}/{}", it.namespace, it.name).into(), it.by.as_str().into()])
            .collect(),
    };
    let tables = [rules, approvals].into_iter().filter(|table| !table.rows.is_empty()).map(Part::Table);
    [Part::Text(said)].into_iter().chain(tables).collect()
}

fn decision(it: &Decision) -> Vec<Cell> {
    let tiers = if it.tiers.is_empty() { String::new() } else { format!(" for {}", it.tiers.join(", ")) };
    let documents: Vec<&str> = it.documents.iter().map(|document| document.uri.as_str()).collect();
    vec![
        format!("{:?}{tiers}", it.word).into(),
        it.approval.full().into(),
        it.by.as_str().into(),
        it.counts.as_str().into(),
        it.asset_id.as_str().into(),
        time(it.created).into(),
        it.expires_at.map(time).unwrap_or_default().into(),
        it.waives.join(", ").into(),
        it.reason.clone().unwrap_or_default().into(),
        documents.join(" ").into(),
    ]
}

fn made(all: &[Training]) -> Vec<Part> {
    if all.is_empty() {
        let nothing = "Nothing is known of the training of what serves or is to serve, or its ModelVersion could not be read.";
        return vec![Part::Text(nothing.into())];
    }
    all.iter().flat_map(training).collect()
}

fn training(it: &Training) -> Vec<Part> {
    let mut facts = vec![fact("Version", it.version.full())];
    facts.extend((!it.serves).then(|| fact("Traffic", "none")));
    if let Some(at) = it.made_again {
        let said = format!(
            "The number of this version was registered again at {}, after the deployment was made, which serves the earlier files. What is known of the version now is not of them, and is not shown.",
            time(at)
        );
        return vec![Part::Facts(facts), Part::Text(said)];
    }
    let mut add = |word: &str, text: &Option<String>| {
        facts.extend(text.as_ref().map(|text| fact(word, text.as_str())));
    };
    add("Job", &it.job);
    let verified = if it.verified { "yes" } else { "no" };
    add("Verified by Azure", &it.job.as_ref().map(|_| verified.to_string()));
    add("Experiment", &it.experiment);
    add("Run", &it.run);
    add("Trained by", &it.trained_by);
    add("Trained at", &it.trained_at.map(time));
    add("Environment", &it.environment);
    if let Some(code) = &it.code {
        add("Repository", &code.repository);
        add("Commit", &code.commit);
        add("Uncommitted changes", &code.dirty.map(|dirty| if dirty { "yes" } else { "no" }.to_string()));
    }
    facts.extend(it.pipelines.iter().map(|job| fact("Step of pipeline", job.as_str())));
    let of = |data: &Dataset| {
        data.pipeline.as_ref().map(|pipeline| format!(" of pipeline {pipeline}")).unwrap_or_default()
    };
    let data = it.datasets.iter().map(|data| (format!("Data {}{}", data.name, of(data)), data.uri.clone()));
    facts.extend(data);
    facts.extend(it.promoted_from.iter().map(|from| fact("Promoted from", from.as_str())));
    let named = |columns, all: &BTreeMap<String, String>| Table {
        columns,
        rows: all.iter().map(|(name, value)| vec![name.as_str().into(), value.as_str().into()]).collect(),
    };
    let tables = [
        named(columns(["metric", "value"]), &it.metrics),
        named(columns(["parameter", "value"]), &it.parameters),
        gates(it),
        loosened(it),
    ];
    let mut parts = vec![Part::Facts(facts)];
    if it.metrics.is_empty() {
        let none =
            if it.job.is_some() { "Its run has no metrics." } else { "Its training job is not known." };
        parts.push(Part::Text(none.into()));
    }
    parts.extend(tables.into_iter().filter(|table| !table.rows.is_empty()).map(Part::Table));
    parts
}

fn gates(it: &Training) -> Table {
    let row = |gate: &MeasuredGate| {
        let passed = if gate.passed { "yes" } else { "no" };
        let reason = format!("{:?}", gate.reason);
        let value = gate.value.clone().unwrap_or_default();
        vec![
            gate.name.as_str().into(),
            passed.into(),
            reason.into(),
            value.into(),
            gate.bound.as_str().into(),
        ]
    };
    Table {
        columns: columns(["gate", "passed", "reason", "value", "has to be"]),
        rows: it.gates.iter().map(row).collect(),
    }
}

/// The gates that asked more when the version was registered.
fn loosened(it: &Training) -> Table {
    let row = |gate: &LoosenedGate| {
        let now = gate.now.clone().unwrap_or_else(|| "removed".into());
        vec![gate.name.as_str().into(), gate.was.as_str().into(), now.into(), time(gate.at).into()]
    };
    Table {
        columns: columns(["loosened gate", "asked before", "asks now", "since"]),
        rows: it.loosened_gates.iter().map(row).collect(),
    }
}

fn replaced(history: &[Ended]) -> Vec<Part> {
    if history.is_empty() {
        return vec![Part::Text("No rollout has ended on this endpoint, as far as its status knows.".into())];
    }
    let row = |it: &Ended| {
        let rollout = &it.rollout;
        let text = |text: &Option<String>| Cell::from(text.clone().unwrap_or_default());
        let at = |at: Option<Timestamp>| Cell::from(at.map(time).unwrap_or_default());
        vec![
            rollout.revision.as_str().into(),
            text(&rollout.version),
            it.object.as_ref().map(Name::full).unwrap_or_default().into(),
            format!("{:?}", rollout.outcome).into(),
            at(rollout.started_at),
            at(rollout.finished_at),
            rollout.reason.map(|reason| format!("{reason:?}")).unwrap_or_default().into(),
            text(&rollout.message),
            waived(&rollout.waivers).into(),
            acted(&rollout.actions).into(),
            rollout.skipped.join(", ").into(),
        ]
    };
    let columns = columns([
        "revision", "version", "object", "outcome", "started", "finished", "reason", "message", "waived",
        "actions", "skipped",
    ]);
    let mut parts = vec![Part::Table(Table { columns, rows: history.iter().map(row).collect() })];
    let job = |it: &Ended| {
        let job = it.rollout.verification.as_ref()?;
        let status = job.status.clone().unwrap_or_default();
        Some(vec![
            it.rollout.revision.as_str().into(),
            job.name.as_str().into(),
            status.into(),
            job.input.as_str().into(),
        ])
    };
    let jobs: Vec<Vec<Cell>> = history.iter().filter_map(job).collect();
    if !jobs.is_empty() {
        parts.push(Part::Text(
            "The batch jobs that verified deployments, with the status that they had when the rollout ended:"
                .into(),
        ));
        let columns = self::columns(["revision", "job", "status", "input"]);
        parts.push(Part::Table(Table { columns, rows: jobs }));
    }
    let line = |it: &Ended, line: &String| vec![it.rollout.revision.as_str().into(), line.as_str().into()];
    let logs: Vec<Vec<Cell>> =
        history.iter().flat_map(|it| it.rollout.log.iter().map(move |text| line(it, text))).collect();
    if !logs.is_empty() {
        parts.push(Part::Text("What the containers of those that failed had written last:".into()));
        let columns = self::columns(["failed revision", "line of its log"]);
        parts.push(Part::Table(Table { columns, rows: logs }));
    }
    parts
}

/// `Soak by model-risk/hotfix of ada`, for each rule that was waived.
fn waived(waivers: &[Waiver]) -> String {
    let each = waivers.iter().map(|it| format!("{} by {}/{} of {}", it.rule, it.namespace, it.name, it.by));
    each.collect::<Vec<_>>().join(", ")
}

/// `Abort taxi-abort-1 of ada: Wrong fares`, for each action that had a part in the rollout.
fn acted(actions: &[ActionTold]) -> String {
    let said = |it: &ActionTold| {
        let why = it.reason.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
        format!("{:?} {} of {}{why}", it.action, it.name, it.requested_by)
    };
    actions.iter().map(said).collect::<Vec<_>>().join("; ")
}

fn going_back(evidence: &Evidence) -> Vec<Part> {
    if evidence.going_back.is_empty() {
        return vec![Part::Text(
            "Nothing that is known served before: there is nothing to go back to.".into(),
        )];
    }
    let mut parts = vec![];
    for way in &evidence.going_back {
        let Some(command) = &way.command else {
            parts.push(Part::Text(way.how.clone()));
            continue;
        };
        let by =
            "Change the manifest in Git; where no GitOps tool would put it back, this command does the same:";
        parts.push(Part::Text(format!("{} {by}", way.how)));
        parts.push(Part::Command(command.clone()));
    }
    parts
}

/// Without parts of a second, which say nothing to people.
fn time(at: Timestamp) -> String {
    format!("{at:.0}")
}
