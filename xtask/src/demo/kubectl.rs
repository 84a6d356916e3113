//! kubectl, with every command printed as the reader would type it.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use e2e::stand::Error;
use tokio::process::Command;

use super::narration::Narration;
use super::{PATIENCE, home};
use crate::repository;

/// How often a wait says what it waits for.
const WORD: Duration = Duration::from_secs(4);

/// A kubectl of one cluster.
pub(super) struct Kubectl {
    pub(super) program: PathBuf,
    pub(super) kubeconfig: PathBuf,
}

impl Kubectl {
    /// Runs a command, and prints it with what it answers. Paths are the repository's.
    pub(super) async fn run(&self, narration: &Narration, line: &[&str]) -> Result<String, Error> {
        narration.command(&typed(line));
        let answer = self.quietly(line).await?;
        narration.answer(&answer);
        Ok(answer)
    }

    /// Runs a command without a word.
    pub(super) async fn quietly(&self, line: &[&str]) -> Result<String, Error> {
        let output = self.command(line).output().await?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let said = String::from_utf8_lossy(&output.stderr);
        Err(format!("`{}` said: {}", typed(line), said.trim()).into())
    }

    /// `kubectl wait` for an object of the story, with a word about it now and then.
    pub(super) async fn wait(
        &self,
        narration: &mut Narration,
        what: &str,
        condition: &str,
    ) -> Result<(), Error> {
        let until = format!("--for={condition}");
        let timeout = format!("--timeout={}s", PATIENCE.as_secs());
        let line = ["wait", &until, what, "-n", home(what), &timeout];
        narration.about = Some(what.into());
        narration.command(&typed(&line));
        let begun = Instant::now();
        let waiting = self.command(&line).output();
        tokio::pin!(waiting);
        let output = loop {
            if let Ok(output) = tokio::time::timeout(WORD, &mut waiting).await {
                break output?;
            }
            let word = self.ready_message(what).await;
            narration.say(format!("  … {:.0} s: {word}", begun.elapsed().as_secs_f32()));
        };
        narration.answer(&String::from_utf8_lossy(&output.stdout));
        if output.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr);
        let word = self.ready_message(what).await;
        Err(format!("{what} did not come to {condition} ({}); it says: {word}", said.trim()).into())
    }

    async fn ready_message(&self, what: &str) -> String {
        let path = r#"jsonpath={.status.conditions[?(@.type=="Ready")].message}"#;
        let answer = self.quietly(&["get", what, "-n", home(what), "-o", path]).await;
        answer.unwrap_or_default().trim().to_string()
    }

    fn command(&self, line: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(line).env("KUBECONFIG", &self.kubeconfig).current_dir(repository());
        command.stdin(Stdio::null()).kill_on_drop(true);
        command
    }
}

/// The command as one types it.
fn typed(line: &[&str]) -> String {
    let plain = |word: &str| word.chars().all(|c| c.is_ascii_alphanumeric() || "-_./=:,@%+".contains(c));
    let words = line.iter().map(|word| if plain(word) { (*word).to_string() } else { format!("'{word}'") });
    format!("kubectl {}", words.collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    use super::typed;

    #[test]
    fn what_a_shell_would_change_is_quoted() {
        let line = ["get", "amlbind/taxi-fare", "-o", "jsonpath={.status}"];
        assert_eq!(typed(&line), "kubectl get amlbind/taxi-fare -o 'jsonpath={.status}'");
    }
}
