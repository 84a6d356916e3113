//! The view of a rollout for people.

use std::fmt::Write;

use jiff::Timestamp;

use super::{Rollout, StepState};
use crate::answer::action::serves_instead;
use crate::answer::inventory::age;
use crate::answer::render::table::{Cell, Column, Shown, Style, Table, Tone, table};
use crate::answer::render::text::one_line;
use crate::api::{ActionState, ActionTold, DeploymentStatus, Outcome, Phase, Role, TakenAction};

/// The view: how it goes, the deployments with their traffic, the steps with a mark at the one where the rollout stands, what is held
/// back, the latest actions and the last rollout.
pub fn text(rollout: &Rollout, style: Style, now: Timestamp) -> String {
    let mut out = String::new();
    head(&mut out, rollout, style);
    if !rollout.deployments.is_empty() {
        out.push('\n');
        out.push_str(&table(&deployments(rollout, now), Shown::Always, style));
    }
    jobs(&mut out, rollout, style, now);
    steps(&mut out, rollout, style, now);
    if let Some(hold) = &rollout.hold {
        let by = hold.action.as_ref().map(|it| format!(" by {}", told(it))).unwrap_or_default();
        let said = format!(
            "Revision {} is held back for {}{by}: {}. `bindery release {}` ends that.",
            hold.revision,
            age(hold.since, now),
            serves_instead(hold, rollout.stable.as_ref()),
            rollout.object.name
        );
        let _ = write!(out, "\n{}\n", painted(style, Tone::Unsure, &one_line(&said)));
    }
    if !rollout.actions.is_empty() {
        out.push('\n');
        out.push_str(&table(&actions(&rollout.actions, now), Shown::Always, style));
    }
    last(&mut out, rollout, now);
    out
}

fn painted(style: Style, tone: Tone, text: &str) -> String {
    if style.colour { tone.painted(text) } else { text.to_string() }
}

/// Why somebody asked, and who: `ada (taxi-abort-x7k2p: wrong fares)`.
fn told(action: &ActionTold) -> String {
    let reason = action.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
    format!("{} ({}{reason})", action.requested_by, action.name)
}

fn head(out: &mut String, rollout: &Rollout, style: Style) {
    let ready = &rollout.ready;
    let phase = rollout.phase.map_or_else(|| "not looked at".into(), |phase| format!("{phase:?}"));
    let state = match ready.status.as_str() {
        "True" => "Ready",
        "False" => "not Ready",
        _ => "perhaps Ready",
    };
    let state = format!("{phase}, {state}");
    let because =
        if ready.reason.is_empty() { String::new() } else { format!(" ({})", one_line(&ready.reason)) };
    let _ = writeln!(out, "{}: {}{because}", rollout.object, painted(style, ready.tone(), &state));
    if !ready.message.is_empty() {
        let _ = writeln!(out, "  {}", one_line(&ready.message));
    }
    for notice in &rollout.notices {
        let _ = writeln!(out, "  {}", painted(style, Tone::Unsure, &one_line(notice)));
    }
    let revision = rollout.revision.as_ref().map(|it| format!(", revision {it} wanted")).unwrap_or_default();
    let _ = writeln!(out, "  endpoint {}{revision}", one_line(&rollout.endpoint));
    if let Some(window) = &rollout.window {
        let until = window.next_open.or(window.next_close);
        let until = until.map(|at| format!(" until {at:.0}")).unwrap_or_default();
        let by = window.by.as_ref().map(|by| format!(": {by}")).unwrap_or_default();
        let state = if window.open { "open" } else { "closed" };
        let _ = writeln!(out, "  window {state}{until}{}", one_line(&by));
    }
}

fn deployments(rollout: &Rollout, now: Timestamp) -> Table {
    let mirrored = |it: &DeploymentStatus| {
        let candidate = rollout.candidate.as_ref().filter(|candidate| candidate.deployment == it.name);
        candidate
            .and_then(|candidate| candidate.mirror)
            .map_or_else(|| "-".into(), |share| format!("{share}%"))
    };
    let row = |it: &DeploymentStatus| {
        let tone = match it.role {
            Role::Stable => Tone::Good,
            Role::Candidate => Tone::Unsure,
            Role::Failed => Tone::Bad,
            Role::Previous | Role::Superseded | Role::Foreign => Tone::Plain,
        };
        let unknown = if rollout.serving.is_online() { "?" } else { "-" };
        let instances = it.instances.map_or_else(|| unknown.into(), |count| count.to_string());
        vec![
            it.name.as_str().into(),
            Cell::from(format!("{:?}", it.role)).toned(tone),
            rollout.serving.share(it.weight).into(),
            mirrored(it).into(),
            instances.into(),
            it.state.clone().unwrap_or_default().into(),
            age(it.since, now).into(),
        ]
    };
    Table {
        columns: columns(&["deployment", "role", "traffic", "mirror", "instances", "state", "age"]),
        rows: rollout.deployments.iter().map(row).collect(),
    }
}

fn columns(names: &[&'static str]) -> Vec<Column> {
    names.iter().map(|name| Column { name, shown: Shown::Always }).collect()
}

/// The jobs that verify deployments, one on a line.
fn jobs(out: &mut String, rollout: &Rollout, style: Style, now: Timestamp) {
    if !rollout.verification_jobs.is_empty() {
        out.push('\n');
    }
    for job in &rollout.verification_jobs {
        let over = if job.given_up { ", given up" } else { "" };
        let since = age(job.started_at.unwrap_or(job.asked_at), now);
        let how = job
            .status
            .as_ref()
            .map_or_else(|| format!("asked for {since} ago"), |status| format!("{status} for {since}"));
        let said = format!("Job {} verifies {}: {how}{over}", job.name, job.deployment);
        let _ = writeln!(out, "{}", painted(style, Tone::Unsure, &one_line(&said)));
    }
}

/// The steps, one on a line: `✓` those that are passed, `▸` the one where the rollout stands, and since when.
fn steps(out: &mut String, rollout: &Rollout, style: Style, now: Timestamp) {
    let Some(candidate) = &rollout.candidate else { return };
    if rollout.steps.is_empty() {
        return;
    }
    let halted = rollout.phase == Some(Phase::Serving);
    let goes_on = if halted { ", which gets no further now" } else { "" };
    let _ = write!(out, "\nSteps of {}{goes_on}:\n", one_line(&candidate.deployment));
    for step in &rollout.steps {
        let line = format!("{:>2} {}", step.number, step.does);
        let line = match (step.state, &candidate.step) {
            (StepState::Done, _) => format!("✓ {line}"),
            (StepState::Current, Some(at)) => {
                painted(style, Tone::Unsure, &format!("▸ {line}, for {}", age(at.since, now)))
            }
            _ => format!("  {line}"),
        };
        let _ = writeln!(out, "  {line}");
    }
    if candidate.step.is_none() {
        let _ = writeln!(
            out,
            "  The rollout stands at no step: its deployment is being made, or traffic is being put back."
        );
    }
}

fn actions(all: &[TakenAction], now: Timestamp) -> Table {
    let row = |it: &TakenAction| {
        let tone = match it.state {
            ActionState::Accepted => Tone::Unsure,
            ActionState::Refused => Tone::Bad,
            ActionState::Complete | ActionState::AlreadyDone => Tone::Good,
        };
        let step = it.step.as_ref().map(|step| format!(" {step}")).unwrap_or_default();
        vec![
            it.name.as_str().into(),
            format!("{:?}{step}", it.action).into(),
            it.requested_by.as_str().into(),
            Cell::from(format!("{:?}", it.state)).toned(tone),
            age(it.since, now).into(),
            it.message.as_str().into(),
        ]
    };
    Table {
        columns: columns(&["action", "asks", "by", "state", "age", "message"]),
        rows: all.iter().map(row).collect(),
    }
}

fn last(out: &mut String, rollout: &Rollout, now: Timestamp) {
    let Some(last) = &rollout.last else { return };
    let version = last.version.as_ref().map(|it| format!(" (version {it})")).unwrap_or_default();
    let when = last.finished_at.map(|at| format!(" {} ago", age(at, now))).unwrap_or_default();
    let why = last.message.as_ref().map(|it| format!(": {}", it.trim_end_matches('.'))).unwrap_or_default();
    let by: Vec<String> = last.actions.iter().map(|it| format!("{:?} by {}", it.action, told(it))).collect();
    let by = if by.is_empty() { String::new() } else { format!(". {}", by.join("; ")) };
    let skipped = if last.skipped.is_empty() {
        String::new()
    } else {
        format!(". Skipped: {}", last.skipped.join(", "))
    };
    let said = match last.outcome {
        Outcome::RolledBack => {
            format!("The last rollout: back to {}{version}{when}{why}{by}{skipped}", last.revision)
        }
        outcome => {
            format!("The last rollout: {}{version} {outcome:?}{when}{why}{by}{skipped}", last.revision)
        }
    };
    let _ = write!(out, "\n{}\n", one_line(&said));
}
