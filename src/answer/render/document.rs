//! A page of sentences, tables and commands, in Markdown or HTML.

use std::fmt::Write;

use super::table::{Shown, Table};
use super::{html, markdown};
use crate::answer::render::text::one_line;

/// A page.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Document {
    /// Foreign text.
    pub title: String,
    /// What the answer lacks, in a sentence each.
    pub notes: Vec<String>,
    /// The sections, in their order.
    pub sections: Vec<Section>,
}

/// A part of a page under a heading of its own.
#[derive(Debug, Clone, PartialEq)]
pub struct Section {
    /// A few words of ours.
    pub heading: &'static str,
    /// What it says.
    pub parts: Vec<Part>,
}

/// What a section says.
#[derive(Debug, Clone, PartialEq)]
pub enum Part {
    /// Sentences, which may hold foreign text.
    Text(String),
    /// A word of ours and foreign text each.
    Facts(Vec<(String, String)>),
    /// A table.
    Table(Table),
    /// Something to type, on one line.
    Command(String),
}

/// The page in Markdown.
pub fn in_markdown(document: &Document) -> String {
    let mut out = format!("# {}\n", markdown::escaped(&document.title));
    // Writing into a String cannot fail.
    for note in &document.notes {
        let _ = write!(out, "\n> **Not read:** {}\n", markdown::escaped(note));
    }
    for section in &document.sections {
        let _ = write!(out, "\n## {}\n", section.heading);
        for part in &section.parts {
            out.push('\n');
            match part {
                Part::Text(text) => {
                    let _ = writeln!(out, "{}", markdown::escaped(text));
                }
                Part::Facts(facts) => {
                    for (word, text) in facts {
                        let (word, text) = (markdown::escaped(word), markdown::escaped(text));
                        let _ = writeln!(out, "- {word}: {text}");
                    }
                }
                Part::Table(table) => out.push_str(&markdown::table(table, Shown::Wide)),
                Part::Command(command) => {
                    // One line, so that it cannot end the block.
                    let _ = writeln!(out, "    {}", one_line(command));
                }
            }
        }
    }
    out
}

/// The page in HTML.
pub fn in_html(document: &Document) -> String {
    let mut body = String::new();
    for section in &document.sections {
        let _ = writeln!(body, "<h2>{}</h2>", html::escaped(section.heading));
        for part in &section.parts {
            match part {
                Part::Text(text) => {
                    let _ = writeln!(body, "<p>{}</p>", html::escaped(text));
                }
                Part::Facts(facts) => {
                    body.push_str("<table>\n");
                    for (word, text) in facts {
                        let (word, text) = (html::escaped(word), html::escaped(text));
                        let _ = writeln!(body, "<tr><th>{word}</th><td>{text}</td></tr>");
                    }
                    body.push_str("</table>\n");
                }
                Part::Table(table) => body.push_str(&html::table(table, Shown::Wide)),
                Part::Command(command) => {
                    let _ = writeln!(body, "<pre>{}</pre>", html::escaped(command));
                }
            }
        }
    }
    html::page(&document.title, &document.notes, &body)
}
