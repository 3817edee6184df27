//! Idle streams: what they keep in memory, and what it costs to tell them that they are alive.

use super::{Crowd, Scene};
use crate::record::Record;
use crate::way::Transport;
use serde::{Deserialize, Serialize};
use std::io;
use std::time::Duration;

/// How many.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Idle {
    /// How they listen.
    pub transport: Transport,
    /// How many.
    pub listeners: usize,
}

/// Measures one peer.
pub fn run(what: Idle, scene: &Scene) -> io::Result<Vec<Record>> {
    let crowd = Crowd { transport: what.transport, listeners: what.listeners, mouths: 0, length: crate::TEXT };
    let (running, mut generator) = scene.open(crowd, &[])?;
    let none = running.usage()?.resident;
    // What is set up once is there with the first tenth, and what each stream keeps is seen in the others.
    let tenth = what.listeners / 10;
    generator.connect_first(tenth, 64, scene.patience)?;
    generator.idle(Duration::from_secs(2))?;
    let some = running.usage()?.resident;
    generator.connect_all(64, scene.patience)?;
    generator.idle(Duration::from_secs(2))?;
    let all = running.usage()?;
    scene.say(&format!("{} streams are open", what.listeners));
    generator.next_part();
    generator.idle(scene.span)?;
    let after = running.usage()?;
    if generator.ears.failed > 0 {
        return Err(io::Error::other(format!("a stream was cut off: {}", generator.ears.reason)));
    }
    let per = |resident: u64, before: u64, streams: usize| resident.saturating_sub(before) / streams as u64;
    let load = (after.seconds - all.seconds) / scene.span.as_secs_f64();
    Ok(vec![
        Record::new(format!("idle {} {}", what.transport.name(), what.listeners), scene.peer.name())
            .counting("memory_bytes_per_stream", per(all.resident, some, what.listeners - tenth))
            .counting("memory_bytes_per_stream_later", per(after.resident, some, what.listeners - tenth))
            .counting("memory_bytes_per_stream_with_start", per(all.resident, none, what.listeners))
            .counting("resident_bytes", all.resident)
            .with("cpu_ms_per_minute", 60_000.0 * load)
            .with("server_load_percent", 100.0 * load)
            .counting("heartbeat_bytes", generator.tally.bytes),
    ])
}
