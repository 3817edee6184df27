//! The way between nodes: what this one commits, and who types and is there, told over NATS to those that share its
//! database. It makes them fast, and never right: each reads the database for whatever it was not told.

mod counts;
mod early;
mod hearing;
mod nats;
mod said;
mod saying;
mod seal;
mod task;
mod word;

use crate::domain::ephemeral::Ephemeral;
use crate::domain::events::Record;
use crate::domain::{Timestamp, UserId};
use async_nats::Client;
use nats::Told;
use said::Said;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use tokio::sync::{Notify, mpsc};
use word::Passing;

pub use counts::RelayCounts;
pub use nats::{Credentials, NatsOptions, RelayError, try_nats};
pub use seal::RelayKeys;

/// Batches that wait to be said at most. What comes on top of them is not said: the database says it too.
const BATCHES: usize = 64;
/// Bytes of events that wait to be said at most. Of a batch on top of them its numbers are said: the others then read it.
const BYTES: usize = 512 * 1024;
/// What passes and waits to be said at most. It waits by itself, so that many who type do not crowd out what was committed.
const PASSING: usize = 64;

/// Says things to the other nodes, as far as there is a way to them. Never waits.
#[derive(Debug, Clone)]
pub struct Relay {
    batches: mpsc::Sender<Said>,
    passing: mpsc::Sender<Passing>,
    /// How many bytes of events wait.
    waiting: Arc<AtomicUsize>,
    /// Woken when this node itself has moved on along the line.
    moved: Arc<Notify>,
    counts: Arc<RelayCounts>,
}

/// The task behind a relay.
#[derive(Debug)]
pub struct RelayTask {
    client: Client,
    told: Told,
    subjects: Subjects,
    keys: RelayKeys,
    words: Words,
    moved: Arc<Notify>,
    counts: Arc<RelayCounts>,
}

/// What waits to be said.
#[derive(Debug)]
struct Words {
    batches: mpsc::Receiver<Said>,
    passing: mpsc::Receiver<Passing>,
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
        let (client, told) = nats::connect(options, Arc::clone(&counts)).await?;
        let (relay, words) = Self::saying(Arc::clone(&counts));
        let moved = Arc::clone(&relay.moved);
        Ok((relay, RelayTask { client, told, subjects: Subjects::of(line), keys, words, moved, counts }))
    }

    fn saying(counts: Arc<RelayCounts>) -> (Self, Words) {
        let (batches, waiting_batches) = mpsc::channel(BATCHES);
        let (passing, waiting_passing) = mpsc::channel(PASSING);
        let relay = Self { batches, passing, waiting: Arc::default(), moved: Arc::default(), counts };
        (relay, Words { batches: waiting_batches, passing: waiting_passing })
    }

    /// How much went over it.
    pub fn counts(&self) -> &RelayCounts {
        &self.counts
    }

    /// This node has moved on by itself: what was heard too early may be what comes next now.
    pub(super) fn note_moved(&self) {
        self.moved.notify_one();
    }

    pub(super) fn say_batch(&self, records: &Arc<[Record]>) {
        let Some(said) = Said::new(records, &self.waiting) else { return };
        if self.batches.try_send(said).is_err() {
            self.counts.unsaid.one();
        }
    }

    pub(super) fn say_ephemeral(&self, ephemeral: &Ephemeral, at: Timestamp) {
        let (conversation, user, stopped) = match ephemeral {
            Ephemeral::TypingStarted(conversation, user) => (*conversation, user.clone(), false),
            Ephemeral::TypingStopped(conversation, user) => (*conversation, user.clone(), true),
            // Each node tells its own by what it knows of all nodes.
            Ephemeral::PresenceChanged(_) => return,
        };
        self.say_passing(Passing::Typing { conversation, user, stopped, at: at.0 });
    }

    pub(super) fn say_shown(&self, user: UserId) {
        self.say_passing(Passing::Shown { user });
    }

    fn say_passing(&self, passing: Passing) {
        if self.passing.try_send(passing).is_err() {
            self.counts.unsaid.one();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Seq;
    use crate::domain::events::Topic;

    fn batch(seq: i64, bytes: usize) -> Arc<[Record]> {
        let data = format!("\"{}\"", "x".repeat(bytes));
        let kind = "a".to_owned();
        let topic = Topic::User(UserId(1));
        [Record { seq: Seq(seq), topic, kind, at: Timestamp(0), data, batch: 1, message: None }].into()
    }

    fn written(said: &Said) -> String {
        said.write(usize::MAX)
    }

    #[test]
    fn what_waits_is_bounded_in_bytes_and_then_in_numbers() {
        let counts = Arc::<RelayCounts>::default();
        let (relay, mut words) = Relay::saying(Arc::clone(&counts));
        for seq in 1..=3 {
            relay.say_batch(&batch(seq, BYTES / 2 - 1_000));
        }
        let mut taken: Vec<_> = (0..3).map(|_| words.batches.try_recv().expect("three batches")).collect();
        let whole: Vec<_> = taken.iter().map(|said| written(said).contains("events")).collect();
        assert_eq!(whole, [true, true, false]);
        assert_eq!(written(&taken[2]), r#"{"first":3,"last":3,"batch":1}"#);
        // What was said waits no longer.
        taken.remove(0);
        relay.say_batch(&batch(4, BYTES / 2 - 1_000));
        relay.say_batch(&batch(5, BYTES / 2 - 1_000));
        assert!(written(&words.batches.try_recv().expect("a batch")).contains("events"));
        drop(taken);
        assert!(!written(&words.batches.try_recv().expect("a batch")).contains("events"));
        assert_eq!(relay.waiting.load(std::sync::atomic::Ordering::Relaxed), 0, "nothing waits");
        for _ in 0..=BATCHES {
            relay.say_batch(&batch(1, 1));
        }
        assert_eq!(counts.unsaid.total(), 1);
        assert!(
            relay.waiting.load(std::sync::atomic::Ordering::Relaxed) < BATCHES * 1_000,
            "what is not taken does not wait"
        );
    }

    #[test]
    fn many_who_type_do_not_crowd_out_a_batch() {
        let counts = Arc::<RelayCounts>::default();
        let (relay, mut words) = Relay::saying(Arc::clone(&counts));
        for user in 0..=1_000 {
            relay.say_shown(UserId(user));
        }
        relay.say_batch(&batch(1, 1));
        assert!(words.batches.try_recv().is_ok());
        assert_eq!(counts.unsaid.total(), 1_001 - PASSING as u64);
    }
}
