//! The body of an answer, as CEL has it, and how large it is.

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;
use std::sync::Arc;

use cel::Value as Cel;
use cel::objects::{Key, Map};
use serde_json::{Number, Value};

/// What a value takes, in bytes, besides a text that it has: some 24 for itself and 16 for the way there.
pub(super) const VALUE: f64 = 40.0;

/// What an entry of a map takes besides its key and its value.
pub(super) const ENTRY: f64 = 60.0;

/// The body as a value of CEL. A number without a fraction is an int, as in Kubernetes.
pub(super) fn cel(value: Value) -> Cel {
    match value {
        Value::Null => Cel::Null,
        Value::Bool(value) => Cel::Bool(value),
        Value::Number(number) => self::number(&number),
        Value::String(text) => Cel::String(Arc::new(text)),
        Value::Array(items) => Cel::List(Arc::new(items.into_iter().map(cel).collect())),
        Value::Object(fields) => {
            let fields = fields.into_iter().map(|(key, value)| (Key::String(Arc::new(key)), cel(value)));
            Cel::Map(Map { map: Arc::new(fields.collect::<HashMap<_, _>>()) })
        }
    }
}

fn number(number: &Number) -> Cel {
    if let Some(value) = number.as_i64() {
        return Cel::Int(value);
    }
    number.as_u64().map_or_else(|| Cel::Float(number.as_f64().unwrap_or(f64::NAN)), Cel::UInt)
}

/// Bounds of a value: it is at most this large.
#[derive(Debug, Clone, Default)]
pub(super) struct Size {
    /// How many elements or keys it has.
    pub(super) count: f64,
    /// How many the largest list or map in it has, itself included.
    pub(super) deepest: f64,
    /// How many bytes it takes, with everything in it.
    pub(super) bytes: f64,
    inner: Inner,
}

/// What is known of the values in it.
#[derive(Debug, Clone, Default)]
enum Inner {
    /// There are none.
    #[default]
    None,
    /// Each element of the list is at most this large.
    List(Rc<Size>),
    /// The fields of a map of which all keys are known. There can be many, and every mention of a variable copies its bounds.
    Fields(Rc<BTreeMap<String, Rc<Size>>>),
    /// No more than of the whole.
    Any,
}

impl Size {
    /// The bounds of JSON: for the elements of a list, those of the largest.
    pub(super) fn of(value: &Value) -> Self {
        match value {
            Value::Null | Value::Bool(_) | Value::Number(_) => Self::simple(0.0),
            Value::String(text) => Self::simple(length(text.len())),
            Value::Array(items) => {
                let (mut bytes, mut each) = (VALUE, Self::default());
                for item in items {
                    let size = Self::of(item);
                    bytes += size.bytes;
                    each.widen(&size);
                }
                Self::list(length(items.len()), bytes, each)
            }
            Value::Object(entries) => {
                let count = length(entries.len());
                let (mut bytes, mut deepest, mut fields) = (VALUE, count, BTreeMap::new());
                for (key, value) in entries {
                    let size = Self::of(value);
                    bytes += ENTRY + length(key.len()) + size.bytes;
                    deepest = deepest.max(size.deepest);
                    fields.insert(key.clone(), Rc::new(size));
                }
                Self { count, deepest, bytes, inner: Inner::Fields(Rc::new(fields)) }
            }
        }
    }

    /// Of a value with nothing in it, but for a text of so many bytes.
    pub(super) fn simple(text: f64) -> Self {
        Self { bytes: VALUE + text, ..Self::default() }
    }

    /// Of a list whose elements are at most this large.
    pub(super) fn list(count: f64, bytes: f64, each: Self) -> Self {
        Self { count, deepest: count.max(each.deepest), bytes, inner: Inner::List(Rc::new(each)) }
    }

    /// Of a list or map of so many bytes, of whose values no more is known.
    pub(super) fn any(count: f64, deepest: f64, bytes: f64) -> Self {
        Self { count, deepest: deepest.max(count), bytes, inner: Inner::Any }
    }

    /// Any one of the values in it: an element of a list, a key or a value of a map.
    pub(super) fn element(&self) -> Self {
        match &self.inner {
            Inner::None => Self::simple(0.0),
            Inner::List(each) => Self::clone(each),
            Inner::Fields(_) | Inner::Any => Self::any(self.deepest, self.deepest, self.bytes),
        }
    }

    /// The field of this name. Where there is none, there is no value.
    pub(super) fn field(&self, name: &str) -> Self {
        match &self.inner {
            Inner::Fields(fields) => {
                fields.get(name).map_or_else(|| Self::simple(0.0), |size| Self::clone(size))
            }
            Inner::None | Inner::List(_) => Self::simple(0.0),
            Inner::Any => self.element(),
        }
    }

    /// One after the other: `+`.
    pub(super) fn joined(&self, other: &Self) -> Self {
        let (count, bytes) = (self.count + other.count, self.bytes + other.bytes);
        match (&self.inner, &other.inner) {
            (Inner::None, Inner::None) => Self::simple(bytes),
            (Inner::List(_) | Inner::None, Inner::List(_) | Inner::None) => {
                let mut each = self.element();
                each.widen(&other.element());
                Self::list(count, bytes, each)
            }
            _ => Self::any(count, self.deepest.max(other.deepest), bytes),
        }
    }

    /// Whatever is in these bounds or in those.
    pub(super) fn widen(&mut self, other: &Self) {
        self.count = self.count.max(other.count);
        self.deepest = self.deepest.max(other.deepest);
        self.bytes = self.bytes.max(other.bytes);
        match (&mut self.inner, &other.inner) {
            (_, Inner::None) => {}
            (inner @ Inner::None, theirs) => *inner = theirs.clone(),
            (Inner::List(ours), Inner::List(theirs)) => {
                if !Rc::ptr_eq(ours, theirs) {
                    Rc::make_mut(ours).widen(theirs);
                }
            }
            (Inner::Fields(ours), Inner::Fields(theirs)) => {
                if Rc::ptr_eq(ours, theirs) {
                    return;
                }
                let ours = Rc::make_mut(ours);
                for (name, theirs) in theirs.iter() {
                    match ours.get_mut(name) {
                        Some(ours) if Rc::ptr_eq(ours, theirs) => {}
                        Some(ours) => Rc::make_mut(ours).widen(theirs),
                        None => drop(ours.insert(name.clone(), Rc::clone(theirs))),
                    }
                }
            }
            (inner, _) => *inner = Inner::Any,
        }
    }
}

#[allow(clippy::cast_precision_loss)]
pub(super) fn length(bytes: usize) -> f64 {
    bytes as f64
}
