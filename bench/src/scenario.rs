//! What is measured: each scenario runs one peer, in a process and a network namespace of its own.

pub mod fan_out;

use crate::peers::{Peer, Place};
use crate::record::Record;
use serde::{Deserialize, Serialize};
use std::io;
use std::time::Duration;

/// A scenario with its sizes.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub enum Scenario {
    /// (a)
    FanOut(fan_out::FanOut),
}

/// Who is measured, where, and for how long.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Scene {
    /// Who.
    pub peer: Peer,
    /// Where.
    pub place: Place,
    /// How long what is measured goes on.
    pub span: Duration,
    /// How long something may take that does not move.
    pub patience: Duration,
}

impl Scene {
    /// Tells whoever waits how far it is.
    pub fn say(&self, what: &str) {
        eprintln!("    {}: {what}", self.peer.name());
    }
}

/// Runs it.
pub fn run(scenario: Scenario, scene: &Scene) -> io::Result<Vec<Record>> {
    match scenario {
        Scenario::FanOut(what) => fan_out::run(what, scene),
    }
}

/// So many for each of these.
#[expect(clippy::cast_precision_loss, reason = "counts of a run are below 2^53")]
pub fn share(count: u64, of: f64) -> f64 {
    count as f64 / of
}
