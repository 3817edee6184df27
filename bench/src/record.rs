//! What a run has found, as it is kept.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The figures of one peer in one scenario of one run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Record {
    /// Such as `fan-out sse 1000 low`.
    pub scenario: String,
    /// Who was measured.
    pub peer: String,
    /// Which of the interleaved runs it was.
    #[serde(default)]
    pub round: u32,
    /// Its figures by their names, which end in their unit.
    pub figures: BTreeMap<String, f64>,
}

impl Record {
    /// A record without figures.
    pub fn new(scenario: impl Into<String>, peer: impl Into<String>) -> Self {
        Self { scenario: scenario.into(), peer: peer.into(), round: 0, figures: BTreeMap::new() }
    }

    /// Adds a figure.
    pub fn with(mut self, name: &str, value: f64) -> Self {
        self.figures.insert(name.to_owned(), value);
        self
    }

    /// Adds a count.
    #[expect(clippy::cast_precision_loss, reason = "counts of a run are below 2^53")]
    pub fn counting(self, name: &str, count: u64) -> Self {
        self.with(name, count as f64)
    }
}
