//! The resources that exist, as the documents a GET shows. A list may lag behind a GET.

use std::borrow::Cow;
use std::collections::{BTreeMap, VecDeque};

use jiff::Timestamp;
use serde_json::Value;

use super::order::{Order, Position};

/// All resources, by collection. Keys are those of [`Address`](super::address::Address).
#[derive(Debug, Default)]
pub struct Store {
    collections: BTreeMap<String, Collection>,
    /// What changed lately and what it was before, for lists that lag. Empty without a lag.
    journal: VecDeque<Change>,
    sequence: u64,
    /// Seconds for which lists show the past.
    pub lag: f64,
    /// While set, lists show a change at once, and of what changes nothing that was before.
    pub at_once: bool,
}

#[derive(Debug, Default)]
struct Collection {
    sequence_of: BTreeMap<String, u64>,
    documents: BTreeMap<u64, Document>,
}

#[derive(Debug)]
struct Change {
    at: Timestamp,
    collection: String,
    name: String,
    sequence: u64,
    before: Option<Document>,
}

/// A document. There may be very many versions of assets, and a version as a JSON map takes
/// 6.5 kB, and 1.5 kB as text.
#[derive(Debug, Clone)]
enum Document {
    Map(Value),
    Text(Box<str>),
}

impl Document {
    fn new(collection: &str, document: Value) -> Self {
        if collection.ends_with("/versions") {
            Self::Text(document.to_string().into())
        } else {
            Self::Map(document)
        }
    }

    fn read(&self) -> Cow<'_, Value> {
        match self {
            Self::Map(document) => Cow::Borrowed(document),
            Self::Text(text) => Cow::Owned(serde_json::from_str(text).unwrap_or_default()),
        }
    }
}

impl Store {
    /// Nothing, with lists that lag so many seconds.
    pub fn new(lag: f64) -> Self {
        Self { lag, ..Self::default() }
    }

    fn find(&self, key: &str) -> Option<&Document> {
        let (collection, name) = key.rsplit_once('/')?;
        let collection = self.collections.get(collection)?;
        collection.documents.get(collection.sequence_of.get(name)?)
    }

    /// The document of a resource.
    pub fn get(&self, key: &str) -> Option<Cow<'_, Value>> {
        self.find(key).map(Document::read)
    }

    /// The document of a resource as JSON.
    pub fn text(&self, key: &str) -> Option<String> {
        self.find(key).map(|document| match document {
            Document::Map(document) => document.to_string(),
            Document::Text(text) => text.to_string(),
        })
    }

    /// The document of a resource, to be changed and put back.
    pub fn take(&self, key: &str) -> Option<Value> {
        self.get(key).map(Cow::into_owned)
    }

    /// Whether a resource exists.
    pub fn has(&self, key: &str) -> bool {
        self.find(key).is_some()
    }

    /// Stores a document; one that was there keeps its place in lists.
    pub fn put(&mut self, now: Timestamp, key: &str, document: Value) {
        let Some((path, name)) = key.rsplit_once('/') else { return };
        let collection = self.collections.entry(path.to_owned()).or_default();
        let sequence = *collection.sequence_of.entry(name.to_owned()).or_insert_with(|| {
            self.sequence += 1;
            self.sequence
        });
        let before = collection.documents.insert(sequence, Document::new(path, document));
        self.record(now, (path, name), sequence, before);
    }

    /// Changes a document in place; false when there is none.
    pub fn change(&mut self, now: Timestamp, key: &str, change: impl FnOnce(&mut Value)) -> bool {
        let Some(mut document) = self.take(key) else { return false };
        change(&mut document);
        self.put(now, key, document);
        true
    }

    /// Removes a resource and everything beneath it; false when there is none.
    pub fn remove(&mut self, now: Timestamp, key: &str) -> bool {
        for path in self.beneath(key, "") {
            self.collections.remove(&path);
        }
        let Some((path, name)) = key.rsplit_once('/') else { return false };
        let Some(collection) = self.collections.get_mut(path) else { return false };
        let Some(sequence) = collection.sequence_of.remove(name) else { return false };
        let before = collection.documents.remove(&sequence);
        self.record(now, (path, name), sequence, before);
        true
    }

    /// The documents of collections, as lists show them; those behind a position, if one is given.
    pub fn list(
        &self,
        now: Timestamp,
        paths: &[String],
        order: Order,
        after: Option<&Position>,
    ) -> impl Iterator<Item = (Position, Cow<'_, Value>)> {
        let mut found: Vec<(Position, &Document)> = self
            .shown(now, paths)
            .into_iter()
            .map(|(at, document)| {
                // Only what is looked at is read.
                let position = if order.is_by_field() {
                    order.position(at, &document.read())
                } else {
                    Position::of_sequence(at)
                };
                (position, document)
            })
            .collect();
        if order.is_by_field() {
            found.sort_by(|(one, _), (other, _)| one.cmp(other));
        }
        if order.descending {
            found.reverse();
        }
        let behind = |position: &Position, after: &Position| {
            if order.descending { position < after } else { position > after }
        };
        found.retain(|(position, _)| after.is_none_or(|after| behind(position, after)));
        found.into_iter().map(|(position, document)| (position, document.read()))
    }

    fn shown(&self, now: Timestamp, paths: &[String]) -> BTreeMap<u64, &Document> {
        let collections = paths.iter().filter_map(|path| self.collections.get(path));
        let documents = collections.flat_map(|collection| &collection.documents);
        let mut shown: BTreeMap<u64, &Document> = documents.map(|(at, document)| (*at, document)).collect();
        // The oldest change within the lag tells what was there before all of them.
        for change in self.journal.iter().rev().filter(|change| paths.contains(&change.collection)) {
            if super::ids::after(change.at, self.lag) <= now {
                continue;
            }
            match &change.before {
                Some(document) => shown.insert(change.sequence, document),
                None => shown.remove(&change.sequence),
            };
        }
        shown
    }

    /// The paths of the collections that are somewhere beneath a resource, or a subscription, and end so.
    pub fn beneath(&self, key: &str, ending: &str) -> Vec<String> {
        let start = format!("{key}/");
        let paths = self.collections.range(start.clone()..).map(|(path, _)| path);
        let found = paths.take_while(|path| path.starts_with(&start));
        found.filter(|path| path.ends_with(ending)).cloned().collect()
    }

    /// How many documents a collection has now.
    pub fn count(&self, path: &str) -> usize {
        self.collections.get(path).map_or(0, |collection| collection.documents.len())
    }

    /// Whether any collection beneath a resource whose path ends so holds something.
    pub fn holds(&self, key: &str, ending: &str) -> bool {
        let beneath = format!("{key}/");
        let found =
            self.collections.range(beneath.clone()..).take_while(|(path, _)| path.starts_with(&beneath));
        found.into_iter().any(|(path, collection)| path.ends_with(ending) && !collection.documents.is_empty())
    }

    /// The documents of a collection as they are now, in order of creation.
    pub fn all(&self, path: &str) -> impl DoubleEndedIterator<Item = Cow<'_, Value>> {
        let documents =
            self.collections.get(path).into_iter().flat_map(|collection| collection.documents.values());
        documents.map(Document::read)
    }

    /// The documents as they are now of all collections whose path ends so, with the path.
    pub fn everywhere<'a>(&'a self, ending: &'a str) -> impl Iterator<Item = (&'a str, Cow<'a, Value>)> {
        self.collections.iter().filter(move |(path, _)| path.ends_with(ending)).flat_map(
            |(path, collection)| {
                collection.documents.values().map(move |document| (path.as_str(), document.read()))
            },
        )
    }

    fn record(
        &mut self,
        at: Timestamp,
        (collection, name): (&str, &str),
        sequence: u64,
        before: Option<Document>,
    ) {
        if self.lag <= 0.0 {
            self.journal.clear();
            return;
        }
        if self.at_once {
            self.journal.retain(|change| change.name != name || change.collection != collection);
            return;
        }
        while self.journal.front().is_some_and(|change| super::ids::after(change.at, self.lag) <= at) {
            self.journal.pop_front();
        }
        let (collection, name) = (collection.to_owned(), name.to_owned());
        self.journal.push_back(Change { at, collection, name, sequence, before });
    }
}
