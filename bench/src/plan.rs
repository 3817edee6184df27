//! Everything that is measured, in which sizes, and in which order.

use crate::options::Measuring;
use crate::peers::Peer;
use crate::scenario::Scenario;
use crate::scenario::connect::Connect;
use crate::scenario::fan_out::FanOut;
use crate::scenario::idle::Idle;
use crate::scenario::resume::{Resume, Source};
use crate::scenario::slow::Slow;
use crate::scenario::storm::Storm;
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
    let mut all = Vec::new();
    for transport in [Transport::Sse, Transport::Ws] {
        streams(options, transport, &mut all);
    }
    recovery(options, &mut all);
    all.retain(|entry| options.only.is_empty() || options.only.iter().any(|word| entry.name.contains(word.as_str())));
    for entry in &mut all {
        entry.peers.retain(|peer| options.peers.is_empty() || options.peers.contains(peer));
    }
    all.retain(|entry| !entry.peers.is_empty());
    all
}

fn span(options: &Measuring) -> Duration {
    Duration::from_secs(options.seconds.unwrap_or(if options.quick { 2 } else { 10 }))
}

/// What is measured in the same way over both transports.
fn streams(options: &Measuring, transport: Transport, all: &mut Vec<Entry>) {
    let tenth = |count: usize| if options.quick { count / 10 } else { count };
    let (name, span) = (transport.name(), span(options));
    for listeners in [1_000, 10_000].map(tenth) {
        let fan_out = FanOut { transport, listeners, low: 20_000.0, window: 64, publishers: 64 };
        all.push(Entry {
            name: format!("fan-out {name} {listeners}"),
            scenario: Scenario::FanOut(fan_out),
            peers: vec![Peer::Goldcrest, Peer::Nchan, Peer::Floor],
            people: 100,
            span,
        });
    }
    let listeners = tenth(10_000);
    all.push(Entry {
        name: format!("idle {name} {listeners}"),
        scenario: Scenario::Idle(Idle { transport, listeners }),
        peers: vec![Peer::Goldcrest, Peer::Nchan],
        people: tenth(1_000),
        // Whole rounds of heartbeats, which come every 20 seconds.
        span: Duration::from_secs(if options.quick { 20 } else { 60 }),
    });
    all.push(Entry {
        name: format!("connect {name} {listeners}"),
        scenario: Scenario::Connect(Connect { transport, listeners, at_once: 64 }),
        peers: vec![Peer::Goldcrest, Peer::Nchan, Peer::Floor],
        people: 100,
        span,
    });
}

/// What goes wrong, and how soon it is well again.
fn recovery(options: &Measuring, all: &mut Vec<Entry>) {
    let tenth = |count: usize| if options.quick { count / 10 } else { count };
    for from in [Source::Ring, Source::Database] {
        let messages = if options.quick { 10_000 } else { 100_000 };
        all.push(Entry {
            name: format!("resume {messages} {from:?}").to_lowercase(),
            scenario: Scenario::Resume(Resume { messages, from }),
            peers: vec![Peer::Goldcrest],
            people: 100,
            span: span(options),
        });
    }
    let listeners = tenth(8_000);
    all.push(Entry {
        name: format!("storm {listeners}"),
        scenario: Scenario::Storm(Storm { listeners, rate: 4.0, at_once: 1_024 }),
        peers: vec![Peer::Goldcrest, Peer::Nchan],
        people: 100,
        span: span(options),
    });
    let listeners = tenth(1_000);
    all.push(Entry {
        name: format!("slow reader {listeners}"),
        scenario: Scenario::Slow(Slow { listeners, rate: 20.0, length: 8_000 }),
        peers: vec![Peer::Goldcrest, Peer::Nchan],
        people: 100,
        span: span(options),
    });
}

/// How often each peer has its turn.
pub fn rounds(options: &Measuring) -> u32 {
    options.rounds.unwrap_or(if options.quick { 1 } else { 5 })
}
