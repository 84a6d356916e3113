//! What a registry's decision needs to know.

use serde_json::Value;

use super::Facts;
use crate::api::{Object, Registry, RegistryDeletion, RegistryStatus};
use crate::azure::model::resource::{self, Rest};
use crate::azure::model::{Error, Principal, Purpose, ResourceId};
use crate::decide::drift::unite;
use crate::decide::facts::{Counted, Kind, Known, Name, Stake};
use crate::decide::places::publishers::{adopting, is_listed_before, right_of_place, stake_of_place};
use crate::decide::places::reference::referrers;
use crate::decide::{Adopting, Referrers, Right, Situation, words_of};

/// What a registry may hold.
const FAMILIES: [&str; 5] = ["models", "environments", "components", "data", "codes"];

impl Registry {
    /// The ARM id that the manifest names.
    pub fn id(&self) -> ResourceId {
        let (azure, own) = (&self.spec.azure, self.metadata.name.as_deref());
        let name = azure.name.as_deref().or(own).unwrap_or_default();
        ResourceId::registry(&azure.subscription_id, &azure.resource_group, name)
    }
}

impl Kind for Registry {
    type Facts = Facts;

    fn target(&self, _: &mut Known) -> Option<ResourceId> {
        Some(self.id())
    }

    fn acting(&self, at: &ResourceId, known: &mut Known) -> Result<Principal, String> {
        known.acting(&self.home(), self.spec.credentials.as_ref(), at)
    }

    fn let_in(&self, known: &mut Known) -> Option<Right> {
        let (acting, seen) = (self.acting(&self.id(), known), self.current().discovery_url.is_some());
        Some(right_of_place(self, acting, seen))
    }

    fn stake(&self) -> Stake {
        stake_of_place(self, self.status.as_ref().is_some_and(|status| status.discovery_url.is_some()))
    }

    fn outranks(&self, other: &Self) -> bool {
        is_listed_before(self, other)
    }

    fn adopting(&self, _: &mut Known) -> Adopting {
        adopting(Some(self))
    }

    fn names(&self) -> Vec<Name> {
        vec![Name::resource(self.id().as_str())]
    }

    fn referrers(&self, known: &mut Known) -> Option<Referrers> {
        Some(referrers(self, known))
    }

    fn counted(before: &RegistryStatus, after: &RegistryStatus) -> Vec<Counted> {
        Counted::drift(&before.drift, &after.drift)
    }

    fn outward(&self) -> String {
        let status = self.current();
        format!("{}{:?}", words_of(&status.conditions), status.discovery_url)
    }

    fn inherit(heir: &mut RegistryStatus, owner: &RegistryStatus) {
        unite(&mut heir.owned_tags, &owner.owned_tags);
    }

    fn gather(&self, mut situation: Situation, known: &mut Known) -> Facts {
        let id = self.id();
        let served = situation.acting.is_ok();
        situation.follow(served, known);
        let found = served.then(|| known.resource::<resource::Registry>(Purpose::Compare, &id)).flatten();
        let mut registry = situation.look(&id, &format!("the registry {}", id.name()), found);
        let mut holds = vec![];
        let may_be_deleted = situation.deleting && self.spec.deletion_policy == RegistryDeletion::Delete;
        // Counting takes long, so it is left until nobody refers to the registry any more.
        if may_be_deleted && registry.found().is_some() && situation.wait_for_referrers().is_none() {
            match content(&id, known) {
                None => {}
                Some(Ok(content)) => holds = content,
                Some(Err(error)) => {
                    registry = situation.look(&id, "what the registry holds", Some(Err(error)));
                }
            }
        }
        situation.looked(&registry);
        situation.read_tags(self, registry.found().map(|r| &r.tags), known);
        let (spec, status) = (self.spec.clone(), self.current());
        Facts { situation, spec, status, id, registry, holds }
    }
}

/// Which families of assets the registry has something of in Azure, archived ones too. None while something is not known yet.
fn content(id: &ResourceId, known: &mut Known) -> Option<Result<Vec<String>, Error>> {
    let (mut all, mut whole) = (vec![], true);
    for family in FAMILIES {
        match holds_any(id, family, known) {
            None => whole = false,
            Some(Ok(false)) => {}
            Some(Ok(true)) => all.push(family.to_string()),
            Some(Err(error)) => return Some(Err(error)),
        }
    }
    whole.then_some(Ok(all))
}

/// Whether there is any asset of a family. Mostly the first page of its names tells.
fn holds_any(id: &ResourceId, family: &str, known: &mut Known) -> Option<Result<bool, Error>> {
    let path = ResourceId::new(format!("{id}/{family}"));
    let first = match or_nothing(known.beginning(Purpose::CountContent, &path))? {
        Ok(assets) if assets.is_empty() => return Some(Ok(false)),
        Ok(assets) => assets,
        Err(error) => return Some(Err(error)),
    };
    match has_versions(id, family, &first, known)? {
        Ok(false) => {}
        known => return Some(known),
    }
    match or_nothing(known.collection(Purpose::CountContent, &path, true))? {
        Ok(assets) => has_versions(id, family, &assets, known),
        Err(error) => Some(Err(error)),
    }
}

/// Whether any of these names has a version. A name without versions is nothing that could be lost: the service keeps it
/// when the last version is deleted.
fn has_versions(
    id: &ResourceId,
    family: &str,
    assets: &[Rest],
    known: &mut Known,
) -> Option<Result<bool, Error>> {
    let has_latest = |asset: &Rest| {
        asset.get("properties").and_then(|p| p.get("latestVersion")).is_some_and(Value::is_string)
    };
    if assets.iter().any(has_latest) {
        return Some(Ok(true));
    }
    for asset in assets {
        let name = asset.get("name").and_then(Value::as_str).unwrap_or_default();
        // Archived versions may count as no latest one, so an absence is confirmed.
        let versions = ResourceId::new(format!("{}/versions", id.child(family, name)));
        match or_nothing(known.beginning::<Rest>(Purpose::CountContent, &versions))? {
            Ok(versions) if versions.is_empty() => {}
            Ok(_) => return Some(Ok(true)),
            Err(error) => return Some(Err(error)),
        }
    }
    Some(Ok(false))
}

/// Azure has no collection where there is nothing in it.
fn or_nothing(listed: Option<Result<Vec<Rest>, Error>>) -> Option<Result<Vec<Rest>, Error>> {
    match listed? {
        Err(error) if error.is_not_found() => Some(Ok(vec![])),
        listed => Some(listed),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::azure::model::{Answer, Ask, Class, Lane};
    use crate::decide::Served;

    /// What a registry holds by these answers: by path below it, of the first page of a collection and of all of it. Also
    /// how many reads that took.
    fn holds(answers: &[(&str, bool, Value)]) -> (Vec<String>, usize) {
        let id = ResourceId::registry("s", "rg", "models");
        let mut known = Known::nothing(Lane::Routine, false, Served::everything());
        let mut reads = 0;
        loop {
            if let Some(content) = content(&id, &mut known) {
                return (content.expect("no error"), reads);
            }
            for read in known.wants().azure {
                reads += 1;
                let (path, whole) = match &read.what {
                    Ask::Beginning { path } => (path, false),
                    Ask::Collection { path, .. } => (path, true),
                    other => unreachable!("{other}"),
                };
                let below = path.as_str().trim_start_matches(id.as_str()).trim_start_matches('/').to_string();
                let answer = answers.iter().find(|(of, of_whole, _)| *of == below && *of_whole == whole);
                let items = answer.map(|(.., items)| items.as_array().cloned().unwrap_or_default());
                let items = items.ok_or_else(|| Error::new(Class::NotFound, "no such collection"));
                known.take_in_azure(read, Answer::Collection(items));
            }
        }
    }

    #[test]
    fn what_cannot_be_read_is_not_called_empty() {
        let id = ResourceId::registry("s", "rg", "models");
        let mut known = Known::nothing(Lane::Routine, false, Served::everything());
        assert!(content(&id, &mut known).is_none(), "nothing has been read yet");
        for read in known.wants().azure {
            known.take_in_azure(read, Answer::Collection(Err(Error::new(Class::Transient, "No."))));
        }
        assert_eq!(content(&id, &mut known).and_then(Result::err).map(|it| it.class), Some(Class::Transient));
    }

    #[test]
    fn whether_a_registry_is_empty_is_known_at_the_first_thing_in_it() {
        let asset =
            |name: &str, latest: Option<&str>| json!({"name": name, "properties": {"latestVersion": latest}});
        let families = FAMILIES.len();
        let some = vec!["models".to_string()];
        assert_eq!(holds(&[]), (vec![], families));
        let first = ("models", false, json!([asset("a", None), asset("b", Some("1"))]));
        assert_eq!(holds(&[first]), (some.clone(), families), "not one page more");
        // A name whose versions are archived, or gone.
        let bare = ("models", false, json!([asset("a", None), asset("b", None)]));
        let archived = ("models/a/versions", false, json!([asset("1", None)]));
        assert_eq!(
            holds(&[bare.clone(), archived]),
            (some.clone(), families + 1),
            "the second is not asked for"
        );
        let whole = |more: Option<&str>| {
            ("models", true, json!([asset("a", None), asset("b", None), asset("c", more)]))
        };
        assert_eq!(holds(&[bare.clone(), whole(Some("1"))]), (some, families + 3), "on a later page");
        assert_eq!(holds(&[bare, whole(None)]), (vec![], families + 4));
    }
}
