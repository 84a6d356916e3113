//! `cargo xtask demo`: the whole of Bindery on this machine, and a story told on it.
//!
//! A control plane, the emulator and the built operator, then the NYC taxi-fare model on its way from
//! a training job to production. Every chapter checks what it tells.

mod borrowed;
mod chapter;
mod kubectl;
mod narration;
mod scorer;
mod stage;

use std::time::Duration;

use e2e::stand::Error;
use tokio::signal::unix::{SignalKind, signal};

use self::narration::Narration;
use self::scorer::Scorer;
use self::stage::Stage;
use crate::Outcome;
use crate::control_plane::ClusterArguments;

/// The namespace of the team in the samples.
const NAMESPACE: &str = "fares";
/// The namespace of the platform team, where the places are.
const PLATFORM: &str = "ml-platform";
/// The namespace of those who decide what may serve.
const RISK: &str = "model-risk";

/// The namespace of an object of the story, such as `amlws/fares-prod`.
fn home(what: &str) -> &'static str {
    if what.starts_with("amlreg/") || what.starts_with("amlws/") { PLATFORM } else { NAMESPACE }
}

/// What `cargo xtask demo` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// End when the story is told; success only if everything happened
    #[arg(long)]
    exit: bool,
    #[command(flatten)]
    cluster: ClusterArguments,
}

/// Runs `cargo xtask demo`.
pub(crate) async fn run(arguments: &Arguments) -> Outcome {
    Box::pin(perform(arguments)).await.map_err(|error| -> Box<dyn std::error::Error> { error })
}

async fn perform(arguments: &Arguments) -> Result<(), Error> {
    let mut narration = Narration::new();
    let mut ctrl_c = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let told = async {
        let stage = Stage::set(&arguments.cluster, &mut narration).await?;
        let outcome = tell(&stage, &mut narration).await;
        Ok::<_, Error>((stage, outcome))
    };
    let (mut stage, outcome) = tokio::select! {
        told = told => told?,
        _ = ctrl_c.recv() => return Err(INTERRUPTED.into()),
        _ = terminate.recv() => return Err(INTERRUPTED.into()),
    };
    let outcome = match outcome {
        Ok(scorer) => {
            narration.summary();
            if !arguments.exit {
                stage.what_next();
                tokio::select! {
                    _ = ctrl_c.recv() => {},
                    _ = terminate.recv() => {},
                    ended = stage.until_something_ends() => return Err(ended),
                }
            }
            scorer.stop();
            Ok(())
        }
        Err(error) => {
            stage.post_mortem(&narration).await;
            Err(error)
        }
    };
    println!("\nEnding what the demo brought up.");
    stage.clear().await?;
    outcome
}

const INTERRUPTED: &str = "interrupted; the processes of the demo have ended. In a cluster of yours its \
                           namespaces and kinds may be left: the next demo there removes them";

/// The story. The scoring goes on afterwards.
async fn tell(stage: &Stage, narration: &mut Narration) -> Result<Scorer, Error> {
    chapter::places(stage, narration).await?;
    chapter::identities(stage, narration).await?;
    chapter::training(stage, narration).await?;
    chapter::lineage(stage, narration).await?;
    let scorer = chapter::first_version(stage, narration).await?;
    chapter::governance(stage, narration).await?;
    chapter::rollout(stage, narration, &scorer).await?;
    chapter::incident(stage, narration, &scorer).await?;
    chapter::taking_back(stage, narration, &scorer).await?;
    chapter::measured(stage, narration, &scorer).await?;
    chapter::overview(stage, narration, &scorer).await?;
    chapter::answers(stage, narration).await?;
    chapter::whose_rights(stage, narration)?;
    Ok(scorer)
}

/// How long something in the story may take, which is much longer than it does.
const PATIENCE: Duration = Duration::from_secs(90);
