//! Foreign text on one line.

use std::borrow::Cow;
use std::fmt::Write;

use crate::azure::model::is_unseen;

/// The text without line breaks, tabs, control characters and characters that change the direction of what is read: each is
/// written as JSON escapes it, such as `\n` or `\u202e`.
pub fn one_line(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_unseen) {
        return Cow::Borrowed(text);
    }
    let mut line = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '\n' => line.push_str("\\n"),
            '\r' => line.push_str("\\r"),
            '\t' => line.push_str("\\t"),
            c if is_unseen(c) => push_escape(&mut line, c),
            c => line.push(c),
        }
    }
    Cow::Owned(line)
}

/// Appends a character as JSON escapes it: one or two groups of four hexadecimal digits.
pub(super) fn push_escape(line: &mut String, c: char) {
    for unit in c.encode_utf16(&mut [0; 2]) {
        // Writing into a String cannot fail.
        let _ = write!(line, "\\u{unit:04x}");
    }
}
