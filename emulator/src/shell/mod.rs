//! The core behind a socket: TLS, HTTP and the clock. No rule of the service is here.

mod arrival;
mod clock;
mod gate;
mod issuers;
mod server;
mod tls;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::config::Config;
use crate::core::Core;
use crate::wire::Response;
use clock::Clock;
use issuers::Issuers;

/// Why the emulator did not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The port is taken, or may not be used.
    #[error("cannot listen on 127.0.0.1:{port}: {source}")]
    Listen {
        /// The port asked for.
        port: u16,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The certificate authority could not be made.
    #[error("cannot make a certificate: {0}")]
    Certificate(#[from] rcgen::Error),
    /// The TLS library refused the certificate.
    #[error("cannot serve TLS: {0}")]
    Tls(#[from] rustls::Error),
    /// Something in the configuration cannot be.
    #[error("the configuration was refused: {0}")]
    Configuration(String),
    /// The time scale is not a positive number.
    #[error("the time scale must be greater than 0, not {0}")]
    Scale(f64),
    /// Time goes neither back nor beyond its end.
    #[error("time can be moved by 0 seconds or more, and not beyond the year 9999, so not by {0}")]
    Seconds(f64),
    /// The seed names something that cannot be made.
    #[error("the seed was refused: {0}")]
    Seed(String),
}

/// Core and clock, shared by connections and callers in process.
#[derive(Debug)]
pub(crate) struct Shared {
    core: Mutex<Core>,
    clock: Mutex<Clock>,
    issuers: Issuers,
}

impl Shared {
    /// The core, at the present time of its clock.
    pub(crate) fn present(&self) -> MutexGuard<'_, Core> {
        let now = self.now();
        let mut core = self.core.lock().unwrap_or_else(PoisonError::into_inner);
        core.advance(now);
        core
    }

    /// Fetches the keys of the issuer that a request for a token is about, if they are to be fetched.
    pub(crate) async fn know_issuer(&self, request: &crate::wire::Request) {
        let wanted = self.present().wanted_issuer(request);
        let Some(wanted) = wanted else { return };
        if let Some(keys) = self.issuers.keys(&wanted).await {
            self.present().know_issuer(&wanted.issuer, keys);
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock().now()
    }

    /// An answer with the date that it is to have: its own, if a fault gave it one; emulated time while that stands still,
    /// so that nothing in an answer depends on when the emulator runs. Otherwise the present, as by clients' own clocks,
    /// is left to hyper.
    pub(crate) fn dated(&self, response: Response) -> Response {
        let clock = self.clock();
        match clock.scale() {
            0.0 if response.header_value("Date").is_none() => {
                response.header("Date", clock.now().strftime("%a, %d %b %Y %H:%M:%S GMT").to_string())
            }
            _ => response,
        }
    }

    pub(crate) fn clock(&self) -> MutexGuard<'_, Clock> {
        self.clock.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A running emulator. It stops when it is dropped.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), azureml_emulator::Error> {
/// use azureml_emulator::{Config, Emulator};
///
/// let emulator = Emulator::start(Config::default()).await?;
/// assert!(emulator.url().starts_with("https://127.0.0.1:"));
/// assert!(emulator.ca_pem().starts_with("-----BEGIN CERTIFICATE-----"));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Emulator {
    address: SocketAddr,
    url: String,
    ca_pem: String,
    shared: Arc<Shared>,
    /// Dropped with the emulator, which ends the server and its connections.
    _stop: watch::Sender<()>,
}

impl Emulator {
    /// Starts on 127.0.0.1, in milliseconds.
    pub async fn start(mut config: Config) -> Result<Self, Error> {
        let exists = std::mem::take(&mut config.exists);
        config.check().map_err(Error::Configuration)?;
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let port = config.port;
        let listener =
            TcpListener::bind(("127.0.0.1", port)).await.map_err(|source| Error::Listen { port, source })?;
        let address = listener.local_addr().map_err(|source| Error::Listen { port, source })?;
        let scheme = if config.plain_http { "http" } else { "https" };
        let url = format!("{scheme}://127.0.0.1:{}", address.port());
        let clock = Clock::new(config.time)?;
        let authority = tls::Authority::new(&config.public_url)?;
        let acceptor = (!config.plain_http).then(|| authority.acceptor()).transpose()?;
        let mut core = Core::new(config, clock.now());
        core.listens_at.clone_from(&url);
        let refused = core.seed(&exists);
        if !refused.is_empty() {
            return Err(Error::Seed(refused.join("; ")));
        }
        core.config.exists = exists;
        let shared = Arc::new(Shared {
            core: Mutex::new(core),
            clock: Mutex::new(clock),
            issuers: Issuers::default(),
        });
        let (stop, stopped) = watch::channel(());
        tokio::spawn(server::serve(listener, acceptor, Arc::clone(&shared), stopped));
        Ok(Self { address, url, ca_pem: authority.pem, shared, _stop: stop })
    }

    /// Base URL, such as `https://127.0.0.1:40123`, without a trailing slash. It is Azure Resource Manager, Entra,
    /// MLflow and the scoring host in one.
    pub fn url(&self) -> String {
        self.url.clone()
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The authority that signed its certificate, to be trusted by clients.
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// The core, at the present time, for everything that the control API does. Nothing is served while it is held:
    /// do not hold it over an `await`.
    pub fn control(&self) -> MutexGuard<'_, Core> {
        self.shared.present()
    }

    /// Moves emulated time by so many seconds, whichever way it passes otherwise. It stays where it is when that is less
    /// than 0, or beyond the year 9999.
    pub fn advance(&self, seconds: f64) {
        if let Err(error) = self.shared.clock().advance(seconds) {
            tracing::warn!(%error, "time was not moved");
        }
        drop(self.shared.present());
    }

    /// Lets time pass so many times faster than real time from now on; it stood still before if it was manual.
    pub fn set_time_scale(&self, scale: f64) -> Result<(), Error> {
        let mut core = self.shared.present();
        self.shared.clock().set_scale(scale)?;
        core.config.time = crate::config::Time::Real { scale };
        Ok(())
    }

    /// Emulated time.
    pub fn now(&self) -> Timestamp {
        self.shared.now()
    }
}
