//! Patterns in which `*` stands for any text.

/// Whether `text` is like `pattern`, where `*` stands for any text, without regard to case. Clients send patterns
/// too, so it takes no longer than the lengths of both multiplied: only the last star is ever tried again, since
/// whatever an earlier one could skip, a later one can.
pub(crate) fn like(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut expected, mut read) = (0, 0);
    let mut star = None;
    while read < text.len() {
        match pattern.get(expected) {
            Some(b'*') => {
                star = Some((expected + 1, read));
                expected += 1;
            }
            Some(byte) if byte.eq_ignore_ascii_case(&text[read]) => {
                expected += 1;
                read += 1;
            }
            _ => {
                let Some((after, skipped)) = star else { return false };
                star = Some((after, skipped + 1));
                (expected, read) = (after, skipped + 1);
            }
        }
    }
    pattern[expected..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::like;

    #[test]
    fn stars_stand_for_any_text() {
        for pattern in ["*", "a*", "*C", "a*b*c", "abc", "**a**b*c**", "A*C"] {
            assert!(like(pattern, "abc"), "{pattern}");
        }
        for pattern in ["", "a", "ab", "abcd", "*b", "b*", "a*d*c", "a*c*c"] {
            assert!(!like(pattern, "abc"), "{pattern}");
        }
        assert!(like("*ab*abc", "ababxabc") && like("", "") && like("*", "") && !like("a", ""));
    }

    #[test]
    fn many_stars_take_no_time() {
        assert!(!like(&format!("{}b", "*a".repeat(30)), &"a".repeat(2000)));
    }
}
