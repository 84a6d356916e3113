//! `cargo xtask codegen`: the files that are made from the code, and checked in so that people can
//! read and apply them without building anything.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::PathBuf;

use crate::{Outcome, repository};

/// Where the definitions go: for `kubectl apply -f crds/`, and for the chart, which cannot reach
/// outside of its own folder.
const FOLDERS: [&str; 2] = ["crds", "charts/bindery/files/crds"];

const HEADER: &str = "# Made from src/api by `cargo xtask codegen`; edit it there.\n";

/// What `cargo xtask codegen` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Change nothing; fail when a file is not what the code says, and name it
    #[arg(long)]
    check: bool,
}

/// Runs `cargo xtask codegen`.
pub(crate) fn run(arguments: &Arguments) -> Outcome {
    let differing = differing(&wanted()?)?;
    if arguments.check {
        return refuse(&differing);
    }
    for (path, text) in &differing {
        let file = repository().join(path);
        if let Some(text) = text {
            if let Some(folder) = file.parent() {
                fs::create_dir_all(folder)?;
            }
            fs::write(file, text)?;
            println!("wrote {path}");
        } else {
            fs::remove_file(file)?;
            println!("removed {path}");
        }
    }
    if differing.is_empty() {
        println!("everything was up to date");
    }
    Ok(())
}

/// Fails when a file is not what the code says.
pub(crate) fn check() -> Outcome {
    refuse(&differing(&wanted()?)?)
}

/// Every file and its text, by path below the repository.
fn wanted() -> Result<BTreeMap<String, String>, serde_yaml::Error> {
    let mut files = BTreeMap::new();
    for (name, yaml) in bindery::command::crd_yaml()? {
        for folder in FOLDERS {
            files.insert(format!("{folder}/{name}"), format!("{HEADER}{yaml}"));
        }
    }
    Ok(files)
}

/// The files that have to change: to this text or, where there is none, away.
fn differing(wanted: &BTreeMap<String, String>) -> io::Result<BTreeMap<String, Option<String>>> {
    let mut files = BTreeMap::new();
    for (path, text) in wanted {
        if read(path)?.as_ref() != Some(text) {
            files.insert(path.clone(), Some(text.clone()));
        }
    }
    for folder in FOLDERS {
        let Ok(entries) = fs::read_dir(repository().join(folder)) else { continue };
        for entry in entries {
            let path = format!("{folder}/{}", entry?.file_name().display());
            let made = read(&path)?.is_some_and(|text| text.starts_with(HEADER));
            if made && !wanted.contains_key(&path) {
                files.insert(path, None);
            }
        }
    }
    Ok(files)
}

fn read(path: &str) -> io::Result<Option<String>> {
    let file: PathBuf = repository().join(path);
    match fs::read_to_string(file) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn refuse(differing: &BTreeMap<String, Option<String>>) -> Outcome {
    if differing.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = differing.keys().map(String::as_str).collect();
    let them = names.join("\n  ");
    Err(format!("not what the code says:\n  {them}\nrun `cargo xtask codegen`, and commit them").into())
}
