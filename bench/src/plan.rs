//! Everything that is measured, in which sizes, and in which order.

use crate::options::Measuring;
use crate::peers::Peer;
use crate::scenario::Scenario;
use crate::scenario::fan_out::FanOut;
use crate::way::Transport;
use std::time::Duration;

/// A scenario, and who takes part in it.
#[derive(Debug)]
pub struct Entry {
    /// Its name, by which it can be asked for.
    pub name: String,
    /// What is done.
    pub scenario: Scenario,
    /// Who takes part.
    pub peers: Vec<Peer>,
    /// How many people the data has that it begins with.
    pub people: usize,
    /// How long what is measured goes on.
    pub span: Duration,
}

/// What is asked for.
pub fn plan(options: &Measuring) -> Vec<Entry> {
    let tenth = |count: usize| if options.quick { count / 10 } else { count };
    let span = Duration::from_secs(options.seconds.unwrap_or(if options.quick { 2 } else { 10 }));
    let mut all = Vec::new();
    for transport in [Transport::Sse, Transport::Ws] {
        for listeners in [1_000, 10_000].map(tenth) {
            let fan_out = FanOut { transport, listeners, low: 20_000.0, window: 64, publishers: 64 };
            all.push(Entry {
                name: format!("fan-out {} {listeners}", transport.name()),
                scenario: Scenario::FanOut(fan_out),
                peers: vec![Peer::Goldcrest, Peer::Nchan, Peer::Floor],
                people: 100,
                span,
            });
        }
    }
    all.retain(|entry| options.only.is_empty() || options.only.iter().any(|word| entry.name.contains(word.as_str())));
    for entry in &mut all {
        entry.peers.retain(|peer| options.peers.is_empty() || options.peers.contains(peer));
    }
    all.retain(|entry| !entry.peers.is_empty());
    all
}

/// How often each peer has its turn.
pub fn rounds(options: &Measuring) -> u32 {
    options.rounds.unwrap_or(if options.quick { 1 } else { 5 })
}
