//! How long steps tell what they are doing: one line of text at a time, to whoever listens.

use std::fmt;
use std::sync::Arc;

/// Receives one-line messages such as `building kube-apiserver 1.35.4 (2 of 4): 40 s`.
#[derive(Clone)]
pub struct Progress(Arc<dyn Fn(&str) + Send + Sync>);

impl Progress {
    /// Hands every message to `tell`.
    pub fn new(tell: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self(Arc::new(tell))
    }

    /// Prints every message on standard error. The default.
    pub fn stderr() -> Self {
        Self::new(|message| eprintln!("{message}"))
    }

    /// Says nothing.
    pub fn silent() -> Self {
        Self::new(|_| ())
    }

    /// Passes one message on.
    pub fn say(&self, message: impl AsRef<str>) {
        (self.0)(message.as_ref());
    }
}

impl Default for Progress {
    fn default() -> Self {
        Self::stderr()
    }
}

impl fmt::Debug for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Progress")
    }
}
