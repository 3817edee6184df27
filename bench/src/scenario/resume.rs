//! Resuming: a stream comes back after a long time, and gets all that happened meanwhile.

use super::{Crowd, Scene, share};
use crate::record::Record;
use crate::results::Spread;
use crate::way::Transport;
use serde::{Deserialize, Serialize};
use std::io;
use std::time::{Duration, Instant};

/// How often one comes back in a run.
const TIMES: usize = 5;

/// How much is missed, and where it is.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Resume {
    /// How many messages.
    pub messages: u32,
    /// Whether they are in memory still.
    pub from: Source,
}

/// Where events are read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Source {
    /// The ring of recent events.
    Ring,
    /// The database.
    Database,
}

/// Measures one peer.
pub fn run(what: Resume, scene: &Scene) -> io::Result<Vec<Record>> {
    let (name, ring) = match what.from {
        Source::Ring => ("ring", 256 << 20),
        Source::Database => ("database", 1 << 16),
    };
    // The first listener only learns the cursor; the second comes back.
    let crowd = Crowd { transport: Transport::Sse, listeners: 2, mouths: 128, length: crate::TEXT };
    let (running, mut generator) = scene.open(crowd, &[format!("--ring-bytes={ring}")])?;
    generator.ears.cursors.learning = true;
    generator.connect_first(1, 1, scene.patience)?;
    generator.say(0)?;
    generator.drain(1, scene.patience)?;
    let Some(cursor) = generator.ears.cursors.of(0).map(str::to_owned) else {
        return Err(io::Error::other("the first message did not come, or without an id"));
    };
    generator.ears.cursors.learning = false;
    generator.drop_all(0..1);
    let end = what.messages + 1;
    let begun = Instant::now();
    generator.press(u64::from(what.messages), scene.patience * 5)?;
    scene.say(&format!("{} messages are said after {:.1} s", what.messages, begun.elapsed().as_secs_f64()));
    let (mut took, mut spent, mut lost) = (Vec::new(), Vec::new(), 0);
    for _ in 0..TIMES {
        generator.ears.rewind(1, 1, &cursor);
        generator.next_part();
        let before = running.usage()?;
        let begun = Instant::now();
        let (mut next, mut complete) = (1, false);
        while !complete && begun.elapsed() < scene.patience {
            generator.connect_some(&mut next, 2, 1)?;
            generator.turn(Duration::from_millis(50))?;
            complete = generator.tally.heard == u64::from(what.messages);
        }
        took.push(begun.elapsed().as_secs_f64());
        spent.push(running.usage()?.seconds - before.seconds);
        lost += generator.ears.lost_by(1, end) + generator.tally.doubled;
        generator.drop_all(1..2);
        generator.idle(Duration::from_millis(200))?;
    }
    let middle = |values: Vec<f64>| Spread::of(values).map_or(f64::NAN, |spread| spread.median);
    let (took, spent) = (middle(took), middle(spent));
    Ok(vec![
        Record::new(format!("resume {} from the {name}", what.messages), scene.peer.name())
            .with("events_per_s", share(u64::from(what.messages), took))
            .with("cpu_us_per_event", spent * 1e6 / f64::from(what.messages))
            .counting("lost_or_doubled", lost),
    ])
}
