//! What is measured: each scenario runs one peer, in a process and a network namespace of its own.

pub mod connect;
pub mod direct;
pub mod fan_out;
pub mod idle;
pub mod resume;
pub mod sends;
pub mod slow;
pub mod storm;

use crate::generator::{Generator, Setting};
use crate::peers::{self, Peer, Place, Running, Wanted};
use crate::record::Record;
use crate::way::Transport;
use serde::{Deserialize, Serialize};
use std::io;
use std::time::Duration;

/// A scenario with its sizes.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub enum Scenario {
    /// (a)
    FanOut(fan_out::FanOut),
    /// (b)
    Idle(idle::Idle),
    /// (c)
    Sends(sends::Sends),
    /// (d)
    Direct(direct::Direct),
    /// (e)
    Resume(resume::Resume),
    /// (f)
    Storm(storm::Storm),
    /// (g)
    Connect(connect::Connect),
    /// (h)
    Slow(slow::Slow),
}

/// Who listens and who says something.
#[derive(Debug, Clone, Copy)]
struct Crowd {
    transport: Transport,
    listeners: usize,
    mouths: usize,
    /// Bytes of each text.
    length: usize,
}

/// Who is measured, where, and for how long.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Scene {
    /// Who.
    pub peer: Peer,
    /// Where.
    pub place: Place,
    /// How long what is measured goes on.
    pub span: Duration,
    /// How long something may take that does not move.
    pub patience: Duration,
}

impl Scene {
    /// Starts the server with these options, and a generator that knows it.
    fn open(&self, crowd: Crowd, options: &[String]) -> io::Result<(Running, Generator)> {
        // Where nothing is said, heartbeats are all that there is.
        let wanted = Wanted { transport: crowd.transport, heartbeats: crowd.mouths == 0, options };
        let running = peers::start(self.peer, &self.place, wanted)?;
        let generator = Generator::new(Setting {
            listening: running.listening.clone(),
            listeners: crowd.listeners,
            say_to: running.say_to.clone(),
            sayings: running.sayings.clone(),
            mouths: crowd.mouths,
            length: crowd.length,
        })?;
        Ok((running, generator))
    }

    /// Tells whoever waits how far it is.
    pub fn say(&self, what: &str) {
        eprintln!("    {}: {what}", self.peer.name());
    }
}

/// Runs it.
pub fn run(scenario: Scenario, scene: &Scene) -> io::Result<Vec<Record>> {
    match scenario {
        Scenario::FanOut(what) => fan_out::run(what, scene),
        Scenario::Idle(what) => idle::run(what, scene),
        Scenario::Sends(what) => sends::run(what, scene),
        Scenario::Direct(what) => direct::run(what, scene),
        Scenario::Resume(what) => resume::run(what, scene),
        Scenario::Storm(what) => storm::run(what, scene),
        Scenario::Connect(what) => connect::run(what, scene),
        Scenario::Slow(what) => slow::run(what, scene),
    }
}

/// So many for each of these.
#[expect(clippy::cast_precision_loss, reason = "counts of a run are below 2^53")]
pub fn share(count: u64, of: f64) -> f64 {
    count as f64 / of
}
