//! The batch job that verifies a new deployment before it becomes the default.

use serde_json::{Value, json};

use super::super::verification::body;
use super::actions::{asked, carried_out};
use super::bodies::put;
use crate::api::{
    ActionWord, ConditionType, FailureReason, InputType, Outcome, OutputAction, PastRollout, Phase, Role,
    VerificationJob, conditions_of,
};
use crate::azure::model::resource::Job;
use crate::azure::model::{Action, Call, Class, Error, Invocation, Lane, Reply};
use crate::decide::deployment_binding::Jobs;
use crate::decide::facts::Known;
use crate::decide::fixtures::{Binding, ago, batch, failure, noon, short, told};
use crate::decide::{Look, Mode, Served};

const INPUT: &str = "azureml://datastores/workspaceblobstore/paths/sample";

/// Version 1 is the default, version 2 is wanted and made, and has to be verified.
fn candidate() -> Binding {
    verified(batch().serving("1").wanting("2").candidate("2", 0, 60))
}

fn verified(it: Binding) -> Binding {
    it.with(|f| {
        let verify = json!({"input": INPUT, "timeout": "20m"});
        f.spec.batch.as_mut().unwrap().verify = serde_json::from_value(verify).unwrap();
    })
}

/// The job that would be started next.
fn next_job(it: &Binding) -> String {
    it.0.to_be_started().unwrap().0
}

/// Azure has no such job.
fn looked(it: Binding) -> Binding {
    let name = next_job(&it);
    it.with(|f| drop(f.verification.jobs.insert(name, Look::Absent)))
}

fn job(name: &str, status: &str, seconds_ago: u64) -> Job {
    serde_json::from_value(json!({
        "name": name, "systemData": {"createdAt": ago(seconds_ago).to_string()},
        "properties": {"status": status, "services": {"Studio": {"endpoint": "https://ml.azure.com/runs/x"}}},
    }))
    .unwrap()
}

/// What the status remembers of the job of version 2, asked for so long ago.
fn remembered(it: &Binding, status: Option<&str>, seconds_ago: u64) -> VerificationJob {
    VerificationJob {
        name: "job-1".into(),
        requested_name: None,
        deployment: it.name("2"),
        revision: it.revision("2").to_string(),
        input: INPUT.into(),
        asked_at: ago(seconds_ago),
        started_at: status.map(|_| ago(seconds_ago)),
        status: status.map(Into::into),
        given_up: false,
    }
}

/// The job of the candidate was asked for so long ago, and Azure shows it so now; or does not show it.
fn asked_for(it: Binding, before: Option<&str>, now: Option<&str>, seconds_ago: u64) -> Binding {
    let known = remembered(&it, before, seconds_ago);
    let look = now.map_or(Look::Absent, |status| Look::Found(job("job-1", status, seconds_ago)));
    it.with(|f| {
        f.status.verification_jobs = vec![known];
        f.verification.jobs.insert("job-1".into(), look);
    })
}

fn running(status: &str) -> Binding {
    asked_for(candidate(), Some("Running"), Some(status), 60)
}

fn invocation(call: &Call) -> &Invocation {
    let Action::StartJob(asked) = &call.action else { panic!("{call:?}") };
    asked
}

/// Names without what is hashed in them.
fn said(it: &Binding) -> String {
    let said = told(&it.decide());
    match said.split_once("bindery-taxi-") {
        Some((before, after)) => format!("{before}JOB{}", &after[19..]),
        None => said,
    }
}

#[test]
fn a_candidate_is_verified_by_one_job() {
    let rows: [(&str, Binding, &str); 17] = [
        (
            "nobody has looked",
            candidate(),
            "Bindery looks whether the job that verifies the candidate was started already. | 1 s",
        ),
        (
            "nothing there",
            looked(candidate()),
            "-> start job JOB, which verifies v2 before that becomes the default deployment | now",
        ),
        (
            "nothing there by its name, and nobody can read the jobs of the workspace, where it may have another one",
            looked(candidate()).with(|f| f.verification.unread = Some(Error::new(Class::Transient, "No."))),
            "Before a job verifies the candidate, Bindery looks whether it was started already. The jobs of the workspace cannot be read: No. | 60 s",
        ),
        (
            "the answer was lost",
            asked_for(candidate(), None, None, 60),
            "Job job-1, which verifies v2, was asked for, or was about to be, and Azure does not show it yet. Bindery waits for it until 2026-03-01T12:29:00Z, and then asks for it once more under the same name. | 15 s",
        ),
        (
            "and does not come",
            asked_for(candidate(), None, None, 1800),
            "-> start job job-1, which verifies v2",
        ),
        (
            "and comes",
            asked_for(candidate(), None, Some("Running"), 60),
            "Job job-1 verifies v2 before that becomes the default deployment, until 2026-03-01T12:19:00Z at the latest. Azure says Running. | 15 s",
        ),
        (
            "it was answered and is not shown",
            asked_for(candidate(), None, None, 60)
                .with(|f| f.status.verification_jobs[0].status = Some("NotStarted".into())),
            "Azure says NotStarted.",
        ),
        (
            "and never was",
            asked_for(candidate(), None, None, 1800)
                .with(|f| f.status.verification_jobs[0].status = Some("NotStarted".into())),
            "give up v2, which failed; v1 serves",
        ),
        ("it runs", running("Running"), "Azure says Running."),
        ("it waits for nodes", running("Queued"), "Azure says Queued."),
        ("it has completed", running("Completed"), "-> make v2 the default deployment of endpoint taxi"),
        ("it failed", running("Failed"), "give up v2, which failed; v1 serves"),
        ("somebody canceled it", running("Canceled"), "give up v2, which failed; v1 serves"),
        (
            "somebody deleted it",
            asked_for(candidate(), Some("Running"), None, 60),
            "give up v2, which failed; v1 serves",
        ),
        (
            "just in time",
            asked_for(candidate(), Some("Running"), Some("Running"), 1199),
            "Azure says Running.",
        ),
        (
            "too late",
            asked_for(candidate(), Some("Running"), Some("Running"), 1200),
            "give up v2, which failed; v1 serves",
        ),
        (
            "nobody can say whether it is late",
            asked_for(candidate(), Some("Running"), Some("Running"), 1300)
                .with(|f| f.verification.jobs.clear()),
            "Azure says Running.",
        ),
    ];
    for (what, it, expected) in rows {
        let said = said(&it);
        assert!(said.contains(expected), "{what}: {said}");
    }
}

#[test]
fn while_the_job_runs_the_rollout_goes_on() {
    let status = running("Running").decide().status;
    assert_eq!(status.phase, Some(Phase::Verifying));
    let conditions = conditions_of(&status.conditions);
    let progressing = conditions.get(ConditionType::Progressing).unwrap();
    assert_eq!((&*progressing.status, &*progressing.reason), ("True", "Progressing"));
    assert!(progressing.message.contains("Job job-1 verifies"), "{}", progressing.message);
    let deployment = status.deployments.iter().find(|d| d.role == Role::Candidate).unwrap();
    assert_eq!(deployment.jobs, ["job-1"]);
}

/// First the job's name is in the status, then the request goes out; and it is the same name whatever is lost.
#[test]
fn the_name_is_stored_before_the_request() {
    let it = looked(candidate());
    let decision = it.decide();
    let call = decision.call.unwrap();
    let (stored, request) = (&decision.status.verification_jobs[0], invocation(&call));
    assert_eq!((&stored.name, stored.asked_at, &stored.status), (&request.job, noon(), &None));
    // Where another call of the same pass goes out first, this one waits for the next pass, and nobody was asked.
    assert_eq!(it.decide().without_the_call().verification_jobs, []);
    assert_eq!(request.deployment, it.name("2"));
    assert_eq!(request.uri, "https://taxi.eastus.inference.ml.azure.com/jobs");
    let workspace = it.0.id.as_ref().unwrap().parent().parent();
    let output =
        format!("{workspace}/datastores/workspaceblobstore/paths/bindery/{}/predictions.csv", request.job);
    assert_eq!(
        request.body,
        json!({"properties": {
            "name": request.job,
            "inputData": {"input": {"jobInputType": "UriFolder", "uri": INPUT}},
            "outputData": {"score": {"jobOutputType": "UriFile", "uri": output}},
        }})
    );
    assert_eq!(next_job(&it.clone().forgotten()), request.job);
    let other =
        it.with(|f| f.spec.batch.as_mut().unwrap().verify.as_mut().unwrap().input = format!("{INPUT}2"));
    assert_ne!(next_job(&other), request.job);
}

#[test]
fn what_the_code_writes_itself_has_no_path_of_ours() {
    let it = candidate().with(|f| {
        let batch = f.spec.batch.as_mut().unwrap();
        batch.verify.as_mut().unwrap().input_type = Some(InputType::UriFile);
        batch.deployment.output_action = Some(OutputAction::SummaryOnly);
    });
    let body = body(&it.0, it.0.verify().unwrap(), "j");
    let input = json!({"input": {"jobInputType": "UriFile", "uri": INPUT}});
    assert_eq!(body, Some(json!({"properties": {"name": "j", "inputData": input}})));
}

#[test]
fn the_answer_to_the_request_is_remembered() {
    let before = looked(candidate());
    let decision = before.decide();
    let call = decision.call.unwrap();
    let name = invocation(&call).job.clone();
    let after = |answer: Result<Reply, Error>| {
        let mut it = before.clone().with(|f| f.status = decision.status.clone());
        it.0.absorb(&call, answer.as_ref());
        it.0.status.verification_jobs.into_iter().next()
    };
    let reply = |body: Value| Ok(Reply { status: 201, body: Some(body), ..Reply::default() });
    let started = after(reply(json!({"name": name, "properties": {"status": "Preparing"}}))).unwrap();
    assert_eq!((&started.name, started.status.as_deref()), (&name, Some("Preparing")));
    let renamed = after(reply(json!({"name": "theirs"}))).unwrap();
    assert_eq!(
        (&*renamed.name, renamed.requested_name, renamed.status.as_deref()),
        ("theirs", Some(name), Some("NotStarted"))
    );
    let lost = after(Err(Error::new(Class::Transient, "No answer."))).unwrap();
    assert_eq!(lost.status, None);
    for class in [Class::Permanent, Class::Unauthorized, Class::NotFound, Class::Conflict] {
        assert_eq!(after(Err(Error::new(class, "No."))), None, "{class:?}");
    }
    assert_eq!(after(Err(Error::new(Class::Transient, "No.").before_sending())), None);
}

/// A status that was lost knows of no job: the one that is there under the name counts.
#[test]
fn a_job_is_found_again_when_the_status_is_lost() {
    for (status, expected) in [
        ("Running", "verifies v2 before that becomes the default deployment"),
        ("Completed", "-> make v2 the default deployment"),
        ("Failed", "give up v2, which failed"),
    ] {
        let it = candidate().forgotten();
        let name = next_job(&it);
        // Where the service gives names of its own, it is found by its output.
        for named in [&*name, "theirs"] {
            let found = Look::Found(job(named, status, 60));
            let it = it.clone().with(|f| drop(f.verification.jobs.insert(name.clone(), found)));
            let decision = it.decide();
            assert!(told(&decision).contains(expected), "{}", told(&decision));
            if status == "Running" {
                let known = &decision.status.verification_jobs[0];
                let renamed = (named != name).then(|| name.clone());
                assert_eq!((&*known.name, &known.requested_name, known.asked_at), (named, &renamed, ago(60)));
            }
        }
    }
}

#[test]
fn what_the_job_says_of_a_failure_is_in_the_history() {
    let late = asked_for(candidate(), Some("Running"), Some("Running"), 1200);
    for (it, message) in [
        (
            running("Failed"),
            "Job job-1, which verified it, failed. Azure shows why: https://ml.azure.com/runs/x",
        ),
        (running("Canceled"), "Job job-1, which verified it, was canceled."),
        (
            asked_for(candidate(), Some("Running"), None, 60),
            "Job job-1, which verified it, is not in the workspace any more.",
        ),
        (
            late,
            "Job job-1, which verifies it, did not complete within 20m (spec.batch.verify.timeout); Azure says Running. Azure shows why: https://ml.azure.com/runs/x",
        ),
    ] {
        let status = it.decide().status;
        let entry = &status.history[0];
        assert_eq!((entry.outcome, entry.reason), (Outcome::Failed, Some(FailureReason::VerificationFailed)));
        assert_eq!(entry.message.as_deref(), Some(message));
        assert_eq!(entry.verification.as_ref().map(|job| &*job.name), Some("job-1"));
        // The next pass, when the tag is written.
        let mut next = carried_out(&it);
        next.0.status.history = status.history.clone();
        next.0.verification.jobs.clear();
        let told = told(&next.decide());
        assert!(told.starts_with("False VerificationFailed stalled | v2 failed. Job job-1"), "{told}");
        assert!(told.contains("v1 is the default deployment. v2 is not tried again"), "{told}");
    }
    let promoted = carried_out(&running("Completed")).decide().status;
    let entry = &promoted.history[0];
    assert_eq!(entry.verification.as_ref().and_then(|job| job.status.as_deref()), Some("Completed"));
    assert_eq!((entry.outcome, &promoted.verification_jobs), (Outcome::Promoted, &vec![]));
}

/// Who goes back to what served before waits for no job, and neither does a person who promotes all of it.
#[test]
fn going_back_and_a_full_promotion_wait_for_no_job() {
    let back = verified(batch().serving("2").previous("1", 60).wanting("1"));
    assert!(told(&back.decide()).contains("-> make v1 the default deployment"), "{}", told(&back.decide()));
    let proven = verified(batch().serving("1").wanting("2").candidate("2", 0, 60)).with(|f| {
        let revision = f.wanted().unwrap().0.to_string();
        let before = PastRollout {
            asset_id: f.deployments.last().and_then(|d| d.properties.model.clone()),
            finished_at: Some(ago(7200)),
            ..PastRollout::new(&revision, Outcome::Promoted)
        };
        f.status.history.push(before);
    });
    assert!(
        told(&proven.decide()).contains("-> make v2 the default deployment"),
        "{}",
        told(&proven.decide())
    );

    for it in [looked(candidate()), running("Running")] {
        let revision = it.revision("2");
        let it = it.with(|f| f.asked.push(asked("all", ActionWord::Promote, &revision)));
        assert!(told(&it.decide()).contains("-> make v2 the default deployment"), "{}", told(&it.decide()));
        let entry = &carried_out(&it).decide().status.history[0];
        assert_eq!((entry.outcome, &*entry.skipped), (Outcome::Promoted, &["verification".to_string()][..]));
    }
}

#[test]
fn the_first_version_is_verified_too() {
    let first = || verified(batch().endpoint().deployed("1", "Succeeded"));
    assert!(
        said(&looked(first())).contains("-> start job JOB, which verifies v1"),
        "{}",
        said(&looked(first()))
    );
    let name = next_job(&first());
    let in_state = |status: &str| {
        let found = Look::Found(job(&name, status, 60));
        first().with(|f| drop(f.verification.jobs.insert(name.clone(), found)))
    };
    assert!(told(&in_state("Completed").decide()).contains("-> make v1 the default deployment"));
    assert!(
        told(&in_state("Failed").decide()).contains("-> give up v1, which failed"),
        "{}",
        told(&in_state("Failed").decide())
    );
}

/// A failed revision that is tried again gets a job of its own.
#[test]
fn another_try_is_another_job() {
    let first = next_job(&candidate());
    let failed = candidate().with(|f| {
        let revision = f.wanted().unwrap().0;
        f.asked.push(asked("again", ActionWord::Retry, &revision));
    });
    let failed = failed.tagged("bindery-failed", &candidate().revision("2").to_string());
    assert_eq!(failed.0.to_be_started(), None);
    let doing = failed.decide().call.unwrap().doing;
    assert!(doing.starts_with("write down that revision") && doing.contains("is tried again"), "{doing}");
    let again = carried_out(&failed);
    assert_ne!(next_job(&again), first);
    assert_eq!(next_job(&again), next_job(&again.clone().forgotten()), "without the status, too");
    // A revision that was given up and is wanted again.
    let back = candidate();
    let mut earlier = remembered(&back, Some("Canceled"), 600);
    (earlier.name, earlier.given_up) = (first.clone(), true);
    let back = back.with(|f| f.status.verification_jobs = vec![earlier]);
    assert_ne!(next_job(&back), first);
}

/// What nothing waits for any more is canceled, and until it has ended its deployment stays.
#[test]
fn a_job_that_nothing_waits_for_is_canceled() {
    let superseded = running("Running").wanting("3").role("2", Role::Candidate, 60);
    let cancels = "-> cancel job job-1, which nothing waits for any more | now";
    let decision = superseded.decide();
    assert!(told(&decision).contains(cancels), "{}", told(&decision));
    assert!(decision.status.verification_jobs[0].given_up);
    assert_eq!(decision.status.history[0].outcome, Outcome::Superseded);
    let call = decision.call.unwrap();
    assert_eq!(call.resource.as_str().rsplit_once('/').unwrap().1, "job-1");
    let mut after = superseded.clone().with(|f| f.status = decision.status.clone());
    after.0.absorb(&call, Ok(&Reply { status: 200, ..Reply::default() }));
    assert_eq!(after.0.status.verification_jobs[0].status.as_deref(), Some("CancelRequested"));
    assert!(told(&after.decide()).contains("-> create deployment v3"), "{}", told(&after.decide()));
    let ended = after.with(|f| {
        f.verification.jobs.insert("job-1".into(), Look::Found(job("job-1", "Canceled", 60)));
        f.jobs = Jobs::Known { of: [].into(), of_nobody_knows_what: vec![] };
    });
    assert!(told(&ended.decide()).contains("-> delete deployment v2"), "{}", told(&ended.decide()));
    assert_eq!(ended.decide().status.verification_jobs, vec![]);
    // Of whose deployment a job is, Bindery knows where it started it.
    let jobs = Jobs::Known { of: [].into(), of_nobody_knows_what: vec!["job-1".into(), "other".into()] };
    let unnamed = superseded.clone().with(|f| f.jobs = jobs);
    let unknown = unnamed.decide().status.unknown_jobs.unwrap_or_default();
    assert!(unknown.ends_with("no deployment stays for them: other."), "{unknown}");
    // Where canceling does not work, the rollout goes on.
    let refused = superseded.with(|f| {
        let failure = failure(&call, Class::Unauthorized, 1, 1);
        f.situation.trouble.failure = Some(failure);
    });
    assert!(told(&refused.decide()).contains("-> create deployment v3"), "{}", told(&refused.decide()));
    let deleted = running("Running").with(|f| f.situation.deleting = true);
    assert!(told(&deleted.decide()).contains(cancels), "{}", told(&deleted.decide()));
}

#[test]
fn nothing_is_started_while_nothing_may_be_changed() {
    let suspended = candidate().with(|f| f.situation.mode = Mode::Suspended);
    let decision = suspended.decide();
    assert_eq!((decision.call, decision.status.verification_jobs), (None, vec![]));
    let unread = candidate().with(|f| f.verification.unread = Some(Error::new(Class::Unauthorized, "No.")));
    let said = told(&unread.decide());
    assert!(said.contains("The jobs of the workspace cannot be read: No."), "{said}");
}

#[test]
fn what_somebody_made_the_default_before_the_job_is_put_back() {
    let moved = running("Running").moved(&[("2", 100)]);
    let name = moved.name("1");
    assert_eq!(put(&moved)["properties"]["defaults"]["deploymentName"], json!(name));
    assert_eq!(short(&name), "v1");
}

/// Whoever starts no job looks for none.
#[test]
fn before_a_job_is_started_azure_is_asked_for_it() {
    let reads = |it: Binding| {
        let mut known = Known::nothing(Lane::Routine, false, Served::everything());
        let found = it.0.look_at_verification(&mut known);
        (found.is_some(), known.wants().azure.len())
    };
    assert_eq!(reads(candidate()), (false, 1));
    assert_eq!(reads(candidate().with(|f| f.situation.deleting = true)), (true, 0));
    assert_eq!(reads(candidate().with(|f| f.situation.mode = Mode::Observe)), (true, 0));
}

#[test]
fn a_job_is_told_with_the_deployment_that_it_verifies() {
    let status = running("Running").decide().status;
    let jobs: Vec<_> = status.deployments.iter().map(|it| (short(&it.name), it.jobs.len())).collect();
    assert_eq!(jobs, [("v1".to_string(), 0), ("v2".to_string(), 1)]);
    let failed = running("Failed").decide().status;
    assert_eq!(failed.history[0].finished_at, Some(noon()));
}

/// Somebody deletes the candidate's deployment while its job runs, and Bindery makes another one of the same name.
#[test]
fn a_job_does_not_count_for_a_deployment_that_was_made_after_it_began() {
    let made = |it: Binding, seconds_ago: u64| {
        let name = it.name("2");
        it.with(|f| {
            let mut found = f.deployments.iter_mut().filter(|d| d.name() == name);
            let made = json!({"createdAt": ago(seconds_ago).to_string()});
            found.next().unwrap().rest.insert("systemData".into(), made);
        })
    };
    let done = running("Completed");
    assert!(said(&made(done.clone(), 61)).contains("make v2 the default deployment"), "{}", said(&done));
    let anew = made(done, 59);
    assert!(!said(&anew).contains("make v2 the default deployment"), "{}", said(&anew));
    assert_ne!(next_job(&anew), "job-1");
    assert!(
        said(&made(running("Running"), 59)).contains("-> cancel job job-1"),
        "{}",
        said(&made(running("Running"), 59))
    );
}
