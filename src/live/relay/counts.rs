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
    /// How often NATS did not let this node listen.
    pub refused: Counter,
    /// Publications that were not signed with the key of this node.
    pub unsigned: Counter,
    /// Publications of what passes whose moment is too far from now to be believed.
    pub untimely: Counter,
    /// Publications that were not sent: NATS was away, or took too long.
    pub unsaid: Counter,
    /// Whether NATS is there.
    pub connected: AtomicBool,
}
