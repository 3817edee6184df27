//! How much went over the relay.

use crate::meter::Counter;
use std::sync::atomic::AtomicBool;

/// How much went over the relay.
#[derive(Debug, Default)]
pub struct RelayCounts {
    /// Batches of other nodes that were heard of.
    pub heard: Counter,
    /// How often a batch was missing, and read from the database.
    pub gaps: Counter,
    /// Publications that were not sent: NATS was away, or took too long.
    pub unsaid: Counter,
    /// Whether NATS is there.
    pub connected: AtomicBool,
}
