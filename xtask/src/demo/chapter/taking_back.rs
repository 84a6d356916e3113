//! Version 3 goes wrong, and takes itself back.

use std::time::Duration;

use azureml_emulator::{OperationRule, Outcome, ScoringRule, Work};
use bindery::api::{DeploymentBindingStatus, Phase};
use e2e::stand::Error;
use serde_json::json;

use super::incident::act;
use super::{BINDING, Narration, Stage, apply, bind, binding, ready, traffic, until};
use crate::demo::NAMESPACE;
use crate::demo::scorer::Scorer;

/// What Azure says of a container that does not come up.
const CODE: &str = "ResourceNotReady";
const WORDS: &str = "User container has crashed or terminated: Liveness probe failed: HTTP probe failed with \
                     statuscode: 502";

pub(in crate::demo) async fn taking_back(
    stage: &Stage,
    narration: &mut Narration,
    scorer: &Scorer,
) -> Result<(), Error> {
    narration.chapter(
        "Version 3 goes wrong, and takes itself back",
        "Its container will crash in Azure. Nobody does anything about it.",
    );
    stage.stand.emulator.control().add_operation_rule(OperationRule {
        work: Some(Work::DeploymentCreate),
        resource: String::new(),
        model: "nyc-taxi-fare/versions/3".into(),
        times: None,
        outcome: Outcome::Fail { code: CODE.into(), message: WORDS.into() },
    });
    apply(stage, narration, &["60-taxi-fare-3"]).await?;
    ready(stage, narration, &["amlmv/taxi-fare-3"]).await?;
    let before = scorer.tally();
    bind(stage, narration, "taxi-fare-3").await?;
    stage.kubectl.wait(narration, "amlbind/taxi-fare", "condition=Stalled").await?;
    let message = r#"jsonpath={.status.conditions[?(@.type=="Stalled")].message}"#;
    let said = stage
        .kubectl
        .run(narration, &["get", "amlbind", "taxi-fare", "-n", NAMESPACE, "-o", message])
        .await?;
    let columns = "custom-columns=NAME:.metadata.name,PHASE:.status.phase,STABLE:.status.stable.deployment,\
                   TRAFFIC:.status.trafficSummary,REVISIONS:.status.history[*].revision,OUTCOMES:.status.history[*].outcome";
    stage.kubectl.run(narration, &["get", "amlbind", "taxi-fare", "-n", NAMESPACE, "-o", columns]).await?;

    narration.check(
        "the condition has Azure's own words",
        said.contains(WORDS) && said.contains(CODE),
        || said.clone(),
    )?;
    let status = binding(stage).await?;
    narration.check("the phase of the binding is Failed", status.phase == Some(Phase::Failed), || {
        format!("{:?}", status.phase)
    })?;
    let stable = status.stable.clone().map(|s| s.deployment).unwrap_or_default();
    let traffic = traffic(stage);
    narration.check(
        format!("{stable} still has all the traffic in Azure"),
        stable.starts_with("v2-") && traffic[&stable] == json!(100),
        || format!("stable is {stable}, and the traffic {traffic}"),
    )?;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let answered = scorer.tally().since(&before);
    narration.check(
        format!("meanwhile {}, none failed", answered.in_words()),
        answered.failed == 0 && answered.answers.len() == 1 && answered.is_near(&stable, 100),
        || format!("{answered:?}"),
    )
}

/// It starts this time, and answers badly once it has traffic.
pub(in crate::demo) async fn measured(
    stage: &Stage,
    narration: &mut Narration,
    scorer: &Scorer,
) -> Result<(), Error> {
    narration.chapter(
        "Version 3 is tried again, answers badly, and is taken back by its measurements",
        "Its container is mended. Status 200 all the time: nothing but the answers themselves tells.",
    );
    stage.stand.emulator.control().clear_operation_rules();
    let before = scorer.tally();
    act(stage, narration, &["retry", BINDING, "--reason", "the container is mended"]).await?;
    until(stage, "10 % of the traffic", |it| it.candidate.as_ref().is_some_and(|it| it.weight == 10)).await?;
    narration.say("  … it has passed the smoke test and has 10 %; from now on it answers without a fare");
    stage.stand.emulator.control().add_scoring_rule(ScoringRule {
        model: "nyc-taxi-fare/versions/3".into(),
        answer: Some(json!({"predictions": []})),
        ..ScoringRule::default()
    });
    let failed = |it: &DeploymentBindingStatus| it.phase == Some(Phase::Failed);
    let status = until(stage, "taken back", failed).await?;
    let columns = r#"jsonpath={.status.conditions[?(@.type=="Stalled")].message}"#;
    let said =
        stage.kubectl.run(narration, &["get", "amlbind", BINDING, "-n", NAMESPACE, "-o", columns]).await?;
    narration.check(
        "the condition says which measurement decided",
        said.contains("Metric smoke of step watch"),
        || said.clone(),
    )?;
    let stable = status.stable.map(|it| it.deployment).unwrap_or_default();
    let traffic = traffic(stage);
    narration.check(
        format!("{stable} has all the traffic in Azure"),
        stable.starts_with("v2-") && traffic[&stable] == json!(100),
        || format!("stable is {stable}, and the traffic {traffic}"),
    )?;
    let answered = scorer.tally().since(&before);
    narration.check(format!("meanwhile {}, none failed", answered.in_words()), answered.failed == 0, || {
        format!("{answered:?}")
    })
}
