//! The output of a job that a path lies in: which job the path names, and whether that job has such an output.

use super::source::{located, workspace_of};
use crate::azure::model::ResourceId;
use crate::azure::model::resource::Job;

/// The outputs that every job has: the files of its run.
const OF_EVERY_JOB: [&str; 2] = ["artifacts", "default"];

/// What a path says of a job; a fact only once that job has been read.
#[derive(Debug)]
pub(super) struct Output<'a> {
    pub job: &'a str,
    kept: Kept<'a>,
}

/// How the path names the output.
#[derive(Debug)]
enum Kept<'a> {
    /// Among the files of the run.
    WithTheRun,
    /// By its name.
    Named(&'a str),
    /// By the folder that the service writes it to, where the job names no other place; with the whole path.
    InFolder(&'a str, Vec<&'a str>),
}

/// The output of a job of the version's own workspace, by the path alone; none for any other path.
pub(super) fn output_of<'a>(uri: &'a str, version: &ResourceId) -> Option<Output<'a>> {
    let (workspace, path) = located(uri, version)?;
    if Some(workspace) != workspace_of(version) || path.iter().any(|part| leads_away(part)) {
        return None;
    }
    let (job, kept) = match path.as_slice() {
        ["jobs", job, "outputs", name, ..] => (*job, Kept::Named(name)),
        ["datastores", "workspaceartifactstore", "paths", "ExperimentRun", run, ..] => {
            (run.strip_prefix("dcid.")?, Kept::WithTheRun)
        }
        ["datastores", "workspaceblobstore", "paths", "azureml", job, name, ..] => {
            (*job, Kept::InFolder(name, path.clone()))
        }
        _ => return None,
    };
    let name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    (!job.is_empty() && job.chars().all(name)).then_some(Output { job, kept })
}

impl Output<'_> {
    /// Is it this job's, by what the job itself says?
    pub fn is_of(&self, job: &Job, version: &ResourceId) -> bool {
        if name_of(job).is_some_and(|name| name != self.job) {
            return false;
        }
        let declared = |name: &str| job.properties.outputs.get(name);
        match &self.kept {
            Kept::WithTheRun => true,
            Kept::Named(name) => OF_EVERY_JOB.contains(name) || declared(name).is_some(),
            Kept::InFolder(name, path) => declared(name).is_some_and(|output| {
                let Some(place) = output.get("uri").and_then(|uri| uri.as_str()) else { return true };
                let place = place
                    .replace("${{name}}", self.job)
                    .replace("${{output_name}}", name)
                    .replace("${{default_datastore}}", "workspaceblobstore");
                located(&place, version).is_some_and(|(workspace, place)| {
                    Some(workspace) == workspace_of(version) && path.starts_with(&place)
                })
            }),
        }
    }
}

/// The job's own name, as the service spells it.
pub(super) fn name_of(job: &Job) -> Option<&str> {
    job.rest.get("name")?.as_str()
}

/// Could the service, or its storage, read this part of a path as more or less than one step down?
fn leads_away(part: &str) -> bool {
    let part = part.to_ascii_lowercase();
    matches!(part.as_str(), "" | "." | "..")
        || ["\\", "%2e", "%2f", "%5c", "%25"].iter().any(|c| part.contains(c))
}
