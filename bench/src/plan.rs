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

impl Entry {
    /// One of the usual length, with a hundred people and nothing said.
    fn usual(options: &Measuring, name: String, scenario: Scenario, peers: &[Peer]) -> Self {
        Self { name, scenario, peers: peers.to_vec(), data: people(100), suffix: "", span: span(options) }
    }
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
    let name = transport.name();
    for listeners in [1_000, 10_000].map(tenth) {
        let fan_out = FanOut { transport, listeners, low: 20_000.0, window: 64, publishers: 64 };
        let mut peers = vec![Peer::Goldcrest, Peer::Nchan, Peer::Pushpin, Peer::Floor, Peer::Other];
        // With so many it takes minutes for what takes the others seconds.
        peers.retain(|peer| *peer != Peer::Pushpin || listeners <= 1_000);
        all.push(Entry::usual(options, format!("fan-out {name} {listeners}"), Scenario::FanOut(fan_out), &peers));
    }
    let listeners = tenth(10_000);
    // Whole rounds of heartbeats, which come every 20 seconds.
    all.push(Entry {
        data: people(tenth(1_000)),
        span: Duration::from_secs(if options.quick { 20 } else { 40 }),
        ..Entry::usual(
            options,
            format!("idle {name} {listeners}"),
            Scenario::Idle(Idle { transport, listeners }),
            &[Peer::Goldcrest, Peer::Nchan, Peer::Other],
        )
    });
    all.push(Entry::usual(
        options,
        format!("connect {name} {listeners}"),
        Scenario::Connect(Connect { transport, listeners, at_once: 64 }),
        &[Peer::Goldcrest, Peer::Nchan, Peer::Floor, Peer::Other],
    ));
}

/// Messages that are on disk when they are answered.
fn sends(options: &Measuring, all: &mut Vec<Entry>) {
    for database in [Kind::Sqlite, Kind::Postgres] {
        for connections in [1, 16, 64, 256] {
            all.push(Entry::usual(
                options,
                format!("sends {database:?} {connections}").to_lowercase(),
                Scenario::Sends(Sends { connections, database, batch: 1.0 }),
                &[Peer::Goldcrest, Peer::Bare],
            ));
        }
    }
}

/// Many conversations of two.
fn direct(options: &Measuring, all: &mut Vec<Entry>) {
    let (people, rate) = if options.quick { (500, 200.0) } else { (5_000, 2_000.0) };
    for nodes in [None, Some(1), Some(2)] {
        all.push(Entry {
            data: Contents { people, direct: true, messages: 0 },
            ..Entry::usual(
                options,
                format!("direct {people}, {} nodes", nodes.unwrap_or(0)),
                Scenario::Direct(Direct { people, rate, nodes }),
                &[Peer::Goldcrest],
            )
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
                data: Contents { people: 100, direct: false, messages },
                suffix,
                ..Entry::usual(options, format!("growth {name}{suffix}"), scenario, &[Peer::Goldcrest])
            });
        }
    }
}

/// What goes wrong, and how soon it is well again.
fn recovery(options: &Measuring, all: &mut Vec<Entry>) {
    let tenth = |count: usize| if options.quick { count / 10 } else { count };
    for from in [Source::Ring, Source::Database] {
        let messages = if options.quick { 10_000 } else { 100_000 };
        all.push(Entry::usual(
            options,
            format!("resume {messages} {from:?}").to_lowercase(),
            Scenario::Resume(Resume { messages, from }),
            &[Peer::Goldcrest],
        ));
    }
    let listeners = tenth(8_000);
    all.push(Entry::usual(
        options,
        format!("storm {listeners}"),
        Scenario::Storm(Storm { listeners, rate: 4.0, at_once: 1_024 }),
        &[Peer::Goldcrest, Peer::Nchan, Peer::Other],
    ));
    let listeners = tenth(1_000);
    all.push(Entry::usual(
        options,
        format!("slow reader {listeners}"),
        Scenario::Slow(Slow { listeners, rate: 20.0, length: 8_000 }),
        &[Peer::Goldcrest, Peer::Nchan, Peer::Other],
    ));
}

/// How often each peer has its turn.
pub fn rounds(options: &Measuring) -> u32 {
    options.rounds.unwrap_or(if options.quick { 1 } else { 5 })
}
