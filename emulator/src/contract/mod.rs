//! What Microsoft documents of the service, as data: types and their fields, and operations with their statuses and
//! headers. Names and facts only, no descriptions.
//!
//! It is kept in text files of a notation of their own, which `cargo xtask contract` writes:
//!
//! ```text
//! # A comment.
//! resource workspaces/onlineEndpoints       the body of a PUT, field by field
//!   location! text                          `!`: required
//!   properties! OnlineEndpointProperties    a type of this file
//! omitted workspaces/computes               a resource whose body is not described
//! type Datastore : ResourceBase by type     a type, the types whose fields it has too, and the field that tells its kind
//!   tags map text                           also: list, any, object, flag, whole, number, time, duration, scalar
//!   size text 2..30 /\d+[kmg]/              bounds of the length, and a pattern
//!   state read word Ready | Failed          only ever shown; `write`: only ever sent
//!   | AzureBlob AzureBlobDatastore          a kind: its word, and its type
//! operation GET ~/registries/{name} Registries_Get     `~`: in a resource group; `-`: in a subscription
//!   query $skip $top                        the parameters of its query, beside api-version
//!   returns Registry                        also: list Registry
//!   202 Location                            a status of success, and its headers
//! ```
//!
//! (The explanations at the right are not part of it.)

mod parse;
mod write;

use std::collections::{BTreeMap, BTreeSet};

pub use parse::{Malformed, Why};

/// The resource provider's namespace.
const PROVIDER: &str = "providers/Microsoft.MachineLearningServices";

/// All that a file says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Contract {
    /// The bodies of PUTs, by the resource's chain of types.
    pub resources: BTreeMap<String, Vec<Field>>,
    /// Resources that can be PUT, and whose bodies are not described.
    pub omitted: BTreeSet<String>,
    /// Types by name.
    pub types: BTreeMap<String, Type>,
    /// Operations.
    pub operations: Vec<Operation>,
}

/// A type: an object with fields.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Type {
    /// Types whose fields it has too.
    pub bases: Vec<String>,
    /// The field that says which of `kinds` an object is.
    pub by: Option<String>,
    /// Its own fields.
    pub fields: Vec<Field>,
    /// Words of that field, each with the type that has the further fields.
    pub kinds: Vec<(String, String)>,
}

/// A field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// Whether it must be there.
    pub required: bool,
    /// Who has a say in it.
    pub access: Access,
    /// What it may be.
    pub shape: Shape,
}

/// Who has a say in a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Access {
    /// It is sent and shown.
    #[default]
    Both,
    /// It is only ever shown.
    Read,
    /// It is only ever sent.
    Write,
}

/// What a value may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shape {
    /// Anything.
    Any,
    /// An object of which nothing else is said.
    Object,
    /// A string.
    Text {
        /// Its least length.
        least: Option<u32>,
        /// Its greatest length.
        most: Option<u32>,
        /// A regular expression that is found in it.
        pattern: Option<String>,
    },
    /// A string, or a number in the place of one.
    Scalar,
    /// true or false.
    Flag,
    /// A whole number, not below this.
    Whole(Option<i64>),
    /// A number.
    Number,
    /// A time.
    Time,
    /// A duration.
    Duration,
    /// One of some words.
    Words(Vec<String>),
    /// An object whose values are all alike.
    Map(Box<Shape>),
    /// An array whose items are all alike.
    List(Box<Shape>),
    /// A type, by name.
    Of(String),
}

impl Shape {
    /// A string of which nothing else is said.
    pub const TEXT: Self = Self::Text { least: None, most: None, pattern: None };

    /// The type that it is, or that its values or items are.
    pub fn named(&self) -> Option<&str> {
        match self {
            Self::Of(name) => Some(name),
            Self::Map(inner) | Self::List(inner) => inner.named(),
            _ => None,
        }
    }
}

/// An operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// Such as `ModelVersions_Get`.
    pub id: String,
    /// In upper case.
    pub method: String,
    /// With names in braces.
    pub path: String,
    /// The parameters of its query, beside `api-version`.
    pub query: Vec<String>,
    /// What a 200 or 201 has in its body.
    pub returns: Option<Returns>,
    /// Its statuses of success, with their headers.
    pub statuses: BTreeMap<u16, Vec<String>>,
}

/// The body of a success.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Returns {
    /// A type.
    One(String),
    /// A page of a list of a type.
    List(String),
}

impl Contract {
    /// What both say; where they differ, what `over` says. So a file of our own can correct one that was made.
    #[must_use]
    pub fn with(mut self, over: Self) -> Self {
        for (name, fields) in over.resources {
            lay_over(self.resources.entry(name).or_default(), fields);
        }
        self.omitted.extend(over.omitted);
        for (name, more) in over.types {
            let known = self.types.entry(name).or_default();
            lay_over(&mut known.fields, more.fields);
            known.bases.extend(more.bases);
            known.by = more.by.or(known.by.take());
            known.kinds.retain(|(word, _)| !more.kinds.iter().any(|(own, _)| own == word));
            known.kinds.extend(more.kinds);
        }
        self.operations.extend(over.operations);
        self
    }

    /// The names of types that are used and not there. Operations may return types that the file leaves out.
    pub fn unknown(&self) -> BTreeSet<&str> {
        let fields = self.resources.values().chain(self.types.values().map(|known| &known.fields)).flatten();
        let of_fields = fields.filter_map(|field| field.shape.named());
        let of_types = self.types.values().flat_map(|known| {
            known.bases.iter().chain(known.kinds.iter().map(|(_, kind)| kind)).map(String::as_str)
        });
        of_fields.chain(of_types).filter(|name| !self.types.contains_key(*name)).collect()
    }
}

fn lay_over(known: &mut Vec<Field>, over: Vec<Field>) {
    for field in over {
        match known.iter_mut().find(|known| known.name == field.name) {
            Some(known) => *known = field,
            None => known.push(field),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn read(text: &str) -> Contract {
        text.parse().unwrap()
    }

    const ALL: &str = r"resource workspaces/things
  location! text
  properties! Thing

omitted workspaces/others

type Base

type Blob : Thing, Base
  size text 2..30 /\d+[ /]/

type Thing by kind
  a any
  flag flag
  kind! word Blob | None, really
  least text 1..
  matrix list map list number
  number number
  object object
  scalar scalar
  shown read whole
  time time
  wait duration
  whole write whole 0..
  | Blob Blob

operation GET - Things_All
  query $skip $top
  returns list Thing
  200

operation POST ~/things/{name}/x Things_X
  200 Retry-After
  202 Azure-AsyncOperation Location

operation GET /providers/all All
  returns Thing
  200
";

    #[test]
    fn what_is_read_is_written_the_same() {
        assert_eq!(read(ALL).to_string(), ALL);
    }

    #[test]
    fn a_file_of_our_own_adds_fields_and_kinds_and_changes_fields() {
        let made = read("type Thing by kind\n  a text\n  b flag\n  | One One\ntype One\n");
        let own = read("type Thing\n  b number\n  c! any\n  | Two Two\ntype Two\n  d text\n");
        let both = "type One\n\ntype Thing by kind\n  a text\n  b number\n  c! any\n  | One One\n  | Two Two\n\ntype Two\n  d text\n";
        assert_eq!(made.with(own).to_string(), both);
    }

    #[test]
    fn types_that_are_not_there_are_named() {
        let contract = read("resource r\n  a list A\ntype T : B by k\n  b map C\n  c T\n  | word D\n");
        assert_eq!(contract.unknown(), BTreeSet::from(["A", "B", "C", "D"]));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        for (text, why) in [
            ("a text", "line 1: 'a' begins nothing: resource, omitted, type or operation"),
            ("\n  a text", "line 2: this belongs to nothing above it"),
            ("type", "line 1: a name is missing"),
            ("type lower", "line 1: 'lower' is no name of a type: they begin with a capital letter"),
            ("type T\ntype T", "line 2: T is there twice"),
            ("type T extends B", "line 1: 'extends' is not understood"),
            ("type T\n  a", "line 2: what the field may be is missing"),
            ("type T\n  a txt", "line 2: 'txt' is no shape"),
            ("type T\n  a text extra", "line 2: 'extra' is not understood"),
            ("type T\n  a text /x", "line 2: '/x' is not understood"),
            ("type T\n  a text\n  a flag", "line 3: a is there twice"),
            ("type T\n  a word", "line 2: 'word' needs words"),
            ("type T\n  a flag flag", "line 2: 'flag' is not understood"),
            ("type T\n  | A", "line 2: a kind is a word and a type"),
            ("operation GET", "line 1: an operation is a method, a path and a name"),
            ("operation GET x X", "line 1: 'x' is no path"),
            ("operation GET - X\n  twenty", "line 2: 'twenty' is no status"),
            ("operation GET - X\n  returns", "line 2: a name is missing"),
        ] {
            assert_eq!(text.parse::<Contract>().unwrap_err().to_string(), why, "{text}");
        }
    }
}
