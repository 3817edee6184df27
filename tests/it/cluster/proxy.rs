//! What stands between a node and whatever it needs: a TCP proxy that can be cut, can go silent, and can spring a trap at COMMIT.

use parking_lot::Mutex;
use std::collections::HashSet;
use std::future::pending;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Whether anything gets through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gate {
    Open,
    /// Connections stay, are even taken, and nothing gets through.
    Silent,
    /// Connections end, and so do new ones.
    Cut,
}

/// Done at a moment of which only the proxy knows.
pub type Deed = Box<dyn FnOnce() + Send>;

/// What is done to the next COMMIT.
pub enum Trap {
    /// It never arrives, and the connection ends.
    LoseIt,
    /// It arrives and is done; the connection ends before the answer, after this.
    LoseAnswer(Deed),
    /// This is done just before it goes on.
    Before(Deed),
}

pub struct Proxy {
    pub address: SocketAddr,
    shared: Arc<Shared>,
    taking: JoinHandle<()>,
}

struct Shared {
    to: SocketAddr,
    gate: watch::Sender<Gate>,
    trap: Mutex<Option<Trap>>,
    /// The ports of its own connections to the other side.
    ports: Mutex<HashSet<u16>>,
    sprung: watch::Sender<usize>,
}

impl Proxy {
    pub async fn before(to: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let shared = Arc::new(Shared {
            to,
            gate: watch::Sender::new(Gate::Open),
            trap: Mutex::new(None),
            ports: Mutex::default(),
            sprung: watch::Sender::new(0),
        });
        let taking = tokio::spawn({
            let shared = Arc::clone(&shared);
            async move {
                loop {
                    let Ok((socket, _)) = listener.accept().await else { continue };
                    let shared = Arc::clone(&shared);
                    // What goes wrong ends the connection, which is what a proxy is for here.
                    tokio::spawn(async move { drop(shared.carry(socket).await) });
                }
            }
        });
        Self { address, shared, taking }
    }

    pub fn set(&self, gate: Gate) {
        self.shared.gate.send_replace(gate);
    }

    /// Sets a trap for the next COMMIT, and gives what tells when it has sprung.
    pub fn lay(&self, trap: Trap) -> watch::Receiver<usize> {
        let mut sprung = self.shared.sprung.subscribe();
        sprung.mark_unchanged();
        *self.shared.trap.lock() = Some(trap);
        sprung
    }

    /// Takes the trap away if nothing went into it.
    pub fn disarm(&self) {
        *self.shared.trap.lock() = None;
    }

    /// Under which ports the other side knows whoever is behind this.
    pub fn ports(&self) -> HashSet<u16> {
        self.shared.ports.lock().clone()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.set(Gate::Cut);
        self.taking.abort();
    }
}

/// Both database servers take this word as plain text.
fn is_commit(bytes: &[u8]) -> bool {
    bytes.len() < 64 && bytes.windows(6).any(|window| window == b"COMMIT")
}

impl Shared {
    async fn carry(self: Arc<Self>, mut near: TcpStream) -> io::Result<()> {
        let mut gate = self.gate.subscribe();
        if *gate.borrow() == Gate::Cut {
            return Ok(());
        }
        let mut far = TcpStream::connect(self.to).await?;
        near.set_nodelay(true)?;
        far.set_nodelay(true)?;
        let port = far.local_addr()?.port();
        self.ports.lock().insert(port);
        let carried = tokio::select! {
            carried = self.exchange(&mut near, &mut far) => carried,
            () = becomes(&mut gate, Gate::Cut) => Ok(()),
        };
        self.ports.lock().remove(&port);
        carried
    }

    async fn exchange(&self, near: &mut TcpStream, far: &mut TcpStream) -> io::Result<()> {
        let mut gate = self.gate.subscribe();
        let (mut asked, mut answered) = (vec![0; 64 * 1024], vec![0; 64 * 1024]);
        loop {
            becomes(&mut gate, Gate::Open).await;
            tokio::select! {
                _ = gate.changed() => {}
                count = near.read(&mut asked) => {
                    let bytes = &asked[..count?];
                    if bytes.is_empty() {
                        return Ok(());
                    }
                    let trap = if is_commit(bytes) { self.trap.lock().take() } else { None };
                    if let Some(trap) = trap {
                        if self.spring(trap, bytes, far).await? {
                            return Ok(());
                        }
                    } else {
                        far.write_all(bytes).await?;
                    }
                }
                count = far.read(&mut answered) => {
                    let bytes = &answered[..count?];
                    if bytes.is_empty() {
                        return Ok(());
                    }
                    near.write_all(bytes).await?;
                }
            }
        }
    }

    /// Says whether the connection is at its end.
    async fn spring(&self, trap: Trap, commit: &[u8], far: &mut TcpStream) -> io::Result<bool> {
        let ends = match trap {
            Trap::LoseIt => true,
            Trap::LoseAnswer(deed) => {
                far.write_all(commit).await?;
                far.readable().await?;
                deed();
                true
            }
            Trap::Before(deed) => {
                deed();
                far.write_all(commit).await?;
                false
            }
        };
        self.sprung.send_modify(|count| *count += 1);
        Ok(ends)
    }
}

async fn becomes(gate: &mut watch::Receiver<Gate>, wanted: Gate) {
    if gate.wait_for(|gate| *gate == wanted).await.is_err() {
        // Who would set it is gone, and with him all that it is for.
        pending::<()>().await;
    }
}

/// An address at which one connection to another is to be had, which breaks after so many bytes from there: in the middle of a frame,
/// as like as not.
pub async fn breaking_after(mut bytes: usize, to: SocketAddr) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        let (mut near, _) = listener.accept().await?;
        let mut far = TcpStream::connect(to).await?;
        let (mut asked, mut answered) = (vec![0; 4096], vec![0; 4096]);
        while bytes > 0 {
            let most = bytes.min(answered.len());
            tokio::select! {
                count = near.read(&mut asked) => match count? {
                    0 => break,
                    count => far.write_all(&asked[..count]).await?,
                },
                count = far.read(&mut answered[..most]) => match count? {
                    0 => break,
                    count => {
                        near.write_all(&answered[..count]).await?;
                        bytes -= count;
                    }
                },
            }
        }
        io::Result::Ok(())
    });
    Ok(address)
}
