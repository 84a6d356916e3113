//! Situations in which the operator is known to be wrong, each behind a name until it is mended:
//!
//! `BINDERY_SIMULATION_FAULTS=restore-in-any-order,restore-while-running cargo test --lib simulation` is red today.

/// The known faults that a run meets.
#[derive(Debug, Clone, Copy, Default)]
#[allow(clippy::struct_excessive_bools)] // each is a situation of its own
pub struct Faults {
    /// `restore-in-any-order`: of two objects that name one resource, the other one may be the older after a restore,
    /// and age decides, not the tag.
    pub any_order: bool,
    /// `restore-while-running`: until an owner's own object is back, its tag names nobody, and a claimant takes over.
    pub while_running: bool,
    /// `restore-without-finalizers`: an object that is Ready does not get its finalizer back, and goes without a look at
    /// Azure.
    pub no_finalizers: bool,
    /// `claimants-of-many-namespaces`: who goes may hand over to an object of another namespace.
    pub many_namespaces: bool,
    /// `put-not-kept`: Azure takes a PUT and keeps another value, and the operator writes it again and again.
    pub not_kept: bool,
}

impl Faults {
    /// Those that `BINDERY_SIMULATION_FAULTS` names.
    pub fn chosen() -> Self {
        let named = std::env::var("BINDERY_SIMULATION_FAULTS").unwrap_or_default();
        let mut faults = Self::default();
        for name in named.split(',').filter(|name| !name.is_empty()) {
            match name {
                "restore-in-any-order" => faults.any_order = true,
                "restore-while-running" => faults.while_running = true,
                "restore-without-finalizers" => faults.no_finalizers = true,
                "claimants-of-many-namespaces" => faults.many_namespaces = true,
                "put-not-kept" => faults.not_kept = true,
                other => panic!("BINDERY_SIMULATION_FAULTS: there is no fault {other}"),
            }
        }
        faults
    }
}
