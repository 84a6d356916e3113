//! Batch endpoints: the same rollout, in which the default deployment has all the traffic.

use serde_json::{Value, json};

use super::bodies::put;
use crate::azure::model::resource::{OnlineDeployment, OnlineEndpoint};
use crate::azure::model::{Answer, Ask, Class, Error, Lane};
use crate::decide::deployment_binding::Jobs;
use crate::decide::facts::Known;
use crate::decide::fixtures::{Binding, batch, binding, short, told};
use crate::decide::{Look, Mode, Served};

#[test]
fn a_batch_endpoint_goes_from_nothing_to_its_next_version() {
    let made = || batch().endpoint();
    let rows: [(Binding, &str); 8] = [
        (batch(), "create the endpoint taxi"),
        (made(), "create deployment v1 of taxi:1"),
        (made().deployed("1", "Succeeded"), "make v1 the default deployment of endpoint taxi"),
        (batch().serving("1").wanting("2"), "create deployment v2 of taxi:2"),
        (
            batch().serving("1").wanting("2").candidate("2", 0, 1),
            "make v2 the default deployment of endpoint taxi",
        ),
        (batch().serving("2").previous("1", 60).wanting("2"), ""),
        (
            batch().serving("2").previous("1", 3601).wanting("2"),
            "delete deployment v1, which no longer serves",
        ),
        (
            batch().serving("2").previous("1", 60).wanting("1"),
            "make v1 the default deployment of endpoint taxi",
        ),
    ];
    for (it, doing) in rows {
        let said = told(&it.decide());
        let call = if doing.is_empty() {
            "v2 is the default deployment of taxi.".into()
        } else {
            format!("-> {doing} |")
        };
        assert!(said.contains(&call), "{said}");
    }
}

#[test]
fn what_fails_is_not_the_default() {
    let failed = batch().serving("1").wanting("2").deployed("2", "Failed");
    assert!(
        told(&failed.decide()).contains("give up v2, which failed; v1 serves"),
        "{}",
        told(&failed.decide())
    );
    let serves = failed.traffic(&[("2", 100)]);
    let said = told(&serves.decide());
    assert!(said.contains("make v1 the default deployment in place of v2, which failed"), "{said}");
    let reported = batch().serving("1").wanting("2").failed("2", 60);
    assert!(
        told(&reported.decide()).contains("v1 is the default deployment. v2 is not tried again: bind another version, change anything in spec.batch.deployment but tags, or"),
        "{}",
        told(&reported.decide())
    );
}

#[test]
fn what_somebody_else_made_the_default_is_put_back() {
    let moved = batch().serving("2").previous("1", 60).wanting("2").moved(&[("1", 100)]);
    let decision = moved.decide();
    assert!(
        told(&decision).contains("put back defaults.deploymentName of endpoint taxi"),
        "{}",
        told(&decision)
    );
    let drift = &decision.status.drift[0];
    assert_eq!((&*drift.wanted, &*drift.found), (&*moved.name("2"), &*moved.name("1")));
    assert_eq!(put(&moved)["properties"]["defaults"]["deploymentName"], json!(moved.name("2")));
}

/// A batch endpoint has one default deployment: what a tag says of a part of the traffic, somebody has written there.
#[test]
fn a_tag_that_splits_a_batch_endpoint_is_not_believed() {
    let it = batch().serving("1").wanting("2").candidate("2", 0, 1);
    let (one, two) = (it.name("1"), it.name("2"));
    let it = it.tagged("bindery-traffic", &format!("{one}=50 {two}=50")).forgotten();
    let body = put(&it);
    assert_eq!(body["properties"]["defaults"]["deploymentName"], json!(two));
    assert_eq!(body["tags"]["bindery-traffic"], json!(format!("{two}=100")));
}

/// Admission refuses them; were they there all the same, nothing would wait for them.
#[test]
fn steps_mean_nothing_on_a_batch_endpoint() {
    let steps = json!([{"setTraffic": 10}, {"name": "go", "pause": {}}]);
    let it = batch().serving("1").wanting("2").candidate("2", 0, 1).steps(steps);
    assert!(told(&it.decide()).contains("make v2 the default deployment"), "{}", told(&it.decide()));
}

#[test]
fn what_is_written_has_the_form_of_batch() {
    let tags = crate::decide::fixtures::tags([("team", "fares")]);
    let endpoint = put(&batch().with(|f| f.spec.batch.as_mut().unwrap().endpoint.tags = tags));
    assert_eq!(
        endpoint,
        json!({
            "location": "eastus",
            "tags": {"team": "fares", "bindery-owner": "prod/fares/taxi", "bindery-traffic": ""},
            "properties": {"authMode": "AADToken", "defaults": {"deploymentName": null}, "properties": {}},
        })
    );
    let model =
        json!({"referenceType": "Id", "assetId": "azureml://registries/models/models/taxi/versions/1"});
    let deployment = |written: Value| {
        let it = batch().endpoint().with(|f| {
            f.spec.batch.as_mut().unwrap().deployment = serde_json::from_value(written).unwrap();
        });
        let mut body = put(&it);
        body["tags"] = Value::Null;
        body
    };
    assert_eq!(
        deployment(json!({"compute": "/cpu"})),
        json!({
            "location": "eastus", "tags": null,
            "properties": {"compute": "/cpu", "environmentVariables": {}, "model": model, "properties": {}},
        })
    );
    assert_eq!(
        deployment(json!({
            "compute": "/cpu", "instanceCount": 2, "environment": "env",
            "code": {"id": "code", "scoringScript": "score.py"}, "miniBatchSize": 5,
            "maxConcurrencyPerInstance": 2, "outputAction": "SummaryOnly", "outputFileName": "a.csv",
            "errorThreshold": -1, "retrySettings": {"maxRetries": 1, "timeout": "1m30s"},
            "environmentVariables": {"A": "1"}, "tags": {"team": "fares"},
        }))["properties"],
        json!({
            "compute": "/cpu", "resources": {"instanceCount": 2}, "environmentId": "env",
            "codeConfiguration": {"codeId": "code", "scoringScript": "score.py"}, "miniBatchSize": 5,
            "maxConcurrencyPerInstance": 2, "outputAction": "SummaryOnly", "outputFileName": "a.csv",
            "errorThreshold": -1, "retrySettings": {"maxRetries": 1, "timeout": "PT90S"},
            "environmentVariables": {"A": "1"}, "model": model, "properties": {},
        })
    );
}

#[test]
fn foreign_fields_of_batch_survive() {
    let mut it = batch().serving("1").wanting("2").candidate("2", 0, 1).tagged("theirs", "kept");
    it.found().properties.rest.insert("defaults".into(), json!({"deploymentName": "x", "later": 7}));
    let body = put(&it);
    let (one, two) = (it.name("1"), it.name("2"));
    assert_eq!(
        body,
        json!({
            "location": "eastus",
            "tags": {
                "theirs": "kept", "bindery-owner": "prod/fares/taxi", "bindery-stable": two, "bindery-previous": one,
                "bindery-traffic": format!("{two}=100"),
                "bindery-history": format!("{}@2=2026-03-01T12:00:00Z", it.revision("2")),
            },
            "properties": {
                "authMode": "AADToken", "futureProperty": 7, "properties": {},
                "defaults": {"deploymentName": two, "later": 7},
            },
        })
    );
}

#[test]
fn the_service_s_form_is_read() {
    let kind = "microsoft.machinelearningservices/workspaces/batchendpoints";
    let endpoint: OnlineEndpoint = serde_json::from_value(json!({
        "type": kind, "location": "eastus", "tags": null,
        "properties": {"authMode": "AADToken", "defaults": {"deploymentName": "blue"}},
    }))
    .unwrap();
    assert_eq!(endpoint.weight("blue"), 100);
    let deployment: OnlineDeployment = serde_json::from_value(json!({
        "type": format!("{kind}/deployments"), "name": "blue", "location": "eastus", "tags": {},
        "properties": {"model": {"referenceType": "Id", "assetId": "azureml://m"}, "resources": {"instanceCount": 3}},
    }))
    .unwrap();
    assert_eq!(deployment.properties.model.as_deref(), Some("azureml://m"));
    assert_eq!(deployment.instance_count(), None);
    let back = deployment.to_put();
    assert_eq!(back["properties"]["model"], json!({"referenceType": "Id", "assetId": "azureml://m"}));
    assert_eq!(back["properties"]["resources"], json!({"instanceCount": 3}));
}

/// A deployment on which a job runs stays, and nothing else waits for that.
#[test]
fn a_deployment_stays_while_a_job_runs_on_it() {
    let over = || batch().serving("2").previous("1", 3601).wanting("2");
    let running = |it: Binding| {
        let of = [(it.name("1"), vec!["score-1".to_string()])].into();
        it.with(|f| f.jobs = Jobs::Known { of, of_nobody_knows_what: vec!["other".into()] })
    };
    let decision = running(over()).decide();
    let said = "True Succeeded settled | v2 is the default deployment of taxi. | 60 s";
    assert_eq!(told(&decision), said);
    let old = decision.status.deployments.iter().find(|d| !d.jobs.is_empty()).unwrap();
    assert_eq!((&*old.name, &*old.jobs), (&*over().name("1"), &["score-1".to_string()][..]));
    let unknown = decision.status.unknown_jobs.unwrap_or_default();
    assert!(unknown.ends_with("no deployment stays for them: other."), "{unknown}");
    // The next version does not wait for the job.
    let next = running(batch().serving("2").previous("1", 60).wanting("3")).decide();
    assert!(told(&next).contains("-> create deployment v3 of taxi:3"), "{}", told(&next));
    let unread = over().with(|f| f.jobs = Jobs::Unread(Error::new(Class::Unauthorized, "No.")));
    let decision = unread.decide();
    assert_eq!(told(&decision), said.replace("60 s", "interval"));
    assert!(decision.status.unknown_jobs.unwrap_or_default().contains("cannot be read"));
    let ended = over().with(|f| f.jobs = Jobs::Known { of: [].into(), of_nobody_knows_what: vec![] });
    assert!(told(&ended.decide()).contains("-> delete deployment v1, which no longer serves"));
}

/// The end of a binding waits for no job, and names those that go on.
#[test]
fn jobs_that_outlive_their_binding_are_named() {
    let it = batch().serving("2").with(|f| {
        f.situation.deleting = true;
        f.situation.deleted_at = None;
        let Look::Found(endpoint) = &mut f.endpoint else { unreachable!() };
        endpoint.properties.traffic.clear();
        endpoint.tags.insert("bindery-traffic".into(), String::new());
    });
    let running = |jobs: &[&str]| {
        let of = [(it.name("2"), jobs.iter().map(ToString::to_string).collect())].into();
        let it = it.clone().with(|f| f.jobs = Jobs::Known { of, of_nobody_knows_what: vec![] });
        short(&it.decide().call.unwrap().doing)
    };
    assert_eq!(running(&[]), "delete deployment v2");
    assert_eq!(running(&["a"]), "delete deployment v2, on which job a runs; Azure lets that go on");
    assert_eq!(running(&["a", "b"]), "delete deployment v2, on which jobs a, b run; Azure lets these go on");
    let mut known = Known::nothing(Lane::Routine, true, Served::everything());
    let _ = it.0.look_at_jobs(it.0.id.as_ref().unwrap(), &mut known);
    assert!(!known.wants().azure.is_empty(), "they are asked for");
}

#[test]
fn the_traffic_of_a_batch_endpoint_is_told_as_its_default() {
    let said = |it: Binding| crate::decide::fixtures::short(&it.decide().status.traffic_summary.unwrap());
    assert_eq!(said(batch().serving("1")), "v1 (default)");
    assert_eq!(said(batch().endpoint()), "none");
}

/// What the jobs of the workspace say is read where a deployment may have to go, by whoever may delete it.
#[test]
fn jobs_are_read_where_a_deployment_may_have_to_go() {
    let idle = || batch().serving("2").previous("1", 3601).wanting("2");
    let look = |it: &Binding, known: &mut Known| it.0.look_at_jobs(it.0.id.as_ref().unwrap(), known);
    let nothing = || Known::nothing(Lane::Routine, false, Served::everything());
    for (what, it) in [
        ("nothing is idle", batch().serving("2").wanting("2")),
        (
            "the binding goes, and leaves everything",
            idle().with(|f| {
                f.situation.deleting = true;
                f.spec.deletion_policy = crate::api::BindingDeletion::Retain;
            }),
        ),
        ("it only observes", idle().with(|f| f.situation.mode = Mode::Observe)),
        ("it is an online endpoint", binding().serving("2").previous("1", 3601).wanting("2")),
    ] {
        let mut known = nothing();
        assert_eq!((look(&it, &mut known), known.is_whole()), (Some(Jobs::Unasked), true), "{what}");
    }
    let (it, mut known) = (idle(), nothing());
    assert_eq!(look(&it, &mut known), None, "nobody has read them yet");
    for read in known.wants().azure {
        let Ask::BatchJobs { path, of } = &read.what else { panic!("{read:?}") };
        assert!(path.as_str().ends_with("/workspaces/production/jobs"), "{path}");
        let one = |name: &str, status: &str| json!({"name": name, "properties": {"status": status}});
        let jobs = match of {
            None => vec![one("somebody-s", "Running"), one("over", "Completed")],
            Some(of) => {
                assert_eq!(of, &("taxi".to_string(), it.name("1")));
                vec![one("ours", "Running")]
            }
        };
        known.take_in_azure(read, Answer::Collection(Ok(jobs)));
    }
    let of = [(it.name("1"), vec!["ours".to_string()])].into();
    let of_nobody_knows_what = vec!["somebody-s".to_string()];
    assert_eq!(look(&it, &mut known), Some(Jobs::Known { of, of_nobody_knows_what }));
}
