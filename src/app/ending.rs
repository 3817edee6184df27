//! The end of a server that runs: softly, then hard, and in any case by a deadline, whatever may still hang.

use super::{Composed, StartError};
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
    /// Serves on until somebody asks for the end, or the alarm does, and then takes everything apart in order.
    pub(super) async fn until_stopped(self, options: &Options, mut signals: StopSignals) -> Result<(), StartError> {
        let alarm = self.composed.alarm.clone();
        tokio::select! {
            signal = signals.next() => {
                tracing::info!(signal, streams = self.streams(), "stopping");
                self.stop(options.shutdown_delay, options.shutdown_grace, signals).await;
                Ok(())
            }
            // Nobody is sent elsewhere in peace by a server that may do nothing any more.
            () = alarm.rung() => {
                tracing::error!(streams = self.streams(), "stopping, to be started anew");
                self.stop(Duration::ZERO, options.shutdown_grace, signals).await;
                Err(StartError::Broken)
            }
        }
    }

    fn streams(&self) -> usize {
        self.composed.services.follower().hub().streams()
    }

    async fn stop(self, delay: Duration, grace: Duration, mut signals: StopSignals) {
        lifecycle::tell_service_manager("STOPPING=1");
        let hub = self.composed.services.follower().hub();
        self.composed.services.leave();
        if !delay.is_zero() {
            tokio::select! {
                () = sleep(delay) => {}
                _ = signals.next() => {}
            }
        }
        self.closing.cancel();
        hub.close(Ending::ShuttingDown);
        self.connections.close();
        let rest = tokio::select! {
            () = self.connections.wait() => REST,
            () = sleep(grace) => {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::{WaysOut, compose};
    use crate::config::Options;
    use clap::Parser;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        options: Options,
    }

    #[tokio::test]
    async fn a_server_that_has_lost_a_part_of_itself_ends_in_order_and_says_so() {
        let home = tempfile::tempdir().expect("a directory");
        let place = home.path().to_str().expect("a path in UTF-8");
        let Line { options } = Line::parse_from(["serve", "--data-dir", place, "--shutdown-delay", "60s"]);
        let composed = compose(&options, WaysOut::default()).await.expect("it starts");
        let (alarm, store, background) = (composed.alarm.clone(), composed.store.clone(), TaskTracker::new());
        alarm.watch(&background, "healthy", async {});
        alarm.watch(&background, "broken", async { panic!("on purpose") });
        let (closing, closed, resting) = (CancellationToken::new(), CancellationToken::new(), CancellationToken::new());
        let running = Running { composed, closing, closed, resting, connections: TaskTracker::new(), background };
        let signals = StopSignals::listen().expect("signals are heard");
        let ended = timeout(Duration::from_secs(20), running.until_stopped(&options, signals)).await;
        let error = ended.expect("it does not wait for the delay").unwrap_err();
        assert!(matches!(error, StartError::Broken), "{error}");
        assert!(store.clock().await.is_err(), "the database was closed");
    }
}
