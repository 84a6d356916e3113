//! Version 3 goes wrong, and takes itself back.

use std::time::Duration;

use azureml_emulator::{OperationRule, Outcome, Work};
use bindery::api::Phase;
use e2e::stand::{Error, azure_id};
use serde_json::json;

use super::{ENDPOINT, Narration, Stage, apply, bind, binding, ready};
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
    let traffic = {
        let control = stage.stand.emulator.control();
        control.resource(&azure_id(ENDPOINT)).map(|endpoint| endpoint["properties"]["traffic"].clone())
    };
    let traffic = traffic.unwrap_or_default();
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
