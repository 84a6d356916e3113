//! The test stand that the demo, the bench and the end-to-end tests share: a real control plane
//! ([`control_plane`]), the tools it needs ([`tools`]), and processes that never outlive us
//! ([`process`]).
//!
//! Everything listens on 127.0.0.1. What is built is kept in the user's cache ([`folders`]), what
//! runs lives in a temporary folder that is removed at the end; only logs stay behind.

pub mod cable;
pub mod control_plane;
pub mod crds;
pub mod folders;
pub mod image;
pub mod node;

pub mod ports;
pub mod process;
pub mod progress;
pub mod stand;
pub mod tools;

pub use control_plane::{ControlPlane, Options};
pub use crds::install_crds;
pub use ports::free_port;
pub use process::{Process, Signal};
pub use progress::Progress;

/// Makes AWS-LC the process's TLS provider. The first line of every program and test binary;
/// calling it again changes nothing.
pub fn install_crypto_provider() {
    // An error says only that a provider is installed already, which is what we want.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
}
