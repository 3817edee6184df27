//! What was heard in a part of a run: how much, how late, how badly.

use crate::marks::Mark;
use hdrhistogram::Histogram;

/// Counts of one part of a run.
#[derive(Debug)]
pub struct Tally {
    /// Deliveries: one message to one listener.
    pub heard: u64,
    /// Deliveries of what had been delivered.
    pub doubled: u64,
    /// Deliveries after those of later messages.
    pub disordered: u64,
    /// Bytes that listeners received.
    pub bytes: u64,
    /// From sending to receipt, in nanoseconds.
    pub latency: Histogram<u64>,
    /// From beginning to connect to being live, in nanoseconds.
    pub opening: Histogram<u64>,
    /// From sending a request to its answer, in nanoseconds.
    pub answers: Histogram<u64>,
    /// How much later than planned messages were sent, in nanoseconds.
    pub tardiness: Histogram<u64>,
    /// Requests that were answered well.
    pub accepted: u64,
    /// And those that were not.
    pub refused: u64,
    /// Whether latency counts no more.
    pub held: bool,
    /// How many deliveries of each message of the first line there were, from a number on.
    pub by_number: Vec<u32>,
}

impl Default for Tally {
    fn default() -> Self {
        let histogram = || Histogram::new_with_max(600_000_000_000, 3).unwrap_or_else(|_| unreachable!());
        Self {
            heard: 0,
            doubled: 0,
            disordered: 0,
            bytes: 0,
            latency: histogram(),
            opening: histogram(),
            answers: histogram(),
            tardiness: histogram(),
            accepted: 0,
            refused: 0,
            held: false,
            by_number: Vec::new(),
        }
    }
}

impl Tally {
    /// A message came.
    pub fn hear(&mut self, mark: Mark, now: u64) {
        self.heard += 1;
        if !self.held {
            self.latency.saturating_record(now.saturating_sub(mark.sent));
        }
        let place = mark.number as usize;
        if place >= self.by_number.len() {
            self.by_number.resize(place + 1, 0);
        }
        self.by_number[place] += 1;
    }

    /// A listener is live.
    pub fn opened(&mut self, took: u64) {
        self.opening.saturating_record(took);
    }

    /// How many messages from a number on have come so often.
    pub fn complete(&self, from: usize, times: u32) -> usize {
        self.by_number.iter().skip(from).take_while(|heard| **heard >= times).count()
    }
}

/// A quantile in milliseconds.
#[expect(clippy::cast_precision_loss, reason = "no latency is so long that its nanoseconds matter")]
pub fn milliseconds(histogram: &Histogram<u64>, quantile: f64) -> f64 {
    histogram.value_at_quantile(quantile) as f64 / 1e6
}
