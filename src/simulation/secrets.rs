//! Secrets with the keys of endpoints: what people do, and what must hold.

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt;
use serde_json::json;

use super::cluster::HOME;
use super::world::World;
use crate::api::{ConditionType, DeploymentBinding, KeysSecret, Management, Object, conditions_of};
use crate::azure::model::{Class, EndpointKeys, Error, ResourceId};
use crate::decide::{KEYS_LABEL, SecretDeed, SecretWork};

/// The names that people give them.
const NAMES: [&str; 2] = ["keys", "other-keys"];

impl super::cloud::Cloud {
    /// The keys of an endpoint: others after each turn.
    pub fn keys(&mut self, endpoint: &ResourceId) -> Result<EndpointKeys, Error> {
        if self.now < self.closed_until || self.bad(1.0) {
            return Err(Error::new(Class::Transient, "The service is busy."));
        }
        if !self.resources.contains_key(endpoint) {
            return Err(Error::new(Class::NotFound, "There is no such endpoint."));
        }
        let key = |which: &str| format!("{which} {}", self.turns);
        Ok(EndpointKeys { primary_key: key("primary"), secondary_key: key("secondary") })
    }
}

/// Somebody does something with keys or Secrets.
pub fn meddle(world: &mut World, spec: &mut Option<KeysSecret>) {
    let name = NAMES[world.rng.usize(0..NAMES.len())];
    match world.rng.u8(0..8) {
        0 => *spec = None,
        1 => {
            world.cloud.turns += 1;
            world.note(|| "USER turns the keys of all endpoints".into());
        }
        2 => {
            let foreign = json!({"metadata": {"name": name, "namespace": HOME}, "type": "Opaque"});
            let foreign: Secret = serde_json::from_value(foreign).expect("a Secret");
            let taken = world.cluster.write_secret(foreign, false);
            world.note(|| format!("USER makes a Secret {name} of their own: {taken}"));
        }
        _ => *spec = Some(KeysSecret { name: name.into() }),
    }
}

/// The binding whose pass is being polled, as it was seen.
fn reader(world: &World) -> Result<std::sync::Arc<DeploymentBinding>, String> {
    let seen = world.reader.as_ref().and_then(|reader| world.seen_quietly(reader));
    let binding = seen.as_ref().and_then(DeploymentBinding::from_any).cloned();
    binding.ok_or_else(|| format!("{:?} touches a Secret", world.reader))
}

/// Only a Secret that is ours for this binding is written or deleted, or one that is not there yet is made.
pub fn the_secret_is_ours(world: &World, secret: &Secret) -> Result<(), String> {
    let Ok(binding) = reader(world) else { return Ok(()) };
    let key = (secret.namespace().unwrap_or_default(), secret.name_any());
    let mark = SecretDeed::mark(&binding.name_any());
    let ours = |secret: &Secret| secret.labels().get(KEYS_LABEL) == Some(&mark);
    // Somebody may have been quicker: then the API server refuses the write.
    let live =
        world.cluster.secrets.get(&key).filter(|live| live.resource_version() == secret.resource_version());
    // A binding that goes gives it to another one of its namespace, which names the same endpoint.
    let gives = || {
        let mut heirs = world.cluster.all::<DeploymentBinding>().filter(|it| !it.is_deleting());
        let label = secret.labels().get(KEYS_LABEL);
        let given = |it: &DeploymentBinding| label == Some(&SecretDeed::mark(&it.name_any()));
        let same = |it: &DeploymentBinding| {
            it.home() == binding.home() && it.spec.endpoint_name() == binding.spec.endpoint_name()
        };
        binding.is_deleting() && live.is_some() && heirs.any(|it| given(it) && same(it))
    };
    let right = (ours(secret) || gives()) && live.is_none_or(ours) && key.0 == binding.home();
    if right { Ok(()) } else { Err(format!("{} writes the Secret {key:?}", binding.full_name())) }
}

/// Keys are asked for only where a manifest says so, of an endpoint that is the binding's own.
pub fn keys_are_asked_for(world: &World, endpoint: &ResourceId) -> Result<(), String> {
    // One that is gone from the cache meanwhile was there when the pass began.
    let Ok(binding) = reader(world) else { return Ok(()) };
    let owner = format!("prod/{}", binding.full_name());
    let reader = binding.key();
    let got = world.got(&reader, endpoint).and_then(Option::as_ref);
    let owned = got.is_some_and(|got| got["tags"]["bindery-owner"] == owner.as_str());
    let right = owned && !world.observe_only;
    if right {
        Ok(())
    } else {
        Err(format!("{} asks for the keys of {endpoint}, which has {got:?}", binding.full_name()))
    }
}

/// A pass that is about to ask for keys was told to, and may.
pub fn they_were_wanted(facts: &crate::decide::deployment_binding::Facts) -> Result<(), String> {
    let done = facts.situation.trouble.secret.as_ref().filter(|done| done.at == facts.situation.now);
    let Some(done) = done.filter(|done| matches!(done.deed.work, SecretWork::Write(_))) else {
        return Ok(());
    };
    let asked = facts.spec.online.endpoint.keys_secret.as_ref().is_some_and(|it| it.name == done.deed.name);
    let may = facts.spec.management == Management::Manage && !facts.spec.suspend && !facts.situation.deleting;
    if asked && may { Ok(()) } else { Err(format!("keys are written where nobody asks for them: {done:?}")) }
}

/// In the end, each binding that is Ready has its Secret with the keys that Azure has now, and nothing else of ours is left.
pub fn of_the_end(world: &World, binding: &DeploymentBinding) -> Result<(), String> {
    let status = binding.current();
    let ready = conditions_of(&status.conditions).is_true(ConditionType::Ready);
    let asked = binding.spec.online.endpoint.keys_secret.as_ref().map(|it| it.name.clone());
    let active = binding.spec.management == Management::Manage && !binding.spec.suspend;
    let mark = SecretDeed::mark(&binding.name_any());
    let ours = |secret: &&Secret| {
        secret.namespace().as_deref() == Some(&*binding.home())
            && secret.labels().get(KEYS_LABEL) == Some(&mark)
    };
    let mut all = world.cluster.secrets.values().filter(ours);
    let left = all.clone().find(|it| {
        Some(it.name_any()) != asked && Some(it.owner_references()[0].uid.clone()) == binding.uid()
    });
    if let Some(left) = left.filter(|_| ready && world.ledger.remembers_all()) {
        return Err(format!("{} leaves the Secret {} behind", binding.full_name(), left.name_any()));
    }
    let Some(asked) = asked.filter(|_| ready && active) else { return Ok(()) };
    let found =
        all.find(|it| it.name_any() == asked).and_then(|it| it.data.as_ref()?.get("primaryKey").cloned());
    let wanted = ByteString(format!("primary {}", world.cloud.turns).into_bytes());
    if found == Some(wanted) {
        Ok(())
    } else {
        Err(format!("{} is Ready, and the Secret {asked} is old", binding.full_name()))
    }
}
