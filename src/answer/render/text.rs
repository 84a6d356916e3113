//! Foreign text on one line.

use std::borrow::Cow;

use crate::azure::model::{is_unseen, visible};

/// The text without line breaks, tabs, control characters and characters that change the direction of what is read: each is
/// written as JSON escapes it, such as `\n` or `\u202e`.
pub fn one_line(text: &str) -> Cow<'_, str> {
    if text.chars().any(is_unseen) { Cow::Owned(visible(text)) } else { Cow::Borrowed(text) }
}
