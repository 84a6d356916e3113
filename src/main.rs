//! The operator's program; `bindery --help` tells the rest.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    // Both TLS users, kube and reqwest, take this provider.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    bindery::command::main().await
}
