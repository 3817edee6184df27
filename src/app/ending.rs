//! The end of a server that runs: softly, then hard, and in any case by a deadline, whatever may still hang.

use super::Composed;
use crate::config::Options;
use crate::lifecycle::{self, StopSignals};
use crate::live::Ending;
use std::time::Duration;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How long all has to end that is left once the connections are closed: a database that says nothing more would be waited for
/// much longer. With the three seconds of `--shutdown-grace` it is less than the ten that Docker waits before it kills.
const REST: Duration = Duration::from_secs(4);
/// The same where somebody has asked twice.
const HURRIED: Duration = Duration::from_secs(1);

/// All that is to be ended, and by what.
#[derive(Debug)]
pub(super) struct Running {
    /// What the server is made of.
    pub composed: Composed,
    /// Ends the taking of connections, and asks those that are open to end.
    pub closing: CancellationToken,
    /// Closes them.
    pub closed: CancellationToken,
    /// Ends the tasks in the background.
    pub resting: CancellationToken,
    /// The connections.
    pub connections: TaskTracker,
    /// The tasks in the background.
    pub background: TaskTracker,
}

impl Running {
    /// Serves on until somebody asks for the end, and then takes everything apart in order.
    pub(super) async fn until_stopped(self, options: &Options, mut signals: StopSignals) {
        let signal = signals.next().await;
        lifecycle::tell_service_manager("STOPPING=1");
        let hub = self.composed.services.follower().hub();
        tracing::info!(signal, streams = hub.streams(), "stopping");
        self.composed.services.leave();
        if !options.shutdown_delay.is_zero() {
            tokio::select! {
                () = sleep(options.shutdown_delay) => {}
                _ = signals.next() => {}
            }
        }
        self.closing.cancel();
        hub.close(Ending::ShuttingDown);
        self.connections.close();
        let rest = tokio::select! {
            () = self.connections.wait() => REST,
            () = sleep(options.shutdown_grace) => {
                tracing::info!(connections = self.connections.len(), "some connections did not end in time");
                REST
            }
            // Whoever asks twice does not want to wait.
            _ = signals.next() => HURRIED,
        };
        match self.close(rest, signals).await {
            Ok(()) => tracing::info!("stopped"),
            Err(what) => tracing::warn!(
                waiting_for = what,
                "stopped without waiting any longer. What was acknowledged is kept; what was not may not have been written"
            ),
        }
    }

    /// Ends everything hard, one after the other, or says what it would have waited for.
    async fn close(self, rest: Duration, signals: StopSignals) -> Result<(), &'static str> {
        let Self { composed, closed, resting, connections, background, .. } = self;
        let mut patience = Patience { until: Instant::now() + rest, signals };
        closed.cancel();
        resting.cancel();
        background.close();
        // They have the larger part of it, and then the writer ends without them: it has changes that were not answered yet.
        let users = timeout(rest * 5 / 8, async {
            connections.wait().await;
            background.wait().await;
        });
        let users = async {
            if users.await.is_err() {
                let (connections, tasks) = (connections.len(), background.len());
                tracing::warn!(connections, tasks, "some connections, or tasks in the background, did not end in time");
            }
        };
        patience.with("connections and tasks in the background", users).await?;
        patience.with("the database to take what was to be written", composed.stop_writing()).await?;
        patience.with("NATS to take what other nodes are told", composed.stop_telling()).await?;
        patience.with("connections to the database", composed.close_database()).await
    }
}

/// How long all that still ends is waited for: until a moment, or until somebody asks once more.
struct Patience {
    until: Instant,
    signals: StopSignals,
}

impl Patience {
    /// Waits for this as long as there is patience left, or says what it is.
    async fn with(&mut self, what: &'static str, done: impl Future<Output = ()>) -> Result<(), &'static str> {
        tokio::select! {
            biased;
            () = done => Ok(()),
            () = sleep_until(self.until) => Err(what),
            _ = self.signals.next() => Err(what),
        }
    }
}
