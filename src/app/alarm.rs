//! Tasks that the server cannot do without: one that panics ends the server, in order, rather than leave it half alive.
//!
//! What a request does is caught where it happens (`api/middleware`, and the writing task for each batch). A panic that
//! reaches a task of the server's own is a bug behind which nothing is known to be right: a server that went on would answer
//! `/readyz` with 200 and do nothing more. Whoever keeps it running starts it anew, and it begins with what is on disk.

use futures_util::FutureExt;
use std::panic::AssertUnwindSafe;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Rings when one of them has broken off.
#[derive(Debug, Clone, Default)]
pub(super) struct Alarm(CancellationToken);

impl Alarm {
    /// Runs a task that the server cannot do without.
    pub(super) fn watch(
        &self,
        tasks: &TaskTracker,
        what: &'static str,
        task: impl Future<Output = ()> + Send + 'static,
    ) {
        let Self(rings) = self.clone();
        tasks.spawn(async move {
            if AssertUnwindSafe(task).catch_unwind().await.is_err() {
                tracing::error!(what, "a task that the server cannot do without has panicked");
                rings.cancel();
            }
        });
    }

    /// Waits until one has.
    pub(super) async fn rung(&self) {
        self.0.cancelled().await;
    }
}
