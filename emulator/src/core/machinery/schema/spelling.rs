//! A body as the service takes it: words come back in its own case, and what is unknown to it does not
//! come back at all, because the SDK sends more than is documented (§E.4 7 and 8).

use http::Method;
use serde_json::{Map, Value};

use super::{Field, Kinds, Shape, bodies};

/// The body of a PUT or PATCH of a resource, by its chain of types; any other as it is. So is what has a wrong type.
pub fn taken(method: &Method, kinds: &str, body: Value) -> Value {
    let fields = match *method {
        Method::PUT => bodies::of(kinds),
        Method::PATCH => Some(bodies::of_patch()),
        _ => None,
    };
    match (fields, body) {
        (Some(fields), Value::Object(sent)) => known(&[fields], sent),
        (_, body) => body,
    }
}

fn known(fields: &[&[Field]], mut sent: Map<String, Value>) -> Value {
    let found = fields.iter().copied().flatten().filter_map(|field| {
        let value = sent.remove(&field.name)?;
        Some((field.name.clone(), spelled(&field.shape, value)))
    });
    Value::Object(found.collect())
}

fn spelled(shape: &Shape, value: Value) -> Value {
    match (shape, value) {
        (Shape::Word(words), Value::String(sent)) => in_the_case_of(words.iter(), sent).into(),
        (Shape::Map(inner), Value::Object(sent)) => {
            let present = sent.into_iter().filter(|(_, value)| !value.is_null());
            Value::Object(present.map(|(name, value)| (name, spelled(inner, value))).collect())
        }
        (Shape::List(inner), Value::Array(items)) => {
            items.into_iter().map(|item| spelled(inner, item)).collect()
        }
        (Shape::Object(fields), Value::Object(sent)) => known(&[fields], sent),
        (Shape::OneOf(Kinds { by, common, each }), Value::Object(mut sent)) => {
            let kind = sent.remove(by).unwrap_or_default();
            let kind = match kind {
                Value::String(kind) => in_the_case_of(each.iter().map(|(word, _)| word), kind).into(),
                other => other,
            };
            let own = each.iter().find(|(word, _)| kind == *word).map_or(&[][..], |(_, fields)| fields);
            let mut object = known(&[common, own], sent);
            object[by] = kind;
            object
        }
        (_, value) => value,
    }
}

fn in_the_case_of<'a>(mut words: impl Iterator<Item = &'a String>, sent: String) -> String {
    words.find(|word| word.eq_ignore_ascii_case(&sent)).map_or(sent, ToOwned::to_owned)
}
