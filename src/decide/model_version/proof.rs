//! What proves where the bytes of a version come from. It is read from Azure each time: a manifest says what somebody means,
//! and a status what was true once.
//!
//! A version in a workspace is proven where its files are the output of a job that Azure has. A copy in a registry is proven by
//! a tag, which Bindery sets when it describes a copy that it has published itself from a proven version, or registers one
//! whose files it has copied from a proven version of another registry.

use super::Facts;
use super::output::{name_of, output_of};
use crate::azure::model::resource::{Job, ModelVersion, Strings};
use crate::azure::model::{Error, Purpose, ResourceId, folded};
use crate::decide::SourceVersion;
use crate::decide::digest::short_hash;
use crate::decide::facts::Known;

/// `true` on a copy that Bindery has published from a proven version.
const VERIFIED_TAG: &str = "bindery-verified";
/// Which version a copy was published from: a hash of its id and of when it was made, for its number can be made again.
const PUBLISHED_FROM_TAG: &str = "bindery-published-from";

/// What that tag says of a version that was there already, and of which nothing said from what it was published.
const EXISTING: &str = "existing";

/// Does Azure itself say where the bytes of a version come from?
#[derive(Debug, Clone, PartialEq)]
pub enum Proof {
    /// It does.
    Proven {
        /// The version, as it was read.
        version: Box<ModelVersion>,
    },
    /// It does not.
    Lacking {
        /// Why.
        because: String,
        /// The version, as it was read; none where it is gone.
        version: Option<Box<ModelVersion>>,
    },
    /// Nobody has looked, or the look failed.
    Unseen(Option<Error>),
}

impl Proof {
    /// Reads a version, and the job that its files lie in, as whoever acts in its place.
    pub fn read(of: &SourceVersion, known: &mut Known) -> Self {
        let SourceVersion::Ready { acting, id, .. } = of else { return Self::Unseen(None) };
        let version = match known.resource_as::<ModelVersion>(acting, Purpose::TraceLineage, id) {
            None => return Self::Unseen(None),
            Some(Err(error)) => return Self::Unseen(Some(error)),
            Some(Ok(None)) => {
                let because = format!("Azure does not have {id} any more");
                return Self::Lacking { because, version: None };
            }
            Some(Ok(Some(version))) => version,
        };
        let job = match job_that_holds(&version, id) {
            None => None,
            Some(job) => match known.resource_as::<Job>(acting, Purpose::TraceLineage, &job) {
                None => return Self::Unseen(None),
                Some(Err(error)) => return Self::Unseen(Some(error)),
                Some(Ok(job)) => job,
            },
        };
        if is_proven(&version, id, job.as_ref()) {
            return Self::Proven { version: Box::new(version) };
        }
        let because = if id.segment("registries").is_some() {
            "Bindery did not publish it from a version whose training job Azure names"
        } else {
            "its files are not the output of a job that Azure has"
        };
        Self::Lacking { because: because.into(), version: Some(Box::new(version)) }
    }
}

/// The job of the version's own workspace that its files lie in, by their path.
fn job_that_holds(version: &ModelVersion, id: &ResourceId) -> Option<ResourceId> {
    let output = output_of(version.properties.model_uri.as_deref()?, id)?;
    Some(id.parent().parent().parent().parent().child("jobs", output.job))
}

/// Is it proven, by what Azure says of it and of the job that its files lie in?
pub(super) fn is_proven(version: &ModelVersion, id: &ResourceId, job: Option<&Job>) -> bool {
    let found = &version.properties;
    if id.segment("registries").is_some() {
        return found.tags.get(VERIFIED_TAG).is_some_and(|tag| tag == "true");
    }
    let output = found.model_uri.as_deref().and_then(|uri| output_of(uri, id));
    let Some((output, job)) = output.zip(job) else { return false };
    let named = found.job_name.as_deref().filter(|name| !name.is_empty());
    output.is_of(job, id) && named.is_none_or(|name| name == name_of(job).unwrap_or(output.job))
}

/// Was this copy published by Bindery from another version than `source`, or from one that was made again since, or was it there
/// already? None where nothing says from what it was published.
pub(super) fn is_of_another(
    copy: &ModelVersion,
    source: &ResourceId,
    made: Option<jiff::Timestamp>,
) -> Option<bool> {
    let tag = copy.properties.tags.get(PUBLISHED_FROM_TAG)?;
    Some(*tag != hash(source, made))
}

/// Does a version carry the mark of a copy, whatever it was copied from?
pub(super) fn is_marked(version: &ModelVersion) -> bool {
    version.properties.tags.get(PUBLISHED_FROM_TAG).is_some_and(|mark| mark != EXISTING)
}

/// Marks a copy that is about to be described with what it was published from and, where that is proven, with that. A publish
/// may take the tags of its source along, so what is not known of this copy is taken away.
pub(super) fn mark_copy(facts: &Facts, copy: &ModelVersion, tags: &mut Strings) {
    tags.remove(VERIFIED_TAG);
    tags.remove(PUBLISHED_FROM_TAG);
    // Who made a copy without an intent is known, and not from what.
    let from = facts.status.publishing.as_ref().map(|publishing| ResourceId::new(&publishing.from));
    let Some(from) = from.filter(|from| Some(from) == facts.source_id()) else { return };
    let (version, proven) = match &facts.source_proof {
        Proof::Proven { version } => (version, true),
        Proof::Lacking { version: Some(version), .. } => (version, false),
        Proof::Lacking { version: None, .. } | Proof::Unseen(_) => return,
    };
    // The version that is there now is the one that was published, if it is older than the copy.
    if version.created().zip(copy.created()).is_some_and(|(source, copy)| source <= copy) {
        tags.insert(PUBLISHED_FROM_TAG.into(), mark(&from, version));
        if proven {
            tags.insert(VERIFIED_TAG.into(), "true".into());
        }
    }
}

/// Marks a version of a registry that an object looks after as one that was there already. Without the mark, an object of the same
/// name that takes its place could name any source, and claim what that source was measured with.
pub(super) fn mark_existing(tags: &mut Strings) {
    tags.entry(PUBLISHED_FROM_TAG.into()).or_insert_with(|| EXISTING.into());
}

/// The tags of a version whose files Bindery has copied from this one, as it is now.
pub(super) fn of_copy(source: &ResourceId, version: &ModelVersion) -> Strings {
    let mut tags = Strings::from([(PUBLISHED_FROM_TAG.to_string(), mark(source, version))]);
    if is_proven(version, source, None) {
        tags.insert(VERIFIED_TAG.into(), "true".into());
    }
    tags
}

pub(super) fn mark(id: &ResourceId, version: &ModelVersion) -> String {
    hash(id, version.created())
}

fn hash(id: &ResourceId, made: Option<jiff::Timestamp>) -> String {
    let made = made.map(|made| made.to_string()).unwrap_or_default();
    short_hash(&format!("{} {made}", folded(id.as_str())), 8)
}
