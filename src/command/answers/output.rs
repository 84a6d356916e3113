//! What a terminal gets, and what a pipe gets.

use std::io::{self, ErrorKind, IsTerminal, Write};

use clap::ValueEnum;
use terminal_size::{Width, terminal_size_of};

use super::Error;
use crate::answer::render::table::{Shown, Style, Table, table};
use crate::answer::render::text::one_line;
use crate::answer::render::{html, json, separated};

/// The forms of an answer that is a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum TableFormat {
    /// A table for people
    Table,
    /// The same with more columns
    Wide,
    Json,
    Yaml,
    /// Tab-separated values, all columns
    Tsv,
    /// Comma-separated values, all columns
    Csv,
    /// One file with a table, for a browser
    Html,
}

/// An answer that is a table.
pub(super) struct Tabular<'a, T> {
    /// The title of the page in HTML.
    pub title: &'a str,
    /// The answer, for JSON and YAML.
    pub answer: &'a T,
    /// What it lacks, in a sentence each.
    pub not_read: &'a [String],
    /// The answer as a table.
    pub table: &'a Table,
}

impl<T: serde::Serialize> Tabular<'_, T> {
    /// In this form.
    pub(super) fn in_form(&self, format: TableFormat) -> Result<String, Error> {
        Ok(match format {
            TableFormat::Table => table(self.table, Shown::Always, style()),
            TableFormat::Wide => table(self.table, Shown::Wide, Style { width: None, ..style() }),
            TableFormat::Json => json::json(self.answer)?,
            TableFormat::Yaml => json::yaml(self.answer)?,
            TableFormat::Tsv => separated::tsv(self.table),
            TableFormat::Csv => separated::csv(self.table),
            TableFormat::Html => html::page(self.title, self.not_read, &html::table(self.table, Shown::Wide)),
        })
    }
}

/// Colours and the terminal's width, where stdout is a terminal; colours only where the environment does not forbid them
/// (`NO_COLOR`, `TERM=dumb`).
pub(super) fn style() -> Style {
    let out = io::stdout();
    if !out.is_terminal() {
        return Style::default();
    }
    let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    let width = terminal_size_of(&out).map(|(Width(width), _)| usize::from(width));
    Style { colour: !set("NO_COLOR") && !dumb, width }
}

/// Writes the answer. Whoever reads it may stop reading, as `head` does.
pub(super) fn write(text: &str) -> Result<(), Error> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        other => Ok(other?),
    }
}

/// Says on stderr what the answer lacks.
pub(super) fn say(sentences: &[String]) {
    for sentence in sentences {
        eprintln!("bindery: {}", one_line(sentence));
    }
}
