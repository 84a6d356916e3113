//! Markdown, for the description of a ticket or of a pull request.

use super::table::{Shown, Table};
use super::text::one_line;

/// Text within a line, or in a cell of a table: what Markdown would take for markup has a backslash in front.
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in one_line(text).chars() {
        if matches!(c, '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '|' | '~' | '&' | '$' | '#') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// A table with the columns that people see.
pub fn table(table: &Table, most: Shown) -> String {
    let shown: Vec<usize> = (0..table.columns.len()).filter(|at| table.columns[*at].shown <= most).collect();
    let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    let mut out = line(shown.iter().map(|at| escaped(table.columns[*at].name)).collect());
    out.push_str(&line(shown.iter().map(|_| "---".to_string()).collect()));
    for row in &table.rows {
        out.push_str(&line(shown.iter().map(|at| escaped(&row[*at].text)).collect()));
    }
    out
}
