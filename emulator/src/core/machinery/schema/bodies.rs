//! The bodies of PUT and PATCH, resource by resource, out of the data files.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::{Field, Kinds, Shape};
use crate::contract::{self, Contract};

const MADE: &str = include_str!("../../../../contract/requests.schema");
const OURS: &str = include_str!("../../../../contract/ours.schema");

/// What our file calls the body of every PATCH.
const PATCH: &str = "PATCH";

/// By chain of types. Both files are part of the program, and a test reads them: no request finds them broken.
static BODIES: LazyLock<BTreeMap<String, Vec<Field>>> = LazyLock::new(|| {
    let read = |text: &str| text.parse().unwrap_or_default();
    let contract = Contract::with(read(MADE), read(OURS));
    let bodies = contract.resources.iter();
    bodies.map(|(chain, body)| (chain.clone(), fields(&contract, body, None))).collect()
});

/// The fields of a PUT's body, by chain of types; none when nobody PUTs it.
pub(super) fn of(kinds: &str) -> Option<&'static [Field]> {
    BODIES.get(kinds).map(Vec::as_slice)
}

/// The fields of a PATCH's body, whatever it is of.
pub(super) fn of_patch() -> &'static [Field] {
    of(PATCH).unwrap_or_default()
}

/// All but the field that tells the kind, which is looked at by itself.
fn fields(contract: &Contract, of: &[contract::Field], by: Option<&str>) -> Vec<Field> {
    let fields = of.iter().filter(|field| Some(field.name.as_str()) != by);
    let field = |field: &contract::Field| Field {
        name: field.name.clone(),
        shape: shape(contract, &field.shape),
        required: field.required,
    };
    fields.map(field).collect()
}

fn shape(contract: &Contract, of: &contract::Shape) -> Shape {
    match of {
        contract::Shape::Any => Shape::Any,
        contract::Shape::Object => Shape::Object(Vec::new()),
        contract::Shape::Scalar => Shape::Scalar,
        contract::Shape::Flag => Shape::Flag,
        contract::Shape::Whole(_) => Shape::Whole,
        contract::Shape::Number => Shape::Number,
        contract::Shape::Duration => Shape::Duration,
        contract::Shape::Text { pattern: Some(pattern), .. } => patterned(pattern),
        contract::Shape::Text { .. } | contract::Shape::Time => Shape::Text,
        contract::Shape::Words(words) => Shape::Word(words.clone()),
        contract::Shape::Map(inner) => Shape::Map(Box::new(shape(contract, inner))),
        contract::Shape::List(inner) => Shape::List(Box::new(shape(contract, inner))),
        contract::Shape::Of(name) => named(contract, name),
    }
}

/// The patterns of the files, each by what it means, which is what a client is told.
fn patterned(pattern: &str) -> Shape {
    match pattern {
        "[a-zA-Z0-9_]" => Shape::Name,
        "^/|[a-zA-Z0-9_]" => Shape::Route,
        "^[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$" => Shape::Guid,
        r"\d+[bBkKmMgG]" => Shape::Size,
        _ => Shape::Text,
    }
}

fn named(contract: &Contract, name: &str) -> Shape {
    let Some(known) = contract.types.get(name) else { return Shape::Any };
    let Some(by) = &known.by else { return Shape::Object(fields(contract, &known.fields, None)) };
    let each = known.kinds.iter().map(|(word, kind)| {
        let own = contract.types.get(kind).map(|kind| fields(contract, &kind.fields, Some(by)));
        (word.clone(), own.unwrap_or_default())
    });
    Shape::OneOf(Kinds {
        by: by.clone(),
        common: fields(contract, &known.fields, Some(by)),
        each: each.collect(),
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn both_files_can_be_read_and_know_every_type_that_they_use() {
        let contract = MADE.parse::<Contract>().unwrap().with(OURS.parse().unwrap());
        assert!(contract.unknown().is_empty(), "{:?}", contract.unknown());
        let bases: Vec<&String> = contract.types.values().flat_map(|known| &known.bases).collect();
        assert!(bases.is_empty(), "bodies are read without the fields of {bases:?}");
    }

    #[test]
    fn every_pattern_of_the_files_is_checked() {
        fn patterns(shape: &contract::Shape) -> Option<&str> {
            match shape {
                contract::Shape::Text { pattern, .. } => pattern.as_deref(),
                contract::Shape::Map(inner) | contract::Shape::List(inner) => patterns(inner),
                _ => None,
            }
        }
        let contract = MADE.parse::<Contract>().unwrap().with(OURS.parse().unwrap());
        let of_types = contract.types.values().flat_map(|known| &known.fields);
        for field in of_types.chain(contract.resources.values().flatten()) {
            let pattern = patterns(&field.shape);
            let unknown = pattern.filter(|pattern| matches!(patterned(pattern), Shape::Text));
            assert_eq!(unknown, None, "of the field {}", field.name);
        }
    }
}
