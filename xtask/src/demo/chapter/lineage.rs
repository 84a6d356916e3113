//! The model becomes a version, and the version is promoted to the registry.

use bindery::api::{Lineage, ModelVersion};
use e2e::stand::Error;
use kube::Api;

use super::{Narration, Stage, apply, publishes, ready};
use crate::demo::NAMESPACE;
use crate::demo::stage::TRAINED_ON_STAGE;

const COLUMNS: &str = "custom-columns=VERSION:.metadata.name,JOB:.status.lineage.job,\
                       RMSE:.status.lineage.metrics.rmse,DATA:.status.lineage.datasets[0].uri,\
                       COMMIT:.status.lineage.code.commit,TRAINED BY:.status.lineage.trainedBy";

pub(in crate::demo) async fn lineage(stage: &Stage, narration: &mut Narration) -> Result<(), Error> {
    narration.chapter(
        "The model becomes a version, with a lineage that nobody typed",
        "Registered where it was trained, then promoted to the registry.",
    );
    apply(stage, narration, &["30-taxi-fare-1"]).await?;
    ready(stage, narration, &["amlmv/taxi-fare-1-dev", "amlmv/taxi-fare-1"]).await?;
    stage.kubectl.run(narration, &["get", "amlmv", "-n", NAMESPACE, "-o", COLUMNS]).await?;

    let api: Api<ModelVersion> = Api::namespaced(stage.stand.client.clone(), NAMESPACE);
    for name in ["taxi-fare-1-dev", "taxi-fare-1"] {
        narration.about = Some(format!("amlmv/{name}"));
        let lineage = api.get(name).await?.status.and_then(|s| s.lineage).unwrap_or_default();
        let missing = missing(&lineage);
        narration.check(
            format!("{name} knows its job, experiment, run, metrics, data, environment, code and author"),
            missing.is_empty(),
            || format!("{} is missing in {lineage:?}", missing.join(", ")),
        )?;
        if name == "taxi-fare-1" {
            let from = lineage.promoted_from.first().cloned().unwrap_or_default();
            narration.check(
                "the registry's version knows the one it was promoted from",
                from.ends_with("/workspaces/fares-dev/models/nyc-taxi-fare/versions/1"),
                || format!("{lineage:?}"),
            )?;
        }
    }
    let published = publishes(stage, "1");
    narration.check("it was published exactly once", published == 1, || format!("{published} times"))
}

/// What a version of this job should know and does not.
fn missing(lineage: &Lineage) -> Vec<&'static str> {
    let code = lineage.code.clone().unwrap_or_default();
    let known = [
        ("job", lineage.job.as_deref() == Some(TRAINED_ON_STAGE)),
        ("experiment", lineage.experiment.as_deref() == Some("nyc-taxi-fare")),
        ("run", lineage.run.is_some()),
        ("metrics", lineage.metrics.get("rmse").is_some_and(|rmse| rmse == "4.1")),
        ("datasets", !lineage.datasets.is_empty()),
        ("environment", lineage.environment.is_some()),
        ("code", code.commit.is_some() && code.repository.is_some_and(|r| !r.contains("token"))),
        ("trainedBy", lineage.trained_by.as_deref() == Some("ada")),
    ];
    known.into_iter().filter(|(_, known)| !known).map(|(what, _)| what).collect()
}
