//! Where a model comes from: read from the job and the run that made it, or from the version that it
//! was promoted from. Nobody types it.

use jiff::Timestamp;

use crate::api::{Code, Dataset, Lineage, ModelVersionStatus};
use crate::azure::model::redacted;
use crate::azure::model::resource::{Job, ModelVersion, Run, Strings};

use super::{Facts, SourceVersion, promotion, proof, source};
use crate::decide::{Look, in_seconds};

/// What a status may hold of it; no more metrics are asked for.
pub(super) const METRICS: usize = 50;
const PARAMETERS: usize = 50;
const DATASETS: usize = 20;

/// Is there something left to look up? A job and a run are read once: they do not change any more. Of a run with many metrics
/// those that no gate has asked for were left out, and are read when one does.
pub fn wants_lineage(status: &ModelVersionStatus, asked: &[String]) -> bool {
    let lacks = |lineage: &Lineage| {
        let is_known =
            |metric: &String| lineage.metrics.contains_key(metric) || lineage.absent_metrics.contains(metric);
        lineage.metric_count.is_some() && !asked.iter().all(is_known)
    };
    status.traced_at.is_none() || status.lineage.as_ref().is_some_and(lacks)
}

/// When job and run were read, so that they are not read again.
pub(super) fn traced_at(facts: &Facts) -> Option<Timestamp> {
    if facts.origin.whole { Some(facts.situation.now) } else { facts.status.traced_at }
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
    if let Some(job) = facts.origin.job.found().filter(|job| source::made_by(job, version, id)) {
        lineage.workspace = id.as_str().split_once("/models/").map(|(w, _)| w.to_string());
        lineage.job = Some(job_name);
        lineage.verified = proof::is_proven(version, id, Some(job));
        read_job(&mut lineage, job);
    }
    lineage.job.as_ref()?; // a job that nobody has seen is not named
    match &facts.origin.run {
        Look::Found(run) => {
            read_run(&mut lineage, run, &facts.asked_metrics);
            lineage.pipelines.clone_from(&facts.origin.pipelines);
            if let Some(pipeline) = facts.origin.pipeline.found() {
                read_pipeline(&mut lineage, pipeline);
            }
        }
        // The run has been deleted since it was read, and with it what was left out.
        Look::Absent => note_absent(&mut lineage, &facts.asked_metrics),
        Look::Unseen => {}
    }
    Some(lineage)
}

/// Of a promoted version: what its source says, and what was known before where the source is gone or is another one by now.
fn of_source(facts: &Facts, version: &ModelVersion) -> Option<Lineage> {
    let before = || facts.status.lineage.clone().or_else(|| from_tags(&version.properties.tags));
    let Some(SourceVersion::Ready { id, lineage, created, .. }) = &facts.source else { return before() };
    if not_copied_from(facts, version).is_some() || proof::is_of_another(version, id, *created) == Some(true)
    {
        return before();
    }
    let mut lineage = lineage.clone();
    lineage.promoted_from.insert(0, id.to_string());
    Some(lineage)
}

/// The version that the manifest names as the source, where what was found is not ours and nothing says that it was copied from
/// there: it has files that nobody has compared. Bindery registers a copy from another registry with that mark and its owner tag by
/// one PUT; what was published from a workspace carries the mark as soon as it is described, and is known before by its intent or
/// by who made it.
pub(super) fn not_copied_from(facts: &Facts, version: &ModelVersion) -> Option<String> {
    let tags = &version.properties.tags;
    if facts.situation.ownership.owns(tags) || promotion::is_our_copy(facts, tags) {
        return None;
    }
    match facts.source.as_ref()? {
        SourceVersion::Ready { id, created, registry, .. } => {
            let strange = match proof::is_of_another(version, id, *created) {
                // A version in a workspace can be made again: the copy of an earlier one is still a copy, and has its own lineage.
                Some(of_another) => of_another && registry.is_some(),
                None => true,
            };
            strange.then(|| id.to_string())
        }
        // Nobody can compare the two, and only what carries the mark of a copy is one.
        SourceVersion::Missing { what } => {
            let source = || format!("{what}, which is not there, or which this namespace may not refer to");
            (!proof::is_marked(version)).then(source)
        }
        SourceVersion::NotReady { what, .. } => {
            (!proof::is_marked(version)).then(|| format!("{what}, which is not ready"))
        }
        SourceVersion::NotWatched { because } => {
            (!proof::is_marked(version)).then(|| format!("its source, which is not watched ({because})"))
        }
    }
}

const JOB_TAG: &str = "bindery-job";
const EXPERIMENT_TAG: &str = "bindery-experiment";
const TRAINED_BY_TAG: &str = "bindery-trained-by";
const TRAINED_AT_TAG: &str = "bindery-trained-at";
const ENVIRONMENT_TAG: &str = "bindery-environment";
const PIPELINE_TAG: &str = "bindery-pipeline";
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
        (TRAINED_AT_TAG, &lineage.trained_at.map(|at| at.to_string())),
        (ENVIRONMENT_TAG, &lineage.environment),
        (PIPELINE_TAG, &lineage.pipelines.last().cloned()),
        (REPOSITORY_TAG, &code.and_then(|code| code.repository.clone())),
        (COMMIT_TAG, &code.and_then(|code| code.commit.clone())),
    ];
    let said = all.into_iter().filter_map(|(key, value)| Some((key, value.as_ref()?)));
    let told = |value: &String| value.chars().filter(|it| is_text(*it)).take(TAG_LENGTH).collect();
    said.map(|(key, value)| (key.to_string(), told(value))).collect()
}

/// No control character, which Azure may refuse, and none that turns the direction of what follows.
fn is_text(letter: char) -> bool {
    !letter.is_control() && !matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The same, read back where the status and the source are lost.
fn from_tags(tags: &Strings) -> Option<Lineage> {
    let tag = |key: &str| tags.get(key).cloned();
    let code = Code { repository: tag(REPOSITORY_TAG), commit: tag(COMMIT_TAG), dirty: None };
    let lineage = Lineage {
        job: tag(JOB_TAG),
        experiment: tag(EXPERIMENT_TAG),
        trained_by: tag(TRAINED_BY_TAG),
        trained_at: tag(TRAINED_AT_TAG).and_then(|at| at.parse().ok()),
        environment: tag(ENVIRONMENT_TAG),
        pipelines: tag(PIPELINE_TAG).into_iter().collect(),
        code: (code != Code::default()).then_some(code),
        ..Lineage::default()
    };
    (lineage != Lineage::default()).then_some(lineage)
}

fn read_job(lineage: &mut Lineage, job: &Job) {
    let properties = &job.properties;
    lineage.experiment.clone_from(&properties.experiment_name);
    lineage.environment.clone_from(&properties.environment_id);
    lineage.datasets = inputs_of(job, None);
    lineage.code = code_of(job);
    lineage.trained_at = job.created().map(in_seconds);
}

/// What a pipeline began with is what its steps were made from: the inputs of a step are often the outputs of another.
fn read_pipeline(lineage: &mut Lineage, pipeline: &Job) {
    let new = |it: &Dataset| lineage.datasets.iter().all(|known| known.uri != it.uri);
    let outer: Vec<Dataset> = inputs_of(pipeline, lineage.pipelines.last()).into_iter().filter(new).collect();
    lineage.datasets.extend(outer);
    lineage.datasets.truncate(DATASETS);
    lineage.code = lineage.code.take().or_else(|| code_of(pipeline));
}

fn inputs_of(job: &Job, pipeline: Option<&String>) -> Vec<Dataset> {
    let input = |(name, input): (&String, &serde_json::Value)| {
        let uri = input.get("uri")?.as_str()?;
        let version = uri.rsplit_once("/versions/").map(|(_, version)| version.to_string());
        let name = name.clone();
        Some(Dataset { name, uri: without_credentials(uri), version, pipeline: pipeline.cloned() })
    };
    job.properties.inputs.iter().filter_map(input).take(DATASETS).collect()
}

fn code_of(job: &Job) -> Option<Code> {
    let git = |key: &str| job.properties.properties.get(key).filter(|v| !v.is_empty());
    let code = Code {
        repository: git("mlflow.source.git.repoURL").map(|url| without_credentials(url)),
        commit: git("mlflow.source.git.commit").cloned(),
        dirty: git("azureml.git.dirty").map(|d| d.eq_ignore_ascii_case("true")),
    };
    (code != Code::default()).then_some(code)
}

fn read_run(lineage: &mut Lineage, run: &Run, asked: &[String]) {
    lineage.run = Some(run.id.clone());
    lineage.trained_by.clone_from(&run.user);
    lineage.trained_at = run.ended.or(run.began).map(in_seconds).or(lineage.trained_at);
    let gated = |name: &str| asked.iter().any(|metric| metric == name);
    (lineage.metrics, lineage.metric_count) = first(&run.metrics, METRICS, gated);
    note_absent(lineage, asked);
    (lineage.parameters, lineage.parameter_count) = first(&run.parameters, PARAMETERS, |_| false);
    for value in lineage.parameters.values_mut() {
        *value = without_credentials(value);
    }
}

/// Of a run with many metrics, what it does not have of what gates ask for: so it is not read for that again.
fn note_absent(lineage: &mut Lineage, asked: &[String]) {
    let many = lineage.metric_count.is_some();
    let absent = asked.iter().filter(|metric| many && !lineage.metrics.contains_key(*metric));
    lineage.absent_metrics = absent.cloned().collect();
}

/// As many as may be kept, those that somebody asks for first; and how many there are, where that is more.
fn first(all: &Strings, most: usize, asked: impl Fn(&str) -> bool) -> (Strings, Option<i64>) {
    let (first, rest): (Vec<_>, Vec<_>) = all.iter().partition(|(name, _)| asked(name));
    let kept = first.into_iter().chain(rest).take(most).map(|(k, v)| (k.clone(), v.clone())).collect();
    (kept, i64::try_from(all.len()).ok().filter(|_| all.len() > most))
}

/// A repository URL can contain a token, and a data URI a signature: neither is for a status.
fn without_credentials(url: &str) -> String {
    redacted(url).replace("***@", "")
}

#[cfg(test)]
mod tests {
    use super::{Code, Lineage, Strings, from_tags, to_tags, without_credentials};

    #[test]
    fn a_tag_has_no_character_that_azure_refuses_or_that_misleads() {
        let job = Some("abc\u{1b}[31mred\u{202e}\n".to_string());
        let tags = to_tags(&Lineage { job, ..Lineage::default() });
        assert_eq!(tags, [("bindery-job".to_string(), "abc[31mred".to_string())]);
    }

    #[test]
    fn what_the_tags_say_is_read_back() {
        let some = |text: &str| Some(text.to_string());
        let code =
            Code { repository: some("https://git.example/fares.git"), commit: some("1f2e3d"), dirty: None };
        let lineage =
            Lineage { job: some("t"), experiment: some("taxi"), code: Some(code), ..Lineage::default() };
        assert_eq!(from_tags(&to_tags(&lineage).into_iter().collect()), Some(lineage));
        assert_eq!(from_tags(&Strings::default()), None);
    }

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
