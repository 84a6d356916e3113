//! What must hold of a copy from one registry into another.

use std::time::Duration;

use serde_json::Value;

use super::super::world::World;
use super::{hold, what_is_in_a_place_is_touched_as_the_place};
use crate::api::{ModelVersion, Object as _};
use crate::azure::model::{Action, Ask, Call, Errand, File, Purpose, ResourceId};
use crate::decide::{Kind, model_version};

/// A pass may have read the files before somebody changed them, and its requests take their time.
const UNDER_WAY: Duration = Duration::from_secs(120);

/// What holds of a call for a version.
pub fn of_a_call<K: Kind>(
    world: &World,
    object: &K,
    facts: &model_version::Facts,
    call: &Call,
) -> Result<(), String> {
    it_is_told_before_it_begins(world, object, call)?;
    nothing_is_copied_twice(world, facts, call)?;
    only_the_whole_is_registered(world, facts, call)
}

/// The files are read as whoever acts in the registry that they are in.
pub fn what_is_copied_is_read_as_its_place(world: &World, call: &Call) -> Result<(), String> {
    let Action::Fetch(transfer) = &call.action else { return Ok(()) };
    let errand = Errand { principal: transfer.reader.clone(), ..call.errand.clone() };
    what_is_in_a_place_is_touched_as_the_place(world, &errand, &Ask::Resource(transfer.from.clone()))
}

/// When a copy begins, the status says so.
fn it_is_told_before_it_begins<K: Kind>(world: &World, object: &K, call: &Call) -> Result<(), String> {
    let live = world.cluster.live.get(&object.key()).and_then(ModelVersion::from_any);
    let stored = live.is_none_or(|live| live.current().copying.is_some() && live.holds());
    let copies = matches!(call.errand.purpose, Purpose::BeginCopy | Purpose::Copy);
    hold(!copies || stored, || format!("the status does not tell of it: {}", call.doing))
}

fn source(facts: &model_version::Facts) -> Option<&ResourceId> {
    match facts.source.as_ref()? {
        crate::decide::SourceVersion::Ready { id, registry: Some(_), .. } => Some(id),
        _ => None,
    }
}

fn has_just_changed(world: &World) -> bool {
    world.cloud.files_changed.is_some_and(|at| at.duration_until(world.now).unsigned_abs() < UNDER_WAY)
}

/// No file is copied into a second upload while it is the same, and no block that is there is fetched again: also when the
/// status was lost. What a dead process had asked for may have come in between.
fn nothing_is_copied_twice(world: &World, facts: &model_version::Facts, call: &Call) -> Result<(), String> {
    let uploads = || world.cloud.uploads.iter().filter(|((version, _), _)| *version == call.resource);
    if let Action::BeginUpload(id) = &call.action {
        let Some(files) = source(facts).and_then(|from| world.cloud.files_known(from)) else { return Ok(()) };
        let same = |file: &File| files.contains(file);
        let other = uploads().find(|((_, other), upload)| {
            other != id && !upload.files.is_empty() && upload.files.values().all(same)
        });
        return hold(other.is_none() || has_just_changed(world), || {
            format!("{:?} has the same files: {}", other.map(|(key, _)| key), call.doing)
        });
    }
    let Action::Fetch(transfer) = &call.action else { return Ok(()) };
    let Some((_, upload)) = uploads().find(|((_, id), _)| *id == transfer.upload) else {
        return Err(format!("the upload was never begun: {}", call.doing));
    };
    for part in &transfer.parts {
        let whole = (part.file.name.clone(), String::new());
        let there = upload.files.get(&part.file.name).filter(|there| there.size == part.file.size);
        hold(there.is_none() || upload.late.contains(&whole), || {
            format!("{} is there: {}", part.file.name, call.doing)
        })?;
        // Of a file of one block nobody asks whether the block is there: to list it costs a request for each such file.
        for piece in part.pieces.iter().filter(|piece| piece.size < part.file.size) {
            let name = (part.file.name.clone(), piece.id.clone());
            let there = upload.blocks.get(&name) == Some(&piece.size) && !upload.late.contains(&name);
            hold(!there, || format!("block {name:?} is there: {}", call.doing))?;
        }
    }
    Ok(())
}

/// A version is registered when all its files are there, as they are at its source; and as verified only where the source is.
fn only_the_whole_is_registered(
    world: &World,
    facts: &model_version::Facts,
    call: &Call,
) -> Result<(), String> {
    let (Action::Put(body), Some(from)) = (&call.action, source(facts)) else { return Ok(()) };
    if world.cloud.resources.contains_key(&call.resource) || has_just_changed(world) {
        return Ok(());
    }
    let files = world.cloud.files_known(from).unwrap_or_default();
    let upload = world.cloud.upload_at(&call.resource, body);
    let there = |file: &File| {
        upload
            .and_then(|upload| upload.files.get(&file.name))
            .is_some_and(|there| (there.size, &there.etag) == (file.size, &file.etag))
    };
    let whole = !files.is_empty() && files.iter().all(there);
    hold(whole, || format!("of {files:?} there is {upload:?}: {}", call.doing))?;
    let verified = |body: &Value| body["properties"]["tags"]["bindery-verified"] == "true";
    let source = world.cloud.resources.get(from).map(|it| &it.body);
    hold(!verified(body) || source.is_none_or(verified), || format!("{from} is not verified: {}", call.doing))
}
