//! Ada trains the model.

use std::time::{Duration, Instant};

use e2e::stand::{Error, azure_id, job};

use super::{Narration, Stage};
use crate::demo::PATIENCE;

const WORKSPACE: &str = "fares-dev";

pub(in crate::demo) async fn training(stage: &Stage, narration: &mut Narration) -> Result<(), Error> {
    narration.chapter(
        "Ada trains the model",
        "A job in the workspace fares-dev: on New York's taxi rides of 2025, from a commit of her repository.",
    );
    let mut job = job(1, 4.1);
    stage.ada.train(WORKSPACE, &job).await?;
    narration.say(format!("ada → Azure: PUT workspaces/{WORKSPACE}/jobs/{}", job.name));
    let begun = Instant::now();
    let mut last = String::new();
    loop {
        let status = stage.ada.job_status(WORKSPACE, &job.name).await?;
        if status != last {
            narration.say(format!("  … {:.0} s: the job is {status}", begun.elapsed().as_secs_f32()));
        }
        if status == "Running" && last != "Running" {
            // What the training program itself would do by MLflow's client.
            job.status.clone_from(&status);
            stage.stand.emulator.control().declare_job(&azure_id(&format!("workspaces/{WORKSPACE}")), &job);
            let metrics = job.metrics.iter().map(|(name, value)| format!("{name} = {value}"));
            narration.say(format!("  … it logs {}", metrics.collect::<Vec<_>>().join(", ")));
        }
        if status == "Completed" || begun.elapsed() > PATIENCE {
            return narration.check("the job has completed", status == "Completed", || status.clone());
        }
        last = status;
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
