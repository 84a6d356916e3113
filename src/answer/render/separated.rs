//! CSV (RFC 4180) and tab-separated values: every column of a table, for spreadsheets and scripts.

use std::borrow::Cow;

use super::table::Table;
use super::text::one_line;

/// The table with commas between cells and CRLF at the end of lines.
pub fn csv(table: &Table) -> String {
    separated(table, ',', "\r\n")
}

/// The table with tabs between cells.
pub fn tsv(table: &Table) -> String {
    separated(table, '\t', "\n")
}

fn separated(table: &Table, separator: char, end: &str) -> String {
    let mut out = String::new();
    let mut line = |cells: &mut dyn Iterator<Item = Cow<'_, str>>| {
        for (at, cell) in cells.enumerate() {
            if at > 0 {
                out.push(separator);
            }
            out.push_str(&cell);
        }
        out.push_str(end);
    };
    line(&mut table.columns.iter().map(|column| Cow::Borrowed(column.name)));
    for row in &table.rows {
        line(&mut row.iter().map(|cell| quoted(harmless(one_line(&cell.text)), separator)));
    }
    out
}

/// Text that a spreadsheet takes for text. What would begin a formula there gets an apostrophe in front; a number does not.
fn harmless(text: Cow<'_, str>) -> Cow<'_, str> {
    const BEGINS_A_FORMULA: [char; 8] = ['=', '+', '-', '@', '＝', '＋', '－', '＠'];
    let begins = text.trim_start().starts_with(BEGINS_A_FORMULA);
    if begins && !is_number(&text) { Cow::Owned(format!("'{text}")) } else { text }
}

fn is_number(text: &str) -> bool {
    let digits = |c: char| c.is_ascii_digit() || matches!(c, '.' | 'e' | 'E' | '+' | '-');
    text.chars().all(digits) && text.parse::<f64>().is_ok()
}

fn quoted(text: Cow<'_, str>, separator: char) -> Cow<'_, str> {
    if text.contains([separator, '"']) {
        Cow::Owned(format!("\"{}\"", text.replace('"', "\"\"")))
    } else {
        text
    }
}
