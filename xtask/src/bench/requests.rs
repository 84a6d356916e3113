//! What the operator asked of Azure, from the emulator's log.

use std::collections::BTreeMap;

use azureml_emulator::{Emulator, Entry};

/// The name of the operator among the emulator's principals.
const OPERATOR: &str = "bindery";

/// Requests on Azure Resource Manager, and others.
#[derive(Debug, Clone, Default)]
pub(super) struct Requests {
    /// GET.
    pub(super) reads: u32,
    /// PUT, POST, PATCH and DELETE.
    pub(super) writes: u32,
    /// Requests of MLflow, which has buckets of its own.
    pub(super) mlflow: u32,
    /// Answers 429.
    pub(super) throttled: u32,
    /// How often what: `GET version`.
    pub(super) kinds: BTreeMap<String, u32>,
}

/// What the operator has asked since the log was cleared, as far as `of` says of a path that it counts.
pub(super) fn requests(emulator: &Emulator, of: impl Fn(&str) -> bool) -> Requests {
    let mut all = Requests::default();
    let control = emulator.control();
    for entry in control.log().filter(|entry| of(&entry.path)) {
        all.count(entry);
    }
    all
}

/// What a path is about.
fn what(path: &str) -> &'static str {
    let parts = [
        ("/mlflow/", "run"),
        ("OperationsStatus/", "operation"),
        ("/publish", "publish"),
        ("/versions/", "version"),
        ("/jobs/", "job"),
        ("/deployments", "deployments"),
        ("/onlineEndpoints/", "endpoint"),
        ("/registries/", "registry"),
        ("/workspaces/", "workspace"),
    ];
    parts.into_iter().find(|(part, _)| path.contains(part)).map_or("something else", |(_, what)| what)
}

impl Requests {
    /// Counts one more request, where the operator has made it.
    pub(super) fn count(&mut self, entry: &Entry) {
        if entry.principal != OPERATOR {
            return;
        }
        let managed = entry.path.starts_with("/subscriptions/");
        match (managed, entry.method.as_str()) {
            (true, "GET") => self.reads += 1,
            (true, _) => self.writes += 1,
            (false, _) if entry.path.contains("/mlflow/") => self.mlflow += 1,
            (false, _) => return,
        }
        self.throttled += u32::from(entry.status == 429);
        *self.kinds.entry(format!("{} {}", entry.method, what(&entry.path))).or_default() += 1;
    }

    /// `GET job × 1, GET version × 2`.
    pub(super) fn in_words(&self) -> String {
        self.kinds.iter().map(|(what, n)| format!("{what} × {n}")).collect::<Vec<_>>().join(", ")
    }
}
