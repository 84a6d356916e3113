//! `cargo xtask contract`: Microsoft's documents, which lie beside the checkout if at all, become the data files from
//! which the emulator checks bodies and its tests check answers. The files are checked in, so that a clone without
//! the documents has them. Of the documents they keep names and facts; descriptions are not taken over.

mod answers;
mod requests;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use azureml_emulator::contract::Contract;
use serde_json::Value;

use crate::{Outcome, repository};

/// The bodies of requests.
const ARM_SCHEMA: &str = "arm-schema-2025-09-01.json";
/// Operations, and what they answer.
const SPECIFICATION: &str = "openapi-2025-09-01.reconstructed.json";

const REQUESTS: &str = "emulator/contract/requests.schema";
const ANSWERS: &str = "emulator/contract/answers.schema";

const HEADER: &str = "\
# Made by `cargo xtask contract` from Microsoft's documents of api-version 2025-09-01; do not edit it. What is
# ours stands in ours.schema. The notation is explained in emulator/src/contract/mod.rs.
#
";
const OF_REQUESTS: &str = "\
# The bodies of PUTs as the ARM schema has them. Where it says less of a field than the specification, which calls it
# a duration or lets it have a fraction, it is what the specification says.

";
const OF_ANSWERS: &str = "\
# All operations of the specification, and the types of those that are about resources that the emulator serves.

";

/// What `cargo xtask contract` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The folder of the documents
    #[arg(long, default_value = "../shared/azure-ml", value_name = "FOLDER")]
    from: PathBuf,
    /// Change nothing; fail when a file is not what the documents say
    #[arg(long)]
    check: bool,
}

/// What the documents say that cannot be put into the files.
#[derive(Debug, thiserror::Error)]
enum NotUnderstood {
    #[error("{file}: {error}")]
    Unreadable { file: PathBuf, error: io::Error },
    #[error("{file}: {error}")]
    NoJson { file: PathBuf, error: serde_json::Error },
    #[error("{place}: this is not understood: {what}")]
    Shape { place: String, what: String },
    #[error("types that nothing describes: {0}")]
    Unknown(String),
}

/// Runs `cargo xtask contract`.
pub(crate) fn run(arguments: &Arguments) -> Outcome {
    let folder = repository().join(&arguments.from);
    let mut differing = Vec::new();
    for (path, text) in made(&folder)? {
        let file = repository().join(path);
        if fs::read_to_string(&file).is_ok_and(|known| known == text) {
            continue;
        }
        if !arguments.check {
            fs::write(&file, text)?;
            println!("wrote {path}");
        }
        differing.push(path);
    }
    match (arguments.check, differing.is_empty()) {
        (_, true) => println!("everything was up to date"),
        (false, false) => {}
        (true, false) => {
            let them = differing.join("\n  ");
            return Err(format!(
                "not what the contract says:\n  {them}\nrun `cargo xtask contract`, and commit them"
            )
            .into());
        }
    }
    Ok(())
}

/// The files, by their paths below the repository.
fn made(folder: &Path) -> Result<[(&'static str, String); 2], NotUnderstood> {
    let (schema, specification) = (read(&folder.join(ARM_SCHEMA))?, read(&folder.join(SPECIFICATION))?);
    let requests = complete(requests::of(&schema, &specification)?)?;
    let answers = complete(answers::of(&specification)?)?;
    Ok([
        (REQUESTS, format!("{HEADER}{OF_REQUESTS}{requests}")),
        (ANSWERS, format!("{HEADER}{OF_ANSWERS}{answers}")),
    ])
}

fn read(file: &Path) -> Result<Value, NotUnderstood> {
    let text = fs::read_to_string(file)
        .map_err(|error| NotUnderstood::Unreadable { file: file.to_owned(), error })?;
    serde_json::from_str(&text).map_err(|error| NotUnderstood::NoJson { file: file.to_owned(), error })
}

/// Refuses a contract that uses what it does not describe.
fn complete(contract: Contract) -> Result<Contract, NotUnderstood> {
    let unknown: Vec<&str> = contract.unknown().into_iter().collect();
    if unknown.is_empty() { Ok(contract) } else { Err(NotUnderstood::Unknown(unknown.join(", "))) }
}

fn not_understood(place: &str, what: &Value) -> NotUnderstood {
    NotUnderstood::Shape { place: place.to_owned(), what: what.to_string() }
}

/// The name at the end of a reference.
fn referred(schema: &Value) -> Option<&str> {
    schema["$ref"].as_str()?.rsplit('/').next()
}

/// The words of an array of strings; none when it is something else.
fn words(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).map(ToOwned::to_owned).collect()
}

/// Bounds of a text's or a number's value.
fn bound<T: TryFrom<i64>>(schema: &Value, name: &str) -> Option<T> {
    schema[name].as_i64()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_are_what_the_documents_say() -> Outcome {
        let folder = repository().join("../shared/azure-ml");
        if !folder.is_dir() {
            println!("skipped: Microsoft's documents are not beside this checkout");
            return Ok(());
        }
        run(&Arguments { from: folder, check: true })
    }

    #[test]
    fn what_is_checked_in_is_whole_and_written_as_it_would_be_made() -> Outcome {
        for path in [REQUESTS, ANSWERS] {
            let text = fs::read_to_string(repository().join(path))?;
            let contract: Contract = text.parse()?;
            assert!(text.ends_with(&contract.to_string()), "{path} was edited");
            assert!(text.starts_with(HEADER), "{path} does not say where it comes from");
            complete(contract)?;
        }
        Ok(())
    }
}
