//! The service as a whole: it begins, time passes, and requests are answered.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::config::Config;
use crate::control;
use crate::core::Core;
use crate::core::door::{arm, fault, throttle, token};
use crate::core::machinery::{log, operation, store};
use crate::core::resources::{due, storage};
use crate::core::services::monitor;
use crate::wire::{Principal, Request, Response};

impl Core {
    /// The service with what `config.exists` names, at a time.
    pub fn new(config: Config, now: Timestamp) -> Self {
        let seed = config.exists.clone();
        let mut core = Self {
            rng: fastrand::Rng::with_seed(config.seed),
            store: store::Store::new(config.list_lag),
            operations: operation::Operations::default(),
            tokens: token::Tokens::of(config.seed),
            log: log::Log::default(),
            buckets: throttle::Buckets::default(),
            registry_names: BTreeMap::new(),
            tombstones: BTreeMap::new(),
            publishing: BTreeMap::new(),
            endpoint_keys: BTreeMap::new(),
            datastore_secrets: BTreeMap::new(),
            serving: BTreeMap::new(),
            watch: monitor::Watch::default(),
            metrics: BTreeMap::new(),
            missing_paths: Vec::new(),
            blobs: storage::blobs::Blobs::default(),
            batch_requests: BTreeMap::new(),
            issuer_keys: BTreeMap::new(),
            subscriptions: BTreeMap::new(),
            listens_at: "https://127.0.0.1".to_owned(),
            now,
            config,
        };
        core.seed(&seed);
        core
    }

    /// Lets time pass: whatever is due until `now` happens, each at its own time. Time never goes back.
    pub fn advance(&mut self, now: Timestamp) {
        while let Some((due, work)) = self.operations.next_due(now) {
            self.now = self.now.max(due);
            due::happen(self, work);
        }
        self.now = self.now.max(now);
    }

    /// Answers a request of a principal. Any request gets an answer, and the core goes on.
    pub fn handle(&mut self, now: Timestamp, principal: &Principal, request: &Request) -> Response {
        self.advance(now);
        if request.path.starts_with("/_emulator") {
            return control::http::answer(self, request);
        }
        let fate = fault::decide(self, principal, request);
        let (response, fault) = match fate {
            fault::Fate::Spared => (arm::answer(self, principal, request), None),
            fault::Fate::Instead(response, rule) => (response, Some(rule)),
            fault::Fate::Afterwards(delivery, rule) => {
                let mut response = arm::answer(self, principal, request);
                response.delivery = delivery;
                (response, Some(rule))
            }
        };
        self.log.record(self.now, principal, request, &response, fault);
        response
    }
}
