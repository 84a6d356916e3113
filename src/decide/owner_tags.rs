//! Who answers for a version, in the tags of what is in Azure.

use super::drift::{Differences, merged};
use crate::api::{Tags, VersionOwner};
use crate::azure::model::resource::Strings;

const TEAM_TAG: &str = "bindery-team";
const CONTACT_TAG: &str = "bindery-contact";
const COST_CENTER_TAG: &str = "bindery-cost-center";

/// The tags that say it. All of them are Bindery's: one that is not among these is taken away.
fn tags_of(owner: Option<&VersionOwner>) -> Tags {
    let Some(owner) = owner else { return Tags::default() };
    let all = [(TEAM_TAG, &owner.team), (CONTACT_TAG, &owner.contact), (COST_CENTER_TAG, &owner.cost_center)];
    let said = all.into_iter().filter_map(|(key, value)| Some((key.to_string(), value.clone()?)));
    Tags(said.collect())
}

fn ours() -> [String; 3] {
    [TEAM_TAG, CONTACT_TAG, COST_CENTER_TAG].map(str::to_string)
}

/// Tags that say who answers for a version, and otherwise what they said before.
pub fn with_owner(tags: &Strings, owner: Option<&VersionOwner>) -> Strings {
    merged(tags, &tags_of(owner), &ours())
}

/// Notes the tags below `field` that do not say it.
pub fn note_owner(differences: &mut Differences, field: &str, owner: Option<&VersionOwner>, found: &Strings) {
    differences.keys(field, &tags_of(owner), &ours(), found);
}
