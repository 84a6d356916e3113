//! Which namespaces the operator watches. It knows nothing of what is in others.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

/// The namespaces that the operator watches: all of them, or those of a list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Watched(Option<Arc<BTreeSet<String>>>);

impl Watched {
    /// All namespaces.
    pub fn all() -> Self {
        Self(None)
    }

    /// These namespaces, and no others; all where the list is empty.
    pub fn only(namespaces: impl IntoIterator<Item = String>) -> Self {
        let namespaces: BTreeSet<String> = namespaces.into_iter().collect();
        Self((!namespaces.is_empty()).then(|| Arc::new(namespaces)))
    }

    /// The list; none for all namespaces.
    pub fn list(&self) -> Option<&BTreeSet<String>> {
        self.0.as_deref()
    }

    /// Does the operator know what is in this namespace?
    pub fn sees(&self, namespace: &str) -> bool {
        self.list().is_none_or(|list| list.contains(namespace))
    }

    /// Does it know the labels of namespaces? They are read with rights over the whole cluster, which it does not need
    /// for a list.
    pub fn reads_labels(&self) -> bool {
        self.list().is_none()
    }
}

impl fmt::Display for Watched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.list() {
            None => f.write_str("all namespaces"),
            Some(list) => f.write_str(&list.iter().map(String::as_str).collect::<Vec<_>>().join(", ")),
        }
    }
}
