//! What this node has handed to its streams since it began, for whoever watches it.

use crate::meter::{Counter, Histogram, Level, WAITS};

/// The numbers of missed events that are told apart: what the ring holds, what a page of the log holds, and days.
const DEPTHS: &[u64] = &[0, 10, 100, 1_000, 10_000, 100_000, 1_000_000];

/// What was heard, and how.
#[derive(Debug)]
pub struct Heard {
    /// Events that were applied, whoever wrote them.
    pub events: Counter,
    /// Those of them that were read from the database, since another node wrote them.
    pub fetched: Counter,
    /// Sessions that ended, by whatever way.
    pub revoked: Counter,
    /// Streams that read by themselves at the moment, since they have just come or are too slow.
    pub lagging: Level,
    /// How often a stream's queue ran over.
    pub overflows: Counter,
    /// How far behind streams were that came with a cursor, in events.
    pub depth: Histogram,
    /// Pages of the log that streams read.
    pub pages: Counter,
    /// Events in these.
    pub page_events: Counter,
    /// How long a page took, with the wait for a turn.
    pub page_time: Histogram,
    /// Streams that read a page of the log at the moment, or wait for their turn.
    pub reading: Level,
}

impl Default for Heard {
    fn default() -> Self {
        Self {
            events: Counter::default(),
            fetched: Counter::default(),
            revoked: Counter::default(),
            lagging: Level::default(),
            overflows: Counter::default(),
            depth: Histogram::of_amounts(DEPTHS),
            pages: Counter::default(),
            page_events: Counter::default(),
            page_time: Histogram::of_time(WAITS),
            reading: Level::default(),
        }
    }
}
