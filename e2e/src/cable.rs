//! A TCP connection between two programs that can be cut and mended.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Passes on what comes in at a port of its own to another port of this machine, until it is cut. It ends when it is dropped.
#[derive(Debug)]
pub struct Cable {
    port: u16,
    whole: watch::Sender<bool>,
    turned_away: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Cable {
    /// A cable to this port of 127.0.0.1, whole.
    pub async fn to(port: u16) -> io::Result<Self> {
        Self::from((Ipv4Addr::LOCALHOST, 0).into(), port).await
    }

    /// The same, from another address; port 0 is any free one.
    pub async fn from(address: SocketAddr, port: u16) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let own = listener.local_addr()?.port();
        let (whole, is_whole) = watch::channel(true);
        let turned_away = Arc::new(AtomicUsize::new(0));
        let task = tokio::spawn(pass_on(listener, port, is_whole, Arc::clone(&turned_away)));
        Ok(Self { port: own, whole, turned_away, task })
    }

    /// Where it begins.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Ends all connections; new ones are closed at once.
    pub fn cut(&self) {
        self.whole.send_replace(false);
    }

    /// Lets new connections through again.
    pub fn mend(&self) {
        self.whole.send_replace(true);
    }

    /// Connections that were tried while it was cut.
    pub fn turned_away(&self) -> usize {
        self.turned_away.load(Ordering::Relaxed)
    }
}

impl Drop for Cable {
    fn drop(&mut self) {
        self.cut();
        self.task.abort();
    }
}

async fn pass_on(
    listener: TcpListener,
    port: u16,
    whole: watch::Receiver<bool>,
    turned_away: Arc<AtomicUsize>,
) {
    while let Ok((mut near, _)) = listener.accept().await {
        let mut whole = whole.clone();
        if !*whole.borrow() {
            turned_away.fetch_add(1, Ordering::Relaxed);
            continue;
        }
        tokio::spawn(async move {
            let Ok(mut far) = TcpStream::connect(("127.0.0.1", port)).await else { return };
            tokio::select! {
                // Whichever end closes has its reasons.
                _ = tokio::io::copy_bidirectional(&mut near, &mut far) => {}
                _ = whole.wait_for(|whole| !whole) => {}
            }
        });
    }
}
