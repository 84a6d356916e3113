//! The operations of the specification: how a request is one of them, and what may come back.

use std::collections::BTreeMap;

use azureml_emulator::contract::{Contract, Returns};
use azureml_emulator::{Request, Response};

use super::exceptions::{BESIDE, HEADERS, STATUSES};

const PROVIDER: &str = "Microsoft.MachineLearningServices";

/// One operation.
pub struct Operation {
    /// Such as `ModelVersions_Get`.
    pub id: String,
    /// In upper case.
    pub method: String,
    /// Its path, with names in braces.
    pub path: String,
    /// Part of the query that makes it this operation.
    query: String,
    /// The statuses of success, each with the headers that it has.
    successes: BTreeMap<u16, Vec<String>>,
    /// What a 200 or 201 has in it.
    pub body: Body,
    /// Whether the specification has it.
    pub specified: bool,
}

/// The body of a success.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// None.
    Nothing,
    /// A definition.
    One(String),
    /// `{value: [definition], nextLink?}`.
    List(String),
    /// What the resource that an asynchronous operation was about looks like, or nothing; `Location` leads there.
    Result,
    /// Nothing that we have tells.
    Unknown,
}

impl Body {
    fn of(returns: Option<Returns>) -> Self {
        match returns {
            None => Self::Nothing,
            Some(Returns::One(name)) => Self::One(name),
            Some(Returns::List(item)) => Self::List(item),
        }
    }

    /// The name of its schema.
    pub fn definition(&self) -> String {
        match self {
            Self::One(name) => name.clone(),
            Self::List(name) => format!("{name}.list"),
            _ => String::new(),
        }
    }
}

/// Those of the specification, and those beside it.
pub fn all(specification: &Contract) -> Vec<Operation> {
    let mut found = Vec::new();
    for operation in specification.operations.clone() {
        found.push(Operation {
            successes: successes(&operation.id, operation.statuses),
            body: Body::of(operation.returns),
            id: operation.id,
            method: operation.method,
            path: operation.path,
            query: String::new(),
            specified: true,
        });
    }
    let known = |operation: &str| found.iter().any(|known: &Operation| known.id.starts_with(operation));
    assert!(
        STATUSES.iter().all(|more| known(more.operation)) && HEADERS.iter().all(|not| known(not.operations))
    );
    for beside in BESIDE {
        let (path, query) = beside.path.split_once('?').unwrap_or((beside.path, ""));
        found.push(Operation {
            id: beside.path.to_owned(),
            method: beside.method.to_owned(),
            path: match path.strip_prefix('~') {
                Some(rest) => format!("/subscriptions/{{s}}/resourceGroups/{{g}}/providers/{PROVIDER}{rest}"),
                None if path.starts_with('/') => path.to_owned(),
                None => format!("/subscriptions/{{s}}/providers/{PROVIDER}{}", path.trim_start_matches('-')),
            },
            query: query.to_owned(),
            successes: beside.statuses.iter().map(|status| (*status, Vec::new())).collect(),
            body: (beside.body)(),
            specified: false,
        });
    }
    // Of two that fit, the one that asks for more.
    found.sort_by_key(|operation| operation.query.is_empty());
    found
}

fn successes(id: &str, mut statuses: BTreeMap<u16, Vec<String>>) -> BTreeMap<u16, Vec<String>> {
    for headers in statuses.values_mut() {
        headers
            .retain(|name| !HEADERS.iter().any(|not| not.header == *name && id.starts_with(not.operations)));
    }
    for more in STATUSES.iter().filter(|more| more.operation == id) {
        statuses.insert(more.status, more.headers.iter().map(ToString::to_string).collect());
    }
    statuses
}

impl Operation {
    /// Whether a request is for this operation; fixed words have no case.
    pub fn is(&self, request: &Request, path: &str) -> bool {
        let method = if request.method == http::Method::HEAD { "GET" } else { request.method.as_str() };
        let (ours, theirs) = (self.path.trim_matches('/').split('/'), path.trim_matches('/').split('/'));
        method == self.method
            && request.query.contains(&self.query)
            && ours.clone().count() == theirs.clone().count()
            && ours.zip(theirs).all(|(ours, theirs)| {
                !theirs.is_empty() && (ours.starts_with('{') || ours.eq_ignore_ascii_case(theirs))
            })
    }

    /// Whether it may have this status and these headers. What is done at once has no operation to ask for.
    pub fn allows(&self, answer: &Response, done: bool) -> Result<(), String> {
        let known: Vec<&u16> = self.successes.keys().collect();
        let Some(headers) = self.successes.get(&answer.status) else {
            return Err(format!("{} has no status {}, but {known:?}", self.id, answer.status));
        };
        match headers.iter().find(|name| answer.header_value(name).is_none()) {
            Some(missing) if !done => {
                Err(format!("{} has the header {missing} with {}", self.id, answer.status))
            }
            _ => Ok(()),
        }
    }
}
