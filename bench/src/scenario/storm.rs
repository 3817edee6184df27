//! A storm: all listeners drop at once and come back with their cursors, while messages go on.

use super::{Crowd, Scene};
use crate::record::Record;
use crate::tally::milliseconds;
use crate::way::Transport;
use serde::{Deserialize, Serialize};
use std::io;
use std::time::{Duration, Instant};

/// How much of one.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Storm {
    /// How many listeners.
    pub listeners: usize,
    /// Messages a second.
    pub rate: f64,
    /// How many come back at once. The others wait for one of them to be there.
    pub at_once: usize,
}

/// Measures one peer.
pub fn run(what: Storm, scene: &Scene) -> io::Result<Vec<Record>> {
    let all = what.listeners;
    // One publisher, so that messages are numbered in the order in which the server has them.
    let crowd = Crowd { transport: Transport::Sse, listeners: all, mouths: 1, length: crate::TEXT };
    let (running, mut generator) = scene.open(crowd, &[])?;
    generator.ears.cursors.learning = true;
    generator.connect_all(256, scene.patience)?;
    generator.at_rate(what.rate, scene.span / 4)?;
    // Everybody has a cursor, and the storm begins between two messages.
    generator.drain(generator.said.messages() * all as u64, scene.patience)?;
    scene.say(&format!("{all} listeners drop"));
    generator.next_part();
    let said = generator.said.messages();
    let before = running.usage()?;
    for ear in 0..all {
        generator.ears.remember(ear);
    }
    generator.drop_all(0..all);
    let begun = Instant::now();
    let (mut next, mut live_after) = (0, None);
    let distance = Duration::from_secs_f64(1.0 / what.rate);
    let mut due = begun;
    while live_after.is_none() || begun.elapsed() < scene.span {
        if generator.connect_some(&mut next, all, what.at_once)? && generator.ears.live == all && live_after.is_none() {
            live_after = Some(begun.elapsed());
        }
        if Instant::now() >= due && generator.say(0)? {
            due += distance;
        }
        generator.turn(Duration::from_millis(1))?;
        if generator.ears.failed > 0 {
            return Err(io::Error::other(format!("a listener was turned away: {}", generator.ears.reason)));
        }
        if live_after.is_none() && begun.elapsed() > 3 * scene.patience {
            return Err(io::Error::other(format!("only {} of {all} are back", generator.ears.live)));
        }
    }
    let end = generator.said.next(0);
    generator.drain((generator.said.messages() - said) * all as u64, Duration::from_secs(5))?;
    let spent = running.usage()?.seconds - before.seconds;
    let live_after = live_after.unwrap_or_default();
    scene.say(&format!("all are back after {live_after:?}"));
    Ok(vec![
        Record::new(format!("storm {all}"), scene.peer.name())
            .with("live_again_after_s", live_after.as_secs_f64())
            .with("opening_p99_ms", milliseconds(&generator.tally.opening, 0.99))
            .with("cpu_s", spent)
            .counting("messages", generator.tally.accepted)
            .counting("lost", generator.ears.lost(end))
            .counting("doubled", generator.tally.doubled)
            .counting("out_of_order", generator.tally.disordered),
    ])
}
