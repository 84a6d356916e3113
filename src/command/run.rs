use std::path::PathBuf;

use clap::{Args, ValueEnum};
use kube::Client;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing::info;
use tracing_subscriber::EnvFilter;

use super::Outcome;
use crate::azure::client::{Azure, Config};
use crate::controller::{self, Options};

/// How the operator runs. Who it is in Azure comes from the environment, as for every Azure client:
/// AZURE_FEDERATED_TOKEN_FILE (workload identity), AZURE_CLIENT_SECRET, or else a managed identity.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The id of this cluster in the owner tags in Azure. A cluster that is restored from a backup
    /// keeps its id.
    #[arg(long, env = "BINDERY_CLUSTER_ID", value_parser = cluster_id)]
    cluster_id: String,
    /// Change nothing in Azure, whatever the manifests say: for the first contact with a subscription.
    #[arg(long, env = "BINDERY_OBSERVE_ONLY")]
    observe_only: bool,
    /// Watch only this namespace. Default: all.
    #[arg(long, env = "BINDERY_WATCH_NAMESPACE")]
    watch_namespace: Option<String>,
    /// Where Azure Resource Manager is. Default: the public cloud.
    #[arg(long, env = "BINDERY_ARM_ENDPOINT")]
    arm_endpoint: Option<String>,
    /// Certificates to trust besides the system's, as PEM.
    #[arg(long, env = "BINDERY_CA_BUNDLE")]
    ca_bundle: Option<PathBuf>,
    /// How to write the log.
    #[arg(long, env = "BINDERY_LOG_FORMAT", value_enum, default_value_t = LogFormat::Text)]
    log_format: LogFormat,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum LogFormat {
    Text,
    Json,
}

/// It becomes the first part of an owner tag, up to the first slash.
fn cluster_id(text: &str) -> Result<String, String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.' || c == '_';
    if (1..=63).contains(&text.len()) && text.chars().all(fits) {
        Ok(text.to_string())
    } else {
        Err("1 to 63 letters, digits, '-', '.' and '_'".into())
    }
}

pub(super) async fn run(arguments: Arguments) -> Outcome {
    let filter =
        EnvFilter::try_from_env("BINDERY_LOG").unwrap_or_else(|_| EnvFilter::new("bindery=info,warn"));
    match arguments.log_format {
        LogFormat::Text => tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false).init(),
        LogFormat::Json => tracing_subscriber::fmt().with_env_filter(filter).json().init(),
    }
    let mut azure = Config::from_env()?;
    if let Some(endpoint) = arguments.arm_endpoint {
        azure.arm = endpoint;
    }
    azure.ca_bundle = arguments.ca_bundle;
    let azure = Azure::new(azure)?;

    let mut kubernetes = kube::Config::infer().await?;
    // The wrapper decides when to try again, and sets its own time-outs.
    kubernetes.default_retry = false;
    let client = Client::try_from(kubernetes)?;

    let options = Options {
        cluster: arguments.cluster_id,
        observe_only: arguments.observe_only,
        namespace: arguments.watch_namespace,
    };
    info!(version = env!("CARGO_PKG_VERSION"), ?options, "starting");
    let stop = CancellationToken::new();
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let told = stop.clone();
    tokio::spawn(async move {
        tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
        info!("told to stop; finishing what has begun");
        told.cancel();
    });
    controller::run(client, azure, options, stop).await;
    Ok(())
}
