//! What is read of the job and the run behind a version, and how often; and what a version knows of those that hold it.

use std::collections::BTreeMap;

use super::*;
use crate::api::{Lineage, ModelVersionStatus};
use crate::azure::model::resource::Run;
use crate::azure::model::{Answer, Ask, Class, Error, Purpose};

const METRICS: usize = 50;

fn azure(name: &str) -> Value {
    json!({"subscriptionId": "s", "resourceGroup": "rg", "name": name})
}

/// A workspace of `fares` that is ready, with these fields in manifest and status.
fn workspace(name: &str, spec: &Value, status: &Value) -> AnyObject {
    let mut whole = json!({"azure": azure(name)});
    whole.as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
    let mut it = made::<Workspace>("fares", name, &whole);
    let mut ready = json!({"observedGeneration": 1, "location": "eastus"});
    ready.as_object_mut().unwrap().extend(status.as_object().unwrap().clone());
    Arc::make_mut(&mut it).status = Some(serde_json::from_value(ready).unwrap());
    it.any()
}

/// What Azure has of the job `t` and of its run.
struct Trained {
    job: bool,
    run: Result<Option<Run>, Error>,
    mlflow: bool,
}

/// A job whose run has logged as many metrics: `metric-00` and so on.
fn trained(metrics: usize) -> Trained {
    let metrics = (0..metrics).map(|n| (format!("metric-{n:02}"), n.to_string()));
    let run = Run { id: "t".into(), metrics: metrics.collect(), ..Run::default() };
    Trained { job: true, run: Ok(Some(run)), mlflow: true }
}

/// Version 1 of the model `taxi` from the job `t`, with these gates on these metrics.
fn from_job(metrics: &[&str]) -> ModelVersion {
    let gates: Vec<Value> =
        metrics.iter().map(|metric| json!({"name": metric, "metric": metric, "max": "99"})).collect();
    let place = json!({"workspaceRef": {"name": "dev"}, "source": {"job": {"name": "t"}}, "gates": gates});
    let mut version = version("fares", "v", "taxi", &place);
    let it = Arc::make_mut(&mut version);
    it.spec.source.uri = None;
    it.clone()
}

impl Trained {
    fn answer(&self, ask: &Ask) -> Answer {
        let Ask::Resource(id) = ask else {
            assert!(matches!(ask, Ask::Run { .. }), "{ask:?}");
            return Answer::Run(self.run.clone());
        };
        if id.as_str().contains("/jobs/") {
            return Answer::Resource(Ok(self.job.then(|| json!({"name": "t", "properties": {}}))));
        }
        Answer::Resource(Ok(Some(json!({
            "properties": {
                "modelUri": "azureml://jobs/t/outputs/artifacts/paths/model", "modelType": "mlflow_model", "jobName": "t",
                "tags": {"bindery-owner": "prod/fares/v"}, "flavors": {}, "isArchived": false,
            },
            "systemData": {"createdAt": "1970-01-01T00:00:00Z"},
        }))))
    }

    /// A pass over the version: its status afterwards, how often something was read of job and run, and what of the cluster was asked.
    fn pass(
        &self,
        version: &ModelVersion,
        others: &[AnyObject],
        hours: i64,
    ) -> (ModelVersionStatus, usize, Vec<ClusterRead>) {
        let uri = if self.mlflow { json!({"mlflowTrackingUri": "azureml://host/x"}) } else { json!({}) };
        let mut objects = vec![workspace("dev", &json!({}), &uri), Arc::new(version.clone()).any()];
        objects.extend(others.iter().cloned());
        let cluster = Cluster(objects, Watched::all());
        let (mut known, mut reads) = (Known::nothing(Lane::Routine, false, Served::everything()), 0);
        let now = Timestamp::from_second(hours * 3600).unwrap();
        loop {
            let facts = gather(version, &Moment { now, ..moment(false) }, &mut known);
            let wanted = known.wants();
            if wanted == Wanted::default() {
                return (facts.decide().status, reads, known.rests_on().cloned().collect());
            }
            for read in wanted.cluster {
                let found = cluster.find(&read);
                known.take_in_cluster(read, found);
            }
            for read in wanted.azure {
                reads += usize::from(read.errand.purpose == Purpose::TraceLineage);
                let answer = self.answer(&read.what);
                known.take_in_azure(read, answer);
            }
        }
    }

    /// How often something was read in each of three passes.
    fn reads(&self, version: &ModelVersion, hours: i64) -> Vec<usize> {
        let mut version = version.clone();
        let mut pass = || {
            let (status, reads, _) = self.pass(&version, &[], hours);
            version.status = Some(status);
            reads
        };
        (0..3).map(|_| pass()).collect()
    }
}

/// What it is, what Azure has, the metrics of gates, how many hours old the version is, and the reads of three passes.
type Case = (&'static str, Trained, &'static [&'static str], i64, [usize; 3]);

#[test]
fn job_and_run_are_read_once() {
    let unreadable = || Err(Error::new(Class::Transient, "try again"));
    let nothing = || Trained { job: false, run: Ok(None), ..trained(0) };
    let cases: Vec<Case> = vec![
        ("all is there", trained(3), &["metric-01"], 0, [2, 0, 0]),
        ("a gate names what was never logged", trained(3), &["nope"], 0, [2, 0, 0]),
        ("and the run has more than is kept", trained(60), &["nope", "metric-59"], 0, [2, 0, 0]),
        ("there is no run", Trained { run: Ok(None), ..trained(0) }, &["rmse"], 0, [2, 0, 0]),
        ("the workspace has no MLflow", Trained { mlflow: false, ..trained(0) }, &["rmse"], 0, [1, 0, 0]),
        ("the job is gone", nothing(), &["rmse"], 2, [2, 0, 0]),
        // Azure registers the output of a job that it does not show yet.
        ("the job is not there yet", nothing(), &["rmse"], 0, [2, 2, 2]),
        ("the run cannot be read now", Trained { run: unreadable(), ..trained(0) }, &["rmse"], 0, [2, 2, 2]),
    ];
    for (what, azure, gates, hours, expected) in cases {
        assert_eq!(azure.reads(&from_job(gates), hours), expected, "{what}");
    }
}

#[test]
fn a_gate_that_comes_later_has_the_run_read_once_more() {
    let azure = trained(60);
    let mut version = from_job(&[]);
    version.status = Some(azure.pass(&version, &[], 0).0);
    for metric in ["metric-58", "nope"] {
        version.spec.gates = from_job(&[metric]).spec.gates;
        assert_eq!(azure.reads(&version, 0), [2, 0, 0], "{metric}");
    }
    // Also where the run has been deleted meanwhile.
    let gone = Trained { run: Ok(None), ..trained(0) };
    version.spec.gates = from_job(&["metric-59"]).spec.gates;
    assert_eq!(gone.reads(&version, 0), [2, 0, 0]);
    // What was registered again is another version.
    let mut again = version;
    again.status.as_mut().unwrap().created_at = Some("1969-01-01T00:00:00Z".parse().unwrap());
    assert_eq!(azure.reads(&again, 0), [2, 0, 0]);
}

/// A version in a registry that is promoted from another one, with a gate on this metric.
fn promoted(name: &str, source: &str, metric: &str) -> AnyObject {
    let gates = json!([{"name": "g", "metric": metric, "max": "99"}]);
    let place = json!({"registryRef": {"name": "models"}, "source": {"modelVersionRef": {"name": source}}, "gates": gates});
    let mut it = version("fares", name, "taxi", &place);
    Arc::make_mut(&mut it).spec.source.uri = None;
    it.any()
}

#[test]
fn the_metrics_are_kept_that_promotions_and_places_ask_for() {
    let define = json!({"gates": {"define": [{"name": "g", "metric": "metric-57", "max": "99"}]}});
    let others = [
        promoted("copy", "v", "metric-59"),
        promoted("copy-of-copy", "copy", "metric-58"),
        promoted("other", "w", "metric-56"),
        workspace("prod", &json!({"policy": define}), &json!({})),
    ];
    let kept = |lineage: Option<Lineage>| -> BTreeMap<String, String> { lineage.unwrap().metrics };
    let mut version = from_job(&["metric-55"]);
    let (status, _, rests) = trained(60).pass(&version, &others, 0);
    let metrics = kept(status.lineage.clone());
    assert_eq!(metrics.len(), METRICS);
    for (metric, asked) in [
        ("metric-55", true),
        ("metric-56", false),
        ("metric-57", true),
        ("metric-58", true),
        ("metric-59", true),
    ] {
        assert_eq!(metrics.contains_key(metric), asked, "{metric}");
    }
    let asks =
        |rests: &[ClusterRead]| rests.contains(&ClusterRead::Naming(ObjectKind::Workspace, Name::Gates));
    assert!(asks(&rests), "a place that asks for another one wakes the version");
    // They come later, and the run is read once more.
    version.status = Some(trained(60).pass(&version, &[], 0).0);
    let (status, reads, _) = trained(60).pass(&version, &others, 0);
    assert_eq!((reads, kept(status.lineage).contains_key("metric-59")), (2, true));
    // Where the status has every metric, nobody is asked what gates name.
    version.status = Some(trained(3).pass(&version, &others, 0).0);
    assert!(!asks(&trained(3).pass(&version, &others, 0).2));
}

#[test]
fn a_version_knows_where_it_serves_and_in_which_tier() {
    let id = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.MachineLearningServices/workspaces/dev/models/taxi/versions/1";
    let serves = |name: &str, workspace: &str| {
        let spec = json!({"workspaceRef": {"name": workspace}, "model": {"versionRef": {"name": "v"}},
            "online": {"endpoint": {"name": name}, "deployment": {}}});
        let mut it = made::<DeploymentBinding>("fares", name, &spec);
        let deployment = json!({"name": "v1-a", "role": "Stable", "assetId": id, "weight": 100, "since": "1970-01-01T00:00:00Z"});
        let status = json!({"observedGeneration": 1, "deployments": [deployment]});
        Arc::make_mut(&mut it).status = Some(serde_json::from_value(status).unwrap());
        it.any()
    };
    let production = workspace("prod", &json!({"tier": "production"}), &json!({}));
    let others = [serves("taxi", "prod"), serves("lost", "gone"), production];
    let (status, ..) = trained(3).pass(&from_job(&[]), &others, 0);
    let told: Vec<_> = status.served_by.into_iter().map(|it| (it.name, it.workspace, it.tier)).collect();
    let expected = [("lost", "fares/gone", None), ("taxi", "fares/prod", Some("production"))];
    let expected = expected.map(|(name, place, tier): (&str, &str, Option<&str>)| {
        (name.to_string(), Some(place.to_string()), tier.map(str::to_string))
    });
    assert_eq!(told, expected);
}
