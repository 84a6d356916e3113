//! What an approval's decision needs to know.

use super::tally::Ballot;
use super::{Asker, Facts};
use crate::api::{Approval, ApprovalPolicy, ConditionType, Object, Workspace, conditions_of};
use crate::decide::facts::{Kind, Known, Name};
use crate::decide::places::reference::{may_refer, policy_of, version};
use crate::decide::{Situation, SourceVersion, words_of};

impl Kind for Approval {
    type Facts = Facts;

    const HOLDS: bool = false;

    fn names(&self) -> Vec<Name> {
        let counts = conditions_of(self.conditions()).is_true(ConditionType::Ready);
        let decided = counts.then(|| Name::decided(&self.spec.asset_id));
        [Name::decision(&self.spec.asset_id, &self.home())].into_iter().chain(decided).collect()
    }

    fn outward(&self) -> String {
        words_of(&self.current().conditions)
    }

    fn gather(&self, situation: Situation, known: &mut Known) -> Facts {
        let home = self.home();
        let askers: Vec<_> = known.naming::<Workspace>(Name::Approvers(home.as_str().into()));
        let mut askers: Vec<_> = askers
            .into_iter()
            .filter(|it| !it.is_deleting())
            .filter_map(|it| Some((it.spec.policy.approvals.clone()?, it)))
            .filter(|(policy, _)| policy.from_namespaces.contains(&home))
            .collect();
        askers.sort_by_key(|(_, it)| it.full_name());
        let reference = &self.spec.model_version_ref;
        let theirs = reference.namespace(&home).to_string();
        let absolute = crate::api::Reference { namespace: Some(theirs.clone()), ..reference.clone() };
        // Whoever decides for a Workspace may know of what could serve there: the versions of the namespaces that it lets in.
        let decides = askers.iter().any(|(_, it)| may_refer(&**it, &theirs, known));
        let found = version(&absolute, if decides { &theirs } else { &home }, known);
        let ballot = Ballot::of(self);
        let mut places: Vec<Asker> = vec![];
        for (policy, it) in askers {
            let several = policy.people() > 1 && !self.spec.waives.is_empty();
            let ballots = if several { ballots(&self.spec.asset_id, &policy, known) } else { vec![] };
            let closed = closed(&it, &found, known);
            let (title, tier) = (it.key().to_string(), it.spec.tier.clone());
            places.push(Asker { title, tier, policy, ballots, closed });
        }
        Facts { situation, spec: self.spec.clone(), status: self.current(), ballot, version: found, places }
    }
}

/// Why a version cannot serve in a Workspace, whoever approves it, as a part of a sentence.
fn closed(workspace: &Workspace, version: &SourceVersion, known: &mut Known) -> Option<String> {
    let SourceVersion::Ready { id, model, registry, .. } = version else { return None };
    if registry.is_none() && !id.is_in(&workspace.id()) {
        return Some("a version in a workspace serves only in that workspace".into());
    }
    let policy = policy_of(workspace, known);
    let from = policy.refuses_place(id, model)?;
    Some(format!("that Workspace serves only versions from {from} (spec.policy.sources)"))
}

/// What all who decide for a Workspace say of an asset.
fn ballots(asset: &str, policy: &ApprovalPolicy, known: &mut Known) -> Vec<Ballot> {
    let names = policy.from_namespaces.iter().map(|namespace| Name::decision(asset, namespace));
    let all = names.flat_map(|name| known.naming::<Approval>(name));
    let counts = |it: &Approval| !it.is_deleting() && Ballot::of(it).is_about(&it.spec.asset_id, asset);
    all.filter(|it| counts(it)).map(|it| Ballot::of(&it)).collect()
}
