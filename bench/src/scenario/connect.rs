//! Connecting: how many streams can be opened in a second.

use super::{Crowd, Scene, share};
use crate::record::Record;
use crate::tally::milliseconds;
use crate::way::Transport;
use serde::{Deserialize, Serialize};
use std::io;
use std::time::Duration;

/// How many.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Connect {
    /// How they listen.
    pub transport: Transport,
    /// How many.
    pub listeners: usize,
    /// How many are on their way at once.
    pub at_once: usize,
}

/// Measures one peer.
pub fn run(what: Connect, scene: &Scene) -> io::Result<Vec<Record>> {
    let crowd = Crowd { transport: what.transport, listeners: what.listeners, mouths: 0, length: crate::TEXT };
    let (running, mut generator) = scene.open(crowd, &[])?;
    // As many as can be underway at once, to be warm, and away again.
    generator.connect_first(what.at_once, what.at_once, scene.patience)?;
    generator.drop_all(0..what.at_once);
    generator.idle(Duration::from_secs(1))?;
    generator.next_part();
    let before = running.usage()?;
    let took = generator.connect_all(what.at_once, scene.patience)?;
    let spent = running.usage()?.seconds - before.seconds;
    let streams = what.listeners as u64;
    Ok(vec![
        Record::new(format!("connect {} {}", what.transport.name(), what.listeners), scene.peer.name())
            .with("streams_opened_per_s", share(streams, took.as_secs_f64()))
            .with("cpu_us_per_stream", spent * 1e6 / share(streams, 1.0))
            .with("opening_p50_ms", milliseconds(&generator.tally.opening, 0.5))
            .with("opening_p99_ms", milliseconds(&generator.tally.opening, 0.99)),
    ])
}
