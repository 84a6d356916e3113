//! Production serves only what is measured and approved; and in the end, the answers that an auditor wants.

use std::time::Instant;

use super::{BINDING, Narration, Stage, apply, asked, bind, binding, ready};
use crate::demo::{NAMESPACE, PATIENCE, PLATFORM};
use e2e::stand::Error;

/// The rules of the policy, one in a line.
const RULES: &str =
    r#"jsonpath={range .status.admission[*]}{.rule}{"  "}{.admitted}{"  "}{.asks}{"  "}{.found}{"\n"}{end}"#;

pub(in crate::demo) async fn governance(stage: &Stage, narration: &mut Narration) -> Result<(), Error> {
    narration.chapter(
        "Production serves only what is measured and approved",
        "A bound for the error, no worse than what serves, and a word of the people in model-risk.",
    );
    apply(stage, narration, &["governance/00-model-risk", "governance/10-fares-prod", "50-taxi-fare-2"])
        .await?;
    ready(stage, narration, &["amlmv/taxi-fare-2"]).await?;
    bind(stage, narration, "taxi-fare-2").await?;
    let rule = async |name: &str| -> Result<Option<bool>, Error> {
        let status = binding(stage).await?;
        let about = |it: &&bindery::api::Admission| it.rule == name && it.found.contains("3.7");
        Ok(status.admission.iter().find(about).map(|it| it.admitted))
    };
    let begun = Instant::now();
    while rule("Gate/rmse-bound").await?.is_none() && begun.elapsed() < PATIENCE {
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    stage.kubectl.run(narration, &["get", "amlbind", BINDING, "-n", NAMESPACE, "-o", RULES]).await?;
    let passed =
        rule("Gate/rmse-bound").await? == Some(true) && rule("Gate/beats-champion").await? == Some(true);
    narration
        .check("version 2 is measured: it passes both gates", passed, || "a gate is not passed".into())?;
    let status = binding(stage).await?;
    let admitted = status.conditions.iter().find(|it| it.type_ == "Admitted").cloned();
    let refused = admitted.as_ref().is_some_and(|it| it.status == "False" && it.reason == "NotApproved");
    let serves = status.traffic_summary.clone().unwrap_or_default();
    narration.check(
        format!("nobody has approved it yet, so nothing moves: {serves}"),
        refused && serves.starts_with("v1-") && serves.ends_with("100%"),
        || format!("{admitted:?}, {serves}"),
    )?;
    not_counted(stage, narration).await?;
    apply(stage, narration, &["governance/20-approvals"]).await
}

/// Whoever may write objects in the team's namespace approves there: that is refused, in the approval's own status.
async fn not_counted(stage: &Stage, narration: &mut Narration) -> Result<(), Error> {
    narration.say("The team approves its own version:");
    apply(stage, narration, &["governance/15-refused"]).await?;
    let own = "amlappr/taxi-fare-2-own";
    let refused = r#"jsonpath={.status.conditions[?(@.type=="Ready")].reason}=NotCounted"#;
    stage.kubectl.wait(narration, own, refused).await?;
    let said = r#"jsonpath={.status.conditions[?(@.type=="Ready")].message}{"\n"}"#;
    stage.kubectl.run(narration, &["get", own, "-n", NAMESPACE, "-o", said]).await?;
    let status = binding(stage).await?;
    let waits = status.conditions.iter().any(|it| it.type_ == "Admitted" && it.reason == "NotApproved");
    narration
        .check("that counts nowhere: production still waits", waits, || format!("{:?}", status.conditions))
}

pub(in crate::demo) async fn answers(stage: &Stage, narration: &mut Narration) -> Result<(), Error> {
    narration.chapter(
        "What an auditor asks",
        "One command each, with the auditor's own rights; nothing is asked of Azure.",
    );
    let place = format!("{PLATFORM}/fares-prod");
    let inventory = asked(stage, narration, &["inventory", "-n", NAMESPACE, "-o", "wide"]).await?;
    let lineage = asked(stage, narration, &["lineage", "taxi-fare-2", "-n", NAMESPACE]).await?;
    let may =
        asked(stage, narration, &["explain", "amlmv/taxi-fare-1", "--in", &place, "-n", NAMESPACE]).await?;
    let evidence = asked(stage, narration, &["evidence", BINDING, "-n", NAMESPACE]).await?;
    for (what, found) in [
        ("the inventory says who serves version 2", inventory.contains("taxi-fare Stable 100%")),
        ("its lineage leads back to the training job", lineage.contains("job taxi-train-2")),
        ("version 1 may not serve anew: nobody has approved it", may.contains("Approvals")),
        ("the evidence names who has approved what serves", evidence.contains("ada@fares.example")),
    ] {
        narration.check(what, found, || "the answer above does not say it".into())?;
    }
    Ok(())
}
