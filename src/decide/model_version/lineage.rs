//! Where a model comes from: read from the job and the run that made it, or from the version that it
//! was promoted from. Nobody types it.

use crate::api::{Code, Dataset, Lineage, ModelVersionStatus};
use crate::azure::model::redacted;
use crate::azure::model::resource::{Job, ModelVersion, Run};

use super::{Facts, SourceVersion, source};

/// What a status may hold of it.
const METRICS: usize = 50;
const DATASETS: usize = 20;

/// Is there something left to look up? A job and a run are read once: they do not change any more.
pub fn wants_lineage(status: &ModelVersionStatus) -> bool {
    status.lineage.as_ref().is_none_or(|l| l.job.is_some() && l.run.is_none())
}

pub(super) fn of(facts: &Facts, version: &ModelVersion) -> Option<Lineage> {
    if let Some(SourceVersion::Ready { id, lineage, .. }) = &facts.source {
        let mut lineage = lineage.clone();
        lineage.promoted_from.insert(0, id.to_string());
        return Some(lineage);
    }
    let known = facts.status.lineage.clone();
    if facts.spec.source.model_version_ref.is_some() {
        return known; // the source is gone; what it said stands
    }
    let Some(id) = &facts.id else { return known };
    let Some(job_name) = source::job_of(version, id) else { return known };
    let mut lineage = known.unwrap_or_default();
    if let Some(job) = facts.job.found().filter(|job| source::made_by(job, version, id)) {
        lineage.workspace = id.as_str().split_once("/models/").map(|(w, _)| w.to_string());
        lineage.job = Some(job_name);
        read_job(&mut lineage, job);
    }
    lineage.job.as_ref()?; // a job that nobody has seen is not named
    if let Some(run) = facts.run.found() {
        read_run(&mut lineage, run);
    }
    Some(lineage)
}

fn read_job(lineage: &mut Lineage, job: &Job) {
    let properties = &job.properties;
    lineage.experiment.clone_from(&properties.experiment_name);
    lineage.environment.clone_from(&properties.environment_id);
    lineage.datasets = properties
        .inputs
        .iter()
        .filter_map(|(name, input)| {
            let uri = input.get("uri")?.as_str()?;
            Some(Dataset { name: name.clone(), uri: without_credentials(uri) })
        })
        .take(DATASETS)
        .collect();
    let git = |key: &str| properties.properties.get(key).filter(|v| !v.is_empty());
    let code = Code {
        repository: git("mlflow.source.git.repoURL").map(|url| without_credentials(url)),
        commit: git("mlflow.source.git.commit").cloned(),
        dirty: git("azureml.git.dirty").map(|d| d.eq_ignore_ascii_case("true")),
    };
    lineage.code = (code != Code::default()).then_some(code);
}

fn read_run(lineage: &mut Lineage, run: &Run) {
    lineage.run = Some(run.id.clone());
    lineage.trained_by.clone_from(&run.user);
    lineage.metrics = run.metrics.iter().take(METRICS).map(|(k, v)| (k.clone(), v.clone())).collect();
}

/// A repository URL can contain a token, and a data URI a signature: neither is for a status.
fn without_credentials(url: &str) -> String {
    redacted(url).replace("***@", "")
}

#[cfg(test)]
mod tests {
    use super::without_credentials;

    #[test]
    fn no_credential_reaches_the_status() {
        assert_eq!(
            without_credentials("https://user:token@git.example/fares.git"),
            "https://git.example/fares.git"
        );
        assert_eq!(
            without_credentials("https://store.example/data?sig=secret"),
            "https://store.example/data"
        );
        for hidden in [
            "https://user:to/ken@git.example/f",
            "https://user:to?ken@git.example/f",
            "https://git.example/f#sig=secret",
        ] {
            assert_eq!(without_credentials(hidden), "https://git.example/f");
        }
        assert_eq!(without_credentials("git@git.example:fares.git"), "git@git.example:fares.git");
    }
}
