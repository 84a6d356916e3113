//! What an expression can cost at most, before it runs.
//!
//! CEL has no loops but over lists and maps that exist, so every expression ends; but a list in a list in a list, or a text
//! that is doubled thirty times, takes all the time or memory that there is. How large the parts of the body are is known,
//! and what each operator makes of its operands: so bounds are computed from the leaves of the expression upwards, of the
//! size of each value and of the work it takes, both in bytes. Whatever is not known here by its name is refused.

use cel::common::ast::{CallExpr, ComprehensionExpr, EntryExpr, Expr, LiteralValue, operators as op};
use cel::parser::Expression;

use super::body::{ENTRY, Size, VALUE, length};
use crate::azure::model::presentable;

/// The most bytes that an expression may work on: with that it runs for some tenths of a second.
const MOST_WORK: f64 = 128.0 * 1024.0 * 1024.0;

/// The most bytes that any value may have: an answer of 1 MiB has ten at most.
const MOST_BYTES: f64 = 32.0 * 1024.0 * 1024.0;

/// What it takes to look for a name in one scope.
const SCOPE: f64 = 10.0;

/// Operators are in no more operators than this: `a.b.c` is two deep.
const DEEPEST: usize = 64;

/// No number is longer as a text.
const LONGEST_NUMBER: f64 = 400.0;

/// The functions that an expression may call.
const FUNCTIONS: [&str; 10] =
    ["bool", "contains", "double", "dyn", "endsWith", "int", "size", "startsWith", "string", "uint"];

/// How large the variables are; the numbers need no word.
#[derive(Default)]
pub(super) struct Variables {
    pub(super) body: Size,
}

/// A name, and how large what it stands for is.
struct Binding<'a> {
    name: &'a str,
    size: Size,
}

/// A bound of a value, and one of the work that makes it.
struct Bound {
    size: Size,
    work: f64,
}

/// Refuses an expression that speaks of what does not exist here, or that can cost too much.
pub(super) fn check(expression: &Expression, variables: &Variables) -> Result<(), String> {
    let body = variables.body.clone();
    let simple = |name| Binding { name, size: Size::simple(0.0) };
    let mut scope = vec![simple("status"), simple("latency"), Binding { name: "body", size: body }];
    Walk { scope: &mut scope, depth: 0 }.bound(expression).map(drop)
}

struct Walk<'a, 'b> {
    scope: &'b mut Vec<Binding<'a>>,
    depth: usize,
}

impl<'a> Walk<'a, '_> {
    fn bound(&mut self, expression: &'a Expression) -> Result<Bound, String> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(format!("The expression is nested more than {DEEPEST} deep."));
        }
        let bound = match &expression.expr {
            Expr::Literal(literal) => Bound { size: of_literal(literal), work: VALUE },
            Expr::Ident(name) => Bound { size: self.variable(name)?, work: self.look_up() },
            Expr::Select(select) => {
                let Bound { size, work } = self.bound(&select.operand)?;
                let size = if select.test { Size::simple(0.0) } else { size.field(&select.field) };
                self.taken(&select.operand, size, work)
            }
            Expr::List(list) => self.list(&list.elements)?,
            Expr::Map(map) => self.map(map.entries.iter().map(|entry| &entry.expr))?,
            Expr::Call(call) => self.call(call)?,
            Expr::Comprehension(fold) => self.fold(fold)?,
            Expr::Struct(_) | Expr::Unspecified => {
                return Err("The expression makes an object, and there are no types of objects here.".into());
            }
        };
        self.depth -= 1;
        if bound.work > MOST_WORK || bound.size.bytes > MOST_BYTES {
            return Err("The expression could cost too much with an answer of this size: it is refused and was not evaluated. Lists in lists, and texts that grow, cost most.".into());
        }
        Ok(bound)
    }

    fn variable(&self, name: &str) -> Result<Size, String> {
        let found = self.scope.iter().rev().find(|binding| binding.name == name);
        found.map(|binding| binding.size.clone()).ok_or_else(|| {
            format!("The expression speaks of '{}': there are status, latency and body.", presentable(name))
        })
    }

    /// A name is looked for in one scope after the other.
    fn look_up(&self) -> f64 {
        VALUE + SCOPE * length(self.scope.len())
    }

    /// A part of a value. Of a variable it is borrowed, and of what was computed it is copied.
    fn taken(&self, from: &Expression, size: Size, work: f64) -> Bound {
        let copied = if is_path(from) { 0.0 } else { size.bytes };
        Bound { work: work + copied + self.look_up(), size }
    }

    fn list(&mut self, elements: &'a [Expression]) -> Result<Bound, String> {
        let (mut each, mut bytes, mut work) = (Size::default(), VALUE, VALUE);
        for element in elements {
            let bound = self.bound(element)?;
            bytes += bound.size.bytes;
            work += bound.work + bound.size.bytes;
            each.widen(&bound.size);
        }
        Ok(Bound { size: Size::list(length(elements.len()), bytes, each), work })
    }

    fn map(&mut self, entries: impl ExactSizeIterator<Item = &'a EntryExpr>) -> Result<Bound, String> {
        let (count, mut deepest, mut bytes, mut work) = (length(entries.len()), 0.0, VALUE, VALUE);
        for entry in entries {
            let EntryExpr::MapEntry(entry) = entry else {
                return Err("The expression makes an object, and there are no types of objects here.".into());
            };
            let (key, value) = (self.bound(&entry.key)?, self.bound(&entry.value)?);
            let taken = ENTRY + key.size.bytes + value.size.bytes;
            bytes += taken;
            work += key.work + value.work + taken;
            deepest = value.size.deepest.max(deepest);
        }
        Ok(Bound { size: Size::any(count, deepest, bytes), work })
    }

    fn call(&mut self, call: &'a CallExpr) -> Result<Bound, String> {
        let operands = call.target.as_deref().into_iter().chain(&call.args);
        let operands = operands.map(|operand| self.bound(operand)).collect::<Result<Vec<Bound>, String>>()?;
        let work: f64 = VALUE + operands.iter().map(|operand| operand.work).sum::<f64>();
        // What touches all of its operands, also where it only says that they do not go together.
        let touching = work + operands.iter().map(|operand| operand.size.bytes).sum::<f64>();
        let simple = Size::simple(0.0);
        Ok(match (call.func_name.as_str(), operands.as_slice()) {
            (op::CONDITIONAL, [_, one, other]) => {
                let mut size = one.size.clone();
                size.widen(&other.size);
                Bound { size, work }
            }
            (op::LOGICAL_AND | op::LOGICAL_OR | op::LOGICAL_NOT | op::NOT_STRICTLY_FALSE, _) => {
                Bound { size: simple, work }
            }
            (op::INDEX, [of, _]) => {
                let size = match call.args.get(1).map(|index| &index.expr) {
                    Some(Expr::Literal(LiteralValue::String(name))) => of.size.field(name.inner()),
                    _ => of.size.element(),
                };
                call.args.first().map_or_else(
                    || Bound { size: size.clone(), work: touching },
                    |from| self.taken(from, size.clone(), work),
                )
            }
            (op::ADD, [one, other]) => Bound { size: one.size.joined(&other.size), work: touching },
            ("string", [of]) => {
                Bound { size: Size::simple(of.size.bytes + LONGEST_NUMBER), work: touching + LONGEST_NUMBER }
            }
            ("dyn", [of]) => Bound { size: of.size.clone(), work: touching },
            (
                op::SUBSTRACT
                | op::MULTIPLY
                | op::DIVIDE
                | op::MODULO
                | op::NEGATE
                | op::EQUALS
                | op::NOT_EQUALS
                | op::GREATER
                | op::GREATER_EQUALS
                | op::LESS
                | op::LESS_EQUALS
                | op::IN,
                _,
            ) => Bound { size: simple, work: touching },
            (name, _) if FUNCTIONS.contains(&name) => Bound { size: simple, work: touching },
            (name, _) => {
                return Err(format!(
                    "The expression calls {}: there are the functions {}.",
                    shown(name),
                    FUNCTIONS.join(", ")
                ));
            }
        })
    }

    /// What a macro (`all`, `exists`, `exists_one`, `map`, `filter`) has become: a fold over a list, or over the keys of a map.
    fn fold(&mut self, fold: &'a ComprehensionExpr) -> Result<Bound, String> {
        let range = self.bound(&fold.iter_range)?;
        let each = range.size.element();
        let before = self.scope.len();
        self.scope.push(Binding { name: &fold.iter_var, size: each });
        let bound = match appended(fold) {
            Some((guard, items)) => self.appending(&range, guard, items),
            None => self.folding(&range, fold),
        };
        self.scope.truncate(before);
        bound
    }

    /// `map` and `filter`: what is made of each element goes to the end of one list.
    fn appending(
        &mut self,
        range: &Bound,
        guard: Option<&'a Expression>,
        items: &'a [Expression],
    ) -> Result<Bound, String> {
        let mut step = VALUE + self.look_up();
        if let Some(guard) = guard {
            step += self.bound(guard)?.work;
        }
        let items = self.list(items)?;
        step += items.work + items.size.bytes;
        let count = range.size.count;
        let size =
            Size::list(count * items.size.count, VALUE + count * items.size.bytes, items.size.element());
        Ok(Bound { size, work: range.work + range.size.bytes + count * step })
    }

    /// The others: what is carried from one element to the next is a number, or true or false.
    fn folding(&mut self, range: &Bound, fold: &'a ComprehensionExpr) -> Result<Bound, String> {
        self.scope.push(Binding { name: &fold.accu_var, size: Size::simple(0.0) });
        let carried = self.bound(&fold.accu_init)?;
        let step =
            self.bound(&fold.loop_cond)?.work + self.bound(&fold.loop_step)?.work + VALUE + self.look_up();
        let result = self.bound(&fold.result)?;
        if fold.iter_var2.is_some() || carried.size.count > 0.0 || result.size.count > 0.0 {
            return Err("The expression uses a macro that is not known here.".into());
        }
        let work = range.work + range.size.bytes + range.size.count * step + carried.work + result.work;
        Ok(Bound { size: result.size, work })
    }
}

fn of_literal(literal: &LiteralValue) -> Size {
    Size::simple(match literal {
        LiteralValue::String(text) => length(text.inner().len()),
        LiteralValue::Bytes(bytes) => length(bytes.inner().len()),
        _ => 0.0,
    })
}

/// `body.predictions[0]`: what a variable holds, or a part of that.
fn is_path(expression: &Expression) -> bool {
    match &expression.expr {
        Expr::Ident(_) => true,
        Expr::Select(select) => is_path(&select.operand),
        Expr::Call(call) => call.func_name == op::INDEX && call.args.first().is_some_and(is_path),
        _ => false,
    }
}

/// The guard of a fold that only appends, and what it appends. CEL's interpreter knows that form too: the other ones would
/// copy what there is so far with every step.
fn appended(fold: &ComprehensionExpr) -> Option<(Option<&Expression>, &[Expression])> {
    let carried = fold.accu_var.as_str();
    if !is_called(&fold.result, carried) || !matches!(fold.loop_cond.expr, Expr::Literal(_)) {
        return None;
    }
    match &fold.loop_step.expr {
        Expr::Call(call) if call.func_name == op::CONDITIONAL => match call.args.as_slice() {
            [guard, step, otherwise] if is_called(otherwise, carried) => {
                Some((Some(guard), items(step, carried)?))
            }
            _ => None,
        },
        _ => Some((None, items(&fold.loop_step, carried)?)),
    }
}

/// The elements of the list in `carried + [..]`.
fn items<'a>(step: &'a Expression, carried: &str) -> Option<&'a [Expression]> {
    let Expr::Call(CallExpr { func_name, target: None, args }) = &step.expr else { return None };
    let ([first, second], op::ADD) = (args.as_slice(), func_name.as_str()) else { return None };
    match &second.expr {
        Expr::List(list) if is_called(first, carried) => Some(&list.elements),
        _ => None,
    }
}

fn is_called(expression: &Expression, name: &str) -> bool {
    matches!(&expression.expr, Expr::Ident(ident) if ident == name)
}

/// The name of a function, or the sign of an operator: `+` for `_+_`.
pub(super) fn shown(function: &str) -> String {
    let sign = function.trim_matches(|c| matches!(c, '_' | '@'));
    format!("'{}'", presentable(if sign.is_empty() { function } else { sign }))
}
