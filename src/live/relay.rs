//! The way between nodes: what this one commits, and who types and is there, told over NATS to those that share its
//! database. It makes them fast, and never right: each reads the database for whatever it was not told.

mod early;
mod hearing;
mod nats;
mod saying;
mod word;

use super::follower::Follower;
use crate::domain::ephemeral::Ephemeral;
use crate::domain::events::Record;
use crate::domain::{Timestamp, UserId};
use async_nats::Client;
use hearing::Hearing;
use saying::Saying;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use word::{Passing, Word};

pub use nats::{Credentials, NatsOptions, try_nats};

/// What waits to be said at most. What comes on top of it is not said: the database says it too.
const WORDS: usize = 64;
/// Why there is no way to the other nodes.
#[derive(Debug, thiserror::Error)]
pub enum RelayError {
    /// The file of credentials is not there, or none.
    #[error("cannot read the credentials for NATS in {}: {why}", file.display())]
    Credentials {
        /// Where they were looked for.
        file: PathBuf,
        /// What stands in the way.
        why: io::Error,
    },
    /// The server cannot be reached, or does not let us in.
    #[error("cannot connect to NATS: {0}")]
    Server(String),
}

/// How much went over the relay.
#[derive(Debug, Default)]
pub struct RelayCounts {
    /// Batches of other nodes that were heard of.
    pub heard: AtomicU64,
    /// How often a batch was missing, and read from the database.
    pub gaps: AtomicU64,
    /// Publications that were not sent: NATS was away, or took too long.
    pub unsaid: AtomicU64,
    /// Whether NATS is there.
    pub connected: AtomicBool,
}

/// Says things to the other nodes, as far as there is a way to them. Never waits.
#[derive(Debug, Clone)]
pub struct Relay {
    words: mpsc::Sender<Word>,
    counts: Arc<RelayCounts>,
}

/// The task behind a relay.
#[derive(Debug)]
pub struct RelayTask {
    client: Client,
    /// How often there was a connection.
    connections: watch::Receiver<u64>,
    subjects: Subjects,
    words: mpsc::Receiver<Word>,
    counts: Arc<RelayCounts>,
}

/// Where things are said: nodes of another database are not to hear them, nor those that would not understand.
#[derive(Debug)]
struct Subjects {
    events: String,
    passing: String,
}

impl Subjects {
    fn of(line: i64) -> Self {
        let subject = |what| format!("goldcrest.v1.{line:016x}.{what}");
        Self { events: subject("events"), passing: subject("passing") }
    }
}

impl Relay {
    /// A way to the nodes that share this line of numbers, and the task that keeps it open. NATS need not be there yet.
    pub async fn open(options: &NatsOptions, line: i64) -> Result<(Self, RelayTask), RelayError> {
        let counts = Arc::<RelayCounts>::default();
        let (counted, connections) = watch::channel(0);
        let client = nats::connect(options, counted, Arc::clone(&counts)).await?;
        let (sender, words) = mpsc::channel(WORDS);
        let relay = Self { words: sender, counts: Arc::clone(&counts) };
        Ok((relay, RelayTask { client, connections, subjects: Subjects::of(line), words, counts }))
    }

    /// How much went over it.
    pub fn counts(&self) -> &RelayCounts {
        &self.counts
    }

    pub(super) fn say_batch(&self, records: &Arc<[Record]>) {
        self.say(Word::Batch(Arc::clone(records)));
    }

    pub(super) fn say_ephemeral(&self, ephemeral: &Ephemeral, at: Timestamp) {
        let (conversation, user, stopped) = match ephemeral {
            Ephemeral::TypingStarted(conversation, user) => (*conversation, user.clone(), false),
            Ephemeral::TypingStopped(conversation, user) => (*conversation, user.clone(), true),
            // Each node tells its own by what it knows of all nodes.
            Ephemeral::PresenceChanged(_) => return,
        };
        self.say(Word::Passing(Passing::Typing { conversation, user, stopped, at: at.0 }));
    }

    pub(super) fn say_shown(&self, user: UserId) {
        self.say(Word::Passing(Passing::Shown { user }));
    }

    fn say(&self, word: Word) {
        if self.words.try_send(word).is_err() {
            self.counts.unsaid.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl RelayTask {
    /// Says and hears until told to stop, and then says what still waits.
    pub async fn run(self, follower: Arc<Follower>, stop: CancellationToken) {
        let Self { client, connections, subjects, words, counts } = self;
        // What tells this run of this node from all others.
        let node = rand::random();
        let hearing = Hearing::new(Arc::clone(&follower), Arc::clone(&counts));
        let said = CancellationToken::new();
        let saying = Saying::new(client.clone(), node, &subjects, follower, counts);
        let say = async {
            saying.run(words, connections.clone(), stop).await;
            said.cancel();
        };
        tokio::join!(say, hearing.run(&client, &subjects, connections.clone(), said.clone()));
    }
}
