//! A slow reader among many: whether the others feel it.

use super::fan_out::part;
use super::{Crowd, Scene};
use crate::record::Record;
use crate::way::Transport;
use serde::{Deserialize, Serialize};
use std::io;
use std::time::{Duration, Instant};

/// How many others there are.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Slow {
    /// With the slow one.
    pub listeners: usize,
    /// Messages a second.
    pub rate: f64,
    /// Bytes of each, so that the slow one is soon behind by more than the kernel keeps for it.
    pub length: usize,
}

/// Measures one peer, without the slow reader and with it in turn.
pub fn run(what: Slow, scene: &Scene) -> io::Result<Vec<Record>> {
    let crowd = Crowd { transport: Transport::Sse, listeners: what.listeners, mouths: 8, length: what.length };
    let (running, mut generator) = scene.open(crowd, &[])?;
    let slow = what.listeners - 1;
    generator.ears.narrow = Some(slow);
    generator.connect_all(256, scene.patience)?;
    part(&mut generator, &running, "warm-up", scene, |generator| generator.at_rate(what.rate, scene.span / 4))?;
    let without =
        part(&mut generator, &running, &format!("slow reader {}, without", what.listeners), scene, |generator| {
            generator.at_rate(what.rate, scene.span)
        })?;
    // It leaves its socket alone, and takes it up again once all others have what there was.
    let mut caught_up = Duration::ZERO;
    let with = part(&mut generator, &running, &format!("slow reader {}, with", what.listeners), scene, |generator| {
        let said = generator.said.messages();
        generator.ears.set_asleep(slow, true);
        generator.at_rate(what.rate, scene.span)?;
        let others = generator.ears.live as u64 - 1;
        generator.drain((generator.said.messages() - said) * others, scene.patience)?;
        generator.hold_latency();
        generator.ears.set_asleep(slow, false);
        let begun = Instant::now();
        generator.take(slow);
        generator.drain((generator.said.messages() - said) * (others + 1), scene.patience)?;
        caught_up = begun.elapsed();
        Ok(())
    })?;
    Ok(vec![without, with.with("caught_up_after_ms", caught_up.as_secs_f64() * 1e3)])
}
