//! The last lines of the log of a deployment that failed, for its history (azure-ml-2.md O).

use super::model::Answer;
use super::{Client, said};
use crate::azure::model::{Errand, ResourceId, redacted, visible};

/// The containers that are asked, in this order: where the model's own has never begun, the one that fetches its files may say why.
const CONTAINERS: [&str; 2] = ["InferenceServer", "StorageInitializer"];
/// So many lines are asked for: some of them may be empty.
const ASKED: u32 = 100;
/// So many lines are kept.
const LINES: usize = 20;
/// So many characters of each.
const CHARACTERS: usize = 200;
/// So many characters of a line are looked at: what somebody writes without a line break must not make the look long.
const LOOKED_AT: usize = 2000;

impl Client {
    pub(super) async fn log(&self, errand: &Errand, deployment: &ResourceId) -> Result<Answer, String> {
        for container in CONTAINERS {
            let log = self.azure.log(errand, deployment, container, ASKED).await.map_err(|e| said(&e))?;
            let lines = last_lines(&log);
            if !lines.is_empty() {
                return Ok(Answer::Lines(lines));
            }
        }
        Ok(Answer::Lines(vec![]))
    }
}

/// The end of a log as others may see it: without what looks like a secret, and with every character to be seen.
fn last_lines(log: &str) -> Vec<String> {
    let mut last: Vec<String> =
        log.lines().rev().map(presentable).filter(|it| !it.is_empty()).take(LINES).collect();
    last.reverse();
    last
}

fn presentable(line: &str) -> String {
    let line: String = without_colors(line).chars().take(LOOKED_AT).collect();
    let line = visible(&redacted(&line.replace('\t', "    ")));
    let line = line.trim_end();
    match line.char_indices().nth(CHARACTERS - 1) {
        Some((end, last)) if end + last.len_utf8() < line.len() => format!("{}…", &line[..end]),
        _ => line.into(),
    }
}

/// A line without the sequences by which a terminal is told of colours: `ESC [ … m`. Whatever else there is stays to be seen.
fn without_colors(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(at) = rest.find("\u{1b}[") {
        let told = &rest[at + 2..];
        let end = told.find(|c: char| !c.is_ascii_digit() && c != ';').unwrap_or(told.len());
        let is_color = told[end..].starts_with('m');
        out.push_str(&rest[..if is_color { at } else { at + 2 }]);
        rest = if is_color { &told[end + 1..] } else { told };
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_are_fit_for_a_status() {
        let table = [
            ("", vec![]),
            ("\n  \n\r\n", vec![]),
            ("first\r\nsecond\n\n", vec!["first", "second"]),
            ("\tFile \"score.py\"", vec!["    File \"score.py\""]),
            ("\u{1b}[1;31mred\u{1b}[0m \u{1b}[2Jgone \u{202e}abc", vec!["red \\u001b[2Jgone \\u202eabc"]),
            ("a\u{0}b\rc", vec!["a\\u0000b\\rc"]),
            ("DB_PASSWORD=hunter2 sig=abc%2F", vec!["DB_PASSWORD=*** sig=***"]),
            ("Authorization: Bearer abcdefghijklmnop1234", vec!["Authorization: Bearer ***"]),
            ("{\"apiKey\": \"abc\"}", vec!["{\"apiKey\": \"***\"}"]),
        ];
        for (log, expected) in table {
            assert_eq!(last_lines(log), expected, "{log:?}");
        }
    }

    #[test]
    fn no_log_makes_a_status_large_or_a_look_long() {
        let many: Vec<String> = (0..5000).map(|n| format!("line {n}")).collect();
        let lines = last_lines(&many.join("\n"));
        assert_eq!((lines.len(), lines[0].as_str(), lines[19].as_str()), (20, "line 4980", "line 4999"));
        let long = ["ä".repeat(199), "ä".repeat(200), "ä".repeat(201)].join("\n");
        let lengths: Vec<usize> = last_lines(&long).iter().map(|it| it.chars().count()).collect();
        assert_eq!(lengths, [199, 200, 200]);
        assert!(last_lines(&long)[2].ends_with('…'));
        // A secret that the end of what is looked at cuts is hidden all the same.
        let hidden = format!("{} password={}", "x".repeat(100), "y1".repeat(5000));
        assert_eq!(last_lines(&hidden), [format!("{} password=***", "x".repeat(100))]);
        let began = std::time::Instant::now();
        last_lines(&"a=".repeat(8_000_000));
        assert!(began.elapsed().as_secs() < 5, "{:?}", began.elapsed());
    }
}
