//! The rooms of `src` and what each may name (see `docs/decisions/0009-one-shell.md`): a file that names more is refused
//! here, with the path that it names.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};

/// A room, the paths of this crate that it may name, and words that have no business in it.
struct Room {
    folder: &'static str,
    names: &'static [&'static str],
    never: &'static [&'static str],
}

/// Whatever waits, asks or measures.
const WORLD: &[&str] = &[
    "kube::Client",
    "kube::runtime",
    "tokio",
    "reqwest",
    "tracing",
    "azure_core",
    "azure_identity",
    "Timestamp::now",
    "SystemTime",
    "Instant",
    "async fn",
    "std::env",
    "std::fs",
];

const ROOMS: &[Room] = &[
    Room { folder: "api", names: &["api", "azure::model"], never: WORLD },
    Room { folder: "azure/model", names: &["azure::model"], never: WORLD },
    // No certificate goes unverified: what would allow that has `danger` in its name, in reqwest as in rustls.
    Room { folder: "azure/client", names: &["azure", "outage"], never: &["kube", "k8s_openapi", "danger"] },
    Room { folder: "measure/model", names: &["azure::model"], never: WORLD },
    Room {
        folder: "measure",
        names: &["azure", "measure", "outage"],
        never: &["kube", "k8s_openapi", "danger"],
    },
    Room { folder: "decide", names: &["api", "azure::model", "decide", "measure::model"], never: WORLD },
    // The concepts of a rollout know nothing of the object that they are used for.
    Room {
        folder: "decide/rollout",
        names: &["api", "azure::model", "decide", "measure::model"],
        never: &["deployment_binding", "model_version"],
    },
    // What was read in, text out: an answer asks nobody but the operator's own rules, and does not know what a terminal is.
    Room { folder: "answer", names: &["answer", "api", "azure::model", "decide"], never: WORLD },
    Room { folder: "outage", names: &["outage"], never: &["kube", "tokio", "reqwest", "async fn"] },
    // It serves whatever is given to it, and knows nothing of objects.
    Room { folder: "serve", names: &["serve"], never: &["kube", "k8s_openapi", "reqwest"] },
    // The shell holds no rule about models, places or who may refer to whom.
    Room {
        folder: "controller",
        names: &["api", "azure", "controller", "decide", "measure", "outage"],
        never: &[
            "model::resource",
            "decide::deployment_binding",
            "decide::model_version",
            "decide::places",
            "decide::rollout",
            "allowed_namespaces",
        ],
    },
];

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// The files of a folder, and the file of the same name beside it, without tests.
fn files(folder: &Path) -> Vec<PathBuf> {
    // A room can be one file.
    let entries = fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path());
    let own = folder.with_extension("rs");
    let inside = entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] });
    let test = |path: &PathBuf| {
        path.components().any(|c| {
            matches!(c.as_os_str().to_str(), Some("tests" | "tests.rs" | "fixtures" | "fixtures.rs"))
        })
    };
    inside.chain(own.exists().then_some(own)).filter(|path| !test(path)).collect()
}

/// The code of a file, without comments and without the tests at its end.
fn code(text: &str) -> String {
    let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
    let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
}

/// What a room names and must not.
fn faults(room: &Room, code: &str) -> Vec<String> {
    let named = code.split("crate::").skip(1).map(|rest| {
        let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':')).unwrap_or(rest.len());
        rest[..end].to_string()
    });
    let allowed = |path: &String| {
        room.names
            .iter()
            .any(|name| path == name || path.strip_prefix(name).is_some_and(|rest| rest.starts_with("::")))
    };
    let strange = named.filter(|path| !allowed(path)).map(|path| format!("crate::{path}"));
    let never = room.never.iter().filter(|word| code.contains(*word)).map(ToString::to_string);
    strange.chain(never).collect()
}

#[test]
fn every_room_names_only_what_it_may() {
    let mut wrong = vec![];
    for room in ROOMS {
        let all = files(&source().join(room.folder));
        assert!(!all.is_empty(), "there is no room {}", room.folder);
        for file in all {
            for fault in faults(room, &code(&fs::read_to_string(&file).unwrap())) {
                let file = file.strip_prefix(source()).unwrap().display().to_string();
                wrong.push(format!("{file} names {fault}, which is not for {}", room.folder));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[test]
fn what_a_room_must_not_name_is_found() {
    let decide = ROOMS.iter().find(|room| room.folder == "decide").unwrap();
    for (code, expected) in [
        ("use crate::azure::model::{Call, Reply};\nuse crate::api::Reason;", vec![]),
        ("use crate::azure::client::Azure;", vec!["crate::azure::client::Azure"]),
        ("use crate::{api, controller};", vec!["crate::"]),
        ("let now = Timestamp::now();", vec!["Timestamp::now"]),
        ("use crate::azure::modelling::X;", vec!["crate::azure::modelling::X"]),
    ] {
        assert_eq!(faults(decide, code), expected, "{code}");
    }
    assert_eq!(code("// use crate::x\nfn a() {}\n#[cfg(test)]\nmod tests {\nuse crate::y;"), "fn a() {}");
}
