//! What stands at the address of the server until the server does.

use crate::api::waiting_room;
use crate::config::Options;
use crate::gate::Gate;
use crate::transport::{Door, DoorOptions};
use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How long the database may take to open before those who wait are answered: until then they wait for the server itself.
const PATIENCE: Duration = Duration::from_secs(1);
/// Connections at a time: supervisors, and a proxy or two.
const CONNECTIONS: usize = 256;

/// What answers until the server does.
#[derive(Debug)]
pub(super) struct WaitingRoom {
    over: CancellationToken,
    accepting: JoinHandle<()>,
}

impl WaitingRoom {
    /// Takes nobody any more: whoever connects from here on is the server's.
    pub(super) async fn close(self) {
        self.over.cancel();
        // It fails only if the task panicked, and takes nobody then either.
        drop(self.accepting.await);
    }
}

/// Answers at the address where the server will listen, until what it returns is closed: opening the database may take
/// long, and a supervisor who gets no answer in that time would end the server in the midst of a migration.
pub(super) fn wait_at(
    listener: &TcpListener,
    options: &Options,
    gate: &Gate,
    tasks: &TaskTracker,
) -> io::Result<WaitingRoom> {
    // The same socket: connections that come between the two wait in its queue, and none is turned away.
    let listener = TcpListener::from_std(listener.as_fd().try_clone_to_owned()?.into())?;
    let over = CancellationToken::new();
    let door_options = DoorOptions {
        connections: CONNECTIONS.min(options.max_connections),
        head_timeout: options.read_timeout,
        stall: options.stall_timeout,
        silence: options.stall_timeout,
    };
    // Connections that are left end by themselves, after the answer that is under way.
    let never = CancellationToken::new();
    // Pages of other origins may read what they are told here too.
    let door = Door::new(gate.around(waiting_room()), door_options, Arc::default(), tasks.clone(), over.clone(), never);
    let starting = over.clone();
    let accepting = tasks.spawn(async move {
        tokio::select! {
            () = starting.cancelled() => {}
            () = tokio::time::sleep(PATIENCE) => door.open(listener).await,
        }
    });
    Ok(WaitingRoom { over, accepting })
}
