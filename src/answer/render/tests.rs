//! Every form with hostile text in every place that can hold text.

#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use serde_json::{Value, json};

use super::document::{Document, Part, Section, in_html, in_markdown};
use super::json::{json as in_json, yaml};
use super::mermaid::mermaid;
use super::separated::{csv, tsv};
use super::svg::svg;
use super::table::{Cell, Column, Shown, Style, Table, Tone, table};
use super::text::one_line;
use super::tree::tree;
use super::{html, markdown};
use crate::answer::graph::{Graph, Node, NodeKind};
use crate::azure::model::is_unseen;

/// Text made of what terminals, spreadsheets, browsers and Markdown act upon.
fn hostile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("\u{1b}[31m"),
        Just("\u{9b}2J"),
        Just("\r\n"),
        Just("\n# h"),
        Just("\t"),
        Just("\u{202e}"),
        Just("\u{2066}"),
        Just("\u{61c}"),
        Just("\u{0}"),
        Just("\u{7f}"),
        Just("\u{2028}"),
        Just("=1+1"),
        Just("@SUM(A1)"),
        Just("-2+3"),
        Just("+x"),
        Just("＝1"),
        Just("\""),
        Just("'"),
        Just(","),
        Just(";"),
        Just("<script>"),
        Just("</td>"),
        Just("&amp;"),
        Just("]]>"),
        Just("|"),
        Just("`"),
        Just("*"),
        Just("](javascript:x)"),
        Just("\"]; n9[\""),
        Just("-->"),
        Just("タクシー"),
        Just("e\u{301}"),
        Just(" "),
        Just("a"),
        Just("1"),
    ];
    proptest::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

fn of(texts: &[String]) -> Table {
    Table {
        columns: vec![
            Column { name: "name", shown: Shown::Always },
            Column { name: "trainedBy", shown: Shown::Wide },
        ],
        rows: texts.iter().map(|text| vec![Cell::from(text.as_str()), Cell::from(text.as_str())]).collect(),
    }
}

fn graph(text: &str) -> Graph {
    let node = |level| Node {
        kind: NodeKind::Job,
        name: text.into(),
        details: vec![("by", text.into())],
        tone: Tone::Bad,
        level,
    };
    let mut graph = Graph { nodes: vec![node(0), node(-1)], edges: vec![] };
    graph.connect(1, 0, text);
    graph
}

fn page(text: &str) -> Document {
    let parts = vec![
        Part::Text(text.into()),
        Part::Facts(vec![(text.into(), text.into())]),
        Part::Table(of(&[text.to_string()])),
        Part::Command(text.into()),
    ];
    Document {
        title: text.into(),
        notes: vec![text.into()],
        sections: vec![Section { heading: "Heading", parts }],
    }
}

/// What a reader of CSV makes of it: RFC 4180 without line breaks in cells.
fn read(text: &str, separator: char, end: &str) -> Vec<Vec<String>> {
    let cells = |line: &str| {
        let (mut cells, mut cell, mut quoted) = (vec![], String::new(), false);
        let mut chars = line.chars().peekable();
        while let Some(c) = chars.next() {
            match c {
                '"' if quoted && chars.peek() == Some(&'"') => cell.extend(chars.next()),
                '"' => quoted = !quoted,
                c if c == separator && !quoted => cells.push(std::mem::take(&mut cell)),
                c => cell.push(c),
            }
        }
        assert!(!quoted, "{line}");
        cells.push(cell);
        cells
    };
    text.split_terminator(end).map(cells).collect()
}

proptest! {
    #[test]
    fn a_table_has_a_line_for_each_row_and_nothing_that_a_terminal_acts_upon(texts in proptest::collection::vec(hostile(), 1..4), width in 10_usize..60) {
        for style in [Style::default(), Style { colour: false, width: Some(width) }] {
            let text = table(&of(&texts), Shown::Wide, style);
            prop_assert_eq!(text.lines().count(), texts.len() + 1);
            prop_assert!(!text.chars().any(|c| c != '\n' && is_unseen(c)), "{:?}", text);
        }
    }

    #[test]
    fn a_spreadsheet_gets_the_rows_and_no_formula(texts in proptest::collection::vec(hostile(), 1..4)) {
        for (text, separator, end) in [(csv(&of(&texts)), ',', "\r\n"), (tsv(&of(&texts)), '\t', "\n")] {
            let rows = read(&text, separator, end);
            prop_assert_eq!(rows.len(), texts.len() + 1);
            for (row, given) in rows[1..].iter().zip(&texts) {
                prop_assert_eq!(row.len(), 2);
                for cell in row {
                    let begins = cell.trim_start().chars().next();
                    let formula = begins.is_some_and(|c| "=+-@＝＋－＠".contains(c)) && cell.parse::<f64>().is_err();
                    prop_assert!(!formula && !cell.chars().any(is_unseen), "{:?}", cell);
                    let bare = cell.strip_prefix('\'').filter(|_| !given.starts_with('\'')).unwrap_or(cell);
                    prop_assert!(bare == one_line(given), "{:?}", cell);
                }
            }
        }
    }

    #[test]
    fn html_has_the_tags_that_it_has_without_the_text(text in hostile()) {
        let tags = |html: &str| html.matches('<').count();
        for (with, without) in [
            (in_html(&page(&text)), in_html(&page("a"))),
            (svg(&graph(&text)), svg(&graph("a"))),
            (html::table(&of(std::slice::from_ref(&text)), Shown::Wide), html::table(&of(&["a".into()]), Shown::Wide)),
        ] {
            let label = usize::from(text.is_empty() && without.starts_with("<svg"));
            prop_assert_eq!(tags(&with), tags(&without) - 2 * label, "{}", with);
            prop_assert!(!with.chars().any(|c| c != '\n' && is_unseen(c)));
        }
    }

    #[test]
    fn markdown_has_the_lines_that_it_has_without_the_text(text in hostile()) {
        let told = in_markdown(&page(&text));
        prop_assert_eq!(told.lines().count(), in_markdown(&page("a")).lines().count());
        let cell = markdown::escaped(&text);
        let marks = "`*[]<>|~&$#_";
        for (at, c) in cell.char_indices().filter(|(_, c)| marks.contains(*c)) {
            let before = cell[..at].chars().rev().take_while(|c| *c == '\\').count();
            prop_assert!(before % 2 == 1, "{} at {} in {:?}", c, at, cell);
        }
        prop_assert!(!told.chars().any(|c| c != '\n' && is_unseen(c)));
    }

    #[test]
    fn a_picture_in_text_has_the_lines_that_it_has_without_the_text(text in hostile()) {
        let label = usize::from(text.is_empty());
        let chart = mermaid(&graph(&text));
        prop_assert_eq!(chart.lines().count(), 4);
        prop_assert_eq!(chart.matches('"').count(), 6 - 2 * label, "{}", chart);
        let told = tree(&graph(&text), Style::default());
        prop_assert_eq!(told.lines().count(), 4);
        prop_assert!(!chart.chars().chain(told.chars()).any(|c| c != '\n' && is_unseen(c)));
    }

    #[test]
    fn tools_get_the_text_as_it_is(text in hostile()) {
        let answer = json!({"name": text, "list": [text]});
        let told = in_json(&answer).unwrap();
        prop_assert_eq!(&serde_json::from_str::<Value>(&told).unwrap(), &answer);
        prop_assert!(!told.chars().any(|c| c != '\n' && is_unseen(c)), "{:?}", told);
        let told = yaml(&answer).unwrap();
        prop_assert_eq!(&serde_yaml::from_str::<Value>(&told).unwrap(), &answer);
        prop_assert!(!told.chars().any(|c| c != '\n' && is_unseen(c)), "{:?}", told);
    }
}

#[test]
fn unseen_characters_are_written_out() {
    for (text, expected) in [
        ("plain", "plain"),
        ("a\r\n\tb", "a\\r\\n\\tb"),
        ("\u{1b}[31m\u{202e}\u{61c}", "\\u001b[31m\\u202e\\u061c"),
        ("Zürich タクシー", "Zürich タクシー"),
    ] {
        assert_eq!(one_line(text), expected);
    }
}

#[test]
fn numbers_are_no_formulas() {
    for (text, expected) in [
        ("-0.5", "-0.5"),
        ("+1e-7", "+1e-7"),
        ("=1", "'=1"),
        ("-1+1", "'-1+1"),
        (" =1", "' =1"),
        ("-inf", "'-inf"),
        ("a,b", "\"a,b\""),
        ("a\"b", "\"a\"\"b\""),
        ("=\"a\"", "\"'=\"\"a\"\"\""),
    ] {
        let text = csv(&of(&[text.to_string()]));
        assert_eq!(text, format!("name,trainedBy\r\n{expected},{expected}\r\n"));
    }
}

#[test]
fn a_table_fits_a_terminal_and_is_whole_in_a_pipe() {
    let long = "x".repeat(100);
    let rows = [long.clone(), "タクシー".into(), String::new()];
    let whole = table(&of(&rows), Shown::Always, Style::default());
    assert_eq!(whole, format!("NAME\n{long}\nタクシー\n<none>\n"));
    let fitted = table(&of(&rows), Shown::Wide, Style { colour: false, width: Some(63) });
    let lines: Vec<&str> = fitted.lines().collect();
    assert_eq!(lines[0], "NAME                             TRAINED-BY");
    assert_eq!(lines[1], format!("{0}…   {0}…", "x".repeat(29)));
    // Two columns for each of these letters.
    assert_eq!(lines[2], "タクシー                         タクシー");
    let narrow = table(&of(&rows), Shown::Wide, Style { colour: false, width: Some(3) });
    assert!(narrow.lines().nth(1).unwrap().starts_with(&format!("{}…   ", "x".repeat(23))), "{narrow}");
}

#[test]
fn only_a_terminal_gets_colours() {
    let toned = Table {
        columns: vec![Column { name: "ready", shown: Shown::Always }],
        rows: vec![vec![Cell::from("False").toned(Tone::of_status("False"))]],
    };
    assert_eq!(table(&toned, Shown::Always, Style::default()), "READY\nFalse\n");
    let coloured = table(&toned, Shown::Always, Style { colour: true, width: None });
    assert_eq!(coloured, "READY\n\u{1b}[31mFalse\u{1b}[0m\n");
}
