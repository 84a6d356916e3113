//! Where a model comes from: read from the job and the run that made it, or from the version that it
//! was promoted from. Nobody types it.

use crate::api::{Code, Dataset, Lineage, ModelVersionStatus};
use crate::azure::model::redacted;
use crate::azure::model::resource::{Job, ModelVersion, Run, Strings};

use super::{Facts, SourceVersion, proof, source};

/// What a status may hold of it.
const METRICS: usize = 50;
const DATASETS: usize = 20;

/// Is there something left to look up? A job and a run are read once: they do not change any more.
pub fn wants_lineage(status: &ModelVersionStatus) -> bool {
    status.lineage.as_ref().is_none_or(|l| l.job.is_some() && l.run.is_none())
}

pub(super) fn of(facts: &Facts, version: &ModelVersion) -> Option<Lineage> {
    let Some(id) = &facts.id else { return facts.status.lineage.clone() };
    if facts.spec.source.model_version_ref.is_some() {
        let lineage = of_source(facts, version)?;
        return Some(Lineage { verified: proof::is_proven(version, id, None), ..lineage });
    }
    let known = facts.status.lineage.clone();
    let Some(job_name) = source::job_of(version, id) else { return known };
    let mut lineage = known.unwrap_or_default();
    if let Some(job) = facts.job.found().filter(|job| source::made_by(job, version, id)) {
        lineage.workspace = id.as_str().split_once("/models/").map(|(w, _)| w.to_string());
        lineage.job = Some(job_name);
        lineage.verified = proof::is_proven(version, id, Some(job));
        read_job(&mut lineage, job);
    }
    lineage.job.as_ref()?; // a job that nobody has seen is not named
    if let Some(run) = facts.run.found() {
        read_run(&mut lineage, run);
    }
    Some(lineage)
}

/// Of a promoted version: what its source says, and what was known before where the source is gone or is another one by now.
fn of_source(facts: &Facts, version: &ModelVersion) -> Option<Lineage> {
    let before = || facts.status.lineage.clone().or_else(|| from_tags(&version.properties.tags));
    let Some(SourceVersion::Ready { id, lineage, created, .. }) = &facts.source else { return before() };
    if proof::is_of_another(version, id, *created) == Some(true) {
        return before();
    }
    let mut lineage = lineage.clone();
    lineage.promoted_from.insert(0, id.to_string());
    Some(lineage)
}

const JOB_TAG: &str = "bindery-job";
const EXPERIMENT_TAG: &str = "bindery-experiment";
const TRAINED_BY_TAG: &str = "bindery-trained-by";
const REPOSITORY_TAG: &str = "bindery-repository";
const COMMIT_TAG: &str = "bindery-commit";
/// What the value of a tag may have.
const TAG_LENGTH: usize = 256;

/// What a version's tags say of where it comes from, for whoever looks at it in Azure.
pub(super) fn to_tags(lineage: &Lineage) -> Vec<(String, String)> {
    let code = lineage.code.as_ref();
    let all = [
        (JOB_TAG, &lineage.job),
        (EXPERIMENT_TAG, &lineage.experiment),
        (TRAINED_BY_TAG, &lineage.trained_by),
        (REPOSITORY_TAG, &code.and_then(|code| code.repository.clone())),
        (COMMIT_TAG, &code.and_then(|code| code.commit.clone())),
    ];
    let said = all.into_iter().filter_map(|(key, value)| Some((key, value.as_ref()?)));
    said.map(|(key, value)| (key.to_string(), value.chars().take(TAG_LENGTH).collect())).collect()
}

/// The same, read back where the status and the source are lost.
fn from_tags(tags: &Strings) -> Option<Lineage> {
    let tag = |key: &str| tags.get(key).cloned();
    let code = Code { repository: tag(REPOSITORY_TAG), commit: tag(COMMIT_TAG), dirty: None };
    let lineage = Lineage {
        job: tag(JOB_TAG),
        experiment: tag(EXPERIMENT_TAG),
        trained_by: tag(TRAINED_BY_TAG),
        code: (code != Code::default()).then_some(code),
        ..Lineage::default()
    };
    (lineage != Lineage::default()).then_some(lineage)
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
