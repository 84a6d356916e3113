//! What the story is told on: a control plane, the emulator, the operator, kubectl and Ada.

use std::time::{Duration, Instant};

use azureml_emulator::ScoringRule;
use e2e::stand::ada::{self, Ada};
use e2e::stand::{self, Error, Stand, StandOptions, emulator_config};
use e2e::{ControlPlane, Progress};
use serde_json::json;

use super::borrowed::Borrowed;
use super::kubectl::Kubectl;
use super::narration::Narration;
use super::{NAMESPACE, home};
use crate::control_plane::ClusterArguments;

/// Where the operator's account is.
pub(super) const OPERATOR_NAMESPACE: &str = "bindery-system";
/// How much faster than Azure the emulator is.
const SPEED: f64 = 30.0;
/// The job that is trained on stage; the others have run already.
pub(super) const TRAINED_ON_STAGE: &str = "taxi-train-1";

/// Everything that runs.
pub(super) struct Stage {
    pub(super) stand: Stand,
    pub(super) kubectl: Kubectl,
    pub(super) ada: Ada,
    borrowed: Option<Borrowed>,
    // Last, so that it ends after everything that uses it.
    control_plane: ControlPlane,
}

impl Stage {
    /// Brings everything up.
    pub(super) async fn set(cluster: &ClusterArguments, narration: &mut Narration) -> Result<Self, Error> {
        narration.chapter("Bringing everything up", "A Kubernetes API, Azure Machine Learning and Bindery.");
        let begun = Instant::now();
        let mut options = cluster.options();
        options.progress = Progress::new(|line| println!("   … {line}"));
        let named = options.names_a_cluster();
        let operator = tokio::task::spawn_blocking(stand::binary);
        let control_plane = ControlPlane::start(options).await?;
        let kubectl = control_plane
            .kubectl()
            .ok_or("there is no kubectl: put one on the PATH, or name its folder in KUBEBUILDER_ASSETS")?;
        let kubectl = Kubectl {
            program: kubectl.to_path_buf(),
            kubeconfig: control_plane.kubeconfig_path().to_path_buf(),
        };
        narration.say(format!("Kubernetes  {}", control_plane.server()));
        operator.await??;
        let borrowed = if named { Some(Borrowed::prepare(&control_plane).await?) } else { None };
        let mut emulator = emulator_config(SPEED);
        emulator.clients.push(ada::registration());
        for workspace in &mut emulator.exists.workspaces {
            workspace.jobs.retain(|job| job.name != TRAINED_ON_STAGE);
        }
        let options = StandOptions { one_namespace: false, emulator, ..StandOptions::default() };
        let stand = Stand::start(&control_plane, OPERATOR_NAMESPACE, options).await?;
        let fare = Some(json!({"predictions": [14.5]}));
        stand.emulator.control().add_scoring_rule(ScoringRule { answer: fare, ..ScoringRule::default() });
        narration.say(format!("Azure       {} (the emulator, {SPEED} times as fast)", stand.emulator.url()));
        narration.say("Bindery     its built program, with the rights of the Helm chart");
        if let Some(borrowed) = &borrowed {
            borrowed.begin(&kubectl).await?;
        }
        let ada = Ada::sign_in(&stand.emulator).await?;
        narration.say(format!("All up in {:.1} s.", begun.elapsed().as_secs_f32()));
        Ok(Self { stand, kubectl, ada, borrowed, control_plane })
    }

    /// What a reader may do with it.
    pub(super) fn what_next(&self) {
        let kubectl = self.kubectl.program.display();
        println!("\nIt stays up, and version 2 goes on answering, until Ctrl-C. Meanwhile:\n");
        println!("  export KUBECONFIG={}", self.kubectl.kubeconfig.display());
        println!("  alias kubectl={kubectl}\n");
        println!("  kubectl get bindery -A");
        println!("  kubectl describe amlbind taxi-fare -n {NAMESPACE}");
        println!("  kubectl explain amlbind.spec.strategy");
        println!("  kubectl get amlbind taxi-fare -n {NAMESPACE} --watch\n");
        println!("  The operator's log: {}", self.stand.operator.log().display());
    }

    /// Returns when something has ended that should run.
    pub(super) async fn until_something_ends(&mut self) -> Error {
        loop {
            tokio::time::sleep(Duration::from_secs(1)).await;
            if let Err(error) = self.control_plane.check() {
                return error.into();
            }
            if !self.stand.operator.is_running() {
                return format!("the operator has ended:\n{}", self.stand.operator.log_tail(20)).into();
            }
        }
    }

    /// What is known when the story did not go as told.
    pub(super) async fn post_mortem(&self, narration: &Narration) {
        println!("\n── What went wrong\n");
        if let Some(about) = &narration.about {
            let status = ["get", about, "-n", home(about), "-o", "jsonpath-as-json={.status}"];
            println!("   The status of {about}:");
            match self.kubectl.quietly(&status).await {
                Ok(status) => narration.answer(&status),
                Err(error) => narration.answer(&format!("it cannot be read: {error}")),
            }
        }
        println!("\n   The last lines of the operator's log, without its requests:");
        let log = self.stand.operator.log_tail(1000);
        let lines: Vec<&str> = log.lines().filter(|line| !line.contains(" DEBUG bindery::azure")).collect();
        narration.answer(&lines[lines.len().saturating_sub(20)..].join("\n"));
        println!("\n   The operator's log: {}", self.stand.operator.log().display());
        if let Some(logs) = self.control_plane.logs() {
            println!("   The control plane's logs: {}", logs.display());
        }
    }

    /// Ends it. What was there before stays.
    pub(super) async fn clear(mut self) -> Result<(), Error> {
        if let Some(borrowed) = &self.borrowed {
            borrowed.let_go(&self.kubectl).await?;
        }
        self.stand.operator.stop().await?;
        if let Some(borrowed) = &self.borrowed {
            borrowed.give_back(&self.kubectl).await?;
        }
        drop(self.stand);
        self.control_plane.stop();
        Ok(())
    }
}
