//! Who answers and who does not, in the log.

use std::fmt::Display;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tracing::{info, warn};

use super::{Outages, Patience, lasted};

/// Notes what became of each request to a server, and tells the log when an outage begins (WARN) and when it is over
/// (INFO). What counts as one is said at [`Outages`].
///
/// A server that gives no answer and one that answers with nothing but errors of its own (5xx) are two kinds of trouble,
/// told in other words: the first is about the network, the second about the server. Any other answer, a refusal too, is
/// one of a server that works.
#[derive(Debug)]
pub struct Reach(Mutex<Outages<(String, Trouble)>>);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Trouble {
    NoAnswer,
    OnlyErrors,
}

impl Default for Reach {
    fn default() -> Self {
        Self(Mutex::new(Outages::new(Patience::AFew)))
    }
}

impl Reach {
    /// A request to this server, which began then, got no answer.
    pub fn unanswered(&self, server: &str, began: Instant, because: &dyn Display) {
        if self.outages().failed((server.to_owned(), Trouble::NoAnswer), began, Instant::now()) {
            warn!(
                server,
                "{server} is out of reach: {because} Bindery tries again, and says when there is an answer."
            );
        }
    }

    /// A request to this server, which began then, was answered with this HTTP status.
    pub fn answered(&self, server: &str, began: Instant, status: u16) {
        let now = Instant::now();
        let over = self.outages().worked((server.to_owned(), Trouble::NoAnswer), now);
        if let Some(time) = over {
            info!(server, "{server} answers again, after {}.", lasted(time));
        }
        let errors = (server.to_owned(), Trouble::OnlyErrors);
        if status >= 500 {
            if self.outages().failed(errors, began, now) {
                warn!(
                    server,
                    status,
                    "{server} answers only with errors, the last one with HTTP {status}. Bindery tries again, and says when that is over."
                );
            }
            return;
        }
        let over = self.outages().worked(errors, now);
        if let Some(time) = over {
            info!(server, "{server} no longer answers only with errors, after {}.", lasted(time));
        }
    }

    /// Whether the log was told of an outage that is not over. Then each failure by itself is no news.
    pub fn has_told(&self) -> bool {
        self.outages().any()
    }

    fn outages(&self) -> MutexGuard<'_, Outages<(String, Trouble)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
