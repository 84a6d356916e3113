//! A copy from another registry. Azure has no call for it: the files go from one registry's storage into a pending upload of
//! the other one, and then the version is registered with their path.
//!
//! Nothing of it has to be remembered. The upload's id is a hash of the source, of its files and of the version that they are
//! for, so the same copy finds its own files again after a restart, and also where the status was lost; and the version is
//! registered by a PUT that carries our tag. The status says how far it is.

pub(super) mod plan;

use serde_json::Map;

use super::{Facts, proof};
use crate::api::{Copying, ModelVersionStatus, Reason};
use crate::azure::model::resource::{self, ModelVersionProperties, Provisioning};
use crate::azure::model::{
    Action, Block, Call, Error, File, Principal, Purpose, ResourceId, Transfer, Uploaded,
};
use crate::decide::facts::Known;
use crate::decide::{
    Attempt, Failure, Intent, Look, LookAgain, Mode, Right, Situation, SourceVersion, Verdict, places,
};
use plan::{Plan, upload_id};

/// What was read for a copy; nothing where there is none to be made.
#[derive(Debug, Clone, PartialEq)]
pub struct Material {
    /// The source, as Azure has it.
    pub source: Look<resource::ModelVersion>,
    /// Its files.
    pub files: Vec<File>,
    /// The id of the pending upload that these files go into.
    pub upload: String,
    /// What has arrived of that upload; none before it was begun.
    pub uploaded: Option<Uploaded>,
    /// The file that is being copied block by block, and the blocks of it that have arrived.
    pub blocks: (String, Vec<Block>),
}

impl Default for Material {
    fn default() -> Self {
        Self {
            source: Look::Unseen,
            files: vec![],
            upload: String::new(),
            uploaded: None,
            blocks: (String::new(), vec![]),
        }
    }
}

impl Material {
    /// Reads what a copy into the version `to` needs. A look that failed is noted in the situation. Only for whoever may put
    /// the version there, and when it may be done now: what has arrived is asked for by a POST.
    pub(super) fn gather(
        source: Option<&SourceVersion>,
        to: Option<&ResourceId>,
        status: &ModelVersionStatus,
        before: Option<&Failure>,
        situation: &mut Situation,
        known: &mut Known,
    ) -> Self {
        let acts = situation.mode == Mode::Act && !situation.deleting;
        let (
            Some(SourceVersion::Ready { acting, id, registry: Some(_), .. }),
            Some(to),
            true,
            Right::Granted,
        ) = (source, to, acts, &situation.ownership.right)
        else {
            return Self::default();
        };
        match Self::gathered((acting, id), to, status, known) {
            Ok(read) => read,
            Err(failed) => {
                let (attempt, error) = *failed;
                let failure = Failure::once_more(before, attempt, error, situation.now);
                situation.trouble.unreadable = Some(failure);
                Self::default()
            }
        }
    }

    fn gathered(
        (acting, from): (&Principal, &ResourceId),
        to: &ResourceId,
        status: &ModelVersionStatus,
        known: &mut Known,
    ) -> Result<Self, Box<(Attempt, Error)>> {
        let at = |doing: String, resource: &ResourceId| {
            let attempt = Attempt { purpose: Purpose::Copy, resource: resource.clone(), doing };
            move |error: Error| Box::new((attempt, error))
        };
        let mut read = Self::default();
        let source = known.resource_as::<resource::ModelVersion>(acting, Purpose::TraceLineage, from);
        let Some(source) = source else { return Ok(read) };
        read.source = Look::from_get(source.map_err(at(format!("read {from}, which is copied"), from))?);
        let Some((version, uri)) = read.source.found().and_then(|it| Some((it, uri_of(it)?))) else {
            return Ok(read);
        };
        let Some(files) = known.files(acting, from, uri) else { return Ok(read) };
        let files = files.map_err(at(format!("list the files of {from}"), from))?;
        read.upload = upload_id(from, version.created(), to, &files);
        read.files = files;
        if status.copying.as_ref().is_none_or(|copying| copying.upload != read.upload) {
            return Ok(read);
        }
        let what = format!("list the files that were copied for {to}");
        let Some(uploaded) = known.uploaded(to, &read.upload) else { return Ok(read) };
        let uploaded = uploaded.map_err(at(what.clone(), to))?;
        if let Some(file) = plan::in_blocks(&read.files, &uploaded) {
            let blocks = known.blocks(to, &read.upload, &file.name);
            let blocks = blocks.transpose().map_err(at(what, to))?.unwrap_or_default();
            read.blocks = (file.name.clone(), blocks);
        }
        read.uploaded = Some(uploaded);
        Ok(read)
    }

    fn plan(&self) -> Option<Plan> {
        let uploaded = self.uploaded.as_ref()?;
        Some(Plan::of(&self.files, uploaded, &self.blocks))
    }
}

fn uri_of(version: &resource::ModelVersion) -> Option<&str> {
    version.properties.model_uri.as_deref().filter(|uri| !uri.is_empty())
}

/// What the status says of the copy: how far it is, until the version is there.
pub(super) fn copying(facts: &Facts) -> Option<Copying> {
    let copying = facts.status.copying.clone()?;
    if !facts.version.is_absent() {
        return Some(copying).filter(|_| facts.version.seen().is_none() || somebody_came_first(facts));
    }
    let uploaded = facts.copy.uploaded.as_ref().filter(|_| facts.copy.upload == copying.upload);
    let here = uploaded.zip(facts.copy.plan()).filter(|(there, _)| !is_elsewhere(&copying, there));
    Some(match here {
        Some((there, plan)) => Copying {
            container: Some(there.container.clone()),
            files: plan.files.0,
            files_copied: plan.files.1,
            bytes: plan.bytes.0,
            bytes_copied: plan.bytes.1,
            ..copying
        },
        None => copying,
    })
}

/// How many bytes were copied, once the version is there that they were copied for.
pub(super) fn size(facts: &Facts) -> Option<i64> {
    let found = facts.version.found()?;
    let ours = facts.situation.ownership.owns(&found.properties.tags);
    facts.status.copying.as_ref().filter(|_| ours).map(|copying| copying.bytes)
}

/// Is there another's version under the number by now? Then the copy does not come to its end, and its files stay behind.
fn somebody_came_first(facts: &Facts) -> bool {
    facts.version.found().is_some_and(|found| !facts.situation.ownership.owns(&found.properties.tags))
}

/// Does Azure give the upload another container than before? Then what was copied is not found again, and would be copied
/// again and again.
fn is_elsewhere(copying: &Copying, uploaded: &Uploaded) -> bool {
    copying.container.as_ref().is_some_and(|before| *before != uploaded.container)
}

/// What the status has to remember of a copy that is about to begin.
pub(super) fn begun(facts: &Facts) -> Option<Copying> {
    let copy = &facts.copy;
    Some(Copying {
        from: facts.source_id()?.to_string(),
        upload: copy.upload.clone(),
        container: None,
        since: facts.situation.now,
        files: plan::count(copy.files.len()),
        files_copied: 0,
        bytes: plan::total(&copy.files),
        bytes_copied: 0,
    })
}

/// What an answer to the call that begins a copy makes of what the status says of it. One that says no, and one that never
/// left, have begun nothing.
pub(super) fn after_begin(facts: &Facts, answer: Result<(), &Error>) -> Option<Copying> {
    let intent = Intent { since: facts.situation.now };
    let reply = crate::azure::model::Reply::default();
    let stands = intent.after(answer.map(|()| &reply)).is_some();
    begun(facts).filter(|_| stands)
}

/// What stays behind of a copy that does not come to its end; none where nothing was begun.
pub(super) fn left_behind(facts: &Facts) -> Option<String> {
    facts
        .version
        .is_absent()
        .then(|| files_left(facts))
        .flatten()
        .map(|left| format!("The version is not in Azure. {left}"))
}

/// The same, where another's version was there before the copy came to its end.
pub(super) fn left_besides(facts: &Facts) -> Option<String> {
    somebody_came_first(facts).then(|| files_left(facts)).flatten()
}

fn files_left(facts: &Facts) -> Option<String> {
    let (copying, registry) = (facts.status.copying.as_ref()?, facts.id.as_ref()?.segment("registries")?);
    Some(format!(
        "What was copied of its files stays in the storage of registry {registry}, in the container of pending upload {}, which no version names.",
        copying.upload
    ))
}

/// A copy, step by step: a place for the files, the files, and the version.
pub(super) fn copy(facts: &Facts) -> Option<Verdict> {
    if !facts.version.is_absent() || facts.observing() {
        return None;
    }
    let Some(SourceVersion::Ready { id: from, acting, registry: Some(registry), .. }) = &facts.source else {
        return None;
    };
    let id = facts.id.as_ref()?;
    let copy = &facts.copy;
    let title = facts.title();
    let version = match &copy.source {
        Look::Found(version) => version,
        Look::Absent => {
            return Some(places::not_ready(
                format!(
                    "Azure does not have {from} any more, which is to be copied. Register it again, or name another version in a new ModelVersion."
                ),
                true,
            ));
        }
        Look::Unseen => {
            return Some(Verdict::wait(
                Reason::Copying,
                format!(
                    "{title} is to be copied from registry {registry}; Bindery has not looked at its files yet."
                ),
                facts.situation.look_again(None),
            ));
        }
    };
    if let Some(verdict) = refuse_source(from, version, &copy.files) {
        return Some(verdict);
    }
    let begun = facts.status.copying.as_ref();
    if begun.zip(copy.uploaded.as_ref()).is_some_and(|(copying, there)| is_elsewhere(copying, there)) {
        return Some(Verdict::stalled(
            Reason::Refused,
            format!(
                "Azure gives pending upload {} another container than before, so what was copied of {title} is not found again, and Bindery does not copy it a second time. Upload the files with Azure's own tools, and name the version in a new ModelVersion with source.existing.",
                copy.upload
            ),
        ));
    }
    if begun.is_none_or(|copying| copying.upload != copy.upload) {
        let to = id.segment("registries").unwrap_or_default();
        let doing =
            format!("make a place in registry {to} for the files of {title} from registry {registry}");
        let call = Call::new(Purpose::BeginCopy, id.clone(), Action::BeginUpload(copy.upload.clone()), doing);
        let verdict = Verdict::call(Reason::Copying, call);
        let changed = " The source has changed since the copy began, so all its files are copied anew; those of before stay in the registry's storage, where no version names them.";
        return Some(if begun.is_some() { verdict.remarking(true, changed) } else { verdict });
    }
    let Some(plan) = copy.plan() else {
        let wait = Verdict::wait(
            Reason::Copying,
            format!("{title} is being copied from registry {registry}."),
            facts.situation.look_again(None),
        );
        return Some(Verdict { next: LookAgain::Now, ..wait });
    };
    if let Some(stranger) = &plan.stranger {
        return Some(Verdict::stalled(
            Reason::AssetMismatch,
            format!(
                "Somebody else has put the file {stranger} among those that are copied for {title}, so the version is not registered. Delete the file in the storage of the registry, in the container of pending upload {}.",
                copy.upload
            ),
        ));
    }
    let copied = format!("Copied {} from registry {registry}.", plan.progress());
    if !plan.parts.is_empty() {
        let transfer = Transfer {
            from: from.clone(),
            uri: uri_of(version)?.to_string(),
            reader: acting.clone(),
            upload: copy.upload.clone(),
            parts: plan.parts,
        };
        let doing = format!("copy files of {title} from registry {registry}");
        let call = Call::new(Purpose::Copy, id.clone(), Action::Fetch(Box::new(transfer)), doing);
        return Some(Verdict { message: copied, ..Verdict::call(Reason::Copying, call) }.quietly());
    }
    let new = facts.desired(new_version(from, version, copy)?);
    let doing = format!("register {title}, copied from registry {registry}");
    facts.put(Reason::Registering, Purpose::Register, doing, &new)
}

/// Why this source is not copied, as it is now.
fn refuse_source(from: &ResourceId, version: &resource::ModelVersion, files: &[File]) -> Option<Verdict> {
    let provisioning = version.provisioning();
    if provisioning != Provisioning::Succeeded {
        let state = version.properties.provisioning_state.as_deref().unwrap_or_default();
        return Some(places::not_ready(
            format!("{from}, which is to be copied, is in state {state}."),
            provisioning != Provisioning::Running,
        ));
    }
    if version.properties.is_archived {
        return Some(places::not_ready(
            format!(
                "{from}, which is to be copied, is archived in Azure. Take it out of the archive, or name another version in a new ModelVersion."
            ),
            true,
        ));
    }
    let refuse = |why: &str| {
        Verdict::stalled(
            Reason::AssetMismatch,
            format!("{from} {why}, so there is nothing to copy. Name another version in a new ModelVersion."),
        )
    };
    if uri_of(version).is_none() {
        return Some(refuse("has no path to its files"));
    }
    files.is_empty().then(|| refuse("has no files at its path"))
}

/// The version that the copied files are. What describes the files comes from the source; what people say of the version, from
/// the manifest.
fn new_version(
    from: &ResourceId,
    source: &resource::ModelVersion,
    copy: &Material,
) -> Option<resource::ModelVersion> {
    let container = &copy.uploaded.as_ref()?.container;
    let root = copy.files.first()?.name.split('/').next()?;
    Some(resource::ModelVersion {
        properties: ModelVersionProperties {
            model_uri: Some(format!("{container}/{root}")),
            model_type: source.properties.model_type.clone(),
            tags: proof::of_copy(from, source),
            flavors: source.properties.flavors.clone(),
            ..ModelVersionProperties::default()
        },
        rest: Map::new(),
    })
}
