//! What this node hears from the others: batches are applied in order, and what passes is told to whom it concerns here.

use super::super::follower::Follower;
use super::super::passing;
use super::super::presence::{Source, Turn};
use super::Subjects;
use super::counts::RelayCounts;
use super::early::Early;
use super::nats::Told;
use super::seal::RelayKeys;
use super::word::{Passing, read_batch, read_passing};
use crate::domain::Timestamp;
use crate::domain::ephemeral::Ephemeral;
use async_nats::{Client, Subscriber};
use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

/// How long a node's word that somebody is with it counts. It says so again long before.
const TRUSTED: Duration = Duration::from_secs(25);

/// How long after it was not let in a node asks again: somebody may have given it leave meanwhile.
const AGAIN: Duration = Duration::from_secs(5);
/// How far from now what passes may have been said, by clocks that do not quite agree. What was written down on NATS and said
/// again later is nothing that passes; a batch said again is known here already, or read in the database all the same.
const TIMELY: Duration = Duration::from_mins(1);
/// How often the log says at most that publications are not believed.
const WARNED: Duration = Duration::from_mins(1);

/// The one who hears it.
pub(super) struct Hearing<'a> {
    follower: Arc<Follower>,
    subjects: &'a Subjects,
    keys: &'a RelayKeys,
    moved: Arc<Notify>,
    counts: Arc<RelayCounts>,
    early: Early,
    warned: Option<Instant>,
}

impl<'a> Hearing<'a> {
    pub(super) fn new(
        follower: Arc<Follower>,
        subjects: &'a Subjects,
        keys: &'a RelayKeys,
        moved: Arc<Notify>,
        counts: Arc<RelayCounts>,
    ) -> Self {
        Self { follower, subjects, keys, moved, counts, early: Early::default(), warned: None }
    }

    /// Hears until told to stop.
    pub(super) async fn run(mut self, client: &Client, mut told: Told, stop: CancellationToken) {
        let mut refused = told.refusals.clone();
        let listens = async {
            loop {
                let (events, passing) = subscribe(client, self.subjects, &self.counts).await;
                tokio::select! {
                    () = self.listen(payloads(events), payloads(passing), &mut told.connections) => {}
                    // Until then the one of the two is heard that was not refused.
                    () = pause_after(&mut refused) => {}
                }
            }
        };
        tokio::select! {
            () = stop.cancelled() => {}
            () = listens => {}
        }
    }

    async fn listen(
        &mut self,
        mut events: impl Stream<Item = Bytes> + Unpin,
        mut passing: impl Stream<Item = Bytes> + Unpin,
        connections: &mut watch::Receiver<u64>,
    ) {
        loop {
            let missing = self.early.deadline();
            tokio::select! {
                Some(payload) = events.next() => self.hear_batch(&payload),
                () = self.moved.notified(), if missing.is_some() => self.apply(),
                () = sleep_until(missing.unwrap_or_else(Instant::now)), if missing.is_some() => self.look().await,
                Some(payload) = passing.next() => self.hear_passing(&payload),
                // What was said before is not said again.
                Ok(()) = connections.changed() => self.look().await,
                else => return,
            }
        }
    }

    fn hear_batch(&mut self, payload: &[u8]) {
        let Some((_, payload)) = self.keys.open(&self.subjects.events, payload) else { return self.doubt_signature() };
        let Some(publication) = read_batch(payload) else {
            tracing::debug!(bytes = payload.len(), "another node said something that is no batch");
            return;
        };
        self.counts.heard.one();
        if publication.last <= self.follower.hub().applied() {
            return;
        }
        self.early.keep(publication, Instant::now());
        self.apply();
    }

    /// Applies those whose turn has come.
    fn apply(&mut self) {
        while let Some(publication) = self.early.next(self.follower.hub().applied()) {
            self.follower.heard(&publication.records);
        }
    }

    /// Reads what is missing in the database.
    async fn look(&mut self) {
        let (missing, applied) = (self.early.deadline().is_some(), self.follower.hub().applied());
        if let Err(error) = self.follower.look().await {
            tracing::debug!(%error, "cannot read what another node has committed; it will be tried again");
        }
        if missing && self.follower.hub().applied() > applied {
            self.counts.gaps.one();
        }
        self.apply();
        if self.early.clear() {
            tracing::debug!("a publication is ahead of the database");
        }
    }

    fn hear_passing(&mut self, payload: &[u8]) {
        let Some((at, payload)) = self.keys.open(&self.subjects.passing, payload) else {
            return self.doubt_signature();
        };
        if u128::from(at.0.abs_diff(Timestamp::now().0)) > TIMELY.as_millis() {
            return self.doubt_moment();
        }
        let hub = self.follower.hub();
        match read_passing(payload) {
            Some(Passing::Typing { conversation, user, stopped, at }) => {
                let typist = user.id;
                let ephemeral = if stopped {
                    Ephemeral::TypingStopped(conversation, user)
                } else {
                    Ephemeral::TypingStarted(conversation, user)
                };
                hub.tell_members(conversation, typist, &passing::Passing::new(&ephemeral, Timestamp(at)));
            }
            Some(Passing::Here { node, users }) => {
                let until = Instant::now() + TRUSTED;
                for user in users {
                    hub.presence().vouch(user, Source::Node(node), until);
                }
            }
            Some(Passing::Left { node, users }) => {
                for user in users {
                    hub.presence().left(user, node);
                }
            }
            Some(Passing::Shown { user }) => hub.presence().note(Turn::Shown(user)),
            None => tracing::debug!(bytes = payload.len(), "another node said something that is not known here"),
        }
    }

    fn doubt_signature(&mut self) {
        self.counts.unsigned.one();
        if self.may_warn() {
            tracing::warn!(
                "something on NATS is not signed with this node's key, and is not believed. Nodes of one database need the same \
                 --jwt-key-file, a copy of the database needs a NATS of its own, and nobody else should be able to publish there"
            );
        }
    }

    fn doubt_moment(&mut self) {
        self.counts.untimely.one();
        if self.may_warn() {
            tracing::warn!(
                "another node's word of who types or is there was not said just now, and is not believed. If that goes on, the \
                 clocks of the nodes' machines differ: set them by NTP"
            );
        }
    }

    /// Whether it is time for a warning again.
    fn may_warn(&mut self) -> bool {
        let due = self.warned.is_none_or(|warned| warned.elapsed() >= WARNED);
        if due {
            self.warned = Some(Instant::now());
        }
        due
    }
}

fn payloads(subscriber: Subscriber) -> impl Stream<Item = Bytes> + Unpin {
    subscriber.map(|message| message.payload)
}

/// Subscribes to both, which waits for NATS if it is not there yet.
async fn subscribe(client: &Client, subjects: &Subjects, counts: &RelayCounts) -> (Subscriber, Subscriber) {
    loop {
        let both = async {
            let events = client.subscribe(subjects.events.clone()).await?;
            // Of their own, so that many who type do not crowd out what was committed.
            let passing = client.subscribe(subjects.passing.clone()).await?;
            Ok::<_, async_nats::SubscribeError>((events, passing))
        };
        match both.await {
            Ok(both) => return both,
            Err(error) => {
                counts.refused.one();
                tracing::error!(%error, "cannot listen to other nodes; it will be tried again");
            }
        }
        sleep(AGAIN).await;
    }
}

/// Waits until NATS refuses to let this node listen, and then for a while.
async fn pause_after(refusals: &mut watch::Receiver<u64>) {
    if refusals.changed().await.is_err() {
        // There is nobody left who would tell.
        std::future::pending::<()>().await;
    }
    sleep(AGAIN).await;
    // Both may have been refused, for which once is enough.
    refusals.mark_unchanged();
}

#[cfg(test)]
mod tests {
    use super::super::Relay;
    use super::super::word::{write_batch, write_passing};
    use super::*;
    use crate::domain::events::{Record, Topic};
    use crate::domain::{Seq, UserId};
    use crate::live::{Hub, HubOptions};
    use crate::store::tests::open;
    use futures_util::stream;

    fn record(seq: i64) -> Record {
        let (kind, data) = ("a".to_owned(), "{}".to_owned());
        Record { seq: Seq(seq), topic: Topic::User(UserId(1)), kind, at: Timestamp(0), data, batch: seq, message: None }
    }

    #[tokio::test]
    async fn what_was_heard_early_is_applied_at_once_after_an_own_commit() {
        let home = tempfile::tempdir().expect("a directory");
        let options = HubOptions { ring_bytes: 1_000, stream_queue: 8, revocations_kept: Duration::ZERO };
        let hub = Arc::new(Hub::new(options, Seq(0), []));
        let counts = Arc::<RelayCounts>::default();
        let (relay, _words) = Relay::saying(Arc::clone(&counts));
        let moved = Arc::clone(&relay.moved);
        let follower = Follower::new(Arc::clone(&hub), open(home.path()).await).with_relay(Some(relay));
        let (follower, subjects, keys) = (Arc::new(follower), Subjects::of(1), RelayKeys::new(&[1; 32], None));
        let text = write_batch(&[record(2)], usize::MAX).expect("a text");
        let sealed = Bytes::from(keys.seal(&subjects.events, Timestamp::now(), &text));
        let events = stream::once(std::future::ready(sealed)).chain(stream::pending());
        let (_connected, mut connections) = watch::channel(0);
        let mut hearing = Hearing::new(Arc::clone(&follower), &subjects, &keys, moved, Arc::clone(&counts));
        // Nobody waits long enough for the database to be looked into.
        tokio::time::pause();
        let commits = async {
            while counts.heard.total() == 0 {
                tokio::task::yield_now().await;
            }
            assert_eq!(hub.applied(), Seq(0), "it came too early");
            follower.committed(vec![record(1)], Seq(1)).await;
            for _ in 0..1_000 {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            () = hearing.listen(events, stream::pending(), &mut connections) => panic!("it listens on"),
            () = commits => {}
        }
        assert_eq!((hub.applied(), counts.gaps.total()), (Seq(2), 0));
    }

    #[tokio::test]
    async fn what_passes_is_believed_for_a_minute() {
        let home = tempfile::tempdir().expect("a directory");
        let options = HubOptions { ring_bytes: 1_000, stream_queue: 8, revocations_kept: Duration::ZERO };
        let hub = Arc::new(Hub::new(options, Seq(0), []));
        let counts = Arc::<RelayCounts>::default();
        let follower = Arc::new(Follower::new(Arc::clone(&hub), open(home.path()).await));
        let (subjects, keys) = (Subjects::of(1), RelayKeys::new(&[1; 32], None));
        let mut hearing = Hearing::new(follower, &subjects, &keys, Arc::default(), Arc::clone(&counts));
        let now = Timestamp::now();
        let (minute, hour) = (Duration::from_secs(50), Duration::from_hours(1));
        for (user, at, believed) in [
            (1, now, true),
            (2, now.minus(minute), true),
            (3, now.plus(minute), true),
            (4, now.minus(hour), false),
            (5, now.plus(hour), false),
            (6, Timestamp(i64::MIN), false),
        ] {
            let text = write_passing(&Passing::Here { node: 1, users: vec![UserId(user)] });
            hearing.hear_passing(&keys.seal(&subjects.passing, at, &text));
            assert_eq!(hub.presence().standing(UserId(user)).online, believed, "{user}");
        }
        assert_eq!((counts.untimely.total(), counts.unsigned.total()), (3, 0));
        hearing.hear_passing(b"{}");
        assert_eq!(counts.unsigned.total(), 1);
    }
}
