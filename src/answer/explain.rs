//! Why an object is not Ready: the chain of causes from object to object, down to the one where it begins.

mod subject;
mod words;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::names::Name;
use super::seen::Seen;
use crate::api::ObjectKey;

pub use subject::{Explained, Link, Operating, Subject};
pub use words::text;

/// How many objects are looked at. A chain of promotions may be of any length.
const MOST: usize = 64;

/// What was read for an answer, by object.
#[derive(Debug, Clone)]
pub struct Picture {
    asked: ObjectKey,
    objects: BTreeMap<ObjectKey, Seen<Subject>>,
}

impl Picture {
    /// Nothing is read yet.
    pub fn of(asked: ObjectKey) -> Self {
        Self { asked, objects: BTreeMap::new() }
    }

    /// An object was read.
    pub fn add(&mut self, key: ObjectKey, seen: Seen<Subject>) {
        self.objects.insert(key, seen);
    }

    /// The objects that have to be read next: those that what is known refers to. Nothing is wanted any more when the picture
    /// is whole.
    pub fn wants(&self) -> Vec<ObjectKey> {
        if self.objects.len() >= MOST {
            return vec![];
        }
        let named = self.objects.values().filter_map(Seen::found).flat_map(|subject| &subject.links);
        let wanted: BTreeSet<&ObjectKey> = named.map(|link| &link.to).chain([&self.asked]).collect();
        let unread = wanted.into_iter().filter(|key| !self.objects.contains_key(key));
        unread.take(MOST - self.objects.len()).cloned().collect()
    }

    /// The object that was asked about.
    pub fn asked(&self) -> (&ObjectKey, Option<&Seen<Subject>>) {
        (&self.asked, self.objects.get(&self.asked))
    }

    fn subject(&self, key: &ObjectKey) -> Option<&Subject> {
        self.objects.get(key).and_then(Seen::found)
    }

    /// The objects from the one that was asked about to the one where the trouble begins.
    fn chain(&self) -> Vec<&ObjectKey> {
        let mut chain = vec![&self.asked];
        while let Some(next) = chain.last().and_then(|last| self.cause_of(last))
            && !chain.contains(&next)
        {
            chain.push(next);
        }
        chain
    }

    /// The object that another one waits for, where its own reason says that it waits for one.
    fn cause_of(&self, key: &ObjectKey) -> Option<&ObjectKey> {
        let subject = self.subject(key).filter(|subject| !subject.ready.holds())?;
        let lacking = |link: &&Link| match self.objects.get(&link.to) {
            Some(Seen::Missing) => true,
            Some(Seen::Found(other)) => !other.ready.holds(),
            Some(Seen::Withheld(_)) | None => false,
        };
        subject.links.iter().find(lacking).filter(|_| subject.waits_for_another()).map(|link| &link.to)
    }
}

/// The answer, for tools; [`text`] is the one for people.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    kind: &'static str,
    object: Name,
    /// The object is as its manifest says.
    ready: bool,
    /// Where the trouble begins; absent where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    root_cause: Option<RootCause>,
    /// The object that was asked about, and after it those that it waits for, one by the other.
    chain: Vec<Explained>,
    /// The other objects that those in the chain refer to.
    others: Vec<Explained>,
    /// What could not be read, in a sentence each.
    not_read: Vec<String>,
}

/// Where the trouble begins.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RootCause {
    /// The object.
    pub object: Name,
    /// Its reason for not being Ready: a word of the API, or empty.
    pub reason: String,
    /// What is wrong, in a sentence.
    pub message: String,
}

impl Explanation {
    /// The explanation of a picture that is whole; none where the object itself could not be read.
    pub fn of(picture: &Picture) -> Option<Self> {
        let subject = picture.subject(&picture.asked)?;
        let chain = picture.chain();
        let mut others: Vec<&ObjectKey> = vec![];
        for link in chain.iter().filter_map(|key| picture.subject(key)).flat_map(|subject| &subject.links) {
            if !chain.contains(&&link.to) && !others.contains(&&link.to) {
                others.push(&link.to);
            }
        }
        let explained = |key: &&ObjectKey| Explained::of(key, picture.objects.get(*key));
        let withheld = picture.objects.values().filter_map(|seen| match seen {
            Seen::Withheld(said) => Some(said.clone()),
            Seen::Found(_) | Seen::Missing => None,
        });
        let mut not_read: Vec<String> = withheld.collect();
        if picture.objects.len() >= MOST {
            not_read.push(format!("Only {MOST} objects were looked at; there are more."));
        }
        let ready = subject.ready.holds();
        Some(Self {
            kind: "Explanation",
            object: Name::from(&picture.asked),
            ready,
            root_cause: chain.last().filter(|_| !ready).map(|key| root_cause(picture, key)),
            chain: chain.iter().map(explained).collect(),
            others: others.iter().map(explained).collect(),
            not_read,
        })
    }

    /// The object is as its manifest says.
    pub fn is_ready(&self) -> bool {
        self.ready
    }

    /// What could not be read, in a sentence each.
    pub fn not_read(&self) -> &[String] {
        &self.not_read
    }
}

fn root_cause(picture: &Picture, key: &ObjectKey) -> RootCause {
    let object = Name::from(key);
    match picture.subject(key) {
        Some(subject) => {
            let (reason, message) = subject.trouble();
            RootCause { object, reason, message }
        }
        None => RootCause { message: "It does not exist.".into(), reason: String::new(), object },
    }
}

#[cfg(test)]
mod tests;
