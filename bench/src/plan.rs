//! Everything that is measured, in which sizes, and in which order.

use crate::options::Measuring;
use crate::peers::Peer;
use crate::peers::goldcrest::Contents;
use crate::scenario::Scenario;
use crate::scenario::connect::Connect;
use crate::scenario::direct::Direct;
use crate::scenario::fan_out::FanOut;
use crate::scenario::idle::Idle;
use crate::scenario::resume::{Resume, Source};
use crate::scenario::sends::{Kind, Sends};
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
    /// The data that it begins with.
    pub data: Contents,
    /// What is added to the names of its records.
    pub suffix: &'static str,
    /// How long what is measured goes on.
    pub span: Duration,
}

/// What is asked for.
pub fn plan(options: &Measuring) -> Vec<Entry> {
    let mut all = Vec::new();
    for transport in [Transport::Sse, Transport::Ws] {
        streams(options, transport, &mut all);
    }
    sends(options, &mut all);
    direct(options, &mut all);
    recovery(options, &mut all);
    growth(options, &mut all);
    all.retain(|entry| options.only.is_empty() || options.only.iter().any(|word| entry.name.contains(word.as_str())));
    for entry in &mut all {
        entry.peers.retain(|peer| options.peers.is_empty() || options.peers.contains(peer));
        entry.peers.retain(|peer| *peer != Peer::Other || options.other.is_some());
    }
    all.retain(|entry| !entry.peers.is_empty());
    all
}

fn people(people: usize) -> Contents {
    Contents { people, direct: false, messages: 0 }
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
        let mut peers = vec![Peer::Goldcrest, Peer::Nchan, Peer::Pushpin, Peer::Floor, Peer::Other];
        // With so many it takes minutes for what takes the others seconds.
        peers.retain(|peer| *peer != Peer::Pushpin || listeners <= 1_000);
        all.push(Entry {
            name: format!("fan-out {name} {listeners}"),
            scenario: Scenario::FanOut(fan_out),
            peers,
            data: people(100),
            suffix: "",
            span,
        });
    }
    let listeners = tenth(10_000);
    all.push(Entry {
        name: format!("idle {name} {listeners}"),
        scenario: Scenario::Idle(Idle { transport, listeners }),
        peers: vec![Peer::Goldcrest, Peer::Nchan, Peer::Other],
        data: people(tenth(1_000)),
        suffix: "",
        // Whole rounds of heartbeats, which come every 20 seconds.
        span: Duration::from_secs(if options.quick { 20 } else { 60 }),
    });
    all.push(Entry {
        name: format!("connect {name} {listeners}"),
        scenario: Scenario::Connect(Connect { transport, listeners, at_once: 64 }),
        peers: vec![Peer::Goldcrest, Peer::Nchan, Peer::Floor, Peer::Other],
        data: people(100),
        suffix: "",
        span,
    });
}

/// Messages that are on disk when they are answered.
fn sends(options: &Measuring, all: &mut Vec<Entry>) {
    for database in [Kind::Sqlite, Kind::Postgres] {
        for connections in [1, 16, 64, 256] {
            all.push(Entry {
                name: format!("sends {database:?} {connections}").to_lowercase(),
                scenario: Scenario::Sends(Sends { connections, database, batch: 1.0 }),
                peers: vec![Peer::Goldcrest, Peer::Bare],
                data: people(100),
                suffix: "",
                span: span(options),
            });
        }
    }
}

/// Many conversations of two.
fn direct(options: &Measuring, all: &mut Vec<Entry>) {
    let (people, rate) = if options.quick { (500, 200.0) } else { (5_000, 2_000.0) };
    for nodes in [None, Some(1), Some(2)] {
        all.push(Entry {
            name: format!("direct {people}, {} nodes", nodes.unwrap_or(0)),
            scenario: Scenario::Direct(Direct { people, rate, nodes }),
            peers: vec![Peer::Goldcrest],
            data: Contents { people, direct: true, messages: 0 },
            suffix: "",
            span: span(options),
        });
    }
}

/// Whether it matters how much is stored already.
fn growth(options: &Measuring, all: &mut Vec<Entry>) {
    let many = if options.quick { 50_000 } else { 1_000_000 };
    for (messages, suffix) in [(1_000, ", little stored"), (many, ", much stored")] {
        let listeners = if options.quick { 100 } else { 1_000 };
        let fan_out = FanOut { transport: Transport::Sse, listeners, low: 20_000.0, window: 64, publishers: 64 };
        let sends = Sends { connections: 64, database: Kind::Sqlite, batch: 1.0 };
        for (name, scenario) in [("fan-out", Scenario::FanOut(fan_out)), ("sends", Scenario::Sends(sends))] {
            all.push(Entry {
                name: format!("growth {name}{suffix}"),
                scenario,
                peers: vec![Peer::Goldcrest],
                data: Contents { people: 100, direct: false, messages },
                suffix,
                span: span(options),
            });
        }
    }
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
            data: people(100),
            suffix: "",
            span: span(options),
        });
    }
    let listeners = tenth(8_000);
    all.push(Entry {
        name: format!("storm {listeners}"),
        scenario: Scenario::Storm(Storm { listeners, rate: 4.0, at_once: 1_024 }),
        peers: vec![Peer::Goldcrest, Peer::Nchan, Peer::Other],
        data: people(100),
        suffix: "",
        span: span(options),
    });
    let listeners = tenth(1_000);
    all.push(Entry {
        name: format!("slow reader {listeners}"),
        scenario: Scenario::Slow(Slow { listeners, rate: 20.0, length: 8_000 }),
        peers: vec![Peer::Goldcrest, Peer::Nchan, Peer::Other],
        data: people(100),
        suffix: "",
        span: span(options),
    });
}

/// How often each peer has its turn.
pub fn rounds(options: &Measuring) -> u32 {
    options.rounds.unwrap_or(if options.quick { 1 } else { 5 })
}
