//! The guide says what the code says.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use bindery::api::Reason;

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

fn read(path: &str) -> String {
    fs::read_to_string(repository().join(path)).unwrap()
}

/// The words in backticks in the first column of a table's rows.
fn first_column(table: &str) -> BTreeSet<String> {
    let rows = table.lines().filter_map(|line| line.strip_prefix("| `"));
    rows.filter_map(|row| Some(row.split_once('`')?.0.to_string())).collect()
}

/// A section of a page, by its heading.
fn section<'a>(page: &'a str, heading: &str) -> &'a str {
    let (_, rest) = page.split_once(&format!("\n## {heading}\n")).unwrap();
    rest.split("\n## ").next().unwrap()
}

#[test]
fn every_reason_has_a_line_that_says_what_to_do() {
    let reasons: BTreeSet<String> = Reason::ALL.iter().map(ToString::to_string).collect();
    assert_eq!(first_column(section(&read("docs/guide/status.md"), "Reasons")), reasons);
}

#[test]
fn every_phase_has_a_line() {
    let crds = read("crds/bindery.dev_deploymentbindings.yaml");
    let phases: BTreeSet<String> = crds
        .split_once("\n              phase:\n")
        .and_then(|(_, rest)| rest.split_once("enum:\n"))
        .map(|(_, rest)| rest.lines().map_while(|line| line.trim().strip_prefix("- ")).map(str::to_string))
        .unwrap()
        .collect();
    assert!(phases.contains("Serving"), "{phases:?}");
    assert_eq!(first_column(section(&read("docs/guide/rollout.md"), "Phases")), phases);
}

#[test]
fn every_link_between_pages_leads_somewhere() {
    let guide = fs::read_dir(repository().join("docs/guide")).unwrap();
    let mut pages: Vec<PathBuf> = guide.map(|entry| entry.unwrap().path()).collect();
    pages.push(repository().join("README.md"));
    for page in pages {
        let text = fs::read_to_string(&page).unwrap();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let (file, heading) = link.split_once('#').unwrap_or((link, ""));
            if link.starts_with("https://") {
                continue;
            }
            let target = if file.is_empty() { page.clone() } else { page.parent().unwrap().join(file) };
            assert!(target.exists(), "{}: {link}", page.display());
            let has = |line: &str| {
                line.trim_start_matches('#')
                    .trim()
                    .to_lowercase()
                    .replace(' ', "-")
                    .replace([',', '`', '?'], "")
                    == heading
            };
            assert!(
                heading.is_empty() || fs::read_to_string(&target).unwrap().lines().any(has),
                "{}: {link}",
                page.display()
            );
        }
    }
}
