//! A registry: made, grown, shrunk, corrected, and let go.

mod body;
mod gather;

use body::{fixed_differences, region_details, same_region};
pub(in crate::decide) use body::{identity_in_words, new_identity, to_azure};

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::api::{
    Drift, NetworkAccess, Reason, Region, RegionRemoval, RegionStatus, RegistryDeletion, RegistrySpec,
    RegistryStatus,
};
use crate::azure::model::resource::{RegionDetails, Registry};
use crate::azure::model::{Action, Call, Error, OperationState, Purpose, Reply, ResourceId};
use crate::decide::drift::{Differences, intended, merged, owned};
use crate::decide::{Decision, Failure, Look, OWNER_TAG, Situation, Verdict, elapsed, first_of};

/// How long accounts may take to show when no operation is known: as long as Azure follows one itself
/// (`x-ms-async-operation-timeout`, azure-ml.md B.1).
const PATIENCE: Duration = Duration::from_secs(1800);

/// Everything the decision needs.
#[derive(Debug, Clone)]
pub struct Facts {
    pub situation: Situation,
    pub spec: RegistrySpec,
    pub status: RegistryStatus,
    /// Its ARM id, from the spec.
    pub id: ResourceId,
    pub registry: Look<Registry>,
    /// What it holds in Azure, such as `models`; looked up only for a deletion.
    pub holds: Vec<String>,
}

/// What to do next for a registry. The first question that has an answer decides.
pub fn decide(facts: &Facts) -> Decision<RegistryStatus> {
    let mut status = picture(facts);
    let verdict = first_of(
        facts,
        &[
            stay_while_referred_to,
            refuse_identity, // nothing is read or changed, and a deletion waits
            finish_deletion,
            report_unreadable,
            refuse_foreign,
            follow_running_operation, // Azure still works: a registry has no provisioningState
            create,                   // nothing in Azure yet
            remove_regions,           // before the PUT, which cannot take any away
            correct,                  // adopt, add regions, put back what drifted
            ask_again_for_accounts,   // Azure has not named the accounts of every region
            refuse_region_removal,    // a region goes only where the manifest says so
            report_what_cannot_change, // accounts stay as they were made
        ],
    )
    .unwrap_or_else(|| settle(facts));
    let seen = facts.registry.seen().map(|seen| seen && !belongs_to_another(facts));
    let (conditions, verdict) =
        facts.situation.conclude(&facts.status.conditions, seen, &status.drift, verdict);
    status.conditions = conditions;
    verdict.decision(status).intending(|call, status| {
        if matches!(call.action, Action::Put(_)) {
            status.owned_tags = intended(&status.owned_tags, &facts.spec.tags);
            // It asks for the accounts too: the wait for them begins again.
            status.awaiting_accounts_since = status.awaiting_accounts_since.map(|_| facts.situation.now);
        }
    })
}

impl Facts {
    /// The facts after Azure has answered a call.
    pub fn absorb(&mut self, call: &Call, answer: Result<&Reply, &Error>) {
        let Ok(reply) = answer else { return };
        let now = self.situation.now;
        self.status.operation = self.situation.operation.begin(call, reply, now);
        match (&call.action, reply.body.clone().map(serde_json::from_value)) {
            (Action::Put(_), Some(Ok(registry))) => self.registry = Look::Found(registry),
            (Action::Delete, _) if reply.operation.is_none() => self.registry = Look::Absent,
            _ => {}
        }
    }

    fn observing(&self) -> bool {
        self.situation.mode.observes()
    }

    /// What a call is to put right.
    fn differences(&self) -> Vec<Drift> {
        self.differences_and(self.spec.region_removal == RegionRemoval::Delete)
    }

    /// The differences that a PUT can mend; that Azure has regions too many is one of them or not.
    fn differences_and(&self, surplus_counts: bool) -> Vec<Drift> {
        let Some(registry) = self.registry.found() else { return vec![] };
        let mut found = Differences::default();
        found.keys("tags", &self.spec.tags, &self.status.owned_tags, &registry.tags);
        if let Some(access) = self.spec.public_network_access {
            let held = registry.properties.public_network_access.as_deref().unwrap_or("Enabled");
            found.field("publicNetworkAccess", access.word(), held);
        }
        if let Some(identity) = &self.spec.identity {
            found.field(
                "identity",
                &identity_in_words(Some(&to_azure(identity, registry.identity.as_ref()))),
                &identity_in_words(registry.identity.as_ref()),
            );
        }
        let wanted = self.wanted_regions();
        let missing = wanted.iter().any(|r| !has_region(registry, &r.location));
        if missing || (surplus_counts && !self.surplus_regions().is_empty()) {
            let held = &registry.properties.region_details;
            let wanted: Vec<&str> = wanted.iter().map(|r| r.location.as_str()).collect();
            let held: Vec<&str> = held.iter().map(|r| r.location.as_str()).collect();
            found.field("regions", &wanted.join(","), &held.join(","));
        }
        found.0
    }

    /// With those that no PUT can mend.
    fn all_differences(&self) -> Vec<Drift> {
        self.differences_and(true).into_iter().chain(self.fixed_differences()).collect()
    }

    /// What differs in accounts that are there.
    fn fixed_differences(&self) -> Vec<Drift> {
        let Some(registry) = self.registry.found() else { return vec![] };
        let found = |region: &Region| {
            find_region(registry, &region.location).map_or(vec![], |found| fixed_differences(region, found))
        };
        self.spec.regions.iter().flat_map(found).collect()
    }

    /// The regions to have, as far as the manifest names them.
    fn wanted_regions(&self) -> Vec<&Region> {
        self.spec.regions.iter().collect()
    }

    /// Regions that Azure has and the manifest does not name. A manifest without a list leaves them alone.
    fn surplus_regions(&self) -> Vec<&RegionDetails> {
        let Some(registry) = self.registry.found() else { return vec![] };
        let named = |location: &str| self.spec.regions.iter().any(|r| same_region(&r.location, location));
        registry
            .properties
            .region_details
            .iter()
            .filter(|r| !self.spec.regions.is_empty() && !named(&r.location))
            .collect()
    }
}

/// What is another's is the other's to report. Whose it is only its tag says: until that is read, what is remembered stays.
fn belongs_to_another(facts: &Facts) -> bool {
    facts.registry.seen().is_some() && refuse_foreign(facts).is_some()
}

fn picture(facts: &Facts) -> RegistryStatus {
    let mut status = facts.status.clone();
    status.observed_generation = facts.situation.generation;
    status.last_handled_reconcile.clone_from(&facts.situation.asks);
    status.id = Some(facts.id.to_string());
    // A registry that Azure says it has made may not be seen yet: the operation ends when it is.
    let seen = facts.registry.found().is_some() || facts.situation.deleting;
    status.operation = match facts.situation.operation.believed(facts.situation.now) {
        Some(OperationState::Succeeded) if !seen => status.operation,
        _ => facts.situation.operation.under_way(facts.situation.now).cloned(),
    };
    if let Some(registry) = facts.registry.found().filter(|_| !belongs_to_another(facts)) {
        let properties = &registry.properties;
        status.discovery_url.clone_from(&properties.discovery_url);
        status.mlflow_registry_uri.clone_from(&properties.ml_flow_registry_uri);
        status.managed_resource_group =
            text(properties.rest.get("managedResourceGroup").and_then(|g| g.get("resourceId")));
        status.principal_id = registry.identity.as_ref().and_then(|i| text(i.rest.get("principalId")));
        status.regions = properties
            .region_details
            .iter()
            .map(|region| RegionStatus {
                location: region.location.clone(),
                storage_account: region.storage_account().map(str::to_string),
                container_registry: region.container_registry().map(str::to_string),
            })
            .collect();
        let locations: Vec<&str> = properties.region_details.iter().map(|r| r.location.as_str()).collect();
        status.region_summary = (!locations.is_empty()).then(|| locations.join(", "));
        let awaited = status.operation.is_none() && awaited_accounts(facts).is_some();
        status.awaiting_accounts_since = awaited.then(|| awaiting_since(facts));
        status.drift =
            if facts.situation.stood(&facts.status.conditions) { facts.all_differences() } else { vec![] };
        // While Azure works, nobody knows which keys there will be.
        if facts.situation.ownership.owns(&registry.tags) && status.operation.is_none() {
            status.owned_tags = owned(&status.owned_tags, &facts.spec.tags, &registry.tags);
        }
    } else if facts.registry.seen().is_some() {
        status = RegistryStatus {
            observed_generation: status.observed_generation,
            last_handled_reconcile: status.last_handled_reconcile,
            id: status.id,
            operation: status.operation,
            owned_tags: status.owned_tags,
            ..RegistryStatus::default()
        };
    }
    status
}

fn stay_while_referred_to(facts: &Facts) -> Option<Verdict> {
    facts.situation.wait_for_referrers()
}

fn refuse_identity(facts: &Facts) -> Option<Verdict> {
    let lets_go = facts.situation.deleting && facts.spec.deletion_policy == RegistryDeletion::Retain;
    Some(Verdict::stalled(
        Reason::IdentityNotAllowed,
        facts.situation.acting.clone().err().filter(|_| !lets_go)?,
    ))
}

fn finish_deletion(facts: &Facts) -> Option<Verdict> {
    let situation = &facts.situation;
    if !situation.deleting {
        return None;
    }
    if facts.spec.deletion_policy == RegistryDeletion::Retain {
        return Some(Verdict::release("The registry stays in Azure: spec.deletionPolicy is Retain."));
    }
    let registry = match &facts.registry {
        // One that is still being made would be left behind.
        Look::Absent => {
            return follow_running_operation(facts).or_else(|| {
                Some(Verdict::release("The registry is not in Azure, so nothing is left to delete there."))
            });
        }
        Look::Unseen => {
            return facts.situation.report_unreadable_at_the_end(&facts.status.conditions);
        }
        Look::Found(registry) => registry,
    };
    let what = format!("registry {}", facts.id.name());
    let follow = || follow_running_operation(facts);
    if let Some(verdict) = situation.leave_to_owner(&registry.tags, &what, follow).or_else(follow) {
        return Some(verdict);
    }
    let hand_over = situation.hand_over(&what, situation.handover, |heir, doing| {
        let mut given = registry.clone();
        given.tags.insert(OWNER_TAG.into(), heir.to_string());
        Some(Call::new(Purpose::HandOver, facts.id.clone(), Action::Put(given.to_put()), doing))
    });
    if let Some(verdict) = hand_over {
        return Some(verdict);
    }
    if !facts.holds.is_empty() {
        let message = format!(
            "The registry is not deleted while it holds {}. Remove them first, or set spec.deletionPolicy to Retain to let go of it.",
            facts.holds.join(", ")
        );
        return Some(situation.held_in_azure(&facts.status.conditions, Reason::NotEmpty, message));
    }
    Some(Verdict::call(
        Reason::Deleting,
        Call::new(
            Purpose::Delete,
            facts.id.clone(),
            Action::Delete,
            format!("delete the registry {}", facts.id.name()),
        ),
    ))
}

fn report_unreadable(facts: &Facts) -> Option<Verdict> {
    facts.situation.report_unreadable(&facts.status.conditions)
}

fn refuse_foreign(facts: &Facts) -> Option<Verdict> {
    let tags = facts.registry.found().map(|r| &r.tags);
    let what = format!("The registry {}", facts.id.name());
    facts.situation.leave_alone(
        (Some(&facts.id), tags),
        &what,
        "Delete one of the two objects, or set spec.management to Observe",
    )
}

fn follow_running_operation(facts: &Facts) -> Option<Verdict> {
    let Situation { operation, now, .. } = &facts.situation;
    let wait = facts.situation.look_again(operation.since());
    if let Some(running) = operation.under_way(*now) {
        let message = format!("Azure works on it: {}.", running.doing);
        return Some(Verdict::wait(Reason::OperationRunning, message, wait));
    }
    match operation.believed(*now)? {
        OperationState::Succeeded if facts.registry.is_absent() && !facts.situation.deleting => {
            Some(Verdict::wait(
                Reason::OperationRunning,
                "Azure says that the registry is made; Bindery waits until it can be seen.",
                wait,
            ))
        }
        _ => None,
    }
}

fn create(facts: &Facts) -> Option<Verdict> {
    if !facts.registry.is_absent() {
        return None;
    }
    if facts.observing() {
        return Some(Verdict::stalled(
            Reason::NotInAzure,
            format!(
                "There is no registry {} in Azure, and Bindery makes none: {}. Check spec.azure, or let Bindery manage it.",
                facts.id.name(),
                facts.situation.why_observed()
            ),
        ));
    }
    let mut registry = Registry { location: facts.spec.location.clone(), ..Registry::default() };
    registry.identity = Some(new_identity(facts.spec.identity.as_ref()));
    registry.properties.public_network_access = Some(NetworkAccess::default().word().into());
    let primary = Region { location: facts.spec.location.clone(), storage: None, container_registry: None };
    let regions = if facts.spec.regions.is_empty() { vec![&primary] } else { facts.wanted_regions() };
    registry.properties.region_details = regions.into_iter().map(region_details).collect();
    Some(put(
        facts,
        registry,
        Reason::Creating,
        Purpose::Create,
        format!("create the registry {}", facts.id.name()),
    ))
}

fn remove_regions(facts: &Facts) -> Option<Verdict> {
    let registry = facts.registry.found()?;
    let surplus = facts.surplus_regions();
    let removes = facts.spec.region_removal == RegionRemoval::Delete;
    // What is stored there goes too: so only from a registry that has been taken over.
    if surplus.is_empty() || !removes || facts.observing() || !facts.situation.ownership.owns(&registry.tags)
    {
        return None;
    }
    let names: Vec<&str> = surplus.iter().map(|r| r.location.as_str()).collect();
    let body = json!({
        "location": registry.location,
        "properties": {"regionDetails": names.iter().map(|n| json!({"location": n})).collect::<Vec<_>>()},
    });
    let doing = format!("remove {} from the regions of registry {}", names.join(", "), facts.id.name());
    let call =
        Call::new(Purpose::RemoveRegions, facts.id.clone(), Action::Post("removeRegions", body), doing);
    Some(Verdict::call(Reason::Updating, call).remarking(true, " What is stored there goes too."))
}

fn correct(facts: &Facts) -> Option<Verdict> {
    let registry = facts.registry.found()?;
    let differences = facts.differences();
    let adopting = !facts.situation.ownership.owns(&registry.tags);
    if differences.is_empty() && (!adopting || facts.observing()) {
        return None;
    }
    let title = format!("Registry {}", facts.id.name());
    if let Some(theirs) = facts.situation.only_looks_at(&registry.tags, &title, &differences) {
        return Some(theirs);
    }
    let fields: Vec<&str> = differences.iter().map(|d| d.field.as_str()).collect();
    let drifted = facts.situation.stood(&facts.status.conditions) && !differences.is_empty();
    let (name, fields_in_words) = (facts.id.name(), fields.join(", "));
    let (purpose, doing) = match (adopting, drifted) {
        (true, _) => (Purpose::TakeOver, format!("take over the registry {name}, which exists")),
        (false, true) => (Purpose::PutBack, format!("put back {fields_in_words} of registry {name}")),
        (false, false) => (Purpose::Update, format!("change {fields_in_words} of registry {name}")),
    };
    let reason = if drifted { Reason::Drifted } else { Reason::Updating };
    let mut verdict = put(facts, registry.clone(), reason, purpose, doing).mending(differences.clone());
    if drifted && !facts.observing() {
        verdict = verdict.remarking(true, "");
    }
    Some(verdict)
}

/// A PUT of what was found with our fields set; what is not ours goes back as it came.
fn put(facts: &Facts, mut registry: Registry, reason: Reason, purpose: Purpose, doing: String) -> Verdict {
    let spec = &facts.spec;
    registry.tags = merged(&registry.tags, &spec.tags, &facts.status.owned_tags);
    registry.tags.insert(OWNER_TAG.into(), facts.situation.ownership.owner.to_string());
    if let Some(access) = spec.public_network_access {
        registry.properties.public_network_access = Some(access.word().into());
    }
    if let Some(identity) = &spec.identity {
        registry.identity = Some(to_azure(identity, registry.identity.as_ref()));
    }
    for region in facts.wanted_regions() {
        if !has_region(&registry, &region.location) {
            registry.properties.region_details.push(region_details(region));
        }
    }
    Verdict::call(reason, Call::new(purpose, facts.id.clone(), Action::Put(registry.to_put()), doing))
}

/// A creation that failed halfway leaves a registry without accounts, and nobody works on it any more.
fn ask_again_for_accounts(facts: &Facts) -> Option<Verdict> {
    let registry = facts.registry.found()?;
    let awaited = awaited_accounts(facts)?;
    let name = facts.id.name();
    let since = awaiting_since(facts);
    let failure = facts.situation.trouble.failure.as_ref();
    if elapsed(since, facts.situation.now) >= PATIENCE || failure.is_some() {
        let again = || {
            (Purpose::CompleteAccounts, format!("ask again for the accounts of registry {name} in {awaited}"))
        };
        // What failed is done once more, after its time, and until then the status says why it failed.
        let same = failure.filter(|f: &&Failure| f.attempt.purpose != Purpose::RemoveRegions);
        let (purpose, doing) = same.map_or_else(again, |f| (f.attempt.purpose, f.attempt.doing.clone()));
        return Some(put(facts, registry.clone(), Reason::Updating, purpose, doing));
    }
    let again = since + PATIENCE;
    Some(Verdict::wait(
        Reason::OperationRunning,
        format!("Azure has not yet made the accounts in {awaited}; Bindery asks again for them at {again}."),
        Duration::from_secs(10),
    ))
}

/// The regions whose accounts Azure has not named.
fn awaited_accounts(facts: &Facts) -> Option<String> {
    let regions = &facts.registry.found()?.properties.region_details;
    let awaited: Vec<&str> =
        regions.iter().filter(|r| !r.provisioned()).map(|r| r.location.as_str()).collect();
    (!awaited.is_empty()).then(|| awaited.join(", "))
}

fn awaiting_since(facts: &Facts) -> Timestamp {
    facts.status.awaiting_accounts_since.unwrap_or(facts.situation.now)
}

fn settle(facts: &Facts) -> Verdict {
    let regions = facts.registry.found().map_or(0, |r| r.properties.region_details.len());
    if facts.observing() {
        return Verdict::settled(Reason::Observed, "The registry is there; Bindery leaves it as it is.");
    }
    Verdict::settled(
        Reason::Succeeded,
        format!(
            "The registry is what the manifest says, in {regions} region{}.",
            if regions == 1 { "" } else { "s" }
        ),
    )
}

fn refuse_region_removal(facts: &Facts) -> Option<Verdict> {
    let surplus = facts.surplus_regions();
    if surplus.is_empty() || facts.observing() {
        return None;
    }
    let names: Vec<&str> = surplus.iter().map(|r| r.location.as_str()).collect();
    let entries: Vec<String> = names.iter().map(|name| format!("{{location: {name}}}")).collect();
    Some(Verdict::stalled(
        Reason::RegionRemovalRefused,
        format!(
            "Azure has the registry in {} too, which spec.regions does not name, and spec.regionRemoval is Refuse. With a region go its storage account, its container registry, and the copies of every version there. Set spec.regionRemoval to Delete to have that, or add {} to spec.regions. Everything else is as the manifest says.",
            names.join(", "),
            entries.join(", ")
        ),
    ))
}

/// What Azure made otherwise than the manifest says, and never changes.
fn report_what_cannot_change(facts: &Facts) -> Option<Verdict> {
    let fixed = facts.fixed_differences();
    if fixed.is_empty() || facts.observing() {
        return None;
    }
    let said: Vec<String> =
        fixed.iter().map(|d| format!("{} is {}, not {}", d.field, d.found, d.wanted)).collect();
    Some(Verdict::stalled(
        Reason::Unchangeable,
        format!(
            "Azure made the accounts otherwise than the manifest says, and cannot change them: {}. Take spec.regions out of the manifest, which leaves the regions as they are, and then write it with what Azure has.",
            said.join("; ")
        ),
    ))
}

fn find_region<'a>(registry: &'a Registry, location: &str) -> Option<&'a RegionDetails> {
    registry.properties.region_details.iter().find(|r| same_region(&r.location, location))
}

fn has_region(registry: &Registry, location: &str) -> bool {
    find_region(registry, location).is_some()
}

fn text(value: Option<&Value>) -> Option<String> {
    value.and_then(Value::as_str).map(str::to_string)
}

#[cfg(test)]
mod tests;
