//! The log: one line for each event, whatever is in its values, and no secrets.

use std::io::{self, Write};

use clap::ValueEnum;
use tracing::Subscriber;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use crate::azure::model::{redacted, visible};

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum LogFormat {
    Text,
    Json,
}

/// Whoever writes the log.
pub(super) fn subscriber<W>(format: LogFormat, filter: EnvFilter, to: W) -> Box<dyn Subscriber + Send + Sync>
where
    W: for<'a> MakeWriter<'a> + Clone + Send + Sync + 'static,
{
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false).with_writer(Lines(to));
    match format {
        LogFormat::Text => Box::new(log.finish()),
        LogFormat::Json => Box::new(log.json().finish()),
    }
}

/// Writes each event, which comes as a whole, as one line.
#[derive(Clone)]
struct Lines<W>(W);

impl<'a, W: MakeWriter<'a>> MakeWriter<'a> for Lines<W> {
    type Writer = Lines<W::Writer>;

    fn make_writer(&'a self) -> Self::Writer {
        Lines(self.0.make_writer())
    }
}

impl<W: Write> Write for Lines<W> {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        self.0.write_all(line(&String::from_utf8_lossy(event)).as_bytes())?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// One line, in which everything can be seen.
fn line(event: &str) -> String {
    visible(&redacted(event.strip_suffix('\n').unwrap_or(event))) + "\n"
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::heard::Log;

    fn heard(format: LogFormat, tell: impl FnOnce()) -> Vec<String> {
        let log = Log::default();
        let to = log.clone();
        let filter = EnvFilter::new("info");
        tracing::subscriber::with_default(subscriber(format, filter, move || to.clone()), tell);
        log.lines()
    }

    #[test]
    fn nobody_forges_a_line_or_shows_a_secret() {
        let forged = "taxi\n2026-01-01T00:00:00Z ERROR bindery: all is lost\r\u{1b}[31m\u{202e}";
        let signed = "https://a.example/b?sv=1&sig=SECRET";
        let tell = || {
            tracing::warn!(object = %forged, url = signed, "looked at {forged} and {signed}");
            tracing::info!("next");
        };
        for format in [LogFormat::Text, LogFormat::Json] {
            let lines = heard(format, tell);
            assert_eq!(lines.len(), 2, "{lines:#?}");
            assert!(!lines[0].contains("SECRET") && lines[0].contains("https://a.example/b"), "{lines:#?}");
            assert!(
                lines[0].contains("taxi\\n2026") && !lines[0].contains(['\r', '\u{1b}', '\u{202e}']),
                "{lines:#?}"
            );
        }
        for line in heard(LogFormat::Json, tell) {
            assert!(serde_json::from_str::<Value>(&line).is_ok(), "{line}");
        }
    }
}
