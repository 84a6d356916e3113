//! The core's rooms lie in layers (see `src/core/mod.rs`): a file that names a room above its own is refused here.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};

/// From the ground up: each may name those before it.
const ROOMS: [&str; 4] = ["machinery", "resources", "services", "door"];

/// What every room may name: the state that all of them are handed.
const STATE: &str = "Core";

fn core() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/core")
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// What a file names of the core: the first word of every path that begins with `crate::core`. With braces there are
/// several.
fn named(text: &str) -> Vec<String> {
    let code: Vec<&str> = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    let code = code.join(" ");
    let mut found = Vec::new();
    for rest in code.split("crate::core::").skip(1) {
        match rest.strip_prefix('{') {
            Some(group) => found.extend(first_words(group)),
            None => found.push(word(rest)),
        }
    }
    found
}

fn word(text: &str) -> String {
    text.trim_start().chars().take_while(|letter| letter.is_alphanumeric() || *letter == '_').collect()
}

/// The first words of the paths in a group of a `use`, up to the brace that ends it.
fn first_words(group: &str) -> Vec<String> {
    let (mut depth, mut begins, mut found) = (0, true, Vec::new());
    for (at, letter) in group.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => begins = true,
            letter if begins && !letter.is_whitespace() => {
                found.push(word(&group[at..]));
                begins = false;
            }
            _ => {}
        }
    }
    found
}

/// What a file of a room names and must not: a room above, the core's own files, or anything by a way that this test
/// cannot follow.
fn broken(room: &str, text: &str) -> Vec<String> {
    let below = ROOMS.iter().take_while(|below| **below != room);
    let allowed: Vec<&str> = below.copied().chain([room, STATE]).collect();
    let mut broken: Vec<String> =
        named(text).into_iter().filter(|name| !allowed.contains(&name.as_str())).collect();
    let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    let hidden =
        |line: &&str| ["super::super", "crate::core;", "crate::{"].iter().any(|way| line.contains(way));
    broken.extend(code.filter(hidden).map(ToOwned::to_owned));
    broken
}

#[test]
fn no_room_names_one_above_it() {
    let mut wrong = Vec::new();
    for room in ROOMS {
        let files = files(&core().join(room));
        assert!(files.len() > 5, "{room} is nearly empty: has it been renamed?");
        for file in files {
            let text = fs::read_to_string(&file).unwrap();
            wrong.extend(broken(room, &text).into_iter().map(|what| format!("{}: {what}", file.display())));
            let is_face = file.parent() == Some(&core().join(room)) && file.ends_with("mod.rs");
            if is_face && text.lines().any(|line| line.contains("use super::")) {
                wrong.push(format!("{}: takes from above the room", file.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_folder_of_the_core_is_a_room() {
    let folders = fs::read_dir(core()).unwrap().map(|entry| entry.unwrap());
    // Git leaves an empty folder behind where a file that it does not know was in it.
    let folders = folders.filter(|folder| folder.path().is_dir() && !files(&folder.path()).is_empty());
    let mut folders: Vec<String> =
        folders.map(|folder| folder.file_name().to_string_lossy().into_owned()).collect();
    folders.sort_unstable();
    let mut rooms = ROOMS.map(str::to_owned);
    rooms.sort_unstable();
    assert_eq!(folders, rooms);
}

#[test]
fn a_room_above_is_found_however_it_is_named() {
    for text in [
        "use crate::core::door::fault;",
        "use crate::core::{Core, machinery::ids, services::{blob, monitor}};",
        "use crate::core::{\n    Core,\n    door,\n};",
        "    crate::core::services::scoring::answer(core)",
        "use crate::core::service;",
        "use super::super::door;",
        "use crate::core;",
        "use crate::{core::door, wire};",
    ] {
        assert!(!broken("resources", text).is_empty(), "let through: {text}");
    }
    for text in [
        "use crate::core::Core;",
        "use crate::core::{Core, machinery::{ids, json}, resources::job};",
        "/// As `crate::core::door::fault` does.",
        "use crate::wire::Request;",
    ] {
        assert_eq!(broken("resources", text), Vec::<String>::new(), "{text}");
    }
}
