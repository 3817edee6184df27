//! Who writes to streams whose outlets are open: a few tasks for all of them.

use super::hub::Hub;
use super::slot::Slot;
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Streams that are written to before other tasks have their turn: some tenths of a millisecond.
const TURN: usize = 64;

/// The streams for which something has come, each once.
#[derive(Debug, Default)]
pub(super) struct Pump {
    due: Mutex<VecDeque<Arc<Slot>>>,
    /// How many tasks write. Changed under the lock, and read also without it.
    tasks: AtomicUsize,
    called: Notify,
}

impl Pump {
    /// Whether anybody writes to open outlets.
    pub(super) fn works(&self) -> bool {
        self.tasks.load(Ordering::Relaxed) > 0
    }

    /// Has these written to, in this order, and empties the list.
    pub(super) fn call(&self, slots: &mut Vec<Arc<Slot>>) {
        if slots.is_empty() {
            return;
        }
        let mut due = self.due.lock();
        let tasks = self.tasks.load(Ordering::Relaxed);
        if tasks == 0 {
            drop(due);
            for slot in slots.drain(..) {
                slot.give_back();
            }
            return;
        }
        due.extend(slots.drain(..));
        let needed = due.len().div_ceil(TURN).min(tasks);
        drop(due);
        // One that is busy looks again before it sleeps.
        for _ in 0..needed {
            self.called.notify_one();
        }
    }

    fn take(&self, slots: &mut Vec<Arc<Slot>>) {
        let mut due = self.due.lock();
        let count = due.len().min(TURN);
        slots.extend(due.drain(..count));
    }

    fn begin(&self) -> Working<'_> {
        let _due = self.due.lock();
        self.tasks.fetch_add(1, Ordering::Relaxed);
        Working(self)
    }
}

/// One of those who write.
struct Working<'a>(&'a Pump);

impl Drop for Working<'_> {
    fn drop(&mut self) {
        let mut due = self.0.due.lock();
        if self.0.tasks.fetch_sub(1, Ordering::Relaxed) == 1 {
            let slots = std::mem::take(&mut *due);
            drop(due);
            // Their own tasks do it.
            for slot in slots {
                slot.give_back();
            }
        }
    }
}

impl Hub {
    /// Writes what comes for live streams to their outlets until told to stop. Several tasks may do so beside each other;
    /// without any, each stream's own task does it.
    pub async fn pump(&self, stop: CancellationToken) {
        let _working = self.pump.begin();
        let mut slots = Vec::with_capacity(TURN);
        let mut events = VecDeque::new();
        loop {
            self.pump.take(&mut slots);
            if slots.is_empty() {
                tokio::select! {
                    () = self.pump.called.notified() => continue,
                    () = stop.cancelled() => return,
                }
            }
            // Each lies elsewhere in memory. Looked at one after the other, with nothing in between that waits for it, they
            // are fetched beside each other.
            for slot in &slots {
                slot.near();
            }
            let now = Instant::now();
            for slot in slots.drain(..) {
                slot.pump(&mut events, now, || self.newest_erasure());
            }
            tokio::task::yield_now().await;
        }
    }
}
