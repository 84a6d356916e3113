//! Reads the notation.

use std::collections::BTreeMap;
use std::str::FromStr;

use super::{Access, Contract, Field, Operation, PROVIDER, Returns, Shape};

/// A line that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {why}")]
pub struct Malformed {
    /// Its number; the first is 1.
    pub line: usize,
    /// What is wrong with it.
    pub why: Why,
}

/// What can be wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Why {
    /// It begins with an unknown word.
    #[error("'{0}' begins nothing: resource, omitted, type or operation")]
    Beginning(String),
    /// It is indented, and there is nothing that it could belong to.
    #[error("this belongs to nothing above it")]
    Orphan,
    /// It ends where a name should follow.
    #[error("a name is missing")]
    NoName,
    /// Something else stands where a type's name should.
    #[error("'{0}' is no name of a type: they begin with a capital letter")]
    NoType(String),
    /// It names what was named before.
    #[error("{0} is there twice")]
    Twice(String),
    /// A field ends after its name.
    #[error("what the field may be is missing")]
    NoShape,
    /// An unknown word stands where a shape should.
    #[error("'{0}' is no shape")]
    Shape(String),
    /// `word` stands alone.
    #[error("'word' needs words")]
    NoWords,
    /// A kind has too little.
    #[error("a kind is a word and a type")]
    Kind,
    /// An operation has too little.
    #[error("an operation is a method, a path and a name")]
    Operation,
    /// Something else stands where a path should.
    #[error("'{0}' is no path")]
    Path(String),
    /// Something else stands where a status should.
    #[error("'{0}' is no status")]
    Status(String),
    /// More follows than there should.
    #[error("'{0}' is not understood")]
    Rest(String),
}

/// What the lines that follow belong to.
enum Block {
    Resource(String),
    Type(String),
    Operation,
}

impl FromStr for Contract {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let mut contract = Self::default();
        let mut block = None;
        for (at, line) in text.lines().enumerate() {
            let read = match line.strip_prefix("  ") {
                _ if line.trim().is_empty() || line.starts_with('#') => Ok(()),
                Some(inner) if inner.starts_with('#') => Ok(()),
                Some(inner) => contract.within(block.as_ref(), inner),
                None => contract.begin(line).map(|begun| block = begun),
            };
            read.map_err(|why| Malformed { line: at + 1, why })?;
        }
        Ok(contract)
    }
}

impl Contract {
    fn begin(&mut self, line: &str) -> Result<Option<Block>, Why> {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        let name = || (!rest.is_empty()).then(|| rest.to_owned()).ok_or(Why::NoName);
        match word {
            "resource" => {
                let name = name()?;
                new(self.resources.insert(name.clone(), Vec::new()).is_none(), &name)?;
                Ok(Some(Block::Resource(name)))
            }
            "omitted" => {
                let name = name()?;
                new(self.omitted.insert(name.clone()), &name)?;
                Ok(None)
            }
            "type" => self.begin_type(&name()?).map(Some),
            "operation" => self.begin_operation(rest).map(|()| Some(Block::Operation)),
            word => Err(Why::Beginning(word.to_owned())),
        }
    }

    fn begin_type(&mut self, line: &str) -> Result<Block, Why> {
        let mut words = line.split(' ').peekable();
        let name = type_name(words.next().unwrap_or_default())?;
        new(!self.types.contains_key(&name), &name)?;
        let known = self.types.entry(name.clone()).or_default();
        while let Some(word) = words.next() {
            match (word, words.next()) {
                (":", Some(mut base)) => loop {
                    known.bases.push(type_name(base.trim_end_matches(','))?);
                    if !base.ends_with(',') {
                        break;
                    }
                    base = words.next().ok_or(Why::NoName)?;
                },
                ("by", Some(field)) => known.by = Some(field.to_owned()),
                (":" | "by", None) => return Err(Why::NoName),
                _ => return Err(Why::Rest(word.to_owned())),
            }
        }
        Ok(Block::Type(name))
    }

    fn begin_operation(&mut self, line: &str) -> Result<(), Why> {
        let parts: Vec<&str> = line.split(' ').collect();
        let [method, path, id] = parts[..] else { return Err(Why::Operation) };
        let (root, rest) = path.split_at(path.len().min(1));
        let path = match root {
            "~" => {
                format!(
                    "/subscriptions/{{subscriptionId}}/resourceGroups/{{resourceGroupName}}/{PROVIDER}{rest}"
                )
            }
            "-" => format!("/subscriptions/{{subscriptionId}}/{PROVIDER}{rest}"),
            "/" => path.to_owned(),
            _ => return Err(Why::Path(path.to_owned())),
        };
        self.operations.push(Operation {
            id: id.to_owned(),
            method: method.to_owned(),
            path,
            query: Vec::new(),
            returns: None,
            statuses: BTreeMap::new(),
        });
        Ok(())
    }

    fn within(&mut self, block: Option<&Block>, line: &str) -> Result<(), Why> {
        match block {
            None => Err(Why::Orphan),
            Some(Block::Resource(name)) => add(self.resources.entry(name.clone()).or_default(), line),
            Some(Block::Type(name)) => {
                let known = self.types.entry(name.clone()).or_default();
                let Some(kind) = line.strip_prefix("| ") else { return add(&mut known.fields, line) };
                let (word, kind) = kind.split_once(' ').ok_or(Why::Kind)?;
                new(!known.kinds.iter().any(|(known, _)| known == word), word)?;
                known.kinds.push((word.to_owned(), type_name(kind)?));
                Ok(())
            }
            Some(Block::Operation) => match self.operations.last_mut() {
                Some(operation) => answer(operation, line),
                None => Err(Why::Orphan),
            },
        }
    }
}

fn new(is_new: bool, name: &str) -> Result<(), Why> {
    if is_new { Ok(()) } else { Err(Why::Twice(name.to_owned())) }
}

fn type_name(name: &str) -> Result<String, Why> {
    let fine = name.starts_with(|first: char| first.is_ascii_uppercase()) && !name.contains(' ');
    if fine { Ok(name.to_owned()) } else { Err(Why::NoType(name.to_owned())) }
}

/// What an operation is asked with, what it returns, or one of its statuses.
fn answer(operation: &mut Operation, line: &str) -> Result<(), Why> {
    let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
    if word == "query" {
        operation.query = rest.split_whitespace().map(ToOwned::to_owned).collect();
        return Ok(());
    }
    if word == "returns" {
        operation.returns = Some(match rest.strip_prefix("list ") {
            Some(item) => Returns::List(type_name(item)?),
            None if rest.is_empty() => return Err(Why::NoName),
            None => Returns::One(type_name(rest)?),
        });
        return Ok(());
    }
    let status: u16 = word.parse().map_err(|_| Why::Status(word.to_owned()))?;
    let headers = rest.split_whitespace().map(ToOwned::to_owned).collect();
    new(operation.statuses.insert(status, headers).is_none(), word)
}

/// Reads a field.
fn add(fields: &mut Vec<Field>, line: &str) -> Result<(), Why> {
    let (name, rest) = line.split_once(' ').ok_or(Why::NoShape)?;
    let (access, rest) = match rest.split_once(' ') {
        Some(("read", rest)) => (Access::Read, rest),
        Some(("write", rest)) => (Access::Write, rest),
        _ => (Access::Both, rest),
    };
    let (name, required) = name.strip_suffix('!').map_or((name, false), |name| (name, true));
    new(!fields.iter().any(|known| known.name == name), name)?;
    fields.push(Field { name: name.to_owned(), required, access, shape: shape(rest)? });
    Ok(())
}

fn shape(text: &str) -> Result<Shape, Why> {
    let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
    let alone = |shape| if rest.is_empty() { Ok(shape) } else { Err(Why::Rest(rest.to_owned())) };
    match word {
        "any" => alone(Shape::Any),
        "object" => alone(Shape::Object),
        "scalar" => alone(Shape::Scalar),
        "flag" => alone(Shape::Flag),
        "number" => alone(Shape::Number),
        "time" => alone(Shape::Time),
        "duration" => alone(Shape::Duration),
        "text" => bounded(rest),
        "whole" if rest.is_empty() => Ok(Shape::Whole(None)),
        "whole" => {
            let least = rest.strip_suffix("..").and_then(|least| least.parse().ok());
            least.map(|least| Shape::Whole(Some(least))).ok_or_else(|| Why::Rest(rest.to_owned()))
        }
        "word" if rest.is_empty() => Err(Why::NoWords),
        "word" => Ok(Shape::Words(rest.split(" | ").map(ToOwned::to_owned).collect())),
        "map" => Ok(Shape::Map(Box::new(shape(rest)?))),
        "list" => Ok(Shape::List(Box::new(shape(rest)?))),
        name => {
            type_name(name).map_err(|_| Why::Shape(name.to_owned())).and_then(|name| alone(Shape::Of(name)))
        }
    }
}

/// `2..30 /pattern/`: all of it may be missing.
fn bounded(text: &str) -> Result<Shape, Why> {
    let refused = || Why::Rest(text.to_owned());
    let (bounds, pattern) = match text.find('/') {
        Some(at) => {
            let pattern = text[at + 1..].strip_suffix('/').ok_or_else(refused)?;
            (text[..at].trim_end(), Some(pattern.to_owned()))
        }
        None => (text, None),
    };
    if bounds.is_empty() {
        return Ok(Shape::Text { least: None, most: None, pattern });
    }
    let (least, most) = bounds.split_once("..").ok_or_else(refused)?;
    let number = |text: &str| match text {
        "" => Ok(None),
        text => text.parse().map(Some).map_err(|_| refused()),
    };
    Ok(Shape::Text { least: number(least)?, most: number(most)?, pattern })
}
