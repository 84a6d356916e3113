//! The developer's login: the Azure CLI gives a token. `azure_identity` says what to run, and reads the answer.

use std::ffi::{OsStr, OsString};
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::process::{Output, Stdio};

use azure_identity::Executor;
use tokio::process::Command;

use crate::azure::model::{Class, Error, presentable};

/// What a shell answers for a program that it does not find.
const NOT_FOUND: i32 = 127;

/// Runs `az`, which asks nobody anything.
#[derive(Debug)]
pub(super) struct Az {
    /// Where it is looked for: folders with colons between them.
    pub(super) path: OsString,
}

impl Az {
    async fn output(&self, program: &OsStr, arguments: &[&OsStr]) -> io::Result<Output> {
        let mut command = Command::new(program);
        command.args(arguments).env("PATH", &self.path).stdin(Stdio::null()).kill_on_drop(true);
        let output = command.output().await?;
        if output.status.success() { Ok(output) } else { Err(io::Error::other(refusal(&output))) }
    }
}

/// Why `az` gave no token. Its own words are good: they say what to run.
fn refusal(output: &Output) -> Error {
    let said = String::from_utf8_lossy(&output.stderr);
    let said = said.trim().trim_start_matches("ERROR:").trim();
    let why = match output.status.code() {
        Some(NOT_FOUND) => {
            "there is no program az on the PATH. Install the Azure CLI, or choose another --credential."
                .to_owned()
        }
        Some(code) if said.is_empty() => format!("az ended with {code}, and did not say why."),
        None => "az was killed.".to_owned(),
        Some(_) => said.to_owned(),
    };
    Error::new(Class::Credential, presentable(&format!("The Azure CLI gave no token: {why}")))
}

impl Executor for Az {
    // What `#[async_trait]` makes of `async fn run(&self, program: &OsStr, args: &[&OsStr])`.
    fn run<'a, 'b, 'c, 'd, 'e>(
        &'a self,
        program: &'b OsStr,
        arguments: &'c [&'d OsStr],
    ) -> Pin<Box<dyn Future<Output = io::Result<Output>> + Send + 'e>>
    where
        'a: 'e,
        'b: 'e,
        'c: 'e,
        'd: 'e,
        Self: 'e,
    {
        Box::pin(self.output(program, arguments))
    }
}
