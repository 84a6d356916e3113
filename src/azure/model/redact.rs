//! Text that others may see: conditions, events, errors and the log. Azure's messages quote what they were given, URLs
//! with signatures and connection strings among it, and people write secrets where none belong.

use std::fmt::Write as _;

/// What stands in the place of a secret.
const HIDDEN: &str = "***";

/// Characters of a message in an [`Error`](super::Error).
const MESSAGE: usize = 600;

/// Characters of a code or a correlation id.
const WORD: usize = 100;

/// How the names of what is secret end, in small letters and without `-` and `_`: `AccountKey`, `client_secret`, `sig`.
const SECRETS: [&str; 14] = [
    "sig",
    "signature",
    "accountkey",
    "accesskey",
    "sharedkey",
    "primarykey",
    "secondarykey",
    "subscriptionkey",
    "apikey",
    "password",
    "passwd",
    "pwd",
    "secret",
    "assertion",
];

/// The same, where a value has to look like one: the word is too common.
const TOKEN: &str = "token";

/// What ends a value or a URL wherever it stands.
const STOPS: [char; 7] = ['"', '\'', '<', '>', '`', '\\', '|'];

/// The text without what only its owner may know:
/// - the query of every URL, and of what looks like one without its scheme: that is where signatures are,
/// - a fragment that assigns something,
/// - a user name with its password in front of a host,
/// - the values of `sig`, `AccountKey`, `password` and the like, in whatever they are written,
/// - tokens: JSON web tokens, and what follows `Bearer`.
///
/// Everything else is left as it is, also inside JSON.
pub fn redacted(text: &str) -> String {
    let named = without_named(text);
    let mut out = String::with_capacity(named.len());
    let mut before = "";
    for piece in named.split_inclusive(char::is_whitespace) {
        let word = piece.trim_end_matches(char::is_whitespace);
        let scheme = before.trim_matches(|c: char| !c.is_alphanumeric()).to_ascii_lowercase();
        if matches!(scheme.as_str(), "bearer" | "basic" | "sharedkey") && is_opaque(word) {
            out.push_str(HIDDEN);
        } else {
            push_word(word, &mut out);
        }
        out.push_str(&piece[word.len()..]);
        if !word.is_empty() {
            before = word;
        }
    }
    out
}

/// Fit for a condition: [`redacted`], one line, without characters that nobody sees, and no longer than 600 characters.
pub fn presentable(message: &str) -> String {
    let line = message.split_whitespace().collect::<Vec<_>>().join(" ");
    let line: String = redacted(&line).chars().filter(|c| !is_unseen(*c)).collect();
    cut(line, MESSAGE)
}

/// A code or an id that somebody else gave: [`presentable`], and no longer than 100 characters.
pub fn word(text: &str) -> String {
    cut(presentable(text), WORD)
}

/// The text on one line, with everything in it to be seen: what is not ([`is_unseen`]) is escaped as JSON does it. What is
/// shown so is shown so again.
pub fn visible(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => line.push_str("\\n"),
            '\r' => line.push_str("\\r"),
            '\t' => line.push_str("\\t"),
            c if is_unseen(c) => push_escape(&mut line, c),
            c => line.push(c),
        }
    }
    line
}

/// Appends a character as JSON escapes it: one or two groups of four hexadecimal digits.
pub fn push_escape(line: &mut String, c: char) {
    for unit in c.encode_utf16(&mut [0; 2]) {
        // Writing into a String cannot fail.
        let _ = write!(line, "\\u{unit:04x}");
    }
}

/// A control character, one that ends a line or changes the direction of what is read, or one without a width: Unicode's
/// format characters and fillers.
pub fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}'
            | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}')
}

fn cut(text: String, most: usize) -> String {
    let Some((end, _)) = text.char_indices().nth(most - 1) else { return text };
    if text[end..].chars().nth(1).is_none() {
        return text;
    }
    format!("{}…", &text[..end])
}

/// The values of `name=value`, `name%3Dvalue` and `"name": "value"` hidden where the name is one of a secret.
fn without_named(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut from = 0;
    let mut at = 0;
    while let Some((separator, length)) = next_separator(text, at) {
        at = separator + length;
        let Some(value) = value_after(text, separator, at) else { continue };
        if value.is_empty() {
            continue;
        }
        out.push_str(&text[from..value.start]);
        out.push_str(HIDDEN);
        (from, at) = (value.end, value.end);
    }
    out.push_str(&text[from..]);
    out
}

fn next_separator(text: &str, from: usize) -> Option<(usize, usize)> {
    let bytes = text.as_bytes();
    (from..bytes.len()).find_map(|at| match bytes[at] {
        b'=' | b':' => Some((at, 1)),
        b'%' if bytes[at..].len() > 2 && bytes[at + 1..at + 3].eq_ignore_ascii_case(b"3d") => Some((at, 3)),
        _ => None,
    })
}

/// Where the value is that follows a separator, if it is a secret.
fn value_after(text: &str, separator: usize, after: usize) -> Option<std::ops::Range<usize>> {
    let quote = |c: char| matches!(c, '"' | '\'');
    let (before, rest) = (&text[..separator], &text[after..]);
    if text[separator..].starts_with(':') {
        // A member of JSON, perhaps of JSON in a text of JSON.
        let name = before.trim_end().strip_suffix(quote)?;
        let secret = is_secret(name.strip_suffix('\\').unwrap_or(name));
        let value = rest.trim_start().trim_start_matches('\\').strip_prefix(quote)?;
        let start = text.len() - value.len();
        let end = value.find(['"', '\'', '\\']).unwrap_or(value.len());
        return (secret == Secret::Always || secret == Secret::WhenOpaque && is_opaque(&value[..end]))
            .then_some(start..start + end);
    }
    let secret = is_secret(before.trim_end_matches(quote));
    let value = rest.trim_start_matches(quote);
    let start = text.len() - value.len();
    let ends = |c: char| c.is_whitespace() || STOPS.contains(&c) || matches!(c, '&' | ';');
    let end = value.find(ends).unwrap_or(value.len());
    // A nested URL that is encoded: `…%26next`.
    let end = value[..end].to_ascii_lowercase().find("%26").unwrap_or(end);
    let value = value[..end].trim_end_matches([',', '.', ')', ']', '}']);
    (secret == Secret::Always || secret == Secret::WhenOpaque && is_opaque(value))
        .then_some(start..start + value.len())
}

#[derive(PartialEq, Eq)]
enum Secret {
    Always,
    WhenOpaque,
    Never,
}

fn is_secret(before: &str) -> Secret {
    let name: Vec<char> = before.chars().rev().filter(|c| !matches!(c, '-' | '_')).take(16).collect();
    let name: String = name.into_iter().rev().collect::<String>().to_ascii_lowercase();
    if SECRETS.iter().any(|secret| name.ends_with(secret)) {
        Secret::Always
    } else if name.ends_with(TOKEN) {
        Secret::WhenOpaque
    } else {
        Secret::Never
    }
}

/// Long, without a sign that a name or a sentence would have, and with a digit in it.
fn is_opaque(word: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || "._~+/=-:".contains(c);
    let word = word.trim_end_matches([',', ';', '"', '\'', '.']);
    word.len() >= 16 && word.chars().all(fits) && word.contains(|c: char| c.is_ascii_digit())
}

/// A word without user names, queries, fragments that assign, and web tokens.
fn push_word(word: &str, out: &mut String) {
    let mut rest = word;
    while !rest.is_empty() {
        let end = rest.find(STOPS).unwrap_or(rest.len());
        push_part(&rest[..end], out);
        let stop = rest[end..].chars().next().map_or(0, char::len_utf8);
        out.push_str(&rest[end..end + stop]);
        rest = &rest[end + stop..];
    }
}

fn push_part(part: &str, out: &mut String) {
    let mut part = part;
    if let Some(scheme) = part.find("://") {
        let authority = scheme + 3;
        out.push_str(&part[..authority]);
        part = &part[authority..];
        if let Some(host) = part.rfind('@') {
            out.push_str(HIDDEN);
            part = &part[host..];
        }
        return push_until_query(part, true, out);
    }
    push_until_query(part, false, out);
}

fn push_until_query(part: &str, url: bool, out: &mut String) {
    let assigns = |at: usize| part[at..].contains('=');
    let cuts = |(at, c): &(usize, char)| match c {
        '?' => url || assigns(*at),
        '#' => assigns(*at),
        _ => false,
    };
    let Some((at, _)) = part.char_indices().find(cuts) else { return push_without_tokens(part, out) };
    push_without_tokens(&part[..at], out);
    let query = part[at..].trim_end_matches([')', ']', '}', ',', '.', ';', ':', '!', '?']);
    out.push_str(&part[at + query.len()..]);
}

/// A JSON web token begins with `{"` in base64.
fn push_without_tokens(text: &str, out: &mut String) {
    let mut rest = text;
    while let Some(at) = rest.find("eyJ") {
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        let end = rest[at..].find(|c: char| !fits(c)).map_or(rest.len(), |end| at + end);
        out.push_str(&rest[..at]);
        out.push_str(if end - at >= 16 { HIDDEN } else { &rest[at..end] });
        rest = &rest[end..];
    }
    out.push_str(rest);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn secrets_are_hidden_wherever_they_stand_and_the_rest_is_left() {
        for (text, expected) in [
            ("see https://a.example/b?sig=SECRET&x=1 for more", "see https://a.example/b for more"),
            (
                "at 'https://a.example/b?sig=SECRET','https://c.example?t=SECRET'.",
                "at 'https://a.example/b','https://c.example'.",
            ),
            ("(https://a.example/b?sv=1,b&sig=SECRET), then", "(https://a.example/b), then"),
            ("acct.blob.core.windows.net/c/f?sv=1&sig=SECRET", "acct.blob.core.windows.net/c/f"),
            ("https://user:p/s@host/path", "https://***@host/path"),
            ("https://a.example/b#sig=SECRET", "https://a.example/b"),
            ("https://a.example/b#error-outofquota", "https://a.example/b#error-outofquota"),
            (
                "AccountName=n;AccountKey=SECRET+/==;EndpointSuffix=core",
                "AccountName=n;AccountKey=***;EndpointSuffix=core",
            ),
            ("BlobEndpoint=x;SharedAccessSignature=sv=1;x", "BlobEndpoint=x;SharedAccessSignature=***;x"),
            ("p=1;sig=SECRET;q=2", "p=1;sig=***;q=2"),
            (r#"{"password": "my SECRET", "a":"b"}"#, r#"{"password": "***", "a":"b"}"#),
            (r#"{\"client_secret\":\"SECRET\",\"a\":1}"#, r#"{\"client_secret\":\"***\",\"a\":1}"#),
            (r#""https://a.example/b?sv=1\u0026sig=SECRET""#, r#""https://a.example/b\u0026sig=***""#),
            ("next=https%3A%2F%2Fa%3Fsig%3DSECRET%26x%3D1", "next=https%3A%2F%2Fa%3Fsig%3D***%26x%3D1"),
            ("Authorization: Bearer abcdefghijklmnop0123", "Authorization: Bearer ***"),
            ("got eyJhbGciOiJSUzI1NiJ9.eyJhIjoiYiJ9.c2ln, sorry", "got ***, sorry"),
            ("access_token=abcdefghijklmnop0123 x", "access_token=*** x"),
            // What only looks alike.
            (
                "Entra ID gave no token: Invalid client secret provided.",
                "Entra ID gave no token: Invalid client secret provided.",
            ),
            ("is it so? a=b", "is it so? a=b"),
            ("Bearer authentication is needed", "Bearer authentication is needed"),
            ("azureml://registries/r/models/m/versions/1", "azureml://registries/r/models/m/versions/1"),
        ] {
            assert_eq!(redacted(text), expected);
            assert_eq!(redacted(expected), expected, "what is shown is shown as it is");
        }
    }

    #[test]
    fn a_message_is_one_line_that_has_a_bound() {
        assert_eq!(presentable("is it? Yes\r\n\tit is\u{7}\u{202e}\u{61c}"), "is it? Yes it is");
        let long = presentable(&"ö".repeat(5000));
        assert_eq!((long.chars().count(), long.ends_with('…')), (600, true));
        assert_eq!(presentable(&"ö".repeat(600)).chars().last(), Some('ö'));
        assert_eq!(word(&"c".repeat(200)).chars().count(), 100);
    }

    #[test]
    fn whatever_is_not_seen_is_escaped() {
        for (text, expected) in [
            ("a\nb\r\tc", r"a\nb\r\tc"),
            ("\u{1b}[31mred", r"\u001b[31mred"),
            ("next\u{85}line\u{2028}\u{2029}", r"next\u0085line\u2028\u2029"),
            ("\u{202e}turned\u{61c}\u{2066}", r"\u202eturned\u061c\u2066"),
            ("hid\u{200b}den\u{ad}\u{feff}\u{3164}", r"hid\u200bden\u00ad\ufeff\u3164"),
            ("\u{e0041}", r"\udb40\udc41"),
            ("Größe 🚕 文字", "Größe 🚕 文字"),
        ] {
            assert_eq!(visible(text), expected);
            assert_eq!(visible(expected), expected);
        }
    }

    /// A secret, between a beginning and an end that have no secret in them.
    fn written() -> impl Strategy<Value = (String, String)> {
        let secret = "[A-Za-z0-9]{2,8}MARK[0-9]{2}[A-Za-z0-9+/]{8,12}";
        let forms = prop_oneof![
            Just("https://h.example/a?sv=2&sig={}"),
            Just("https://h.example/a?x=1,2&y=3)&sig={}&z=1"),
            Just("h.example/a?sig={}"),
            Just("https://h.example/#sig={}"),
            Just("https://user:{}@h.example/a"),
            Just("https://user:a/{}/b@h.example/a"),
            Just("DefaultEndpointsProtocol=https;AccountKey={}==;x"),
            Just("a;sig={}"),
            Just("Authorization: Bearer {}"),
            Just("eyJhbGciOi{}.x"),
            Just(r#"{"clientSecret":"{}"}"#),
            Just(r#"{"a":"{\"password\":\"{}\"}"}"#),
            Just("https%3A%2F%2Fh%2F%3Fsig%3D{}"),
            Just("password='{}'"),
        ];
        let around = "[ -~äö\n]{0,20}";
        (around, forms, secret, around).prop_map(|(before, form, secret, after)| {
            let safe = |text: String| text.replace(['"', '\'', '\\', '<', '>', '`', '|'], "");
            (format!("{} {} {}", safe(before), form.replace("{}", &secret), safe(after)), secret)
        })
    }

    proptest! {
        #[test]
        fn no_secret_is_shown((text, secret) in written()) {
            prop_assert!(!redacted(&text).contains("MARK"), "{} of {secret}", redacted(&text));
            prop_assert!(!presentable(&text).contains("MARK"));
        }

        #[test]
        fn what_is_visible_is_one_line_that_says_the_same(text in "[\\PC\\pC\\pZ]{0,40}") {
            let shown = visible(&text);
            prop_assert!(!shown.chars().any(is_unseen), "{shown:?}");
            let quoted = serde_json::to_string(&text).expect("a text");
            let read: Result<String, _> = serde_json::from_str(&visible(&quoted));
            prop_assert_eq!(read.expect("JSON"), text);
        }

        #[test]
        fn json_stays_json(values in proptest::collection::vec("\\PC{0,30}", 0..6), (text, _) in written()) {
            let line = serde_json::to_string(&serde_json::json!({"values": values, "text": text})).expect("a text");
            let shown = redacted(&line);
            prop_assert!(serde_json::from_str::<serde_json::Value>(&shown).is_ok(), "{shown}");
        }
    }
}
