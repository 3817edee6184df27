//! Fan-out: everything that is said in one conversation goes to all listeners.

use super::{Crowd, Scene, share};
use crate::generator::Generator;
use crate::peers::Running;
use crate::process::usage_of;
use crate::record::Record;
use crate::tally::milliseconds;
use crate::way::Transport;
use serde::{Deserialize, Serialize};
use std::io;
use std::time::{Duration, Instant};

/// How much of it.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct FanOut {
    /// How they listen.
    pub transport: Transport,
    /// How many.
    pub listeners: usize,
    /// Deliveries a second at the low rate, which leaves the server idle for most of the time.
    pub low: f64,
    /// Messages that are underway at once when it has all it can do.
    pub window: u32,
    /// Connections that publish then.
    pub publishers: usize,
}

/// Measures one peer.
pub fn run(what: FanOut, scene: &Scene) -> io::Result<Vec<Record>> {
    let crowd =
        Crowd { transport: what.transport, listeners: what.listeners, mouths: what.publishers, length: crate::TEXT };
    let (running, mut generator) = scene.open(crowd, &[])?;
    let before = running.usage()?;
    generator.connect_all(64, scene.patience)?;
    scene.say(&format!("{} listeners are live", what.listeners));
    generator.idle(Duration::from_millis(500))?;
    let open = running.usage()?;
    let name = format!("fan-out {} {}", what.transport.name(), what.listeners);
    #[expect(clippy::cast_precision_loss, reason = "listeners are few")]
    let rate = what.low / what.listeners as f64;
    // The first messages find cold caches and queues that have still to grow.
    part(&mut generator, &running, "warm-up", scene, |generator| generator.at_rate(rate, scene.span / 4))?;
    let low =
        part(&mut generator, &running, &format!("{name} low"), scene, |generator| generator.at_rate(rate, scene.span))?;
    part(&mut generator, &running, "warm-up", scene, |generator| generator.saturate(what.window, scene.span / 4))?;
    let full = part(&mut generator, &running, &format!("{name} full"), scene, |generator| {
        generator.saturate(what.window, scene.span)
    })?;
    let each = open.resident.saturating_sub(before.resident) / what.listeners as u64;
    Ok(vec![low.counting("memory_bytes_per_stream", each), full])
}

/// Lets messages be said in some way, waits until they have arrived, and says what that cost.
pub fn part(
    generator: &mut Generator,
    running: &Running,
    name: &str,
    scene: &Scene,
    mut load: impl FnMut(&mut Generator) -> io::Result<()>,
) -> io::Result<Record> {
    generator.next_part();
    let listeners = generator.ears.live as u64;
    let (said, lost) = (generator.said.messages(), generator.ears.lost(generator.said.next(0)));
    let (used, own) = (running.usage()?, usage_of(std::process::id())?);
    let begun = Instant::now();
    load(generator)?;
    generator.drain((generator.said.messages() - said) * listeners, scene.patience)?;
    let took = begun.elapsed().as_secs_f64();
    let (usage, own_after) = (running.usage()?, usage_of(std::process::id())?);
    let tally = &generator.tally;
    if tally.refused > 0 {
        return Err(io::Error::other(format!("a message was refused: {}", generator.mouths.reason)));
    }
    if generator.ears.failed > 0 {
        return Err(io::Error::other(format!("a listener was cut off: {}", generator.ears.reason)));
    }
    let spent = usage.seconds - used.seconds;
    // The generator is the parent of the servers that it starts, which are counted with it.
    let under_it = if running.stranger.is_some() { 0.0 } else { spent };
    let own = (own_after.seconds - own.seconds) - under_it;
    scene.say(&format!("{name}: {} deliveries in {took:.1} s", tally.heard));
    Ok(Record::new(name, scene.peer.name())
        .counting("messages", generator.said.messages() - said)
        .counting("deliveries", tally.heard)
        .with("deliveries_per_s", share(tally.heard, took))
        .with("cpu_us_per_delivery", spent * 1e6 / share(tally.heard, 1.0))
        .with("server_load_percent", 100.0 * spent / took)
        .with("generator_load_percent", 100.0 * own / took)
        .with("latency_p50_ms", milliseconds(&tally.latency, 0.5))
        .with("latency_p99_ms", milliseconds(&tally.latency, 0.99))
        .with("latency_max_ms", milliseconds(&tally.latency, 1.0))
        .with("answer_p50_ms", milliseconds(&tally.answers, 0.5))
        .with("tardiness_p99_ms", milliseconds(&tally.tardiness, 0.99))
        .counting("resident_bytes", usage.resident)
        .counting("bytes_per_delivery", tally.bytes / tally.heard.max(1))
        .counting("lost", generator.ears.lost(generator.said.next(0)) - lost)
        .counting("doubled", tally.doubled)
        .counting("out_of_order", tally.disordered))
}
