//! Beginning and ending in order: limits raised before anything is opened, signals, a soft and a hard stop.

use rustix::fs::Mode;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit, umask};
use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Descriptors kept free of connections: for the database, the log, and the next listener.
const RESERVED: usize = 64;

/// Makes every file of this process its owner's alone, since the database and what it puts beside itself hold private
/// messages. To be called before the first file: it holds for the whole process.
pub fn keep_files_private() {
    umask(Mode::RWXG | Mode::RWXO);
}

/// Raises the number of files that this process may have open as far as it may, and returns how many connections fit
/// into it.
pub fn raise_file_limit(wanted: usize) -> usize {
    let limit = getrlimit(Resource::Nofile);
    let most = limit.maximum.unwrap_or(u64::MAX);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    let reached = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => most,
        Err(_) => limit.current.unwrap_or(u64::MAX),
    };
    let fits = connections_within(reached);
    if fits < wanted {
        tracing::info!(files = reached, connections = fits, "the limit of open files bounds the connections");
    }
    fits.min(wanted)
}

/// How many connections fit into so many open files.
pub fn connections_within(files: u64) -> usize {
    usize::try_from(files).unwrap_or(usize::MAX).saturating_sub(RESERVED).max(RESERVED / 2)
}

/// How many files this process may have open.
pub fn file_limit() -> u64 {
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

/// How many files this process may raise its limit of open files to.
pub fn most_files() -> u64 {
    getrlimit(Resource::Nofile).maximum.unwrap_or(u64::MAX)
}

/// Tells the service manager that started this process how it is, such as `READY=1`, if it wants to know (`sd_notify(3)`).
#[expect(
    clippy::disallowed_methods,
    reason = "it is the service manager's word to whom it starts, and no option of ours"
)]
pub fn tell_service_manager(state: &str) {
    let Some(place) = std::env::var_os("NOTIFY_SOCKET") else { return };
    let told = UnixDatagram::unbound().and_then(|socket| {
        let place = place.as_bytes();
        match place.strip_prefix(b"@") {
            #[cfg(target_os = "linux")]
            Some(name) => {
                use std::os::linux::net::SocketAddrExt;
                socket.send_to_addr(state.as_bytes(), &SocketAddr::from_abstract_name(name)?)
            }
            _ => socket.send_to_addr(state.as_bytes(), &SocketAddr::from_pathname(OsStr::from_bytes(place))?),
        }
    });
    if let Err(error) = told {
        tracing::warn!(%error, "the service manager cannot be told: {state}");
    }
}

/// The signals by which somebody asks the process to end.
#[derive(Debug)]
pub struct StopSignals {
    terminate: Signal,
    interrupt: Signal,
}

impl StopSignals {
    /// Takes the signals from here on: before, they would end the process at once.
    pub fn listen() -> io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Waits for the next of them, and says which it was.
    pub async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}

/// Ends this process at once on Ctrl-C or SIGTERM, with the exit codes that shells expect: for commands that have
/// nothing to finish.
///
/// Not left to the signals' defaults: the first process of a container has none, and could not be stopped. And not
/// waited for beside the work: printing blocks while a pager is full, and the process must end then too.
pub fn end_at_once_on_signals() -> io::Result<()> {
    for (kind, code) in [(SignalKind::interrupt(), 130), (SignalKind::terminate(), 143)] {
        let mut signals = signal(kind)?;
        tokio::spawn(async move {
            signals.recv().await;
            end_at_once(code);
        });
    }
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "there is no stream and no database here that a shutdown would mind")]
fn end_at_once(code: i32) {
    std::process::exit(code);
}
