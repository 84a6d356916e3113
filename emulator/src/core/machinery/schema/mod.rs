//! Bodies as Microsoft's ARM schema has them: what is required, of which type, which words. Words compare without
//! regard to case, and what is unknown is tolerated, because the SDK sends more than is documented [OBS].
//!
//! What a body may say is data: `contract/requests.schema`, made from Microsoft's documents, and over it
//! `contract/ours.schema`, in which each difference has its reason.

mod bodies;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod complete;
mod spelling;

use serde_json::Value;

use super::error::ArmError;
pub use spelling::taken;

/// What a value may be. `null` counts as absent everywhere.
#[derive(Debug)]
enum Shape {
    /// Anything.
    Any,
    /// Any string.
    Text,
    /// A string, or a number in the place of one, as the client's `hash_version` of a code is [OBS].
    Scalar,
    /// A string with at least one letter, digit or underscore.
    Name,
    /// A path of a server, from `/` on, or a name as above.
    Route,
    /// Thirty-two hexadecimal digits in five groups.
    Guid,
    /// A size as Docker takes it, such as `2g`.
    Size,
    /// A duration as ISO 8601 writes it, such as `PT1M30S` [SWG].
    Duration,
    /// true or false.
    Flag,
    /// A whole number.
    Whole,
    /// Any number.
    Number,
    /// One of some words.
    Word(Vec<String>),
    /// An object whose values are all alike.
    Map(Box<Shape>),
    /// An array whose items are all alike.
    List(Box<Shape>),
    /// An object with these fields, and others.
    Object(Vec<Field>),
    /// An object of several kinds.
    OneOf(Kinds),
}

/// The kinds of an object.
#[derive(Debug)]
struct Kinds {
    /// The field that says which it is.
    by: String,
    /// What all kinds have beside that.
    common: Vec<Field>,
    /// What each has beside that, by the word of that field.
    each: Vec<(String, Vec<Field>)>,
}

#[derive(Debug)]
struct Field {
    name: String,
    shape: Shape,
    required: bool,
}

/// Checks the body of a PUT of a resource, by its chain of types.
pub fn check_put(kinds: &str, body: &Value) -> Result<(), ArmError> {
    let Some(fields) = bodies::of(kinds) else { return Ok(()) };
    let located = fields.iter().any(|field| field.name == "location");
    if located && body.get("location").is_none_or(Value::is_null) {
        return Err(ArmError::front(
            400,
            "LocationRequired",
            "The location property is required for this definition.",
        ));
    }
    check_fields(fields, body, "")
}

/// Checks the body of a PATCH: of each kind it takes some of these.
pub fn check_patch(body: &Value) -> Result<(), ArmError> {
    check_fields(bodies::of_patch(), body, "")
}

/// Refuses characters that no text has, as NUL or BEL; lines may end, and be indented. Tags are checked for themselves. What
/// is called `environmentVariables`, of whatever, has names that a process can have in its environment.
pub fn check_texts(body: &Value) -> Result<(), ArmError> {
    let mut fields = body.as_object().into_iter().flatten().filter(|(name, _)| *name != "tags");
    fields.try_for_each(|(name, value)| check_text(value, name))
}

fn check_text(value: &Value, path: &str) -> Result<(), ArmError> {
    let strange = |text: &str| text.chars().find(|c| c.is_control() && !['\t', '\n', '\r'].contains(c));
    let refused = |character: char| {
        let path = path.escape_default();
        let message = format!("The field {path} has the control character U+{:04X}.", u32::from(character));
        Err(ArmError::validation(&path.to_string(), message))
    };
    match value {
        Value::String(text) => strange(text).map_or(Ok(()), refused),
        Value::Array(items) => {
            items.iter().enumerate().try_for_each(|(at, item)| check_text(item, &format!("{path}[{at}]")))
        }
        Value::Object(fields) => fields.iter().try_for_each(|(name, value)| {
            strange(name).map_or(Ok(()), refused)?;
            if path.ends_with(".environmentVariables") {
                check_variable(name, path)?;
            }
            check_text(value, &format!("{path}.{name}"))
        }),
        _ => Ok(()),
    }
}

fn check_variable(name: &str, path: &str) -> Result<(), ArmError> {
    if !name.trim().is_empty() && !name.contains(['=', '\r', '\n']) {
        return Ok(());
    }
    let name = name.escape_default();
    let message =
        format!("'{name}' is no name of an environment variable: it is empty, or has '=' or a line break.");
    Err(ArmError::validation(path, message))
}

/// The service's spelling of a word that was sent in any case; the first of `words` when none was.
pub fn word(words: &[&'static str], sent: Option<&str>) -> &'static str {
    let sent = sent.unwrap_or_default();
    words.iter().find(|word| word.eq_ignore_ascii_case(sent)).or(words.first()).copied().unwrap_or_default()
}

fn is_name(text: &str) -> bool {
    text.contains(|c: char| c.is_ascii_alphanumeric() || c == '_')
}

fn is_guid(text: &str) -> bool {
    let groups: Vec<&str> = text.split('-').collect();
    groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12])
        && groups.iter().all(|group| group.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

fn is_size(text: &str) -> bool {
    let unit = |c: char| "bkmg".contains(c.to_ascii_lowercase());
    text.match_indices(unit).any(|(at, _)| text[..at].ends_with(|c: char| c.is_ascii_digit()))
}

/// Whole numbers of days, hours and minutes, and seconds with a fraction; at least one of them.
fn is_duration(text: &str) -> bool {
    let Some(rest) = text.strip_prefix('P') else { return false };
    let (days, time) = rest.split_once('T').map_or((rest, None), |(days, time)| (days, Some(time)));
    let counts = |mut text: &str, units: &str| {
        for unit in units.chars() {
            if let Some((count, rest)) = text.split_once(unit) {
                let (whole, part) = count.split_once('.').unwrap_or((count, "0"));
                let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
                if !digits(whole) || !digits(part) || (unit != 'S' && count.contains('.')) {
                    return false;
                }
                text = rest;
            }
        }
        text.is_empty()
    };
    counts(days, "D") && time.is_none_or(|time| !time.is_empty() && counts(time, "HMS")) && rest.len() > 1
}

fn check_fields(fields: &[Field], value: &Value, path: &str) -> Result<(), ArmError> {
    for field in fields {
        let path = if path.is_empty() { field.name.clone() } else { format!("{path}.{}", field.name) };
        match value.get(&field.name).filter(|value| !value.is_null()) {
            Some(value) => check(&field.shape, value, &path)?,
            None if field.required => return Err(required(&path, &field.name)),
            None => {}
        }
    }
    Ok(())
}

/// What an object's kind adds to the fields that all kinds have.
fn kind_of<'a>(kinds: &'a Kinds, value: &Value, path: &str) -> Result<&'a [Field], ArmError> {
    let Kinds { by, each, .. } = kinds;
    let path = format!("{path}.{by}");
    let Some(sent) = value.get(by).filter(|sent| !sent.is_null()) else { return Err(required(&path, by)) };
    let sent_as = |word: &str| sent.as_str().is_some_and(|sent| sent.eq_ignore_ascii_case(word));
    let found = each.iter().find(|(word, _)| sent_as(word)).map(|(_, fields)| fields.as_slice());
    found.ok_or_else(|| {
        let words: Vec<&str> = each.iter().map(|(word, _)| word.as_str()).collect();
        invalid(&path, sent, &format!("one of {}", words.join(", ")))
    })
}

fn required(path: &str, name: &str) -> ArmError {
    ArmError::validation(path, format!("The {name} field is required."))
}

fn invalid(path: &str, value: &Value, expected: &str) -> ArmError {
    let shown: String = value.to_string().chars().take(80).collect();
    ArmError::validation(path, format!("The value {shown} is not valid for {path}: expected {expected}."))
}

fn check(shape: &Shape, value: &Value, path: &str) -> Result<(), ArmError> {
    let refused = |expected: &str| Err(invalid(path, value, expected));
    match (shape, value) {
        (Shape::Any, _)
        | (Shape::Text | Shape::Scalar, Value::String(_))
        | (Shape::Scalar | Shape::Number, Value::Number(_))
        | (Shape::Flag, Value::Bool(_)) => Ok(()),
        (Shape::Name | Shape::Route, Value::String(text)) if is_name(text) => Ok(()),
        (Shape::Route, Value::String(text)) if text.starts_with('/') => Ok(()),
        (Shape::Guid, Value::String(text)) if is_guid(text) => Ok(()),
        (Shape::Size, Value::String(text)) if is_size(text) => Ok(()),
        (Shape::Duration, Value::String(text)) if is_duration(text) => Ok(()),
        (Shape::Whole, Value::Number(number)) if number.is_i64() || number.is_u64() => Ok(()),
        (Shape::Word(words), Value::String(text))
            if words.iter().any(|word| word.eq_ignore_ascii_case(text)) =>
        {
            Ok(())
        }
        (Shape::Map(inner), Value::Object(fields)) => fields
            .iter()
            .filter(|(_, value)| !value.is_null())
            .try_for_each(|(name, value)| check(inner, value, &format!("{path}.{name}"))),
        (Shape::List(inner), Value::Array(items)) => {
            items.iter().enumerate().try_for_each(|(at, item)| check(inner, item, &format!("{path}[{at}]")))
        }
        (Shape::Object(fields), Value::Object(_)) => check_fields(fields, value, path),
        (Shape::OneOf(kinds), Value::Object(_)) => {
            let kind = kind_of(kinds, value, path)?;
            check_fields(&kinds.common, value, path)?;
            check_fields(kind, value, path)
        }
        (Shape::Text | Shape::Scalar, _) => refused("a string"),
        (Shape::Name, _) => refused("a string with a letter, digit or underscore"),
        (Shape::Route, _) => {
            refused("a path that begins with /, or a string with a letter, digit or underscore")
        }
        (Shape::Guid, _) => refused("a GUID"),
        (Shape::Size, _) => refused("a size such as 2g"),
        (Shape::Duration, _) => refused("a duration such as PT1M30S"),
        (Shape::Flag, _) => refused("true or false"),
        (Shape::Whole, _) => refused("a whole number"),
        (Shape::Number, _) => refused("a number"),
        (Shape::Word(words), _) => refused(&format!("one of {}", words.join(", "))),
        (Shape::List(_), _) => refused("an array"),
        (Shape::Map(_) | Shape::Object(_) | Shape::OneOf(..), _) => refused("an object"),
    }
}
