//! How far this node is behind the database, and for how long.

use crate::domain::Seq;
use parking_lot::Mutex;
use std::time::Duration;
use tokio::time::Instant;

/// What is known of the database's head.
#[derive(Debug, Default)]
pub(super) struct Progress(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    head: Seq,
    /// Since when it is known that there is something to be applied, and it has not been.
    since: Option<Instant>,
}

impl Progress {
    /// The head was read, with so much applied here.
    pub(super) fn note(&self, head: Seq, applied: Seq) {
        let mut known = self.0.lock();
        // Whoever has reached what was there the last time is not behind for longer than since now.
        if applied >= known.head {
            known.since = None;
        }
        if applied < head {
            known.since.get_or_insert_with(Instant::now);
        }
        known.head = known.head.max(head);
    }

    /// The head as it was last read.
    pub(super) fn head(&self) -> Seq {
        self.0.lock().head
    }

    /// For how long something is to be applied that has not been.
    pub(super) fn behind(&self, applied: Seq) -> Duration {
        let known = self.0.lock();
        known.since.filter(|_| applied < known.head).map_or(Duration::ZERO, |since| since.elapsed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn whoever_does_not_reach_a_head_is_behind_for_as_long() {
        let progress = Progress::default();
        let second = Duration::from_secs(1);
        progress.note(Seq(10), Seq(10));
        assert_eq!(progress.behind(Seq(10)), Duration::ZERO);
        progress.note(Seq(20), Seq(10));
        for head in 21..30 {
            tokio::time::advance(second).await;
            progress.note(Seq(head), Seq(19));
        }
        assert_eq!(progress.behind(Seq(19)), second * 9, "the first head is not reached");
        assert_eq!(progress.behind(Seq(29)), Duration::ZERO, "it has caught up since the last look");
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_reaches_each_head_in_time_is_not_behind_though_there_is_always_another() {
        let progress = Progress::default();
        for head in 1..100 {
            progress.note(Seq(head), Seq(head - 1));
            tokio::time::advance(Duration::from_secs(1)).await;
            assert_eq!(progress.behind(Seq(head - 1)), Duration::from_secs(1), "since the last look alone");
        }
    }
}
