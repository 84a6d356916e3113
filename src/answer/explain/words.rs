//! An explanation for people: the root cause first, then every object of the chain.

use std::collections::HashSet;
use std::fmt::Write;

use jiff::Timestamp;

use super::{Explained, Explanation};
use crate::answer::inventory::age;
use crate::answer::render::table::{Style, Tone};
use crate::answer::render::text::one_line;

/// The explanation in sentences. The first line is the root cause, or that there is no trouble.
pub fn text(explanation: &Explanation, style: Style, now: Timestamp) -> String {
    let (mut out, mut told) = (String::new(), Told::default());
    match &explanation.root_cause {
        None => line(
            &mut out,
            0,
            &format!("{} is Ready.", paint(style, Tone::Good, &explanation.object.to_string())),
        ),
        Some(cause) => {
            let object = paint(style, Tone::Bad, &cause.object.to_string());
            let reason = if cause.reason.is_empty() {
                String::new()
            } else {
                format!("{}: ", one_line(&cause.reason))
            };
            let message = told.anew(&cause.message).unwrap_or_default();
            line(&mut out, 0, &format!("Root cause: {object}: {reason}{message}"));
        }
    }
    let mut before: Option<&Explained> = None;
    for object in &explanation.chain {
        out.push('\n');
        explained(&mut out, object, before, &mut told, style, now);
        before = Some(object);
    }
    let others: Vec<String> = explanation.others.iter().map(|it| other(it, &mut told, style)).collect();
    if !others.is_empty() {
        out.push_str("\nThe other objects that these refer to:\n");
        for said in others {
            line(&mut out, 1, &said);
        }
    }
    out
}

/// The sentences that stand there already: several conditions of one object, and several objects of a chain, say the same.
#[derive(Default)]
struct Told(HashSet<String>);

impl Told {
    /// A message on one line, without the sentences that were told before; none where nothing is left.
    fn anew(&mut self, message: &str) -> Option<String> {
        let message = one_line(message);
        let new: Vec<&str> = sentences(&message).filter(|it| self.0.insert((*it).to_string())).collect();
        (!new.is_empty()).then(|| new.join(" "))
    }
}

/// A text by its sentences: each ends with a full stop before a word that begins with a capital.
fn sentences(text: &str) -> impl Iterator<Item = &str> {
    let ends = text.match_indices(". ").map(|(at, _)| at + 1);
    let begins = |at: &usize| text[at + 1..].starts_with(char::is_uppercase);
    let ends = ends.filter(begins).chain([text.len()]);
    let mut from = 0;
    ends.map(move |at| text[std::mem::replace(&mut from, at)..at].trim()).filter(|it| !it.is_empty())
}

fn explained(
    out: &mut String,
    object: &Explained,
    before: Option<&Explained>,
    told: &mut Told,
    style: Style,
    now: Timestamp,
) {
    let named = before.and_then(|before| before.refers_to.iter().find(|it| it.object == object.object));
    let by = match (named, before) {
        (Some(reference), Some(before)) => format!(", which {} names in {},", before.object, reference.field),
        _ => String::new(),
    };
    let Some(ready) = &object.ready else {
        line(out, 0, &format!("{}{by} does not exist.", paint(style, Tone::Bad, &object.object.to_string())));
        return;
    };
    let state = match ready.status.as_str() {
        "True" => "is Ready",
        "False" => "is not Ready",
        _ => "may be Ready or not: nobody knows",
    };
    let reason =
        if ready.reason.is_empty() { String::new() } else { format!(": {}", one_line(&ready.reason)) };
    let since = object.since.map(|since| format!(" (for {})", age(since, now))).unwrap_or_default();
    line(
        out,
        0,
        &format!("{}{by} {state}{reason}{since}", paint(style, ready.tone(), &object.object.to_string())),
    );
    if let Some(message) = told.anew(&ready.message) {
        line(out, 1, &message);
    }
    for condition in &object.conditions {
        let (kind, status) = (one_line(&condition.type_), one_line(&condition.status));
        let message = told.anew(&condition.message).map(|message| format!(". {message}")).unwrap_or_default();
        line(out, 1, &format!("{kind} is {status}: {}{message}", one_line(&condition.reason)));
    }
    for drift in &object.drift {
        let (field, wanted, found) =
            (one_line(&drift.field), one_line(&drift.wanted), one_line(&drift.found));
        line(out, 1, &format!("{field} differs: the manifest says \"{wanted}\", Azure has \"{found}\"."));
    }
    if !object.next.is_empty() {
        line(out, 1, &format!("Next: {}", one_line(&object.next.join(" "))));
    }
}

/// An object beside the chain, on one line.
fn other(object: &Explained, told: &mut Told, style: Style) -> String {
    let name = object.object.to_string();
    let Some(ready) = &object.ready else {
        let state = if object.seen == "Missing" { "does not exist" } else { "could not be read" };
        return format!("{} {state}", paint(style, Tone::Unsure, &name));
    };
    let name = paint(style, ready.tone(), &name);
    if ready.holds() {
        return format!("{name} is Ready");
    }
    let reason = one_line(&ready.reason);
    let message = told.anew(&ready.message).map(|message| format!(". {message}")).unwrap_or_default();
    let state = if ready.status == "False" { "is not Ready" } else { "may be Ready or not" };
    format!("{name} {state}: {reason}{message}")
}

fn paint(style: Style, tone: Tone, text: &str) -> String {
    if style.colour { tone.painted(text) } else { text.to_string() }
}

fn line(out: &mut String, depth: usize, text: &str) {
    // Writing into a String cannot fail.
    let _ = writeln!(out, "{:indent$}{text}", "", indent = 2 * depth);
}
