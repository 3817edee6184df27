//! The servers that are measured: how each is started, and how it is talked to.

pub mod floor;
pub mod goldcrest;
pub mod nchan;
pub mod other;
pub mod postgres;
pub mod pushpin;

use crate::process::{Process, Usage, usage_of};
use crate::way::{Listening, Saying, Transport};
use serde::{Deserialize, Serialize};
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Which server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Peer {
    /// This project's.
    Goldcrest,
    /// The module of nginx.
    Nchan,
    /// A proxy for streams.
    Pushpin,
    /// A bare loop that writes to sockets.
    Floor,
    /// A bare loop that writes to a database.
    Bare,
    /// One that runs already.
    Other,
}

impl Peer {
    /// As it stands in results.
    pub fn name(self) -> &'static str {
        match self {
            Self::Goldcrest => "goldcrest",
            Self::Nchan => "nchan",
            Self::Pushpin => "pushpin",
            Self::Floor => "floor",
            Self::Bare => "bare loop",
            Self::Other => "other",
        }
    }
}

/// Where and how servers run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Place {
    /// A directory of this run alone.
    pub scratch: PathBuf,
    /// The program that is measured.
    pub goldcrest: PathBuf,
    /// The bare loop over a database, if it was asked for.
    pub bare: Option<PathBuf>,
    /// The description of another server, if there is one.
    pub other: Option<PathBuf>,
    /// Where the peers' configurations are.
    pub peers: PathBuf,
    /// A directory with data that was prepared, of which this run gets a copy.
    pub prepared: PathBuf,
    /// The core that servers run on, if there are several.
    pub core: Option<usize>,
}

/// A server that runs, and how to talk to it.
#[derive(Debug)]
pub struct Running {
    /// Its processes, all of which are measured.
    pub processes: Vec<Process>,
    /// One more, which is not ours.
    pub stranger: Option<u32>,
    /// How to listen to the one conversation.
    pub listening: Listening,
    /// Where to say something: connections are spread over these.
    pub say_to: Vec<SocketAddr>,
    /// How, one for each conversation.
    pub sayings: Vec<Saying>,
}

impl Running {
    /// What all its processes have used.
    pub fn usage(&self) -> io::Result<Usage> {
        let stranger = self.stranger.map(usage_of);
        self.processes.iter().map(Process::usage).chain(stranger).try_fold(Usage::default(), |sum, usage| {
            let usage = usage?;
            Ok(Usage { seconds: sum.seconds + usage.seconds, resident: sum.resident + usage.resident })
        })
    }
}

/// What a server is wanted for.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// How it is to be listened to.
    pub transport: Transport,
    /// Whether listeners are to be told that they are alive. Goldcrest does so in any case.
    pub heartbeats: bool,
    /// Options of Goldcrest.
    pub options: &'a [String],
}

/// Starts a server.
pub fn start(peer: Peer, place: &Place, wanted: Wanted<'_>) -> io::Result<Running> {
    let transport = wanted.transport;
    match peer {
        Peer::Goldcrest => goldcrest::start(place, transport, wanted.options),
        Peer::Nchan => nchan::start(place, wanted),
        Peer::Pushpin => pushpin::start(place, transport),
        Peer::Floor => floor::start(place, transport),
        Peer::Other => other::start(place, transport),
        Peer::Bare => Err(io::Error::other("a bare loop over a database cannot be listened to")),
    }
}
