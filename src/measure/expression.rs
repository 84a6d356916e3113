//! A team's expression over the answer to a smoke test, in CEL (the Common Expression Language of Kubernetes).
//!
//! | variable | type | |
//! |---|---|---|
//! | `status` | int | the HTTP status |
//! | `latency` | double | seconds from the request to the last byte of the answer |
//! | `body` | any | the answer as JSON; a number without a fraction is an int |
//!
//! The operators and macros of CEL, and the functions `size`, `contains`, `startsWith`, `endsWith`, `int`, `uint`, `double`,
//! `string`, `bool` and `dyn`.
//!
//! An expression is somebody else's program, and it runs inside the operator. So it is short, it runs on a stack of its own,
//! and an upper bound of what it can cost with this very answer is known before it runs ([`cost`]).

mod body;
mod cost;

use std::sync::{Arc, LazyLock};
use std::thread;

use cel::{Context, Env, ExecutionError, Program, Value as Cel};
use serde_json::Value;

use crate::azure::model::presentable;
use body::Size;
use cost::Variables;

/// An expression has no more characters.
const LONGEST: usize = 1024;

/// Brackets are in no more brackets than this, those in texts included.
const DEEPEST: usize = 32;

/// The parser needs up to 25 MiB of stack for 1,024 characters (measured without optimisation), and a thread that overflows
/// its stack ends the whole process. Only what is used of it is ever given out by the system.
const STACK: usize = 64 * 1024 * 1024;

/// The functions and types of CEL's standard library.
static STANDARD: LazyLock<Arc<Env>> = LazyLock::new(|| Arc::new(Env::stdlib()));

/// What an expression is about.
pub(super) struct Seen {
    pub(super) status: u16,
    pub(super) millis: u64,
    pub(super) body: Vec<u8>,
}

/// Whether an expression can be used: a sentence that says what is wrong with it, before anything is measured.
pub fn check(expression: &str) -> Result<(), String> {
    let expression = expression.to_owned();
    apart(move || {
        let program = parsed(&expression)?;
        cost::check(program.expression(), &Variables::default())
    })
}

/// The value of an expression, or a sentence that says why it has none. Says nothing of the body but what the expression
/// says itself. Takes a few milliseconds, or with a costly expression some tenths of a second, of a blocking thread.
pub(super) fn value(expression: &str, seen: Seen) -> Result<bool, String> {
    let expression = expression.to_owned();
    apart(move || {
        let program = parsed(&expression)?;
        let body = body_for(&program, &seen.body)?;
        drop(seen.body);
        cost::check(program.expression(), &Variables { body: Size::of(&body) })?;
        let mut context = Context::with_env(Arc::clone(&STANDARD));
        context.add_variable_from_value("status", Cel::Int(seen.status.into()));
        context.add_variable_from_value("latency", Cel::Float(seconds(seen.millis)));
        context.add_variable_from_value("body", body::cel(body));
        match program.execute(&context) {
            Ok(Cel::Bool(value)) => Ok(value),
            Ok(other) => {
                Err(format!("The expression is of the type {}, and has to be true or false.", kind(&other)))
            }
            Err(error) => Err(sentence(&error, &expression)),
        }
    })
}

#[allow(clippy::cast_precision_loss)]
fn seconds(millis: u64) -> f64 {
    millis as f64 / 1000.0
}

/// Runs this on a stack of its own. A panic of whatever it calls ends there.
fn apart<T: Send + 'static>(run: impl FnOnce() -> Result<T, String> + Send + 'static) -> Result<T, String> {
    let thread = thread::Builder::new().name("expression".into()).stack_size(STACK).spawn(run);
    let thread = thread.map_err(|error| format!("The expression could not be evaluated: {error}."))?;
    thread
        .join()
        .unwrap_or_else(|_| Err("The expression could not be evaluated: CEL's interpreter failed.".into()))
}

fn parsed(expression: &str) -> Result<Program, String> {
    let characters = expression.chars().count();
    if characters > LONGEST {
        return Err(format!("The expression has {characters} characters, and may have {LONGEST}."));
    }
    if brackets(expression) > DEEPEST {
        return Err(format!("The expression has brackets in brackets more than {DEEPEST} times."));
    }
    Program::compile(expression).map_err(|errors| {
        let first = errors.errors.first();
        let (at, why) =
            first.map_or((1, "it has no meaning"), |error| (error.pos.1.max(1), error.msg.as_str()));
        let why = why.strip_prefix("Syntax error: ").unwrap_or(why);
        // A list of everything that could stand there instead.
        let why = why.split(" expecting {").next().unwrap_or(why);
        presentable(&format!("The expression is no CEL: near character {at}, {}.", why.trim_end_matches('.')))
    })
}

/// How many brackets are open at once.
fn brackets(expression: &str) -> usize {
    let (mut open, mut most) = (0_usize, 0);
    for c in expression.chars() {
        match c {
            '(' | '[' | '{' => open += 1,
            ')' | ']' | '}' => open = open.saturating_sub(1),
            _ => {}
        }
        most = most.max(open);
    }
    most
}

/// The body as JSON, where the expression speaks of it: what is not JSON has a status and a latency all the same.
fn body_for(program: &Program, body: &[u8]) -> Result<Value, String> {
    if !program.references().has_variable("body") {
        return Ok(Value::Null);
    }
    if body.trim_ascii().is_empty() {
        return Err("The expression speaks of the body, and the answer has none.".into());
    }
    // What is wrong with it would quote it.
    serde_json::from_slice(body)
        .map_err(|_| "The expression speaks of the body, and the answer is not JSON.".into())
}

fn kind(value: &Cel) -> String {
    value.type_of().to_string()
}

/// The sign of an operator that CEL's interpreter calls by a word.
fn sign(operator: &str) -> &str {
    match operator {
        "add" => "+",
        "sub" => "-",
        "mul" => "*",
        "div" => "/",
        "rem" => "%",
        other => other,
    }
}

/// Why there is no value, without any of the values.
fn sentence(error: &ExecutionError, expression: &str) -> String {
    // A key can come out of the body.
    let named = |name: &str| {
        if expression.contains(name) {
            format!("'{}'", presentable(name))
        } else {
            "that the expression computes".into()
        }
    };
    let why = match error {
        ExecutionError::NoSuchKey(name) => {
            format!("there is no field {} where it looks for one", named(name))
        }
        ExecutionError::UndeclaredReference(name) => format!("nothing is called {}", named(name)),
        ExecutionError::NoSuchOverload(error) => {
            let types = error.argument_types().join(", ");
            format!("{} does not go with the types ({types})", cost::shown(error.function()))
        }
        ExecutionError::UnexpectedType { got, want } => {
            format!("there is a value of the type {got} where one that is {want} belongs")
        }
        ExecutionError::UnsupportedBinaryOperator(operator, left, right) => {
            let sign = sign(operator);
            format!("'{sign}' does not go with the types ({}, {})", kind(left), kind(right))
        }
        ExecutionError::ValuesNotComparable(left, right) => {
            format!("the types {} and {} cannot be compared", kind(left), kind(right))
        }
        ExecutionError::UnsupportedIndex(key, value) => {
            format!("a value of the type {} has no element by a {}", kind(value), kind(key))
        }
        ExecutionError::DivisionByZero(_) | ExecutionError::RemainderByZero(_) => "it divides by zero".into(),
        ExecutionError::Overflow(..) => "a number is too large".into(),
        ExecutionError::IndexOutOfBounds(_) => "a list has fewer elements than it looks for".into(),
        ExecutionError::FunctionError { function, .. } => {
            format!("{} cannot use what it is given", cost::shown(function))
        }
        _ => "its parts do not go together".into(),
    };
    format!("The expression has no value: {why}.")
}

#[cfg(test)]
mod tests;
