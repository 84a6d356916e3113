//! The emulator as a program.

use std::path::PathBuf;
use std::process::ExitCode;

use azureml_emulator::{Config, Emulator, Time};
use clap::Parser;
use tracing_subscriber::EnvFilter;

/// Azure Machine Learning on this machine: a server that Microsoft's own clients take for the service.
///
/// It listens on 127.0.0.1 only and keeps everything in memory. Its control API is under /_emulator.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// Port to listen on; 0 for any free one.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Write the certificate authority's certificate (PEM) to this file; clients must trust it.
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// Emulated seconds per real second.
    #[arg(long, value_name = "FACTOR")]
    time_scale: Option<f64>,
    /// Let time stand still until POST /_emulator/time {"seconds": …}.
    #[arg(long, conflicts_with = "time_scale")]
    manual_time: bool,
    /// Configuration, and what exists to begin with, in JSON or YAML.
    #[arg(long, value_name = "FILE")]
    seed_file: Option<PathBuf>,
    /// Accept any bearer token.
    #[arg(long)]
    any_token: bool,
    /// Serve http instead of https. Most clients of Azure refuse to send tokens over it.
    #[arg(long)]
    plain_http: bool,
    /// Base of the URLs that are handed out, when clients reach it by another name than 127.0.0.1.
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("azureml-emulator: {why}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<(), String> {
    let ca_file = arguments.ca_file.clone();
    let emulator = Emulator::start(configured(arguments)?).await.map_err(|error| error.to_string())?;
    if let Some(file) = ca_file {
        std::fs::write(&file, emulator.ca_pem())
            .map_err(|error| format!("cannot write {}: {error}", file.display()))?;
    }
    println!("{}", emulator.url());
    stopped().await;
    Ok(())
}

fn configured(arguments: Arguments) -> Result<Config, String> {
    let mut config = match &arguments.seed_file {
        None => Config::default(),
        Some(file) => std::fs::read_to_string(file)
            .map_err(|error| error.to_string())
            .and_then(|text| Config::from_seed_file(&text))
            .map_err(|error| format!("{}: {error}", file.display()))?,
    };
    if arguments.port != 0 {
        config.port = arguments.port;
    }
    if let Some(scale) = arguments.time_scale {
        config.time = Time::Real { scale };
    }
    if arguments.manual_time {
        config.time = Time::Manual;
    }
    if let Some(url) = arguments.public_url {
        config.public_url = url;
    }
    config.any_token |= arguments.any_token;
    config.plain_http |= arguments.plain_http;
    Ok(config)
}

/// Until somebody asks it to end.
async fn stopped() {
    #[cfg(unix)]
    if let Ok(mut terminated) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminated.recv() => {}
        }
        return;
    }
    let _ = tokio::signal::ctrl_c().await;
}
