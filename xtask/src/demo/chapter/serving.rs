//! Production serves the first version; and in the end, who serves what.

use std::time::Duration;

use e2e::stand::Error;

use super::{BINDING, Narration, Stage, apply, binding, publishes, ready};
use crate::demo::NAMESPACE;
use crate::demo::scorer::Scorer;

pub(in crate::demo) async fn first_version(
    stage: &Stage,
    narration: &mut Narration,
) -> Result<Scorer, Error> {
    narration.chapter(
        "Production serves version 1",
        "An endpoint and a deployment in fares-prod. Then 30 scoring requests a second, until the end.",
    );
    apply(stage, narration, &["40-taxi-fare"]).await?;
    ready(stage, narration, &["amlbind/taxi-fare"]).await?;
    stage.kubectl.run(narration, &["get", "amlbind", BINDING, "-n", NAMESPACE]).await?;
    let status = binding(stage).await?;
    let uri = status.endpoint.and_then(|e| e.scoring_uri).ok_or("the status has no scoringUri")?;
    let key = stage.ada.endpoint_key("fares-prod", "taxi-fare-prod").await?;
    let scorer = Scorer::start(stage.ada.http.clone(), uri, key);
    tokio::time::sleep(Duration::from_secs(1)).await;
    let (tally, stable) = (scorer.tally(), status.stable.map(|s| s.deployment).unwrap_or_default());
    narration.check(
        format!("{stable} answers: {}", tally.in_words()),
        tally.failed == 0 && tally.is_near(&stable, 100) && stable.starts_with("v1-"),
        || format!("{tally:?}"),
    )?;
    Ok(scorer)
}

pub(in crate::demo) async fn overview(
    stage: &Stage,
    narration: &mut Narration,
    scorer: &Scorer,
) -> Result<(), Error> {
    narration.chapter("Who serves what", "What an auditor would ask, answered by the cluster.");
    stage.kubectl.run(narration, &["get", "bindery", "-A"]).await?;
    for version in ["1", "2", "3"] {
        let published = publishes(stage, version);
        narration.check(format!("version {version} was published exactly once"), published == 1, || {
            format!("{published} times")
        })?;
    }
    let tally = scorer.tally();
    narration.check(
        format!("all {} scoring requests of this story were answered well", tally.total()),
        tally.failed == 0,
        || format!("{} failed, the first with {:?}", tally.failed, tally.first_failure),
    )
}
