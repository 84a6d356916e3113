//! Somebody on call goes back to version 1 by one command, and lets version 2 serve again by another.

use std::time::{Duration, Instant};

use e2e::stand::Error;
use serde_json::json;

use super::{BINDING, Narration, Stage, asked, binding, ready, traffic, until};
use crate::demo::NAMESPACE;
use crate::demo::scorer::Scorer;

pub(in crate::demo) async fn incident(
    stage: &Stage,
    narration: &mut Narration,
    scorer: &Scorer,
) -> Result<(), Error> {
    narration.chapter(
        "An incident: back to version 1, and forward again",
        "Git still names version 2, so a hold keeps version 1; a release ends it, and a full promotion skips the steps.",
    );
    let before = scorer.tally();
    let begun = Instant::now();
    let why = "riders see odd fares";
    act(stage, narration, &["rollback", BINDING, "--reason", why]).await?;
    let took = begun.elapsed().as_secs_f32();
    let status = binding(stage).await?;
    let stable = status.stable.map(|it| it.deployment).unwrap_or_default();
    let traffic = traffic(stage);
    narration.check(
        format!("after {took:.1} s {stable} has all the traffic in Azure: it was kept warm"),
        stable.starts_with("v1-") && traffic[&stable] == json!(100),
        || format!("stable is {stable}, and the traffic {traffic}"),
    )?;
    let told = status.hold.as_ref().and_then(|hold| hold.action.as_ref());
    let held = told.is_some_and(|action| action.reason.as_deref() == Some(why));
    narration.check("the hold says why", held, || format!("{:?}", status.hold))?;
    let back = scorer.tally();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let answered = scorer.tally().since(&back);
    narration.check(format!("observed {}", answered.in_words()), answered.is_near(&stable, 100), || {
        format!("{answered:?}")
    })?;
    act(stage, narration, &["release", BINDING, "--reason", "the meter was wrong"]).await?;
    until(stage, "on its way again", |it| it.candidate.is_some()).await?;
    let known = "version 2 has proved itself today";
    act(stage, narration, &["promote", BINDING, "--full", "--reason", known]).await?;
    narration.about = Some("amlbind/taxi-fare".into());
    ready(stage, narration, &["amlbind/taxi-fare"]).await?;
    let all = scorer.tally().since(&before);
    let stable = binding(stage).await?.stable.map(|it| it.deployment).unwrap_or_default();
    narration.check(
        format!("{stable} serves again, and none of {} requests failed", all.total()),
        stable.starts_with("v2-") && all.failed == 0,
        || format!("{all:?}"),
    )
}

/// One word to the rollout, carried out.
pub(super) async fn act(stage: &Stage, narration: &Narration, line: &[&str]) -> Result<(), Error> {
    let line = [line, &["-n", NAMESPACE, "--yes", "--wait"]].concat();
    asked(stage, narration, &line).await.map(|_| ())
}
