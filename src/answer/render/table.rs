//! A table for people, as kubectl writes tables: padded columns, and in a terminal colours, and long
//! cells cut so that a line fits, if it can.

use std::borrow::Cow;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::text::one_line;

/// Rows under columns.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Table {
    /// The columns. Each row has as many cells.
    pub columns: Vec<Column>,
    /// The rows, in their order.
    pub rows: Vec<Vec<Cell>>,
}

/// A column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// The name for tools, such as `trainedBy`; a table for people has it in capitals with a dash between words.
    pub name: &'static str,
    /// Who sees it.
    pub shown: Shown,
}

/// When a column is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shown {
    /// In every form.
    Always,
    /// In wide tables, and in the forms for tools.
    Wide,
    /// In the forms for tools.
    Tools,
}

/// What a cell holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Cell {
    /// Foreign text; empty where there is nothing.
    pub text: String,
    /// How it is meant.
    pub tone: Tone,
}

/// How a cell is meant: its colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Tone {
    #[default]
    Plain,
    Good,
    Bad,
    Unsure,
}

impl Tone {
    /// The tone of a condition's status: `True` is good, `False` is bad, anything else is unsure.
    pub fn of_status(status: &str) -> Self {
        match status {
            "True" => Self::Good,
            "False" => Self::Bad,
            _ => Self::Unsure,
        }
    }

    /// The text in this colour, for a terminal.
    pub fn painted(self, text: &str) -> String {
        let colour = match self {
            Self::Plain => return text.to_string(),
            Self::Good => 32,
            Self::Bad => 31,
            Self::Unsure => 33,
        };
        format!("\u{1b}[{colour}m{text}\u{1b}[0m")
    }
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self { text: text.into(), tone: Tone::Plain }
    }
}

impl Cell {
    /// The same with a tone.
    #[must_use]
    pub fn toned(self, tone: Tone) -> Self {
        Self { tone, ..self }
    }
}

/// Who reads the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Style {
    /// With colours.
    pub colour: bool,
    /// The width of the terminal; none for a pipe, where nothing is cut.
    pub width: Option<usize>,
}

/// Spaces between two columns.
const GAP: usize = 3;
/// A column is not made narrower than this to fit: names have to stay whole, and a terminal can break a line.
const NARROWEST: usize = 24;

/// The table as text. Empty cells are `<none>`, so that each line has as many words as the others.
pub fn table(table: &Table, most: Shown, style: Style) -> String {
    let shown: Vec<usize> = (0..table.columns.len()).filter(|at| table.columns[*at].shown <= most).collect();
    let heads: Vec<String> = shown.iter().map(|at| heading(table.columns[*at].name)).collect();
    let mut widths: Vec<usize> = heads.iter().map(|head| head.width()).collect();
    for row in &table.rows {
        for (width, at) in widths.iter_mut().zip(&shown) {
            *width = (*width).max(visible(&row[*at]).width());
        }
    }
    if let Some(available) = style.width {
        fit(&mut widths, available);
    }
    let mut out = String::new();
    let head = heads.iter().map(|head| (Cow::Borrowed(head.as_str()), Tone::Plain));
    line(&mut out, head, &widths, style);
    for row in &table.rows {
        line(&mut out, shown.iter().map(|at| (visible(&row[*at]), row[*at].tone)), &widths, style);
    }
    out
}

/// `trainedBy` becomes `TRAINED-BY`.
fn heading(name: &str) -> String {
    let mut heading = String::with_capacity(name.len() + 2);
    for c in name.chars() {
        if c.is_ascii_uppercase() {
            heading.push('-');
        }
        heading.push(c.to_ascii_uppercase());
    }
    heading
}

fn visible(cell: &Cell) -> Cow<'_, str> {
    if cell.text.is_empty() { Cow::Borrowed("<none>") } else { one_line(&cell.text) }
}

/// Makes the widest columns narrower until a line fits, or nothing is left to take.
fn fit(widths: &mut [usize], available: usize) {
    let mut taken = widths.iter().sum::<usize>() + GAP * widths.len().saturating_sub(1);
    while taken > available {
        let Some(widest) = widths.iter_mut().max().filter(|widest| **widest > NARROWEST) else { return };
        *widest -= 1;
        taken -= 1;
    }
}

fn line<'a>(
    out: &mut String,
    cells: impl Iterator<Item = (Cow<'a, str>, Tone)>,
    widths: &[usize],
    style: Style,
) {
    let last = widths.len().saturating_sub(1);
    for (at, ((text, tone), width)) in cells.zip(widths).enumerate() {
        let text = cut(&text, *width);
        if style.colour {
            out.push_str(&tone.painted(&text));
        } else {
            out.push_str(&text);
        }
        if at < last {
            out.extend(std::iter::repeat_n(' ', width.saturating_sub(text.width()) + GAP));
        }
    }
    out.push('\n');
}

/// As much of the text as fits, with `…` where something is missing.
fn cut(text: &str, width: usize) -> Cow<'_, str> {
    if text.width() <= width {
        return Cow::Borrowed(text);
    }
    let mut kept = String::new();
    let mut taken = 1;
    for c in text.chars() {
        taken += c.width().unwrap_or_default();
        if taken > width {
            break;
        }
        kept.push(c);
    }
    kept.push('…');
    Cow::Owned(kept)
}
