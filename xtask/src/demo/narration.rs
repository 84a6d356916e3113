//! How the story is told in a terminal: chapters, commands with their answers, and checks.

use std::time::Instant;

use e2e::stand::Error;

/// Longest line of an answer; a longer one goes on in the next line.
const WIDTH: usize = 140;

/// What was told so far.
pub(super) struct Narration {
    begun: Instant,
    chapters: usize,
    checks: usize,
    /// The object that the story waits for, as kubectl names it.
    pub(super) about: Option<String>,
}

impl Narration {
    pub(super) fn new() -> Self {
        Self { begun: Instant::now(), chapters: 0, checks: 0, about: None }
    }

    /// Begins a chapter.
    pub(super) fn chapter(&mut self, title: &str, what: &str) {
        self.chapters += 1;
        println!("\n── {} · {title}  ({:.0} s)", self.chapters, self.begun.elapsed().as_secs_f32());
        println!("   {what}\n");
    }

    /// A line of progress or explanation.
    #[allow(clippy::unused_self)]
    pub(super) fn say(&self, line: impl AsRef<str>) {
        println!("   {}", line.as_ref());
    }

    /// A command that is about to run.
    #[allow(clippy::unused_self)]
    pub(super) fn command(&self, line: &str) {
        println!("   $ {line}");
    }

    /// What a command answered.
    #[allow(clippy::unused_self)]
    pub(super) fn answer(&self, text: &str) {
        for line in text.lines() {
            for part in wrapped(line) {
                println!("     {part}");
            }
        }
    }

    /// Something that has to be so, or else the demo has failed.
    pub(super) fn check(
        &mut self,
        what: impl AsRef<str>,
        holds: bool,
        found: impl FnOnce() -> String,
    ) -> Result<(), Error> {
        let what = what.as_ref();
        if holds {
            self.checks += 1;
            println!("   ✓ {what}");
            return Ok(());
        }
        println!("   ✗ {what}");
        Err(format!("it did not come true that {what}: {}", found()).into())
    }

    /// The end.
    pub(super) fn summary(&self) {
        println!(
            "\n── The end: {} chapters, {} checks, all came true, in {:.0} s",
            self.chapters,
            self.checks,
            self.begun.elapsed().as_secs_f32()
        );
    }
}

/// A line in parts that fit, broken at spaces where there are any.
fn wrapped(line: &str) -> Vec<&str> {
    let mut parts = vec![];
    let mut rest = line;
    while let Some((end, _)) = rest.char_indices().nth(WIDTH) {
        let at = rest[..end].rfind(' ').filter(|at| !rest[..*at].trim().is_empty()).unwrap_or(end);
        parts.push(&rest[..at]);
        rest = rest[at..].trim_start();
    }
    parts.push(rest);
    parts
}

#[cfg(test)]
mod tests {
    use super::{WIDTH, wrapped};

    #[test]
    fn long_lines_are_broken_at_spaces() {
        assert_eq!(wrapped("NAME  READY"), ["NAME  READY"]);
        assert_eq!(wrapped(""), [""]);
        let (long, word) = ("x".repeat(WIDTH - 3), "y".repeat(WIDTH + 2));
        assert_eq!(wrapped(&format!("{long} yes {word}")), [&long, "yes", &word[2..], "yy"]);
    }
}
