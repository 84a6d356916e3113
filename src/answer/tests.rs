//! What the guide says of the answers.

#![allow(clippy::unwrap_used)]

use std::path::Path;

use jiff::Timestamp;
use serde_json::json;

use super::compare::Comparison;
use super::fixtures::version;
use super::idle::{Idle, Owners};
use super::inventory::{Bindings, Filter, Inventory};
use super::render::table::{Shown, Table};
use super::unmanaged::{Found, Unmanaged};

#[test]
fn the_guide_lists_the_columns_of_every_table() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/guide/answers.md");
    let guide = std::fs::read_to_string(file).unwrap();
    let listed = guide.split_once("\n### Columns\n").unwrap().1;
    let listed = listed.split("\n#").next().unwrap();
    let rows: Vec<&str> = listed.lines().filter(|line| line.starts_with("| `")).collect();
    let now = Timestamp::UNIX_EPOCH;
    let one = version("fares/taxi-1", &json!({}), &json!({}));
    let inventory = Inventory::new(vec![], &Bindings::default(), &Filter::default(), vec![]);
    let expected = [
        row("inventory", &inventory.table(false, now)),
        row("inventory --idle", &Idle::new(vec![], &Owners::default(), vec![]).table(false, now)),
        row("inventory --unmanaged", &Unmanaged::new(Found::default(), vec![]).table(false)),
        row("compare", &Comparison::of(&one, &one).table()),
    ];
    assert_eq!(rows, expected);
}

/// The row of the guide for a table.
fn row(command: &str, table: &Table) -> String {
    let named = |shown: Shown| {
        let columns = table.columns.iter().filter(|it| it.shown == shown);
        columns.map(|it| format!("`{}`", it.name)).collect::<Vec<_>>().join(", ")
    };
    let columns = [Shown::Always, Shown::Wide, Shown::Tools].map(named);
    format!("| `{command}` | {} |", columns.join(" | "))
}
