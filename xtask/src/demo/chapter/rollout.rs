//! Version 2 takes over, step by step, while people use it.

use std::time::{Duration, Instant};

use bindery::api::{ActionWord, DeploymentBindingStatus, Phase};
use e2e::stand::Error;

use super::incident::act;
use super::{BINDING, Narration, Stage, apply, bind, binding, ready};
use crate::demo::scorer::{Scorer, Tally};
use crate::demo::{NAMESPACE, PATIENCE};

/// How long a person looks at it before they let it have all the traffic.
const WATCHED: Duration = Duration::from_secs(10);
const LOOK: Duration = Duration::from_millis(100);
/// How often a step tells its observed split.
const WORD: Duration = Duration::from_secs(7);

pub(in crate::demo) async fn rollout(
    stage: &Stage,
    narration: &mut Narration,
    scorer: &Scorer,
) -> Result<(), Error> {
    narration.chapter(
        "Version 2 takes over: a shadow, a smoke test, 10, 50, 100 %",
        "One line of the binding changes; every request goes on being answered. The last word is a person's.",
    );
    apply(stage, narration, &["50-taxi-fare-2"]).await?;
    ready(stage, narration, &["amlmv/taxi-fare-2"]).await?;
    let before = scorer.tally();
    bind(stage, narration, "taxi-fare-2").await?;
    narration.about = Some("amlbind/taxi-fare".into());
    let weights = follow(stage, narration, scorer).await?;
    narration.check("the steps were 10 and 50 %", weights == [10, 50], || format!("{weights:?}"))?;
    let status = binding(stage).await?;
    let last = status.history.first().cloned().ok_or("there is no history")?;
    narration.check(
        "the history names who let it serve",
        last.actions.iter().any(|it| it.action == ActionWord::Promote),
        || format!("{last:?}"),
    )?;
    ready(stage, narration, &["amlbind/taxi-fare"]).await?;
    stage.kubectl.run(narration, &["get", "amlbind", BINDING, "-n", NAMESPACE]).await?;

    let stable = binding(stage).await?.stable.map(|s| s.deployment).unwrap_or_default();
    let arrived = scorer.tally();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let since = scorer.tally().since(&arrived);
    narration.check(
        format!("declared {stable} 100 %, observed {}", since.in_words()),
        stable.starts_with("v2-") && since.is_near(&stable, 100),
        || format!("{since:?}"),
    )?;
    let all = scorer.tally().since(&before);
    narration.check(
        format!("none of {} requests failed during the rollout", all.total()),
        all.failed == 0,
        || format!("{} failed, the first with {:?}", all.failed, all.first_failure),
    )
}

/// A step of the rollout in its pause, and what was answered until it began.
struct Held {
    candidate: String,
    weight: i32,
    summary: String,
    from: Tally,
    since: Instant,
    told: Instant,
}

/// Follows the rollout to its end, and compares at every step what was declared with who answers.
async fn follow(stage: &Stage, narration: &mut Narration, scorer: &Scorer) -> Result<Vec<i32>, Error> {
    let begun = Instant::now();
    let mut weights = vec![];
    let mut held: Option<Held> = None;
    let mut word = String::new();
    let mut promoted = false;
    loop {
        let status = binding(stage).await?;
        let stands = stands(&status);
        if let Some(step) = held.take_if(|step| stands != Some(step.weight)) {
            let answered = scorer.tally().since(&step.from);
            narration.check(
                format!("declared {}, observed {}", step.summary, answered.in_words()),
                answered.is_near(&step.candidate, step.weight),
                || "the split is further away than chance explains".into(),
            )?;
            weights.push(step.weight);
        }
        if !promoted && held.as_ref().is_some_and(|step| step.weight == 50 && step.since.elapsed() > WATCHED)
        {
            promoted = true;
            act(stage, narration, &["promote", BINDING, "--step", "go", "--reason", "looks good"]).await?;
            continue;
        }
        match (&mut held, &status.candidate, stands) {
            (Some(step), ..) if step.told.elapsed() > WORD => {
                step.told = Instant::now();
                let answered = scorer.tally().since(&step.from);
                narration.say(format!("  … {} s: {}", begun.elapsed().as_secs(), answered.in_words()));
            }
            (None, Some(candidate), Some(weight)) => {
                let summary = status.traffic_summary.clone().unwrap_or_default();
                narration.say(format!(
                    "  … {} s: Azure routes {summary}; {}",
                    begun.elapsed().as_secs(),
                    why(&status)
                ));
                held = Some(Held {
                    candidate: candidate.deployment.clone(),
                    weight,
                    summary,
                    from: scorer.tally(),
                    since: Instant::now(),
                    told: Instant::now(),
                });
            }
            _ => {}
        }
        let now = word_of(&status);
        if held.is_none() && !now.is_empty() && now != word {
            narration.say(format!("  … {} s: {now}", begun.elapsed().as_secs()));
            word = now;
        }
        let arrived = status.stable.as_ref().is_some_and(|s| s.deployment.starts_with("v2-"));
        if arrived || status.phase == Some(Phase::Failed) || begun.elapsed() > 2 * PATIENCE {
            return Ok(weights);
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// The candidate's weight, in a pause or an analysis that it has traffic in.
fn stands(status: &DeploymentBindingStatus) -> Option<i32> {
    let stays = matches!(status.phase, Some(Phase::Pausing | Phase::Analyzing));
    status.candidate.as_ref().map(|candidate| candidate.weight).filter(|weight| stays && *weight > 0)
}

fn why(status: &DeploymentBindingStatus) -> &'static str {
    if status.phase == Some(Phase::Analyzing) { "measured meanwhile" } else { "waiting for a person" }
}

/// What the binding says while it is not Ready, without the start that is always the same.
fn word_of(status: &DeploymentBindingStatus) -> String {
    let ready = status.conditions.iter().find(|c| c.type_ == "Ready" && c.status != "True");
    let message = ready.map_or("", |c| c.message.as_str());
    message.trim_start_matches("Azure works on it: ").trim_end_matches('.').to_string()
}
