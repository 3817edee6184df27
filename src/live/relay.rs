//! The way between nodes: what this one commits, and who types and is there, told over NATS to those that share its
//! database. It makes them fast, and never right: each reads the database for whatever it was not told.

mod counts;
mod early;
mod hearing;
mod nats;
mod saying;
mod seal;
mod task;
mod word;

use crate::domain::ephemeral::Ephemeral;
use crate::domain::events::Record;
use crate::domain::{Timestamp, UserId};
use async_nats::Client;
use std::sync::Arc;
use tokio::sync::{mpsc, watch};
use word::{Passing, Word};

pub use counts::RelayCounts;
pub use nats::{Credentials, NatsOptions, RelayError, try_nats};
pub use seal::RelayKeys;

/// What waits to be said at most. What comes on top of it is not said: the database says it too.
const WORDS: usize = 64;

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
    keys: RelayKeys,
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
    /// A way to the nodes that share this line of numbers and these keys, and the task that keeps it open. NATS need not
    /// be there yet.
    pub async fn open(options: &NatsOptions, line: i64, keys: RelayKeys) -> Result<(Self, RelayTask), RelayError> {
        let counts = Arc::<RelayCounts>::default();
        let (counted, connections) = watch::channel(0);
        let client = nats::connect(options, counted, Arc::clone(&counts)).await?;
        let (sender, words) = mpsc::channel(WORDS);
        let relay = Self { words: sender, counts: Arc::clone(&counts) };
        Ok((relay, RelayTask { client, connections, subjects: Subjects::of(line), keys, words, counts }))
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
            self.counts.unsaid.one();
        }
    }
}
